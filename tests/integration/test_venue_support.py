"""Orders that a venue does not take, through the public interface."""

from __future__ import annotations

from typing import Any

import pytest
from scripted import NAME, run
from test_order_terms import market

import tradecore as tc
from tradecore.errors import InvalidValueError, OrderError, StrategyError, UnsupportedOrderError

AT_ONCE = tc.Latency(entry=0, response=0)


def at(profile: str, **settings: Any) -> tc.SimVenue:
    return tc.SimVenue.profile(profile, name="TEST", latency=AT_ONCE, **settings)


def sent(instrument: tc.Instrument, venue: tc.SimVenue, *steps: Any) -> Any:
    return run(instrument, market(), *steps, venue=venue)[0]


@pytest.mark.parametrize(
    ("profile", "order", "field", "takes"),
    [
        ("COINBASE", {"type": "trailing_stop", "trailing_offset": 1}, "type", "market, limit, stop_limit"),
        ("COINBASE", {"type": "stop_market", "trigger_price": 102}, "type", "market, limit, stop_limit"),
        ("POLYMARKET", {"type": "stop", "trigger_price": 102}, "type", "market, limit"),
        ("BINANCE_USDM", {"price": 98, "time_in_force": "day"}, "time_in_force", "gtc, ioc, fok, gtd"),
        ("BYBIT", {"price": 98, "expires_at": 500_000_000}, "time_in_force", "gtc, ioc, fok"),
        ("BINANCE", {"price": 98, "post_only": "slide"}, "post_only", "reject"),
        ("BINANCE_USDM", {"price": 98, "display_qty": "0.5"}, "display_qty", "no icebergs"),
        ("BINANCE", {"price": 98, "reduce_only": True}, "reduce_only", "no reduce-only orders"),
        ("BINANCE", {"type": "stop", "trigger_price": 102, "trigger": "mark"}, "trigger", "last"),
    ],
)
def test_an_order_the_venue_does_not_take_raises_where_it_is_sent(
    instrument: tc.Instrument, profile: str, order: dict[str, Any], field: str, takes: str
) -> None:
    def send(ctx: tc.Context) -> str:
        with pytest.raises(UnsupportedOrderError) as told:
            ctx.buy(NAME, 1, **order)
        error = told.value
        assert (error.instrument, error.field, error.takes) == (NAME, field, takes)
        assert f"{NAME}: {field} {error.value} is unsupported: the venue takes {takes}" == str(error)
        assert isinstance(error, OrderError)
        return "raised"

    assert sent(instrument, at(profile), send).seen == ["raised"]
    plain = tc.SimVenue("TEST", latency=AT_ONCE)
    made = sent(instrument, plain, lambda ctx: ctx.buy(NAME, 1, **order))
    assert all(reason != "unsupported" for *_, reason in made.told)


def test_what_a_profile_lacks_can_be_allowed(instrument: tc.Instrument) -> None:
    venue = at("BINANCE", post_only=["reject", "slide"])
    made = sent(instrument, venue, lambda ctx: ctx.buy(NAME, 1, 102, post_only="slide"))
    assert made.told[-1][2:] == ("NEW", "")


def test_what_a_strategy_does_not_expect_ends_it_with_the_order_named(instrument: tc.Instrument) -> None:
    with pytest.raises(StrategyError, match=r"UnsupportedOrderError: .*time_in_force fok is unsupported"):
        sent(
            instrument,
            tc.SimVenue("TEST", latency=AT_ONCE, times_in_force="gtc"),
            lambda ctx: ctx.buy(NAME, 1, 98, time_in_force="fok"),
        )


def test_a_market_order_needs_no_time_in_force(instrument: tc.Instrument) -> None:
    venue = tc.SimVenue("TEST", latency=AT_ONCE, times_in_force="ioc")
    made = sent(instrument, venue, lambda ctx: ctx.buy(NAME, 1))
    assert made.filled == [(1, 101.0, 1.0)]


@pytest.mark.parametrize("profile", ["BINANCE", "COINBASE"])
def test_a_trigger_is_not_moved_where_the_venue_moves_none(instrument: tc.Instrument, profile: str) -> None:
    def move(ctx: tc.Context) -> str:
        with pytest.raises(
            UnsupportedOrderError, match="trigger_price of an order that waits is unsupported: the venue takes no other"
        ):
            ctx.replace(1, trigger_price=105)
        with pytest.raises(InvalidValueError, match="trailing_offset"):
            ctx.replace(1, trailing_offset=2)
        return "raised"

    made, _ = run(
        instrument,
        market((900, 1, 101, 1)),
        lambda ctx: ctx.buy(NAME, 1, 106, type="stop_limit", trigger_price=104),
        move,
        lambda ctx: ctx.replace(1, price=107),
        venue=at(profile),
    )
    assert made.seen[1:] == ["raised", True]


def test_without_replacements_a_quote_is_cancelled_and_sent_anew(instrument: tc.Instrument) -> None:
    def replace(ctx: tc.Context) -> str:
        (order,) = ctx.orders()
        with pytest.raises(
            UnsupportedOrderError, match="replace of an order is unsupported: the venue takes no changes"
        ):
            ctx.replace(order.order_id, price=97, qty=2)
        return "raised"

    made = sent(
        instrument,
        at("POLYMARKET"),
        lambda ctx: ctx.quote(NAME, bid=98, bid_qty=2),
        replace,
        lambda ctx: ctx.quote(NAME, bid=97, bid_qty=2),
        lambda ctx: ctx.quote(NAME, bid=97, bid_qty=2),
        lambda ctx: [(order.order_id, order.price) for order in ctx.orders()],
    )
    assert made.seen[1] == "raised"
    assert made.seen[-1] == [(2, 97.0)]
    assert [told[1:] for told in made.told] == [(1, "NEW", ""), (1, "CANCELLED", ""), (2, "NEW", "")]


def test_a_run_says_which_profile_it_had(instrument: tc.Instrument) -> None:
    _, result = run(instrument, market(), venue=at("BINANCE_USDM"))
    assert result.venues[0].based_on == "BINANCE_USDM"
    assert "profile BINANCE_USDM" in str(result)
