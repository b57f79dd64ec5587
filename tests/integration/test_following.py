"""What strategies follow while a session runs reaches its venue, and only that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import tradecore as tc
from tradecore.errors import InvalidValueError
from tradecore.live.journal import JournalReader
from tradecore.live.runner import Live
from tradecore.sandbox import BybitServer
from tradecore.session.kernel import build_kernel
from tradecore.venues import Connector, Stream, make_connector
from venue_live import until

BTC, USD = "BTCUSDT.BYBIT", "BTCUSD.BYBIT"


class Choosy(tc.Strategy):
    """Leaves the marks of its own instrument for those of another one, and comes back when it has heard two."""

    def on_start(self, ctx: tc.Context) -> None:
        self.heard = {BTC: 0, USD: 0}
        ctx.subscribe(USD, "mark")
        ctx.unsubscribe(BTC, "mark")
        ctx.every("20ms", self.look)

    def look(self, ctx: tc.Context) -> None:
        """Change the price of an order, so that there is something to decide again."""
        book = ctx.book(BTC)
        if book.is_synced and book.best_bid is not None:
            ctx.quote(BTC, bid=book.best_bid, qty="0.01", post_only=True)

    def on_mark(self, ctx: tc.Context, mark: tc.ReferencePrice) -> None:
        self.heard[mark.instrument] += 1
        if mark.instrument == USD and self.heard[USD] == 2:
            ctx.subscribe(BTC, "mark")
        if mark.instrument == BTC and self.heard[BTC] == 2:
            ctx.unsubscribe(USD, "mark")


class Brief(tc.Strategy):
    """Has enough of marks after the first one."""

    def on_mark(self, ctx: tc.Context, mark: tc.ReferencePrice) -> None:
        ctx.unsubscribe(mark.instrument, "mark")


class Alarmed(tc.Strategy):
    """Wants to hear of liquidations, also where there are none."""

    elsewhere: str = ""

    def on_start(self, ctx: tc.Context) -> None:
        if self.elsewhere:
            ctx.subscribe(self.elsewhere, "liquidations")

    def on_liquidation(self, ctx: tc.Context, liquidation: tc.Liquidation) -> None: ...


class Idle(tc.Strategy):
    """Does nothing."""

    def on_start(self, ctx: tc.Context) -> None: ...


def told(server: BybitServer) -> set[str]:
    """What the server sends to somebody, beside books and trades."""
    topics = server._api.streams._topics.values()
    return {topic.name for topic in topics if topic.subscribers and topic.kind == "tickers"}


def strategies() -> list[tc.Strategy]:
    return [Choosy("choosy", [BTC]), Brief("brief", [USD])]


def made(server: BybitServer, folder: Path, trading: list[tc.Strategy]) -> tuple[Live, Connector]:
    connector = make_connector("BYBIT", url=server.rest, seed=1)
    venue = tc.SimVenue("BYBIT", latency=tc.Latency(entry="1ms", response="1ms"))
    return Live(trading, [connector], paper=[venue], journal=folder, seed=1), connector


async def during(live: Live, work: Callable[[], Awaitable[None]], *, cut: bool = False) -> Any:
    """Run a session while something is looked at, and end it in order or not."""
    async with live:
        running = asyncio.create_task(live.run())
        await live.begun()
        await work()
        if cut:
            running.cancel()
            return await asyncio.gather(running, return_exceptions=True)
        live.stop()
        return await running


def test_what_is_followed_later_is_asked_for_and_given_up_and_holds_after_a_restart(tmp_path: Path) -> None:
    async def work() -> None:
        async with BybitServer(symbols=[BTC, USD], seed=1) as server:
            live, connector = made(server, tmp_path, strategies())
            choosy = live.strategies[0]
            assert isinstance(choosy, Choosy)
            seen: list[set[str]] = []

            async def change() -> None:
                # Both follow USD at first, then one; BTC comes when that one has heard enough, and USD goes.
                async def note() -> None:
                    while True:
                        if not seen or told(server) != seen[-1]:
                            seen.append(told(server))
                        await asyncio.sleep(0.005)

                noting = asyncio.create_task(note())
                await until(lambda: choosy.heard[BTC] >= 2)
                await until(lambda: told(server) == {"tickers.BTCUSDT"})
                assert connector.delivers(BTC, Stream.MARK)
                assert not connector.delivers(USD, Stream.MARK)
                # A connection that is lost takes it up again.
                heard = choosy.heard[BTC]
                connector._streams.drop((BTC, Stream.BOOK), "the test says so")  # type: ignore[attr-defined]
                await until(lambda: not connector.delivers(BTC, Stream.MARK))
                await until(lambda: connector.delivers(BTC, Stream.MARK) and choosy.heard[BTC] > heard)
                assert told(server) == {"tickers.BTCUSDT"}
                noting.cancel()

            await during(live, change, cut=True)
            changes = [names for names in seen if names]
            assert changes[0] in ({"tickers.BTCUSDT", "tickers.BTCUSD"}, {"tickers.BTCUSD"})
            assert {"tickers.BTCUSDT", "tickers.BTCUSD"} in changes
            await until(lambda: not told(server))
            # The one that goes on does what the journal says, not what its hooks say at first.
            live, connector = made(server, tmp_path, strategies())
            again = live.strategies[0]
            assert isinstance(again, Choosy)

            async def go_on() -> None:
                heard = again.heard[BTC]
                assert heard >= 2
                assert told(server) == {"tickers.BTCUSDT"}
                await until(lambda: again.heard[BTC] > heard)

            result = await during(live, go_on)
            reader = JournalReader(tmp_path / result.session)
            instruments = [tc.instruments.instrument_from_dict(table) for table in reader.header["instruments"]]
            kernel = build_kernel(result.session, strategies(), instruments, keeps_journal=True)
            assert kernel.replay(reader.entries())[0] is None
            assert kernel.finish() == result.digest

    asyncio.run(work())


SPOT = "BTCUSDT.BYBIT_SPOT"


def spot_and(server: BybitServer, *trading: tc.Strategy) -> Live:
    connectors = [make_connector(venue, url=server.rest, seed=1) for venue in ("BYBIT", "BYBIT_SPOT")]
    return Live(trading, connectors, paper=[tc.SimVenue("BYBIT"), tc.SimVenue("BYBIT_SPOT")])


def test_what_a_venue_does_not_tell_is_refused_at_the_start_and_said_later(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        async with BybitServer(symbols=[BTC, SPOT], seed=1) as server:
            with pytest.raises(InvalidValueError, match=r"stream: BTCUSDT\.BYBIT_SPOT has no liquidations"):
                async with spot_and(server, Alarmed("a", [SPOT])):
                    pass
            assert "follows" not in caplog.text

            async def nothing() -> None:
                await until(lambda: "follows" in caplog.text)

            result = await during(spot_and(server, Alarmed("a", [BTC], elsewhere=SPOT), Idle("b", [SPOT])), nothing)
            assert result.failures == {}

    asyncio.run(work())
    said = [record.getMessage() for record in caplog.records if "follows" in record.getMessage()]
    assert said == ["a follows what its venue does not tell: stream: BTCUSDT.BYBIT_SPOT has no liquidations"]
