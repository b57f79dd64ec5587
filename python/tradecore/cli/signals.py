"""Signals that ask a command to end, for those that run an event loop."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["on_signals"]


@contextmanager
def on_signals(stop: Callable[[], object]) -> Iterator[None]:
    """Call a function of the running event loop for SIGINT and SIGTERM; on Windows Ctrl-C stays an exception."""
    numbers = () if sys.platform == "win32" else (signal.SIGINT, signal.SIGTERM)
    loop = asyncio.get_running_loop()
    for number in numbers:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
