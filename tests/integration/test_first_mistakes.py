"""What people get wrong first with bars, indicators, features and models: each told where, what, and what was meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tradecore as tc

ID = "BTCUSDT.SYNTH"
CLOSE = np.arange(30.0) + 100
TRADES = {"ts": np.arange(5) * 10**9, "price": CLOSE[:5], "qty": np.ones(5)}
BY_INDEX = pd.DataFrame(TRADES).drop(columns="ts").set_index(pd.to_datetime(TRADES["ts"]))


def refused(call: Callable[[], Any], *words: str) -> None:
    with pytest.raises(tc.TradecoreError) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text
    assert not [word for word in words if word not in text], text


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tc.bars.time(TRADES, 60), ["every: 60 has no unit", '"60s"']),  # type: ignore[arg-type]
        (lambda: tc.bars.time(TRADES, "1min"), ['"1min"', 'did you mean "1m"?']),
        (lambda: tc.bars.make("dollar:100", TRADES), ['did you mean "notional:100"?']),
        (lambda: tc.bars.make("tik:10", TRADES), ['did you mean "tick:10"?']),
        (lambda: tc.bars.make("1m,emtpy=skip", TRADES), ['did you mean "empty"?']),
        (lambda: tc.bars.BarSpec(60), ["bars: expected a text", "got 60"]),  # type: ignore[arg-type]
        (lambda: tc.bars.BarBuilder(60), ["bars: expected a text", "got 60"]),  # type: ignore[arg-type]
        (lambda: tc.bars.time(BY_INDEX, "1s"), ["expected a column ts_event or ts", "reset_index()"]),
        (lambda: tc.bars.time(pl.LazyFrame(TRADES), "1s"), ["trades: expected a frame", "collect()"]),
        (lambda: tc.indicators.rsi(pl.LazyFrame({"close": CLOSE})), ["close: expected a frame", "collect()"]),
        (lambda: tc.indicators.rsi(pl.DataFrame({"Close": CLOSE})), ["it has Close; did you mean Close?"]),
        (lambda: tc.indicators.rsi("close"), ["close: expected one column of numbers, got 'close'"]),  # type: ignore[arg-type]
        (lambda: tc.indicators.rsi(None), ["close: expected one column of numbers, got None"]),  # type: ignore[arg-type]
        (lambda: tc.features.compute("none", ID, ["mid"], "trades"), ["at:", '"trades"', '"trade"', '"message"']),
        (lambda: tc.FeatureSet.from_toml("set.toml"), ["not a path"]),
    ],
)  # fmt: skip
def test_a_first_mistake_is_told_with_what_was_meant(call: Callable[[], Any], words: list[str]) -> None:
    refused(call, *words)


@pytest.mark.parametrize(
    ("topic", "meant"), [("bar:1m", '"bars:1m"'), ("1m", '"bars:1m"'), ("tick:5", '"bars:tick:5"'), ("trade", '"trades"')]
)  # fmt: skip
def test_a_topic_that_is_none_has_a_near_one(market: Path, topic: str, meant: str) -> None:
    class Follower(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.subscribe(self.instruments[0], topic)

    catalog = tc.Catalog(market)
    follower = Follower("f", [catalog.instruments()[0]])
    refused(lambda: tc.Backtest([follower], catalog).run(), f'unknown topic "{topic}"', f"did you mean {meant}?")


def test_an_update_that_takes_something_else_is_found_when_the_set_is_made() -> None:
    class Wall:
        def update(self, book: Any) -> float:
            return 1.0

    refused(lambda: tc.FeatureSet([Wall()]), "features: Wall: update takes (book)", "update(self, book, trade)")  # type: ignore[list-item]


class Flat:
    model_id = "flat"
    latency = "1ms"

    def opinion(self, instrument: str, ts_ns: int, features: Any) -> tuple[int, float, float]:
        return 0, 1.0, 0.0


class Mute:
    model_id = "mute"
    latency = "1ms"


@pytest.mark.parametrize(
    ("predictor", "words"),
    [
        (5, "int has no model_id"),
        (Mute(), "Mute has no opinion"),
        (Flat, "expected an object, got the class Flat"),
        (type("Numbered", (Flat,), {"model_id": 5})(), "model_id of Numbered: expected text, got 5"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_the_run(market: Path, predictor: Any, words: str) -> None:
    strategy = tc.Strategy("s", [tc.Catalog(market).instruments()[0]])
    strategy.predictor = predictor
    refused(lambda: tc.Backtest([strategy], market).run(), "predictor: ", words)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"buy_above": 0.9}, "buy_above: is of a model's file"),
        ({"batch": False}, "batch: is of a model's file"),
        ({"interval": "0s"}, "interval: expected a length of time above 0"),
        ({"time_to_live": "0s"}, "time_to_live: expected a length of time above 0"),
        ({"features": ["mdi"]}, 'no feature "mdi"'),
        ({"features": None}, "features: missing: a predictor does not say"),
    ],
)
def test_a_signal_strategy_takes_nothing_that_it_would_not_heed(parameters: dict[str, Any], words: str) -> None:
    given = {"predictor": Flat(), "features": ["mid"], "qty": "0.01"} | parameters
    refused(lambda: tc.ml.SignalStrategy("s", [ID], **given), words)


def test_features_of_a_signal_strategy_may_be_a_list() -> None:
    strategy = tc.ml.SignalStrategy("s", [ID], predictor=Flat(), features=["mid"], qty="0.01")
    assert strategy.features == tc.FeatureSet(["mid"])


def test_labels_find_what_a_parameter_cannot_be_when_they_are_made() -> None:
    refused(lambda: tc.ml.Label("forward_return", horizon=5, classes="ups"), "classes: expected none, sign or up")
    refused(lambda: tc.ml.Label("forward_return", horizon="5min"), 'did you mean "5m"?')
    refused(lambda: tc.ml.Label("triple_barrier", horizon=0), "horizon:")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tc.ml.cusum_events(CLOSE, "a"), "threshold: expected a finite number, got 'a'"),
        (lambda: tc.ml.triple_barrier(CLOSE, [0], None, horizon=5), "target: expected a finite number, got None"),
        (lambda: tc.ml.triple_barrier(CLOSE, [0], 0.1, horizon=5, pt="a"), "pt: expected a finite number, got 'a'"),  # type: ignore[arg-type]
        (lambda: tc.ml.PurgedKFold(5, horizon=5, embargo="a"), "embargo: expected a finite number, got 'a'"),  # type: ignore[arg-type]
        (lambda: tc.ml.make_estimator(None), "estimator: expected a path such as"),  # type: ignore[arg-type]
        (lambda: tc.ml.ModelPredictor(5), "model: expected what load_model returned, got 5"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_what_is_no_number_or_no_model_is_refused_by_name(call: Callable[[], Any], words: str) -> None:
    refused(call, words)


def test_labels_take_times_as_tables_have_them() -> None:
    ts = np.arange(30) * 60 * 10**9
    want = tc.ml.forward_return(CLOSE, "5m", ts=ts)
    for times in (
        ts.astype("datetime64[ns]"),
        pl.Series(ts).cast(pl.Datetime("ns", "UTC")),
        pd.Series(pd.to_datetime(ts)),
    ):
        np.testing.assert_array_equal(tc.ml.forward_return(CLOSE, "5m", ts=times), want)


def test_a_frame_of_other_features_is_not_asked_about(tmp_path: Path) -> None:
    """Its numbers would be taken for those of the training."""
    linear = pytest.importorskip("sklearn.linear_model")
    random = np.random.default_rng(1)
    price = 100 + np.cumsum(random.normal(size=300))
    frame = pl.DataFrame({"ts_available": np.arange(300), "mid": price, "change": np.r_[np.nan, np.diff(price)]})
    label = tc.ml.Label("forward_return", horizon=1, classes="up")
    data = tc.ml.Dataset.from_frame(frame, ["change"], label, price="mid")
    refused(
        lambda: tc.ml.train(data, linear.LogisticRegression), "estimator: expected an object", "LogisticRegression()"
    )
    tc.ml.save_model(tc.ml.train(data, linear.LogisticRegression()), tmp_path / "m.tcm")
    model = tc.ml.load_model(tmp_path / "m.tcm")
    rows = frame.tail(3)
    assert model.predict(rows.select("change")).shape == (3, 2)
    assert model.predict(rows.select("change").to_pandas()).shape == (3, 2)
    refused(lambda: model.check_span("2024-01-01", 5), "start_ns: expected a time in ns, got '2024-01-01'")  # type: ignore[arg-type]
    refused(lambda: model.check_span(10, 5), "end_ns: 5 lies before start_ns 10")
    refused(lambda: model.predict(rows.select("mid")), "takes other features: missing change; added mid")
