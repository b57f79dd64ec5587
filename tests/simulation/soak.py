"""Quote ten instruments through faults for a long while: ``make soak``, or ``make soak DURATION=10m VENUE=BYBIT SEED=1``."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from simulation.scenario import FEEDS, MARKETS, quiet
from simulation.soaked import GROWTH_MB, Unwell, soak
from tradecore.validation import to_ns


def main() -> int:
    """Quote, print what came of it, and return whether something was as it must not be."""
    parser = argparse.ArgumentParser(prog="python -m simulation.soak", description=__doc__)
    parser.add_argument("--duration", default="30m", help="such as 90s or 30m; at least 1m")
    parser.add_argument("--venue", choices=list(MARKETS), default="BINANCE_USDM")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--feed", choices=list(FEEDS), help="another feed of COINBASE")
    given = parser.parse_args()
    if given.feed is not None and given.venue != "COINBASE":
        parser.error(f"--feed {given.feed} is of --venue COINBASE")
    quiet()
    seconds = to_ns("--duration", given.duration) / 1e9
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        try:
            soaked = asyncio.run(soak(given.venue, seconds, given.seed, Path(folder), given.feed))
        except Unwell as problem:
            print(f"{given.venue}, seed {given.seed}:\n{problem}")
            return 1
    faults = ", ".join(f"{kind} {met}" for kind, met in sorted(soaked.faults.items()))
    quarter, end, most = soaked.memory_mb
    print(
        f"{given.venue}: {soaked.seconds:g} s, {soaked.orders} orders, {soaked.fills} fills, {soaked.reconnects} "
        f"connections lost\nfaults met: {faults}\n"
        f"memory {quarter:g} MB after a quarter, {end:g} in the end, at most {most:g} ({GROWTH_MB:g} more are allowed)\n"
        f"tasks {soaked.tasks[0]:g}, at most {soaked.tasks[1]}; sockets {soaked.sockets[0]:g}, at most {soaked.sockets[1]}; none "
        f"left, and no order\nprocessor {soaked.cpu_s[0]:g} s for the session, {soaked.cpu_s[1]:g} s for the server"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
