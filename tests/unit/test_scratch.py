"""Temporary folders go with their process, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tradecore.backtest import scratch
from tradecore.backtest.scratch import Scratch, sweep


@pytest.fixture
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder for this test and its children."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    sweep.cache_clear()
    yield tmp_path
    sweep.cache_clear()


def child(code: str) -> subprocess.Popen[str]:
    """A process that says when it has done what it was asked for, and then waits."""
    head = "import os, sys, time\nfrom tradecore.backtest.scratch import Scratch\n"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{head}{code}\nprint('ready', flush=True)\nsys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.communicate("")
    assert process.returncode == 0


def test_a_folder_is_named_by_its_process_and_goes_with_its_owner(temp: Path) -> None:
    kept = Scratch("run")
    assert kept.path.parent == temp
    assert kept.path.name.startswith(f"tradecore-run-{os.getpid()}-")
    (kept.path / "file").write_text("x")
    with Scratch("data") as path:
        assert path.name.startswith(f"tradecore-data-{os.getpid()}-")
        assert path.is_dir()
    assert not path.exists()
    folder = kept.path
    kept.close()
    kept.close()
    assert not folder.exists()
    folder = Scratch("run").path
    assert not folder.exists(), "nobody kept it"


def test_a_process_that_ends_leaves_nothing(temp: Path) -> None:
    process = child("kept = Scratch('run')")
    assert len(list(temp.iterdir())) == 1
    end(process)
    assert list(temp.iterdir()) == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_a_killed_process_left_is_swept_by_the_next(how: signal.Signals, temp: Path) -> None:
    alive = child("kept = Scratch('run')")
    killed = child("kept = [Scratch('run'), Scratch('data')]\n(kept[0].path / 'file').write_text('x')")
    killed.send_signal(how)
    killed.communicate()
    assert killed.returncode == -how
    assert len(list(temp.iterdir())) == 3
    with Scratch("data") as own:
        left = {path.name.split("-")[2] for path in temp.iterdir() if path != own}
        assert left == {str(alive.pid)}, "that of a process that lives is left alone"
    end(alive)
    assert list(temp.iterdir()) == []


@pytest.mark.parametrize("purpose", ["run", "jobs"])
def test_a_process_number_that_is_used_again_does_not_protect(temp: Path, purpose: str) -> None:
    left = temp / f"tradecore-{purpose}-{os.getpid()}-abcdefgh"
    left.mkdir()
    with Scratch("run"):
        assert not left.exists()


def test_only_own_folders_are_swept(temp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others = [temp / name for name in ("tradecore-run-abc", "tradecore-cache-1-abc", "something-run-1-abc", "linked")]
    for path in others:
        path.mkdir()
    link = temp / "tradecore-run-1-linked"
    link.symlink_to(temp / "linked")
    file = temp / "tradecore-run-1-file"
    file.write_text("x")
    with Scratch("run"):
        assert all(path.exists() for path in (*others, link, file))
    somebodys = temp / "tradecore-run-1-abcdefgh"
    somebodys.mkdir()
    sweep.cache_clear()
    monkeypatch.setattr(os, "getuid", lambda: somebodys.stat().st_uid + 1)
    sweep()
    assert somebodys.is_dir(), "another user's"
    monkeypatch.undo()
    scratch.tempfile.tempdir = str(temp)
    sweep.cache_clear()
    sweep()
    assert not somebodys.exists()
    scratch.tempfile.tempdir = None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_does_not_remove_the_folder_of_its_parent(temp: Path) -> None:
    process = child(
        """
kept = Scratch("run")
if os.fork() == 0:
    own = Scratch("run")
    sys.exit(0)  # Runs what is to run at the end of a process.
assert os.wait()[1] == 0
assert kept.path.is_dir()
"""
    )
    assert len(list(temp.iterdir())) == 1
    end(process)
    assert list(temp.iterdir()) == []


def test_a_run_sweeps_even_if_it_needs_no_folder(temp: Path, market: Path) -> None:
    left = temp / "tradecore-run-1-abcdefgh"
    left.mkdir()
    code = f"""
import tradecore as tc
tc.Backtest([tc.TouchMaker("t", ["BTCUSDT.SYNTH"], quote_qty="0.01", max_position="0.1")], {str(market)!r}).run()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert list(temp.iterdir()) == []
