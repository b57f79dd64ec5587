"""A local Bybit."""

from tradecore.sandbox.bybit.server import BybitServer

__all__ = ["BybitServer"]
