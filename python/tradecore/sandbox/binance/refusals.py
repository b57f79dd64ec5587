"""What a local Binance answers with in place of a result."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = [
    "BAD_SIGNATURE",
    "BAD_SYMBOL",
    "BAD_TIMESTAMP",
    "NO_LISTEN_KEY",
    "NO_ORDER",
    "UNKNOWN_KEY",
    "UNKNOWN_ORDER",
    "Refused",
    "refusal_of",
]

BAD_SIGNATURE = (-1022, "Signature for this request is not valid.")
BAD_SYMBOL = (-1121, "Invalid symbol.")
BAD_TIMESTAMP = (-1021, "Timestamp for this request is outside of the recvWindow.")
NO_LISTEN_KEY = (-1125, "This listenKey does not exist.")
NO_ORDER = (-2013, "Order does not exist.")
UNKNOWN_KEY = (-2015, "Invalid API-key, IP, or permissions for action.")
UNKNOWN_ORDER = (-2011, "Unknown order sent.")

_SPOT = {
    "post_only_would_cross": (-2010, "Order would immediately match and take."),
    "insufficient_balance": (-2010, "Account has insufficient balance for requested action."),
    "min_notional": (-1013, "Filter failure: NOTIONAL"),
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


class Refused(Exception):
    """An error that the venue answers with."""

    def __init__(
        self, code: int, text: str, *, status: int = 400, headers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.status = status
        self.headers = headers


def refusal_of(reason: str | None, *, is_spot: bool) -> Refused:
    """Return what the venue says where the exchange gave a reason."""
    table = {**_BOTH, **(_SPOT if is_spot else _USDM)}
    return Refused(*table.get(reason or "", (-2010, "New order rejected.")))
