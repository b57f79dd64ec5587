"""A recorded session served as the topics of a local Bybit."""

from __future__ import annotations

from typing import Any

from tradecore.sandbox.bybit.markets import Market, Markets
from tradecore.sandbox.bybit.public import Streams, StreamTopic
from tradecore.sandbox.link import Link
from tradecore.sandbox.recorded import Recording, ToldBook

__all__ = ["RecordedStreams"]

Json = dict[str, Any]


class RecordedStreams(Streams):
    """Topics as they were recorded; whoever subscribes begins with what they have told."""

    def __init__(self, markets: Markets, recording: Recording) -> None:
        super().__init__(markets)
        self._category = {symbol: market.category for market in markets for symbol in market.traded}
        self._recording = recording
        self._last: dict[str, Json] = {}
        """The last message of topics with a state."""
        self._books: dict[str, ToldBook] = {}

    def begin_again(self) -> None:
        """Keep the numbers: they are those of the recording."""

    def subscribe(self, topic: StreamTopic, link: Link, now_ns: int) -> None:
        """Send a topic to a connection from now on; what has a state begins with it, where it is known."""
        if link not in topic.subscribers:
            topic.subscribers[link] = None
            if topic.name in self._last:
                link.push(topic.name, self._state(topic.name))

    def publish(self, now_ns: int) -> None:
        """Send what came by now."""
        for told in self._recording.due(now_ns):
            if told is None:
                self._last.clear()
            elif "topic" in told:
                self._keep(told)
                category = self._category.get(told["topic"].rpartition(".")[2], "")
                if (topic := self._topics.told((category, told["topic"]))) is not None:
                    self._send(topic, told)

    def _keep(self, told: Json) -> None:
        name, is_snapshot = told["topic"], told.get("type") == "snapshot"
        if not name.startswith(("orderbook.", "tickers.")) or not (is_snapshot or name in self._last):
            return
        if name.startswith("tickers."):
            was = {} if is_snapshot else self._last[name]["data"]
            told = {**told, "data": {**was, **told["data"]}}
        elif is_snapshot:
            self._books[name] = ToldBook(told["data"]["b"], told["data"]["a"])
        else:
            self._books[name].change(told["data"]["b"], told["data"]["a"])
        self._last[name] = told

    def _state(self, name: str) -> Json:
        told = {**self._last[name], "type": "snapshot"}
        if name in self._books:
            bids, asks = self._books[name].levels()
            told["data"] = {**told["data"], "b": bids, "a": asks}
        return told

    def snapshot(self, market: Market, symbol: str, limit: int, now_ms: int) -> Json:
        """Return the deepest book that was recorded as a request gets it; an empty one before it is known."""
        names = [name for name in self._books if name.endswith(f".{symbol}") and name in self._last]
        if not names:
            return super().snapshot(market, symbol, limit, now_ms)
        name = max(names, key=lambda each: int(each.split(".")[1]))
        bids, asks = self._books[name].levels(limit)
        return {**self._last[name]["data"], "b": bids, "a": asks, "ts": now_ms, "cts": now_ms}
