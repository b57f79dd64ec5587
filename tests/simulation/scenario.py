"""What a seed makes of a session: its faults and deaths, what must hold meanwhile, and what must come about in the end."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any
from unittest.mock import patch

import tradecore as tc
from simulation.network import VirtualLoop, run_virtually
from simulation.world import Levels, Unsafe, World, held_at, recorded_books
from tradecore.errors import NoAnswerError, VenueError
from tradecore.live.checkpoints import Checkpoints
from tradecore.live.journal import JournalReader
from tradecore.risk import needing_synced_books
from tradecore.sandbox import LocalServer
from tradecore.sandbox.faults import Fault
from tradecore.sandbox.registry import SERVERS
from tradecore.session.kernel import build_kernel

__all__ = [
    "FEEDS", "LIMIT", "MARKETS", "Outcome", "Quoter", "check_ended", "connector_of", "market_of", "play", "replayed",
]  # fmt: skip

_FAULTS_S = 12.0
"""How long things go wrong."""
_PATIENCE_S = 240.0
"""How long after that all has to be well: a ban may last for two minutes."""
_FOUND_S = 60.0
"""So long an order may be thought to have ended that has not: the account is looked at each half minute."""
_STEP_S = 0.05
_BOOKS_EVERY = 7
"""Books are compared every so many steps."""
LIMIT = Decimal("0.05")


@dataclass(frozen=True, slots=True)
class Market:
    """What is traded at a venue, and how scripts of faults know its requests and streams."""

    symbols: tuple[tuple[str, ...], ...]
    orders: tuple[str, ...]
    streams: tuple[str, ...]
    without: tuple[str, ...] = ()
    """Kinds of faults that mean nothing there."""
    counted: tuple[str, ...] = ()
    """Streams of which it shows where a message is missing or late; all if not given."""
    data: str = "synth"
    """What moves its market."""


_BINANCE = Market(
    (("BTCUSDT",), ("BTCUSDT", "ETHUSDT")),
    ("order*", "POST /?api/v?/order", "DELETE /?api/v?/*", "PUT /?api/v?/order*"),
    ("*@depth*", "*@trade", "*@bookTicker", "user", "answer*", "ack", "*"),
)
_BYBIT = Market(
    (("BTCUSDT",),),
    ("order*", "POST /v5/order/*"),
    ("orderbook*", "publicTrade*", "user", "answer*", "ack", "*"),
    without=("stale_snapshot",),
)
MARKETS = {
    "BINANCE": _BINANCE,
    "BINANCE_USDM": _BINANCE,
    "BYBIT": _BYBIT,
    "BYBIT_SPOT": _BYBIT,
    "COINBASE": Market(
        (("BTC-USD",), ("BTC-USD", "ETH-USD")),
        ("POST */orders*",),
        ("level2*", "market_trades*", "heartbeats", "user", "ack", "*"),
        without=("stale_snapshot",),
    ),
}
FEEDS = {
    "exchange": Market(
        (("BTC-USD",),),
        ("POST */orders*",),
        ("exchange.level2_batch*", "exchange.matches*", "exchange.heartbeat*", "user", "ack", "*"),
        without=("stale_snapshot",),
        # A book of levels has no numbers: what is lost of it shows in nothing but the trades.
        counted=("exchange.matches*", "exchange.heartbeat*", "user", "ack"),
    ),
    "full": Market(
        (("BTC-USD",),),
        ("POST */orders*",),
        ("exchange.full*", "exchange.ticker*", "exchange.heartbeat*", "user", "ack", "*"),
        without=("stale_snapshot",),
        data="crowd",
    ),
}
"""Other feeds of Coinbase."""
_READS = ("GET *",)


def market_of(venue: str, feed: str | None) -> Market:
    """Return what is traded at a venue, on another feed of its where that is given."""
    return MARKETS[venue] if feed is None else FEEDS[feed]


def connector_of(feed: str | None) -> dict[str, Any]:
    """Return what a connector is made with for a feed."""
    return {} if feed is None else {"feed": feed}


_LAG_S = 1.0
"""How late every other session lets messages be; what is delayed, or stamped by a clock that is set, is later."""
_KINDS = (
    "drop", "duplicate", "reorder", "delay", "corrupt", "half_open", "disconnect", "status", "lose", "swallow", "lag",
    "lose", "swallow", "stale_snapshot", "clock_step", "lost_sequence", "expire_keys",
)  # fmt: skip


class Quoter(tc.Strategy):
    """Quotes both sides, and takes now and then."""

    def on_start(self, ctx: tc.Context) -> None:
        self.turns = 0
        self.filled = 0.0
        ctx.every("200ms", self.requote)

    def requote(self, ctx: tc.Context) -> None:
        self.turns += 1
        for name in self.instruments:
            book = ctx.book(name)
            bid, ask = book.best_bid, book.best_ask
            if not book.is_synced or bid is None or ask is None:
                continue
            away = (self.turns // 5 % 3) * book.tick_size
            ctx.quote(name, bid=bid - away, ask=ask + away, qty="0.01", post_only=True)
            if self.turns % 23 == 0:
                held = ctx.position(name).qty
                (ctx.sell if held > 0 else ctx.buy)(name, "0.01")

    def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
        self.filled += fill.qty


def _faults(random: Random, market: Market) -> list[Fault]:
    """Draw what goes wrong."""
    rows: list[Fault] = []
    for _ in range(random.randint(1, 6)):
        begin = random.uniform(1.0, _FAULTS_S)
        row: dict[str, Any] = {"after_s": begin, "until_s": min(_FAULTS_S, begin + random.uniform(0.2, 8.0))}
        kind = random.choice([kind for kind in _KINDS if kind not in market.without])
        row["kind"] = kind
        if kind in ("drop", "duplicate", "reorder", "delay", "corrupt"):
            on = (kind != "corrupt" and market.counted) or market.streams
            row |= {"on": random.choice(on), "probability": random.choice((0.02, 0.2, 0.7))}
        elif kind in ("half_open", "disconnect"):
            row |= {"on": random.choice(market.streams), "count": random.randint(1, 3)}
        elif kind in ("status", "lose", "swallow", "lag"):
            row |= {"on": random.choice(market.orders + _READS), "probability": random.choice((0.1, 0.5, 1.0))}
            row |= {"status": random.choice((429, 429, 500, 503)), "count": random.randint(1, 20)}
        row["delay_ms"] = random.choice((5, 100, 1_500, 4_000))
        row["step_ms"] = random.choice((-3_000, 1_500, 30_000))
        rows.append(Fault(**row))
    return rows


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a seed came to."""

    digest: str
    orders: int
    fills: int
    crashes: int
    met: int
    """Faults met."""
    well_after_s: float
    """How long after the last fault all was well."""


class _Play:
    def __init__(
        self, loop: VirtualLoop, seed: int, server: type[LocalServer], feed: str | None, seen: dict[str, set[Levels]]
    ) -> None:
        self.random = random = Random(f"simulation {seed}")
        self.loop = loop
        self.seed = seed
        self.seen = seen
        self.looks = 0
        self.ended_here: dict[str, float] = {}
        """Orders that have ended by what the session was told, and are open at the venue: since when that is so."""
        venue = random.choice(server.venues)
        market = market_of(venue, feed)
        symbols = random.choice(market.symbols)
        slow = random.choice((0.001, 0.02, 0.2))
        loop.latency_s = (slow / 4, slow)
        self.crashes = sorted(random.uniform(0.5, _FAULTS_S) for _ in range(random.choice((0, 0, 1, 1, 2, 3))))
        self.world = World(
            loop, seed, venue, symbols, lambda ids: [Quoter("q", ids)],
            server={"faults": _faults(random, market), "speed": random.choice((0.3, 1.0)), "data": market.data},
            connector=connector_of(feed),
            risk=needing_synced_books(tc.RiskLimits(max_position_qty=str(LIMIT))), sync_timeout=_PATIENCE_S,
            max_lag=_LAG_S if seed % 2 else None,
        )  # fmt: skip

    async def run(self) -> Outcome:
        world = self.world
        async with world.server:
            world.now.start()
            for at in self.crashes:
                await self._until(at)
                await world.crash()
            await self._until(_FAULTS_S)
            well_after = await self._well()
            outcome = await self._end(well_after)
        return outcome

    async def _until(self, at_s: float) -> None:
        while self.loop.time() < at_s:
            await asyncio.sleep(min(_STEP_S, at_s - self.loop.time()))
            self._safe()
            await self._supervise()

    async def _supervise(self) -> None:
        """Start a session again that could not begin, as whoever runs it would."""
        running = self.world.now.running
        if running is not None and running.done():
            await asyncio.sleep(1.0)
            await self.world.crash()

    def _safe(self) -> None:
        """Raise where something is as it must never be."""
        world = self.world
        running = world.now.running
        assert running is not None
        if running.done() and not world.now.has_begun and isinstance(running.exception(), NoAnswerError | VenueError):
            return  # it could not begin; somebody has it tried again
        if running.done():
            raise Unsafe("the session has ended by itself") from running.exception()
        for name, qty in world.held_there().items():
            if abs(qty) > LIMIT:
                raise Unsafe(f"{qty} of {name} are held, the limit is {LIMIT}")
        if not world.now.has_begun:
            return
        assert world.now.live is not None
        kernel = world.now.live.session.kernel
        if set(kernel.trading.values()) != {"active"} or kernel.failures:
            raise Unsafe(f"strategies do not trade: {kernel.trading} {kernel.failures}")
        self._accounted()
        self.looks += 1
        if self.looks % _BOOKS_EVERY == 0:
            world.check_books(self.seen)

    def _accounted(self) -> None:
        """Raise where the venue has an order open that the session does not know of.

        What is told of its fills may end an order here by terms that the venue has changed meanwhile: the next look at
        the account finds it.
        """
        world, now = self.world, self.loop.time()
        known = {order["order_id"]: order["is_open"] for order in world.known()["orders"]}
        there = world.open_there()
        self.ended_here = {client_id: since for client_id, since in self.ended_here.items() if client_id in there}
        for client_id in there:
            is_open = known.get(world.number_of(client_id))
            if is_open:
                self.ended_here.pop(client_id, None)
            elif is_open is None or now - self.ended_here.setdefault(client_id, now) > _FOUND_S:
                raise Unsafe(f"order {client_id} is open at the venue, and the session does not know of it")

    def _what_is_not_well(self) -> str | None:
        world = self.world
        live = world.now.live
        if live is None or not world.now.has_begun:
            return "the session has not begun"
        if late := world.books_not_synced():
            return f"books are not synced: {late}"
        if unresolved := sum(line.connector.health.unresolved for line in live.lines):
            return f"{unresolved} orders are not resolved"
        here, there = set(world.open_here()), {world.number_of(client) for client in world.open_there()}
        if here != there:
            return f"open here {sorted(here)}, there {sorted(there)}"
        if not here:
            return "nothing is quoted"
        if (ours := world.held_here()) != (theirs := world.held_there()):
            return f"held here {ours}, there {theirs}"
        return None

    async def _well(self) -> float:
        """Wait until all is well."""
        began = self.loop.time()
        while (problem := self._what_is_not_well()) is not None:
            if self.loop.time() - began > _PATIENCE_S:
                raise Unsafe(f"{_PATIENCE_S:g} s after the last fault: {problem}")
            await asyncio.sleep(_STEP_S)
            self._safe()
            await self._supervise()
        return self.loop.time() - began

    async def _end(self, well_after: float) -> Outcome:
        world = self.world
        live, running = world.now.live, world.now.running
        assert live is not None
        assert running is not None
        if self.random.random() < 0.5:  # what happens from now on is found by the last look at the account
            world.mute()
            await asyncio.sleep(self.random.uniform(0.0, 3.0))
        live.stop()
        result = await running
        await asyncio.sleep(2.0)
        check_ended(world.desk, world.venue, result.held, result.fills.select("instrument", "price", "qty").rows())
        self._replayed(result.session, result.digest)
        met = sum(world.server.faults_met.values())
        orders, fills = len(world.desk.orders), len(world.fills_there())
        return Outcome(result.digest, orders, fills, len(self.crashes), met, round(well_after, 2))

    def _replayed(self, session: str, digest: str) -> None:
        """Raise where the journal does not decide the same once more."""
        reader = JournalReader(self.world.now.journal / session)
        kernel, diverged = replayed(reader, self.world.strategies(), self.world.options["risk"])
        if diverged is not None or kernel.finish() != digest:
            raise Unsafe(f"the journal replayed differs at {diverged}")


def check_ended(desk: Any, venue: str, held: Mapping[str, Decimal], fills: list[tuple[str, float, float]]) -> None:
    """Raise where the end of a session is not what the venue has; fills are instrument, price and quantity."""
    sent = Counter(order.client_id for order in desk.orders.values() if order.account == 0)
    if left := [order.client_id for order in desk.open_orders(0)]:
        raise Unsafe(f"orders were left at the venue: {left}")
    if twice := [client_id for client_id, count in sent.items() if count > 1]:
        raise Unsafe(f"orders were sent twice: {twice}")
    told = desk.fills.get(0, ())
    there = Counter((f"{order.symbol}.{venue}", float(fill.price), float(fill.qty)) for order, fill in told)
    if (here := Counter(fills)) != there:
        raise Unsafe(f"fills here and not there: {here - there}, there and not here: {there - here}")
    ours, theirs = ({name: qty for name, qty in of.items() if qty} for of in (held, held_at(desk, venue)))
    if ours != theirs:
        raise Unsafe(f"in the end {ours} is held here, {theirs} there")


def replayed(reader: JournalReader, strategies: list[tc.Strategy], risk: tc.RiskLimits) -> tuple[Any, int | None]:
    """Return a kernel that has decided all of a journal once more, and when that differed."""
    instruments = [tc.instruments.instrument_from_dict(table) for table in reader.header["instruments"]]
    kernel = build_kernel(
        reader.header["session"], strategies, instruments, stop_run_on_error=True, keeps_journal=True, risk=risk
    )
    diverged, _ = kernel.replay(reader.entries())
    return kernel, diverged


def play(seed: int, venue: str = "binance", feed: str | None = None) -> Outcome:
    """Play what a seed makes of a local venue, on another feed of its where that is given.

    Raises
    ------
    AssertionError
        For what must not be.
    """

    [server] = [server for server in SERVERS if server.name == venue]

    async def work(loop: VirtualLoop) -> Outcome:
        # So short a session has states as well, each second.
        with recorded_books() as seen, patch.object(Checkpoints, "every_inputs", 20):
            playing = _Play(loop, seed, server, feed, seen)
            try:
                return await playing.run()
            finally:
                running = playing.world.now.running
                if running is not None and not running.done() and not loop.is_closed():
                    running.cancel()
                    await asyncio.gather(running, return_exceptions=True)
                playing.world.clear()

    return run_virtually(work, seed)


def quiet() -> None:
    """Leave out what sessions log of faults that are meant."""
    logging.getLogger("tradecore").setLevel(logging.CRITICAL)
