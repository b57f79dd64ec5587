"""The rows of a session, moved from its kernel's memory to disk as they come, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tradecore.backtest.tables import TableStore

__all__ = ["SessionTables"]


class SessionTables:
    """What a session's kernel has recorded, in the order it was taken.

    Parameters
    ----------
    instruments, strategies : sequence of str

    Attributes
    ----------
    store : TableStore
        All rows, once :meth:`end` has taken the last.
    """

    def __init__(self, instruments: Sequence[str], strategies: Sequence[str]) -> None:
        self.store = TableStore(instruments, strategies)
        self._moved = 0

    def move(self, tables: Mapping[str, Mapping[str, Any]]) -> None:
        """Move rows that the kernel gave away to disk, in a folder that lives as long as the store.

        Raises
        ------
        CatalogError
            Where it cannot be written: these rows are lost to the tables, not to the journal.
        """
        if any(_has_rows(columns) for columns in tables.values()):
            self.store.spill(tables, self._moved)
            self._moved += 1

    def end(self, tables: Mapping[str, Mapping[str, Any]]) -> None:
        """Take the last rows."""
        self.store.keep(tables, self._moved)


def _has_rows(columns: Mapping[str, Any]) -> bool:
    first = next(iter(columns.values()))
    return first is not None and len(first[1]) > 0
