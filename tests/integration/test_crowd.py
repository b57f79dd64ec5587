"""A market that nothing but orders makes: what the crowd and the clients send is all there is of it."""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect

import tradecore as tc
from sandbox_clients import run, served, stream_url
from tradecore.instruments import find_instrument
from tradecore.sandbox import server_of
from tradecore.sandbox.crowd import Crowd
from tradecore.sandbox.desk import Desk, PublicTrade, Update
from tradecore.types import BookState
from tradecore.venues import Feed, FeedState, Frame, Stream, make_connector
from tradecore.venues.clock import VirtualClock
from venue_live import until

pytestmark = pytest.mark.release

BEGAN = 1_700_000_000_000_000_000
CLIENTS = 2


def crowded(venue: str, seed: int) -> Desk:
    """Two symbols, and two clients."""
    symbols = {"BTCUSDT": "60000", "ETHUSDT": "3000"}
    instruments = {symbol: find_instrument(f"{symbol}.{venue}") for symbol in symbols}
    terms: dict[str, Any] = {"balances": "10 BTC, 100 ETH, 1000000 USDT"}
    if venue == "BINANCE_USDM":
        # So much that nobody is liquidated: what the venue takes over, no order stands against.
        terms = {"balances": "1000000000 USDT", "margin": "cross", "leverage": "20", "maintenance": "0.005"}
    made = tc.SimVenue.profile(
        venue,
        latency=tc.Latency(entry="0ms", response="0ms"),
        clock_lead="0ms",
        granularity="0ms",
        funding="off",
        **terms,
    )
    crowd = Crowd(instruments, symbols, seed=seed, first_account=CLIENTS)
    return Desk(instruments, crowd, made, seed=seed)


def bothered(desk: Desk, random: Random, now_ns: int) -> None:
    """A client sends an order of any kind near the market, or takes one back."""
    symbol, account = random.choice(desk.symbols), random.randrange(CLIENTS)
    mine = desk.open_orders(account)
    if mine and random.random() < 0.4:
        desk.cancel(random.choice(mine), now_ns)
        return
    bid, ask = desk.best(symbol)
    price = (bid or ask or Decimal(100)) * Decimal(random.choice(["0.999", "1", "1.001"]))
    instrument = desk.instruments[symbol]
    price -= price % instrument.tick_size
    qty = instrument.lot_size * random.randrange(1, 50_000) // 1
    qty = max(qty - qty % instrument.lot_size, instrument.lot_size * 1_000)
    side, at_market = random.choice(["BUY", "SELL"]), random.random() < 0.3
    desk.place(account, symbol, side, qty, None if at_market else price, now_ns, post_only=False)


@settings(max_examples=6)
@given(seed=st.integers(0, 2**32), venue=st.sampled_from(["BINANCE", "BINANCE_USDM"]))
@example(seed=1267, venue="BINANCE_USDM")
def test_the_public_market_is_what_orders_make(seed: int, venue: str) -> None:
    desk, random = crowded(venue, seed), Random(seed)
    trades: dict[int, tuple[str, PublicTrade]] = {}
    told: defaultdict[int, list[Update]] = defaultdict(list)
    desk.on_trades.append(lambda symbol, made: trades.update({trade.trade_id: (symbol, trade) for trade in made}))
    desk.on_update.append(lambda update: told[update.execution.trade_id].append(update) if update.execution else None)
    desk.begin(BEGAN)
    for step in range(1, 101):
        now = BEGAN + step * 100_000_000
        desk.pump(now)
        bothered(desk, random, now)
        for symbol in desk.symbols:
            bids, asks = desk.levels(symbol, 1_000)
            assert not bids or not asks or max(bids) < min(asks)
            stands: dict[str, dict[int, int]] = {"BUY": {}, "SELL": {}}
            instrument = desk.instruments[symbol]
            for order in desk.orders.values():
                if order.is_open and order.symbol == symbol:
                    price = int(order.price / instrument.price_increment)
                    left = int((order.qty - order.filled) / instrument.qty_increment)
                    stands[order.side][price] = stands[order.side].get(price, 0) + left
            assert (bids, asks) == (stands["BUY"], stands["SELL"])
    assert len(trades) > 30
    assert set(told) == set(trades)
    fees: defaultdict[str, Decimal] = defaultdict(Decimal)
    for number, updates in told.items():
        symbol, trade = trades[number]
        assert {update.order.side for update in updates} == {"BUY", "SELL"}
        assert sorted(update.execution.is_maker for update in updates if update.execution) == [False, True]
        for update in updates:
            assert update.execution is not None
            assert (update.order.symbol, update.execution.price, update.execution.qty) == (
                symbol,
                trade.price,
                trade.qty,
            )
            fees[update.execution.fee_asset] += update.execution.fee
    accounts = {update.order.account for updates in told.values() for update in updates}
    if venue == "BINANCE":
        for asset, each in (("BTC", 10), ("ETH", 100), ("USDT", 1_000_000)):
            held = sum(desk.balances(account)[asset][0] for account in accounts)
            assert held + fees[asset] == each * len(accounts), asset
    else:
        for symbol in desk.symbols:
            assert sum(desk.position(account, symbol)["qty"] for account in accounts) == 0


def test_the_same_seed_is_the_same_market_however_often_it_is_looked_at() -> None:
    def traded(seed: int, step_ns: int) -> list[PublicTrade]:
        desk, found = crowded("BINANCE", seed), []
        desk.on_trades.append(lambda symbol, made: found.extend(made))
        desk.begin(BEGAN)
        for now in range(BEGAN, BEGAN + 10_000_000_000 + step_ns, step_ns):
            desk.pump(min(now, BEGAN + 10_000_000_000))
        return found

    one = traded(1, 10_000_000)
    assert len(one) > 30
    assert one == traded(1, 333_000_000)
    assert one != traded(2, 333_000_000)


def test_a_book_that_is_taken_whole_is_quoted_again() -> None:
    desk = crowded("BINANCE_USDM", 5)
    desk.begin(BEGAN)
    desk.pump(BEGAN + 5_000_000_000)
    _, asks = desk.levels("BTCUSDT", 1_000)
    whole = sum(asks.values()) * desk.instruments["BTCUSDT"].qty_increment
    assert desk.place(0, "BTCUSDT", "BUY", whole, None, BEGAN + 5_000_000_000, post_only=False).status == "FILLED"
    assert desk.levels("BTCUSDT", 1_000)[1] == {}
    assert desk.mark_price("BTCUSDT") > 0
    desk.pump(BEGAN + 8_000_000_000)
    assert desk.levels("BTCUSDT", 1_000)[1] != {}


def test_a_speed_is_how_many_times_as_fast_they_act() -> None:
    async def work() -> None:
        numbers = []
        for speed in (1.0, 10.0):
            clock = VirtualClock(BEGAN)
            async with served(clock=clock, data="crowd", seed=3, speed=speed, symbols=["BTCUSDT.BINANCE"]) as (_, rest):
                await clock.advance(20.0 / speed)
                told = await rest.ask("GET", "/api/v3/trades", sign=False, symbol="BTCUSDT", limit=1_000)
                numbers.append([(trade["price"], trade["qty"]) for trade in told])
        slow, fast = numbers
        assert len(slow) > 30
        common = min(len(slow), len(fast))
        assert slow[:common] == fast[:common]
        assert abs(len(slow) - len(fast)) < 5

    run(work)


@pytest.mark.parametrize("venue", ["BINANCE", "BINANCE_USDM", "BYBIT", "BYBIT_SPOT", "COINBASE"])
def test_our_connectors_follow_it(venue: str) -> None:
    make = server_of(venue)
    assert make is not None
    name = f"{'BTC-USD' if venue == 'COINBASE' else 'BTCUSDT'}.{venue}"

    async def work() -> None:
        async with (
            make(seed=4, symbols=[name], data="crowd") as server,
            make_connector(venue, url=server.rest, seed=1) as connector,
        ):
            decoder = tc.FeedDecoder(venue, [(await connector.instruments())[name]])
            feed = Feed(connector, decoder, [name], lambda state: None)

            def take(event: Any) -> None:
                if isinstance(event, Frame):
                    feed.frame(event)
                elif isinstance(event, FeedState):
                    feed.state(event)

            await connector.start(take)
            connector.subscribe("s", name, [Stream.BOOK, Stream.TRADES])
            await until(lambda: decoder.state(name) is BookState.SYNCED)
            await until(lambda: connector.delivers(name, Stream.TRADES))
            assert not decoder.book(name).is_crossed
            assert (decoder.gaps(name), feed.malformed) == (0, 0)

    run(work)


def test_futures_have_marks_and_tickers() -> None:
    async def work() -> None:
        async with served(seed=2, data="crowd") as (server, rest):
            streams = "btcusdt@markPrice@1s"
            async with connect(stream_url(server, streams, is_spot=False, route="market")) as socket:
                mark = Decimal(json.loads(await socket.recv())["data"]["p"])
            assert mark == pytest.approx(Decimal(60_000), rel=Decimal("0.01"))
            await rest.ask("POST", "/fapi/v1/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
            [position] = await rest.ask("GET", "/fapi/v3/positionRisk", symbol="BTCUSDT")
            assert Decimal(position["markPrice"]) == pytest.approx(mark, rel=Decimal("0.01"))

    run(work)
