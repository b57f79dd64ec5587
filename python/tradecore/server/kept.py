"""Answers of views, kept as they were sent until something changes, and made anew when they are asked for again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeAlias

from starlette.types import ASGIApp, Receive, Scope, Send

from tradecore.errors import TradecoreError
from tradecore.server.accounts import Role
from tradecore.server.answers import View, failed
from tradecore.server.guard import identity_of
from tradecore.server.problems import Busy, Problem
from tradecore.server.turns import Turns

__all__ = ["Kept"]

_MOST = 256
"""Answers that are kept at a time; others are made anew for whoever asks."""
_MOST_BYTES = 1 << 18
"""What is larger is not kept."""

_Key: TypeAlias = tuple[bytes, bytes, bool]
"""Path, query, and whether who asks may read."""


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
        self._turns = Turns()
        self._views: OrderedDict[_Key, tuple[int, View]] = OrderedDict()
        """Those that were made last, each with the number of when it was, the newest at the end."""

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
        kept = self._current(key)
        if kept is not None:
            await kept(scope, receive, send)
            return
        version = self._version()
        await self._app(scope, receive, send)
        made: View | None = scope["state"].get("view")
        if made is not None and self._version() == version:
            self._keep(key, version, made)

    def known(self, path: bytes, query: bytes) -> View | None:
        """Return a view that a reader may have at once; None where there is none or others are to go first."""
        view = self._current((path, query, True))
        return view if view is not None and self._turns.take_quick() else None

    def _current(self, key: _Key) -> View | None:
        """Return a view of how the session stands now; None for one that nobody has asked for lately."""
        if (found := self._views.get(key)) is None:
            return None
        (made_of, view), version = found, self._version()
        if made_of == version:
            return view
        del self._views[key]
        try:
            view = view.made_anew()
        except (Problem, TradecoreError):
            return None  # it is asked for the usual way, and answered why there is none
        self._keep(key, version, view)
        return view

    def _keep(self, key: _Key, version: int, view: View) -> None:
        if len(view.body) > _MOST_BYTES:
            return
        self._views[key] = version, view
        self._views.move_to_end(key)
        if len(self._views) > _MOST:
            self._views.popitem(last=False)
