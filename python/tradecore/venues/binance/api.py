"""Binance's requests: signed, counted against its limits, its errors told apart; by HTTP or on a WebSocket."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from tradecore.errors import CredentialsError, NoAnswerError, VenueError
from tradecore.venues.backoff import Backoff
from tradecore.venues.binance.market import Hosts, Market, limit_name
from tradecore.venues.clock import Clock, ClockOffset
from tradecore.venues.limits import RateLimiter
from tradecore.venues.link import Session
from tradecore.venues.rest import RATE, Rest, read_again
from tradecore.venues.signing import Credentials, signer_of
from tradecore.venues.transport import Answer, Transport, Unanswered, Unreachable

__all__ = ["RECV_WINDOW_MS", "BinanceApi"]

RECV_WINDOW_MS = 5_000
"""How old a request may be when it arrives."""

_ANSWER_S = 10.0
_PATIENCE_S = 1.0
_FATAL = frozenset({"-1022", "-2014", "-2015"})
_RATE = frozenset({"-1003", "-1008", "-1015"})
_UNKNOWN = frozenset({"-1000", "-1001", "-1006", "-1007"})
_WRONG_TIME = "-1021"
_USED = {
    "x-mbx-used-weight-1m": "weight_1m",
    "x-mbx-order-count-10s": "orders_10s",
    "x-mbx-order-count-1m": "orders_1m",
    "x-mbx-order-count-1d": "orders_1d",
}


class BinanceApi:
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
        self.market = market
        self.limiter = RateLimiter(market.limits)
        self.offset = ClockOffset()
        self._hosts = hosts
        self._clock = clock
        self._random = random
        self._rest = Rest(market.name, transport=transport, clock=clock, limiter=self.limiter, seconds=_ANSWER_S)
        self._key = credentials.key if credentials is not None else None
        self._signer = signer_of(market.name, credentials) if credentials is not None else None
        self._numbers = itertools.count(1)

    async def measure_clock(self) -> None:
        """Ask the venue for its time, and count the answer in."""
        path = f"{self.market.prefix}/time"
        await self._rest.turn(f"GET {path}", {"weight_1m": 1})
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
        backoff = Backoff(self._random, first_s=0.25, most_s=5.0)

        async def attempt() -> bytes:
            await self._rest.turn(f"GET {path}", {"weight_1m": weight})
            return await send("GET", path, params or {})

        return await read_again(self._clock, backoff, attempt)

    async def write(
        self, method: str, name: str, params: Mapping[str, str], *, is_order: bool = False, urgent: bool = False
    ) -> Any:
        """Carry out something once.

        Raises
        ------
        VenueError
            When it was not carried out.
        NoAnswerError
            When nobody knows.
        """
        path = f"{self.market.prefix}/{name}"
        await self._turn(f"{method} {path}", name, is_order=is_order, urgent=urgent)
        return self._parsed(f"{method} {path}", await self._signed(method, path, params))

    async def write_keyed(self, method: str, name: str) -> Any:
        """Carry out something that is sent with the key and without a signature."""
        path = f"{self.market.prefix}/{name}"
        await self._turn(f"{method} {path}", name, is_order=False, urgent=False)
        return self._parsed(f"{method} {path}", await self._send(method, path, "", {"X-MBX-APIKEY": self._needs_key()}))

    async def write_on(
        self, session: Session, method: str, params: Mapping[str, str], *, is_order: bool = False, urgent: bool = False
    ) -> Any:
        """Carry out something on a WebSocket."""
        await self._turn(method, method, is_order=is_order, urgent=urgent)
        try:
            return await self._write_on(session, method, params)
        except VenueError as error:
            if error.code != _WRONG_TIME:
                raise
        await self._set_clock()
        return await self._write_on(session, method, params)

    def signed_on(self, params: Mapping[str, str]) -> dict[str, str]:
        """Return the parameters of a request on a WebSocket with key, time and signature."""
        known = dict(params) | {"apiKey": self._needs_key(), "timestamp": str(self._now_ms())}
        known.setdefault("recvWindow", str(RECV_WINDOW_MS))
        text = "&".join(f"{name}={known[name]}" for name in sorted(known))
        return known | {"signature": self._sign(text)}

    def next_id(self) -> str:
        """Return an id for a request on a WebSocket."""
        return str(next(self._numbers))

    def judge(self, request: str, answer: Mapping[str, Any]) -> Any:
        """Return the result of an answer on a WebSocket, or raise what it says."""
        for row in answer.get("rateLimits") or ():
            name = limit_name(row["rateLimitType"], row["interval"], row["intervalNum"])
            if name is not None and "count" in row:
                self.limiter.observe(name, int(row["count"]), self._clock.now_ns())
        status = int(answer.get("status", 200))
        if status < 400:
            return answer.get("result")
        error = answer.get("error") or {}
        if status in (418, 429):
            retry_ms = (error.get("data") or {}).get("retryAfter")
            wait_s = None if retry_ms is None else (int(retry_ms) - self._now_ms()) / 1e3
            self._rest.hold_back(status, wait_s)
        raise self._error(request, str(error.get("code", status)), str(error.get("msg", "")), status)

    async def _turn(self, request: str, name: str, *, is_order: bool, urgent: bool) -> None:
        costs = {"weight_1m": self.market.weights.get(name, 1)}
        if is_order:
            costs |= {"orders_10s": 1, "orders_1m": 1, "orders_1d": 1}
        # A cancel is good whenever it comes, an order is not.
        await self._rest.turn(request, costs, urgent=urgent, patience_s=None if urgent else _PATIENCE_S)

    async def _write_on(self, session: Session, method: str, params: Mapping[str, str]) -> Any:
        key = self.next_id()
        text = orjson.dumps({"id": key, "method": method, "params": self.signed_on(params)}).decode()
        try:
            answer = await session.ask(key, text, _ANSWER_S)
        except Unreachable as error:
            raise VenueError(self.market.name, method, "", f"cannot be reached: {error}") from None
        except Unanswered as error:
            raise NoAnswerError(self.market.name, method, str(error)) from None
        return self.judge(method, answer)

    def _parsed(self, request: str, body: bytes) -> Any:
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            raise NoAnswerError(self.market.name, request, "what came is no JSON") from None

    async def _plain(self, method: str, path: str, params: Mapping[str, str]) -> bytes:
        return await self._send(method, path, urlencode(params), {})

    async def _signed(self, method: str, path: str, params: Mapping[str, str]) -> bytes:
        try:
            return await self._sign_and_send(method, path, params)
        except VenueError as error:
            if error.code != _WRONG_TIME:
                raise
        await self._set_clock()
        return await self._sign_and_send(method, path, params)

    async def _set_clock(self) -> None:
        """Measure the clock anew: the venue refused a request for its time, and so did not carry it out."""
        self.offset.restart()
        await self.measure_clock()

    async def _sign_and_send(self, method: str, path: str, params: Mapping[str, str]) -> bytes:
        stamped = {**params, "recvWindow": str(RECV_WINDOW_MS), "timestamp": str(self._now_ms())}
        query = urlencode(stamped)
        signature = quote(self._sign(query), safe="")
        return await self._send(method, path, f"{query}&signature={signature}", {"X-MBX-APIKEY": self._needs_key()})

    async def _send(self, method: str, path: str, query: str, headers: Mapping[str, str]) -> bytes:
        url = f"{self._hosts.rest}{path}" + (f"?{query}" if query else "")
        answer = await self._rest.ask(method, path, url, headers, sees=self._see)
        if answer.status < 400:
            return answer.body
        code, text = str(answer.status), ""
        try:
            body = orjson.loads(answer.body)
            code, text = str(body["code"]), str(body["msg"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            pass
        raise self._error(f"{method} {path}", code, text, answer.status)

    def _see(self, answer: Answer) -> None:
        for header, name in _USED.items():
            if (used := answer.headers.get(header)) is not None and used.isdigit():
                self.limiter.observe(name, int(used), self._clock.now_ns())

    def _error(self, request: str, code: str, text: str, status: int) -> Exception:
        """Return the error that an answer stands for: refused, not known, for another time, or for good."""
        venue = self.market.name
        if code in _FATAL:
            return CredentialsError(venue, f"{text} ({code})")
        if (code in _UNKNOWN and status != 404) or status >= 500:
            return NoAnswerError(venue, request, f"{text} ({code})")
        if code in _RATE or status in (418, 429):
            return VenueError(venue, request, RATE, f"{text} ({code})")
        return VenueError(venue, request, code, text or f"status {status}")

    def _needs_key(self) -> str:
        if self._key is None:
            raise CredentialsError(self.market.name, "there are none")
        return self._key

    def _sign(self, text: str) -> str:
        if self._signer is None:
            raise CredentialsError(self.market.name, "there are none")
        return self._signer.sign(text.encode())

    def _now_ms(self) -> int:
        return (self._clock.now_ns() + (self.offset.ns or 0)) // 1_000_000
