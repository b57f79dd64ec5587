"""Two connections that carry the same streams: the first to bring something counts, and one alone is enough."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from conftest import cli
from tradecore.errors import InvalidValueError
from tradecore.types import BookState
from tradecore.venues import FeedState, Frame, LinkState, Stream, make_connector
from venue_binance import FakeBinance
from venue_live import Live, run, running, until

pytestmark = pytest.mark.release

both = pytest.mark.parametrize("venue", ["BINANCE", "BINANCE_USDM"])


@asynccontextmanager
async def live(venue: str, factor: float = 1.0) -> AsyncIterator[Live]:
    """A session with a synced book over two connections."""
    async with running(venue, lambda clock: FakeBinance(venue, clock), fast=False, factor=factor, sockets=2) as session:
        session.connector.subscribe("s", session.id, [Stream.BOOK, Stream.TRADES])
        # The server has taken what a connection asks for before the connection is in use.
        await until(lambda: len(books(session)) == 2 and all(session.connector.health.links.values()))
        session.server.depth({"60000.10": "1", "59999.00": "4"}, {"60000.20": "2"})
        await until(lambda: session.state is BookState.SYNCED)
        yield session


def books(session: Live) -> list[object]:
    """The connections at the server that carry the book."""
    return [socket for socket, (_, names) in session.server.sockets.items() if "btcusdt@depth@100ms" in names]


def frames(session: Live) -> int:
    return sum(isinstance(event, Frame) and event.data.startswith(b'{"stream"') for event in session.events)


def gaps(session: Live) -> int:
    return sum(isinstance(event, FeedState) and event.state is BookState.GAP for event in session.events)


@both
def test_of_every_frame_one_is_told(venue: str) -> None:
    async def work() -> None:
        async with live(venue) as session:
            before = frames(session)
            for at in range(10):
                session.server.depth({f"{59000 + at}.00": "1"}, {})
            await until(lambda: frames(session) == before + 10)
            await asyncio.sleep(0.1)
            assert frames(session) == before + 10
            assert session.decoder.gaps(session.id) == 0
            assert session.connector.delivers(session.id, Stream.BOOK)
            name = "public"
            assert {link for link in session.connector.health.links if link.startswith(name)} == {name, f"{name} 2"}

    run(work)


@both
def test_while_one_is_lost_nothing_is_missing_and_it_comes_back(venue: str) -> None:
    async def work() -> None:
        async with live(venue, factor=5) as session:
            for _ in range(2):
                lost = books(session)[0]
                await lost.close(code=1012, message=b"restart")  # type: ignore[attr-defined]
                session.server.depth({"58000.00": "7"}, {})
                await until(lambda: session.book()[0].get(58000.0) == 7)
                assert session.state is BookState.SYNCED
                await until(lambda lost=lost: len(books(session)) == 2 and lost not in books(session))  # type: ignore[misc]
                await until(lambda: all(session.connector.health.links.values()))
                session.server.depth({"58000.00": "0"}, {})
                await until(lambda: 58000.0 not in session.book()[0])
            assert (gaps(session), session.connector.health.resyncs) == (0, 1)
            told = [event for event in session.events if isinstance(event, LinkState) and not event.is_up]
            assert len(told) == 2

    run(work)


@both
def test_a_frame_that_one_of_them_lost_is_the_others(venue: str) -> None:
    async def work() -> None:
        async with live(venue) as session:
            names = [session.server.sockets[socket][1] for socket in books(session)]
            for at in range(6):
                name = names[at % 2]
                name.discard("btcusdt@depth@100ms")
                session.server.depth({f"{59000 + at}.00": "1"}, {})
                name.add("btcusdt@depth@100ms")
                await until(lambda at=at: session.book()[0].get(59000.0 + at) == 1)  # type: ignore[misc]
            assert session.decoder.gaps(session.id) == 0

    run(work)


@both
def test_where_both_are_lost_the_book_is_too_and_begins_anew(venue: str) -> None:
    async def work() -> None:
        async with live(venue, factor=5) as session:
            await session.server.drop()
            await until(lambda: session.state is BookState.GAP)
            await until(lambda: len(books(session)) == 2)
            session.server.depth({"58000.00": "7"}, {})
            await until(lambda: session.state is BookState.SYNCED)
            assert session.book()[0].get(58000.0) == 7

    run(work)


def test_what_is_subscribed_to_later_is_watched_and_goes_again() -> None:
    async def work() -> None:
        async with live("BINANCE") as session:
            session.connector.subscribe("s", session.id, [Stream.QUOTES])
            wanted = "btcusdt@bookTicker"
            await until(lambda: sum(wanted in names for _, names in session.server.sockets.values()) == 2)
            session.server.publish(wanted, {"u": 1, "s": "BTCUSDT", "b": "1", "B": "1", "a": "2", "A": "1"})
            await until(lambda: session.connector.delivers(session.id, Stream.QUOTES))
            session.connector.unsubscribe("s", session.id, [Stream.QUOTES])
            await until(lambda: not any(wanted in names for _, names in session.server.sockets.values()))

    run(work)


@pytest.mark.parametrize("sockets", [0, 3])
def test_there_are_one_or_two(sockets: int) -> None:
    with pytest.raises(InvalidValueError, match=f"sockets: expected 1 or 2, got {sockets}"):
        make_connector("BINANCE", sockets=sockets)


@pytest.mark.parametrize("venue", ["BYBIT", "COINBASE"])
def test_venues_whose_connections_begin_with_snapshots_have_one(venue: str) -> None:
    with pytest.raises(InvalidValueError, match=f"sockets: {venue} has no such option"):
        make_connector(venue, sockets=2)


def test_a_session_says_so_in_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = '[mode]\n[[mode.connections]]\nvenue = "{0}"\nsandbox = true\nsockets = 2\n'
    text += '[[strategies]]\nkind = "touch_maker"\nname = "m"\ninstruments = ["BTCUSDT.{0}"]\n'
    text += 'params = {{ quote_qty = "0.01", max_position = "0.05" }}\n'
    for venue, expected in (("BINANCE", 0), ("BYBIT", 2)):
        file = tmp_path / f"{venue}.toml"
        file.write_text(text.format(venue))
        code, _, err = cli("paper", "--config", file, "--duration", "1s", "--quiet", capsys=capsys)
        assert code == expected, err
    assert "BYBIT has no such option" in err
