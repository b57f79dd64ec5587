"""The connector against a small Coinbase of its own: books, orders, faults, and nothing left open."""

from __future__ import annotations

import json
import logging
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import tradecore as tc
from tradecore.errors import CredentialsError, InvalidValueError
from tradecore.types import BookState, OrderStatus, OrderType, TimeInForce
from tradecore.venues import Credentials, FeedState, Secret, Stream, make_connector
from tradecore.venues.coinbase.commands import order_body
from tradecore.venues.coinbase.market import instruments_of
from tradecore.venues.coinbase.private import AccountReader, to_ns, to_text
from tradecore.venues.orders import Refusal
from venue_coinbase import PRIVATE, FakeCoinbase
from venue_live import Live, Trader, run, running, until
from venue_servers import KEY, Fault

VENUE = "COINBASE"


def live(*, fast: bool = False, factor: float = 1.0, **options: Any) -> AbstractAsyncContextManager[Live]:
    options.setdefault("credentials", Credentials(key=KEY, secret=Secret(PRIVATE)))
    return running(VENUE, FakeCoinbase, fast=fast, factor=factor, symbol="BTC-USD", **options)


async def synced(session: Live) -> None:
    session.server.book = {"bid": {"60000.0": "1"}, "offer": {"60000.1": "2"}}
    session.connector.subscribe("s", session.id, [Stream.BOOK])
    await until(lambda: session.state is BookState.SYNCED)


@pytest.mark.parametrize("fast", [False, True], ids=["websockets", "picows"])
def test_a_lost_message_begins_a_connection_anew(fast: bool) -> None:
    async def work() -> None:
        async with live(fast=fast, factor=5) as session:
            await synced(session)
            session.server.depth({"59999.0": "3"}, {})
            await until(lambda: session.book()[0].get(59999.0) == 3)
            session.server.depth({"59998.0": "9"}, {}, lose=True)
            session.server.depth({"59997.0": "5"}, {})
            await until(lambda: session.connector.health.reconnects == 1)
            await until(lambda: session.state is BookState.SYNCED and 59997.0 in session.book()[0])
            assert session.book()[0] == {60000.0: 1, 59999.0: 3, 59998.0: 9, 59997.0: 5}
            assert session.connector.health.resyncs == 1

    run(work)


def test_a_connection_without_heartbeats_is_made_anew() -> None:
    async def work() -> None:
        async with live(factor=10, credentials=None) as session:
            await synced(session)
            session.server.beats = False
            await until(lambda: session.state is BookState.GAP)
            assert session.states[-1].reason == "no answer to a heartbeat: none came for five seconds"
            session.server.beats = True
            await until(lambda: session.state is BookState.SYNCED)

    run(work)


def test_channels_are_subscribed_once_and_a_refusal_is_told() -> None:
    async def work() -> None:
        async with live(credentials=None) as session:
            connector = session.connector
            connector.subscribe("a", session.id, [Stream.TRADES, Stream.BOOK])
            connector.subscribe("b", session.id, [Stream.TRADES])
            connector.subscribe("c", session.id, [Stream.CANDLES])
            await until(
                lambda: any(isinstance(event, FeedState) and event.stream is Stream.CANDLES for event in session.events)
            )
            connector.unsubscribe("a", session.id, [Stream.TRADES])
            connector.unsubscribe("b", session.id, [Stream.TRADES])
            await until(lambda: ("unsubscribe market_trades", ["BTC-USD"]) in session.server.seen)
            asked = [name for name, _ in session.server.seen if "subscribe" in name]
            assert asked[0] == "subscribe heartbeats"
            assert asked.count("subscribe market_trades") == 1
            assert set(connector.unusable) == {"BTC-USDC.COINBASE"}
            with pytest.raises(InvalidValueError, match="stream: BTC-USD.COINBASE has no mark".replace(".", r"\.")):
                connector.subscribe("a", session.id, [Stream.MARK])

    run(work)


def test_an_order_is_placed_edited_filled_and_cancelled() -> None:
    async def work() -> None:
        async with live() as session:
            trader, server = session.trader, session.server
            placed = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000.0", post_only=True))
            trader.take(placed)
            assert (placed.kind, placed.venue_id) == ("accepted", "venue-1")
            server.fill(placed.order, "0.001")
            server.fill(placed.order, "0.001")
            await until(lambda: len([report for report in session.reports if report.kind == "fill"]) == 2)
            replaced = await session.send(lambda ctx: ctx.replace(session.order_id, price="59999.0", qty="0.008"))
            assert (replaced.kind, replaced.price, replaced.qty) == ("replaced", 59_999, Decimal("0.008"))
            cancelled = await session.send(lambda ctx: ctx.cancel(session.order_id))
            assert cancelled.kind == "cancelled"
            for report in [*session.reports, replaced, cancelled]:
                trader.take(report)
            trader.act(lambda ctx: (ctx.orders(), ctx.position(session.id).qty))
            assert trader.done == ([], 0.002)
            assert trader.last == (OrderStatus.CANCELLED, 0.002)
            fill = next(report for report in session.reports if report.kind == "fill")
            assert (fill.execution, fill.fee, fill.liquidity) == ("trade-2", Decimal("0.01"), "maker")

    run(work)


@pytest.mark.parametrize("is_told", [True, False], ids=["told", "asked"])
def test_an_order_that_the_venue_makes_smaller_ends_with_what_was_filled(is_told: bool) -> None:
    async def work() -> None:
        async with live() as session:
            trader, server = session.trader, session.server
            placed = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000.0"))
            trader.take(placed)
            server.fill(placed.order, "0.004")
            await until(lambda: [report for report in session.reports if report.kind == "fill"])
            server.is_mute = not is_told
            server.reduce(placed.order, "0.006")
            server.reduce(placed.order, "0.004")
            if is_told:
                await until(lambda: len([report for report in session.reports if report.kind == "reduced"]) == 3)
                assert next(report.qty for report in session.reports if report.kind == "reduced") == Decimal("0.006")
            told = [] if is_told else await session.connector.query(session.id, placed.order)
            for report in [*session.reports, *told]:
                trader.take(report)
            trader.act(lambda ctx: ctx.orders())
            assert trader.done == []
            assert trader.last == (OrderStatus.FILLED, 0.004)

    run(work)


def test_an_order_ends_after_its_fills_however_late_they_are_to_be_read() -> None:
    async def work() -> None:
        async with live(factor=10) as session:
            placed = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000.0"))
            session.server.faults["GET orders/historical/fills"].extend(
                [
                    Fault(200, {"fills": [], "cursor": ""}),
                    Fault(500, {}),
                    Fault(200, {"fills": [], "cursor": ""}),
                ]
            )
            session.server.fill(placed.order, "0.010")
            await until(lambda: any(report.kind == "fill" for report in session.reports))
            for report in [placed, *session.reports]:
                session.trader.take(report)
            assert session.trader.last == (OrderStatus.FILLED, 0.01)

    run(work)


def test_refusals_and_what_nobody_answered() -> None:
    async def work() -> None:
        async with live(factor=10) as session:
            server = session.server
            crossing = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "70000.1", post_only=True))
            assert (crossing.kind, crossing.reason) == ("rejected", "post_only_would_cross")
            server.faults["POST orders"].append("swallow")
            lost = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            assert lost.kind == "unknown"
            # By the user channel, and by the look-up, behind which a cancel would wait.
            await until(lambda: len(session.reports) == 2)
            assert {(report.kind, report.order) for report in session.reports} == {("accepted", lost.order)}
            session.trader.take(lost)
            server.is_mute = True
            server.fill(lost.order, "0.010", muted=True)
            cancelled = await session.send(lambda ctx: ctx.cancel(session.order_id))
            assert cancelled.kind == "unknown"
            await until(lambda: any(report.kind == "fill" for report in session.reports))
            server.faults["POST orders"].append(Fault(429, {}, {"Retry-After": "3"}))
            refused = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            assert "too many requests (status 429)" in refused.detail
            began_ns = session.clock.now_ns()
            assert await session.connector.open_orders() == []
            assert session.clock.now_ns() - began_ns > 1_000_000_000
            server.faults["GET accounts"].append(Fault(401, {"message": "Unauthorized"}))
            assert [balance.total for balance in await session.connector.balances()] == [Decimal("100.5")]
            server.faults["GET accounts"].extend([Fault(401, {}), Fault(401, {})])
            with pytest.raises(CredentialsError):
                await session.connector.balances()
            assert len(server.orders) == 1

    run(work)


def test_what_reconciliation_asks_for() -> None:
    async def work() -> None:
        async with live() as session:
            placed = await session.send(lambda ctx: ctx.sell(session.id, "0.010", "60000"))
            for _ in range(5):
                session.server.fill(placed.order, "0.001", muted=True)
            account = await session.connector.account([session.id], since_ns=0)
            (order,) = account.orders
            assert (order.client_id, order.qty, order.filled) == (placed.order, Decimal("0.010"), Decimal("0.005"))
            assert len({execution.execution_id for execution in account.executions}) == 5
            assert all(execution.fee and execution.liquidity for execution in account.executions)
            assert account.balances == {"USD": Decimal("100.5")}
            told = await session.connector.query(session.id, placed.order or "")
            assert [report.kind for report in told] == ["accepted", *["fill"] * 5]
            assert await session.connector.query(session.id, "nobody") == []
            await session.connector.cancel_all(session.id)
            assert await session.connector.open_orders() == []
            assert not await session.connector.keep_alive(session.id, 30)

    run(work)


def test_no_secret_is_in_logs_events_or_reprs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    kept: list[str] = []

    async def work() -> None:
        async with live() as session:
            await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            kept.extend([repr(session.events), repr(vars(session.connector))])

    run(work)
    shown = "\n".join([*kept, caplog.text])
    assert len(shown) > 1_000
    assert all(line not in shown for line in PRIVATE.splitlines()[1:-1])


def test_there_is_no_test_network() -> None:
    with pytest.raises(InvalidValueError, match="has no test network"):
        make_connector(VENUE, is_testnet=True)


def test_recorded_and_published_messages(shared: Path) -> None:
    folder = shared / "wire" / "coinbase"
    product = json.loads((folder / "advanced_product_btc_usd_20260930.json").read_text())
    listed, unusable = instruments_of([product])
    btc = listed["BTC-USD.COINBASE"]
    assert unusable == {}
    assert (btc.tick_size, btc.lot_size) == (Decimal(product["price_increment"]), Decimal(product["base_increment"]))
    reader = AccountReader(listed)
    rest, published = (
        {row["fixture"]: row["message"] for row in map(json.loads, (folder / name).read_text().splitlines())}
        for name in ("fixtures_rest.jsonl", "fixtures_docs_ws.jsonl")
    )
    fill = reader.fill(rest["http_fills"]["fills"][0], "c", 5)
    assert (fill.price, fill.fee, fill.liquidity) == (Decimal("45123.45"), Decimal("1.14"), "maker")
    state = reader.order_state(rest["http_order"]["order"], [], 5)
    assert (state.end, *state.terms) == (None, 10_000, Decimal("0.001"), None)
    (order,) = published["docs_User"]["events"][0]["orders"]
    report = reader.order(order, 1, 5)
    assert report is not None
    assert (report.kind, report.order, report.venue_id) == ("accepted", "XXX", "YYY")
    for status, life, kind, reason in [
        ("CANCELLED", "GOOD_UNTIL_CANCELLED", "cancelled", None),
        ("CANCELLED", "IMMEDIATE_OR_CANCEL", "expired", "ioc_remainder"),
        ("EXPIRED", "GOOD_UNTIL_DATE_TIME", "expired", "gtd_reached"),
        ("FAILED", "GOOD_UNTIL_CANCELLED", "rejected", "venue"),
    ]:
        ended = reader.order(order | {"status": status, "time_in_force": life}, 1, 5)
        assert ended is not None
        assert (ended.kind, ended.reason) == (kind, reason)
    assert reader.order(order | {"status": "UNKNOWN_ORDER_STATUS"}, 1, 5) is None


def test_times_of_the_venue() -> None:
    assert to_ns("2026-09-30T02:37:14.089808906Z") == 1_790_735_834_089_808_906
    assert to_ns("2026-09-30T02:37:14Z") == 1_790_735_834_000_000_000
    assert to_text(1_790_735_834_089_808_906) == "2026-09-30T02:37:14.089808Z"


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({}, {"market_market_ioc": {"base_size": "0.010"}}),
        ({"price": "60000"}, {"limit_limit_gtc": {"base_size": "0.010", "limit_price": "60000.0", "post_only": False}}),
        (
            {"price": "60000", "time_in_force": TimeInForce.IOC},
            {"sor_limit_ioc": {"base_size": "0.010", "limit_price": "60000.0"}},
        ),
        (
            {"price": "60000", "type": OrderType.STOP_LIMIT, "trigger_price": "61000"},
            {
                "stop_limit_stop_limit_gtc": {
                    "base_size": "0.010",
                    "limit_price": "60000.0",
                    "stop_price": "61000.0",
                    "stop_direction": "STOP_DIRECTION_STOP_UP",
                }
            },
        ),
        ({"price": "60000", "reduce_only": True}, None),
        ({"price": "60000", "time_in_force": TimeInForce.DAY}, None),
        ({"type": OrderType.STOP_MARKET, "trigger_price": "61000"}, None),
    ],
)
def test_orders_are_written_as_the_venue_wants_them(terms: dict[str, Any], expected: dict[str, Any] | None) -> None:
    spec = tc.Instrument(
        "BTC-USD.COINBASE", kind="spot", base="BTC", quote="USD", price_increment="0.1", qty_increment="0.001"
    )
    (command,) = Trader(spec).act(lambda ctx: ctx.submit(spec.id, "buy", "0.01", **terms))
    if expected is None:
        with pytest.raises(Refusal):
            order_body(command)
    else:
        assert order_body(command)["order_configuration"] == expected
