"""What a load on the server of a session costs the session: ``python -m benches.server [SECONDS]``.

Starts ``tradecore serve`` on a market of its own. A maker quotes it, and the time from a frame's receipt until all that
it led to has left is read off the session's own histogram: with nobody asking, with 200 clients that send 2,000
requests a second, and with 1,000 clients of the push, a tenth of which read nothing and are to be dropped, while the
others miss no item. A client that sends orders by hand sees what each comes to for people; 10 ms of that is what the
simulated venue takes.

The clients are a process of their own, on the same machine, and take processors away from the session whomever they
ask. So each load is also aimed elsewhere, at a process that answers anything with the same bytes: what is more when it
is aimed here is what serving it costs an order. The three take turns, so that what else the machine does meets all.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import aiohttp

from benches.server_loads import LOADS

ROUNDS = 3
LEAST_S = {"requests": 1.0, "streams": 20.0}
"""It takes a while until who reads nothing is found out."""
DROPPED = re.compile(r"client of the push is dropped: (.*)")
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
def served(config: str = CONFIG) -> Iterator[Served]:
    """Serve a session."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "serve.toml").write_text(config)
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


@dataclass(frozen=True, slots=True)
class Turn:
    """What was measured in one turn."""

    decision_us: float
    by_hand_s: list[float]
    core: float
    """Share of a core that the session's process took."""


async def measured(server: Served, http: aiohttp.ClientSession, seconds: float) -> Turn:
    """Return what frames and orders by hand take for a while, and what the process takes of the machine."""
    before, used, since = (await ask(http, "latency"))["decision"], server.cpu_s, time.monotonic()
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
    core = (server.cpu_s - used) / (time.monotonic() - since)
    after = (await ask(http, "latency"))["decision"]
    mean = (after["sum"] - before["sum"]) / (after["count"] - before["count"])
    return Turn(mean * 1e6, took, core)


async def loaded(load: str, url: str, server: Served, http: aiohttp.ClientSession, seconds: float) -> tuple[Turn, str]:
    """Measure while a process of its own asks an address; return what it says of that as well."""
    command = (sys.executable, "-m", "benches.server_loads", load, url, str(seconds + 3))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    await asyncio.sleep(3)  # it has begun, and all its clients are there
    turn = await measured(server, http, seconds)
    out, _ = await process.communicate()
    return turn, out.decode().strip() or f"ended with exit code {process.returncode}"


def described(turns: list[Turn]) -> str:
    """Return what turns of a kind came to."""
    cuts = quantiles([took for turn in turns for took in turn.by_hand_s], n=100)
    by_hand = f"order by hand p50 {cuts[49] * 1e3:.1f} ms, p99 {cuts[98] * 1e3:.1f} ms"
    decision = f"decision mean {median(turn.decision_us for turn in turns):,.0f} us"
    return f"{decision}; {by_hand}; {median(turn.core for turn in turns):.0%} of a core"


async def compare(load: str, server: Served, other: str, seconds: float) -> None:
    """Measure in turns without a load, with it elsewhere and with it here; print each and what serving it costs."""
    turns: dict[str, list[Turn]] = {"quiet": [], "elsewhere": [], "here": []}
    async with aiohttp.ClientSession(server.url, headers={"Authorization": f"Bearer {server.token}"}) as http:
        for _ in range(ROUNDS):
            turns["quiet"].append(await measured(server, http, seconds))
            turns["elsewhere"].append((await loaded(load, other, server, http, seconds))[0])
            here, said = await loaded(load, server.url, server, http, seconds)
            turns["here"].append(here)
    print(f"{load}: {said}; {server.megabytes:,.0f} MB")
    for place, measures in turns.items():
        print(f"  {place:<9} {described(measures)}")
    pairs = zip(turns["elsewhere"], turns["here"], strict=True)
    ratios = sorted(here.decision_us / there.decision_us - 1 for there, here in pairs)
    print(f"  an order waits {median(ratios):+.0%} for the server, by turns {ratios[0]:+.0%} to {ratios[-1]:+.0%}")


@contextmanager
def elsewhere() -> Iterator[str]:
    """Have somebody else to ask; gives his address."""
    command = [sys.executable, "-m", "benches.server_loads", "elsewhere"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


async def main(seconds: float) -> None:
    """Measure each load."""
    with served() as server, elsewhere() as other:
        await asyncio.sleep(5)
        for load in LOADS:
            await compare(load, server, other, max(seconds / ROUNDS, LEAST_S[load]))
        told = (re.sub(r"\d+", "N", reason) for reason in DROPPED.findall(server.log.read_text()))
        for reason, times in Counter(told).items():
            print(f"the server says {times} times: {reason}")


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0))
