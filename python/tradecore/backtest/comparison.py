"""Two runs side by side: their figures, their equity, and whether the difference is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from tradecore._core import CHANGES_NEEDED, format_duration_ns
from tradecore.backtest.stats import EXACT, Stats
from tradecore.backtest.text import digest_text, rounded
from tradecore.report.charts import Chart, Layer
from tradecore.report.page import table

if TYPE_CHECKING:
    from tradecore.backtest.performance import Curve
    from tradecore.backtest.record import RunRecord

__all__ = ["PairedDifference", "compared", "paired_difference"]

_PERIODS = (86_400_000_000_000, 3_600_000_000_000, 60_000_000_000, 1_000_000_000)
_NORMAL = NormalDist()
_SURE = 0.95
_COLOURS = ("line", "second", "gain", "loss")


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDifference:
    """How much more one run made than another, period by period over the time they share."""

    currency: str
    period_ns: int
    """Length of a period, ns: the longest of 1 s, 1 min, 1 h and 1 day of which there are 30."""
    periods: int
    total: float
    """What the second made more than the first, currency."""
    low: float
    """Lower end of its 95 % confidence interval, the differences of periods taken to be independent."""
    high: float
    """Upper end."""
    probability: float
    """Probability that a difference below this one is chance: 0.5 says nothing, near 1 that the second is better."""


def paired_difference(first: RunRecord, second: RunRecord, currency: str) -> PairedDifference | None:
    """Return what the second run made more than the first; None where they share too little time."""
    curves = [_curve(run, currency) for run in (first, second)]
    if not all(len(times) for times, _ in curves):
        return None
    start = max(int(times[0]) for times, _ in curves)
    end = min(int(times[-1]) for times, _ in curves)
    period = next((period for period in _PERIODS if (end - start) // period >= CHANGES_NEEDED), None)
    if period is None:
        return None
    grid = np.arange(start, end + 1, period)
    # Samples that were left out are equal to the next one.
    sampled = [values[np.searchsorted(times, grid, side="left")] for times, values in curves]
    more = np.diff(sampled[1]) - np.diff(sampled[0])
    count, total = len(more), float(more.sum())
    error = float(more.std(ddof=1)) * count**0.5
    wide = _NORMAL.inv_cdf(0.5 + _SURE / 2) * error
    return PairedDifference(
        currency=currency,
        period_ns=period,
        periods=count,
        total=total,
        low=total - wide,
        high=total + wide,
        probability=_NORMAL.cdf(total / error) if error else 0.5,
    )


def _curve(run: RunRecord, currency: str) -> Curve:
    """Return the equity of a run, empty where nothing settles in the currency."""
    return run._leading_curves.get(currency, (np.empty(0, np.int64), np.empty(0)))


def compared(runs: Sequence[tuple[str, RunRecord]]) -> str:
    """Return the first run beside the others as HTML."""
    first = runs[0][1]
    shared = [total["currency"] for total in first._leading]
    return _side_by_side(runs) + "".join(_curves(runs, currency) + _differences(runs, currency) for currency in shared)


def _side_by_side(runs: Sequence[tuple[str, RunRecord]]) -> str:
    def text(value: Any, shape: str) -> str:
        return "n/a" if value is None else rounded(value, shape)

    figures = (
        ("net profit", "net_pnl", ",.4f"),
        ("gross profit", "gross_pnl", ",.4f"),
        ("fees", "fees", ",.4f"),
        ("turnover", "turnover", ",.2f"),
        ("net profit, bps of turnover", "net_pnl_bps", ".3f"),
        ("max drawdown", "max_drawdown", ",.4f"),
        ("Sharpe ratio", "sharpe", ".2f"),
        ("Sortino ratio", "sortino", ".2f"),
        ("orders", "orders", ","),
        ("fills", "fills", ","),
        ("maker share", "maker_share", ".1%"),
        ("fills per order", "fills_per_order", ".3f"),
    )
    stats: list[Stats] = [run.stats for _, run in runs]
    rows = []
    for label, name, shape in figures:
        values = [getattr(each, name) for each in stats]
        row = [label, *(text(value, shape) for value in values)]
        if len(values) == 2:
            both = None not in values
            is_exact = both and not isinstance(values[0], float | int)
            more = None if not both else EXACT.subtract(values[1], values[0]) if is_exact else values[1] - values[0]
            row.append(text(more, shape.replace("{:", "{:+")))
        rows.append(row)
    rows.append(["digest", *(digest_text(run.digest) for _, run in runs), *([""] if len(runs) == 2 else [])])
    return table(["", *(name for name, _ in runs), *(["difference"] if len(runs) == 2 else [])], rows)


def _curves(runs: Sequence[tuple[str, RunRecord]], currency: str) -> str:
    layers = []
    for number, (name, run) in enumerate(runs):
        times, values = _curve(run, currency)
        layers.append(Layer(times, values, "line", _COLOURS[number % len(_COLOURS)], name))
    return Chart("Equity after fees", layers, currency, 240, zero=True).html()


def _differences(runs: Sequence[tuple[str, RunRecord]], currency: str) -> str:
    (base, first), *others = runs
    rows = []
    for name, run in others:
        found = paired_difference(first, run, currency)
        if found is None:
            rows.append([f"{name} - {base}", "n/a", "they share too little time", "", ""])
            continue
        verdict = "second better" if found.low > 0 else "first better" if found.high < 0 else "may be chance"
        rows.append(
            [
                f"{name} - {base}",
                f"{found.total:+,.4f}",
                f"{found.low:+,.4f} to {found.high:+,.4f}",
                f"{found.periods:,} of {format_duration_ns(found.period_ns)}",
                f"{verdict} ({found.probability:.1%})",
            ]
        )
    said = (
        '<p class="note">Differences of the changes of equity over the periods both share, taken to be independent '
        "of each other. The last column: whether it is on one side of 0, and the probability that the second is better."
        "</p>"
    )
    heads = [f"paired difference, {currency}", "in all", "95 % interval", "periods", "is it chance?"]
    return table(heads, rows) + said
