"""Files appear together and whole, or not at all; what is in the way is told with the path."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import polars as pl
import pytest

from tradecore.errors import CatalogError
from tradecore.files import STAGE, cannot_write, placed, staged, writing


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def test_files_move_into_place_together(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with staged(tmp_path) as fresh:
        (fresh / "a").write_text("new")
        (fresh / "b").write_text("more")
        assert (tmp_path / "a").read_text() == "old"
        assert not (tmp_path / "b").exists()
    assert tree(tmp_path) == {"a": b"new", "b": b"more"}


def test_a_file_is_placed_at_once_in_a_folder_that_is_there(tmp_path: Path) -> None:
    with placed(tmp_path / "a") as fresh:
        fresh.write_text("whole")
        assert tree(tmp_path).get("a") is None
    with pytest.raises(KeyError), placed(tmp_path / "a") as fresh:  # noqa: PT012
        fresh.write_text("half")
        raise KeyError
    assert tree(tmp_path) == {"a": b"whole"}
    with pytest.raises(CatalogError, match="No such file or directory"), placed(tmp_path / "mistyped" / "a"):
        pytest.fail("there is nowhere to write")


def test_a_folder_that_another_process_takes_away_again_is_made_once_more(tmp_path: Path) -> None:
    folder, left = tmp_path / "out", [3]

    def make(folder: Path) -> Path:
        if left[0]:
            left[0] -= 1
            folder.rmdir()
        return Path(tempfile.mkdtemp(prefix=STAGE, dir=folder))

    with staged(folder, make=make) as fresh:
        (fresh / "a").write_text("all")
    assert tree(folder) == {"a": b"all"}
    left[0] = 1_000_000
    with (
        pytest.raises(CatalogError, match=r"more: cannot be written: No such file or directory"),
        staged(tmp_path / "more", make=make),
    ):
        pass


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), ValueError()])
def test_after_an_error_everything_is_as_before(tmp_path: Path, error: BaseException) -> None:
    (tmp_path / "a").write_text("old")
    before = tree(tmp_path)
    for folder in (tmp_path, tmp_path / "new" / "deep"):

        def write(folder: Path = folder) -> None:
            with staged(folder) as fresh:
                (fresh / "a").write_text("half")
                raise error

        with pytest.raises(CatalogError if isinstance(error, OSError) else type(error)):
            write()
        assert tree(tmp_path) == before


def test_something_that_is_no_plain_file_is_written_in_place(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    with staged(tmp_path, "link") as fresh:
        (fresh / "link").write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"
    with staged("/dev", "null") as fresh:
        (fresh / "null").write_text("gone")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "free some space, or choose a place on another disk"),
        (errno.EFBIG, "free some space, or choose a place on another disk"),
        (errno.EACCES, "change its permissions, or choose another folder"),
        (errno.EROFS, "choose a folder elsewhere"),
        (errno.ENOTDIR, "a file stands where a folder is needed, choose another name"),
        (errno.EISDIR, "a folder stands where a file is needed, choose another name"),
        (errno.EIO, "choose another place"),
    ],
)
def test_the_message_has_the_path_the_reason_and_what_to_do(number: int, advice: str) -> None:
    error = cannot_write("some/where", OSError(number, os.strerror(number)))
    assert str(error) == f"some/where: cannot be written: {os.strerror(number)}; {advice}"


def test_what_polars_says_is_understood(tmp_path: Path) -> None:
    told = "parquet: File out of specification: underlying IO error: No space left on device (os error 28)"
    with pytest.raises(CatalogError, match="No space left on device; free some") as caught, writing(tmp_path):
        raise pl.exceptions.ComputeError(told)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC
    with pytest.raises(CatalogError, match="No space left on device; free some"), writing(tmp_path):
        raise OSError("No space left on device (os error 28)")  # without a number, as polars raises it
    with pytest.raises(pl.exceptions.ComputeError, match="something else"), writing(tmp_path):
        raise pl.exceptions.ComputeError("something else")
    with pytest.raises(BrokenPipeError), writing(tmp_path):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")
    with pytest.raises(ValueError, match="os error 28"), writing(tmp_path):
        raise ValueError("not ours (os error 28)")
