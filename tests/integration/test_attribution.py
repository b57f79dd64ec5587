"""What profits are made of, against sums made by hand and to the last digit."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import tradecore as tc
from conftest import CLEAR, LAST, SET, TRADE, columns
from tradecore.errors import InvalidValueError

MS, MINUTE, HOUR = 1_000_000, 60_000_000_000, 3_600_000_000_000
NAME = "BTCUSDT.TEST"
PARTS = ["spread", "adverse_selection", "inventory", "fees", "funding"]


def touch(ts: int, bid: int, was: int) -> list[tuple[int, ...]]:
    """The touch goes from bids at one price to bids at another; asks stand 2.0 above."""
    gone = [(ts, SET, 1, 0, was, 0), (ts, SET, -1, 0, was + 20, 0)]
    return [*gone, (ts, SET, 1, 0, bid, 9_000), (ts, SET, -1, LAST, bid + 20, 9_000)]


def market() -> Any:
    """Mid 100.0; sold into at 1 min; then 99.5 half a second later, 101 an hour later, 103 two hours later."""
    rows = [(0, CLEAR, 0, 2, 0, 0), (0, SET, 1, 2, 990, 5_000), (0, SET, -1, LAST | 2, 1010, 5_000)]
    rows += [(MINUTE, TRADE, -1, LAST, 990, 9_000)]
    rows += touch(MINUTE + 500 * MS, 985, 990) + touch(HOUR + MINUTE, 1000, 985) + touch(2 * HOUR + MINUTE, 1020, 1000)
    return columns([*rows, (2 * HOUR + 2 * MINUTE, SET, 1, LAST, 900, 1)])


def acting(name: str, act: Callable[[tc.Context], object]) -> tc.Strategy:
    class Acts(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            act(ctx)

    return Acts(name, [NAME])


def run(instrument: tc.Instrument, *strategies: tc.Strategy) -> tc.Result:
    return tc.Backtest(list(strategies), {NAME: market()}, specs={NAME: instrument}).run()


@pytest.fixture
def result(instrument: tc.Instrument) -> tc.Result:
    """One bids 2 @ 99.0 and is filled, the other sells 2 into 99.0."""
    return run(
        instrument, acting("maker", lambda ctx: ctx.buy(NAME, 2, 99)), acting("taker", lambda ctx: ctx.sell(NAME, 2))
    )


def parts(frame: pl.DataFrame) -> list[list[Decimal]]:
    return [list(row) for row in frame.select(PARTS).rows()]


def test_profit_is_split_by_strategy(result: tc.Result) -> None:
    frame = result.attribution("strategy")
    assert frame["strategy"].to_list() == ["maker", "taker"]
    maker, taker = parts(frame)
    # 2 x (100 - 99); 2 x (99.5 - 100); 2 x (103 - 99.5); a rebate of 1 bps of 198.
    assert maker == [Decimal(text) for text in ("2", "-1", "7", "0.0198", "0")]
    # Sold at 99: -2 x (100 - 99); nothing by then; -2 x (103 - 100); 5 bps of 198.
    assert taker == [Decimal(text) for text in ("-2", "0", "-6", "-0.099", "0")]
    assert sum(frame["net_pnl"]) == result.net_pnl


def test_a_longer_horizon_moves_inventory_to_adverse_selection(result: tc.Result) -> None:
    (maker, _) = parts(result.attribution("strategy", horizon="1h"))
    assert maker[:3] == [2, 2, 4], "101 an hour later"
    (early, _) = parts(result.attribution("strategy", horizon="100ms"))
    assert early[:3] == [2, 0, 6]
    (end, _) = parts(result.attribution("strategy", horizon="1d"))
    assert end[:3] == [2, 6, 0], "what is beyond the end counts to the end"


def test_an_hour_has_the_inventory_held_in_it(result: tc.Result) -> None:
    frame = result.attribution(["strategy", "hour"]).filter(strategy="maker")
    assert frame["hour"].dt.hour().to_list() == [0, 1, 2]
    assert [row[:4] for row in parts(frame)] == [
        [2, -1, 0, Decimal("0.0198")],
        [0, 0, 3, 0],
        [0, 0, 4, 0],
    ]
    assert sum(result.attribution("hour")["net_pnl"]) == result.net_pnl


def test_sides_and_instruments(result: tc.Result) -> None:
    frame = result.attribution(["instrument", "side"])
    assert frame.select("instrument", "side", "currency").rows() == [(NAME, "buy", "USDT"), (NAME, "sell", "USDT")]
    assert [row[0] for row in parts(frame)] == [2, -2]
    (total,) = result.attribution().to_dicts()
    assert total["net_pnl"] == result.net_pnl
    assert total["currency"] == "USDT"


def test_a_run_without_fills_is_nothing_for_each_strategy(instrument: tc.Instrument) -> None:
    result = run(instrument, acting("idle", lambda ctx: None))
    assert result.attribution().select(*PARTS, "net_pnl").row(0) == (0,) * 6
    assert result.attribution("strategy").height == 1
    assert result.attribution("hour").height == 0


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"by": "week"}, "by"),
        ({"by": ["side", "side"]}, "by"),
        ({"horizon": 5}, "horizon"),
        ({"horizon": "?"}, "horizon"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(result: tc.Result, arguments: Any, field: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        result.attribution(**arguments)
    assert caught.value.field == field


class Quoter(tc.Strategy):
    """Joins both best prices and takes now and then."""

    def on_start(self, ctx: tc.Context) -> None:
        self.calls = 0
        ctx.every("10s", self.requote)

    def requote(self, ctx: tc.Context) -> None:
        self.calls += 1
        for inst in self.instruments:
            book = ctx.book(inst)
            if book.spread is not None:
                ctx.quote(inst, bid=book.best_bid, ask=book.best_ask, qty=10 if "USD." in inst else "0.01")
                if self.calls % 20 == 0:
                    ctx.buy(inst, 7 if "USD." in inst else "0.02")


LINEAR = {"kind": "linear", "quote": "USDT", "price_increment": "0.1", "qty_increment": "0.001"}
INVERSE = {"kind": "inverse", "quote": "USD", "settlement": "BTC", "price_increment": "0.5", "qty_increment": "1"}


@pytest.mark.parametrize("terms", [LINEAR, INVERSE], ids=["linear", "inverse"])
def test_parts_add_up_to_the_last_digit(terms: Any, tmp_path: Path) -> None:
    name = f"BTC{terms['quote']}.SYNTH"
    spec = tc.Instrument(name, base="BTC", maker_fee_bps="-0.7", taker_fee_bps="3", **terms)
    qty = "0.8" if terms is LINEAR else "800"
    tc.synthesize(tmp_path, events=40_000, seed=2, instrument=spec, message_gap="20s", typical_qty=qty)
    result = tc.Backtest([Quoter("a", [name]), Quoter("b", [name])], tmp_path).run()
    assert result.fills.height > 500
    for by in (None, "strategy", "side", "hour", ["strategy", "instrument", "hour", "side"]):
        frame = result.attribution(by, horizon="300ms")
        assert sum(frame["net_pnl"]) == result.net_pnl, by
        assert sum(frame.select(pl.sum_horizontal(PARTS)).to_series()) == result.net_pnl
    assert result.attribution("hour").height > 5
    split = {row["strategy"]: row["net_pnl"] for row in result.attribution("strategy").to_dicts()}
    assert split == {row["strategy"]: row["net_pnl"] for row in result.pnl.to_dicts()}
