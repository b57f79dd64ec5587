"""Sessions on paper and live against a small Binance on this machine."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import tradecore as tc
from conftest import LAST, TRADE, columns
from tradecore._core import Command, Kernel
from tradecore.backtest.tables import TableStore
from tradecore.errors import (
    CredentialsError,
    InvalidValueError,
    JournalError,
    JournalFullError,
    RunError,
    StrategyError,
)
from tradecore.live import journal as journals
from tradecore.live import runner
from tradecore.live.checkpoints import Checkpoints
from tradecore.live.driver import Driver
from tradecore.live.events import LinkChanged, SessionFailed
from tradecore.live.journal import JournalReader, RecordKind
from tradecore.live.runner import Live
from tradecore.live.state import SessionResult
from tradecore.live.tables import SessionTables
from tradecore.reconcile import KnownOrder
from tradecore.session.kernel import build_kernel
from tradecore.types import BookState
from tradecore.venues import Credentials, Secret, VenueReport
from tradecore.venues.binance import BinanceConnector
from tradecore.venues.clock import SystemClock
from venue_binance import FakeBinance
from venue_live import until
from venue_servers import KEY, SECRET

NAME = "BTCUSDT.BINANCE"


class Bidder(tc.Strategy):
    """Keeps one bid a tick below the best one."""

    def on_start(self, ctx: tc.Context) -> None:
        self.filled = 0.0
        ctx.every("20ms", self.quote)

    def quote(self, ctx: tc.Context) -> None:
        book = ctx.book(NAME)
        if book.is_synced and book.best_bid is not None and not ctx.orders(NAME):
            ctx.buy(NAME, "0.01", book.best_bid, post_only=True)

    def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
        self.filled += float(fill.qty)


class Beyond(tc.Strategy):
    """Sends one order beyond its limits, and knows when it was told."""

    def on_start(self, ctx: tc.Context) -> None:
        self.sent_ns = self.told_ns = 0
        ctx.every("20ms", self.buy)

    def buy(self, ctx: tc.Context) -> None:
        if not self.sent_ns:
            self.sent_ns = ctx.now_ns
            ctx.buy(NAME, "0.01", 50_000)

    def on_order(self, ctx: tc.Context, order: tc.Order) -> None:
        self.told_ns = ctx.now_ns


class Failing(tc.Strategy):
    def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
        raise ValueError("on purpose")


def run(work: Callable[[FakeBinance], Awaitable[None]]) -> None:
    async def strict() -> None:
        failures: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
        server = FakeBinance("BINANCE", SystemClock())
        async with server.running():
            await work(server)
        assert failures == []
        names = {task.get_name() for task in asyncio.all_tasks() - {asyncio.current_task()}}
        assert not {name for name in names if name.startswith("session")}

    asyncio.run(strict())


def connector(server: FakeBinance, *, keys: bool) -> BinanceConnector:
    credentials = Credentials(key=KEY, secret=Secret(SECRET)) if keys else None
    return BinanceConnector("BINANCE", url=server.url, credentials=credentials, seed=1)


def trade(server: FakeBinance, price: str, qty: str) -> None:
    data = {"e": "trade", "E": server.now_ms(), "T": server.now_ms(), "s": "BTCUSDT", "t": next(server.numbers)}
    server.publish("btcusdt@trade", data | {"p": price, "q": qty, "m": True, "M": True})


def resting(live: Live) -> list[KnownOrder]:
    """Open orders that their exchange has; one that was sent is still on its way."""
    return [order for order in live.session.known([NAME]).orders if order.is_open and order.is_acknowledged]


async def subscribed(server: FakeBinance) -> None:
    await until(lambda: any("btcusdt@depth@100ms" in names for _, names in server.sockets.values()))
    await until(lambda: any("btcusdt@trade" in names for _, names in server.sockets.values()))
    server.depth({"60000.10": "1", "59999.00": "4"}, {"60000.20": "2"})


@pytest.fixture(params=[False, True], ids=["replayed", "from a state"])
def has_states(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a session writes its state all the time."""
    if request.param:
        monkeypatch.setattr(Checkpoints, "every_inputs", 1)
        monkeypatch.setattr(runner, "_WRITE_S", 0.01)
    return bool(request.param)


async def saved(cut: Live, count: int) -> None:
    """Wait until the journal has so many states."""
    assert cut._journal is not None
    folder = cut._journal / cut.state.session
    await until(lambda: sum(1 for _ in JournalReader(folder).states()) >= count)


async def paper(
    server: FakeBinance, during: Callable[[Live], Awaitable[None]], *strategies: tc.Strategy, **options: Any
) -> SessionResult:
    made = Live(strategies or [Bidder("b", [NAME])], [connector(server, keys=False)], paper=[SETTINGS], **options)
    return await session(made, server, during)


SETTINGS = tc.SimVenue("BINANCE", latency=tc.Latency(entry="1ms", response="1ms"))


async def session(made: Live, server: FakeBinance, during: Callable[[Live], Awaitable[None]]) -> SessionResult:
    async with made:
        running = asyncio.create_task(made.run())
        acting = asyncio.create_task(act(made, server, during))
        await asyncio.wait((running, acting), return_when=asyncio.FIRST_COMPLETED)
        if not acting.done():
            acting.cancel()
            await asyncio.gather(acting, return_exceptions=True)
            return await running
        made.stop()
        await acting
        return await running


async def act(made: Live, server: FakeBinance, during: Callable[[Live], Awaitable[None]]) -> None:
    await subscribed(server)
    await during(made)


def again(folder: Path, *strategies: tc.Strategy) -> tuple[str, int | None]:
    """Decide everything of a session once more; return the digest and where that differed."""
    diverged: list[int | None] = []
    kernel = replayed(folder, *strategies, diverged=diverged)
    return kernel.finish(), diverged[0]


def replayed(folder: Path, *strategies: tc.Strategy, diverged: list[int | None] | None = None) -> Kernel:
    """Return a kernel that has decided everything of a session once more."""
    reader = JournalReader(folder)
    instruments = [tc.instruments.instrument_from_dict(table) for table in reader.header["instruments"]]
    kernel = build_kernel(reader.header["session"], strategies, instruments, stop_run_on_error=True, keeps_journal=True)
    where, _ = kernel.replay(reader.entries())
    if diverged is not None:
        diverged.append(where)
    return kernel


def test_a_paper_session_trades_and_its_journal_decides_the_same(tmp_path: Path) -> None:
    bidder = Bidder("b", [NAME])
    results = []

    async def work(server: FakeBinance) -> None:
        async def during(live: Live) -> None:
            await until(lambda: resting(live))
            assert live.state.books == {NAME: BookState.SYNCED}
            assert server.orders == {}, "nothing reaches the venue"
            trade(server, "59999.90", "50")
            await until(lambda: bidder.filled)
            await until(lambda: live.state.open_orders)

        results.append(await paper(server, during, bidder, journal=tmp_path))

    run(work)
    (result,) = results
    assert result.held == {NAME: Decimal("0.01")}
    assert result.fills["price"].to_list() == [60000.1]
    assert result.orders["status"].to_list() == ["filled", "cancelled"]
    folder = tmp_path / result.session
    records = list(JournalReader(folder))
    assert records[-1].kind is RecordKind.END
    assert json.loads(records[-1].data) == {"digest": result.digest}
    frames = [record.frame() for record in records if record.kind is RecordKind.FRAME]
    assert any(b"depthUpdate" in data for _, _, data in frames)
    assert again(folder, Bidder("b", [NAME])) == (result.digest, None)


def test_rows_that_left_memory_are_in_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SessionTables, "_every_s", 0.02)
    results = []

    async def work(server: FakeBinance) -> None:
        async def during(live: Live) -> None:
            bidder = live.strategies[0]
            assert isinstance(bidder, Bidder)
            await live.begun()
            for _ in range(3):
                filled = bidder.filled
                await until(lambda: len(resting(live)) == 1)
                trade(server, "59998.00", "1")
                server.depth({"59999.00": "4"}, {"60000.20": "2"})
                await until(lambda before=filled: bidder.filled > before)  # type: ignore[misc]
                await asyncio.sleep(0.05)

        results.append(await paper(server, during, journal=tmp_path))

    run(work)
    (result,) = results
    assert result.tables.folder is not None
    kernel = replayed(tmp_path / result.session, Bidder("b", [NAME]))
    kernel.finish()
    whole = TableStore([NAME], ["b"])
    whole.keep(kernel.take_tables())
    assert result.tables.table("fills").height >= 3
    for name in ("orders", "fills", "equity"):
        assert result.tables.table(name).equals(whole.table(name))


def test_a_session_without_a_journal_keeps_none_in_memory() -> None:
    async def work(server: FakeBinance) -> None:
        async def during(live: Live) -> None:
            await until(lambda: live.state.open_orders == 1)
            assert live.session.kernel.take_journal() == b""

        await paper(server, during)

    run(work)


def test_a_session_tells_its_events_and_counts_what_it_hears(tmp_path: Path) -> None:
    bidder, bus = Bidder("b", [NAME]), tc.EventBus()
    told = bus.queue((tc.events.OrderEvent, LinkChanged), size=100, policy="fail")

    async def work(server: FakeBinance) -> None:
        async def during(live: Live) -> None:
            await until(lambda: resting(live))
            trade(server, "59999.90", "50")
            await until(lambda: bidder.filled)
            (row,) = live.session.kernel.positions
            assert (row["strategy"], row["instrument"], row["qty"]) == ("b", NAME, Decimal("0.01"))
            # The trade took the bid at 60000.10 away: the mid is between 59999.00 and 60000.20.
            assert row["unrealized_pnl"] == (Decimal("59999.60") - Decimal("60000.10")) * Decimal("0.01")
            (line,) = live.lines
            heard = line.heard[NAME]
            assert (heard.trades, heard.traded_qty) == (1, 50 * 10**8)
            assert heard.books == heard.messages - heard.trades > 0
            assert heard.last_ns > 0
            assert line.processing.count == line.frames
            assert line.feed_latency.count == heard.messages
            health = line.connector.health
            assert health.requests["answered"] == health.request_times.count > 0
            assert 0 < health.remaining["weight_1m"] < 6_000
            assert live.session.journal is not None
            await until(lambda: live.session.journal.waiting_bytes == 0)  # within a second, without a command

        await paper(server, during, bidder, journal=tmp_path, events=bus)

    run(work)
    names = [type(event).__name__ for event in told]
    assert names[0] == "LinkChanged"
    assert names.index("OrderSubmitted") < names.index("OrderAccepted") < names.index("OrderFilled")


@pytest.mark.parametrize("is_asked_for", [False, True], ids=["by itself", "in what a person asks for"])
def test_a_failure_is_told_once(is_asked_for: bool) -> None:
    bus = tc.EventBus()
    told = bus.queue(SessionFailed, size=10, policy="fail")

    async def work(server: FakeBinance) -> None:
        async def during(live: Live) -> None:
            await until(lambda: live.has_begun)
            if is_asked_for:
                printed = columns([(live.clock.now_ns(), TRADE, 1, LAST, 5_999_990, 1)])
                with pytest.raises(StrategyError, match="on purpose"):
                    live.perform(lambda session, now: session.message(now, NAME, printed))
            else:
                trade(server, "59999.90", "50")
            await until(live._driver.stopping.is_set)
            assert not live.has_begun

        with pytest.raises(StrategyError):
            await paper(server, during, Failing("f", [NAME]), events=bus)

    run(work)
    (failure,) = told
    assert failure.error == "StrategyError"
    assert "on purpose" in failure.message


def test_what_a_venue_says_when_a_session_has_ended_is_no_failure(tmp_path: Path) -> None:
    bidder, failures = Bidder("b", [NAME]), list[SessionFailed]()

    async def work(server: FakeBinance) -> None:
        made = Live([bidder], [connector(server, keys=True)], journal=tmp_path, on_stop="keep")
        made.events.subscribe(SessionFailed, failures.append)
        async with made as live:
            running = asyncio.create_task(live.run())
            await subscribed(server)
            await until(lambda: [o for o in server.orders.values() if o["status"] == "NEW"])
            live.stop()
            await running
            (order,) = server.orders
            server.fill(order, "0.004")
            trade(server, "60000.10", "1")
            await asyncio.sleep(0.1)

    run(work)
    assert failures == []
    assert bidder.filled == 0


def test_a_live_session_sends_real_orders_and_leaves_none(tmp_path: Path) -> None:
    bidder = Bidder("b", [NAME])
    results = []

    async def work(server: FakeBinance) -> None:
        made = Live([bidder], [connector(server, keys=True)], journal=tmp_path)

        async def during(live: Live) -> None:
            await until(lambda: [o for o in server.orders.values() if o["status"] == "NEW"])
            (order,) = server.orders
            assert order.startswith(live.state.session)
            server.fill(order, "0.01")
            await until(lambda: bidder.filled)
            await until(lambda: len(server.orders) == 2)

        results.append(await session(made, server, during))
        assert [order["status"] for order in server.orders.values()] == ["FILLED", "CANCELED"]

    run(work)
    (result,) = results
    assert result.held == {NAME: Decimal("0.01")}
    assert again(tmp_path / result.session, Bidder("b", [NAME])) == (result.digest, None)
    text = b"".join(path.read_bytes() for path in (tmp_path / result.session).iterdir())
    assert SECRET.encode() not in text
    assert KEY.encode() not in text


class Discreet(tc.Strategy):
    """Buys three parts, shown one after the other by the kernel."""

    def on_start(self, ctx: tc.Context) -> None:
        self.filled = 0.0
        self.told: list[str] = []
        ctx.every("20ms", self.buy)

    def buy(self, ctx: tc.Context) -> None:
        book = ctx.book(NAME)
        if book.is_synced and book.best_bid is not None and not ctx.orders(NAME) and not self.filled:
            ctx.buy(NAME, "0.03", book.best_bid, display_qty="0.01", emulate=True)

    def on_order(self, ctx: tc.Context, order: tc.Order) -> None:
        self.told.append(order.status.name)

    def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
        assert fill.order_id == 1
        self.filled += float(fill.qty)


def test_a_live_session_shows_an_order_in_parts_and_goes_on_with_them(tmp_path: Path) -> None:
    first, second = Discreet("d", [NAME]), Discreet("d", [NAME])
    takes = [tc.SimVenue("BINANCE", iceberg="unsupported")]

    async def work(server: FakeBinance) -> None:
        def shown() -> list[str]:
            return [order for order, row in server.orders.items() if row["status"] == "NEW"]

        async with Live([first], [connector(server, keys=True)], journal=tmp_path, venues=takes) as cut:
            running = asyncio.create_task(cut.run())
            await subscribed(server)
            await until(lambda: cut.has_begun and first.told == ["NEW"])
            server.fill(*shown(), "0.01")
            await until(lambda: len(server.orders) == 2)
            await until(lambda: [o.is_acknowledged for o in cut.session.known([NAME]).orders] == [True, True])
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        server.fill(*shown(), "0.01", muted=True)
        made = Live([second], [connector(server, keys=True)], journal=tmp_path, venues=takes)

        async def during(live: Live) -> None:
            await until(lambda: len(server.orders) == 3)
            server.fill(*shown(), "0.01")
            await until(lambda: "FILLED" in second.told)

        result = await session(made, server, during)
        assert result.held == {NAME: Decimal("0.03")}
        assert [Decimal(row["origQty"]) for row in server.orders.values()] == [Decimal("0.01")] * 3

    run(work)
    assert (first.filled, first.told) == (0.01, ["NEW", "PARTIALLY_FILLED"])
    assert second.filled == pytest.approx(0.03), "what was before is decided again"


def test_a_session_that_was_cut_off_goes_on_after_reconciliation(tmp_path: Path, has_states: bool) -> None:
    first, second = Bidder("b", [NAME]), Bidder("b", [NAME])
    results = []

    async def work(server: FakeBinance) -> None:
        async with Live([first], [connector(server, keys=True)], journal=tmp_path) as cut:
            running = asyncio.create_task(cut.run())
            await subscribed(server)
            await until(lambda: [o for o in server.orders.values() if o["status"] == "NEW"])
            await until(lambda: cut.session.known([NAME]).orders[0].is_acknowledged)
            if has_states:
                await saved(cut, 2)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        (order,) = server.orders
        server.fill(order, "0.004", muted=True)
        assert first.filled == 0
        made = Live([second], [connector(server, keys=True)], journal=tmp_path)

        async def during(live: Live) -> None:
            await until(lambda: second.filled)
            assert second.filled == pytest.approx(0.004)
            assert list(server.orders) == [order], "no order before what happened is known"
            server.fill(order, "0.006")
            await until(lambda: len(server.orders) == 2)

        results.append(await session(made, server, during))

    run(work)
    (result,) = results
    assert result.held == {NAME: Decimal("0.01")}
    assert [path.name for path in tmp_path.iterdir()] == [result.session]
    assert again(tmp_path / result.session, Bidder("b", [NAME])) == (result.digest, None)


def test_of_a_session_that_was_cut_off_nothing_leaves_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(server: FakeBinance) -> None:
        venue, may_leave = connector(server, keys=True), asyncio.Event()
        send = venue.send

        async def held(command: Command) -> VenueReport:
            await may_leave.wait()
            return await send(command)

        monkeypatch.setattr(venue, "send", held)
        async with Live([Bidder("b", [NAME])], [venue]) as cut:
            running = asyncio.create_task(cut.run())
            await subscribed(server)
            await until(lambda: cut.has_begun and cut.state.open_orders)
            running.cancel()
        may_leave.set()
        with pytest.raises(RunError, match="takes no orders"):
            cut.perform(lambda session, now: session.kernel.resume(now))
        await asyncio.sleep(0.05)
        assert server.orders == {}

    run(work)


def test_orders_of_paper_end_with_their_process_and_positions_stay(
    tmp_path: Path, has_states: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tradecore.live")
    results = []

    async def work(server: FakeBinance) -> None:
        first = Bidder("b", [NAME])
        async with Live([first], [connector(server, keys=False)], paper=[SETTINGS], journal=tmp_path) as cut:
            running = asyncio.create_task(cut.run())
            await subscribed(server)
            await until(lambda: cut.has_begun and resting(cut))
            trade(server, "59999.90", "50")
            await until(lambda: first.filled)
            await until(lambda: cut.state.open_orders)
            if has_states:
                before = sum(1 for _ in JournalReader(tmp_path / cut.state.session).states())
                await saved(cut, before + 2)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

        async def during(live: Live) -> None:
            assert ("inputs replayed from its state" in caplog.text) is has_states
            told = live.earlier()
            assert [row["price"] for row in told["fills"]] == [60000.1]
            assert told["orders"][0]["status"] == "filled"
            await live.begun()

        results.append(await paper(server, during, Bidder("b", [NAME]), journal=tmp_path))

    run(work)
    (result,) = results
    assert result.held == {NAME: Decimal("0.01")}
    statuses = result.orders["status"].to_list()
    assert statuses[:2] == ["filled", "cancelled"]


def test_a_journal_is_of_one_mode(tmp_path: Path) -> None:
    async def work(server: FakeBinance) -> None:
        async with Live([Bidder("b", [NAME])], [connector(server, keys=False)], paper=[SETTINGS], journal=tmp_path):
            pass
        made = Live([Bidder("b", [NAME])], [connector(server, keys=True)], journal=tmp_path)
        with pytest.raises(JournalError, match="is of a session in paper, this is live"):
            async with made:
                pass

    run(work)


def test_refusals_take_their_time_in_a_session_that_was_cut_before_it_began(tmp_path: Path) -> None:
    beyond = Beyond("b", [NAME])
    slow = tc.SimVenue("BINANCE", latency=tc.Latency(entry="40ms", response="20ms"))

    def made(server: FakeBinance, strategy: tc.Strategy) -> Live:
        limits = tc.RiskLimits(max_order_qty="0.001")
        return Live([strategy], [connector(server, keys=False)], paper=[slow], journal=tmp_path, risk=limits)

    async def work(server: FakeBinance) -> None:
        async with made(server, Beyond("b", [NAME])) as cut:
            name = cut.state.session

        async def during(live: Live) -> None:
            assert live.state.session == name
            await live.begun()
            await until(lambda: beyond.told_ns)

        await session(made(server, beyond), server, during)

    run(work)
    assert beyond.told_ns - beyond.sent_ns >= 60_000_000


def test_a_hook_that_raises_ends_the_session_and_cancels(tmp_path: Path) -> None:
    async def work(server: FakeBinance) -> None:
        async def during(live: Live) -> None:
            await live.begun()
            trade(server, "59999.90", "50")
            await until(live._driver.stopping.is_set)

        with pytest.raises(StrategyError, match="on purpose"):
            await paper(server, during, Failing("f", [NAME]))

    run(work)


def test_a_callback_that_sets_itself_again_at_once_ends_the_session(tmp_path: Path) -> None:
    class Restless(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.every("20ms", self.tick)

        def tick(self, ctx: tc.Context) -> None:
            ctx.at(ctx.now_ns, self.tick)

    async def work(server: FakeBinance) -> None:
        async def during(live: Live) -> None:
            await live.begun()
            await until(live._driver.stopping.is_set)

        with pytest.raises(StrategyError, match="10000 timers were set for now at one moment"):
            await paper(server, during, Restless("r", [NAME]), journal=tmp_path)

    run(work)


def test_a_full_disk_ends_the_session_and_no_order_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(server: FakeBinance) -> None:
        made = Live([Bidder("b", [NAME])], [connector(server, keys=True)], journal=tmp_path)

        async def during(live: Live) -> None:
            await until(lambda: [o for o in server.orders.values() if o["status"] == "NEW"])
            full = JournalFullError("journal", "no room for another segment on this disk")

            def refuse(_: Any) -> None:
                raise full

            monkeypatch.setattr(journals.JournalWriter, "flush", refuse)
            (order,) = server.orders
            server.fill(order, "0.01")  # the strategy bids again, which cannot be written down
            await until(live._driver.stopping.is_set)

        with pytest.raises(JournalFullError, match="no room"):
            await session(made, server, during)
        assert {order["status"] for order in server.orders.values()} <= {"FILLED", "CANCELED"}
        assert len(server.orders) == 1, "what was not written down did not leave"

    run(work)


def test_books_that_are_not_synced_in_time_end_the_session() -> None:
    async def work(server: FakeBinance) -> None:
        made = Live([Bidder("b", [NAME])], [connector(server, keys=False)], paper=[SETTINGS], sync_timeout=0.2)
        async with made:
            with pytest.raises(RunError, match=r"not synced within 0\.2 s: BTCUSDT\.BINANCE"):
                await made.run()

    run(work)


class Standing(SystemClock):
    """A clock that was set back a while ago, and has to catch up with its timers."""

    def now_ns(self) -> int:
        return 1


def test_books_have_so_long_to_be_synced_whatever_becomes_of_the_clock() -> None:
    async def work() -> None:
        driver = Driver(Standing(), tc.EventBus(), [NAME], lambda _: None)
        with pytest.raises(RunError, match=r"not synced within 0\.01 s"):
            await driver.synced(0.01)

    asyncio.run(work())


def test_what_a_session_is_made_of_has_to_fit() -> None:
    async def work(server: FakeBinance) -> None:
        bidder = Bidder("b", [NAME])
        with pytest.raises(InvalidValueError, match="connectors: none for BINANCE"):
            Live([bidder], [])
        with pytest.raises(InvalidValueError, match="paper: no settings for venue BINANCE"):
            Live([bidder], [connector(server, keys=False)], paper=[])
        with pytest.raises(CredentialsError, match="BINANCE: real orders need keys"):
            Live([bidder], [connector(server, keys=False)])
        with pytest.raises(InvalidValueError, match=r"does not list NOPE\.BINANCE"):
            async with Live([Bidder("b", ["NOPE.BINANCE"])], [connector(server, keys=False)], paper=[SETTINGS]):
                pass

    run(work)


def test_a_session_that_is_stopped_before_it_begins_begins_by_its_name_later(tmp_path: Path) -> None:
    async def work(server: FakeBinance) -> None:
        def made() -> Live:
            return Live([Bidder("b", [NAME])], [connector(server, keys=True)], journal=tmp_path, session="s1")

        async with made() as live:
            live.stop()
            result = await live.run()
        assert (result.orders.height, server.orders) == (0, {})

        async def begun(live: Live) -> None:
            await until(lambda: live.state.open_orders)
            with pytest.raises(JournalError, match="another process writes to this journal"):
                async with made():
                    pass

        result = await session(made(), server, begun)
        assert result.orders.height == 1

    run(work)


@pytest.mark.release
@pytest.mark.parametrize("is_busy", [False, True])
def test_a_session_that_polls_does_not_sleep(is_busy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float | None] = []

    async def work(server: FakeBinance) -> None:
        async def during(live: Live) -> None:
            await until(lambda: live.state.open_orders)
            waits.clear()
            await asyncio.sleep(0.05)
            seen.append(all(wait == 0 for wait in waits))

        selector: Any = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
        select = selector.select
        monkeypatch.setattr(selector, "select", lambda wait: (waits.append(wait), select(wait))[1])
        await paper(server, during, busy_poll=is_busy)
        waits.clear()
        await asyncio.sleep(0.05)
        seen.append(all(wait == 0 for wait in waits))

    seen: list[bool] = []
    run(work)
    assert seen == [is_busy, False]
