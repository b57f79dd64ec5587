"""Markets and what comes of them: prices, depth, instruments, books, bars, trades, feeds."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from tradecore.server.accounts import Role
from tradecore.server.answers import current
from tradecore.server.bridge import DEPTH
from tradecore.server.context import Served, Service, needs
from tradecore.server.described import described

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["market"], dependencies=[needs(Role.READ)])
_Instrument = Annotated[str, Path(max_length=64)]


def _id_of(name: str, service: Service) -> str:
    return service.view.ids[service.view.market(name)]


@router.get(
    "/prices",
    summary="The middle of each market, its last trade where a side is empty",
    responses=described({"BTCUSDT": 60000.05}, 401, 503),
)
async def prices(service: Served) -> Response:
    return current(service.view.prices)


@router.get(
    "/depth",
    summary="Best prices and their sizes",
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
    return current(service.view.depth)


@router.get("/instruments", summary="What is traded", responses=described([{"id": "BTCUSDT.BINANCE"}], 401))
async def instruments(service: Served) -> Response:
    return current(lambda: [instrument.to_dict() for instrument in service.view.bridge.instruments])


@router.get("/instruments/{name}", summary="One instrument", responses=described({"id": "BTCUSDT.BINANCE"}, 401, 404))
async def instrument(name: _Instrument, service: Served) -> Response:
    view = service.view
    return current(view.bridge.instruments[view.market(name)].to_dict)


@router.get(
    "/book/{name}",
    summary="A book with the own orders in it",
    responses=described(
        {
            "instrument": "BTCUSDT.BINANCE",
            "state": "synced",
            "ts_event_ns": 1767225600000000000,
            "ts_recv_ns": 1767225600000100000,
            "bids": [["60000.0", "1.5"]],
            "asks": [["60000.1", "0.4"]],
            "orders": [],
        },
        401,
        404,
        503,
    ),
)
async def book(name: _Instrument, service: Served, depth: Annotated[int, Query(ge=1, le=DEPTH)] = DEPTH) -> Response:
    return current(partial(service.view.book, _id_of(name, service), depth))


@router.get(
    "/bars/{name}",
    summary="Bars of trades since the server began, oldest first: start, open, high, low, close, volume",
    responses=described([[1767225600000000000, 60000.0, 60001.0, 59999.5, 60000.5, 1.25]], 401, 404),
)
async def bars(
    name: _Instrument,
    service: Served,
    interval: Literal["1s", "5s", "1m", "5m", "15m", "1h"] = "1m",
    limit: Annotated[int, Query(ge=1, le=2000)] = 500,
) -> Response:
    return current(partial(service.view.history.bars.last, _id_of(name, service), interval, limit))


@router.get(
    "/trades/{name}",
    summary="Trades of anybody, oldest first: when, price, quantity, side of the taker",
    responses=described([[1767225600000000000, "60000.1", "0.02", "buy"]], 401, 404),
)
async def trades(name: _Instrument, service: Served, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
    instrument = _id_of(name, service)
    return current(lambda: list(service.view.history.trades.get(instrument, ()))[-limit:])


@router.get("/feeds", summary="How market data comes in", responses=described([{"state": "synced"}], 401, 503))
async def feeds(service: Served) -> Response:
    return current(service.view.feeds)


@router.get(
    "/latency",
    summary="How long things take, measured: feed, decision, order, api",
    responses=described({"order": {"count": 12, "p50": 0.01, "unit": "s", "buckets": [[0.01, 12]]}}, 401, 503),
)
async def latency(service: Served) -> Response:
    return current(service.view.latency)
