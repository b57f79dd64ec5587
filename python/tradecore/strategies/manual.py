"""A strategy that people trade through."""

from __future__ import annotations

from tradecore.strategy import Strategy

__all__ = ["Manual"]


class Manual(Strategy):
    """Does nothing by itself: orders that people send are its orders, and what they come to its positions.

    The server of a session gives it the orders that name no other strategy.

    Parameters
    ----------
    name : str
    instruments : sequence of str
        What people may trade.

    Examples
    --------
    >>> tc.Manual("desk", ["BTCUSDT.BINANCE"])
    Manual('desk', ['BTCUSDT.BINANCE'])
    """

    kind = "manual"
