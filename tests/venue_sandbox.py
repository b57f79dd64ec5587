"""A connector with keys at a local venue of the sandbox, on any clock and a network that can fail."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import tradecore as tc
from tradecore.sandbox import Client, Fault, LocalServer, server_of
from tradecore.types import BookState
from tradecore.venues import Credentials, Feed, FeedState, Frame, LinkState, Secret, Stream, VenueReport, make_connector
from tradecore.venues.clock import Clock, SystemClock
from tradecore.venues.transport import Answer, NetworkTransport, Socket, Unreachable
from venue_live import Trader, until


class Network(NetworkTransport):
    """Knows where connections and requests were meant to go; those to a venue's hosts may all go to one address."""

    def __init__(self, clock: Clock, address: str | None = None) -> None:
        super().__init__(clock)
        self._address = None if address is None else urlsplit(address).netloc
        self.meant: list[str] = []
        self.has_sockets = True
        self.sockets: list[Socket] = []

    def _led(self, url: str) -> str:
        self.meant.append(url)
        if self._address is None:
            return url
        to = urlsplit(url)
        scheme = {"https": "http", "wss": "ws"}.get(to.scheme, to.scheme)
        return to._replace(scheme=scheme, netloc=self._address).geturl()

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, *, seconds: float
    ) -> Answer:
        return await super().request(method, self._led(url), headers, body, seconds=seconds)

    async def connect(
        self, url: str, on_message: Callable[[bytes], None], on_close: Callable[[str], None], *, seconds: float
    ) -> Socket:
        if not self.has_sockets:
            raise Unreachable("the test has no WebSockets")
        socket = await super().connect(self._led(url), on_message, on_close, seconds=seconds)
        self.sockets.append(socket)
        return socket

    async def lose_sockets(self) -> None:
        """Close every WebSocket, and let none be opened any more."""
        self.has_sockets = False
        await self.drop_sockets()

    async def drop_sockets(self) -> None:
        """Close every WebSocket."""
        sockets, self.sockets = self.sockets, []
        for socket in sockets:
            await socket.close()


class Trading:
    """A connector that trades, whose reports its kernel takes."""

    def __init__(self, server: LocalServer, connector: Any, spec: tc.Instrument, session: str) -> None:
        self.server, self.connector, self.id, self.spec = server, connector, spec.id, spec
        self.events: list[Any] = []
        self.states: list[FeedState] = []
        self.decoder = tc.FeedDecoder(connector.name, [spec])
        self.feed = Feed(connector, self.decoder, [spec.id], self.states.append)
        self.trader = Trader(spec, session)
        self.order_id, self.client_id = 0, ""
        self.first_bid = 0.0

    def sink(self, event: Any) -> None:
        self.events.append(event)
        if isinstance(event, Frame):
            self.feed.frame(event)
        elif isinstance(event, FeedState):
            self.feed.state(event)
        elif isinstance(event, VenueReport):
            self.trader.take(event)

    async def send(self, what: Callable[[tc.Context], Any]) -> Any:
        (command,) = self.trader.act(what)
        self.order_id, self.client_id = command.order_id, command.client_id
        report = await self.connector.send(command)
        self.trader.take(report)
        return report

    def below(self, part: float) -> Decimal:
        """A price that is a part of the best bid below it."""
        return self._on_grid(self.best_bid() * (1 - part))

    def best_bid(self) -> float:
        """That of the book now."""
        bid = self.decoder.book(self.id).best_bid
        assert bid is not None
        return float(bid)

    def _on_grid(self, price: float) -> Decimal:
        return int(price / float(self.spec.tick_size)) * self.spec.tick_size

    async def bid(self, part: float = 0.1) -> Any:
        """Place an order that rests by a part below the first best bid there was; the book may be lost meanwhile."""
        price = self._on_grid(self.first_bid * (1 - part))
        return await self.send(lambda ctx: ctx.buy(self.id, "0.01", price))

    async def cancel(self) -> Any:
        return await self.send(lambda ctx: ctx.cancel(self.order_id))

    async def resting(self) -> int:
        """How many orders are open at the venue."""
        return len(await self.connector.open_orders())

    @property
    def desk(self) -> Any:
        """The venue's side."""
        return self.server._desks[self.connector.name]

    def fill(self, qty: str) -> None:
        """Have somebody sell so much to the newest of our orders, which is a bid, and to whoever stands before it."""
        desk, (order, *_) = self.desk, reversed(self.desk.open_orders(0))
        bids, _ = desk.levels(order.symbol, 1_000)
        steps = self.spec.price_increment, self.spec.qty_increment
        before = sum(size for price, size in bids.items() if price * steps[0] >= order.price) * steps[1]
        sold = before - (order.qty - order.filled) + Decimal(qty)
        desk.place(1, order.symbol, "SELL", sold, order.price, time.time_ns(), post_only=False)

    def reports(self, kind: str) -> list[Any]:
        """Return those of a kind that were told at the sink."""
        return [event for event in self.events if getattr(event, "kind", "") == kind]

    @property
    def refusals(self) -> list[LinkState]:
        """Links that ended for good."""
        return [event for event in self.events if isinstance(event, LinkState) and event.error is not None]


@asynccontextmanager
async def serving(
    venue: str, clock: Clock, faults: Sequence[Fault] = (), *, speed: float = 1.0
) -> AsyncIterator[LocalServer]:
    make = server_of(venue)
    assert make is not None
    names = [name for name in make._symbols if name.endswith(f".{venue}") or venue.startswith("BYBIT")]
    async with make(seed=4, symbols=names, faults=faults, clock=clock, speed=speed) as server:
        yield server


def keys_of(client: Client) -> Credentials:
    return Credentials(key=client.key, secret=Secret(client.secret))


@asynccontextmanager
async def trading(
    server: LocalServer, venue: str, clock: Clock, *, client: int = 0, session: str = "T1", **options: Any
) -> AsyncIterator[Trading]:
    """A connector that has begun, with a synced book."""
    where = {} if "transport" in options else {"url": server.rest}
    credentials = keys_of(server.clients[client])
    async with make_connector(venue, credentials=credentials, clock=clock, seed=1, **where, **options) as connector:
        name = next(name for name in await connector.instruments() if name.startswith("BTC"))
        made = Trading(server, connector, (await connector.instruments())[name], session)
        await connector.start(made.sink)
        connector.subscribe("s", name, [Stream.BOOK])
        await until(lambda: made.decoder.state(name) is BookState.SYNCED)
        made.first_bid = made.best_bid()
        yield made


@asynccontextmanager
async def session(
    venue: str, faults: Sequence[Fault] = (), *, speed: float = 1.0, **options: Any
) -> AsyncIterator[Trading]:
    """A connector that trades at a venue of its own, on the machine's clock."""
    clock = SystemClock()
    async with serving(venue, clock, faults, speed=speed) as server, trading(server, venue, clock, **options) as made:
        yield made
