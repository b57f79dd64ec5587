"""A live session: from a frame on the socket to an order on the socket, and how many frames it keeps up with."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import aiohttp
import numpy as np

import tradecore as tc
from benches.harness import Job, Limit
from benches.market import depth_decoder, depth_frames
from tradecore.live.runner import Live
from tradecore.session.kernel import build_kernel
from tradecore.venues import Credentials, Secret
from tradecore.venues.binance import BinanceConnector
from tradecore.venues.clock import SystemClock
from tradecore.venues.transport import NetworkTransport

_NAME = "B0USDT.BINANCE_USDM"
_KEYS = Credentials(key="key", secret=Secret("secret"))

_SUBSCRIPTION = b'{"method":"SUBSCRIBE","params":["b0usdt@depth@100ms"],"id":1}'
_TERMS = {"symbol": "B0USDT", "newClientOrderId": "one", "side": "BUY", "quantity": "0.001", "price": "59000"}
_ORDER = json.dumps({"id": "1", "method": "order.place", "params": _TERMS}).encode()

Entry: TypeAlias = Literal["websocket", "rest"]


def live_jobs(rows: int) -> dict[str, Callable[[], Job]]:
    """Jobs by name; a short market makes them short."""
    frames, seconds = min(rows // 200, 2_000), min(rows / 400_000, 3.0)
    return {
        "live frame to on_book": lambda: frame_to_hook(frames),
        "live frame to order": lambda: frame_to_order(frames),
        "live flood, how late": lambda: flood_late(seconds),
        "live flood, frames dropped": lambda: flood_dropped(seconds),
    }


class Replier(tc.Strategy):
    """Bids far away at every change of the book."""

    def on_book(self, ctx: tc.Context, book: tc.Book) -> None:
        """Bid."""
        ctx.buy(_NAME, "0.001", "59000", post_only=True)


class Watcher(tc.Strategy):
    """Counts the changes of its books."""

    seen = 0

    def on_book(self, ctx: tc.Context, book: tc.Book) -> None:
        """Count."""
        self.seen += 1


def frame_to_hook(count: int) -> Job:
    """Take depth frames of twenty levels from bytes until ``on_book`` has returned."""
    frames = depth_frames(count)
    spec = tc.find_instrument("BTCUSDT.BINANCE_USDM")

    def run() -> float:
        strategy = Watcher("w", [spec.id])
        kernel = build_kernel("bench", [strategy], [spec], stop_run_on_error=True, keeps_journal=False)
        decoder = depth_decoder(spec, frames[0])
        kernel.start(0)
        kernel.message(1, 0, decoder.events(spec.id))
        kernel.feed(1, 0, tc.BookState.SYNCED, "")
        before = strategy.seen
        started = time.perf_counter()
        for at, frame in enumerate(frames[1:], 2):
            decoder.feed(frame, at)
            kernel.decoded(at, 0, decoder)
            kernel.drain()
        seconds = time.perf_counter() - started
        assert strategy.seen > before
        return seconds

    return Job("us/frame", {"tradecore": count - 1}, {"tradecore": run}, limits=(Limit("tradecore", 2.0),))


def frame_to_order(frames: int) -> Job:
    """Answer each change of a book by an order, at a venue in another process; medians and 99 of 100.

    Beside it what the way there and back takes alone: a loop that answers every frame by the same bytes.
    """
    figures: dict[str, list[int]] = {}
    ways = {
        "WebSocket, picows and uvloop": _Way("websocket", True, False),
        "WebSocket, picows and uvloop, polling": _Way("websocket", True, True),
        "WebSocket, default transport": _Way("websocket", False, False),
        "WebSocket, default transport, polling": _Way("websocket", False, True),
        "REST": _Way("rest", False, False),
        "REST, polling": _Way("rest", False, True),
    }
    allowed = {"WebSocket, picows and uvloop": 80.0, "WebSocket, default transport": 200.0, "REST": 500.0}
    probes: dict[str, tuple[Callable[[str], Awaitable[list[int]]], bool]] = {
        **{name: (partial(_probe, frames=frames, way=way), way.is_fast) for name, way in ways.items()},
        "sockets alone, picows and uvloop": (partial(_probe_sockets, frames=frames, is_fast=True), True),
        "sockets alone, default transport": (partial(_probe_sockets, frames=frames, is_fast=False), False),
    }

    def run(name: str) -> Callable[[], float]:
        probe, is_fast = probes[name]

        def measure() -> float:
            figures[name] = asyncio_run(probe, is_fast=is_fast)
            return statistics.median(figures[name]) / 1e9

        return measure

    def tail(name: str) -> Callable[[], float]:
        return lambda: float(np.percentile(figures[name], 99)) / 1e9

    work = {f"{name}, {what}": how(name) for name in probes for what, how in (("p50", run), ("p99", tail))}
    limits = [Limit(f"{name}, p50", allowed[name.removesuffix(", polling")]) for name in ways]
    limits += [Limit(f"{name}, p99", 1_000.0) for name in ways]
    return Job("us", dict.fromkeys(work, 1.0), work, limits=tuple(limits), rounds=2)


def flood_late(seconds: float) -> Job:
    """Send changes of ten books at a rate, and see how long after they were due the session is done with them."""
    work = _floods(seconds, lambda flooded: flooded.late_s)
    limits = tuple(Limit(name, 250.0) for name in work)
    return Job("ms", dict.fromkeys(work, 1.0), work, limits=limits, rounds=2)


def flood_dropped(seconds: float) -> Job:
    """Send the same, and see how many of them the session had no room for."""
    work = _floods(seconds, lambda flooded: flooded.dropped)
    limits = tuple(Limit(name, 0.0) for name in work)
    return Job("frames", dict.fromkeys(work, 1.0), work, limits=limits, rounds=1)


class _Way(NamedTuple):
    """How orders go out, whether on picows and uvloop, and whether the loop never sleeps."""

    entry: Entry
    is_fast: bool
    polls: bool


class _Flooded(NamedTuple):
    """What came of a flood."""

    late_s: float
    dropped: int


_RATES = ((40_000, False, "default transport"), (100_000, True, "picows and uvloop"))


def _floods(seconds: float, figure: Callable[[_Flooded], float]) -> dict[str, Callable[[], float]]:
    def run(rate: int, is_fast: bool) -> Callable[[], float]:
        flood = partial(_flood, rate=rate, frames=int(rate * seconds), is_fast=is_fast)
        return lambda: figure(asyncio_run(flood, is_fast=is_fast))

    return {f"{rate:,}/s, {name}": run(rate, is_fast) for rate, is_fast, name in _RATES}


async def _probe(url: str, frames: int, way: _Way) -> list[int]:
    async def ask(live: Live, strategy: tc.Strategy, http: aiohttp.ClientSession) -> list[int]:
        return await _probed(url, frames, http)

    return await _trading(url, Replier("r", [_NAME]), ask, way)


async def _probe_sockets(url: str, frames: int, is_fast: bool) -> list[int]:
    transport, heard = NetworkTransport(SystemClock(), is_fast=is_fast), asyncio.Event()

    def answer(_: bytes) -> None:
        heard.set()
        orders.send(_ORDER)

    def ignore(_: object) -> None:
        pass

    at = url.replace("http", "ws", 1)
    orders = await transport.connect(f"{at}/ws-fapi/v1", ignore, ignore, seconds=5)
    market = await transport.connect(f"{at}/public/stream", answer, ignore, seconds=5)
    market.send(_SUBSCRIPTION)
    await heard.wait()
    async with aiohttp.ClientSession() as http:
        took = await _probed(url, frames, http)
    for socket in (orders, market):
        await socket.close()
    await transport.close()
    return took


async def _probed(url: str, frames: int, http: aiohttp.ClientSession) -> list[int]:
    async with http.post(f"{url}/probe", json={"frames": frames, "gap_ms": 3}) as answer:
        took: list[int] = await answer.json()
        return took[frames // 10 :]


async def _flood(url: str, rate: int, frames: int, is_fast: bool) -> _Flooded:
    strategy = Watcher("w", [f"B{number}USDT.BINANCE_USDM" for number in range(10)])

    async def ask(live: Live, _: tc.Strategy, http: aiohttp.ClientSession) -> _Flooded:
        before = live.state
        asked = {"frames": frames, "per_second": rate}
        async with http.post(f"{url}/flood", json=asked) as answer:
            started = (await answer.json())["started"]
        while True:
            now = live.state
            dropped = now.dropped - before.dropped
            if now.frames - before.frames + dropped >= frames:
                return _Flooded(time.perf_counter() - started - frames / rate, dropped)
            await asyncio.sleep(0.001)

    return await _trading(url, strategy, ask, _Way("websocket", is_fast, False))


async def _trading(
    url: str,
    strategy: tc.Strategy,
    during: Callable[[Live, tc.Strategy, aiohttp.ClientSession], Awaitable[Any]],
    way: _Way,
) -> Any:
    clock = SystemClock()
    connector = BinanceConnector(
        "BINANCE_USDM",
        url=url,
        credentials=_KEYS,
        order_entry=way.entry,
        clock=clock,
        transport=NetworkTransport(clock, is_fast=way.is_fast),
    )
    with tempfile.TemporaryDirectory() as folder:
        async with (
            Live([strategy], [connector], journal=Path(folder), dead_man=None, busy_poll=way.polls) as live,
            aiohttp.ClientSession() as http,
        ):
            running = asyncio.create_task(live.run())
            async with asyncio.timeout(20):
                while not (running.done() or all(s is tc.BookState.SYNCED for s in live.state.books.values())):
                    async with http.post(f"{url}/flood", json={"frames": 10, "per_second": 1_000}):
                        pass
            await asyncio.sleep(0.2)
            try:
                return await during(live, strategy, http)
            finally:
                live.stop()
                await running


def asyncio_run(work: Callable[[str], Awaitable[Any]], *, is_fast: bool) -> Any:
    """Run a session against a venue of another process, on uvloop or not."""
    factory = None
    if is_fast:
        import uvloop

        factory = uvloop.new_event_loop
    with subprocess.Popen(
        [sys.executable, "-m", "benches.live_venue"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as venue:
        assert venue.stdin is not None
        assert venue.stdout is not None
        try:
            url = json.loads(venue.stdout.readline())["url"]
            with asyncio.Runner(loop_factory=factory) as runner:
                return runner.run(work(url))  # type: ignore[arg-type]
        finally:
            venue.stdin.close()
