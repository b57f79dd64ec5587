"""Icebergs at a venue that knows none: one order of the strategy's, of which the kernel shows a part at a time."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from scripted import NAME, rows, run
from test_comparing import session

import tradecore as tc
from conftest import SET, TRADE

DEPTH = [(0, SET, 1, price, 5) for price in (99, 95)] + [(0, SET, -1, price, 5) for price in (101, 107)]
BARE = tc.SimVenue(
    "TEST",
    latency=tc.Latency(entry="1ms", response="1ms"),
    order_types="market, limit",
    triggers="none",
    reduce_only="unsupported",
    iceberg="unsupported",
)


@pytest.fixture
def instrument() -> tc.Instrument:
    """A linear perpetual on a 0.1 / 0.001 grid, of which orders are 0.05 or more in lots of 0.01."""
    grid = {"price_increment": "0.1", "qty_increment": "0.001", "lot_size": "0.01", "min_qty": "0.05"}
    return tc.Instrument(NAME, kind="linear", base="BTC", quote="USDT", **grid)


def tape(*trades: tuple[int, int, float, float]) -> Any:
    """Five at each price of the depth from 0 ms on, with trades of (ms, side, price, qty), to 1 s."""
    prints = [(ms, TRADE, side, price, qty) for ms, side, price, qty in trades]
    return rows(*DEPTH, *prints, (1_000, SET, 1, 95, 4))


def through(*at: int, side: int = -1, price: float = 98) -> Any:
    """Trades of nine that leave nothing at a price before them."""
    return tape(*[(ms, side, price, 9) for ms in at])


def iceberg(ctx: tc.Context, qty: float = 3, **terms: Any) -> int:
    return ctx.buy(NAME, qty, 99, display_qty=1, emulate=True, **terms)


def play(instrument: tc.Instrument, data: Any, *steps: Any, **options: Any) -> tuple[Any, tc.Result]:
    return run(instrument, data, *steps, **{"venue": BARE, **options})


def test_one_order_is_filled_by_parts_that_follow_each_other(instrument: tc.Instrument) -> None:
    made, result = play(
        instrument,
        through(100, 200, 300),
        lambda ctx: iceberg(ctx, 2.5, client_id="ice"),
        lambda ctx: [(o.order_id, o.client_id, o.emulated, o.display_qty, o.qty) for o in ctx.orders()],
        lambda ctx: (ctx.order(1) is not None, ctx.order(2)),
    )
    assert made.seen[1:] == [[(1, "ice", ("display_qty",), 1.0, 2.5)], (True, None)]
    assert made.filled == [(1, 99.0, 1.0), (1, 99.0, 1.0), (1, 99.0, 0.5)]
    assert made.told == [
        (12, 1, "NEW", ""),
        (101, 1, "PARTIALLY_FILLED", ""),
        (201, 1, "PARTIALLY_FILLED", ""),
        (301, 1, "FILLED", ""),
    ]
    row = result.orders.row(0, named=True)
    assert result.orders.height == 1
    assert (row["emulated"], row["filled_qty"], row["avg_fill_price"]) == ("display_qty", 2.5, 99.0)
    assert result.fills["position_qty"].to_list() == [1.0, 2.0, 2.5]
    assert result.executions.is_empty()


def test_new_terms_hold_for_the_part_that_is_there_and_for_the_rest(instrument: tc.Instrument) -> None:
    made, _ = play(
        instrument,
        through(100, 200),
        iceberg,
        lambda ctx: ctx.replace(1, price=98.5, qty=2),
        lambda ctx: [(o.price, o.qty, o.status.name) for o in ctx.orders()],
    )
    assert made.seen[2] == [(98.5, 2.0, "NEW")]
    assert made.filled == [(1, 98.5, 1.0), (1, 98.5, 1.0)]


def test_a_cancel_ends_the_part_and_the_order(instrument: tc.Instrument) -> None:
    made, result = play(
        instrument,
        through(15, 100),
        iceberg,
        lambda ctx: ctx.cancel_all(),
        lambda ctx: ctx.orders(),
    )
    assert made.seen == [1, 1, []]
    assert made.filled == [(1, 99.0, 1.0)]
    assert made.told[-1] == (22, 1, "CANCELLED", "")
    assert result.orders["status"].to_list() == ["cancelled"]


def test_its_time_ends_it(instrument: tc.Instrument) -> None:
    made, _ = play(instrument, through(100), lambda ctx: iceberg(ctx, expires_at=500_000_000))
    assert made.told[-1] == (501, 1, "EXPIRED", "gtd_reached")
    assert made.filled == [(1, 99.0, 1.0)]


def test_limits_count_all_of_it_once(instrument: tc.Instrument) -> None:
    limits = tc.RiskLimits(max_order_qty=3, max_position_qty=3, max_open_orders=2)
    made, result = play(
        instrument,
        through(200, 300, 400),
        lambda ctx: iceberg(ctx, 4),
        iceberg,
        lambda ctx: ctx.buy(NAME, 1, 95),
        lambda ctx: ctx.replace(2, qty=4),
        lambda ctx: ctx.sell(NAME, 1, 107),
        lambda ctx: ctx.sell(NAME, 1, 108),
        risk=limits,
    )
    refused = result.risk.refusals.select("order_id", "check", "value").rows()
    assert refused == [
        (1, "max_order_qty", 4.0),
        (1, "max_position_qty", 4.0),
        (4, "max_position_qty", 4.0),
        (2, "max_order_qty", 4.0),
        (2, "max_position_qty", 4.0),
        (6, "max_open_orders", 3.0),
    ]
    assert made.filled == [(2, 99.0, 1.0)] * 3, "parts pass where what they are part of has filled the limits"


def test_what_is_reduce_only_ends_with_the_position(instrument: tc.Instrument) -> None:
    made, _ = play(
        instrument,
        through(100, 200, 300, side=1, price=103),
        lambda ctx: ctx.buy(NAME, 1.5),
        lambda ctx: ctx.sell(NAME, 5, 102, display_qty=1, reduce_only=True, emulate=True),
        lambda ctx: ctx.order(2).emulated,
    )
    assert made.seen[2] == ("reduce_only", "display_qty")
    assert made.filled == [(1, 101.0, 1.5), (2, 102.0, 1.0), (2, 102.0, 0.5)]
    assert made.told[-1][1:] == (2, "EXPIRED", "reduce_only")


def test_one_that_waits_is_shown_in_parts_once_it_is_set_off(instrument: tc.Instrument) -> None:
    made, _ = play(
        instrument,
        tape((100, 1, 103, 1), (200, -1, 98, 9), (300, -1, 98, 9)),
        lambda ctx: iceberg(ctx, 2, type="stop_limit", trigger_price=103),
        lambda ctx: ctx.order(1).emulated,
        lambda ctx: ctx.replace(1, qty=1.5),
    )
    assert made.seen[1:] == [("trigger", "display_qty"), True]
    assert made.filled == [(1, 99.0, 1.0), (1, 99.0, 0.5)]
    assert [status for _, _, status, _ in made.told][-3:] == ["NEW", "PARTIALLY_FILLED", "FILLED"]


def test_it_may_be_a_leg(instrument: tc.Instrument) -> None:
    def legs(ctx: tc.Context) -> Any:
        return [(o.role, o.leaves_qty) for o in ctx.orders()]

    take = tc.OrderSpec("sell", 2, 105, display_qty=1)
    stop = tc.OrderSpec("sell", 2, type="stop_market", trigger_price=95)
    made, _ = play(
        instrument,
        tape((105, 1, 106, 9), (205, 1, 106, 9)),
        lambda ctx: ctx.buy(NAME, 2),
        lambda ctx: ctx.oco(NAME, take, stop, emulate=True),
        legs,
        *[legs] * 20,
    )
    assert made.seen[2] == [("leg", 2.0), ("leg", 2.0)]
    assert made.seen[12] == [("leg", 1.0), ("leg", 1.0)]
    assert made.seen[-1] == []
    assert [fill[1:] for fill in made.filled] == [(101.0, 2.0), (105.0, 1.0), (105.0, 1.0)]


def test_a_bus_hears_of_one_order(instrument: tc.Instrument) -> None:
    told: list[Any] = []
    bus = tc.EventBus()
    bus.subscribe(tc.events.OrderEvent, told.append)
    _, result = play(instrument, through(100, 200, 300), iceberg, events=bus)
    names = ["OrderSubmitted", "OrderAccepted", "OrderFilled", "OrderFilled", "OrderFilled"]
    assert [type(event).__name__ for event in told] == names
    assert {event.order_id for event in told} == {1}
    assert result.digest == play(instrument, through(100, 200, 300), iceberg)[1].digest


def test_a_part_is_no_smaller_than_orders_are(instrument: tc.Instrument) -> None:
    made, _ = play(instrument, tape(), lambda ctx: ctx.buy(NAME, 3, 99, display_qty="0.02", emulate=True))
    assert made.told == [(12, 1, "REJECTED", "min_qty")]


def test_what_the_venue_shows_itself_is_left_to_it(instrument: tc.Instrument) -> None:
    made, _ = play(instrument, through(100), iceberg, lambda ctx: ctx.order(1).emulated, venue=tc.SimVenue("TEST"))
    assert made.seen[1] == ()
    assert made.filled == [(1, 99.0, 3.0)], "a trade through its price meets all of it"


SHOWER = """
import tradecore as tc


class Shower(tc.Strategy):
    def on_start(self, ctx):
        ctx.every("200ms", self.work)

    def work(self, ctx):
        (name,) = self.instruments
        book = ctx.book(name)
        if not book.is_synced:
            return
        if ctx.orders():
            ctx.cancel_all()
        else:
            ctx.buy(name, "0.03", book.best_ask, display_qty="0.01", emulate=True)
"""


@pytest.mark.release
def test_a_paper_session_shows_parts_and_is_the_simulator_on_its_own_recording(tmp_path: Any) -> None:
    (tmp_path / "shower.py").write_text(SHOWER)
    result = session(tmp_path, 'granularity = "100ms"\niceberg = "unsupported"', kind=f"{tmp_path}/shower.py:Shower")
    compared = tc.compare_session(tmp_path / "journal" / "s1")
    both = [pair for pair in compared.orders if pair.outcome == "both"]
    assert result["orders"] == len(compared.orders), "one for each of the strategy's"
    assert [pair.outcome for pair in compared.orders if pair.outcome.endswith("_only")] == []
    for pair in both:
        assert (pair.live_qty, pair.live_price, pair.live_fee) == (pair.model_qty, pair.model_price, pair.model_fee)
    assert any(pair.live_qty > Decimal("0.01") for pair in both), "more than one part"
