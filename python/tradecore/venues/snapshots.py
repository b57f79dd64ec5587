"""Books that begin anew with a snapshot that is asked for, not more often than is good for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random

from tradecore.errors import NoAnswerError, VenueError
from tradecore.types import BookState
from tradecore.venues.backoff import Backoff
from tradecore.venues.clock import Clock
from tradecore.venues.events import FeedState, Sink
from tradecore.venues.tasks import Tasks

__all__ = ["Snapshots"]

_CALM_NS = 60_000_000_000
"""A book that needed none for so long is well again: the next one is asked for at once."""


class Snapshots:
    """Fetches snapshots, one at a time for each book, with growing waits for one that keeps failing.

    Parameters
    ----------
    venue : str
    fetch : callable
        Fetches and delivers the snapshot of an instrument.
    tell : Sink
        Is told why a book still waits for one.
    clock : Clock
    random : Random
        Spreads the waits.
    tasks : Tasks
    """

    def __init__(
        self,
        venue: str,
        fetch: Callable[[str], Awaitable[None]],
        *,
        tell: Sink,
        clock: Clock,
        random: Random,
        tasks: Tasks,
    ) -> None:
        self._venue = venue
        self._fetch = fetch
        self._tell = tell
        self._clock = clock
        self._random = random
        self._tasks = tasks
        self._running: set[str] = set()
        self._last_ns: dict[str, int] = {}
        self._waits: dict[str, Backoff] = {}
        self.fetched = 0

    def ask(self, instrument: str) -> None:
        """Have a book begin anew; asked for while that is under way it changes nothing."""
        if instrument not in self._running:
            self._running.add(instrument)
            self._tasks.start(self._run(instrument), f"snapshot {instrument}")

    async def _run(self, instrument: str) -> None:
        try:
            backoff = self._waits.setdefault(instrument, Backoff(self._random))
            last_ns = self._last_ns.get(instrument)
            if last_ns is None or self._clock.now_ns() - last_ns > _CALM_NS:
                backoff.reset()
            else:
                await self._clock.sleep(backoff.next_s())
            while True:
                try:
                    await self._fetch(instrument)
                    break
                except (VenueError, NoAnswerError) as error:
                    now_ns, why = self._clock.now_ns(), f"no snapshot: {error}"
                    self._tell(FeedState(self._venue, now_ns, instrument, BookState.BUFFERING, why))
                    await self._clock.sleep(backoff.next_s())
            self._last_ns[instrument] = self._clock.now_ns()
            self.fetched += 1
        finally:
            self._running.discard(instrument)
