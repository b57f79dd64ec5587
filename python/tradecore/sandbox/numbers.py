"""How numbers of an instrument are written, and what has changed of a book."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TypeAlias

from tradecore._core import Instrument

__all__ = ["Digits", "Levels", "changed", "money", "ms"]

Levels: TypeAlias = dict[int, int]
"""Quantity by price of a side of a book, both in increments."""


def ms(ns: int) -> int:
    """Return a time in ms."""
    return ns // 1_000_000


def money(value: Decimal | float | None) -> str:
    """Write an amount of a coin with no more decimals than it has, 12 at most; nothing is 0."""
    text = f"{Decimal(value or 0):.12f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def changed(was: Levels, now: Levels) -> list[tuple[int, int]]:
    """Return the levels that have changed, with a quantity of 0 those that are gone."""
    set_to = [(price, qty) for price, qty in now.items() if was.get(price) != qty]
    return set_to + [(price, 0) for price in was if price not in now]


class Digits:
    """How numbers of an instrument are written.

    Parameters
    ----------
    instrument : Instrument
    price, qty : int
        How many decimals prices and quantities have at least.
    """

    def __init__(self, instrument: Instrument, *, price: int, qty: int) -> None:
        self._price = _Scale(instrument.price_increment, price)
        self._qty = _Scale(instrument.qty_increment, qty)

    def price(self, value: Decimal) -> str:
        """Write a price."""
        return f"{value:.{self._price.decimals}f}"

    def qty(self, value: Decimal) -> str:
        """Write a quantity."""
        return f"{value:.{self._qty.decimals}f}"

    def level(self, price: int, qty: int) -> list[str]:
        """Write a level that is given in increments."""
        return [self._price.text(price), self._qty.text(qty)]

    def best(self, sides: Iterable[Levels]) -> list[list[str]]:
        """Write the first level of each side, zeros of one that is empty."""
        return [self.level(*next(iter(side.items()), (0, 0))) for side in sides]

    def levels(self, levels: Iterable[tuple[int, int]]) -> list[list[str]]:
        """Write levels."""
        return [self.level(price, qty) for price, qty in levels]


class _Scale:
    def __init__(self, increment: Decimal, decimals: int) -> None:
        _, digits, exponent = increment.as_tuple()
        assert isinstance(exponent, int)
        self.decimals = max(decimals, -exponent)
        self._times = int("".join(map(str, digits))) * 10 ** (self.decimals + exponent)
        self._unit = 10**self.decimals

    def text(self, steps: int) -> str:
        whole, rest = divmod(steps * self._times, self._unit)
        return f"{whole}.{rest:0{self.decimals}d}" if self.decimals else str(whole)
