"""The connector against a small Binance of its own: books, orders, faults, and nothing left open."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any

import pytest

import tradecore as tc
from tradecore.errors import CredentialsError, InvalidValueError, UnknownInstrumentError, VenueError
from tradecore.types import BookState, OrderStatus
from tradecore.venues import (
    Credentials,
    FeedState,
    Frame,
    LinkState,
    Secret,
    Stream,
    VirtualClock,
)
from tradecore.venues.binance import BinanceConnector
from tradecore.venues.transport import Answer, Unreachable
from venue_binance import FakeBinance, Refused
from venue_live import Live, run, running, until
from venue_servers import KEY, SECRET

SPOT, USDM = "BINANCE", "BINANCE_USDM"
both = pytest.mark.parametrize("venue", [SPOT, USDM])


def live(venue: str, *, fast: bool = False, factor: float = 1.0, **options: Any) -> AbstractAsyncContextManager[Live]:
    options.setdefault("credentials", Credentials(key=KEY, secret=Secret(SECRET)))
    return running(venue, lambda clock: FakeBinance(venue, clock), fast=fast, factor=factor, **options)


@pytest.mark.parametrize("fast", [False, True], ids=["websockets", "picows"])
@both
def test_a_book_is_synced_and_begins_anew_after_a_gap(venue: str, fast: bool) -> None:
    async def work() -> None:
        async with live(venue, fast=fast) as session:
            await session.synced()
            server = session.server
            server.depth({"60000.00": "3"}, {})
            await until(lambda: session.book()[0].get(60000.0) == 3)
            server.depth({"59999.90": "9"}, {}, lose=True)
            server.depth({"59998.00": "5"}, {})
            await until(lambda: session.decoder.gaps(session.id) == 1)
            await until(lambda: session.state is BookState.SYNCED)
            theirs = server.book["BTCUSDT"]
            assert session.book()[0] == {float(price): float(qty) for price, qty in theirs["b"].items()}
            reasons = [state.reason for state in session.states]
            assert reasons == ["waiting for a snapshot", "synced", "sequence gap", "synced"]
            assert session.connector.health.resyncs == 2

    run(work)


@both
def test_streams_are_subscribed_once_and_given_up_by_the_last(venue: str) -> None:
    async def work() -> None:
        async with live(venue) as session:
            connector, server = session.connector, session.server
            connector.subscribe("a", session.id, [Stream.TRADES, Stream.QUOTES])
            connector.subscribe("b", session.id, [Stream.TRADES])
            links = {"public"} if venue == SPOT else {"public", "market"}
            await until(lambda: {name for name, up in connector.health.links.items() if up} >= links)
            connector.unsubscribe("a", session.id, [Stream.TRADES, Stream.BOOK])
            connector.subscribe("b", session.id, [Stream.CANDLES])
            await until(lambda: "kline_1m" in str(server.seen))
            connector.unsubscribe("b", session.id, [Stream.TRADES])
            await until(lambda: any(method == "UNSUBSCRIBE" for method, _ in server.seen))
            asked = [(method, row["names"]) for method, row in server.seen if "SUBSCRIBE" in method]
            trades = "btcusdt@trade" if venue == SPOT else "btcusdt@aggTrade"
            names = [(method, name) for method, text in asked for name in text.split()]
            assert sorted(names) == sorted(
                [
                    ("SUBSCRIBE", trades),
                    ("SUBSCRIBE", "btcusdt@bookTicker"),
                    ("SUBSCRIBE", "btcusdt@kline_1m"),
                    ("UNSUBSCRIBE", trades),
                ]
            )
            with pytest.raises(UnknownInstrumentError, match=r"OLDUSDT"):
                connector.subscribe("a", f"OLDUSDT.{venue}", [Stream.BOOK])
            if venue == SPOT:
                with pytest.raises(InvalidValueError, match=r"stream: BTCUSDT\.BINANCE has no mark"):
                    connector.subscribe("a", session.id, [Stream.MARK])

    run(work)


@both
def test_a_lost_connection_voids_the_book_until_it_is_the_venues_again(venue: str) -> None:
    async def work() -> None:
        async with live(venue, factor=10) as session:
            await session.synced()
            await session.server.drop()
            await until(lambda: session.state is BookState.GAP)
            assert session.states[-1].reason == "closed by the venue: 1012 restart"
            session.server.depth({"60000.10": "7"}, {}, lose=True)
            await until(lambda: len([m for m, _ in session.server.seen if m == "SUBSCRIBE"]) == 2)
            session.server.depth({"59000.00": "1"}, {})
            await until(lambda: session.state is BookState.SYNCED)
            assert session.book()[0][60000.1] == 7
            links = [(e.link, e.is_up) for e in session.events if isinstance(e, LinkState) and e.link == "public"]
            assert links == [("public", True), ("public", False), ("public", True)]
            assert session.connector.health.reconnects == 1

    run(work)


@both
def test_a_connection_is_renewed_without_a_gap(venue: str) -> None:
    async def work() -> None:
        async with live(venue, factor=10) as session:
            await session.synced()
            server = session.server
            for socket in list(server.sockets):
                await socket.send_str(json.dumps({"e": "serverShutdown", "E": 1}))
            await until(lambda: len(server.sockets) == 2)
            # Both deliver for a while: what comes twice changes nothing.
            for step in range(200):
                server.depth({"59000.00": str(step + 1)}, {})
                await asyncio.sleep(0.005)
            await until(lambda: len(server.sockets) == 1)
            server.depth({"59000.00": "500"}, {})
            await until(lambda: session.book()[0].get(59000.0) == 500)
            assert session.decoder.gaps(session.id) == 0
            assert session.connector.health.resyncs == 1
            told = [e.reason for e in session.events if isinstance(e, LinkState) and e.link == "public"]
            assert told == ["connected", "renewed: the venue restarts"]

    run(work)


def test_a_stream_that_is_acknowledged_and_never_sent_is_told() -> None:
    async def work() -> None:
        async with live(USDM, factor=10) as session:
            session.connector.subscribe("s", session.id, [Stream.MARK, Stream.LIQUIDATIONS])
            await until(lambda: session.connector.health.silent)
            (silent,) = (e for e in session.events if isinstance(e, FeedState))
            assert (silent.stream, silent.state) == (Stream.MARK, BookState.STALE)
            assert silent.reason == "mark: acknowledged and never delivered"
            assert not session.connector.delivers(session.id, Stream.MARK)
            paths = {row["path"] for method, row in session.server.seen if method == "SUBSCRIBE"}
            assert paths == {"/market/stream"}
            # The connection is renewed for it; then it delivers.
            await until(lambda: len([m for m, _ in session.server.seen if m == "SUBSCRIBE"]) == 2)
            mark = {"e": "markPriceUpdate", "E": 1, "s": "BTCUSDT", "p": "60000", "i": "60000", "r": "0.0001", "T": 2}
            while not session.connector.delivers(session.id, Stream.MARK):
                session.server.publish("btcusdt@markPrice@1s", mark)
                await asyncio.sleep(0.01)
            assert [e.reason for e in session.events if isinstance(e, FeedState)] == [silent.reason, "delivering"]
            assert session.connector.health.silent == ()

    run(work)


def test_open_interest_is_asked_for_again_and_again() -> None:
    async def work() -> None:
        async with live(USDM, factor=100, credentials=None) as session:
            session.connector.subscribe("s", session.id, [Stream.OPEN_INTEREST])
            frames = [lambda: [e for e in session.events if isinstance(e, Frame)]]
            await until(lambda: len(frames[0]()) >= 3)
            assert session.decoder.events(session.id)["kind"].tolist()[:3] == [int(tc.EventKind.OPEN_INTEREST)] * 3
            assert session.connector.delivers(session.id, Stream.OPEN_INTEREST)
            session.connector.unsubscribe("s", session.id, [Stream.OPEN_INTEREST])
            assert not session.connector.delivers(session.id, Stream.OPEN_INTEREST)
            count = len(frames[0]())
            await asyncio.sleep(0.3)
            assert len(frames[0]()) <= count + 1

    run(work)


@pytest.mark.parametrize("order_entry", ["websocket", "rest"])
@both
def test_an_order_is_placed_amended_filled_and_cancelled(venue: str, order_entry: str) -> None:
    async def work() -> None:
        async with live(venue, order_entry=order_entry) as session:
            trader, server = session.trader, session.server
            placed = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000.0", post_only=True))
            trader.take(placed)
            client_id = placed.order
            assert client_id is not None
            assert (placed.kind, server.orders[client_id]["type"]) == (
                "accepted",
                "LIMIT_MAKER" if venue == SPOT else "LIMIT",
            )
            server.fill(client_id, "0.002")
            await until(lambda: any(report.kind == "fill" for report in session.reports))
            replaced = await session.send(lambda ctx: ctx.replace(session.order_id, qty="0.008"))
            assert (replaced.kind, replaced.qty, replaced.price) == ("replaced", Decimal("0.008"), 60_000)
            for report in [*session.reports, replaced]:
                trader.take(report)
            assert server.orders[client_id]["origQty"] == "0.008"
            await asyncio.sleep(0.05)
            assert all(report.kind != "replaced" for report in session.reports)  # told once, by the answer
            cancelled = await session.send(lambda ctx: ctx.cancel(session.order_id))
            trader.take(cancelled)
            assert cancelled.kind == "cancelled"
            await until(lambda: session.reports[-1].kind == "cancelled")
            assert session.reports[-1].order == client_id
            trader.take(session.reports[-1])

            trader.act(lambda ctx: (ctx.orders(), ctx.position(session.id).qty))
            assert trader.done == ([], 0.002)
            assert trader.last == (OrderStatus.CANCELLED, 0.002)
            ways = {name for name, _ in server.seen if "order" in name}
            assert ("order.place" in ways) == (order_entry == "websocket")
            fill = next(report for report in session.reports if report.kind == "fill")
            assert (fill.fee, fill.liquidity, fill.cumulative) == (Decimal("0.01"), "maker", Decimal("0.002"))

    run(work)


def test_what_the_venue_refuses_is_a_rejection_with_its_reason() -> None:
    async def work() -> None:
        async with live(SPOT) as session:
            crossing = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "70000.1", post_only=True))
            assert (crossing.kind, crossing.reason) == ("rejected", "post_only_would_cross")
            assert "Order would immediately match and take. (-2010)" in crossing.detail
            session.server.faults["order.place"].append(Refused(400, -1013, "Filter failure: NOTIONAL"))
            small = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            assert (small.kind, small.reason) == ("rejected", "min_notional")
            sent = len(session.server.seen)
            stop = {"type": "stop_limit", "trigger_price": "59000"}
            await session.send(lambda ctx: ctx.sell(session.id, "0.010", "60000", **stop))
            moved = await session.send(lambda ctx: ctx.replace(session.order_id, price="60001"))
            assert (moved.kind, moved.reason) == ("replace_rejected", "unsupported")
            assert len(session.server.seen) == sent + 1

    run(work)


@both
def test_an_order_nobody_answered_is_looked_up_before_anything_else_of_it_is_sent(venue: str) -> None:
    async def work() -> None:
        async with live(venue, order_entry="rest") as session:
            server = session.server
            server.faults["POST order"].append("swallow")
            placed = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            assert placed.kind == "unknown"
            session.trader.take(placed)
            client_id = placed.order
            assert client_id is not None
            server.fill(client_id, "0.004", muted=True)
            assert session.connector.health.unresolved == 1
            cancelled = await session.send(lambda ctx: ctx.cancel(session.order_id))
            assert cancelled.kind == "cancelled"
            names = [name for name, _ in server.seen if "order" in name]
            assert names == ["POST order", "GET order", "DELETE order"]
            told = [(r.kind, r.qty) for r in session.reports if r.order == client_id]
            assert ("accepted", None) in told
            assert ("fill", Decimal("0.004")) in told
            assert session.connector.health.unresolved == 0
            # A request whose fate nobody knows is never simply repeated.
            assert len(server.orders) == 1

    run(work)


@both
def test_an_order_that_never_arrived_is_given_up_once_it_cannot_any_more(venue: str) -> None:
    async def work() -> None:
        async with live(venue, order_entry="rest", factor=10) as session:
            session.server.faults["POST order"].append("lose")
            began_ns = session.clock.now_ns()
            placed = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            assert placed.kind == "unknown"
            await until(lambda: session.reports)
            (report,) = session.reports
            assert (report.kind, report.detail) == ("rejected", "it never reached the venue")
            assert session.clock.now_ns() - began_ns > 5_000_000_000
            assert session.server.orders == {}
            sent = len(session.server.seen)
            session.trader.take(placed)
            for _ in range(2):  # that waited: it is not to be found out again
                refused = await session.send(lambda ctx: ctx.cancel(session.order_id))
                assert (refused.kind, refused.reason) == ("cancel_rejected", "unknown_order")
                session.trader.take(refused)
            assert len(session.server.seen) == sent

    run(work)


def test_a_cancel_of_what_is_filled_ends_with_what_the_venue_says() -> None:
    async def work() -> None:
        async with live(SPOT) as session:
            placed = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            assert placed.order is not None
            session.server.fill(placed.order, "0.010", muted=True)
            cancelled = await session.send(lambda ctx: ctx.cancel(session.order_id))
            assert cancelled.kind == "unknown"
            await until(lambda: any(report.kind == "fill" for report in session.reports))
            for report in [placed, cancelled, *session.reports]:
                session.trader.take(report)
            assert session.trader.last == (OrderStatus.FILLED, 0.01)

    run(work)


@pytest.mark.parametrize("order_entry", ["websocket", "rest"])
def test_nothing_is_sent_while_the_venue_says_to_wait(order_entry: str) -> None:
    async def work() -> None:
        async with live(SPOT, order_entry=order_entry, factor=5) as session:
            server, clock = session.server, session.clock
            name = "order.place" if order_entry == "websocket" else "POST order"
            server.faults[name].append(Refused(429, -1003, "Too many requests.", {"Retry-After": "6"}))
            began_ns = clock.now_ns()
            refused = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            assert (refused.kind, refused.reason) == ("rejected", "venue")
            held = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            assert "held back for" in held.detail
            assert len(server.orders) == 0
            assert await session.connector.open_orders() == []  # waits its turn
            assert clock.now_ns() - began_ns >= 6_000_000_000
            placed = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            assert placed.kind == "accepted"
            assert server.seen[-1][0] == name
            # A cancel is urgent: it waits for its turn and is sent.
            what = "order.cancel" if order_entry == "websocket" else "DELETE order"
            server.faults[what].append(Refused(429, -1003, "Too many requests.", {"Retry-After": "2"}))
            cancelled = await session.send(lambda ctx: ctx.cancel(session.order_id))
            assert cancelled.kind == "cancelled"

    run(work)


def test_a_clock_that_steps_is_measured_and_the_request_sent_once_more() -> None:
    async def work() -> None:
        async with live(SPOT) as session:
            session.server.clock_ahead_ms = 90_000
            placed = await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            assert placed.kind == "accepted"
            assert session.connector.clock_offset_ns is not None
            assert abs(session.connector.clock_offset_ns - 90_000_000_000) < 2_000_000_000

    run(work)


def test_a_listen_key_that_expires_is_replaced() -> None:
    async def work() -> None:
        async with live(USDM, factor=10) as session:
            (user,) = session.server.users
            await user.send_str(json.dumps({"e": "listenKeyExpired", "E": 1}))
            await until(lambda: session.server.listen_keys == 2)
            await until(lambda: session.connector.health.links["private"])
            told = [
                event.reason for event in session.events if isinstance(event, LinkState) and event.link == "private"
            ]
            assert told == ["connected", "the venue ended the stream: listenKeyExpired", "connected"]

    run(work)


@both
def test_what_reconciliation_asks_for(venue: str) -> None:
    async def work() -> None:
        async with live(venue) as session:
            placed = await session.send(lambda ctx: ctx.sell(session.id, "0.010", "60000"))
            assert placed.order is not None
            for _ in range(3):
                session.server.fill(placed.order, "0.002")
            account = await session.connector.account([session.id], since_ns=0)
            (order,) = account.orders
            assert (order.client_id, order.qty, order.filled) == (placed.order, Decimal("0.010"), Decimal("0.006"))
            ids = [execution.execution_id for execution in account.executions]
            assert (len(ids), ids == sorted(ids, key=int)) == (3, True)
            assert {(e.side, e.qty) for e in account.executions} == {(tc.Side.SELL, Decimal("0.002"))}
            assert account.balances == {"USDT": Decimal("100.5")}
            assert account.positions == ({} if venue == SPOT else {session.id: Decimal("-0.250")})
            told = await session.connector.query(session.id, placed.order)
            assert [report.kind for report in told] == ["accepted", "fill", "fill", "fill"]
            assert await session.connector.query(session.id, "nobody") == []
            await session.connector.cancel_all(session.id)
            await session.connector.cancel_all(session.id)
            assert await session.connector.open_orders() == []
            assert await session.connector.keep_alive(session.id, 30) == (venue == USDM)
            assert (await session.connector.permissions()).can_trade

    run(work)


def test_executions_are_read_page_by_page() -> None:
    async def work() -> None:
        async with live(SPOT) as session:
            placed = await session.send(lambda ctx: ctx.buy(session.id, "5", "60000"))
            assert placed.order is not None
            for _ in range(2_100):
                session.server.fill(placed.order, "0.001", muted=True)
            assert len(await session.connector.executions([session.id], 0)) == 2_100

    run(work)


@pytest.mark.parametrize("problem", ["key", "secret"])
def test_keys_the_venue_does_not_take_are_told_and_nothing_stays_open(problem: str) -> None:
    async def work() -> None:
        wrong = {"key": KEY, "secret": SECRET} | {problem: "wrong-0123456789"}
        credentials = Credentials(key=wrong["key"], secret=Secret(wrong["secret"]))
        with pytest.raises(CredentialsError) as caught:
            async with live(SPOT, credentials=credentials):
                pytest.fail("it started")
        assert wrong["secret"] not in str(caught.value)

    run(work)


class Canned:
    """A transport that answers from a table of paths."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def connect(self, url: str, on_message: Any, on_close: Any, *, seconds: float) -> Any:
        raise Unreachable("no sockets here")

    async def request(self, method: str, url: str, headers: Any, body: bytes | None, *, seconds: float) -> Answer:
        self.asked.append(url.partition("?")[0])
        path = "/" + url.split("/", 3)[3].partition("?")[0]
        status, value = self.answers[path]
        return Answer(status, {}, json.dumps(value).encode())

    async def close(self) -> None:
        self.asked.append("closed")


@both
def test_a_key_that_may_withdraw_is_refused(venue: str) -> None:
    account = "/api/v3/account" if venue == SPOT else "/fapi/v3/account"
    prefix = "/api/v3" if venue == SPOT else "/fapi/v1"
    clock = VirtualClock()
    answers = {
        f"{prefix}/time": (200, {"serverTime": clock.now_ns() // 1_000_000}),
        f"{prefix}/exchangeInfo": (200, {"symbols": [], "rateLimits": []}),
        account: (200, {"canTrade": True}),
        "/sapi/v1/account/apiRestrictions": (200, {"enableWithdrawals": True}),
    }
    transport = Canned(answers)

    async def work() -> None:
        keys = Credentials(key=KEY, secret=Secret(SECRET))
        async with BinanceConnector(venue, credentials=keys, transport=transport, clock=clock) as connector:
            with pytest.raises(CredentialsError, match="the key may withdraw"):
                await connector.start(lambda event: None)

    run(work)
    # Whatever is traded, what a key may do is asked of the spot host.
    assert "https://api.binance.com/sapi/v1/account/apiRestrictions" in transport.asked
    assert transport.asked[-1] == "closed"


def test_an_answer_that_is_no_json_and_an_error_without_a_code() -> None:
    clock = VirtualClock()
    transport = Canned({"/api/v3/time": (404, "<html>")})

    async def work() -> None:
        connector = BinanceConnector(SPOT, transport=transport, clock=clock)
        with pytest.raises(VenueError, match=r"BINANCE: GET /api/v3/time: status 404 \(404\)"):
            await connector.start(lambda event: None)
        await connector.close()

    run(work)


@pytest.mark.parametrize("fast", [False, True], ids=["websockets", "picows"])
@both
def test_no_secret_is_in_logs_events_errors_or_reprs(venue: str, fast: bool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    kept: list[str] = []

    async def work() -> None:
        async with live(venue, fast=fast, order_entry="rest", factor=10) as session:
            server = session.server
            server.faults["POST order"].extend(
                ["lose", Refused(400, -1022, "Signature for this request is not valid.")]
            )
            await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            with pytest.raises(CredentialsError) as caught:
                await session.send(lambda ctx: ctx.buy(session.id, "0.010", "60000"))
            server.faults["GET openOrders"].append(Refused(400, -1100, "Illegal characters."))
            with pytest.raises(VenueError) as refused:
                await session.connector.open_orders()
            assert "signature=" not in str(refused.value)
            await until(lambda: session.reports)
            kept.extend(repr(event) for event in session.events)
            kept.extend(
                [repr(caught.value), repr(refused.value), repr(session.connector), repr(vars(session.connector))]
            )

    run(work)
    shown = "\n".join([*kept, caplog.text])
    assert len(shown) > 1_000
    assert SECRET not in shown
