"""Sessions that fall behind what a venue tells: stale books, cancels by policy, and how they catch up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import tradecore as tc
from tradecore.errors import InvalidValueError
from tradecore.live.events import LagChanged
from tradecore.live.journal import JournalReader
from tradecore.live.lag import Lag
from tradecore.live.runner import Live
from tradecore.observe.alerting import alert_of
from tradecore.observe.health import Thresholds, judge
from tradecore.observe.sample import Sampler
from tradecore.risk import needing_synced_books
from tradecore.session.kernel import build_kernel
from tradecore.types import BookState
from tradecore.venues import Credentials, Secret
from tradecore.venues.binance import BinanceConnector
from tradecore.venues.clock import SystemClock
from venue_binance import FakeBinance
from venue_live import until
from venue_servers import KEY, SECRET

pytestmark = pytest.mark.release

NAME = "BTCUSDT.BINANCE"
SECOND = 1_000_000_000
LIMIT_S = 8.0
"""Of the sessions here: far above what a loaded machine takes, far below what the venue's stamps are late by."""
LATE_MS = 60_000


class Blind(tc.Strategy):
    """Keeps one bid, whatever its book is like."""

    def on_start(self, ctx: tc.Context) -> None:
        self.refused: list[str] = []
        self.states: list[BookState] = []
        self.trades = 0
        ctx.every("20ms", self.quote)

    def quote(self, ctx: tc.Context) -> None:
        if not ctx.orders(NAME):
            ctx.buy(NAME, "0.01", "59000")

    def on_order(self, ctx: tc.Context, order: tc.Order) -> None:
        self.refused += [breach.check for breach in order.breaches]

    def on_book_state(self, ctx: tc.Context, inst: str, state: BookState) -> None:
        self.states.append(state)

    def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
        self.trades += 1


def trade(server: FakeBinance) -> None:
    data = {"e": "trade", "E": server.now_ms(), "T": server.now_ms(), "s": "BTCUSDT", "t": next(server.numbers)}
    server.publish("btcusdt@trade", data | {"p": "59999.90", "q": "0.1", "m": True, "M": True})


async def catch_up(server: FakeBinance, live: Live) -> None:
    """Have prompt messages come until the session has caught up."""
    server.late_ms = 0
    async with asyncio.timeout(60):
        while live.state.books[NAME] is not BookState.SYNCED:
            server.depth({"59999.00": "4"}, {})
            await asyncio.sleep(0.05)


def play(strategy: tc.Strategy, during: Callable[[FakeBinance, Live], Awaitable[None]], **options: Any) -> None:
    """Run a live session against a small venue."""

    async def work() -> None:
        server = FakeBinance("BINANCE", SystemClock())
        async with server.running():
            keys = Credentials(key=KEY, secret=Secret(SECRET))
            connector = BinanceConnector("BINANCE", url=server.url, credentials=keys, seed=1)
            async with Live([strategy], [connector], max_lag=LIMIT_S, **options) as live:
                running = asyncio.create_task(live.run())
                await until(lambda: any("btcusdt@depth@100ms" in names for _, names in server.sockets.values()))
                server.depth({"60000.10": "1", "59999.00": "4"}, {"60000.20": "2"})
                await live.begun()
                seen = live.lines[0].heard[NAME].messages
                server.depth({"59999.00": "4"}, {})  # the first one that is stamped by the venue, and prompt
                await until(lambda: live.lines[0].heard[NAME].messages > seen)
                acting = asyncio.create_task(during(server, live))
                await asyncio.wait((running, acting), return_when=asyncio.FIRST_COMPLETED)
                if running.done():  # it failed
                    acting.cancel()
                    running.result()
                await acting
                live.stop()
                await running

    asyncio.run(work())


def touch(live: Live) -> tuple[str, str]:
    """The best prices that strategies know."""
    _, _, bids, asks = live.session.kernel.book(0)
    return bids[0][0], asks[0][0]


def open_at(server: FakeBinance) -> list[str]:
    return [client_id for client_id, order in server.orders.items() if order["status"] == "NEW"]


def test_a_session_that_is_behind_has_stale_books_sends_nothing_and_goes_on_when_it_caught_up(tmp_path: Path) -> None:
    blind, bus = Blind("b", [NAME]), tc.EventBus()
    told = bus.queue(LagChanged, size=10, policy="fail")

    async def during(server: FakeBinance, live: Live) -> None:
        sampler = Sampler(live)
        await until(lambda: open_at(server))
        server.late_ms = LATE_MS
        server.depth({"60000.10": "0"}, {"60000.20": "0", "60000.30": "3"})
        await until(lambda: live.state.books[NAME] is BookState.STALE)
        await until(lambda: not open_at(server))
        await until(lambda: blind.refused)
        trade(server)
        await until(lambda: blind.trades)
        sample = sampler.take()
        venue = sample.venues["BINANCE"]
        assert (venue.is_behind, venue.times_behind) == (True, 1)
        checks = {check.name: check for check in judge(sample, 0.0, Thresholds()).checks}
        assert checks["lag"].detail.startswith("BINANCE is ")
        assert checks["feeds"].detail == f"{NAME} is stale"
        assert not judge(sample, 0.0, Thresholds()).is_ready
        assert touch(live) == ("60000.1", "60000.2"), "changes are left out"
        assert len(server.orders) == 1, "nothing was sent meanwhile"
        await catch_up(server, live)
        assert touch(live) == ("59999.0", "60000.3"), "and then the book is told whole"
        await until(lambda: open_at(server))
        assert {check.name: check.status for check in judge(sampler.take(), 0.0, Thresholds()).checks}[
            "lag"
        ] == "healthy"

    play(blind, during, journal=tmp_path, session="s", events=bus)
    behind, over = told
    assert (behind.venue, behind.is_behind, behind.limit_s) == ("BINANCE", True, LIMIT_S)
    assert behind.seconds > LIMIT_S > over.seconds
    assert not over.is_behind
    alerts = [alert_of(behind), alert_of(over)]
    assert [alert and alert.severity for alert in alerts] == ["warning", "info"]
    assert set(blind.refused) == {"synced_book"}
    assert blind.states[-2:] == [BookState.STALE, BookState.SYNCED]
    reader = JournalReader(tmp_path / "s")
    instruments = [tc.instruments.instrument_from_dict(table) for table in reader.header["instruments"]]
    kernel = build_kernel(
        "s",
        [Blind("b", [NAME])],
        instruments,
        stop_run_on_error=True,
        keeps_journal=True,
        risk=needing_synced_books(None),
    )
    assert kernel.replay(reader.entries())[0] is None


def test_orders_stay_where_that_is_the_policy_and_what_reduces_passes() -> None:
    class Holder(Blind):
        def quote(self, ctx: tc.Context) -> None:
            if ctx.position(NAME).qty:
                if len(ctx.orders(NAME)) < 2:
                    ctx.sell(NAME, "0.01", "61000")
            else:
                super().quote(ctx)
                if len(ctx.orders(NAME)) == 1:
                    ctx.buy(NAME, "0.01", "58000")

    async def during(server: FakeBinance, live: Live) -> None:
        await until(lambda: len(open_at(server)) == 2)
        server.late_ms = LATE_MS
        server.depth({"59999.00": "5"}, {})
        await until(lambda: live.state.books[NAME] is BookState.STALE)
        server.fill(open_at(server)[0], "0.01")
        await until(lambda: [order for order in server.orders.values() if order["side"] == "SELL"])
        assert len(open_at(server)) == 2
        assert {order["status"] for order in server.orders.values()} == {"NEW", "FILLED"}

    play(Holder("b", [NAME]), during, on_lag="keep")


def test_a_book_that_is_lost_while_behind_is_stale_until_both_are_over() -> None:
    blind = Blind("b", [NAME])

    async def during(server: FakeBinance, live: Live) -> None:
        server.late_ms = LATE_MS
        server.depth({"59999.00": "5"}, {})
        await until(lambda: live.state.books[NAME] is BookState.STALE)
        server.depth({"59998.00": "1"}, {}, lose=True)
        server.depth({"59997.00": "1"}, {})  # by which the loss is seen, and a snapshot asked for
        await until(lambda: blind.states[-2:] == [BookState.GAP, BookState.STALE])
        await catch_up(server, live)
        _, _, bids, _ = live.session.kernel.book(0)
        assert [price for price, _ in bids] == ["60000.1", "59999.0", "59998.0", "59997.0"]

    play(blind, during)
    assert blind.states[-4:] == [BookState.STALE, BookState.GAP, BookState.STALE, BookState.SYNCED]


@pytest.fixture
def lag() -> Lag:
    """One that knows of messages that are under way for a tenth of a second."""
    lag = Lag(2 * SECOND)
    assert not lag.taken(SECOND, SECOND, SECOND - SECOND // 10)
    return lag


@pytest.mark.parametrize("venue_ahead_s", [-100, 0, 100])
def test_neither_the_way_nor_the_clocks_count(venue_ahead_s: int) -> None:
    lag = Lag(SECOND)
    ahead_ns = venue_ahead_s * SECOND
    for at_ns in range(0, 100 * SECOND, SECOND):
        assert not lag.taken(at_ns, at_ns, at_ns + ahead_ns - SECOND // 5)
        assert lag.ns == 0
    assert lag.taken(100 * SECOND, 100 * SECOND, 98 * SECOND + ahead_ns), "it waited in a socket"
    assert lag.is_behind


def test_what_waited_in_a_queue_counts(lag: Lag) -> None:
    assert not lag.taken(4 * SECOND, 2 * SECOND, 2 * SECOND - SECOND // 10)
    assert lag.ns == 2 * SECOND, "at the limit, not above it"
    assert lag.taken(4 * SECOND + 1, 2 * SECOND, 2 * SECOND - SECOND // 10)


def test_it_has_caught_up_after_a_second_with_half_of_the_limit_at_most(lag: Lag) -> None:
    def taken(at: float, late: float) -> bool:
        now_ns = int(at * SECOND)
        return lag.taken(now_ns, now_ns, now_ns - int((late + 0.1) * SECOND))

    assert taken(10, 2.5)
    assert not any((taken(10.5, 0), taken(10.9, 1.5), taken(11.5, 0), taken(11.8, 1.0)))
    assert lag.is_behind
    assert taken(11.9, 1.0)
    assert (lag.is_behind, lag.times) == (False, 1)
    assert not taken(12, 1.9), "between the two nothing changes"
    assert taken(12.1, 2.1)
    assert lag.times == 2


def test_a_clock_that_was_set_is_forgotten_within_a_minute_or_so(lag: Lag) -> None:
    changes = []
    for at_ns in range(2 * SECOND, 120 * SECOND, SECOND // 2):
        if lag.taken(at_ns, at_ns, at_ns - 10 * SECOND):
            changes.append((at_ns // SECOND, lag.is_behind))
    assert changes[0] == (2, True)
    ((over_s, is_behind),) = changes[1:]
    assert not is_behind
    assert over_s <= 65


def test_a_limit_that_is_none_is_refused() -> None:
    connector = BinanceConnector("BINANCE", url="http://127.0.0.1:1")
    with pytest.raises(InvalidValueError, match="max_lag: 0 s is not positive"):
        Live([Blind("b", [NAME])], [connector], paper=[tc.SimVenue("BINANCE")], max_lag=0)


def test_limits_of_ones_own_stay_as_they_are() -> None:
    limits = tc.RiskLimits(max_order_qty=Decimal(1))
    assert needing_synced_books(limits) == tc.RiskLimits(max_order_qty=Decimal(1), synced_book=True)
    own = tc.RiskLimits(synced_book=False)
    assert needing_synced_books(own) is own
