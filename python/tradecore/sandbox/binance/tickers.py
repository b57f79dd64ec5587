"""What was traded at a local Binance, as the venue sums it up: candles, and the last day."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tradecore.sandbox.binance.shapes import Shapes, SpotShapes
from tradecore.sandbox.candles import DAY, MONTH, SECOND, WEEK, Candle, Candles, Span, minutes
from tradecore.sandbox.desk import Desk
from tradecore.sandbox.numbers import ms

__all__ = ["INTERVALS", "Tickers"]

Json = dict[str, Any]

INTERVALS = {
    "1s": SECOND, "1m": minutes(1), "3m": minutes(3), "5m": minutes(5), "15m": minutes(15), "30m": minutes(30),
    "1h": minutes(60), "2h": minutes(120), "4h": minutes(240), "6h": minutes(360), "8h": minutes(480),
    "12h": minutes(720), "1d": DAY, "3d": Span(3 * DAY.length_ms), "1w": WEEK, "1M": MONTH,
}  # fmt: skip
_AVERAGE_MINUTES = 5


class Tickers:
    """Candles and tickers of one market of the venue."""

    def __init__(self, desk: Desk, shapes: Shapes) -> None:
        self._desk = desk
        self._shapes = shapes
        self._is_spot = isinstance(shapes, SpotShapes)
        self.candles = Candles(desk, with_seconds=self._is_spot)

    def has(self, interval: str) -> bool:
        """Return whether there are candles of an interval: of futures the shortest are a minute."""
        return interval in INTERVALS and (self._is_spot or INTERVALS[interval] != SECOND)

    def kline_row(self, symbol: str, interval: str, candle: Candle) -> list[str | int]:
        """Write a candle as a request has it."""
        of = self._candle(symbol, interval, candle)
        return [of[name] for name in ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q", "B")]

    def kline(self, symbol: str, interval: str, candle: Candle, now_ms: int) -> Json:
        """Write a candle as its stream has it."""
        told = self._candle(symbol, interval, candle)
        row = {name: told[name] for name in ("t", "T")} | {"s": symbol, "i": interval} | told
        return {"e": "kline", "E": now_ms, "s": symbol, "k": row | {"x": now_ms > told["T"]}}

    def _candle(self, symbol: str, interval: str, candle: Candle) -> Json:
        digits = self._shapes.digits[symbol]
        return {
            "t": candle.start_ms,
            "T": INTERVALS[interval].end(candle.start_ms),
            "f": candle.first_id,
            "L": candle.last_id,
            "o": digits.price(candle.open),
            "c": digits.price(candle.close),
            "h": digits.price(candle.high),
            "l": digits.price(candle.low),
            "v": digits.qty(candle.qty),
            "n": candle.trades,
            "q": f"{candle.quote:.8f}",
            "V": digits.qty(candle.bought),
            "Q": f"{candle.bought_quote:.8f}",
            "B": "0",
        }

    def price(self, symbol: str, now_ns: int) -> Json:
        """Write the last price as a request has it."""
        told = {"symbol": symbol, "price": self._shapes.digits[symbol].price(self._desk.last_price(symbol))}
        return told if self._is_spot else {**told, "time": ms(now_ns)}

    def average(self, symbol: str, now_ms: int) -> Json:
        """Write the average price of the last minutes as a request has it: the last price where nothing was traded."""
        found = self.candles.last(symbol, now_ms, minutes(_AVERAGE_MINUTES))
        price = found.quote / found.qty if found is not None else self._desk.last_price(symbol)
        trades = self._desk.trades[symbol]
        traded_ms = ms(trades[-1].ts_ns) if trades else 0
        return {"mins": _AVERAGE_MINUTES, "price": f"{price:.8f}", "closeTime": traded_ms}

    def average_message(self, symbol: str, now_ms: int) -> Json:
        """Write the same as its stream has it."""
        told = self.average(symbol, now_ms)
        interval = f"{_AVERAGE_MINUTES}m"
        return {"e": "avgPrice", "E": now_ms, "s": symbol, "i": interval, "w": told["price"], "T": told["closeTime"]}

    def ticker(self, symbol: str, now_ms: int) -> Json:
        """Write a ``24hrTicker`` as its stream has it."""
        digits, day, last = self._shapes.digits[symbol], self._day(symbol, now_ms), self._desk.last_price(symbol)
        change = last - day.open
        average = day.quote / day.qty if day.qty else last
        trades = self._desk.trades[symbol]
        told: Json = {
            "e": "24hrTicker",
            "E": now_ms,
            "s": symbol,
            "p": digits.price(change),
            "P": f"{change / day.open * 100 if day.open else 0:.3f}",
            "w": digits.price(average),
            "c": digits.price(last),
            "Q": digits.qty(trades[-1].qty if trades else Decimal(0)),
        }
        if self._is_spot:
            bid, ask = digits.best(self._desk.levels(symbol, 1))
            told |= {"x": digits.price(day.open), "b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1]}
        return told | {
            "o": digits.price(day.open),
            "h": digits.price(day.high),
            "l": digits.price(day.low),
            "v": digits.qty(day.qty),
            "q": f"{day.quote:.8f}",
            "O": now_ms - DAY.length_ms,
            "C": now_ms,
            "F": day.first_id,
            "L": day.last_id,
            "n": day.trades,
        }

    def mini(self, symbol: str, now_ms: int) -> Json:
        """Write a ``24hrMiniTicker``."""
        told = self.ticker(symbol, now_ms)
        return {"e": "24hrMiniTicker"} | {name: told[name] for name in "Escohlvq"}

    def day(self, symbol: str, now_ms: int) -> Json:
        """Write the last day as a request has it."""
        told = self.ticker(symbol, now_ms)
        return {"symbol": symbol} | {name: told[field] for name, field in _DAY.items() if field in told}

    def _day(self, symbol: str, now_ms: int) -> Candle:
        """Return what was traded in a day; an empty candle at the last price where nothing was."""
        if (day := self.candles.last(symbol, now_ms)) is not None:
            return day
        last, none = self._desk.last_price(symbol), Decimal(0)
        return Candle(
            start_ms=now_ms, open=last, high=last, low=last, close=last, qty=none, quote=none, bought=none,
            bought_quote=none, first_id=-1, last_id=-1, trades=0,
        )  # fmt: skip


_DAY = {
    "priceChange": "p", "priceChangePercent": "P", "weightedAvgPrice": "w", "prevClosePrice": "x", "lastPrice": "c",
    "lastQty": "Q", "bidPrice": "b", "bidQty": "B", "askPrice": "a", "askQty": "A", "openPrice": "o", "highPrice": "h",
    "lowPrice": "l", "volume": "v", "quoteVolume": "q", "openTime": "O", "closeTime": "C", "firstId": "F",
    "lastId": "L", "count": "n",
}  # fmt: skip
"""What a request calls what a stream tells; futures have no best prices and no close of the day before."""
