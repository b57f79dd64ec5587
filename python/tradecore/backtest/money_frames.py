"""Frames of money: what positions made, what accounts have, and every movement of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from tradecore._core import FinalPositions, Instrument
from tradecore.backtest.frames import Frames, dated
from tradecore.backtest.stats import EXACT, net_of
from tradecore.backtest.tables import MONEY_SCALE

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MoneyFrames"]


class MoneyFrames(Frames):
    """Frames of a run that are worked out of its tables and of where its accounts stood in the end."""

    frame_names: ClassVar[tuple[str, ...]] = (
        *Frames.frame_names[:4],
        "ledger",
        "liquidations",
        "equity",
        "equity_by_currency",
        "pnl",
        "balances",
        *Frames.frame_names[4:],
    )

    instruments: list[Instrument]
    reported: dict[str, Any] | None
    _positions: FinalPositions | list[dict[str, Any]]
    _balances: list[tuple[str, str, str, Decimal, Decimal, Decimal]]

    @cached_property
    def final_positions(self) -> list[dict[str, Any]]:
        """One row a strategy and instrument: ``qty``, ``avg_entry_price``, profit, fees, cash; money as Decimal."""
        if isinstance(self._positions, FinalPositions):
            return self._positions.rows()
        return self._positions

    @cached_property
    def pnl(self) -> pl.DataFrame:
        """One row a strategy and instrument: what it holds, what it made, before and after fees.

        ``net_pnl`` is ``realized_pnl + unrealized_pnl - fees - funding - interest``, in ``currency``; ``qty`` and
        ``volume``, all that was traded, are in units.
        """
        return self._make("pnl", exact=True)

    @cached_property
    def balances(self) -> pl.DataFrame:
        """What each strategy holds at venues with ``balances``, a row for each currency.

        ``begin`` and ``end`` are what there was and is, ``change`` the difference: what was bought, sold and paid in
        fees. ``borrowed`` is the most that was ever owed of it, 0 without ``borrowing``.
        """
        return self._make("balances", exact=True)

    @cached_property
    def ledger(self) -> pl.DataFrame:
        """Every movement of money as a double entry: two rows, whose ``amount`` in ``currency`` sum to zero.

        ``kind`` says why: ``trade``, ``fee``, ``funding``, ``settlement``, ``delivery_fee``, ``liquidation``,
        ``liquidation_fee``, ``interest``. One row is of the account ``cash``, the other of what it was for: of a trade
        ``positions`` (``premium`` of an option), of a fee ``fees``, else as ``kind``. A fee that is paid in another
        coin is two movements: its worth to ``conversion``, and the coin from there to ``fees``. So the accounts of a
        strategy, an instrument, or all of them sum to zero, and those of ``cash`` to what the strategy has.
        """
        return self._make("ledger", exact=True)

    @cached_property
    def liquidations(self) -> pl.DataFrame:
        """What venues that keep margin closed of positions it did not cover any more, a row a position.

        ``qty`` was closed, negative of a short, at ``price`` on average; ``fee`` is in ``currency``. Each part of it is
        in ``payments``.
        """
        return self._make("liquidations", exact=True)

    @cached_property
    def fees_by_currency(self) -> dict[str, Decimal]:
        """Fees by the currency they were paid in, those of liquidations too; negative where rebates were more."""
        from tradecore.backtest.ledger import fees_by_currency

        return fees_by_currency(self.tables, self.instruments)

    @cached_property
    def equity(self) -> pl.DataFrame:
        """Sampled equity: cash from trading plus positions at their mark, after fees, starting at 0.

        In the reporting currency, where there is one, else a row for each settlement currency.
        """
        return self._make("equity", exact=True)

    @cached_property
    def equity_by_currency(self) -> pl.DataFrame:
        """The same in each settlement currency."""
        return self._make("equity_by_currency", exact=True)

    def _make(self, name: str, *, exact: bool) -> pl.DataFrame:
        if name == "ledger":
            from tradecore.backtest.ledger import ledger

            return dated(ledger(self.tables, self.instruments, exact=exact))
        if name == "liquidations":
            from tradecore.backtest.ledger import liquidations

            return dated(liquidations(self.tables, self.instruments, exact=exact))
        if name in ("equity", "equity_by_currency"):
            return dated(self._sampled(by_currency=name != "equity", exact=exact)).select("ts", "currency", "equity")
        if name == "balances":
            return _balances(self._balances, exact=exact)
        if name != "pnl":
            return super()._make(name, exact=exact)
        return _pnl(self.final_positions, self.instruments, exact=exact)

    def _sampled(self, *, by_currency: bool, exact: bool) -> pl.DataFrame:
        """Return sampled equity, times in ns."""
        import polars as pl

        if by_currency or self.reported is None:
            return self.tables.table("equity", exact=exact)
        currency = pl.lit(self.reported["currency"], pl.String).alias("currency")
        return self.tables.table("reported", exact=exact).with_columns(currency)


def _pnl(positions: Sequence[Mapping[str, Any]], instruments: Sequence[Instrument], *, exact: bool) -> pl.DataFrame:
    """Return what positions made as a frame."""
    import polars as pl

    money = pl.Decimal(38, MONEY_SCALE) if exact else pl.Float64()
    settlement = {instrument.id: instrument.settlement for instrument in instruments}
    rows = [
        {
            **row,
            "currency": settlement[row["instrument"]],
            "qty": float(row["qty"]),
            "volume": float(row["volume"]),
            "net_pnl": net_of(row),
        }
        for row in positions
    ]
    columns: dict[str, pl.DataType | type[pl.DataType]] = {
        "strategy": pl.String,
        "instrument": pl.String,
        "currency": pl.String,
        "qty": pl.Float64,
        "avg_entry_price": pl.Float64,
        "realized_pnl": money,
        "unrealized_pnl": money,
        "fees": money,
        "funding": money,
        "interest": money,
        "net_pnl": money,
        "fills": pl.UInt64,
        "volume": pl.Float64,
        "turnover": money,
    }
    return pl.DataFrame([{name: row[name] for name in columns} for row in rows], schema=columns, orient="row")


def _balances(rows: Sequence[tuple[str, str, str, Decimal, Decimal, Decimal]], *, exact: bool) -> pl.DataFrame:
    """Return what is held as a frame."""
    import polars as pl

    money = pl.Decimal(38, MONEY_SCALE)
    columns = {
        **dict.fromkeys(("strategy", "venue", "currency"), pl.String()),
        **dict.fromkeys(("begin", "end", "change", "borrowed"), money),
    }
    told = [
        (*who, begin, end, EXACT.subtract(end, begin), max(EXACT.minus(least), Decimal(0)))
        for *who, begin, end, least in rows
    ]
    frame = pl.DataFrame(told, schema=columns, orient="row")
    return frame if exact else frame.with_columns(pl.selectors.decimal().cast(pl.Float64))
