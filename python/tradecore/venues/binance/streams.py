"""Binance's market data: one connection a route, what is wanted subscribed on it, each stream watched."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from random import Random

import orjson

from tradecore.types import BookState
from tradecore.venues.backoff import Backoff
from tradecore.venues.binance.market import Hosts, Market
from tradecore.venues.clock import Clock
from tradecore.venues.events import FeedState, Frame, LinkState, Sink, Stream
from tradecore.venues.link import Link, LinkPlan, Session
from tradecore.venues.silence import PATIENCE_S, Watchdog
from tradecore.venues.subscriptions import Topic
from tradecore.venues.tasks import Tasks
from tradecore.venues.transport import Transport, Unanswered, Unreachable

__all__ = ["MarketStreams"]

_RENEW_S = 23 * 3600.0
_OVERLAP_S = 5.0
_BATCH = 100
_PAUSE_S = 0.25
"""Between two messages of ours on one connection: it takes five a second, pings included."""
_ANSWER_S = 10.0
_RENEW_SILENT_NS = 300_000_000_000
"""A connection is renewed for a silent stream at most so often."""

_PREFIX = b'{"stream":"'


class MarketStreams:
    """The market data of a market.

    Parameters
    ----------
    market : Market
    hosts : Hosts
    transport, clock
    random : Random
        Spreads the waits between attempts to connect.
    tell : Sink
    tasks : Tasks
    """

    def __init__(
        self,
        market: Market,
        hosts: Hosts,
        *,
        transport: Transport,
        clock: Clock,
        random: Random,
        tell: Sink,
        tasks: Tasks,
    ) -> None:
        self._market = market
        self._hosts = hosts
        self._transport = transport
        self._clock = clock
        self._random = random
        self._tell = tell
        self._tasks = tasks
        self._links: dict[str, Link] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._wanted: dict[str, dict[str, Topic]] = {route: {} for route in market.routes}
        self._topics: dict[bytes, Topic] = {}
        self._watchdog: Watchdog[Topic] = Watchdog()
        self._renewed_ns: dict[str, int] = {}
        self._numbers = 0
        self.frames = 0

    def add(self, topics: Iterable[Topic]) -> None:
        """Deliver topics from now on."""
        for route, name, topic in self._named(topics):
            self._wanted[route][name] = topic
            self._topics[name.encode()] = topic
            self._changed(route)

    def remove(self, topics: Iterable[Topic]) -> None:
        """Deliver topics no more."""
        for route, name, topic in self._named(topics):
            self._wanted[route].pop(name, None)
            self._watchdog.forget(topic)
            self._changed(route)

    @property
    def links(self) -> dict[str, bool]:
        """Which connections are up."""
        return {route: link.session is not None for route, link in self._links.items()}

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
            self._tell(FeedState(self._market.name, now_ns, instrument, BookState.STALE, reason, stream))
            route = self._market.streams[stream][0]
            if now_ns - self._renewed_ns.get(route, -_RENEW_SILENT_NS) >= _RENEW_SILENT_NS:
                self._renewed_ns[route] = now_ns
                self._links[route].renew(f"{instrument} {reason}")

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(link.close() for link in self._links.values()))

    def _named(self, topics: Iterable[Topic]) -> list[tuple[str, str, Topic]]:
        found = []
        for topic in topics:
            instrument, stream = topic
            name = self._market.stream_name(instrument.rpartition(".")[0], stream)
            found.append((self._market.streams[stream][0], name, topic))
        return found

    def _changed(self, route: str) -> None:
        link = self._links.get(route)
        if link is None:
            self._locks[route] = asyncio.Lock()
            link = self._links[route] = Link(
                self._plan(route), transport=self._transport, clock=self._clock, backoff=Backoff(self._random)
            )
            link.start()
        elif link.session is not None:
            self._tasks.start(self._follow(route, link.session), f"subscribe {route}")

    def _plan(self, route: str) -> LinkPlan:
        async def url() -> str:
            return self._hosts.streams + self._market.routes[route]

        async def prepare(session: Session) -> None:
            await self._subscribe(route, session)

        return LinkPlan(
            name=route,
            url=url,
            prepare=prepare,
            read_control=lambda session, data: self._control(route, session, data),
            read_data=self._data,
            tell=lambda is_up, reason: self._told(route, is_up, reason),
            renew_s=_RENEW_S,
            overlap_s=_OVERLAP_S,
        )

    async def _follow(self, route: str, session: Session) -> None:
        """Bring a connection in use to what is wanted; one that cannot be is replaced."""
        try:
            await self._subscribe(route, session)
        except (Unreachable, Unanswered) as error:
            session.end(f"cannot subscribe: {error}")

    async def _subscribe(self, route: str, session: Session) -> None:
        async with self._locks[route]:
            wanted = self._wanted[route]
            for names in _batches([name for name in wanted if name not in session.streams]):
                topics = [wanted[name] for name in names if name in wanted]
                session.streams.update(names)
                now_ns = self._clock.now_ns()
                for topic in topics:
                    self._watchdog.requested(topic, now_ns, PATIENCE_S[topic[1]])
                refused = await self._ask(session, "SUBSCRIBE", names)
                self._answered(topics, refused)
            for names in _batches([name for name in session.streams if name not in wanted]):
                session.streams.difference_update(names)
                await self._ask(session, "UNSUBSCRIBE", names)

    async def _ask(self, session: Session, method: str, names: Sequence[str]) -> str | None:
        """Send names and return why they were refused; None if they were not."""
        self._numbers += 1
        key = str(self._numbers)
        text = orjson.dumps({"method": method, "params": names, "id": self._numbers}).decode()
        answer = await session.ask(key, text, _ANSWER_S)
        await self._clock.sleep(_PAUSE_S)
        error = answer.get("error", answer)
        return f"{error.get('msg', '')} ({error['code']})" if "code" in error else None

    def _answered(self, topics: Iterable[Topic], refused: str | None) -> None:
        now_ns = self._clock.now_ns()
        for topic in topics:
            if refused is None:
                self._watchdog.acknowledged(topic, now_ns)
            else:
                self._watchdog.forget(topic)
                instrument, stream = topic
                reason = f"{stream}: refused: {refused}"
                self._tell(FeedState(self._market.name, now_ns, instrument, BookState.EMPTY, reason, stream))

    def _control(self, route: str, session: Session, data: bytes) -> bool:
        if data.startswith(_PREFIX):
            if data.startswith(b'{"stream":"!serverShutdown"'):
                self._links[route].renew("the venue restarts")
                return True
            return False
        try:
            message = orjson.loads(data)
        except orjson.JSONDecodeError:
            return False  # the decoder says what is wrong with it
        if not isinstance(message, dict) or "stream" in message:
            return False
        if message.get("e") == "serverShutdown":
            self._links[route].renew("the venue restarts")
        elif "id" in message:
            session.answer(str(message["id"]), message)
        return True

    def _data(self, data: bytes, ts_recv: int) -> None:
        self.frames += 1
        end = data.find(b'"', len(_PREFIX))
        topic = self._topics.get(data[len(_PREFIX) : end]) if data.startswith(_PREFIX) else None
        if topic is None:
            self._tell(Frame(self._market.name, ts_recv, data))
            return
        instrument, stream = topic
        if self._watchdog.seen(topic, ts_recv) and stream is not Stream.BOOK:
            self._tell(FeedState(self._market.name, ts_recv, instrument, BookState.SYNCED, "delivering", stream))
        self._tell(Frame(self._market.name, ts_recv, data, instrument, stream))

    def _told(self, route: str, is_up: bool, reason: str) -> None:
        now_ns = self._clock.now_ns()
        self._tell(LinkState(self._market.name, now_ns, route, is_up, reason))
        if is_up:
            session = self._links[route].session
            if session is not None:  # what changed while the connection was made
                self._tasks.start(self._follow(route, session), f"subscribe {route}")
            return
        for instrument, stream in self._wanted[route].values():
            self._watchdog.forget((instrument, stream))
            if stream is Stream.BOOK:
                self._tell(FeedState(self._market.name, now_ns, instrument, BookState.GAP, reason))


def _batches(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[start : start + _BATCH] for start in range(0, len(names), _BATCH)]
