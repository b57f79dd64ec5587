"""Connections to a local Coinbase: of market data, and of a user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from tradecore.sandbox.coinbase.channels import CHANNELS, Channels, Connection
from tradecore.sandbox.coinbase.shapes import id_of
from tradecore.sandbox.coinbase.tokens import Tokens
from tradecore.sandbox.door import Door
from tradecore.sandbox.link import Link
from tradecore.sandbox.listeners import Listeners
from tradecore.sandbox.refused import Refused

__all__ = ["PATIENCE_S", "Socket"]

Json = dict[str, Any]

PATIENCE_S = 5.0
"""So long a connection may take to its first subscription."""
_NO_POSITIONS: Json = {
    "perpetual_futures_positions": [], "expiring_futures_positions": [], "prediction_market_positions": [],
}  # fmt: skip
_OF_USERS = ("user", "futures_balance_summary")


class Socket:
    """One connection; only that of a user has the channels that need a token."""

    def __init__(
        self, door: Door, link: Link, channels: Channels, users: Listeners, tokens: Tokens, *, is_of_user: bool
    ) -> None:
        self._door = door
        self._connection = Connection(link)
        self._channels = channels
        self._users = users
        self._tokens = tokens
        self._is_of_user = is_of_user
        self.account: int | None = None
        """Whose orders it is told of."""
        self._timer = door.clock.call_later(PATIENCE_S, link.cut)
        self.cut: Callable[[], None] = link.cut

    def take(self, text: str) -> None:
        """Take a request and answer it."""
        try:
            asked = orjson.loads(text)
            what, channel = asked["type"], str(asked["channel"])
            products = [str(product) for product in asked.get("product_ids") or []]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return self._connection.refuse("failure to parse the request")
        if what not in ("subscribe", "unsubscribe"):
            return self._connection.refuse("unknown type of request")
        self._timer.cancel()
        if channel in _OF_USERS:
            return self._user(what, channel, str(asked.get("jwt") or ""))
        if channel != "heartbeats" and channel not in CHANNELS:
            return self._connection.refuse("authentication failure")
        is_of_products = channel != "heartbeats" and what == "subscribe"
        if is_of_products and (not products or not self._channels.has(channel, products)):
            return self._connection.refuse("failure to subscribe")
        now_ns = self._door.venue_ns
        if what == "subscribe":
            self._channels.subscribe(self._connection, channel, products, now_ns)
        else:
            self._channels.unsubscribe(self._connection, channel, products)
        return self._connection.acknowledge(now_ns)

    def _user(self, what: str, channel: str, token: str) -> None:
        try:
            account = self._tokens.check(token)
        except Refused:
            return self._connection.refuse("authentication failure")
        if not self._is_of_user or channel != "user":
            return self._connection.refuse("failure to subscribe")
        now_ns = self._door.venue_ns
        self.end()
        if what == "subscribe":
            self.account = account
            self._users.add(account, self._push)
            self._connection.subscriptions["user"] = [id_of(account + 1)]
            self._tell(self._channels.open_orders(account), "snapshot", now_ns)
        else:
            self._connection.subscriptions.pop("user", None)
        return self._connection.acknowledge(now_ns)

    def _push(self, event: Json) -> None:
        self._tell(event["orders"], "update", event["at_ns"])

    def _tell(self, orders: list[Json], kind: str, now_ns: int) -> None:
        event = {"type": kind, "orders": orders, "positions": _NO_POSITIONS}
        self._connection.tell("user", [event], now_ns)

    def end(self) -> None:
        """Forget who listened."""
        self._timer.cancel()
        if self.account is not None:
            self._users.forget(self.account, self._push)
            self.account = None
