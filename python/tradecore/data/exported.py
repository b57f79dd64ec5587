"""The way back for what is exported as CSV or Parquet: event columns of one instrument."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from tradecore._core import ExportedReader, Instrument, TradeSieve, not_in_ns, read_note
from tradecore._core import is_exported as _is_text
from tradecore.data.arguments import instrument_of, paths_of
from tradecore.data.catalog import COLUMNS, Catalog
from tradecore.data.columns_reader import ColumnsReader
from tradecore.data.importers import ImportSummary, Progress, read_into
from tradecore.data.layout import DTYPES, INSTRUMENT_NOTE
from tradecore.data.mapping import is_parquet
from tradecore.data.units import in_increments
from tradecore.data.views import in_whole_messages
from tradecore.errors import CatalogError, DataError, InstrumentError, InvalidValueError
from tradecore.instruments import instrument_from_dict
from tradecore.types import EventFlag, EventKind, Side

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "exported_reader",
    "first_receipt",
    "import_exported",
    "is_exported",
    "stored_instrument",
    "told_instrument",
]

_ROWS = 1 << 17
_WORDS = {
    "kind": ({kind.name.lower(): int(kind) for kind in EventKind}, "a kind of event such as trade"),
    "side": ({side.name.lower(): int(side) for side in Side}, "buy or sell"),
}
"""Words of a column, as frames of events in units have them, and what is expected of others."""


def import_exported(
    paths: str | Path | Sequence[str | Path],
    catalog: str | Path | Catalog,
    instrument: str | Instrument | None = None,
    *,
    replace: bool = False,
    progress: Progress | None = None,
    sources: Sequence[str] = (),
) -> ImportSummary:
    """Import what :func:`~tradecore.data.exporters.export` wrote as CSV or Parquet: the events that went out come back.

    Parameters
    ----------
    paths : path or sequence of path
        Files of one instrument, in order of time; CSV plain or packed (gzip, zip, zstd, xz). They are told apart by
        what they hold. Trades whose ids are there twice count once (``duplicate_trades``), those without price or
        quantity are none (``empty_trades``).
    catalog : path or Catalog
        Where to write.
    instrument : str or Instrument, optional
        Or the id of a shipped one. The one that a Parquet file names if not given; CSV does not say whose it is.
    replace : bool
        Whether to replace the days that are written.
    progress : callable, optional
        Called with the rows read so far, and 0 because nobody knows how many there are.
    sources : sequence of str, optional
        What the catalog is to note of where they came from.

    Returns
    -------
    dict
        As of :func:`~tradecore.import_tardis`, with ``instrument``.

    Raises
    ------
    DataError
        With file and line of what is no event; the catalog is unchanged then, as after the others.
    CatalogError
        When the catalog already holds events of that time or another specification, and nothing is to be replaced, or
        when it cannot be written.
    InvalidValueError
        When nothing says which instrument it is.
    """
    files = paths_of(paths)
    spec = told_instrument(files, instrument)
    reader = exported_reader(files, spec)
    summary = read_into(
        reader, spec, catalog, source=str(files[0]), replace=replace, progress=progress, sources=sources
    )
    return {"instrument": spec.id, **summary}


def is_exported(path: Path) -> bool:
    """Whether a file is CSV or Parquet of event columns.

    Raises
    ------
    DataError
        For a file that cannot be opened, and for Parquet that is damaged.
    """
    if not is_parquet(path):
        return _is_text(path)
    import polars as pl

    try:
        return set(COLUMNS) <= set(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(str(path), 0, f"is a Parquet file that is cut or damaged: {error}") from None


def first_receipt(path: Path, instrument: Instrument) -> int | None:
    """Return when the first event of a file was received, ns; None for a file without events.

    Raises
    ------
    DataError
        With file and line of what is no event.
    """
    first = next((piece for piece in _pieces([path], instrument, rows=1) if len(piece)), None)
    return None if first is None else int(first["ts_recv"][0])


def told_instrument(files: Sequence[Path], given: str | Instrument | None) -> Instrument:
    """Return whose events exported files hold: what they say, or is given; both have to say the same.

    Raises
    ------
    InvalidValueError
        When nothing says it.
    DataError
        When they say different things, or a file cannot be read.
    """
    told = {file: spec for file in files if (spec := stored_instrument(file)) is not None}
    spec = next(iter(told.values()), None) if given is None else instrument_of(given)
    if spec is None:
        problem = f"{files[0]} does not say which instrument it holds; name it (--instrument, --specs)"
        raise InvalidValueError("instrument", problem)
    for file, other in told.items():
        if other.id != spec.id:
            raise DataError(str(file), 0, f"holds {other.id}, expected {spec.id}")
        for name in ("price_increment", "qty_increment"):
            if getattr(other, name) != getattr(spec, name):
                problem = f"was stored with {name} {getattr(other, name)}, expected {getattr(spec, name)}"
                raise DataError(str(file), 0, problem)
    return spec


def stored_instrument(file: Path) -> Instrument | None:
    """Return the specification that a Parquet file holds; None for other files, and where there is none.

    Raises
    ------
    DataError
        When the file cannot be read.
    """
    if not is_parquet(file):
        return None
    try:
        note = read_note(file, INSTRUMENT_NOTE)
        return None if note is None else instrument_from_dict(orjson.loads(note))
    except (CatalogError, InstrumentError, orjson.JSONDecodeError) as error:
        raise DataError(str(file), 0, f"is no Parquet file of ours: {error}") from None


def exported_reader(files: Sequence[Path], instrument: Instrument) -> ColumnsReader:
    """Return a reader of exported files, whose messages may go on from one into the next."""
    counts = {"files_without_rows": 0}

    def pieces() -> Iterator[dict[str, Any]]:
        for piece in in_whole_messages(_counted(files, instrument, counts)):
            if not piece["flags"][-1] & EventFlag.LAST:
                raise DataError(str(files[-1]), 0, "ends in the middle of a message: it was cut")
            yield _columns(piece)

    return ColumnsReader(pieces(), instrument, counts, TradeSieve())


def _counted(files: Sequence[Path], instrument: Instrument, counts: dict[str, int]) -> Iterator[pl.DataFrame]:
    """Yield the rows of files, one of which begins where the last has ended, and count the files that have none."""
    last: tuple[int, Path] | None = None
    for file in files:
        is_empty = True
        for piece in _pieces([file], instrument):
            if is_empty and last is not None and len(piece) and (begins := int(piece["ts_recv"][0])) < last[0]:
                overlap = f"begins at ts_recv {begins}, before {last[1]} ends at {last[0]}"
                raise DataError(str(file), 0, f"{overlap}: they go in order of time, without overlap")
            is_empty = is_empty and not len(piece)
            if len(piece):
                last = int(piece["ts_recv"][-1]), file
            yield piece
        counts["files_without_rows"] += is_empty


def _pieces(files: Sequence[Path], instrument: Instrument, rows: int = _ROWS) -> Iterator[pl.DataFrame]:
    """Yield the rows of files as event columns, at most so many at a time."""
    import polars as pl

    for file in files:
        if not is_parquet(file):
            text = ExportedReader(file, instrument)
            while (columns := text.read(rows)) is not None:
                yield pl.DataFrame(columns)
            continue
        row = 1
        for frame in _frames(file, rows):
            events = _events(frame, instrument, str(file), row)
            if row == 1:
                _check_unit(events, file)
            yield events
            row += len(frame)


def _columns(piece: pl.DataFrame) -> dict[str, Any]:
    import numpy as np

    return {name: np.ascontiguousarray(piece[name].to_numpy(), DTYPES[name]) for name in COLUMNS}


def _frames(file: Path, most: int) -> Iterator[pl.DataFrame]:
    """Yield the rows of a Parquet file, some at a time."""
    import polars as pl

    try:
        rows = pl.scan_parquet(file, hive_partitioning=False, glob=False)
        held = rows.collect_schema()
        if missing := [name for name in COLUMNS if name not in held]:
            problem = f"has no column {missing[0]}: expected what `data export` writes, {', '.join(COLUMNS)}"
            raise DataError(str(file), 0, problem)
        yield from rows.select(COLUMNS).collect_batches(chunk_size=most, maintain_order=True)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(str(file), 0, f"cannot be read: {error}") from None


def _check_unit(events: pl.DataFrame, file: Path) -> None:
    """Refuse times that would be a market's in another unit than ns, as the reader of text does."""
    for name in ("ts_event", "ts_recv"):
        if len(events) and (problem := not_in_ns(int(events[name][0]))) is not None:
            raise DataError(str(file), 1, f"{name}: {problem}")


def _events(frame: pl.DataFrame, instrument: Instrument, source: str, line: int) -> pl.DataFrame:
    """Return rows as event columns: of units, or of increments as they are; ``line`` is the number of the first row."""
    import polars as pl

    for name, (words, what) in _WORDS.items():
        if frame.schema[name] == pl.String or isinstance(frame.schema[name], (pl.Enum, pl.Categorical)):
            value = pl.col(name).cast(pl.String).replace_strict(words, default=None, return_dtype=pl.Int8)
            if name == "side":
                value = pl.when(pl.col(name).is_null()).then(0).otherwise(value)
            frame = _typed(frame, name, value, what, source, line)
    types = {"u1": pl.UInt8, "i1": pl.Int8, "i8": pl.Int64, "u8": pl.UInt64}
    if (kind := frame.schema["id"]).is_numeric():
        # Only an id may be missing.
        ids = pl.col("id").fill_null(0)
        frame = frame.with_columns(ids.fill_nan(0) if kind.is_float() else ids)
    for name in ("price", "qty"):
        frame = _typed(frame, name, pl.col(name), "a number", source, line)
    for name in ("ts_event", "ts_recv", "kind", "side", "flags", "id"):
        wanted = types[DTYPES[name]]
        if isinstance(frame.schema[name], pl.Datetime):
            frame = frame.with_columns(pl.col(name).dt.epoch("ns"))
        # A truth would be 1.
        is_truth = frame.schema[name] == pl.Boolean
        value = pl.lit(None) if is_truth else pl.col(name).cast(wanted, strict=False)
        frame = _typed(frame, name, value, "a whole number", source, line)
    return in_increments(frame, instrument, source, line).select(COLUMNS)


def _typed(frame: pl.DataFrame, name: str, value: pl.Expr, what: str, source: str, line: int) -> pl.DataFrame:
    typed = frame.with_columns(value.alias(name))
    if typed[name].null_count():
        row = int(typed[name].is_null().arg_max() or 0)
        raise DataError(source, line + row, f"{name} {frame[name][row]!r} is not {what}")
    return typed
