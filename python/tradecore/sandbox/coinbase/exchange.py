"""The feed of Coinbase Exchange: levels without numbers, matches that a heartbeat counts, and single orders."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson

from tradecore.sandbox.candles import Candles
from tradecore.sandbox.coinbase.full import FullChannel, Match, written
from tradecore.sandbox.coinbase.refusals import bad
from tradecore.sandbox.coinbase.requests import Asked
from tradecore.sandbox.coinbase.shapes import Shapes
from tradecore.sandbox.coinbase.sockets import PATIENCE_S
from tradecore.sandbox.desk import Desk, PublicTrade
from tradecore.sandbox.door import Door
from tradecore.sandbox.link import Link
from tradecore.sandbox.numbers import Levels, changed, ms
from tradecore.sandbox.topics import Topic, Topics
from tradecore.venues.coinbase.private import to_text

__all__ = ["ExchangeFeed", "ExchangeSocket"]

Json = dict[str, Any]

_AT_ONCE = 1
"""What is told as it happens is so whenever the venue looks: the book before the trades that tell of it, and
what a heartbeat counts before it."""
_CHANNELS = {
    "level2": _AT_ONCE, "level2_batch": 50, "full": _AT_ONCE, "matches": _AT_ONCE, "ticker": _AT_ONCE,
    "ticker_batch": 5_000, "heartbeat": 1_000,
}  # fmt: skip
"""How often each is told, ms."""
_NO_ORDERS = "is there of a crowd alone: of another market nobody knows the orders"
_LEVELS = 1_000
_FIRST_NUMBER = 1_000_000


@dataclass(slots=True, kw_only=True)
class _Topic(Topic[None]):
    """A channel of a product: the kind is the channel, the symbol the product."""

    told: tuple[Levels, Levels] = field(default_factory=lambda: ({}, {}))
    """The book as it was told."""
    matches: deque[Match] = field(default_factory=deque)
    """What was not told yet."""
    of_orders: deque[Json] = field(default_factory=deque)
    """Likewise, of the channel of single orders."""


class ExchangeFeed:
    """Who has subscribed to what, and what is told."""

    def __init__(self, desk: Desk, shapes: Shapes, candles: Candles) -> None:
        self.products = desk.symbols
        self._desk = desk
        self._shapes = shapes
        self._candles = candles
        self._topics: Topics[tuple[str, str], _Topic] = Topics(
            (
                (channel, product),
                _Topic(name=f"exchange.{channel}.{product}", kind=channel, symbol=product, every_ms=every),
            )
            for channel, every in _CHANNELS.items()
            for product in desk.symbols
        )
        self._last: dict[str, Match] = {}
        self._numbers = dict.fromkeys(desk.symbols, _FIRST_NUMBER)
        self._full = FullChannel(desk, shapes, self._number, self._on_order) if desk.is_of_orders else None
        desk.on_trades.append(self._on_trades)

    def begin_again(self) -> None:
        """Lose all numbers, as a venue that was restarted."""
        self._numbers = dict.fromkeys(self._numbers, 0)

    def lacks(self, wanted: Iterable[tuple[str, str]]) -> str | None:
        """Return what there is none of: the first channel, else the first product."""
        for channel, product in wanted:
            if channel not in _CHANNELS:
                return f"{channel} is not a valid channel"
            if channel == "full" and self._full is None:
                return f"full {_NO_ORDERS}"
            if product not in self._desk.market_of:
                return f"{product} is not a valid product"
        return None

    def subscribe(self, link: Link, wanted: Iterable[tuple[str, str]], now_ns: int) -> None:
        """Tell a connection of channels of products from now on; what has a state begins with it."""
        for key in wanted:
            topic = self._topics[key]
            if link in topic.subscribers:
                continue
            self._tell(topic, now_ns)
            topic.subscribers[link] = None
            if (begins := self._begins(topic, now_ns)) is not None:
                link.push(topic.name, begins)

    def unsubscribe(self, link: Link, wanted: Iterable[tuple[str, str]]) -> None:
        """Tell it no more."""
        for key in wanted:
            if (topic := self._topics.get(key)) is not None:
                topic.subscribers.pop(link, None)

    def subscriptions(self, link: Link) -> list[Json]:
        """Return what a connection has subscribed to."""
        products: dict[str, list[str]] = {}
        for topic in self._topics.of(link):
            products.setdefault(topic.kind, []).append(topic.symbol)
        return [{"name": channel, "product_ids": names} for channel, names in products.items()]

    def forget(self, link: Link) -> None:
        """Forget a connection that is gone."""
        self._topics.forget(link)

    def book(self, asked: Asked) -> Json:
        """Return every order of a product.

        Raises
        ------
        Refused
            For a product there is not, orders that nobody knows, and a book of levels.
        """
        product = asked.product(self._desk.market_of)
        if asked.whole("level", 1, most=3) != 3:
            raise bad("level", "has to be 3 here: levels are told by the feed")
        if self._full is None:
            raise bad("level", _NO_ORDERS)
        bids, asks = self._full.book(product)
        sequence = self._numbers[product]
        return {"bids": bids, "asks": asks, "sequence": sequence, "auction_mode": False, "auction": None}

    def publish(self, now_ns: int) -> None:
        """Send what is due."""
        for topic in self._topics.due(ms(now_ns)):
            self._tell(topic, now_ns)

    def _tell(self, topic: _Topic, now_ns: int) -> None:
        matches = list(topic.matches)
        topic.matches.clear()
        for message in self._news(topic, matches, now_ns) if topic.subscribers else ():
            for link in topic.subscribers:
                link.push(topic.name, message)

    def _news(self, topic: _Topic, matches: list[Match], now_ns: int) -> list[Json]:
        """Return what has happened since it was told."""
        match topic.kind:
            case "level2" | "level2_batch":
                was, topic.told = topic.told, self._desk.levels(topic.symbol, _LEVELS)
                changes = self._changes(topic.symbol, was, topic.told)
                head = {"type": "l2update", "product_id": topic.symbol}
                return [{**head, "changes": changes, "time": to_text(now_ns)}] if changes else []
            case "matches":
                return [written("match", topic.symbol, each, self._shapes) for each in matches]
            case "ticker":
                return [self._ticker(topic.symbol, each) for each in matches]
            case "ticker_batch":
                return [self._ticker(topic.symbol, each) for each in matches[-1:]]
            case "full" if self._full is not None:
                self._full.settle(topic.symbol)
                of_orders, topic.of_orders = topic.of_orders, deque()
                return list(of_orders)
        return [self._heartbeat(topic.symbol, now_ns)]

    def _begins(self, topic: _Topic, now_ns: int) -> Json | None:
        """Return what a subscription begins with: the book, or the last match, which is history."""
        last = self._last.get(topic.symbol)
        match topic.kind:
            case "level2" | "level2_batch":
                topic.told = self._desk.levels(topic.symbol, _LEVELS)
                bids, asks = (self._shapes.digits[topic.symbol].levels(side.items()) for side in topic.told)
                return {"type": "snapshot", "product_id": topic.symbol, "asks": asks, "bids": bids}
            case "matches" if last is not None:
                return written("last_match", topic.symbol, last, self._shapes)
            case "ticker" | "ticker_batch" if last is not None:
                return self._ticker(topic.symbol, last)
        return None

    def _changes(self, product: str, was: tuple[Levels, Levels], now: tuple[Levels, Levels]) -> list[list[str]]:
        write = self._shapes.digits[product].level
        return [
            [side, *write(price, qty)]
            for side, before, after in zip(("buy", "sell"), was, now, strict=True)
            for price, qty in changed(before, after)
        ]

    def _ticker(self, product: str, of: Match) -> Json:
        digits, trade = self._shapes.digits[product], of.trade
        day = self._candles.last(product, ms(trade.ts_ns))
        volume = f"{day.qty if day else Decimal(0):.8f}"
        bid, ask = self._shapes.best(product)
        return {
            "type": "ticker",
            "sequence": of.number,
            "product_id": product,
            "price": digits.price(trade.price),
            "open_24h": digits.price(day.open if day else trade.price),
            "volume_24h": volume,
            "low_24h": digits.price(day.low if day else trade.price),
            "high_24h": digits.price(day.high if day else trade.price),
            "volume_30d": volume,
            "best_bid": bid[0],
            "best_bid_size": bid[1],
            "best_ask": ask[0],
            "best_ask_size": ask[1],
            # The taker's, other than that of a match.
            "side": "sell" if trade.is_buyer_maker else "buy",
            "time": to_text(trade.ts_ns),
            "trade_id": trade.trade_id,
            "last_size": digits.qty(trade.qty),
        }

    def _heartbeat(self, product: str, now_ns: int) -> Json:
        last = self._last.get(product)
        return {
            "type": "heartbeat",
            "last_trade_id": last.trade.trade_id if last else 0,
            "product_id": product,
            "sequence": self._numbers[product],
            "time": to_text(now_ns),
        }

    def _on_trades(self, symbol: str, trades: list[PublicTrade]) -> None:
        matches = [self._matched(symbol, trade) for trade in trades]
        self._last[symbol] = matches[-1]
        for channel in ("matches", "ticker", "ticker_batch"):
            if (topic := self._topics.told((channel, symbol))) is not None:
                topic.matches.extend(matches)

    def _matched(self, symbol: str, trade: PublicTrade) -> Match:
        if self._full is not None:
            return self._full.matched(symbol, trade)
        # Nobody knows the orders: they are made up.
        return Match(self._number(symbol), trade, 2 * trade.trade_id, 2 * trade.trade_id + 1)

    def _number(self, symbol: str) -> int:
        self._numbers[symbol] += 1
        return self._numbers[symbol]

    def _on_order(self, symbol: str, message: Json) -> None:
        if (topic := self._topics.told(("full", symbol))) is not None:
            topic.of_orders.append(message)


class ExchangeSocket:
    """One connection to the feed."""

    def __init__(self, door: Door, link: Link, feed: ExchangeFeed) -> None:
        self._door = door
        self._link = link
        self._feed = feed
        self._timer = door.clock.call_later(PATIENCE_S, link.cut)

    def take(self, text: str) -> None:
        """Take a request and answer it."""
        try:
            asked = orjson.loads(text)
            what = asked["type"]
            # A channel is left with all its products where none are named.
            wanted = _wanted(asked, self._feed.products if what == "unsubscribe" else ())
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
            return self._refuse("Malformed JSON", "")
        if what not in ("subscribe", "unsubscribe"):
            return self._refuse("Failed to read the request", f"{what} is not a valid type")
        problem = self._feed.lacks(wanted) if wanted else "no channels of products are given"
        if problem is not None:
            return self._refuse(f"Failed to {what}", problem)
        self._timer.cancel()
        if what == "subscribe":
            self._feed.subscribe(self._link, wanted, self._door.venue_ns)
        else:
            self._feed.unsubscribe(self._link, wanted)
        return self._link.push("ack", {"type": "subscriptions", "channels": self._feed.subscriptions(self._link)})

    def end(self) -> None:
        """Wait no more: the connection is gone."""
        self._timer.cancel()

    def _refuse(self, text: str, reason: str) -> None:
        self._link.push("ack", {"type": "error", "message": text, "reason": reason})


def _wanted(asked: Json, unnamed: Sequence[str]) -> list[tuple[str, str]]:
    """Return channels and products: a channel may have products of its own."""
    products = asked.get("product_ids") or unnamed
    wanted = []
    for each in asked["channels"]:
        name, of = (
            (str(each["name"]), each.get("product_ids") or products) if isinstance(each, dict) else (each, products)
        )
        wanted += [(str(name), str(product)) for product in of]
    return wanted
