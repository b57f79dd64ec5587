"""Strategies that run compiled: here only their parameters are declared and checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from tradecore._core import Instrument
from tradecore.errors import HookError
from tradecore.strategy import Strategy

__all__ = ["CompiledStrategy"]


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
