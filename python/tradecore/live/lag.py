"""How far a session is behind what a venue tells, and from when on that is too far. No clock is read here."""

from __future__ import annotations

__all__ = ["Lag"]

_WINDOW_NS = 30_000_000_000
_CALM_NS = 1_000_000_000
_NEVER_NS = 1 << 62


class Lag:
    """Follows the messages of one venue. Time is given, ns.

    A message lags by as much as it is taken later after the venue's stamp than the promptest one of the last half to
    whole minute. So neither the way to the venue counts nor what its clock is off, and what waited unread in a socket
    does. A venue is behind from the first message on that lags by more than the limit, until messages have lagged by
    no more than half of it for a second.

    Parameters
    ----------
    limit_ns : int

    Examples
    --------
    >>> from tradecore.live.lag import Lag
    >>> lag = Lag(limit_ns=100)
    >>> lag.taken(now_ns=1_000, ts_recv=1_000, ts_event=990), lag.taken(now_ns=1_200, ts_recv=1_095, ts_event=1_090)
    (False, True)
    >>> lag.ns, lag.is_behind
    (100, True)
    """

    __slots__ = ("_calm_since", "_earlier", "_least", "_turns_ns", "is_behind", "limit_ns", "ns", "times")

    def __init__(self, limit_ns: int) -> None:
        self.limit_ns = limit_ns
        self.ns = 0
        """Of the newest message."""
        self.is_behind = False
        self.times = 0
        """How often it fell behind so far."""
        self._earlier = self._least = _NEVER_NS
        """The least from stamp to receipt, of the window before and of this one."""
        self._turns_ns = 0
        self._calm_since = 0

    def taken(self, now_ns: int, ts_recv: int, ts_event: int) -> bool:
        """Note a message that is taken now; returns whether it changed whether the venue is behind."""
        under_way = ts_recv - ts_event
        if ts_recv >= self._turns_ns:
            self._earlier, self._least, self._turns_ns = self._least, under_way, ts_recv + _WINDOW_NS
        elif under_way < self._least:
            self._least = under_way
        self.ns = now_ns - ts_event - min(self._earlier, self._least)
        if not self.is_behind:
            if self.ns <= self.limit_ns:
                return False
            self.is_behind, self._calm_since = True, now_ns
            self.times += 1
            return True
        if self.ns > self.limit_ns // 2:
            self._calm_since = now_ns
            return False
        if now_ns - self._calm_since < _CALM_NS:
            return False
        self.is_behind = False
        return True
