"""Progress on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

__all__ = ["points_bar", "progress_bar"]


@contextmanager
def progress_bar(what: str, unit: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None] | None]:
    """Show progress with rate and time left, on a terminal only.

    Yields
    ------
    callable or None
        To be called with what is done so far and what is to be done in all.
    """
    if quiet or not _is_terminal():
        yield None
        return
    from rich.progress import TaskProgressColumn, TextColumn

    with _progress(what, TaskProgressColumn(), TextColumn("{task.fields[rate]}")) as bar:
        task = bar.add_task("", total=None, rate="")

        def update(done: int, total: int) -> None:
            speed = bar.tasks[0].speed
            rate = f"{speed / 1e6:.2f} M {unit}/s" if speed else ""
            bar.update(task, completed=done, total=total or None, rate=rate)

        yield update


@contextmanager
def points_bar(total: int) -> Iterator[Callable[[float], None] | None]:
    """Show the points of a sweep with the time left, on a terminal only.

    Yields
    ------
    callable or None
        To be called with the points done so far, one that runs as a part of it.
    """
    if not _is_terminal():
        yield None
        return
    from rich.progress import TextColumn

    # A thread that refreshes it would keep workers from being forked, and they print to the streams as they are.
    options = {"auto_refresh": False, "redirect_stdout": False, "redirect_stderr": False}
    with _progress("sweep", TextColumn("{task.fields[points]} points"), **options) as bar:
        task = bar.add_task("", total=total, points=f"0/{total:,}")
        yield lambda at: bar.update(task, completed=at, points=f"{int(at):,}/{total:,}", refresh=True)


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _progress(what: str, *columns: ProgressColumn, **options: Any) -> Progress:
    """Return a bar between what is going on and some columns, with the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    shown = (TextColumn(what), BarColumn(), *columns, TimeRemainingColumn())
    return Progress(*shown, console=Console(stderr=True), transient=True, **options)
