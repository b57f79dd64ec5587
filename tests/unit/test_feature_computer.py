"""Features of bars as a plain vector."""

from __future__ import annotations

import math
import pickle
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tradecore as tc
from tradecore.errors import InvalidValueError
from tradecore.features import FeatureComputer

EVERY = ("ohlc", "rsi", "macd", "bb", "ema", "sma", "atr", "volume", "log_return", "momentum")


def bars(rows: int, seed: int = 1) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    random = np.random.default_rng(seed)
    close = 100 + np.cumsum(random.normal(0, 0.5, rows))
    opened = close + random.normal(0, 0.1, rows)
    high, low = np.maximum(opened, close) + 0.2, np.minimum(opened, close) - 0.2
    return {"open": opened, "high": high, "low": low, "close": close, "volume": random.exponential(5, rows)}


def rows_of(table: dict[str, Any]) -> list[SimpleNamespace]:
    return [SimpleNamespace(**dict(zip(table, row, strict=True))) for row in zip(*table.values(), strict=True)]


def test_the_call_of_the_founding_document() -> None:
    features = FeatureComputer().compute(bars(300))
    assert FeatureComputer().names == (
        *("rsi", "macd", "macd_signal", "macd_hist", "bb_upper", "bb_middle", "bb_lower", "bb_percent"),
        *("volume", "volume_change"),
    )

    class Model:
        def predict(self, rows: list[Any]) -> Any:
            return np.asarray(rows).sum(axis=1)

    assert np.isfinite(Model().predict([features])).all()


def test_values_are_those_of_the_indicators() -> None:
    own = bars(300)
    close, volume = own["close"], own["volume"]
    computer = FeatureComputer(EVERY)
    table = pd.DataFrame(computer.compute_batch(own), columns=computer.names)
    upper, middle, lower = tc.indicators.bbands(close, 20, 2.0)
    line, signal, hist = tc.indicators.macd(close)
    expected = {
        **{name: own[name] for name in ("open", "high", "low", "close", "volume")},
        "rsi": tc.indicators.rsi(close, 14),
        **{"macd": line, "macd_signal": signal, "macd_hist": hist},
        **{"bb_upper": upper, "bb_middle": middle, "bb_lower": lower},
        "bb_percent": (close - lower) / (upper - lower),
        "ema_9": tc.indicators.ema(close, 9),
        "ema_21": tc.indicators.ema(close, 21),
        "ema_spread": tc.indicators.ema(close, 9) - tc.indicators.ema(close, 21),
        "sma_50": tc.indicators.sma(close, 50),
        "sma_50_distance": 100 * (close / tc.indicators.sma(close, 50) - 1),
        "sma_200": tc.indicators.sma(close, 200),
        "atr": tc.indicators.atr(own["high"], own["low"], close, 14),
        "volume_change": np.append(np.nan, 100 * (volume[1:] / volume[:-1] - 1)),
        "log_return": np.append(np.nan, np.diff(np.log(close))),
        "momentum": np.append([np.nan] * 10, 100 * (close[10:] / close[:-10] - 1)),
    }
    assert set(expected) == set(computer.names)
    for name, values in expected.items():
        np.testing.assert_allclose(table[name], values, rtol=1e-9, atol=1e-9, err_msg=name)


def test_the_rsi_moves_on_with_the_price() -> None:
    """The founding code compared every price with the first one, and so said 100 for ever after one rise."""
    rise_and_fall = [*range(100, 130), *range(130, 70, -1)]
    (rsi,) = FeatureComputer(("rsi",)).compute([float(x) for x in rise_and_fall])
    assert rsi < 20


@pytest.mark.parametrize("fill", ["nan", "neutral"])
def test_a_bar_at_a_time_says_the_same_as_all_at_once(fill: Any) -> None:
    own = bars(260)
    own["close"][100], own["volume"][50], own["volume"][51] = np.nan, 0.0, 3.0
    computer = FeatureComputer(EVERY, fill=fill)
    batch = computer.compute_batch(own)
    for at, bar in enumerate(rows_of(own)):
        assert computer.compute_streaming(bar).tobytes() == batch[at].tobytes(), at
        if at == 120:
            computer = pickle.loads(pickle.dumps(computer))
    assert computer.compute(own).tobytes() == batch[-1].tobytes()
    computer.reset()
    assert computer.compute_streaming(rows_of(own)[0]).tobytes() == batch[0].tobytes()


def test_all_forms_of_bars_are_one() -> None:
    own = bars(60)
    computer = FeatureComputer(("ohlc", "rsi", "volume"))
    expected = computer.compute_batch(own).tobytes()
    dicts = [vars(bar) for bar in rows_of(own)]
    for given in (pd.DataFrame(own), pl.DataFrame(own), rows_of(own), dicts):
        assert computer.compute_batch(given).tobytes() == expected
    closes = FeatureComputer(("rsi", "bb"))
    of_closes = closes.compute_batch(own).tobytes()
    for column in (own["close"], own["close"].tolist(), pd.Series(own["close"]), pl.Series(own["close"])):
        assert closes.compute_batch(column).tobytes() == of_closes


def test_bars_of_a_market_are_taken_as_they_are(market: Any) -> None:
    frame = tc.Catalog(market).bars("BTCUSDT.SYNTH", "tick:20").collect()
    told: list[np.ndarray[Any, Any]] = []

    class Listener(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            self._computer = FeatureComputer(EVERY)
            ctx.subscribe("BTCUSDT.SYNTH", "bars:tick:20")

        def on_bar(self, ctx: tc.Context, bar: Any) -> None:
            told.append(self._computer.compute_streaming(bar))

    tc.Backtest([Listener("l", ["BTCUSDT.SYNTH"])], market).run()
    batch = FeatureComputer(EVERY).compute_batch(frame)
    assert len(told) > 20
    assert np.stack(told).tobytes() == batch[: len(told)].tobytes()


def test_nothing_is_filled_unless_it_is_asked_for() -> None:
    assert np.isnan(FeatureComputer(("rsi", "macd")).compute([1.0, 2.0])).all()
    neutral = FeatureComputer(EVERY, fill="neutral")
    named = dict(zip(neutral.names, neutral.compute([7.0]).tolist(), strict=True))
    of_price = {name: 7.0 for name in ("open", "high", "low", "close", "bb_upper", "bb_middle", "bb_lower")}
    of_price |= {name: 7.0 for name in ("ema_9", "ema_21", "sma_50", "sma_200")}
    others = dict.fromkeys(named, 0.0) | {"rsi": 50.0, "bb_percent": 0.5}
    assert named == others | of_price
    assert math.isnan(neutral.compute([math.nan])[3])


def test_readiness_is_that_of_the_slowest() -> None:
    computer = FeatureComputer(("rsi", "sma"))
    ready = []
    for close in np.linspace(100, 120, 205):
        values = computer.compute_streaming(float(close))
        ready.append(computer.is_ready)
        assert computer.is_ready == bool(np.isfinite(values).all())
    assert ready.index(True) == 199


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: FeatureComputer(("rsy",)), "no feature 'rsy'; did you mean 'rsi'"),
        (lambda: FeatureComputer(("zzz",)), "there are ohlc, rsi"),
        (lambda: FeatureComputer("rsi"), "expected a list"),
        (lambda: FeatureComputer(()), "expected a list"),
        (lambda: FeatureComputer((["rsi"],)), "no feature"),
        (lambda: FeatureComputer(("rsi", "rsi")), "each once"),
        (lambda: FeatureComputer(fill="zero"), "expected 'nan' or 'neutral'"),
        (lambda: FeatureComputer().compute([]), "at least one row"),
        (lambda: FeatureComputer().compute({"close": [1.0, 2.0]}), "volume.*no such column; they have close"),
        (lambda: FeatureComputer().compute({"close": [1.0, 2.0], "volume": [1.0]}), "has 1 rows where close has 2"),
        (lambda: FeatureComputer(("rsi",)).compute(["a"]), "close"),
        (lambda: FeatureComputer(("rsi",)).compute("abc"), "close"),
        (lambda: FeatureComputer(("rsi",)).compute(np.zeros((2, 2))), "2 dimensions"),
        (lambda: FeatureComputer(("rsi",)).compute(None), "close"),
        (lambda: FeatureComputer(("atr",)).compute_streaming({"close": 1.0}), "high: expected a number in the bar"),
        (lambda: FeatureComputer(("rsi",)).compute_streaming(None), "close: expected a number in the bar"),
    ],
)
def test_what_cannot_be_is_told(call: Any, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        call()


def test_no_rows_are_no_rows_and_absurd_numbers_are_none() -> None:
    assert FeatureComputer().compute_batch([]).shape == (0, 10)
    for value in (math.inf, -math.inf, math.nan, 1e300, -1.0, 0.0):
        table = FeatureComputer(EVERY[1:]).compute_batch({name: [value] * 300 for name in bars(1)})
        volume = FeatureComputer(EVERY[1:]).names.index("volume")
        assert not np.isinf(np.delete(table, volume, axis=1)).any()
