"""Sockets and requests: the one place of a connector that touches the network, small enough to be replaced.

``picows`` carries WebSockets where it is installed (the extra ``fast``), ``websockets`` elsewhere. Requests go out on
connections of our own (``http``), and by ``aiohttp`` where the environment names a proxy. Messages are handed on as
they are read, in the thread of the event loop: what a session is too slow for waits in the socket.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from urllib.request import getproxies_environment, proxy_bypass

from tradecore.errors import InvalidValueError
from tradecore.venues.clock import Clock, within
from tradecore.venues.http import Answer, HttpConnections, ProtocolError

if TYPE_CHECKING:
    import aiohttp
    import picows
    import websockets.asyncio.client

__all__ = ["Answer", "NetworkTransport", "Socket", "Transport", "Unanswered", "Unreachable", "addresses_at"]

_MAX_MESSAGE = 64 * 1024 * 1024
"""Bytes of one message: a snapshot of 44,000 levels has five million."""

_PING_S = 20.0


def addresses_at(url: str) -> tuple[str, str]:
    """Return the addresses of requests and of WebSockets at one host, as a local server has them.

    Raises
    ------
    InvalidValueError
        For an address that does not begin with ``http://`` or ``https://``.
    """
    if not url.startswith(("http://", "https://")):
        raise InvalidValueError("url", f"expected http://... or https://..., got {url!r}")
    url = url.rstrip("/")
    return url, "ws" + url.removeprefix("http")


class Unreachable(Exception):
    """Nothing was sent: there was no connection to send it on."""


class Unanswered(Exception):
    """Something was sent, and what became of it is not known."""


class Socket(Protocol):
    """An open WebSocket."""

    def send(self, text: bytes) -> None:
        """Send a text, in UTF-8, at once. What is sent is little: nobody waits until it has left the buffer.

        Raises
        ------
        Unreachable
            When the socket is closed.
        """

    async def close(self) -> None:
        """Close it, and wait until it is."""


class Transport(Protocol):
    """How a connector reaches its venue."""

    async def connect(
        self, url: str, on_message: Callable[[bytes], None], on_close: Callable[[str], None], *, seconds: float
    ) -> Socket:
        """Open a WebSocket. When it ends, ``on_close`` is called once with the reason, whoever closed it.

        Raises
        ------
        Unreachable
            When it is not open in time.
        """

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, *, seconds: float
    ) -> Answer:
        """Carry out a request; the URL goes out as it is, since it is signed.

        Raises
        ------
        Unreachable
            When nothing was sent.
        Unanswered
            When no answer came in time, or not all of it.
        """

    async def close(self) -> None:
        """Close what requests keep open."""


class NetworkTransport:
    """The network.

    Parameters
    ----------
    clock : Clock
    is_fast : bool, optional
        Whether WebSockets are carried by picows; where it is installed if not given.
    """

    def __init__(self, clock: Clock, *, is_fast: bool | None = None) -> None:
        self._clock = clock
        self._is_fast = importlib.util.find_spec("picows") is not None if is_fast is None else is_fast
        self._kept = HttpConnections()
        self._proxies = getproxies_environment()
        self._session: aiohttp.ClientSession | None = None
        """What goes by a proxy."""

    async def connect(
        self, url: str, on_message: Callable[[bytes], None], on_close: Callable[[str], None], *, seconds: float
    ) -> Socket:
        """Open a WebSocket."""
        opening = _connect_fast if self._is_fast else _connect_plain
        try:
            return await within(self._clock, seconds, opening(url, on_message, on_close))
        except TimeoutError as error:
            raise Unreachable(str(error) or "timed out") from None
        except OSError as error:
            raise Unreachable(_words(error)) from None

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, *, seconds: float
    ) -> Answer:
        """Carry out a request; it is written in the turn that asks where a connection is kept."""
        if self._has_proxy(url):
            return await self._request_by_proxy(method, url, headers, body, seconds)
        try:
            return await self._asked(method, url, headers, body, seconds)
        except Unanswered as error:
            # A venue may have closed the connection right before. What only reads is asked for once more.
            if method != "GET" or not isinstance(error.__cause__, ConnectionError):
                raise
        return await self._asked(method, url, headers, body, seconds)

    def _has_proxy(self, url: str) -> bool:
        """Return whether the environment names a proxy for an address."""
        scheme, _, rest = url.partition("://")
        return scheme in self._proxies and not proxy_bypass(rest.partition("/")[0])

    async def _asked(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, seconds: float
    ) -> Answer:
        connection = self._kept.take(url, self._clock.now_ns())
        if connection is None:
            try:
                connection = await within(self._clock, seconds, self._kept.open(url))
            except (TimeoutError, OSError) as error:
                raise Unreachable(_words(error)) from None
        try:
            return await within(self._clock, seconds, connection.ask(method, url, headers, body))
        except (TimeoutError, ProtocolError, OSError) as error:
            raise Unanswered(_words(error)) from error
        finally:
            self._kept.give_back(connection, self._clock.now_ns())

    async def _request_by_proxy(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, seconds: float
    ) -> Answer:
        import aiohttp

        try:
            return await within(self._clock, seconds, self._request(method, url, headers, body))
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(_words(error.os_error)) from None
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Unanswered(_words(error)) from None

    async def _request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        import aiohttp
        import yarl

        if self._session is None:
            # Deadlines are the clock's.
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(), trust_env=True)
        target = yarl.URL(url, encoded=True)
        async with self._session.request(method, target, headers=headers, data=body, allow_redirects=False) as answer:
            found = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, found, await answer.read())

    async def close(self) -> None:
        """Close what requests keep open."""
        self._kept.close()
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _words(error: BaseException) -> str:
    """Say what went wrong without the address: it may hold a key."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


class _Plain:
    """A socket of websockets, with the task that minds its end."""

    def __init__(self, connection: websockets.asyncio.client.ClientConnection, on_close: Callable[[str], None]) -> None:
        from websockets.asyncio.server import broadcast
        from websockets.protocol import State

        self._connection = connection
        self._open = State.OPEN
        # Which writes at once, and takes no more than the connection.
        self._write = partial(broadcast, (connection,), raise_exceptions=True)
        self._ending = asyncio.create_task(self._end(on_close))

    async def _end(self, on_close: Callable[[str], None]) -> None:
        await self._connection.wait_closed()
        if (pings := self._connection.keepalive_task) is not None:
            pings.cancel()  # they began after the connection was lost, so its end did not end them
        frame = self._connection.protocol.close_rcvd
        on_close(f"closed by the venue: {frame.code} {frame.reason}".rstrip() if frame else "connection lost")

    def send(self, text: bytes) -> None:
        if self._connection.state is not self._open:
            raise Unreachable("the socket is closed")
        self._write(text.decode())

    async def close(self) -> None:
        await self._connection.close()
        await asyncio.gather(self._ending, return_exceptions=True)


async def _connect_plain(url: str, on_message: Callable[[bytes], None], on_close: Callable[[str], None]) -> Socket:
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException

    try:
        connection = await connect(
            url,
            compression=None,
            max_size=_MAX_MESSAGE,
            ping_interval=_PING_S,
            ping_timeout=_PING_S,
            open_timeout=None,
            close_timeout=2.0,
            process_exception=lambda error: error,
            create_connection=_reading(on_message),
        )
    except WebSocketException as error:
        raise Unreachable(_handshake(error)) from None
    return _Plain(connection, on_close)


def _reading(on_message: Callable[[bytes], None]) -> type[websockets.asyncio.client.ClientConnection]:
    """Return a connection that hands on messages where they are read, not to a task that would have to wake first."""
    from websockets.asyncio.client import ClientConnection
    from websockets.frames import DATA_OPCODES, Frame

    parts: list[bytes] = []

    class Connection(ClientConnection):
        """Hands on whole messages, of which a venue may send one in several frames."""

        def process_event(self, event: Any) -> None:
            if not (isinstance(event, Frame) and event.opcode in DATA_OPCODES):
                super().process_event(event)
            elif (whole := _whole(parts, bytes(event.data), event.fin)) is not None:
                on_message(whole)

    return Connection


def _whole(parts: list[bytes], data: bytes, is_last: bool) -> bytes | None:
    """Return a message, once its last part is there; the others are kept."""
    if is_last and not parts:
        return data
    parts.append(data)
    if not is_last:
        return None
    whole = b"".join(parts)
    parts.clear()
    return whole


def _handshake(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    return f"refused with status {status}" if status is not None else type(error).__name__


class _Fast:
    """A socket of picows."""

    def __init__(self, transport: picows.WSTransport) -> None:
        import picows

        self._transport = transport
        self._kind = picows.WSMsgType.TEXT

    def send(self, text: bytes) -> None:
        transport = self._transport
        if transport.is_disconnected or transport.is_close_frame_sent:
            raise Unreachable("the socket is closed")
        transport.send(self._kind, text)

    async def close(self) -> None:
        import picows

        if not self._transport.is_disconnected:
            if not self._transport.is_close_frame_sent:
                self._transport.send_close(picows.WSCloseCode.OK)
            self._transport.disconnect()
        await self._transport.wait_disconnected()


async def _connect_fast(url: str, on_message: Callable[[bytes], None], on_close: Callable[[str], None]) -> Socket:
    import picows

    try:
        transport, _ = await picows.ws_connect(
            lambda: _fast_listener(on_message, on_close),
            url,
            enable_auto_ping=True,
            auto_ping_idle_timeout=_PING_S,
            auto_ping_reply_timeout=_PING_S,
            websocket_handshake_timeout=None,
            max_frame_size=_MAX_MESSAGE,
        )
    except picows.WSError as error:
        status = getattr(getattr(error, "response", None), "status", None)
        raise Unreachable(f"refused with status {int(status)}" if status else type(error).__name__) from None
    return _Fast(transport)


def _fast_listener(on_message: Callable[[bytes], None], on_close: Callable[[str], None]) -> Any:
    import picows

    class Listener(picows.WSListener):
        """Hands on whole messages, of which a venue may send one in several frames."""

        def __init__(self) -> None:
            self._parts: list[bytes] = []
            self._reason = "connection lost"

        def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
            kind = frame.msg_type
            if kind is picows.WSMsgType.CLOSE:
                code = frame.get_close_code()
                self._reason = f"closed by the venue: {code.value} {frame.get_close_reason() or ''}".rstrip()
                transport.send_close(code)
                transport.disconnect()
            elif kind in (picows.WSMsgType.TEXT, picows.WSMsgType.BINARY, picows.WSMsgType.CONTINUATION):
                whole = _whole(self._parts, frame.get_payload_as_bytes(), frame.fin)
                if whole is not None:
                    on_message(whole)

        def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
            on_close(self._reason)

    return Listener()
