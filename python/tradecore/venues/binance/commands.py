"""Commands as Binance wants them, and its refusals in our words. No socket is touched here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from tradecore._core import Command
from tradecore.types import OrderType, TimeInForce
from tradecore.venues.binance.market import Market
from tradecore.venues.binance.replacing import Incarnation
from tradecore.venues.listing import symbol_of
from tradecore.venues.orders import Refusal

__all__ = [
    "Params", "cancel_params", "modify_params", "place_params", "reduce_params", "refusal_of", "replace_params",
]  # fmt: skip

Params: TypeAlias = dict[str, str]

_SPOT_TYPES: Mapping[OrderType, str] = {
    OrderType.MARKET: "MARKET",
    OrderType.LIMIT: "LIMIT",
    OrderType.STOP_MARKET: "STOP_LOSS",
    OrderType.STOP_LIMIT: "STOP_LOSS_LIMIT",
    OrderType.TAKE_PROFIT_MARKET: "TAKE_PROFIT",
    OrderType.TAKE_PROFIT_LIMIT: "TAKE_PROFIT_LIMIT",
}
_SPOT_LIVES = (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)
_USDM_LIVES = (*_SPOT_LIVES, TimeInForce.GTD)

_BY_CODE: Mapping[str, str] = {
    "-1111": "off_grid",
    "-4014": "off_grid",
    "-4023": "off_grid",
    "-4120": "unsupported",
    "-4164": "min_notional",
    "-5021": "fok_not_fillable",
    "-5022": "post_only_would_cross",
    "-1121": "not_listed",
}
_BY_CODE_USDM: Mapping[str, str] = {
    "-2018": "insufficient_balance",
    "-2019": "insufficient_margin",
    "-2020": "no_liquidity",
    "-2022": "reduce_only",
}
_BY_TEXT = (
    ("insufficient balance", "insufficient_balance"),
    ("immediately match", "post_only_would_cross"),
    ("PRICE_FILTER", "off_grid"),
    ("MIN_NOTIONAL", "min_notional"),
    ("NOTIONAL", "min_notional"),
    ("LOT_SIZE", "off_grid"),
    ("Unknown order", "unknown_order"),
)


def place_params(market: Market, command: Command) -> Params:
    """Return the parameters of a new order.

    Raises
    ------
    Refusal
        For terms the venue's interface has no words for.
    """
    if command.slides:
        raise Refusal("unsupported", "post-only orders of the venue do not slide")
    params = _spot_terms(command) if market.is_spot else _contract_terms(command)
    params["symbol"] = symbol_of(command.instrument)
    params["side"] = command.side.name
    params["newClientOrderId"] = command.client_id
    params["newOrderRespType"] = "ACK"
    params["quantity"] = command.qty_text
    return params


def _spot_terms(command: Command) -> Params:
    kind = _SPOT_TYPES.get(command.order_type)
    if kind is None:
        raise Refusal("unsupported", "a trailing stop is one by a share of the price here")
    if command.reduce_only:
        raise Refusal("unsupported", "spot orders are not reduce-only")
    if command.trigger not in (None, "last"):
        raise Refusal("unsupported", f"triggers are by the last price here, not by {command.trigger}")
    terms: Params = {"type": kind}
    if command.trigger_price is not None:
        terms["stopPrice"] = f"{command.trigger_price:f}"
    if price := command.price_text:
        terms["price"] = price
        if command.post_only:
            if command.order_type is not OrderType.LIMIT:
                raise Refusal("unsupported", "a conditional order is not post-only here")
            terms["type"] = "LIMIT_MAKER"
        else:
            terms["timeInForce"] = _life(command, _SPOT_LIVES)
    if command.display_qty is not None:
        terms["icebergQty"] = f"{command.display_qty:f}"
    return terms


def _contract_terms(command: Command) -> Params:
    if command.display_qty is not None:
        raise Refusal("unsupported", "contracts have no icebergs here")
    terms: Params = {"type": "MARKET"}
    if price := command.price_text:
        life = "GTX" if command.post_only else _life(command, _USDM_LIVES)
        terms = {"type": "LIMIT", "price": price, "timeInForce": life}
        if life == "GTD" and command.expires_at is not None:
            terms["goodTillDate"] = str(command.expires_at // 1_000_000)
    if command.reduce_only:
        terms["reduceOnly"] = "true"
    return terms


def _life(command: Command, takes: tuple[TimeInForce, ...]) -> str:
    if command.time_in_force not in takes:
        raise Refusal("unsupported", f"time in force {command.time_in_force.name} is not one of the venue's")
    return command.time_in_force.name


def modify_params(command: Command) -> Params:
    """Return the parameters of a replacement of contracts' orders, which keep their ids.

    Raises
    ------
    Refusal
        For one with a trigger.
    """
    _check_moves(command)
    return {
        "symbol": symbol_of(command.instrument),
        "origClientOrderId": command.client_id,
        "side": command.side.name,
        "quantity": command.qty_text,
        "price": command.price_text,
    }


def reduce_params(command: Command, standing: Incarnation) -> Params:
    """Return the parameters of a smaller quantity for a spot order that keeps its place in the queue."""
    # Without a new id it would be given another one.
    return {
        "symbol": symbol_of(command.instrument),
        "origClientOrderId": standing.text,
        "newClientOrderId": standing.text,
        "newQty": f"{(command.qty or 0) - standing.before:f}",
    }


def replace_params(market: Market, command: Command, taken: Incarnation) -> Params:
    """Return the parameters of a spot order that takes the place of another.

    Raises
    ------
    Refusal
        For one with a trigger, and terms the venue's interface has no words for.
    """
    _check_moves(command)
    quantity = f"{(command.qty or 0) - taken.before:f}"
    return place_params(market, command) | {"newClientOrderId": taken.text, "quantity": quantity}


def cancel_params(command: Command, standing: Incarnation, taken: Incarnation | None = None) -> Params:
    """Return the parameters of a cancel; ``taken`` is what it makes room for."""
    params = {"symbol": symbol_of(command.instrument), "origClientOrderId": standing.text}
    return params if taken is None else params | {"newClientOrderId": taken.cancel_id}


def _check_moves(command: Command) -> None:
    if command.order_type is not OrderType.LIMIT:
        raise Refusal("unsupported", "orders that wait for a trigger are not replaced here: cancel and send anew")


def refusal_of(market: Market, code: str, text: str) -> Refusal:
    """Return what an error of the venue is in our words."""
    detail = f"{text} ({code})"
    reason = _BY_CODE.get(code) or (None if market.is_spot else _BY_CODE_USDM.get(code))
    if reason is None:
        reason = next((word for part, word in _BY_TEXT if part in text), "venue")
    return Refusal(reason, detail)
