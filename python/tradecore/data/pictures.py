"""A recording as a picture: price, spread, message rate, latency and gaps over time. Only imported for one."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import matplotlib
import matplotlib.dates
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from tradecore._core import Instrument

__all__ = ["page"]

_BID, _ASK, _LINE, _BAD = "#1a9c5b", "#d64545", "#2f6fb5", "#d64545"


def page(stretches: Mapping[str, Any], report: Mapping[str, Any], instrument: Instrument) -> str:
    """Return a page in HTML with nothing outside of it.

    Parameters
    ----------
    stretches : mapping
        Of :class:`~tradecore._core.Survey`.
    report : mapping
        Of :func:`~tradecore.data.check.check_files`.
    instrument : Instrument
        Whose increments prices are in.
    """
    said = [("problem", text) for text in report["problems"]] or [("fine", "no problems")]
    said += [("note", text) for text in report["notes"]]
    items = "".join(f'<li class="{kind}">{escape(text)}</li>' for kind, text in said)
    files = ", ".join(map(str, report["files"]))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(instrument.id)}</title>\n<style>'
        "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:1150px;padding:0 1em;color:#222}"
        ".problem{color:#b02a2a;font-weight:600}.fine{color:#1a7c4b}.note{color:#555}svg{width:100%;height:auto}"
        f"small{{color:#666}}</style></head>\n<body><h1>{escape(instrument.id)}</h1><small>{escape(files)}</small>"
        f"<ul>{items}</ul>\n{_svg(_draw(stretches, report, instrument))}</body></html>\n"
    )


def _svg(figure: Figure) -> str:
    out = io.StringIO()
    # Left to itself an SVG holds the time of writing and names made up anew each time.
    with matplotlib.rc_context({"svg.hashsalt": "tradecore"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()[out.getvalue().index("<svg") :]


def _draw(stretches: Mapping[str, Any], report: Mapping[str, Any], instrument: Instrument) -> Figure:
    figure = Figure(figsize=(11, 12), layout="constrained")
    FigureCanvasSVG(figure)
    price, spread, rate, latency, gaps = figure.subplots(5, 1, sharex=True, height_ratios=[3, 1.6, 1.6, 1.6, 1])
    days = np.array(stretches["ts"], np.int64) / 86_400e9  # which is what matplotlib calls a date
    tick = float(instrument.price_increment)
    seconds = stretches["width_ns"] / 1e9
    bid, ask, widest = (_numbers(stretches[name], tick) for name in ("bid", "ask", "widest"))
    price.step(days, ask, where="post", color=_ASK, linewidth=1, label="best ask")
    price.step(days, bid, where="post", color=_BID, linewidth=1, label="best bid")
    _name(price, f"price, {instrument.quote}", f"best prices ({_every(seconds)})")
    spread.plot(days, widest, color=_LINE, linewidth=0.9, marker=_dot(widest), label="widest")
    spread.axhline(0, color="grey", linewidth=0.8, linestyle=":")
    _name(spread, f"spread, {instrument.quote}", "spread; below or at 0 the book is crossed or locked")
    rate.fill_between(
        days, _numbers(stretches["messages"], 1 / seconds), color=_LINE, alpha=0.3, linewidth=0, step="post"
    )
    rate.step(days, _numbers(stretches["messages"], 1 / seconds), where="post", color=_LINE, linewidth=0.8, label="all")
    rate.step(days, _numbers(stretches["trades"], 1 / seconds), where="post", color=_ASK, linewidth=0.8, label="trades")
    _name(rate, "messages / s", "message rate")
    for name, label, colour in (("latency_max", "largest", _BAD), ("latency_mean", "mean", _LINE)):
        values = _numbers(stretches[name], 1e-6)
        seen = ~np.isnan(values)  # no message is no gap in a line
        latency.plot(days[seen], values[seen], color=colour, linewidth=0.8, marker=_dot(values), label=label)
    values = _numbers(stretches["latency_max"], 1e-6)
    if np.nanmax(values, initial=0) > 100 * max(1.0, abs(np.nanmedian(values)) if np.isfinite(values).any() else 1.0):
        latency.set_yscale("symlog")
    _name(latency, "latency, ms", "from the venue's stamp to the receipt")
    for name, label, colour, marker in (("gaps", "gaps", _BAD, "x"), ("crossed", "locked or crossed", _LINE, "|")):
        counts = np.array(stretches[name], np.int64)
        at = counts > 0
        gaps.scatter(days[at], counts[at], color=colour, marker=marker, s=30, label=f"{counts.sum():,} {label}")
    gaps.set_ylim(0, max(1, gaps.get_ylim()[1]))
    gaps.yaxis.get_major_locator().set_params(integer=True)
    _name(gaps, "how many", "gaps in the book, and messages that leave it locked or crossed")
    for axes in (price, spread, rate, latency, gaps):
        axes.grid(alpha=0.25)
        axes.margins(x=0.01)
        for edge in ("top", "right"):
            axes.spines[edge].set_visible(False)
    locator = matplotlib.dates.AutoDateLocator(tz="UTC")  # type: ignore[no-untyped-call]
    gaps.xaxis.set_major_locator(locator)
    gaps.xaxis.set_major_formatter(matplotlib.dates.ConciseDateFormatter(locator, tz="UTC"))  # type: ignore[no-untyped-call]
    gaps.set_xlabel("UTC, by receipt")
    return figure


def _numbers(values: Sequence[float | None], unit: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return values times a unit, NaN where there is none."""
    return np.array([np.nan if value is None else value for value in values], np.float64) * unit


def _dot(values: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    """Return how points are marked: a few that no line joins would not be seen."""
    return "." if np.isfinite(values).sum() < 50 else ""


def _every(seconds: float) -> str:
    return f"one point for {seconds:.3g} s" if seconds >= 0.001 else f"one point for {seconds * 1e6:.3g} us"


def _name(axes: Axes, unit: str, title: str) -> None:
    axes.set_ylabel(unit)
    axes.set_title(title, loc="left", fontsize=10)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), fontsize=8, frameon=False, ncols=3)
