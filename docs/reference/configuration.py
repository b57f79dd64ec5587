"""The reference of configuration files, from the models that read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields
from datetime import timedelta
from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import griffe
from pydantic import BaseModel
from text import cell, code, markdown, table

from tradecore.config import BacktestConfig
from tradecore.config.texts import IntervalText
from tradecore.risk import RiskLimits, Stops
from tradecore.strategies.registry import REGISTRY
from tradecore.strategy import Duration
from tradecore.venue import Latency, SimVenue

_INTRO = """# Configuration

The keys of a backtest's TOML file, as `tradecore backtest --config FILE` reads it. An unknown key, a wrong type or a
contradiction is an error that names the file and the key. `_config.toml` among the files of a run is the configuration
it ran with, command line included. The format of the founding market maker is accepted too: see
[The founding configuration](../founding.md).

A *duration* is text such as `"100ms"`, `"1s"`, `"5m"`. Prices, quantities and fees are best written as text, which is
read exactly.
"""

_TABLES = {
    "risk": "[risk]",
    "data": "[data]",
    "tardis": "[data.tardis]",
    "venues": "[[venues]]",
    "strategies": "[[strategies]]",
    "output": "[output]",
    "instruments": "[[instruments]]",
    "mode": "[mode]",
    "connections": "[[mode.connections]]",
    "log": "[log]",
    "metrics": "[metrics]",
    "server": "[server]",
    "alerts": "[alerts]",
    "targets": "[[alerts.targets]]",
}
"""How the tables of a file are headed, by the field that holds them."""

_TOLD = {"stops": "table", "take_profit": "text, number or list of pairs"}
"""Types of keys that their annotations tell too much of."""

_HEAD = ("key", "type", "default", "meaning")


def configuration_page(package: griffe.Module) -> str:
    """Return the page."""
    parts = [_INTRO, "## Top level\n", table(_HEAD, _rows(package, BacktestConfig))]
    for name, heading in _TABLES.items():
        parts.append(f"## `{heading}` {{ #{name} }}\n")
        match name:
            case "venues":
                parts += ["One table a venue; a venue that is not named has these defaults.\n"]
                parts.append(table(_HEAD, _venue_rows(package)))
            case "risk":
                parts += ["Sets for single venues, instruments and strategies are tables in it, such as\n"]
                parts += ['`[risk.instruments."BTCUSDT.BINANCE"]`.\n', table(_HEAD, _limit_rows(package, RiskLimits))]
                parts += [
                    "## `[risk.stops]` { #stops }\n",
                    "What closes positions by itself; each set of limits may have one.\n",
                ]
                parts.append(table(_HEAD, _limit_rows(package, Stops)))
            case "instruments":
                parts += ["Specifications that go before those of the catalog and the shipped ones.\n"]
                parts.append(table(_HEAD, _instrument_rows(package)))
            case _:
                parts.append(table(_HEAD, _rows(package, _model(BacktestConfig, name))))
    parts.append("## Parameters of the shipped strategies { #strategy-parameters }\n")
    parts.append(
        "Keys of `params`, by the strategy's `kind`. Those of your own strategy are its annotated attributes.\n"
    )
    for kind, strategy in REGISTRY.items():
        described = _described(package[f"strategies.{kind}.{strategy.__name__}"])
        hints = get_type_hints(strategy, include_extras=True)
        rows = [
            (code(name), cell(_words(hints[name])), _default(default), cell(described.get(name, "")))
            for name, (_, default) in strategy.parameters().items()
        ]
        parts += [f"### `{kind}` {{ #{kind} }}\n", table(_HEAD, rows)]
    return "\n".join(parts)


def _model(model: type[BaseModel], name: str) -> type[BaseModel]:
    """Return the model of a table, at whatever depth."""
    for field, info in model.model_fields.items():
        for inner in _models(info.annotation):
            if field == name:
                return inner
            if name in inner.model_fields:
                return _model(inner, name)
    raise LookupError(name)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _rows(package: griffe.Module, model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    documented = package[f"{model.__module__.removeprefix('tradecore.')}.{model.__name__}"].members
    hints = get_type_hints(model, include_extras=True)
    for name, info in model.model_fields.items():
        if any(_models(info.annotation)) or (model is BacktestConfig and name in _TABLES):
            continue
        doc = documented[name].docstring
        default = ... if info.is_required() else info.get_default(call_default_factory=True)
        yield code(name), cell(_words(hints[name])), _default(default), cell(markdown(doc.value if doc else ""))


def _venue_rows(package: griffe.Module) -> Iterator[tuple[str, ...]]:
    venue, latency = (_described(package[f"venue.{cls.__name__}"]) for cls in (SimVenue, Latency))
    hints = get_type_hints(SimVenue)
    for own in fields(SimVenue):
        if own.name == "latency":
            for leg in fields(Latency):
                yield code(f"{leg.name}_latency"), "duration", _default(leg.default), cell(latency[leg.name])
        else:
            default = ... if own.default is MISSING else own.default
            kind = "duration or `auto`" if own.name == "clock_lead" else _words(hints[own.name])
            yield code(own.name), cell(kind), _default(default), cell(venue[own.name])


def _limit_rows(package: griffe.Module, limits: type[RiskLimits | Stops]) -> Iterator[tuple[str, ...]]:
    described = _described(package[f"risk.{limits.__name__}"])
    hints = get_type_hints(limits)
    for own in fields(limits):
        is_set = own.default is MISSING
        is_length = timedelta in get_args(hints[own.name])
        kind = _TOLD.get(own.name) or ("tables of limits" if is_set else _words(hints[own.name]))
        kind = "duration" if is_length else kind
        yield code(own.name), cell(kind), _default(None if is_set else own.default), cell(described[own.name])


def _instrument_rows(package: griffe.Module) -> Iterator[tuple[str, ...]]:
    spec = package["_core.Instrument"]
    described = _described(spec)
    times = {"expiry_ns": "expiry", "listing_ns": "listing"}
    for parameter in spec.members["__new__"].parameters:
        if parameter.name == "cls":
            continue
        name = times.get(parameter.name, parameter.name)
        kind = "time with its zone" if name in times.values() else "text"
        if "_Exact" in str(parameter.annotation):
            kind = "text or number"
        elif name == "changes":
            kind = "list of tables"
        default = ... if parameter.default is None else None
        meaning = described[parameter.name].replace(", ns UTC", "")
        yield code(name), kind, _default(default), cell(meaning)


def _described(documented: griffe.Object | griffe.Alias) -> dict[str, str]:
    """Return what a docstring says of each parameter."""
    docstring = documented.docstring
    sections = docstring.parse("numpy", warnings=False) if docstring else []
    return {
        item.name: markdown(item.description)
        for section in sections
        if section.kind is griffe.DocstringSectionKind.parameters
        for item in section.value
    }


def _default(value: Any) -> str:
    """Return a default as TOML would write it."""
    match value:
        case ellipsis if ellipsis is ...:
            return "required"
        case None | () | {}:
            return ""
        case bool():
            return code(str(value).lower())
        case str():
            return code(f'"{value}"')
    return code(str(value))


def _words(annotation: Any) -> str:
    """Return a type in the words of a configuration file."""
    if annotation in (Duration, IntervalText):
        return "duration"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if Decimal in (annotation, *arguments):
        return "text or number"
    if origin is Annotated:
        return "duration" if Duration.__metadata__[0] in arguments else _words(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{argument}`" for argument in arguments)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_words(argument) for argument in arguments if argument is not NoneType))
    if origin is tuple:
        return f"list of {_words(arguments[0])}"
    names = {"str": "text", "int": "integer", "float": "number", "bool": "`true` or `false`"}
    return names.get(getattr(annotation, "__name__", ""), "table")
