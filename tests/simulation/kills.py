"""Kill real processes: ``make kills N=200 SEED=1``, of which a session again by ``N=5 SEED=17``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from simulation.killed import KILLS, Killed, kill
from simulation.scenario import quiet


def _try(seed: int) -> tuple[int, Killed | None, str]:
    quiet()
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        try:
            return seed, kill(seed, Path(folder)), ""
        except Exception:
            return seed, None, traceback.format_exc()


def main() -> int:
    """Kill, and return whether a session failed or none sent an order, of which nothing would follow."""
    parser = argparse.ArgumentParser(prog="python -m simulation.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help=f"how many; a session has {KILLS}")
    parser.add_argument("--seed", type=int, default=0, help="of the first session")
    parser.add_argument("--workers", type=int, default=4, help="sessions at a time; mostly they wait")
    given = parser.parse_args()
    began, done, failed = time.monotonic(), [], 0
    seeds = range(given.seed, given.seed + -(-given.kills // KILLS))
    with ProcessPoolExecutor(given.workers) as pool:
        for seed, told, problem in pool.map(_try, seeds):
            if told is None:
                failed += 1
                print(f"session {seed} failed; to repeat: make kills N={KILLS} SEED={seed}\n{problem}", flush=True)
            else:
                done.append(told)
    hit, sent, met = (sum(getattr(told, name) for told in done) for name in ("while_trading", "orders", "faults"))
    print(
        f"{len(seeds) * KILLS} kills in {time.monotonic() - began:.0f} s, {failed} sessions of {len(seeds)} failed; of the "
        f"others {hit} kills hit a process that traded, {sent} orders were sent, {met} faults met"
    )
    return int(failed > 0 or not sent)


if __name__ == "__main__":
    sys.exit(main())
