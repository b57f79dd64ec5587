"""The files a run leaves in its output folder.

Names begin with ``{exchange}_{symbol}_{date}_run{N}``, N counting up. Tables are CSV with event times, never the time
of writing; the summary is JSON; the effective configuration is TOML.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import tomli_w

from tradecore.backtest.result import Result
from tradecore.errors import CatalogError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["write_outputs"]


def _reserve(folder: Path, stem: str) -> str:
    """Claim the next run number by creating its configuration file."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1_000_000):
            prefix = f"{stem}_run{number}"
            try:
                (folder / f"{prefix}_config.toml").open("x").close()
            except FileExistsError:
                continue
            return prefix
    except OSError as error:
        raise CatalogError(str(folder), f"cannot be written: {error.strerror}") from None
    raise CatalogError(str(folder), f"holds a million runs of {stem} already")


def write_outputs(
    result: Result,
    folder: str | Path,
    *,
    exchange: str,
    symbol: str,
    date: str,
    config: Mapping[str, Any],
    extra: Mapping[str, Any],
) -> dict[str, Any]:
    """Write a run's files.

    Parameters
    ----------
    result : Result
    folder : path
        Created if it is not there.
    exchange, symbol, date : str
        Parts of the files' names.
    config : mapping
        The effective configuration.
    extra : mapping
        Added to the summary.

    Returns
    -------
    dict
        The summary as written, with ``output``, the common prefix of the files.
    """
    folder = Path(folder)
    prefix = _reserve(folder, f"{exchange}_{symbol}_{date}".replace("/", "-"))
    base = folder / prefix
    summary = {**result.summary(), **extra, "output": str(base)}
    (folder / f"{prefix}_config.toml").write_text(tomli_w.dumps(_without_none(config)), encoding="utf-8")
    for name, frame in (
        ("orders", _orders(result)),
        ("trades", _trades(result)),
        ("positions", _positions(result)),
        ("candles", _candles(result)),
    ):
        frame.write_csv(folder / f"{prefix}_{name}.csv")
    (folder / f"{prefix}_summary.json").write_bytes(orjson.dumps(summary, option=orjson.OPT_INDENT_2))
    return summary


def _symbol() -> pl.Expr:
    import polars as pl

    return pl.col("instrument").str.replace(r"\.[^.]*$", "").alias("symbol")


def _name() -> pl.Expr:
    """Return the strategy's own name of an order, or the order's number."""
    import polars as pl

    return pl.coalesce("client_id", pl.col("order_id").cast(pl.String))


def _orders(result: Result) -> pl.DataFrame:
    return result.orders.select(
        _symbol(),
        "price",
        "side",
        "status",
        "reason",
        "strategy",
        ts="ts_submit",
        size="qty",
        filled="filled_qty",
        client_id=_name(),
        type="order_type",
    ).select("symbol", "ts", "price", "size", "side", "client_id", "type", "filled", "status", "reason", "strategy")


def _trades(result: Result) -> pl.DataFrame:
    import polars as pl

    action = pl.when("completes_order").then(pl.lit("Full")).otherwise(pl.lit("Partial"))
    return result.fills.select(
        _symbol(),
        ts_received="ts_recv",
        price="price",
        size="qty",
        side="side",
        order_id="order_id",
        action=action,
        fee="fee",
        liquidity="liquidity",
        strategy="strategy",
    )


def _positions(result: Result) -> pl.DataFrame:
    return result.positions.select(
        timestamp="ts_recv",
        position="position_qty",
        avg_price="avg_entry_price",
        realized_pnl="realized_pnl",
        cash="cash",
        fees="fees",
        instrument="instrument",
        strategy="strategy",
    )


def _candles(result: Result) -> pl.DataFrame:
    import polars as pl

    return result.candles.select(_symbol(), pl.col("ts_open") // 1_000, "open", "high", "low", "close", "volume")


def _without_none(value: Any) -> Any:
    """TOML has no null: absent keys stand for it."""
    if isinstance(value, Mapping):
        return {str(k): _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return [_without_none(v) for v in value if v is not None]
    return value
