"""What a local Coinbase does with the orders of its clients."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tradecore.errors import TradecoreError
from tradecore.sandbox.coinbase.refusals import bad, failed_order, failure_of, not_found
from tradecore.sandbox.coinbase.requests import (
    CONFIGURATIONS,
    Asked,
    CancelRequest,
    Configuration,
    EditRequest,
    OrderRequest,
)
from tradecore.sandbox.coinbase.shapes import Shapes, id_of, number_of
from tradecore.sandbox.desk import Desk, OrderRecord
from tradecore.venues.coinbase.private import to_ns

__all__ = ["Orders"]

Json = dict[str, Any]

_EDITABLE = ("limit_limit_gtc",)
_EDIT_FAILURES = {"tick_size": "INVALID_EDITED_LIMIT_PRICE", "lot_size": "INVALID_EDITED_SIZE"}
"""What the venue calls reasons otherwise of an edit than of a new order."""


class Orders:
    """Orders: taken, asked for, changed, cancelled."""

    def __init__(self, desk: Desk, shapes: Shapes) -> None:
        self._desk = desk
        self._shapes = shapes

    def create(self, asked: Asked) -> Json:
        """Take a new order. One whose client's id was used is answered with what became of it then."""
        wish = asked.read(OrderRequest)
        if wish.product_id not in self._desk.market_of:
            return failed_order("INVALID_PRODUCT_ID", wish.order_configuration)
        known = self._desk.find(asked.account, wish.product_id, order_id=None, client_id=wish.client_order_id)
        order = known or self._placed(wish, asked)
        if isinstance(order, str):
            return failed_order(order, wish.order_configuration)
        ids = {"order_id": id_of(order.order_id), "product_id": order.symbol, "side": order.side}
        told = {**ids, "client_order_id": order.client_id}
        return {"success": True, "success_response": told, "order_configuration": self._shapes.configuration(order)}

    def _placed(self, wish: OrderRequest, asked: Asked) -> OrderRecord | str:
        """Return the order that was placed, or what the venue calls why it was not."""
        [name, *others] = wish.order_configuration or {"": None}
        if others or name not in CONFIGURATIONS:
            return "UNSUPPORTED_ORDER_CONFIGURATION"
        terms = asked.read(Configuration, wish.order_configuration[name])
        life, needed, allowed = CONFIGURATIONS[name]
        given = terms.model_fields_set
        for each in sorted({*needed} ^ (given - {*allowed})):
            raise bad(each, "is missing" if each in needed else "is none here")
        order = self._made(wish, name, life, terms, asked)
        try:
            self._desk.submit(order, asked.now_ns, **self._terms(order))
        except TradecoreError as error:
            raise bad("order", str(error)) from None
        return order if order.order_id in self._desk.orders else failure_of(order.reason)

    def _made(self, wish: OrderRequest, name: str, life: str, terms: Configuration, asked: Asked) -> OrderRecord:
        qty, quote = terms.base_size, terms.quote_size
        if (qty is None) == (quote is None):
            raise bad("base_size", "or quote_size is expected, one of them")
        if qty is None:
            assert quote is not None
            qty = self._desk.worth(wish.product_id, wish.side, quote)
        expires_ms = 0 if terms.end_time is None else int(terms.end_time.timestamp() * 1000)
        return OrderRecord(
            order_id=self._desk.next_order_id(),
            client_id=wish.client_order_id,
            account=asked.account,
            market=self._desk.market_of[wish.product_id],
            symbol=wish.product_id,
            side=wish.side,
            kind=name,
            time_in_force=life,
            qty=qty,
            price=terms.limit_price or Decimal(0),
            stop_price=terms.stop_price or Decimal(0),
            trigger_rises=terms.stop_direction == "STOP_DIRECTION_STOP_UP",
            quote_qty=quote or Decimal(0),
            post_only=terms.post_only,
            expires_ms=expires_ms,
            is_working=terms.stop_price is None,
        )

    @staticmethod
    def _terms(order: OrderRecord) -> Json:
        """Return the terms of the exchange that go with a configuration."""
        terms: Json = {}
        if order.stop_price:
            is_stop = (order.side == "BUY") == order.trigger_rises
            kind = "stop_limit" if is_stop else "take_profit_limit"
            terms |= {"type": kind, "trigger_price": order.stop_price}
        if order.post_only:
            terms["post_only"] = True
        match order.time_in_force:
            case "GOOD_UNTIL_DATE_TIME":
                terms |= {"time_in_force": "gtd", "expires_at": order.expires_ms * 1_000_000}
            case "IMMEDIATE_OR_CANCEL" if order.price:
                terms["time_in_force"] = "ioc"
            case "FILL_OR_KILL":
                terms["time_in_force"] = "fok"
        return terms

    def edit(self, asked: Asked) -> Json:
        """Give an order another price or size."""
        wish = asked.read(EditRequest)
        order = self._mine(asked, wish.order_id)
        if order is None or not order.is_open:
            return _not_edited("ORDER_NOT_FOUND")
        if order.kind not in _EDITABLE:
            return _not_edited("ONLY_LIMIT_ORDER_EDITS_SUPPORTED")
        price, qty = wish.price or order.price, wish.size or order.qty
        if qty <= order.filled:
            return _not_edited("CANNOT_EDIT_TO_BELOW_FILLED_SIZE")
        try:
            reason = self._desk.replace(order, price, qty, asked.now_ns)
        except TradecoreError as error:
            raise bad("order", str(error)) from None
        if reason is not None:
            return _not_edited(_EDIT_FAILURES.get(reason) or failure_of(reason))
        return {"success": True, "errors": []}

    def cancel(self, asked: Asked) -> Json:
        """Cancel orders, each for itself."""
        results = []
        for text in asked.read(CancelRequest).order_ids:
            order = self._mine(asked, text)
            is_there = order is not None and self._desk.cancel(order, asked.now_ns)
            reason = "UNKNOWN_CANCEL_FAILURE_REASON" if is_there else "UNKNOWN_CANCEL_ORDER"
            results.append({"success": is_there, "failure_reason": reason, "order_id": text})
        return {"results": results}

    def order(self, asked: Asked) -> Json:
        """Return an order."""
        order = self._mine(asked, str(asked.params["order_id"]))
        if order is None:
            raise not_found("order")
        return {"order": self._shapes.order(order)}

    def orders(self, asked: Asked) -> Json:
        """Return orders, newest first."""
        of_status, of_product = asked.wants("order_status"), asked.wants("product_ids")
        rows = [
            order
            for order in reversed(self._desk.orders.values())
            if order.account == asked.account and of_status(self._shapes.status(order)) and of_product(order.symbol)
        ]
        page, cursor = asked.page(rows, most=1000)
        told = [self._shapes.order(order) for order in page]
        return {"orders": told, "sequence": "0", "has_next": bool(cursor), "cursor": cursor}

    def fills(self, asked: Asked) -> Json:
        """Return fills, newest first."""
        of_order, of_product = asked.wants("order_ids"), asked.wants("product_ids")
        since = self._time(asked, "start_sequence_timestamp", 0)
        until = self._time(asked, "end_sequence_timestamp", 1 << 62)
        rows = [
            self._shapes.fill(order, fill)
            for order, fill in reversed(self._desk.fills.get(asked.account, ()))
            if of_order(id_of(order.order_id)) and of_product(order.symbol) and since <= fill.ts_ns <= until
        ]
        page, cursor = asked.page(rows, most=1000)
        return {"fills": page, "cursor": cursor}

    @staticmethod
    def _time(asked: Asked, name: str, default: int) -> int:
        text = asked.params.get(name)
        try:
            return to_ns(str(text)) if text else default
        except ValueError:
            raise bad(name) from None

    def _mine(self, asked: Asked, text: str) -> OrderRecord | None:
        order = self._desk.orders.get(number_of(text))
        return order if order is not None and order.account == asked.account else None


def _not_edited(reason: str) -> Json:
    return {"success": False, "errors": [{"edit_failure_reason": reason, "preview_failure_reason": ""}]}
