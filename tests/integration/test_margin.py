"""Margin and liquidation: what an account cannot margin is refused, what is not covered is closed."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tradecore as tc
from tradecore.backtest.outputs import write_outputs
from tradecore.errors import DataError, InvalidValueError

SECOND = 10**9
BEGIN = 1_700_000_000 * SECOND
SET, MARK, FUNDING = tc.EventKind.BOOK_SET, tc.EventKind.MARK, tc.EventKind.FUNDING
A, B = "A.TEST", "B.TEST"


def contract(name: str = A, kind: str = "linear", fee: str = "0", **terms: Any) -> tc.Instrument:
    coin = kind == "inverse"
    given: dict[str, Any] = {
        "base": name[0],
        "quote": "USD" if coin else "USDT",
        "price_increment": "0.5",
        "qty_increment": "1" if coin else "0.001",
        "taker_fee_bps": fee,
    }
    return tc.Instrument(name, kind=kind, **(given | terms))


Row = tuple[float, tc.EventKind, int, str, str]


def book(at: float, *levels: tuple[str, str, str]) -> list[Row]:
    """Levels of ``bid`` or ``ask`` that hold this from a second on."""
    return [(at, SET, 1 if side == "bid" else -1, price, qty) for side, price, qty in levels]


def mark(at: float, price: str) -> list[Row]:
    return [(at, MARK, 0, price, "0")]


def tape(instrument: tc.Instrument, *parts: list[Row], end: float = 100) -> dict[str, Any]:
    rows = sorted((row for part in [*parts, book(end, ("bid", "0.5", "1"))] for row in part), key=lambda row: row[0])
    price = [
        int(Decimal(price) * 10**9) if kind in (MARK, FUNDING) else int(Decimal(price) / instrument.price_increment)
        for _, kind, _, price, _ in rows
    ]
    ts = np.array([BEGIN + int(row[0] * SECOND) for row in rows], np.int64)
    return {
        "ts_event": ts,
        "ts_recv": ts,
        "kind": np.array([row[1] for row in rows], np.uint8),
        "side": np.array([row[2] for row in rows], np.int8),
        "flags": np.full(len(rows), tc.EventFlag.LAST, np.uint8),
        "price": np.array(price, np.int64),
        "qty": np.array([int(Decimal(row[4]) / instrument.qty_increment) for row in rows], np.int64),
        "id": np.zeros(len(rows), np.uint64),
    }


class Script(tc.Strategy):
    """Does what it is told at seconds, and keeps what becomes of it."""

    def plan(self, *steps: tuple[float, Callable[[tc.Context], object]]) -> Script:
        self.steps = sorted(steps, key=lambda step: step[0])
        return self

    def on_start(self, ctx: tc.Context) -> None:
        self.paid: list[Any] = []
        self.ended: list[tuple[str, str | None]] = []
        self.todo = list(self.steps)
        for at, _ in self.steps:
            ctx.at(BEGIN + int(at * SECOND))

    def on_timer(self, ctx: tc.Context, timer: int) -> None:
        self.todo.pop(0)[1](ctx)

    def on_order(self, ctx: tc.Context, order: tc.Order) -> None:
        if order.status in (tc.OrderStatus.REJECTED, tc.OrderStatus.EXPIRED):
            self.ended.append((f"{order.side.name.lower()} {order.qty:g}", order.reason))

    def on_payment(self, ctx: tc.Context, payment: Any) -> None:
        self.paid.append(payment)

    def of(self, why: str) -> list[tuple[float, float, Decimal]]:
        return [(p.position_qty, p.price, p.paid) for p in self.paid if p.why == why]


def buy(qty: str, price: str | None = None, of: str = A, **terms: Any) -> Callable[[tc.Context], object]:
    return lambda ctx: ctx.buy(of, qty, price, **terms)


def sell(qty: str, price: str | None = None, of: str = A, **terms: Any) -> Callable[[tc.Context], object]:
    return lambda ctx: ctx.sell(of, qty, price, **terms)


QUIET = book(0, ("bid", "99.5", "1000"), ("ask", "100", "1000"))


def run(
    *steps: tuple[float, Callable[[tc.Context], object]],
    data: Any = (QUIET,),
    instruments: Any = None,
    response: str = "1ms",
    **settings: Any,
) -> tuple[Script, tc.Result]:
    specs = instruments or [contract()]
    tapes = {A: data} if isinstance(data, list | tuple) else data
    settings = {"margin": "cross", "balances": {"USDT": 1000}, "leverage": 10} | settings
    venue = tc.SimVenue("TEST", latency=tc.Latency(entry=0, response=response), **settings)
    made = Script("s", [spec.id for spec in specs]).plan(*steps)
    columns = {spec.id: tape(spec, *tapes[spec.id]) for spec in specs}
    test = tc.Backtest([made], columns, [venue], specs=specs, on_error="stop_run", debug_checks=True)
    result = test.run()
    assert result.ledger["amount"].sum() == 0
    for currency in {total["currency"] for total in result.totals}:
        for by in (None, "hour", "side"):
            split = result.attribution(by=by).filter(currency=currency)
            assert split["net_pnl"].sum() == next(t["net_pnl"] for t in result.totals if t["currency"] == currency)
    return made, result


# What is let in.


def test_an_order_beyond_the_margin_is_refused_and_one_within_is_not() -> None:
    made, result = run((1, buy("100.001")), (2, buy("100")), (3, buy("0.1")))
    assert made.ended == [("buy 100.001", "insufficient_margin"), ("buy 0.1", "insufficient_margin")]
    assert result.rejected == {"insufficient_margin": 2}


@pytest.mark.parametrize("terms", [{"type": "stop_market"}, {"type": "stop_limit", "price": "111"}])
def test_a_stop_that_the_account_cannot_margin_when_it_is_set_off_expires(terms: dict[str, Any]) -> None:
    fall = [*book(5, ("bid", "99.5", "0"), ("ask", "100", "0"), ("bid", "85", "1000"), ("ask", "85.5", "1000"))]
    rise = [*book(10, ("ask", "100", "0"), ("bid", "110", "1000"), ("ask", "110.5", "1000"))]
    print_ = [(10.5, tc.EventKind.TRADE, 1, "110.5", "1")]

    def stop(ctx: tc.Context) -> object:
        return ctx.submit(B, "buy", "40", trigger_price="110", **terms)

    # 500 for what is held, 440 for the stop; then 750 are lost, and the stop alone asks 442 of the 210 that are left.
    steps = [(1, buy("50")), (2, stop), (6, sell("50"))]
    for falls, ended, fills in ((fall, [("buy 40", "insufficient_margin")], 2), ([], [], 3)):
        data = {A: (QUIET, falls), B: (QUIET, rise, print_)}
        made, result = run(*steps, data=data, instruments=[contract(A), contract(B)], balances={"USDT": 960})
        assert (made.ended, result.stats.fills) == (ended, fills)
        assert result.orders.filter(pl.col("status") == "expired")["reason"].to_list() == [why for _, why in ended]


def test_a_stop_that_closes_a_position_acts_whatever_the_account_has_lost() -> None:
    fall = [*book(5, ("bid", "99.5", "0"), ("ask", "100", "0"), ("bid", "91", "1000"), ("ask", "91.5", "1000"))]
    fall += [(5.5, tc.EventKind.TRADE, -1, "91", "1")]
    stop = lambda ctx: ctx.submit(A, "sell", "100", type="stop_market", trigger_price="95")  # noqa: E731
    made, result = run((1, buy("100")), (2, stop), data=(QUIET, fall))
    assert (made.ended, result.stats.fills, result.net_pnl) == ([], 2, -900)


def test_working_orders_of_a_side_count_together_and_the_larger_side_counts() -> None:
    made, _ = run(
        (1, buy("50", "90")),  # 450 of margin
        (2, sell("50", "110")),  # 550: the larger side
        (3, buy("61", "90")),  # 999
        (4, buy("1", "90")),  # 1008
        (5, sell("41", "110")),  # 1001
    )
    assert made.ended == [("buy 1", "insufficient_margin"), ("sell 41", "insufficient_margin")]


def test_a_cancelled_order_asks_nothing_any_more() -> None:
    made, _ = run((1, buy("100", "95")), (2, lambda ctx: ctx.cancel_all(A)), (3, buy("105", "95")))
    assert made.ended == []


def test_a_replacement_is_held_against_margin_as_well() -> None:
    def replace(qty: str) -> Callable[[tc.Context], object]:
        return lambda ctx: ctx.replace(1, price="95", qty=qty)

    _, result = run((1, buy("100", "95")), (2, replace("106")), (3, replace("105")))
    assert result.orders["qty"].to_list() == [105]


@pytest.mark.parametrize("margin", ["cross", "isolated"])
def test_a_reduce_passes_at_full_margin(margin: str) -> None:
    made, result = run(
        (1, buy("100")),
        (2, sell("60", "120")),
        (3, sell("40", "120")),
        (4, sell("1", "120")),  # with the others it would turn the position, which asks no more than is asked
        (5, sell("200")),  # this would ask for another 1000
        (6, sell("100", reduce_only=True)),
        margin=margin,
    )
    assert made.ended[0] == ("sell 200", "insufficient_margin")
    assert result.final_positions[0]["qty"] == 0


def test_off_is_the_default_and_refuses_nothing() -> None:
    made, result = run((1, buy("1000")), margin="off", balances=None, leverage=1)
    assert (made.ended, result.final_positions[0]["qty"]) == ([], 1000)
    assert tc.SimVenue("V").margin == "off"


def test_unrealised_profit_is_margin_where_it_is_cross_and_none_where_it_is_isolated() -> None:
    up = book(5, ("ask", "100", "0"), ("bid", "119.5", "1000"), ("ask", "120", "1000"))
    for margin, refused in [("cross", []), ("isolated", [("buy 50", "insufficient_margin")])]:
        made, _ = run((1, buy("100")), (6, buy("50")), data=(QUIET, up), margin=margin)
        assert made.ended == refused


def test_brackets_lower_the_leverage_and_end_what_may_be_held() -> None:
    tiers = "0.004/0.02 to 5000, 0.01/0.2 to 6000"
    made, _ = run(
        (1, buy("50")),
        (2, buy("1")),  # more than 5,000 ask 0.2 of it
        (3, sell("111")),
        data=(QUIET,),
        leverage=50,
        maintenance=tiers,
        balances="1010 USDT",
    )
    assert made.ended == [("buy 1", "insufficient_margin"), ("sell 111", "insufficient_margin")]
    made, _ = run((1, buy("60")), (2, buy("1")), maintenance=tiers, leverage=50, balances="100000 USDT")
    assert made.ended == [("buy 1", "insufficient_margin")]


def test_leverage_and_brackets_are_by_symbol_also_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "brackets.csv"
    head = "symbol,notional_floor,notional_cap,initial_rate,maintenance_rate,maintenance_amount"
    file.write_text(f"{head}\nA,0,500,0.1,0.05,0\n,0,,,0.01,\n")
    specs = [contract(A), contract(B)]
    made, _ = run(
        (1, buy("6")),
        (2, buy("6", of=B)),
        (3, buy("90", of=B)),
        data={A: (QUIET,), B: (QUIET,)},
        instruments=specs,
        maintenance=f"brackets:{file}",
        leverage={"A": 100, "*": 5},
    )
    assert made.ended == [("buy 6", "insufficient_margin"), ("buy 90", "insufficient_margin")]
    file.write_text(f"{head}\nA,0,500,0.1,2,0\n")
    with pytest.raises(DataError, match=r"brackets\.csv:2: expected two notionals"):
        run((1, buy("6")), maintenance=f"brackets:{file}")
    file.write_text(f"{head}\nB,0,,,0.1,\n")
    with pytest.raises(InvalidValueError, match=r"maintenance.*says nothing of A\.TEST"):
        run((1, buy("6")), maintenance=f"brackets:{file}")


# Liquidation.

FALL = [
    *book(10, ("bid", "99.5", "0"), ("bid", "94", "1000")),
    *book(10, ("ask", "100", "0"), ("ask", "94.5", "1000")),
    *book(20, ("bid", "94", "0"), ("bid", "92", "10"), ("bid", "91", "20"), ("bid", "90.5", "5"), ("bid", "80", "500")),
    *book(20, ("ask", "94.5", "0"), ("ask", "92.5", "1000")),
]


def test_a_long_is_liquidated_on_a_falling_tape_with_a_thin_book() -> None:
    falls = [*mark(5, "100"), *mark(20, "89.5"), *mark(21, "89.4"), *mark(50, "200")]
    made, result = run(
        (1, buy("100")),
        (2, buy("1", "50")),
        (3, sell("5", "150")),
        data=(QUIET, FALL, falls),
        balances="1100 USDT",
    )
    # Bankrupt at 89: the book takes 35 above it, the fund the rest.
    assert made.ended == [("buy 1", "liquidated"), ("sell 5", "liquidated")]
    assert made.of("liquidation") == [
        (10.0, 92.0, Decimal(-920)),
        (20.0, 91.0, Decimal(-1820)),
        (5.0, 90.5, Decimal("-452.5")),
        (65.0, 89.0, Decimal(-5785)),
    ]
    assert {p.ts_event for p in made.paid} == {BEGIN + 21 * SECOND}
    assert {p.ts_recv - p.ts_event for p in made.paid} == {1_000_000}
    (row,) = result.final_positions
    assert row["qty"] == 0
    assert result.net_pnl == row["cash"] == Decimal("-1022.5")
    assert result.payments["why"].to_list() == ["liquidation"] * 4
    (closed,) = result.liquidations.to_dicts()
    assert (closed["qty"], closed["fee"], closed["currency"]) == (100.0, 0, "USDT")
    assert closed["price"] == pytest.approx(89.775)
    assert result.positions["position_qty"].to_list() == [100, 90, 70, 65, 0]
    last = result.positions.row(-1, named=True)
    assert (last["cash"], last["realized_pnl"]) == (result.net_pnl, result.net_pnl)
    performance = result.performance()
    assert (performance.exposure, performance.hit_rate) == (pytest.approx(0.2), 0)
    assert result.ledger.filter(kind="liquidation")["account"].unique().sort().to_list() == ["cash", "liquidation"]
    assert result.fills["qty"].to_list() == [100]
    (note,) = [note for note in result.notes if "liquidated in A.TEST 1 time" in note]
    assert "100 closed in all" in note


def test_a_liquidated_account_trades_on_with_what_is_left() -> None:
    falls = [*mark(5, "100"), *mark(21, "90.4")]
    made, result = run((1, buy("100")), (40, buy("4")), (41, buy("1")), data=(QUIET, FALL, falls))
    # 42.5 are left: 4 at 92.5 ask 37, 5 would ask 46.25.
    assert made.ended == [("buy 1", "insufficient_margin")]
    assert result.final_positions[0]["qty"] == 4


def test_the_mark_decides_and_not_the_book() -> None:
    gone = book(30, ("bid", "92", "0"), ("bid", "91", "0"), ("bid", "90.5", "0"))
    made, _ = run((1, buy("100")), data=(QUIET, FALL, gone, mark(5, "100")))
    assert made.paid == []
    # Without a mark price the mid does: (80 + 92.5) / 2 once the bids above 80 are gone.
    made, _ = run((1, buy("100")), data=(QUIET, FALL, gone))
    assert [(p.ts_event, p.price) for p in made.paid] == [(BEGIN + 30 * SECOND, 90.0)]


def test_a_short_is_liquidated_by_a_rising_mid() -> None:
    up = book(5, ("ask", "100", "0"), ("ask", "109", "1000"), ("bid", "108.5", "1000"))
    up2 = book(9, ("ask", "109", "0"), ("ask", "109.5", "30"), ("ask", "120", "1000"), ("bid", "109", "1000"))
    made, result = run((1, sell("100")), data=(QUIET, up, up2), maintenance="0.005")
    assert made.of("liquidation") == [(-30.0, 109.5, Decimal(3285)), (-70.0, 109.5, Decimal(7665))]
    assert result.net_pnl == -1000


def test_a_liquidation_costs_its_fee_and_the_price_of_bankruptcy_leaves_room_for_it() -> None:
    gap = book(5, ("bid", "99.5", "0"), ("ask", "100", "0"), ("bid", "50", "1000"), ("ask", "50.5", "1000"))
    made, result = run((1, buy("100")), data=(QUIET, gap), liquidation_fee_bps="100", instruments=[contract(fee="10")])
    # Bought for 10,000 with a fee of 10; 990 are left: bankrupt at (10,000 - 990) / 0.99 in all.
    value = Decimal("9101.010101010101")
    ((qty, price, paid),) = made.of("liquidation")
    assert (qty, round(price, 6), paid) == (100.0, 91.010101, -value)
    ((_, _, fee),) = made.of("liquidation_fee")
    assert fee == Decimal("91.010101010101")
    assert abs(result.net_pnl + 1000) <= Decimal("1e-12")
    assert result.fees == 10 + fee
    assert {p.rate for p in made.paid} == {0.0, 0.01}
    assert result.liquidations["fee"].to_list() == [fee]
    # The row after the liquidation is after its fee.
    assert result.positions["position_qty"].to_list() == [100, 0]
    assert result.positions["fees"].to_list() == [10, result.fees]
    assert result.positions["cash"][-1] == result.net_pnl


def test_negative_equity_on_a_gap_is_shown_where_no_fund_steps_in() -> None:
    gap = book(5, ("bid", "99.5", "0"), ("ask", "100", "0"), ("bid", "50", "1000"), ("ask", "50.5", "1000"))
    made, result = run((1, buy("100")), (7, buy("0.001")), data=(QUIET, gap), insurance="none")
    assert made.of("liquidation") == [(100.0, 50.0, Decimal(-5000))]
    assert made.ended == [("buy 0.001", "insufficient_margin")]
    assert result.net_pnl == -5000
    assert result.equity["equity"].min() == -5000
    (note,) = [note for note in result.notes if "owes 4000 USDT" in note]
    assert "it lost more than the 1000 it had" in note


def test_isolated_margin_loses_only_its_own_margin() -> None:
    gap = book(5, ("bid", "99.5", "0"), ("ask", "100", "0"), ("bid", "50", "1000"), ("ask", "50.5", "1000"))
    data = {A: (QUIET, gap), B: (QUIET,)}
    made, result = run(
        (1, buy("20")),
        (2, buy("30", of=B)),
        (3, buy("1", "60", of=B)),
        (3, buy("1", "40")),
        data=data,
        instruments=[contract(A), contract(B)],
        margin="isolated",
    )
    assert made.of("liquidation") == [(20.0, 90.0, Decimal(-1800))]
    assert made.ended == [("buy 1", "liquidated")]  # of A alone
    by = {row["instrument"]: (row["qty"], row["cash"]) for row in result.final_positions}
    assert by == {A: (0.0, Decimal(-200)), B: (30.0, Decimal(-3000))}


def test_cross_margin_holds_as_long_as_the_account_covers_it_and_then_closes_the_largest_loss_first() -> None:
    drop = book(5, ("bid", "99.5", "0"), ("ask", "100", "0"), ("bid", "70", "1000"), ("ask", "70.5", "1000"))
    worse = book(9, ("bid", "70", "0"), ("ask", "70.5", "0"), ("bid", "62", "1000"), ("ask", "62.5", "1000"))
    marks = [*mark(0, "100"), *mark(5, "70.25"), *mark(9.5, "55.25")]
    slip = book(6, ("bid", "99.5", "0"), ("ask", "100", "0"), ("bid", "95", "1000"), ("ask", "95.5", "1000"))
    data = {A: (QUIET, drop, worse, marks), B: (QUIET, slip)}
    made, result = run((1, buy("20")), (2, buy("30", of=B)), data=data, instruments=[contract(A), contract(B)])
    assert {p.ts_event for p in made.paid} == {BEGIN + 9 * SECOND + SECOND // 2}
    assert [(p.instrument, p.position_qty, p.price) for p in made.paid] == [(A, 20.0, 62.0)]
    by = {row["instrument"]: row["qty"] for row in result.final_positions}
    assert by == {A: 0.0, B: 30.0}


@pytest.mark.parametrize("kind", ["linear", "inverse"])
def test_losses_of_several_positions_beyond_a_gap_are_the_fund_s(kind: str) -> None:
    coin = kind == "inverse"
    sides = ("bid", "ask") if coin else ("ask", "bid")
    before, after = (("99.5", "100"), ("1", "1.5")) if coin else (("100", "99.5"), ("1000", "999.5"))
    jump = [
        *book(5, *((side, price, "0") for side, price in zip(sides, before, strict=True))),
        *book(5, *((side, price, "100000") for side, price in zip(sides, after, strict=True))),
    ]
    fall = mark(6, after[0])
    data = {A: (QUIET, jump, fall), B: (QUIET, jump, fall)}
    send, names = (buy, sell)[not coin], [contract(name, kind, base="X") for name in (A, B)]
    settings = {"balances": {"X": 10} if coin else {"USDT": 1000}}
    qty = "1000" if coin else "40"
    steps = [(1, send(qty)), (2, send(qty, of=B))]
    for insurance, is_owed in (("fund", False), ("none", True)):
        made, result = run(*steps, data=data, instruments=names, insurance=insurance, **settings)
        assert [p.position_qty for p in made.paid] == [float(qty) if coin else -float(qty)] * 2
        (end,) = result.balances["end"]
        assert end < -1 if is_owed else abs(end) < Decimal("1e-9")


def test_a_tier_change_raises_maintenance() -> None:
    falls = [*mark(5, "100"), *mark(20, "91.5")]
    wide = book(20, ("bid", "99.5", "0"), ("bid", "91.5", "1000"))
    low = run((1, buy("100")), data=(QUIET, wide, falls), maintenance="0.005")[0]
    high = run((1, buy("100")), data=(QUIET, wide, falls), maintenance="0.005 to 5000, 0.05")[0]
    # 9,150 ask 45.75 of the 150 that are left, in the second bracket 457.5 - 225.
    assert low.paid == []
    assert high.of("liquidation") == [(100.0, 91.5, Decimal(-9150))]


@pytest.mark.parametrize(
    ("side", "above", "below"),
    # Bybit's text on isolated inverse: 60,000 USD at 50,000, 10 times, 0.5 %: 45,681.818... and 55,277.777...
    [("buy", "45681.819", "45681.818"), ("sell", "55277.777", "55277.778")],
)
def test_an_inverse_liquidation_price_equals_the_published_formula(side: str, above: str, below: str) -> None:
    quiet = book(0, ("bid", "50000", "100000"), ("ask", "50000.5", "100000"))
    inverse = contract(kind="inverse")
    price = Decimal("50000.5") if side == "buy" else Decimal(50_000)
    qty = 60_000
    trade = (buy if side == "buy" else sell)(str(qty))

    def at(mark_price: str) -> int:
        moved = Decimal(mark_price) * price / 50_000
        made, _ = run(
            (1, trade),
            data=(quiet, mark(5, "50000"), mark(9, f"{moved:.9f}")),
            instruments=[inverse],
            margin="isolated",
            balances={"A": "0.2"},
        )
        return len(made.of("liquidation"))

    assert (at(above), at(below)) == (0, 1)


def test_a_quanto_contract_is_margined_in_its_third_currency() -> None:
    quanto = contract(kind="quanto", quote="USD", settlement="XBT", contract_size="0.000001", qty_increment="1")
    quiet = book(0, ("bid", "499.5", "1000000"), ("ask", "500", "1000000"))
    made, _ = run(
        (1, buy("10000")), (2, buy("1")), data=(quiet,), instruments=[quanto], balances="0.1 XBT", leverage=50
    )
    assert made.ended == [("buy 1", "insufficient_margin")]


def test_funding_is_taken_from_an_isolated_margin() -> None:
    rate: list[Row] = [(5, FUNDING, 0, "0.09", "0")]
    made, _ = run((1, buy("50")), data=(QUIET, mark(3, "100"), rate, mark(6, "100.1")), margin="isolated")
    # 450 of the 500 behind it are paid; what is left is above 0.5 % of 5,005.
    assert [p.why for p in made.paid] == ["funding"]
    made, _ = run((1, buy("50")), data=(QUIET, mark(3, "100"), rate, mark(6, "99.4")), margin="isolated")
    assert [p.why for p in made.paid][:2] == ["funding", "liquidation"]


def test_a_settled_future_frees_its_margin() -> None:
    future = contract(expiry_ns=BEGIN + 10 * SECOND)
    made, _ = run(
        (1, buy("50")),
        (2, buy("40", of=B)),
        (20, buy("60", of=B)),
        data={A: (QUIET, mark(5, "101")), B: (QUIET,)},
        instruments=[future, contract(B)],
    )
    assert made.of("settlement") == [(50.0, 101.0, Decimal(-5050))]
    assert made.ended == []


def test_a_book_that_cannot_be_traded_on_is_waited_for() -> None:
    crossed = book(5, ("bid", "120", "1"))
    back = book(5.5, ("bid", "120", "0"))
    marks = [*mark(3, "100"), *mark(5.1, "90.1"), *mark(50, "90.2")]
    made, _ = run((1, buy("100")), data=(QUIET, crossed, back, marks))
    assert [(p.ts_event, p.price) for p in made.paid] == [(BEGIN + 5 * SECOND + SECOND // 2, 99.5)]


def test_accounts_are_liquidated_each_for_itself() -> None:
    falls = [*mark(5, "100"), *mark(20, "90.4")]
    makers = [Script(name, [A]).plan((at, buy(qty))) for name, at, qty in [("a", 1, "100"), ("b", 2, "10")]]
    venue = tc.SimVenue(
        "TEST", latency=tc.Latency(entry=0, response=0), margin="cross", balances="1000 USDT", leverage=10
    )
    columns = {A: tape(contract(), QUIET, falls)}
    result = tc.Backtest(makers, columns, [venue], specs=[contract()], debug_checks=True).run()
    held = {row["strategy"]: row["qty"] for row in result.final_positions}
    assert held == {"a": 0.0, "b": 10.0}


def test_a_market_without_a_book_closes_at_its_last_price() -> None:
    trades: list[Row] = [
        (at, tc.EventKind.TRADE, 1, price, "50")
        for at, price in [(0, "100"), (2, "100"), (2.5, "100"), (3, "100"), (9, "90"), (10, "90")]
    ]
    made, result = run((1, buy("100")), data=(trades,), basis="trades")
    assert made.of("liquidation") == [(100.0, 90.0, Decimal(-9000))]
    assert result.final_positions[0]["qty"] == 0


def test_a_run_with_margin_reads_marks_of_a_catalog(tmp_path: Path) -> None:
    catalog = tc.Catalog(tmp_path)
    falls = [*mark(5, "100"), *mark(20, "90.4")]
    with catalog.writer(contract()) as writer:
        writer.write(tape(contract(), QUIET, falls))
    venue = tc.SimVenue("TEST", latency=tc.Latency(entry=0), margin="cross", balances="1000 USDT", leverage=10)
    made = Script("s", [A]).plan((1, buy("100")))
    result = tc.Backtest([made], catalog, [venue], record=True).run()
    assert [p.why for p in made.paid] == ["liquidation"]
    again = tc.replay(result.journal, [Script("s", [A]).plan((1, buy("100")))], result.instruments)
    assert again.digest == result.digest


def test_what_the_venue_keeps_is_the_same_whether_strategies_run_together_or_apart() -> None:
    falls = [*mark(5, "100"), *mark(20, "90.4")]
    data = {A: tape(contract(), QUIET, FALL, falls)}
    venue = tc.SimVenue(
        "TEST",
        latency=tc.Latency(entry=0, response=0),
        margin="cross",
        balances="1000 USDT",
        leverage=10,
        accounts="isolated",
    )

    def nets(*quantities: str) -> list[float]:
        made = [Script(f"s{at}", [A]).plan((1, buy(qty))) for at, qty in enumerate(quantities)]
        result = tc.Backtest(made, data, [venue], specs=[contract()]).run()
        return [float(row["cash"]) for row in result.final_positions]

    assert nets("100", "60") == nets("100") + nets("60")


@pytest.mark.parametrize("margin", ["cross", "isolated"])
@pytest.mark.parametrize("kind", ["linear", "inverse"])
def test_with_a_fund_no_account_ends_below_zero_whatever_the_market_does(kind: str, margin: str) -> None:
    size, begin = (1, "1000 USDT") if kind == "linear" else (10_000, "1000 A")
    deep = str(20_000 * size)
    liquidated = 0
    for seed in range(4):
        random = np.random.default_rng(seed)
        bid, walk = 200, book(0, ("bid", "100.0", deep), ("ask", "100.5", deep))
        for at in range(1, 60):
            new = max(20, bid + int(random.normal(0, 12)))
            walk += book(at, ("bid", f"{bid / 2}", "0"), ("ask", f"{bid / 2 + 0.5}", "0"))
            walk += book(at, ("bid", f"{new / 2}", deep), ("ask", f"{new / 2 + 0.5}", deep))
            bid = new
        steps = [
            (at + 0.5, (buy if random.random() < 0.5 else sell)(str(int(random.integers(1, 100)) * size)))
            for at in range(1, 59)
        ]
        specs = [contract(kind=kind)]
        made, result = run(*steps, data=(walk,), margin=margin, balances=begin, instruments=specs)
        liquidated += len(made.of("liquidation"))
        assert 1000 + result.net_pnl > Decimal("-1e-9")
    assert liquidated > 0


# Settings.


@pytest.mark.parametrize(
    ("field", "settings", "problem"),
    [
        ("margin", {"margin": "on"}, '"on" is not off, cross or isolated'),
        ("balances", {"margin": "cross"}, "margin needs collateral"),
        ("leverage", {"leverage": 0}, '"0" is no number above 0'),
        ("leverage", {"leverage": {"A": "x"}}, '"x" is no number above 0'),
        ("leverage", {"leverage": True}, "a number such as 20"),
        ("maintenance", {"maintenance": "2"}, "has no rate from 0 to 1"),
        ("maintenance", {"maintenance": "A: 0.1; A: 0.2"}, "A is there twice"),
        ("maintenance", {"maintenance": "brackets:"}, "names no file"),
        ("liquidation_fee_bps", {"liquidation_fee_bps": "-1"}, "is not from 0 to 10000"),
        ("insurance", {"insurance": "no"}, '"no" is not fund or none'),
    ],
)
def test_a_setting_that_cannot_be_is_named(field: str, settings: Any, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=rf"{field}: .*{problem}"):
        tc.SimVenue("V", **settings)


def test_settings_are_one_text_however_they_are_given() -> None:
    one = tc.SimVenue("V", margin="cross", balances={"USDT": 5}, leverage={"A": 20, "*": 5}, maintenance={"*": "0.01"})
    other = tc.SimVenue("V", margin="cross", balances="5 USDT", leverage="A: 20; *: 5", maintenance="*: 0.01")
    assert one == other
    kept: Any = {"margin": "cross", "balances": "5 USDT"}
    assert tc.SimVenue("V", leverage=5, **kept) == tc.SimVenue("V", leverage="5", **kept)


def test_a_configuration_has_the_same_settings(tmp_path: Path) -> None:
    from tradecore.config.venues import from_table, to_table

    table = {"name": "V", "margin": "isolated", "balances": {"USDT": 5}, "leverage": 20}
    table |= {"maintenance": {"A": "0.01", "*": "0.005"}, "liquidation_fee_bps": Decimal("1.5"), "insurance": "none"}
    venue = from_table(table)
    assert (venue.margin, venue.leverage, venue.maintenance) == ("isolated", "20", "A: 0.01; *: 0.005")
    assert from_table(to_table(venue)) == venue


def test_a_liquidation_is_in_the_files_and_the_page_of_a_run(tmp_path: Path) -> None:
    falls = [*mark(5, "100"), *mark(20, "90.4")]
    _, result = run((1, buy("100")), data=(QUIET, FALL, falls))
    write_outputs(result, tmp_path, exchange="T", symbol="A", date="d", config={}, extra={})
    (file,) = tmp_path.glob("*_positions.csv")
    assert [line.split(",")[1] for line in file.read_text().splitlines()[1:]] == [
        "100.0",
        "90.0",
        "70.0",
        "65.0",
        "0.0",
    ]
    assert "queue tracked, cross margin, leverage 10" in str(result)
    result.report(tmp_path / "report.html")
    assert "liquidated in A.TEST 1 time" in (tmp_path / "report.html").read_text()
    result.save(tmp_path / "run.tcr")
    assert tc.load_result(tmp_path / "run.tcr").liquidations.equals(result.liquidations)


# What is seen of it elsewhere.


def test_a_sweep_at_a_venue_with_margin_has_its_figures(market: Path) -> None:
    venue = tc.SimVenue("SYNTH", margin="cross", balances={"USDT": 100_000}, leverage=5)
    grid = {"quote_qty": "0.01", "max_position": ["0.05", "0.1"]}
    swept = tc.sweep(tc.TouchMaker, market, grid, venues=[venue], workers=1)
    assert swept.frame["error"].to_list() == [None, None]
    assert swept.frame["fills"].min() > 0


def test_what_was_liquidated_is_marked_at_nothing_old() -> None:
    falls = book(10, ("bid", "99.5", "0"), ("bid", "80", "1000"), ("ask", "100", "0"), ("ask", "80.5", "1000"))
    settings = {"balances": {"USDT": 120}, "stale_after": "20s"}
    _, held = run((1, buy("10")), data=(QUIET,), **settings)
    assert held.stale_marks[A]["times"] == 1
    _, closed = run((1, buy("10")), data=(QUIET, falls), **settings)
    assert closed.liquidations.height == 1
    assert closed.silences[A]["times"] == 1
    assert closed.stale_marks == {}


def test_a_book_that_shows_nothing_is_waited_for_where_nobody_takes_the_rest() -> None:
    gone, back = book(4, ("bid", "99.5", "0")), book(7, ("bid", "79", "1000"))
    data = (QUIET, gone, mark(0, "100"), mark(5, "80"), back)
    made, _ = run((1, buy("10")), data=data, balances={"USDT": 120}, insurance="none")
    assert [(qty, price) for qty, price, _ in made.of("liquidation")] == [(10, 79)]
