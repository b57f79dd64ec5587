"""What a session does when its event loop stands still, and what the venue does when it hears of nobody."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import tradecore as tc
from tradecore.live.events import LoopBlocked
from tradecore.live.runner import Live
from tradecore.observe.health import Thresholds, judge
from tradecore.sandbox import LocalServer, server_of
from tradecore.venues import Credentials, Secret, make_connector
from venue_live import run, until

pytestmark = pytest.mark.release

VENUES = ["BINANCE", "BYBIT", "COINBASE"]


def name_at(venue: str) -> str:
    return f"{'BTC-USD' if venue == 'COINBASE' else 'BTCUSDT'}.{venue}"


class Sleeper(tc.Strategy):
    """Rests a bid far below the best one, and then holds the event loop until it is let go."""

    def on_start(self, ctx: tc.Context) -> None:
        self.is_asked, self.is_held, self.go_on = False, False, threading.Event()
        ctx.every("20ms", self.quote)

    def quote(self, ctx: tc.Context) -> None:
        (name,) = self.instruments
        book = ctx.book(name)
        if book.is_synced and not ctx.orders(name) and not self.is_held:
            price = int(book.best_bid * 0.9 / book.tick_size) * book.tick_size
            ctx.buy(name, "0.01", round(price, 2), post_only=True)
        if self.is_asked and not self.is_held:
            self.is_held = True
            self.wait()

    def wait(self) -> None:
        assert self.go_on.wait(150)


@contextmanager
def serving(venue: str) -> Iterator[LocalServer]:
    """A server in an event loop of its own, which goes on when the session's does not."""
    made: list[LocalServer] = []
    ready, over = threading.Event(), threading.Event()

    def work() -> None:
        async def serve() -> None:
            make = server_of(venue)
            assert make is not None
            async with make(seed=4, symbols=[name_at(venue)]) as server:
                made.append(server)
                ready.set()
                await asyncio.to_thread(over.wait)

        asyncio.run(serve())

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert ready.wait(60)
        yield made[0]
    finally:
        over.set()
        thread.join()


def credentials(server: LocalServer) -> Credentials:
    return Credentials(key=server.clients[0].key, secret=Secret(server.clients[0].secret))


@contextmanager
def session(venue: str, **options: Any) -> Iterator[tuple[LocalServer, Live, Sleeper]]:
    """A session on real orders, that is not open yet, with the server it trades at."""
    sleeper = Sleeper("m", [name_at(venue)])
    with serving(venue) as server:
        connector = make_connector(venue, credentials=credentials(server), url=server.rest, seed=1)
        yield server, Live([sleeper], [connector], **options), sleeper


def trade(live: Live, sleeper: Sleeper, during: Callable[[], Awaitable[None]]) -> None:
    """Run a session, and something once its order rests."""

    async def work() -> None:
        async with live:
            running = asyncio.create_task(live.run())
            # At the venue, too, and not on its way there.
            await until(lambda: running.done() or (live.has_begun and acknowledged(live) == [True]))
            await during()
            sleeper.go_on.set()
            live.stop()
            await running

    run(work)


def acknowledged(live: Live) -> list[bool]:
    """Of each open order, whether its venue has it."""
    names = [instrument.id for instrument in live.session.instruments]
    return [order.is_acknowledged for order in live.session.known(names).orders if order.is_open]


async def hold(sleeper: Sleeper, meanwhile: Callable[[], object]) -> None:
    """Have the event loop stand still while a thread does something, which lets it go."""
    doing = asyncio.get_running_loop().run_in_executor(None, meanwhile)
    sleeper.is_asked = True
    await doing


def let_go_when_blocked(live: Live, sleeper: Sleeper, after_s: float = 0.0) -> None:
    while live.blocked is None:
        time.sleep(0.05)
    time.sleep(after_s)
    sleeper.go_on.set()


def open_at(venue: str, server: LocalServer) -> int:
    """How many orders the venue has open; asked from outside, in a loop of its own."""

    async def ask() -> int:
        async with make_connector(venue, credentials=credentials(server), url=server.rest) as connector:
            await connector.instruments()
            return len(await connector.open_orders())

    return asyncio.run(ask())


@pytest.mark.parametrize("venue", VENUES)
def test_a_hook_that_does_not_return_is_named_and_orders_are_cancelled_meanwhile(
    venue: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "tradecore.live")
    seen = []
    with session(venue, block_after=4.0) as (server, live, sleeper):
        told = live.events.queue(LoopBlocked, size=10, policy="fail")

        def look() -> None:
            until_s = time.monotonic() + 100
            while time.monotonic() < until_s and "orders were cancelled" not in caplog.text:
                time.sleep(0.1)
            seen.append((live.blocked, judge(None, 0.0, Thresholds(), live.blocked).checks[0], open_at(venue, server)))
            sleeper.go_on.set()

        async def during() -> None:
            assert await asyncio.to_thread(open_at, venue, server) == 1
            await hold(sleeper, look)
            await until(lambda: live.state.open_orders == 0)
            await until(lambda: live.blocked is None and len(told) == 1)

        trade(live, sleeper, during)
    ((blocked, check, left),) = seen
    assert left == 0
    assert blocked is not None
    assert (blocked.strategy, blocked.hook) == ("m", "quote")
    assert "test_blocked_loop.py:" in blocked.line
    assert blocked.line.endswith(" in wait")
    assert (check.name, check.status, check.detail) == ("loop", "unhealthy", str(blocked))
    assert str(blocked).startswith("quote of strategy m blocks the event loop, at ")
    event = told.poll()
    assert isinstance(event, LoopBlocked)
    assert (event.strategy, event.hook, event.line, event.is_cancelling) == ("m", "quote", blocked.line, True)
    assert event.since_ns == blocked.since_ns
    assert event.seconds >= 4.0
    assert "self.go_on.wait(150)" in caplog.text
    assert "orders were cancelled" in caplog.text


def test_the_policy_may_be_to_tell_alone() -> None:
    with session("BINANCE", block_after=2.0, on_block="tell") as (server, live, sleeper):
        told = live.events.queue(LoopBlocked, size=10, policy="fail")

        async def during() -> None:
            await hold(sleeper, lambda: let_go_when_blocked(live, sleeper, after_s=1.0))
            await until(lambda: len(told) == 1)
            assert await asyncio.to_thread(open_at, "BINANCE", server) == 1

        trade(live, sleeper, during)
    event = told.poll()
    assert isinstance(event, LoopBlocked)
    assert not event.is_cancelling


def test_on_paper_orders_are_cancelled_when_the_loop_goes_on() -> None:
    venue = "BINANCE"
    sleeper = Sleeper("m", [name_at(venue)])
    with serving(venue) as server:
        live = Live([sleeper], [make_connector(venue, url=server.rest)], paper=[tc.SimVenue(venue)], block_after=2.0)

        async def during() -> None:
            await hold(sleeper, lambda: let_go_when_blocked(live, sleeper))
            await until(lambda: live.state.open_orders == 0)

        trade(live, sleeper, during)


def test_a_venue_that_hears_of_nobody_cancels_and_is_told_while_a_session_lives() -> None:
    venue, left = "BINANCE_USDM", []
    with session(venue, on_block="tell", dead_man=6.0) as (server, live, sleeper):

        async def during() -> None:
            until_s = time.monotonic() + 8
            while time.monotonic() < until_s:
                await asyncio.sleep(0.1)
                assert live.state.open_orders == 1
            await hold(sleeper, lambda: left.append(_emptied(venue, server, sleeper)))

        trade(live, sleeper, during)
    assert left == [True]


def _emptied(venue: str, server: LocalServer, sleeper: Sleeper) -> bool:
    until_s = time.monotonic() + 30
    try:
        while time.monotonic() < until_s:
            if open_at(venue, server) == 0:
                return True
            time.sleep(1.5)  # what asks for all open orders weighs much
        return False
    finally:
        sleeper.go_on.set()


def test_orders_that_are_to_stay_outlive_the_switch() -> None:
    with session("BINANCE_USDM", on_stop="keep", dead_man=3.0) as (server, live, sleeper):

        async def during() -> None:
            pass

        trade(live, sleeper, during)
        time.sleep(4)
        assert open_at("BINANCE_USDM", server) == 1


def test_the_switch_waits_for_some_seconds_at_least() -> None:
    with pytest.raises(tc.errors.InvalidValueError, match="dead_man"):
        Live(
            [Sleeper("m", [name_at("BINANCE")])],
            [make_connector("BINANCE")],
            paper=[tc.SimVenue("BINANCE")],
            dead_man=1.0,
        )
