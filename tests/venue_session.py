"""A session at a local venue, for tests of connectors."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import tradecore as tc
from tradecore.sandbox import Fault, server_of
from tradecore.types import BookState
from tradecore.venues import Credentials, Feed, FeedState, Frame, Secret, Stream, make_connector
from venue_live import Trader, until

__all__ = ["Session", "session"]


class Session:
    """A connector at a local venue, and somebody who trades by it."""

    def __init__(self, server: Any, connector: Any, spec: tc.Instrument) -> None:
        self.server, self.connector, self.id, self.spec = server, connector, spec.id, spec
        self.events: list[Any] = []
        self.states: list[FeedState] = []
        self.decoder = tc.FeedDecoder(connector.name, [spec])
        self.feed = Feed(connector, self.decoder, [spec.id], self.states.append)
        self.trader = Trader(spec)

    def sink(self, event: Any) -> None:
        """Take what the connector tells."""
        self.events.append(event)
        if isinstance(event, Frame):
            self.feed.frame(event)
        elif isinstance(event, FeedState):
            self.feed.state(event)

    async def send(self, what: Any) -> Any:
        """Have the connector carry out what is decided, and return its report."""
        (command,) = self.trader.act(what)
        report = await self.connector.send(command)
        self.trader.take(report)
        self.order_id, self.client_id = command.order_id, command.client_id
        return report

    def below(self, part: float) -> Decimal:
        """A price that is a part of the best bid below it."""
        bid = self.decoder.book(self.id).best_bid
        assert bid is not None
        return Decimal(int(bid * (1 - part) / float(self.spec.tick_size))) * self.spec.tick_size

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


@asynccontextmanager
async def session(
    venue: str, faults: Sequence[Fault] = (), *, speed: float = 1.0, **options: Any
) -> AsyncIterator[Session]:
    """A session whose book is the venue's; ``options`` are the connector's."""
    make = server_of(venue)
    assert make is not None
    name = f"{'BTC-USD' if venue == 'COINBASE' else 'BTCUSDT'}.{venue}"
    async with make(seed=4, symbols=[name], faults=faults, speed=speed) as server:
        client = server.clients[0]
        keys = Credentials(key=client.key, secret=Secret(client.secret))
        async with make_connector(venue, credentials=keys, url=server.rest, seed=1, **options) as connector:
            spec = (await connector.instruments())[name]
            made = Session(server, connector, spec)
            await connector.start(made.sink)
            connector.subscribe("s", spec.id, [Stream.BOOK, Stream.TRADES, Stream.QUOTES])
            await until(lambda: made.decoder.state(spec.id) is BookState.SYNCED)
            yield made
