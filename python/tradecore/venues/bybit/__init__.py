"""Bybit's linear contracts and spot."""

from tradecore.venues.bybit.connector import BybitConnector

__all__ = ["BybitConnector"]
