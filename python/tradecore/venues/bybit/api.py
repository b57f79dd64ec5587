"""Bybit's requests: signed, counted against its limits, its errors told apart; by HTTP or on a WebSocket."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping
from random import Random
from typing import Any
from urllib.parse import urlencode

import orjson

from tradecore.errors import CredentialsError, NoAnswerError, VenueError
from tradecore.venues.backoff import Backoff
from tradecore.venues.bybit.market import LIMITS, Hosts
from tradecore.venues.clock import Clock, ClockOffset
from tradecore.venues.limits import RateLimiter
from tradecore.venues.link import Session
from tradecore.venues.rest import RATE, Rest, read_again
from tradecore.venues.signing import Credentials, HmacSigner
from tradecore.venues.transport import Transport, Unanswered, Unreachable

__all__ = ["RECV_WINDOW_MS", "BybitApi", "ask_on"]

RECV_WINDOW_MS = 5_000
"""How old a request may be when it arrives."""

_ANSWER_S = 10.0
_PATIENCE_S = 1.0
_AUTH_S = 10.0
_BANNED_S = 600.0
_FATAL = frozenset({10003, 10004, 10005, 10007, 10010})
_RATE = frozenset({10006, 10403, 10429})
_UNKNOWN = frozenset({10000, 10014, 10016, 10019, 110072, 170141})
"""Nobody knows whether it was carried out, or it was before: both are looked up."""
_WRONG_TIME = 10002


class BybitApi:
    """Requests of the venue.

    Parameters
    ----------
    venue : str
    hosts : Hosts
    credentials : Credentials, optional
        Without them only what is public can be asked.
    transport, clock
    random : Random
        Spreads the waits between attempts.
    """

    def __init__(
        self,
        venue: str,
        hosts: Hosts,
        *,
        credentials: Credentials | None,
        transport: Transport,
        clock: Clock,
        random: Random,
    ) -> None:
        self.venue = venue
        self.offset = ClockOffset()
        self.limiter = RateLimiter(LIMITS)
        self._hosts = hosts
        self._clock = clock
        self._random = random
        self._rest = Rest(venue, transport=transport, clock=clock, limiter=self.limiter, seconds=_ANSWER_S)
        self._key = credentials.key if credentials is not None else None
        self._signer = HmacSigner(credentials.secret) if credentials is not None else None
        self._numbers = itertools.count(1)

    async def measure_clock(self) -> None:
        """Ask the venue for its time, and count the answer in."""
        path = "/v5/market/time"
        await self._rest.turn(f"GET {path}", {"ip": 1})
        sent_ns = self._clock.now_ns()
        result = await self._send("GET", path, "", signed=False)
        self.offset.measured(sent_ns, int(result["timeNano"]), self._clock.now_ns())

    async def read(self, path: str, params: Mapping[str, str], *, signed: bool = True) -> Any:
        """Ask for something that changes nothing, again where no answer came."""
        costs = {"ip": 1, "read": 1} if signed else {"ip": 1}

        async def attempt() -> Any:
            await self._rest.turn(f"GET {path}", costs)
            return await self._send_in_time("GET", path, urlencode(params), signed=signed)

        return await read_again(self._clock, Backoff(self._random, first_s=0.25, most_s=5.0), attempt)

    async def pages(self, path: str, params: Mapping[str, str], *, signed: bool = True) -> AsyncIterator[Any]:
        """Yield the rows of all pages of a list."""
        cursor: dict[str, str] = {}
        while True:
            result = await self.read(path, {**params, **cursor}, signed=signed)
            for row in result["list"]:
                yield row
            if not result.get("nextPageCursor") or not result["list"]:
                return
            cursor = {"cursor": result["nextPageCursor"]}

    async def write(self, path: str, body: Mapping[str, Any], *, kind: str) -> Any:
        """Carry out something once; ``kind`` is the limit it counts against, and a cancel waits for its turn.

        Raises
        ------
        VenueError
            When it was not carried out.
        NoAnswerError
            When nobody knows.
        """
        await self._turn(f"POST {path}", kind)
        return await self._send_in_time("POST", path, orjson.dumps(body).decode(), signed=True)

    async def write_on(self, session: Session, op: str, body: Mapping[str, Any], *, kind: str) -> Any:
        """Carry out something on the WebSocket for orders."""
        await self._turn(op, kind)
        key = str(next(self._numbers))
        stamps = {"X-BAPI-TIMESTAMP": str(self.now_ms()), "X-BAPI-RECV-WINDOW": str(RECV_WINDOW_MS)}
        text = orjson.dumps({"reqId": key, "header": stamps, "op": op, "args": [body]}).decode()
        answer = await ask_on(self.venue, session, key, op, text)
        return self._judge(op, answer, answer.get("header") or {})

    async def log_in(self, session: Session) -> None:
        """Authenticate a WebSocket.

        Raises
        ------
        CredentialsError
            When the venue does not take the key.
        """
        expires_ms = self.now_ms() + round(_AUTH_S * 1_000)
        args = [self._needs_key(), expires_ms, self._sign(f"GET/realtime{expires_ms}")]
        answer = await ask_on(self.venue, session, "auth", "auth", orjson.dumps({"op": "auth", "args": args}).decode())
        if answer.get("success") is False or answer.get("retCode", 0) not in (0, 20001):
            said = answer.get("ret_msg") or answer.get("retMsg") or "refused"
            raise CredentialsError(self.venue, str(said))

    def now_ms(self) -> int:
        """Return the venue's time, ms UTC."""
        return (self._clock.now_ns() + (self.offset.ns or 0)) // 1_000_000

    async def _turn(self, request: str, kind: str) -> None:
        # A cancel is good whenever it comes, an order is not.
        is_cancel = kind == "cancel"
        patience_s = None if is_cancel else _PATIENCE_S
        await self._rest.turn(request, {"ip": 1, kind: 1}, urgent=is_cancel, patience_s=patience_s)

    async def _send_in_time(self, method: str, path: str, payload: str, *, signed: bool) -> Any:
        try:
            return await self._send(method, path, payload, signed=signed)
        except VenueError as error:
            if error.code != str(_WRONG_TIME):
                raise
        self.offset.restart()
        await self.measure_clock()
        return await self._send(method, path, payload, signed=signed)

    async def _send(self, method: str, path: str, payload: str, *, signed: bool) -> Any:
        headers = {"Content-Type": "application/json"}
        if signed:
            stamp = str(self.now_ms())
            text = f"{stamp}{self._needs_key()}{RECV_WINDOW_MS}{payload}"
            headers |= {
                "X-BAPI-API-KEY": self._needs_key(),
                "X-BAPI-TIMESTAMP": stamp,
                "X-BAPI-RECV-WINDOW": str(RECV_WINDOW_MS),
                "X-BAPI-SIGN": self._sign(text),
            }
        request = f"{method} {path}"
        url = f"{self._hosts.rest}{path}" + (f"?{payload}" if method == "GET" and payload else "")
        body = payload.encode() if method == "POST" else None
        answer = await self._rest.ask(method, path, url, headers, body)
        if answer.status == 403:
            self._rest.hold_back(403, _BANNED_S)
            raise VenueError(self.venue, request, RATE, "access too frequent, or a blocked region (status 403)")
        if answer.status == 401:
            raise CredentialsError(self.venue, "the venue does not take them (status 401)")
        try:
            return self._judge(request, orjson.loads(answer.body), answer.headers)
        except orjson.JSONDecodeError:
            raise NoAnswerError(self.venue, request, f"what came is no JSON (status {answer.status})") from None

    def _judge(self, request: str, answer: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
        """Return the result of an answer, or raise what it says."""
        code, text = int(answer.get("retCode", -1)), str(answer.get("retMsg", ""))
        if code == 0:
            return answer.get("result", answer.get("data"))
        if code in _FATAL:
            raise CredentialsError(self.venue, f"{text} ({code})")
        if code in _UNKNOWN:
            raise NoAnswerError(self.venue, request, f"{text} ({code})")
        if code in _RATE:
            known = {name.lower(): value for name, value in headers.items()}
            reset = known.get("x-bapi-limit-reset-timestamp")
            wait_s = max(0.0, (int(reset) - self.now_ms()) / 1e3) if reset else 1.0
            self._rest.hold_back(429, max(wait_s, 0.01))
            raise VenueError(self.venue, request, RATE, f"{text} ({code})")
        raise VenueError(self.venue, request, str(code), text)

    def _needs_key(self) -> str:
        if self._key is None:
            raise CredentialsError(self.venue, "there are none")
        return self._key

    def _sign(self, text: str) -> str:
        if self._signer is None:
            raise CredentialsError(self.venue, "there are none")
        return self._signer.sign(text.encode())


async def ask_on(venue: str, session: Session, key: str, request: str, text: str) -> Any:
    """Send a request on a WebSocket and return its answer, as errors of the venue where there is none."""
    try:
        return await session.ask(key, text, _ANSWER_S)
    except Unreachable as error:
        raise VenueError(venue, request, "", f"cannot be reached: {error}") from None
    except Unanswered as error:
        raise NoAnswerError(venue, request, str(error)) from None
