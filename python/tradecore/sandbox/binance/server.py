"""A local Binance: spot and USD-M futures on one port."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from tradecore.sandbox.binance.api import Api
from tradecore.sandbox.binance.keys import Keys
from tradecore.sandbox.binance.limits import Limit, Limits
from tradecore.sandbox.binance.public import Streams
from tradecore.sandbox.binance.recorded import RecordedStreams
from tradecore.sandbox.binance.refusals import NO_LISTEN_KEY, body_of
from tradecore.sandbox.binance.requests import Asked
from tradecore.sandbox.binance.session import Session
from tradecore.sandbox.binance.shapes import SpotShapes, UsdmShapes
from tradecore.sandbox.door import Visit
from tradecore.sandbox.faults import Fault
from tradecore.sandbox.link import Link
from tradecore.sandbox.numbers import ms
from tradecore.sandbox.refused import Refused
from tradecore.sandbox.server import LocalServer, json_answer

__all__ = ["BinanceServer"]

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
_MOST_STREAMS = 1_024
"""Of one connection."""


class BinanceServer(LocalServer):
    """A Binance on this machine: a :class:`LocalServer`, whose parameters it has."""

    name = "binance"
    venues = ("BINANCE", "BINANCE_USDM")
    _symbols = ("BTCUSDT.BINANCE", "ETHUSDT.BINANCE", "BTCUSDT.BINANCE_USDM", "ETHUSDT.BINANCE_USDM")

    def _open(self) -> None:
        self._signers = Keys(self._keys, self._door)
        self._api: dict[str, Api] = {}
        for venue, desk in self._desks.items():
            shapes = (SpotShapes if venue == "BINANCE" else UsdmShapes)(desk.instruments)
            if self._recording is None:
                streams = Streams(desk, shapes, first_id=_FIRST_ID[venue])
            else:
                streams = RecordedStreams(desk, shapes, self._recording)
            self._api[venue] = Api(desk, streams, Limits(*_LIMITS[venue]))

    def _routes(self, routes: web.UrlDispatcher) -> None:
        for api in self._api.values():
            streams = partial(self._stream_socket, api)
            for method, path in api.requests:
                routes.add_route(method, path, partial(self._request, api))
            if api.is_spot:
                routes.add_get("/ws-api/v3", partial(self._method_socket, api))
                routes.add_get("/stream", streams)
                routes.add_get("/ws", streams)
                routes.add_get("/ws/{streams:.+}", streams)
            else:
                routes.add_get("/ws-fapi/v1", partial(self._method_socket, api))
                routes.add_get("/private/ws/{listen_key}", partial(self._private_socket, api))
                routes.add_get("/{route:public|market}/stream", streams)
                routes.add_get("/{route:public|market}/ws", streams)
                routes.add_get("/{route:public|market}/ws/{streams:.+}", streams)

    def _publish(self, now_ns: int) -> None:
        for api in self._api.values():
            api.expire(self._door.venue_ns)
            api.streams.publish(now_ns)

    def _expire(self, now_ns: int) -> None:
        for api in self._api.values():
            api.users.expire(ms(now_ns), is_spot=api.is_spot)

    def _expel(self, account: int, now_ns: int) -> None:
        for api in self._api.values():
            api.users.end(account, ms(now_ns), is_spot=api.is_spot)

    def _restart(self) -> None:
        for venue, api in self._api.items():
            api.streams.begin_again(_FIRST_ID[venue] // 10)
            api.users.lose_keys()

    def _forget(self, link: Link) -> None:
        for api in self._api.values():
            api.streams.forget(link)

    # Requests.

    def _fault(self, fault: Fault) -> Refused:
        if fault.status in (418, 429):
            headers = {"Retry-After": str(max(1, fault.delay_ms // 1000))}
            return Refused(-1003, "Too many requests.", status=fault.status, headers=headers)
        return Refused(-1000, "An unknown error occurred while processing the request.", status=fault.status)

    def _refusal(self, refused: Refused) -> web.Response:
        return json_answer(body_of(refused), status=refused.status, headers=refused.headers)

    def _astray(self, request: web.Request, error: web.HTTPException) -> web.Response:
        body = {"code": -1000, "msg": f"{error.reason}: {request.method} {request.path}"}
        return json_answer(body, status=error.status)

    async def _request(self, api: Api, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        return await self._attend(request, lambda visit: self._carry_out(api, request, body, visit))

    def _carry_out(self, api: Api, request: web.Request, body: bytes, visit: Visit) -> web.Response:
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
            account = self._signers.check(key, payload, signature)
            self._signers.check_time(params)
        elif endpoint.security == "key":
            account = self._signers.account(key)
        headers |= api.limits.order(account, endpoint.orders(params), visit.now_s)
        result = api.carry_out(endpoint, Asked(params, self._door.venue_ns, account), visit)
        return json_answer(result, headers=headers)

    # WebSockets.

    async def _hold(
        self, api: Api, link: Link, on_text: Callable[[str], None], *, is_api: bool = False
    ) -> web.WebSocketResponse:
        # Requests have limits of their own; frames of a stream's connection are counted.
        most_per_s = None if is_api else 5 if api.is_spot else 10
        return await self._serve(link, on_text, ping_s=20.0 if api.is_spot else 180.0, most_per_s=most_per_s)

    async def _stream_socket(self, api: Api, request: web.Request) -> web.WebSocketResponse:
        route = request.match_info.get("route", "")
        names = request.query.get("streams") or request.match_info.get("streams") or ""
        is_combined = request.path.endswith("/stream")
        streams = list(filter(None, names.split("/")))
        if len(set(streams)) > _MOST_STREAMS:
            raise web.HTTPBadRequest(reason=f"more than {_MOST_STREAMS} streams")
        link = await self._connect(request)
        for stream in streams:
            api.streams.subscribe(stream, link, route, is_combined=is_combined)
        return await self._hold(api, link, lambda text: self._control(api, link, route, text, is_combined=is_combined))

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
                if len({*api.streams.subscriptions(link), *names}) > _MOST_STREAMS:
                    refusal = f"Invalid request: more than {_MOST_STREAMS} streams"
                    link.push("ack", {"code": 2, "msg": refusal, "id": number})
                    return
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
            return await self._hold(api, link, lambda text: None)
        finally:
            api.users.forget(account, push)

    async def _method_socket(self, api: Api, request: web.Request) -> web.WebSocketResponse:
        link = await self._connect(request)
        session = Session(self._door, self._enter, self._signers, api, link)
        try:
            return await self._hold(api, link, session.take, is_api=True)
        finally:
            session.end()


def _params(text: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(text.decode(), keep_blank_values=True))
    except UnicodeDecodeError:
        raise Refused(-1101, "The parameters are not in UTF-8.") from None
