"""Connectors against the local venue servers: what each side makes of the venue's documents agrees."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from tradecore.sandbox import Fault
from tradecore.types import OrderStatus
from tradecore.venues import Stream
from venue_live import run, until
from venue_sandbox import session

pytestmark = pytest.mark.release

VENUES = ["BINANCE", "BINANCE_USDM", "BYBIT", "BYBIT_SPOT", "COINBASE"]
SPOT = ("BINANCE", "BYBIT_SPOT", "COINBASE")
each = pytest.mark.parametrize("venue", VENUES)


@each
def test_a_book_is_the_servers_for_as_long_as_it_is_followed(venue: str) -> None:
    async def work() -> None:
        async with session(venue) as made:
            made.connector.subscribe("s", made.id, [Stream.TRADES, Stream.QUOTES])
            for stream in (Stream.BOOK, Stream.TRADES, Stream.QUOTES):
                await until(lambda stream=stream: made.connector.delivers(made.id, stream))  # type: ignore[misc]
            began = made.connector.health.frames
            await until(lambda: made.connector.health.frames > began + 100)
            assert [state.reason for state in made.states if state.stream is Stream.BOOK][-1] == "synced"
            assert (made.decoder.gaps(made.id), made.feed.malformed) == (0, 0)
            book = made.decoder.book(made.id)
            assert not book.is_crossed

    run(work)


@pytest.mark.parametrize("order_entry", ["websocket", "rest"])
@each
def test_orders_live_as_they_do_at_the_venue(venue: str, order_entry: str) -> None:
    if venue == "COINBASE" and order_entry == "websocket":
        pytest.skip("the venue takes orders by requests only")

    async def work() -> None:
        ways = {} if venue == "COINBASE" else {"order_entry": order_entry}
        async with session(venue, **ways) as made:
            price = made.below(0.01)
            assert (await made.send(lambda ctx: ctx.buy(made.id, "0.01", price, post_only=True))).kind == "accepted"
            assert (await made.send(lambda ctx: ctx.replace(made.order_id, qty="0.008"))).kind == "replaced"
            (order,) = await made.connector.open_orders()
            assert (order.client_id, Decimal(order.qty), Decimal(order.price)) == (
                made.client_id,
                Decimal("0.008"),
                price,
            )
            assert (await made.send(lambda ctx: ctx.cancel(made.order_id))).kind == "cancelled"
            await made.send(lambda ctx: ctx.buy(made.id, "0.01"))
            bought = made.client_id

            def filled() -> list[Any]:
                return [
                    event for event in made.events if getattr(event, "kind", "") == "fill" and event.order == bought
                ]

            await until(lambda: sum(fill.qty for fill in filled()) == Decimal("0.01"))
            for report in filled():
                made.trader.take(report)
            assert made.trader.last == (OrderStatus.FILLED, 0.01)
            told = {fill.execution for fill in filled()}
            since_ns = time.time_ns() - 60_000_000_000
            account = await made.connector.account([made.id], since_ns)
            assert {execution.execution_id for execution in account.executions} == told
            assert account.orders == []
            assert account.positions == ({} if venue in SPOT else {made.id: Decimal("0.010")})
            looked_up = await made.connector.query(made.id, bought)
            assert {report.execution for report in looked_up if report.kind == "fill"} == told
            crossing = await made.send(lambda ctx: ctx.buy(made.id, "0.01", made.below(-0.01), post_only=True))
            assert (crossing.kind, crossing.reason) == ("rejected", "post_only_would_cross")
            await made.connector.cancel_all(made.id)

    run(work)


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 503}, {"kind": "lose"}, {"kind": "swallow"}], ids=str)
@each
def test_all_orders_are_cancelled_also_where_the_first_requests_fail(venue: str, fault: dict[str, Any]) -> None:
    on = {"BINANCE": "DELETE */openOrders", "BINANCE_USDM": "DELETE */allOpenOrders", "COINBASE": "POST */batch_cancel"}
    failing = Fault.model_validate({**fault, "on": on.get(venue, "POST */cancel-all"), "count": 2})

    async def work() -> None:
        async with session(venue, [failing]) as made:
            for part in (0.01, 0.02):
                price = made.below(part)
                await made.send(lambda ctx, at=price: ctx.buy(made.id, "0.01", at, post_only=True))
            assert len(await made.connector.open_orders()) == 2
            await made.connector.cancel_all(made.id)
            assert await made.connector.open_orders() == []
            assert sum(made.server.faults_met.values()) == 2

    run(work)
