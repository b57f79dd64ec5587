"""Features against the published examples of `reference/05_microstructure`."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats

import tradecore as tc
from conftest import LAST, SET, TRADE, columns
from tradecore._core import microprice_adjustments

pytestmark = pytest.mark.both

INSTRUMENT = tc.Instrument(
    "X.TEST", kind="linear", base="X", quote="USD", price_increment="0.0001", qty_increment="0.01", tick_size="0.5"
)
P, Q = 10_000, 100
"""Increments of a price and a quantity of 1."""
MS = 1_000_000


@pytest.fixture(scope="module")
def reference(shared: Path) -> Any:
    return json.loads((shared / "reference" / "05_microstructure.json").read_text())


class Market:
    """Rows of a market, written by hand: every call is a message."""

    def __init__(self, *features: str) -> None:
        self.engine = tc.features.FeatureEngine(INSTRUMENT, tc.FeatureSet(list(features)))
        self.held: list[dict[float, float]] = [{}, {}]

    def book(self, ts: int, bids: Sequence[Sequence[float]], asks: Sequence[Sequence[float]]) -> None:
        """The book is this one from now on."""
        rows = []
        for held, side, levels in zip(self.held, (1, -1), (bids, asks), strict=True):
            now = {price: qty for price, qty in levels}
            changes = [(price, 0.0) for price in held if price not in now] + list(now.items())
            rows += [(ts, SET, side, 0, round(price * P), round(qty * Q)) for price, qty in changes]
            held.clear()
            held.update(now)
        rows[-1] = (*rows[-1][:3], LAST, *rows[-1][4:])
        self.engine.update(columns(rows))

    def trade(self, ts: int, price: float, qty: float = 1, side: int = 0) -> None:
        self.engine.update(columns([(ts, TRADE, side, LAST, round(price * P), round(qty * Q))]))

    def __getitem__(self, name: str) -> float:
        return self.engine.values()[name]


def near(expected: float, tolerance: float = 1e-10) -> Any:
    return pytest.approx(expected, rel=tolerance, abs=tolerance)


def test_the_touch(reference: Any) -> None:
    for row in reference["level1"]:
        market = Market("mid", "spread", "relative_spread", "imbalance", "queue_imbalance", "microprice")
        market.book(1, [(row["bid"], row["bid_qty"])], [(row["ask"], row["ask_qty"])])
        assert market["mid"] == near(row["mid"])
        assert market["spread"] == near(row["spread"])
        assert market["relative_spread"] == near(row["rel_spread_bps"])
        assert market["imbalance"] == near(row["imbalance"])
        assert market["queue_imbalance"] == near(row["signed_imbalance"])
        assert market["microprice"] == near(row["weighted_mid"])


def test_order_flow_imbalance_of_the_best_level(reference: Any) -> None:
    table = reference["ofi_level1"]
    market = Market("ofi(window=1)", "all = ofi(window=8)")
    for ts, (bid, bid_qty, ask, ask_qty) in enumerate(table["rows"]):
        market.book(ts, [(bid, bid_qty)], [(ask, ask_qty)])
        if ts:
            assert market["ofi(window=1)"] == table["e"][ts - 1]
    assert market["all"] == table["ofi"]


def test_order_flow_imbalance_of_deeper_levels(reference: Any) -> None:
    table = reference["ofi_multilevel"]
    market = Market(*(f"ofi(window=1, level={level})" for level in (1, 2, 3)), "multilevel_ofi(levels=3, window=1)")
    for ts, book in enumerate(table["snapshots"]):
        market.book(ts, book["bids"], book["asks"])
        if ts:
            expected = [level[ts - 1] for level in table["e"]]
            assert market.engine.values().values.tolist() == [*expected, sum(expected)]


def test_depth_imbalance(reference: Any) -> None:
    table = reference["depth_imbalance"]
    names = [*(f"n{n} = depth_imbalance(levels={n})" for n in (1, 2, 3, 4)), "d = depth_imbalance(levels=4, decay=0.5)"]
    market = Market(*names, "n9 = depth_imbalance(levels=9)")
    market.book(1, table["bids"], table["asks"])
    for n in (1, 2, 3, 4):
        assert market[f"n{n}"] == near(table[f"n{n}"])
    assert market["d"] == near(table["n4_decay_0_5"])
    assert market["n9"] == market["n4"]


def test_stoikovs_microprice(reference: Any) -> None:
    table = reference["microprice_markov"]
    given = (table["Q"], table["R1"], table["K"], table["R2"])
    assert microprice_adjustments(*given, terms=1) == near(table["G1"])
    assert microprice_adjustments(*given, terms=2) == near(table["G_after_2"])
    assert microprice_adjustments(*given) == near(table["G_after_6"])
    assert microprice_adjustments(*given, terms=60) == near(table["G_star"])


def test_stoikovs_microprice_is_read_from_its_table() -> None:
    market = Market("stoikov_microprice(table=[-0.2, 0, 0.2, -0.4, 0, nan], buckets=3)")
    market.book(1, [(100, 9)], [(100.5, 1)])
    assert market["stoikov_microprice"] == near(100.25 + 0.2 * 0.5)
    market.book(2, [(100, 1)], [(103, 9)])
    assert market["stoikov_microprice"] == near(101.5 - 0.4 * 0.5)
    market.book(3, [(100, 9)], [(103, 1)])
    assert math.isnan(market["stoikov_microprice"])


@pytest.mark.parametrize(
    ("name", "rule"), [("lag0", "lee_ready"), ("lag5", "lee_ready, lag=5ns"), ("tick_rule", "tick")]
)
def test_trade_signs(reference: Any, name: str, rule: str) -> None:
    table = reference["lee_ready"]
    market = Market(f"trade_sign(rule={rule})", "aggressor = trade_sign")
    happened = [(ts, 0, values) for ts, *values in table["quotes"]] + [(ts, 1, v) for ts, *v in table["trades"]]
    signs = []
    for ts, is_trade, values in sorted(happened):
        if is_trade:
            market.trade(ts, values[0])
            signs.append(market.engine.values().values[0])
        else:
            market.book(ts, [(values[0], 1)], [(values[1], 1)])
    assert signs == table[name]
    market.trade(99, 1, side=1)
    assert market["aggressor"] == 1


def test_vpin(reference: Any) -> None:
    table = reference["vpin"]
    market = Market(f"vpin(bucket={table['bucket']}, window={table['n']})")
    for ts, (price, qty, side) in enumerate(table["trades"][:4]):
        market.trade(ts, price, qty, side)
    assert market["vpin"] == near(table["vpin"][1])
    for ts, (price, qty, side) in enumerate(table["trades"][4:], 4):
        market.trade(ts, price, qty, side)
    assert market["vpin"] == near(table["vpin"][2])


@pytest.mark.parametrize("distribution", ["normal", "student_t"])
def test_vpin_in_bulk(reference: Any, distribution: str) -> None:
    """The table takes the deviation for given; the feature takes that of the changes in its window."""
    table = reference["bvc"]
    shares = table[{"normal": "buy_normal", "student_t": "buy_student_t_0_25"}[distribution]]
    apart = [abs(2 * bought / volume - 1) for bought, volume in zip(shares, table["volume"], strict=True)]
    changes = [*table["dp"], -2.0, 0.7]
    cdf = scipy.stats.norm.cdf if distribution == "normal" else scipy.stats.t(0.25).cdf
    assert [abs(2 * cdf(change / table["sigma"]) - 1) for change in table["dp"]] == near(apart, 1e-9)
    market = Market(f"bulk_vpin(bucket=10, window={len(changes)}, distribution={distribution})")
    price = 1_000.0
    market.trade(0, price, 10)
    for ts, change in enumerate(changes, 1):
        assert math.isnan(market["bulk_vpin"])
        market.trade(ts, price - 3, 4)
        price += change
        market.trade(ts, price, 6)
    deviation = np.std(changes, ddof=1)
    assert market["bulk_vpin"] == near(np.mean([abs(2 * cdf(change / deviation) - 1) for change in changes]), 1e-9)


def test_kyles_lambda(reference: Any) -> None:
    table = reference["kyle_lambda"]
    n = len(table["dp"])
    name = f"kyle_lambda(interval=1ms, window={n})"
    market = Market(name, f"through_zero = kyle_lambda(interval=1ms, window={n}, intercept=false)")
    mid = 1_000.0
    market.book(0, [(mid - 1, 1)], [(mid + 1, 1)])
    for at, (volume, change) in enumerate(zip(table["signed_volume"], table["dp"], strict=True), 1):
        mid += change
        market.trade(at * MS + 1, mid, abs(volume), 1 if volume > 0 else -1)
        market.book(at * MS + 2, [(mid - 1, 1)], [(mid + 1, 1)])
    now = market.engine.values((n + 1) * MS)
    assert now[name] == near(table["with_intercept"]["lam"], 1e-9)
    assert now["through_zero"] == near(table["no_intercept"]["lam"], 1e-9)


def test_rolls_spread(reference: Any) -> None:
    table = reference["roll"]
    for prices, spread in (("prices", "spread"), ("trending", "trending_spread")):
        market = Market(f"roll_spread(window={len(table[prices])})")
        for ts, price in enumerate(table[prices]):
            assert math.isnan(market["roll_spread"])
            market.trade(ts, price)
        assert market["roll_spread"] == near(table[spread])


def test_realized_measures(reference: Any) -> None:
    table = reference["realised_vol"]
    prices, five = table["prices"], 300_000_000_000
    terms = f"interval=5m, window={len(prices) - 1}"
    market = Market(
        f"realized_variance({terms})",
        f"one = realized_volatility({terms})",
        f"year = realized_volatility({terms}, annualized=true)",
        f"bipower_variation({terms})",
        f"bipower_volatility({terms})",
    )
    for at, price in enumerate(prices):
        market.book(at * five + 1, [(price - 1, 1)], [(price + 1, 1)])
        assert np.isnan(market.engine.values().values).all()
    now = market.engine.values(len(prices) * five)
    assert now["realized_variance"] == near(table["rv"])
    assert now["one"] == near(table["rvol"])
    assert now["year"] == near(table["annualised_5min_365d"])
    assert now["bipower_variation"] == near(table["bipower"])
    assert now["bipower_volatility"] == near(math.sqrt(table["bipower"]))
