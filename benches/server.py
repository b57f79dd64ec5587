"""What a load on the server of a session costs the session: ``python -m benches.server [SECONDS]``.

Starts ``tradecore serve`` on a market of its own. A maker quotes it, and the time from a frame's receipt until all that
it led to has left is read off the session's own histogram: with nobody asking, with 200 clients that send 2,000
requests a second, and with 1,000 clients of the push, a tenth of which read nothing and are to be dropped, while the
others miss no item. A client that sends orders by hand
sees what each comes to for people. The clients are a process of their own, on the same machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
from websockets.frames import Frame, Opcode

CLIENTS, RATE = 200, 2_000
PATHS = ("prices", "depth", "portfolio", "book/BTCUSDT", "orders?limit=20")
STREAMS, SILENT = 1_000, 100
ITEM = re.compile(rb'{"topic":"([^"]+)","seq":(\d+),"kind":"update"')
DROPPED = re.compile(r"client of the push is dropped: (.*)")
TOPICS = ("prices", "book:BTCUSDT.BINANCE", "trades:BTCUSDT.BINANCE", "positions", "risk", "events")
CONFIG = """
[[mode.connections]]
venue = "BINANCE"
sandbox = true
[server]
port = 0
database = "server.db"
rate_per_second = 100000.0
[[strategies]]
kind = "manual"
instruments = ["BTCUSDT.BINANCE"]
[[strategies]]
kind = "touch_maker"
instruments = ["BTCUSDT.BINANCE"]
params = { quote_qty = "0.01", max_position = "0.05" }
"""


@dataclass(frozen=True, slots=True)
class Served:
    """A session that is served."""

    url: str
    token: str
    pid: int
    log: Path

    @property
    def megabytes(self) -> float:
        """What its process holds of memory now."""
        status = Path(f"/proc/{self.pid}/statm").read_text().split()
        return int(status[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    @property
    def cpu_s(self) -> float:
        """What its process has used of processors."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served() -> Iterator[Served]:
    """Serve a session."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "serve.toml").write_text(CONFIG)
        run = [sys.executable, "-m", "tradecore"]
        add = [*run, "user", "add", "bench", "--role", "trade", "--config", "serve.toml"]
        token = subprocess.run(add, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
        serve = [*run, "serve", "--config", "serve.toml"]
        log, env = Path(folder) / "log.txt", {**os.environ, "TRADECORE_LOG": "error,tradecore.server=info"}
        with log.open("w") as errors, subprocess.Popen(serve, cwd=folder, stderr=errors, env=env) as process:
            try:
                while not (told := re.search(r"^serving at (\S+)$", log.read_text(), re.MULTILINE)):
                    if process.poll() is not None:
                        raise RuntimeError(log.read_text())
                    time.sleep(0.05)
                yield Served(told[1], token, process.pid, log)
            finally:
                process.kill()


async def ask(http: aiohttp.ClientSession, path: str) -> Any:
    """Return what is below ``/api/v1``."""
    async with http.get(f"/api/v1/{path}") as response:
        return (await response.json())["data"]


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


async def measured(server: Served, http: aiohttp.ClientSession, seconds: float) -> str:
    """Return what frames and orders by hand take for a while, and what the process takes of the machine."""
    before, used, since = await ask(http, "latency"), server.cpu_s, time.monotonic()
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        body = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.001", "price": "30000"}
        async with http.post("/api/v1/orders", json=body) as response:
            order = (await response.json())["data"]
        took.append(time.perf_counter() - began)
        async with http.delete(f"/api/v1/orders/{order['id']}") as response:
            await response.read()
        await asyncio.sleep(0.05)
    share = (server.cpu_s - used) / (time.monotonic() - since)
    after = await ask(http, "latency")
    rows = []
    for name in ("decision", "api"):
        count = after[name]["count"] - before[name]["count"]
        rows.append(f"{name} mean {(after[name]['sum'] - before[name]['sum']) / count * 1e6:,.0f} us of {count:,}")
    cuts = quantiles(took, n=100)
    by_hand = f"order by hand p50 {cuts[49] * 1e3:.1f} ms, p99 {cuts[98] * 1e3:.1f} ms"
    return f"{'; '.join(rows)}; {by_hand}; {share:.0%} of a core, {server.megabytes:,.0f} MB"


async def under(work: str, url: str, seconds: float) -> str:
    """Have a process of its own do what a load does, and return what it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benches.server", work, url, str(seconds), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return out.decode().strip() or f"ended with exit code {process.returncode}"


async def main(seconds: float) -> None:
    """Measure without a load and with each."""
    with served() as server:
        headers = {"Authorization": f"Bearer {server.token}"}
        async with aiohttp.ClientSession(server.url, headers=headers) as http:
            await asyncio.sleep(5)
            print(f"quiet:    {await measured(server, http, seconds)}")
            for name in LOADS:
                # It takes most of a minute until who reads nothing is found out.
                seconds = max(seconds, 45.0) if name == "streams" else seconds
                busy = asyncio.create_task(under(name, server.url, seconds + 2))
                await asyncio.sleep(2)
                print(f"{name}: {await measured(server, http, seconds)}")
                print(f"{' ' * len(name)}  {await busy}")
            told = (re.sub(r"\d+", "N", reason) for reason in DROPPED.findall(server.log.read_text()))
            for reason, times in Counter(told).items():
                print(f"the server says {times} times: {reason}")


LOADS = {"requests": requests, "streams": streams}

if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in LOADS:
        print(asyncio.run(LOADS[sys.argv[1]](sys.argv[2], float(sys.argv[3]))))
    else:
        asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0))
