"""The files of a journal: whole segments as they are read, their records, and what is wrong with them."""

from __future__ import annotations

import enum
import gzip
import io
import os
import shutil
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from tradecore._core import RecordScan, gunzip, index_records
from tradecore.errors import JournalError, JournalFullError
from tradecore.files import DISK_FULL, placed

__all__ = [
    "HEAD_BYTES",
    "Record",
    "RecordKind",
    "Segment",
    "cannot_write",
    "compress",
    "first_record",
    "listed",
    "next_record",
    "scanned",
]

_BLOCK = 1 << 19
"""A scan reads so much of a file at a time: a few MB of records, which go through the processor's cache."""

HEAD_BYTES = 9
"""What stands before a record: see ``record_head``."""
_FRAME = struct.Struct("<qH")
"""Before the bytes of a frame, see ``frame_record``: receipt, and length of the venue's name."""


class RecordKind(enum.IntEnum):
    """What a record holds."""

    HEADER = 1
    """JSON: the format's version, the session, its configuration and instruments."""
    ENTRIES = 2
    """What the kernel wrote: an input, and the commands it led to."""
    FRAME = 3
    """Bytes as they came from a venue, with their receipt."""
    STATE = 4
    """The session's state after all entries before it."""
    END = 5
    """JSON: how the session came to its end; where it went on by its name, the rest of it follows."""
    ROWS = 6
    """Rows of tables, in the file that lies beside the segments."""
    CLOCK = 7
    """JSON: by how much a venue's clock was ahead of ours, and when that was measured."""


_KINDS = {int(kind): kind for kind in RecordKind}
_NOT_SCANNED = bytes([RecordKind.HEADER, RecordKind.FRAME, RecordKind.STATE, RecordKind.ROWS])


class Record(NamedTuple):  # of which a journal has millions
    """A record of a journal, and where it stands."""

    kind: RecordKind
    data: bytes
    segment: Path
    at: int

    @property
    def place(self) -> str:
        """Segment and byte, for messages."""
        return f"{self.segment}, byte {self.at}"

    def frame(self) -> tuple[int, str, bytes]:
        """Return receipt (ns UTC), venue and bytes of a frame."""
        ts_recv, length = _FRAME.unpack_from(self.data)
        start = _FRAME.size + length
        return ts_recv, self.data[_FRAME.size : start].decode(), self.data[start:]


class Segment(NamedTuple):
    """A segment in memory, and where its whole records are."""

    path: Path
    data: bytes
    kinds: bytes
    ends: list[int]
    rest: str
    """What is behind them, as ``index_records`` says it."""

    @classmethod
    def read(cls, path: Path) -> Segment:
        """Read a segment.

        Raises
        ------
        JournalError
            When it cannot be read, or unpacked.
        """
        try:
            data = path.read_bytes()
            if path.suffix == ".gz":
                data = gunzip(data)
        except OSError as error:
            raise JournalError(str(path), f"cannot be read: {error}") from error
        return cls(path, data, *index_records(data))

    @property
    def end(self) -> int:
        """Where its last whole record ends."""
        return self.ends[-1] if self.ends else 0

    def records(self) -> Iterator[Record]:
        """Yield its whole records.

        Raises
        ------
        JournalError
            At one of a kind that is not known.
        """
        at = 0
        for kind, end in zip(self.kinds, self.ends, strict=True):
            yield Record(_known(kind, self.path, at), self.data[at + HEAD_BYTES : end], self.path, at)
            at = end

    def of_kind(self, kind: RecordKind) -> Iterator[Record]:
        """Yield its records of a kind, the last first."""
        for index in range(len(self.kinds) - 1, -1, -1):
            if self.kinds[index] == kind:
                at = self.ends[index - 1] if index else 0
                yield Record(kind, self.data[at + HEAD_BYTES : self.ends[index]], self.path, at)

    def check(self, *, is_last: bool) -> None:
        """Refuse what is behind its whole records, but for a torn one where it is the last of its journal.

        Raises
        ------
        JournalError
            With the place.
        """
        _check_rest(self.path, self.end, self.rest, is_last)


def scanned(path: Path, *, since: int = 0, is_last: bool, segment: Segment | None = None) -> Iterator[Record]:
    """Yield what a session is made of again by a segment, without ever having all of it in memory.

    These are the entries, those that stand together as one record, and all that is said once.

    Parameters
    ----------
    path : Path
    since : int
        What begins before this byte is left out.
    is_last : bool
        Whether it is the last of its journal, which may end with a torn record.
    segment : Segment, optional
        The same, where it has been read already.

    Raises
    ------
    JournalError
        When it cannot be read or unpacked, at a record of a kind that is not known, and as of :meth:`Segment.check`.
    """
    is_packed = segment is None and path.suffix == ".gz"
    scan = RecordScan(RecordKind.ENTRIES, _NOT_SCANNED, since=since, is_packed=is_packed)
    try:
        with path.open("rb") if segment is None else io.BytesIO(segment.data) as file:
            while block := file.read(_BLOCK):
                yield from _named(path, scan.push(block))
        found, end, rest = scan.end()
    except OSError as error:
        raise JournalError(str(path), f"cannot be read: {error}") from error
    yield from _named(path, found)
    _check_rest(path, end, rest, is_last)


def _named(path: Path, found: list[tuple[int, bytes, int]]) -> Iterator[Record]:
    for kind, data, at in found:
        yield Record(_known(kind, path, at), data, path, at)


def _known(kind: int, path: Path, at: int) -> RecordKind:
    if kind not in _KINDS:
        raise JournalError(f"{path}, byte {at}", f"is of a later version: there is no record of kind {kind}")
    return _KINDS[kind]


def _check_rest(path: Path, end: int, rest: str, is_last: bool) -> None:
    if rest == "damaged" or (rest == "torn" and not is_last):
        raise JournalError(f"{path}, byte {end}", "is damaged: the record does not have its checksum")


def first_record(path: Path) -> Record | None:
    """Return the first record of a segment, of which no more is read; None without one.

    Raises
    ------
    JournalError
        When it cannot be read.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            read = next_record(file)
    except (OSError, EOFError, zlib.error) as error:
        raise JournalError(str(path), f"cannot be read: {error}") from error
    return None if read is None or read[0] not in _KINDS else Record(_KINDS[read[0]], read[1], path, 0)


def next_record(file: IO[bytes] | gzip.GzipFile) -> tuple[int, bytes] | None:
    """Read one record of a file, its kind and itself; None where there is none that is whole."""
    head = file.read(HEAD_BYTES)
    data = file.read(int.from_bytes(head[:4], "little"))
    kinds, _, _ = index_records(head + data)
    return (kinds[0], data) if kinds else None


def listed(folder: Path) -> list[tuple[int, Path]]:
    """Return the segments of a journal in order; of one that is there twice, the one that is whole."""
    found: dict[int, Path] = {}
    for path in sorted(folder.glob("*.tcj*")):
        stem, _, rest = path.name.partition(".")
        # Where both are there, the plain one has not been removed yet and is as good.
        if stem.isdigit() and rest in ("tcj", "tcj.gz"):
            found.setdefault(int(stem), path)
    return sorted(found.items())


def cannot_write(path: Path, error: OSError) -> JournalError:
    """Return the error that names a file of a journal and why it cannot be written."""
    kind = JournalFullError if error.errno in DISK_FULL else JournalError
    return kind(str(path), f"cannot be written: {error.strerror or error}")


def compress(path: Path) -> None:
    """Compress a segment that is full; where that cannot be done it stays as it is."""
    packed = path.with_name(path.name + ".gz")
    with suppress(OSError, JournalError), placed(packed) as fresh:
        with path.open("rb") as plain, gzip.GzipFile(fresh, "wb", compresslevel=1, mtime=0) as file:
            shutil.copyfileobj(plain, file)
        with fresh.open("rb+") as whole:
            os.fsync(whole.fileno())
    if packed.exists():
        path.unlink(missing_ok=True)
