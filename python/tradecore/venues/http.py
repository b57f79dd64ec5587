"""Requests of HTTP/1.1 on connections that are kept, each written in the turn of the event loop that asks.

``h11`` speaks the protocol; here is what keeps connections: one request at a time on each, nothing followed, stored or
sent again.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import h11

__all__ = ["Answer", "HttpConnection", "HttpConnections", "ProtocolError"]

_MAX_HEAD = 64 * 1024
_MAX_BODY = 64 * 1024 * 1024
_IDLE_NS = 15_000_000_000
"""How long a connection is kept that nothing is asked on: a venue may be about to close one that is older."""
_INFLATED = 47
"""How zlib is told to find out whether something is gzip's or its own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered by; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ProtocolError(Exception):
    """What came is no answer of HTTP/1.1."""


class HttpConnections:
    """Keeps connections by where they lead. Time is given, ns."""

    def __init__(self) -> None:
        self._idle: dict[str, list[HttpConnection]] = {}
        self._secure: ssl.SSLContext | None = None

    def take(self, url: str, now_ns: int) -> HttpConnection | None:
        """Return a connection to the host of an address that waits for a request; None where one has to be opened."""
        idle = self._idle.get(_origin(url))
        while idle:
            connection = idle.pop()
            if connection.is_open and now_ns - connection.idle_since_ns < _IDLE_NS:
                return connection
            connection.close()
        return None

    async def open(self, url: str) -> HttpConnection:
        """Open a connection to the host of an address.

        Raises
        ------
        OSError
            Where it cannot be reached, or is not who it should be.
        """
        parts = urlsplit(url)
        is_secure = parts.scheme == "https"
        if is_secure and self._secure is None:
            self._secure = ssl.create_default_context()
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: HttpConnection(_origin(url)),
            parts.hostname or "",
            parts.port or (443 if is_secure else 80),
            ssl=self._secure if is_secure else None,
        )
        return connection

    def give_back(self, connection: HttpConnection, now_ns: int) -> None:
        """Keep a connection for the next request if it is good for one, and close it otherwise."""
        if connection.is_free:
            connection.idle_since_ns = now_ns
            self._idle.setdefault(connection.origin, []).append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close those that wait."""
        idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.close()


class HttpConnection(asyncio.Protocol):
    """One connection, with the request that is under way on it.

    Parameters
    ----------
    origin : str
        Scheme, host and port.
    """

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.is_open = False
        self.idle_since_ns = 0
        self._host = origin.partition("://")[2]
        self._transport: asyncio.Transport | None = None
        self._protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
        self._waiting: asyncio.Future[Answer] | None = None
        self._status = 0
        self._headers: dict[str, str] = {}
        self._body = bytearray()

    @property
    def is_free(self) -> bool:
        """Whether it is open and nothing is under way on it."""
        return self.is_open and self._waiting is None

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> asyncio.Future[Answer]:
        """Send a request at once and return what will hold its answer, or why there is none.

        That is an ``OSError`` where the connection ended, a ``ProtocolError`` for what is no answer.

        Raises
        ------
        ValueError
            For what cannot be in a request, as a line break; nothing was sent.
        """
        assert self._waiting is None, "one at a time"
        lines = [("Host", self._host), ("User-Agent", "tradecore"), ("Accept-Encoding", "gzip"), *headers.items()]
        if body is not None or method in ("POST", "PUT"):
            lines.append(("Content-Length", str(len(body or b""))))
        try:
            text = self._protocol.send(h11.Request(method=method, target=url[len(self.origin) :] or "/", headers=lines))
        except h11.LocalProtocolError as error:
            self.close()
            raise ValueError(f"no request can be made of it: {error}") from None
        if body:
            text += self._protocol.send(h11.Data(data=body))
        self._protocol.send(h11.EndOfMessage())
        waiting = self._waiting = asyncio.get_running_loop().create_future()
        if self._transport is None or not self.is_open:
            waiting.set_exception(ConnectionResetError("the connection has ended"))
        else:
            self._transport.write(text)
        return waiting

    def close(self) -> None:
        """Close it; what is under way has no answer."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: Any) -> None:
        """Take the transport, which on uvloop is no subclass of asyncio's."""
        self._transport, self.is_open = transport, True

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._waiting is None:  # nobody asked
            self.close()
        else:
            self._read(data)

    def connection_lost(self, error: Exception | None) -> None:
        """End what is under way, with an answer where the end of the connection is that of its answer."""
        self.is_open = False
        if self._waiting is not None and error is None and self._protocol.their_state is h11.SEND_BODY:
            self._read(b"")
        self._fail(error if isinstance(error, OSError) else ConnectionResetError("the connection was lost"))

    def _read(self, data: bytes) -> None:
        """Take as much of an answer as is there; no data is the end of the connection."""
        try:
            self._protocol.receive_data(data)
            while (event := self._protocol.next_event()) is not h11.NEED_DATA and event is not h11.PAUSED:
                if isinstance(event, h11.Response):
                    self._status = event.status_code
                    self._headers = {name.decode(): value.decode("latin-1") for name, value in event.headers}
                elif isinstance(event, h11.Data):
                    self._body += event.data
                    if len(self._body) > _MAX_BODY:
                        raise ValueError("it is too large")
                elif isinstance(event, h11.EndOfMessage):
                    self._answer()
                    return
        except (h11.RemoteProtocolError, ValueError, zlib.error) as error:
            self._fail(ProtocolError(str(error)))

    def _answer(self) -> None:
        body = bytes(self._body)
        if self._headers.get("content-encoding", "identity") != "identity":
            body = _unpacked(body)
        self._body.clear()
        if self._protocol.their_state is h11.DONE and not self._protocol.trailing_data[0]:
            self._protocol.start_next_cycle()
        else:
            self.is_open = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():  # whoever asked may have given up
            waiting.set_result(Answer(self._status, self._headers, body))

    def _fail(self, error: Exception) -> None:
        waiting, self._waiting = self._waiting, None
        self.close()
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)


def _origin(url: str) -> str:
    return url[:end] if (end := url.find("/", url.find("://") + 3)) >= 0 else url


def _unpacked(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(_INFLATED)
    whole = unpacker.decompress(body, _MAX_BODY)
    if not unpacker.eof:
        raise ValueError("what is packed has no end, or is too large")
    return whole
