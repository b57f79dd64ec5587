"""A client of the server of a session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Any, Literal, Self

import aiohttp
import orjson

from tradecore.errors import RequestError

__all__ = ["Client"]

_Number = Decimal | str | int | float


class Client:
    """Asks the server of a session, and hears what it pushes. Use it as ``async with``.

    Answers are the ``data`` of the server's, as its OpenAPI document describes them: prices and quantities as text
    where they are exact, times in ns UTC.

    Parameters
    ----------
    url : str
        Where the server is, such as ``http://127.0.0.1:8080``.
    token : str, optional
        Of a user; what changes something takes one.
    timeout : float
        How long an answer may take, seconds.

    Raises
    ------
    RequestError
        By every method, when the server refuses what is asked.

    Examples
    --------
    ::

        async with tc.Client("http://127.0.0.1:8080", token=token) as client:
            order = await client.send("BTCUSDT", "buy", "0.001", price="60000")
            await client.cancel(order["id"])
    """

    def __init__(self, url: str, *, token: str | None = None, timeout: float = 10.0) -> None:
        self._url = url.rstrip("/")
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._http: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"Client({self._url!r})"

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(headers=self._headers, timeout=self._timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def health(self) -> dict[str, Any]:
        """Return whether market data is as it should be, and what the session is."""
        answer: dict[str, Any] = await self._ask("GET", "/health")
        return answer

    async def get(self, path: str, **query: str | int) -> Any:
        """Return what is below ``/api/v1``, such as ``get("fills", limit=10)``."""
        return await self._ask("GET", f"/api/v1/{path}", query=query)

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Do what is below ``/api/v1``, such as ``post("risk/kill")``."""
        return await self._ask("POST", f"/api/v1/{path}", body or {})

    async def send(
        self,
        symbol: str,
        side: Literal["buy", "sell"],
        quantity: _Number,
        price: _Number | None = None,
        *,
        key: str | None = None,
        **terms: Any,
    ) -> dict[str, Any]:
        """Send an order and return it with what its venue said at once.

        Parameters
        ----------
        symbol : str
            Id or symbol of an instrument.
        side : "buy" or "sell"
        quantity, price : Decimal, str, int or float
            In contracts (spot: base units) and quote currency; without a price it takes at any.
        key : str, optional
            With the same key it is sent once, however often it is asked for.
        **terms
            ``type``, ``trigger_price``, ``time_in_force``, ``post_only``, ``reduce_only``, ``strategy``.
        """
        body = {"symbol": symbol, "side": side, "quantity": quantity, "price": price, **terms}
        headers = {} if key is None else {"Idempotency-Key": key}
        answer: dict[str, Any] = await self._ask("POST", "/api/v1/orders", body, headers=headers)
        return answer

    async def replace(
        self,
        order: int,
        *,
        price: _Number | None = None,
        quantity: _Number | None = None,
        trigger_price: _Number | None = None,
    ) -> dict[str, Any]:
        """Ask for new terms of an order; the quantity is the total, what has been filled included."""
        body = {"price": price, "quantity": quantity, "trigger_price": trigger_price}
        answer: dict[str, Any] = await self._ask("PUT", f"/api/v1/orders/{order}", body)
        return answer

    async def cancel(self, order: int) -> dict[str, Any]:
        """Ask for an order to be cancelled."""
        answer: dict[str, Any] = await self._ask("DELETE", f"/api/v1/orders/{order}")
        return answer

    async def change(self, strategy: str, **parameters: Any) -> dict[str, Any]:
        """Give parameters of a strategy new values."""
        answer: dict[str, Any] = await self._ask("PATCH", f"/api/v1/strategies/{strategy}/parameters", parameters)
        return answer

    async def stream(
        self, topics: Sequence[str], *, since: Mapping[str, int] | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Iterate over what is pushed of topics, until the server ends it.

        Parameters
        ----------
        topics : sequence of str
            Such as ``orders``, ``fills`` or ``book:BTCUSDT.BINANCE``.
        since : mapping of str to int, optional
            Number of the last message of a topic that was seen before.

        Raises
        ------
        RequestError
            When the server drops this client; its text says why.
        """
        asked = {"op": "subscribe", "topics": list(topics), "since": dict(since or {})}
        async with self._session.ws_connect(f"{self._url}/api/v1/stream") as socket:
            await socket.send_str(orjson.dumps(asked).decode())
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    break
                told = orjson.loads(message.data)
                if "topic" in told:
                    if told["kind"] == "error":
                        raise RequestError(404, told["code"], told["error"])
                    yield told
            if socket.close_code not in (None, 1000, 1001, 1012):
                raise RequestError(int(socket.close_code or 0), "dropped", "the server has ended the stream")

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise RequestError(0, "not_open", "use it as `async with client:`")
        return self._http

    async def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        sent = None if body is None else orjson.dumps(body, default=str)
        kind = {} if sent is None else {"Content-Type": "application/json"}
        try:
            async with self._session.request(
                method, self._url + path, data=sent, params=query, headers={**kind, **(headers or {})}
            ) as response:
                status, told = response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RequestError(0, "no_answer", f"{self._url}: {error or 'no answer in time'}") from error
        try:
            answer = orjson.loads(told)
        except orjson.JSONDecodeError:
            raise RequestError(status, "no_json", f"{self._url}{path} answers no JSON") from None
        if not answer.get("success"):
            raise RequestError(status, str(answer.get("code")), str(answer.get("error")))
        return answer["data"]
