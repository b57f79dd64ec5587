"""How near the fills of queue models come to the truth: ``make fidelity``.

A synthetic market of single orders is made, with few and with many distinct sizes of orders, and its levels as feeds
of four finenesses tell them. Orders of one lot join the touch; what truly becomes of them is known order by order, the
models see levels and trades alone. The exponent of the fitted model is fitted to a market of another seed.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import tradecore as tc
from tradecore.fidelity import table_of
from tradecore.fidelity.comparing import MODELS

GRANULARITIES = ("0ms", "1ms", "10ms", "100ms")


def compared(folder: Path, *, events: int, seed: int, sizes: str, granularity: str) -> list[tc.Compared]:
    """Return what models say of one market."""
    fitted_to, held_out = folder / f"{seed}-{sizes}-{granularity}-fit", folder / f"{seed}-{sizes}-{granularity}"
    for market, own_seed in ((fitted_to, seed + 1), (held_out, seed)):
        tc.synthesize_orders(market, events=events, seed=own_seed, sizes=sizes, granularity=granularity)
    fitted = tc.fit_queue(fitted_to, every="500ms", hold="2s").model.queue
    return tc.compare_queues(held_out, (*MODELS, fitted), every="500ms", hold="2s")


def main() -> None:
    """Read the command line, make the markets and print a table of each."""
    parser = argparse.ArgumentParser(prog="python -m benches.fidelity", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="rows of each market")
    parser.add_argument("--seed", type=int, default=11, help="of the markets")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for sizes in ("few", "many"):
            print(f"synthetic market of single orders, {sizes} distinct sizes")
            for granularity in GRANULARITIES:
                rows = compared(
                    Path(folder), events=given.events, seed=given.seed, sizes=sizes, granularity=granularity
                )
                print("\n".join(table_of(rows)), end="\n\n")


if __name__ == "__main__":
    main()
