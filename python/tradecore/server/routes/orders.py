"""Orders: sending, changing, cancelling, asking."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import islice
from operator import itemgetter
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Header, Path, Query, Request
from starlette.responses import Response

from tradecore.errors import JournalError, RunError
from tradecore.exec import slippage
from tradecore.live.session import Session
from tradecore.server.accounts import Role
from tradecore.server.answers import current, encode, failed, ok
from tradecore.server.bodies import BodyRoute, OrderBody, ReplaceBody
from tradecore.server.context import Served, Service, needs
from tradecore.server.described import described
from tradecore.server.guard import identity_of
from tradecore.server.history import Row, shown_order
from tradecore.server.problems import Busy, Problem
from tradecore.strategies.manual import Manual

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["orders"], route_class=BodyRoute)
_READ = [needs(Role.READ)]
_PATIENCE_S = 2.0
"""How long a request waits for what the venue says of its order."""
_REFUSED = {"risk": "risk_limit", "paused": "paused", "strategy_stopped": "stopped", "killed": "killed"}

EXAMPLE = {
    "id": 1,
    "venue_client_id": "s1-0-1",
    "symbol": "BTCUSDT.BINANCE",
    "side": "buy",
    "type": "market",
    "quantity": 0.001,
    "price": None,
    "filled_quantity": "0.001",
    "average_price": "60000.1",
    "status": "filled",
    "strategy": "manual",
    "timestamp": "2026-01-01T00:00:00Z",
}
_Id = Annotated[int, Path(ge=1, lt=2**63)]
_Limit = Annotated[int, Query(ge=1, le=1000)]


@router.post(
    "/orders",
    summary="Send an order, and wait a moment for what its venue says",
    status_code=201,
    dependencies=[needs(Role.TRADE, "order")],
    responses=described(EXAMPLE, 401, 403, 409, 503, status=201),
)
async def send(
    request: Request,
    body: OrderBody,
    service: Served,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=150)] = None,
) -> Response:
    async def answer() -> tuple[int, Any]:
        return 201, await _sent(request, body, service)

    if idempotency_key is None:
        return ok((await answer())[1], 201)
    who = identity_of(request.scope).user
    digest = hashlib.sha256(body.model_dump_json().encode()).hexdigest()
    return await _once(request, service, f"{who}:{idempotency_key}", digest, answer)


async def _once(
    request: Request, service: Service, key: str, digest: str, answer: Callable[[], Awaitable[tuple[int, Any]]]
) -> Response:
    """Do something once, and answer the same to whoever asks again with the same key."""
    known = await asyncio.to_thread(service.accounts.begin_request, key, digest)
    if known is not None:
        before, status, told = known
        if before != digest:
            raise Problem(409, "other_request", "the idempotency key was used for another request")
        if status is None or told is None:
            problem = "the first request with this key has no answer that is known: look at the orders"
            raise Problem(409, "no_answer_known", problem)
        return Response(told, status, media_type="application/json", headers={"Idempotent-Replay": "true"})
    try:
        status, data = await answer()
        response = ok(data, status)
    except Problem as problem:
        await service.refused(request, problem)
        response = failed(problem)
        if problem.status == 503:  # nothing has been done, and the next attempt may do it
            await service.keep(service.accounts.forget_request, key)
            return response
    told = bytes(response.body).decode()
    await service.keep(service.accounts.end_request, key, response.status_code, told)
    return response


async def _sent(request: Request, body: OrderBody, service: Service) -> Any:
    detail = orjson.dumps(body.model_dump(mode="json", exclude_none=True)).decode()
    service.says(request, detail)
    view = service.view
    market, side = _market_and_side(body, service)
    instrument = view.ids[market]
    strategy = _whose(body.strategy, instrument, service)
    if body.price is None and body.trigger_price is None and not view.is_synced(instrument):
        raise Problem(422, "no_book", f"{instrument} has no book that can be traded on now", "body.symbol")

    def act(session: Session, now: int) -> tuple[int, int]:
        number = session.kernel.order(
            now,
            strategy,
            market,
            side,
            body.quantity,
            body.price,
            type=body.type,
            trigger_price=body.trigger_price,
            time_in_force=body.time_in_force,
            post_only=body.post_only,
            reduce_only=body.reduce_only,
        )
        return number, now

    order_id, sent_ns = await service.perform(request, detail, act, names=itemgetter(0))
    # From here on it has left: whatever becomes of the session, that is answered.
    acts_at_once = body.trigger_price is None and (body.price is None or body.time_in_force in ("ioc", "fok"))
    row = await view.history.answered(order_id, _PATIENCE_S, is_over=acts_at_once)
    with suppress(RunError, JournalError, Busy):
        # What is told is in the journal by then: also a fill, which leads to no command.
        view.renew(await view.bridge.perform(lambda session, now: view.bridge.look()))
    if row is None:
        kind = body.type or ("market" if body.price is None else "limit")
        terms = (body.quantity, body.price, body.trigger_price)
        return view.history.unheard(order_id, instrument, strategy, side, kind, terms, sent_ns)
    if row["status"] == "rejected":
        why = "; ".join(view.history.breaches(order_id)) or row["reason"]
        code = _REFUSED.get(row["reason"], "rejected")
        await service.note(request, f"{order_id} {why}", 422, "order refused")
        raise Problem(422, code, f"order {order_id} was refused: {why}")
    return shown_order(row)


def _market_and_side(body: OrderBody, service: Service) -> tuple[int, str]:
    market, side = service.view.market(body.symbol, "body.symbol"), body.side.lower()
    if side not in ("buy", "sell"):
        raise Problem(422, "unknown_side", f"{body.side!r} is not buy or sell", "body.side")
    return market, side


def _whose(name: str | None, instrument: str, service: Service) -> str:
    """Return the strategy whose order a person's becomes."""
    if name is not None:
        strategy = service.view.find_strategy(name)
        if instrument in strategy.instruments:
            return name
        raise Problem(422, "invalid_value", f"{name} does not trade {instrument}", "body.strategy")
    for strategy in service.view.bridge.strategies:
        if isinstance(strategy, Manual) and instrument in strategy.instruments:
            return strategy.name
    problem = f"no strategy of kind manual trades {instrument}: say whose order it becomes"
    raise Problem(422, "no_strategy", problem, "body.strategy")


@router.post(
    "/orders/preview",
    summary="What an order would take at once and what that costs, by walking the levels that are shown",
    dependencies=_READ,
    responses=described({"average_price": 60000.1, "slippage_bps": 0.01, "filled_quantity": 0.001}, 401, 503),
)
async def preview(body: OrderBody, service: Served) -> Response:
    market, side = _market_and_side(body, service)
    spec = service.view.bridge.instruments[market]
    instrument = spec.id
    if not service.view.is_synced(instrument):
        raise Problem(422, "no_book", f"{instrument} has no book that can be priced on now", "body.symbol")
    within = service.view.within(instrument, side, body.price)
    taken = body.quantity if within is None else min(body.quantity, within)
    estimate = slippage(service.view.core_book(instrument), side, taken) if taken else None
    filled = 0.0 if estimate is None else estimate.displayed_qty
    cost = 0.0 if estimate is None else filled * estimate.average_price
    shown = {
        "symbol": instrument,
        "side": side,
        "average_price": None if estimate is None else estimate.average_price,
        "worst_price": None if estimate is None else estimate.worst_price,
        "slippage_bps": None if estimate is None else estimate.bps,
        "filled_quantity": filled,
        "left_quantity": float(body.quantity) - filled,
        "notional": cost,
        "fee": cost * float(spec.taker_fee_bps) / 10_000,
        "is_complete": filled >= float(body.quantity),
    }
    return ok(shown)


@router.get(
    "/orders",
    summary="Orders, newest first",
    dependencies=_READ,
    responses=described([EXAMPLE], 401),
)
async def listed(
    service: Served,
    status: Literal["open", "closed", "all"] = "all",
    symbol: Annotated[str | None, Query(max_length=64)] = None,
    strategy: Annotated[str | None, Query(max_length=64)] = None,
    limit: _Limit = 100,
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> Response:
    wanted = None if symbol is None else service.view.find(symbol) or symbol

    def is_asked_for(row: Row) -> bool:
        return (
            (before is None or row["id"] < before)
            and (status == "all" or row["is_open"] == (status == "open"))
            and wanted in (None, row["symbol"])
            and strategy in (None, row["strategy"])
        )

    def newest() -> list[Row]:
        found = filter(is_asked_for, reversed(service.view.history.orders.values()))
        return [shown_order(row) for row in islice(found, limit)]

    return current(newest)


@router.delete(
    "/orders",
    summary="Cancel all open orders, of a symbol or a strategy",
    dependencies=[needs(Role.TRADE, "cancel all")],
    responses=described({"requested": 2}, 401, 403, 503),
)
async def cancel_all(
    request: Request,
    service: Served,
    symbol: Annotated[str | None, Query(max_length=64)] = None,
    strategy: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    view = service.view
    market = None if symbol is None else view.market(symbol, "query.symbol")
    whose = [view.find_strategy(strategy).name] if strategy is not None else [s.name for s in view.bridge.strategies]

    def act(session: Session, now: int) -> int:
        return sum(session.kernel.cancel_all(now, name, market) for name in whose)

    return ok({"requested": await service.perform(request, f"{symbol or ''} {strategy or ''}", act)})


@router.get(
    "/orders/{order_id}",
    summary="One order with its fills",
    dependencies=_READ,
    responses=described({**EXAMPLE, "fills": []}, 401, 404),
)
async def one(order_id: _Id, service: Served) -> Response:
    def with_fills() -> Row:
        fills = [fill for fill in service.view.history.fills if fill["order_id"] == order_id]
        return {**shown_order(_known(order_id, service)), "fills": fills}

    return current(with_fills)


@router.delete(
    "/orders/{order_id}",
    summary="Ask for an order to be cancelled",
    status_code=202,
    dependencies=[needs(Role.TRADE, "cancel")],
    responses=described(EXAMPLE, 401, 403, 404, 409, 503, status=202),
)
async def cancel(request: Request, order_id: _Id, service: Served) -> Response:
    row = _known(order_id, service)

    def act(session: Session, now: int) -> None:
        if not session.kernel.cancel(now, order_id):
            raise Problem(409, "ended", f"order {order_id} cannot be cancelled any more: it is {row['status']}")

    await service.perform(request, str(order_id), act)
    return ok(shown_order(row), 202)


@router.put(
    "/orders/{order_id}",
    summary="Ask for new terms of an order",
    status_code=202,
    dependencies=[needs(Role.TRADE, "replace")],
    responses=described(EXAMPLE, 401, 403, 404, 409, 503, status=202),
)
async def replace(request: Request, order_id: _Id, body: ReplaceBody, service: Served) -> Response:
    row = _known(order_id, service)
    if body.price is None and body.quantity is None and body.trigger_price is None:
        raise Problem(422, "invalid_value", "neither price, quantity nor trigger_price is given", "body")

    def act(session: Session, now: int) -> None:
        terms = {"price": body.price, "qty": body.quantity, "trigger_price": body.trigger_price}
        if not session.kernel.replace(now, order_id, **terms):
            raise Problem(409, "ended", f"order {order_id} cannot be changed any more: it is {row['status']}")

    await service.perform(request, f"{order_id} {encode(body.model_dump()).decode()}", act)
    return ok(shown_order(row), 202)


def _known(order_id: int, service: Service) -> dict[str, Any]:
    row = service.view.history.orders.get(order_id)
    if row is None:
        raise Problem(404, "unknown_order", f"no order {order_id}")
    return row
