"""The data as people see it: lazy frames with prices and quantities in units, times as times and sides as words.

What the core has a rule for it makes itself, piece by piece: quotes, samples of the book, bars.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from tradecore._core import FINE_SCALE, BarSpec, EventStream, Instrument, SeriesReader, format_duration_ns
from tradecore.bars import BAR_COLUMNS
from tradecore.data.layout import DTYPES
from tradecore.data.manifest import Manifest, Part
from tradecore.errors import InvalidValueError
from tradecore.forks import check_polars
from tradecore.types import FINE_KINDS, MARKET_KINDS, EventFlag, EventKind, Side
from tradecore.validation import DurationLike, to_ns

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "Moment",
    "Span",
    "bar_spec",
    "bars",
    "book",
    "book_stream",
    "check_grid",
    "description",
    "events",
    "frames",
    "in_units",
    "in_whole_messages",
    "length",
    "quotes",
    "scaled",
    "span_stream",
    "trades",
]

Moment: TypeAlias = "datetime | date | str"
"""A time as people give it: a datetime, a date (its midnight) or text in ISO 8601; UTC where no zone is given."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = -(1 << 62), 1 << 62
_MOST_ROWS = 1_000_000_000
"""Rows at regular times that a table may have."""
_CELLS = 1 << 20
"""Numbers of a piece of a series."""

_MADE_OF = {
    "book": (EventKind.BOOK_CLEAR, EventKind.BOOK_SET),
    "trades": (EventKind.TRADE,),
    "quotes": (EventKind.QUOTE,),
}


def length(name: str, value: DurationLike) -> int:
    """Return a length of time in ns that is more than none.

    Raises
    ------
    InvalidValueError
        Of the field ``name``.
    """
    ns = to_ns(name, value)
    if ns <= 0:
        raise InvalidValueError(name, f"expected a length of time such as '100ms' or '1m', got {value!r}")
    return ns


def check_grid(name: str, every_ns: int, known: tuple[int, int] | None, span: Span) -> None:
    """Refuse a table with a row at each multiple of a length of time where nobody could hold it.

    Parameters
    ----------
    name : str
        Of the field that was given.
    every_ns : int
    known : tuple of int, optional
        When the first and the last event were received, ns; None where there are none.
    span : Span
        What is asked for.

    Raises
    ------
    InvalidValueError
        Saying how many rows there would be.
    """
    if known is None:
        return
    first, last = max(known[0], span.start_ns), min(known[1], span.end_ns - 1)
    if (rows := last // every_ns + (-first // every_ns) + 1) > _MOST_ROWS:
        raise InvalidValueError(
            name,
            f"{format_duration_ns(every_ns)} gives {rows:,} rows, more than {_MOST_ROWS:,}: expected a longer one, or "
            "less time between start and end",
        )


def bar_spec(name: str, value: DurationLike) -> BarSpec:
    """Return which bars are meant: by their text, or a length of time.

    Raises
    ------
    InvalidValueError
        Of the field ``name``.
    """
    try:
        return BarSpec(value if isinstance(value, str) else f"{length(name, value):d}ns")
    except InvalidValueError as error:
        raise InvalidValueError(name, error.problem) from None


def _moment_ns(name: str, value: Moment) -> int:
    """Return a time in ns, within what events may have.

    Raises
    ------
    InvalidValueError
        Of the field ``name``, for what is no time.
    """
    time: Any = value
    if isinstance(value, str):
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            time = None
    elif isinstance(value, date) and not isinstance(value, datetime):
        time = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(time, datetime):
        raise InvalidValueError(
            name,
            f"expected a datetime, a date or text in ISO 8601 such as 2026-01-31 or 2026-01-31T08:00Z, got {value!r}",
        )
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    micros: int = (time - _EPOCH) // timedelta(microseconds=1)
    return max(_EARLIEST, min(_LATEST, micros * 1_000))


@dataclass(frozen=True, slots=True)
class Span:
    """Time from ``start_ns`` up to, but not at, ``end_ns``."""

    start_ns: int = _EARLIEST
    end_ns: int = _LATEST

    @classmethod
    def of(cls, start: Moment | None, end: Moment | None) -> Span:
        """Return the time that is asked for.

        Raises
        ------
        InvalidValueError
            For what is no time, or an end that is not after the start.
        """
        span = cls(
            _EARLIEST if start is None else _moment_ns("start", start),
            _LATEST if end is None else _moment_ns("end", end),
        )
        if span.start_ns >= span.end_ns:
            raise InvalidValueError("end", f"{end} is not after start {start}; the end itself is not included")
        return span

    @property
    def from_start(self) -> Span:
        """The time without its end."""
        return Span(self.start_ns)

    def parts(self, parts: Sequence[Part]) -> list[Part]:
        """Return the parts with rows of this time."""
        return [part for part in parts if part.last_ts_recv >= self.start_ns and part.first_ts_recv < self.end_ns]

    def of_rows(self, events: pl.LazyFrame) -> pl.LazyFrame:
        """Return the rows received in this time."""
        import polars as pl

        time = pl.col("ts_recv")
        if self.start_ns > _EARLIEST:
            events = events.filter(time >= self.start_ns)
        return events.filter(time < self.end_ns) if self.end_ns < _LATEST else events


def span_stream(held: Manifest, span: Span, kinds: Iterable[EventKind] = MARKET_KINDS) -> EventStream:
    """Read the parts of an instrument that have rows of a time."""
    return held.stream(span.parts(held.parts()), kinds=kinds, uncross=True)


def book_stream(
    held: Manifest, span: Span, kinds: Iterable[EventKind] = (EventKind.BOOK_CLEAR, EventKind.BOOK_SET)
) -> EventStream:
    """Read the parts of an instrument that make its book of a time: from the last clear before it on.

    What came before a clear is not in the book any more. The part behind the end is read as well: it says that there
    was nothing up to it.
    """
    parts = held.parts()
    before = [part for part in parts if part.last_ts_recv < span.start_ns]
    clears = [at for at, part in enumerate(before) if part.kinds.get(EventKind.BOOK_CLEAR.name)]
    behind = [part for part in parts if part.first_ts_recv >= span.end_ns]
    chosen = [*before[clears[-1] if clears else 0 :], *span.parts(parts), *behind[:1]]
    return held.stream(chosen, kinds=kinds, uncross=True)


def _time(name: str) -> pl.Expr:
    """Return a column of ns as times."""
    import polars as pl

    return pl.col(name).cast(pl.Datetime("ns", "UTC"))


def _side() -> pl.Expr:
    """Return the column ``side`` as words, null for no side."""
    import polars as pl

    words = pl.Enum([side.name.lower() for side in Side])
    value = pl.col("side")
    buy, sell = (pl.lit(side.name.lower(), words) for side in (Side.BUY, Side.SELL))
    return pl.when(value == int(Side.BUY)).then(buy).when(value == int(Side.SELL)).then(sell).alias("side")


def _divided(value: pl.Expr, divisor: int) -> pl.Expr:
    """Return the nearest float to a quotient.

    By a number polars would multiply with its reciprocal, which rounds twice; by a column it divides.
    """
    return value if divisor == 1 else value / (value * 0.0 + float(divisor))


def _scaled(name: str, step: Decimal) -> pl.Expr:
    """Return a column of increments in units: the floats nearest to the values, whose shortest text is the decimal."""
    import polars as pl

    exponent = step.normalize().as_tuple().exponent
    scale = max(0, -exponent) if isinstance(exponent, int) else 0
    return _divided(pl.col(name).cast(pl.Float64) * float(step.scaleb(scale)), 10**scale).alias(name)


def scaled(instrument: Instrument) -> list[pl.Expr]:
    """Return ``price`` and ``qty`` of events of any kind in units."""
    import polars as pl

    fine = _divided(pl.col("price").cast(pl.Float64), 10**FINE_SCALE)
    price = pl.when(pl.col("kind").is_in(sorted(FINE_KINDS))).then(fine)
    return [
        price.otherwise(_scaled("price", instrument.price_increment)).alias("price"),
        _scaled("qty", instrument.qty_increment),
    ]


def in_units(events: pl.LazyFrame, instrument: Instrument) -> pl.LazyFrame:
    """Return events of any kind as people see them."""
    import polars as pl

    words = [kind.name.lower() for kind in EventKind]
    kind = pl.col("kind").replace_strict(list(map(int, EventKind)), words, default=None, return_dtype=pl.Enum(words))
    price, qty = scaled(instrument)
    return events.select(_time("ts_recv"), kind, _side(), price, qty, "flags", "id", _time("ts_event"))


def frames(stream: EventStream) -> Iterator[pl.DataFrame]:
    """Return the pieces of a stream as frames of event columns; the stream ends with them."""
    import numpy as np
    import polars as pl

    try:
        for piece in stream:
            yield pl.DataFrame({name: np.asarray(values, DTYPES[name]) for name, values in piece.items()})
    finally:
        stream.close()


def in_whole_messages(pieces: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Return frames of event columns cut anew where messages end; what is left in the end comes last, ended or not."""
    import polars as pl

    begun: list[pl.DataFrame] = []
    for read in pieces:
        piece = pl.concat([*begun, read])
        ends = piece.select(pl.arg_where(pl.col("flags") & int(EventFlag.LAST) != 0)).to_series()
        whole = int(ends[-1]) + 1 if len(ends) else 0
        begun = [piece.slice(whole)]
        if whole:
            yield piece.head(whole)
    yield from (piece for piece in begun if len(piece))


def events(manifest: Callable[[], Manifest], span: Span) -> pl.LazyFrame:
    """Return the event columns that a manifest lists, which is asked for when the frame is collected.

    polars reads them, each part once it was seen to be what was written.
    """
    import numpy as np
    import polars as pl

    schema = pl.DataFrame({name: np.empty(0, dtype) for name, dtype in DTYPES.items()}).schema

    def pieces(columns: Sequence[str], predicate: pl.Expr | None) -> Iterator[pl.DataFrame]:
        def of(rows: pl.LazyFrame) -> pl.DataFrame:
            rows = span.of_rows(rows)
            return (rows if predicate is None else rows.filter(predicate)).select(columns).collect()

        def read(path: str) -> pl.DataFrame:
            return of(pl.scan_parquet(path, hive_partitioning=False, glob=False, schema=schema))

        held = manifest()
        for part in span.parts(held.parts()):
            if part.checksums is None:
                # Nobody knows that it is what was written, and polars takes what files say on trust.
                for frame in frames(held.stream([part], kinds=EventKind, with_ids=True)):
                    yield of(frame.lazy())
                continue
            path, retired = held.checked(part)
            try:
                yield read(path)
            except FileNotFoundError:
                yield read(retired)

    return _lazy(schema, pieces)


def trades(events: pl.LazyFrame, instrument: Instrument) -> pl.LazyFrame:
    """Return the trades among events."""
    import polars as pl

    return events.filter(pl.col("kind") == int(EventKind.TRADE)).select(
        _time("ts_recv"),
        _side(),
        _scaled("price", instrument.price_increment),
        _scaled("qty", instrument.qty_increment),
        pl.when(pl.col("id") > 0).then(pl.col("id")).alias("id"),
        _time("ts_event"),
    )


def quotes(instrument: Instrument, open_stream: Callable[[], EventStream], span: Span) -> pl.LazyFrame:
    """Return the venue's own best prices in a stream, message by message."""
    columns = ["ts_recv", "bid", "bid_qty", "ask", "ask_qty", "ts_event"]
    return _series(columns, lambda: SeriesReader.quotes(instrument, open_stream()), span)


def book(
    instrument: Instrument,
    open_stream: Callable[[], EventStream],
    span: Span,
    *,
    depth: int,
    every_ns: int,
    known: tuple[int, int] | None,
) -> pl.LazyFrame:
    """Return samples of the book that a stream makes, of events received from the first to the last time in `known`."""
    levels = [f"{name}_{level}" for level in range(depth) for name in ("bid", "bid_qty", "ask", "ask_qty")]

    def open_reader() -> SeriesReader:
        return SeriesReader.book(instrument, open_stream(), depth=depth, every_ns=every_ns, from_ns=span.start_ns)

    return _series(["ts", *levels], open_reader, span, lambda: check_grid("every", every_ns, known, span))


def bars(
    instrument: Instrument, open_stream: Callable[[], EventStream], span: Span, *, spec: BarSpec, has_book: bool
) -> pl.LazyFrame:
    """Return bars of a stream."""

    def open_reader() -> SeriesReader:
        return SeriesReader.bars(instrument, open_stream(), spec=str(spec), has_book=has_book, from_ns=span.start_ns)

    return _series(BAR_COLUMNS, open_reader, span)


def _series(
    columns: Sequence[str],
    open_reader: Callable[[], SeriesReader],
    span: Span,
    check_all: Callable[[], None] | None = None,
) -> pl.LazyFrame:
    """Return a series that is read when it is collected, piece by piece; its first column is its time.

    `check_all` is called before all of it is read, and not where its first rows are asked for.
    """
    import polars as pl

    shown: list[pl.Expr] = []
    schema: dict[str, pl.DataType] = {}
    for name in columns:
        if name.startswith("ts"):
            shown.append(_time(name))
            schema[name] = pl.Datetime("ns", "UTC")
        elif name in ("trades", "revision"):
            shown.append(pl.col(name))
            schema[name] = pl.Int64()
        elif name.startswith("is_"):
            shown.append(pl.col(name) != 0)
            schema[name] = pl.Boolean()
        else:
            shown.append(pl.col(name).fill_nan(None))
            schema[name] = pl.Float64()
    rows, time = max(1, _CELLS // len(columns)), columns[0]

    def pieces(columns: Sequence[str], predicate: pl.Expr | None) -> Iterator[pl.DataFrame]:
        reader = open_reader()
        try:
            while (read := reader.read(rows)) is not None:
                at = read[time]
                # Bars that late trades have changed come again among later ones.
                inside = (at >= span.start_ns) & (at < span.end_ns)
                piece = pl.DataFrame(read).filter(inside).select(shown)
                yield (piece if predicate is None else piece.filter(predicate)).select(columns)
                if at[-1] >= span.end_ns:
                    break
        finally:
            reader.close()

    return _lazy(schema, pieces, check_all)


def _lazy(
    schema: Mapping[str, pl.DataType],
    pieces: Callable[[Sequence[str], pl.Expr | None], Iterator[pl.DataFrame]],
    check_all: Callable[[], None] | None = None,
) -> pl.LazyFrame:
    """Return a frame whose pieces are made when it is collected, with the columns and the rows that are asked for."""
    import polars as pl
    from polars.io.plugins import register_io_source

    check_polars()

    def source(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        del batch_size  # a hint
        if n_rows is None and check_all is not None:
            check_all()
        left = n_rows
        for piece in pieces(with_columns or list(schema), predicate):
            yield piece if left is None else piece.head(left)
            if left is not None and (left := left - len(piece)) <= 0:
                break

    return register_io_source(source, schema=pl.Schema(schema), is_pure=True)


def description(described: Sequence[tuple[Instrument, dict[str, Any]]]) -> pl.DataFrame:
    """Return what a catalog holds: each instrument with its row of :meth:`~tradecore.Catalog.info`."""
    import polars as pl

    grouped = {kind.name for kinds in _MADE_OF.values() for kind in kinds}
    others = dict.fromkeys(name for _, row in described for name in row["kinds"] if name not in grouped)
    time = pl.Datetime("ns", "UTC")
    schema: dict[str, Any] = {"instrument": pl.String, "kind": pl.String, "first": time, "last": time, "days": pl.Int64}
    counts = {**{name: [k.name for k in kinds] for name, kinds in _MADE_OF.items()}, **{n.lower(): [n] for n in others}}
    schema |= dict.fromkeys([*counts, "rows", "bytes"], pl.Int64)
    rows = [
        {
            "instrument": instrument.id,
            "kind": str(instrument.kind),
            "first": row["first_ts_recv"],
            "last": row["last_ts_recv"],
            "days": len(row["days"]),
            **{name: sum(row["kinds"].get(kind, 0) for kind in kinds) for name, kinds in counts.items()},
            "rows": row["events"],
            "bytes": row["bytes"],
        }
        for instrument, row in described
    ]
    return pl.DataFrame(rows, schema=schema)
