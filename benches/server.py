"""What a load on the server of a session costs the session: ``python -m benches.server [SECONDS]``.

Starts ``tradecore serve`` on a market of its own. A maker quotes it, and the time from a frame's receipt until all that
it led to has left is read off the session's own histogram: first with nobody asking, then with 200 clients that send
2,000 requests a second. A client that sends orders by hand sees what both come to for people.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any

import aiohttp

CLIENTS, RATE = 200, 2_000
PATHS = ("prices", "depth", "portfolio", "book/BTCUSDT", "orders?limit=20")
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


@contextmanager
def served() -> Iterator[tuple[str, str]]:
    """Serve a session; yields where, and a token."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "serve.toml").write_text(CONFIG)
        run = [sys.executable, "-m", "tradecore"]
        add = [*run, "user", "add", "bench", "--role", "trade", "--config", "serve.toml"]
        token = subprocess.run(add, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
        serve = [*run, "serve", "--config", "serve.toml"]
        with subprocess.Popen(serve, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
            try:
                for line in process.stderr or ():
                    if line.startswith("serving at "):
                        yield line.split()[-1], token
                        break
            finally:
                process.kill()


async def ask(http: aiohttp.ClientSession, path: str) -> Any:
    """Return what is below ``/api/v1``."""
    async with http.get(f"/api/v1/{path}") as response:
        return (await response.json())["data"]


async def load(url: str, until: float) -> int:
    """Send requests until a time; return how many were answered."""
    done = 0

    async def client(number: int) -> None:
        nonlocal done
        async with aiohttp.ClientSession(url) as http:
            due = time.monotonic() + number / RATE
            while due < until:
                await asyncio.sleep(due - time.monotonic())
                await ask(http, PATHS[number % len(PATHS)])
                done += 1
                due = max(due + CLIENTS / RATE, time.monotonic() - 1)

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return done


async def measured(http: aiohttp.ClientSession, seconds: float) -> str:
    """Return what frames and orders by hand take for a while."""
    before = await ask(http, "latency")
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
    after = await ask(http, "latency")
    rows = []
    for name in ("decision", "api"):
        count = after[name]["count"] - before[name]["count"]
        rows.append(f"{name} mean {(after[name]['sum'] - before[name]['sum']) / count * 1e6:,.0f} us of {count:,}")
    cuts = quantiles(took, n=100)
    return f"{'; '.join(rows)}; order by hand p50 {cuts[49] * 1e3:.1f} ms, p99 {cuts[98] * 1e3:.1f} ms"


async def main(seconds: float) -> None:
    """Measure without and with a load."""
    with served() as (url, token):
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(url, headers=headers) as http:
            await asyncio.sleep(5)
            print("quiet:", await measured(http, seconds))
            busy = asyncio.create_task(load(url, time.monotonic() + seconds))
            print("busy: ", await measured(http, seconds))
            print(f"{await busy / seconds:,.0f} requests a second were answered")


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0))
