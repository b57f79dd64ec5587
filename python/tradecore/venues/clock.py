"""Time, given from outside: the machine's, or one that tests move. And how far a venue's clock lies from it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections import deque
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Protocol, TypeVar

__all__ = ["Clock", "ClockOffset", "SystemClock", "Timer", "VirtualClock", "within"]

_T = TypeVar("_T")


class Timer(Protocol):
    """A call that is still to come."""

    def cancel(self) -> None:
        """Have it not come."""


class Clock(Protocol):
    """All that connectors know of time."""

    def now_ns(self) -> int:
        """Return the time, ns UTC."""

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Have something called after a while."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The clock of the machine and of the running event loop."""

    now_ns = staticmethod(time.time_ns)
    """Return the time, ns UTC."""

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Have something called after a while."""
        return asyncio.get_running_loop().call_later(seconds, callback)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class _Call:
    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualClock:
    """A clock that stands until it is moved, so that hours pass in no time and always alike.

    Parameters
    ----------
    now_ns : int
        Where it begins, ns UTC.
    """

    def __init__(self, now_ns: int = 1_700_000_000_000_000_000) -> None:
        self._now_ns = now_ns
        self._order = itertools.count()
        self._calls: list[tuple[int, int, _Call]] = []

    def now_ns(self) -> int:
        """Return the time, ns UTC."""
        return self._now_ns

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Have something called when the clock has been moved so far."""
        call = _Call(callback)
        heapq.heappush(self._calls, (self._now_ns + round(seconds * 1e9), next(self._order), call))
        return call

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been moved so far."""
        woken = asyncio.Event()
        timer = self.call_later(seconds, woken.set)
        try:
            await woken.wait()
        finally:
            timer.cancel()

    async def advance(self, seconds: float) -> None:
        """Move the clock: what comes due is called in order, and what it wakes runs before the next."""
        end = self._now_ns + round(seconds * 1e9)
        await settle()
        while self._calls and self._calls[0][0] <= end:
            at, _, call = heapq.heappop(self._calls)
            if call.callback is not None:
                self._now_ns = max(self._now_ns, at)
                call.callback()
                await settle()
        self._now_ns = end


async def settle() -> None:
    """Let every task that can run do so, as far as nothing waits for a socket."""
    for _ in range(50):
        await asyncio.sleep(0)


async def within(clock: Clock, seconds: float, work: Awaitable[_T]) -> _T:
    """Return what comes of some work, or raise TimeoutError after some seconds and cancel it."""
    task = asyncio.ensure_future(work)
    is_late = False

    def expire() -> None:
        nonlocal is_late
        is_late = task.cancel()

    timer = clock.call_later(seconds, expire)
    try:
        return await task
    except asyncio.CancelledError:
        if is_late and task.cancelled() and not _is_cancelled_from_outside():
            raise TimeoutError(f"no answer within {seconds:g} s") from None
        raise
    finally:
        timer.cancel()
        task.cancel()


def _is_cancelled_from_outside() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class ClockOffset:
    """Estimates how far a venue's clock is ahead of ours, by the midpoint of requests for its time.

    The median of the last measurements counts, so that one slow answer moves nothing.

    Parameters
    ----------
    keep : int
        How many measurements count.

    Examples
    --------
    >>> from tradecore.venues.clock import ClockOffset
    >>> offset = ClockOffset()
    >>> offset.measured(sent_ns=1_000, venue_ns=1_300, received_ns=1_200)
    >>> offset.ns
    200
    """

    __slots__ = ("_last", "ns")

    def __init__(self, keep: int = 9) -> None:
        self._last: deque[int] = deque(maxlen=keep)
        self.ns: int | None = None
        """The venue's clock minus ours; None before the first measurement."""

    def measured(self, sent_ns: int, venue_ns: int, received_ns: int) -> None:
        """Take a measurement: our time of request and answer, and the venue's time in it, ns."""
        self._last.append(venue_ns - (sent_ns + received_ns) // 2)
        self.ns = round(median(self._last))

    def restart(self) -> None:
        """Forget what was measured: the venue says that the time is wrong."""
        self._last.clear()
        self.ns = None
