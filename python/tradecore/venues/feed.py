"""Frames through a decoder, and what its books ask for back to the connector."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from tradecore.errors import DataError
from tradecore.types import BookState
from tradecore.venues.connector import Resyncing
from tradecore.venues.events import FeedState, Frame, Stream

__all__ = ["Decoder", "Feed"]

_REASONS = {
    BookState.EMPTY: "nothing received yet",
    BookState.BUFFERING: "waiting for a snapshot",
    BookState.SYNCED: "synced",
    BookState.GAP: "sequence gap",
    BookState.STALE: "silent",
}


class Decoder(Protocol):
    """What a feed needs of a decoder."""

    def feed(self, frame: bytes, ts_recv: int) -> str:
        """Take a frame and say what it was."""

    def disconnect(self, ts_recv: int, instrument: str | None = None) -> None:
        """Void a book, or all: the connection has ended."""

    def state(self, instrument: str) -> BookState:
        """Return where a book stands with the venue."""


class Feed:
    """Decodes the frames of a connector and keeps its books synced.

    A book is the venue's when the decoder says so *and* the connector vouches for it: after a silence it is not, until
    the next frame of it arrives and continues the one before. After a lost connection it begins anew.

    Parameters
    ----------
    connector : Connector
        Is asked for a resync where a book needs one.
    decoder : Decoder
    instruments : iterable of str
        Ids of those the decoder has.
    tell : callable
        Is told every change of a book's state.
    """

    __slots__ = ("_connector", "_decoder", "_instruments", "_states", "_synced", "_tell", "malformed")

    def __init__(
        self,
        connector: Resyncing,
        decoder: Decoder,
        instruments: Iterable[str],
        tell: Callable[[FeedState], None],
    ) -> None:
        self._connector = connector
        self._decoder = decoder
        self._instruments = tuple(instruments)
        self._states = dict.fromkeys(self._instruments, BookState.EMPTY)
        self._synced = 0
        self._tell = tell
        self.malformed = 0

    def frame(self, frame: Frame) -> str:
        """Decode a frame and return what it was, in the decoder's words; ``malformed`` if it could not be read.

        Of a malformed frame nobody knows what it said, so the book it concerns begins anew.
        """
        try:
            kind = self._decoder.feed(frame.data, frame.ts_recv)
        except DataError as error:
            self.malformed += 1
            for instrument in self._books(frame):
                self._become(frame, instrument, BookState.GAP, f"malformed frame: {error.problem}")
                self._connector.resync(instrument, "malformed frame")
            return "malformed"
        self.decoded(frame)
        return kind

    def decoded(self, frame: Frame) -> None:
        """Look what became of books by a frame that the decoder has taken."""
        for instrument in self._books(frame):
            self._look(frame, instrument)

    def state(self, state: FeedState) -> None:
        """Take and pass on what the connector says of a feed."""
        if state.stream is Stream.BOOK and state.instrument in self._states:
            if state.is_disconnected:
                self._decoder.disconnect(state.ts_recv, state.instrument)
            if state.state is BookState.BUFFERING:
                if self.is_synced(state.instrument):
                    return
                state = replace(state, state=self._states[state.instrument])
            self._set(state.instrument, state.state)
        self._tell(state)

    def is_synced(self, instrument: str) -> bool:
        """Return whether a book is the venue's now."""
        return self._states[instrument] is BookState.SYNCED

    @property
    def is_calm(self) -> bool:
        """Whether all books are the venue's now."""
        return self._synced == len(self._states)

    def _books(self, frame: Frame) -> tuple[str, ...]:
        """Return whose books a frame may have changed."""
        if frame.instrument is None:
            return self._instruments
        is_here = frame.stream is Stream.BOOK and frame.instrument in self._states
        return (frame.instrument,) if is_here else ()

    def _look(self, frame: Frame, instrument: str) -> None:
        state = self._decoder.state(instrument)
        is_new = state is not self._states[instrument]
        if is_new:
            self._become(frame, instrument, state, _REASONS[state])
        # What is of the whole connection says nothing of a book that waits: its snapshot may be right behind.
        if state is not BookState.SYNCED and (is_new or frame.instrument is not None):
            self._connector.resync(instrument, _REASONS[state])

    def _become(self, frame: Frame, instrument: str, state: BookState, reason: str) -> None:
        self._set(instrument, state)
        self._tell(FeedState(frame.venue, frame.ts_recv, instrument, state, reason))

    def _set(self, instrument: str, state: BookState) -> None:
        self._states[instrument] = state
        self._synced = sum(each is BookState.SYNCED for each in self._states.values())
