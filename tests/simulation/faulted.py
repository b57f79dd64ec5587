"""One life of an order under each kind of fault, held against the same life where nothing goes wrong.

The market moves while the session connects, and then stands still, so that what the life comes to does not depend on
when: books, orders, positions and money in the end are those of the clean run, or the session has halted and says why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from simulation.life import Lifelong, fill_a_part
from simulation.network import VirtualLoop, run_virtually
from simulation.scenario import MARKETS
from simulation.world import World
from tradecore.errors import TradecoreError
from tradecore.sandbox.faults import Fault
from tradecore.sandbox.feed import MarketFeed

__all__ = ["CASES", "Lived", "cases_of", "differences", "live_under"]

_MOVES_S = 2.0
"""How long the market moves."""
_BEGINS_S = 3.0
"""When the life begins: the market stands, and what was late is there."""
_FAULTS_S = 7.0
"""How long things go wrong."""
_PATIENCE_S = 300.0
"""How long at most all takes: a ban may last for two minutes, and an account is looked at each half minute."""
_LEVELS = 10
_STEP_S = 0.05
_BREATH = 8
"""So many steps it takes from an order of somebody else to the next."""
_FAR = 25
"""The level where they lie: not one of those that are compared."""


def _told(kind: str, on: str, **more: Any) -> Fault:
    return Fault.model_validate({"kind": kind, "on": on, "after_s": 0.5, "until_s": _FAULTS_S, **more})


def _of_messages(kind: str, **more: Any) -> Any:
    """A share of all messages."""
    return lambda market: [_told(kind, "*", **{"probability": 0.2, **more})]


def _of_orders(kind: str, **more: Any) -> Any:
    """The first few requests of each kind that orders take."""
    return lambda market: [_told(kind, on, count=2, **more) for on in market.orders]


CASES: Mapping[str, Any] = {
    "drop": _of_messages("drop"),
    "drop: acknowledgements": lambda _: [Fault(kind="drop", on="ack", count=2), _told("disconnect", "*", count=2)],
    "drop: the user stream": lambda _: [_told("drop", "user")],
    "duplicate": _of_messages("duplicate", probability=0.7),
    "duplicate: the user stream": lambda _: [_told("duplicate", "user")],
    "reorder": _of_messages("reorder"),
    "delay": _of_messages("delay", delay_ms=700),
    "corrupt": _of_messages("corrupt", probability=0.05),
    "half_open: the market": lambda market: [_told("half_open", market.streams[0], after_s=2.5, count=2)],
    "half_open: the account": lambda _: [_told("half_open", "user", skip=1, count=1)],
    "disconnect: the market": lambda market: [_told("disconnect", market.streams[0], count=3)],
    "disconnect: the account": lambda _: [_told("disconnect", "user", skip=1, count=2)],
    "status: 429": _of_orders("status", status=429),
    "status: 418": _of_orders("status", status=418),
    "status: 503": _of_orders("status", status=503),
    "status: maintenance": lambda _: [_told("status", "*", after_s=3.1, until_s=6.0, status=503)],
    "lose": _of_orders("lose"),
    "swallow": _of_orders("swallow"),
    "lag": _of_orders("lag", delay_ms=1_500),
    "stale_snapshot": lambda market: [
        _told("disconnect", market.streams[0], skip=5, count=1), _told("stale_snapshot", "GET *", count=2),
    ],
    "clock_step": lambda _: [_told("clock_step", "*", after_s=3.1, step_ms=30_000)],
    "lost_sequence": lambda _: [_told("lost_sequence", "*", after_s=3.1)],
    "expire_keys": lambda _: [_told("expire_keys", "*", after_s=3.1)],
}  # fmt: skip
"""What goes wrong at a market, by the kind of fault and what sort of it."""


def cases_of(venue: str) -> list[str]:
    """Return the names of the cases that there are at a venue."""
    return [name for name in CASES if name.partition(":")[0] not in MARKETS[venue].without]


@dataclass(frozen=True, slots=True)
class Lived:
    """What a life came to, here and at the venue."""

    halted: str
    """Why the session has ended by itself; empty if it has not."""
    step: str
    book_here: Any
    book_there: Any
    orders: tuple[tuple[Any, ...], ...]
    """Those that the venue took: side, type, quantity, limit, what was filled, how they ended."""
    fills_here: tuple[tuple[Any, ...], ...]
    fills_there: tuple[tuple[Any, ...], ...]
    held_here: Decimal
    held_there: Decimal
    cash_here: Decimal
    """What trading has cost or brought."""
    balances_there: tuple[tuple[str, Decimal], ...]
    open_there: int
    met: int
    """Faults met, and changes of the clock."""
    seconds: float
    """How long it took on its clock."""


def differences(clean: Lived, faulty: Lived) -> list[str]:
    """Return what of a life differs from what it was where nothing went wrong, beside how long it took."""
    names = [field.name for field in fields(Lived) if field.name not in ("met", "seconds")]
    pairs = [(name, getattr(clean, name), getattr(faulty, name)) for name in names]
    return [f"{name}: {was}, is {now}" for name, was, now in pairs if was != now]


class _Still(MarketFeed):
    """A market that stands still after a while."""

    def __init__(self, feed: MarketFeed) -> None:
        self._feed = feed
        self._end_ns = 0

    def begin(self, now_ns: int) -> None:
        self._end_ns = now_ns + int(_MOVES_S * 1e9)
        self._feed.begin(now_ns)

    def due(self, now_ns: int) -> Iterator[Any]:
        return self._feed.due(min(now_ns, self._end_ns))


class _Life:
    def __init__(self, loop: VirtualLoop, venue: str, faults: list[Fault]) -> None:
        self.loop = loop
        self.faults = faults
        self.turns = 0
        symbol = MARKETS[venue].symbols[0][0]
        self.strategy: Lifelong | None = None
        self.world = world = World(
            loop, 7, venue, [symbol], self._make, server={"speed": 0.3, "faults": faults}, sync_timeout=_PATIENCE_S
        )
        desk = world.desk
        desk._feeds = [(market, name, _Still(feed)) for market, name, feed in desk._feeds]
        self.symbol = symbol

    def _make(self, names: list[str]) -> list[Lifelong]:
        self.strategy = Lifelong("life", names, begins_ns=self.world.clock.now_ns() + int(_BEGINS_S * 1e9))
        return [self.strategy]

    async def run(self) -> Lived:
        world, halted, result = self.world, "", None
        async with world.server:
            world.now.start()
            running = world.now.running
            assert running is not None
            while not running.done() and not self._is_over() and self.loop.time() < _PATIENCE_S:
                await asyncio.sleep(_STEP_S)
                fill_a_part(world)
                self._breathe()
            took = self.loop.time()
            live = world.now.live
            books = (self._book_here(), self._book_there())
            cash = Decimal(0)
            if not running.done():
                assert live is not None
                cash = sum((row["cash"] for row in live.session.kernel.positions), Decimal(0))
                live.stop()
            try:
                result = await running
            except TradecoreError as error:
                halted = f"{type(error).__name__}: {error}"
            return self._lived(halted, result, books, cash, took)

    def _breathe(self) -> None:
        """Have somebody rest an order far from the touch, and take it back: what stands still tells nothing."""
        desk, now_ns = self.world.desk, self.world.clock.now_ns()
        self.turns += 1
        if self.turns % _BREATH == 0:
            for order in desk.open_orders(1):
                desk.cancel(order, now_ns)
        elif self.turns % _BREATH == _BREATH // 2:
            _, asks = desk.exchange.depth(desk.market_of[self.symbol], _FAR)
            price = asks[-1][0] * desk.instruments[self.symbol].price_increment
            desk.place(1, self.symbol, "SELL", Decimal("0.01"), price, now_ns, post_only=False)

    def _is_over(self) -> bool:
        """Return whether the life is, and nothing goes wrong any more, and the book is the venue's."""
        world = self.world
        if self.strategy is None or not world.now.has_begun or self.loop.time() < _FAULTS_S:
            return False
        return self.strategy.step == "done" and not world.books_not_synced() and self._book_here() == self._book_there()

    def _book_here(self) -> Any:
        live = self.world.now.live
        if live is None or not live.lines:
            return None
        sides = live.lines[0].book(self.world.ids[0]).depth(_LEVELS)
        return tuple(tuple((round(price, 9), round(qty, 9)) for price, qty in side.tolist()) for side in sides)

    def _book_there(self) -> Any:
        desk = self.world.desk
        instrument = desk.instruments[self.symbol]
        sides = desk.levels(self.symbol, _LEVELS)
        steps = (instrument.price_increment, instrument.qty_increment)
        return tuple(
            tuple((float(price * steps[0]), float(qty * steps[1])) for price, qty in list(side.items())[:_LEVELS])
            for side in sides
        )

    def _lived(self, halted: str, result: Any, books: tuple[Any, Any], cash: Decimal, took: float) -> Lived:
        world = self.world
        desk = world.desk
        own = [o for o in desk.orders.values() if o.account == 0 and o.status not in ("REJECTED", "FAILED")]
        rows = [] if result is None else result.fills.select("side", "price", "qty").rows()
        (name,) = world.ids
        return Lived(
            halted=halted,
            step="" if self.strategy is None else self.strategy.step,
            book_here=books[0],
            book_there=books[1],
            orders=tuple((o.side, o.kind, o.qty, o.price, o.filled, o.status) for o in own),
            fills_here=tuple(sorted(rows)),
            fills_there=tuple((o.side, float(f.price), float(f.qty)) for o, f in desk.fills.get(0, ())),
            held_here=Decimal(0) if result is None else result.held.get(name, Decimal(0)),
            held_there=world.held_there()[name],
            cash_here=cash,
            balances_there=tuple((coin, held) for coin, (held, _) in sorted(desk.balances(0).items())),
            open_there=len(world.open_there()),
            met=sum(world.server.faults_met.values()) + sum(fault.kind == "clock_step" for fault in self.faults),
            seconds=round(took, 1),
        )


def live_under(venue: str, case: str | None = None) -> Lived:
    """Live an order's life at a venue, under a case of :data:`CASES`; where nothing goes wrong without one."""
    faults = [] if case is None else CASES[case](MARKETS[venue])

    async def work(loop: VirtualLoop) -> Lived:
        life = _Life(loop, venue, faults)
        try:
            return await life.run()
        finally:
            life.world.clear()

    return run_virtually(work, 7)
