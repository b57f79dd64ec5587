"""Candles as Bybit has them."""

from __future__ import annotations

from tradecore.sandbox.bybit.markets import Market
from tradecore.sandbox.bybit.refusals import bad
from tradecore.sandbox.candles import DAY, MONTH, WEEK, Candle, Span, minutes
from tradecore.sandbox.numbers import money

__all__ = ["INTERVALS", "kline", "row", "span_of"]

_MINUTES = (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)
INTERVALS = {**{str(each): minutes(each) for each in _MINUTES}, "D": DAY, "W": WEEK, "M": MONTH}


def span_of(interval: str) -> Span:
    """Return how long the candles of an interval are.

    Raises
    ------
    Refused
        For an interval that there is not.
    """
    if interval not in INTERVALS:
        raise bad("interval")
    return INTERVALS[interval]


def _prices(market: Market, symbol: str, candle: Candle) -> dict[str, str]:
    price = market.shapes.digits[symbol].price
    turnover = market.shapes.turnover(candle.qty, candle.quote)
    told = {name: price(getattr(candle, name)) for name in ("open", "high", "low", "close")}
    return told | {"volume": market.shapes.digits[symbol].qty(candle.qty), "turnover": money(turnover)}


def row(market: Market, symbol: str, candle: Candle) -> list[str]:
    """Write a candle as a request has it."""
    return [str(candle.start_ms), *_prices(market, symbol, candle).values()]


def kline(market: Market, symbol: str, interval: str, candle: Candle, now_ms: int) -> dict[str, object]:
    """Write a candle as its topic has it."""
    end = INTERVALS[interval].end(candle.start_ms)
    head = {"start": candle.start_ms, "end": end, "interval": interval}
    return {**head, **_prices(market, symbol, candle), "confirm": now_ms > end, "timestamp": now_ms}
