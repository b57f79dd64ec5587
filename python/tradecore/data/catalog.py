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
import queue
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tradecore._core import Instrument
from tradecore.errors import CatalogError, InstrumentError, UnknownInstrumentError
from tradecore.instruments import instrument_from_dict
from tradecore.types import MARKET_KINDS, ON_GRID_KINDS, EventFlag, EventKind
from tradecore.validation import first_problem

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

__all__ = ["BYTE_BUDGET", "COLUMNS", "Catalog", "CatalogWriter", "Columns", "EventStream", "Part", "grid_difference"]

Columns = Mapping[str, "np.ndarray[Any, Any]"]
"""Event columns by name: contiguous numpy arrays of one length."""

COLUMNS = ("ts_event", "ts_recv", "kind", "side", "flags", "price", "qty", "id")
"""Names of the event columns, in the order they are stored."""

BYTE_BUDGET = 12 << 20
"""Bytes of events that a run keeps in memory, unless told otherwise."""

_PIECES = 2
"""Pieces of a stream in memory at a time: the one in use and the one being read."""

_WIDTHS = dict(zip(COLUMNS, (8, 8, 1, 1, 1, 8, 8, 8), strict=True))
"""Bytes of a value, at most."""

_MANIFEST = "instrument.json"
_VERSION = 1
_PART_ROWS = 1 << 20
_GROUP_ROWS = 1 << 16
_NARROW = 2**31
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

    path: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d/\d{4,}\.parquet$")]
    rows: Annotated[int, Field(gt=0)]
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

        path = folder / self.path
        with _reading(path):
            frame = pl.scan_parquet(path)
            missing = set(COLUMNS) - set(frame.collect_schema().names())
            rows = frame.select(pl.len()).collect().item()
        if missing:
            raise CatalogError(str(path), f"has no column {min(missing)}")
        if rows != self.rows:
            raise CatalogError(str(path), f"holds {rows} rows, expected {self.rows}")
        return frame


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Name the file in what polars raises."""
    import polars as pl

    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        raise CatalogError(str(path), f"cannot be read: {error}") from None


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    version: int
    instrument: dict[str, str]
    parts: list[Part]


def _folder(root: Path, instrument: str) -> Path:
    symbol, _, venue = instrument.rpartition(".")
    return root / venue / quote(symbol, safe="")


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
                part.open(folder)
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
        with_ids: bool = False,
        budget_bytes: int = BYTE_BUDGET,
    ) -> EventStream:
        """Read an instrument's events piece by piece, ahead of the reader, in bounded memory.

        Parameters
        ----------
        instrument : str
            Its id.
        with_ids : bool
            Whether to read the ``id`` column.
        budget_bytes : int
            About how many bytes of columns may lie in memory at a time; two row groups at the least.

        Returns
        -------
        EventStream
            An iterator of :data:`Columns`. Prices and quantities are 32 bits wide where they fit.
        """
        folder = _folder(self.path, instrument)
        return EventStream(folder, self.parts(instrument), with_ids=with_ids, budget_bytes=budget_bytes)

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
            manifest = _Manifest.model_validate_json(path.read_bytes())
            instrument = instrument_from_dict(manifest.instrument)
        except ValidationError as error:
            problem = ": ".join(filter(None, first_problem(error, _Manifest)))
            raise CatalogError(str(path), f"is not a catalog's manifest: {problem}") from None
        except InstrumentError as error:
            raise CatalogError(str(path), f"is not a catalog's manifest: {error}") from None
        if manifest.version != _VERSION:
            raise CatalogError(str(path), f"has version {manifest.version}, expected {_VERSION}")
        return instrument, manifest.parts


class _ClosedError(Exception):
    """Nobody reads the stream any more."""


class EventStream:
    """An iterator over an instrument's events that reads ahead on a thread of its own.

    Close it (or exhaust it) to end the thread.
    """

    def __init__(self, folder: Path, parts: list[Part], *, with_ids: bool, budget_bytes: int) -> None:
        self._folder = folder
        self._parts = parts
        self._names = [name for name in COLUMNS if with_ids or name != "id"]
        # One piece is used while the next is read; a piece of less than a row group would be read in vain.
        groups = budget_bytes // (_PIECES * _GROUP_ROWS * sum(_WIDTHS[name] for name in self._names))
        self._rows = _GROUP_ROWS * max(1, groups)
        self._room = threading.Semaphore(_PIECES)
        self._queue: queue.SimpleQueue[Columns | BaseException | None] = queue.SimpleQueue()
        self._closed = self._started = False
        self._thread = threading.Thread(target=self._read_ahead, name="tradecore-read-ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Columns]:
        return self

    def __next__(self) -> Columns:
        if self._closed:
            raise StopIteration
        if self._started:
            self._room.release()  # the piece given out before is done with
        self._started = True
        item = self._queue.get()
        if item is None:
            self.close()
            raise StopIteration
        if isinstance(item, BaseException):
            self.close()
            raise item
        return item

    def close(self) -> None:
        """End the reading thread."""
        self._closed = True
        self._room.release()
        self._thread.join()

    def _read_ahead(self) -> None:
        try:
            for part in self._parts:
                for columns in self._groups(part):
                    self._queue.put(columns)
            self._queue.put(None)
        except _ClosedError:
            pass
        except BaseException as error:  # handed to the reader, who raises it
            self._queue.put(error)

    def _groups(self, part: Part) -> Iterator[Columns]:
        import polars as pl

        frame = part.open(self._folder)
        narrow = [
            pl.col(name).cast(pl.Int32)
            for name, largest in (("price", part.max_price), ("qty", part.max_qty))
            if largest < _NARROW
        ]
        others = any(part.kinds.get(kind.name, 0) for kind in EventKind if kind not in MARKET_KINDS)
        for start in range(0, part.rows, self._rows):
            self._room.acquire()
            if self._closed:
                raise _ClosedError
            piece = frame.select(self._names).slice(start, self._rows)
            if others:
                piece = piece.filter(pl.col("kind").is_in(sorted(MARKET_KINDS)))
            with _reading(self._folder / part.path):
                rows = piece.with_columns(narrow).collect().rechunk()
            if len(rows):
                yield {name: rows.get_column(name).to_numpy() for name in self._names}


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
            When they overlap what the catalog holds and nothing is to be replaced.
        """
        import polars as pl

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
        self._pending.append(pl.DataFrame({name: columns[name] for name in COLUMNS}))
        self._pending_rows += rows
        if self._pending_rows >= _PART_ROWS:
            self._flush(everything=False)

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
