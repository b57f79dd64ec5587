"""Momentum by the distance of two exponential averages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from tradecore._core import Instrument
from tradecore.strategies.directional import Directional, Period, check_windows

if TYPE_CHECKING:
    from tradecore._core import Context, IndicatorReading

__all__ = ["MomentumEma"]


class MomentumEma(Directional):
    """Follow the trend: long while the fast exponential average is above the slow one, short while it is below.

    Other than :class:`MovingAverageCross` it has an opinion at every bar; within ``band_bps`` it stays as it is.

    Parameters
    ----------
    name, instruments
        See :class:`~tradecore.strategy.Strategy`.
    qty : Decimal
        Quantity held, long or short.
    bars : str
        Which bars, such as ``1m`` or ``tick:100``.
    allow_short : bool
        Whether it may be short.
    fast : int
        Bars of the fast average, fewer than of the slow one.
    slow : int
        Bars of the slow average.
    band_bps : float
        Distance of the averages within which nothing changes, basis points of the slow one.

    Examples
    --------
    >>> tc.MomentumEma("e", ["BTCUSDT.SYNTH"], qty="0.1", bars="1s", fast=5, slow=20)
    MomentumEma('e', ['BTCUSDT.SYNTH'])
    """

    kind: ClassVar[str] = "momentum_ema"

    fast: Period = 12
    slow: Period = 26
    band_bps: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0

    def __init__(self, name: str, instruments: Sequence[str | Instrument], **parameters: Any) -> None:
        super().__init__(name, instruments, **parameters)
        check_windows(self.fast, self.slow)

    def indicators(self, ctx: Context, instrument: str) -> Sequence[IndicatorReading]:
        """Return both averages."""
        periods = (self.fast, self.slow)
        return [ctx.indicator("ema", instrument, bars=self.bars, period=period) for period in periods]

    def wanted(self, ctx: Context, instrument: str, close: float, readings: Sequence[IndicatorReading]) -> int | None:
        """Return the side of the trend, None within the band."""
        fast, slow = readings
        bps = 1e4 * (fast.value - slow.value) / slow.value
        if abs(bps) <= self.band_bps:
            return None
        return 1 if bps > 0 else -1
