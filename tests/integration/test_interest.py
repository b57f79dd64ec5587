"""What accounts pay for what they borrow: in which coin, when, and where it is booked."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tradecore as tc
from conftest import LAST, SET, columns
from tradecore.errors import InvalidValueError

SECOND = 10**9
HOUR = 3600 * SECOND
MINUTE = 60 * SECOND
BEGIN = 400_000 * HOUR
A, B = "BTCUSDT.TEST", "ETHUSDT.TEST"

Step = tuple[float, Callable[[tc.Context], object]]


def spot(name: str) -> tc.Instrument:
    return tc.Instrument(
        name, kind="spot", base=name[:3], quote="USDT", price_increment="0.5", qty_increment="0.001", taker_fee_bps=0
    )


def tape(end: int = 300) -> dict[str, Any]:
    """A book of 99.5 to 100.5, told again each ten minutes until the end, minutes."""
    rows = [(BEGIN, SET, 1, LAST, 199, 10**6), (BEGIN, SET, -1, LAST, 201, 10**6)]
    rows += [(BEGIN + at * MINUTE, SET, 1, LAST, 199, 10**6 - at) for at in range(10, end + 1, 10)]
    return columns(rows)


class Script(tc.Strategy):
    """Does what it is told at minutes."""

    def plan(self, *steps: Step) -> Script:
        self.steps = sorted(steps, key=lambda step: step[0])
        return self

    def on_start(self, ctx: tc.Context) -> None:
        self.paid: list[Any] = []
        self.todo = list(self.steps)
        for at, _ in self.steps:
            ctx.at(BEGIN + int(at * MINUTE))

    def on_timer(self, ctx: tc.Context, timer: int) -> None:
        self.todo.pop(0)[1](ctx)

    def on_payment(self, ctx: tc.Context, payment: Any) -> None:
        assert payment.why == "interest"
        self.paid.append(((payment.ts_event - BEGIN) / MINUTE, payment.instrument, payment.paid))


def buy(qty: str, of: str = A) -> Callable[[tc.Context], object]:
    return lambda ctx: ctx.buy(of, qty)


def sell(qty: str, of: str = A) -> Callable[[tc.Context], object]:
    return lambda ctx: ctx.sell(of, qty)


def run(*steps: Step, end: int = 300, names: tuple[str, ...] = (A,), **settings: Any) -> tuple[Script, tc.Result]:
    given = {"balances": {"USDT": 1000}, "borrowing": "allowed", "borrow_rate": "0.0001 every 1h"} | settings
    venue = tc.SimVenue("TEST", latency=tc.Latency(entry=0, response=0), **given)
    made = Script("s", list(names)).plan(*steps)
    data = {name: tape(end) for name in names}
    test = tc.Backtest([made], data, [venue], specs=[spot(name) for name in names], debug_checks=True, record=True)
    result = test.run()
    assert result.ledger["amount"].sum() == 0
    again = tc.replay(result.journal, [Script("s", list(names)).plan(*steps)], result.instruments)
    assert (again.digest, again.diverged_ns) == (result.digest, None)
    return made, result


def test_a_loan_costs_the_hours_it_lies_in() -> None:
    # 1,010 of USDT from 1:20 to 2:15, 2,010 paid and 1,000 held before: as Binance counts, two hours.
    made, result = run((80, buy("20")), (135, sell("20")))
    # The first is owed in the second.
    assert made.paid == [(120, A, Decimal("0.101")), (180, A, Decimal("0.1010101"))]
    assert result.interest == Decimal("0.2020101")
    assert result.net_pnl == Decimal(-20) - result.interest
    assert result.balances.filter(currency="USDT")["end"].to_list() == [Decimal("979.7979899")]


def test_interest_is_owed_interest_on() -> None:
    made, _ = run((10, buy("20")), end=130)
    first = Decimal("0.101")
    assert made.paid[:2] == [(60, A, first), (120, A, (1010 + first) * Decimal("0.0001"))]


def test_the_interval_in_which_the_run_ends_is_paid_at_its_end() -> None:
    made, result = run((10, buy("20")), end=30)
    assert made.paid == [(30, A, Decimal("0.101"))]
    [row] = result.payments.to_dicts()
    assert (row["why"], row["paid"], row["rate"]) == ("interest", Decimal("0.101"), 0.0001)
    assert result.interest == Decimal("0.101")


def test_a_coin_that_was_sold_short_is_paid_in_itself_and_worth_its_mid() -> None:
    made, result = run((10, sell("2")), (70, buy("2.001")), end=120, balances={"USDT": 10_000})
    assert made.paid[0] == (60, A, Decimal("0.02"))
    coins = result.balances.filter(currency="BTC")
    assert coins["end"].to_list() == [Decimal("0.001") - Decimal("0.0002") - Decimal("0.00020002")]
    assert result.interest == Decimal("0.02") + Decimal("0.020002")


def test_rates_are_by_currency_and_what_has_none_costs_nothing() -> None:
    settings = {"balances": {"USDT": 0}, "borrow_rate": {"BTC": "0.001 every 1h"}}
    made, _ = run((10, buy("3")), (70, sell("3")), end=120, **settings)
    assert made.paid == []
    assert run((10, sell("2")), end=60, **settings)[0].paid == [(60, A, Decimal("0.2"))]
    other = {"borrow_rate": "BTC: 0.001 every 1h; *: 0.002 every 30m"}
    assert run((10, buy("20")), end=30, **other)[0].paid == [(30, A, Decimal("2.02"))]


def test_it_is_booked_where_most_of_it_was_used() -> None:
    made, result = run((10, buy("8", of=A)), (11, buy("9", of=B)), end=60, names=(A, B))
    assert [instrument for _, instrument, _ in made.paid] == [B]
    by = {row["instrument"]: row["interest"] for row in result.pnl.to_dicts()}
    assert by == {A: 0, B: result.interest}


def test_profit_is_split_with_it_and_the_ledger_has_it() -> None:
    _, result = run((80, buy("20")), (135, sell("20")))
    split = result.attribution()
    assert split["interest"].to_list() == [-result.interest]
    assert split["net_pnl"].to_list() == [result.net_pnl]
    hours = result.attribution(by="hour").filter(pl.col("interest") != 0)
    assert hours["interest"].to_list() == [Decimal("-0.101"), Decimal("-0.1010101")]
    assert result.attribution(by="side")["interest"].sum() == -result.interest
    assert result.ledger.filter(account="interest")["amount"].sum() == result.interest
    assert result.equity["equity"][-1] == result.net_pnl == result.gross_pnl - result.fees - result.interest
    assert result.summary()["interest"] == "0.2020101"
    assert "interest" in str(result)


def test_it_is_kept_with_a_saved_result_and_shown(tmp_path: Path) -> None:
    _, result = run((80, buy("20")), (135, sell("20")))
    result.save(tmp_path / "run.tcr")
    assert tc.load_result(tmp_path / "run.tcr").attribution().equals(result.attribution())
    assert "on what was borrowed" in result.report(tmp_path / "a.html").read_text(encoding="utf-8")


def test_nothing_borrowed_changes_nothing() -> None:
    _, plain = run((10, buy("2")), (20, sell("2")), borrow_rate=None)
    _, lent = run((10, buy("2")), (20, sell("2")))
    assert lent.digest == plain.digest
    assert lent.interest == 0


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"borrow_rate": "0.1"}, 'borrow_rate: "0.1" is no interest; expected a rate such as "0.00001 every 1h"'),
        ({"borrow_rate": "-0.1 every 1h"}, "has a rate below 0"),
        ({"borrow_rate": "USDT: 0.1 every 1h; USDT: 0.1 every 1h"}, "USDT is there twice"),
        ({"borrowing": "refused"}, "borrow_rate: is of what accounts borrow: it needs balances, and borrowing allowed"),
        ({"balances": None}, "borrow_rate: is of what accounts borrow"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], problem: str) -> None:
    given = {"balances": {"USDT": 1}, "borrowing": "allowed", "borrow_rate": "0.1 every 1h"} | settings
    with pytest.raises(InvalidValueError) as caught:
        tc.SimVenue("TEST", **given)
    assert problem in str(caught.value)


def test_whatever_is_traded_what_is_owed_explains_what_is_paid() -> None:
    random = np.random.default_rng(5)
    for _ in range(10):
        steps: list[Step] = []
        for at in np.sort(random.choice(np.arange(1, 290), 30, replace=False)).tolist():
            act = buy if random.random() < 0.5 else sell
            steps.append((float(at), act(f"{random.uniform(0.1, 9):.3f}", of=str(random.choice([A, B])))))
        made, result = run(*steps, names=(A, B), balances={"USDT": 300, "BTC": 1})
        held = {"USDT": Decimal(300), "BTC": Decimal(1), "ETH": Decimal(0)}
        worth = {"USDT": Decimal(1), "BTC": Decimal(100), "ETH": Decimal(100)}
        owed = dict.fromkeys(held, Decimal(0))
        rows = result.fills.sort("ts_event", maintain_order=True).to_dicts()
        paid = Decimal(0)
        for end in range(60, 301, 60):
            while rows and (rows[0]["ts_event"].timestamp() * SECOND - BEGIN) / MINUTE < end:
                row = rows.pop(0)
                coin, sign = row["instrument"][:3], 1 if row["side"] == "buy" else -1
                qty = Decimal(f"{row['qty']:.3f}")
                held[coin] += sign * qty
                held["USDT"] -= sign * qty * Decimal(f"{row['price']}")
                owed = {name: min(owed[name], held[name]) for name in held}
            for name, most in owed.items():
                interest = (-most * Decimal("0.0001")).quantize(Decimal("1e-12"))
                held[name] -= interest
                paid += interest * worth[name]
                owed[name] = min(Decimal(0), held[name])
        assert abs(result.interest - paid) < Decimal("1e-9")
        ended = dict(zip(result.balances["currency"], result.balances["end"], strict=True))
        assert all(abs(ended[name] - held[name]) < Decimal("1e-9") for name in held), (ended, held, made.paid)
