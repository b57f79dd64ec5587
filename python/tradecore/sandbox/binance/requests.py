"""What clients of a local Binance send, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from tradecore.sandbox.binance.refusals import Refused

__all__ = ["AmendRequest", "CancelReplaceRequest", "ModifyRequest", "OrderRequest", "WhichOrder", "read"]

_AUTH = ("signature", "timestamp", "recvWindow", "apiKey")

Positive = Annotated[Decimal, Field(gt=0, lt=10**15)]
ClientId = Annotated[str, StringConstraints(pattern=r"^[.A-Z:/a-z0-9_-]{1,36}$")]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    symbol: str


class OrderRequest(_Request):
    """A new order. What a local venue does not do is refused, never ignored."""

    side: Literal["BUY", "SELL"]
    type: str
    timeInForce: Literal["GTC", "IOC", "FOK", "GTX", "GTD"] | None = None
    quantity: Positive | None = None
    quoteOrderQty: Positive | None = None
    price: Positive | None = None
    stopPrice: Positive | None = None
    newClientOrderId: ClientId | None = None
    newOrderRespType: Literal["ACK", "RESULT", "FULL"] | None = None
    reduceOnly: Literal["true", "false", True, False] | None = None
    positionSide: Literal["BOTH"] | None = None
    goodTillDate: int | None = None


class CancelReplaceRequest(OrderRequest):
    """An order in place of one that is cancelled."""

    cancelReplaceMode: Literal["STOP_ON_FAILURE", "ALLOW_FAILURE"]
    cancelOrderId: int | None = None
    cancelOrigClientOrderId: str | None = None
    cancelNewClientOrderId: ClientId | None = None


class WhichOrder(_Request):
    """An order, by the venue's number or the client's."""

    orderId: int | None = None
    origClientOrderId: str | None = None
    newClientOrderId: ClientId | None = None


class AmendRequest(_Request):
    """A smaller quantity for an order that keeps its place."""

    orderId: int | None = None
    origClientOrderId: str | None = None
    newClientOrderId: ClientId | None = None
    newQty: Positive


class ModifyRequest(_Request):
    """Another price and quantity for an order of USD-M."""

    orderId: int | None = None
    origClientOrderId: str | None = None
    side: Literal["BUY", "SELL"]
    quantity: Positive
    price: Positive


_Model = TypeVar("_Model", bound=BaseModel)


def read(model: type[_Model], given: Mapping[str, Any]) -> _Model:
    """Read the parameters of a request.

    Raises
    ------
    Refused
        Naming the first parameter that is missing (-1102), unread (-1104) or wrong (-1100).
    """
    try:
        return model.model_validate({name: value for name, value in given.items() if name not in _AUTH})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
            raise Refused(-1102, text) from None
        if first["type"] == "extra_forbidden":
            raise Refused(-1104, f"Not all sent parameters were read; '{name}' is none here.") from None
        raise Refused(-1100, f"Illegal characters found in parameter '{name}': {first['msg']}.") from None
