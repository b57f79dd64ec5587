"""What a local Binance does when it is asked, by requests and by WebSocket alike."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any

from tradecore.errors import TradecoreError
from tradecore.sandbox.binance.limits import Limits
from tradecore.sandbox.binance.public import Streams
from tradecore.sandbox.binance.refusals import (
    BAD_SYMBOL,
    NO_LISTEN_KEY,
    NO_ORDER,
    UNKNOWN_ORDER,
    Refused,
    refusal_of,
)
from tradecore.sandbox.binance.requests import (
    AmendRequest,
    CancelReplaceRequest,
    ModifyRequest,
    OrderRequest,
    WhichOrder,
    read,
)
from tradecore.sandbox.binance.shapes import ms
from tradecore.sandbox.desk import Desk, OrderRecord, Update

__all__ = ["MAINTENANCE", "Api", "Asked", "Endpoint"]

MAINTENANCE = "0.005"
"""The share of a position's worth below which its margin must not fall."""

Json = dict[str, Any]

_TRIGGERS = {
    "STOP_LOSS": "stop_market",
    "STOP_LOSS_LIMIT": "stop_limit",
    "TAKE_PROFIT": "take_profit_market",
    "TAKE_PROFIT_LIMIT": "take_profit_limit",
}
_SPOT_TYPES = ("LIMIT", "MARKET", "LIMIT_MAKER", *_TRIGGERS)
_ALGO_TYPES = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
_DEPTH_WEIGHT = {True: ((100, 5), (500, 25), (1000, 50)), False: ((50, 2), (100, 5), (500, 10), (1000, 20))}
_GTD_AHEAD_MS = 600_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that has been let in."""

    params: Mapping[str, Any]
    now_ns: int
    account: int = -1


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What can be asked: ``security`` is ``none``, ``key`` or ``signed``; of an order the counters of orders count."""

    call: Callable[[Asked], Any]
    weight: Callable[[Mapping[str, Any]], int]
    security: str = "none"
    is_order: bool = False


def _weighs(weight: int) -> Callable[[Mapping[str, Any]], int]:
    return lambda _: weight


class Api:
    """One market of the venue, spot or USD-M.

    ``requests`` are its endpoints by method and path, ``methods`` those of its WebSocket API.
    """

    def __init__(self, desk: Desk, streams: Streams, limits: Limits, *, venue: str) -> None:
        self.desk = desk
        self.streams = streams
        self.limits = limits
        self.shapes: Any = streams.shapes
        self.is_spot = streams.is_spot
        self._venue = venue
        self.users: defaultdict[int, list[Callable[[Json], None]]] = defaultdict(list)
        self.listen_keys: dict[str, int] = {}
        self._numbers = itertools.count(1)
        self._made_ids = itertools.count(1)
        self._cancel_ids: dict[int, str] = {}
        desk.on_update.append(self._on_update)
        self.requests, self.methods = self._spot() if self.is_spot else self._usdm()

    def _common(self, base: str) -> dict[tuple[str, str], Endpoint]:
        return {
            ("GET", f"{base}/ping"): Endpoint(lambda _: {}, _weighs(1)),
            ("GET", f"{base}/time"): Endpoint(self.time, _weighs(1)),
            ("GET", f"{base}/exchangeInfo"): Endpoint(self.exchange_info, _weighs(20 if self.is_spot else 1)),
            ("GET", f"{base}/depth"): Endpoint(self.depth, self._depth_weight),
            ("GET", f"{base}/trades"): Endpoint(self.trades, _weighs(25 if self.is_spot else 5)),
            ("GET", f"{base}/ticker/bookTicker"): Endpoint(self.book_ticker, _weighs(2)),
            ("GET", f"{base}/order"): Endpoint(self.order, _weighs(4 if self.is_spot else 1), "signed"),
            ("GET", f"{base}/openOrders"): Endpoint(self.open_orders, self._open_weight, "signed"),
            ("GET", f"{base}/allOrders"): Endpoint(self.all_orders, _weighs(20 if self.is_spot else 5), "signed"),
            ("POST", f"{base}/order"): Endpoint(self.place, _weighs(1), "signed", is_order=True),
            ("DELETE", f"{base}/order"): Endpoint(self.cancel, _weighs(1), "signed"),
        }

    def _spot(self) -> tuple[dict[tuple[str, str], Endpoint], dict[str, Endpoint]]:
        base = "/api/v3"
        requests = self._common(base) | {
            ("GET", f"{base}/account"): Endpoint(self.account, _weighs(20), "signed"),
            ("GET", f"{base}/myTrades"): Endpoint(self.own_trades, _weighs(20), "signed"),
            ("POST", f"{base}/order/cancelReplace"): Endpoint(self.cancel_replace, _weighs(1), "signed", is_order=True),
            ("PUT", f"{base}/order/amend/keepPriority"): Endpoint(self.amend, _weighs(4), "signed"),
            ("DELETE", f"{base}/openOrders"): Endpoint(self.cancel_all, _weighs(1), "signed"),
        }
        names = {
            "ping": ("GET", "/ping"), "time": ("GET", "/time"), "exchangeInfo": ("GET", "/exchangeInfo"),
            "depth": ("GET", "/depth"), "order.place": ("POST", "/order"), "order.cancel": ("DELETE", "/order"),
            "order.status": ("GET", "/order"), "order.cancelReplace": ("POST", "/order/cancelReplace"),
            "order.amend.keepPriority": ("PUT", "/order/amend/keepPriority"),
            "openOrders.status": ("GET", "/openOrders"), "openOrders.cancelAll": ("DELETE", "/openOrders"),
            "account.status": ("GET", "/account"), "myTrades": ("GET", "/myTrades"),
        }  # fmt: skip
        return requests, {name: requests[method, base + path] for name, (method, path) in names.items()}

    def _usdm(self) -> tuple[dict[tuple[str, str], Endpoint], dict[str, Endpoint]]:
        base = "/fapi/v1"
        requests = self._common(base) | {
            ("PUT", f"{base}/order"): Endpoint(self.modify, _weighs(1), "signed", is_order=True),
            ("DELETE", f"{base}/allOpenOrders"): Endpoint(self.cancel_all, _weighs(1), "signed"),
            ("GET", f"{base}/userTrades"): Endpoint(self.own_trades, _weighs(5), "signed"),
            ("GET", f"{base}/premiumIndex"): Endpoint(self.premium_index, _weighs(1)),
            ("GET", f"{base}/leverageBracket"): Endpoint(self.brackets, _weighs(1), "signed"),
            ("POST", f"{base}/leverage"): Endpoint(self.leverage, _weighs(1), "signed"),
            ("GET", f"{base}/positionSide/dual"): Endpoint(
                lambda _: {"dualSidePosition": False}, _weighs(30), "signed"
            ),
            ("POST", f"{base}/listenKey"): Endpoint(self.listen_key, _weighs(1), "key"),
            ("PUT", f"{base}/listenKey"): Endpoint(self.keep_listen_key, _weighs(1), "key"),
            ("DELETE", f"{base}/listenKey"): Endpoint(self.close_listen_key, _weighs(1), "key"),
        }
        for version in ("v2", "v3"):
            requests["GET", f"/fapi/{version}/account"] = Endpoint(self.futures_account, _weighs(5), "signed")
            requests["GET", f"/fapi/{version}/balance"] = Endpoint(self.futures_balance, _weighs(5), "signed")
            requests["GET", f"/fapi/{version}/positionRisk"] = Endpoint(self.positions, _weighs(5), "signed")
        names = {
            "order.place": ("POST", "/fapi/v1/order"), "order.modify": ("PUT", "/fapi/v1/order"),
            "order.cancel": ("DELETE", "/fapi/v1/order"), "order.status": ("GET", "/fapi/v1/order"),
            "v2/account.status": ("GET", "/fapi/v3/account"), "v2/account.balance": ("GET", "/fapi/v3/balance"),
            "v2/account.position": ("GET", "/fapi/v3/positionRisk"), "depth": ("GET", "/fapi/v1/depth"),
        }  # fmt: skip
        return requests, {name: requests[key] for name, key in names.items()}

    def _depth_weight(self, params: Mapping[str, Any]) -> int:
        limit = _whole(params, "limit", 100 if self.is_spot else 500)
        return next((weight for most, weight in _DEPTH_WEIGHT[self.is_spot] if limit <= most), 250)

    def _open_weight(self, params: Mapping[str, Any]) -> int:
        return (6 if self.is_spot else 1) if params.get("symbol") else (80 if self.is_spot else 40)

    def _symbol(self, params: Mapping[str, Any]) -> str:
        symbol = params.get("symbol")
        if not symbol:
            raise Refused(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
        if symbol not in self.desk.market_of:
            raise Refused(*BAD_SYMBOL)
        return str(symbol)

    # Public.

    def time(self, asked: Asked) -> Json:
        """Return the venue's time."""
        return {"serverTime": ms(asked.now_ns)}

    def exchange_info(self, asked: Asked) -> Json:
        """Return limits and symbols."""
        wanted = [self._symbol(asked.params)] if asked.params.get("symbol") else self.desk.symbols
        head: Json = {"timezone": "UTC", "serverTime": ms(asked.now_ns)}
        rows = {"rateLimits": self.limits.rows(), "exchangeFilters": []}
        symbols = {"symbols": [self.shapes.symbol(symbol) for symbol in wanted]}
        if self.is_spot:
            return {**head, **rows, **symbols}
        margins = sorted({instrument.settlement for instrument in self.desk.instruments.values()})
        assets = [{"asset": asset, "marginAvailable": True, "autoAssetExchange": "0"} for asset in margins]
        return {**head, "futuresType": "U_MARGINED", **rows, "assets": assets, **symbols}

    def depth(self, asked: Asked) -> Json:
        """Return the book."""
        symbol, limit = self._symbol(asked.params), _whole(asked.params, "limit", 100 if self.is_spot else 500)
        self.desk.pump(asked.now_ns)
        return self.streams.snapshot(symbol, limit, ms(asked.now_ns))

    def trades(self, asked: Asked) -> list[Json]:
        """Return the last trades of everybody."""
        symbol, limit = self._symbol(asked.params), _whole(asked.params, "limit", 500)
        return [self.shapes.public_trade(symbol, trade) for trade in list(self.desk.trades[symbol])[-limit:]]

    def book_ticker(self, asked: Asked) -> Json | list[Json]:
        """Return best prices."""
        self.desk.pump(asked.now_ns)
        if asked.params.get("symbol"):
            return self._best(self._symbol(asked.params), asked.now_ns)
        return [self._best(symbol, asked.now_ns) for symbol in self.desk.symbols]

    def _best(self, symbol: str, now_ns: int) -> Json:
        level = self.shapes.digits[symbol].level
        sides = self.desk.exchange.depth(self.desk.market_of[symbol], 1)
        [bid, ask] = [level(*side[0]) if side else level(0, 0) for side in sides]
        told = {"symbol": symbol, "bidPrice": bid[0], "bidQty": bid[1], "askPrice": ask[0], "askQty": ask[1]}
        return told if self.is_spot else {**told, "time": ms(now_ns)}

    def premium_index(self, asked: Asked) -> Json | list[Json]:
        """Return marks."""
        wanted = [self._symbol(asked.params)] if asked.params.get("symbol") else list(self.desk.symbols)
        rows = []
        for symbol in wanted:
            mark = self.streams.mark(symbol, ms(asked.now_ns))
            rows.append(
                {
                    "symbol": symbol,
                    "markPrice": mark["p"],
                    "indexPrice": mark["i"],
                    "estimatedSettlePrice": mark["P"],
                    "lastFundingRate": mark["r"],
                    "interestRate": "0.00010000",
                    "nextFundingTime": mark["T"],
                    "time": mark["E"],
                }
            )
        return rows[0] if asked.params.get("symbol") else rows

    # Orders.

    def place(self, asked: Asked) -> Json:
        """Take a new order."""
        wish = read(OrderRequest, asked.params)
        return self._place(wish, asked)

    def _place(self, wish: OrderRequest, asked: Asked) -> Json:
        symbol = self._symbol({"symbol": wish.symbol})
        order, terms = self._terms(symbol, wish, asked)
        self._check(symbol, order)
        try:
            self.desk.submit(order, asked.now_ns, **terms)
        except TradecoreError as error:
            raise Refused(-1100, f"Illegal characters found in a parameter: {error}") from None
        if order.status == "REJECTED":
            raise refusal_of(order.reason, is_spot=self.is_spot)
        is_full = self.is_spot and wish.type in ("LIMIT", "MARKET")
        told: Json = self.shapes.placed(order, wish.newOrderRespType or ("FULL" if is_full else "ACK"))
        return told

    def _terms(self, symbol: str, wish: OrderRequest, asked: Asked) -> tuple[OrderRecord, dict[str, Any]]:
        """Return an order, and the terms of the exchange that go with its type."""
        is_limit = wish.type in ("LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
        if wish.type not in (_SPOT_TYPES if self.is_spot else ("LIMIT", "MARKET")):
            if not self.is_spot and wish.type in _ALGO_TYPES:
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
                raise (
                    Refused(*_missing(name))
                    if is_needed
                    else Refused(-1106, f"Parameter '{name}' sent when not required.")
                )
        if self.is_spot and (lives in ("GTX", "GTD") or wish.reduceOnly is not None or wish.positionSide):
            raise Refused(-1106, "A parameter of futures was sent to spot.")
        qty = wish.quantity
        if wish.quoteOrderQty is not None:
            if not self.is_spot or wish.type != "MARKET" or qty is not None:
                raise Refused(-1106, "Parameter 'quoteOrderQty' sent when not required.")
            qty = self._worth(symbol, wish.side, wish.quoteOrderQty, asked.now_ns)
        if qty is None:
            raise Refused(*_missing("quantity"))
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
        client_id = wish.newClientOrderId or f"sandbox-{next(self._made_ids)}"
        if any(order.client_id == client_id for order in self.desk.open_orders(asked.account)):
            raise (
                Refused(-2010, "Duplicate order sent.")
                if self.is_spot
                else Refused(-4116, "ClientOrderId is duplicated.")
            )
        order = OrderRecord(
            order_id=self.desk.next_order_id(),
            client_id=client_id,
            account=asked.account,
            market=self.desk.market_of[symbol],
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

    def _worth(self, symbol: str, side: str, quote: Decimal, now_ns: int) -> Decimal:
        """Return how much a quote quantity buys or sells for now, in whole lots."""
        self.desk.pump(now_ns)
        instrument, left, qty = self.desk.instruments[symbol], quote, Decimal(0)
        bids, asks = self.desk.exchange.depth(self.desk.market_of[symbol], 1_000)
        for price, size in asks if side == "BUY" else bids:
            worth = price * instrument.price_increment
            part = min(size * instrument.qty_increment, left / worth)
            qty, left = qty + part, left - part * worth
            if left <= 0:
                break
        return (qty / instrument.lot_size).quantize(Decimal(1), ROUND_DOWN) * instrument.lot_size

    def _check(self, symbol: str, order: OrderRecord) -> None:
        """Hold an order against the filters of its symbol."""
        instrument = self.desk.instruments[symbol]
        for price in (order.price, order.stop_price):
            if price % instrument.tick_size:
                raise (
                    Refused(-1013, "Filter failure: PRICE_FILTER")
                    if self.is_spot
                    else Refused(-4014, "Price not increased by tick size.")
                )
        if order.qty % instrument.lot_size or order.qty < instrument.min_qty:
            raise (
                Refused(-1013, "Filter failure: LOT_SIZE")
                if self.is_spot
                else Refused(-4023, "Qty not increased by step size.")
            )

    def _find(self, asked: Asked, symbol: str, order_id: int | None, client_id: str | None) -> OrderRecord | None:
        if order_id is None and client_id is None:
            raise Refused(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
        symbol = self._symbol({"symbol": symbol})
        return self.desk.find(asked.account, symbol, order_id=order_id, client_id=client_id)

    def _which(self, wish: WhichOrder | AmendRequest | ModifyRequest, asked: Asked) -> OrderRecord | None:
        return self._find(asked, wish.symbol, wish.orderId, wish.origClientOrderId)

    def order(self, asked: Asked) -> Json:
        """Return an order."""
        self.desk.pump(asked.now_ns)
        order = self._which(read(WhichOrder, asked.params), asked)
        if order is None:
            raise Refused(*NO_ORDER)
        told: Json = self.shapes.order(order)
        return told

    def open_orders(self, asked: Asked) -> list[Json]:
        """Return the open orders."""
        self.desk.pump(asked.now_ns)
        symbol = self._symbol(asked.params) if asked.params.get("symbol") else None
        return [self.shapes.order(order) for order in self.desk.open_orders(asked.account, symbol)]

    def all_orders(self, asked: Asked) -> list[Json]:
        """Return the last orders of a symbol, open or not."""
        self.desk.pump(asked.now_ns)
        symbol, limit = self._symbol(asked.params), _whole(asked.params, "limit", 500)
        mine = [o for o in self.desk.orders.values() if (o.account, o.symbol) == (asked.account, symbol)]
        return [self.shapes.order(order) for order in mine[-limit:]]

    def cancel(self, asked: Asked) -> Json:
        """Cancel an order."""
        wish = read(WhichOrder, asked.params)
        return self._cancel(self._which(wish, asked), wish.newClientOrderId, asked)

    def _cancel(self, order: OrderRecord | None, request_id: str | None, asked: Asked) -> Json:
        if order is None or not order.is_open:
            raise Refused(*UNKNOWN_ORDER)
        request_id = request_id or f"cancel-{next(self._made_ids)}"
        self._cancel_ids[order.order_id] = request_id
        try:
            if not self.desk.cancel(order, asked.now_ns):
                raise Refused(*UNKNOWN_ORDER)
        finally:
            self._cancel_ids.pop(order.order_id, None)
        told: Json = self.shapes.cancelled(order, request_id)
        return told

    def cancel_all(self, asked: Asked) -> list[Json] | Json:
        """Cancel all orders of a symbol."""
        self.desk.pump(asked.now_ns)
        mine = self.desk.open_orders(asked.account, self._symbol(asked.params))
        if not self.is_spot:
            for order in mine:
                self.desk.cancel(order, asked.now_ns)
            return {"code": 200, "msg": "The operation of cancel all open order is done."}
        if not mine:
            raise Refused(*UNKNOWN_ORDER)
        return [self._cancel(order, None, asked) for order in mine]

    def cancel_replace(self, asked: Asked) -> Json:
        """Cancel an order and place another one."""
        wish = read(CancelReplaceRequest, asked.params)
        told: Json = {"cancelResult": "SUCCESS", "newOrderResult": "SUCCESS"}
        try:
            told["cancelResponse"] = self._cancel(
                self._find(asked, wish.symbol, wish.cancelOrderId, wish.cancelOrigClientOrderId),
                wish.cancelNewClientOrderId,
                asked,
            )
        except Refused as refused:
            told |= {"cancelResult": "FAILURE", "cancelResponse": {"code": refused.code, "msg": refused.text}}
            if wish.cancelReplaceMode == "STOP_ON_FAILURE":
                told |= {"newOrderResult": "NOT_ATTEMPTED", "newOrderResponse": None}
                raise _Partly(-2022, told) from None
        try:
            told["newOrderResponse"] = self._place(wish, asked)
        except Refused as refused:
            told |= {"newOrderResult": "FAILURE", "newOrderResponse": {"code": refused.code, "msg": refused.text}}
        failed = [told["cancelResult"], told["newOrderResult"]].count("FAILURE")
        if failed:
            raise _Partly(-2021 if failed == 1 else -2022, told)
        return told

    def amend(self, asked: Asked) -> Json:
        """Make an order smaller, where it stands."""
        wish = read(AmendRequest, asked.params)
        order = self._which(wish, asked)
        if order is None or not order.is_open:
            raise Refused(*NO_ORDER)
        if not order.filled < wish.newQty < order.qty:
            raise Refused(-2038, "Order amend (quantity increase) is not supported.")
        if wish.newQty % self.desk.instruments[order.symbol].lot_size:
            raise Refused(-1013, "Filter failure: LOT_SIZE")
        self._replace(order, order.price, wish.newQty, asked)
        if wish.newClientOrderId:
            order.client_id = wish.newClientOrderId
        return {
            "transactTime": ms(order.updated_ns),
            "executionId": next(self._numbers),
            "amendedOrder": self.shapes.order(order),
        }

    def modify(self, asked: Asked) -> Json:
        """Give an order another price and quantity; it loses its place."""
        wish = read(ModifyRequest, asked.params)
        order = self._which(wish, asked)
        if order is None or not order.is_open:
            raise Refused(*NO_ORDER)
        if order.side != wish.side:
            raise Refused(-1102, "Mandatory parameter 'side' must be that of the order.")
        instrument = self.desk.instruments[order.symbol]
        if wish.price % instrument.tick_size:
            raise Refused(-4014, "Price not increased by tick size.")
        if wish.quantity % instrument.lot_size:
            raise Refused(-4023, "Qty not increased by step size.")
        self._replace(order, wish.price, wish.quantity, asked)
        told: Json = self.shapes.placed(order, "RESULT")
        return told

    def _replace(self, order: OrderRecord, price: Decimal, qty: Decimal, asked: Asked) -> None:
        try:
            reason = self.desk.replace(order, price, qty, asked.now_ns)
        except TradecoreError as error:
            raise Refused(-1100, f"Illegal characters found in a parameter: {error}") from None
        if reason is not None:
            raise refusal_of(reason, is_spot=self.is_spot)

    # Accounts.

    def own_trades(self, asked: Asked) -> list[Json]:
        """Return the last fills of a symbol."""
        self.desk.pump(asked.now_ns)
        symbol, limit = self._symbol(asked.params), _whole(asked.params, "limit", 500)
        order_id = _whole(asked.params, "orderId", 0)
        mine = self.desk.fills.get(asked.account, ())
        rows = [(o, f) for o, f in mine if o.symbol == symbol and order_id in (0, o.order_id)]
        return [self.shapes.own_trade(order, fill) for order, fill in rows[-limit:]]

    def _balances(self, account: int) -> dict[str, tuple[Decimal, Decimal]]:
        return self.desk.exchange.balances(account).get(self._venue, {})

    def account(self, asked: Asked) -> Json:
        """Return rates and balances of spot."""
        self.desk.pump(asked.now_ns)
        instrument = next(iter(self.desk.instruments.values()))
        rates = {"maker": instrument.maker_fee_bps, "taker": instrument.taker_fee_bps}
        zero = f"{Decimal(0):.8f}"
        return {
            "makerCommission": int(rates["maker"]),
            "takerCommission": int(rates["taker"]),
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": {
                **{name: f"{rate / 10_000:.8f}" for name, rate in rates.items()}, "buyer": zero, "seller": zero,
            },
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": False,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": ms(asked.now_ns),
            "accountType": "SPOT",
            "balances": [
                {"asset": asset, "free": f"{held - locked:.8f}", "locked": f"{locked:.8f}"}
                for asset, (held, locked) in self._balances(asked.account).items()
            ],
            "permissions": ["SPOT"],
            "uid": asked.account + 1,
        }  # fmt: skip

    def _position(self, account: int, symbol: str) -> Json:
        return self.desk.exchange.position(account, self.desk.market_of[symbol])

    def _standing(self, account: int) -> tuple[list[tuple[str, Json]], dict[str, Decimal]]:
        """Return positions by symbol, and what they come to."""
        held = [(symbol, self._position(account, symbol)) for symbol in self.desk.symbols]
        names = ("initial_margin", "maintenance_margin", "unrealized_pnl")
        return held, {name: sum((position[name] for _, position in held), Decimal(0)) for name in names}

    def futures_account(self, asked: Asked) -> Json:
        """Return margins, balances and positions of futures."""
        self.desk.pump(asked.now_ns)
        held, sums = self._standing(asked.account)
        assets = [
            self._asset(asset, wallet, sums, ms(asked.now_ns))
            for asset, (wallet, _) in self._balances(asked.account).items()
        ]
        total = assets[0] if assets else self._asset("USDT", Decimal(0), sums, ms(asked.now_ns))
        return {
            "totalInitialMargin": total["initialMargin"],
            "totalMaintMargin": total["maintMargin"],
            "totalWalletBalance": total["walletBalance"],
            "totalUnrealizedProfit": total["unrealizedProfit"],
            "totalMarginBalance": total["marginBalance"],
            "totalPositionInitialMargin": total["positionInitialMargin"],
            "totalOpenOrderInitialMargin": total["openOrderInitialMargin"],
            "totalCrossWalletBalance": total["crossWalletBalance"],
            "totalCrossUnPnl": total["crossUnPnl"],
            "availableBalance": total["availableBalance"],
            "maxWithdrawAmount": total["maxWithdrawAmount"],
            "assets": assets,
            "positions": [
                {
                    "symbol": symbol,
                    "positionSide": "BOTH",
                    "positionAmt": self.shapes.digits[symbol].qty(position["qty"]),
                    "unrealizedProfit": f"{position['unrealized_pnl']:.8f}",
                    "isolatedMargin": "0",
                    "notional": f"{position['value']:.8f}",
                    "isolatedWallet": "0",
                    "initialMargin": f"{position['initial_margin']:.8f}",
                    "maintMargin": f"{position['maintenance_margin']:.8f}",
                    "updateTime": ms(asked.now_ns),
                }
                for symbol, position in held
                if position["qty"]
            ],
        }

    def _asset(self, asset: str, wallet: Decimal, sums: Mapping[str, Decimal], at_ms: int) -> Json:
        zero = f"{Decimal(0):.8f}"
        free = max(Decimal(0), wallet + sums["unrealized_pnl"] - sums["initial_margin"])
        return {
            "asset": asset,
            "walletBalance": f"{wallet:.8f}",
            "unrealizedProfit": f"{sums['unrealized_pnl']:.8f}",
            "marginBalance": f"{wallet + sums['unrealized_pnl']:.8f}",
            "maintMargin": f"{sums['maintenance_margin']:.8f}",
            "initialMargin": f"{sums['initial_margin']:.8f}",
            "positionInitialMargin": f"{sums['initial_margin']:.8f}",
            "openOrderInitialMargin": zero,
            "crossWalletBalance": f"{wallet:.8f}",
            "crossUnPnl": f"{sums['unrealized_pnl']:.8f}",
            "availableBalance": f"{free:.8f}",
            "maxWithdrawAmount": f"{free:.8f}",
            "updateTime": at_ms,
        }

    def futures_balance(self, asked: Asked) -> list[Json]:
        """Return the balances of futures."""
        self.desk.pump(asked.now_ns)
        _, sums = self._standing(asked.account)
        names = ("crossWalletBalance", "crossUnPnl", "availableBalance", "maxWithdrawAmount")
        rows = []
        for asset, (wallet, _) in self._balances(asked.account).items():
            row = self._asset(asset, wallet, sums, ms(asked.now_ns))
            head = {"accountAlias": "sandbox", "asset": asset, "balance": row["walletBalance"]}
            rows.append(
                {**head, **{name: row[name] for name in names}, "marginAvailable": True, "updateTime": ms(asked.now_ns)}
            )
        return rows

    def positions(self, asked: Asked) -> list[Json]:
        """Return the positions of futures."""
        self.desk.pump(asked.now_ns)
        wanted = [self._symbol(asked.params)] if asked.params.get("symbol") else list(self.desk.symbols)
        rows = []
        for symbol in wanted:
            position = self._position(asked.account, symbol)
            digits = self.shapes.digits[symbol]
            entry = f"{position['avg_entry_price'] or 0.0:.8f}"
            rows.append(
                {
                    "symbol": symbol,
                    "positionSide": "BOTH",
                    "positionAmt": digits.qty(position["qty"]),
                    "entryPrice": entry,
                    "breakEvenPrice": entry,
                    "markPrice": f"{position['mark_price'] or 0.0:.8f}",
                    "unRealizedProfit": f"{position['unrealized_pnl']:.8f}",
                    "liquidationPrice": "0",
                    "isolatedMargin": "0",
                    "notional": f"{position['value'] if position['qty'] >= 0 else -position['value']:.8f}",
                    "marginAsset": self.desk.instruments[symbol].settlement,
                    "isolatedWallet": "0",
                    "initialMargin": f"{position['initial_margin']:.8f}",
                    "maintMargin": f"{position['maintenance_margin']:.8f}",
                    "positionInitialMargin": f"{position['initial_margin']:.8f}",
                    "openOrderInitialMargin": "0",
                    "adl": 0,
                    "bidNotional": "0",
                    "askNotional": "0",
                    "updateTime": ms(asked.now_ns),
                    "leverage": str(position["leverage"]),
                    "marginType": "cross",
                }
            )
        return rows

    def leverage(self, asked: Asked) -> Json:
        """Lever a symbol."""
        symbol, leverage = self._symbol(asked.params), _whole(asked.params, "leverage", 0)
        if not 1 <= leverage <= 125:
            raise Refused(-4028, f"Leverage {leverage} is not valid.")
        if not self.desk.exchange.set_leverage(asked.account, self.desk.market_of[symbol], leverage):
            raise Refused(-2019, "Margin is insufficient.")
        config = {"s": symbol, "l": leverage}
        self._tell(
            asked.account, {"e": "ACCOUNT_CONFIG_UPDATE", "E": ms(asked.now_ns), "T": ms(asked.now_ns), "ac": config}
        )
        return {"leverage": leverage, "maxNotionalValue": "1000000", "symbol": symbol}

    def brackets(self, asked: Asked) -> list[Json]:
        """Return up to which worth positions may be levered how far: here one bracket for all."""
        wanted = [self._symbol(asked.params)] if asked.params.get("symbol") else self.desk.symbols
        bracket = {
            "bracket": 1,
            "initialLeverage": 125,
            "notionalCap": 1_000_000_000,
            "notionalFloor": 0,
            "maintMarginRatio": float(MAINTENANCE),
            "cum": 0.0,
        }
        return [{"symbol": symbol, "notionalCoef": 1.0, "brackets": [bracket]} for symbol in wanted]

    # Private streams.

    def listen_key(self, asked: Asked) -> Json:
        """Return the key of a private stream; the same for as long as it lives."""
        for key, account in self.listen_keys.items():
            if account == asked.account:
                return {"listenKey": key}
        key = f"sandbox{asked.account}x{next(self._made_ids)}"
        self.listen_keys[key] = asked.account
        return {"listenKey": key}

    def keep_listen_key(self, asked: Asked) -> Json:
        """Let a private stream live on."""
        if asked.account not in self.listen_keys.values():
            raise Refused(*NO_LISTEN_KEY)
        return self.listen_key(asked)

    def close_listen_key(self, asked: Asked) -> Json:
        """End a private stream."""
        self.listen_keys = {key: account for key, account in self.listen_keys.items() if account != asked.account}
        return {}

    def expire_keys(self, now_ns: int) -> None:
        """End all private streams, each with a word."""
        keys = {account: key for key, account in self.listen_keys.items()}
        for account in tuple(self.users):
            if self.is_spot:
                self._tell(account, {"e": "eventStreamTerminated", "E": ms(now_ns)})
            else:
                self._tell(account, {"e": "listenKeyExpired", "E": ms(now_ns), "listenKey": keys.get(account, "")})
        self.users.clear()
        self.listen_keys.clear()

    def forget(self, account: int, push: Callable[[Json], None]) -> None:
        """Tell somebody no more of an account, if he still is told."""
        if push in self.users[account]:
            self.users[account].remove(push)

    def _tell(self, account: int, event: Json) -> None:
        for push in tuple(self.users[account]):
            push(event)

    def _on_update(self, update: Update) -> None:
        order = update.order
        if order.status == "REJECTED" or not self.users[order.account]:
            return
        if self.is_spot:
            told = self.shapes.execution(update, next(self._numbers), self._cancel_ids.get(order.order_id))
        else:
            told = self.shapes.execution(update)
        if told is None:
            return
        if self.is_spot:
            self._tell(order.account, told)
            self._tell(order.account, self._moved(order, ms(update.ts_ns)))
        else:
            if update.execution is not None:
                self._tell(order.account, self._futures_moved(order, ms(update.ts_ns)))
            self._tell(order.account, told)

    def _moved(self, order: OrderRecord, at: int) -> Json:
        instrument, balances = self.desk.instruments[order.symbol], self._balances(order.account)
        fees = {fill.fee_asset for fill in order.executions}
        touched = [asset for asset in balances if asset in {instrument.base, instrument.quote, *fees}]
        rows = [
            {"a": asset, "f": f"{balances[asset][0] - balances[asset][1]:.8f}", "l": f"{balances[asset][1]:.8f}"}
            for asset in touched
        ]
        return {"e": "outboundAccountPosition", "E": at, "u": at, "B": rows}

    def _futures_moved(self, order: OrderRecord, at: int) -> Json:
        position = self._position(order.account, order.symbol)
        entry = f"{position['avg_entry_price'] or 0.0:.8f}"
        wallets = [
            {"a": asset, "wb": f"{held:.8f}", "cw": f"{held:.8f}", "bc": "0"}
            for asset, (held, _) in self._balances(order.account).items()
        ]
        told = {
            "s": order.symbol,
            "pa": self.shapes.digits[order.symbol].qty(position["qty"]),
            "ep": entry,
            "bep": position["avg_entry_price"] or 0.0,
            "cr": f"{position['realized_pnl']:.8f}",
            "up": f"{position['unrealized_pnl']:.8f}",
            "mt": "cross",
            "iw": "0",
            "ps": "BOTH",
        }
        return {"e": "ACCOUNT_UPDATE", "E": at, "T": at, "a": {"m": "ORDER", "B": wallets, "P": [told]}}


class _Partly(Refused):
    """A cancelReplace of which a half has failed."""

    def __init__(self, code: int, data: Json) -> None:
        text = "Order cancel-replace partially failed." if code == -2021 else "Order cancel-replace failed."
        super().__init__(code, text, status=409 if code == -2021 else 400)
        self.data = data


def _missing(name: str) -> tuple[int, str]:
    return -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."


def _whole(params: Mapping[str, Any], name: str, default: int) -> int:
    value = params.get(name, default)
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if number < 0 or (name == "limit" and not 1 <= number <= 5_000):
        raise Refused(-1100, f"Illegal characters found in parameter '{name}'.")
    return number
