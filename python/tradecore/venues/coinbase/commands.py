"""Commands as Coinbase wants them, and its refusals in our words. No socket is touched here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradecore._core import Command
from tradecore.types import OrderType, Side, TimeInForce
from tradecore.venues.coinbase.private import to_text
from tradecore.venues.listing import symbol_of
from tradecore.venues.orders import Refusal

__all__ = ["order_body", "refusal_of"]

_BY_CODE = {
    "INSUFFICIENT_FUND": "insufficient_balance",
    "INVALID_LIMIT_PRICE_POST_ONLY": "post_only_would_cross",
    "INVALID_SIZE_PRECISION": "off_grid",
    "INVALID_PRICE_PRECISION": "off_grid",
    "UNSUPPORTED_ORDER_CONFIGURATION": "unsupported",
    "INVALID_PRODUCT_ID": "not_listed",
    "UNKNOWN_CANCEL_ORDER": "unknown_order",
}


def order_body(command: Command) -> dict[str, Any]:
    """Return a new order.

    Raises
    ------
    Refusal
        For terms the venue's interface has no words for.
    """
    if command.reduce_only or command.display_qty is not None or command.slides:
        raise Refusal("unsupported", "there are no reduce-only, iceberg or sliding orders here")
    return {
        "client_order_id": command.client_id,
        "product_id": symbol_of(command.instrument),
        "side": "BUY" if command.side is Side.BUY else "SELL",
        "order_configuration": _configuration(command),
    }


def _configuration(command: Command) -> dict[str, Any]:
    size = {"base_size": command.qty_text}
    if command.order_type is OrderType.MARKET:
        return {"market_market_ioc": size}
    if command.price is None:
        raise Refusal("unsupported", "a conditional order needs a limit here")
    terms: dict[str, Any] = size | {"limit_price": command.price_text}
    life = command.time_in_force
    if life is TimeInForce.GTD and command.expires_at is not None:
        terms["end_time"] = to_text(command.expires_at)
    if command.order_type in (OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT):
        return _stop(command, terms)
    match life:
        case TimeInForce.GTC:
            return {"limit_limit_gtc": terms | {"post_only": command.post_only}}
        case TimeInForce.GTD:
            return {"limit_limit_gtd": terms | {"post_only": command.post_only}}
        case TimeInForce.FOK:
            return {"limit_limit_fok": terms}
        case TimeInForce.IOC:
            return {"sor_limit_ioc": terms}
        case _:
            raise Refusal("unsupported", f"time in force {life.name} is not one of the venue's")


def _stop(command: Command, terms: dict[str, Any]) -> dict[str, Any]:
    if command.post_only or command.trigger not in (None, "last"):
        raise Refusal("unsupported", "conditional orders are set off by the last price, and are not post-only")
    lives = {TimeInForce.GTC: "gtc", TimeInForce.GTD: "gtd"}
    if command.time_in_force not in lives:
        raise Refusal("unsupported", f"a conditional order is not {command.time_in_force.name} here")
    rises = (command.side is Side.BUY) == (command.order_type is OrderType.STOP_LIMIT)
    direction = "STOP_DIRECTION_STOP_UP" if rises else "STOP_DIRECTION_STOP_DOWN"
    stop = {"stop_price": f"{command.trigger_price:f}", "stop_direction": direction}
    return {f"stop_limit_stop_limit_{lives[command.time_in_force]}": terms | stop}


def refusal_of(answer: Mapping[str, Any]) -> Refusal:
    """Return what a refused order is in our words."""
    error = answer.get("error_response") or {}
    named = ("error", "new_order_failure_reason", "preview_failure_reason", "failure_reason", "edit_failure_reason")
    said = [str(source[name]) for source in (error, answer) for name in named if source.get(name)]
    words = [_BY_CODE.get(each.removeprefix("PREVIEW_")) for each in said]
    detail = ", ".join([*said, *([str(error["message"])] if error.get("message") else [])])
    return Refusal(next((word for word in words if word), "venue"), detail or "refused")
