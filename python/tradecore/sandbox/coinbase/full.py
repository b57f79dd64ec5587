"""Single orders as Coinbase Exchange tells them, of a market that nothing but orders makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tradecore.sandbox.coinbase.shapes import Shapes, id_of
from tradecore.sandbox.desk import Desk, OrderRecord, PublicTrade, Update
from tradecore.venues.coinbase.private import to_text

__all__ = ["FullChannel", "Match", "written"]

Json = dict[str, Any]


@dataclass(slots=True)
class Match:
    """A trade, the number it has among all that happens to its product, and the numbers of its orders."""

    number: int
    trade: PublicTrade
    maker: int
    taker: int


def written(kind: str, product: str, match: Match, shapes: Shapes) -> Json:
    """Write a trade: ``match``, or ``last_match`` where it is history."""
    digits, trade = shapes.digits[product], match.trade
    return {
        "type": kind,
        "trade_id": trade.trade_id,
        "maker_order_id": id_of(match.maker),
        "taker_order_id": id_of(match.taker),
        "side": "buy" if trade.is_buyer_maker else "sell",
        "size": digits.qty(trade.qty),
        "price": digits.price(trade.price),
        "product_id": product,
        "sequence": match.number,
        "time": to_text(trade.ts_ns),
    }


@dataclass(slots=True)
class _Resting:
    """An order in the book: where it was told to be, and how much of it."""

    order: OrderRecord
    price: Decimal
    left: Decimal


class FullChannel:
    """What happens to orders, each message with the next number of its product, and the book that comes of it.

    An order that came, or was moved, may take before it rests: that it rests is told when nothing more can come of it.

    Parameters
    ----------
    number : callable
        Returns the next number of a product.
    tell : callable
        Is given a message and its product.
    """

    def __init__(
        self, desk: Desk, shapes: Shapes, number: Callable[[str], int], tell: Callable[[str, Json], None]
    ) -> None:
        self._shapes = shapes
        self._number = number
        self._tell = tell
        self._resting: dict[str, dict[int, _Resting]] = {symbol: {} for symbol in desk.symbols}
        """In the order of their queues."""
        self._entering: dict[str, OrderRecord] = {}
        """What may take now."""
        self._match: dict[str, Match] = {}
        """The trade whose orders are told next."""
        desk.on_update.append(self._on_update)

    def settle(self, symbol: str) -> None:
        """Tell that what came last rests, where it does."""
        order = self._entering.pop(symbol, None)
        if order is None or not order.is_open:
            return
        resting, left = self._resting[symbol], order.qty - order.filled
        was = resting.get(order.order_id)
        if was is None:
            resting[order.order_id] = _Resting(order, order.price, left)
            size = {"remaining_size": self._qty(order, left)}
            self._say("open", order, order.updated_ns, {"price": self._price(order), **size})
        elif (was.price, was.left) != (order.price, left):
            prices = {"old_price": self._price(order, was.price), "new_price": self._price(order)}
            sizes = {"old_size": self._qty(order, was.left), "new_size": self._qty(order, left)}
            if was.price != order.price or was.left < left:
                del resting[order.order_id]  # behind all others
            resting[order.order_id] = _Resting(order, order.price, left)
            self._say("change", order, order.updated_ns, {"reason": "modify_order", **prices, **sizes})

    def matched(self, symbol: str, trade: PublicTrade) -> Match:
        """Give a trade its number; its orders are known when they are told what they did."""
        taker = self._entering[symbol]
        if taker.order_id in self._resting[symbol]:  # it was moved, and takes: it is no more where it was
            self._done(taker, "canceled", trade.ts_ns)
            self._entering[symbol] = taker
        self._match[symbol] = match = Match(self._number(symbol), trade, 0, taker.order_id)
        return match

    def book(self, symbol: str) -> tuple[list[list[str]], list[list[str]]]:
        """Return bids and asks, best first, those of a price in the order of their queue."""
        self.settle(symbol)
        sides: dict[str, list[_Resting]] = {"BUY": [], "SELL": []}
        for each in self._resting[symbol].values():
            sides[each.order.side].append(each)
        sides["BUY"].sort(key=lambda each: -each.price)
        sides["SELL"].sort(key=lambda each: each.price)
        rows = [
            [
                [self._price(each.order, each.price), self._qty(each.order, each.left), id_of(each.order.order_id)]
                for each in side
            ]
            for side in sides.values()
        ]
        return rows[0], rows[1]

    def _on_update(self, update: Update) -> None:
        order = update.order
        match update.kind:
            case "accepted" | "triggered" if order.is_working:
                self.settle(order.symbol)
                self._receive(order, update.ts_ns)
                self._entering[order.symbol] = order
            case "replaced" if order.order_id in self._resting[order.symbol]:
                self.settle(order.symbol)
                self._entering[order.symbol] = order
            case "reduced":
                self._reduce(order, update.ts_ns)
            case "fill":
                self._fill(update)
            case "cancelled" | "expired":
                self._done(order, "canceled", update.ts_ns)

    def _receive(self, order: OrderRecord, at_ns: int) -> None:
        size = {"size": self._qty(order, order.qty)}
        if order.price:
            self._say("received", order, at_ns, {**size, "price": self._price(order), "order_type": "limit"})
        else:
            self._say("received", order, at_ns, {**size, "order_type": "market"})

    def _reduce(self, order: OrderRecord, at_ns: int) -> None:
        """Tell that an order has lost what would have met one of its own account."""
        resting = self._resting[order.symbol].get(order.order_id)
        left = order.qty - order.filled
        if resting is not None and left != resting.left:
            sizes = {"old_size": self._qty(order, resting.left), "new_size": self._qty(order, left)}
            resting.left = left
            self._say("change", order, at_ns, {"reason": "STP", "price": self._price(order, resting.price), **sizes})

    def _fill(self, update: Update) -> None:
        order, execution = update.order, update.execution
        assert execution is not None
        if execution.is_maker:
            match = self._match[order.symbol]
            match.maker = order.order_id
            self._resting[order.symbol][order.order_id].left -= execution.qty
            self._tell(order.symbol, written("match", order.symbol, match, self._shapes))
        if not order.is_open:
            self._done(order, "filled", update.ts_ns)

    def _done(self, order: OrderRecord, reason: str, at_ns: int) -> None:
        """Tell that an order is not there any more, where it was."""
        resting = self._resting[order.symbol].pop(order.order_id, None)
        is_entering = self._entering.get(order.symbol) is order
        if is_entering:
            del self._entering[order.symbol]
        if resting is not None or is_entering:
            left = order.qty - order.filled if resting is None else resting.left
            price = order.price if resting is None else resting.price
            terms = {"price": self._price(order, price), "remaining_size": self._qty(order, left)} if price else {}
            self._say("done", order, at_ns, {**terms, "reason": reason})

    def _say(self, kind: str, order: OrderRecord, at_ns: int, terms: Json) -> None:
        head = {"type": kind, "side": order.side.lower(), "product_id": order.symbol, "time": to_text(at_ns)}
        ids = {"sequence": self._number(order.symbol), "order_id": id_of(order.order_id)}
        self._tell(order.symbol, {**head, **ids, **terms})

    def _price(self, order: OrderRecord, price: Decimal | None = None) -> str:
        return self._shapes.digits[order.symbol].price(order.price if price is None else price)

    def _qty(self, order: OrderRecord, qty: Decimal) -> str:
        return self._shapes.digits[order.symbol].qty(qty)
