"""The way in: the guard, behind it the views that are kept, and a way past both for what is known already."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

from starlette.types import Receive, Scope, Send

from tradecore.server.accounts import Role
from tradecore.server.answers import View, failed
from tradecore.server.guard import Guard, identity_of
from tradecore.server.kept import Kept
from tradecore.server.problems import Problem
from tradecore.server.way import RightOfWay

__all__ = ["Front", "Wire"]

_Headers = list[tuple[bytes, bytes]]


class Wire(NamedTuple):
    """An answer as bytes; headers of the moment, such as its date, go between."""

    head: bytes
    rest: bytes


class Front:
    """What a server asks, whichever way a request comes in.

    Parameters
    ----------
    guard : Guard
    kept : Kept
        What the guard lets pass on to.
    way : RightOfWay
        Of the session.
    """

    def __init__(self, guard: Guard, kept: Kept, way: RightOfWay) -> None:
        self._guard = guard
        self._kept = kept
        self.way = way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or have it answered."""
        self.way.give()
        await self._guard(scope, receive, send)

    def at_once(self, scope: Scope, path: bytes, query: bytes) -> Wire | None:
        """Return the answer to a plain read of a view that is known, or why there is none; None where neither is.

        Parameters
        ----------
        scope : dict
            Of the request, ASGI; its path and query may be missing.
        path, query : bytes
            As they were sent.
        """
        view = self._kept.known(path, query)
        if view is None:
            return None
        try:
            self._guard.check(scope)
        except Problem as problem:
            answer = failed(problem)
            return self._wire(answer.status_code, answer.raw_headers, bytes(answer.body))
        # What a view says to others is another one.
        return self._wire_of(view, scope) if identity_of(scope).role >= Role.READ else None

    def _wire_of(self, view: View, scope: Scope) -> Wire:
        is_held = view.is_held(scope)
        wire = view.wires.get(is_held)
        if wire is None:
            wire = view.wires[is_held] = self._wire(*view.told(is_held))
        return wire

    def _wire(self, status: int, headers: _Headers, body: bytes) -> Wire:
        every = self._guard.with_own(headers)
        lines = b"".join(b"%b: %b\r\n" % pair for pair in every)
        return Wire(b"HTTP/1.1 %d %b\r\n" % (status, HTTPStatus(status).phrase.encode()), b"%b\r\n%b" % (lines, body))
