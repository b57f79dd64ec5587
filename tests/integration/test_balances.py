"""What accounts hold at venues with balances: in the beginning, in the end, and what they owed."""

from __future__ import annotations

import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import tradecore as tc
from conftest import CLEAR, LAST, SET, TRADE, columns

SECOND = 1_000_000_000
SPOT = tc.Instrument(
    "BTCUSDT.TEST",
    kind="spot",
    base="BTC",
    quote="USDT",
    price_increment="0.5",
    qty_increment="0.001",
    taker_fee_bps=10,
)
DATA = {
    SPOT.id: columns(
        [
            (SECOND, CLEAR, 0, 2, 0, 0),
            (SECOND, SET, 1, 2, 199_999, 10_000),
            (SECOND, SET, -1, LAST | 2, 200_000, 10_000),
            (9 * SECOND, SET, 1, LAST, 1, 1),
        ]
    )
}


class Trades(tc.Strategy):
    """Buys, then sells so much at the market."""

    bought: Decimal = Decimal("0.1")
    sold: Decimal = Decimal(0)

    def on_start(self, ctx: tc.Context) -> None:
        ctx.at(2 * SECOND, lambda ctx: ctx.buy(SPOT.id, self.bought))
        if self.sold:
            ctx.at(4 * SECOND, lambda ctx: ctx.sell(SPOT.id, self.sold))


def run(*strategies: tc.Strategy, **settings: Any) -> tc.Result:
    venue = tc.SimVenue("TEST", latency=tc.Latency(entry=0, response=0), **settings)
    return tc.Backtest(list(strategies), DATA, [venue], specs=[SPOT]).run()


def test_balances_are_those_of_each_account_in_the_end() -> None:
    made = run(Trades("a", [SPOT.id]), Trades("b", [SPOT.id], bought="0.2"), balances="0.5 BTC, 50000 USDT")
    rows = [
        ("a", "TEST", "BTC", "0.5", "0.6", "0.1", "0"),
        ("a", "TEST", "USDT", "50000", "39990", "-10010", "0"),
        ("b", "TEST", "BTC", "0.5", "0.7", "0.2", "0"),
        ("b", "TEST", "USDT", "50000", "29980", "-20020", "0"),
    ]
    assert made.balances.rows() == [(*row[:3], *map(Decimal, row[3:])) for row in rows]
    cash = {row["strategy"]: row["cash"] for row in made.final_positions}
    changes = made.balances.filter(currency="USDT")
    assert dict(zip(changes["strategy"], changes["change"], strict=True)) == cash


def test_what_was_owed_is_told_after_it_was_paid_back(tmp_path: Path) -> None:
    made = run(Trades("a", [SPOT.id], sold="0.1"), balances={"USDT": 4_000}, borrowing="allowed")
    owed = dict(zip(made.balances["currency"], made.balances["borrowed"], strict=True))
    assert owed == {"USDT": Decimal(6_010), "BTC": Decimal(0)}
    assert made.balances.filter(currency="BTC")["end"].to_list() == [0]
    page = made.report(tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<h3>Balances</h3>" in page
    assert "6,010" in page
    made.save(tmp_path / "run.tcr")
    for again in (tc.load_result(tmp_path / "run.tcr"), pickle.loads(pickle.dumps(made))):
        assert again.balances.equals(made.balances)
    assert made.summary()["balances"][0] == {
        "strategy": "a",
        "venue": "TEST",
        "currency": "USDT",
        "begin": "4000",
        "end": str(made.balances["end"][0].normalize()),
    }


def test_an_account_that_never_traded_has_what_it_began_with() -> None:
    class Waits(tc.Strategy):
        pass

    made = run(Waits("w", [SPOT.id]), balances="1 BTC")
    assert made.balances.select("currency", "begin", "end").rows() == [("BTC", 1, 1), ("USDT", 0, 0)]
    without = run(Waits("w", [SPOT.id]))
    assert without.balances.height == 0
    assert without.balances.columns == ["strategy", "venue", "currency", "begin", "end", "change", "borrowed"]


class Buys(tc.Strategy):
    """Buys at the market without a limit, or has a stop do so, and knows why an order ended."""

    qty: Decimal = Decimal("0.1")
    trigger: Decimal | None = None

    def on_start(self, ctx: tc.Context) -> None:
        self.ended: list[str | None] = []
        ctx.at(2 * SECOND)

    def on_timer(self, ctx: tc.Context, timer: int) -> None:
        if self.trigger is None:
            ctx.buy(SPOT.id, self.qty)
        else:
            ctx.submit(SPOT.id, "buy", self.qty, type="stop_market", trigger_price=self.trigger)

    def on_order(self, ctx: tc.Context, order: tc.Order) -> None:
        if order.status in (tc.OrderStatus.REJECTED, tc.OrderStatus.EXPIRED):
            self.ended.append(order.reason)


@pytest.mark.parametrize(
    ("prices", "trigger", "has", "fills", "reason"),
    [
        # 0.1 at 100,000 and 10 bps: there is enough for the last price, and at 110,000 only with 11,011.
        ([110_000], None, "10010", 0, "insufficient_balance"),
        ([110_000], None, "11010.99", 0, "insufficient_balance"),
        ([110_000], None, "11011", 1, None),
        ([90_000], None, "10010", 1, None),
        # One that was set off takes the print after: that is held against it, too.
        ([105_000, 110_000], 105_000, "10520", 0, "insufficient_balance"),
        ([105_000, 110_000], 105_000, "11011", 1, None),
    ],
)
def test_without_a_book_what_the_next_print_asks_has_to_be_there(
    prices: list[int], trigger: int | None, has: str, fills: int, reason: str | None
) -> None:
    told = [(SECOND, TRADE, 1, LAST, 200_000, 10_000)]
    told += [((3 + at) * SECOND, TRADE, 1, LAST, 2 * price, 10_000) for at, price in enumerate(prices)]
    venue = tc.SimVenue("TEST", latency=tc.Latency(entry=0, response=0), balances={"USDT": has})
    buys = Buys("a", [SPOT.id], trigger=trigger)
    made = tc.Backtest(
        [buys], {SPOT.id: columns([*told, (9 * SECOND, TRADE, 1, LAST, 2, 1)])}, [venue], specs=[SPOT]
    ).run()
    assert (made.stats.fills, buys.ended) == (fills, [reason] if reason else [])
    left = Decimal(has) - (Decimal(prices[-1]) * Decimal("0.1001") if fills else 0)
    assert made.balances.filter(currency="USDT")["end"].to_list() == [left]
    assert left >= 0


@pytest.mark.parametrize(
    ("later", "filled"),
    [
        ([(4, 101_000, 30), (5, 130_000, 60)], [0.06, 0.03]),
        # A venue holds an order whole: 0.01 at 130,000 could be paid, 0.04 could not.
        ([(4, 130_000, 10)], [0.06]),
    ],
)
def test_a_market_order_that_goes_on_with_later_prints_ends_where_they_ask_more_than_is_there(
    later: list[tuple[int, int, int]], filled: list[float]
) -> None:
    prints = [(1, 100_000, 100), (3, 100_000, 60), *later]
    told = [(at * SECOND, TRADE, 1, LAST, 2 * price, qty) for at, price, qty in prints]
    venue = tc.SimVenue("TEST", latency=tc.Latency(entry=0, response=0), balances={"USDT": 10_100})
    buys = Buys("a", [SPOT.id])
    made = tc.Backtest(
        [buys], {SPOT.id: columns([*told, (9 * SECOND, TRADE, 1, LAST, 2, 1)])}, [venue], specs=[SPOT]
    ).run()
    assert made.fills["qty"].to_list() == filled
    assert buys.ended == ["insufficient_balance"]


@pytest.mark.parametrize(("has", "fills"), [("20020", 1), ("21500", 1), ("22021.99", 1), ("22022", 2)])
def test_market_orders_that_meet_one_print_are_paid_together(has: str, fills: int) -> None:
    class Twice(Buys):
        def on_timer(self, ctx: tc.Context, timer: int) -> None:
            ctx.buy(SPOT.id, self.qty)
            ctx.buy(SPOT.id, self.qty)

    told = [(SECOND, TRADE, 1, LAST, 200_000, 10_000), (3 * SECOND, TRADE, 1, LAST, 220_000, 10_000)]
    venue = tc.SimVenue("TEST", latency=tc.Latency(entry=0, response=0), balances={"USDT": has})
    data = {SPOT.id: columns([*told, (9 * SECOND, TRADE, 1, LAST, 2, 1)])}
    buys = Twice("a", [SPOT.id])
    made = tc.Backtest([buys], data, [venue], specs=[SPOT]).run()
    assert (made.stats.fills, len(buys.ended)) == (fills, 2 - fills)
    assert made.balances.filter(currency="USDT")["end"].to_list() == [Decimal(has) - 11_011 * fills]
