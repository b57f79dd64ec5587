"""The simulated exchange that is driven from outside: paper equals backtest, and what outside clients ask of it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tradecore as tc
from conftest import CLEAR, LAST, SET, TRADE, Quoter, columns
from tradecore._core import Kernel, SimExchange
from tradecore.errors import InvalidValueError, OffGridError, RunError
from tradecore.session.kernel import build_kernel

NAME = "BTCUSDT.SYNTH"
HOLDS = (CLEAR, SET, TRADE)


class Hasty(Quoter):
    """Also asks for what its kernel's own gate refuses, and moves an order."""

    def requote(self, ctx: tc.Context) -> None:
        super().requote(ctx)
        if self.calls % 7 == 0:
            ctx.buy(NAME, "0.001", 10)
        if self.calls % 11 == 0:
            for order in ctx.orders(NAME)[:1]:
                ctx.replace(order.order_id, qty="0.02")


def rows(events: dict[str, Any]) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Messages as the venue had them: when, when we knew, and the rows."""
    ends = np.flatnonzero(events["flags"] & LAST) + 1
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        piece = {name: column[start:end] for name, column in events.items()}
        yield int(piece["ts_event"][0]), int(piece["ts_recv"][0]), piece


def paper(kernel: Kernel, exchange: SimExchange, events: dict[str, Any], feed: int) -> str:
    """Drive both by time, at one nanosecond the venue first, then reports, messages, what is due."""
    messages = list(rows(events))
    first = messages[0][0]
    seen = [(at + feed, piece) for at, _, piece in messages]
    happens, known = iter(messages), iter(seen)
    next_message, next_known = next(happens), next(known)

    def send(at: int) -> None:
        for command in kernel.drain():
            exchange.command(at, command)
        for refusal in kernel.refusals():
            exchange.refuse(refusal)

    kernel.carry_refusals(first)
    exchange.advance(first)
    kernel.start(first)
    send(first)
    end = messages[-1][0] + feed
    while True:
        times = [
            next_message[0] if next_message else None,
            exchange.next_due(),
            exchange.next_report(),
            next_known[0] if next_known else None,
            kernel.next_due(),
        ]
        now = min((time for time in times if time is not None), default=end + 1)
        if now > end:
            break
        if times[0] == now:
            exchange.message(now, 0, next_message[2])
            next_message = next(happens, None)
        elif times[1] == now:
            exchange.advance(now)
        elif times[2] == now:
            [notice, *more] = exchange.receive(now)
            kernel.notice(notice)
            send(now)
            for notice in more:
                kernel.notice(notice)
                send(now)
        elif times[3] == now:
            kernel.message(now, 0, next_known[1])
            next_known = next(known, None)
            send(now)
        else:
            kernel.due(now)
            send(now)
    for notice in exchange.receive(end + 10**12):
        kernel.notice(notice)
    kernel.stop(end)
    assert kernel.drain() == []
    return kernel.finish()


def venue(**legs: Any) -> tc.SimVenue:
    return tc.SimVenue("SYNTH", latency=tc.Latency(**legs), clock_lead="0ms", granularity="0ms")


@pytest.mark.parametrize(
    "legs",
    [
        pytest.param({"entry": "0ms", "response": "0ms", "feed": "0ms"}, id="at once"),
        pytest.param({"entry": "5ms", "response": "4ms", "feed": "3ms"}, id="constant"),
        pytest.param({"entry": "lognormal(5ms, 0.5)", "response": "1ms", "feed": "2ms"}, id="drawn"),
    ],
)
def test_paper_equals_backtest(market: Path, legs: dict[str, str]) -> None:
    result = tc.Backtest([Hasty("q", [NAME])], market, [venue(**legs)], seed=5).run()
    assert result.fills.height > 50
    assert "rejected" in set(result.orders["status"]), "the kernel's own gate refuses some"
    catalog = tc.Catalog(market)
    exchange = SimExchange(seed=5)
    exchange.add_market(catalog.instrument(NAME), venue(**legs), HOLDS)
    kernel = build_kernel("backtest", [Hasty("q", [NAME])], [exchange.instrument(0)])
    events = pl.concat(catalog.pieces(NAME))
    events = {name: events[name].to_numpy() for name in events.columns}
    digest = paper(kernel, exchange, events, tc.Latency(**legs).feed_ns or 0)
    assert digest == result.digest


BOOK = [
    (0, CLEAR, 0, 0, 0, 0),
    (0, SET, 1, 0, 1000, 5_000),
    (0, SET, 1, 0, 999, 9_000),
    (0, SET, -1, LAST, 1001, 4_000),
]
"""Best bid 5 at 100.0, best ask 4 at 100.1."""


@pytest.fixture
def exchange(instrument: tc.Instrument) -> SimExchange:
    """An exchange without latency, of a book of three levels."""
    exchange = SimExchange()
    free = tc.Latency(entry="0ms", response="0ms")
    settings = tc.SimVenue(
        "TEST",
        latency=free,
        balances="1000 USDT",
        margin="cross",
        leverage="10",
        maintenance="0.01",
        queue="conservative",
    )
    exchange.add_market(instrument, settings, HOLDS)
    exchange.message(10, 0, columns([(10, *row[1:]) for row in BOOK]))
    return exchange


def told(exchange: SimExchange, at: int) -> list[tuple[Any, ...]]:
    exchange.advance(at)
    return [(n.account, n.order, n.kind, n.reason or n.qty) for n in exchange.receive(at)]


def test_outside_clients_trade_with_the_market_and_with_each_other(exchange: SimExchange) -> None:
    exchange.submit(11, 0, 1, 0, "buy", "2", "100.0", post_only=True)
    exchange.submit(12, 1, 1, 0, "buy", "1", "100.1")
    assert told(exchange, 12) == [
        (0, 1, "accepted", None),
        (1, 1, "accepted", None),
        (1, 1, "fill", Decimal("1.00")),
    ]
    assert exchange.depth(0, 5) == ([(1000, 7_000), (999, 9_000)], [(1001, 3_000)]), "orders of ours are seen"
    assert exchange.depth(0, 1, own=False) == ([(1000, 5_000)], [(1001, 4_000)]), "and what was pushed stays"
    [open_order] = exchange.open_orders(0)
    assert (open_order.order, open_order.price, open_order.qty, open_order.filled_qty) == (1, Decimal("100.0"), 2, 0)
    assert (open_order.side, open_order.post_only, open_order.arrived_ns) == (tc.Side.BUY, True, 11)
    assert exchange.open_orders(1) == []
    exchange.submit(13, 1, 2, 0, "sell", "7", "100.0")
    exchange.advance(13)
    fills = [n for n in exchange.receive(13) if n.kind == "fill"]
    assert [(n.account, n.liquidity, n.made_by, n.qty) for n in fills] == [
        (1, "taker", "taker", Decimal("5.00")),
        (0, "maker", "own_order", Decimal("2.00")),
        (1, "taker", "taker", Decimal("2.00")),
    ]
    assert exchange.position(0, 0)["qty"] == 2
    assert exchange.position(1, 0)["qty"] == -6
    exchange.replace(14, 0, 9, 0, "100.0", "1")
    exchange.cancel(14, 0, 9, 0)
    assert told(exchange, 14) == [
        (0, 9, "replace_rejected", "unknown_order"),
        (0, 9, "cancel_rejected", "unknown_order"),
    ]


def test_what_clients_trade_with_each_other_sets_off_stops_and_these_others(instrument: tc.Instrument) -> None:
    exchange = SimExchange()
    free = tc.Latency(entry="0ms", response="0ms")
    exchange.add_market(instrument, tc.SimVenue("TEST", latency=free), HOLDS)
    exchange.levels(11, 0, 11, [(1, 1)], [], snapshot=True)
    exchange.levels(11, 0, 11, [(1, 0)], [])
    for account, price in ((1, 90), (2, 80), (3, 70)):
        exchange.submit(11, account, 1, 0, "buy", 2, price)
    for account, price in ((4, 90), (5, 80)):
        exchange.submit(11, account, 1, 0, "sell", 2, type="stop_market", trigger_price=price, trigger="last")
    exchange.submit(12, 6, 1, 0, "sell", 2, 90)
    exchange.advance(12)
    fills = [(notice.account, notice.price) for notice in exchange.receive(12) if notice.kind == "fill"]
    assert fills == [(1, 90), (6, 90), (2, 80), (4, 80), (3, 70), (5, 70)]


def test_what_the_gate_or_the_venue_refuses_comes_back_as_a_notice(exchange: SimExchange) -> None:
    exchange.submit(11, 0, 1, 0, "buy", "0.01", "100.0")
    exchange.submit(11, 0, 2, 0, "buy", "1", "100.1", post_only=True)
    exchange.submit(11, 0, 3, 0, "buy", "1.001", "99.0")
    exchange.submit(11, 0, 4, 0, "buy", "200", "99.0")
    assert sorted(told(exchange, 11)) == [
        (0, 1, "rejected", "min_notional"),
        (0, 2, "rejected", "post_only_would_cross"),
        (0, 3, "rejected", "off_grid"),
        (0, 4, "rejected", "insufficient_margin"),
    ]


def test_accounts_are_held_apart(exchange: SimExchange) -> None:
    exchange.submit(11, 3, 1, 0, "buy", "4")
    exchange.advance(11)
    held = exchange.position(3, 0)
    assert (held["qty"], held["avg_entry_price"], held["leverage"]) == (4, pytest.approx(100.1), 10)
    assert held["value"] == Decimal("400.2")
    assert held["initial_margin"] == Decimal("40.02")
    assert held["maintenance_margin"] == Decimal("4.002")
    assert exchange.balances(3)["TEST"]["USDT"] == (1000 - Decimal("400.4") * Decimal("0.0005"), 0)
    assert exchange.balances(0)["TEST"]["USDT"] == (1000, 0)
    assert exchange.position(0, 0)["qty"] == 0
    assert exchange.set_leverage(3, 0, 2)
    assert exchange.position(3, 0)["initial_margin"] == Decimal("200.1")
    assert not exchange.set_leverage(3, 0, "0.1"), "its equity does not cover that"
    assert exchange.position(3, 0)["leverage"] == 2
    assert exchange.position(0, 0)["leverage"] == 10


def test_time_does_not_go_back_and_nothing_changes(exchange: SimExchange) -> None:
    exchange.advance(20)
    with pytest.raises(InvalidValueError, match=r"at_ns: 19 lies before 20, where the exchange is"):
        exchange.submit(19, 0, 1, 0, "buy", "1", "100.0")
    with pytest.raises(InvalidValueError, match="market: 1 is none of 1 markets"):
        exchange.submit(21, 0, 1, 1, "buy", "1", "100.0")
    with pytest.raises(OffGridError):
        exchange.submit(21, 0, 1, 0, "buy", "1", "100.05")
    with pytest.raises(InvalidValueError, match="flags: the last row does not end its message"):
        exchange.message(21, 0, columns([(21, SET, 1, 0, 1000, 1)]))
    assert exchange.now_ns == 20
    assert exchange.next_report() is None
    assert exchange.open_orders(0) == []


def test_the_set_up_closes_with_the_first_thing_that_happens(exchange: SimExchange, instrument: tc.Instrument) -> None:
    with pytest.raises(RunError, match="the exchange is open"):
        exchange.add_market(instrument, tc.SimVenue("TEST"), HOLDS)
    fresh = SimExchange()
    fresh.add_market(instrument, tc.SimVenue("TEST"), HOLDS)
    with pytest.raises(InvalidValueError, match=r"instrument: BTCUSDT\.TEST was added before"):
        fresh.add_market(instrument, tc.SimVenue("TEST"), HOLDS)
    assert fresh.now_ns is None


def test_what_is_due_before_a_message_happens_before_it(instrument: tc.Instrument) -> None:
    exchange = SimExchange()
    slow = tc.Latency(entry="5ns", response="3ns")
    exchange.add_market(instrument, tc.SimVenue("TEST", latency=slow), HOLDS)
    exchange.message(10, 0, columns([(10, *row[1:]) for row in BOOK]))
    exchange.submit(11, 0, 1, 0, "buy", "4", "100.1")
    assert (exchange.next_due(), exchange.next_report()) == (16, None)
    exchange.levels(17, 0, 17, [], [("100.1", "0")])
    assert exchange.next_report() == 19
    assert [(n.kind, n.at_ns, n.ts_event) for n in exchange.receive(19)] == [("accepted", 19, 16), ("fill", 19, 16)]
