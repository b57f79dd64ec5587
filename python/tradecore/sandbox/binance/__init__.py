"""A local Binance."""

from tradecore.sandbox.binance.keys import Client
from tradecore.sandbox.binance.server import BinanceServer

__all__ = ["BinanceServer", "Client"]
