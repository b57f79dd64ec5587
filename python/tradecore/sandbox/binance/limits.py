"""How much may be asked of a local Binance: weights and orders in fixed windows of the clock."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from tradecore.sandbox.refused import Refused

__all__ = ["Limit", "Limits"]

_SECONDS = {"SECOND": 1, "MINUTE": 60, "DAY": 86_400}
_PATIENCE = 10
"""So many requests within a limit that is broken are answered before the address is banned."""
_BAN_S = 120


@dataclass(frozen=True, slots=True)
class Limit:
    """A row of ``rateLimits``."""

    kind: str
    interval: str
    count: int
    limit: int

    @property
    def seconds(self) -> int:
        """Length of a window."""
        return _SECONDS[self.interval] * self.count

    @property
    def suffix(self) -> str:
        """How headers name it."""
        return f"{self.count}{self.interval[0]}"

    def row(self, used: int | None = None) -> dict[str, object]:
        """Return it as the venue writes it."""
        row: dict[str, object] = {
            "rateLimitType": self.kind,
            "interval": self.interval,
            "intervalNum": self.count,
            "limit": self.limit,
        }
        return row if used is None else {**row, "count": used}


class Limits:
    """What has been asked in the windows that are open: weights by address, which is one here, orders by account."""

    def __init__(self, weight: Limit, orders: tuple[Limit, ...]) -> None:
        self.weight = weight
        self.orders = orders
        self._used: defaultdict[tuple[Limit, int], tuple[int, int]] = defaultdict(lambda: (-1, 0))
        self._ignored = 0
        self._banned_until_s = 0.0

    def rows(self) -> list[dict[str, object]]:
        """Return all limits as the venue writes them."""
        return [limit.row() for limit in (self.weight, *self.orders)]

    def used(self, limit: Limit, account: int, now_s: float) -> int:
        """Return how much is used of a limit."""
        window, used = self._used[limit, account]
        return used if window == int(now_s // limit.seconds) else 0

    def _add(self, limit: Limit, account: int, count: int, now_s: float) -> int:
        used = self.used(limit, account, now_s) + count
        self._used[limit, account] = (int(now_s // limit.seconds), used)
        return used

    def ask(self, weight: int, now_s: float) -> dict[str, str]:
        """Count a request; return the headers that tell of it.

        Raises
        ------
        Refused
            429 above the limit, 418 for who goes on regardless.
        """
        rest = self.weight.seconds - int(now_s % self.weight.seconds)
        if now_s < self._banned_until_s:
            left = int(self._banned_until_s - now_s) + 1
            raise Refused(
                -1003, f"Way too many requests; IP banned until {int(self._banned_until_s * 1000)}.", status=418,
                headers={"Retry-After": str(left)},
            )  # fmt: skip
        used = self._add(self.weight, -1, weight, now_s)
        headers = {f"X-MBX-USED-WEIGHT-{self.weight.suffix}": str(used)}
        if used <= self.weight.limit:
            self._ignored = 0
            return headers
        self._ignored += 1
        if self._ignored > _PATIENCE:
            self._banned_until_s = now_s + _BAN_S
        text = f"Too many requests; current limit is {self.weight.limit} request weight per {self.weight.suffix}."
        raise Refused(-1003, text, status=429, headers={**headers, "Retry-After": str(rest)})

    def order(self, account: int, count: int, now_s: float) -> dict[str, str]:
        """Count orders; return the headers that tell of it, none of none.

        Raises
        ------
        Refused
            429 above a limit.
        """
        headers: dict[str, str] = {}
        for limit in self.orders if count else ():
            used = self._add(limit, account, count, now_s)
            headers[f"X-MBX-ORDER-COUNT-{limit.suffix}"] = str(used)
            if used > limit.limit:
                left = limit.seconds - int(now_s % limit.seconds)
                text = f"Too many new orders; current limit is {limit.limit} orders per {limit.suffix}."
                raise Refused(-1015, text, status=429, headers={**headers, "Retry-After": str(left)})
        return headers
