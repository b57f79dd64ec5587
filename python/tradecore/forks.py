"""What a fork leaves behind: the threads of polars.

A fork copies the thread that calls it and no other. Polars hands its work to a pool of threads, so in a process that
was forked after the pool had begun, whatever asks polars for a frame would wait for ever. Here that is noticed: frames
of tradecore raise instead, and a sweep does not fork. Running a backtest needs no polars.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from tradecore.errors import RunError

__all__ = ["check_polars", "is_free_of_polars"]

_POOL = re.compile(r"polars-\d+\n?")
"""The name of a thread of polars' pool; others of its threads do not matter."""


class _Fork:
    """What is known of the fork that made this process."""

    had_polars = False
    """Whether polars' threads were there when a process was last forked from this one."""
    lost_polars = False
    """Whether they were there when this one was forked."""


def is_free_of_polars() -> bool:
    """Whether a process forked from this one can use polars for sure: neither has imported it."""
    return "polars" not in sys.modules and not _Fork.lost_polars


def _pool_has_begun() -> bool:
    """Whether polars' pool is seen here, or is lost already. One that began a moment ago may not have its name yet."""
    if _Fork.lost_polars:
        return True
    if "polars" not in sys.modules:
        return False
    try:
        tasks = list(Path("/proc/self/task").iterdir())
    except OSError:  # Threads cannot be seen here.
        return True
    return any(_POOL.fullmatch(_name(task)) for task in tasks)


def _name(task: Path) -> str:
    try:
        return (task / "comm").read_text()
    except OSError:  # It has ended meanwhile.
        return ""


def check_polars() -> None:
    """See that polars can be used.

    Raises
    ------
    RunError
        In a process that was forked from one in which polars' threads had begun.
    """
    if _Fork.lost_polars:
        raise RunError(
            "this process was forked from one that had used polars, whose threads did not come along: a frame would "
            'wait for ever. Start processes with multiprocessing.get_context("spawn"), or use tradecore.sweep'
        )


def _before() -> None:
    _Fork.had_polars = _pool_has_begun()


def _after() -> None:
    _Fork.lost_polars = _Fork.had_polars


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_child=_after)
