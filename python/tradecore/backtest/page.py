"""The page of a run: what it made, of what, where its orders stood, and what it took for granted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import polars as pl

from tradecore._core import EventStream, Instrument, MemoryColumns, format_duration_ns
from tradecore.backtest.attribution import PARTS
from tradecore.backtest.closings import with_closings
from tradecore.backtest.comparison import compared
from tradecore.backtest.markouts import Mids, with_markouts
from tradecore.backtest.notes import moments_text
from tradecore.backtest.page_orders import executions_told, limits_told
from tradecore.backtest.performance import Curve, RunPerformance
from tradecore.backtest.text import counted, failure_text, rate_text, some, span_text
from tradecore.report.charts import Bar, Chart, Layer, bars, number
from tradecore.report.heatmap import book_picture
from tradecore.report.page import Section, Tile, definitions, listed, page, table, tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tradecore.backtest.record import RunRecord

__all__ = ["report_page"]

_INSTRUMENTS = 4
"""Instruments with charts of their own: those with most fills."""
_LISTED = 20
"""Moments of a kind that are listed."""
_MARKS = 1_500
"""Fills of a side, and orders of a side, that are drawn in a chart."""
_FEW = 400
"""Fills beyond which they are drawn smaller."""
_ZOOMED, _SHORTEST = 60, 2_000_000_000
"""Fills in the stretch of which the book is shown, and its least length, ns."""
_READ = 50_000_000
"""Events that are read for it at most, about."""
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
_LABELS = {
    "spread": "spread captured",
    "adverse_selection": "adverse selection",
    "inventory": "inventory",
    "fees": "fees",
    "funding": "funding",
    "interest": "interest",
}
_ASSUMED = (
    "The market does not react to the orders of the run.",
    "Orders that rest are filled by the queue model of their venue: a model, not the queue that was there.",
    "Positions that are open in the end are valued at their mark, as if they could be closed there for nothing.",
)


EventSource: TypeAlias = Callable[[str, int, int], EventStream | MemoryColumns | None]
"""Gives the events that make an instrument's book of a time, ns; None where they are not there (any more)."""
Span: TypeAlias = tuple[int, int]
"""First and last time, ns UTC."""


class _Frames(NamedTuple):
    """What most sections are made of."""

    fills: pl.DataFrame
    moves: pl.DataFrame
    """What changed positions: fills, and what venues closed."""
    orders: pl.DataFrame
    mids: Mids | None


def report_page(
    result: RunRecord,
    title: str,
    capital: Decimal | float | None,
    against: Mapping[str, RunRecord],
    data: EventSource | None,
    zoom: Span | None,
) -> str:
    """Return the page of a result."""
    several = None if result.reported is not None else [total["currency"] for total in result.totals]
    told = [result.performance(currency, capital=capital) for currency in several or [None]]
    fills = result.frame("fills", exact=False).with_columns(at=pl.col("ts_event").cast(pl.Int64))
    plain = fills.select("instrument", "side", "qty", ts_event="at")
    moves = with_closings(plain, result.tables)
    tables = _Frames(fills, moves, result.frame("orders", exact=False), result._mids)
    shown = _busiest(result)
    sections = [
        Section("figures", "Figures", "".join(map(_figures, repeat(result), told, result._leading))),
        Section("comparison", "Compared", compared([(title, result), *against.items()]) if against else ""),
        Section("warnings", "Warnings", listed(_warnings(result), "warn") + _moments(result)),
        Section("equity", "Equity and drawdown", "".join(map(_equity, result._leading_curves.items()))),
        Section("attribution", "Where the profit came from", _attribution(result, tables)),
        Section("market", "Price, quotes and fills", "".join(_market(spec, result, tables) for spec in shown)),
        Section("book", "Order book", "".join(_book(spec, result, tables, data, zoom) for spec in shown[:1])),
        Section("inventory", "Inventory", "".join(_inventory(spec, tables) for spec in shown)),
        Section("markouts", "After the fills", _markouts(tables)),
        Section("quality", "Fills and queue", _quality(tables)),
        Section("latency", "Latencies", _latencies(tables)),
        Section("signals", "Signals", _signals(result)),
        Section("candles", "Candles", "".join(_candles(spec, result) for spec in shown)),
        Section("executions", "Executions", executions_told(result)),
        Section("limits", "Limits", limits_told(result)),
        Section("refused", "Refused", _refused(result)),
        Section("tables", "Strategies and instruments", _tables(result)),
        Section("settings", "Settings", _settings(result)),
    ]
    return page(title, _subtitle(result), sections, f"digest {result.digest}")


def _busiest(result: RunRecord) -> list[Instrument]:
    fills: Counter[str] = Counter()
    for row in result.final_positions:
        fills[row["instrument"]] += row["fills"]
    traded = sorted(result.instruments, key=lambda spec: -fills[spec.id])
    return [spec for spec in traded if fills[spec.id]][:_INSTRUMENTS] or traded[:1]


def _subtitle(result: RunRecord) -> str:
    names = [spec.id for spec in result.instruments]
    traded = some(names)
    if result.span_ns is None:
        return f"{traded}, no data"
    start, end = (datetime.fromtimestamp(ts // 1_000_000_000, UTC) for ts in result.span_ns)
    return f"{traded}, {start:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC ({span_text(result.stats.span_ns)})"


def _percent(value: float) -> str:
    return f"{value:.2%}" if abs(value) < 1 else f"{value:.0%}"


def _figures(result: RunRecord, told: RunPerformance, total: Mapping[str, Any]) -> str:
    """Return the tiles of one currency."""
    currency, stats, returns = told.currency, result.stats, told.returns
    short = f"n/a ({span_text(stats.span_ns)})"

    def money(label: str, value: Decimal | float, *, signed: bool = False, note: str = "") -> Tile:
        tone = ("gain" if value > 0 else "loss" if value < 0 else "") if signed else ""
        return Tile(label, f"{_money(value)} {currency}", note, tone)

    def ratio(label: str, name: str, text: Callable[[float], str] = "{:,.2f}".format, note: str = "") -> Tile:
        if returns is None:
            return Tile(label, short)
        value = getattr(returns, name)
        return Tile(label, f"n/a ({returns.why[name]})" if value is None else text(value), note)

    def share(label: str, name: str, shape: str, note: str = "") -> Tile:
        value = getattr(told, name)
        return Tile(label, f"n/a ({told.why[name]})" if value is None else shape.format(value), note)

    def of(value: float) -> str:
        return f"{_money(value)} {currency}" if told.capital is None else f"{value:.2%}"

    grid = f"{format_duration_ns(told.period_ns)} changes, year of 365 days"
    figures = [
        money("net profit", total["net_pnl"], signed=True, note=_bps(total)),
        money("gross profit", total["gross_pnl"], signed=True),
        money("fees", total["fees"]),
        *([money("funding", total["funding"], note="paid, less received")] if total["funding"] else []),
        *([money("interest", total["interest"], note="on what was borrowed")] if total["interest"] else []),
        money("turnover", total["turnover"]),
        money("max drawdown", told.max_drawdown, note=f"longest {span_text(told.drawdown_ns)}"),
        ratio("Sharpe ratio", "sharpe", note=grid),
        ratio("Sortino ratio", "sortino", note=grid),
        ratio("Calmar ratio", "calmar"),
        ratio("volatility", "volatility", of, "annual"),
        ratio("value at risk, 95 %", "var_95", of, f"in {format_duration_ns(told.period_ns)}"),
        ratio("expected shortfall, 95 %", "cvar_95", of, f"in {format_duration_ns(told.period_ns)}"),
        ratio("P(Sharpe > 0)", "probabilistic_sharpe", "{:.1%}".format, "probabilistic Sharpe ratio"),
        Tile("orders / fills", f"{stats.orders:,} / {stats.fills:,}", _maker(stats.maker_share)),
        share("fill ratio", "fill_ratio", "{:.1%}", "quantity filled of quantity ordered"),
        share("order-to-trade ratio", "order_to_trade_ratio", "{:,.2f}"),
        share("hit rate", "hit_rate", "{:.1%}", "of fills that closed something"),
        share("profit factor", "profit_factor", "{:,.2f}", "before fees"),
        share("exposure", "exposure", "{:.1%}", "of the time with a position"),
    ]
    head = f"<h3>{currency}</h3>" if len(result._leading) > 1 else ""
    return head + tiles(figures)


def _bps(total: Any) -> str:
    return f"{float(10_000 * total['net_pnl'] / total['turnover']):.3g} bps of turnover" if total["turnover"] else ""


def _maker(share: float | None) -> str:
    return "" if share is None else f"{share:.1%} maker"


def _money(value: Decimal | float) -> str:
    """Return an amount with as many decimals as say something."""
    size = abs(float(value))
    if size == 0:
        return "0"
    places = 0 if size >= 1e6 else 2 if size >= 100 else 4 if size >= 0.01 else 8
    return f"{value:,.{places}f}"


def _warnings(result: RunRecord) -> Iterator[str]:
    for name, traceback in result.failures.items():
        yield f"{name} failed: {failure_text(name, traceback)}"
    if result.interrupted:
        yield "The run was interrupted: the data was not read to its end."
    yield from (f"{note[:1].upper()}{note[1:]}." for note in result.notes)
    for name, told in result.silences.items():
        yield f"Nothing was told of {name} {moments_text(told)}."
    for name, told in result.stale_marks.items():
        times, longest = counted(told["times"], "time"), span_text(told["longest_ns"])
        yield f"A position in {name} was marked at what was old {times}, for {longest} at most."
    for venue, lead in result.clock_lead_ns.items():
        yield f"The clock of {venue} was taken to run {lead / 1e9:.6f} s ahead of ours."


def _moments(result: RunRecord) -> str:
    """Return when the data told too little, or what cannot be."""
    rows = []
    for what, found in _bad_times(result).items():
        for name, moments in found.items():
            for begin, end in moments[:_LISTED]:
                since = datetime.fromtimestamp(begin // 1_000_000_000, UTC)
                rows.append((begin, [name, what, f"{since:%Y-%m-%d %H:%M:%S}", span_text(end - begin)]))
    return table(["instrument", "in the data", "from (UTC)", "for"], [row for _, row in sorted(rows)], texts=3, most=20)


def _bad_times(result: RunRecord) -> dict[str, dict[str, list[tuple[int, int]]]]:
    """Return times of each kind, by instrument."""
    gaps, silences = ({name: told["moments"] for name, told in of.items()} for of in (result.gaps, result.silences))
    return {"gap": gaps, "locked or crossed": result.crossed, "silence": silences}


def _equity(told: tuple[str, Curve]) -> str:
    currency, (times, values) = told
    if not len(times):
        return ""
    falls = values - np.maximum.accumulate(np.maximum(values, 0.0))
    span = (float(times[0]), float(times[-1]))
    curve = [Layer(times, values, "area"), Layer(times, values, "line")]
    return (
        Chart("Equity after fees", curve, currency, 260, x_range=span, zero=True).html()
        + Chart("Drawdown", [Layer(times, falls, "area", "loss")], currency, 110, x_range=span, zero=True).html()
    )


def _attribution(result: RunRecord, tables: _Frames) -> str:
    if tables.mids is None or not len(tables.fills):
        return ""
    said = (
        "Spread: price against the mid right before the fill. Adverse selection: the mid in the second after it. "
        "Inventory: from there to the end. The parts add up to the profit after fees to the last digit."
    )
    parts = []
    finest = result.attribution(["strategy", "instrument", "side"])
    amounts = pl.col(*PARTS, "net_pnl").sum()
    for row in finest.group_by("currency").agg(amounts).sort("currency").to_dicts():
        currency = row["currency"]
        shown = [name for name in PARTS if name not in ("funding", "interest") or row[name]]
        rows = [Bar(_LABELS[name], float(row[name]), _money(row[name])) for name in shown]
        rows.append(Bar("net profit", float(row["net_pnl"]), _money(row["net_pnl"]), is_total=True))
        parts.append(bars("Profit", rows, currency, said))
    for key in ("strategy", "instrument", "side"):
        frame = finest.group_by(key, "currency").agg(amounts)
        if len(frame) > 1:
            parts.append(_parts_table(frame, key))
    hours = result.attribution("hour")
    if len(hours) > 1:
        parts.append(_hours(hours))
    return "".join(parts)


def _parts_table(frame: pl.DataFrame, key: str) -> str:
    heads = [key, "currency", *(_LABELS[name] for name in PARTS), "net profit"]
    largest = frame.sort(pl.col("net_pnl").cast(pl.Float64).abs(), key, descending=[True, False])
    rows = [
        [row[key], row["currency"], *(_money(row[name]) for name in (*PARTS, "net_pnl"))] for row in largest.to_dicts()
    ]
    return f"<h3>By {key}</h3>" + table(heads, rows, texts=2, most=30)


def _hours(frame: pl.DataFrame) -> str:
    """Return the net profit of each hour."""
    made = []
    for currency in frame["currency"].unique(maintain_order=True):
        own = frame.filter(currency=currency)
        at = own["hour"].cast(pl.Int64).to_numpy() + 1_800_000_000_000
        net = own["net_pnl"].cast(pl.Float64).to_numpy()
        zero = np.zeros(len(net))
        layers = [
            Layer(at[side], zero[side], "ranges wide", colour, to=net[side])
            for side, colour in ((net >= 0, "gain"), (net < 0, "loss"))
        ]
        span = (float(at[0]) - 1.8e12, float(at[-1]) + 1.8e12)
        made.append(Chart("Net profit by hour", layers, currency, 140, x_range=span, zero=True).html())
    return "".join(made)


def _market(spec: Instrument, result: RunRecord, tables: _Frames) -> str:
    fills = tables.fills.filter(instrument=spec.id)
    stamps, mids = tables.mids.path(spec.id) if tables.mids else (np.empty(0, np.int64), np.empty(0))
    layers = [Layer(stamps, mids, "line", "muted", "mid")] if len(stamps) else []
    for (what, found), colour in zip(_bad_times(result).items(), ("loss", "second", "muted"), strict=True):
        if (moments := found.get(spec.id)) and len(stamps):
            begin, over = np.array(moments, np.int64).T
            layers.append(Layer(begin, np.full(len(begin), np.nan), "bands", colour, what, over))
    end = result.span_ns[1] if result.span_ns else 0
    note = ""
    for side, colour in (("buy", "buy"), ("sell", "sell")):
        rested = _rested(tables.orders, spec, side, end)
        some = _some(rested, _MARKS)
        if len(some):
            if len(some) < len(rested):
                note = f"Every {-(-len(rested) // _MARKS):,}th order is drawn, at the price it had last."
            begin, over = some["begin"].to_numpy(), some["over"].to_numpy()
            layers.append(Layer(begin, some["price"].to_numpy(), "spans thin", colour, f"own {side} orders", over))
    if "stops" in result.tables and len(fired := result.frame("stops", exact=False).filter(instrument=spec.id)):
        drawn = _some(fired.select("price", at=pl.col("ts").cast(pl.Int64)).drop_nulls(), _MARKS)
        at, name = drawn["at"].to_numpy(), f"{counted(len(fired), 'stop')} fired"
        layers.append(Layer(at, drawn["price"].to_numpy(), "dots", "loss", name))
    size = " small" if len(fills) > _FEW else ""
    for side, kind in (("buy", f"dots{size}"), ("sell", f"squares{size}")):
        mine = fills.filter(side=side)
        some = _some(mine, _MARKS)
        shown = "" if len(some) == len(mine) else f", {len(some):,} drawn"
        name = f"{counted(len(mine), 'fill')} ({side}{shown})"
        layers.append(Layer(some["at"].to_numpy(), some["price"].to_numpy(), kind, side, name))
    return Chart(spec.id, layers, spec.quote, 340, note=note).html()


def _book(spec: Instrument, result: RunRecord, tables: _Frames, data: EventSource | None, zoom: Span | None) -> str:
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
        mine = _some(inside.filter(side=side), _MARKS)
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


def _some(frame: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return so many rows at most, equally far apart."""
    return frame if len(frame) <= most else frame.gather_every(-(-len(frame) // most))


def _inventory(spec: Instrument, tables: _Frames) -> str:
    fills = tables.moves.filter(instrument=spec.id)
    if not len(fills):
        return ""
    signed = np.where((fills["side"] == "buy").to_numpy(), 1.0, -1.0) * fills["qty"].to_numpy()
    order = np.argsort(fills["ts_event"].to_numpy(), kind="stable")
    times = fills["ts_event"].to_numpy()[order]
    unit = spec.base if spec.kind == "spot" else "contracts"
    return Chart(spec.id, [Layer(times, np.cumsum(signed[order]), "step", "line")], unit, 150, zero=True).html()


def _markouts(tables: _Frames) -> str:
    if tables.mids is None or not len(tables.fills):
        return ""
    only = ["ts_event", "instrument", "side", "price", "liquidity"]
    some = _some(tables.fills, _SAMPLED).with_columns(ts_event="at").select(only)
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


def _quality(tables: _Frames) -> str:
    fills = tables.fills
    if not len(fills):
        return ""
    after = pl.col("markout_1s") / pl.col("price") * 1e4
    by_event = fills.group_by("event").agg(
        count=pl.len(),
        qty=pl.col("qty").sum(),
        markout=after.mean(),
        entry=pl.col("queue_ahead_at_entry").mean(),
        fill=pl.col("queue_ahead_at_fill").mean(),
        waited=pl.col("time_in_queue").cast(pl.Int64).median(),
    )
    rows = [
        [
            (row["event"] or "not told").replace("_", " "),
            f"{row['count']:,}",
            _percent(row["count"] / len(fills)),
            "n/a" if row["markout"] is None else f"{row['markout']:+.3f}",
            *("n/a" if row[key] is None else number(row[key]) for key in ("entry", "fill")),
            "n/a" if row["waited"] is None else span_text(int(row["waited"])),
        ]
        for row in by_event.sort("count", descending=True).to_dicts()
    ]
    heads = [
        "filled by",
        "fills",
        "share",
        "markout 1 s, bps",
        "ahead at entry",
        "ahead at fill",
        "median time in queue",
    ]
    makers = _some(fills.filter(liquidity="maker"), _SAMPLED)
    waits = makers["time_in_queue"].drop_nulls().cast(pl.Int64).to_numpy() / 1e9
    ahead = [
        _spread_of("Queue ahead at entry", makers["queue_ahead_at_entry"].drop_nulls().to_numpy(), number),
        _spread_of("Queue ahead right before the fill", makers["queue_ahead_at_fill"].drop_nulls().to_numpy(), number),
        _spread_of("Time in queue", waits, _seconds),
    ]
    return table(heads, rows) + f'<div class="two">{"".join(ahead)}</div>'


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


def _latencies(tables: _Frames) -> str:
    fills = _some(tables.fills, _SAMPLED)
    made = []
    for title, column in (("From sending to arrival", "entry_latency"), ("From fill to knowing", "response_latency")):
        values = fills[column].drop_nulls().cast(pl.Int64).to_numpy() / 1e9
        made.append(_spread_of(title, values, _seconds))
    return f'<div class="two">{"".join(made)}</div>' if any(made) else ""


def _signals(result: RunRecord) -> str:
    if "signals" not in result.tables or not len(signals := result.signals):
        return ""
    counts = (
        signals.group_by("strategy", "instrument", "model_id", "action", "problem").len().sort("len", descending=True)
    )
    rows = [
        [
            row["strategy"],
            row["instrument"],
            row["model_id"] or "",
            row["action"] or row["problem"] or "",
            f"{row['len']:,}",
        ]
        for row in counts.to_dicts()
    ]
    said = signals.filter(pl.col("value").is_not_null())
    stamps, values = said["ts_recv"].cast(pl.Int64).to_numpy(), said["value"].to_numpy()
    chart = Chart("Value of signals", [Layer(stamps, values, "line", "second")], "", 150, zero=True).html()
    return chart + table(["strategy", "instrument", "model", "said", "times"], rows, texts=4)


def _candles(spec: Instrument, result: RunRecord) -> str:
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


def _refused(result: RunRecord) -> str:
    rows = [
        [reason.replace("_", " "), f"{times:,}"]
        for reason, times in sorted(result.rejected.items(), key=lambda item: -item[1])
    ]
    return table(["orders refused because", "times"], rows)


def _tables(result: RunRecord) -> str:
    rows = [
        [
            row["strategy"],
            row["instrument"],
            number(row["qty"]) if row["qty"] else "0",
            *(_money(row[name]) for name in ("realized_pnl", "unrealized_pnl", "fees", "net_pnl")),
            row["currency"],
            f"{row['fills']:,}",
            number(row["volume"]),
            _share(result, row["instrument"]),
        ]
        for row in result.pnl.sort("fills", descending=True).to_dicts()
    ]
    heads = [
        "strategy",
        "instrument",
        "position",
        "realised",
        "unrealised",
        "fees",
        "net profit",
        "",
        "fills",
        "volume",
    ]
    return table([*heads, "share of market"], rows, texts=2, most=100) + _by_currency(result) + _balances(result)


def _balances(result: RunRecord) -> str:
    """Return what accounts hold at venues with balances."""
    amounts = ("begin", "end", "change", "borrowed")
    rows = [
        [row["strategy"], row["venue"], row["currency"], *(_money(row[name]) for name in amounts)]
        for row in result.balances.to_dicts()
    ]
    told = table(
        ["strategy", "venue", "currency", "in the beginning", "in the end", "change", "borrowed at most"], rows, texts=3
    )
    return f"<h3>Balances</h3>{told}" if told else ""


def _by_currency(result: RunRecord) -> str:
    """Return what the run came to by settlement currency, where it is reported in another one."""
    if result.reported is None:
        return ""
    target = result.reported["currency"]
    names = ("gross_pnl", "fees", "funding", "interest", "net_pnl", "turnover")
    rows = [
        [
            total["currency"],
            *(_money(total[name]) for name in names),
            rate_text(told, target) if (told := result.rates.get(total["currency"])) else "",
        ]
        for total in result.totals
    ]
    heads = ["currency", "gross profit", "fees", "funding", "interest", "net profit", "turnover", "1 of it in the end"]
    return "<h3>By currency</h3>" + table(heads, rows)


def _share(result: RunRecord, instrument: str) -> str:
    share = result.volumes.get(instrument, {}).get("share")
    return "n/a" if share is None else _percent(share)


def _reported_in(result: RunRecord, currency: str) -> str:
    """Return the reporting currency with what amounts of others are worth in it."""
    worth = (f"1 {name} = {rate_text(told, currency)}" for name, told in result.rates.items())
    return "; ".join([currency, *worth])


def _settings(result: RunRecord) -> str:
    bases, sources = Counter(result.fill_basis.values()), Counter(result.mark_source.values())
    rows = [
        ("seed", str(result.seed)),
        *(() if result.reported is None else [("reported in", _reported_in(result, result.reported["currency"]))]),
        ("filled against", ", ".join(f"{basis} ({counted(times, 'instrument')})" for basis, times in bases.items())),
        ("valued at", ", ".join(f"{source} ({counted(times, 'instrument')})" for source, times in sources.items())),
        *((f"venue {venue.name}", repr(venue)) for venue in result.venues),
        *(
            (f"fees of {spec.id}", f"maker {spec.maker_fee_bps} bps, taker {spec.taker_fee_bps} bps")
            for spec in result.instruments[:20]
        ),
        ("events", f"{result.events:,} in {result.wall_s:.2f} s"),
        ("digest", result.digest),
    ]
    return definitions(rows) + "<h3>Taken for granted</h3>" + listed(_ASSUMED)
