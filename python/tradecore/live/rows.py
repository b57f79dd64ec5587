"""The rows that a session's kernel had recorded up to its newest state, in a file beside the segments of its journal.

A state is what a kernel goes on from; what it gave away before is not in it. It says how long this file was when it was
written, so that who goes on from it has the rows as well, and what was added after is cut off.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import orjson

from tradecore._core import record_head
from tradecore.backtest.tables import Stored, joined
from tradecore.errors import JournalError
from tradecore.live.segments import HEAD_BYTES, RecordKind, cannot_write, next_record

__all__ = ["RowsFile"]

_PIECE_BYTES = 4 << 20
"""Of rows that were moved in many small pieces so many are put together when they are read."""


class RowsFile:
    """Rows of tables, in records as those of a journal.

    Parameters
    ----------
    folder : path
        That of the session's journal, which nobody else writes to.
    outlives_power : bool
        Whether what was added has to outlive the machine.
    """

    def __init__(self, folder: Path, *, outlives_power: bool) -> None:
        self._path = folder / "rows.bin"
        self._syncs = outlives_power

    def add(self, pieces: Iterable[Mapping[str, Stored]]) -> int:
        """Append rows, by table; return how long the file is then, bytes.

        Raises
        ------
        JournalError
            When it cannot be written.
        """
        try:
            with self._path.open("ab") as file:
                for piece in pieces:
                    file.writelines(_record(piece))
                file.flush()
                if self._syncs:
                    os.fsync(file.fileno())
                return file.tell()
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def cut(self, length: int) -> None:
        """Leave nothing behind a byte.

        Raises
        ------
        JournalError
            When it cannot be written.
        """
        try:
            if self._path.exists():
                os.truncate(self._path, length)
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def check(self, length: int) -> None:
        """Refuse a file whose first so many bytes are not whole records.

        Raises
        ------
        JournalError
            With the place.
        """
        for _ in self._records(length):
            pass

    def read(self, length: int) -> Iterator[dict[str, Stored]]:
        """Yield the rows of the first so many bytes, by table, in pieces of some MiB.

        Raises
        ------
        JournalError
            Where they are damaged, or not there.
        """
        gathered: dict[str, list[Stored]] = defaultdict(list)
        size = 0
        for data in self._records(length):
            for name, columns in _tables(data).items():
                gathered[name].append(columns)
            size += len(data)
            if size > _PIECE_BYTES:
                yield {name: joined(pieces) for name, pieces in gathered.items()}
                gathered.clear()
                size = 0
        if gathered:
            yield {name: joined(pieces) for name, pieces in gathered.items()}

    def _records(self, length: int) -> Iterator[bytes]:
        if length == 0:
            return
        at = 0
        try:
            with self._path.open("rb") as file:
                while at < length:
                    read = next_record(file)
                    if read is None or at + HEAD_BYTES + len(read[1]) > length:
                        raise JournalError(f"{self._path}, byte {at}", "is damaged, or not there")
                    yield read[1]
                    at += HEAD_BYTES + len(read[1])
        except OSError as error:
            raise JournalError(str(self._path), f"cannot be read: {error.strerror or error}") from error


def _record(piece: Mapping[str, Stored]) -> tuple[bytes, bytes]:
    """Return a record of rows: what there is of which table, as a line of JSON, and the bytes of all columns."""
    layout = [[name, [(key, kind, len(data)) for key, (kind, data) in of.items()]] for name, of in piece.items()]
    columns = (data for of in piece.values() for _, data in of.values())
    data = b"".join((orjson.dumps(layout), b"\n", *columns))
    return record_head(RecordKind.ROWS, data), data


def _tables(data: bytes) -> dict[str, Stored]:
    at = data.index(b"\n") + 1
    tables: dict[str, Stored] = {}
    for name, columns in orjson.loads(data[: at - 1]):
        of: dict[str, tuple[str, bytes]] = {}
        for key, kind, size in columns:
            of[key] = (kind, data[at : at + size])
            at += size
        tables[name] = of
    return tables
