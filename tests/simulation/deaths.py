"""An order's life that is cut off at any record of the journal, and lived to its end by the next process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import tradecore as tc
from simulation.network import VirtualLoop, run_virtually
from simulation.world import World
from tradecore.live import runner
from tradecore.live.journal import JournalWriter
from tradecore.sandbox.desk import OrderRecord

__all__ = ["Ended", "live_through"]

_NAME = "BTCUSDT.BINANCE_USDM"
_PATIENCE_S = 120.0


class Lifelong(tc.Strategy):
    """Rests a bid, lowers it, has part of it filled, cancels the rest, sells what it holds, and is done.

    Each step waits until what it sees is the outcome of the one before, so that a process that dies between them does
    not change what comes next.
    """

    def on_start(self, ctx: tc.Context) -> None:
        self.step = "bid"
        ctx.every("50ms", self.act)

    def act(self, ctx: tc.Context) -> None:
        book = ctx.book(_NAME)
        bid = book.best_bid
        held = ctx.position(_NAME).qty
        orders = ctx.orders(_NAME)
        if not book.is_synced or bid is None or any(order.is_pending for order in orders):
            return
        if self.step == "bid":
            if held > 0:
                self.step = "cancel"
            elif not orders:
                ctx.buy(_NAME, "0.02", bid, post_only=True)
            elif orders[0].qty == 0.02:
                ctx.replace(orders[0].order_id, qty="0.01")
        elif self.step == "cancel":
            if orders:
                ctx.cancel(orders[0].order_id)
            else:
                self.step = "sell"
        elif self.step == "sell":
            if held == 0:
                self.step = "done"
            elif not orders:
                ctx.sell(_NAME, str(Decimal(str(held))))


class _Mortal(JournalWriter):
    """A journal that says when something was appended to it, and when it was written."""

    happened: Callable[[], None] = staticmethod(lambda: None)

    def entries(self, data: bytes) -> None:
        super().entries(data)
        if data:
            self.happened()

    def flush(self) -> None:
        super().flush()
        self.happened()


class _Killed(BaseException):
    """The process is gone."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a life came to."""

    moments: int
    """At how many it could have been cut off."""
    step: str
    held: Decimal
    bought: Decimal
    sold: Decimal
    open_there: int
    twice: int
    """Client ids that the venue saw more than once."""
    crashes: int
    trading: tuple[str, ...]


class _Life:
    def __init__(self, loop: VirtualLoop, fatal: int) -> None:
        self.loop = loop
        self.fatal = fatal
        self.moments = 0
        self.is_over = False
        self.is_fatal = asyncio.Event()
        self.strategies: list[Lifelong] = []
        self.world = World(loop, 5, "BINANCE_USDM", ["BTCUSDT"], self._make, server={"speed": 0.05})

    def _make(self, names: list[str]) -> list[Lifelong]:
        self.strategies.append(Lifelong("life", names))
        return self.strategies[-1:]

    def happened(self) -> None:
        if self.is_over or self.world.now.node.is_dead or not self.world.now.has_begun:
            return
        self.moments += 1
        if self.moments == self.fatal:
            self.world.now.node.die()
            self.left = self.world.now.snapshot()
            self.is_fatal.set()
            raise _Killed

    async def run(self) -> Ended:
        world, crashes, waited = self.world, 0, 0.0
        async with world.server:
            world.now.start()
            while waited < _PATIENCE_S and not self._is_done(crashes):
                await asyncio.sleep(0.01)
                waited += 0.01
                self._trade()
                if self.is_fatal.is_set() and crashes == 0:
                    crashes += 1
                    await world.crash(self.left)
            self.is_over = True
            return await self._end(crashes)

    def _is_done(self, crashes: int) -> bool:
        """Return whether the life is over, and nobody who died is still to come again."""
        return (
            self.world.now.has_begun and self.strategies[-1].step == "done" and self.is_fatal.is_set() == bool(crashes)
        )

    def _trade(self) -> None:
        """Have somebody sell so much that a part of the bid is filled, once it is as small as it becomes."""
        desk = self.world.desk
        for order in desk.open_orders(0):
            if order.side != "BUY" or order.qty != Decimal("0.01") or order.filled > 0:
                continue
            bids, _ = desk.exchange.depth(order.market, 1)
            instrument = desk.instruments[order.symbol]
            if not bids or bids[0][0] * instrument.price_increment != order.price:
                continue
            number = desk.next_order_id()
            other = OrderRecord(
                order_id=number, client_id=f"other{number}", account=1, market=order.market, symbol=order.symbol,
                side="SELL", kind="LIMIT", time_in_force="IOC",
                qty=bids[0][1] * instrument.qty_increment - Decimal("0.006"), price=order.price,
            )  # fmt: skip
            desk.submit(other, self.world.clock.now_ns(), time_in_force="ioc")

    async def _end(self, crashes: int) -> Ended:
        world = self.world
        live, running = world.now.live, world.now.running
        assert live is not None
        assert running is not None
        trading = tuple(live.session.kernel.trading.values())
        live.stop()
        result = await running
        fills = [(order.side, fill.qty) for order, fill in world.desk.fills.get(0, ())]
        sent = [order.client_id for order in world.desk.orders.values() if order.account == 0]
        return Ended(
            moments=self.moments,
            step=self.strategies[-1].step,
            held=result.held.get(_NAME, Decimal(0)),
            bought=sum((qty for side, qty in fills if side == "BUY"), Decimal(0)),
            sold=sum((qty for side, qty in fills if side == "SELL"), Decimal(0)),
            open_there=len(world.open_there()),
            twice=len(sent) - len(set(sent)),
            crashes=crashes,
            trading=trading,
        )


def live_through(fatal: int = 0) -> Ended:
    """Live an order's life, with a death at so many a moment of its journal; 0 for none."""

    async def work(loop: VirtualLoop) -> Ended:
        life = _Life(loop, fatal)
        writer: Any = type("_Writer", (_Mortal,), {"happened": staticmethod(life.happened)})
        with patch.object(runner, "JournalWriter", writer):
            try:
                return await life.run()
            finally:
                life.world.clear()

    return run_virtually(work, 5, is_killed=lambda error: isinstance(error, _Killed))
