"""Backtests through the public interface."""

from __future__ import annotations

import subprocess
import sys
import weakref
from decimal import Decimal
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tradecore as tc
from conftest import CLEAR, LAST, QUOTE, SET, TRADE, columns
from tradecore._core import Simulation
from tradecore.errors import (
    ContextError,
    DataError,
    InvalidValueError,
    OffGridError,
    OrderError,
    RunError,
    StrategyError,
    StrategyWarning,
    UnknownInstrumentError,
)

MS = 1_000_000
NAME = "BTCUSDT.TEST"
AT_ONCE = tc.SimVenue("TEST", latency=tc.Latency(entry=0, response=0))


class Quoter(tc.Strategy):
    half_spread: int = 1

    def on_start(self, ctx: tc.Context) -> None:
        ctx.every("100ms", self.requote)

    def requote(self, ctx: tc.Context) -> None:
        for inst in self.instruments:
            book = ctx.book(inst)
            if book.best_bid is None or book.best_ask is None:
                continue
            offset = self.half_spread * book.tick_size
            ctx.quote(inst, bid=book.best_bid - offset, ask=book.best_ask + offset, qty="0.01")


def script(*steps: Any) -> type[tc.Strategy]:
    """A strategy that calls each step, with the context, 10 ms after the one before."""

    class Scripted(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            self.todo = list(steps)
            self.seen: list[Any] = []
            self.orders: list[tuple[str, str]] = []
            self.fills: list[tc.Fill] = []
            ctx.every("10ms")

        def on_timer(self, ctx: tc.Context, timer: int) -> None:
            if self.todo:
                self.seen.append(self.todo.pop(0)(ctx))

        def on_order(self, ctx: tc.Context, order: tc.Order) -> None:
            self.orders.append((order.status.name, order.reason))

        def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
            self.fills.append(fill)

    return Scripted


def quiet_market(extra: list[tuple[int, int, int, int, int, int]] | None = None) -> Any:
    """Bids 1 @ 99.0, 2 @ 98.0; asks 1 @ 101.0, 2 @ 102.0; then whatever is given, and an end at 1 s."""
    rows = [
        (0, CLEAR, 0, 2, 0, 0),
        (0, SET, 1, 2, 990, 1_000),
        (0, SET, 1, 2, 980, 2_000),
        (0, SET, -1, 2, 1010, 1_000),
        (0, SET, -1, 3, 1020, 2_000),
        *(extra or []),
        (1_000 * MS, SET, 1, LAST, 900, 1),
    ]
    return columns(rows)


def run(
    strategy: type[tc.Strategy],
    data: Any,
    instrument: tc.Instrument,
    venue: tc.SimVenue | None = None,
    **options: Any,
) -> tuple[Any, tc.Result]:
    made = strategy("s", [NAME])
    venue = venue or tc.SimVenue("TEST", latency=tc.Latency(entry="1ms", response="1ms"))
    backtest = tc.Backtest([made], {NAME: data}, [venue], specs={NAME: instrument}, **options)
    options.setdefault("on_error", "stop_run")
    return made, backtest.run()


@pytest.mark.parametrize(("entry", "response"), [(2, 3), (0, 0), (7, 0)])
def test_a_refusal_of_our_own_takes_as_long_as_one_of_the_venue(
    instrument: tc.Instrument, entry: int, response: int
) -> None:
    class Asks(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            self.told: list[tuple[str, int]] = []
            ctx.at(10 * MS, lambda ctx: [ctx.buy(NAME, "0.01", 98), ctx.buy(NAME, 2, 101, post_only=True)])

        def on_order(self, ctx: tc.Context, order: tc.Order) -> None:
            self.told.append((order.reason, ctx.now_ns // MS))

    latency = tc.Latency(entry=f"{entry}ms", response=f"{response}ms")
    made, result = run(Asks, quiet_market(), instrument, tc.SimVenue("TEST", latency=latency))
    known = 10 + entry + response
    assert sorted(made.told) == [("min_notional", known), ("post_only_would_cross", known)]
    assert {at.microsecond // 1_000 for at in result.orders["ts_close"]} == {known}


def test_who_answers_every_refusal_with_an_order_gets_as_many_as_answers_come(instrument: tc.Instrument) -> None:
    class Again(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.buy(NAME, "0.01", 98)

        def on_order(self, ctx: tc.Context, order: tc.Order) -> None:
            ctx.buy(NAME, "0.01", 98)

    _, result = run(Again, quiet_market(), instrument)
    assert result.rejected == {"min_notional": 502}
    with pytest.raises(StrategyError, match="100000 orders were sent at one moment"):
        run(Again, quiet_market(), instrument, AT_ONCE)


class Restless(tc.Strategy):
    """Sets one timer after the other for the moment at which it does."""

    def on_start(self, ctx: tc.Context) -> None:
        ctx.at(10 * MS, self.tick)

    def tick(self, ctx: tc.Context) -> None:
        ctx.at(ctx.now_ns, self.tick)


def test_a_callback_that_sets_itself_again_at_once_is_named(instrument: tc.Instrument) -> None:
    with pytest.raises(
        StrategyError, match=r"strategy s failed: .*ts_ns: 10000 timers were set for now at one moment"
    ) as caught:
        run(Restless, quiet_market(), instrument)
    assert "in tick" in caught.value.traceback


def test_a_callback_that_sets_itself_again_in_no_time_is_named(instrument: tc.Instrument) -> None:
    class Hasty(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.at(10 * MS, self.tick)

        def tick(self, ctx: tc.Context) -> None:
            ctx.at(ctx.now_ns + 1, self.tick)

    with pytest.raises(
        StrategyError, match=r"strategy s failed: .*ts_ns: 100000 timers went off within 100ms; .* let time go on"
    ) as caught:
        run(Hasty, quiet_market(), instrument)
    assert "in tick" in caught.value.traceback


def test_a_callback_is_looked_at_for_what_it_is_though_its_code_was(instrument: tc.Instrument) -> None:
    class Mine(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            self.ticks: list[int] = []
            self.refused: list[str] = []
            for at in range(10, 60, 10):
                ctx.at(at * MS, self.tick)
                ctx.at(at * MS, lambda ctx, at=at: self.ticks.append(at))
                for wrong in (Mine.tick, wraps(lambda: None)(lambda ctx: None)):
                    try:
                        ctx.at(at * MS, wrong)
                    except InvalidValueError as error:
                        self.refused.append(error.problem)

        def tick(self, ctx: tc.Context) -> None:
            self.ticks.append(0)

    strategy, _ = run(Mine, quiet_market(), instrument)
    assert strategy.ticks == [0, 10, 0, 20, 0, 30, 0, 40, 0, 50]
    assert len(strategy.refused) == 10
    assert all("and is called with (ctx)" in problem for problem in strategy.refused)


def test_many_timers_for_now_all_go_off(instrument: tc.Instrument) -> None:
    class Many(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            self.ticks = 0
            ctx.at(10 * MS, self.set)
            ctx.at(20 * MS, self.set)

        def set(self, ctx: tc.Context) -> None:
            for _ in range(6_000):
                ctx.at(ctx.now_ns, self.tick)

        def tick(self, ctx: tc.Context) -> None:
            self.ticks += 1

    made, _ = run(Many, quiet_market(), instrument)
    assert made.ticks == 12_000


def test_orders_fills_money_and_tables_agree(instrument: tc.Instrument) -> None:
    made, result = run(
        script(
            lambda ctx: ctx.buy(NAME, "1.5"),
            lambda ctx: (ctx.position(NAME).qty, ctx.position(NAME).avg_entry_price, ctx.equity),
            lambda ctx: ctx.sell(NAME, Decimal("1.5"), 98),
            lambda ctx: (ctx.position(NAME).qty, ctx.position(NAME).realized_pnl, ctx.position(NAME).fees),
        ),
        quiet_market(),
        instrument,
        on_error="stop_run",
    )
    paid = Decimal("1") * 101 + Decimal("0.5") * 102
    got = Decimal("1") * 99 + Decimal("0.5") * 98
    fees = (paid + got) * Decimal("0.0005")
    assert made.seen[1][:2] == (1.5, pytest.approx(float(paid) / 1.5))
    assert made.seen[1][2] == -paid - paid * Decimal("0.0005") + Decimal("1.5") * 100
    assert made.seen[3] == (0.0, got - paid, fees)
    assert [(f.price, f.qty, f.liquidity.name) for f in made.fills] == [
        (101.0, 1.0, "TAKER"),
        (102.0, 0.5, "TAKER"),
        (99.0, 1.0, "TAKER"),
        (98.0, 0.5, "TAKER"),
    ]
    assert result.net_pnl == got - paid - fees
    assert result.fees == fees == result.fills["fee"].sum()
    assert result.orders["status"].to_list() == ["filled", "filled"]
    assert result.orders["filled_qty"].to_list() == [1.5, 1.5]
    assert result.positions["position_qty"].to_list() == [1.0, 1.5, 0.5, 0.0]
    assert result.equity["equity"][-1] == result.net_pnl
    assert result.final_positions[0]["qty"] == 0
    assert (made.fills[0].ts_event, made.fills[0].ts_recv) == (11 * MS, 12 * MS)
    assert "order 1" in repr(made.fills[0])


def test_a_quote_is_left_alone_replaced_and_withdrawn(instrument: tc.Instrument) -> None:
    made, result = run(
        script(
            lambda ctx: ctx.quote(NAME, bid=98, ask=103, qty=2),
            lambda ctx: ctx.quote(NAME, bid="98.0", ask=103.0, qty="2.00"),
            lambda ctx: [(o.side.name, o.price, o.status.name) for o in ctx.orders()],
            lambda ctx: ctx.quote(NAME, bid=98.5, ask=103, bid_qty=2, ask_qty=3),
            lambda ctx: [(o.side.name, o.price, o.qty) for o in ctx.orders(NAME)],
            lambda ctx: ctx.quote(NAME, ask=103, qty=3),
            lambda ctx: ctx.cancel_all(),
            lambda ctx: ctx.orders(),
        ),
        quiet_market(),
        instrument,
    )
    assert made.seen[2] == [("BUY", 98.0, "NEW"), ("SELL", 103.0, "NEW")]
    assert made.seen[4] == [("BUY", 98.5, 2.0), ("SELL", 103.0, 3.0)]
    assert made.seen[6:] == [1, []]
    assert result.orders["replaced"].to_list() == [1, 1]
    assert result.orders["status"].to_list() == ["cancelled", "cancelled"]


def test_orders_are_found_by_id_client_id_and_copy(instrument: tc.Instrument) -> None:
    def checks(ctx: tc.Context) -> list[Any]:
        order = ctx.order("mine")
        assert order is not None
        same = ctx.order(order)
        assert same is not None
        assert ctx.order("other") is None
        with pytest.raises(OrderError, match='"mine" is in use'):
            ctx.buy(NAME, 2, 98, client_id="mine")
        return [order.order_id, same.client_id, order.leaves_qty, order.is_pending, ctx.replace("mine", qty=3)]

    made, result = run(
        script(
            lambda ctx: ctx.submit(NAME, "buy", 2, 98, client_id="mine", post_only=True, time_in_force="gtc"),
            checks,
            lambda ctx: ctx.cancel("mine"),
            lambda ctx: (ctx.cancel("mine"), ctx.cancel(1), ctx.replace(1, price=97)),
        ),
        quiet_market(),
        instrument,
        on_error="stop_run",
    )
    assert made.seen == [1, [1, "mine", 2.0, False, True], True, (False, False, False)]
    assert result.orders["client_id"].to_list() == ["mine"]


def test_what_a_venue_refuses_comes_back_as_a_rejection(instrument: tc.Instrument) -> None:
    made, result = run(
        script(
            lambda ctx: ctx.buy(NAME, 2, 101, post_only=True),
            lambda ctx: ctx.buy(NAME, "0.01", 98),
            lambda ctx: ctx.buy(NAME, 20, 102, time_in_force="fok"),
            lambda ctx: ctx.buy(NAME, 20, 101, time_in_force=tc.TimeInForce.IOC),
        ),
        quiet_market(),
        instrument,
    )
    assert [o for o in made.orders if o[0] in ("REJECTED", "EXPIRED")] == [
        ("REJECTED", "post_only_would_cross"),
        ("REJECTED", "min_notional"),
        ("EXPIRED", "fok_not_fillable"),
        ("EXPIRED", "ioc_remainder"),
    ]
    assert result.orders["reason"].to_list() == [
        "post_only_would_cross",
        "min_notional",
        "fok_not_fillable",
        "ioc_remainder",
    ]
    # What was never accepted has no time of it.
    assert result.orders["ts_accept"].is_null().to_list() == [True, True, False, False]
    assert result.orders["ts_close"].null_count() == 0


@pytest.mark.parametrize(
    ("mistake", "error"),
    [
        (lambda ctx: ctx.buy(NAME, 1, 98.05), OffGridError),
        (lambda ctx: ctx.buy(NAME, "0.015", 98), OffGridError),
        (lambda ctx: ctx.buy(NAME, 0, 98), InvalidValueError),
        (lambda ctx: ctx.buy(NAME, 1, -98), InvalidValueError),
        (lambda ctx: ctx.buy(NAME, 1, post_only=True), OrderError),
        (lambda ctx: ctx.submit(NAME, "up", 1), InvalidValueError),
        (lambda ctx: ctx.buy(NAME, 1, 98, time_in_force="week"), InvalidValueError),
        (lambda ctx: ctx.quote(NAME, bid=98), InvalidValueError),
        (lambda ctx: ctx.book("NOPE.TEST"), UnknownInstrumentError),
        (lambda ctx: ctx.every("soon"), InvalidValueError),
        (lambda ctx: ctx.equity_in("GOLD"), InvalidValueError),
        (lambda ctx: ctx.buy(NAME, None), TypeError),
    ],
)
def test_a_mistake_raises_where_it_is_made(instrument: tc.Instrument, mistake: Any, error: type[Exception]) -> None:
    def step(ctx: tc.Context) -> str:
        with pytest.raises(error):
            mistake(ctx)
        return "raised"

    made, result = run(script(step), quiet_market(), instrument, on_error="stop_run")
    assert made.seen == ["raised"]
    assert result.summary()["orders"] == 0


def test_nothing_of_a_context_works_outside_its_hook(instrument: tc.Instrument) -> None:
    kept: list[Any] = []
    run(
        script(lambda ctx: kept.extend([ctx, ctx.book(NAME), ctx.position(NAME)])),
        quiet_market(),
        instrument,
        on_error="stop_run",
    )
    ctx, book, position = kept
    for use in (
        lambda: ctx.now_ns,
        lambda: ctx.buy(NAME, 1),
        lambda: book.best_bid,
        lambda: book.depth(),
        lambda: position.qty,
    ):
        with pytest.raises(ContextError):
            use()


def test_a_raising_hook_stops_its_strategy_or_the_run(market: Path) -> None:
    class Bad(Quoter):
        def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
            raise ValueError("I did not expect that")

    names = ["BTCUSDT.SYNTH"]
    alone = tc.Backtest([Quoter("good", names)], market).run()
    with pytest.warns(StrategyWarning, match="strategy bad failed: ValueError: I did not expect that"):
        result = tc.Backtest([Bad("bad", names), Quoter("good", names)], market).run()
    assert "I did not expect that" in result.failures["bad"]
    assert "on_fill" in result.failures["bad"]
    assert list(result.failures) == ["bad"]
    mine = result.orders.filter(pl.col("strategy") == "bad")
    assert mine.filter(pl.col("reason") == "strategy_stopped").height >= 1
    good = result.fills.filter(pl.col("strategy") == "good")
    assert good["price"].to_list() == alone.fills["price"].to_list()
    assert "bad failed" in str(result)
    for strategies, on_error in (([Bad("bad", names)], None), ([Bad("bad", names), Quoter("good", names)], "stop_run")):
        with pytest.raises(StrategyError, match="strategy bad failed: ValueError: I did not") as caught:
            tc.Backtest(strategies, market, on_error=on_error).run()
        error = caught.value
        assert "Traceback" in error.traceback
        assert 'raise ValueError("I did not expect that")' in "".join(error.__notes__), "shown below the message"
        assert error.result is not None
        assert len(error.result.fills.filter(pl.col("strategy") == "bad")) == 1
        assert list(error.result.failures) == ["bad"]
    with pytest.warns(StrategyWarning):
        stopped = tc.Backtest([Bad("bad", names)], market, on_error="stop_strategy").run()
    assert stopped.summary()["fills"] == 1


def test_the_data_source_and_the_spill_can_be_interrupted(instrument: tc.Instrument) -> None:
    def core_run(chunks: Any, spill: Any) -> dict[str, Any]:
        simulation = Simulation(sample_interval="1ms")
        simulation.add_market(instrument, chunks, AT_ONCE, holds=[0], latencies=[(None, 0)])
        return simulation.run(spill=spill, spill_rows=1)

    def interrupted() -> Any:
        yield quiet_market()
        raise KeyboardInterrupt

    def spill(tables: Any, moved: int) -> None:
        raise KeyboardInterrupt

    result = core_run(interrupted(), None)
    assert (result["interrupted"], result["events"]) == (True, 6)
    result = core_run(iter([quiet_market()]), spill)
    assert result["interrupted"]
    assert len(result["tables"]["equity"]["ts"][1]) == 2 * 8, "what was not taken is still there"

    def broken() -> Any:
        yield quiet_market()
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        core_run(broken(), None)


@pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit("not a failure of the strategy")])
def test_an_exception_that_is_no_error_ends_the_run_and_is_raised(
    instrument: tc.Instrument, error: BaseException
) -> None:
    class Leaves(tc.Strategy):
        def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
            raise error

    with pytest.raises(type(error)) as caught:
        run(Leaves, quiet_market(), instrument)
    assert caught.value is error


def test_ctrl_c_in_a_hook_ends_the_run_with_its_result(instrument: tc.Instrument) -> None:
    class Stops(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.buy(NAME, 1)

        def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        run(Stops, quiet_market(), instrument)
    result = caught.value.result  # type: ignore[attr-defined]
    assert result.interrupted
    assert len(result.fills) == result.summary()["fills"] == 1


def test_async_callbacks_are_refused(instrument: tc.Instrument) -> None:
    async def later(ctx: tc.Context) -> None:
        pass

    def step(ctx: tc.Context) -> str:
        for set_timer in (lambda: ctx.every("1s", later), lambda: ctx.at(ctx.now_ns + 1, later)):
            with pytest.raises(InvalidValueError, match="callback: an async def is never awaited"):
                set_timer()
        return "raised"

    made, _ = run(script(step), quiet_market(), instrument, on_error="stop_run")
    assert made.seen == ["raised"]


def test_a_callback_that_goes_off_once_is_let_go(instrument: tc.Instrument) -> None:
    alive: list[Any] = []

    class Callback:
        def __call__(self, ctx: tc.Context) -> None:
            pass

    def step(ctx: tc.Context) -> int:
        callback = Callback()
        alive.append(weakref.ref(callback))
        ctx.at(ctx.now_ns + 1, callback)
        return sum(reference() is not None for reference in alive)

    made, _ = run(script(*[step] * 9), quiet_market(), instrument, on_error="stop_run")
    assert made.seen == [1] * 9


def test_on_stop_sees_the_end_and_what_it_asks_for_is_refused(instrument: tc.Instrument) -> None:
    seen: list[Any] = []

    class Closes(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.at(10 * MS, lambda ctx: ctx.buy(NAME, 2, 98))

        def on_stop(self, ctx: tc.Context) -> None:
            seen.append((ctx.now_ns, ctx.book(NAME).bid_levels, ctx.cancel_all()))
            ctx.buy(NAME, 2)

    _, result = run(Closes, quiet_market(), instrument, on_error="stop_run")
    assert seen == [(1_000 * MS, 3, 1)]
    ends = result.orders.sort("order_id").select("status", "reason").rows()
    assert ends == [("new", "run_ended"), ("rejected", "run_ended")]


def test_hooks_get_what_they_ask_for(instrument: tc.Instrument) -> None:
    events: list[Any] = []

    class Ears(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            events.append(("start", ctx.now_ns))
            ctx.at(500 * MS, lambda ctx: events.append(("at", ctx.now_ns)))

        def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
            events.append(("book", ctx.now_ns, book.instrument, book.best_bid, book.bid_levels, book.state.name))

        def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
            side = trade.aggressor_side
            events.append(("trade", trade.price, trade.qty, side and side.name, trade.ts_event))

        def on_quote(self, ctx: tc.Context, quote: tc.QuoteView) -> None:
            events.append(("quote", quote.best_bid, quote.bid_qty, quote.best_ask, quote.ask_qty))

        def on_book_state(self, ctx: tc.Context, book: tc.BookView, state: tc.BookState) -> None:
            events.append(("state", state.name))

        def on_stop(self, ctx: tc.Context) -> None:
            events.append(("stop", ctx.now_ns))

    data = quiet_market(
        [
            (100 * MS, TRADE, -1, LAST, 990, 500),
            (200 * MS, TRADE, 0, LAST, 1000, 1),
            (300 * MS, QUOTE, 1, 0, 990, 7),
            (300 * MS, QUOTE, -1, LAST, 0, 0),
            (400 * MS, CLEAR, 0, LAST, 0, 0),
        ]
    )
    run(Ears, data, instrument, on_error="stop_run")
    assert events == [
        ("start", 0),
        ("state", "SYNCED"),
        ("book", 0, NAME, 99.0, 2, "SYNCED"),
        ("trade", 99.0, 0.5, "SELL", 100 * MS),
        ("trade", 100.0, 0.001, None, 200 * MS),
        ("quote", 99.0, 0.007, None, None),
        ("book", 300 * MS, NAME, 99.0, 2, "SYNCED"),
        ("state", "GAP"),
        ("book", 400 * MS, NAME, None, 0, "GAP"),
        ("at", 500 * MS),
        ("state", "SYNCED"),
        ("book", 1_000 * MS, NAME, 90.0, 1, "SYNCED"),
        ("stop", 1_000 * MS),
    ]


def test_a_touch_filter_wakes_only_when_a_best_price_moves(market: Path) -> None:
    class Every(tc.Strategy):
        calls: int = 0
        touch: Any = None

        def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
            now = (book.best_bid, book.best_ask)
            self.calls += 1
            assert type(self).book_events == "message" or now != self.touch
            self.touch = now

    class Touch(Every):
        book_events = "touch"

    every, touch = Every("every", ["BTCUSDT.SYNTH"]), Touch("touch", ["BTCUSDT.SYNTH"])
    tc.Backtest([every, touch], market, on_error="stop_run").run()
    assert every.calls > touch.calls > every.calls / 20


def test_the_digest_is_one_for_equal_runs(market: Path) -> None:
    def digest(seed: int = 0, queue: str = "depletion", **options: Any) -> str:
        venue = tc.SimVenue("SYNTH", queue=queue)
        names = ["BTCUSDT.SYNTH"]
        return tc.Backtest([Quoter("q", names)], market, [venue], seed=seed, **options).run().digest

    first = digest()
    assert first == digest() == digest(byte_budget=1)
    assert digest(seed=1) != first
    assert digest(queue="conservative") != first
    frame = tc.Catalog(market).scan("BTCUSDT.SYNTH").collect()
    spec = tc.Catalog(market).instrument("BTCUSDT.SYNTH")
    for data in (frame, {name: frame[name].to_numpy() for name in frame.columns}):
        backtest = tc.Backtest(
            [Quoter("q", ["BTCUSDT.SYNTH"])],
            {"BTCUSDT.SYNTH": data},
            [tc.SimVenue("SYNTH", queue="depletion")],
            specs={spec.id: spec},
        )
        assert backtest.run().digest == first


@pytest.mark.parametrize("shift", [0, 1, 137_000, 3_000_000])
def test_orders_in_one_market_do_not_depend_on_orders_in_others(market: Path, shift: int) -> None:
    """A market without orders runs ahead of the others; with one that never fills it may not. Nobody can tell."""
    catalog = tc.Catalog(market)
    (source,) = catalog.instruments()
    pieces = list(catalog.stream(source))
    base = {name: np.concatenate([piece[name] for piece in pieces])[:40_000] for name in pieces[0]}
    names = [f"BTC{number}.SYNTH" for number in range(4)]
    specs = {
        name: tc.instruments.instrument_from_dict({**catalog.instrument(source).to_dict(), "id": name})
        for name in names
    }
    times = ("ts_event", "ts_recv")
    data = {
        name: {key: values + (key in times) * shift * number for key, values in base.items()}
        for number, name in enumerate(names)
    }

    class Chaser(tc.Strategy):
        """Trade one market, and another one as soon as it hears of the fill."""

        def on_start(self, ctx: tc.Context) -> None:
            self.heard = 0
            ctx.every("130ms", self.step)

        def step(self, ctx: tc.Context) -> None:
            book = ctx.book(names[0])
            if book.best_bid is not None:
                ctx.quote(names[0], bid=book.best_bid, ask=book.best_ask, qty=0.01)

        def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
            if fill.instrument == names[0]:
                self.heard += 1
                other = names[1 + self.heard % 3]
                ctx.sell(other, fill.qty) if fill.side is tc.Side.BUY else ctx.buy(other, fill.qty)

    class Anchor(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.at(ctx.now_ns + 10_000_000, self.place)

        def place(self, ctx: tc.Context) -> None:
            for name in self.instruments:
                ctx.buy(name, 0.01, 1_000)

    def fills(*strategies: tc.Strategy) -> list[tuple[Any, ...]]:
        result = tc.Backtest(strategies, data, [tc.SimVenue("SYNTH")], specs=specs, on_error="stop_run").run()
        mine = result.fills.filter(pl.col("strategy") == "chaser")
        return mine.select("ts_event", "ts_recv", "instrument", "side", "price", "qty", "fee").rows()

    alone = fills(Chaser("chaser", names))
    assert len({row[2] for row in alone}) == 4
    assert alone == fills(Chaser("chaser", names), Anchor("anchor", names))


@pytest.mark.both
def test_the_golden_digests(market: Path) -> None:
    """What a release promises: these digests only change with an entry in the changelog."""
    names = ["BTCUSDT.SYNTH"]
    venue = tc.SimVenue("SYNTH", queue="power(3)")
    maker = tc.AvellanedaStoikov("as", names, quote_qty="0.01", max_position="0.1", gamma=0.002)
    assert {
        "python": tc.Backtest([Quoter("q", names)], market, [venue]).run().digest,
        "compiled": tc.Backtest([maker], market, [venue]).run().digest,
    } == GOLDEN_DIGESTS


GOLDEN_DIGESTS = {
    "python": "419b77dbf5d8d17326d37926abe842cabd46bf9e7bfdc7055587ea8a333fbc40",
    "compiled": "4d0478fad493fd9e2de15e3427a331aac25810ecdd694988b608b9ca7c8e372c",
}


def test_several_strategies_and_instruments_in_one_run(tmp_path: Path) -> None:
    inverse = tc.Instrument(
        "XBTUSD.SYNTH",
        kind="inverse",
        base="XBT",
        quote="USD",
        price_increment="0.1",
        qty_increment="1",
        lot_size="100",
    )
    tc.synthesize(tmp_path, events=20_000, seed=1)
    tc.synthesize(tmp_path, events=20_000, seed=2, instrument=inverse, typical_qty="50000")
    catalog = tc.Catalog(tmp_path)
    assert catalog.instruments() == ("BTCUSDT.SYNTH", "XBTUSD.SYNTH")
    result = tc.Backtest(
        [
            Quoter("one", ["BTCUSDT.SYNTH"]),
            tc.TouchMaker("both", ["XBTUSD.SYNTH"], quote_qty="100", max_position="1000"),
        ],
        catalog,
    ).run()
    assert [total["currency"] for total in result.totals] == ["USDT", "XBT"]
    for total in result.totals:
        assert total["net_pnl"] == total["gross_pnl"] - total["fees"]
    with pytest.raises(RunError, match="USDT, XBT"):
        _ = result.net_pnl
    summary = result.summary()
    assert summary["net_pnl"] is None
    assert set(summary["by_currency"]) == {"USDT", "XBT"}
    assert set(result.fills["instrument"].unique()) == {"BTCUSDT.SYNTH", "XBTUSD.SYNTH"}
    assert {row["instrument"] for row in result.final_positions if row["fills"]} == set(catalog.instruments())


def test_results_are_complete_when_tables_move_to_disk(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tradecore.backtest import engine

    whole = tc.Backtest([Quoter("q", ["BTCUSDT.SYNTH"])], market, candles="1s").run()
    monkeypatch.setattr(engine, "_SPILL_ROWS", 1)
    pieces = tc.Backtest([Quoter("q", ["BTCUSDT.SYNTH"])], market, candles="1s").run()
    assert len(list(pieces.tables.pieces("fills"))) > 1
    for table in ("orders", "fills", "positions", "equity", "candles"):
        assert getattr(whole, table).equals(getattr(pieces, table)), table
    assert whole.summary()["fills"] == len(whole.fills) > 20


def test_the_feed_of_a_fast_venue_clock_shows_no_future(market: Path) -> None:
    """Moving the venue's clock ahead of ours changes nothing but the figures that say so."""
    frame = tc.Catalog(market).scan("BTCUSDT.SYNTH").collect()
    spec = {"BTCUSDT.SYNTH": tc.Catalog(market).instrument("BTCUSDT.SYNTH")}
    venue = tc.SimVenue("SYNTH", latency=tc.Latency(feed="4ms"))

    def go(data: pl.DataFrame) -> tc.Result:
        return tc.Backtest([Quoter("q", ["BTCUSDT.SYNTH"])], {"BTCUSDT.SYNTH": data}, [venue], specs=spec).run()

    by = 1_270_000_000
    once = go(frame.with_columns(pl.col("ts_event") + by))
    lead = once.clock_lead_ns["SYNTH"]
    shift = by - lead
    now = go(frame.with_columns(pl.col("ts_event") + shift))
    fast = go(frame.with_columns(pl.col("ts_event") + shift + by))
    least = int((frame["ts_recv"] - frame["ts_event"]).min())  # type: ignore[arg-type]
    assert least <= shift < least + 1_000_000
    assert now.clock_lead_ns == {}
    assert fast.clock_lead_ns == {"SYNTH": by}
    assert fast.clock_leads == {"SYNTH": [(None, by)]}
    assert fast.digest == now.digest


def test_bad_data_in_memory_is_named(instrument: tc.Instrument) -> None:
    data = quiet_market()
    with pytest.raises(DataError, match="has no column qty"):
        run(Quoter, {k: v for k, v in data.items() if k != "qty"}, instrument)
    with pytest.raises(DataError, match="column kind has dtype int64, expected uint8"):
        run(Quoter, {**data, "kind": data["kind"].astype(np.int64)}, instrument)
    with pytest.raises(DataError, match="column price has dtype float64, expected int64"):
        run(Quoter, {**data, "price": data["price"].astype(float)}, instrument)
    frame = pl.DataFrame(data).with_columns(pl.when(pl.int_range(pl.len()) != 2).then("price").alias("price"))
    for form in (frame, frame.to_pandas(), {**data, "price": np.array([1, 2, None, 4, 5, 6], object)}):
        with pytest.raises(DataError, match=r"BTCUSDT\.TEST:3: column price has no value, expected int64"):
            run(Quoter, form, instrument)
    with pytest.raises(DataError, match=r"BTCUSDT\.TEST: after 0 rows: row 1: ts_recv"):
        run(Quoter, {**data, "ts_recv": data["ts_recv"][::-1].copy()}, instrument)
    with pytest.raises(UnknownInstrumentError):
        tc.Backtest([Quoter("q", ["OTHER.TEST"])], {NAME: data})
    for column, wrong, text in [
        ("qty", data["qty"][:3], r"column qty has 3 rows, expected 6 as in ts_event"),
        ("ts_event", data["ts_event"][:1], r"column ts_recv has 6 rows, expected 1 as in ts_event"),
        ("price", list(data["price"]), "column price is a list, expected a numpy array"),
        ("price", None, "column price is a NoneType, expected a numpy array"),
        ("price", data["price"].reshape(1, -1), "column price has 2 dimensions, expected 1"),
        ("price", np.ma.masked_less(data["price"], 5), "column price is a MaskedArray"),
    ]:
        with pytest.raises(DataError, match=rf"BTCUSDT\.TEST: {text}"):
            run(Quoter, {**data, column: wrong}, instrument)
    with pytest.raises(DataError, match="expected columns by name, got NoneType"):
        run(Quoter, None, instrument)


def test_a_backtest_runs_once(market: Path) -> None:
    backtest = tc.Backtest([Quoter("q", ["BTCUSDT.SYNTH"])], market)
    backtest.run()
    with pytest.raises(RunError, match="a backtest runs once"):
        backtest.run()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: tc.SimVenue("X", queue="fifo"), "queue"),
        (lambda: tc.SimVenue("X", basis="l3"), 'basis: "l3" is not auto, l2, l1, trades or bars'),  # type: ignore[arg-type]
        (lambda: tc.SimVenue("X", basis=1), "basis: expected a word, got 1"),  # type: ignore[arg-type]
        (lambda: tc.SimVenue("X", accounts="one"), 'accounts: "one" is not shared or isolated'),  # type: ignore[arg-type]
        (
            lambda: tc.SimVenue("X", self_trade="none"),
            "self_trade: .* is not cancel_newest, cancel_oldest, cancel_both or",
        ),  # type: ignore[arg-type]
        (
            lambda: tc.SimVenue("X", clock_lead="-1s"),
            'clock_lead: expected "auto" or a length of time such as "5ms", got',
        ),
        (lambda: tc.Latency(entry="-1ms"), "entry"),
        (lambda: tc.Latency(feed="x"), "feed"),
        (lambda: tc.Latency(entry=True), "entry: expected a text such as"),
        (lambda: tc.SimVenue("X", clock_lead=True), "clock_lead: expected a text such as"),
        (lambda: tc.SimVenue(""), "name: expected the name of a venue, got ''"),
        (lambda: tc.SimVenue(5), "name: expected the name of a venue, got 5"),  # type: ignore[arg-type]
        (lambda: tc.SimVenue("X", latency="5ms"), "latency: expected a Latency, got '5ms'"),  # type: ignore[arg-type]
        (lambda: tc.SimVenue("X", queue=None), "queue: expected the name"),  # type: ignore[arg-type]
        (lambda: tc.SimVenue("X", maker_fee_bps="x"), "maker_fee_bps"),
        (lambda: tc.SimVenue("X", maker_fee_bps=True), "maker_fee_bps"),
        (lambda: tc.SimVenue("X", maker_fee_bps=Decimal("nan")), "maker_fee_bps"),
        (lambda: tc.SimVenue("X", taker_fee_bps="10001"), "taker_fee_bps: 10001 is outside"),
        (lambda: tc.Backtest([], {}), "strategies"),
        (lambda: tc.Backtest([Quoter("a", [NAME])], {}, seed=-1), "seed: expected an integer from 0"),
        (lambda: tc.Backtest([Quoter("a", [NAME])], {}, seed=1.5), "seed: expected"),  # type: ignore[arg-type]
        (lambda: tc.Backtest([Quoter("a", [NAME])], {}, seed=2**64), "seed: expected an integer from 0"),
        (lambda: tc.Backtest([Quoter("a", [NAME])], {}, cost_basis=None), "cost_basis: expected a word, got None"),  # type: ignore[arg-type]
        (
            lambda: tc.Backtest([Quoter("a", [NAME])], {}, reporting_currency=5),
            "reporting_currency: expected a currency",
        ),  # type: ignore[arg-type]
        (lambda: tc.Backtest([Quoter("a", [NAME])], {}, debug_checks="yes"), "debug_checks: expected True or False"),  # type: ignore[arg-type]
        (lambda: tc.Backtest([Quoter("a", [NAME])], {}, record=1), "record: expected True or False, got 1"),  # type: ignore[arg-type]
        (lambda: tc.Backtest([Quoter("a", [NAME])], {}, sample_interval=0), "sample_interval"),
        (lambda: tc.Backtest([Quoter("a", [NAME])], {}, candles="0s"), "candles"),
        (lambda: tc.Backtest([Quoter("a", [NAME])], 5), "data: expected a catalog"),  # type: ignore[arg-type]
        (
            lambda: tc.Backtest([Quoter("a", [NAME])], {}, specs={NAME: tc.find_instrument("BTCUSDT.SYNTH")}),
            r"specs: expected the specification of BTCUSDT\.TEST",
        ),
        (lambda: tc.Backtest([Quoter("a", [NAME]), Quoter("a", [NAME])], {}), "several are called 'a'"),
        (lambda: Quoter("a", [NAME, NAME]), "instruments: 'BTCUSDT.TEST' is listed twice"),
        (lambda: tc.Backtest([Quoter("a", [NAME])], {}, on_error="ignore"), "on_error"),  # type: ignore[arg-type]
    ],
)
def test_bad_settings_are_named(make: Any, text: str) -> None:
    with pytest.raises(InvalidValueError, match=text):
        make()


def test_a_specification_on_another_grid_than_the_data_is_refused(market: Path) -> None:
    stored = tc.Catalog(market).instrument("BTCUSDT.SYNTH").to_dict()

    def go(**changes: str) -> tc.Result:
        spec = tc.instruments.instrument_from_dict({**stored, **changes})
        return tc.Backtest([Quoter("q", ["BTCUSDT.SYNTH"])], market, specs={spec.id: spec}).run()

    with pytest.raises(
        InvalidValueError, match=r"specs: .*BTCUSDT\.SYNTH was stored with price_increment 0\.1, not 0\.01"
    ):
        go(price_increment="0.01")
    with pytest.raises(InvalidValueError, match="qty_increment"):
        go(qty_increment="0.0001")
    assert go(taker_fee_bps="7", lot_size="0.01").events == 60_000


def test_a_venue_without_settings_is_an_error(market: Path) -> None:
    with pytest.raises(InvalidValueError, match="no settings for venue SYNTH"):
        tc.Backtest([Quoter("q", ["BTCUSDT.SYNTH"])], market, [tc.SimVenue("OTHER")])


def test_a_venue_nobody_trades_on_or_given_twice_is_an_error(market: Path) -> None:
    synth = tc.SimVenue("SYNTH")
    for venues, text in [
        ([synth, tc.SimVenue("SYNHT")], r"venues\.1\.name: no strategy trades on SYNHT, only on SYNTH"),
        ([synth, tc.SimVenue("SYNTH", queue="log")], r"venues\.1\.name: SYNTH is there twice"),
    ]:
        with pytest.raises(InvalidValueError, match=text):
            tc.Backtest([Quoter("q", ["BTCUSDT.SYNTH"])], market, venues)


def test_quotes_off_the_lot_are_found_before_the_run(market: Path) -> None:
    spec = tc.instruments.instrument_from_dict(
        {**tc.Catalog(market).instrument("BTCUSDT.SYNTH").to_dict(), "lot_size": "0.01"}
    )
    maker = tc.TouchMaker("m", [spec.id], quote_qty="0.015", max_position="1")
    with pytest.raises(InvalidValueError, match=r"strategies\.0\.params\.quote_qty: 0\.015 is not a multiple of 0\.01"):
        tc.Backtest([maker], market, specs={spec.id: spec})


def test_fees_of_the_venue_go_before_the_instruments(market: Path) -> None:
    venue = tc.SimVenue("SYNTH", maker_fee_bps="-2", taker_fee_bps="7")
    result = tc.Backtest([Quoter("q", ["BTCUSDT.SYNTH"])], market, [venue]).run()
    turnover = result.totals[0]["turnover"]
    assert set(result.fills["liquidity"]) == {"maker"}
    assert float(result.fees) == pytest.approx(-0.0002 * float(turnover), rel=1e-12)


def test_progress_is_told_and_its_errors_are_not_swallowed(tmp_path: Path) -> None:
    tc.synthesize(tmp_path, events=400_000, seed=3)

    class Slow(tc.Strategy):
        def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
            book.depth(20)

    told: list[tuple[int, int]] = []
    backtest = tc.Backtest([Slow("s", ["BTCUSDT.SYNTH"])], tmp_path)
    backtest.run(progress=lambda done, total: told.append((done, total)))
    assert told
    assert all(0 < done <= total == 400_000 for done, total in told)

    def fail(done: int, total: int) -> None:
        raise RuntimeError("no terminal")

    with pytest.raises(RuntimeError, match="no terminal"):
        tc.Backtest([Slow("s", ["BTCUSDT.SYNTH"])], tmp_path).run(progress=fail)


@pytest.mark.release
def test_memory_is_flat(tmp_path: Path) -> None:
    """Ten times the data takes about the same memory."""
    code = (
        "import sys, tradecore as tc\n"
        "from tradecore.memory import peak_rss_mb\n"
        "s = tc.TouchMaker('m', ['BTCUSDT.SYNTH'], quote_qty='0.01', max_position='0.1')\n"
        "r = tc.Backtest([s], sys.argv[1]).run()\n"
        "assert r.events == int(sys.argv[2])\n"
        "print(peak_rss_mb())\n"
    )
    peaks = []
    for events in (1_000_000, 10_000_000):
        folder = tmp_path / str(events)
        tc.synthesize(folder, events=events, seed=5)
        command = [sys.executable, "-c", code, str(folder), str(events)]
        runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(3)]
        peaks.append(sorted(float(done.stdout) for done in runs)[1])
    assert peaks[1] < 1.08 * peaks[0], peaks


def test_at_its_expiry_an_instrument_is_not_traded_any_more(instrument: tc.Instrument) -> None:
    future = tc.Instrument(**{**instrument.to_dict(), "expiry_ns": str(25 * MS)})
    bid = [lambda ctx: (ctx.is_listed(NAME), bool(ctx.buy(NAME, "1.5", 98)))[0]]
    made, result = run(script(*bid * 3), quiet_market(), future, on_error="stop_run")
    assert made.seen == [True, True, False]
    assert made.orders == [
        *[("NEW", "")] * 2,
        *[("EXPIRED", "not_listed")] * 2,
        ("REJECTED", "not_listed"),
    ]
    assert [order["reason"] for order in result.orders.to_dicts()] == ["not_listed"] * 3


def test_an_instrument_is_traded_from_its_listing_on(instrument: tc.Instrument) -> None:
    spec = tc.Instrument(**{**instrument.to_dict(), "listing_ns": str(15 * MS)})
    bid = [lambda ctx: (ctx.is_listed(NAME), bool(ctx.buy(NAME, "1.5", 98)))[0]]
    made, result = run(script(*bid * 3), quiet_market(), spec, on_error="stop_run")
    assert made.seen == [False, True, True]
    assert made.orders == [("REJECTED", "not_listed"), *[("NEW", "")] * 2]
    assert result.instruments[0].listing_ns == 15 * MS
