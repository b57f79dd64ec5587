"""Terms of orders through the public interface: how long they live, what they display, what they reduce."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from scripted import MS, NAME, rows, run

import tradecore as tc
from conftest import LAST, SET, TRADE, columns
from tradecore.errors import InvalidValueError, OffGridError, OrderError
from tradecore.session.kernel import build_kernel


def market(*trades: tuple[int, int, float, float]) -> Any:
    """Five at 99 and at 101 from 0 ms on, with trades of (ms, side, price, qty), to 1 s."""
    prints = [(ms, TRADE, side, price, qty) for ms, side, price, qty in trades]
    return rows((0, SET, 1, 99, 5), (0, SET, -1, 101, 5), *prints, (1_000, SET, 1, 98, 5))


def test_a_dated_order_ends_at_its_time_without_any_message(instrument: tc.Instrument) -> None:
    made, result = run(
        instrument,
        market(),
        lambda ctx: ctx.buy(NAME, 2, 98, time_in_force="gtd", expires_at=500 * MS),
        lambda ctx: ctx.buy(NAME, 2, 98, expires_at=datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=300)),
    )
    assert made.told[-2:] == [(300, 2, "EXPIRED", "gtd_reached"), (500, 1, "EXPIRED", "gtd_reached")]
    orders = result.orders.sort("order_id")
    assert orders["time_in_force"].to_list() == ["gtd", "gtd"]
    assert orders["expires_at"].dt.timestamp("ms").to_list() == [500, 300]


def test_an_end_takes_the_response_latency_to_be_known(instrument: tc.Instrument) -> None:
    venue = tc.SimVenue("TEST", latency=tc.Latency(entry="5ms", response="7ms"))
    made, _ = run(instrument, market(), lambda ctx: ctx.buy(NAME, 2, 98, expires_at=500 * MS), venue=venue)
    assert made.told[-1] == (507, 1, "EXPIRED", "gtd_reached")


def test_a_day_order_lives_as_long_as_the_day(instrument: tc.Instrument) -> None:
    day = 86_400_000
    data = rows((0, SET, 1, 99, 5), (0, SET, -1, 101, 5), (2 * day, SET, 1, 98, 5))
    made, result = run(instrument, data, lambda ctx: ctx.buy(NAME, 2, 98, time_in_force=tc.TimeInForce.DAY))
    assert made.told[-1] == (day, 1, "EXPIRED", "day_ended")
    assert result.orders["expires_at"].to_list() == [None]


def test_reduce_only_orders_close_a_position_and_no_more(instrument: tc.Instrument) -> None:
    made, result = run(
        instrument,
        market((100, 1, 103.0, 50.0)),
        lambda ctx: ctx.buy(NAME, 2),
        lambda ctx: ctx.sell(NAME, 5, 102, reduce_only=True),
        lambda ctx: ctx.sell(NAME, 1, 102, reduce_only=True),
        lambda ctx: [(o.qty, o.reduce_only) for o in ctx.orders()],
    )
    assert made.seen[-1] == [(2.0, True)]
    assert made.filled == [(1, 101.0, 2.0), (2, 102.0, 2.0)]
    assert [o for o in made.told if o[1] == 3] == [(30, 3, "REJECTED", "reduce_only")]
    assert result.positions["position_qty"].to_list()[-1] == 0
    assert result.orders.sort("order_id")["reduce_only"].to_list() == [False, True, True]


def test_a_post_only_order_may_slide(instrument: tc.Instrument) -> None:
    made, result = run(
        instrument,
        market(),
        lambda ctx: ctx.buy(NAME, 1, 102, post_only="slide"),
        lambda ctx: [(o.price, o.post_only, o.slides) for o in ctx.orders()],
    )
    assert made.seen[-1] == [(100.9, True, True)]
    assert made.filled == []
    assert result.orders["slides"].to_list() == [True]


def test_an_iceberg_shows_a_part_at_a_time(instrument: tc.Instrument) -> None:
    made, result = run(
        instrument,
        market((100, -1, 99.0, 6.5), (200, -1, 99.0, 6.5)),
        lambda ctx: ctx.buy(NAME, 3, 99, display_qty=1),
        lambda ctx: [o.display_qty for o in ctx.orders()],
    )
    assert made.seen[-1] == [1.0]
    # Five are ahead at first, and what the venue shows anew is ahead of its next part.
    assert made.filled == [(1, 99.0, 1.0), (1, 99.0, 1.0)]
    assert result.orders["display_qty"].to_list() == [1.0]


def refused(instrument: tc.Instrument, mistake: Any, error: type[Exception], said: str) -> None:
    """See that a request raises an error that says something, and that no order came of it."""

    def step(ctx: tc.Context) -> None:
        with pytest.raises(error, match=re.escape(said)):
            mistake(ctx)

    _, result = run(instrument, market(), step)
    assert result.orders.height == 0


@pytest.mark.parametrize(
    ("mistake", "error", "said"),
    [
        (lambda c: c.buy(NAME, 1, 98, time_in_force="gtd"), InvalidValueError, "expires_at: missing: a gtd order"),
        (lambda c: c.buy(NAME, 1, 98, time_in_force="ioc", expires_at=1), InvalidValueError, "this one is ioc"),
        (lambda c: c.buy(NAME, 1, 98, expires_at=c.now_ns), OrderError, "is not after the time it is"),
        (lambda c: c.buy(NAME, 1, 98, expires_at="soon"), InvalidValueError, "expires_at: expected a time in ns"),
        (lambda c: c.buy(NAME, 1, 98, expires_at=True), InvalidValueError, "expires_at: expected a time in ns"),
        (lambda c: c.buy(NAME, 1, 98, expires_at=datetime(2026, 1, 1)), InvalidValueError, "with a time zone"),  # noqa: DTZ001
        (lambda c: c.buy(NAME, 1, expires_at=900 * MS), OrderError, "gtd and day are for orders that rest"),
        (lambda c: c.buy(NAME, 1, time_in_force="day"), OrderError, "gtd and day are for orders that rest"),
        (lambda c: c.buy(NAME, 1, 98, time_in_force="ioc", post_only="slide"), OrderError, "a post-only order must be"),
        (lambda c: c.buy(NAME, 1, 98, post_only="maybe"), InvalidValueError, "post_only: expected True, False or"),
        (lambda c: c.buy(NAME, 1, 98, display_qty=2), OrderError, "display_qty is more than the quantity"),
        (lambda c: c.buy(NAME, 1, 98, display_qty=0), InvalidValueError, "display_qty: 0"),
        (lambda c: c.buy(NAME, 1, 98, display_qty="0.015"), OffGridError, "display_qty"),
        (lambda c: c.buy(NAME, 1, display_qty=1), OrderError, "display_qty is for limit orders that rest"),
        (lambda c: c.buy(NAME, 1, 98, time_in_force=9), InvalidValueError, "gtc, ioc, fok, gtd or day"),
    ],
)
def test_terms_that_make_no_sense_say_what_was_expected(
    instrument: tc.Instrument, mistake: Any, error: type[Exception], said: str
) -> None:
    refused(instrument, mistake, error, said)


def test_a_persons_order_has_the_same_terms(instrument: tc.Instrument) -> None:
    kernel = build_kernel("desk", [tc.Strategy("s", [NAME])], [instrument])
    kernel.start(1)
    kernel.order(2, "s", 0, "sell", 2, 102, expires_at=900, post_only="slide", reduce_only=True, display_qty=1)
    [command] = kernel.drain()
    assert (command.time_in_force.name, command.expires_at) == ("GTD", 900)
    assert (command.post_only, command.slides, command.reduce_only) == (True, True, True)
    assert float(command.display_qty or 0) == 1
    kernel.report(3, 0, "repriced", 1, price="102.5")
    assert kernel.save()


def gap() -> Any:
    """99 to 101, then, at 200 ms, 90 to 91 without a trade on the way, and trades at 90.5 from 300 ms on."""
    return rows(
        (0, SET, 1, 99, 5),
        (0, SET, -1, 101, 5),
        (50, TRADE, 1, 100, 1),
        (200, SET, 1, 99, 0),
        (200, SET, 1, 90, 50),
        (200, SET, -1, 91, 50),
        (300, TRADE, 1, 91, 1),
        (1_000, SET, 1, 89, 5),
    )


def test_a_stop_over_a_gap_fills_where_the_market_is(instrument: tc.Instrument) -> None:
    made, result = run(
        instrument,
        gap(),
        lambda ctx: ctx.buy(NAME, 2),
        lambda ctx: ctx.sell(NAME, 2, type="stop_market", trigger_price=95, reduce_only=True),
        lambda ctx: [(o.order_type.name, o.trigger_price, o.trigger, o.is_triggered, o.price) for o in ctx.orders()],
    )
    assert made.seen[-1] == [("STOP_MARKET", 95.0, "last", False, None)]
    assert made.filled == [(1, 101.0, 2.0), (2, 90.0, 2.0)]
    stop = result.orders.filter(order_id=2)
    assert stop["order_type"].to_list() == ["stop_market"]
    assert stop["trigger_price"].to_list() == [95.0]
    assert stop["trigger"].to_list() == ["last"]
    assert stop["ts_trigger"].dt.timestamp("ms").to_list() == [300]


@pytest.mark.parametrize(("trigger", "filled_at"), [("last", 300), ("mid", 200)])
def test_a_trigger_goes_by_the_price_it_names(instrument: tc.Instrument, trigger: Any, filled_at: int) -> None:
    _, result = run(
        instrument, gap(), lambda ctx: ctx.sell(NAME, 2, type="stop_market", trigger_price=95, trigger=trigger)
    )
    assert result.fills["ts_event"].dt.timestamp("ms").to_list() == [filled_at]


def test_a_mark_price_sets_off_what_waits_for_it(instrument: tc.Instrument) -> None:
    mark = (100 * MS, int(tc.EventKind.MARK), 0, LAST, 94_000_000_000, 0)
    book = [(0, SET, 1, LAST, 990, 5_000), (0, SET, -1, LAST, 1_010, 5_000)]
    data = columns([*book, mark, (1_000 * MS, SET, 1, LAST, 980, 1_000)])
    made, _ = run(instrument, data, lambda ctx: ctx.sell(NAME, 2, type="stop_market", trigger_price=95, trigger="mark"))
    assert made.filled == [(1, 99.0, 2.0)]


def test_a_trigger_of_which_the_data_says_nothing_is_refused(instrument: tc.Instrument) -> None:
    made, _ = run(instrument, market(), lambda ctx: ctx.sell(NAME, 2, type="stop", trigger_price=95, trigger="mark"))
    assert made.told == [(10, 1, "REJECTED", "no_trigger_price")]


def test_a_trailing_stop_and_a_stop_limit_know_what_they_are(instrument: tc.Instrument) -> None:
    made, _ = run(
        instrument,
        market((100, 1, 101, 1), (200, -1, 100, 1)),
        lambda ctx: ctx.sell(NAME, 2, trailing_offset="0.5"),
        lambda ctx: ctx.sell(NAME, 2, 102, type=tc.OrderType.TAKE_PROFIT_LIMIT, trigger_price=101),
        lambda ctx: [(o.order_type.name, o.trailing_offset, o.price) for o in ctx.orders()],
    )
    assert made.seen[-1] == [("TRAILING_STOP", 0.5, None), ("TAKE_PROFIT_LIMIT", None, 102.0)]
    assert [order for order, *_ in made.filled] == [1]
    assert (100, 2, "NEW", "") in made.told


@pytest.mark.parametrize(
    ("mistake", "error", "said"),
    [
        (
            lambda c: c.sell(NAME, 2, trigger_price=95),
            InvalidValueError,
            "type: missing: with a trigger_price it is one of",
        ),
        (lambda c: c.sell(NAME, 2, type="stop_limit", trigger_price=95), InvalidValueError, "price: missing"),
        (lambda c: c.sell(NAME, 2, 95, type="stop_market", trigger_price=95), InvalidValueError, "price: not expected"),
        (lambda c: c.sell(NAME, 2, type="stop_market"), InvalidValueError, "trigger_price: missing"),
        (lambda c: c.sell(NAME, 2, type="trailing_stop"), InvalidValueError, "trailing_offset: missing"),
        (lambda c: c.sell(NAME, 2, 95, trigger="mark"), InvalidValueError, "trigger: not expected: no part of a limit"),
        (lambda c: c.sell(NAME, 2, type="limit"), InvalidValueError, "price: missing: a limit order needs it"),
        (lambda c: c.sell(NAME, 2, type="peg"), InvalidValueError, "type: expected one of market, limit, stop_market"),
        (
            lambda c: c.sell(NAME, 2, type="stop", trigger_price=95, trigger="bid"),
            InvalidValueError,
            'trigger: expected "last", "mark" or "mid"',
        ),
        (lambda c: c.sell(NAME, 2, type="stop", trigger_price=0), InvalidValueError, "trigger_price: 0"),
        (lambda c: c.sell(NAME, 2, type="stop", trigger_price="95.05"), OffGridError, "trigger_price"),
    ],
)
def test_a_trigger_that_makes_no_sense_says_what_was_expected(
    instrument: tc.Instrument, mistake: Any, error: type[Exception], said: str
) -> None:
    refused(instrument, mistake, error, said)


def test_what_a_venue_makes_of_orders_is_a_setting(instrument: tc.Instrument) -> None:
    venue = tc.SimVenue(
        "TEST",
        latency=tc.Latency(entry=0, response=0),
        amend="loses_place",
        amend_crossing="cancelled",
        reduce_only="refused",
        day_begins="500ms",
    )
    made, result = run(
        instrument,
        market(),
        lambda ctx: ctx.buy(NAME, 2, 98, post_only=True),
        lambda ctx: ctx.replace(1, price=102),
        lambda ctx: ctx.buy(NAME, 2, 98, time_in_force="day"),
        lambda ctx: (ctx.buy(NAME, 1), ctx.sell(NAME, 2, 103, reduce_only=True)),
        venue=venue,
    )
    ends = [told for told in made.told if told[2] in ("EXPIRED", "REJECTED")]
    assert ends == [
        (20, 1, "EXPIRED", "post_only_would_cross"),
        (40, 4, "REJECTED", "reduce_only"),
        (500, 2, "EXPIRED", "day_ended"),
    ]
    assert result.venues == [venue]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"amend": "never"}, 'amend: "never" is not keeps_place, loses_place or unsupported'),
        ({"amend_crossing": "takes"}, 'amend_crossing: "takes" is not refused or cancelled'),
        ({"reduce_only": "off"}, 'reduce_only: "off" is not shrinks, refused or unsupported'),
        ({"day_begins": "24h"}, "day_begins: a day begins within 24h of midnight"),
        ({"day_begins": 8}, "day_begins: 8 has no unit"),
    ],
)
def test_a_setting_no_venue_has_names_itself(setting: Any, said: str) -> None:
    with pytest.raises(InvalidValueError, match=re.escape(said)):
        tc.SimVenue("TEST", **setting)


def test_a_quote_may_slide(instrument: tc.Instrument) -> None:
    made, _ = run(
        instrument,
        market(),
        lambda ctx: ctx.quote(NAME, bid=102, bid_qty=2, post_only="slide"),
        lambda ctx: ctx.quote(NAME, bid=102, bid_qty=2, post_only="slide"),
        lambda ctx: [(o.order_id, o.price, o.slides) for o in ctx.orders()],
        lambda ctx: ctx.quote(NAME, bid=98, bid_qty=2),
        lambda ctx: [(o.order_id, o.price, o.slides) for o in ctx.orders()],
    )
    assert made.seen[2] == [(1, 100.9, True)]
    assert made.seen[4] == [(2, 98.0, False)]
    assert made.filled == []
