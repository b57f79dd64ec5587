"""What becomes of positions when their instrument expires."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest

import tradecore as tc
from tradecore.errors import InstrumentError

SECOND = 10**9
SET, MARK, INDEX = tc.EventKind.BOOK_SET, tc.EventKind.MARK, tc.EventKind.INDEX
BEGIN, EXPIRY = 1_700_000_000 * SECOND, 1_700_000_100 * SECOND


def dated(kind: str, **terms: Any) -> tc.Instrument:
    given: dict[str, Any] = {"base": "BTC", "quote": "USDT", "price_increment": "0.5", "qty_increment": "0.001"}
    return tc.Instrument("D.TEST", kind=kind, expiry_ns=EXPIRY, **(given | terms))


def market(instrument: tc.Instrument, bid: str, ask: str, *published: tuple[int, tc.EventKind, str]) -> dict[str, Any]:
    """A book from second 0 on, what is published at a second, and a book with other prices after the expiry."""
    step = instrument.price_increment
    rows: list[tuple[int, int, int, int, int]] = [
        (0, SET, 1, int(Decimal(bid) / step), 10**6),
        (0, SET, -1, int(Decimal(ask) / step), 10**6),
        *((at, kind, 0, int(Decimal(price) * 10**9), 0) for at, kind, price in published),
        (150, SET, -1, int(Decimal(ask) / step), 0),
        (150, SET, -1, int(Decimal(ask) / step) * 2, 10**6),
        (200, SET, 1, 1, 1),
    ]
    rows.sort(key=lambda row: row[0])
    at, kind, side, price, qty = zip(*rows, strict=True)
    ts = BEGIN + np.array(at, np.int64) * SECOND
    return {
        "ts_event": ts,
        "ts_recv": ts,
        "kind": np.array(kind, np.uint8),
        "side": np.array(side, np.int8),
        "flags": np.full(len(rows), tc.EventFlag.LAST, np.uint8),
        "price": np.array(price, np.int64),
        "qty": np.array(qty, np.int64),
        "id": np.zeros(len(rows), np.uint64),
    }


class Holder(tc.Strategy):
    """Trades once, leaves an order in the book, and keeps what it is told."""

    def plan(self, side: str, qty: str, tick: object = "0.5") -> Holder:
        self.side, self.qty, self.tick = side, qty, str(tick)
        return self

    def on_start(self, ctx: tc.Context) -> None:
        self.told: list[tuple[str, float, float, Decimal]] = []
        self.ended: list[str | None] = []
        ctx.at(BEGIN + SECOND)

    def on_timer(self, ctx: tc.Context, timer: int) -> None:
        (instrument,) = self.instruments
        (ctx.buy if self.side == "buy" else ctx.sell)(instrument, self.qty)
        ctx.buy(instrument, self.qty, self.tick, post_only=True)

    def on_order(self, ctx: tc.Context, order: tc.Order) -> None:
        if order.status == tc.OrderStatus.EXPIRED:
            self.ended.append(order.reason)

    def on_payment(self, ctx: tc.Context, payment: Any) -> None:
        self.told.append((payment.why, payment.position_qty, payment.price, payment.paid))
        assert ctx.position(payment.instrument).qty == 0


def hold(instrument: tc.Instrument, side: str, qty: str, data: dict[str, Any], **more: Any) -> tuple[Holder, tc.Result]:
    made = Holder("h", [instrument.id]).plan(side, qty, instrument.tick_size)
    venue = tc.SimVenue("TEST", latency=tc.Latency(entry=0, response="1ms"))
    run = tc.Backtest(
        [made], {instrument.id: data}, [venue], specs=[instrument], on_error="stop_run", debug_checks=True, **more
    )
    return made, run.run()


def adds_up(result: tc.Result) -> None:
    """The ledger sums to zero, profit to its parts, and cash is all that is left."""
    assert result.ledger["amount"].sum() == 0
    (row,) = result.final_positions
    assert row["qty"] == 0
    assert row["cash"] == result.net_pnl == result.gross_pnl - result.fees
    for by in (None, "hour", "side", ["hour", "side"]):
        assert result.attribution(by=by)["net_pnl"].sum() == result.net_pnl
    assert result.equity["equity"].to_list()[-1] == result.net_pnl


FUTURE = dated("linear")
PRICES = [(10, INDEX, "50020.25"), (20, MARK, "50030")]


def test_a_future_is_settled_at_the_index_and_the_day_after_nothing_moves() -> None:
    made, result = hold(FUTURE, "buy", "2", market(FUTURE, "50000", "50000.5", *PRICES))
    assert made.told == [("settlement", 2.0, 50_020.25, Decimal("-100040.5"))]
    assert made.ended == ["not_listed"]
    assert result.net_pnl == 2 * (Decimal("50020.25") - Decimal("50000.5"))
    after = result.equity.filter(pl.col("ts").dt.epoch("ns") > EXPIRY + SECOND)
    assert set(after["equity"]) == {result.net_pnl}
    assert result.ledger.filter(kind="settlement")["account"].to_list() == ["cash", "settlement"]
    assert result.positions["position_qty"].to_list() == [2, 0]
    assert result.positions["cash"].to_list()[-1] == result.net_pnl
    adds_up(result)


@pytest.mark.parametrize(
    ("published", "price"),
    [(PRICES, "50020.25"), (PRICES[1:], "50030"), ([], "50000.25"), ([(120, INDEX, "1")], "50000.25")],
)
def test_a_future_takes_the_best_price_known_at_its_expiry(published: Any, price: str) -> None:
    made, _ = hold(FUTURE, "sell", "1", market(FUTURE, "50000", "50000.5", *published))
    assert made.told == [("settlement", -1.0, float(price), Decimal(price))]


def test_the_specification_says_the_settlement_price_before_the_data() -> None:
    future = dated("linear", settlement_price="50100.125")
    made, result = hold(future, "buy", "1", market(future, "50000", "50000.5", *PRICES))
    assert made.told[0][2] == 50_100.125
    assert result.instruments[0].settlement_price == Decimal("50100.125")
    adds_up(result)


def test_an_inverse_future_is_settled_in_coin() -> None:
    future = dated("inverse", quote="USD", price_increment="0.5", qty_increment="1", settlement_price="10500")
    _, result = hold(future, "buy", "100000", market(future, "9999.5", "10000"))
    assert str(result.net_pnl).startswith("0.476190476")
    adds_up(result)


def test_a_quanto_future_is_settled_in_its_third_currency() -> None:
    terms = {"quote": "USD", "settlement": "XBT", "contract_size": "0.000001", "qty_increment": "1"}
    future = dated("quanto", settlement_price="505", **terms)
    _, result = hold(future, "buy", "10000", market(future, "499.5", "500"))
    assert result.net_pnl == Decimal("0.05")


@pytest.mark.parametrize(
    ("side", "delivery", "worth"),
    [
        ("call", "125000", "0.2"),
        ("call", "100000", "0"),
        ("call", "99999", "0"),
        ("put", "80000", "0.25"),
        ("put", "125000", "0"),
    ],
)
def test_a_coin_settled_option_expires_in_and_out_of_the_money(side: str, delivery: str, worth: str) -> None:
    terms = {"quote": "USD", "settlement": "BTC", "strike": "100000", "option_side": side, "price_increment": "0.0005"}
    option = dated("option", **terms)
    made, result = hold(option, "buy", "1", market(option, "0.0495", "0.05", (50, INDEX, delivery)))
    assert made.told == [("settlement", 1.0, float(worth), -Decimal(worth))]
    assert result.net_pnl == Decimal(worth) - Decimal("0.05")
    accounts = set(result.ledger["account"])
    assert accounts == ({"cash", "premium", "settlement"} if worth != "0" else {"cash", "premium"})
    adds_up(result)


def test_a_cash_settled_option_pays_the_seller_s_loss_by_contract_size() -> None:
    option = dated("option", strike="60000.125", option_side="call", contract_size="0.01", qty_increment="1")
    _, result = hold(option, "sell", "10", market(option, "2000", "2000.5", (50, INDEX, "61000")))
    assert result.net_pnl == Decimal("0.1") * (2000 - Decimal("999.875"))
    adds_up(result)


def test_an_option_without_an_index_price_stays_and_is_said_aloud() -> None:
    option = dated("option", strike="60000", option_side="call")
    made, result = hold(option, "buy", "1", market(option, "2000", "2000.5", (50, MARK, "1999")))
    assert (made.told, made.ended) == ([], ["not_listed"])
    assert result.final_positions[0]["qty"] == 1
    (note,) = [note for note in result.notes if "what it was worth is not known" in note]
    assert "h still holds 1" in note
    assert "settlement_price" in note


BINARY = {"base": "YES", "outcome": "Yes", "price_increment": "0.001"}


@pytest.mark.parametrize(("given", "net"), [("1", "0.6"), ("0", "-0.4")])
def test_a_binary_settles_at_1_or_0_by_its_specification(given: str, net: str) -> None:
    binary = dated("binary", settlement_price=given, **BINARY)
    _, result = hold(binary, "buy", "1", market(binary, "0.399", "0.4"))
    assert result.net_pnl == Decimal(net)
    adds_up(result)


def test_a_binary_settles_by_a_mark_of_1_in_the_data_and_not_by_one_between() -> None:
    binary = dated("binary", **BINARY)
    made, _ = hold(binary, "sell", "1", market(binary, "0.4", "0.401", (50, MARK, "0.95"), (99, MARK, "1")))
    assert made.told == [("settlement", -1.0, 1.0, Decimal(1))]
    made, result = hold(binary, "sell", "1", market(binary, "0.4", "0.401", (50, MARK, "0.95")))
    assert made.told == []
    assert any("what it was worth is not known" in note for note in result.notes)


def test_a_journal_fed_back_settles_the_same() -> None:
    data = market(FUTURE, "50000", "50000.5", *PRICES)
    _, result = hold(FUTURE, "buy", "2", data, record=True)
    again = tc.replay(result.journal, [Holder("h", ["D.TEST"]).plan("buy", "2")], result.instruments)
    assert again.digest == result.digest


@pytest.mark.parametrize("basis", ["average", "fifo", "lifo"])
def test_every_cost_basis_settles_to_the_same_profit(basis: Any) -> None:
    data = market(FUTURE, "50000", "50000.5", *PRICES)
    _, result = hold(FUTURE, "buy", "2", data, cost_basis=basis)
    assert result.net_pnl == Decimal("39.5")


def test_data_of_a_catalog_is_read_for_what_an_instrument_is_settled_at(tmp_path: Any) -> None:
    catalog = tc.Catalog(tmp_path)
    with catalog.writer(FUTURE) as writer:
        writer.write(market(FUTURE, "50000", "50000.5", *PRICES))
    made = Holder("h", [FUTURE.id]).plan("buy", "2")
    tc.Backtest([made], catalog, [tc.SimVenue("TEST", latency=tc.Latency(entry=0, response=0))]).run()
    assert [price for _, _, price, _ in made.told] == [50_020.25]


@pytest.mark.parametrize(
    ("kind", "terms", "problem"),
    [
        ("linear", {"settlement_price": "-1"}, "is not a price above 0"),
        ("linear", {"settlement_price": "0.0000000001"}, "is not a price above 0"),
        ("binary", {"settlement_price": "0.5", **BINARY}, "0.5 is not 0 or 1"),
        ("linear", {"settlement_price": "1", "expiry_ns": None}, "only what expires is settled"),
    ],
)
def test_a_settlement_price_that_cannot_be_is_refused(kind: str, terms: Any, problem: str) -> None:
    given: dict[str, Any] = {"base": "BTC", "quote": "USDT", "price_increment": "0.5", "qty_increment": "0.001"}
    with pytest.raises(InstrumentError, match=rf"settlement_price: .*{problem}"):
        tc.Instrument("D.TEST", kind=kind, **(given | {"expiry_ns": EXPIRY} | terms))
