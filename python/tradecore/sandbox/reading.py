"""How local venues read what clients send."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any, TypeVar

import orjson
from pydantic import BaseModel, Field, ValidationError

from tradecore.sandbox.refused import Refused

__all__ = ["Positive", "read", "read_object", "whole"]

Positive = Annotated[Decimal, Field(gt=0, lt=10**15)]

_Model = TypeVar("_Model", bound=BaseModel)
_PROBLEMS = {"missing": "is missing", "extra_forbidden": "is none here"}


def read(model: type[_Model], params: Mapping[str, Any], refuse: Callable[[str, str, str], Refused]) -> _Model:
    """Read parameters.

    ``refuse`` says what a venue answers to the first that is wrong, from its name, the kind of the mistake
    (``missing``, ``extra_forbidden`` or another of pydantic's) and what is wrong with it.

    Raises
    ------
    Refused
    """
    try:
        return model.model_validate(params)
    except ValidationError as error:
        first = error.errors()[0]
        kind, name = first["type"], ".".join(str(part) for part in first["loc"])
        raise refuse(name, kind, _PROBLEMS.get(kind, first["msg"])) from None


def whole(name: str, value: Any, bad: Callable[[str], Refused], *, most: int | None = None) -> int:
    """Read a whole number that is not negative; one that has a most is from 1 on. ``bad`` is said of others.

    Raises
    ------
    Refused
    """
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if number < 0 or (most is not None and not 1 <= number <= most):
        raise bad(name)
    return number


def read_object(text: bytes, bad: Callable[[str, str], Refused]) -> dict[str, Any]:
    """Read a body in JSON; an empty one says nothing. ``bad`` is said of what is no object.

    Raises
    ------
    Refused
    """
    try:
        told = orjson.loads(text or b"{}")
    except orjson.JSONDecodeError:
        raise bad("body", "is not JSON") from None
    if not isinstance(told, dict):
        raise bad("body", "is no object")
    return told
