"""Groups of orders on small tapes: what is sent when, and what it comes to."""

from __future__ import annotations

from typing import Any

import pytest
from scripted import NAME, Scripted, rows, run

import tradecore as tc
from conftest import SET, TRADE
from tradecore.errors import ContextError, InvalidValueError, OffGridError, OrderError, UnsupportedOrderError

DEPTH = [(0, SET, 1, price, 5) for price in (99, 95, 94, 90)] + [(0, SET, -1, price, 5) for price in (101, 103, 107)]


def tape(*trades: tuple[int, int, float, float]) -> Any:
    """Five at each price of the depth from 0 ms on, with trades of (ms, side, price, qty), to 1 s."""
    prints = [(ms, TRADE, side, price, qty) for ms, side, price, qty in trades]
    return rows(*DEPTH, *prints, (1_000, SET, 1, 90, 4))


class Grouped(Scripted):
    """Notes of every order what it is to its group."""

    def on_start(self, ctx: tc.Context) -> None:
        super().on_start(ctx)
        self.roles: list[tuple[str | None, str, float, str]] = []

    def on_order(self, ctx: tc.Context, order: tc.Order) -> None:
        super().on_order(ctx, order)
        self.roles.append((order.role, order.status.name, order.leaves_qty, order.reason))


def play(instrument: tc.Instrument, data: Any, *steps: Any, **options: Any) -> tuple[Any, tc.Result]:
    return run(instrument, data, *steps, base=Grouped, **options)


def orders(result: tc.Result) -> list[tuple[Any, ...]]:
    frame = result.orders.sort("order_id")
    return frame.select("group", "role", "order_type", "qty", "filled_qty", "status").rows()


def buy_bracket(ctx: tc.Context) -> tc.OrderGroup:
    return ctx.bracket(NAME, "buy", 2, stop_loss=95, take_profit=105)


def test_a_bracket_takes_its_profit_and_cancels_its_stop(instrument: tc.Instrument) -> None:
    made, result = play(instrument, tape((100, 1, 106, 9)), buy_bracket, lambda ctx: ctx.group(1).open_qty)
    assert made.seen[1] == 2.0
    assert made.filled == [(1, 101.0, 2.0), (3, 105.0, 2.0)]
    assert orders(result) == [
        (1, "entry", "market", 2.0, 2.0, "filled"),
        (1, "stop_loss", "stop_market", 2.0, 0.0, "cancelled"),
        (1, "take_profit", "limit", 2.0, 2.0, "filled"),
    ]
    assert result.orders["reduce_only"].to_list() == [False, True, True]


def test_a_bus_hears_of_a_groups_legs_and_end(instrument: tc.Instrument) -> None:
    told: list[tc.events.GroupEvent] = []
    bus = tc.EventBus()
    bus.subscribe(tc.events.GroupEvent, told.append)
    _, result = play(instrument, tape((100, 1, 106, 9)), buy_bracket, events=bus)
    assert [type(event).__name__ for event in told] == ["GroupLegCancelled", "GroupEnded"]
    leg, end = told
    assert isinstance(leg, tc.events.GroupLegCancelled)
    assert (leg.group_id, leg.order_id, leg.role, leg.filled_qty) == (1, 2, "stop_loss", 0)
    assert end == tc.events.GroupEnded(end.at_ns, NAME, "s", 1, "bracket", "done", "")
    assert result.digest == play(instrument, tape((100, 1, 106, 9)), buy_bracket)[1].digest


def test_a_bracket_that_sells_is_stopped_above(instrument: tc.Instrument) -> None:
    made, result = play(
        instrument,
        tape((100, 1, 103, 1)),
        lambda ctx: ctx.bracket(NAME, "sell", 2, stop_loss=103, stop_limit=104, take_profit=95),
        lambda ctx: ctx.group(1).order("stop_loss").price,
        *[lambda ctx: (ctx.group(1).state, ctx.group(1).reason)] * 10,
    )
    assert (made.seen[1], made.seen[-1]) == (104.0, ("done", None))
    assert made.filled == [(1, 99.0, 2.0), (2, 103.0, 2.0)]
    assert [row[-1] for row in orders(result)] == ["filled", "filled", "expired"]


def test_legs_grow_with_the_entry_and_shrink_with_each_other(instrument: tc.Instrument) -> None:
    def look(ctx: tc.Context) -> Any:
        return [(order.role, order.leaves_qty) for order in ctx.orders()], ctx.group(1).open_qty

    data = rows(
        *DEPTH,
        (15, TRADE, -1, 100, 2),
        (25, TRADE, -1, 100, 2),
        (35, TRADE, 1, 105, 1.5),
        (500, SET, 1, 98, 4),
    )
    made, _ = play(
        instrument,
        data,
        lambda ctx: ctx.bracket(NAME, "buy", 4, 100, stop_loss=95, take_profit=105),
        look,
        look,
        look,
        lambda ctx: ctx.group(1).cancel(),
        lambda ctx: (look(ctx), ctx.group(1).state, ctx.position(NAME).qty),
    )
    assert made.seen[1:] == [
        ([("entry", 2.0), ("stop_loss", 2.0), ("take_profit", 2.0)], 2.0),
        ([("stop_loss", 4.0), ("take_profit", 4.0)], 4.0),
        ([("stop_loss", 2.5), ("take_profit", 2.5)], 2.5),
        True,
        (([], 2.5), "cancelled", 2.5),
    ]


def test_a_bracket_whose_legs_fill_in_one_message_closes_a_position_once(instrument: tc.Instrument) -> None:
    both = rows(*DEPTH, (100, TRADE, 1, 106, 9), (100, TRADE, -1, 94, 9), (500, SET, 1, 98, 5))
    made, result = play(instrument, both, buy_bracket)
    assert made.filled == [(1, 101.0, 2.0), (3, 105.0, 2.0)]
    assert result.positions["position_qty"].to_list()[-1] == 0
    # A venue without reduce-only orders fills both: what is too much is undone.
    venue = tc.SimVenue("TEST", latency=tc.Latency(entry="1ms", response="1ms"), reduce_only="unsupported")
    made, result = play(instrument, both, buy_bracket, lambda ctx: None, venue=venue)
    assert result.positions["position_qty"].to_list() == [2.0, 0.0, -2.0, 0.0]
    assert orders(result)[-1] == (1, "close", "market", 2.0, 2.0, "filled")


def test_an_entry_that_is_refused_sends_no_legs(instrument: tc.Instrument) -> None:
    made, result = play(
        instrument,
        tape(),
        lambda ctx: ctx.bracket(NAME, "buy", 2, 102, stop_loss=95, post_only=True),
        lambda ctx: (ctx.group(1).state, ctx.group(1).reason, ctx.groups),
    )
    assert made.seen[1] == ("cancelled", "post_only_would_cross", [])
    assert len(orders(result)) == 1


def test_a_refused_leg_closes_the_position_and_says_why(instrument: tc.Instrument) -> None:
    # The data tells no mark price, by which the stop would be set off.
    def enter(ctx: tc.Context, **options: Any) -> tc.OrderGroup:
        return ctx.bracket(NAME, "buy", 2, stop_loss=95, take_profit=105, trigger="mark", **options)

    for options, state, held in (({}, "failed", 0), ({"if_rejected": "keep"}, "working", 2)):
        made, result = play(
            instrument,
            tape(),
            lambda ctx, options=options: enter(ctx, **options),
            lambda ctx: (ctx.group(1).state, ctx.group(1).reason),
        )
        assert made.seen[1] == (state, "no_trigger_price")
        assert result.positions["position_qty"].to_list()[-1] == held
        assert ("stop_loss", "REJECTED", 2.0, "no_trigger_price") in made.roles


def test_one_cancels_other(instrument: tc.Instrument) -> None:
    made, result = play(
        instrument,
        tape((95, 1, 102, 0.5), (200, 1, 102, 9)),
        lambda ctx: ctx.buy(NAME, 2),
        lambda ctx: ctx.oco(
            NAME,
            tc.OrderSpec("sell", 2, 102, reduce_only=True),
            tc.OrderSpec("sell", 2, type="stop_market", trigger_price=95, reduce_only=True, client_id="stop"),
        ),
        *[lambda ctx: ctx.order("stop") and ctx.order("stop").qty] * 12,
    )
    assert made.seen[2:][0] == 2.0
    assert made.seen[-1] == 1.5
    assert orders(result)[1:] == [
        (1, "leg", "limit", 2.0, 2.0, "filled"),
        (1, "leg", "stop_market", 1.5, 0.0, "cancelled"),
    ]


def test_one_triggers_other(instrument: tc.Instrument) -> None:
    made, result = play(
        instrument,
        tape((100, -1, 98.5, 9)),
        lambda ctx: ctx.oto(
            NAME, tc.OrderSpec("buy", 2, 99), tc.OrderSpec("sell", 1, 104), tc.OrderSpec("sell", 1, 105)
        ),
        lambda ctx: [order.role for order in ctx.orders()],
    )
    assert made.seen[1] == ["first"]
    assert [row[:2] for row in orders(result)] == [(1, "first"), (1, "then"), (1, "then")]


def test_cancelling_everything_ends_groups_too(instrument: tc.Instrument) -> None:
    made, _ = play(
        instrument,
        tape((900, 1, 101, 1)),
        buy_bracket,
        lambda ctx: ctx.cancel_all(),
        lambda ctx: (ctx.orders(), ctx.group(1).state, ctx.group(1).is_done, ctx.group(1).cancel()),
    )
    assert made.seen[1:] == [2, ([], "cancelled", True, False)]


def test_an_inverse_contract_has_brackets_as_well() -> None:
    inverse = tc.Instrument(
        NAME, kind="inverse", base="BTC", quote="USD", settlement="BTC", price_increment="0.1", qty_increment="0.001"
    )
    made, result = run(
        inverse,
        rows(*DEPTH, (100, TRADE, -1, 94, 9), (500, SET, 1, 98, 5)),
        lambda ctx: ctx.bracket(NAME, "buy", 2, stop_loss=95, take_profit=105),
        base=Grouped,
    )
    assert result.positions["position_qty"].to_list()[-1] == 0
    assert made.roles[-1][0] == "take_profit"


def test_mistakes_are_told_before_anything_is_sent(instrument: tc.Instrument) -> None:
    def refused(call: Any, error: type[Exception], text: str) -> Any:
        def step(ctx: tc.Context) -> None:
            with pytest.raises(error, match=text):
                call(ctx)

        return step

    sell = tc.OrderSpec("sell", 2, 103)
    _, result = play(
        instrument,
        tape(),
        refused(
            lambda ctx: ctx.bracket(NAME, "buy", 2, stop_loss=105, take_profit=95),
            OrderError,
            f"{NAME}: stop_loss 105 has to be below take_profit 95 of a bracket that buys",
        ),
        refused(
            lambda ctx: ctx.bracket(NAME, "sell", 2, 100, stop_loss=100),
            OrderError,
            "stop_loss 100 has to be above price 100 of a bracket that sells",
        ),
        refused(
            lambda ctx: ctx.bracket(NAME, "buy", 2, 100, take_profit="99.9"),
            OrderError,
            "price 100 has to be below take_profit 99.9 of a bracket that buys",
        ),
        refused(lambda ctx: ctx.bracket(NAME, "buy", 2, 101), InvalidValueError, "a bracket has a stop_loss"),
        refused(
            lambda ctx: ctx.bracket(NAME, "buy", 2, stop_loss=95, trailing_offset=1), InvalidValueError, "or trails"
        ),
        refused(
            lambda ctx: ctx.bracket(NAME, "buy", 2, stop_limit=95, take_profit=105), InvalidValueError, "stop_loss"
        ),
        refused(lambda ctx: ctx.bracket(NAME, "buy", 2, stop_loss="94.99"), OffGridError, "94.99"),
        refused(
            lambda ctx: ctx.bracket(NAME, "buy", 2, stop_loss=95, if_rejected="panic"), InvalidValueError, "if_rejected"
        ),
        refused(lambda ctx: ctx.oco(NAME, sell), OrderError, "two orders or more"),
        refused(lambda ctx: ctx.oco(NAME, sell, "sell"), InvalidValueError, "OrderSpec"),
        refused(lambda ctx: ctx.oco(NAME, sell, tc.OrderSpec("sell", 1, 104)), OrderError, "share one quantity"),
        refused(lambda ctx: ctx.oco(NAME, sell, sell, if_rejected="close"), InvalidValueError, "cancel"),
        refused(lambda ctx: ctx.oto(NAME, sell), OrderError, "two orders or more"),
    )
    assert result.orders.is_empty()


def test_a_venue_without_stops_takes_no_bracket_with_one(instrument: tc.Instrument) -> None:
    venue = tc.SimVenue("TEST", order_types="market, limit")

    def step(ctx: tc.Context) -> None:
        with pytest.raises(UnsupportedOrderError, match="stop_market"):
            buy_bracket(ctx)

    play(instrument, tape(), step, venue=venue)


def test_a_group_is_no_more_than_a_view(instrument: tc.Instrument) -> None:
    made, _ = play(
        instrument, tape((900, 1, 101, 1)), buy_bracket, lambda ctx: (ctx.group(1) == ctx.groups[0], ctx.group(2))
    )
    assert made.seen[1] == (True, None)
    with pytest.raises(ContextError):
        _ = made.seen[0].state


def test_a_waiting_stop_gets_another_quantity_and_no_price(instrument: tc.Instrument) -> None:
    def replace(ctx: tc.Context) -> bool:
        with pytest.raises(InvalidValueError, match="no limit"):
            ctx.replace(1, price=94)
        return ctx.replace(1, qty=3)

    made, result = play(
        instrument,
        tape((100, -1, 95, 1)),
        lambda ctx: ctx.sell(NAME, 2, type="stop_market", trigger_price=95),
        replace,
    )
    assert made.seen[1] is True
    assert orders(result) == [(None, None, "stop_market", 3.0, 3.0, "filled")]


def test_a_bracket_leaves_a_position_no_larger_for_a_stop_over_a_gap(instrument: tc.Instrument) -> None:
    gap = rows(
        *DEPTH,
        (100, SET, 1, 99, 0),
        (100, SET, 1, 90, 5),
        (101, TRADE, -1, 90, 1),
        (500, SET, 1, 89, 5),
    )
    made, _ = play(instrument, gap, buy_bracket)
    assert made.filled == [(1, 101.0, 2.0), (2, 90.0, 2.0)]


BARE = tc.SimVenue(
    "TEST",
    latency=tc.Latency(entry="1ms", response="1ms"),
    order_types="market, limit",
    triggers="none",
    reduce_only="unsupported",
)
"""A venue that knows neither stops nor reduce-only orders."""


def test_the_kernel_keeps_a_stop_that_its_venue_does_not_know(instrument: tc.Instrument) -> None:
    made, result = play(
        instrument,
        tape((100, -1, 95, 1)),
        lambda ctx: ctx.buy(NAME, 2),
        lambda ctx: ctx.sell(
            NAME, 5, type="stop_market", trigger_price=95, reduce_only=True, client_id="stop", emulate=True
        ),
        lambda ctx: (ctx.order("stop").emulated, ctx.order("stop").status.name),
        venue=BARE,
    )
    assert made.seen[2] == (("trigger", "reduce_only"), "NEW")
    assert made.filled == [(1, 101.0, 2.0), (2, 95.0, 2.0)]
    assert [told for told in made.told if told[1] == 2] == [
        (20, 2, "NEW", ""),
        (100, 2, "PENDING_NEW", ""),
        (102, 2, "NEW", ""),
        (102, 2, "FILLED", ""),
    ]
    assert result.orders.sort("order_id")["emulated"].to_list() == [None, "trigger, reduce_only"]
    assert result.orders["ts_trigger"].dt.timestamp("ms").to_list() == [None, 100]


@pytest.mark.parametrize(
    ("terms", "trades", "price"),
    [
        ({"type": "take_profit_market", "trigger_price": 103}, ((100, 1, 103, 1),), 99.0),
        ({"type": "stop_limit", "trigger_price": 95, "price": 94}, ((100, -1, 95, 1),), 95.0),
        ({"trailing_offset": 4}, ((90, 1, 101, 1), (100, 1, 103, 1), (110, -1, 99, 1)), 99.0),
        ({"type": "stop_market", "trigger_price": 95, "trigger": "mid"}, (), None),
    ],
)
def test_whatever_sets_an_order_off_can_be_emulated(
    instrument: tc.Instrument, terms: dict[str, Any], trades: Any, price: float | None
) -> None:
    made, _ = play(instrument, tape(*trades), lambda ctx: ctx.sell(NAME, 2, emulate=True, **terms), venue=BARE)
    assert [fill[1] for fill in made.filled] == ([] if price is None else [price])


def test_a_kept_order_is_changed_cancelled_and_ends_in_the_kernel(instrument: tc.Instrument) -> None:
    def stop(ctx: tc.Context, **terms: Any) -> int:
        return ctx.sell(NAME, 2, type="stop_market", trigger_price=95, emulate=True, **terms)

    made, result = play(
        instrument,
        tape((500, -1, 95, 1)),
        stop,
        lambda ctx: ctx.replace(1, qty=3),
        lambda ctx: ctx.order(1).qty,
        lambda ctx: ctx.cancel(1),
        lambda ctx: stop(ctx, expires_at=200_000_000),
        venue=BARE,
    )
    assert made.seen[:4] == [1, True, 3.0, True]
    assert made.told[-1] == (200, 2, "EXPIRED", "gtd_reached")
    assert made.filled == []
    assert result.orders.sort("order_id")["status"].to_list() == ["cancelled", "expired"]


@pytest.mark.parametrize("emulate", [True, False])
def test_the_trigger_of_an_order_that_waits_is_moved(instrument: tc.Instrument, emulate: bool) -> None:
    made, _ = play(
        instrument,
        tape((55, -1, 95, 1), (100, 1, 103, 1), (110, -1, 100, 1), (120, -1, 94, 1)),
        lambda ctx: ctx.sell(NAME, 2, type="stop_market", trigger_price=95, emulate=emulate),
        lambda ctx: ctx.sell(NAME, 2, trailing_offset=9, emulate=emulate),
        lambda ctx: ctx.replace(1, trigger_price=94),
        lambda ctx: ctx.replace(2, trailing_offset=3),
        lambda ctx: [(order.trigger_price, order.trailing_offset) for order in ctx.orders()],
        venue=BARE if emulate else tc.SimVenue("TEST", latency=tc.Latency(entry=0, response=0)),
    )
    assert made.seen[2:] == [True, True, [(94.0, None), (None, 3.0)]]
    sets_off = {number: ms for ms, number, status, _ in reversed(made.told) if status == "FILLED"}
    assert {number: ms // 10 for number, ms in sets_off.items()} == {2: 11, 1: 12}


def test_nothing_is_emulated_that_the_venue_does_itself(instrument: tc.Instrument) -> None:
    made, _ = play(
        instrument,
        tape((100, -1, 95, 1)),
        lambda ctx: ctx.sell(NAME, 2, type="stop_market", trigger_price=95, emulate=True),
        lambda ctx: ctx.order(1).emulated,
    )
    assert made.seen[1] == ()


def test_what_cannot_be_emulated_is_refused_as_before(instrument: tc.Instrument) -> None:
    def step(ctx: tc.Context) -> None:
        with pytest.raises(UnsupportedOrderError, match="stop_market"):
            ctx.sell(NAME, 2, type="stop_market", trigger_price=95)
        with pytest.raises(OrderError, match="the kernel keeps"):
            ctx.sell(NAME, 2, type="stop_market", trigger_price=95, time_in_force="day", emulate=True)
        with pytest.raises(OffGridError):
            ctx.sell(NAME, 2, type="stop_market", trigger_price="94.99", emulate=True)

    venue = tc.SimVenue("TEST", order_types="market, limit")
    _, result = play(instrument, tape(), step, venue=venue)
    assert result.orders.is_empty()


@pytest.mark.parametrize("last", [(100, -1, 94.0, 9.0), (100, 1, 106.0, 9.0)])
def test_a_bracket_at_a_venue_that_knows_nothing_of_it(instrument: tc.Instrument, last: Any) -> None:
    made, result = play(
        instrument,
        tape(last),
        lambda ctx: ctx.bracket(NAME, "buy", 2, stop_loss=95, take_profit=105, emulate=True),
        *[lambda ctx: (ctx.group(1).state, ctx.group(1).over_qty)] * 15,
        venue=BARE,
    )
    assert made.seen[-1] == ("done", 0.0)
    assert result.positions["position_qty"].to_list() == [2.0, 0.0]
    emulated = result.orders.sort("order_id").select("role", "emulated").rows()
    assert emulated == [("entry", None), ("stop_loss", "trigger, reduce_only"), ("take_profit", "reduce_only")]


def test_a_bracket_whose_legs_no_venue_takes_closes_what_it_bought(instrument: tc.Instrument) -> None:
    """Its stop would be worth 98.8 where 100 is the least: what was bought stayed without one, and the group at work."""

    def enter(ctx: tc.Context) -> tc.OrderGroup:
        return ctx.bracket(NAME, "buy", "1.04", stop_loss=95, take_profit=105)

    how = lambda ctx: (ctx.group(1).state, ctx.group(1).reason)  # noqa: E731
    made, result = play(instrument, tape((100, 1, 106, 9)), enter, how)
    assert made.filled == [(1, 101.0, 1.04), (2, 99.0, 1.04)]
    assert [row[1] for row in orders(result)] == ["entry", "close"]
    assert made.seen[1] == ("failed", "min_qty")


SPOT = tc.Instrument(NAME, kind="spot", base="BTC", quote="USDT", price_increment="0.1", qty_increment="0.001")
RESERVING = tc.SimVenue(
    "TEST",
    latency=tc.Latency(entry="1ms", response="1ms"),
    balances={"USDT": 1000},
    reduce_only="unsupported",
    amend_trigger="unsupported",
)


def legs(result: tc.Result) -> list[tuple[Any, ...]]:
    frame = result.orders.sort("order_id")
    return frame.select("role", "order_type", "emulated", "filled_qty", "status").rows()


def test_the_legs_of_a_bracket_share_what_a_spot_account_holds() -> None:
    def open_at_venue(ctx: tc.Context) -> Any:
        return [(order.role, order.emulated) for order in ctx.orders()], ctx.group(1).state

    made, result = play(SPOT, tape((100, 1, 105, 9)), buy_bracket, open_at_venue, venue=RESERVING)
    assert made.seen[1] == ([("stop_loss", ()), ("take_profit", ("trigger",))], "working")
    # The stop leaves the venue before the take profit comes to it, which meets the next trade.
    assert [row[-1] for row in orders(result)] == ["filled", "cancelled", "new", "new"]
    assert legs(result)[2:] == [
        ("take_profit", "take_profit_limit", "trigger", 0.0, "new"),
        ("stop_loss", "stop_market", "trigger", 0.0, "new"),
    ]
    made, result = play(SPOT, tape((100, 1, 105, 9), (200, 1, 106, 9)), buy_bracket, venue=RESERVING)
    assert made.filled == [(1, 101.0, 2.0), (3, 105.0, 2.0)]
    assert {row[-1] for row in legs(result)} == {"filled", "cancelled"}


def test_the_stop_of_a_spot_bracket_is_at_the_venue() -> None:
    made, result = play(SPOT, tape((100, -1, 94, 9)), buy_bracket, venue=RESERVING)
    assert made.filled == [(1, 101.0, 2.0), (2, 90.0, 2.0)]
    assert legs(result) == [
        ("entry", "market", None, 2.0, "filled"),
        ("stop_loss", "stop_market", None, 2.0, "filled"),
        ("take_profit", "take_profit_limit", "trigger", 0.0, "cancelled"),
    ]


def test_a_take_profit_that_was_set_off_makes_room_for_the_stop_again() -> None:
    made, result = play(SPOT, tape((100, 1, 105, 9), (200, -1, 94, 9)), buy_bracket, venue=RESERVING)
    assert made.filled == [(1, 101.0, 2.0), (4, 90.0, 2.0)]
    assert legs(result)[1:] == [
        ("stop_loss", "stop_market", None, 0.0, "cancelled"),
        ("take_profit", "take_profit_limit", "trigger", 0.0, "cancelled"),
        ("stop_loss", "stop_market", "trigger", 2.0, "filled"),
    ]


def test_a_spot_leg_that_is_cancelled_by_hand_leaves_the_venue_to_the_other() -> None:
    def cancel_stop(ctx: tc.Context) -> bool:
        return ctx.cancel(ctx.group(1).order("stop_loss").order_id)

    made, result = play(SPOT, tape((200, 1, 106, 9)), buy_bracket, cancel_stop, venue=RESERVING)
    assert made.filled == [(1, 101.0, 2.0), (4, 105.0, 2.0)]
    assert legs(result)[1:] == [
        ("stop_loss", "stop_market", None, 0.0, "cancelled"),
        ("take_profit", "take_profit_limit", "trigger", 0.0, "cancelled"),
        ("take_profit", "limit", None, 2.0, "filled"),
    ]


def test_a_kept_take_profit_is_moved_with_what_sets_it_off() -> None:
    def move(ctx: tc.Context) -> bool:
        return ctx.replace(ctx.group(1).order("take_profit").order_id, price=104)

    data = tape((100, 1, 104, 9), (200, 1, 104.1, 9))
    made, _ = play(SPOT, data, buy_bracket, move, venue=RESERVING)
    assert made.filled == [(1, 101.0, 2.0), (3, 104.0, 2.0)]


def test_spot_legs_of_both_sides_of_one_cancels_other_are_both_at_the_venue() -> None:
    venue = tc.SimVenue("TEST", latency=tc.Latency(entry="1ms", response="1ms"), balances={"USDT": 1000, "BTC": 2})

    def exits(ctx: tc.Context, low: tc.OrderSpec) -> Any:
        return ctx.oco(NAME, tc.OrderSpec("sell", 2, 105), low)

    stop = tc.OrderSpec("sell", 2, type="stop_market", trigger_price=95)
    _, result = play(SPOT, tape((100, -1, 94, 9)), lambda ctx: exits(ctx, stop), venue=venue)
    assert [row[2:] for row in legs(result)] == [("trigger", 0.0, "cancelled"), (None, 2.0, "filled")]
    bid = tc.OrderSpec("buy", 2, 95)
    _, result = play(SPOT, tape((100, 1, 106, 9)), lambda ctx: exits(ctx, bid), venue=venue)
    assert [row[2:] for row in legs(result)] == [(None, 2.0, "filled"), (None, 0.0, "cancelled")]


def test_a_spot_venue_without_stops_has_the_take_profit() -> None:
    venue = tc.SimVenue(
        "TEST",
        latency=tc.Latency(entry="1ms", response="1ms"),
        balances={"USDT": 1000},
        reduce_only="unsupported",
        order_types="market, limit",
    )

    def enter(ctx: tc.Context) -> tc.OrderGroup:
        return ctx.bracket(NAME, "buy", 2, stop_loss=95, take_profit=105, emulate=True)

    made, result = play(SPOT, tape((100, -1, 94, 9)), enter, venue=venue)
    assert made.filled == [(1, 101.0, 2.0), (2, 90.0, 2.0)]
    assert [row[2:] for row in legs(result)][1:] == [
        ("trigger, reduce_only", 2.0, "filled"),
        ("reduce_only", 0.0, "cancelled"),
    ]


@pytest.mark.parametrize(
    "enter",
    [
        lambda ctx: ctx.bracket(NAME, "buy", 2, stop_loss=101, take_profit=110),
        lambda ctx: ctx.bracket(NAME, "buy", 2, 105, stop_loss=102),
        lambda ctx: ctx.bracket(NAME, "buy", 2, take_profit=101),
        lambda ctx: ctx.bracket(NAME, "sell", 2, stop_loss=99),
        lambda ctx: ctx.bracket(NAME, "sell", 2, stop_loss=110, take_profit="99.1"),
    ],
)
def test_a_bracket_beyond_whose_leg_the_market_is_does_not_begin(instrument: tc.Instrument, enter: Any) -> None:
    steps = enter, lambda ctx: (ctx.group(1).state, ctx.group(1).reason)
    made, result = play(instrument, tape((200, -1, 99, 1)), *steps)
    assert made.seen[1] == ("cancelled", "bracket_passed")
    assert (made.filled, result.rejected) == ([], {"bracket_passed": 1})


@pytest.mark.parametrize(
    "enter",
    [
        lambda ctx: ctx.bracket(NAME, "buy", 2, stop_loss="100.9"),
        lambda ctx: ctx.bracket(NAME, "buy", 2, 98, stop_loss=97, take_profit=99),
        lambda ctx: ctx.bracket(NAME, "buy", 2, trailing_offset=5),
    ],
)
def test_a_bracket_of_which_the_market_is_on_the_right_side_begins(instrument: tc.Instrument, enter: Any) -> None:
    made, _ = play(instrument, tape((900, -1, 99, 1)), enter, lambda ctx: ctx.group(1).state)
    assert made.seen[1] == "working"


def test_a_market_that_passes_the_stop_while_the_entry_rests_sets_it_off(instrument: tc.Instrument) -> None:
    falls = [(100, SET, 1, 99, 0), (100, SET, 1, 95, 0), (100, SET, -1, 94.5, 5)]
    data = rows(*DEPTH, (100, TRADE, -1, 94, 2), *falls, (500, SET, 1, 90, 4))
    made, _ = play(instrument, data, lambda ctx: ctx.bracket(NAME, "buy", 2, 98, stop_loss=95))
    assert made.filled == [(1, 98.0, 2.0), (2, 94.0, 2.0)]
