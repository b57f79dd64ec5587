"""A venue's own switch: it cancels orders by itself unless it goes on hearing of us."""

from __future__ import annotations

import asyncio
import logging

from tradecore.errors import CredentialsError, InvalidValueError, NoAnswerError, VenueError
from tradecore.live.line import Line
from tradecore.venues.clock import Clock
from tradecore.venues.tasks import Tasks

__all__ = ["Switches"]

_LOG = logging.getLogger("tradecore.live")
_LEAST_S = 3.0
_PER_PERIOD = 3
"""How often it is told within the time it waits: two may be lost."""


class Switches:
    """Those of a session's venues that have one.

    Parameters
    ----------
    seconds : float or None
        How long a venue keeps orders without hearing of us; None to leave the switches alone.
    clock : Clock

    Raises
    ------
    InvalidValueError
        For less than 3 s.
    """

    def __init__(self, seconds: float | None, clock: Clock) -> None:
        if seconds is not None and seconds < _LEAST_S:
            raise InvalidValueError("dead_man", f"{seconds:g} s is less than {_LEAST_S:g}")
        self._seconds = seconds
        self._clock = clock
        self._held: list[Line] = []
        self._tasks = Tasks()

    def hold(self, line: Line) -> None:
        """Have a venue cancel the orders of a line's instruments when it does not hear of us, from now on."""
        if self._seconds is not None:
            self._held.append(line)
            self._tasks.start(self._hold(line, self._seconds), f"session switch {line.venue}")

    async def release(self) -> None:
        """Have the venues leave orders alone, of a session that ends in order."""
        await self.close()
        await asyncio.gather(*(self._release(line) for line in self._held))

    async def close(self) -> None:
        """End the tasks, and leave the switches to the venues."""
        await self._tasks.close()

    async def _hold(self, line: Line, seconds: float) -> None:
        while True:
            if not any(await asyncio.gather(*(self._tell(line, name, seconds) for name in line.instruments))):
                _LOG.info("%s has no switch: orders stay where this process is gone", line.venue)
                return
            await self._clock.sleep(seconds / _PER_PERIOD)

    async def _tell(self, line: Line, instrument: str, seconds: float) -> bool:
        """Tell a venue, and return whether it has a switch; what it does not answer is said again in its turn."""
        try:
            return await line.connector.keep_alive(instrument, seconds)
        except (VenueError, NoAnswerError, CredentialsError) as error:
            _LOG.warning("the switch of %s was not renewed: %s", instrument, error)
            return True

    async def _release(self, line: Line) -> None:
        for instrument in line.instruments:
            try:
                await line.connector.keep_alive(instrument, 0)
            except (VenueError, NoAnswerError, CredentialsError) as error:
                _LOG.error("the switch of %s may still cancel its orders: %s", instrument, error)
