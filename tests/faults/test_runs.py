"""Signals and dying processes at the worst moments of a run: its files are all there or none is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

import tradecore as tc
from tradecore import files
from tradecore.backtest import engine, outputs
from tradecore.backtest.result import Result
from tradecore.backtest.tables import TableStore
from tradecore.cli import main
from tradecore.errors import CatalogError, InvalidValueError, RunInterrupted
from tradecore.interrupts import held_back, patience

ENDS = {"candles.csv", "config.toml", "orders.csv", "positions.csv", "result.tcr", "summary.json", "trades.csv"}
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
MAKER = """
[[strategies]]
kind = "touch_maker"
params = { quote_qty = "0.01", max_position = "0.05", interval = "10ms" }
"""


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Whatever a test does, signals mean afterwards what they meant before."""
    before = {name: signal.getsignal(getattr(signal, name)) for name in SIGNALS}
    yield
    after = {name: signal.getsignal(getattr(signal, name)) for name in SIGNALS}
    for name, handler in before.items():
        signal.signal(getattr(signal, name), handler)
    assert after == before


def backtest(market: Path, folder: Path, strategy: str = MAKER) -> int:
    """Run the command line on a market; files go to ``folder / "out"``."""
    (folder / "c.toml").write_text(strategy)
    words = ["backtest", "--config", folder / "c.toml", "--data", market, "--output", folder / "out", "--quiet"]
    return main([str(word) for word in words])


def left(folder: Path) -> set[str]:
    """What is in the output folder; nothing hidden, half a set or a set of several runs."""
    out = folder / "out"
    names = {path.name for path in out.iterdir()} if out.is_dir() else set()
    assert all("_run1_" in name for name in names), names
    return {name.partition("_run1_")[2] for name in names}


def summary(folder: Path) -> dict[str, Any]:
    (path,) = (folder / "out").glob("*_summary.json")
    told: dict[str, Any] = orjson.loads(path.read_bytes())
    return told


def signalling(function: Callable[..., Any], number: int, *, times: int = 1, call: int = 0) -> Callable[..., Any]:
    """The function, with signals before a call of it."""
    calls = iter(range(1_000_000))

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == call:
            for _ in range(times):
                signal.raise_signal(number)
        return function(*args, **kwargs)

    return wrapped


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("call", range(len(ENDS)))
@pytest.mark.parametrize("times", [1, 2])
def test_signals_between_the_moves_of_a_set_wait_for_the_last(
    name: str,
    call: int,
    times: int,
    market: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    number = getattr(signal, name)
    monkeypatch.setattr(files.os, "replace", signalling(os.replace, number, times=times, call=call))
    assert backtest(market, tmp_path) == 130
    assert left(tmp_path) == ENDS
    assert not summary(tmp_path)["interrupted"], "it had ended by itself"
    assert capsys.readouterr().err == "interrupted\n"


MOMENTS: dict[str, tuple[object, str]] = {
    "the rows are taken": (TableStore, "keep"),
    "the result is made": (engine, "notes_on"),
    "the number is claimed": (outputs, "_claim"),
    "files are written": (outputs, "_orders"),
    "the last file is written": (orjson, "dumps"),
    "the result is shown": (Result, "__str__"),
}
"""What is done between the last event and the last word of the command."""


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_after_the_run_the_first_signal_waits_until_its_files_are_written(
    name: str, moment: str, market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, function = MOMENTS[moment]
    number = getattr(signal, name)
    monkeypatch.setattr(owner, function, signalling(getattr(owner, function), number))
    assert backtest(market, tmp_path) == 130
    assert left(tmp_path) == ENDS


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_second_signal_leaves_nothing_of_a_run_that_is_not_written(
    moment: str, market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    owner, function = MOMENTS[moment]
    monkeypatch.setattr(owner, function, signalling(getattr(owner, function), signal.SIGINT, times=2))
    assert backtest(market, tmp_path) == 130
    assert left(tmp_path) == (ENDS if function == "__str__" else set())
    assert (tmp_path / "out").exists() == (function == "__str__")
    assert capsys.readouterr().err == "interrupted\n"


INTERRUPTED = """
import signal
import tradecore as tc

class Stops(tc.Strategy):
    seen: int = 0

    def on_trade(self, ctx, trade):
        self.seen += 1
        if self.seen == 50:
            signal.raise_signal(signal.{name})
"""


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_in_a_run_ends_it_and_what_was_done_is_written_and_marked(
    name: str, market: Path, tmp_path: Path
) -> None:
    (tmp_path / "stops.py").write_text(INTERRUPTED.format(name=name))
    assert backtest(market, tmp_path, f'[[strategies]]\nkind = "{tmp_path}/stops.py:Stops"\n') == 130
    assert left(tmp_path) == ENDS
    assert summary(tmp_path)["interrupted"]
    assert 0 < summary(tmp_path)["events"] < 60_000


def test_a_second_signal_after_one_that_ended_the_run_leaves_nothing(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stops.py").write_text(INTERRUPTED.format(name="SIGINT"))
    monkeypatch.setattr(outputs, "_orders", signalling(outputs._orders, signal.SIGTERM))
    assert backtest(market, tmp_path, f'[[strategies]]\nkind = "{tmp_path}/stops.py:Stops"\n') == 130
    assert not (tmp_path / "out").exists()


def test_a_hang_up_that_is_ignored_stays_ignored(market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    monkeypatch.setattr(outputs, "_orders", signalling(outputs._orders, signal.SIGHUP, times=3))
    try:
        assert backtest(market, tmp_path) == 0
    finally:
        signal.signal(signal.SIGHUP, before)
    assert left(tmp_path) == ENDS


def test_the_command_runs_in_a_thread_that_hears_no_signals(market: Path, tmp_path: Path) -> None:
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(backtest(market, tmp_path)))
    thread.start()
    thread.join()
    assert codes == [0]
    assert left(tmp_path) == ENDS


KILLED = """
import os, signal, sys
from pathlib import Path
from tradecore import files
from tradecore.cli import main

market, folder = sys.argv[1:]
replace = os.replace
for step in range(8):
    if (pid := os.fork()) == 0:
        moves = iter(range(10))

        def move(source, target):
            if next(moves) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            replace(source, target)

        files.os.replace = move
        os._exit(main(["backtest", "--config", f"{folder}/c.toml", "--data", market, "--output", f"{folder}/{step}", "--quiet"]))
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@pytest.mark.release
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_process_that_is_killed_between_the_moves_leaves_no_summary_and_is_swept(
    market: Path, tmp_path: Path
) -> None:
    (tmp_path / "c.toml").write_text(MAKER)
    command = [sys.executable, "-c", KILLED, str(market), str(tmp_path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    killed = [line for line in done.stdout.splitlines() if line.lstrip("-").isdigit()]
    assert killed == ["-9"] * 7 + ["0"]
    for step in range(7):
        out = tmp_path / str(step)
        seen = [path for path in out.iterdir() if path.is_file()]
        assert len(seen) == step
        assert not any(path.name.endswith("_summary.json") for path in seen)
        assert all(path.stat().st_size for path in seen)
        # The next one tidies up and takes a number that nothing has.
        words = ["backtest", "--config", tmp_path / "c.toml", "--data", market, "--output", out, "--quiet"]
        if step in (0, 3):
            assert main([str(word) for word in words]) == 0
            assert not [path.name for path in out.iterdir() if path.name.startswith(".")]
            number = 2 if step else 1
            assert {path.name.partition(f"_run{number}_")[2] for path in out.iterdir()} - {""} == ENDS


def test_runs_at_the_same_time_take_numbers_of_their_own(market: Path, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(MAKER)
    words = ["backtest", "--config", "c.toml", "--data", str(market), "--output", "out", "--quiet"]
    command = [sys.executable, "-m", "tradecore", *words]
    runs = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) for _ in range(4)]
    assert [run.wait() for run in runs] == [0] * 4
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(names) == 4 * len(ENDS)
    for number in range(1, 5):
        assert {name.partition(f"_run{number}_")[2] for name in names} - {""} == ENDS


STRUCK = """
import contextlib, io, os, random, signal, sys, time
from pathlib import Path
from tradecore.cli import main

market, folder = sys.argv[1:]
dice = random.Random(5)
# One that strikes while an object goes is lost, says Python; no code of Python runs here that another could strike.
sys.unraisablehook = id

def backtest(name):
    words = ["backtest", "--config", f"{folder}/c.toml", "--data", market, "--output", f"{folder}/{name}", "--quiet"]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as errors:
        code = main(words)
    return code, errors.getvalue()

for _ in range(2):  # what is imported once is not timed
    began = time.monotonic()
    backtest("undisturbed")
    took = time.monotonic() - began
def strike(_, at):
    # Only inside of a run: here, an alarm that repeats would end this script.
    frame = at
    while frame is not None and frame.f_code is not backtest.__code__:
        frame = frame.f_back
    if frame is not None:
        signal.getsignal(2)(2, at)

signal.signal(signal.SIGALRM, strike)
began = time.monotonic()
number, ended = 0, [0, 0]  # with nothing, whole
while (lasted := time.monotonic() - began) < 3 or (min(ended) < 4 and lasted < 60):
    try:
        number += 1
        told = (130, "interrupted\\n")
        try:
            signal.setitimer(signal.ITIMER_REAL, dice.uniform(0.001, took), dice.choice([0, 0.001, took / 4]))
            told = backtest(number)
            signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:  # it came after the command
            signal.setitimer(signal.ITIMER_REAL, 0)
        print(number, *told, flush=True)
        ended[Path(folder, str(number)).exists()] += 1
    except KeyboardInterrupt:  # or later still
        signal.setitimer(signal.ITIMER_REAL, 0)
# Python ends itself by SIGINT if one ever came through an exec() of text, as dataclasses do it, though it was caught.
os._exit(0)
"""


def test_interrupts_at_any_time_leave_a_whole_set_or_nothing(market: Path, tmp_path: Path) -> None:
    """For three seconds, or until there are some of both; every run gets one signal or several, at times of its own."""
    (tmp_path / "c.toml").write_text(MAKER)
    command = [sys.executable, "-c", STRUCK, str(market), str(tmp_path)]
    told = subprocess.run(command, capture_output=True, check=True, text=True)
    assert told.stderr == ""
    ended = {"whole": 0, "nothing": 0}
    for number, code, *words in (line.split() for line in told.stdout.splitlines() if line):
        out = tmp_path / number
        names = {path.name.partition("_run1_")[2] for path in out.iterdir()} if out.exists() else set()
        assert names == ENDS or not out.exists()
        assert (code, words) in (("0", []), ("130", []), ("130", ["interrupted"]))
        ended["whole" if names else "nothing"] += 1
    assert min(ended.values()) > 3, ended


def test_a_number_is_never_lost_to_an_interrupt() -> None:
    """Python looks for signals where it makes texts of values: there, too, they are interrupts and no numbers."""
    spec = tc.find_instrument("BTCUSDT.SYNTH")
    price = Decimal("60000.1")
    struck = 0

    def strike(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, strike)
    try:
        for _ in range(500):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0005)
                while True:
                    assert spec.price_to_steps(price) == spec.price_to_steps("60000.1")
            except KeyboardInterrupt:
                struck += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert struck == 500


def test_ctrl_c_that_a_library_takes_for_an_error_is_ctrl_c() -> None:
    def formats() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise TypeError("'<unprintable str object>' is no type") from None

    with pytest.raises(KeyboardInterrupt) as caught, patience():
        formats()
    assert isinstance(caught.value.__cause__, TypeError)
    with pytest.raises(TypeError), patience():
        raise TypeError


def test_ctrl_c_after_a_run_has_its_result(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TableStore, "keep", signalling(TableStore.keep, signal.SIGINT))
    with pytest.raises(RunInterrupted) as caught:
        touch_maker(market).run()
    assert not caught.value.result.interrupted, "it had seen all data"
    assert caught.value.result.events == 60_000
    assert caught.value.result.digest == touch_maker(market).run().digest


def test_a_second_ctrl_c_after_a_run_does_not_wait(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TableStore, "keep", signalling(TableStore.keep, signal.SIGINT, times=2))
    with pytest.raises(KeyboardInterrupt) as caught:
        touch_maker(market).run()
    assert not isinstance(caught.value, RunInterrupted)


def test_a_handler_of_somebody_else_is_called_when_the_run_is_done(
    market: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: seen.append(number))
    try:
        monkeypatch.setattr(TableStore, "keep", signalling(TableStore.keep, signal.SIGINT))
        assert touch_maker(market).run().events == 60_000
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [signal.SIGINT]


@pytest.mark.parametrize("when", ["before", "after"])
def test_ctrl_c_while_rows_are_moved_to_disk_loses_none_and_doubles_none(
    when: str, market: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_SPILL_ROWS", 100)
    whole = touch_maker(market).run()
    spill = TableStore.spill
    calls = iter(range(1_000_000))

    def interrupted(self: TableStore, *args: Any) -> None:
        here = next(calls) == 0
        if here and when == "before":
            raise KeyboardInterrupt
        spill(self, *args)
        if here:
            raise KeyboardInterrupt

    monkeypatch.setattr(TableStore, "spill", interrupted)
    with pytest.raises(RunInterrupted) as caught:
        touch_maker(market).run()
    result = caught.value.result
    assert result.interrupted
    assert len(result.orders) == result.summary()["orders"]
    assert result.orders["order_id"].is_unique().all()
    assert len(result.fills) == result.summary()["fills"] > 0
    assert result.equity["ts"].is_unique().all()
    assert result.equity.head(len(result.equity) - 2).equals(whole.equity.head(len(result.equity) - 2))


def touch_maker(market: Path) -> tc.Backtest:
    maker = tc.TouchMaker("m", ["BTCUSDT.SYNTH"], quote_qty="0.01", max_position="0.05", interval="10ms")
    return tc.Backtest([maker], market)


def test_a_block_that_is_held_together_ends_before_ctrl_c_acts() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), held_back():  # noqa: PT012
        with held_back():
            signal.raise_signal(signal.SIGINT)
            done.append("inner")
        done.append("outer")
    assert done == ["inner", "outer"]


def test_a_block_that_lets_ctrl_c_act_does_so_once() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), held_back() as held:  # noqa: PT012
        done.append("first")
        try:
            with held.opened():
                signal.raise_signal(signal.SIGINT)
                done.append("not reached")
        finally:
            signal.raise_signal(signal.SIGINT)
            done.append("second")
    assert done == ["first", "second"]


def test_patience_holds_one_back_and_counts_those_from_before() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), patience() as interrupts:  # noqa: PT012
        interrupts.wait()
        signal.raise_signal(signal.SIGINT)
        with held_back():
            done.append("first")
        done.append("second")
    with pytest.raises(KeyboardInterrupt), patience() as interrupts:  # noqa: PT012
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        interrupts.wait()
        with held_back():
            signal.raise_signal(signal.SIGINT)
            done.append("third")
        done.append("not reached")
    assert done == ["first", "second", "third"]


def test_a_stage_that_a_killed_process_left_is_swept_and_one_in_use_is_not(tmp_path: Path) -> None:
    (tmp_path / ".tradecore-dead").mkdir()
    (tmp_path / ".tradecore-dead" / "half").write_text("x")
    with files.staged(tmp_path) as used:
        assert [path.name for path in tmp_path.iterdir()] == [used.name]
        with files.staged(tmp_path) as other:
            assert used.is_dir()
            assert other != used
        (used / "a").write_text("a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_move_that_fails_takes_back_what_was_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: Path, target: Path) -> None:
        if target.name == "c":
            raise OSError(5, "Input/output error")
        replace(source, target)

    replace = os.replace
    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(CatalogError, match="Input/output error"), files.staged(tmp_path / "new") as fresh:  # noqa: PT012
        for name in "abc":
            (fresh / name).write_text(name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", [{}, {"name": [], "instruments": ("X.Y",)}])
def test_what_a_strategy_makes_of_itself_takes_no_result(change: dict[str, Any], market: Path) -> None:
    class Changes(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            self.__dict__.clear()
            self.__dict__.update(change)

        def on_mark(self, ctx: tc.Context, mark: object) -> None: ...

    result = tc.Backtest([Changes("c", ["BTCUSDT.SYNTH"])], market).run()
    assert any(note.startswith("c: on_mark was never called") for note in result.notes)


@pytest.mark.parametrize("given", [None, "m", ["m"], tc.Strategy, tc.Strategy("m", ["BTCUSDT.SYNTH"])])
def test_what_is_no_list_of_strategies_is_not_replayed(given: Any) -> None:
    with pytest.raises(InvalidValueError, match="strategies"):
        tc.replay(b"", given, [])
