"""How much may be asked of a local Bybit: requests of an address, and of an account by what is asked."""

from __future__ import annotations

from tradecore.sandbox.refused import Refused
from tradecore.sandbox.windows import Windows

__all__ = ["Limits"]

_OF_ADDRESS, _ADDRESS_S = 600, 5.0
_BAN_S = 600.0


class Limits:
    """What was asked in the windows that roll along."""

    def __init__(self) -> None:
        self._windows = Windows()
        self._banned_until_s = 0.0

    def request(self, now_s: float) -> None:
        """Count a request of the address.

        Raises
        ------
        Refused
            403 above the limit, and for ten minutes from then on.
        """
        if self._windows.ask("address", _OF_ADDRESS, _ADDRESS_S, now_s).is_over:
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
        usage = self._windows.ask((account, name), most, 1.0, now_s, count)
        headers = {
            "X-Bapi-Limit": str(most),
            "X-Bapi-Limit-Status": str(usage.left),
            "X-Bapi-Limit-Reset-Timestamp": str(int((usage.reset_s if usage.is_over else now_s) * 1000)),
        }
        if usage.is_over:
            raise Refused(10006, "Too many visits. Exceeded the API Rate Limit.", headers=headers)
        return headers
