"""Views that are answered where they are asked for: the same answers as by the long way, under the same rules."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from served import Served

from tradecore.server.guard import Guard

pytestmark = pytest.mark.release

pytest.importorskip("fastapi")
direct = pytest.importorskip("tradecore.server.direct", reason="httptools is not installed")


class Line:
    """A connection whose bytes are ours."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self.socket = socket.create_connection((place.hostname, place.port), timeout=60)
        self.host = place.netloc
        self._rest = b""

    def ask(self, path: str, *lines: str, method: str = "GET") -> bytes:
        return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {self.host}", *lines, "", ""]).encode()

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        while b"\r\n\r\n" not in self._rest:
            self._read()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        while len(self._rest) < (length := int(headers.get("content-length", 0))):
            self._read()
        body, self._rest = self._rest[:length], self._rest[length:]
        return int(first.split()[1]), headers, body

    def _read(self) -> None:
        piece = self.socket.recv(1 << 16)
        assert piece, "the connection is closed"
        self._rest += piece


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.fixture
def connect() -> Iterator[Callable[[str], Line]]:
    lines: list[Line] = []

    def connect(url: str) -> Line:
        lines.append(Line(url))
        return lines[-1]

    yield connect
    for line in lines:
        line.socket.close()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each time a view was looked for at once, whether there was an answer."""
    told: list[bool] = []
    answers = direct.DirectConnection._answers

    def noted(self: object) -> bool:
        told.append(answers(self))
        return told[-1]

    monkeypatch.setattr(direct.DirectConnection, "_answers", noted)
    return told


def still(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have views stay as they are."""
    monkeypatch.setattr("tradecore.server.view.View.renew", lambda self, sample: None)


def test_an_answer_is_the_same_whichever_way_it_goes(
    served: Served, counted: list[bool], connect: Callable[[str], Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    still(served, monkeypatch)
    line = connect(served.url)
    told = []
    for _ in range(3):
        line.send(line.ask("/api/v1/prices"))
        told.append(line.answer())
    assert counted == [False, True, True]
    for status, headers, body in told:
        assert status == 200
        assert "date" in headers
        del headers["date"]
        assert (headers, body) == (told[0][1], told[0][2])
    assert "content-security-policy" in told[0][1]
    line.send(line.ask("/api/v1/prices", f"If-None-Match: {told[0][1]['etag']}"))
    status, headers, body = line.answer()
    assert (status, body, headers["etag"]) == (304, b"", told[0][1]["etag"])
    assert counted[-1]
    line.send(
        line.ask("/api/v1/prices", method="POST"),
        line.ask("/api/v1/bars/BTCUSDT?limit=%35"),
        line.ask("/api/v1/%70rices"),
    )
    assert [line.answer()[0] for _ in range(2)] == [405, 200]
    assert line.answer()[0] == 200


def test_requests_behind_one_another_and_in_pieces_are_answered_in_order(
    served: Served, counted: list[bool], connect: Callable[[str], Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    still(served, monkeypatch)
    line = connect(served.url)
    prices, depth, me = (line.ask(f"/api/v1/{name}") for name in ("prices", "depth", "me"))
    line.send(prices)
    first = line.answer()[2]
    line.send(depth)
    second = line.answer()[2]
    line.send(prices + me + depth + prices)
    assert [line.answer()[2] for _ in range(4)][::2] == [first, second]
    del counted[:]
    for at in range(1, len(prices)):
        line.send(prices[:at])
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.send(prices[at:])
        assert line.answer()[2] == first
    line.send(prices)
    assert line.answer()[2] == first
    assert counted[-1]
    line.send(prices[:-2] + b"Content-Length: 3\r\n\r\n", b"abc", depth)
    assert [line.answer()[2] for _ in range(2)] == [first, second]
    line.send(prices, b"nonsense\r\n\r\n")
    assert line.answer()[2] == first
    assert line.answer()[0] == 400


def test_who_may_ask_is_looked_at_each_time(
    tmp_path: Path, connect: Callable[[str], Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradecore.server.accounts._KNOWN_FOR_S", 0.0)
    with Served(tmp_path, open_reads=False) as served:
        still(served, monkeypatch)
        line = connect(served.url)
        asked = line.ask("/api/v1/prices", f"Authorization: Bearer {served.tokens['read']}")
        for _ in range(3):
            line.send(asked)
            assert line.answer()[0] == 200
        line.send(line.ask("/api/v1/prices"))
        assert line.answer()[0] == 401
        line.send(line.ask("/api/v1/prices", "Authorization: Bearer wrong"))
        status, headers, body = line.answer()
        assert (status, headers["www-authenticate"], b'"code":"unauthorized"' in body) == (401, "Bearer", True)
        assert "content-security-policy" in headers
        line.send(asked)
        assert line.answer()[0] == 200
        with served.client() as admin:
            assert admin.delete("/api/v1/users/read").status_code == 200
        line.send(asked)
        assert line.answer()[0] == 401


def test_every_answer_counts_once(
    tmp_path: Path, connect: Callable[[str], Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Guard] = []

    class Noted(Guard):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            made.append(self)

    monkeypatch.setattr("tradecore.server.app.Guard", Noted)
    with Served(tmp_path, rate_per_second=1e6) as served:
        still(served, monkeypatch)
        httpx.get(f"{served.url}/api/v1/prices", timeout=60)
        (guard,) = made
        monkeypatch.setattr(guard, "_rate", 10.0)
        monkeypatch.setattr(guard, "_now", lambda: 1e9)
        guard._buckets.clear()
        line = connect(served.url)
        told = []
        for _ in range(30):
            line.send(line.ask("/api/v1/prices"))
            told.append(line.answer())
        assert [status for status, _, _ in told] == [200] * 20 + [429] * 10
        assert told[-1][1]["retry-after"] == "1"
