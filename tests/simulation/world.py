"""A local venue, and a session on it that dies and comes again, on one virtual clock."""

from __future__ import annotations

import asyncio
import contextvars
import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import aiohttp

import tradecore as tc
from simulation.network import NODE, LoopClock, Node, VirtualLoop
from tradecore._core import FeedDecoder
from tradecore.errors import DataError
from tradecore.live.driver import Driver
from tradecore.live.line import Line
from tradecore.live.runner import Live
from tradecore.live.state import SessionResult
from tradecore.sandbox import server_of
from tradecore.sandbox.coinbase.exchange import ExchangeFeed
from tradecore.sandbox.desk import Desk
from tradecore.sandbox.faults import Fault
from tradecore.types import BookState
from tradecore.venues import Credentials, Secret, Stream, make_connector
from tradecore.venues.binance.replacing import Incarnation
from tradecore.venues.events import FeedState, Frame
from tradecore.venues.transport import NetworkTransport

__all__ = ["Lifetime", "Unsafe", "World", "held_at", "ours", "recorded_books"]

_LEVELS = 20
Levels = tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]


class Unsafe(AssertionError):
    """Something that must never be, or that should have come about by now."""


@contextmanager
def recorded_books() -> Iterator[dict[str, set[Levels]]]:
    """Collect every state of the venue's public books, by symbol, and have sessions keep their depth by itself.

    A session's own books have trades and best prices laid over the depth.
    """
    seen: dict[str, set[Levels]] = defaultdict(set)
    look = Desk.levels

    def recording(desk: Any, symbol: str, most: int) -> Any:
        bids, asks = look(desk, symbol, most)
        if most >= _LEVELS:
            seen[symbol].add((tuple(islice(bids.items(), _LEVELS)), tuple(islice(asks.items(), _LEVELS))))
        return bids, asks

    tell, listed = ExchangeFeed._on_order, ExchangeFeed.book

    def telling(feed: Any, symbol: str, message: Any) -> None:
        tell(feed, symbol, message)
        seen[symbol].add(_book_of_orders(feed, symbol))

    def listing(feed: Any, asked: Any) -> Any:
        answer = listed(feed, asked)
        for symbol in feed.products:
            seen[symbol].add(_book_of_orders(feed, symbol))
        return answer

    made, arrive = Line.__init__, Driver.arrived

    def shadowed(line: Any, connector: Any, queue: Any, instruments: Any, **options: Any) -> None:
        made(line, connector, queue, instruments, **options)
        line.shadow = FeedDecoder(connector.name, instruments)

    def arriving(driver: Driver, line: Any, events: list[Any]) -> None:
        for event in events:
            if isinstance(event, FeedState) and event.is_disconnected:
                line.shadow.disconnect(event.ts_recv, event.instrument)
            elif isinstance(event, Frame):
                with suppress(DataError):
                    if event.stream is Stream.BOOK:
                        line.shadow.feed(event.data, event.ts_recv)
                    elif (number := _number_of(event)) is not None:
                        line.shadow.feed(number, event.ts_recv)
        arrive(driver, line, events)

    with ExitStack() as patched:
        for owner, name, function in (
            (Desk, "levels", recording), (ExchangeFeed, "_on_order", telling), (ExchangeFeed, "book", listing),
            (Line, "__init__", shadowed), (Driver, "arrived", arriving),
        ):  # fmt: skip
            patched.enter_context(patch.object(owner, name, function))
        yield seen


def _book_of_orders(feed: Any, symbol: str) -> Levels:
    """Return the book that comes of single orders, as they were told."""
    instrument = feed._desk.instruments[symbol]
    sides: dict[str, dict[int, int]] = {"BUY": defaultdict(int), "SELL": defaultdict(int)}
    for each in feed._full._resting[symbol].values():
        price = round(each.price / instrument.price_increment)
        sides[each.order.side][price] += round(each.left / instrument.qty_increment)
    bids, asks = sorted(sides["BUY"].items(), reverse=True), sorted(sides["SELL"].items())
    return tuple(bids[:_LEVELS]), tuple(asks[:_LEVELS])


def _number_of(frame: Frame) -> bytes | None:
    """Return a message that says no more than another's number, of a feed that numbers all of a connection together."""
    if frame.venue != "COINBASE":
        return None
    try:
        number = json.loads(frame.data).get("sequence_num")
    except ValueError:
        return frame.data
    return (
        None if number is None else json.dumps({"channel": "heartbeats", "sequence_num": number, "events": []}).encode()
    )


def ours(client_id: str) -> str:
    """Return the client id of our order that one of the venue is, or has taken the place of."""
    return Incarnation.of(client_id).client_id


def held_at(desk: Any, venue: str) -> dict[str, Decimal]:
    """Return what the session's fills at a venue come to, by instrument."""
    held: dict[str, Decimal] = defaultdict(Decimal)
    for order, fill in desk.fills.get(0, ()):
        held[f"{order.symbol}.{venue}"] += fill.qty if order.side == "BUY" else -fill.qty
    return held


class Lifetime:
    """One life of the session's process."""

    def __init__(self, world: World, number: int, journal: Path) -> None:
        self.world = world
        self.node = Node(f"session {number}")
        self.journal = journal
        self.live: Live | None = None
        self.is_up = asyncio.Event()
        """Set once it may be stopped."""
        self.running: asyncio.Task[SessionResult] | None = None

    def start(self) -> None:
        """Begin."""
        context = contextvars.copy_context()
        context.run(NODE.set, self.node)
        self.running = context.run(asyncio.create_task, self._run(), name="process")

    async def _run(self) -> SessionResult:
        world = self.world
        clock = LoopClock(world.loop, self.node)
        transport = NetworkTransport(clock, is_fast=False)
        port = world.server.rest.rpartition(":")[2]
        transport._session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(port))
        client = world.server.clients[0]
        connector = make_connector(
            world.venue,
            credentials=Credentials(key=client.key, secret=Secret(client.secret)),
            url=world.server.rest,
            transport=transport,
            clock=clock,
            seed=world.seed,
            **world.connector,
        )
        self.live = Live(world.strategies(), [connector], journal=self.journal, clock=clock, **world.options)
        async with self.live as live:
            self.is_up.set()
            return await live.run()

    @property
    def has_begun(self) -> bool:
        """Whether the strategies run."""
        return self.live is not None and self.live._driver.started.is_set()

    def snapshot(self) -> Path:
        """Return a copy of the journal as it lies on the disk."""
        left = self.world.new_folder()
        shutil.copytree(self.journal, left, dirs_exist_ok=True, copy_function=_copy)
        return left


def _copy(source: str, target: str) -> None:
    """Copy a segment without the zeros that were allocated behind what was written."""
    with open(source, "rb") as old, open(target, "wb") as new:
        while (piece := old.read(1 << 20)).strip(b"\0"):
            new.write(piece)


class World:
    """All there is.

    Parameters
    ----------
    loop : VirtualLoop
    seed : int
    venue : str
    symbols : sequence of str
    make : callable
        Returns fresh strategies.
    options
        Of :class:`tradecore.Live`.
    connector : dict, optional
        Of the connector of the venue, such as ``feed``.
    server
        Of the :class:`tradecore.sandbox.LocalServer` of the venue.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        seed: int,
        venue: str,
        symbols: Sequence[str],
        make: Any,
        *,
        server: dict[str, Any],
        connector: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.loop = loop
        self.seed = seed
        self.venue = venue
        self.ids = [f"{symbol}.{venue}" for symbol in symbols]
        self.options = options
        self.connector = connector or {}
        self._make = make
        self.clock = LoopClock(loop)
        make_server = server_of(venue)
        assert make_server is not None
        self.server = make_server(symbols=self.ids, seed=seed, clock=self.clock, **server)
        self._root = tempfile.TemporaryDirectory(prefix="simulation-")
        self._folders = 0
        self._lives = 0
        self.now: Lifetime = self._incarnation(self.new_folder())

    def strategies(self) -> list[tc.Strategy]:
        """Return fresh ones."""
        return list(self._make(self.ids))

    def new_folder(self) -> Path:
        """Return a folder of its own."""
        self._folders += 1
        folder = Path(self._root.name) / str(self._folders)
        folder.mkdir()
        return folder

    def _incarnation(self, journal: Path) -> Lifetime:
        self._lives += 1
        return Lifetime(self, self._lives, journal)

    async def crash(self, journal: Path | None = None) -> None:
        """Have the session's process die, if it has not, and a new one take up its journal."""
        self.now.node.die()
        journal = journal or self.now.snapshot()
        await self.now.node.bury()
        self.now = self._incarnation(journal)
        self.now.start()

    def clear(self) -> None:
        """Remove all files."""
        self._root.cleanup()

    def mute(self) -> None:
        """Have the venue say nothing more of the account by itself."""
        faults = self.server._faults
        faults._script += (Fault(kind="drop", on="user"),)
        faults._seen.append(0)
        faults._met.append(0)

    # What is known on both sides.

    @property
    def desk(self) -> Any:
        """The venue's side."""
        return self.server._desks[self.venue]

    def open_there(self) -> set[str]:
        """Return the client ids of the session's open orders at the venue."""
        return {ours(order.client_id) for order in self.desk.open_orders(0)}

    def held_there(self) -> dict[str, Decimal]:
        """Return what its fills at the venue come to."""
        return {**dict.fromkeys(self.ids, Decimal(0)), **held_at(self.desk, self.venue)}

    def fills_there(self) -> set[str]:
        """Return their numbers."""
        return {str(fill.trade_id) for _, fill in self.desk.fills.get(0, ())}

    def known(self) -> dict[str, Any]:
        """Return what the session knows."""
        assert self.now.live is not None
        return self.now.live.session.kernel.account_state()

    def open_here(self) -> dict[int, dict[str, Any]]:
        """Return the orders that the session holds for open, by its numbers."""
        return {order["order_id"]: order for order in self.known()["orders"] if order["is_open"]}

    def held_here(self) -> dict[str, Decimal]:
        """Return what it thinks it holds."""
        return {**dict.fromkeys(self.ids, Decimal(0)), **self.known()["positions"]}

    def number_of(self, client_id: str) -> int:
        """Return the session's number of an order."""
        return int(client_id.rpartition("-")[2], 36)

    def books_not_synced(self) -> list[str]:
        """Return whose books are not the venue's, by the session's own word."""
        assert self.now.live is not None
        return [name for name, state in self.now.live._driver.books.items() if state is not BookState.SYNCED]

    def check_books(self, seen: dict[str, set[Levels]]) -> None:
        """Raise where a book that is said to be synced was never the venue's."""
        live = self.now.live
        assert live is not None
        for line in cast(list[Any], live.lines):
            for name in line.instruments:
                if live._driver.books[name] is not BookState.SYNCED or line.shadow.state(name) is not BookState.SYNCED:
                    continue
                instrument = self.desk.instruments[name.partition(".")[0]]
                sides = line.shadow.book(name).depth(_LEVELS)
                steps = (float(instrument.price_increment), float(instrument.qty_increment))
                bids, asks = (tuple((round(p / steps[0]), round(q / steps[1])) for p, q in side) for side in sides)
                if (bids, asks) not in seen[name.partition(".")[0]]:
                    raise Unsafe(f"the book of {name} is called synced and was never the venue's")
