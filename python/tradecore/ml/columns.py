"""What the functions on columns are given, checked: prices, targets, spans, lengths of time in rows or in ns."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tradecore.arrays import to_floats, to_stamps
from tradecore.errors import InvalidValueError
from tradecore.validation import Nanoseconds, to_count, to_ns

if TYPE_CHECKING:
    from tradecore.validation import DurationLike

__all__ = [
    "Floats",
    "Horizon",
    "Rows",
    "as_long",
    "by_row",
    "finite",
    "finite_number",
    "integers",
    "prices",
    "refuse_at",
    "rows_ahead",
    "spans",
    "times",
]

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]
"""Indices of rows, or times in ns."""
Horizon: TypeAlias = "int | DurationLike"
"""A number of rows, or a length of time such as ``"5s"``."""


def refuse_at(name: str, wrong: NDArray[np.bool_], values: NDArray[Any], expected: str) -> None:
    """Raise for the first row that is wrong."""
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InvalidValueError(name, f"row {row}: expected {expected}, got {values[row]}")


def finite(name: str, given: Any) -> Floats:
    """Return a column of numbers in which NaN may stand for what is missing, and infinity for nothing."""
    values = to_floats(name, given)
    refuse_at(name, np.isinf(values), values, "a finite number or NaN")
    return values


def prices(name: str, given: Any) -> Floats:
    """Return a column of prices: all there, and above 0, since returns are taken of them."""
    values = to_floats(name, given)
    refuse_at(name, ~((values > 0) & np.isfinite(values)), values, "a price above 0")
    return values


def finite_number(name: str, value: Any) -> float:
    """Return a finite number."""
    if not isinstance(value, bool | np.bool_) and isinstance(value, int | float | np.integer | np.floating):
        with contextlib.suppress(OverflowError):
            number = float(value)
            if math.isfinite(number):
                return number
    raise InvalidValueError(name, f"expected a finite number, got {value!r}")


def by_row(name: str, given: Any, rows: int) -> Floats:
    """Return a number for every row: one for all, or a column of as many."""
    if np.ndim(given) == 0:
        return np.full(rows, finite_number(name, given))
    values = to_floats(name, given)
    as_long(name, values, rows)
    return values


def integers(name: str, given: Any) -> Rows:
    """Return a column of whole numbers."""
    values = np.asarray(given.to_numpy() if hasattr(given, "to_numpy") else given)
    if values.ndim != 1 or (values.size and values.dtype.kind not in "iu"):
        raise InvalidValueError(name, f"expected one column of whole numbers, got {values.dtype} {values.shape}")
    return np.ascontiguousarray(values, dtype=np.int64)


def times(name: str, given: Any, rows: int | None = None) -> Rows:
    """Return a column of times or row numbers that never goes back."""
    values = to_stamps(name, given)
    if rows is not None:
        as_long(name, values, rows)
    back = np.diff(values) < 0
    if back.any():
        row = int(np.argmax(back)) + 1
        raise InvalidValueError(name, f"row {row}: {values[row]} lies before the row in front of it, {values[row - 1]}")
    return values


def as_long(name: str, values: NDArray[Any], rows: int) -> None:
    """Raise for a column that is not as long as those beside it."""
    if len(values) != rows:
        raise InvalidValueError(name, f"expected {rows} rows, got {len(values)}")


def spans(t0: Any, t1: Any, *, rows: int | None = None) -> tuple[Rows, Rows]:
    """Return the first and last moments of labels, in order of the first; none ends before it begins."""
    first = times("t0", t0, rows)
    last = integers("t1", t1)
    as_long("t1", last, len(first))
    refuse_at("t1", last < first, last, "no moment before t0")
    return first, last


def rows_ahead(horizon: Horizon, rows: int, ts: Any = None) -> Rows:
    """Return for each row the one a horizon later: so many rows on, or the last one known when that time has passed.

    A row of which that lies beyond the data has ``rows`` itself, which is no row.
    """
    if isinstance(horizon, int) and not isinstance(horizon, Nanoseconds):
        ahead = np.arange(rows, dtype=np.int64) + to_count("horizon", horizon)
        return np.minimum(ahead, rows)
    length = to_ns("horizon", horizon)
    if length == 0:
        raise InvalidValueError("horizon", "expected more than 0")
    if ts is None:
        raise InvalidValueError("ts", f"a horizon of time, {length!r}, needs the times of the rows")
    at = times("ts", ts, rows)
    if not rows:
        return at
    due = at + length
    found = np.searchsorted(at, due, side="right").astype(np.int64) - 1
    found[due > at[-1]] = rows
    return found
