"""What happened in a market, drawn, for the page of a run: prices, own orders and fills, the book, what was held."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl

from tradecore._core import EventStream, Instrument, MemoryColumns
from tradecore.backtest.page_frames import PageFrames, bad_times, some_of, unit_of
from tradecore.backtest.text import counted
from tradecore.report.charts import Chart, Layer
from tradecore.report.heatmap import book_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tradecore.backtest.record import RunRecord

__all__ = ["EventSource", "Span", "book_drawn", "candles_drawn", "inventory_drawn", "market_drawn"]

_MARKS = 1_500
"""Fills of a side, and orders of a side, that are drawn in a chart."""
_FEW = 400
"""Fills beyond which they are drawn smaller."""
_ZOOMED, _SHORTEST = 60, 2_000_000_000
"""Fills in the stretch of which the book is shown, and its least length, ns."""
_READ = 50_000_000
"""Events that are read for it at most, about."""

EventSource: TypeAlias = Callable[[str, int, int], EventStream | MemoryColumns | None]
"""Gives the events that make an instrument's book of a time, ns; None where they are not there (any more)."""
Span: TypeAlias = tuple[int, int]
"""First and last time, ns UTC."""


def market_drawn(spec: Instrument, result: RunRecord, tables: PageFrames) -> str:
    """Return the prices of an instrument with own orders, fills and stops, and when data was wrong."""
    fills = tables.fills.filter(instrument=spec.id)
    stamps, mids = tables.mids.path(spec.id) if tables.mids else (np.empty(0, np.int64), np.empty(0))
    layers = [Layer(stamps, mids, "line", "muted", "mid")] if len(stamps) else []
    for (what, found), colour in zip(bad_times(result).items(), ("loss", "second", "muted"), strict=True):
        if (moments := found.get(spec.id)) and len(stamps):
            begin, over = np.array(moments, np.int64).T
            layers.append(Layer(begin, np.full(len(begin), np.nan), "bands", colour, what, over))
    end = result.span_ns[1] if result.span_ns else 0
    note = ""
    for side, colour in (("buy", "buy"), ("sell", "sell")):
        rested = _rested(tables.orders, spec, side, end)
        some = some_of(rested, _MARKS)
        if len(some):
            if len(some) < len(rested):
                note = f"Every {-(-len(rested) // _MARKS):,}th order is drawn, at the price it had last."
            begin, over = some["begin"].to_numpy(), some["over"].to_numpy()
            layers.append(Layer(begin, some["price"].to_numpy(), "spans thin", colour, f"own {side} orders", over))
    if "stops" in result.tables and len(fired := result.frame("stops", exact=False).filter(instrument=spec.id)):
        drawn = some_of(fired.select("price", at=pl.col("ts").cast(pl.Int64)).drop_nulls(), _MARKS)
        at, name = drawn["at"].to_numpy(), f"{counted(len(fired), 'stop')} fired"
        layers.append(Layer(at, drawn["price"].to_numpy(), "dots", "loss", name))
    size = " small" if len(fills) > _FEW else ""
    for side, kind in (("buy", f"dots{size}"), ("sell", f"squares{size}")):
        mine = fills.filter(side=side)
        some = some_of(mine, _MARKS)
        shown = "" if len(some) == len(mine) else f", {len(some):,} drawn"
        name = f"{counted(len(mine), 'fill')} ({side}{shown})"
        layers.append(Layer(some["at"].to_numpy(), some["price"].to_numpy(), kind, side, name))
    return Chart(spec.id, layers, spec.quote, 340, note=note).html()


def book_drawn(
    spec: Instrument, result: RunRecord, tables: PageFrames, data: EventSource | None, zoom: Span | None
) -> str:
    """Return the book of a stretch of the run with own orders and fills on it, where the data is at hand."""
    if data is None or result.span_ns is None or result.fill_basis.get(spec.id) != "l2":
        return ""
    fills = tables.fills.filter(instrument=spec.id)
    start, end = _stretch(fills["at"].sort().to_numpy(), result.span_ns, result.events) if zoom is None else zoom
    start, end = max(start, result.span_ns[0]), min(end, result.span_ns[1])
    events = data(spec.id, start, end) if start < end else None
    picture = None if events is None else book_picture(spec, events, start, end)
    if picture is None:
        return ""
    layers = []
    for side in ("buy", "sell"):
        own = _rested(tables.orders, spec, side, result.span_ns[1])
        own = own.filter((pl.col("begin") < end) & (pl.col("over") > start))
        begin, over = (own[name].clip(start, end).to_numpy() for name in ("begin", "over"))
        layers.append(Layer(begin, own["price"].to_numpy(), "spans", side, f"own {side} orders", over))
    inside = fills.filter(pl.col("at").is_between(start, end))
    for side, kind in (("buy", "dots"), ("sell", "squares")):
        mine = some_of(inside.filter(side=side), _MARKS)
        layers.append(Layer(mine["at"].to_numpy(), mine["price"].to_numpy(), kind, side, f"fills ({side})"))
    told = "" if zoom else "The busiest stretch of the run. "
    return picture.chart(layers, f"{told}The book as it was received, fills by the venue's clock.").html()


def _stretch(fills: NDArray[np.int64], span: tuple[int, int], events: int) -> tuple[int, int]:
    """Return the shortest time with so many fills, and some around it, that does not need most of a long run read."""
    last = span[0] + int((span[1] - span[0]) * min(1.0, _READ / max(events, 1)))
    fills = fills[fills <= last]
    few = min(len(fills), _ZOOMED)
    if few < 2:
        middle, width = (int(fills[0]) if few else span[0]), _SHORTEST
    else:
        lengths = fills[few - 1 :] - fills[: len(fills) - few + 1]
        at = int(lengths.argmin())
        middle, width = int(fills[at] + lengths[at] // 2), max(int(lengths[at] * 1.2), _SHORTEST)
    start = max(span[0], middle - width // 2)
    return start, start + width


def _rested(orders: pl.DataFrame, spec: Instrument, side: str, end: int) -> pl.DataFrame:
    """Return the orders of a side that rested, with when they began to and when that was over, ns."""
    mine = (pl.col("instrument") == spec.id) & (pl.col("side") == side)
    there = pl.col("ts_accept").is_not_null() & pl.col("price").is_not_null()
    return orders.filter(mine & there).select(
        "price", begin=pl.col("ts_accept").cast(pl.Int64), over=pl.col("ts_close").cast(pl.Int64).fill_null(end)
    )


def inventory_drawn(spec: Instrument, tables: PageFrames) -> str:
    """Return what was held of an instrument."""
    fills = tables.moves.filter(instrument=spec.id)
    if not len(fills):
        return ""
    signed = np.where((fills["side"] == "buy").to_numpy(), 1.0, -1.0) * fills["qty"].to_numpy()
    order = np.argsort(fills["ts_event"].to_numpy(), kind="stable")
    times = fills["ts_event"].to_numpy()[order]
    held = Layer(times, np.cumsum(signed[order]), "step", "line")
    return Chart(spec.id, [held], unit_of(spec), 150, zero=True).html()


def candles_drawn(spec: Instrument, result: RunRecord) -> str:
    """Return the recorded candles of an instrument."""
    candles = result.candles.filter(instrument=spec.id) if "candles" in result.tables else None
    if candles is None or not len(candles):
        return ""
    some = candles.tail(400)
    at = some["ts_open"].cast(pl.Int64).to_numpy()
    begin, high, low, close = (some[name].to_numpy() for name in ("open", "high", "low", "close"))
    layers = []
    for side, colour in ((close >= begin, "gain"), (close < begin, "loss")):
        layers.append(Layer(at[side], low[side], "ranges thin", colour, to=high[side]))
        layers.append(Layer(at[side], begin[side], "ranges wide", colour, to=close[side]))
    note = f"The last {len(some):,} of {len(candles):,}." if len(some) < len(candles) else ""
    return Chart(spec.id, layers, spec.quote, 240, note=note).html()
