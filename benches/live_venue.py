"""A venue of its own process, USD-M futures of Binance, that times how long a frame takes to become an order.

Printed first, a JSON line says where it is. ``POST /probe`` with ``{"frames": n, "gap_ms": g}`` sends so many changes
of the book, each once the one before was answered by an order, and returns how long each answer took, ns, from before
the frame was written to the socket until the order lay in it: sockets are looked at without a pause, since what this
process would take to wake up and to read the order is not what is measured. ``POST /flood`` with ``{"frames": n,
"per_second": r}`` sends changes of all books that are listened to at a rate, whoever keeps up, and
returns when that began.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from contextlib import suppress
from itertools import count, groupby
from operator import itemgetter
from typing import Any

import orjson
from aiohttp import WSMsgType, web

LEVELS = 20
_DEEP = 10_000_000
_PATIENCE_NS = 20_000_000
"""How long sockets are looked at for an order."""


class TimingVenue:
    """Answers what a connector asks for, takes every order and lets it expire at once."""

    def __init__(self, symbols: int) -> None:
        self.symbols = [f"B{number}USDT" for number in range(symbols)]
        self.update_ids = dict.fromkeys(self.symbols, 1_000)
        self.numbers = count(1)
        self.public: dict[asyncio.WriteTransport, set[str]] = {}
        self.users: set[web.WebSocketResponse] = set()
        self.entries: dict[asyncio.BaseTransport, socket.socket] = {}
        """Connections that orders may come on."""
        self.ordered = asyncio.Event()

    def app(self) -> web.Application:
        """Return the routes."""
        app = web.Application()
        add = app.router.add_route
        for path, answer in {
            "time": lambda query: {"serverTime": time.time_ns() // 1_000_000},
            "exchangeInfo": lambda query: self._info(),
            "depth": lambda query: self._snapshot(query["symbol"]),
            "userTrades": lambda query: [],
            "openOrders": lambda query: [],
            "openAlgoOrders": lambda query: [],
        }.items():
            add("GET", f"/fapi/v1/{path}", _answering(answer))
        add("GET", "/fapi/v3/account", _answering(lambda query: {"canTrade": True}))
        add("GET", "/fapi/v3/positionRisk", _answering(lambda query: []))
        add("GET", "/fapi/v3/balance", _answering(lambda query: []))
        add("POST", "/fapi/v1/listenKey", _answering(lambda query: {"listenKey": "key"}))
        for path in ("allOpenOrders", "algoOpenOrders"):
            add("DELETE", f"/fapi/v1/{path}", _answering(lambda query: {}))
        add("POST", "/fapi/v1/order", self._order)
        for path in ("/public/stream", "/market/stream"):
            app.router.add_get(path, self._streams)
        app.router.add_get("/private/ws/key", self._private)
        app.router.add_get("/ws-fapi/v1", self._methods)
        add("POST", "/probe", self._probe)
        add("POST", "/flood", self._flood)
        return app

    def _info(self) -> dict[str, Any]:
        filters = [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.10"},
            {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
        ]
        terms: dict[str, Any] = {
            "contractType": "PERPETUAL",
            "quoteAsset": "USDT",
            "marginAsset": "USDT",
            "status": "TRADING",
        }
        limits = [
            {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": _DEEP}
            for kind, interval, number in (
                ("REQUEST_WEIGHT", "MINUTE", 1),
                ("ORDERS", "SECOND", 10),
                ("ORDERS", "MINUTE", 1),
            )
        ]
        terms |= {"pricePrecision": 2, "quantityPrecision": 3}
        symbols = [{"symbol": name, "baseAsset": name[:-4], **terms, "filters": filters} for name in self.symbols]
        return {"rateLimits": limits, "symbols": symbols}

    def _snapshot(self, symbol: str) -> dict[str, Any]:
        bids = [[f"{60_000 - level / 10:.1f}", "1"] for level in range(LEVELS)]
        asks = [[f"{60_000.1 + level / 10:.1f}", "1"] for level in range(LEVELS)]
        return {"lastUpdateId": self.update_ids[symbol], "bids": bids, "asks": asks}

    def _change(self, symbol: str) -> bytes:
        """Return new quantities of ten levels a side."""
        before, now = self.update_ids[symbol], self.update_ids[symbol] + 2
        self.update_ids[symbol] = now
        qty = f"{1 + now % 1_000 / 1_000:.3f}"
        sides = [
            [[f"{(60_000 if sign < 0 else 60_000.1) + sign * level / 10:.1f}", qty] for level in range(LEVELS // 2)]
            for sign in (-1, 1)
        ]
        ms = time.time_ns() // 1_000_000
        data = {"e": "depthUpdate", "E": ms, "T": ms, "s": symbol, "U": before + 1, "u": now, "pu": before}
        name = f"{symbol.lower()}@depth@100ms"
        return orjson.dumps({"stream": name, "data": data | {"b": sides[0], "a": sides[1]}})

    # Sockets.

    async def _streams(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        assert request.transport is not None
        transport: asyncio.WriteTransport = request.transport
        names = self.public[transport] = set()
        try:
            async for message in socket:
                asked = orjson.loads(message.data)
                names.update(asked["params"])
                await socket.send_str(json.dumps({"result": None, "id": asked["id"]}))
        finally:
            del self.public[transport]
        return socket

    async def _private(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.users.add(socket)
        try:
            async for _ in socket:
                pass
        finally:
            self.users.discard(socket)
        return socket

    async def _methods(self, request: web.Request) -> web.StreamResponse:
        answers = web.WebSocketResponse()
        await answers.prepare(request)
        self._orders_come_on(request)
        async for message in answers:
            if message.type is not WSMsgType.TEXT:
                break
            asked = orjson.loads(message.data)
            result = self._took(asked["params"]) if asked["method"] == "order.place" else {}
            await answers.send_bytes(orjson.dumps({"id": asked["id"], "status": 200, "result": result}))
        return answers

    async def _order(self, request: web.Request) -> web.StreamResponse:
        self._orders_come_on(request)
        return web.json_response(self._took(dict(request.query)))

    def _orders_come_on(self, request: web.Request) -> None:
        transport = request.transport
        assert transport is not None
        if transport not in self.entries:
            self.entries = {known: own for known, own in self.entries.items() if not known.is_closing()}
            self.entries[transport] = _own(transport)

    def _took(self, params: dict[str, str]) -> dict[str, Any]:
        self.ordered.set()
        number, ms = next(self.numbers), time.time_ns() // 1_000_000
        row = {"s": params["symbol"], "c": params["newClientOrderId"], "S": params["side"], "o": "LIMIT", "f": "GTX"}
        row |= {"q": params["quantity"], "p": params["price"], "x": "EXPIRED", "X": "EXPIRED", "i": number, "l": "0"}
        row |= {"z": "0", "L": "0", "n": "0", "N": None, "T": ms, "t": -1, "m": True}
        text = orjson.dumps({"e": "ORDER_TRADE_UPDATE", "E": ms, "T": ms, "o": row}).decode()
        self.last = [asyncio.ensure_future(self._later(socket, text)) for socket in self.users]
        return {"orderId": number, "clientOrderId": row["c"], "updateTime": ms, "status": "NEW"}

    @staticmethod
    async def _later(socket: web.WebSocketResponse, text: str) -> None:
        await asyncio.sleep(0.001)
        await socket.send_str(text)

    # What is measured.

    async def _probe(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        (symbol, transport), *_ = self._listened()
        public, took = _own(transport), list[int]()
        for _ in range(asked["frames"]):
            self.ordered.clear()
            frame = _frame(self._change(symbol))
            sent_ns = time.perf_counter_ns()
            public.sendall(frame)  # the loop would write it after this turn
            # On a connection of its own, as the first by request is, it is not seen before it is read.
            came_ns = self._seen(sent_ns + _PATIENCE_NS)
            async with asyncio.timeout(5):
                await self.ordered.wait()
            took.append((came_ns or time.perf_counter_ns()) - sent_ns)
            await asyncio.sleep(asked["gap_ms"] / 1e3)
        return web.json_response(took)

    def _seen(self, until_ns: int) -> int | None:
        """Return when something lay in a socket that orders come on."""
        while time.perf_counter_ns() < until_ns:
            for own in self.entries.values():
                with suppress(BlockingIOError):
                    own.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
                    return time.perf_counter_ns()
        return None

    def _listened(self) -> list[tuple[str, asyncio.WriteTransport]]:
        """Return the books that somebody listens to, with where they are written to."""
        streams = {f"{symbol.lower()}@depth@100ms": symbol for symbol in self.symbols}
        return [(streams[name], to) for to, names in self.public.items() for name in names & streams.keys()]

    async def _flood(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        listened = self._listened()
        frames = [
            (transport, _frame(self._change(symbol)))
            for number in range(asked["frames"] if listened else 0)
            for symbol, transport in (listened[number % len(listened)],)
        ]
        started, sent = time.perf_counter(), 0
        while sent < len(frames):
            due = min(int((time.perf_counter() - started) * asked["per_second"]), len(frames))
            for transport, some in groupby(frames[sent:due], key=itemgetter(0)):
                transport.write(b"".join(frame for _, frame in some))
            sent = due
            await asyncio.sleep(0.001)
        return web.json_response({"started": started})


def _own(transport: asyncio.BaseTransport) -> socket.socket:
    """Return the socket of a connection, past the library."""
    own: socket.socket = transport.get_extra_info("socket").dup()
    return own


def _frame(data: bytes) -> bytes:
    """Return a text as a server's frame, written past the library, whose work is not what is measured."""
    assert 126 <= len(data) < 1 << 16
    return b"\x81\x7e" + len(data).to_bytes(2, "big") + data


def _answering(answer: Any) -> Any:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.json_response(answer(dict(request.query)))

    return handle


async def main() -> None:
    """Serve until standard input ends."""
    runner = web.AppRunner(TimingVenue(10).app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"url": f"http://127.0.0.1:{runner.addresses[0][1]}"}), flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, input_ends)
    await runner.cleanup()


def input_ends() -> None:
    """Return when whoever started this has gone."""
    import sys

    sys.stdin.read()


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
