"""Sweeps: every point as in a run of its own, whatever happens to the others and to the workers."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tradecore as tc
from conftest import ROOT
from tradecore.errors import CatalogError, DataError, HookError, InvalidValueError, RunError
from tradecore.sweeps import Point, SweepInterrupted
from tradecore.sweeps.batch import MOST_POINTS, batches
from tradecore.sweeps.columns import MappedColumns
from tradecore.sweeps.workers import may_fork

pytestmark = pytest.mark.release

NAME = "BTCUSDT.SYNTH"


class Quoter(tc.Strategy):
    """Quotes near the touch, takes now and then, and remembers."""

    ticks: int = 1
    every: tc.Duration = "100ms"
    qty: str = "0.01"
    trouble: str = ""

    def on_start(self, ctx: tc.Context) -> None:
        self.calls = self.seen = 0
        ctx.every(self.every, self.requote)

    def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
        self.seen += fill.order_id

    def requote(self, ctx: tc.Context) -> None:
        self.calls += 1
        if self.calls > 5 and self.trouble:
            self.fail()
        (inst,) = self.instruments
        book = ctx.book(inst)
        if book.best_bid is None or book.best_ask is None:
            return
        away = self.ticks * book.tick_size
        ctx.quote(inst, bid=book.best_bid - away, ask=book.best_ask + away, qty=self.qty)
        if self.calls % 7 == self.seen % 3:
            ctx.buy(inst, "0.02", time_in_force="ioc")

    def fail(self) -> None:
        match self.trouble:
            case "raise":
                raise ValueError("out of luck")
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "exit":
                os._exit(3)
            case "ctrl-c":
                raise KeyboardInterrupt


class Listener(Quoter):
    """Follows books as well."""

    def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
        self.seen += book.best_bid is not None


class Choosy(tc.Strategy):
    """Raises an error of its own for some parameters."""

    fast: int = 1
    slow: int = 2

    def __init__(self, name: str, instruments: Any, **parameters: Any) -> None:
        super().__init__(name, instruments, **parameters)
        if self.fast >= self.slow:
            raise RuntimeError("fast has to be\nless than slow")


@pytest.fixture(scope="module")
def columns(market: Path) -> dict[str, np.ndarray[Any, Any]]:
    pieces = list(tc.Catalog(market).stream(NAME))
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog that takes milliseconds."""
    folder = tmp_path_factory.mktemp("small")
    tc.synthesize(folder, events=8_000, seed=3)
    return folder


def script(code: str, tmp_path: Path, *, timeout: float = 250) -> str:
    """What a program without a guard prints, run as a file of its own in a folder without a module."""
    path = tmp_path / "program.py"
    path.write_text(code)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)], capture_output=True, text=True, timeout=timeout, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# Each point as in a run of its own.


@pytest.mark.parametrize("strategy", [Quoter, Listener])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_point_is_what_a_run_of_its_own_is(market: Path, strategy: type[tc.Strategy], workers: int) -> None:
    venues = [tc.SimVenue("SYNTH", queue="depletion", maker_fee_bps="-0.2", taker_fee_bps=3)]
    grid = {"ticks": [0, 2], "every": ["100ms", "37ms"], "qty": "0.02"}
    sweep = tc.sweep(strategy, market, grid, venues=venues, seed=9, workers=workers)
    assert [tuple(p.parameters.values()) for p in sweep.points] == [
        (ticks, every, "0.02") for ticks in (0, 2) for every in ("100ms", "37ms")
    ]
    for point in sweep.points:
        alone = tc.Backtest([strategy("alone", [NAME], **point.parameters)], market, venues, seed=9).run()
        (total,) = alone.totals
        money = {name: float(total[name]) for name in ("net_pnl", "gross_pnl", "fees", "turnover")}
        assert {name: point.figures[name] for name in money} == money
        assert (point.figures["sharpe"], point.figures["max_drawdown"]) == (total["sharpe"], total["max_drawdown"])
        assert (point.figures["orders"], point.figures["fills"]) == (len(alone.orders), len(alone.fills))
        assert point.figures["digest"] == alone.digest
        assert len(alone.fills) > 50


def test_compiled_strategies_are_as_alone(market: Path) -> None:
    fixed = {"quote_qty": "0.01", "max_position": "0.05"}
    sweep = tc.sweep(tc.TouchMaker, market, {**fixed, "offset_ticks": range(4)}, workers=2)
    for point in sweep.points:
        alone = tc.Backtest([tc.TouchMaker("m", [NAME], **point.parameters)], market).run()
        assert (point.figures["digest"], point.figures["sharpe"]) == (alone.digest, alone.totals[0]["sharpe"])


def test_the_number_of_workers_changes_nothing(market: Path, columns: dict[str, Any]) -> None:
    grid = {"ticks": [0, 1, 2], "trouble": ["", "raise"]}
    frames = [tc.sweep(Quoter, market, grid, workers=workers).frame for workers in (1, 2, 3)]
    assert frames[0].equals(frames[1])
    assert frames[0].equals(frames[2])
    assert tc.sweep(Quoter, {NAME: columns}, grid, workers=2).frame.equals(frames[0])
    assert tc.sweep(Quoter, {NAME: pl.DataFrame(columns)}, grid, workers=1).frame.equals(frames[0])
    assert tc.sweep(Quoter, tc.Catalog(market), grid, workers=1, instruments=[NAME]).frame.equals(frames[0])


def test_several_instruments_and_currencies(tmp_path: Path) -> None:
    inverse = tc.Instrument(
        "XBTUSD.SYNTH", kind="inverse", base="XBT", quote="USD", price_increment="0.5", qty_increment="1"
    )
    tc.synthesize(tmp_path, events=8_000, seed=3)
    tc.synthesize(tmp_path, events=8_000, seed=4, instrument=inverse, typical_qty="500")

    class Both(tc.Strategy):
        qty: int = 1

        def on_start(self, ctx: tc.Context) -> None:
            ctx.every("200ms", self.take)

        def take(self, ctx: tc.Context) -> None:
            for inst in self.instruments:
                ctx.buy(inst, self.qty)

    with pytest.raises(InvalidValueError, match=r"the data has 2 \(BTCUSDT.SYNTH, XBTUSD.SYNTH\): say which to trade"):
        tc.sweep(Both, tmp_path, {"qty": [1]})
    names = tc.Catalog(tmp_path).instruments()
    sweep = tc.sweep(Both, tmp_path, {"qty": [1, 2]}, instruments=names, workers=1)
    alone = tc.Backtest([Both("b", names, qty=2)], tmp_path).run()
    for total in alone.totals:
        assert sweep.points[1].figures[f"net_pnl_{total['currency']}"] == float(total["net_pnl"])
    assert sweep.points[1].figures["digest"] == alone.digest
    assert "best" not in str(sweep)


# What the points are.


@pytest.mark.parametrize(
    ("grid", "points"),
    [
        ({"a": [1, 2], "b": ("x", "y")}, [(1, "x"), (1, "y"), (2, "x"), (2, "y")]),
        ({"a": range(2), "b": "both"}, [(0, "both"), (1, "both")]),
        ({"a": np.array([0.5, 1.0]), "b": np.float64(2)}, [(0.5, 2.0), (1.0, 2.0)]),
        ({"a": pl.Series([1, 2])}, [(1,), (2,)]),
        ([{"a": 1}, {"b": 2, "a": 3}], [(1,), (2, 3)]),
        ({}, [()]),
    ],
)
def test_grids(grid: Any, points: list[Any]) -> None:
    from tradecore.sweeps.points import list_points

    made = list_points(grid)
    assert [tuple(point.values()) for point in made] == points
    assert all(type(value) in (int, float, str) for point in made for value in point.values())


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((Quoter, {"tick": [1]}), r"tick: unknown key; did you mean ticks\? \(point 0: tick=1\)"),
        ((Quoter, {"ticks": [1, "many"]}), r"ticks: .*integer.* got 'many' \(point 1: ticks='many'\)"),
        ((tc.TouchMaker, {"quote_qty": "0.01"}), r"max_position: missing \(point 0"),
        ((tc.TouchMaker, [{"quote_qty": q, "max_position": 1} for q in ("0.01", "0.0001")]), r"quote_qty: .*point 1:"),
        ((Quoter("q", [NAME]), {"ticks": [1]}), r"strategy: expected a class of strategies.* got Quoter\("),
        ((int, {"ticks": [1]}), "strategy: expected a class of strategies"),
        ((Quoter, "ticks"), "grid: expected values by name"),
        ((Quoter, []), "grid: has no points"),
        ((Quoter, [3]), r"grid\.0: expected parameters by name, got 3"),
        ((Quoter, {"ticks": []}), "ticks: has no value to try"),
        ((Quoter, {1: [2]}), "grid: expected names of parameters, got 1"),
        ((Quoter, {"ticks": range(10_000), "every": range(10_000)}), "grid: has 100,000,000 points"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(market: Path, arguments: Any, problem: str) -> None:
    strategy, grid = arguments
    with pytest.raises(InvalidValueError, match=problem):
        tc.sweep(strategy, market, grid, progress=lambda *_: pytest.fail("something ran"))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"workers": 0}, "workers: expected a number of processes from 1 on, got 0"),
        ({"workers": True}, "workers: .* got True"),
        ({"progress": 3}, "progress: expected a function of two numbers"),
        ({"instruments": NAME}, "instruments: expected a list of ids"),
        ({"venues": [tc.SimVenue("OTHER")]}, "venues: no settings for venue SYNTH"),
        ({"seed": -1}, "seed: expected an integer"),
        ({"sample_interval": "soon"}, "sample_interval"),
    ],
)
def test_settings_are_checked_before_anything_runs(market: Path, settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        tc.sweep(Quoter, market, {"ticks": [1]}, **settings)
    with pytest.raises(InvalidValueError, match=r"data: expected a catalog.* got 3"):
        tc.sweep(Quoter, 3, {"ticks": [1]})  # type: ignore[arg-type]


def test_a_class_that_could_never_run_is_refused(market: Path) -> None:
    class Misspelt(tc.Strategy):
        def on_trades(self, ctx: tc.Context, trade: tc.TradeView) -> None: ...

    with pytest.raises(HookError, match="did you mean on_trade"):
        tc.sweep(Misspelt, market, {})


@pytest.mark.parametrize(("points", "workers"), [(1, 4), (10, 2), (10, 3), (200, 2), (65, 1)])
def test_points_are_divided_alike_and_all_of_them(points: int, workers: int) -> None:
    made = batches(range(points), workers)
    assert sorted(number for batch in made for number in batch) == list(range(points))
    sizes = {len(batch) for batch in made}
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= MOST_POINTS
    assert len(made) == points or len(made) % workers == 0
    assert batches([], workers) == []


# Points that fail.


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failed_point_is_a_row_with_its_error(small: Path, workers: int) -> None:
    sweep = tc.sweep(Quoter, small, {"trouble": ["", "raise"], "ticks": [1, 2]}, workers=workers)
    errors = sweep.frame["error"].to_list()
    assert errors[:2] == [None, None]
    assert all(error.startswith("ValueError: out of luck (") and "test_sweep.py:" in error for error in errors[2:])
    assert sweep.frame["net_pnl"].null_count() == 2
    assert list(sweep.failures) == [2, 3]
    assert 'raise ValueError("out of luck")' in sweep.failures[2]
    assert "2 failed" in repr(sweep)
    assert "point 2 failed: ValueError" in str(sweep)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_the_strategys_own_making_is_a_row_too(small: Path, workers: int) -> None:
    sweep = tc.sweep(Choosy, small, {"fast": [1, 2], "slow": [2, 3]}, workers=workers)
    assert sweep.frame["error"].to_list() == [None, None, "RuntimeError: fast has to be less than slow", None]
    everything = tc.sweep(Choosy, small, {"fast": [5, 6]}, workers=workers)
    assert everything.frame.columns == ["point", "fast", "error"]
    with pytest.raises(RunError, match="no point has a net_pnl"):
        tc.sweep(Choosy, small, {"fast": 9}, workers=1).best("net_pnl")


def test_a_worker_that_dies_costs_its_point_and_no_other(small: Path) -> None:
    sweep = tc.sweep(Quoter, small, {"trouble": ["", "kill", "exit", "ctrl-c", ""], "ticks": [1]}, workers=2)
    assert sweep.frame["error"].to_list() == [
        None,
        "WorkerDied: its process was killed by SIGKILL",
        "WorkerDied: its process exited with status 3",
        "KeyboardInterrupt: raised in a hook",
        None,
    ]
    assert sweep.frame["digest"][0] == tc.sweep(Quoter, small, {}, workers=1).frame["digest"][0]


def test_data_that_cannot_be_read_is_no_points_fault(tmp_path: Path) -> None:
    tc.synthesize(tmp_path, events=3_000, seed=3)
    (part,) = tmp_path.rglob("0*.parquet")
    part.write_bytes(part.read_bytes()[:-100])
    for workers in (1, 2):
        with pytest.raises(CatalogError, match=str(part)):
            tc.sweep(Quoter, tmp_path, {"ticks": [1, 2]}, workers=workers)


# Wherever the strategy is defined.

PROGRAM = """
import sys
import tradecore as tc
{before}
print("started")

def away(book, ticks):
    return ticks * book.tick_size

class Quoter(tc.Strategy):
    ticks: int = 1
    every: "tc.Duration" = "100ms"

    def on_start(self, ctx):
        ctx.every(self.every, self.requote)

    def requote(self, ctx):
        (inst,) = self.instruments
        book = ctx.book(inst)
        if book.spread is not None:
            ctx.quote(inst, bid=book.best_bid - away(book, self.ticks), ask=book.best_ask, qty="0.01")

from tradecore.sweeps.workers import may_fork
print(may_fork())
one = tc.sweep(Quoter, {data!r}, {{"ticks": [0, 1, 2]}}, workers=1, progress=False)
two = tc.sweep(Quoter, {data!r}, {{"ticks": [0, 1, 2]}}, workers=2, progress=False)
assert [p.error for p in two.points] == [None] * 3, two.failures
assert one.frame.equals(two.frame)
after = tc.sweep(Quoter, {data!r}, {{"ticks": [0, 1, 2]}}, workers=2, progress=False)
assert one.frame.equals(after.frame)
print("done")
"""

STARTS_POLARS = """
import polars, time
polars.thread_pool_size()
time.sleep(0.2)  # until its threads have their names
"""


@pytest.mark.parametrize(("before", "forked"), [("", True), ("import numpy", True), (STARTS_POLARS, False)])
def test_a_program_without_a_guard(small: Path, tmp_path: Path, before: str, forked: bool) -> None:
    """Its own lines run once; classes of its own reach workers that are forked and such that are not."""
    forked = forked and sys.platform == "linux"
    assert script(PROGRAM.format(before=before, data=str(small)), tmp_path) == f"started\n{forked}\ndone\n"


def test_a_program_with_text_for_annotations(small: Path, tmp_path: Path) -> None:
    code = "from __future__ import annotations\n" + PROGRAM.format(before=STARTS_POLARS, data=str(small))
    assert script(code, tmp_path).endswith("done\n")


def test_the_interactive_prompt(small: Path) -> None:
    lines = [
        "import tradecore as tc",
        "class Idle(tc.Strategy):",
        "    pause: tc.Duration = '1s'",
        "    def on_start(self, ctx): ctx.every(self.pause, self.wake)",
        "    def wake(self, ctx): ctx.buy(self.instruments[0], '0.01')",
        "",
        f"first = tc.sweep(Idle, {str(small)!r}, {{'pause': ['1s', '2s']}}, workers=2)",
        "_ = first.frame",
        f"second = tc.sweep(Idle, {str(small)!r}, {{'pause': ['1s', '2s']}}, workers=2)",
        "print(first.frame.equals(second.frame), first.failures)",
    ]
    done = subprocess.run(
        [sys.executable, "-q", "-i"], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "True {}", done.stderr


def test_a_class_from_a_file_that_is_no_module(small: Path, tmp_path: Path) -> None:
    import importlib.util

    path = tmp_path / "own_idea.py"
    path.write_text("import tradecore as tc\n\nclass Idea(tc.Strategy):\n    size: int = 1\n")
    spec = importlib.util.spec_from_file_location("own_idea", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["own_idea"] = module
    spec.loader.exec_module(module)
    try:
        assert tc.sweep(module.Idea, small, {"size": [1, 2]}, workers=2).frame["error"].to_list() == [None, None]
    finally:
        del sys.modules["own_idea"]


def test_what_cannot_be_brought_to_a_worker_is_said(small: Path) -> None:
    lock = threading.Lock()

    class Holds(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            lock.acquire()

    assert not may_fork()
    with pytest.raises(RunError, match=r"Holds cannot be brought to a worker: .*workers=1"):
        tc.sweep(Holds, small, {}, workers=2)


def test_frames_in_a_forked_process_say_why_there_are_none(small: Path, tmp_path: Path) -> None:
    """Polars would wait for ever for its threads."""
    code = f"""
import multiprocessing, tradecore as tc

def run(pipe):
    result = tc.Backtest([tc.Strategy("s", [{NAME!r}])], {str(small)!r}).run()
    try:
        pipe.send(len(result.equity))
    except tc.TradecoreError as error:
        pipe.send(str(error))
{{before}}
ours, theirs = multiprocessing.Pipe()
process = multiprocessing.get_context("fork").Process(target=run, args=(theirs,))
process.start()
print(ours.recv())
process.join()
"""
    if sys.platform == "linux":
        assert script(code.format(before=""), tmp_path).strip().isdigit()
    assert "whose threads did not come along" in script(code.format(before=STARTS_POLARS), tmp_path)


# Ctrl-C, and what is left behind.

ENDLESS = """
import os, sys, time
import tradecore as tc

class Slow(tc.Strategy):
    pause: float = 0.0

    def on_start(self, ctx):
        ctx.every("1s", self.wake)

    def wake(self, ctx):
        if self.pause:
            open("pids", "a").write(f"{{os.getpid()}}\\n")
            time.sleep(self.pause)

def told(done, total):
    open("told", "a").write(f"{{done}}/{{total}}\\n")

points = [{{"pause": 0.0}}, {{"pause": 30.0}}]
{before}
try:
    tc.sweep(Slow, {data!r}, points, workers={workers}, progress=told, resume="log.jsonl")
except KeyboardInterrupt as stop:
    print(type(stop).__name__, len(stop.result), stop.result.interrupted, stop.result.points[0].number)
"""


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def lines(path: Path) -> list[str]:
    return path.read_text().split("\n")[:-1] if path.exists() else []


def is_running(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("before", ["", STARTS_POLARS], ids=["forked", "spawned"])
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_a_sweep(small: Path, tmp_path: Path, before: str, blow: int) -> None:
    path = tmp_path / "program.py"
    path.write_text(ENDLESS.format(before=before, data=str(small), workers=2))
    process = subprocess.Popen([sys.executable, path], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    wait_for(lambda: lines(tmp_path / "told") and lines(tmp_path / "pids"))
    (worker,) = {int(pid) for pid in lines(tmp_path / "pids")}
    assert worker != process.pid
    process.send_signal(blow)
    out, _ = process.communicate(timeout=60)
    if blow == signal.SIGINT:
        assert out == "SweepInterrupted 1 True 0\n"
    wait_for(lambda: not is_running(worker))
    assert lines(tmp_path / "told") == ["1/2"]
    assert [json.loads(line).get("point") for line in lines(tmp_path / "log.jsonl")] == [
        None,
        '{"dict":[["pause",0.0]]}',
    ]


def test_ctrl_c_without_workers_keeps_what_is_done(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradecore.sweeps.batch.MOST_POINTS", 1)
    with pytest.raises(KeyboardInterrupt) as stop:
        tc.sweep(Quoter, small, [{"ticks": 1}, {"trouble": "ctrl-c"}, {"ticks": 2}], workers=1)
    assert isinstance(stop.value, SweepInterrupted)
    again = pickle.loads(pickle.dumps(stop.value))
    for sweep in (stop.value.result, again.result):
        assert (len(sweep), sweep.total, sweep.interrupted) == (1, 3, True)
        assert "1 of 3 points" in repr(sweep)
        assert sweep.frame["point"].to_list() == [0]


# Going on from a file.


def test_points_in_the_file_are_not_run_again(small: Path, tmp_path: Path) -> None:
    path, told = tmp_path / "sweep.jsonl", []
    whole = tc.sweep(Quoter, small, {"ticks": [0, 1, 2], "trouble": ["", "raise"]}, workers=1)
    first = tc.sweep(Quoter, small, {"ticks": [0, 1], "trouble": ["", "raise"]}, workers=1, resume=path)
    assert len(first) == 4
    begun = path.read_bytes()
    path.write_bytes(begun[:-30])  # killed within a line
    again = tc.sweep(
        Quoter,
        small,
        {"ticks": [0, 1, 2], "trouble": ["", "raise"]},
        workers=2,
        resume=path,
        progress=lambda done, total: told.append((done, total)),
    )
    assert again.frame.equals(whole.frame)
    assert again.failures == whole.failures
    assert told[0][0] > 3
    assert told[-1] == (6, 6)
    written = path.read_bytes()
    assert written.count(b"\n") == 7
    told.clear()
    third = tc.sweep(Quoter, small, {"ticks": [2, 1]}, resume=path, progress=lambda *_: told.append(_))
    assert [p.figures for p in third.points] != [{}, {}]
    assert len(told) > 0, "a point without trouble=... is another point"
    fourth = tc.sweep(
        Quoter, small, {"ticks": [2, 1], "trouble": ""}, resume=path, progress=lambda *_: pytest.fail("it ran again")
    )
    assert [p.figures["digest"] for p in fourth.points] == [
        whole.points[4].figures["digest"],
        whole.points[2].figures["digest"],
    ]


def test_a_point_whose_worker_died_is_tried_again(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    sweep = tc.sweep(Quoter, small, {"trouble": ["", "kill"]}, workers=2, resume=path)
    assert sweep.frame["error"].to_list() == [None, "WorkerDied: its process was killed by SIGKILL"]
    assert path.read_bytes().count(b"\n") == 2


def test_a_file_of_another_sweep_is_refused(small: Path, market: Path, tmp_path: Path, columns: Any) -> None:
    path = tmp_path / "sweep.jsonl"

    def sweep(strategy: type[tc.Strategy] = Quoter, data: Any = small, grid: Any = None, **settings: Any) -> None:
        tc.sweep(strategy, data, {} if grid is None else grid, workers=1, resume=path, **settings)

    sweep()
    with pytest.raises(InvalidValueError, match="is of a sweep with strategy Quoter, not Choosy; choose another file"):
        sweep(Choosy)
    with pytest.raises(InvalidValueError, match="another version of Quoter"):
        sweep(type("Quoter", (tc.Strategy,), {"__qualname__": "Quoter", "ticks": 2}))
    with pytest.raises(InvalidValueError, match="is of a sweep with other data"):
        sweep(data=market)
    with pytest.raises(InvalidValueError, match="is of a sweep with other data"):
        sweep(data={NAME: columns})
    for settings in ({"seed": 1}, {"venues": [tc.SimVenue("SYNTH", queue="log")]}, {"sample_interval": "2s"}):
        with pytest.raises(InvalidValueError, match="other settings"):
            sweep(**settings)
    with pytest.raises(InvalidValueError, match="the parameters of point 0 cannot be found again in a file"):
        sweep(grid=[{"trouble": Unplain("")}])
    sweep(byte_budget=1 << 16)

    path.write_bytes(path.read_bytes() + b"{}\n")
    with pytest.raises(DataError, match=r"sweep\.jsonl:3: is not a point of a sweep"):
        sweep()
    path.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(DataError, match=r"sweep\.jsonl:1: is not a line of a sweep's file"):
        sweep()
    path.write_bytes(b'{"form": "else"}\n')
    with pytest.raises(DataError, match="is not the beginning of a sweep's file"):
        sweep()
    with pytest.raises(CatalogError, match="cannot be written"):
        tc.sweep(Quoter, small, {}, workers=1, resume=tmp_path / "no" / "such" / "folder.jsonl")


class Unplain(str):
    """A text that is more than plain data."""


def test_columns_in_memory_are_known_again(tmp_path: Path, columns: dict[str, Any]) -> None:
    path, grid = tmp_path / "sweep.jsonl", {"ticks": [1]}
    tc.sweep(Quoter, {NAME: columns}, grid, workers=1, resume=path)
    tc.sweep(
        Quoter, {NAME: pl.DataFrame(columns)}, grid, workers=1, resume=path, progress=lambda *_: pytest.fail("again")
    )
    other = {**columns, "qty": columns["qty"] + 1}
    with pytest.raises(InvalidValueError, match="other data"):
        tc.sweep(Quoter, {NAME: other}, grid, workers=1, resume=path)


def test_columns_map_back_as_they_were(columns: dict[str, Any]) -> None:
    mapped = MappedColumns({NAME: columns, "EMPTY.X": {"kind": np.empty(0, np.uint8)}})
    try:
        again = pickle.loads(pickle.dumps(mapped)).open()
    finally:
        mapped.close()
    assert list(again) == [NAME, "EMPTY.X"]
    for name, array in columns.items():
        assert again[NAME][name].dtype == array.dtype
        assert np.array_equal(again[NAME][name], array)
        assert not again[NAME][name].flags.writeable
    assert len(again["EMPTY.X"]["kind"]) == 0


# What is seen of it.


@pytest.fixture(scope="module")
def swept(market: Path) -> tc.Sweep:
    return tc.sweep(Quoter, market, {"ticks": [0, 1, 2], "every": ["100ms", "1s"]}, workers=1)


def test_the_frame(swept: tc.Sweep) -> None:
    frame = swept.frame
    assert frame.columns[:3] == ["point", "ticks", "every"]
    assert frame.columns[-2:] == ["digest", "error"]
    assert frame.schema["ticks"] == pl.Int64
    assert frame.schema["net_pnl"] == pl.Float64
    assert frame["ticks"].to_list() == [0, 0, 1, 1, 2, 2]
    assert frame["error"].null_count() == len(swept) == 6
    assert pickle.loads(pickle.dumps(swept)).frame.equals(frame)


def test_columns_of_parameters_have_a_type_that_holds_them() -> None:
    values: dict[str, list[Any]] = {
        "numbers": [1, 2.5, None],
        "mixed": ["100ms", 100, True],
        "large": [2**70, 1, 2],
        "tuples": [(1, 2), (3,), ()],
        "error": ["a", "b", "c"],
        "fills": [7, 8, 9],
    }
    points = [
        Point(number=n, parameters={name: column[n] for name, column in values.items()}, figures={"fills": n})
        for n in range(3)
    ]
    frame = tc.Sweep("S", list(values), points, total=3, wall_s=1.0).frame
    assert frame["numbers"].to_list() == [1.0, 2.5, None]
    assert frame["mixed"].to_list() == ["100ms", "100", "True"]
    assert frame["large"].to_list() == [2**70, 1, 2]
    assert frame["tuples"].to_list() == ["(1, 2)", "(3,)", "()"]
    assert frame["error_parameter"].to_list() == ["a", "b", "c"]
    assert (frame["fills"].to_list(), frame["fills_of_run"].to_list()) == ([7, 8, 9], [0, 1, 2])
    assert frame["error"].to_list() == [None] * 3


def test_the_best_by_any_statistic(swept: tc.Sweep) -> None:
    for name in ("net_pnl", "turnover", "fills"):
        assert swept.best(name).figures[name] == swept.frame[name].max()
        assert swept.best(name, minimise=True).figures[name] == swept.frame[name].min()
    assert swept.best("max_drawdown", minimise=True).number in range(6)
    with pytest.raises(InvalidValueError, match="'sharp' is none of them: net_pnl, gross_pnl, "):
        swept.best("sharp")
    with pytest.raises(RunError, match="no point has a digest"):
        swept.best("digest")


def test_the_text(swept: tc.Sweep) -> None:
    best = swept.best()
    text = str(swept)
    assert text.startswith("6 points of Quoter, ")
    assert f"at point {best.number}: ticks={best.parameters['ticks']}, every='{best.parameters['every']}'" in text
    assert max(map(len, text.splitlines())) <= 160
    assert repr(swept).startswith("<Sweep 6 points of Quoter")
    page = swept._repr_html_()
    assert "6 points of Quoter" in page
    assert page.count("<tr>") > 6


def test_a_heat_map(swept: tc.Sweep, tmp_path: Path) -> None:
    axes = swept.heatmap("ticks", "every", value="fills")
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("ticks", "every", "fills")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "1", "2"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["100ms", "1s"]
    table = np.asarray(axes.get_images()[0].get_array())
    fills = {(p.parameters["ticks"], p.parameters["every"]): p.figures["fills"] for p in swept.points}
    assert table.tolist() == [[fills[ticks, every] for ticks in (0, 1, 2)] for every in ("100ms", "1s")]
    figure = axes.get_figure()
    assert figure is not None
    figure.savefig(tmp_path / "map.png")
    with pytest.raises(InvalidValueError, match="x: 'tick' is none of the parameters: ticks, every"):
        swept.heatmap("tick", "every")


def test_a_heat_map_takes_the_mean_over_the_rest_and_leaves_blanks() -> None:
    def point(number: int, a: int, b: int, value: float | None) -> Point:
        figures = {} if value is None else {"net_pnl": value}
        return Point(number=number, parameters={"a": a, "b": b, "c": number}, figures=figures)

    points = [point(0, 1, 1, 2.0), point(1, 1, 1, 4.0), point(2, 2, 1, None), point(3, 2, 2, 5.0)]
    axes = tc.Sweep("S", ["a", "b", "c"], points, total=4, wall_s=1.0).heatmap("a", "b")
    table = np.ma.filled(axes.get_images()[0].get_array(), np.nan)
    assert np.array_equal(table, [[3.0, np.nan], [np.nan, 5.0]], equal_nan=True)
    assert axes.get_title() == "net_pnl, mean"


def test_without_matplotlib_a_heat_map_says_what_to_install(swept: tc.Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(RunError, match=r"pip install 'tradecore\[plot\]'"):
        swept.heatmap("ticks", "every")


def test_a_bar_on_a_terminal_only(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, shows in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        tc.sweep(Quoter, small, {"ticks": [1, 2]}, workers=1)
        assert ("2/2 points" in stream.getvalue()) is shows
        stream.truncate(0)
        tc.sweep(Quoter, small, {"ticks": [1]}, workers=1, progress=False)
        assert stream.getvalue().strip("\0") == ""


def test_importing_it_costs_nothing_before_it_is_asked_for() -> None:
    code = "import sys, tradecore; print(sorted({'cloudpickle', 'tradecore.sweeps', 'subprocess'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
