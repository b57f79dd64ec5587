"""Conditional orders of a local USD-M Binance: they wait at a service of their own until they are set off."""

from __future__ import annotations

import itertools
from typing import Any

from tradecore.sandbox.binance.entry import submit
from tradecore.sandbox.binance.refusals import NO_ORDER, UNKNOWN_ORDER, missing
from tradecore.sandbox.binance.requests import AlgoRequest, Asked, WhichAlgo
from tradecore.sandbox.binance.shapes import UsdmShapes
from tradecore.sandbox.desk import Desk, OrderRecord
from tradecore.sandbox.refused import Refused

__all__ = ["ALGO_TYPES", "Algos", "is_waiting"]

Json = dict[str, Any]

ALGO_TYPES = {
    "STOP": "stop_limit",
    "STOP_MARKET": "stop_market",
    "TAKE_PROFIT": "take_profit_limit",
    "TAKE_PROFIT_MARKET": "take_profit_market",
}
"""The exchange's words."""


def is_waiting(order: OrderRecord) -> bool:
    """Return whether an order is the service's alone: it was not set off, and the ordinary interface has none."""
    return order.algo_id != 0 and not order.is_working


class Algos:
    """Takes conditional orders, shows and cancels them.

    What one sends when it is set off has the number that the order was given when it came, its client id and the type
    of what it is then.
    """

    def __init__(self, desk: Desk, shapes: UsdmShapes) -> None:
        self._desk = desk
        self._shapes = shapes
        self._numbers = itertools.count(2_000_001)
        self._made_ids = itertools.count(1)

    def place(self, asked: Asked) -> Json:
        """Take a new one."""
        wish = asked.read(AlgoRequest)
        symbol, is_limit = asked.symbol(self._desk.market_of), wish.type in ("STOP", "TAKE_PROFIT")
        if is_limit != (wish.price is not None):
            raise missing("price") if is_limit else Refused(-1106, "Parameter 'price' sent when not required.")
        life = (wish.timeInForce or "GTC") if is_limit else "GTC"
        order = OrderRecord(
            order_id=self._desk.next_order_id(), client_id=wish.clientAlgoId or f"sandbox-algo-{next(self._made_ids)}",
            account=asked.account, market=self._desk.market_of[symbol], symbol=symbol, side=wish.side,
            kind="LIMIT" if is_limit else "MARKET", time_in_force=life, qty=wish.quantity,
            price=wish.price or wish.quantity * 0, stop_price=wish.triggerPrice,
            trigger="mark" if wish.workingType == "MARK_PRICE" else "last",
            reduce_only=wish.reduceOnly in (True, "true"), is_working=False, algo_id=next(self._numbers),
            algo_kind=wish.type,
        )  # fmt: skip
        terms: Json = {"type": ALGO_TYPES[wish.type], "trigger_price": wish.triggerPrice, "trigger": order.trigger}
        if life != "GTC":
            terms["time_in_force"] = life.lower()
        submit(self._desk, order, asked, terms, is_spot=False)
        return self._shapes.algo(order)

    def cancel(self, asked: Asked) -> Json:
        """Cancel one that waits."""
        order = self._find(asked)
        if order is None or not (order.is_open and is_waiting(order) and self._desk.cancel(order, asked.now_ns)):
            raise Refused(*UNKNOWN_ORDER)
        return {"algoId": order.algo_id, "clientAlgoId": order.client_id, "code": "200", "msg": "success"}

    def cancel_all(self, asked: Asked) -> Json:
        """Cancel all that wait in a symbol."""
        symbol = asked.symbol(self._desk.market_of)
        for order in self._desk.open_orders(asked.account, symbol):
            if is_waiting(order):
                self._desk.cancel(order, asked.now_ns)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def order(self, asked: Asked) -> Json:
        """Return one, waiting or not."""
        if (order := self._find(asked)) is None:
            raise Refused(*NO_ORDER)
        return self._shapes.algo(order)

    def open_orders(self, asked: Asked) -> list[Json]:
        """Return those that wait."""
        symbol = asked.symbol(self._desk.market_of) if asked.params.get("symbol") else None
        mine = self._desk.open_orders(asked.account, symbol)
        return [self._shapes.algo(order) for order in mine if is_waiting(order)]

    def _find(self, asked: Asked) -> OrderRecord | None:
        wish = asked.read(WhichAlgo)
        if wish.algoId is None and wish.clientAlgoId is None:
            raise Refused(-1102, "Param 'algoId' or 'clientAlgoId' must be sent, but both were empty/null!")
        mine = (each for each in reversed(self._desk.orders.values()) if each.account == asked.account and each.algo_id)
        asked_for = (
            order
            for order in mine
            if wish.algoId in (None, order.algo_id) and wish.clientAlgoId in (None, order.client_id)
        )
        return next(asked_for, None)
