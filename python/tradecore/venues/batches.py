"""Requests that are made in one call and go to a venue as one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from tradecore.venues.tasks import begin

__all__ = ["Batches"]

_Waiting: TypeAlias = list[tuple[Any, asyncio.Future[Any]]]


class Batches:
    """Gathers requests of a kind while a block runs, and sends them when it ends. Without a block each goes alone.

    Parameters
    ----------
    send : callable
        Sends requests of a kind, one or several, and returns the outcome of each, in their order: a result, or the
        error it failed by. What it raises is the outcome of them all.
    """

    __slots__ = ("_gathered", "_send", "_sending")

    def __init__(self, send: Callable[[Any, Sequence[Any]], Awaitable[Sequence[Any]]]) -> None:
        self._send = send
        self._gathered: dict[Hashable, tuple[int, _Waiting]] | None = None
        self._sending: set[asyncio.Task[None]] = set()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Have what is asked for in a block go out when it ends, as far as it gets there without waiting."""
        self._gathered = {}
        try:
            yield
        finally:
            gathered, self._gathered = self._gathered, None
            for kind, (most, waiting) in gathered.items():
                for start in range(0, len(waiting), most):
                    self._begin(kind, waiting[start : start + most])

    async def ask(self, kind: Hashable, request: Any, *, most: int) -> Any:
        """Send a request, with others of its kind in a block, and return its result, or raise what it failed by.

        ``most`` is how many of a kind the venue takes at once.
        """
        if self._gathered is None:
            (outcome,) = await self._send(kind, [request])
        else:
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            self._gathered.setdefault(kind, (most, []))[1].append((request, future))
            outcome = await future
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _begin(self, kind: Hashable, waiting: _Waiting) -> None:
        if (task := begin(self._carry(kind, waiting))) is not None:
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _carry(self, kind: Hashable, waiting: _Waiting) -> None:
        try:
            outcomes: Sequence[Any] = await self._send(kind, [request for request, _ in waiting])
        except asyncio.CancelledError:
            for _, future in waiting:
                future.cancel()
            raise
        except Exception as error:
            outcomes = [error] * len(waiting)
        for (_, future), outcome in zip(waiting, outcomes, strict=True):
            if not future.done():  # whoever asked may have given up
                future.set_result(outcome)
