"""Play many seeds: ``make simulate SEEDS=1000``, or one again: ``make simulate SEED=17``."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from simulation.scenario import FEEDS, play, quiet
from tradecore.sandbox.registry import SERVERS

_PATIENCE_S = 40
"""Seconds of a processor's time a seed may take."""


class _TooLong(KeyboardInterrupt):
    """A seed has spun in place: what ends an event loop and no ordinary exception does."""


def _give_up(*_: object) -> None:
    raise _TooLong(f"not done within {_PATIENCE_S} s")


def _try(venue: str, feed: str | None, seed: int) -> tuple[int, str, str]:
    quiet()
    signal.signal(signal.SIGPROF, _give_up)
    signal.setitimer(signal.ITIMER_PROF, _PATIENCE_S)
    try:
        return seed, repr(play(seed, venue, feed)), ""
    except (Exception, _TooLong):
        return seed, "", traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def main() -> int:
    """Play, and return how many seeds failed, at most 1."""
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="only this one, with the session's log")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--venue", choices=[server.name for server in SERVERS], default="binance")
    parser.add_argument("--feed", choices=list(FEEDS), help="another feed of coinbase")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    given = parser.parse_args()
    if given.feed is not None and given.venue != "coinbase":
        parser.error(f"--feed {given.feed} is of --venue coinbase")
    if given.seed is not None:
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        print(play(given.seed, given.venue, given.feed))
        return 0
    where = f"VENUE={given.venue}" + (f" FEED={given.feed}" if given.feed else "")
    began, failed = time.monotonic(), 0
    with ProcessPoolExecutor(given.workers) as pool:
        seeds = range(given.first, given.first + given.seeds)
        for seed, told, problem in pool.map(partial(_try, given.venue, given.feed), seeds):
            if problem:
                failed += 1
                print(f"seed {seed} failed; to repeat: make simulate {where} SEED={seed}\n{problem}", flush=True)
            else:
                logging.getLogger("simulation").debug("%d %s", seed, told)
    print(f"{given.venue}: {given.seeds} seeds in {time.monotonic() - began:.0f} s, {failed} failed")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
