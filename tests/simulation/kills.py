"""Kill at each record of an order's life, then real processes: ``make kills N=200 SEED=1``.

A session of real processes again by ``N=5 SEED=17``, the records alone by ``N=0``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from simulation.deaths import differing, live_through
from simulation.killed import KILLS, VENUES, Killed, kill
from simulation.scenario import FEEDS, quiet


def _try(feed: str | None, seed: int) -> tuple[int, Killed | None, str]:
    quiet()
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        try:
            return seed, kill(seed, Path(folder), feed=feed), ""
        except Exception:
            return seed, None, traceback.format_exc()


def _cut(feed: str | None, venue: str, record: int) -> tuple[str, int, str]:
    quiet()
    try:
        return venue, record, differing(live_through(venue, record, feed), 1)
    except Exception:
        return venue, record, traceback.format_exc()


def _records(pool: ProcessPoolExecutor, feed: str | None) -> int:
    """Kill sessions at each record of an order's life at each venue; return how many did not come to the same."""
    venues = VENUES if feed is None else ("COINBASE",)
    began = time.monotonic()
    lives = [(venue, record) for venue in venues for record in range(1, live_through(venue, 0, feed).moments + 1)]
    again = f" FEED={feed}" if feed else ""
    bad = [told for told in pool.map(partial(_cut, feed), *zip(*lives, strict=True)) if told[2]]
    for venue, record, problem in bad:
        print(f"killed at record {record} at {venue}; to repeat: make kills N=0{again}\n{problem}")
    print(
        f"{len(lives)} kills at each record of an order's life in {time.monotonic() - began:.0f} s, {len(bad)} did not "
        "come to what it comes to",
        flush=True,
    )
    return len(bad)


def main() -> int:
    """Kill, and return whether a session failed or none sent an order, of which nothing would follow."""
    parser = argparse.ArgumentParser(prog="python -m simulation.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help=f"how many; a session has {KILLS}")
    parser.add_argument("--seed", type=int, default=0, help="of the first session")
    parser.add_argument("--workers", type=int, default=4, help="sessions at a time; mostly they wait")
    parser.add_argument("--feed", choices=list(FEEDS), help="at Coinbase alone, on another feed of its")
    given = parser.parse_args()
    again = f" FEED={given.feed}" if given.feed else ""
    began, done, failed = time.monotonic(), [], 0
    seeds = range(given.seed, given.seed + -(-given.kills // KILLS))
    with ProcessPoolExecutor(given.workers) as pool:
        cut = _records(pool, given.feed)
        for seed, told, problem in pool.map(partial(_try, given.feed), seeds):
            if told is None:
                failed += 1
                print(
                    f"session {seed} failed; to repeat: make kills N={KILLS} SEED={seed}{again}\n{problem}", flush=True
                )
            else:
                done.append(told)
    hit, sent, met = (sum(getattr(told, name) for told in done) for name in ("while_trading", "orders", "faults"))
    print(
        f"{len(seeds) * KILLS} kills in {time.monotonic() - began:.0f} s, {failed} sessions of {len(seeds)} failed; of the "
        f"others {hit} kills hit a process that traded, {sent} orders were sent, {met} faults met"
    )
    return int(cut > 0 or failed > 0 or (len(seeds) > 0 and not sent))


if __name__ == "__main__":
    sys.exit(main())
