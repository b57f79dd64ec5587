"""The command line."""

from tradecore.cli.app import main

__all__ = ["main"]
