"""Binance's requests: signed, counted against its limits, its errors told apart; by HTTP or on a WebSocket."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from random import Random
from typing import Any, ClassVar, TypeAlias
from urllib.parse import quote, urlencode

import orjson

from tradecore.errors import CredentialsError, NoAnswerError, VenueError
from tradecore.venues.api import RATE, VenueApi
from tradecore.venues.binance.market import Hosts, Market, limit_name
from tradecore.venues.clock import Clock
from tradecore.venues.link import Session
from tradecore.venues.signing import Credentials, signer_of
from tradecore.venues.transport import Transport

__all__ = ["BinanceApi", "HalfDoneError"]

_RECV_WINDOW_MS = 5_000
"""How old a request may be when it arrives."""
_RECV_WINDOW = str(_RECV_WINDOW_MS)

_FATAL = frozenset({"-1022", "-2014", "-2015"})
_RATE = frozenset({"-1003", "-1008", "-1015"})
_UNKNOWN = frozenset({"-1000", "-1001", "-1006", "-1007"})


class HalfDoneError(VenueError):
    """A request of two halves of which one failed, or both; ``data`` says what became of each."""

    def __init__(self, venue: str, request: str, code: str, problem: str, data: Mapping[str, Any]) -> None:
        super().__init__(venue, request, code, problem)
        self.data = data


_SignedText: TypeAlias = tuple[str, Callable[[Mapping[str, str]], tuple[str, ...]]]
"""A text with places for values, and what takes them from the parameters."""


def _signed_text(names: Iterable[str]) -> _SignedText:
    """Return what is signed of parameters: all of them, in the order of their names."""
    ordered = sorted(names)
    return "&".join(f"{name}=%s" for name in ordered), itemgetter(*ordered)


class BinanceApi(VenueApi):
    """Requests of one market.

    Parameters
    ----------
    market : Market
    hosts : Hosts
    credentials : Credentials, optional
        Without them only what is public can be asked.
    transport, clock
    random : Random
        Spreads the waits between attempts.
    """

    good_for_s = _RECV_WINDOW_MS / 1_000 + 1.0
    _wrong_time = "-1021"
    _used: ClassVar[Mapping[str, str]] = {
        "x-mbx-used-weight-1m": "weight_1m",
        "x-mbx-order-count-10s": "orders_10s",
        "x-mbx-order-count-1m": "orders_1m",
        "x-mbx-order-count-1d": "orders_1d",
    }

    def __init__(
        self,
        market: Market,
        hosts: Hosts,
        *,
        credentials: Credentials | None,
        transport: Transport,
        clock: Clock,
        random: Random,
    ) -> None:
        super().__init__(market.name, hosts.rest, market.limits, transport=transport, clock=clock, random=random)
        self.market = market
        self._key = credentials.key if credentials is not None else None
        self._signer = signer_of(market.name, credentials) if credentials is not None else None
        self._numbers = itertools.count(1)
        self._signed_texts: dict[tuple[str, ...], _SignedText] = {}
        """What is signed on a WebSocket, by the names of the parameters as they come."""

    async def measure_clock(self) -> None:
        """Ask the venue for its time, and count the answer in."""
        path = f"{self.market.prefix}/time"
        await self._turn(f"GET {path}", {"weight_1m": 1}, is_read=True)
        sent_ns = self._clock.now_ns()
        answer = self._parsed(f"GET {path}", await self._plain("GET", path, {}))
        self.offset.measured(sent_ns, int(answer["serverTime"]) * 1_000_000, self._clock.now_ns())

    async def read(self, name: str, params: Mapping[str, str] | None = None, *, signed: bool = False) -> Any:
        """Ask for something that changes nothing, again where no answer came; ``name`` is the end of its path."""
        return self._parsed(f"GET {name}", await self.read_bytes(name, params, signed=signed))

    async def read_bytes(self, name: str, params: Mapping[str, str] | None = None, *, signed: bool = False) -> bytes:
        """Ask likewise, and return the answer as it came."""
        path = name if name.startswith("/") else f"{self.market.prefix}/{name}"
        weight = self.market.weights.get(path.rpartition("/")[2], 1)
        send = self._signed if signed else self._plain

        async def attempt() -> bytes:
            await self._turn(f"GET {path}", {"weight_1m": weight}, is_read=True)
            return await send("GET", path, params or {})

        return await self.again(attempt)

    async def write(
        self, method: str, name: str, params: Mapping[str, str], *, orders: int = 0, urgent: bool = False
    ) -> Any:
        """Carry out something once; ``orders`` are how many it counts for.

        Raises
        ------
        VenueError
            When it was not carried out.
        NoAnswerError
            When nobody knows.
        """
        path = f"{self.market.prefix}/{name}"
        costs = self._costs(name, orders)
        if not self._has_room(costs, urgent=urgent):
            await self._turn(f"{method} {path}", costs, urgent=urgent)
        return self._parsed(f"{method} {path}", await self._signed(method, path, params))

    async def write_batch(
        self, method: str, params: Mapping[str, str], *, orders: int = 0, urgent: bool = False
    ) -> list[Any]:
        """Carry out several things at once; return the result of each, or what it failed by."""
        rows = await self.write(method, "batchOrders", params, orders=orders, urgent=urgent)
        request = f"{method} batchOrders"
        return [
            self._error(request, str(row["code"]), str(row["msg"]), 400, {}) if "code" in row else row for row in rows
        ]

    async def write_keyed(self, method: str, name: str) -> Any:
        """Carry out something that is sent with the key and without a signature."""
        path = f"{self.market.prefix}/{name}"
        await self._turn(f"{method} {path}", self._costs(name))
        return self._parsed(f"{method} {path}", await self._send(method, path, "", self._keyed()))

    async def write_on(
        self, session: Session, method: str, params: Mapping[str, str], *, orders: int = 0, urgent: bool = False
    ) -> Any:
        """Carry out something on a WebSocket."""
        costs = self._costs(method, orders)
        if not self._has_room(costs, urgent=urgent):
            await self._turn(method, costs, urgent=urgent)
        return await self._in_time(self._ask_signed, session, method, params)

    async def _ask_signed(self, session: Session, method: str, params: Mapping[str, str]) -> Any:
        key = str(next(self._numbers))
        text = orjson.dumps({"id": key, "method": method, "params": self._signed_on(params)})
        return self._judge(method, await self.ask_on(session, method, key, text))

    def _signed_on(self, params: Mapping[str, str]) -> dict[str, str]:
        """Return the parameters of a request on a WebSocket with key, time and signature."""
        known = {
            **params,
            "apiKey": self._needed(self._key),
            "recvWindow": _RECV_WINDOW,
            "timestamp": str(self.now_ms()),
        }
        names = tuple(known)
        signed = self._signed_texts.get(names)
        if signed is None:
            signed = self._signed_texts[names] = _signed_text(names)
        text, values = signed
        known["signature"] = self._sign(text % values(known))
        return known

    def _judge(self, request: str, answer: Mapping[str, Any]) -> Any:
        """Return the result of an answer on a WebSocket, or raise what it says."""
        for row in answer.get("rateLimits") or ():
            name = limit_name(row["rateLimitType"], row["interval"], row["intervalNum"])
            if name is not None and "count" in row:
                self.limiter.observe(name, int(row["count"]), self._clock.now_ns())
        status = int(answer.get("status", 200))
        if status < 400:
            return answer.get("result")
        error = answer.get("error") or {}
        data = error.get("data") or {}
        if status in (418, 429):
            retry_ms = data.get("retryAfter")
            wait_s = None if retry_ms is None else (int(retry_ms) - self.now_ms()) / 1e3
            self._hold_back(status, wait_s)
        raise self._error(request, str(error.get("code", status)), str(error.get("msg", "")), status, data)

    def _costs(self, name: str, orders: int = 0) -> dict[str, int]:
        weight = self.market.weights.get(name, 1)
        if not orders:
            return {"weight_1m": weight}
        return {"weight_1m": weight, "orders_10s": orders, "orders_1m": orders, "orders_1d": orders}

    def _parsed(self, request: str, body: bytes) -> Any:
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            raise NoAnswerError(self.venue, request, "what came is no JSON") from None

    async def _plain(self, method: str, path: str, params: Mapping[str, str]) -> bytes:
        return await self._send(method, path, urlencode(params), {})

    async def _signed(self, method: str, path: str, params: Mapping[str, str]) -> bytes:
        return await self._in_time(self._sign_and_send, method, path, params)

    async def _sign_and_send(self, method: str, path: str, params: Mapping[str, str]) -> bytes:
        stamped = {**params, "recvWindow": _RECV_WINDOW, "timestamp": str(self.now_ms())}
        query = urlencode(stamped)
        signature = quote(self._sign(query), safe="")
        return await self._send(method, path, f"{query}&signature={signature}", self._keyed())

    async def _send(self, method: str, path: str, query: str, headers: Mapping[str, str]) -> bytes:
        answer = await self._ask(method, path, query, headers)
        if answer.status < 400:
            return answer.body
        code, text = str(answer.status), ""
        data: Mapping[str, Any] = {}
        try:
            body = orjson.loads(answer.body)
            code, text, data = str(body["code"]), str(body["msg"]), body.get("data") or {}
        except (orjson.JSONDecodeError, KeyError, TypeError):
            pass
        raise self._error(f"{method} {path}", code, text, answer.status, data)

    def _error(self, request: str, code: str, text: str, status: int, data: Mapping[str, Any]) -> Exception:
        """Return the error that an answer stands for: refused, not known, for another time, or for good."""
        if code in _FATAL:
            return CredentialsError(self.venue, f"{text} ({code})")
        if (code in _UNKNOWN and status != 404) or status >= 500:
            return NoAnswerError(self.venue, request, f"{text} ({code})")
        if code in _RATE or status in (418, 429):
            return VenueError(self.venue, request, RATE, f"{text} ({code})")
        if "cancelResult" in data:
            return HalfDoneError(self.venue, request, code, text, data)
        return VenueError(self.venue, request, code, text or f"status {status}")

    def _keyed(self) -> dict[str, str]:
        return {"X-MBX-APIKEY": self._needed(self._key)}

    def _sign(self, text: str) -> str:
        return self._needed(self._signer).sign(text.encode())
