"""What a client signs with is nowhere to be read, and a key that a venue does not take ends a session at once."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import monotonic
from traceback import format_exception
from typing import Any

import httpx
import pytest

import tradecore as tc
from conftest import cli
from tradecore.config.server import ServerConfig
from tradecore.errors import CredentialsError
from tradecore.live import audit
from tradecore.live.runner import Live
from tradecore.observe.observer import Observer
from tradecore.sandbox import Client, Fault, LocalServer
from tradecore.sandbox.registry import SERVERS
from tradecore.server.run import Server
from tradecore.venues import Credentials, Secret, make_connector

pytestmark = pytest.mark.release

FAULTS = [
    Fault(kind="swallow", on="*order*", skip=2, count=2),
    Fault(kind="lose", on="GET *", skip=6, count=2),
    Fault(kind="status", on="GET *", skip=9, count=2, status=500),
    Fault(kind="corrupt", on="user", skip=2, count=1),
    Fault(kind="disconnect", on="user", skip=4, count=1),
]


class Bidder(tc.Strategy):
    """Bids anew all the time, now and then what no venue takes."""

    def on_start(self, ctx: tc.Context) -> None:
        self.turns = 0
        ctx.every("50ms", self.bid)

    def bid(self, ctx: tc.Context) -> None:
        self.turns += 1
        name = self.instruments[0]
        book = ctx.book(name)
        if book.is_synced and book.best_bid is not None:
            ctx.cancel_all(name)
            ctx.buy(name, "0.01" if self.turns % 3 else "1000", book.best_bid, post_only=True)


def made(make: type[LocalServer], seed: int) -> Client:
    """The client that a seed makes."""
    return make(clients=1, seed=seed).clients[0]


def quiet(make: type[LocalServer], **given: Any) -> LocalServer:
    """A server of one market, where little happens."""
    (name, *_) = make().ready()["symbols"]
    return make(symbols=[name], seed=11, speed=0.2, **given)


def words_of(client: Client) -> list[str]:
    """What may not be seen: a shared secret, or the lines of a private key that are not in the public one, too."""
    lines = [line for line in client.secret.splitlines() if line and not line.startswith("-----")]
    return [client.secret, *(line for line in lines if line not in client.public_key)]


@contextmanager
def running(server: LocalServer) -> Iterator[LocalServer]:
    """A server in a thread of its own."""
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        async with server:
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(60)
        yield server
    finally:
        over.set()
        thread.join(60)


@asynccontextmanager
async def session(server: LocalServer, client: Client, folder: Path, shown: list[str]) -> AsyncIterator[Live]:
    """A session that writes down all that can be, and shows all that can be."""
    credentials = Credentials(key=client.key, secret=Secret(client.secret))
    connector = make_connector(server.venues[0], credentials=credentials, url=server.rest, seed=1)
    shown += [repr(credentials), str(credentials), repr(server), repr(client), repr(connector), repr(vars(connector))]
    live = Live(
        [Bidder("b", [server.ready()["symbols"][0]])], [connector],
        journal=folder / "journal", store=folder / "state.db", sync_timeout=60.0,
    )  # fmt: skip
    with live.events.write(folder / "events.jsonl"):
        async with live, Observer(live) as observer:
            yield live
            shown += [repr(live), repr(vars(live)), repr(connector.health)]
            shown += [str(observer.metrics().body), str(observer.health())]


def pages(server: Server) -> list[str]:
    """All that an administrator can be shown."""
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {server.token}"}, timeout=60) as client:
        document = client.get("/api/v1/openapi.json").json()
        read = [path for path, methods in document["paths"].items() if "get" in methods]
        return [client.get(re.sub(r"\{\w+\}", "1", path)).text for path in ["/", *read]]


@pytest.mark.parametrize("make", SERVERS, ids=lambda make: make.name)
def test_secrets_are_in_no_output_of_a_session_that_meets_faults(
    make: type[LocalServer], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    own, shown = made(make, 11), list[str]()

    async def work(venue: LocalServer) -> None:
        async with session(venue, own, tmp_path, shown) as live:
            config = ServerConfig(port=0, database=f"sqlite:///{tmp_path / 'server.db'}")
            with Server(live, config, journals=tmp_path / "journal") as server:
                server.begin()
                running = asyncio.create_task(live.run())
                await live.begun()
                await asyncio.sleep(1.0)
                shown.extend([repr(live.state), *await asyncio.to_thread(pages, server)])
                live.stop()
                result = await running
            shown.extend([repr(result), *(str(table) for table in (result.orders, result.fills))])

    with running(quiet(make, clients=[own], faults=FAULTS)) as venue:
        asyncio.run(work(venue))
        assert min(venue.faults_met.values()) > 0
    written = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert {"state.db", "server.db", "events.jsonl"} < set(written)
    for word in words_of(own):
        assert not [text for text in [*shown, caplog.text] if word in text]
        assert not [name for name, data in written.items() if word.encode() in data]


@pytest.mark.parametrize("make", SERVERS, ids=lambda make: make.name)
def test_a_key_that_is_not_taken_is_said_at_once_and_nothing_of_it(
    make: type[LocalServer],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    stranger, shown = made(make, 12), list[str]()

    async def work(venue: LocalServer) -> None:
        with pytest.raises(CredentialsError) as caught:
            async with session(venue, stranger, tmp_path, shown):
                pass
        assert caught.value.venue == venue.venues[0]
        shown.extend([repr(caught.value), str(vars(caught.value)), *format_exception(caught.value)])

    with running(quiet(make)) as venue:
        began = monotonic()
        asyncio.run(work(venue))
        assert monotonic() - began < 30  # for which a connection is tried
        name = venue.venues[0]
        monkeypatch.setenv(f"TRADECORE_{name}_KEY", stranger.key)
        monkeypatch.setenv(f"TRADECORE_{name}_SECRET", stranger.secret)
        code, out, err = cli("check-exchange", name.lower(), "--url", venue.rest, "--seconds", "0.2", capsys=capsys)
        assert (code != 0, "keys of" in out) == (True, True)
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for word in words_of(stranger):
        assert not [text for text in [*shown, caplog.text, out, err] if word in text]
        assert not [data for data in written if word.encode() in data]


@pytest.mark.parametrize(
    ("make", "is_cut"),
    [(make, is_cut) for make in SERVERS for is_cut in (True, False) if is_cut or make.name != "bybit"],
    ids=lambda given: given.name if isinstance(given, type) else "cut" if given else "trading",
)
def test_a_key_that_is_taken_away_ends_the_session(
    make: type[LocalServer], is_cut: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of orders that Bybit is sent by WebSocket it does not look at the key again."""
    monkeypatch.setattr(audit, "_AUDIT_S", 1e6)  # which would find it, too
    own: Any = made(make, 11)

    async def work() -> None:
        async with quiet(make, clients=[own]) as venue, session(venue, own, tmp_path, []) as live:
            running = asyncio.create_task(live.run())
            await live.begun()
            await asyncio.sleep(0.2)
            venue._keys._clients.clear()
            for link in tuple(venue._links) if is_cut else ():
                link.cut()
            await running

    with pytest.raises(CredentialsError):
        asyncio.run(work())
