"""Event columns in memory, on their way to worker processes that do not inherit them."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradecore._core import Instrument
from tradecore.data.catalog import COLUMNS

if TYPE_CHECKING:
    import numpy as np

__all__ = ["MappedColumns", "as_arrays", "id_of"]

_SHARED_MEMORY = Path("/dev/shm")
_ALIGNMENT = 64
"""Bytes: columns begin where a cache line does."""


def as_arrays(data: Mapping[Any, Any]) -> dict[str, Any]:
    """Return columns by id, frames among them as the arrays they hold, so that nobody converts them a second time."""
    return {id_of(instrument): _arrays(columns) for instrument, columns in data.items()}


def id_of(instrument: Any) -> Any:
    """Return the id of an instrument, or what was given instead of one."""
    return instrument.id if isinstance(instrument, Instrument) else instrument


def _arrays(columns: Any) -> Any:
    if not isinstance(columns, Mapping) and not hasattr(columns, "columns"):
        return columns  # A backtest says what is wrong with it.
    names = columns if isinstance(columns, Mapping) else columns.columns
    return {
        name: getattr(columns[name], "to_numpy", lambda name=name: columns[name])() for name in COLUMNS if name in names
    }


class MappedColumns:
    """Columns of any number of instruments in memory that other processes map, by a file without a name.

    Nothing is left behind, whatever happens to the processes.
    """

    def __init__(self, data: Mapping[str, Mapping[str, np.ndarray[Any, Any]]]) -> None:
        import numpy as np

        self._places: list[tuple[str, str, str, int, int]] = []
        size = sum(array.nbytes + _ALIGNMENT for columns in data.values() for array in columns.values())
        with tempfile.TemporaryFile(dir=_folder(size)) as file:
            for instrument, columns in data.items():
                for name, array in columns.items():
                    file.seek(-(-file.tell() // _ALIGNMENT) * _ALIGNMENT)
                    place = (instrument, name, array.dtype.str, file.tell(), len(array))
                    self._places.append(place)
                    file.write(np.ascontiguousarray(array).data.cast("B"))
            file.flush()
            self.descriptor = os.dup(file.fileno())

    def open(self) -> dict[str, dict[str, np.ndarray[Any, Any]]]:
        """Return the columns, read-only: in a process that inherited the descriptor."""
        import numpy as np

        memory = mmap.mmap(self.descriptor, 0, access=mmap.ACCESS_READ) if self._places else b""
        data: dict[str, dict[str, np.ndarray[Any, Any]]] = {}
        for instrument, name, dtype, offset, rows in self._places:
            array = np.frombuffer(memory, dtype, rows, offset) if rows else np.empty(0, dtype)
            data.setdefault(instrument, {})[name] = array
        return data

    def close(self) -> None:
        """Let go of the memory, which lives on where it is mapped."""
        os.close(self.descriptor)


def _folder(size: int) -> Path | None:
    """Return where to put so many bytes: in memory, if there is room for twice as many."""
    try:
        room = os.statvfs(_SHARED_MEMORY)
    except OSError:
        return None
    return _SHARED_MEMORY if room.f_bavail * room.f_frsize > 2 * size else None
