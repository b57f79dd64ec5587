"""Binance spot and USD-M futures."""

from tradecore.venues.binance.connector import BinanceConnector

__all__ = ["BinanceConnector"]
