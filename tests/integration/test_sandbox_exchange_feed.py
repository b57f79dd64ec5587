"""The feed of Coinbase Exchange at a local Coinbase: books without numbers, matches that heartbeats count."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

import tradecore as tc
from sandbox_clients import run
from tradecore.instruments import find_instrument
from tradecore.sandbox import CoinbaseServer
from tradecore.types import BookState
from tradecore.venues.clock import VirtualClock
from wire_shapes import lacks, shape, told_by

pytestmark = pytest.mark.release

BTC = "BTC-USD"


async def subscribe(socket: ClientConnection, *channels: Any, what: str = "subscribe", products: Any = (BTC,)) -> None:
    await socket.send(json.dumps({"type": what, "product_ids": list(products), "channels": list(channels)}))


async def frames(socket: ClientConnection, count: int) -> list[bytes]:
    return [await socket.recv(decode=False) for _ in range(count)]


@pytest.mark.parametrize("channel", ["level2", "level2_batch"])
def test_our_decoder_keeps_the_book_that_tickers_tell(channel: str) -> None:
    async def work() -> None:
        spec = find_instrument(f"{BTC}.COINBASE")
        decoder = tc.FeedDecoder("COINBASE", [spec])
        async with (
            CoinbaseServer(seed=4, symbols=[spec.id]) as server,
            connect(f"{server.ws}/exchange", max_size=None) as socket,
        ):
            await subscribe(socket, channel, "matches", "ticker")
            tickers, trades = 0, 0
            for at, frame in enumerate(await frames(socket, 300)):
                decoder.feed(frame, 10**18 + at)
                told = json.loads(frame)
                trades += told["type"] == "match"
                if told["type"] == "ticker" and trades and channel == "level2":
                    book, tickers = decoder.book(spec.id), tickers + 1
                    best = book.best_bid, book.bid_qty, book.best_ask, book.ask_qty
                    names = ("best_bid", "best_bid_size", "best_ask", "best_ask_size")
                    assert best == tuple(float(told[name]) for name in names)
            assert decoder.state(spec.id) is BookState.SYNCED
            assert not decoder.book(spec.id).is_crossed
            assert decoder.gaps(spec.id) == 0
            assert trades > 5
            assert (tickers > 5) == (channel == "level2")

    run(work)


def test_matches_have_numbers_of_their_product_and_heartbeats_tell_the_last() -> None:
    async def work() -> None:
        products = [BTC, "ETH-USD"]
        async with CoinbaseServer(seed=4) as server, connect(f"{server.ws}/exchange", max_size=None) as socket:
            await subscribe(socket, "matches", "heartbeat", products=products)
            seen: dict[str, list[Any]] = {product: [] for product in products}
            beats = 0
            while beats < 6:
                told = json.loads(await socket.recv())
                if told["type"] in ("match", "last_match"):
                    seen[told["product_id"]].append(told)
                elif told["type"] == "heartbeat":
                    beats += 1
                    matches = seen[told["product_id"]]
                    if matches:
                        last = matches[-1]
                        assert (told["last_trade_id"], told["sequence"]) == (last["trade_id"], last["sequence"])
        for matches in seen.values():
            assert len(matches) > 5
            assert {match["type"] for match in matches[1:]} == {"match"}
            for name in ("trade_id", "sequence"):
                assert all(later[name] == match[name] + 1 for match, later in pairwise(matches))

    run(work)


def test_subscriptions_are_told_and_what_cannot_be_is_refused() -> None:
    async def work() -> None:
        async with CoinbaseServer() as server, connect(f"{server.ws}/exchange", max_size=None) as socket:

            async def answer() -> Any:
                while (told := json.loads(await socket.recv()))["type"] not in ("subscriptions", "error"):
                    continue
                return told

            await socket.send("{")
            assert await answer() == {"type": "error", "message": "Malformed JSON", "reason": ""}
            await subscribe(socket, "nothing")
            assert (await answer())["reason"] == "nothing is not a valid channel"
            await subscribe(socket, "level2", products=["NO-USD"])
            assert (await answer())["reason"] == "NO-USD is not a valid product"
            await subscribe(socket, "matches", products=[])
            assert (await answer())["message"] == "Failed to subscribe"
            await subscribe(socket, "heartbeat", {"name": "level2", "product_ids": ["ETH-USD"]})
            assert (await answer())["channels"] == [
                {"name": "level2", "product_ids": ["ETH-USD"]},
                {"name": "heartbeat", "product_ids": [BTC]},
            ]
            await subscribe(socket, "heartbeat", what="unsubscribe", products=[])
            assert (await answer())["channels"] == [{"name": "level2", "product_ids": ["ETH-USD"]}]

    run(work)


def test_a_connection_that_does_not_subscribe_ends() -> None:
    async def work() -> None:
        clock = VirtualClock()
        async with CoinbaseServer(clock=clock) as server, connect(f"{server.ws}/exchange") as socket:
            await clock.advance(5.1)
            with pytest.raises(ConnectionClosed):
                await socket.recv()

    run(work)


def test_messages_have_the_keys_and_types_of_recorded_ones(shared: Path) -> None:
    folder = shared / "wire" / "coinbase"
    if not folder.is_dir():
        pytest.skip("no ../shared/wire/coinbase beside the project: the recorded messages are not here")
    session = folder / "exchange_20210417.session.jsonl"
    sizes = {"best_bid_size": "1", "best_ask_size": "1"}
    kinds = ("subscriptions", "snapshot", "l2update", "last_match", "match", "ticker")

    async def work() -> None:
        async with CoinbaseServer(seed=3) as server:
            async with connect(f"{server.ws}/exchange", max_size=None) as first:
                await subscribe(first, "matches")
                while json.loads(await first.recv())["type"] != "match":
                    continue
            async with connect(f"{server.ws}/exchange", max_size=None) as socket:
                await subscribe(socket, "level2", "matches", "ticker")
                found: dict[str, Any] = {}
                while set(found) != set(kinds):
                    told = json.loads(await socket.recv())
                    found[told["type"]] = told
        for kind in kinds:
            real = told_by(session, lambda m, kind=kind: m["type"] == kind)
            # Tickers have had sizes since 2022, which is after these were recorded.
            assert lacks(found[kind], real | sizes if kind == "ticker" else real) == [], kind
        changes = told_by(session, lambda m: m["type"] == "l2update")["changes"]
        assert [shape(each) for each in found["l2update"]["changes"][0]] == [shape(each) for each in changes[0]]

    run(work)
