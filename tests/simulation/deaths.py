"""An order's life that is cut off at any record of the journal, and lived to its end by the next process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from unittest.mock import patch

from simulation.life import Lifelong, fill_a_part
from simulation.network import VirtualLoop, run_virtually
from simulation.scenario import connector_of, market_of
from simulation.world import World
from tradecore.live import runner
from tradecore.live.checkpoints import Checkpoints
from tradecore.live.journal import JournalWriter

__all__ = ["Ended", "differing", "live_through"]

_PATIENCE_S = 120.0


class _Mortal(JournalWriter):
    """A journal that says when something was appended to it, and when it was written."""

    happened: Callable[[], None] = staticmethod(lambda: None)

    def entries(self, data: bytes) -> None:
        super().entries(data)
        if data:
            self.happened()

    def state(self, saved: bytes) -> None:
        self.happened()
        super().state(saved)

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
    def __init__(self, loop: VirtualLoop, venue: str, fatal: int, feed: str | None) -> None:
        self.loop = loop
        self.fatal = fatal
        self.moments = 0
        self.is_over = False
        self.is_fatal = asyncio.Event()
        self.strategies: list[Lifelong] = []
        market = market_of(venue, feed)
        self.world = World(
            loop, 5, venue, market.symbols[0], self._make, server={"speed": 0.05, "data": market.data},
            connector=connector_of(feed),
        )  # fmt: skip

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
                fill_a_part(world)
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
            held=result.held.get(world.ids[0], Decimal(0)),
            bought=sum((qty for side, qty in fills if side == "BUY"), Decimal(0)),
            sold=sum((qty for side, qty in fills if side == "SELL"), Decimal(0)),
            open_there=len(world.open_there()),
            twice=len(sent) - len(set(sent)),
            crashes=crashes,
            trading=trading,
        )


def live_through(venue: str, fatal: int = 0, feed: str | None = None) -> Ended:
    """Live an order's life at a venue, with a death at so many a moment of its journal; 0 for none."""

    async def work(loop: VirtualLoop) -> Ended:
        life = _Life(loop, venue, fatal, feed)
        writer: Any = type("_Writer", (_Mortal,), {"happened": staticmethod(life.happened)})
        with patch.object(runner, "JournalWriter", writer), patch.object(Checkpoints, "every_inputs", 1):
            try:
                return await life.run()
            finally:
                life.world.clear()

    return run_virtually(work, 5, is_killed=lambda error: isinstance(error, _Killed))


def differing(ended: Ended, crashes: int) -> str:
    """Say what a life that was cut so often did not come to; empty for nothing."""
    expected = Ended(
        moments=ended.moments, step="done", held=Decimal(0), bought=ended.sold, sold=ended.sold, open_there=0, twice=0,
        crashes=crashes, trading=("active",),
    )  # fmt: skip
    return "" if ended == expected and ended.sold > 0 else f"{ended}, expected {expected}"
