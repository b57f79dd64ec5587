"""A recorded session served again, with faults over it: books end as they ended, or say that they did not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from test_live_cli import done, tradecore
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

import tradecore as tc
from sandbox_clients import run
from tradecore.data.frames import Received, disconnected
from tradecore.errors import InvalidValueError, JournalError
from tradecore.instruments import find_instrument
from tradecore.live.captured import load_recording
from tradecore.live.recording import Recorder
from tradecore.sandbox import Fault, Recording, server_of
from tradecore.types import BookState
from tradecore.venues import Feed, FeedState, Frame, Stream, make_connector
from tradecore.venues.clock import within
from venue_live import until
from venue_servers import FastClock

pytestmark = pytest.mark.release

VENUES = ["BINANCE", "BINANCE_USDM", "BYBIT", "BYBIT_SPOT", "COINBASE"]
BOTH = [Stream.BOOK, Stream.TRADES]
RECORDED_S = 2.0
BOOKS = {"BINANCE": "*@depth*", "BINANCE_USDM": "*@depth*", "COINBASE": "level2.*"}


def name_of(venue: str) -> str:
    return f"{'BTC-USD' if venue == 'COINBASE' else 'BTCUSDT'}.{venue}"


class Follower:
    """A connector of a server, and the book it keeps."""

    def __init__(self, connector: Any, spec: tc.Instrument) -> None:
        self.id, self.connector = spec.id, connector
        self.decoder = tc.FeedDecoder(connector.name, [spec])
        self.states: list[FeedState] = []
        self.feed = Feed(connector, self.decoder, [spec.id], self.states.append)
        self.frames: list[Received] = []

    def take(self, event: Any) -> None:
        if isinstance(event, Frame):
            self.frames.append(Received(event.ts_recv, event.data, ("test", len(self.frames))))
            self.feed.frame(event)
        elif isinstance(event, FeedState):
            self.feed.state(event)

    @property
    def is_synced(self) -> bool:
        return self.decoder.state(self.id) is BookState.SYNCED

    @property
    def book(self) -> Any:
        return [side.tolist() for side in self.decoder.book(self.id).depth(1_000)]

    async def follow(self) -> None:
        await self.connector.start(self.take)
        self.connector.subscribe("s", self.id, BOTH)


async def collect(socket: ClientConnection, seen: list[int]) -> None:
    """Keep the last number of every book update, as long as there are any."""
    while True:
        seen.append(json.loads(await socket.recv())["data"]["u"])


def recorded(venue: str) -> tuple[list[Received], Any]:
    """What a connector got of a crowd's market, and the book at the end of it."""
    kept: list[Any] = []

    async def work() -> None:
        make, clock = server_of(venue), FastClock(1.0)
        assert make is not None
        async with (
            make(seed=8, symbols=[name_of(venue)], data="crowd", speed=3, clock=clock) as server,
            make_connector(venue, url=server.rest, seed=1, clock=clock) as connector,
        ):
            follower = Follower(connector, (await connector.instruments())[name_of(venue)])
            await follower.follow()
            await until(lambda: follower.is_synced)
            await clock.sleep(RECORDED_S)
            assert follower.is_synced
            kept.extend([list(follower.frames), follower.book])

    run(work)
    return kept[0], kept[1]


@pytest.fixture(scope="module", params=VENUES)
def session(request: pytest.FixtureRequest) -> tuple[str, list[Received], Any]:
    frames, book = recorded(request.param)
    return request.param, frames, book


def replayed(
    venue: str, frames: Sequence[Received], final: Any, faults: Sequence[Fault] = ()
) -> tuple[dict[str, int], set[BookState]]:
    """Follow a recording to its end; return the faults met and the states the book was in.

    In the end the book is the one it ended with. Under faults it may say that it is not instead: where nothing comes
    any more, not every venue's book can be begun anew.
    """
    met: dict[str, int] = {}
    states: set[BookState] = set()

    async def work() -> None:
        make, clock = server_of(venue), FastClock(1.0)
        assert make is not None
        recording = Recording(frames, [find_instrument(name_of(venue))])
        async with (
            make(data=recording, faults=faults, seed=3, clock=clock) as server,
            make_connector(venue, url=server.rest, seed=1, clock=clock) as connector,
        ):
            follower = Follower(connector, (await connector.instruments())[name_of(venue)])
            await follower.follow()
            await until(lambda: recording.is_over)
            try:
                ended = until(lambda: follower.is_synced and follower.book == final)
                await within(clock, 3.0 if faults else 10.0, ended)
            except TimeoutError:
                assert faults
                assert not follower.is_synced
            met.update(server.faults_met)
            states.update(state.state for state in follower.states)

    run(work)
    return met, states


def test_a_recording_ends_with_the_book_it_ended_with(session: tuple[str, list[Received], Any]) -> None:
    venue, frames, final = session
    assert sum(len(side) for side in final) > 10
    replayed(venue, frames, final)


@pytest.mark.parametrize("kinds", [("duplicate", "split"), ("drop", "reorder", "corrupt"), ("disconnect",)])
def test_books_under_faults_end_as_the_clean_one_or_are_marked(
    session: tuple[str, list[Received], Any], kinds: tuple[Any, ...]
) -> None:
    venue, frames, final = session
    books = BOOKS.get(venue, "orderbook.*")
    # The last of them come while there are messages to tell that they were met.
    script = [
        Fault(kind=kind, on=books, skip=3 + 4 * at, count=1, until_s=0.7 * RECORDED_S) for at, kind in enumerate(kinds)
    ]
    met, states = replayed(venue, frames, final, script)
    assert met[f"0 {kinds[0]}"] == 1
    assert BookState.SYNCED in states
    if "split" not in kinds:
        assert BookState.GAP in states


def test_where_a_recording_lost_its_connection_everybody_does() -> None:
    spec = find_instrument("BTCUSDT.BINANCE")
    depth = (
        b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":%d,"u":%d,"b":[],"a":[]}}'
    )
    lines = [depth % (at, at) for at in range(1, 200)]
    lines[100] = disconnected(spec.id)
    frames = [Received(at * 10_000_000, line, ("test", at)) for at, line in enumerate(lines)]

    async def work() -> None:
        make = server_of("BINANCE")
        assert make is not None
        async with (
            make(data=Recording(frames, [spec])) as server,
            connect(f"{server.ws}/stream?streams=btcusdt@depth@100ms") as socket,
        ):
            seen = [json.loads(await socket.recv())["data"]["u"]]
            with pytest.raises(ConnectionClosed):
                await collect(socket, seen)
        assert seen
        assert seen[-1] <= 100

    run(work)


def test_a_folder_is_served_by_the_command(tmp_path: Path) -> None:
    venue, folder = "BYBIT", tmp_path / "rec"

    async def work() -> None:
        make = server_of(venue)
        assert make is not None
        async with make(symbols=[name_of(venue)], data="crowd") as server:
            made = Recorder(make_connector(venue, url=server.rest), [name_of(venue)], BOTH, folder)
            await made.run(lambda: asyncio.get_running_loop().call_later(1.5, made.stop) and None)
        process = await tradecore(tmp_path, "sandbox", "bybit", "--recording", "rec", "--speed", "5")
        assert process.stdout is not None
        ready = json.loads(await process.stdout.readline())
        assert ready["symbols"] == [name_of(venue)]
        async with make_connector(venue, url=ready["rest"], seed=1) as connector:
            follower = Follower(connector, (await connector.instruments())[name_of(venue)])
            await follower.follow()
            await until(lambda: follower.is_synced)
        process.terminate()
        await process.communicate()
        code, _, err = await done(tmp_path, "sandbox", "bybit", "--recording", "rec", "--data", "crowd")
        assert (code, "leave --data out" in err) == (2, True)

    run(work)
    with pytest.raises(InvalidValueError, match="holds nothing of BINANCE"):
        load_recording(folder, ["BINANCE"])
    with pytest.raises(JournalError):
        load_recording(tmp_path, ["BYBIT"])


def test_what_is_no_recording_of_a_venue_is_said() -> None:
    btc, other = find_instrument("BTCUSDT.BINANCE"), find_instrument("BTCUSDT.BINANCE_USDM")
    with pytest.raises(
        InvalidValueError, match="instruments: expected those of one venue, got BINANCE and BINANCE_USDM"
    ):
        Recording([], [btc, other])
    with pytest.raises(InvalidValueError, match="got none"):
        Recording([], [])
    make = server_of("BINANCE")
    assert make is not None
    with pytest.raises(InvalidValueError, match=r"symbols: ETHUSDT\.BINANCE was not recorded"):
        make(data=Recording([], [btc]), symbols=["ETHUSDT.BINANCE"])
