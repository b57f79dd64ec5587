"""A market that nothing but orders makes: a crowd of makers, takers and patient traders, by a seed."""

from __future__ import annotations

import heapq
import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from random import Random
from typing import Final

import numpy as np

from tradecore._core import Instrument
from tradecore.sandbox.desk import Desk, OrderRecord
from tradecore.sandbox.feed import Columns, typical_qty
from tradecore.types import EventFlag, EventKind

__all__ = ["Crowd"]

_MAKERS, _TAKERS, _PATIENT = 5, 6, 4
_LEVELS = 4
"""So many bids, and so many asks, a maker has."""
_ORDERS = 12
"""So many orders a patient trader has at most."""
_PATIENCE: Final = 0.25
"""By how much of his half spread a maker lets a quote be off."""
_DRIFT: Final = 1e-4
"""By how much of itself what a thing is worth changes in a second, as a standard deviation."""
_MARK_NS = 1_000_000_000
_FINE = 10**9
"""Marks are told in billionths."""


class Crowd:
    """Traders with accounts of their own on every market of a desk.

    What a thing is worth drifts, and each trader has an opinion of it. Makers quote around theirs and lean against what
    they hold, takers take what is cheap or dear by theirs, else by chance, patient traders wait far from the market and
    change their minds. They meet each other and the clients by the rules of the venue, so the book and the trades are
    what orders made, and a client that takes all of a book leaves it empty until somebody quotes again. When each of
    them acts follows from the seed alone; what he does, also from the market he finds.

    Parameters
    ----------
    instruments : mapping of str to Instrument
        By the venue's symbol.
    prices : mapping of str to str
        What each is worth at first.
    seed : int
    first_account : int
        From here on accounts are the crowd's.
    speed : float
        How many times as fast they act.
    """

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        prices: Mapping[str, str],
        *,
        seed: int,
        first_account: int,
        speed: float = 1.0,
    ) -> None:
        self.first_account = first_account
        accounts = itertools.count(first_account)
        self._traders: list[_Trader] = []
        for symbol, instrument in instruments.items():
            worth = _Worth(instrument, prices[symbol], Random(f"{seed} {symbol}"))
            kinds = [_Maker] * _MAKERS + [_Taker] * _TAKERS + [_Patient] * _PATIENT
            self._traders += [_Marker(symbol, worth, -1)]
            self._traders += [kind(symbol, worth, next(accounts)) for kind in kinds]
        self._speed = speed
        self._began_ns = 0
        self._due: list[tuple[int, int]] = []

    def begin(self, desk: Desk, now_ns: int) -> None:
        """Open the markets, which are empty."""
        self._began_ns = now_ns
        for symbol, market in desk.market_of.items():
            instrument = desk.instruments[symbol]
            lot = (instrument.tick_size, instrument.lot_size)
            # A book counts as known from its first level on; here that is gone before anybody meets it.
            desk.exchange.levels(now_ns, market, now_ns, [lot], [], snapshot=True)
            desk.exchange.levels(now_ns, market, now_ns, [(instrument.tick_size, 0)], [])
        self._due = [(trader.rest_ns(0), at) for at, trader in enumerate(self._traders)]
        heapq.heapify(self._due)

    def act(self, desk: Desk, now_ns: int) -> None:
        """Let everybody do by now what he does."""
        while self._due:
            due, number = self._due[0]
            at = self._began_ns + int(due / self._speed)
            if at > now_ns:
                return
            trader = self._traders[number]
            trader.act(desk, at, due)
            heapq.heapreplace(self._due, (due + trader.rest_ns(due), number))


class _Worth:
    """What an instrument is worth, and how its traders draw."""

    def __init__(self, instrument: Instrument, price: str, random: Random) -> None:
        self.instrument = instrument
        self.random = random
        self.first = Decimal(price)
        self.typical = typical_qty(instrument, self.first)
        self._price = float(price)
        self._at = 0

    def at(self, now: int) -> float:
        """Return it at a time, ns since the market opened."""
        seconds, self._at = (now - self._at) / 1e9, now
        self._price *= math.exp(self.random.gauss(0.0, _DRIFT * math.sqrt(max(seconds, 0.0))))
        return self._price

    def qty(self, times: float) -> Decimal:
        """Return a quantity that is so many times the usual one, in whole lots."""
        lots = int(self.typical / self.instrument.lot_size * Decimal(times))
        return max(lots, 1) * self.instrument.lot_size

    def price(self, value: float, rounding: str) -> Decimal:
        """Return a price in whole ticks, one at least."""
        tick = self.instrument.tick_size
        return max((Decimal(value) / tick).to_integral_value(rounding), Decimal(1)) * tick


class _Trader(ABC):
    """One of the crowd, on one market."""

    every_s: float
    """How long he rests between two acts, on average."""

    def __init__(self, symbol: str, worth: _Worth, account: int) -> None:
        self.symbol = symbol
        self._worth = worth
        self._account = account
        self._bias = worth.random.gauss(0.0, 2e-4)
        """By how much of itself his opinion of the price is off."""

    def rest_ns(self, now: int) -> int:
        """Return how long he rests now, ns."""
        return int(self._worth.random.expovariate(1 / self.every_s) * 1e9) + 1

    @abstractmethod
    def act(self, desk: Desk, at: int, now: int) -> None:
        """Do what he does: ``at`` is by the venue's clock, ``now`` since the market opened, both ns."""

    def _opinion(self, now: int) -> float:
        return self._worth.at(now) * (1 + self._bias)

    def _lean(self, desk: Desk) -> float:
        """Return how much he holds, in units of ten usual quantities: what he began with is none."""
        held = desk.position(self._account, self.symbol)["qty"]
        return float(held / self._worth.typical) / 10

    def _order(
        self, desk: Desk, at: int, side: str, qty: Decimal, price: Decimal | None, *, post_only: bool = False
    ) -> OrderRecord:
        return desk.place(self._account, self.symbol, side, qty, price, at, post_only=post_only)


class _Maker(_Trader):
    """Quotes several prices on both sides."""

    every_s = 0.4

    def __init__(self, symbol: str, worth: _Worth, account: int) -> None:
        super().__init__(symbol, worth, account)
        self._half = worth.random.uniform(1e-4, 4e-4)
        self._bias = self._bias / 10
        self._quotes: dict[tuple[str, int], OrderRecord] = {}
        """By side and level."""

    def act(self, desk: Desk, at: int, now: int) -> None:
        """Move the quotes that are far from where they ought to be; the others keep their places."""
        fair = self._opinion(now) * (1 - self._half * max(-2.0, min(2.0, self._lean(desk))))
        missing = []
        for side, sign, rounding in (("BUY", -1, ROUND_FLOOR), ("SELL", 1, ROUND_CEILING)):
            for level in range(_LEVELS):
                price = self._worth.price(fair * (1 + sign * self._half * (1 + level)), rounding)
                order = self._quotes.get((side, level))
                if order is not None and order.is_open:
                    if abs(float(order.price - price)) <= fair * self._half * _PATIENCE:
                        continue
                    desk.cancel(order, at)
                missing.append((side, level, price))
        # All that is in the way of his own has gone before.
        for side, level, price in missing:
            qty = self._worth.qty(self._worth.random.uniform(0.5, 3.0))
            self._quotes[side, level] = self._order(desk, at, side, qty, price, post_only=True)


class _Taker(_Trader):
    """Takes what is cheap or dear, else by chance, and rather gives back what he holds."""

    every_s = 2.0

    def act(self, desk: Desk, at: int, now: int) -> None:
        """Send an order at the market."""
        random, opinion = self._worth.random, self._opinion(now)
        bid, ask = desk.best(self.symbol)
        chance = random.random()
        if ask is not None and opinion > ask:
            side = "BUY"
        elif bid is not None and opinion < bid:
            side = "SELL"
        else:
            side = "BUY" if chance > 0.5 + max(-0.4, min(0.4, self._lean(desk))) else "SELL"
        self._order(desk, at, side, self._worth.qty(random.expovariate(1.0) + 0.1), None)


class _Patient(_Trader):
    """Waits at prices far from the market, and at times no longer."""

    every_s = 1.0

    def __init__(self, symbol: str, worth: _Worth, account: int) -> None:
        super().__init__(symbol, worth, account)
        self._waiting: list[OrderRecord] = []

    def act(self, desk: Desk, at: int, now: int) -> None:
        """Add an order, or take one back."""
        random, opinion = self._worth.random, self._opinion(now)
        self._waiting = [order for order in self._waiting if order.is_open]
        if self._waiting and random.random() < len(self._waiting) / _ORDERS:
            desk.cancel(self._waiting.pop(random.randrange(len(self._waiting))), at)
            return
        away = random.expovariate(1 / 2e-3)
        side, value, rounding = random.choice(
            [("BUY", opinion / (1 + away), ROUND_FLOOR), ("SELL", opinion * (1 + away), ROUND_CEILING)]
        )
        qty = self._worth.qty(random.uniform(1.0, 10.0))
        self._waiting.append(self._order(desk, at, side, qty, self._worth.price(value, rounding)))


class _Marker(_Trader):
    """The venue itself, which says at what price positions are valued: the mid, so long as there is one."""

    def rest_ns(self, now: int) -> int:
        """Return how long until the next mark, ns."""
        return _MARK_NS if now else 1

    def act(self, desk: Desk, at: int, now: int) -> None:
        """Tell the mark."""
        bid, ask = desk.best(self.symbol)
        if bid is not None and ask is not None:
            price = (bid + ask) / 2
        else:
            price = desk.last_price(self.symbol) or self._worth.first
        columns: Columns = {
            "ts_event": np.array([at], np.int64),
            "ts_recv": np.array([at], np.int64),
            "kind": np.array([EventKind.MARK], np.uint8),
            "side": np.zeros(1, np.int8),
            "flags": np.array([EventFlag.LAST], np.uint8),
            "price": np.array([round(price * _FINE)], np.int64),
            "qty": np.zeros(1, np.int64),
            "id": np.zeros(1, np.uint64),
        }
        desk.exchange.message(at, desk.market_of[self.symbol], columns)
