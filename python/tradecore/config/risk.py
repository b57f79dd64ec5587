"""Limits as a table of a configuration: the fields of their dataclass, and nothing said twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from tradecore.errors import ConfigError, InvalidValueError
from tradecore.files import config_text
from tradecore.risk import SCOPES, RiskLimits, Stops, set_fields
from tradecore.validation import REFUSED, UNKNOWN_KEY, first_problem, unknown_key

__all__ = ["limits_from_table", "limits_to_table", "read_system"]

_KEYS = tuple(each.name for each in fields(RiskLimits))
_STOPS = tuple(each.name for each in fields(Stops))
_Made = TypeVar("_Made", bound=RiskLimits | Stops)

_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Percent = Annotated[float, Field(gt=0, le=100)]


class _System(BaseModel):
    """The risk section of the founding trading system's JSON, with its defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_position_size: _Positive = 10.0
    max_notional_exposure: _Positive = 100_000.0
    max_open_positions: Annotated[int, Field(ge=1)] = 5
    stop_loss_percent: _Percent = 2.0
    trailing_stop_percent: _Percent = 1.5
    enable_circuit_breaker: bool = True
    max_loss_threshold: _Positive = 5_000.0


def read_system(path: str | Path) -> RiskLimits:
    """Read limits from the founding trading system's JSON, whose other sections are not looked at.

    ``max_position_size`` is a quantity in base units; ``max_loss_threshold`` is of a day, and trips unless
    ``enable_circuit_breaker`` is false. Percentages of stops are of the average entry price and of the best price; the
    trailing one holds once the position has gained as much, so that the other one is not idle.

    Raises
    ------
    ConfigError
        With the file and the key path of the first problem.
    """
    text = config_text(Path(path))
    try:
        document = orjson.loads(text)
    except ValueError as error:
        raise ConfigError(str(path), "", f"is not JSON: {error}") from None
    section = document.get("risk") if isinstance(document, dict) else None
    if not isinstance(section, dict):
        raise ConfigError(str(path), "risk", "missing")
    try:
        old = _System.model_validate(section)
    except ValidationError as error:
        key, problem = first_problem(error, _System)
        raise ConfigError(str(path), f"risk.{key}", problem) from None
    return RiskLimits(
        max_position_qty=str(old.max_position_size),
        max_gross=str(old.max_notional_exposure),
        max_open_positions=old.max_open_positions,
        max_daily_loss=str(old.max_loss_threshold),
        on_trip="reduce" if old.enable_circuit_breaker else "refuse",
        stops=Stops(
            stop_loss=f"{old.stop_loss_percent}%",
            trailing=f"{old.trailing_stop_percent}%",
            trailing_from=f"{old.trailing_stop_percent}%",
        ),
    )


def limits_from_table(given: Any) -> RiskLimits | None:
    """Make limits of their table, or of the founding system's file; made ones are taken as they are.

    Raises
    ------
    pydantic.ValidationError
        With every unknown key, else with the first limit that cannot be one.
    """
    if given is None or isinstance(given, RiskLimits):
        return given
    if isinstance(given, str):
        try:
            return read_system(given)
        except ConfigError as error:
            raise PydanticCustomError(REFUSED, "{problem}", {"problem": str(error)}) from None
    return _limits((), given)


def _limits(place: tuple[str, ...], given: Any) -> RiskLimits:
    table = _table(place, given, _KEYS)
    for scope in SCOPES:
        if isinstance(table.get(scope), Mapping):
            table[scope] = {name: _limits((*place, scope, name), inner) for name, inner in table[scope].items()}
    if "stops" in table and not isinstance(table["stops"], Stops):
        stops = _table((*place, "stops"), table["stops"], _STOPS)
        table["stops"] = _made(Stops, (*place, "stops"), stops)
    return _made(RiskLimits, place, table)


def _table(place: tuple[str, ...], given: Any, keys: tuple[str, ...]) -> dict[str, Any]:
    """Return a table whose keys are all known."""
    if not isinstance(given, Mapping):
        raise _invalid([InitErrorDetails(type="dict_type", loc=place, input=given)])
    unknown = [
        InitErrorDetails(
            type=PydanticCustomError(UNKNOWN_KEY, "{problem}", {"problem": unknown_key(key, dict.fromkeys(keys))}),
            loc=(*place, key),
            input=value,
        )
        for key, value in given.items()
        if key not in keys
    ]
    if unknown:
        raise _invalid(unknown)
    return dict(given)


def _made(kind: type[_Made], place: tuple[str, ...], table: dict[str, Any]) -> _Made:
    """Return what a table says, or a problem that names its key."""
    try:
        return kind(**table)
    except InvalidValueError as error:
        said = PydanticCustomError(REFUSED, "{problem}", {"problem": error.problem})
        where = (*place, *error.field.split("."))
        raise _invalid([InitErrorDetails(type=said, loc=where, input=table.get(error.field))]) from None


def limits_to_table(limits: RiskLimits | None) -> dict[str, Any] | None:
    """Return the table of limits: what is set, numbers as they were given, lengths of time as text."""
    if limits is None:
        return None
    table: dict[str, Any] = {}
    for key, value in set_fields(limits).items():
        if key in SCOPES:
            table[key] = {name: limits_to_table(inner) for name, inner in value.items()}
        else:
            table[key] = _plain(value)
    return table


def _plain(value: Any) -> Any:
    """Return a value as a configuration may hold it."""
    if isinstance(value, Stops):
        return {name: _plain(each) for name, each in set_fields(value).items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Decimal) else value


def _invalid(problems: list[InitErrorDetails]) -> ValidationError:
    return ValidationError.from_exception_data("RiskLimits", problems)
