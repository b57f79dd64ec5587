"""Momentum that the relative strength and the MACD agree on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from tradecore._core import Instrument
from tradecore.strategies.directional import Directional, Period, check_windows

if TYPE_CHECKING:
    from tradecore._core import Context, IndicatorReading

__all__ = ["MomentumRsiMacd"]


class MomentumRsiMacd(Directional):
    """Follow what RSI and MACD agree on: long above ``rsi_level`` with a MACD above its signal, short the other way.

    Where they do not agree, nothing is held.

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
    rsi_period : int
        Bars of the RSI.
    rsi_level : float
        RSI above which it is long; below 100 less this it is short.
    fast : int
        Bars of the fast average of the MACD, fewer than of the slow one.
    slow : int
        Bars of the slow average of the MACD.
    signal : int
        Bars of the average of the MACD.

    Examples
    --------
    >>> tc.MomentumRsiMacd("s", ["BTCUSDT.SYNTH"], qty="0.1", bars="1s")
    MomentumRsiMacd('s', ['BTCUSDT.SYNTH'])
    """

    kind: ClassVar[str] = "momentum_rsi_macd"

    rsi_period: Annotated[Period, Field(ge=2)] = 14
    rsi_level: Annotated[float, Field(ge=50, lt=100)] = 55.0
    fast: Annotated[Period, Field(ge=2)] = 12
    slow: Period = 26
    signal: Period = 9

    def __init__(self, name: str, instruments: Sequence[str | Instrument], **parameters: Any) -> None:
        super().__init__(name, instruments, **parameters)
        check_windows(self.fast, self.slow)

    def indicators(self, ctx: Context, instrument: str) -> Sequence[IndicatorReading]:
        """Return both."""
        windows = {"fast": self.fast, "slow": self.slow, "signal": self.signal}
        return (
            ctx.indicator("rsi", instrument, bars=self.bars, period=self.rsi_period),
            ctx.indicator("macd", instrument, bars=self.bars, **windows),
        )

    def wanted(self, ctx: Context, instrument: str, close: float, readings: Sequence[IndicatorReading]) -> int | None:
        """Return the side both agree on, nothing where they do not."""
        rsi, macd = readings
        if rsi.value > self.rsi_level and macd["hist"] > 0:
            return 1
        if rsi.value < 100 - self.rsi_level and macd["hist"] < 0:
            return -1
        return 0
