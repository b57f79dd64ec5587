"""Messages of a local Coinbase, as the venue writes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from tradecore.sandbox.candles import Candles
from tradecore.sandbox.coinbase.requests import CONFIGURATIONS
from tradecore.sandbox.desk import Desk, Execution, OrderRecord, PublicTrade
from tradecore.sandbox.numbers import Digits, money, ms
from tradecore.venues.coinbase.private import to_text

__all__ = ["Shapes", "id_of", "number_of"]

Json = dict[str, Any]

_STATUS = {"NEW": "OPEN", "PARTIALLY_FILLED": "OPEN", "FILLED": "FILLED", "EXPIRED": "EXPIRED"}
_PORTFOLIO = str(UUID(int=0))
_NEVER = "0001-01-01T00:00:00Z"


def id_of(number: int) -> str:
    """Write an id."""
    return str(UUID(int=number))


def number_of(text: str) -> int:
    """Read an id; -1 for what is none."""
    try:
        return UUID(text).int
    except ValueError:
        return -1


class Shapes:
    """What the venue writes."""

    def __init__(self, desk: Desk, candles: Candles) -> None:
        self._desk = desk
        self._candles = candles
        self.digits = {symbol: Digits(each, price=0, qty=0) for symbol, each in desk.instruments.items()}

    # Public.

    def product(self, symbol: str, now_ns: int) -> Json:
        """Write a product."""
        of, day = self._desk.instruments[symbol], self._candles.last(symbol, ms(now_ns))
        last = self._desk.last_price(symbol)
        percent = (last / day.open - 1) * 100 if day else Decimal(0)
        price = self.digits[symbol].price
        return {
            "product_id": symbol,
            "price": price(last),
            "price_percentage_change_24h": money(percent),
            "volume_24h": money(day.qty if day else Decimal(0)),
            "volume_percentage_change_24h": "0",
            "base_increment": f"{of.lot_size:f}",
            "quote_increment": f"{of.tick_size:f}",
            "quote_min_size": f"{of.min_notional or of.tick_size:f}",
            "quote_max_size": "150000000",
            "base_min_size": f"{of.min_qty:f}",
            "base_max_size": "3400",
            "base_name": of.base,
            "quote_name": of.quote,
            "watched": False,
            "is_disabled": False,
            "new": False,
            "status": "online",
            "cancel_only": False,
            "limit_only": False,
            "post_only": False,
            "trading_disabled": False,
            "auction_mode": False,
            "product_type": "SPOT",
            "quote_currency_id": of.quote,
            "base_currency_id": of.base,
            "fcm_trading_session_details": None,
            "mid_market_price": "",
            "alias": "",
            "alias_to": [],
            "base_display_symbol": of.base,
            "quote_display_symbol": of.quote,
            "view_only": False,
            "price_increment": f"{of.tick_size:f}",
            "display_name": symbol,
            "product_venue": "CBE",
            "approximate_quote_24h_volume": money(day.quote if day else Decimal(0)),
            "new_at": "2023-01-01T00:00:00Z",
            "market_cap": "",
            "base_cbrn": "",
            "quote_cbrn": "",
            "product_cbrn": "",
            "icon_color": "",
            "icon_url": "",
            "display_name_overwrite": "",
            "is_alpha_testing": False,
            "about_description": "",
            "best_bid_price": "",
            "best_ask_price": "",
            "high_24h": price(day.high if day else last),
            "low_24h": price(day.low if day else last),
            "hidden_from_discovery": False,
        }

    def trade(self, symbol: str, trade: PublicTrade) -> Json:
        """Write a trade; its side is the maker's."""
        digits = self.digits[symbol]
        return {
            "product_id": symbol,
            "trade_id": str(trade.trade_id),
            "price": digits.price(trade.price),
            "size": digits.qty(trade.qty),
            "time": to_text(trade.ts_ns),
            "side": "BUY" if trade.is_buyer_maker else "SELL",
        }

    def best(self, symbol: str) -> list[list[str]]:
        """Write price and size of the best bid and ask."""
        return self.digits[symbol].best(self._desk.levels(symbol, 1))

    # Of an account.

    def status(self, order: OrderRecord) -> str:
        """Return what the venue calls the state of an order: what ends at its time expires, the rest is cancelled."""
        if order.status == "EXPIRED" and order.time_in_force != "GOOD_UNTIL_DATE_TIME":
            return "CANCELLED"
        return _STATUS.get(order.status, "CANCELLED")

    def configuration(self, order: OrderRecord) -> Json:
        """Write the terms of an order, as they are by now."""
        digits = self.digits[order.symbol]
        _, needed, allowed = CONFIGURATIONS[order.kind]
        values: Json = {
            "base_size": digits.qty(order.qty),
            "limit_price": digits.price(order.price),
            "stop_price": digits.price(order.stop_price),
            "stop_direction": f"STOP_DIRECTION_STOP_{'UP' if order.trigger_rises else 'DOWN'}",
            "end_time": to_text(order.expires_ms * 1_000_000),
            "post_only": order.post_only,
        }
        if order.quote_qty:
            return {order.kind: {"quote_size": money(order.quote_qty)}}
        names = needed if needed else ("base_size",)
        return {order.kind: {name: values[name] for name in (*names, *(a for a in allowed if a == "post_only"))}}

    def _common(self, order: OrderRecord) -> Json:
        fees = sum((fill.fee for fill in order.executions), Decimal(0))
        after = order.cost + fees if order.side == "BUY" else order.cost - fees
        hold = (order.qty - order.filled) * (order.price if order.side == "BUY" else 1) if order.is_open else Decimal(0)
        part = order.filled / order.qty * 100
        waits = order.stop_price and not order.is_working
        return {
            "client_order_id": order.client_id,
            "completion_percentage": f"{part:.2f}",
            "filled_value": money(order.cost),
            "number_of_fills": str(len(order.executions)),
            "order_id": id_of(order.order_id),
            "outstanding_hold_amount": money(hold),
            "product_id": order.symbol,
            "product_type": "SPOT",
            "status": self.status(order),
            "time_in_force": order.time_in_force,
            "total_fees": money(fees),
            "total_value_after_fees": money(after),
            "trigger_status": "STOP_PENDING" if waits else "INVALID_ORDER_TYPE",
        }

    def order(self, order: OrderRecord) -> Json:
        """Write an order as a request has it."""
        average = order.cost / order.filled if order.filled else Decimal(0)
        fees = self._common(order)
        kind = "MARKET" if order.kind.startswith("market") else "STOP_LIMIT" if order.stop_price else "LIMIT"
        return fees | {
            "user_id": id_of(order.account + 1),
            "order_configuration": self.configuration(order),
            "side": order.side,
            "created_time": to_text(order.created_ns),
            "filled_size": self.digits[order.symbol].qty(order.filled),
            "average_filled_price": money(average),
            "fee": "",
            "pending_cancel": False,
            "size_in_quote": bool(order.quote_qty),
            "size_inclusive_of_fees": False,
            "order_type": kind,
            "reject_reason": "REJECT_REASON_UNSPECIFIED",
            "settled": order.status == "FILLED",
            "reject_message": "",
            "cancel_message": "",
            "order_placement_source": "RETAIL_ADVANCED",
            "is_liquidation": False,
            "last_fill_time": to_text(order.executions[-1].ts_ns) if order.executions else None,
            "leverage": "",
            "margin_type": "UNKNOWN_MARGIN_TYPE",
            "retail_portfolio_id": _PORTFOLIO,
            "originating_order_id": "",
            "attached_order_id": "",
        }

    def told_order(self, order: OrderRecord) -> Json:
        """Write an order as the user channel has it."""
        digits = self.digits[order.symbol]
        average = order.cost / order.filled if order.filled else Decimal(0)
        left = order.qty - order.filled if order.is_open else Decimal(0)
        kind = "Market" if order.kind.startswith("market") else "Stop Limit" if order.stop_price else "Limit"
        return self._common(order) | {
            "avg_price": money(average),
            "cancel_reason": "User requested cancel" if order.status == "CANCELED" else order.reason or "",
            "contract_expiry_type": "UNKNOWN_CONTRACT_EXPIRY_TYPE",
            "cumulative_quantity": digits.qty(order.filled),
            "leaves_quantity": digits.qty(left),
            "limit_price": digits.price(order.price),
            "order_side": order.side,
            "order_type": kind,
            "post_only": str(order.post_only).lower(),
            "reject_reason": "",
            "retail_portfolio_id": _PORTFOLIO,
            "risk_managed_by": "UNKNOWN_RISK_MANAGEMENT_TYPE",
            "stop_price": digits.price(order.stop_price) if order.stop_price else "",
            "creation_time": to_text(order.created_ns),
            "end_time": to_text(order.expires_ms * 1_000_000) if order.expires_ms else _NEVER,
            "start_time": _NEVER,
        }

    def fill(self, order: OrderRecord, fill: Execution) -> Json:
        """Write a fill."""
        digits, at = self.digits[order.symbol], to_text(fill.ts_ns)
        return {
            "entry_id": f"{id_of(order.order_id)}-{fill.trade_id}",
            "trade_id": id_of(fill.trade_id),
            "order_id": id_of(order.order_id),
            "trade_time": at,
            "trade_type": "FILL",
            "price": digits.price(fill.price),
            "size": digits.qty(fill.qty),
            "commission": money(fill.fee),
            "product_id": order.symbol,
            "sequence_timestamp": at,
            "liquidity_indicator": "MAKER" if fill.is_maker else "TAKER",
            "size_in_quote": False,
            "user_id": id_of(order.account + 1),
            "side": order.side,
            "retail_portfolio_id": _PORTFOLIO,
        }
