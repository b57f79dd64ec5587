"""Clients of local venue servers, for their tests."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import urlencode

import aiohttp
from websockets.asyncio.client import ClientConnection

from tradecore.sandbox import BinanceServer, LocalServer

ServerT = TypeVar("ServerT", bound=LocalServer)
RestT = TypeVar("RestT")


class Rest:
    """A client with a key."""

    def __init__(self, server: BinanceServer, session: aiohttp.ClientSession, account: int = 0) -> None:
        self.server, self.session = server, session
        self.client = server.clients[account]
        self.headers: dict[str, str] = {}

    def signed(self, params: dict[str, Any]) -> str:
        query = urlencode({**params, "timestamp": params.get("timestamp", now_ms(self.server))})
        return f"{query}&signature={hmac.digest(self.client.secret.encode(), query.encode(), 'sha256').hex()}"

    async def ask(self, method: str, path: str, *, sign: bool = True, **params: Any) -> Any:
        """The answer; an error's as ``(status, code, text)``."""
        query = self.signed(params) if sign else urlencode(params)
        url = f"{self.server.rest}{path}?{query}"
        async with self.session.request(method, url, headers={"X-MBX-APIKEY": self.client.key}) as answer:
            body = await answer.json()
            self.headers = dict(answer.headers)
            return body if answer.status == 200 else (answer.status, body["code"], body["msg"])

    async def limit(self, side: str, price: Any, qty: Any, *, is_spot: bool = True, **more: Any) -> Any:
        params = {"symbol": "BTCUSDT", "side": side, "type": "LIMIT", "timeInForce": "GTC", "price": price}
        return await self.ask("POST", order_path(is_spot), **{**params, "quantity": qty, **more})


def now_ms(server: LocalServer) -> int:
    """The time by the clock that a server goes by, which stands as long as a test wants."""
    return server._clock.now_ns() // 1_000_000


def order_path(is_spot: bool) -> str:
    return "/api/v3/order" if is_spot else "/fapi/v1/order"


@asynccontextmanager
async def serving(
    server: ServerT, rest: Callable[[ServerT, aiohttp.ClientSession], RestT]
) -> AsyncIterator[tuple[ServerT, RestT]]:
    """A server that runs and a client of it, which leave no task behind."""
    before = asyncio.all_tasks()
    async with server, aiohttp.ClientSession() as session:
        yield server, rest(server, session)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before


def served(**options: Any) -> AbstractAsyncContextManager[tuple[BinanceServer, Rest]]:
    return serving(BinanceServer(**options), Rest)


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def strict() -> None:
        failures: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
        await work()
        assert failures == []

    asyncio.run(strict())


async def take(socket: ClientConnection, wanted: Callable[[Any], object], seconds: float = 60.0) -> Any:
    """The next message that is wanted."""
    async with asyncio.timeout(seconds):
        while not wanted(message := json.loads(await socket.recv())):
            continue
    return message


def stream_url(server: BinanceServer, streams: str, *, is_spot: bool, route: str = "public") -> str:
    return f"{server.ws}{'' if is_spot else f'/{route}'}/stream?streams={streams}"


async def best(rest: Rest, is_spot: bool) -> tuple[Decimal, Decimal]:
    base = "/api/v3" if is_spot else "/fapi/v1"
    told = await rest.ask("GET", f"{base}/ticker/bookTicker", sign=False, symbol="BTCUSDT")
    return Decimal(told["bidPrice"]), Decimal(told["askPrice"])
