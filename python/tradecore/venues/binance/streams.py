"""How Binance speaks of streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from tradecore.venues.binance.market import Hosts, Market
from tradecore.venues.link import Session
from tradecore.venues.listing import symbol_of
from tradecore.venues.subscriptions import Topic

__all__ = ["BinanceStreams"]

_PREFIX = b'{"stream":"'
_SHUTDOWN = b"!serverShutdown"


class BinanceStreams:
    """Combined streams of a market: each frame begins with the name of its stream."""

    batch = 100
    pause_s = 0.25
    """A connection takes five messages a second, pings included."""
    renew_s = 23 * 3600.0
    overlap_s = 5.0
    beat = None

    def __init__(self, market: Market, hosts: Hosts) -> None:
        self.venue = market.name
        self.room = market.most_streams
        self.routes = {route: hosts.streams + path for route, path in market.routes.items()}
        self._market = market
        self._numbers = 0

    def size_of(self, name: str) -> int:
        """Return 1: streams are counted."""
        return 1

    def locate(self, topic: Topic) -> tuple[str, str]:
        """Return the connection that carries a topic, and the name of the stream."""
        instrument, stream = topic
        name = self._market.stream_name(symbol_of(instrument), stream)
        return self._market.streams[stream][0], name

    async def subscribe(self, session: Session, names: Sequence[str]) -> Mapping[str, str]:
        """Subscribe, and return why the venue refused, which does not say what."""
        refused = await self._ask(session, "SUBSCRIBE", names)
        return {} if refused is None else dict.fromkeys(names, refused)

    async def unsubscribe(self, session: Session, names: Sequence[str]) -> None:
        """Unsubscribe."""
        await self._ask(session, "UNSUBSCRIBE", names)

    async def _ask(self, session: Session, method: str, names: Sequence[str]) -> str | None:
        self._numbers += 1
        text = orjson.dumps({"method": method, "params": names, "id": self._numbers})
        answer = await session.ask(str(self._numbers), text)
        error = answer.get("error", answer)
        return f"{error.get('msg', '')} ({error['code']})" if "code" in error else None

    def name_in(self, data: bytes) -> bytes | None:
        """Return the stream that a frame is of."""
        if not data.startswith(_PREFIX):
            return None
        name = data[len(_PREFIX) : data.find(b'"', len(_PREFIX))]
        return None if name == _SHUTDOWN else name

    def control(self, session: Session, message: Mapping[str, Any]) -> str | None:
        """Handle an answer, or the notice of a restart."""
        if message.get("e") == "serverShutdown" or message.get("stream") == _SHUTDOWN.decode():
            return "the venue restarts"
        if "stream" in message:
            return None
        if "id" in message:
            session.answer(str(message["id"]), message)
        return ""
