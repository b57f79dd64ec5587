"""Indicators against TA-Lib, wickra and talipp: over columns, from value to value, and many at once."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import tradecore as tc
from benches.harness import Job, Target

try:
    import talib
    import wickra
    from talib import abstract
    from talipp import indicators as talipp
except ImportError:
    talib = None

ROWS = 1_000_000
STREAMED = 20_000
BATCHES = 25
"""Rounds of what takes some milliseconds: a neighbour of that length is in none or in all of five."""
ti = tc.indicators


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """Time a call."""

    def run() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return run


@functools.cache
def market(rows: int) -> tuple[Any, Any, Any]:
    """Highs, lows and closes of a random walk."""
    random = np.random.default_rng(7)
    close = 100 * np.exp(np.cumsum(random.normal(size=rows)) * 1e-3)
    return close * (1 + random.random(rows) * 1e-3), close * (1 - random.random(rows) * 1e-3), close


def peers(rows: int) -> dict[str, dict[str, Callable[[], object]]]:
    """Return what each peer calls for four indicators, by name."""
    if not talib:
        return {"rsi": {}, "macd": {}, "bbands": {}, "atr": {}}
    high, low, close = market(rows)
    return {
        "rsi": {"TA-Lib": lambda: talib.RSI(close, 14), "wickra": lambda: wickra.RSI(14).batch_fast(close)},
        "macd": {"TA-Lib": lambda: talib.MACD(close), "wickra": lambda: wickra.MACD().batch(close)},
        "bbands": {
            "TA-Lib": lambda: talib.BBANDS(close, 20),
            "wickra": lambda: wickra.BollingerBands(20, 2.0).batch_fast(close),
        },
        "atr": {
            "TA-Lib": lambda: talib.ATR(high, low, close, 14),
            "wickra": lambda: wickra.ATR(14).batch_fast(high, low, close),
        },
    }


def batch(name: str, times: float, rows: int) -> Job:
    """Compute one over a column."""
    high, low, close = market(rows)
    ours = {
        "rsi": lambda: ti.rsi(close, 14),
        "macd": lambda: ti.macd(close),
        "bbands": lambda: ti.bbands(close, 20),
        "atr": lambda: ti.atr(high, low, close, 14),
    }
    calls = peers(rows)[name]
    work = {"tradecore": timed(ours[name])} | {peer: timed(call) for peer, call in calls.items()}
    targets = tuple(Target("tradecore", peer, times) for peer in calls)
    return Job("ns/row", dict.fromkeys(work, rows), work, targets, rounds=BATCHES)


def best_of_each(calls: Iterable[dict[str, Callable[[], object]]]) -> float:
    """Add up what the fastest peer takes for each; results are kept until all are there, as those of a set are."""
    kept, total = [], 0.0
    for one in calls:
        seconds = []
        for call in one.values():
            started = time.perf_counter()
            kept.append(call())
            seconds.append(time.perf_counter() - started)
        total += min(seconds)
    return total


def together(rows: int) -> Job:
    """Compute RSI, MACD, Bollinger bands and ATR over the same bars, against the best peer of each."""
    bars = dict(zip(("high", "low", "close"), market(rows), strict=True))
    bank = ti.Bank(rsi=ti.RSI(14), macd=ti.MACD(), bands=ti.BBANDS(20), atr=ti.ATR(14))
    work = {"tradecore": timed(lambda: bank.copy().compute(bars))}
    best = "best peers, one after the other"
    if talib:
        work[best] = lambda: best_of_each(peers(rows).values())
    targets = (Target("tradecore", best, 2),)
    return Job("ns/row", dict.fromkeys(work, rows), work, targets, rounds=BATCHES, note="RSI, MACD, Bollinger, ATR")


def whole_library(rows: int) -> Job:
    """Compute whatever TA-Lib has as well, one after the other, each with its defaults."""
    high, low, close = market(rows)
    columns = {"open": close, "high": high, "low": low, "close": close, "volume": high}
    ours, theirs = [], []
    for spec in ti.indicator_specs():
        if talib and spec["name"].upper() in talib.get_functions() and set(spec["inputs"]) <= set(columns):
            work = getattr(ti, spec["name"])
            ours.append(functools.partial(work, *(columns[name] for name in spec["inputs"])))
            theirs.append(functools.partial(abstract.Function(spec["name"].upper()), columns))

    def each(calls: list[Callable[[], object]]) -> None:
        for call in calls:
            call()

    work = {"tradecore": timed(lambda: each(ours))}
    if talib:
        work["TA-Lib"] = timed(lambda: each(theirs))
    targets = (Target("tradecore", "TA-Lib", 0.5),)
    return Job("ns/row", dict.fromkeys(work, rows), work, targets, note=f"{len(ours)} indicators")


def panel(rows: int) -> Job:
    """Compute RSI over eight symbols."""
    closes = np.stack([market(rows // 8)[2] for _ in range(8)])
    work = {"tradecore": timed(lambda: ti.panel("rsi", closes, period=14))}
    if talib:
        work["TA-Lib"] = timed(lambda: [talib.RSI(close, 14) for close in closes])
    targets = (Target("tradecore", "TA-Lib", 3),)
    return Job("ns/row", dict.fromkeys(work, rows), work, targets, rounds=BATCHES, note="RSI")


def stream(make: Callable[[], Any], values: list[Any]) -> Callable[[], float]:
    """Time an update a value."""

    def run() -> float:
        update = make().update
        started = time.perf_counter()
        for value in values:
            update(value)
        return time.perf_counter() - started

    return run


def streamed(rows: int) -> Job:
    """Update RSI value by value."""
    close = market(rows)[2].tolist()
    work = {"tradecore": stream(lambda: ti.RSI(14), close)}
    if talib:

        def slow() -> float:
            one = talipp.RSI(14)
            started = time.perf_counter()
            for value in close:
                one.add(value)
            return time.perf_counter() - started

        work |= {"wickra": stream(lambda: wickra.RSI(14), close), "talipp": slow}
    targets = (Target("tradecore", "wickra", 1.3), Target("tradecore", "talipp", 15))
    note = "the loop of Python is in it"
    return Job("ns/value", dict.fromkeys(work, rows), work, targets, rounds=BATCHES, note=note)


def bank(rows: int) -> Job:
    """Update ten averages and RSIs in one call, against ten calls."""
    close = market(rows)[2].tolist()
    periods = (5, 8, 13, 21, 34)

    def ours() -> float:
        made = {f"rsi{n}": ti.RSI(n) for n in periods} | {f"ema{n}": ti.EMA(n) for n in periods}
        update = ti.Bank(**made).update
        started = time.perf_counter()
        for value in close:
            update(value, value, value, value, 1.0)
        return time.perf_counter() - started

    work = {"tradecore": ours}
    if talib:

        def theirs() -> float:
            updates = [made(n).update for n in periods for made in (wickra.RSI, wickra.EMA)]
            started = time.perf_counter()
            for value in close:
                for update in updates:
                    update(value)
            return time.perf_counter() - started

        work["wickra, ten calls"] = theirs
    targets = (Target("tradecore", "wickra, ten calls", 6),)
    return Job("ns/bar", dict.fromkeys(work, rows), work, targets, rounds=BATCHES)


def indicator_jobs(most: int) -> dict[str, Callable[[], Job]]:
    """Every job by name, over at most so many rows."""
    rows, streamed_rows = min(ROWS, most), min(STREAMED, most)
    return {
        "indicators: batch RSI": lambda: batch("rsi", 1.3, rows),
        "indicators: batch MACD": lambda: batch("macd", 1.3, rows),
        "indicators: batch Bollinger": lambda: batch("bbands", 1.3, rows),
        "indicators: batch ATR": lambda: batch("atr", 1.0, rows),
        "indicators: a set in one pass": lambda: together(rows),
        "indicators: all that TA-Lib has": lambda: whole_library(rows),
        "indicators: a panel of eight": lambda: panel(rows),
        "indicators: stream RSI": lambda: streamed(streamed_rows),
        "indicators: a bank of ten": lambda: bank(streamed_rows),
    }
