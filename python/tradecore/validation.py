"""What configuration and strategy parameters share: lengths of time, values by symbol, and errors on one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, get_args

from tradecore._core import format_duration_ns, parse_duration
from tradecore.errors import InvalidValueError
from tradecore.hints import did_you_mean

if TYPE_CHECKING:
    from pydantic import BaseModel, GetCoreSchemaHandler, ValidationError
    from pydantic_core import CoreSchema

__all__ = [
    "REFUSED",
    "UNKNOWN_KEY",
    "Duration",
    "DurationLike",
    "Nanoseconds",
    "by_symbol_text",
    "first_problem",
    "to_count",
    "to_ns",
    "unknown_key",
]

UNKNOWN_KEY: Final = "unknown_key"
"""Type of the error for a key that a table of our own does not have; its message is :func:`unknown_key`."""
REFUSED: Final = "refused"
"""Type of an error whose message says everything, the value included."""


class Nanoseconds(int):
    """A length of time in ns that is known to be one: where a length of time is wanted, a bare number is refused."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(format_duration_ns(self))


def to_ns(name: str, value: Any) -> Nanoseconds:
    """Return a length of time, given as text, as ``timedelta`` or as 0, in ns.

    Raises
    ------
    InvalidValueError
        Of the field ``name``, when it is not one, or negative.
    """
    try:
        return Nanoseconds(parse_duration(value))
    except InvalidValueError as error:
        raise InvalidValueError(name, error.problem) from None


def to_count(name: str, value: Any, most: int = 2**63 - 1) -> int:
    """Return a whole number from 1 to ``most``.

    Raises
    ------
    InvalidValueError
        Of the field ``name``, when it is none.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise InvalidValueError(name, f"expected a whole number from 1 to {most}, got {value!r}")
    return value


class _DurationText:
    """Has pydantic read a length of time as :func:`to_ns` does; pydantic itself is not needed to say so."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        read = core_schema.no_info_before_validator_function(self.read, handler(source))
        return core_schema.no_info_after_validator_function(Nanoseconds, read)

    @staticmethod
    def read(value: Any) -> Nanoseconds:
        try:
            return to_ns("duration", value)
        except InvalidValueError as error:
            from pydantic_core import PydanticCustomError

            raise PydanticCustomError(REFUSED, "{problem}", {"problem": error.problem}) from None


if TYPE_CHECKING:
    # What may be assigned is wider than what is read. No type says that: for one half of this union a checker takes
    # any value, and what is done with it has to fit the other half.
    Duration: TypeAlias = Nanoseconds | Any
else:
    Duration = Annotated[int, _DurationText()]
"""A length of time as a strategy's parameter: given as ``"100ms"`` or a ``timedelta``, read as an int of ns."""

DurationLike: TypeAlias = str | timedelta | Nanoseconds
"""A length of time as an argument: text such as ``"100ms"``, a ``timedelta``, or a parameter that is one."""


def first_problem(error: ValidationError, model: type[BaseModel]) -> tuple[str, str]:
    """Return the dotted key and a one-line description of a model's first problem.

    An unknown key comes before everything else, since a misspelt one is missing too.
    """
    problems = error.errors(include_url=False, include_context=False)
    first = next((problem for problem in problems if problem["type"] in ("extra_forbidden", UNKNOWN_KEY)), problems[0])
    place = [part for part in first["loc"] if not str(part).startswith(("function-", "literal["))]
    key = ".".join(str(part) for part in place)
    given = first["input"]
    match first["type"]:
        case "extra_forbidden":
            return key, unknown_key(str(place[-1]), _model_at(model, place[:-1]).model_fields)
        case "unknown_key" | "refused":
            return key, first["msg"]
        case "missing":
            return key, "missing"
        case "tuple_type" if isinstance(given, dict):
            return key, f"expected a list of tables, each written as [[{key}]]"
        case "tuple_type":
            return key, f"expected a list, got {given!r}"
        case "model_type" | "dict_type":
            return key, f"expected a table, got {given!r}"
    message = first["msg"].removeprefix("Value error, ")
    if isinstance(given, dict):
        return key, message if first["type"] == "value_error" else f"{message}, got a table"
    shown = repr(given)
    return key, message if len(shown) > 60 or shown in message or "{" in shown else f"{message}, got {shown}"


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Return what to say of a key that is not among those known."""
    return f"unknown key{did_you_mean(key, known)}"


def _model_at(model: type[BaseModel], path: list[int | str]) -> type[BaseModel]:
    """Return the model that a path of keys and list indices leads to."""
    for part in path:
        if isinstance(part, str):
            model = next(_models_in(model.model_fields[part].annotation))
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    from pydantic import BaseModel

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def by_symbol_text(given: Any) -> Any:
    """Return what is said by symbol, or of all, as one text; what is neither stays what it is."""
    if isinstance(given, Mapping):
        return "; ".join(f"{symbol}: {value}" for symbol, value in given.items())
    if isinstance(given, int | Decimal) and not isinstance(given, bool):
        return f"{given}"
    return given
