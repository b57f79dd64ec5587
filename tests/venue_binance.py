"""A small Binance on this machine, as far as connectors' tests need one."""

from __future__ import annotations

import hmac
import json
from collections import defaultdict
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import WSMsgType, web

from tradecore.venues.clock import Clock
from venue_servers import KEY, SECRET, Fault, Swallow, VenueServer


class Refused(Fault):
    """An error of the venue."""

    def __init__(self, status: int, code: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, {"code": code, "msg": text}, headers)


class FakeBinance(VenueServer):
    """One market of Binance; its faults are a Refused."""

    def __init__(self, venue: str, clock: Clock) -> None:
        super().__init__(clock)
        self.is_spot = venue == "BINANCE"
        self.trades: list[dict[str, Any]] = []
        self.book: dict[str, dict[str, dict[str, str]]] = defaultdict(lambda: {"b": {}, "a": {}})
        self.update_id = 1_000
        self.late_ms = 0
        """How old the stamps of changes of the book are."""
        self.listen_keys = 0

    def _route(self, router: web.UrlDispatcher) -> None:
        prefix = "/api/v3" if self.is_spot else "/fapi/v1"
        for method, name, handler in [
            ("GET", "time", self._time),
            ("GET", "exchangeInfo", self._info),
            ("GET", "depth", self._depth),
            ("GET", "openInterest", self._interest),
            ("GET", "account", self._account),
            ("POST", "order", self._place),
            ("GET", "order", self._query),
            ("DELETE", "order", self._cancel),
            ("PUT", "order", self._modify),
            ("PUT", "order/amend/keepPriority", self._reduce),
            ("GET", "openOrders", self._open),
            ("DELETE", "openOrders" if self.is_spot else "allOpenOrders", self._cancel_all),
            ("GET", "allOrders", lambda params: list(self.orders.values())),
            ("GET", "openAlgoOrders", lambda params: []),
            ("DELETE", "algoOpenOrders", lambda params: {"code": 200, "msg": "done"}),
            ("GET", "algoOrder", lambda params: self._found({"origClientOrderId": ""}, -2013)),
            ("GET", "myTrades" if self.is_spot else "userTrades", self._trades),
            ("POST", "listenKey", self._listen_key),
            ("PUT", "listenKey", lambda params: {}),
            ("POST", "countdownCancelAll", lambda params: {"symbol": params["symbol"]}),
        ]:
            router.add_route(method, f"{prefix}/{name}", self._rest(f"{method} {name}", handler))
        if not self.is_spot:
            for name, handler in [
                ("account", self._account),
                ("positionRisk", lambda params: [{"symbol": "BTCUSDT", "positionAmt": "-0.250"}]),
                (
                    "balance",
                    lambda params: [
                        {"asset": "USDT", "balance": "100.5", "availableBalance": "90", "walletBalance": "1"}
                    ],
                ),
            ]:
                router.add_route("GET", f"/fapi/v3/{name}", self._rest(f"GET {name}", handler))
        for path in ("/stream", "/public/stream", "/market/stream"):
            router.add_get(path, self._market_socket)
        router.add_get("/ws-api/v3", self._api_socket)
        router.add_get("/ws-fapi/v1", self._api_socket)
        router.add_get("/private/ws/{key}", self._user_socket)

    # Requests.

    def _asked(self, request: web.Request, body: str) -> dict[str, str]:
        query = request.query_string
        params = dict(parse_qsl(query))
        if "signature" in params:
            signed, _, signature = query.rpartition("&signature=")
            self._check(signed, signature, request.headers.get("X-MBX-APIKEY"), int(params["timestamp"]))
        return params

    def _answer(self, result: Any) -> web.Response:
        return web.json_response(result, headers={"X-MBX-USED-WEIGHT-1M": str(len(self.seen))})

    def _check(self, signed: str, signature: str, key: str | None, timestamp: int) -> None:
        if key != KEY:
            raise Refused(401, -2015, "Invalid API-key, IP, or permissions for action.")
        if hmac.new(SECRET.encode(), signed.encode(), "sha256").hexdigest() != signature:
            raise Refused(400, -1022, "Signature for this request is not valid.")
        if not self.now_ms() - 5_000 <= timestamp < self.now_ms() + 1_000:
            raise Refused(400, -1021, "Timestamp for this request is outside of the recvWindow.")

    def _time(self, params: dict[str, str]) -> Any:
        return {"serverTime": self.now_ms()}

    def _info(self, params: dict[str, str]) -> Any:
        symbol = {
            "symbol": "BTCUSDT",
            "status": "TRADING",
            "contractType": "PERPETUAL",
            "baseAsset": "BTC",
            "quoteAsset": "USDT",
            "marginAsset": "USDT",
            "baseAssetPrecision": 8,
            "pricePrecision": 2,
            "quantityPrecision": 3,
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.10"},
                {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "100.0005", "stepSize": "0.001"},
                {"filterType": "NOTIONAL", "minNotional": "5.0"},
            ],
        }
        halted = symbol | {"symbol": "OLDUSDT", "status": "BREAK"}
        broken = symbol | {"symbol": "ODDUSDT", "filters": []}
        limits = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}]
        return {"rateLimits": limits, "symbols": [symbol, halted, broken]}

    def _depth(self, params: dict[str, str]) -> Any:
        book = self.book[params["symbol"]]
        sides = {name: [[p, q] for p, q in book[side].items()] for name, side in (("bids", "b"), ("asks", "a"))}
        return {"lastUpdateId": self.update_id, **sides}

    def _interest(self, params: dict[str, str]) -> Any:
        return {"symbol": params["symbol"], "openInterest": "12.5", "time": self.now_ms()}

    def _account(self, params: dict[str, str]) -> Any:
        return {"canTrade": True, "balances": [{"asset": "USDT", "free": "90", "locked": "10.5"}]}

    def _listen_key(self, params: dict[str, str]) -> Any:
        self.listen_keys += 1
        return {"listenKey": f"listen-key-{self.listen_keys}"}

    # Orders.

    def _place(self, params: dict[str, str]) -> Any:
        client_id = params["newClientOrderId"]
        if client_id in self.orders:
            raise Refused(400, -2010, "Duplicate order sent.")
        if params["type"] == "LIMIT_MAKER" and Decimal(params["price"]) > 70_000:
            raise Refused(400, -2010, "Order would immediately match and take.")
        order = {
            "symbol": params["symbol"],
            "orderId": next(self.numbers),
            "clientOrderId": client_id,
            "price": params.get("price", "0"),
            "origQty": params["quantity"],
            "executedQty": "0",
            "status": "NEW",
            "side": params["side"],
            "type": params["type"],
            "timeInForce": params.get("timeInForce", "GTC"),
            "time": self.now_ms(),
        }
        self.orders[client_id] = order
        self._tell(order, "NEW")
        return order | {"transactTime": self.now_ms()}

    def _found(self, params: dict[str, str], code: int) -> dict[str, Any]:
        order = self.orders.get(params["origClientOrderId"])
        if order is None or (code == -2011 and order["status"] not in ("NEW", "PARTIALLY_FILLED")):
            raise Refused(400, code, "Unknown order sent." if code == -2011 else "Order does not exist.")
        return order

    def _query(self, params: dict[str, str]) -> Any:
        return self._found(params, -2013)

    def _cancel(self, params: dict[str, str]) -> Any:
        order = self._found(params, -2011)
        order["status"] = "CANCELED"
        self._tell(order, "CANCELED")
        return order

    def _cancel_all(self, params: dict[str, str]) -> Any:
        mine = [order for order in self.orders.values() if order["status"] in ("NEW", "PARTIALLY_FILLED")]
        if not mine and self.is_spot:
            raise Refused(400, -2011, "Unknown order sent.")
        return [self._cancel({"origClientOrderId": order["clientOrderId"]}) for order in mine]

    def _modify(self, params: dict[str, str]) -> Any:
        order = self._found(params, -2013)
        order |= {"price": params["price"], "origQty": params["quantity"]}
        self._tell(order, "AMENDMENT")
        return order

    def _reduce(self, params: dict[str, str]) -> Any:
        order = self._found(params, -2013)
        order["origQty"] = params["newQty"]
        self._tell(order, "REPLACED")
        return {"amendedOrder": order}

    def _open(self, params: dict[str, str]) -> Any:
        return [order for order in self.orders.values() if order["status"] in ("NEW", "PARTIALLY_FILLED")]

    def _trades(self, params: dict[str, str]) -> Any:
        since, first, order = (int(params.get(name, 0)) for name in ("startTime", "fromId", "orderId"))
        found = [t for t in self.trades if t["time"] >= since and t["id"] >= first and order in (0, t["orderId"])]
        return found[: int(params.get("limit", 500))]

    def fill(self, client_id: str, qty: str, *, muted: bool = False) -> None:
        """Fill a part of an order; of a muted one the stream says nothing."""
        order = self.orders[client_id]
        done = Decimal(order["executedQty"]) + Decimal(qty)
        order["executedQty"] = str(done)
        order["status"] = "FILLED" if done >= Decimal(order["origQty"]) else "PARTIALLY_FILLED"
        trade = {
            "symbol": order["symbol"],
            "id": next(self.numbers),
            "orderId": order["orderId"],
            "price": order["price"],
            "qty": qty,
            "commission": "0.01",
            "commissionAsset": "USDT",
            "time": self.now_ms(),
            "side": order["side"],
            "isBuyer": order["side"] == "BUY",
            "maker": True,
            "isMaker": True,
        }
        self.trades.append(trade)
        if not muted:
            self._tell(order, "TRADE", trade)

    def _tell(self, order: dict[str, Any], what: str, trade: dict[str, Any] | None = None) -> None:
        is_cancel = what == "CANCELED" and self.is_spot
        row = {
            "s": order["symbol"],
            "c": "request-1" if is_cancel else order["clientOrderId"],
            "C": order["clientOrderId"] if is_cancel else "",
            "S": order["side"],
            "o": order["type"],
            "f": order["timeInForce"],
            "q": order["origQty"],
            "p": order["price"],
            "x": what,
            "X": order["status"],
            "r": "NONE",
            "i": order["orderId"],
            "l": trade["qty"] if trade else "0",
            "z": order["executedQty"],
            "L": trade["price"] if trade else "0",
            "n": trade["commission"] if trade else "0",
            "N": trade["commissionAsset"] if trade else None,
            "T": self.now_ms(),
            "t": trade["id"] if trade else -1,
            "m": True,
            "O": order["time"],
        }
        if self.is_spot:
            text = json.dumps({"subscriptionId": 0, "event": {"e": "executionReport", "E": self.now_ms(), **row}})
        else:
            text = json.dumps({"e": "ORDER_TRADE_UPDATE", "E": self.now_ms(), "T": self.now_ms(), "o": row})
        self._send(self.users, text)

    # Sockets.

    async def _market_socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets[socket] = (request.path, set())
        try:
            async for message in socket:
                asked = json.loads(message.data)
                self.seen.append((asked["method"], {"path": request.path, "names": " ".join(asked["params"])}))
                names = self.sockets[socket][1]
                (names.update if asked["method"] == "SUBSCRIBE" else names.difference_update)(asked["params"])
                await socket.send_str(json.dumps({"result": None, "id": asked["id"]}))
        finally:
            self.sockets.pop(socket, None)
        return socket

    async def _user_socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.users.add(socket)
        self.seen.append(("user stream", {"key": request.match_info["key"]}))
        try:
            async for _ in socket:
                pass
        finally:
            self.users.discard(socket)
        return socket

    async def _api_socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        handlers = {
            "order.place": self._place,
            "order.cancel": self._cancel,
            "order.modify": self._modify,
            "order.amend.keepPriority": self._reduce,
            "userDataStream.subscribe.signature": lambda params: self.users.add(socket) or {"subscriptionId": 0},
        }
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
                asked = json.loads(message.data)
                params = asked["params"]
                signature = params.pop("signature")
                signed = "&".join(f"{name}={params[name]}" for name in sorted(params))
                answer: dict[str, Any] = {"id": asked["id"], "status": 200}
                try:
                    self._check(signed, signature, params["apiKey"], int(params["timestamp"]))
                    answer["result"] = self._carry_out(asked["method"], params, handlers[asked["method"]])
                except Refused as refused:
                    answer |= {"status": refused.status, "error": dict(refused.body)}
                    if "Retry-After" in refused.headers:
                        until = self.now_ms() + int(float(refused.headers["Retry-After"]) * 1_000)
                        answer["error"]["data"] = {"serverTime": self.now_ms(), "retryAfter": until}
                except Swallow:
                    continue
                await socket.send_str(json.dumps(answer))
        finally:
            self.users.discard(socket)
        return socket

    # The market.

    def depth(self, bids: dict[str, str], asks: dict[str, str], *, lose: bool = False) -> None:
        """Change the book and tell it; of a lost change only the numbers are used up."""
        previous, first = self.update_id, self.update_id + 1
        self.update_id += 2
        for side, levels in (("b", bids), ("a", asks)):
            for price, qty in levels.items():
                self.book["BTCUSDT"][side][price] = qty
                if not Decimal(qty):
                    del self.book["BTCUSDT"][side][price]
        if not lose:
            stamp = self.now_ms() - self.late_ms
            data = {"e": "depthUpdate", "E": stamp, "T": stamp, "s": "BTCUSDT", "U": first}
            data |= {"u": self.update_id, "pu": previous}
            data |= {"b": [list(row) for row in bids.items()], "a": [list(row) for row in asks.items()]}
            self.publish("btcusdt@depth@100ms", data)

    def publish(self, name: str, data: dict[str, Any]) -> None:
        """Send a stream's message to those subscribed, on the path that carries it."""
        kind = name.partition("@")[2]
        route = "/public/stream" if kind.startswith(("depth", "bookTicker")) else "/market/stream"
        text = json.dumps({"stream": name, "data": data}, separators=(",", ":"))
        self._send(
            [s for s, (path, names) in self.sockets.items() if name in names and path in ("/stream", route)]
            if not self.is_spot
            else [s for s, (_, names) in self.sockets.items() if name in names],
            text,
        )
