"""Candles of the trades that a local venue has seen: by the minute, for a day, and perhaps by the second."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from tradecore.sandbox.desk import Desk, PublicTrade
from tradecore.sandbox.numbers import ms

__all__ = ["DAY", "MONTH", "SECOND", "WEEK", "Candle", "Candles", "Span", "minutes"]

_MINUTE_MS = 60_000
_MINUTES = 24 * 60
_DAY_MS = _MINUTES * _MINUTE_MS
_SECONDS = 1_000
"""So many candles of a second are kept: as many as may be asked for at once."""


@dataclass(frozen=True, slots=True)
class Span:
    """How long candles are, and from when on these are counted; 0 ms are a month of the calendar."""

    length_ms: int
    since_ms: int = 0

    def start(self, at_ms: int) -> int:
        """Return where the candle begins that holds a time, ms."""
        if not self.length_ms:
            return _month(at_ms, 0)
        return at_ms - (at_ms - self.since_ms) % self.length_ms

    def end(self, start_ms: int) -> int:
        """Return the last ms of the candle that begins at a time."""
        return (start_ms + self.length_ms if self.length_ms else _month(start_ms, 1)) - 1


def minutes(count: int) -> Span:
    """Return a span of so many minutes."""
    return Span(count * _MINUTE_MS)


SECOND, DAY, MONTH = Span(1_000), Span(_DAY_MS), Span(0)
WEEK = Span(7 * _DAY_MS, 4 * _DAY_MS)
"""From Monday on, of which the first of the epoch was its fifth day."""


def _month(at_ms: int, further: int) -> int:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    years, month = divmod(at.month - 1 + further, 12)
    return int(datetime(at.year + years, month + 1, 1, tzinfo=UTC).timestamp() * 1000)


@dataclass(slots=True, kw_only=True)
class Candle:
    """Trades of a span of time.

    ``quote`` is what they came to, ``bought`` and ``bought_quote`` what of it takers bought, ``first_id`` and
    ``last_id`` the venue's numbers of the first and the last of so many ``trades``.
    """

    start_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    qty: Decimal
    quote: Decimal
    bought: Decimal
    bought_quote: Decimal
    first_id: int
    last_id: int
    trades: int = 1

    @classmethod
    def of_trade(cls, trade: PublicTrade, start_ms: int) -> Candle:
        """Return the candle of one trade."""
        price, quote = trade.price, trade.price * trade.qty
        bought = (Decimal(0), Decimal(0)) if trade.is_buyer_maker else (trade.qty, quote)
        return cls(
            start_ms=start_ms, open=price, high=price, low=price, close=price, qty=trade.qty, quote=quote,
            bought=bought[0], bought_quote=bought[1], first_id=trade.trade_id, last_id=trade.trade_id,
        )  # fmt: skip

    def extend(self, later: Candle) -> None:
        """Let it last to the end of a later one."""
        self.high, self.low, self.close = max(self.high, later.high), min(self.low, later.low), later.close
        self.qty, self.quote = self.qty + later.qty, self.quote + later.quote
        self.bought, self.bought_quote = self.bought + later.bought, self.bought_quote + later.bought_quote
        self.last_id, self.trades = later.last_id, self.trades + later.trades


class Candles:
    """The candles of all symbols of a desk; those of a second where they are wanted."""

    def __init__(self, desk: Desk, *, with_seconds: bool = False) -> None:
        self._minutes: dict[str, deque[Candle]] = {symbol: deque(maxlen=_MINUTES) for symbol in desk.symbols}
        self._seconds: dict[str, deque[Candle]] = {}
        if with_seconds:
            self._seconds = {symbol: deque(maxlen=_SECONDS) for symbol in desk.symbols}
        desk.on_trades.append(self._on_trades)

    def _on_trades(self, symbol: str, trades: list[PublicTrade]) -> None:
        for kept, length_ms in ((self._minutes, _MINUTE_MS), (self._seconds, SECOND.length_ms)):
            if (candles := kept.get(symbol)) is None:
                continue
            for trade in trades:
                one = Candle.of_trade(trade, ms(trade.ts_ns) // length_ms * length_ms)
                if candles and candles[-1].start_ms == one.start_ms:
                    candles[-1].extend(one)
                else:
                    candles.append(one)

    def of(self, symbol: str, span: Span) -> list[Candle]:
        """Return candles, oldest first."""
        found: list[Candle] = []
        for part in (self._seconds if span == SECOND else self._minutes)[symbol]:
            start = span.start(part.start_ms)
            if found and found[-1].start_ms == start:
                found[-1].extend(part)
            else:
                found.append(replace(part, start_ms=start))
        return found

    def since(self, symbol: str, span: Span, start_ms: int | None) -> list[Candle]:
        """Return the candle that goes on, and before it those that have ended since one began at a time, with that."""
        candles = self.of(symbol, span)
        return [each for each in candles if start_ms is not None and each.start_ms >= start_ms] or candles[-1:]

    def last(self, symbol: str, now_ms: int, over: Span = DAY) -> Candle | None:
        """Return the last minutes as one candle; None where nothing was traded."""
        since = now_ms - over.length_ms
        found: Candle | None = None
        for minute in self._minutes[symbol]:
            if minute.start_ms <= since:
                continue
            if found is None:
                found = replace(minute)
            else:
                found.extend(minute)
        return found
