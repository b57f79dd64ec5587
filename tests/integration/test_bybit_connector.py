"""The connector against a small Bybit of its own: books, orders, faults, and nothing left open."""

from __future__ import annotations

import logging
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any

import pytest

import tradecore as tc
from tradecore.errors import CredentialsError, InvalidValueError, VenueError
from tradecore.types import BookState, OrderStatus
from tradecore.venues import Credentials, FeedState, Frame, LinkState, Secret, Stream
from venue_bybit import Coded, FakeBybit
from venue_live import Live, run, running, until
from venue_servers import KEY, SECRET

LINEAR, SPOT = "BYBIT", "BYBIT_SPOT"
both = pytest.mark.parametrize("venue", [LINEAR, SPOT])


def live(venue: str, *, fast: bool = False, factor: float = 1.0, **options: Any) -> AbstractAsyncContextManager[Live]:
    options.setdefault("credentials", Credentials(key=KEY, secret=Secret(SECRET)))
    return running(venue, lambda clock: FakeBybit(venue, clock), fast=fast, factor=factor, **options)


async def synced(session: Live) -> None:
    session.server.book = {"b": {"60000.0": "1"}, "a": {"60000.1": "2"}}
    session.connector.subscribe("s", session.id, [Stream.BOOK])
    await until(lambda: session.state is BookState.SYNCED)


@pytest.mark.parametrize("fast", [False, True], ids=["websockets", "picows"])
@both
def test_a_book_begins_with_a_snapshot_and_again_after_a_gap(venue: str, fast: bool) -> None:
    async def work() -> None:
        async with live(venue, fast=fast) as session:
            await synced(session)
            session.server.depth({"59999.0": "3"}, {})
            await until(lambda: session.book()[0].get(59999.0) == 3)
            session.server.depth({"59998.0": "9"}, {}, lose=True)
            session.server.depth({"59997.0": "5"}, {})
            await until(lambda: session.decoder.gaps(session.id) == 1)
            await until(lambda: session.state is BookState.SYNCED)
            assert session.book()[0] == {60000.0: 1, 59999.0: 3, 59998.0: 9, 59997.0: 5}
            asked = [name for name, _ in session.server.seen if "subscribe" in name]
            assert asked == ["subscribe", "unsubscribe", "subscribe"]
            await until(lambda: session.connector.health.resyncs == 1)

    run(work)


@both
def test_a_lost_connection_begins_anew(venue: str) -> None:
    async def work() -> None:
        async with live(venue, factor=10) as session:
            await synced(session)
            await session.server.drop()
            await until(lambda: session.state is BookState.GAP)
            await until(lambda: session.state is BookState.SYNCED)
            assert [state.reason for state in session.states] == [
                "synced",
                "closed by the venue: 1012 restart",
                "synced",
            ]
            links = [event.is_up for event in session.events if isinstance(event, LinkState) and event.link == "public"]
            assert links == [True, False, True]

    run(work)


def test_one_stream_serves_what_is_wanted_of_it_and_a_heartbeat_keeps_it() -> None:
    async def work() -> None:
        async with live(LINEAR, factor=20) as session:
            connector = session.connector
            connector.subscribe("a", session.id, [Stream.MARK, Stream.OPEN_INTEREST, Stream.TRADES])
            await until(lambda: connector.health.links.get("public"))
            names = " ".join(row["names"] for name, row in session.server.seen if name == "subscribe").split()
            assert sorted(names) == ["publicTrade.BTCUSDT", "tickers.BTCUSDT"]
            ticker = {"symbol": "BTCUSDT", "markPrice": "60000", "indexPrice": "60001", "openInterest": "5"}
            ticker |= {"fundingRate": "0.0001", "nextFundingTime": "1700000000000"}
            session.server.publish("tickers.BTCUSDT", "snapshot", ticker)
            await until(lambda: connector.delivers(session.id, Stream.OPEN_INTEREST))
            assert connector.delivers(session.id, Stream.MARK)
            assert len([event for event in session.events if isinstance(event, Frame)]) == 1
            kinds = set(session.decoder.events(session.id)["kind"].tolist())
            assert {int(tc.EventKind.MARK), int(tc.EventKind.OPEN_INTEREST)} <= kinds
            connector.unsubscribe("a", session.id, [Stream.MARK])
            began_ns = session.clock.now_ns()
            await until(lambda: session.clock.now_ns() - began_ns > 45_000_000_000)
            assert connector.health.reconnects == 0
            assert all(name != "unsubscribe" for name, _ in session.server.seen)
            with pytest.raises(InvalidValueError, match="'NOPE' is none of BYBIT"):
                type(connector)("NOPE")

    run(work)


def test_a_refused_topic_is_told_with_the_venues_reason() -> None:
    async def work() -> None:
        async with live(LINEAR) as session:
            spec = (await session.connector.instruments())[session.id]
            session.connector._instruments["WRONG.BYBIT"] = spec  # type: ignore[attr-defined]
            session.connector.subscribe("a", "WRONG.BYBIT", [Stream.TRADES])
            await until(lambda: any(isinstance(event, FeedState) for event in session.events))
            (state,) = (event for event in session.events if isinstance(event, FeedState))
            assert state.reason == "trades: refused: error:handler not found,topic:publicTrade.WRONG"

    run(work)


@pytest.mark.parametrize("order_entry", ["websocket", "rest"])
@both
def test_an_order_is_placed_amended_filled_and_cancelled(venue: str, order_entry: str) -> None:
    async def work() -> None:
        async with live(venue, order_entry=order_entry) as session:
            trader, server = session.trader, session.server
            placed = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000.0", post_only=True))
            trader.take(placed)
            assert placed.kind == "accepted"
            server.fill(placed.order, "0.002")
            await until(lambda: any(report.kind == "fill" for report in session.reports))
            replaced = await session.send(lambda ctx: ctx.replace(session.order_id, price="59999.0", qty="0.008"))
            assert (replaced.kind, replaced.price, replaced.qty) == ("replaced", 59_999, Decimal("0.008"))
            for report in [*session.reports, replaced]:
                trader.take(report)
            cancelled = await session.send(lambda ctx: ctx.cancel(session.order_id))
            trader.take(cancelled)
            assert cancelled.kind == "cancelled"
            trader.act(lambda ctx: (ctx.orders(), ctx.position(session.id).qty))
            assert trader.done == ([], 0.002)
            assert trader.last == (OrderStatus.CANCELLED, 0.002)
            assert server.orders[placed.order]["price"] == "59999.0"
            way = "order.create" if order_entry == "websocket" else "POST /v5/order/create"
            assert way in {name for name, _ in server.seen}

    run(work)


def test_the_outcome_is_what_the_stream_says_not_what_was_received() -> None:
    async def work() -> None:
        async with live(LINEAR) as session:
            crossing = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "70000.1", post_only=True))
            assert (crossing.kind, crossing.reason) == ("rejected", "post_only_would_cross")
            session.server.faults["order.create"].append(Coded(110007, "ab not enough for new order"))
            poor = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            assert (poor.kind, poor.reason) == ("rejected", "insufficient_balance")

    run(work)


@both
def test_what_nobody_told_is_looked_up_before_anything_else_is_sent(venue: str) -> None:
    async def work() -> None:
        async with live(venue, order_entry="rest") as session:
            server = session.server
            server.is_mute = True
            placed = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            assert placed.kind == "unknown"  # it was received, and no outcome told
            server.fill(placed.order, "0.004", muted=True)
            server.is_mute = False
            session.trader.take(placed)
            cancelled = await session.send(lambda ctx: ctx.cancel(session.order_id))
            assert cancelled.kind == "cancelled"
            told = [(report.kind, report.qty) for report in session.reports if report.order == placed.order]
            assert told[:2] == [("accepted", None), ("fill", Decimal("0.004"))]
            server.faults["POST /v5/order/create"].append("swallow")
            lost = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            assert lost.kind == "unknown"
            await until(lambda: any(report.order == lost.order for report in session.reports))
            assert len(server.orders) == 2
            asked = [name.rpartition("/")[2] for name, _ in server.seen if "/order/" in name]
            assert asked[:3] == ["create", "realtime", "cancel"]

    run(work)


def test_an_order_that_never_arrived_and_a_cancel_of_one_that_is_filled() -> None:
    async def work() -> None:
        async with live(LINEAR, order_entry="rest", factor=10) as session:
            session.server.faults["POST /v5/order/create"].append("lose")
            lost = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            assert lost.kind == "unknown"
            await until(lambda: session.reports)
            assert (session.reports[0].kind, session.reports[0].order) == ("rejected", lost.order)
            placed = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            session.server.fill(placed.order, "0.010", muted=True)
            cancelled = await session.send(lambda ctx: ctx.cancel(session.order_id))
            assert cancelled.kind == "unknown"
            await until(lambda: any(report.kind == "fill" for report in session.reports))
            for report in [placed, cancelled, *session.reports[1:]]:
                session.trader.take(report)
            assert session.trader.last == (OrderStatus.FILLED, 0.01)

    run(work)


def test_limits_and_clocks_are_the_venues() -> None:
    async def work() -> None:
        async with live(LINEAR, factor=5) as session:
            server = session.server
            reset = {"X-Bapi-Limit-Reset-Timestamp": str(server.now_ms() + 6_000)}
            server.faults["order.create"].append(Coded(10006, "Too many visits!", reset))
            began_ns = session.clock.now_ns()
            refused = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            assert "Too many visits! (10006)" in refused.detail
            held = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            assert "held back" in held.detail
            assert await session.connector.open_orders() == []
            assert session.clock.now_ns() - began_ns >= 5_000_000_000
            server.clock_ahead_ms = 90_000
            assert await session.connector.open_orders() == []
            assert session.connector.clock_offset_ns is not None
            assert abs(session.connector.clock_offset_ns - 90_000_000_000) < 5_000_000_000

    run(work)


def test_all_orders_are_cancelled_also_where_that_was_asked_too_often() -> None:
    async def work() -> None:
        async with live(LINEAR, factor=5) as session:
            await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            reset = {"X-Bapi-Limit-Reset-Timestamp": str(session.server.now_ms() + 1_000)}
            session.server.faults["POST /v5/order/cancel-all"].append(Coded(10006, "Too many visits!", reset))
            await session.connector.cancel_all(session.id)
            assert await session.connector.open_orders() == []

    run(work)


def test_a_blocked_address_stops_everything_for_ten_minutes() -> None:
    async def work() -> None:
        async with live(LINEAR, order_entry="rest", factor=0.1) as session:
            session.server.faults["POST /v5/order/create"].append(Coded(0, "", status=403))
            first = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            assert "access too frequent" in first.detail
            second = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            assert "s by status 403 of the venue" in second.detail

    run(work)


@both
def test_what_reconciliation_asks_for(venue: str) -> None:
    async def work() -> None:
        async with live(venue) as session:
            placed = await session.send(lambda ctx: ctx.sell(session.id, "0.010", "60000"))
            for _ in range(5):
                session.server.fill(placed.order, "0.001")
            account = await session.connector.account([session.id], since_ns=0)
            (order,) = account.orders
            assert (order.client_id, order.qty, order.filled) == (placed.order, Decimal("0.010"), Decimal("0.005"))
            assert len({execution.execution_id for execution in account.executions}) == 5
            assert all(execution.fee and execution.liquidity for execution in account.executions)
            assert {execution.client_id for execution in account.executions} == {placed.order}
            assert account.balances == {"USDT": Decimal("100.5")}
            assert account.positions == ({} if venue == SPOT else {session.id: Decimal("-0.250")})
            (balance,) = await session.connector.balances()
            assert balance.available == 90
            told = await session.connector.query(session.id, placed.order or "")
            assert [report.kind for report in told] == ["accepted", *["fill"] * 5]
            assert await session.connector.query(session.id, "nobody") == []
            await session.connector.cancel_all(session.id)
            assert await session.connector.open_orders() == []
            assert not await session.connector.keep_alive(session.id, 30)
            assert set(session.connector.unusable) == {f"ODDUSDT.{venue}"}

    run(work)


@pytest.mark.parametrize("problem", ["key", "secret"])
def test_keys_the_venue_does_not_take_are_told_and_nothing_stays_open(problem: str) -> None:
    async def work() -> None:
        wrong = {"key": KEY, "secret": SECRET} | {problem: "wrong-0123456789"}
        with pytest.raises(CredentialsError):
            async with live(LINEAR, credentials=Credentials(key=wrong["key"], secret=Secret(wrong["secret"]))):
                pytest.fail("it started")

    run(work)


@pytest.mark.parametrize("fast", [False, True], ids=["websockets", "picows"])
def test_no_secret_is_in_logs_events_errors_or_reprs(fast: bool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    kept: list[str] = []

    async def work() -> None:
        async with live(LINEAR, fast=fast, order_entry="rest") as session:
            session.server.faults["POST /v5/order/create"].append(Coded(10004, "error sign!"))
            with pytest.raises(CredentialsError) as caught:
                await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            session.server.faults["GET /v5/order/realtime"].append(Coded(10001, "params error"))
            with pytest.raises(VenueError) as refused:
                await session.connector.open_orders()
            kept.extend([repr(caught.value), repr(refused.value), repr(vars(session.connector)), repr(session.events)])

    run(work)
    shown = "\n".join([*kept, caplog.text])
    assert len(shown) > 1_000
    assert SECRET not in shown
