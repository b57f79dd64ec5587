"""What fills were worth and what they waited for, for the page of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tradecore.backtest.markouts import with_markouts
from tradecore.backtest.page_frames import PageFrames, some_of, unit_of
from tradecore.backtest.text import percent, span_text
from tradecore.report.charts import Bar, Chart, Layer, bars, number
from tradecore.report.page import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tradecore._core import Instrument

__all__ = ["latencies_told", "markouts_told", "quality_told"]

_SAMPLED = 200_000
"""Fills that distributions are taken of."""
_CURVE = {
    "10ms": 10_000_000,
    "30ms": 30_000_000,
    "100ms": 100_000_000,
    "300ms": 300_000_000,
    "1s": 1_000_000_000,
    "3s": 3_000_000_000,
    "10s": 10_000_000_000,
    "30s": 30_000_000_000,
    "1m": 60_000_000_000,
    "5m": 300_000_000_000,
}
"""Horizons of the curve of markouts."""


def markouts_told(tables: PageFrames) -> str:
    """Return how the market went on after fills."""
    if tables.mids is None or not len(tables.fills):
        return ""
    only = ["ts_event", "instrument", "side", "price", "liquidity"]
    some = some_of(tables.fills, _SAMPLED).with_columns(ts_event="at").select(only)
    after = with_markouts(some, tables.mids, _CURVE)
    layers, rows = [], []
    for kind, colour in (("maker", "line"), ("taker", "second")):
        own = after.filter(liquidity=kind)
        if not len(own):
            continue
        price = own["price"].to_numpy()
        means, errors = [], []
        for column in _CURVE:
            bps = own[column].fill_null(np.nan).to_numpy() / price * 1e4
            known = bps[~np.isnan(bps)]
            means.append(float(known.mean()) if len(known) else np.nan)
            errors.append(1.96 * float(known.std(ddof=1)) / len(known) ** 0.5 if len(known) > 1 else np.nan)
        x, y, e = np.arange(len(_CURVE), dtype=float), np.array(means), np.array(errors)
        there = ~np.isnan(y)
        sure = there & ~np.isnan(e)
        layers.append(Layer(x[sure], (y - e)[sure], "ranges", colour, to=(y + e)[sure]))
        layers.append(Layer(x[there], y[there], "line", colour, f"{kind} ({len(own):,})"))
        rows.append([kind, *(f"{value:+.3f}" if not np.isnan(value) else "n/a" for value in means)])
    ticks = [(float(place), name) for place, name in enumerate(_CURVE)]
    note = "How much better than the price the mid was so long after: mean and 95 % interval; negative is adverse."
    chart = Chart(
        "Markout", layers, "basis points", 240, is_time=False, ticks=ticks, zero=True, note=note, x_range=(-0.4, 9.4)
    )
    return chart.html() + table(["liquidity", *_CURVE], rows)


def quality_told(tables: PageFrames, shown: Sequence[Instrument]) -> str:
    """Return by what orders were filled, and, of these instruments, where they stood in the queue."""
    fills = tables.fills
    if not len(fills):
        return ""
    after = pl.col("markout_1s") / pl.col("price") * 1e4
    by_event = fills.group_by("event").agg(
        count=pl.len(),
        markout=after.mean(),
        waited=pl.col("time_in_queue").cast(pl.Int64).median(),
    )
    rows = [
        [
            (row["event"] or "not told").replace("_", " "),
            f"{row['count']:,}",
            percent(row["count"] / len(fills)),
            "n/a" if row["markout"] is None else f"{row['markout']:+.3f}",
            "n/a" if row["waited"] is None else span_text(int(row["waited"])),
        ]
        for row in by_event.sort("count", descending=True).to_dicts()
    ]
    heads = ["filled by", "fills", "share", "markout 1 s, bps", "median time in queue"]
    makers = some_of(fills.filter(liquidity="maker"), _SAMPLED)
    waits = makers["time_in_queue"].drop_nulls().cast(pl.Int64).to_numpy() / 1e9
    spreads = [_spread_of("Time in queue", waits, _seconds), *(_ahead(spec, makers, shown) for spec in shown)]
    return table(heads, rows) + f'<div class="two">{"".join(spreads)}</div>'


def _ahead(spec: Instrument, makers: pl.DataFrame, shown: Sequence[Instrument]) -> str:
    """Return what stood ahead of an instrument's orders: quantities of several have no unit in common."""
    own = makers.filter(instrument=spec.id)
    of = f" of {spec.id}" if len(shown) > 1 else ""
    columns = {"at entry": "queue_ahead_at_entry", "right before the fill": "queue_ahead_at_fill"}
    return "".join(
        _spread_of(f"Queue ahead{of} {when}, {unit_of(spec)}", own[column].drop_nulls().to_numpy(), number)
        for when, column in columns.items()
    )


def _seconds(value: float) -> str:
    return "0" if value <= 0 else f"{value:.3g} s" if value >= 1 else f"{value * 1e3:.3g} ms"


def _spread_of(title: str, values: NDArray[Any], text: Any) -> str:
    """Return how some values are spread, as bars by tenths of their number."""
    if not len(values):
        return ""
    marks = (0, 10, 25, 50, 75, 90, 99, 100)
    at = np.quantile(values, [mark / 100 for mark in marks])
    names = {0: "least", 50: "median", 100: "most"}
    rows = [
        Bar(names.get(mark, f"{mark} %"), float(value), text(float(value)))
        for mark, value in zip(marks, at, strict=True)
    ]
    return bars(title, rows, f"{len(values):,} fills").replace('class="gain"', 'class="even"')


def latencies_told(tables: PageFrames) -> str:
    """Return how long orders and reports took."""
    fills = some_of(tables.fills, _SAMPLED)
    made = []
    for title, column in (("From sending to arrival", "entry_latency"), ("From fill to knowing", "response_latency")):
        values = fills[column].drop_nulls().cast(pl.Int64).to_numpy() / 1e9
        made.append(_spread_of(title, values, _seconds))
    return f'<div class="two">{"".join(made)}</div>' if any(made) else ""
