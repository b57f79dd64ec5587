"""Columns of numbers as people have them, and results in the form of what was given: numpy, polars or pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tradecore._core import not_in_ns, other_unit
from tradecore.errors import InvalidValueError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["column_names", "computed", "frame_like", "missing_row", "series_like", "to_floats", "to_stamps"]


def library_of(given: Any) -> str:
    """Return ``polars``, ``pandas``, or ``numpy`` for everything else, without importing any of them."""
    root = type(given).__module__.partition(".")[0]
    return root if root in ("polars", "pandas") else "numpy"


def computed(given: Any) -> Any:
    """Return what was given as it is; of a LazyFrame, which is not computed yet, and of Arrow a frame of it."""
    if hasattr(given, "__arrow_c_stream__") and hasattr(given, "column_names"):
        import polars as pl

        return pl.DataFrame(given)
    return given.collect() if type(given).__name__ == "LazyFrame" else given


def column_names(name: str, given: Any) -> list[str]:
    """Return the names of the columns of a frame or of arrays by name.

    Raises
    ------
    InvalidValueError
        For what has no columns, and for a lazy frame, which has no values yet.
    """
    if isinstance(given, Mapping):
        return [str(column) for column in given]
    if type(given).__name__ == "LazyFrame":
        raise InvalidValueError(name, "expected a frame, got a LazyFrame: collect() it")
    if library_of(given) == "numpy" or not hasattr(given, "columns"):
        raise InvalidValueError(name, f"expected a frame or arrays by name, got {type(given).__name__}")
    return [str(column) for column in given.columns]


def missing_row(given: Any) -> int | None:
    """Return the first row of a column that has no value, from 1; None where each has one."""
    import numpy as np

    values = np.asarray(given)
    if values.ndim != 1 or values.dtype.kind not in "fO":
        return None
    if values.dtype.kind == "f":
        missing = np.isnan(values)
    else:
        # What pandas has for nothing is neither equal to itself nor different from it.
        missing = np.array([each is None or type(each).__name__ == "NAType" or each != each for each in values], bool)
    return int(missing.argmax()) + 1 if missing.any() else None


def to_stamps(name: str, given: Any) -> NDArray[np.int64]:
    """Return times as a contiguous int64 array, ns.

    Parameters
    ----------
    name : str
        What they are called in an error.
    given : array-like (n,)
        Whole numbers of ns, or times of numpy, polars or pandas, in UTC where they name no zone.

    Raises
    ------
    InvalidValueError
        For what is no column of times, for a time that is missing, and where they would be a market's in another unit
        than ns.
    """
    import numpy as np

    if getattr(getattr(given, "dtype", None), "tz", None) is not None:
        # Of an index there is no accessor.
        given = getattr(given, "dt", given).tz_convert(None)
    if np.ma.is_masked(given):
        raise InvalidValueError(name, "a time is missing")
    array = given.to_numpy() if hasattr(given, "to_numpy") else np.asarray(given)
    if array.ndim != 1 or (array.dtype.kind not in "iuM" and array.size):
        raise InvalidValueError(name, f"expected one column of int64 ns or times, got {array.ndim}-d {array.dtype}")
    if array.dtype.kind == "M":
        if np.isnat(array).any():
            raise InvalidValueError(name, "a time is missing")
        # A coarser unit reaches further: what does not come back was cut.
        given, array = array, array.astype("datetime64[ns]", copy=False)
        if array is not given and (array.astype(given.dtype) != given).any():
            raise InvalidValueError(name, "a time is beyond int64 ns")
    elif array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
        raise InvalidValueError(name, "a time is beyond int64 ns")
    elif array.size:
        _check_unit(name, int(array[0]), int(array[-1]))
    return np.ascontiguousarray(array).astype(np.int64, copy=False)


def _check_unit(name: str, first: int, last: int) -> None:
    """Refuse times that would all be a market's in another unit than ns: those of a made-up market may begin with 0."""
    told, ends = other_unit(first), other_unit(last)
    if told is not None and ends is not None and told[0] == ends[0] and (problem := not_in_ns(first)):
        raise InvalidValueError(name, problem)


def to_floats(name: str, given: Any) -> NDArray[np.float64]:
    """Return a column of numbers as a contiguous float64 array; a missing value is NaN.

    Parameters
    ----------
    name : str
        What it is called in an error.
    given : array-like (n,)
        An array, a list of numbers, or a series of polars or pandas. Not copied where it is a contiguous float64
        array.

    Raises
    ------
    InvalidValueError
        For what is not one column of real numbers.
    """
    import numpy as np

    def refuse(found: str) -> InvalidValueError:
        return InvalidValueError(name, f"expected one column of numbers, got {found}")

    if isinstance(given, np.ma.MaskedArray) and given.dtype.kind in "fiu":
        given = np.ma.filled(given.astype(np.float64), np.nan)
    try:
        match library_of(given):
            case "polars":
                # A frame and an expression have no such dtype.
                if not (hasattr(given, "dtype") and (given.dtype.is_numeric() or given.dtype.is_(_null()))):
                    raise refuse(f"{type(given).__name__} of {getattr(given, 'dtype', 'several columns')}")
                array = given.cast(_float64()).to_numpy()
            case "pandas":
                if getattr(given, "ndim", 0) != 1:
                    raise refuse(type(given).__name__)
                if not _are_numbers(given):
                    raise refuse(f"{type(given).__name__} of {given.dtype}")
                array = given.to_numpy(dtype=np.float64, na_value=np.nan)
            case _:
                array = np.asarray(given)
                if array.dtype.kind not in "fiu" and array.size:
                    raise refuse(_found(given, array))
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, InvalidValueError):
            raise
        raise refuse(f"{type(given).__name__}: {error}") from None
    if array.ndim != 1:
        raise refuse(f"an array of {array.ndim} dimensions")
    return np.ascontiguousarray(array, dtype=np.float64)


def _found(given: Any, array: NDArray[Any]) -> str:
    """Say what is no column of numbers: one thing, or values of which type."""
    if array.ndim == 0:
        return repr(given)
    inside = type(array.flat[0]).__name__ if array.dtype.kind == "O" else str(array.dtype)
    return f"an array of {inside}"


def _are_numbers(series: Any) -> bool:
    """Whether a series of pandas holds real numbers, or nothing."""
    from pandas.api.types import infer_dtype

    return infer_dtype(series, skipna=True) in ("integer", "floating", "mixed-integer-float", "decimal", "empty")


def _float64() -> Any:
    import polars as pl

    return pl.Float64


def _null() -> Any:
    import polars as pl

    return pl.Null


def series_like(given: Any, values: NDArray[Any], name: str) -> Any:
    """Return a result as long as what was given: a series with its index if it was one, else the array."""
    match library_of(given):
        case "polars":
            import polars as pl

            return pl.Series(name, values)
        case "pandas":
            import pandas as pd

            return pd.Series(values, index=given.index, name=name)
    return values


def frame_like(given: Any, columns: Mapping[str, NDArray[Any]]) -> Any:
    """Return columns as a frame of pandas if a frame of pandas was given, else as one of polars."""
    if library_of(given) == "pandas":
        import pandas as pd

        return pd.DataFrame(dict(columns))
    import polars as pl

    return pl.DataFrame(dict(columns))
