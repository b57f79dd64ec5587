"""Typed parameters of strategies: declared as annotations, validated when a strategy is built.

Pydantic has the rules. It is only asked, and only imported, where a value is not exactly of a plain type that is
asked for: its import takes longer than everything else before a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, get_origin, get_type_hints

from tradecore.errors import InvalidValueError
from tradecore.validation import Duration, Nanoseconds, first_problem, to_ns

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["check_parameters", "parameter_fields"]

_PLAIN = (bool, int, float, str)
"""Types whose every value is a valid parameter of that type, and stays what it is."""
_NUMBERS = (int, float, Decimal)
"""Types for whose value true and false would be taken otherwise."""


@cache
def _declared(cls: type) -> dict[str, tuple[Any, Any]]:
    """Return a strategy class's parameters: name to (annotation, default); ``...`` where there is none."""
    return {
        name: (hint, getattr(cls, name, ...))
        for name, hint in get_type_hints(cls, include_extras=True).items()
        if not name.startswith("_")
        and get_origin(hint) is not ClassVar
        and name not in ("name", "instruments", "predictor")
    }


@cache
def _model(cls: type) -> type[BaseModel]:
    from pydantic import ConfigDict, create_model

    fields: dict[str, Any] = _declared(cls)
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
    declared = _declared(cls)
    complete = {name: values.get(name, default) for name, (_, default) in declared.items()}
    for name, (hint, _) in declared.items():
        if hint == Duration and isinstance(complete[name], str | timedelta):
            complete[name] = to_ns(name, complete[name])
        is_number = getattr(hint, "__origin__", hint) in _NUMBERS and hint != Duration
        if is_number and isinstance(complete[name], bool) and values.keys() <= declared.keys():
            raise InvalidValueError(name, f"expected a number, got {complete[name]}")
    for name in values:
        if (
            name not in declared
            and not name.startswith("_")
            and hasattr(cls, name)
            and not callable(getattr(cls, name))
        ):
            problem = f"is no parameter of {cls.__name__}: it has no annotation; declare it with one"
            raise InvalidValueError(name, f"{problem}, such as {name}: {type(getattr(cls, name)).__name__}")
    if values.keys() <= declared.keys() and all(
        _is_plain(hint, complete[name]) for name, (hint, _) in declared.items()
    ):
        return complete
    from pydantic import ValidationError

    try:
        checked = _model(cls).model_validate(dict(values))
    except ValidationError as error:
        raise InvalidValueError(*first_problem(error, _model(cls))) from None
    return {name: getattr(checked, name) for name in type(checked).model_fields}


def _is_plain(hint: Any, value: Any) -> bool:
    """Whether a value is valid as it stands: of exactly the type that is asked for, which has no further rule."""
    if hint in _PLAIN:
        return type(value) is hint
    if hint is Decimal:
        return type(value) is Decimal and value.is_finite()
    return bool(hint == Duration) and type(value) is Nanoseconds
