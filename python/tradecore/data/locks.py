"""Locks that tell whether the owner of a folder is still alive."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no such locks.
    fcntl = None  # type: ignore[assignment]

__all__ = ["hold", "remove_dead"]


def hold(make: Callable[[], Path]) -> tuple[Path, int | None]:
    """Make a folder and lock it until the descriptor is closed, or its process ends, however it does.

    Returns
    -------
    tuple of Path and int or None
        The folder and the descriptor; None where there is no way to lock it.
    """
    while True:
        path = make()
        descriptor = _locked(path, wait=True)
        if path.is_dir():  # somebody may have swept it before it was locked
            return path, descriptor
        if descriptor is not None:
            os.close(descriptor)


def remove_dead(folders: Iterable[str | Path]) -> None:
    """Remove those of these folders whose owners are no more, as far as that can be told."""
    for folder in folders:
        if (descriptor := _locked(folder, wait=False)) is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)


def _locked(path: str | Path, *, wait: bool) -> int | None:
    """Lock a folder; None if another one has it, or there is nothing to lock or no way to."""
    if fcntl is None:
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
