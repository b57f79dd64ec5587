"""Whatever the functions of ``tc.ml`` and the doors of features and bars are given, it is taken or a typed error."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge

import tradecore as tc
from tradecore.errors import TradecoreError

pytestmark = pytest.mark.release

BTC = "BTCUSDT.SYNTH"
ODD: list[Any] = [
    None, "x", -1, 0, 5.0, 10**30, float("nan"), True, [], [1.0], [1.0, 2.0], [1.0, -1.0, 2.0], [0.0, 0.0],
    [np.nan] * 3, [np.inf, 1.0], [None, 1.0], [1, 2, 10**400], {"a": 1}, np.zeros((2, 2)), np.array(["a", "b"]),
    np.arange(10)[::2], np.arange(5, dtype=np.float32) + 1, np.array([1 + 2j]), np.array(3.0),
]  # fmt: skip

PRICE, TRADES = [1.0, 2.0, 3.0], {"ts": [1, 2], "price": [1.0, 2.0], "qty": [1.0, 1.0]}
ROWS = {"X": [[1.0], [2.0]], "y": [0.0, 1.0], "features": ("a",), "ts": [1, 2], "t1": [1, 2]}


class Model:
    id, class_values = "m", np.array([-1.0, 1.0])

    def predict(self, x: Any) -> Any:
        return np.full((len(x), 2), 0.5)


def split(splitter: Any, samples: Any = None) -> None:
    list(splitter.split(np.zeros((12, 1)) if samples is None else samples))


DOORS: dict[str, Callable[[Any, Any], Any]] = {
    "forward_return": tc.ml.forward_return,
    "triple_barrier, events": lambda a, b: tc.ml.triple_barrier(a, b, 0.01, horizon=2),
    "triple_barrier, targets": lambda a, b: tc.ml.triple_barrier(PRICE, [0, 1], a, horizon=2, pt=b),
    "triple_barrier, sides": lambda a, b: tc.ml.triple_barrier(PRICE, [0, 1], 0.1, horizon=a, side=b),
    "trend_scanning": tc.ml.trend_scanning,
    "meta_labels": tc.ml.meta_labels,
    "cusum_events": tc.ml.cusum_events,
    "concurrency": lambda a, b: tc.ml.concurrency(a, b, 5),
    "uniqueness": tc.ml.uniqueness,
    "return_weights": lambda a, b: tc.ml.return_weights(PRICE, a, b),
    "time_decay": tc.ml.time_decay,
    "fractional_difference": tc.ml.fractional_difference,
    "fractional_weights": tc.ml.fractional_weights,
    "PurgedKFold, spans": lambda a, b: split(tc.ml.PurgedKFold(2, t0=a, t1=b)),
    "PurgedKFold, folds": lambda a, b: split(tc.ml.PurgedKFold(a, horizon=b)),
    "PurgedKFold, samples": lambda a, b: list(tc.ml.PurgedKFold(2, horizon=1, embargo=a).split(b)),
    "CombinatorialPurgedCV": lambda a, b: split(tc.ml.CombinatorialPurgedCV(a, b, horizon=1)),
    "WalkForward": lambda a, b: split(tc.ml.WalkForward(a, b, horizon=1)),
    "Label, return": lambda a, b: tc.ml.Label("forward_return", horizon=a, threshold=b, classes="up"),
    "Label, barrier": lambda a, b: tc.ml.Label("triple_barrier", horizon=a, target=b),
    "Label, trend": lambda a, b: tc.ml.Label("trend_scanning", shortest=a, longest=b),
    "Label.of": lambda a, b: tc.ml.Label("forward_return", horizon=1).of(a, b),
    "Dataset, values": lambda a, b: tc.ml.Dataset(**ROWS | {"X": a, "y": b}),
    "Dataset, times": lambda a, b: tc.ml.Dataset(**ROWS | {"ts": a, "t1": b}),
    "Dataset, names": lambda a, b: tc.ml.Dataset(**ROWS | {"features": a, "weights": b}),
    "train": tc.ml.train,
    "train, costs": lambda a, b: tc.ml.train(tc.ml.Dataset(**ROWS), Ridge(), cost_bps=a, importance=b),
    "check_leakage": tc.ml.check_leakage,
    "make_estimator": tc.ml.make_estimator,
    "load_model": lambda a, b: tc.ml.load_model(a, trusted=b),
    "ModelPredictor, thresholds": lambda a, b: tc.ml.ModelPredictor(Model(), buy_above=a, hold_band=b),
    "ModelPredictor, times": lambda a, b: tc.ml.ModelPredictor(Model(), latency=a, every=b),
    "SignalStrategy, model": lambda a, b: tc.ml.SignalStrategy("t", [BTC], model=a, qty=b),
    "SignalStrategy, predictor": lambda a, b: tc.ml.SignalStrategy("t", [BTC], predictor=a, features=b, qty=1),
    "FeatureSet": lambda a, b: tc.FeatureSet(a, name=b),
    "FeatureSet.from_toml": lambda a, b: tc.FeatureSet.from_toml(a),
    "features.compute, data": lambda a, b: tc.features.compute(a, BTC, ["mid"], b),
    "features.compute, instrument": lambda a, b: tc.features.compute({"ts_event": [1]}, a, b),
    "FeatureComputer": lambda a, b: tc.features.FeatureComputer(a, fill=b),
    "FeatureComputer.compute": lambda a, b: tc.features.FeatureComputer(("rsi",)).compute(a),
    "bars.time": tc.bars.time,
    "bars.make": lambda a, b: tc.bars.make(a, TRADES | {"qty": b}),
    "bars.tick": lambda a, b: tc.bars.tick(TRADES | {"side": b}, a),
    "bars, columns": lambda a, b: tc.bars.make("1s", TRADES | {"ts": a, "price": b}),
    "indicators.panel": lambda a, b: tc.indicators.panel("rsi", a, period=b),
    "indicators.panel, name": lambda a, b: tc.indicators.panel(a, b),
    "Bank": lambda a, b: tc.indicators.Bank(x=a),
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
def test_what_is_odd_is_taken_or_a_typed_error(door: str) -> None:
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for first, second in itertools.product(ODD, ODD):
            try:
                DOORS[door](first, second)
            except TradecoreError:
                refused += 1
    assert refused > len(ODD)
