"""What clients of a local Coinbase send, read and checked."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tradecore.sandbox.coinbase.refusals import bad, not_found
from tradecore.sandbox.reading import Positive, read, whole

__all__ = ["CONFIGURATIONS", "Asked", "CancelRequest", "Configuration", "EditRequest", "OrderRequest"]

ClientId = Annotated[str, StringConstraints(min_length=1, max_length=128)]

_LIMIT = ("base_size", "limit_price")
_STOP = (*_LIMIT, "stop_price", "stop_direction")

CONFIGURATIONS: Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "market_market_ioc": ("IMMEDIATE_OR_CANCEL", (), ("base_size", "quote_size")),
    "market_market_fok": ("FILL_OR_KILL", (), ("base_size", "quote_size")),
    "sor_limit_ioc": ("IMMEDIATE_OR_CANCEL", _LIMIT, ()),
    "limit_limit_gtc": ("GOOD_UNTIL_CANCELLED", _LIMIT, ("post_only",)),
    "limit_limit_gtd": ("GOOD_UNTIL_DATE_TIME", (*_LIMIT, "end_time"), ("post_only",)),
    "limit_limit_fok": ("FILL_OR_KILL", _LIMIT, ()),
    "stop_limit_stop_limit_gtc": ("GOOD_UNTIL_CANCELLED", _STOP, ()),
    "stop_limit_stop_limit_gtd": ("GOOD_UNTIL_DATE_TIME", (*_STOP, "end_time"), ()),
}
"""Of each how long its orders live, what it has to say and what it may."""


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Configuration(_Request):
    """The terms of an order. What a local venue does not do is refused, never ignored."""

    base_size: Positive | None = None
    quote_size: Positive | None = None
    limit_price: Positive | None = None
    stop_price: Positive | None = None
    stop_direction: Literal["STOP_DIRECTION_STOP_UP", "STOP_DIRECTION_STOP_DOWN"] | None = None
    end_time: datetime | None = None
    post_only: bool = False


class OrderRequest(_Request):
    """A new order."""

    client_order_id: ClientId
    product_id: str
    side: Literal["BUY", "SELL"]
    order_configuration: dict[str, Any]


class EditRequest(_Request):
    """Another price or size of an order."""

    order_id: str
    price: Positive | None = None
    size: Positive | None = None


class CancelRequest(_Request):
    """Orders to cancel."""

    order_ids: Annotated[list[str], Field(min_length=1, max_length=100)]


_Model = TypeVar("_Model", bound=BaseModel)
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that has been let in; ``account`` is -1 where nobody's was needed."""

    params: Mapping[str, Any]
    now_ns: int
    account: int = -1

    def read(self, model: type[_Model], params: Mapping[str, Any] | None = None) -> _Model:
        """Read the body, or a part of it."""
        return read(model, self.params if params is None else params, lambda name, _, problem: bad(name, problem))

    def each(self, name: str) -> list[str]:
        """Read what may be given several times."""
        return [text for text in str(self.params.get(name) or "").split(",") if text]

    def whole(self, name: str, default: int, *, most: int | None = None) -> int:
        """Read a whole number that is not negative; a limit is from 1 to ``most``."""
        return whole(name, self.params.get(name) or default, bad, most=most)

    def product(self, known: Container[str]) -> str:
        """Read the product."""
        product = str(self.params.get("product_id") or "")
        if product not in known:
            raise not_found(f"product {product}") if product else bad("product_id", "is missing")
        return product

    def page(self, rows: Sequence[_Row], *, most: int) -> tuple[list[_Row], str]:
        """Return a page of rows, and the cursor of the next one, empty behind the last."""
        size, begin = self.whole("limit", min(100, most), most=most), self.whole("cursor", 0)
        end = begin + size
        return list(rows[begin:end]), str(end) if end < len(rows) else ""

    def wants(self, name: str) -> Callable[[str], bool]:
        """Return what says whether a value is among those that are asked for; all are where none is."""
        wanted = self.each(name)
        return lambda value: not wanted or value in wanted
