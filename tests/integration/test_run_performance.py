"""Statistics of runs: the grid they stand on, what a span carries, and orders and fills."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tradecore as tc
from conftest import Quoter
from tradecore.backtest.text import span_text
from tradecore.errors import InvalidValueError


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> tc.Result:
    """Some hours of quotes."""
    folder = tmp_path_factory.mktemp("long")
    tc.synthesize(folder, events=60_000, seed=4, message_gap="1s")
    return tc.Backtest([Quoter("q", ["BTCUSDT.SYNTH"], every="5s", taken="0")], folder).run()


def test_ratios_are_those_of_the_core(long: tc.Result) -> None:
    got = long.performance()
    assert got.returns is not None
    assert got.period_ns == long.totals[0]["sharpe_period_ns"]
    assert got.returns.sharpe == pytest.approx(long.stats.sharpe, rel=1e-9)
    assert got.returns.sortino == pytest.approx(long.stats.sortino, rel=1e-9)
    assert got.max_drawdown == long.stats.max_drawdown
    assert got.returns.max_drawdown <= got.max_drawdown


def test_a_year_is_not_told_by_hours(long: tc.Result) -> None:
    figures = long.performance(capital=1e9).returns
    assert figures is not None
    assert (figures.annual, figures.calmar) == (None, None)
    assert figures.volatility is not None
    assert figures.why["annual"] == figures.why["calmar"]
    assert figures.why["annual"] == f"{span_text(figures.periods * 60_000_000_000)}: at least 30 days needed"


def test_a_capital_makes_fractions_of_it(long: tc.Result) -> None:
    plain, large = long.performance(), long.performance(capital=1e9)
    assert plain.returns is not None
    assert large.returns is not None
    assert large.returns.sharpe == pytest.approx(plain.returns.sharpe, rel=1e-4)
    assert plain.returns.total is not None
    assert large.returns.total == pytest.approx(plain.returns.total / 1e9, rel=1e-4)


def test_orders_and_fills(long: tc.Result) -> None:
    got, orders, fills = long.performance(), long.orders, long.fills
    assert got.fill_ratio == pytest.approx(orders["filled_qty"].sum() / orders["qty"].sum())
    assert got.order_to_trade_ratio == pytest.approx((len(orders) + orders["replaced"].sum()) / len(fills))
    made = fills["realized_pnl"].cast(pl.Float64)
    assert got.hit_rate == pytest.approx((made > 0).sum() / (made != 0).sum())
    assert got.profit_factor == pytest.approx(made.filter(made > 0).sum() / -made.filter(made < 0).sum())
    times = np.append(fills["ts_event"].cast(pl.Int64).to_numpy(), long.span_ns[1])  # type: ignore[index]
    held = (fills["position_qty"] != 0).to_numpy()
    assert got.exposure == pytest.approx(np.diff(times)[held].sum() / long.stats.span_ns, rel=1e-9)


def test_the_longest_drawdown_is_from_a_peak_to_its_recovery(long: tc.Result) -> None:
    equity = long.frame("equity", exact=False)
    stamps, values = equity["ts"].cast(pl.Int64).to_list(), equity["equity"].to_list()
    peak, since, longest, is_below = 0.0, stamps[0], 0, False
    for ts, value in zip(stamps, values, strict=True):
        was_below, is_below = is_below, value < peak
        if was_below or is_below:
            longest = max(longest, ts - since)
        if not is_below:
            peak, since = value, ts
    assert long.performance().drawdown_ns == longest > 0


def test_a_run_of_seconds_carries_no_ratio(market: Path) -> None:
    short = tc.Backtest([Quoter("q", ["BTCUSDT.SYNTH"], every="5s", taken="0")], market).run().performance()
    assert (short.returns, short.turnover_per_day) == (None, None)
    assert re.fullmatch(r"0 changes of 1m in [\d.]+ s: at least 30 needed", short.why["returns"])
    assert short.why["turnover_per_day"].endswith("shorter than a day")


def test_the_grid_can_be_chosen(long: tc.Result) -> None:
    got = long.performance(period="30m", trials=50)
    assert got.period_ns == 1_800_000_000_000
    fine = long.performance(period="30s", trials=50)
    assert fine.returns is not None
    assert fine.returns.periods > 60
    assert fine.returns.deflated_sharpe is not None
    assert fine.returns.probabilistic_sharpe is not None
    assert fine.returns.deflated_sharpe < fine.returns.probabilistic_sharpe


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"currency": "EUR"}, "currency"),
        ({"capital": 0}, "capital"),
        ({"capital": 1e-9}, "capital"),
        ({"period": "0s"}, "period"),
        ({"period": 60}, "period"),
        ({"period": "1ns"}, "period"),
        ({"trials": 0}, "trials"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: Any, field: str, long: tc.Result) -> None:
    with pytest.raises(InvalidValueError) as caught:
        long.performance(**arguments)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("ns", "text"), [(75e9, "75 s"), (0, "0 s"), (125e9, "2 min 5 s"), (3_600e9, "1 h"), (90_061e9, "1 d 1 h")]
)
def test_spans_read_as_people_say_them(ns: float, text: str) -> None:
    assert span_text(int(ns)) == text
