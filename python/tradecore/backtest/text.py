"""A run as text: a line, and a table that stays a screen however much was traded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

from tradecore._core import format_duration_ns, format_span_ns
from tradecore.backtest.stats import EXACT, Stats, net_of
from tradecore.errors import StrategyError
from tradecore.text import printable
from tradecore.venue import SimVenue

__all__ = [
    "Facts",
    "amount",
    "digest_text",
    "instruments_by",
    "line",
    "percent",
    "period_text",
    "plain",
    "rate_text",
    "ratio_text",
    "some",
    "span_text",
    "table",
]

_SHOWN = 10
"""Rows of a kind that are shown: positions, venues, failures."""
_CHANGES = 4
"""Leads of a clock that are shown."""
_PLACES = 8
"""Decimals of money that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is told of a run; fields are as in :class:`Result <tradecore.Result>`."""

    stats: Stats
    totals: Sequence[Mapping[str, Any]]
    by_currency: Sequence[Mapping[str, Any]]
    """By settlement currency, where ``totals`` are in another one."""
    rates: Mapping[str, Mapping[str, Any]]
    positions: Sequence[Mapping[str, Any]]
    bounds: Mapping[str, tuple[Decimal, Decimal]]
    fill_basis: Mapping[str, str]
    mark_source: Mapping[str, str]
    volumes: Mapping[str, Mapping[str, Any]]
    granularity_ms: Mapping[str, float]
    clock_leads: Mapping[str, Sequence[tuple[int | None, int]]]
    venues: Sequence[SimVenue]
    failures: Mapping[str, str]
    notes: Sequence[str]
    interrupted: bool
    digest: str


def plain(value: Decimal) -> str:
    """Return a decimal's text without an exponent or trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def rounded(value: Decimal | float, form: str) -> str:
    """Return a number in a form, whatever rounding of decimals another library in the process has set."""
    with localcontext(EXACT):
        return format(value, form)


def amount(value: Decimal | float) -> str:
    """Return a number for people: thousands apart, at most eight decimals."""
    if value and abs(value) < 10**-_PLACES * 100:
        return f"{float(value):.3g}"
    text = rounded(value, f",.{_PLACES}f").rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def digest_text(digest: str) -> str:
    """Return as much of a digest as tells runs apart at a glance."""
    return digest[:12]


def ratio_text(value: float | None, why: str | None, period_ns: int | None) -> str:
    """Return an annualised ratio as text, or why there is none."""
    if value is None or period_ns is None:
        return f"n/a ({why})"
    return f"{value:.2f} (annualised, {format_duration_ns(period_ns)} changes)"


def period_text(stats: Stats) -> str:
    """Return how much data was processed, from when, in what time."""
    span = ""
    if stats.start_ns is not None and stats.span_ns is not None:
        start = datetime.fromtimestamp(stats.start_ns // 1_000_000_000, tz=UTC)
        span = f" over {timedelta(seconds=round(stats.span_ns / 1e9))} from {start:%Y-%m-%d %H:%M:%S} UTC"
    return f"{stats.events:,}{span}, in {stats.wall_s:.2f} s"


def rejected_text(stats: Stats) -> str:
    """Return how many orders were rejected, and why."""
    count = sum(stats.rejected.values())
    reasons = sorted(stats.rejected.items(), key=lambda item: (-item[1], item[0]))
    if len(reasons) == 1:
        return f"{count:,} ({reasons[0][0]})"
    return f"{count:,} ({', '.join(f'{reason} {times:,}' for reason, times in reasons)})"


def failure_text(name: str, traceback: str) -> str:
    """Return what a strategy failed of, on one line."""
    return StrategyError(name, traceback).problem


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def instruments_by(values: Mapping[str, str]) -> str:
    """Return what instruments have, by id, as each of it with how many have it."""
    return ", ".join(f"{value} ({counted(times, 'instrument')})" for value, times in Counter(values.values()).items())


def rate_text(told: Mapping[str, Any], currency: str) -> str:
    """Return what one of another currency was worth in the end, and what said so."""
    worth = "not known" if told["rate"] is None else f"{amount(told['rate'])} {currency}"
    return f"{worth} ({', '.join(told['by'])})"


def percent(value: float) -> str:
    """Return a fraction as a percentage."""
    return f"{value:.2%}" if abs(value) < 1 else f"{value:.0%}"


def span_text(ns: int | None) -> str:
    """Return a length of time as people say it: the two largest units that are not 0."""
    if ns is None:
        return "no data"
    return format_span_ns(ns)


def line(facts: Facts) -> str:
    """Return the run on one line."""
    money = [
        f"net {amount(total['net_pnl'])} {total['currency']}, drawdown {amount(total['max_drawdown'])}"
        for total in facts.totals
    ]
    parts = [*money, counted(facts.stats.orders, "order"), counted(facts.stats.fills, "fill")]
    if facts.failures:
        parts.append(f"failed: {some(list(facts.failures))}")
    if facts.interrupted:
        parts.append("interrupted")
    return f"<Result {', '.join(parts)}, digest {digest_text(facts.digest)}>"


def table(facts: Facts) -> str:
    """Return the run as lines of label and text."""
    rows = [*_figures(facts), *_positions(facts), *_volumes(facts), *_circumstances(facts)]
    width = max(len(label) for label, _ in rows)
    return "\n".join(printable(f"{label:<{width}}  {text}").rstrip() for label, text in rows)


def some(names: Sequence[str]) -> str:
    """Return the first few names, and how many there are beside them."""
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _figures(facts: Facts) -> Iterator[tuple[str, str]]:
    stats = facts.stats
    for total in facts.totals:
        currency = total["currency"]
        bps = "" if stats.net_pnl_bps is None else f" ({stats.net_pnl_bps:.3g} bps of turnover)"
        yield "net profit", f"{amount(total['net_pnl'])} {currency}{bps}"
        if currency in facts.bounds:
            low, high = facts.bounds[currency]
            yield "by bounds", f"{amount(low)} to {amount(high)} {currency}"
        yield "gross profit", f"{amount(total['gross_pnl'])} {currency}"
        yield "fees", f"{amount(total['fees'])} {currency}"
        for name in ("funding", "interest"):
            if total[name]:
                yield name, f"{amount(total[name])} {currency}"
        yield "turnover", f"{amount(total['turnover'])} {currency}"
        yield "max drawdown", f"{amount(total['max_drawdown'])} {currency}"
        period = total["sharpe_period_ns"]
        yield "Sharpe ratio", ratio_text(total["sharpe"], total["sharpe_why"], period)
        yield "Sortino ratio", ratio_text(total["sortino"], total["sortino_why"], period)
    for total in facts.by_currency:
        made = f"net {amount(total['net_pnl'])} {total['currency']}, fees {amount(total['fees'])}"
        yield f"in {total['currency']}", f"{made}, turnover {amount(total['turnover'])}"
    for name, told in facts.rates.items():
        yield f"1 {name}", rate_text(told, facts.totals[0]["currency"])
    maker = "" if stats.maker_share is None else f", {stats.maker_share:.1%} maker"
    yield "orders / fills", f"{stats.orders:,} / {stats.fills:,}{maker}"
    if stats.rejected:
        yield "rejected", rejected_text(stats)


def _positions(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield those with most fills, and how many there are beside them."""
    filled = sorted((row for row in facts.positions if row["fills"]), key=lambda row: -row["fills"])
    for row in filled[:_SHOWN]:
        net = amount(net_of(row))
        text = f"position {plain(row['qty'])}, {counted(row['fills'], 'fill')}, net {net}"
        yield f"{row['strategy']} {row['instrument']}", text
    rest = []
    if len(filled) > _SHOWN:
        rest.append(f"{len(filled) - _SHOWN:,} more with fewer fills")
    if empty := len(facts.positions) - len(filled):
        rest.append(f"{empty:,} more without fills" if filled else f"{counted(empty, 'position')} without fills")
    if rest:
        yield "", f"and {', '.join(rest)}" if filled else rest[0]


def _volumes(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield the largest shares of what was traded."""
    filled = [(name, volume) for name, volume in facts.volumes.items() if volume["filled"]]
    filled.sort(key=lambda item: -(item[1]["share"] or 0))
    for number, (name, volume) in enumerate(filled[:_SHOWN]):
        of = "no trades in the data" if volume["share"] is None else f"{volume['share']:.2%}"
        yield "" if number else "volume share", f"{name}: {of}"
    if len(filled) > _SHOWN:
        yield "", f"and {len(filled) - _SHOWN:,} instruments more with smaller shares"


def _leads_text(leads: Sequence[tuple[int | None, int]]) -> str:
    """Return how far a clock ran ahead, and what came of it."""
    told = [f"taken to run {leads[0][1] / 1e9:.6f} s ahead of ours"]
    for begin, lead in leads[1:_CHANGES]:
        since = datetime.fromtimestamp((begin or 0) // 1_000_000_000, tz=UTC)
        told.append(f"{lead / 1e9:.6f} s from {since:%Y-%m-%d %H:%M} UTC on")
    if len(leads) > _CHANGES:
        told.append(f"{len(leads) - _CHANGES:,} changes more up to {max(lead for _, lead in leads) / 1e9:.6f} s")
    return ", ".join(told)


def _fineness(facts: Facts, name: str) -> str:
    """Return how fine the book of an instrument was, if it had one."""
    if (ms := facts.granularity_ms.get(name)) is None:
        return ""
    return f" (a message in {ms:.3g} ms)" if ms else " (every event)"


def _circumstances(facts: Facts) -> Iterator[tuple[str, str]]:
    if len(facts.fill_basis) <= 3:
        bases = (f"{name}: {basis}{_fineness(facts, name)}" for name, basis in facts.fill_basis.items())
        yield "filled against", ", ".join(bases)
    else:
        counts = Counter(facts.fill_basis.values())
        yield "filled against", ", ".join(f"{basis} for {times:,} instruments" for basis, times in counts.items())
    if set(facts.mark_source.values()) - {"mid"}:
        yield "valued at", instruments_by(facts.mark_source)
    for venue in facts.venues[:_SHOWN]:
        profile = f"profile {venue.based_on}, " if venue.based_on else ""
        margin = "" if venue.margin == "off" else f", {venue.margin} margin, leverage {venue.leverage}"
        impact = "" if venue.impact is None else f", impact {venue.impact}"
        yield f"venue {venue.name}", f"{profile}{venue.latency!r}, queue {venue.queue}{margin}{impact}"
    if len(facts.venues) > _SHOWN:
        yield "", f"and {len(facts.venues) - _SHOWN:,} venues more"
    for name, leads in list(facts.clock_leads.items())[:_SHOWN]:
        yield f"clock of {name}", _leads_text(leads)
    yield "events", period_text(facts.stats)
    for note in facts.notes:
        yield "note", note
    for name, traceback in list(facts.failures.items())[:_SHOWN]:
        yield f"{name} failed", failure_text(name, traceback)
    if len(facts.failures) > _SHOWN:
        yield "", f"and {len(facts.failures) - _SHOWN:,} strategies more"
    if facts.interrupted:
        yield "interrupted", "the data was not read to its end"
    yield "digest", digest_text(facts.digest)
