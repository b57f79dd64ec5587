"""Candles of the trades that a local venue has seen: by the minute, for a day."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from tradecore.sandbox.desk import Desk, PublicTrade
from tradecore.sandbox.numbers import ms

__all__ = ["Candle", "Candles"]

_MINUTE_MS = 60_000
_MINUTES = 24 * 60


@dataclass(slots=True)
class Candle:
    """Trades of a span of time; ``quote`` is what they came to."""

    start_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    qty: Decimal
    quote: Decimal


class Candles:
    """The candles of all symbols of a desk."""

    def __init__(self, desk: Desk) -> None:
        self._minutes: dict[str, deque[Candle]] = {symbol: deque(maxlen=_MINUTES) for symbol in desk.symbols}
        desk.on_trades.append(self._on_trades)

    def _on_trades(self, symbol: str, trades: list[PublicTrade]) -> None:
        minutes = self._minutes[symbol]
        for trade in trades:
            start = ms(trade.ts_ns) // _MINUTE_MS * _MINUTE_MS
            price, quote = trade.price, trade.price * trade.qty
            one = Candle(start, price, price, price, price, trade.qty, quote)
            if minutes and minutes[-1].start_ms == start:
                minutes[-1] = _joined((minutes[-1], one))
            else:
                minutes.append(one)

    def of(self, symbol: str, start_of: Callable[[int], int]) -> list[Candle]:
        """Return candles, oldest first; ``start_of`` says where the one begins that holds a time, ms."""
        found: list[Candle] = []
        for minute in self._minutes[symbol]:
            start = start_of(minute.start_ms)
            if found and found[-1].start_ms == start:
                found[-1] = _joined((found[-1], minute))
            else:
                found.append(replace(minute, start_ms=start))
        return found

    def last(self, symbol: str, now_ms: int, minutes: int = _MINUTES) -> Candle | None:
        """Return the last minutes as one candle; None where nothing was traded."""
        since = now_ms - minutes * _MINUTE_MS
        recent = [minute for minute in self._minutes[symbol] if minute.start_ms > since]
        return _joined(recent) if recent else None


def _joined(candles: Iterable[Candle]) -> Candle:
    each = tuple(candles)
    return Candle(
        each[0].start_ms,
        each[0].open,
        max(candle.high for candle in each),
        min(candle.low for candle in each),
        each[-1].close,
        sum((candle.qty for candle in each), Decimal(0)),
        sum((candle.quote for candle in each), Decimal(0)),
    )
