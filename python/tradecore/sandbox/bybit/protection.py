"""The switch of a local Bybit's accounts: orders are cancelled once all connections that it counts are lost."""

from __future__ import annotations

from typing import Any

from tradecore.sandbox.bybit.markets import Markets
from tradecore.sandbox.bybit.refusals import bad
from tradecore.sandbox.bybit.requests import Asked

__all__ = ["PRODUCTS", "Protection"]

Json = dict[str, Any]

PRODUCTS = {"dcp.future": "DERIVATIVES", "dcp.spot": "SPOT", "dcp.option": "OPTIONS"}
"""By the topic that has a connection counted."""
_CATEGORIES = {"DERIVATIVES": ("linear", "inverse"), "SPOT": ("spot",), "OPTIONS": ()}
_WINDOW_S = 10
_WINDOWS_S = range(3, 301)


class Protection:
    """Who is counted, and what is to be cancelled when. An account is protected by product."""

    def __init__(self, markets: Markets) -> None:
        self._markets = markets
        self._windows_s: dict[tuple[int, str], int] = {}
        self._counted: dict[tuple[int, str], set[object]] = {}
        self._due_ns: dict[tuple[int, str], int] = {}

    def set(self, asked: Asked) -> Json:
        """Set how long connections may be lost."""
        product = str(asked.params.get("product") or "OPTIONS")
        window_s = asked.params.get("timeWindow")
        if product not in _CATEGORIES:
            raise bad("product")
        if not isinstance(window_s, int) or window_s not in _WINDOWS_S:
            raise bad("timeWindow")
        self._windows_s[asked.account, product] = window_s
        return {}

    def info(self, asked: Asked) -> Json:
        """Return how the account is protected."""
        rows = [
            {
                "product": product,
                "dcpStatus": "ON",
                "timeWindow": str(self._windows_s.get((asked.account, product), _WINDOW_S)),
            }
            for product in _CATEGORIES
        ]
        return {"dcpInfos": rows}

    def count(self, account: int, topic: str, who: object) -> None:
        """Count a connection from now on."""
        key = account, PRODUCTS[topic]
        self._counted.setdefault(key, set()).add(who)
        self._due_ns.pop(key, None)

    def leave(self, account: int, topic: str, who: object) -> None:
        """Count a connection no more that is still there."""
        self._counted.get((account, PRODUCTS[topic]), set()).discard(who)

    def lose(self, account: int, topic: str, who: object, now_ns: int) -> None:
        """Note that a connection is lost: where it was the last one, orders have so long to live."""
        key = account, PRODUCTS[topic]
        counted = self._counted.get(key, set())
        if who in counted:
            counted.discard(who)
            if not counted:
                self._due_ns[key] = now_ns + self._windows_s.get(key, _WINDOW_S) * 1_000_000_000

    def expire(self, now_ns: int) -> None:
        """Cancel the orders of accounts whose connections were lost for too long."""
        for account, product in [key for key, due_ns in self._due_ns.items() if due_ns <= now_ns]:
            del self._due_ns[account, product]
            for market in filter(None, map(self._markets.get, _CATEGORIES[product])):
                for order in market.desk.open_orders(account):
                    if order.symbol in market.traded:
                        order.is_abandoned = True
                        market.desk.cancel(order, now_ns)
