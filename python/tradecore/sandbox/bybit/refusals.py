"""What a local Bybit answers with in place of a result."""

from __future__ import annotations

from tradecore.sandbox.refused import Refused

__all__ = ["BAD_SIGNATURE", "UNKNOWN_KEY", "bad", "refusal_of"]

BAD_SIGNATURE = (10004, "error sign! please check your signature generation algorithm.")
UNKNOWN_KEY = (10003, "API key is invalid.")

_LINEAR = {
    "insufficient_margin": (110007, "ab not enough for new order"),
    "insufficient_balance": (110007, "ab not enough for new order"),
    "reduce_only": (110017, "current position is zero, cannot fix reduce-only order qty"),
    "min_notional": (110094, "Order does not meet minimum order value"),
    "tick_size": (110003, "Order price exceeds the allowable range."),
    "off_grid": (110003, "Order price exceeds the allowable range."),
    "not_listed": (110074, "This contract is not live"),
    "duplicate": (110072, "OrderLinkedID is duplicate"),
    "unknown_order": (110001, "order not exists or too late to cancel"),
    "lot_size": (10001, "Qty invalid"),
    "min_qty": (10001, "The number of contracts is lower than the minimum"),
    "max_qty": (10001, "The number of contracts exceeds maximum limit allowed"),
}
_SPOT = {
    "insufficient_balance": (170131, "Insufficient balance."),
    "min_notional": (170140, "Order value exceeded lower limit."),
    "tick_size": (170134, "Order price has too many decimals."),
    "off_grid": (170134, "Order price has too many decimals."),
    "lot_size": (170137, "Order volume decimal too long."),
    "min_qty": (170136, "Order quantity exceeded lower limit."),
    "max_qty": (170135, "Order quantity exceeded upper limit."),
    "duplicate": (170141, "Duplicate clientOrderId"),
    "unknown_order": (170213, "Order does not exist."),
}


def bad(name: str, problem: str = "") -> Refused:
    """Return what the venue says where a parameter is missing, unknown or wrong."""
    return Refused(10001, f"params error: {name} {problem or 'invalid'}")


def refusal_of(reason: str | None, *, is_spot: bool) -> Refused:
    """Return what the venue says where the exchange gave a reason."""
    return Refused(*(_SPOT if is_spot else _LINEAR).get(reason or "", (10001, f"params error: {reason}")))
