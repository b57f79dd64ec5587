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

from __future__ import annotations

from tradecore._core import Indicator, indicator_specs
from tradecore.indicators.bank import Bank
from tradecore.indicators.doors import CLASSES, function_of, panel, stream_of

__all__ = ["Bank", "Indicator", "panel"]

for _spec in indicator_specs():
    globals()[_spec["name"]] = function_of(_spec)
    globals()[_spec["class"]] = stream_of(_spec)
    if (_values := CLASSES[_spec["name"]]._values) is not None:
        globals()[_values.__name__] = _values
        __all__ += [_values.__name__]
    __all__ += [_spec["name"], _spec["class"]]
__all__.sort()
