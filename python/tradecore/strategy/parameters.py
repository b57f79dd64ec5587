"""Typed parameters of strategies: declared as annotations, validated when a strategy is built."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from tradecore.errors import InvalidValueError
from tradecore.validation import first_problem

__all__ = ["check_parameters", "parameter_fields"]


@cache
def _model(cls: type) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for name, hint in get_type_hints(cls, include_extras=True).items():
        if name.startswith("_") or get_origin(hint) is ClassVar or name in ("name", "instruments"):
            continue
        fields[name] = (hint, getattr(cls, name, ...))
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=(), validate_default=True)
    return create_model(cls.__name__, __config__=config, **fields)


def parameter_fields(cls: type) -> dict[str, tuple[Any, Any]]:
    """Return a strategy class's parameters: name to (type, default); the default is ``...`` if there is none."""
    fields = _model(cls).model_fields
    return {name: (f.annotation, ... if f.is_required() else f.default) for name, f in fields.items()}


def check_parameters(cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Validate and complete the parameters of a strategy class.

    Raises
    ------
    InvalidValueError
        Naming the first unknown, missing or ill-typed parameter; a default counts as given.
    """
    try:
        checked = _model(cls).model_validate(dict(values))
    except ValidationError as error:
        raise InvalidValueError(*first_problem(error, _model(cls))) from None
    return {name: getattr(checked, name) for name in type(checked).model_fields}
