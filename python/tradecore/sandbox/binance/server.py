"""A local Binance: spot and USD-M futures on one port."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
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
from tradecore.sandbox.binance.api import MAINTENANCE, Api, Asked, Endpoint
from tradecore.sandbox.binance.keys import Client, Clients
from tradecore.sandbox.binance.limits import Limit, Limits
from tradecore.sandbox.binance.public import Streams
from tradecore.sandbox.binance.refusals import BAD_TIMESTAMP, Refused
from tradecore.sandbox.binance.shapes import SpotShapes, UsdmShapes, ms
from tradecore.sandbox.desk import Desk
from tradecore.sandbox.faults import Fault, Faults
from tradecore.sandbox.feed import MarketFeed, catalog_feed, synthetic_feed
from tradecore.sandbox.link import Link
from tradecore.venue import Latency, SimVenue

__all__ = ["BinanceServer"]

SYMBOLS = ("BTCUSDT.BINANCE", "ETHUSDT.BINANCE", "BTCUSDT.BINANCE_USDM", "ETHUSDT.BINANCE_USDM")
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
_STALE = 1_000_000
"""So many updates lie between a stale snapshot and the book."""
_FIRST_ID = {"BINANCE": 10_000_000_000, "BINANCE_USDM": 20_000_000_000}


class BinanceServer:
    """A Binance on this machine, to be used as ``async with``.

    Orders meet the simulator's own venue. Its markets are moved by a catalog, from the start of the server on, or made
    from the seed; orders are seen in the public book and their trades by everybody. It listens on this machine only.

    Parameters
    ----------
    port : int
        0 for a free one.
    symbols : sequence of str
        Ids of instruments of ``BINANCE`` and ``BINANCE_USDM``.
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

    Attributes
    ----------
    rest, ws : str
        Where it is, once it runs.
    clients : tuple of Client

    Raises
    ------
    InvalidValueError
        For an instrument of another venue, and a speed that is not above zero.
    CatalogError
        For an instrument that the catalog does not hold.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        symbols: Sequence[str] = SYMBOLS,
        data: str | Path | Catalog | None = None,
        speed: float = 1.0,
        clients: int | Sequence[Client] = 2,
        spot_balances: str = "10 BTC, 100 ETH, 1000000 USDT",
        futures_balances: str = "1000000 USDT",
        faults: Sequence[Fault] = (),
        seed: int = 0,
        ping: float | None = None,
    ) -> None:
        if not speed > 0:
            raise InvalidValueError("speed", f"{speed} is not above zero")
        made = isinstance(clients, int)
        self.clients = (
            tuple(Client.made(seed, at) for at in range(clients)) if isinstance(clients, int) else tuple(clients)
        )
        if made and not self.clients:
            raise InvalidValueError("clients", "expected at least one")
        self._keys = Clients(self.clients)
        self._port = port
        self._ping_s = ping
        self._faults = Faults(faults, seed=seed)
        self._links: set[Link] = set()
        self._api: dict[str, Api] = {}
        catalog = None if data is None else Catalog.of(data)
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
        return Api(desk, streams, Limits(*_LIMITS[venue]), venue=venue)

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
            for method, path in api.requests:
                app.router.add_route(method, path, self._request)
            if api.is_spot:
                app.router.add_get("/ws-api/v3", self._method_socket)
                app.router.add_get("/stream", self._stream_socket)
                app.router.add_get("/ws", self._stream_socket)
                app.router.add_get("/ws/{streams:.+}", self._stream_socket)
            else:
                app.router.add_get("/ws-fapi/v1", self._method_socket)
                app.router.add_get("/private/ws/{listen_key}", self._private_socket)
                app.router.add_get("/{route:public|market}/stream", self._stream_socket)
                app.router.add_get("/{route:public|market}/ws", self._stream_socket)
                app.router.add_get("/{route:public|market}/ws/{streams:.+}", self._stream_socket)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        host, port = self._runner.addresses[0][:2]
        self.rest, self.ws = f"http://{host}:{port}", f"ws://{host}:{port}"
        self._faults.begin(time.time())
        for api in self._api.values():
            api.desk.begin(time.time_ns())
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
            now_ns = time.time_ns()
            if self._faults.is_due("lost_sequence", now_ns / 1e9):
                self._restart()
            expires = self._faults.is_due("expire_keys", now_ns / 1e9)
            for api in self._api.values():
                api.desk.pump(now_ns)
                api.streams.publish(now_ns)
                if expires:
                    api.expire_keys(now_ns)
            await asyncio.sleep(_TICK_S)

    def _restart(self) -> None:
        for link in tuple(self._links):
            link.cut()
        for venue, api in self._api.items():
            api.streams.begin_again(_FIRST_ID[venue] // 10)
            api.listen_keys.clear()

    def _now_ns(self) -> int:
        now = time.time_ns()
        return now + self._faults.clock_ahead_ms(now / 1e9) * 1_000_000

    def _api_of(self, request: web.Request) -> Api:
        is_futures = request.path.startswith(("/fapi", "/ws-fapi", "/public", "/market", "/private"))
        return self._api["BINANCE_USDM" if is_futures else "BINANCE"]

    # Requests.

    @web.middleware
    async def _answer(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as refused:
            body = {"code": refused.code, "msg": refused.text, **_data(refused)}
            return _json(body, status=refused.status, headers=refused.headers)
        except web.HTTPException as error:
            return _json(
                {"code": -1000, "msg": f"{error.reason}: {request.method} {request.path}"}, status=error.status
            )

    async def _request(self, request: web.Request) -> web.StreamResponse:
        api = self._api_of(request)
        body = await request.read()
        now_s = time.time()
        name = f"{request.method} {request.path}"
        faults = self._faults.of_request(name, now_s)
        _refuse(faults)
        if any(fault.kind == "lose" for fault in faults):
            return _dead(request)
        query = request.rel_url.raw_query_string.encode()
        params = _params(query + b"&" + body)
        endpoint = api.requests[request.method, request.path]
        headers = api.limits.ask(endpoint.weight(params), now_s)
        account = -1
        key = request.headers.get("X-MBX-APIKEY")
        if endpoint.security == "signed":
            found = _SIGNATURE.search(body) or _SIGNATURE.search(query)
            payload = _SIGNATURE.sub(b"", query) + _SIGNATURE.sub(b"", body)
            signature = dict(parse_qsl(found[0].lstrip(b"&").decode())).get("signature") if found else None
            account = self._keys.check(key, payload, signature)
            self._check_time(params)
        elif endpoint.security == "key":
            account = self._keys.account(key)
        if endpoint.is_order:
            headers |= api.limits.order(account, now_s)
        result = self._carry_out(endpoint, Asked(params, self._now_ns(), account), faults)
        if any(fault.kind == "swallow" for fault in faults):
            return _dead(request)
        for fault in faults:
            if fault.kind == "lag":
                await asyncio.sleep(fault.delay_ms / 1000)
        return _json(result, headers=headers)

    def _carry_out(self, endpoint: Endpoint, asked: Asked, faults: Sequence[Fault]) -> Any:
        result = endpoint.call(asked)
        if any(fault.kind == "stale_snapshot" for fault in faults) and "lastUpdateId" in result:
            result = {**result, "lastUpdateId": result["lastUpdateId"] - _STALE}
        return result

    def _check_time(self, params: Mapping[str, Any]) -> None:
        try:
            sent, window = int(params["timestamp"]), int(params.get("recvWindow", 5_000))
        except (KeyError, ValueError):
            raise Refused(
                -1102, "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed."
            ) from None
        if not 0 < window <= 60_000:
            raise Refused(-1131, "recvWindow must be less than 60000")
        now = ms(self._now_ns())
        if sent >= now + 1_000:
            raise Refused(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if now - sent > window:
            raise Refused(*BAD_TIMESTAMP)

    # WebSockets.

    async def _serve(
        self, request: web.Request, prepare: Callable[[Link], Callable[[str], None]], *, is_api: bool = False
    ) -> web.WebSocketResponse:
        api = self._api_of(request)
        socket = web.WebSocketResponse(autoping=False, max_msg_size=1 << 16)
        await socket.prepare(request)
        link = Link(socket, request.transport, self._faults, time.time)
        self._links.add(link)
        try:
            on_text = prepare(link)
            ping_s = self._ping_s or (20.0 if api.is_spot else 180.0)
            # Requests have limits of their own; frames of a stream's connection are counted.
            most_per_s = None if is_api else 5 if api.is_spot else 10
            await link.serve(on_text, ping_s=ping_s, most_per_s=most_per_s)
        finally:
            self._links.discard(link)
            api.streams.forget(link)
        return socket

    async def _stream_socket(self, request: web.Request) -> web.WebSocketResponse:
        api = self._api_of(request)
        route = request.match_info.get("route", "")
        names = request.query.get("streams") or request.match_info.get("streams") or ""
        is_combined = request.path.endswith("/stream")

        def prepare(link: Link) -> Callable[[str], None]:
            for stream in filter(None, names.split("/")):
                if api.streams.is_carried(stream, route):
                    api.streams.subscribe(stream, link, is_combined=is_combined)
            return lambda text: self._control(api, link, route, text, is_combined=is_combined)

        return await self._serve(request, prepare)

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
                # What is not there, or not on this route, is acknowledged all the same.
                for stream in names:
                    if api.streams.is_carried(stream, route):
                        api.streams.subscribe(stream, link, is_combined=is_combined)
            case "UNSUBSCRIBE":
                for stream in names:
                    api.streams.unsubscribe(stream, link)
            case "LIST_SUBSCRIPTIONS":
                result = api.streams.subscriptions(link)
            case _:
                link.push("ack", {"code": 2, "msg": f"Invalid request: unknown variant `{method}`", "id": number})
                return
        link.push("ack", {"result": result, "id": number})

    async def _private_socket(self, request: web.Request) -> web.WebSocketResponse:
        api = self._api_of(request)
        account = api.listen_keys.get(request.match_info["listen_key"])
        if account is None:
            raise web.HTTPBadRequest(reason="This listenKey does not exist.")
        pushes: list[Callable[[dict[str, Any]], None]] = []

        def prepare(link: Link) -> Callable[[str], None]:
            pushes.append(lambda event: link.push("user", event))
            api.users[account].append(pushes[0])
            return lambda text: None

        try:
            return await self._serve(request, prepare)
        finally:
            for push in pushes:
                api.forget(account, push)

    async def _method_socket(self, request: web.Request) -> web.WebSocketResponse:
        session = _Session(self, self._api_of(request))

        def prepare(link: Link) -> Callable[[str], None]:
            session.link = link
            return session.take

        try:
            return await self._serve(request, prepare, is_api=True)
        finally:
            session.end()


class _Session:
    """A connection to the WebSocket API."""

    def __init__(self, server: BinanceServer, api: Api) -> None:
        self._server = server
        self._api = api
        self.link: Link
        self._key: str | None = None
        self._subscriptions: dict[int, tuple[int, Callable[[dict[str, Any]], None]]] = {}

    def take(self, text: str) -> None:
        """Take a request and answer it."""
        try:
            asked = orjson.loads(text)
            method, number = asked["method"], asked.get("id")
            params = asked.get("params") or {}
        except (orjson.JSONDecodeError, KeyError, TypeError):
            self.link.push("answer", {"id": None, "status": 400, "error": {"code": -1000, "msg": "Invalid JSON."}})
            return
        now_s = time.time()
        faults = self._server._faults.of_request(method, now_s)
        try:
            _refuse(faults)
            if any(fault.kind == "lose" for fault in faults):
                return self.link.cut()
            result = self._result(method, params, faults, now_s)
            answer = {"id": number, "status": 200, "result": result}
        except Refused as refused:
            error = {"code": refused.code, "msg": refused.text, **_data(refused)}
            answer = {"id": number, "status": refused.status, "error": error}
        if any(fault.kind == "swallow" for fault in faults):
            return self.link.cut()
        limits = self._api.limits
        answer["rateLimits"] = [limits.weight.row(limits.used(limits.weight, -1, now_s))]
        self.link.push(f"answer {method}", answer)
        return None

    def _result(self, method: str, params: dict[str, Any], faults: Sequence[Fault], now_s: float) -> Any:
        limits = self._api.limits
        match method:
            case "session.logon":
                limits.ask(2, now_s)
                self._account(params)
                if not self._server._keys.logs_on(params.get("apiKey")):
                    raise Refused(-4056, "HMAC_SHA256 API key is not supported.")
                self._key = params["apiKey"]
                return self._status(now_s)
            case "session.status":
                return self._status(now_s)
            case "session.logout":
                self._key = None
                return self._status(now_s)
            case "userDataStream.subscribe" | "userDataStream.subscribe.signature" if self._api.is_spot:
                limits.ask(2, now_s)
                return {"subscriptionId": self._subscribe(self._account(params))}
            case "userDataStream.unsubscribe" if self._api.is_spot:
                for at in [params["subscriptionId"]] if "subscriptionId" in params else list(self._subscriptions):
                    self._unsubscribe(at)
                return {}
        endpoint = self._api.methods.get(method)
        if endpoint is None:
            raise Refused(-1000, f"Invalid method '{method}'.")
        limits.ask(endpoint.weight(params), now_s)
        account = self._account(params) if endpoint.security == "signed" else -1
        if endpoint.is_order:
            limits.order(account, now_s)
        return self._server._carry_out(endpoint, Asked(params, self._server._now_ns(), account), faults)

    def _account(self, params: dict[str, Any]) -> int:
        """Return whose request it is: signed by itself, or of one who has logged on."""
        keys = self._server._keys
        if self._key is not None and "apiKey" not in params:
            account = keys.account(self._key)
        else:
            parts = (f"{name}={_plain(value)}" for name, value in sorted(params.items()) if name != "signature")
            account = keys.check(params.get("apiKey"), "&".join(parts).encode(), params.get("signature"))
        self._server._check_time(params)
        return account

    def _status(self, now_s: float) -> dict[str, Any]:
        return {
            "apiKey": self._key,
            "authorizedSince": None if self._key is None else int(now_s * 1000),
            "connectedSince": int(now_s * 1000),
            "returnRateLimits": True,
            "serverTime": ms(self._server._now_ns()),
            "userDataStream": bool(self._subscriptions),
        }

    def _subscribe(self, account: int) -> int:
        number = max(self._subscriptions, default=-1) + 1

        def push(event: dict[str, Any]) -> None:
            self.link.push("user", {"subscriptionId": number, "event": event})

        self._subscriptions[number] = (account, push)
        self._api.users[account].append(push)
        return number

    def _unsubscribe(self, number: int) -> None:
        account, push = self._subscriptions.pop(number, (-1, None))
        if push is not None:
            self._api.forget(account, push)

    def end(self) -> None:
        """Forget who listened: the connection is gone."""
        for number in tuple(self._subscriptions):
            self._unsubscribe(number)


def _params(text: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(text.decode(), keep_blank_values=True))
    except UnicodeDecodeError:
        raise Refused(-1101, "The parameters are not in UTF-8.") from None


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refuse(faults: Sequence[Fault]) -> None:
    for fault in faults:
        if fault.kind == "status":
            code = -1003 if fault.status in (418, 429) else -1000
            text = "Too many requests." if code == -1003 else "An unknown error occurred while processing the request."
            headers = {"Retry-After": str(max(1, fault.delay_ms // 1000))} if code == -1003 else {}
            raise Refused(code, text, status=fault.status, headers=headers)


def _data(refused: Refused) -> dict[str, Any]:
    data = getattr(refused, "data", None)
    return {} if data is None else {"data": data}


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


def _instruments(venue: str, symbols: Sequence[str], catalog: Catalog | None) -> dict[str, Instrument]:
    found = {}
    for name in symbols:
        symbol, _, of = name.rpartition(".")
        if of not in _LIMITS:
            raise InvalidValueError("symbols", f"{name} is not traded here: expected one of {', '.join(_LIMITS)}")
        if of == venue:
            found[symbol] = find_instrument(name) if catalog is None else catalog.instrument(name)
    return found
