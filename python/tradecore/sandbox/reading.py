"""How local venues read what clients send."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from tradecore.sandbox.refused import Refused

__all__ = ["Positive", "read"]

Positive = Annotated[Decimal, Field(gt=0, lt=10**15)]

_Model = TypeVar("_Model", bound=BaseModel)


def read(model: type[_Model], params: Mapping[str, Any], refuse: Callable[[str, str, str], Refused]) -> _Model:
    """Read parameters.

    ``refuse`` says what a venue answers to the first that is wrong, from its name, the kind of the mistake
    (``missing``, ``extra_forbidden`` or another of pydantic's) and its text.

    Raises
    ------
    Refused
    """
    try:
        return model.model_validate(params)
    except ValidationError as error:
        first = error.errors()[0]
        raise refuse(".".join(str(part) for part in first["loc"]), first["type"], first["msg"]) from None
