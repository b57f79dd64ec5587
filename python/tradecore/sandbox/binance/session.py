"""A connection to the WebSocket API of a local Binance: requests and answers, and private streams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from tradecore.sandbox.binance.api import Api
from tradecore.sandbox.binance.keys import Keys
from tradecore.sandbox.binance.refusals import body_of
from tradecore.sandbox.binance.requests import Asked
from tradecore.sandbox.door import Door, Visit
from tradecore.sandbox.link import Link
from tradecore.sandbox.numbers import ms
from tradecore.sandbox.refused import Refused

__all__ = ["Session"]


class Session:
    """A connection to the WebSocket API."""

    def __init__(self, door: Door, enter: Callable[[str], Visit], keys: Keys, api: Api, link: Link) -> None:
        self._door = door
        self._enter = enter
        self._keys = keys
        self._api = api
        self._link = link
        self._key: str | None = None
        self._subscriptions: dict[int, tuple[int, Callable[[dict[str, Any]], None]]] = {}

    def take(self, text: str) -> None:
        """Take a request and answer it."""
        try:
            asked = orjson.loads(text)
            method, number = asked["method"], asked.get("id")
            params = asked.get("params") or {}
        except (orjson.JSONDecodeError, KeyError, TypeError):
            self._link.push("answer", {"id": None, "status": 400, "error": {"code": -1000, "msg": "Invalid JSON."}})
            return
        now_s, lag_s = self._door.now_s, 0.0
        try:
            visit = self._enter(method)
            if visit.is_lost:
                return self._link.cut()
            answer = {"id": number, "status": 200, "result": self._result(method, params, visit)}
            if visit.is_swallowed:
                return self._link.cut()
            lag_s = visit.lag_s
        except Refused as refused:
            answer = {"id": number, "status": refused.status, "error": body_of(refused)}
        limits = self._api.limits
        answer["rateLimits"] = [limits.weight.row(limits.used(limits.weight, -1, now_s))]
        self._link.push(f"answer {method}", answer, late_s=lag_s)
        return None

    def _result(self, method: str, params: dict[str, Any], visit: Visit) -> Any:
        limits, now_s = self._api.limits, visit.now_s
        match method:
            case "session.logon":
                limits.ask(2, now_s)
                self._account(params)
                if not self._keys.logs_on(params.get("apiKey")):
                    raise Refused(-4056, "HMAC_SHA256 API key is not supported.")
                self._key = params["apiKey"]
                return self._status(now_s)
            case "session.status":
                return self._status(now_s)
            case "session.logout":
                self._key = None
                return self._status(now_s)
            case "userDataStream.subscribe" | "userDataStream.subscribe.signature" if self._api.is_spot:
                limits.ask(2, now_s)
                return {"subscriptionId": self._subscribe(self._account(params))}
            case "userDataStream.unsubscribe" if self._api.is_spot:
                for at in [params["subscriptionId"]] if "subscriptionId" in params else list(self._subscriptions):
                    self._unsubscribe(at)
                return {}
        endpoint = self._api.methods.get(method)
        if endpoint is None:
            raise Refused(-1000, f"Invalid method '{method}'.")
        limits.ask(endpoint.weight(params), now_s)
        account = self._account(params) if endpoint.security == "signed" else -1
        limits.order(account, endpoint.orders(params), now_s)
        return self._api.carry_out(endpoint, Asked(params, self._door.venue_ns, account), visit)

    def _account(self, params: dict[str, Any]) -> int:
        """Return whose request it is: signed by itself, or of one who has logged on."""
        keys = self._keys
        if self._key is not None and "apiKey" not in params:
            account = keys.account(self._key)
        else:
            parts = (f"{name}={_plain(value)}" for name, value in sorted(params.items()) if name != "signature")
            account = keys.check(params.get("apiKey"), "&".join(parts).encode(), params.get("signature"))
        self._keys.check_time(params)
        return account

    def _status(self, now_s: float) -> dict[str, Any]:
        return {
            "apiKey": self._key,
            "authorizedSince": None if self._key is None else int(now_s * 1000),
            "connectedSince": int(now_s * 1000),
            "returnRateLimits": True,
            "serverTime": ms(self._door.venue_ns),
            "userDataStream": bool(self._subscriptions),
        }

    def _subscribe(self, account: int) -> int:
        number = max(self._subscriptions, default=-1) + 1

        def push(event: dict[str, Any]) -> None:
            self._link.push("user", {"subscriptionId": number, "event": event})

        self._subscriptions[number] = (account, push)
        self._api.users.add(account, push)
        return number

    def _unsubscribe(self, number: int) -> None:
        account, push = self._subscriptions.pop(number, (-1, None))
        if push is not None:
            self._api.users.forget(account, push)

    def end(self) -> None:
        """Forget who listened: the connection is gone."""
        for number in tuple(self._subscriptions):
            self._unsubscribe(number)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
