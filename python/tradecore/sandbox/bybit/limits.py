"""How much may be asked of a local Bybit: requests of an address, and of an account by what is asked."""

from __future__ import annotations

from collections import defaultdict, deque

from tradecore.sandbox.refused import Refused

__all__ = ["Limits"]

_OF_ADDRESS, _ADDRESS_S = 600, 5.0
_BAN_S = 600.0
_WINDOW_S = 1.0


class Limits:
    """What was asked in the windows that roll along."""

    def __init__(self) -> None:
        self._address: deque[float] = deque()
        self._asked: defaultdict[tuple[int, str], deque[float]] = defaultdict(deque)
        self._banned_until_s = 0.0

    def request(self, now_s: float) -> None:
        """Count a request of the address.

        Raises
        ------
        Refused
            403 above the limit, and for ten minutes from then on.
        """
        _roll(self._address, now_s - _ADDRESS_S)
        self._address.append(now_s)
        if len(self._address) > _OF_ADDRESS:
            self._banned_until_s = now_s + _BAN_S
        if now_s < self._banned_until_s:
            raise Refused(10018, "access too frequent.", status=403)

    def ask(self, account: int, name: str, most: int, now_s: float, count: int = 1) -> dict[str, str]:
        """Count what an account asks for under a name; return the headers that tell of it.

        Raises
        ------
        Refused
            10006 above the limit.
        """
        asked = self._asked[account, name]
        _roll(asked, now_s - _WINDOW_S)
        is_over = len(asked) + count > most
        if not is_over:
            asked.extend([now_s] * count)
        headers = {
            "X-Bapi-Limit": str(most),
            "X-Bapi-Limit-Status": str(most - len(asked)),
            "X-Bapi-Limit-Reset-Timestamp": str(int(((asked[0] + _WINDOW_S) if is_over and asked else now_s) * 1000)),
        }
        if is_over:
            raise Refused(10006, "Too many visits. Exceeded the API Rate Limit.", headers=headers)
        return headers


def _roll(times: deque[float], since_s: float) -> None:
    while times and times[0] <= since_s:
        times.popleft()
