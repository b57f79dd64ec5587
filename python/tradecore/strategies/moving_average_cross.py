"""The cross of two moving averages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from tradecore._core import Instrument
from tradecore.strategies.directional import Directional, Period, check_windows

if TYPE_CHECKING:
    from tradecore._core import Context, IndicatorReading

__all__ = ["MovingAverageCross"]


class MovingAverageCross(Directional):
    """Be long when the fast average crosses above the slow one, short when it crosses below.

    It trades on the cross alone: what lies above from the first bar on is no cross.

    Parameters
    ----------
    name, instruments
        See :class:`~tradecore.strategy.Strategy`.
    qty : Decimal
        Quantity held, long or short.
    bars : str
        Which bars, such as ``1m`` or ``tick:100``.
    allow_short : bool
        Whether it may be short; if not, it sells what it holds.
    fast : int
        Bars of the fast average, fewer than of the slow one.
    slow : int
        Bars of the slow average.
    average : "sma" or "ema"
        Plain or exponential averages.

    Examples
    --------
    >>> tc.MovingAverageCross("x", ["BTCUSDT.SYNTH"], qty="0.1", bars="1s", fast=5, slow=20)
    MovingAverageCross('x', ['BTCUSDT.SYNTH'])
    """

    kind: ClassVar[str] = "moving_average_cross"

    fast: Period = 10
    slow: Period = 30
    average: Literal["sma", "ema"] = "sma"

    def __init__(self, name: str, instruments: Sequence[str | Instrument], **parameters: Any) -> None:
        super().__init__(name, instruments, **parameters)
        check_windows(self.fast, self.slow)
        self.above: dict[str, bool] = {}
        """Whether the fast average was above, by instrument."""

    def indicators(self, ctx: Context, instrument: str) -> Sequence[IndicatorReading]:
        """Return both averages."""
        periods = (self.fast, self.slow)
        return [ctx.indicator(self.average, instrument, bars=self.bars, period=period) for period in periods]

    def wanted(self, ctx: Context, instrument: str, close: float, readings: Sequence[IndicatorReading]) -> int | None:
        """Return the side of a cross, None without one."""
        fast, slow = readings
        if fast.value == slow.value:
            return None
        above = fast.value > slow.value
        before = self.above.get(instrument)
        self.above[instrument] = above
        if before is None or before == above:
            return None
        return 1 if above else -1
