"""Whether the future got in: features computed on truncated data, and scores on shuffled labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tradecore.arrays import to_floats
from tradecore.errors import InvalidValueError
from tradecore.ml.dataset import Dataset
from tradecore.ml.estimators import is_classifier, outputs, seeded, weight_argument
from tradecore.ml.extra import required
from tradecore.ml.metrics import class_values, rank_correlation
from tradecore.validation import to_count

__all__ = ["Leak", "ShuffledScore", "check_leakage", "check_shuffled"]


@dataclass(frozen=True, slots=True)
class Leak:
    """A feature whose value changes with what comes after it.

    Attributes
    ----------
    feature : str
        The column.
    row : int
        The first row, of those looked at, where it does.
    value, truncated : float
        Its value on all of the data, and on the data up to that row.
    """

    feature: str
    row: int
    value: float
    truncated: float


@dataclass(frozen=True, slots=True)
class ShuffledScore:
    """How a model scores on labels that mean nothing.

    Attributes
    ----------
    score : float
        Mean rank correlation of signal and label within the tests; 0 is chance.
    z : float
        How many standard deviations that is away from chance.
    at_chance : bool
        Whether it is not more than four.
    """

    score: float
    z: float
    at_chance: bool


def check_leakage(
    compute: Callable[[Any], Any], data: Any, *, samples: int = 20, seed: int = 0, rtol: float = 0.0
) -> list[Leak]:
    """Compute features again on data cut off behind single rows, and return those that are not the same there.

    Parameters
    ----------
    compute : callable
        Takes the data and returns a frame, or a mapping, of one column a feature, as long as the data.
    data : frame or array
        Anything that can be cut off as ``data[: row + 1]``.
    samples : int
        How many rows are looked at; the last is one of them.
    seed : int
        Of which.
    rtol : float
        Relative difference that is taken for rounding, as of sums in another order. 0 asks for the same bits.

    Returns
    -------
    list of Leak
        One a feature that leaks; empty where none does.

    Raises
    ------
    InvalidValueError
        For no data, and features that are not as long as it or not the same every time.

    Examples
    --------
    >>> import numpy as np
    >>> price = np.array([1.0, 2.0, 4.0, 3.0])
    >>> tc.ml.check_leakage(lambda x: {"demeaned": x - x.mean(), "last": x}, price)[0].feature
    'demeaned'
    """
    if not callable(compute):
        raise InvalidValueError("compute", f"expected a function of the data, got {compute!r}")
    rows = len(data) if hasattr(data, "__len__") else 0
    if not rows:
        raise InvalidValueError("data", "expected at least one row")
    whole = _columns(compute(data), rows)
    chosen = np.random.default_rng(seed).choice(rows, min(rows, to_count("samples", samples)), replace=False)
    found: dict[str, Leak] = {}
    for row in sorted({*chosen.tolist(), rows - 1}):
        cut = _columns(compute(data[: row + 1]), row + 1)
        if cut.keys() != whole.keys():
            raise InvalidValueError("compute", f"other features on the first {row + 1} rows: {', '.join(cut)}")
        for name, values in cut.items():
            full, part = float(whole[name][row]), float(values[row])
            same = full == part or (math.isnan(full) and math.isnan(part))
            if not same and not math.isclose(full, part, rel_tol=rtol, abs_tol=0.0):
                found.setdefault(name, Leak(name, row, full, part))
    return list(found.values())


def _columns(frame: Any, rows: int) -> dict[str, Any]:
    if not (hasattr(frame, "columns") or isinstance(frame, Mapping)):
        raise InvalidValueError("compute", f"expected a frame or a mapping of columns, got {type(frame).__name__}")
    names = list(getattr(frame, "columns", frame))
    columns = {str(name): to_floats(str(name), frame[name]) for name in names}
    for name, values in columns.items():
        if len(values) != rows:
            raise InvalidValueError(name, f"expected {rows} rows, got {len(values)}")
    return columns


def check_shuffled(
    dataset: Dataset, estimator: Any, *, split: Any = None, repeats: int = 5, seed: int = 0
) -> ShuffledScore:
    """Train on labels that are shuffled, and return how well they are foretold: they cannot be.

    A score away from chance says that what is tested gets into training, by the split or by the estimator. It says
    nothing of features that know the future: :func:`check_leakage` does.

    Parameters
    ----------
    dataset : Dataset
    estimator : object
        Of scikit-learn's kind.
    split : splitter, optional
        Five purged folds with an embargo of 1% if not given.
    repeats : int
        How often they are shuffled.
    seed : int

    Raises
    ------
    InvalidValueError
        For what is no estimator, and tests of fewer than 3 samples.
    ModelError
        When the estimator says what is not finite or of the wrong shape.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> data = tc.ml.Dataset(X=X, y=X[:, 0], features=("a", "b"), ts=np.arange(200), t1=np.arange(200))
    >>> tc.ml.check_shuffled(data, Ridge()).at_chance
    True
    """
    fresh = seeded(estimator, seed)
    splitter = dataset.splitter(embargo=0.01) if split is None else split
    base = required("sklearn.base", "scikit-learn")
    classes = np.unique(dataset.y) if is_classifier(fresh) else None
    argument = weight_argument(fresh)
    random = np.random.default_rng(seed)
    scores, variances = [], []
    for _ in range(to_count("repeats", repeats)):
        y = random.permutation(dataset.y)
        for train, test in splitter.split(dataset.X, y):
            if len(test) < 3:
                raise InvalidValueError("split", f"a test of {len(test)} samples is too short for a score")
            weigh = {} if dataset.weights is None or argument is None else {argument: dataset.weights[train]}
            model = base.clone(fresh).fit(dataset.X[train], y[train], **weigh)
            told = outputs("shuffled labels", model, dataset.X[test], classes)
            signal = told if classes is None else told @ class_values(classes)
            scores.append(rank_correlation(signal, y[test]) or 0.0)
            variances.append(1.0 / (len(test) - 1))
    score = float(np.mean(scores))
    z = score / (math.sqrt(sum(variances)) / len(scores))
    return ShuffledScore(score, z, abs(z) <= 4)
