"""Coinbase's requests: a token for each, its limits kept, its errors told apart."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from random import Random
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from tradecore.errors import CredentialsError, NoAnswerError, VenueError
from tradecore.venues.backoff import Backoff
from tradecore.venues.clock import Clock, ClockOffset
from tradecore.venues.coinbase.market import LIMITS, PREFIX, VENUE, Hosts
from tradecore.venues.limits import RateLimiter
from tradecore.venues.rest import Rest, read_again
from tradecore.venues.signing import Credentials, JwtSigner
from tradecore.venues.transport import Transport

__all__ = ["TOKEN_S", "CoinbaseApi"]

TOKEN_S = 120
"""How long a token is good for."""

_ANSWER_S = 10.0
_PATIENCE_S = 1.0


class CoinbaseApi:
    """Requests of the venue.

    Parameters
    ----------
    hosts : Hosts
    credentials : Credentials, optional
        Without them only what is public can be asked.
    transport, clock
    random : Random
        Spreads the waits between attempts, and numbers tokens.
    """

    def __init__(
        self,
        hosts: Hosts,
        *,
        credentials: Credentials | None,
        transport: Transport,
        clock: Clock,
        random: Random,
    ) -> None:
        self.offset = ClockOffset()
        self._hosts = hosts
        self._clock = clock
        self._random = random
        self._rest = Rest(VENUE, transport=transport, clock=clock, limiter=RateLimiter(LIMITS), seconds=_ANSWER_S)
        self._signer: JwtSigner | None = None
        if credentials is not None:
            self._signer = JwtSigner(VENUE, credentials, issuer="cdp", lifetime_s=TOKEN_S)

    async def measure_clock(self) -> None:
        """Ask the venue for its time, and count the answer in."""
        await self._rest.turn(f"GET {PREFIX}/time", {"public": 1})
        sent_ns = self._clock.now_ns()
        answer = await self._send("GET", "time", "", None, signed=False)
        self.offset.measured(sent_ns, int(answer["epochMillis"]) * 1_000_000, self._clock.now_ns())

    async def read(self, name: str, params: Mapping[str, str] | None = None, *, signed: bool = True) -> Any:
        """Ask for something that changes nothing, again where no answer came; ``name`` is the end of its path."""

        async def attempt() -> Any:
            await self._rest.turn(f"GET {PREFIX}/{name}", {"private" if signed else "public": 1})
            return await self._send_signed("GET", name, urlencode(params or {}), None, signed=signed)

        return await read_again(self._clock, Backoff(self._random, first_s=0.25, most_s=5.0), attempt)

    async def pages(self, name: str, rows: str, params: Mapping[str, str]) -> AsyncIterator[Any]:
        """Yield the rows of all pages of a list."""
        cursor: dict[str, str] = {}
        while True:
            answer = await self.read(name, {**params, **cursor})
            for row in answer[rows]:
                yield row
            if not answer.get("cursor") or not answer[rows]:
                return
            cursor = {"cursor": answer["cursor"]}

    async def write(self, name: str, body: Mapping[str, Any], *, urgent: bool = False) -> Any:
        """Carry out something once.

        Raises
        ------
        VenueError
            When it was not carried out.
        NoAnswerError
            When nobody knows.
        """
        # A cancel is good whenever it comes, an order is not.
        patience_s = None if urgent else _PATIENCE_S
        await self._rest.turn(f"POST {PREFIX}/{name}", {"private": 1}, urgent=urgent, patience_s=patience_s)
        return await self._send_signed("POST", name, "", orjson.dumps(body), signed=True)

    def token(self, uri: str | None = None) -> str:
        """Return a new token, for one request or, without ``uri``, a message on a WebSocket."""
        if self._signer is None:
            raise CredentialsError(VENUE, "there are none")
        now_s = (self._clock.now_ns() + (self.offset.ns or 0)) // 1_000_000_000
        return self._signer.token(now_s, f"{self._random.getrandbits(64):016x}", uri)

    async def _send_signed(self, method: str, name: str, query: str, body: bytes | None, *, signed: bool) -> Any:
        """Send, and once more with a new token where the venue did not take the first one."""
        try:
            return await self._send(method, name, query, body, signed=signed)
        except VenueError as error:
            if not signed or error.code != "401":
                raise
        await self.measure_clock()
        try:
            return await self._send(method, name, query, body, signed=signed)
        except VenueError as error:
            if error.code == "401":
                raise CredentialsError(VENUE, "the venue does not take them (status 401)") from None
            raise

    async def _send(self, method: str, name: str, query: str, body: bytes | None, *, signed: bool) -> Any:
        path = f"{PREFIX}/{name}"
        headers = {"Content-Type": "application/json"}
        if signed:
            host = urlsplit(self._hosts.rest).netloc
            headers["Authorization"] = f"Bearer {self.token(f'{method} {host}{path}')}"
        url = f"{self._hosts.rest}{path}" + (f"?{query}" if query else "")
        answer = await self._rest.ask(method, path, url, headers, body)
        request = f"{method} {path}"
        try:
            parsed = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            parsed = None
        if answer.status == 403:
            raise CredentialsError(VENUE, "they may not do this (status 403)")
        if answer.status >= 400:
            said = parsed.get("message") or parsed.get("error") if isinstance(parsed, dict) else None
            raise VenueError(VENUE, request, str(answer.status), str(said or "refused"))
        if parsed is None:
            raise NoAnswerError(VENUE, request, "what came is no JSON")
        return parsed
