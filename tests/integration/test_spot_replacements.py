"""Spot orders of Binance that get other terms: one of ours is several of the venue's, one after the other."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from tradecore.sandbox import Fault
from tradecore.types import OrderStatus
from tradecore.venues import Credentials, Secret, make_connector
from tradecore.venues.binance.replacing import Incarnation, is_replacing
from venue_live import run, until
from venue_sandbox import Trading, session

pytestmark = pytest.mark.release
entries = pytest.mark.parametrize("order_entry", ["websocket", "rest"])
_ON = {"websocket": "order.cancelReplace", "rest": "POST */cancelReplace"}


async def bid(made: Trading, qty: str = "0.01") -> Decimal:
    """Rest a bid at the best one; return its price."""
    price = made.below(0)
    assert (await made.send(lambda ctx: ctx.buy(made.id, qty, price, post_only=True))).kind == "accepted"
    return price


def there(made: Trading) -> list[tuple[str, Decimal, Decimal, str]]:
    """Return what the venue has had of ours."""
    own = [order for order in made.desk.orders.values() if order.account == 0]
    return [(order.client_id, order.qty, order.filled, order.status) for order in own]


@pytest.mark.parametrize(
    ("number", "before", "text"),
    [(0, "0", "s4-0-1a"), (1, "0", "s4-0-1a_1"), (12, "0.004", "s4-0-1a_12_0_004"), (3, "10", "s4-0-1a_3_10_0")],
)
def test_what_the_venue_carries_says_whose_it_is_and_what_was_filled_before(
    number: int, before: str, text: str
) -> None:
    taken = Incarnation("s4-0-1a", number, Decimal(before))
    assert taken.text == text
    assert Incarnation.of(text) == taken
    assert is_replacing(taken.cancel_id)
    assert not is_replacing(text)


def test_ids_of_others_are_left_as_they_are() -> None:
    for text in ("web_1", "abc", "s4-0-1a_x", "s4-0-1a_1_2"):
        assert Incarnation.of(text) == Incarnation(text)


@entries
def test_an_order_gets_another_price_and_more_quantity_and_stays_what_it_is(order_entry: str) -> None:
    async def work() -> None:
        async with session("BINANCE", speed=0.02, order_entry=order_entry) as made:
            price = await bid(made)
            for step in (1, 2):
                lower = price - step * made.spec.tick_size
                told = await made.send(lambda ctx, at=lower: ctx.replace(made.order_id, price=at, qty="0.012"))  # type: ignore[misc]
                assert (told.kind, told.price, told.qty, told.order) == (
                    "replaced",
                    lower,
                    Decimal("0.012"),
                    made.client_id,
                )
            (order,) = await made.connector.open_orders()
            assert (order.client_id, order.qty, order.price) == (made.client_id, Decimal("0.012"), lower)
            assert order.venue_id == told.venue_id
            assert (await made.send(lambda ctx: ctx.cancel(made.order_id))).kind == "cancelled"
            assert made.trader.last == (OrderStatus.CANCELLED, 0.0)
            name = made.client_id
            assert [row[0] for row in there(made)] == [name, f"{name}_1", f"{name}_2"]
            await until(lambda: len(made.reports("accepted")) == 3 and made.reports("cancelled"))
            assert len(made.reports("cancelled")) == 1  # those that made room are not told

    run(work)


@entries
def test_what_was_filled_counts_on_behind_a_replacement(order_entry: str) -> None:
    async def work() -> None:
        async with session("BINANCE", speed=0.02, order_entry=order_entry) as made:
            price = await bid(made)
            made.fill("0.004")
            await until(lambda: len(made.reports("fill")) == 1)
            lower = price - made.spec.tick_size
            assert (await made.send(lambda ctx: ctx.replace(made.order_id, price=lower))).kind == "replaced"
            assert there(made)[1] == (f"{made.client_id}_1_0_004", Decimal("0.006"), 0, "NEW")
            made.fill("0.001")
            await until(lambda: len(made.reports("fill")) == 2)
            assert [fill.cumulative for fill in made.reports("fill")] == [Decimal("0.004"), Decimal("0.005")]
            (order,) = await made.connector.open_orders()
            assert (order.client_id, order.qty, order.filled) == (made.client_id, Decimal("0.01"), Decimal("0.005"))
            # A smaller quantity keeps the order.
            assert (await made.send(lambda ctx: ctx.replace(made.order_id, qty="0.007"))).kind == "replaced"
            assert there(made)[1][1] == Decimal("0.003")
            told = await made.connector.query(made.id, made.client_id)
            assert sum(report.qty for report in told if report.kind == "fill") == Decimal("0.001")
            found = await made.connector.executions([made.id], time.time_ns() - 60_000_000_000)
            assert [(each.client_id, each.qty) for each in found] == [
                (made.client_id, Decimal("0.004")), (made.client_id, Decimal("0.001")),
            ]  # fmt: skip
            made.fill("0.002")
            await until(lambda: len(made.reports("fill")) == 3)
            for report in made.reports("fill"):
                made.trader.take(report)
            assert made.trader.last == (OrderStatus.FILLED, 0.007)

    run(work)


def test_a_fill_on_the_way_leaves_no_more_than_was_asked_for() -> None:
    """The connector does not know of it yet: the venue does not cancel, and what is left is asked for."""

    async def work() -> None:
        faults = [Fault(kind="delay", on="user", probability=1.0, delay_ms=500)]
        async with session("BINANCE", faults, speed=0.02) as made:
            price = await bid(made)
            made.fill("0.004")
            told = await made.send(lambda ctx: ctx.replace(made.order_id, price=price - made.spec.tick_size))
            assert (told.kind, len(made.reports("fill"))) == ("replaced", 0)
            assert there(made)[1][:2] == (f"{made.client_id}_1_0_004", Decimal("0.006"))

    run(work)


def test_a_replacement_that_the_venue_does_not_take_leaves_nothing() -> None:
    async def work() -> None:
        async with session("BINANCE", speed=0.02) as made:
            await bid(made)
            told = await made.send(lambda ctx: ctx.replace(made.order_id, price=made.below(-0.01)))
            assert (told.kind, told.order) == ("cancelled", made.client_id)
            assert "immediately match" in told.detail
            assert made.trader.last == (OrderStatus.CANCELLED, 0.0)
            assert await made.connector.open_orders() == []

    run(work)


def test_an_order_that_is_gone_is_not_replaced() -> None:
    async def work() -> None:
        async with session("BINANCE", speed=0.02) as made:
            price = await bid(made)
            (order,) = made.desk.open_orders(0)
            made.desk.cancel(order, time.time_ns())
            told = await made.send(lambda ctx: ctx.replace(made.order_id, price=price - made.spec.tick_size))
            assert told.kind == "unknown"
            await until(lambda: any(report.order == made.client_id for report in made.reports("cancelled")))
            assert there(made) == [(made.client_id, Decimal("0.01"), 0, "CANCELED")]

    run(work)


@pytest.mark.parametrize("kind", ["swallow", "lose"])
@entries
def test_a_replacement_that_nobody_answered_is_looked_up(order_entry: str, kind: Any) -> None:
    async def work() -> None:
        faults = [Fault(kind=kind, on=_ON[order_entry], count=1)]
        async with session("BINANCE", faults, speed=0.02, order_entry=order_entry) as made:
            made.connector._api.good_for_s = 1.0
            price = await bid(made)
            lower = price - made.spec.tick_size
            assert (await made.send(lambda ctx: ctx.replace(made.order_id, price=lower))).kind == "unknown"
            wanted = "replaced" if kind == "swallow" else "replace_rejected"
            await until(lambda: made.reports(wanted))
            (order,) = await made.connector.open_orders()
            assert (order.client_id, order.price) == (made.client_id, lower if kind == "swallow" else price)
            assert (await made.send(lambda ctx: ctx.cancel(made.order_id))).kind == "cancelled"

    run(work)


def test_another_process_knows_what_stands_for_an_order() -> None:
    async def work() -> None:
        async with session("BINANCE", speed=0.02) as made:
            price = await bid(made)
            made.fill("0.004")
            await until(lambda: len(made.reports("fill")) == 1)
            moved = await made.send(lambda ctx: ctx.replace(made.order_id, price=price - made.spec.tick_size))
            client = made.server.clients[0]
            keys = Credentials(key=client.key, secret=Secret(client.secret))
            async with make_connector("BINANCE", credentials=keys, url=made.server.rest, seed=2) as other:
                told = await other.query(made.id, made.client_id)
                assert [report.kind for report in told] == ["accepted", "fill"]
                assert (told[0].venue_id, told[1].qty) == (moved.venue_id, Decimal("0.004"))
                await other.start(lambda _: None)
                (command,) = made.trader.act(
                    lambda ctx: ctx.replace(made.order_id, price=price - 2 * made.spec.tick_size)
                )
                assert (await other.send(command)).kind == "replaced"
            assert [row[0].removeprefix(made.client_id) for row in there(made)] == ["", "_1_0_004", "_2_0_004"]

    run(work)
