"""The files a run leaves in its output folder.

Names begin with ``{exchange}_{symbol}_{date}_run{N}``, N counting up. Tables are CSV with event times, never the time
of writing; orders stand in the order in which they ended, with the price and size of their last replacement; ``ts`` is
when they were first sent. The summary is JSON, the effective configuration TOML, and the whole result a file of its own
(``.tcr``). They appear together, the summary last: where it is, the others are, however the process ended.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from tradecore import text
from tradecore.backtest.closings import closings
from tradecore.backtest.frames import position_columns, positions
from tradecore.backtest.result import Result
from tradecore.backtest.tables import TableStore
from tradecore.errors import CatalogError
from tradecore.files import STAGE, staged
from tradecore.text import in_utf8, toml_of

if TYPE_CHECKING:
    import polars as pl

__all__ = ["check_writable", "run_name", "saved_result", "write_outputs"]

_RESULT = "_result.tcr"
"""How the name of a run's saved result ends."""
_SUMMARY = "_summary.json"
_RUN = re.compile(rf"_run(\d+){re.escape(_RESULT)}$")
_ENDS = (
    "_config.toml",
    "_orders.csv",
    "_trades.csv",
    "_positions.csv",
    "_candles.csv",
    _RESULT,
    _SUMMARY,
)


def _claim(folder: Path, stem: str) -> Path:
    """Claim the next run number by the folder its files are written in, which is named after them."""
    for number in range(1, 1_000_000):
        prefix = f"{stem}_run{number}"
        if _is_taken(folder, prefix):
            continue
        stage = folder / f"{STAGE}{prefix}"
        try:
            stage.mkdir()
        except FileExistsError:
            continue
        if not _is_taken(folder, prefix):  # whoever had the folder may have been done just now
            return stage
        stage.rmdir()
    raise CatalogError(str(folder), f"holds a million runs of {stem} already")


def _is_taken(folder: Path, prefix: str) -> bool:
    return any((folder / f"{prefix}{end}").exists() for end in _ENDS)


def check_writable(folder: str | Path) -> None:
    """See that a run's files can be made in a folder, before a run is spent on it.

    Raises
    ------
    CatalogError
        When they cannot.
    """
    with staged(folder):
        pass


def write_outputs(
    result: Result,
    folder: str | Path,
    *,
    exchange: str,
    symbol: str,
    date: str,
    config: Mapping[str, Any],
    extra: Mapping[str, Any],
    csv_safe: bool = True,
) -> dict[str, Any]:
    """Write a run's files.

    Parameters
    ----------
    result : Result
    folder : path
        Made if it is not there.
    exchange, symbol, date : str
        Parts of the files' names.
    config : mapping
        The effective configuration.
    extra : mapping
        Added to the summary.
    csv_safe : bool
        Whether text in the tables that a spreadsheet would take for a formula gets an apostrophe in front.

    Returns
    -------
    dict
        The summary as written, with ``output``, the common prefix of the files.

    Raises
    ------
    CatalogError
        When they cannot be written; then none is there.
    """
    folder = Path(folder)
    stem = f"{exchange}_{symbol}_{date}".replace("/", "-")
    with staged(folder, last=_SUMMARY, make=lambda folder: _claim(folder, stem)) as fresh:
        prefix = fresh.name.removeprefix(STAGE)
        summary = {**result.summary(), **extra, "output": str(folder / prefix)}
        (fresh / f"{prefix}_config.toml").write_text(toml_of(config), encoding="utf-8")
        for name, table, shape in (
            ("orders", "orders", _orders),
            ("trades", "fills", _trades),
            ("positions", "fills", _positions),
            ("candles", "candles", _candles),
        ):
            with (fresh / f"{prefix}_{name}.csv").open("wb") as file:
                for number, piece in enumerate(_pieces(result.tables, name, table)):
                    rows = shape(piece)
                    (text.csv_safe(rows) if csv_safe else rows).write_csv(file, include_header=number == 0)
        result._pack(fresh / f"{prefix}{_RESULT}")
        (fresh / f"{prefix}{_SUMMARY}").write_bytes(orjson.dumps(in_utf8(summary), option=orjson.OPT_INDENT_2))
    return summary


def run_name(result: Path) -> str:
    """Return what a run is called by its saved result."""
    return result.name.removesuffix(_RESULT).removesuffix(".tcr")


def saved_result(run: Path) -> Path:
    """Return the saved result that is meant by a path: itself, what a run's files begin with, or their folder.

    Raises
    ------
    CatalogError
        When there is none.
    """
    if run.is_file():
        return run
    if (named := run.parent / f"{run.name}{_RESULT}").is_file():
        return named
    if not run.is_dir():
        raise CatalogError(str(run), "is neither a folder of a run's files, what they begin with, nor a saved result")
    found = [path for path in run.iterdir() if path.name.endswith(_RESULT)]
    if not found:
        hint = "run it again with --output" if any(run.glob(f"*{_SUMMARY}")) else "name the folder given as --output"
        raise CatalogError(str(run), f"holds no saved result (*{_RESULT}): {hint}")
    return max(found, key=_age)


def _age(path: Path) -> tuple[int, int]:
    """Return when a result was written, and the number of its run."""
    number = _RUN.search(path.name)
    return path.stat().st_mtime_ns, int(number[1]) if number else 0


def _symbol() -> pl.Expr:
    import polars as pl

    return pl.col("instrument").str.replace(r"\.[^.]*$", "").alias("symbol")


def _name() -> pl.Expr:
    """Return the strategy's own name of an order, or the order's number."""
    import polars as pl

    return pl.coalesce("client_id", pl.col("order_id").cast(pl.String))


def _orders(orders: pl.DataFrame) -> pl.DataFrame:
    return orders.select(
        _symbol(),
        ts="ts_submit",
        price="price",
        size="qty",
        side="side",
        client_id=_name(),
        type="order_type",
        filled="filled_qty",
        status="status",
        reason="reason",
        strategy="strategy",
        replaced="replaced",
        ts_accept="ts_accept",
        ts_close="ts_close",
    )


def _trades(fills: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    return fills.select(
        _symbol(),
        ts_received="ts_recv",
        price="price",
        size="qty",
        side="side",
        order_id="order_id",
        action=pl.when("completes_order").then(pl.lit("Full")).otherwise(pl.lit("Partial")),
        fee="fee",
        liquidity="liquidity",
        strategy="strategy",
    )


def _pieces(tables: TableStore, name: str, table: str) -> Iterable[pl.DataFrame]:
    """Return the rows of a file, in pieces as they are stored; positions at once where venues closed some."""
    if name != "positions":
        return tables.pieces(table)
    if closings(tables, exact=True) is not None:
        return [positions(tables.table(table), tables, exact=True)]
    return (piece.select(position_columns()) for piece in tables.pieces(table))


def _positions(held: pl.DataFrame) -> pl.DataFrame:
    return held.select(
        timestamp="ts_recv",
        position="position_qty",
        avg_price="avg_entry_price",
        realized_pnl="realized_pnl",
        cash="cash",
        fees="fees",
        instrument="instrument",
        strategy="strategy",
    )


def _candles(candles: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    return candles.select(_symbol(), pl.col("ts_open") // 1_000, "open", "high", "low", "close", "volume")
