"""Who reads waits its turn, so that whoever changes something has none to wait for."""

from __future__ import annotations

import asyncio
from collections import deque

from tradecore.server.problems import Busy

__all__ = ["Turns"]

_AT_ONCE = 8
"""Reads between two looks of the event loop at everything else."""
_MOST_WAITING = 1_000


class Turns:
    """Lets so many through in each round of the event loop.

    A request that sends an order takes several rounds, with the session's in between. Without turns each of them would
    last as long as all reads that have come meanwhile.
    """

    def __init__(self) -> None:
        self._left = _AT_ONCE
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Wait for a turn.

        Raises
        ------
        Busy
            When too many wait.
        """
        loop = asyncio.get_running_loop()
        if self._left == _AT_ONCE:
            loop.call_soon(self._next, loop)
        if self._left:
            self._left -= 1
            return
        if len(self._waiting) >= _MOST_WAITING:
            raise Busy(f"{_MOST_WAITING} requests are waiting")
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        self._left = _AT_ONCE
        while self._waiting and self._left:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._left -= 1
        if self._left < _AT_ONCE:
            loop.call_soon(self._next, loop)
