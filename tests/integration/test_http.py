"""Requests of our own connections: what a server may answer, and what it may do instead."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tradecore.venues.clock import SystemClock
from tradecore.venues.http import HttpConnection
from tradecore.venues.transport import Answer, NetworkTransport, Unanswered, Unreachable

pytestmark = pytest.mark.release

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Used: 7\r\n\r\nok"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=1\r\nhello\r\n6\r\n world\r\n0\r\nX-Last: 1\r\n\r\n"


class Server:
    """Answers requests in turn with bytes as they are given, in pieces; it closes behind an empty piece."""

    def __init__(self, *answers: bytes, piece: int = 1 << 20) -> None:
        self.answers = list(answers)
        self.piece = piece
        self.asked: list[bytes] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self.answers:
                self.asked.append(await reader.readuntil(b"\r\n\r\n"))
                answer = self.answers.pop(0)
                for start in range(0, len(answer), self.piece):
                    writer.write(answer[start : start + self.piece])
                    await writer.drain()
                    if self.piece < len(answer):
                        await asyncio.sleep(0)
                if b"Content-Length" not in answer and b"chunked" not in answer:
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


def talk(server: Server, work: Callable[[Callable[..., Awaitable[Answer]]], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/path?a=1"
        transport = NetworkTransport(SystemClock(), is_fast=False)

        async def ask(method: str = "GET", body: bytes | None = None, seconds: float = 10.0) -> Answer:
            return await transport.request(method, url, {"X-Key": "k"}, body, seconds=seconds)

        try:
            return await work(ask)
        finally:
            await transport.close()
            listening.close()
            await listening.wait_closed()

    return asyncio.run(run())


def test_a_connection_is_kept_for_what_is_asked_next() -> None:
    server = Server(LENGTH, LENGTH)

    async def work(ask: Any) -> tuple[Answer, Answer]:
        return await ask(), await ask("POST")

    first, second = talk(server, work)
    assert (first.status, first.headers["x-used"], first.body) == (200, "7", b"ok")
    assert second == first
    assert server.connections == 1
    assert server.asked[0].startswith(b"GET /path?a=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nX-Key: k\r\n" in server.asked[0]
    assert b"\r\nContent-Length: 0\r\n" in server.asked[1]
    assert b"Content-Length" not in server.asked[0]


def test_what_is_asked_on_a_kept_connection_is_written_at_once() -> None:
    server = Server(LENGTH, LENGTH)

    async def work(ask: Any) -> int:
        await ask()
        second = ask()
        second.send(None)  # up to where it waits, without a turn of the loop
        for _ in range(200):
            if len(server.asked) == 2:
                break
            await asyncio.sleep(0.01)
        second.close()
        return len(server.asked)

    assert talk(server, work) == 2


PACKED = gzip.compress(b"hello", mtime=0)
BARE = zlib.compress(b"hello")


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (LENGTH, 200, b"ok"),
        (CHUNKS, 200, b"hello world"),
        (b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + LENGTH, 200, b"ok"),
        (b"HTTP/1.1 204 None\r\n\r\n", 204, b""),
        (b"HTTP/1.1 404 Not Found\r\ncontent-LENGTH:  0\r\n\r\n", 404, b""),
        (b"HTTP/1.1 200 OK\r\n\r\nup to the end", 200, b"up to the end"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(PACKED) + PACKED, 200, b"hello"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: %d\r\n\r\n" % len(BARE) + BARE, 200, b"hello"),
    ],
    ids=["length", "chunks", "early hints", "no content", "empty", "up to the end", "HTTP/1.0", "gzip", "deflate"],
)  # fmt: skip
def test_answers_are_read_however_they_are_cut(answer: bytes, status: int, body: bytes, piece: int) -> None:
    told = talk(Server(answer, piece=piece), lambda ask: ask())
    assert (told.status, told.body) == (status, body)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 banana\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nup to the end",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + PACKED[:-6],
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
    ],
    ids=["nothing", "no HTTP", "no status", "too short", "negative length", "no chunk", "negative chunk", "torn chunk",
         "no gzip", "no gzip to the end", "torn gzip", "endless headers"],
)  # fmt: skip
def test_what_is_no_whole_answer_leaves_the_outcome_open(answer: bytes) -> None:
    async def work(ask: Any) -> None:
        with pytest.raises(Unanswered):
            await ask(seconds=1.0)

    talk(Server(answer), work)


def test_a_late_answer_is_nobodys() -> None:
    """The connection it comes on is not used again."""
    server = Server(LENGTH, LENGTH, LENGTH)

    async def work(ask: Any) -> int:
        await ask()
        with pytest.raises(Unanswered):
            await ask(seconds=0.0)
        assert (await ask()).body == b"ok"
        return server.connections

    assert talk(server, work) == 2


def test_a_connection_that_its_server_closed_is_not_asked_on() -> None:
    server = Server(LENGTH)

    async def work(ask: Any) -> int:
        await ask()
        await asyncio.sleep(0.05)  # for its end to arrive
        server.answers = [LENGTH]
        await ask()
        return server.connections

    assert talk(server, work) == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_only_reads_is_asked_again_where_its_connection_is_lost(method: str) -> None:
    server = Server(b"", LENGTH)

    async def work(ask: Any) -> int:
        if method == "POST":
            with pytest.raises(Unanswered):
                await ask(method)
        else:
            assert (await ask(method)).body == b"ok"
        return len(server.asked)

    assert talk(server, work) == (2 if method == "GET" else 1)


def test_bytes_behind_an_answer_end_the_connection() -> None:
    server = Server(LENGTH + b"HTTP/1.1", LENGTH)

    async def work(ask: Any) -> int:
        assert (await ask()).body == b"ok"
        assert (await ask()).body == b"ok"
        return server.connections

    assert talk(server, work) == 2


def test_where_nobody_listens_nothing_was_sent() -> None:
    async def work() -> None:
        transport = NetworkTransport(SystemClock(), is_fast=False)
        with pytest.raises(Unreachable):
            await transport.request("GET", "http://127.0.0.1:1/", {}, None, seconds=5.0)

    asyncio.run(work())


def test_requests_go_by_the_proxy_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(LENGTH)

    async def work(ask: Any) -> Answer:
        return await ask()

    async def proxied() -> Answer:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
        monkeypatch.delenv("no_proxy", raising=False)
        transport = NetworkTransport(SystemClock(), is_fast=False)
        try:
            return await transport.request("GET", "http://venue.invalid/time", {}, None, seconds=10.0)
        finally:
            await transport.close()
            listening.close()

    assert asyncio.run(proxied()).body == b"ok"
    assert server.asked[0].startswith(b"GET http://venue.invalid/time HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("url", "headers"),
    [("http://a/b\r\nX: 1", {}), ("http://a/b", {"X-Key": "k\r\nX: 1"}), ("http://a/b\nX", {})],
)
def test_a_line_break_cannot_be_put_into_a_request(url: str, headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="no request can be made of it"):
        HttpConnection("http://a").ask("GET", url, headers, None)
