"""From a connector to a session in the turn of the event loop in which something was read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tradecore.venues import VenueQueue
from tradecore.venues.events import Event, Frame

__all__ = ["Intake"]

_PIECE = 512
"""Events that are taken in one turn of the loop: between two pieces sockets are read, so that no answer has to wait."""


class Intake:
    """A connector's sink that hands events on in their order, by calls and without a task that would have to wake.

    The first frame of a turn of the loop is handed on where it was read. What comes in the same turn behind it, and
    what is no frame, waits in the queue for the next turn, and is then taken in one go.

    Parameters
    ----------
    queue : VenueQueue
    """

    def __init__(self, queue: VenueQueue) -> None:
        self.queue = queue
        self._loop = asyncio.get_running_loop()
        self._take: Callable[[list[Event]], None] | None = None
        self._turned: Callable[[], None] = _nothing
        self.busy: Callable[[bool], object] = _nothing
        """Is told when something is read, and when all that it led to is done."""
        self.is_idle = False
        """Whether nothing waits, and nothing was read in this turn."""

    def put(self, event: Event) -> None:
        """Take an event; this is the sink."""
        if not self.is_idle:
            self.queue.put(event)
            return
        self.is_idle = False
        self.busy(True)
        if self._take is not None and isinstance(event, Frame):
            self._take([event])
        else:
            self.queue.put(event)
        self._loop.call_soon(self._rest)

    def start(self, take: Callable[[list[Event]], None], turned: Callable[[], None]) -> None:
        """Hand events on from now on; those that have waited are taken in the next turn.

        Neither of the callables may raise. ``turned`` is called when what came of a turn has been taken.
        """
        self._take, self._turned = take, turned
        self._loop.call_soon(self._rest)

    def close(self) -> None:
        """Hand nothing on any more."""
        self._take, self.is_idle = None, False

    def _rest(self) -> None:
        if self._take is None:
            return
        if events := [self.queue.pop() for _ in range(min(len(self.queue), _PIECE))]:
            self._take(events)
        if self._take is None:
            return
        self._turned()
        if self.queue:
            self._loop.call_soon(self._rest)
        else:
            self.is_idle = True
            self.busy(False)


def _nothing(*_: object) -> None:
    """Do nothing."""
