"""Bars of trades for charts, by the length of their windows."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from functools import partial
from typing import Any

__all__ = ["INTERVALS", "Bars"]

INTERVALS = {
    "1s": 1_000_000_000,
    "5s": 5_000_000_000,
    "1m": 60_000_000_000,
    "5m": 300_000_000_000,
    "15m": 900_000_000_000,
    "1h": 3_600_000_000_000,
}
_MOST = 2_000


class Bars:
    """Open, high, low, close and volume of windows with trades, by receipt; the last one is still running.

    Parameters
    ----------
    tell : callable
        Is given each bar that trades have changed, by :meth:`flush`: its topic, and the bar.
    """

    def __init__(self, tell: Callable[[str, Any], None]) -> None:
        self._tell = tell
        self._bars: dict[tuple[str, str], deque[list[float]]] = defaultdict(partial(deque, maxlen=_MOST))
        self._changed: dict[tuple[str, str, float], list[float]] = {}
        """Bars that were not told as they are, by instrument, interval and start."""

    def trade(self, instrument: str, at_ns: int, price: float, qty: float) -> None:
        """Take a trade."""
        for interval, length in INTERVALS.items():
            bars = self._bars[instrument, interval]
            start = at_ns - at_ns % length
            if bars and bars[-1][0] >= start:
                bar = bars[-1]
                bar[2], bar[3], bar[4] = max(bar[2], price), min(bar[3], price), price
                bar[5] += qty
            else:
                bar = [start, price, price, price, price, qty]
                bars.append(bar)
            self._changed[instrument, interval, bar[0]] = bar

    def flush(self) -> None:
        """Tell of the bars that have changed since."""
        changed, self._changed = self._changed, {}
        for (instrument, interval, _), bar in changed.items():
            self._tell(f"bars:{instrument}:{interval}", bar.copy())

    def last(self, instrument: str, interval: str, limit: int) -> list[list[float]]:
        """Return the last bars, oldest first: start (ns UTC), open, high, low, close, volume."""
        return list(self._bars.get((instrument, interval), ()))[-limit:]
