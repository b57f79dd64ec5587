"""How good a signal is, out of sample: scores are scikit-learn's, what is counted beside them is a trader's.

A signal lies between -1 and 1 where a classifier made it: the mean of its classes by their probabilities. Two classes
of which none is negative stand for -1 and 1, others for themselves over the largest. A regressor's signal is its value.
The outcome is the return that came, or the label where no return is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradecore.ml.columns import Floats, Rows
from tradecore.ml.extra import required

__all__ = ["class_values", "confidence_buckets", "information_coefficient", "rank_correlation", "scores", "trading"]

_DAY_NS = 86_400_000_000_000
_FEWEST = 3
"""Rows of a day that a correlation is taken of."""


def class_values(classes: NDArray[Any]) -> Floats:
    """Return what each class says of the direction, from -1 to 1."""
    if len(classes) == 2 and classes[0] >= 0:
        return np.array([-1.0, 1.0])
    values: Floats = classes.astype(np.float64)
    values /= max(float(np.abs(values).max()), float(np.finfo(np.float64).tiny))
    return values


def _correlation(a: Floats, b: Floats) -> float | None:
    """Return Pearson's correlation; None where one of the two does not vary."""
    a, b = a - a.mean(), b - b.mean()
    scale = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / scale if scale > 0 else None


def rank_correlation(a: Floats, b: Floats) -> float | None:
    """Return Spearman's correlation; None where one of the two does not vary."""
    rank = required("scipy.stats", "scipy").rankdata
    return _correlation(rank(a), rank(b))


def _both(signal: Floats, outcome: Floats) -> tuple[float | None, float | None]:
    """Return Pearson's and Spearman's correlation."""
    if len(signal) < _FEWEST:
        return None, None
    return _correlation(signal, outcome), rank_correlation(signal, outcome)


def information_coefficient(signal: Floats, outcome: Floats, ts: Rows) -> dict[str, Any]:
    """Return the correlation of signal and outcome, over all and by day in UTC.

    Returns
    -------
    dict
        ``pearson``, ``spearman``; ``days``, a list with ``day`` (days since 1970), ``rows`` and both; ``mean`` of the
        days' Spearman coefficients and its ``t_stat``, ``mean / (std / sqrt(days))``. None where a value does not
        exist: signals or outcomes that do not vary, fewer than two days.
    """
    pearson, spearman = _both(signal, outcome)
    day = ts // _DAY_NS
    days = []
    for start, end in _runs(day):
        own = _both(signal[start:end], outcome[start:end])
        days.append({"day": int(day[start]), "rows": end - start, "pearson": own[0], "spearman": own[1]})
    found = np.array([row["spearman"] for row in days if row["spearman"] is not None])
    mean = float(found.mean()) if len(found) else None
    deviation = float(found.std(ddof=1)) if len(found) > 1 else 0.0
    t_stat = mean / (deviation / math.sqrt(len(found))) if mean is not None and deviation > 0 else None
    return {"pearson": pearson, "spearman": spearman, "days": days, "mean": mean, "t_stat": t_stat}


def _runs(values: Rows) -> list[tuple[int, int]]:
    """Return where runs of equal values begin and end."""
    edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return list(pairwise(edges))


def confidence_buckets(signal: Floats, outcome: Floats, buckets: int = 5) -> list[dict[str, Any]]:
    """Return how often the signal's sign was the outcome's, in buckets of as many rows each by ``|signal|``.

    Rows without a sign, of the signal or the outcome, are left out.

    Returns
    -------
    list of dict
        From the least confident: ``from`` and ``to`` (``|signal|``), ``rows``, ``hit_rate``, and ``mean``, of the
        outcome times the signal's sign.
    """
    decided = np.flatnonzero((signal != 0) & (outcome != 0))
    decided = decided[np.argsort(np.abs(signal[decided]), kind="stable")]
    rows = []
    for chosen in np.array_split(decided, buckets):
        if len(chosen):
            confidence, earned = np.abs(signal[chosen]), np.sign(signal[chosen]) * outcome[chosen]
            rows.append(
                {
                    "from": float(confidence[0]),
                    "to": float(confidence[-1]),
                    "rows": len(chosen),
                    "hit_rate": float((earned > 0).mean()),
                    "mean": float(earned.mean()),
                }
            )
    return rows


def trading(signal: Floats, ret: Floats, ts: Rows, t1: Rows, cost_bps: float) -> dict[str, Any]:
    """Return what betting on the signal's sign would have made, one bet after the other.

    The first sample is bet on and held until its label ends, then the next one from there on, so that no bet overlaps
    another. A position is -1, 0 or 1; going from one to the next costs ``cost_bps`` of what is traded, the first
    and the last included. There is no spread, no queue and no latency in this: a backtest has them.

    Returns
    -------
    dict
        ``bets``; ``turnover``, the mean of what is traded a bet; ``gross_bps`` and ``net_bps``, the mean a bet;
        ``net`` of all bets, as a fraction; ``cost_bps``.
    """
    following = np.searchsorted(ts, t1, side="left")
    following = np.maximum(following, np.arange(len(ts)) + 1).tolist()
    chosen, row = [], 0
    while row < len(ts):
        chosen.append(row)
        row = following[row]
    held = np.sign(signal[chosen])
    traded = np.abs(np.diff(held, prepend=0.0, append=0.0)).sum()
    gross = float((held * ret[chosen]).sum())
    net = gross - traded * cost_bps / 1e4
    bets = max(len(chosen), 1)
    return {
        "bets": len(chosen),
        "turnover": float(traded) / bets,
        "gross_bps": gross / bets * 1e4,
        "net_bps": float(net) / bets * 1e4,
        "net": float(net),
        "cost_bps": cost_bps,
    }


def scores(y: Floats, output: Floats, classes: NDArray[Any] | None) -> dict[str, float | None]:
    """Return scikit-learn's scores of probabilities (n, classes), or of values (n,) where there are no classes.

    ``log_loss``, ``brier`` and ``auc`` (one class against the rest where there are more than two) and ``accuracy``; or
    ``rmse``, ``mae`` and ``r2``. None where a score does not exist, as the AUC of one class.
    """
    metrics = required("sklearn.metrics", "scikit-learn")
    if classes is None:
        return {
            "rmse": float(metrics.root_mean_squared_error(y, output)),
            "mae": float(metrics.mean_absolute_error(y, output)),
            "r2": float(metrics.r2_score(y, output)) if len(y) > 1 else None,
        }
    # What was said in single precision sums up to 1 in single precision only.
    output = output / output.sum(axis=1, keepdims=True)
    there = set(np.unique(y).tolist())
    auc = None
    if there == set(classes.tolist()) and len(there) > 1:
        told = output[:, 1] if len(classes) == 2 else output
        auc = float(metrics.roc_auc_score(y, told, multi_class="ovr", labels=classes))
    return {
        "log_loss": float(metrics.log_loss(y, output, labels=classes)),
        "brier": float(metrics.brier_score_loss(y, output, labels=classes)),
        "auc": auc,
        "accuracy": float(metrics.accuracy_score(y, classes[output.argmax(axis=1)])),
    }


def summary(metrics: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the figures of metrics that are one number each, with their names in words."""
    found = [(_WORDS[name], value) for name, value in metrics["scores"].items()]
    ic = metrics["information_coefficient"]
    found += [
        ("information coefficient, Pearson", ic["pearson"]),
        ("information coefficient, Spearman", ic["spearman"]),
        ("mean of the days, Spearman", ic["mean"]),
        ("t-statistic of the days", ic["t_stat"]),
        ("hit rate", metrics["hit_rate"]),
    ]
    if (bets := metrics["trading"]) is not None:
        found += [
            ("bets without overlap", bets["bets"]),
            ("turnover a bet", bets["turnover"]),
            ("gross return a bet, bps", bets["gross_bps"]),
            (f"net return a bet at {bets['cost_bps']:g} bps, bps", bets["net_bps"]),
        ]
    return found


_WORDS = {
    "log_loss": "log loss",
    "brier": "Brier score",
    "auc": "area under the ROC curve",
    "accuracy": "accuracy",
    "rmse": "root mean squared error",
    "mae": "mean absolute error",
    "r2": "R²",
}
