"""Who goes first where a session and its server share an interpreter."""

from __future__ import annotations

import sys
from contextlib import suppress
from queue import Empty, SimpleQueue

__all__ = ["RightOfWay"]

_SWITCH_S = 2e-5
"""How long the interpreter lets the server go on while the session wants to. Python's own 5 ms would be what an order
may wait for a request."""
_BUSY_S = 3e-4
"""How long it lets the session go on, with what was read and what follows from it, while the server wants to: it may
have been at its sockets when the session began, and has to have the lock before it can see that."""
_PATIENCE_S = 2e-3
"""A session that works all the time lets the server go on after so long."""


class RightOfWay:
    """The session goes first: while it works its server begins nothing.

    An interpreter has one lock. A thread that is stopped in the middle of its work demands the lock back, and whoever
    had it taken waits then for all that the other goes on with. So the server asks here before each small piece of
    work, and waits without holding the lock.
    """

    def __init__(self) -> None:
        self._is_taken = False
        self._is_awaited = False
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._before = sys.getswitchinterval()

    def begin(self) -> None:
        """Begin: there is a server from now on."""
        self._before = sys.getswitchinterval()
        self.take(False)

    def end(self) -> None:
        """Leave the interpreter as it was, and the server alone."""
        self.take(False)
        sys.setswitchinterval(self._before)

    def take(self, is_busy: bool) -> None:
        """Say that the session begins with something, or has done it; called in its thread."""
        self._is_taken = is_busy
        # Whoever waits for the lock looks at this when it begins to wait.
        sys.setswitchinterval(_BUSY_S if is_busy else _SWITCH_S)
        if self._is_awaited and not is_busy:
            self._is_awaited = False
            self._bell.put(None)

    def give(self) -> None:
        """Wait, for a while at most, until the session has done what it is at; called in the server's thread."""
        if not self._is_taken:
            return
        self._is_awaited = True
        # It may have ended meanwhile, and rung or not: a bell that nobody heard ends the next wait early.
        if self._is_taken:
            with suppress(Empty):
                self._bell.get(timeout=_PATIENCE_S)
        self._is_awaited = False
