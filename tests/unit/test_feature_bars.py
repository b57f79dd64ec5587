"""Features at bars, of bars and of indicators on bars: the same as bars, indicators and strategies say."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tradecore as tc
from conftest import LAST, TRADE, columns
from tradecore.data.catalog import Columns
from tradecore.errors import FeatureError, InvalidValueError

INST = "BTCUSDT.SYNTH"
SECOND = 1_000_000_000
KINDS = [
    "1s",
    "7s",
    "1s+300ms,late=amend,grace=0s",
    "250ms,empty=carry,grace=20ms",
    "1s,source=mid",
    "tick:50",
    "volume:0.5,excess=split",
    "imbalance:tick,length=20,mean=0.4,span=10",
    "renko:0.5,source=mid",
]
FIELDS = ["open", "high", "low", "close", "volume", "quote_volume", "buy_volume", "sell_volume", "vwap", "trades"]


def features_of(bars: str) -> tc.FeatureSet:
    fields = [f'{field} = bar(bars="{bars}", field={field})' for field in FIELDS]
    rsi = f'rsi = indicator(name=rsi, bars="{bars}", period=3)'
    signal = f'signal = indicator(name=macd, bars="{bars}", output=signal, fast=2, slow=4, signal=2)'
    return tc.FeatureSet(["mid", "ofi(window=500ms)", *fields, rsi, signal])


def finished(catalog: Path, bars: str) -> pl.DataFrame:
    """Bars of the catalog in the order they are available, each as it was first."""
    frame = tc.Catalog(catalog).bars(INST, bars).collect()
    return frame.filter(~pl.col("is_partial") & (pl.col("revision") == 0))


def bits(table: pl.DataFrame) -> list[bytes]:
    return [np.ascontiguousarray(row).tobytes() for row in table.drop("ts", "ts_available").to_numpy()]


@pytest.mark.parametrize("bars", KINDS)
def test_a_row_stands_where_a_bar_is_available_and_holds_it(market: Path, bars: str) -> None:
    table, made = tc.features.compute(market, INST, features_of(bars), f"bar:{bars}"), finished(market, bars)
    assert len(made) > 1
    assert table["ts_available"].to_list() == made["ts_available"].to_list()
    # Of bars that end with one message the last is known after it.
    last = [
        at for at, ts in enumerate(made["ts_available"]) if at + 1 == len(made) or ts != made["ts_available"][at + 1]
    ]
    held = made.with_columns(pl.col("vwap").fill_null(math.nan), pl.col("trades").cast(pl.Float64))[last]
    assert repr(table[last].select(FIELDS).rows()) == repr(held.select(FIELDS).rows())
    close = made["close"].to_numpy()
    rsi, macd = tc.indicators.rsi(close, 3), tc.indicators.macd(close, fast=2, slow=4, signal=2)
    np.testing.assert_array_equal(table["rsi"].to_numpy()[last], rsi[last])
    np.testing.assert_array_equal(table["signal"].to_numpy()[last], macd.signal[last])


@pytest.mark.parametrize("bars", KINDS)
def test_a_strategy_is_given_the_same_in_on_bar(market: Path, bars: str) -> None:
    told: list[tuple[int, bytes]] = []

    class Listener(tc.Strategy):
        features = features_of(bars)

        def on_start(self, ctx: tc.Context) -> None:
            ctx.subscribe(INST, f"bars:{bars}")

        def on_bar(self, ctx: tc.Context, bar: Any) -> None:
            if bar.revision == 0:
                told.append((ctx.now_ns, ctx.features(INST).values.tobytes()))

    tc.Backtest([Listener("l", [INST])], market).run()
    table = tc.features.compute(market, INST, Listener.features, f"bar:{bars}")
    assert told == list(zip(table["ts"].to_physical().to_list(), bits(table), strict=True))


def whole(catalog: Path) -> Columns:
    pieces = list(tc.Catalog(catalog).stream(INST))
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def test_asking_changes_nothing_and_a_state_goes_on(market: Path) -> None:
    own = features_of("250ms,grace=1ms")
    events, instrument = whole(market), tc.Catalog(market).instrument(INST)
    ends = (np.flatnonzero(events["flags"] & LAST) + 1)[:3_000]
    quiet, asked, begin = tc.features.FeatureEngine(instrument, own), tc.features.FeatureEngine(instrument, own), 0
    for at, end in enumerate(ends):
        part = {name: values[begin:end] for name, values in events.items()}
        quiet.update(part)
        asked.update(part)
        now = int(part["ts_recv"][-1])
        upcoming = int(events["ts_recv"][end])
        asked.values(min(upcoming, (now // 250_000_000 + 1) * 250_000_000 + 1_000_000))
        if at % 500 == 99:
            state = asked.save()
            asked = tc.features.FeatureEngine(instrument, own)
            asked.load(state)
        if at % 10 == 0:
            assert asked.values(upcoming).values.tobytes() == quiet.values(upcoming).values.tobytes()
        begin = end


def test_our_clock_closes_a_bar_at_its_deadline_and_the_instant_stays_open() -> None:
    own = tc.FeatureSet(["bar(bars=1s, field=volume)"])
    engine = tc.features.FeatureEngine(tc.find_instrument(INST), own)
    engine.update(columns([(10, TRADE, 1, LAST, 100, 1_000)]))
    assert math.isnan(engine.values(2 * SECOND - 1).values[0])
    assert engine.values(2 * SECOND).values[0] == 1.0
    # A trade received in that instant, late as it may be, still belongs to the bar, as it does in a strategy.
    late = columns([(2 * SECOND, TRADE, 1, LAST, 100, 2_000)])
    late["ts_event"] = late["ts_event"] * 0 + 20
    engine.update(late)
    assert engine.values(2 * SECOND + 1).values[0] == 3.0


def test_rows_at_bars_begin_and_end_where_they_are_wanted(market: Path) -> None:
    whole_table = tc.features.compute(market, INST, ["bar(bars=tick:20)"], "bar:tick:20")
    part = tc.features.compute(
        market, INST, ["bar(bars=tick:20)"], "bar:tick:20", start="2026-01-01T00:00:03", end="2026-01-01T00:00:05"
    )
    assert 0 < len(part) < len(whole_table)
    assert part.rows() == whole_table.filter(pl.col("ts").is_between(part["ts"][0], part["ts"][-1])).rows()


def test_a_data_set_has_a_row_for_each_bar(market: Path) -> None:
    label = tc.ml.Label("forward_return", horizon=1)
    data = tc.ml.build_dataset(market, INST, ["mid", "bar(bars=tick:20, field=volume)"], label=label, at="bar:tick:20")
    made = finished(market, "tick:20")
    assert set(data.ts.tolist()) <= set(made["ts_available"].to_physical().to_list())
    assert len(data) > 50


def test_too_many_bars_end_the_table() -> None:
    events = columns([(1, TRADE, 1, LAST, 100, 1), (2, TRADE, 1, LAST, 100_000_000, 1)])
    for features, at, name in (
        (["bar(bars=renko:0.1)"], "message", r"bar\(bars=renko:0.1\)"),
        (["mid"], "bar:renko:0.1", "of the rows' bars"),
    ):
        with pytest.raises(FeatureError, match=rf"feature {name}: the trade or gap at 2 ns makes"):
            tc.features.compute(events, tc.find_instrument(INST), features, at)


def test_bars_that_cannot_be_are_told() -> None:
    for features, at, problem in (
        (["mid"], "bar:soon", "is no kind of bars"),
        (["mid"], "bar:", "is no kind of bars"),
        (["mid"], "bar:renko:0.01", "renko of BTCUSDT.SYNTH"),
        (["bar(bars=renko:0.01)"], "1s", "renko of BTCUSDT.SYNTH"),
        (["bar(field=clse)"], "1s", "one of open, high"),
        (["indicator(name=rsi, period=0)"], "1s", "a whole number from"),
        (["indicator(name=macd, fast=30)"], "1s", "more than fast"),
        (["indicator(name=kama, x=30)"], "1s", "kama has no parameter"),
        (["indicator(name=beta)"], "1s", "an indicator of bars"),
    ):
        with pytest.raises(InvalidValueError, match=problem):
            tc.features.compute(columns([]), tc.find_instrument(INST), features, at)
