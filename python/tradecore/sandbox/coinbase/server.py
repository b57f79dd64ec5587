"""A local Coinbase: Advanced Trade, spot, and beside it the feed of Coinbase Exchange."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from tradecore.sandbox.candles import Candles
from tradecore.sandbox.clients import Client
from tradecore.sandbox.coinbase.channels import Channels
from tradecore.sandbox.coinbase.exchange import ExchangeFeed, ExchangeSocket
from tradecore.sandbox.coinbase.market import Accounts, Market
from tradecore.sandbox.coinbase.orders import Orders
from tradecore.sandbox.coinbase.recorded import RecordedChannels
from tradecore.sandbox.coinbase.refusals import bad, body_of
from tradecore.sandbox.coinbase.requests import Asked
from tradecore.sandbox.coinbase.shapes import Shapes
from tradecore.sandbox.coinbase.sockets import Socket
from tradecore.sandbox.coinbase.tokens import Tokens, made_client
from tradecore.sandbox.door import Visit
from tradecore.sandbox.faults import Fault
from tradecore.sandbox.link import Link
from tradecore.sandbox.listeners import Listeners
from tradecore.sandbox.reading import read_object
from tradecore.sandbox.refused import Refused
from tradecore.sandbox.server import LocalServer, json_answer
from tradecore.sandbox.windows import Windows

__all__ = ["CoinbaseServer"]

_PREFIX = "/api/v3/brokerage"
_PUBLIC, _PRIVATE = 10, 30
"""So many requests in a second: of an address, of an account."""
_PING_S = 20.0


@dataclass(frozen=True, slots=True)
class _Endpoint:
    call: Callable[[Asked], Any]
    is_private: bool = True


class CoinbaseServer(LocalServer):
    """A Coinbase on this machine: a :class:`LocalServer`, whose parameters it has.

    Keys made from the seed are names with a private key on the curve P-256, in PEM. WebSockets are at ``/market`` and
    ``/user``, the feed of Coinbase Exchange at ``/exchange``; its channel of single orders is there of a crowd.
    """

    name = "coinbase"
    venues = ("COINBASE",)
    _symbols = ("BTC-USD.COINBASE", "ETH-USD.COINBASE")
    _balances = "10 BTC, 100 ETH, 1000000 USD"
    _no_faults = ("stale_snapshot",)

    def _client(self, seed: int, number: int) -> Client:
        return made_client(seed, number)

    def _open(self) -> None:
        [self._desk] = self._desks.values()
        candles = Candles(self._desk)
        shapes = Shapes(self._desk, candles)
        self._tokens = Tokens(self._keys, self._door)
        self._listeners = Listeners()
        self._windows = Windows()
        rooms = (self._desk, shapes, candles, self._listeners)
        recording = self._recording
        self._channels = Channels(*rooms) if recording is None else RecordedChannels(*rooms, recording)
        self._exchange = ExchangeFeed(self._desk, shapes, candles)
        self._user_sockets: set[Socket] = set()
        self._endpoints = _endpoints(
            Market(self._desk, shapes, candles), Orders(self._desk, shapes), Accounts(self._desk)
        )

    def _routes(self, routes: web.UrlDispatcher) -> None:
        for (method, path), endpoint in self._endpoints.items():
            routes.add_route(method, f"{_PREFIX}/{path}", partial(self._request, endpoint))
        routes.add_get("/market", partial(self._socket, is_of_user=False))
        routes.add_get("/user", partial(self._socket, is_of_user=True))
        routes.add_get("/exchange", self._exchange_socket)
        orders = _Endpoint(self._exchange.book, is_private=False)
        routes.add_get("/products/{product_id}/book", partial(self._request, orders))

    def _publish(self, now_ns: int) -> None:
        self._channels.publish(now_ns)
        self._exchange.publish(now_ns)

    def _expire(self, now_ns: int) -> None:
        for socket in tuple(self._user_sockets):
            socket.cut()

    def _expel(self, account: int, now_ns: int) -> None:
        for socket in tuple(self._user_sockets):
            if socket.account == account:
                socket.cut()

    def _restart(self) -> None:
        # Those of Advanced Trade are numbers of connections.
        self._exchange.begin_again()

    def _forget(self, link: Link) -> None:
        self._channels.forget(link)
        self._exchange.forget(link)

    # Requests.

    def _fault(self, fault: Fault) -> Refused:
        if fault.status in (418, 429):
            headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(max(1, fault.delay_ms // 1000))}
            return Refused("rate_limit_exceeded", "too many requests", status=429, headers=headers)
        return Refused("unknown", "internal server error", status=fault.status)

    def _refusal(self, refused: Refused) -> web.Response:
        return json_answer(body_of(refused), status=refused.status, headers=refused.headers)

    def _astray(self, request: web.Request, error: web.HTTPException) -> web.Response:
        return json_answer({"error": error.reason, "message": request.path}, status=error.status)

    async def _request(self, endpoint: _Endpoint, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        return await self._attend(request, lambda visit: self._carry_out(endpoint, request, body, visit))

    def _carry_out(self, endpoint: _Endpoint, request: web.Request, body: bytes, visit: Visit) -> web.Response:
        account = -1
        if endpoint.is_private:
            header = request.headers.get("Authorization", "")
            account = self._tokens.check_request(header, request.method, request.host, request.path)
        most = _PRIVATE if endpoint.is_private else _PUBLIC
        usage = self._windows.ask(account, most, 1.0, visit.now_s)
        headers = {
            "x-ratelimit-limit": str(most), "x-ratelimit-remaining": str(usage.left), "x-ratelimit-reset": "1",
        }  # fmt: skip
        if usage.is_over:
            raise Refused("rate_limit_exceeded", "too many requests", status=429, headers=headers)
        params = {**_params(request, body), **request.match_info}
        self._desk.pump(self._door.venue_ns)
        return json_answer(endpoint.call(Asked(params, self._door.venue_ns, account)), headers=headers)

    # WebSockets.

    async def _socket(self, request: web.Request, *, is_of_user: bool) -> web.WebSocketResponse:
        link = await self._connect(request)
        socket = Socket(self._door, link, self._channels, self._listeners, self._tokens, is_of_user=is_of_user)
        if is_of_user:
            self._user_sockets.add(socket)
        try:
            return await self._serve(link, socket.take, ping_s=_PING_S)
        finally:
            self._user_sockets.discard(socket)
            socket.end()

    async def _exchange_socket(self, request: web.Request) -> web.WebSocketResponse:
        link = await self._connect(request)
        socket = ExchangeSocket(self._door, link, self._exchange)
        try:
            return await self._serve(link, socket.take, ping_s=_PING_S)
        finally:
            socket.end()


def _endpoints(market: Market, orders: Orders, accounts: Accounts) -> dict[tuple[str, str], _Endpoint]:
    """Return what can be asked, by method and path; what is asked of products is there for everybody too."""
    found = {("GET", "time"): _Endpoint(market.time, is_private=False)}
    for path, call in {
        "products": market.products,
        "products/{product_id}": market.product,
        "products/{product_id}/candles": market.candles,
        "products/{product_id}/ticker": market.trades,
        "product_book": market.book,
    }.items():
        found["GET", path] = _Endpoint(call)
        found["GET", f"market/{path}"] = _Endpoint(call, is_private=False)
    return found | {
        ("GET", "best_bid_ask"): _Endpoint(market.best),
        ("GET", "accounts"): _Endpoint(accounts.accounts),
        ("GET", "key_permissions"): _Endpoint(accounts.permissions),
        ("GET", "transaction_summary"): _Endpoint(accounts.summary),
        ("POST", "orders"): _Endpoint(orders.create),
        ("POST", "orders/edit"): _Endpoint(orders.edit),
        ("POST", "orders/batch_cancel"): _Endpoint(orders.cancel),
        ("GET", "orders/historical/batch"): _Endpoint(orders.orders),
        ("GET", "orders/historical/fills"): _Endpoint(orders.fills),
        ("GET", "orders/historical/{order_id}"): _Endpoint(orders.order),
    }


def _params(request: web.Request, body: bytes) -> Mapping[str, Any]:
    """Return what a request says; what is given several times is joined by commas."""
    if request.method == "GET":
        params: dict[str, str] = {}
        for name, value in parse_qsl(request.rel_url.raw_query_string):
            params[name] = f"{params[name]},{value}" if name in params else value
        return params
    return read_object(body, bad)
