"""Strategies that run compiled: here only their parameters are declared and checked."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import Field

from tradecore._core import Instrument, check_quote_size
from tradecore.errors import HookError, InvalidValueError
from tradecore.strategy import Duration, Strategy

__all__ = ["CompiledMaker", "CompiledStrategy"]


class CompiledStrategy(Strategy):
    """A strategy whose hooks are in the compiled core. It cannot be extended in Python."""

    kind: ClassVar[str]
    """Name of the strategy in the core and in configurations."""

    def __init__(self, name: str, instruments: Sequence[str], **parameters: Any) -> None:
        super().__init__(name, instruments, **parameters)
        for hook in self._overridden():
            raise HookError(type(self).__name__, hook, "never runs: the hooks of a compiled strategy are in the core")

    def core_parameters(self) -> dict[str, Any]:
        """Return the parameters as the core takes them."""
        return {name: getattr(self, name) for name in type(self).parameters()}

    def check_instrument(self, instrument: Instrument) -> None:
        """Raise InvalidValueError naming the first parameter that does not fit an instrument."""


class CompiledMaker(CompiledStrategy):
    """What the compiled market makers have in common: a quote size, a position limit, a timer."""

    quote_qty: Annotated[Decimal, Field(gt=0)]
    max_position: Annotated[Decimal, Field(gt=0)]
    interval: Annotated[Duration, Field(ge=1)] = 100_000_000

    def __init__(self, name: str, instruments: Sequence[str], **parameters: Any) -> None:
        super().__init__(name, instruments, **parameters)
        if self.max_position < self.quote_qty:
            raise InvalidValueError("max_position", f"{self.max_position} is less than quote_qty {self.quote_qty}")

    def check_instrument(self, instrument: Instrument) -> None:
        """Raise InvalidValueError naming the first parameter that does not fit an instrument."""
        check_quote_size(instrument, self.quote_qty, self.max_position)

    def core_parameters(self) -> dict[str, Any]:
        """Return the parameters as the core takes them."""
        parameters = super().core_parameters()
        parameters["interval_ns"] = parameters.pop("interval")
        return parameters
