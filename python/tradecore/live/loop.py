"""The event loop of a process that trades, and how it may be kept from sleeping."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = ["busy_polling", "run_loop"]

T = TypeVar("T")


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run until it is done, as ``asyncio.run`` does: on uvloop where that is installed."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)


@contextmanager
def busy_polling() -> Iterator[None]:
    """Have the running event loop look for what has arrived all the time, in place of sleeping until something has.

    That keeps a core busy, and so it is awake when something comes: neither the way out of sleep counts then nor that
    others have used its caches meanwhile.
    """
    loop = asyncio.get_running_loop()
    is_on = True

    def turn() -> None:
        if is_on:
            loop.call_soon(turn)

    turn()
    try:
        yield
    finally:
        is_on = False
