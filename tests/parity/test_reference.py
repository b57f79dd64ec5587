"""Our formulas against tables of numbers made outside this project (``../shared/reference``)."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tradecore as tc

pytestmark = pytest.mark.both


@pytest.fixture(scope="module")
def reference(shared: Path) -> Path:
    return shared / "reference"


def table(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return {k: np.array([r[k] for r in rows]) for k in rows[0]}


def floats(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return values.astype(float)


def test_avellaneda_stoikov_quotes(reference: Path) -> None:
    rows = {k: floats(v) for k, v in table(reference / "01_avellaneda_stoikov_quotes.csv").items()}
    for gamma in np.unique(rows["gamma"]):
        at = rows["gamma"] == gamma
        got = tc.avellaneda_stoikov_quotes(
            rows["s"][at],
            rows["q"][at],
            (rows["T"] - rows["t"])[at],
            gamma=gamma,
            sigma=rows["sigma"][at][0],
            k=rows["k"][at][0],
        )
        for name in ("reservation", "spread", "bid", "ask"):
            np.testing.assert_allclose(got[name], rows[name][at], rtol=1e-9)


@pytest.mark.parametrize("gamma", [0.1, 0.01, 1.0])
def test_the_published_simulation(reference: Path, gamma: float) -> None:
    """1,000 paths of the paper's simulation land where 100,000 paths of an outside one do."""
    published = json.loads((reference / "01_avellaneda_stoikov_mc.json").read_text())["rows"]
    (row,) = [
        r for r in published if (r["gamma"], r["version"], r["strategy"]) == (gamma, "2008 published", "inventory")
    ]
    random = np.random.default_rng(1)
    paths, dt, sigma, k, rate = 1000, 0.005, 2.0, 1.5, 140.0
    s, q, cash = np.full(paths, 100.0), np.zeros(paths), np.zeros(paths)
    for step in range(200):
        tau = np.full(paths, 1 - step * dt)
        quotes = tc.avellaneda_stoikov_quotes(s, q, tau, gamma=gamma, sigma=sigma, k=k)
        for side, price in ((1, quotes["bid"]), (-1, quotes["ask"])):
            chance = np.minimum(1, rate * np.exp(-k * side * (s - price)) * dt)
            hit = random.random(paths) < chance
            q += side * hit
            cash -= side * price * hit
        s += sigma * np.sqrt(dt) * random.choice([-1.0, 1.0], paths)
    profit = cash + q * s
    assert profit.mean() == pytest.approx(row["profit"], abs=4 * row["std_profit"] / np.sqrt(paths))
    assert profit.std() == pytest.approx(row["std_profit"], rel=0.12)
    assert q.std() == pytest.approx(row["std_q"], rel=0.10)
    assert abs(q.mean()) < 0.5


def test_glft_closed_form(reference: Path) -> None:
    rows = table(reference / "02_glft_quotes.csv")
    for i in range(len(rows["q"])):
        row = {k: float(v[i]) for k, v in rows.items() if k != "case"}
        got = tc.glft_coefficients(gamma=row["gamma"], sigma=row["sigma"], a=row["A"], k=row["k"])
        for name in ("c1", "c2", "half_spread", "skew"):
            assert got[name] == pytest.approx(row[name], rel=1e-9)
        assert got["half_spread"] + got["skew"] * row["q"] == pytest.approx(row["bid_approx"], rel=1e-9)
    for row in json.loads((reference / "02_glft.json").read_text())["closed_form_multi_unit"]:
        got = tc.glft_coefficients(**{k: row[k] for k in ("gamma", "sigma", "k", "delta", "xi")}, a=row["A"])
        assert got["half_spread"] + got["skew"] * row["q"] == pytest.approx(row["delta_bid"], rel=1e-9)
        assert got["half_spread"] - got["skew"] * row["q"] == pytest.approx(row["delta_ask"], rel=1e-9)


def test_the_founding_vector() -> None:
    got = tc.glft_coefficients(gamma=0.1, xi=0.1, sigma=0.5, a=10, k=1.5, delta=0.2)
    assert got["c1"] == pytest.approx(0.662261337501036, abs=1e-14)
    assert got["c2"] == pytest.approx(0.213556538378466, abs=1e-14)
    assert got["half_spread"] == pytest.approx(0.672939164419960, abs=1e-14)
    assert got["skew"] == pytest.approx(0.106778269189233, abs=1e-14)


def test_intensity_calibration(reference: Path) -> None:
    depths = floats(table(reference / "02_calibration_depths.csv")["max_depth_ticks"])
    grid = np.arange(0.5, 12.0, 1.0)
    counts = np.array([(depths > d).sum() for d in grid], dtype=np.uint64)
    fit = tc.fit_intensity(grid, counts, 3600.0, method="ols")
    assert fit is not None
    assert fit["a"] == pytest.approx(1.97747945763, rel=1e-9)
    assert fit["k"] == pytest.approx(0.246822190649, rel=1e-9)
    assert fit["r2"] == pytest.approx(0.999662, abs=1e-6)
    weighted = tc.fit_intensity(grid, counts, 3600.0)
    assert weighted is not None
    assert weighted["k"] == pytest.approx(0.25, rel=0.02)
    assert weighted["a"] == pytest.approx(2.0, rel=0.02)


def test_the_estimator_counts_as_the_fit_does(reference: Path) -> None:
    depths = floats(table(reference / "02_calibration_depths.csv")["max_depth_ticks"])
    estimator = tc.IntensityEstimator(bins=12, window=len(depths))
    for depth in depths:
        estimator.trade(depth)
        estimator.end_interval(3600.0 / len(depths))
    fit = estimator.fit(method="ols")
    assert fit is not None
    assert fit["a"] == pytest.approx(1.97747945763, rel=1e-9)
    assert fit["k"] == pytest.approx(0.246822190649, rel=1e-9)


def test_queue_models_as_published(reference: Path) -> None:
    rows = json.loads((reference / "03_queue_models.json").read_text())["rows"]
    assert len(rows) == 54
    for row in rows:
        name = {"risk_averse": "conservative"}.get(row["model"], row["model"])
        model = f"{name}(compat=True)" if row["n"] is None else f"{name}({row['n']}, compat=True)"
        unit = row["lot"]

        def steps(value: float, unit: float = unit) -> int:
            return round(value / unit)

        queue = tc.QueueSimulator(model, steps(row["initial_front"]), unit=unit)
        filled = 0
        for step, front, fill in zip(row["steps"], row["front_after_each_step"], row["cumulative_fill"], strict=True):
            if step[0] == "d":
                queue.depth(steps(step[1]), steps(step[2]))
            else:
                filled += queue.trade(steps(step[1]))
            where = (row["scenario"], model)
            assert queue.front * unit == pytest.approx(front, abs=1e-9), where
            assert filled * unit == pytest.approx(fill, abs=unit / 2), where


def ledger(kind: str, contract_size: str = "1", **fees: str) -> tc.PositionLedger:
    return tc.PositionLedger(
        tc.Instrument(
            "A.TEST",
            kind=kind,
            base="XBT",
            quote="USD",
            price_increment="0.001",
            qty_increment="0.001",
            contract_size=contract_size,
            **fees,
        )
    )


def test_contract_arithmetic(reference: Path) -> None:
    cases = {c["name"]: c for c in json.loads((reference / "03_fills_contracts.json").read_text())["contracts"]}
    for name, kind in [
        ("inverse long, guide example", "inverse"),
        ("inverse short", "inverse"),
        ("inverse XBTETH", "inverse"),
        ("linear", "linear"),
    ]:
        given, expected = cases[name]["inputs"], cases[name]["expected"]
        book = ledger(kind, str(given["mult"]))
        qty = Decimal(str(given["contracts"]))
        first, second = ("buy", "sell") if qty > 0 else ("sell", "buy")
        book.apply(first, str(given["entry"]), abs(qty))
        gain = book.apply(second, str(given["exit"]), abs(qty))
        want = expected.get("pnl_xbt", expected.get("pnl_usd"))
        assert float(gain) == pytest.approx(want, abs=1e-10), name
    case = cases["inverse average entry"]
    book = ledger("inverse")
    for qty, price in case["inputs"]["fills"]:
        book.apply("buy", price, qty)
    position = book.position(10500)
    assert position["avg_entry_price"] == pytest.approx(case["expected"]["avg_entry"], rel=1e-10)
    assert float(position["unrealized_pnl"]) == pytest.approx(case["expected"]["pnl_at_10500"], abs=1e-11)


def test_contract_fees(reference: Path) -> None:
    cases = {c["name"]: c for c in json.loads((reference / "03_fills_contracts.json").read_text())["contracts"]}
    case = cases["inverse fee"]["inputs"]
    book = ledger("inverse", maker_fee_bps="-2.5", taker_fee_bps="7.5")
    assert book.fee(case["price"], case["contracts"], maker=False) == Decimal("0.0075")
    assert book.fee(case["price"], case["contracts"], maker=True) == Decimal("-0.0025")
    case = cases["linear fee"]["inputs"]
    book = ledger("linear", maker_fee_bps="2", taker_fee_bps="5")
    assert book.fee("27150.5", "2.5", maker=False) == Decimal("33.938125")
    assert book.fee("27150.5", "2.5", maker=True) == Decimal("13.57525")


@pytest.mark.parametrize("kind", ["linear", "inverse"])
def test_average_cost_ledger(reference: Path, kind: str) -> None:
    rows = table(reference / "10_pnl.csv")
    at = (rows["kind"] == kind) & (rows["method"] == "average")
    assert at.sum() > 3
    book = ledger(kind)
    realized = Decimal(0)
    for i in np.flatnonzero(at):
        qty = Decimal(rows["qty"][i])
        realized += book.apply("buy" if qty > 0 else "sell", rows["price"][i], abs(qty))
        position = book.position("100")
        assert position["qty"] == Decimal(rows["position"][i])
        assert float(realized) == pytest.approx(float(rows["realised_cum"][i]), abs=1e-11)
        if position["qty"]:
            assert position["avg_entry_price"] == pytest.approx(float(rows["avg_entry"][i]), rel=1e-11)
        gross = position["realized_pnl"] + position["unrealized_pnl"]
        assert gross - position["fees"] == position["equity"]


@pytest.mark.parametrize("basis", ["average", "fifo", "lifo"])
@pytest.mark.parametrize("kind", ["linear", "inverse"])
def test_profit_by_cost_basis(reference: Path, kind: str, basis: str) -> None:
    """The table of realised profit by cost basis, fill by fill, with flips through zero."""
    with (reference / "10_pnl.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if (row["kind"], row["method"]) == (kind, basis)]
    if not rows:
        pytest.skip(f"the table has no {kind} fills")
    coin = kind == "inverse"
    instrument = tc.Instrument(
        "BTC.TEST", kind=kind, base="BTC", quote="USD", price_increment="0.01", qty_increment="0.1" if not coin else "1"
    )
    ledger = tc.PositionLedger(instrument, cost_basis=basis)
    for row in rows:
        qty = Decimal(row["qty"])
        realized = ledger.apply("buy" if qty > 0 else "sell", row["price"], abs(qty))
        held = ledger.position(row["price"])
        assert float(realized) == pytest.approx(float(row["realised_trade"]), abs=1e-10)
        assert float(held["realized_pnl"]) == pytest.approx(float(row["realised_cum"]), abs=1e-10)
        assert float(held["qty"]) == float(row["position"])
        if held["avg_entry_price"] is not None:
            assert held["avg_entry_price"] == pytest.approx(float(row["avg_entry"]), rel=1e-10)
