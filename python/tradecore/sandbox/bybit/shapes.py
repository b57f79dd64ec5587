"""Messages of a local Bybit, as the venue writes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from tradecore.sandbox.desk import Desk, Execution, OrderRecord, PublicTrade
from tradecore.sandbox.numbers import Digits, money, ms

__all__ = ["Shapes"]

Json = dict[str, Any]

_STATUS: Final = {
    "NEW": "New",
    "PARTIALLY_FILLED": "PartiallyFilled",
    "FILLED": "Filled",
    "CANCELED": "Cancelled",
    "EXPIRED": "Cancelled",
    "EXPIRED_IN_MATCH": "Cancelled",
    "REJECTED": "Cancelled",
}
_REASONS: Final = {
    "post_only_would_cross": "EC_PostOnlyWillTakeLiquidity",
    "ioc_remainder": "EC_NoImmediateQtyToFill",
    "fok_not_fillable": "EC_CancelForNoFullFill",
    "no_liquidity": "EC_NoEnoughQtyToFill",
    "self_trade": "EC_BySelfMatch",
}
_CANCELS: Final = {"self_trade": "CancelBySmp", "reduce_only": "CancelByReduceOnly", "liquidated": "CancelAllBeforeLiq"}


class Shapes:
    """What a category writes."""

    def __init__(self, category: str, desk: Desk) -> None:
        self.category = category
        self._desk = desk
        self._is_spot = category == "spot"
        places = {"price": 2, "qty": 0}
        self.digits = {symbol: Digits(instrument, **places) for symbol, instrument in desk.instruments.items()}

    # Ids: numbers on spot, UUIDs of contracts.

    def id_of(self, number: int) -> str:
        """Write an id."""
        return str(number) if self._is_spot else str(UUID(int=number))

    def number_of(self, text: str) -> int:
        """Read an id; -1 for what is none."""
        try:
            return int(text) if self._is_spot else UUID(text).int
        except ValueError:
            return -1

    # Public.

    def instrument(self, symbol: str) -> Json:
        """Write a row of ``instruments-info``."""
        of = self._desk.instruments[symbol]
        most, at_once = ("25000000", "5000000") if self.category == "inverse" else ("1190", "500")
        tick, lot, least = f"{of.tick_size:f}", f"{of.lot_size:f}", f"{of.min_qty:f}"
        head = {"symbol": symbol, "baseCoin": of.base, "quoteCoin": of.quote, "status": "Trading"}
        if self._is_spot:
            return head | {
                "innovation": "0",
                "marginTrading": "none",
                "lotSizeFilter": {
                    "basePrecision": lot,
                    "quotePrecision": "0.00000001",
                    "minOrderQty": least,
                    "maxOrderQty": "9000",
                    "minOrderAmt": f"{of.min_notional or Decimal(0):f}",
                    "maxOrderAmt": "8000000",
                },
                "priceFilter": {"tickSize": tick},
            }
        return head | {
            "contractType": f"{self.category.capitalize()}Perpetual",
            "launchTime": "1584230400000",
            "deliveryTime": "0",
            "deliveryFeeRate": "",
            "priceScale": str(max(0, -int(of.tick_size.normalize().as_tuple().exponent))),
            "leverageFilter": {"minLeverage": "1", "maxLeverage": "100", "leverageStep": "0.01"},
            "priceFilter": {"minPrice": tick, "maxPrice": "1999999.80", "tickSize": tick},
            "lotSizeFilter": {
                "maxOrderQty": most,
                "minOrderQty": least,
                "qtyStep": lot,
                "postOnlyMaxOrderQty": most,
                "maxMktOrderQty": at_once,
                "minNotionalValue": f"{of.min_notional or Decimal(0):f}",
            },
            "unifiedMarginTrade": True,
            "fundingInterval": 480,
            "settleCoin": of.settlement,
        }

    def public_trade(self, symbol: str, trade: PublicTrade, seq: int) -> Json:
        """Write a trade of ``publicTrade``."""
        digits = self.digits[symbol]
        row = {
            "T": ms(trade.ts_ns),
            "s": symbol,
            "S": "Sell" if trade.is_buyer_maker else "Buy",
            "v": digits.qty(trade.qty),
            "p": digits.price(trade.price),
            "i": self.id_of(trade.trade_id),
            "BT": False,
            "RPI": False,
            "seq": seq,
        }
        return row if self._is_spot else {**row, "L": "ZeroPlusTick"}

    def recent_trade(self, symbol: str, trade: PublicTrade) -> Json:
        """Write a row of ``recent-trade``."""
        digits = self.digits[symbol]
        return {
            "execId": self.id_of(trade.trade_id),
            "symbol": symbol,
            "price": digits.price(trade.price),
            "size": digits.qty(trade.qty),
            "side": "Sell" if trade.is_buyer_maker else "Buy",
            "time": str(ms(trade.ts_ns)),
            "isBlockTrade": False,
        }

    # Of an account.

    def status(self, order: OrderRecord) -> str:
        """Return what the venue calls the state of an order."""
        if order.stop_price and not order.is_working:
            return "Untriggered" if order.is_open else "Deactivated"
        if self._is_spot and order.filled and order.status == "CANCELED":
            return "PartiallyFilledCanceled"
        return _STATUS[order.status]

    def order(self, order: OrderRecord) -> Json:
        """Write an order, as a request or the private stream has it, which adds its category."""
        digits = self.digits[order.symbol]
        left = order.qty - order.filled if order.is_open else Decimal(0)
        fees = sum((fill.fee for fill in order.executions), Decimal(0))
        is_stop = order.stop_price != 0
        by_user = order.status == "CANCELED" and not order.is_abandoned
        cancel = "CancelByDCP" if order.is_abandoned else _CANCELS.get(order.reason or "", "UNKNOWN")
        return {
            "symbol": order.symbol,
            "orderId": self.id_of(order.order_id),
            "orderLinkId": order.client_id,
            "blockTradeId": "",
            "side": order.side.capitalize(),
            "positionIdx": 0,
            "orderStatus": self.status(order),
            "cancelType": "CancelByUser" if by_user else cancel,
            "rejectReason": "EC_PerCancelRequest" if by_user else _REASONS.get(order.reason or "", "EC_NoError"),
            "timeInForce": order.time_in_force,
            "isLeverage": "0" if self._is_spot else "",
            "price": digits.price(order.price),
            "qty": digits.qty(order.qty),
            "avgPrice": money(self._average(order)) if order.filled else "",
            "leavesQty": digits.qty(left),
            "leavesValue": money(self.value(left, order.price)),
            "cumExecQty": digits.qty(order.filled),
            "cumExecValue": money(self._worth(order)),
            "cumExecFee": money(fees),
            "orderType": order.kind,
            "stopOrderType": "Stop" if is_stop else "",
            "orderIv": "",
            "triggerPrice": digits.price(order.stop_price) if is_stop else "",
            "takeProfit": "",
            "stopLoss": "",
            "triggerBy": f"{order.trigger.capitalize()}Price" if is_stop else "",
            "tpTriggerBy": "",
            "slTriggerBy": "",
            "triggerDirection": (1 if order.trigger_rises else 2) if is_stop and not self._is_spot else 0,
            "placeType": "",
            "lastPriceOnCreated": "",
            "closeOnTrigger": False,
            "reduceOnly": order.reduce_only,
            "smpGroup": 0,
            "smpType": "None",
            "smpOrderId": "",
            "slLimitPrice": "0",
            "tpLimitPrice": "0",
            "tpslMode": "UNKNOWN",
            "createType": "CreateByUser",
            "marketUnit": "",
            "createdTime": str(ms(order.created_ns)),
            "updatedTime": str(ms(order.updated_ns)),
        }

    def value(self, qty: Decimal, price: Decimal) -> Decimal:
        """Return what a quantity comes to at a price: in the coin, where contracts are dollars of it."""
        if self.category != "inverse":
            return qty * price
        return round(qty / price, 12) if price else Decimal(0)

    def turnover(self, qty: Decimal, quote: Decimal) -> Decimal:
        """Return what was traded: in the coin at the average price, where contracts are dollars of it."""
        return self.value(qty, quote / qty) if qty else Decimal(0)

    def _worth(self, order: OrderRecord) -> Decimal:
        return sum((self.value(fill.qty, fill.price) for fill in order.executions), Decimal(0))

    def _average(self, order: OrderRecord) -> Decimal:
        worth = self._worth(order)
        return round(order.filled / worth, 4) if self.category == "inverse" else worth / order.filled

    def execution(self, order: OrderRecord, fill: Execution) -> Json:
        """Write a fill, as a request or the private stream has it, which adds its category."""
        digits, instrument = self.digits[order.symbol], self._desk.instruments[order.symbol]
        rate = instrument.maker_fee_bps if fill.is_maker else instrument.taker_fee_bps
        return {
            "symbol": order.symbol,
            "orderId": self.id_of(order.order_id),
            "orderLinkId": order.client_id,
            "side": order.side.capitalize(),
            "orderPrice": digits.price(order.price),
            "orderQty": digits.qty(order.qty),
            "leavesQty": digits.qty(fill.left),
            "createType": "CreateByUser",
            "orderType": order.kind,
            "stopOrderType": "UNKNOWN",
            "execFee": money(fill.fee),
            "execId": self.id_of(fill.trade_id),
            "execPrice": digits.price(fill.price),
            "execQty": digits.qty(fill.qty),
            "execType": "Trade",
            "execValue": money(self.value(fill.qty, fill.price)),
            "execTime": str(ms(fill.ts_ns)),
            "feeCurrency": fill.fee_asset,
            "isMaker": fill.is_maker,
            "isLeverage": "0",
            "feeRate": money(rate / 10_000),
            "tradeIv": "",
            "markIv": "",
            "markPrice": money(self._desk.mark_price(order.symbol)),
            "indexPrice": "",
            "underlyingPrice": "",
            "blockTradeId": "",
            "closedSize": "0",
            "marketUnit": "",
            "seq": fill.trade_id,
        }

    def position(self, account: int, symbol: str, at_ns: int) -> Json:
        """Write a position, as both have it; a request calls the entry ``avgPrice``, the stream ``entryPrice``."""
        held = self._desk.position(account, symbol)
        qty, mark = held["qty"], held["mark_price"]
        return {
            "positionIdx": 0,
            "tradeMode": 0,
            "riskId": 1,
            "riskLimitValue": "2000000",
            "symbol": symbol,
            "side": "" if not qty else "Buy" if qty > 0 else "Sell",
            "size": self.digits[symbol].qty(abs(qty)),
            "leverage": money(held["leverage"]),
            "positionValue": money(held["value"]),
            "positionBalance": "0",
            "markPrice": money(mark),
            "positionIM": money(held["initial_margin"]),
            "positionMM": money(held["maintenance_margin"]),
            "takeProfit": "0",
            "stopLoss": "0",
            "trailingStop": "0",
            "unrealisedPnl": money(held["unrealized_pnl"]),
            "curRealisedPnl": money(held["realized_pnl"]),
            "cumRealisedPnl": money(held["realized_pnl"]),
            "createdTime": str(ms(at_ns)),
            "updatedTime": str(ms(at_ns)),
            "tpslMode": "Full",
            "liqPrice": "",
            "bustPrice": "",
            "positionStatus": "Normal",
            "adlRankIndicator": 2 if qty else 0,
            "autoAddMargin": 0,
            "leverageSysUpdatedTime": "",
            "mmrSysUpdatedTime": "",
            "seq": ms(at_ns),
            "isReduceOnly": False,
        }

    def entry(self, account: int, symbol: str) -> str:
        """Write at which price a position was entered."""
        return money(self._desk.position(account, symbol)["avg_entry_price"])
