"""Channels of a local Coinbase. Every message of a connection has a number, whatever channel it is of."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tradecore.sandbox.candles import Candles, minutes
from tradecore.sandbox.coinbase.market import candle
from tradecore.sandbox.coinbase.shapes import Shapes
from tradecore.sandbox.desk import Desk, PublicTrade, Update
from tradecore.sandbox.link import Link
from tradecore.sandbox.listeners import Listeners
from tradecore.sandbox.numbers import Levels, changed, ms
from tradecore.sandbox.topics import Topic, Topics
from tradecore.venues.coinbase.private import to_text

__all__ = ["CHANNELS", "NAMES", "ChannelTopic", "Channels", "Connection"]

Json = dict[str, Any]

CHANNELS = {"level2": 50, "market_trades": 250, "ticker": 10, "ticker_batch": 5_000, "candles": 1_000}
"""Those of products, and how often each is told, ms."""
NAMES = {"level2": "l2_data"}
"""What messages of a channel call it, where that is not what clients do."""
_LEVELS = 1_000
_HISTORY = 100
_CANDLE = minutes(5)


class Connection:
    """A connection, and how many messages it has had."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._numbers = itertools.count()
        self.subscriptions: dict[str, list[str]] = {}

    def tell(self, channel: str, events: list[Json], now_ns: int, *, stream: str = "") -> None:
        """Send a message of a channel; ``stream`` is what a script of faults knows it by."""
        head = {"channel": channel, "timestamp": to_text(now_ns), "sequence_num": next(self._numbers)}
        self.link.push(stream or channel, {**head, "events": events})

    def acknowledge(self, now_ns: int) -> None:
        """Tell all that is subscribed to."""
        self.tell("subscriptions", [{"subscriptions": self.subscriptions}], now_ns, stream="ack")

    def refuse(self, text: str) -> None:
        """Say that something went wrong, which has no number."""
        self.link.push("ack", {"type": "error", "message": text})


@dataclass(slots=True, kw_only=True)
class ChannelTopic(Topic[Connection]):
    """A channel of a product: the kind is the channel, the symbol the product."""

    told: tuple[Levels, Levels] = field(default_factory=lambda: ({}, {}))
    """The book as it was told."""
    trades: deque[PublicTrade] = field(default_factory=deque)
    """Trades that were not told yet."""


class Channels:
    """Who has subscribed to what, and what is told."""

    def __init__(self, desk: Desk, shapes: Shapes, candles: Candles, users: Listeners) -> None:
        self._desk = desk
        self._shapes = shapes
        self._candles = candles
        self._users = users
        self._topics: Topics[tuple[str, str], ChannelTopic] = Topics(
            (
                (channel, product),
                ChannelTopic(name=f"{channel}.{product}", kind=channel, symbol=product, every_ms=every),
            )
            for channel, every in CHANNELS.items()
            for product in desk.symbols
        )
        self._pulses: list[Connection] = []
        self._next_pulse_ms = 0
        self._pulse = 0
        desk.on_trades.append(self._on_trades)
        desk.on_update.append(self._on_update)

    # Subscriptions.

    def has(self, channel: str, products: list[str]) -> bool:
        """Return whether there is a channel of all these products."""
        return all((channel, product) in self._topics for product in products)

    def subscribe(self, connection: Connection, channel: str, products: list[str], now_ns: int) -> None:
        """Tell a connection of a channel from now on; what has a state begins with it."""
        names = connection.subscriptions.setdefault(channel, [])
        if channel == "heartbeats":
            self._pulses = [*(each for each in self._pulses if each is not connection), connection]
            connection.subscriptions[channel] = ["heartbeats"]
            return
        for product in products:
            if product in names:
                continue
            names.append(product)
            topic = self._topics[channel, product]
            self._tell(topic, now_ns)
            topic.subscribers[connection.link] = connection
            if (event := self._state(topic, "snapshot", now_ns)) is not None:
                connection.tell(NAMES.get(channel, channel), [event], now_ns, stream=topic.name)

    def unsubscribe(self, connection: Connection, channel: str, products: list[str]) -> None:
        """Tell it no more."""
        left = [name for name in connection.subscriptions.get(channel, []) if products and name not in products]
        for product in connection.subscriptions.pop(channel, []):
            if product not in left and (topic := self._topics.get((channel, product))) is not None:
                topic.subscribers.pop(connection.link, None)
        if left:
            connection.subscriptions[channel] = left
        if channel == "heartbeats":
            self._pulses = [each for each in self._pulses if each is not connection]

    def forget(self, link: Link) -> None:
        """Forget a connection that is gone."""
        self._pulses = [each for each in self._pulses if each.link is not link]
        self._topics.forget(link)

    # What is told.

    def publish(self, now_ns: int) -> None:
        """Send what is due."""
        self._beat(now_ns)
        for topic in self._topics.due(ms(now_ns)):
            self._tell(topic, now_ns)

    def _beat(self, now_ns: int) -> None:
        now_ms = ms(now_ns)
        if now_ms >= self._next_pulse_ms:
            self._next_pulse_ms = now_ms + 1_000
            self._pulse += 1
            event = {"current_time": f"{to_text(now_ns)[:-1].replace('T', ' ')} +0000 UTC m=+{self._pulse}.0",
                     "heartbeat_counter": self._pulse}  # fmt: skip
            for connection in self._pulses:
                connection.tell("heartbeats", [event], now_ns)

    def _tell(self, topic: ChannelTopic, now_ns: int) -> None:
        if not topic.subscribers:
            topic.trades.clear()
            return
        event = self._change(topic, now_ns)
        topic.trades.clear()
        if event is not None:
            self._send(topic, event, now_ns)

    def _send(self, topic: ChannelTopic, event: Json, now_ns: int) -> None:
        for connection in topic.subscribers.values():
            connection.tell(NAMES.get(topic.kind, topic.kind), [event], now_ns, stream=topic.name)

    def _change(self, topic: ChannelTopic, now_ns: int) -> Json | None:
        """Return what has happened since it was told, if anything has."""
        match topic.kind:
            case "level2":
                was, topic.told = topic.told, self._desk.levels(topic.symbol, _LEVELS)
                changes = [changed(before, now) for before, now in zip(was, topic.told, strict=True)]
                return self._book(topic, "update", changes, now_ns) if any(changes) else None
            case "market_trades":
                rows = [self._shapes.trade(topic.symbol, trade) for trade in reversed(topic.trades)]
                return {"type": "update", "trades": rows} if rows else None
            case "ticker" if not topic.trades:
                return None
        return self._state(topic, "update", now_ns)

    def _state(self, topic: ChannelTopic, kind: str, now_ns: int) -> Json | None:
        """Return a channel as it stands."""
        product = topic.symbol
        match topic.kind:
            case "level2":
                topic.told = self._desk.levels(product, _LEVELS)
                return self._book(topic, kind, [list(side.items()) for side in topic.told], now_ns)
            case "market_trades":
                last = list(self._desk.trades[product])[-_HISTORY:]
                return {"type": kind, "trades": [self._shapes.trade(product, trade) for trade in reversed(last)]}
            case "candles":
                candles = self._candles.of(product, _CANDLE)
                rows = [candle(self._shapes, product, each) | {"product_id": product} for each in candles[-2:]]
                return {"type": kind, "candles": rows} if rows else None
        return {"type": kind, "tickers": [self._ticker(product, now_ns, with_best=topic.kind == "ticker")]}

    def _book(self, topic: ChannelTopic, kind: str, sides: list[list[tuple[int, int]]], now_ns: int) -> Json:
        write = self._shapes.digits[topic.symbol].levels
        return self._told_book(topic.symbol, kind, [write(levels) for levels in sides], now_ns)

    @staticmethod
    def _told_book(product: str, kind: str, sides: list[list[list[str]]], now_ns: int) -> Json:
        at = to_text(now_ns)
        rows = [
            {"side": side, "event_time": at, "price_level": price, "new_quantity": qty}
            for side, levels in zip(("bid", "offer"), sides, strict=True)
            for price, qty in levels
        ]
        return {"type": kind, "product_id": product, "updates": rows}

    def _ticker(self, product: str, now_ns: int, *, with_best: bool) -> Json:
        of = self._shapes.product(product, now_ns)
        told = {
            "type": "ticker",
            "product_id": product,
            "price": of["price"],
            "volume_24_h": of["volume_24h"],
            "low_24_h": of["low_24h"],
            "high_24_h": of["high_24h"],
            "low_52_w": of["low_24h"],
            "high_52_w": of["high_24h"],
            "price_percent_chg_24_h": of["price_percentage_change_24h"],
        }
        if not with_best:
            return told
        bid, ask = self._shapes.best(product)
        sizes = {"best_bid_quantity": bid[1], "best_ask_quantity": ask[1]}
        return {**told, "best_bid": bid[0], "best_ask": ask[0], **sizes}

    def _on_trades(self, symbol: str, trades: list[PublicTrade]) -> None:
        for channel in ("market_trades", "ticker"):
            if (topic := self._topics.told((channel, symbol))) is not None:
                topic.trades.extend(trades)

    def _on_update(self, update: Update) -> None:
        order = update.order
        if order.order_id in self._desk.orders and self._users.listen(order.account):
            self._users.tell(order.account, {"at_ns": update.ts_ns, "orders": [self._shapes.told_order(order)]})

    def open_orders(self, account: int) -> list[Json]:
        """Return what the user channel begins with."""
        return [self._shapes.told_order(order) for order in self._desk.open_orders(account)]
