"""How Coinbase speaks of channels, and the WebSocket of an account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any
from weakref import WeakKeyDictionary

import orjson

from tradecore.errors import NoAnswerError, VenueError
from tradecore.venues.backoff import Backoff
from tradecore.venues.base import symbol_of
from tradecore.venues.clock import Clock, within
from tradecore.venues.coinbase.api import CoinbaseApi
from tradecore.venues.coinbase.market import CHANNELS, NAMES, VENUE, Hosts
from tradecore.venues.events import LinkState, Sink
from tradecore.venues.link import Link, LinkPlan, Session
from tradecore.venues.subscriptions import Topic
from tradecore.venues.transport import Transport, Unanswered, Unreachable

__all__ = ["CoinbaseStreams", "UserChannel"]

_ANSWER_S = 10.0
_CONNECT_S = 30.0
_HEARTBEAT_NS = 5_000_000_000
_BEAT_S = 5.0
_PREFIX = b'{"channel":"'
_PRODUCT = b'"product_id":"'


class _Heartbeats:
    """The venue's heartbeat, once a second: a connection without one for five seconds is dead."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_ns: WeakKeyDictionary[Session, int] = WeakKeyDictionary()

    def seen(self, session: Session) -> None:
        self._last_ns[session] = self._clock.now_ns()

    async def check(self, session: Session) -> None:
        last_ns = self._last_ns.get(session, session.opened_ns)
        if self._clock.now_ns() - last_ns > _HEARTBEAT_NS:
            raise Unanswered("none came for five seconds")


class CoinbaseStreams:
    """Channels of market data, each product of one a stream. One request at a time waits for its answer."""

    venue = VENUE
    batch = 50
    pause_s = 0.2
    renew_s = None
    overlap_s = 0.0

    def __init__(self, hosts: Hosts, clock: Clock) -> None:
        self.routes = {"public": hosts.market}
        self._heartbeats = _Heartbeats(clock)
        self.beat = (_BEAT_S, self._heartbeats.check)
        self._greeted: WeakKeyDictionary[Session, bool] = WeakKeyDictionary()

    def locate(self, topic: Topic) -> tuple[str, str]:
        """Return the connection that carries a topic, and its channel and product."""
        instrument, stream = topic
        return "public", f"{CHANNELS[stream]}:{symbol_of(instrument)}"

    async def subscribe(self, session: Session, names: Sequence[str]) -> str | None:
        """Subscribe, and return why the venue refused; to its heartbeat first."""
        if session not in self._greeted:
            self._greeted[session] = True
            self._heartbeats.seen(session)
            await self._ask(session, {"type": "subscribe", "channel": "heartbeats"})
        return await self._each(session, "subscribe", names)

    async def unsubscribe(self, session: Session, names: Sequence[str]) -> None:
        """Unsubscribe."""
        await self._each(session, "unsubscribe", names)

    async def _each(self, session: Session, what: str, names: Sequence[str]) -> str | None:
        products = defaultdict(list)
        for name in names:
            channel, _, product = name.partition(":")
            products[channel].append(product)
        refused = None
        for channel, of_channel in products.items():
            refused = await self._ask(session, {"type": what, "channel": channel, "product_ids": of_channel}) or refused
        return refused

    @staticmethod
    async def _ask(session: Session, request: Mapping[str, Any]) -> str | None:
        answer = await session.ask("request", orjson.dumps(request).decode(), _ANSWER_S)
        return str(answer.get("message", "refused")) if answer.get("type") == "error" else None

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

    def control(self, session: Session, data: bytes) -> str | None:
        """Note answers and heartbeats. They are data all the same: every message is numbered."""
        try:
            message = orjson.loads(data)
        except orjson.JSONDecodeError:
            return None
        if not isinstance(message, dict):
            return None
        if message.get("type") == "error":
            session.answer("request", message)
            return ""
        if message.get("channel") == "subscriptions":
            session.answer("request", message)
        elif message.get("channel") == "heartbeats":
            self._heartbeats.seen(session)
        return None


class UserChannel:
    """What the venue says of orders.

    Parameters
    ----------
    api : CoinbaseApi
    hosts : Hosts
    transport, clock
    random : Random
        Spreads the waits between attempts to connect.
    tell : Sink
        Is told whether the connection is up.
    read : callable
        Is given each message of the channel and when it was read, ns UTC.
    """

    def __init__(
        self,
        api: CoinbaseApi,
        hosts: Hosts,
        *,
        transport: Transport,
        clock: Clock,
        random: Random,
        tell: Sink,
        read: Callable[[Mapping[str, Any], int], None],
    ) -> None:
        self._api = api
        self._hosts = hosts
        self._clock = clock
        self._read = read
        self._heartbeats = _Heartbeats(clock)
        self._expected: WeakKeyDictionary[Session, int] = WeakKeyDictionary()
        plan = LinkPlan(
            name="user",
            url=self._url,
            prepare=self._subscribe,
            read_control=self._take,
            read_data=lambda data, ts_recv: None,
            tell=lambda is_up, reason: tell(LinkState(VENUE, clock.now_ns(), "user", is_up, reason)),
            beat=(_BEAT_S, self._heartbeats.check),
        )
        self._link = Link(plan, transport=transport, clock=clock, backoff=Backoff(random))

    async def start(self) -> None:
        """Connect, and return when the venue has let us in.

        Raises
        ------
        NoAnswerError
            When it cannot be reached for half a minute, or does not let us in.
        """
        self._link.start()
        try:
            await within(self._clock, _CONNECT_S, self._link.up())
        except TimeoutError as error:
            raise NoAnswerError(VENUE, "connect to the user channel", str(error)) from None

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()

    @property
    def links(self) -> dict[str, bool]:
        """Which connections are up."""
        return {"user": self._link.session is not None} if self._link.is_started else {}

    async def _url(self) -> str:
        return self._hosts.user

    async def _subscribe(self, session: Session) -> None:
        for channel in ("heartbeats", "user"):
            self._heartbeats.seen(session)
            request = {"type": "subscribe", "channel": channel, "jwt": self._api.token()}
            try:
                answer = await session.ask("request", orjson.dumps(request).decode(), _ANSWER_S)
            except (Unreachable, Unanswered) as error:
                raise NoAnswerError(VENUE, f"subscribe {channel}", str(error)) from None
            if answer.get("type") == "error":
                raise VenueError(VENUE, f"subscribe {channel}", "", str(answer.get("message", "refused")))

    def _take(self, session: Session, data: bytes) -> bool:
        try:
            message = orjson.loads(data)
        except orjson.JSONDecodeError:
            session.end("a message that is no JSON")  # of the account nothing may be missed
            return True
        if message.get("type") == "error":
            session.answer("request", message)
            return True
        number = int(message.get("sequence_num", 0))
        expected = self._expected.get(session, number)
        self._expected[session] = max(expected, number) + 1
        if number > expected:
            session.end(f"{number - expected} messages were lost")
        match message.get("channel"):
            case "subscriptions":
                session.answer("request", message)
            case "heartbeats":
                self._heartbeats.seen(session)
            case "user" if number >= expected:
                self._read(message, self._clock.now_ns())
        return True
