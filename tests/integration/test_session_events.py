"""What sessions tell a bus: of which things, in which order, and that listening changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import tradecore as tc
from conftest import Quoter, cli, cli_json
from tradecore._core import Kernel
from tradecore.bus import EventBus
from tradecore.bus.events import OF_SESSIONS, Event, MarketEvent
from tradecore.errors import RunInterrupted, StrategyError
from tradecore.session.kernel import build_kernel

NAME = "BTCUSDT.SYNTH"
TEST = "BTCUSDT.TEST"
BOOK = ([(100.0, 1.0), (99.9, 2.0)], [(100.1, 1.5), (100.2, 2.5)])


class Listening(EventBus):
    """Keeps what it is handed, as it is handed over."""

    def __init__(self, *kinds: type[Event]) -> None:
        super().__init__()
        self.batches: list[list[Event]] = []
        for kind in kinds:
            self.subscribe(kind, lambda event: None)

    def _take(self, events: Iterable[Event]) -> None:
        self.batches.append(list(events))
        super()._take(self.batches[-1])

    @property
    def told(self) -> list[Event]:
        return [event for batch in self.batches for event in batch]

    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.told]


def run(market: Path, bus: EventBus | None = None, **settings: Any) -> tc.Result:
    return tc.Backtest([Quoter("q", [NAME])], market, events=bus, **settings).run()


@pytest.mark.parametrize("kinds", [(), (Event,), (MarketEvent,), (tc.events.TradePrinted,), (tc.events.OrderEvent,)])
def test_a_run_is_the_same_with_a_bus_and_without(market: Path, kinds: tuple[type[Event], ...]) -> None:
    bus = Listening(*kinds)
    alone, told = run(market), run(market, bus)
    assert told.digest == alone.digest
    for table in ("orders", "fills", "equity", "published"):
        assert getattr(told, table).equals(getattr(alone, table)), table
    assert bool(bus.told) == bool(kinds)
    times = [event.at_ns for event in bus.told]
    assert times == sorted(times)
    assert set(map(type, bus.told)) <= {kind for kind in OF_SESSIONS if issubclass(kind, kinds)}


def test_nothing_is_made_of_what_nobody_wants(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Counted(tc.events.OrderAccepted):
        def __new__(cls, *values: Any) -> Any:
            made.append(values)
            return object.__new__(cls)

    monkeypatch.setattr("tradecore.bus.events.OrderAccepted", Counted)
    run(market, Listening())
    run(market, Listening(tc.events.OrderFilled))
    assert not made
    run(market, Listening(tc.events.OrderEvent))
    assert made


def test_events_agree_with_the_tables(market: Path) -> None:
    bus = Listening(Event)
    result = run(market, bus)
    of = {kind: [event for event in bus.told if type(event) is kind] for kind in OF_SESSIONS}
    orders, fills = result.orders, result.fills
    sent = orders.filter(pl.col("status") != "rejected").height
    assert len(of[tc.events.OrderAccepted]) == sent
    assert len(of[tc.events.OrderSubmitted]) == orders.height
    assert len(of[tc.events.OrderRejected]) == orders.height - sent
    assert [(e.order_id, float(e.price), float(e.qty)) for e in of[tc.events.OrderFilled]] == list(
        fills.select("order_id", "price", "qty").iter_rows()
    )
    closed = sum((e.realized_pnl for e in of[tc.events.TradeClosed]), Decimal())
    assert float(closed) == pytest.approx(fills["realized_pnl"].cast(pl.Float64).sum())
    moved = sum((e.qty * e.side for e in of[tc.events.TradeClosed] + of[tc.events.TradeExecuted]), Decimal())
    assert float(moved) == pytest.approx(fills["position_qty"][-1])
    assert len(of[tc.events.TradePrinted]) == tc.Catalog(market).trades(NAME).lazy().collect().height


def test_bounds_tell_of_the_run_itself(market: Path) -> None:
    alone, bounded = Listening(tc.events.OrderEvent), Listening(tc.events.OrderEvent)
    run(market, alone)
    run(market, bounded, bounds=True)
    assert bounded.told == alone.told


@pytest.fixture
def bus() -> Listening:
    return Listening(Event)


class Asks(tc.Strategy):
    """Sends orders by hand, and fails when a timer tells it to."""

    def on_start(self, ctx: tc.Context) -> None:
        ctx.at(500, self.fail)

    def fail(self, ctx: tc.Context) -> None:
        raise ValueError("as it should")


@pytest.fixture
def kernel(bus: Listening, instrument: tc.Instrument) -> Kernel:
    kernel = build_kernel("s1", [Asks("a", [TEST])], [instrument], events=bus)
    kernel.start(1)
    return kernel


def test_a_session_by_hand_tells_what_each_input_led_to(kernel: Kernel, bus: Listening) -> None:
    kernel.levels(10, 0, 9, *BOOK, snapshot=True)
    kernel.order(11, "a", 0, "buy", 10, "100")
    kernel.report(12, 0, "accepted", 1)
    kernel.report(13, 0, "fill", 1, execution="e1", price="100", qty=10, liquidity="maker", fee="-0.1")
    kernel.order(14, "a", 0, "sell", 15)
    kernel.report(15, 0, "fill", 2, execution="e2", price="100.1", qty=15, liquidity="taker", fee="0.7")
    kernel.feed(16, 0, tc.BookState.STALE, "no message for 1 s")
    kernel.report(17, 0, "cancelled", venue_id="nobody's")
    kernel.pause(18)
    kernel.resume(19)
    kernel.due(500)
    assert [[type(event).__name__ for event in batch] for batch in bus.batches] == [
        ["SessionStarted"],
        ["BookStateChanged", "BookUpdated", "PriceUpdated"],
        ["OrderSubmitted"],
        ["OrderAccepted"],
        ["OrderFilled", "TradeExecuted"],
        ["OrderSubmitted"],
        ["OrderFilled", "TradeClosed", "TradeExecuted"],
        ["BookStateChanged"],
        ["Error"],
        ["RiskHalt"],
        ["RiskResumed"],
        ["Error"],
    ]
    (_, touch), turned, failed = bus.batches[1][1:], bus.batches[6], bus.batches[-1][0]
    assert touch == tc.events.PriceUpdated(
        10, TEST, Decimal("100.0"), Decimal("100.1"), Decimal("1.000"), Decimal("1.500"), tc.BookState.SYNCED
    )
    assert turned[1] == tc.events.TradeClosed(
        15, TEST, "a", 2, tc.Side.SELL, Decimal("100.1"), Decimal(10), Decimal(-5), Decimal(1), "fill"
    )
    assert isinstance(turned[2], tc.events.TradeExecuted)
    assert (turned[2].qty, turned[2].position_qty, turned[2].entry_price) == (5, -5, pytest.approx(100.1))
    assert bus.batches[7] == [tc.events.BookStateChanged(16, TEST, tc.BookState.STALE, "no message for 1 s")]
    assert bus.batches[8] == [
        tc.events.Error(17, "report", "venue id nobody's", "a report on an order that nobody knows")
    ]
    assert bus.batches[9] == [tc.events.RiskHalt(18, "pause", "refuse", "session", "", None, None)]
    assert isinstance(failed, tc.events.Error)
    assert (failed.source, failed.name) == ("strategy", "a")
    assert "ValueError: as it should" in failed.message


def test_the_kill_switch_tells_before_its_orders(kernel: Kernel, bus: Listening) -> None:
    kernel.levels(10, 0, 9, *BOOK, snapshot=True)
    kernel.order(11, "a", 0, "buy", 10, "100")
    kernel.report(12, 0, "fill", 1, execution="e1", price="100", qty=4, liquidity="maker", fee=0)
    bus.batches.clear()
    kernel.kill(13)
    kernel.report(14, 0, "cancelled", 1)
    assert bus.names() == ["RiskHalt", "OrderSubmitted", "OrderCancelled"]
    halt, exit, cancelled = bus.told
    assert halt == tc.events.RiskHalt(13, "kill", "flatten", "session", "", None, None)
    assert isinstance(exit, tc.events.OrderSubmitted)
    assert (exit.side, exit.qty, exit.price) == (tc.Side.SELL, Decimal(4), None)
    assert isinstance(cancelled, tc.events.OrderCancelled)
    assert (cancelled.filled_qty, cancelled.reason) == (Decimal(4), "killed")


def test_a_persons_cancel_of_all_ends_executions_and_groups(bus: Listening, instrument: tc.Instrument) -> None:
    class Works(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.at(20, self.begin)

        def begin(self, ctx: tc.Context) -> None:
            ctx.execute("iceberg", TEST, "buy", 10, limit=99, display=5)
            ctx.bracket(TEST, "buy", 2, 98, stop_loss=90, take_profit=110)
            ctx.buy(TEST, 2, 97)

    kernel = build_kernel("s1", [Works("a", [TEST])], [instrument], events=bus)
    kernel.start(1)
    kernel.levels(10, 0, 9, *BOOK, snapshot=True)
    kernel.due(20)
    for order in (1, 2, 3):
        kernel.report(21, 0, "accepted", order)
    bus.batches.clear()
    assert kernel.cancel_all(30, "a", 0) == 3
    assert kernel.cancel_all(31, "a") == 0
    for order in (1, 2, 3):
        kernel.report(32, 0, "cancelled", order)
    kernel.due(10**12)
    assert sorted(bus.names()) == ["ExecutionEnded", "GroupEnded", "GroupLegCancelled", *["OrderCancelled"] * 3]
    assert len(list(kernel.drain())) == 6


def test_limits_tell_what_they_refuse_and_why_they_trip(market: Path, bus: Listening) -> None:
    limits = tc.RiskLimits(max_position_qty="0.01", max_drawdown="0.01")
    result = run(market, bus, risk=limits)
    refused = [e for e in bus.told if isinstance(e, tc.events.OrderRejected) and e.reason == "risk"]
    assert refused
    assert refused[0].breaches[0].check is tc.types.RiskCheck.MAX_POSITION_QTY
    sent = {e.order_id for e in bus.told if isinstance(e, tc.events.OrderSubmitted)}
    never = {e.order_id for e in refused}
    assert not sent & never
    halts = [e for e in bus.told if isinstance(e, tc.events.RiskHalt)]
    trips = result.risk.trips.filter(pl.col("does").is_not_null()).select(pl.col("ts").dt.epoch("us"), "check")
    assert [(halt.at_ns // 1_000, halt.reason) for halt in halts] == list(trips.iter_rows())
    assert halts


def test_who_subscribes_in_the_middle_hears_from_the_next_input_on(kernel: Kernel, instrument: tc.Instrument) -> None:
    bus = Listening()
    kernel = build_kernel("s1", [tc.Strategy("a", [TEST])], [instrument], events=bus)
    kernel.start(1)
    kernel.order(2, "a", 0, "buy", 10, "90")
    told: list[Event] = []
    bus.subscribe(tc.events.OrderEvent, told.append)
    kernel.report(3, 0, "accepted", 1)  # is taken before the wish is known
    kernel.order(4, "a", 0, "buy", 10, "91")
    assert [(type(event).__name__, event.at_ns) for event in told] == [("OrderSubmitted", 4)]


def test_a_restored_session_tells_of_what_comes(kernel: Kernel, instrument: tc.Instrument) -> None:
    kernel.order(2, "a", 0, "buy", 10, "90")
    kernel.drain()
    bus = Listening(tc.events.OrderEvent)
    again = build_kernel("s1", [Asks("a", [TEST])], [instrument], events=bus)
    again.restore(kernel.save())
    again.report(3, 0, "accepted", 1)
    again.order(4, "a", 0, "buy", 10, "91")
    assert bus.names() == ["OrderAccepted", "OrderSubmitted"]


def test_subscribers_can_neither_drive_the_session_nor_end_it(kernel: Kernel, bus: Listening) -> None:
    bus.subscribe(tc.events.OrderSubmitted, lambda event: kernel.pause(event.at_ns))
    kernel.order(2, "a", 0, "buy", 10, "90")
    assert bus.counts[tc.events.OrderSubmitted].failed == 1
    assert "RunError: the kernel is at work" in bus.failures[0].traceback
    assert kernel.trading == {"a": "active"}


def test_a_result_says_that_subscribers_raised(market: Path) -> None:
    bus = EventBus()

    def broken(event: Event) -> None:
        raise ValueError("as it should")

    bus.subscribe(tc.events.SessionStarted, broken)
    result = run(market, bus)
    [note] = [note for note in result.notes if "bus" in note]
    assert note.startswith("a subscriber of the bus raised once") or "1 time" in note
    assert note.endswith("ValueError: as it should")


def test_ctrl_c_in_a_subscriber_ends_the_run_with_its_result(market: Path) -> None:
    bus = EventBus()

    def stop(event: tc.events.OrderFilled) -> None:
        raise KeyboardInterrupt

    bus.subscribe(tc.events.OrderFilled, stop)
    with pytest.raises(RunInterrupted) as caught:
        run(market, bus)
    assert caught.value.result.summary()["fills"] >= 1


def test_a_log_is_kept_of_a_run_that_a_strategy_ended(market: Path, tmp_path: Path) -> None:
    class Fails(Quoter):
        def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
            raise ValueError("as it should")

    bus, log = EventBus(), tmp_path / "log.jsonl"
    with pytest.raises(StrategyError), bus.write(log):
        tc.Backtest([Fails("f", [NAME])], market, events=bus).run()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["event"] for line in lines].count("OrderFilled") >= 1
    assert "as it should" in next(line["message"] for line in lines if line["event"] == "Error")


def test_the_command_line_writes_events(market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, log = tmp_path / "c.toml", tmp_path / "log.jsonl"
    config.write_text(
        f"""
[data]
catalog = {json.dumps(str(market))}
[[strategies]]
name = "t"
kind = "touch_maker"
instruments = ["{NAME}"]
params = {{ quote_qty = "0.01", max_position = "0.05" }}
"""
    )
    summary = cli_json("backtest", "--config", config, "--events", log, capsys=capsys)
    assert summary["event_lines"] == str(log)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["event"] for line in lines].count("OrderFilled") == summary["fills"]
    assert all(list(line)[:2] == ["event", "at_ns"] for line in lines)
    assert not {line["event"] for line in lines} & {"PriceUpdated", "TradePrinted", "BookUpdated"}
    quiet = cli_json("backtest", "--config", config, "--events", log, "--market-events", capsys=capsys)
    assert quiet["digest"] == summary["digest"]
    assert '"PriceUpdated"' in log.read_text()
    code, _, err = cli("backtest", "--config", config, "--market-events", capsys=capsys)
    assert code != 0
    assert "--market-events" in err
    assert cli("backtest", "--config", config, "--events", tmp_path / "no" / "x.jsonl", capsys=capsys)[0] != 0
