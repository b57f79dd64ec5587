"""Statistics of a run: of its equity on a grid, and of its orders and fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from tradecore._core import CHANGES_NEEDED, few_changes_text, format_duration_ns
from tradecore.backtest.closings import with_closings
from tradecore.backtest.tables import TableStore
from tradecore.backtest.text import span_text
from tradecore.errors import InvalidValueError
from tradecore.report.statistics import Performance, performance

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

__all__ = ["Curve", "RunPerformance", "curves_of", "reported_curve", "run_performance"]

_YEAR = 365 * 86_400_000_000_000
_DAY = 86_400_000_000_000
_MONTH = 30 * _DAY
"""What a year's return can be told by, at least."""
_MOST_PERIODS: Final = 10_000_000
"""Returns that a grid has at most."""

Curve: TypeAlias = "tuple[NDArray[np.int64], NDArray[np.float64]]"
"""Equity over time: ns, currency. Samples that were left out are equal to the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPerformance:
    """Statistics of a run in one currency. What cannot be said is None, and ``why`` says the reason.

    Examples
    --------
    ::

        figures = result.performance(capital=10_000)
        print(figures.returns.sharpe if figures.returns else figures.why["returns"])
    """

    currency: str
    """Currency of the money below."""
    capital: float | None
    """What returns are fractions of, in the beginning; without it they are changes in currency."""
    period_ns: int
    """Length of the periods of the returns, ns: the grid begins with the first sample of equity."""
    returns: Performance | None
    """Statistics of the returns; None of fewer than 30 periods, which carry none. A run shorter than 30 days has no
    ``annual`` and no ``calmar``."""
    max_drawdown: float
    """Largest fall of sampled equity from a peak, the start (0) being one; currency, not negative."""
    drawdown_ns: int
    """The longest time that equity was below a peak, to its recovery or the end, ns."""
    turnover_per_day: float | None
    """Value of all fills for each day of the run, currency; None below a day."""
    fill_ratio: float | None
    """Quantity filled over quantity ordered, 0 to 1."""
    order_to_trade_ratio: float | None
    """Orders sent and replacements accepted, over fills."""
    hit_rate: float | None
    """Fills that closed something with a profit, before fees, over those that closed with a profit or a loss."""
    profit_factor: float | None
    """What fills that closed something gained over what they lost, before fees."""
    exposure: float | None
    """Share of the time in which a position was open, 0 to 1."""
    why: dict[str, str] = field(default_factory=dict)
    """Reasons for the figures that are None, by name."""


def curves_of(tables: TableStore) -> dict[str, Curve]:
    """Return the equity of a run, by currency."""
    frame = tables.table("equity", exact=False)
    named = frame.partition_by("currency", as_dict=True, maintain_order=True).items()
    found = {str(name): (own["ts"].to_numpy(), own["equity"].to_numpy()) for (name,), own in named}
    return {name: found.get(name, (np.empty(0, np.int64), np.empty(0))) for name in tables.names["currency"]}


def reported_curve(tables: TableStore) -> Curve:
    """Return the equity of a run in the currency it is reported in."""
    frame = tables.table("reported", exact=False)
    return frame["ts"].to_numpy(), frame["equity"].to_numpy()


def run_performance(
    tables: TableStore,
    curve: Curve,
    total: Mapping[str, Any],
    instruments: list[str],
    span_ns: tuple[int, int] | None,
    *,
    capital: float | None,
    period_ns: int | None,
    trials: int | None,
) -> RunPerformance:
    """Return the statistics of a run in one currency; see :meth:`Result.performance <tradecore.Result.performance>`.

    Parameters
    ----------
    tables : TableStore
    curve : Curve
        The equity in that currency.
    total : mapping
        What the core says of the currency.
    instruments : list of str
        Whose orders and fills it is about.
    span_ns : tuple of int, optional
        First and last event, ns.
    capital, period_ns, trials : optional
        As asked for.
    """
    import polars as pl

    why: dict[str, str] = {}
    times, values = curve
    given, period_ns = period_ns is not None, int(period_ns or total["sharpe_period_ns"])
    changes = _changes(times, values, period_ns)
    returns = None
    if len(changes) < CHANGES_NEEDED:
        sampled = int(times[-1] - times[0]) if len(times) else 0
        why["returns"] = few_changes_text(len(changes), period_ns, sampled)
    elif not given and total["sharpe"] is None and total["sortino"] is None:
        why["returns"] = total["sharpe_why"]
    else:
        returns = performance(
            changes if capital is None else _fractions(changes, capital),
            _YEAR / period_ns,
            in_currency=capital is None,
            trials=trials,
        )
        if (length := len(changes) * period_ns) < _MONTH:
            short = f"{span_text(length)}: at least 30 days needed"
            said = {**returns.why, "annual": short, "calmar": short}
            returns = replace(returns, annual=None, calmar=None, why=said)
    peaks = np.maximum.accumulate(np.maximum(values, 0.0))
    below = values < peaks

    def ratio(name: str, part: float, whole: float, missing: str) -> float | None:
        if whole > 0:
            return part / whole
        why[name] = missing
        return None

    mine = pl.col("instrument").is_in(instruments)
    orders = tables.table("orders", ["instrument", "qty", "filled_qty", "replaced"], exact=False).filter(mine)
    fills = tables.table(
        "fills", ["ts_event", "instrument", "strategy", "realized_pnl", "position_qty"], exact=False
    ).filter(mine)
    moves = with_closings(fills, tables).filter(mine)
    made = moves["realized_pnl"].to_numpy()
    gained, lost = float(made[made > 0].sum()), float(-made[made < 0].sum())
    span = 0 if span_ns is None else span_ns[1] - span_ns[0]
    short = f"the run is {span_text(span)} long, shorter than a day"
    return RunPerformance(
        currency=total["currency"],
        capital=capital,
        period_ns=period_ns,
        returns=returns,
        max_drawdown=float(total["max_drawdown"]),
        drawdown_ns=_longest_below(times, below),
        turnover_per_day=ratio("turnover_per_day", float(total["turnover"]) * _DAY, span if span >= _DAY else 0, short),
        fill_ratio=ratio("fill_ratio", float(orders["filled_qty"].sum()), float(orders["qty"].sum()), "no orders"),
        order_to_trade_ratio=ratio(
            "order_to_trade_ratio", len(orders) + int(orders["replaced"].sum()), len(fills), "no fills"
        ),
        hit_rate=ratio("hit_rate", float((made > 0).sum()), float((made != 0).sum()), "nothing was closed"),
        profit_factor=ratio("profit_factor", gained, lost, "nothing was closed at a loss"),
        exposure=ratio(
            "exposure", float(_held_ns(moves, None if span_ns is None else span_ns[1])), span, "no time passed"
        ),
        why=why,
    )


def _changes(times: NDArray[np.int64], values: NDArray[np.float64], period_ns: int) -> NDArray[np.float64]:
    """Return the changes of equity over periods that begin with its first sample."""
    if not len(times):
        return np.empty(0)
    if (periods := (int(times[-1]) - int(times[0])) // period_ns) > _MOST_PERIODS:
        length = format_duration_ns(period_ns)
        raise InvalidValueError(
            "period", f"{length} gives {periods:,} returns, more than {_MOST_PERIODS:,}: expected a longer one"
        )
    grid = np.arange(times[0], times[-1] + 1, period_ns)
    changes: NDArray[np.float64] = np.diff(values[np.searchsorted(times, grid, side="left")])
    return changes


def _fractions(changes: NDArray[np.float64], capital: float) -> NDArray[np.float64]:
    """Return the changes as fractions of what there was before each."""
    before = capital + np.concatenate(([0.0], np.cumsum(changes)[:-1]))
    if (before <= 0).any() or (changes < -before).any():
        raise InvalidValueError("capital", f"{capital:g} was lost, and more: returns have nothing to be fractions of")
    fractions: NDArray[np.float64] = changes / before
    return fractions


def _longest_below(times: NDArray[np.int64], below: NDArray[np.bool_]) -> int:
    """Return the longest time from a peak to the sample that reaches it again, or to the last one."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], below, [False])).astype(np.int8)))
    if not len(edges):
        return 0
    first, after = np.maximum(edges[::2] - 1, 0), np.minimum(edges[1::2], len(times) - 1)
    return int((times[after] - times[first]).max())


def _held_ns(fills: pl.DataFrame, end: int | None) -> int:
    """Return for how long something was held, anywhere."""
    import polars as pl

    if not len(fills):
        return 0
    is_open = (pl.col("position_qty") != 0).cast(pl.Int64)
    steps = fills.sort("ts_event", maintain_order=True).select(
        "ts_event", step=(is_open - is_open.shift(1, fill_value=0)).over("strategy", "instrument")
    )
    stamps = steps["ts_event"].to_numpy()
    held = np.cumsum(steps["step"].to_numpy()) > 0
    lengths = np.diff(np.append(stamps, max(int(end or 0), int(stamps[-1]))))
    return int(lengths[held].sum())
