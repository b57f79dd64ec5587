"""Bybit's stream of an account, and the WebSocket that orders go out on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from tradecore.venues.account import AccountStreams
from tradecore.venues.bybit.api import BybitApi
from tradecore.venues.bybit.market import Hosts
from tradecore.venues.bybit.streams import BEAT
from tradecore.venues.link import Session

__all__ = ["BybitAccount"]

_TOPICS = ["order", "execution", "position", "wallet"]


class BybitAccount(AccountStreams):
    """What the venue says of the account, and the connection that orders go out on."""

    def __init__(self, api: BybitApi, hosts: Hosts, *, with_orders: bool, **shared: Any) -> None:
        self._api = api
        self._hosts = hosts
        names = ("private", "trade") if with_orders else ("private",)
        super().__init__(api.venue, names, order_entry="trade" if with_orders else None, **shared)

    async def _url(self, name: str) -> str:
        return f"{self._hosts.sockets}/v5/{name}"

    async def _prepare(self, name: str, session: Session) -> None:
        await self._api.log_in(session)
        if name == "private":
            text = orjson.dumps({"op": "subscribe", "args": _TOPICS}).decode()
            await self._api.ask_on(session, "subscribe", "subscribe", text)

    def _beat(self, name: str) -> tuple[float, Callable[[Session], Awaitable[None]]]:
        return BEAT

    def _take(self, name: str, session: Session, message: Mapping[str, Any]) -> None:
        if "topic" in message:
            self._read(message, self._clock.now_ns())
        elif message.get("reqId"):
            session.answer(message["reqId"], message)
        else:
            op = message.get("op", "")
            session.answer("pong" if op == "ping" else op, message)
