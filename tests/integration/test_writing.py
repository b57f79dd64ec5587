"""Every command that writes says in one line why it cannot, and leaves nothing half-written."""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import tradecore as tc
from tradecore.cli import main
from tradecore.data.exporters import export

pytestmark = pytest.mark.release

ROOM = 20_000
"""Bytes a file may have where the disk is full: enough for small ones, too little for tables."""


CONFIG = """
[[strategies]]
kind = "touch_maker"
params = { quote_qty = "0.01", max_position = "0.05", interval = "10ms" }
"""


@dataclass(frozen=True)
class Given:
    """What the commands work on."""

    market: Path
    tardis: list[Path]
    config: Path


@pytest.fixture(scope="module")
def given(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Given:
    """A catalog, files to import, and a run with orders enough."""
    folder = tmp_path_factory.mktemp("given")
    files = export(market, "BTCUSDT.SYNTH", folder / "tardis", form="tardis")
    (folder / "c.toml").write_text(CONFIG)
    return Given(market, files, folder / "c.toml")


Command = Callable[[Path, Given], list[str | Path]]

COMMANDS: dict[str, Command] = {
    "synth": lambda target, given: ["data", "synth", "--events", "50000", "--catalog", target],
    "import": lambda target, given: [
        *("data", "import", "tardis", *given.tardis, "--instrument", "BTCUSDT.SYNTH", "--catalog", target)
    ],
    "csv": lambda target, given: ["data", "export", given.market, target / "a.csv", "--format", "csv"],
    "hftbacktest": lambda target, given: ["data", "export", given.market, target / "a.npz", "--format", "hftbacktest"],
    "tardis": lambda target, given: ["data", "export", given.market, target, "--format", "tardis"],
    "backtest": lambda target, given: [
        *("backtest", "--config", given.config, "--data", given.market, "--output", target)
    ],
    "init": lambda target, given: ["init", target],
}


@contextmanager
def little_room() -> Iterator[None]:
    """Let no file grow beyond :data:`ROOM`, as if the disk was full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def run(words: list[str | Path], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("there", [True, False], ids=["folder is there", "folder is not there"])
def test_a_full_disk(name: str, there: bool, given: Given, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "target"
    if there:
        target.mkdir()
        (target / "kept").write_text("as it was")
    with little_room():
        code, out, err = run(COMMANDS[name](target, given), capsys)
    assert (code, out, err.count("\n")) == (1, "", 1), err
    assert err.startswith(f"error: {target}")
    assert err.endswith("cannot be written: File too large; free some space, or choose a place on another disk\n")
    assert [path.name for path in tmp_path.rglob("*")] == (["target", "kept"] if there else [])


@pytest.mark.parametrize("name", COMMANDS)
def test_a_folder_that_cannot_be_made(
    name: str, given: Given, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "below"
    code, out, err = run(COMMANDS[name](target, given), capsys)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert err.startswith(f"error: {target}")
    assert "cannot be written: " in err
    assert err.endswith("; a file stands where a folder is needed, choose another name\n")
    assert [path.name for path in tmp_path.rglob("*")] == ["file"]


def test_an_export_that_fails_leaves_the_file_of_before(
    given: Given, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.csv").write_text("mine")
    with little_room():
        assert run(COMMANDS["csv"](tmp_path, given), capsys)[0] == 1
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.csv", "mine")]


def test_a_catalog_is_as_before_when_there_is_no_room_for_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tc.synthesize(tmp_path, events=20_000, seed=1)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    words: list[str | Path] = ["data", "synth", "--events", "50000", "--catalog", tmp_path, "--replace"]
    with little_room():
        assert run(words, capsys)[0] == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_no_room_for_temporary_files(
    given: Given, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rows of a long run wait in a temporary folder."""

    def fail(kind: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tradecore.backtest.tables.Scratch", fail)
    monkeypatch.setattr("tradecore.backtest.engine._SPILL_ROWS", 1)
    words = ["backtest", "--config", str(given.config), "--data", str(given.market)]
    assert main(words) == 1
    assert capsys.readouterr().err == (
        f"error: {tempfile.gettempdir()}: cannot be written: No space left on device; "
        "free some space, or choose a place on another disk\n"
    )
