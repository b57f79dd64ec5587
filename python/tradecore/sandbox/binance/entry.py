"""How new orders of a local Binance come to its exchange, whichever service takes them."""

from __future__ import annotations

from typing import Any

from tradecore.errors import TradecoreError
from tradecore.sandbox.binance.refusals import refusal_of
from tradecore.sandbox.binance.requests import Asked
from tradecore.sandbox.desk import Desk, OrderRecord
from tradecore.sandbox.refused import Refused

__all__ = ["submit"]


def submit(desk: Desk, order: OrderRecord, asked: Asked, terms: dict[str, Any], *, is_spot: bool) -> None:
    """Have the exchange take an order.

    Raises
    ------
    Refused
        Where it does not, and where an open order of the account has the client id.
    """
    if any(known.client_id == order.client_id for known in desk.open_orders(asked.account)):
        raise refusal_of("duplicate", is_spot=is_spot)
    try:
        desk.submit(order, asked.now_ns, **terms)
    except TradecoreError as error:
        raise Refused(-1100, f"Illegal characters found in a parameter: {error}") from None
    if order.status == "REJECTED":
        raise refusal_of(order.reason, is_spot=is_spot)
