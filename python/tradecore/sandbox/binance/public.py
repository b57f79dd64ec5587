"""Public market data of a local Binance: its streams, and books whose updates hang together by number."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tradecore.sandbox.binance.shapes import Shapes, SpotShapes, ms
from tradecore.sandbox.desk import Desk, PublicTrade
from tradecore.sandbox.link import Link

__all__ = ["Book", "Streams"]

_LEVELS = 1_000
_STREAM = re.compile(
    r"(?P<symbol>[a-z0-9_]+)@(?P<name>depth|depth(?:5|10|20)|trade|aggTrade|bookTicker|markPrice)(?:@(?P<speed>\d+m?s))?"
)
_PUBLIC = ("depth", "depth5", "depth10", "depth20", "bookTicker")
_FUNDING_MS = 8 * 3_600_000

Levels = dict[int, int]


@dataclass(slots=True)
class _Chain:
    """The updates of one stream: what it has told, and up to which number."""

    told: tuple[Levels, Levels] = field(default_factory=lambda: ({}, {}))
    last: int = 0


class Book:
    """The public book of a symbol. Every change has a number; whoever looks first numbers it."""

    def __init__(self, desk: Desk, symbol: str, first_id: int) -> None:
        self._desk = desk
        self._market = desk.market_of[symbol]
        self.update_id = first_id
        self._levels: tuple[Levels, Levels] = ({}, {})
        self._touch: tuple[Any, ...] = ()

    def look(self) -> tuple[Levels, Levels]:
        """Return bids and asks as they are now, quantity by price in increments, best first."""
        bids, asks = self._desk.exchange.depth(self._market, _LEVELS)
        levels = (dict(bids), dict(asks))
        if levels != self._levels:
            self.update_id += max(
                1, sum(len(now.items() ^ was.items()) for now, was in zip(levels, self._levels, strict=True))
            )
            self._levels = levels
        return levels

    def touch(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]] | None:
        """Return the best bid and ask where they have changed since the last call."""
        bids, asks = self._desk.exchange.depth(self._market, 1)
        now = (tuple(bids), tuple(asks))
        if now == self._touch:
            return None
        self._touch = now
        self.update_id += 1
        return bids, asks


class Streams:
    """The streams of one market of the venue, and who has subscribed to them."""

    def __init__(self, desk: Desk, shapes: Shapes, *, first_id: int = 1_000_000_000) -> None:
        self.desk = desk
        self.shapes = shapes
        self.is_spot = isinstance(shapes, SpotShapes)
        self.books = {symbol: Book(desk, symbol, first_id) for symbol in desk.symbols}
        self.default_ms = 1_000 if self.is_spot else 250
        self._links: dict[str, list[tuple[Link, bool]]] = {}
        self._chains: dict[str, _Chain] = {}
        self._next: dict[str, int] = {}
        desk.on_trades.append(self._on_trades)

    def begin_again(self, first_id: int) -> None:
        """Lose all numbers, as a venue that was restarted."""
        self.books = {symbol: Book(self.desk, symbol, first_id) for symbol in self.desk.symbols}
        self._chains.clear()

    def parse(self, stream: str) -> tuple[str, str, int] | None:
        """Return symbol, name and interval in ms of a stream that there is."""
        match = _STREAM.fullmatch(stream)
        if match is None or match["symbol"].upper() not in self.books:
            return None
        name, speed = match["name"], match["speed"]
        every = self.default_ms if name.startswith("depth") else 3_000
        if speed is not None:
            every = int(speed[:-2]) if speed.endswith("ms") else 1_000 * int(speed[:-1])
        return match["symbol"].upper(), name, every

    def is_carried(self, stream: str, route: str) -> bool:
        """Return whether a connection of a route ever gets a stream: futures have theirs in two places."""
        parsed = self.parse(stream)
        if parsed is None or (parsed[1] == "markPrice" and self.is_spot):
            return False
        return self.is_spot or (parsed[1] in _PUBLIC) == (route == "public")

    def subscribe(self, stream: str, link: Link, *, is_combined: bool) -> None:
        """Send a stream to a connection from now on."""
        links = self._links.setdefault(stream, [])
        if all(other is not link for other, _ in links):
            links.append((link, is_combined))

    def unsubscribe(self, stream: str, link: Link) -> None:
        """Send it no more."""
        links = [(other, how) for other, how in self._links.get(stream, []) if other is not link]
        if links:
            self._links[stream] = links
        else:
            self._links.pop(stream, None)
            self._chains.pop(stream, None)
            self._next.pop(stream, None)

    def subscriptions(self, link: Link) -> list[str]:
        """Return what a connection has subscribed to."""
        return [stream for stream, links in self._links.items() if any(other is link for other, _ in links)]

    def forget(self, link: Link) -> None:
        """Forget a connection that is gone."""
        for stream in self.subscriptions(link):
            self.unsubscribe(stream, link)

    def _send(self, stream: str, payload: dict[str, Any]) -> None:
        for link, is_combined in self._links.get(stream, ()):
            link.push(stream, {"stream": stream, "data": payload} if is_combined else payload)

    def publish(self, now_ns: int) -> None:
        """Send what is due: best prices that have changed, books and marks by their intervals."""
        now_ms = ms(now_ns)
        for symbol in self.books:
            self._best(symbol, now_ms)
        for stream in tuple(self._links):
            parsed = self.parse(stream)
            if parsed is None or now_ms < self._next.get(stream, 0) or parsed[1] in ("trade", "aggTrade", "bookTicker"):
                continue
            symbol, name, every = parsed
            self._next[stream] = now_ms - now_ms % every + every
            if name == "markPrice":
                self._send(stream, self.mark(symbol, now_ms))
            elif name == "depth":
                self._depth(stream, symbol, now_ms)
            else:
                self._send(stream, self._partial(symbol, int(name.removeprefix("depth")), now_ms))

    def _best(self, symbol: str, now_ms: int) -> None:
        book = self.books[symbol]
        touch = book.touch()
        stream = f"{symbol.lower()}@bookTicker"
        if touch is None or stream not in self._links:
            return
        zero = self.shapes.digits[symbol].level(0, 0)
        [bid, ask] = [self.shapes.digits[symbol].level(*side[0]) if side else zero for side in touch]
        told = {"u": book.update_id, "s": symbol, "b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1]}
        if not self.is_spot:
            told = {"e": "bookTicker", **told, "T": now_ms, "E": now_ms}
        self._send(stream, told)

    def _depth(self, stream: str, symbol: str, now_ms: int) -> None:
        book, chain = self.books[symbol], self._chains.setdefault(stream, _Chain())
        levels = book.look()
        if chain.last == 0:
            # It begins here: what was before is in the snapshot.
            chain.told, chain.last = levels, book.update_id
            return
        if book.update_id == chain.last:
            return
        changes = [_changed(was, now) for was, now in zip(chain.told, levels, strict=True)]
        told: dict[str, Any] = {"e": "depthUpdate", "E": now_ms}
        if not self.is_spot:
            told["T"] = now_ms
        told |= {"s": symbol, "U": chain.last + 1, "u": book.update_id}
        if not self.is_spot:
            told["pu"] = chain.last
        told |= {side: self.shapes.levels(symbol, change) for side, change in zip("ba", changes, strict=True)}
        chain.told, chain.last = levels, book.update_id
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
        [bids, asks] = [self.shapes.levels(symbol, list(side.items())[:limit]) for side in levels]
        return {**told, "bids": bids, "asks": asks}

    def mark(self, symbol: str, now_ms: int) -> dict[str, Any]:
        """Return a ``markPriceUpdate``."""
        price = self.desk.exchange.mark_price(self.desk.market_of[symbol]) or 0.0
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
        stream = f"{symbol.lower()}@trade"
        if stream in self._links:
            for trade in trades:
                self._send(stream, self._trade(symbol, trade))
        stream = f"{symbol.lower()}@aggTrade"
        if stream in self._links:
            for group in _groups(trades):
                told = {"e": "aggTrade", "E": ms(group[-1].ts_ns), "s": symbol, **self.shapes.aggregated(symbol, group)}
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


def _changed(was: Levels, now: Levels) -> list[tuple[int, int]]:
    """Return the levels that have changed, with a quantity of 0 those that are gone."""
    set_to = [(price, qty) for price, qty in now.items() if was.get(price) != qty]
    return set_to + [(price, 0) for price in was if price not in now]


def _groups(trades: Iterable[PublicTrade]) -> list[list[PublicTrade]]:
    groups: list[list[PublicTrade]] = []
    for trade in trades:
        if groups and (groups[-1][0].price, groups[-1][0].is_buyer_maker) == (trade.price, trade.is_buyer_maker):
            groups[-1].append(trade)
        else:
            groups.append([trade])
    return groups
