"""Loads of a server of a session, each a process of its own, and a place that only takes them.

``python -m benches.server_loads requests|streams URL SECONDS`` says what came of a load;
``python -m benches.server_loads elsewhere`` serves, and tells where.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import sys
import time
from typing import cast
from urllib.parse import urlsplit

import orjson
from websockets.frames import Frame, Opcode

from tradecore.live.loop import run_loop

CLIENTS, RATE = 200, 2_000
PATHS = ("prices", "depth", "portfolio", "book/BTCUSDT", "orders?limit=20")
STREAMS, SILENT = 1_000, 100
ITEM = re.compile(rb'{"topic":"([^"]+)","seq":(\d+),"kind":"update"')
TOPICS = ("prices", "book:BTCUSDT.BINANCE", "trades:BTCUSDT.BINANCE", "positions", "risk", "events")


async def requests(url: str, seconds: float) -> str:
    """Send requests for a while; return how many were answered."""
    done, until = 0, time.monotonic() + seconds
    place = urlsplit(url)

    async def client(number: int) -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        path = f"/api/v1/{PATHS[number % len(PATHS)]}"
        asked = f"GET {path} HTTP/1.1\r\nHost: {place.netloc}\r\nAccept: */*\r\n\r\n".encode()
        due = time.monotonic() + number / RATE
        while due < until:
            await asyncio.sleep(due - time.monotonic())
            writer.write(asked)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"{path} is answered {head[:30]!r}")
            length = head.lower().partition(b"content-length: ")[2]
            await reader.readexactly(int(length[: length.index(b"\r")]))
            done += 1
            due = max(due + CLIENTS / RATE, time.monotonic() - 1)
        writer.close()

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return f"{done / seconds:,.0f} requests a second were answered"


class Listener:
    """Reads what is pushed, and minds that no item of a topic is left out."""

    def __init__(self) -> None:
        self.heard = self.items = self.gaps = 0
        self._last: dict[bytes, int] = {}
        self._rest = b""

    def take(self, piece: bytes) -> list[bytes]:
        """Take what was read; return what the server wants to have back, to see that somebody is there."""
        self.heard += len(piece)
        data, at, pings = self._rest + piece, 0, []
        while len(data) >= at + 4:
            length, begin = data[at + 1], at + 2
            if length >= 126:
                begin += 2 if length == 126 else 8
                length = int.from_bytes(data[at + 2 : begin])
            if len(data) < begin + length:
                break
            if data[at] & 15 == Opcode.PING:
                pings.append(data[begin : begin + length])
            elif found := ITEM.match(data, begin):
                topic, number = found[1], int(found[2])
                self.gaps += number != self._last.get(topic, number - 1) + 1
                self._last[topic] = number
                self.items += 1
            at = begin + length
        self._rest = data[at:]
        return pings


async def streams(url: str, seconds: float) -> str:
    """Listen to the push with many clients, of which some read nothing; return what became of them."""
    place, lost = urlsplit(url), 0
    asked = orjson.dumps({"op": "subscribe", "topics": TOPICS})
    upgrade = (
        f"GET /api/v1/stream HTTP/1.1\r\nHost: {place.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()
    over, listeners, dropped = asyncio.Event(), [Listener() for _ in range(STREAMS - SILENT)], 0

    async def client(number: int) -> None:
        nonlocal lost, dropped
        is_silent = number >= len(listeners)
        line = socket.socket()
        if is_silent:
            # What its machine keeps for it is not what it reads.
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        line.setblocking(False)
        await asyncio.get_running_loop().sock_connect(line, (place.hostname, place.port))
        reader, writer = await asyncio.open_connection(sock=line, limit=1 << 14 if is_silent else 1 << 16)
        writer.write(upgrade)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(Frame(Opcode.TEXT, asked).serialize(mask=True))
        if is_silent:
            await over.wait()
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(1 << 16):
                for ping in () if is_silent else listeners[number].take(piece):
                    writer.write(Frame(Opcode.PONG, ping).serialize(mask=True))
        dropped += is_silent
        lost += not is_silent and not over.is_set()
        writer.close()

    clients = [asyncio.create_task(client(number)) for number in range(STREAMS)]
    await asyncio.sleep(seconds)
    over.set()
    for task in clients[: len(listeners)]:
        task.cancel()
    done, waiting = await asyncio.wait(clients, timeout=10.0)
    for task in waiting:
        task.cancel()
    for task in done:
        if not task.cancelled():
            task.result()
    heard, items = sum(each.heard for each in listeners), sorted(each.items for each in listeners)
    return (
        f"{dropped} of {SILENT} that read nothing were dropped; of the {len(listeners)} others {lost}, they read "
        f"{heard / seconds / 1e6:,.1f} MB a second, {items[0]:,} to {items[-1]:,} items each, and missed "
        f"{sum(each.gaps for each in listeners)}"
    )


class Elsewhere(asyncio.Protocol):
    """Answers whatever it is asked with the same bytes, and pushes the same to who wants to be pushed to."""

    _ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 700\r\n\r\n" + b"." * 700
    _UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
    _PUSHED = Frame(Opcode.TEXT, b"." * 5_000).serialize(mask=False)
    """What a client of ours is sent a tenth of a second."""

    def __init__(self, listening: set[asyncio.Transport]) -> None:
        self._listening = listening

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _error: Exception | None) -> None:
        """End."""
        self._listening.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        """Answer."""
        if b"Upgrade" in data:
            self._transport.write(self._UPGRADED)
            self._listening.add(self._transport)
        elif data.startswith(b"GET"):
            self._transport.write(self._ANSWER)

    @classmethod
    async def push(cls, listening: set[asyncio.Transport]) -> None:
        """Push to all ten times a second; of those who read nothing nothing is kept."""
        while True:
            for transport in tuple(listening):
                if not transport.get_write_buffer_size():
                    transport.write(cls._PUSHED)
            await asyncio.sleep(0.1)


async def elsewhere() -> None:
    """Serve until killed."""
    listening: set[asyncio.Transport] = set()
    server = await asyncio.get_running_loop().create_server(lambda: Elsewhere(listening), "127.0.0.1")
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}", flush=True)
    await Elsewhere.push(listening)


LOADS = {"requests": requests, "streams": streams}

if __name__ == "__main__":
    if sys.argv[1] == "elsewhere":
        run_loop(elsewhere())
    else:
        print(asyncio.run(LOADS[sys.argv[1]](sys.argv[2], float(sys.argv[3]))))
