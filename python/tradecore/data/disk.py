"""Steps on a disk that last: what the next one relies on is on the disk before it.

Whatever a catalog changes goes through these, one step each, so that a test can end the process before any of them.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["make_folder", "move", "remove", "sync", "write"]


def write(path: Path, data: bytes) -> None:
    """Write a file and have it on the disk."""
    path.write_bytes(data)
    sync(path)


def sync(path: Path) -> None:
    """Have what a file holds, or which names are in a folder, on the disk."""
    if os.name == "nt" and path.is_dir():  # Windows opens no folders
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, where they are not there."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync(folder.parent)


def move(source: Path, target: Path) -> None:
    """Give a file another name, in one step; what had the name is no more."""
    os.replace(source, target)


def remove(path: Path) -> None:
    """Remove a file."""
    path.unlink()
