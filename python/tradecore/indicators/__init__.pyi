# ruff: noqa: D204, D401
"""Indicators of technical analysis: over columns, from row to row, and many in one call.

``rsi(close, 14)`` computes over arrays and series, ``RSI(14)`` takes a row at a time, :class:`Bank` moves many of them
on together, :func:`panel` works several symbols off at once. They share one function of the core, so they agree to the
last bit. Conventions (how an average begins, what a warm-up is) are those of TA-Lib where it has the indicator.

NaN: leading rows without a number are skipped. A later one (NaN, an infinity, a number beyond 1e100, or a price that
is not above 0 where a logarithm is taken) gives NaN in its row, and the indicator begins anew after it, so that one
hole does not spoil the rest. With ``nan="talib"`` such rows are calculated with, as TA-Lib does: sums and averages stay
NaN from there on.

The functions and classes are made from the descriptions in the core when this is imported; ``__init__.pyi``, which
editors and type checkers read, is written from the same ones (``make stub``).

"""

from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar, overload

import polars as pl
from numpy.typing import NDArray

from tradecore._core import Indicator as Indicator
from tradecore.indicators.bank import Bank as Bank
from tradecore.indicators.doors import panel as panel

_Column = TypeVar("_Column", NDArray[Any], pl.Series)
_Nan: TypeAlias = Literal["restart", "talib"]

_T = TypeVar("_T")

@overload
def sma(close: _Column, period: int = 30, *, nan: _Nan = "restart") -> _Column:
    """Simple moving average.

    The mean of the last ``period`` rows.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.sma(close))
    200
    """

@overload
def sma(frame: Any, /, period: int = 30, *, nan: _Nan = "restart") -> Any: ...

class SMA(Indicator):
    """Simple moving average, a row at a time.

    What it gives is what :func:`sma` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.SMA()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.sma(close)[-1])
    True
    """
    def __init__(self, period: int = 30, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def ema(close: _Column, period: int = 30, *, nan: _Nan = "restart") -> _Column:
    """Exponential moving average.

    ``e += 2 / (period + 1) (x - e)``, begun with the mean of the first ``period`` rows.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.ema(close))
    200
    """

@overload
def ema(frame: Any, /, period: int = 30, *, nan: _Nan = "restart") -> Any: ...

class EMA(Indicator):
    """Exponential moving average, a row at a time.

    What it gives is what :func:`ema` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.EMA()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.ema(close)[-1])
    True
    """
    def __init__(self, period: int = 30, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def rma(close: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Moving average of Wilder (SMMA).

    ``e += (x - e) / period``, begun with the mean of the first ``period`` rows.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.rma(close))
    200
    """

@overload
def rma(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class RMA(Indicator):
    """Moving average of Wilder (SMMA), a row at a time.

    What it gives is what :func:`rma` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.RMA()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.rma(close)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def wma(close: _Column, period: int = 30, *, nan: _Nan = "restart") -> _Column:
    """Linearly weighted moving average.

    Weights 1 to ``period``, that of the newest row the largest.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.wma(close))
    200
    """

@overload
def wma(frame: Any, /, period: int = 30, *, nan: _Nan = "restart") -> Any: ...

class WMA(Indicator):
    """Linearly weighted moving average, a row at a time.

    What it gives is what :func:`wma` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.WMA()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.wma(close)[-1])
    True
    """
    def __init__(self, period: int = 30, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def dema(close: _Column, period: int = 30, *, nan: _Nan = "restart") -> _Column:
    """Double exponential moving average.

    ``2 e1 - e2``, with ``e2`` the EMA of ``e1``; each begins with the mean of its first ``period`` numbers.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.dema(close))
    200
    """

@overload
def dema(frame: Any, /, period: int = 30, *, nan: _Nan = "restart") -> Any: ...

class DEMA(Indicator):
    """Double exponential moving average, a row at a time.

    What it gives is what :func:`dema` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.DEMA()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.dema(close)[-1])
    True
    """
    def __init__(self, period: int = 30, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def tema(close: _Column, period: int = 30, *, nan: _Nan = "restart") -> _Column:
    """Triple exponential moving average.

    ``3 e1 - 3 e2 + e3`` of EMAs of each other, each begun with the mean of its first ``period`` numbers.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.tema(close))
    200
    """

@overload
def tema(frame: Any, /, period: int = 30, *, nan: _Nan = "restart") -> Any: ...

class TEMA(Indicator):
    """Triple exponential moving average, a row at a time.

    What it gives is what :func:`tema` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.TEMA()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.tema(close)[-1])
    True
    """
    def __init__(self, period: int = 30, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def t3(close: _Column, period: int = 5, v: float = 0.7, *, nan: _Nan = "restart") -> _Column:
    """Moving average T3 of Tillson.

    ``-v^3 e6 + 3 (v^2 + v^3) e5 - (6 v^2 + 3 v + 3 v^3) e4 + (1 + 3 v + 3 v^2 + v^3) e3`` of six EMAs of each
    other.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    v : float
        Volume factor: 0 is a triple average. From 0 to 1.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.t3(close))
    200
    """

@overload
def t3(frame: Any, /, period: int = 5, v: float = 0.7, *, nan: _Nan = "restart") -> Any: ...

class T3(Indicator):
    """Moving average T3 of Tillson, a row at a time.

    What it gives is what :func:`t3` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    v : float
        Volume factor: 0 is a triple average. From 0 to 1.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.T3()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.t3(close)[-1])
    True
    """
    def __init__(self, period: int = 5, v: float = 0.7, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def trima(close: _Column, period: int = 30, *, nan: _Nan = "restart") -> _Column:
    """Triangular moving average.

    The SMA over ``period // 2 + 1`` rows of the SMA over ``(period + 1) // 2``.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.trima(close))
    200
    """

@overload
def trima(frame: Any, /, period: int = 30, *, nan: _Nan = "restart") -> Any: ...

class TRIMA(Indicator):
    """Triangular moving average, a row at a time.

    What it gives is what :func:`trima` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.TRIMA()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.trima(close)[-1])
    True
    """
    def __init__(self, period: int = 30, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def hma(close: _Column, period: int = 16, *, nan: _Nan = "restart") -> _Column:
    """Moving average of Hull.

    ``WMA(2 WMA(period // 2) - WMA(period), floor(sqrt(period)))``.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.hma(close))
    200
    """

@overload
def hma(frame: Any, /, period: int = 16, *, nan: _Nan = "restart") -> Any: ...

class HMA(Indicator):
    """Moving average of Hull, a row at a time.

    What it gives is what :func:`hma` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.HMA()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.hma(close)[-1])
    True
    """
    def __init__(self, period: int = 16, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def zlema(close: _Column, period: int = 20, *, nan: _Nan = "restart") -> _Column:
    """Exponential moving average without lag.

    The EMA of ``2 x - x[lag]`` with ``lag = (period - 1) // 2``, begun when there is such a row.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.zlema(close))
    200
    """

@overload
def zlema(frame: Any, /, period: int = 20, *, nan: _Nan = "restart") -> Any: ...

class ZLEMA(Indicator):
    """Exponential moving average without lag, a row at a time.

    What it gives is what :func:`zlema` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.ZLEMA()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.zlema(close)[-1])
    True
    """
    def __init__(self, period: int = 20, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def alma(
    close: _Column, period: int = 9, offset: float = 0.85, sigma: float = 6.0, *, nan: _Nan = "restart"
) -> _Column:
    """Moving average of Arnaud Legoux.

    Weights ``exp(-(i - m)^2 / (2 s^2))`` with ``m = offset (period - 1)``, ``s = period / sigma`` and ``i`` from
    0, the oldest row.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    offset : float
        Where the bell is highest: 1 the newest row. From 0 to 1.
    sigma : float
        Windows to a standard deviation of the bell. From 0.01 to 1e+06.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.alma(close))
    200
    """

@overload
def alma(frame: Any, /, period: int = 9, offset: float = 0.85, sigma: float = 6.0, *, nan: _Nan = "restart") -> Any: ...

class ALMA(Indicator):
    """Moving average of Arnaud Legoux, a row at a time.

    What it gives is what :func:`alma` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    offset : float
        Where the bell is highest: 1 the newest row. From 0 to 1.
    sigma : float
        Windows to a standard deviation of the bell. From 0.01 to 1e+06.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.ALMA()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.alma(close)[-1])
    True
    """
    def __init__(self, period: int = 9, offset: float = 0.85, sigma: float = 6.0, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def kama(close: _Column, period: int = 10, fast: int = 2, slow: int = 30, *, nan: _Nan = "restart") -> _Column:
    """Adaptive moving average of Kaufman.

    ``k += s^2 (x - k)`` with ``s`` between ``2 / (slow + 1)`` and ``2 / (fast + 1)`` by the efficiency ``|x -
    x[period]| / sum |change|``; begun with the row before the first value.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    fast : int
        Rows of the fastest average. From 1 to 100000.
    slow : int
        Rows of the slowest average; above ``fast``. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.kama(close))
    200
    """

@overload
def kama(frame: Any, /, period: int = 10, fast: int = 2, slow: int = 30, *, nan: _Nan = "restart") -> Any: ...

class KAMA(Indicator):
    """Adaptive moving average of Kaufman, a row at a time.

    What it gives is what :func:`kama` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    fast : int
        Rows of the fastest average. From 1 to 100000.
    slow : int
        Rows of the slowest average; above ``fast``. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.KAMA()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.kama(close)[-1])
    True
    """
    def __init__(self, period: int = 10, fast: int = 2, slow: int = 30, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def vwma(close: _Column, volume: _Column, period: int = 20, *, nan: _Nan = "restart") -> _Column:
    """Volume-weighted moving average.

    ``sum(close volume) / sum(volume)`` over ``period`` rows; NaN where nothing was traded.

    Parameters
    ----------
    close, volume : float64 (n,)
        Prices, or any series of numbers. Quantities traded. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> len(tc.indicators.vwma(close, volume))
    200
    """

@overload
def vwma(frame: Any, /, period: int = 20, *, nan: _Nan = "restart") -> Any: ...
@overload
def vwma(close: Any, volume: Any, period: int = 20, *, nan: _Nan = "restart") -> Any: ...

class VWMA(Indicator):
    """Volume-weighted moving average, a row at a time.

    What it gives is what :func:`vwma` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> stream = tc.indicators.VWMA()
    >>> values = [stream.update(*row) for row in zip(close, volume)]
    >>> values[-1] == float(tc.indicators.vwma(close, volume)[-1])
    True
    """
    def __init__(self, period: int = 20, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, volume: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def rsi(close: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Relative strength index of Wilder, 0 to 100.

    ``100 G / (G + L)``, with ``G`` and ``L`` the averages of rises and falls: the mean of the first ``period``
    changes, then ``(before (period - 1) + change) / period``. 0 where nothing moved.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.rsi(close))
    200
    """

@overload
def rsi(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class RSI(Indicator):
    """Relative strength index of Wilder, 0 to 100, a row at a time.

    What it gives is what :func:`rsi` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.RSI()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.rsi(close)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def cmo(close: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Momentum oscillator of Chande, -100 to 100.

    ``100 (G - L) / (G + L)`` with the averages of :func:`rsi`. 0 where nothing moved.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.cmo(close))
    200
    """

@overload
def cmo(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class CMO(Indicator):
    """Momentum oscillator of Chande, -100 to 100, a row at a time.

    What it gives is what :func:`cmo` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.CMO()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.cmo(close)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def mom(close: _Column, period: int = 10, *, nan: _Nan = "restart") -> _Column:
    """Momentum.

    ``x - x[period]``.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.mom(close))
    200
    """

@overload
def mom(frame: Any, /, period: int = 10, *, nan: _Nan = "restart") -> Any: ...

class MOM(Indicator):
    """Momentum, a row at a time.

    What it gives is what :func:`mom` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.MOM()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.mom(close)[-1])
    True
    """
    def __init__(self, period: int = 10, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def roc(close: _Column, period: int = 10, *, nan: _Nan = "restart") -> _Column:
    """Rate of change, percent.

    ``100 (x / x[period] - 1)``; 0 where the old one is 0.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.roc(close))
    200
    """

@overload
def roc(frame: Any, /, period: int = 10, *, nan: _Nan = "restart") -> Any: ...

class ROC(Indicator):
    """Rate of change, percent, a row at a time.

    What it gives is what :func:`roc` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.ROC()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.roc(close)[-1])
    True
    """
    def __init__(self, period: int = 10, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def rocp(close: _Column, period: int = 10, *, nan: _Nan = "restart") -> _Column:
    """Rate of change, fraction.

    ``(x - x[period]) / x[period]``; 0 where the old one is 0.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.rocp(close))
    200
    """

@overload
def rocp(frame: Any, /, period: int = 10, *, nan: _Nan = "restart") -> Any: ...

class ROCP(Indicator):
    """Rate of change, fraction, a row at a time.

    What it gives is what :func:`rocp` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.ROCP()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.rocp(close)[-1])
    True
    """
    def __init__(self, period: int = 10, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def rocr(close: _Column, period: int = 10, *, nan: _Nan = "restart") -> _Column:
    """Rate of change as a ratio.

    ``x / x[period]``; 0 where the old one is 0.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.rocr(close))
    200
    """

@overload
def rocr(frame: Any, /, period: int = 10, *, nan: _Nan = "restart") -> Any: ...

class ROCR(Indicator):
    """Rate of change as a ratio, a row at a time.

    What it gives is what :func:`rocr` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.ROCR()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.rocr(close)[-1])
    True
    """
    def __init__(self, period: int = 10, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def log_return(close: _Column, period: int = 1, *, nan: _Nan = "restart") -> _Column:
    """Logarithmic return.

    ``ln(x / x[period])``; a price that is not above 0 is a row without a number.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.log_return(close))
    200
    """

@overload
def log_return(frame: Any, /, period: int = 1, *, nan: _Nan = "restart") -> Any: ...

class LogReturn(Indicator):
    """Logarithmic return, a row at a time.

    What it gives is what :func:`log_return` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.LogReturn()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.log_return(close)[-1])
    True
    """
    def __init__(self, period: int = 1, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def trix(close: _Column, period: int = 30, *, nan: _Nan = "restart") -> _Column:
    """Change of a triple exponential average, percent.

    ``100 (e3 / e3[1] - 1)`` of EMAs of each other, each begun with the mean of its first ``period`` numbers.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.trix(close))
    200
    """

@overload
def trix(frame: Any, /, period: int = 30, *, nan: _Nan = "restart") -> Any: ...

class TRIX(Indicator):
    """Change of a triple exponential average, percent, a row at a time.

    What it gives is what :func:`trix` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.TRIX()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.trix(close)[-1])
    True
    """
    def __init__(self, period: int = 30, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def willr(high: _Column, low: _Column, close: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """%R of Williams, -100 to 0.

    ``-100 (HH - close) / (HH - LL)`` of the highest high and lowest low of ``period`` rows; 0 where both are one.

    Parameters
    ----------
    high, low, close : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or, in place of them, a
        frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.willr(high, low, close))
    200
    """

@overload
def willr(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...
@overload
def willr(high: Any, low: Any, close: Any, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class WILLR(Indicator):
    """%R of Williams, -100 to 0, a row at a time.

    What it gives is what :func:`willr` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.WILLR()
    >>> values = [stream.update(*row) for row in zip(high, low, close)]
    >>> values[-1] == float(tc.indicators.willr(high, low, close)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

class STOCHFValues(NamedTuple, Generic[_T]):
    k: _T
    d: _T

@overload
def stochf(
    high: _Column, low: _Column, close: _Column, period: int = 14, signal: int = 3, *, nan: _Nan = "restart"
) -> STOCHFValues[_Column]:
    """Fast stochastic oscillator.

    ``k = 100 (close - LL) / (HH - LL)`` over ``period`` rows, 0 where both are one; ``d = SMA(k, signal)``.

    Parameters
    ----------
    high, low, close : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or, in place of them, a
        frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    signal : int
        Rows over which %D smooths %K. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    STOCHFValues of float64 (n,)
        Series if such were given. NaN in the warm-up.
        ``k``: %K, 0 to 100.
        ``d``: %D, its average.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.stochf(high, low, close).k)
    200
    """

@overload
def stochf(frame: Any, /, period: int = 14, signal: int = 3, *, nan: _Nan = "restart") -> STOCHFValues[Any]: ...
@overload
def stochf(
    high: Any, low: Any, close: Any, period: int = 14, signal: int = 3, *, nan: _Nan = "restart"
) -> STOCHFValues[Any]: ...

class STOCHF(Indicator):
    """Fast stochastic oscillator, a row at a time.

    What it gives is what :func:`stochf` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    signal : int
        Rows over which %D smooths %K. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.STOCHF()
    >>> values = [stream.update(*row) for row in zip(high, low, close)]
    >>> values[-1] == tuple(column[-1] for column in tc.indicators.stochf(high, low, close))
    True
    """
    def __init__(self, period: int = 14, signal: int = 3, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, /) -> tuple[float, float]: ...  # type: ignore[override]
    @property
    def value(self) -> STOCHFValues[float]: ...

class STOCHValues(NamedTuple, Generic[_T]):
    k: _T
    d: _T

@overload
def stoch(
    high: _Column,
    low: _Column,
    close: _Column,
    period: int = 14,
    smooth: int = 3,
    signal: int = 3,
    *,
    nan: _Nan = "restart",
) -> STOCHValues[_Column]:
    """Slow stochastic oscillator.

    ``k`` is the SMA over ``smooth`` rows of ``100 (close - LL) / (HH - LL)``; ``d = SMA(k, signal)``.

    Parameters
    ----------
    high, low, close : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or, in place of them, a
        frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    smooth : int
        Rows over which %K is smoothed. From 1 to 100000.
    signal : int
        Rows over which %D smooths %K. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    STOCHValues of float64 (n,)
        Series if such were given. NaN in the warm-up.
        ``k``: %K, smoothed, 0 to 100.
        ``d``: %D, its average.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.stoch(high, low, close).k)
    200
    """

@overload
def stoch(
    frame: Any, /, period: int = 14, smooth: int = 3, signal: int = 3, *, nan: _Nan = "restart"
) -> STOCHValues[Any]: ...
@overload
def stoch(
    high: Any, low: Any, close: Any, period: int = 14, smooth: int = 3, signal: int = 3, *, nan: _Nan = "restart"
) -> STOCHValues[Any]: ...

class STOCH(Indicator):
    """Slow stochastic oscillator, a row at a time.

    What it gives is what :func:`stoch` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    smooth : int
        Rows over which %K is smoothed. From 1 to 100000.
    signal : int
        Rows over which %D smooths %K. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.STOCH()
    >>> values = [stream.update(*row) for row in zip(high, low, close)]
    >>> values[-1] == tuple(column[-1] for column in tc.indicators.stoch(high, low, close))
    True
    """
    def __init__(self, period: int = 14, smooth: int = 3, signal: int = 3, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, /) -> tuple[float, float]: ...  # type: ignore[override]
    @property
    def value(self) -> STOCHValues[float]: ...

class STOCHRSIValues(NamedTuple, Generic[_T]):
    k: _T
    d: _T

@overload
def stochrsi(
    close: _Column, period: int = 14, stoch: int = 14, signal: int = 3, *, nan: _Nan = "restart"
) -> STOCHRSIValues[_Column]:
    """Stochastic oscillator of the relative strength index.

    ``k`` says where :func:`rsi` lies between its lowest and highest of ``stoch`` rows; ``d = SMA(k, signal)``.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    stoch : int
        Rows of the highest and lowest RSI. From 1 to 100000.
    signal : int
        Rows over which %D smooths %K. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    STOCHRSIValues of float64 (n,)
        Series if such were given. NaN in the warm-up.
        ``k``: %K, 0 to 100.
        ``d``: %D, its average.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.stochrsi(close).k)
    200
    """

@overload
def stochrsi(
    frame: Any, /, period: int = 14, stoch: int = 14, signal: int = 3, *, nan: _Nan = "restart"
) -> STOCHRSIValues[Any]: ...

class STOCHRSI(Indicator):
    """Stochastic oscillator of the relative strength index, a row at a time.

    What it gives is what :func:`stochrsi` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    stoch : int
        Rows of the highest and lowest RSI. From 1 to 100000.
    signal : int
        Rows over which %D smooths %K. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.STOCHRSI()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == tuple(column[-1] for column in tc.indicators.stochrsi(close))
    True
    """
    def __init__(self, period: int = 14, stoch: int = 14, signal: int = 3, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> tuple[float, float]: ...  # type: ignore[override]
    @property
    def value(self) -> STOCHRSIValues[float]: ...

@overload
def tsi(close: _Column, long: int = 25, short: int = 13, *, nan: _Nan = "restart") -> _Column:
    """True strength index of Blau, -100 to 100.

    ``100 EMA(EMA(change, long), short) / EMA(EMA(|change|, long), short)``; 0 where nothing moved.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    long : int
        Length of the first average, rows. From 1 to 100000.
    short : int
        Length of the second one, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.tsi(close))
    200
    """

@overload
def tsi(frame: Any, /, long: int = 25, short: int = 13, *, nan: _Nan = "restart") -> Any: ...

class TSI(Indicator):
    """True strength index of Blau, -100 to 100, a row at a time.

    What it gives is what :func:`tsi` gives for the same rows, to the last bit.

    Parameters
    ----------
    long : int
        Length of the first average, rows. From 1 to 100000.
    short : int
        Length of the second one, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.TSI()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.tsi(close)[-1])
    True
    """
    def __init__(self, long: int = 25, short: int = 13, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

class MACDValues(NamedTuple, Generic[_T]):
    macd: _T
    signal: _T
    hist: _T

@overload
def macd(
    close: _Column, fast: int = 12, slow: int = 26, signal: int = 9, *, nan: _Nan = "restart"
) -> MACDValues[_Column]:
    """Moving average convergence divergence of Appel.

    ``macd = EMA(fast) - EMA(slow)``, ``signal = EMA(macd, signal)``, ``hist = macd - signal``. Both averages
    begin at row ``slow - 1``, each with the mean of its last rows there; all outputs begin with the signal.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    fast : int
        Length of the fast average, rows. From 2 to 100000.
    slow : int
        Length of the slow average, rows; above ``fast``. From 2 to 100000.
    signal : int
        Length of the average of the line, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    MACDValues of float64 (n,)
        Series if such were given. NaN in the warm-up.
        ``macd``: The line.
        ``signal``: Its average.
        ``hist``: The difference of both.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.macd(close).macd)
    200
    """

@overload
def macd(
    frame: Any, /, fast: int = 12, slow: int = 26, signal: int = 9, *, nan: _Nan = "restart"
) -> MACDValues[Any]: ...

class MACD(Indicator):
    """Moving average convergence divergence of Appel, a row at a time.

    What it gives is what :func:`macd` gives for the same rows, to the last bit.

    Parameters
    ----------
    fast : int
        Length of the fast average, rows. From 2 to 100000.
    slow : int
        Length of the slow average, rows; above ``fast``. From 2 to 100000.
    signal : int
        Length of the average of the line, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.MACD()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == tuple(column[-1] for column in tc.indicators.macd(close))
    True
    """
    def __init__(self, fast: int = 12, slow: int = 26, signal: int = 9, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> tuple[float, float, float]: ...  # type: ignore[override]
    @property
    def value(self) -> MACDValues[float]: ...

@overload
def apo(
    close: _Column, fast: int = 12, slow: int = 26, ma: Literal["sma", "ema"] = "sma", *, nan: _Nan = "restart"
) -> _Column:
    """Absolute price oscillator.

    The fast average less the slow one; each begins by itself, which :func:`macd` does not.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    fast : int
        Length of the fast average, rows. From 2 to 100000.
    slow : int
        Length of the slow average, rows; above ``fast``. From 2 to 100000.
    ma : 'sma' or 'ema'
        Kind of the averages.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.apo(close))
    200
    """

@overload
def apo(
    frame: Any, /, fast: int = 12, slow: int = 26, ma: Literal["sma", "ema"] = "sma", *, nan: _Nan = "restart"
) -> Any: ...

class APO(Indicator):
    """Absolute price oscillator, a row at a time.

    What it gives is what :func:`apo` gives for the same rows, to the last bit.

    Parameters
    ----------
    fast : int
        Length of the fast average, rows. From 2 to 100000.
    slow : int
        Length of the slow average, rows; above ``fast``. From 2 to 100000.
    ma : 'sma' or 'ema'
        Kind of the averages.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.APO()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.apo(close)[-1])
    True
    """
    def __init__(
        self, fast: int = 12, slow: int = 26, ma: Literal["sma", "ema"] = "sma", *, nan: _Nan = "restart"
    ) -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def ppo(
    close: _Column, fast: int = 12, slow: int = 26, ma: Literal["sma", "ema"] = "sma", *, nan: _Nan = "restart"
) -> _Column:
    """Percentage price oscillator.

    ``100 (fast - slow) / slow`` of two averages; each begins by itself, which :func:`macd` does not.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    fast : int
        Length of the fast average, rows. From 2 to 100000.
    slow : int
        Length of the slow average, rows; above ``fast``. From 2 to 100000.
    ma : 'sma' or 'ema'
        Kind of the averages.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.ppo(close))
    200
    """

@overload
def ppo(
    frame: Any, /, fast: int = 12, slow: int = 26, ma: Literal["sma", "ema"] = "sma", *, nan: _Nan = "restart"
) -> Any: ...

class PPO(Indicator):
    """Percentage price oscillator, a row at a time.

    What it gives is what :func:`ppo` gives for the same rows, to the last bit.

    Parameters
    ----------
    fast : int
        Length of the fast average, rows. From 2 to 100000.
    slow : int
        Length of the slow average, rows; above ``fast``. From 2 to 100000.
    ma : 'sma' or 'ema'
        Kind of the averages.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.PPO()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.ppo(close)[-1])
    True
    """
    def __init__(
        self, fast: int = 12, slow: int = 26, ma: Literal["sma", "ema"] = "sma", *, nan: _Nan = "restart"
    ) -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def ao(high: _Column, low: _Column, fast: int = 5, slow: int = 34, *, nan: _Nan = "restart") -> _Column:
    """Awesome oscillator of Williams.

    ``SMA(m, fast) - SMA(m, slow)`` of the middles ``m = (high + low) / 2``.

    Parameters
    ----------
    high, low : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Or, in place of them, a frame that has these columns.
    fast : int
        Length of the fast average, rows. From 1 to 100000.
    slow : int
        Length of the slow average, rows; above ``fast``. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.ao(high, low))
    200
    """

@overload
def ao(frame: Any, /, fast: int = 5, slow: int = 34, *, nan: _Nan = "restart") -> Any: ...
@overload
def ao(high: Any, low: Any, fast: int = 5, slow: int = 34, *, nan: _Nan = "restart") -> Any: ...

class AO(Indicator):
    """Awesome oscillator of Williams, a row at a time.

    What it gives is what :func:`ao` gives for the same rows, to the last bit.

    Parameters
    ----------
    fast : int
        Length of the fast average, rows. From 1 to 100000.
    slow : int
        Length of the slow average, rows; above ``fast``. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.AO()
    >>> values = [stream.update(*row) for row in zip(high, low)]
    >>> values[-1] == float(tc.indicators.ao(high, low)[-1])
    True
    """
    def __init__(self, fast: int = 5, slow: int = 34, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def dpo(close: _Column, period: int = 20, *, nan: _Nan = "restart") -> _Column:
    """Detrended price oscillator.

    ``x[period // 2 + 1] - SMA(x, period)``: the old price against the average of now, so nothing is read ahead.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.dpo(close))
    200
    """

@overload
def dpo(frame: Any, /, period: int = 20, *, nan: _Nan = "restart") -> Any: ...

class DPO(Indicator):
    """Detrended price oscillator, a row at a time.

    What it gives is what :func:`dpo` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.DPO()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.dpo(close)[-1])
    True
    """
    def __init__(self, period: int = 20, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def cci(high: _Column, low: _Column, close: _Column, period: int = 20, *, nan: _Nan = "restart") -> _Column:
    """Commodity channel index of Lambert.

    ``(tp - SMA(tp)) / (0.015 mean |tp - SMA(tp)|)`` of the typical price ``(high + low + close) / 3``; 0 where
    nothing deviates.

    Parameters
    ----------
    high, low, close : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or, in place of them, a
        frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.cci(high, low, close))
    200
    """

@overload
def cci(frame: Any, /, period: int = 20, *, nan: _Nan = "restart") -> Any: ...
@overload
def cci(high: Any, low: Any, close: Any, period: int = 20, *, nan: _Nan = "restart") -> Any: ...

class CCI(Indicator):
    """Commodity channel index of Lambert, a row at a time.

    What it gives is what :func:`cci` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.CCI()
    >>> values = [stream.update(*row) for row in zip(high, low, close)]
    >>> values[-1] == float(tc.indicators.cci(high, low, close)[-1])
    True
    """
    def __init__(self, period: int = 20, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def ultosc(
    high: _Column,
    low: _Column,
    close: _Column,
    short: int = 7,
    middle: int = 14,
    long: int = 28,
    *,
    nan: _Nan = "restart",
) -> _Column:
    """Ultimate oscillator of Williams, 0 to 100.

    ``sum(close - min(low, close[1])) / sum(true range)`` over three windows, weighted 4, 2 and 1.

    Parameters
    ----------
    high, low, close : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or, in place of them, a
        frame that has these columns.
    short : int
        The shortest window, rows. From 1 to 100000.
    middle : int
        The middle one, rows; above ``short``. From 1 to 100000.
    long : int
        The longest one, rows; above ``middle``. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.ultosc(high, low, close))
    200
    """

@overload
def ultosc(frame: Any, /, short: int = 7, middle: int = 14, long: int = 28, *, nan: _Nan = "restart") -> Any: ...
@overload
def ultosc(
    high: Any, low: Any, close: Any, short: int = 7, middle: int = 14, long: int = 28, *, nan: _Nan = "restart"
) -> Any: ...

class ULTOSC(Indicator):
    """Ultimate oscillator of Williams, 0 to 100, a row at a time.

    What it gives is what :func:`ultosc` gives for the same rows, to the last bit.

    Parameters
    ----------
    short : int
        The shortest window, rows. From 1 to 100000.
    middle : int
        The middle one, rows; above ``short``. From 1 to 100000.
    long : int
        The longest one, rows; above ``middle``. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.ULTOSC()
    >>> values = [stream.update(*row) for row in zip(high, low, close)]
    >>> values[-1] == float(tc.indicators.ultosc(high, low, close)[-1])
    True
    """
    def __init__(self, short: int = 7, middle: int = 14, long: int = 28, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def bop(open: _Column, high: _Column, low: _Column, close: _Column, *, nan: _Nan = "restart") -> _Column:
    """Balance of power, -1 to 1.

    ``(close - open) / (high - low)``; 0 of a bar without a range.

    Parameters
    ----------
    open, high, low, close : float64 (n,)
        First prices of bars. Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or,
        in place of them, a frame that has these columns.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> open = close - 0.25
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.bop(open, high, low, close))
    200
    """

@overload
def bop(frame: Any, /, *, nan: _Nan = "restart") -> Any: ...
@overload
def bop(open: Any, high: Any, low: Any, close: Any, *, nan: _Nan = "restart") -> Any: ...

class BOP(Indicator):
    """Balance of power, -1 to 1, a row at a time.

    What it gives is what :func:`bop` gives for the same rows, to the last bit.

    Parameters
    ----------
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> open = close - 0.25
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.BOP()
    >>> values = [stream.update(*row) for row in zip(open, high, low, close)]
    >>> values[-1] == float(tc.indicators.bop(open, high, low, close)[-1])
    True
    """
    def __init__(self, *, nan: _Nan = "restart") -> None: ...
    def update(self, open: float, high: float, low: float, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

class AROONValues(NamedTuple, Generic[_T]):
    down: _T
    up: _T

@overload
def aroon(high: _Column, low: _Column, period: int = 14, *, nan: _Nan = "restart") -> AROONValues[_Column]:
    """Aroon of Chande.

    ``100 (period - rows since the extreme) / period`` of the last ``period + 1`` rows; of equal ones the last
    counts.

    Parameters
    ----------
    high, low : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    AROONValues of float64 (n,)
        Series if such were given. NaN in the warm-up.
        ``down``: Of the lowest low, 0 to 100.
        ``up``: Of the highest high, 0 to 100.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.aroon(high, low).down)
    200
    """

@overload
def aroon(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> AROONValues[Any]: ...
@overload
def aroon(high: Any, low: Any, period: int = 14, *, nan: _Nan = "restart") -> AROONValues[Any]: ...

class AROON(Indicator):
    """Aroon of Chande, a row at a time.

    What it gives is what :func:`aroon` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.AROON()
    >>> values = [stream.update(*row) for row in zip(high, low)]
    >>> values[-1] == tuple(column[-1] for column in tc.indicators.aroon(high, low))
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, /) -> tuple[float, float]: ...  # type: ignore[override]
    @property
    def value(self) -> AROONValues[float]: ...

@overload
def aroonosc(high: _Column, low: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Aroon oscillator, -100 to 100.

    ``up - down`` of :func:`aroon`.

    Parameters
    ----------
    high, low : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.aroonosc(high, low))
    200
    """

@overload
def aroonosc(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...
@overload
def aroonosc(high: Any, low: Any, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class AROONOSC(Indicator):
    """Aroon oscillator, -100 to 100, a row at a time.

    What it gives is what :func:`aroonosc` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.AROONOSC()
    >>> values = [stream.update(*row) for row in zip(high, low)]
    >>> values[-1] == float(tc.indicators.aroonosc(high, low)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def sar(
    high: _Column, low: _Column, acceleration: float = 0.02, maximum: float = 0.2, *, nan: _Nan = "restart"
) -> _Column:
    """Parabolic stop and reverse of Wilder, in units of price.

    Begins downwards if row 1 moved down more than up, with the opposite extreme of row 0 as the stop.

    Parameters
    ----------
    high, low : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Or, in place of them, a frame that has these columns.
    acceleration : float
        What each new extreme adds to the speed. From 0 to 1.
    maximum : float
        The highest speed. From 0 to 1.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.sar(high, low))
    200
    """

@overload
def sar(frame: Any, /, acceleration: float = 0.02, maximum: float = 0.2, *, nan: _Nan = "restart") -> Any: ...
@overload
def sar(high: Any, low: Any, acceleration: float = 0.02, maximum: float = 0.2, *, nan: _Nan = "restart") -> Any: ...

class SAR(Indicator):
    """Parabolic stop and reverse of Wilder, in units of price, a row at a time.

    What it gives is what :func:`sar` gives for the same rows, to the last bit.

    Parameters
    ----------
    acceleration : float
        What each new extreme adds to the speed. From 0 to 1.
    maximum : float
        The highest speed. From 0 to 1.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.SAR()
    >>> values = [stream.update(*row) for row in zip(high, low)]
    >>> values[-1] == float(tc.indicators.sar(high, low)[-1])
    True
    """
    def __init__(self, acceleration: float = 0.02, maximum: float = 0.2, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

class SUPERTRENDValues(NamedTuple, Generic[_T]):
    value: _T
    direction: _T

@overload
def supertrend(
    high: _Column, low: _Column, close: _Column, period: int = 10, width: float = 3.0, *, nan: _Nan = "restart"
) -> SUPERTRENDValues[_Column]:
    """Supertrend of Seban.

    Bands ``(high + low) / 2 +- width ATR(period)`` that only come closer until the close is beyond them; begins
    downwards.

    Parameters
    ----------
    high, low, close : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or, in place of them, a
        frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    width : float
        Average true ranges from the middle to a band. From 0 to 1e+06.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    SUPERTRENDValues of float64 (n,)
        Series if such were given. NaN in the warm-up.
        ``value``: The stop, in units of price.
        ``direction``: 1 up, -1 down.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.supertrend(high, low, close).value)
    200
    """

@overload
def supertrend(
    frame: Any, /, period: int = 10, width: float = 3.0, *, nan: _Nan = "restart"
) -> SUPERTRENDValues[Any]: ...
@overload
def supertrend(
    high: Any, low: Any, close: Any, period: int = 10, width: float = 3.0, *, nan: _Nan = "restart"
) -> SUPERTRENDValues[Any]: ...

class SUPERTREND(Indicator):
    """Supertrend of Seban, a row at a time.

    What it gives is what :func:`supertrend` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    width : float
        Average true ranges from the middle to a band. From 0 to 1e+06.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.SUPERTREND()
    >>> values = [stream.update(*row) for row in zip(high, low, close)]
    >>> values[-1] == tuple(column[-1] for column in tc.indicators.supertrend(high, low, close))
    True
    """
    def __init__(self, period: int = 10, width: float = 3.0, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, /) -> tuple[float, float]: ...  # type: ignore[override]
    @property
    def value(self) -> SUPERTRENDValues[float]: ...

class ICHIMOKUValues(NamedTuple, Generic[_T]):
    tenkan: _T
    kijun: _T
    senkou_a: _T
    senkou_b: _T

@overload
def ichimoku(
    high: _Column,
    low: _Column,
    tenkan: int = 9,
    kijun: int = 26,
    senkou: int = 52,
    delay: int = 26,
    *,
    nan: _Nan = "restart",
) -> ICHIMOKUValues[_Column]:
    """Ichimoku cloud.

    Middles of the highest high and lowest low. The cloud of a row is what was known ``delay`` rows before; the
    lagging span, which is the close of a later row, is left out. All outputs begin with ``senkou_b``.

    Parameters
    ----------
    high, low : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Or, in place of them, a frame that has these columns.
    tenkan : int
        Rows of the conversion line. From 1 to 100000.
    kijun : int
        Rows of the base line; above ``tenkan``. From 1 to 100000.
    senkou : int
        Rows of the second span; above ``kijun``. From 1 to 100000.
    delay : int
        Rows that the spans are drawn ahead. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    ICHIMOKUValues of float64 (n,)
        Series if such were given. NaN in the warm-up.
        ``tenkan``: Conversion line.
        ``kijun``: Base line.
        ``senkou_a``: First span of the cloud of this row.
        ``senkou_b``: Second span of the cloud of this row.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.ichimoku(high, low).tenkan)
    200
    """

@overload
def ichimoku(
    frame: Any, /, tenkan: int = 9, kijun: int = 26, senkou: int = 52, delay: int = 26, *, nan: _Nan = "restart"
) -> ICHIMOKUValues[Any]: ...
@overload
def ichimoku(
    high: Any, low: Any, tenkan: int = 9, kijun: int = 26, senkou: int = 52, delay: int = 26, *, nan: _Nan = "restart"
) -> ICHIMOKUValues[Any]: ...

class ICHIMOKU(Indicator):
    """Ichimoku cloud, a row at a time.

    What it gives is what :func:`ichimoku` gives for the same rows, to the last bit.

    Parameters
    ----------
    tenkan : int
        Rows of the conversion line. From 1 to 100000.
    kijun : int
        Rows of the base line; above ``tenkan``. From 1 to 100000.
    senkou : int
        Rows of the second span; above ``kijun``. From 1 to 100000.
    delay : int
        Rows that the spans are drawn ahead. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.ICHIMOKU()
    >>> values = [stream.update(*row) for row in zip(high, low)]
    >>> values[-1] == tuple(column[-1] for column in tc.indicators.ichimoku(high, low))
    True
    """
    def __init__(
        self, tenkan: int = 9, kijun: int = 26, senkou: int = 52, delay: int = 26, *, nan: _Nan = "restart"
    ) -> None: ...
    def update(self, high: float, low: float, /) -> tuple[float, float, float, float]: ...  # type: ignore[override]
    @property
    def value(self) -> ICHIMOKUValues[float]: ...

class VORTEXValues(NamedTuple, Generic[_T]):
    plus: _T
    minus: _T

@overload
def vortex(
    high: _Column, low: _Column, close: _Column, period: int = 14, *, nan: _Nan = "restart"
) -> VORTEXValues[_Column]:
    """Vortex indicator of Botes and Siepman.

    Sums over ``period`` rows of ``|high - low[1]|`` and ``|low - high[1]|``, divided by that of true ranges.

    Parameters
    ----------
    high, low, close : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or, in place of them, a
        frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    VORTEXValues of float64 (n,)
        Series if such were given. NaN in the warm-up.
        ``plus``: VI+.
        ``minus``: VI-.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.vortex(high, low, close).plus)
    200
    """

@overload
def vortex(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> VORTEXValues[Any]: ...
@overload
def vortex(high: Any, low: Any, close: Any, period: int = 14, *, nan: _Nan = "restart") -> VORTEXValues[Any]: ...

class VORTEX(Indicator):
    """Vortex indicator of Botes and Siepman, a row at a time.

    What it gives is what :func:`vortex` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.VORTEX()
    >>> values = [stream.update(*row) for row in zip(high, low, close)]
    >>> values[-1] == tuple(column[-1] for column in tc.indicators.vortex(high, low, close))
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, /) -> tuple[float, float]: ...  # type: ignore[override]
    @property
    def value(self) -> VORTEXValues[float]: ...

@overload
def plus_dm(high: _Column, low: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Movement up of Wilder, in units of price.

    The running sum ``s - s / period + x`` of ``high - high[1]`` where that is above 0 and above the movement
    down, begun with the sum of rows 1 to ``period - 1``.

    Parameters
    ----------
    high, low : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.plus_dm(high, low))
    200
    """

@overload
def plus_dm(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...
@overload
def plus_dm(high: Any, low: Any, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class PlusDM(Indicator):
    """Movement up of Wilder, in units of price, a row at a time.

    What it gives is what :func:`plus_dm` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.PlusDM()
    >>> values = [stream.update(*row) for row in zip(high, low)]
    >>> values[-1] == float(tc.indicators.plus_dm(high, low)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def minus_dm(high: _Column, low: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Movement down of Wilder, in units of price.

    The running sum ``s - s / period + x`` of ``low[1] - low`` where that is above 0 and above the movement up,
    begun with the sum of rows 1 to ``period - 1``.

    Parameters
    ----------
    high, low : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.minus_dm(high, low))
    200
    """

@overload
def minus_dm(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...
@overload
def minus_dm(high: Any, low: Any, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class MinusDM(Indicator):
    """Movement down of Wilder, in units of price, a row at a time.

    What it gives is what :func:`minus_dm` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.MinusDM()
    >>> values = [stream.update(*row) for row in zip(high, low)]
    >>> values[-1] == float(tc.indicators.minus_dm(high, low)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def plus_di(high: _Column, low: _Column, close: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Directional indicator up, 0 to 100.

    ``100 +DM / TR`` of running sums as in :func:`plus_dm`; 0 where there was no range.

    Parameters
    ----------
    high, low, close : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or, in place of them, a
        frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.plus_di(high, low, close))
    200
    """

@overload
def plus_di(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...
@overload
def plus_di(high: Any, low: Any, close: Any, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class PlusDI(Indicator):
    """Directional indicator up, 0 to 100, a row at a time.

    What it gives is what :func:`plus_di` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.PlusDI()
    >>> values = [stream.update(*row) for row in zip(high, low, close)]
    >>> values[-1] == float(tc.indicators.plus_di(high, low, close)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def minus_di(high: _Column, low: _Column, close: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Directional indicator down, 0 to 100.

    ``100 -DM / TR`` of running sums as in :func:`minus_dm`; 0 where there was no range.

    Parameters
    ----------
    high, low, close : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or, in place of them, a
        frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.minus_di(high, low, close))
    200
    """

@overload
def minus_di(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...
@overload
def minus_di(high: Any, low: Any, close: Any, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class MinusDI(Indicator):
    """Directional indicator down, 0 to 100, a row at a time.

    What it gives is what :func:`minus_di` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.MinusDI()
    >>> values = [stream.update(*row) for row in zip(high, low, close)]
    >>> values[-1] == float(tc.indicators.minus_di(high, low, close)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def dx(high: _Column, low: _Column, close: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Directional movement index, 0 to 100.

    ``100 |+DI - -DI| / (+DI + -DI)``; 0 where both are 0.

    Parameters
    ----------
    high, low, close : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or, in place of them, a
        frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.dx(high, low, close))
    200
    """

@overload
def dx(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...
@overload
def dx(high: Any, low: Any, close: Any, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class DX(Indicator):
    """Directional movement index, 0 to 100, a row at a time.

    What it gives is what :func:`dx` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.DX()
    >>> values = [stream.update(*row) for row in zip(high, low, close)]
    >>> values[-1] == float(tc.indicators.dx(high, low, close)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def adx(high: _Column, low: _Column, close: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Average directional movement index, 0 to 100.

    The mean of the first ``period`` values of :func:`dx`, then ``(before (period - 1) + dx) / period``.

    Parameters
    ----------
    high, low, close : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or, in place of them, a
        frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.adx(high, low, close))
    200
    """

@overload
def adx(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...
@overload
def adx(high: Any, low: Any, close: Any, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class ADX(Indicator):
    """Average directional movement index, 0 to 100, a row at a time.

    What it gives is what :func:`adx` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.ADX()
    >>> values = [stream.update(*row) for row in zip(high, low, close)]
    >>> values[-1] == float(tc.indicators.adx(high, low, close)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def adxr(high: _Column, low: _Column, close: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Average directional movement rating, 0 to 100.

    ``(ADX + ADX[period - 1]) / 2``.

    Parameters
    ----------
    high, low, close : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or, in place of them, a
        frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.adxr(high, low, close))
    200
    """

@overload
def adxr(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...
@overload
def adxr(high: Any, low: Any, close: Any, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class ADXR(Indicator):
    """Average directional movement rating, 0 to 100, a row at a time.

    What it gives is what :func:`adxr` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.ADXR()
    >>> values = [stream.update(*row) for row in zip(high, low, close)]
    >>> values[-1] == float(tc.indicators.adxr(high, low, close)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

class BBANDSValues(NamedTuple, Generic[_T]):
    upper: _T
    middle: _T
    lower: _T

@overload
def bbands(close: _Column, period: int = 20, std: float = 2.0, *, nan: _Nan = "restart") -> BBANDSValues[_Column]:
    """Bollinger bands.

    ``middle = SMA(close, period)``; ``upper`` and ``lower`` lie ``std`` standard deviations of the population
    (divided by ``period``) away.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    std : float
        Standard deviations from the middle to a band. From 0 to 1e+06.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    BBANDSValues of float64 (n,)
        Series if such were given. NaN in the warm-up.
        ``upper``: The upper band.
        ``middle``: The middle.
        ``lower``: The lower band.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.bbands(close).upper)
    200
    """

@overload
def bbands(frame: Any, /, period: int = 20, std: float = 2.0, *, nan: _Nan = "restart") -> BBANDSValues[Any]: ...

class BBANDS(Indicator):
    """Bollinger bands, a row at a time.

    What it gives is what :func:`bbands` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    std : float
        Standard deviations from the middle to a band. From 0 to 1e+06.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.BBANDS()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == tuple(column[-1] for column in tc.indicators.bbands(close))
    True
    """
    def __init__(self, period: int = 20, std: float = 2.0, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> tuple[float, float, float]: ...  # type: ignore[override]
    @property
    def value(self) -> BBANDSValues[float]: ...

@overload
def percent_b(close: _Column, period: int = 20, std: float = 2.0, *, nan: _Nan = "restart") -> _Column:
    """Where a price lies between its Bollinger bands: 0 the lower, 1 the upper one.

    ``(close - lower) / (upper - lower)`` of :func:`bbands`; NaN where both are one.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    std : float
        Standard deviations from the middle to a band. From 0 to 1e+06.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.percent_b(close))
    200
    """

@overload
def percent_b(frame: Any, /, period: int = 20, std: float = 2.0, *, nan: _Nan = "restart") -> Any: ...

class PercentB(Indicator):
    """Where a price lies between its Bollinger bands: 0 the lower, 1 the upper one, a row at a time.

    What it gives is what :func:`percent_b` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    std : float
        Standard deviations from the middle to a band. From 0 to 1e+06.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.PercentB()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.percent_b(close)[-1])
    True
    """
    def __init__(self, period: int = 20, std: float = 2.0, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def bandwidth(close: _Column, period: int = 20, std: float = 2.0, *, nan: _Nan = "restart") -> _Column:
    """Width of Bollinger bands as a fraction of their middle.

    ``(upper - lower) / middle`` of :func:`bbands`; 0 where the middle is 0.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    std : float
        Standard deviations from the middle to a band. From 0 to 1e+06.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.bandwidth(close))
    200
    """

@overload
def bandwidth(frame: Any, /, period: int = 20, std: float = 2.0, *, nan: _Nan = "restart") -> Any: ...

class Bandwidth(Indicator):
    """Width of Bollinger bands as a fraction of their middle, a row at a time.

    What it gives is what :func:`bandwidth` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    std : float
        Standard deviations from the middle to a band. From 0 to 1e+06.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.Bandwidth()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.bandwidth(close)[-1])
    True
    """
    def __init__(self, period: int = 20, std: float = 2.0, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

class KELTNERValues(NamedTuple, Generic[_T]):
    upper: _T
    middle: _T
    lower: _T

@overload
def keltner(
    high: _Column,
    low: _Column,
    close: _Column,
    period: int = 20,
    atr: int = 10,
    width: float = 2.0,
    *,
    nan: _Nan = "restart",
) -> KELTNERValues[_Column]:
    """Keltner channel.

    ``EMA(close, period)``, and ``width`` times ``ATR(atr)`` above and below it.

    Parameters
    ----------
    high, low, close : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or, in place of them, a
        frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    atr : int
        Length of the average true range, rows. From 1 to 100000.
    width : float
        Average true ranges from the middle to a band. From 0 to 1e+06.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    KELTNERValues of float64 (n,)
        Series if such were given. NaN in the warm-up.
        ``upper``: The upper band.
        ``middle``: The middle.
        ``lower``: The lower band.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.keltner(high, low, close).upper)
    200
    """

@overload
def keltner(
    frame: Any, /, period: int = 20, atr: int = 10, width: float = 2.0, *, nan: _Nan = "restart"
) -> KELTNERValues[Any]: ...
@overload
def keltner(
    high: Any, low: Any, close: Any, period: int = 20, atr: int = 10, width: float = 2.0, *, nan: _Nan = "restart"
) -> KELTNERValues[Any]: ...

class KELTNER(Indicator):
    """Keltner channel, a row at a time.

    What it gives is what :func:`keltner` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    atr : int
        Length of the average true range, rows. From 1 to 100000.
    width : float
        Average true ranges from the middle to a band. From 0 to 1e+06.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.KELTNER()
    >>> values = [stream.update(*row) for row in zip(high, low, close)]
    >>> values[-1] == tuple(column[-1] for column in tc.indicators.keltner(high, low, close))
    True
    """
    def __init__(self, period: int = 20, atr: int = 10, width: float = 2.0, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, /) -> tuple[float, float, float]: ...  # type: ignore[override]
    @property
    def value(self) -> KELTNERValues[float]: ...

class DONCHIANValues(NamedTuple, Generic[_T]):
    upper: _T
    middle: _T
    lower: _T

@overload
def donchian(high: _Column, low: _Column, period: int = 20, *, nan: _Nan = "restart") -> DONCHIANValues[_Column]:
    """Donchian channel.

    Of the last ``period`` rows, this one included: for a breakout compare with the row before.

    Parameters
    ----------
    high, low : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    DONCHIANValues of float64 (n,)
        Series if such were given. NaN in the warm-up.
        ``upper``: The highest high.
        ``middle``: The middle.
        ``lower``: The lowest low.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.donchian(high, low).upper)
    200
    """

@overload
def donchian(frame: Any, /, period: int = 20, *, nan: _Nan = "restart") -> DONCHIANValues[Any]: ...
@overload
def donchian(high: Any, low: Any, period: int = 20, *, nan: _Nan = "restart") -> DONCHIANValues[Any]: ...

class DONCHIAN(Indicator):
    """Donchian channel, a row at a time.

    What it gives is what :func:`donchian` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.DONCHIAN()
    >>> values = [stream.update(*row) for row in zip(high, low)]
    >>> values[-1] == tuple(column[-1] for column in tc.indicators.donchian(high, low))
    True
    """
    def __init__(self, period: int = 20, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, /) -> tuple[float, float, float]: ...  # type: ignore[override]
    @property
    def value(self) -> DONCHIANValues[float]: ...

@overload
def midpoint(close: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Middle of the highest and the lowest.

    ``(max + min) / 2`` of the last ``period`` rows.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.midpoint(close))
    200
    """

@overload
def midpoint(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class MIDPOINT(Indicator):
    """Middle of the highest and the lowest, a row at a time.

    What it gives is what :func:`midpoint` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.MIDPOINT()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.midpoint(close)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def midprice(high: _Column, low: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Middle of the highest high and the lowest low.

    ``(HH + LL) / 2`` of the last ``period`` rows.

    Parameters
    ----------
    high, low : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.midprice(high, low))
    200
    """

@overload
def midprice(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...
@overload
def midprice(high: Any, low: Any, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class MIDPRICE(Indicator):
    """Middle of the highest high and the lowest low, a row at a time.

    What it gives is what :func:`midprice` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.MIDPRICE()
    >>> values = [stream.update(*row) for row in zip(high, low)]
    >>> values[-1] == float(tc.indicators.midprice(high, low)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def trange(high: _Column, low: _Column, close: _Column, *, nan: _Nan = "restart") -> _Column:
    """True range, in units of price.

    ``max(high - low, |high - close[1]|, |low - close[1]|)``.

    Parameters
    ----------
    high, low, close : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or, in place of them, a
        frame that has these columns.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.trange(high, low, close))
    200
    """

@overload
def trange(frame: Any, /, *, nan: _Nan = "restart") -> Any: ...
@overload
def trange(high: Any, low: Any, close: Any, *, nan: _Nan = "restart") -> Any: ...

class TRANGE(Indicator):
    """True range, in units of price, a row at a time.

    What it gives is what :func:`trange` gives for the same rows, to the last bit.

    Parameters
    ----------
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.TRANGE()
    >>> values = [stream.update(*row) for row in zip(high, low, close)]
    >>> values[-1] == float(tc.indicators.trange(high, low, close)[-1])
    True
    """
    def __init__(self, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def atr(high: _Column, low: _Column, close: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Average true range of Wilder, in units of price.

    The mean of the true ranges of rows 1 to ``period``, then ``(before (period - 1) + range) / period``.

    Parameters
    ----------
    high, low, close : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or, in place of them, a
        frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.atr(high, low, close))
    200
    """

@overload
def atr(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...
@overload
def atr(high: Any, low: Any, close: Any, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class ATR(Indicator):
    """Average true range of Wilder, in units of price, a row at a time.

    What it gives is what :func:`atr` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.ATR()
    >>> values = [stream.update(*row) for row in zip(high, low, close)]
    >>> values[-1] == float(tc.indicators.atr(high, low, close)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def natr(high: _Column, low: _Column, close: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Average true range, percent of the close.

    ``100 ATR / close``; 0 where the close is 0.

    Parameters
    ----------
    high, low, close : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or, in place of them, a
        frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.natr(high, low, close))
    200
    """

@overload
def natr(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...
@overload
def natr(high: Any, low: Any, close: Any, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class NATR(Indicator):
    """Average true range, percent of the close, a row at a time.

    What it gives is what :func:`natr` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.NATR()
    >>> values = [stream.update(*row) for row in zip(high, low, close)]
    >>> values[-1] == float(tc.indicators.natr(high, low, close)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def chop(high: _Column, low: _Column, close: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Choppiness index, up to 100.

    ``100 log10(sum(true range) / (HH - LL)) / log10(period)`` over ``period`` rows; NaN where the highest high is
    the lowest low.

    Parameters
    ----------
    high, low, close : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or, in place of them, a
        frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.chop(high, low, close))
    200
    """

@overload
def chop(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...
@overload
def chop(high: Any, low: Any, close: Any, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class CHOP(Indicator):
    """Choppiness index, up to 100, a row at a time.

    What it gives is what :func:`chop` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.CHOP()
    >>> values = [stream.update(*row) for row in zip(high, low, close)]
    >>> values[-1] == float(tc.indicators.chop(high, low, close)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def ulcer(close: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Ulcer index of Martin, percent.

    The root of the mean over ``period`` rows of squared falls from the highest close of ``period`` rows. A price
    that is not above 0 is a row without a number.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.ulcer(close))
    200
    """

@overload
def ulcer(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class ULCER(Indicator):
    """Ulcer index of Martin, percent, a row at a time.

    What it gives is what :func:`ulcer` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.ULCER()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.ulcer(close)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def mass(high: _Column, low: _Column, period: int = 9, sum: int = 25, *, nan: _Nan = "restart") -> _Column:
    """Mass index of Dorsey.

    The sum over ``sum`` rows of ``EMA(high - low) / EMA(EMA(high - low))``, a ratio of 0 where there is no range.

    Parameters
    ----------
    high, low : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    sum : int
        Rows over which ratios are summed. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.mass(high, low))
    200
    """

@overload
def mass(frame: Any, /, period: int = 9, sum: int = 25, *, nan: _Nan = "restart") -> Any: ...
@overload
def mass(high: Any, low: Any, period: int = 9, sum: int = 25, *, nan: _Nan = "restart") -> Any: ...

class MASS(Indicator):
    """Mass index of Dorsey, a row at a time.

    What it gives is what :func:`mass` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    sum : int
        Rows over which ratios are summed. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.MASS()
    >>> values = [stream.update(*row) for row in zip(high, low)]
    >>> values[-1] == float(tc.indicators.mass(high, low)[-1])
    True
    """
    def __init__(self, period: int = 9, sum: int = 25, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def historical_volatility(
    close: _Column, period: int = 20, bars_per_year: float = 1.0, *, nan: _Nan = "restart"
) -> _Column:
    """Historical volatility.

    The standard deviation of a sample (divided by ``period - 1``) of ``ln(close / close[1])``, times the root of
    ``bars_per_year``. A price that is not above 0 is a row without a number.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    bars_per_year : float
        Bars to scale to; 1 is the volatility of one bar. From 0 to 1e+12.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.historical_volatility(close))
    200
    """

@overload
def historical_volatility(
    frame: Any, /, period: int = 20, bars_per_year: float = 1.0, *, nan: _Nan = "restart"
) -> Any: ...

class HistoricalVolatility(Indicator):
    """Historical volatility, a row at a time.

    What it gives is what :func:`historical_volatility` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    bars_per_year : float
        Bars to scale to; 1 is the volatility of one bar. From 0 to 1e+12.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.HistoricalVolatility()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.historical_volatility(close)[-1])
    True
    """
    def __init__(self, period: int = 20, bars_per_year: float = 1.0, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def parkinson(
    high: _Column, low: _Column, period: int = 20, bars_per_year: float = 1.0, *, nan: _Nan = "restart"
) -> _Column:
    """Volatility of Parkinson.

    ``sqrt(mean(ln(high / low)^2) / (4 ln 2))`` over ``period`` rows, times the root of ``bars_per_year``.

    Parameters
    ----------
    high, low : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    bars_per_year : float
        Bars to scale to; 1 is the volatility of one bar. From 0 to 1e+12.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.parkinson(high, low))
    200
    """

@overload
def parkinson(frame: Any, /, period: int = 20, bars_per_year: float = 1.0, *, nan: _Nan = "restart") -> Any: ...
@overload
def parkinson(high: Any, low: Any, period: int = 20, bars_per_year: float = 1.0, *, nan: _Nan = "restart") -> Any: ...

class Parkinson(Indicator):
    """Volatility of Parkinson, a row at a time.

    What it gives is what :func:`parkinson` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    bars_per_year : float
        Bars to scale to; 1 is the volatility of one bar. From 0 to 1e+12.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.Parkinson()
    >>> values = [stream.update(*row) for row in zip(high, low)]
    >>> values[-1] == float(tc.indicators.parkinson(high, low)[-1])
    True
    """
    def __init__(self, period: int = 20, bars_per_year: float = 1.0, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def garman_klass(
    open: _Column,
    high: _Column,
    low: _Column,
    close: _Column,
    period: int = 20,
    bars_per_year: float = 1.0,
    *,
    nan: _Nan = "restart",
) -> _Column:
    """Volatility of Garman and Klass.

    ``sqrt(mean(ln(high / low)^2 / 2 - (2 ln 2 - 1) ln(close / open)^2))``, times the root of ``bars_per_year``.

    Parameters
    ----------
    open, high, low, close : float64 (n,)
        First prices of bars. Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or,
        in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    bars_per_year : float
        Bars to scale to; 1 is the volatility of one bar. From 0 to 1e+12.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> open = close - 0.25
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.garman_klass(open, high, low, close))
    200
    """

@overload
def garman_klass(frame: Any, /, period: int = 20, bars_per_year: float = 1.0, *, nan: _Nan = "restart") -> Any: ...
@overload
def garman_klass(
    open: Any, high: Any, low: Any, close: Any, period: int = 20, bars_per_year: float = 1.0, *, nan: _Nan = "restart"
) -> Any: ...

class GarmanKlass(Indicator):
    """Volatility of Garman and Klass, a row at a time.

    What it gives is what :func:`garman_klass` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    bars_per_year : float
        Bars to scale to; 1 is the volatility of one bar. From 0 to 1e+12.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> open = close - 0.25
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.GarmanKlass()
    >>> values = [stream.update(*row) for row in zip(open, high, low, close)]
    >>> values[-1] == float(tc.indicators.garman_klass(open, high, low, close)[-1])
    True
    """
    def __init__(self, period: int = 20, bars_per_year: float = 1.0, *, nan: _Nan = "restart") -> None: ...
    def update(self, open: float, high: float, low: float, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def rogers_satchell(
    open: _Column,
    high: _Column,
    low: _Column,
    close: _Column,
    period: int = 20,
    bars_per_year: float = 1.0,
    *,
    nan: _Nan = "restart",
) -> _Column:
    """Volatility of Rogers and Satchell.

    ``sqrt(mean(ln(high / close) ln(high / open) + ln(low / close) ln(low / open)))``, times the root of
    ``bars_per_year``.

    Parameters
    ----------
    open, high, low, close : float64 (n,)
        First prices of bars. Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or,
        in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    bars_per_year : float
        Bars to scale to; 1 is the volatility of one bar. From 0 to 1e+12.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> open = close - 0.25
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.rogers_satchell(open, high, low, close))
    200
    """

@overload
def rogers_satchell(frame: Any, /, period: int = 20, bars_per_year: float = 1.0, *, nan: _Nan = "restart") -> Any: ...
@overload
def rogers_satchell(
    open: Any, high: Any, low: Any, close: Any, period: int = 20, bars_per_year: float = 1.0, *, nan: _Nan = "restart"
) -> Any: ...

class RogersSatchell(Indicator):
    """Volatility of Rogers and Satchell, a row at a time.

    What it gives is what :func:`rogers_satchell` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    bars_per_year : float
        Bars to scale to; 1 is the volatility of one bar. From 0 to 1e+12.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> open = close - 0.25
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.RogersSatchell()
    >>> values = [stream.update(*row) for row in zip(open, high, low, close)]
    >>> values[-1] == float(tc.indicators.rogers_satchell(open, high, low, close)[-1])
    True
    """
    def __init__(self, period: int = 20, bars_per_year: float = 1.0, *, nan: _Nan = "restart") -> None: ...
    def update(self, open: float, high: float, low: float, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def yang_zhang(
    open: _Column,
    high: _Column,
    low: _Column,
    close: _Column,
    period: int = 20,
    bars_per_year: float = 1.0,
    *,
    nan: _Nan = "restart",
) -> _Column:
    """Volatility of Yang and Zhang.

    The root of ``V(ln(open / close[1])) + k V(ln(close / open)) + (1 - k) RS`` with ``V`` the variance of a
    sample, ``RS`` the mean of :func:`rogers_satchell` and ``k = 0.34 / (1.34 + (period + 1) / (period - 1))``,
    times that of ``bars_per_year``.

    Parameters
    ----------
    open, high, low, close : float64 (n,)
        First prices of bars. Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or,
        in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    bars_per_year : float
        Bars to scale to; 1 is the volatility of one bar. From 0 to 1e+12.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> open = close - 0.25
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.yang_zhang(open, high, low, close))
    200
    """

@overload
def yang_zhang(frame: Any, /, period: int = 20, bars_per_year: float = 1.0, *, nan: _Nan = "restart") -> Any: ...
@overload
def yang_zhang(
    open: Any, high: Any, low: Any, close: Any, period: int = 20, bars_per_year: float = 1.0, *, nan: _Nan = "restart"
) -> Any: ...

class YangZhang(Indicator):
    """Volatility of Yang and Zhang, a row at a time.

    What it gives is what :func:`yang_zhang` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    bars_per_year : float
        Bars to scale to; 1 is the volatility of one bar. From 0 to 1e+12.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> open = close - 0.25
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.YangZhang()
    >>> values = [stream.update(*row) for row in zip(open, high, low, close)]
    >>> values[-1] == float(tc.indicators.yang_zhang(open, high, low, close)[-1])
    True
    """
    def __init__(self, period: int = 20, bars_per_year: float = 1.0, *, nan: _Nan = "restart") -> None: ...
    def update(self, open: float, high: float, low: float, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def obv(close: _Column, volume: _Column, *, nan: _Nan = "restart") -> _Column:
    """On-balance volume.

    Begins with the volume of row 0; adds it when the close rises, takes it off when it falls.

    Parameters
    ----------
    close, volume : float64 (n,)
        Prices, or any series of numbers. Quantities traded. Or, in place of them, a frame that has these columns.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> len(tc.indicators.obv(close, volume))
    200
    """

@overload
def obv(frame: Any, /, *, nan: _Nan = "restart") -> Any: ...
@overload
def obv(close: Any, volume: Any, *, nan: _Nan = "restart") -> Any: ...

class OBV(Indicator):
    """On-balance volume, a row at a time.

    What it gives is what :func:`obv` gives for the same rows, to the last bit.

    Parameters
    ----------
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> stream = tc.indicators.OBV()
    >>> values = [stream.update(*row) for row in zip(close, volume)]
    >>> values[-1] == float(tc.indicators.obv(close, volume)[-1])
    True
    """
    def __init__(self, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, volume: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def ad(high: _Column, low: _Column, close: _Column, volume: _Column, *, nan: _Nan = "restart") -> _Column:
    """Accumulation and distribution line of Chaikin.

    The sum of ``((close - low) - (high - close)) / (high - low) volume``; 0 of a bar without a range.

    Parameters
    ----------
    high, low, close, volume : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Quantities traded. Or, in
        place of them, a frame that has these columns.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> len(tc.indicators.ad(high, low, close, volume))
    200
    """

@overload
def ad(frame: Any, /, *, nan: _Nan = "restart") -> Any: ...
@overload
def ad(high: Any, low: Any, close: Any, volume: Any, *, nan: _Nan = "restart") -> Any: ...

class AD(Indicator):
    """Accumulation and distribution line of Chaikin, a row at a time.

    What it gives is what :func:`ad` gives for the same rows, to the last bit.

    Parameters
    ----------
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> stream = tc.indicators.AD()
    >>> values = [stream.update(*row) for row in zip(high, low, close, volume)]
    >>> values[-1] == float(tc.indicators.ad(high, low, close, volume)[-1])
    True
    """
    def __init__(self, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, volume: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def adosc(
    high: _Column,
    low: _Column,
    close: _Column,
    volume: _Column,
    fast: int = 3,
    slow: int = 10,
    *,
    nan: _Nan = "restart",
) -> _Column:
    """Oscillator of Chaikin.

    ``EMA(AD, fast) - EMA(AD, slow)``, both begun with the first value of :func:`ad`.

    Parameters
    ----------
    high, low, close, volume : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Quantities traded. Or, in
        place of them, a frame that has these columns.
    fast : int
        Length of the fast average, rows. From 2 to 100000.
    slow : int
        Length of the slow average, rows; above ``fast``. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> len(tc.indicators.adosc(high, low, close, volume))
    200
    """

@overload
def adosc(frame: Any, /, fast: int = 3, slow: int = 10, *, nan: _Nan = "restart") -> Any: ...
@overload
def adosc(
    high: Any, low: Any, close: Any, volume: Any, fast: int = 3, slow: int = 10, *, nan: _Nan = "restart"
) -> Any: ...

class ADOSC(Indicator):
    """Oscillator of Chaikin, a row at a time.

    What it gives is what :func:`adosc` gives for the same rows, to the last bit.

    Parameters
    ----------
    fast : int
        Length of the fast average, rows. From 2 to 100000.
    slow : int
        Length of the slow average, rows; above ``fast``. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> stream = tc.indicators.ADOSC()
    >>> values = [stream.update(*row) for row in zip(high, low, close, volume)]
    >>> values[-1] == float(tc.indicators.adosc(high, low, close, volume)[-1])
    True
    """
    def __init__(self, fast: int = 3, slow: int = 10, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, volume: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def mfi(
    high: _Column, low: _Column, close: _Column, volume: _Column, period: int = 14, *, nan: _Nan = "restart"
) -> _Column:
    """Money flow index, 0 to 100.

    ``100 P / (P + N)`` of sums over ``period`` rows of typical price times volume, in rows where the typical
    price rose and fell; 0 where both together are below 1, as in TA-Lib.

    Parameters
    ----------
    high, low, close, volume : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Quantities traded. Or, in
        place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> len(tc.indicators.mfi(high, low, close, volume))
    200
    """

@overload
def mfi(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...
@overload
def mfi(high: Any, low: Any, close: Any, volume: Any, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class MFI(Indicator):
    """Money flow index, 0 to 100, a row at a time.

    What it gives is what :func:`mfi` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> stream = tc.indicators.MFI()
    >>> values = [stream.update(*row) for row in zip(high, low, close, volume)]
    >>> values[-1] == float(tc.indicators.mfi(high, low, close, volume)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, volume: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def cmf(
    high: _Column, low: _Column, close: _Column, volume: _Column, period: int = 20, *, nan: _Nan = "restart"
) -> _Column:
    """Money flow of Chaikin, -1 to 1.

    What :func:`ad` adds, summed over ``period`` rows and divided by the volume; 0 where nothing was traded.

    Parameters
    ----------
    high, low, close, volume : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Quantities traded. Or, in
        place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> len(tc.indicators.cmf(high, low, close, volume))
    200
    """

@overload
def cmf(frame: Any, /, period: int = 20, *, nan: _Nan = "restart") -> Any: ...
@overload
def cmf(high: Any, low: Any, close: Any, volume: Any, period: int = 20, *, nan: _Nan = "restart") -> Any: ...

class CMF(Indicator):
    """Money flow of Chaikin, -1 to 1, a row at a time.

    What it gives is what :func:`cmf` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> stream = tc.indicators.CMF()
    >>> values = [stream.update(*row) for row in zip(high, low, close, volume)]
    >>> values[-1] == float(tc.indicators.cmf(high, low, close, volume)[-1])
    True
    """
    def __init__(self, period: int = 20, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, volume: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def vwap(high: _Column, low: _Column, close: _Column, volume: _Column, *, nan: _Nan = "restart") -> _Column:
    """Volume-weighted average price since the first row.

    ``sum(tp volume) / sum(volume)`` of typical prices ``(high + low + close) / 3``; NaN before the first trade.

    Parameters
    ----------
    high, low, close, volume : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Quantities traded. Or, in
        place of them, a frame that has these columns.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> len(tc.indicators.vwap(high, low, close, volume))
    200
    """

@overload
def vwap(frame: Any, /, *, nan: _Nan = "restart") -> Any: ...
@overload
def vwap(high: Any, low: Any, close: Any, volume: Any, *, nan: _Nan = "restart") -> Any: ...

class VWAP(Indicator):
    """Volume-weighted average price since the first row, a row at a time.

    What it gives is what :func:`vwap` gives for the same rows, to the last bit.

    Parameters
    ----------
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> stream = tc.indicators.VWAP()
    >>> values = [stream.update(*row) for row in zip(high, low, close, volume)]
    >>> values[-1] == float(tc.indicators.vwap(high, low, close, volume)[-1])
    True
    """
    def __init__(self, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, volume: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def vwap_session(
    high: _Column, low: _Column, close: _Column, volume: _Column, ts: _Column, *, nan: _Nan = "restart"
) -> _Column:
    """Volume-weighted average price since midnight, UTC.

    As :func:`vwap`, begun anew with each day of ``ts``.

    Parameters
    ----------
    high, low, close, volume, ts : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Quantities traded. Time
        of a bar, ns UTC; as a float64 exact to 256 ns. Or, in place of them, a frame that has these columns.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> ts = 3_600_000_000_000 * np.arange(200)
    >>> len(tc.indicators.vwap_session(high, low, close, volume, ts))
    200
    """

@overload
def vwap_session(frame: Any, /, *, nan: _Nan = "restart") -> Any: ...
@overload
def vwap_session(high: Any, low: Any, close: Any, volume: Any, ts: Any, *, nan: _Nan = "restart") -> Any: ...

class VWAPSession(Indicator):
    """Volume-weighted average price since midnight, UTC, a row at a time.

    What it gives is what :func:`vwap_session` gives for the same rows, to the last bit.

    Parameters
    ----------
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> ts = 3_600_000_000_000 * np.arange(200)
    >>> stream = tc.indicators.VWAPSession()
    >>> values = [stream.update(*row) for row in zip(high, low, close, volume, ts)]
    >>> values[-1] == float(tc.indicators.vwap_session(high, low, close, volume, ts)[-1])
    True
    """
    def __init__(self, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, volume: float, ts: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def vwap_rolling(
    high: _Column, low: _Column, close: _Column, volume: _Column, period: int = 20, *, nan: _Nan = "restart"
) -> _Column:
    """Volume-weighted average price of the last rows.

    As :func:`vwap`, over ``period`` rows; NaN where nothing was traded.

    Parameters
    ----------
    high, low, close, volume : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Quantities traded. Or, in
        place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> len(tc.indicators.vwap_rolling(high, low, close, volume))
    200
    """

@overload
def vwap_rolling(frame: Any, /, period: int = 20, *, nan: _Nan = "restart") -> Any: ...
@overload
def vwap_rolling(high: Any, low: Any, close: Any, volume: Any, period: int = 20, *, nan: _Nan = "restart") -> Any: ...

class VWAPRolling(Indicator):
    """Volume-weighted average price of the last rows, a row at a time.

    What it gives is what :func:`vwap_rolling` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> stream = tc.indicators.VWAPRolling()
    >>> values = [stream.update(*row) for row in zip(high, low, close, volume)]
    >>> values[-1] == float(tc.indicators.vwap_rolling(high, low, close, volume)[-1])
    True
    """
    def __init__(self, period: int = 20, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, volume: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def efi(close: _Column, volume: _Column, period: int = 13, *, nan: _Nan = "restart") -> _Column:
    """Force index of Elder.

    ``EMA((close - close[1]) volume, period)``.

    Parameters
    ----------
    close, volume : float64 (n,)
        Prices, or any series of numbers. Quantities traded. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> len(tc.indicators.efi(close, volume))
    200
    """

@overload
def efi(frame: Any, /, period: int = 13, *, nan: _Nan = "restart") -> Any: ...
@overload
def efi(close: Any, volume: Any, period: int = 13, *, nan: _Nan = "restart") -> Any: ...

class EFI(Indicator):
    """Force index of Elder, a row at a time.

    What it gives is what :func:`efi` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> stream = tc.indicators.EFI()
    >>> values = [stream.update(*row) for row in zip(close, volume)]
    >>> values[-1] == float(tc.indicators.efi(close, volume)[-1])
    True
    """
    def __init__(self, period: int = 13, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, volume: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def emv(
    high: _Column,
    low: _Column,
    volume: _Column,
    period: int = 14,
    divisor: float = 100000000.0,
    *,
    nan: _Nan = "restart",
) -> _Column:
    """Ease of movement of Arms.

    ``SMA((m - m[1]) (high - low) / (volume / divisor), period)`` of middles ``m``; 0 of a row without volume.

    Parameters
    ----------
    high, low, volume : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Quantities traded. Or, in place of them, a frame that has
        these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    divisor : float
        What volumes are divided by. From 1e-09 to 1e+18.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> len(tc.indicators.emv(high, low, volume))
    200
    """

@overload
def emv(frame: Any, /, period: int = 14, divisor: float = 100000000.0, *, nan: _Nan = "restart") -> Any: ...
@overload
def emv(
    high: Any, low: Any, volume: Any, period: int = 14, divisor: float = 100000000.0, *, nan: _Nan = "restart"
) -> Any: ...

class EMV(Indicator):
    """Ease of movement of Arms, a row at a time.

    What it gives is what :func:`emv` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    divisor : float
        What volumes are divided by. From 1e-09 to 1e+18.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> stream = tc.indicators.EMV()
    >>> values = [stream.update(*row) for row in zip(high, low, volume)]
    >>> values[-1] == float(tc.indicators.emv(high, low, volume)[-1])
    True
    """
    def __init__(self, period: int = 14, divisor: float = 100000000.0, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, volume: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def nvi(close: _Column, volume: _Column, *, nan: _Nan = "restart") -> _Column:
    """Negative volume index.

    Begins with 1000 and moves as the close does in rows of which the volume fell.

    Parameters
    ----------
    close, volume : float64 (n,)
        Prices, or any series of numbers. Quantities traded. Or, in place of them, a frame that has these columns.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> len(tc.indicators.nvi(close, volume))
    200
    """

@overload
def nvi(frame: Any, /, *, nan: _Nan = "restart") -> Any: ...
@overload
def nvi(close: Any, volume: Any, *, nan: _Nan = "restart") -> Any: ...

class NVI(Indicator):
    """Negative volume index, a row at a time.

    What it gives is what :func:`nvi` gives for the same rows, to the last bit.

    Parameters
    ----------
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> stream = tc.indicators.NVI()
    >>> values = [stream.update(*row) for row in zip(close, volume)]
    >>> values[-1] == float(tc.indicators.nvi(close, volume)[-1])
    True
    """
    def __init__(self, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, volume: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def pvi(close: _Column, volume: _Column, *, nan: _Nan = "restart") -> _Column:
    """Positive volume index.

    Begins with 1000 and moves as the close does in rows of which the volume rose.

    Parameters
    ----------
    close, volume : float64 (n,)
        Prices, or any series of numbers. Quantities traded. Or, in place of them, a frame that has these columns.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> len(tc.indicators.pvi(close, volume))
    200
    """

@overload
def pvi(frame: Any, /, *, nan: _Nan = "restart") -> Any: ...
@overload
def pvi(close: Any, volume: Any, *, nan: _Nan = "restart") -> Any: ...

class PVI(Indicator):
    """Positive volume index, a row at a time.

    What it gives is what :func:`pvi` gives for the same rows, to the last bit.

    Parameters
    ----------
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> stream = tc.indicators.PVI()
    >>> values = [stream.update(*row) for row in zip(close, volume)]
    >>> values[-1] == float(tc.indicators.pvi(close, volume)[-1])
    True
    """
    def __init__(self, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, volume: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def pvt(close: _Column, volume: _Column, *, nan: _Nan = "restart") -> _Column:
    """Price volume trend.

    The sum of ``volume (close / close[1] - 1)``, begun with 0.

    Parameters
    ----------
    close, volume : float64 (n,)
        Prices, or any series of numbers. Quantities traded. Or, in place of them, a frame that has these columns.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> len(tc.indicators.pvt(close, volume))
    200
    """

@overload
def pvt(frame: Any, /, *, nan: _Nan = "restart") -> Any: ...
@overload
def pvt(close: Any, volume: Any, *, nan: _Nan = "restart") -> Any: ...

class PVT(Indicator):
    """Price volume trend, a row at a time.

    What it gives is what :func:`pvt` gives for the same rows, to the last bit.

    Parameters
    ----------
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> stream = tc.indicators.PVT()
    >>> values = [stream.update(*row) for row in zip(close, volume)]
    >>> values[-1] == float(tc.indicators.pvt(close, volume)[-1])
    True
    """
    def __init__(self, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, volume: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

class KVOValues(NamedTuple, Generic[_T]):
    kvo: _T
    signal: _T

@overload
def kvo(
    high: _Column,
    low: _Column,
    close: _Column,
    volume: _Column,
    fast: int = 34,
    slow: int = 55,
    signal: int = 13,
    *,
    nan: _Nan = "restart",
) -> KVOValues[_Column]:
    """Volume oscillator of Klinger.

    ``EMA(f, fast) - EMA(f, slow)`` of ``f = 100 t volume |2 (r / c - 1)|``, with ``t`` 1 or -1 as ``high + low +
    close`` rises or not, ``r = high - low`` and ``c`` the sum of ``r`` since ``t`` changed, with the row before.

    Parameters
    ----------
    high, low, close, volume : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Quantities traded. Or, in
        place of them, a frame that has these columns.
    fast : int
        Length of the fast average, rows. From 2 to 100000.
    slow : int
        Length of the slow average, rows; above ``fast``. From 2 to 100000.
    signal : int
        Length of the average of the line, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    KVOValues of float64 (n,)
        Series if such were given. NaN in the warm-up.
        ``kvo``: The line.
        ``signal``: Its average.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> len(tc.indicators.kvo(high, low, close, volume).kvo)
    200
    """

@overload
def kvo(
    frame: Any, /, fast: int = 34, slow: int = 55, signal: int = 13, *, nan: _Nan = "restart"
) -> KVOValues[Any]: ...
@overload
def kvo(
    high: Any,
    low: Any,
    close: Any,
    volume: Any,
    fast: int = 34,
    slow: int = 55,
    signal: int = 13,
    *,
    nan: _Nan = "restart",
) -> KVOValues[Any]: ...

class KVO(Indicator):
    """Volume oscillator of Klinger, a row at a time.

    What it gives is what :func:`kvo` gives for the same rows, to the last bit.

    Parameters
    ----------
    fast : int
        Length of the fast average, rows. From 2 to 100000.
    slow : int
        Length of the slow average, rows; above ``fast``. From 2 to 100000.
    signal : int
        Length of the average of the line, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> volume = 10.0 + np.arange(200.0) % 7
    >>> stream = tc.indicators.KVO()
    >>> values = [stream.update(*row) for row in zip(high, low, close, volume)]
    >>> values[-1] == tuple(column[-1] for column in tc.indicators.kvo(high, low, close, volume))
    True
    """
    def __init__(self, fast: int = 34, slow: int = 55, signal: int = 13, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, volume: float, /) -> tuple[float, float]: ...  # type: ignore[override]
    @property
    def value(self) -> KVOValues[float]: ...

@overload
def stddev(close: _Column, period: int = 5, std: float = 1.0, *, nan: _Nan = "restart") -> _Column:
    """Standard deviation.

    Of the population: divided by ``period``.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    std : float
        What the result is multiplied with. From 0 to 1e+06.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.stddev(close))
    200
    """

@overload
def stddev(frame: Any, /, period: int = 5, std: float = 1.0, *, nan: _Nan = "restart") -> Any: ...

class STDDEV(Indicator):
    """Standard deviation, a row at a time.

    What it gives is what :func:`stddev` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    std : float
        What the result is multiplied with. From 0 to 1e+06.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.STDDEV()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.stddev(close)[-1])
    True
    """
    def __init__(self, period: int = 5, std: float = 1.0, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def var(close: _Column, period: int = 5, *, nan: _Nan = "restart") -> _Column:
    """Variance.

    Of the population: divided by ``period``.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.var(close))
    200
    """

@overload
def var(frame: Any, /, period: int = 5, *, nan: _Nan = "restart") -> Any: ...

class VAR(Indicator):
    """Variance, a row at a time.

    What it gives is what :func:`var` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.VAR()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.var(close)[-1])
    True
    """
    def __init__(self, period: int = 5, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def zscore(close: _Column, period: int = 20, *, nan: _Nan = "restart") -> _Column:
    """Distance to the mean in standard deviations.

    ``(x - mean) / std`` of the population of ``period`` rows, this one included; 0 where nothing deviates.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.zscore(close))
    200
    """

@overload
def zscore(frame: Any, /, period: int = 20, *, nan: _Nan = "restart") -> Any: ...

class ZSCORE(Indicator):
    """Distance to the mean in standard deviations, a row at a time.

    What it gives is what :func:`zscore` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.ZSCORE()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.zscore(close)[-1])
    True
    """
    def __init__(self, period: int = 20, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def skew(close: _Column, period: int = 20, *, nan: _Nan = "restart") -> _Column:
    """Skewness.

    ``mean((x - mean)^3) / std^3`` of the population; NaN where nothing deviates.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.skew(close))
    200
    """

@overload
def skew(frame: Any, /, period: int = 20, *, nan: _Nan = "restart") -> Any: ...

class SKEW(Indicator):
    """Skewness, a row at a time.

    What it gives is what :func:`skew` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.SKEW()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.skew(close)[-1])
    True
    """
    def __init__(self, period: int = 20, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def kurt(close: _Column, period: int = 20, *, nan: _Nan = "restart") -> _Column:
    """Excess kurtosis, 0 of a normal distribution.

    ``mean((x - mean)^4) / std^4 - 3`` of the population; NaN where nothing deviates.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.kurt(close))
    200
    """

@overload
def kurt(frame: Any, /, period: int = 20, *, nan: _Nan = "restart") -> Any: ...

class KURT(Indicator):
    """Excess kurtosis, 0 of a normal distribution, a row at a time.

    What it gives is what :func:`kurt` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.KURT()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.kurt(close)[-1])
    True
    """
    def __init__(self, period: int = 20, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def avgdev(close: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Mean absolute deviation.

    ``mean |x - mean|``.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.avgdev(close))
    200
    """

@overload
def avgdev(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class AVGDEV(Indicator):
    """Mean absolute deviation, a row at a time.

    What it gives is what :func:`avgdev` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.AVGDEV()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.avgdev(close)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def median(close: _Column, period: int = 20, *, nan: _Nan = "restart") -> _Column:
    """Median.

    The middle one of ``period`` rows, or the mean of the two in the middle.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.median(close))
    200
    """

@overload
def median(frame: Any, /, period: int = 20, *, nan: _Nan = "restart") -> Any: ...

class MEDIAN(Indicator):
    """Median, a row at a time.

    What it gives is what :func:`median` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.MEDIAN()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.median(close)[-1])
    True
    """
    def __init__(self, period: int = 20, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def quantile(close: _Column, period: int = 20, q: float = 0.5, *, nan: _Nan = "restart") -> _Column:
    """Quantile.

    Between two rows interpolated on a straight line.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    q : float
        Part of the rows that lie below. From 0 to 1.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.quantile(close))
    200
    """

@overload
def quantile(frame: Any, /, period: int = 20, q: float = 0.5, *, nan: _Nan = "restart") -> Any: ...

class QUANTILE(Indicator):
    """Quantile, a row at a time.

    What it gives is what :func:`quantile` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    q : float
        Part of the rows that lie below. From 0 to 1.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.QUANTILE()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.quantile(close)[-1])
    True
    """
    def __init__(self, period: int = 20, q: float = 0.5, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def max(close: _Column, period: int = 30, *, nan: _Nan = "restart") -> _Column:
    """Highest of the last rows.

    Of ``period`` rows, this one included.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.max(close))
    200
    """

@overload
def max(frame: Any, /, period: int = 30, *, nan: _Nan = "restart") -> Any: ...

class MAX(Indicator):
    """Highest of the last rows, a row at a time.

    What it gives is what :func:`max` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.MAX()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.max(close)[-1])
    True
    """
    def __init__(self, period: int = 30, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def min(close: _Column, period: int = 30, *, nan: _Nan = "restart") -> _Column:
    """Lowest of the last rows.

    Of ``period`` rows, this one included.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.min(close))
    200
    """

@overload
def min(frame: Any, /, period: int = 30, *, nan: _Nan = "restart") -> Any: ...

class MIN(Indicator):
    """Lowest of the last rows, a row at a time.

    What it gives is what :func:`min` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.MIN()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.min(close)[-1])
    True
    """
    def __init__(self, period: int = 30, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

class MINMAXValues(NamedTuple, Generic[_T]):
    min: _T
    max: _T

@overload
def minmax(close: _Column, period: int = 30, *, nan: _Nan = "restart") -> MINMAXValues[_Column]:
    """Lowest and highest of the last rows.

    Of ``period`` rows, this one included.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    MINMAXValues of float64 (n,)
        Series if such were given. NaN in the warm-up.
        ``min``: The lowest.
        ``max``: The highest.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.minmax(close).min)
    200
    """

@overload
def minmax(frame: Any, /, period: int = 30, *, nan: _Nan = "restart") -> MINMAXValues[Any]: ...

class MINMAX(Indicator):
    """Lowest and highest of the last rows, a row at a time.

    What it gives is what :func:`minmax` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.MINMAX()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == tuple(column[-1] for column in tc.indicators.minmax(close))
    True
    """
    def __init__(self, period: int = 30, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> tuple[float, float]: ...  # type: ignore[override]
    @property
    def value(self) -> MINMAXValues[float]: ...

@overload
def fracdiff(close: _Column, d: float = 0.4, tau: float = 0.001, *, nan: _Nan = "restart") -> _Column:
    """Fractional difference of the logarithm of a price.

    ``sum of w[k] log(x[k])`` over the rows before, ``w[0] = 1, w[k] = -w[k-1] (d - k + 1) / k`` up to the first
    below ``tau``, as :func:`tradecore.ml.fractional_weights` gives them. A price that is not above 0 is a row
    without a number.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    d : float
        Order: 0 leaves the logarithm as it is, 1 makes log returns of it. From 0 to 2.
    tau : float
        The least weight that counts. From 1e-05 to 1.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.fracdiff(close))
    200
    """

@overload
def fracdiff(frame: Any, /, d: float = 0.4, tau: float = 0.001, *, nan: _Nan = "restart") -> Any: ...

class FRACDIFF(Indicator):
    """Fractional difference of the logarithm of a price, a row at a time.

    What it gives is what :func:`fracdiff` gives for the same rows, to the last bit.

    Parameters
    ----------
    d : float
        Order: 0 leaves the logarithm as it is, 1 makes log returns of it. From 0 to 2.
    tau : float
        The least weight that counts. From 1e-05 to 1.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.FRACDIFF()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.fracdiff(close)[-1])
    True
    """
    def __init__(self, d: float = 0.4, tau: float = 0.001, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def sum(close: _Column, period: int = 30, *, nan: _Nan = "restart") -> _Column:
    """Sum of the last rows.

    Counted anew every ``period`` rows, so that it does not drift.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.sum(close))
    200
    """

@overload
def sum(frame: Any, /, period: int = 30, *, nan: _Nan = "restart") -> Any: ...

class SUM(Indicator):
    """Sum of the last rows, a row at a time.

    What it gives is what :func:`sum` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.SUM()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.sum(close)[-1])
    True
    """
    def __init__(self, period: int = 30, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def linearreg(close: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Linear regression: its value in this row.

    The straight line of least squares through ``period`` rows.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.linearreg(close))
    200
    """

@overload
def linearreg(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class LINEARREG(Indicator):
    """Linear regression: its value in this row, a row at a time.

    What it gives is what :func:`linearreg` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.LINEARREG()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.linearreg(close)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def linearreg_slope(close: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Linear regression: its slope, per row.

    Of the line of :func:`linearreg`.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.linearreg_slope(close))
    200
    """

@overload
def linearreg_slope(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class LinearRegSlope(Indicator):
    """Linear regression: its slope, per row, a row at a time.

    What it gives is what :func:`linearreg_slope` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.LinearRegSlope()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.linearreg_slope(close)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def linearreg_intercept(close: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Linear regression: its value in the oldest row.

    Of the line of :func:`linearreg`.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.linearreg_intercept(close))
    200
    """

@overload
def linearreg_intercept(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class LinearRegIntercept(Indicator):
    """Linear regression: its value in the oldest row, a row at a time.

    What it gives is what :func:`linearreg_intercept` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.LinearRegIntercept()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.linearreg_intercept(close)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def linearreg_angle(close: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Linear regression: the angle of its slope, degrees.

    ``atan(slope)`` of the line of :func:`linearreg`.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.linearreg_angle(close))
    200
    """

@overload
def linearreg_angle(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class LinearRegAngle(Indicator):
    """Linear regression: the angle of its slope, degrees, a row at a time.

    What it gives is what :func:`linearreg_angle` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.LinearRegAngle()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.linearreg_angle(close)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def tsf(close: _Column, period: int = 14, *, nan: _Nan = "restart") -> _Column:
    """Linear regression: its value in the next row.

    Of the line of :func:`linearreg`.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.tsf(close))
    200
    """

@overload
def tsf(frame: Any, /, period: int = 14, *, nan: _Nan = "restart") -> Any: ...

class TSF(Indicator):
    """Linear regression: its value in the next row, a row at a time.

    What it gives is what :func:`tsf` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.TSF()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.tsf(close)[-1])
    True
    """
    def __init__(self, period: int = 14, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def correl(x: _Column, y: _Column, period: int = 30, *, nan: _Nan = "restart") -> _Column:
    """Correlation of Pearson, -1 to 1.

    Of ``period`` rows; 0 where one of the two does not deviate.

    Parameters
    ----------
    x, y : float64 (n,)
        The first series. The second series. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> other = close + np.cos(np.arange(200.0))
    >>> len(tc.indicators.correl(close, other))
    200
    """

@overload
def correl(frame: Any, /, period: int = 30, *, nan: _Nan = "restart") -> Any: ...
@overload
def correl(x: Any, y: Any, period: int = 30, *, nan: _Nan = "restart") -> Any: ...

class CORREL(Indicator):
    """Correlation of Pearson, -1 to 1, a row at a time.

    What it gives is what :func:`correl` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> other = close + np.cos(np.arange(200.0))
    >>> stream = tc.indicators.CORREL()
    >>> values = [stream.update(*row) for row in zip(close, other)]
    >>> values[-1] == float(tc.indicators.correl(close, other)[-1])
    True
    """
    def __init__(self, period: int = 30, *, nan: _Nan = "restart") -> None: ...
    def update(self, x: float, y: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def beta(x: _Column, y: _Column, period: int = 5, *, nan: _Nan = "restart") -> _Column:
    """Beta of the returns of ``y`` to those of ``x``.

    ``cov(x, y) / var(x)`` of returns ``x / x[1] - 1`` of ``period`` rows; 0 where ``x`` does not deviate.

    Parameters
    ----------
    x, y : float64 (n,)
        The first series. The second series. Or, in place of them, a frame that has these columns.
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> other = close + np.cos(np.arange(200.0))
    >>> len(tc.indicators.beta(close, other))
    200
    """

@overload
def beta(frame: Any, /, period: int = 5, *, nan: _Nan = "restart") -> Any: ...
@overload
def beta(x: Any, y: Any, period: int = 5, *, nan: _Nan = "restart") -> Any: ...

class BETA(Indicator):
    """Beta of the returns of ``y`` to those of ``x``, a row at a time.

    What it gives is what :func:`beta` gives for the same rows, to the last bit.

    Parameters
    ----------
    period : int
        Length of the window, rows. From 2 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> other = close + np.cos(np.arange(200.0))
    >>> stream = tc.indicators.BETA()
    >>> values = [stream.update(*row) for row in zip(close, other)]
    >>> values[-1] == float(tc.indicators.beta(close, other)[-1])
    True
    """
    def __init__(self, period: int = 5, *, nan: _Nan = "restart") -> None: ...
    def update(self, x: float, y: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def drawdown(close: _Column, *, nan: _Nan = "restart") -> _Column:
    """Fall from the highest so far, a fraction from -1 to 0.

    ``x / max(x) - 1``; a value that is not above 0 is a row without a number.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.drawdown(close))
    200
    """

@overload
def drawdown(frame: Any, /, *, nan: _Nan = "restart") -> Any: ...

class Drawdown(Indicator):
    """Fall from the highest so far, a fraction from -1 to 0, a row at a time.

    What it gives is what :func:`drawdown` gives for the same rows, to the last bit.

    Parameters
    ----------
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.Drawdown()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == float(tc.indicators.drawdown(close)[-1])
    True
    """
    def __init__(self, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

class EWMValues(NamedTuple, Generic[_T]):
    mean: _T
    var: _T

@overload
def ewm(close: _Column, span: int = 20, *, nan: _Nan = "restart") -> EWMValues[_Column]:
    """Exponentially weighted mean and variance, begun with the first row.

    ``d = x - mean``, ``mean += a d``, ``var = (1 - a) (var + a d^2)`` with ``a = 2 / (span + 1)``.

    Parameters
    ----------
    close : float64 (n,)
        Prices, or any series of numbers. Or, in place of them, a frame that has these columns.
    span : int
        Rows ``s`` of the weight ``2 / (s + 1)``. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    EWMValues of float64 (n,)
        Series if such were given. NaN in the warm-up.
        ``mean``: The mean.
        ``var``: The variance about it.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> len(tc.indicators.ewm(close).mean)
    200
    """

@overload
def ewm(frame: Any, /, span: int = 20, *, nan: _Nan = "restart") -> EWMValues[Any]: ...

class EWM(Indicator):
    """Exponentially weighted mean and variance, begun with the first row, a row at a time.

    What it gives is what :func:`ewm` gives for the same rows, to the last bit.

    Parameters
    ----------
    span : int
        Rows ``s`` of the weight ``2 / (s + 1)``. From 1 to 100000.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> stream = tc.indicators.EWM()
    >>> values = [stream.update(row) for row in close]
    >>> values[-1] == tuple(column[-1] for column in tc.indicators.ewm(close))
    True
    """
    def __init__(self, span: int = 20, *, nan: _Nan = "restart") -> None: ...
    def update(self, close: float, /) -> tuple[float, float]: ...  # type: ignore[override]
    @property
    def value(self) -> EWMValues[float]: ...

@overload
def avgprice(open: _Column, high: _Column, low: _Column, close: _Column, *, nan: _Nan = "restart") -> _Column:
    """Average price.

    ``(open + high + low + close) / 4``.

    Parameters
    ----------
    open, high, low, close : float64 (n,)
        First prices of bars. Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or,
        in place of them, a frame that has these columns.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> open = close - 0.25
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.avgprice(open, high, low, close))
    200
    """

@overload
def avgprice(frame: Any, /, *, nan: _Nan = "restart") -> Any: ...
@overload
def avgprice(open: Any, high: Any, low: Any, close: Any, *, nan: _Nan = "restart") -> Any: ...

class AVGPRICE(Indicator):
    """Average price, a row at a time.

    What it gives is what :func:`avgprice` gives for the same rows, to the last bit.

    Parameters
    ----------
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> open = close - 0.25
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.AVGPRICE()
    >>> values = [stream.update(*row) for row in zip(open, high, low, close)]
    >>> values[-1] == float(tc.indicators.avgprice(open, high, low, close)[-1])
    True
    """
    def __init__(self, *, nan: _Nan = "restart") -> None: ...
    def update(self, open: float, high: float, low: float, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def medprice(high: _Column, low: _Column, *, nan: _Nan = "restart") -> _Column:
    """Middle price.

    ``(high + low) / 2``.

    Parameters
    ----------
    high, low : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Or, in place of them, a frame that has these columns.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.medprice(high, low))
    200
    """

@overload
def medprice(frame: Any, /, *, nan: _Nan = "restart") -> Any: ...
@overload
def medprice(high: Any, low: Any, *, nan: _Nan = "restart") -> Any: ...

class MEDPRICE(Indicator):
    """Middle price, a row at a time.

    What it gives is what :func:`medprice` gives for the same rows, to the last bit.

    Parameters
    ----------
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.MEDPRICE()
    >>> values = [stream.update(*row) for row in zip(high, low)]
    >>> values[-1] == float(tc.indicators.medprice(high, low)[-1])
    True
    """
    def __init__(self, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def typprice(high: _Column, low: _Column, close: _Column, *, nan: _Nan = "restart") -> _Column:
    """Typical price.

    ``(high + low + close) / 3``.

    Parameters
    ----------
    high, low, close : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or, in place of them, a
        frame that has these columns.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.typprice(high, low, close))
    200
    """

@overload
def typprice(frame: Any, /, *, nan: _Nan = "restart") -> Any: ...
@overload
def typprice(high: Any, low: Any, close: Any, *, nan: _Nan = "restart") -> Any: ...

class TYPPRICE(Indicator):
    """Typical price, a row at a time.

    What it gives is what :func:`typprice` gives for the same rows, to the last bit.

    Parameters
    ----------
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.TYPPRICE()
    >>> values = [stream.update(*row) for row in zip(high, low, close)]
    >>> values[-1] == float(tc.indicators.typprice(high, low, close)[-1])
    True
    """
    def __init__(self, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...

@overload
def wclprice(high: _Column, low: _Column, close: _Column, *, nan: _Nan = "restart") -> _Column:
    """Weighted close.

    ``(high + low + 2 close) / 4``.

    Parameters
    ----------
    high, low, close : float64 (n,)
        Highest prices of bars. Lowest prices of bars. Prices, or any series of numbers. Or, in place of them, a
        frame that has these columns.
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Returns
    -------
    float64 (n,)
        A series if one was given. NaN in the warm-up.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds, and columns that are none, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> len(tc.indicators.wclprice(high, low, close))
    200
    """

@overload
def wclprice(frame: Any, /, *, nan: _Nan = "restart") -> Any: ...
@overload
def wclprice(high: Any, low: Any, close: Any, *, nan: _Nan = "restart") -> Any: ...

class WCLPRICE(Indicator):
    """Weighted close, a row at a time.

    What it gives is what :func:`wclprice` gives for the same rows, to the last bit.

    Parameters
    ----------
    nan : 'restart' or 'talib'
        What a row without a number means, see :mod:`tradecore.indicators`.

    Raises
    ------
    InvalidValueError
        For a parameter out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)
    >>> high = close + 1.0
    >>> low = close - 1.5
    >>> stream = tc.indicators.WCLPRICE()
    >>> values = [stream.update(*row) for row in zip(high, low, close)]
    >>> values[-1] == float(tc.indicators.wclprice(high, low, close)[-1])
    True
    """
    def __init__(self, *, nan: _Nan = "restart") -> None: ...
    def update(self, high: float, low: float, close: float, /) -> float: ...  # type: ignore[override]
    @property
    def value(self) -> float: ...
