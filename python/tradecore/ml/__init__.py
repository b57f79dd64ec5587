"""Models for signals: labels, weights, splits, data sets, training and model files.

Nothing of scikit-learn is written again here: estimators, pipelines and scores are its own. What it lacks is time:
labels that span rows, splits that keep them apart, features that are only what was known.
"""

from tradecore.ml.fractional import fractional_difference, fractional_weights
from tradecore.ml.labels import (
    TrendScan,
    TripleBarrier,
    cusum_events,
    forward_return,
    meta_labels,
    trend_scanning,
    triple_barrier,
)
from tradecore.ml.splits import CombinatorialPurgedCV, PurgedKFold, WalkForward
from tradecore.ml.weights import concurrency, return_weights, time_decay, uniqueness

__all__ = [
    "CombinatorialPurgedCV",
    "PurgedKFold",
    "TrendScan",
    "TripleBarrier",
    "WalkForward",
    "concurrency",
    "cusum_events",
    "forward_return",
    "fractional_difference",
    "fractional_weights",
    "meta_labels",
    "return_weights",
    "time_decay",
    "trend_scanning",
    "triple_barrier",
    "uniqueness",
]
