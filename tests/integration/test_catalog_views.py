"""The catalog as people and their tools read it: frames in units, the folder as a whole, writing that goes wrong."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tradecore as tc
from conftest import CLEAR, LAST, QUOTE, SET, TRADE, columns
from tradecore._core import read_note
from tradecore.bars import BAR_COLUMNS
from tradecore.data.catalog import COLUMNS
from tradecore.data.check import check_files
from tradecore.data.exporters import export, left_out
from tradecore.data.views import scaled
from tradecore.errors import CatalogError, DataError, InvalidValueError, UnknownInstrumentError
from tradecore.types import EventKind

NAME = "BTCUSDT.SYNTH"
DAY = 86_400_000_000_000
START = 1_767_225_600_000_000_000
UNITS = pl.Datetime("ns", "UTC")


def ns(frame: pl.DataFrame, column: str | None = None) -> list[int]:
    """Times of the first column, unless told otherwise."""
    return frame[column or frame.columns[0]].cast(pl.Int64).to_list()


def write(path: Path, instrument: tc.Instrument, *rows: list[Any]) -> tc.Catalog:
    """A catalog of parts: one a call of the writer."""
    catalog = tc.Catalog(path)
    for part in rows:
        with catalog.writer(instrument) as writer:
            writer.write(columns(part))
    return catalog


def tree(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- trades and events --------------------------------------------------------------------------------------------


def test_trades_are_in_units_and_words(tmp_path: Path, instrument: tc.Instrument) -> None:
    rows = [(START, SET, 1, LAST, 9, 9), (START + 5, TRADE, 1, 0, 601_234, 17), (START + 5, TRADE, -1, LAST, 7, 1)]
    data = {**columns([*rows, (START + 9, TRADE, 0, LAST, 7, 2)])}
    data["id"] = np.array([0, 4, 5, 0], np.uint64)
    data["ts_event"] = data["ts_recv"] - 3
    catalog = tc.Catalog(tmp_path)
    with catalog.writer(instrument) as writer:
        writer.write(data)
    for engine in ("in-memory", "streaming"):
        frame = catalog.trades("BTCUSDT.TEST").collect(engine=engine)
        assert frame.columns == ["ts_recv", "side", "price", "qty", "id", "ts_event"]
        assert frame.schema["ts_recv"] == frame.schema["ts_event"] == UNITS
        assert ns(frame) == [START + 5, START + 5, START + 9]
        assert ns(frame, "ts_event") == [START + 2, START + 2, START + 6]
        assert frame["side"].to_list() == ["buy", "sell", None]
        assert frame["price"].to_list() == [60123.4, 0.7, 0.7]
        assert frame["qty"].to_list() == [0.017, 0.001, 0.002]
        assert frame["id"].to_list() == [4, 5, None]
    assert frame.filter(pl.col("side") == "sell").height == 1


def test_trades_are_those_of_the_events(market: Path) -> None:
    catalog = tc.Catalog(market)
    raw = catalog.scan(NAME).filter(pl.col("kind") == TRADE).collect()
    frame = catalog.trades(catalog.instrument(NAME)).collect()
    assert ns(frame) == raw["ts_recv"].to_list()
    assert frame["price"].to_list() == [float(Decimal(price) * Decimal("0.1")) for price in raw["price"]]
    assert frame["qty"].to_list() == [float(Decimal(qty) * Decimal("0.001")) for qty in raw["qty"]]


@given(
    step=st.sampled_from(["0.1", "0.00001", "0.00000001", "2.5", "5", "1000", "0.25", "0.03"]),
    counts=st.lists(st.integers(0, 10**9), min_size=1, max_size=40),
)
def test_units_are_the_floats_nearest_to_the_decimals(step: str, counts: list[int]) -> None:
    spec = tc.Instrument("A.B", kind="spot", base="A", quote="B", price_increment=step, qty_increment=step)
    frame = pl.LazyFrame({"kind": [TRADE] * len(counts), "price": counts, "qty": counts}).select(scaled(spec))
    wanted = [float(Decimal(count) * Decimal(step)) for count in counts]
    for engine in ("in-memory", "streaming"):
        got = frame.collect(engine=engine)
        assert got["price"].to_list() == got["qty"].to_list() == wanted


def test_all_events_in_units(tmp_path: Path, instrument: tc.Instrument) -> None:
    mark, funding = int(EventKind.MARK), int(EventKind.FUNDING)
    rows = [(START, CLEAR, 0, 0, 0, 0), (START, SET, -1, LAST, 15, 20), (START + 1, mark, 0, LAST, 10**9 + 1, 0)]
    catalog = write(tmp_path, instrument, [*rows, (START + 2, funding, 0, LAST, -5, 0)])
    frame = catalog.scan("BTCUSDT.TEST", units=True).collect()
    assert frame.columns == ["ts_recv", "kind", "side", "price", "qty", "flags", "id", "ts_event"]
    assert frame["kind"].to_list() == ["book_clear", "book_set", "mark", "funding"]
    assert frame["side"].to_list() == [None, "sell", None, None]
    assert frame["price"].to_list() == [0.0, 1.5, 1.000000001, -5e-9]
    assert frame["qty"].to_list() == [0.0, 0.02, 0.0, 0.0]
    assert frame.schema[frame.columns[0]] == UNITS


@pytest.mark.parametrize(
    ("start", "end", "chosen"),
    [
        (None, None, [0, 1, 2, 3]),
        ("2026-01-01", None, [0, 1, 2, 3]),
        (date(2026, 1, 2), None, [2, 3]),
        (None, date(2026, 1, 2), [0, 1]),
        ("2026-01-01T00:00:01", "2026-01-02T00:00:01Z", [1, 2]),
        (datetime(2026, 1, 1, 1, 0, 1, tzinfo=UTC) - timedelta(hours=1), None, [1, 2, 3]),
        ("2026-01-02T09:00:01+09:00", None, [3]),
        (pd.Timestamp("2026-01-02"), None, [2, 3]),
        ("2026-01-05", "9999-01-01", []),
        ("0001-01-01", date(2025, 1, 1), []),
    ],
)
def test_a_span_holds_its_start_and_not_its_end(
    tmp_path: Path, instrument: tc.Instrument, start: Any, end: Any, chosen: list[int]
) -> None:
    times = [START, START + 10**9, START + DAY, START + DAY + 10**9]
    parts = [[(time, kind, 1, LAST, 5, 5) for kind in (TRADE, QUOTE)] for time in times]
    catalog = write(tmp_path, instrument, *parts)
    wanted = [times[at] for at in chosen]
    assert ns(catalog.trades(instrument, start=start, end=end).collect()) == wanted
    assert ns(catalog.quotes(instrument, start=start, end=end).collect()) == wanted
    assert ns(catalog.bars(instrument, "1s", start=start, end=end).collect()) == wanted
    assert catalog.scan(instrument, start=start, end=end).collect()["ts_recv"].to_list() == [
        time for time in wanted for _ in range(2)
    ]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"start": 5}, "start: expected a datetime, a date or text in ISO 8601 .*, got 5"),
        ({"end": "tomorrow"}, "end: expected .* got 'tomorrow'"),
        ({"start": "2026-01-02", "end": "2026-01-02"}, "end: 2026-01-02 is not after start 2026-01-02; the end itself"),
    ],
)
def test_a_time_that_is_none_is_refused_at_once(market: Path, options: Any, problem: str) -> None:
    catalog = tc.Catalog(market)
    for view in (catalog.scan, catalog.trades, catalog.quotes, catalog.book, catalog.bars):
        with pytest.raises(InvalidValueError, match=problem):
            view(NAME, **options)


def test_what_the_data_does_not_have_is_said_at_once(tmp_path: Path, market: Path, instrument: tc.Instrument) -> None:
    with pytest.raises(CatalogError, match=r"the data of BTCUSDT\.SYNTH has no quotes; see book\(\)"):
        tc.Catalog(market).quotes(NAME)
    catalog = write(tmp_path, instrument, [(START, QUOTE, 1, LAST, 5, 5)])
    with pytest.raises(CatalogError, match=r"the data of BTCUSDT\.TEST has no book; see quotes\(\)"):
        catalog.book(instrument)
    for view in (catalog.trades, catalog.bars):
        with pytest.raises(CatalogError, match=r"the data of BTCUSDT\.TEST has no trades$"):
            view(instrument)
    for depth in (0, 1001, True, 2.0, "5"):
        with pytest.raises(InvalidValueError, match="depth: expected a number of levels from 1 to 1000"):
            tc.Catalog(market).book(NAME, depth)  # type: ignore[arg-type]
    for every in ("0s", "soon", "-1s"):
        for series in (tc.Catalog(market).book, tc.Catalog(market).bars):
            with pytest.raises(InvalidValueError, match="every"):
                series(NAME, every=every)


# --- quotes -------------------------------------------------------------------------------------------------------


def test_quotes_are_what_on_quote_is_told(tmp_path: Path, instrument: tc.Instrument) -> None:
    rows = [
        (START, CLEAR, 0, 0, 0, 0),
        (START, SET, 1, 0, 9, 9),
        (START, SET, -1, LAST, 19, 9),
        (START + 1, QUOTE, 1, 0, 10, 4),
        (START + 1, QUOTE, -1, LAST, 12, 5),
        (START + 2, TRADE, 1, LAST, 12, 1),
        (START + 3, QUOTE, 1, 0, 11, 4),
        (START + 3, QUOTE, -1, LAST, 0, 0),
        (START + 4, QUOTE, -1, 0, 13, 6),
        (START + 4, TRADE, -1, LAST, 13, 6),
    ]
    catalog = write(tmp_path, instrument, rows)
    told: list[Any] = []

    class Listener(tc.Strategy):
        def on_quote(self, ctx: tc.Context, quote: tc.QuoteView) -> None:
            told.append((ctx.now_ns, quote.best_bid, quote.bid_qty, quote.best_ask, quote.ask_qty))

    tc.Backtest([Listener("l", ["BTCUSDT.TEST"])], catalog).run()
    frame = catalog.quotes(instrument).collect()
    assert frame.columns == ["ts_recv", "bid", "bid_qty", "ask", "ask_qty", "ts_event"]
    seen = rows_of(frame.drop("ts_event"))
    assert seen == told
    assert seen == [
        (START + 1, 1.0, 0.004, 1.2, 0.005),
        (START + 3, 1.1, 0.004, None, None),
        (START + 4, None, None, 1.3, 0.006),
    ]


# --- the book -----------------------------------------------------------------------------------------------------


def replayed(catalog: tc.Catalog, instrument: str, depth: int, every: int) -> Iterator[tuple[Any, ...]]:
    """Samples of the book, the slow and obvious way."""
    spec = catalog.instrument(instrument)
    events = catalog.scan(instrument).collect()
    received = events["ts_recv"]
    book, at = tc.L2Book(spec), 0
    for time in range(-(-received[0] // every) * every, received[-1] + 1, every):
        upto = int(received.search_sorted(time, side="right"))
        book.apply({name: events[name].to_numpy()[at:upto] for name in COLUMNS})
        at = upto
        bids, asks = book.depth(depth) if book.is_synced else (np.empty((0, 2)), np.empty((0, 2)))
        cells: list[float | None] = []
        for level in range(depth):
            for side in (bids, asks):
                cells += side[level].tolist() if level < len(side) else [None, None]
        yield (time, *cells)


def rows_of(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    return frame.with_columns(pl.col(frame.columns[0]).cast(pl.Int64)).rows()


@pytest.mark.parametrize(("depth", "every"), [(1, "10ms"), (5, "100ms"), (40, "1s"), (3, "7777us")])
def test_the_book_is_sampled_as_it_was_known(market: Path, depth: int, every: str) -> None:
    catalog = tc.Catalog(market)
    frame = catalog.book(NAME, depth, every).collect()
    assert frame.columns[:5] == ["ts", "bid_0", "bid_qty_0", "ask_0", "ask_qty_0"]
    assert len(frame.columns) == 1 + 4 * depth
    assert frame.schema[frame.columns[0]] == UNITS
    every_ns = tc._core.parse_duration(every)
    assert rows_of(frame) == list(replayed(catalog, NAME, depth, every_ns))
    assert frame.height > 20


def test_what_comes_later_changes_no_sample(tmp_path: Path, market: Path) -> None:
    events = tc.Catalog(market).scan(NAME).collect()
    cut = int(events["ts_recv"][30_000])
    rng = np.random.default_rng(5)
    later = (pl.col("ts_recv") > cut) & (pl.col("kind") == SET)
    scrambled = events.with_columns(
        price=pl.when(later).then(pl.Series(rng.integers(1, 900_000, len(events)))).otherwise("price")
    )
    other = tc.Catalog(tmp_path)
    with other.writer(tc.Catalog(market).instrument(NAME)) as writer:
        writer.write(scrambled)
    end = datetime.fromtimestamp(cut // 10**9, UTC)
    known, again = (c.book(NAME, 5, "10ms", end=end).collect() for c in (tc.Catalog(market), other))
    assert known.height > 500
    assert known.equals(again)
    assert not tc.Catalog(market).book(NAME, 5, "10ms").collect().equals(other.book(NAME, 5, "10ms").collect())


def test_a_book_that_is_not_known_is_null(tmp_path: Path, instrument: tc.Instrument) -> None:
    second = 10**9
    catalog = write(
        tmp_path,
        instrument,
        [
            (START - 5, TRADE, 1, LAST, 5, 5),
            (START + second - 1, CLEAR, 0, 0, 0, 0),
            (START + second - 1, SET, 1, LAST, 10, 3),
            (START + 2 * second, SET, -1, LAST, 12, 4),
            (START + 3 * second, CLEAR, 0, LAST, 0, 0),
            (START + 5 * second, SET, 1, LAST, 11, 1),
            (START + 5 * second + 1, SET, 1, LAST, 13, 1),
        ],
    )
    frame = catalog.book(instrument, 1, "1s").collect()
    assert rows_of(frame) == [
        (START, None, None, None, None),
        (START + second, 1.0, 0.003, None, None),
        (START + 2 * second, 1.0, 0.003, 1.2, 0.004),
        (START + 3 * second, None, None, None, None),
        (START + 4 * second, None, None, None, None),
        (START + 5 * second, 1.1, 0.001, None, None),
    ]


def test_a_part_of_the_book_is_that_of_the_whole(tmp_path: Path, market: Path, instrument: tc.Instrument) -> None:
    """Wherever it starts: after a clear, before one, between parts, where nothing came."""
    second = 10**9
    times = [0, 1, 2, 10, 11, 30, 31, 32]
    parts = [
        [(START + t * second + 5, SET, 1, LAST, 100 + t, 1), (START + t * second + 6, TRADE, 1, LAST, 9, 9)]
        for t in times
    ]
    for at in (2, 5):
        parts[at].insert(0, (START + times[at] * second + 5, CLEAR, 0, 0, 0, 0))
    few = write(tmp_path, instrument, *parts)
    for catalog, name, every, spans in (
        (few, instrument.id, "1s", [(a, b) for a in range(0, 34, 2) for b in range(a + 1, 36, 3)]),
        (tc.Catalog(market), NAME, "100ms", [(0, 5), (3, 7), (20, 21), (22, 500)]),
    ):
        whole = catalog.book(name, 2, every).collect()
        for start, end in spans:
            first, last = (datetime.fromtimestamp(START // second + at, UTC) for at in (start, end))
            part = catalog.book(name, 2, every, start=first, end=last).collect()
            assert part.equals(whole.filter(pl.col("ts").is_between(first, last, closed="left"))), (start, end)


def test_pieces_of_a_series_make_the_whole(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = tc.Catalog(market)
    whole = [catalog.book(NAME, 2, "50ms").collect(), catalog.bars(NAME, "1s").collect()]
    monkeypatch.setattr("tradecore.data.views._CELLS", 70)
    again = [catalog.book(NAME, 2, "50ms"), catalog.bars(NAME, "1s")]
    for frame, lazy in zip(whole, again, strict=True):
        assert lazy.collect().equals(frame)
        assert lazy.collect(engine="streaming").equals(frame)
        assert lazy.head(3).collect().equals(frame.head(3))
        assert lazy.slice(4, 5).collect().equals(frame.slice(4, 5))
        late = pl.first() > datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC)
        column = frame.columns[1]
        assert lazy.filter(late).select(column).collect().equals(frame.filter(late).select(column))
        assert lazy.filter(late).head(2).collect().equals(frame.filter(late).head(2))
        assert lazy.select(pl.len()).collect().item() == frame.height
        assert pl.concat([lazy, lazy]).collect().height == 2 * frame.height


def test_a_series_stops_to_read_where_it_ends(market: Path) -> None:
    """A sample a nanosecond would be 20 billion rows."""
    frame = tc.Catalog(market).book(NAME, 1, "1ns", start="2026-01-01T00:00:01").head(1_000_000).collect()
    assert frame.height == 1_000_000


def test_more_samples_than_a_table_holds_are_refused_by_number(market: Path) -> None:
    catalog = tc.Catalog(market)
    (row,) = catalog.info()
    rows = row["last_ts_recv"] - row["first_ts_recv"] + 1
    with pytest.raises(InvalidValueError, match=f"every: 1ns gives {rows:,} rows, more than 1,000,000,000"):
        catalog.book(NAME, 1, "1ns").collect()
    with pytest.raises(InvalidValueError, match=f"at: 1ns gives {rows:,} rows, more than 1,000,000,000"):
        tc.features.compute(catalog, NAME, ["mid"], "1ns")
    with pytest.raises(InvalidValueError, match=f"at: 1ns gives {rows:,} rows"):
        tc.features.compute(catalog.scan(NAME).collect(), NAME, ["mid"], "1ns")
    start = datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)
    for at, span, height in (("1us", {"end": start + timedelta(microseconds=50)}, 50), ("1h", {}, 0)):
        table = tc.features.compute(catalog, NAME, ["mid"], at, start=start, **span)
        assert table.height == catalog.book(NAME, 1, at, start=start, **span).collect().height == height
    first = next(tc.features.tables.pieces(catalog, NAME, ["mid"], "1ns"))
    assert first.height > 0


# --- bars ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "every",
    [
        "1s",
        "7s",
        "1s+300ms,late=amend,grace=0s",
        "250ms,empty=carry,grace=20ms",
        "1s,source=mid",
        "tick:50",
        "volume:0.5,excess=split",
        "notional:20000",
        "imbalance:tick,length=20,mean=0.4,span=10",
        "run:volume,length=20,mean=0.01",
        "renko:0.5,source=mid",
        "range:2",
    ],
)
def test_bars_are_those_of_a_backtest(market: Path, every: str) -> None:
    told: list[Any] = []

    class Listener(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.subscribe(self.instruments[0], f"bars:{every}")

        def on_bar(self, ctx: tc.Context, bar: tc._core.Bar) -> None:
            assert bar.ts_available == ctx.now_ns
            told.append([getattr(bar, name) for name in BAR_COLUMNS])

    tc.Backtest([Listener("l", [NAME])], market).run()
    frame = tc.Catalog(market).bars(NAME, every).collect()
    assert frame.columns == list(BAR_COLUMNS)
    times = pl.col("ts_open", "ts_close", "ts_available").cast(pl.Int64)
    made = frame.with_columns(times, pl.col("vwap").fill_null(math.nan))
    assert len(told) > 0
    assert repr(made.filter(~pl.col("is_partial")).rows()) == repr([tuple(bar) for bar in told])


@pytest.mark.parametrize("every", ["1s", "7s", "1m"])
def test_candles_are_bars_of_every_trade(market: Path, every: str) -> None:
    result = tc.Backtest(
        [tc.TouchMaker("m", [NAME], quote_qty="0.01", max_position="0.05")], market, candles=every
    ).run()
    names = ["ts_open", "open", "high", "low", "close", "volume", "trades"]
    frame = tc.Catalog(market).bars(NAME, f"{every},grace=1h").collect()
    assert frame.select(names).rows() == result.candles.select(names).rows()


def test_bars_of_a_span_are_whole(market: Path) -> None:
    catalog = tc.Catalog(market)
    whole = catalog.bars(NAME, timedelta(seconds=4)).collect()
    first, last = "2026-01-01T00:00:02", "2026-01-01T00:00:13"
    part = catalog.bars(NAME, "4s", start=first, end=last).collect()
    seconds = [(time - START) // 10**9 for time in ns(part)]
    assert seconds == [4, 8, 12]
    assert part.equals(whole.filter(pl.col("ts_open").cast(pl.Int64).is_in(ns(part))))


def test_a_damaged_part_is_named_when_it_is_read(tmp_path: Path) -> None:
    tc.synthesize(tmp_path, events=50_000)
    (part,) = tmp_path.rglob("0*.parquet")
    whole = bytearray(part.read_bytes())
    for at in range(1_000, len(whole) // 2, 97):
        whole[at] ^= 0x5A
    part.write_bytes(whole)
    catalog = tc.Catalog(tmp_path)
    for lazy in (catalog.bars(NAME), catalog.book(NAME), catalog.trades(NAME), catalog.scan(NAME).select("price")):
        for engine in ("in-memory", "streaming"):
            with pytest.raises(CatalogError, match=r"\.parquet: is damaged: the checksum of a row group"):
                lazy.collect(engine=engine)


def test_a_view_reads_in_bounded_memory(tmp_path: Path) -> None:
    """Four times the rows, the same memory."""
    code = """
import resource, sys
import polars as pl
import tradecore as tc
catalog, name = tc.Catalog(sys.argv[1]), "BTCUSDT.SYNTH"
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
catalog.bars(name, "1s").collect(); catalog.book(name, 5, "1s").collect()
catalog.trades(name).select(pl.col("qty").sum()).collect(engine="streaming")
print(peak())
"""
    peaks = []
    for rows in (250_000, 1_000_000):
        tc.synthesize(tmp_path / str(rows), events=rows, seed=2)
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / str(rows))], capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 27 * 750_000 / 1e6 * 2, peaks


# --- what it holds ------------------------------------------------------------------------------------------------


def test_a_catalog_describes_itself(tmp_path: Path, instrument: tc.Instrument) -> None:
    mark = int(EventKind.MARK)
    rows = [(START, CLEAR, 0, 0, 0, 0), (START, SET, 1, LAST, 5, 5), (START + DAY, TRADE, 1, LAST, 5, 5)]
    catalog = write(tmp_path, instrument, [*rows, (START + DAY + 1, mark, 0, LAST, 5, 0)])
    tc.synthesize(tmp_path, events=1_000)
    frame = catalog.describe()
    assert frame.columns == [
        "instrument",
        "kind",
        "first",
        "last",
        "days",
        "book",
        "trades",
        "quotes",
        "mark",
        "rows",
        "bytes",
    ]
    assert frame["instrument"].to_list() == [NAME, "BTCUSDT.TEST"]
    row = frame.row(1, named=True)
    parts = [path.stat().st_size for path in tmp_path.rglob("venue=TEST/**/0*.parquet")]
    assert frame.filter(pl.col("instrument") == "BTCUSDT.TEST")["last"].cast(pl.Int64).item() == START + DAY + 1
    assert (row["kind"], row["days"], row["book"], row["trades"], row["quotes"]) == ("linear", 2, 2, 1, 0)
    assert (row["mark"], row["rows"], row["bytes"]) == (1, 4, sum(parts))
    assert frame.schema["first"] == UNITS
    for path, problem in ((tmp_path / "no", "no such folder"), (tmp_path / "venue=TEST", "an empty one")):
        with pytest.raises(CatalogError, match=problem):
            tc.Catalog(path).describe()


# --- the folder as a whole ----------------------------------------------------------------------------------------


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Two instruments, one with a name that needs quoting and numbers beyond 32 bits."""
    folder = tmp_path / "two"
    tc.synthesize(folder, events=3_000, seed=1)
    odd = tc.Instrument("BTC/USD:X.TEST", kind="spot", base="BTC", quote="USD", price_increment="1", qty_increment="1")
    catalog = tc.Catalog(folder)
    with catalog.writer(odd) as writer:
        writer.write(columns([(START, SET, 1, LAST, 2**40, 2**35), (START + DAY, TRADE, 1, LAST, 5, 5)]))
    return folder


READERS: dict[str, Callable[[str], pl.DataFrame]] = {
    "pl.read_parquet": pl.read_parquet,
    "pl.scan_parquet": lambda folder: pl.scan_parquet(folder).collect(),
    "pl.scan_parquet streaming": lambda folder: pl.scan_parquet(folder).collect(engine="streaming"),
    "polars glob": lambda folder: pl.read_parquet(f"{folder}/**/*.parquet", hive_partitioning=True),
    "pandas": lambda folder: pl.DataFrame(
        {name: column.to_numpy() for name, column in pd.read_parquet(folder).items()}
    ),
    "duckdb glob": lambda folder: duckdb.sql(f"SELECT * FROM read_parquet('{folder}/**/*.parquet')").pl(),
    "duckdb name": lambda folder: duckdb.sql(f"SELECT * FROM '{folder}/**/*.parquet'").pl(),
    "duckdb folder": lambda folder: duckdb.sql(f"SELECT * FROM read_parquet('{folder}')").pl(),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_catalog_is_read_as_a_whole_without_us(two: Path, reader: str) -> None:
    frame = READERS[reader](str(two))
    assert set(frame.columns) == {*COLUMNS, "venue", "symbol"}
    words = frame.with_columns(pl.col("venue", "symbol").cast(pl.String))
    counts = words.group_by("symbol", "venue").len().sort("symbol").rows()
    assert counts == [("BTC/USD:X", "TEST", 2), ("BTCUSDT", "SYNTH", 3_000)]
    for symbol, venue, _ in counts:
        mine = words.filter(pl.col("symbol") == symbol).select(COLUMNS).sort(pl.all())
        stored = tc.Catalog(two).scan(f"{symbol}.{venue}").collect().sort(pl.all())
        assert mine.equals(stored)
        assert {name: str(mine[name].dtype) for name in COLUMNS} == {name: str(stored[name].dtype) for name in COLUMNS}


def test_one_instrument_is_read_by_its_folder(two: Path) -> None:
    folder = two / "venue=SYNTH" / "symbol=BTCUSDT"
    assert pl.read_parquet(folder).select(COLUMNS).equals(tc.Catalog(two).scan(NAME).collect())
    assert len(pd.read_parquet(folder)) == 3_000


def aged(folder: Path) -> Path:
    """Turn a catalog into one of the layout before."""
    for manifest in list(folder.glob("*/*/_instrument.parquet")):
        venue, symbol = (part.partition("=")[2] for part in manifest.parts[-3:-1])
        document = json.loads((read_note(manifest, "tradecore.manifest") or "").partition(" ")[2])
        for number, part in enumerate(document["parts"]):
            del part["checksums"]
            path = manifest.parent / part["path"]
            part["path"] = f"{part['path'][:10]}/{number:04}.parquet"
            path.rename(manifest.parent / part["path"])
        del document["months"]
        (manifest.parent / "instrument.json").write_text(json.dumps({**document, "version": 1}))
        manifest.unlink()
        (folder / venue).mkdir(exist_ok=True)
        manifest.parent.rename(folder / venue / symbol)
        manifest.parent.parent.rmdir()
    return folder


def everything(folder: Path) -> dict[str, Any]:
    catalog = tc.Catalog(folder)
    held = {name: (catalog.instrument(name), catalog.parts(name)) for name in catalog.instruments()}
    facts = {
        name: (spec, [dataclasses.replace(part, path=part.day, checksums=None) for part in parts])
        for name, (spec, parts) in held.items()
    }
    return {name: (facts[name], catalog.scan(name).collect().rows()) for name in held}


def test_a_catalog_of_the_layout_before_is_read_as_it_is(two: Path) -> None:
    before, described = everything(two), tc.Catalog(two).describe()
    files = tree(aged(two))
    assert everything(two) == before
    assert tc.Catalog(two).describe().equals(described)
    assert sum(len(piece["kind"]) for piece in tc.Catalog(two).stream(NAME)) == 3_000
    maker = tc.TouchMaker("m", [NAME], quote_qty="0.1", max_position="1")
    assert tc.Backtest([maker], two).run().digest
    assert tree(two) == files
    with pytest.raises(UnknownInstrumentError, match=r"known here: BTC/USD:X\.TEST, BTCUSDT\.SYNTH"):
        tc.Catalog(two).parts("A.B")


def test_writing_to_a_catalog_of_the_layout_before_brings_it_up_to_date(two: Path) -> None:
    before = everything(two)
    aged(two)
    odd = tc.Catalog(two).instrument("BTC/USD:X.TEST")
    with tc.Catalog(two).writer(odd) as writer:
        writer.write(columns([(START + 2 * DAY, TRADE, 1, LAST, 6, 6)]))
    after = everything(two)
    assert after[NAME] == before[NAME]
    assert [part.rows for part in after[odd.id][0][1]] == [1, 1, 1]
    assert sorted(path.name for path in two.iterdir()) == ["venue=SYNTH", "venue=TEST"]
    assert not list(two.rglob("instrument.json"))
    assert pl.read_parquet(two).height == len(pd.read_parquet(two)) == 3_003


@pytest.mark.parametrize("call", ["os.link", "os.replace", "pathlib.Path.unlink"])
def test_a_move_that_was_interrupted_loses_nothing_and_is_finished_later(
    two: Path, tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it stops the catalog holds what it held."""
    before = everything(two)
    spec = tc.Instrument("C.TEST", kind="spot", base="C", quote="D", price_increment="1", qty_increment="1")
    original = getattr(os if call.startswith("os.") else Path, call.rpartition(".")[2])

    class Stop(BaseException):
        pass

    def add(folder: Path) -> None:
        with tc.Catalog(folder).writer(spec, replace=True) as writer:
            writer.write(columns([(START, TRADE, 1, LAST, 5, 5)]))

    aged(two)
    stopped = 0
    while True:
        folder = tmp_path / str(stopped)
        shutil.copytree(two, folder)
        left = itertools.count(stopped, -1)

        def stop_once(*args: Any, left: Iterator[int] = left, **options: Any) -> Any:
            if next(left) == 0:
                raise Stop
            return original(*args, **options)

        with monkeypatch.context() as patch:
            patch.setattr(call, stop_once)
            try:
                add(folder)
            except Stop:
                stopped += 1
            else:
                break
        held = everything(folder)
        held.pop(spec.id, None)
        assert held == before, stopped
        add(folder)
        held = everything(folder)
        assert len(held.pop(spec.id)[1]) == 1
        assert held == before
        assert not list(folder.rglob("instrument.json"))
        assert pl.read_parquet(folder).height == 3_003
    assert stopped >= 2


# --- synthetic markets and imports that are there already ---------------------------------------------------------


def test_the_same_market_twice_is_one(tmp_path: Path) -> None:
    first = tc.synthesize(tmp_path, events=30_000, seed=3)
    files = tree(tmp_path)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert tc.synthesize(tmp_path, events=30_000, seed=3) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == stamps
    for other in ({"seed": 4}, {"events": 30_001}, {"typical_qty": "0.9"}, {"latency": "4ms"}):
        with pytest.raises(CatalogError, match=r"already holds events of BTCUSDT\.SYNTH .*replace=True"):
            tc.synthesize(tmp_path, **{"events": 30_000, "seed": 3, **other})  # type: ignore[arg-type]
    larger = tc.instruments.instrument_from_dict({**tc.find_instrument(NAME).to_dict(), "contract_size": "10"})
    with pytest.raises(CatalogError, match=r"another specification \(contract_size 1, not 10\); .*replace=True"):
        tc.synthesize(tmp_path, events=30_000, seed=3, instrument=larger)
    assert tree(tmp_path) == files
    assert tc.synthesize(tmp_path, events=30_000, seed=4, replace=True) != first
    assert tc.Catalog(tmp_path).describe()["rows"].item() == 30_000
    tc.synthesize(tmp_path, events=30_000, seed=3, replace=True)
    assert tc.synthesize(tc.Catalog(tmp_path), events=30_000, seed=3, instrument=NAME) == first


@pytest.fixture
def tardis(tmp_path: Path) -> Path:
    tc.synthesize(tmp_path / "source", events=2_000)
    (path, *_) = export(tmp_path / "source", NAME, tmp_path / "tardis", form="tardis")
    return path


def test_files_and_instruments_in_the_forms_people_have_them_in(tmp_path: Path, tardis: Path) -> None:
    spec = tc.find_instrument(NAME)
    folders = []
    for number, paths in enumerate((str(tardis), tardis, [tardis], (str(tardis),))):
        for instrument in (NAME, spec):
            folder = tmp_path / f"{number}{type(instrument).__name__}"
            tc.import_tardis(paths, instrument, folder)
            folders.append(everything(folder))
    assert all(folder == folders[0] for folder in folders)
    assert check_files(tardis, NAME) == check_files([tardis], spec)
    source = tmp_path / "source"
    exported = [export(source, name, tmp_path / "out.csv", form="csv")[0].read_bytes() for name in (NAME, spec)]
    assert exported[0] == exported[1]
    assert left_out(source, spec, "tardis") == left_out(source, NAME, "tardis")
    with pytest.raises(CatalogError, match=r"already holds events .*replace=True"):
        tc.import_tardis(tardis, NAME, tmp_path / "0str")
    bad: Any
    for bad in (5, [], [5], None, {"a": 1}):
        for read in (tc.import_tardis, tc.import_binance_ws, tc.import_hftbacktest):
            with pytest.raises(InvalidValueError, match="paths: expected the path of a file, or a list of them"):
                read(bad, NAME, tmp_path / "never")
    for bad in (5, None, spec.to_dict()):
        for use in (
            lambda b: tc.import_tardis(tardis, b, tmp_path / "never"),
            lambda b: tc.Catalog(source).trades(b),
            lambda b: tc.Catalog(source).parts(b),
            lambda b: export(source, b, tmp_path / "never.csv", form="csv"),
        ):
            with pytest.raises(InvalidValueError, match="instrument: expected an id such as"):
                use(bad)
    for bad in (NAME, None):
        with pytest.raises(InvalidValueError, match="instrument: expected an Instrument, whose specification"):
            tc.Catalog(tmp_path / "never").writer(bad)
    with pytest.raises(InvalidValueError, match="catalog: expected the path of a folder, got 5"):
        tc.synthesize(5, events=10)  # type: ignore[arg-type]
    assert not (tmp_path / "never").exists()
    assert not (tmp_path / "never.csv").exists()


# --- writing ------------------------------------------------------------------------------------------------------


def test_frames_are_written_as_columns_are(tmp_path: Path, market: Path) -> None:
    spec, lazy = tc.Catalog(market).instrument(NAME), tc.Catalog(market).scan(NAME)
    frame = lazy.collect()
    for number, form in enumerate((frame, lazy, frame.select(reversed(frame.columns)), frame.to_pandas())):
        catalog = tc.Catalog(tmp_path / str(number))
        with catalog.writer(spec) as writer:
            writer.write(form)
        assert catalog.scan(spec).collect().equals(frame)
    nulls = frame.with_columns(price=pl.when(pl.col("price") > 5).then("price"))
    bad: Any
    for bad, problem in (
        (nulls, f"column price has no value in row {nulls['price'].is_null().arg_max() + 1}, expected int64"),
        (nulls.to_pandas(), "column price has no value in row"),
        (frame.drop("qty"), "needs a column qty of int64"),
        (tc.Catalog(market).trades(NAME), r"column ts_event has dtype datetime64\[ns\], expected int64"),
        ("market", "columns: expected event columns by name or a frame, got 'market'"),
        ([1, 2], "columns: expected event columns"),
    ):
        with (
            pytest.raises((CatalogError, InvalidValueError), match=problem),
            tc.Catalog(tmp_path / "bad").writer(spec) as writer,
        ):
            writer.write(bad)
    assert not (tmp_path / "bad").exists()


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ((START + 4, SET, 1, LAST, 5, 5), r"BTCUSDT\.TEST: row 2: ts_recv \d+4 is before \d+5"),
        ((START + 9, 77, 1, LAST, 5, 5), "row 2: kind 77 is not an event kind"),
        ((START + 9, SET, 0, LAST, 5, 5), "row 2: side 0 is not 1"),
        ((START + 9, SET, 1, LAST, 5, -5), "row 2: qty -5 is not zero or more"),
    ],
)
def test_rows_that_no_backtest_could_read_are_not_written(
    tmp_path: Path, instrument: tc.Instrument, row: tuple[int, ...], problem: str
) -> None:
    rows = [(START, SET, 1, LAST, 5, 5), (START + 5, SET, 1, LAST, 5, 5)]
    catalog = tc.Catalog(tmp_path / "new")
    with pytest.raises(DataError, match=problem), catalog.writer(instrument) as writer:
        writer.write(columns([*rows, row]))
    assert not (tmp_path / "new").exists()
    with catalog.writer(instrument) as writer:
        writer.write(columns(rows))
        with pytest.raises(DataError, match=r"row 0: ts_recv \d+0 is before \d+5"):
            writer.write(columns(rows))
    assert catalog.parts(instrument)[0].rows == 2


WRITES: dict[str, Callable[[Path], Any]] = {
    "the same days": lambda folder: tc.synthesize(folder, events=30_000, seed=2, replace=True),
    "a new catalog": lambda folder: tc.synthesize(folder / "a" / "b", events=30_000),
    "csv": lambda folder: export(folder, NAME, folder / "out" / "o.csv", form="csv"),
    "hftbacktest": lambda folder: export(folder, NAME, folder / "out" / "o", form="hftbacktest"),
    "tardis": lambda folder: export(folder, NAME, folder / "out", form="tardis"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of the size of files there")
def test_a_full_disk_is_one_line_and_leaves_what_was_there(tmp_path: Path) -> None:
    """A process may write files of so many bytes only, and then gets the system's error."""
    tc.synthesize(tmp_path / "cat", events=20_000, seed=1)
    before = tree(tmp_path)
    code = f"""
import json, resource, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_catalog_views import WRITES, NAME
from tradecore.errors import CatalogError
said = []
for limit in (0, 700, 20_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    for name, write in WRITES.items():
        try:
            write(Path({str(tmp_path / "cat")!r}))
        except CatalogError as error:
            said.append([limit, name, str(error)])
print(json.dumps(said))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert len(said) == 3 * len(WRITES)
    for limit, name, text in said:
        assert str(tmp_path / "cat") in text, (limit, name)
        assert "cannot be written: File too large; free some space, or choose a place on another disk" in text
        assert "\n" not in text
    assert tree(tmp_path) == before
    assert sorted(path.name for path in (tmp_path / "cat").iterdir()) == ["venue=SYNTH"]


@pytest.mark.parametrize("failing", ["mkdir", "replace", "open"])
def test_a_folder_one_may_not_write_to_is_one_line_and_unchanged(
    tmp_path: Path, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tc.synthesize(tmp_path, events=20_000, seed=1)
    before = tree(tmp_path)

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", "somewhere")

    with monkeypatch.context() as patch:
        if failing == "open":
            patch.setattr(pl.DataFrame, "write_parquet", refuse)
        else:
            patch.setattr(os, failing, refuse)
        for write in ("the same days", "a new catalog"):
            with pytest.raises(
                CatalogError, match="cannot be written: Permission denied; change its permissions"
            ) as caught:
                WRITES[write](tmp_path)
            assert caught.value.path.startswith(str(tmp_path))
    assert tree(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["venue=SYNTH"]


def test_replaced_parts_stay_until_the_new_ones_are_visible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever rename fails, the catalog is that of before."""
    tc.synthesize(tmp_path, events=20_000, seed=1)
    before, files = everything(tmp_path), tree(tmp_path)
    rename, left = os.replace, 0

    def run_out(*args: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(28, "No space left on device")
        rename(*args)

    for renames in range(2):
        left = renames
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", run_out)
            with pytest.raises(CatalogError, match="No space left on device; free some space"):
                tc.synthesize(tmp_path, events=20_000, seed=2, replace=True)
        assert everything(tmp_path) == before
        assert tree(tmp_path) == files
    tc.synthesize(tmp_path, events=20_000, seed=2, replace=True)
    assert everything(tmp_path) != before
    assert len(tree(tmp_path)) == len(files)


def test_what_a_dead_process_left_is_swept_and_what_a_living_one_writes_is_not(
    tmp_path: Path, instrument: tc.Instrument
) -> None:
    catalog = write(tmp_path, instrument, [(START, SET, 1, LAST, 5, 5)])
    code = """
import os, sys
import tradecore as tc
catalog = tc.Catalog(sys.argv[1])
writer = catalog.writer(catalog.instrument("BTCUSDT.TEST"), replace=True)
writer.__enter__()
os._exit(9)
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    (dead,) = tmp_path.glob(".staging-*")
    (dead / "0.part").write_text("half")
    with catalog.writer(instrument) as writer:
        assert not dead.exists()
        writer.write(columns([(START + DAY, SET, 1, LAST, 5, 5)]))
        (mine,) = tmp_path.glob(".staging-*")
        tc.synthesize(tmp_path, events=1_000)
        assert mine.exists()
    assert [part.rows for part in catalog.parts(instrument)] == [1, 1]
    assert not list(tmp_path.glob(".staging-*"))


def test_no_reader_takes_what_is_being_written_for_data(tmp_path: Path, instrument: tc.Instrument) -> None:
    catalog = write(tmp_path, instrument, [(START, SET, 1, LAST, 5, 5)])
    with catalog.writer(instrument) as writer:
        writer.write(columns([(START + DAY + at, SET, 1, LAST, 5, 5) for at in range(1 << 20)]))
        assert len(pd.read_parquet(tmp_path)) == 1
        assert duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/**/*.parquet'").fetchall() == [(1,)]
        with pytest.raises(pl.exceptions.InvalidOperationError, match="different file extensions"):
            pl.read_parquet(tmp_path)
    assert pl.read_parquet(tmp_path).height == (1 << 20) + 1
