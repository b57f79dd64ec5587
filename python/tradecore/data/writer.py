"""Writing to a catalog: whole transactions, one instrument each."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from tradecore._core import Instrument, check_columns
from tradecore.data.layout import (
    DTYPES,
    Part,
    find_manifest,
    folder_of,
    modernize,
    read_manifest,
    write_manifest,
)
from tradecore.data.locks import hold, remove_dead
from tradecore.errors import CatalogError, InvalidValueError, OverlapError
from tradecore.files import remove_empty, writing
from tradecore.types import ON_GRID_KINDS, EventKind

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

__all__ = ["CatalogWriter", "Columns", "grid_difference"]

Columns: TypeAlias = "Mapping[str, np.ndarray[Any, Any]]"
"""Event columns by name: contiguous numpy arrays of one length."""

_PART_ROWS = 1 << 20
_GROUP_ROWS = 1 << 16
_DAY_NS = 86_400_000_000_000
_STAGING_NUMBER = itertools.count()


def grid_difference(stored: Instrument, other: Instrument) -> str | None:
    """Say in which increment two specifications differ, since events are counts of them; None if in none."""
    for name in ("price_increment", "qty_increment"):
        old, new = getattr(stored, name), getattr(other, name)
        if old != new:
            return f"{name} {old}, not {new}"
    return None


class CatalogWriter:
    """A transaction that adds events of one instrument to a catalog. Use it as a context manager.

    Parts are written to a hidden folder of the catalog and moved to their places at the end: nothing is visible before
    all of them are there. A catalog of an earlier layout is brought to the present one on the way.
    """

    def __init__(self, root: Path, instrument: Instrument, *, replace: bool) -> None:
        if not isinstance(instrument, Instrument):
            raise InvalidValueError(
                "instrument", f"expected an Instrument, whose specification is stored, got {instrument!r}"
            )
        self._root = root
        self._instrument = instrument
        self._replace = replace
        self._folder = folder_of(root, instrument.id)
        self._staging = root / f".staging-{os.getpid()}-{next(_STAGING_NUMBER)}"
        self._lock: int | None = None
        self._made: list[Path] = []
        self._stored: Instrument | None = None
        self._old: list[Part] = []
        self._parts: list[Part] = []
        self._pending: list[pl.DataFrame] = []
        self._pending_rows = 0
        self._last_ts_recv: int | None = None

    def __enter__(self) -> CatalogWriter:
        if (manifest := find_manifest(self._root, self._instrument.id)) is not None:
            self._stored, self._old = read_manifest(manifest)
            if self._stored != self._instrument and not self._replace:
                raise CatalogError(
                    str(manifest),
                    f"holds {self._stored.id} with another specification; to write with this one, replace what is "
                    "there (replace=True)",
                )
        self._made = [folder for folder in self._staging.parents if not folder.exists()]
        with writing(self._root):
            remove_dead(self._root.glob(".staging-*"))
            _, self._lock = hold(self._stage)
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
                with writing(self._root):
                    self._commit()
        finally:
            shutil.rmtree(self._staging, ignore_errors=True)
            if self._lock is not None:
                os.close(self._lock)
            remove_empty(*self._made)  # what is not empty is no longer ours alone

    def write(self, columns: Columns | pl.DataFrame | pl.LazyFrame) -> None:
        """Add events, in order of time.

        Parameters
        ----------
        columns : Columns, or a frame
            The event columns by name, :data:`~tradecore.data.catalog.COLUMNS`; prices and quantities in increments.
            A frame may be of polars or pandas, and have other columns, too.

        Raises
        ------
        CatalogError
            When they overlap what the catalog holds and nothing is to be replaced, for a column that is missing or of
            another type, or when they cannot be written.
        DataError
            For a row that cannot be or is before the one above it.
        """
        import polars as pl

        if isinstance(columns, pl.LazyFrame):
            columns = columns.collect()
        if not (isinstance(columns, Mapping) or hasattr(columns, "columns")):
            raise InvalidValueError("columns", f"expected event columns by name or a frame, got {columns!r}")
        arrays = {name: self._column(columns, name) for name in DTYPES}
        check_columns(self._instrument.id, arrays, self._last_ts_recv)
        rows = len(arrays["ts_recv"])
        if rows == 0:
            return
        first, last = int(arrays["ts_recv"][0]), int(arrays["ts_recv"][-1])
        if not self._replace:
            for part in self._old:
                if first <= part.last_ts_recv and part.first_ts_recv <= last:
                    raise OverlapError(
                        str(self._folder),
                        f"already holds events of {self._instrument.id} at that time ({part.path}); import all "
                        "files of a day in one call, or replace what is there (replace=True)",
                    )
        self._last_ts_recv = last
        self._pending.append(pl.DataFrame(arrays))
        self._pending_rows += rows
        if self._pending_rows >= _PART_ROWS:
            self._flush(everything=False)

    def _column(self, columns: Columns | pl.DataFrame, name: str) -> np.ndarray[Any, Any]:
        """Return a column as it is stored: the prices and quantities of a stream may be of 32 bits."""
        import numpy as np

        wanted = np.dtype(DTYPES[name])
        if name not in columns:
            raise CatalogError(str(self._folder), f"needs a column {name} of {wanted}")
        given = columns[name]
        if nulls := getattr(given, "null_count", lambda: 0)():
            raise CatalogError(str(self._folder), f"column {name} has {nulls} rows without a value")
        values = np.asarray(given)
        if not np.can_cast(values.dtype, wanted, "safe"):
            raise CatalogError(str(self._folder), f"column {name} has dtype {values.dtype}, expected {wanted}")
        if values.ndim != 1:
            raise CatalogError(str(self._folder), f"column {name} has {values.ndim} dimensions, expected 1")
        return np.ascontiguousarray(values, wanted)

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

        # A name that is in use stays with its file until the new manifest is there.
        used = {part.path for part in (*self._old, *self._parts)}
        names = (f"{pl.Series([day]).cast(pl.Date)[0]}/{number:04}.parquet" for number in itertools.count())
        name = next(name for name in names if name not in used)
        with writing(self._root):
            frame.write_parquet(
                self._staged(len(self._parts)),
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

    def _stage(self) -> Path:
        """Make the folder that parts are written to."""
        self._staging.mkdir(parents=True, exist_ok=True)
        return self._staging

    def _staged(self, number: int) -> Path:
        """Where a part is until the end: under a name that no reader of Parquet files takes for one."""
        return self._staging / f"{number}.part"

    def _commit(self) -> None:
        """Move the new parts into place, then make them visible with one rename."""
        replaced = {part.day for part in self._parts} if self._replace else set()
        kept = [part for part in self._old if part.day not in replaced]
        if kept and self._stored is not None and (other := grid_difference(self._stored, self._instrument)):
            raise CatalogError(
                str(self._folder / kept[0].path),
                f"was stored with {other}; replace every day at once, or import to another catalog",
            )
        modernize(self._root, self._staging)
        parts = sorted([*kept, *self._parts], key=lambda part: (part.first_ts_recv, part.path))
        with contextlib.ExitStack() as undo:
            days = {self._folder / part.day for part in self._parts}
            new = [f for day in days for f in (day, *day.parents) if not f.exists()]
            undo.callback(remove_empty, *sorted(set(new), reverse=True))
            for folder in days:
                folder.mkdir(parents=True, exist_ok=True)
            self._folder.mkdir(parents=True, exist_ok=True)
            for number, part in enumerate(self._parts):
                os.replace(self._staged(number), self._folder / part.path)
                undo.callback((self._folder / part.path).unlink)
            write_manifest(self._folder, self._instrument, parts, self._staging)
            undo.pop_all()
        listed = {part.path for part in parts}
        for day in replaced:
            for path in (self._folder / day).glob("*.parquet"):
                if f"{day}/{path.name}" not in listed:
                    path.unlink()
