"""A small Coinbase on this machine, as far as connectors' tests need one."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Self

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tradecore.venues.clock import Clock
from venue_servers import KEY, VenueServer

_KEY = ed25519.Ed25519PrivateKey.generate()
PRIVATE = _KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class FakeCoinbase(VenueServer):
    """Advanced Trade."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.users: dict[web.WebSocketResponse, set[str]] = {}
        self.sequence: defaultdict[web.WebSocketResponse, int] = defaultdict(int)
        self.fills: list[dict[str, Any]] = []
        self.book: dict[str, dict[str, str]] = {"bid": {}, "offer": {}}
        self.beats = True
        self.is_mute = False

    def now(self) -> str:
        return datetime.fromtimestamp(self.clock.now_ns() / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        beating = asyncio.create_task(self._beat(), name="RequestHandler: heartbeats")
        try:
            async with super().running():
                yield self
        finally:
            beating.cancel()

    def _route(self, router: web.UrlDispatcher) -> None:
        for method, path, handler in [
            ("GET", "time", lambda asked: {"epochMillis": str(self.clock.now_ns() // 1_000_000)}),
            ("GET", "market/products", self._products),
            ("GET", "accounts", self._accounts),
            ("GET", "orders/historical/batch", self._list),
            ("GET", "orders/historical/fills", self._list_fills),
            ("GET", "orders/historical/{id}", lambda asked: {"order": self._by_id(asked["id"])}),
            ("POST", "orders", self._create),
            ("POST", "orders/edit", self._edit),
            ("POST", "orders/batch_cancel", self._cancel),
        ]:
            router.add_route(method, f"/api/v3/brokerage/{path}", self._rest(f"{method} {path}", handler))
        router.add_get("/market", self._market)
        router.add_get("/user", self._user)

    def check(self, token: str, uri: str | None) -> None:
        signed, _, signature = token.rpartition(".")
        _KEY.public_key().verify(base64.urlsafe_b64decode(signature + "=="), signed.encode())
        head, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in signed.split("."))
        now_s = self.clock.now_ns() // 1_000_000_000
        assert head["kid"] == claims["sub"] == KEY
        assert claims.get("uri") == uri
        assert claims["nbf"] - 1 <= now_s < claims["exp"]

    def _asked(self, request: web.Request, body: str) -> dict[str, Any]:
        if token := request.headers.get("Authorization", "").removeprefix("Bearer "):
            self.check(token, f"{request.method} {request.host}{request.path}")
        return json.loads(body) if request.method == "POST" else {**request.query, **request.match_info}

    def _answer(self, result: Any) -> web.Response:
        return web.json_response(result)

    def _products(self, asked: dict[str, Any]) -> Any:
        btc = {
            "product_id": "BTC-USD",
            "product_type": "SPOT",
            "base_currency_id": "BTC",
            "quote_currency_id": "USD",
            "price_increment": "0.1",
            "base_increment": "0.00001",
            "base_min_size": "0.000016",
            "base_max_size": "3400",
            "quote_min_size": "1",
            "alias": "",
        }
        alias = btc | {"product_id": "BTC-USDC", "alias": "BTC-USD"}
        return {"products": [btc, alias, btc | {"product_id": "OLD-USD", "is_disabled": True}]}

    def _accounts(self, asked: dict[str, Any]) -> Any:
        def row(coin: str, free: str, held: str) -> dict[str, Any]:
            return {"currency": coin, "available_balance": {"value": free}, "hold": {"value": held}}

        if "cursor" not in asked:
            return {"accounts": [row("USD", "90", "10.5")], "cursor": "second"}
        return {"accounts": [row("BTC", "0", "0")], "cursor": ""}

    def _by_id(self, order_id: str) -> dict[str, Any]:
        return next(order for order in self.orders.values() if order["order_id"] == order_id)

    def _list(self, asked: dict[str, Any]) -> Any:
        wanted = asked.get("order_status")
        return {"orders": [o for o in self.orders.values() if wanted in (None, o["status"])], "cursor": ""}

    def _list_fills(self, asked: dict[str, Any]) -> Any:
        rows = [fill for fill in self.fills if asked.get("order_ids") in (None, fill["order_id"])]
        start = int(asked.get("cursor", 0))
        return {"fills": rows[start : start + 2], "cursor": str(start + 2) if start + 2 < len(rows) else ""}

    def _create(self, asked: dict[str, Any]) -> Any:
        ((kind, terms),) = asked["order_configuration"].items()
        if terms.get("post_only") and Decimal(terms["limit_price"]) > 70_000:
            error = {"error": "INVALID_LIMIT_PRICE_POST_ONLY", "message": "Invalid limit price with post only order"}
            return {"success": False, "error_response": error}
        order = {
            "order_id": f"venue-{next(self.numbers)}",
            "client_order_id": asked["client_order_id"],
            "product_id": asked["product_id"],
            "side": asked["side"],
            "order_configuration": {kind: dict(terms)},
            "status": "OPEN",
            "time_in_force": "GOOD_UNTIL_CANCELLED",
            "order_type": "LIMIT",
            "filled_size": "0",
            "created_time": self.now(),
        }
        self.orders[order["client_order_id"]] = order
        self._tell(order)
        return {"success": True, "success_response": {"order_id": order["order_id"]}}

    def _edit(self, asked: dict[str, Any]) -> Any:
        order = self._by_id(asked["order_id"])
        (terms,) = order["order_configuration"].values()
        terms |= {"limit_price": asked["price"], "base_size": asked["size"]}
        self._tell(order)
        return {"success": True, "errors": []}

    def _cancel(self, asked: dict[str, Any]) -> Any:
        results = []
        for order_id in asked["order_ids"]:
            order = self._by_id(order_id)
            is_open = order["status"] == "OPEN"
            results.append(
                {
                    "success": is_open,
                    "failure_reason": "UNKNOWN_CANCEL_FAILURE_REASON" if is_open else "UNKNOWN_CANCEL_ORDER",
                    "order_id": order_id,
                }
            )
            if is_open:
                order["status"] = "CANCELLED"
                self._tell(order)
        return {"results": results}

    def fill(self, client_id: str, qty: str, *, muted: bool = False) -> None:
        order = self.orders[client_id]
        (terms,) = order["order_configuration"].values()
        done = Decimal(order["filled_size"]) + Decimal(qty)
        order["filled_size"] = str(done)
        if done >= Decimal(terms["base_size"]):
            order["status"] = "FILLED"
        self.fills.append(
            {
                "trade_id": f"trade-{next(self.numbers)}",
                "order_id": order["order_id"],
                "trade_time": self.now(),
                "trade_type": "FILL",
                "price": terms["limit_price"],
                "size": qty,
                "commission": "0.01",
                "product_id": order["product_id"],
                "liquidity_indicator": "MAKER",
                "size_in_quote": False,
                "side": order["side"],
            }
        )
        if not muted:
            self._tell(order)

    def reduce(self, client_id: str, qty: str) -> None:
        """Make an order smaller, as where it would have met one of its own account; filled so far, it is done."""
        order = self.orders[client_id]
        (terms,) = order["order_configuration"].values()
        terms["base_size"] = qty
        if Decimal(order["filled_size"]) >= Decimal(qty):
            order["status"] = "FILLED"
        self._tell(order)

    def _tell(self, order: dict[str, Any]) -> None:
        if self.is_mute:
            return
        (terms,) = order["order_configuration"].values()
        row = {name: order[name] for name in ("order_id", "client_order_id", "product_id", "status", "time_in_force")}
        row |= {"cumulative_quantity": order["filled_size"], "limit_price": terms["limit_price"]}
        row |= {"leaves_quantity": str(Decimal(terms["base_size"]) - Decimal(order["filled_size"]))}
        row |= {"order_type": "Limit", "cancel_reason": "User requested cancel", "reject_reason": ""}
        event = {"type": "update", "orders": [row]}
        for socket, channels in self.users.items():
            if "user" in channels:
                self.push(socket, "user", [event])

    # Sockets: every message of one is numbered.

    def push(self, socket: web.WebSocketResponse, channel: str, events: Any) -> None:
        number = self.sequence[socket]
        self.sequence[socket] += 1
        message = {"channel": channel, "timestamp": self.now(), "sequence_num": number, "events": events}
        if not socket.closed:
            self._sending = asyncio.ensure_future(socket.send_str(json.dumps(message, separators=(",", ":"))))

    async def _market(self, request: web.Request) -> web.StreamResponse:
        return await self._socket(request, self.sockets)

    async def _user(self, request: web.Request) -> web.StreamResponse:
        return await self._socket(request, self.users)

    async def _socket(self, request: web.Request, sockets: dict[web.WebSocketResponse, set[str]]) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        channels = sockets[socket] = set()
        try:
            async for message in socket:
                asked = json.loads(message.data)
                channel = asked["channel"]
                self.seen.append((f"{asked['type']} {channel}", asked.get("product_ids")))
                if "jwt" in asked:
                    self.check(asked["jwt"], None)
                if channel == "candles":
                    await socket.send_str('{"type":"error","message":"authentication failure"}')
                    continue
                (channels.add if asked["type"] == "subscribe" else channels.discard)(channel)
                if channel == "level2" and asked["type"] == "subscribe":
                    self.push(socket, "l2_data", [self._levels("snapshot", self.book)])
                if channel == "user":
                    self.push(socket, "user", [{"type": "snapshot", "orders": []}])
                self.push(socket, "subscriptions", [{"subscriptions": {name: ["x"] for name in channels}}])
        finally:
            sockets.pop(socket, None)
        return socket

    async def _beat(self) -> None:
        counter = 0
        while True:
            counter += 1
            for sockets in (self.sockets, self.users):
                for socket, channels in sockets.items():
                    if "heartbeats" in channels and self.beats:
                        self.push(socket, "heartbeats", [{"current_time": "x", "heartbeat_counter": str(counter)}])
            await self.clock.sleep(1.0)

    def _levels(self, kind: str, sides: dict[str, dict[str, str]]) -> dict[str, Any]:
        updates = [
            {"side": side, "event_time": self.now(), "price_level": price, "new_quantity": qty}
            for side, levels in sides.items()
            for price, qty in levels.items()
        ]
        return {"type": kind, "product_id": "BTC-USD", "updates": updates}

    def depth(self, bids: dict[str, str], asks: dict[str, str], *, lose: bool = False) -> None:
        """Change the book and tell it; of a lost change only the number is used up."""
        self.book["bid"] |= bids
        self.book["offer"] |= asks
        for socket, channels in self.sockets.items():
            if lose:
                self.sequence[socket] += 1
            elif "level2" in channels:
                self.push(socket, "l2_data", [self._levels("update", {"bid": bids, "offer": asks})])
