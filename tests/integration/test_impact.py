"""What accounts take moves what they meet afterwards, by the law of impact of their venue."""

from __future__ import annotations

from typing import Any

import pytest
from scripted import MS, NAME, rows, run

import tradecore as tc
from conftest import SET, TRADE
from tradecore.errors import InvalidValueError

LAW = "sqrt(volatility=0.02, volume=100, recovery=1s)"
"""Of one that was taken, at 100: 0.02 x sqrt(1 / 100) x 100 = 0.2."""
BOOK = ((0, SET, 1, 99.9, 50), (0, SET, -1, 100.0, 5), (0, SET, -1, 100.1, 5), (9_000, SET, 1, 99.8, 1))


def at(**settings: Any) -> tc.SimVenue:
    latency = tc.Latency(entry=0, response=0)
    return tc.SimVenue("TEST", latency=latency, **{"impact": LAW, **settings})


def later(seconds: int, act: Any) -> Any:
    return lambda ctx: ctx.at(ctx.now_ns + seconds * 1_000 * MS, act)


def buy(qty: float) -> Any:
    return lambda ctx: ctx.buy(NAME, qty)


def prices(made: Any) -> list[float]:
    return [price for _, price, _ in made.filled]


def test_what_was_taken_moves_the_next_taker_and_wears_off(instrument: tc.Instrument) -> None:
    made, _ = run(instrument, rows(*BOOK), buy(1), buy(1), later(3, buy(1)), venue=at())
    # 0.2 away, then sqrt(2 / 8) of that.
    assert prices(made) == [100.0, 100.2, 100.1]
    plain, _ = run(instrument, rows(*BOOK), buy(1), buy(1), later(3, buy(1)), venue=at(impact=None))
    assert prices(plain) == [100.0, 100.0, 100.0]


def test_an_order_walks_the_levels_and_each_stands_as_far_away(instrument: tc.Instrument) -> None:
    made, _ = run(instrument, rows(*BOOK), buy(1), buy(6), venue=at())
    assert [(price, qty) for _, price, qty in made.filled] == [(100.0, 1), (100.2, 4), (100.3, 2)]


def test_the_other_side_stays_where_it_is_and_makers_move_nothing(instrument: tc.Instrument) -> None:
    data = rows(*BOOK[:3], (35, TRADE, -1, 99.0, 9), *BOOK[3:])
    made, _ = run(
        instrument,
        data,
        buy(1),
        lambda ctx: ctx.sell(NAME, 2),
        lambda ctx: ctx.buy(NAME, 2, 99.5),
        buy(1),
        venue=at(),
    )
    assert prices(made) == [100.0, 99.9, 99.5, 100.2]


def test_a_limit_is_kept_and_post_only_orders_ask_the_moved_market(instrument: tc.Instrument) -> None:
    quiet, worn_off = run(
        instrument,
        rows(*BOOK[:3], (100, SET, 1, 99.8, 1), (9_000, SET, 1, 99.8, 2)),
        buy(1),
        lambda ctx: ctx.buy(NAME, 1, 100.1, time_in_force="ioc"),
        lambda ctx: ctx.buy(NAME, 1, 100.1, post_only=True),
        lambda ctx: ctx.buy(NAME, 1, 100.3, post_only=True),
        venue=at(),
    )
    ends = {order: (status, why) for ms, order, status, why in quiet.told if ms <= 100}
    assert ends[2] == ("EXPIRED", "ioc_remainder")
    assert ends[3] == ("NEW", "")
    assert ends[4] == ("REJECTED", "post_only_would_cross")
    # Nine seconds later the offers are back at the price of the order that rests.
    fills = worn_off.fills.select("price", "liquidity").rows()
    assert fills == [(100.0, "taker"), (100.1, "maker")]


@pytest.mark.parametrize("accounts", ["shared", "isolated"])
def test_accounts_that_share_the_market_share_what_they_moved(instrument: tc.Instrument, accounts: str) -> None:
    class Taker(tc.Strategy):
        after: int = 1

        def on_start(self, ctx: tc.Context) -> None:
            ctx.at(ctx.now_ns + self.after * MS, lambda ctx: ctx.buy(NAME, 1))

    takers = [Taker("a", [NAME]), Taker("b", [NAME], after=2)]
    venue = at(accounts=accounts)
    result = tc.Backtest(takers, {NAME: rows(*BOOK)}, [venue], specs={NAME: instrument}).run()
    assert result.fills["price"].to_list() == [100.0, 100.2 if accounts == "shared" else 100.0]


def test_without_a_book_the_print_stands_further_away(instrument: tc.Instrument) -> None:
    data = rows(*((ms, TRADE, 1, 100.0, 9) for ms in (0, 15, 25, 35)))
    made, _ = run(
        instrument, data, buy(1), buy(1), lambda ctx: ctx.buy(NAME, 1, 100.1, time_in_force="ioc"), venue=at()
    )
    assert prices(made) == [100.0, 100.2]
    assert made.told[-1][2:] == ("EXPIRED", "ioc_remainder")


def test_laws_differ_by_symbol_and_are_told(instrument: tc.Instrument) -> None:
    other = at(impact={"BTCUSDT": "sqrt(y=0, volatility=1, volume=1)", "*": LAW})
    made, result = run(instrument, rows(*BOOK), buy(1), buy(1), venue=other)
    assert prices(made) == [100.0, 100.0]
    assert f"impact {other.impact}" in str(result)
    with pytest.raises(InvalidValueError, match=r'^impact: "0.02" is no law of impact; expected a law such as'):
        at(impact="0.02")


def test_bounds_and_the_run_alone_agree(instrument: tc.Instrument) -> None:
    alone = run(instrument, rows(*BOOK), buy(1), buy(1), venue=at())[1]
    bounded = run(instrument, rows(*BOOK), buy(1), buy(1), venue=at(), bounds=True)[1]
    assert bounded.digest == alone.digest
    assert bounded.net_pnl_low == bounded.net_pnl == bounded.net_pnl_high
