"""Accounts of options, binaries, futures and spot against the same sums in fractions, written from the venues' own pages."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from test_premiums import BEGIN, INDEX, MARK, SECOND, SET, Row, Step, book, buy, gone, run, sell, told

import tradecore as tc

TICKS = {"BTC": "0.0005", "USD": "5", "binary": "0.01", "inverse": "0.5", "linear": "0.5"}


def text(number: Fraction) -> str:
    return f"{Decimal(number.numerator) / Decimal(number.denominator):f}"


def half_even(number: Fraction, places: int) -> Fraction:
    return Fraction(round(number * 10**places), 10**places)


@dataclass
class Listed:
    """An instrument, what is published of it, and what is held: a quantity, and what it had cost."""

    name: str
    kind: str
    settles: str
    side: str = ""
    strike: Fraction = Fraction(0)
    size: Fraction = Fraction(1)
    expiry: int | None = None
    fee: str = "0"
    bid: Fraction = Fraction(0)
    ask: Fraction = Fraction(0)
    marked: Fraction | None = None
    index: Fraction | None = None
    qty: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)
    is_over: bool = False

    def spec(self) -> tc.Instrument:
        terms: dict[str, Any] = {"kind": self.kind, "base": "BTC", "quote": "USD", "settlement": self.settles}
        if self.kind == "option":
            expiry = BEGIN + (self.expiry or 0) * SECOND
            terms |= {"strike": text(self.strike), "option_side": self.side, "expiry_ns": expiry}
            terms |= {"price_increment": self.tick(), "qty_increment": "0.1", "contract_size": text(self.size)}
        elif self.kind == "binary":
            terms |= {"base": "YES", "outcome": "Yes", "price_increment": self.tick(), "qty_increment": "0.01"}
        else:
            terms |= {"price_increment": self.tick(), "qty_increment": "1" if self.kind == "inverse" else "0.001"}
        return tc.Instrument(self.name, **terms, taker_fee_bps=self.fee)

    def tick(self) -> str:
        return TICKS[self.settles if self.kind == "option" else self.kind]

    @property
    def is_paid(self) -> bool:
        return self.kind in ("option", "binary")

    def price(self) -> Fraction:
        index = None if self.is_paid else self.index
        return next((told for told in (self.marked, index) if told is not None), (self.bid + self.ask) / 2)

    def value(self, qty: Fraction, price: Fraction) -> Fraction:
        return abs(qty) * self.size / price if self.kind == "inverse" else abs(qty) * self.size * price

    def gains(self) -> bool:
        return (self.qty > 0) != (self.kind == "inverse")

    def made(self, value: Fraction, cost: Fraction) -> Fraction:
        return value - cost if self.gains() else cost - value

    def unrealised(self) -> Fraction:
        return self.made(self.value(self.qty, self.price()), self.cost) if self.qty else Fraction(0)

    def cover(self, written: Fraction) -> tuple[Fraction, Fraction]:
        """Initial and maintenance margin of so much that is written (Deribit's page), 1 each of a binary."""
        if written <= 0:
            return Fraction(0), Fraction(0)
        if self.kind == "binary":
            return written, written
        spot = self.index or self.strike
        whole = written * self.size * (spot if self.settles == "USD" else 1)
        out = max(Fraction(0), self.strike - spot if self.side == "call" else spot - self.strike)
        worth = self.value(written, self.price())
        initial = max(whole * Fraction("0.15") - whole * out / spot, whole * Fraction("0.1")) + worth
        if self.side == "call":
            return initial, whole * Fraction("0.075") + worth
        kept = max(whole, worth) * Fraction("0.075") + worth
        return max(initial, kept), kept

    def owes(self) -> Fraction:
        if not self.is_paid or self.qty >= 0:
            return Fraction(0)
        return -self.qty if self.kind == "binary" else self.value(self.qty, self.price())


class Account:
    """One currency of a cross-margined account at a venue with an insurance fund."""

    def __init__(
        self, cash: Fraction, leverage: int, maintenance: Fraction, fee: Fraction, listed: list[Listed]
    ) -> None:
        self.cash, self.leverage, self.maintenance, self.fee, self.listed = cash, leverage, maintenance, fee, listed
        self.refused = self.closed = 0

    def equity(self) -> Fraction:
        return self.cash + sum(one.unrealised() for one in self.listed if not one.is_paid)

    def keeps(self, one: Listed) -> Fraction:
        return one.cover(-one.qty)[1] if one.is_paid else self.maintenance * self.worth(one)

    def worth(self, one: Listed) -> Fraction:
        return one.value(one.qty, one.price()) if one.qty else Fraction(0)

    def asks(self, one: Listed) -> Fraction:
        return one.cover(-one.qty)[0] if one.is_paid else self.worth(one) / self.leverage

    def charged(self, one: Listed, qty: Fraction, price: Fraction) -> tuple[Fraction, Fraction]:
        """Return what a fill costs, and the most that is asked for it before."""
        if one.kind == "binary":
            fee = half_even(half_even(abs(qty) * Fraction("0.04") * price * (1 - price), 12), 5)
            return fee, fee
        if one.kind != "option":
            return Fraction(0), Fraction(0)
        cap = one.value(qty, price) * Fraction("0.125")
        spot = (one.index or one.strike) if one.settles == "USD" else Fraction(1)
        fee = min(cap, abs(qty) * one.size * spot * Fraction("0.0003"))
        return fee, fee if one.settles == "BTC" else cap

    def order(self, one: Listed, qty: Fraction) -> None:
        price = one.ask if qty > 0 else one.bid
        value = one.value(qty, price)
        fee, most = self.charged(one, qty, price)
        reduces = qty * one.qty < 0 and abs(qty) <= abs(one.qty)
        if not one.is_paid:
            same = one.qty * qty >= 0
            held = self.worth(one)
            after = max(held, held + value if same else abs(held - value)) / self.leverage
        elif qty > 0:
            after = self.asks(one) + value + most
        else:
            opens = max(Fraction(0), -qty - max(one.qty, Fraction(0)))
            brings = (value - most) * opens / -qty
            after = max(Fraction(0), one.cover(opens - min(one.qty, Fraction(0)))[0] - brings)
        asked = sum(self.asks(other) for other in self.listed if other is not one) + after
        if one.is_over or (not reduces and after > self.asks(one) and asked > self.equity()):
            self.refused += 1
            return
        self.trade(one, qty, price)
        self.cash -= fee

    def trade(self, one: Listed, qty: Fraction, price: Fraction) -> None:
        closes = min(abs(qty), abs(one.qty)) if qty * one.qty < 0 else Fraction(0)
        if closes:
            released = one.cost * closes / abs(one.qty)
            if not one.is_paid:
                self.cash += one.made(one.value(closes, price), released)
            one.cost -= released
        one.cost += one.value(abs(qty) - closes, price)
        one.qty += qty
        if one.is_paid:
            self.cash -= one.value(qty, price) * (1 if qty > 0 else -1)

    def settle(self, one: Listed) -> None:
        one.is_over = True
        spot = one.index or Fraction(0)
        worth = max(Fraction(0), spot - one.strike if one.side == "call" else one.strike - spot)
        each, delivered = (worth / spot, Fraction(1)) if one.settles == "BTC" else (worth, spot)
        self.cash += one.qty * one.size * each
        self.cash -= abs(one.qty) * one.size * min(delivered * Fraction("0.00015"), each * Fraction("0.125"))
        one.qty = one.cost = Fraction(0)

    def uncovered(self) -> bool:
        return self.equity() <= sum(map(self.keeps, self.listed))

    def guard(self, one: Listed) -> None:
        """Liquidate after a change of one mark: the largest loss first, each down to where nothing is left."""
        may = [other for other in self.listed if other.qty and (not other.is_paid or (other.side and other.qty < 0))]
        if not one.qty or not may or not self.uncovered():
            return
        for other in sorted(may, key=lambda other: other.unrealised()):
            if not self.uncovered():
                return
            self.closed += 1
            own = Fraction(0) if other.is_paid else other.unrealised()
            left = self.equity() - own - sum(each.owes() for each in self.listed if each is not other)
            cost = Fraction(0) if other.is_paid else other.cost
            value = other.value(other.qty, other.bid if other.qty > 0 else other.ask)
            if other.gains():
                value = max(value, (cost - left) / (1 - self.fee))
            else:
                value = min(value, max(Fraction(0), (cost + left) / (1 + self.fee)))
            self.cash += -value if other.is_paid else other.made(value, cost)
            self.cash -= value * self.fee
            other.qty = other.cost = Fraction(0)


def listed(draws: Random, coin: str) -> list[Listed]:
    every = [
        Listed(
            f"O{n}.TEST",
            "option",
            coin,
            draws.choice(("call", "put")),
            Fraction(draws.randint(8, 12) * 10_000),
            Fraction(draws.choice(("1", "0.1", "0.01"))),
            draws.choice((41, 61, 1_000)),
        )
        for n in range(draws.randint(1, 3))
    ]
    if coin == "USD" and draws.random() < 0.6:
        every.append(Listed("B0.TEST", "binary", coin))
    if draws.random() < 0.8:
        every.append(Listed("F0.TEST", "inverse" if coin == "BTC" else "linear", coin))
    return every


def fair(one: Listed, spot: int, draws: Random) -> Fraction:
    if one.kind == "binary":
        return Fraction(draws.randint(5, 95), 100)
    if one.kind != "option":
        return Fraction(spot)
    worth = max(Fraction(0), spot - one.strike if one.side == "call" else one.strike - spot) + draws.randint(500, 4_000)
    return worth / spot if one.settles == "BTC" else worth


MOST = {"option": (60, 10), "binary": (300_000, 100), "inverse": (400_000, 1), "linear": (4_000, 1_000)}


@pytest.mark.parametrize("coin", ["BTC", "USD"])
def test_a_margined_account_of_options_binaries_and_futures_is_what_fractions_say(coin: str) -> None:
    fills = liquidations = settled = 0
    for seed in range(10):
        draws = Random(f"{coin} {seed}")
        every = listed(draws, coin)
        cash = Fraction(draws.choice((1, 5, 20) if coin == "BTC" else (10_000, 50_000, 300_000)))
        leverage, fee_bps = draws.choice((3, 10, 25)), draws.choice((0, 50))
        account = Account(cash, leverage, Fraction("0.02"), Fraction(fee_bps, 10_000), every)
        rows: dict[str, list[Row]] = defaultdict(list)
        steps: list[Step] = []
        spot = 100_000
        for second in range(80):
            for one in every:
                if one.expiry == second:
                    account.settle(one)
            if second % 4:
                one = draws.choice(every)
                most, parts = MOST[one.kind]
                qty = Fraction(draws.randint(1, most), parts) * draws.choice((1, -1))
                steps.append((second, (buy if qty > 0 else sell)(one.name, text(abs(qty)))))
                account.order(one, qty)
                continue
            spot = spot * draws.randint(90, 110) // 100
            for one in every:
                at, tick = fair(one, spot, draws), Fraction(one.tick())
                bid = max(tick, at // tick * tick)
                ask = bid + draws.randint(1, 4) * tick
                if one.bid:
                    rows[one.name] += gone(second, text(one.bid), text(one.ask))
                rows[one.name] += [(second, SET, 1, text(bid), "100000000"), (second, SET, -1, text(ask), "100000000")]
                if not one.is_over:
                    (one.bid, one.ask) = (bid, ask)
                    account.guard(one)
                if one.kind != "binary" and (draws.random() < 0.8 or second == 0):
                    rows[one.name] += told(second + 0.1, INDEX, str(spot))
                    one.index = one.index if one.is_over else Fraction(spot)
                    account.guard(one)
                if one.kind != "binary" and draws.random() < 0.6:
                    mark = half_even(at, 6)
                    rows[one.name] += told(second + 0.2, MARK, text(mark))
                    one.marked = one.marked if one.is_over else mark
                    account.guard(one)
        made, held, result = run(
            [(one.spec(), rows[one.name]) for one in every],
            *steps,
            margin="cross",
            leverage=leverage,
            maintenance="0.02",
            liquidation_fee_bps=fee_bps,
            balances={coin: text(cash)},
            option_fee="0.0003, 0.125",
            outcome_fee="0.04",
            delivery_fee="option: 0.00015, 0.125",
        )
        assert abs(Fraction(held[coin]) - account.cash) < Fraction(1, 10**8), seed
        left = {row["instrument"]: Fraction(row["qty"]) for row in result.final_positions}
        assert all(left.get(one.name, 0) == one.qty for one in every), seed
        assert (len(made.refused), result.liquidations.height) == (account.refused, account.closed)
        fills, liquidations = fills + result.stats.fills, liquidations + account.closed
        settled += sum(why == "settlement" for why, _, _ in made.paid)
    assert fills > 300
    assert liquidations > 3
    assert settled > 5


class Apart:
    """Contracts on isolated margin, in brackets: from a value on, a rate of maintenance and a least initial one."""

    def __init__(self, cash: Fraction, leverage: int, fee: Fraction, unit: Fraction, listed: list[Listed]) -> None:
        self.cash, self.leverage, self.fee, self.listed = cash, leverage, fee, listed
        rates = ((0, "0.004", "0.008"), (50_000, "0.005", "0.01"), (250_000, "0.02", "0.05"))
        self.brackets = [(floor * unit, Fraction(kept), Fraction(first)) for floor, kept, first in rates]
        self.margin = {one.name: Fraction(0) for one in listed}
        self.refused = self.closed = 0

    def maintenance(self, value: Fraction) -> Fraction:
        """Return each part of a value at the rate of its bracket: what tables with amounts come to."""
        ends = [floor for floor, _, _ in self.brackets[1:]] + [value]
        parts = zip(self.brackets, ends, strict=True)
        return sum((max(Fraction(0), min(end, value) - floor) * kept for (floor, kept, _), end in parts), Fraction(0))

    def initial(self, value: Fraction) -> Fraction:
        least = [first for floor, _, first in self.brackets if floor < value]
        return value * max(Fraction(1, self.leverage), least[-1] if least else Fraction(0))

    def order(self, one: Listed, qty: Fraction) -> None:
        price = one.ask if qty > 0 else one.bid
        value, held = one.value(qty, price), one.cost
        exposure = max(held, held + value if one.qty * qty >= 0 else abs(held - value))
        more = max(Fraction(0), self.initial(exposure) - self.initial(held))
        reduces = qty * one.qty < 0 and abs(qty) <= abs(one.qty)
        if not reduces and exposure > held and sum(self.margin.values()) + more > self.cash:
            self.refused += 1
            return
        closes = min(abs(qty), abs(one.qty)) if qty * one.qty < 0 else Fraction(0)
        if closes:
            released = one.cost * closes / abs(one.qty)
            self.cash += one.made(one.value(closes, price), released)
            one.cost -= released
            self.margin[one.name] *= (abs(one.qty) - closes) / abs(one.qty)
        one.qty += qty
        one.cost += one.value(abs(qty) - closes, price)
        if abs(qty) > closes:
            self.margin[one.name] += self.initial(one.cost) * (abs(qty) - closes) / abs(one.qty)
        self.cash -= value * Fraction("0.0005")

    def guard(self, one: Listed) -> None:
        behind = self.margin[one.name]
        if not one.qty or behind + one.unrealised() > self.maintenance(one.value(one.qty, one.price())):
            return
        self.closed += 1
        value = one.value(one.qty, one.bid if one.qty > 0 else one.ask)
        if one.gains():
            value = max(value, (one.cost - behind) / (1 - self.fee))
        else:
            value = min(value, (one.cost + behind) / (1 + self.fee))
        self.cash += one.made(value, one.cost) - value * self.fee
        one.qty = one.cost = self.margin[one.name] = Fraction(0)


@pytest.mark.parametrize("coin", ["BTC", "USD"])
def test_isolated_positions_in_brackets_are_what_fractions_say(coin: str) -> None:
    kind, unit = ("inverse", Fraction(1, 100_000)) if coin == "BTC" else ("linear", Fraction(1))
    fills = liquidations = refused = 0
    for seed in range(10):
        draws = Random(f"{coin} {seed}")
        every = [Listed(f"F{n}.TEST", kind, coin, fee="5") for n in range(draws.randint(1, 3))]
        cash = Fraction(draws.choice((1, 5, 20) if coin == "BTC" else (10_000, 50_000, 300_000)))
        leverage, fee_bps = draws.choice((5, 20, 50)), draws.choice((0, 50))
        account = Apart(cash, leverage, Fraction(fee_bps, 10_000), unit, every)
        rows: dict[str, list[Row]] = defaultdict(list)
        steps: list[Step] = []
        spots, has_marks = {one.name: 100_000 for one in every}, draws.random() < 0.5
        for second in range(80):
            if second % 4:
                one = draws.choice(every)
                most, parts = MOST[kind]
                qty = Fraction(draws.randint(1, most), parts) * draws.choice((1, -1))
                steps.append((second, (buy if qty > 0 else sell)(one.name, text(abs(qty)))))
                account.order(one, qty)
                continue
            for one in every:
                at = spots[one.name] = spots[one.name] * draws.randint(94, 106) // 100
                bid, ask = Fraction(at), at + Fraction(draws.randint(1, 4), 2)
                if one.bid:
                    rows[one.name] += gone(second, text(one.bid), text(one.ask))
                rows[one.name] += [(second, SET, 1, text(bid), "100000000"), (second, SET, -1, text(ask), "100000000")]
                one.bid, one.ask = bid, ask
                if has_marks:
                    rows[one.name] += told(second + 0.2, MARK, str(at))
                    one.marked = bid
                account.guard(one)
        brackets = f"0.004/0.008 to {text(50_000 * unit)}, 0.005/0.01 to {text(250_000 * unit)}, 0.02/0.05"
        made, held, result = run(
            [(one.spec(), rows[one.name]) for one in every],
            *steps,
            margin="isolated",
            leverage=leverage,
            maintenance=brackets,
            liquidation_fee_bps=fee_bps,
            balances={coin: text(cash)},
        )
        assert abs(Fraction(held[coin]) - account.cash) < Fraction(1, 10**8), seed
        left = {row["instrument"]: Fraction(row["qty"]) for row in result.final_positions}
        assert all(left.get(one.name, 0) == one.qty for one in every), seed
        assert (len(made.refused), result.liquidations.height) == (account.refused, account.closed)
        fills, liquidations = fills + result.stats.fills, liquidations + account.closed
        refused += account.refused
    assert fills > 200
    assert liquidations > 15
    assert refused > 20


BTC, ETH = "BTCUSDT.TEST", "ETHUSDT.TEST"


def spot(name: str) -> tc.Instrument:
    return tc.Instrument(
        name, kind="spot", base=name[:3], quote="USDT", price_increment="1", qty_increment="0.001", taker_fee_bps="10",
        maker_fee_bps="10",
    )  # fmt: skip


@pytest.mark.parametrize("fees_in", [None, "received", "BTC"])
def test_nobody_has_less_than_nothing_of_a_coin_and_each_is_what_was_traded(fees_in: str | None) -> None:
    fills = refused = 0
    for seed in range(8):
        draws = Random(f"{fees_in} {seed}")
        names = (BTC,) if fees_in == "BTC" else (BTC, ETH)
        rows: dict[str, list[Row]] = {}
        for name in names:
            at = 100
            rows[name] = book(0, "99", "101")
            for second in range(3, 90, 3):
                moved = max(20, at + draws.randint(-25, 25))
                rows[name] += gone(second, str(at - 1), str(at + 1))
                rows[name] += [(second, SET, 1, str(moved - 1), "0.4"), (second, SET, 1, str(moved - 2), "1000")]
                rows[name] += [(second, SET, -1, str(moved + 1), "0.4"), (second, SET, -1, str(moved + 4), "1000")]
                rows[name] += [(second, SET, 1, str(at - 2), "0"), (second, SET, -1, str(at + 4), "0")]
                rows[name] += [(second + 0.1, tc.EventKind.TRADE, 1, str(moved + 1), "0.001")]
                at = moved

        def sends(ctx: tc.Context, draws: Random = draws, names: tuple[str, ...] = names) -> None:
            name, side = draws.choice(names), draws.choice(("buy", "sell"))
            qty, near = f"{draws.randint(1, 1500) / 1000:.3f}", round(ctx.book(name).mid or 100)
            if (kind := draws.choice(("market", "limit", "stop", "cancel"))) == "cancel":
                ctx.cancel_all(name)
            elif kind == "stop":
                beyond = near + draws.randint(2, 9) * (1 if side == "buy" else -1)
                ctx.submit(name, side, qty, type="stop_market", trigger_price=beyond)
            else:
                ctx.submit(name, side, qty, None if kind == "market" else max(1, near + draws.randint(-9, 9)))

        steps: list[Step] = [(second, sends) for second in range(1, 88)]
        begin = {"USDT": Decimal(150), "BTC": Decimal("0.7"), "ETH": Decimal(1)}
        tapes = [(spot(name), rows[name]) for name in names]
        made, held, result = run(tapes, *steps, balances=begin, fee_currency=fees_in)
        owned = {coin: Fraction(begin[coin]) for coin in held}
        for fill in result.fills.iter_rows(named=True):
            sign = 1 if fill["side"] == "buy" else -1
            qty, price = Fraction(f"{fill['qty']:.3f}"), Fraction(round(fill["price"]))
            owned[fill["instrument"][:3]] += sign * qty
            owned["USDT"] -= sign * qty * price
            if fees_in == "BTC" or (fees_in and sign > 0):
                owned[fill["instrument"][:3]] -= qty / 1000
            else:
                owned["USDT"] -= qty * price / 1000
        assert all(abs(Fraction(held[coin]) - amount) < Fraction(1, 10**9) for coin, amount in owned.items()), seed
        assert result.balances["borrowed"].sum() == 0, seed
        fills, refused = fills + result.stats.fills, refused + len(made.refused)
    assert fills > 100
    assert refused > 50


@pytest.mark.parametrize("outcome", ["1", "0"])
def test_a_no_that_is_bought_is_a_yes_that_is_sold(outcome: str) -> None:
    def ended(name: str, bid: str, ask: str, worth: str, step: Any) -> tuple[Decimal, Decimal]:
        spec = tc.Instrument(
            name, kind="binary", base=name[:2], quote="USDC", outcome=name[:2], price_increment="0.01",
            qty_increment="0.01", expiry_ns=BEGIN + 50 * SECOND, settlement_price=worth,
        )  # fmt: skip
        _, held, result = run([(spec, book(0, bid, ask))], (1, step), balances={"USDC": 100}, outcome_fee="0.072")
        return held["USDC"], result.fees

    other = "0" if outcome == "1" else "1"
    sold = ended("YES.TEST", "0.37", "0.38", outcome, sell("YES.TEST", "73.31"))
    bought = ended("NO.TEST", "0.62", "0.63", other, buy("NO.TEST", "73.31"))
    assert sold == bought
    # 73.31 x 0.072 x 0.37 x 0.63, to 5 decimals.
    assert bought[1] == Decimal("1.23038")
    assert bought[0] == 100 - Decimal("73.31") * Decimal("0.63") - bought[1] + (
        0 if outcome == "1" else Decimal("73.31")
    )


@pytest.mark.parametrize("kind", ["linear", "inverse", "option", "binary"])
def test_every_cost_basis_comes_to_the_same_when_it_is_flat(kind: str) -> None:
    draws = Random(kind)
    one = Listed(
        "A.TEST", kind, "BTC" if kind in ("inverse", "option") else "USD", "call", Fraction(100_000), expiry=1_000
    )
    middle = {"option": 120, "binary": 50}.get(kind, 200_000)
    rows: list[Row] = []
    steps: list[Step] = []
    held, before = 0, None
    for second in range(60):
        tick = Fraction(one.tick())
        bid = draws.randint(middle * 9 // 10, middle * 11 // 10) * tick
        if before:
            rows += gone(second, *before)
        before = (text(bid), text(bid + tick))
        rows += [(second, SET, 1, before[0], "100000"), (second, SET, -1, before[1], "100000")]
        qty = draws.choice([n for n in range(-9, 10) if n]) if second < 59 else -held
        if qty:
            steps.append((second + 0.5, (buy if qty > 0 else sell)(one.name, str(abs(qty)))))
        held += qty
    told_by = {}
    for basis in ("average", "fifo", "lifo"):
        _, _, result = run([(one.spec(), rows)], *steps, basis=basis)
        (row,) = result.final_positions
        assert row["qty"] == 0
        told_by[basis] = (row["realized_pnl"], row["cash"], result.net_pnl)
    assert len(set(told_by.values())) == 1
