"""What a local Binance answers to everybody: its time, its rules, its markets."""

from __future__ import annotations

from typing import Any

from tradecore.sandbox.binance.limits import Limits
from tradecore.sandbox.binance.public import Streams
from tradecore.sandbox.binance.refusals import BAD_INTERVAL
from tradecore.sandbox.binance.requests import Asked
from tradecore.sandbox.binance.tickers import INTERVALS
from tradecore.sandbox.desk import Desk
from tradecore.sandbox.numbers import ms
from tradecore.sandbox.refused import Refused

__all__ = ["Market"]

Json = dict[str, Any]


class Market:
    """Public requests on one market of the venue."""

    def __init__(self, desk: Desk, streams: Streams, limits: Limits) -> None:
        self._desk = desk
        self._streams = streams
        self._limits = limits
        self._shapes = streams.shapes
        self._is_spot = streams.is_spot
        self.depth_default = 100 if self._is_spot else 500
        """How many levels a book has whose ``limit`` is not given."""

    def time(self, asked: Asked) -> Json:
        """Return the venue's time."""
        return {"serverTime": ms(asked.now_ns)}

    def exchange_info(self, asked: Asked) -> Json:
        """Return limits and symbols."""
        head: Json = {"timezone": "UTC", "serverTime": ms(asked.now_ns)}
        rows = {"rateLimits": self._limits.rows(), "exchangeFilters": []}
        symbols = {"symbols": [self._shapes.symbol(symbol) for symbol in asked.symbols(self._desk.symbols)]}
        if self._is_spot:
            return {**head, **rows, **symbols}
        margins = sorted({instrument.settlement for instrument in self._desk.instruments.values()})
        assets = [{"asset": asset, "marginAvailable": True, "autoAssetExchange": "0"} for asset in margins]
        return {**head, "futuresType": "U_MARGINED", **rows, "assets": assets, **symbols}

    def depth(self, asked: Asked) -> Json:
        """Return the book."""
        symbol, limit = asked.symbol(self._desk.symbols), asked.whole("limit", self.depth_default)
        return self._streams.snapshot(symbol, limit, ms(asked.now_ns))

    def trades(self, asked: Asked) -> list[Json]:
        """Return the last trades of everybody."""
        symbol, limit = asked.symbol(self._desk.symbols), asked.whole("limit", 500)
        return [self._shapes.public_trade(symbol, trade) for trade in list(self._desk.trades[symbol])[-limit:]]

    def aggregates(self, asked: Asked) -> list[Json]:
        """Return the last trades of everybody, or the first ones from a number or a time on; aggregated."""
        symbol, limit = asked.symbol(self._desk.symbols), min(asked.whole("limit", 500), 1_000)
        first, since, until = asked.whole("fromId", 0), asked.whole("startTime", 0), asked.whole("endTime", 1 << 62)
        rows = self._streams.aggregates[symbol]
        wanted = [row for row in rows if row["a"] >= first and since <= row["T"] <= until]
        return wanted[:limit] if "fromId" in asked.params or "startTime" in asked.params else wanted[-limit:]

    def average(self, asked: Asked) -> Json:
        """Return the average price of the last minutes."""
        return self._streams.tickers.average(asked.symbol(self._desk.symbols), ms(asked.now_ns))

    def klines(self, asked: Asked) -> list[list[str | int]]:
        """Return candles of what was traded here: the first ones from a time on, else the last ones."""
        symbol, interval = asked.symbol(self._desk.symbols), str(asked.params.get("interval"))
        tickers = self._streams.tickers
        if not tickers.has(interval):
            raise Refused(*BAD_INTERVAL)
        limit, since, until = asked.whole("limit", 500), asked.whole("startTime", 0), asked.whole("endTime", 1 << 62)
        candles = tickers.candles.of(symbol, INTERVALS[interval])
        wanted = [each for each in candles if since <= each.start_ms <= until]
        cut = wanted[:limit] if "startTime" in asked.params else wanted[-limit:]
        return [tickers.kline_row(symbol, interval, candle) for candle in cut]

    def day(self, asked: Asked) -> Json | list[Json]:
        """Return what was traded in a day."""
        return asked.of_each(self._desk.symbols, lambda symbol: self._streams.tickers.day(symbol, ms(asked.now_ns)))

    def price(self, asked: Asked) -> Json | list[Json]:
        """Return last prices."""
        return asked.of_each(self._desk.symbols, lambda symbol: self._streams.tickers.price(symbol, asked.now_ns))

    def book_ticker(self, asked: Asked) -> Json | list[Json]:
        """Return best prices."""
        return asked.of_each(self._desk.symbols, lambda symbol: self._best(symbol, asked.now_ns))

    def _best(self, symbol: str, now_ns: int) -> Json:
        bid, ask = self._shapes.digits[symbol].best(self._desk.levels(symbol, 1))
        told = {"symbol": symbol, "bidPrice": bid[0], "bidQty": bid[1], "askPrice": ask[0], "askQty": ask[1]}
        return told if self._is_spot else {**told, "time": ms(now_ns)}

    def premium_index(self, asked: Asked) -> Json | list[Json]:
        """Return marks."""
        return asked.of_each(self._desk.symbols, lambda symbol: self._premium(symbol, asked.now_ns))

    def _premium(self, symbol: str, now_ns: int) -> Json:
        mark = self._streams.mark(symbol, ms(now_ns))
        return {
            "symbol": symbol,
            "markPrice": mark["p"],
            "indexPrice": mark["i"],
            "estimatedSettlePrice": mark["P"],
            "lastFundingRate": mark["r"],
            "interestRate": "0.00010000",
            "nextFundingTime": mark["T"],
            "time": mark["E"],
        }
