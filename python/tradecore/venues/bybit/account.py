"""Bybit's stream of an account, and the WebSocket that orders go out on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson

from tradecore.errors import VenueError
from tradecore.venues.account import AccountStreams
from tradecore.venues.bybit.api import BybitApi
from tradecore.venues.bybit.market import Hosts
from tradecore.venues.bybit.streams import BEAT
from tradecore.venues.link import Session

__all__ = ["BybitAccount"]

_TOPICS = ["order", "execution", "position", "wallet"]
_ASKED = frozenset({"auth", "subscribe", "unsubscribe"})
"""What is refused where it was asked for; anything else that is refused is of a connection that is no good."""


class BybitAccount(AccountStreams):
    """What the venue says of the account, and the connection that orders go out on.

    The venue's own switch counts the connections that have subscribed to it: once the last of them is lost for its
    time, all orders of the account in its product are cancelled, whoever sent them.
    """

    def __init__(self, api: BybitApi, hosts: Hosts, *, with_orders: bool, **shared: Any) -> None:
        self._api = api
        self._hosts = hosts
        self._switch = ""
        """Topic by which the venue counts our connection; none while orders are to outlive it."""
        names = ("private", "trade") if with_orders else ("private",)
        super().__init__(api.venue, names, order_entry="trade" if with_orders else None, **shared)

    async def _url(self, name: str) -> str:
        return f"{self._hosts.sockets}/v5/{name}"

    async def _prepare(self, name: str, session: Session) -> None:
        await self._api.log_in(session)
        if name == "private":
            await self._choose(session, "subscribe", _TOPICS)
            if self._switch:
                await self._switch_on(session)

    async def hold_switch(self, topic: str) -> None:
        """Have the venue's switch count our connection, and each that takes its place."""
        self._switch = topic
        session = self._links["private"].session
        if session is not None and topic not in session.streams:
            await self._switch_on(session)

    async def release_switch(self) -> None:
        """Have it count our connection no more."""
        topic, self._switch = self._switch, ""
        session = self._links["private"].session
        if session is not None and session.streams.pop(topic, False):
            await self._choose(session, "unsubscribe", [topic])

    async def _switch_on(self, session: Session) -> None:
        await self._choose(session, "subscribe", [self._switch])
        session.streams[self._switch] = True

    async def _choose(self, session: Session, op: str, topics: Sequence[str]) -> None:
        text = orjson.dumps({"op": op, "args": topics})
        answer = await self._api.ask_on(session, op, op, text)
        if (refused := _refusal(answer)) is not None:
            await self._api.check_key()
            raise VenueError(self._venue, op, "", refused)

    def _beat(self, name: str) -> tuple[float, Callable[[Session], Awaitable[None]]]:
        return BEAT

    def _take(self, name: str, session: Session, message: Mapping[str, Any]) -> None:
        if "topic" in message:
            self._read(message, self._clock.now_ns())
        elif message.get("reqId"):
            session.answer(message["reqId"], message)
        else:
            op = message.get("op", "")
            if op not in _ASKED and (refused := _refusal(message)) is not None:
                session.end(f"the venue refuses: {refused}")  # whether it is for the key is seen when it is made anew
            session.answer("pong" if op == "ping" else op, message)


def _refusal(message: Mapping[str, Any]) -> str | None:
    """Return what the venue says of something that it refuses; None where it does not."""
    if message.get("success") is False or message.get("retCode"):
        return str(message.get("ret_msg") or message.get("retMsg") or "refused")
    return None
