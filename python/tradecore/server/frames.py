"""Messages of the push as bytes of the WebSocket, made once for all clients, and the connection that takes them."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode

from tradecore.server.front import Front

__all__ = ["Connection", "frame_of", "pieces"]

_ROOM = 1 << 16
"""Bytes that the system keeps of what a client has not taken yet. By itself it would keep megabytes, for seconds."""
_LEAVES_S = 2.0
"""A connection that has been closed is gone after so long, whether or not its client has read what it was told."""


def frame_of(text: bytes) -> bytes:
    """Return a text as one frame, as servers send it: without a mask."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


def pieces(frames: Sequence[bytes]) -> Iterator[bytes]:
    """Put frames, which all clients share, together to what one is sent at a time: copies are of this size at most.

    A frame that is larger is a piece by itself.
    """
    piece: list[bytes] = []
    size = 0
    for frame in frames:
        if piece and size + len(frame) > _ROOM:
            yield b"".join(piece)
            piece, size = [], 0
        piece.append(frame)
        size += len(frame)
    if piece:
        yield b"".join(piece)


class Connection(WebSocketsSansIOProtocol):
    """A WebSocket that also sends frames as they are, and that a client which does not read cannot keep open."""

    def __init__(self, config: Any, **given: Any) -> None:
        super().__init__(config, **given)
        front: Front = config.app
        self._way = front.way

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM)
        super().connection_made(transport)

    async def send(self, message: Any) -> None:
        """Send, once there is room; a close is told without waiting for it."""
        if message["type"] == "websocket.close":
            self.writable.set()
        frames = message.get("frames")
        if frames is None:
            await super().send(message)
            return
        await self.writable.wait()
        self._way.give()
        if self.disconnected or self.close_sent:
            raise ClientDisconnected
        self.transport.write(frames)

    async def run_asgi(self) -> None:
        """Serve a client; what it has not read when that is over is thrown away."""
        await super().run_asgi()
        self.loop.call_later(_LEAVES_S, self.transport.abort)
