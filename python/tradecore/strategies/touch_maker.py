"""The plainest market maker."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from tradecore.strategies.maker import CompiledMaker

__all__ = ["TouchMaker"]


class TouchMaker(CompiledMaker):
    """Quote both sides at a fixed distance behind the touch, requoted on a timer.

    A baseline for other makers and a yardstick for the engine.

    Parameters
    ----------
    name, instruments
        See :class:`~tradecore.strategy.Strategy`.
    quote_qty : Decimal
        Quantity of each quote.
    max_position : Decimal
        No quote that could take the position beyond this, long or short.
    offset_ticks : int
        Distance from the best price of the own side; 0 joins it.
    interval : duration
        Time between quotes, at least ``1us``.

    Examples
    --------
    >>> tc.TouchMaker("m", ["BTCUSDT.SYNTH"], quote_qty="0.01", max_position="0.05", interval="100ms")
    TouchMaker('m', ['BTCUSDT.SYNTH'])
    """

    kind: ClassVar[str] = "touch_maker"

    offset_ticks: Annotated[int, Field(ge=0, le=1_000_000)] = 0
