"""What the commands share: progress on a terminal, JSON on stdout, everything else on stderr."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

__all__ = ["SEED_MAX", "emit", "note", "peak_rss_mb", "progress_bar"]

SEED_MAX = 2**63 - 1
"""Largest seed: what a configuration file can hold."""


def emit(summary: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout."""
    sys.stdout.write(orjson.dumps(summary, option=orjson.OPT_INDENT_2).decode() + "\n")


def note(text: str, *, quiet: bool = False) -> None:
    """Say something on stderr."""
    if not quiet:
        sys.stderr.write(text + "\n")


def peak_rss_mb() -> float:
    """Return the largest resident memory of this process so far, MB."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Unlike ru_maxrss this does not count the process that started us.
        (peak,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return round(int(peak) / (1 << 10), 1)
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak_bytes / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)


@contextmanager
def progress_bar(what: str, unit: str, *, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Show progress with rate and time left, on a terminal only.

    Yields
    ------
    callable or None
        To be called with what is done so far and what is to be done in all.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, rate="")

        def update(done: int, total: int) -> None:
            speed = bar.tasks[0].speed
            rate = f"{speed / 1e6:.2f} M {unit}/s" if speed else ""
            bar.update(task, completed=done, total=total or None, rate=rate)

        yield update
