"""Whether the session is well: what anybody may ask."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from tradecore.server.answers import current
from tradecore.server.context import Served
from tradecore.server.described import described

__all__ = ["router"]

router = APIRouter(tags=["session"])


@router.get(
    "/health",
    summary="Whether market data is as it should be, and what the session is",
    responses=described(
        {"status": "ok", "mode": "paper", "is_sandbox": True, "session": "s1", "trading": {"maker": "active"}}, 503
    ),
)
async def health(service: Served) -> Response:
    return current(service.view.health)
