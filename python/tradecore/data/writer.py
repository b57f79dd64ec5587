"""Writing to a catalog: whole transactions, one instrument each."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from tradecore._core import FeedSummary, Instrument, PartWriter, TradeSieve, check_columns
from tradecore.arrays import computed, missing_row
from tradecore.data import disk
from tradecore.data.commit import check_free, check_same, commit, manifest_for, modernize, staging
from tradecore.data.layout import DTYPES, INSTRUMENT_NOTE, SOURCES, part_name
from tradecore.data.manifest import Manifest, Part
from tradecore.errors import CatalogError, InvalidValueError
from tradecore.files import writing
from tradecore.forks import check_polars
from tradecore.types import EventKind

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

__all__ = ["CatalogWriter", "Columns"]

Columns: TypeAlias = "Mapping[str, np.ndarray[Any, Any]]"
"""Event columns by name: contiguous numpy arrays of one length."""

_PART_ROWS = 1 << 20
_DAY_NS = 86_400_000_000_000


class CatalogWriter:
    """A transaction that adds events of one instrument to a catalog. Use it as a context manager.

    Parts are written to a hidden folder of the catalog and become part of it at the end, all at once. Other processes
    may read what was there and write other days meanwhile. A catalog of an earlier layout is brought to the present one
    on the way.
    """

    def __init__(self, root: Path, instrument: Instrument, *, replace: bool, sources: Sequence[str] = ()) -> None:
        if not isinstance(instrument, Instrument):
            raise InvalidValueError(
                "instrument", f"expected an Instrument, whose specification is stored, got {instrument!r}"
            )
        self._root = root
        self._instrument = instrument
        self._replace = replace
        self._sources = sources
        self._end = contextlib.ExitStack()
        self._staging = root
        self._held = Manifest(root, root, instrument)
        self._parts: list[tuple[Path, Part]] = []
        self._part: PartWriter | None = None
        self._day = 0
        self._last_ts_recv: int | None = None
        self._summary: FeedSummary | None = FeedSummary(instrument)
        self._sieve = TradeSieve()
        self._is_sound = self._in_order = False

    def __enter__(self) -> CatalogWriter:
        check_polars()
        with writing(self._root):
            modernize(self._root)
            self._held = manifest_for(self._root, self._instrument)
            if not self._replace:
                check_same(self._held, self._instrument)
            self._staging = self._end.enter_context(staging(self._root, self._instrument.id))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._end:
            if kind is None:
                with writing(self._root):
                    self._finish_part()
                if self._summary is not None:
                    self.tell(self._summary.to_dict())
                self._parts = [
                    (path, replace(part, is_sound=self._is_sound, in_order=self._in_order))
                    for path, part in self._parts
                ]
                with writing(self._root):
                    commit(self._root, self._staging, self._instrument, self._parts, replace=self._replace)

    @property
    def left_out(self) -> dict[str, int]:
        """Trades that were not written because they are none, as importers count them.

        ``duplicate_trades``: their ids had been written before. ``empty_trades``: their price or quantity is 0.
        Trades without an id are all written.
        """
        return self._sieve.counts

    def leave_book_to_reader(self) -> None:
        """Do not look at what is written: whoever reads it does, and tells of the book by :meth:`tell`."""
        self._summary = None

    def tell(self, summary: Mapping[str, Any]) -> None:
        """Say by its summary whether the book of all that is written is sound, and its messages in order."""
        self._is_sound, self._in_order = summary["book_is_sound"], summary["in_order"]

    def write(self, columns: Columns | pl.DataFrame | pl.LazyFrame) -> None:
        """Add events, in order of time; trades that are none are left out (:attr:`left_out`).

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
        given = computed(columns)
        if not (isinstance(given, Mapping) or hasattr(given, "columns")):
            raise InvalidValueError("columns", f"expected event columns by name or a frame, got {given!r}")
        arrays: Columns = {name: self._column(given, name) for name in DTYPES}
        check_columns(self._instrument.id, arrays, self._last_ts_recv)
        if len(arrays["ts_recv"]) == 0:
            return
        first, last = int(arrays["ts_recv"][0]), int(arrays["ts_recv"][-1])
        if not self._replace:
            check_free(self._held, first, last)
        self._last_ts_recv = last
        if self._summary is not None:
            arrays = self._sieve.push(arrays)
            self._summary.push(arrays)
        with writing(self._root):
            self._add(arrays)

    def _column(self, columns: Columns | pl.DataFrame, name: str) -> np.ndarray[Any, Any]:
        """Return a column as it is stored: the prices and quantities of a stream may be of 32 bits."""
        import numpy as np

        wanted = np.dtype(DTYPES[name])
        if name not in columns:
            raise CatalogError(str(self._held.folder), f"needs a column {name} of {wanted}")
        given = columns[name]
        values = np.asarray(given)
        if not np.can_cast(values.dtype, wanted, "safe") and (row := missing_row(values)) is not None:
            raise CatalogError(str(self._held.folder), f"column {name} has no value in row {row}, expected {wanted}")
        if not np.can_cast(values.dtype, wanted, "safe"):
            raise CatalogError(str(self._held.folder), f"column {name} has dtype {values.dtype}, expected {wanted}")
        if values.ndim != 1:
            raise CatalogError(str(self._held.folder), f"column {name} has {values.ndim} dimensions, expected 1")
        return np.ascontiguousarray(values, wanted)

    def _add(self, arrays: Columns) -> None:
        """Add checked rows to the part being written; a part holds one day."""
        days = arrays["ts_recv"] // _DAY_NS
        start = 0
        while start < len(days):
            end = int(days.searchsorted(days[start], side="right"))
            if self._part is not None and (self._day != days[start] or self._part.rows >= _PART_ROWS):
                self._finish_part()
            if self._part is None:
                self._part, self._day = PartWriter(self._staged, self._notes()), int(days[start])
            self._part.push({name: column[start:end] for name, column in arrays.items()})
            start = end

    @property
    def _staged(self) -> Path:
        """Where the next part is written, under a name that no reader of Parquet files takes for one."""
        return self._staging / f"{len(self._parts)}.part"

    def _notes(self) -> dict[str, str]:
        notes = {INSTRUMENT_NOTE: orjson.dumps(self._instrument.to_dict()).decode()}
        return notes | ({SOURCES: " ".join(self._sources)} if self._sources and not self._parts else {})

    def _finish_part(self) -> None:
        if self._part is None:
            return
        staged, (part, self._part) = self._staged, (self._part, None)
        # There is a part only where it got rows.
        if (written := part.finish()) is None:
            return
        disk.sync(staged)
        kinds = {EventKind(kind).name: count for kind, count in written.pop("kinds").items()}
        self._parts.append((staged, Part(path=part_name(written["first_ts_recv"]), kinds=kinds, **written)))
