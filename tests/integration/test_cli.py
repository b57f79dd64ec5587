"""The command line, as a user meets it."""

from __future__ import annotations

import contextlib
import gzip
import importlib.util
import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import tomli_w
from matplotlib.figure import Figure

import tradecore as tc
from conftest import ROOT, cli, cli_json
from tradecore.cli.app import _commands
from tradecore.strategies import REGISTRY

pytestmark = pytest.mark.release

DEMO = ROOT / "examples" / "avellaneda.toml"

CONFIG = """
seed = 3
[data]
catalog = "{catalog}"
[[venues]]
name = "SYNTH"
queue = "depletion"
[[strategies]]
kind = "touch_maker"
params = {{ quote_qty = "0.01", max_position = "0.05" }}
[output]
dir = "{out}"
candles = "1s"
"""


@pytest.fixture
def config(tmp_path: Path, market: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG.format(catalog=market, out=tmp_path / "out"))
    return path


def test_a_run_leaves_its_files_under_a_run_number(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = cli("backtest", "--config", config, "--json", capsys=capsys)
    assert (code, err) == (0, "")
    summary = json.loads(out)
    prefix = str(tmp_path / "out" / "synth_BTCUSDT_2026-01-01_run1")
    assert summary["output"] == prefix
    assert set(summary) >= {
        "digest", "seed", "events", "orders", "fills", "gross_pnl", "fees", "funding", "net_pnl",
        "settlement_currency", "final_positions", "max_drawdown", "sharpe", "wall_s", "events_per_s", "peak_rss_mb",
        "output", "fill_basis",
    }  # fmt: skip
    assert (summary["seed"], summary["events"], summary["fill_basis"]) == (3, 60_000, "l2")
    columns = {
        "orders": ["symbol", "ts", "price", "size", "side", "client_id", "type"],
        "trades": ["symbol", "ts_received", "price", "size", "side", "order_id", "action"],
        "positions": ["timestamp", "position", "avg_price", "realized_pnl", "cash"],
        "candles": ["symbol", "ts_open", "open", "high", "low", "close", "volume"],
    }
    tables = {name: pl.read_csv(f"{prefix}_{name}.csv") for name in columns}
    for name, expected in columns.items():
        assert tables[name].columns[: len(expected)] == expected
    assert len(tables["orders"]) == summary["orders"]
    assert len(tables["trades"]) == len(tables["positions"]) == summary["fills"] > 0
    assert set(tables["trades"]["action"]) <= {"Full", "Partial"}
    volume = tables["candles"]["volume"].sum()
    traded = tc.Catalog(tomllib.loads(config.read_text())["data"]["catalog"])
    trades = traded.scan("BTCUSDT.SYNTH").filter(pl.col("kind") == int(tc.EventKind.TRADE)).collect()
    assert volume == pytest.approx(trades["qty"].sum() / 1000)
    written = json.loads(Path(f"{prefix}_summary.json").read_text())
    assert written["digest"] == summary["digest"]
    effective = tomllib.loads(Path(f"{prefix}_config.toml").read_text())
    assert (effective["seed"], effective["venues"][0]["entry_latency"]) == (3, "5ms")
    again = cli_json("backtest", "--config", config, capsys=capsys)
    assert again["output"].endswith("_run2")
    assert again["digest"] == summary["digest"]
    for name in columns:
        assert Path(f"{prefix}_{name}.csv").read_bytes() == Path(f"{again['output']}_{name}.csv").read_bytes()


def test_the_effective_configuration_runs_again(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = cli_json("backtest", "--config", config, "--seed", "9", capsys=capsys)
    again = cli_json("backtest", "--config", first["output"] + "_config.toml", capsys=capsys)
    assert (again["digest"], again["seed"]) == (first["digest"], 9)


def test_the_digest_is_the_same_in_another_process(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = cli_json("backtest", "--config", config, capsys=capsys)["digest"]
    command = [sys.executable, "-m", "tradecore", "backtest", "--config", str(config), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["digest"] == here


def test_the_command_line_goes_before_the_file(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tc.synthesize(tmp_path / "other", events=5_000, seed=1)
    words = ["--data", tmp_path / "other", "--output", tmp_path / "elsewhere", "--symbol", "BTCUSDT", "--seed", "1"]
    code, out, _ = cli("backtest", "--config", config, "--json", *words, capsys=capsys)
    assert code == 0
    assert json.loads(out)["events"] == 5_000
    assert (tmp_path / "elsewhere").is_dir()
    assert not (tmp_path / "out").exists()


def test_the_demo_runs_on_any_catalog(market: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = cli("backtest", "--config", DEMO, "--data", market, capsys=capsys)
    assert code == 0
    assert "orders / fills" in out


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed = 3", "sed = 3", "sed: unknown key"),
        ("seed = 3", 'seed = "x"', "seed: Input should be a valid integer"),
        ("seed = 3", "seed = [", "is not TOML"),
        ('queue = "depletion"', 'queue = "fifo"', "venues.0.queue: unknown queue model"),
        ('queue = "depletion"', 'entry_latency = "soon"', 'venues.0.entry_latency: "soon" is not a length of time'),
        ('quote_qty = "0.01"', 'quote_qty = "-1"', "strategies.0.params.quote_qty: Input should be greater than 0"),
        ('quote_qty = "0.01"', 'quote_kty = "1"', "strategies.0.params.quote_kty: unknown key; did you mean quote_qty?"),
        ('quote_qty = "0.01", ', "", "strategies.0.params.quote_qty: missing"),
        ('quote_qty = "0.01"', 'quote_qty = "0.0015"', "strategies.0.params.quote_qty: 0.0015 is not a multiple of 0.001"),
        ('max_position = "0.05"', 'max_position = "0.0505001"', "strategies.0.params.max_position: 0.0505001 is not a"),
        ('max_position = "0.05"', 'max_position = "1e40"', "strategies.0.params.max_position: "),
        ("seed = 3", 'seed = "7"', "seed: Input should be a valid integer, got '7'"),
        ("seed = 3", "seed = true", "seed: Input should be a valid integer, got True"),
        ('candles = "1s"', 'candles = "0s"', "output.candles: expected more than 0, got '0s'"),
        ('candles = "1s"', 'sample_interval = "0s"', "output.sample_interval: expected more than 0, got '0s'"),
        ('queue = "depletion"', 'maker_fee_bps = "20000"', "venues.0.maker_fee_bps: 20000 is outside"),
        ('queue = "depletion"', 'clock_lead = "-1s"', 'venues.0.clock_lead: expected "auto" or a length of time such as "5ms", got'),
        ('queue = "depletion"', 'kueue = "log"', "venues.0.kueue: unknown key; did you mean queue?"),
        ('name = "SYNTH"', 'name = "SYNHT"', "venues.0.name: no strategy trades on SYNHT, only on SYNTH"),
        ("[[venues]]", "[venues]", "venues: expected a list of tables, each written as [[venues]]"),
        ("[[venues]]", '[[venues]]\nname = "SYNTH"\n[[venues]]', "venues: 'SYNTH' is there twice\n"),
        ("[output]", "[[output]]", "output: expected a table, got ["),
        ('max_position = "0.05"', 'max_position = "0.001"', "strategies.0.params.max_position: 0.001 is less than"),
        ('kind = "touch_maker"', 'kind = "magic"', "strategies.0.kind: 'magic' is neither shipped"),
        ('kind = "touch_maker"', 'kind = "touch_maker"\nname = ""', "strategies.0.name: String should have at least 1 character"),
        ('kind = "touch_maker"', 'kind = "nowhere.py:X"', "strategies.0.kind: no file nowhere.py\n"),
        ('kind = "touch_maker"', 'kind = "nowhere.py"', "strategies.0.kind: 'nowhere.py' names no class of the file: expected nowhere.py:Class"),
        ('kind = "touch_maker"', 'kind = "nowhere:X"', "strategies.0.kind: no module nowhere\n"),
        ('kind = "touch_maker"', 'kind = "tradecore.strateges:X"', "no module tradecore.strateges; did you mean tradecore.strategies?"),
        ('kind = "touch_maker"', 'kind = "json:dmups"', "strategies.0.kind: json has no dmups; did you mean dumps?"),
        ('candles = "1s"', "candles = 60", 'output.candles: 60 has no unit: expected a text such as "100ms"'),
        ('candles = "1s"', 'candles = "1x"', 'output.candles: "1x" is not a length of time such as "100ms", "1s" or "5m"\n'),
        ('candles = "1s"', 'csv_safe = "no"', "output.csv_safe: Input should be a valid boolean, got 'no'"),
        ('queue = "depletion"', "entry_latency = 5", "venues.0.entry_latency: 5 has no unit"),
        ('queue = "depletion"', "stale_after = 5", "venues.0.stale_after: 5 has no unit"),
        ("[output]", '[[instruments]]\nid = "A"\nkind = "spot"\nbase = "A"\nquote = "B"\nprice_increment = 0.1\nqty_increment = 0.1\n[output]', "instruments.0.id: 'A' is not SYMBOL.VENUE"),
        ("[output]", '[[instruments]]\nid = "A.B"\nknd = "linear"\n[output]', "instruments.0.knd: unknown field; did you mean kind?"),
        ("[output]", '[[instruments]]\nid = "A.B"\nkind = 5\nbase = "A"\nquote = "B"\nprice_increment = 0.1\nqty_increment = 0.1\n[output]', "instruments.0.kind: expected text, got 5"),
        ("[output]", '[[instruments]]\nid = "A.B"\nkind = "spot"\nbase = "A"\nquote = "B"\nprice_increment = true\nqty_increment = 0.1\n[output]', 'price_increment: expected a number as text, such as "0.1", got True'),
        ('queue = "depletion"', 'entry_latency = "series:none.csv"', "venues.0.entry_latency: no file none.csv"),
        ('queue = "depletion"', 'funding = "series:none.csv"', "venues.0.funding: no file none.csv"),
        ("seed = 3", 'risk = "none.json"', "risk: none.json: No such file or directory"),
        ("seed = 3", "seed = { a = 1 }", "seed: Input should be a valid integer, got a table"),
        ('kind = "touch_maker"', 'kind = "json:dumps"', "strategies.0.kind: json:dumps is not a Strategy"),
        ('kind = "touch_maker"', 'kind = "touch_maker"\ninstruments = ["A.B"]', "strategies.0.instruments: A.B is not in"),
        ("[data]", '[data]\ntardis = {root = "x", instrument = "y", trades = "z"}', "data: catalog and tardis exclude"),
        ("[[strategies]]", "[[strategy]]", "strategy: unknown key; did you mean strategies?"),
        ("[output]", '[[instruments]]\nid = "A.B"\n[output]', "instruments.0.kind: missing"),
        (
            "[output]",
            '[[instruments]]\nid = "BTCUSDT.SYNTH"\nkind = "linear"\nbase = "BTC"\nquote = "USDT"\n'
            'price_increment = "0.01"\nqty_increment = "0.001"\n[output]',
            "instruments: the data of BTCUSDT.SYNTH was stored with price_increment 0.1, not 0.01",
        ),
    ],
)  # fmt: skip
def test_a_mistake_in_the_configuration_is_one_line_with_its_key(
    config: Path, old: str, new: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new, 1))
    code, out, err = cli("backtest", "--config", config, capsys=capsys)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith(f"error: {config}: ")
    assert message in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["backtest", "--config", "/nowhere.toml"], "/nowhere.toml: No such file"),
        (["backtest"], "Missing option '--config'; see tradecore backtest --help"),
        (["backtest", "--config", DEMO], "data.catalog: no data"),
        (["backtest", "--config", DEMO, "--data", "/nowhere"], "is not a catalog"),
        (["backtest", "--config", DEMO, "--bogus"], "No such option"),
        (["data", "info", "/nowhere"], "is not a catalog"),
        (["data", "info", DEMO], "is a file; a catalog is a folder"),
        (["data", "check", DEMO.parent], "is a folder of files and no catalog; name the files"),
        (["data", "check", "/nowhere"], "cannot be opened"),
        (["data", "import", "tardis", "/nowhere", "--catalog", "/tmp/x", "--instrument", "A.B"], "unknown instrument A.B"),
        (["data", "synth", "--catalog", "/tmp/x", "--events", "0"], "Invalid value"),
        (["data", "synth", "--catalog", "/tmp/x", "--events", str(2**70)], "Invalid value for '--events'"),
        (["data", "synth", "--catalog", "/tmp/x", "--seed", str(2**70)], "Invalid value for '--seed'"),
        (["backtest", "--config", DEMO, "--seed", str(2**63)], "Invalid value for '--seed'"),
        (["frobnicate"], "No such command 'frobnicate'; see tradecore --help"),
        (["bactest"], "No such command 'bactest'; did you mean tradecore backtest?"),
        (["data", "inf"], "No such command 'inf'; did you mean tradecore data info?"),
        (["info", "market"], "No such command 'info'; did you mean tradecore data info?"),
        (["backtest", "--confg", DEMO], "No such option: --confg; did you mean --config?"),
        (["backtest", "--config", DEMO, "--outptu", "x"], "No such option: --outptu; did you mean --output?"),
        (["data", "info", "x", "--jsno"], "No such option: --jsno; did you mean --json?"),
        (["--config", DEMO], "No such option: --config; did you mean tradecore backtest --config or tradecore paper --config"),
        (["backtest", "--config"], "Option '--config' requires an argument"),
        (["backtest", "--config", DEMO, "more"], "(more); see tradecore backtest --help"),
        (["backtest", "--config", DEMO, "--plot", "a.gif"], "--plot: a.gif ends in neither .png nor .svg"),
    ],
)  # fmt: skip
def test_bad_usage_is_exit_code_2(words: list[Any], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = cli(*words, capsys=capsys)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(("form", "target"), [("csv", "."), ("hftbacktest", "."), ("csv", "file/below")])
def test_a_target_that_cannot_be_written_is_one_line(
    market: Path, tmp_path: Path, form: str, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    code, out, err = cli("data", "export", market, tmp_path / target, "--format", form, capsys=capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: ")
    assert str(tmp_path) in err


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def (\n", "SyntaxError: invalid syntax ({file}:1)"),
        ("x = 1\ny = z\n", "NameError: name 'z' is not defined ({file}:2)"),
        ("raise SystemExit(3)\n", "SystemExit: 3 ({file}:1)"),
        ("import tradecore as tc\nclass Mine(tc.Strategy):\n    x: Absent = 1\n", "name 'Absent' is not defined ({file}:3)"),
        (
            "import tradecore as tc\n"
            "class Mine(tc.Strategy):\n"
            "    def __init__(self, *words):\n"
            "        raise RuntimeError('not\\ntoday')\n",
            "RuntimeError: not today ({file}:4)",
        ),
        ("Mine = 5\n", "is not a Strategy"),
        ("", "has no Mine"),
    ],
)  # fmt: skip
def test_a_broken_strategy_file_is_one_line_with_its_place(
    config: Path, tmp_path: Path, code: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    module = tmp_path / "mine.py"
    module.write_text(code)
    config.write_text(
        config.read_text().replace('kind = "touch_maker"', f'kind = "{module}:Mine"').replace("params", "#")
    )
    exit_code, out, err = cli("backtest", "--config", config, capsys=capsys)
    assert (exit_code, out, err.count("\n")) == (2, "", 1)
    assert message.format(file=module) in err
    assert "strategies.0.kind" in err


def test_what_nobody_foresaw_is_one_line_and_a_traceback_on_request(
    market: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(self: tc.Catalog) -> None:
        raise LookupError("gone")

    monkeypatch.setattr(tc.Catalog, "info", fail)
    code, _, err = cli("data", "info", market, capsys=capsys)
    assert (code, err) == (1, "error: internal error: LookupError: gone; run again with --debug\n")
    code, _, err = cli("data", "info", market, "--debug", capsys=capsys)
    assert code == 1
    assert "Traceback" in err


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, err = cli(capsys=capsys)
    assert "Usage" in out
    assert err == ""


@pytest.mark.parametrize("words", ["--help", "data info {market}", "data info {market} --json"])
@pytest.mark.parametrize(
    ("redirection", "expected", "message"),
    [
        (">&-", 0, ""),
        ("| head -c 0", 0, ""),
        ("> /dev/full", 1, "error: No space left on device\n"),
    ],
)
def test_an_output_that_takes_nothing_is_no_traceback(
    market: Path, words: str, redirection: str, expected: int, message: str
) -> None:
    command = f"set -o pipefail; {sys.executable} -m tradecore {words.format(market=market)} {redirection}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (expected, message)


def test_a_failing_strategy_is_exit_code_1(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = tmp_path / "mine.py"
    module.write_text(
        "import tradecore as tc\n"
        "class Mine(tc.Strategy):\n"
        "    wait: int = 1\n"
        "    def on_book(self, ctx, book):\n"
        "        raise ValueError('not my day')\n"
    )
    text = config.read_text()
    text = text.replace('kind = "touch_maker"', f'kind = "{module}:Mine"').split("params")[0] + "[output]\n"
    config.write_text(text)
    code, _, err = cli("backtest", "--config", config, capsys=capsys)
    assert code == 1
    assert "ValueError: not my day" in err
    config.write_text('on_error = "stop_strategy"\n' + text)
    code, out, err = cli("backtest", "--config", config, "--json", capsys=capsys)
    assert code == 1
    assert "not my day" in json.loads(out)["failures"]["Mine"]


FAILING = """
import tradecore as tc
class Mine(tc.Strategy):
    def on_start(self, ctx):
        print("hello")
    def on_book(self, ctx, book):
        try:
            ctx.buy(book.instrument, "nothing")
        except tc.errors.InvalidValueError:
            raise ValueError("not\\nmy day")
"""


def test_a_failure_shows_the_strategys_own_traceback(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = tmp_path / "mine.py"
    module.write_text(FAILING)
    text = config.read_text().replace('kind = "touch_maker"', f'kind = "{module}:Mine"\nname = "mine"')
    text = text.replace("params", "#")
    config.write_text(text)
    line = f"error: strategy mine failed: ValueError: not my day ({module}:10)"
    code, out, err = cli("backtest", "--config", config, "--json", capsys=capsys)
    assert code == 1
    summary = json.loads(out)
    assert Path(summary["output"] + "_summary.json").is_file()
    assert "hello" in err
    assert err.splitlines()[-1] == line
    assert f'File "{module}", line 10, in on_book' in err
    assert str(ROOT / "python") not in err
    code, out, err = cli("backtest", "--config", config, capsys=capsys)
    assert code == 1
    assert out.startswith("hello\n")
    assert f"ValueError: not my day ({module}:10)" in out
    config.write_text('on_error = "stop_run"\n' + text)
    code, _, err = cli("backtest", "--config", config, capsys=capsys)
    assert code == 1
    assert err.splitlines()[-1] == line


def commands() -> dict[str, Any]:
    """Every command by the words that call it."""

    def below(command: Any, words: str) -> dict[str, Any]:
        found = {words: command}
        for name, each in getattr(command, "commands", {}).items():
            found |= below(each, f"{words} {name}".strip())
        return found

    return below(_commands(), "")


@pytest.mark.parametrize("width", [80, 60])
@pytest.mark.parametrize("words", commands())
def test_help_fits_and_nothing_of_it_is_cut(
    words: str, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = commands()[words]
    monkeypatch.setenv("COLUMNS", str(width))
    code, out, err = cli(*words.split(), "--help", capsys=capsys)
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= width
    assert "…" not in out
    assert "\x1b" not in out
    shown = " ".join(out.replace("│", " ").split())
    assert " ".join((command.help or "").split()) in shown
    for param in command.params:
        for word in (*(name for name in param.opts if name.startswith("-")), *param.help.split()):
            assert word in shown.split(), word
        if not getattr(param, "is_flag", False):
            assert param.metavar in shown.split(), f"{param.name} is to say what it takes"
    for name in getattr(command, "commands", {}):
        assert f" {name} " in shown


def on_terminal(command: Sequence[str], folder: Path, **environment: str) -> str:
    """Run a command with all its streams on a terminal and return what stands there."""
    leader, follower = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "GITHUB_ACTIONS")}
    kept |= {"TERM": "xterm-256color", "COLUMNS": "80", **environment}
    process = subprocess.Popen(command, cwd=folder, stdin=follower, stdout=follower, stderr=follower, env=kept)
    os.close(follower)
    seen = b""
    with contextlib.suppress(OSError):  # the terminal closes with the process
        while chunk := os.read(leader, 4096):
            seen += chunk
    process.wait(timeout=60)
    os.close(leader)
    return seen.decode()


COLOUR = re.compile(r"\x1b\[[\d;]*(?:3\d|9\d)m")


@pytest.mark.parametrize("words", [["--help"], ["data", "info", "/nowhere"]], ids=["help", "an error"])
def test_colour_is_for_terminals_that_want_it(tmp_path: Path, words: list[str]) -> None:
    command = [sys.executable, "-m", "tradecore", *words]
    assert COLOUR.search(on_terminal(command, tmp_path))
    assert not COLOUR.search(on_terminal(command, tmp_path, NO_COLOR="1"))
    assert "\x1b" not in on_terminal(command, tmp_path, TERM="dumb")
    environment = {name: value for name, value in os.environ.items() if name != "GITHUB_ACTIONS"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_a_time_is_told_with_its_date(market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = cli("data", "info", market, "--json", capsys=capsys)
    first = json.loads(out)["instruments"][0]["first_ts_recv"]
    dated = f"{first} (2026-01-01 00:00:00.{first % 1_000_000_000:09} UTC)"
    _, out, _ = cli("data", "info", market, capsys=capsys)
    assert f"first_ts_recv   {dated}\n" in out
    cli("data", "export", market, tmp_path / "t", "--format", "tardis", capsys=capsys)
    _, out, _ = cli("data", "check", tmp_path / "t" / "trades.csv.gz", capsys=capsys)
    times = [line for line in out.splitlines() if line.startswith(("first_ts_recv", "last_ts"))]
    assert len(times) >= 2
    assert all(re.fullmatch(r"\w+ +\d{19} \(2026-01-01 00:00:\d\d\.\d{9} UTC\)", line) for line in times), times


def test_what_the_catalog_holds_is_only_replaced_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["data", "synth", "--events", "20000", "--catalog", tmp_path / "cat"]
    assert cli(*words, "--seed", "1", capsys=capsys)[0] == 0
    code, out, err = cli(*words, "--seed", "2", capsys=capsys)
    assert (code, out) == (2, "")
    assert err == f"error: {tmp_path / 'cat'}: already holds BTCUSDT.SYNTH of these days; --replace writes it anew\n"
    assert cli(*words, "--seed", "2", "--replace", capsys=capsys)[0] == 0


def test_the_shipped_strategies_are_listed_with_their_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = cli("strategies", "--json", capsys=capsys)
    assert code == 0
    listed = {strategy["name"]: strategy for strategy in json.loads(out)["strategies"]}
    assert set(listed) == set(REGISTRY)
    for name, strategy in listed.items():
        cls = REGISTRY[name]
        assert getattr(tc, strategy["class"].removeprefix("tradecore.")) is cls
        assert strategy["about"].endswith(".")
        assert {parameter["name"] for parameter in strategy["parameters"]} == set(cls.parameters())
        for parameter in strategy["parameters"]:
            assert parameter["type"], parameter
            assert parameter["about"].endswith("."), parameter
            assert parameter["required"] == (cls.parameters()[parameter["name"]][1] is ...)
    touch = {parameter["name"]: parameter for parameter in listed["touch_maker"]["parameters"]}
    assert touch["interval"]["default"] == "100ms"
    assert touch["quote_qty"] == {
        "name": "quote_qty", "type": "Decimal", "required": True, "default": None, "about": "Quantity of each quote.",
    }  # fmt: skip


def test_the_list_of_strategies_fits_its_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    code, out, _ = cli("strategies", capsys=capsys)
    assert code == 0
    assert max(len(line) for line in out.partition("next:")[0].splitlines()) <= 60
    assert "touch_maker (tradecore.TouchMaker)\n" in out
    assert (
        "    offset_ticks: int, default 0\n        Distance from the best price of the own side; 0\n        joins it.\n"
        in out
    )


def some_figure(result: tc.Result) -> Figure:
    """Stands in for the picture of a result."""
    figure = Figure()
    figure.subplots().plot([0, result.events])
    return figure


@pytest.mark.parametrize(("name", "begins"), [("run.png", b"\x89PNG\r\n"), ("run.SVG", b"<?xml")])
def test_a_run_is_drawn(
    config: Path,
    tmp_path: Path,
    name: str,
    begins: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(tc.Result, "plot", some_figure, raising=False)
    picture = tmp_path / "pictures" / name
    code, out, err = cli("backtest", "--config", config, "--plot", picture, capsys=capsys)
    assert (code, err) == (0, "")
    assert f"\ndrawn in {picture}\n" in out
    assert "--plot" not in out
    drawn = picture.read_bytes()
    assert drawn.startswith(begins)
    code, out, _ = cli("backtest", "--config", config, "--plot", picture, "--json", capsys=capsys)
    assert json.loads(out)["plot"] == str(picture)
    assert picture.read_bytes() == drawn, "the same run, the same picture"
    assert cli_json("backtest", "--config", config, capsys=capsys)["plot"] is None


def test_what_cannot_be_drawn_is_found_before_the_run(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(self: tc.Backtest, **_: Any) -> None:
        raise AssertionError("it ran")

    monkeypatch.setattr(tc.Backtest, "run", fail)
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None)
    code, out, err = cli("backtest", "--config", config, "--plot", tmp_path / "a.png", capsys=capsys)
    assert (code, out) == (2, "")
    assert err == "error: --plot: needs matplotlib, which is not installed: pip install 'tradecore[plot]'\n"
    monkeypatch.undo()
    monkeypatch.setattr(tc.Backtest, "run", fail)
    (tmp_path / "file").touch()
    code, _, err = cli("backtest", "--config", config, "--plot", tmp_path / "file" / "a.png", capsys=capsys)
    assert code == 2
    assert err.startswith(f"error: {tmp_path / 'file' / 'a.png'}: cannot be written: File exists; ")


def test_the_figures_are_shown_although_they_cannot_be_drawn(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(self: tc.Result) -> None:
        raise tc.errors.RunError("nothing to draw")

    monkeypatch.setattr(tc.Result, "plot", fail, raising=False)
    code, out, err = cli("backtest", "--config", config, "--plot", tmp_path / "a.png", capsys=capsys)
    assert (code, err) == (1, "error: nothing to draw\n")
    assert "net profit" in out
    assert "drawn in" not in out


def test_a_run_ends_with_what_to_do_next(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the files are, and commands that work as they stand."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # no tradecore there: commands name this Python
    monkeypatch.chdir(tmp_path)

    def steps(*words: str | Path) -> list[str]:
        code, out, _ = cli("backtest", "--config", config, *words, capsys=capsys)
        assert code == 0
        lines = out.split("\nnext:\n")[1].splitlines()
        return [line.strip() for line in lines[::2]]

    prefix = tmp_path / "out" / "synth_BTCUSDT_2026-01-01_run1"
    program = f"{sys.executable} -m tradecore backtest --config"
    given = ["--seed", "5", "--symbol", "BTCUSDT"]
    page, again, drawn = steps(*given)
    assert page == f"{sys.executable} -m tradecore report {prefix}"
    assert again == f"{program} {prefix}_config.toml --symbol BTCUSDT"
    assert drawn == f"{program} {config} --symbol BTCUSDT --seed 5 --plot run.png"
    done = subprocess.run(["sh", "-c", f"{again} --json"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["digest"] == json.loads(Path(f"{prefix}_summary.json").read_text())["digest"]
    config.write_text(config.read_text().partition("[output]")[0])
    keep, _ = steps(*given)
    assert keep == f"{program} {config} --symbol BTCUSDT --seed 5 --output runs"
    subprocess.run(["sh", "-c", keep], capture_output=True, check=True)
    assert len(list((tmp_path / "runs").iterdir())) == 7
    for quiet in ("--quiet", "--json"):
        assert "next" not in cli("backtest", "--config", config, quiet, capsys=capsys)[1]


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--help"], ["backtest", "--help"], ["data", "import", "--help"], ["--version"]):
        code, out, _ = cli(*words, capsys=capsys)
        assert code == 0
        assert out
    assert tc.__version__ in cli("--version", capsys=capsys)[1]


def test_an_output_that_cannot_be_written_is_found_before_the_run(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(self: tc.Backtest, **_: Any) -> None:
        raise AssertionError("it ran")

    monkeypatch.setattr(tc.Backtest, "run", fail)
    (tmp_path / "out").touch()
    code, _, err = cli("backtest", "--config", config, capsys=capsys)
    assert code == 2
    assert err == (
        f"error: {tmp_path / 'out'}: cannot be written: File exists; "
        "a file stands where a folder is needed, choose another name\n"
    )


def test_text_is_written_for_readers(market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    snapshot = {"lastUpdateId": 100, "bids": [["99.0", "1"]], "asks": [["101.0", "1"]]}
    update = {"e": "depthUpdate", "E": 1, "T": 1, "s": "BTCUSDT", "U": 91, "u": 101, "pu": 90, "b": [], "a": []}
    capture = tmp_path / "c.txt"
    capture.write_text("".join(f"{at} {json.dumps(frame)}\n" for at, frame in enumerate([update, snapshot])))
    for words in (["check", capture, "--instrument", "BTCUSDT.BINANCE_USDM"], ["info", market]):
        code, out, _ = cli("data", *words, capsys=capsys)
        assert code == 0
        for repr_of in ("None", "True", "False", "{", "[", "'"):
            assert repr_of not in out
    code, out, _ = cli("data", "check", capture, "--instrument", "BTCUSDT.BINANCE_USDM", capsys=capsys)
    said = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert (said["ok"], said["problems"], said["book_state"]) == ("yes", "none", "synced")
    assert said["first_gap_line"] == "none"


def test_orders_say_how_often_and_how_long(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = tmp_path / "mine.py"
    module.write_text(
        "import tradecore as tc\n"
        "class Mine(tc.Strategy):\n"
        "    def on_start(self, ctx):\n"
        "        self.order = None\n"
        "        ctx.every('1s', self.step)\n"
        "    def step(self, ctx):\n"
        "        name = self.instruments[0]\n"
        "        if self.order is None:\n"
        "            self.order = ctx.buy(name, '0.01', 50_000)\n"
        "        elif ctx.now_ns % 5_000_000_000 == 0:\n"
        "            ctx.replace(self.order, price=50_001)\n"
    )
    text = config.read_text().replace('kind = "touch_maker"', f'kind = "{module}:Mine"').replace("params", "#")
    config.write_text(text)
    code, out, err = cli("backtest", "--config", config, "--json", capsys=capsys)
    assert code == 0, err
    orders = pl.read_csv(json.loads(out)["output"] + "_orders.csv")
    assert orders.columns[-3:] == ["replaced", "ts_accept", "ts_close"]
    (order,) = orders.rows(named=True)
    assert order["replaced"] >= 1
    assert order["price"] == 50_001
    assert order["ts_accept"] == order["ts"] + 10_000_000
    assert order["ts_close"] is None or order["ts_close"] > order["ts_accept"]


def test_data_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    catalog = tmp_path / "cat"
    made = cli_json("data", "synth", "--events", "3000", "--seed", "2", "--catalog", catalog, capsys=capsys)
    assert made["events"] == 3000
    code, out, _ = cli("data", "info", catalog, "--json", capsys=capsys)
    assert json.loads(out)["instruments"][0]["instrument"] == "BTCUSDT.SYNTH"
    for form, target in (("csv", "a.csv"), ("hftbacktest", "a.npz"), ("tardis", "folder")):
        code, out, _ = cli("data", "export", catalog, tmp_path / target, "--format", form, "--json", capsys=capsys)
        assert code == 0
        assert all(Path(file).is_file() for file in json.loads(out)["files"])
    files = sorted((tmp_path / "folder").iterdir())
    words = ["--instrument", "BTCUSDT.SYNTH", "--catalog", tmp_path / "back", "--json"]
    code, out, _ = cli("data", "import", "tardis", *files, *words, capsys=capsys)
    back = json.loads(out)
    assert code == 0
    assert {"events", "book_updates", "trades", "snapshots", "gaps", "first_ts_recv", "best_bid"} <= set(back)
    code, _, err = cli("data", "import", "tardis", *files, *words, capsys=capsys)
    assert code == 2
    assert "already holds" in err
    assert cli("data", "import", "tardis", *files, *words, "--replace", capsys=capsys)[0] == 0
    code, out, _ = cli("data", "check", *files[:1], "--json", capsys=capsys)
    assert json.loads(out)["ok"]
    npz = ["data", "import", "hftbacktest", tmp_path / "a.npz", "--catalog", tmp_path / "npz", "--json"]
    assert cli(*npz, capsys=capsys)[0] == 2
    code, out, _ = cli(*npz, "--instrument", "BTCUSDT.SYNTH", capsys=capsys)
    assert (code, json.loads(out)["events"]) == (0, 3000)
    code, out, err = cli(
        "data", "import", "tardis", *files, "--infer", "--catalog", tmp_path / "inferred", "--json", capsys=capsys
    )
    assert code == 0
    assert "inferred: " in err
    assert json.loads(out)["inferred"]["price_increment"] == "0.1"
    own = tmp_path / "own.json"
    spec = tc.find_instrument("BTCUSDT.SYNTH").to_dict() | {"id": "MY.VENUE"}
    own.write_text(json.dumps([spec]))
    code, _, _ = cli(
        "data", "synth", "--events", "100", "--instrument", "MY.VENUE", "--specs", own, "--catalog", catalog,
        capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert tc.Catalog(catalog).instruments() == ("BTCUSDT.SYNTH", "MY.VENUE")


FOUNDING = """
[strategy]
kind = "Avellaneda"
preprocessing = "Avellaneda"
symbol = "XBTUSD"
[strategy.avellaneda]
tick_size = 0.01
quote_size = 100
max_position = 1000
gamma = 0.1
delta = 0.2
xi = 0.1
[strategy.avellaneda.vol]
window_len = 50
interval_s = 0.5
ema_half_life = 2.0
sigma_min = 0.000001
sigma_max = 0.1
[strategy.avellaneda.penetration]
window_len = 120
num_bins = 500
interval_ms = 500
[strategy.avellaneda.sequencer]
interval_ms = 500
[data]
from_csv = true
tardis_root = "{root}"
trades_csv = "trades.csv.gz"
quotes_csv = "quotes.csv.gz"
book_csv = "book.csv.gz"
[execution]
latency_ms = 0
[output]
csv_path = "{out}"
exchange = "bitmex"
date = "01_08_2024"
candle_size_min = 1
[position]
contract_type = "Inverse"
fee_rate = 0.0005
"""


@pytest.fixture
def founding(tmp_path: Path) -> Path:
    """A configuration in the founding format, with trades and quotes of a minute and no book."""
    spec = tc.find_instrument("XBTUSD.BITMEX")
    made = tmp_path / "made"
    tc.synthesize(made, events=120_000, seed=1, instrument=spec, typical_qty="50000")
    frame = tc.Catalog(made).scan("XBTUSD.BITMEX").collect()
    book = tc.L2Book(spec)
    bid, ask = book.apply_and_trace({name: frame[name].to_numpy() for name in frame.columns})
    quotes = frame.with_columns(bid=pl.Series(bid / 10), ask=pl.Series(ask / 10)).filter(
        (pl.col("flags") & 1 == 1) & (pl.col("kind") == 1)
    )
    root = tmp_path / "tardis"
    root.mkdir()
    head = ["exchange", "symbol", "timestamp", "local_timestamp"]

    def write(name: str, rows: pl.DataFrame, columns: dict[str, Any]) -> None:
        rows = rows.with_columns(
            exchange=pl.lit("bitmex"),
            symbol=pl.lit("XBTUSD"),
            timestamp=pl.col("ts_event") // 1000,
            local_timestamp=pl.col("ts_recv") // 1000,
            **columns,
        )
        (root / name).write_bytes(gzip.compress(rows.select(*head, *columns).write_csv().encode()))

    round_down = pl.col("qty") // 100 * 100 + 100
    write(
        "quotes.csv.gz",
        quotes,
        {"ask_amount": round_down, "ask_price": "ask", "bid_price": "bid", "bid_amount": round_down},
    )
    side = pl.when(pl.col("side") > 0).then(pl.lit("buy")).otherwise(pl.lit("sell"))
    trades = frame.with_columns(price=pl.Series(frame["price"].to_numpy() / 10)).filter(pl.col("kind") == 2)
    write("trades.csv.gz", trades, {"id": "id", "side": side, "price": "price", "amount": round_down})
    config = tmp_path / "founding.toml"
    config.write_text(FOUNDING.format(root=root, out=tmp_path / "out"))
    return config


def test_the_founding_configuration_runs_on_quotes_alone_and_says_so(
    founding: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = cli("backtest", "--config", founding, "--json", capsys=capsys)
    assert code == 0, err
    summary = json.loads(out)
    assert (summary["fill_basis"], summary["settlement_currency"]) == ("l1", "XBT")
    assert summary["fills"] > 0
    assert summary["output"].endswith("out/bitmex_XBTUSD_01_08_2024_run1")
    assert "book.csv.gz is not there" in err
    assert any("fill_basis l1" in note for note in summary["notes"])
    elsewhere = cli_json("backtest", "--config", founding, "--data", tmp_path, capsys=capsys)
    assert elsewhere["digest"] == summary["digest"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("gamma = 0.1", "gama = 0.1", "strategy.avellaneda.gama: unknown key; did you mean gamma?"),
        ("quote_size = 100", "quote_size = 150", "strategies.0.params.quote_qty: 150 is not a multiple of 100"),
        ('kind = "Avellaneda"', 'kind = "avellaneda"', "strategy.kind: Input should be 'Avellaneda'"),
        ("interval_s = 0.5", "interval_s = 0.25", "vol.interval_s: 250 ms contradicts sequencer.interval_ms, 500 ms"),
        ('contract_type = "Inverse"', 'contract_type = "Linear"', "position.contract_type: Linear contradicts"),
        ('symbol = "XBTUSD"', 'symbol = "NOPE"', "strategy.symbol: no specification is known for NOPE.BITMEX"),
        ("from_csv = true", "from_csv = false", "data.from_csv"),
        ("latency_ms = 0", "latency_ms = 1e-9", 'execution.latency_ms: "0.000000001ms" is not a length of time'),
        ('trades_csv = "trades.csv.gz"', 'trades_csv = "t.csv"', "data.tardis.trades: no such file"),
    ],
)
def test_mistakes_in_the_founding_format_are_named(
    founding: Path, old: str, new: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    founding.write_text(founding.read_text().replace(old, new, 1))
    code, _, err = cli("backtest", "--config", founding, capsys=capsys)
    assert code == 2
    assert message in err


def test_own_specifications_serve_tardis_files(
    founding: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = {**tc.find_instrument("XBTUSD.BITMEX").to_dict(), "id": "XBTUSD.MYVENUE"}
    tardis = {"root": str(tmp_path / "tardis"), "instrument": "XBTUSD.MYVENUE", "trades": "trades.csv.gz"}
    document = {
        "data": {"tardis": {**tardis, "quotes": "quotes.csv.gz"}},
        "instruments": [spec],
        "strategies": [{"kind": "touch_maker", "params": {"quote_qty": "100", "max_position": "1000"}}],
    }
    config = tmp_path / "own.toml"
    config.write_text(tomli_w.dumps(document))
    code, out, err = cli("backtest", "--config", config, "--json", capsys=capsys)
    assert code == 0, err
    assert json.loads(out)["final_positions"][0]["instrument"] == "XBTUSD.MYVENUE"
    config.write_text(tomli_w.dumps({**document, "instruments": []}))
    code, _, err = cli("backtest", "--config", config, capsys=capsys)
    assert code == 2
    assert f"{config}: data.tardis.instrument: unknown instrument XBTUSD.MYVENUE" in err
    config.write_text(tomli_w.dumps({**document, "instruments": [spec, spec]}))
    code, _, err = cli("backtest", "--config", config, capsys=capsys)
    assert code == 2
    assert "instruments.1.id: XBTUSD.MYVENUE is there twice" in err


def test_a_symbol_leaves_the_settings_of_other_venues_aside(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tc.synthesize(tmp_path / "two", events=5_000, seed=1)
    other = tc.instruments.instrument_from_dict(
        {**tc.find_instrument("BTCUSDT.SYNTH").to_dict(), "id": "ETHUSDT.OTHER"}
    )
    tc.synthesize(tmp_path / "two", events=5_000, seed=1, instrument=other)
    config.write_text(config.read_text().replace("[[venues]]", '[[venues]]\nname = "OTHER"\n[[venues]]'))
    words = ["backtest", "--config", config, "--data", tmp_path / "two", "--json"]
    for symbol in ([], ["--symbol", "BTCUSDT"]):
        code, _, err = cli(*words, *symbol, capsys=capsys)
        assert code == 0, err


def processor_seconds(pid: int) -> float:
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children_seconds() -> float:
    """What processes that ours has waited for have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def is_reading(pid: int) -> bool:
    """Whether the events of a run are read."""
    with contextlib.suppress(FileNotFoundError):  # a thread may end while they are looked through
        return any(name.read_text() == "tradecore-read\n" for name in Path(f"/proc/{pid}/task").glob("*/comm"))
    return False


@pytest.mark.parametrize("kind", ["compiled", "python"])
def test_ctrl_c_ends_a_run_cleanly(tmp_path: Path, kind: str) -> None:
    tc.synthesize(tmp_path / "cat", events=4_000_000, seed=6)
    strategy = 'kind = "touch_maker"\nparams = { quote_qty = "0.01", max_position = "0.05", interval = "1us" }'
    if kind == "python":
        (tmp_path / "slow.py").write_text(
            "import tradecore as tc\n"
            "class Slow(tc.Strategy):\n"
            "    def on_book(self, ctx, book):\n"
            "        ctx.quote(book.instrument, bid=book.best_bid, ask=book.best_ask, qty='0.01')\n"
            "        book.depth(300)\n"
        )
        strategy = f'kind = "{tmp_path}/slow.py:Slow"'
    config = tmp_path / "c.toml"
    config.write_text(f"[[strategies]]\n{strategy}\n")
    command = [
        *(sys.executable, "-m", "tradecore", "backtest", "--config", config, "--data", tmp_path / "cat"),
        *("--output", tmp_path / "out", "--json"),
    ]
    before = children_seconds()
    process = subprocess.Popen([str(w) for w in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # Some work after it began to read, however long either takes: by then the run is under way.
    while process.poll() is None and not is_reading(process.pid):
        time.sleep(0.02)
    until = processor_seconds(process.pid) + 0.3
    while process.poll() is None and processor_seconds(process.pid) < until:
        time.sleep(0.02)
    assert process.poll() is None, "the run was over before it could be interrupted"
    asked = processor_seconds(process.pid)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    took = children_seconds() - before - asked
    assert process.returncode == 130, err
    summary = json.loads(out)
    assert summary["interrupted"]
    assert 0 < summary["events"] < 4_000_000
    written = json.loads(Path(summary["output"] + "_summary.json").read_text())
    assert written["interrupted"]
    assert len(pl.read_csv(summary["output"] + "_orders.csv")) == summary["orders"]
    assert "Traceback" not in err
    assert took < 5, "of the processor: a machine with other work to do takes longer"


def test_ctrl_c_while_a_command_starts_ends_it_without_a_traceback() -> None:
    code = """
        import sys
        from importlib.abc import MetaPathFinder

        class Interrupted(MetaPathFinder):
            def find_spec(self, name, path, target=None):
                if name == "tradecore.cli.app":
                    raise KeyboardInterrupt

        sys.meta_path.insert(0, Interrupted())
        from tradecore.cli import main

        sys.exit(main(["--version"]))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_a_terminal_sees_progress(tmp_path: Path) -> None:
    """On a terminal there is a bar, and it is gone in the end."""
    tc.synthesize(tmp_path / "cat", events=3_000_000, seed=6)
    leader, follower = pty.openpty()
    (tmp_path / "c.toml").write_text(
        '[[strategies]]\nkind = "touch_maker"\n'
        'params = { quote_qty = "0.01", max_position = "0.05", interval = "100us" }\n'
    )
    command = [sys.executable, "-m", "tradecore", "backtest", "--config", "c.toml", "--data", "cat"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=follower, env=environment, text=True
    )
    os.close(follower)
    seen: list[bytes] = []

    def read() -> None:
        try:
            while chunk := os.read(leader, 4096):
                seen.append(chunk)
        except OSError:
            pass  # the terminal closes with the process

    reader = threading.Thread(target=read)
    reader.start()
    out, _ = process.communicate(timeout=60)
    reader.join(timeout=60)
    os.close(leader)
    screen = b"".join(seen).decode("utf-8", "replace")
    assert process.returncode == 0
    assert "digest" in out
    assert "backtest" in screen
    assert "M events/s" in screen
