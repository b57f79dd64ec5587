"""Public market data of a local Bybit: its topics, and books whose messages count up by one."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import partial
from typing import Any

from tradecore.sandbox.bybit import klines
from tradecore.sandbox.bybit.markets import Market, Markets
from tradecore.sandbox.bybit.tickers import told_ticker
from tradecore.sandbox.desk import PublicTrade
from tradecore.sandbox.link import Link
from tradecore.sandbox.numbers import Levels, changed, ms
from tradecore.sandbox.topics import Topic, Topics

__all__ = ["StreamTopic", "Streams"]

Json = dict[str, Any]

_BOOK_MS = {1: 10, 50: 20, 200: 100, 1000: 200}
_FIRST_ID = 1_000_000
_REPEAT_MS = 3_000
"""After so long without a change the best prices are told again."""
_CANDLE_MS = 1_000
_TICKER_MS = {False: 100, True: 50}


@dataclass(slots=True, kw_only=True)
class StreamTopic(Topic[None]):
    """A topic of a category; of its ``argument`` there are several of a kind."""

    market: Market
    argument: str
    last: int = _FIRST_ID
    """Number of the last message of a book."""
    told: Any = None
    """What was told: the levels of a book, the fields of a ticker, the start of a candle."""
    told_ms: int = 0


class Streams:
    """All topics, by category and name."""

    def __init__(self, markets: Markets) -> None:
        self._topics: Topics[tuple[str, str], StreamTopic] = Topics()
        self._sequence = itertools.count(1_000_000_001)
        for market in markets:
            market.desk.on_trades.append(partial(self._on_trades, market))

    def begin_again(self) -> None:
        """Lose all numbers, as a venue that was restarted: books begin at 1."""
        for topic in self._topics.values():
            topic.last = 0

    def topic(self, market: Market, name: str) -> StreamTopic | None:
        """Return a topic; None for one that there is not."""
        key = market.category, name
        if key not in self._topics:
            made = _made(market, name)
            if made is None:
                return None
            self._topics[key] = made
        return self._topics[key]

    def subscribe(self, topic: StreamTopic, link: Link, now_ns: int) -> None:
        """Send a topic to a connection from now on; what has a state begins with it."""
        if link in topic.subscribers:
            return
        self._send_due(topic, now_ns)
        topic.subscribers[link] = None
        if topic.kind == "orderbook":
            topic.last = max(topic.last, 1)
            link.push(topic.name, self._book(topic, "snapshot", topic.told or self._look(topic), ms(now_ns)))
        elif topic.kind == "tickers":
            topic.told = told_ticker(topic.market, topic.symbol, now_ns)
            link.push(topic.name, self._ticker(topic, "snapshot", topic.told, now_ns))

    def unsubscribe(self, market: Market, name: str, link: Link) -> None:
        """Send it no more."""
        if (topic := self._topics.get((market.category, name))) is not None:
            topic.subscribers.pop(link, None)

    def subscriptions(self, link: Link) -> list[str]:
        """Return what a connection has subscribed to."""
        return [topic.name for topic in self._topics.of(link)]

    def forget(self, link: Link) -> None:
        """Forget a connection that is gone."""
        self._topics.forget(link)

    def publish(self, now_ns: int) -> None:
        """Send what is due by the intervals of topics."""
        for topic in self._topics.due(ms(now_ns)):
            self._send_due(topic, now_ns)

    def _send_due(self, topic: StreamTopic, now_ns: int) -> None:
        """Send what has changed."""
        match topic.kind:
            case "orderbook":
                self._send_book(topic, ms(now_ns))
            case "tickers":
                self._send_ticker(topic, now_ns)
            case "kline":
                self._send_candles(topic, ms(now_ns))

    def _send(self, topic: StreamTopic, message: Json) -> None:
        for link in topic.subscribers:
            link.push(topic.name, message)

    # Books.

    @staticmethod
    def _look(topic: StreamTopic) -> tuple[Levels, Levels]:
        return topic.market.desk.levels(topic.symbol, int(topic.argument))

    def _send_book(self, topic: StreamTopic, now_ms: int) -> None:
        levels = self._look(topic)
        was: tuple[Levels, Levels] = topic.told or ({}, {})
        is_best = topic.argument == "1"
        if levels == was:
            if is_best and now_ms - topic.told_ms >= _REPEAT_MS:
                self._send(topic, self._book(topic, "snapshot", levels, now_ms))
            return
        topic.last += 1
        topic.told = levels
        if is_best:
            self._send(topic, self._book(topic, "snapshot", levels, now_ms))
        else:
            changes = [changed(before, now) for before, now in zip(was, levels, strict=True)]
            self._send(topic, self._book(topic, "delta", (dict(changes[0]), dict(changes[1])), now_ms))

    def _book(self, topic: StreamTopic, kind: str, sides: tuple[Levels, Levels], now_ms: int) -> Json:
        topic.told_ms = now_ms
        data = self._data(topic.market, topic.symbol, sides, topic.last)
        return {"topic": topic.name, "type": kind, "ts": now_ms, "data": data, "cts": now_ms}

    def _data(self, market: Market, symbol: str, sides: tuple[Levels, Levels], number: int) -> Json:
        write = market.shapes.digits[symbol].levels
        [bids, asks] = [write(side.items()) for side in sides]
        return {"s": symbol, "b": bids, "a": asks, "u": number, "seq": next(self._sequence)}

    def snapshot(self, market: Market, symbol: str, limit: int, now_ms: int) -> Json:
        """Return a book as a request gets it, with numbers of its own."""
        number = next(self._sequence)
        data = self._data(market, symbol, market.desk.levels(symbol, limit), number)
        return data | {"ts": now_ms, "cts": now_ms}

    # Tickers and candles.

    def _send_ticker(self, topic: StreamTopic, now_ns: int) -> None:
        now, was = told_ticker(topic.market, topic.symbol, now_ns), topic.told or {}
        fields = {name: value for name, value in now.items() if was.get(name) != value}
        if not fields:
            return
        topic.told = now
        if topic.market.is_spot:
            self._send(topic, self._ticker(topic, "snapshot", now, now_ns))
        else:
            self._send(topic, self._ticker(topic, "delta", {"symbol": topic.symbol, **fields}, now_ns))

    def _ticker(self, topic: StreamTopic, kind: str, fields: Json, now_ns: int) -> Json:
        head = {"topic": topic.name, "type": kind, "data": fields}
        return {**head, "cs": next(self._sequence), "ts": ms(now_ns)}

    def _send_candles(self, topic: StreamTopic, now_ms: int) -> None:
        """Send the candle that goes on, and before it the one that has ended since."""
        market, interval = topic.market, topic.argument
        for candle in market.candles.since(topic.symbol, klines.INTERVALS[interval], topic.told):
            topic.told = candle.start_ms
            row = klines.kline(market, topic.symbol, interval, candle, now_ms)
            self._send(topic, {"topic": topic.name, "data": [row], "ts": now_ms, "type": "snapshot"})

    # Trades.

    def _on_trades(self, market: Market, symbol: str, trades: list[PublicTrade]) -> None:
        topic = self._topics.told((market.category, f"publicTrade.{symbol}")) if symbol in market.traded else None
        if topic is None:
            return
        number = next(self._sequence)
        rows = [market.shapes.public_trade(symbol, trade, number) for trade in trades]
        message = {"topic": topic.name, "type": "snapshot", "ts": ms(trades[-1].ts_ns), "data": rows}
        self._send(topic, message)


def _made(market: Market, name: str) -> StreamTopic | None:
    kind, _, rest = name.partition(".")
    argument, _, symbol = rest.rpartition(".")
    if symbol not in market.traded:
        return None
    every: int | None = None
    match kind:
        case "orderbook" if argument.isdigit():
            every = _BOOK_MS.get(int(argument))
        case "kline" if argument in klines.INTERVALS:
            every = _CANDLE_MS
        case "tickers" if not argument:
            every = _TICKER_MS[market.is_spot]
        case "publicTrade" if not argument:
            every = 0
        case "allLiquidation" if not argument and not market.is_spot:
            every = 0
    if every is None:
        return None
    return StreamTopic(name=name, market=market, symbol=symbol, kind=kind, argument=argument, every_ms=every)
