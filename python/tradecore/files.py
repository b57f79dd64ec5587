"""Files: written all of them or none, read up to a limit; a sentence names the path when it cannot be done."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tradecore.errors import CatalogError, ConfigError
from tradecore.interrupts import held_back
from tradecore.locks import hold, remove_dead, remove_empty

__all__ = ["DISK_FULL", "STAGE", "cannot_write", "config_text", "placed", "staged", "writing"]

DISK_FULL = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
"""Numbers of the errors that more room would cure."""

_ROOM = "free some space, or choose a place on another disk"
_RIGHTS = "change its permissions, or choose another folder"
_ADVICE = {
    **dict.fromkeys(DISK_FULL, _ROOM),
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: "choose a folder elsewhere",
    errno.EEXIST: "a file stands where a folder is needed, choose another name",
    errno.ENOTDIR: "a file stands where a folder is needed, choose another name",
    errno.EISDIR: "a folder stands where a file is needed, choose another name",
    errno.ENAMETOOLONG: "choose a shorter name",
}

STAGE = ".tradecore-"
"""How the name of a folder begins in which files are written before they move."""

_CONFIG_BYTES = 4 << 20
"""Bytes that a configuration, or a file of ten thousand specifications, does not have."""

_TRIES = 100
"""How often a place to write in is made, when others take it away."""

_OS_ERROR = re.compile(r"([^:()]+) \(os error (\d+)\)")
"""How libraries written in Rust tell an error of the system: its words and its number."""


def cannot_write(path: str | Path, error: OSError) -> CatalogError:
    """Return the error that names a path, why nothing can be written there, and what to do."""
    advice = _ADVICE.get(error.errno or 0, "choose another place")
    return CatalogError(str(path), f"cannot be written: {error.strerror or error}; {advice}")


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Name a path in what the system has against writing there.

    Raises
    ------
    CatalogError
        With the path, the reason and what to do; its cause is the ``OSError``, also where polars told it.
    """
    try:
        yield
    except BrokenPipeError:  # somebody else's: nobody listens to what is printed
        raise
    except OSError as error:
        told = _told(error) if error.errno is None else None
        raise cannot_write(path, told or error) from (told or error)
    except Exception as error:
        told = _told(error) if type(error).__module__.startswith("polars") else None
        if told is None:
            raise
        raise cannot_write(path, told) from told


def _told(error: Exception) -> OSError | None:
    """Return the system's error that a library put into words."""
    found = _OS_ERROR.search(str(error))
    if found is None:
        return None
    words, number = found[1].strip(), int(found[2])
    return OSError(0, words, None, number) if os.name == "nt" else OSError(number, words)


def _stage(folder: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix=STAGE, dir=folder))


def _begin(folder: Path, make: Callable[[Path], Path]) -> tuple[Path, int | None]:
    """Make a folder to write in, and the one around it.

    Another process that has written nothing takes the empty one around it away again, maybe right now: then once more.
    """
    tries_left = _TRIES
    while True:
        tries_left -= 1
        try:
            folder.mkdir(parents=True, exist_ok=True)
            remove_dead(folder.glob(f"{STAGE}*"))
            return hold(lambda: make(folder))
        except (FileNotFoundError, FileExistsError):
            if not tries_left:
                raise


@contextlib.contextmanager
def staged(
    folder: str | Path, name: str | None = None, *, last: str = "", make: Callable[[Path], Path] = _stage
) -> Iterator[Path]:
    """Yield an empty folder whose files move to ``folder`` together when the block ends; after an error none does.

    Ctrl-C acts while they are written and is held back while they move. What a killed process left is removed by the
    next one.

    Parameters
    ----------
    folder : path
        Where the files are to be. It is made if it is not there, and goes again after an error.
    name : str, optional
        The one file that will be written. Where something that is no plain file has its name (a device, a pipe, a
        link), it is written in place: a move would put a file in its stead.
    last : str
        How the name of a file ends that moves when all others have: where it is, all are.
    make : callable
        Makes the folder to write in, one whose name begins with :data:`STAGE`, in ``folder``.

    Raises
    ------
    CatalogError
        When ``folder``, or the file, cannot be written.
    """
    folder = Path(folder)
    place = folder if name is None else folder / name
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    with writing(place):
        if name is not None and os.path.lexists(place) and not stat.S_ISREG(os.lstat(place).st_mode):
            yield folder
            return
        with held_back() as held:
            stage: tuple[Path, int | None] | None = None
            try:
                stage = _begin(folder, make)
                with held.opened():
                    yield stage[0]
                _move(stage[0], folder, last)
            finally:
                if stage is not None:
                    shutil.rmtree(stage[0], ignore_errors=True)
                    if stage[1] is not None:
                        os.close(stage[1])
                remove_empty(*missing)


@contextlib.contextmanager
def placed(path: Path) -> Iterator[Path]:
    """Yield where to write a file that appears at once and whole when the block ends; after an error there is none.

    The folder has to be there: one that is not is a mistyped one.

    Raises
    ------
    CatalogError
        When it cannot be written; there is none then, or the one of before.
    """
    with writing(path):
        path.parent.stat()
    with staged(path.parent, path.name) as fresh:
        yield fresh / path.name


def _move(stage: Path, folder: Path, last: str) -> None:
    """Move all files to a folder; when that fails, those that are new there go again."""
    files = sorted(stage.iterdir(), key=lambda file: (bool(last) and file.name.endswith(last), file.name))
    if blocked := next((file for file in files if (folder / file.name).is_dir()), None):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(folder / blocked.name))
    new = [folder / file.name for file in files if not (folder / file.name).exists()]
    try:
        for file in files:
            os.replace(file, folder / file.name)
    except OSError:
        for path in new:
            path.unlink(missing_ok=True)
        raise


def config_text(path: Path) -> str:
    """Return the text of a configuration or of specifications.

    Raises
    ------
    ConfigError
        When the file cannot be read, has more than 4 MiB or is no text in UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_CONFIG_BYTES + 1)
        if len(data) > _CONFIG_BYTES:
            raise ConfigError(str(path), "", f"has more than {_CONFIG_BYTES >> 20} MiB, which no configuration has")
        # Editors put a byte order mark in front.
        return data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(str(path), "", error.strerror or str(error)) from None
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), "", f"is no text in UTF-8: {error}") from None
    except ValueError as error:  # Of a name that no file can have.
        raise ConfigError(str(path), "", str(error)) from None
