"""Folders that belong to somebody: locks on them, which end with their process, however it ends, and their removal."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no such locks.
    fcntl = None  # type: ignore[assignment]

__all__ = ["Lease", "hold", "lease", "locked", "remove_dead", "remove_empty"]

_POLL_S = 0.01


class _Busy(Exception):
    """Somebody else has the lock."""


def _lock(path: str | Path, *, shared: bool = False, wait: bool, follow: bool = True) -> int | None:
    """Lock a folder, or the one that a link is to; None where there is nothing to lock or no way to.

    Raises
    ------
    _Busy
        When somebody else has it and this is not to wait.
    """
    if fcntl is None:
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | (0 if follow else os.O_NOFOLLOW))
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(descriptor)
        raise _Busy from None
    except OSError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _release(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)


def _is_at(descriptor: int | None, path: Path) -> bool:
    """Whether a folder is the one that was locked: another process may have removed it before, or made it anew."""
    try:
        found = os.stat(path)
    except OSError:
        return False
    return descriptor is None or os.path.samestat(found, os.fstat(descriptor))


def hold(make: Callable[[], Path]) -> tuple[Path, int | None]:
    """Make a folder and lock it until the descriptor is closed, or its process ends.

    Returns
    -------
    tuple of Path and int or None
        The folder and the descriptor; None where there is no way to lock it.
    """
    while True:
        path = make()
        descriptor = _lock(path, wait=True)
        if _is_at(descriptor, path):
            return path, descriptor
        _release(descriptor)


def remove_dead(folders: Iterable[str | Path], settle: Callable[[Path], bool] = lambda _: True) -> None:
    """Remove those of these folders whose owners are no more, as far as that can be told.

    Each stays that ``settle``, which is called with it, has not done with.
    """
    for folder in folders:
        with contextlib.suppress(_Busy):
            descriptor = _lock(folder, wait=False, follow=False)
            try:
                if descriptor is not None and settle(Path(folder)):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                _release(descriptor)


@contextlib.contextmanager
def locked(make: Callable[[], Path], *, patience_s: float, busy: Callable[[], Exception]) -> Iterator[None]:
    """Keep a folder that ``make`` makes to this process for a while.

    Raises
    ------
    Exception
        What ``busy`` returns, when somebody else has had it for longer than the patience.
    """
    until = time.monotonic() + patience_s
    while True:
        path = make()
        try:
            descriptor = _lock(path, wait=False)
        except _Busy:
            if time.monotonic() > until:
                raise busy() from None
            time.sleep(_POLL_S)
            continue
        if _is_at(descriptor, path):
            break
        _release(descriptor)
    try:
        yield
    finally:
        _release(descriptor)


class Lease:
    """While somebody keeps one, in whatever process, nothing that was retired from a folder goes away.

    One descriptor a folder and process, however many keep it.
    """

    __slots__ = ("__weakref__",)

    def __init__(self, folder: str, retired: str) -> None:
        weakref.finalize(self, _end_lease, Path(folder), Path(retired), _lock(folder, shared=True, wait=True))


_LEASES: weakref.WeakValueDictionary[tuple[str, int], Lease] = weakref.WeakValueDictionary()


def lease(folder: str, retired: str) -> Lease:
    """Return the lease of this process on a folder.

    It keeps what lies below its name in ``retired``, where all folders beside it have such a place.
    """
    # Texts, because whoever opens a thousand instruments asks for one a thousand times.
    if not os.path.isabs(folder):
        folder, retired = os.path.join(os.getcwd(), folder), os.path.join(os.getcwd(), retired)
    try:
        key = folder, os.stat(folder).st_ino
    except OSError:  # there is nothing to keep
        key = folder, 0
    if (kept := _LEASES.get(key)) is None:
        kept = _LEASES[key] = Lease(folder, retired)
    return kept


def _end_lease(folder: Path, retired: Path, descriptor: int | None) -> None:
    """Give up a lease, and remove what was kept for nobody but this one, or for a process that is no more."""
    _release(descriptor)
    try:
        places = list(retired.iterdir())
    except OSError:  # there is none, or another process takes it away
        return
    for place in places:
        kept = folder.parent / place.name
        with contextlib.suppress(_Busy):
            alone = _lock(kept, wait=False)
            try:
                # Where folders cannot be locked nobody can tell.
                if alone is not None or fcntl is None or not kept.exists():
                    shutil.rmtree(place, ignore_errors=True)
                    remove_empty(kept)
            finally:
                _release(alone)
    remove_empty(retired)


def remove_empty(*folders: Path) -> None:
    """Remove folders, in this order, as far as nothing is in them."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()
