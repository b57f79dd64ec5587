"""Labels, weights and fractional differentiation: against plain loops, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tradecore as tc
from tradecore.errors import InvalidValueError

NAN = float("nan")


def walk(rows: int = 300, seed: int = 1) -> np.ndarray[Any, np.dtype[np.float64]]:
    return 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, rows)))


# Forward returns


def test_a_forward_return_is_that_of_the_row_a_horizon_on() -> None:
    price = walk(50)
    got = tc.ml.forward_return(price, 3)
    np.testing.assert_allclose(got[:-3], price[3:] / price[:-3] - 1)
    assert np.isnan(got[-3:]).all()
    np.testing.assert_allclose(tc.ml.forward_return(price, 3, log=True)[:-3], np.log(price[3:] / price[:-3]))


def test_a_horizon_of_time_takes_the_last_price_known_then() -> None:
    ts = np.array([0, 1, 4, 5, 5, 9]) * 1_000_000_000
    price = np.array([10.0, 11, 12, 13, 14, 15])
    got = tc.ml.forward_return(price, "4s", ts=ts)
    np.testing.assert_allclose(got[:-1], [12 / 10 - 1, 14 / 11 - 1, 14 / 12 - 1, 15 / 13 - 1, 15 / 14 - 1])
    assert math.isnan(got[-1])


def test_results_take_the_form_of_the_prices() -> None:
    series = pd.Series([1.0, 2.0, 4.0], index=[7, 8, 9])
    assert tc.ml.forward_return(series, 1).index.tolist() == [7, 8, 9]
    assert isinstance(tc.ml.forward_return(pl.Series([1.0, 2.0]), 1), pl.Series)
    assert isinstance(tc.ml.fractional_difference(pl.Series([1.0, 2.0]), 1), pl.Series)


# Triple barriers


def slow_barrier(
    price: list[float], high: list[float], low: list[float], event: int, target: float, horizon: int, side: int
) -> tuple[int, int]:
    """Label and row of the touch, one row after the other."""
    entry = price[event]
    for row in range(event + 1, min(event + horizon, len(price) - 1) + 1):
        moves = [side * (extreme / entry - 1) for extreme in (high[row], low[row])]
        if min(moves) <= -1.5 * target:
            return -1, row
        if max(moves) >= 2 * target:
            return 1, row
    return 0, min(event + horizon, len(price) - 1)


@pytest.mark.parametrize("bars", [False, True])
def test_barriers_are_those_of_a_plain_loop(bars: bool) -> None:
    random = np.random.default_rng(3)
    price = walk()
    spread = np.abs(random.normal(0, 0.5, len(price))) if bars else np.zeros(len(price))
    high, low = price + spread, price - spread
    events = np.sort(random.choice(len(price), 120, replace=False))
    target, side = random.uniform(0.002, 0.03, 120), random.choice([-1, 1], 120)
    extremes = {"high": high, "low": low} if bars else {}
    got = tc.ml.triple_barrier(price, events, target, horizon=12, pt=2, sl=1.5, side=side, **extremes)
    expected = [
        slow_barrier(price.tolist(), high.tolist(), low.tolist(), int(e), t, 12, int(s))
        for e, t, s in zip(events, target, side, strict=True)
    ]
    assert list(zip(got.label.astype(int), got.t1, strict=True)) == expected
    assert {-1, 0, 1} == set(got.label)
    assert got.truncated.tolist() == (events + 12 > len(price) - 1).tolist()


def test_the_stop_comes_first_where_a_row_touched_both() -> None:
    got = tc.ml.triple_barrier([100, 100], [0], 0.01, horizon=1, high=[100, 103], low=[100, 97])
    assert (got.label[0], got.ret[0]) == (-1, -0.01)
    short = tc.ml.triple_barrier([100, 100], [0], 0.01, horizon=1, side=[-1], high=[100, 100.5], low=[100, 97])
    assert (short.label[0], short.ret[0]) == (1, 0.01)


@pytest.mark.parametrize("percent", range(1, 60))
@pytest.mark.parametrize("side", [1, -1])
def test_a_price_at_a_barrier_touches_it(percent: int, side: int) -> None:
    """A fall of 10 % from 100 to 90 is 0.09999999999999998, and was no touch, while one of 2 % was."""
    for label in (1, -1):
        path = [100, 100 + side * label * percent, 100]
        touched = tc.ml.triple_barrier(path, [0], percent / 100, horizon=2, side=[side])
        assert (touched.label[0], touched.t1[0]) == (label, 1)


def test_a_barrier_that_is_none_is_never_touched() -> None:
    got = tc.ml.triple_barrier([100, 150, 50, 120], [0], 0.01, horizon=3, pt=None, sl=None, vertical="sign")
    assert (got.label[0], got.touch[0], got.t1[0]) == (1, 0, 3)
    assert got.ret[0] == pytest.approx(0.2)


def test_no_width_is_no_label() -> None:
    got = tc.ml.triple_barrier([100, 101, 102], [0, 0, 0], [NAN, 0.0, 0.01], horizon=2)
    assert [math.isnan(x) for x in got.label] == [True, True, False]
    assert [math.isnan(x) for x in got.meta] == [True, True, False]


def test_no_events_are_no_labels() -> None:
    assert len(tc.ml.triple_barrier(walk(5), np.array([], int), 0.01, horizon=2).label) == 0


# Trends, CUSUM


def slow_slope_t(y: np.ndarray[Any, Any]) -> float:
    x = np.arange(len(y), dtype=float)
    design = np.column_stack([np.ones(len(y)), x])
    beta, *_ = np.linalg.lstsq(design, y, rcond=None)
    rest = y - design @ beta
    variance = rest @ rest / (len(y) - 2) * np.linalg.inv(design.T @ design)[1, 1]
    return float(beta[1] / np.sqrt(variance))


def test_trends_are_those_of_least_squares() -> None:
    price = walk(80, 4)
    got = tc.ml.trend_scanning(price, (4, 9))
    for row in range(len(price) - 8):
        found = {length: slow_slope_t(price[row : row + length]) for length in range(4, 10)}
        best = max(found, key=lambda length: abs(found[length]))
        assert got.t1[row] == row + best - 1
        assert got.t_value[row] == pytest.approx(found[best], rel=1e-6)
        assert got.label[row] == np.sign(found[best])
    assert np.isnan(got.label[-8:]).all()


def test_a_flat_price_has_no_trend_and_a_straight_one_the_strongest() -> None:
    flat = tc.ml.trend_scanning(np.full(10, 0.1), (3, 5))
    assert (flat.label[0], flat.t_value[0]) == (0, 0)
    line = tc.ml.trend_scanning(1.1 + 0.1 * np.arange(10), (3, 5))
    assert (line.label[0], line.t_value[0]) == (1, math.inf)
    assert np.isnan(tc.ml.trend_scanning([1.0, 2.0, 3.0], (3, 4)).label).all()


def test_a_side_of_the_cusum_filter_starts_again_by_itself() -> None:
    price = np.exp(np.cumsum([0, 0.02, -0.005, 0.01, -0.03, -0.001]))
    assert tc.ml.cusum_events(price, 0.015).tolist() == [1, 4]
    assert tc.ml.cusum_events(price, np.array([1, 1, 1, NAN, 0.015, 1])).tolist() == [4]
    assert tc.ml.cusum_events([5.0], 0.1).tolist() == []
    assert tc.ml.cusum_events([], 0.1).tolist() == []


# Weights


def test_weights_are_those_of_plain_loops() -> None:
    random = np.random.default_rng(8)
    price = walk(60, 8)
    t0 = np.sort(random.integers(0, 50, 20))
    t1 = t0 + random.integers(0, 10, 20)
    count = [sum(a <= row <= b for a, b in zip(t0, t1, strict=True)) for row in range(60)]
    assert tc.ml.concurrency(t0, t1, 60).tolist() == count
    returns = np.diff(np.log(price), prepend=np.log(price[0]))
    unique = [np.mean([1 / count[row] for row in range(a, b + 1)]) for a, b in zip(t0, t1, strict=True)]
    np.testing.assert_allclose(tc.ml.uniqueness(t0, t1), unique)
    own = np.array([abs(sum(returns[r] / count[r] for r in range(a, b + 1))) for a, b in zip(t0, t1, strict=True)])
    np.testing.assert_allclose(tc.ml.return_weights(price, t0, t1), own * 20 / own.sum(), rtol=1e-9)
    assert tc.ml.return_weights(np.full(60, 7.0), t0, t1).tolist() == [1.0] * 20


def test_weights_decay_in_a_line_over_uniqueness() -> None:
    assert tc.ml.time_decay([0.5, 0.5, 1.0], 1).tolist() == [1, 1, 1]
    assert tc.ml.time_decay([0.5, 0.5, 1.0], 0).tolist() == [0.25, 0.5, 1]
    assert tc.ml.time_decay([1.0, 1.0, 1.0, 1.0], -0.5).tolist() == [0, 0, 0.5, 1]
    assert tc.ml.time_decay([], 0.5).tolist() == []


# Fractional differentiation


def test_whole_orders_are_differences_and_a_nan_spoils_its_windows_only() -> None:
    x = walk(40)
    np.testing.assert_array_equal(tc.ml.fractional_difference(x, 0), x)
    np.testing.assert_allclose(tc.ml.fractional_difference(x, 1)[1:], np.diff(x))
    np.testing.assert_allclose(tc.ml.fractional_difference(x, 2)[2:], np.diff(x, 2), atol=1e-12)
    x[20] = NAN
    got = tc.ml.fractional_difference(x, 0.4, tau=0.05)
    assert np.flatnonzero(np.isnan(got)).tolist() == [0, 1, 2, 20, 21, 22, 23]
    assert np.isnan(tc.ml.fractional_difference(x[:3], 0.4, tau=0.05)).all()


# Bad input


PRICES = {
    "zero": [1.0, 0.0],
    "negative": [1.0, -2.0],
    "missing": [1.0, NAN],
    "infinite": [1.0, math.inf],
    "text": ["a", "b"],
    "two dimensions": np.ones((2, 2)),
}
ON_PRICES = {
    "forward_return": lambda price: tc.ml.forward_return(price, 1),
    "triple_barrier": lambda price: tc.ml.triple_barrier(price, [0], 0.1, horizon=1),
    "trend_scanning": lambda price: tc.ml.trend_scanning(price, (3, 4)),
    "cusum_events": lambda price: tc.ml.cusum_events(price, 0.1),
    "return_weights": lambda price: tc.ml.return_weights(price, [0], [1]),
}


@pytest.mark.parametrize("name", ON_PRICES)
@pytest.mark.parametrize("kind", PRICES)
def test_what_is_no_price_is_refused_with_its_row(name: str, kind: str) -> None:
    with pytest.raises(InvalidValueError, match=r"price: (row 1: )?expected") as caught:
        ON_PRICES[name](PRICES[kind])
    assert caught.value.field == "price"


@pytest.mark.parametrize("name", ["forward_return", "trend_scanning", "cusum_events"])
@pytest.mark.parametrize("price", [[], [5.0], [7.0] * 20], ids=["empty", "one row", "constant"])
def test_short_and_constant_prices_have_results(name: str, price: list[float]) -> None:
    got = ON_PRICES[name](price)
    rows = got.label if name == "trend_scanning" else got
    assert name == "cusum_events" or len(rows) == len(price)
    assert not (rows[~np.isnan(rows)] != 0).any()


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: tc.ml.forward_return([1.0, 2.0], 0), "horizon: expected a whole number from 1"),
        (lambda: tc.ml.forward_return([1.0, 2.0], "0s", ts=[0, 1]), "horizon: expected more than 0"),
        (lambda: tc.ml.forward_return([1.0, 2.0], "5 parsecs", ts=[0, 1]), "horizon: "),
        (lambda: tc.ml.forward_return([1.0, 2.0], "5s"), "ts: a horizon of time, '5s', needs the times"),
        (lambda: tc.ml.forward_return([1.0, 2.0], "5s", ts=[3, 1]), "ts: row 1: 1 lies before the row in front of it"),
        (lambda: tc.ml.forward_return([1.0, 2.0], "5s", ts=[3]), "ts: expected 2 rows, got 1"),
        (lambda: tc.ml.forward_return([1.0, 2.0], "5s", ts=[0.5, 1.5]), "ts: expected one column of int64 ns or times"),
        (lambda: tc.ml.triple_barrier([1.0, 2.0], [2], 0.1, horizon=1), "events: row 0: expected a row from 0 to 1"),
        (lambda: tc.ml.triple_barrier([1.0, 2.0], [0], -0.1, horizon=1), "target: row 0: expected a width"),
        (lambda: tc.ml.triple_barrier([1.0, 2.0], [0], [0.1] * 2, horizon=1), "target: expected 1 rows, got 2"),
        (lambda: tc.ml.triple_barrier([1.0, 2.0], [0], 0.1, horizon=0), "horizon: expected a whole number"),
        (lambda: tc.ml.triple_barrier([1.0, 2.0], [0], 0.1, horizon=1, pt=0), "pt: expected a multiple above 0"),
        (lambda: tc.ml.triple_barrier([1.0, 2.0], [0], 0.1, horizon=1, side=[0]), "side: row 0: expected 1 or -1"),
        (lambda: tc.ml.triple_barrier([1.0, 2.0], [0], 0.1, horizon=1, high=[1.0, 2.0]), "low: high and low go"),
        (lambda: tc.ml.triple_barrier([1, 2], [0], 0.1, horizon=1, high=[1, 1], low=[1, 1]), "high: row 1: expected"),
        (lambda: tc.ml.triple_barrier([1, 2], [0], 0.1, horizon=1, vertical="up"), "vertical: expected zero or sign"),  # type: ignore[arg-type]
        (lambda: tc.ml.trend_scanning([1.0], (2, 4)), "horizons: expected 3 <= shortest <= longest"),
        (lambda: tc.ml.trend_scanning([1.0], 5), "horizons: expected the shortest and the longest"),  # type: ignore[arg-type]
        (lambda: tc.ml.cusum_events([1.0, 2.0], 0), "threshold: row 0: expected more than 0"),
        (lambda: tc.ml.cusum_events([1.0, 2.0], NAN), "threshold: expected a finite number, got nan"),
        (lambda: tc.ml.meta_labels([1.0], [0.1, 0.2]), "side: expected 2 rows, got 1"),
        (lambda: tc.ml.concurrency([0], [-1]), "t1: row 0: expected no moment before t0"),
        (lambda: tc.ml.concurrency([1, 0], [2, 2]), "t0: row 1: 0 lies before"),
        (lambda: tc.ml.concurrency([0], [5], 3), "t1: row 0: 5 lies beyond the data of 3 rows"),
        (lambda: tc.ml.concurrency([-2], [5]), "t0: row 0: expected a row from 0"),
        (lambda: tc.ml.time_decay([0.0], 0.5), "unique: row 0: expected above 0"),
        (lambda: tc.ml.time_decay([1.0], -1), "oldest: expected more than -1"),
        (lambda: tc.ml.fractional_weights(-0.1), "d: expected a number from 0"),
        (lambda: tc.ml.fractional_weights(0.5, 0), "tau: expected more than 0"),
        (lambda: tc.ml.fractional_weights(0.01, 1e-12), "tau: 1e-12 is reached by none"),
        (lambda: tc.ml.fractional_difference([1.0, math.inf], 0.5), "x: row 1: expected a finite number"),
    ],
)  # fmt: skip
def test_what_cannot_be_labelled_is_refused_by_name(call: Any, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        call()
