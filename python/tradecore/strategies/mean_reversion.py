"""Mean reversion: against a price that is far from its mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from tradecore.strategies.directional import Directional, Period

if TYPE_CHECKING:
    from tradecore._core import Context, IndicatorReading

__all__ = ["MeanReversion"]


class MeanReversion(Directional):
    """Buy far below the mean of the last bars, sell far above it, and leave where the price is back at it.

    Far is ``width`` standard deviations of the closes (``mode="bollinger"``) or a fixed distance
    (``mode="threshold"``). Nothing is done before there are ``period`` bars.

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
    period : int
        Bars of the mean.
    mode : "bollinger" or "threshold"
        What far from the mean is.
    width : float
        Standard deviations from the mean, of ``bollinger``.
    threshold_bps : float
        Distance from the mean in basis points of it, of ``threshold``.

    Examples
    --------
    >>> tc.MeanReversion("m", ["BTCUSDT.SYNTH"], qty="0.1", bars="1s", period=20)
    MeanReversion('m', ['BTCUSDT.SYNTH'])
    """

    kind: ClassVar[str] = "mean_reversion"

    period: Annotated[Period, Field(ge=2)] = 20
    mode: Literal["bollinger", "threshold"] = "bollinger"
    width: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 2.0
    threshold_bps: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10.0

    def indicators(self, ctx: Context, instrument: str) -> Sequence[IndicatorReading]:
        """Return the bands."""
        return (ctx.indicator("bbands", instrument, bars=self.bars, period=self.period, std=self.width),)

    def wanted(self, ctx: Context, instrument: str, close: float, readings: Sequence[IndicatorReading]) -> int | None:
        """Return the side against the distance, nothing where the mean is reached."""
        (bands,) = readings
        lower, mean, upper = bands["lower"], bands["middle"], bands["upper"]
        if self.mode == "threshold":
            far = mean * self.threshold_bps / 1e4
            lower, upper = mean - far, mean + far
        if close < lower:
            return 1
        if close > upper:
            return -1
        held = ctx.position(instrument).qty
        is_back = (held > 0 and close >= mean) or (held < 0 and close <= mean)
        return 0 if is_back else None
