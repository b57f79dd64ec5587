"""A recorded session as a venue's feed: the frames as they were received, on the server's clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import orjson

from tradecore._core import Instrument
from tradecore.data.frames import Received, is_frame
from tradecore.errors import InvalidValueError

__all__ = ["Recording", "ToldBook"]

_Rows: TypeAlias = Iterable[Sequence[str]]


class Recording:
    """What a venue sent, as it was written down: the first frame comes when the server begins.

    When the frames are over the market stands still; clients that come then still get the books as they ended.

    Parameters
    ----------
    frames : iterable of Received
        Of one venue, as :func:`~tradecore.data.frames.capture_frames` has them, with the snapshots it was asked for.
    instruments : sequence of Instrument
        Those that they are of.

    Raises
    ------
    InvalidValueError
        For instruments of several venues, or none.
    """

    def __init__(self, frames: Iterable[Received], instruments: Sequence[Instrument]) -> None:
        self.instruments = {instrument.id: instrument for instrument in instruments}
        venues = sorted({instrument.venue for instrument in instruments})
        if len(venues) != 1:
            raise InvalidValueError("instruments", f"expected those of one venue, got {' and '.join(venues) or 'none'}")
        self._frames = iter(frames)
        self._next: Received | None = None
        self._first = (0, 0)
        self._speed = 1.0
        self._cut: Callable[[], None] = lambda: None

    def instrument(self, name: str) -> Instrument:
        """Return an instrument that it is of.

        Raises
        ------
        InvalidValueError
            For one that it is not of.
        """
        if name not in self.instruments:
            raise InvalidValueError(
                "symbols", f"{name} was not recorded: expected one of {', '.join(self.instruments)}"
            )
        return self.instruments[name]

    def begin(self, now_ns: int, speed: float, cut: Callable[[], None]) -> None:
        """Let the first frame come now, and the others so many times as fast as they came.

        Where the connection was lost that it was recorded on, ``cut`` ends those that it is served on.
        """
        self._speed, self._cut = speed, cut
        self._next = next(self._frames, None)
        if self._next is not None:
            self._first = (self._next.ts_recv, now_ns)

    @property
    def is_over(self) -> bool:
        """Whether all frames have come."""
        return self._next is None

    def due(self, now_ns: int) -> Iterator[Any]:
        """Return the messages that have come since the last call; None where the connection was lost."""
        began, at_ns = self._first
        while self._next is not None and at_ns + int((self._next.ts_recv - began) / self._speed) <= now_ns:
            if is_frame(self._next.data):
                yield orjson.loads(self._next.data)
            else:
                self._cut()
                yield None
            self._next = next(self._frames, None)


class ToldBook:
    """A book in the venue's own words: quantity by price, both as it wrote them."""

    def __init__(self, bids: _Rows = (), asks: _Rows = ()) -> None:
        self._sides: tuple[dict[str, str], dict[str, str]] = ({}, {})
        self.change(bids, asks)

    def change(self, bids: _Rows, asks: _Rows) -> None:
        """Set levels; those without a quantity are gone."""
        for side, rows in zip(self._sides, (bids, asks), strict=True):
            for price, qty, *_ in rows:
                if Decimal(qty):
                    side[price] = qty
                else:
                    side.pop(price, None)

    def levels(self, most: int | None = None) -> list[list[list[str]]]:
        """Return bids and asks, best first."""
        return [
            [[price, side[price]] for price in sorted(side, key=Decimal, reverse=is_bid)[:most]]
            for side, is_bid in zip(self._sides, (True, False), strict=True)
        ]
