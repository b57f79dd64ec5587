"""A WebSocket of a local venue: what is sent on it, in order, through the script of faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import ClientConnectionResetError, WSMsgType, web

from tradecore.sandbox.faults import Faults
from tradecore.venues.clock import Clock, Timer

__all__ = ["Link"]

_MOST = 20_000
"""So many messages wait for a client; one that falls further behind is cut off, as a venue would."""
_FRAMES = 3
"""So many frames a message is split into."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A message on its way out, and whether it goes in several frames."""

    text: bytes
    is_split: bool


def _frames(text: bytes) -> Iterator[bytes]:
    """Return a message of text in several frames, unmasked, as servers send them (RFC 6455, section 5.4)."""
    length = -(-len(text) // _FRAMES)
    for start in range(0, len(text), length):
        part = text[start : start + length]
        head = bytes([(0x80 if start + length >= len(text) else 0) | (0x1 if start == 0 else 0x0)])
        size = len(part)
        if size < 126:
            head += bytes([size])
        elif size < 1 << 16:
            head += b"\x7e" + size.to_bytes(2)
        else:
            head += b"\x7f" + size.to_bytes(8)
        yield head + part


class Link:
    """One connection.

    Parameters
    ----------
    socket : WebSocketResponse
        Prepared, with pings left to us.
    transport : asyncio.WriteTransport or None
        What it lies on.
    faults : Faults
    clock : Clock
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.WriteTransport | None,
        faults: Faults,
        clock: Clock,
    ) -> None:
        self.socket = socket
        self._transport = transport
        self._faults = faults
        self._clock = clock
        self._queue: asyncio.Queue[_Sent] = asyncio.Queue(_MOST)
        self._held: _Sent | None = None
        self._later: dict[Callable[[], None], Timer] = {}
        """What is still to be sent, by what sends it: timers of one moment have one hash."""
        self.is_half_open = False
        self.is_cut = False

    def _now_s(self) -> float:
        return self._clock.now_ns() / 1e9

    def push(self, stream: str, message: Any, *, late_s: float = 0.0) -> None:
        """Send a message of a stream, as the script has it, so many seconds late."""
        text = orjson.dumps(message)
        copies, is_split = 1, False
        for fault in self._faults.of_message(stream, self._now_s()):
            match fault.kind:
                case "drop":
                    return
                case "duplicate":
                    copies = 2
                case "corrupt":
                    text = text[: len(text) // 2]
                case "split":
                    is_split = True
                case "half_open":
                    self.is_half_open = True
                case "disconnect":
                    self.cut()
                    return
                case "delay":
                    late_s += fault.delay_ms / 1000
                case _ if self._held is None:
                    self._held = _Sent(text, is_split)
                    return
        sent = _Sent(text, is_split)
        if late_s:
            self._push_later(sent, late_s)
            return
        for _ in range(copies):
            self._put(sent)
        if self._held is not None:
            held, self._held = self._held, None
            self._put(held)

    def _push_later(self, sent: _Sent, seconds: float) -> None:
        def arrive() -> None:
            del self._later[arrive]
            self._put(sent)

        self._later[arrive] = self._clock.call_later(seconds, arrive)

    def _put(self, sent: _Sent) -> None:
        if self.is_half_open or self.is_cut:
            return
        try:
            self._queue.put_nowait(sent)
        except asyncio.QueueFull:
            self.cut()

    def cut(self) -> None:
        """End the connection without a word."""
        self.is_cut = True
        if self._transport is not None:
            self._transport.abort()

    async def serve(self, on_text: Callable[[str], None], *, ping_s: float, most_per_s: int | None) -> None:
        """Send what is pushed and take what comes, until either side ends it."""
        writer = asyncio.create_task(self._write())
        pinger = asyncio.create_task(self._ping(ping_s))
        second, came = -1, 0
        try:
            async for message in self.socket:
                if self.is_half_open:
                    continue
                now = int(self._now_s())
                second, came = now, 1 + (came if now == second else 0)
                if most_per_s is not None and came > most_per_s:
                    await self.socket.close(code=1008, message=b"Too many requests")
                    break
                if message.type is WSMsgType.PING:
                    await self.socket.pong(message.data)
                elif message.type is WSMsgType.TEXT:
                    on_text(message.data)
        finally:
            for handle in self._later.values():
                handle.cancel()
            for task in (writer, pinger):
                task.cancel()
            await asyncio.gather(writer, pinger, return_exceptions=True)

    async def _write(self) -> None:
        with suppress(ClientConnectionResetError, ConnectionError):
            while True:
                sent = await self._queue.get()
                if sent.is_split and self._transport is not None:
                    await self._send_split(sent.text)
                else:
                    await self.socket.send_str(sent.text.decode())

    async def _send_split(self, text: bytes) -> None:
        """Send a message in several frames, between which pings may go."""
        assert self._transport is not None
        for frame in _frames(text):
            if self._transport.is_closing():
                return
            self._transport.write(frame)
            await asyncio.sleep(0)

    async def _ping(self, seconds: float) -> None:
        with suppress(ClientConnectionResetError, ConnectionError):
            while True:
                await self._clock.sleep(seconds)
                if not self.is_half_open:
                    await self.socket.ping(str(int(self._now_s() * 1000)).encode())

    async def close(self) -> None:
        """End the connection as it should be."""
        if self.is_cut:
            return
        with suppress(ClientConnectionResetError, ConnectionError):
            await self.socket.close(code=1001)
