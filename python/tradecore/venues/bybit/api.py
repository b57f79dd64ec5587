"""Bybit's requests: signed, counted against its limits, its errors told apart; by HTTP or on a WebSocket."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from random import Random
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlencode

import orjson

from tradecore.errors import CredentialsError, NoAnswerError, VenueError
from tradecore.venues.api import RATE, VenueApi
from tradecore.venues.bybit.market import LIMITS, Hosts
from tradecore.venues.clock import Clock
from tradecore.venues.link import Session
from tradecore.venues.signing import Credentials, HmacSigner
from tradecore.venues.transport import Transport

__all__ = ["BybitApi"]

_T = TypeVar("_T")
_Judge: TypeAlias = Callable[[str, Mapping[str, Any], Mapping[str, str]], _T]
"""Returns what an answer with its headers says of a request, or raises it."""

_RECV_WINDOW_MS = 5_000
"""How old a request may be when it arrives."""

_AUTH_S = 10.0
_BANNED_S = 600.0
_FATAL = frozenset({10003, 10004, 10005, 10007, 10010, 33004})
_RATE = frozenset({10006, 10403, 10429})
_UNKNOWN = frozenset({10000, 10014, 10016, 10019, 110072, 170141})
"""Nobody knows whether it was carried out, or it was before: both are looked up."""


class BybitApi(VenueApi):
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

    good_for_s = _RECV_WINDOW_MS / 1_000 + 1.0
    _wrong_time = "10002"

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
        super().__init__(venue, hosts.rest, LIMITS, transport=transport, clock=clock, random=random)
        self._key = credentials.key if credentials is not None else None
        self._signer = HmacSigner(credentials.secret) if credentials is not None else None
        self._numbers = itertools.count(1)

    async def measure_clock(self) -> None:
        """Ask the venue for its time, and count the answer in."""
        path = "/v5/market/time"
        await self._turn(f"GET {path}", {"ip": 1}, is_read=True)
        sent_ns = self._clock.now_ns()
        result = await self._send("GET", path, "", self._judge, signed=False)
        self.offset.measured(sent_ns, int(result["timeNano"]), self._clock.now_ns())

    async def read(self, path: str, params: Mapping[str, str], *, signed: bool = True) -> Any:
        """Ask for something that changes nothing, again where no answer came."""
        costs = {"ip": 1, "read": 1} if signed else {"ip": 1}
        query = urlencode(params)

        async def attempt() -> Any:
            await self._turn(f"GET {path}", costs, is_read=True)
            return await self._in_time(lambda: self._send("GET", path, query, self._judge, signed=signed))

        return await self.again(attempt)

    def pages(self, path: str, params: Mapping[str, str], *, signed: bool = True) -> AsyncIterator[Any]:
        """Yield the rows of all pages of a list."""
        return self._pages(
            lambda further: self.read(path, {**params, **further}, signed=signed), "list", "nextPageCursor"
        )

    async def write(self, path: str, body: Mapping[str, Any], *, kind: str) -> Any:
        """Carry out something once; ``kind`` is the limit it counts against, and a cancel waits for its turn.

        Raises
        ------
        VenueError
            When it was not carried out.
        NoAnswerError
            When nobody knows.
        """
        return await self._write(path, body, kind, 1, self._judge)

    async def write_on(self, session: Session, op: str, body: Mapping[str, Any], *, kind: str) -> Any:
        """Carry out something on the WebSocket for orders."""
        return await self._write_on(session, op, body, kind, 1, self._judge)

    async def write_batch(
        self, session: Session | None, kind: str, category: str, rows: Sequence[Mapping[str, Any]]
    ) -> list[Exception | None]:
        """Carry out several things of a kind, by request where there is no session; return what each failed by."""
        body = {"category": category, "request": rows}
        if session is not None:
            op = f"order.{kind}-batch"
            return await self._write_on(session, op, body, kind, len(rows), self._judge_each)
        return await self._write(f"/v5/order/{kind}-batch", body, kind, len(rows), self._judge_each)

    async def _write(self, path: str, body: Mapping[str, Any], kind: str, count: int, judge: _Judge[_T]) -> _T:
        await self._turn(f"POST {path}", {"ip": 1, kind: count}, urgent=kind == "cancel")
        payload = orjson.dumps(body).decode()
        return await self._in_time(lambda: self._send("POST", path, payload, judge, signed=True))

    async def _write_on(
        self, session: Session, op: str, body: Mapping[str, Any], kind: str, count: int, judge: _Judge[_T]
    ) -> _T:
        costs, urgent = {"ip": 1, kind: count}, kind == "cancel"
        if not self._has_room(costs, urgent=urgent):
            await self._turn(op, costs, urgent=urgent)
        key = str(next(self._numbers))
        stamps = {"X-BAPI-TIMESTAMP": str(self.now_ms()), "X-BAPI-RECV-WINDOW": str(_RECV_WINDOW_MS)}
        text = orjson.dumps({"reqId": key, "header": stamps, "op": op, "args": [body]})
        answer = await self.ask_on(session, op, key, text)
        return judge(op, answer, answer.get("header") or {})

    async def log_in(self, session: Session) -> None:
        """Authenticate a WebSocket.

        Raises
        ------
        CredentialsError
            When the venue does not take the key.
        VenueError
            When it does not let us in for another reason, such as a clock that was moved; it is measured anew.
        """
        expires_ms = self.now_ms() + round(_AUTH_S * 1_000)
        args = [self._needed(self._key), expires_ms, self._sign(f"GET/realtime{expires_ms}")]
        answer = await self.ask_on(session, "auth", "auth", orjson.dumps({"op": "auth", "args": args}))
        if answer.get("success") is False or answer.get("retCode", 0) not in (0, 20001):
            said = answer.get("ret_msg") or answer.get("retMsg") or "refused"
            await self.check_key()  # of a wrong key and of a wrong time the same is said here
            raise VenueError(self.venue, "auth", "", str(said))

    async def check_key(self) -> None:
        """Ask what the key may do, of which no more is wanted than that it is taken.

        Raises
        ------
        CredentialsError
            Where it is not.
        VenueError, NoAnswerError
            When that cannot be said.
        """
        await self.read("/v5/user/query-api", {})

    async def _send(self, method: str, path: str, payload: str, judge: _Judge[_T], *, signed: bool) -> _T:
        headers = {"Content-Type": "application/json"}
        if signed:
            stamp = str(self.now_ms())
            key = self._needed(self._key)
            headers |= {
                "X-BAPI-API-KEY": key,
                "X-BAPI-TIMESTAMP": stamp,
                "X-BAPI-RECV-WINDOW": str(_RECV_WINDOW_MS),
                "X-BAPI-SIGN": self._sign(f"{stamp}{key}{_RECV_WINDOW_MS}{payload}"),
            }
        request = f"{method} {path}"
        query, body = (payload, None) if method == "GET" else ("", payload.encode())
        answer = await self._ask(method, path, query, headers, body)
        if answer.status == 403:
            self._hold_back(403, _BANNED_S)
            raise VenueError(self.venue, request, RATE, "access too frequent, or a blocked region (status 403)")
        if answer.status == 401:
            raise CredentialsError(self.venue, "the venue does not take them (status 401)")
        try:
            return judge(request, orjson.loads(answer.body), answer.headers)
        except orjson.JSONDecodeError:
            raise NoAnswerError(self.venue, request, f"what came is no JSON (status {answer.status})") from None

    def _judge(self, request: str, answer: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
        """Return the result of an answer, or raise what it says."""
        error = self._error(request, int(answer.get("retCode", -1)), str(answer.get("retMsg", "")), headers)
        if error is not None:
            raise error
        return answer.get("result", answer.get("data"))

    def _judge_each(
        self, request: str, answer: Mapping[str, Any], headers: Mapping[str, str]
    ) -> list[Exception | None]:
        """Return what each part of a batch failed by, or raise what all of it did."""
        self._judge(request, answer, headers)
        rows = answer["retExtInfo"]["list"]
        return [self._error(request, int(row["code"]), str(row["msg"]), headers) for row in rows]

    def _error(self, request: str, code: int, text: str, headers: Mapping[str, str]) -> Exception | None:
        """Return what a code stands for; None where something was carried out."""
        if code == 0:
            return None
        if code in _FATAL:
            return CredentialsError(self.venue, f"{text} ({code})")
        if code in _UNKNOWN:
            return NoAnswerError(self.venue, request, f"{text} ({code})")
        if code in _RATE:
            known = {name.lower(): value for name, value in headers.items()}
            reset = known.get("x-bapi-limit-reset-timestamp")
            wait_s = max(0.0, (int(reset) - self.now_ms()) / 1e3) if reset else 1.0
            self._hold_back(429, max(wait_s, 0.01))
            return VenueError(self.venue, request, RATE, f"{text} ({code})")
        return VenueError(self.venue, request, str(code), text)

    def _sign(self, text: str) -> str:
        return self._needed(self._signer).sign(text.encode())
