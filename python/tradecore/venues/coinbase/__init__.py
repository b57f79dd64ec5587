"""Coinbase Advanced Trade, spot."""

from tradecore.venues.coinbase.connector import CoinbaseConnector

__all__ = ["CoinbaseConnector"]
