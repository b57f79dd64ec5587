"""Whether the session is well: what anybody may ask."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from tradecore.server.answers import ok
from tradecore.server.context import Served
from tradecore.server.described import described
from tradecore.server.problems import Problem

__all__ = ["router"]

router = APIRouter(tags=["session"])


@router.get(
    "/health",
    summary="Whether the session is well, and what it is",
    responses=described(
        {
            "status": "healthy",
            "mode": "paper",
            "is_sandbox": True,
            "session": "s1",
            "trading": {"maker": "active"},
            "is_live": True,
            "is_ready": True,
            "checks": [{"name": "feeds", "status": "healthy", "detail": ""}],
        },
        503,
    ),
)
async def health(service: Served) -> Response:
    # It is not kept: what is known of a session that hangs does not change, and how it is does.
    judged = None if service.health is None else service.health()
    if judged is not None and judged.status == "unhealthy":
        raise Problem(503, "unhealthy", judged.problems)
    return ok(service.view.health() | ({} if judged is None else judged.to_dict()))
