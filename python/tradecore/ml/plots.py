"""A model as a picture. Only imported where matplotlib is asked for."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import matplotlib.dates
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tradecore.ml.training import TrainedModel

__all__ = ["picture"]

_GAIN, _LOSS, _LINE = "#1a9c5b", "#d64545", "#2f6fb5"
_POINTS = 2_000
_BARS = 15
"""Features that are shown."""


def picture(model: TrainedModel) -> bytes:
    """Return a PNG: how the signals did over time, by day and by confidence, and what the features are worth."""
    figure = Figure(figsize=(11, 7.5), layout="constrained")
    FigureCanvasAgg(figure)
    (curve, days), (confidence, importance) = figure.subplots(2, 2)
    _curve(curve, model)
    _days(days, model)
    _confidence(confidence, model)
    _importance(importance, model)
    for axes in (curve, days, confidence, importance):
        axes.grid(alpha=0.25)
        axes.set_axisbelow(True)
        for edge in ("top", "right"):
            axes.spines[edge].set_visible(False)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=100, metadata={"Software": None})
    return out.getvalue()


def _empty(axes: Axes, why: str) -> None:
    axes.text(0.5, 0.5, why, ha="center", va="center", transform=axes.transAxes, color="grey")
    axes.set_xticks([])
    axes.set_yticks([])


def _curve(axes: Axes, model: TrainedModel) -> None:
    axes.set_title("return by the signal's sign, out of sample, before costs", loc="left", fontsize=10)
    ts, earned = model.curve
    if not len(ts):
        _empty(axes, "no returns are known")
        return
    shown = np.unique(np.linspace(0, len(ts) - 1, min(len(ts), _POINTS)).astype(np.int64))
    axes.plot(ts[shown] / 86_400e9, earned[shown] * 1e4, color=_LINE, linewidth=1.2)
    axes.axhline(0, color="grey", linewidth=0.8, linestyle=":")
    axes.set_ylabel("sum over samples, bps")
    locator = matplotlib.dates.AutoDateLocator(tz="UTC")  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(matplotlib.dates.ConciseDateFormatter(locator, tz="UTC"))  # type: ignore[no-untyped-call]


def _days(axes: Axes, model: TrainedModel) -> None:
    axes.set_title("information coefficient by day, Spearman", loc="left", fontsize=10)
    days = [row for row in model.metrics["information_coefficient"]["days"] if row["spearman"] is not None]
    if not days:
        _empty(axes, "no day has one")
        return
    heights = [row["spearman"] for row in days]
    axes.bar(range(len(days)), heights, color=[_GAIN if height > 0 else _LOSS for height in heights], width=0.7)
    axes.axhline(0, color="grey", linewidth=0.8)
    marks = np.unique(np.linspace(0, len(days) - 1, min(len(days), 6)).astype(int)).tolist()
    names = [f"{datetime.fromtimestamp(days[mark]['day'] * 86_400, tz=UTC):%Y-%m-%d}" for mark in marks]
    axes.set_xticks(marks, names, fontsize=8)


def _confidence(axes: Axes, model: TrainedModel) -> None:
    axes.set_title("hit rate by confidence", loc="left", fontsize=10)
    buckets = model.metrics["confidence"]
    if not buckets:
        _empty(axes, "no signal has a sign")
        return
    axes.bar(range(len(buckets)), [bucket["hit_rate"] for bucket in buckets], color=_LINE, width=0.7)
    axes.axhline(0.5, color=_LOSS, linewidth=1, linestyle="--")
    names = [f"{bucket['from']:.3g} to\n{bucket['to']:.3g}" for bucket in buckets]
    axes.set_xticks(range(len(buckets)), names, fontsize=8)
    axes.set_xlabel("|signal|, as many samples each")
    axes.set_ylim(0, 1)


def _importance(axes: Axes, model: TrainedModel) -> None:
    axes.set_title("permutation importance on the tests", loc="left", fontsize=10)
    known = [row for row in model.importance if row["permutation"] is not None]
    known = sorted(known, key=lambda row: float(row["permutation"]))[-_BARS:]
    if not known:
        _empty(axes, "was not asked for")
        return
    axes.barh(
        [_short(row["feature"]) for row in known],
        [row["permutation"] for row in known],
        xerr=[row["permutation_std"] for row in known],
        color=_LINE,
        ecolor="grey",
    )
    axes.axvline(0, color="grey", linewidth=0.8)
    axes.set_xlabel("loss added when it is shuffled")


def _short(name: str) -> str:
    # A dollar would begin mathematics.
    return (name if len(name) <= 28 else f"{name[:27]}…").replace("$", r"\$")
