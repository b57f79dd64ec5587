"""What requests carry."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = [
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
