"""Charts as HTML and SVG without scripts: they stretch to the width of the page, their texts do not.

Lines lie in an SVG that is stretched; strokes keep their width, and a mark is a stroke without length. Labels of the
axes are text of the page beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Bar", "Chart", "Layer", "bars", "decimated", "number", "time_ticks", "value_ticks"]

_SIZE = 1_000
"""Width and height of the plane that is stretched."""
_POINTS = 1_600
"""Points of a line at most."""
_SECOND = 1_000_000_000
_STEPS_S = (
    *(1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200),
    *(86_400, 2 * 86_400, 7 * 86_400, 14 * 86_400, 30 * 86_400, 91 * 86_400, 365 * 86_400),
)
"""Distances of labels of time, s."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Something drawn in a chart: values over x, in the order of x."""

    x: NDArray[Any]
    y: NDArray[Any]
    kind: str = "line"
    """``line``, ``step``, ``area`` (to 0), ``dots``, ``squares``, ``spans`` (from x to ``to`` at y), ``ranges`` (from y
    to ``to`` at x) or ``bands`` (from x to ``to``, as high as the chart); spans and ranges also ``thin`` or ``wide``,
    marks also ``small``."""
    colour: str = "line"
    """A colour of the page: ``line, gain, loss, buy, sell, muted, second``."""
    name: str = ""
    to: NDArray[Any] | None = None


@dataclass(slots=True)
class Chart:
    """A chart of layers over one x axis."""

    title: str
    layers: Sequence[Layer]
    unit: str = ""
    """Of y."""
    height: int = 220
    """Pixels."""
    is_time: bool = True
    """Whether x is ns UTC; else the texts of ``ticks`` stand under it."""
    ticks: Sequence[tuple[float, str]] = ()
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    zero: bool = False
    """Whether 0 is a line of its own."""
    note: str = ""
    image: str = ""
    """A picture behind everything: an address of data."""

    def html(self) -> str:
        """Return the chart."""
        import numpy as np

        layers = [layer for layer in self.layers if len(layer.x)]
        if not layers and not self.image:
            return ""
        xs = [np.asarray(each, float) for layer in layers for each in _xs(layer)]
        ys = [np.asarray(each, float) for layer in layers for each in _ys(layer)]
        left, right = self.x_range or (min(x.min() for x in xs), max(x.max() for x in xs))
        low, high = self.y_range or _padded(
            min(float(np.nanmin(y)) for y in ys), max(float(np.nanmax(y)) for y in ys), zero=self.zero
        )
        if right <= left:
            right = left + max(1.0, abs(left) * 1e-9)

        def at_x(values: Any) -> Any:
            return (np.asarray(values, float) - left) / (right - left) * _SIZE

        def at_y(values: Any) -> Any:
            return (high - np.asarray(values, float)) / (high - low) * _SIZE

        rows = value_ticks(low, high)
        columns = time_ticks(int(left), int(right)) if self.is_time else list(self.ticks)
        grid = "".join(f'<path d="M0 {at_y(value):.1f}H{_SIZE}"/>' for value, _ in rows)
        grid += "".join(f'<path d="M{at_x(x):.1f} 0V{_SIZE}"/>' for x, _ in columns)
        zero = f'<path class="zero" d="M0 {at_y(0.0):.1f}H{_SIZE}"/>' if self.zero and low < 0 < high else ""
        drawn = "".join(_draw(layer, at_x, at_y, (left, right)) for layer in layers)
        side = "".join(f'<i style="top:{at_y(value) / 10:.2f}%">{escape(text)}</i>' for value, text in rows)
        foot = "".join(_foot(at_x(x) / 10, text) for x, text in columns)
        named = [layer for layer in layers if layer.name]
        legend = "".join(f'<b class="{_class(layer)}">{escape(layer.name)}</b>' for layer in named)
        picture = f'<img src="{self.image}" alt="{escape(self.title)}">' if self.image else ""
        data = f'data-x="{left!r},{right!r}" data-y="{low!r},{high!r}"' if self.is_time else ""
        unit = f" <small>{escape(self.unit)}</small>" if self.unit else ""
        note = f'<p class="note">{escape(self.note)}</p>' if self.note else ""
        dark = " dark" if self.image else ""
        return (
            f'<figure><figcaption>{escape(self.title)}{unit}<span class="legend">{legend}</span></figcaption>'
            f'<div class="plot{dark}" style="--h:{self.height}px" {data}><div class="side">{side}</div>'
            f'<div class="area">{picture}<svg viewBox="0 0 {_SIZE} {_SIZE}" preserveAspectRatio="none" role="img" '
            f'aria-label="{escape(self.title)}"><g class="grid">{grid}</g>{zero}{drawn}</svg></div>'
            f'<div class="foot{" many" if len(columns) > 6 else ""}">{foot}</div></div>{note}</figure>'
        )


def _xs(layer: Layer) -> Iterator[Any]:
    yield layer.x
    if layer.kind.startswith(("spans", "bands")) and layer.to is not None:
        yield layer.to


def _ys(layer: Layer) -> Iterator[Any]:
    if layer.kind == "bands":
        return
    yield layer.y
    if layer.kind.startswith("ranges") and layer.to is not None:
        yield layer.to


def _class(layer: Layer) -> str:
    return f"{layer.kind} c-{layer.colour}"


def _foot(percent: float, text: str) -> str:
    # Labels at the ends would hang out of the picture.
    shift = "0" if percent < 4 else "-100%" if percent > 96 else "-50%"
    return f'<i style="left:{percent:.2f}%;transform:translateX({shift})">{escape(text)}</i>'


def _draw(layer: Layer, at_x: Any, at_y: Any, span: tuple[float, float]) -> str:
    """Return the paths of a layer."""
    import numpy as np

    kind = _class(layer)
    if layer.kind.split()[0] in ("spans", "ranges") and layer.to is not None:
        if layer.kind.startswith("spans"):
            begin, end, y = at_x(layer.x), at_x(layer.to), at_y(layer.y)
            parts = [f"M{a:.1f} {b:.1f}H{c:.1f}" for a, b, c in zip(begin, y, end, strict=True)]
        else:
            x, top, bottom = at_x(layer.x), at_y(layer.to), at_y(layer.y)
            parts = [f"M{a:.1f} {b:.1f}V{c:.1f}" for a, b, c in zip(x, top, bottom, strict=True)]
        return f'<path class="{kind}" d="{"".join(parts)}"/>'
    if layer.kind == "bands" and layer.to is not None:
        parts = [f"M{a:.1f} 0H{b:.1f}V{_SIZE}H{a:.1f}Z" for a, b in zip(at_x(layer.x), at_x(layer.to), strict=True)]
        return f'<path class="{kind}" d="{"".join(parts)}"/>'
    if layer.kind.split()[0] in ("dots", "squares"):
        marks = dict.fromkeys(f"M{a:.1f} {b:.1f}h0" for a, b in zip(at_x(layer.x), at_y(layer.y), strict=True))
        return f'<path class="{kind}" d="{"".join(marks)}"/>'
    keep = decimated(np.asarray(layer.y, float), _POINTS)
    x, y = at_x(layer.x[keep]), at_y(layer.y[keep])
    if layer.kind == "step":
        end = at_x(span[1])
        body = "".join(f"H{a:.1f}V{b:.1f}" for a, b in zip(x[1:], y[1:], strict=True))
        return f'<path class="{kind}" d="M{x[0]:.1f} {y[0]:.1f}{body}H{end:.1f}"/>'
    line = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
    if layer.kind == "area":
        zero = at_y(0.0)
        return f'<path class="{kind}" d="M{x[0]:.1f} {zero:.1f}L{line}L{x[-1]:.1f} {zero:.1f}Z"/>'
    return f'<path class="{kind}" d="M{line}"/>'


def decimated(values: NDArray[np.float64], points: int) -> NDArray[np.int64]:
    """Return the rows of at most so many points that draw the same line: its ends, lows and highs of every stretch."""
    import numpy as np

    count = len(values)
    if count <= points:
        return np.arange(count)
    stretches = points // 2 - 1
    edges = np.linspace(0, count, stretches + 1).astype(np.int64)[:-1]
    lows, highs = np.fmin.reduceat(values, edges), np.fmax.reduceat(values, edges)
    of = np.repeat(np.arange(stretches), np.diff(np.append(edges, count)))
    at_low, at_high = np.flatnonzero(values == lows[of]), np.flatnonzero(values == highs[of])
    first_low = at_low[np.unique(of[at_low], return_index=True)[1]]
    first_high = at_high[np.unique(of[at_high], return_index=True)[1]]
    kept: NDArray[np.int64] = np.unique(np.concatenate(([0, count - 1], first_low, first_high)))
    return kept


def _padded(low: float, high: float, *, zero: bool) -> tuple[float, float]:
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    space = (high - low) * 0.06 or abs(high) * 1e-4 or 1.0
    return low - space, high + space


def number(value: float, step: float | None = None) -> str:
    """Return a number for people: thousands apart, as many decimals as a step (or four digits) needs."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "n/a"
    places = max(0, -math.floor(math.log10(abs(step if step else value)) + 1e-9) + (0 if step else 3))
    if places > 9:
        return f"{value:.3g}"
    text = f"{value:,.{places}f}"
    return text if step or "." not in text else text.rstrip("0").rstrip(".")


def value_ticks(low: float, high: float, most: int = 5) -> list[tuple[float, str]]:
    """Return round values between two with their texts."""
    raw = (high - low) / most
    base = 10.0 ** math.floor(math.log10(raw))
    step = next(base * factor for factor in (1, 2, 5, 10) if base * factor >= raw * 0.999)
    first = math.ceil(low / step)
    return [(n * step, number(n * step, step)) for n in range(first, math.floor(high / step) + 1)]


def time_ticks(start: int, end: int, most: int = 5) -> list[tuple[float, str]]:
    """Return round times between two (ns UTC) with their texts."""
    seconds = max((end - start) / _SECOND, 1e-6)
    step_s = next((step for step in _STEPS_S if seconds / step <= most), _STEPS_S[-1])
    step = max(int(step_s * _SECOND), 1)
    style = (
        "%Y-%m-%d"
        if step_s >= 86_400
        else "%m-%d %H:%M"
        if seconds > 86_400
        else "%H:%M"
        if step_s >= 60
        else "%H:%M:%S"
    )
    ticks = []
    for ts in range(-(-start // step) * step, end + 1, step):
        text = datetime.fromtimestamp(ts // _SECOND, UTC).strftime(style)
        if step_s < 1:
            text = text[3:] + f".{ts % _SECOND:09d}"[: 1 + -math.floor(math.log10(step_s) + 1e-9)]
        ticks.append((float(ts), text))
    return ticks


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar with its label, and what is said at its end."""

    label: str
    value: float
    text: str
    is_total: bool = False


def bars(title: str, rows: Iterable[Bar], unit: str = "", note: str = "") -> str:
    """Return bars from 0 to the left and right, each with its label."""
    listed = list(rows)
    low, high = min(0.0, *(bar.value for bar in listed)), max(0.0, *(bar.value for bar in listed))
    span = (high - low) or 1.0
    body = []
    for bar in listed:
        begin, end = sorted((0.0, bar.value))
        colour = "muted" if bar.is_total and bar.value == 0 else "gain" if bar.value >= 0 else "loss"
        total = " total" if bar.is_total else ""
        body.append(
            f'<div class="bar{total}"><span>{escape(bar.label)}</span><div><u class="{colour}" style="left:'
            f'{(begin - low) / span * 100:.2f}%;width:{max((end - begin) / span * 100, 0.3):.2f}%"></u></div>'
            f"<span>{escape(bar.text)}</span></div>"
        )
    told = f" <small>{escape(unit)}</small>" if unit else ""
    said = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<figure><figcaption>{escape(title)}{told}</figcaption>{''.join(body)}{said}</figure>"
