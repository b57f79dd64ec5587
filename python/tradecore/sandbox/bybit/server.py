"""A local Bybit: linear contracts and spot on one port, in unified accounts."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from tradecore.sandbox.bybit.api import Api
from tradecore.sandbox.bybit.keys import Keys
from tradecore.sandbox.bybit.markets import CATEGORIES, Market, Markets
from tradecore.sandbox.bybit.public import Streams
from tradecore.sandbox.bybit.recorded import RecordedStreams
from tradecore.sandbox.bybit.refusals import bad
from tradecore.sandbox.bybit.requests import Asked
from tradecore.sandbox.bybit.sockets import OrderSocket, PrivateSocket, PublicSocket
from tradecore.sandbox.door import Visit
from tradecore.sandbox.faults import Fault
from tradecore.sandbox.link import Link
from tradecore.sandbox.numbers import ms
from tradecore.sandbox.reading import read_object
from tradecore.sandbox.refused import Refused
from tradecore.sandbox.server import LocalServer, json_answer

__all__ = ["BybitServer"]

_PING_S = 20.0


class BybitServer(LocalServer):
    """A Bybit on this machine: a :class:`LocalServer`, whose parameters it has."""

    name = "bybit"
    venues = tuple(CATEGORIES)
    _symbols = ("BTCUSDT.BYBIT", "BTCUSDT.BYBIT_SPOT")
    _no_faults = ("stale_snapshot",)
    _told_later = frozenset({"post_only_would_cross"})

    def _open(self) -> None:
        self._signers = Keys(self._keys, self._door)
        markets, recording = Markets(self._desks), self._recording
        streams = Streams(markets) if recording is None else RecordedStreams(markets, recording)
        self._api = Api(markets, streams)
        self._private: set[PrivateSocket] = set()
        self._numbers = itertools.count(1)

    def _routes(self, routes: web.UrlDispatcher) -> None:
        for method, path in self._api.requests:
            routes.add_route(method, path, self._request)
        for market in self._api.markets:
            path = f"/v5/public/{market.category}"
            routes.add_get(path, partial(self._public_socket, market))
        routes.add_get("/v5/private", self._private_socket)
        routes.add_get("/v5/trade", self._order_socket)

    def _publish(self, now_ns: int) -> None:
        self._api.protection.expire(self._door.venue_ns)
        self._api.streams.publish(now_ns)

    def _expire(self, now_ns: int) -> None:
        for socket in tuple(self._private):
            socket.expire()

    def _expel(self, account: int, now_ns: int) -> None:
        """Let it hear on until it says something, which is refused."""

    def _restart(self) -> None:
        self._api.streams.begin_again()

    def _forget(self, link: Link) -> None:
        self._api.streams.forget(link)

    # Requests.

    def _fault(self, fault: Fault) -> Refused:
        if fault.status == 429:
            reset = ms(self._door.venue_ns) + max(1_000, fault.delay_ms)
            headers = {"X-Bapi-Limit-Status": "0", "X-Bapi-Limit-Reset-Timestamp": str(reset)}
            return Refused(10006, "Too many visits. Exceeded the API Rate Limit.", headers=headers)
        if fault.status in (403, 418):
            return Refused(10018, "access too frequent.", status=403)
        return Refused(10016, "Internal system error.", status=fault.status)

    def _refusal(self, refused: Refused) -> web.Response:
        # An error of a request that was understood is an answer like any other.
        status = 200 if refused.status == 400 else refused.status
        body = self._envelope(refused.code, refused.text, refused.data or {}, {})
        return json_answer(body, status=status, headers=refused.headers)

    def _astray(self, request: web.Request, error: web.HTTPException) -> web.Response:
        return json_answer({"retCode": 10404, "retMsg": f"{error.reason}: {request.path}"}, status=error.status)

    def _envelope(self, code: int | str, text: str, result: Any, beside: Any) -> dict[str, Any]:
        time = ms(self._door.venue_ns)
        return {"retCode": code, "retMsg": text, "result": result, "retExtInfo": beside, "time": time}

    async def _request(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        return await self._attend(request, lambda visit: self._carry_out(request, body, visit))

    def _carry_out(self, request: web.Request, body: bytes, visit: Visit) -> web.Response:
        api, endpoint = self._api, self._api.requests[request.method, request.path]
        api.limits.request(visit.now_s)
        query = request.rel_url.raw_query_string.encode()
        params = _params(query if request.method == "GET" else body, is_query=request.method == "GET")
        account, key, headers = -1, "", {}
        if endpoint.limit:
            account, key = self._signers.check(request.headers, query if request.method == "GET" else body)
            allowed, counts = endpoint.allowed(params), endpoint.counts(params)
            headers = api.limits.ask(account, endpoint.limit, allowed, visit.now_s, counts)
        result, beside = api.carry_out(endpoint, Asked(params, self._door.venue_ns, account, key))
        return json_answer(self._envelope(0, "OK", result, beside), headers=headers)

    # WebSockets.

    def _name(self) -> str:
        return f"sandbox-{next(self._numbers)}"

    async def _public_socket(self, market: Market, request: web.Request) -> web.WebSocketResponse:
        link = await self._connect(request)
        socket = PublicSocket(self._door, link, self._name(), self._api, market)
        return await self._serve(link, socket.take, ping_s=_PING_S)

    async def _private_socket(self, request: web.Request) -> web.WebSocketResponse:
        link = await self._connect(request)
        socket = PrivateSocket(self._door, link, self._name(), self._api, self._signers)
        self._private.add(socket)
        try:
            return await self._serve(link, socket.take, ping_s=_PING_S)
        finally:
            self._private.discard(socket)
            socket.end()

    async def _order_socket(self, request: web.Request) -> web.WebSocketResponse:
        link = await self._connect(request)
        socket = OrderSocket(self._door, link, self._name(), self._api, self._signers, self._enter)
        return await self._serve(link, socket.take, ping_s=_PING_S)


def _params(text: bytes, *, is_query: bool) -> dict[str, Any]:
    return dict(parse_qsl(text.decode())) if is_query else read_object(text, bad)
