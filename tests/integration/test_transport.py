"""A socket that is lost leaves nothing behind."""

from __future__ import annotations

import asyncio
import base64
import hashlib

import pytest

from simulation.network import LoopClock, VirtualLoop, run_virtually
from tradecore.venues.transport import NetworkTransport

pytestmark = pytest.mark.release

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class _Abrupt(asyncio.Protocol):
    """Opens a WebSocket and ends the connection in the same breath."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        key = next(line for line in data.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
        accept = base64.b64encode(hashlib.sha1(key.split(b":")[1].strip() + _MAGIC).digest())
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.transport.write(head + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        self.transport.close()


def test_a_socket_that_ends_as_it_opens_leaves_no_task() -> None:
    """What it opens with and its end arrive together, which a loop of our own makes sure of."""

    async def work(loop: VirtualLoop) -> None:
        loop.latency_s = (0.001, 0.001)
        server = await loop.create_server(_Abrupt, "127.0.0.1", 20_000)
        transport = NetworkTransport(LoopClock(loop), is_fast=False)
        ended = asyncio.Event()
        url = "ws://127.0.0.1:20000"
        socket = await transport.connect(url, lambda _: None, lambda _: ended.set(), seconds=10)
        await ended.wait()
        await socket.close()
        await transport.close()
        server.close()

    run_virtually(work, 1)  # raises where a task is left
