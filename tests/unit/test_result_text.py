"""How a run is told: on a line, on a screen, on a card, however much was traded."""

from __future__ import annotations

import sys
from dataclasses import replace
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest

import tradecore as tc
from tradecore.backtest.card import card
from tradecore.backtest.stats import stats_of
from tradecore.backtest.tables import TableStore
from tradecore.backtest.text import Facts, amount, line, table

ZERO = Decimal(0)


def total(currency: str = "USDT", **figures: Any) -> dict[str, Any]:
    return {
        "currency": currency,
        "gross_pnl": Decimal("2.5"),
        "fees": Decimal("0.5"),
        "funding": Decimal(0),
        "interest": Decimal(0),
        "net_pnl": Decimal(2),
        "turnover": Decimal(10_000),
        "max_drawdown": 0.25,
        "sharpe": None,
        "sharpe_why": "3 changes of 1s: at least 30 needed",
        "sortino": 4.321,
        "sortino_why": None,
        "sharpe_period_ns": 1_000_000_000,
    } | figures


def position(number: int, fills: int) -> dict[str, Any]:
    money = dict.fromkeys(("realized_pnl", "unrealized_pnl", "fees", "funding", "interest"), ZERO)
    return {"strategy": "s", "instrument": f"I{number}.V", "qty": Decimal("0.10"), "fills": fills, **money}


def facts(**changes: Any) -> Facts:
    totals = changes.get("totals", [total()])
    stats = stats_of(
        totals,
        orders=1_000,
        fills=400,
        maker_fills=100,
        rejected={"min_qty": 1, "book_not_synced": 3},
        events=1_000_000,
        span_ns=(0, 3_600_000_000_000),
        wall_s=0.5,
    )
    plain = Facts(
        stats=stats,
        totals=totals,
        by_currency=[],
        rates={},
        positions=[position(0, 400)],
        bounds={},
        fill_basis={"I0.V": "l2"},
        mark_source={"I0.V": "mid"},
        volumes={"I0.V": {"filled": Decimal(40), "traded": Decimal(1000), "share": 0.04}},
        granularity_ms={"I0.V": 100.0},
        clock_leads={},
        venues=[tc.SimVenue("V")],
        failures={},
        notes=[],
        interrupted=False,
        digest="0123456789abcdef" * 4,
    )
    return replace(plain, **changes)


def test_the_figures_stand_on_one_screen() -> None:
    assert (
        table(facts())
        == """\
net profit      2 USDT (2 bps of turnover)
gross profit    2.5 USDT
fees            0.5 USDT
turnover        10,000 USDT
max drawdown    0.25 USDT
Sharpe ratio    n/a (3 changes of 1s: at least 30 needed)
Sortino ratio   4.32 (annualised, 1s changes)
orders / fills  1,000 / 400, 25.0% maker
rejected        4 (book_not_synced 3, min_qty 1)
s I0.V          position 0.1, 400 fills, net 0
volume share    I0.V: 4.00%
filled against  I0.V: l2 (a message in 100 ms)
venue V         Latency(entry='5ms', response='5ms', feed=None), queue tracked
events          1,000,000 over 1:00:00 from 1970-01-01 00:00:00 UTC, in 0.50 s
digest          0123456789ab"""
    )
    assert line(facts()) == "<Result net 2 USDT, drawdown 0.25, 1,000 orders, 400 fills, digest 0123456789ab>"


def test_a_thousand_positions_stay_a_screen() -> None:
    names = [f"I{number}.V{number}" for number in range(1_000)]
    many = facts(
        positions=[position(number, number if number < 14 else 0) for number in range(1_000)],
        fill_basis={name: "l1" if number < 10 else "l2" for number, name in enumerate(names)},
        granularity_ms={},
        venues=[tc.SimVenue(f"V{number}") for number in range(1_000)],
        failures={f"s{number}": "ValueError: x" for number in range(1_000)},
        clock_leads={f"V{number}": [(None, 1_000)] for number in range(1_000)},
    )
    lines = table(many).splitlines()
    assert len(lines) < 65
    shown = [text.split()[1] for text in lines if text.startswith("s I")]
    assert shown == [f"I{number}.V" for number in range(13, 3, -1)]
    assert lines[lines.index(next(text for text in lines if text.startswith("s I4.V"))) + 1].split("  ")[-1] == (
        "and 3 more with fewer fills, 987 more without fills"
    )
    assert "filled against  l1 for 10 instruments, l2 for 990 instruments" in table(many)
    assert "and 990 venues more" in table(many)
    assert "and 990 strategies more" in table(many)
    assert "failed: s0, s1, s2 and 997 more" in line(many)
    assert len(card(many, {})) < 6_000


def test_positions_without_fills_are_counted() -> None:
    some = facts(positions=[position(0, 5), *(position(number, 0) for number in range(1, 991))])
    assert "and 990 more without fills" in table(some)
    assert "more with" not in table(facts())
    assert "2 positions without fills" in table(facts(positions=[position(0, 0), position(1, 0)]))


def test_what_went_wrong_is_said() -> None:
    bad = facts(failures={"bad": "Traceback\nValueError: x < y"}, notes=["no fees are set"], interrupted=True)
    assert "failed: bad, interrupted, digest" in line(bad)
    assert table(bad).splitlines()[-4:] == [
        "note            no fees are set",
        "bad failed      Traceback ValueError: x < y",
        "interrupted     the data was not read to its end",
        "digest          0123456789ab",
    ]
    assert "<b" in card(bad, {})
    assert "x &lt; y" in card(bad, {})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (ZERO, "0"),
        (Decimal("-0.000"), "0"),
        (Decimal("1234567.50"), "1,234,567.5"),
        (Decimal("0.123456789012"), "0.12345679"),
        (Decimal("-0.000000000232"), "-2.32e-10"),
        (1e-13, "1e-13"),
        (418.0, "418"),
    ],
)
def test_an_amount_is_short(value: Decimal | float, text: str) -> None:
    assert amount(value) == text


def test_a_card_is_one_piece_of_sound_markup() -> None:
    hostile = '"><script>alert(1)</script>&'
    told = facts(
        totals=[total(hostile)],
        notes=[hostile] * 20,
        failures={hostile: hostile},
        digest=hostile,
        positions=[position(0, 0)],
    )
    html = card(told, {hostile: [(number, float(number % 7 - 3)) for number in range(200)]})
    tree = ElementTree.fromstring(html)
    assert {element.tag for element in tree.iter()} <= {
        "div",
        "span",
        "b",
        "code",
        "svg",
        "line",
        "polyline",
        "polygon",
    }
    drawn = tree.find(".//polyline")
    assert drawn is not None
    places = [tuple(map(float, point.split(","))) for point in drawn.attrib["points"].split()]
    assert len(places) == 200
    assert all(0 <= x <= 600 and 0 <= y <= 80 for x, y in places)
    assert places[0][0] == 0
    assert places[-1][0] == 600
    assert card(facts(), {"USDT": [(0, 0.0)]}).count("<svg") == 0, "one point is no line"
    assert ElementTree.fromstring(card(facts(), {"USDT": [(5, 0.0), (5, 0.0)]})).find(".//svg") is not None


def test_money_of_any_size_is_a_float_where_that_will_do() -> None:
    units = [0, 1, -1, 10**12, -(10**18), 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, -(2**64), 3 * 10**36]
    column = b"".join(number.to_bytes(16, sys.byteorder, signed=True) for number in units)
    store = TableStore([], [])
    store.keep({"equity": {"equity": ("money", column)}})
    assert store.table("equity")["equity"].to_list() == [Decimal(number).scaleb(-12) for number in units]
    rough = store.table("equity", exact=False)["equity"].to_list()
    assert rough == pytest.approx([number / 1e12 for number in units], rel=1e-15, abs=0)
