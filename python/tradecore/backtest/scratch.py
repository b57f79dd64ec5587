"""Temporary folders that do not outlive their process for long.

A folder is named by what it is for and its process, ``tradecore-run-4711-…``, and locked while the process lives: the
system gives the lock up however it ends. It is removed when its owner is done, by the process that made it and no
other. What a killed process left is swept when another one first needs a folder or starts a run.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import weakref
from functools import cache
from pathlib import Path
from typing import Literal

from tradecore.interrupts import held_back
from tradecore.locks import hold, remove_dead

__all__ = ["Scratch", "sweep"]

_NAME = re.compile(r"tradecore-(run|data|jobs)-\d+-")


class Scratch:
    """A temporary folder, to be kept by whoever needs it: it goes with this object, or at the end of a ``with``.

    Parameters
    ----------
    purpose : "run", "data" or "jobs"
        What is put there.

    Attributes
    ----------
    path : Path
        The folder.
    """

    def __init__(self, purpose: Literal["run", "data", "jobs"]) -> None:
        sweep()
        pid = os.getpid()
        with held_back():
            self.path, descriptor = hold(lambda: Path(tempfile.mkdtemp(prefix=f"tradecore-{purpose}-{pid}-")))
            self._finalizer = weakref.finalize(self, _remove, self.path, descriptor, pid)

    def close(self) -> None:
        """Remove the folder now."""
        self._finalizer()

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.close()


def _remove(path: Path, descriptor: int | None, owner: int) -> None:
    if os.getpid() != owner:
        return  # A forked child: the folder, and what still reads from it, is its parent's.
    with held_back():
        shutil.rmtree(path, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


@cache
def sweep() -> None:
    """Remove what dead processes of this user left, once a process."""
    if not hasattr(os, "getuid"):  # Windows removes folders when their process ends normally
        return
    with contextlib.suppress(OSError):
        remove_dead([entry.path for entry in os.scandir(tempfile.gettempdir()) if _is_ours(entry)])


def _is_ours(entry: os.DirEntry[str]) -> bool:
    if not _NAME.match(entry.name):
        return False
    try:
        return entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.getuid()
    except OSError:  # it is gone meanwhile
        return False
