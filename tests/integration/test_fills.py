"""What a fill tells: what made it, the queue it stood in, the latencies it met, and the market around it."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tradecore as tc
from conftest import CLEAR, LAST, SET, TRADE, Quoter, columns
from tradecore.errors import InvalidValueError, RunError

MS = 1_000_000
NAME = "BTCUSDT.TEST"
START = [(0, CLEAR, 0, 2, 0, 0), (0, SET, 1, 2, 990, 5_000), (0, SET, -1, LAST | 2, 1010, 4_000)]
"""Bids 5 @ 99.0, asks 4 @ 101.0."""


class Once(tc.Strategy):
    """Sends one order 10 ms after the start, and another one if it is told to."""

    def on_start(self, ctx: tc.Context) -> None:
        ctx.every("10ms")
        self.calls = 0

    def on_timer(self, ctx: tc.Context, timer: int) -> None:
        self.calls += 1
        if self.calls == 1:
            self.act(ctx)
        elif self.calls == 5:
            self.again(ctx)

    def act(self, ctx: tc.Context) -> None:
        ctx.buy(NAME, 2, 99)

    def again(self, ctx: tc.Context) -> None:
        pass


def fills(instrument: tc.Instrument, rows: list[tuple[int, ...]], strategy: type[Once] = Once) -> pl.DataFrame:
    venue = tc.SimVenue("TEST", latency=tc.Latency(entry="2ms", response="3ms"), queue="conservative")
    end = (200 * MS, SET, -1, LAST, 1100, 1)
    data = {NAME: columns([*START, *rows, end])}
    return tc.Backtest([strategy("s", [NAME])], data, [venue], specs={NAME: instrument}).run().fills


def test_a_maker_tells_its_queue_and_the_latencies_it_met(instrument: tc.Instrument) -> None:
    rows = [
        (20 * MS, TRADE, -1, LAST, 990, 3_000),
        (30 * MS, TRADE, -1, LAST, 990, 2_500),
        (40 * MS, TRADE, -1, LAST, 990, 9_000),
    ]
    first, second = fills(instrument, rows).to_dicts()
    for fill in (first, second):
        assert (fill["liquidity"], fill["event"], fill["queue_ahead_at_entry"]) == ("maker", "print", 5.0)
        assert (fill["entry_latency"], fill["response_latency"]) == (
            timedelta(milliseconds=2),
            timedelta(milliseconds=3),
        )
    assert (first["qty"], first["queue_ahead_at_fill"], first["time_in_queue"]) == (
        0.5,
        2.0,
        timedelta(milliseconds=18),
    )
    assert (second["qty"], second["queue_ahead_at_fill"]) == (1.5, 0.0)
    assert first["ts_sent"].microsecond == 10_000
    assert first["ts_arrive"].microsecond == 12_000


def test_an_order_the_market_comes_to_is_filled_by_the_book(instrument: tc.Instrument) -> None:
    rows = [(20 * MS, SET, 1, 0, 990, 0), (20 * MS, SET, 1, 0, 980, 1_000), (20 * MS, SET, -1, LAST, 990, 1_000)]
    (fill,) = fills(instrument, rows).to_dicts()
    assert (fill["liquidity"], fill["event"], fill["qty"]) == ("maker", "book", 1.0)
    assert (fill["mid_at_arrival"], fill["mid_at_fill"], fill["markout_100ms"]) == (100.0, 100.0, pytest.approx(-0.5))


def test_one_that_takes_has_no_queue(instrument: tc.Instrument) -> None:
    class Takes(Once):
        def act(self, ctx: tc.Context) -> None:
            ctx.buy(NAME, 1)

    rows = [(11 * MS, SET, -1, LAST, 1006, 4_000), (50 * MS, SET, -1, LAST, 1006, 0)]
    (fill,) = fills(instrument, rows, Takes).to_dicts()
    assert (fill["liquidity"], fill["event"], fill["price"]) == ("taker", "taker", 100.6)
    assert (fill["queue_ahead_at_entry"], fill["queue_ahead_at_fill"], fill["time_in_queue"]) == (None, None, None)
    assert (fill["mid_at_decision"], fill["mid_at_arrival"], fill["mid_at_fill"]) == (100.0, 99.8, 99.8)
    assert (fill["markout_100ms"], fill["markout_1s"]) == (pytest.approx(-0.6), None)


def test_a_replaced_order_joined_when_it_was_replaced(instrument: tc.Instrument) -> None:
    class Replaces(Once):
        def act(self, ctx: tc.Context) -> None:
            self.order = ctx.buy(NAME, 2, "98.5")

        def again(self, ctx: tc.Context) -> None:
            ctx.replace(self.order, price=99)

    rows = [(40 * MS, SET, 1, LAST, 990, 1_000), (80 * MS, TRADE, -1, LAST, 990, 8_000)]
    (fill,) = fills(instrument, rows, Replaces).to_dicts()
    assert (fill["ts_sent"].microsecond, fill["ts_arrive"].microsecond) == (50_000, 52_000)
    assert (fill["queue_ahead_at_entry"], fill["queue_ahead_at_fill"]) == (1.0, 1.0)


def test_two_orders_of_ours_that_meet_say_so(instrument: tc.Instrument) -> None:
    class Other(Once):
        def act(self, ctx: tc.Context) -> None:
            if self.name == "maker":
                ctx.buy(NAME, 2, 100)

        def again(self, ctx: tc.Context) -> None:
            if self.name == "taker":
                ctx.sell(NAME, 2, 100)

    venue = tc.SimVenue("TEST", latency=tc.Latency(entry="1ms", response="1ms"))
    data = {NAME: columns([*START, (200 * MS, SET, -1, LAST, 1100, 1)])}
    made = tc.Backtest([Other("maker", [NAME]), Other("taker", [NAME])], data, [venue], specs={NAME: instrument}).run()
    assert sorted(made.fills.select("strategy", "event").rows()) == [("maker", "own_order"), ("taker", "taker")]


@pytest.fixture(scope="module")
def result(market: Path) -> tc.Result:
    return tc.Backtest([Quoter("q", ["BTCUSDT.SYNTH"])], market).run()


def test_mids_are_those_of_the_book_at_that_time(instrument: tc.Instrument) -> None:
    """Against a walk that is known: a millisecond apart the touch moves, and now and then somebody sells into it."""

    class Joins(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.every("7ms", self.requote)

        def requote(self, ctx: tc.Context) -> None:
            book = ctx.book(NAME)
            if book.spread is not None:
                ctx.quote(NAME, bid=book.best_bid, ask=book.best_ask, qty=2)

    random = np.random.default_rng(3)
    rows, known, bid = list(START), [(0, 100.0)], 990
    for at in range(1, 4_000):
        ts = at * MS
        if random.random() < 0.2:
            moved = bid + int(random.integers(-2, 3))
            rows += [(ts, SET, 1, 0, bid, 0), (ts, SET, -1, 0, bid + 20, 0)]
            bid = moved
            rows += [(ts, SET, 1, 0, bid, 2_000), (ts, SET, -1, LAST, bid + 20, 2_000)]
            known.append((ts, (2 * bid + 20) / 20))
        elif random.random() < 0.3:
            rows.append((ts, TRADE, -1, LAST, bid, 3_000))
    result = tc.Backtest([Joins("j", [NAME])], {NAME: columns(rows)}, specs={NAME: instrument}).run()
    path = pl.DataFrame(known, ["ts", "mid"], orient="row").sort("ts")
    ns = result.fills.with_columns(pl.col("ts_sent", "ts_arrive", "ts_event").cast(pl.Int64))
    before = pl.col("ts_event") - 1
    assert len(ns) > 50
    for column, stamp in (("mid_at_arrival", "ts_arrive"), ("mid_at_decision", "ts_sent"), ("mid_at_fill", before)):
        joined = ns.select(column, ts=stamp).sort("ts").join_asof(path, on="ts")
        assert joined[column].equals(joined["mid"].alias(column)), column
    sign = pl.when(side="buy").then(1).otherwise(-1)
    for column, after in (("markout_100ms", 100 * MS), ("markout_1s", 1_000 * MS)):
        later = ns.with_columns(ts=pl.col("ts_event") + after).sort("ts").join_asof(path, on="ts")
        over = pl.col("ts") > 3_999 * MS
        expected = later.select(pl.when(~over).then(sign * (pl.col("mid") - pl.col("price")))).to_series()
        assert (expected - later[column]).abs().max() < 1e-9
        assert expected.is_null().equals(later[column].is_null())


def test_markouts_at_any_horizon(result: tc.Result) -> None:
    after = result.markouts(["1s", timedelta(milliseconds=100), "2500 ms"])
    assert after.columns[-3:] == ["markout_1s", "markout_100ms", "markout_2500ms"]
    for column in ("ts_event", "order_id", "markout_1s", "markout_100ms"):
        assert after[column].equals(result.fills[column]), column
    assert result.markouts("0s")["markout_0s"].len() == len(after)


@pytest.mark.parametrize(
    ("horizons", "field", "problem"),
    [
        ([], "horizons", 'expected lengths of time such as ["1s", "5s"], got none'),
        (["1s", "1000ms"], "horizons.1", "'1000ms' is there twice"),
        (["soon"], "horizons.0", ""),
        ([5], "horizons.0", ""),
        (["-1s"], "horizons.0", ""),
    ],
)
def test_horizons_that_are_none_are_refused(result: tc.Result, horizons: Any, field: str, problem: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        result.markouts(horizons)
    assert caught.value.field == field
    assert problem in str(caught.value)


def test_lengths_of_time_are_durations_in_both_frames(result: tc.Result) -> None:
    lengths = ["time_in_queue", "entry_latency", "response_latency"]
    assert [result.fills.schema[name] for name in lengths] == [pl.Duration("ns")] * 3
    pandas = result.to_pandas("fills")
    assert [str(pandas[name].dtype) for name in lengths] == ["timedelta64[ns]"] * 3
    assert pandas["time_in_queue"].isna().sum() == (result.fills["liquidity"] == "taker").sum()


def test_a_saved_result_of_before_says_nothing_of_mids(result: tc.Result, tmp_path: Path) -> None:
    result.save(tmp_path / "run.tcr")
    again = tc.load_result(tmp_path / "run.tcr")
    assert again.fills.equals(result.fills)
    del again.tables._kept["mids"]
    again = tc.load_result(tmp_path / "run.tcr")
    del again.tables._kept["mids"]
    assert again.fills["mid_at_fill"].null_count() == len(again.fills)
    with pytest.raises(RunError, match="run it again"):
        again.markouts("1s")


class Protected(tc.Strategy):
    """Buys at the first bar, with a stop that sells at 95."""

    def on_start(self, ctx: tc.Context) -> None:
        ctx.subscribe(self.instruments[0], "bars:1m")
        self.is_in = False

    def on_bar(self, ctx: tc.Context, bar: Any) -> None:
        if not self.is_in:
            self.is_in = True
            ctx.buy(bar.instrument, "2")
            ctx.sell(bar.instrument, "2", type="stop_market", trigger_price="95")


def klines(folder: Path, bars: list[tuple[str, str, str, str]]) -> Path:
    """A catalog of bars of a minute: open, high, low, close."""
    begin = 1_723_075_200_000
    lines = [
        f"{begin + at * 60_000},{o},{h},{lo},{c},5,{begin + at * 60_000 + 59_999},500,9,2,200,0"
        for at, (o, h, lo, c) in enumerate(bars)
    ]
    (folder / "BTCUSDT-1m-2024-08-08.csv").write_text("\n".join(lines) + "\n")
    tc.import_klines(folder / "BTCUSDT-1m-2024-08-08.csv", "BTCUSDT.BINANCE", folder / "klines")
    return folder / "klines"


def on_bars(folder: Path, low: str, close: str) -> Path:
    """Four bars, of which the third falls to a low and closes."""
    bars = [("100", "100", "100", "100")] * 2 + [("100", "101", low, close), (close, close, close, close)]
    return klines(folder, bars)


@pytest.mark.parametrize(("low", "close", "price", "is_kind"), [("94", "100", 100.0, True), ("94", "94", 94.0, False)])
def test_a_run_on_bars_says_where_a_stop_filled_better_than_its_trigger(
    tmp_path: Path, low: str, close: str, price: float, is_kind: bool
) -> None:
    """It is set off by the low and takes the next open, to which the market came back."""
    run = tc.Backtest([Protected("p", ["BTCUSDT.BINANCE"])], on_bars(tmp_path, low, close)).run()
    assert run.fills["price"].to_list() == [100.0, price]
    note = (
        "BTCUSDT.BINANCE: 1 of 1 stop filled at the open of the next bar, better than at the trigger that the market had "
        "passed: too kind where it came back within the bar"
    )
    assert (note in run.notes) == is_kind


class Bracketed(tc.Strategy):
    """Trades once, with a stop and a take profit five away from 100, and orders of their own besides."""

    side = "buy"
    apart = False

    def on_start(self, ctx: tc.Context) -> None:
        ctx.subscribe(self.instruments[0], "bars:1m")
        self.is_in = False

    def on_bar(self, ctx: tc.Context, bar: Any) -> None:
        if self.is_in:
            return
        self.is_in = True
        if self.apart:
            ctx.buy(bar.instrument, "2")
            ctx.sell(bar.instrument, "1", "105")
            ctx.sell(bar.instrument, "1", type="stop_market", trigger_price="95")
        else:
            stop, profit = ("95", "105") if self.side == "buy" else ("105", "95")
            ctx.bracket(bar.instrument, self.side, "2", stop_loss=stop, take_profit=profit)


UNDECIDED = "BTCUSDT.BINANCE: 1 bar met a stop and a take profit of one position, and no bar says which came first: the stop was taken"


def wide_bar(folder: Path, close: str = "98") -> Path:
    """Bars at 100, of which the fourth goes to 106 and to 94."""
    bars = [("100", "100", "100", "100")] * 3 + [("100", "106", "94", close), (close, close, close, close)]
    return klines(folder, bars)


@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize("reduce_only", ["shrinks", "unsupported"])
def test_of_a_bar_that_meets_both_legs_the_stop_is_taken(tmp_path: Path, side: str, reduce_only: Any) -> None:
    strategy = Bracketed("b", ["BTCUSDT.BINANCE"])
    strategy.side = side
    venue = tc.SimVenue("BINANCE", reduce_only=reduce_only)
    run = tc.Backtest([strategy], wide_bar(tmp_path), [venue]).run()
    assert run.fills.select("price", "qty").rows() == [(100.0, 2.0), (98.0, 2.0)]
    kinds = dict(run.orders.select("role", "status").rows())
    # A venue that knows reduce-only orders ends it by itself.
    assert (kinds["stop_loss"], kinds["take_profit"]) == (
        "filled",
        "expired" if reduce_only == "shrinks" else "cancelled",
    )
    assert UNDECIDED in run.notes


def test_of_a_bar_that_meets_a_take_profit_that_is_kept_the_stop_is_taken(tmp_path: Path) -> None:
    venue = tc.SimVenue("BINANCE", reduce_only="unsupported", balances={"USDT": 1000})
    run = tc.Backtest([Bracketed("b", ["BTCUSDT.BINANCE"])], wide_bar(tmp_path), [venue]).run()
    assert run.fills.select("price", "qty").rows() == [(100.0, 2.0), (98.0, 2.0)]
    assert run.orders.filter(role="stop_loss")["status"].to_list() == ["filled"]


def test_a_bar_fills_a_limit_and_a_stop_that_a_position_has_room_for(tmp_path: Path) -> None:
    strategy = Bracketed("b", ["BTCUSDT.BINANCE"])
    strategy.apart = True
    run = tc.Backtest([strategy], wide_bar(tmp_path)).run()
    assert run.fills.select("price", "qty").rows() == [(100.0, 2.0), (105.0, 1.0), (98.0, 1.0)]
    assert UNDECIDED not in run.notes


WITHOUT_STOPS = """
import sys
import tradecore as tc

class Buyer(tc.Strategy):
    def on_bar(self, ctx, bar):
        ctx.buy(bar.instrument, "1")

    def on_start(self, ctx):
        ctx.subscribe(self.instruments[0], "bars:1m")

fills = tc.Backtest([Buyer("b", ["BTCUSDT.BINANCE"])], sys.argv[1]).run().summary()["fills"]
print(fills > 0, "polars" in sys.modules)
"""


@pytest.mark.release
def test_a_run_on_bars_without_stops_asks_for_no_frame(tmp_path: Path) -> None:
    """Of a process that has imported polars no worker of a sweep is forked."""
    command = [sys.executable, "-c", WITHOUT_STOPS, str(on_bars(tmp_path, "94", "100"))]
    told = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert told.split() == ["True", "False"]
