"""What a connector delivers, as a session takes it: decoded, with books said to be synced once their rows are there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

from tradecore._core import FeedDecoder, FrameDoor, Heard, Instrument, Kernel, L2Book
from tradecore.data.windows import Arrays, snapshot
from tradecore.histogram import Histogram
from tradecore.live.events import LagChanged
from tradecore.live.lag import Lag
from tradecore.live.segments import RecordKind
from tradecore.types import BookState, EventKind
from tradecore.venues import Connector, Feed, Stream, VenueQueue
from tradecore.venues.events import Event, FeedState, Frame, LinkState

__all__ = ["Line", "LineInput", "Rows"]

_STATES = (EventKind.BOOK_SET, EventKind.BOOK_CLEAR, EventKind.QUOTE)
"""What the newest of stands for all before, so that it may be left out by a session that is behind."""
_STAMPED = (EventKind.BOOK_SET, EventKind.QUOTE, EventKind.TRADE)
"""What venues stamp when it happens; a snapshot may be told of a book that is older."""


class Rows(NamedTuple):  # one for each frame
    """Whole messages of an instrument: what a decoder has ready now, or event columns once they are kept for later."""

    instrument: str
    source: FeedDecoder | Mapping[str, Any]

    def kept(self) -> Rows:
        """Return the same, taken from the decoder."""
        source = self.source
        return Rows(self.instrument, source.events(self.instrument)) if isinstance(source, FeedDecoder) else self


LineInput: TypeAlias = Event | LagChanged | Rows
"""What a session is given: rows in place of the frames that held them."""


class Line:
    """A connector's queue, and the decoder of what it delivers.

    Parameters
    ----------
    connector : Connector
    queue : the queue that is its sink
    instruments : sequence of Instrument
        What is subscribed to.
    max_lag : float, optional
        How far its messages may be behind before its books are stale, seconds. Until they have caught up changes of
        books are left out, and then each book is told whole.

    Attributes
    ----------
    lag : Lag or None
    """

    def __init__(
        self,
        connector: Connector,
        queue: VenueQueue,
        instruments: Sequence[Instrument],
        *,
        max_lag: float | None = None,
    ) -> None:
        self.connector = connector
        self.venue = connector.name
        self.queue = queue
        self.instruments = [instrument.id for instrument in instruments]
        self.frames = 0
        self.heard = {name: Heard() for name in self.instruments}
        """What arrived of each instrument, counted."""
        self.feed_latency = Histogram()
        """From the venue's stamp of a message to its receipt, seconds, by the two clocks."""
        self.processing = Histogram()
        """From the receipt of a frame until all was done that it led to, seconds."""
        self.is_doubted = asyncio.Event()
        """Set when the venue may have said something of the account that was not heard."""
        self.lag = None if max_lag is None else Lag(round(max_lag * 1e9))
        self._specs = {instrument.id: instrument for instrument in instruments}
        self._left_out: dict[str, Arrays] = {}
        """The newest rows that were left out of each book that is behind."""
        self._decoder = FeedDecoder(connector.name, instruments)
        self._told: list[FeedState] = []
        self._feed = Feed(connector, self._decoder, self.instruments, self._told.append)
        self._door: FrameDoor | None = None

    @property
    def malformed(self) -> int:
        """Frames so far that could not be read."""
        return self._feed.malformed

    def book(self, instrument: str) -> L2Book:
        """Return a book as the venue has it."""
        return self._decoder.book(instrument)

    def gaps(self, instrument: str) -> int:
        """Return how many gaps in the venue's sequence were found."""
        return self._decoder.gaps(instrument)

    def read(self, event: Event) -> Sequence[LineInput]:
        """Return what an event that is no frame is to a session."""
        if not isinstance(event, FeedState):
            if isinstance(event, LinkState) and event.is_up:  # it may have been to tell of the account meanwhile
                self.is_doubted.set()
            return [event]
        # The feed minds what the connector says, and passes it on.
        self._feed.state(event)
        return self._news()

    def open_door(
        self, kernel: Kernel, markets: Mapping[str, int], now_ns: Callable[[], int], *, writes_down: bool
    ) -> None:
        """Let frames of synced books go to a kernel directly from now on, see :meth:`door`."""
        places = {name: (markets[name], self.heard[name]) for name in self.instruments}
        record = RecordKind.FRAME if writes_down else None
        self._door = FrameDoor(
            kernel, self._decoder, self.venue, places, now_ns=now_ns, book=Stream.BOOK, record=record
        )

    @property
    def door(self) -> FrameDoor | None:
        """What takes frames as long as there is nothing to mind but what they say; None while there is."""
        return self._door if self.lag is None and self._feed.is_calm else None

    def gone_through(self, frames: int, times: tuple[Sequence[float], Sequence[float]]) -> None:
        """Count frames that the door took, and how long they took."""
        self.frames += frames
        for histogram, seconds in zip((self.feed_latency, self.processing), times, strict=True):
            histogram.observe_all(seconds)

    def frame(self, frame: Frame, now_ns: int, give: Callable[[LineInput], None], *, is_decoded: bool = False) -> None:
        """Give what a frame is to a session that takes it at a time, ns UTC. It is counted once that is taken."""
        self.frames += 1
        if is_decoded:
            self._feed.decoded(frame)
        else:
            self._feed.frame(frame)
        for name in self.instruments if frame.instrument is None else (frame.instrument,):
            heard = self.heard.get(name)
            if heard is not None and (pending := self._decoder.pending(name)) is not None:
                ts_event, kind, traded_qty = pending
                if self.lag is None:
                    give(Rows(name, self._decoder))
                else:
                    for each in self._in_time(self.lag, name, kind, frame.ts_recv, ts_event, now_ns):
                        give(each)
                heard.count(frame.ts_recv, kind, traded_qty)
                self.feed_latency.observe((frame.ts_recv - ts_event) / 1e9)
        for each in self._news():
            give(each)

    def _in_time(self, lag: Lag, name: str, kind: int, ts_recv: int, ts_event: int, now_ns: int) -> Iterable[LineInput]:
        """Yield the rows that are ready of an instrument, and what becomes of books by how late they are."""
        is_changed = kind in _STAMPED and lag.taken(now_ns, ts_recv, ts_event)
        if is_changed and lag.is_behind:
            yield self._lag_changed(lag, now_ns)
            yield from self._told_of_books(BookState.STALE, now_ns, self._why_stale(lag))
        if kind in _STATES and (lag.is_behind or name in self._left_out):
            self._left_out[name] = self._decoder.events(name)
        else:
            yield Rows(name, self._decoder)
        if is_changed and not lag.is_behind:
            yield from self._caught_up(lag, now_ns)

    def _caught_up(self, lag: Lag, now_ns: int) -> Iterable[LineInput]:
        """Yield the books that changed meanwhile, each as it is now."""
        left_out, self._left_out = self._left_out, {}
        for name, rows in left_out.items():
            if self._feed.is_synced(name):
                yield Rows(name, snapshot(self._decoder.book(name), self._specs[name], rows))
        yield from self._told_of_books(BookState.SYNCED, now_ns, "caught up")
        yield self._lag_changed(lag, now_ns)

    def _told_of_books(self, state: BookState, now_ns: int, reason: str) -> Iterable[FeedState]:
        """Yield a state of every book that is the venue's."""
        for name in filter(self._feed.is_synced, self.instruments):
            yield FeedState(self.venue, now_ns, name, state, reason)

    def _lag_changed(self, lag: Lag, now_ns: int) -> LagChanged:
        return LagChanged(now_ns, self.venue, lag.is_behind, lag.ns / 1e9, lag.limit_ns / 1e9)

    @staticmethod
    def _why_stale(lag: Lag) -> str:
        return f"behind by {lag.ns / 1e9:.3g} s, more than {lag.limit_ns / 1e9:.3g} s"

    def _news(self) -> Sequence[LineInput]:
        """Return what became of books."""
        if not self._told:  # the way of nearly every frame
            return ()
        told = [self._as_told(state) for state in self._told]
        self._told.clear()
        return told

    def _as_told(self, state: FeedState) -> FeedState:
        """Return a state of a feed as a session is told it: a book that is behind is stale."""
        lag = self.lag
        if lag is None or not lag.is_behind or state.stream is not Stream.BOOK or state.state is not BookState.SYNCED:
            return state
        return replace(state, state=BookState.STALE, reason=self._why_stale(lag))
