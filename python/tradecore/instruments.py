"""Instruments: the shipped specifications, and loading them from TOML or JSON."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from tradecore._core import Instrument, tardis_venues
from tradecore.errors import ConfigError, InstrumentError, InvalidValueError, UnknownInstrumentError
from tradecore.files import config_text
from tradecore.hints import did_you_mean

__all__ = [
    "TARDIS_VENUES",
    "find_instrument",
    "instrument_from_dict",
    "load_instruments",
    "shipped_instruments",
    "venue_of",
]

TARDIS_VENUES = tardis_venues()
"""Our venue names for Tardis exchange ids; other ids become upper case with underscores."""

_REQUIRED = ("kind", "base", "quote", "price_increment", "qty_increment")
_OPTIONAL = (
    "settlement",
    "tick_size",
    "lot_size",
    "min_qty",
    "max_qty",
    "min_notional",
    "contract_size",
    "maker_fee_bps",
    "taker_fee_bps",
    "fee_currency",
    "expiry_ns",
    "strike",
    "option_side",
    "outcome",
    "listing_ns",
    "settlement_price",
    "changes",
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instrument_from_dict(spec: Mapping[str, Any]) -> Instrument:
    """Build an instrument from its specification.

    Parameters
    ----------
    spec : mapping
        ``id`` and the keyword arguments of :class:`Instrument`; numbers as text, integers or decimals. ``expiry`` may
        stand for ``expiry_ns`` and ``listing`` for ``listing_ns``: a time with its zone, as text in ISO 8601 or as
        TOML writes one, like ``from`` of a change.

    Raises
    ------
    InstrumentError
        For a missing, unknown or contradictory field, or one with a value that it cannot have.
    """
    fields = dict(spec)
    name = str(fields.pop("id", "?"))
    for field in ("expiry", "listing"):
        if (time := fields.pop(field, None)) is not None:
            if fields.get(f"{field}_ns") is not None:
                raise InstrumentError(name, field, f"is given as {field}_ns too")
            fields[f"{field}_ns"] = time_ns(name, field, time)
    known = (*_REQUIRED, *_OPTIONAL)
    if unknown := sorted(set(fields) - set(known)):
        raise InstrumentError(name, unknown[0], f"unknown field{did_you_mean(unknown[0], known)}")
    if missing := [field for field in ("id", *_REQUIRED) if spec.get(field) is None]:
        raise InstrumentError(name, missing[0], "missing")
    try:
        return Instrument(name, **{k: v for k, v in fields.items() if v is not None})
    except InvalidValueError as error:
        raise InstrumentError(name, error.field, error.problem) from None
    except TypeError as error:
        raise _mistyped(name, fields, error) from None
    except UnicodeEncodeError as error:  # for half a character, which JSON can hold
        raise InstrumentError(name, "specification", str(error)) from None


def _mistyped(name: str, fields: Mapping[str, Any], error: TypeError) -> InstrumentError:
    """Return the error for a value of another type, whose field stands in a note, of a number before what is wrong."""
    note = next(iter(getattr(error, "__notes__", ())), "")
    field = note.removeprefix("while processing ").strip("'") or str(error).partition(":")[0]
    if field not in fields:
        return InstrumentError(name, "specification", str(error))
    expected = "a list of tables" if field == "changes" else "text" if note else 'a number as text, such as "0.1"'
    return InstrumentError(name, field, f"expected {expected}, got {fields[field]!r}")


def time_ns(name: str, field: str, given: object) -> int:
    """Return a time of a specification, a datetime or text in ISO 8601 with its zone, in ns UTC."""
    try:
        time = datetime.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        time = None
    if not isinstance(time, datetime) or time.tzinfo is None:
        raise InstrumentError(name, field, f"{str(given)!r} is not a time with its zone: 2026-12-25T08:00:00Z")
    return (time - _EPOCH) // timedelta(microseconds=1) * 1_000


def load_instruments(path: str | Path) -> dict[str, Instrument]:
    """Load instruments from a TOML or JSON file.

    The file holds a list ``instruments`` of specifications; a JSON file may also be that list itself.

    Parameters
    ----------
    path : path
        ``.toml`` or ``.json``.

    Returns
    -------
    dict of str to Instrument
        By id.

    Raises
    ------
    ConfigError
        When the file is missing, is not TOML or JSON, or lacks the list.
    InstrumentError
        When a specification does not hold together, or an id is there twice.

    Examples
    --------
    ::

        specs = tc.load_instruments("instruments.toml")
        tc.Backtest([Maker("m", list(specs))], "market", specs=specs)
    """
    path = Path(path)
    text = config_text(path)
    try:
        document: Any = (
            json.loads(text, parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_no_key_twice)
            if path.suffix == ".json"
            else tomllib.loads(text, parse_float=Decimal)
        )
    # Some numbers are too long for Python or decimals, and some nesting too deep.
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise ConfigError(str(path), "", f"cannot be read: {error}") from None
    specs = document.get("instruments") if isinstance(document, dict) else document
    if not isinstance(specs, list) or not all(isinstance(spec, dict) for spec in specs):
        raise ConfigError(str(path), "instruments", "expected a list of specifications")
    loaded: dict[str, Instrument] = {}
    for spec in specs:
        instrument = instrument_from_dict(spec)
        if instrument.id in loaded:
            raise InstrumentError(instrument.id, "id", f"is twice in {path}")
        loaded[instrument.id] = instrument
    return loaded


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return table


@cache
def shipped_instruments() -> Mapping[str, Instrument]:
    """Return the instruments whose specifications ship with tradecore, by id.

    Examples
    --------
    >>> tc.shipped_instruments()["BTCUSDT.BINANCE_USDM"].tick_size
    Decimal('0.1')
    """
    with resources.as_file(resources.files("tradecore") / "specs" / "instruments.toml") as path:
        return load_instruments(path)


def venue_of(instrument: str) -> str:
    """Return the venue of an instrument's id."""
    return instrument.rpartition(".")[2]


def find_instrument(instrument: str, own: Mapping[str, Instrument] | None = None) -> Instrument:
    """Find an instrument by id, among one's own first, then among the shipped ones.

    Raises
    ------
    UnknownInstrumentError
        When neither knows it.

    Examples
    --------
    >>> tc.find_instrument("BTCUSDT.BINANCE_USDM").kind
    'linear'
    """
    for known in (own or {}, shipped_instruments()):
        if instrument in known:
            return known[instrument]
    raise UnknownInstrumentError(instrument, tuple(sorted({*(own or {}), *shipped_instruments()})))
