"""Events kept for whoever takes them later: another thread, an event loop, or the same code after a run."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias, get_args

from tradecore._core import parse_duration
from tradecore.bus.events import Event
from tradecore.errors import InvalidValueError, RunError
from tradecore.validation import DurationLike, to_count

__all__ = ["EventQueue", "QueuePolicy"]

QueuePolicy: TypeAlias = Literal["drop_oldest", "drop_newest", "fail"]
"""What a full queue does with one more event; none makes the session wait."""


class EventQueue:
    """A bounded queue of events, made with :meth:`EventBus.queue`. It may be used from any thread.

    Iterating takes what is there, and ends; :meth:`get` waits.

    Attributes
    ----------
    size : int
        How many events it holds at most.
    policy : "drop_oldest", "drop_newest" or "fail"
    dropped : int
        How many events were lost to the bound.
    """

    def __init__(self, size: int, policy: QueuePolicy, wake: Callable[[], object] | None) -> None:
        self.size = to_count("size", size)
        if policy not in get_args(QueuePolicy):
            raise InvalidValueError("policy", f"{policy!r} is none of {', '.join(get_args(QueuePolicy))}")
        if not (wake is None or callable(wake)):
            raise InvalidValueError("wake", f"expected a function, got {wake!r}")
        self.policy = policy
        self.dropped = 0
        self._wake = wake
        self._events: deque[Event] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._overflow: Event | None = None
        self._cancel: Callable[[], None] | None = None

    def _accept(self, event: Event) -> Event | None:
        """Take an event; return the one that was lost for it."""
        lost: Event | None = None
        with self._changed:
            is_full = len(self._events) >= self.size
            if self._is_closed or self._overflow is not None or (is_full and self.policy == "drop_newest"):
                lost = event
            elif is_full and self.policy == "fail":
                lost = self._overflow = event
            else:
                if is_full:
                    lost = self._events.popleft()
                self._events.append(event)
                self._changed.notify()
            self.dropped += lost is not None
            wakes = len(self._events) == 1 and lost is not event
        if wakes and self._wake is not None:
            self._wake()
        return lost

    def poll(self) -> Event | None:
        """Return the next event, None if there is none now.

        Raises
        ------
        RunError
            When the queue has failed (policy ``fail``) and what it held before has been taken.
        """
        with self._changed:
            if self._events:
                return self._events.popleft()
            if self._overflow is not None:
                kind = type(self._overflow).__name__
                raise RunError(f"the queue of {self.size} events was full when {kind} came; {self.dropped} are lost")
            return None

    def get(self, timeout: DurationLike | None = None) -> Event | None:
        """Wait for the next event; return None when it has been closed, or when none came in time.

        Raises
        ------
        RunError
            As :meth:`poll`.
        """
        seconds = None if timeout is None else parse_duration(timeout) / 1e9
        with self._changed:
            self._changed.wait_for(lambda: self._events or self._is_closed or self._overflow is not None, seconds)
            return self.poll()

    def __iter__(self) -> Iterator[Event]:
        while (event := self.poll()) is not None:
            yield event

    def __len__(self) -> int:
        return len(self._events)

    def close(self) -> None:
        """Take no more events. Those that are there can still be taken; who waits is woken."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if self._cancel is not None:
            self._cancel()
