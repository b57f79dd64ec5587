"""Real processes that are killed at random moments, under faults, and what the next one makes of what they left.

The venue is a local server in this process. Each session is a process of its own that trades on it, and that is killed
without a word; its journal is then held against the venue, before the next process takes it up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import signal
from dataclasses import dataclass
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

import tradecore as tc
from simulation.scenario import LIMIT, MARKETS, Market, Quoter, check_ended, connector_of, market_of, replayed
from simulation.world import Unsafe, ours
from tradecore.live import runner
from tradecore.live.checkpoints import Checkpoints
from tradecore.live.journal import JournalReader, session_to_resume
from tradecore.live.runner import Live
from tradecore.sandbox import Fault, LocalServer, server_of
from tradecore.venues import Credentials, Secret, make_connector

__all__ = ["KILLS", "VENUES", "Killed", "kill"]

KILLS = 5
"""So many a session, which then ends in order."""
VENUES = ("BINANCE_USDM", "BINANCE", "BYBIT", "COINBASE")
_LONGEST_S = 2.5
"""How long at most a process lives, from its start or from when it began to trade."""
_PATIENCE_S = 60.0
_RISK = tc.RiskLimits(max_position_qty=str(LIMIT))


@dataclass(frozen=True, slots=True)
class Killed:
    """What a seed came to."""

    venue: str
    kills: int
    while_trading: int
    """How many of them hit a process that traded, not one that was about to."""
    orders: int
    fills: int
    faults: int


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a process trades, and by what it is known there."""

    venue: str
    url: str
    key: str
    secret: str
    journal: str
    feed: str | None


@dataclass(frozen=True, slots=True)
class _Ended:
    """What a session came to that has ended in order."""

    session: str
    digest: str
    held: dict[str, Decimal]
    fills: list[tuple[str, float, float]]


def _traded(venue: str) -> str:
    return f"{MARKETS[venue].symbols[0][0]}.{venue}"


def _faults(random: Random, market: Market) -> list[Fault]:
    """Draw what goes wrong all the time; what a venue takes long to be over with is not among it."""
    orders, streams, counted = market.orders, market.streams, market.counted or market.streams
    return [
        Fault(kind="drop", on=random.choice(counted), probability=0.02),
        Fault(kind="duplicate", on=random.choice(counted), probability=0.05),
        Fault(kind="delay", on=random.choice(counted), probability=0.1, delay_ms=random.choice((5, 100, 400))),
        Fault(kind="disconnect", on=random.choice(streams), probability=0.002),
        Fault(kind="swallow", on=random.choice(orders), probability=0.1),
        Fault(kind="lose", on=random.choice(orders), probability=0.05),
        Fault(kind="lag", on=random.choice(orders), probability=0.2, delay_ms=random.choice((20, 200))),
        Fault(kind="status", on=random.choice(orders), probability=0.03, status=503),
    ]


def trade(place: _Place, pipe: Connection) -> None:
    """Trade until killed, or until told to end in order; the whole of a process."""
    logging.getLogger("tradecore").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Checkpoints.every_inputs, runner._WRITE_S = 10, 0.1  # so that most processes leave a state
    asyncio.run(_trade(place, pipe))


async def _trade(place: _Place, pipe: Connection) -> None:
    loop = asyncio.get_running_loop()
    credentials = Credentials(key=place.key, secret=Secret(place.secret))
    connector = make_connector(place.venue, credentials=credentials, url=place.url, **connector_of(place.feed))
    quoter = Quoter("q", [_traded(place.venue)])
    async with Live([quoter], [connector], journal=place.journal, risk=_RISK, sync_timeout=_PATIENCE_S) as live:
        loop.add_signal_handler(signal.SIGTERM, live.stop)
        running = asyncio.create_task(live.run())
        begun = asyncio.create_task(live.begun())
        await asyncio.wait((running, begun), return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        pipe.send("begun")
        result = await running
        fills = result.fills.select("instrument", "price", "qty").rows()
        pipe.send(_Ended(result.session, result.digest, dict(result.held), fills))


class _Round:
    """A session of several lives, on a server of its own."""

    def __init__(self, seed: int, kills: int, folder: Path, feed: str | None) -> None:
        self.random = random = Random(f"kills {seed}")
        self.kills = kills
        self.while_trading = 0
        self.feed = feed
        self.venue = random.choice(VENUES) if feed is None else "COINBASE"
        self.id = _traded(self.venue)
        self.journal = folder
        make = server_of(self.venue)
        assert make is not None
        market = market_of(self.venue, feed)
        faults = _faults(random, market)
        self.server: LocalServer = make(symbols=[self.id], seed=seed, faults=faults, data=market.data)
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(["simulation.killed"])

    @property
    def desk(self) -> Any:
        """The venue's side."""
        return self.server._desks[self.venue]

    async def run(self) -> Killed:
        async with self.server:
            for _ in range(self.kills):
                await self._live_and_die()
                self._accounted()
            self._compare(await self._live_to_the_end())
        fills = len(self.desk.fills.get(0, ()))
        return Killed(
            self.venue, self.kills, self.while_trading, len(self._sent()), fills, sum(self.server.faults_met.values())
        )

    def _start(self) -> tuple[Any, Connection]:
        client = self.server.clients[0]
        place = _Place(self.venue, self.server.rest, client.key, client.secret, str(self.journal), self.feed)
        ours, theirs = self._processes.Pipe()
        process = self._processes.Process(target=trade, args=(place, theirs), daemon=True)
        process.start()
        theirs.close()
        return process, ours

    async def _heard(self, process: Any, pipe: Connection, seconds: float) -> Any:
        """Return what a process says next; None if it says nothing for so long.

        Raises
        ------
        Unsafe
            When it ends by itself.
        """
        until = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until:
            with contextlib.suppress(EOFError):
                if pipe.poll():
                    return pipe.recv()
            if not process.is_alive():
                raise Unsafe(f"a process has ended by itself, with {process.exitcode}")
            await asyncio.sleep(0.005)
        return None

    async def _begun(self, process: Any, pipe: Connection) -> Any:
        """Return what a process says once it has begun to trade."""
        if (said := await self._heard(process, pipe, _PATIENCE_S)) is None:
            raise Unsafe(f"a session has not begun within {_PATIENCE_S:g} s")
        return said

    async def _live_and_die(self) -> None:
        """Have a process killed, in half of the cases before it may have begun to trade."""
        process, pipe = self._start()
        life_s = self.random.uniform(0.0, _LONGEST_S)
        try:
            if self.random.random() < 0.5:
                has_begun = await self._heard(process, pipe, life_s)
            else:
                has_begun = await self._begun(process, pipe)
                await asyncio.sleep(life_s)
                if not process.is_alive():
                    raise Unsafe(f"a process has ended by itself, with {process.exitcode}")
        finally:
            process.kill()
            await asyncio.to_thread(process.join)
            pipe.close()
        self.while_trading += has_begun is not None

    async def _live_to_the_end(self) -> _Ended:
        """Have a process trade undisturbed for a while, and end in order."""
        process, pipe = self._start()
        try:
            await self._begun(process, pipe)
            await asyncio.sleep(1.0)
            process.terminate()
            told = await self._heard(process, pipe, _PATIENCE_S)
            if not isinstance(told, _Ended):
                raise Unsafe(f"a session has not ended within {_PATIENCE_S:g} s")
            await asyncio.to_thread(process.join)
        finally:
            process.kill()
            pipe.close()
        return told

    def _sent(self) -> list[str]:
        """The client ids of all orders that the venue was sent."""
        return [ours(order.client_id) for order in self.desk.orders.values() if order.account == 0]

    def _accounted(self) -> None:
        """Raise where the venue has an order that the journal does not know of: it was to be written before it left."""
        sent, reader = self._sent(), session_to_resume(self.journal)
        if reader is None:
            if sent:
                raise Unsafe(f"the venue has {sent}, and there is no journal")
            return
        kernel, diverged = replayed(reader, [Quoter("q", [self.id])], _RISK)
        if diverged is not None:
            raise Unsafe(f"the journal replayed differs at {diverged}")
        known = {kernel.client_id(order["order_id"]) for order in kernel.account_state()["orders"]}
        if strange := [client_id for client_id in sent if client_id not in known]:
            raise Unsafe(f"the venue has {strange}, which the journal does not know of")

    def _compare(self, ended: _Ended) -> None:
        """Raise where the end of the session is not what the venue has."""
        check_ended(self.desk, self.venue, ended.held, ended.fills)
        kernel, diverged = replayed(JournalReader(self.journal / ended.session), [Quoter("q", [self.id])], _RISK)
        if diverged is not None or kernel.finish() != ended.digest:
            raise Unsafe(f"the journal replayed differs at {diverged}")


def kill(seed: int, folder: Path, kills: int = KILLS, feed: str | None = None) -> Killed:
    """Kill a session of a seed several times, and return what came of it; on another feed it is of Coinbase.

    Raises
    ------
    AssertionError
        For what must not be.
    """
    return asyncio.run(_Round(seed, kills, folder, feed).run())
