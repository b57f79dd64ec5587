"""What a local Bybit answers to everybody: its time, its rules, its markets."""

from __future__ import annotations

from typing import Any

from tradecore.sandbox.bybit import klines
from tradecore.sandbox.bybit.markets import Markets
from tradecore.sandbox.bybit.public import Streams
from tradecore.sandbox.bybit.requests import Asked
from tradecore.sandbox.bybit.tickers import ticker
from tradecore.sandbox.numbers import ms

__all__ = ["PublicRequests"]

Json = dict[str, Any]


class PublicRequests:
    """Public requests."""

    def __init__(self, markets: Markets, streams: Streams) -> None:
        self._markets = markets
        self._streams = streams

    def time(self, asked: Asked) -> Json:
        """Return the venue's time."""
        return {"timeSecond": str(asked.now_ns // 10**9), "timeNano": str(asked.now_ns)}

    def instruments(self, asked: Asked) -> Json:
        """Return what is traded."""
        market = self._markets.listed(asked)
        rows = [] if market is None else [market.shapes.instrument(symbol) for symbol in market.symbols(asked)]
        page, cursor = asked.page(rows, lambda row: row["symbol"], limit=500, most=1000)
        return {"category": asked.params["category"], "list": page, "nextPageCursor": cursor}

    def orderbook(self, asked: Asked) -> Json:
        """Return a book."""
        market = self._markets.of(asked)
        limit = asked.whole("limit", 1 if market.is_spot else 25, most=1000)
        return self._streams.snapshot(market, market.symbol(asked), limit, ms(asked.now_ns))

    def tickers(self, asked: Asked) -> Json:
        """Return best prices and what was traded in a day."""
        market = self._markets.listed(asked)
        rows = [] if market is None else [ticker(market, symbol, asked.now_ns) for symbol in market.symbols(asked)]
        return {"category": asked.params["category"], "list": rows}

    def trades(self, asked: Asked) -> Json:
        """Return the last trades of everybody, newest first."""
        market = self._markets.of(asked)
        symbol, limit = market.symbol(asked), asked.whole("limit", 60 if market.is_spot else 500, most=1000)
        last = list(market.desk.trades[symbol])[-limit:]
        rows = [market.shapes.recent_trade(symbol, trade) for trade in reversed(last)]
        return {"category": market.category, "list": rows}

    def klines(self, asked: Asked) -> Json:
        """Return candles of what was traded here, newest first."""
        market = self._markets.of(asked)
        symbol, limit = market.symbol(asked), asked.whole("limit", 200, most=1000)
        since, until = asked.whole("start", 0), asked.whole("end", 1 << 62)
        candles = market.candles.of(symbol, klines.span_of(asked.text("interval")))
        rows = [klines.row(market, symbol, each) for each in candles if since <= each.start_ms <= until]
        return {"category": market.category, "symbol": symbol, "list": rows[: -limit - 1 : -1]}
