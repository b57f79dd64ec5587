"""Brackets of spot at a real venue, as the sandbox is one: it sets aside what each order would sell."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import tradecore as tc
from tradecore.live.runner import Live
from tradecore.venues import make_connector
from tradecore.venues.clock import SystemClock
from venue_live import run, until
from venue_sandbox import keys_of, serving

pytestmark = pytest.mark.release


class Protected(tc.Strategy):
    """Buys once, with a take profit so far above what it pays."""

    above = 0
    state = ""
    group: int | None = None

    def __init__(self, name: str, instruments: list[str]) -> None:
        super().__init__(name, instruments)
        self.legs: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.told: list[tuple[str | None, str]] = []

    def on_start(self, ctx: tc.Context) -> None:
        ctx.every("20ms", self.look)

    def look(self, ctx: tc.Context) -> None:
        (name,) = self.instruments
        book = ctx.book(name)
        if self.group is not None:
            group = ctx.group(self.group)
            self.state = group.state
            self.legs = {str(order.role): (order.status.name, order.emulated) for order in group.orders}
        elif book.is_synced and book.best_bid is not None and book.best_ask is not None:
            stop, profit = round(book.best_bid * 0.98), round(book.best_ask) + self.above
            group = ctx.bracket(name, "buy", "0.01", stop_loss=stop, stop_limit=stop - 500, take_profit=profit)
            self.group = group.group_id

    def on_order(self, ctx: tc.Context, order: tc.Order) -> None:
        self.told.append((order.role, order.status.name))


def play(strategy: Protected, wanted: Any, venue: str) -> list[tuple[str, str]]:
    """Run a session until what is wanted holds; return the open orders of the account at the venue."""
    there: list[tuple[str, str]] = []

    async def work() -> None:
        clock = SystemClock()
        async with serving(venue, clock) as server:
            keys = keys_of(server.clients[0])
            connector = make_connector(venue, credentials=keys, clock=clock, seed=1, url=server.rest)
            async with Live([strategy], [connector]) as live:
                running = asyncio.create_task(live.run())
                await until(wanted)
                there.extend((order.side, order.status) for order in server._desks[venue].open_orders(0))
                live.stop()
                await running

    run(work)
    return there


def test_the_stop_is_at_the_venue_and_the_take_profit_is_kept() -> None:
    strategy = Protected("p", ["BTCUSDT.BINANCE"])
    strategy.above = 3_000
    protected = {"entry": ("FILLED", ()), "stop_loss": ("NEW", ()), "take_profit": ("NEW", ("trigger",))}
    there = play(strategy, lambda: strategy.legs == protected, "BINANCE")
    assert [side for side, _ in there] == ["SELL"]
    assert "REJECTED" not in [status for _, status in strategy.told]


def test_the_take_profit_takes_the_place_of_the_stop() -> None:
    strategy = Protected("p", ["BTCUSDT.BINANCE"])
    play(strategy, lambda: strategy.state not in ("", "working"), "BINANCE")
    assert strategy.state == "done"
    assert strategy.legs["take_profit"] == ("FILLED", ("trigger",))
    assert "REJECTED" not in [status for _, status in strategy.told]
