"""Single orders at a local Coinbase Exchange: its channel `full` on the snapshot of all orders, of a crowd."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from itertools import count, pairwise
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection, connect

import tradecore as tc
from sandbox_clients import run
from tradecore.errors import TradecoreError
from tradecore.instruments import find_instrument
from tradecore.sandbox import CoinbaseServer
from tradecore.sandbox.candles import Candles
from tradecore.sandbox.coinbase.full import FullChannel
from tradecore.sandbox.coinbase.shapes import Shapes
from tradecore.sandbox.desk import OrderRecord
from tradecore.types import BookState
from wire_shapes import lacks, told_by

pytestmark = pytest.mark.release

BTC, NAME = "BTC-USD", "BTC-USD.COINBASE"
SIDES = {"buy": "bids", "sell": "asks"}


@asynccontextmanager
async def served(**options: Any) -> AsyncIterator[CoinbaseServer]:
    options = {"seed": 4, "symbols": [NAME], "data": "crowd", "speed": 5.0, **options}
    async with CoinbaseServer(**options) as server:
        yield server


@asynccontextmanager
async def told(server: CoinbaseServer, *channels: str) -> AsyncIterator[ClientConnection]:
    async with connect(f"{server.ws}/exchange", max_size=None, close_timeout=0.1) as socket:
        await socket.send(json.dumps({"type": "subscribe", "product_ids": [BTC], "channels": channels}))
        while json.loads(await socket.recv())["type"] != "subscriptions":
            continue
        yield socket


async def book(server: CoinbaseServer, product: str = BTC, level: int = 3) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{server.rest}/products/{product}/book", params={"level": level}) as answer,
    ):
        return answer.status, await answer.json()


class Orders:
    """The orders of a snapshot, as those who read the venue's documents follow them; each is (side, price, size)."""

    def __init__(self, snapshot: Any) -> None:
        self.number = snapshot["sequence"]
        self.orders = {
            order: (side, Decimal(price), Decimal(size))
            for side, rows in SIDES.items()
            for price, size, order in snapshot[rows]
        }

    def take(self, message: Any) -> None:
        number = message.get("sequence")
        if number is None or number <= self.number:
            return
        assert number == self.number + 1
        self.number = number
        match message["type"]:
            case "open":
                assert message["order_id"] not in self.orders
                order = message["side"], Decimal(message["price"]), Decimal(message["remaining_size"])
                self.orders[message["order_id"]] = order
            case "match":
                side, price, size = self.orders[message["maker_order_id"]]
                assert (side, price) == (message["side"], Decimal(message["price"]))
                assert message["taker_order_id"] not in self.orders
                self.orders[message["maker_order_id"]] = side, price, size - Decimal(message["size"])
            case "change" if message["order_id"] in self.orders:
                side, price, size = self.orders.pop(message["order_id"])
                assert Decimal(message["old_size"]) == size
                assert Decimal(message.get("old_price") or message["price"]) == price
                price, size = Decimal(message.get("new_price") or price), Decimal(message["new_size"])
                self.orders[message["order_id"]] = side, price, size
            case "done":
                _, price, size = self.orders.pop(message["order_id"], ("", None, None))
                assert price is None or (Decimal(message["price"]), Decimal(message["remaining_size"])) == (price, size)

    def levels(self) -> list[dict[float, float]]:
        levels: dict[str, dict[Decimal, Decimal]] = {"buy": {}, "sell": {}}
        for side, price, size in self.orders.values():
            levels[side][price] = levels[side].get(price, Decimal(0)) + size
        return [{float(price): float(size) for price, size in side.items()} for side in levels.values()]


def test_messages_lead_from_one_snapshot_to_the_next_and_our_decoder_follows() -> None:
    async def work() -> None:
        spec = find_instrument(NAME)
        decoder = tc.FeedDecoder("COINBASE", [spec])
        async with served() as server, told(server, "full", "ticker", "heartbeat") as socket:
            for _ in range(50):
                decoder.feed(await socket.recv(decode=False), time.time_ns())
            assert decoder.state(NAME) is BookState.BUFFERING
            status, first = await book(server)
            assert status == 200
            decoder.feed(json.dumps(first).encode(), time.time_ns())
            followed, numbers, kinds, tickers = Orders(first), list[int](), set[str](), list[Any]()

            async def follow(until: int) -> None:
                while followed.number < until:
                    frame = await socket.recv(decode=False)
                    message = json.loads(frame)
                    decoder.feed(frame, time.time_ns())
                    followed.take(message)
                    if message["type"] == "ticker" and message["sequence"] > first["sequence"]:
                        ours, names = decoder.book(NAME), ("best_bid", "best_bid_size", "best_ask", "best_ask_size")
                        best = ours.best_bid, ours.bid_qty, ours.best_ask, ours.ask_qty
                        assert best == tuple(float(message[name]) for name in names)
                        tickers.append(best)
                    elif message["type"] not in ("ticker", "heartbeat"):
                        kinds.add(message["type"])
                        numbers.append(message["sequence"])

            for _ in range(4):
                await follow(followed.number + 300)
                _, then = await book(server)
                await follow(then["sequence"])
                assert followed.number == then["sequence"]
                assert followed.orders == Orders(then).orders
                bids, asks = (dict(side.tolist()) for side in decoder.book(NAME).depth(10_000))
                assert [bids, asks] == [pytest.approx(side) for side in followed.levels()]
            assert {"received", "open", "match", "done"} <= kinds
            assert len(tickers) > 5
            assert all(later == number + 1 for number, later in pairwise(numbers))
            assert (decoder.gaps(NAME), decoder.state(NAME)) == (0, BookState.SYNCED)

    run(work)


def test_the_book_is_that_of_the_levels_and_its_queues_are_in_order() -> None:
    async def work() -> None:
        async with served(speed=1.0) as server, told(server, "full") as socket:
            desk, now = server._desk, time.time_ns
            while desk.best(BTC)[0] is None:
                await socket.recv()
            desk.pump(now())
            price = desk.best(BTC)[0] - 100
            made = [desk.place(0, BTC, "BUY", Decimal(size), price, now(), post_only=False) for size in ("0.1", "0.2")]
            _, snapshot = await book(server)
            orders = Orders(snapshot)
            names = [name for name, (_, at, _) in orders.orders.items() if at == price]
            assert [int(name.replace("-", ""), 16) for name in names] == [order.order_id for order in made]
            spec = desk.instruments[BTC]
            sides = [
                {float(at * spec.price_increment): float(qty * spec.qty_increment) for at, qty in side.items()}
                for side in desk.levels(BTC, 10_000)
            ]
            assert orders.levels() == [pytest.approx(side) for side in sides]

    run(work)


def test_what_becomes_of_an_order_is_told_one_by_one() -> None:
    async def work() -> None:
        async with served(speed=0.001) as server, told(server, "full", "matches") as socket:  # the crowd stands still
            desk, now, names = server._desk, time.time_ns, dict[str, str]()
            price, other = Decimal(50_000), Decimal(49_990)

            def sent(name: str, account: int, side: str, qty: str, at: Decimal | None) -> Any:
                order = desk.place(account, BTC, side, Decimal(qty), at, now(), post_only=False)
                names[f"00000000-0000-0000-0000-{order.order_id:012x}"] = name
                return order

            async def said(count: int) -> list[str]:
                """The next messages in short: what of which order, and numbers that are not of every message."""
                lines: list[str] = []
                while len(lines) < count:
                    message = json.loads(await socket.recv())
                    which = [names[message[key]] for key in message if key.endswith("order_id")]
                    sizes = [f"{Decimal(value):f}".rstrip("0") for key, value in message.items() if "size" in key]
                    lines.append(" ".join([message["type"], *which, *sizes, *filter(None, [message.get("reason")])]))
                return lines

            desk.pump(now())
            first, second = sent("first", 1, "SELL", "0.3", price), sent("second", 1, "SELL", "0.2", price)
            assert await said(4) == ["received first 0.3", "open first 0.3", "received second 0.2", "open second 0.2"]
            sent("taker", 0, "BUY", "0.4", price)
            matches = ["match first taker 0.3", "match second taker 0.1"]
            of_full = [matches[0], "done first 0. filled", matches[1], "done taker 0. filled"]
            assert sorted(await said(7)) == sorted([*matches, "received taker 0.4", *of_full])
            assert (first.status, second.filled) == ("FILLED", Decimal("0.1"))
            rests = sent("rests", 0, "BUY", "0.5", other)
            assert await said(2) == ["received rests 0.5", "open rests 0.5"]
            assert desk.replace(rests, other, Decimal("0.4"), now()) is None
            assert await said(1) == ["change rests 0.5 0.4 modify_order"]
            assert desk.replace(rests, price, Decimal("0.4"), now()) is None  # it takes what is there, and rests
            assert sorted(await said(5)) == sorted(
                ["done rests 0.4 canceled", *2 * ["match second rests 0.1"], "done second 0. filled", "open rests 0.3"]
            )
            sent("own", 0, "SELL", "0.1", price)  # of the same account: they do not trade
            assert await said(3) == ["received own 0.1", "change rests 0.3 0.2 STP", "done own 0.1 canceled"]
            assert desk.cancel(rests, now())
            sent("late", 1, "SELL", "0.1", None)  # nobody is there to buy
            assert await said(3) == ["done rests 0.2 canceled", "received late 0.1", "done late canceled"]
            _, snapshot = await book(server)
            assert (snapshot["bids"], snapshot["asks"]) == ([], [])

    run(work)


@pytest.mark.parametrize("seed", range(2))
def test_whatever_clients_do_messages_levels_and_snapshots_say_the_same(seed: int) -> None:
    server, random, at, sequence = (
        CoinbaseServer(seed=seed, symbols=[NAME], data="crowd"),
        Random(seed),
        10**18,
        count(1),
    )
    desk = server._desk
    messages: list[Any] = []
    channel = FullChannel(
        desk, Shapes(desk, Candles(desk)), lambda _: next(sequence), lambda _, said: messages.append(said)
    )
    desk.on_trades.append(lambda symbol, trades: [channel.matched(symbol, trade) for trade in trades])
    followed, mine = Orders({"sequence": 0, "bids": [], "asks": []}), list[OrderRecord]()
    spec = desk.instruments[BTC]
    desk.begin(at)

    def order(kind: str, side: str, qty: Decimal, price: Decimal) -> OrderRecord:
        terms: dict[str, Any] = {
            "stop": {"type": "stop_limit", "trigger_price": price},
            "ioc": {"time_in_force": "ioc"},
            "fok": {"time_in_force": "fok"},
            "post_only": {"post_only": True},
        }.get(kind, {})
        return desk.submit(
            OrderRecord(
                order_id=desk.next_order_id(), client_id="", account=random.randrange(2), market=0, symbol=BTC, side=side,
                kind=kind, time_in_force="", qty=qty, price=Decimal(0) if kind == "market" else price,
                is_working=kind != "stop",
            ), at, **terms,
        )  # fmt: skip

    for _ in range(300):
        at += random.randrange(1, 30_000_000)
        desk.pump(at)
        price = (desk.best(BTC)[0] or Decimal(60_000)) * (1 + Decimal(random.randrange(-20, 21)) / 10_000)
        price, qty = price.quantize(spec.tick_size), Decimal(random.randrange(1, 50)) / 1000
        kind = random.choice(["limit", "post_only", "market", "ioc", "fok", "stop", "cancel", "replace", "replace"])
        mine = [each for each in mine if each.is_open]
        if kind == "replace" and mine:
            desk.replace(chosen := random.choice(mine), price, qty + chosen.filled, at)
        elif kind == "cancel" and mine:
            desk.cancel(random.choice(mine), at)
        elif kind not in ("replace", "cancel"):
            with suppress(TradecoreError):  # a trigger that has been reached
                mine.append(order(kind, random.choice(["BUY", "SELL"]), qty, price))
        bids, asks = channel.book(BTC)
        for message in messages:
            followed.take(message)
        messages.clear()
        assert followed.orders == Orders({"sequence": 0, "bids": bids, "asks": asks}).orders
        levels = [
            {float(price * spec.price_increment): float(qty * spec.qty_increment) for price, qty in side.items()}
            for side in desk.levels(BTC, 10_000)
        ]
        assert followed.levels() == [pytest.approx(side) for side in levels]


def test_there_is_none_where_nobody_knows_the_orders() -> None:
    reason = "is there of a crowd alone: of another market nobody knows the orders"

    async def work() -> None:
        async with served(data="synth") as server:
            async with connect(f"{server.ws}/exchange") as socket:
                await socket.send(json.dumps({"type": "subscribe", "product_ids": [BTC], "channels": ["full"]}))
                answer = json.loads(await socket.recv())
                assert answer == {"type": "error", "message": "Failed to subscribe", "reason": f"full {reason}"}
            status, told = await book(server)
            assert (status, told["message"]) == (400, f"level {reason}")
            status, told = await book(server, level=2)
            assert (status, told["message"]) == (400, "level has to be 3 here: levels are told by the feed")
            assert (await book(server, "NO-USD"))[0] == 404

    run(work)


def test_messages_have_the_keys_and_types_of_recorded_ones(shared: Path) -> None:
    folder = shared / "wire" / "coinbase"
    if not folder.is_dir():
        pytest.skip("no ../shared/wire/coinbase beside the project: the recorded messages are not here")
    misc = folder / "exchange_misc_2021_2022.jsonl"

    async def work() -> None:
        async with served() as server, told(server, "full") as socket:
            found: dict[str, Any] = {}
            while not {"open", "match"} <= set(found):
                message = json.loads(await socket.recv())
                found[message["type"]] = message
            _, snapshot = await book(server)
        real = told_by(folder / "exchange_20210417.session.jsonl", lambda message: message["type"] == "match")
        assert lacks(found["match"], real) == []
        assert lacks(found["open"], told_by(misc, lambda message: message.get("type") == "open")) == []
        answer = told_by(misc, lambda message: "auction_mode" in message)
        # What is recorded is of levels, whose rows end with how many orders there are.
        sides = {side: [[*row[:2], "order"] for row in answer[side]] for side in ("bids", "asks")}
        assert lacks(snapshot, answer | sides) == []

    run(work)
