"""Connections to a local Bybit: public topics, the private stream, and orders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from tradecore.sandbox.bybit.api import Api
from tradecore.sandbox.bybit.keys import Keys
from tradecore.sandbox.bybit.markets import Market
from tradecore.sandbox.bybit.protection import PRODUCTS
from tradecore.sandbox.bybit.refusals import bad
from tradecore.sandbox.bybit.requests import Asked
from tradecore.sandbox.door import Door, Visit
from tradecore.sandbox.link import Link
from tradecore.sandbox.numbers import ms
from tradecore.sandbox.refused import Refused

__all__ = ["OrderSocket", "PrivateSocket", "PublicSocket"]

Json = dict[str, Any]

_PRIVATE = ("order", "execution", "position", "wallet")
_SPOT_ARGS = 10
_ARGS_CHARACTERS = 21_000
"""Of all topics on a connection, in JSON."""


class _Socket(ABC):
    """What the three do alike: frames in JSON, each with an ``op``."""

    def __init__(self, door: Door, link: Link, name: str) -> None:
        self._door = door
        self._link = link
        self.name = name

    def take(self, text: str) -> None:
        """Take a frame and answer it."""
        try:
            asked = orjson.loads(text)
            op, args = asked["op"], asked.get("args") or []
        except (orjson.JSONDecodeError, KeyError, TypeError):
            op, args, asked = "", [], {}
        number = asked.get("req_id")
        self._take(str(op), args, asked, {} if number is None else {"req_id": number})

    @abstractmethod
    def _take(self, op: str, args: list[Any], asked: Mapping[str, Any], number: Json) -> None:
        """Answer a frame; ``number`` is the client's of it, if it has one."""

    def _ack(self, op: str, number: Json, problem: str = "", *, said: str = "") -> None:
        told = {"success": not problem, "ret_msg": problem or said, "conn_id": self.name, **number, "op": op}
        self._link.push("ack", told)


class _AccountSocket(_Socket):
    """What those of an account do alike: a key is shown once, and counts for as long as there is such a key."""

    def __init__(self, door: Door, link: Link, name: str, keys: Keys) -> None:
        super().__init__(door, link, name)
        self._keys = keys
        self._key = ""
        self._account: int | None = None

    def _log_in(self, args: list[Any]) -> int:
        try:
            key, expires, signature = str(args[0]), int(args[1]), str(args[2])
        except (IndexError, TypeError, ValueError):
            raise bad("args") from None
        account = self._keys.log_in(key, expires, signature)
        self._key = key
        return account

    def _check_key(self) -> None:
        """Refuse what comes on a connection whose key was taken away."""
        if self._account is not None:
            self._keys.check_key(self._key)


class PublicSocket(_Socket):
    """Topics of one category."""

    def __init__(self, door: Door, link: Link, name: str, api: Api, market: Market) -> None:
        super().__init__(door, link, name)
        self._streams = api.streams
        self._market = market

    def _take(self, op: str, args: list[Any], asked: Mapping[str, Any], number: Json) -> None:
        match op:
            case "ping":
                self._ack("ping", number, said="pong")
            case "subscribe":
                self._subscribe(args, number)
            case "unsubscribe":
                for name in args:
                    self._streams.unsubscribe(self._market, str(name), self._link)
                self._ack(op, number)
            case _:
                self._ack(op, number, "error:unknown op")

    def _subscribe(self, args: list[Any], number: Json) -> None:
        if self._market.is_spot and len(args) > _SPOT_ARGS:
            return self._ack("subscribe", number, f"error:args size >{_SPOT_ARGS}")
        there = self._streams.subscriptions(self._link)
        if sum(len(name) + 3 for name in {*there, *map(str, args)}) > _ARGS_CHARACTERS:
            return self._ack("subscribe", number, f"error:args of the connection >{_ARGS_CHARACTERS} characters")
        topics = {str(name): self._streams.topic(self._market, str(name)) for name in args}
        for name, topic in topics.items():
            if topic is None:
                # As the venue does, without the number of the request.
                return self._ack("subscribe", {}, f"error:handler not found,topic:{name}")
            if name in there:
                return self._ack("subscribe", number, f"error:already subscribed,topic:{name}")
        self._ack("subscribe", number, said="subscribe" if self._market.is_spot else "")
        for topic in topics.values():
            if topic is not None:
                self._streams.subscribe(topic, self._link, self._door.venue_ns)
        return None


class PrivateSocket(_AccountSocket):
    """The stream of an account."""

    def __init__(self, door: Door, link: Link, name: str, api: Api, keys: Keys) -> None:
        super().__init__(door, link, name, keys)
        self._users = api.users
        self._protection = api.protection
        self._topics: set[str] = set()

    def _take(self, op: str, args: list[Any], asked: Mapping[str, Any], number: Json) -> None:
        try:
            self._check_key()
        except Refused as refused:
            return self._ack(op, number, refused.text)
        match op:
            case "ping":
                told = {**number, "op": "pong", "args": [str(ms(self._door.venue_ns))], "conn_id": self.name}
                self._link.push("ack", told)
            case "auth":
                self._authenticate(args, number)
            case "subscribe" | "unsubscribe":
                self._choose(op, [str(name) for name in args], number)
            case _:
                self._ack(op, number, "error:unknown op")
        return None

    def _authenticate(self, args: list[Any], number: Json) -> None:
        try:
            account = self._log_in(args)
        except Refused as refused:
            return self._ack("auth", number, refused.text)
        self.end()
        self._account = account
        self._users.add(account, self._push)
        return self._ack("auth", number)

    def _choose(self, op: str, names: list[str], number: Json) -> None:
        if self._account is None:
            return self._ack(op, number, "error:request not authorized")
        for name in names:
            kind, _, category = name.partition(".")
            if name in PRODUCTS:
                continue
            if kind not in _PRIVATE or category not in ("", "linear", "inverse", "spot"):
                return self._ack(op, {}, f"error:handler not found,topic:{name}")
        self._topics = self._topics | set(names) if op == "subscribe" else self._topics - set(names)
        for name in filter(PRODUCTS.__contains__, names):
            (self._protection.count if op == "subscribe" else self._protection.leave)(self._account, name, self)
        return self._ack(op, number)

    def _push(self, event: Json) -> None:
        topic = event["topic"]
        named = f"{topic}.{event['data'][0].get('category', '')}"
        if topic in self._topics:
            self._link.push("user", event)
        elif named in self._topics:
            self._link.push("user", {**event, "topic": named})

    def end(self) -> None:
        """Forget who listened: the connection is gone."""
        if self._account is not None:
            self._users.forget(self._account, self._push)
            for name in self._topics & PRODUCTS.keys():
                self._protection.lose(self._account, name, self, self._door.venue_ns)

    def expire(self) -> None:
        """End the connection."""
        self._link.cut()


class OrderSocket(_AccountSocket):
    """Orders."""

    def __init__(self, door: Door, link: Link, name: str, api: Api, keys: Keys, enter: Callable[[str], Visit]) -> None:
        super().__init__(door, link, name, keys)
        self._api = api
        self._enter = enter
        self._seen: set[str] = set()

    def _take(self, op: str, args: list[Any], asked: Mapping[str, Any], number: Json) -> None:
        told: Json = {"retCode": 0, "retMsg": "OK", "op": op}
        if (key := asked.get("reqId")) is not None:
            told = {"reqId": key, **told}
        headers: Mapping[str, str] = {}
        lag_s = 0.0
        try:
            self._check_key()
            if op == "ping":
                told |= {"op": "pong", "data": [str(ms(self._door.venue_ns))]}
            elif op == "auth":
                if self._account is not None:
                    raise Refused(20001, "Repeat auth")
                self._account = self._log_in(args)
            else:
                visit = self._enter(op)
                if visit.is_lost:
                    return self._link.cut()
                data, beside, headers = self._carry_out(op, args, asked, visit)
                told |= {"data": data, "retExtInfo": beside}
                lag_s = visit.lag_s
                if visit.is_swallowed:
                    return self._link.cut()
        except Refused as refused:
            code = 10016 if refused.status >= 500 else 10403 if refused.status == 403 else refused.code
            told |= {"retCode": code, "retMsg": refused.text, "data": {}, "retExtInfo": {}}
            headers = refused.headers
        if op not in ("ping", "auth"):
            told["header"] = {**headers, "Timenow": str(ms(self._door.venue_ns))}
        stream = "ack" if op in ("ping", "auth") else f"answer {op}"
        self._link.push(stream, told | {"connId": self.name}, late_s=lag_s)
        return None

    def _carry_out(
        self, op: str, args: list[Any], asked: Mapping[str, Any], visit: Visit
    ) -> tuple[Any, Json, dict[str, str]]:
        endpoint = self._api.ops.get(op)
        if endpoint is None:
            raise Refused(10404, f"op type is not found: {op}")
        if self._account is None:
            raise Refused(10005, "request not authorized")
        key = str(asked.get("reqId") or "")
        if key and key in self._seen:
            raise Refused(20006, "Duplicate reqId")
        self._seen.add(key)
        self._keys.check_time(asked.get("header") or {})
        if len(args) != 1 or not isinstance(args[0], dict):
            raise bad("args")
        limits, params = self._api.limits, args[0]
        headers = limits.ask(
            self._account, endpoint.limit, endpoint.allowed(params), visit.now_s, endpoint.counts(params)
        )
        result, beside = self._api.carry_out(endpoint, Asked(params, self._door.venue_ns, self._account))
        return result, beside, headers
