"""Importers: files of other formats into the catalog."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from tradecore._core import EventReader, HftDecoder, Instrument, TradeSieve
from tradecore.data.arguments import instrument_of, paths_of
from tradecore.data.catalog import Catalog, Columns
from tradecore.data.columns_reader import ColumnsReader
from tradecore.data.event_arrays import event_arrays
from tradecore.data.findings import holds_nothing_of_it, nothing_but, other_symbols
from tradecore.data.formats import (
    AS_RECORDED,
    CAPTURES,
    DUMPS,
    ReadOptions,
    check_receipt,
    open_reader,
    sniff,
    told_otherwise,
)
from tradecore.data.inference import telling_increments
from tradecore.data.mapping import ColumnMap
from tradecore.errors import DataError, TradecoreError
from tradecore.files import staged
from tradecore.validation import DurationLike

__all__ = [
    "ImportSummary",
    "Progress",
    "array_reader",
    "import_arrays",
    "import_as",
    "import_binance_ws",
    "import_hftbacktest",
    "import_klines",
    "import_tables",
    "import_tardis",
    "read_into",
    "table_format",
]

_PIECE = 1 << 17

ImportSummary: TypeAlias = dict[str, Any]
"""What was read: counts, times, the final book. Prices and quantities are text."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the bytes read so far and in all; of columns with the rows and 0."""


def read_into(
    reader: EventReader | ColumnsReader,
    instrument: Instrument,
    catalog: str | Path | Catalog,
    *,
    source: str,
    replace: bool = False,
    progress: Progress | None = None,
    sources: Sequence[str] = (),
) -> ImportSummary:
    """Write everything a reader gives to a catalog, or nothing if it fails or gives nothing of the instrument."""
    check_receipt(reader, source)
    with Catalog.of(catalog).writer(instrument, replace=replace, sources=sources) as writer:
        writer.leave_book_to_reader()
        while (columns := reader.read(_PIECE)) is not None:
            writer.write(columns)
            if progress is not None:
                progress(*reader.progress)
        summary = reader.summary()
        _check_not_foreign(summary, instrument, source)
        writer.tell(summary)
    return summary


def _check_not_foreign(summary: ImportSummary, instrument: Instrument, source: str) -> None:
    """Refuse what holds no event of the instrument."""
    if holds_nothing_of_it(summary):
        waiting = summary.get("unsynced") or summary.get("skipped") or summary.get("waiting")
        reason = f": no snapshot goes with its {waiting} book updates" if waiting else ""
        others = other_symbols(summary)
        reason = reason or (f": its rows are of {others}" if others else nothing_but(summary))
        whose = None
        with contextlib.suppress(TradecoreError):
            whose = told_otherwise(sniff(source), instrument.id)
        told = "" if whose is None else f"; its first frames are of {whose}"
        raise DataError(source, 0, f"holds no events of {instrument.id}{reason}{told}")


def import_binance_ws(
    paths: str | Path | Sequence[str | Path],
    instrument: str | Instrument,
    catalog: str | Path | Catalog,
    *,
    on_error: str = "strict",
    start: str = "snapshot",
    replace: bool = False,
    progress: Progress | None = None,
) -> ImportSummary:
    """Import Binance capture files.

    Parameters
    ----------
    paths : path or sequence of path
        Files of one recording; each line ``<ts_recv> <raw JSON>``, plain or packed (gzip, zip, zstd, xz). The time of
        receipt is in s (with or without a fraction), ms, us or ns since 1970, UTC.
    instrument : str or Instrument
        Or the id of a shipped one. Its venue tells the market: ``BINANCE``, ``BINANCE_USDM`` or ``BINANCE_COINM``.
    catalog : path or Catalog
        Where to write.
    on_error : str
        ``strict``, or ``skip``: lines that are no messages (a pong, HTML, the cut end of a file) are left out, counted,
        and listed in a file in the folder ``skipped`` of the catalog.
    start : str
        ``snapshot``, or ``empty``: where no snapshot is, updates make a book of nothing. What no update has named since
        is missing in it.
    replace : bool
        Whether to replace the days that are written.
    progress : callable, optional
        Called with bytes read and bytes in all.

    Returns
    -------
    dict
        ``events, book_updates, trades, snapshots, gaps, best_bid, best_ask`` and more.

    Raises
    ------
    DataError
        With file and line; the catalog is unchanged then, as after the others.
    CatalogError
        When the catalog already holds events of that time or another specification, and nothing is to be replaced
        (``replace=True``), or when it cannot be written.

    Examples
    --------
    ::

        tc.import_binance_ws("capture.gz", "BTCUSDT.BINANCE_USDM", "market")
    """
    options = ReadOptions(on_error=on_error, start=start)
    return import_as("binance-ws", paths, instrument, catalog, options, replace=replace, progress=progress)


def import_as(
    form: str,
    paths: str | Path | Sequence[str | Path],
    instrument: str | Instrument,
    catalog: str | Path | Catalog,
    options: ReadOptions = AS_RECORDED,
    *,
    replace: bool = False,
    progress: Progress | None = None,
    sources: Sequence[str] = (),
) -> ImportSummary:
    """Import files of a format that readers are for; the functions for each format say more.

    ``sources`` name the files in the catalog, so that an import of many goes on where it was.
    """
    files, spec, catalog = paths_of(paths), instrument_of(instrument), Catalog.of(catalog)
    with _naming_format(form, files[0], options), telling_increments(form, spec, files, options):
        reader = open_reader(form, spec, files, options=options)
        summary = read_into(
            reader, spec, catalog, source=str(files[0]), replace=replace, progress=progress, sources=sources
        )
    skipped = reader.skipped()
    return summary | ({"skipped_file": str(_list_skipped(catalog.path, files[0], skipped))} if skipped else {})


@contextlib.contextmanager
def _naming_format(form: str, first: Path, options: ReadOptions) -> Iterator[None]:
    """Say of a file that cannot be read from its first line on which other format it is of, if that is known."""
    try:
        yield
    except DataError as error:
        found = form
        if type(error) is DataError and error.source == str(first) and error.line == 1:
            with contextlib.suppress(TradecoreError):
                found = sniff(first, options).format
        if found == form or {found, form} <= set(CAPTURES) or (form != "klines" and {found, form} <= DUMPS):
            raise
        problem = f"is no file of {form} but of format {found}; import it with {_command(found)}"
        raise DataError(error.source, error.line, problem) from None


def _command(form: str) -> str:
    """Return what imports files of a format, on the command line and in Python."""
    name = "tables" if form in DUMPS - {"klines"} else form
    return f"data import {name} (import_{name.replace('-', '_')})"


def _list_skipped(catalog: Path, first: Path, skipped: Sequence[tuple[str, int, str]]) -> Path:
    """Write which lines of a recording were left out into a file named after its first one."""
    folder, name = catalog / "skipped", f"{first.name}.txt"
    folder.mkdir(exist_ok=True)
    with staged(folder, name) as parts:
        text = "".join(f"{source}:{line}: {problem}\n" for source, line, problem in skipped)
        (parts / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    return folder / name


def import_tardis(
    paths: str | Path | Sequence[str | Path],
    instrument: str | Instrument,
    catalog: str | Path | Catalog,
    *,
    start: str = "snapshot",
    replace: bool = False,
    progress: Progress | None = None,
) -> ImportSummary:
    """Import Tardis CSV files of one instrument, merged by local time.

    Takes ``incremental_book_L2``, ``trades``, ``quotes``, ``book_ticker``, ``book_snapshot_5/25``,
    ``derivative_ticker`` and ``liquidations``, plain or packed, told apart by their header. Liquidations have the
    columns of trades: a file holds them when its name has the word in it, or lies in a folder of that name. Files of
    one kind follow one another, as days do; two of one time are an error. Trades that are there twice count once, also
    in a file that is named twice (``duplicate_trades``), those of amount 0 are none (``empty_trades``), and rows of
    other symbols are left out (``other_symbols``, rows by symbol). See :func:`import_binance_ws` for the rest and
    ``start``.

    Examples
    --------
    ::

        tc.import_tardis(["incremental_book_L2.csv.gz", "trades.csv.gz"], "XBTUSD.BITMEX", "market")
    """
    return import_as("tardis", paths, instrument, catalog, ReadOptions(start=start), replace=replace, progress=progress)


def import_tables(
    paths: str | Path | Sequence[str | Path],
    instrument: str | Instrument,
    catalog: str | Path | Catalog,
    *,
    assume_latency: DurationLike | None = None,
    columns: ColumnMap = None,
    start: str = "snapshot",
    replace: bool = False,
    progress: Progress | None = None,
) -> ImportSummary:
    """Import official dumps of venues, or tables whose columns are named.

    Known are the files of data.binance.vision (trades, aggTrades, bookTicker, T_DEPTH), of public.bybit.com (trades,
    ``ob200``, ``ob500``), and trades of OKX, Deribit and Coinbase; plain or packed, with a header or without. Files of
    one kind may be given in any order, and klines go with them. See :func:`import_binance_ws` for the rest.

    Parameters
    ----------
    paths : path or sequence of path
        Files of one instrument.
    instrument : str or Instrument
        Or the id of a shipped one.
    catalog : path or Catalog
        Where to write.
    assume_latency : str or timedelta, optional
        From the venue's stamp of a row to its receipt, such as ``"10ms"``. Needed where the files do not say when rows
        were received; the result shows it as ``assumed_latency_ns``.
    columns : mapping of str to str, str or path, optional
        What the columns of other tables mean, CSV or Parquet: of each field the name of its column, or its number from
        1; as text ``"price=px,amount=qty,time=ts"``, or in a TOML file. Fields are ``time``, ``recv``, ``sent``,
        ``symbol``, ``id``, ``price``, ``amount``, ``side`` (the taker's), ``maker_side`` or ``buyer_is_maker``,
        ``off_book`` of trades; ``is_snapshot`` and ``side`` of levels; ``bid_price``, ``bid_amount``, ``ask_price``
        and ``ask_amount`` of quotes. Times are s, ms, us or ns since 1970, told by their size, or dates with a time of
        day, UTC where they name no zone.
    start : str
        What a book begins with: its first ``"snapshot"``, or ``"empty"``; levels that never change stay unknown then.
    replace : bool
        Whether to replace the days that are written.
    progress : callable, optional
        Called with bytes read and bytes in all.

    Returns
    -------
    dict
        As :func:`import_binance_ws`, and ``receive_times``: ``recorded`` or ``assumed``.

    Raises
    ------
    DataError
        With file and line; the catalog is unchanged then.
    InvalidValueError
        For a mapping or a latency that is none.
    CatalogError
        When the catalog already holds events of that time, and nothing is to be replaced.

    Examples
    --------
    ::

        day = ["BTCUSDT-trades-2024-08-08.zip", "BTCUSDT-bookTicker-2024-08-08.zip"]
        tc.import_tables(day, "BTCUSDT.BINANCE_USDM", "market", assume_latency="10ms")
    """
    options = ReadOptions(assume_latency=assume_latency, columns=columns, start=start)
    form = table_format(paths_of(paths)[0], options)
    return import_as(form, paths, instrument, catalog, options, replace=replace, progress=progress)


def table_format(path: Path, options: ReadOptions) -> str:
    """Return which of the formats that :func:`import_tables` reads a file has.

    Raises
    ------
    DataError
        For a file of another format.
    """
    form = sniff(path, options).format
    if form not in DUMPS:
        problem = f"is no table that is known here but of format {form}; import it with {_command(form)}"
        raise DataError(str(path), 1, problem)
    return form


def import_hftbacktest(
    paths: str | Path | Sequence[str | Path],
    instrument: str | Instrument,
    catalog: str | Path | Catalog,
    *,
    replace: bool = False,
    progress: Progress | None = None,
) -> ImportSummary:
    """Import hftbacktest event arrays (``.npz`` or ``.npy``), in order. See :func:`import_binance_ws` for the rest.

    Trades whose ids are there twice count once (``duplicate_trades``), and those without price or quantity are none
    (``empty_trades``).

    Examples
    --------
    ::

        tc.import_hftbacktest("day.npz", "BTCUSDT.BINANCE_USDM", "market")
    """
    return import_arrays(paths, instrument, catalog, replace=replace, progress=progress)


def import_arrays(
    paths: str | Path | Sequence[str | Path],
    instrument: str | Instrument,
    catalog: str | Path | Catalog,
    *,
    replace: bool = False,
    progress: Progress | None = None,
    sources: Sequence[str] = (),
) -> ImportSummary:
    """Import event arrays as :func:`import_hftbacktest` does, and note which files they were."""
    files, spec = paths_of(paths), instrument_of(instrument)
    reader = array_reader(files, spec)
    return read_into(reader, spec, catalog, source=str(files[0]), replace=replace, progress=progress, sources=sources)


def import_klines(
    paths: str | Path | Sequence[str | Path],
    instrument: str | Instrument,
    catalog: str | Path | Catalog,
    *,
    replace: bool = False,
    progress: Progress | None = None,
) -> ImportSummary:
    """Import klines of Binance's public data (``data.binance.vision``) of one instrument, in order.

    Spot, USD-M and coin-M, with a header or without one, times in ms or us, plain or packed. The files do not say when
    a bar was received: it is taken to have been when it ended. Where the data has no book, orders are filled against
    these bars (``basis="bars"``). See :func:`import_binance_ws` for the rest.

    Examples
    --------
    ::

        tc.import_klines("BTCUSDT-1m-2024-08.csv", "BTCUSDT.BINANCE", "market")
    """
    return import_as("klines", paths, instrument, catalog, replace=replace, progress=progress)


def array_reader(paths: Sequence[Path], instrument: Instrument) -> ColumnsReader:
    """Return a reader of event arrays."""
    counts = {"empty_trades": 0}

    def pieces() -> Iterator[Columns]:
        for path in paths:
            decoder = HftDecoder(instrument, path)
            for columns in event_arrays(path):
                yield decoder.push(*columns)
            yield decoder.finish()
            counts["empty_trades"] += decoder.empty_trades

    return ColumnsReader(pieces(), instrument, counts, TradeSieve())
