"""What a venue lets through of requests, by weight and time.

Venues count in windows of their own clock or in rolling ones. Here every window rolls: what keeps below a limit in any
interval keeps below it in the venue's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tradecore.errors import InvalidValueError

__all__ = ["Limit", "RateLimiter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limit.

    Parameters
    ----------
    name : str
        What is counted, such as ``weight_1m``.
    most : int
        How much an interval holds.
    interval_ns : int
    reserve : int
        How much of it is kept for what is urgent: cancels.
    """

    name: str
    most: int
    interval_ns: int
    reserve: int = 0

    def __post_init__(self) -> None:
        if self.most < 1 or self.interval_ns < 1 or not 0 <= self.reserve < self.most:
            raise InvalidValueError(
                self.name, f"{self.most} in {self.interval_ns} ns, {self.reserve} of it kept, is no limit"
            )


class _Spent:
    """What was spent of a limit within its last interval."""

    __slots__ = ("limit", "sum", "times")

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.sum = 0
        self.times: deque[tuple[int, int]] = deque()

    def spend(self, cost: int, now_ns: int) -> None:
        if cost > 0:
            self.times.append((now_ns, cost))
            self.sum += cost

    def forget(self, now_ns: int) -> None:
        times, start = self.times, now_ns - self.limit.interval_ns
        while times and times[0][0] <= start:
            self.sum -= times.popleft()[1]

    def free_at(self, cost: int, now_ns: int, *, urgent: bool) -> int:
        """Return when there is room for a cost: now, or when enough of what was spent is over."""
        self.forget(now_ns)
        room = self.limit.most - (0 if urgent else self.limit.reserve)
        over = self.sum + min(cost, room) - room
        if over <= 0:
            return now_ns
        for time, spent in self.times:
            over -= spent
            if over <= 0:
                return time + self.limit.interval_ns
        return now_ns + self.limit.interval_ns


class RateLimiter:
    """Counts what goes to a venue against its limits, and stops when the venue says so. Time is given, ns.

    Parameters
    ----------
    limits : iterable of Limit
        With distinct names.

    Examples
    --------
    >>> from tradecore.venues.limits import Limit, RateLimiter
    >>> limiter = RateLimiter([Limit(name="orders", most=3, interval_ns=1_000, reserve=1)])
    >>> [limiter.take({"orders": 1}, now_ns=0) for _ in range(3)]
    [0, 0, 1000]
    >>> limiter.take({"orders": 1}, now_ns=0, urgent=True)
    0
    """

    __slots__ = ("_spent", "_stopped_until", "stopped_by")

    def __init__(self, limits: Iterable[Limit]) -> None:
        self._spent = {limit.name: _Spent(limit) for limit in limits}
        self._stopped_until = 0
        self.stopped_by = ""

    def set(self, limit: Limit) -> None:
        """Take a limit as the venue states it now; what was spent stays spent."""
        known = self._spent.get(limit.name)
        if known is None:
            self._spent[limit.name] = _Spent(limit)
        else:
            known.limit = limit

    def take(self, costs: Mapping[str, int], now_ns: int, *, urgent: bool = False) -> int:
        """Spend costs by the names of their limits, if there is room for all of them.

        A cost above its limit is let through when nothing else is spent. A name without a limit costs nothing.

        Returns
        -------
        int
            0, or how long to wait before asking again, ns; nothing is spent then.
        """
        free, known = self._stopped_until, []
        for name, cost in costs.items():
            if (spent := self._spent.get(name)) is not None:
                known.append((spent, cost))
                limit = spent.limit
                # Where there is room even with what may be over by now, which is how it nearly always is.
                if spent.sum + cost <= limit.most - (0 if urgent else limit.reserve):
                    continue
                if (at := spent.free_at(cost, now_ns, urgent=urgent)) > free:
                    free = at
        if free > now_ns:
            return free - now_ns
        for spent, cost in known:
            spent.spend(cost, now_ns)
        return 0

    def observe(self, name: str, used: int, now_ns: int) -> None:
        """Take the venue's own count of what is used: what others on our address have spent is spent for us too."""
        if (spent := self._spent.get(name)) is not None:
            spent.forget(now_ns)
            spent.spend(used - spent.sum, now_ns)

    def stop(self, until_ns: int, reason: str) -> None:
        """Let nothing through until a time, what is urgent included: the venue has said so."""
        if until_ns > self._stopped_until:
            self._stopped_until = until_ns
            self.stopped_by = reason

    def remaining(self, now_ns: int) -> dict[str, int]:
        """Return how much is left of each limit."""
        return {name: max(spent.limit.most - self.used(name, now_ns), 0) for name, spent in self._spent.items()}

    def used(self, name: str, now_ns: int) -> int:
        """Return what is used of a limit."""
        spent = self._spent[name]
        spent.forget(now_ns)
        return spent.sum
