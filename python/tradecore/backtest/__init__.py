"""Backtests: recorded data through the simulated venue."""

from tradecore.backtest.engine import Backtest
from tradecore.backtest.journal import ReplayResult, replay
from tradecore.backtest.result import Result, load_result
from tradecore.backtest.stats import Stats

__all__ = ["Backtest", "ReplayResult", "Result", "Stats", "load_result", "replay"]
