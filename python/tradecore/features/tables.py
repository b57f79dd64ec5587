"""Tables of features over catalogs and event arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradecore._core import EventStream, FeatureReader, Instrument, MemoryColumns
from tradecore.arrays import to_stamps
from tradecore.data.arguments import instrument_of
from tradecore.data.catalog import Catalog
from tradecore.data.views import Moment, Span, check_grid, length
from tradecore.errors import InvalidValueError
from tradecore.features.custom import UserFeature
from tradecore.features.sets import FeatureSet
from tradecore.progress import progress_bar
from tradecore.types import EventKind
from tradecore.validation import DurationLike

if TYPE_CHECKING:
    import polars as pl

__all__ = ["compute", "pieces"]

_PIECE_ROWS = 1 << 16
"""Rows of events between two looks at the clock, at Ctrl-C and at the bar."""


def compute(
    events: Catalog | str | Path | Mapping[str, Any] | pl.DataFrame,
    instrument: str | Instrument,
    features: FeatureSet | Sequence[str | UserFeature],
    at: DurationLike = "100ms",
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    progress: bool = True,
) -> pl.DataFrame:
    """Return features of an instrument as a table.

    Events are read piece by piece: memory is that of the table. Where it would be too large, take :func:`pieces`.

    Parameters
    ----------
    events : Catalog, path, or event columns
        A catalog, or arrays by name (a frame) as :meth:`tradecore.Catalog.stream` gives them.
    instrument : str or Instrument
    features : FeatureSet or list of features
    at : duration, "trade", "message" or bars such as "bar:1m"
        A row at the multiples of a length of time, for each trade, after each message, or when a bar is available
        (``"bar:"`` and bars as :func:`tradecore.bars.make` takes them). A row at a time ``t`` holds what was known at
        ``t``: all messages with ``ts_recv <= t``.
    start, end : datetime, date or str, optional
        Rows from ``start`` up to, not at, ``end``. What came before ``start`` is read all the same, so that the first
        rows are as warm as in a table of everything.
    progress : bool
        Whether to show a bar, on a terminal.

    Returns
    -------
    polars.DataFrame
        ``ts`` and ``ts_available`` (datetime, ns, UTC, our clock), and a column of float64 for each feature, NaN where
        it is not known.

    Raises
    ------
    InvalidValueError
        For features, times or an ``at`` that cannot be, and for a length of time so short that there would be more than
        1,000,000,000 rows.
    CatalogError, DataError
        For a catalog without the instrument, and events that break a rule.
    FeatureError
        When a feature of one's own raises.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> _ = tc.synthesize(folder, events=5_000, seed=1)
    >>> table = tc.features.compute(folder, "BTCUSDT.SYNTH", ["mid", "ofi(window=1s)"], "1s")
    >>> table.columns
    ['ts', 'ts_available', 'mid', 'ofi']
    """
    import polars as pl

    told = list(_tables(events, instrument, features, at, Span.of(start, end), progress=progress, in_one=True))
    if told:
        return pl.concat(told, rechunk=True)
    time = pl.Datetime("ns", "UTC")
    schema: dict[str, Any] = {"ts": time, "ts_available": time}
    return pl.DataFrame(schema=schema | dict.fromkeys(FeatureSet.of(features).names, pl.Float64))


def pieces(
    events: Catalog | str | Path | Mapping[str, Any] | pl.DataFrame,
    instrument: str | Instrument,
    features: FeatureSet | Sequence[str | UserFeature],
    at: DurationLike = "100ms",
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    progress: bool = True,
) -> Iterator[pl.DataFrame]:
    """Yield the table of :func:`compute` in pieces, of which one is in memory.

    Raises
    ------
    InvalidValueError, CatalogError, DataError, FeatureError
        As :func:`compute`, but for a table of any length.
    """
    yield from _tables(events, instrument, features, at, Span.of(start, end), progress=progress, in_one=False)


def _tables(
    events: Catalog | str | Path | Mapping[str, Any] | pl.DataFrame,
    instrument: str | Instrument,
    features: FeatureSet | Sequence[str | UserFeature],
    at: DurationLike,
    span: Span,
    *,
    progress: bool,
    in_one: bool,
) -> Iterator[pl.DataFrame]:
    """Yield a table in pieces; one that is to be held as a whole is refused where nobody could."""
    import polars as pl

    chosen, when = FeatureSet.of(features), _when(at)
    spec, source, basis, total, received = _opened(events, instrument)
    if in_one and isinstance(when, int):
        check_grid("at", when, received, span)
    reader = FeatureReader(spec, chosen, source, basis=basis, at=when, from_ns=span.start_ns)
    time = pl.Datetime("ns", "UTC")
    with closing(reader), progress_bar("features", "events", quiet=not progress) as update:
        while (read := reader.read(_PIECE_ROWS)) is not None:
            ts, columns, rows = read
            if update is not None:
                update(rows, total)
            last = int(ts.searchsorted(span.end_ns))
            if last:
                stamps = pl.Series("ts", ts[:last]).cast(time)
                named = [pl.Series(name, values[:last]) for name, values in zip(chosen.names, columns, strict=True)]
                yield pl.DataFrame([stamps, stamps.alias("ts_available"), *named])
            if last < len(ts):
                break


def _when(at: DurationLike) -> str | int:
    """Return when rows are made: a word, or a length of time in ns."""
    if isinstance(at, str) and (at in ("trade", "message") or at.startswith("bar:")):
        return at
    try:
        return length("at", at)
    except InvalidValueError as error:
        raise InvalidValueError("at", f'{error.problem}; or "trade", "message", "bar:1m"') from None


def _opened(
    events: Catalog | str | Path | Mapping[str, Any] | pl.DataFrame, instrument: str | Instrument
) -> tuple[Instrument, EventStream | MemoryColumns, str, int, tuple[int, int] | None]:
    """Return the instrument, its events, what makes its book, and how many rows there are from when to when."""
    if isinstance(events, Catalog | str | Path):
        held = Catalog.of(events).manifest(instrument)
        parts = held.parts()
        has_book = any(part.kinds.get(EventKind.BOOK_SET.name) for part in parts)
        kinds = (EventKind.BOOK_CLEAR, EventKind.BOOK_SET, EventKind.TRADE, EventKind.QUOTE)
        return (
            held.instrument,
            held.stream(parts, kinds=kinds, uncross=True),
            _basis(has_book),
            sum(part.rows for part in parts),
            held.received(),
        )
    spec = instrument_of(instrument)
    if not hasattr(events, "columns") and not isinstance(events, Mapping):
        problem = f"expected a catalog or event columns by name, got {type(events).__name__}"
        raise InvalidValueError("events", problem)
    columns = MemoryColumns(spec.id, events, with_ids=False)
    times = to_stamps("ts_recv", events["ts_recv"])
    received = (int(times[0]), int(times[-1])) if len(times) else None
    return spec, columns, _basis(columns.has_book), columns.rows, received


def _basis(has_book: bool) -> str:
    return "l2" if has_book else "l1"
