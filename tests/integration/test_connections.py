"""Market data over several connections, where a venue's limits force another one, and what they have of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from tradecore import FeedDecoder
from tradecore.sandbox import BinanceServer, BybitServer
from tradecore.types import BookState
from tradecore.venues import Feed, FeedState, Frame, LinkState, Stream, make_connector
from tradecore.venues.binance.market import MARKETS
from tradecore.venues.binance.streams import BinanceStreams
from tradecore.venues.bybit.market import HOSTS
from tradecore.venues.bybit.market import MARKETS as BYBIT_MARKETS
from tradecore.venues.bybit.streams import BybitStreams
from tradecore.venues.coinbase.streams import CoinbaseStreams
from venue_binance import FakeBinance
from venue_bybit import FakeBybit
from venue_live import Live, run, running, until

pytestmark = pytest.mark.release

ALL = [Stream.BOOK, Stream.TRADES, Stream.QUOTES, Stream.CANDLES]


def binance(**options: Any) -> Any:
    return running("BINANCE", lambda clock: FakeBinance("BINANCE", clock), fast=False, factor=5, **options)


def full_at(session: Live, room: int) -> None:
    """Have a connection of the session's venue carry no more than that."""
    session.connector._streams._dialect.room = room  # type: ignore[attr-defined]


def carried(session: Live) -> list[set[str]]:
    """What each connection at the server has subscribed to, in the order in which they were made."""
    return [set(names) for _, names in session.server.sockets.values()]


def up(session: Live) -> set[str]:
    return {name for name, is_up in session.connector.health.links.items() if is_up}


@pytest.mark.parametrize("sockets", [1, 2])
def test_what_does_not_fit_on_a_connection_goes_to_another_that_ends_with_it(sockets: int) -> None:
    async def work() -> None:
        async with binance(sockets=sockets) as session:
            full_at(session, 3)
            connector = session.connector
            connector.subscribe("s", session.id, ALL[:3])
            await until(lambda: len(up(session)) == sockets)
            connector.subscribe("s", session.id, ALL[3:])
            await until(lambda: sorted(map(len, carried(session))) == [1] * sockets + [3] * sockets)
            second = [set(), {" 2"}][sockets - 1]
            links = {name + twin for name in ("public", "public-2") for twin in {"", *second}}
            await until(lambda: up(session) == links)
            # What is given up makes room, and a connection without anything ends.
            connector.unsubscribe("s", session.id, [Stream.CANDLES])
            await until(lambda: sorted(map(len, carried(session))) == [3] * sockets)
            assert set(connector.health.links) == {"public", *(f"public{twin}" for twin in second)}
            ended = [event for event in session.events if isinstance(event, LinkState) and not event.is_up]
            assert {event.reason for event in ended} == {"nothing is left for it to carry"}
            connector.unsubscribe("s", session.id, [Stream.QUOTES])
            connector.subscribe("s", session.id, [Stream.CANDLES])
            names = {f"btcusdt@{name}" for name in ("depth@100ms", "trade", "kline_1m")}
            await until(lambda: carried(session) == [names] * sockets)
            assert connector.health.reconnects == 0

    run(work)


def test_one_that_is_lost_takes_up_its_own_again_and_the_others_stay() -> None:
    async def work() -> None:
        async with binance() as session:
            full_at(session, 1)
            await session.synced()
            session.connector.subscribe("s", session.id, [Stream.TRADES])
            await until(lambda: carried(session) == [{"btcusdt@depth@100ms"}, {"btcusdt@trade"}])
            book, trades = session.server.sockets
            await trades.close(code=1012, message=b"restart")
            await until(lambda: len(session.server.sockets) == 2 and carried(session)[1] == {"btcusdt@trade"})
            assert carried(session)[0] == {"btcusdt@depth@100ms"}
            assert session.state is BookState.SYNCED
            await book.close(code=1012, message=b"restart")
            await until(lambda: session.state is BookState.GAP)
            await until(lambda: carried(session) == [{"btcusdt@trade"}, {"btcusdt@depth@100ms"}])
            session.server.depth({"58000.00": "7"}, {})
            await until(lambda: session.state is BookState.SYNCED)

    run(work)


def test_books_of_a_lost_connection_begin_anew_and_those_of_another_go_on() -> None:
    kept, lost = "BTCUSDT.BINANCE", "ETHUSDT.BINANCE"

    async def work() -> None:
        async with (
            BinanceServer(symbols=[kept, lost], seed=1) as server,
            make_connector("BINANCE", url=server.rest, seed=1) as connector,
        ):
            connector._streams._dialect.room = 1  # type: ignore[attr-defined]
            specs = [(await connector.instruments())[name] for name in (kept, lost)]
            decoder, states = FeedDecoder("BINANCE", specs), list[FeedState]()
            feed = Feed(connector, decoder, [kept, lost], states.append)

            def take(event: Any) -> None:
                if isinstance(event, Frame):
                    feed.frame(event)
                elif isinstance(event, FeedState):
                    feed.state(event)

            await connector.start(take)
            for name in (kept, lost):
                connector.subscribe("s", name, [Stream.BOOK])
            await until(lambda: feed.is_synced(kept) and feed.is_synced(lost))
            connector._streams.drop((lost, Stream.BOOK), "the test says so")  # type: ignore[attr-defined]
            await until(lambda: not feed.is_synced(lost))
            assert decoder.state(lost) is not BookState.SYNCED
            assert decoder.state(kept) is BookState.SYNCED
            await until(lambda: feed.is_synced(lost))
            assert decoder.gaps(kept) == 0
            of_kept = [state.state for state in states if state.instrument == kept]
            assert of_kept[-1] is BookState.SYNCED
            assert BookState.GAP not in of_kept

    run(work)


def test_a_topic_of_a_stream_that_is_there_is_there_when_it_delivers_again() -> None:
    async def work() -> None:
        async with running("BYBIT", lambda clock: FakeBybit("BYBIT", clock), fast=False, factor=1.0) as session:
            connector = session.connector
            connector.subscribe("a", session.id, [Stream.MARK])
            ticker = {"symbol": "BTCUSDT", "markPrice": "60000", "openInterest": "5"}
            await until(lambda: session.server.sockets and "tickers" in str(session.server.seen))
            connector.subscribe("b", session.id, [Stream.OPEN_INTEREST])
            assert not connector.delivers(session.id, Stream.OPEN_INTEREST)

            def delivers(stream: Stream) -> Callable[[], bool]:
                def told() -> bool:
                    session.server.publish("tickers.BTCUSDT", "snapshot", ticker)
                    return connector.delivers(session.id, stream)

                return told

            await until(delivers(Stream.OPEN_INTEREST))
            # Given up and wanted again before the venue has heard of it.
            connector.unsubscribe("a", session.id, [Stream.MARK])
            connector.subscribe("a", session.id, [Stream.MARK])
            await until(delivers(Stream.MARK))
            assert [row["names"] for name, row in session.server.seen if "subscribe" in name] == ["tickers.BTCUSDT"]

    run(work)


def test_of_what_is_refused_together_each_is_asked_for_alone() -> None:
    async def work() -> None:
        async with running("BYBIT", lambda clock: FakeBybit("BYBIT", clock), fast=False, factor=5) as session:
            spec = (await session.connector.instruments())[session.id]
            session.connector._instruments["WRONG.BYBIT"] = spec  # type: ignore[attr-defined]
            session.connector.subscribe("a", session.id, [Stream.TRADES])
            session.connector.subscribe("a", "WRONG.BYBIT", [Stream.TRADES])
            await until(lambda: any(isinstance(event, FeedState) for event in session.events))
            session.server.publish("publicTrade.BTCUSDT", "snapshot", [])
            await until(lambda: session.connector.delivers(session.id, Stream.TRADES))
            (refused,) = (e for e in session.events if isinstance(e, FeedState) and "refused" in e.reason)
            assert refused.instrument == "WRONG.BYBIT"

    run(work)


def test_a_topic_that_bybit_has_taken_before_is_not_refused() -> None:
    async def work() -> None:
        name = "BTCUSDT.BYBIT"
        async with (
            BybitServer(symbols=[name], seed=1) as server,
            make_connector("BYBIT", url=server.rest, seed=1) as connector,
        ):
            told: list[Any] = []
            await connector.start(told.append)
            connector.subscribe("s", name, [Stream.BOOK])
            await until(lambda: connector.delivers(name, Stream.BOOK))
            session = connector._streams._links["public"].session  # type: ignore[attr-defined]
            # As the venue may have of several topics of which it refused one.
            assert await connector._streams._dialect._ask(session, "subscribe", ["tickers.BTCUSDT"]) is None  # type: ignore[attr-defined]
            connector.subscribe("s", name, [Stream.MARK, Stream.TRADES])
            await until(lambda: connector.delivers(name, Stream.MARK))
            assert not [event for event in told if isinstance(event, FeedState) and "refused" in event.reason]

    run(work)


def test_a_connection_has_the_room_that_its_venue_documents() -> None:
    spot, contracts = (MARKETS[name] for name in ("BINANCE", "BINANCE_USDM"))
    binance_rooms = [BinanceStreams(market, market.mainnet) for market in (spot, contracts)]
    assert [streams.room for streams in binance_rooms] == [1_024, 200]
    bybit = BybitStreams(BYBIT_MARKETS["BYBIT"], HOSTS[False])
    names = [bybit.locate((f"COIN{number}USDT.BYBIT", Stream.TRADES))[1] for number in range(1_000)]
    written = orjson.dumps(names)
    assert bybit.room == 21_000
    assert sum(map(bybit.size_of, names)) == len(written) - 1
    assert CoinbaseStreams.room is None


@pytest.mark.parametrize("venue", ["BINANCE", "BYBIT"])
def test_a_local_venue_refuses_what_is_beyond_it(venue: str) -> None:
    async def work() -> None:
        make = BinanceServer if venue == "BINANCE" else BybitServer
        async with make(symbols=[f"BTCUSDT.{venue}"]) as server, ClientSession() as client:
            path = "/stream" if venue == "BINANCE" else "/v5/public/linear"
            async with client.ws_connect(server.rest + path) as socket:
                if venue == "BINANCE":
                    names = [f"coin{number}usdt@trade" for number in range(1_025)]
                    asked: Any = {"method": "SUBSCRIBE", "params": names, "id": 1}
                    expected: Any = {"code": 2, "msg": "Invalid request: more than 1024 streams", "id": 1}
                else:
                    asked = {"op": "subscribe", "args": ["publicTrade.BTCUSDT", "x" * 21_000]}
                    expected = "error:args of the connection >21000 characters"
                await socket.send_json(asked)
                answer = await socket.receive_json()
                assert expected in (answer, answer.get("ret_msg"))

    run(work)
