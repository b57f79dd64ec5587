"""What local venue servers do alike: markets and accounts, requests and connections, and the time that goes by."""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Literal, Self, TypeAlias

import orjson
from aiohttp import web

from tradecore._core import Instrument
from tradecore.data.catalog import Catalog
from tradecore.errors import InvalidValueError
from tradecore.instruments import find_instrument, venue_of
from tradecore.sandbox.clients import Client, Clients
from tradecore.sandbox.crowd import Crowd
from tradecore.sandbox.desk import MAINTENANCE, Desk
from tradecore.sandbox.door import Door, Visit
from tradecore.sandbox.faults import Fault, Faults
from tradecore.sandbox.feed import MarketFeed, catalog_feed, synthetic_feed
from tradecore.sandbox.link import Link
from tradecore.sandbox.recorded import Recording
from tradecore.sandbox.refused import Refused
from tradecore.venue import Latency, SimVenue
from tradecore.venues.clock import Clock, SystemClock

__all__ = ["LocalServer", "json_answer"]

_Source: TypeAlias = Catalog | Recording | Literal["synth", "crowd"]

_PRICES = {"BTC": "60000", "ETH": "3000", "SOL": "150"}
_TICK_S = 0.01
_AT_ONCE: Mapping[str, Any] = {
    "latency": Latency(entry="0ms", response="0ms"), "clock_lead": "0ms", "granularity": "0ms", "funding": "off",
}  # fmt: skip


class LocalServer(ABC):
    """A venue on this machine, to be used as ``async with``.

    Orders meet the simulator's own venue. Its markets are moved by a catalog, from the start of the server on, or made
    from the seed: by events, or by a crowd of traders whose orders are all there is. Orders are seen in the public book
    and their trades by everybody. It listens on this machine only.

    Parameters
    ----------
    port : int
        0 for a free one.
    symbols : sequence of str, optional
        Ids of instruments of its ``venues``. If not given, those that the catalog holds; without one those it has at
        first.
    data : path, Catalog or Recording
        What moves them; ``synth`` is a synthetic market each, ``crowd`` a :class:`~tradecore.sandbox.crowd.Crowd`. Of a
        recording the venue's own frames are served, and nothing can be traded on it.
    speed : float
        How many times as fast it goes by as it was recorded.
    clients : int or sequence of Client
        How many accounts, with keys made from the seed; or their keys.
    spot_balances, futures_balances : str
        What each account has at first, such as ``10 BTC, 1000000 USDT``; some of each coin if not given, of futures of
        those that they are settled in.
    faults : sequence of Fault
        What goes wrong.
    seed : int
    ping : float, optional
        Seconds between pings; the venue's if not given.
    clock : Clock, optional
        The machine's if not given.

    Attributes
    ----------
    name : str
        What the venue is called.
    venues : tuple of str
        Its markets by our names.
    rest, ws : str
        Where it is, once it runs.
    clients : tuple of Client

    Raises
    ------
    InvalidValueError
        For an instrument of another venue, a catalog without any of these, a recording of several venues or without
        the instrument, a speed that is no number above zero, and a fault that the venue does not know.
    CatalogError
        For an instrument that the catalog does not hold.
    """

    name: ClassVar[str]
    venues: ClassVar[tuple[str, ...]]
    _symbols: ClassVar[tuple[str, ...]]
    """What it trades where nothing else is said."""
    _balances: ClassVar[str] = "10 BTC, 100 ETH, 1000000 USDT"
    """What an account of spot has at first."""
    _no_faults: ClassVar[tuple[str, ...]] = ()
    """Kinds of faults that mean nothing here."""
    _told_later: ClassVar[frozenset[str]] = frozenset()
    """Why orders end that the venue has taken before it says so."""

    def __init__(
        self,
        port: int = 0,
        *,
        symbols: Sequence[str] | None = None,
        data: str | Path | Catalog | Recording = "synth",
        speed: float = 1.0,
        clients: int | Sequence[Client] = 2,
        spot_balances: str | None = None,
        futures_balances: str | None = None,
        faults: Sequence[Fault] = (),
        seed: int = 0,
        ping: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        if not 0 < speed < math.inf:
            raise InvalidValueError("speed", f"{speed} is no number above zero")
        for fault in faults:
            if fault.kind in self._no_faults:
                raise InvalidValueError("faults", f"{fault.kind} does not happen at {self.name}")
        if isinstance(clients, int):
            if clients < 1:
                raise InvalidValueError("clients", "expected at least one")
            clients = [self._client(seed, at) for at in range(clients)]
        self.clients = tuple(clients)
        self._keys = Clients(self.clients)
        self._port = port
        self._ping_s = ping
        self._clock = clock or SystemClock()
        self._faults = Faults(faults, seed=seed)
        self._door = Door(self._faults, self._clock)
        self._links: dict[Link, None] = {}  # in the order they came, so that runs are alike
        self._desks: dict[str, Desk] = {}
        source = _source_of(data)
        self._recording = source if isinstance(source, Recording) else None
        self._speed = speed
        names = self._traded(source) if symbols is None else symbols
        for venue in self.venues:
            instruments = self._instruments(venue, names, source)
            if instruments:
                movers = _movers(instruments, source, speed=speed, seed=seed, clients=len(self.clients))
                is_spot = all(instrument.kind == "spot" for instrument in instruments.values())
                margin = {"margin": "cross", "leverage": "20", "maintenance": MAINTENANCE}
                terms = (
                    {"balances": spot_balances or self._balances}
                    if is_spot
                    else {"balances": futures_balances or _margin_of(instruments), **margin}
                )
                settings = SimVenue.profile(venue, **terms, **_AT_ONCE)
                self._desks[venue] = Desk(instruments, movers, settings, seed=seed, told_later=self._told_later)
        self._runner: web.AppRunner | None = None
        self._mover: asyncio.Task[None] | None = None
        self.rest = self.ws = ""
        self._open()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.rest or 'not running'}, {len(self.clients)} clients>"

    # What a venue is.

    def _client(self, seed: int, number: int) -> Client:
        """Return the client of a number that a seed makes."""
        return Client.made(seed, number)

    @abstractmethod
    def _open(self) -> None:
        """Make what speaks for the desks."""

    @abstractmethod
    def _routes(self, routes: web.UrlDispatcher) -> None:
        """Say what answers to which path."""

    @abstractmethod
    def _publish(self, now_ns: int) -> None:
        """Tell everybody what is due."""

    @abstractmethod
    def _restart(self) -> None:
        """Lose all numbers: the connections are gone."""

    @abstractmethod
    def _forget(self, link: Link) -> None:
        """Forget a connection that is gone."""

    @abstractmethod
    def _expire(self, now_ns: int) -> None:
        """End private streams, as the venue does."""

    @abstractmethod
    def _expel(self, account: int, now_ns: int) -> None:
        """End those of an account whose key was taken away, where the venue does not wait for its next message."""

    @abstractmethod
    def _fault(self, fault: Fault) -> Refused:
        """Return what the venue says where the script has a request refused."""

    @abstractmethod
    def _refusal(self, refused: Refused) -> web.Response:
        """Return how the venue writes an error."""

    @abstractmethod
    def _astray(self, request: web.Request, error: web.HTTPException) -> web.Response:
        """Return how the venue writes that a path is none of its own."""

    # Running.

    @property
    def faults_met(self) -> dict[str, int]:
        """How many times each row of the script was met, by its place and kind."""
        return self._faults.met

    def ready(self) -> dict[str, Any]:
        """Return what a client has to know: where it is, and the keys of its accounts."""
        return {
            "ready": True,
            "venue": self.name,
            "rest": self.rest,
            "ws": self.ws,
            "symbols": [instrument.id for desk in self._desks.values() for instrument in desk.instruments.values()],
            "accounts": [{"key": client.key, "secret": client.secret} for client in self.clients],
        }

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._answer])
        self._routes(app.router)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        host, port = self._runner.addresses[0][:2]
        self.rest, self.ws = f"http://{host}:{port}", f"ws://{host}:{port}"
        self._faults.begin(self._door.now_s)
        for desk in self._desks.values():
            desk.begin(self._clock.now_ns())
        if self._recording is not None:
            self._recording.begin(self._clock.now_ns(), self._speed, self._cut)
        self._mover = asyncio.create_task(self._move())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._mover is not None:
            self._mover.cancel()
            with suppress(asyncio.CancelledError):
                await self._mover
        await asyncio.gather(*(link.close() for link in tuple(self._links)))
        if self._runner is not None:
            await self._runner.cleanup()

    async def _move(self) -> None:
        """Move the markets, and tell everybody."""
        while True:
            now_ns = self._clock.now_ns()
            if self._faults.is_due("lost_sequence", now_ns / 1e9):
                self._cut()
                self._restart()
            for desk in self._desks.values():
                desk.pump(now_ns)
            self._publish(now_ns)
            if self._faults.is_due("expire_keys", now_ns / 1e9):
                self._expire(now_ns)
            await self._clock.sleep(_TICK_S)

    def _cut(self) -> None:
        """End all connections without a word."""
        for link in tuple(self._links):
            link.cut()

    # Requests.

    @web.middleware
    async def _answer(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as refused:
            return self._refusal(refused)
        except web.HTTPException as error:
            return self._astray(request, error)

    async def _attend(self, request: web.Request, carry_out: Callable[[Visit], web.Response]) -> web.Response:
        """Answer a request, as the script has it."""
        visit = self._enter(f"{request.method} {request.path}")
        if visit.is_lost:
            return _dead(request)
        answer = carry_out(visit)
        if visit.is_swallowed:
            return _dead(request)
        if visit.lag_s:
            await self._clock.sleep(visit.lag_s)
        return answer

    def _enter(self, name: str) -> Visit:
        """Take a request by its name.

        Raises
        ------
        Refused
            As the script has it.
        """
        visit = self._door.enter(name)
        if visit.refusal is not None:
            raise self._fault(visit.refusal)
        return visit

    # WebSockets.

    async def _connect(self, request: web.Request) -> Link:
        socket = web.WebSocketResponse(autoping=False, max_msg_size=1 << 16)
        await socket.prepare(request)
        return Link(socket, request.transport, self._faults, self._clock)

    async def _serve(
        self, link: Link, on_text: Callable[[str], None], *, ping_s: float, most_per_s: int | None = None
    ) -> web.WebSocketResponse:
        self._links[link] = None
        try:
            await link.serve(on_text, ping_s=self._ping_s or ping_s, most_per_s=most_per_s)
        finally:
            self._links.pop(link, None)
            self._forget(link)
        return link.socket

    # Clients.

    def revoke(self, client: Client) -> None:
        """Take a client's key away, as its owner may at any time: the venue knows it no more."""
        if (found := self._keys.find(client.key)) is not None:
            self._keys.revoke(client.key)
            self._expel(found[0], self._clock.now_ns())

    # Markets.

    def _traded(self, source: _Source) -> Sequence[str]:
        if isinstance(source, Recording):
            return tuple(source.instruments)
        if not isinstance(source, Catalog):
            return self._symbols
        held = source.instruments()
        traded = [name for name in held if venue_of(name) in self.venues]
        if held and not traded:
            raise InvalidValueError("data", f"{source.path} holds no instrument of {' or '.join(self.venues)}")
        return traded or self._symbols

    def _instruments(self, venue: str, symbols: Sequence[str], source: _Source) -> dict[str, Instrument]:
        found = {}
        for name in symbols:
            symbol, _, of = name.rpartition(".")
            if of not in self.venues:
                raise InvalidValueError(
                    "symbols", f"{name} is not traded here: expected one of {', '.join(self.venues)}"
                )
            if of == venue:
                listed = find_instrument if isinstance(source, str) else source.instrument
                found[symbol] = listed(name)
        return found


def _source_of(data: str | Path | Catalog | Recording) -> _Source:
    if isinstance(data, Recording):
        return data
    if data in ("synth", "crowd"):
        return "synth" if data == "synth" else "crowd"
    return Catalog.of(data)


def _margin_of(instruments: Mapping[str, Instrument]) -> str:
    """Return a balance of each currency that contracts are settled in."""
    coins = dict.fromkeys(instrument.settlement for instrument in instruments.values())
    return ", ".join(f"{'1000000' if coin.startswith('USD') else '100'} {coin}" for coin in coins)


def _movers(
    instruments: Mapping[str, Instrument],
    source: _Source,
    *,
    speed: float,
    seed: int,
    clients: int,
) -> Mapping[str, MarketFeed] | Crowd:
    """Return what moves markets: a catalog, a crowd, or events that are made; a recording is told beside them."""
    if isinstance(source, Recording):
        return {}
    prices = {symbol: _PRICES.get(instrument.base, "100") for symbol, instrument in instruments.items()}
    if source == "crowd":
        return Crowd(instruments, prices, seed=seed, first_account=clients, speed=speed)
    if isinstance(source, Catalog):
        return {symbol: catalog_feed(source, instrument.id, speed=speed) for symbol, instrument in instruments.items()}
    return {
        symbol: synthetic_feed(instrument, seed=seed + at, start_price=prices[symbol], speed=speed)
        for at, (symbol, instrument) in enumerate(instruments.items())
    }


def json_answer(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an answer in JSON."""
    return web.Response(body=orjson.dumps(body), status=status, headers=headers, content_type="application/json")


def _dead(request: web.Request) -> web.Response:
    """End a connection in place of an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
