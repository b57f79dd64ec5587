"""Several indicators over the same bars, in one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tradecore._core import IndicatorBank
from tradecore.arrays import frame_like, library_of, to_floats
from tradecore.errors import InvalidValueError
from tradecore.indicators.doors import CLASSES

__all__ = ["Bank"]

_BAR = ("open", "high", "low", "close", "volume", "ts")


class Bank(IndicatorBank):
    """Indicators that read the same bars, by names of your own.

    One :meth:`update` moves all of them on, which costs a fraction of as many calls; :meth:`compute` works columns off
    in one pass. A bank holds copies of what it is given.

    Parameters
    ----------
    **indicators : Indicator
        Such as ``fast=EMA(12)``. What reads two series of its own (``BETA``) is refused.

    Raises
    ------
    InvalidValueError
        For what is no indicator, or does not read bars.

    Examples
    --------
    >>> from tradecore.indicators import ATR, BBANDS, RSI, Bank
    >>> bank = Bank(rsi=RSI(2), bands=BBANDS(2), atr=ATR(2))
    >>> bank.names
    ('rsi', 'bands.upper', 'bands.middle', 'bands.lower', 'atr')
    >>> for close in (100.0, 102.0, 101.0):
    ...     values = bank.update(close, close + 1, close - 1, close, 5.0)
    >>> values.round(2).tolist()
    [66.67, 102.5, 101.5, 100.5, 2.5]
    """

    __slots__ = ()

    def compute(self, bars: Any) -> Any:
        """Go on over many bars in one pass and return all outputs by name.

        Parameters
        ----------
        bars : frame, or mapping of arrays
            With the columns that the indicators read: ``open, high, low, close, volume, ts``.

        Returns
        -------
        frame, or dict of float64 (n,)
            What was given: a frame of polars or pandas with a column for each of ``names``, or a dictionary of arrays.
            The columns share one block of memory, which is freed with the last of them.

        Raises
        ------
        InvalidValueError
            When a column is missing, is none, or has another length.
        """
        known = [str(name) for name in (bars if isinstance(bars, Mapping) else bars.columns)]
        columns = {name: to_floats(name, bars[name]) for name in _BAR if name in known}
        rows = {name: len(column) for name, column in columns.items()}
        for name in self.inputs:
            if name not in rows:
                raise InvalidValueError(name, f"the bars have no such column; they have {', '.join(known) or 'none'}")
            if rows[name] != rows[self.inputs[0]]:
                first = self.inputs[0]
                raise InvalidValueError(name, f"has {rows[name]} rows where {first} has {rows[first]}")
        given = [columns[name] if name in self.inputs else np.empty(0) for name in _BAR]
        done = dict(zip(self.names, self.batch(given), strict=True))
        return done if library_of(bars) == "numpy" else frame_like(bars, done)

    def copy(self) -> Bank:
        """Return another one that remembers the same."""
        return _restored(type(self), self.states())

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.states())

    def __repr__(self) -> str:
        parts = [f"{name}={_indicator(kind, state)!r}" for name, kind, state in self.states()]
        return f"Bank({', '.join(parts)})"


def _indicator(kind: str, state: bytes) -> Any:
    return CLASSES[kind].load(state)


def _restored(bank: type[Bank], states: list[tuple[str, str, bytes]]) -> Bank:
    return bank(**{name: _indicator(kind, state) for name, kind, state in states})
