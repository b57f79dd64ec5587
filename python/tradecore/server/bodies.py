"""What requests carry."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import Response

__all__ = [
    "BodyRoute",
    "Exact",
    "JobBody",
    "LoginBody",
    "OrderBody",
    "ParametersBody",
    "ReasonBody",
    "ReplaceBody",
    "TokenBody",
    "UserBody",
]

_LONGEST = 40


class _Unambiguous(Request):
    """A request in whose body each name stands once: which of two is meant nobody knows."""

    async def json(self) -> Any:
        """Return what the body holds."""
        body = await self.body()

        def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            made = dict(pairs)
            if len(made) < len(pairs):
                names = [name for name, _ in pairs]
                twice = next(name for name in names if names.count(name) > 1)
                text = body.decode(errors="replace")
                raise json.JSONDecodeError(f"{twice[:_LONGEST]!r} stands twice", text, text.rfind(f'"{twice}"'))
            return made

        return json.loads(body, object_pairs_hook=once)


class BodyRoute(APIRoute):
    """A route that refuses a body with a name that stands twice."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            return await handle(_Unambiguous(request.scope, request.receive))

        return answer


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("expected a number, or its text")
    if isinstance(value, str) and len(value) > _LONGEST:
        raise ValueError(f"expected a number of at most {_LONGEST} characters")
    return value


Exact = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(gt=0, allow_inf_nan=False, description="A number, or its text, which is exact"),
]
_Name = Annotated[str, Field(min_length=1, max_length=64)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OrderBody(_Body):
    """An order."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"symbol": "BTCUSDT", "side": "Buy", "quantity": 0.001, "price": None}]},
    )

    symbol: _Name = Field(description="By id or symbol, such as BTCUSDT.BINANCE or BTCUSDT")
    side: _Name = Field(description="buy or sell, in whatever case")
    quantity: Exact
    price: Exact | None = Field(None, description="The limit; none for a market order")
    type: _Name | None = Field(None, description="Such as stop_market; by its prices if not given")
    trigger_price: Exact | None = None
    time_in_force: Literal["gtc", "ioc", "fok", "day"] | None = None
    post_only: bool = False
    reduce_only: bool = False
    strategy: _Name | None = Field(
        None, description="Whose order it becomes; the strategy for orders by hand if not given"
    )


class ReplaceBody(_Body):
    """New terms of an order; what is not given stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"price": "59999.5"}]})

    price: Exact | None = None
    quantity: Exact | None = Field(None, description="In total, what has been filled included")
    trigger_price: Exact | None = Field(None, description="Of a stop or take profit that waits")


class ReasonBody(_Body):
    """Why somebody does something, for the audit log."""

    reason: Annotated[str, Field(max_length=500)] = ""


class ParametersBody(BaseModel):
    """New values of parameters, by name."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [{"half_spread": 3}]})


class JobBody(_Body):
    """A backtest."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"seed": 7}]})

    config: Annotated[str, Field(max_length=200_000)] | None = Field(
        None, description="TOML, which takes role admin; the session's own configuration if not given"
    )
    symbol: _Name | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None


class LoginBody(_Body):
    """Who one is: by a token, or by name and password."""

    token: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    user: _Name | None = None
    password: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class UserBody(_Body):
    """A user."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "ada", "role": "trade"}]})

    name: _Name
    role: Literal["read", "trade", "admin"] = "read"
    password: Annotated[str, Field(min_length=10, max_length=200)] | None = None


class TokenBody(_Body):
    """Whose token."""

    name: _Name
