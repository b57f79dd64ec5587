"""What configuration and strategy parameters share: lengths of time, and errors on one line."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationError

from tradecore._core import parse_duration
from tradecore.errors import InvalidValueError

__all__ = ["Duration", "first_problem"]


def _duration(value: Any) -> int:
    try:
        return parse_duration(value)
    except InvalidValueError as error:
        raise ValueError(error.problem) from None


Duration = Annotated[int, BeforeValidator(_duration)]
"""A length of time in ns; accepts text such as ``"100ms"``."""


def first_problem(error: ValidationError) -> tuple[str, str]:
    """Return the dotted key and a one-line description of a validation error's first problem."""
    first = error.errors(include_url=False, include_context=False)[0]
    key = ".".join(str(part) for part in first["loc"] if not str(part).startswith(("function-", "literal[")))
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        return key, "unknown key"
    if first["type"] == "missing":
        return key, "missing"
    shown = repr(first["input"])
    if len(shown) > 60 or isinstance(first["input"], dict):
        return key, message
    return key, f"{message}, got {shown}"
