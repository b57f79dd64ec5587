"""What venues list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from tradecore._core import Instrument
from tradecore.errors import TradecoreError

__all__ = ["Listing", "Row", "read_listing", "symbol_of"]

Row: TypeAlias = Mapping[str, Any]
Listing: TypeAlias = tuple[dict[str, Instrument], dict[str, str]]
"""Instruments by id, and by id why others cannot be used."""


def symbol_of(instrument: str) -> str:
    """Return the venue's symbol of an instrument's id."""
    return instrument.rpartition(".")[0]


def read_listing(rows: Iterable[tuple[str, Row]], make: Callable[[str, Row], Instrument]) -> Listing:
    """Make instruments of ids and rows of a venue; of one that cannot be made the reason is kept."""
    listed: dict[str, Instrument] = {}
    unusable: dict[str, str] = {}
    for name, row in rows:
        try:
            listed[name] = make(name, row)
        except TradecoreError as error:
            unusable[name] = str(error)
        except (KeyError, TypeError, ArithmeticError) as error:
            unusable[name] = f"its rules cannot be read: {type(error).__name__}: {error}"
    return listed, unusable
