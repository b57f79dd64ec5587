"""Slippage, impact and schedules against tables made outside this project (``../shared/reference``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tradecore as tc

pytestmark = pytest.mark.both

RELATIVE = 1e-9


@pytest.fixture(scope="module")
def table(shared: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared / "reference" / "07_impact_execution.json").read_text())
    return found


@pytest.fixture
def book(table: dict[str, Any]) -> tc.L2Book:
    instrument = tc.Instrument(
        "ABC.TEST", kind="linear", base="ABC", quote="USD", price_increment="0.5", qty_increment="1"
    )
    book = tc.L2Book(instrument)
    for side in ("asks", "bids"):
        for price, qty in table["book"][side]:
            book.set(side[:-1], price, qty)
    return book


def test_a_walk_of_the_book(table: dict[str, Any], book: tc.L2Book) -> None:
    for row in table["book_walk"]:
        for reference in ("mid", "touch"):
            got = tc.exec.slippage(book, row["side"], row["qty"], reference=reference)
            assert got is not None
            assert (got.displayed_qty, got.beyond_qty, got.unfilled_qty) == (row["filled"], 0, row["unfilled"])
            assert got.average_price == pytest.approx(row["vwap"], rel=RELATIVE)
            assert got.worst_price == row["worst"]
            assert got.bps == pytest.approx(row[f"slippage_vs_{reference}_bps"], rel=RELATIVE, abs=1e-9)


def test_the_square_root_law(table: dict[str, Any]) -> None:
    for row in table["square_root"]:
        got = tc.exec.impact_bps(row["Q"], daily_volume=row["V"], volatility=row["sigma_daily"], y=row["Y"])
        assert got == pytest.approx(row["impact_bps"], rel=RELATIVE)


def test_schedules_of_almgren_and_chriss(table: dict[str, Any]) -> None:
    p = table["almgren_chriss"]["params"]
    for row in table["almgren_chriss"]["rows"]:
        got = tc.exec.almgren_chriss(
            p["X"],
            p["T"],
            p["N"],
            sigma=p["sigma"],
            eta=p["eta"],
            gamma=p["gamma"],
            epsilon=p["eps"],
            risk_aversion=row["lam"],
        )
        # The table has twelve digits.
        for name in ("holdings", "trades"):
            np.testing.assert_allclose(got[name], row[name], rtol=RELATIVE, atol=1e-6)
        assert got["kappa"] == pytest.approx(row["kappa"], rel=RELATIVE)
        assert got["expected_cost"] == pytest.approx(row["expected_cost"], rel=RELATIVE)
        assert got["variance"] == pytest.approx(row["variance"], rel=RELATIVE)
        if row["half_life"] is None:
            assert got["half_life"] is None
        else:
            assert got["half_life"] == pytest.approx(row["half_life"], rel=RELATIVE)


def test_slices(table: dict[str, Any]) -> None:
    twap, vwap = table["twap"], table["vwap"]
    for tail in ("", "2"):
        lot = twap[f"lot{tail}"]
        got = tc.exec.twap_slices(round(twap[f"total{tail}"] / lot), twap[f"n{tail}"])
        assert [round(part * lot, 9) for part in got] == twap[f"expected{tail}"]
    got = tc.exec.vwap_slices(round(vwap["total"] / vwap["lot"]), vwap["curve"])
    assert [part * vwap["lot"] for part in got] == vwap["expected"]
    assert tc.exec.iceberg_slices(10, 3) == table["iceberg_total10_show3"]


def test_participation(table: dict[str, Any]) -> None:
    traded, done = 0.0, 0.0
    for row in table["pov_10pct_total30"]:
        traded += row["market_volume_ex_self"]
        target = tc.exec.pov_target(0.1, traded, 30)
        assert target - done == pytest.approx(row["child"], rel=RELATIVE, abs=1e-9)
        done = target
        assert done == pytest.approx(row["done"], rel=RELATIVE)


def test_an_implementation_shortfall(table: dict[str, Any]) -> None:
    row = table["implementation_shortfall"]
    got = tc.exec.implementation_shortfall(
        row["side"],
        row["total"],
        decision_price=row["decision_px"],
        fills=row["fills"],
        end_price=row["end_px"],
        fees=row["fees"],
    )
    for ours, theirs in (
        ("execution_cost", "execution_cost"),
        ("opportunity_cost", "opportunity_cost"),
        ("total_cost", "total_cost"),
        ("bps", "bps_of_paper"),
    ):
        assert got[ours] == pytest.approx(row[theirs], rel=RELATIVE)
