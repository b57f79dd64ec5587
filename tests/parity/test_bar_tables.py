"""Bars against tables worked out elsewhere, against pandas, and against themselves door by door."""

from __future__ import annotations

import csv
import io
import json
import math
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tradecore as tc
from tradecore.bars import BAR_COLUMNS, BarBuilder

pytestmark = pytest.mark.both

SHARED = Path(__file__).resolve().parents[3] / "shared"
REFERENCE = SHARED / "reference" / "09_bars.json"
needs_reference = pytest.mark.skipif(not REFERENCE.exists(), reason="no shared reference here")
MS = 1_000_000
SECOND = 10**9
DAY = 86_400 * SECOND


def tape() -> dict[str, Any]:
    rows = np.array(json.loads(REFERENCE.read_text())["tape"])
    return {"ts": (rows[:, 0] * MS).astype(np.int64), "price": rows[:, 1], "qty": rows[:, 2], "side": rows[:, 3]}


@needs_reference
@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("time_1s_skip", "1s"),
        ("time_1s_ffill", "1s,empty=carry"),
        ("time_2s_skip", "2s"),
        ("tick_4", "tick:4"),
        ("volume_5_overshoot", "volume:5"),
        ("volume_5_split", "volume:5,excess=split"),
        ("dollar_600_overshoot", "notional:600"),
        ("dollar_600_split", "notional:600,excess=split"),
        ("tick_imbalance_T4_b0_5", "imbalance:tick,length=4,mean=0.5"),
        ("tick_imbalance_adaptive_span3", "imbalance:tick,length=4,mean=0.5,span=3"),
    ],
)
def test_bars_are_those_of_the_reference(name: str, spec: str) -> None:
    wanted = json.loads(REFERENCE.read_text())[name]
    is_time = name.startswith("time")
    bars = pl.DataFrame(tc.bars.make(spec, tape(), partial=is_time))
    assert len(bars) == len(wanted)
    for bar, want in zip(bars.iter_rows(named=True), wanted, strict=True):
        assert bar["ts_open"] == (want["start"] if is_time else want["first_ts"]) * MS
        assert is_time or bar["ts_close"] == want["last_ts"] * MS
        assert bar["is_partial"] == want.get("partial", False)
        assert [bar[key] for key in ("open", "high", "low", "close")] == [
            want[key] for key in ("open", "high", "low", "close")
        ]
        assert bar["trades"] == want["n"]
        for key, other in (("volume", "volume"), ("quote_volume", "notional"), ("buy_volume", "buy_volume")):
            assert bar[key] == pytest.approx(want[other], rel=1e-9), (key, bar)
        vwap = math.nan if want["vwap"] is None else want["vwap"]
        assert bar["vwap"] == pytest.approx(vwap, rel=1e-9, nan_ok=True)


@needs_reference
def test_bricks_are_those_of_the_reference() -> None:
    wanted = json.loads(REFERENCE.read_text())["renko"]
    prices = np.array(wanted["prices"], dtype=float)
    trades = {"ts": np.arange(len(prices)), "price": prices, "qty": np.ones(len(prices))}
    bars = tc.bars.renko(trades, wanted["brick"], partial=False)
    assert list(zip(bars["ts_close"], bars["open"], bars["close"], strict=True)) == [
        (brick["i"], brick["open"], brick["close"]) for brick in wanted["bricks"]
    ]


def lean(*path: str) -> list[list[str]]:
    file = SHARED.joinpath("data", "bars", *path)
    if not file.exists():
        pytest.skip(f"no {file.name} here")
    with zipfile.ZipFile(file) as archive:
        return list(csv.reader(io.StringIO(archive.read(archive.namelist()[0]).decode())))


def as_trades(rows: list[list[str]]) -> dict[str, Any]:
    """Each bar as four trades at its prices, the quantity with the last."""
    numbers = np.array(rows, dtype=float)
    ts = np.repeat((numbers[:, 0] * MS).astype(np.int64), 4)
    qty = np.zeros((len(rows), 4))
    qty[:, 3] = numbers[:, 5]
    return {"ts": ts, "price": numbers[:, 1:5].ravel(), "qty": qty.ravel()}


@pytest.mark.parametrize("day", ["20161007", "20161008"])
def test_seconds_make_the_minutes_and_the_day_of_a_venue_exactly(day: str) -> None:
    seconds = as_trades(lean("lean_coinbase", "second", "btcusd", f"{day}_trade.zip"))
    minutes = lean("lean_coinbase", "minute", "btcusd", f"{day}_trade.zip")
    names = ("ts_open", "open", "high", "low", "close", "volume")

    def rows(bars: dict[str, Any]) -> list[tuple[float, ...]]:
        return list(zip(*(bars[name].tolist() for name in names), strict=True))

    def texts(given: list[list[str]]) -> list[tuple[float, ...]]:
        return [(int(row[0]) * MS, *map(float, row[1:6])) for row in given]

    assert rows(tc.bars.time(seconds, "1m")) == texts(minutes)
    daily = [row for row in lean("lean_coinbase", "daily", "btcusd_trade.zip") if row[0].startswith(day)]
    assert rows(tc.bars.time(seconds, "1d")) == [(0, *map(float, row[1:6])) for row in daily]
    assert rows(tc.bars.time(as_trades(minutes), "1d")) == [(0, *map(float, row[1:6])) for row in daily]


SPECS = [
    "1us",
    "7ns,empty=carry",
    "100ns+30ns,late=amend",
    "tick:3",
    "volume:2.5",
    "volume:2.5,excess=split",
    "notional:260",
    "notional:260,excess=split",
    "imbalance:tick,length=3,mean=0.7,span=4",
    "imbalance:volume,length=3,mean=0.5",
    "run:notional,length=3,mean=60,span=4",
    "renko:0.5",
    "range:1.5",
]

TAPES = st.lists(
    st.tuples(
        st.integers(-300, 900),
        st.integers(190, 210).map(lambda half: half / 2),
        st.integers(0, 60).map(lambda tenth: tenth / 10),
        st.sampled_from([-1, 0, 1]),
        st.integers(0, 400),
    ),
    max_size=60,
)


def columns(rows: list[tuple[int, float, float, int, int]]) -> dict[str, Any]:
    """Rows in the order they were received, with stamps in any."""
    ts, price, qty, side, lag = (np.array(column) for column in zip(*rows, strict=True)) if rows else [np.zeros(0)] * 5
    ts = ts.astype(np.int64) + SECOND
    recv = np.maximum.accumulate(ts + lag.astype(np.int64)) if rows else ts
    return {"ts": ts, "ts_recv": recv, "price": price, "qty": qty, "side": side.astype(np.int8)}


def made(spec: str, trades: dict[str, Any]) -> list[tuple[Any, ...]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        bars = tc.bars.make(spec, trades)
    return list(zip(*(bars[name].tolist() for name in BAR_COLUMNS), strict=True))


@settings(max_examples=40)
@given(TAPES, st.sampled_from(SPECS), st.booleans(), st.integers(0, 60))
def test_one_by_one_is_all_at_once(rows: Any, spec: str, has_clock: bool, cut: int) -> None:
    """Also when the builder is pickled, or saved, on the way."""
    if spec[0].isdigit():
        spec += ",grace=50ns"
    trades = columns(rows)
    if not has_clock:
        del trades["ts_recv"]
    builder, told = BarBuilder(spec), []
    for at in range(len(rows)):
        if at == cut:
            loaded = BarBuilder(spec)
            loaded.load(builder.save())
            builder = pickle.loads(pickle.dumps(loaded))
        clock = {"ts_recv": int(trades["ts_recv"][at])} if has_clock else {}
        told += builder.push(int(trades["ts"][at]), rows[at][1], rows[at][2], rows[at][3], **clock)
    told += builder.flush()
    assert repr([tuple(getattr(bar, name) for name in BAR_COLUMNS) for bar in told]) == repr(made(spec, trades))


@settings(max_examples=40)
@given(TAPES, st.sampled_from([spec for spec in SPECS if not spec[0].isdigit()]))
def test_nothing_is_lost_or_invented(rows: Any, spec: str) -> None:
    trades = columns(rows)
    bars = pl.DataFrame(tc.bars.make(spec, trades))
    assert bars["volume"].sum() == pytest.approx(trades["qty"].sum())
    assert bars["quote_volume"].sum() == pytest.approx((trades["qty"] * trades["price"]).sum())
    assert "split" in spec or bars["trades"].sum() == len(rows)
    assert (bars["high"] >= bars[["open", "close"]].max_horizontal()).all()
    assert (bars["low"] <= bars[["open", "close"]].min_horizontal()).all()
    if not spec.startswith("renko"):
        traded = bars.filter(pl.col("volume") > 0)
        assert (traded["vwap"] <= traded["high"] + 1e-9).all()
        assert (traded["vwap"] >= traded["low"] - 1e-9).all()


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 5_000), st.integers(90, 110), st.integers(1, 50)), min_size=1, max_size=80),
    st.sampled_from([1, 3, 60, 1_000]),
)
def test_windows_are_those_of_pandas(rows: list[tuple[int, int, int]], length: int) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    ts, price, qty = (np.array(column) for column in zip(*rows, strict=True))
    trades = pd.DataFrame({"ts_event": pd.to_datetime(ts * MS, utc=True), "price": price / 4, "qty": qty / 8})
    bars = tc.bars.time(trades, f"{length}ms")
    windows = trades.set_index("ts_event").resample(f"{length}ms", label="left", closed="left", origin="epoch")
    wanted = windows["price"].ohlc().assign(volume=windows["qty"].sum(), trades=windows["price"].count())
    wanted = wanted[wanted["trades"] > 0]
    assert isinstance(bars, pd.DataFrame)
    assert bars["ts_open"].tolist() == wanted.index.tolist()
    for name in ("open", "high", "low", "close", "volume", "trades"):
        assert bars[name].tolist() == wanted[name].tolist(), name


def test_days_begin_at_midnight_and_weeks_on_monday() -> None:
    friday = int(pd.Timestamp("2026-01-02T15:00", tz="UTC").value)
    trades = {"ts": [friday, friday + 3 * DAY], "price": [1.0, 2.0], "qty": [1.0, 1.0]}
    days = [str(pd.Timestamp(ts)) for ts in tc.bars.time(trades, "1d")["ts_open"]]
    weeks = [pd.Timestamp(ts).day_name() for ts in tc.bars.time(trades, "1w")["ts_open"]]
    assert days == ["2026-01-02 00:00:00", "2026-01-05 00:00:00"]
    assert weeks == ["Monday", "Monday"]
    moved = [str(pd.Timestamp(ts)) for ts in tc.bars.time(trades, "1d", offset="16h")["ts_open"]]
    assert moved == ["2026-01-01 16:00:00", "2026-01-04 16:00:00"]


def test_decimals_reach_a_threshold_as_decimals_do() -> None:
    """In floats 0.7 + 0.1 is below 0.8."""
    trades = {"ts": [1, 2, 3], "price": [1.0, 1.0, 1.0], "qty": [0.7, 0.1, 0.8]}
    assert tc.bars.volume(trades, 0.8)["trades"].tolist() == [2, 1]
    assert tc.bars.volume(trades, 0.8, excess="split")["trades"].tolist() == [2, 1]
    prices = {"ts": range(1, 5), "price": [100.0, 100.1, 100.2, 100.3], "qty": [1.0] * 4}
    prices["ts"] = list(prices["ts"])
    assert tc.bars.renko(prices, 0.1, partial=False)["close"].tolist() == [100.1, 100.2, 100.3]
    assert tc.bars.range(prices, 0.3, partial=False)["trades"].tolist() == [4]


def test_a_late_trade_is_counted_and_dropped_or_amends_its_bar() -> None:
    trades = {"ts": [0, 1_100, 900, 2_000], "price": [10.0, 11.0, 15.0, 12.0], "qty": [1.0, 1.0, 5.0, 1.0]}
    with pytest.warns(RuntimeWarning, match="1 of 4 trades were late"):
        assert tc.bars.time(trades, "1us")["volume"].tolist() == [1.0, 1.0, 1.0]
    with pytest.warns(RuntimeWarning, match="late"):
        bars = tc.bars.time(trades, "1us", late="amend")
    assert bars["volume"].tolist() == [1.0, 6.0, 1.0, 1.0]
    assert bars["revision"].tolist() == [0, 1, 0, 0]
    assert bars["high"].tolist() == [10.0, 15.0, 11.0, 12.0]


def test_our_clock_closes_a_bar_a_grace_after_its_window() -> None:
    trades = {"ts": [0, 5_000], "ts_recv": [10, 5_010], "price": [1.0, 2.0], "qty": [1.0, 1.0]}
    assert tc.bars.time(trades, "1us", grace="500ns", partial=False)["ts_available"].tolist() == [1_500]
    assert tc.bars.time(trades, "1us", grace="1s", partial=False)["ts_available"].tolist() == [5_010]
    builder = BarBuilder("1us")
    assert builder.push(10, 1.0, 2.0, "sell") == [] == builder.advance(999)
    [bar] = builder.advance(1_000)
    assert (bar.ts_close, bar.ts_available, bar.sell_volume, bar.instrument) == (1_000, 1_000, 2.0, "")


def test_frames_come_back_as_what_they_were() -> None:
    ts = np.array([0, 1_500], dtype="datetime64[ns]")
    given: dict[str, Any] = {"ts": ts, "price": [1.0, 2.0], "qty": [1.0, 1.0], "side": ["buy", "sell"]}
    assert isinstance(tc.bars.tick(given, 1), dict)
    frame = tc.bars.tick(pl.DataFrame(given), 1)
    assert isinstance(frame, pl.DataFrame)
    assert frame["ts_open"].dtype == pl.Datetime("ns")
    assert frame["buy_volume"].to_list() == [1.0, 0.0]
    pandas = tc.bars.tick(pd.DataFrame(given), 1)
    assert isinstance(pandas, pd.DataFrame)
    assert pandas["sell_volume"].tolist() == [0.0, 1.0]
    quotes = {"ts": [1, 2, 3], "bid": [9.0, 9.0, 10.0], "ask": [10.0, 10.0, 11.0]}
    assert tc.bars.tick(quotes, 1, source="quotes")["close"].tolist() == [9.5, 9.5, 10.5]
    assert tc.bars.tick(quotes, 1, source="mid")["close"].tolist() == [9.5, 10.5]
