"""The movements of money in a run as double entries, and what venues liquidated."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from tradecore._core import Instrument
from tradecore.backtest.closings import CLOSING_FEES
from tradecore.backtest.stats import EXACT
from tradecore.backtest.tables import TableStore
from tradecore.errors import RunError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["fees_by_currency", "ledger", "liquidations"]

_COLUMNS = ("ts_event", "strategy", "instrument", "currency", "kind", "account", "amount", "order_id", "ts_recv")

_OF_LIQUIDATIONS = ("ts_event", "instrument", "qty", "price", "fee", "currency", "strategy", "ts_recv")


def ledger(tables: TableStore, instruments: Sequence[Instrument], *, exact: bool) -> pl.DataFrame:
    """Return two rows for every movement, that of cash first; times in ns, in the order they became known."""
    if "payments" not in tables:
        raise RunError("the result was saved before ledgers were kept: run it again")
    import polars as pl

    settles = {instrument.id: instrument.settlement for instrument in instruments}
    holds = {instrument.id: "premium" if instrument.kind == "option" else "positions" for instrument in instruments}
    who = ["ts_event", "ts_recv", "strategy", "instrument"]
    fills = _with_coins(tables.table("fills", [*who, "order_id", "fee", "flow", "fee_coin", "fee_paid"], exact=exact))
    # A fee in another coin: its worth buys the coin, and the coin is paid.
    bought = pl.col("fee_coin").is_not_null()
    paid = tables.table("payments", [*who, "why", "paid"], exact=exact)
    text = pl.String
    of = pl.col("instrument")
    where = of.replace_strict(holds, return_dtype=text)
    moves = pl.concat(
        [
            fills.with_columns(kind=pl.lit("trade"), account=where, amount=pl.col("flow"), rank=pl.lit(0)),
            fills.with_columns(
                kind=pl.lit("fee"),
                account=pl.when(bought).then(pl.lit("conversion")).otherwise(pl.lit("fees")),
                amount=-pl.col("fee"),
                rank=pl.lit(1),
            ),
            fills.filter(bought).with_columns(
                kind=pl.lit("fee"),
                own=pl.lit("conversion"),
                account=pl.lit("fees"),
                amount=-pl.col("fee_paid"),
                rank=pl.lit(2),
                currency=pl.col("fee_coin"),
            ),
            paid.with_columns(kind=pl.col("why"), account=pl.col("why"), amount=-pl.col("paid"), rank=pl.lit(0)),
        ],
        how="diagonal_relaxed",
    ).filter((pl.col("amount") != 0) | (pl.col("kind") == "trade"))
    moves = moves.with_columns(
        own=pl.col("own").fill_null("cash"),
        currency=pl.coalesce("currency", of.replace_strict(settles, return_dtype=text)),
    )
    moves = moves.sort("ts_recv", maintain_order=True).with_row_index("move")
    cash = moves.with_columns(account="own")
    other = moves.with_columns(amount=-pl.col("amount"))
    both = pl.concat([cash, other]).sort("move", maintain_order=True)
    return both.select(_COLUMNS)


def liquidations(tables: TableStore, instruments: Sequence[Instrument], *, exact: bool) -> pl.DataFrame:
    """Return a row for every position that was liquidated; times in ns, in the order they became known."""
    if "payments" not in tables:
        raise RunError("the result was saved before payments were kept: run it again")
    import polars as pl

    settles = {instrument.id: instrument.settlement for instrument in instruments}
    who = ["ts_event", "strategy", "instrument"]
    paid = tables.table("payments", [*who, "ts_recv", "why", "position_qty", "price", "paid"], exact=exact)
    closes, qty = pl.col("why") == "liquidation", pl.col("position_qty")
    each = paid.filter(pl.col("why").is_in(["liquidation", "liquidation_fee"])).group_by(who, maintain_order=True)
    rows = each.agg(
        qty=qty.filter(closes).sum(),
        price=(pl.col("price") * qty).filter(closes).sum() / qty.filter(closes).sum(),
        fee=pl.col("paid").filter(~closes).sum(),
        ts_recv=pl.col("ts_recv").first(),
    )
    currency = pl.col("instrument").replace_strict(settles, return_dtype=pl.String)
    return rows.with_columns(currency=currency).select(_OF_LIQUIDATIONS)


def fees_by_currency(tables: TableStore, instruments: Sequence[Instrument]) -> dict[str, Decimal]:
    """Return what was paid in fees, by the currency it was paid in, in the order of their names."""
    import polars as pl

    settles = {instrument.id: instrument.settlement for instrument in instruments}
    own, coin = pl.col("instrument").replace_strict(settles, return_dtype=pl.String), pl.col("fee_coin")
    amount = pl.when(coin.is_null()).then("fee").otherwise("fee_paid")
    parts = [
        _with_coins(fills).select(currency=pl.coalesce(coin, own), amount=amount)
        for fills in tables.pieces("fills", ["instrument", "fee", "fee_coin", "fee_paid"])
    ]
    if "payments" in tables:
        payments = tables.table("payments", ["instrument", "why", "paid"])
        parts.append(payments.filter(pl.col("why").is_in(CLOSING_FEES)).select(currency=own, amount="paid"))
    paid: dict[str, Decimal] = {}
    for part in parts:
        for currency, sum_of in part.group_by("currency").sum().rows():
            paid[currency] = EXACT.add(paid.get(currency, Decimal(0)), sum_of)
    return dict(sorted(paid.items()))


def _with_coins(fills: pl.DataFrame) -> pl.DataFrame:
    """Return fills with the coins of their fees: results that were saved before have none."""
    import polars as pl

    if "fee_coin" in fills.columns:
        return fills
    return fills.with_columns(fee_coin=pl.lit(None, pl.String), fee_paid=pl.col("fee"))
