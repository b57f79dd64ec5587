"""Public market data of a local Binance: its streams, and books whose updates hang together by number."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tradecore.sandbox.binance.shapes import Shapes, SpotShapes
from tradecore.sandbox.binance.tickers import INTERVALS, Tickers
from tradecore.sandbox.candles import SECOND
from tradecore.sandbox.desk import Desk, PublicTrade
from tradecore.sandbox.link import Link
from tradecore.sandbox.numbers import Levels, ms
from tradecore.sandbox.topics import Topic, Topics

__all__ = ["Book", "Stream", "Streams"]

_LEVELS = 1_000
_STREAM = re.compile(
    rf"(?P<symbol>[a-z0-9_]+)@(?:kline_(?P<interval>{'|'.join(INTERVALS)})|"
    r"(?P<name>depth|depth(?:5|10|20)|trade|aggTrade|bookTicker|markPrice|avgPrice|ticker|miniTicker)(?:@(?P<speed>\d+m?s))?)"
)
_ALL = re.compile(r"!(?P<name>ticker|miniTicker)@arr")
_PUBLIC = ("depth", "depth5", "depth10", "depth20", "bookTicker")
_AT_ONCE = ("trade", "aggTrade", "bookTicker")
_EVERY_MS = {
    "depth": (1_000, 250), "markPrice": (3_000, 3_000), "kline": (2_000, 250), "ticker": (1_000, 2_000),
    "miniTicker": (1_000, 2_000), "avgPrice": (1_000, 0),
}  # fmt: skip
"""How often a kind of stream is told whose name does not say it, on spot and of futures."""
_FUNDING_MS = 8 * 3_600_000
_AGGREGATES = 1_000


@dataclass(slots=True, kw_only=True)
class Stream(Topic[bool]):
    """A stream; a subscriber may get it with its name around it."""

    interval: str = ""
    """Of candles."""
    told: dict[str, Any] = field(default_factory=dict)
    """What was told last of each symbol: a candle, or the last trade of its ticker."""
    last: int = 0
    """The number up to which its updates have told the book; 0 where they begin with the next one."""
    changed: tuple[set[int], set[int]] = field(default_factory=lambda: (set(), set()))
    """Prices of levels that have changed since then, for bids and asks, also where they are as they were again."""


class Book:
    """The public book of a symbol. Every change has a number; whoever looks first numbers it."""

    def __init__(self, desk: Desk, symbol: str, first_id: int) -> None:
        self._desk = desk
        self._symbol = symbol
        self.update_id = first_id
        self._levels: tuple[Levels, Levels] = ({}, {})
        self._touch: tuple[Levels, Levels] = ({}, {})

        self.on_change: list[Callable[[list[set[int]]], None]] = []
        """Are told the prices of the levels that have changed, for bids and asks."""

    def look(self) -> tuple[Levels, Levels]:
        """Return bids and asks as they are now, quantity by price in increments, best first."""
        levels = self._desk.levels(self._symbol, _LEVELS)
        if levels != self._levels:
            changes = [now.items() ^ was.items() for now, was in zip(levels, self._levels, strict=True)]
            self.update_id += max(1, sum(map(len, changes)))
            self._levels = levels
            for listener in self.on_change:
                listener([{price for price, _ in change} for change in changes])
        return levels

    def touch(self) -> tuple[Levels, Levels] | None:
        """Return the best bid and ask where they have changed since the last call."""
        now = self._desk.levels(self._symbol, 1)
        if now == self._touch:
            return None
        self._touch = now
        self.update_id += 1
        return now


class Streams:
    """The streams of one market of the venue, and who has subscribed to them."""

    def __init__(self, desk: Desk, shapes: Shapes, *, first_id: int = 1_000_000_000) -> None:
        self.desk = desk
        self.shapes = shapes
        self.is_spot = isinstance(shapes, SpotShapes)
        self.books = self._new_books(first_id)
        self.tickers = Tickers(desk, shapes)
        self.aggregates = {symbol: deque[dict[str, Any]](maxlen=_AGGREGATES) for symbol in desk.symbols}
        """The last trades of each symbol, those of one price and aggressor that came at once as one."""
        self._streams: Topics[str, Stream] = Topics()
        desk.on_trades.append(self._on_trades)

    def _new_books(self, first_id: int) -> dict[str, Book]:
        books = {symbol: Book(self.desk, symbol, first_id) for symbol in self.desk.symbols}
        for symbol, book in books.items():
            book.on_change.append(partial(self._on_change, symbol))
        return books

    def _on_change(self, symbol: str, changes: list[set[int]]) -> None:
        """Have every stream of updates tell levels that have changed, whoever saw it first."""
        for stream in self._streams.values():
            if stream.subscribers and (stream.symbol, stream.kind) == (symbol, "depth"):
                for prices, change in zip(stream.changed, changes, strict=True):
                    prices.update(change)

    def begin_again(self, first_id: int) -> None:
        """Lose all numbers, as a venue that was restarted."""
        self.books = self._new_books(first_id)
        for stream in self._streams.values():
            stream.last = 0

    def _made(self, name: str, route: str) -> Stream | None:
        """Return a stream that there is and that a connection of a route gets: futures have theirs in two places."""
        if (everybody := _ALL.fullmatch(name)) is not None:
            kind, symbol, interval, speed = f"!{everybody['name']}", "", None, None
        elif (match := _STREAM.fullmatch(name)) is not None and match["symbol"].upper() in self.books:
            kind, symbol = match["name"] or "kline", match["symbol"].upper()
            interval, speed = match["interval"], match["speed"]
        else:
            return None
        if (kind == "avgPrice" and not self.is_spot) or (interval is not None and not self.tickers.has(interval)):
            return None
        if (kind == "markPrice") if self.is_spot else ((kind in _PUBLIC) != (route == "public")):
            return None
        every = 0
        if speed is not None:
            every = int(speed[:-2]) if speed.endswith("ms") else 1_000 * int(speed[:-1])
        elif kind not in _AT_ONCE:
            every = _EVERY_MS["depth" if kind.startswith("depth") else kind.lstrip("!")][not self.is_spot]
            if interval == "1s":
                every = SECOND.length_ms
        return Stream(name=name, symbol=symbol, kind=kind, every_ms=every, interval=interval or "")

    def subscribe(self, name: str, link: Link, route: str, *, is_combined: bool) -> None:
        """Send a stream to a connection from now on. What is not there, or not on its route, is never sent."""
        made = self._made(name, route)
        if made is not None:
            stream = self._streams.setdefault(name, made)
            if not stream.subscribers:
                stream.last = 0
            stream.subscribers.setdefault(link, is_combined)

    def unsubscribe(self, name: str, link: Link) -> None:
        """Send it no more."""
        if (stream := self._streams.get(name)) is not None:
            stream.subscribers.pop(link, None)

    def subscriptions(self, link: Link) -> list[str]:
        """Return what a connection has subscribed to."""
        return [stream.name for stream in self._streams.of(link)]

    def forget(self, link: Link) -> None:
        """Forget a connection that is gone."""
        self._streams.forget(link)

    def _send(self, stream: Stream, payload: Any) -> None:
        for link, is_combined in stream.subscribers.items():
            link.push(stream.name, {"stream": stream.name, "data": payload} if is_combined else payload)

    def publish(self, now_ns: int) -> None:
        """Send what is due: best prices that have changed, all else by its interval."""
        now_ms = ms(now_ns)
        for symbol in self.books:
            self._best(symbol, now_ms)
        for stream in self._streams.due(now_ms):
            match stream.kind:
                case "markPrice":
                    self._send(stream, self.mark(stream.symbol, now_ms))
                case "depth":
                    self._depth(stream, now_ms)
                case "kline":
                    self._klines(stream, now_ms)
                case "ticker":
                    self._send(stream, self.tickers.ticker(stream.symbol, now_ms))
                case "miniTicker":
                    self._send(stream, self.tickers.mini(stream.symbol, now_ms))
                case "avgPrice":
                    self._send(stream, self.tickers.average_message(stream.symbol, now_ms))
                case "!ticker" | "!miniTicker":
                    self._all(stream, now_ms)
                case _:
                    self._send(stream, self._partial(stream.symbol, int(stream.kind.removeprefix("depth")), now_ms))

    def _klines(self, stream: Stream, now_ms: int) -> None:
        """Send the candle that goes on and the one that has ended since, where they have changed."""
        begun, was = stream.told.get(stream.symbol, (None, None))
        for candle in self.tickers.candles.since(stream.symbol, INTERVALS[stream.interval], begun):
            told = self.tickers.kline(stream.symbol, stream.interval, candle, now_ms)
            if told["k"] != was:
                self._send(stream, told)
            stream.told[stream.symbol] = candle.start_ms, told["k"]

    def _all(self, stream: Stream, now_ms: int) -> None:
        """Send the tickers of all symbols that were traded since."""
        write = self.tickers.ticker if stream.kind == "!ticker" else self.tickers.mini
        last = {symbol: trades[-1].trade_id for symbol, trades in self.desk.trades.items() if trades}
        rows = [write(symbol, now_ms) for symbol, number in last.items() if stream.told.get(symbol) != number]
        stream.told = dict(last)
        if rows:
            self._send(stream, rows)

    def _best(self, symbol: str, now_ms: int) -> None:
        book = self.books[symbol]
        touch = book.touch()
        stream = self._streams.told(f"{symbol.lower()}@bookTicker")
        if touch is None or stream is None:
            return
        bid, ask = self.shapes.digits[symbol].best(touch)
        told = {"u": book.update_id, "s": symbol, "b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1]}
        if not self.is_spot:
            told = {"e": "bookTicker", **told, "T": now_ms, "E": now_ms}
        self._send(stream, told)

    def _depth(self, stream: Stream, now_ms: int) -> None:
        symbol, book = stream.symbol, self.books[stream.symbol]
        levels = book.look()
        if stream.last == 0:
            # It begins here: what was before is in the snapshot.
            stream.changed, stream.last = (set(), set()), book.update_id
            return
        if book.update_id == stream.last:
            return
        changes = [
            [(price, now.get(price, 0)) for price in sorted(changed)]
            for changed, now in zip(stream.changed, levels, strict=True)
        ]
        told: dict[str, Any] = {"e": "depthUpdate", "E": now_ms}
        if not self.is_spot:
            told["T"] = now_ms
        told |= {"s": symbol, "U": stream.last + 1, "u": book.update_id}
        if not self.is_spot:
            told["pu"] = stream.last
        digits = self.shapes.digits[symbol]
        told |= {side: digits.levels(change) for side, change in zip("ba", changes, strict=True)}
        stream.changed, stream.last = (set(), set()), book.update_id
        self._send(stream, told)

    def _partial(self, symbol: str, limit: int, now_ms: int) -> dict[str, Any]:
        snapshot = self.snapshot(symbol, limit, now_ms)
        if self.is_spot:
            return snapshot
        head = {"e": "depthUpdate", "E": now_ms, "T": now_ms, "s": symbol}
        numbers = {"U": snapshot["lastUpdateId"], "u": snapshot["lastUpdateId"], "pu": snapshot["lastUpdateId"] - 1}
        return {**head, **numbers, "b": snapshot["bids"], "a": snapshot["asks"]}

    def snapshot(self, symbol: str, limit: int, now_ms: int) -> dict[str, Any]:
        """Return the book as a request gets it."""
        book = self.books[symbol]
        levels = book.look()
        told: dict[str, Any] = {"lastUpdateId": book.update_id}
        if not self.is_spot:
            told |= {"E": now_ms, "T": now_ms}
        digits = self.shapes.digits[symbol]
        [bids, asks] = [digits.levels(list(side.items())[:limit]) for side in levels]
        return {**told, "bids": bids, "asks": asks}

    def mark(self, symbol: str, now_ms: int) -> dict[str, Any]:
        """Return a ``markPriceUpdate``."""
        price = self.desk.mark_price(symbol)
        return {
            "e": "markPriceUpdate",
            "E": now_ms,
            "s": symbol,
            "p": f"{price:.8f}",
            "ap": f"{price:.8f}",
            "P": f"{price:.8f}",
            "i": f"{price:.8f}",
            "r": "0.00000000",
            "T": now_ms - now_ms % _FUNDING_MS + _FUNDING_MS,
        }

    def _on_trades(self, symbol: str, trades: list[PublicTrade]) -> None:
        if (stream := self._streams.told(f"{symbol.lower()}@trade")) is not None:
            for trade in trades:
                self._send(stream, self._trade(symbol, trade))
        rows = [self.shapes.aggregated(symbol, group) for group in _groups(trades)]
        self.aggregates[symbol].extend(rows)
        if (stream := self._streams.told(f"{symbol.lower()}@aggTrade")) is not None:
            for row in rows:
                told = {"e": "aggTrade", "E": row["T"], "s": symbol, **row}
                self._send(stream, told if self.is_spot else {**told, "nq": told["q"]})

    def _trade(self, symbol: str, trade: PublicTrade) -> dict[str, Any]:
        digits, at = self.shapes.digits[symbol], ms(trade.ts_ns)
        told: dict[str, Any] = {
            "e": "trade",
            "E": at,
            "T": at,
            "s": symbol,
            "t": trade.trade_id,
            "p": digits.price(trade.price),
            "q": digits.qty(trade.qty),
            "m": trade.is_buyer_maker,
        }
        return {**told, "M": True} if self.is_spot else {**told, "X": "MARKET"}


def _groups(trades: Iterable[PublicTrade]) -> list[list[PublicTrade]]:
    groups: list[list[PublicTrade]] = []
    for trade in trades:
        if groups and (groups[-1][0].price, groups[-1][0].is_buyer_maker) == (trade.price, trade.is_buyer_maker):
            groups[-1].append(trade)
        else:
            groups.append([trade])
    return groups
