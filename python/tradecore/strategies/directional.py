"""What the shipped strategies have in common that are long, short or out by what bars say."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from tradecore._core import Instrument
from tradecore.bars import BarSpec
from tradecore.errors import InvalidValueError
from tradecore.strategy import Strategy

if TYPE_CHECKING:
    from tradecore._core import Bar, Context, IndicatorReading

__all__ = ["Directional", "Period"]

Period = Annotated[int, Field(ge=1, le=100_000)]
"""A number of bars."""


class Directional(Strategy):
    """A strategy that holds one quantity long or short, or nothing, and decides at the end of each bar.

    A subclass says what it looks at in :meth:`indicators` and what it wants then in :meth:`wanted`; what it knows of
    an instrument it keeps by the instrument's id, so that several do not disturb each other. Orders take what the
    book offers.
    """

    kind: ClassVar[str]
    """Name of the strategy in configurations."""

    qty: Annotated[Decimal, Field(gt=0)]
    bars: str = "1m"
    allow_short: bool = True

    def __init__(self, name: str, instruments: Sequence[str | Instrument], **parameters: Any) -> None:
        super().__init__(name, instruments, **parameters)
        try:
            BarSpec(self.bars)
        except InvalidValueError as error:
            raise InvalidValueError("bars", error.problem) from None

    def on_start(self, ctx: Context) -> None:
        """Follow the bars of every instrument."""
        for instrument in self.instruments:
            self.indicators(ctx, instrument)
            ctx.subscribe(instrument, f"bars:{self.bars}")

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        """Make the position what is wanted after a bar."""
        readings = self.indicators(ctx, bar.instrument)
        if not all(reading.is_ready for reading in readings):
            return
        wanted = self.wanted(ctx, bar.instrument, bar.close, readings)
        if wanted is not None:
            self._hold(ctx, bar.instrument, wanted if self.allow_short else max(wanted, 0))

    @abstractmethod
    def indicators(self, ctx: Context, instrument: str) -> Sequence[IndicatorReading]:
        """Return the indicators of an instrument, made where they are not there."""

    @abstractmethod
    def wanted(self, ctx: Context, instrument: str, close: float, readings: Sequence[IndicatorReading]) -> int | None:
        """Return 1 to be long, -1 to be short, 0 for nothing, None to stay as it is. All readings are ready."""

    def _hold(self, ctx: Context, instrument: str, direction: int) -> None:
        # What is on its way is waited for: the next bar looks again.
        if ctx.orders(instrument):
            return
        held = Decimal(str(ctx.position(instrument).qty))
        missing = direction * self.qty - held
        if missing > 0:
            ctx.buy(instrument, missing)
        elif missing < 0:
            ctx.sell(instrument, -missing)


def check_windows(fast: int, slow: int) -> None:
    """Raise InvalidValueError for a fast window that is not shorter than the slow one."""
    if fast >= slow:
        raise InvalidValueError("fast", f"expected less than slow, {slow}, got {fast}")
