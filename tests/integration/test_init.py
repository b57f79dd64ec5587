"""`tradecore init`: a project that runs as it is, and takes nothing away."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tradecore as tc
from tradecore.cli import main
from tradecore.data import synthetic

pytestmark = pytest.mark.release

FILES = {".gitignore", "README.md", "backtest.toml", "maker.py", "test_maker.py"}


def init(*words: str | Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = main(["init", *(str(word) for word in words)])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A project with a market of a few seconds."""
    assert init(tmp_path / "demo", capsys=capsys)[0] == 0
    return tmp_path / "demo"


def test_the_printed_commands_work_as_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is printed is run as one session of a shell, from where it was printed; the project's tests are in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # no tradecore there: commands name this Python
    code, out, err = init("my demo", capsys=capsys)
    assert (code, err) == (0, "")
    printed = [
        line.strip() for line in out.split("next:\n")[1].splitlines() if line.startswith("  ") and line[2] != " "
    ]
    assert [line.split(maxsplit=1)[1] for line in printed] == [
        "'my demo'", "-m tradecore backtest --config backtest.toml", "-m pytest", "-m tradecore strategies",
    ]  # fmt: skip
    done = subprocess.run(["sh", "-euc", "\n".join(printed)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "net profit" in done.stdout
    assert "3 passed" in done.stdout
    assert "touch_maker" in done.stdout
    assert len(list((tmp_path / "my demo" / "runs").glob("*_run1_*"))) == 7


def test_the_folder_may_be_new_or_there_and_hold_other_things(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)
    code, out, _ = init("--json", capsys=capsys)
    assert code == 0
    made = json.loads(out)
    assert set(made) == {"folder", "files", "market", "next"}
    assert {Path(file).name for file in made["files"]} == FILES
    assert {path.name for path in tmp_path.iterdir()} == FILES | {"notes.txt", "market"}
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert not made["next"][0].startswith("cd ")


def test_nothing_is_written_over_unless_asked(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "maker.py").write_text("mine")
    (project / "other.py").write_text("mine too")
    (project / "README.md").unlink()
    market = {path: path.read_bytes() for path in (project / "market").rglob("*") if path.is_file()}
    code, out, err = init(project, capsys=capsys)
    assert (code, out) == (2, "")
    assert err == (
        f"error: {project}: already holds backtest.toml, .gitignore, maker.py, test_maker.py; "
        "--force writes over them and nothing else\n"
    )
    assert not (project / "README.md").exists()
    assert (project / "maker.py").read_text() == "mine"
    assert init(project, "--force", capsys=capsys)[0] == 0
    assert "class Maker" in (project / "maker.py").read_text()
    assert (project / "other.py").read_text() == "mine too"
    assert {path: path.read_bytes() for path in (project / "market").rglob("*") if path.is_file()} == market


def test_after_a_failure_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(synthetic, "synthesize", fail)
    code, out, err = init(tmp_path / "demo", capsys=capsys)
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {tmp_path / 'demo'}: cannot be written: No space left on device; ")
    assert list(tmp_path.iterdir()) == []


def test_a_typo_in_the_configuration_is_one_line_with_file_and_key(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    text = Path("backtest.toml").read_text()
    for old, new, message in (
        ("seed =", "sead =", "sead: unknown key; did you mean seed?"),
        ("skew_ticks =", "skew_tics =", "strategies.0.params.skew_tics: unknown key; did you mean skew_ticks?"),
        ("maker_fee_bps =", "maker_fees_bps =", "venues.0.maker_fees_bps: unknown key; did you mean maker_fee_bps?"),
        ("maker.py:Maker", "maker.py:Taker", "strategies.0.kind: maker.py has no Taker; did you mean Maker?"),
    ):
        assert old in text
        Path("backtest.toml").write_text(text.replace(old, new))
        assert main(["backtest", "--config", "backtest.toml"]) == 2
        assert capsys.readouterr() == ("", f"error: backtest.toml: {message}\n")


def test_the_project_runs_the_same_from_python_and_the_command_line(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The README's lines, with the venue of the configuration."""
    monkeypatch.chdir(project)
    assert main(["backtest", "--config", "backtest.toml", "--json"]) == 0
    digest = json.loads(capsys.readouterr().out)["digest"]
    code = """
import tradecore as tc
from maker import Maker

fees = dict(maker_fee_bps="2", taker_fee_bps="5")
venue = tc.SimVenue("SYNTH", latency=tc.Latency(entry="5ms", response="5ms"), queue="power(3)", **fees)
print(tc.Backtest([Maker("maker", ["BTCUSDT.SYNTH"])], "market", [venue], seed=1).run().digest)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest


def test_its_market_is_the_one_its_readme_makes(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = (line for line in (project / "README.md").read_text().splitlines() if " data synth " in line)
    monkeypatch.chdir(project)
    info = tc.Catalog("market").info()
    events = tc.Catalog("market").scan("BTCUSDT.SYNTH").collect()
    assert main(line.split()[1:]) == 0
    assert tc.Catalog("market").info() == info
    assert tc.Catalog("market").scan("BTCUSDT.SYNTH").collect().equals(events)
