"""Backtests: recorded data through the simulated venue."""

from tradecore.backtest.engine import Backtest
from tradecore.backtest.result import Result

__all__ = ["Backtest", "Result"]
