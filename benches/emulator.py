"""Orders of one lot, each alone with the market, filled by hftbacktest's rules or, rule by rule, by ours.

This is neither engine: it is short, slow and says in one place where the two part. With no rule of ours it fills as the
peer does, with all of :data:`RULES` as we do; an order whose fate differs is explained by the fewest rules that turn
the one fate into the other.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

import tradecore as tc

RULES: Final[Mapping[str, str]] = {
    "fresher touch": "a trade that is newer than the depth is off the book, and better levels are gone",
    "whole messages": "what a book shows, and whom it reaches, counts when a message is over, not row by row",
    "either aggressor": "a trade beyond the price fills, whoever took",
    "restated size": "a row that says a level's size once more says nothing",
}
"""The rules of ours that the peer does not have, with what they say."""

_BUY, _SELL = int(tc.Side.BUY), int(tc.Side.SELL)


class Request(NamedTuple):
    """What a script does at a time: place an order of one lot, post-only, or cancel it."""

    ts_ns: int
    is_cancel: bool
    order: int
    side: int
    price: int


@dataclass(slots=True)
class _Order:
    number: int
    side: int
    price: int
    front: float
    displayed: int
    traded: float = 0.0


@dataclass(slots=True)
class _Side:
    """One side of the book: its levels, the best of them here and there, and what trades took off it."""

    sign: int
    levels: dict[int, int] = field(default_factory=dict)
    first: int | None = None
    best: int | None = None
    taken: tuple[int, int] | None = None

    def is_better(self, price: int, other: int) -> bool:
        return (price - other) * self.sign > 0

    def best_of(self, prices: Collection[int]) -> int | None:
        if not prices:
            return None
        return max(prices) if self.sign > 0 else min(prices)

    def shown(self, price: int) -> int:
        """Return what our book shows of a level."""
        qty = self.levels.get(price, 0)
        if self.taken is None or self.is_better(self.taken[0], price):
            return qty
        return max(qty - self.taken[1], 0) if price == self.taken[0] else 0

    def top(self) -> int | None:
        """Return the best price that our book shows."""
        if self.taken is None:
            return self.first
        return self.best_of([price for price in self.levels if self.shown(price) > 0])

    def clear(self) -> None:
        self.levels.clear()
        self.first = self.best = self.taken = None

    def keep(self, price: int, qty: int) -> None:
        """Keep a level."""
        if qty:
            self.levels[price] = qty
            if self.first is None or self.is_better(price, self.first):
                self.first = price
            return
        self.levels.pop(price, None)
        if price == self.first:
            self.first = self.best_of(self.levels)


def emulate(
    columns: Mapping[str, Any],
    requests: Sequence[Request],
    model: str,
    rules: Collection[str] = (),
    *,
    latency_ns: int = 0,
    unit: float = 0.001,
) -> dict[int, int]:
    """Return when each order filled by the venue's clock, ns; those that did not are left out.

    Parameters
    ----------
    columns : mapping
        Event columns of depth and trades, in the venue's order, one lot being one increment.
    requests : sequence of Request
    model : str
        A queue model as published.
    rules : collection of str
        Those of :data:`RULES` to fill by.
    latency_ns : int
        What a request takes to the venue.
    unit : float
        The value of one increment of quantity.
    """
    run = _Run(model, frozenset(rules), unit)
    waiting = sorted((request.ts_ns + latency_ns, request) for request in requests)
    waiting.reverse()
    names = ("ts_event", "kind", "side", "flags", "price", "qty")
    begins = True
    for now, kind, side, flags, price, qty in zip(*(columns[name].tolist() for name in names), strict=True):
        while begins and waiting and waiting[-1][0] < now:
            run.ask(waiting.pop()[1])
        begins = bool(flags & tc.EventFlag.LAST)
        run.take(now, kind, side, price, qty, ends=begins)
    return run.filled


class _Run:
    """The book and the orders of one emulation."""

    def __init__(self, model: str, rules: frozenset[str], unit: float) -> None:
        self.model = model
        self.merges = "fresher touch" in rules
        self.by_message = "whole messages" in rules
        self.either = "either aggressor" in rules
        self.skips_restated = "restated size" in rules
        self.unit = unit
        self.sides = {sign: _Side(sign) for sign in (_BUY, _SELL)}
        self.orders: dict[int, _Order] = {}
        self.filled: dict[int, int] = {}
        self.stamp = -1

    def ask(self, request: Request) -> None:
        """Let a request act."""
        if request.is_cancel:
            self.orders.pop(request.order, None)
            return
        own, other = self.sides[request.side], self.sides[-request.side]
        touch = other.top() if self.merges or self.by_message else other.best
        if touch is not None and (request.price - touch) * request.side >= 0:
            return  # Post-only: it would take.
        displayed = own.shown(request.price) if self.merges else own.levels.get(request.price, 0)
        self.orders[request.order] = _Order(request.order, request.side, request.price, displayed, displayed)

    def take(self, now: int, kind: int, side: int, price: int, qty: int, *, ends: bool) -> None:
        """Take a row, which ends its message or not."""
        if kind == tc.EventKind.BOOK_CLEAR:
            for cleared in self.sides.values():
                cleared.clear()
        elif kind == tc.EventKind.BOOK_SET:
            self._set(now, side, price, qty)
        elif kind == tc.EventKind.TRADE:
            self._trade(now, side, price, qty)
        if ends and (self.by_message or (self.merges and kind == tc.EventKind.TRADE)):
            self._look(now)

    def _set(self, now: int, side: int, price: int, qty: int) -> None:
        own, other = self.sides[side], self.sides[-side]
        own.taken = other.taken = None
        self.stamp = now
        before, prev = own.best, own.levels.get(price, 0)
        self._keep(own, other, price, qty)
        is_told = prev != qty or not self.skips_restated
        if is_told and (not self.by_message or prev == qty):
            for order in self._at(side, price):
                self._change(order, prev, qty)
        if not self.by_message:
            for order in self._at(side, price):
                order.displayed = qty
        improves = qty > 0 and (before is None or (own.best is not None and own.is_better(own.best, before)))
        if improves and not self.by_message and own.best is not None:
            for order in list(self.orders.values()):
                if order.side == -side and (order.price - own.best) * order.side >= 0:
                    self._fill(order, now)

    @staticmethod
    def _keep(own: _Side, other: _Side, price: int, qty: int) -> None:
        """Keep a level, and best prices as the peer does: one that is crossed moves on, its level stays."""
        own.keep(price, qty)
        if qty:
            if own.best is None or own.is_better(price, own.best):
                own.best = price
                if other.best is not None and (price - other.best) * own.sign >= 0:
                    other.best = other.best_of([p for p in other.levels if own.is_better(p, price)])
        elif price == own.best:
            own.best = own.best_of([p for p in own.levels if own.is_better(price, p)])

    def _trade(self, now: int, aggressor: int, price: int, qty: int) -> None:
        for order in list(self.orders.values()):
            if (order.price - price) * order.side > 0 and (order.side == -aggressor or self.either):
                self._fill(order, now)
            elif order.price == price and order.side == -aggressor:
                order.front -= qty
                order.traded += qty
                if round(-order.front) > 0:
                    self._fill(order, now)
        passive = self.sides[-aggressor]
        if self.merges and now > self.stamp:
            best = passive.top()
            if best is not None and not passive.is_better(price, best):
                before = passive.taken[1] if passive.taken is not None and passive.taken[0] == price else 0
                passive.taken = (price, before + qty)

    def _look(self, now: int) -> None:
        """Let what our book shows act on the orders."""
        tops = {sign: side.top() for sign, side in self.sides.items()} if self.orders else {}
        for order in list(self.orders.values()):
            shown = self.sides[order.side].shown(order.price)
            if shown != order.displayed:
                self._change(order, order.displayed, shown)
                order.displayed = shown
            if self.by_message:
                touch, best = tops[-order.side], tops[order.side]
                is_crossed = touch is not None and best is not None and (best - touch) * order.side >= 0
                if touch is not None and not is_crossed and (order.price - touch) * order.side >= 0:
                    self._fill(order, now)

    def _at(self, side: int, price: int) -> list[_Order]:
        return [order for order in self.orders.values() if order.side == side and order.price == price]

    def _fill(self, order: _Order, now: int) -> None:
        self.filled[order.number] = now
        del self.orders[order.number]

    def _change(self, order: _Order, prev: int, new: int) -> None:
        """Let a change of its level act on an order as published."""
        if self.model == "conservative":
            order.front = min(order.front, new)
            return
        departed, order.traded = prev - new - order.traded, 0.0
        if departed < 0:
            order.front = min(order.front, new)
            return
        front, back = order.front, prev - order.front
        behind = self._chance_behind(front, back)
        if np.isnan(behind):
            order.front = new
            return
        ahead = front - (1 - behind) * departed + min(back - behind * departed, 0)
        order.front = float(min(ahead, new))

    def _chance_behind(self, front: float, back: float) -> float:
        name, _, number = self.model.removesuffix(")").partition("(")
        with np.errstate(all="ignore"):
            ahead, rest = np.float64(front), np.float64(back)
            if name.startswith("log"):
                own, first, whole = (np.log1p(size * self.unit) for size in (rest, ahead, rest + ahead))
                share = own / whole if name == "log2" else own / (own + first)
            else:
                n = float(number)
                share = {
                    "power": rest**n / (rest**n + ahead**n),
                    "power2": rest**n / (rest + ahead) ** n,
                    "power3": 1 - (ahead / (ahead + rest)) ** n,
                }[name]
        return 1.0 if np.isinf(share) else float(share)


def causes(differing: Collection[int], ours: Mapping[int, int], run: Any) -> dict[int, tuple[str, ...]]:
    """Return the fewest rules that turn the peer's fate of an order into ours, for each that some do.

    Parameters
    ----------
    differing : collection of int
        Orders whose fates differ.
    ours : mapping of int to int
        Our fill times.
    run : callable
        Emulates these orders with some rules: ``run(orders, rules)``.
    """
    found: dict[int, tuple[str, ...]] = {}
    for size in range(1, len(RULES) + 1):
        for rules in itertools.combinations(RULES, size):
            left = [order for order in differing if order not in found]
            if not left:
                return found
            told = run(left, rules)
            found |= {order: rules for order in left if told.get(order) == ours.get(order)}
    return found
