"""Momentum by the return over the last bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from tradecore.strategies.directional import Directional, Period

if TYPE_CHECKING:
    from tradecore._core import Context, IndicatorReading

__all__ = ["MomentumReturn"]


class MomentumReturn(Directional):
    """Follow the return over the last bars: long above a threshold, short below its negative, nothing between.

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
    lookback : int
        Bars the return is taken over.
    threshold_bps : float
        Return from which on it is followed, basis points.

    Examples
    --------
    >>> tc.MomentumReturn("r", ["BTCUSDT.SYNTH"], qty="0.1", bars="1s", lookback=10)
    MomentumReturn('r', ['BTCUSDT.SYNTH'])
    """

    kind: ClassVar[str] = "momentum_return"

    lookback: Period = 20
    threshold_bps: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 5.0

    def indicators(self, ctx: Context, instrument: str) -> Sequence[IndicatorReading]:
        """Return the return."""
        return (ctx.indicator("roc", instrument, bars=self.bars, period=self.lookback),)

    def wanted(self, ctx: Context, instrument: str, close: float, readings: Sequence[IndicatorReading]) -> int | None:
        """Return the sign of a return that is large enough."""
        (change,) = readings
        bps = 100 * change.value
        return (bps > self.threshold_bps) - (bps < -self.threshold_bps)
