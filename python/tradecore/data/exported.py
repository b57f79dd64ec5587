"""The way back for what is exported as CSV or Parquet: event columns of one instrument."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import orjson

from tradecore._core import Instrument, read_note
from tradecore.data.arguments import instrument_of, paths_of
from tradecore.data.catalog import COLUMNS, Catalog
from tradecore.data.columns_reader import ColumnsReader
from tradecore.data.importers import ImportSummary, Progress, read_into
from tradecore.data.layout import DTYPES, INSTRUMENT_NOTE
from tradecore.data.units import in_increments
from tradecore.data.views import in_whole_messages
from tradecore.errors import CatalogError, DataError, InstrumentError, InvalidValueError
from tradecore.instruments import instrument_from_dict
from tradecore.types import EventFlag, EventKind

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "exported_columns",
    "first_receipt",
    "import_exported",
    "is_exported",
    "stored_instrument",
    "told_instrument",
]

_ROWS = 1 << 17
_PARQUET = b"PAR1"
_GZIP = b"\x1f\x8b"
_HEADER = 1 << 16
"""Bytes that a header has at most."""


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
        Files of one instrument, in order of time; CSV plain or gzip. They are told apart by what they hold.
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
    reader = ColumnsReader(exported_columns(files, spec), spec)
    summary = read_into(
        reader, spec, catalog, source=str(files[0]), replace=replace, progress=progress, sources=sources
    )
    return {"instrument": spec.id, **summary}


def is_exported(path: Path) -> bool:
    """Whether a file is CSV or Parquet of event columns."""
    with _opened(path) as opened:
        head = opened.read(4)
    if head == _PARQUET:
        import polars as pl

        try:
            return set(COLUMNS) <= set(pl.read_parquet_schema(path))
        except (pl.exceptions.PolarsError, OSError):
            return False
    try:
        with gzip.open(path) if head[:2] == _GZIP else path.open("rb") as lines:
            header = lines.readline(_HEADER)
    except (OSError, EOFError, zlib.error):
        return False
    return set(COLUMNS) <= {name.strip().strip('"') for name in header.decode("utf-8", "replace").split(",")}


def first_receipt(path: Path, instrument: Instrument) -> int | None:
    """Return when the first event of a file was received, ns; None for a file without events.

    Raises
    ------
    DataError
        With file and line of what is no event.
    """
    for frame in _frames(path):
        if len(frame):
            return int(_events(frame.head(1), instrument, str(path), 2)["ts_recv"][0])
    return None


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
    with _opened(file) as opened:
        if opened.read(4) != _PARQUET:
            return None
    try:
        note = read_note(file, INSTRUMENT_NOTE)
        return None if note is None else instrument_from_dict(orjson.loads(note))
    except (CatalogError, InstrumentError, orjson.JSONDecodeError) as error:
        raise DataError(str(file), 0, f"is no Parquet file of ours: {error}") from None


def _opened(file: Path) -> IO[bytes]:
    try:
        return file.open("rb")
    except OSError as error:
        raise DataError(str(file), 0, f"cannot be opened: {error.strerror or error}") from None


def exported_columns(files: Sequence[Path], instrument: Instrument) -> Iterator[dict[str, Any]]:
    """Yield columns of whole messages, which may go on from one file into the next."""
    for piece in in_whole_messages(_pieces(files, instrument)):
        if not piece["flags"][-1] & EventFlag.LAST:
            raise DataError(str(files[-1]), 0, "ends in the middle of a message: it was cut")
        yield _columns(piece)


def _pieces(files: Sequence[Path], instrument: Instrument) -> Iterator[pl.DataFrame]:
    for file in files:
        line = 2
        for frame in _frames(file):
            yield _events(frame, instrument, str(file), line)
            line += len(frame)


def _columns(piece: pl.DataFrame) -> dict[str, Any]:
    import numpy as np

    return {name: np.ascontiguousarray(piece[name].to_numpy(), DTYPES[name]) for name in COLUMNS}


def _frames(file: Path) -> Iterator[pl.DataFrame]:
    """Yield the rows of a file, some at a time."""
    import polars as pl

    with _opened(file) as opened:
        head = opened.read(4)
    try:
        if head == _PARQUET:
            rows = pl.scan_parquet(file, hive_partitioning=False, glob=False)
            missing = [name for name in COLUMNS if name not in rows.collect_schema()]
            _check_columns(file, missing)
            yield from rows.select(COLUMNS).collect_batches(chunk_size=_ROWS, maintain_order=True)
            return
        if head[:2] == _GZIP:
            with gzip.open(file) as packed:
                source = packed.read()
            frame = pl.read_csv(source, infer_schema=False)
            _check_columns(file, [name for name in COLUMNS if name not in frame.columns])
            yield from frame.select(COLUMNS).iter_slices(_ROWS)
            return
        lines = pl.scan_csv(file, infer_schema=False, glob=False)
        _check_columns(file, [name for name in COLUMNS if name not in lines.collect_schema()])
        yield from lines.select(COLUMNS).collect_batches(chunk_size=_ROWS, maintain_order=True)
    except (pl.exceptions.PolarsError, OSError, EOFError) as error:
        raise DataError(str(file), 0, f"cannot be read: {error}") from None


def _check_columns(file: Path, missing: Sequence[str]) -> None:
    if missing:
        problem = f"has no column {missing[0]}: expected what `data export` writes, {', '.join(COLUMNS)}"
        raise DataError(str(file), 1, problem)


def _events(frame: pl.DataFrame, instrument: Instrument, source: str, line: int) -> pl.DataFrame:
    """Return rows as event columns: of text, or of increments as they are."""
    import polars as pl

    words = {kind.name.lower(): int(kind) for kind in EventKind}
    if frame.schema["kind"] == pl.String:
        kinds = pl.col("kind").replace_strict(words, default=None, return_dtype=pl.UInt8)
        frame = _typed(frame, "kind", kinds, "a kind of event such as trade", source, line)
    types = {"u1": pl.UInt8, "i1": pl.Int8, "i8": pl.Int64, "u8": pl.UInt64}
    for name in ("ts_event", "ts_recv", "kind", "side", "flags", "id"):
        wanted = types[DTYPES[name]]
        if frame.schema[name] != wanted:
            frame = _typed(frame, name, pl.col(name).cast(wanted, strict=False), "a whole number", source, line)
    if not (frame.schema["price"] == frame.schema["qty"] == pl.Int64):
        frame = in_increments(frame, instrument, source, line)
    return frame.select(COLUMNS)


def _typed(frame: pl.DataFrame, name: str, value: pl.Expr, what: str, source: str, line: int) -> pl.DataFrame:
    typed = frame.with_columns(value.alias(name))
    if typed[name].null_count():
        row = int(typed[name].is_null().arg_max() or 0)
        raise DataError(source, line + row, f"{name} {frame[name][row]!r} is not {what}")
    return typed
