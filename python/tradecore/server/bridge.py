"""Between a session and its server: snapshots and events go out, what people ask for comes in."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tradecore._core import Instrument
from tradecore.bus import EventQueue, events
from tradecore.errors import RunError
from tradecore.histogram import Histogram
from tradecore.live.line import Line
from tradecore.live.runner import Live
from tradecore.live.session import Session
from tradecore.live.state import strategy_states
from tradecore.server.latency import merged
from tradecore.server.problems import Busy
from tradecore.types import BookState

__all__ = ["Bridge", "Sample"]

T = TypeVar("T")

INTERVAL_S = 0.1
"""A snapshot of books and positions is taken so often."""
DEPTH = 20
"""Levels of each side in it."""
_QUEUE = 1 << 16
"""Events that may wait for the server; the oldest are lost to more."""
_MOST_WAITING = 64
"""What people ask for that may wait for the session."""
_KINDS = (
    events.OrderEvent,
    events.TradePrinted,
    events.BookStateChanged,
    events.SignalGenerated,
    events.TradeExecuted,
    events.TradeClosed,
    events.PaymentBooked,
    events.ExecutionEnded,
    events.StopTriggered,
    events.GroupEvent,
    events.RiskEvent,
    events.SessionStarted,
    events.SessionStopped,
    events.Error,
    events.Published,
)

Book = tuple[BookState, int, list[tuple[str, str]], list[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Sample:
    """How a session stands at a moment.

    Parameters
    ----------
    at_ns : int
    books : sequence
        By market: state, the venue's time (ns UTC), bids and asks, prices and quantities as text.
    positions : list of dict
        By market and strategy.
    limits : list of dict
    trading, failures : dict
        By strategy.
    feeds : dict
        By instrument: why its book is in its state, messages so far, when the newest came (ns UTC) and how long ago
        that is (s, None before any), gaps; of its venue frames dropped and malformed.
    latencies : dict of str to Histogram
        Copies, in seconds.
    """

    at_ns: int
    books: Sequence[Book]
    positions: list[dict[str, Any]]
    limits: list[dict[str, Any]]
    trading: dict[str, str]
    failures: dict[str, str]
    gate: str
    balances: dict[str, Any]
    feeds: dict[str, dict[str, Any]]
    latencies: dict[str, Histogram]


class Bridge:
    """What a server knows of a session, and how it does something in it.

    Parameters
    ----------
    live : Live
        A session that is open, in the event loop that runs.
    is_sandbox : bool
        Whether servers of our own stand in for its venues.
    """

    def __init__(self, live: Live, *, is_sandbox: bool) -> None:
        self._live = live
        self._loop = asyncio.get_running_loop()
        self._asked: set[concurrent.futures.Future[Any]] = set()
        """What people ask for that the session has not come to."""
        self._asking = threading.Lock()
        self._is_over = False
        self._sampler: asyncio.Task[None] | None = None
        self._busy: Callable[[bool], object] = _nothing
        state = live.state
        self.session, self.mode = state.session, state.mode
        self.is_sandbox = is_sandbox
        self.instruments: tuple[Instrument, ...] = tuple(live.session.instruments)
        self.strategies = tuple(live.strategies)
        self.handed_over = Histogram()
        """From a request to its command, seconds."""

    def subscribe(self, wake: Callable[[], object]) -> EventQueue:
        """Return a queue of the session's events; ``wake`` is called in the session's thread when one comes."""
        return self._live.events.queue(_KINDS, size=_QUEUE, policy="drop_oldest", wake=wake)

    def begin(self, take: Callable[[Sample], object], busy: Callable[[bool], object]) -> None:
        """Give a snapshot away ten times a second, and tell when the session works, in its thread."""
        self._busy = busy
        self._live.when_busy(busy)
        self._sampler = self._loop.create_task(self._sample(take), name="snapshots")

    def end(self) -> None:
        """Give and tell no more, and do nothing more of what is asked for; called in the session's thread."""
        self._busy = _nothing
        self._live.when_busy(_nothing)
        if self._sampler is not None:
            self._sampler.cancel()
        with self._asking:
            self._is_over = True
            asked = list(self._asked)
        for done in asked:
            if done.set_running_or_notify_cancel():
                done.set_exception(_over())

    async def perform(self, act: Callable[[Session, int], T]) -> T:
        """Do something in the session, from the server's event loop.

        What raises has not been done: no order of it has left.

        Raises
        ------
        Busy
            When the session has not come to what was asked before.
        RunError
            When the session ends, or has ended.
        """
        done: concurrent.futures.Future[T] = concurrent.futures.Future()
        with self._asking:
            if self._is_over:
                raise _over()
            if len(self._asked) >= _MOST_WAITING:
                raise Busy("the session is busy with what was asked before")
            self._asked.add(done)
        done.add_done_callback(self._asked.discard)
        asked = time.perf_counter()

        def work() -> None:
            if done.done() or not done.set_running_or_notify_cancel():
                return
            self._busy(True)
            try:
                done.set_result(self._live.perform(act))
            except BaseException as error:
                done.set_exception(error)
            self._busy(False)
            self.handed_over.observe(time.perf_counter() - asked)

        self._loop.call_soon_threadsafe(work)
        return await asyncio.wrap_future(done)

    async def _sample(self, take: Callable[[Sample], object]) -> None:
        due = self._loop.time()
        while True:
            try:
                sample = self.look()
            except RunError:
                return  # the session is over
            take(sample)
            # By the clock: what taking one takes does not add up. What was missed is left out.
            due = max(due + INTERVAL_S, self._loop.time())
            await asyncio.sleep(due - self._loop.time())

    def look(self) -> Sample:
        """Return how the session stands; called in its thread."""
        kernel, lines, now_ns = self._live.session.kernel, self._live.lines, time.time_ns()
        reasons = self._live.reasons
        return Sample(
            at_ns=now_ns,
            books=[kernel.book(market, DEPTH) for market in range(len(self.instruments))],
            positions=kernel.positions,
            limits=kernel.limits,
            trading=strategy_states(kernel),
            failures=kernel.failures,
            gate=kernel.gate,
            balances=kernel.account_state()["balances"],
            feeds={
                name: {**_feed(line, name, now_ns), "reason": reasons.get(name, "")}
                for line in lines
                for name in line.instruments
            },
            latencies={
                "feed": merged([line.feed_latency for line in lines]),
                "decision": merged([line.processing for line in lines]),
            },
        )


def _over() -> RunError:
    return RunError("the session takes no orders: it ends")


def _nothing(_is_busy: bool) -> None:
    """Do nothing."""


def _feed(line: Line, name: str, now_ns: int) -> dict[str, Any]:
    heard = line.heard[name]
    return {
        "messages": heard.messages,
        "last_ns": heard.last_ns,
        "age_s": heard.age_s(now_ns),
        "gaps": line.gaps(name),
        "dropped": line.queue.dropped,
        "malformed": line.malformed,
    }
