"""Small venues on this machine, as far as connectors' tests need them: what they have in common."""

from __future__ import annotations

import asyncio
import heapq
import time
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Self

from aiohttp import web

from tradecore.venues.clock import Clock, Timer, VirtualClock

SECRET = "sEcReT-of-the-tests-0123456789abcdef"
KEY = "kEy-of-the-tests"


_TURN_S = 0.002
_COUNTS_NS = 4_000_000
"""At most so much of the machine's time counts between two looks at it."""


class FastClock(VirtualClock):
    """Runs some times as fast as the machine's clock, as long as the event loop keeps up.

    Where the machine has other work to do, answers come late by its own clock and not by this one. To be made in a
    running event loop.
    """

    def __init__(self, factor: float) -> None:
        super().__init__(time.time_ns())
        self.factor = factor
        self.began_ns = self._now_ns
        self._looked_ns = time.monotonic_ns()
        self._loop = asyncio.get_running_loop()
        self._loop.call_later(_TURN_S, self._look)

    def now_ns(self) -> int:
        return self._now_ns + int(min(time.monotonic_ns() - self._looked_ns, _COUNTS_NS) * self.factor)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        return super().call_later((self.now_ns() - self._now_ns) / 1e9 + seconds, callback)

    def _look(self) -> None:
        self._now_ns, self._looked_ns = self.now_ns(), time.monotonic_ns()
        while self._calls and self._calls[0][0] <= self._now_ns:
            *_, call = heapq.heappop(self._calls)
            if call.callback is not None:
                call.callback()
        self._loop.call_later(_TURN_S, self._look)


class Fault(Exception):
    """What a server answers with in place of a result."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status, self.body, self.headers = status, body, headers or {}


class Swallow(Exception):
    """No answer at all."""


class VenueServer(ABC):
    """A venue. ``faults[name]`` holds what the next requests of a name meet, one each.

    A fault is ``swallow`` (carried out, and the connection dies in place of an answer), ``lose`` (dies before), a
    Fault, or None for nothing.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.faults: defaultdict[str, deque[Any]] = defaultdict(deque)
        self.seen: list[tuple[str, Any]] = []
        self.sockets: dict[web.WebSocketResponse, Any] = {}
        """Those of market data, with what is subscribed to on them."""
        self.users: Any = set()
        """Those of an account."""
        self.orders: dict[str, dict[str, Any]] = {}
        self.numbers = iter(range(1, 1_000_000))
        self.clock_ahead_ms = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def now_ms(self) -> int:
        return self.clock.now_ns() // 1_000_000 + self.clock_ahead_ms

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        app = web.Application()
        self._route(app.router)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            for socket in [*self.sockets, *self.users]:
                await socket.close()
            await runner.cleanup()

    @abstractmethod
    def _route(self, router: web.UrlDispatcher) -> None:
        """Add what the venue has."""

    @abstractmethod
    def _asked(self, request: web.Request, body: str) -> dict[str, Any]:
        """Return what a request asks for, when its signature is right."""

    @abstractmethod
    def _answer(self, result: Any) -> web.Response:
        """Return an answer with a result."""

    def _rest(self, name: str, handler: Callable[[dict[str, Any]], Any]) -> Any:
        async def answer(request: web.Request) -> web.StreamResponse:
            body = (await request.read()).decode()
            try:
                return self._answer(self._carry_out(name, self._asked(request, body), handler))
            except Fault as fault:
                return web.json_response(fault.body, status=fault.status, headers=fault.headers)
            except Swallow:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()

        return answer

    def _carry_out(self, name: str, asked: dict[str, Any], handler: Callable[[dict[str, Any]], Any]) -> Any:
        self.seen.append((name, asked))
        fault = self.faults[name].popleft() if self.faults[name] else None
        if isinstance(fault, Fault):
            raise fault
        if fault == "lose":
            raise Swallow
        result = handler(asked)
        if fault == "swallow":
            raise Swallow
        return result

    def _send(self, sockets: Iterable[web.WebSocketResponse], text: str) -> None:
        for socket in list(sockets):
            if not socket.closed:
                self._sending = asyncio.ensure_future(socket.send_str(text))

    async def drop(self) -> None:
        """Break every connection for market data."""
        for socket in list(self.sockets):
            await socket.close(code=1012, message=b"restart")
