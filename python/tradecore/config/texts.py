"""Values of a configuration that are kept as text."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from tradecore._core import parse_duration
from tradecore.errors import InvalidValueError

__all__ = ["IntervalText"]


def _is_interval(text: str) -> str:
    try:
        length = parse_duration(text)
    except InvalidValueError as error:
        raise ValueError(error.problem) from None
    if length == 0:
        raise ValueError("expected more than 0")
    return text


IntervalText = Annotated[str, AfterValidator(_is_interval)]
"""A length of time above zero, kept as text."""
