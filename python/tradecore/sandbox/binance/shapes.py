"""Messages of a local Binance, as the venue writes them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from tradecore._core import Instrument
from tradecore.sandbox.desk import Execution, OrderRecord, PublicTrade, Update
from tradecore.sandbox.numbers import Digits, ms

__all__ = ["Shapes", "SpotShapes", "UsdmShapes"]

Json = dict[str, Any]

_EXECUTION: Final = {
    "accepted": "NEW",
    "fill": "TRADE",
    "cancelled": "CANCELED",
    "expired": "EXPIRED",
    "rejected": "REJECTED",
    "reduced": "TRADE_PREVENTION",
}
"""What an execution is called that comes of a kind of notices; others have none."""


_WORKING: Final = {"last": "CONTRACT_PRICE", "mark": "MARK_PRICE"}
"""By which price orders are set off."""


class Shapes(ABC):
    """What a market writes."""

    decimals: ClassVar[tuple[int, int]]
    """How many decimals prices and quantities have at least."""

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self.instruments = instruments
        price, qty = self.decimals
        self.digits = {symbol: Digits(each, price=price, qty=qty) for symbol, each in instruments.items()}

    @abstractmethod
    def symbol(self, symbol: str) -> Json:
        """Write a row of ``exchangeInfo``."""

    @abstractmethod
    def order(self, order: OrderRecord) -> Json:
        """Write an order that is asked for."""

    @abstractmethod
    def placed(self, order: OrderRecord, answer: str) -> Json:
        """Write the answer to a new order: ``ACK``, ``RESULT`` or ``FULL``."""

    @abstractmethod
    def cancelled(self, order: OrderRecord) -> Json:
        """Write the answer to a cancel."""

    @abstractmethod
    def own_trade(self, order: OrderRecord, fill: Execution) -> Json:
        """Write a row of a client's own trades."""

    @abstractmethod
    def execution(self, update: Update) -> Json | None:
        """Write what happened to an order; None where nothing is told of it."""

    def public_trade(self, symbol: str, trade: PublicTrade) -> Json:
        """Write a row of ``trades``."""
        digits = self.digits[symbol]
        row = {
            "id": trade.trade_id,
            "price": digits.price(trade.price),
            "qty": digits.qty(trade.qty),
            "quoteQty": f"{trade.price * trade.qty:.8f}",
            "time": ms(trade.ts_ns),
            "isBuyerMaker": trade.is_buyer_maker,
        }
        return row

    def aggregated(self, symbol: str, trades: Sequence[PublicTrade]) -> Json:
        """Write trades of one price and aggressor as one."""
        digits, first, last = self.digits[symbol], trades[0], trades[-1]
        return {
            "a": first.trade_id,
            "p": digits.price(first.price),
            "q": digits.qty(sum((trade.qty for trade in trades), Decimal(0))),
            "f": first.trade_id,
            "l": last.trade_id,
            "T": ms(last.ts_ns),
            "m": first.is_buyer_maker,
        }


class SpotShapes(Shapes):
    """Spot."""

    decimals = (8, 8)

    def public_trade(self, symbol: str, trade: PublicTrade) -> Json:
        """Write a row of ``trades``."""
        return {**super().public_trade(symbol, trade), "isBestMatch": True}

    def aggregated(self, symbol: str, trades: Sequence[PublicTrade]) -> Json:
        """Write trades of one price and aggressor as one."""
        return {**super().aggregated(symbol, trades), "M": True}

    def symbol(self, symbol: str) -> Json:
        """Write a row of ``exchangeInfo``."""
        instrument = self.instruments[symbol]
        terms = {"applyMinToMarket": True, "maxNotional": "9000000.00000000", "applyMaxToMarket": False}
        modes = ["EXPIRE_MAKER"]
        return {
            "symbol": symbol,
            "status": "TRADING",
            "baseAsset": instrument.base,
            "baseAssetPrecision": 8,
            "quoteAsset": instrument.quote,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "baseCommissionPrecision": 8,
            "quoteCommissionPrecision": 8,
            "orderTypes": [
                "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT",
            ],
            "icebergAllowed": False,
            "ocoAllowed": False,
            "otoAllowed": False,
            "opoAllowed": False,
            "quoteOrderQtyMarketAllowed": True,
            "allowTrailingStop": False,
            "cancelReplaceAllowed": True,
            "amendAllowed": True,
            "pegInstructionsAllowed": False,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": f"{instrument.tick_size:.8f}",
                 "maxPrice": "1000000.00000000", "tickSize": f"{instrument.tick_size:.8f}"},
                {"filterType": "LOT_SIZE", "minQty": f"{instrument.min_qty:.8f}", "maxQty": "9000.00000000",
                 "stepSize": f"{instrument.lot_size:.8f}"},
                {"filterType": "NOTIONAL", "minNotional": f"{instrument.min_notional or Decimal(0):.8f}", **terms,
                 "avgPriceMins": 5},
            ],
            "permissions": [],
            "permissionSets": [["SPOT"]],
            "defaultSelfTradePreventionMode": modes[0],
            "allowedSelfTradePreventionModes": modes,
        }  # fmt: skip

    def order(self, order: OrderRecord) -> Json:
        """Write an order that is asked for."""
        return {
            **self._head(order),
            "stopPrice": self.digits[order.symbol].price(order.stop_price),
            "icebergQty": f"{Decimal(0):.8f}",
            "time": ms(order.created_ns),
            "updateTime": ms(order.updated_ns),
            "isWorking": order.is_working,
            "workingTime": ms(order.created_ns),
        }

    def _head(self, order: OrderRecord) -> Json:
        digits = self.digits[order.symbol]
        return {
            "symbol": order.symbol,
            "orderId": order.order_id,
            "orderListId": -1,
            "clientOrderId": order.client_id,
            "price": digits.price(order.price),
            "origQty": digits.qty(order.qty),
            "executedQty": digits.qty(order.filled),
            "origQuoteOrderQty": f"{order.quote_qty:.8f}",
            "cummulativeQuoteQty": f"{order.cost:.8f}",
            "status": order.status,
            "timeInForce": order.time_in_force,
            "type": order.kind,
            "side": order.side,
            "selfTradePreventionMode": "EXPIRE_MAKER",
        }

    def placed(self, order: OrderRecord, answer: str) -> Json:
        """Write the answer to a new order: ``ACK``, ``RESULT`` or ``FULL``."""
        digits = self.digits[order.symbol]
        head = self._head(order)
        ack = {name: head[name] for name in ("symbol", "orderId", "orderListId", "clientOrderId")}
        ack["transactTime"] = ms(order.updated_ns)
        if answer == "ACK":
            return ack
        result = {**ack, **head, "workingTime": ms(order.created_ns)}
        if answer == "FULL":
            result["fills"] = [
                {
                    "price": digits.price(fill.price),
                    "qty": digits.qty(fill.qty),
                    "commission": f"{fill.fee:.8f}",
                    "commissionAsset": fill.fee_asset,
                    "tradeId": fill.trade_id,
                }
                for fill in order.executions
            ]
        return result

    def cancelled(self, order: OrderRecord) -> Json:
        """Write the answer to a cancel, which has an id of its own."""
        head = {**self._head(order), "origClientOrderId": order.client_id, "clientOrderId": order.cancel_id}
        return {**head, "transactTime": ms(order.updated_ns)}

    def own_trade(self, order: OrderRecord, fill: Execution) -> Json:
        """Write a row of ``myTrades``."""
        digits = self.digits[order.symbol]
        return {
            "symbol": order.symbol,
            "id": fill.trade_id,
            "orderId": order.order_id,
            "orderListId": -1,
            "price": digits.price(fill.price),
            "qty": digits.qty(fill.qty),
            "quoteQty": f"{fill.price * fill.qty:.8f}",
            "commission": f"{fill.fee:.8f}",
            "commissionAsset": fill.fee_asset,
            "time": ms(fill.ts_ns),
            "isBuyer": order.side == "BUY",
            "isMaker": fill.is_maker,
            "isBestMatch": True,
        }

    def execution(self, update: Update) -> Json | None:
        """Write an ``executionReport``; None where there is none of what happened."""
        order, fill, digits = update.order, update.execution, self.digits[update.order.symbol]
        kind = "REPLACED" if update.kind == "replaced" else _EXECUTION.get(update.kind)
        if kind is None:
            return None
        at = ms(update.ts_ns)
        qty, price = (fill.qty, fill.price) if fill else (Decimal(0), Decimal(0))
        is_new_id = kind == "CANCELED" and order.cancel_id is not None
        return {
            "e": "executionReport",
            "E": at,
            "s": order.symbol,
            "c": order.cancel_id if is_new_id else order.client_id,
            "S": order.side,
            "o": order.kind,
            "f": order.time_in_force,
            "q": digits.qty(order.qty),
            "p": digits.price(order.price),
            "P": digits.price(order.stop_price),
            "F": digits.qty(Decimal(0)),
            "g": -1,
            "C": order.client_id if is_new_id else "",
            "x": kind,
            "X": order.status,
            "r": "NONE" if kind != "REJECTED" else "UNKNOWN_ERROR",
            "i": order.order_id,
            "l": digits.qty(qty),
            "z": digits.qty(order.filled),
            "L": digits.price(price),
            "n": f"{fill.fee:.8f}" if fill else "0",
            "N": fill.fee_asset if fill else None,
            "T": at,
            "t": fill.trade_id if fill else -1,
            "I": order.execution_id,
            "w": order.is_open and order.is_working,
            "m": bool(fill and fill.is_maker),
            "M": False,
            "O": ms(order.created_ns),
            "Z": f"{order.cost:.8f}",
            "Y": f"{price * qty:.8f}",
            "Q": f"{order.quote_qty:.8f}",
            "W": ms(order.created_ns),
            "V": "EXPIRE_MAKER",
        }


class UsdmShapes(Shapes):
    """USD-M futures."""

    decimals = (2, 0)

    def symbol(self, symbol: str) -> Json:
        """Write a row of ``exchangeInfo``."""
        instrument = self.instruments[symbol]
        lot = {"minQty": f"{instrument.min_qty:f}", "maxQty": "1000", "stepSize": f"{instrument.lot_size:f}"}
        tick = f"{instrument.tick_size:f}"
        return {
            "symbol": symbol,
            "pair": symbol,
            "contractType": "PERPETUAL",
            "deliveryDate": 4133404800000,
            "onboardDate": 1569398400000,
            "status": "TRADING",
            "maintMarginPercent": "2.5000",
            "requiredMarginPercent": "5.0000",
            "baseAsset": instrument.base,
            "quoteAsset": instrument.quote,
            "marginAsset": instrument.settlement,
            "pricePrecision": 2,
            "quantityPrecision": 3,
            "baseAssetPrecision": 8,
            "quotePrecision": 8,
            "underlyingType": "COIN",
            "underlyingSubType": [],
            "settlePlan": 0,
            "triggerProtect": "0.0500",
            "liquidationFee": "0.012500",
            "marketTakeBound": "0.30",
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000", "tickSize": tick},
                {"filterType": "LOT_SIZE", **lot},
                {"filterType": "MARKET_LOT_SIZE", **lot},
                {"filterType": "MIN_NOTIONAL", "notional": f"{instrument.min_notional or Decimal(0):f}"},
            ],
            "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"],
            "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        }

    def order(self, order: OrderRecord) -> Json:
        """Write an order that is asked for."""
        digits = self.digits[order.symbol]
        average = order.cost / order.filled if order.filled else Decimal(0)
        return {
            "orderId": order.order_id,
            "symbol": order.symbol,
            "status": order.status,
            "clientOrderId": order.client_id,
            "price": digits.price(order.price),
            "avgPrice": f"{average:.5f}",
            "origQty": digits.qty(order.qty),
            "executedQty": digits.qty(order.filled),
            "cumQuote": f"{order.cost:.8f}",
            "timeInForce": order.time_in_force,
            "type": order.kind,
            "reduceOnly": order.reduce_only,
            "closePosition": False,
            "side": order.side,
            "positionSide": "BOTH",
            "stopPrice": self._stop_price(order),
            "workingType": _WORKING[order.trigger],
            "priceProtect": False,
            "origType": order.algo_kind or order.kind,
            "priceMatch": "NONE",
            "selfTradePreventionMode": "EXPIRE_MAKER",
            "goodTillDate": order.expires_ms,
            "time": ms(order.created_ns),
            "updateTime": ms(order.updated_ns),
        }

    def placed(self, order: OrderRecord, answer: str) -> Json:
        """Write the answer to a new order, which of an ``ACK`` says nothing of fills."""
        row = {name: value for name, value in self.order(order).items() if name not in ("avgPrice", "cumQuote", "time")}
        return (
            {**row, "status": "NEW", "executedQty": self.digits[order.symbol].qty(Decimal(0))}
            if answer == "ACK"
            else row
        )

    def cancelled(self, order: OrderRecord) -> Json:
        """Write the answer to a cancel; it goes by the order's own id."""
        return self.placed(order, "RESULT")

    def own_trade(self, order: OrderRecord, fill: Execution) -> Json:
        """Write a row of ``userTrades``."""
        digits = self.digits[order.symbol]
        return {
            "symbol": order.symbol,
            "id": fill.trade_id,
            "orderId": order.order_id,
            "side": order.side,
            "price": digits.price(fill.price),
            "qty": digits.qty(fill.qty),
            "realizedPnl": "0",
            "marginAsset": fill.fee_asset,
            "quoteQty": f"{fill.price * fill.qty:.8f}",
            "commission": f"{fill.fee:.8f}",
            "commissionAsset": fill.fee_asset,
            "time": ms(fill.ts_ns),
            "positionSide": "BOTH",
            "buyer": order.side == "BUY",
            "maker": fill.is_maker,
        }

    def execution(self, update: Update) -> Json | None:
        """Write an ``ORDER_TRADE_UPDATE``; None where there is none of what happened."""
        order, fill, digits = update.order, update.execution, self.digits[update.order.symbol]
        kind = "AMENDMENT" if update.kind in ("replaced", "reduced") else _EXECUTION.get(update.kind)
        if update.kind == "triggered":  # what was sent when it was set off is new
            kind = "NEW"
        if kind is None or kind == "REJECTED":
            return None
        at = ms(update.ts_ns)
        qty, price = (fill.qty, fill.price) if fill else (Decimal(0), Decimal(0))
        average = order.cost / order.filled if order.filled else Decimal(0)
        told: Json = {
            "s": order.symbol,
            "c": order.client_id,
            "S": order.side,
            "o": order.kind,
            "f": order.time_in_force,
            "q": digits.qty(order.qty),
            "p": digits.price(order.price),
            "ap": f"{average:.5f}",
            "sp": self._stop_price(order),
            "x": kind,
            "X": order.status,
            "i": order.order_id,
            "l": digits.qty(qty),
            "z": digits.qty(order.filled),
            "L": digits.price(price),
            "T": at,
            "t": fill.trade_id if fill else 0,
            "b": "0",
            "a": "0",
            "m": bool(fill and fill.is_maker),
            "R": order.reduce_only,
            "wt": _WORKING[order.trigger],
            "ot": order.algo_kind or order.kind,
            "ps": "BOTH",
            "cp": False,
            "rp": "0",
            "pP": False,
            "si": 0,
            "ss": 0,
            "V": "EXPIRE_MAKER",
            "pm": "NONE",
            "gtd": order.expires_ms,
        }
        if fill:
            told |= {"n": f"{fill.fee:.8f}", "N": fill.fee_asset}
        return {"e": "ORDER_TRADE_UPDATE", "E": at, "T": at, "o": told}

    def _stop_price(self, order: OrderRecord) -> str:
        return self.digits[order.symbol].price(order.stop_price) if order.stop_price else "0"

    def algo(self, order: OrderRecord) -> Json:
        """Write a conditional order that is asked for."""
        digits, status = self.digits[order.symbol], _algo_status(order)
        average = order.cost / order.filled if order.filled else Decimal(0)
        return {
            "algoId": order.algo_id,
            "clientAlgoId": order.client_id,
            "algoType": "CONDITIONAL",
            "orderType": order.algo_kind,
            "symbol": order.symbol,
            "side": order.side,
            "positionSide": "BOTH",
            "timeInForce": order.time_in_force,
            "quantity": digits.qty(order.qty),
            "algoStatus": status,
            "actualOrderId": str(order.order_id) if order.is_working else "",
            "actualPrice": f"{average:.5f}",
            "triggerPrice": self._stop_price(order),
            "price": digits.price(order.price),
            "workingType": _WORKING[order.trigger],
            "priceMatch": "NONE",
            "closePosition": False,
            "priceProtect": False,
            "reduceOnly": order.reduce_only,
            "selfTradePreventionMode": "EXPIRE_MAKER",
            "createTime": ms(order.created_ns),
            "updateTime": ms(order.updated_ns),
            "triggerTime": ms(order.updated_ns) if order.is_working else 0,
            "goodTillDate": 0,
        }

    def algo_update(self, update: Update) -> Json:
        """Write an ``ALGO_UPDATE``."""
        order, at = update.order, ms(update.ts_ns)
        row = self.algo(order)
        told = {
            "caid": order.client_id,
            "aid": order.algo_id,
            "at": row["algoType"],
            "o": order.algo_kind,
            "s": order.symbol,
            "S": order.side,
            "ps": "BOTH",
            "f": order.time_in_force,
            "q": row["quantity"],
            "X": row["algoStatus"],
            "ai": row["actualOrderId"],
            "ap": row["actualPrice"],
            "aq": self.digits[order.symbol].qty(order.filled),
            "act": order.kind if order.is_working else "0",
            "tp": row["triggerPrice"],
            "p": row["price"],
            "V": "EXPIRE_MAKER",
            "wt": row["workingType"],
            "pm": "NONE",
            "cp": False,
            "pP": False,
            "R": order.reduce_only,
            "tt": row["triggerTime"],
            "gtd": 0,
            "rm": "" if update.reason is None else update.reason,
        }
        return {"e": "ALGO_UPDATE", "E": at, "T": at, "o": told}


def _algo_status(order: OrderRecord) -> str:
    """Return where a conditional order stands, as its service calls it."""
    if not order.is_working or order.status == "REJECTED":
        return order.status
    return "TRIGGERED" if order.is_open else "FINISHED"
