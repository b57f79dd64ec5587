"""How Bybit speaks of streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from tradecore.venues.bybit.market import Hosts, Market
from tradecore.venues.link import Session
from tradecore.venues.listing import symbol_of
from tradecore.venues.subscriptions import Topic

__all__ = ["BEAT", "BybitStreams"]

_PREFIX = b'{"topic":"'
_PING = b'{"op":"ping"}'
_THERE = "already subscribed"
"""What is said of a topic that was taken with others of which one was refused."""


async def _beat(session: Session) -> None:
    await session.ask("pong", _PING)


BEAT = 20.0, _beat
"""What keeps a connection alive, each so many seconds."""


class BybitStreams:
    """Topics, a connection a category. One request at a time waits: a refusal does not say which it is to."""

    batch = 10
    room = 21_000
    """Characters of all topics on a connection, with the quotes and the comma of each."""
    pause_s = 0.1
    renew_s = None
    overlap_s = 0.0
    beat = BEAT

    def __init__(self, market: Market, hosts: Hosts) -> None:
        self.venue = market.name
        self._links = {category: category for category in market.categories} | {next(iter(market.categories)): "public"}
        self.routes = {link: f"{hosts.sockets}/v5/public/{category}" for category, link in self._links.items()}
        self._market = market

    def size_of(self, name: str) -> int:
        """Return how many characters a topic takes."""
        return len(name) + 3

    def locate(self, topic: Topic) -> tuple[str, str]:
        """Return the connection that carries a topic, and the venue's topic."""
        instrument, stream = topic
        link = self._links[self._market.category_of(instrument)]
        return link, f"{self._market.topics[stream]}.{symbol_of(instrument)}"

    async def subscribe(self, session: Session, names: Sequence[str]) -> Mapping[str, str]:
        """Subscribe, and return why the venue refused, which names one of them at most."""
        refused = await self._ask(session, "subscribe", names)
        if refused is None or (len(names) == 1 and _THERE in refused):
            return {}
        return dict.fromkeys(names, refused)

    async def unsubscribe(self, session: Session, names: Sequence[str]) -> None:
        """Unsubscribe."""
        await self._ask(session, "unsubscribe", names)

    async def _ask(self, session: Session, op: str, names: Sequence[str]) -> str | None:
        answer = await session.ask("request", orjson.dumps({"op": op, "args": names}))
        return None if answer.get("success") else str(answer.get("ret_msg") or "refused")

    def name_in(self, data: bytes) -> bytes | None:
        """Return the topic that a frame is of."""
        return data[len(_PREFIX) : data.find(b'"', len(_PREFIX))] if data.startswith(_PREFIX) else None

    def control(self, session: Session, message: Mapping[str, Any]) -> str | None:
        """Handle an answer."""
        if "topic" in message:
            return None
        session.answer("pong" if message.get("op") in ("ping", "pong") else "request", message)
        return ""
