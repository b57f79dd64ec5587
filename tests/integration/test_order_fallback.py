"""Orders go out as requests while the WebSocket for them is down, and on it again when it is back."""

from __future__ import annotations

import asyncio

import pytest

from tradecore.sandbox import Fault
from tradecore.types import OrderStatus
from venue_live import run, until
from venue_sandbox import Network, Trading, serving, trading
from venue_servers import FastClock

pytestmark = pytest.mark.release

VENUES = {
    "BINANCE": ("order.place", "POST /api/v3/order"),
    "BINANCE_USDM": ("order.place", "POST /fapi/v1/order"),
    "BYBIT": ("order.create", "POST /v5/order/create"),
    "BYBIT_SPOT": ("order.create", "POST /v5/order/create"),
}
"""How an order is placed on the WebSocket and as a request."""
each = pytest.mark.parametrize("venue", VENUES)


def has_entry(made: Trading) -> bool:
    """Whether the connection for orders is up."""
    return made.connector._account.orders is not None  # type: ignore[no-any-return]


def entered(made: Trading) -> list[str]:
    """What orders were placed by, as the server met them."""
    return made.server.entered  # type: ignore[attr-defined,no-any-return]


def note_entries(server: object) -> None:
    """Have a server keep the names of what it is asked to carry out."""
    door, names = server._door, []  # type: ignore[attr-defined]
    enter = door.enter

    def noted(name: str) -> object:
        if name in {way for ways in VENUES.values() for way in ways}:
            names.append(name)
        return enter(name)

    door.enter = noted
    server.entered = names  # type: ignore[attr-defined]


@each
def test_with_no_websocket_at_all_orders_live_their_lives_by_requests(venue: str) -> None:
    on_websocket, by_request = VENUES[venue]

    async def work() -> None:
        clock = FastClock(5.0)
        async with serving(venue, clock) as server:
            note_entries(server)
            network = Network(clock)
            async with trading(server, venue, clock, transport=network, url=server.rest) as made:
                await made.bid()
                await until(lambda: made.trader.last == (OrderStatus.NEW, 0))
                await network.lose_sockets()
                await until(lambda: not has_entry(made))
                await made.cancel()
                await until(lambda: made.trader.last == (OrderStatus.CANCELLED, 0))
                await made.bid()
                await until(lambda: made.trader.last == (OrderStatus.NEW, 0))
                assert await made.resting() == 1
                await made.connector.cancel_all(made.id)
                assert await made.resting() == 0
                assert entered(made) == [on_websocket, by_request]
                network.has_sockets = True
                await until(lambda: has_entry(made))
                await made.bid()
                await until(lambda: made.trader.last == (OrderStatus.NEW, 0))
                assert entered(made) == [on_websocket, by_request, on_websocket]
            assert made.connector.health.unresolved == 0

    run(work)


@each
@pytest.mark.parametrize("kind", ["half_open", "lose", "swallow"])
def test_one_that_dies_with_an_order_on_it_leaves_none_unknown(venue: str, kind: str) -> None:
    on_websocket, by_request = VENUES[venue]
    on = f"answer {on_websocket}" if kind == "half_open" else on_websocket
    faults = [Fault(kind=kind, on=on, count=1)]  # type: ignore[arg-type]

    async def work() -> None:
        clock = FastClock(4.0)
        async with serving(venue, clock, faults) as server:
            note_entries(server)
            network = Network(clock)
            async with trading(server, venue, clock, transport=network, url=server.rest) as made:
                sending = asyncio.create_task(made.bid())
                await until(lambda: entered(made))
                network.has_sockets = False
                assert (await sending).kind == "unknown"
                # What gave no answer is not used again.
                await until(lambda: not has_entry(made))
                expected = OrderStatus.REJECTED if kind == "lose" else OrderStatus.NEW
                await until(lambda: made.trader.last == (expected, 0))
                made.trader.last = None
                await made.bid(0.2)
                await until(lambda: made.trader.last == (OrderStatus.NEW, 0))
                assert entered(made) == [on_websocket, by_request]
                assert await made.resting() == (1 if kind == "lose" else 2)
                await made.connector.cancel_all(made.id)
                assert made.connector.health.unresolved == 0

    run(work)
