"""Conditional orders of USD-M, which wait for their trigger at a service of their own. No socket is touched here.

There they have numbers of their own, called ``algo-<number>`` here. What is sent when one is set off is an ordinary
order with the client id of the conditional one, and the ordinary interface tells of it from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from tradecore._core import Command
from tradecore.reconcile import VenueOrder
from tradecore.types import OrderType, Side, TimeInForce
from tradecore.venues.events import ReportKind, VenueReport
from tradecore.venues.listing import symbol_of
from tradecore.venues.orders import OrderState, Refusal, StandingTerms

__all__ = [
    "algo_cancel_params", "algo_id", "algo_order", "algo_params", "algo_report", "algo_state", "is_conditional",
    "spawned_by",
]  # fmt: skip

_TYPES: Mapping[OrderType, str] = {
    OrderType.STOP_MARKET: "STOP_MARKET",
    OrderType.STOP_LIMIT: "STOP",
    OrderType.TAKE_PROFIT_MARKET: "TAKE_PROFIT_MARKET",
    OrderType.TAKE_PROFIT_LIMIT: "TAKE_PROFIT",
}
_PRICES: Mapping[str | None, str] = {"last": "CONTRACT_PRICE", "mark": "MARK_PRICE"}
_LIVES = (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)
_ENDS: Mapping[str, Literal["cancelled", "expired"]] = {
    "CANCELED": "cancelled",
    "EXPIRED": "expired",
    "REJECTED": "expired",  # when it was set off: it had been taken before
}
_TOLD: Mapping[str, ReportKind] = {"NEW": "accepted", "TRIGGERED": "triggered", **_ENDS}


def is_conditional(command: Command) -> bool:
    """Return whether a command is of an order that waits for a trigger, or has waited."""
    return command.order_type not in (OrderType.MARKET, OrderType.LIMIT)


def algo_id(number: int) -> str:
    """Return the venue's key of a conditional order; numbers of ordinary ones are others."""
    return f"algo-{number}"


def algo_params(command: Command) -> dict[str, str]:
    """Return the parameters of a new conditional order.

    Raises
    ------
    Refusal
        For terms the service has no words for.
    """
    kind, by = _TYPES.get(command.order_type), _PRICES.get(command.trigger)
    if kind is None:
        raise Refusal("unsupported", "a trailing stop is one by a share of the price here")
    if by is None:
        raise Refusal("unsupported", f"triggers are by the last price or the mark here, not by {command.trigger}")
    if command.post_only or command.display_qty is not None:
        raise Refusal("unsupported", "a conditional order is neither post-only nor an iceberg here")
    params = {
        "algoType": "CONDITIONAL",
        "symbol": symbol_of(command.instrument),
        "side": command.side.name,
        "type": kind,
        "quantity": command.qty_text,
        "triggerPrice": f"{command.trigger_price:f}",
        "workingType": by,
        "clientAlgoId": command.client_id,
    }
    if price := command.price_text:
        if command.time_in_force not in _LIVES:
            raise Refusal("unsupported", f"a conditional order is not {command.time_in_force.name} here")
        params |= {"price": price, "timeInForce": command.time_in_force.name}
    if command.reduce_only:
        params["reduceOnly"] = "true"
    return params


def algo_cancel_params(command: Command) -> dict[str, str]:
    """Return the parameters of a cancel of one that waits."""
    return {"symbol": symbol_of(command.instrument), "clientAlgoId": command.client_id}


def spawned_by(row: Mapping[str, Any]) -> str | None:
    """Return the number of the ordinary order that was sent when a conditional one was set off; None before."""
    return str(row.get("actualOrderId") or "") or None


def algo_state(row: Mapping[str, Any]) -> OrderState:
    """Return a conditional order that has sent no other one as ``GET algoOrder`` shows it."""
    end = _ENDS.get(row["algoStatus"])
    return OrderState(
        venue_id=algo_id(row["algoId"]),
        end=end,
        terms=_terms(row),
        ts_event=int(row.get("updateTime") or row["createTime"]) * 1_000_000,
        reason="venue" if end == "expired" else None,
    )


def algo_report(venue: str, event: Mapping[str, Any], ts_recv: int) -> VenueReport | None:
    """Return what an ``ALGO_UPDATE`` tells; what was sent when one was set off is told of as an ordinary order."""
    row = event["o"]
    if (told := _TOLD.get(row["X"])) is None:
        return None
    return VenueReport(
        venue=venue,
        ts_recv=ts_recv,
        instrument=f"{row['s']}.{venue}",
        kind=told,
        order=row["caid"],
        venue_id=algo_id(row["aid"]),
        ts_event=int(event["T"]) * 1_000_000,
        reason="venue" if told == "expired" else None,
        detail=str(row.get("rm", "")),
    )


def algo_order(row: Mapping[str, Any], instrument: str) -> VenueOrder:
    """Return one that waits as an open order."""
    terms = _terms(row)
    return VenueOrder(
        venue_id=algo_id(row["algoId"]),
        instrument=instrument,
        side=Side.BUY if row["side"] == "BUY" else Side.SELL,
        qty=terms.qty,
        price=terms.price,
        client_id=row["clientAlgoId"],
    )


def _terms(row: Mapping[str, Any]) -> StandingTerms:
    """Return the terms of one; what closes a whole position has no quantity, a trailing one no trigger."""
    price, qty, trigger = (Decimal(row.get(name) or 0) for name in ("price", "quantity", "triggerPrice"))
    return StandingTerms(price or None, qty, trigger or None)
