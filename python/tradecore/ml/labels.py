"""Labels: what a model is to foretell, of a column of prices.

The methods are those of López de Prado, "Advances in Financial Machine Learning" (2018), chapters 2 and 3, and of the
same author's trend scanning (2019). Rows are counted from 0. A label that cannot be known is NaN.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tradecore.arrays import series_like, to_floats
from tradecore.errors import InvalidValueError
from tradecore.ml.columns import (
    Floats,
    Horizon,
    Rows,
    as_long,
    by_row,
    finite_number,
    integers,
    prices,
    refuse_at,
    rows_ahead,
)
from tradecore.validation import to_count

__all__ = [
    "TrendScan",
    "TripleBarrier",
    "cusum_events",
    "forward_return",
    "meta_labels",
    "trend_scanning",
    "triple_barrier",
]

_ROUNDING = 1e-12
"""What a return is short of a barrier by at most where the price lies at it: 90 of 100 is a fall of less than 0.1."""
_CELLS = 1 << 20
"""Numbers of a block that windows are looked at in."""


class TripleBarrier(NamedTuple):
    """Which barrier each event touched first; arrays with one row an event."""

    label: Floats
    """1 for the profit barrier, -1 for the loss barrier; at the vertical one 0 or the sign of the return."""
    t1: Rows
    """Row of the touch."""
    ret: Floats
    """Return from the event to the touch, as a fraction, times the side."""
    touch: NDArray[np.int8]
    """1 profit, -1 loss, 0 vertical."""
    truncated: NDArray[np.bool_]
    """Whether the vertical barrier lies beyond the data, so that the last row stands for it."""
    meta: Floats
    """:func:`meta_labels` of the return: 1 if it is above 0, else 0."""


class TrendScan(NamedTuple):
    """The strongest trend that begins at each row."""

    label: Floats
    """1 for up, -1 for down, 0 for flat."""
    t1: Rows
    """Last row of that trend; of a row without a label the row itself."""
    t_value: Floats
    """t-value of the slope."""


def forward_return(price: Any, horizon: Horizon, *, ts: Any = None, log: bool = False) -> Any:
    """Return the return over the time to come, ``price[t + horizon] / price[t] - 1``.

    Parameters
    ----------
    price : float64 (n,), quote currency
        Above 0.
    horizon : int or duration
        Rows, or a length of time such as ``"5s"``: then the price is the last one known when that time has passed.
    ts : int64 (n,), ns, optional
        Times of the rows, never going back; needed for a length of time.
    log : bool
        Whether the logarithm of the ratio is returned instead.

    Returns
    -------
    float64 (n,), fraction
        An array, or a series if the prices are one. NaN in the last rows, of which the horizon lies beyond the data.

    Raises
    ------
    InvalidValueError
        For a price that is none, times that go back, a horizon of nothing.

    Examples
    --------
    >>> tc.ml.forward_return([100.0, 101.0, 99.0], 1).round(4).tolist()
    [0.01, -0.0198, nan]
    """
    values = prices("price", price)
    ahead = rows_ahead(horizon, len(values), ts)
    known = ahead < len(values)
    ret = np.full(len(values), np.nan)
    ratio = values[ahead[known]] / values[known]
    ret[known] = np.log(ratio) if log else ratio - 1.0
    return series_like(price, ret, "forward_return")


def triple_barrier(
    price: Any,
    events: Any,
    target: Any,
    *,
    horizon: int,
    pt: float | None = 1.0,
    sl: float | None = 1.0,
    side: Any = None,
    high: Any = None,
    low: Any = None,
    vertical: Literal["zero", "sign"] = "zero",
) -> TripleBarrier:
    """Label events by the barrier that the price touches first.

    On the path ``side * (price / price[event] - 1)`` the profit barrier lies at ``pt * target``, the loss barrier at
    ``-sl * target``, the vertical one ``horizon`` rows on. The first touch counts, from the row after the event. With
    highs and lows a barrier is touched inside a row and the return is that of the barrier; where both could have been
    touched in one row it is the loss. A gap through a barrier is not seen then.

    Work is done row by row of the horizon for all open events at once, so that time goes with the rows that labels
    span and not with the number of calls.

    Parameters
    ----------
    price : float64 (n,), quote currency
        Above 0; of bars their closes.
    events : int (m,)
        Rows of the events.
    target : float64 (m,) or float, fraction
        Width of the barriers, for instance a volatility of returns. Where it is NaN or 0 there is no label.
    horizon : int
        Rows to the vertical barrier.
    pt, sl : float, optional
        Multiples of the target; None for no such barrier.
    side : {1, -1} (m,), optional
        Which way each event was bet on; long if not given.
    high, low : float64 (n,), quote currency, optional
        Both or none.
    vertical : {"zero", "sign"}
        What a label is where no other barrier was touched: 0, or the sign of the return.

    Returns
    -------
    TripleBarrier

    Raises
    ------
    InvalidValueError
        For a price that is none, an event outside of the data, a negative target or multiple, a side that is neither.

    Examples
    --------
    >>> price = [100, 101, 99.5, 100.5, 102.2, 101.0]
    >>> touched = tc.ml.triple_barrier(price, [0, 2], 0.02, horizon=4)
    >>> touched.label.tolist(), touched.t1.tolist(), touched.truncated.tolist()
    ([1.0, 1.0], [4, 4], [False, True])
    """
    close = prices("price", price)
    rows = len(close)
    start = integers("events", events)
    refuse_at("events", (start < 0) | (start >= rows), start, f"a row from 0 to {rows - 1}")
    width = by_row("target", target, len(start))
    refuse_at("target", (width < 0) | np.isinf(width), width, "a width from 0, or NaN")
    way = _sides(side, len(start))
    horizon = to_count("horizon", horizon)
    if vertical not in ("zero", "sign"):
        raise InvalidValueError("vertical", f"expected zero or sign, got {vertical!r}")
    best, worst = _extremes(close, high, low)
    upper = _barrier("pt", pt, width)
    lower = _barrier("sl", sl, width)

    end = np.minimum(start + horizon, rows - 1)
    t1 = end.copy()
    touch = np.zeros(len(start), np.int8)
    open_ = np.flatnonzero(width > 0)
    for ahead in range(1, horizon + 1):
        open_ = open_[start[open_] + ahead <= end[open_]]
        if not len(open_):
            break
        at, entry, long = start[open_] + ahead, close[start[open_]], way[open_] > 0
        gain = way[open_] * (np.where(long, best[at], worst[at]) / entry - 1.0)
        loss = way[open_] * (np.where(long, worst[at], best[at]) / entry - 1.0)
        stopped = loss <= _ROUNDING - lower[open_]
        taken = (gain >= upper[open_] - _ROUNDING) & ~stopped
        touch[open_[stopped]] = -1
        touch[open_[taken]] = 1
        done = stopped | taken
        t1[open_[done]] = at[done]
        open_ = open_[~done]
    ret = way * (close[t1] / close[start] - 1.0)
    if high is not None:
        ret = np.where(touch == 1, upper, np.where(touch == -1, -lower, ret))
    label = np.where(touch == 0, np.sign(ret) if vertical == "sign" else 0.0, touch.astype(np.float64))
    unknown = ~(width > 0)
    label[unknown] = ret[unknown] = np.nan
    truncated = start + horizon > rows - 1
    return TripleBarrier(label, t1, ret, touch, truncated, _meta(ret))


def _sides(side: Any, rows: int) -> Floats:
    if side is None:
        return np.ones(rows)
    way = to_floats("side", side)
    as_long("side", way, rows)
    refuse_at("side", np.abs(way) != 1.0, way, "1 or -1")
    return way


def _extremes(close: Floats, high: Any, low: Any) -> tuple[Floats, Floats]:
    """Return the highest and lowest prices of the rows."""
    if (high is None) != (low is None):
        raise InvalidValueError("low" if low is None else "high", "high and low go together")
    if high is None:
        return close, close
    best, worst = prices("high", high), prices("low", low)
    as_long("high", best, len(close))
    as_long("low", worst, len(close))
    refuse_at("high", best < np.maximum(close, worst), best, "nothing below the close and the low")
    refuse_at("low", worst > close, worst, "nothing above the close")
    return best, worst


def _barrier(name: str, multiple: float | None, width: Floats) -> Floats:
    if multiple is None:
        return np.full(len(width), np.inf)
    if finite_number(name, multiple) <= 0:
        raise InvalidValueError(name, f"expected a multiple above 0 or None, got {multiple!r}")
    return multiple * width


def meta_labels(side: Any, ret: Any) -> Any:
    """Return whether bets paid: 1 where ``side * ret`` is above 0, else 0.

    Parameters
    ----------
    side : float64 (n,)
        Which way was bet: only its sign counts.
    ret : float64 (n,), fraction
        The return that came.

    Returns
    -------
    float64 (n,)
        An array, or a series if the returns are one. NaN where one of the two is NaN, or nothing was bet.

    Raises
    ------
    InvalidValueError
        For columns that are none or not of one length.

    Examples
    --------
    >>> tc.ml.meta_labels([1, -1, 0], [0.02, 0.01, 0.05]).tolist()
    [1.0, 0.0, nan]
    """
    way, came = to_floats("side", side), to_floats("ret", ret)
    as_long("side", way, len(came))
    return series_like(ret, np.where(way == 0, np.nan, _meta(np.sign(way) * came)), "meta_label")


def _meta(earned: Floats) -> Floats:
    return np.where(np.isnan(earned), np.nan, (earned > 0).astype(np.float64))


def trend_scanning(price: Any, horizons: tuple[int, int]) -> TrendScan:
    """Label rows by the strongest trend that begins there.

    For every length ``L`` from the first to the last horizon a line is fitted to ``price[t : t + L]`` by least
    squares; the length with the largest absolute t-value of the slope, ``b / se(b)`` with ``L - 2`` degrees of freedom,
    is the trend (the shortest of equals), and its sign the label. Where a line fits without a rest the t-value is
    infinite, of a flat one 0.

    Parameters
    ----------
    price : float64 (n,), quote currency
        Above 0.
    horizons : tuple of int
        Shortest and longest length looked at, in rows, both included; at least 3.

    Returns
    -------
    TrendScan
        NaN in the last rows, from which the longest length reaches beyond the data: with fewer lengths to choose from
        they would not be labels of the same kind.

    Raises
    ------
    InvalidValueError
        For a price that is none, and horizons of fewer than 3 rows or in the wrong order.

    Examples
    --------
    >>> scan = tc.ml.trend_scanning([1, 2, 3.1, 3, 2, 1, 1.2, 1.1, 1.0], (3, 4))
    >>> scan.label[:4].tolist(), scan.t1[:4].tolist()
    ([1.0, 1.0, -1.0, -1.0], [2, 3, 5, 5])
    """
    values = prices("price", price)
    try:
        shortest, longest = horizons
    except (TypeError, ValueError):
        raise InvalidValueError("horizons", f"expected the shortest and the longest, got {horizons!r}") from None
    shortest, longest = to_count("horizons", shortest), to_count("horizons", longest)
    if not 3 <= shortest <= longest:
        raise InvalidValueError("horizons", f"expected 3 <= shortest <= longest, got {shortest} and {longest}")
    rows = len(values)
    label, best = np.full(rows, np.nan), np.full(rows, np.nan)
    t1 = np.arange(rows, dtype=np.int64)
    whole = rows - longest + 1
    if whole > 0:
        strongest, ends = np.zeros(whole), np.full(whole, shortest - 1)
        for length in range(shortest, longest + 1):
            found = _slope_t(values[: whole + length - 1], length)
            better = np.abs(found) > np.abs(strongest)
            strongest[better] = found[better]
            ends[better] = length - 1
        label[:whole], best[:whole] = np.sign(strongest), strongest
        t1[:whole] += ends
    return TrendScan(label, t1, best)


def _slope_t(values: Floats, length: int) -> Floats:
    """Return the t-value of the slope over every window of a length."""
    windows = np.lib.stride_tricks.sliding_window_view(values, length)
    x = np.arange(length) - (length - 1) / 2
    sxx = float(x @ x)
    out = np.empty(len(windows))
    step = max(1, _CELLS // length)
    for at in range(0, len(windows), step):
        block = windows[at : at + step]
        centred = block - block.mean(axis=1, keepdims=True)
        slope = centred @ x / sxx
        rest = centred - slope[:, None] * x
        error = np.sqrt(np.einsum("ij,ij->i", rest, rest) / (length - 2) / sxx)
        # What is left of a straight line is rounding.
        scale = np.abs(block).max(axis=1) * np.finfo(np.float64).eps
        slope[np.abs(slope) <= scale] = 0.0
        error[error <= scale] = 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            out[at : at + step] = np.where(slope == 0, 0.0, slope / error)
    return out


def cusum_events(price: Any, threshold: Any) -> Rows:
    """Return the rows at which the symmetric CUSUM filter on log returns fires.

    ``S+ = max(0, S+ + r)`` and ``S- = min(0, S- + r)`` with ``r = log(price[t] / price[t-1])``. A row is an event when
    ``S+`` is above the threshold or ``S-`` below its negative; that side starts again from 0.

    Each sum needs the one before it: this is a loop over the rows, some 0.3 s for a million.

    Parameters
    ----------
    price : float64 (n,), quote currency
        Above 0.
    threshold : float or float64 (n,)
        As a log return, above 0; one for each row if it is a column, where NaN fires never.

    Returns
    -------
    int64 (k,)
        Rows, in order.

    Raises
    ------
    InvalidValueError
        For a price that is none, or a threshold that is not above 0.

    Examples
    --------
    >>> tc.ml.cusum_events([100, 101, 99.5, 100.5, 102.2, 101.0, 98.9], 0.02).tolist()
    [4, 6]
    """
    values = prices("price", price)
    limits = by_row("threshold", threshold, len(values))
    refuse_at("threshold", ~((limits > 0) | (np.isnan(limits) & (np.ndim(threshold) > 0))), limits, "more than 0")
    events = []
    up = down = 0.0
    for row, (ret, limit) in enumerate(zip(np.diff(np.log(values)).tolist(), limits[1:].tolist(), strict=True), 1):
        up, down = max(0.0, up + ret), min(0.0, down + ret)
        if up > limit:
            up = 0.0
        elif down < -limit:
            down = 0.0
        else:
            continue
        events.append(row)
    return np.array(events, dtype=np.int64)
