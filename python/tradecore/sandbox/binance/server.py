"""A local Binance: spot and USD-M futures on one port."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from tradecore._core import Instrument
from tradecore.data.catalog import Catalog
from tradecore.errors import InvalidValueError
from tradecore.instruments import find_instrument
from tradecore.sandbox.binance.accounts import MAINTENANCE
from tradecore.sandbox.binance.api import Api
from tradecore.sandbox.binance.door import Door
from tradecore.sandbox.binance.keys import Client, Clients
from tradecore.sandbox.binance.limits import Limit, Limits
from tradecore.sandbox.binance.public import Streams
from tradecore.sandbox.binance.refusals import NO_LISTEN_KEY, Refused
from tradecore.sandbox.binance.session import Session
from tradecore.sandbox.binance.shapes import SpotShapes, UsdmShapes, ms
from tradecore.sandbox.desk import Desk
from tradecore.sandbox.faults import Fault, Faults
from tradecore.sandbox.feed import MarketFeed, catalog_feed, synthetic_feed
from tradecore.sandbox.link import Link
from tradecore.venue import Latency, SimVenue
from tradecore.venues.clock import Clock, SystemClock

__all__ = ["BinanceServer"]

_SYMBOLS = ("BTCUSDT.BINANCE", "ETHUSDT.BINANCE", "BTCUSDT.BINANCE_USDM", "ETHUSDT.BINANCE_USDM")
_PRICES = {"BTC": "60000", "ETH": "3000"}
_TICK_S = 0.01
_SIGNATURE = re.compile(rb"&?signature=([^&]*)")
_LIMITS = {
    "BINANCE": (
        Limit("REQUEST_WEIGHT", "MINUTE", 1, 6_000),
        (Limit("ORDERS", "SECOND", 10, 100), Limit("ORDERS", "DAY", 1, 200_000)),
    ),
    "BINANCE_USDM": (
        Limit("REQUEST_WEIGHT", "MINUTE", 1, 2_400),
        (Limit("ORDERS", "SECOND", 10, 300), Limit("ORDERS", "MINUTE", 1, 1_200)),
    ),
}
_FIRST_ID = {"BINANCE": 10_000_000_000, "BINANCE_USDM": 20_000_000_000}


class BinanceServer:
    """A Binance on this machine, to be used as ``async with``.

    Orders meet the simulator's own venue. Its markets are moved by a catalog, from the start of the server on, or made
    from the seed; orders are seen in the public book and their trades by everybody. It listens on this machine only.

    Parameters
    ----------
    port : int
        0 for a free one.
    symbols : sequence of str, optional
        Ids of instruments of ``BINANCE`` and ``BINANCE_USDM``. If not given, those that the catalog holds; without one
        BTC and ETH of both.
    data : path or Catalog, optional
        What moves them; a synthetic market each if not given.
    speed : float
        How many times as fast it goes by as it was recorded.
    clients : int or sequence of Client
        How many accounts, with keys made from the seed; or their keys.
    spot_balances, futures_balances : str
        What each account has at first.
    faults : sequence of Fault
        What goes wrong.
    seed : int
    ping : float, optional
        Seconds between pings; 20 (spot) and 180 (USD-M) if not given.
    clock : Clock, optional
        The machine's if not given.

    Attributes
    ----------
    rest, ws : str
        Where it is, once it runs.
    clients : tuple of Client

    Raises
    ------
    InvalidValueError
        For an instrument of another venue, a catalog without any of these, and a speed that is no number above zero.
    CatalogError
        For an instrument that the catalog does not hold.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        symbols: Sequence[str] | None = None,
        data: str | Path | Catalog | None = None,
        speed: float = 1.0,
        clients: int | Sequence[Client] = 2,
        spot_balances: str = "10 BTC, 100 ETH, 1000000 USDT",
        futures_balances: str = "1000000 USDT",
        faults: Sequence[Fault] = (),
        seed: int = 0,
        ping: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        if not 0 < speed < math.inf:
            raise InvalidValueError("speed", f"{speed} is no number above zero")
        if isinstance(clients, int):
            if clients < 1:
                raise InvalidValueError("clients", "expected at least one")
            clients = [Client.made(seed, at) for at in range(clients)]
        self.clients = tuple(clients)
        self._keys = Clients(self.clients)
        self._port = port
        self._ping_s = ping
        self._clock = clock or SystemClock()
        self._faults = Faults(faults, seed=seed)
        self._door = Door(self._faults, self._clock)
        self._links: set[Link] = set()
        self._api: dict[str, Api] = {}
        catalog = None if data is None else Catalog.of(data)
        symbols = _symbols(catalog) if symbols is None else symbols
        for venue, settings in _venues(spot_balances, futures_balances).items():
            instruments = _instruments(venue, symbols, catalog)
            if instruments:
                self._api[venue] = self._open(venue, instruments, settings, catalog, speed, seed)
        self._runner: web.AppRunner | None = None
        self._mover: asyncio.Task[None] | None = None
        self.rest = self.ws = ""

    def _open(
        self,
        venue: str,
        instruments: dict[str, Instrument],
        settings: SimVenue,
        catalog: Catalog | None,
        speed: float,
        seed: int,
    ) -> Api:
        feeds: dict[str, MarketFeed] = {}
        for at, (symbol, instrument) in enumerate(instruments.items()):
            if catalog is not None:
                feeds[symbol] = catalog_feed(catalog, instrument.id, speed=speed)
            else:
                price = _PRICES.get(instrument.base, "100")
                feeds[symbol] = synthetic_feed(instrument, seed=seed + at, start_price=price, speed=speed)
        desk = Desk(instruments, feeds, settings, seed=seed)
        shapes = (SpotShapes if venue == "BINANCE" else UsdmShapes)(desk.instruments)
        streams = Streams(desk, shapes, first_id=_FIRST_ID[venue])
        return Api(desk, streams, Limits(*_LIMITS[venue]))

    def __repr__(self) -> str:
        return f"<BinanceServer {self.rest or 'not running'}, {len(self.clients)} clients>"

    @property
    def faults_met(self) -> dict[str, int]:
        """How many times each row of the script was met, by its place and kind."""
        return self._faults.met

    def ready(self) -> dict[str, Any]:
        """Return what a client has to know: where it is, and the keys of its accounts."""
        return {
            "ready": True,
            "venue": "binance",
            "rest": self.rest,
            "ws": self.ws,
            "symbols": [instrument.id for api in self._api.values() for instrument in api.desk.instruments.values()],
            "accounts": [{"key": client.key, "secret": client.secret} for client in self.clients],
        }

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._answer])
        for api in self._api.values():
            streams = partial(self._stream_socket, api)
            for method, path in api.requests:
                app.router.add_route(method, path, partial(self._request, api))
            if api.is_spot:
                app.router.add_get("/ws-api/v3", partial(self._method_socket, api))
                app.router.add_get("/stream", streams)
                app.router.add_get("/ws", streams)
                app.router.add_get("/ws/{streams:.+}", streams)
            else:
                app.router.add_get("/ws-fapi/v1", partial(self._method_socket, api))
                app.router.add_get("/private/ws/{listen_key}", partial(self._private_socket, api))
                app.router.add_get("/{route:public|market}/stream", streams)
                app.router.add_get("/{route:public|market}/ws", streams)
                app.router.add_get("/{route:public|market}/ws/{streams:.+}", streams)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        host, port = self._runner.addresses[0][:2]
        self.rest, self.ws = f"http://{host}:{port}", f"ws://{host}:{port}"
        self._faults.begin(self._door.now_s)
        for api in self._api.values():
            api.desk.begin(self._clock.now_ns())
        self._mover = asyncio.create_task(self._move())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._mover is not None:
            self._mover.cancel()
            with suppress(asyncio.CancelledError):
                await self._mover
        await asyncio.gather(*(link.close() for link in tuple(self._links)))
        if self._runner is not None:
            await self._runner.cleanup()

    async def _move(self) -> None:
        """Move the markets, and tell everybody."""
        while True:
            now_ns = self._clock.now_ns()
            if self._faults.is_due("lost_sequence", now_ns / 1e9):
                self._restart()
            expires = self._faults.is_due("expire_keys", now_ns / 1e9)
            for api in self._api.values():
                api.desk.pump(now_ns)
                api.streams.publish(now_ns)
                if expires:
                    api.users.expire(ms(now_ns), is_spot=api.is_spot)
            await self._clock.sleep(_TICK_S)

    def _restart(self) -> None:
        for link in tuple(self._links):
            link.cut()
        for venue, api in self._api.items():
            api.streams.begin_again(_FIRST_ID[venue] // 10)
            api.users.lose_keys()

    # Requests.

    @web.middleware
    async def _answer(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as refused:
            return _json(refused.body, status=refused.status, headers=refused.headers)
        except web.HTTPException as error:
            return _json(
                {"code": -1000, "msg": f"{error.reason}: {request.method} {request.path}"}, status=error.status
            )

    async def _request(self, api: Api, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        visit = self._door.enter(f"{request.method} {request.path}")
        if visit.is_lost:
            return _dead(request)
        query = request.rel_url.raw_query_string.encode()
        params = _params(query + b"&" + body)
        endpoint = api.requests[request.method, request.path]
        headers = api.limits.ask(endpoint.weight(params), visit.now_s)
        account = -1
        key = request.headers.get("X-MBX-APIKEY")
        if endpoint.security == "signed":
            found = _SIGNATURE.search(body) or _SIGNATURE.search(query)
            payload = _SIGNATURE.sub(b"", query) + _SIGNATURE.sub(b"", body)
            signature = dict(parse_qsl(found[0].lstrip(b"&").decode())).get("signature") if found else None
            account = self._keys.check(key, payload, signature)
            self._door.check_time(params)
        elif endpoint.security == "key":
            account = self._keys.account(key)
        if endpoint.is_order:
            headers |= api.limits.order(account, visit.now_s)
        result = visit.carry_out(api, endpoint, params, account)
        if visit.is_swallowed:
            return _dead(request)
        if visit.lag_s:
            await self._clock.sleep(visit.lag_s)
        return _json(result, headers=headers)

    # WebSockets.

    async def _connect(self, request: web.Request) -> Link:
        socket = web.WebSocketResponse(autoping=False, max_msg_size=1 << 16)
        await socket.prepare(request)
        return Link(socket, request.transport, self._faults, self._clock)

    async def _serve(
        self, api: Api, link: Link, on_text: Callable[[str], None], *, is_api: bool = False
    ) -> web.WebSocketResponse:
        self._links.add(link)
        try:
            ping_s = self._ping_s or (20.0 if api.is_spot else 180.0)
            # Requests have limits of their own; frames of a stream's connection are counted.
            most_per_s = None if is_api else 5 if api.is_spot else 10
            await link.serve(on_text, ping_s=ping_s, most_per_s=most_per_s)
        finally:
            self._links.discard(link)
            api.streams.forget(link)
        return link.socket

    async def _stream_socket(self, api: Api, request: web.Request) -> web.WebSocketResponse:
        route = request.match_info.get("route", "")
        names = request.query.get("streams") or request.match_info.get("streams") or ""
        is_combined = request.path.endswith("/stream")
        link = await self._connect(request)
        for stream in filter(None, names.split("/")):
            api.streams.subscribe(stream, link, route, is_combined=is_combined)
        return await self._serve(api, link, lambda text: self._control(api, link, route, text, is_combined=is_combined))

    def _control(self, api: Api, link: Link, route: str, text: str, *, is_combined: bool) -> None:
        """Take a control frame."""
        try:
            asked = orjson.loads(text)
            method, names, number = asked["method"], asked.get("params", []), asked.get("id")
        except (orjson.JSONDecodeError, KeyError, TypeError):
            link.push("ack", {"code": 3, "msg": "Invalid JSON: expected value", "id": None})
            return
        result: Any = None
        match method:
            case "SUBSCRIBE":
                # What is not there is acknowledged all the same.
                for stream in names:
                    api.streams.subscribe(stream, link, route, is_combined=is_combined)
            case "UNSUBSCRIBE":
                for stream in names:
                    api.streams.unsubscribe(stream, link)
            case "LIST_SUBSCRIPTIONS":
                result = api.streams.subscriptions(link)
            case _:
                link.push("ack", {"code": 2, "msg": f"Invalid request: unknown variant `{method}`", "id": number})
                return
        link.push("ack", {"result": result, "id": number})

    async def _private_socket(self, api: Api, request: web.Request) -> web.WebSocketResponse:
        account = api.users.account_of(request.match_info["listen_key"])
        if account is None:
            raise web.HTTPBadRequest(reason=NO_LISTEN_KEY[1])
        link = await self._connect(request)
        push = partial(link.push, "user")
        api.users.add(account, push)
        try:
            return await self._serve(api, link, lambda text: None)
        finally:
            api.users.forget(account, push)

    async def _method_socket(self, api: Api, request: web.Request) -> web.WebSocketResponse:
        link = await self._connect(request)
        session = Session(self._door, self._keys, api, link)
        try:
            return await self._serve(api, link, session.take, is_api=True)
        finally:
            session.end()


def _params(text: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(text.decode(), keep_blank_values=True))
    except UnicodeDecodeError:
        raise Refused(-1101, "The parameters are not in UTF-8.") from None


def _json(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, headers=headers, content_type="application/json")


def _dead(request: web.Request) -> web.Response:
    """End a connection in place of an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _venues(spot: str, futures: str) -> dict[str, SimVenue]:
    at_once: dict[str, Any] = {
        "latency": Latency(entry="0ms", response="0ms"), "clock_lead": "0ms", "granularity": "0ms", "funding": "off",
    }  # fmt: skip
    margin = {"margin": "cross", "leverage": "20", "maintenance": MAINTENANCE}
    return {
        "BINANCE": SimVenue.profile("BINANCE", balances=spot, **at_once),
        "BINANCE_USDM": SimVenue.profile("BINANCE_USDM", balances=futures, **margin, **at_once),
    }


def _symbols(catalog: Catalog | None) -> Sequence[str]:
    if catalog is None:
        return _SYMBOLS
    held = catalog.instruments()
    traded = [name for name in held if name.rpartition(".")[2] in _LIMITS]
    if held and not traded:
        raise InvalidValueError("data", f"{catalog.path} holds no instrument of {' or '.join(_LIMITS)}")
    return traded or _SYMBOLS


def _instruments(venue: str, symbols: Sequence[str], catalog: Catalog | None) -> dict[str, Instrument]:
    found = {}
    for name in symbols:
        symbol, _, of = name.rpartition(".")
        if of not in _LIMITS:
            raise InvalidValueError("symbols", f"{name} is not traded here: expected one of {', '.join(_LIMITS)}")
        if of == venue:
            found[symbol] = find_instrument(name) if catalog is None else catalog.instrument(name)
    return found
