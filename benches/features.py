"""Features: what twenty of them add to a backtest, and a table of them against the same in pandas."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tradecore as tc
from benches.harness import Job, Limit, Target

TWENTY = [
    "spread",
    "mid",
    "microprice",
    "queue_imbalance",
    "depth_imbalance(levels=5)",
    "book_pressure(levels=5)",
    "depth_slope(levels=5)",
    "ofi",
    "multilevel_ofi(levels=5)",
    "update_rate",
    "add_rate",
    "cancel_rate",
    "trade_flow",
    "trade_imbalance",
    "trade_count",
    "vpin(bucket=5)",
    "kyle_lambda",
    "realized_volatility",
    "log_return",
    "time_since_price_move",
]
SET = tc.FeatureSet(TWENTY, name="bench", version="1")
PANDAS = [
    "mid",
    "microprice",
    "queue_imbalance",
    "ofi",
    "trade_flow",
    "trade_count",
    "log_return",
    "realized_volatility",
]
"""Those that pandas computes, too."""


class Plain(tc.Strategy):
    """Wakes up ten times a second and looks at the book."""

    def on_start(self, ctx: tc.Context) -> None:
        """Set the timer."""
        ctx.every("100ms", self.look)

    def look(self, ctx: tc.Context) -> None:
        """Look at the book."""
        _ = ctx.book(self.instruments[0]).mid


class Featured(Plain):
    """The same with features."""

    features = SET

    def look(self, ctx: tc.Context) -> None:
        """Look at the features."""
        _ = ctx.features(self.instruments[0]).values


def _run(strategy: type[tc.Strategy], name: str, data: str) -> Callable[[], float]:
    def run() -> float:
        prepared = tc.Backtest([strategy("s", [name])], data)
        started = time.perf_counter()
        prepared.run()
        return time.perf_counter() - started

    return run


def _added(name: str, data: str) -> Callable[[], float]:
    """Time what features add: the difference of two runs that follow each other."""
    plain, featured = _run(Plain, name, data), _run(Featured, name, data)
    return lambda: -plain() + featured()


def _table(name: str, data: str) -> float:
    started = time.perf_counter()
    tc.features.compute(data, name, PANDAS, "100ms", progress=False)
    return time.perf_counter() - started


def _states(name: str, data: str) -> dict[str, Any]:
    """Return the best prices after each message and the trades, as a script makes them: message by message."""
    catalog = tc.Catalog(data)
    instrument = catalog.instrument(name)
    pieces = list(catalog.stream(name))
    events = {key: np.concatenate([piece[key] for piece in pieces]) for key in pieces[0]}
    bid, ask = tc.L2Book(instrument).apply_and_trace(events)
    ends = np.flatnonzero(events["flags"] & int(tc.EventFlag.LAST))
    trades = events["kind"] == int(tc.EventKind.TRADE)
    book = tc.L2Book(instrument)
    sizes, begin = np.empty((len(ends), 2)), 0
    for at, end in enumerate(ends + 1):
        book.apply({key: values[begin:end] for key, values in events.items()})
        sizes[at] = book.bid_qty or np.nan, book.ask_qty or np.nan
        begin = end
    return {
        "ts": events["ts_recv"][ends],
        "bid": bid[ends] * 0.1,
        "ask": ask[ends] * 0.1,
        "sizes": sizes,
        "trade_ts": events["ts_recv"][trades],
        "signed": (events["side"][trades] * events["qty"][trades]) * 0.001,
    }


def _pandas(states: dict[str, Any]) -> Callable[[], float]:
    import pandas as pd

    def run() -> float:
        started = time.perf_counter()
        book = pd.DataFrame(
            {"b": states["bid"], "a": states["ask"], "qb": states["sizes"][:, 0], "qa": states["sizes"][:, 1]},
            index=pd.to_datetime(states["ts"]),
        )
        book["mid"] = (book.b + book.a) / 2
        book["microprice"] = (book.b * book.qa + book.a * book.qb) / (book.qa + book.qb)
        book["queue_imbalance"] = (book.qb - book.qa) / (book.qa + book.qb)
        b0, a0, qb0, qa0 = book.b.shift(), book.a.shift(), book.qb.shift(), book.qa.shift()
        e = (book.b >= b0) * book.qb - (book.b <= b0) * qb0 - (book.a <= a0) * book.qa + (book.a >= a0) * qa0
        book["ofi"] = e.rolling("1s").sum()
        trades = pd.DataFrame({"signed": states["signed"]}, index=pd.to_datetime(states["trade_ts"]))
        rolled = trades.signed.rolling("1s")
        trades["trade_flow"], trades["trade_count"] = rolled.sum(), rolled.count()
        grid = book.resample("100ms").last()
        flow = trades[["trade_flow", "trade_count"]].resample("100ms").last()
        grid = grid.join(flow)
        grid["log_return"] = np.log(grid.mid / grid.mid.shift(10))
        seconds = np.log(book.mid.resample("1s").last()).diff()
        grid["realized_volatility"] = np.sqrt((seconds**2).rolling(60).sum()).reindex(grid.index, method="ffill")
        assert len(grid)
        return time.perf_counter() - started

    return run


def feature_jobs(folder: Path) -> dict[str, Callable[[], Job]]:
    """Return the jobs, by name; ``folder`` is where their market is made."""
    name, data, rows = "BTCUSDT.SYNTH", str(folder / "features"), 2_000_000

    def made() -> None:
        if not Path(data).exists():
            tc.synthesize(data, events=rows, seed=3)

    def in_a_backtest() -> Job:
        made()
        added = _added(name, data)
        return Job("ns/row", {"added": rows / 1e9}, {"added": added}, limits=(Limit("added", 60.0),))

    def against_pandas() -> Job:
        made()
        ours = lambda: _table(name, data)  # noqa: E731 - a contender
        given = _pandas(_states(name, data))

        def whole() -> float:
            started = time.perf_counter()
            states = _states(name, data)
            return time.perf_counter() - started + _pandas(states)()

        contenders = {"tradecore": ours, "pandas": whole, "pandas, books given": given}
        note = "pandas computes eight of them; its books are made by a loop over messages, or given for nothing"
        targets = (Target("tradecore", "pandas", 50.0),)
        return Job("ms", dict.fromkeys(contenders, 1e-3), contenders, targets, rounds=3, note=note)

    return {"features in a backtest": in_a_backtest, "features against pandas": against_pandas}
