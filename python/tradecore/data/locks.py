"""Locks that tell whether the owner of a folder is still alive."""

from __future__ import annotations

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no such locks.
    fcntl = None  # type: ignore[assignment]

__all__ = ["HAS_LOCKS", "locked"]

HAS_LOCKS = fcntl is not None
"""Whether the system has them."""


def locked(path: str | Path) -> int | None:
    """Lock a folder until the descriptor is closed, or its process ends, however it does.

    Returns
    -------
    int or None
        The descriptor; None if another one has it, or there is nothing to lock or no way to.
    """
    if fcntl is None:
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
