"""Splits: no label of training meets one of a test, and scikit-learn takes the splitters as its own."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tradecore as tc
from tradecore.errors import InvalidValueError


@st.composite
def labels(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    t0 = sorted(draw(st.lists(st.integers(0, 60), min_size=12, max_size=40)))
    t1 = [start + draw(st.integers(0, 4)) for start in t0]
    return t0, t1


@given(labels(), st.sampled_from(["fold", "combinatorial"]), st.sampled_from([0.0, 0.05, 0.2]))
@settings(max_examples=60)
def test_purging_drops_what_meets_a_test_and_the_embargo_after_it_and_no_more(
    spans: tuple[list[int], list[int]], kind: str, embargo: float
) -> None:
    t0, t1 = spans
    rows = len(t0)
    splitter = (
        tc.ml.PurgedKFold(3, t0=t0, t1=t1, embargo=embargo)
        if kind == "fold"
        else tc.ml.CombinatorialPurgedCV(4, 2, t0=t0, t1=t1, embargo=embargo)
    )
    for train, test in splitter._splits(rows):
        blocks = np.split(test, np.flatnonzero(np.diff(test) > 1) + 1)
        dropped = set()
        for block in blocks:
            begin, end = min(t0[i] for i in block), max(t1[i] for i in block)
            dropped |= {i for i in range(rows) if t0[i] <= end and t1[i] >= begin}
            after = [i for i in range(rows) if t0[i] > end]
            dropped |= set(after[: int(rows * embargo)])
        if len(blocks) == 1 or embargo == 0:
            assert set(train.tolist()) == set(range(rows)) - dropped - set(test.tolist())
        else:  # blocks side by side are one here, and each has its embargo there
            assert set(train.tolist()) <= set(range(rows)) - dropped - set(test.tolist())


def test_paths_take_every_tested_block_once() -> None:
    splitter = tc.ml.CombinatorialPurgedCV(6, 2, horizon=1)
    paths = splitter.paths()
    assert paths.shape == (5, 6)
    taken = Counter((int(split), block) for path in paths for block, split in enumerate(path))
    assert set(taken.values()) == {1}
    assert len(taken) == 15 * 2
    predictions = [test * 1000.0 + number for number, (_, test) in enumerate(splitter.split(range(31)))]
    together = splitter.path_predictions(predictions)
    assert together.shape == (5, 31)
    assert (together // 1000 == np.arange(31)).all()
    with pytest.raises(InvalidValueError, match=r"predictions: expected those of 15 splits, got 1"):
        splitter.path_predictions([[1.0]])
    with pytest.raises(InvalidValueError, match=r"predictions\[3\]: expected 11 rows, got 12"):
        splitter.path_predictions([[1.0] * 12] * 14 + [[1.0] * 3])


def test_walking_forward_rolls_or_grows_and_purges() -> None:
    def rows(**terms: Any) -> list[tuple[list[int], list[int]]]:
        splitter = tc.ml.WalkForward(5, 3, **terms)
        found = [(train.tolist(), test.tolist()) for train, test in splitter.split(np.zeros((12, 2)))]
        assert splitter.get_n_splits(np.zeros((12, 2))) == len(found)
        return found

    assert rows(horizon=1) == [([0, 1, 2, 3], [5, 6, 7]), ([3, 4, 5, 6], [8, 9, 10])]
    assert rows(horizon=2, anchored=True) == [([0, 1, 2], [5, 6, 7]), ([0, 1, 2, 3, 4, 5], [8, 9, 10])]
    assert [test for _, test in rows(horizon=1, step=2)] == [[5, 6, 7], [7, 8, 9], [9, 10, 11]]


def test_walking_forward_by_time_takes_the_rows_of_that_time() -> None:
    second = 1_000_000_000
    t0 = np.array([0, 1, 2, 3, 3, 4, 9, 10, 11]) * second
    splitter = tc.ml.WalkForward("3s", "2s", t0=t0, horizon="1s")
    assert [(a.tolist(), b.tolist()) for a, b in splitter.split(t0)] == [
        ([0, 1], [3, 4, 5]),
        ([6], [8]),
    ]


def test_a_horizon_of_time_spans_from_each_sample_on() -> None:
    t0 = np.array([0, 5, 6, 20, 21, 22]) * 1_000_000
    first = next(tc.ml.PurgedKFold(3, t0=t0, horizon="1ms").split(t0))
    assert [rows.tolist() for rows in first] == [[3, 4, 5], [0, 1]]


def test_scikit_learn_takes_the_splitters() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(0)
    X = random.normal(size=(200, 2))
    y = (X[:, 0] > 0).astype(int)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    t1 = np.arange(200) + 5
    for splitter, number in (
        (tc.ml.PurgedKFold(4, t1=t1, embargo=0.01), 4),
        (tc.ml.CombinatorialPurgedCV(5, 2, horizon=5), 10),
        (tc.ml.WalkForward(50, 50, horizon=5), 3),
    ):
        scores = cross_val_score(pipeline, X, y, cv=splitter)
        assert len(scores) == number
        assert scores.min() > 0.8
        search = GridSearchCV(pipeline, {"logisticregression__C": [0.1, 1.0]}, cv=splitter).fit(X, y)
        assert search.n_splits_ == number
    assert len(cross_val_predict(pipeline, X, y, cv=tc.ml.PurgedKFold(4, horizon=5))) == 200


def test_a_splitter_shows_how_it_was_made() -> None:
    assert repr(tc.ml.PurgedKFold(3, horizon=2)) == "PurgedKFold(n_splits=3, horizon=2, embargo=0.0)"
    assert repr(tc.ml.PurgedKFold(3, t1=[1, 2])) == "PurgedKFold(n_splits=3, t1=..., embargo=0.0)"


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: tc.ml.PurgedKFold(1, horizon=1), "n_splits: expected at least 2"),
        (lambda: tc.ml.PurgedKFold(2.5, horizon=1), "n_splits: expected a whole number"),  # type: ignore[arg-type]
        (lambda: tc.ml.PurgedKFold(2), "t1: expected the ends of the labels, or their horizon"),
        (lambda: tc.ml.PurgedKFold(2, t1=[1, 2], horizon=1), "t1: expected the ends of the labels, or"),
        (lambda: tc.ml.PurgedKFold(2, horizon=0), "horizon: expected a whole number from 1"),
        (lambda: tc.ml.PurgedKFold(2, horizon=1, embargo=1), "embargo: expected a share from 0"),
        (lambda: tc.ml.PurgedKFold(2, t0=[2, 1], t1=[3, 3]), "t0: row 1: 1 lies before"),
        (lambda: tc.ml.PurgedKFold(2, t0=[1, 2], t1=[0, 3]), "t1: row 0: expected no moment before t0"),
        (lambda: tc.ml.PurgedKFold(2, t0=[1, 2], t1=[3]), "t1: expected 2 rows, got 1"),
        (lambda: list(tc.ml.PurgedKFold(2, t1=[3, 4]).split([0])), "X: expected 2 rows, got 1"),
        (lambda: list(tc.ml.PurgedKFold(3, horizon=1).split([0, 1])), "X: expected at least 3 samples, got 2"),
        (lambda: list(tc.ml.PurgedKFold(2, horizon=9).split(range(8))), "X: split 0: nothing is left to train on"),
        (lambda: list(tc.ml.PurgedKFold(2, horizon="1s").split(range(8))), "t0: a horizon of time, '1s', needs"),
        (lambda: tc.ml.CombinatorialPurgedCV(3, 3, horizon=1), "n_test: expected from 1 to less than n_blocks"),
        (lambda: tc.ml.WalkForward(5, "1s", horizon=1), "test: expected train, test and step all as rows"),
        (lambda: tc.ml.WalkForward("5s", "1s", horizon=1), "t0: lengths of time need the times"),
        (lambda: tc.ml.WalkForward(0, 1, horizon=1), "train: expected a whole number"),
        (lambda: tc.ml.WalkForward("1s", "0s", t0=[1], horizon=1), "test: expected more than 0"),
        (lambda: list(tc.ml.WalkForward(5, 2, horizon=1).split(range(5))), "X: samples are too few for one split"),
        (lambda: list(tc.ml.WalkForward(4, 2, horizon=1).split(range(5))), "X: samples are too few for one split"),
        (lambda: tc.ml.WalkForward(4, 60, step=1, horizon=1).get_n_splits(range(9)), "X: samples are too few for one"),
        (lambda: list(tc.ml.WalkForward("1s", "1ns", t0=[0, 5 * 10**9], horizon="1ns").split(range(2))),
         "step: '1ns' gives 4,000,000,001 windows, more than 1,000,000: expected a longer one"),
        (lambda: list(tc.ml.WalkForward(5, 2, horizon=1).split([])), "X: samples are too few for one split"),
        (lambda: tc.ml.WalkForward(5, 2, horizon=1).get_n_splits(), "X: the number of splits follows from"),
    ],
)  # fmt: skip
def test_what_cannot_be_split_is_refused_by_name(call: Any, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        call()
