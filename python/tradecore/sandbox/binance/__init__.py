"""A local Binance."""

from tradecore.sandbox.binance.server import BinanceServer

__all__ = ["BinanceServer"]
