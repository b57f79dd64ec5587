"""What a connector delivers, as a session takes it: decoded, with books said to be synced once their rows are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from tradecore._core import FeedDecoder, Instrument
from tradecore.venues import Connector, Feed, VenueQueue
from tradecore.venues.events import Event, FeedState, Frame

__all__ = ["Line", "LineInput", "Rows"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Event columns of whole messages of an instrument."""

    instrument: str
    columns: Mapping[str, Any]


LineInput: TypeAlias = Event | Rows
"""What a session is given: rows in place of the frames that held them."""


class Line:
    """A connector's queue, and the decoder of what it delivers.

    Parameters
    ----------
    connector : Connector
    queue : the queue that is its sink
    instruments : sequence of Instrument
        What is subscribed to.
    """

    def __init__(self, connector: Connector, queue: VenueQueue, instruments: Sequence[Instrument]) -> None:
        self.connector = connector
        self.queue = queue
        self.instruments = [instrument.id for instrument in instruments]
        self.frames = 0
        self._decoder = FeedDecoder(connector.name, instruments)
        self._told: list[FeedState] = []
        self._feed = Feed(connector, self._decoder, self.instruments, self._told.append)

    @property
    def malformed(self) -> int:
        """Frames so far that could not be read."""
        return self._feed.malformed

    def read(self, event: Event) -> list[LineInput]:
        """Return what an event is to a session."""
        rows: list[LineInput] = []
        if isinstance(event, Frame):
            self.frames += 1
            self._feed.frame(event)
            concerned = (
                self.instruments if event.instrument is None else {event.instrument}.intersection(self.instruments)
            )
            for name in concerned:
                columns = self._decoder.events(name)
                if len(columns["kind"]):
                    rows.append(Rows(name, columns))
        elif isinstance(event, FeedState):
            # The feed minds what the connector says, and passes it on.
            self._feed.state(event)
        else:
            return [event]
        rows += self._told
        self._told.clear()
        return rows
