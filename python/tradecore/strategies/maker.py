"""What the compiled market makers have in common."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from tradecore._core import SHORTEST_INTERVAL, Instrument, check_quote_size, format_duration_ns
from tradecore.errors import InvalidValueError
from tradecore.strategies.compiled import CompiledStrategy
from tradecore.strategy import Duration

__all__ = ["CompiledMaker"]


class CompiledMaker(CompiledStrategy):
    """What the compiled market makers have in common: a quote size, a position limit, a timer."""

    quote_qty: Annotated[Decimal, Field(gt=0)]
    max_position: Annotated[Decimal, Field(gt=0)]
    interval: Duration = "100ms"

    def __init__(self, name: str, instruments: Sequence[str], **parameters: Any) -> None:
        super().__init__(name, instruments, **parameters)
        if self.max_position < self.quote_qty:
            raise InvalidValueError("max_position", f"{self.max_position} is less than quote_qty {self.quote_qty}")
        if self.interval < SHORTEST_INTERVAL:
            shown, least = format_duration_ns(self.interval), format_duration_ns(SHORTEST_INTERVAL)
            raise InvalidValueError("interval", f"{shown} is less than {least}")

    def check_instrument(self, instrument: Instrument) -> None:
        """Raise InvalidValueError naming the first parameter that does not fit an instrument."""
        check_quote_size(instrument, self.quote_qty, self.max_position)

    def core_parameters(self) -> dict[str, Any]:
        """Return the parameters as the core takes them."""
        parameters = super().core_parameters()
        parameters["interval_ns"] = parameters.pop("interval")
        return parameters
