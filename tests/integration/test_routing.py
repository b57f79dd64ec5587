"""Orders routed over several venues of one asset: by their books, fees, ways and smallest orders."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

import tradecore as tc
from tradecore._core import Kernel
from tradecore.errors import InvalidValueError, UnknownInstrumentError
from tradecore.session.kernel import build_kernel

A, B = "BTCUSDT.A", "BTC-USDT.B"
BOOKS = {
    A: ([(99.0, 1.0), (98.0, 2.0)], [(100.0, 0.3), (101.0, 1.0), (104.0, 5.0)]),
    B: ([(98.9, 1.0), (98.5, 9.0)], [(100.02, 1.0), (102.0, 9.0)]),
}


def instrument(name: str, **terms: Any) -> tc.Instrument:
    plain = {
        "kind": "spot",
        "base": "BTC",
        "quote": "USDT",
        "price_increment": "0.01",
        "qty_increment": "0.001",
        "lot_size": "0.01",
        "min_notional": "0",
        "taker_fee_bps": "0",
    }
    return tc.Instrument(name, **{**plain, **terms})


class Router(tc.Strategy):
    """Does what it is told to at 100 ns, and notes what became of its parts."""

    def __init__(self, step: Callable[[tc.Context], Any], names: list[str]) -> None:
        super().__init__("r", names)
        self.do = step
        self.parts: list[Any] = []
        self.ended: list[tuple[Any, ...]] = []

    def on_start(self, ctx: tc.Context) -> None:
        ctx.at(100, self.begin)

    def begin(self, ctx: tc.Context) -> None:
        self.parts = [(part.instrument, part.qty, part.algorithm) for part in self.do(ctx)]

    def save(self) -> object:
        return {}

    def on_execution(self, ctx: tc.Context, execution: Any) -> None:
        self.ended.append((execution.instrument, execution.filled, execution.state))


def routed(
    step: Callable[[tc.Context], Any], *instruments: tc.Instrument, known: tuple[str, ...] = (A, B)
) -> tuple[Router, Kernel, list[tuple[Any, ...]]]:
    """Return the strategy, the kernel, and the orders that went out: where, how much, at most for what."""
    specs = instruments or (instrument(A), instrument(B))
    router = Router(step, [spec.id for spec in specs])
    kernel = build_kernel("s", [router], specs, stop_run_on_error=True)
    kernel.start(1)
    for market, spec in enumerate(specs):
        if spec.id in known:
            kernel.levels(10, market, 9, *BOOKS[spec.id], snapshot=True)
    kernel.due(100)
    sent = [(c.instrument, c.qty, c.price, c.side, c.time_in_force) for c in kernel.drain()]
    assert all(tif is tc.TimeInForce.IOC for *_, tif in sent)
    return router, kernel, [order[:3] for order in sent]


def buy(qty: Any, limit: Any = None, **keywords: Any) -> Callable[[tc.Context], Any]:
    return lambda ctx: ctx.route([A, B], "buy", qty, limit, **keywords)


def test_the_cheapest_levels_of_all_books_are_taken_first() -> None:
    router, _, sent = routed(buy("1.5"))
    # 0.3 at 100, 1 at 100.02, and the rest at 101.
    assert sent == [(A, Decimal("0.5"), Decimal(101)), (B, Decimal(1), Decimal("100.02"))]
    assert router.parts == [(A, 0.5, "route"), (B, 1.0, "route")]


def test_selling_takes_the_highest_bids() -> None:
    _, _, sent = routed(lambda ctx: ctx.route([A, B], "sell", 2.5))
    assert sent == [(A, Decimal(1), Decimal(99)), (B, Decimal("1.5"), Decimal("98.5"))]


def test_fees_are_a_part_of_the_price() -> None:
    dear = instrument(A, taker_fee_bps="10")
    _, _, sent = routed(buy("1.2"), dear, instrument(B))
    # A's 100 costs 100.10 with its fee: all that B has at 100.02 comes first.
    assert sent == [(A, Decimal("0.2"), Decimal(100)), (B, Decimal(1), Decimal("100.02"))]


def test_a_slow_venue_costs_what_the_market_moves_meanwhile() -> None:
    near = routed(buy("0.3", latencies={A: "5ms"}, drift_bps=1))[2]
    far = routed(buy("0.3", latencies={A: "5s"}, drift_bps=1))[2]
    assert near == [(A, Decimal("0.3"), Decimal(100))]
    assert far == [(B, Decimal("0.3"), Decimal("100.02"))]


def test_no_order_is_worse_than_the_limit_and_none_goes_where_the_book_is_unknown() -> None:
    assert routed(buy(9, limit="100.01"))[2] == [(A, Decimal("0.3"), Decimal(100))]
    assert routed(buy(9, limit=99))[2] == []
    assert routed(buy("0.5"), known=(B,))[2] == [(B, Decimal("0.5"), Decimal("100.02"))]


def test_a_part_is_at_least_what_its_venue_takes_in_whole_lots() -> None:
    coarse = instrument(B, lot_size="0.2", qty_increment="0.2")
    _, _, sent = routed(buy("0.55"), instrument(A, lot_size="0.1"), coarse)
    # 0.3 at A and 0.2 at B, and what is left is less than a lot of either.
    assert sent == [(A, Decimal("0.3"), Decimal(100)), (B, Decimal("0.2"), Decimal("100.02"))]
    worth = instrument(A, min_notional="30")
    _, _, sent = routed(buy("0.35"), worth, instrument(B))
    assert sent == [(A, Decimal("0.3"), Decimal(100)), (B, Decimal("0.05"), Decimal("100.02"))]
    _, _, sent = routed(buy("0.39"), worth, instrument(B, min_notional="35"))
    # Neither takes what the other leaves: all of it goes where it is cheapest.
    assert sent == [(B, Decimal("0.39"), Decimal("100.02"))]


def test_contracts_are_compared_by_what_they_stand_for() -> None:
    contract = instrument(B, kind="linear", contract_size="0.001", qty_increment="1", lot_size="1")
    _, _, sent = routed(buy("0.35"), instrument(A), contract)
    assert sent == [(A, Decimal("0.34"), Decimal(101)), (B, Decimal(10), Decimal(102))]


def test_each_part_ends_with_its_order() -> None:
    router, kernel, _ = routed(buy("1.5"))
    kernel.report(101, 0, "accepted", 1)
    kernel.report(102, 1, "fill", 2, execution="b", price="100.02", qty=1, liquidity="taker", fee=0)
    kernel.report(103, 0, "fill", 1, execution="a", price=100, qty="0.3", liquidity="taker", fee=0)
    kernel.report(104, 0, "expired", 1, reason="ioc_remainder")
    assert router.ended == [(B, 1.0, "filled"), (A, 0.3, "expired")]
    assert kernel.drain() == []


def test_a_saved_route_goes_on() -> None:
    router, kernel, _ = routed(buy("1.5"))
    again = Router(router.do, [A, B])
    restored = build_kernel("s", [again], [instrument(A), instrument(B)], stop_run_on_error=True)
    restored.restore(kernel.save())
    restored.report(102, 1, "expired", 2, reason="ioc_remainder")
    assert again.ended == [(B, 0.0, "expired")]


def test_a_backtest_routes_over_two_venues(tmp_path: Any) -> None:
    """With latency a part may miss: what is told and what was filled agree."""
    for name, seed in ((A, 1), (B, 2)):
        spec = instrument(name, min_notional="1")
        tc.synthesize(tmp_path / "market", instrument=spec, events=20_000, seed=seed, start_price="60000")

    class Buyer(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.every("1s", self.go)

        def go(self, ctx: tc.Context) -> None:
            ctx.route(self.instruments, "buy", 40, latencies=dict.fromkeys(self.instruments, "10ms"), drift_bps=1)

    result = tc.Backtest([Buyer("b", [A, B])], tmp_path / "market").run()
    executions = result.executions
    assert set(executions["algorithm"]) == {"route"}
    assert set(executions["state"]) <= {"filled", "expired"}
    assert set(executions["instrument"]) == {A, B}
    assert executions["filled_qty"].sum() == pytest.approx(result.fills["qty"].sum())


@pytest.mark.parametrize(
    ("step", "field", "problem"),
    [
        (lambda ctx: ctx.route([], "buy", 1), "instruments", "there is none"),
        (lambda ctx: ctx.route([A, A], "buy", 1), "instruments", "named twice"),
        (lambda ctx: ctx.route([A], "buy", 0), "qty", "no quantity"),
        (lambda ctx: ctx.route([A], "buy", 1, -1), "limit", "no price"),
        (lambda ctx: ctx.route([A], "long", 1), "side", "neither buy nor sell"),
        (lambda ctx: ctx.route([A], "buy", 1, drift_bps=-1), "drift_bps", "-1"),
        (lambda ctx: ctx.route([A], "buy", 1, latencies={B: "1ms"}), "latencies", "none of the instruments"),
        (lambda ctx: ctx.route([A, "C.C"], "buy", 1), None, "C.C"),
    ],
)
def test_what_cannot_be_routed_is_refused(step: Any, field: str | None, problem: str) -> None:
    caught: list[BaseException] = []

    def note(ctx: tc.Context) -> list[Any]:
        with pytest.raises((InvalidValueError, UnknownInstrumentError), match=problem) as error:
            step(ctx)
        caught.append(error.value)
        return []

    routed(note)
    assert field is None or getattr(caught[0], "field", None) == field


def test_other_assets_are_refused() -> None:
    def note(ctx: tc.Context) -> list[Any]:
        with pytest.raises(InvalidValueError, match=r"BTC in USDC, and BTCUSDT\.A is BTC in USDT"):
            ctx.route([A, B], "buy", 1)
        return []

    routed(note, instrument(A), instrument(B, quote="USDC"))
