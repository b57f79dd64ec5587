"""A run as a card for notebooks: HTML with its own styles and a line of equity, no scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from tradecore.backtest.text import (
    Facts,
    amount,
    counted,
    digest_text,
    failure_text,
    period_text,
    ratio_text,
    rejected_text,
)

__all__ = ["POINTS", "card"]

POINTS = 200
"""Points a line of equity has at most."""

_WIDTH, _HEIGHT = 600, 80
_GAIN, _LOSS = "#1a9c5b", "#d64545"
"""Both are read on white and on black."""
_MUTED = "opacity:.65"
_NOTES = 8
"""Notes and failures that are shown."""


def card(facts: Facts, equity: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Return the card.

    Parameters
    ----------
    facts : Facts
    equity : mapping
        By currency, times (ns) with the equity then; at most :data:`POINTS`.
    """
    state = "interrupted" if facts.interrupted else f"{len(facts.failures)} failed" if facts.failures else ""
    badge = f'<span style="color:{_LOSS};font-weight:600">{escape(state)}</span>' if state else ""
    parts = [
        '<div style="display:inline-block;min-width:34em;max-width:48em;padding:.9em 1.1em;border-radius:8px;'
        "border:1px solid rgba(128,128,128,.4);color:inherit;background:transparent;"
        'font:14px/1.45 system-ui,sans-serif">',
        f'<div style="display:flex;justify-content:space-between"><b>Backtest</b>{badge}</div>',
    ]
    stats = facts.stats
    maker = "" if stats.maker_share is None else f"{stats.maker_share:.1%} maker"
    counts = _tile("orders / fills", f"{stats.orders:,} / {stats.fills:,}", maker)
    for number, total in enumerate(facts.totals):
        tiles = [*_money(total), *([counts] if number == 0 else [])]
        parts.append(f'<div style="display:flex;flex-wrap:wrap;gap:.5em 1.8em;margin:.5em 0">{"".join(tiles)}</div>')
        parts.append(_line(equity.get(total["currency"], ()), total["currency"]))
    parts.append(f'<div style="{_MUTED}">events {escape(period_text(stats))}</div>')
    remarks = list(_remarks(facts))
    parts += [f'<div style="margin-top:.3em">{text}</div>' for text in remarks[:_NOTES]]
    if len(remarks) > _NOTES:
        parts.append(f'<div style="{_MUTED}">and {len(remarks) - _NOTES:,} more: print the result</div>')
    parts.append(f'<div style="{_MUTED};font-size:12px">digest <code>{escape(digest_text(facts.digest))}</code></div>')
    return "".join([*parts, "</div>"])


def _money(total: Mapping[str, Any]) -> Iterator[str]:
    """Yield the tiles of one currency."""
    currency, net = total["currency"], total["net_pnl"]
    sharpe, said = _split(ratio_text(total["sharpe"], total["sharpe_why"], total["sharpe_period_ns"]))
    yield _tile("net profit", f"{amount(net)} {currency}", colour=_GAIN if net >= 0 else _LOSS)
    yield _tile("max drawdown", f"{amount(total['max_drawdown'])} {currency}")
    yield _tile("fees", f"{amount(total['fees'])} {currency}")
    yield _tile("Sharpe ratio", sharpe, said)


def _tile(label: str, text: str, said: str = "", colour: str = "inherit") -> str:
    return (
        f'<div style="max-width:14em"><div style="{_MUTED};font-size:12px">{escape(label)}</div>'
        f'<div style="font-size:17px;font-weight:600;color:{colour}">{escape(text)}</div>'
        f'<div style="{_MUTED};font-size:11px">{escape(said)}</div></div>'
    )


def _split(text: str) -> tuple[str, str]:
    head, _, tail = text.partition(" (")
    return head, tail.removesuffix(")")


def _remarks(facts: Facts) -> Iterator[str]:
    for name, traceback in facts.failures.items():
        yield f'<b style="color:{_LOSS}">{escape(name)} failed</b> {escape(failure_text(name, traceback))}'
    if facts.stats.rejected:
        yield f"rejected {escape(rejected_text(facts.stats))}"
    for note in facts.notes:
        yield escape(note)
    empty = sum(not row["fills"] for row in facts.positions)
    if empty:
        yield f'<span style="{_MUTED}">{escape(counted(empty, "position"))} without fills</span>'


def _line(samples: Sequence[tuple[int, float]], currency: str) -> str:
    """Draw equity over time, with the line of 0."""
    if len(samples) < 2:
        return ""
    first, last = samples[0][0], samples[-1][0]
    low, high = min(0.0, *(value for _, value in samples)), max(0.0, *(value for _, value in samples))
    span, height = (last - first) or 1, (high - low) or 1.0

    def y(value: float) -> float:
        return _HEIGHT - 4 - (_HEIGHT - 8) * (value - low) / height

    points = [f"{_WIDTH * (ts - first) / span:.1f},{y(value):.1f}" for ts, value in samples]
    zero = f"{y(0.0):.1f}"
    colour = _GAIN if samples[-1][1] >= 0 else _LOSS
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="100%" height="{_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="equity in {escape(currency)}" style="display:block;margin:.3em 0">'
        f'<polygon points="0,{zero} {" ".join(points)} {_WIDTH},{zero}" fill="{colour}" fill-opacity=".15"/>'
        f'<line x1="0" y1="{zero}" x2="{_WIDTH}" y2="{zero}" stroke="currentColor" stroke-opacity=".4" '
        'stroke-dasharray="4 4" vector-effect="non-scaling-stroke"/>'
        f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="1.6" '
        'vector-effect="non-scaling-stroke"/></svg>'
    )
