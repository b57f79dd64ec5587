"""What clients of a local Binance send, read and checked."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tradecore.sandbox import reading
from tradecore.sandbox.binance.refusals import BAD_SYMBOL, missing, unreadable
from tradecore.sandbox.reading import Positive
from tradecore.sandbox.refused import Refused

__all__ = [
    "AlgoRequest",
    "AmendRequest",
    "Asked",
    "CancelReplaceRequest",
    "CountdownRequest",
    "ModifyRequest",
    "OrderRequest",
    "WhichAlgo",
    "WhichOrder",
    "orders_in",
    "rows_of",
    "whole",
]

_AUTH = ("signature", "timestamp", "recvWindow", "apiKey")

Restrictions = Literal["ONLY_NEW", "ONLY_PARTIALLY_FILLED"]
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


class AlgoRequest(_Request):
    """A conditional order of USD-M; trailing ones are none of a local venue."""

    algoType: Literal["CONDITIONAL"]
    side: Literal["BUY", "SELL"]
    positionSide: Literal["BOTH"] | None = None
    type: Literal["STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"]
    timeInForce: Literal["GTC", "IOC", "FOK"] | None = None
    quantity: Positive
    price: Positive | None = None
    triggerPrice: Positive
    workingType: Literal["CONTRACT_PRICE", "MARK_PRICE"] | None = None
    reduceOnly: Literal["true", "false", True, False] | None = None
    clientAlgoId: ClientId | None = None
    newOrderRespType: Literal["ACK", "RESULT"] | None = None


class WhichAlgo(BaseModel):
    """A conditional order, by the service's number or the client's."""

    model_config = ConfigDict(extra="forbid")

    symbol: str | None = None
    algoId: int | None = None
    clientAlgoId: str | None = None


class CancelReplaceRequest(OrderRequest):
    """An order in place of one that is cancelled."""

    cancelReplaceMode: Literal["STOP_ON_FAILURE", "ALLOW_FAILURE"]
    cancelOrderId: int | None = None
    cancelOrigClientOrderId: str | None = None
    cancelNewClientOrderId: ClientId | None = None
    cancelRestrictions: Restrictions | None = None


class WhichOrder(_Request):
    """An order, by the venue's number or the client's."""

    orderId: int | None = None
    origClientOrderId: str | None = None
    newClientOrderId: ClientId | None = None
    cancelRestrictions: Restrictions | None = None


class AmendRequest(_Request):
    """A smaller quantity for an order that keeps its place."""

    orderId: int | None = None
    origClientOrderId: str | None = None
    newClientOrderId: ClientId | None = None
    newQty: Positive


class CountdownRequest(_Request):
    """After how many ms without another such request the orders of a symbol of USD-M are cancelled."""

    countdownTime: Annotated[int, Field(ge=0)]


class ModifyRequest(_Request):
    """Another price and quantity for an order of USD-M."""

    orderId: int | None = None
    origClientOrderId: str | None = None
    side: Literal["BUY", "SELL"]
    quantity: Positive
    price: Positive


def rows_of(params: Mapping[str, Any], name: str, *, most: int) -> list[Any]:
    """Read the parts of a batch, a list in JSON.

    Raises
    ------
    Refused
        When it is missing (-1102), or none of 1 to so many (-1130).
    """
    if name not in params:
        raise missing(name)
    try:
        rows = orjson.loads(params[name])
    except orjson.JSONDecodeError:
        rows = None
    if not isinstance(rows, list) or not 1 <= len(rows) <= most:
        raise Refused(-1130, f"Data sent for parameter '{name}' is not valid.")
    return rows


def orders_in(params: Mapping[str, Any]) -> int:
    """Return how many new orders a batch counts for; one that cannot be read for none."""
    try:
        return len(rows_of(params, "batchOrders", most=5))
    except Refused:
        return 0


_Model = TypeVar("_Model", bound=BaseModel)
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that has been let in; ``account`` is -1 where nobody's was needed."""

    params: Mapping[str, Any]
    now_ns: int
    account: int = -1

    def read(self, model: type[_Model]) -> _Model:
        """Read the parameters.

        Raises
        ------
        Refused
            Naming the first one that is missing (-1102), unread (-1104) or wrong (-1100).
        """
        return reading.read(model, {name: value for name, value in self.params.items() if name not in _AUTH}, _refuse)

    def whole(self, name: str, default: int) -> int:
        """Read one number, as :func:`whole` does."""
        return whole(self.params, name, default)

    def symbol(self, known: Container[str]) -> str:
        """Read the symbol.

        Raises
        ------
        Refused
            When it is missing or none of those known.
        """
        symbol = self.params.get("symbol")
        if not symbol:
            raise missing("symbol")
        if symbol not in known:
            raise Refused(*BAD_SYMBOL)
        return str(symbol)

    def symbols(self, known: Sequence[str]) -> Sequence[str]:
        """Read the symbol if there is one; all that are known if not."""
        return [self.symbol(known)] if self.params.get("symbol") else known

    def of_each(self, known: Sequence[str], make: Callable[[str], _Row]) -> _Row | list[_Row]:
        """Return what is made of the symbol that is asked for; a list of all if there is none."""
        made = [make(symbol) for symbol in self.symbols(known)]
        return made[0] if self.params.get("symbol") else made


def whole(params: Mapping[str, Any], name: str, default: int) -> int:
    """Read a whole number that is not negative; a ``limit`` is from 1 to 5,000.

    Raises
    ------
    Refused
        When it is none.
    """
    return reading.whole(name, params.get(name, default), unreadable, most=5_000 if name == "limit" else None)


def _refuse(name: str, kind: str, text: str) -> Refused:
    if kind == "missing":
        return missing(name)
    if kind == "extra_forbidden":
        return Refused(-1104, f"Not all sent parameters were read; '{name}' is none here.")
    return unreadable(name, f": {text}")
