"""Answers of views, kept as they were sent until something changes."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from tradecore.server.accounts import Role
from tradecore.server.answers import View, failed
from tradecore.server.guard import identity_of
from tradecore.server.problems import Busy
from tradecore.server.turns import Turns

__all__ = ["Kept"]

_MOST = 256
"""Answers that are kept at a time; others are made anew for whoever asks."""
_MOST_BYTES = 1 << 18
"""What is larger is not kept."""


class Kept:
    """Stands between the guard and the application: reads wait their turn, and a view is made once for all who ask.

    Parameters
    ----------
    app : ASGI application
    version : callable
        Returns a number that is another one once a view may be.
    """

    def __init__(self, app: ASGIApp, version: Callable[[], int]) -> None:
        self._app = app
        self._version = version
        self._of = version()
        self._turns = Turns()
        self._answers: dict[tuple[bytes, bytes, bool], View] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or have it answered."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        try:
            await self._turns.take()
        except Busy as problem:
            await failed(problem)(scope, receive, send)
            return
        # What a view says depends on who asks in this alone.
        is_reader = identity_of(scope).role >= Role.READ
        key = (scope["raw_path"], scope["query_string"], is_reader)
        kept = self._views().get(key)
        if kept is not None:
            await kept(scope, receive, send)
            return
        version = self._of
        await self._app(scope, receive, send)
        made: View | None = scope["state"].get("view")
        is_current = self._version() == version
        if made is not None and is_current and len(self._answers) < _MOST and len(made.body) <= _MOST_BYTES:
            self._answers[key] = made

    def known(self, path: bytes, query: bytes) -> View | None:
        """Return a view that a reader may have at once; None where there is none or others are to go first."""
        view = self._views().get((path, query, True))
        return view if view is not None and self._turns.take_quick() else None

    def _views(self) -> dict[tuple[bytes, bytes, bool], View]:
        """Return what is kept of how the session stands now."""
        version = self._version()
        if version != self._of:
            self._answers.clear()
            self._of = version
        return self._answers
