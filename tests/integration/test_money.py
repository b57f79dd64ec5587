"""Funding, cost basis and the ledger of a run: what moves money, and that all of it adds up."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tradecore as tc
from tradecore.errors import DataError, InvalidValueError

HOUR = 3_600_000_000_000
SET, MARK, FUNDING = tc.EventKind.BOOK_SET, tc.EventKind.MARK, tc.EventKind.FUNDING
LAST = tc.EventFlag.LAST
FINE = 10**9


def perpetual(kind: str = "linear") -> tc.Instrument:
    coin = kind == "inverse"
    return tc.Instrument(
        "BTC.TEST",
        kind=kind,
        base="BTC",
        quote="USD" if coin else "USDT",
        price_increment="0.5",
        qty_increment="1" if coin else "0.001",
    )


def market(instrument: tc.Instrument, *published: tuple[float, tc.EventKind, float, int]) -> dict[str, Any]:
    """A book of 50,000.0 / 50,000.5 from 07:00 on, what is published at an hour of the day, and an end at 17:00."""
    step, lot = 2, 10**6
    rows: list[tuple[int, int, int, int, int, int]] = [
        (7 * HOUR, SET, 1, 50_000 * step, lot, 0),
        (7 * HOUR, SET, -1, 50_000 * step + 1, lot, 0),
        *((int(hour * HOUR), kind, 0, round(value * FINE), 0, due) for hour, kind, value, due in published),
        (17 * HOUR, SET, 1, 1, 1, 0),
    ]
    rows.sort(key=lambda row: row[0])
    ts, kind, side, price, qty, ids = zip(*rows, strict=True)
    return {
        "ts_event": np.array(ts, np.int64),
        "ts_recv": np.array(ts, np.int64),
        "kind": np.array(kind, np.uint8),
        "side": np.array(side, np.int8),
        "flags": np.full(len(rows), LAST, np.uint8),
        "price": np.array(price, np.int64),
        "qty": np.array(qty, np.int64),
        "id": np.array(ids, np.uint64),
    }


class Holder(tc.Strategy):
    """Buys or sells at the given hours, and keeps what it is paid."""

    def plan(self, *orders: tuple[float, str, str]) -> Holder:
        self.orders = orders
        return self

    def on_start(self, ctx: tc.Context) -> None:
        self.paid: list[tuple[int, str, Decimal]] = []
        for hour, _side, _qty in self.orders:
            ctx.at(int(hour * HOUR))
        self.todo = list(self.orders)

    def on_timer(self, ctx: tc.Context, timer: int) -> None:
        _, side, qty = self.todo.pop(0)
        (ctx.buy if side == "buy" else ctx.sell)("BTC.TEST", qty)

    def on_payment(self, ctx: tc.Context, payment: Any) -> None:
        self.paid.append((payment.ts_event, payment.why, payment.paid))
        assert ctx.position("BTC.TEST").qty == payment.position_qty


def hold(
    *orders: tuple[float, str, str], kind: str = "linear", data: Any = (), funding: str = "data", **options: Any
) -> tuple[Holder, tc.Result]:
    instrument = perpetual(kind)
    venue = tc.SimVenue("TEST", latency=tc.Latency(entry=0, response="1ms"), funding=funding)
    made = Holder("h", ["BTC.TEST"]).plan(*orders)
    columns = {"BTC.TEST": market(instrument, *data)}
    options.setdefault("debug_checks", True)
    return made, tc.Backtest([made], columns, [venue], specs=[instrument], on_error="stop_run", **options).run()


RATES = [
    (7, MARK, 50_010.25, 0),
    (7, FUNDING, 0.0001, 8 * HOUR),
    (9, FUNDING, -0.0003, 16 * HOUR),
    (10, MARK, 49_000, 0),
]


def test_a_long_pays_the_last_rate_before_the_time_on_its_value_at_the_mark() -> None:
    made, result = hold((7.5, "buy", "2"), data=RATES)
    first, second = Decimal("2") * Decimal("50010.25") * Decimal("0.0001"), 2 * Decimal(49_000) * Decimal("-0.0003")
    assert made.paid == [(8 * HOUR, "funding", first), (16 * HOUR, "funding", second)]
    assert result.funding == first + second == result.stats.funding
    assert result.net_pnl == result.gross_pnl - result.fees - result.funding
    assert result.summary()["funding"] == f"{(first + second).normalize():f}"
    (row,) = result.final_positions
    assert row["funding"] == first + second
    assert row["cash"] == -2 * Decimal("50000.5") - first - second
    assert result.pnl["net_pnl"].to_list() == [result.net_pnl]


def test_funding_at_eight_is_paid_to_the_short_of_an_inverse_perpetual_in_coin() -> None:
    made, result = hold((7.5, "sell", "100000"), kind="inverse", data=RATES)
    got = Decimal("-0.000199959008")  # 100,000 USD at 50,010.25 are 1.99959008... BTC.
    assert made.paid[0] == (8 * HOUR, "funding", got)
    assert result.stats.currency == "BTC"
    assert result.payments["paid"].to_list()[0] == got


def test_who_holds_nothing_at_the_time_pays_nothing() -> None:
    made, result = hold((7.5, "buy", "1"), (7.9, "sell", "1"), (8.0, "buy", "1"), (15.9, "sell", "1"), data=RATES)
    # What is sent at the time itself acts after it.
    assert made.paid == []
    assert result.funding == 0


def test_a_rate_without_a_time_is_paid_as_it_is_told() -> None:
    made, _ = hold((7.5, "buy", "1"), data=[(8.25, FUNDING, 0.001, 0)])
    # No mark and no index: valued at the mid.
    assert made.paid == [(8 * HOUR + HOUR // 4, "funding", Decimal("50000.25") * Decimal("0.001"))]


def test_a_schedule_is_paid_at_whole_intervals_of_the_day() -> None:
    made, _ = hold((7.5, "sell", "1"), funding="0.0001 every 4h", data=RATES)
    assert [(ts // HOUR, why) for ts, why, _ in made.paid] == [(8, "funding"), (12, "funding"), (16, "funding")]
    assert made.paid[0][2] == -Decimal("50010.25") * Decimal("0.0001")
    assert hold((7.5, "sell", "1"), funding="off", data=RATES)[0].paid == []


def test_a_series_of_rates_is_paid_at_its_times(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(f"ts_ns,rate\n{6 * HOUR},0.5\n{8 * HOUR},0.0002\n{9 * HOUR},-0.0001\n")
    made, _ = hold((7.5, "buy", "1"), funding=f"series:{file}")
    assert [(ts // HOUR, paid) for ts, _, paid in made.paid] == [
        (8, Decimal("50000.25") * Decimal("0.0002")),
        (9, Decimal("50000.25") * Decimal("-0.0001")),
    ]
    file.write_text(f"\ufeffts_ns,rate\n{8 * HOUR},0.0002\n", encoding="utf-8")
    assert len(hold((7.5, "buy", "1"), funding=f"series:{file}")[0].paid) == 1
    for rows in ("", f"{30 * HOUR},0.0002\n"):
        file.write_text(f"ts_ns,rate\n{rows}")
        made, result = hold((7.5, "buy", "1"), funding=f"series:{file}")
        assert made.paid == []
        assert f"no funding was paid at TEST: no time of {file} lies within the run" in result.notes
    # They would all be of 1970, so that nothing was ever paid.
    file.write_text("ts_ns,rate\n1723075200000,0.0002\n")
    with pytest.raises(
        DataError, match=r"rates\.csv:2: 1723075200000 is not a time in ns .* as ms it is 2024-08-08 00:00"
    ):
        hold((7.5, "buy", "1"), funding=f"series:{file}")
    file.write_text("ts_ns,rate\n5,x\n")
    with pytest.raises(DataError, match=r"rates\.csv:2: expected a time in ns and a rate"):
        hold((7.5, "buy", "1"), funding=f"series:{file}")


def test_a_funding_that_is_none_is_refused_by_its_key() -> None:
    with pytest.raises(InvalidValueError, match=r'funding: "0.0001" is no funding; expected data, off, a rate such as'):
        tc.SimVenue("V", funding="0.0001")


def test_a_dated_future_pays_no_funding() -> None:
    instrument = tc.Instrument(
        "BTC.TEST",
        kind="linear",
        base="BTC",
        quote="USDT",
        price_increment="0.5",
        qty_increment="0.001",
        expiry_ns=20 * HOUR,
    )
    made = Holder("h", ["BTC.TEST"]).plan((7.5, "buy", "1"))
    venue = tc.SimVenue("TEST", latency=tc.Latency(entry=0, response=0), funding="0.01 every 1h")
    tc.Backtest([made], {"BTC.TEST": market(instrument)}, [venue], specs=[instrument]).run()
    assert made.paid == []


def test_the_ledger_sums_to_zero_and_its_cash_is_that_of_the_position() -> None:
    _, result = hold((7.5, "buy", "2"), (9, "sell", "3"), (12, "buy", "0.5"), data=RATES)
    ledger = result.ledger
    assert ledger["amount"].sum() == 0
    assert set(ledger["kind"]) == {"trade", "funding"}
    cash = ledger.filter(pl.col("account") == "cash")["amount"].sum()
    assert cash == result.final_positions[0]["cash"]
    assert ledger.filter(account="funding")["amount"].sum() == result.funding
    each = ledger.group_by("ts_recv", "kind", "order_id").agg(pl.col("amount").sum())
    assert each["amount"].to_list() == [0] * len(each)
    assert ledger["ts_recv"].is_sorted()


def test_attribution_tells_funding_apart() -> None:
    _, result = hold((7.5, "buy", "2"), data=RATES)
    split = result.attribution()
    assert split["funding"].to_list() == [-result.funding]
    assert split["net_pnl"].to_list() == [result.net_pnl]
    by_hour = result.attribution(by="hour").filter(pl.col("funding") != 0)
    assert [stamp.hour for stamp in by_hour["hour"]] == [8, 16]


@pytest.mark.parametrize("basis", ["average", "fifo", "lifo"])
def test_profit_differs_by_cost_basis_only_until_the_position_is_flat(basis: Any) -> None:
    orders = [(7.5, "buy", "1"), (8, "buy", "2"), (9, "sell", "1.5"), (10, "sell", "1.5")]
    _, result = hold(*orders, cost_basis=basis, data=RATES)
    _, average = hold(*orders, data=RATES)
    assert result.final_positions[0]["realized_pnl"] == average.final_positions[0]["realized_pnl"]
    assert result.net_pnl == average.net_pnl


def test_an_open_position_shows_which_lots_were_closed(tmp_path: Path) -> None:
    tc.synthesize(tmp_path, events=60_000, seed=3)

    def profit(basis: Any) -> tuple[Decimal, Decimal]:
        maker = tc.TouchMaker("m", ["BTCUSDT.SYNTH"], quote_qty="0.01", max_position="0.05", interval="100ms")
        result = tc.Backtest([maker], tmp_path, cost_basis=basis).run()
        (position,) = result.final_positions
        return result.net_pnl, Decimal(str(position["realized_pnl"]))

    nets, realized = zip(*map(profit, ("average", "fifo", "lifo")), strict=True)
    assert len(set(nets)) == 1
    assert len(set(realized)) == 3


def test_an_unknown_cost_basis_is_refused() -> None:
    with pytest.raises(InvalidValueError, match='cost_basis: "first" is not average, fifo or lifo'):
        hold((7.5, "buy", "1"), cost_basis="first")


def test_a_journal_fed_back_pays_the_same() -> None:
    _, result = hold((7.5, "buy", "2"), (9, "sell", "3"), data=RATES, record=True, cost_basis="fifo")
    again = tc.replay(
        result.journal,
        [Holder("h", ["BTC.TEST"]).plan((7.5, "buy", "2"), (9, "sell", "3"))],
        result.instruments,
        cost_basis="fifo",
    )
    assert (again.digest, again.diverged_ns) == (result.digest, None)
    assert again.payments.equals(result.payments)


def test_a_saved_result_has_its_ledger(tmp_path: Path) -> None:
    _, result = hold((7.5, "buy", "2"), data=RATES)
    result.save(tmp_path / "run.tcr")
    loaded = tc.load_result(tmp_path / "run.tcr")
    assert loaded.ledger.equals(result.ledger)
    assert loaded.funding == result.funding


def test_mids_of_a_market_that_pays_funding_are_kept_from_the_first_order_on() -> None:
    _, idle = hold(data=RATES)
    _, traded = hold((9, "buy", "1"), data=RATES)
    kept = [result.tables.table("mids") for result in (idle, traded)]
    assert kept[0].is_empty()
    assert [int(at) for at in kept[1]["ts"].dt.epoch("ns")] >= [9 * HOUR]
