"""Labels, weights and splits against numbers made outside this project (``../shared/reference``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tradecore as tc

pytestmark = pytest.mark.both

FLOATS = {"rtol": 0, "atol": 1e-10}


@pytest.fixture(scope="module")
def told(shared: Path) -> dict[str, Any]:
    return dict(json.loads((shared / "reference" / "11_ml.json").read_text()))


@pytest.mark.parametrize(
    ("case", "pt", "sided"), [("pt1_sl1", 1, False), ("pt2_sl1", 2, False), ("with_side", 1, True)]
)
def test_triple_barrier(told: dict[str, Any], case: str, pt: float, sided: bool) -> None:
    barrier = told["triple_barrier"]
    events, targets = (np.array(column) for column in zip(*barrier["events"], strict=True))
    side = barrier["side"] if sided else None

    def label(**terms: Any) -> tc.ml.TripleBarrier:
        return tc.ml.triple_barrier(
            told["prices"], events.astype(int), targets, horizon=barrier["horizon"], pt=pt, sl=1, side=side, **terms
        )

    got, rows = label(), barrier[case]
    assert [{1: "pt", -1: "sl", 0: "vertical"}[int(t)] for t in got.touch] == [row["touch"] for row in rows]
    assert got.t1.tolist() == [row["t1"] for row in rows]
    np.testing.assert_allclose(got.ret, [row["ret"] for row in rows], rtol=0, atol=1e-11)
    assert got.label.tolist() == [row["label_zero"] for row in rows]
    assert label(vertical="sign").label.tolist() == [row["label_sign"] for row in rows]
    assert got.meta.tolist() == [row["meta_label"] for row in rows]
    assert got.truncated.tolist() == [False] * 5 + [True, True]


def test_uniqueness_and_return_weights(told: dict[str, Any]) -> None:
    rows = told["uniqueness"]
    t0, t1, prices = rows["t0"], rows["t1"], told["prices"]
    assert tc.ml.concurrency(t0, t1, len(prices)).tolist() == rows["concurrency"]
    unique = tc.ml.uniqueness(t0, t1)
    np.testing.assert_allclose(unique, rows["average_uniqueness"], **FLOATS)
    assert unique.mean() == pytest.approx(rows["mean"], abs=1e-10)
    weights = tc.ml.return_weights(prices, t0, t1)
    np.testing.assert_allclose(weights, rows["return_weight_sum_n"], **FLOATS)
    raw = np.array(rows["return_weight_raw"])
    np.testing.assert_allclose(weights * raw.sum() / len(raw), raw, **FLOATS)


def test_fractional_differentiation(told: dict[str, Any]) -> None:
    rows = told["fracdiff"]
    for d, expected in rows["weights_first8"].items():
        got = tc.ml.fractional_weights(float(d), 1e-12 if float(d).is_integer() else 1e-3)[:8]
        np.testing.assert_allclose(got, expected[: len(got)], **FLOATS)
        assert not any(expected[len(got) :])
    fixed = rows["ffd_d0_4_tau0_05"]
    np.testing.assert_allclose(tc.ml.fractional_weights(0.4, 0.05), fixed["weights"], **FLOATS)
    got = tc.ml.fractional_difference(np.log(told["prices"]), 0.4, tau=0.05)
    np.testing.assert_allclose(got, np.array(fixed["output"], float), **FLOATS)
    for d, length in rows["ffd_len_tau_1e_minus_4"].items():
        assert len(tc.ml.fractional_weights(float(d), 1e-4)) == length


def test_cusum_events(told: dict[str, Any]) -> None:
    assert tc.ml.cusum_events(told["prices"], told["cusum"]["h"]).tolist() == told["cusum"]["events"]


@pytest.mark.parametrize(("case", "embargo"), [("embargo_0", 0.0), ("embargo_0_1", 0.1)])
def test_purged_k_fold(told: dict[str, Any], case: str, embargo: float) -> None:
    rows = told["purged_kfold"]
    splitter = tc.ml.PurgedKFold(rows["k"], t0=rows["t0"], t1=rows["t1"], embargo=embargo)
    got = [(train.tolist(), test.tolist()) for train, test in splitter.split(np.zeros((12, 1)))]
    assert got == [(row["train"], row["test"]) for row in rows[case]]
