"""Weights of samples whose labels overlap in time.

López de Prado, "Advances in Financial Machine Learning" (2018), chapter 4. A label spans the closed interval from row
``t0`` to row ``t1``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tradecore.errors import InvalidValueError
from tradecore.ml.columns import Floats, Rows, finite, finite_number, prices, refuse_at, spans

__all__ = ["concurrency", "return_weights", "time_decay", "uniqueness"]


def _rows_of(t0: Any, t1: Any, rows: int | None) -> tuple[Rows, Rows, int]:
    first, last = spans(t0, t1)
    most = int(last.max(initial=-1)) + 1
    rows = most if rows is None else rows
    if most > rows:
        raise InvalidValueError("t1", f"row {int(np.argmax(last))}: {most - 1} lies beyond the data of {rows} rows")
    refuse_at("t0", first < 0, first, "a row from 0")
    return first, last, rows


def concurrency(t0: Any, t1: Any, rows: int | None = None) -> Rows:
    """Return how many labels span each row, ``c[t] = #{i : t0[i] <= t <= t1[i]}``.

    Parameters
    ----------
    t0, t1 : int (m,)
        First and last rows of the labels, in order of the first.
    rows : int, optional
        Number of rows; up to the last label's end if not given.

    Returns
    -------
    int64 (rows,)

    Raises
    ------
    InvalidValueError
        For labels out of order, that end before they begin, or beyond the data.

    Examples
    --------
    >>> tc.ml.concurrency([0, 2], [3, 4]).tolist()
    [1, 1, 2, 2, 1]
    """
    first, last, rows = _rows_of(t0, t1, rows)
    change = np.bincount(first, minlength=rows + 1) - np.bincount(last + 1, minlength=rows + 1)
    return np.cumsum(change[:rows], dtype=np.int64)


def _sums_over(values: Floats, first: Rows, last: Rows) -> Floats:
    """Return the sum of values over each span."""
    total = np.concatenate(([0.0], np.cumsum(values)))
    return total[last + 1] - total[first]


def _shares(first: Rows, last: Rows, rows: int) -> Floats:
    """Return 1 / c of each row, and 0 where no label is."""
    return 1.0 / np.maximum(concurrency(first, last, rows), 1)


def uniqueness(t0: Any, t1: Any) -> Floats:
    """Return the average uniqueness of labels: the mean of ``1 / c[t]`` over each span.

    Parameters
    ----------
    t0, t1 : int (m,)
        First and last rows of the labels, in order of the first.

    Returns
    -------
    float64 (m,)
        Above 0 and up to 1, of a label that overlaps none.

    Raises
    ------
    InvalidValueError
        For labels out of order, or that end before they begin.

    Examples
    --------
    >>> tc.ml.uniqueness([0, 2], [3, 4]).round(4).tolist()
    [0.75, 0.6667]
    """
    first, last, rows = _rows_of(t0, t1, None)
    return _sums_over(_shares(first, last, rows), first, last) / (last - first + 1)


def return_weights(price: Any, t0: Any, t1: Any) -> Floats:
    """Return weights by the absolute return that is a label's own, ``|sum over its span of r[t] / c[t]|``.

    ``r[t]`` is the log return into row t, and 0 at row 0.

    Parameters
    ----------
    price : float64 (n,), quote currency
        Above 0.
    t0, t1 : int (m,)
        First and last rows of the labels, in order of the first.

    Returns
    -------
    float64 (m,)
        Scaled to sum up to m; all 1 where no price moved.

    Raises
    ------
    InvalidValueError
        For a price that is none, and labels out of order, that end before they begin, or beyond the data.

    Examples
    --------
    >>> tc.ml.return_weights([100, 101, 101, 104], [0, 2], [1, 3]).round(3).tolist()
    [0.507, 1.493]
    """
    values = prices("price", price)
    first, last, rows = _rows_of(t0, t1, len(values))
    returns = np.diff(np.log(values), prepend=np.log(values[:1]))
    raw = np.abs(_sums_over(returns * _shares(first, last, rows), first, last))
    total = raw.sum()
    return np.ones(len(raw)) if total == 0 else raw * (len(raw) / total)


def time_decay(unique: Any, oldest: float) -> Floats:
    """Return weights that fall, the further back a label lies, in a line over the cumulative uniqueness.

    Parameters
    ----------
    unique : float64 (m,)
        :func:`uniqueness` of the labels, the oldest first.
    oldest : float
        What the weight falls towards: 1 is no decay, between 0 and 1 the weight of the oldest; below 0 that part of
        the cumulative uniqueness, from the oldest on, weighs nothing. From -1 (not included) to 1.

    Returns
    -------
    float64 (m,)
        1 for the newest.

    Raises
    ------
    InvalidValueError
        For what is beyond these limits.

    Examples
    --------
    >>> tc.ml.time_decay([1.0, 1.0, 1.0, 1.0], 0.5).tolist()
    [0.625, 0.75, 0.875, 1.0]
    """
    own = finite("unique", unique)
    refuse_at("unique", ~((own > 0) & (own <= 1)), own, "above 0 and up to 1")
    if not -1 < finite_number("oldest", oldest) <= 1:
        raise InvalidValueError("oldest", f"expected more than -1 and up to 1, got {oldest!r}")
    if not len(own):
        return own.copy()
    past = np.cumsum(own)
    slope = (1.0 - oldest) / past[-1] if oldest >= 0 else 1.0 / ((oldest + 1.0) * past[-1])
    weights: Floats = np.maximum(1.0 - slope * (past[-1] - past), 0.0)
    return weights
