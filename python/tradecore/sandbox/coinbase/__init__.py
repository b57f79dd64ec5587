"""A local Coinbase."""

from tradecore.sandbox.coinbase.server import CoinbaseServer

__all__ = ["CoinbaseServer"]
