"""A server that speaks what the page reads, over a market made up here: quick to start, stop and set into any state."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import random
import threading
import time
from typing import Any

from aiohttp import WSMsgType, web
from starlette.responses import Response

from tradecore.histogram import Histogram
from tradecore.server.accounts import Role
from tradecore.server.answers import failed, ok
from tradecore.server.app import STATIC
from tradecore.server.guard import COOKIE, POLICY
from tradecore.server.latency import shown
from tradecore.server.problems import Problem
from tradecore.server.routes.operate import REPORT_POLICY

TRADER, ADMIN = "trader-token", "admin-token"
REPORT = "<!doctype html><title>r</title><h1>Report</h1><script>document.body.append('drawn by its script')</script>"
BTC, ETH = "BTCUSDT.BINANCE", "ETHUSDT.BINANCE"
STEP = 0.1


def text(value: float) -> str:
    return f"{value:.1f}"


class StandIn:
    """In a thread with a loop of its own. ``stop`` and ``start`` again are a restart on the same port."""

    def __init__(self, *, mode: str = "paper", is_sandbox: bool = True, open_reads: bool = True) -> None:
        self.mode, self.is_sandbox, self.open_reads = mode, is_sandbox, open_reads
        self.port = 0
        self.orders: dict[int, dict[str, Any]] = {}
        self.fills: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.jobs: dict[int, dict[str, Any]] = {}
        self.keys: dict[str, int] = {}
        self.users = {"ada": "admin"}
        self.risk_state = "active"
        self.parameters: dict[str, Any] = {"half_spread": 2, "quote_qty": "0.01"}
        self.mid = {BTC: 64_000.0, ETH: 3_200.0}
        self.held = 0.0
        self.is_still = False
        self.measured = Histogram()
        for n in range(4_200):
            self.measured.observe(2e-4 * 1.0004**n)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        self.started_ns = time.time_ns()
        self.seq = 0
        self.clients: dict[web.WebSocketResponse, set[str]] = {}
        self.sessions: dict[str, Role] = {}
        self.random = random.Random(7)
        self.equity = [
            [self.started_ns - n * 10**9, 100_000 + 60 * math.sin(n / 40) - n / 9, 0.0] for n in range(300, 0, -1)
        ]
        ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._main(ready)), daemon=True)
        self.thread.start()
        assert ready.wait(60)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.ending.set)
        self.thread.join(60)

    def tell(self, topic: str, *updates: Any) -> None:
        """Push updates, one right after the other, from the test's thread."""

        async def push_all() -> None:
            for data in updates:
                await self.push(topic, data)

        asyncio.run_coroutine_threadsafe(push_all(), self.loop).result(30)

    async def _main(self, ready: threading.Event) -> None:
        self.loop, self.ending = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/", _file)
        app.router.add_get("/static/{path:.+}", _file)
        app.router.add_get("/api/v1/stream", self._stream)
        app.router.add_route("*", "/api/v1/{path:.+}", self._api)
        runner = web.AppRunner(app, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        self.port = runner.addresses[0][1]
        moving = asyncio.create_task(self._move())
        ready.set()
        await self.ending.wait()
        moving.cancel()
        for client in list(self.clients):
            await client.close(code=1001)
        await runner.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            answer = await handler(request)
        except Problem as problem:
            answer = as_aiohttp(failed(problem))
        if not answer.prepared:
            answer.headers.setdefault("Content-Security-Policy", POLICY)
        return answer

    def role(self, request: web.Request) -> Role:
        return self.sessions.get(request.cookies.get(COOKIE, ""), Role.READ if self.open_reads else Role.NONE)

    def need(self, request: web.Request, role: Role) -> None:
        if self.role(request) is Role.NONE:
            raise Problem(401, "unauthorized", "sign in first")
        if self.role(request) < role:
            raise Problem(403, "forbidden", f"needs role {role.word}")
        if request.method != "GET" and request.headers.get("X-CSRF-Token") != "csrf-1":
            raise Problem(403, "csrf", "no CSRF token")

    async def _api(self, request: web.Request) -> web.StreamResponse:
        path, method = request.match_info["path"], request.method
        body = await request.json() if request.can_read_body else {}
        if path == "login":
            return self._login(body)
        if path == "me":
            role = self.role(request)
            is_in = role >= Role.TRADE
            return answered(
                {
                    "user": "ada" if is_in else None,
                    "role": role.word,
                    "csrf": "csrf-1" if is_in else None,
                    "auth_required": True,
                }
            )
        is_admins = path.startswith(("risk/resume", "strategies", "users", "tokens"))
        self.need(
            request, Role.READ if method == "GET" and path != "users" else Role.ADMIN if is_admins else Role.TRADE
        )
        if path == "logout":
            self.sessions.clear()
            return answered({})
        if path.startswith("jobs/") and path.endswith("/report"):
            headers = {"Content-Security-Policy": REPORT_POLICY}
            return web.Response(text=REPORT, content_type="text/html", headers=headers)
        return await self._routes(method, path, body, request)

    async def _routes(self, method: str, path: str, body: dict[str, Any], request: web.Request) -> web.Response:
        parts = path.split("/")
        match method, *parts:
            case "GET", "instruments":
                spec = {"tick_size": "0.1", "lot_size": "0.001", "price_increment": "0.1", "qty_increment": "0.001"}
                return answered([{"id": name, **spec} for name in self.mid])
            case "POST", "orders", "preview":
                return answered(self.preview(body))
            case "POST", "orders":
                order = await self.place(body, request.headers.get("Idempotency-Key"))
                return answered(order, status=201)
            case "DELETE", "orders":
                rows = [row for row in self.orders.values() if row["is_open"]]
                for row in rows:
                    await self.end(row)
                return answered({"requested": len(rows)})
            case "DELETE", "orders", number:
                await self.end(self.orders[int(number)])
                return answered(self.orders[int(number)], status=202)
            case "PUT", "orders", number:
                return answered(await self.replace(self.orders[int(number)], body), status=202)
            case "GET", "sessions":
                current = {"session": "s1", "mode": "paper", "written_ns": time.time_ns(), "is_current": True}
                return answered([current, {**current, "session": "s0", "is_current": False}])
            case "GET", "users":
                row = {"added_ns": time.time_ns(), "has_password": False}
                return answered([{"name": name, "role": role, **row} for name, role in self.users.items()])
            case "POST", "users":
                if body["name"] in self.users:
                    raise Problem(422, "invalid_value", f"name: there is a user {body['name']!r}", "body.name")
                self.users[body["name"]] = body["role"]
                return answered({**body, "token": f"token of {body['name']}"}, status=201)
            case "DELETE", "users", name:
                del self.users[name]
                return answered({"name": name})
            case "POST", "tokens":
                return answered({**body, "token": "another token"}, status=201)
            case "POST", "risk", act:
                await self.control(act)
                return answered(self.risk())
            case "PATCH", "strategies", _, "parameters":
                if "half_spread" in body and not str(body["half_spread"]).isdigit():
                    raise Problem(
                        422, "not_a_number", f"half_spread: {body['half_spread']!r} is not a number", "body.half_spread"
                    )
                self.parameters |= body
                return answered(self.strategy())
            case "POST", "strategies", _, _:
                return answered(self.strategy())
            case "POST", "jobs":
                job = {
                    "id": len(self.jobs) + 1,
                    "status": "done",
                    "progress": 1.0,
                    "summary": {"fills": 12},
                    "error": None,
                }
                self.jobs[job["id"]] = job
                await self.push("jobs", job)
                return answered(job, status=202)
        raise Problem(404, "unknown_route", f"no route {method} {path}")

    def _login(self, body: dict[str, Any]) -> web.Response:
        role = {TRADER: Role.TRADE, ADMIN: Role.ADMIN}.get(body.get("token", ""))
        if role is None:
            raise Problem(401, "unauthorized", "unknown token")
        self.sessions["s1"] = role
        answer = answered({"user": "ada", "role": role.word, "csrf": "csrf-1"})
        answer.set_cookie(COOKIE, "s1", httponly=True, samesite="Strict")
        return answer

    def book(self, name: str) -> dict[str, Any]:
        chance = random.Random(int(self.mid[name] * 10))
        middle = self.mid[name]

        def side(sign: int) -> list[list[str]]:
            return [
                [text(middle + sign * STEP * (n + 1 + 2 * (n // 6))), f"{0.05 + chance.random() * (1 + n / 6):.3f}"]
                for n in range(20)
            ]

        own = [row for row in self.orders.values() if row["is_open"] and row["symbol"] == name]
        return {
            "instrument": name, "state": "synced", "ts_event_ns": time.time_ns(), "ts_recv_ns": time.time_ns(),
            "bids": side(-1), "asks": side(1),
            "orders": [{"side": row["side"], "price": row["price_text"], "quantity": row["remaining_quantity"]} for row in own],
        }  # fmt: skip

    def preview(self, body: dict[str, Any]) -> dict[str, Any]:
        book = self.book(body["symbol"])
        left, limit, taken = float(body["quantity"]), body["price"], []
        for price, qty in book["asks" if body["side"] == "buy" else "bids"]:
            crosses = limit is None or (
                float(price) <= float(limit) if body["side"] == "buy" else float(price) >= float(limit)
            )
            if left <= 1e-12 or not crosses:
                break
            taken.append((float(price), min(left, float(qty))))
            left -= taken[-1][1]
        filled = sum(qty for _, qty in taken)
        value = sum(price * qty for price, qty in taken)
        return {
            "average_price": sum(price * qty for price, qty in taken) / filled if filled else None,
            "worst_price": taken[-1][0] if filled else None, "slippage_bps": 1.25 if filled else None,
            "filled_quantity": filled, "left_quantity": left, "notional": value, "fee": value * 0.0004, "is_complete": left <= 1e-12,
        }  # fmt: skip

    async def place(self, body: dict[str, Any], key: str | None) -> dict[str, Any]:
        if key in self.keys:
            return self.orders[self.keys[key]]
        if self.risk_state != "active":
            raise Problem(422, "risk_limit", "the kill switch is on")
        if float(body["quantity"]) > 10:
            raise Problem(422, "risk_limit", "max_order_qty: 10 at most", "body.quantity")
        number, now = len(self.orders) + 1, time.time_ns()
        taken = self.preview(body)
        order = {
            "id": number, "client_id": f"s1-hand-{number}", "symbol": body["symbol"], "side": body["side"], "type": body["type"],
            "quantity": float(body["quantity"]), "quantity_text": str(body["quantity"]), "price": body["price"] and float(body["price"]),
            "price_text": body["price"], "filled_quantity": "0", "remaining_quantity": str(body["quantity"]), "average_price": None,
            "status": "accepted", "is_open": True, "strategy": "manual", "reason": "", "created_ns": now, "updated_ns": now,
        }  # fmt: skip
        self.orders[number] = order
        if key:
            self.keys[key] = number
        if taken["filled_quantity"]:
            order |= {
                "status": "filled",
                "is_open": False,
                "filled_quantity": order["quantity_text"],
                "remaining_quantity": "0",
                "average_price": text(taken["average_price"]),
            }
            self.held += order["quantity"] * (1 if body["side"] == "buy" else -1)
            fill = {"id": len(self.fills) + 1, "order_id": number, "symbol": body["symbol"], "side": body["side"], "price": text(taken["average_price"]),
                    "quantity": order["quantity_text"], "liquidity": "taker", "fee": text(taken["fee"]), "strategy": "manual", "at_ns": now}  # fmt: skip
            self.fills.append(fill)
            await self.push("fills", fill)
        event = "OrderAccepted" if order["is_open"] else "OrderFilled"
        await self.note(event, order_id=number, instrument=body["symbol"])
        await self.push("orders", order)
        return order

    async def replace(self, order: dict[str, Any], terms: dict[str, Any]) -> dict[str, Any]:
        if "price" in terms and float(terms["price"]) > 1e6:
            raise Problem(422, "invalid_value", "price: too far away", "body.price")
        for name, value in terms.items():
            order |= {name: float(value), f"{name}_text": str(value)}
        await self.push("orders", order)
        return order

    async def end(self, order: dict[str, Any]) -> None:
        if order["is_open"]:
            order |= {"status": "cancelled", "is_open": False, "updated_ns": time.time_ns()}
            await self.push("orders", order)

    async def control(self, act: str) -> None:
        self.risk_state = {"kill": "killed", "pause": "paused", "resume": "active"}[act]
        if act == "kill":
            for order in list(self.orders.values()):
                await self.end(order)
        await self.note("KillSwitch" if act == "kill" else "Control", act=act)
        await self.push("status", self.state("status"))
        await self.push("risk", self.risk())

    async def note(self, event: str, **fields: Any) -> None:
        row = {"seq": len(self.events) + 1, "at_ns": time.time_ns(), "event": event, **fields}
        self.events.append(row)
        await self.push("events", row)

    def risk(self) -> dict[str, Any]:
        limits = [
            ("max_position", "10", f"{abs(self.held):.3f}", abs(self.held) / 10),
            ("max_open_orders", "50", "46", 0.92),
            ("max_drawdown", "5000", "5200", 1.04),
            ("max_order_qty", "10", None, None),
        ]
        return {
            "state": self.risk_state,
            "limits": [{"check": check, "scope": "strategy", "name": "maker", "limit": limit, "value": value, "window": None, "use": use} for check, limit, value, use in limits],
        }  # fmt: skip

    def strategy(self) -> dict[str, Any]:
        changeable = {"half_spread"}
        parameters = [
            {
                "name": name,
                "type": "int" if name in changeable else "qty",
                "value": value,
                "default": 2,
                "is_changeable": name in changeable,
            }
            for name, value in self.parameters.items()
        ]
        return {
            "name": "maker",
            "kind": "touch_maker",
            "instruments": [BTC],
            "state": "active",
            "failure": None,
            "parameters": parameters,
            "pnl": "-12.345",
        }

    def state(self, topic: str) -> Any:
        now = time.time_ns()
        name, _, rest = topic.partition(":")
        match name:
            case "status":
                return {
                    "now_ns": now,
                    "mode": self.mode,
                    "is_sandbox": self.is_sandbox,
                    "session": "s1",
                    "trading": {"maker": "active"},
                    "risk_state": self.risk_state,
                }
            case "prices":
                return {
                    each: {
                        "bid": text(mid - STEP),
                        "ask": text(mid + STEP),
                        "mid": f"{mid:.2f}",
                        "last": text(mid),
                        "spread": "0.2",
                        "state": "synced" if each == BTC else "gap",
                        "age_s": 0.043,
                    }
                    for each, mid in self.mid.items()
                }
            case "book":
                return self.book(rest)
            case "positions":
                value = self.held * self.mid[BTC]
                return [{"symbol": BTC, "strategy": "manual", "quantity": f"{self.held:.3f}", "average_price": "64000.0", "mark_price": text(self.mid[BTC]), "market_value": f"{value:.2f}",
                         "unrealized_pnl": f"{value - self.held * 64000:.2f}", "realized_pnl": "-3.10", "fees": "1.02", "currency": "USDT"}]  # fmt: skip
            case "portfolio":
                return {"cash_balance": 100_000.0, "total_value": 99_987.65, "positions": {}, "total_pnl": -12.35}
            case "risk":
                return self.risk()
            case "feeds":
                return [
                    {
                        "instrument": each,
                        "state": "synced",
                        "reason": "",
                        "age_s": 0.043,
                        "messages_per_s": 121.5,
                        "gaps": 2,
                        "lag_s": 0.0031,
                        "dropped": 0,
                        "malformed": 0,
                    }
                    for each in self.mid
                ]
            case "latency":
                return {each: shown(self.measured) for each in ("feed", "decision", "order", "api")}
            case "strategies":
                return [self.strategy(), {**self.strategy(), "name": "second", "state": "stopped"}]
            case "published":
                points = [[now - n * 10**9, math.sin(n / 9)] for n in range(120, 0, -1)]
                return {
                    "values": {"fair": "64000.05", "<b>skew</b>": -0.2},
                    "series": {"sigma": points},
                    "tables": {"levels": {"columns": ["level", "qty"], "rows": [["64000.0", 1.5], ["63999.9", 2]]}},
                    "log": [[now, "quotes moved"]],
                }
        return None

    def log(self, topic: str) -> list[Any] | None:
        name = topic.split(":")[0]
        if name == "bars":
            start = time.time_ns() // 60_000_000_000 * 60_000_000_000
            chance, close, found = random.Random(3), 63_950.0, []
            for n in range(180, 0, -1):
                opened, close = close, close + chance.gauss(0.3, 8)
                found.append(
                    [
                        start - n * 60_000_000_000,
                        opened,
                        max(opened, close) + 3,
                        min(opened, close) - 3,
                        close,
                        chance.random() * 20,
                    ]
                )
            return [*found, [start, close, max(close, 64_005), min(close, 63_995), self.mid[BTC], 4.0]]
        known = {
            "orders": list(self.orders.values()),
            "fills": self.fills,
            "events": self.events,
            "jobs": list(self.jobs.values()),
            "trades": [],
        }
        return known.get(name)

    async def push(self, topic: str, data: Any) -> None:
        self.seq += 1
        message = json.dumps({"topic": topic, "seq": self.seq, "kind": "update", "at_ns": time.time_ns(), "data": data})
        for client, topics in list(self.clients.items()):
            if topic in topics and not client.closed:
                with contextlib.suppress(ConnectionError):
                    await client.send_str(message)

    async def _move(self) -> None:
        while True:
            await asyncio.sleep(0.05)
            if self.is_still:
                await self.push("status", self.state("status"))
                continue
            for name in self.mid:
                self.mid[name] = round(
                    self.mid[name] + self.random.choice((-STEP, 0, 0, STEP)) * self.random.randint(1, 3), 1
                )
            for topic in {topic for topics in self.clients.values() for topic in topics}:
                if topic == "equity":
                    self.equity.append([time.time_ns(), 100_000 + self.random.gauss(0, 5), 0.0002])
                    await self.push(topic, self.equity[-1])
                elif (state := self.state(topic)) is not None:
                    await self.push(topic, state)

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        client = web.WebSocketResponse()
        await client.prepare(request)
        if self.role(request) is Role.NONE:
            await client.close(code=4001, message=b"unauthorized")
            return client
        hello = {
            "kind": "hello",
            "session": "s1",
            "mode": self.mode,
            "is_sandbox": self.is_sandbox,
            "heartbeat_s": 5,
            "topics": [],
            "started_ns": self.started_ns,
        }
        await client.send_json(hello)
        self.clients[client] = set()
        async for message in client:
            if message.type is WSMsgType.TEXT:
                await self._asked(client, json.loads(message.data))
        self.clients.pop(client, None)
        return client

    async def _asked(self, client: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        if asked["op"] == "unsubscribe":
            self.clients[client] -= set(asked["topics"])
            return
        for topic in asked["topics"]:
            self.clients[client].add(topic)
            if topic == "equity":
                data: Any = {"currency": "USDT", "points": self.equity}
            elif (data := self.log(topic)) is None:
                data = self.state(topic)
            await client.send_json(
                {"topic": topic, "seq": self.seq, "kind": "snapshot", "at_ns": time.time_ns(), "data": data}
            )


async def _file(request: web.Request) -> web.FileResponse:
    return web.FileResponse(STATIC / request.match_info.get("path", "index.html"))


def answered(data: Any, status: int = 200) -> web.Response:
    return as_aiohttp(ok(data, status))


def as_aiohttp(answer: Response) -> web.Response:
    return web.Response(body=bytes(answer.body), status=answer.status_code, content_type="application/json")
