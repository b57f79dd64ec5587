"""Exporters: the catalog's events in other people's formats."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias, cast

from tradecore import text
from tradecore._core import Instrument
from tradecore.data.catalog import Catalog
from tradecore.data.views import scaled
from tradecore.errors import CatalogError, InvalidValueError
from tradecore.files import staged
from tradecore.instruments import TARDIS_VENUES
from tradecore.types import FINE_KINDS, EventFlag, EventKind, Side

if TYPE_CHECKING:
    import polars as pl

__all__ = ["FORMATS", "export", "left_out"]

_Rows: TypeAlias = "Callable[[pl.DataFrame], pl.DataFrame]"

_STATISTICS = FINE_KINDS | {EventKind.OPEN_INTEREST}
_HFTBACKTEST_KINDS = {EventKind.BOOK_CLEAR: 3, EventKind.BOOK_SET: 1, EventKind.TRADE: 2}
_HELD = {
    "csv": frozenset(EventKind),
    "hftbacktest": frozenset(_HFTBACKTEST_KINDS),
    "tardis": _STATISTICS
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
        ``csv``: a file of the event columns with prices and quantities in units. ``hftbacktest``: an ``.npz`` file.
        ``tardis``: a folder that gets ``incremental_book_L2``, ``trades``, ``quotes``, ``derivative_ticker`` and
        ``liquidations`` files, as far as there are such events. See :func:`left_out` for what a format cannot hold.
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


def _pieces(catalog: Catalog, instrument: Instrument) -> Iterator[pl.DataFrame]:
    """Events in units, in pieces of whole messages."""
    return (piece.with_columns(scaled(instrument)) for piece in catalog.pieces(instrument))


def _csv(catalog: Catalog, instrument: Instrument, target: Path, *, safe: _Rows) -> list[Path]:
    import polars as pl

    kinds = {int(kind): kind.name.lower() for kind in EventKind}
    with target.open("wb") as file:
        for number, piece in enumerate(_pieces(catalog, instrument)):
            words = pl.col("kind").replace_strict(kinds, return_dtype=pl.String)
            safe(piece.with_columns(words)).write_csv(file, include_header=number == 0)
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

    def book(piece: pl.DataFrame) -> pl.DataFrame:
        snapshot = (pl.col("flags") & int(EventFlag.SNAPSHOT)) != 0
        side = pl.when(pl.col("side") == int(Side.BUY)).then(pl.lit("bid")).otherwise(pl.lit("ask"))
        rows = piece.filter(pl.col("kind") == int(EventKind.BOOK_SET))
        return rows.select(*head, snapshot.alias("is_snapshot"), side.alias("side"), price, amount)

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
        rows = piece.with_columns(message.alias("message")).filter(pl.col("kind").is_in(sorted(_STATISTICS)))

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
        rows = piece.filter(pl.col("kind") == int(EventKind.QUOTE)).select(*head, "side", "id", price, amount)
        bids, asks = (rows.filter(pl.col("side") == int(side)) for side in (Side.BUY, Side.SELL))
        cells = {
            name: pl.when(frame.get_column("amount") > 0).then(frame.get_column(column))
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
            for number, piece in enumerate(_pieces(catalog, instrument)):
                chosen = select(piece)
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
    events = pl.concat(piece.filter(pl.col("kind").is_in(list(kinds))) for piece in _pieces(catalog, instrument))
    frame = events.select(
        (kind | side).alias("ev"), "qty", exch_ts="ts_event", local_ts="ts_recv", px="price", order_id="id"
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
