"""Coinbase's requests: a token for each, its limits kept, its errors told apart."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from random import Random
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from tradecore.errors import CredentialsError, NoAnswerError, VenueError
from tradecore.venues.api import VenueApi
from tradecore.venues.clock import Clock
from tradecore.venues.coinbase.market import LIMITS, PREFIX, VENUE, Hosts
from tradecore.venues.signing import Credentials, JwtSigner
from tradecore.venues.transport import Transport

__all__ = ["CoinbaseApi"]

_TOKEN_S = 10
"""How long a token is good for, of the two minutes there may be: so long a request may still come to be carried out."""


class CoinbaseApi(VenueApi):
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

    good_for_s = _TOKEN_S + 1.0
    _wrong_time = "401"  # which may be for another reason

    def __init__(
        self,
        hosts: Hosts,
        *,
        credentials: Credentials | None,
        transport: Transport,
        clock: Clock,
        random: Random,
    ) -> None:
        super().__init__(VENUE, hosts.rest, LIMITS, transport=transport, clock=clock, random=random)
        self._host = urlsplit(hosts.rest).netloc
        self._books = hosts.books
        self._signer: JwtSigner | None = None
        if credentials is not None:
            self._signer = JwtSigner(VENUE, credentials, issuer="cdp", lifetime_s=_TOKEN_S)

    async def measure_clock(self) -> None:
        """Ask the venue for its time, and count the answer in."""
        await self._turn(f"GET {PREFIX}/time", {"public": 1}, is_read=True)
        sent_ns = self._clock.now_ns()
        answer = await self._send("GET", "time", "", None, signed=False)
        self.offset.measured(sent_ns, int(answer["epochMillis"]) * 1_000_000, self._clock.now_ns())

    async def read(self, name: str, params: Mapping[str, str] | None = None, *, signed: bool = True) -> Any:
        """Ask for something that changes nothing, again where no answer came; ``name`` is the end of its path."""

        async def attempt() -> Any:
            await self._turn(f"GET {PREFIX}/{name}", {"private" if signed else "public": 1}, is_read=True)
            query = urlencode(params or {})
            if signed:
                return await self._send_signed("GET", name, query, None)
            return await self._send("GET", name, query, None, signed=False)

        return await self.again(attempt)

    def pages(self, name: str, rows: str, params: Mapping[str, str]) -> AsyncIterator[Any]:
        """Yield the rows of all pages of a list."""
        return self._pages(lambda further: self.read(name, {**params, **further}), rows, "cursor")

    async def orders_of(self, product: str) -> bytes:
        """Return every order of a product's book, as Coinbase Exchange has them."""
        path = f"/products/{product}/book"

        async def attempt() -> bytes:
            await self._turn(f"GET {path}", {"books": 1}, is_read=True)
            answer = await self._ask("GET", path, "level=3", {}, url=self._books)
            if answer.status >= 400:
                raise VenueError(VENUE, f"GET {path}", str(answer.status), "refused")
            return answer.body

        return await self.again(attempt)

    async def write(self, name: str, body: Mapping[str, Any], *, urgent: bool = False) -> Any:
        """Carry out something once.

        Raises
        ------
        VenueError
            When it was not carried out.
        NoAnswerError
            When nobody knows.
        """
        await self._turn(f"POST {PREFIX}/{name}", {"private": 1}, urgent=urgent)
        return await self._send_signed("POST", name, "", orjson.dumps(body))

    async def check_key(self) -> None:
        """Ask what the key may do, of which no more is wanted than that it is taken.

        Raises
        ------
        CredentialsError
            Where it is not.
        VenueError, NoAnswerError
            When that cannot be said.
        """
        await self.read("key_permissions")

    def token(self, uri: str | None = None) -> str:
        """Return a new token, for one request or, without ``uri``, a message on a WebSocket."""
        now_s = self.now_ms() // 1_000
        return self._needed(self._signer).token(now_s, f"{self._random.getrandbits(64):016x}", uri)

    async def _send_signed(self, method: str, name: str, query: str, body: bytes | None) -> Any:
        try:
            return await self._in_time(lambda: self._send(method, name, query, body, signed=True))
        except VenueError as error:
            if error.code != self._wrong_time:
                raise
        raise CredentialsError(VENUE, "the venue does not take them (status 401)")

    async def _send(self, method: str, name: str, query: str, body: bytes | None, *, signed: bool) -> Any:
        path = f"{PREFIX}/{name}"
        headers = {"Content-Type": "application/json"}
        if signed:
            headers["Authorization"] = f"Bearer {self.token(f'{method} {self._host}{path}')}"
        answer = await self._ask(method, path, query, headers, body)
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
