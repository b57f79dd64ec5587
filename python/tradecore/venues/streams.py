"""Market data of a venue: one connection a route until it is full, each stream on it watched by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from random import Random
from typing import Any, Protocol

import orjson

from tradecore.types import BookState
from tradecore.venues.backoff import Backoff
from tradecore.venues.clock import Clock
from tradecore.venues.events import FeedState, Frame, LinkState, Sink, Stream
from tradecore.venues.link import Link, LinkPlan, Session
from tradecore.venues.silence import PATIENCE_S, Watchdog
from tradecore.venues.subscriptions import Topic
from tradecore.venues.tasks import Tasks
from tradecore.venues.transport import Transport, Unanswered, Unreachable

__all__ = ["MarketStreams", "StreamDialect"]

_REMEMBERED = 256
"""So many frames of a stream are known that arrived on one of two connections and not yet on the other."""

_RENEW_SILENT_NS = 300_000_000_000
"""A connection is renewed for a silent stream at most so often."""


class StreamDialect(Protocol):
    """How a venue speaks of streams."""

    @property
    def venue(self) -> str:
        """The venue's name."""

    @property
    def routes(self) -> Mapping[str, str]:
        """Address by the name of a connection."""

    @property
    def batch(self) -> int:
        """Most streams of one request."""

    @property
    def room(self) -> int | None:
        """How much one connection carries, as :meth:`size_of` counts; None where that has no limit."""

    def size_of(self, name: str) -> int:
        """Return what a stream takes of it."""

    @property
    def pause_s(self) -> float:
        """Between two requests on one connection."""

    @property
    def renew_s(self) -> float | None:
        """Age at which a connection is replaced."""

    @property
    def overlap_s(self) -> float:
        """How long both are read then; 0 where a new one begins with snapshots."""

    @property
    def beat(self) -> tuple[float, Callable[[Session], Awaitable[None]]] | None:
        """What keeps a connection alive, each so many seconds."""

    def locate(self, topic: Topic) -> tuple[str, str]:
        """Return the connection that carries a topic, and the venue's name of the stream."""

    async def subscribe(self, session: Session, names: Sequence[str]) -> Mapping[str, str]:
        """Subscribe, and return why the venue refused, by name, also where it may have meant another of them."""

    async def unsubscribe(self, session: Session, names: Sequence[str]) -> None:
        """Unsubscribe."""

    def name_in(self, data: bytes) -> bytes | None:
        """Return the stream that a frame is of; None for what is no frame of a stream at first sight."""

    def control(self, session: Session, message: Mapping[str, Any]) -> str | None:
        """Handle what is no frame of a stream at first sight.

        None if it is data all the same; else why the connection is to be renewed, an empty text if it is not.
        """


@dataclass(slots=True, eq=False)
class _Group:
    """Connections that carry the same streams: one, or two of which the first to bring something counts."""

    route: str
    links: tuple[str, ...]
    """Their names: that of the group first."""
    wanted: dict[str, list[Topic]] = field(default_factory=dict)
    """Topics by the name of the stream that carries them."""
    renewed_ns: int = -_RENEW_SILENT_NS
    """When they were renewed for a silent stream last."""


class MarketStreams:
    """The market data of a venue.

    Parameters
    ----------
    dialect : StreamDialect
    transport, clock
    random : Random
        Spreads the waits between attempts to connect.
    tell : Sink
    tasks : Tasks
    sockets : int
        1, or 2 for two connections a route that carry the same: of each frame the one that arrives first is told, and
        what one of them loses the other one has. For a dialect whose connections begin without a snapshot.
    """

    def __init__(
        self,
        dialect: StreamDialect,
        *,
        transport: Transport,
        clock: Clock,
        random: Random,
        tell: Sink,
        tasks: Tasks,
        sockets: int = 1,
    ) -> None:
        self._dialect = dialect
        self._venue = dialect.venue
        self._transport = transport
        self._clock = clock
        self._random = random
        self._tell = tell
        self._tasks = tasks
        self._sockets = sockets
        self._links: dict[str, Link] = {}
        self._groups: dict[str, list[_Group]] = {route: [] for route in dialect.routes}
        """By route; the first stays, the others are there for as long as they carry something."""
        self._group_of: dict[str, _Group] = {}
        """By the name of a connection."""
        self._carrying: dict[str, _Group] = {}
        """By the name of a stream."""
        self._alone: dict[bytes, dict[bytes, str]] = {}
        """Frames of each stream that arrived on one connection so far, with its name, oldest first."""
        self._locks: dict[str, asyncio.Lock] = {}
        self._sessions: dict[str, Session] = {}
        self._topics: dict[bytes, list[Topic]] = {}
        self._watchdog: Watchdog[Topic] = Watchdog()
        self.frames = 0

    def add(self, topics: Iterable[Topic]) -> None:
        """Deliver topics from now on. Several may be of one stream of the venue."""
        for topic in topics:
            route, name = self._dialect.locate(topic)
            group = self._carrying.get(name)
            if group is None:
                group = self._carrying[name] = self._with_room(route, name)
                group.wanted[name] = self._topics[name.encode()] = []
            # Frames are told as the first: what is of the book, too, as the book's.
            group.wanted[name].insert(0 if topic[1] is Stream.BOOK else len(group.wanted[name]), topic)
            self._changed(group)

    def remove(self, topics: Iterable[Topic]) -> None:
        """Deliver topics no more."""
        for topic in topics:
            _, name = self._dialect.locate(topic)
            group = self._carrying[name]
            group.wanted[name].remove(topic)
            self._watchdog.forget(topic)
            if not group.wanted[name]:
                del group.wanted[name], self._carrying[name], self._topics[name.encode()]
            if group.wanted or group is self._groups[group.route][0]:
                self._changed(group)
            else:
                self._tasks.start(self._end(group), f"end {group.links[0]}")

    async def repeat(self, topic: Topic) -> None:
        """Unsubscribe and subscribe again, for a venue whose streams begin with a snapshot."""
        _, name = self._dialect.locate(topic)
        group = self._carrying.get(name)
        for link_name in () if group is None else group.links:
            link = self._links.get(link_name)
            if link is not None and (session := link.session) is not None:
                await self._repeat(link_name, session, name)

    def drop(self, topic: Topic, reason: str) -> bool:
        """Give the connections up that carry a topic and make others; returns whether there was one."""
        _, name = self._dialect.locate(topic)
        group = self._carrying.get(name)
        return group is not None and any([self._links[link].drop(reason) for link in group.links])

    @property
    def links(self) -> dict[str, bool]:
        """Which connections are up."""
        return {name: link.session is not None for name, link in self._links.items()}

    @property
    def reconnects(self) -> int:
        """How often a connection was lost."""
        return sum(link.reconnects for link in self._links.values())

    @property
    def silent(self) -> tuple[Topic, ...]:
        """What should have said something."""
        return self._watchdog.silent

    def is_there(self, topic: Topic) -> bool:
        """Return whether a topic was acknowledged and delivers."""
        return self._watchdog.is_there(topic)

    def check(self) -> None:
        """Tell what has become silent, and renew the connections it should have come on."""
        now_ns = self._clock.now_ns()
        for silent in self._watchdog.check(now_ns):
            instrument, stream = silent.key
            reason = f"{stream}: {silent.reason}"
            self._tell(FeedState(self._venue, now_ns, instrument, BookState.STALE, reason, stream))
            _, name = self._dialect.locate(silent.key)
            group = self._carrying[name]
            if now_ns - group.renewed_ns >= _RENEW_SILENT_NS:
                group.renewed_ns = now_ns
                for link in group.links:
                    self._links[link].renew(f"{instrument} {reason}")

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(link.close() for link in self._links.values()))

    def _with_room(self, route: str, name: str) -> _Group:
        """Return the first connections of a route that have room for a stream, others if none of them has."""
        dialect, groups = self._dialect, self._groups[route]
        for group in groups:
            taken = sum(map(dialect.size_of, group.wanted))
            if dialect.room is None or taken + dialect.size_of(name) <= dialect.room:
                return group
        numbered = (route if number == 1 else f"{route}-{number}" for number in count(1))
        first = next(link for link in numbered if link not in self._group_of)
        group = _Group(route, (first, f"{first} 2")[: self._sockets])
        groups.append(group)
        self._group_of |= dict.fromkeys(group.links, group)
        return group

    async def _end(self, group: _Group) -> None:
        """Close connections that carry nothing any more."""
        if group.wanted or group not in self._groups[group.route]:
            return
        self._groups[group.route].remove(group)
        # Until they are closed they may still say that they are up.
        await asyncio.gather(*(self._links[name].close() for name in group.links))
        for name in group.links:
            del self._links[name], self._group_of[name]
            self._sessions.pop(name, None)
            self._tell(LinkState(self._venue, self._clock.now_ns(), name, False, "nothing is left for it to carry"))

    def _changed(self, group: _Group) -> None:
        for name in group.links:
            link = self._links.get(name)
            if link is None:
                self._locks[name] = asyncio.Lock()
                link = self._links[name] = Link(
                    self._plan(name), transport=self._transport, clock=self._clock, backoff=Backoff(self._random)
                )
                link.start()
            elif link.session is not None:
                self._tasks.start(self._follow(name, link.session), f"subscribe {name}")

    def _plan(self, name: str) -> LinkPlan:
        group = self._group_of[name]

        async def url() -> str:
            return self._dialect.routes[group.route]

        async def prepare(session: Session) -> None:
            await self._subscribe(name, session)

        return LinkPlan(
            name=name,
            url=url,
            prepare=prepare,
            read=partial(self._read, name),
            read_data=self._data if self._sockets == 1 else partial(self._first, name),
            tell=lambda is_up, reason: self._told(name, is_up, reason),
            renew_s=self._dialect.renew_s,
            overlap_s=self._dialect.overlap_s,
            beat=self._dialect.beat,
        )

    async def _follow(self, link: str, session: Session) -> None:
        """Bring a connection in use to what is wanted; one that cannot be is replaced."""
        try:
            await self._subscribe(link, session)
        except (Unreachable, Unanswered) as error:
            session.end(f"cannot subscribe: {error}")

    async def _repeat(self, link: str, session: Session, name: str) -> None:
        try:
            async with self._locks[link]:
                if session.streams.pop(name, False):
                    await self._dialect.unsubscribe(session, [name])
                    await self._clock.sleep(self._dialect.pause_s)
        except (Unreachable, Unanswered) as error:
            session.end(f"cannot unsubscribe: {error}")
            return
        await self._follow(link, session)

    async def _subscribe(self, link: str, session: Session) -> None:
        async with self._locks[link]:
            if link not in self._group_of:  # it was given up meanwhile
                return
            wanted = self._group_of[link].wanted
            # First what makes room.
            for names in self._batches([name for name in session.streams if name not in wanted]):
                for name in names:
                    del session.streams[name]
                await self._dialect.unsubscribe(session, names)
                await self._clock.sleep(self._dialect.pause_s)
            self._share(session, wanted)
            for names in self._batches([name for name in wanted if name not in session.streams]):
                await self._request(link, session, names, wanted)

    def _share(self, session: Session, wanted: Mapping[str, Iterable[Topic]]) -> None:
        """Watch what is wanted of streams that a connection already has."""
        now_ns = self._clock.now_ns()
        for name, topics in wanted.items():
            for topic in topics if session.streams.get(name) else ():
                if topic not in self._watchdog:
                    self._watchdog.requested(topic, now_ns, PATIENCE_S[topic[1]])
                    self._watchdog.acknowledged(topic, now_ns)

    async def _request(
        self, link: str, session: Session, names: Sequence[str], wanted: Mapping[str, Iterable[Topic]]
    ) -> None:
        """Subscribe; where a venue refuses several, which does not say whether each of them, one by one."""
        topics = [topic for name in names for topic in wanted.get(name, ())]
        session.streams |= dict.fromkeys(names, False)
        now_ns, has_other = self._clock.now_ns(), link in self._group_of and self._has_other(link)
        for topic in topics:
            if not (has_other and topic in self._watchdog):
                self._watchdog.requested(topic, now_ns, PATIENCE_S[topic[1]])
        refused = await self._dialect.subscribe(session, names)
        for name in names:
            session.streams[name] = name not in refused
            if name not in refused or len(names) == 1:
                self._answered(wanted.get(name, ()), refused.get(name))
        await self._clock.sleep(self._dialect.pause_s)
        for name in refused if len(names) > 1 else ():
            await self._request(link, session, [name], wanted)

    def _answered(self, topics: Iterable[Topic], refused: str | None) -> None:
        now_ns = self._clock.now_ns()
        for topic in topics:
            if refused is None:
                self._watchdog.acknowledged(topic, now_ns)
            else:
                self._watchdog.forget(topic)
                instrument, stream = topic
                reason = f"{stream}: refused: {refused}"
                self._tell(FeedState(self._venue, now_ns, instrument, BookState.EMPTY, reason, stream))

    def _has_other(self, link: str) -> bool:
        """Return whether another connection carries what this one does."""
        return any(name in self._sessions for name in self._group_of[link].links if name != link)

    def _read(self, link: str, session: Session, data: bytes) -> bytes | None:
        """Return the stream that a frame is of, empty for data of none; None for what is handled with that."""
        name = self._dialect.name_in(data)
        if name is not None:
            return name
        try:
            message = orjson.loads(data)
        except orjson.JSONDecodeError:
            return b""  # for the decoder to tell
        reason = self._dialect.control(session, message) if isinstance(message, dict) else None
        if reason:
            self._links[link].renew(reason)
        return b"" if reason is None else None

    def _first(self, link: str, data: bytes, ts_recv: int, name: bytes) -> None:
        """Tell a frame, unless the other connection has brought it; what comes twice for all that has its ids."""
        alone = self._alone.setdefault(name, {})
        if alone.get(data, link) != link:
            del alone[data]
            return
        alone[data] = link
        if len(alone) > _REMEMBERED:
            del alone[next(iter(alone))]
        self._data(data, ts_recv, name)

    def _data(self, data: bytes, ts_recv: int, name: bytes) -> None:
        self.frames += 1
        topics = self._topics.get(name)
        if not topics:
            self._tell(Frame(self._venue, ts_recv, data))
            return
        for topic in topics:
            instrument, stream = topic
            if self._watchdog.seen(topic, ts_recv) and stream is not Stream.BOOK:
                self._tell(FeedState(self._venue, ts_recv, instrument, BookState.SYNCED, "delivering", stream))
        self._tell(Frame(self._venue, ts_recv, data, *topics[0]))

    def _told(self, link: str, is_up: bool, reason: str) -> None:
        self._tell(LinkState(self._venue, self._clock.now_ns(), link, is_up, reason))
        group = self._group_of[link]
        last, session = self._sessions.get(link), self._links[link].session
        if not is_up:
            self._sessions.pop(link, None)
            if self._has_other(link):
                return  # which has all that this one has lost
            for topics in group.wanted.values():
                for topic in topics:
                    self._watchdog.forget(topic)
            if last is not None:
                self._void(group, reason)
        elif session is not None and session is not last:
            self._sessions[link] = session
            if last is not None and not self._dialect.overlap_s:
                self._void(group, reason)
            # What changed while the connection was made.
            self._tasks.start(self._follow(link, session), f"subscribe {link}")

    def _void(self, group: _Group, reason: str) -> None:
        """Say of the books of a connection that they do not go on."""
        now_ns = self._clock.now_ns()
        for topics in group.wanted.values():
            for instrument, stream in topics:
                if stream is Stream.BOOK:
                    self._tell(FeedState(self._venue, now_ns, instrument, BookState.GAP, reason, is_disconnected=True))

    def _batches(self, names: Sequence[str]) -> list[Sequence[str]]:
        size = self._dialect.batch
        return [names[start : start + size] for start in range(0, len(names), size)]
