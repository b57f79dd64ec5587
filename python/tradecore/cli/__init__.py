"""The command line."""

from __future__ import annotations

import signal
import sys

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        # Most of the time that a command takes to start, in which Ctrl-C is as likely as later.
        from tradecore.cli.app import main as run
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 128 + signal.SIGINT
    return run(arguments)
