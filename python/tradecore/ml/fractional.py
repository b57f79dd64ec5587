"""Fractional differentiation with a window of fixed width.

López de Prado, "Advances in Financial Machine Learning" (2018), chapter 5: as much of a price's memory as a stationary
series can keep. Apply it to logarithms of prices, as :func:`tradecore.indicators.fracdiff` does, which is there for a
model's inputs: over columns, in sets of features and in strategies.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tradecore._core import fractional_weights as core_weights
from tradecore.arrays import series_like
from tradecore.errors import InvalidValueError
from tradecore.ml.columns import Floats, finite, finite_number

__all__ = ["fractional_difference", "fractional_weights"]


def fractional_weights(d: float, tau: float = 1e-4) -> Floats:
    """Return the weights of ``(1 - B)^d`` up to the first that is smaller than tau.

    ``w[0] = 1, w[k] = -w[k-1] (d - k + 1) / k``, which is ``(-1)^k binom(d, k)``.

    Parameters
    ----------
    d : float
        Order, from 0: 0 leaves a series as it is, 1 makes first differences.
    tau : float
        Smallest absolute weight that is kept, above 0 and up to 1.

    Returns
    -------
    float64 (L,)
        The newest row's weight first. For a whole d it has d + 1 weights at most.

    Raises
    ------
    InvalidValueError
        For what is beyond these limits, and where a million weights are not enough.

    Examples
    --------
    >>> tc.ml.fractional_weights(0.5, 0.05).tolist()
    [1.0, -0.5, -0.125, -0.0625]
    """
    if finite_number("d", d) < 0:
        raise InvalidValueError("d", f"expected a number from 0, got {d!r}")
    if not 0 < finite_number("tau", tau) <= 1:
        raise InvalidValueError("tau", f"expected more than 0 and up to 1, got {tau!r}")
    weights = core_weights(d, tau)
    if weights is None:
        raise InvalidValueError("tau", f"{tau:g} is reached by none of the first million weights of d = {d:g}")
    return weights


def fractional_difference(x: Any, d: float, *, tau: float = 1e-4) -> Any:
    """Return the fractional difference of a series, ``sum over k < L of w[k] x[t-k]``.

    Parameters
    ----------
    x : float64 (n,)
        For instance logarithms of prices.
    d, tau : float
        As of :func:`fractional_weights`, whose L weights make the window.

    Returns
    -------
    float64 (n,)
        An array, or a series if ``x`` is one. The first ``L - 1`` rows are NaN, as is every row with a NaN in its
        window.

    Raises
    ------
    InvalidValueError
        For infinities, and what is beyond the limits.

    Examples
    --------
    >>> tc.ml.fractional_difference([1.0, 2.0, 4.0], 1).tolist()
    [nan, 1.0, 2.0]
    """
    values = finite("x", x)
    window = fractional_weights(d, tau)
    out = np.full(len(values), np.nan)
    if len(values) >= len(window):
        out[len(window) - 1 :] = np.convolve(values, window, mode="valid")
    return series_like(x, out, "fractional_difference")
