"""The strategy base class and what a strategy is given.

A strategy overrides hooks, methods that the run calls with the context ``ctx`` and what there is to tell. Only those
that are overridden cost anything.

======================================== ==============================================================================
Hook                                     When, and how often
======================================== ==============================================================================
``on_start(ctx)``                        once, before the first event
``on_book(ctx, book)``                   after each message that changed the book; with ``book_events = "touch"`` only
                                         those that moved a best price
``on_trade(ctx, trade)``                 each trade
``on_quote(ctx, quote)``                 each message with the venue's own best prices
``on_book_state(ctx, book, state)``      each time the book is synchronised or lost
``on_mark(ctx, mark)``                   each mark price
``on_index(ctx, index)``                 each index price
``on_funding(ctx, funding)``             each funding rate the venue tells of
``on_open_interest(ctx, open_interest)`` each open interest the venue tells of
``on_liquidation(ctx, liquidation)``     each liquidation of somebody's position
``on_bar(ctx, bar)``                     each finished bar, after ``ctx.subscribe(instrument, "bars:1m")``
``on_fill(ctx, fill)``                   each fill of an own order
``on_order(ctx, order)``                 each change of an own order, after ``on_fill`` where it is one
``on_payment(ctx, payment)``             each time the venue moves money by itself: funding, settlements, interest
``on_execution(ctx, execution)``         each time an execution has ended, after ``ctx.execute``
``on_signal(ctx, signal)``               each answer of the strategy's predictor, after ``ctx.predict``
``on_signal_expired(ctx, signal)``       each time a signal expires before there is another
``on_timer(ctx, timer)``                 each time a timer goes off that has no callback of its own
``on_stop(ctx)``                         once, after the last event
======================================== ==============================================================================

Those of the market are called for the strategy's own instruments, and for others that ``ctx.subscribe`` follows. Of one
message the order is: book state, bars, trades, quote, what the venue published, book; all of them see the book as it is
after the message. With several strategies each is called with all of it before the next one, in the order they were
given.

Examples
--------
>>> class Taker(Strategy):
...     size: Decimal = Decimal("0.01")
...     pause: Duration = "100ms"
...
...     def on_start(self, ctx):
...         ctx.every(self.pause, self.buy)
...
...     def buy(self, ctx):
...         (instrument,) = self.instruments
...         ctx.buy(instrument, self.size)
"""

from tradecore._core import (
    Bar,
    BookView,
    Context,
    Execution,
    Fill,
    FundingRate,
    Liquidation,
    OpenInterest,
    Order,
    Payment,
    PositionView,
    QuoteView,
    ReferencePrice,
    Signal,
    TradeView,
)
from tradecore.strategy.base import Strategy
from tradecore.strategy.failover import PriceFailover
from tradecore.strategy.predictor import Predictor
from tradecore.validation import Duration

__all__ = [
    "Bar",
    "BookView",
    "Context",
    "Duration",
    "Execution",
    "Fill",
    "FundingRate",
    "Liquidation",
    "OpenInterest",
    "Order",
    "Payment",
    "PositionView",
    "Predictor",
    "PriceFailover",
    "QuoteView",
    "ReferencePrice",
    "Signal",
    "Strategy",
    "TradeView",
]
