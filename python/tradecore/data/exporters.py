"""Exporters: the catalog's events in other people's formats."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias, cast

import orjson

from tradecore import text
from tradecore._core import HFT_OWN, Instrument
from tradecore.data.catalog import Catalog
from tradecore.data.layout import INSTRUMENT_NOTE
from tradecore.data.units import in_text
from tradecore.data.views import scaled
from tradecore.errors import CatalogError, InvalidValueError
from tradecore.files import staged
from tradecore.instruments import TARDIS_VENUES
from tradecore.types import FINE_KINDS, EventFlag, EventKind, Side

if TYPE_CHECKING:
    import polars as pl

__all__ = ["FORMATS", "STATISTICS", "export", "held_pieces", "left_out"]

_Rows: TypeAlias = "Callable[[pl.DataFrame], pl.DataFrame]"

STATISTICS = FINE_KINDS | {EventKind.OPEN_INTEREST}
"""Kinds of events that the tickers of Tardis hold."""

_HFTBACKTEST_KINDS = {EventKind.BOOK_CLEAR: 3, EventKind.BOOK_SET: 1, EventKind.TRADE: 2}
_HELD = {
    "csv": frozenset(EventKind),
    "parquet": frozenset(EventKind),
    "hftbacktest": frozenset(_HFTBACKTEST_KINDS),
    "tardis": STATISTICS
    | {EventKind.BOOK_CLEAR, EventKind.BOOK_SET, EventKind.TRADE, EventKind.QUOTE, EventKind.LIQUIDATION},
}
"""Kinds of events each format can hold."""

FORMATS = tuple(_HELD)
"""What :func:`export` can write."""


def export(
    catalog: str | Path | Catalog,
    instrument: str | Instrument,
    target: str | Path,
    *,
    form: str,
    csv_safe: bool = True,
) -> list[Path]:
    """Write an instrument's events in another format.

    Parameters
    ----------
    catalog : path or Catalog
    instrument : str or Instrument
    target : path
        ``csv``: a file of the event columns with prices and quantities in units. ``parquet``: a file of the event
        columns as the catalog has them, with the instrument's specification in its footer. ``hftbacktest``: an
        ``.npz`` file. ``tardis``: a folder that gets ``incremental_book_L2``, ``trades``, ``quotes``,
        ``derivative_ticker`` and ``liquidations`` files, as far as there are such events.
        :func:`~tradecore.data.losses.losses` says what a format does not hold.
    form : str
        One of :data:`FORMATS`.
    csv_safe : bool
        Whether text in CSV that a spreadsheet would take for a formula gets an apostrophe in front.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    CatalogError
        When there are no such events, or a file cannot be written; none is there then that was not before.
    InvalidValueError
        For a format that is none, or a target it cannot be written to.
    """
    catalog = Catalog.of(catalog)
    spec = catalog.instrument(instrument)
    if not catalog.parts(instrument):
        raise CatalogError(str(catalog.path), f"holds no events of {spec.id}")
    target = Path(target)
    safe: _Rows = text.csv_safe if csv_safe else lambda frame: frame
    writers: dict[str, Callable[[Catalog, Instrument, Path], list[Path]]] = {
        "csv": partial(_csv, safe=safe),
        "hftbacktest": _hftbacktest,
        "parquet": _parquet,
        "tardis": partial(_tardis, safe=safe),
    }
    if form not in writers:
        raise InvalidValueError("format", f"{form!r} is not one of {', '.join(FORMATS)}")
    if form != "tardis" and target.is_dir():
        raise InvalidValueError("target", f"{target} is a folder; {form} is written to a file")
    if form == "hftbacktest" and target.suffix != ".npz":
        target = target.with_name(f"{target.name}.npz")
    folder, name = (target, None) if form == "tardis" else (target.parent, target.name)
    with staged(folder, name) as fresh:
        written = writers[form](catalog, spec, fresh if name is None else fresh / name)
    return [folder / path.name for path in written]


def left_out(catalog: str | Path | Catalog, instrument: str | Instrument, form: str) -> dict[str, int]:
    """Count the events of an instrument that a format cannot hold, by name of their kind.

    Raises
    ------
    InvalidValueError
        When ``form`` is not one of :data:`FORMATS`.
    """
    catalog = Catalog.of(catalog)
    if form not in _HELD:
        raise InvalidValueError("format", f"{form!r} is not one of {', '.join(FORMATS)}")
    counts: dict[str, int] = {}
    for part in catalog.parts(instrument):
        for name, rows in part.kinds.items():
            if EventKind.__members__.get(name) not in _HELD[form]:
                counts[name] = counts.get(name, 0) + rows
    return counts


def held_pieces(catalog: Catalog, instrument: Instrument, form: str) -> Iterator[pl.DataFrame]:
    """Return the events that a format holds, in pieces of whole messages, whose numbers are in a column ``message``.

    A message ends with the last row that is left of it. Prices and quantities are in increments.
    """
    import polars as pl

    last = pl.lit(int(EventFlag.LAST), pl.UInt8)
    before = 0
    for piece in catalog.pieces(instrument):
        number = ((pl.col("flags") & last) != 0).cum_sum().shift(1, fill_value=0) + before
        numbered = piece.with_columns(number.alias("message"))
        before = numbered["message"][-1] + 1
        held = numbered.filter(pl.col("kind").is_in(sorted(_HELD[form])))
        ends = (pl.col("message") != pl.col("message").shift(-1)).fill_null(True)
        others = pl.col("flags") & pl.lit(~int(EventFlag.LAST) & 0xFF, pl.UInt8)
        yield held.with_columns(pl.when(ends).then(others | last).otherwise(others).alias("flags"))


def _parquet(catalog: Catalog, instrument: Instrument, target: Path) -> list[Path]:
    note = {INSTRUMENT_NOTE: orjson.dumps(instrument.to_dict()).decode()}
    catalog.scan(instrument).sink_parquet(target, compression="zstd", metadata=note)
    return [target]


def _csv(catalog: Catalog, instrument: Instrument, target: Path, *, safe: _Rows) -> list[Path]:
    import polars as pl

    kinds = {int(kind): kind.name.lower() for kind in EventKind}
    with target.open("wb") as file:
        for number, piece in enumerate(catalog.pieces(instrument)):
            words = pl.col("kind").replace_strict(kinds, return_dtype=pl.String)
            safe(in_text(piece, instrument).with_columns(words)).write_csv(file, include_header=number == 0)
    return [target]


def _tardis(catalog: Catalog, instrument: Instrument, target: Path, *, safe: _Rows) -> list[Path]:
    import polars as pl

    exchanges = {venue: exchange for exchange, venue in TARDIS_VENUES.items()}
    exchange = exchanges.get(instrument.venue, instrument.venue.lower().replace("_", "-"))
    head = [
        pl.lit(exchange).alias("exchange"),
        pl.lit(instrument.symbol).alias("symbol"),
        (pl.col("ts_event") // 1_000).alias("timestamp"),
        (pl.col("ts_recv") // 1_000).alias("local_timestamp"),
    ]
    price, amount = pl.col("price"), pl.col("qty").alias("amount")
    nowhere = f"{instrument.price_increment:f}"

    def book(piece: pl.DataFrame) -> pl.DataFrame:
        snapshot = (pl.col("flags") & int(EventFlag.SNAPSHOT)) != 0
        side = pl.when(pl.col("side") == int(Side.BUY)).then(pl.lit("bid")).otherwise(pl.lit("ask"))
        # A message that clears the book and sets no level voids it: a snapshot of a level of nothing.
        sets = pl.col("kind") == int(EventKind.BOOK_SET)
        voids = (pl.col("kind") == int(EventKind.BOOK_CLEAR)) & ~sets.any().over("message")
        rows = piece.filter(sets | voids)
        return rows.select(
            *head,
            (snapshot | ~sets).alias("is_snapshot"),
            pl.when(sets).then(side).otherwise(pl.lit("bid")).alias("side"),
            pl.when(sets).then(price).otherwise(pl.lit(nowhere).cast(piece.schema["price"])).alias("price"),
            amount,
        )

    words = {int(Side.BUY): "buy", int(Side.SELL): "sell", 0: "unknown"}
    taker = pl.col("side").replace_strict(words, return_dtype=pl.String)

    def trades(piece: pl.DataFrame) -> pl.DataFrame:
        rows = piece.filter(pl.col("kind") == int(EventKind.TRADE))
        return rows.select(*head, "id", taker, price, amount)

    def liquidations(piece: pl.DataFrame) -> pl.DataFrame:
        rows = piece.filter(pl.col("kind") == int(EventKind.LIQUIDATION))
        return rows.select(*head, _known("id"), taker, price, amount)

    def tickers(piece: pl.DataFrame) -> pl.DataFrame:
        message = (pl.col("flags") & int(EventFlag.LAST) != 0).cum_sum().shift(1, fill_value=0)
        rows = piece.with_columns(message.alias("message")).filter(pl.col("kind").is_in(sorted(STATISTICS)))

        def cell(kind: EventKind, value: pl.Expr) -> pl.Expr:
            return value.filter(pl.col("kind") == int(kind)).first()

        groups = rows.group_by("message", maintain_order=True).agg(
            pl.col("ts_event", "ts_recv").first(),
            funding_timestamp=cell(EventKind.FUNDING, _known("id") // 1_000),
            funding_rate=cell(EventKind.FUNDING, pl.col("price")),
            open_interest=cell(EventKind.OPEN_INTEREST, pl.col("qty")),
            index_price=cell(EventKind.INDEX, pl.col("price")),
            mark_price=cell(EventKind.MARK, pl.col("price")),
        )
        nothing = pl.lit(None, dtype=pl.String)
        return groups.select(
            *head,
            "funding_timestamp",
            "funding_rate",
            nothing.alias("predicted_funding_rate"),
            "open_interest",
            nothing.alias("last_price"),
            "index_price",
            "mark_price",
        )

    def quotes(piece: pl.DataFrame) -> pl.DataFrame:
        is_empty = (pl.col("qty").cast(pl.Float64) == 0).alias("is_empty")
        rows = piece.filter(pl.col("kind") == int(EventKind.QUOTE)).select(*head, "side", price, amount, is_empty)
        bids, asks = (rows.filter(pl.col("side") == int(side)) for side in (Side.BUY, Side.SELL))
        cells = {
            name: pl.when(~frame.get_column("is_empty")).then(frame.get_column(column))
            for name, frame, column in (
                ("ask_amount", asks, "amount"),
                ("ask_price", asks, "price"),
                ("bid_price", bids, "price"),
                ("bid_amount", bids, "amount"),
            )
        }
        return bids.select("exchange", "symbol", "timestamp", "local_timestamp", **cells)

    written = []
    for name, select in (
        ("incremental_book_L2", book),
        ("trades", trades),
        ("quotes", quotes),
        ("derivative_ticker", tickers),
        ("liquidations", liquidations),
    ):
        path = target / f"{name}.csv.gz"
        rows = 0
        with cast(IO[bytes], gzip.open(path, "wb", compresslevel=6)) as file:
            for number, piece in enumerate(held_pieces(catalog, instrument, "tardis")):
                chosen = select(in_text(piece, instrument))
                rows += len(chosen)
                safe(chosen).write_csv(file, include_header=number == 0)
        if rows:
            written.append(path)
        else:
            path.unlink()
    return written


def _known(name: str) -> pl.Expr:
    """Return a column without its zeros, which stand for what the venue did not say."""
    import polars as pl

    return pl.when(pl.col(name) > 0).then(pl.col(name))


def _hftbacktest(catalog: Catalog, instrument: Instrument, target: Path) -> list[Path]:
    """Rows with both flags; when exchange times go back, each row once for each side, in that side's order."""
    import numpy as np
    import polars as pl

    exchange_flag, local_flag, buy, sell = 1 << 31, 1 << 30, 1 << 29, 1 << 28
    kinds = {int(kind): number for kind, number in _HFTBACKTEST_KINDS.items()}
    snapshot = (pl.col("flags") & int(EventFlag.SNAPSHOT)) != 0
    kind = (
        pl.when((pl.col("kind") == int(EventKind.BOOK_SET)) & snapshot)
        .then(pl.lit(4))
        .otherwise(pl.col("kind").replace_strict(kinds, return_dtype=pl.Int64))
    )
    side = pl.col("side").replace_strict({int(Side.BUY): buy, int(Side.SELL): sell, 0: 0}, return_dtype=pl.Int64)
    events = pl.concat(
        piece.with_columns(scaled(instrument)) for piece in held_pieces(catalog, instrument, "hftbacktest")
    )
    frame = events.select(
        (kind | side).alias("ev"),
        "qty",
        exch_ts="ts_event",
        local_ts="ts_recv",
        px="price",
        order_id="id",
        # Where messages end, which of one time they are told from by nothing else.
        ival=pl.col("flags").cast(pl.Int64) | HFT_OWN,
    )
    dtype = np.dtype(
        [
            ("ev", "<u8"),
            ("exch_ts", "<i8"),
            ("local_ts", "<i8"),
            ("px", "<f8"),
            ("qty", "<f8"),
            ("order_id", "<u8"),
            ("ival", "<i8"),
            ("fval", "<f8"),
        ],
        align=True,
    )
    array = np.zeros(len(frame), dtype)
    for name in frame.columns:
        array[name] = frame.get_column(name).to_numpy()
    if np.all(np.diff(array["exch_ts"]) >= 0):
        array["ev"] |= np.uint64(exchange_flag | local_flag)
    else:
        there = array.copy()
        there["ev"] |= np.uint64(exchange_flag)
        array["ev"] |= np.uint64(local_flag)
        there = there[np.argsort(there["exch_ts"], kind="stable")]
        times = np.concatenate([there["exch_ts"], array["local_ts"]])
        array = np.concatenate([there, array])[np.argsort(times, kind="stable")]
    np.savez_compressed(target, data=array)
    return [target]
