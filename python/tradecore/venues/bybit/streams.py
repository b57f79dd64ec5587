"""How Bybit speaks of streams, and the WebSockets of an account."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import orjson

from tradecore.errors import NoAnswerError
from tradecore.venues.backoff import Backoff
from tradecore.venues.base import symbol_of
from tradecore.venues.bybit.api import BybitApi, ask_on
from tradecore.venues.bybit.market import Hosts, Market
from tradecore.venues.clock import Clock, within
from tradecore.venues.events import LinkState, Sink
from tradecore.venues.link import Link, LinkPlan, Session
from tradecore.venues.subscriptions import Topic
from tradecore.venues.transport import Transport

__all__ = ["AccountStreams", "BybitStreams"]

_ANSWER_S = 10.0
_BEAT_S = 20.0
_CONNECT_S = 30.0
_PREFIX = b'{"topic":"'
_OWN = ["order", "execution", "position", "wallet"]
_PING = '{"op":"ping"}'


async def _beat(session: Session) -> None:
    await session.ask("pong", _PING, _ANSWER_S)


class BybitStreams:
    """Topics of one category. One request at a time waits for its answer: a refusal does not say which it is to."""

    batch = 10
    pause_s = 0.1
    renew_s = None
    overlap_s = 0.0
    beat = (_BEAT_S, _beat)

    def __init__(self, market: Market, hosts: Hosts) -> None:
        self.venue = market.name
        self.routes = {"public": f"{hosts.sockets}/v5/public/{market.category}"}
        self._market = market

    def locate(self, topic: Topic) -> tuple[str, str]:
        """Return the connection that carries a topic, and the venue's topic."""
        instrument, stream = topic
        return "public", f"{self._market.topics[stream]}.{symbol_of(instrument)}"

    async def subscribe(self, session: Session, names: Sequence[str]) -> str | None:
        """Subscribe, and return why the venue refused."""
        return await self._ask(session, "subscribe", names)

    async def unsubscribe(self, session: Session, names: Sequence[str]) -> None:
        """Unsubscribe."""
        await self._ask(session, "unsubscribe", names)

    async def _ask(self, session: Session, op: str, names: Sequence[str]) -> str | None:
        answer = await session.ask("request", orjson.dumps({"op": op, "args": names}).decode(), _ANSWER_S)
        return None if answer.get("success") else str(answer.get("ret_msg") or "refused")

    def name_in(self, data: bytes) -> bytes | None:
        """Return the topic that a frame is of."""
        return data[len(_PREFIX) : data.find(b'"', len(_PREFIX))] if data.startswith(_PREFIX) else None

    def control(self, session: Session, data: bytes) -> str | None:
        """Handle an answer; what is no JSON is for the decoder to tell."""
        try:
            message = orjson.loads(data)
        except orjson.JSONDecodeError:
            return None
        if not isinstance(message, dict) or "topic" in message:
            return None
        session.answer("pong" if message.get("op") in ("ping", "pong") else "request", message)
        return ""


class AccountStreams:
    """What the venue says of the account, and the connection that orders go out on.

    Parameters
    ----------
    api : BybitApi
    hosts : Hosts
    transport, clock
    random : Random
        Spreads the waits between attempts to connect.
    tell : Sink
        Is told whether the connections are up.
    read : callable
        Is given each message of a topic and when it was read, ns UTC.
    """

    def __init__(
        self,
        api: BybitApi,
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
        self._tell = tell
        self._read = read
        self._links = {
            name: Link(self._plan(name), transport=transport, clock=clock, backoff=Backoff(random))
            for name in ("private", "trade")
        }

    async def start(self, *, with_orders: bool) -> None:
        """Connect, and return when the venue has let us in.

        Raises
        ------
        CredentialsError
            For a key that the venue does not take.
        NoAnswerError
            When it cannot be reached for half a minute.
        """
        links = [self._links[name] for name in (("private", "trade") if with_orders else ("private",))]
        for link in links:
            link.start()
        try:
            await within(self._clock, _CONNECT_S, asyncio.gather(*(link.up() for link in links)))
        except TimeoutError as error:
            raise NoAnswerError(self._api.venue, "connect to the account", str(error)) from None

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(link.close() for link in self._links.values()))

    @property
    def orders(self) -> Session | None:
        """The connection that orders go out on; None where they go out as requests."""
        return self._links["trade"].session

    @property
    def is_up(self) -> bool:
        """Whether outcomes of orders are told."""
        return self._links["private"].session is not None

    @property
    def links(self) -> dict[str, bool]:
        """Which connections are up."""
        return {name: link.session is not None for name, link in self._links.items() if link.is_started}

    def _plan(self, name: str) -> LinkPlan:
        async def url() -> str:
            return f"{self._hosts.sockets}/v5/{name}"

        async def prepare(session: Session) -> None:
            await self._api.log_in(session)
            if name == "private":
                text = orjson.dumps({"op": "subscribe", "args": _OWN}).decode()
                await ask_on(self._api.venue, session, "subscribe", "subscribe", text)

        return LinkPlan(
            name=name,
            url=url,
            prepare=prepare,
            read_control=self._take,
            read_data=lambda data, ts_recv: None,
            tell=lambda is_up, reason: self._tell(
                LinkState(self._api.venue, self._clock.now_ns(), name, is_up, reason)
            ),
            beat=(_BEAT_S, _beat),
        )

    def _take(self, session: Session, data: bytes) -> bool:
        try:
            message = orjson.loads(data)
        except orjson.JSONDecodeError:
            session.end("a message that is no JSON")  # of the account nothing may be missed
            return True
        if "topic" in message:
            self._read(message, self._clock.now_ns())
        elif message.get("reqId"):
            session.answer(message["reqId"], message)
        else:
            op = message.get("op", "")
            session.answer("pong" if op == "ping" else op, message)
        return True
