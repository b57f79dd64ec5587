"""A session of a connector on a server of the tests, with the decoder and the kernel a runner has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import tradecore as tc
from tradecore.session.kernel import build_kernel
from tradecore.types import BookState
from tradecore.venues import Connector, Feed, FeedState, Frame, Stream, VenueReport, make_connector
from tradecore.venues.clock import Clock, SystemClock
from tradecore.venues.transport import NetworkTransport
from venue_servers import FastClock


class Trader:
    """A kernel whose one strategy does what it is told: a source of commands, and what takes reports.

    ``last`` is the status of the order that changed last, and how much of it is filled.
    """

    def __init__(self, instrument: tc.Instrument, session: str = "T1") -> None:
        class Puppet(tc.Strategy):
            def on_start(puppet, ctx: tc.Context) -> None:
                ctx.every("1ms", puppet.act)

            def act(puppet, ctx: tc.Context) -> None:
                if self.todo:
                    self.done = self.todo.pop(0)(ctx)

            def on_order(puppet, ctx: tc.Context, order: tc.Order) -> None:
                self.last = order.status, order.filled_qty

        self.todo: list[Callable[[tc.Context], Any]] = []
        self.done: Any = None
        self.last: Any = None
        self.instrument = instrument
        self.kernel = build_kernel(session, [Puppet("p", [instrument.id])], [instrument])
        self.at_ns = time.time_ns()
        self.kernel.start(self.at_ns)

    def act(self, what: Callable[[tc.Context], Any]) -> list[Any]:
        """Have the strategy do something and return the commands that come of it."""
        self.todo.append(what)
        while self.todo:
            due = self.kernel.next_due()
            assert due is not None
            self.at_ns = max(self.at_ns, due)
            self.kernel.due(self.at_ns)
        return self.kernel.drain()

    def take(self, report: Any) -> None:
        """Deliver a report."""
        self.at_ns += 1
        report.deliver(self.kernel, self.at_ns, 0)


class Live:
    """A connector on a server, with the decoder and the kernel of a session."""

    def __init__(self, instrument: str, server: Any, connector: Connector, clock: Clock) -> None:
        self.server, self.connector, self.clock = server, connector, clock
        self.id = instrument
        self.events: list[Any] = []
        self.states: list[FeedState] = []
        self.feed: Feed | None = None

    def sink(self, event: Any) -> None:
        self.events.append(event)
        if self.feed is not None and isinstance(event, Frame):
            self.feed.frame(event)
        elif self.feed is not None and isinstance(event, FeedState):
            self.feed.state(event)

    async def begin(self) -> None:
        await self.connector.start(self.sink)
        spec = (await self.connector.instruments())[self.id]
        self.decoder = tc.FeedDecoder(self.connector.name, [spec])
        self.feed = Feed(self.connector, self.decoder, [self.id], self.states.append)
        self.trader = Trader(spec)

    @property
    def reports(self) -> list[VenueReport]:
        return [event for event in self.events if isinstance(event, VenueReport)]

    async def send(self, what: Callable[[tc.Context], Any]) -> VenueReport:
        (command,) = self.trader.act(what)
        self.order_id = command.order_id
        return await self.connector.send(command)

    def book(self) -> tuple[dict[float, float], dict[float, float]]:
        """Bids and asks, quantities by price."""
        bids, asks = self.decoder.book(self.id).depth(100)
        return dict(bids.tolist()), dict(asks.tolist())

    async def synced(self) -> None:
        """Subscribe to the book and wait until it is the server's."""
        self.connector.subscribe("s", self.id, [Stream.BOOK])
        await until(lambda: any(method == "SUBSCRIBE" for method, _ in self.server.seen))
        self.server.depth({"60000.10": "1", "59999.00": "4"}, {"60000.20": "2"})
        await until(lambda: self.state is BookState.SYNCED)

    @property
    def state(self) -> BookState:
        return self.states[-1].state if self.states else BookState.EMPTY


@asynccontextmanager
async def running(
    venue: str,
    make_server: Callable[[Clock], Any],
    *,
    fast: bool,
    factor: float,
    symbol: str = "BTCUSDT",
    **options: Any,
) -> AsyncIterator[Live]:
    """A session of a venue on a server of its own, of which nothing is left when it is over."""
    clock: Clock = SystemClock() if factor == 1.0 else FastClock(factor)
    server = make_server(clock)
    async with server.running():
        before = asyncio.all_tasks()
        transport = NetworkTransport(clock, is_fast=fast)
        connector = make_connector(venue, url=server.url, transport=transport, clock=clock, seed=1, **options)
        async with connector:
            session = Live(f"{symbol}.{venue}", server, connector, clock)
            await session.begin()
            yield session
        left = {task.get_name() for task in asyncio.all_tasks() - before if "RequestHandler" not in repr(task)}
        assert left == set()
        await connector.close()  # nothing happens the second time


async def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for is a state, not an event
            await asyncio.sleep(0.005)


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def strict() -> None:
        failures: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
        await work()
        assert failures == []

    asyncio.run(strict())
