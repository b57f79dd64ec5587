"""Columns of numbers in the forms people have them in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tradecore.arrays import frame_like, series_like, to_floats, to_stamps
from tradecore.errors import InvalidValueError

NAN = float("nan")
S = 1_767_225_600_000_000_000


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([1, 2.5], [1, 2.5]),
        ([], []),
        (np.arange(6, dtype=np.float32)[::2], [0, 2, 4]),
        (np.array([1, 2], np.uint64), [1, 2]),
        (np.ma.masked_equal(np.array([1, 2]), 2), [1, NAN]),
        (pl.Series([1, None, 3]), [1, NAN, 3]),
        (pl.Series([None, None]), [NAN, NAN]),
        (pl.Series([1.5], dtype=pl.Decimal(10, 2)), [1.5]),
        (pd.Series([1, None], dtype="Int64"), [1, NAN]),
        (pd.Series([0.5, NAN]), [0.5, NAN]),
        (pd.Series([0.5, None], dtype=object), [0.5, NAN]),
        (pd.Series([None, None]), [NAN, NAN]),
    ],
)
def test_columns_become_contiguous_floats(given: Any, expected: list[float]) -> None:
    array = to_floats("x", given)
    assert array.dtype == np.float64
    assert array.flags.c_contiguous
    np.testing.assert_array_equal(array, expected)


def test_a_contiguous_float_array_is_not_copied() -> None:
    array = np.arange(4.0)
    assert to_floats("x", array) is array


@pytest.mark.parametrize(
    "given",
    [
        None,
        "abc",
        3.0,
        ["a"],
        [[1.0], [2.0]],
        np.zeros((2, 2)),
        np.array([1 + 2j]),
        np.array([True]),
        np.array(["2020"], "M8[D]"),
        [10**400],
        pl.DataFrame({"a": [1.0]}),
        pl.Series(["a"]),
        pl.col("a"),
        pd.DataFrame({"a": [1.0]}),
        pd.Series(["a"]),
        # What numpy would take for numbers.
        pd.Series(["1"]),
        pd.Series([True]),
        pd.Series([1j]),
        pd.Series(pd.to_datetime(["2026"])),
        np.ma.masked_equal(["1", "2"], "2"),
        np.ma.array([1j]),
    ],
    ids=lambda given: type(given).__name__,
)
def test_what_is_no_column_of_numbers_is_refused_by_name(given: Any) -> None:
    with pytest.raises(InvalidValueError, match="x: expected one column of numbers, got") as caught:
        to_floats("x", given)
    assert caught.value.field == "x"


@pytest.mark.parametrize(
    "given",
    [
        [S, S + 1],
        np.array([S, S + 1], ">i8"),
        np.ma.array([S, S + 1]),
        np.array([S, S + 1], "M8[ns]"),
        pl.Series([S, S + 1]).cast(pl.Datetime("ns", "America/New_York")),
        pd.Series([S, S + 1], dtype="Int64"),
        pd.Series(pd.to_datetime([S, S + 1], utc=True)),
        pd.to_datetime([S, S + 1], utc=True).tz_convert("America/New_York"),
        pd.to_datetime([S, S + 1]),
    ],
    ids=lambda given: type(given).__name__,
)
def test_times_become_whole_ns(given: Any) -> None:
    stamps = to_stamps("ts", given)
    assert (stamps.dtype, stamps.tolist()) == (np.int64, [S, S + 1])


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([1.5], "expected one column of int64 ns or times"),
        (["2026-01-01"], "expected one column of int64 ns or times"),
        (pl.LazyFrame({"a": [1]}), "expected one column of int64 ns or times"),
        (np.ma.masked_equal([S, 2], 2), "a time is missing"),
        (np.array(["2026", "NaT"], "M8[s]"), "a time is missing"),
        (np.array(["2026", "9999"], "M8[D]"), "a time is beyond int64 ns"),
        (np.array([2**63], np.uint64), "a time is beyond int64 ns"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_what_is_no_column_of_times_is_refused_by_name(given: Any, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem) as caught:
        to_stamps("ts", given)
    assert caught.value.field == "ts"


def test_results_take_the_form_of_what_was_given() -> None:
    values = np.array([1.0, 2.0])
    assert series_like([3, 4], values, "y") is values
    assert series_like(pl.Series([3, 4]), values, "y").equals(pl.Series("y", values))
    given = pd.Series([3, 4], index=["a", "b"])
    pd.testing.assert_series_equal(series_like(given, values, "y"), pd.Series(values, ["a", "b"], name="y"))
    assert frame_like({"a": [3]}, {"y": values}).equals(pl.DataFrame({"y": values}))
    pd.testing.assert_frame_equal(frame_like(pd.DataFrame(), {"y": values}), pd.DataFrame({"y": values}))
