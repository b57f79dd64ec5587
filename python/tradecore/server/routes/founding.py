"""Health, prices, depth and portfolio: what document 004 has, as it has it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from tradecore.server.accounts import Role
from tradecore.server.answers import ok
from tradecore.server.context import Served, needs
from tradecore.server.described import described

__all__ = ["router"]

router = APIRouter(tags=["market"])
_READ = [needs(Role.READ)]


@router.get(
    "/health",
    summary="Whether market data is as it should be, and what the session is",
    responses=described(
        {"status": "ok", "mode": "paper", "is_sandbox": True, "session": "s1", "trading": {"maker": "active"}}, 503
    ),
)
async def health(service: Served) -> Response:
    return ok(service.view.health())


@router.get(
    "/api/v1/prices",
    summary="The middle of each market, its last trade where a side is empty",
    dependencies=_READ,
    responses=described({"BTCUSDT": 60000.05}, 401, 503),
)
async def prices(service: Served) -> Response:
    return ok(service.view.prices())


@router.get(
    "/api/v1/depth",
    summary="Best prices and their sizes",
    dependencies=_READ,
    responses=described(
        {
            "BTCUSDT": {
                "symbol": "BTCUSDT",
                "bid_price": 60000.0,
                "ask_price": 60000.1,
                "bid_quantity": 1.5,
                "ask_quantity": 0.4,
                "spread": 0.1,
                "mid_price": 60000.05,
                "last_update": "2026-01-01T00:00:00+00:00",
            }
        },
        401,
        503,
    ),
)
async def depth(service: Served) -> Response:
    return ok(service.view.depth())


@router.get(
    "/api/v1/portfolio",
    summary="Cash, positions and what they are worth",
    dependencies=_READ,
    responses=described(
        {
            "cash_balance": 99940.0,
            "total_value": 100000.5,
            "positions": {"BTCUSDT": {"quantity": 0.001, "average_price": 60000.0, "market_value": 60.5, "pnl": 0.5}},
            "total_pnl": 0.5,
            "currency": "USDT",
        },
        401,
        503,
    ),
)
async def portfolio(service: Served) -> Response:
    return ok(service.view.portfolio())
