"""Work that has to be measured from outside, in a process of its own: start-up, compile time, memory.

python -m benches.children WHAT DATA
"""

from __future__ import annotations

import sys
from pathlib import Path


def ours_python(catalog: str) -> None:
    """Run the plain-Python market maker over a catalog."""
    import tradecore as tc
    from benches.makers import PythonMaker

    result = tc.Backtest([PythonMaker("m", ["BTCUSDT.SYNTH"])], catalog, [tc.SimVenue("SYNTH", queue="power(3)")]).run()
    print(result.net_pnl)


def ours_compiled(catalog: str) -> None:
    """Run the compiled market maker over a catalog and print the peak of memory, MB."""
    import tradecore as tc
    from tradecore.cli.console import peak_rss_mb

    maker = tc.TouchMaker("m", ["BTCUSDT.SYNTH"], quote_qty="0.01", max_position="0.05")
    tc.Backtest([maker], catalog, [tc.SimVenue("SYNTH", queue="power(3)")]).run()
    print(peak_rss_mb())


def crowd(folder: str, stored: bool) -> None:
    """Run a thousand instruments with a timer and print the peak of memory, MB."""
    import tradecore as tc
    from benches.makers import Watch
    from benches.market import Crowd
    from tradecore.cli.console import peak_rss_mb

    markets = Crowd(Path(folder).parent, int(Path(folder).name.partition("x")[2]))
    data = markets.catalog if stored else markets.data
    strategy = Watch("w", markets.names())
    tc.Backtest([strategy], data, [tc.SimVenue("SYNTH", queue="power(3)")], specs=markets.specs).run()
    print(peak_rss_mb())


def peer(npz: str) -> None:
    """Run hftbacktest's market maker over an array file."""
    import numpy as np

    from benches import peers

    events = np.load(npz)["data"]  # hftbacktest keeps the address of the array, not the array
    hbt = peers.hbt(events)
    peers.maker(hbt, 0.01, 0.05)
    print(hbt.state_values(0).balance)
    hbt.close()


if __name__ == "__main__":
    {
        "ours_python": ours_python,
        "ours_compiled": ours_compiled,
        "crowd": lambda folder: crowd(folder, stored=False),
        "stored_crowd": lambda folder: crowd(folder, stored=True),
        "peer": peer,
    }[sys.argv[1]](sys.argv[2])
