"""The page of a run: what it made, of what, where its orders stood, and what it took for granted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tradecore._core import Instrument, format_duration_ns
from tradecore.backtest.attribution import PARTS
from tradecore.backtest.comparison import compared
from tradecore.backtest.notes import moments_text
from tradecore.backtest.page_fills import latencies_told, markouts_told, quality_told
from tradecore.backtest.page_frames import PageFrames, bad_times
from tradecore.backtest.page_market import (
    EventSource,
    Span,
    book_drawn,
    candles_drawn,
    inventory_drawn,
    market_drawn,
)
from tradecore.backtest.page_orders import executions_told, limits_told
from tradecore.backtest.performance import Curve, RunPerformance
from tradecore.backtest.stats import bps_of
from tradecore.backtest.text import (
    counted,
    failure_text,
    instruments_by,
    percent,
    rate_text,
    rounded,
    some,
    span_text,
)
from tradecore.report.charts import Bar, Chart, Layer, bars, number
from tradecore.report.page import Section, Tile, definitions, listed, page, table, tiles

if TYPE_CHECKING:
    from tradecore.backtest.record import RunRecord

__all__ = ["report_page"]

_INSTRUMENTS = 4
"""Instruments with charts of their own: those with most fills."""
_LISTED = 20
"""Moments of a kind that are listed."""
_LABELS = {
    "spread": "spread captured",
    "adverse_selection": "adverse selection",
    "inventory": "inventory",
    "fees": "fees",
    "funding": "funding",
    "interest": "interest",
}
_ASSUMED = (
    "Orders that rest are filled by the queue model of their venue: a model, not the queue that was there.",
    "Positions that are open in the end are valued at their mark, as if they could be closed there for nothing.",
)


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
    tables = PageFrames.of(result)
    shown = _busiest(result)
    sections = [
        Section("figures", "Figures", "".join(map(_figures, repeat(result), told, result._leading))),
        Section("comparison", "Compared", compared([(title, result), *against.items()]) if against else ""),
        Section("warnings", "Warnings", listed(_warnings(result), "warn") + _moments(result)),
        Section("equity", "Equity and drawdown", "".join(map(_equity, result._leading_curves.items()))),
        Section("attribution", "Where the profit came from", _attribution(result, tables)),
        Section("market", "Price, quotes and fills", "".join(market_drawn(spec, result, tables) for spec in shown)),
        Section("book", "Order book", "".join(book_drawn(spec, result, tables, data, zoom) for spec in shown[:1])),
        Section("inventory", "Inventory", "".join(inventory_drawn(spec, tables) for spec in shown)),
        Section("markouts", "After the fills", markouts_told(tables)),
        Section("quality", "Fills and queue", quality_told(tables, shown)),
        Section("latency", "Latencies", latencies_told(tables)),
        Section("signals", "Signals", _signals(result)),
        Section("candles", "Candles", "".join(candles_drawn(spec, result) for spec in shown)),
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


def _figures(result: RunRecord, told: RunPerformance, total: Mapping[str, Any]) -> str:
    """Return the tiles of one currency."""
    currency, stats, returns = told.currency, result.stats, told.returns

    def money(label: str, value: Decimal | float, *, signed: bool = False, note: str = "") -> Tile:
        tone = ("gain" if value > 0 else "loss" if value < 0 else "") if signed else ""
        return Tile(label, f"{_money(value)} {currency}", note, tone)

    def ratio(label: str, name: str, text: Callable[[float], str] = "{:,.2f}".format, note: str = "") -> Tile:
        if returns is None:
            return Tile(label, f"n/a ({told.why['returns']})")
        value = getattr(returns, name)
        return Tile(label, f"n/a ({returns.why[name]})" if value is None else text(value), note)

    def share(label: str, name: str, shape: str, note: str = "") -> Tile:
        value = getattr(told, name)
        return Tile(label, f"n/a ({told.why[name]})" if value is None else shape.format(value), note)

    def of(value: float) -> str:
        return f"{_money(value)} {currency}" if told.capital is None else f"{value:.2%}"

    grid = f"{format_duration_ns(told.period_ns)} changes, year of 365 days"
    bounds = [
        Tile("net profit, by bounds", f"{_money(low)} to {_money(high)} {currency}", "the kindest and harshest rule")
        for name, (low, high) in result._bounds_of().items()
        if name == currency
    ]
    figures = [
        money("net profit", total["net_pnl"], signed=True, note=_bps(total)),
        *bounds,
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
    bps = bps_of(total["net_pnl"], total["turnover"])
    return "" if bps is None else f"{bps:.3g} bps of turnover"


def _maker(share: float | None) -> str:
    return "" if share is None else f"{share:.1%} maker"


def _money(value: Decimal | float) -> str:
    """Return an amount with as many decimals as say something."""
    size = abs(float(value))
    if size == 0:
        return "0"
    places = 0 if size >= 1e6 else 2 if size >= 100 else 4 if size >= 0.01 else 8
    return rounded(value, f",.{places}f")


def _warnings(result: RunRecord) -> Iterator[str]:
    for name, traceback in result.failures.items():
        yield f"{name} failed: {failure_text(name, traceback)}"
    if result.interrupted:
        yield "The run was interrupted: the data was not read to its end."
    yield from (f"{note[:1].upper()}{note[1:]}." for note in result.notes)
    for name, told in result.crossings.items():
        yield f"The book of {name} was locked or crossed {moments_text(told)}."
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
    for what, found in bad_times(result).items():
        for name, moments in found.items():
            for begin, end in moments[:_LISTED]:
                since = datetime.fromtimestamp(begin // 1_000_000_000, UTC)
                rows.append((begin, [name, what, f"{since:%Y-%m-%d %H:%M:%S}", span_text(end - begin)]))
    return table(["instrument", "in the data", "from (UTC)", "for"], [row for _, row in sorted(rows)], texts=3, most=20)


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


def _attribution(result: RunRecord, tables: PageFrames) -> str:
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
            _share(result, row),
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


def _share(result: RunRecord, row: Mapping[str, Any]) -> str:
    """Return what a strategy filled of all that an instrument traded."""
    traded = result.volumes.get(row["instrument"], {}).get("traded")
    return percent(row["volume"] / float(traded)) if traded else "n/a"


def _reported_in(result: RunRecord, currency: str) -> str:
    """Return the reporting currency with what amounts of others are worth in it."""
    worth = (f"1 {name} = {rate_text(told, currency)}" for name, told in result.rates.items())
    return "; ".join([currency, *worth])


def _reaction(result: RunRecord) -> str:
    """Return whether the market reacts to the orders of a run."""
    moved = [venue.name for venue in result.venues if venue.impact is not None]
    if not moved:
        return "The market does not react to the orders of the run."
    return f"The market does not react to the orders of the run, but for the law of impact at {some(moved)}."


def _settings(result: RunRecord) -> str:
    rows = [
        ("seed", str(result.seed)),
        *(() if result.reported is None else [("reported in", _reported_in(result, result.reported["currency"]))]),
        ("filled against", instruments_by(result.fill_basis)),
        ("valued at", instruments_by(result.mark_source)),
        *((f"venue {venue.name}", repr(venue)) for venue in result.venues),
        *(
            (f"fees of {spec.id}", f"maker {spec.maker_fee_bps} bps, taker {spec.taker_fee_bps} bps")
            for spec in result.instruments[:20]
        ),
        ("events", f"{result.events:,} in {result.wall_s:.2f} s"),
        ("digest", result.digest),
    ]
    return definitions(rows) + "<h3>Taken for granted</h3>" + listed((_reaction(result), *_ASSUMED))
