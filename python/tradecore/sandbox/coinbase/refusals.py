"""What a local Coinbase answers with in place of a result."""

from __future__ import annotations

from typing import Any

from tradecore.sandbox.refused import Refused

__all__ = ["bad", "body_of", "failed_order", "failure_of", "not_found", "unauthorized"]

_FAILURES = {
    "insufficient_balance": "INSUFFICIENT_FUND",
    "post_only_would_cross": "INVALID_LIMIT_PRICE_POST_ONLY",
    "tick_size": "INVALID_PRICE_PRECISION",
    "off_grid": "INVALID_PRICE_PRECISION",
    "lot_size": "INVALID_SIZE_PRECISION",
    "min_qty": "ORDER_SIZE_TOO_SMALL",
    "max_qty": "ORDER_SIZE_TOO_LARGE",
    "min_notional": "ORDER_SIZE_TOO_SMALL",
    "unsupported": "UNSUPPORTED_ORDER_CONFIGURATION",
    "not_listed": "INVALID_PRODUCT_ID",
    "unknown_order": "ORDER_NOT_FOUND",
}


def unauthorized() -> Refused:
    """Return what the venue says of a token that it does not take."""
    return Refused("UNAUTHENTICATED", "Unauthorized", status=401)


def bad(name: str, problem: str = "is invalid") -> Refused:
    """Return what the venue says where a parameter is missing, unknown or wrong."""
    return Refused("INVALID_ARGUMENT", f"{name} {problem}")


def not_found(what: str) -> Refused:
    """Return what the venue says of what it does not have."""
    return Refused("NOT_FOUND", f"{what} not found", status=404)


def body_of(refused: Refused) -> dict[str, Any]:
    """Return an error as the venue writes it."""
    return {"error": refused.code, "error_details": refused.text, "message": refused.text}


def failure_of(reason: str | None) -> str:
    """Return what the venue calls a reason of the exchange."""
    return _FAILURES.get(reason or "", "UNKNOWN_FAILURE_REASON")


def failed_order(failure: str, configuration: Any, text: str = "") -> dict[str, Any]:
    """Return the answer to a new order that was refused, which is no error of the request."""
    told = {
        "error": failure,
        "message": text or failure.replace("_", " ").capitalize(),
        "error_details": text,
        "preview_failure_reason": f"PREVIEW_{failure}",
        "new_order_failure_reason": failure,
    }
    return {"success": False, "error_response": told, "order_configuration": configuration}
