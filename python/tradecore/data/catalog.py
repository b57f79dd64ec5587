"""The catalog: event columns as Parquet files, by venue, symbol and day.

Layout below the catalog's folder::

    VENUE/SYMBOL/instrument.json        the instrument, and what each part holds
    VENUE/SYMBOL/2024-08-08/0000.parquet

Days are UTC days of ``ts_recv``. The Parquet files hold the event columns with 64-bit numbers and can be read by
anything that reads Parquet; ``instrument.json`` lists the parts that belong to the catalog, so that a part
becomes visible only when it is complete.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from tradecore._core import EventStream, Instrument, ReadAhead, check_part
from tradecore.errors import CatalogError, InstrumentError, UnknownInstrumentError
from tradecore.instruments import instrument_from_dict
from tradecore.types import MARKET_KINDS, ON_GRID_KINDS, EventFlag, EventKind

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

__all__ = ["BYTE_BUDGET", "COLUMNS", "Catalog", "CatalogWriter", "Columns", "EventStream", "Part", "grid_difference"]

Columns = Mapping[str, "np.ndarray[Any, Any]"]
"""Event columns by name: contiguous numpy arrays of one length."""

_DTYPES = {
    "ts_event": "i8",
    "ts_recv": "i8",
    "kind": "u1",
    "side": "i1",
    "flags": "u1",
    "price": "i8",
    "qty": "i8",
    "id": "u8",
}

COLUMNS = tuple(_DTYPES)
"""Names of the event columns, in the order they are stored."""

BYTE_BUDGET = 4 << 20
"""Bytes of events that a run keeps in memory, unless told otherwise."""

_MANIFEST = "instrument.json"
_VERSION = 1
_PART_ROWS = 1 << 20
_GROUP_ROWS = 1 << 16
_PIECE_ROWS = 1 << 14
"""Rows of a piece of a stream: small enough to go from thread to thread through the processor's caches."""

_DAY_NS = 86_400_000_000_000
_STAGING_NUMBER = itertools.count()


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
    """

    path: str
    rows: int
    first_ts_recv: int
    last_ts_recv: int
    min_latency_ns: int
    kinds: dict[str, int]
    max_price: int
    max_qty: int

    def open(self, folder: Path) -> pl.LazyFrame:
        """Return the rows, once the file is found to hold what the manifest says.

        Raises
        ------
        CatalogError
            Naming the file.
        """
        import polars as pl

        self.check(folder)
        path = folder / self.path
        with _reading(path):
            return pl.scan_parquet(path)

    def check(self, folder: Path) -> None:
        """Look whether the file holds the columns and rows that the manifest says.

        Raises
        ------
        CatalogError
            Naming the file.
        """
        check_part(folder / self.path, self.rows)

    def kinds_mask(self) -> int:
        """Return the kinds of rows as bits: kind ``k`` is bit ``k``, and the highest of 32 bits one not known here."""
        mask = 0
        for name in self.kinds:
            mask |= 1 << EventKind[name] if name in EventKind.__members__ else 1 << 31
        return mask


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Name the file in what polars raises."""
    import polars as pl

    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        raise CatalogError(str(path), f"cannot be read: {error}") from None


_PART_PATH = re.compile(r"\d{4}-\d\d-\d\d/\d{4,}\.parquet")
_PART_NUMBERS = ("rows", "first_ts_recv", "last_ts_recv", "min_latency_ns", "max_price", "max_qty")


class _ManifestError(Exception):
    """What is wrong with a manifest, and where."""


_EXPECTED = {int: "an integer", str: "a text", dict: "a table", list: "a list"}


def _typed(value: Any, wanted: type, key: str) -> Any:
    """Return a value that is of exactly this type."""
    if type(value) is not wanted:
        raise _ManifestError(f"{key}: expected {_EXPECTED[wanted]}, got {value!r}")
    return value


def _table(value: Any, keys: Mapping[str, type], place: str) -> dict[str, Any]:
    """Return a table that holds just these keys, with values of these types."""
    table: dict[str, Any] = _typed(value, dict, place.rstrip(".") or "manifest")
    for unknown in table.keys() - keys.keys():
        raise _ManifestError(f"{place}{unknown}: unknown key")
    for key, wanted in keys.items():
        if key not in table:
            raise _ManifestError(f"{place}{key}: missing")
        _typed(table[key], wanted, place + key)
    return table


_MANIFEST_KEYS: dict[str, type] = {"version": int, "instrument": dict, "parts": list}
_PART_KEYS: dict[str, type] = {"path": str, **dict.fromkeys(_PART_NUMBERS, int), "kinds": dict}


def _part(value: Any, place: str) -> Part:
    part = Part(**_table(value, _PART_KEYS, place))
    if not _PART_PATH.fullmatch(part.path):
        raise _ManifestError(
            f"{place}path: expected a day and a number such as 2024-08-08/0000.parquet, got {part.path!r}"
        )
    if part.rows <= 0:
        raise _ManifestError(f"{place}rows: expected an integer greater than 0, got {part.rows}")
    for kind, rows in part.kinds.items():
        _typed(rows, int, f"{place}kinds.{kind}")
    return part


def _folder(root: Path, instrument: str) -> Path:
    symbol, _, venue = instrument.rpartition(".")
    return root.joinpath(venue, quote(symbol, safe=""))


def grid_difference(stored: Instrument, other: Instrument) -> str | None:
    """Say in which increment two specifications differ, since events are counts of them; None if in none."""
    for name in ("price_increment", "qty_increment"):
        old, new = getattr(stored, name), getattr(other, name)
        if old != new:
            return f"{name} {old}, not {new}"
    return None


class Catalog:
    """Event data of any number of instruments in a folder.

    Parameters
    ----------
    path : path
        The folder. It need not exist to be written to.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"Catalog({str(self.path)!r})"

    def instruments(self) -> tuple[str, ...]:
        """Ids of the instruments in the catalog, sorted."""
        found = (self._read(manifest)[0].id for manifest in self.path.glob(f"*/*/{_MANIFEST}"))
        return tuple(sorted(found))

    def instrument(self, instrument: str) -> Instrument:
        """Return the specification an instrument's data was stored with.

        Raises
        ------
        UnknownInstrumentError
            When the catalog holds no such instrument.
        """
        return self._manifest(instrument)[0]

    def parts(self, instrument: str) -> list[Part]:
        """Return the parts that hold an instrument's data, in order of time."""
        return self._manifest(instrument)[1]

    def describe(self, instrument: str) -> tuple[Instrument, list[Part]]:
        """Return :meth:`instrument` and :meth:`parts` with one look at the disk."""
        return self._manifest(instrument)

    def info(self) -> list[dict[str, Any]]:
        """Describe each instrument: rows by kind, span, days, bytes on disk.

        Raises
        ------
        CatalogError
            Naming a part that is damaged or not there.
        """
        rows = []
        for name in self.instruments():
            parts = self.parts(name)
            folder = _folder(self.path, name)
            kinds: dict[str, int] = {}
            for part in parts:
                part.check(folder)
                for kind, count in part.kinds.items():
                    kinds[kind] = kinds.get(kind, 0) + count
            rows.append(
                {
                    "instrument": name,
                    "events": sum(part.rows for part in parts),
                    "kinds": kinds,
                    "first_ts_recv": min((part.first_ts_recv for part in parts), default=None),
                    "last_ts_recv": max((part.last_ts_recv for part in parts), default=None),
                    "min_latency_ns": min((part.min_latency_ns for part in parts), default=None),
                    "days": sorted({part.path.split("/")[0] for part in parts}),
                    "bytes": sum((folder / part.path).stat().st_size for part in parts),
                }
            )
        return rows

    def scan(self, instrument: str) -> pl.LazyFrame:
        """Return an instrument's events as a lazy frame.

        Columns are ``ts_event, ts_recv`` (ns), ``kind, side, flags``, ``price, qty`` (in increments), ``id``.
        """
        import polars as pl

        folder = _folder(self.path, instrument)
        frames = [part.open(folder) for part in self.parts(instrument)]
        if not frames:
            raise CatalogError(str(self.path), f"holds no events of {instrument}")
        return pl.concat(frames)

    def pieces(self, instrument: str, rows: int = _PART_ROWS) -> Iterator[pl.DataFrame]:
        """Return an instrument's events as frames of whole messages, about ``rows`` rows each.

        Raises
        ------
        CatalogError
            Naming a part that cannot be read.
        """
        import polars as pl

        folder = _folder(self.path, instrument)
        begun: list[pl.DataFrame] = []
        for part in self.parts(instrument):
            frame = part.open(folder)
            for start in range(0, part.rows, rows):
                with _reading(folder / part.path):
                    read = frame.slice(start, rows).collect()
                piece = pl.concat([*begun, read])
                ends = piece.select(pl.arg_where(pl.col("flags") & int(EventFlag.LAST) != 0)).to_series()
                whole = int(ends[-1]) + 1 if len(ends) else 0
                begun = [piece.slice(whole)]
                if whole:
                    yield piece.head(whole)
        yield from (piece for piece in begun if len(piece))

    def stream(
        self,
        instrument: str,
        *,
        kinds: Collection[EventKind] = MARKET_KINDS,
        with_ids: bool = False,
        budget_bytes: int = BYTE_BUDGET,
        ahead: ReadAhead | None = None,
        parts: Sequence[Part] | None = None,
    ) -> EventStream:
        """Read an instrument's events piece by piece, ahead of whoever takes them, in bounded memory.

        Parameters
        ----------
        instrument : str
            Its id.
        kinds : collection of EventKind
            Which rows to read; those that move books and fills if not given.
        with_ids : bool
            Whether to read the ``id`` column.
        budget_bytes : int
            About how many bytes of columns may lie in memory at a time; two pieces of 1,024 rows at the least.
        ahead : ReadAhead, optional
            The threads that read, for several streams; one of its own if not given.
        parts : sequence of Part, optional
            Its parts as :meth:`parts` told them, or some of them; all of them if not given.

        Returns
        -------
        EventStream
            An iterator of :data:`Columns`. Prices and quantities are 32 bits wide where all of a piece fit. Close it,
            or exhaust it, to end what reads it. What is wrong with a part is raised as CatalogError when its
            turn comes.
        """
        folder = str(_folder(self.path, instrument))
        wanted = self.parts(instrument) if parts is None else parts
        return EventStream(
            [(f"{folder}/{part.path}", part.rows, part.kinds_mask()) for part in wanted],
            kinds=sum(1 << kind for kind in set(kinds)),
            with_ids=with_ids,
            piece_rows=_PIECE_ROWS,
            budget_bytes=max(0, budget_bytes),
            ahead=ahead,
        )

    def writer(self, instrument: Instrument, *, replace: bool = False) -> CatalogWriter:
        """Open a transaction that adds events of an instrument.

        Parameters
        ----------
        instrument : Instrument
            Stored with the data.
        replace : bool
            Whether days that are written replace what the catalog holds of them. Otherwise new events must not
            overlap old ones in time.

        Returns
        -------
        CatalogWriter
            A context manager; nothing is visible in the catalog before it is left without an error.
        """
        return CatalogWriter(self.path, instrument, replace=replace)

    def _manifest(self, instrument: str) -> tuple[Instrument, list[Part]]:
        path = _folder(self.path, instrument) / _MANIFEST
        if not path.is_file():
            if not self.path.is_dir():
                raise CatalogError(str(self.path), "is not a catalog: no such folder")
            known = self.instruments()
            if not known:
                raise CatalogError(str(self.path), "is not a catalog, or an empty one")
            raise UnknownInstrumentError(instrument, known)
        return self._read(path)

    @staticmethod
    def _read(path: Path) -> tuple[Instrument, list[Part]]:
        try:
            manifest = _table(orjson.loads(path.read_bytes()), _MANIFEST_KEYS, "")
            for key, value in manifest["instrument"].items():
                _typed(value, str, f"instrument.{key}")
            parts = [_part(part, f"parts.{index}.") for index, part in enumerate(manifest["parts"])]
            instrument = instrument_from_dict(manifest["instrument"])
        except (_ManifestError, InstrumentError, orjson.JSONDecodeError) as error:
            raise CatalogError(str(path), f"is not a catalog's manifest: {error}") from None
        if manifest["version"] != _VERSION:
            raise CatalogError(str(path), f"has version {manifest['version']}, expected {_VERSION}")
        return instrument, parts


class CatalogWriter:
    """A transaction that adds events of one instrument to a catalog. Use it as a context manager."""

    def __init__(self, root: Path, instrument: Instrument, *, replace: bool) -> None:
        self._root = root
        self._instrument = instrument
        self._replace = replace
        self._folder = _folder(root, instrument.id)
        self._staging = root / f".staging-{os.getpid()}-{next(_STAGING_NUMBER)}"
        self._made: list[Path] = []
        self._stored: Instrument | None = None
        self._old: list[Part] = []
        self._parts: list[Part] = []
        self._pending: list[pl.DataFrame] = []
        self._pending_rows = 0

    def __enter__(self) -> CatalogWriter:
        manifest = self._folder / _MANIFEST
        if manifest.is_file():
            self._stored, self._old = Catalog._read(manifest)
            if self._stored != self._instrument and not self._replace:
                raise CatalogError(
                    str(manifest),
                    f"holds {self._stored.id} with another specification; replace it to write with this one",
                )
        self._made = [folder for folder in self._staging.parents if not folder.exists()]
        try:
            self._staging.mkdir(parents=True)
        except OSError as error:
            raise CatalogError(str(self._root), f"cannot be written: {error.strerror}") from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._flush(everything=True)
                self._commit()
        finally:
            shutil.rmtree(self._staging, ignore_errors=True)
            with contextlib.suppress(OSError):  # one that is not empty is no longer ours alone
                for folder in self._made:
                    folder.rmdir()

    def write(self, columns: Columns) -> None:
        """Add events, in order of time.

        Raises
        ------
        CatalogError
            When they overlap what the catalog holds and nothing is to be replaced, or for a column that is missing or
            of another type.
        """
        import polars as pl

        columns = {name: self._column(columns, name) for name in COLUMNS}
        rows = len(columns["ts_recv"])
        if rows == 0:
            return
        if not self._replace:
            first, last = int(columns["ts_recv"][0]), int(columns["ts_recv"][-1])
            for part in self._old:
                if first <= part.last_ts_recv and part.first_ts_recv <= last:
                    raise CatalogError(
                        str(self._folder),
                        f"already holds events of {self._instrument.id} at that time ({part.path}); import all "
                        "files of a day in one call, or replace what is there",
                    )
        self._pending.append(pl.DataFrame(columns))
        self._pending_rows += rows
        if self._pending_rows >= _PART_ROWS:
            self._flush(everything=False)

    def _column(self, columns: Columns, name: str) -> np.ndarray[Any, Any]:
        """Return a column as it is stored: the prices and quantities of a stream may be of 32 bits."""
        import numpy as np

        wanted = np.dtype(_DTYPES[name])
        if name not in columns:
            raise CatalogError(str(self._folder), f"needs a column {name} of {wanted}")
        values = np.asarray(columns[name])
        if not np.can_cast(values.dtype, wanted, "safe"):
            raise CatalogError(str(self._folder), f"column {name} has dtype {values.dtype}, expected {wanted}")
        return values.astype(wanted, copy=False)

    def _flush(self, *, everything: bool) -> None:
        """Write whole parts; a part holds one day."""
        import polars as pl

        if not self._pending:
            return
        frame = pl.concat(self._pending)
        self._pending, self._pending_rows = [], 0
        days = (frame.get_column("ts_recv") // _DAY_NS).to_numpy()
        start = 0
        while start < len(frame):
            end = int(days.searchsorted(days[start], side="right"))
            if end == len(frame) and not everything and end - start < _PART_ROWS:
                self._pending = [frame.slice(start)]
                self._pending_rows = end - start
                return
            self._write_part(frame.slice(start, end - start), int(days[start]))
            start = end

    def _write_part(self, frame: pl.DataFrame, day: int) -> None:
        import polars as pl

        date = str(pl.Series([day]).cast(pl.Date)[0])
        number = sum(part.path.startswith(date) for part in self._parts)
        if not self._replace:
            number += sum(part.path.startswith(date) for part in self._old)
        name = f"{date}/{number:04}.parquet"
        path = self._staging / name
        path.parent.mkdir(exist_ok=True)
        frame.write_parquet(
            path,
            compression="zstd",
            compression_level=1,
            row_group_size=_GROUP_ROWS,
            metadata={"tradecore.instrument": orjson.dumps(self._instrument.to_dict()).decode()},
        )
        counts = frame.get_column("kind").value_counts().rows()
        on_grid = frame.lazy().filter(pl.col("kind").is_in(sorted(ON_GRID_KINDS)))
        largest = on_grid.select(pl.col("price", "qty").max()).collect().row(0)
        latency = (frame.get_column("ts_recv") - frame.get_column("ts_event")).min()
        times = frame.get_column("ts_recv")
        self._parts.append(
            Part(
                path=name,
                rows=len(frame),
                first_ts_recv=times[0],
                last_ts_recv=times[-1],
                min_latency_ns=int(latency),  # type: ignore[arg-type]  # a part is never empty
                kinds={EventKind(kind).name: count for kind, count in sorted(counts)},
                max_price=largest[0] or 0,
                max_qty=largest[1] or 0,
            )
        )

    def _commit(self) -> None:
        """Move the new parts into place, then make them visible with one rename."""
        replaced = {part.path.split("/")[0] for part in self._parts} if self._replace else set()
        kept = [part for part in self._old if part.path.split("/")[0] not in replaced]
        if kept and self._stored is not None and (other := grid_difference(self._stored, self._instrument)):
            raise CatalogError(
                str(self._folder / kept[0].path),
                f"was stored with {other}; replace every day at once, or import to another catalog",
            )
        for part in self._parts:
            target = self._folder / part.path
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(self._staging / part.path, target)
        parts = sorted([*kept, *self._parts], key=lambda part: (part.first_ts_recv, part.path))
        document = {
            "version": _VERSION,
            "instrument": self._instrument.to_dict(),
            "parts": [asdict(part) for part in parts],
        }
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh = self._staging / _MANIFEST
        fresh.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        os.replace(fresh, self._folder / _MANIFEST)
        listed = {part.path for part in parts}
        for day in replaced:
            for path in (self._folder / day).glob("*.parquet"):
                if f"{day}/{path.name}" not in listed:
                    path.unlink()
