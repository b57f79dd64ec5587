"""Views that a server keeps, and makes anew when the session stands otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tradecore.server.accounts import Identity, Role
from tradecore.server.answers import View, current, failed
from tradecore.server.kept import Kept
from tradecore.server.problems import Problem

pytestmark = pytest.mark.release

pytest.importorskip("fastapi")


class Session:
    """What a view is made of, and how often its application was asked."""

    def __init__(self) -> None:
        self.version = self.stands = self.asked = 0
        self.problem: Problem | None = None
        self.kept = Kept(self._application, lambda: self.version)

    def change(self, stands: int) -> None:
        self.stands = stands
        self.version += 1

    def show(self) -> int:
        if self.problem is not None:
            raise self.problem
        return self.stands

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        try:
            response = current(self.show)
        except Problem as problem:
            response = failed(problem)
        await response(scope, receive, send)

    async def get(self, query: bytes = b"") -> bytes:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "GET", "raw_path": b"/p", "query_string": query, "headers": [],
            "state": {"who": Identity(None, Role.READ)},
        }  # fmt: skip
        await self.kept(scope, lambda: None, send)  # type: ignore[arg-type,return-value]
        return bytes(sent[1]["body"])


def trying(work: Callable[[Session], Any]) -> None:
    asyncio.run(work(Session()))


def body(view: View | None) -> bytes | None:
    return None if view is None else bytes(view.body)


def test_a_view_is_asked_for_once_and_made_anew_for_every_change() -> None:
    async def work(session: Session) -> None:
        assert session.kept.known(b"/p", b"") is None
        first = await session.get()
        assert (await session.get(), session.asked) == (first, 1)
        session.change(2)
        assert b'"data":2' in await session.get()
        session.change(3)
        assert b'"data":3' in (body(session.kept.known(b"/p", b"")) or b"")
        assert session.asked == 1

    trying(work)


def test_a_view_that_is_nothing_any_more_is_asked_for_the_usual_way() -> None:
    async def work(session: Session) -> None:
        await session.get()
        session.problem = Problem(404, "gone", "it is gone")
        session.change(2)
        assert session.kept.known(b"/p", b"") is None
        assert b'"code":"gone"' in await session.get()
        assert session.asked == 2
        session.problem = None
        assert b'"data":2' in await session.get()
        assert session.asked == 3

    trying(work)


def test_what_nobody_asks_for_any_more_is_forgotten_and_what_is_large_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tradecore.server.kept._MOST", 2)

    async def work(session: Session) -> None:
        for query in (b"a", b"b", b"c"):
            await session.get(query)
        session.change(2)
        for query in (b"b", b"d"):
            await session.get(query)
        is_known = [session.kept.known(b"/p", query) is not None for query in (b"a", b"b", b"c", b"d")]
        assert is_known == [False, True, False, True]
        monkeypatch.setattr("tradecore.server.kept._MOST_BYTES", 10)
        await session.get(b"e")
        assert session.kept.known(b"/p", b"e") is None

    trying(work)
