"""Commands as Bybit wants them, and its refusals in our words. No socket is touched here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from tradecore._core import Command
from tradecore.types import OrderType, Side, TimeInForce
from tradecore.venues.bybit.market import Market
from tradecore.venues.listing import symbol_of
from tradecore.venues.orders import Refusal, has_limit

__all__ = ["Body", "amend_body", "cancel_body", "place_body", "refusal_of"]

Body: TypeAlias = dict[str, Any]

_STOPS = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)
_LIVES = {TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC", TimeInForce.FOK: "FOK"}
_TRIGGERS = {"last": "LastPrice", "mark": "MarkPrice"}

_BY_CODE: Mapping[str, str] = {
    **dict.fromkeys(("110004", "110012", "110044", "110045", "110051", "110052", "110053"), "insufficient_margin"),
    **dict.fromkeys(("110007", "170131"), "insufficient_balance"),
    **dict.fromkeys(("110003", "170132", "170133", "170134", "170192", "170193", "170194"), "off_grid"),
    **dict.fromkeys(("170136", "170137", "170148"), "min_qty"),
    **dict.fromkeys(("110094", "170140"), "min_notional"),
    **dict.fromkeys(("110001", "110008", "110010", "170139", "170142", "170213"), "unknown_order"),
    "110017": "reduce_only",
    "110074": "not_listed",
    "170218": "post_only_would_cross",
}


def place_body(market: Market, command: Command) -> Body:
    """Return a new order.

    Raises
    ------
    Refusal
        For terms the venue's interface has no words for.
    """
    if command.order_type is OrderType.TRAILING_STOP:
        raise Refusal("unsupported", "a trailing stop is one of the position here")
    if command.slides:
        raise Refusal("unsupported", "post-only orders of the venue do not slide")
    if command.display_qty is not None:
        raise Refusal("unsupported", "there are no icebergs here")
    body = _named(market, command) | {
        "side": "Buy" if command.side is Side.BUY else "Sell",
        "orderType": "Limit" if has_limit(command) else "Market",
        "qty": command.qty_text,
        "timeInForce": _life(command),
    }
    if price := command.price_text:
        body["price"] = price
    if market.is_spot:
        if command.reduce_only:
            raise Refusal("unsupported", "spot orders are not reduce-only")
        body["marketUnit"] = "baseCoin"  # else a market order to buy counts in quote currency
    else:
        body |= {"positionIdx": 0, "reduceOnly": command.reduce_only}
    return body | _trigger(market, command)


def _life(command: Command) -> str:
    if command.price is None:
        return "IOC"
    if command.post_only:
        return "PostOnly"
    life = _LIVES.get(command.time_in_force)
    if life is None:
        raise Refusal("unsupported", f"time in force {command.time_in_force.name} is not one of the venue's")
    return life


def _trigger(market: Market, command: Command) -> Body:
    if command.trigger_price is None:
        return {}
    by = _TRIGGERS.get(command.trigger or "last")
    if by is None or (market.is_spot and command.trigger == "mark"):
        raise Refusal("unsupported", f"triggers are not by the {command.trigger} price here")
    rises = (command.side is Side.BUY) == (command.order_type in _STOPS)
    body: Body = {"triggerPrice": f"{command.trigger_price:f}"}
    if market.is_spot:
        return body | {"orderFilter": "StopOrder"}
    return body | {"triggerDirection": 1 if rises else 2, "triggerBy": by}


def amend_body(market: Market, command: Command) -> Body:
    """Return a replacement: the total quantity, with the limit and the trigger of an order that has them."""
    body = _named(market, command) | {"qty": command.qty_text}
    if has_limit(command):
        body["price"] = command.price_text
    if command.trigger_price is not None:
        body["triggerPrice"] = f"{command.trigger_price:f}"
    return body


def cancel_body(market: Market, command: Command) -> Body:
    """Return a cancel."""
    return _named(market, command)


def _named(market: Market, command: Command) -> Body:
    symbol = symbol_of(command.instrument)
    return {"category": market.category_of(command.instrument), "symbol": symbol, "orderLinkId": command.client_id}


def refusal_of(code: str, text: str) -> Refusal:
    """Return what an error of the venue is in our words."""
    return Refusal(_BY_CODE.get(code, "venue"), f"{text} ({code})")
