"""What clients of a local Bybit send, read and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints

from tradecore.sandbox.bybit.refusals import bad
from tradecore.sandbox.reading import Positive, read, whole

__all__ = ["AmendRequest", "Asked", "CreateRequest", "WhichOrder"]

ClientId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,36}$")]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    category: str
    symbol: str


class CreateRequest(_Request):
    """A new order. What a local venue does not do is refused, never ignored."""

    side: Literal["Buy", "Sell"]
    orderType: Literal["Market", "Limit"]
    qty: Positive
    price: Positive | None = None
    timeInForce: Literal["GTC", "IOC", "FOK", "PostOnly"] | None = None
    orderLinkId: ClientId | None = None
    reduceOnly: bool = False
    closeOnTrigger: Literal[False] = False
    positionIdx: Literal[0] = 0
    isLeverage: Literal[0] = 0
    triggerPrice: Positive | None = None
    triggerDirection: Literal[1, 2] | None = None
    triggerBy: Literal["LastPrice", "MarkPrice"] | None = None
    orderFilter: Literal["Order", "StopOrder"] | None = None
    marketUnit: Literal["baseCoin", "quoteCoin"] | None = None
    smpType: Literal["None"] | None = None


class WhichOrder(_Request):
    """An order, by the venue's id or the client's; the venue's wins."""

    orderId: str | None = None
    orderLinkId: str | None = None
    orderFilter: Literal["Order", "StopOrder"] | None = None


class AmendRequest(WhichOrder):
    """Another price, total quantity or trigger of an order."""

    price: Positive | None = None
    qty: Positive | None = None
    triggerPrice: Positive | None = None


_Model = TypeVar("_Model", bound=BaseModel)
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that has been let in; ``account`` is -1 where nobody's was needed."""

    params: Mapping[str, Any]
    now_ns: int
    account: int = -1
    key: str = ""

    def read(self, model: type[_Model]) -> _Model:
        """Read the parameters of an order."""
        return read(model, self.params, lambda name, _, problem: bad(name, problem))

    def text(self, name: str, *, among: Sequence[str] = ()) -> str:
        """Read a text that has to be there."""
        value = str(self.params.get(name) or "")
        if not value or (among and value not in among):
            raise bad(name)
        return value

    def whole(self, name: str, default: int, *, most: int | None = None) -> int:
        """Read a whole number that is not negative; a limit is from 1 to ``most``."""
        return whole(name, self.params.get(name) or default, bad, most=most)

    def page(
        self, rows: Sequence[_Row], key: Callable[[_Row], str], *, limit: int, most: int
    ) -> tuple[list[_Row], str]:
        """Return a page of rows, and the cursor of the next one, empty behind the last."""
        size, cursor = self.whole("limit", limit, most=most), self.params.get("cursor")
        begin = 0
        if cursor:
            begin = next((at + 1 for at, row in enumerate(rows) if key(row) == cursor), len(rows))
        page = list(rows[begin : begin + size])
        return page, key(page[-1]) if begin + size < len(rows) else ""
