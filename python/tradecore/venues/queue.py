"""Events between a connector and a session that may fall behind.

Reports, balances and trades are never dropped. Book changes and quotes are, above a limit: of a book that lost some,
the rest is dropped too, and when there is room again it begins anew with a snapshot. Quotes are followed by newer ones.
"""

from __future__ import annotations

import asyncio
from collections import deque

from tradecore.types import BookState
from tradecore.validation import to_count
from tradecore.venues.connector import Resyncing
from tradecore.venues.events import Event, FeedState, Frame, Stream

__all__ = ["VenueQueue"]


class VenueQueue:
    """A connector's sink that a session reads at its own pace.

    Parameters
    ----------
    connector : Connector
        Is asked for a resync of books that lost something.
    limit : int
        Events that wait before books and quotes are dropped; those of the rest wait beyond it.
    """

    __slots__ = ("_arrived", "_connector", "_events", "_lost", "dropped", "limit")

    def __init__(self, connector: Resyncing, limit: int = 65_536) -> None:
        self._connector = connector
        self.limit = to_count("limit", limit)
        self._events: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self._lost: set[str] = set()
        self.dropped = 0
        """Frames dropped so far."""

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Event) -> None:
        """Take an event; this is the sink."""
        waiting = len(self._events)
        if (self._lost or waiting >= self.limit) and isinstance(event, Frame) and self._drops(event):
            self.dropped += 1
            return
        self._events.append(event)
        if not waiting:
            self._arrived.set()

    async def get(self) -> Event:
        """Return the next event, in the order in which they came."""
        while not self._events:
            self._arrived.clear()
            await self._arrived.wait()
        return self.pop()

    def pop(self) -> Event:
        """Return the next event of a queue that is not empty."""
        event = self._events.popleft()
        if self._lost and len(self._events) <= self.limit // 2:
            lost, self._lost = self._lost, set()
            for instrument in sorted(lost):
                self._connector.resync(instrument, "frames were dropped")
        return event

    def lag_ns(self, now_ns: int) -> int:
        """Return how long the oldest event has waited, ns."""
        return now_ns - self._events[0].ts_recv if self._events else 0

    def _drops(self, frame: Frame) -> bool:
        if frame.stream is Stream.QUOTES:
            return len(self._events) >= self.limit
        if frame.stream is not Stream.BOOK or frame.instrument is None:
            return False
        if frame.instrument in self._lost:
            return True
        if len(self._events) < self.limit:
            return False
        self._lost.add(frame.instrument)
        state = FeedState(
            frame.venue, frame.ts_recv, frame.instrument, BookState.GAP, "the session lags: frames dropped"
        )
        self._events.append(state)
        return True
