"""What venues charge: tiers, tokens, other coins, options and outcomes, through the public interface."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from decimal import Decimal
from random import Random
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

import tradecore as tc
from conftest import LAST, SET, TRADE, columns
from tradecore.config import BacktestConfig
from tradecore.errors import InvalidValueError

MS = 1_000_000
AT_ONCE = tc.Latency(entry=0, response=0)
TIERS = [{"volume": 0, "maker": 2, "taker": 5}, {"volume": "150", "maker": "-1", "taker": "4"}]


def spec(name: str, **terms: Any) -> tc.Instrument:
    base, _, venue = name.partition(".")
    given = {"kind": "linear", "base": base, "quote": "USDT", "price_increment": "0.1", "qty_increment": "0.001"}
    return tc.Instrument(f"{base}USDT.{venue}", **(given | terms))


def quoted(price: int, days: int = 1, at: tuple[int, ...] = ()) -> Any:
    """Bids of 50 at the price less 1 and asks of 50 at it, from the first day to the last; trades there sell 60."""
    rows = [(0, SET, 1, LAST, (price - 1) * 10, 50_000), (0, SET, -1, LAST, price * 10, 50_000)]
    rows += [(ms * MS, TRADE, -1, LAST, (price - 1) * 10, 60_000) for ms in at]
    rows += [(days * 86_400_000 * MS, SET, 1, LAST, (price - 2) * 10, 1_000)]
    return columns(rows)


def run(specs: list[tc.Instrument], data: dict[str, Any], *steps: tuple[int, Any], **settings: Any) -> tc.Result:
    class Steps(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            for ms, step in steps:
                ctx.at(ctx.now_ns + ms * MS, lambda ctx, step=step: step(ctx))

    venue = tc.SimVenue("V", latency=AT_ONCE, **settings)
    names = [instrument.id for instrument in specs]
    listed = {instrument.id: instrument for instrument in specs}
    backtest = tc.Backtest([Steps("s", names)], data, [venue], specs=listed, on_error="stop_run", debug_checks=True)
    return backtest.run()


BTC, BNB = spec("BTC.V"), spec("BNB.V", kind="spot")
BTC_DATA, BNB_DATA = quoted(101, at=(50,)), quoted(501)


def buys(ctx: tc.Context) -> None:
    ctx.buy(BTC.id, 1)


def paid(result: tc.Result) -> list[tuple[str, str | None, str | None]]:
    rows = result.fills.select("fee", "fee_paid", "fee_coin").rows()
    return [(str(fee.normalize()), amount and f"{amount.normalize():f}", coin) for fee, amount, coin in rows]


def adds_up(result: tc.Result) -> None:
    """Check that the ledger sums to zero by currency, and its fees to those by currency."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for currency, amount in result.ledger.select("currency", "amount").rows():
        sums[currency] += amount
    assert set(sums.values()) <= {Decimal(0)}
    fees = result.ledger.filter(pl.col("account") == "fees").group_by("currency").agg(pl.col("amount").sum())
    assert {c: a for c, a in fees.rows() if a} == {c: a for c, a in result.fees_by_currency.items() if a}
    cash = result.ledger.filter(pl.col("account") == "cash")["amount"].sum()
    assert cash == result.positions["cash"][-1]
    assert result.fees == result.fills["fee"].sum()


def test_fees_fall_with_the_volume_that_was_traded_before() -> None:
    steps = [(ms, buys) for ms in (1, 2, 3)] + [(4, lambda ctx: ctx.buy(BTC.id, 1, 100))]
    result = run([BTC], {BTC.id: BTC_DATA}, *steps, fees=TIERS)
    assert paid(result) == [
        ("0.0505", None, None), ("0.0505", None, None), ("0.0404", None, None), ("-0.01", None, None),
    ]  # fmt: skip
    assert result.fees_by_currency == {"USDT": Decimal("0.1314")}
    adds_up(result)
    (venue,) = result.venues
    assert venue.fees == "0: 2/5, 150: -1/4"


def test_what_was_traded_a_month_ago_counts_no_more() -> None:
    days = (0, 1, 31, 40)
    data = quoted(101, days=50)
    result = run([BTC], {BTC.id: data}, *((day * 86_400_000 + 1, buys) for day in days), fees="0: 2/5, 202: 1/4")
    assert [fee for fee, *_ in paid(result)] == ["0.0505"] * 4
    result = run([BTC], {BTC.id: data}, *((day * 86_400_000 + 1, buys) for day in (0, 1, 29)), fees="0: 2/5, 202: 1/4")
    assert [fee for fee, *_ in paid(result)] == ["0.0505", "0.0505", "0.0404"]


def test_a_stated_volume_and_a_chosen_tier_go_on_from_there() -> None:
    assert paid(run([BTC], {BTC.id: BTC_DATA}, (1, buys), fees=TIERS, fee_volume=150))[0][0] == "0.0404"
    assert paid(run([BTC], {BTC.id: BTC_DATA}, (1, buys), fees=TIERS, fee_tier=1))[0][0] == "0.0404"
    chosen = run([BTC], {BTC.id: BTC_DATA}, *[(ms, buys) for ms in (1, 2, 3)], fees=TIERS, fee_tier=0)
    assert {fee for fee, *_ in paid(chosen)} == {"0.0505"}
    own = run([BTC], {BTC.id: BTC_DATA}, (1, buys), fees=TIERS, fee_tier=1, taker_fee_bps=10)
    assert paid(own)[0][0] == "0.101"


def test_a_token_pays_less_until_it_is_gone() -> None:
    steps = [(ms, buys) for ms in (1, 2, 3)]
    settings = {"taker_fee_bps": 10, "maker_fee_bps": 10, "fee_token": "BNB", "fee_discount": "0.25"}
    data = {BTC.id: BTC_DATA, BNB.id: BNB_DATA}
    # A fee of 0.101 USDT, 0.07575 less the discount, at a mid of 500.5.
    of_each = str((Decimal("0.07575") / Decimal("500.5")).quantize(Decimal("1e-12")))
    result = run([BTC, BNB], data, *steps, **settings, balances={"BNB": "0.0003"})
    assert paid(result) == [("0.07575", of_each, "BNB"), ("0.101", None, None), ("0.101", None, None)]
    adds_up(result)
    assert set(result.fees_by_currency) == {"BNB", "USDT"}
    free = run([BTC, BNB], data, *steps, **settings)
    assert paid(free) == [("0.07575", of_each, "BNB")] * 3
    adds_up(free)
    priced = run([BTC], {BTC.id: BTC_DATA}, (1, buys), **settings, fee_token_price="100")
    assert paid(priced) == [("0.07575", "0.0007575", "BNB")]
    with pytest.raises(
        InvalidValueError, match=r"fee_token: fees of BTCUSDT\.V are paid in BNB, and no market of the run"
    ):
        run([BTC], {BTC.id: BTC_DATA}, (1, buys), **settings)


def test_a_token_that_open_orders_may_pay_is_not_there_for_fees() -> None:
    settings = {"taker_fee_bps": 10, "fee_token": "BNB", "fee_discount": "0.25", "balances": {"BNB": "1"}}
    data = {BTC.id: BTC_DATA, BNB.id: BNB_DATA}
    held = run([BTC, BNB], data, (1, lambda ctx: ctx.sell(BNB.id, 1, 502)), (2, buys), **settings)
    assert paid(held) == [("0.101", None, None)]


def test_spot_pays_in_what_it_received() -> None:
    spot = spec("BTC.V", kind="spot", taker_fee_bps=10, maker_fee_bps=10)
    sells = lambda ctx: ctx.sell(spot.id, 1)  # noqa: E731
    result = run([spot], {spot.id: BTC_DATA}, (1, buys), (2, sells), fee_currency="received")
    assert paid(result) == [("0.101", "0.001", "BTC"), ("0.1", None, None)]
    assert result.fees_by_currency == {"BTC": Decimal("0.001"), "USDT": Decimal("0.1")}
    adds_up(result)
    contract = run([BTC], {BTC.id: BTC_DATA}, (1, buys), fee_currency="received", taker_fee_bps=10)
    assert paid(contract) == [("0.101", None, None)]


def test_a_third_coin_pays_fees_as_far_as_there_is_some_and_a_sell_pays_its_own_beside_what_it_sells() -> None:
    spot = spec("BTC.V", kind="spot", taker_fee_bps=10, maker_fee_bps=10)
    data = {spot.id: BTC_DATA, BNB.id: BNB_DATA}
    held = {"USDT": "202.202", "BNB": "0.0003"}
    result = run([spot, BNB], data, (1, buys), (2, buys), fee_currency="BNB", balances=held)
    of_first = str((Decimal("0.101") / Decimal("500.5")).quantize(Decimal("1e-12")))
    assert paid(result) == [("0.101", of_first, "BNB"), ("0.101", None, None)]
    assert result.balances["borrowed"].sum() == 0
    adds_up(result)
    sells = lambda ctx: ctx.sell(spot.id, 1)  # noqa: E731
    for has, fills in (("1.001", 1), ("1.0009", 0)):
        result = run([spot], {spot.id: BTC_DATA}, (1, sells), fee_currency="BTC", balances={"BTC": has})
        assert (result.fills.height, result.balances["borrowed"].sum()) == (fills, 0)


def test_options_and_outcomes_are_charged_by_their_own_formulas() -> None:
    option = tc.Instrument(
        "BTC-27MAR26-C.V",
        kind="option",
        base="BTC",
        quote="BTC",
        settlement="BTC",
        strike=100,
        option_side="call",
        expiry_ns=2**60,
        price_increment="0.0001",
        qty_increment="0.1",
    )
    data = columns(
        [
            (0, SET, 1, LAST, 10, 50), (0, SET, -1, LAST, 20, 50),
            (20 * MS, SET, -1, LAST, 20, 0), (20 * MS, SET, -1, LAST, 500, 50), (50 * MS, SET, 1, LAST, 11, 1),
        ]
    )  # fmt: skip
    takes = lambda ctx: ctx.buy(option.id, 2)  # noqa: E731
    result = run([option], {option.id: data}, (10, takes), (30, takes), option_fee="0.0003, 0.125")
    # 12.5 % of a premium of 2 x 0.002, then 0.0003 of 2.
    assert [fee for fee, *_ in paid(result)] == ["0.0005", "0.0006"]
    yes = tc.Instrument(
        "YES.V", kind="binary", base="YES", quote="USDC", outcome="Yes", price_increment="0.01", qty_increment="0.01"
    )
    book = columns([(0, SET, 1, LAST, 40, 50_000), (0, SET, -1, LAST, 60, 50_000), (50 * MS, SET, 1, LAST, 41, 100)])
    result = run([yes], {yes.id: book}, (10, lambda ctx: ctx.buy(yes.id, 100)), outcome_fee="0.04")
    assert [fee for fee, *_ in paid(result)] == ["0.96"]
    assert not any("no fees" in note for note in result.notes)
    flat = run(
        [yes],
        {yes.id: book},
        (10, lambda ctx: ctx.buy(yes.id, 100)),
        outcome_fee="0.04",
        maker_fee_bps=0,
        taker_fee_bps=0,
    )
    assert flat.fees == 0


@pytest.mark.parametrize("seed", range(6))
def test_fees_by_currency_are_those_of_the_ledger(seed: int) -> None:
    draws = Random(seed)
    spot = spec("BTC.V", kind="spot")

    def trades(ctx: tc.Context) -> None:
        send = draws.choice((ctx.buy, ctx.sell))
        send(spot.id, draws.randint(1, 900) / 1000, draws.choice((None, 100, 101)))

    settings: dict[str, Any] = {"fees": draws.choice(("0: 2/5", "0: 2/5, 3: -1/4.3, 9: -0.7/3.1"))}
    settings |= draws.choice(({}, {"fee_currency": "received"}, {"fee_currency": "BNB"}))
    if draws.random() < 0.6:
        settings |= {"fee_currency": draws.choice((None, "received"))}
        settings |= {"fee_token": "BNB", "fee_discount": "0.1", "balances": {"BNB": "0.000002"}, "borrowing": "refused"}
        settings["balances"] |= {"BTC": 50, "USDT": 5_000}
    steps = [(ms, trades) for ms in range(1, 40)]
    result = run([spot, BNB], {spot.id: BTC_DATA, BNB.id: BNB_DATA}, *steps, **settings)
    assert len(result.fills) > 10
    adds_up(result)


def test_a_saved_result_keeps_what_was_paid(tmp_path: Any) -> None:
    spot = spec("BTC.V", kind="spot", taker_fee_bps=10)
    result = run([spot], {spot.id: BTC_DATA}, (1, buys), fee_currency="received")
    result.save(tmp_path / "run.tcr")
    again = tc.load_result(tmp_path / "run.tcr")
    assert again.fees_by_currency == result.fees_by_currency
    assert again.venues == result.venues


def test_a_configuration_has_tiers_as_tables() -> None:
    told = tomllib.loads(
        """
        strategies = [{kind = "touch_maker"}]
        [[venues]]
        name = "V"
        fees = [{volume = 0, maker = "2", taker = "5"}, {volume = "150", maker = -1, taker = 4}]
        fee_tier = 1
        fee_volume = "1e3"
        """
    )
    (venue,) = BacktestConfig.model_validate(told).venues
    assert venue == tc.SimVenue("V", fees=TIERS, fee_tier=1, fee_volume="1e3")
    told["venues"][0]["fees"] = [5]
    with pytest.raises(ValidationError, match=r"venues\.0\.fees"):
        BacktestConfig.model_validate(told)


def test_accounts_do_not_share_their_volume() -> None:
    class Buys(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            for ms in (1, 2):
                ctx.at(ctx.now_ns + ms * MS, buys)

    venue = tc.SimVenue("V", latency=AT_ONCE, fees="0: 2/5, 202: 1/4")
    both = [Buys("a", [BTC.id]), Buys("b", [BTC.id])]
    result = tc.Backtest(both, {BTC.id: BTC_DATA}, [venue], specs={BTC.id: BTC}).run()
    assert {fee for fee, *_ in paid(result)} == {"0.0505"}


@pytest.mark.parametrize(
    ("settings", "field", "said"),
    [
        ({"fees": "5"}, "fees", "is no tier such as"),
        ({"fees": 5}, "fees", "expected tiers such as"),
        ({"fees": [{"volume": 0, "maker": 1}]}, "fees", "expected tiers with volume, maker and taker"),
        ({"fees": [{"volume": 5, "maker": 1, "taker": 1}]}, "fees", "volumes begin with 0 and rise"),
        ({"fees": TIERS, "fee_tier": 2}, "fee_tier", "2 is none of the 2 tiers"),
        ({"fee_tier": 0}, "fee_tier", "0 is none of the 0 tiers"),
        ({"fees": TIERS, "fee_tier": "1.5"}, "fee_tier", "1.5 is no number of a tier"),
        ({"fees": TIERS, "fee_volume": -1}, "fee_volume", "-1 is negative"),
        ({"fee_volume": 5}, "fee_volume", "is of fees by volume, and there are none"),
        ({"fee_discount": "0.25"}, "fee_discount", "is of a fee_token, and there is none"),
        ({"fee_token": "BNB", "fee_discount": 25}, "fee_discount", "25 is no fraction from 0 to 1"),
        ({"fee_token": "BNB", "fee_token_price": 0}, "fee_token_price", "must be greater than zero"),
        ({"fee_token": "received"}, "fee_token", "is no currency"),
        ({"fee_currency": ""}, "fee_currency", "must not be empty"),
        ({"fee_currency": "EUR", "fee_token": "BNB"}, "fee_currency", "is EUR, and BNB pays fees: only one"),
        ({"option_fee": "0.0003"}, "option_fee", "is no rate and share"),
        ({"outcome_fee": 7}, "outcome_fee", "7 is no fraction"),
        ({"delivery_fee": "0.1"}, "delivery_fee", "does not begin with"),
        ({"delivery_fee": {"option": 7}}, "delivery_fee", "is no fee such as"),
        ({"delivery_fee": ["0.1"]}, "delivery_fee", "expected fees by kind"),
    ],
)
def test_a_fee_no_venue_can_charge_is_told_by_its_key(settings: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(InvalidValueError, match=said) as told:
        tc.SimVenue("V", **settings)
    assert told.value.field == field
