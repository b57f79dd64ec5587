"""What stands before every request: who sends it, how many, how large, from which page; and headers of every answer."""

from __future__ import annotations

import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradecore.config.server import is_loopback
from tradecore.errors import StoreError
from tradecore.server.accounts import Accounts, Identity, Role
from tradecore.server.answers import failed
from tradecore.server.problems import Problem, problem_of

__all__ = ["COOKIE", "Guard", "Logins", "identity_of"]

COOKIE = "tradecore_session"
_LIVES_S = 12 * 3600.0
"""A login ends after so long."""
_CHECKED_S = 5.0
"""It is asked so often whether its user is still there."""
_MOST_LOGINS = 1_000
_MOST_PEERS = 10_000
_MOST_BYTES = 1 << 20
_PORT = re.compile(r":\d+$")
"""The port at the end of a host."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "worker-src 'self' blob:; frame-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
    "object-src 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Content-Security-Policy": POLICY,
}
_ONLY_TLS = {"Strict-Transport-Security": "max-age=31536000"}
_NOBODY = Identity(None, Role.NONE)

_Headers = Mapping[bytes, str]
"""Of a request, by name in small letters."""


class _Login:
    def __init__(self, who: Identity) -> None:
        self.who = who
        self.csrf = secrets.token_urlsafe(24)
        self.ends = time.monotonic() + _LIVES_S
        self.checked = time.monotonic()


class Logins:
    """Who has logged in with a browser, in memory: a restart logs everybody out."""

    def __init__(self) -> None:
        self._logins: OrderedDict[str, _Login] = OrderedDict()

    def open(self, who: Identity) -> tuple[str, str]:
        """Log somebody in; return the value of the cookie, and what requests that change something carry besides."""
        key, login = secrets.token_urlsafe(32), _Login(who)
        self._logins[key] = login
        if len(self._logins) > _MOST_LOGINS:
            self._logins.popitem(last=False)
        return key, login.csrf

    def close(self, key: str) -> None:
        """Log somebody out."""
        self._logins.pop(key, None)

    def find(self, key: str, accounts: Accounts) -> _Login | None:
        """Return a login that holds."""
        login = self._logins.get(key)
        now = time.monotonic()
        if login is not None and now - login.checked > _CHECKED_S:
            login.checked = now
            if not accounts.is_there(login.who):
                login.ends = now
        if login is None or login.ends > now:
            return login
        self.close(key)
        return None


def identity_of(scope: Scope) -> Identity:
    """Return who sends a request, as :class:`Guard` found it."""
    who: Identity = scope["state"].get("who", _NOBODY)
    return who


class Guard:
    """Goes before the application.

    Parameters
    ----------
    app : ASGI application
    accounts : Accounts
    logins : Logins
    open_reads : bool
        Whether who sends no token may read.
    rate : float
        Requests a second of one address; twice as many at once.
    has_tls : bool
    now : callable
        Seconds, for tests.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        accounts: Accounts,
        logins: Logins,
        open_reads: bool,
        rate: float,
        has_tls: bool,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._accounts = accounts
        self._logins = logins
        self._least = Role.READ if open_reads else Role.NONE
        self._rate = rate
        always = {**_HEADERS, **_ONLY_TLS} if has_tls else _HEADERS
        self._always = [(name.lower().encode(), value.encode()) for name, value in always.items()]
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or have it answered."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        answer = self._with_headers(send)
        try:
            # A request that was let pass where it was read is not counted again.
            if "who" not in scope["state"]:
                self.check(scope)
            if scope["type"] == "http" and scope["method"] != "GET":
                receive = _limited(_headers_of(scope), receive)
        except Problem as problem:
            if scope["type"] == "websocket":
                scope["state"]["problem"] = problem
                await self._app(scope, receive, send)
                return
            await failed(problem)(scope, receive, answer)
            return
        await self._app(scope, receive, answer)

    def check(self, scope: Scope) -> None:
        """Refuse a request, or write into its state who sends it; nothing else of a read is looked at.

        Raises
        ------
        Problem
        """
        headers = _headers_of(scope)
        self._check_rate(scope)
        self._check_host(scope, headers)
        try:
            self._identify(scope, headers)
        except StoreError as error:
            raise problem_of(error) from None

    def with_own(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return headers of an answer, with those that every answer has."""
        given = {name for name, _ in headers}
        return [*headers, *(pair for pair in self._always if pair[0] not in given)]

    def _check_rate(self, scope: Scope) -> None:
        peer = (scope.get("client") or ("", 0))[0]
        now, most = self._now(), 2 * self._rate
        left, since = self._buckets.pop(peer, (most, now))
        left = min(most, left + (now - since) * self._rate)
        self._buckets[peer] = (max(left - 1, 0.0), now)
        if len(self._buckets) > _MOST_PEERS:
            self._buckets.popitem(last=False)
        if left < 1:
            raise Problem(429, "too_many_requests", f"more than {self._rate:g} requests a second")

    def _check_host(self, scope: Scope, headers: _Headers) -> None:
        """Refuse pages of others: what they send carries their origin, or the name they gave this address."""
        host = headers.get(b"host", "")
        # A name that a page has made point here would read what needs no token.
        if self._least is not Role.NONE and not _is_own(host):
            raise Problem(403, "host", "read at this machine's own address, or with open_reads = false")
        origin = headers.get(b"origin")
        if origin is None or _only_reads(scope):
            return
        if origin.partition("://")[2] != host:
            raise Problem(403, "origin", "a page of another origin may not do this")

    def _identify(self, scope: Scope, headers: _Headers) -> None:
        scheme, _, token = headers.get(b"authorization", "").partition(" ")
        state = scope["state"]
        if scheme:
            who = self._accounts.of_token(token.strip()) if scheme.lower() == "bearer" else None
            if who is None:
                raise Problem(401, "unauthorized", "no such token")
            state["who"] = who
            return
        state["who"] = Identity(None, self._least)
        key = _cookie(headers)
        login = None if key is None else self._logins.find(key, self._accounts)
        if login is None:
            return
        state.update(who=login.who, csrf=login.csrf, login=key)
        if scope["type"] == "http" and not _only_reads(scope) and scope["path"] != "/api/v1/login":
            given = headers.get(b"x-csrf-token", "")
            if not secrets.compare_digest(given.encode(), login.csrf.encode()):
                raise Problem(403, "csrf", "X-CSRF-Token is not that of the login")

    def _with_headers(self, send: Send) -> Send:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self.with_own(message["headers"])
            await send(message)

        return answer


def _headers_of(scope: Scope) -> _Headers:
    # Of a header that is there twice the first.
    return {name: value.decode("latin-1") for name, value in reversed(scope["headers"])}


def _only_reads(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] in _SAFE


@lru_cache(256)
def _is_own(host: str) -> bool:
    """Return whether a request names this machine's own address."""
    return is_loopback(_PORT.sub("", host).strip("[]"))


def _cookie(headers: _Headers) -> str | None:
    for part in headers.get(b"cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return None


def _limited(headers: _Headers, receive: Receive) -> Receive:
    """Refuse bodies that are too large, as soon as that is known."""
    problem = Problem(413, "too_large", f"a body of more than {_MOST_BYTES} bytes")
    length = headers.get(b"content-length", "0")
    if not length.isdecimal() or int(length) > _MOST_BYTES:
        raise problem
    seen = 0

    async def limited() -> Any:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > _MOST_BYTES:
            raise problem
        return message

    return limited
