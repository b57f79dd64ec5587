"""Columns of numbers as people have them, and results in the form of what was given: numpy, polars or pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tradecore.errors import InvalidValueError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["frame_like", "series_like", "to_floats"]


def library_of(given: Any) -> str:
    """Return ``polars``, ``pandas``, or ``numpy`` for everything else, without importing any of them."""
    root = type(given).__module__.partition(".")[0]
    return root if root in ("polars", "pandas") else "numpy"


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

    if isinstance(given, np.ma.MaskedArray):
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
                array = given.to_numpy(dtype=np.float64, na_value=np.nan)
            case _:
                array = np.asarray(given)
                if array.dtype.kind not in "fiu" and array.size:
                    raise refuse(f"an array of {array.dtype}")
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, InvalidValueError):
            raise
        raise refuse(f"{type(given).__name__}: {error}") from None
    if array.ndim != 1:
        raise refuse(f"an array of {array.ndim} dimensions")
    return np.ascontiguousarray(array, dtype=np.float64)


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
