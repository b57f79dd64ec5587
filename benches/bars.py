"""Bars of two million trades, against polars and pandas, and one trade at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

import tradecore as tc
from benches.harness import Job, Target

TRADES = 2_000_000


def _tape() -> dict[str, Any]:
    random = np.random.default_rng(7)
    ts = np.cumsum(random.exponential(50e6, TRADES).astype(np.int64)) + 1_700_000_000 * 10**9
    price = np.round(60_000 + np.cumsum(random.choice([-0.1, 0.0, 0.1], TRADES, p=[0.2, 0.6, 0.2])), 1)
    qty = np.round(random.exponential(0.05, TRADES) + 0.001, 3)
    return {"ts_event": ts, "price": price, "qty": qty, "side": random.choice([-1, 1], TRADES).astype(np.int8)}


def _timed(work: Callable[[], object]) -> Callable[[], float]:
    def run() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return run


def _polars(frame: pl.DataFrame, group: Callable[[], pl.Expr]) -> Callable[[], object]:
    price, qty = pl.col("price"), pl.col("qty")
    sums = [
        price.first().alias("open"),
        price.max().alias("high"),
        price.min().alias("low"),
        price.last().alias("close"),
        qty.sum().alias("volume"),
        (price * qty).sum().alias("quote_volume"),
        pl.len().alias("trades"),
    ]
    return lambda: frame.lazy().group_by(group().alias("bar"), maintain_order=True).agg(sums).collect()


def _pandas(frame: pd.DataFrame, group: Callable[[], Any]) -> Callable[[], object]:
    def work() -> object:
        grouped = frame.assign(quote=frame["price"] * frame["qty"]).groupby(group(), sort=False)
        return grouped.agg(
            open=("price", "first"),
            high=("price", "max"),
            low=("price", "min"),
            close=("price", "last"),
            volume=("qty", "sum"),
            quote_volume=("quote", "sum"),
            trades=("qty", "count"),
        )

    return work


def _jobs(tape: dict[str, Any], kind: str) -> Job:
    polars, pandas = pl.DataFrame(tape), pd.DataFrame(tape)
    size, notional = float(tape["qty"].sum()) / 20_000, float((tape["qty"] * tape["price"]).sum()) / 20_000
    spec, by_polars, by_pandas = {
        "tick": (
            "tick:100",
            lambda: pl.int_range(pl.len()) // 100,
            lambda: np.arange(len(pandas)) // 100,
        ),
        "volume": (
            f"volume:{size:.3f}",
            lambda: (pl.col("qty").cum_sum() / size).floor(),
            lambda: (pandas["qty"].cumsum() / size).astype("int64"),
        ),
        "notional": (
            f"notional:{notional:.0f}",
            lambda: ((pl.col("qty") * pl.col("price")).cum_sum() / notional).floor(),
            lambda: ((pandas["qty"] * pandas["price"]).cumsum() / notional).astype("int64"),
        ),
        "time": ("1s", lambda: pl.col("ts_event") // 10**9, lambda: pandas["ts_event"] // 10**9),
    }[kind]
    contenders: dict[str, Callable[[], float]] = {
        # The peers sum up no sides.
        "tradecore": _timed(lambda: tc.bars.make(spec, {name: tape[name] for name in ("ts_event", "price", "qty")})),
        "tradecore, with sides": _timed(lambda: tc.bars.make(spec, tape)),
        "polars": _timed(_polars(polars, by_polars)),
        "pandas": _timed(_pandas(pandas, by_pandas)),
    }
    targets = (Target("tradecore", "polars", 3.0), Target("tradecore", "pandas", 3.0))
    if kind == "time":
        targets = (Target("tradecore", "pandas", 1.7),)
    return Job("ns/trade", dict.fromkeys(contenders, TRADES), contenders, targets)


def _one_by_one(tape: dict[str, Any]) -> Job:
    rows = 100_000
    trades = list(zip(*(tape[name][:rows].tolist() for name in ("ts_event", "price", "qty", "side")), strict=True))

    def run() -> float:
        push = tc.bars.BarBuilder("volume:5").push
        started = time.perf_counter()
        for ts, price, qty, side in trades:
            push(ts, price, qty, side)
        return time.perf_counter() - started

    return Job("ns/trade", {"tradecore": rows}, {"tradecore": run})


def jobs() -> dict[str, Callable[[], Job]]:
    """Return the jobs about bars by name."""
    kinds = ("tick", "volume", "notional", "time")
    made: dict[str, Callable[[], Job]] = {f"bars-{kind}": lambda kind=kind: _jobs(_tape(), kind) for kind in kinds}
    return made | {"bars-one-by-one": lambda: _one_by_one(_tape())}
