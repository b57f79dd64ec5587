"""How long things take, as it is shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tradecore.histogram import Histogram

__all__ = ["merged", "shown"]

_WANTED = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """Return the sum of histograms of equal bounds, a copy."""
    total = Histogram()
    for one in histograms:
        total.sum += one.sum
        total.counts = [ours + theirs for ours, theirs in zip(total.counts, one.counts, strict=True)]
    return total


def shown(histogram: Histogram) -> dict[str, Any]:
    """Return percentiles and buckets, in seconds: a percentile is the upper bound of its bucket, None above all."""
    bounds: list[float | None] = [*histogram.bounds, None]
    quantiles = {label: histogram.quantile(q) for label, q in _WANTED.items()}
    return {
        "count": histogram.count,
        "unit": "s",
        "sum": histogram.sum,
        **{label: value if value != float("inf") else None for label, value in quantiles.items()},
        "buckets": [[bound, count] for bound, count in zip(bounds, histogram.counts, strict=True) if count],
    }
