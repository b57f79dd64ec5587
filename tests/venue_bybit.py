"""A small Bybit on this machine, as far as connectors' tests need one."""

from __future__ import annotations

import hmac
import json
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from tradecore.venues.clock import Clock
from venue_servers import KEY, SECRET, Fault, Swallow, VenueServer


class Coded(Fault):
    """An answer with a code of the venue."""

    def __init__(self, code: int, text: str, headers: dict[str, str] | None = None, status: int = 200) -> None:
        super().__init__(status, {"retCode": code, "retMsg": text, "result": {}}, headers)


class FakeBybit(VenueServer):
    """One category of Bybit; its faults are a Coded."""

    def __init__(self, venue: str, clock: Clock) -> None:
        super().__init__(clock)
        self.category = "linear" if venue == "BYBIT" else "spot"
        self.executions: list[dict[str, Any]] = []
        self.book: dict[str, dict[str, str]] = {"b": {}, "a": {}}
        self.u = 100
        self.is_mute = False

    def _route(self, router: web.UrlDispatcher) -> None:
        for path, handler in {
            "market/time": lambda asked: {"timeNano": str(self.now_ms() * 1_000_000)},
            "market/instruments-info": self._info,
            "order/realtime": lambda asked: self._rows(asked, ("New", "PartiallyFilled")),
            "order/history": lambda asked: self._rows(asked, ("Filled", "Cancelled", "Rejected")),
            "execution/list": self._executions,
            "position/list": self._positions,
            "account/wallet-balance": self._wallet,
            "account/query-dcp-info": lambda asked: {"dcpInfos": []},
            "user/query-api": lambda asked: {"readOnly": 0, "permissions": {"Wallet": []}},
        }.items():
            router.add_get(f"/v5/{path}", self._rest(f"GET /v5/{path}", handler))
        for path, handler in {
            "create": self._create,
            "amend": self._amend,
            "cancel": self._cancel,
            "cancel-all": self._cancel_all,
        }.items():
            router.add_post(f"/v5/order/{path}", self._rest(f"POST /v5/order/{path}", handler))
        router.add_get(f"/v5/public/{self.category}", self._public)
        router.add_get("/v5/private", self._private)
        router.add_get("/v5/trade", self._trade)

    # Requests.

    def _asked(self, request: web.Request, body: str) -> dict[str, Any]:
        text = request.query_string if request.method == "GET" else body
        if "X-BAPI-SIGN" in request.headers:
            self._check(request.headers, text)
        asked: dict[str, Any] = dict(parse_qsl(text)) if request.method == "GET" else json.loads(text)
        return asked

    def _answer(self, result: Any) -> web.Response:
        return web.json_response({"retCode": 0, "retMsg": "OK", "result": result, "time": self.now_ms()})

    def _check(self, headers: Any, payload: str) -> None:
        stamp, window = headers["X-BAPI-TIMESTAMP"], headers["X-BAPI-RECV-WINDOW"]
        if headers["X-BAPI-API-KEY"] != KEY:
            raise Coded(10003, "API key is invalid.")
        if self._signed(f"{stamp}{KEY}{window}{payload}") != headers["X-BAPI-SIGN"]:
            raise Coded(10004, "error sign!")
        if not self.now_ms() - int(window) <= int(stamp) < self.now_ms() + 1_000:
            raise Coded(10002, "invalid request, please check your server timestamp or recv_window param.")

    @staticmethod
    def _signed(text: str) -> str:
        return hmac.new(SECRET.encode(), text.encode(), "sha256").hexdigest()

    def _info(self, asked: dict[str, Any]) -> Any:
        btc = {
            "symbol": "BTCUSDT",
            "contractType": "LinearPerpetual",
            "status": "Trading",
            "baseCoin": "BTC",
            "quoteCoin": "USDT",
            "settleCoin": "USDT",
            "priceFilter": {"tickSize": "0.1"},
            "lotSizeFilter": {
                "minOrderQty": "0.001",
                "maxOrderQty": "100.0005",
                "qtyStep": "0.001",
                "minNotionalValue": "5",
                "basePrecision": "0.001",
                "minOrderAmt": "5",
            },
        }
        if asked["category"] == "inverse":
            return {"list": [], "nextPageCursor": ""}
        if "cursor" not in asked:  # in two pages
            return {"list": [btc], "nextPageCursor": "second"}
        return {
            "list": [btc | {"symbol": "ODDUSDT", "lotSizeFilter": {}}, btc | {"status": "Closed"}],
            "nextPageCursor": "",
        }

    def _rows(self, asked: dict[str, Any], statuses: tuple[str, ...]) -> Any:
        wanted = asked.get("orderLinkId")
        rows = [row for row in self.orders.values() if row["orderStatus"] in statuses]
        if asked.get("settleCoin") == "USDC":
            rows = []
        return {"list": [row for row in rows if wanted in (None, row["orderLinkId"])]}

    def _executions(self, asked: dict[str, Any]) -> Any:
        rows = [row for row in self.executions if asked.get("orderId") in (None, row["orderId"])]
        start = int(asked.get("cursor", 0))
        end = start + 2
        return {"list": rows[start:end], "nextPageCursor": str(end) if end < len(rows) else ""}

    def _positions(self, asked: dict[str, Any]) -> Any:
        row = {"symbol": "BTCUSDT", "side": "Sell", "size": "0.250", "positionIdx": 0, "avgPrice": "60000"}
        return {
            "list": [row] if asked["settleCoin"] == "USDT" else [row | {"symbol": "BTCPERP", "side": "", "size": "0"}]
        }

    def _wallet(self, asked: dict[str, Any]) -> Any:
        coin = {"coin": "USDT", "walletBalance": "100.5", "locked": "10.5", "availableToWithdraw": ""}
        return {"list": [{"accountType": "UNIFIED", "coin": [coin, coin | {"coin": "BTC", "walletBalance": "0"}]}]}

    # Orders: what is answered is that they were received.

    def _create(self, asked: dict[str, Any]) -> Any:
        if asked["orderLinkId"] in self.orders:
            raise Coded(110072, "OrderLinkedID is duplicate")
        order = {
            "category": self.category,
            "symbol": asked["symbol"],
            "orderId": f"venue-{next(self.numbers)}",
            "orderLinkId": asked["orderLinkId"],
            "side": asked["side"],
            "orderType": asked["orderType"],
            "price": asked.get("price", ""),
            "qty": asked["qty"],
            "timeInForce": asked["timeInForce"],
            "orderStatus": "New",
            "cancelType": "UNKNOWN",
            "rejectReason": "EC_NoError",
            "cumExecQty": "0",
        }
        if asked["timeInForce"] == "PostOnly" and Decimal(asked["price"]) > 70_000:
            order |= {"orderStatus": "Cancelled", "rejectReason": "EC_PostOnlyWillTakeLiquidity"}
        self.orders[order["orderLinkId"]] = order
        self._tell(order)
        return {"orderId": order["orderId"], "orderLinkId": order["orderLinkId"]}

    def _open(self, asked: dict[str, Any]) -> dict[str, Any]:
        order = self.orders.get(asked["orderLinkId"])
        if order is None or order["orderStatus"] not in ("New", "PartiallyFilled"):
            raise Coded(110001, "order not exists or too late to cancel")
        return order

    def _amend(self, asked: dict[str, Any]) -> Any:
        order = self._open(asked)
        order |= {"price": asked["price"], "qty": asked["qty"]}
        self._tell(order)
        return {"orderId": order["orderId"]}

    def _cancel(self, asked: dict[str, Any]) -> Any:
        order = self._open(asked)
        order |= {"orderStatus": "Cancelled", "cancelType": "CancelByUser", "rejectReason": "EC_PerCancelRequest"}
        self._tell(order)
        return {"orderId": order["orderId"]}

    def _cancel_all(self, asked: dict[str, Any]) -> Any:
        mine = [row for row in self.orders.values() if row["orderStatus"] in ("New", "PartiallyFilled")]
        return {"list": [self._cancel(row) for row in mine]}

    def fill(self, client_id: str, qty: str, *, muted: bool = False) -> None:
        order = self.orders[client_id]
        done = Decimal(order["cumExecQty"]) + Decimal(qty)
        status = "Filled" if done >= Decimal(order["qty"]) else "PartiallyFilled"
        order |= {"cumExecQty": str(done), "orderStatus": status}
        row = {name: order[name] for name in ("category", "symbol", "orderId", "orderLinkId", "side")}
        row |= {"execId": f"execution-{next(self.numbers)}", "execPrice": order["price"], "execQty": qty}
        row |= {
            "execType": "Trade",
            "execFee": "0.01",
            "feeCurrency": "",
            "isMaker": True,
            "execTime": str(self.now_ms()),
        }
        self.executions.append(row)
        if not muted:
            self._push("execution", [row])
            self._tell(order)

    def _tell(self, order: dict[str, Any]) -> None:
        order["updatedTime"] = str(self.now_ms())
        if not self.is_mute:
            self._push("order", [order])

    def _push(self, topic: str, rows: list[dict[str, Any]]) -> None:
        text = json.dumps({"id": "1", "topic": topic, "creationTime": self.now_ms(), "data": rows})
        self._send(self.users, text)

    # Sockets.

    async def _public(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        names = self.sockets[socket] = set()
        try:
            async for message in socket:
                asked = json.loads(message.data)
                if asked["op"] == "ping":
                    await socket.send_str('{"success":true,"ret_msg":"pong","conn_id":"c","op":"ping"}')
                    continue
                self.seen.append((asked["op"], {"names": " ".join(asked["args"])}))
                if wrong := [name for name in asked["args"] if name.endswith("WRONG")]:
                    text = f"error:handler not found,topic:{wrong[0]}"
                    await socket.send_str(json.dumps({"success": False, "ret_msg": text, "op": "subscribe"}))
                    continue
                (names.update if asked["op"] == "subscribe" else names.difference_update)(asked["args"])
                await socket.send_str(json.dumps({"success": True, "ret_msg": "", "conn_id": "c", "op": asked["op"]}))
                for name in asked["args"]:
                    if asked["op"] == "subscribe" and name.startswith("orderbook.50"):
                        await socket.send_str(self._snapshot(name))
        finally:
            self.sockets.pop(socket, None)
        return socket

    async def _private(self, request: web.Request) -> web.StreamResponse:
        return await self._account(request, {"op": "auth", "success": True, "ret_msg": "", "conn_id": "c"})

    async def _trade(self, request: web.Request) -> web.StreamResponse:
        return await self._account(request, {"op": "auth", "retCode": 0, "retMsg": "OK", "connId": "c"})

    async def _account(self, request: web.Request, welcome: dict[str, Any]) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        handlers = {"order.create": self._create, "order.amend": self._amend, "order.cancel": self._cancel}
        try:
            async for message in socket:
                asked = json.loads(message.data)
                match asked["op"]:
                    case "auth":
                        key, expires, signature = asked["args"]
                        assert expires > self.now_ms()
                        if (key, self._signed(f"GET/realtime{expires}")) != (KEY, signature):
                            text = "Params Error" if key == KEY else "Invalid apikey"
                            welcome = {"op": "auth", "success": False, "retCode": 10003, "retMsg": text}
                        await socket.send_str(json.dumps(welcome))
                    case "subscribe":
                        self.users.add(socket)
                        await socket.send_str('{"success":true,"ret_msg":"","op":"subscribe","conn_id":"c"}')
                    case "ping":
                        await socket.send_str('{"op":"pong","args":["1"],"conn_id":"c"}')
                    case op:
                        answer: dict[str, Any] = {"reqId": asked["reqId"], "op": op, "retCode": 0, "retMsg": "OK"}
                        try:
                            answer["data"] = self._carry_out(op, asked["args"][0], handlers[op])
                        except Coded as coded:
                            answer |= coded.body | {"header": coded.headers}
                        except Swallow:
                            continue
                        await socket.send_str(json.dumps(answer))
        finally:
            self.users.discard(socket)
        return socket

    # The market.

    def _snapshot(self, name: str) -> str:
        sides = {side: [list(row) for row in levels.items()] for side, levels in self.book.items()}
        return self._frame(name, "snapshot", {"s": "BTCUSDT", **sides, "u": self.u, "seq": self.u})

    def _frame(self, name: str, kind: str, data: Any) -> str:
        stamp = self.now_ms()
        return json.dumps({"topic": name, "type": kind, "ts": stamp, "data": data, "cts": stamp}, separators=(",", ":"))

    def depth(self, bids: dict[str, str], asks: dict[str, str], *, lose: bool = False) -> None:
        """Change the book and tell it; of a lost change only the number is used up."""
        self.u += 1
        for side, levels in (("b", bids), ("a", asks)):
            self.book[side] |= levels
        if not lose:
            data = {"s": "BTCUSDT", "b": [list(row) for row in bids.items()], "a": [list(row) for row in asks.items()]}
            self.publish("orderbook.50.BTCUSDT", "delta", data | {"u": self.u, "seq": self.u})

    def publish(self, name: str, kind: str, data: Any) -> None:
        self._send([socket for socket, names in self.sockets.items() if name in names], self._frame(name, kind, data))
