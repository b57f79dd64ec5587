"""Which instruments a session knows and trades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tradecore._core import Instrument
from tradecore.errors import ConfigError, InstrumentError
from tradecore.instruments import instrument_from_dict

__all__ = ["Scope", "own_instruments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The instruments a session can trade.

    Parameters
    ----------
    known : tuple of str
        Their ids.
    symbol : str, optional
        The only one to trade, by id or symbol.
    source : str
        Where the configuration came from, for messages.
    place : str
        Where the instruments are, for messages: ``"the data"``.

    Raises
    ------
    ConfigError
        When ``symbol`` is not among them.
    """

    known: tuple[str, ...]
    symbol: str | None = None
    source: str
    place: str

    def __post_init__(self) -> None:
        if self.symbol is not None and not self.selected:
            raise self.missing("--symbol", self.symbol)

    @property
    def selected(self) -> tuple[str, ...]:
        """Those to trade."""
        if self.symbol is None:
            return self.known
        return tuple(i for i in self.known if self.symbol in (i, i.rpartition(".")[0]))

    def missing(self, key: str, instrument: str) -> ConfigError:
        """Return the error for a key that names an instrument that is not there."""
        there = ", ".join(self.selected or self.known)
        return ConfigError(self.source, key, f"{instrument} is not in {self.place}; there is {there}")


def own_instruments(tables: Sequence[Mapping[str, Any]], source: str) -> dict[str, Instrument]:
    """Return the instruments that a configuration specifies itself, by id.

    Raises
    ------
    ConfigError
        For a specification that does not hold together, or an id that is there twice.
    """
    instruments: dict[str, Instrument] = {}
    for index, table in enumerate(tables):
        try:
            instrument = instrument_from_dict(_as_written(table))
        except InstrumentError as error:
            named = f"{table['id']!r} " if error.field == "id" and "id" in table else ""
            raise ConfigError(source, f"instruments.{index}.{error.field}", f"{named}{error.problem}") from None
        if instrument.id in instruments:
            raise ConfigError(source, f"instruments.{index}.id", f"{instrument.id} is there twice")
        instruments[instrument.id] = instrument
    return instruments


def _as_written(given: Any) -> Any:
    """Return what a table of TOML holds with its floats as the decimals that were written."""
    if isinstance(given, float):
        return Decimal(repr(given))
    if isinstance(given, Mapping):
        return {key: _as_written(value) for key, value in given.items()}
    return [_as_written(each) for each in given] if isinstance(given, list) else given
