"""What a catalog knows of an instrument: its specification, and what each of its parts holds.

A manifest is a part without rows, with a text in JSON in its footer: whoever reads a whole folder reads every file of
it, so anything else would stand in the way. The text has its checksum in front. It tells of the parts of the last
month; those of each month before stand in a file of its own, which it names with its checksum. So adding a day costs
the same, however many there are.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from tradecore._core import EventStream, Instrument, ReadAhead, check_part, checksum, latencies_of, read_note
from tradecore.data.layout import DTYPES, MANIFEST, PART_PATH, day_of, folders_of, keep, modern_of
from tradecore.errors import CatalogError, InstrumentError
from tradecore.instruments import instrument_from_dict
from tradecore.locks import Lease
from tradecore.types import EventKind

__all__ = ["BYTE_BUDGET", "Manifest", "Month", "Part", "manifest_bytes", "month_bytes", "read_manifest"]

_NOTE = "tradecore.manifest"
_VERSION = 3
_PART_NUMBERS = ("rows", "first_ts_recv", "last_ts_recv", "min_latency_ns", "max_price", "max_qty")


_BITS = {kind.name: 1 << kind for kind in EventKind}


@cache
def _mask(kinds: frozenset[EventKind]) -> int:
    """Return kinds as bits; a run asks the same of each of its instruments."""
    return sum(1 << kind for kind in kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One Parquet file of the catalog.

    Attributes
    ----------
    path : str
        Relative to the instrument's folder.
    rows : int
    first_ts_recv, last_ts_recv : int
        ns.
    min_latency_ns : int
        Smallest ``ts_recv - ts_event``; negative when the venue's clock was ahead.
    kinds : dict of str to int
        Rows by name of :class:`~tradecore.types.EventKind`.
    max_price, max_qty : int
        Largest values among rows of :data:`~tradecore.types.ON_GRID_KINDS`, in increments.
    checksums : str or None
        ``END:CHECKSUM`` of each region of the file, one a row group and one for its footer; the last end is its size.
        None if it was written before there were any.
    latencies : str or None
        How long its messages took, hour by hour: the text of :func:`~tradecore._core.latencies_of`. None if it was
        written before they were kept.
    is_sound : bool or None
        Whether the book of the data it came with is known to be its own from the beginning and never to stay locked or
        crossed; None if it is not known.
    in_order : bool or None
        Whether the messages of the data it came with are known to lie in the order in which they acted at the venue;
        None if it is not known.
    """

    path: str
    rows: int
    first_ts_recv: int
    last_ts_recv: int
    min_latency_ns: int
    kinds: dict[str, int]
    max_price: int
    max_qty: int
    checksums: str | None = None
    latencies: str | None = None
    is_sound: bool | None = None
    in_order: bool | None = None

    @property
    def day(self) -> str:
        """Its UTC day."""
        return self.path.split("/")[0]

    @property
    def month(self) -> str:
        """Its UTC month."""
        return self.path[:7]

    @property
    def size(self) -> int:
        """Its bytes on disk; 0 for a part that was written before they were kept."""
        return 0 if self.checksums is None else int(self.checksums.rpartition(" ")[2].partition(":")[0])

    def kinds_mask(self) -> int:
        """Return the kinds of rows as bits: kind ``k`` is bit ``k``, and the highest of 32 bits one not known here."""
        mask = 0
        for name in self.kinds:
            mask |= _BITS.get(name, 1 << 31)
        return mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """The file that tells of the parts of a month: its name, and the checksum of its text."""

    month: str
    path: str
    checksum: str


BYTE_BUDGET = 4 << 20
"""Bytes of events that a run keeps in memory, unless told otherwise."""

_PIECE_ROWS = 1 << 14
"""Rows of a piece of a stream: small enough to go from thread to thread through the processor's caches."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a catalog holds of an instrument, as it was when it was read.

    While it is kept, or a stream of it, its parts can be read, even if they were replaced meanwhile.

    Attributes
    ----------
    root, path : Path
        The catalog and the manifest's file.
    instrument : Instrument
        The specification that the data was stored with.
    months : sequence of Month
        Where the parts of earlier months are listed; they are read when somebody asks for them.
    recent : sequence of Part
        The parts of the last month.
    """

    root: Path
    path: Path
    instrument: Instrument
    months: Sequence[Month] = ()
    recent: Sequence[Part] = ()
    _lease: Lease | None = None
    _read: dict[str, list[Part]] = field(default_factory=dict)

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (self.root, self.path, self.instrument, self.months, self.recent)

    @property
    def folder(self) -> Path:
        """The instrument's folder."""
        return self.path.parent

    @property
    def retired(self) -> Path:
        """The folder that its files are moved to once they were replaced."""
        return Path(folders_of(self.root, self.path)[1])

    def _files(self, parts: Iterable[Part]) -> list[tuple[str, str, int, int, str | None]]:
        """Return what a reader is told of parts."""
        folder, retired = folders_of(self.root, self.path)
        return [
            (f"{folder}/{part.path}", f"{retired}/{part.path}.part", part.rows, part.kinds_mask(), part.checksums)
            for part in parts
        ]

    def check(self, *, whole: bool = False) -> Iterator[tuple[Part, CatalogError | None]]:
        """Look whether each part is what was written: the way it is laid out, or the whole of it."""
        parts = self.parts()
        for part, file in zip(parts, self._files(parts), strict=True):
            try:
                check_part(file, whole=whole)
            except CatalogError as error:
                yield part, error
            else:
                yield part, None

    def checked(self, part: Part) -> tuple[str, str]:
        """Return where a part is or, replaced meanwhile, will be, once all of it was seen to be what was written.

        Raises
        ------
        CatalogError
            Naming a part that is damaged or not there.
        """
        (file,) = self._files([part])
        check_part(file, whole=True)
        return file[0], file[1]

    def parts(self) -> list[Part]:
        """Return all parts, in order of time.

        Raises
        ------
        CatalogError
            Naming the file of a month that is damaged or not there.
        """
        return [*(part for month in self.months for part in self._of_file(month)), *self.recent]

    def received(self) -> tuple[int, int] | None:
        """Return when the first and the last event were received, ns; raises as :meth:`parts`."""
        parts = self.parts()
        if not parts:
            return None
        return min(part.first_ts_recv for part in parts), max(part.last_ts_recv for part in parts)

    def of_month(self, month: str) -> list[Part]:
        """Return the parts of a month, in order of time; raises as :meth:`parts`."""
        files = (part for file in self.months if file.month == month for part in self._of_file(file))
        return [*files, *(part for part in self.recent if part.month == month)]

    def names(self) -> set[str]:
        """Return the files that are its own, relative to the instrument's folder; raises as :meth:`parts`."""
        parts = (part.path for part in self.parts())
        return {self.path.name, *(month.path for month in self.months), *parts}

    def between(self, first: int, last: int) -> Iterator[Part]:
        """Return the parts that overlap a time, ns, its end included; raises as :meth:`parts`."""
        months = {month.month for month in self.months} | {part.month for part in self.recent}
        for month in sorted(months):
            if day_of(first)[:7] <= month <= day_of(last)[:7]:
                for part in self.of_month(month):
                    if part.first_ts_recv <= last and first <= part.last_ts_recv:
                        yield part

    def holds(self, path: str) -> bool:
        """Whether a file is one of its own: a part or that of a month; raises as :meth:`parts`."""
        if any(month.path == path for month in self.months):
            return True
        return any(part.path == path for part in self.of_month(path[:7]))

    def stream(
        self,
        parts: Sequence[Part],
        *,
        kinds: Iterable[EventKind],
        with_ids: bool = False,
        budget_bytes: int = BYTE_BUDGET,
        piece_rows: int | None = None,
        uncross: bool = False,
        ahead: ReadAhead | None = None,
    ) -> EventStream:
        """Read parts piece by piece, as :meth:`tradecore.Catalog.stream` does; all its parts or some, in order."""
        return EventStream(
            self._files(parts),
            kinds=_mask(frozenset(kinds)),
            with_ids=with_ids,
            piece_rows=piece_rows or _PIECE_ROWS,
            budget_bytes=max(0, budget_bytes),
            uncross=uncross and not all(part.is_sound for part in parts),
            latencies=self.latencies(parts) if uncross and any(part.min_latency_ns < 0 for part in parts) else (),
            ahead=ahead,
            lease=self._lease,
        )

    def latencies(self, parts: Sequence[Part]) -> list[tuple[str | None, int]]:
        """Return how long the messages of parts took, each with the smallest, ns.

        Of one written before that was kept nothing more has to be known than that no message arrived before it
        happened; else it is measured.
        """
        measured: list[tuple[str | None, int]] = []
        for part in parts:
            text = part.latencies
            if text is None and part.min_latency_ns < 0:
                text = " ".join(latencies_of(piece) for piece in self.stream([part], kinds=EventKind))
            measured.append((text, part.min_latency_ns))
        return measured

    def _of_file(self, month: Month) -> list[Part]:
        if (known := self._read.get(month.path)) is None:
            known = self._read[month.path] = _read_month(self, month)
        return known


def _again(root: Path, path: Path, instrument: Instrument, months: Sequence[Month], recent: Sequence[Part]) -> Manifest:
    """Return a manifest in the process it was sent to, which keeps its parts as well."""
    return Manifest(root, path, instrument, months, recent, keep(root, path.parent))


class _Problem(Exception):
    """What is wrong with a manifest, and where."""


_EXPECTED = {bool: "true or false", int: "an integer", str: "a text", dict: "a table", list: "a list"}


def _typed(value: Any, wanted: type, key: str) -> Any:
    """Return a value that is of exactly this type."""
    if type(value) is not wanted:
        raise _Problem(f"{key}: expected {_EXPECTED[wanted]}, got {value!r}")
    return value


def _table(
    value: Any, keys: Mapping[str, type], place: str, optional: Mapping[str, type] | None = None
) -> dict[str, Any]:
    """Return a table that holds just these keys, with values of these types; the optional ones may be missing."""
    table: dict[str, Any] = _typed(value, dict, place.rstrip(".") or "manifest")
    known = {**keys, **(optional or {})}
    for unknown in table.keys() - known.keys():
        raise _Problem(f"{place}{unknown}: unknown key")
    for key in keys:
        if key not in table:
            raise _Problem(f"{place}{key}: missing")
    _typed_values(table, known, place)
    return table


def _typed_values(table: Mapping[str, Any], types: Mapping[str, type], place: str) -> None:
    """Look whether each value of a table is of exactly its type."""
    for key, value in table.items():
        if type(value) is not types[key]:
            _typed(value, types[key], place + key)


_MANIFEST_KEYS: dict[str, type] = {"version": int, "instrument": dict, "parts": list}
_PART_KEYS: dict[str, type] = {"path": str, **dict.fromkeys(_PART_NUMBERS, int), "kinds": dict}


def _part(value: Any, place: str) -> Part:
    part = Part(
        **_table(value, _PART_KEYS, place, {"checksums": str, "latencies": str, "is_sound": bool, "in_order": bool})
    )
    if not PART_PATH.fullmatch(part.path):
        raise _Problem(f"{place}path: expected a day and a name such as 2024-08-08/0000.parquet, got {part.path!r}")
    if part.rows <= 0:
        raise _Problem(f"{place}rows: expected an integer greater than 0, got {part.rows}")
    for kind, rows in part.kinds.items():
        if _typed(rows, int, f"{place}kinds.{kind}") < 0:
            raise _Problem(f"{place}kinds.{kind}: expected a number of rows, got {rows}")
    if sum(part.kinds.values()) != part.rows:
        raise _Problem(f"{place}kinds: expected {part.rows} rows in all, got {sum(part.kinds.values())}")
    for key in _PART_NUMBERS:
        if not -(2**63) <= (number := getattr(part, key)) < 2**63:
            raise _Problem(f"{place}{key}: expected a number of 64 bits, got {number}")
    return part


def _parts(values: Iterable[Any]) -> list[Part]:
    return [_part(part, f"parts.{index}.") for index, part in enumerate(values)]


def _month(value: Any, place: str) -> Month:
    month = Month(**_table(value, dict.fromkeys(("month", "path", "checksum"), str), place))
    if "/" in month.path or not month.path.startswith(f"_{month.month}-"):
        raise _Problem(f"{place}path: expected the name of a file of {month.month}, got {month.path!r}")
    return month


def _document(path: Path, expected: str | None = None) -> dict[str, Any]:
    """Return what a file says in its footer, once its checksum is right: the one in front of it, or the expected."""
    text = read_note(path, _NOTE)
    if text is None:
        raise _Problem(f"has no {_NOTE} in its footer")
    if not text.startswith("{"):
        told, _, text = text.partition(" ")
        if checksum(text.encode()) != (expected or told):
            raise _Problem("is damaged: its checksum is not that of what was written")
    document: dict[str, Any] = _typed(orjson.loads(text), dict, "manifest")
    return document


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CatalogError(str(path), f"cannot be read: {error.strerror}") from None
    except (_Problem, InstrumentError, orjson.JSONDecodeError) as error:
        raise CatalogError(str(path), f"is not a catalog's manifest: {error}") from None


def read_manifest(root: Path, path: Path) -> Manifest:
    """Read a manifest of a catalog.

    Raises
    ------
    CatalogError
        Naming the manifest.
    """
    try:
        return _read_manifest(root, path)
    except CatalogError:
        # One of before may have moved since it was found.
        if path.name == MANIFEST or path.exists() or not (moved := modern_of(root, path)).is_file():
            raise
    return _read_manifest(root, moved)


def _read_manifest(root: Path, path: Path) -> Manifest:
    # Before it is read: what it lists is kept from here on.
    kept = keep(root, os.path.dirname(path))
    with _naming(path):
        document = _document(path) if path.name == MANIFEST else orjson.loads(path.read_bytes())
        version = document.get("version") if isinstance(document, dict) else None
        if type(version) is int and not 1 <= version <= _VERSION:
            raise CatalogError(str(path), f"has version {version}, expected {_VERSION} or less")
        _table(document, _MANIFEST_KEYS, "", {"months": list})
        instrument = document["instrument"]
        _typed_values(instrument, {**dict.fromkeys(instrument, str), "changes": list}, "instrument.")
        return Manifest(
            root,
            path,
            instrument_from_dict(instrument),
            [_month(month, f"months.{index}.") for index, month in enumerate(document.get("months", ()))],
            _parts(document["parts"]),
            kept,
        )


def _read_month(manifest: Manifest, month: Month) -> list[Part]:
    path, moved = manifest.folder / month.path, manifest.retired / f"{month.path}.part"
    with _naming(path):
        try:
            document = _document(path, month.checksum)
        except CatalogError:
            # It moves at most once, so that it is in one place or the other.
            if path.exists() or not moved.exists():
                raise
            document = _document(moved, month.checksum)
        return _parts(_table(document, {"parts": list}, "")["parts"])


def _told(parts: Iterable[Part]) -> list[dict[str, Any]]:
    return [{key: value for key, value in asdict(part).items() if value is not None} for part in parts]


def _file(document: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return a file that says this, and the checksum of its text."""
    import io

    import numpy as np
    import polars as pl

    text = orjson.dumps(document)
    file, digest = io.BytesIO(), checksum(text)
    empty = pl.DataFrame({name: np.empty(0, dtype) for name, dtype in DTYPES.items()})
    empty.write_parquet(file, metadata={_NOTE: f"{digest} {text.decode()}"})
    return file.getvalue(), digest


def month_bytes(parts: Sequence[Part]) -> tuple[bytes, str]:
    """Return the file that tells of the parts of a month, and the checksum of its text."""
    return _file({"parts": _told(parts)})


def manifest_bytes(instrument: Instrument, months: Sequence[Month], recent: Sequence[Part]) -> bytes:
    """Return a manifest as a file."""
    document = {
        "version": _VERSION,
        "instrument": instrument.to_dict(),
        "months": [asdict(month) for month in months],
        "parts": _told(recent),
    }
    return _file(document)[0]
