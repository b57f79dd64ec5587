"""Bybit's inverse contracts beside its linear ones: one venue, one account, two categories."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

import tradecore as tc
from tradecore.sandbox import BybitServer, Fault
from tradecore.types import BookState
from tradecore.venues import Balance, Credentials, Feed, Frame, Secret, Stream, VenueReport, make_connector
from tradecore.venues.bybit.market import MARKETS
from venue_live import Trader, run, until

pytestmark = pytest.mark.release

LINEAR, INVERSE = "BTCUSDT.BYBIT", "BTCUSD.BYBIT"


class Both:
    """A connector with a book and a trader for each of the two."""

    def __init__(self, server: BybitServer, connector: Any, listed: Any) -> None:
        self.server, self.connector = server, connector
        self.traders = {name: Trader(listed[name], session) for name, session in ((LINEAR, "L1"), (INVERSE, "I1"))}
        self.decoder = tc.FeedDecoder("BYBIT", [listed[LINEAR], listed[INVERSE]])
        self.feed = Feed(connector, self.decoder, [LINEAR, INVERSE], lambda state: None)
        self.events: list[Any] = []

    def take(self, event: Any) -> None:
        self.events.append(event)
        if isinstance(event, Frame):
            self.feed.frame(event)

    def price(self, instrument: str, part: float) -> int:
        bid = self.decoder.book(instrument).best_bid
        assert bid is not None
        return int(bid * (1 - part))

    async def send(self, instrument: str, what: Any) -> VenueReport:
        (command,) = self.traders[instrument].act(what)
        self.order_id, self.client_id = command.order_id, command.client_id
        report: VenueReport = await self.connector.send(command)
        self.traders[instrument].take(report)
        return report

    def fills(self) -> list[VenueReport]:
        return [e for e in self.events if isinstance(e, VenueReport) and (e.kind, e.order) == ("fill", self.client_id)]


@asynccontextmanager
async def trading(*faults: Fault, **options: Any) -> AsyncIterator[Both]:
    async with BybitServer(seed=4, symbols=[LINEAR, INVERSE], faults=faults) as server:
        client = server.clients[0]
        keys = Credentials(key=client.key, secret=Secret(client.secret))
        async with make_connector("BYBIT", credentials=keys, url=server.rest, seed=1, **options) as connector:
            made = Both(server, connector, await connector.instruments())
            await connector.start(made.take)
            for name in (LINEAR, INVERSE):
                connector.subscribe("s", name, [Stream.BOOK, Stream.TRADES, Stream.MARK])
            await until(lambda: all(made.decoder.state(n) is BookState.SYNCED for n in (LINEAR, INVERSE)))
            yield made


def test_rules_of_both_are_read_and_each_has_its_connection() -> None:
    async def work() -> None:
        async with trading() as made:
            listed = await made.connector.instruments()
            spec = listed[INVERSE]
            assert (spec.kind, spec.quote, spec.settlement, spec.lot_size) == ("inverse", "USD", "BTC", 1)
            assert listed[LINEAR].kind == "linear"
            assert made.connector.health.links == {"public": True, "inverse": True, "private": True, "trade": True}
            for name in (LINEAR, INVERSE):
                for stream in (Stream.BOOK, Stream.TRADES, Stream.MARK):
                    await until(lambda name=name, stream=stream: made.connector.delivers(name, stream))  # type: ignore[misc]
            assert (made.decoder.gaps(LINEAR), made.decoder.gaps(INVERSE), made.feed.malformed) == (0, 0, 0)

    run(work)


@pytest.mark.parametrize("order_entry", ["websocket", "rest"])
def test_an_order_of_inverse_contracts_lives_as_any(order_entry: str) -> None:
    async def work() -> None:
        async with trading(order_entry=order_entry) as made:
            price = made.price(INVERSE, 0.01)
            assert (
                await made.send(INVERSE, lambda ctx: ctx.buy(INVERSE, 100, price, post_only=True))
            ).kind == "accepted"
            assert (await made.send(INVERSE, lambda ctx: ctx.replace(made.order_id, qty=80))).kind == "replaced"
            (order,) = await made.connector.open_orders()
            assert (order.instrument, order.qty, order.price) == (INVERSE, 80, price)
            assert (await made.send(INVERSE, lambda ctx: ctx.cancel(made.order_id))).kind == "cancelled"
            await made.send(INVERSE, lambda ctx: ctx.buy(INVERSE, 100))
            await until(lambda: sum(fill.qty or 0 for fill in made.fills()) == 100)
            for fill in made.fills():
                assert fill.qty is not None
                assert fill.price is not None
                assert fill.paid is not None
                made.traders[INVERSE].take(fill)
                assert fill.paid[1] == "BTC"
                assert fill.fee == pytest.approx(fill.qty / fill.price * Decimal("0.00055"), rel=Decimal("1e-6"))
            await made.send(LINEAR, lambda ctx: ctx.sell(LINEAR, "0.01"))
            await until(lambda: sum(fill.qty or 0 for fill in made.fills()) == Decimal("0.01"))
            account = await made.connector.account([LINEAR, INVERSE], time.time_ns() - 60_000_000_000)
            assert account.positions == {LINEAR: Decimal("-0.01"), INVERSE: 100}
            assert {told.instrument for told in account.executions} == {LINEAR, INVERSE}
            assert account.balances.keys() == {"USDT", "BTC"}
            assert account.balances["BTC"] < 100
            told = {event.currency for event in made.events if isinstance(event, Balance)}
            assert told == {"USDT", "BTC"}
            state = await made.connector.look_up(INVERSE, "nobody")
            assert state is None

    run(work)


def test_commands_of_both_in_one_turn_are_a_batch_of_each() -> None:
    async def work() -> None:
        async with trading(Fault(kind="lag", on="*create-batch", delay_ms=1)) as made:
            commands = [
                command
                for name, qty in ((INVERSE, 10), (LINEAR, "0.001"))
                for command in made.traders[name].act(
                    lambda ctx, name=name, qty=qty: [ctx.buy(name, qty, 30_000 + at) for at in range(3)]
                )
            ]
            with made.connector.together():
                sending = [asyncio.ensure_future(made.connector.send(command)) for command in commands]
                await asyncio.sleep(0)
            assert {report.kind for report in await asyncio.gather(*sending)} == {"accepted"}
            assert made.server.faults_met == {"0 lag": 2}
            await made.connector.cancel_all(INVERSE)
            await made.connector.cancel_apart([LINEAR])
            assert await made.connector.open_orders() == []

    run(work)


@pytest.mark.parametrize(
    ("symbol", "category"),
    [
        ("BTCUSD", "inverse"),
        ("BTCUSDH26", "inverse"),
        ("BTCUSDT", "linear"),
        ("BTCPERP", "linear"),
        ("BTCUSDT-26DEC25", "linear"),
        ("USDEUSDT", "linear"),
    ],
)
def test_a_symbol_tells_its_category(symbol: str, category: str) -> None:
    assert MARKETS["BYBIT"].category_of(f"{symbol}.BYBIT") == category
    assert MARKETS["BYBIT_SPOT"].category_of(f"{symbol}.BYBIT_SPOT") == "spot"
