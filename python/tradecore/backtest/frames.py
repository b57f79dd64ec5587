"""The tables of a run as people read them: frames of polars and pandas."""

from __future__ import annotations

import difflib
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from tradecore.backtest.closings import CLOSING, CLOSING_FEES, closings
from tradecore.backtest.tables import TableStore
from tradecore.errors import InvalidValueError, RunError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from tradecore.backtest.markouts import Mids

__all__ = ["Frames", "dated", "position_columns", "positions"]

_MARKOUTS = {
    "markout_100ms": 100_000_000,
    "markout_1s": 1_000_000_000,
    "markout_10s": 10_000_000_000,
    "markout_60s": 60_000_000_000,
}
"""Columns of markouts that fills have, with their horizons in ns."""

_TIMES = (
    "ts",
    "ts_event",
    "ts_open",
    "ts_submit",
    "ts_accept",
    "ts_close",
    "ts_recv",
    "ts_sent",
    "ts_arrive",
    "next_funding_ns",
    "expires",
    "expires_at",
    "ts_trigger",
    "ts_start",
    "ts_end",
)
"""Columns that count ns since 1970."""

_LAYOUTS: dict[str, tuple[str, ...]] = {
    "orders": (
        "ts_submit",
        "instrument",
        "side",
        "order_type",
        "price",
        "qty",
        "filled_qty",
        "avg_fill_price",
        "status",
        "reason",
        "time_in_force",
        "expires_at",
        "trigger_price",
        "trigger",
        "trailing_offset",
        "ts_trigger",
        "post_only",
        "slides",
        "reduce_only",
        "display_qty",
        "replaced",
        "strategy",
        "order_id",
        "client_id",
        "group",
        "role",
        "emulated",
        "ts_accept",
        "ts_close",
    ),
    "fills": (
        "ts_event",
        "instrument",
        "side",
        "price",
        "qty",
        "liquidity",
        "event",
        "fee",
        "fee_coin",
        "fee_paid",
        "realized_pnl",
        "position_qty",
        "avg_entry_price",
        "mid_at_decision",
        "mid_at_arrival",
        "mid_at_fill",
        *_MARKOUTS,
        "queue_ahead_at_entry",
        "queue_ahead_at_fill",
        "time_in_queue",
        "entry_latency",
        "response_latency",
        "realized_pnl_total",
        "fees_total",
        "cash",
        "completes_order",
        "ts_sent",
        "ts_arrive",
        "strategy",
        "order_id",
        "client_id",
        "ts_recv",
    ),
    "positions": (
        "ts_recv",
        "instrument",
        "position_qty",
        "avg_entry_price",
        "realized_pnl",
        "fees",
        "cash",
        "strategy",
    ),
    "payments": ("ts_event", "instrument", "why", "paid", "rate", "price", "position_qty", "strategy", "ts_recv"),
    "candles": ("ts_open", "instrument", "open", "high", "low", "close", "volume", "trades"),
    "published": ("ts_event", "instrument", "kind", "value", "qty", "order_side", "next_funding_ns", "ts_recv"),
    "signals": (
        "ts_recv",
        "instrument",
        "action",
        "confidence",
        "value",
        "model_id",
        "problem",
        "ts",
        "expires",
        "strategy",
    ),
    "executions": (
        "execution_id",
        "ts_start",
        "ts_end",
        "instrument",
        "algorithm",
        "side",
        "qty",
        "filled_qty",
        "arrival_price",
        "average_price",
        "slippage_bps",
        "participation",
        "children",
        "state",
        "reason",
        "strategy",
    ),
    "refusals": (
        "ts",
        "instrument",
        "request",
        "side",
        "price",
        "qty",
        "check",
        "limit",
        "value",
        "scope",
        "name",
        "strategy",
        "order_id",
    ),
    "trips": ("ts", "check", "does", "limit", "value", "scope", "name"),
    "stops": (
        "ts",
        "instrument",
        "stop",
        "level",
        "price",
        "position_qty",
        "qty",
        "avg_entry_price",
        "trigger",
        "scope",
        "name",
        "strategy",
    ),
}
"""Columns of each frame from left to right: when, of what, which way, at what price, how much; names and what else
happened when at the end."""


class Frames:
    """What holds tables of a run: each as a frame, by attribute or by name.

    Times are ``Datetime("ns", "UTC")``, money is exact; columns read from left to right as a person would.

    Attributes
    ----------
    tables : TableStore
        The tables behind the frames, piece by piece; times in ns.
    """

    frame_names: ClassVar[tuple[str, ...]] = tuple(_LAYOUTS)
    """The frames there are."""

    tables: TableStore

    @cached_property
    def orders(self) -> pl.DataFrame:
        """One row per order, by order id: terms, outcome, times (ours).

        ``group`` is the number of the group it belongs to (``ctx.oco``, ``ctx.bracket``, ``ctx.oto``), None without
        one, and ``role`` what it was to it. ``emulated`` is what the kernel did of it in the venue's place.
        """
        return self._make("orders", exact=True)

    @cached_property
    def fills(self) -> pl.DataFrame:
        """One row per fill, in the order they became known: ``price, qty`` in units, money in settlement currency.

        ``fee_paid`` is what was paid of another ``fee_coin`` in place of ``fee``, which is its worth; None where the
        fee was paid in the settlement currency. ``event`` is what made the order trade: ``print``, ``book``, ``taker``
        or ``own_order``. Mids are the venue's, in quote currency: when the order was sent, when it arrived, and right
        before it was filled. ``markout_1s`` is how much better than the price the mid was a second later, for each
        unit. Quantities ahead in the queue are those when the order joined it and right before it was filled.
        Latencies and time in the queue are durations. What nobody knows is None: mids and queues of what was not
        simulated, markouts beyond the end of the data.
        """
        return self._make("fills", exact=True)

    @cached_property
    def positions(self) -> pl.DataFrame:
        """The position after every fill, settlement and liquidation, by strategy and instrument."""
        return self._make("positions", exact=True)

    @cached_property
    def payments(self) -> pl.DataFrame:
        """What venues took or gave of their own accord, in the order it became known: ``why`` says for what.

        ``paid`` is in the settlement currency, negative where it was received. Of ``funding`` and ``liquidation_fee``
        it is ``rate`` of the value that ``position_qty`` had at ``price``; by ``settlement`` and ``liquidation`` that
        much of the position was closed at that price, for its value. ``delivery_fee`` is ``rate`` of what was
        delivered, of an option its underlying, at most what the venue's ``delivery_fee`` says. ``interest`` is ``rate``
        of what was owed, of a currency that was worth ``price``.
        """
        return self._make("payments", exact=True)

    @cached_property
    def candles(self) -> pl.DataFrame:
        """Candles of the market's trades, stamped with their start; empty unless asked for."""
        return self._make("candles", exact=True)

    @cached_property
    def published(self) -> pl.DataFrame:
        """What venues published and strategies were told of: marks, index prices, funding, open interest, liquidations.

        ``value`` is a price or a rate, ``qty`` the open interest or what was liquidated, by an order of ``order_side``;
        ``next_funding_ns`` is when a funding rate is paid.
        """
        return self._make("published", exact=True)

    @cached_property
    def signals(self) -> pl.DataFrame:
        """What predictors of strategies said, in the order it was known: an action, or the ``problem`` they had.

        ``ts`` is when the features were taken; from ``expires`` on a signal says nothing any more. An answer that came
        then, or after that to a later question, is no signal: its ``problem`` says so.
        """
        return self._make("signals", exact=True)

    @cached_property
    def executions(self) -> pl.DataFrame:
        """What ``ctx.execute`` was asked for and came to, in the order they ended; those at work at the end are last.

        Prices are in quote currency, quantities in units. ``slippage_bps`` is what the average price is worse than the
        mid at the start, ``participation`` the share of all that was traded meanwhile, own fills included;
        ``children`` is how many orders were sent.
        """
        return self._make("executions", exact=True)

    @cached_property
    def refusals(self) -> pl.DataFrame:
        """Every limit that a refused request would have passed, a row each, in the order its strategy learnt of it.

        ``check`` is the name of the limit, ``limit`` and ``value`` are in what it counts: units, currency, orders,
        basis points, ns. ``scope`` and ``name`` say whose limit it is.
        """
        return self._make("refusals", exact=True)

    @cached_property
    def trips(self) -> pl.DataFrame:
        """When limits stopped somebody, and when it went on (``resumed``): ``does`` is what was done."""
        return self._make("trips", exact=True)

    @cached_property
    def stops(self) -> pl.DataFrame:
        """Stops that fired: ``price``, in quote currency, had reached the ``level`` of one, and ``qty`` is closed.

        ``stop`` is the field of :class:`Stops <tradecore.Stops>`, ``trigger`` which price it looked at. Time and a loss
        in money have no level. ``scope`` and ``name`` say whose it is.
        """
        return self._make("stops", exact=True)

    def _make(self, name: str, *, exact: bool) -> pl.DataFrame:
        """Return a frame, money as Decimal or as floats."""
        table = self.tables.table("fills" if name == "positions" else name, exact=exact)
        if name == "orders":
            table = _with_groups(table).sort("order_id")
        elif name == "positions":
            table = positions(table, self.tables, exact=exact)
        elif name == "fills":
            table = self._explained(table)
        return dated(table).select(_LAYOUTS[name])

    @property
    def _mids(self) -> Mids | None:
        """The mids of what was simulated, None where nothing was."""
        return None

    def _explained(self, fills: pl.DataFrame) -> pl.DataFrame:
        """Add what follows of the times of fills, and of mids."""
        import polars as pl

        from tradecore.backtest.markouts import with_markouts, with_mids

        origin = {
            "event": pl.String,
            "ts_sent": pl.Int64,
            "ts_arrive": pl.Int64,
            "queue_ahead_at_entry": pl.Float64,
            "queue_ahead_at_fill": pl.Float64,
            "fee_coin": pl.String,
            "fee_paid": pl.Float64,
        }

        # A result that was saved before does not say how fills came about.
        untold = [pl.lit(None, kind).alias(name) for name, kind in origin.items() if name not in fills.columns]
        length = pl.Duration("ns")
        rested = pl.col("liquidity") == "maker"
        fills = fills.with_columns(untold).with_columns(
            fee_paid=pl.when(pl.col("fee_coin").is_not_null()).then("fee_paid"),
            time_in_queue=pl.when(rested).then(pl.col("ts_event") - pl.col("ts_arrive")).cast(length),
            entry_latency=(pl.col("ts_arrive") - pl.col("ts_sent")).cast(length),
            response_latency=(pl.col("ts_recv") - pl.col("ts_event")).cast(length),
        )
        if (mids := self._mids) is None:
            unknown = ("mid_at_decision", "mid_at_arrival", "mid_at_fill", *_MARKOUTS)
            return fills.with_columns(pl.lit(None, pl.Float64).alias(name) for name in unknown)
        return with_markouts(with_mids(fills, mids), mids, _MARKOUTS)

    def __getstate__(self) -> dict[str, Any]:
        # What is made of the tables is made again where it is asked for.
        kind = type(self)
        return {
            name: value
            for name, value in vars(self).items()
            if not isinstance(getattr(kind, name, None), cached_property)
        }

    def frame(self, name: str, *, exact: bool = True) -> pl.DataFrame:
        """Return a frame by its name.

        Parameters
        ----------
        name : str
            One of ``frame_names``, such as ``"fills"``.
        exact : bool
            Whether money is ``Decimal``; else Float64, which is easier to compute with.

        Raises
        ------
        InvalidValueError
            For another name.
        """
        if name not in self.frame_names:
            near = difflib.get_close_matches(str(name), self.frame_names, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise InvalidValueError("name", f"there is no frame {name!r}{hint}; there is {', '.join(self.frame_names)}")
        if not exact:
            return self._make(name, exact=False)
        frame: pl.DataFrame = getattr(self, name)
        return frame

    def to_pandas(self, name: str, *, exact: bool = False) -> pd.DataFrame:
        """Return a frame as one of pandas; pyarrow is not needed.

        Times are ``datetime64[ns, UTC]`` with NaT for what never happened, words are texts, numbers that are not
        there NaN.

        Parameters
        ----------
        name : str
            As for :meth:`frame`.
        exact : bool
            Whether money is a column of ``Decimal`` objects; else of floats, which pandas can compute with and plot.

        Raises
        ------
        InvalidValueError
            For a name that is no frame's.
        RunError
            When pandas is not installed.
        """
        frame = self.frame(name, exact=exact)
        try:
            import pandas as pd
        except ImportError:
            raise RunError("pandas is not installed: pip install pandas") from None
        return pd.DataFrame({column.name: _of_pandas(column) for column in frame})


def dated(table: pl.DataFrame) -> pl.DataFrame:
    """Return a table with its times as ``Datetime("ns", "UTC")``."""
    import polars as pl

    times = [column for column in _TIMES if column in table.columns]
    return table.with_columns(pl.col(times).cast(pl.Datetime("ns", "UTC")))


def _with_groups(orders: pl.DataFrame) -> pl.DataFrame:
    """Add the columns of groups, which a result that was saved before there were any does not have."""
    import polars as pl

    columns = {"group": pl.UInt64, "role": pl.String, "emulated": pl.String}
    missing = [pl.lit(None, kind).alias(name) for name, kind in columns.items() if name not in orders.columns]
    return orders.with_columns(missing)


def position_columns() -> list[pl.Expr]:
    """Select the position after every fill out of fills."""
    import polars as pl

    return [
        pl.col("ts_recv", "strategy", "instrument", "position_qty", "avg_entry_price"),
        pl.col("realized_pnl_total").alias("realized_pnl"),
        pl.col("fees_total").alias("fees"),
        pl.col("cash"),
    ]


def positions(fills: pl.DataFrame, tables: TableStore, *, exact: bool) -> pl.DataFrame:
    """Return the position after every fill, and after what venues closed."""
    import polars as pl

    columns = position_columns()
    after = fills.select(columns)
    if (closed := closings(tables, exact=exact, with_fees=True)) is None:
        return after
    # What it cost is taken right behind it: the row of that says what is left after both.
    is_charged = pl.col("why").shift(-1).over("strategy", "instrument").is_in(CLOSING_FEES)
    closed = closed.filter(~pl.col("why").is_in(CLOSING) | ~is_charged.fill_null(value=False))
    closed = closed.with_columns(position_qty="held_qty").select(columns)
    return pl.concat([after, closed], how="vertical_relaxed").sort("ts_recv", maintain_order=True)


def _of_pandas(column: pl.Series) -> Any:
    import numpy as np
    import pandas as pd
    import polars as pl

    if column.dtype == pl.Datetime:
        ns = column.cast(pl.Int64).fill_null(np.iinfo(np.int64).min).to_numpy()
        return pd.DatetimeIndex(ns.view("datetime64[ns]")).tz_localize("UTC")
    if column.dtype == pl.Duration:
        ns = column.cast(pl.Int64).fill_null(np.iinfo(np.int64).min).to_numpy()
        return pd.TimedeltaIndex(ns.view("timedelta64[ns]"))
    if column.dtype == pl.String:
        # One object for each different text, not one a row.
        words = column.drop_nulls().unique()
        places = column.replace_strict(words, range(len(words)), default=len(words), return_dtype=pl.Int64)
        return np.array([*words, None], dtype=object)[places.to_numpy()]
    if column.dtype == pl.Decimal:
        return np.array(column.to_list(), dtype=object)
    return column.to_numpy()
