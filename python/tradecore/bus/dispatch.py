"""The bus: who subscribes to what, in which order events arrive, and what is counted."""

from __future__ import annotations

import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TypeVar, overload

from tradecore._core import EventInterest
from tradecore.bus.events import OF_SESSIONS, Event
from tradecore.bus.lines import written
from tradecore.bus.queues import EventQueue, QueuePolicy
from tradecore.errors import InvalidValueError

__all__ = ["EventBus", "EventCounts", "EventFailure", "Subscription"]

E = TypeVar("E", bound=Event)

_FAILURES = 100
"""Failures of subscribers that are kept; all are counted."""


@dataclass(frozen=True, slots=True)
class EventCounts:
    """What became of the events of one class.

    Attributes
    ----------
    published : int
        Those that somebody listened to; others are not made.
    delivered : int
        Times one was handed to a subscriber or put in a queue.
    dropped : int
        Times one was lost to the bound of a queue.
    failed : int
        Times a subscriber raised.
    """

    published: int = 0
    delivered: int = 0
    dropped: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class EventFailure:
    """A subscriber raised.

    Attributes
    ----------
    event : Event
    subscriber : str
        What it is.
    traceback : str
    """

    event: Event
    subscriber: str
    traceback: str


class Subscription:
    """That somebody listens; it ends with :meth:`cancel`, or with the block it is used for."""

    def __init__(
        self, bus: EventBus, kinds: tuple[type[Event], ...], name: str, take: Callable[[Event], Event | None]
    ) -> None:
        self._bus, self._kinds, self._name = bus, kinds, name
        self._take = take
        """Takes an event and returns the one that was lost for it."""
        self._is_on = True

    def cancel(self) -> None:
        """Listen no more, not even to what is being delivered. A second time changes nothing."""
        self._is_on = False
        self._bus._forget(self)

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.cancel()


class EventBus:
    """Events of sessions, and of one's own, for whoever subscribes to them.

    Given to a backtest or a kernel it is told of all that happens there, each time an input has been taken: in the
    order of inputs, and of one input in the order in which things came about. Events that nobody subscribes to are not
    made, and a run is the same with a bus and without. A subscriber that raises is counted and kept in
    :attr:`failures`, and the others go on; Ctrl-C in one ends the session as it does in a hook. What is published while
    an event is delivered, by a subscriber or another thread, comes after it; one event is delivered at a time.

    Examples
    --------
    >>> bus = tc.EventBus()  # for tc.Backtest(..., events=bus)
    >>> halts = bus.queue(tc.events.RiskHalt, size=100, policy="drop_oldest")
    >>> bus.publish(tc.events.RiskHalt(0, "pause", "refuse", "session", "", None, None))
    >>> [halt.reason for halt in halts]
    ['pause']
    """

    def __init__(self) -> None:
        self._interest = EventInterest()
        self._lock = threading.Lock()
        self._waiting: deque[Event] = deque()
        self._delivers = False
        self._subscriptions: tuple[Subscription, ...] = ()
        self._by_class: dict[type[Event], tuple[Subscription, ...]] = {}
        self._counts: dict[type[Event], list[int]] = {}
        self._failures: list[EventFailure] = []

    @overload
    def subscribe(self, kinds: type[E], function: Callable[[E], object]) -> Subscription: ...
    @overload
    def subscribe(self, kinds: Iterable[type[Event]], function: Callable[[Event], object]) -> Subscription: ...
    def subscribe(self, kinds: type[Event] | Iterable[type[Event]], function: Callable[..., object]) -> Subscription:
        """Have a function called with every event of a class, or of several; those derived from it count.

        Subscribers are called in the order in which they subscribed. What a session tells reaches a new one from the
        session's next input on.

        Raises
        ------
        InvalidValueError
            For what is no class of events, or no function.
        """
        if not callable(function):
            raise InvalidValueError("function", f"expected a function of an event, got {function!r}")

        def take(event: Event) -> None:
            function(event)

        return self._add(_classes(kinds), str(getattr(function, "__qualname__", function)), take)

    def queue(
        self,
        kinds: type[Event] | Iterable[type[Event]],
        *,
        size: int,
        policy: QueuePolicy,
        wake: Callable[[], object] | None = None,
    ) -> EventQueue:
        """Return a queue of the events of a class, or of several, to be taken later or by another thread.

        Parameters
        ----------
        kinds : class of events, or several
        size : int
            How many it holds at most.
        policy : "drop_oldest", "drop_newest" or "fail"
            What a full queue does with one more event: lose the oldest, lose the new one, or lose all from then on and
            say so when it is emptied. Losses are counted; a session never waits for a queue.
        wake : callable, optional
            Called, in the thread that publishes, when an event comes to an empty queue: what tells an event loop to
            look, such as ``lambda: loop.call_soon_threadsafe(ready.set)``.

        Raises
        ------
        InvalidValueError
            For what is no class of events, no size from 1 on, or no policy.
        """
        queue = EventQueue(size, policy, wake)
        queue._cancel = self._add(_classes(kinds), "a queue", queue._accept).cancel
        return queue

    def write(
        self, path: str | Path, kinds: type[Event] | Iterable[type[Event]] = Event
    ) -> AbstractContextManager[None]:
        """Write events to a file of JSON lines while a block runs, however it ends; the file appears whole then.

        A line is an object: the class as ``event``, then the fields in their order. Decimals are text, times integers,
        members of enums their names in lower case.

        Parameters
        ----------
        path : path
        kinds : class of events, or several
            All if not given; those of markets are many.

        Raises
        ------
        CatalogError
            When the file cannot be written.
        """
        classes = _classes(kinds)
        return written(Path(path), lambda accept: self._add(classes, f"the log {path}", accept).cancel)

    def publish(self, event: Event) -> None:
        """Tell subscribers of an event, mostly one of one's own; of what they publish meanwhile after it.

        Raises
        ------
        InvalidValueError
            For what is no event.
        """
        if not isinstance(event, Event):
            raise InvalidValueError("event", f"expected an event, got {event!r}")
        self._take([event])

    @property
    def counts(self) -> Mapping[type[Event], EventCounts]:
        """What became of the events so far, by their class."""
        counts = {kind: EventCounts(*numbers) for kind, numbers in list(self._counts.items())}
        return MappingProxyType(counts)

    @property
    def failures(self) -> tuple[EventFailure, ...]:
        """How subscribers failed, the first hundred times."""
        return tuple(self._failures)

    @property
    def failed(self) -> int:
        """Times a subscriber raised."""
        return sum(numbers[_FAILED] for numbers in list(self._counts.values()))

    def _add(self, kinds: tuple[type[Event], ...], name: str, take: Callable[[Event], Event | None]) -> Subscription:
        subscription = Subscription(self, kinds, name, take)
        with self._lock:
            self._listen((*self._subscriptions, subscription))
        return subscription

    def _forget(self, subscription: Subscription) -> None:
        with self._lock:
            self._listen(tuple(other for other in self._subscriptions if other is not subscription))

    def _listen(self, subscriptions: tuple[Subscription, ...]) -> None:
        self._subscriptions, self._by_class = subscriptions, {}
        kinds = tuple(kind for subscription in subscriptions for kind in subscription._kinds)
        self._interest.set([kind.__name__ for kind in OF_SESSIONS if issubclass(kind, kinds)])

    def _take(self, events: Iterable[Event]) -> None:
        """Deliver events, or leave that to whoever is delivering."""
        with self._lock:
            self._waiting.extend(events)
            if self._delivers:
                return
            self._delivers = True
        try:
            while (event := self._next()) is not None:
                self._deliver(event)
        except BaseException:
            self._delivers = False
            raise

    def _next(self) -> Event | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._delivers = False
            return None

    def _listeners(self, kind: type[Event]) -> tuple[Subscription, ...]:
        found = self._by_class.get(kind)
        if found is None:
            with self._lock:
                found = tuple(each for each in self._subscriptions if issubclass(kind, each._kinds))
                self._by_class[kind] = found
        return found

    def _deliver(self, event: Event) -> None:
        counts = self._of(type(event))
        counts[_PUBLISHED] += 1
        for subscription in self._listeners(type(event)):
            if not subscription._is_on:
                continue
            try:
                lost = subscription._take(event)
            except Exception:
                counts[_FAILED] += 1
                if len(self._failures) < _FAILURES:
                    told = traceback.format_exc()
                    self._failures.append(EventFailure(event, subscription._name, told))
                continue
            counts[_DELIVERED] += lost is not event
            if lost is not None:
                self._of(type(lost))[_DROPPED] += 1

    def _of(self, kind: type[Event]) -> list[int]:
        return self._counts.setdefault(kind, [0, 0, 0, 0])


_PUBLISHED, _DELIVERED, _DROPPED, _FAILED = range(4)


def _classes(kinds: object) -> tuple[type[Event], ...]:
    given = tuple(kinds) if isinstance(kinds, Iterable) and not isinstance(kinds, type | str) else (kinds,)
    for kind in given:
        if not (isinstance(kind, type) and issubclass(kind, Event)):
            raise InvalidValueError("kinds", f"expected a class of tradecore.events such as OrderFilled, got {kind!r}")
    if not given:
        raise InvalidValueError("kinds", "expected at least one class of events")
    return given
