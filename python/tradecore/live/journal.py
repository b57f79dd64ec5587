"""The journal of a session: an append-only file of all that went into its kernel and came out of it.

A folder of segments, ``000001.tcj``, ``000002.tcj`` and so on, each of records one after the other: the length and the
CRC-32 of what follows (little-endian, 32 bits each), a byte that says what it is, and the record itself. The first
record of every segment says whose it is. A segment is allocated before it is written, so what follows its last record
is zeros; one that is full is compressed (``.tcj.gz``) while the next is written. Beside them lies ``rows.bin``, see
``rows``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

import orjson

from tradecore._core import frame_record, record_head
from tradecore.errors import InvalidValueError, JournalError, JournalFullError
from tradecore.files import DISK_FULL
from tradecore.live.segments import Record, RecordKind, Segment, cannot_write, compress, first_record, listed, scanned
from tradecore.locks import locked

__all__ = ["Durability", "JournalReader", "JournalWriter", "Record", "RecordKind", "session_to_resume"]

VERSION = 1
SEGMENT_BYTES = 64 << 20
RESERVE_BYTES = 256 << 10
"""What is kept free at the end of a segment for the time when there is no room for another: cancels come first then."""

_BUFFER_BYTES = 64 << 10

T = TypeVar("T")
Durability: TypeAlias = Literal["process", "power"]
"""What the records that were flushed outlive: the process, or the machine."""


class JournalWriter:
    """Appends records to a journal.

    Records are gathered in memory until :meth:`flush`, which has to come before a command leaves: it hands them to the
    system (``process``: they outlive this process) or waits for the disk (``power``: they outlive the machine).

    Parameters
    ----------
    folder : path
        Made if it is not there. Records go on behind the last whole one that is there; a torn one is cut off.
    header : mapping
        JSON values that say whose journal it is; written at the begin of each segment.
    durability : "process" or "power"
    segment_bytes : int
        When the next segment begins; at least 1 MiB.

    Raises
    ------
    JournalError
        For a folder that another process writes to, or a journal that is damaged elsewhere than at its end.
    """

    def __init__(
        self,
        folder: str | Path,
        header: Mapping[str, Any],
        *,
        durability: Durability = "process",
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        if durability not in ("process", "power"):
            raise InvalidValueError("durability", f"expected 'process' or 'power', got {durability!r}")
        if segment_bytes < 1 << 20:
            raise InvalidValueError("segment_bytes", f"expected at least 1048576, got {segment_bytes}")
        self.folder = Path(folder)
        self._header = orjson.dumps({"version": VERSION, **header}, option=orjson.OPT_SORT_KEYS)
        self.outlives_power = durability == "power"
        """Whether what is flushed has to outlive the machine."""
        self._size = segment_bytes
        self._gathered: list[bytes] = []
        self._bytes = 0
        self.written_bytes = 0
        """What was handed to the system since this writer was made."""
        self._squeezer: threading.Thread | None = None
        self._file = -1
        with ExitStack() as stack:
            problem = "another process writes to this journal; end it, or name another folder as journal in [mode]"
            busy = JournalError(str(self.folder), problem)
            stack.enter_context(locked(self._made, patience_s=0, busy=lambda: busy))
            self._open_last()
            self._lock = stack.pop_all()

    @property
    def waiting_bytes(self) -> int:
        """What is gathered in memory and not written yet."""
        return self._bytes

    @property
    def segment(self) -> int:
        """Number of the segment that is written to."""
        return self._number

    def entries(self, data: bytes) -> None:
        """Append what a kernel wrote."""
        if data:
            self._append(RecordKind.ENTRIES, data)

    def frame(self, ts_recv: int, venue: str, data: bytes) -> None:
        """Append bytes as they came from a venue."""
        self.records(frame_record(RecordKind.FRAME, ts_recv, venue, data))

    def records(self, *data: bytes) -> None:
        """Append whole records, with what stands before each, in any number of pieces."""
        self._gathered += data
        self._bytes += sum(map(len, data))
        if self._bytes > _BUFFER_BYTES:
            self.flush()

    def clock(self, at_ns: int, venue: str, offset_ns: int) -> None:
        """Append by how much a venue's clock is ahead of ours."""
        self._append(RecordKind.CLOCK, orjson.dumps({"at_ns": at_ns, "venue": venue, "offset_ns": offset_ns}))

    def state(self, saved: bytes) -> None:
        """Append the session's state after all entries so far."""
        self._append(RecordKind.STATE, saved)

    def end(self, told: Mapping[str, Any]) -> None:
        """Append how the session ended: its last record, unless it goes on."""
        self._append(RecordKind.END, orjson.dumps(told, option=orjson.OPT_SORT_KEYS))

    def flush(self) -> None:
        """Hand what was appended to the system, or to the disk.

        Raises
        ------
        JournalFullError
            When the disk has no room; what was appended stays in memory, and :meth:`flush_reserved` writes it.
        JournalError
            When it cannot be written for another reason.
        """
        if not self._gathered:
            return
        if self._at + self._bytes > self._size - RESERVE_BYTES:
            self._rotate()
        self._write()

    def flush_reserved(self) -> None:
        """Write what was appended to the room that is kept for the end of a session.

        Raises
        ------
        JournalError
            When there is none left of it either.
        """
        if self._bytes > self._size - self._at:
            raise JournalError(str(self._path), "the room reserved for the end of a session is full")
        self._write()

    def close(self) -> None:
        """Flush, cut the segment to its length and give the folder free."""
        if self._file < 0:
            return
        try:
            self._write()
            os.ftruncate(self._file, self._at)
            os.fsync(self._file)
        except OSError as error:
            raise cannot_write(self._path, error) from error
        finally:
            os.close(self._file)
            self._file = -1
            if self._squeezer is not None:
                self._squeezer.join()
            self._lock.close()

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _made(self) -> Path:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            problem = (
                f"cannot be made: {error.strerror or error}; mode.journal (--journal) names the folder of journals"
            )
            raise JournalError(str(self.folder), problem) from error
        return self.folder

    def _append(self, kind: RecordKind, data: bytes) -> None:
        self.records(record_head(kind, data), data)

    def _write(self) -> None:
        if not self._gathered:
            return
        data = b"".join(self._gathered)
        try:
            written = os.pwrite(self._file, data, self._at)
            while written < len(data):
                written += os.pwrite(self._file, data[written:], self._at + written)
            if self.outlives_power:
                os.fdatasync(self._file)
        except OSError as error:
            raise cannot_write(self._path, error) from error
        self._at += len(data)
        self.written_bytes += len(data)
        self._gathered.clear()
        self._bytes = 0

    def _open_last(self) -> None:
        segments = listed(self.folder)
        if not segments:
            self._begin(1)
            return
        number, path = segments[-1]
        if path.suffix == ".gz":  # it was closed, and the next was not begun
            self._begin(number + 1)
            return
        segment = Segment.read(path)
        for record in segment.of_kind(RecordKind.HEADER):
            _check_version(record)
        segment.check(is_last=True)
        end = segment.end
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._path, self._number, self._at = path, number, end
        with suppress(OSError):
            os.ftruncate(self._file, end)
            _allocate(self._file, self._size)
        if end == 0:
            self._head()

    def _begin(self, number: int) -> None:
        path = self.folder / f"{number:06}.tcj"
        # It has its name once it has a header: a process may be killed before.
        unnamed = path.with_suffix(".new")
        try:
            file = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                _allocate(file, self._size)
            except OSError:
                os.close(file)
                unnamed.unlink()
                raise
        except OSError as error:
            if error.errno in DISK_FULL:
                raise JournalFullError(
                    str(path), f"no room for another segment of {self._size >> 20} MiB on this disk"
                ) from error
            raise cannot_write(path, error) from error
        self._path, self._number, self._file, self._at = path, number, file, 0
        self._head()
        unnamed.rename(path)

    def _head(self) -> None:
        kept, self._gathered = self._gathered, []
        size, self._bytes = self._bytes, 0
        self._append(RecordKind.HEADER, self._header)
        self._write()
        self._gathered, self._bytes = kept, size

    def _rotate(self) -> None:
        old_file, old_path, old_at = self._file, self._path, self._at
        self._begin(self._number + 1)
        os.ftruncate(old_file, old_at)
        os.fsync(old_file)
        os.close(old_file)
        if self._squeezer is not None:
            self._squeezer.join()
        self._squeezer = threading.Thread(target=compress, args=(old_path,), name="tradecore-journal")
        self._squeezer.start()


class JournalReader:
    """Reads a journal, also one that is being written.

    Parameters
    ----------
    folder : path

    Attributes
    ----------
    header : dict
        What its first record says.

    Raises
    ------
    JournalError
        For a folder without a journal, or one of a version that is not known.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._paths = listed(self.folder)
        if not self._paths:
            raise JournalError(str(self.folder), _why_none(self.folder))
        first = first_record(self._paths[0][1])
        if first is None or first.kind is not RecordKind.HEADER:
            problem = "does not begin with a whole record that says whose it is: no journal, or cut off as it began"
            raise JournalError(str(self._paths[0][1]), problem)
        self.header: dict[str, Any] = _check_version(first)
        self._last: Segment | None = None

    def __iter__(self) -> Iterator[Record]:
        """Yield the records in order; a torn one at the very end is left out.

        Raises
        ------
        JournalError
            Where a record is damaged, or a segment is missing, with the place.
        """
        for segment, is_last in _ahead((Segment.read(path), is_last) for path, is_last in self._files()):
            yield from segment.records()
            segment.check(is_last=is_last)

    @property
    def has_ended(self) -> bool:
        """Whether its session came to its end in order."""
        last = Segment.read(self._paths[-1][1])
        last.check(is_last=True)
        return last.kinds[-1:] == bytes([RecordKind.END])

    def states(self) -> Iterator[Record]:
        """Yield the states in it, the newest first; of a segment that cannot be read none."""
        for _, path in reversed(self._paths):
            with suppress(JournalError):
                self._last = Segment.read(path)
                yield from self._last.of_kind(RecordKind.STATE)

    def gathered(self, after: Record | None = None) -> Iterator[Record]:
        """Yield what a session is made of again, all or behind a record, in order: entries that stand together as one.

        Raises
        ------
        JournalError
            As when the records are read.
        """
        return _ahead(self._scanned(after))

    def pieces(self, after: Record | None = None) -> Iterator[bytes]:
        """Yield the kernel's entries, all or those behind a record, in pieces of whole records.

        Raises
        ------
        JournalError
            As when the records are read.
        """
        return (record.data for record in self.gathered(after) if record.kind is RecordKind.ENTRIES)

    def entries(self) -> bytes:
        """Return all entries of the kernel, as :meth:`Kernel.replay` takes them."""
        return b"".join(self.pieces())

    def _scanned(self, after: Record | None) -> Iterator[Record]:
        last, self._last = self._last, None
        for path, is_last in self._files(after):
            since = after.at if after is not None and path == after.segment else 0
            # One that was looked at for its states just now is there.
            segment = last if last is not None and last.path == path else None
            yield from scanned(path, since=since, is_last=is_last, segment=segment)

    def _files(self, after: Record | None = None) -> Iterator[tuple[Path, bool]]:
        """Yield all segments or those from a record's on, and whether each is the last."""
        first = 0 if after is None else [path for _, path in self._paths].index(after.segment)
        paths = self._paths[first:]
        expected = 1 if after is None else paths[0][0]
        for index, (number, path) in enumerate(paths):
            if number != expected + index:
                raise JournalError(str(path), f"segment {expected + index:06} is missing before it")
            yield path, index == len(paths) - 1


def _ahead(found: Iterator[T]) -> Iterator[T]:
    """Yield what is found, the next one looked for meanwhile."""
    with ThreadPoolExecutor(1, "tradecore-journal") as pool:
        ahead = pool.submit(next, found, None)
        while (one := ahead.result()) is not None:
            ahead = pool.submit(next, found, None)
            yield one


def _why_none(folder: Path) -> str:
    """Return why a folder has no journal."""
    if not folder.exists():
        return "no such folder"
    if not folder.is_dir():
        return f"is a file: a journal is the folder that its files are in, here {folder.parent}"
    if inside := sorted({first.parent.name for first in folder.glob("*/000001.tcj*")}):
        return f"holds no journal, but folders of sessions: name one of {', '.join(inside)}"
    return "holds no journal: no file such as 000001.tcj"


def _allocate(file: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):  # macOS has none
        os.posix_fallocate(file, 0, size)
    else:
        os.ftruncate(file, size)


def _check_version(record: Record) -> dict[str, Any]:
    header = orjson.loads(record.data)
    if header.get("version") != VERSION:
        raise JournalError(record.place, f"is of version {header.get('version')}, known is {VERSION}")
    return dict(header)


def session_to_resume(folder: Path, name: str | None = None) -> JournalReader | None:
    """Return what reads the journal, of those in a folder, that a session goes on with; None where it begins anew.

    That is the one whose session has not come to its end in order, and where all have, the one of the name.

    Raises
    ------
    JournalError
        Where several have not ended.
    """
    readers = {first.parent.name: JournalReader(first.parent) for first in sorted(folder.glob("*/000001.tcj*"))}
    cut = [called for called, reader in readers.items() if not reader.has_ended]
    if len(cut) > 1:
        problem = f"holds several sessions that have not ended: {', '.join(cut)}; move all but one away"
        raise JournalError(str(folder), problem)
    return readers.get(cut[0] if cut else name or "")
