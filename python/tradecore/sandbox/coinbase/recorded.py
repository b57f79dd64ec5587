"""A recorded session served as the channels of a local Coinbase."""

from __future__ import annotations

from typing import Any

from tradecore.sandbox.candles import Candles
from tradecore.sandbox.coinbase.channels import NAMES, Channels, ChannelTopic
from tradecore.sandbox.coinbase.shapes import Shapes
from tradecore.sandbox.desk import Desk
from tradecore.sandbox.listeners import Listeners
from tradecore.sandbox.recorded import Recording, ToldBook

__all__ = ["RecordedChannels"]

Json = dict[str, Any]

_ROWS = ("trades", "tickers", "candles")


class RecordedChannels(Channels):
    """Channels as they were recorded, numbered anew by connection; a book begins with what was told of it."""

    def __init__(self, desk: Desk, shapes: Shapes, candles: Candles, users: Listeners, recording: Recording) -> None:
        super().__init__(desk, shapes, candles, users)
        self._recording = recording
        self._books: dict[str, ToldBook] = {}

    def publish(self, now_ns: int) -> None:
        """Send what came by now."""
        self._beat(now_ns)
        channels = {NAMES.get(channel, channel): channel for channel, _ in self._topics}
        for told in self._recording.due(now_ns):
            if told is None:
                self._books.clear()
                continue
            for event in told.get("events", ()) if told.get("channel") in channels else ():
                for product, part in _by_product(event).items():
                    if "updates" in event:
                        self._keep(product, event)
                    if (topic := self._topics.told((channels[told["channel"]], product))) is not None:
                        self._send(topic, part, now_ns)

    def _keep(self, product: str, event: Json) -> None:
        if event["type"] == "snapshot":
            self._books[product] = ToldBook()
        if product in self._books:
            rows = [
                [
                    (row["price_level"], row["new_quantity"])
                    for row in event["updates"]
                    if (row["side"] == "bid") == is_bid
                ]
                for is_bid in (True, False)
            ]
            self._books[product].change(*rows)

    def _change(self, topic: ChannelTopic, now_ns: int) -> Json | None:
        """Return nothing: what has happened is told as it was recorded."""
        return None

    def _state(self, topic: ChannelTopic, kind: str, now_ns: int) -> Json | None:
        """Return the book by the last frame; of other channels nothing."""
        if topic.kind != "level2" or topic.symbol not in self._books:
            return None
        return self._told_book(topic.symbol, kind, self._books[topic.symbol].levels(), now_ns)


def _by_product(event: Json) -> dict[str, Json]:
    """Return what an event tells of each product."""
    if "product_id" in event:
        return {event["product_id"]: event}
    [name] = [name for name in _ROWS if name in event]
    products = dict.fromkeys(row["product_id"] for row in event[name])
    return {each: {**event, name: [row for row in event[name] if row["product_id"] == each]} for each in products}
