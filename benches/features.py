"""Features: what twenty of them add to a backtest, and a table of them against the same in pandas."""

from __future__ import annotations

import time
from bisect import bisect_left, insort
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tradecore as tc
from benches.harness import Job, Limit, Target, run_seconds

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
DEPTH = 5


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
    return lambda: run_seconds(tc.Backtest([strategy("s", [name])], data))


def _added(name: str, data: str) -> Callable[[], float]:
    """Time what features add: the difference of two runs that follow each other."""
    plain, featured = _run(Plain, name, data), _run(Featured, name, data)
    return lambda: -plain() + featured()


def _table(name: str, data: str) -> float:
    started = time.perf_counter()
    tc.features.compute(data, name, SET, "100ms", progress=False)
    return time.perf_counter() - started


def _states(name: str, data: str) -> dict[str, Any]:
    """Return the five best levels after each message, and what it added and removed, from the catalog's frame.

    Nothing vectorises a book, so it is a loop over the rows: a dictionary and a sorted list of prices a side.
    """
    import pandas as pd

    frame = tc.Catalog(data).scan(name).collect()
    events = pd.DataFrame({column: frame[column].to_numpy() for column in frame.columns})
    to_set, clear, last = int(tc.EventKind.BOOK_SET), int(tc.EventKind.BOOK_CLEAR), int(tc.EventFlag.LAST)
    # By side: quantities by price, and prices in ascending order, those of bids negative.
    books: dict[int, tuple[dict[int, int], list[int]]] = {1: ({}, []), -1: ({}, [])}
    (bids, bid_prices), (asks, ask_prices) = books.values()
    added = removed = 0
    states = []
    rows = events[["kind", "side", "price", "qty", "flags"]].itertuples(index=False, name=None)
    for kind, side, price, qty, flags in rows:
        if kind == to_set:
            levels, prices = books[side]
            key = -side * price
            before = levels.get(key, 0)
            if qty > before:
                added += qty - before
            else:
                removed += before - qty
            if qty:
                if not before:
                    insort(prices, key)
                levels[key] = qty
            elif before:
                del levels[key], prices[bisect_left(prices, key)]
        elif kind == clear:
            for levels, prices in books.values():
                levels.clear()
                prices.clear()
        if flags & last:
            best_bids, best_asks = bid_prices[:DEPTH], ask_prices[:DEPTH]
            bid_qty, ask_qty = [bids[key] for key in best_bids], [asks[key] for key in best_asks]
            states.append((best_bids, bid_qty, best_asks, ask_qty, added, removed))
            added = removed = 0
    ends, trades = (events["flags"] & last) != 0, events["kind"] == int(tc.EventKind.TRADE)

    def levels_of(place: int, unit: float) -> Any:
        return pd.DataFrame([state[place] for state in states], columns=range(DEPTH), dtype=float) * unit

    return {
        "ts": pd.to_datetime(events["ts_recv"][ends].to_numpy()),
        "bid": -levels_of(0, 0.1),
        "bid_qty": levels_of(1, 0.001),
        "ask": levels_of(2, 0.1),
        "ask_qty": levels_of(3, 0.001),
        "added": np.array([state[4] for state in states]) * 0.001,
        "removed": np.array([state[5] for state in states]) * 0.001,
        "trade_ts": pd.to_datetime(events["ts_recv"][trades].to_numpy()),
        "qty": events["qty"][trades].to_numpy() * 0.001,
        "side": events["side"][trades].to_numpy(),
    }


def _pandas(states: dict[str, Any]) -> float:
    """Time the twenty of given books, as columns, rolling windows and resampled grids."""
    import pandas as pd

    started = time.perf_counter()
    bid, ask, bid_qty, ask_qty = (states[side].set_axis(states["ts"]) for side in ("bid", "ask", "bid_qty", "ask_qty"))
    b, a, qb, qa = bid[0], ask[0], bid_qty[0], ask_qty[0]
    book = pd.DataFrame({"spread": a - b, "mid": (a + b) / 2})
    book["microprice"] = (b * qa + a * qb) / (qa + qb)
    book["queue_imbalance"] = (qb - qa) / (qa + qb)
    bids, asks = bid_qty.sum(axis=1), ask_qty.sum(axis=1)
    book["depth_imbalance"] = (bids - asks) / (bids + asks)
    far_bid, far_ask = bid.rsub(book.mid, axis=0), ask.sub(book.mid, axis=0)
    bids, asks = (bid_qty / far_bid).sum(axis=1), (ask_qty / far_ask).sum(axis=1)
    book["book_pressure"] = (bids - asks) / (bids + asks)
    slopes = [
        (far * qty.cumsum(axis=1)).sum(axis=1) / (far**2).sum(axis=1)
        for far, qty in ((far_bid, bid_qty), (far_ask, ask_qty))
    ]
    book["depth_slope"] = sum(slopes) / 2
    b0, a0, qb0, qa0 = bid.shift(), ask.shift(), bid_qty.shift(), ask_qty.shift()
    flow = (bid >= b0) * bid_qty - (bid <= b0) * qb0 - (ask <= a0) * ask_qty + (ask >= a0) * qa0
    sums = pd.DataFrame({"ofi": flow[0], "multilevel_ofi": flow.sum(axis=1), "update_rate": 1.0})
    sums["add_rate"], sums["cancel_rate"] = states["added"], states["removed"]
    book[sums.columns] = sums.rolling("1s").sum().to_numpy()
    moved = (b != b.shift()) | (a != a.shift())
    book["moved"] = pd.Series(book.index.where(moved.to_numpy()), index=book.index).ffill()
    trades = pd.DataFrame({"qty": states["qty"], "signed": states["qty"] * states["side"]}, index=states["trade_ts"])
    rolled = trades.rolling("1s")
    window = rolled.sum().assign(trade_count=rolled.qty.count())
    bucket = (trades.qty.cumsum() // 5).astype(int)
    apart = trades.signed.groupby(bucket.to_numpy()).sum().abs().rolling(50).mean() / 5
    window["vpin"] = bucket.map(apart)
    grid = book.resample("100ms").last().join(window.resample("100ms").last())
    grid["cancel_rate"] = (grid.cancel_rate - grid.qty).clip(lower=0)
    grid["trade_imbalance"] = grid.signed / grid.qty
    grid["log_return"] = np.log(grid.mid / grid.mid.shift(10))
    grid["time_since_price_move"] = (grid.index - grid.pop("moved")).dt.total_seconds()
    seconds = pd.DataFrame({"mid": book.mid.resample("1s").last(), "signed": trades.signed.resample("1s").sum()})
    seconds["change"] = seconds.mid.diff()
    by_second = pd.DataFrame({"realized_volatility": np.sqrt((np.log(seconds.mid).diff() ** 2).rolling(60).sum())})
    by_second["kyle_lambda"] = seconds.change.rolling(60).cov(seconds.signed) / seconds.signed.rolling(60).var()
    grid = grid.join(by_second.reindex(grid.index, method="ffill"))
    assert len(grid.columns) >= len(TWENTY)
    return time.perf_counter() - started


def feature_jobs(folder: Path, rows: int) -> dict[str, Callable[[], Job]]:
    """Return the jobs, by name; ``folder`` is where their market of so many rows is made."""
    name, data = "BTCUSDT.SYNTH", str(folder / f"features-{rows}")

    def made() -> None:
        if not Path(data).exists():
            tc.synthesize(data, events=rows, seed=3)

    def in_a_backtest() -> Job:
        made()
        added = _added(name, data)
        return Job("ns/row", {"added": rows}, {"added": added}, limits=(Limit("added", 60.0),))

    def against_pandas() -> Job:
        made()
        given = _states(name, data)

        def whole() -> float:
            started = time.perf_counter()
            states = _states(name, data)
            return time.perf_counter() - started + _pandas(states)

        contenders = {
            "tradecore": lambda: _table(name, data),
            "pandas": whole,
            "pandas, books given": lambda: _pandas(given),
        }
        note = (
            "twenty features every 100 ms; pandas' books are made by a loop over the rows of the catalog's frame in "
            "Python (a dictionary and a sorted list a side), or given for nothing"
        )
        targets = (Target("tradecore", "pandas", 50.0),)
        return Job("ms", dict.fromkeys(contenders, 1), contenders, targets, rounds=5, note=note)

    return {"features in a backtest": in_a_backtest, "features against pandas": against_pandas}
