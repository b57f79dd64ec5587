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
    from tradecore.memory import peak_rss_mb

    maker = tc.TouchMaker("m", ["BTCUSDT.SYNTH"], quote_qty="0.01", max_position="0.05")
    tc.Backtest([maker], catalog, [tc.SimVenue("SYNTH", queue="power(3)")]).run()
    print(peak_rss_mb())


def quoting(catalog: str) -> None:
    """Quote from the begin of a catalog to its end; print how many MB the second half of it took."""
    import tradecore as tc
    from benches.makers import Busy

    busy = Busy("b", ["BTCUSDT.SYNTH"])
    tc.Backtest([busy], catalog, sample_interval="10s").run()
    print(max(busy.held_mb) - busy.held_mb[len(busy.held_mb) // 2])


def crowd(folder: str, stored: bool) -> None:
    """Run a thousand instruments with a timer and print the peak of memory, MB."""
    import tradecore as tc
    from benches.makers import Watch
    from benches.market import Crowd
    from tradecore.memory import peak_rss_mb

    markets = Crowd.at(Path(folder))
    data = markets.catalog if stored else markets.data
    strategy = Watch("w", markets.names())
    tc.Backtest([strategy], data, [tc.SimVenue("SYNTH", queue="power(3)")], specs=markets.specs).run()
    print(peak_rss_mb())


def sweep(catalog: str, points: int, workers: int, *, in_memory: bool) -> None:
    """Print the seconds of a sweep of the plain-Python maker, or of one run of it for no points, after a first one."""
    import time

    import tradecore as tc
    from benches.makers import PythonMaker

    data, venue = _columns(catalog) if in_memory else catalog, tc.SimVenue("SYNTH", queue="power(3)")
    grid = {"max_position": [0.05 + 0.01 * number for number in range(points)]}
    for _ in range(2):
        started = time.perf_counter()
        if points:
            tc.sweep(PythonMaker, data, grid, venues=[venue], workers=workers)
        else:
            tc.Backtest([PythonMaker("m", ["BTCUSDT.SYNTH"])], data, [venue]).run()
        seconds = time.perf_counter() - started
    print(seconds)


def weigh(catalog: str, *, in_memory: bool, spawned: bool) -> None:
    """Print the most memory that one of four workers of a sweep has for itself, MB."""
    import tempfile

    import tradecore as tc
    from benches.makers import WeighedMaker

    data = _columns(catalog) if in_memory else catalog
    if spawned:
        import polars  # noqa: F401 - workers are not forked then
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        grid = {"max_position": [0.05, 0.06, 0.07, 0.08], "report": str(report)}
        tc.sweep(WeighedMaker, data, grid, venues=[tc.SimVenue("SYNTH", queue="power(3)")], workers=4)
        weights = dict(line.split() for line in report.read_text().splitlines())
    assert len(weights) == 4, "a worker has run several"
    print(max(map(float, weights.values())))


def _columns(catalog: str) -> dict[str, dict[str, object]]:
    """All rows in memory, read without polars."""
    import numpy as np

    import tradecore as tc

    pieces = list(tc.Catalog(catalog).stream("BTCUSDT.SYNTH"))
    return {"BTCUSDT.SYNTH": {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}}


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
        "quoting": quoting,
        "crowd": lambda folder: crowd(folder, stored=False),
        "stored_crowd": lambda folder: crowd(folder, stored=True),
        "one_run": lambda catalog: sweep(catalog, 0, 1, in_memory=True),
        "one_stored_run": lambda catalog: sweep(catalog, 0, 1, in_memory=False),
        "ten_points": lambda catalog: sweep(catalog, 10, 2, in_memory=True),
        "ten_stored_points": lambda catalog: sweep(catalog, 10, 2, in_memory=False),
        "forty_points_1": lambda catalog: sweep(catalog, 40, 1, in_memory=True),
        "forty_points_2": lambda catalog: sweep(catalog, 40, 2, in_memory=True),
        "weigh_forked": lambda catalog: weigh(catalog, in_memory=True, spawned=False),
        "weigh_spawned": lambda catalog: weigh(catalog, in_memory=True, spawned=True),
        "weigh_stored": lambda catalog: weigh(catalog, in_memory=False, spawned=True),
        "peer": peer,
    }[sys.argv[1]](sys.argv[2])
