"""Features of bad input: each of them, one by one, says something defined or is refused with a typed error."""

from __future__ import annotations

import functools
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tradecore as tc
from conftest import CLEAR, LAST, QUOTE, SET, TRADE, Row, columns
from tradecore._core import feature_definitions
from tradecore.backtest import Backtest
from tradecore.data.catalog import Columns
from tradecore.errors import (
    CatalogError,
    DataError,
    FeatureError,
    InvalidValueError,
    StrategyError,
    UnknownInstrumentError,
)

INST = tc.find_instrument("BTCUSDT.SYNTH")
NEEDED = {
    "vpin": "(bucket=0.5)",
    "bulk_vpin": "(bucket=0.5)",
    "stoikov_microprice": "(table=[-0.5, -0.1, 0.1, 0.5], buckets=2)",
    "bar": "(bars=100ms)",
    "indicator": "(name=rsi, bars=100ms, period=2)",
}
FEATURES = [row["name"] + NEEDED.get(row["name"], "") for row in feature_definitions()]
FEATURES += ['bar(bars="1h,empty=carry")', "bar(bars=tick:1, field=vwap)"]
INDICATORS = [
    f"indicator(name={row['name']}, bars={bars})"
    for row in tc._core.indicator_specs()
    for bars in ("tick:1", "100ms")
    if not {"x", "y"} & set(row["inputs"])
]
PARAMETERS = [(row["name"], *parameter) for row in feature_definitions() for parameter in row["parameters"]]
HUGE = (1 << 60) - 1
DAY = 86_400_000_000_000


@functools.cache
def broken(seed: int, absurd: bool) -> list[Row]:
    """A market that is crossed, empty, one-sided and lost in turn, with numbers as small and large as there are."""
    random = np.random.default_rng(seed)
    rows: list[Row] = []
    ts = 0
    for _ in range(300):
        wait = int(random.choice([0, 1, 1_000_000, 200_000_000, DAY, 400 * DAY] if absurd else [0, 1, 1_000_000]))
        # The rows of a message are received at once.
        ts += wait if rows and rows[-1][3] == LAST else 0
        kind = int(random.choice([SET, SET, SET, TRADE, QUOTE, CLEAR]))
        side = int(random.choice([-1, 1]))
        prices = [0, 1, HUGE - 1, HUGE] if absurd else [0, 1, 99, 100, 101]
        qty = int(random.choice([0, 1, 5, HUGE]))
        rows.append((ts, kind, side, int(random.choice([0, LAST])), int(random.choice(prices)), qty))
    rows[-1] = (*rows[-1][:3], LAST, *rows[-1][4:])
    return rows


def table(feature: str, events: Columns, at: str = "message") -> np.ndarray[Any, np.dtype[np.float64]]:
    return tc.features.compute(events, INST, [feature], at).to_series(2).to_numpy()


@pytest.mark.parametrize("feature", FEATURES)
def test_nothing_and_one_row_are_a_table(feature: str) -> None:
    for at in ("message", "trade", "100ms"):
        assert len(table(feature, columns([]), at)) == 0
    for row in [
        (5, SET, 1, LAST, 100, 3),
        (5, SET, -1, 0, 100, 3),
        (5, TRADE, 0, LAST, 100, 3),
        (5, CLEAR, 0, LAST, 0, 0),
    ]:
        (value,) = table(feature, columns([row]))
        assert np.isnan(value) or np.isfinite(value)


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("absurd", [False, True])
def test_no_market_is_too_broken(feature: str, absurd: bool) -> None:
    for seed in range(3):
        events = columns(broken(seed, absurd))
        values = table(feature, events)
        assert not np.isinf(values).any()
        assert table(feature, events).tobytes() == values.tobytes()


@pytest.mark.parametrize("absurd", [False, True])
def test_no_market_is_too_broken_for_an_indicator(absurd: bool) -> None:
    events = columns(broken(4, absurd))
    values = tc.features.compute(events, INST, INDICATORS, "message").drop("ts", "ts_available").to_numpy()
    assert not np.isinf(values).any()
    assert absurd or np.isfinite(values).any(axis=0).mean() > 0.3
    engine = tc.features.FeatureEngine(INST, tc.FeatureSet(INDICATORS))
    engine.update(events)
    other = tc.features.FeatureEngine(INST, tc.FeatureSet(INDICATORS))
    other.load(engine.save())
    assert other.values().values.tobytes() == np.ascontiguousarray(values[-1]).tobytes()


@pytest.mark.parametrize("feature", FEATURES)
def test_a_crossed_or_one_sided_book_invents_nothing(feature: str) -> None:
    one_sided = [(ts, SET, 1, LAST, 100 + ts % 3, 5) for ts in range(1, 60)]
    values = table(feature, columns(one_sided))
    needs_both = {"spread", "relative_spread", "mid", "microprice", "imbalance", "queue_imbalance", "depth_slope"}
    if feature.split("(")[0] in needs_both | {"stoikov_microprice", "book_pressure", "log_return"}:
        assert np.isnan(values).all()
    crossed = [(1, SET, 1, 0, 102, 5), (1, SET, -1, LAST, 100, 5)]
    (value,) = table(feature, columns(crossed))
    assert {"spread": value < 0, "mid": value == pytest.approx(10.1)}.get(
        feature, np.isnan(value) or np.isfinite(value)
    )


@pytest.mark.parametrize("feature", FEATURES)
def test_a_gap_ends_what_was_known_of_the_book(feature: str) -> None:
    rows = [(ts, SET, side, LAST if side < 0 else 0, 100 - side, 5 + ts % 2) for ts in range(1, 9) for side in (1, -1)]
    events = columns([*rows, (9, CLEAR, 0, LAST, 0, 0)])
    value = table(feature, events)[-1]
    assert np.isnan(value) or feature in ("time_since_book_change", "time_since_price_move")


@pytest.mark.parametrize("feature", FEATURES)
def test_time_that_goes_back_is_refused(feature: str) -> None:
    back = columns([(5, SET, 1, LAST, 100, 3), (4, SET, -1, LAST, 101, 3)])
    with pytest.raises(DataError, match="ts_recv 4 is before 5"):
        table(feature, back)
    engine = tc.features.FeatureEngine(INST, tc.FeatureSet([feature]))
    engine.update(columns([(5, SET, 1, LAST, 100, 3)]))
    with pytest.raises(DataError, match="ts_recv 4 is before 5"):
        engine.update(columns([(4, SET, 1, LAST, 100, 3)]))


@pytest.mark.parametrize(("feature", "name", "takes", "default"), PARAMETERS)
def test_every_parameter_refuses_what_it_does_not_take(feature: str, name: str, takes: str, default: str) -> None:
    for value in ("", "x", "-1", "1e99", "9" * 30, "[inf]", "nan"):
        with pytest.raises(InvalidValueError, match=f"{feature}: {name} = .* is not"):
            tc.FeatureSet([f"{feature}({name}={value})"])
    if default is None:
        with pytest.raises(InvalidValueError, match=f"{feature} needs {name}"):
            tc.FeatureSet([feature])


@pytest.mark.parametrize(
    ("features", "problem"),
    [
        ("spread", "expected a list of features"),
        ([], "a set needs a feature"),
        ([5], "or an object with update"),
        (["micro_price"], 'did you mean "microprice"'),
        (["ofi(windw=1s)"], 'did you mean "window"'),
        (["ofi", "ofi"], "is in the set already"),
        (["ts = ofi"], "that of a column of times"),
        (["ofi(window=1s"], "the bracket is not closed"),
        (["stoikov_microprice(table=[1, 2, 3], buckets=2)"], "rows of 2 numbers"),
        (["x" * 5_000], "no feature"),
        (["(" * 5_000], "names no feature"),
    ],
)
def test_what_is_no_set_is_told(features: Any, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        tc.FeatureSet(features)


def test_a_bucket_below_the_instruments_increment_is_told() -> None:
    for name in ("vpin", "bulk_vpin"):
        feature = f"{name}(bucket=0.0001)"
        for build in (tc.features.FeatureEngine, lambda inst, own: table(own.names[0], columns([]))):
            with pytest.raises(InvalidValueError, match=rf"\b{name}: bucket = 0.0001 is not a quantity of BTC"):
                build(INST, tc.FeatureSet([feature]))


def test_what_is_no_table_or_time_is_told(tmp_path: Path) -> None:
    for at in ("0s", "soon", "-1s"):
        with pytest.raises(InvalidValueError):
            table("mid", columns([]), at)
    with pytest.raises(CatalogError):
        tc.features.compute(tmp_path, "BTCUSDT.SYNTH", ["mid"])
    with pytest.raises(UnknownInstrumentError):
        tc.features.compute(columns([]), "NOPE.NOPE", ["mid"])
    with pytest.raises(InvalidValueError, match="expected a catalog"):
        tc.features.compute(5, INST, ["mid"])  # type: ignore[arg-type]
    for toml in ("features = [", "feature = ['mid']", "features = 5", "features = ['mid']\nversion = 2"):
        with pytest.raises(InvalidValueError):
            tc.FeatureSet.from_toml(toml)


class Own:
    def __init__(self, does: str) -> None:
        self.does = does

    def update(self, book: tc.features.FeatureBook, trade: tc.TradeView | None) -> Any:
        match self.does:
            case "raise":
                raise RuntimeError("no such luck")
            case "nan":
                return float("nan")
            case "interrupt":
                raise KeyboardInterrupt
        return self.does


def test_a_feature_of_ones_own_that_fails_is_named() -> None:
    events = columns([(1, SET, 1, LAST, 100, 3)])
    for does, problem in (("raise", "feature Own: RuntimeError: no such luck"), ("text", "has to return a number")):
        with pytest.raises(FeatureError, match=problem):
            tc.features.compute(events, INST, [Own(does)], "message")
        with pytest.raises(FeatureError, match=problem):
            tc.features.FeatureEngine(INST, tc.FeatureSet([Own(does)])).update(events)
    with pytest.raises(KeyboardInterrupt):
        tc.features.compute(events, INST, [Own("interrupt")], "message")
    assert np.isnan(tc.features.compute(events, INST, [Own("nan")], "message")["Own"][0])


def test_a_feature_of_ones_own_that_fails_ends_the_strategy_that_follows_it(market: Path) -> None:
    class Follows(tc.Strategy):
        features = tc.FeatureSet(["mid", Own("raise")])

    with pytest.raises(StrategyError, match="feature Own: RuntimeError: no such luck"):
        Backtest([Follows("f", ["BTCUSDT.SYNTH"])], str(market)).run()


def test_a_strategy_without_features_is_told_to_declare_some(market: Path) -> None:
    class Asks(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.features("BTCUSDT.SYNTH")

    with pytest.raises(StrategyError, match="the strategy declares none"):
        Backtest([Asks("a", ["BTCUSDT.SYNTH"])], str(market)).run()


@pytest.mark.parametrize("feature", FEATURES)
def test_a_state_that_is_none_is_refused(feature: str) -> None:
    engine = tc.features.FeatureEngine(INST, tc.FeatureSet([feature]))
    engine.update(columns(market_rows()))
    state = engine.save()
    for bad in (b"", state[:-1], state + b"\0", b"\xff" * len(state)):
        with pytest.raises(InvalidValueError):
            tc.features.FeatureEngine(INST, tc.FeatureSet([feature])).load(bad)
    random = np.random.default_rng(5)
    for _ in range(30):
        torn = bytearray(state)
        torn[int(random.integers(len(torn)))] = int(random.integers(256))
        other = tc.features.FeatureEngine(INST, tc.FeatureSet([feature]))
        try:
            other.load(bytes(torn))
        except InvalidValueError:
            continue
        other.values(1 << 40)


def market_rows() -> list[Row]:
    return broken(1, absurd=False)


def test_ctrl_c_leaves_a_table_at_once() -> None:
    """A row every 10 us of a market that is silent for an hour would take a minute."""
    events = columns([(0, SET, 1, 0, 100, 3), (0, SET, -1, LAST, 101, 3), (3_600_000_000_000, TRADE, 1, LAST, 100, 3)])
    threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
    begun = time.process_time()  # a machine with other work to do takes longer
    with pytest.raises(KeyboardInterrupt):
        tc.features.compute(events, INST, ["mid", "ofi", "kyle_lambda"], "10us")
    assert time.process_time() - begun < 1.3
