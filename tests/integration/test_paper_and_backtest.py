"""A session on paper, backtested on the market of its own journal, is the same session."""

from __future__ import annotations

import asyncio
from pathlib import Path

import polars as pl
import pytest

import tradecore as tc
from tradecore.backtest.tables import TableStore
from tradecore.live.runner import Live
from tradecore.live.state import SessionResult
from tradecore.sandbox import server_of
from tradecore.venues import make_connector
from venue_live import until

LEFT_OUT_NS = 50_000_000
VENUES = ["BINANCE_USDM", "BYBIT", "COINBASE"]


class Busy(tc.Strategy):
    """Quotes both sides, takes now and then, and answers fills at once."""

    def on_start(self, ctx: tc.Context) -> None:
        self.turns = self.fills = self.ended = 0
        ctx.every("70ms", self.requote)

    def requote(self, ctx: tc.Context) -> None:
        for name in self.instruments:
            book = ctx.book(name)
            if not book.is_synced or book.best_bid is None or book.best_ask is None:
                continue
            self.turns += 1
            if self.turns % 7 == 0:
                (ctx.buy if self.turns % 2 else ctx.sell)(name, "0.01")
            ctx.quote(name, bid=book.best_bid, ask=book.best_ask, qty="0.01", post_only=True)

    def on_order(self, ctx: tc.Context, order: tc.Order) -> None:
        self.ended += order.status in (tc.OrderStatus.FILLED, tc.OrderStatus.CANCELLED)

    def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
        self.fills += 1
        if self.turns % 3 == 0:
            ctx.cancel_all()


def names_at(venue: str) -> list[str]:
    symbols = {"COINBASE": ("BTC-USD", "ETH-USD"), "BYBIT": ("BTCUSDT",)}.get(venue, ("BTCUSDT", "ETHUSDT"))
    return [f"{symbol}.{venue}" for symbol in symbols]


def settings(venue: str) -> tc.SimVenue:
    # What a backtest measures of the data is stated, for a session knows nothing ahead.
    latency = tc.Latency(entry="lognormal(4ms, 0.3)", response="3ms")
    return tc.SimVenue(venue, latency=latency, granularity="100ms", clock_lead="0s")


async def session(venue: str, folder: Path) -> tuple[SessionResult, int]:
    make = server_of(venue)
    assert make is not None
    names = names_at(venue)
    async with make(seed=3, symbols=names) as server:
        connector = make_connector(venue, url=server.rest, seed=1)
        busy, paper = Busy("a", names), [settings(venue)]
        async with Live([busy], [connector], paper=paper, journal=folder, session="s1", seed=5) as live:
            running = asyncio.create_task(live.run())
            await until(lambda: running.done() or (live.has_begun and min(busy.fills, busy.ended) > 40))
            await asyncio.sleep(LEFT_OUT_NS / 1e9)
            stopped_ns = live.clock.now_ns()
            live.stop()
            return await running, stopped_ns


def fills(store: TableStore, until_ns: int) -> pl.DataFrame:
    return store.table("fills").filter(pl.col("ts_recv") <= until_ns)


def orders(store: TableStore, until_ns: int) -> pl.DataFrame:
    return store.table("orders").filter(pl.col("ts_close") <= until_ns)


@pytest.mark.parametrize("venue", VENUES)
def test_a_session_backtested_on_its_own_journal_is_the_same(venue: str, tmp_path: Path) -> None:
    ran, stopped_ns = asyncio.run(session(venue, tmp_path))
    names = names_at(venue)
    market = tc.session_market(tmp_path / "s1")
    assert [instrument.id for instrument in market.instruments] == names
    backtest = tc.Backtest([Busy("a", names)], market.data, [settings(venue)], specs=market.instruments, seed=5)
    again = backtest.run()
    # In its end a session cancels, which a backtest does not: what was under way then is left out.
    until_ns = stopped_ns - LEFT_OUT_NS
    assert orders(ran.tables, until_ns).height > 20
    assert fills(ran.tables, until_ns).height > 20
    assert orders(ran.tables, until_ns).equals(orders(again.tables, until_ns))
    assert fills(ran.tables, until_ns).equals(fills(again.tables, until_ns))
