"""What a local Binance does with the orders of its clients."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tradecore.errors import TradecoreError
from tradecore.sandbox.binance.algos import ALGO_TYPES, is_waiting
from tradecore.sandbox.binance.entry import submit
from tradecore.sandbox.binance.refusals import NO_ORDER, RESTRICTED, UNKNOWN_ORDER, body_of, missing, refusal_of
from tradecore.sandbox.binance.requests import (
    AmendRequest,
    Asked,
    CancelReplaceRequest,
    CountdownRequest,
    ModifyRequest,
    OrderRequest,
    WhichOrder,
    rows_of,
)
from tradecore.sandbox.binance.shapes import Shapes, SpotShapes
from tradecore.sandbox.desk import Desk, OrderRecord
from tradecore.sandbox.numbers import ms
from tradecore.sandbox.refused import Refused

__all__ = ["Orders"]

Json = dict[str, Any]

_TRIGGERS = {
    "STOP_LOSS": "stop_market",
    "STOP_LOSS_LIMIT": "stop_limit",
    "TAKE_PROFIT": "take_profit_market",
    "TAKE_PROFIT_LIMIT": "take_profit_limit",
}
_SPOT_TYPES = ("LIMIT", "MARKET", "LIMIT_MAKER", *_TRIGGERS)
_ALGO_TYPES = (*ALGO_TYPES, "TRAILING_STOP_MARKET")
_GTD_AHEAD_MS = 600_000


class Orders:
    """Orders of one market of the venue: taken, asked for, changed, cancelled."""

    def __init__(self, desk: Desk, shapes: Shapes) -> None:
        self._desk = desk
        self._shapes = shapes
        self._is_spot = isinstance(shapes, SpotShapes)
        self._made_ids = itertools.count(1)
        self._countdowns: dict[tuple[int, str], int] = {}
        """When orders of an account in a symbol are cancelled unless it is heard of, ns UTC."""

    def _refusal(self, reason: str) -> Refused:
        return refusal_of(reason, is_spot=self._is_spot)

    def place(self, asked: Asked) -> Json:
        """Take a new order."""
        return self._place(asked.read(OrderRequest), asked)

    def _place(self, wish: OrderRequest, asked: Asked) -> Json:
        symbol = asked.symbol(self._desk.market_of)
        order, terms = self._terms(symbol, wish, asked)
        submit(self._desk, order, asked, terms, is_spot=self._is_spot)
        is_full = self._is_spot and wish.type in ("LIMIT", "MARKET")
        return self._shapes.placed(order, wish.newOrderRespType or ("FULL" if is_full else "ACK"))

    def _terms(self, symbol: str, wish: OrderRequest, asked: Asked) -> tuple[OrderRecord, dict[str, Any]]:
        """Return an order, and the terms of the exchange that go with its type."""
        is_limit = wish.type in ("LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
        if wish.type not in (_SPOT_TYPES if self._is_spot else ("LIMIT", "MARKET")):
            if not self._is_spot and wish.type in _ALGO_TYPES:
                raise Refused(
                    -4120,
                    "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
                )
            raise Refused(-1116, "Invalid orderType.")
        lives = wish.timeInForce
        for name, is_needed in [
            ("price", is_limit),
            ("timeInForce", is_limit and wish.type != "LIMIT_MAKER"),
            ("stopPrice", wish.type in _TRIGGERS),
        ]:
            if is_needed != (getattr(wish, name) is not None):
                raise missing(name) if is_needed else _unneeded(name)
        if self._is_spot and (lives in ("GTX", "GTD") or wish.reduceOnly is not None or wish.positionSide):
            raise Refused(-1106, "A parameter of futures was sent to spot.")
        qty = wish.quantity
        if wish.quoteOrderQty is not None:
            if not self._is_spot or wish.type != "MARKET" or qty is not None:
                raise _unneeded("quoteOrderQty")
            qty = self._desk.worth(symbol, wish.side, wish.quoteOrderQty)
        if qty is None:
            raise missing("quantity")
        terms: dict[str, Any] = {}
        if wish.type in _TRIGGERS:
            terms |= {"type": _TRIGGERS[wish.type], "trigger_price": wish.stopPrice}
        if wish.type == "LIMIT_MAKER" or lives == "GTX":
            terms["post_only"] = True
        if lives == "GTD":
            if wish.goodTillDate is None or wish.goodTillDate <= ms(asked.now_ns) + _GTD_AHEAD_MS:
                raise Refused(-1102, "Mandatory parameter 'goodTillDate' must be more than 600 s ahead.")
            terms |= {"time_in_force": "gtd", "expires_at": wish.goodTillDate * 1_000_000}
        elif lives in ("IOC", "FOK"):
            terms["time_in_force"] = lives.lower()
        order = OrderRecord(
            order_id=self._desk.next_order_id(),
            client_id=wish.newClientOrderId or f"sandbox-{next(self._made_ids)}",
            account=asked.account,
            market=self._desk.market_of[symbol],
            symbol=symbol,
            side=wish.side,
            kind=wish.type,
            time_in_force=lives or "GTC",
            qty=qty,
            price=wish.price or Decimal(0),
            stop_price=wish.stopPrice or Decimal(0),
            quote_qty=wish.quoteOrderQty or Decimal(0),
            reduce_only=wish.reduceOnly in (True, "true"),
            expires_ms=wish.goodTillDate or 0,
            is_working=wish.type not in _TRIGGERS,
        )
        return order, terms

    def _find(self, asked: Asked, order_id: int | None, client_id: str | None) -> OrderRecord | None:
        if order_id is None and client_id is None:
            raise Refused(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
        symbol = asked.symbol(self._desk.market_of)
        order = self._desk.find(asked.account, symbol, order_id=order_id, client_id=client_id)
        return None if order is not None and is_waiting(order) else order

    def _open(self, account: int, symbol: str | None) -> list[OrderRecord]:
        return [order for order in self._desk.open_orders(account, symbol) if not is_waiting(order)]

    def _which(self, wish: WhichOrder | AmendRequest | ModifyRequest, asked: Asked) -> OrderRecord | None:
        return self._find(asked, wish.orderId, wish.origClientOrderId)

    def order(self, asked: Asked) -> Json:
        """Return an order."""
        order = self._which(asked.read(WhichOrder), asked)
        if order is None:
            raise Refused(*NO_ORDER)
        return self._shapes.order(order)

    def open_orders(self, asked: Asked) -> list[Json]:
        """Return the open orders."""
        symbol = asked.symbol(self._desk.market_of) if asked.params.get("symbol") else None
        return [self._shapes.order(order) for order in self._open(asked.account, symbol)]

    def all_orders(self, asked: Asked) -> list[Json]:
        """Return the last orders of a symbol, open or not."""
        symbol, limit = asked.symbol(self._desk.market_of), asked.whole("limit", 500)
        mine = [o for o in self._desk.orders.values() if (o.account, o.symbol) == (asked.account, symbol)]
        return [self._shapes.order(order) for order in mine if not is_waiting(order)][-limit:]

    def cancel(self, asked: Asked) -> Json:
        """Cancel an order."""
        wish = asked.read(WhichOrder)
        return self._cancel(self._which(wish, asked), wish.newClientOrderId, asked, only=wish.cancelRestrictions)

    def _cancel(
        self, order: OrderRecord | None, request_id: str | None, asked: Asked, *, only: str | None = None
    ) -> Json:
        if order is None or not order.is_open:
            raise Refused(*UNKNOWN_ORDER)
        if only is not None and only != f"ONLY_{order.status}":
            raise Refused(*RESTRICTED)
        order.cancel_id = request_id or f"cancel-{next(self._made_ids)}"
        if not self._desk.cancel(order, asked.now_ns):
            raise Refused(*UNKNOWN_ORDER)
        return self._shapes.cancelled(order)

    def place_batch(self, asked: Asked) -> list[Json]:
        """Take several new orders; of each is told what became of it."""
        return [self._one_of(self.place, row, asked) for row in rows_of(asked.params, "batchOrders", most=5)]

    def cancel_batch(self, asked: Asked) -> list[Json]:
        """Cancel several orders of a symbol; of each is told what became of it."""
        name = "origClientOrderId" if "origClientOrderIdList" in asked.params else "orderId"
        ids, symbol = rows_of(asked.params, f"{name}List", most=10), asked.params.get("symbol")
        return [self._one_of(self.cancel, {"symbol": symbol, name: each}, asked) for each in ids]

    @staticmethod
    def _one_of(call: Callable[[Asked], Json], row: Any, asked: Asked) -> Json:
        try:
            if not isinstance(row, dict):
                raise Refused(-1100, "Illegal characters found in a parameter.")
            return call(Asked(row, asked.now_ns, asked.account))
        except Refused as refused:
            return body_of(refused)

    def cancel_all(self, asked: Asked) -> list[Json] | Json:
        """Cancel all orders of a symbol."""
        mine = self._open(asked.account, asked.symbol(self._desk.market_of))
        if not self._is_spot:
            for order in mine:
                self._desk.cancel(order, asked.now_ns)
            return {"code": 200, "msg": "The operation of cancel all open order is done."}
        if not mine:
            raise Refused(*UNKNOWN_ORDER)
        return [self._cancel(order, None, asked) for order in mine]

    def countdown(self, asked: Asked) -> Json:
        """Cancel all orders of a symbol in a while, unless told again; a time of 0 ends that."""
        symbol, after_ms = asked.symbol(self._desk.market_of), asked.read(CountdownRequest).countdownTime
        self._countdowns.pop((asked.account, symbol), None)
        if after_ms:
            self._countdowns[asked.account, symbol] = asked.now_ns + after_ms * 1_000_000
        return {"symbol": symbol, "countdownTime": str(after_ms)}

    def expire(self, now_ns: int) -> None:
        """Cancel the orders of those that were not heard of in time."""
        for account, symbol in [key for key, at_ns in self._countdowns.items() if at_ns <= now_ns]:
            del self._countdowns[account, symbol]
            for order in self._desk.open_orders(account, symbol):
                self._desk.cancel(order, now_ns)

    def cancel_replace(self, asked: Asked) -> Json:
        """Cancel an order and place another one."""
        wish = asked.read(CancelReplaceRequest)
        self._check_filters(asked.symbol(self._desk.market_of), wish)
        told: Json = {"cancelResult": "SUCCESS", "newOrderResult": "SUCCESS"}
        try:
            told["cancelResponse"] = self._cancel(
                self._find(asked, wish.cancelOrderId, wish.cancelOrigClientOrderId),
                wish.cancelNewClientOrderId,
                asked,
                only=wish.cancelRestrictions,
            )
        except Refused as refused:
            told |= {"cancelResult": "FAILURE", "cancelResponse": body_of(refused)}
            if wish.cancelReplaceMode == "STOP_ON_FAILURE":
                told |= {"newOrderResult": "NOT_ATTEMPTED", "newOrderResponse": None}
                raise _failed(told) from None
        try:
            told["newOrderResponse"] = self._place(wish, asked)
        except Refused as refused:
            told |= {"newOrderResult": "FAILURE", "newOrderResponse": body_of(refused)}
        if "FAILURE" in (told["cancelResult"], told["newOrderResult"]):
            raise _failed(told)
        return told

    def _check_filters(self, symbol: str, wish: OrderRequest) -> None:
        """Refuse what misses the steps of a symbol: that is looked at before anything is cancelled."""
        prices = [price for price in (wish.price, wish.stopPrice) if price is not None]
        if (misfit := self._desk.misfit(symbol, wish.quantity or Decimal(0), *prices)) is not None:
            raise self._refusal(misfit)

    def amend(self, asked: Asked) -> Json:
        """Make an order smaller, where it stands."""
        wish = asked.read(AmendRequest)
        order = self._which(wish, asked)
        if order is None or not order.is_open:
            raise Refused(*NO_ORDER)
        if not order.filled < wish.newQty < order.qty:
            raise Refused(-2038, "Order amend (quantity increase) is not supported.")
        self._replace(order, order.price, wish.newQty, asked)
        if wish.newClientOrderId:
            order.client_id = wish.newClientOrderId
        return {
            "transactTime": ms(order.updated_ns),
            "executionId": order.execution_id,
            "amendedOrder": self._shapes.order(order),
        }

    def modify(self, asked: Asked) -> Json:
        """Give an order another price and quantity; it loses its place."""
        wish = asked.read(ModifyRequest)
        order = self._which(wish, asked)
        if order is None or not order.is_open:
            raise Refused(*NO_ORDER)
        if order.side != wish.side:
            raise Refused(-1102, "Mandatory parameter 'side' must be that of the order.")
        self._replace(order, wish.price, wish.quantity, asked)
        return self._shapes.placed(order, "RESULT")

    def _replace(self, order: OrderRecord, price: Decimal, qty: Decimal, asked: Asked) -> None:
        try:
            reason = self._desk.replace(order, price, qty, asked.now_ns)
        except TradecoreError as error:
            raise Refused(-1100, f"Illegal characters found in a parameter: {error}") from None
        if reason is not None:
            raise self._refusal(reason)


def _unneeded(name: str) -> Refused:
    return Refused(-1106, f"Parameter '{name}' sent when not required.")


def _failed(told: Json) -> Refused:
    """Return what the venue says of a cancelReplace of which a half has failed, or all that was tried."""
    if "SUCCESS" in (told["cancelResult"], told["newOrderResult"]):
        return Refused(-2021, "Order cancel-replace partially failed.", status=409, data=told)
    return Refused(-2022, "Order cancel-replace failed.", data=told)
