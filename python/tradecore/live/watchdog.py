"""Sees from outside that a session's event loop stands still, names whose hook holds it, and has orders cancelled.

While a hook runs nothing else does: no cancel leaves, no report is read. So this is a thread, which asks the loop for a
sign of life and needs nothing of it to act. Code that holds the interpreter itself stops this thread as well; what is
left then is the venue's own switch (:mod:`tradecore.live.dead_man`).
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Self

from tradecore.errors import TradecoreError
from tradecore.strategy import Strategy

__all__ = ["Blocked", "Watchdog"]

_LOG = logging.getLogger("tradecore.live")
_EVERY_S = 0.5
_AGAIN_S = 1.0
"""Between attempts to cancel."""
_CANCEL_S = 30.0
"""How long an attempt may take."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """An event loop that stands still.

    Parameters
    ----------
    since_ns : int
        ns UTC.
    strategy, hook : str or None
        Whose method holds it, and which the kernel called; None where that is no strategy's.
    line : str
        Where it is: of the strategy's own code if it is in any, as ``file:line in function``.
    """

    since_ns: int
    strategy: str | None
    hook: str | None
    line: str

    def __str__(self) -> str:
        whose = "something" if self.strategy is None else f"{self.hook} of strategy {self.strategy}"
        return f"{whose} blocks the event loop, at {self.line}"


class Watchdog:
    """A thread beside an event loop.

    Parameters
    ----------
    strategies : iterable of Strategy
        Whose hooks run in it.
    block_after_s : float
        For how long it may stand still.
    cancel : callable, optional
        Makes what cancels orders, to be run in a loop of its own; tried again for as long as this one stands still.
    over : callable
        Is called in the loop when it goes on, with how it was blocked and for how many seconds.
    """

    def __init__(
        self,
        strategies: Iterable[Strategy],
        *,
        block_after_s: float,
        cancel: Callable[[], Awaitable[None]] | None,
        over: Callable[[Blocked, float], None],
    ) -> None:
        self._strategies = {id(strategy): strategy for strategy in strategies}
        self._block_after_s = block_after_s
        self._cancel = cancel
        self._tell_over = over
        self._is_over = threading.Event()
        self.blocked: Blocked | None = None
        """How the loop is blocked now; None while it goes on. May be read in any thread."""

    async def __aenter__(self) -> Self:
        """Watch the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread_of_loop = threading.get_ident()
        self._thread = threading.Thread(target=self._watch, name="tradecore-watchdog", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the thread."""
        self._is_over.set()
        await self._loop.run_in_executor(None, self._thread.join)

    def _watch(self) -> None:
        while not self._is_over.wait(min(_EVERY_S, self._block_after_s / 4)):
            answered, asked_ns, asked_s = threading.Event(), time.time_ns(), time.monotonic()
            try:
                self._loop.call_soon_threadsafe(answered.set)
                if not answered.wait(self._block_after_s):
                    self._act(asked_ns, asked_s, answered)
            except RuntimeError:  # the loop is closed
                return

    def _act(self, since_ns: int, since_s: float, answered: threading.Event) -> None:
        frame = sys._current_frames().get(self._thread_of_loop)
        if frame is None:
            return
        blocked = self.blocked = self._where(frame, since_ns)
        _LOG.critical("%s\n%s", blocked, "".join(traceback.format_stack(frame)).rstrip())
        del frame  # it would keep what is on that stack
        while not (answered.is_set() or self._cancelled()):
            answered.wait(_AGAIN_S)
        answered.wait()
        self.blocked = None
        self._loop.call_soon_threadsafe(self._tell_over, blocked, time.monotonic() - since_s)

    def _cancelled(self) -> bool:
        """Cancel where that is wanted, and return whether nothing is left to do."""
        if self._cancel is None:
            return True
        try:
            asyncio.run(asyncio.wait_for(self._cancel(), _CANCEL_S))
        except (TradecoreError, TimeoutError) as error:
            _LOG.critical("orders may still be open while the event loop is blocked: %s", error or "no answer in time")
            return False
        _LOG.critical("orders were cancelled, since the event loop is blocked")
        return True

    def _where(self, innermost: FrameType, since_ns: int) -> Blocked:
        """Return who holds the loop: the outermost method of a strategy is what the kernel called."""
        strategy = hook = line = None
        frame: FrameType | None = innermost
        while frame is not None:
            code = frame.f_code
            owner = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
            if (found := self._strategies.get(id(owner))) is not None:
                strategy, hook = found.name, code.co_name
                line = line or _line(frame)
            frame = frame.f_back
        return Blocked(since_ns, strategy, hook, line or _line(innermost))


def _line(frame: FrameType) -> str:
    code = frame.f_code
    return f"{code.co_filename}:{frame.f_lineno} in {code.co_name}"
