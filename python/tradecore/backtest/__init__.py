"""Backtests: recorded data through the simulated venue."""

from tradecore.backtest.engine import Backtest
from tradecore.backtest.result import Result
from tradecore.backtest.venue import Latency, SimVenue

__all__ = ["Backtest", "Latency", "Result", "SimVenue"]
