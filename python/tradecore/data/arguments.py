"""What the functions on data are given: instruments and files, in the forms that people have them in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tradecore._core import Instrument
from tradecore.errors import DataError, InvalidValueError
from tradecore.instruments import find_instrument

__all__ = ["id_of", "instrument_of", "paths_of"]

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):[/\\]+(.*)")
"""Of one letter it is a drive."""


def id_of(instrument: str | Instrument) -> str:
    """Return the id of an instrument that is given by it, or as a whole.

    Raises
    ------
    InvalidValueError
        For anything else.
    """
    if isinstance(instrument, Instrument):
        return instrument.id
    if isinstance(instrument, str):
        return instrument
    raise InvalidValueError("instrument", f"expected an id such as BTCUSDT.SYNTH or an Instrument, got {instrument!r}")


def instrument_of(instrument: str | Instrument) -> Instrument:
    """Return an instrument that is given as a whole, or by the id of a shipped one.

    Raises
    ------
    UnknownInstrumentError
        For an id that is none of a shipped one.
    InvalidValueError
        For anything else.
    """
    return instrument if isinstance(instrument, Instrument) else find_instrument(id_of(instrument))


def paths_of(paths: str | Path | Sequence[str | Path]) -> list[Path]:
    """Return the paths of files that are given as a list, or as the path of the only one.

    Raises
    ------
    InvalidValueError
        For no path at all, or what is none.
    DataError
        For an address, a pipe, or what else is there and no file.
    """
    if isinstance(paths, (str, Path)):
        paths = [paths]
    given = list(paths) if isinstance(paths, Sequence) else paths
    if not isinstance(given, list) or not given or not all(isinstance(path, (str, Path)) for path in given):
        raise InvalidValueError("paths", f"expected the path of a file, or a list of them, got {given!r}")
    files = [Path(path) for path in given]
    for file in files:
        # A path has one slash where an address has two.
        if (address := _ADDRESS.fullmatch(str(file))) and not file.exists():
            said = "{}://{}".format(*address.groups())
            raise DataError(said, 0, "is an address, and nothing is fetched: download it and name the file")
        # Whose they are is told by a first look, and what has been read of a pipe is gone.
        if file.exists() and not (file.is_file() or file.is_dir()):
            raise DataError(str(file), 0, "is a pipe or a device, which cannot be read twice: expected a file")
    return files
