"""Indicators against TA-Lib, wickra and talipp: over columns, from value to value, and many at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

import tradecore as tc
from benches.harness import Job, Target

try:
    import talib
    import wickra
    from talipp import indicators as talipp
except ImportError:
    talib = None

ROWS = 1_000_000
STREAMED = 20_000
ti = tc.indicators


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """Time a call."""

    def run() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return run


def market(rows: int) -> tuple[Any, Any, Any]:
    """Highs, lows and closes of a random walk."""
    random = np.random.default_rng(7)
    close = 100 * np.exp(np.cumsum(random.normal(size=rows)) * 1e-3)
    return close * (1 + random.random(rows) * 1e-3), close * (1 - random.random(rows) * 1e-3), close


def batch(name: str, ours: Callable[[], object], peers: dict[str, Callable[[], object]], times: float) -> Job:
    """Compute one over a column."""
    work = {"tradecore": timed(ours)} | {peer: timed(call) for peer, call in peers.items()}
    targets = tuple(Target("tradecore", peer, times) for peer in peers)
    return Job("ns/row", dict.fromkeys(work, ROWS), work, targets, note=name)


def batches() -> dict[str, Callable[[], Job]]:
    """One indicator over a million rows."""
    high, low, close = market(ROWS)
    peers: dict[str, dict[str, Callable[[], object]]] = {"rsi": {}, "macd": {}, "bbands": {}, "atr": {}}
    if talib:
        peers = {
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
    return {
        "indicators: batch RSI": lambda: batch("period 14", lambda: ti.rsi(close, 14), peers["rsi"], 1.3),
        "indicators: batch MACD": lambda: batch("12, 26, 9", lambda: ti.macd(close), peers["macd"], 1.3),
        "indicators: batch Bollinger": lambda: batch("20, 2", lambda: ti.bbands(close, 20), peers["bbands"], 1.3),
        "indicators: batch ATR": lambda: batch("period 14", lambda: ti.atr(high, low, close, 14), peers["atr"], 1.0),
        "indicators: a set in one pass": lambda: together(high, low, close),
        "indicators: a panel of eight": panel,
    }


def together(high: Any, low: Any, close: Any) -> Job:
    """Compute RSI, MACD, Bollinger bands and ATR over the same bars."""
    bars = {"high": high, "low": low, "close": close}
    bank = ti.Bank(rsi=ti.RSI(14), macd=ti.MACD(), bands=ti.BBANDS(20), atr=ti.ATR(14))
    work = {"tradecore": timed(lambda: bank.copy().compute(bars))}
    if talib:

        def peers() -> None:
            talib.RSI(close, 14)
            talib.MACD(close)
            talib.BBANDS(close, 20)
            talib.ATR(high, low, close, 14)

        work["TA-Lib, one after the other"] = timed(peers)
    return Job(
        "ns/row",
        dict.fromkeys(work, ROWS),
        work,
        (Target("tradecore", "TA-Lib, one after the other", 2),),
        note="RSI, MACD, Bollinger, ATR",
    )


def panel() -> Job:
    """Compute RSI over eight symbols."""
    closes = np.stack([market(ROWS // 8)[2] for _ in range(8)])
    work = {"tradecore": timed(lambda: ti.panel("rsi", closes, period=14))}
    if talib:
        work["TA-Lib"] = timed(lambda: [talib.RSI(close, 14) for close in closes])
    return Job("ns/row", dict.fromkeys(work, ROWS), work, (Target("tradecore", "TA-Lib", 3),), note="RSI")


def stream(make: Callable[[], Any], values: list[Any]) -> Callable[[], float]:
    """Time an update a value."""

    def run() -> float:
        update = make().update
        started = time.perf_counter()
        for value in values:
            update(value)
        return time.perf_counter() - started

    return run


def streamed() -> Job:
    """Update RSI value by value."""
    close = market(STREAMED)[2].tolist()
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
    return Job("ns/value", dict.fromkeys(work, STREAMED), work, targets, note="the loop of Python is in it")


def bank() -> Job:
    """Update ten averages and RSIs in one call, against ten calls."""
    close = market(STREAMED)[2].tolist()
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

        def peers() -> float:
            updates = [made(n).update for n in periods for made in (wickra.RSI, wickra.EMA)]
            started = time.perf_counter()
            for value in close:
                for update in updates:
                    update(value)
            return time.perf_counter() - started

        work["wickra, ten calls"] = peers
    return Job("ns/bar", dict.fromkeys(work, STREAMED), work, (Target("tradecore", "wickra, ten calls", 6),))


def indicator_jobs() -> dict[str, Callable[[], Job]]:
    """Every job, by name."""
    return {**batches(), "indicators: stream RSI": streamed, "indicators: a bank of ten": bank}
