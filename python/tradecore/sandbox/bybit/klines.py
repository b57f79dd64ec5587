"""Candles as Bybit has them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from tradecore.sandbox.bybit.markets import Market
from tradecore.sandbox.bybit.refusals import bad
from tradecore.sandbox.candles import Candle
from tradecore.sandbox.numbers import money

__all__ = ["INTERVALS", "kline", "row", "start_of"]

_MINUTE_MS = 60_000
_DAY_MS = 24 * 60 * _MINUTE_MS
_MONDAY_MS = 4 * _DAY_MS
"""The first Monday of the epoch."""

_MINUTES = ("1", "3", "5", "15", "30", "60", "120", "240", "360", "720")
INTERVALS = (*_MINUTES, "D", "W", "M")


def start_of(interval: str) -> Callable[[int], int]:
    """Return where the candle of an interval begins that holds a time, ms.

    Raises
    ------
    Refused
        For an interval that there is not.
    """
    if interval not in INTERVALS:
        raise bad("interval")
    if interval == "M":
        return lambda at: _month(at, 0)
    if interval == "W":
        return lambda at: at - (at - _MONDAY_MS) % (7 * _DAY_MS)
    length = _DAY_MS if interval == "D" else int(interval) * _MINUTE_MS
    return lambda at: at - at % length


def _end_of(interval: str, start_ms: int) -> int:
    """Return the last ms of a candle."""
    if interval == "M":
        return _month(start_ms, 1) - 1
    days = {"D": _DAY_MS, "W": 7 * _DAY_MS}
    return start_ms + (days.get(interval) or int(interval) * _MINUTE_MS) - 1


def _month(at_ms: int, further: int) -> int:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    years, month = divmod(at.month - 1 + further, 12)
    return int(datetime(at.year + years, month + 1, 1, tzinfo=UTC).timestamp() * 1000)


def _prices(market: Market, symbol: str, candle: Candle) -> dict[str, str]:
    price = market.shapes.digits[symbol].price
    told = {name: price(getattr(candle, name)) for name in ("open", "high", "low", "close")}
    return told | {"volume": market.shapes.digits[symbol].qty(candle.qty), "turnover": money(candle.quote)}


def row(market: Market, symbol: str, candle: Candle) -> list[str]:
    """Write a candle as a request has it."""
    return [str(candle.start_ms), *_prices(market, symbol, candle).values()]


def kline(market: Market, symbol: str, interval: str, candle: Candle, now_ms: int) -> dict[str, object]:
    """Write a candle as its topic has it."""
    end = _end_of(interval, candle.start_ms)
    head = {"start": candle.start_ms, "end": end, "interval": interval}
    return {**head, **_prices(market, symbol, candle), "confirm": now_ms > end, "timestamp": now_ms}
