"""Requests of HTTP/1.1 on connections that are kept, each written in the turn of the event loop that asks.

What venues' interfaces need of the protocol and no more: one request at a time on a connection, answers with a length,
in chunks, or up to the end of the connection, compressed or not. Nothing is followed, stored or sent again.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit

__all__ = ["HttpAnswer", "HttpConnection", "HttpConnections", "ProtocolError", "request_text"]

HttpAnswer: TypeAlias = tuple[int, dict[str, str], bytes]
"""Status, headers with names in lower case, body."""

_MAX_HEAD = 64 * 1024
_MAX_BODY = 64 * 1024 * 1024
_IDLE_NS = 15_000_000_000
"""How long a connection is kept that nothing is asked on: a venue may be about to close one that is older."""
_INFLATED = 47
"""How zlib is told to find out whether something is gzip's or its own."""


class ProtocolError(Exception):
    """What came is no answer of HTTP/1.1."""


class _Head(NamedTuple):
    status: int
    headers: dict[str, str]
    is_kept: bool
    """Whether the connection is good for another request."""


def request_text(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """Return a request as it goes out; the path and query of the address are not touched.

    Raises
    ------
    ValueError
        For a line break in the address or a header.
    """
    _, _, rest = url.partition("://")
    host, slash, target = rest.partition("/")
    lines = [f"{method} {slash or '/'}{target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None or method in ("POST", "PUT"):
        lines.append(f"Content-Length: {len(body or b'')}")
    lines.append("Accept: */*\nAccept-Encoding: gzip\nUser-Agent: tradecore\n\n")
    text = "\n".join(lines)
    if text.count("\n") != len(lines) + 3 or "\r" in text:
        raise ValueError("an address or a header with a line break")
    return text.replace("\n", "\r\n").encode() + (body or b"")


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
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[HttpAnswer] | None = None
        self._buffer = bytearray()
        self._head: _Head | None = None
        self._at = 0
        """Where in the buffer the next chunk begins."""
        self._chunks: list[bytes] = []

    @property
    def is_free(self) -> bool:
        """Whether it is open and nothing is under way on it."""
        return self.is_open and self._waiting is None

    def ask(self, text: bytes) -> asyncio.Future[HttpAnswer]:
        """Send a request at once and return what will hold its answer, or why there is none.

        That is an ``OSError`` where the connection ended, a ``ProtocolError`` for what is no answer.
        """
        assert self._waiting is None, "one at a time"
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
            return
        self._buffer += data
        with self._guarded():
            self._read()

    def connection_lost(self, error: Exception | None) -> None:
        """End what is under way, with an answer where the end of the connection is that of its answer."""
        self.is_open = False
        head = self._head
        if head is not None and error is None and "content-length" not in head.headers and not _is_chunked(head):
            with self._guarded():
                self._answer(bytes(self._buffer))
        else:
            self._fail(error if isinstance(error, OSError) else ConnectionResetError("the connection was lost"))

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except (ValueError, zlib.error) as error:
            self._fail(ProtocolError(str(error)))

    def _read(self) -> None:
        """Take as much of an answer as is there."""
        while self._head is None:
            end = self._buffer.find(b"\r\n\r\n", 0, _MAX_HEAD)
            if end < 0:
                if len(self._buffer) >= _MAX_HEAD:
                    raise ValueError("its headers do not end")
                return
            head = _head_of(self._buffer[:end])
            del self._buffer[: end + 4]
            if head.status >= 200:  # what comes before is followed by the answer
                self._head = head
        if len(self._buffer) > _MAX_BODY:
            raise ValueError("it is too large")
        if self._head.status in (204, 304):
            self._answer(b"")
        elif _is_chunked(self._head):
            self._read_chunks()
        elif (told := self._head.headers.get("content-length")) is not None:
            if not told.isdigit():
                raise ValueError("its length is none")
            if (rest := len(self._buffer) - int(told)) >= 0:
                self._answer(bytes(self._buffer[: int(told)]), rest=rest)

    def _read_chunks(self) -> None:
        buffer = self._buffer
        while (end := buffer.find(b"\r\n", self._at)) >= 0:
            size = int(bytes(buffer[self._at : end]).partition(b";")[0], 16)
            if size == 0:
                if (trailers := buffer.find(b"\r\n\r\n", end)) >= 0:
                    self._answer(b"".join(self._chunks), rest=len(buffer) - trailers - 4)
                return
            if not 0 < size <= _MAX_BODY:
                raise ValueError("a chunk of it is too large")
            if len(buffer) < end + size + 4:
                return
            self._chunks.append(bytes(buffer[end + 2 : end + 2 + size]))
            self._at = end + size + 4

    def _answer(self, body: bytes, *, rest: int = 0) -> None:
        head, waiting = self._head, self._waiting
        assert head is not None
        if head.headers.get("content-encoding", "identity") != "identity":
            body = _unpacked(body)
        if rest or not head.is_kept:
            self.is_open = False
        self._waiting = self._head = None
        self._buffer.clear()
        self._chunks, self._at = [], 0
        if waiting is not None and not waiting.done():  # whoever asked may have given up
            waiting.set_result((head.status, head.headers, body))

    def _fail(self, error: Exception) -> None:
        waiting, self._waiting = self._waiting, None
        self._head = None
        self.close()
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)


def _origin(url: str) -> str:
    return url[:end] if (end := url.find("/", url.find("://") + 3)) >= 0 else url


def _head_of(text: bytearray) -> _Head:
    first, *lines = text.decode("latin-1").split("\r\n")
    version, _, status = first.partition(" ")
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise ValueError("its first line is not of HTTP/1.1")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    is_kept = version == "HTTP/1.1" and "close" not in headers.get("connection", "").lower()
    return _Head(int(status[:3]), headers, is_kept)


def _unpacked(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(_INFLATED)
    whole = unpacker.decompress(body, _MAX_BODY)
    if not unpacker.eof:
        raise ValueError("what is packed has no end, or is too large")
    return whole


def _is_chunked(head: _Head) -> bool:
    return "chunked" in head.headers.get("transfer-encoding", "").lower()
