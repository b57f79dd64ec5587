"""How Coinbase speaks of channels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import orjson

from tradecore.venues.clock import Clock
from tradecore.venues.coinbase.market import CHANNELS, NAMES, VENUE, Hosts
from tradecore.venues.link import Session
from tradecore.venues.listing import symbol_of
from tradecore.venues.subscriptions import Topic
from tradecore.venues.transport import Unanswered

__all__ = ["Channels", "CoinbaseStreams", "Heartbeats"]

_SILENT_S = 5.0
_PREFIX = b'{"channel":"'
_PRODUCT = b'"product_id":"'


class Heartbeats:
    """The venue's heartbeat, once a second: a connection without one for five seconds is dead."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_ns: WeakKeyDictionary[Session, int] = WeakKeyDictionary()

    def seen(self, session: Session) -> None:
        """Note that one came on a connection."""
        self._last_ns[session] = self._clock.now_ns()

    @property
    def beat(self) -> tuple[float, Callable[[Session], Awaitable[None]]]:
        """What looks for them on a connection, each so many seconds."""
        return _SILENT_S, self._check

    async def _check(self, session: Session) -> None:
        last_ns = self._last_ns.get(session, session.opened_ns)
        if self._clock.now_ns() - last_ns > _SILENT_S * 1e9:
            raise Unanswered("none came for five seconds")


class Channels:
    """What both feeds have alike. One request at a time waits for its answer, or for an error, which names none."""

    venue = VENUE
    batch = 50
    room = None
    pause_s = 0.2
    renew_s = None
    overlap_s = 0.0

    def __init__(self, url: str, clock: Clock) -> None:
        self.routes = {"public": url}
        self._clock = clock
        self._heartbeats = Heartbeats(clock)
        self.beat = self._heartbeats.beat

    def size_of(self, name: str) -> int:
        """Return 1, of as many as there are."""
        return 1

    @staticmethod
    async def _ask(session: Session, request: Mapping[str, Any]) -> str | None:
        """Send a request, and return why the venue refused it."""
        answer = await session.ask("request", orjson.dumps(request))
        if answer.get("type") != "error":
            return None
        return ": ".join(str(answer[name]) for name in ("message", "reason") if answer.get(name)) or "refused"


class CoinbaseStreams(Channels):
    """Channels of Advanced Trade, each product of one a stream."""

    def __init__(self, hosts: Hosts, clock: Clock) -> None:
        super().__init__(hosts.market, clock)
        self._greeted: WeakSet[Session] = WeakSet()

    def locate(self, topic: Topic) -> tuple[str, str]:
        """Return the connection that carries a topic, and its channel and product."""
        instrument, stream = topic
        return "public", f"{CHANNELS[stream]}:{symbol_of(instrument)}"

    async def subscribe(self, session: Session, names: Sequence[str]) -> Mapping[str, str]:
        """Subscribe, and return why the venue refused, by channel; to its heartbeat first."""
        if session not in self._greeted:
            self._greeted.add(session)
            self._heartbeats.seen(session)
            await self._ask(session, {"type": "subscribe", "channel": "heartbeats"})
        return await self._each(session, "subscribe", names)

    async def unsubscribe(self, session: Session, names: Sequence[str]) -> None:
        """Unsubscribe."""
        await self._each(session, "unsubscribe", names)

    async def _each(self, session: Session, what: str, names: Sequence[str]) -> dict[str, str]:
        channels = defaultdict(list)
        for name in names:
            channels[name.partition(":")[0]].append(name)
        refusals: dict[str, str] = {}
        for channel, of_channel in channels.items():
            products = [name.partition(":")[2] for name in of_channel]
            refused = await self._ask(session, {"type": what, "channel": channel, "product_ids": products})
            if refused is not None:
                refusals |= dict.fromkeys(of_channel, refused)
        return refusals

    def name_in(self, data: bytes) -> bytes | None:
        """Return channel and product of a frame; nothing where it is about several products."""
        if not data.startswith(_PREFIX):
            return None
        channel = data[len(_PREFIX) : data.find(b'"', len(_PREFIX))]
        if channel in (b"subscriptions", b"heartbeats"):
            return None
        start = data.find(_PRODUCT) + len(_PRODUCT)
        product = data[start : data.find(b'"', start)]
        if channel == b"l2_data" and data.count(_PRODUCT) > 1:
            return b""
        return NAMES.get(channel, channel) + b":" + product

    def control(self, session: Session, message: Mapping[str, Any]) -> str | None:
        """Note answers and heartbeats. They are data all the same: every message is numbered."""
        if message.get("type") == "error":
            session.answer("request", message)
            return ""
        if message.get("channel") == "subscriptions":
            session.answer("request", message)
        elif message.get("channel") == "heartbeats":
            self._heartbeats.seen(session)
        return None
