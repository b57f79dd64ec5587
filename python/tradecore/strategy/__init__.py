"""The strategy base class and what a strategy is given."""

from tradecore._core import BookView, Context, Fill, Order, PositionView, QuoteView, TradeView
from tradecore.strategy.base import Strategy
from tradecore.validation import Duration

__all__ = [
    "BookView",
    "Context",
    "Duration",
    "Fill",
    "Order",
    "PositionView",
    "QuoteView",
    "Strategy",
    "TradeView",
]
