"""What moves the markets of a local venue: recorded or made events, as the clock comes to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradecore._core import Instrument, Synth
from tradecore.data.catalog import Catalog
from tradecore.types import EventFlag, EventKind

__all__ = ["KINDS", "Columns", "MarketFeed", "Message", "catalog_feed", "synthetic_feed", "typical_qty"]

KINDS = (EventKind.BOOK_CLEAR, EventKind.BOOK_SET, EventKind.TRADE, EventKind.QUOTE)
"""What moves a market."""

_ROWS = 2_048
_TYPICAL = Decimal(100)
"""What a level comes to at least, in quote currency, where a lot is next to nothing."""
_LAST = int(EventFlag.LAST)
_TRADE = int(EventKind.TRADE)

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a market: when it happens on the server's clock, ns, its rows, and its trades.

    A trade is price and quantity in increments, and whether the aggressor bought.
    """

    at_ns: int
    rows: Columns
    trades: tuple[tuple[int, int, bool], ...]


class MarketFeed:
    """The events of one instrument, laid on the server's clock: the first one happens when it begins.

    When the events are over the market stands still.

    Parameters
    ----------
    pieces : iterable of columns
        Whole messages in order of time.
    speed : float
        How many times as fast they go by as they were recorded.
    """

    def __init__(self, pieces: Iterable[Columns], *, speed: float = 1.0) -> None:
        self._messages = _messages(pieces)
        self._speed = speed
        self._first: tuple[int, int] | None = None
        self._next: tuple[int, Columns] | None = None

    def begin(self, now_ns: int) -> None:
        """Let the first event happen now."""
        self._next = next(self._messages, None)
        if self._next is not None:
            self._first = (self._next[0], now_ns)

    def due(self, now_ns: int) -> Iterator[Message]:
        """Return the messages that have happened since the last call."""
        while self._next is not None and self._first is not None:
            ts, rows = self._next
            at = self._first[1] + max(0, int((ts - self._first[0]) / self._speed))
            if at > now_ns:
                return
            yield Message(at, rows, _trades(rows))
            self._next = next(self._messages, None)


def _messages(pieces: Iterable[Columns]) -> Iterator[tuple[int, Columns]]:
    for piece in pieces:
        start = 0
        for end in (np.flatnonzero(piece["flags"] & _LAST) + 1).tolist():
            rows = {name: column[start:end] for name, column in piece.items()}
            yield int(rows["ts_event"][0]), rows
            start = end


def _trades(rows: Columns) -> tuple[tuple[int, int, bool], ...]:
    traded = np.flatnonzero(rows["kind"] == _TRADE).tolist()
    return tuple((int(rows["price"][row]), int(rows["qty"][row]), bool(rows["side"][row] > 0)) for row in traded)


def typical_qty(instrument: Instrument, price: Decimal) -> Decimal:
    """Return what an order of a made market is of, in whole lots."""
    lot = instrument.lot_size
    return max(lot * 1000, _TYPICAL / price // lot * lot)


def synthetic_feed(instrument: Instrument, *, seed: int, start_price: str, speed: float = 1.0) -> MarketFeed:
    """Return a synthetic market that does not end."""
    reader = Synth.reader(
        instrument,
        events=10**10,
        seed=seed,
        start_price=start_price,
        typical_qty=str(typical_qty(instrument, Decimal(start_price))),
        start_ns=0,
        message_gap="20ms",
        latency="0ms",
        jitter="0ms",
    )
    return MarketFeed(_pieces(lambda: reader.read(_ROWS)), speed=speed)


def _pieces(read: Callable[[], Columns | None]) -> Iterator[Columns]:
    while (piece := read()) is not None:
        yield piece


def catalog_feed(catalog: Catalog, instrument: str, *, speed: float = 1.0) -> MarketFeed:
    """Return the market that a catalog holds of an instrument.

    Raises
    ------
    CatalogError
        When it holds none.
    """
    return MarketFeed(catalog.stream(instrument, kinds=KINDS), speed=speed)
