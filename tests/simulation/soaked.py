"""A session that quotes ten instruments for a long while, through faults, and what must not have grown meanwhile.

The venue is a local server in a process of its own, so that memory, tasks and sockets are the session's. Time is real.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from statistics import median
from typing import Any
from unittest.mock import patch

import tradecore as tc
from simulation.scenario import MARKETS, Market, connector_of, market_of
from tradecore.instruments import find_instrument, instrument_from_dict
from tradecore.live.events import LinkChanged, SessionFailed
from tradecore.live.runner import Live
from tradecore.sandbox import Fault, server, server_of
from tradecore.venues import Credentials, Secret, make_connector

__all__ = ["GROWTH_MB", "Soaked", "Unwell", "soak"]

COINS = ("BTC", "AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG", "HHH", "III")
GROWTH_MB = 8.0
"""By how much a session's memory may grow after a quarter of its time."""
_QUIET_S = 20.0
"""So long before the end nothing goes wrong any more."""
_SAMPLE_S = 0.5
_MOST_TASKS, _MOST_SOCKETS = 200, 60
"""So many there are at most at any time: requests that are under way, and connections that the next ones may use."""
_PATIENCE_S = 3.0


class Unwell(AssertionError):
    """Something that must not be after a long while."""


class Maker(tc.Strategy):
    """Quotes all instruments each 100 ms, each by a touch that is looked at anew every two seconds."""

    def on_start(self, ctx: tc.Context) -> None:
        self.turns = 0
        self.touch: dict[str, tuple[float, float]] = {}
        ctx.every("100ms", self.quote)

    def quote(self, ctx: tc.Context) -> None:
        self.turns += 1
        for at, name in enumerate(self.instruments):
            book = ctx.book(name)
            bid, ask = book.best_bid, book.best_ask
            # Best prices that are told beside the depth may cross it for a moment.
            if not book.is_synced or bid is None or ask is None or bid >= ask:
                continue
            if (self.turns + 2 * at) % 20 == 0 or name not in self.touch:
                self.touch[name] = bid, ask
            ctx.quote(
                name, bid=min(self.touch[name][0], bid), ask=max(self.touch[name][1], ask), qty="0.01", post_only=True
            )


@dataclass(frozen=True, slots=True)
class Soaked:
    """What a long session came to."""

    seconds: float
    orders: int
    fills: int
    reconnects: int
    faults: dict[str, int]
    """Faults met, by their kind."""
    memory_mb: tuple[float, float, float]
    """After a quarter of the time, in the end, and the most from the one to the other."""
    tasks: tuple[float, int]
    """At half of the times, and the most."""
    sockets: tuple[float, int]
    cpu_s: tuple[float, float]
    """Of a processor, by the session and by the server."""


def _faults(random: Random, market: Market, until_s: float) -> list[Fault]:
    """Draw what goes wrong: some of it all the time, some now and then."""
    counted = market.counted or ("*",)
    always = {"after_s": 3.0, "until_s": until_s}
    rows = [
        Fault(kind="corrupt", probability=0.001, **always),
    ]
    delay_ms = random.choice((5, 100, 400))
    for on in counted:
        rows += [
            Fault(kind="drop", on=on, probability=0.003, **always),
            Fault(kind="duplicate", on=on, probability=0.02, **always),
            Fault(kind="reorder", on=on, probability=0.005, **always),
            Fault(kind="delay", on=on, probability=0.05, delay_ms=delay_ms, **always),
        ]
    for on in market.orders:
        rows += [
            Fault(kind="swallow", on=on, probability=0.02, **always),
            Fault(kind="lose", on=on, probability=0.01, **always),
            Fault(kind="lag", on=on, probability=0.1, delay_ms=random.choice((20, 200)), **always),
            Fault(kind="status", on=on, probability=0.01, status=503, **always),
        ]
    at = random.uniform(5.0, 15.0)
    while at < until_s:
        kind = random.choice(("disconnect", "half_open", "clock_step", "lost_sequence", "expire_keys", "status"))
        window = {"after_s": at, "until_s": min(until_s, at + 5.0)}
        rows.append(
            Fault.model_validate({
                "kind": kind, "on": "GET *" if kind == "status" else random.choice(market.streams), "count": 1,
                "step_ms": random.choice((-3_000, 1_500, 30_000)), "status": random.choice((429, 503)), **window,
            })
        )  # fmt: skip
        at += random.uniform(5.0, 15.0)
    return rows


def _listed(name: str) -> tc.Instrument:
    """Return an instrument of a coin that no venue has, with the rules of another."""
    table = find_instrument(f"BTC{name[3:]}").to_dict()
    return instrument_from_dict({**table, "id": name, "base": name[:3]})


def _names(venue: str) -> list[str]:
    rest = MARKETS[venue].symbols[0][0].removeprefix("BTC")
    return [f"{coin}{rest}.{venue}" for coin in COINS]


def serve(venue: str, feed: str | None, seed: int, until_s: float, pipe: Connection) -> None:
    """Be the venue until told to end, and tell what it has seen; the whole of a process."""
    asyncio.run(_serve(venue, feed, seed, until_s, pipe))


async def _serve(venue: str, feed: str | None, seed: int, until_s: float, pipe: Connection) -> None:
    make, market = server_of(venue), market_of(venue, feed)
    assert make is not None
    failures: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(repr(context)))
    balances = ", ".join([*(f"100000 {coin}" for coin in COINS), "100000000 USDT", "100000000 USD"])
    with patch.object(server, "find_instrument", _listed), patch.dict(server._PRICES, dict.fromkeys(COINS, "60000")):
        made = make(
            symbols=_names(venue), seed=seed, clients=1, speed=0.03, faults=_faults(Random(f"soak {seed}"), market, until_s),
            data=market.data, spot_balances=balances, futures_balances="100000000 USDT",
        )  # fmt: skip
    server._TICK_S = 0.05  # of a process of its own, most of which would be spent on looking
    async with made:
        pipe.send((made.rest, made.clients[0].key, made.clients[0].secret))
        await asyncio.to_thread(pipe.recv)
        desk = made._desks[venue]
        open_there = [order.client_id for order in desk.open_orders(0)]
        faults = Counter[str]()
        for name, met in made.faults_met.items():
            faults[name.partition(" ")[2]] += met
        orders = sum(order.account == 0 for order in desk.orders.values())
    pipe.send((orders, len(desk.fills.get(0, ())), open_there, dict(faults), failures, time.process_time()))


@contextmanager
def _heard() -> Iterator[list[str]]:
    """Collect what nobody handles: of the loop, of finalizers, and what the loop itself logs."""
    problems: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            problems.append(record.getMessage())

    handler, log = Handler(logging.ERROR), logging.getLogger("asyncio")
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: problems.append(repr(context)))
    log.addHandler(handler)
    with patch.object(sys, "unraisablehook", lambda problem: problems.append(repr(problem))):
        yield problems
    log.removeHandler(handler)


def _memory_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def _sockets() -> int:
    """Return how many sockets the process has open."""
    found = 0
    for entry in os.scandir("/proc/self/fd"):
        try:
            found += os.readlink(entry.path).startswith("socket:")
        except OSError:  # it was that of the folder itself
            continue
    return found


async def _left(before: tuple[int, int]) -> list[str]:
    """Say what a session has left of its tasks and sockets; connections take a moment to end."""
    until = time.monotonic() + _PATIENCE_S
    while (after := (len(asyncio.all_tasks()), _sockets())) != before:
        if time.monotonic() > until:
            break
        await asyncio.sleep(0.1)
    else:
        return []
    names = [task.get_name() for task in asyncio.all_tasks()]
    return [f"{after[0]} tasks and {after[1]} sockets are there, {before} were before the session: {names}"]


@dataclass(frozen=True, slots=True)
class _Sample:
    at_s: float
    memory_mb: float
    tasks: int
    sockets: int


async def _watch(samples: list[_Sample]) -> None:
    began = time.monotonic()
    while True:
        samples.append(_Sample(time.monotonic() - began, _memory_mb(), len(asyncio.all_tasks()), _sockets()))
        await asyncio.sleep(_SAMPLE_S)


async def soak(venue: str, seconds: float, seed: int, folder: Path, feed: str | None = None) -> Soaked:
    """Quote for so long, on another feed of the venue where that is given, and return what came of it.

    Raises
    ------
    Unwell
        For what must not be: a session that ends by itself, memory, tasks or sockets that grow, an exception that nobody
        handles, an order that is left at the venue.
    """
    ours, theirs = multiprocessing.get_context("forkserver").Pipe()
    process = multiprocessing.get_context("forkserver").Process(
        target=serve, args=(venue, feed, seed, seconds - _QUIET_S, theirs), daemon=True
    )
    process.start()
    theirs.close()
    try:
        url, key, secret = await asyncio.to_thread(ours.recv)
        credentials = Credentials(key=key, secret=Secret(secret))
        before = len(asyncio.all_tasks()), _sockets()
        with _heard() as problems:
            samples, reconnects = await _quote(venue, feed, url, credentials, seconds, folder, problems)
        problems += await _left(before)
        ours.send("end")
        orders, fills, left, faults, failures, server_s = await asyncio.to_thread(ours.recv)
    finally:
        process.kill()
        await asyncio.to_thread(process.join)
        ours.close()
    if left:
        problems.append(f"orders were left at the venue: {left}")
    if not (orders and fills and sum(faults.values())):
        problems.append(f"nothing came of it: {orders} orders, {fills} fills, faults {faults}")
    soaked = _judged(samples, problems, failures)
    return Soaked(
        round(samples[-1].at_s, 1), orders, fills, reconnects, faults, *soaked,
        (round(time.process_time(), 1), round(server_s, 1)),
    )  # fmt: skip


async def _quote(
    venue: str,
    feed: str | None,
    url: str,
    credentials: Credentials,
    seconds: float,
    folder: Path,
    problems: list[str],
) -> tuple[list[_Sample], int]:
    """Run the session, and return how it stood all the while and how often its connections came back."""
    connector = make_connector(venue, credentials=credentials, url=url, seed=1, **connector_of(feed))
    live = Live([Maker("m", _names(venue))], [connector], journal=folder, sync_timeout=60.0)
    links = Counter[bool]()
    live.events.subscribe(LinkChanged, lambda event: links.update([event.is_up]))
    live.events.subscribe(SessionFailed, lambda event: problems.append(f"the session has failed: {event}"))
    samples: list[_Sample] = []
    async with live:
        running = asyncio.create_task(live.run())
        await asyncio.wait((running, begun := asyncio.create_task(live.begun())), return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        watching = asyncio.create_task(_watch(samples))
        await asyncio.wait((running,), timeout=seconds)
        if running.done():
            problems.append("the session has ended by itself")
        watching.cancel()
        live.stop()
        await running
    return samples, links[False]


def _judged(samples: list[_Sample], problems: list[str], failures: list[str]) -> tuple[Any, ...]:
    """Return the figures of memory, tasks and sockets, or raise."""
    end_s = samples[-1].at_s
    late = [sample.memory_mb for sample in samples if sample.at_s > end_s / 4]
    tasks = median(sample.tasks for sample in samples), max(sample.tasks for sample in samples)
    sockets = median(sample.sockets for sample in samples), max(sample.sockets for sample in samples)
    problems += [f"at the venue: {failure}" for failure in failures]
    if max(late) - late[0] > GROWTH_MB:
        problems.append(f"memory grew from {late[0]:.1f} to {max(late):.1f} MB, {GROWTH_MB:g} are allowed")
    if tasks[1] > _MOST_TASKS or sockets[1] > _MOST_SOCKETS:
        problems.append(f"{tasks[1]} tasks at a time, {_MOST_TASKS} are allowed; {sockets[1]} sockets, {_MOST_SOCKETS}")
    if problems:
        raise Unwell("\n".join(problems))
    return tuple(round(mb, 1) for mb in (late[0], late[-1], max(late))), tasks, sockets
