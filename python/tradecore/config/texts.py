"""Values of a configuration that are kept as text."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from tradecore._core import parse_duration
from tradecore.errors import InvalidValueError
from tradecore.validation import REFUSED

__all__ = ["IntervalText"]


def _is_interval(given: Any) -> Any:
    try:
        length = parse_duration(given)
    except InvalidValueError as error:
        raise PydanticCustomError(REFUSED, "{problem}", {"problem": error.problem}) from None
    if length == 0:
        raise ValueError("expected more than 0")
    return given


IntervalText = Annotated[str, BeforeValidator(_is_interval)]
"""A length of time above zero, kept as text."""
