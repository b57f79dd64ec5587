"""What is logged: a level, and levels of modules that differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tradecore.errors import InvalidValueError

__all__ = ["LEVELS", "Levels", "parse_levels"]

LEVELS = {"trace": 5, "debug": 10, "info": 20, "warn": 30, "warning": 30, "error": 40, "off": 100}
"""Numbers of levels, as Python's logging counts."""


@dataclass(frozen=True, slots=True)
class Levels:
    """What is logged: from ``root`` on, of ``modules`` by their name and of those below them from another level on."""

    root: int
    modules: Mapping[str, int]


def parse_levels(text: str) -> Levels:
    """Read levels such as ``info,market_data=debug,execution_engine::gateway=trace``.

    Raises
    ------
    InvalidValueError

    Examples
    --------
    >>> from tradecore.config.levels import parse_levels
    >>> parse_levels("info,market_data::orderbook=debug")
    Levels(root=20, modules={'market_data.orderbook': 10})
    """
    root, modules = LEVELS["info"], {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        module, separator, word = part.rpartition("=")
        number = LEVELS.get(word.strip().lower())
        if number is None:
            raise InvalidValueError("level", f"{word.strip()!r} is no level: expected one of {', '.join(LEVELS)}")
        if not separator:
            root = number
            continue
        name = module.strip().replace("::", ".")
        if not name.replace(".", "").replace("_", "").isalnum():
            raise InvalidValueError("level", f"{module.strip()!r} is no name of a module")
        modules[name] = number
    return Levels(root, modules)
