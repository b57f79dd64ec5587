"""Binance's user stream, and the WebSocket that orders go out on.

Spot has one connection for both: its WebSocket interface, on which the stream is subscribed to with a signature.
Futures have two: the stream is at an address that a request returns and that has to be kept alive, orders go to the
interface.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import orjson

from tradecore.errors import NoAnswerError, VenueError
from tradecore.venues.backoff import Backoff
from tradecore.venues.binance.api import BinanceApi
from tradecore.venues.binance.market import Hosts
from tradecore.venues.clock import Clock, within
from tradecore.venues.events import LinkState, Sink
from tradecore.venues.link import Link, LinkPlan, Session
from tradecore.venues.transport import Transport

__all__ = ["UserStream"]

_RENEW_S = 23 * 3600.0
_OVERLAP_S = 2.0
_KEEP_S = 30 * 60.0
_CONNECT_S = 30.0


class UserStream:
    """What the venue says of the account, and the connection that orders go out on.

    Parameters
    ----------
    api : BinanceApi
    hosts : Hosts
    transport, clock
    random : Random
        Spreads the waits between attempts to connect.
    tell : Sink
        Is told whether the connections are up.
    read : callable
        Is given each message of the stream and when it was read, ns UTC.
    """

    def __init__(
        self,
        api: BinanceApi,
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
        shared: dict[str, Any] = {"transport": transport, "clock": clock}
        market = api.market
        self._private = Link(
            self._spot_plan() if market.is_spot else self._contract_plan(), backoff=Backoff(random), **shared
        )
        self._entry = self._private if market.is_spot else Link(self._entry_plan(), backoff=Backoff(random), **shared)
        self._with_orders = False

    async def start(self, *, with_orders: bool) -> None:
        """Connect, and return when the venue has let us in.

        Raises
        ------
        CredentialsError
            For a key that the venue does not take.
        NoAnswerError
            When it cannot be reached for half a minute.
        """
        self._with_orders = with_orders
        links = {self._private, self._entry} if with_orders else {self._private}
        for link in links:
            link.start()
        try:
            await within(self._clock, _CONNECT_S, asyncio.gather(*(link.up() for link in links)))
        except TimeoutError as error:
            raise NoAnswerError(self._api.market.name, "connect to the user stream", str(error)) from None

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.gather(self._private.close(), self._entry.close())

    @property
    def orders(self) -> Session | None:
        """The connection that orders go out on; None where they go out as requests."""
        return self._entry.session if self._with_orders else None

    @property
    def links(self) -> dict[str, bool]:
        """Which connections are up."""
        if not self._private.is_started:
            return {}
        found = {"private": self._private.session is not None}
        if self._with_orders and self._entry is not self._private:
            found["orders"] = self._entry.session is not None
        return found

    @property
    def reconnects(self) -> int:
        """How often a connection was lost."""
        return sum(link.reconnects for link in {self._private, self._entry})

    def _spot_plan(self) -> LinkPlan:
        async def prepare(session: Session) -> None:
            await self._api.write_on(session, "userDataStream.subscribe.signature", {})

        return self._plan("private", self._entry_url, prepare, self._answer)

    def _contract_plan(self) -> LinkPlan:
        async def url() -> str:
            answer = await self._api.write_keyed("POST", "listenKey")
            return f"{self._hosts.streams}/private/ws/{answer['listenKey']}"

        async def prepare(session: Session) -> None:
            return None

        async def keep(session: Session) -> None:
            try:
                await self._api.write_keyed("PUT", "listenKey")
            except VenueError as error:
                session.end(f"the listen key is gone: {error.problem}")

        return self._plan("private", url, prepare, self._event, beat=(_KEEP_S, keep))

    def _entry_plan(self) -> LinkPlan:
        async def prepare(session: Session) -> None:
            return None

        return self._plan("orders", self._entry_url, prepare, self._answer)

    async def _entry_url(self) -> str:
        return self._hosts.orders + self._api.market.orders_path

    def _plan(self, name: str, url: Any, prepare: Any, control: Any, *, beat: Any = None) -> LinkPlan:
        return LinkPlan(
            name=name,
            url=url,
            prepare=prepare,
            read_control=control,
            read_data=lambda data, ts_recv: None,
            tell=lambda is_up, reason: self._tell(
                LinkState(self._api.market.name, self._clock.now_ns(), name, is_up, reason)
            ),
            renew_s=_RENEW_S,
            overlap_s=_OVERLAP_S,
            beat=beat,
        )

    def _answer(self, session: Session, data: bytes) -> bool:
        """Take a message of the interface: an answer, or, where it was subscribed to, an event."""
        try:
            message = orjson.loads(data)
        except orjson.JSONDecodeError:
            session.end("a message that is no JSON")  # of the account nothing may be missed
            return True
        if "event" in message:
            self._take(session, message["event"])
        elif message.get("id") is not None:
            session.answer(str(message["id"]), message)
        return True

    def _event(self, session: Session, data: bytes) -> bool:
        """Take a message of a stream of its own."""
        try:
            message = orjson.loads(data)
        except orjson.JSONDecodeError:
            session.end("a message that is no JSON")
            return True
        self._take(session, message.get("data", message))
        return True

    def _take(self, session: Session, event: Mapping[str, Any]) -> None:
        match event.get("e"):
            case "listenKeyExpired" | "eventStreamTerminated":
                session.end(f"the venue ended the stream: {event['e']}")
            case "serverShutdown":
                self._private.renew("the venue restarts")
            case _:
                self._read(event, self._clock.now_ns())
