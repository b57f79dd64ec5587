"""What no bars can be made of is refused with its place, for every kind, or makes what is said."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tradecore as tc
from tradecore.bars import BAR_COLUMNS, BarBuilder, BarSpec
from tradecore.errors import DataError, InvalidValueError

SPECS = [
    "1us",
    "1us,empty=carry,late=amend",
    "tick:2",
    "volume:3",
    "volume:3,excess=split",
    "notional:30",
    "notional:30,excess=split",
    "imbalance:tick,length=2,mean=0.5,span=3",
    "imbalance:volume,length=2,mean=0.5",
    "run:notional,length=2,mean=5",
    "renko:1",
    "range:1",
]
kinds = pytest.mark.parametrize("spec", SPECS)


def trades(rows: int = 5) -> dict[str, Any]:
    at = np.arange(rows, dtype=np.int64)
    return {"ts": at * 700, "price": 10.0 + at % 3, "qty": 1.0 + at % 2}


@kinds
@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("price", math.nan, "price NaN: expected a finite number above zero"),
        ("price", math.inf, "price inf: expected a finite number above zero"),
        ("price", 0.0, "price 0: expected a finite number above zero"),
        ("price", -5.0, "price -5: expected a finite number above zero"),
        ("qty", math.nan, "qty NaN: expected a finite number of zero or more"),
        ("qty", -1.0, "qty -1: expected a finite number of zero or more"),
        ("qty", math.inf, "qty inf: expected a finite number of zero or more"),
    ],
)
def test_a_value_that_is_none_is_named_with_its_row(spec: str, name: str, value: float, problem: str) -> None:
    given = trades()
    given[name][3] = value
    with pytest.raises(DataError) as caught:
        tc.bars.make(spec, given)
    assert (caught.value.source, caught.value.line, caught.value.problem) == ("trades", 4, problem)
    builder = BarBuilder(spec)
    builder.push(1, 10.0, 1.0)
    state = builder.save()
    with pytest.raises(InvalidValueError, match=name):
        builder.push(2, **({"price": 10.0, "qty": 1.0} | {name: value}))
    assert builder.save() == state


@kinds
def test_no_trade_makes_no_bar_and_one_makes_one(spec: str) -> None:
    none = tc.bars.make(spec, trades(0))
    assert list(none) == list(BAR_COLUMNS)
    assert all(len(column) == 0 for column in none.values())
    assert len(tc.bars.make(spec, pl.DataFrame(trades(0)))) == len(tc.bars.make(spec, pd.DataFrame(trades(0)))) == 0
    one = tc.bars.make(spec, trades(1))
    assert (one["open"].tolist(), one["volume"].tolist(), one["trades"].tolist()) == ([10.0], [1.0], [1])
    assert BarBuilder(spec).flush() == []


@kinds
def test_time_that_goes_back_loses_trades_of_windows_only(spec: str) -> None:
    given = trades()
    given["ts"] = given["ts"][::-1].copy()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        bars = tc.bars.make(spec, given)
    total = given["qty"].sum()
    if spec.startswith("1us"):
        assert "of 5 trades were late" in str(caught[0].message)
        assert bars["volume"].sum() < total
    else:
        assert not caught
        assert bars["volume"].sum() == pytest.approx(total)
        assert (bars["ts_close"] >= bars["ts_open"]).all()


@kinds
@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8, ">f8"])
def test_numbers_of_other_types_and_strides_are_taken(spec: str, dtype: Any) -> None:
    wanted = tc.bars.make(spec, trades())
    spread = {
        name: np.repeat(column.astype(dtype) if name != "ts" else column, 2)[::2] for name, column in trades().items()
    }
    assert repr(tc.bars.make(spec, spread)) == repr(wanted)
    assert repr(tc.bars.make(spec, {name: column.tolist() for name, column in trades().items()})) == repr(wanted)


@kinds
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"ts": np.arange(5.0)}, "ts_event: expected one column of int64 ns or times, got 1-d float64"),
        ({"ts": np.zeros((5, 2), np.int64)}, "ts_event: .* got 2-d int64"),
        ({"ts": np.array(["2020-01-01", "NaT", "2020", "2021", "2022"], dtype="datetime64[ns]")}, "a time is missing"),
        ({"ts": np.full(5, 2**64 - 1, np.uint64)}, "a time is beyond int64 ns"),
        ({"ts": 1_723_075_200_000 + np.arange(5)}, "ts_event: 1723075200000 is not a time .* as ms it is 2024-08-08"),
        ({"ts_recv": np.full(5, 1_723_075_200)}, "ts_recv: 1723075200 is not a time .* as s it is 2024-08-08"),
        ({"price": ["a"] * 5}, "price: expected one column of numbers"),
        ({"price": np.ones(4)}, "price has 4 rows, ts 5"),
        ({"qty": np.ones(6)}, "qty has 6 rows, ts 5"),
        ({"ts_recv": np.arange(3)}, "ts_recv has 3 rows, ts 5"),
        ({"side": ["buy", "sell", "both", "buy", "buy"]}, "side: expected 'buy' or 'sell', got 'both'"),
        ({"side": [1, -1, 2, 1, 1]}, "side: expected 1, -1 or 0 for unknown, got 2"),
        ({"side": np.array([1, 255, 1, 1, 1], np.uint8)}, "side: expected 1, -1 or 0 for unknown, got 255"),
        ({"side": [1.0, -1.0, 0.5, np.nan, 1.0]}, "side: expected 1, -1 or 0 for unknown, got 0.5"),
        ({"side": [1.0, -1.0, np.inf, 1.0, 1.0]}, "side: expected 1, -1 or 0 for unknown, got inf"),
    ],
)
def test_columns_that_are_none_are_named(spec: str, change: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        tc.bars.make(spec, trades() | change)


@pytest.mark.parametrize("missing", ["ts", "price", "qty"])
def test_a_column_that_is_not_there_is_named(missing: str) -> None:
    given = trades()
    del given[missing]
    with pytest.raises(InvalidValueError, match=f"expected a column .*{missing}"):
        tc.bars.make("1m", given)
    with pytest.raises(InvalidValueError, match="expected a frame or arrays by name, got list"):
        tc.bars.make("1m", [given])
    with pytest.raises(InvalidValueError, match="got a LazyFrame: collect"):
        tc.bars.make("1m", pl.LazyFrame(given))


@pytest.mark.parametrize(
    "spec", ["1ns,empty=carry", "volume:1e-30,excess=split", "notional:1e-30,excess=split", "renko:1e-9"]
)
def test_bars_too_small_for_the_data_are_refused_before_memory_is_gone(spec: str) -> None:
    given = {"ts": [0, 10**15], "price": [1.0, 1e9], "qty": [1.0, 1.0]}
    with pytest.raises(InvalidValueError, match=r"makes .* bars, at most 1000000: choose larger bars"):
        tc.bars.make(spec, given)


@pytest.mark.parametrize("spec", ["tick:4294967295", "volume:1e29", "range:1e29", "renko:1e29", "100000d"])
def test_bars_too_large_for_the_data_are_one_that_is_not_finished(spec: str) -> None:
    assert tc.bars.make(spec, trades())["is_partial"].tolist() == [True]


@pytest.mark.parametrize("ts", [-(2**63), -(2**62), 2**62, 2**63 - 1])
@kinds
def test_times_at_the_ends_of_time_are_taken(spec: str, ts: int) -> None:
    builder = BarBuilder(spec)
    builder.push(ts, 10.0, 1.0)
    builder.advance(ts)
    assert len(builder.flush()) == (0 if spec.startswith(("run", "imbalance")) else 1)


def test_a_state_that_is_none_is_refused_and_changes_nothing() -> None:
    builder = BarBuilder("tick:3")
    builder.push(1, 10.0, 1.0)
    state = builder.save()
    for bad in (b"", b"x", state[:-1], state[:-8], state + b"12345678", b"\xff" * len(state)):
        with pytest.raises(InvalidValueError, match="expected what save"):
            builder.load(bad)
        assert builder.save() == state
    with pytest.raises(InvalidValueError, match="is no kind of bars"):
        BarSpec("minute")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"ts": "now"}, "ts: expected a whole number from .*, got 'now'"),
        ({"ts": 2.5}, "ts: expected a whole number from .*, got 2.5"),
        ({"ts": 2**63}, "ts: expected a whole number from .*, got 9223372036854775808"),
        ({"ts_recv": "now"}, "ts_recv: expected a whole number from .*, got 'now'"),
        ({"price": "10"}, "price: expected a finite number above zero, got '10'"),
        ({"price": None}, "price: expected a finite number above zero, got None"),
        ({"price": 10**400}, "price: expected a finite number above zero, got "),
        ({"qty": [1.0]}, r"qty: expected a finite number of zero or more, got \[1.0\]"),
        ({"side": "long"}, "side: expected 'buy', 'sell', 1 or -1, got 'long'"),
        ({"side": 2}, "side: expected 'buy', 'sell', 1 or -1, got 2"),
    ],
)
def test_what_is_of_another_kind_is_named_and_changes_nothing(given: dict[str, Any], problem: str) -> None:
    builder = BarBuilder("1us")
    builder.push(1, 10.0, 1.0)
    state = builder.save()
    with pytest.raises(InvalidValueError, match=f"^{problem}"):
        builder.push(**{"ts": 2, "price": 10.0, **given})
    times = {name: value for name, value in given.items() if name.startswith("ts")}
    if times:
        with pytest.raises(InvalidValueError, match=f"^{problem}"):
            builder.advance(**{"ts": 2, **times})
    assert builder.save() == state
