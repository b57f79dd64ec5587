"""Answers of the server: one envelope, whatever is in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tradecore.server.problems import Problem

__all__ = ["View", "current", "encode", "failed", "ok"]


def ok(data: Any, status: int = 200) -> Response:
    """Return an answer with what was asked for."""
    return _answer(status, _told(data))


def current(make: Callable[[], Any]) -> Response:
    """Return an answer with a view: what follows from how the session stands, whoever asks. It is made once.

    Parameters
    ----------
    make : callable
        Returns what is asked for. It is called again once the session stands otherwise.
    """
    return View(make)


class View(Response):
    """Bytes with a tag of theirs, which are not sent to who has them.

    Attributes
    ----------
    wires : dict
        For whoever sends it as it is: by whether who asks has it.
    """

    media_type = "application/json"

    def __init__(self, make: Callable[[], Any]) -> None:
        body = encode(_told(make()))
        tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
        # No cache has to forget it, and none may use it without asking.
        super().__init__(body, headers={"Cache-Control": "no-cache", "ETag": tag, "Vary": "Authorization, Cookie"})
        self._make = make
        self._tag = tag.encode()
        self.wires: dict[bool, Any] = {}

    def made_anew(self) -> View:
        """Return what it is by now.

        Raises
        ------
        Problem
            Where it is nothing any more.
        """
        return View(self._make)

    def is_held(self, scope: Scope) -> bool:
        """Return whether who sends a request has it already."""
        return any(name == b"if-none-match" and self._tag in value for name, value in scope["headers"])

    def told(self, is_held: bool) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Return its status, headers and body."""
        if not is_held:
            return self.status_code, self.raw_headers, bytes(self.body)
        return 304, [pair for pair in self.raw_headers if not pair[0].startswith(b"content-")], b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, and say in the request's state that it may be kept."""
        scope["state"]["view"] = self
        status, headers, body = self.told(self.is_held(scope))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def failed(problem: Problem) -> Response:
    """Return an answer that says what is wrong."""
    body = {
        "success": False,
        "data": None,
        "error": problem.text,
        "code": problem.code,
        "field": problem.field,
    }
    response = _answer(problem.status, body)
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if problem.status in (429, 503):
        response.headers["Retry-After"] = "1"
    return response


def encode(value: Any) -> bytes:
    """Return a value as JSON; text that is no Unicode is shown as far as it is."""
    try:
        return orjson.dumps(value, _other, orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:
        return orjson.dumps(_readable(value), _other, orjson.OPT_NON_STR_KEYS)


def _told(data: Any) -> dict[str, Any]:
    return {"success": True, "data": data, "error": None}


def _answer(status: int, body: Any) -> Response:
    return Response(encode(body), status, media_type="application/json", headers={"Cache-Control": "no-store"})


def _other(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, deque):
        return list(value)
    return str(value)


def _readable(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case dict():
            return {_readable(key): _readable(each) for key, each in value.items()}
        case list() | tuple() | deque():
            return [_readable(each) for each in value]
        case int() if not -(2**63) <= value < 2**64:
            return str(value)
        case _:
            return value
