"""Who reads waits its turn, so that whoever changes something has none to wait for."""

from __future__ import annotations

import asyncio
from collections import deque

from tradecore.server.problems import Busy

__all__ = ["Turns"]

_AT_ONCE = 8
"""Reads between two looks of the event loop at everything else."""
_QUICK_AT_ONCE = 64
"""Of those besides whose answer is known, and which take a tenth of the time."""
_MOST_WAITING = 1_000


class Turns:
    """Lets so many through in each round of the event loop.

    A request that sends an order takes several rounds, with the session's in between. Without turns each of them would
    last as long as all reads that have come meanwhile.
    """

    def __init__(self) -> None:
        self._left = _AT_ONCE
        self._quick = _QUICK_AT_ONCE
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Wait for a turn.

        Raises
        ------
        Busy
            When too many wait.
        """
        loop = self._count()
        if self._left:
            self._left -= 1
            return
        if len(self._waiting) >= _MOST_WAITING:
            raise Busy(f"{_MOST_WAITING} requests are waiting")
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def take_quick(self) -> bool:
        """Return whether there is a turn now for what takes hardly any time."""
        if not self._quick:
            return False
        self._count()
        self._quick -= 1
        return True

    def _count(self) -> asyncio.AbstractEventLoop:
        """Have turns of this round counted, before the first of them is taken."""
        loop = asyncio.get_running_loop()
        if (self._left, self._quick) == (_AT_ONCE, _QUICK_AT_ONCE):
            loop.call_soon(self._next, loop)
        return loop

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        self._left, self._quick = _AT_ONCE, _QUICK_AT_ONCE
        while self._waiting and self._left:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._left -= 1
        if self._left < _AT_ONCE:
            loop.call_soon(self._next, loop)
