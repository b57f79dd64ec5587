"""What a local Binance answers with in place of a result."""

from __future__ import annotations

from typing import Any

from tradecore.sandbox.refused import Refused

__all__ = [
    "BAD_INTERVAL",
    "BAD_SIGNATURE",
    "BAD_SYMBOL",
    "BAD_TIMESTAMP",
    "NO_LISTEN_KEY",
    "NO_ORDER",
    "RESTRICTED",
    "UNKNOWN_KEY",
    "UNKNOWN_ORDER",
    "body_of",
    "missing",
    "refusal_of",
    "unreadable",
]

BAD_INTERVAL = (-1120, "Invalid interval.")
BAD_SIGNATURE = (-1022, "Signature for this request is not valid.")
BAD_SYMBOL = (-1121, "Invalid symbol.")
BAD_TIMESTAMP = (-1021, "Timestamp for this request is outside of the recvWindow.")
NO_LISTEN_KEY = (-1125, "This listenKey does not exist.")
NO_ORDER = (-2013, "Order does not exist.")
RESTRICTED = (-2011, "Order was not canceled due to cancel restrictions.")
UNKNOWN_KEY = (-2015, "Invalid API-key, IP, or permissions for action.")
UNKNOWN_ORDER = (-2011, "Unknown order sent.")

_SPOT = {
    "post_only_would_cross": (-2010, "Order would immediately match and take."),
    "insufficient_balance": (-2010, "Account has insufficient balance for requested action."),
    "min_notional": (-1013, "Filter failure: NOTIONAL"),
    "tick_size": (-1013, "Filter failure: PRICE_FILTER"),
    "lot_size": (-1013, "Filter failure: LOT_SIZE"),
    "duplicate": (-2010, "Duplicate order sent."),
}
_USDM = {
    "post_only_would_cross": (
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected.",
    ),
    "insufficient_margin": (-2019, "Margin is insufficient."),
    "insufficient_balance": (-2018, "Balance is insufficient."),
    "reduce_only": (-2022, "ReduceOnly Order is rejected."),
    "min_notional": (-4164, "Order's notional must be no smaller than the symbol's (unless you choose reduce only)."),
    "tick_size": (-4014, "Price not increased by tick size."),
    "lot_size": (-4023, "Qty not increased by step size."),
    "min_qty": (-4023, "Qty not increased by step size."),
    "duplicate": (-4116, "ClientOrderId is duplicated."),
}
_BOTH = {
    "min_qty": (-1013, "Filter failure: LOT_SIZE"),
    "max_qty": (-1013, "Filter failure: LOT_SIZE"),
    "off_grid": (-1111, "Precision is over the maximum defined for this asset."),
    "unsupported": (-1106, "A parameter was sent when not required."),
    "invalid_terms": (-1102, "A mandatory parameter was not sent, was empty/null, or malformed."),
    "unknown_order": UNKNOWN_ORDER,
    "not_listed": (-2010, "Market is closed."),
}


def body_of(refused: Refused) -> dict[str, Any]:
    """Return an error as the venue writes it."""
    body = {"code": refused.code, "msg": refused.text}
    return body if refused.data is None else {**body, "data": refused.data}


def missing(name: str) -> Refused:
    """Return what the venue says where a parameter is missing or cannot be read."""
    return Refused(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def unreadable(name: str, problem: str = "") -> Refused:
    """Return what the venue says of a value that it cannot read."""
    return Refused(-1100, f"Illegal characters found in parameter '{name}'{problem}.")


def refusal_of(reason: str | None, *, is_spot: bool) -> Refused:
    """Return what the venue says where the exchange gave a reason."""
    table = {**_BOTH, **(_SPOT if is_spot else _USDM)}
    return Refused(*table.get(reason or "", (-2010, "New order rejected.")))
