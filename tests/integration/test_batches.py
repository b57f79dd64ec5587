"""Commands of one turn that go to a venue together: one request, and an outcome for each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

import tradecore as tc
from tradecore.live.desk import VenueDesk
from tradecore.sandbox import server_of
from tradecore.sandbox.faults import Fault
from tradecore.venues import Credentials, Secret, VenueReport, make_connector
from tradecore.venues.batches import Batches
from venue_live import Trader, run, until

pytestmark = pytest.mark.release

WAYS = [("BINANCE_USDM", "rest"), ("BYBIT", "websocket"), ("BYBIT", "rest"), ("BYBIT_SPOT", "websocket")]
each = pytest.mark.parametrize(("venue", "order_entry"), WAYS)
PLACED = {"BINANCE_USDM": "POST /fapi/v1/batchOrders", "BYBIT": "*create-batch", "BYBIT_SPOT": "*create-batch"}
CANCELLED = {"BINANCE_USDM": "DELETE /fapi/v1/batchOrders", "COINBASE": "*/orders/batch_cancel"}


class Together:
    """A session's desk on a connector, and what came back; ``requests`` are how many met the pattern of a fault."""

    def __init__(self, server: Any, connector: Any, spec: tc.Instrument) -> None:
        self.server, self.connector, self.id = server, connector, spec.id
        self.trader = Trader(spec)
        self.reports: list[VenueReport] = []
        self.is_deaf = False
        self.missed: list[VenueReport] = []
        self.desk = VenueDesk({connector.name: connector}, [spec], self.take, pytest.fail, self.failed)

    def failed(self, error: Exception) -> None:
        raise error

    def take(self, report: VenueReport) -> None:
        self.reports.append(report)
        self.trader.take(report)

    def hear(self, event: Any) -> None:
        if isinstance(event, VenueReport):
            self.missed.append(event) if self.is_deaf else self.take(event)

    async def act(self, what: Any) -> list[VenueReport]:
        """Have the strategy do something in one turn; return what became of each command, in their order."""
        before = len(self.reports)
        commands = self.trader.act(what)
        self.desk.send(self.trader.at_ns, commands, ())
        await self.desk.close()
        self.sent = [command.order_id for command in commands]
        told = {report.order: report for report in self.reports[before:]}
        return [told[command.client_id] for command in commands]

    def buy(self, count: int, first: int = 30_000, qty: str = "0.01") -> Any:
        """Buy at prices of their own."""
        return lambda ctx: [ctx.buy(self.id, qty, first + at, post_only=True) for at in range(count)]

    def requests(self, at: int = 0) -> int:
        return int(sum(times for name, times in self.server.faults_met.items() if name.startswith(f"{at} ")))

    async def lose_one(self) -> None:
        """Have an order end of which the session is not told."""
        desk = self.server._desks[self.connector.name]
        self.is_deaf = True
        desk.cancel(desk.open_orders(0)[0], time.time_ns())
        await until(lambda: self.missed)
        self.is_deaf = False

    async def open(self) -> Sequence[Any]:
        return list(await self.connector.open_orders())


@asynccontextmanager
async def together(venue: str, *faults: Fault, **options: Any) -> AsyncIterator[Together]:
    make = server_of(venue)
    assert make is not None
    name = f"{'BTC-USD' if venue == 'COINBASE' else 'BTCUSDT'}.{venue}"
    async with make(seed=4, symbols=[name], faults=faults) as server:
        client = server.clients[0]
        keys = Credentials(key=client.key, secret=Secret(client.secret))
        async with make_connector(venue, credentials=keys, url=server.rest, seed=1, **options) as connector:
            spec = (await connector.instruments())[name]
            made = Together(server, connector, spec)
            await connector.start(made.hear)
            yield made


def counted(on: str) -> Fault:
    """A fault that does nothing much and is counted."""
    return Fault(kind="lag", on=on, delay_ms=1)


@each
def test_new_orders_go_together_and_each_has_its_outcome(venue: str, order_entry: str) -> None:
    async def work() -> None:
        async with together(venue, counted(PLACED[venue]), order_entry=order_entry) as made:

            def place(ctx: tc.Context) -> None:
                made.buy(3)(ctx)
                ctx.buy(made.id, "0.01", 90_000, post_only=True)  # it would cross
                made.buy(1, 31_000)(ctx)

            reports = await made.act(place)
            assert [report.kind for report in reports] == ["accepted"] * 3 + ["rejected", "accepted"]
            assert reports[3].reason == "post_only_would_cross"
            assert made.requests() == 1
            assert sorted(int(order.price) for order in await made.open()) == [30_000, 30_001, 30_002, 31_000]
            (alone,) = await made.act(made.buy(1, 32_000))
            assert alone.kind == "accepted"
            assert made.requests() == 1, "what goes alone is no batch"

    run(work)


@each
def test_more_than_a_venue_takes_at_once_are_several_requests_and_all_count(venue: str, order_entry: str) -> None:
    async def work() -> None:
        async with together(venue, counted(PLACED[venue]), order_entry=order_entry) as made:
            is_binance = venue == "BINANCE_USDM"
            count, limit = (7, "orders_10s") if is_binance else (10, "create")
            before = made.connector.health.remaining
            reports = await made.act(made.buy(count))
            assert {report.kind for report in reports} == {"accepted"}
            assert made.requests() == (2 if is_binance else 1)
            assert before[limit] - made.connector.health.remaining[limit] == count

    run(work)


@pytest.mark.parametrize(("venue", "order_entry"), [*WAYS, ("COINBASE", "")])
def test_cancels_go_together_and_one_of_an_order_that_has_ended_says_so(venue: str, order_entry: str) -> None:
    async def work() -> None:
        ways = {"order_entry": order_entry} if order_entry else {}
        async with together(venue, counted(CANCELLED.get(venue, "*cancel-batch")), **ways) as made:
            await made.act(made.buy(4))
            placed = made.sent

            def cancel(ctx: tc.Context) -> None:
                for order in placed:
                    assert ctx.cancel(order)

            await made.lose_one()
            reports = await made.act(cancel)
            assert sorted(report.kind for report in reports) == ["cancelled"] * 3 + ["unknown"]
            assert made.requests() == 1
            assert await made.open() == []

    run(work)


@pytest.mark.parametrize(("venue", "order_entry"), WAYS[1:])
def test_replacements_of_bybit_go_together(venue: str, order_entry: str) -> None:
    async def work() -> None:
        async with together(venue, counted("*amend-batch"), order_entry=order_entry) as made:
            await made.act(made.buy(3))
            placed = made.sent

            def replace(ctx: tc.Context) -> None:
                for at, order in enumerate(placed):
                    ctx.replace(order, price=29_000 + at)

            assert {report.kind for report in await made.act(replace)} == {"replaced"}
            assert made.requests() == 1
            assert sorted(int(order.price) for order in await made.open()) == [29_000, 29_001, 29_002]

    run(work)


@pytest.mark.parametrize("kind", ["swallow", "lose"])
@each
def test_a_batch_that_nobody_answers_is_looked_up_order_by_order(venue: str, order_entry: str, kind: Any) -> None:
    async def work() -> None:
        async with together(venue, Fault(kind=kind, on=PLACED[venue], count=1), order_entry=order_entry) as made:
            reports = await made.act(made.buy(3))
            assert {report.kind for report in reports} == {"unknown"}
            assert made.connector.health.unresolved == 3
            if kind == "lose":
                return  # that they never were is believed when no request can be on its way
            await until(lambda: made.connector.health.unresolved == 0)
            assert {report.kind for report in made.reports[-3:]} == {"accepted"}
            assert len(await made.open()) == 3

    run(work)


def test_commands_of_several_kinds_leave_in_the_order_of_the_first_of_each() -> None:
    sent: list[Any] = []

    async def send(kind: str, requests: Sequence[Any]) -> Sequence[Any]:
        sent.append((kind, list(requests)))
        return requests

    async def work() -> None:
        batches = Batches(send)
        with batches.together():
            asked = [asyncio.ensure_future(batches.ask(kind, at, most=2)) for at, kind in enumerate("abaab")]
            await asyncio.sleep(0)
            assert sent == []
        assert sent == [("a", [0, 2]), ("a", [3]), ("b", [1, 4])]
        assert await asyncio.gather(*asked) == [0, 1, 2, 3, 4]
        assert await batches.ask("a", 9, most=2) == 9
        assert sent[-1] == ("a", [9])

    asyncio.run(work())


def test_what_fails_for_all_fails_for_each_and_who_gave_up_is_left_alone() -> None:
    async def send(kind: str, requests: Sequence[Any]) -> Sequence[Any]:
        await asyncio.sleep(0.01)
        if kind == "all":
            raise ValueError("nobody answered")
        return [KeyError(request) if request == 1 else Decimal(request) for request in requests]

    async def work() -> None:
        batches = Batches(send)
        with batches.together():
            asked = [asyncio.ensure_future(batches.ask("one", at, most=5)) for at in range(3)]
            lost = [asyncio.ensure_future(batches.ask("all", at, most=5)) for at in range(2)]
            await asyncio.sleep(0)
        asked[2].cancel()
        outcomes = await asyncio.gather(*asked, *lost, return_exceptions=True)
        assert [type(outcome).__name__ for outcome in outcomes] == [
            "Decimal",
            "KeyError",
            "CancelledError",
            "ValueError",
            "ValueError",
        ]

    asyncio.run(work())
