"""Orders as values, and groups of orders that depend on each other."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, TypeAlias

from tradecore._core import OrderGroup
from tradecore.types import OrderType, Side, TimeInForce

__all__ = ["OrderGroup", "OrderSpec"]

_Number: TypeAlias = "Decimal | str | int | float"


@dataclass(frozen=True, slots=True)
class OrderSpec:
    """What an order of a group is to be: the arguments of ``ctx.submit`` without the instrument.

    It is read when the group is made, which says what is wrong with it.

    Parameters
    ----------
    side : Side or str
        ``buy`` or ``sell``.
    qty : Decimal, str, int or float
        Quantity in contracts (spot: base units), a multiple of the lot size.
    price : Decimal, str, int or float, optional
        Limit in quote currency; a market order if not given.
    type, trigger_price, trigger, trailing_offset, time_in_force, expires_at : optional
        As ``ctx.submit`` takes them.
    post_only, reduce_only, display_qty, client_id : optional
        As ``ctx.submit`` takes them.

    Examples
    --------
    >>> tc.OrderSpec("sell", 1, type="stop_market", trigger_price=59900).trigger_price
    59900
    """

    side: Side | str
    qty: _Number
    price: _Number | None = None
    _: KW_ONLY
    type: OrderType | str | None = None
    trigger_price: _Number | None = None
    trigger: Literal["last", "mark", "mid"] | None = None
    trailing_offset: _Number | None = None
    time_in_force: TimeInForce | str | None = None
    expires_at: int | datetime | None = None
    post_only: bool | Literal["slide"] = False
    reduce_only: bool = False
    display_qty: _Number | None = None
    client_id: str | None = None
