"""Options and binaries at a venue with balances: paid for in full, and covered by whom writes them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import tradecore as tc
from conftest import LAST, columns
from tradecore.errors import InvalidValueError

SECOND = 10**9
BEGIN = 1_700_000_000 * SECOND
SET, MARK, INDEX = tc.EventKind.BOOK_SET, tc.EventKind.MARK, tc.EventKind.INDEX
OPTION, BINARY, FUTURE = "BTC-C.TEST", "YES.TEST", "BTC-F.TEST"

Row = tuple[float, tc.EventKind, int, str, str]
Step = tuple[float, Callable[[tc.Context], object]]


def option(side: str = "call", settles: str = "BTC", fee: str = "0", name: str = OPTION) -> tc.Instrument:
    return tc.Instrument(
        name, kind="option", base="BTC", quote="USD", settlement=settles, strike="100000", option_side=side,
        expiry_ns=BEGIN + 1000 * SECOND, price_increment="0.0005" if settles == "BTC" else "5", qty_increment="0.1",
        taker_fee_bps=fee,
    )  # fmt: skip


def binary(fee: str = "0") -> tc.Instrument:
    return tc.Instrument(
        BINARY, kind="binary", base="YES", quote="USDC", outcome="Yes", price_increment="0.01", qty_increment="0.01",
        taker_fee_bps=fee,
    )  # fmt: skip


def future() -> tc.Instrument:
    return tc.Instrument(
        FUTURE, kind="inverse", base="BTC", quote="USD", price_increment="0.5", qty_increment="1", taker_fee_bps="0"
    )


def book(at: float, bid: str, ask: str) -> list[Row]:
    return [(at, SET, 1, bid, "1000000"), (at, SET, -1, ask, "1000000")]


def gone(at: float, bid: str, ask: str) -> list[Row]:
    return [(at, SET, 1, bid, "0"), (at, SET, -1, ask, "0")]


def told(at: float, kind: tc.EventKind, price: str) -> list[Row]:
    return [(at, kind, 0, price, "0")]


def tape(instrument: tc.Instrument, rows: list[Row]) -> Any:
    def price(row: Row) -> int:
        of = Decimal(10) ** -9 if row[1] in (MARK, INDEX) else instrument.price_increment
        return int(Decimal(row[3]) / of)

    return columns(
        [
            (BEGIN + int(row[0] * SECOND), row[1], row[2], LAST, price(row), int(Decimal(row[4]) / instrument.qty_increment))
            for row in sorted([*rows, (100, SET, 1, str(instrument.price_increment), "1")], key=lambda row: row[0])
        ]
    )  # fmt: skip


class Script(tc.Strategy):
    """Does what it is told at seconds, and keeps what becomes of it."""

    def plan(self, *steps: Step) -> Script:
        self.steps = sorted(steps, key=lambda step: step[0])
        return self

    def on_start(self, ctx: tc.Context) -> None:
        self.paid: list[tuple[str, float, Decimal]] = []
        self.refused: list[str] = []
        self.todo = list(self.steps)
        for at, _ in self.steps:
            ctx.at(BEGIN + int(at * SECOND))

    def on_timer(self, ctx: tc.Context, timer: int) -> None:
        self.todo.pop(0)[1](ctx)

    def on_order(self, ctx: tc.Context, order: tc.Order) -> None:
        if order.status in (tc.OrderStatus.REJECTED, tc.OrderStatus.EXPIRED):
            self.refused.append(f"{order.side.name.lower()} {order.qty:g}: {order.reason}")

    def on_payment(self, ctx: tc.Context, payment: Any) -> None:
        self.paid.append((payment.why, payment.position_qty, payment.paid))


def buy(of: str, qty: str, price: str | None = None, **terms: Any) -> Callable[[tc.Context], object]:
    return lambda ctx: ctx.buy(of, qty, price, **terms)


def sell(of: str, qty: str, price: str | None = None, **terms: Any) -> Callable[[tc.Context], object]:
    return lambda ctx: ctx.sell(of, qty, price, **terms)


Tapes = list[tuple[tc.Instrument, list[Row]]]


def run(
    tapes: Tapes, *steps: Step, basis: Any = "average", **settings: Any
) -> tuple[Script, dict[str, Decimal], tc.Result]:
    """Run a script; return it with what its account holds in the end."""
    venue = tc.SimVenue("TEST", latency=tc.Latency(entry=0, response=0), **settings)
    specs = [instrument for instrument, _ in tapes]
    made = Script("s", [spec.id for spec in specs]).plan(*steps)
    data = {instrument.id: tape(instrument, rows) for instrument, rows in tapes}
    kept: dict[str, Any] = {"on_error": "stop_run", "debug_checks": True, "cost_basis": basis}
    result = tc.Backtest([made], data, [venue], specs=specs, **kept).run()
    for _, of_one in result.ledger.group_by("currency"):
        assert of_one["amount"].sum() == 0
    return made, dict(zip(result.balances["currency"], result.balances["end"], strict=True)), result


CALL: Tapes = [(option(), [*told(0, INDEX, "100000"), *told(0, MARK, "0.06"), *book(0, "0.055", "0.065")])]
YES: Tapes = [(binary(), book(0, "0.4", "0.42"))]


def test_a_premium_is_paid_at_once_and_no_more_than_there_is() -> None:
    made, held, _ = run(CALL, (1, buy(OPTION, "2")), (2, buy(OPTION, "14")), balances={"BTC": 1})
    assert held == {"BTC": Decimal("0.87")}
    assert made.refused == ["buy 14: insufficient_balance"]
    made, held, _ = run(CALL, (1, buy(OPTION, "2")), (2, sell(OPTION, "2")), balances={"BTC": 1})
    assert held == {"BTC": Decimal("0.98")}


def test_working_buys_ask_for_what_they_may_cost_and_its_fee() -> None:
    tapes = [(option(fee="100"), CALL[0][1])]
    rests = [(1, buy(OPTION, "10", "0.05")), (2, buy(OPTION, "9.8", "0.05")), (3, buy(OPTION, "9.9", "0.05"))]
    made, held, _ = run(tapes, *rests, balances={"BTC": 1})  # type: ignore[arg-type]
    # 0.505 and 0.4949 are asked: 0.0001 is left.
    assert made.refused == ["buy 9.9: insufficient_balance"]
    assert held == {"BTC": Decimal(1)}


def test_borrowing_pays_premiums_where_there_is_no_margin() -> None:
    made, held, _ = run(CALL, (1, buy(OPTION, "16")), balances={"BTC": 1}, borrowing="allowed")
    assert (made.refused, held) == ([], {"BTC": Decimal("-0.04")})


@pytest.mark.parametrize(
    ("side", "settles", "index", "mark", "initial"),
    [
        ("call", "BTC", "100000", "0.06", "0.21"),
        ("call", "BTC", "98000", "0.06", None),
        ("put", "BTC", "100000", "0.06", "0.21"),
        ("put", "BTC", "125000", "0.06", "0.16"),
        ("call", "USD", "98000", "6000", "18700"),
        ("put", "USD", "100000", "6000", "21000"),
    ],
)
def test_who_writes_an_option_needs_the_published_margin(
    side: str, settles: str, index: str, mark: str, initial: str | None
) -> None:
    spec = option(side, settles)
    bid, ask = ("0.06", "0.07") if settles == "BTC" else ("6000", "6500")
    tapes = [(spec, [*told(0, INDEX, index), *told(0, MARK, mark), *book(0, bid, ask)])]
    # 0.15 less a fiftieth over 0.98, which has no end, and the mark.
    asked = Decimal(initial) if initial else Decimal("0.15") - Decimal(2) / 98 + Decimal("0.06")
    # What the order brings counts, as it does when it is filled.
    least = (asked - Decimal(bid)).quantize(Decimal("1e-12"))
    for change, refused in ((Decimal(0), []), (Decimal("-1e-9"), ["sell 1: insufficient_margin"])):
        made, held, _ = run(tapes, (1, sell(OPTION, "1")), margin="cross", balances={settles: f"{least + change:.12f}"})
        assert made.refused == refused
        assert held[settles] == least + change + (0 if refused else Decimal(bid))


def test_a_sell_of_what_is_held_asks_nothing() -> None:
    steps = [(1, buy(OPTION, "2")), (2, sell(OPTION, "2", "0.07")), (3, sell(OPTION, "1", "0.07"))]
    made, _, _ = run(CALL, *steps, margin="cross", balances={"BTC": "0.13"})  # type: ignore[arg-type]
    assert made.refused == ["sell 1: insufficient_margin"]


def test_what_is_held_of_options_is_no_collateral_of_futures() -> None:
    tapes = [*CALL, (future(), [*told(0, MARK, "100000"), *book(0, "100000", "100000.5")])]
    steps = [(1, buy(OPTION, "15")), (2, buy(FUTURE, "20000")), (3, sell(OPTION, "15")), (4, buy(FUTURE, "20000"))]
    made, _, _ = run(tapes, *steps, margin="cross", leverage=10, balances={"BTC": 1})  # type: ignore[arg-type]
    # 0.025 is left and 0.85 later: 0.02 are asked.
    assert made.refused == []
    steps[0] = (1, buy(OPTION, "15.3"))
    made, _, _ = run(tapes, *steps, margin="cross", leverage=10, balances={"BTC": 1})  # type: ignore[arg-type]
    assert made.refused == ["buy 20000: insufficient_margin"]


@pytest.mark.parametrize("mode", ["cross", "isolated"])
def test_a_written_option_that_is_not_covered_is_bought_back(mode: str) -> None:
    jump = [*gone(9, "0.055", "0.065"), *book(9, "0.23", "0.25"), *told(10, MARK, "0.24")]
    tapes = [(option(), [*CALL[0][1], *jump])]
    made, held, result = run(tapes, (1, sell(OPTION, "1")), margin=mode, balances={"BTC": "0.26"})
    # 0.315 in all: at 0.24 no more than the 0.075 + 0.24 that are to be kept.
    assert made.paid == [("liquidation", -1.0, Decimal("0.25"))]
    assert held == {"BTC": Decimal("0.065")}
    assert result.net_pnl == Decimal("-0.195")
    quiet = [(option(), [*CALL[0][1], *jump[:-1], *told(10, MARK, "0.2399")])]
    assert run(quiet, (1, sell(OPTION, "1")), margin=mode, balances={"BTC": "0.26"})[0].paid == []


def test_an_index_alone_sets_it_off_and_the_fund_takes_what_the_book_does_not() -> None:
    spec = option(settles="USD")
    rows = [*told(0, INDEX, "100000"), *told(0, MARK, "6000"), *book(0, "6000", "6500")]
    tapes = [(spec, [*rows, *gone(9, "6000", "6500"), *told(10, INDEX, "240000")])]
    settings = {"margin": "cross", "balances": {"USD": 16000}, "liquidation_fee_bps": 100}
    made, held, _ = run([(spec, [*rows, *told(10, INDEX, "140000")])], (1, sell(OPTION, "1")), **settings)
    # 22,000 are there, 0.075 x 140,000 + 6,000 = 16,500 are kept.
    assert (made.paid, held) == ([], {"USD": Decimal(22_000)})
    made, held, _ = run(tapes, (1, sell(OPTION, "1")), **settings)
    assert [why for why, _, _ in made.paid] == ["liquidation", "liquidation_fee"]
    assert abs(made.paid[0][2] + made.paid[1][2] - 22_000) < Decimal("1e-6")
    assert abs(held["USD"]) < Decimal("1e-6")


def test_a_future_at_a_loss_has_written_options_bought_back_and_what_is_held_stays() -> None:
    rows = [*told(0, MARK, "100000"), *book(0, "100000", "100000.5")]
    fall = [*gone(10, "100000", "100000.5"), *book(10, "79999.5", "80000"), *told(10, MARK, "80000")]
    other = option("put", name="BTC-P.TEST")
    put = (other, [*told(0, INDEX, "100000"), *told(0, MARK, "0.06"), *book(0, "0.055", "0.065")])
    tapes = [*CALL, put, (future(), [*rows, *fall])]
    steps = [(1, sell(OPTION, "1")), (2, buy(other.id, "1")), (3, buy(FUTURE, "100000"))]
    made, _, result = run(tapes, *steps, margin="cross", leverage=10, balances={"BTC": "0.33"})  # type: ignore[arg-type]
    assert made.refused == []
    assert {why for why, _, _ in made.paid} == {"liquidation"}
    left = {row["instrument"]: row["qty"] for row in result.final_positions}
    assert (left[FUTURE], left[other.id]) == (0, 1)


def test_a_binary_is_paid_in_full_on_either_side() -> None:
    made, held, _ = run(YES, (1, buy(BINARY, "100")), (2, buy(BINARY, "1")), balances={"USDC": "42.4"})
    assert (made.refused, held) == (["buy 1: insufficient_balance"], {"USDC": Decimal("0.4")})
    # Who writes one has 0.4 for it and may owe 1.
    made, held, _ = run(YES, (1, sell(BINARY, "100")), (2, sell(BINARY, "1")), balances={"USDC": "60.5"})
    assert (made.refused, held) == (["sell 1: insufficient_balance"], {"USDC": Decimal("100.5")})
    made, held, _ = run(YES, (1, sell(BINARY, "1")), margin="cross", balances={"USDC": "0.59"})
    assert made.refused == ["sell 1: insufficient_balance"]


def test_nothing_a_binary_does_has_it_liquidated_and_it_ends_at_what_came_true() -> None:
    for outcome, ends in (("1", "0.5"), ("0", "100.5")):
        spec = tc.Instrument(
            BINARY, kind="binary", base="YES", quote="USDC", outcome="Yes", price_increment="0.01",
            qty_increment="0.01", expiry_ns=BEGIN + 50 * SECOND, settlement_price=outcome, taker_fee_bps=0,
        )  # fmt: skip
        rows = [*book(0, "0.4", "0.42"), *gone(10, "0.4", "0.42"), *book(10, "0.98", "0.99")]
        made, held, _ = run([(spec, rows)], (1, sell(BINARY, "100")), margin="cross", balances={"USDC": "60.5"})
        assert [why for why, _, _ in made.paid] == ["settlement"]
        assert held == {"USDC": Decimal(ends)}


def test_an_expired_option_pays_into_the_balance() -> None:
    spec = tc.Instrument(
        OPTION, kind="option", base="BTC", quote="USD", settlement="BTC", strike="100000", option_side="call",
        expiry_ns=BEGIN + 50 * SECOND, price_increment="0.0005", qty_increment="0.1", taker_fee_bps=0,
    )  # fmt: skip
    tapes = [(spec, [*CALL[0][1], *told(40, INDEX, "125000")])]
    _, held, result = run(tapes, (1, buy(OPTION, "1")), balances={"BTC": 1})
    assert held == {"BTC": 1 - Decimal("0.065") + Decimal("0.2")}
    assert result.net_pnl == Decimal("0.135")


def test_balances_change_by_what_positions_made() -> None:
    random, fills = np.random.default_rng(2), 0
    for seed in range(20):
        steps: list[Step] = []
        for at in range(1, 60):
            act, qty = (buy, sell)[int(random.integers(2))], f"{random.integers(1, 30) / 10}"
            price = None if random.random() < 0.5 else f"{random.integers(80, 160) * 0.0005:.4f}"
            steps.append((at, act(OPTION, qty, price)))
        rows: list[Row] = [*CALL[0][1]]
        for at in range(2, 60, 5):
            rows += told(at + 0.5, MARK, f"{random.uniform(0.01, 0.3):.6f}")
        tapes = [(option(fee="10"), rows)]
        settings: dict[str, Any] = {"margin": "cross" if seed % 2 else "off", "balances": {"BTC": 2}}
        _, held, result = run(tapes, *steps, **settings)
        assert held["BTC"] - 2 == sum(row["cash"] for row in result.final_positions)
        fills += result.stats.fills
    assert fills > 200


def test_rates_of_written_options_are_a_setting() -> None:
    settings: dict[str, Any] = {"margin": "cross", "balances": {"BTC": "0.2"}}
    assert run(CALL, (1, sell(OPTION, "1")), **settings)[0].refused == []
    made, _, _ = run(CALL, (1, sell(OPTION, "1")), **settings, option_margin="0.25, 0.15, 0.125")
    assert made.refused == ["sell 1: insufficient_margin"]
    with pytest.raises(InvalidValueError, match="is not initial margin at the money"):
        tc.SimVenue("TEST", option_margin="0.15")


@pytest.mark.parametrize(
    ("tapes", "send", "whole", "settings", "coin"),
    [
        (CALL, buy(OPTION, "10"), "0.653", {"option_fee": "0.0003, 0.125"}, "BTC"),
        (CALL, buy(OPTION, "10", "0.064"), "0.643", {"option_fee": "0.0003, 0.125"}, "BTC"),
        (YES, buy(BINARY, "100"), "42.9744", {"outcome_fee": "0.04"}, "USDC"),
        # 0.4 each is got, less its fee; 1 each may be owed.
        (YES, sell(BINARY, "100"), "60.96", {"outcome_fee": "0.04"}, "USDC"),
        ([(binary("100"), YES[0][1])], sell(BINARY, "100"), "60.4", {}, "USDC"),
    ],
)
def test_a_fee_by_a_formula_is_asked_for_before_it_is_paid(
    tapes: Tapes, send: Any, whole: str, settings: dict[str, Any], coin: str
) -> None:
    made, held, _ = run(tapes, (1, send), **settings, balances={coin: whole})
    assert made.refused == []
    assert held[coin] >= 0
    made, _, _ = run(tapes, (1, send), **settings, balances={coin: Decimal(whole) - Decimal("1e-9")})
    (refused,) = made.refused
    assert refused.endswith("insufficient_balance")


def test_an_option_that_settles_in_cash_is_charged_by_the_worth_of_its_underlying() -> None:
    spec = option(settles="USD")
    fees = {}
    for at, index in (("6000", "100000"), ("6000", None), ("100", "100000")):
        rows = [*(told(0, INDEX, "80000") if index else []), *book(0, at, str(int(at) + 5))]
        _, _, result = run([(spec, rows)], (1, sell(OPTION, "2")), option_fee="0.0003, 0.125")
        fees[at, index] = result.fees
    # 0.0003 of 80,000, of the strike, and an eighth of 100.
    assert fees == {("6000", "100000"): 48, ("6000", None): 60, ("100", "100000"): 25}


FRIDAY, DAY = 1_700_208_000 - BEGIN // SECOND, 86_400
"""8 o'clock of 17 November 2023, in seconds of a script."""


def delivered(kind: str, settles: str, index: str, at: int, qty: str, **terms: Any) -> tuple[list[Any], Decimal]:
    """Hold something until it expires; return what was paid for it then, and the fees of the run."""
    terms |= {"strike": "100000", "option_side": "call"} if kind == "option" else {}
    spec = tc.Instrument(
        "X.TEST", kind=kind, base="BTC", quote="USD", settlement=settles, expiry_ns=BEGIN + at * SECOND,
        price_increment="0.0005" if (kind, settles) == ("option", "BTC") else "5", qty_increment="0.1",
        settlement_price=index, taker_fee_bps=0, maker_fee_bps=0, **terms,
    )  # fmt: skip
    bid, ask = ("0.05", "0.06") if (kind, settles) == ("option", "BTC") else ("100000", "100005")
    send = buy("X.TEST", qty) if Decimal(qty) > 0 else sell("X.TEST", qty[1:])
    fees = tc.SimVenue.profile("DERIBIT").delivery_fee
    rows = [*book(0, bid, ask), (at + 1, SET, 1, bid, "1")]
    made, _, result = run([(spec, rows)], (1, send), delivery_fee=fees)
    assert result.fees == sum(paid for why, _, paid in made.paid if why == "delivery_fee")
    assert result.net_pnl == result.gross_pnl - result.fees
    assert result.fees_by_currency == ({spec.settlement: result.fees} if result.fees else result.fees_by_currency)
    assert result.attribution()["fees"].sum() == -result.fees
    assert result.attribution("side")["fees"].sum() == -result.fees
    assert result.positions["fees"][-1] == result.fees
    return made.paid, result.fees


@pytest.mark.parametrize(
    ("settles", "index", "qty", "fee"),
    [
        # 0.00015 of each coin, an eighth of what is paid out where that is less, nothing of what is worth nothing.
        ("BTC", "125000", "2", "0.0003"),
        ("BTC", "125000", "-2", "0.0003"),
        ("BTC", "100100", "2", "0.00024975025"),
        ("BTC", "90000", "-2", "0"),
        ("USD", "125000", "2", "37.5"),
        ("USD", "100100", "-2", "25"),
    ],
)
def test_an_option_that_is_exercised_pays_for_its_delivery(settles: str, index: str, qty: str, fee: str) -> None:
    paid, fees = delivered("option", settles, index, FRIDAY, qty)
    assert fees == Decimal(fee)
    whys = ["settlement", "delivery_fee"] if fees else ["settlement"]
    assert [(why, held) for why, held, _ in paid] == [(why, float(qty)) for why in whys]


def test_a_future_pays_for_its_delivery() -> None:
    # On the last Friday of November; 0.00025 of 1.2 coins at 125,000, or of 120 USD in coin.
    assert delivered("linear", "USD", "125000", FRIDAY + 7 * DAY, "1.2")[1] == Decimal("37.5")
    assert delivered("inverse", "BTC", "125000", FRIDAY + 7 * DAY, "-120")[1] == Decimal("0.00000024")


def test_what_lasts_a_day_or_a_week_is_delivered_for_nothing() -> None:
    for days in (-1, 1, 2, 3):
        assert delivered("option", "BTC", "125000", FRIDAY + days * DAY, "1")[1] == 0
        assert delivered("linear", "USD", "125000", FRIDAY + days * DAY, "1")[1] == 0
    assert delivered("option", "BTC", "125000", FRIDAY, "1")[1] > 0
    assert delivered("linear", "USD", "125000", FRIDAY, "1")[1] == 0


def test_a_stop_that_is_set_off_where_it_cannot_be_paid_expires() -> None:
    gap = [*gone(10, "0.055", "0.065"), *book(10, "0.2", "0.21"), (10.5, tc.EventKind.TRADE, 1, "0.21", "1")]
    tapes = [(option(), [*CALL[0][1], *gap])]

    def stop(ctx: tc.Context) -> object:
        return ctx.submit(OPTION, "buy", "1", type="stop_market", trigger_price="0.08")

    for has, refused, left in (("0.08", ["buy 1: insufficient_balance"], "0.08"), ("0.21", [], "0")):
        made, held, result = run(tapes, (1, stop), balances={"BTC": has})
        assert (made.refused, held["BTC"]) == (refused, Decimal(left))
        assert result.stats.fills == (0 if refused else 1)


def test_what_written_options_are_worth_is_left_when_a_future_is_liquidated() -> None:
    rows = [*told(0, MARK, "100000"), *book(0, "100000", "100000.5")]
    fall = [*gone(10, "100000", "100000.5"), *told(10, MARK, "60000")]
    wide = [*told(0, INDEX, "100000"), *told(0, MARK, "0.06"), *book(0, "0.055", "0.5")]
    tapes = [(option(), wide), (future(), [*rows, *fall])]
    steps = [(1, sell(OPTION, "1")), (2, buy(FUTURE, "100000"))]
    made, held, result = run(tapes, *steps, margin="cross", leverage=10, balances={"BTC": "0.4"})  # type: ignore[arg-type]
    # 0.455 are there: the fund takes the future where 0.06 are left, then the option for these.
    future_at, option_at = [abs(paid).quantize(Decimal("1e-9")) for _, _, paid in made.paid]
    assert (future_at, option_at) == (Decimal("1.394995"), Decimal("0.06"))
    assert abs(held["BTC"]) < Decimal("1e-9")
    assert abs(result.net_pnl + Decimal("0.4")) < Decimal("1e-9")


def test_what_a_written_binary_may_pay_is_left_when_a_future_is_liquidated() -> None:
    linear = tc.Instrument(
        FUTURE, kind="linear", base="BTC", quote="USDC", price_increment="1", qty_increment="0.001", taker_fee_bps=0
    )
    fall = [*told(0, MARK, "1000"), *book(0, "1000", "1001"), *gone(10, "1000", "1001"), *told(10, MARK, "900")]
    steps = [(1, sell(BINARY, "100")), (2, buy(FUTURE, "1"))]
    tapes = [*YES, (linear, fall)]
    _, held, result = run(tapes, *steps, margin="cross", leverage=20, balances={"USDC": "111"})  # type: ignore[arg-type]
    assert result.liquidations.height == 1
    # 151 were there, 100 of them may be owed.
    assert held["USDC"] == 100
