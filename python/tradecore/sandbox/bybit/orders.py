"""What a local Bybit does with the orders of its clients."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from tradecore.errors import TradecoreError
from tradecore.sandbox.bybit.markets import Market, Markets
from tradecore.sandbox.bybit.refusals import bad, refusal_of
from tradecore.sandbox.bybit.requests import AmendRequest, Asked, CreateRequest, WhichOrder
from tradecore.sandbox.desk import OrderRecord
from tradecore.sandbox.numbers import ms
from tradecore.sandbox.refused import Refused

__all__ = ["Orders"]

Json = dict[str, Any]

_MOST_IN_BATCH = {"linear": 20, "inverse": 20, "spot": 10}


class Orders:
    """Orders: taken, asked for, changed, cancelled."""

    def __init__(self, markets: Markets) -> None:
        self._markets = markets
        self._made_ids = itertools.count(1)

    def create(self, asked: Asked) -> Json:
        """Take a new order."""
        market, wish = self._markets.of(asked), asked.read(CreateRequest)
        symbol, desk = market.symbol(asked), market.desk
        order, terms = self._terms(market, symbol, wish, asked)
        if any(other.client_id == order.client_id for other in desk.open_orders(asked.account)):
            raise refusal_of("duplicate", is_spot=market.is_spot)
        try:
            desk.submit(order, asked.now_ns, **terms)
        except TradecoreError as error:
            raise bad("order", str(error)) from None
        if order.order_id not in desk.orders:
            raise refusal_of(order.reason, is_spot=market.is_spot)
        return self._ids(market, order)

    def _terms(
        self, market: Market, symbol: str, wish: CreateRequest, asked: Asked
    ) -> tuple[OrderRecord, dict[str, Any]]:
        """Return an order, and the terms of the exchange that go with its type."""
        is_limit = wish.orderType == "Limit"
        if is_limit != (wish.price is not None):
            raise bad("price", "is missing" if is_limit else "of a market order")
        life = wish.timeInForce or ("GTC" if is_limit else "IOC")
        if not is_limit and life not in ("GTC", "IOC"):
            raise bad("timeInForce", "of a market order")
        if market.is_spot and wish.reduceOnly:
            raise bad("reduceOnly", "of spot")
        qty = wish.qty
        if market.is_spot and not is_limit and wish.side == "Buy" and wish.marketUnit != "baseCoin":
            qty = market.desk.worth(symbol, "BUY", wish.qty)
        terms: dict[str, Any] = {}
        rises = False
        if wish.triggerPrice is not None:
            rises = self._rises(market, symbol, wish)
            kind = "stop" if (wish.side == "Buy") == rises else "take_profit"
            terms |= {"type": f"{kind}_{wish.orderType.lower()}", "trigger_price": wish.triggerPrice}
            if wish.triggerBy == "MarkPrice":
                terms["trigger"] = "mark"
        if life == "PostOnly":
            terms["post_only"] = True
        elif is_limit and life in ("IOC", "FOK"):
            terms["time_in_force"] = life.lower()
        order = OrderRecord(
            order_id=market.desk.next_order_id(),
            client_id=wish.orderLinkId or f"sandbox-{next(self._made_ids)}",
            account=asked.account,
            market=market.desk.market_of[symbol],
            symbol=symbol,
            side=wish.side.upper(),
            kind=wish.orderType,
            time_in_force=life if is_limit else "IOC",
            qty=qty,
            price=wish.price or qty * 0,
            stop_price=wish.triggerPrice or qty * 0,
            trigger="mark" if wish.triggerBy == "MarkPrice" else "last",
            trigger_rises=rises,
            reduce_only=wish.reduceOnly,
            is_working=wish.triggerPrice is None,
        )
        return order, terms

    @staticmethod
    def _rises(market: Market, symbol: str, wish: CreateRequest) -> bool:
        """Return whether a trigger is met from below: contracts say so, of spot the last price does."""
        assert wish.triggerPrice is not None
        if not market.is_spot:
            if wish.triggerDirection is None:
                raise bad("triggerDirection", "is missing")
            return wish.triggerDirection == 1
        return wish.triggerPrice > market.desk.last_price(symbol)

    def amend(self, asked: Asked) -> Json:
        """Give an order another price, total quantity or trigger."""
        market, wish = self._markets.of(asked), asked.read(AmendRequest)
        order = self._open(market, asked, wish)
        if wish.price is None and wish.qty is None and wish.triggerPrice is None:
            raise bad("qty", "or price or triggerPrice is missing")
        price, qty = wish.price or order.price, wish.qty or order.qty
        try:
            refused = market.desk.replace(order, price, qty, asked.now_ns, trigger_price=wish.triggerPrice)
        except TradecoreError as error:
            raise bad("order", str(error)) from None
        if refused is not None:
            raise refusal_of(refused, is_spot=market.is_spot)
        return self._ids(market, order)

    def cancel(self, asked: Asked) -> Json:
        """Cancel an order."""
        market = self._markets.of(asked)
        order = self._open(market, asked, asked.read(WhichOrder))
        if not market.desk.cancel(order, asked.now_ns):
            raise refusal_of("unknown_order", is_spot=market.is_spot)
        return self._ids(market, order)

    def cancel_all(self, asked: Asked) -> Json:
        """Cancel all orders of a symbol or a coin; of spot also all there are."""
        market = self._markets.of(asked)
        if not market.is_spot and not any(asked.params.get(name) for name in ("symbol", "settleCoin", "baseCoin")):
            raise bad("symbol", "or settleCoin or baseCoin is missing")
        symbols = market.symbols(asked)
        mine = [order for order in market.desk.open_orders(asked.account) if order.symbol in symbols]
        for order in mine:
            market.desk.cancel(order, asked.now_ns)
        return {"list": [self._ids(market, order) for order in mine], "success": "1"}

    def batch(self, asked: Asked, call: Callable[[Asked], Json]) -> tuple[Json, Json]:
        """Do one thing with several orders; return their ids, and of each what became of it."""
        market = self._markets.of(asked)
        rows = asked.params.get("request")
        if not isinstance(rows, list) or not 1 <= len(rows) <= _MOST_IN_BATCH[market.category]:
            raise bad("request", f"expected 1 to {_MOST_IN_BATCH[market.category]} orders")
        ids, codes = [], []
        for row in rows:
            params = {**row, "category": market.category} if isinstance(row, dict) else {"category": market.category}
            head = {"category": market.category, "symbol": str(params.get("symbol", "")), "createAt": ""}
            try:
                told = call(Asked(params, asked.now_ns, asked.account))
                ids.append(head | told | {"createAt": str(ms(asked.now_ns))})
                codes.append({"code": 0, "msg": "OK"})
            except Refused as refused:
                ids.append(head | {"orderId": "", "orderLinkId": str(params.get("orderLinkId", ""))})
                codes.append({"code": refused.code, "msg": refused.text})
        return {"list": ids}, {"list": codes}

    def realtime(self, asked: Asked) -> Json:
        """Return the open orders; with ``openOnly`` 1 those that have ended lately."""
        market = self._markets.of(asked)
        if market.category == "linear" and not any(
            asked.params.get(name) for name in ("symbol", "settleCoin", "baseCoin")
        ):
            raise bad("symbol", "or settleCoin or baseCoin is missing")
        wants_open = asked.whole("openOnly", 0) == 0
        return self._listed(market, asked, lambda order: order.is_open == wants_open)

    def history(self, asked: Asked) -> Json:
        """Return orders that have ended."""
        return self._listed(self._markets.of(asked), asked, lambda order: not order.is_open)

    def _listed(self, market: Market, asked: Asked, wanted: Callable[[OrderRecord], bool]) -> Json:
        symbols, params = market.symbols(asked), asked.params
        rows = [
            order
            for order in reversed(market.desk.orders.values())
            if order.account == asked.account
            and order.symbol in symbols
            and wanted(order)
            and params.get("orderLinkId") in (None, "", order.client_id)
            and params.get("orderId") in (None, "", market.shapes.id_of(order.order_id))
        ]
        page, cursor = asked.page(rows, lambda order: market.shapes.id_of(order.order_id), limit=20, most=50)
        told = [market.shapes.order(order) for order in page]
        return {"nextPageCursor": cursor, "category": market.category, "list": told}

    def _open(self, market: Market, asked: Asked, wish: WhichOrder) -> OrderRecord:
        """Return an open order by the venue's id or the client's."""
        if not wish.orderId and not wish.orderLinkId:
            raise bad("orderId", "or orderLinkId is missing")
        number = market.shapes.number_of(wish.orderId) if wish.orderId else None
        symbol = market.symbol(asked)
        order = market.desk.find(asked.account, symbol, order_id=number, client_id=wish.orderLinkId)
        if order is None or not order.is_open:
            raise refusal_of("unknown_order", is_spot=market.is_spot)
        return order

    @staticmethod
    def _ids(market: Market, order: OrderRecord) -> Json:
        return {"orderId": market.shapes.id_of(order.order_id), "orderLinkId": order.client_id}
