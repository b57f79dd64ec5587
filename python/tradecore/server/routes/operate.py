"""The session itself: positions and money, strategies, risk, events, and backtests beside it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Reversible
from functools import partial
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from tradecore.errors import StrategyError
from tradecore.live.session import Session
from tradecore.live.state import strategy_states
from tradecore.server.accounts import Role
from tradecore.server.answers import current, ok
from tradecore.server.bodies import BodyRoute, JobBody, ParametersBody, ReasonBody
from tradecore.server.context import Served, needs
from tradecore.server.described import described
from tradecore.server.guard import identity_of
from tradecore.server.history import Row
from tradecore.server.problems import Problem

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["session"], route_class=BodyRoute)
_READ = [needs(Role.READ)]
_Limit = Annotated[int, Query(ge=1, le=10_000)]
_Before = Annotated[int | None, Query(ge=1, lt=2**63)]
_Name = Annotated[str, Path(max_length=64)]
_Job = Annotated[int, Path(ge=1, lt=2**63)]
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:; frame-ancestors 'self'"
)
"""A page that loads nothing and may do nothing of ours."""


@router.get(
    "/portfolio",
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
    return current(service.view.portfolio)


@router.get("/positions", summary="What is held", dependencies=_READ, responses=described([], 401, 503))
async def positions(service: Served) -> Response:
    return current(service.view.positions)


@router.get("/fills", summary="Fills, newest first", dependencies=_READ, responses=described([], 401))
async def fills(service: Served, limit: _Limit = 100, before: _Before = None) -> Response:
    return current(lambda: _newest(service.view.history.fills, "id", before, limit))


@router.get("/ledger", summary="Money that moved, newest first", dependencies=_READ, responses=described([], 401))
async def ledger(service: Served, limit: _Limit = 100) -> Response:
    return current(lambda: list(islice(reversed(service.view.history.ledger), limit)))


@router.get(
    "/equity",
    summary="Equity in time, oldest first: when, equity, drawdown as a share of the peak",
    dependencies=_READ,
    responses=described({"currency": "USDT", "points": [[1767225600000000000, 100000.0, 0.0]]}, 401, 503),
)
async def equity(
    service: Served,
    since_ns: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    points: Annotated[int, Query(ge=1, le=5000)] = 500,
) -> Response:
    return current(partial(service.view.equity, since_ns, points))


@router.get("/events", summary="What happened, newest first", dependencies=_READ, responses=described([], 401))
async def events(service: Served, limit: _Limit = 200, before_seq: _Before = None) -> Response:
    return current(lambda: _newest(service.view.history.events, "seq", before_seq, limit))


def _newest(rows: Reversible[Row], number: str, before: int | None, limit: int) -> list[Row]:
    """Return rows whose number is below one, newest first."""
    found = (row for row in reversed(rows) if before is None or row[number] < before)
    return list(islice(found, limit))


@router.get("/sessions", summary="Sessions there are journals of", dependencies=_READ, responses=described([], 401))
async def sessions(service: Served) -> Response:
    return ok(await asyncio.to_thread(service.sessions))


@router.get("/strategies", summary="Strategies", dependencies=_READ, responses=described([], 401, 503))
async def strategies(service: Served) -> Response:
    return current(service.view.strategies)


@router.get("/strategies/{name}", summary="One strategy", dependencies=_READ, responses=described({}, 401, 404, 503))
async def strategy(name: _Name, service: Served) -> Response:
    return current(partial(service.view.strategy, service.view.find_strategy(name)))


@router.get(
    "/strategies/{name}/published",
    summary="What a strategy shows of itself, by ctx.publish",
    dependencies=_READ,
    responses=described({"values": {"half spread": 2}, "series": {}, "tables": {}, "log": []}, 401, 404),
)
async def published(name: _Name, service: Served) -> Response:
    return current(partial(service.view.published, service.view.find_strategy(name).name))


def _acts(word: str, says: str) -> None:
    """Make the route of an act on a strategy."""

    @router.post(
        f"/strategies/{{name}}/{word}",
        name=word,
        operation_id=f"strategy_{word}",
        summary=says,
        dependencies=[needs(Role.ADMIN, f"strategy {word}")],
        responses=described({"name": "maker", "state": "paused"}, 401, 403, 404, 409, 503),
    )
    async def act_on(request: Request, name: _Name, service: Served) -> Response:
        found = service.view.find_strategy(name)

        def act(session: Session, now: int) -> str:
            kernel = session.kernel
            if word == "start":
                session.start_strategy(now, name)
            if name in kernel.failures:
                why = StrategyError(name, kernel.failures[name])
                raise Problem(409, "strategy_failed", f"{why}; `start` starts it once more")
            if word != "start":
                {"pause": kernel.hold, "stop": kernel.stop_strategy, "resume": kernel.release}[word](now, name)
            return strategy_states(kernel)[name]

        state = await service.perform(request, name, act)
        return ok({**service.view.strategy(found), "state": state})


_acts("pause", "Let a strategy do nothing but cancel; its orders stay")
_acts("resume", "Let it go on")
_acts("stop", "Let a strategy do nothing, and cancel its orders; its position stays")
_acts("start", "Let it go on after a stop, or start it once more after it failed")


@router.patch(
    "/strategies/{name}/parameters",
    summary="Change parameters of a strategy while it runs, those that say they may",
    dependencies=[needs(Role.ADMIN, "parameters")],
    responses=described({"name": "maker"}, 401, 403, 404, 503),
)
async def change(request: Request, name: _Name, body: ParametersBody, service: Served) -> Response:
    found = service.view.find_strategy(name)
    values = body.model_extra or {}
    if not values:
        raise Problem(422, "invalid_value", "no parameter is given", "body")
    service.says(request, f"{name} {json.dumps(values)}")
    found.check_changes(values)
    try:
        written = json.dumps(values, allow_nan=False)
    except ValueError:
        raise Problem(422, "not_a_number", "a value is not a finite number", "body") from None

    def act(session: Session, now: int) -> None:
        session.kernel.set_parameters(now, name, written)

    await service.perform(request, f"{name} {written}", act)
    return ok(service.view.strategy(found))


@router.get("/risk", summary="Limits and what they stand at", dependencies=_READ, responses=described({}, 401, 503))
async def risk(service: Served) -> Response:
    return current(service.view.risk)


def _switch(word: str, says: str, role: Role) -> None:
    """Make the route of an act on all trading."""

    @router.post(
        f"/risk/{word}",
        name=f"risk_{word}",
        operation_id=f"risk_{word}",
        summary=says,
        dependencies=[needs(role, f"risk {word}")],
        responses=described({"state": "killed"}, 401, 403, 503),
    )
    async def switch(request: Request, service: Served, body: ReasonBody | None = None) -> Response:
        def act(session: Session, now: int) -> str:
            {"kill": session.kernel.kill, "pause": session.kernel.pause, "resume": session.kernel.resume}[word](now)
            return session.kernel.gate

        why = "" if body is None else body.reason
        return ok({"state": await service.perform(request, why, act)})


_switch("kill", "Cancel all orders, close all positions, and refuse everything but cancels", Role.TRADE)
_switch("pause", "Refuse everything but cancels", Role.TRADE)
_switch("resume", "Go on after a pause, a kill or a limit that stopped somebody", Role.ADMIN)


@router.post(
    "/jobs",
    summary="Run a backtest in a process of its own",
    status_code=202,
    dependencies=[needs(Role.TRADE, "job")],
    responses=described({"id": 1, "status": "queued"}, 401, 403, status=202),
)
async def start_job(request: Request, body: JobBody, service: Served) -> Response:
    if body.config is not None and identity_of(request.scope).role < Role.ADMIN:
        # It names code and files of this machine.
        raise Problem(403, "forbidden", "a configuration of one's own takes role admin")
    job = service.jobs.add(body.config or service.config_text, body.symbol, body.seed)
    await service.note(request, str(job["id"]), 202)
    return ok(job, 202)


@router.get("/jobs", summary="Backtests, newest first", dependencies=_READ, responses=described([], 401))
async def jobs(service: Served) -> Response:
    return ok(service.jobs.listed())


@router.get("/jobs/{job_id}", summary="One backtest", dependencies=_READ, responses=described({}, 401, 404))
async def job(job_id: _Job, service: Served) -> Response:
    return ok(service.jobs.find(job_id))


@router.delete(
    "/jobs/{job_id}",
    summary="End a backtest",
    dependencies=[needs(Role.TRADE, "cancel job")],
    responses=described({}, 401, 403, 404),
)
async def cancel_job(request: Request, job_id: _Job, service: Served) -> Response:
    cancelled = service.jobs.cancel(job_id)
    await service.note(request, str(job_id), 200)
    return ok(cancelled)


@router.get(
    "/jobs/{job_id}/report",
    summary="The page of a backtest that is done, HTML",
    dependencies=_READ,
    responses={**described({}, 401, 404), 200: {"content": {"text/html": {}}, "description": "The page"}},
)
async def report(job_id: _Job, service: Served) -> Response:
    return Response(
        service.jobs.report(job_id), media_type="text/html", headers={"Content-Security-Policy": REPORT_POLICY}
    )
