"""What venues closed of positions of their own accord: settlements and liquidations, which are no fills."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradecore.backtest.tables import TableStore

if TYPE_CHECKING:
    import polars as pl

__all__ = ["CLOSING", "CLOSING_FEES", "closings", "with_closings"]

CLOSING = ("settlement", "liquidation")
"""Why venues close positions of their own accord."""
CLOSING_FEES = ("delivery_fee", "liquidation_fee")
"""Why they take money behind that."""


def closings(tables: TableStore, *, exact: bool, with_fees: bool = False) -> pl.DataFrame | None:
    """Return them as they are stored, with the position after each in ``held_qty``; None where there is none.

    With fees what they cost is among them.

    There is none either in a result that was saved before they were kept.
    """
    if "payments" not in tables:
        return None
    import polars as pl

    why = (*CLOSING, *CLOSING_FEES) if with_fees else CLOSING
    closed = tables.table("payments", exact=exact).filter(pl.col("why").is_in(why))
    return None if closed.is_empty() or "held_qty" not in closed.columns else closed


def with_closings(fills: pl.DataFrame, tables: TableStore) -> pl.DataFrame:
    """Return fills with the closings in between, in the order they happened, as what was bought or sold.

    Of the columns that both have: ``ts_event``, ``strategy``, ``instrument``, ``side``, ``qty``, ``price``,
    ``realized_pnl`` and ``position_qty``; those of fills alone are null.
    """
    closed = closings(tables, exact=False)
    if closed is None:
        return fills
    import polars as pl

    held = pl.col("position_qty")
    as_fills = closed.select(
        "ts_event",
        "strategy",
        "instrument",
        "price",
        "realized_pnl",
        side=pl.when(held > 0).then(pl.lit("sell")).otherwise(pl.lit("buy")),
        qty=held.abs(),
        position_qty="held_qty",
    )
    shared = [column for column in as_fills.columns if column in fills.columns]
    both = pl.concat([fills, as_fills.select(shared)], how="diagonal_relaxed")
    return both.sort("ts_event", maintain_order=True)
