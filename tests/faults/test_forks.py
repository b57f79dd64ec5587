"""After a run in the parent, forked processes work or refuse; none waits for ever, and none takes anything away."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.release,
    pytest.mark.skipif(sys.platform != "linux", reason="what a fork leaves behind is seen on Linux"),
]

HEAD = """
import multiprocessing, os, pickle, signal, sys
import tradecore as tc
from tradecore.backtest import engine

engine._SPILL_ROWS = 100
market = sys.argv[1]

def run():
    maker = tc.TouchMaker("m", ["BTCUSDT.SYNTH"], quote_qty="0.01", max_position="0.05", interval="10ms")
    return tc.Backtest([maker], market).run()

def attempt(name, act):
    sys.stdout.flush()
    if (pid := os.fork()) == 0:
        signal.alarm(20)
        try:
            said = act()
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        print(f"{name}: {said}", flush=True)
        sys.exit(0)  # Everything that is kept is let go.
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        print(f"{name} ended with {status}", flush=True)

result = run()
assert result.tables.folder.is_dir()
stream = iter(tc.Catalog(market).stream("BTCUSDT.SYNTH"))
next(stream)
"""

ATTEMPTS = """
attempt("run", lambda: run().digest == result.digest)
attempt("frame", lambda: len(result.orders))
attempt("own frame", lambda: len(run().orders))
attempt("html", lambda: len(result._repr_html_()) > 0)
attempt("figures", lambda: result.stats.orders)
attempt("pickle", lambda: pickle.loads(pickle.dumps(result)).digest == result.digest)
attempt("stream", lambda: next(stream))
attempt("own stream", lambda: sum(len(piece["price"]) for piece in tc.Catalog(market).stream("BTCUSDT.SYNTH")))
print("pool:", multiprocessing.get_context("fork").Pool(2).map(len, [[1], [1, 2]]))
print("here:", len(result.orders), len(next(stream)["price"]) > 0)
"""

REFUSED = 'forked from one that had used polars, whose threads did not come along: a frame would wait for ever. Start processes with multiprocessing.get_context("spawn")'


def script(code: str, market: Path, tmp_path: Path) -> list[str]:
    (tmp_path / "script.py").write_text(HEAD + code)
    command = [sys.executable, "-W", "ignore", tmp_path / "script.py", market]
    done = subprocess.run(
        command, capture_output=True, check=True, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    assert done.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["script.py"], "all temporary folders are gone"
    return done.stdout.splitlines()


def test_a_child_works_columns_off_alone(market: Path, tmp_path: Path) -> None:
    code = """
import numpy as np
close = 100 + np.sin(np.arange(300_000.0))
here = tc.indicators.rsi(close, 14)
same = lambda: np.array_equal(tc.indicators.rsi(close, 14), here, equal_nan=True)
attempt("in a child", same)
print("here:", same())
"""
    assert script(code, market, tmp_path) == ["in a child: True", "here: True"]


def test_children_forked_before_polars_was_used(market: Path, tmp_path: Path) -> None:
    lines = script(ATTEMPTS, market, tmp_path)
    told = dict(line.split(": ", 1) for line in lines)
    orders = told["frame"]
    assert int(orders) > 100
    assert "forked from one that reads these events" in told.pop("stream")
    assert told == {
        "run": "True",
        "frame": orders,
        "own frame": orders,
        "html": "True",
        "figures": orders,
        "pickle": "True",
        "own stream": "60000",
        "pool": "[1, 2]",
        "here": f"{orders} True",
    }


def test_children_forked_after_polars_was_used(market: Path, tmp_path: Path) -> None:
    lines = script(
        "import polars as pl\npl.Series(range(100_000)).sort()\nlen(result.fills)\n" + ATTEMPTS, market, tmp_path
    )
    told = dict(line.split(": ", 1) for line in lines)
    assert len(told) == 10
    for name in ("frame", "own frame", "html"):
        assert told[name].startswith("RunError: ")
        assert REFUSED in told[name]
    assert (told["run"], told["pickle"], told["own stream"]) == ("True", "True", "60000")


def test_rows_that_went_with_their_process_are_missed_in_a_sentence(market: Path, tmp_path: Path) -> None:
    code = """
here, there = os.pipe()
if os.fork() == 0:
    os.close(there)
    os.read(here, 1)  # Comes when the parent has let go.
    try:
        result.orders
    except tc.errors.RunError as error:
        print(error, flush=True)
    os._exit(0)
os.close(here)
folder = result.tables.folder
del result
assert not folder.exists()
os.write(there, b"x")
os.wait()
"""
    (line,) = script(code, market, tmp_path)
    assert line.startswith(f"rows of orders are gone from {tmp_path}/tradecore-run-")
    assert line.endswith(": they go with the process that ran. Save the result there, or hand it over pickled")


@pytest.mark.parametrize("act", ["tc.Catalog(market).trades(name)", "tc.synthesize(market + '-2', events=1_000)"])
def test_a_catalog_in_a_child_of_a_process_that_used_polars_refuses(market: Path, tmp_path: Path, act: str) -> None:
    code = f"""
import os, signal, sys
import tradecore as tc
market, name = sys.argv[1], "BTCUSDT.SYNTH"
tc.Catalog(market).trades(name).collect()
child = os.fork()
if child == 0:
    signal.alarm(20)
    try:
        {act}
    except tc.TradecoreError as error:
        os._exit(3 if "forked" in str(error) and "spawn" in str(error) else 4)
    os._exit(5)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    shutil.copytree(market, tmp_path / "cat")
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "cat")], check=False).returncode == 3
