"""Binance's user stream, and the WebSocket that orders go out on.

Spot has one connection for both: its WebSocket interface, on which the stream is subscribed to with a signature.
Futures have two: the stream is at an address that a request returns and that has to be kept alive, orders go to the
interface.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tradecore.errors import VenueError
from tradecore.venues.account import AccountStreams
from tradecore.venues.binance.api import BinanceApi
from tradecore.venues.binance.market import Hosts
from tradecore.venues.link import Session

__all__ = ["UserStream"]

_KEEP_S = 30 * 60.0


class UserStream(AccountStreams):
    """What the venue says of the account, and the connection that orders go out on."""

    _renew_s = 23 * 3600.0
    _overlap_s = 2.0

    def __init__(self, api: BinanceApi, hosts: Hosts, *, with_orders: bool, **shared: Any) -> None:
        self._api = api
        self._hosts = hosts
        entry = ("private" if api.market.is_spot else "orders") if with_orders else None
        names = ("private", "orders") if entry == "orders" else ("private",)
        super().__init__(api.venue, names, order_entry=entry, **shared)

    async def _url(self, name: str) -> str:
        if self._is_own(name):
            answer = await self._api.write_keyed("POST", "listenKey")
            return f"{self._hosts.streams}/private/ws/{answer['listenKey']}"
        return self._hosts.orders + self._api.market.orders_path

    async def _prepare(self, name: str, session: Session) -> None:
        if self._api.market.is_spot:
            await self._api.write_on(session, "userDataStream.subscribe.signature", {})

    def _beat(self, name: str) -> tuple[float, Callable[[Session], Awaitable[None]]] | None:
        return (_KEEP_S, self._keep) if self._is_own(name) else None

    async def _keep(self, session: Session) -> None:
        try:
            await self._api.write_keyed("PUT", "listenKey")
        except VenueError as error:
            session.end(f"the listen key is gone: {error.problem}")

    def _take(self, name: str, session: Session, message: Mapping[str, Any]) -> None:
        if self._is_own(name):
            self._event(name, session, message.get("data", message))
        elif "event" in message:
            self._event(name, session, message["event"])
        elif message.get("id") is not None:
            session.answer(str(message["id"]), message)

    def _event(self, name: str, session: Session, event: Mapping[str, Any]) -> None:
        match event.get("e"):
            case "listenKeyExpired" | "eventStreamTerminated":
                session.end(f"the venue ended the stream: {event['e']}")
            case "serverShutdown":
                self._links[name].renew("the venue restarts")
            case _:
                self._read(event, self._clock.now_ns())

    def _is_own(self, name: str) -> bool:
        """Return whether a connection carries the stream alone, and not the venue's WebSocket interface."""
        return name == "private" and not self._api.market.is_spot
