"""Clocks that are wrong, books that stay crossed, and data that comes back as it went: as people have them."""

from __future__ import annotations

import gzip
import json
import lzma
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tradecore as tc
from conftest import cli
from tradecore.data.check import check_files
from tradecore.data.exported import import_exported
from tradecore.data.exporters import export, held_pieces
from tradecore.data.losses import losses
from tradecore.errors import DataError, InvalidValueError

START = 1_700_000_000_000_000
"""µs."""
HOUR = 3_600_000_000
HEAD = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n"
TRADES = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
ID = "BTCUSDT.BINANCE_USDM"

Level = tuple[int, int, bool, str, str, str]
"""``timestamp`` and ``local_timestamp`` in µs since the start, and the rest of a row of ``incremental_book_L2``."""


def book_file(path: Path, levels: Sequence[Level]) -> Path:
    rows = [
        f"binance-futures,BTCUSDT,{START + event},{START + recv},{str(snapshot).lower()},{side},{price},{amount}\n"
        for event, recv, snapshot, side, price, amount in levels
    ]
    text = (HEAD + "".join(rows)).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def checked(path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    code, out, err = cli("data", "check", path, "--json", "--quiet", capsys=capsys)
    assert code in (0, 1), err
    report: dict[str, Any] = json.loads(out)
    return report


def case(shared: Path, name: str) -> Path:
    path = shared / "cases" / name
    if not path.exists():
        pytest.skip(f"no {path}: the files of reported trouble are not here")
    return path


class Taker(tc.Strategy):
    """Takes a little of either side in turn, every few messages."""

    def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
        self.seen = getattr(self, "seen", 0) + 1
        if self.seen % 7 == 0:
            (ctx.buy if self.seen % 2 else ctx.sell)(book.instrument, "0.5")


def run(data: Any, **settings: Any) -> tc.Result:
    venue = tc.SimVenue("BINANCE_USDM", latency=tc.Latency(entry="2ms", response="2ms"), **settings)
    return tc.Backtest([Taker("t", [ID])], data, [venue]).run()


def steady(count: int, latency: Callable[[int], int], every: int = 10_000) -> Iterator[Level]:
    """A book whose best bid grows and shrinks, with a latency in µs by message."""
    for side, price in (("bid", "60000.0"), ("ask", "60000.1")):
        yield -latency(0), 0, True, side, price, "50"
    for at in range(1, count):
        yield at * every - latency(at), at * every, False, "bid", "59999.9", str(1 + at % 4)


# Clocks.


@pytest.mark.parametrize("ahead", [30_000, 2_000_000, 90_000_000])
@pytest.mark.parametrize("bad", [0, 3, 150])
@pytest.mark.parametrize("packed", [False, True])
def test_one_stamp_ahead_changes_no_fill_and_is_named(
    tmp_path: Path, ahead: int, bad: int, packed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "book.csv.gz" if packed else "book.csv"
    sound = book_file(tmp_path / f"sound-{name}", list(steady(300, lambda _: 5_000)))
    levels = list(steady(300, lambda at: -ahead if at == bad else 5_000))
    wrong = book_file(tmp_path / f"wrong-{name}", levels)
    results = []
    for path in (sound, wrong):
        catalog = tmp_path / path.name.partition(".")[0]
        tc.import_tardis(path, ID, catalog)
        results.append(run(catalog))
    assert results[0].stats.fills > 30
    assert results[0].digest == results[1].digest
    assert results[0].wrong_stamps == {} == results[1].clock_lead_ns
    recv = (START + bad * 10_000) * 1_000
    expected = {"messages": 1, "worst_ns": ahead * 1_000, "worst_ts_event": recv + ahead * 1_000, "worst_ts_recv": recv}
    assert results[1].wrong_stamps == {ID: expected}
    assert any("set aside" in note for note in results[1].notes)
    assert not any("set aside" in note for note in results[0].notes)

    assert checked(sound, capsys)["ok"] is True
    report = checked(wrong, capsys)
    line = bad + 3 if bad else 2
    assert report["ok"] is False
    assert report["wrong_stamps"] == expected
    assert any(f"{wrong}:{line}: stamped {recv + ahead * 1_000} by the venue" in text for text in report["problems"])


def test_the_file_of_one_stamp_ahead_fills_as_the_sound_one(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digests = set()
    for name in ("10-stamps-one-2s-ahead", "10-stamps-sound"):
        tc.import_tardis(case(shared, f"{name}.csv"), ID, tmp_path / name)
        result = run(tmp_path / name)
        assert result.stats.fills > 0
        digests.add(result.digest)
    assert len(digests) == 1
    (problem,) = checked(case(shared, "10-stamps-one-2s-ahead.csv"), capsys)["problems"]
    path = case(shared, "10-stamps-one-2s-ahead.csv")
    number = int(problem.removeprefix(f"{path}:").partition(":")[0])
    cells = path.read_text().splitlines()[number - 1].split(",")
    assert int(cells[2]) > int(cells[3])
    assert checked(case(shared, "10-stamps-sound.csv"), capsys)["problems"] == []


class Joiner(tc.Strategy):
    """Joins both sides of the touch once, and notes the bars it is told."""

    def on_start(self, ctx: tc.Context) -> None:
        self.bars: list[tuple[float, ...]] = []
        ctx.subscribe(ID, "bars:200ms")

    def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
        if not hasattr(self, "order"):
            self.order = ctx.buy(ID, "1", book.best_bid, post_only=True)
            ctx.sell(ID, "1", book.best_ask, post_only=True)

    def on_bar(self, ctx: tc.Context, bar: tc.Bar) -> None:
        self.bars.append((bar.open, bar.high, bar.low, bar.close, bar.volume))


def traded(folder: Path, ahead: dict[int, int]) -> tc.Catalog:
    """A steady book in which one message in five is a trade, some of them stamped so many µs behind their receipt."""
    folder.mkdir()
    levels, trades = [], TRADES
    for at, (event, recv, *rest) in enumerate(steady(300, lambda at: -ahead[at] if at in ahead else 5_000), start=-1):
        if at % 5 == 3 and at > 0:
            side, price = ("sell", "60000.0") if at % 2 else ("buy", "60000.1")
            trades += f"binance-futures,BTCUSDT,{START + event},{START + recv},{at},{side},{price},2\n"
        else:
            levels.append((event, recv, *rest))
    (folder / "trades.csv").write_text(trades)
    files = [book_file(folder / "incremental_book_L2.csv", levels), folder / "trades.csv"]
    tc.import_tardis(files, ID, folder / "market")
    return tc.Catalog(folder / "market")


@pytest.mark.parametrize("source", ["catalog", "memory"])
@pytest.mark.parametrize("bad", [[0], [102], [103, 104], [299]])
@pytest.mark.parametrize("ahead", [30_000, 3_600_000_000])
def test_stamps_ahead_change_no_queue_and_no_bar(tmp_path: Path, bad: list[int], ahead: int, source: str) -> None:
    told = []
    for name, stamps in (("sound", {}), ("wrong", dict.fromkeys(bad, ahead))):
        catalog = traded(tmp_path / name, stamps)
        data: Any = catalog if source == "catalog" else {ID: catalog.scan(ID).collect()}
        joiner = Joiner("j", [ID])
        venue = tc.SimVenue("BINANCE_USDM", latency=tc.Latency(entry="2ms", response="2ms"))
        result = tc.Backtest([joiner], data, [venue]).run()
        bars = [catalog.bars(ID, every).collect().drop("ts_available") for every in ("200ms", "1s")]
        table = tc.features.compute(data if source == "catalog" else data[ID], ID, ["spread"], "bar:200ms")
        told.append((result.digest, joiner.bars, result.fills.rows(), [frame.rows() for frame in bars], table.rows()))
        wrong = result.wrong_stamps.get(ID, {"messages": 0})
        assert wrong["messages"] == len(stamps)
    assert len(told[0][1]) >= 14
    assert [fill[:2] for fill in told[0][2]]
    assert told[0] == told[1]


@pytest.mark.parametrize("unit", [1, 1_000, 1_000_000, None])
def test_a_wrong_stamp_of_a_capture_is_named_in_any_unit(
    tmp_path: Path, unit: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ['{"lastUpdateId":100,"bids":[["60000.00","5"]],"asks":[["60000.10","5"]]}']
    for at in range(40):
        event = START // 1_000 + at * 100 - 5 + (2_000 if at == 17 else 0)
        depth = f'"U":{101 + at},"u":{101 + at},"pu":{100 + at},"b":[["59999.90","{1 + at % 3}"]],"a":[]'
        lines.append(f'{{"e":"depthUpdate","E":{event},"T":{event},"s":"BTCUSDT",{depth}}}')
    path = tmp_path / "capture.txt"
    stamps = [START * 1_000 + (at - 1) * 100_000_000 for at in range(len(lines))]
    told = [f"{ns / 1e9:.3f}" if unit is None else str(ns // unit) for ns in stamps]
    path.write_text("".join(f"{stamp} {line}\n" for stamp, line in zip(told, lines, strict=True)))
    report = checked(path, capsys)
    assert report["wrong_stamps"]["messages"] == 1
    assert any(problem.startswith(f"{path}:19: stamped") for problem in report["problems"]), report["problems"]


def hours(lead_of: Callable[[int], int], count: int = 60) -> Iterator[Level]:
    """Four hours of a book, the venue's clock ahead by so many µs in each."""
    first = HOUR - START % HOUR
    for hour in range(4):
        for level in steady(count, lambda _: 3_000, every=20_000):
            event, recv, snapshot, *rest = level
            base = first + hour * HOUR
            yield event + base + lead_of(hour), recv + base, snapshot and hour == 0, *rest  # type: ignore[misc]


@pytest.mark.parametrize(
    ("leads", "expected"),
    [
        ([0, 0, 53_000, 53_000], [(None, 0), (2, 50_000)]),
        ([1_273_000, 0, 0, 0], [(None, 1_270_000), (1, 0)]),
        ([103_000, 113_000, 123_000, 133_000], [(None, 100_000), (1, 110_000), (2, 120_000), (3, 130_000)]),
        ([43_000] * 4, [(None, 40_000)]),
        ([-900_000] * 4, None),
    ],
    ids=["step ahead", "step back", "drift", "constant", "behind"],
)
def test_a_clock_that_is_set_or_drifts_is_followed_and_told(
    tmp_path: Path, leads: list[int], expected: list[tuple[int | None, int]] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = book_file(tmp_path / "book.csv", list(hours(lambda hour: leads[hour])))
    tc.import_tardis(path, ID, tmp_path / "market")
    result = run(tmp_path / "market")
    first = START + HOUR - START % HOUR
    told = None if expected is None else [
        (None if hour is None else (first + hour * HOUR) * 1_000, lead * 1_000) for hour, lead in expected
    ]  # fmt: skip
    assert result.clock_leads.get("BINANCE_USDM") == told
    assert result.summary()["clock_leads"] == result.clock_leads
    assert result.wrong_stamps == {}
    report = checked(path, capsys)
    assert report["ok"] is True
    assert report["clock_leads"] == [list(lead) for lead in told or ()]
    if expected is not None:
        assert f"taken to run {expected[0][1] / 1e6:.6f} s ahead of ours" in str(result)
        assert str(result).count(" UTC on") == len(expected) - 1
        assert result.clock_lead_ns == {"BINANCE_USDM": max(lead for _, lead in expected) * 1_000}
    result.save(tmp_path / "run.tcr")
    assert tc.load_result(tmp_path / "run.tcr").clock_leads == result.clock_leads


def test_followed_clocks_fill_as_a_clock_that_is_right(tmp_path: Path) -> None:
    """Wherever the venue's clock stands to ours, the same market gives the same fills."""
    digests = set()
    for number, leads in enumerate(([3_000] * 4, [3_000, 83_000, 83_000, 1_003_000], [753_000, 53_000, 3_000, 33_000])):
        path = book_file(tmp_path / f"{number}.csv", list(hours(lambda hour, leads=leads: leads[hour])))  # type: ignore[misc]
        tc.import_tardis(path, ID, tmp_path / str(number))
        digests.add(run(tmp_path / str(number)).digest)
    assert len(digests) == 1


def test_memory_and_catalogs_of_before_are_measured_as_well(tmp_path: Path) -> None:
    path = book_file(tmp_path / "book.csv", list(steady(300, lambda at: -2_000_000 if at == 77 else 5_000)))
    tc.import_tardis(path, ID, tmp_path / "market")
    catalog = tc.Catalog(tmp_path / "market")
    result = run(catalog)
    assert run({ID: catalog.scan(ID).collect()}).digest == result.digest
    without(catalog, "latencies")
    again = run(tc.Catalog(tmp_path / "market"))
    assert (again.digest, again.clock_steps, again.wrong_stamps) == (
        result.digest,
        result.clock_steps,
        result.wrong_stamps,
    )


def without(catalog: tc.Catalog, *keys: str) -> None:
    """Make a catalog one of before these were kept of its parts."""
    from tradecore._core import read_note
    from tradecore.data.manifest import _file

    (path,) = catalog.path.rglob("_*.parquet")
    document = json.loads((read_note(path, "tradecore.manifest") or "").partition(" ")[2])
    for part in document["parts"]:
        for key in keys:
            del part[key]
    path.write_bytes(_file({**document, "version": 2})[0])


def test_one_clock_for_all_instruments_of_a_venue(tmp_path: Path) -> None:
    """The quiet instrument has one message only, and a wrong one: what the other one tells counts."""
    ahead = [(40_000, 0, True, "bid", "60000.0", "5"), (40_000, 0, True, "ask", "60000.1", "5")]
    tc.import_tardis(book_file(tmp_path / "a.csv", list(steady(200, lambda _: 1_000))), ID, tmp_path / "market")
    eth = (tmp_path / "b.csv", [*ahead])
    path = book_file(*eth)
    path.write_text(path.read_text().replace("BTCUSDT", "ETHUSDT"))
    tc.import_tardis(path, "ETHUSDT.BINANCE_USDM", tmp_path / "market")
    result = tc.Backtest([Taker("t", [ID, "ETHUSDT.BINANCE_USDM"])], tmp_path / "market", ["BINANCE_USDM"]).run()
    assert result.clock_lead_ns == {}
    assert result.wrong_stamps["ETHUSDT.BINANCE_USDM"]["messages"] == 1


@pytest.mark.parametrize(("unit", "size"), [("us", 10**3), ("ms", 10**6), ("s", 10**9)])
def test_columns_in_another_unit_than_ns_are_told_by_the_date_they_would_be_of(
    tmp_path: Path, unit: str, size: int
) -> None:
    tc.import_tardis(book_file(tmp_path / "a.csv", list(locked())), ID, tmp_path / "cat")
    rows = tc.Catalog(tmp_path / "cat").scan(ID).collect()
    assert not [note for note in run_of(rows).notes if "data begins" in note]
    (told,) = [
        note for note in run_of(rows.with_columns(pl.col("ts_event", "ts_recv") // size)).notes if "begins" in note
    ]
    assert told.startswith("the data begins at 1970-01-")
    assert f": times are ns; as {unit} this one would be 2023-11-14 22:13:20" in told


def run_of(rows: pl.DataFrame) -> tc.Result:
    return tc.Backtest([tc.Strategy("s", [ID])], {ID: rows}).run()


def test_a_lead_that_is_given_counts_for_all_of_the_data(tmp_path: Path) -> None:
    path = book_file(tmp_path / "book.csv", list(hours(lambda hour: 53_000 if hour > 1 else 0)))
    tc.import_tardis(path, ID, tmp_path / "market")
    result = run(tmp_path / "market", clock_lead="20ms")
    assert result.clock_leads == {"BINANCE_USDM": [(None, 20_000_000)]}
    # Three of the 53 ms are the way, twenty are allowed for.
    assert result.wrong_stamps[ID]["messages"] == 120
    assert result.wrong_stamps[ID]["worst_ns"] == 30_000_000


# Books that stay locked or crossed.


def locked(
    newer: str = "bid", *, begin: int = 1_000_000, end: int | None = None, resend: int | None = None, count: int = 60
) -> Iterator[Level]:
    """A book of ten messages a second, which a level of one side locks; the removal of the other's comes at ``end``."""
    for side, first in (("bid", 60_000.0), ("ask", 60_000.1)):
        for depth in range(3):
            price = first + (depth / 10 if side == "ask" else -depth / 10)
            yield 0, 1_000, True, side, f"{price:.1f}", "9"
    price = "60000.1" if newer == "bid" else "60000.0"
    far = "59990.0" if newer == "bid" else "60010.0"
    for at in range(1, count):
        now = at * 100_000
        if now == begin:
            yield now, now + 1_000, False, newer, price, "5"
        elif now == end:
            yield now, now + 1_000, False, "ask" if newer == "bid" else "bid", price, "0"
        elif now == resend:
            yield now, now + 1_000, False, "ask" if newer == "bid" else "bid", price, "7"
        else:
            yield now, now + 1_000, False, newer, far, str(1 + at % 5)


class Watcher(tc.Strategy):
    """Buys a little with every message, and notes when the book was crossed."""

    def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
        self.__dict__.setdefault("crossed", []).append(book.is_crossed)
        self.best = (book.best_bid, book.best_ask)
        ctx.buy(book.instrument, "0.01")


def watch(data: Any, **settings: Any) -> tuple[Watcher, tc.Result]:
    watcher = Watcher("w", [ID])
    return watcher, tc.Backtest([watcher], data, [tc.SimVenue("BINANCE_USDM", **settings)]).run()


def imported(tmp_path: Path, levels: Sequence[Level], name: str = "market") -> tc.Catalog:
    path = book_file(tmp_path / f"{name}.csv", levels)
    tc.import_tardis(path, ID, tmp_path / name)
    return tc.Catalog(tmp_path / name)


@pytest.mark.parametrize("newer", ["bid", "ask"])
@pytest.mark.parametrize("source", ["catalog", "memory", "before", "user"])
def test_a_locked_book_is_uncrossed_after_a_second(tmp_path: Path, newer: str, source: str) -> None:
    catalog = imported(tmp_path, list(locked(newer)))
    data: Any = catalog
    if source == "memory":
        data = {ID: catalog.scan(ID).collect()}
    elif source == "before":
        without(catalog, "latencies", "is_sound")
    elif source == "user":
        data = tc.Catalog(tmp_path / "own")
        with data.writer(tc.find_instrument(ID)) as writer:
            writer.write(catalog.scan(ID))
    watcher, result = watch(data)
    began = (START + 1_001_000) * 1_000
    assert result.uncrossed == {ID: {"times": 1, "levels": 1, "first_ts_recv": began}}
    assert any("stayed locked or crossed 1 time" in note for note in result.notes)
    # Ten messages and the one that makes the second full see it; then it is over.
    assert watcher.crossed.count(True) == 11
    assert not any(watcher.crossed[-35:])
    assert watcher.best == ((60_000.1, 60_000.2) if newer == "bid" else (59_999.9, 60_000.0))
    assert result.rejected.keys() == {"book_crossed"}
    assert 8 <= result.rejected["book_crossed"] <= 11
    assert result.events == len(catalog.scan(ID).collect())
    assert result.summary()["uncrossed"] == result.uncrossed
    result.save(tmp_path / "run.tcr")
    assert tc.load_result(tmp_path / "run.tcr").uncrossed == result.uncrossed

    off, left = watch(data, uncross="off")
    assert left.uncrossed == {}
    assert off.crossed.count(True) == 50
    assert left.rejected["book_crossed"] > 40


def test_a_book_crossed_for_less_than_a_second_is_left_alone(tmp_path: Path) -> None:
    catalog = imported(tmp_path, list(locked(end=1_900_000)))
    (watcher, result), (other, off) = watch(catalog), watch(catalog, uncross="off")
    assert result.uncrossed == {}
    assert result.digest == off.digest
    assert watcher.crossed == other.crossed
    assert watcher.crossed.count(True) == 9


def test_the_side_that_was_touched_last_stays(tmp_path: Path) -> None:
    watcher, result = watch(imported(tmp_path, list(locked(resend=1_500_000))))
    assert result.uncrossed[ID]["levels"] == 1
    assert watcher.best == (60_000.0, 60_000.1)


def test_all_levels_that_were_passed_go(tmp_path: Path) -> None:
    levels = [
        (event, recv, snapshot, side, "60000.2" if amount == "5" and price == "60000.1" else price, amount)
        for event, recv, snapshot, side, price, amount in locked()
    ]
    watcher, result = watch(imported(tmp_path, levels))
    assert result.uncrossed[ID]["levels"] == 2
    assert watcher.best == (60_000.2, 60_000.3)


def test_a_lock_that_crosses_from_one_import_into_the_next_is_seen(tmp_path: Path) -> None:
    """The first is locked for less than a second at its end, the second for less at its beginning."""
    day = 86_400_000_000
    first = day - START % day - 1_500_000
    levels = [(event + first, recv + first, *rest) for event, recv, *rest in locked()]  # type: ignore[misc]
    events = imported(tmp_path, levels, "whole").scan(ID).collect()
    midnight = (START + day - START % day) * 1_000
    catalog = tc.Catalog(tmp_path / "market")
    for rows in (events.filter(pl.col("ts_recv") < midnight), events.filter(pl.col("ts_recv") >= midnight)):
        with catalog.writer(tc.find_instrument(ID)) as writer:
            writer.write(rows)
    watcher, result = watch(catalog)
    assert result.uncrossed[ID]["times"] == 1
    assert watcher.best == (60_000.1, 60_000.2)


@pytest.mark.parametrize("source", ["catalog", "before", "memory"])
def test_series_and_features_see_the_book_that_strategies_see(tmp_path: Path, source: str) -> None:
    catalog = imported(tmp_path, list(locked()))
    events = catalog.scan(ID).collect()
    if source == "before":
        without(catalog, "is_sound")
    data: Any = {ID: events} if source == "memory" else catalog
    table = tc.features.compute(events if source == "memory" else catalog, ID, ["spread"], "message")
    watcher, _ = watch(data)
    # The removal is a message of its own.
    assert (table["spread"] <= 0).to_list() == watcher.crossed
    assert watcher.crossed.count(True) == 11
    if source == "memory":
        return
    samples = catalog.book(ID, 1, "100ms").collect()
    begin = (START + 1_000_000) * 1_000
    crossed = samples.filter(pl.col("bid_0") >= pl.col("ask_0"))["ts"].cast(pl.Int64) - begin
    assert crossed.to_list() == [at * 100_000_000 for at in range(1, 11)]
    assert catalog.scan(ID).collect().equals(events)


def test_a_lock_is_told_by_check_and_import(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, levels in (("stays", locked()), ("ends", locked(end=1_500_000))):
        path = book_file(tmp_path / f"{name}.csv", list(levels))
        report = checked(path, capsys)
        code, out, _ = cli("data", "import", "tardis", path, "--catalog", tmp_path / name, "--json", capsys=capsys)
        assert code == 0
        summary = json.loads(out)
        stays = name == "stays"
        assert summary["long_crossings"] == report["long_crossings"] == (1 if stays else 0)
        assert any("stays locked or crossed" in problem for problem in report["problems"]) is stays
        assert summary["first_ts_long_crossing"] == ((START + 1_001_000) * 1_000 if stays else None)


def test_uncross_is_a_setting_of_a_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    imported(tmp_path, list(locked()))
    summaries = []
    for word in ("drop-older", "off", "sometimes"):
        config = tmp_path / f"{word}.toml"
        config.write_text(
            f"""
            [data]
            catalog = "{tmp_path / "market"}"
            [[venues]]
            name = "BINANCE_USDM"
            uncross = "{word}"
            [[strategies]]
            kind = "touch_maker"
            params = {{ quote_qty = "0.01", max_position = "0.05" }}
            [output]
            dir = "{tmp_path / word}"
            """
        )
        code, out, err = cli("backtest", "--config", config, "--json", "--quiet", capsys=capsys)
        if word == "sometimes":
            assert code != 0
            assert 'venues.0.uncross: "sometimes" is not drop-older or off' in err
        else:
            assert code == 0, err
            summaries.append(json.loads(out))
    assert summaries[0]["uncrossed"][ID]["levels"] == 1
    assert summaries[1]["uncrossed"] == {}


def test_the_file_of_a_locked_book_takes_orders_for_the_rest_of_the_day(shared: Path, tmp_path: Path) -> None:
    tc.import_tardis(case(shared, "09-locked-book.csv"), ID, tmp_path / "market")
    watcher, result = watch(tmp_path / "market")
    assert result.uncrossed[ID]["times"] == 1
    assert watcher.best == (90_265.1, 90_265.2)
    assert not any(watcher.crossed[15:])


# What goes out comes back.

NS = 1_000
SPEC = tc.Instrument(
    "AUSDT.BINANCE_USDM", kind="linear", base="A", quote="USDT", price_increment="0.05", qty_increment="0.001"
)
HUGE = tc.Instrument(
    "PEPE.BINANCE_USDM",
    kind="linear",
    base="PEPE",
    quote="USDT",
    price_increment="0.000000000001",
    qty_increment="0.00000001",
)
CLEAR, SET, TRADE, QUOTE = (
    int(kind) for kind in (tc.EventKind.BOOK_CLEAR, tc.EventKind.BOOK_SET, tc.EventKind.TRADE, tc.EventKind.QUOTE)
)
SNAPSHOT, LAST = int(tc.EventFlag.SNAPSHOT), int(tc.EventFlag.LAST)
_Row = tuple[int, int, int, int, int]
"""``kind, side, flags, price, qty``."""


def levels(draw: Any, flags: int, least: int, most: int) -> list[_Row]:
    number = draw(st.integers(1, 4))
    return [
        (SET, draw(st.sampled_from([1, -1])), flags, draw(st.integers(1, 400)), draw(st.integers(least, most)))
        for _ in range(number)
    ]


@st.composite
def streams(draw: Any, *, whole_us: bool = False, kinds: Sequence[str], most: int = 5_000) -> pl.DataFrame:
    """Random events: messages of several kinds, of one time or not, with gaps, snapshots and ids."""
    unit = NS if whole_us else 1
    gaps = [1, 7, 1_000, 50_000_000] if whole_us else [0, 0, 1, 7, 999, 1_000, 50_000_000]
    now, rows = START * NS, []
    for what in ["snapshot", "book", *draw(st.lists(st.sampled_from(list(kinds)), min_size=1, max_size=25))]:
        now += draw(st.sampled_from(gaps)) * unit
        event = now - draw(st.sampled_from([0, 3, 5_000])) * unit
        message: list[_Row]
        match what:
            case "book":
                message = levels(draw, 0, 0, most)
            case "snapshot":
                message = [(CLEAR, 0, SNAPSHOT, 0, 0), *levels(draw, SNAPSHOT, 1, most)]
            case "gap":
                message = [(CLEAR, 0, 0, 0, 0)]
            case "trade":
                message = [
                    (TRADE, draw(st.sampled_from([1, -1, 0])), 0, draw(st.integers(1, 400)), draw(st.integers(1, most)))
                ]
            case "mixed":
                message = [*levels(draw, 0, 0, most), (TRADE, 1, 0, 7, 7), *levels(draw, 0, 0, most)]
            case "quote":
                message = [(QUOTE, side, 0, draw(st.integers(1, 400)), draw(st.integers(1, most))) for side in (1, -1)]
            case "mark":
                message = [(int(tc.EventKind.MARK), 0, 0, draw(st.integers(1, 10**14)), 0)]
            case "funding":
                message = [(int(tc.EventKind.FUNDING), 0, 0, draw(st.integers(-(10**6), 10**6)), 0)]
            case "interest":
                message = [(int(tc.EventKind.OPEN_INTEREST), 0, 0, 0, draw(st.integers(1, most)))]
            case _:
                kind = tc.EventKind[what.upper()]
                message = [(int(kind), 1, 0, draw(st.integers(1, 400)), draw(st.integers(1, most)))]
        for at, (kind, side, flags, price, qty) in enumerate(message):
            is_last = LAST if at == len(message) - 1 else 0
            number = 0
            if kind in (TRADE, int(tc.EventKind.LIQUIDATION)):
                # None twice: the same trade is there once.
                number = (draw(st.integers(0, 2**28)) << 12) + len(rows) + at + 1
            elif kind == int(tc.EventKind.FUNDING):
                number = (now // NS + 3_600_000_000) * NS
            rows.append((event, now, kind, side, flags | is_last, price, qty, number))
        if what == "snapshot":
            now += unit
            rows.append((now, now, SET, 1, LAST, 1, 1, 0))
    names = ["ts_event", "ts_recv", "kind", "side", "flags", "price", "qty", "id"]
    types = [pl.Int64, pl.Int64, pl.UInt8, pl.Int8, pl.UInt8, pl.Int64, pl.Int64, pl.UInt64]
    return pl.DataFrame(rows, schema=dict(zip(names, types, strict=True)), orient="row")


COMMON = ["book", "snapshot", "gap", "trade", "mixed"]
EVERY = [*COMMON, "quote", "mark", "funding", "interest", "liquidation", "off_book_trade", "order_add"]
TARDIS = ["book", "snapshot", "trade", "quote", "mark", "funding", "interest", "liquidation"]


def there_and_back(
    events: pl.DataFrame, spec: tc.Instrument, form: str, folder: Path
) -> tuple[pl.DataFrame, list[str]]:
    """Return what comes back of events that were exported, and what was said to be lost."""
    catalog = tc.Catalog(folder / "market")
    with catalog.writer(spec) as writer:
        writer.write(events)
    target = folder / ("out" if form == "tardis" else f"out.{form}")
    files = export(catalog, spec, target, form=form)
    back = tc.Catalog(folder / "back")
    match form:
        case "tardis":
            tc.import_tardis(files, spec, back)
        case "hftbacktest":
            tc.import_hftbacktest(files, spec, back)
        case _:
            import_exported(files, back, spec)
    return back.scan(spec).collect(), losses(catalog, spec, form)


@pytest.mark.parametrize("form", ["csv", "parquet"])
@given(data=st.data())
@settings(max_examples=25)
def test_all_of_it_comes_back_of_what_holds_everything(form: str, data: st.DataObject) -> None:
    spec, most = data.draw(st.sampled_from([(SPEC, 5_000), (HUGE, 2**59), (HUGE, 10**13)]))
    events = data.draw(streams(kinds=EVERY, most=most))
    with TemporaryDirectory() as folder:
        back, lost = there_and_back(events, spec, form, Path(folder))
    assert lost == []
    assert back.equals(events)


@given(events=streams(kinds=COMMON))
@settings(max_examples=30)
def test_messages_gaps_and_ids_come_back_of_event_arrays(events: pl.DataFrame) -> None:
    with TemporaryDirectory() as folder:
        back, lost = there_and_back(events, SPEC, "hftbacktest", Path(folder))
    assert lost == []
    assert back.equals(events)


@given(events=streams(kinds=EVERY))
@settings(max_examples=20)
def test_of_other_kinds_what_an_event_array_holds_comes_back(events: pl.DataFrame) -> None:
    """A message of which the last row is left out ends with the row in front."""
    with TemporaryDirectory() as folder:
        back, lost = there_and_back(events, SPEC, "hftbacktest", Path(folder))
        catalog = tc.Catalog(Path(folder) / "market")
        held = pl.concat(held_pieces(catalog, SPEC, "hftbacktest")).drop("message")
    assert back.equals(held)
    assert bool(lost) is (len(held) < len(events))


def by_message(events: pl.DataFrame) -> list[Any]:
    """Return events message by message, statistics of one in order of their kinds."""
    number = (events["flags"] & LAST).cast(pl.Int64).cum_sum().shift(1, fill_value=0)
    columns = ["ts_event", "ts_recv", "kind", "side", "flags", "price", "qty", "id"]
    return [group.select(columns).rows() for _, group in events.group_by(number, maintain_order=True)]


@given(events=streams(kinds=TARDIS, whole_us=True))
@settings(max_examples=30)
def test_whole_microseconds_come_back_of_tardis_files(events: pl.DataFrame) -> None:
    with TemporaryDirectory() as folder:
        back, lost = there_and_back(events, SPEC, "tardis", Path(folder))
    assert lost == []
    assert by_message(back) == by_message(events)


@given(events=streams(kinds=[*TARDIS, "gap", "mixed"]))
@settings(max_examples=30)
def test_what_tardis_files_lose_is_said(events: pl.DataFrame) -> None:
    with TemporaryDirectory() as folder:
        back, lost = there_and_back(events, SPEC, "tardis", Path(folder))
    gaps = sum(len(message) == 1 and message[0][2] == CLEAR for message in by_message(events))
    assert any(f"{gaps} become the snapshot of an empty book" in text for text in lost) is (gaps > 0)
    if by_message(back) != by_message(events):
        assert lost
    # A gap voids the book, here and there.
    final = [tc.L2Book(SPEC) for _ in range(2)]
    if not any("messages of one microsecond" in text or "become one" in text for text in lost):
        for book, frame in zip(final, (events, back), strict=True):
            book.apply({name: frame[name].to_numpy() for name in frame.columns})
        here, there = ([side.tolist() for side in book.depth(100)] for book in final)
        assert here == there


def test_losses_are_told_by_the_command_and_in_its_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = [
        (START * NS + 1, START * NS + 5, CLEAR, 0, SNAPSHOT, 0, 0, 0),
        (START * NS + 1, START * NS + 5, SET, 1, SNAPSHOT | LAST, 100, 5, 0),
        (START * NS + 2, START * NS + 6, TRADE, 1, LAST, 101, 5, 9),
        (START * NS + 3, START * NS + 7, SET, 1, LAST, 100, 6, 0),
        (START * NS + 4, START * NS + 8, CLEAR, 0, LAST, 0, 0, 0),
    ]
    names = ["ts_event", "ts_recv", "kind", "side", "flags", "price", "qty", "id"]
    types = [pl.Int64, pl.Int64, pl.UInt8, pl.Int8, pl.UInt8, pl.Int64, pl.Int64, pl.UInt64]
    catalog = tc.Catalog(tmp_path / "market")
    with catalog.writer(SPEC) as writer:
        writer.write(pl.DataFrame(events, schema=dict(zip(names, types, strict=True)), orient="row"))
    code, out, err = cli(
        "data", "export", catalog.path, tmp_path / "out", "--format", "tardis", "--json", capsys=capsys
    )
    notes = json.loads(out)["notes"]
    assert code == 0
    assert notes == [
        "tardis holds whole microseconds: 5 rows lose the rest of their times",
        "tardis tells messages of a book by their time: 1 become one with the message in front",
        "tardis has a file for each kind of events: 1 messages of one microsecond lose their order",
        "tardis has no word for a gap: 1 become the snapshot of an empty book",
    ]
    assert [line.removeprefix("warning: ") for line in err.splitlines()] == notes
    for form in ("csv", "parquet", "hftbacktest"):
        words = ["data", "export", catalog.path, tmp_path / f"o.{form}", "--format", form, "--json"]
        code, out, err = cli(*words, capsys=capsys)
        assert (code, json.loads(out)["notes"], err) == (0, [], "")


def test_exported_files_are_imported_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    catalog = imported(tmp_path, list(locked()))
    events = catalog.scan(ID).collect()
    for form in ("csv", "parquet"):
        path = tmp_path / f"out.{form}"
        assert cli("data", "export", catalog.path, path, "--format", form, capsys=capsys)[0] == 0
        words = [] if form == "parquet" else ["--instrument", ID]
        code, out, err = cli(
            "data", "import", "exported", path, "--catalog", tmp_path / form, "--json", *words, capsys=capsys
        )
        assert code == 0, err
        summary = json.loads(out)
        assert (summary["instrument"], summary["events"], summary["long_crossings"]) == (ID, len(events), 1)
        back = tc.Catalog(tmp_path / form)
        assert back.scan(ID).collect().equals(events)
        assert back.instrument(ID).to_dict() == catalog.instrument(ID).to_dict()
    packed = tmp_path / "out.csv.gz"
    packed.write_bytes(gzip.compress((tmp_path / "out.csv").read_bytes()))
    import_exported(packed, tmp_path / "packed", ID)
    assert tc.Catalog(tmp_path / "packed").scan(ID).collect().equals(events)
    own = tmp_path / "own.parquet"
    catalog.scan(ID).sink_parquet(own)
    import_exported(own, tmp_path / "own", ID)
    assert tc.Catalog(tmp_path / "own").scan(ID).collect().equals(events)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            lambda text: text.replace("book_set", "book_sat", 1),
            ':3: kind: "book_sat" is not a kind of event such as trade',
        ),
        (
            lambda text: text.replace(",9.0,", ",9.0005,", 1),
            ":3: qty: 9.0005 is not a multiple of 0.001",
        ),
        (lambda text: text.replace(",9.0,", ",nine,", 1), ':3: qty: "nine" is not a decimal number'),
        (lambda text: text.replace("flags", "flogs", 1), ":1: no column flags"),
        (lambda text: "\n".join(text.splitlines()[:4]) + "\n", ": ends in the middle of a message: it was cut"),
        (lambda text: text.splitlines()[0] + "\n", ": holds no events of"),
    ],
)
def test_a_file_that_was_changed_is_refused_by_line(tmp_path: Path, change: Callable[[str], str], problem: str) -> None:
    catalog = imported(tmp_path, list(locked()))
    (path,) = export(catalog, ID, tmp_path / "out.csv", form="csv")
    path.write_text(change(path.read_text()))
    with pytest.raises(DataError) as caught:
        import_exported(path, tmp_path / "back", ID)
    assert f"{path}{problem}" in str(caught.value)
    assert not (tmp_path / "back" / "BINANCE_USDM").exists()


def test_a_folder_of_exported_files_is_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also of an instrument that is known to nobody but the file."""
    folder = tmp_path / "files"
    folder.mkdir()
    names = [ID, SPEC.id]
    for name in names:
        catalog = imported(tmp_path, list(locked()), name) if name == ID else tc.Catalog(tmp_path / name)
        if name != ID:
            with catalog.writer(SPEC) as writer:
                writer.write(tc.Catalog(tmp_path / ID).scan(ID))
        export(catalog, name, folder / f"{name}.parquet", form="parquet")
    code, out, err = cli("data", "import", folder, "--catalog", tmp_path / "back", "--json", "--quiet", capsys=capsys)
    assert code == 0, out + err
    back = tc.Catalog(tmp_path / "back")
    assert sorted(back.instruments()) == sorted(names)
    for name in names:
        assert back.scan(name).collect().equals(tc.Catalog(tmp_path / name).scan(name).collect())
    export(tc.Catalog(tmp_path / ID), ID, folder / "text.csv", form="csv")
    words = ["data", "import", folder / "text.csv", "--catalog", tmp_path / "text"]
    code, out, err = cli(*words, capsys=capsys)
    assert code != 0
    assert "names no symbol; say which instrument it is with --instrument" in out + err
    assert cli(*words, "--instrument", ID, capsys=capsys)[0] == 0
    assert tc.Catalog(tmp_path / "text").scan(ID).collect().equals(back.scan(ID).collect())


def test_files_of_another_instrument_or_none_are_refused(tmp_path: Path) -> None:
    catalog = imported(tmp_path, list(locked()))
    (path,) = export(catalog, ID, tmp_path / "out.parquet", form="parquet")
    with pytest.raises(DataError, match=f"holds {ID}, expected ETHUSDT"):
        import_exported(path, tmp_path / "back", "ETHUSDT.BINANCE_USDM")
    (text,) = export(catalog, ID, tmp_path / "out.csv", form="csv")
    with pytest.raises(InvalidValueError, match=r"does not say which instrument it holds"):
        import_exported(text, tmp_path / "back")
    (tmp_path / "bad.parquet").write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataError, match=r"bad\.parquet"):
        import_exported(tmp_path / "bad.parquet", tmp_path / "back")
    with pytest.raises(DataError, match=r"bad\.parquet: is a Parquet file that is cut or damaged"):
        check_files(tmp_path / "bad.parquet", ID)


TRADE_ROWS = [
    ("trade", 60_000_0, 2_000, 7_001),
    ("trade", 60_000_1, 2_000, 7_002),
    ("trade", 60_000_1, 2_000, 7_002),
    ("off_book_trade", 60_000_1, 2_000, 7_002),
    ("trade", 60_000_0, 0, 7_003),
    ("trade", 60_000_0, 2_000, 7_001),
]
"""Kind, price and quantity in increments, and id: two copies, and one of nothing."""


def trades_of(rows: Sequence[tuple[str, int, int, int]], *, named: bool = True) -> pl.DataFrame:
    """Return columns of trades that the venue stamped alike, received one after the other."""
    types = [pl.Int64, pl.Int64, pl.UInt8, pl.Int8, pl.UInt8, pl.Int64, pl.Int64, pl.UInt64]
    names = ["ts_event", "ts_recv", "kind", "side", "flags", "price", "qty", "id"]
    at = START * NS
    events = [
        (at, at + 1_000, tc.EventKind[kind.upper()], 1, LAST, price, qty, id * named) for kind, price, qty, id in rows
    ]
    return pl.DataFrame(events, schema=dict(zip(names, types, strict=True)), orient="row")


def as_file(events: pl.DataFrame, path: Path) -> Path:
    """Write columns as they are exported, whatever they hold."""
    if path.suffix == ".parquet":
        events.write_parquet(path)
        return path
    words = {int(kind): kind.name.lower() for kind in tc.EventKind}
    spec = tc.find_instrument(ID)
    events.with_columns(
        pl.col("kind").replace_strict(words, return_dtype=pl.String),
        pl.col("price") * float(spec.price_increment),
        pl.col("qty") * float(spec.qty_increment),
    ).write_csv(path)
    return path


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_trades_of_exported_files_count_once_and_none_of_nothing(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = as_file(trades_of(TRADE_ROWS), tmp_path / f"out.{form}")
    code, out, _ = cli("data", "check", path, "--instrument", ID, "--json", "--quiet", capsys=capsys)
    report = json.loads(out)
    assert (code, report["trades"], report["duplicate_trades"], report["empty_trades"]) == (1, 2, 2, 1)
    assert report["problems"] == ["2 trades that had been there before"]
    assert "left out: 1 trade without price or size" in report["notes"]
    summary = import_exported(path, tmp_path / "back", ID)
    assert (summary["trades"], summary["off_book_trades"], summary["duplicate_trades"]) == (2, 1, 2)
    assert tc.Catalog(tmp_path / "back").scan(ID).collect()["id"].to_list() == [7_001, 7_002, 7_002]
    # One file goes on where the other ends.
    more = as_file(trades_of(TRADE_ROWS[:1]).with_columns(pl.col("ts_recv") + 1), tmp_path / f"more.{form}")
    assert import_exported([path, more], tmp_path / "both", ID)["duplicate_trades"] == 3


def test_trades_of_columns_in_memory_count_once_and_none_of_nothing(tmp_path: Path) -> None:
    rows = trades_of(TRADE_ROWS)
    with tc.Catalog(tmp_path / "cat").writer(tc.find_instrument(ID)) as writer:
        writer.write(rows.head(3))
        writer.write(rows.tail(3))
        assert writer.left_out == {"duplicate_trades": 2, "empty_trades": 1}
    stored = tc.Catalog(tmp_path / "cat").scan(ID).collect()
    assert stored["id"].to_list() == [7_001, 7_002, 7_002]
    for data in ({ID: rows}, {ID: rows.lazy()}, {ID: {name: rows[name].to_numpy() for name in rows.columns}}):
        seen = Trades("s", [ID])
        notes = tc.Backtest([seen], data).run().notes
        assert seen.prices == [6_000.0, 6_000.01]
        assert f"{ID}: 2 trades that had been there before, by id, left out" in notes
        assert f"{ID}: 1 trade without price or quantity, left out" in notes
    assert not [note for note in run_of(stored).notes if "left out" in note]


class Trades(tc.Strategy):
    """Remembers what was traded."""

    def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
        self.prices = [*getattr(self, "prices", []), trade.price]


@pytest.mark.parametrize("ids", ["int64", "float64", "arrow", "nan", "negative"])
def test_trades_in_memory_are_told_by_their_ids_whatever_type_these_have(ids: str) -> None:
    """Frames have ids as floats where some are missing; nan and a negative number are none."""
    rows = trades_of(TRADE_ROWS)
    forms: dict[str, Any] = {
        "int64": rows.with_columns(pl.col("id").cast(pl.Int64)),
        "float64": rows.with_columns(pl.col("id").cast(pl.Float64)),
        "arrow": rows.to_arrow(),
        "nan": rows.with_columns(id=pl.lit(float("nan"))),
        "negative": rows.with_columns(id=pl.lit(-1, pl.Int64)),
    }
    notes = tc.Backtest([Trades("s", [ID])], {ID: forms[ids]}).run().notes
    told = f"{ID}: 2 trades that had been there before, by id, left out" in notes
    assert told == (ids not in ("nan", "negative"))


def test_rows_of_exported_parquet_mean_what_their_types_say(tmp_path: Path) -> None:
    """Integers of any width are increments, each column for itself; only an id may be missing."""
    rows = trades_of(TRADE_ROWS[:1])
    stored = import_and_scan(as_file(rows, tmp_path / "out.parquet"), tmp_path / "plain")
    inst = tc.find_instrument(ID)
    in_units = pl.col("qty") * float(inst.qty_increment)
    for number, frame in enumerate(
        [
            rows.with_columns(pl.col("price", "qty").cast(pl.Int32)),
            rows.with_columns(in_units),
            rows.with_columns(pl.col("id").cast(pl.Float64)),
        ]
    ):
        path = as_file(frame, tmp_path / f"{number}.parquet")
        assert import_and_scan(path, tmp_path / str(number)).equals(stored)
    for form, missing in (("parquet", [None]), ("csv", [None, "nan", "None"])):
        for at, word in enumerate(missing):
            path = as_file(
                rows.with_columns(id=pl.lit(word, pl.String if word else pl.UInt64)), tmp_path / f"m{at}.{form}"
            )
            assert import_and_scan(path, tmp_path / f"{form}{at}")["id"].to_list() == [0]
    for name in ("price", "qty", "ts_recv"):
        path = as_file(rows.with_columns(pl.lit(None, pl.Int64).alias(name)), tmp_path / f"no_{name}.parquet")
        with pytest.raises(DataError, match=rf"no_{name}\.parquet:1: {name} None is not a"):
            import_exported(path, tmp_path / "no", ID)


def test_parquet_of_events_in_units_comes_back(tmp_path: Path) -> None:
    """As `scan(units=True)` is written: kinds and sides are words, of whatever type of text."""
    tc.synthesize(tmp_path / "market", events=300, seed=5, instrument=ID)
    catalog = tc.Catalog(tmp_path / "market")
    stored, units = catalog.scan(ID).collect(), catalog.scan(ID, units=True).collect()
    assert units["side"].null_count()
    for number, text in enumerate([None, pl.String, pl.Categorical]):
        words = [] if text is None else [pl.col("kind", "side").cast(pl.String).cast(text)]
        path = as_file(units.with_columns(words), tmp_path / f"{number}.parquet")
        import_exported(path, tmp_path / str(number), ID)
        assert tc.Catalog(tmp_path / str(number)).scan(ID).collect().equals(stored)
    for name, word, told in (("side", "long", "'long' is not buy or sell"), ("flags", True, "True is not a whole")):
        path = as_file(units.with_columns(pl.lit(word).alias(name)), tmp_path / "bad.parquet")
        with pytest.raises(DataError, match=rf"bad\.parquet:1: {name} {told}"):
            import_exported(path, tmp_path / "no", ID)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_exported_columns_without_rows_say_so(tmp_path: Path, form: str) -> None:
    path = as_file(trades_of(TRADE_ROWS[:1]).head(0), tmp_path / f"out.{form}")
    assert check_files(path, ID)["problems"] == ["nothing recognised: a header and no rows"]
    with pytest.raises(DataError, match=rf"holds no events of {ID}: a header and no rows"):
        import_exported(path, tmp_path / "no", ID)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_exported_files_that_overlap_are_both_named(tmp_path: Path, form: str) -> None:
    rows = trades_of(TRADE_ROWS)
    first = as_file(rows.with_columns(pl.col("ts_recv") + pl.int_range(pl.len())), tmp_path / f"first.{form}")
    second = as_file(rows.with_columns(pl.col("ts_recv") + 4), tmp_path / f"second.{form}")
    begins, ends = START * NS + 1_004, START * NS + 1_005
    problem = f"{second}: begins at ts_recv {begins}, before {first} ends at {ends}: they go in order of time"
    with pytest.raises(DataError, match=re.escape(problem)):
        import_exported([first, second], tmp_path / "no", ID)
    assert not (tmp_path / "no").exists()
    later = as_file(rows.with_columns(pl.col("ts_recv") + 5), tmp_path / f"later.{form}")
    assert import_exported([first, later], tmp_path / "cat", ID)["events"] == 3


def import_and_scan(path: Path, folder: Path) -> pl.DataFrame:
    import_exported(path, folder, ID)
    return tc.Catalog(folder).scan(ID).collect()


def test_equal_trades_without_an_id_are_all_kept_and_told(tmp_path: Path) -> None:
    rows = trades_of([TRADE_ROWS[0]] * 3, named=False)
    report = check_files(as_file(rows, tmp_path / "out.csv"), ID)
    assert (report["ok"], report["trades"], report["equal_trades"]) == (True, 3, 2)
    assert report["notes"] == [
        "2 trades without an id equal to the one above: copies or not, nothing tells, so all are kept"
    ]
    with tc.Catalog(tmp_path / "cat").writer(tc.find_instrument(ID)) as writer:
        writer.write(rows)
    assert len(tc.Catalog(tmp_path / "cat").scan(ID).collect()) == 3


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize(("unit", "size"), [("us", 10**3), ("ms", 10**6), ("s", 10**9)])
def test_exported_times_in_another_unit_than_ns_are_refused(tmp_path: Path, form: str, unit: str, size: int) -> None:
    rows = trades_of(TRADE_ROWS[:1])
    path = as_file(rows.with_columns(pl.col("ts_event", "ts_recv") // size), tmp_path / f"out.{form}")
    for read in (lambda: check_files(path, ID), lambda: import_exported(path, tmp_path / "back", ID)):
        with pytest.raises(DataError) as caught:
            read()
        place, value = (2 if form == "csv" else 1), rows["ts_event"][0] // size
        assert (caught.value.source, caught.value.line) == (str(path), place)
        for words in ("ts_event", str(value), f"as {unit} ", "2023-11-14 22:13:20", "write the times in ns"):
            assert words in caught.value.problem


def test_dates_in_exported_parquet_are_what_they_say(tmp_path: Path) -> None:
    rows = trades_of(TRADE_ROWS[:1])
    dated = rows.with_columns(
        pl.from_epoch("ts_event", "ns").dt.cast_time_unit("us"),
        pl.from_epoch("ts_recv", "ns").dt.replace_time_zone("UTC"),
    )
    import_exported(as_file(dated, tmp_path / "out.parquet"), tmp_path / "back", ID)
    assert tc.Catalog(tmp_path / "back").scan(ID).collect().equals(rows)


def test_exported_text_is_read_however_it_is_written(tmp_path: Path) -> None:
    catalog = imported(tmp_path, list(locked()))
    (path,) = export(catalog, ID, tmp_path / "out.csv", form="csv")
    text = path.read_text()
    backward = "\n".join(f"{at}," + ",".join(reversed(line.split(","))) for at, line in enumerate(text.splitlines()))
    for at, written in enumerate(
        (
            text.encode("utf-16"),
            b"# out of tradecore\n\n" + text.replace(",", ";").replace("\n", "\r\n").encode("utf-8-sig"),
            backward.encode(),
            lzma.compress(text.encode()),
        )
    ):
        other = tmp_path / f"other-{at}.csv"
        other.write_bytes(written)
        import_exported(other, tmp_path / f"back-{at}", ID)
        assert tc.Catalog(tmp_path / f"back-{at}").scan(ID).collect().equals(catalog.scan(ID).collect())
