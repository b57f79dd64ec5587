"""A simulated venue as a table of a configuration: the fields of its dataclass, and nothing said twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, LiteralString, get_args, get_origin, get_type_hints

from pydantic import PlainSerializer, PlainValidator, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, PydanticKnownError

from tradecore._core import parse_duration
from tradecore.errors import InvalidValueError
from tradecore.profiles import profile_settings
from tradecore.validation import REFUSED, UNKNOWN_KEY, unknown_key
from tradecore.venue import LENGTHS, Latency, SimVenue
from tradecore.venue_models import VenueModel

__all__ = ["VenueTable", "from_table", "to_table"]

_LATENCY = "latency"
"""The field whose own fields are keys of the table, each with this at its end."""
_PROFILE = "profile"
"""The key of the field ``based_on``: all other keys begin as that profile says."""
_LISTS = {"fees": Mapping} | dict.fromkeys(("order_types", "times_in_force", "post_only", "triggers"), str)
"""Keys that may be lists of these as well as text."""


def _leg_key(leg: str) -> str:
    return f"{leg}_{_LATENCY}"


@cache
def _keys() -> Mapping[str, Field[Any]]:
    """Return the keys of a venue's table with the fields they stand for, in the order of their declaration."""
    keys: dict[str, Field[Any]] = {}
    for own in fields(SimVenue):
        if own.name == _LATENCY:
            keys |= {_leg_key(leg.name): leg for leg in fields(Latency)}
        elif own.name == "based_on":
            keys[_PROFILE] = own
        else:
            keys[own.name] = own
    return keys


@cache
def _exact_keys() -> frozenset[str]:
    """Return the keys of exact numbers; all others are text."""
    hints = get_type_hints(SimVenue)
    return frozenset(name for name, hint in hints.items() if {Decimal, int} <= set(get_args(hint)))


def from_table(given: Any) -> SimVenue:
    """Make a venue of its table; one that is made already is taken as it is.

    Raises
    ------
    pydantic.ValidationError
        With every unknown, missing or mistyped key, else with the first setting a venue cannot have.
    """
    if isinstance(given, SimVenue):
        return given
    if not isinstance(given, Mapping):
        raise PydanticKnownError("dict_type")
    keys = _keys()
    if isinstance(profile := given.get(_PROFILE), str):
        given = {**_begun(profile, given), **given}
    problems = [
        _problem(key, _said(UNKNOWN_KEY, unknown_key(key, keys)), given[key]) for key in given if key not in keys
    ]
    for key, declared in keys.items():
        if key not in given:
            if declared.default is MISSING and declared.default_factory is MISSING:
                problems.append(_problem(key, "missing", given))
        elif key not in _exact_keys() and not _is_text(given[key], declared):
            problems.append(_problem(key, _no_text(key, given[key]), given[key]))
    if problems:
        raise _invalid(problems)
    legs = {leg.name: given[_leg_key(leg.name)] for leg in fields(Latency) if _leg_key(leg.name) in given}
    rest = {keys[key].name: value for key, value in given.items() if not key.endswith(_leg_key(""))}
    try:
        latency = Latency(**legs)
    except InvalidValueError as error:
        raise _refused(_leg_key(error.field), error, given) from None
    try:
        return SimVenue(latency=latency, **rest)
    except InvalidValueError as error:
        raise _refused(error.field, error, given) from None


def to_table(venue: SimVenue) -> dict[str, Any]:
    """Return the table of a venue: lengths of time as text, fees as decimals, None for what is not set."""
    table: dict[str, Any] = {}
    for key, declared in _keys().items():
        value = getattr(venue.latency if key.endswith(_leg_key("")) else venue, declared.name)
        if key in _exact_keys():
            value = None if value is None else Decimal(str(value))
        elif isinstance(value, VenueModel):
            value = value.text
        table[key] = value
    return table


def _begun(profile: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a profile."""
    try:
        settings = profile_settings(profile)
    except InvalidValueError as error:
        raise _refused(_PROFILE, error, given) from None
    legs = {_leg_key(leg): model for leg, model in settings.pop(_LATENCY).items()}
    return {"name": profile, **settings, **legs}


@cache
def _tables_and_numbers() -> tuple[frozenset[str], frozenset[str]]:
    """Return the keys that may be a table of their own, and those that may be a whole number."""
    hints = {name: get_args(hint) for name, hint in get_type_hints(SimVenue).items()}
    tables = frozenset(name for name, kinds in hints.items() if any(get_origin(kind) is Mapping for kind in kinds))
    return tables, frozenset(name for name, kinds in hints.items() if int in kinds)


def _is_text(value: Any, declared: Field[Any]) -> bool:
    if declared.name in _LISTS and isinstance(value, list):
        return all(isinstance(item, _LISTS[declared.name]) for item in value)
    tables, numbers = _tables_and_numbers()
    if isinstance(value, Mapping):
        return declared.name in tables
    if isinstance(value, int):
        return declared.name in numbers and not isinstance(value, bool)
    return isinstance(value, str) or (value is None and declared.default is None)


def _no_text(key: str, value: Any) -> str | PydanticCustomError:
    """Return what to say of a value that is no text: of a number in a length of time's place that it has no unit."""
    if key.endswith(_leg_key("")) or key in LENGTHS:
        try:
            parse_duration(value)
        except InvalidValueError as error:
            return _said(REFUSED, error.problem)
    return "string_type"


def _said(kind: LiteralString, problem: str) -> PydanticCustomError:
    return PydanticCustomError(kind, "{problem}", {"problem": problem})


def _problem(key: str, kind: str | PydanticCustomError, given: Any) -> InitErrorDetails:
    return InitErrorDetails(type=kind, loc=(key,), input=given)


def _refused(key: str, error: InvalidValueError, given: Mapping[str, Any]) -> ValidationError:
    return _invalid([_problem(key, _said(REFUSED, error.problem), given.get(key))])


def _invalid(problems: list[InitErrorDetails]) -> ValidationError:
    return ValidationError.from_exception_data("SimVenue", problems)


VenueTable = Annotated[SimVenue, PlainValidator(from_table), PlainSerializer(to_table)]
"""A simulated venue, a table with its settings in a file."""
