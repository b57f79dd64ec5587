"""Nothing stays behind: strategies, threads and memory go with the runs that needed them."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import tradecore as tc
from conftest import ROOT
from tradecore.errors import InvalidValueError, StrategyError
from tradecore.session.kernel import build_kernel

NAME = "BTCUSDT.SYNTH"


class Keeps(tc.Strategy):
    """Keeps all it is given, with timers that call it."""

    fails: bool = False

    def on_start(self, ctx: tc.Context) -> None:
        self.ctx = ctx
        ctx.every("100ms", self.tick)
        ctx.every("100ms", lambda ctx: self.tick(ctx))

    def tick(self, ctx: tc.Context) -> None:
        self.views = [ctx, ctx.book(NAME), ctx.position(NAME)]

    def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
        self.trade = trade
        if self.fails:
            raise ValueError("as it should")

    def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
        self.fill = fill


def run(market: Path) -> Keeps:
    strategy = Keeps("k", [NAME])
    tc.Backtest([strategy], market).run()
    return strategy


def fail(market: Path) -> Keeps:
    strategy = Keeps("k", [NAME], fails=True)
    with pytest.raises(StrategyError):
        tc.Backtest([strategy], market).run()
    return strategy


def only_build(market: Path) -> Keeps:
    strategy = Keeps("k", [NAME])
    tc.Backtest([strategy], market)
    return strategy


def refuse(market: Path) -> Keeps:
    """The second strategy is refused when the run starts."""
    strategy, second = Keeps("k", [NAME]), Fickle("f", [NAME])
    backtest = tc.Backtest([strategy, second], market)
    second.book_events = "nonsense"  # type: ignore[assignment]
    with pytest.raises(InvalidValueError, match="book_events"):
        backtest.run()
    return strategy


class Fickle(tc.Strategy):
    def on_book(self, ctx: tc.Context, book: tc.BookView) -> None: ...


def drive(market: Path) -> Keeps:
    """A kernel that is dropped as it stands."""
    strategy = Keeps("k", [NAME])
    instrument = tc.Catalog(market).instrument(NAME)
    kernel = build_kernel(
        "s",
        [strategy],
        [instrument],
        accounts=[0],
        basis="l2",
        candles=None,
        stop_run_on_error=True,
        keeps_journal=False,
    )
    kernel.start(0)
    return strategy


@pytest.mark.release
def test_quoting_leaves_memory_flat(market: Path) -> None:
    """A leak of six bytes a quote would show; ``make bench`` quotes for millions."""
    command = [sys.executable, "-m", "benches.children", "quoting", str(market)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.26


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("use", [run, fail, only_build, refuse, drive])
def test_a_strategy_that_keeps_its_context_goes_at_once(use: Callable[[Path], Keeps], market: Path) -> None:
    """Without a look of the collector: large data that a strategy holds would wait for one."""
    kept = [weakref.ref(use(market)) for _ in range(3)]
    assert [strategy() for strategy in kept] == [None] * 3


def readers() -> int:
    """Threads of this process that read streams."""
    return sum(comm == "tradecore-read\n" for comm in map(_comm, os.listdir("/proc/self/task")))


def _comm(task: str) -> str:
    try:
        return Path(f"/proc/self/task/{task}/comm").read_text()
    except OSError:
        return ""


def begin_a_stream(market: Path) -> None:
    next(iter(tc.Catalog(market).stream(NAME)))


def never_read_a_stream(market: Path) -> None:
    tc.Catalog(market).stream(NAME)


def take_some_rows(market: Path) -> None:
    catalog = tc.Catalog(market)
    for frame in (catalog.trades(NAME), catalog.book(NAME, every="1s"), catalog.bars(NAME, "1s"), catalog.scan(NAME)):
        frame.head(2).collect()
        frame.collect_schema()


def break_off(market: Path) -> None:
    """A consumer that raises in the middle."""
    frame = tc.Catalog(market).trades(NAME)

    def explode(_: Any) -> None:
        raise ValueError("as it should")

    with pytest.raises(Exception, match="as it should"):
        frame.map_batches(explode, streamable=True).collect()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads cannot be seen here")
@pytest.mark.parametrize(
    "use", [begin_a_stream, never_read_a_stream, take_some_rows, break_off, only_build, refuse, fail]
)
def test_what_is_abandoned_ends_its_threads(use: Callable[[Path], object], market: Path) -> None:
    for _ in range(3):
        use(market)
    assert readers() == 0


FLAT = """
import gc, os, sys
import tradecore as tc

class Keeps(tc.Strategy):
    fails: bool = False

    def on_start(self, ctx):
        self.ctx, self.ballast = ctx, bytearray(100_000)
        ctx.every("10ms", self.tick)

    def tick(self, ctx):
        self.book = ctx.book("BTCUSDT.SYNTH")
        if self.book.is_synced:
            ctx.quote("BTCUSDT.SYNTH", bid=self.book.best_bid, ask=self.book.best_ask, qty="0.01")
        if self.fails:
            raise ValueError

def rss():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

def runs(times):
    for number in range(times):
        strategy = Keeps("k", ["BTCUSDT.SYNTH"], fails=number % 3 == 0)
        try:
            result = tc.Backtest([strategy], sys.argv[1]).run()
        except tc.errors.StrategyError as error:
            result = error.result
        assert result.summary()["orders"] or strategy.fails

runs(100)
before, threads = rss(), len(os.listdir("/proc/self/task"))
runs(400)
print(rss() - before, len(os.listdir("/proc/self/task")) - threads)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory cannot be seen here")
@pytest.mark.release
def test_memory_is_flat_over_many_runs(tmp_path: Path) -> None:
    """The strategies of these runs would be 40 MB."""
    tc.synthesize(tmp_path / "cat", events=4_000, seed=1)
    command = [sys.executable, "-c", FLAT, str(tmp_path / "cat")]
    told = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    grown, threads = map(float, told.split())
    assert grown < 4, f"{grown:.1f} MB"
    assert threads == 0


QUOTES = """
import sys
import tradecore as tc
from tradecore.memory import peak_rss_mb

class Restless(tc.Strategy):
    '''A new order for every message, with fills among them.'''
    def on_book(self, ctx, book):
        ctx.cancel_all()
        if book.is_synced:
            ctx.buy(self.instruments[0], "0.01", book.best_bid)

result = tc.Backtest([Restless("r", ["BTCUSDT.SYNTH"])], sys.argv[1], [tc.SimVenue("SYNTH")]).run()
print(result.stats.orders, peak_rss_mb())
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory cannot be seen here")
@pytest.mark.release
def test_memory_is_flat_over_orders(tmp_path: Path) -> None:
    """Eight times the orders, about the same memory: their rows leave it."""
    told = []
    for events in (400_000, 3_200_000):
        folder = tmp_path / str(events)
        tc.synthesize(folder, events=events, seed=1)
        done = subprocess.run([sys.executable, "-c", QUOTES, str(folder)], capture_output=True, check=True, text=True)
        orders, peak = done.stdout.split()
        told.append((int(orders), float(peak)))
    (few, small), (many, large) = told
    assert many > 7 * few > 50_000, told
    assert large < 1.1 * small + 2, told


FEATURES = """
import sys
import tradecore as tc
from tradecore.memory import peak_rss_mb
from tradecore.features.tables import pieces

names = ["mid", "multilevel_ofi", "cancel_rate", "vpin(bucket=1)", "kyle_lambda", "bar(bars=tick:10)"]
rows = sum(len(piece) for piece in pieces(sys.argv[1], "BTCUSDT.SYNTH", names, "100ms"))
print(rows, peak_rss_mb())
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory cannot be seen here")
@pytest.mark.release
def test_memory_of_features_is_that_of_a_piece(tmp_path: Path) -> None:
    """Ten times the market, about the same memory; its events alone would be 80 MB."""
    told = []
    for events in (300_000, 3_000_000):
        folder = tmp_path / str(events)
        tc.synthesize(folder, events=events, seed=1)
        done = subprocess.run([sys.executable, "-c", FEATURES, str(folder)], capture_output=True, check=True, text=True)
        rows, peak = done.stdout.split()
        told.append((int(rows), float(peak)))
    (few, small), (many, large) = told
    assert many > 9 * few > 500, told
    assert large < 1.1 * small + 8, told
