"""Statistics of returns against tables of numbers made outside this project, and published examples."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tradecore as tc
from tradecore.errors import InvalidValueError

pytestmark = pytest.mark.both


@pytest.fixture(scope="module")
def table(shared: Path) -> Any:
    return json.loads((shared / "reference" / "08_performance.json").read_text())


@pytest.fixture(scope="module")
def returns(shared: Path) -> np.ndarray[Any, Any]:
    with (shared / "reference" / "08_returns.csv").open() as file:
        return np.array([float(row["ret"]) for row in csv.DictReader(file)])


@pytest.mark.parametrize("year", [365, 252])
def test_figures_of_daily_returns(year: int, table: Any, returns: np.ndarray[Any, Any]) -> None:
    got = tc.performance(returns, year)
    own, empyrical = table["metrics"][str(year)]["own_formula"], table["metrics"][str(year)]["empyrical"]
    for name, expected in (
        ("total", own["total_return"]),
        ("annual", own["cagr"]),
        ("volatility", own["annual_vol"]),
        ("sharpe", empyrical["sharpe"]),
        ("sortino", empyrical["sortino"]),
        ("calmar", empyrical["calmar"]),
        ("max_drawdown", -empyrical["max_drawdown"]),
        ("skew", own["skew"]),
        ("kurtosis", own["kurtosis_excess"] + 3),
        ("hit_rate", own["hit_ratio"]),
        ("profit_factor", own["profit_factor"]),
        ("var_95", -own["var95_hist"]),
        ("cvar_95", -own["cvar95_hist"]),
    ):
        assert getattr(got, name) == pytest.approx(expected, rel=1e-9), name
    assert got.periods == len(returns)


def test_probabilistic_and_deflated_sharpe_of_the_series(table: Any, returns: np.ndarray[Any, Any]) -> None:
    expected = table["series_psr"]
    got = tc.performance(returns, trials=20, trial_variance=0.002)
    assert got.probabilistic_sharpe == pytest.approx(expected["psr0"], rel=1e-9)
    assert got.deflated_sharpe == pytest.approx(expected["dsr_20_trials_var_0_002"], rel=1e-9)
    one = tc.performance(returns, trials=1)
    assert one.deflated_sharpe == one.probabilistic_sharpe


def test_the_examples_of_the_papers(table: Any) -> None:
    psr, dsr = table["psr"], table["dsr"]
    assert tc.probabilistic_sharpe(0.458, 24) == pytest.approx(psr["normal"], rel=1e-9)
    moments = tc.probabilistic_sharpe(0.458, 24, skew=-2.448, kurtosis=10.164)
    assert moments == pytest.approx(psr["with_moments"], rel=1e-9)
    daily, variance = 2.5 / math.sqrt(250), 0.5 / 250
    best = tc.sharpe_of_best_trial(100, variance)
    assert best == pytest.approx(dsr["sr0_daily"], rel=1e-9)
    assert tc.probabilistic_sharpe(daily, 1250, benchmark=best, skew=-3, kurtosis=10) == pytest.approx(
        dsr["dsr"], rel=1e-9
    )
    for trials, expected in dsr["e_max_unit_variance"].items():
        assert tc.sharpe_of_best_trial(int(trials), 1.0) == pytest.approx(expected, rel=1e-9)
    assert tc.sharpe_of_best_trial(1, 1.0) == 0.0
    assert 9.0 < tc.sharpe_of_best_trial(10**20, 1.0) < 10.0


def test_the_edges(table: Any) -> None:
    edge = table["edge_cases"]
    flat = tc.performance(edge["all_zero"]["returns"])
    assert (flat.sharpe, flat.sortino, flat.max_drawdown, flat.hit_rate) == (None, None, 0.0, None)
    assert (str(flat.var_95), str(flat.cvar_95)) == ("0.0", "0.0")
    up = tc.performance(edge["always_up"]["returns"])
    assert (up.sortino, up.sharpe, up.calmar, up.max_drawdown, up.hit_rate) == (None, None, None, 0.0, 1.0)
    assert up.why["sharpe"] == "returns do not vary"
    first = tc.performance(edge["first_loss"]["returns"])
    assert first.max_drawdown == pytest.approx(0.1)
    assert first.drawdown_periods == 2
    single = tc.performance(edge["single"]["returns"])
    assert (single.sharpe, single.why["sharpe"]) == (None, "there is one return")
    none = tc.performance([])
    assert (none.total, none.sharpe, none.max_drawdown) == (None, None, 0.0)


@pytest.mark.parametrize("in_currency", [False, True])
@pytest.mark.parametrize("start", [0.7, 1e3, 1e6])
def test_equal_returns_of_a_rounded_equity_have_no_ratio(start: float, in_currency: bool) -> None:
    """A Sharpe ratio of 10^14 was that of what the returns were rounded by."""
    day = np.arange(250)
    equity = start + 0.1 * day if in_currency else start * 1.001**day
    changes = np.diff(equity)
    got = tc.performance(changes if in_currency else changes / equity[:-1], in_currency=in_currency)
    assert np.ptp(changes) > 0
    assert (got.sharpe, got.skew, got.probabilistic_sharpe, got.volatility) == (None, None, None, 0.0)
    assert got.why["sharpe"] == "returns do not vary"
    assert tc.performance([0.001, 0.001, 0.00101]).sharpe is not None


@pytest.mark.parametrize("in_currency", [False, True])
def test_equity_that_is_back_at_its_peak_is_below_it_no_longer(in_currency: bool) -> None:
    for start in range(100, 120):
        for peak in range(start + 1, start + 15):
            equity = np.array([start, peak, start - 9.7, peak, peak, peak])
            changes = np.diff(equity) / 10
            got = tc.performance(changes if in_currency else np.diff(equity) / equity[:-1], in_currency=in_currency)
            assert got.drawdown_periods == 1


def test_changes_in_currency_add_up(returns: np.ndarray[Any, Any]) -> None:
    got, of = tc.performance(returns * 1e4, in_currency=True), tc.performance(returns)
    assert got.total == pytest.approx(returns.sum() * 1e4)
    assert (got.sharpe, got.skew) == (pytest.approx(of.sharpe), pytest.approx(of.skew))
    curve = np.concatenate(([0.0], np.cumsum(returns * 1e4)))
    assert got.max_drawdown == pytest.approx((np.maximum.accumulate(curve) - curve).max())


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (([0.1, float("nan")],), "returns"),
        (([[0.1]],), "returns"),
        (([-1.5],), "returns"),
        (([1e200, -1e200], 365, {"in_currency": True}), "returns"),
        ((["a"],), "returns"),
        (([0.1], 0), "periods_per_year"),
        (([0.1], 365, {"trials": 0}), "trials"),
        (([0.1], 365, {"trials": 2, "trial_variance": -1.0}), "trial_variance"),
    ],
)
def test_what_are_no_returns_is_refused(arguments: Any, field: str) -> None:
    *plain, named = arguments if isinstance(arguments[-1], dict) else (*arguments, {})
    with pytest.raises(InvalidValueError) as caught:
        tc.performance(*plain, **named)
    assert caught.value.field == field
