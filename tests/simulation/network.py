"""An event loop whose time is made up and whose connections stay within it, so that hours pass in moments.

Nothing here knows what is said on a connection: servers and clients are the real ones, with every byte between them.
"""

from __future__ import annotations

import asyncio
import itertools
import traceback
from asyncio.base_events import BaseEventLoop
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from random import Random
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

__all__ = ["NODE", "LoopClock", "Node", "VirtualLoop", "run_virtually"]

_T = TypeVar("_T")
_START_NS = 1_700_000_000_000_000_000
_HIGH_WATER = 256 << 10


class Deadlock(Exception):
    """Nothing can happen any more, and somebody still waits."""


class Node:
    """A process that does not exist: what it starts dies with it, without a word."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dead = False
        self.tasks: WeakKeyDictionary[asyncio.Future[Any], None] = WeakKeyDictionary()
        self.links: list[_Pipe] = []

    def die(self) -> None:
        """End here and now: what was sent is on its way, nothing else leaves or is heard."""
        self.is_dead = True
        for link in self.links:
            link.abort()

    async def bury(self) -> None:
        """Clear away its tasks, which can do no harm any more."""
        while tasks := [task for task in self.tasks if not task.done()]:  # an end may begin something
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


NODE: ContextVar[Node | None] = ContextVar("node", default=None)
"""Whose code runs."""


class LoopClock:
    """A clock that goes with the running loop; of a node that is dead nothing is called any more."""

    def __init__(self, loop: VirtualLoop, node: Node | None = None) -> None:
        self._loop = loop
        self._node = node

    def now_ns(self) -> int:
        """Return the time, ns UTC."""
        return _START_NS + round(self._loop.time() * 1e9)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Have something called after a while."""

        def call() -> None:
            if self._node is None or not self._node.is_dead:
                callback()

        return self._loop.call_later(seconds, call)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class _Pipe(asyncio.Transport):
    """One end of a connection: what is written arrives at the other end after a while, in order."""

    def __init__(self, loop: VirtualLoop, port: int, latency_s: Callable[[], float]) -> None:
        super().__init__()
        self._loop = loop
        self._port = port
        self._latency_s = latency_s
        self._protocol: asyncio.Protocol | None = None
        self._way: deque[tuple[float, bytes | None]] = deque()
        """What is on its way to the other end, and when it is there; None for the end."""
        self._is_moving = False
        self._waiting: list[bytes] = []
        self._is_paused = False
        self._is_full = False
        """Whether its protocol was told to write no more."""
        self._is_closing = False
        self._is_lost = False
        self.peer: _Pipe

    def begin(self, protocol: asyncio.BaseProtocol) -> None:
        self.set_protocol(protocol)
        protocol.connection_made(self)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self._protocol is not None
        return self._protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", self._port) if name in ("peername", "sockname") else default

    def is_closing(self) -> bool:
        return self._is_closing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if data and not self._is_closing:
            self._move(bytes(data))

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return sum(map(len, self.peer._waiting))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """There is one limit for all."""

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        self._is_paused = False
        self._loop.call_soon(self._drain)

    def is_reading(self) -> bool:
        return not self._is_paused

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._move(None)
            self._loop.call_soon(self._lose, None)

    def abort(self) -> None:
        if not self._is_lost:
            self._is_closing = True
            self._move(None)
            self._loop.call_soon(self._lose, ConnectionAbortedError())

    def _move(self, data: bytes | None) -> None:
        at = self._loop.time() + self._latency_s()
        self._way.append((max(at, self._way[-1][0]) if self._way else at, data))
        if not self._is_moving:
            self._is_moving = True
            self._loop.call_at(self._way[0][0], self._arrive)

    def _arrive(self) -> None:
        while self._way and self._way[0][0] <= self._loop.time() + 1e-9:
            data = self._way.popleft()[1]
            if data is None:
                self.peer._is_closing = True
                self.peer._lose(None)
            else:
                self.peer._take(data)
        self._is_moving = bool(self._way)
        if self._is_moving:
            self._loop.call_at(self._way[0][0], self._arrive)

    def _take(self, data: bytes) -> None:
        if self._is_lost:
            return
        if self._is_paused:
            self._waiting.append(data)
            if self.peer.get_write_buffer_size() > _HIGH_WATER and not (self.peer._is_lost or self.peer._is_full):
                self.peer._is_full = True
                self.peer.get_protocol().pause_writing()
            return
        assert self._protocol is not None
        self._protocol.data_received(data)

    def _drain(self) -> None:
        while self._waiting and not self._is_paused:
            self._take(self._waiting.pop(0))
        if not self._waiting and self.peer._is_full and not self.peer._is_lost:
            self.peer._is_full = False
            self.peer.get_protocol().resume_writing()

    def _lose(self, error: Exception | None) -> None:
        if not self._is_lost:
            self._is_lost = True
            self._loop.open_pipes -= 1
            self.get_protocol().connection_lost(error)


class _Socket:
    def __init__(self, port: int) -> None:
        self._port = port

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", self._port


class _Server(asyncio.AbstractServer):
    def __init__(self, loop: VirtualLoop, port: int) -> None:
        self._loop = loop
        self._port = port
        self.sockets = (_Socket(port),)

    def close(self) -> None:
        self._loop.listening.pop(self._port, None)

    def is_serving(self) -> bool:
        return self._port in self._loop.listening

    async def wait_closed(self) -> None:
        """It is closed at once."""


class _NoSelector:
    """In place of waiting for sockets, the time moves on."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Deadlock("nobody will ever be woken")
        self._loop.now += max(timeout, 0.0)
        return []

    def close(self) -> None:
        """There is nothing to close."""


class VirtualLoop(BaseEventLoop):
    """An event loop of its own time and network.

    Parameters
    ----------
    seed : int
        Of how long bytes travel.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.now = 0.0
        self.listening: dict[int, Callable[[], asyncio.BaseProtocol]] = {}
        self.open_pipes = 0
        self.latency_s: tuple[float, float] = (0.0005, 0.003)
        self.back_s: tuple[float, float] | None = None
        """Of the way from a server, where that is another than the way to it."""
        self._ports = itertools.count(20_001)
        self._random = Random(seed)
        self._selector = _NoSelector(self)
        self.set_task_factory(self._make_task)

    @staticmethod
    def _make_task(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
        if (node := NODE.get()) is not None:
            node.tasks[task] = None
        return task

    def time(self) -> float:
        return self.now

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """It does not wait in a way that it could be woken from."""

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:
        port = port or next(self._ports)
        self.listening[port] = protocol_factory
        return _Server(self, port)

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:
        node = NODE.get()
        await asyncio.sleep(self._latency())
        factory = self.listening.get(int(port))
        if factory is None or (node is not None and node.is_dead):
            raise ConnectionRefusedError(111, "Connection refused")
        ours, theirs = _Pipe(self, next(self._ports), self._latency), _Pipe(self, int(port), self._back)
        ours.peer, theirs.peer = theirs, ours
        self.open_pipes += 2
        if node is not None:
            node.links = [link for link in node.links if not link._is_lost] + [ours]
        theirs.begin(factory())
        protocol = protocol_factory()
        ours.begin(protocol)
        return ours, protocol

    async def create_unix_connection(self, protocol_factory: Any, path: Any = None, **_: Any) -> Any:
        return await self.create_connection(protocol_factory, port=path)

    def _latency(self) -> float:
        return self._random.uniform(*self.latency_s)

    def _back(self) -> float:
        return self._random.uniform(*(self.back_s or self.latency_s))


def _is_of_a_lost_one(error: object) -> bool:
    """Return whether aiohttp began to read a request whose connection was lost in that very turn, which it fails by."""
    if not isinstance(error, TypeError) or error.__traceback__ is None:
        return False
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return frame.filename.endswith("web_protocol.py") and "_request_factory" in (frame.line or "")


def run_virtually(
    work: Callable[[VirtualLoop], Coroutine[Any, Any, _T]],
    seed: int,
    *,
    is_killed: Callable[[object], bool] = lambda _: False,
) -> _T:
    """Run something on a loop of its own, and return what comes of it; ``is_killed`` tells what a death looks like.

    What nobody handles is an error here: an exception in a task or callback, and a task that is left.
    """
    loop = VirtualLoop(seed)
    failures: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: failures.append(context))
    try:
        result = loop.run_until_complete(work(loop))
        loop.run_until_complete(asyncio.sleep(5.0))
        if left := [task for task in asyncio.all_tasks(loop) if not task.done()]:
            raise AssertionError(f"tasks are left: {left}")
        if loop.open_pipes:
            raise AssertionError(f"{loop.open_pipes} ends of connections are left open")
    finally:
        loop.close()
    failures = [
        context
        for context in failures
        if not (is_killed(error := context.get("exception")) or _is_of_a_lost_one(error))
    ]
    if failures:
        error = failures[0].get("exception")
        raise AssertionError(f"nobody handled: {failures[0]['message']}") from error
    return result
