"""From a configuration to what a session is made of, whether it is a backtest, on paper or live."""

from tradecore.session.instruments import Scope, own_instruments
from tradecore.session.strategies import build_strategies, build_strategy, strategy_class
from tradecore.session.venues import build_venues, check_series

__all__ = [
    "Scope",
    "build_strategies",
    "build_strategy",
    "build_venues",
    "check_series",
    "own_instruments",
    "strategy_class",
]
