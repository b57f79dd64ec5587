"""The catalog: event columns as Parquet files, by venue, symbol and day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradecore._core import EventStream, Instrument, ReadAhead
from tradecore.data import views
from tradecore.data.arguments import id_of
from tradecore.data.commit import data_difference
from tradecore.data.layout import DTYPES, find_manifest, manifests
from tradecore.data.manifest import BYTE_BUDGET, Manifest, Part, read_manifest
from tradecore.data.writer import CatalogWriter, Columns
from tradecore.errors import CatalogError, InvalidValueError, UnknownInstrumentError
from tradecore.types import MARKET_KINDS, EventKind

if TYPE_CHECKING:
    import polars as pl

    from tradecore.data.views import Moment
    from tradecore.validation import DurationLike

__all__ = ["BYTE_BUDGET", "COLUMNS", "Catalog", "CatalogWriter", "Columns", "EventStream", "Part", "data_difference"]

COLUMNS = tuple(DTYPES)
"""Names of the event columns, in the order they are stored."""

_ROWS = 1 << 20


class Catalog:
    """Event data of any number of instruments in a folder.

    The folder as a whole is a table that polars, pandas and DuckDB read: ``pl.scan_parquet(folder)``,
    ``pd.read_parquet(folder)``, ``SELECT * FROM read_parquet('folder/**/*.parquet')``. They find the event columns
    (:meth:`scan`), with ``venue`` and ``symbol`` beside them.

    Parameters
    ----------
    path : path
        The folder. It need not exist to be written to.

    Raises
    ------
    CatalogError
        For a file.

    Examples
    --------
    ::

        catalog = tc.Catalog("market")
        catalog.trades("BTCUSDT.SYNTH", start="2026-01-01").head(3).collect()
        catalog.book("BTCUSDT.SYNTH", depth=2, every="1s").collect()
    """

    def __init__(self, path: str | Path) -> None:
        if not isinstance(path, (str, Path)):
            raise InvalidValueError("catalog", f"expected the path of a folder, got {path!r}")
        self.path = Path(path)
        if self.path.is_file():
            raise CatalogError(str(path), "is a file; a catalog is a folder")
        self._pinned: dict[str, Manifest] = {}

    def __repr__(self) -> str:
        return f"Catalog({str(self.path)!r})"

    @classmethod
    def of(cls, catalog: str | Path | Catalog) -> Catalog:
        """Return a catalog that is given by its path or as such."""
        return catalog if isinstance(catalog, Catalog) else cls(catalog)

    def instruments(self) -> tuple[str, ...]:
        """Ids of the instruments in the catalog, sorted."""
        return tuple(sorted(held.instrument.id for held in self.manifests()))

    def instrument(self, instrument: str | Instrument) -> Instrument:
        """Return the specification an instrument's data was stored with.

        Raises
        ------
        UnknownInstrumentError
            When the catalog holds no such instrument.
        """
        return self.manifest(instrument).instrument

    def parts(self, instrument: str | Instrument) -> list[Part]:
        """Return the parts that hold an instrument's data, in order of time."""
        return self.manifest(instrument).parts()

    def manifest(self, instrument: str | Instrument) -> Manifest:
        """Return what the catalog holds of an instrument now.

        Its parts stay readable while it is kept, whatever is replaced meanwhile.

        Raises
        ------
        UnknownInstrumentError, CatalogError
            For an instrument that the catalog does not hold; naming a manifest that is damaged.
        """
        name = id_of(instrument)
        if (pinned := self._pinned.get(name)) is not None:
            return pinned
        if (found := find_manifest(self.path, name)) is not None:
            held = read_manifest(self.path, found)
            if held.instrument.id == name:
                return held
        known = self.instruments() if self.path.is_dir() else ()
        if not known:
            raise self._no_catalog()
        raise UnknownInstrumentError(name, known)

    def pinned(self, *instruments: str | Instrument) -> Catalog:
        """Return the catalog as it is now: of these instruments it reads what there is now, in any process.

        What is replaced meanwhile stays on the disk until this, and what reads through it, is gone.

        Raises
        ------
        UnknownInstrumentError, CatalogError
            As :meth:`manifest`.
        """
        pinned = Catalog(self.path)
        pinned._pinned = {id_of(instrument): self.manifest(instrument) for instrument in instruments}
        return pinned

    def manifests(self) -> Iterator[Manifest]:
        """Return :meth:`manifest` of every instrument, in no order.

        Raises
        ------
        CatalogError
            Naming a manifest that is damaged.
        """
        return (read_manifest(self.path, path) for path in manifests(self.path))

    def describe(self) -> pl.DataFrame:
        """Return what the catalog holds, one row an instrument.

        Returns
        -------
        DataFrame
            ``instrument``; its ``kind``; ``first`` and ``last`` time of receipt, ns in UTC; ``days`` with data;
            counts of rows: of the ``book``, ``trades``, ``quotes``, and those of other kinds that are there, under
            their names; all ``rows``; ``bytes`` on disk.

        Raises
        ------
        CatalogError
            When it is no catalog or holds nothing, or naming a part that is damaged or not there.
        """
        if not (described := self._described()):
            raise self._no_catalog()
        return views.description(described)

    def info(self) -> list[dict[str, Any]]:
        """Describe each instrument in plain values: rows by kind, span in ns, days, bytes on disk.

        Raises
        ------
        CatalogError
            Naming a part that is damaged or not there.
        """
        return [row for _, row in self._described()]

    def _described(self) -> list[tuple[Instrument, dict[str, Any]]]:
        """Return each instrument with its row of :meth:`info`, by id."""
        rows = []
        for held in self.manifests():
            spec, parts = held.instrument, held.parts()
            kinds: dict[str, int] = {}
            for part, damage in held.check():
                if damage is not None:
                    raise damage
                for kind, count in part.kinds.items():
                    kinds[kind] = kinds.get(kind, 0) + count
            rows.append(
                (
                    spec,
                    {
                        "instrument": spec.id,
                        "events": sum(part.rows for part in parts),
                        "kinds": kinds,
                        "first_ts_recv": min((part.first_ts_recv for part in parts), default=None),
                        "last_ts_recv": max((part.last_ts_recv for part in parts), default=None),
                        "min_latency_ns": min((part.min_latency_ns for part in parts), default=None),
                        "days": sorted({part.day for part in parts}),
                        "bytes": sum(part.size or (held.folder / part.path).stat().st_size for part in parts),
                    },
                )
            )
        return sorted(rows, key=lambda row: row[0].id)

    def scan(
        self,
        instrument: str | Instrument,
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        units: bool = False,
    ) -> pl.LazyFrame:
        """Return an instrument's events as a lazy frame.

        Parameters
        ----------
        instrument : str or Instrument
        start, end : datetime, date or text in ISO 8601, optional
            Of the time of receipt, the end not included; UTC where no zone is given.
        units : bool
            Whether to scale the columns for people.

        Returns
        -------
        LazyFrame
            ``ts_event, ts_recv`` (the venue's clock and ours, ns), ``kind, side, flags``, ``price, qty`` (counts of
            the instrument's increments), ``id``. With ``units`` as people read them: ``ts_recv``, ``kind``, ``side``,
            ``price``, ``qty``, ``flags``, ``id``, ``ts_event``, with times as ``Datetime("ns", "UTC")``, words as
            Enum and numbers in units as Float64.

        Raises
        ------
        UnknownInstrumentError, CatalogError
            For an instrument that the catalog does not hold, or no data of.
        InvalidValueError
            For a time that is none.
        """
        span, held = views.Span.of(start, end), self.manifest(instrument)
        if not held.parts():
            raise CatalogError(str(self.path), f"holds no events of {held.instrument.id}")
        events = views.events(lambda: self.manifest(instrument), span)
        return views.in_units(events, held.instrument) if units else events

    def trades(
        self, instrument: str | Instrument, *, start: Moment | None = None, end: Moment | None = None
    ) -> pl.LazyFrame:
        """Return an instrument's trades as people see them.

        Parameters as of :meth:`scan`.

        Returns
        -------
        LazyFrame
            ``ts_recv`` (when we received it, ``Datetime("ns", "UTC")``), ``side`` of the aggressor (Enum: ``buy``,
            ``sell``, null where the venue does not say), ``price`` and ``qty`` in units (Float64), ``id`` (null where
            it has none), ``ts_event`` (the venue's clock). Read when it is collected, filters first;
            ``collect(engine="streaming")`` or ``sink_parquet`` keep memory bounded.

        Raises
        ------
        CatalogError
            When the data has no trades, or as :meth:`scan`.
        """
        span = views.Span.of(start, end)
        held = self._require(instrument, EventKind.TRADE, "trades")
        return views.trades(views.events(lambda: self.manifest(instrument), span), held.instrument)

    def quotes(
        self, instrument: str | Instrument, *, start: Moment | None = None, end: Moment | None = None
    ) -> pl.LazyFrame:
        """Return the best prices that the venue itself published, one row a message.

        They are what ``on_quote`` is told: data made of book updates alone has none, and its best prices are those of
        :meth:`book`. Parameters as of :meth:`scan`.

        Returns
        -------
        LazyFrame
            ``ts_recv`` (when we received it, ``Datetime("ns", "UTC")``), ``bid, bid_qty, ask, ask_qty`` in units
            (Float64; null for a side that is empty or that the message left out), ``ts_event`` (the venue's clock).
            Made piece by piece when it is collected.

        Raises
        ------
        CatalogError
            When the data has no quotes, or as :meth:`scan`.
        """
        span = views.Span.of(start, end)
        held = self._require(instrument, EventKind.QUOTE, "quotes", "see book() for the best prices of its book")
        return views.quotes(held.instrument, lambda: views.span_stream(self.manifest(instrument), span), span)

    def book(
        self,
        instrument: str | Instrument,
        depth: int = 5,
        every: DurationLike = "100ms",
        *,
        start: Moment | None = None,
        end: Moment | None = None,
    ) -> pl.LazyFrame:
        """Return the best levels of an instrument's book at regular times.

        A row holds what was known at its time: the messages received up to it, none later. Times are the multiples of
        ``every`` since 1970 from the first message to the last; none is left out where nothing came.

        Parameters
        ----------
        instrument : str or Instrument
        depth : int
            Levels of each side, 1 to 1,000.
        every : duration
            Such as ``"100ms"``, ``"1s"`` or a timedelta.
        start, end : datetime, date or text in ISO 8601, optional
            As of :meth:`scan`. The book is as it was then: what came before ``start`` is in it.

        Returns
        -------
        LazyFrame
            ``ts`` (``Datetime("ns", "UTC")``), then ``bid_0, bid_qty_0, ask_0, ask_qty_0`` for the best level,
            ``bid_1`` ... for the next, in units (Float64). A level that is not there is null, and so are all while
            the book is not known (before a snapshot, after a gap). Made piece by piece when it is collected.

        Raises
        ------
        CatalogError
            When the data has no book, or as :meth:`scan`.
        InvalidValueError
            For a depth or length of time that is none; when it is collected, for one so short that there would be more
            than 1,000,000,000 rows.
        """
        span, every_ns = views.Span.of(start, end), views.length("every", every)
        if type(depth) is not int or not 1 <= depth <= 1_000:
            raise InvalidValueError("depth", f"expected a number of levels from 1 to 1000, got {depth!r}")
        held = self._require(instrument, EventKind.BOOK_SET, "book", "see quotes() for the venue's own best prices")
        return views.book(
            held.instrument,
            lambda: views.book_stream(self.manifest(instrument), span, MARKET_KINDS),
            span,
            depth=depth,
            every_ns=every_ns,
            known=held.received(),
        )

    def bars(
        self,
        instrument: str | Instrument,
        every: DurationLike = "1m",
        *,
        start: Moment | None = None,
        end: Moment | None = None,
    ) -> pl.LazyFrame:
        """Return bars of an instrument, as ``ctx.subscribe(inst, "bars:1m")`` has them made.

        Parameters
        ----------
        instrument : str or Instrument
        every : duration or str
            Length of a bar, such as ``"1m"`` or a timedelta, or any other bars by their text: ``"tick:100"``,
            ``"1m,empty=carry,source=mid"`` (see ``tc.bars``).
        start, end : datetime, date or text in ISO 8601, optional
            As of :meth:`scan`, of ``ts_open``. Bars that are no windows begin with the first trade received then.

        Returns
        -------
        LazyFrame
            ``ts_open, ts_close, ts_available`` (``Datetime("ns", "UTC")``; the first two by the venue's clock, the last
            when the bar was known by ours), ``open, high, low, close, volume, quote_volume, buy_volume, sell_volume,
            vwap`` in units (Float64), ``trades`` (their number), ``revision`` (how many times late trades had changed
            it), ``is_partial`` (the last bar, which the data's end cut). Made piece by piece when it is collected.

        Raises
        ------
        CatalogError
            When the data has no trades (book, quotes) to make them of, or as :meth:`scan`.
        InvalidValueError
            For bars there are none of, or not of this instrument; when it is collected, for so small ones that a single
            trade makes more than a million.
        """
        span = views.Span.of(start, end)
        spec = views.bar_spec("every", every)
        held = self.manifest(instrument)
        has_book = any(part.kinds.get(EventKind.BOOK_SET.name) for part in held.parts())
        is_timed = spec.interval_ns is not None
        match spec.source:
            case "trades" if is_timed and any(part.kinds.get(EventKind.BAR_CLOSE.name) for part in held.parts()):
                pass  # Bars that the venue published make larger ones.
            case "trades":
                held = self._require(instrument, EventKind.TRADE, "trades")
            case "quotes":
                held = self._require(instrument, EventKind.QUOTE, "quotes", "make bars of source=mid of its book")
            case _ if not has_book:
                held = self._require(instrument, EventKind.QUOTE, "book and no quotes")
        # Anything that is stamped later closes a window; other bars only look at what they are made of.
        kinds = MARKET_KINDS if is_timed or spec.source == "mid" else (EventKind[spec.source[:-1].upper()],)
        stream = views.book_stream if spec.source == "mid" else views.span_stream
        return views.bars(
            held.instrument,
            lambda: stream(self.manifest(instrument), span.from_start, kinds),
            span,
            spec=spec,
            has_book=has_book,
        )

    def pieces(self, instrument: str | Instrument, rows: int = _ROWS) -> Iterator[pl.DataFrame]:
        """Return an instrument's events as frames of whole messages, about ``rows`` rows each.

        Raises
        ------
        CatalogError
            Naming a part that cannot be read.
        """
        held = self.manifest(instrument)
        stream = held.stream(held.parts(), kinds=EventKind, with_ids=True, piece_rows=rows)
        yield from views.in_whole_messages(views.frames(stream))

    def stream(
        self,
        instrument: str | Instrument,
        *,
        kinds: Iterable[EventKind] = MARKET_KINDS,
        with_ids: bool = False,
        budget_bytes: int = BYTE_BUDGET,
        ahead: ReadAhead | None = None,
    ) -> EventStream:
        """Read an instrument's events piece by piece, ahead of whoever takes them, in bounded memory.

        Parameters
        ----------
        instrument : str or Instrument
        kinds : collection of EventKind
            Which rows to read; those that move books and fills if not given.
        with_ids : bool
            Whether to read the ``id`` column.
        budget_bytes : int
            About how many bytes of columns may lie in memory at a time; two pieces of 1,024 rows at the least.
        ahead : ReadAhead, optional
            The threads that read, for several streams; one of its own if not given.

        Returns
        -------
        EventStream
            An iterator of :data:`Columns`. Prices and quantities are 32 bits wide where all of a piece fit. Close it,
            or exhaust it, to end what reads it. What is wrong with a part is raised as CatalogError when its
            turn comes.
        """
        held = self.manifest(instrument)
        return held.stream(held.parts(), kinds=kinds, with_ids=with_ids, budget_bytes=budget_bytes, ahead=ahead)

    def writer(self, instrument: Instrument, *, replace: bool = False, sources: Sequence[str] = ()) -> CatalogWriter:
        """Open a transaction that adds events of an instrument.

        Parameters
        ----------
        instrument : Instrument
            Stored with the data. Of one that the catalog holds, fees and what an order has to keep to (steps, sizes,
            their changes, the listing) may be others, and are these from then on.
        replace : bool
            Whether days that are written replace what the catalog holds of them. Otherwise new events must not
            overlap old ones in time.
        sources : sequence of str
            What tells the files that the events come from, for whoever asks which are in; texts without spaces.

        Returns
        -------
        CatalogWriter
            A context manager; nothing is visible in the catalog before it is left without an error.
        """
        return CatalogWriter(self.path, instrument, replace=replace, sources=sources)

    def _no_catalog(self) -> CatalogError:
        is_there = self.path.is_dir()
        return CatalogError(
            str(self.path), "is not a catalog, or an empty one" if is_there else "is not a catalog: no such folder"
        )

    def _require(self, instrument: str | Instrument, kind: EventKind, what: str, hint: str | None = None) -> Manifest:
        """Return an instrument's manifest; refuse one of whose data no row is of a kind."""
        held = self.manifest(instrument)
        if not any(part.kinds.get(kind.name) for part in held.parts()):
            hint = f"; {hint}" if hint else ""
            raise CatalogError(str(self.path), f"the data of {held.instrument.id} has no {what}{hint}")
        return held
