"""Captures as people have them: each test is a kind of trouble from a public report, with inputs of its own.

Where ``../shared/cases`` is there, its small file of the same kind is tried as well.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import tradecore as tc
from conftest import SHARED
from tradecore.cli import main
from tradecore.data.check import check_files
from tradecore.data.formats import sniff
from tradecore.errors import DataError, InvalidValueError

CASES = SHARED / "cases"
START_MS = 1_767_312_000_000
"""2026-01-02."""
USDM = "ETHUSDT.BINANCE_USDM"


def case(name: str) -> Path:
    """A file of ../shared/cases; the test skips without it."""
    path = CASES / name
    if not path.is_file():
        pytest.skip(f"no {path} beside the project")
    return path


def snapshot(id: int = 500, levels: int = 3, **more: Any) -> dict[str, Any]:
    """A REST snapshot around 3000.00 / 3000.01."""
    return {
        "lastUpdateId": id,
        "bids": [[f"{3000 - n / 100:.2f}", "5.000"] for n in range(levels)],
        "asks": [[f"{3000.01 + n / 100:.2f}", "5.000"] for n in range(levels)],
        **more,
    }


def depth(ms: int, last: int, bids: Any = (), asks: Any = (), *, width: int = 2, **more: Any) -> dict[str, Any]:
    """A futures update of `width` ids that follows the one that ends before it."""
    return {
        "e": "depthUpdate",
        "E": ms,
        "T": ms,
        "s": "ETHUSDT",
        "U": last - width + 1,
        "u": last,
        "pu": last - width,
        "b": list(bids),
        "a": list(asks),
        **more,
    }


def trade(ms: int, id: int, price: str = "3000.00", qty: str = "2.000", **more: Any) -> dict[str, Any]:
    """A futures print of the stream of single trades; a seller is the taker."""
    fields = {"e": "trade", "E": ms, "T": ms, "s": "ETHUSDT", "t": id, "p": price, "q": qty, "X": "MARKET", "m": True}
    return fields | more


def wrapped(stream: str, data: Any) -> dict[str, Any]:
    return {"stream": stream, "data": data}


def market(updates: int = 6) -> list[tuple[int, Any]]:
    """A snapshot and updates that leave the best prices alone, 100 ms apart, each with its time of receipt in ms."""
    frames: list[tuple[int, Any]] = [(START_MS, snapshot())]
    for n in range(updates):
        ms = START_MS + 100 * (n + 1)
        frames.append((ms, wrapped("ethusdt@depth@100ms", depth(ms, 502 + 2 * n, [["2999.90", f"{n + 1}.000"]]))))
    return frames


def write(path: Path, frames: Sequence[tuple[int, Any]], stamp: str = "ns") -> Path:
    """A capture; what is text already stands as it is."""
    units = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
    lines = []
    for ms, frame in sorted(frames, key=lambda row: row[0]):
        text = frame if isinstance(frame, str) else json.dumps(frame, separators=(",", ":"))
        lines.append(f"{(ms * 1_000_000 + 900_000) // units[stamp]} {text}\n")
    path.write_text("".join(lines))
    return path


def imported(path: Path | Sequence[Path], catalog: Path, instrument: str = USDM, **options: Any) -> dict[str, Any]:
    return tc.import_binance_ws(path, tc.find_instrument(instrument), catalog, **options)


def rows(catalog: Path, instrument: str = USDM) -> pl.DataFrame:
    return tc.Catalog(catalog).scan(instrument).collect()


def spaces(text: str) -> str:
    """Text with one space where there are more."""
    return re.sub(" +", " ", text)


def report(*paths: Path, **options: Any) -> dict[str, Any]:
    return check_files(list(paths), **options)


def run(*words: object) -> int:
    return main([str(word) for word in words])


class BuyBehind(tc.Strategy):
    """Buys 3 at the best bid, once, as soon as there is one."""

    asked = False

    def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
        if not self.asked and book.is_synced:
            self.asked = True
            ctx.buy(self.instruments[0], 3, book.best_bid)


def bought(catalog: Path, instrument: str = USDM) -> float:
    """What an order for 3 at the best bid, sent at the first book, got."""
    name, _, venue = instrument.rpartition(".")
    result = tc.Backtest([BuyBehind(name, [instrument])], catalog, [tc.SimVenue(venue)]).run()
    return float(result.fills["qty"].sum())


def test_prints_off_the_book_fill_nothing_and_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prints = [("INSURANCE_FUND", "2700.00"), ("ADL", "2700.00"), ("NA", "2700.00"), ("RPI", "2999.90")]
    others = [
        (START_MS + 250 + n, wrapped("ethusdt@trade", trade(START_MS + 250 + n, 9_001 + n, price, "9.000", X=kind)))
        for n, (kind, price) in enumerate(prints)
    ]
    others += [(START_MS + 260, trade(START_MS + 260, 9_010, "0", "0", X="NA"))]
    real = (START_MS + 350, wrapped("ethusdt@trade", trade(START_MS + 350, 9_020)))
    path = write(tmp_path / "c.txt", [*market(), *others, real])
    summary = imported(path, tmp_path / "cat")
    assert (summary["trades"], summary["traded_qty"]) == (1, "2.000")
    assert (summary["off_book_trades"], summary["off_book_qty"], summary["empty_trades"]) == (4, "36.000", 1)
    kept = rows(tmp_path / "cat").filter(pl.col("kind") == int(tc.EventKind.OFF_BOOK_TRADE))
    assert kept["id"].to_list() == [9_001, 9_002, 9_003, 9_004]
    assert (set(kept["side"]), kept["price"].to_list(), set(kept["qty"])) == ({-1}, [270_000] * 3 + [299_990], {9_000})
    assert bought(tmp_path / "cat") == 0.0
    catalog = tc.Catalog(tmp_path / "cat")
    assert catalog.trades(USDM).collect()["price"].to_list() == [3000.0]
    assert catalog.bars(USDM, "1s").collect()["low"].to_list() == [3000.0]
    words = catalog.scan(USDM, units=True).collect()["kind"].unique().to_list()
    assert "off_book_trade" in words
    assert catalog.describe()["off_book_trade"].to_list() == [4]
    assert run("data", "check", path) in (0, 1)
    assert "off_book_trades 4" in spaces(capsys.readouterr().out)
    assert run("data", "info", tmp_path / "cat") == 0
    assert "OFF_BOOK_TRADE 4" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "off_book"), [("04-insurance-fund.txt", 1), ("04-market-only.txt", 0)])
def test_the_insurance_fund_moves_no_bar(tmp_path: Path, name: str, off_book: int) -> None:
    instrument = "BTCUSDT.BINANCE_USDM"
    summary = imported(case(name), tmp_path / "cat", instrument)
    assert summary["off_book_trades"] == off_book
    assert tc.Catalog(tmp_path / "cat").bars(instrument, "1m").collect()["low"].min() >= 59_999


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "text"])
def test_the_unit_of_receive_times_is_told_by_their_size(tmp_path: Path, unit: str) -> None:
    frames = [*market(), (START_MS + 650, trade(START_MS + 650, 1))]
    path = write(tmp_path / "c.txt", frames, "ns" if unit == "text" else unit)
    if unit == "text":
        # As a recorder's clock says it: seconds with a fraction.
        lines = [line.split(" ", 1) for line in path.read_text().splitlines()]
        path.write_text("".join(f"{stamp[:-9]}.{stamp[-9:-3]} {frame}\n" for stamp, frame in lines))
    summary = imported(path, tmp_path / "cat")
    first = (START_MS * 1_000_000 + 900_000) // {"s": 10**9, "ms": 10**6}.get(unit, 1)
    assert summary["first_ts_recv"] == first * {"s": 10**9, "ms": 10**6}.get(unit, 1)
    events = rows(tmp_path / "cat")
    assert events["ts_event"].to_list()[-1] == (START_MS + 650) * 1_000_000
    found = report(path)
    # A receipt in whole seconds is cut off, so that stamps are ahead of it.
    assert not found["failed"]
    assert unit == "s" or found["problems"] == []


@pytest.mark.parametrize("files", [1, 2])
def test_the_first_line_out_of_order_is_named_with_the_one_before(tmp_path: Path, files: int) -> None:
    path = write(tmp_path / "c.txt", [*market(), *trades_of([1, 2, 3])])
    lines = path.read_text().splitlines(keepends=True)
    lines[4:4] = [lines.pop(6), lines.pop(6)]
    path.write_text("".join(lines))
    others = [write(tmp_path / "other.txt", trades_of([4], START_MS + 60_000))][: files - 1]
    found = report(path, *others)
    late, above = int(lines[6].split()[0]), int(lines[5].split()[0])
    assert found["unsorted"] > 0
    assert found["first_unsorted"] == {"file": str(path), "line": 7, "ts_recv": late, "previous": above}
    assert [problem for problem in found["problems"] if f"first {path}:7 at 2026-01-02 00:00:00." in problem]


def test_captures_in_us_and_ns_are_the_same_market(tmp_path: Path) -> None:
    catalogs = []
    for unit in ("us", "ns"):
        imported(case(f"03-capture-stamps-{unit}.txt"), tmp_path / unit, "BTCUSDT.BINANCE_USDM")
        catalogs.append(rows(tmp_path / unit, "BTCUSDT.BINANCE_USDM"))
    assert catalogs[0].equals(catalogs[1])


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize(
    ("stamp", "date"),
    [(START_MS // 1000 - 2 * 86_400, "2025-12-31"), (1_767, "1970-01-01"), (4_000_000_000, "2096-10-02")],
)
def test_a_receipt_days_from_the_venue_s_stamp_is_an_error_naming_both(
    tmp_path: Path, stamp: int, date: str, lenient: bool
) -> None:
    path = tmp_path / "c.txt"
    frame = json.dumps(wrapped("ethusdt@trade", trade(START_MS, 1)))
    path.write_text(f"{START_MS} {json.dumps(snapshot())}\n{START_MS} {frame}\n" if stamp > 2 * 10**9 else "")
    with path.open("a") as file:
        file.write(f"{stamp} {frame}\n")
    with pytest.raises(DataError, match=rf"{date} .* 2026-01-02 00:00:00.* s, ms, us or ns") as caught:
        check_files(path, USDM) if lenient else imported(path, tmp_path / "cat")
    assert caught.value.line == (3 if stamp > 2 * 10**9 else 1)
    assert not (tmp_path / "cat" / "BINANCE_USDM").exists()


def trades_of(ids: Sequence[int], start: int = START_MS + 620) -> list[tuple[int, Any]]:
    """Prints of these ids at the best bid, one after another, each stamped by its id."""
    return [(start + n, wrapped("ethusdt@trade", trade(START_MS + 620 + id, id))) for n, id in enumerate(ids)]


@pytest.mark.parametrize(
    "ids",
    [
        [1, 1, 2, 2, 3, 3],  # Two sockets.
        [1, 2, 3, 1, 2, 3],  # A block again.
        [2, 1, 3, 2, 1, 3],  # The other socket is behind, and had what the first had not.
        [1, 2, 2, 3],  # Sent again after a reconnect.
    ],
)
def test_a_trade_counts_once(tmp_path: Path, ids: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    """An order of 3 behind 5 gets 1 of three trades of 2."""
    once = write(tmp_path / "once.txt", [*market(), *trades_of([1, 2, 3])])
    twice = write(tmp_path / "twice.txt", [*market(), *trades_of(ids)])
    assert imported(once, tmp_path / "a")["duplicate_trades"] == 0
    summary = imported(twice, tmp_path / "b")
    assert (summary["trades"], summary["traded_qty"]) == (3, "6.000")
    assert summary["duplicate_trades"] == len(ids) - 3
    assert sorted(rows(tmp_path / "b").filter(pl.col("kind") == 2)["id"]) == [1, 2, 3]
    assert bought(tmp_path / "a") == bought(tmp_path / "b") == 1.0
    run("data", "check", twice)
    shown = spaces(capsys.readouterr().out)
    assert f"duplicate_trades {len(ids) - 3}" in shown
    assert re.search(r"trades? that had been there before", shown)


def test_ids_of_aggregated_and_single_trades_are_apart(tmp_path: Path) -> None:
    agg = {
        "e": "aggTrade",
        "E": START_MS + 700,
        "s": "ETHUSDT",
        "a": 1,
        "p": "3000.00",
        "q": "1",
        "f": 1,
        "l": 1,
        "m": True,
    }
    frames = [
        (START_MS + 700, agg | {"T": START_MS + 700}),
        (START_MS + 701, trade(START_MS + 700, 1, X="ADL")),
        (START_MS + 702, trade(START_MS + 700, 1, X="ADL")),
    ]
    summary = imported(write(tmp_path / "c.txt", [*market(), *frames]), tmp_path / "cat")
    assert (summary["trades"], summary["off_book_trades"], summary["duplicate_trades"]) == (1, 1, 1)


def test_a_file_named_twice_in_a_check_is_counted_once(tmp_path: Path) -> None:
    path = write(tmp_path / "c.txt", [*market(), *trades_of([1, 2, 3])])
    found = report(path, path)
    assert (found["trades"], found["traded_qty"], found["gaps"]) == (3, "6.000", 0)
    assert (found["parallel_duplicates"], found["lines"]) == (10, 20)
    assert not found["ok"]


def test_trades_once_and_twice_are_the_same(tmp_path: Path) -> None:
    instrument = "BTCUSDT.BINANCE_USDM"
    for name in ("once", "twice"):
        imported(case(f"05-trades-{name}.txt"), tmp_path / name, instrument)
    assert bought(tmp_path / "once", instrument) == bought(tmp_path / "twice", instrument) == 1.0
    assert report(case("05-trades-twice.txt"))["duplicate_trades"] == 3


def quote(ms: int, id: int, bid: str, **more: Any) -> tuple[int, Any]:
    fields = {
        "e": "bookTicker",
        "u": id,
        "s": "ETHUSDT",
        "b": bid,
        "B": "1",
        "a": "3001.00",
        "A": "1",
        "T": ms,
        "E": ms,
    }
    return ms, wrapped("ethusdt@bookTicker", fields | more)


def test_late_best_prices_never_move_the_top_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ms = START_MS + 700
    quotes = [
        quote(ms, 10, "2990.00"),
        quote(ms + 1, 12, "2992.00"),
        quote(ms + 2, 11, "2991.00"),  # Late.
        quote(ms + 3, 12, "2992.00"),  # The same again.
        quote(ms + 4, 13, "2993.00"),
        quote(ms + 5, 10, "2990.00"),
    ]
    path = write(tmp_path / "c.txt", quotes)
    summary = imported(path, tmp_path / "cat")
    assert (summary["quotes"], summary["stale_quotes"], summary["best_bid"]) == (3, 3, ["2993.00", "1.000"])
    bids = rows(tmp_path / "cat").filter((pl.col("kind") == 3) & (pl.col("side") == 1))
    assert bids["price"].to_list() == [299_000, 299_200, 299_300]
    run("data", "check", path, "--instrument", USDM)
    assert "3 best prices of the venue that are not newer" in capsys.readouterr().out


def bare(frames: Sequence[tuple[int, Any]]) -> list[tuple[int, Any]]:
    """The same frames without the names of their streams."""
    return [(ms, frame.get("data", frame)) for ms, frame in frames]


def slower(after: int = 3, updates: int = 3, stream: str = "ethusdt@depth@500ms", **more: Any) -> list[tuple[int, Any]]:
    """A second stream of updates, each of as many ids as `after` of the first, received just before the last of them."""
    frames = []
    for n in range(updates):
        last = 500 + 2 * after * (n + 1)
        ms = START_MS + 100 * after * (n + 1)
        update = depth(ms, last, [["2999.90", f"{after * (n + 1)}.000"]], width=2 * after, **more)
        frames.append((ms - 1, wrapped(stream, update)))
    return frames


def levels(n: int, qty: str, base: float = 3000.0) -> dict[str, Any]:
    return {
        "b": [[f"{base - k / 100:.2f}", qty] for k in range(n)],
        "a": [[f"{base + (k + 1) / 100:.2f}", qty] for k in range(n)],
    }


def partial(depth_levels: int, count: int, *, spot: bool = False, linked: bool = False) -> list[tuple[int, Any]]:
    """Best levels every 100 ms, as futures or spot send them."""
    frames = []
    for n in range(count):
        ms, last = START_MS + 100 * n + 50, 600 + 10 * n
        sides = levels(depth_levels, f"{n + 1}.000", 3000 + n / 100)
        if spot:
            data = {"lastUpdateId": last, "bids": sides["b"], "asks": sides["a"]}
        else:
            data = depth(ms, last, sides["b"], sides["a"], width=10 if linked else 5)
        frames.append((ms, wrapped(f"ethusdt@depth{depth_levels}@100ms", data)))
    return frames


def same_book(
    tmp_path: Path, plain: Sequence[tuple[int, Any]], more: Sequence[tuple[int, Any]], **given: Any
) -> dict[str, Any]:
    """Import frames with and without more of them: the events must be the same. Returns what was counted with them."""
    instrument = given.pop("instrument", USDM)
    imported(write(tmp_path / "plain.txt", plain), tmp_path / "plain", instrument)
    path = write(tmp_path / "more.txt", [*plain, *more])
    summary = imported(path, tmp_path / "more", instrument)
    assert rows(tmp_path / "more", instrument).equals(rows(tmp_path / "plain", instrument))
    found = report(path, instrument=instrument)
    assert (found["gaps"], found["duplicates"], found["problems"]) == (0, 0, [])
    assert found["other_depth"] == summary["other_depth"]
    return summary


def test_a_tab_may_stand_behind_the_receipt(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.txt", [*market(), (START_MS + 350, trade(START_MS + 350, 7))])
    tabs = tmp_path / "tabs.txt"
    tabs.write_text(plain.read_text().replace(" {", "\t{"))
    imported(plain, tmp_path / "plain")
    imported(tabs, tmp_path / "tabs")
    assert rows(tmp_path / "tabs").equals(rows(tmp_path / "plain"))
    counts = ("instrument", "problems", "book_updates", "trades", "depth_stream")
    assert [report(tabs)[name] for name in counts] == [report(plain)[name] for name in counts]


def test_a_snapshot_that_the_websocket_api_answers_is_one(tmp_path: Path) -> None:
    frames = market()
    answer = {"id": "51e2", "status": 200, "result": frames[0][1], "rateLimits": [{"limit": 6000}]}
    beside = [(START_MS + 1, {"result": None, "id": 1}), (START_MS + 2, {"id": "2", "status": 200, "result": {}})]
    told = report(write(tmp_path / "c.txt", [(START_MS, answer), *beside, *frames[1:]]))
    assert (told["problems"], told["snapshots"], told["book_updates"]) == ([], 1, 6)


class SeenBooks(tc.Strategy):
    """Remembers each best bid."""

    def __init__(self, name: str, instruments: list[str]) -> None:
        super().__init__(name, instruments)
        self.bids: list[float | None] = []

    def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
        self.bids.append(book.best_bid)


@pytest.mark.parametrize("venue", ["BINANCE_USDM", "BYBIT", "COINBASE"])
def test_the_snapshot_of_a_book_with_nothing_in_it_is_no_gap(venue: str, tmp_path: Path) -> None:
    """As of an option or a new listing that nobody quotes yet: what comes behind it is the book."""
    ms, at = START_MS, "2026-01-02T00:00:00Z"
    level = [["2999.90", "1.000"]]
    frames: list[tuple[int, Any]]
    match venue:
        case "BINANCE_USDM":
            symbol = "ETHUSDT"
            frames = [(ms, {"lastUpdateId": 500, "bids": [], "asks": []}), (ms + 100, depth(ms + 100, 502, level))]
        case "BYBIT":
            symbol = "BTCUSDT"
            frames = [
                (
                    ms + 100 * n,
                    {
                        "topic": "orderbook.50.BTCUSDT",
                        "type": kind,
                        "ts": ms + 100 * n,
                        "data": {"s": symbol, "b": bids, "a": [], "u": 500 + n, "seq": 5_000 + n},
                    },
                )
                for n, (kind, bids) in enumerate([("snapshot", []), ("delta", level)])
            ]
        case _:
            symbol = "BTC-USD"
            first = {"type": "snapshot", "product_id": symbol, "bids": [], "asks": [], "time": at}
            change = {"type": "l2update", "product_id": symbol, "changes": [["buy", "2999.90", "1"]], "time": at}
            frames = [(ms, first), (ms + 100, change)]
    path, name = write(tmp_path / "c.txt", frames), f"{symbol}.{venue}"
    told = report(path, instrument=name)
    assert (told["problems"], told["failed"], told["gaps"], told["snapshots"]) == ([], False, 0, 1)
    read = tc.import_binance_ws if venue == "BINANCE_USDM" else tc.import_capture
    summary = read(path, name, tmp_path / "market")
    assert (summary["gaps"], summary["snapshots"], summary["book_updates"]) == (0, 1, 1)
    strategy = SeenBooks("seen", [name])
    result = tc.Backtest([strategy], tmp_path / "market").run()
    assert strategy.bids[-1] == 2999.9
    assert not [note for note in result.notes if "gap" in str(note)]


@pytest.mark.parametrize("first", [False, True])
def test_another_speed_beside_the_book_is_left_out(tmp_path: Path, first: bool) -> None:
    other = slower()
    if first:
        other = [
            (START_MS - 5, wrapped("ethusdt@depth@500ms", depth(START_MS - 5, 500, [["1.00", "1"]], width=9))),
            *other,
        ]
    summary = same_book(tmp_path, market(12), other)
    assert (summary["depth_stream"], summary["other_depth"]) == ("depth@100ms", len(other))


def test_another_speed_without_a_name_is_told_by_its_chain(tmp_path: Path) -> None:
    summary = same_book(tmp_path, bare(market(12)), bare(slower()))
    assert summary["other_depth"] == 3


@pytest.mark.parametrize("spot", [False, True])
def test_a_faster_stream_that_joins_later_is_not_the_book(tmp_path: Path, spot: bool) -> None:
    """It does not go on from the snapshot."""
    first, *fast = market(12)
    frames = [first, *slower(updates=4), *fast[4:]]
    if spot:
        for _, frame in frames:
            frame.get("data", {}).pop("pu", None)
            frame.get("data", {}).pop("T", None)
    found = report(write(tmp_path / "c.txt", frames), instrument="ETHUSDT.BINANCE" if spot else USDM)
    assert (found["book_updates"], found["other_depth"], found["gaps"], found["duplicates"]) == (4, 8, 0, 0)
    assert (found["depth_stream"], found["ok"]) == ("depth@500ms", True)


@pytest.mark.parametrize("late", [1, 20])
@pytest.mark.parametrize("spot", [False, True])
def test_another_speed_without_a_name_that_lags_behind_is_left_out(tmp_path: Path, spot: bool, late: int) -> None:
    """Two sockets of one symbol, whose frames have no names; a copy of what was applied is still one."""
    lagging = [(ms + late, frame) for ms, frame in slower()]
    frames = bare([*market(9), *lagging, market(9)[4]])
    if spot:
        for _, frame in frames:
            frame.pop("pu", None)
            frame.pop("T", None)
    found = report(write(tmp_path / "c.txt", frames), instrument="ETHUSDT.BINANCE" if spot else USDM)
    assert (found["other_depth"], found["duplicates"], found["gaps"], found["book_updates"]) == (3, 1, 0, 9)
    assert found["bid_levels"] == 4


def test_a_hole_in_the_book_is_a_gap_beside_another_speed_too(tmp_path: Path) -> None:
    for name, change in (("named", list), ("bare", bare)):
        frames = change([*market(12), *slower(updates=2)])
        del frames[8]
        summary = imported(write(tmp_path / f"{name}.txt", frames), tmp_path / name)
        assert (summary["gaps"], summary["other_depth"]) == (1, 2), name


@pytest.mark.parametrize("first", [False, True])
def test_depth_with_retail_orders_is_not_the_book(tmp_path: Path, first: bool) -> None:
    start = START_MS - 50 if first else START_MS + 130
    rpi = [
        (
            start + 90 * n,
            wrapped("ethusdt@rpiDepth@500ms", depth(start + 90 * n, 700 + n, [["3000.00", "99"]], width=1)),
        )
        for n in range(5)
    ]
    assert same_book(tmp_path, market(), rpi)["other_depth"] == 5


def test_a_capture_of_retail_depth_alone_has_no_book(tmp_path: Path) -> None:
    frames = [(ms, wrapped("ethusdt@rpiDepth@500ms", frame["data"])) for ms, frame in market()[1:]]
    found = report(write(tmp_path / "c.txt", frames))
    assert found["problems"] == ["nothing recognised: 6 messages are of depth that makes no book, such as rpiDepth"]


@pytest.mark.parametrize("spot", [False, True])
@pytest.mark.parametrize("depth_levels", [5, 10, 20])
def test_partial_depth_beside_updates_is_left_out(tmp_path: Path, spot: bool, depth_levels: int) -> None:
    frames = market(8)
    if spot:
        frames = [(ms, frame if "stream" not in frame else spot_update(frame)) for ms, frame in frames]
    instrument = "ETHUSDT.BINANCE" if spot else USDM
    more = [(START_MS - 1, partial(depth_levels, 1, spot=spot)[0][1]), *partial(depth_levels, 6, spot=spot)]
    summary = same_book(tmp_path, frames, more, instrument=instrument)
    assert (summary["other_depth"], summary["depth_stream"]) == (7, "depth@100ms")


def spot_update(frame: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in frame["data"].items() if key not in ("T", "pu")}
    return wrapped(frame["stream"], kept)


def test_bare_partial_depth_of_spot_beside_updates_never_cuts_the_book(tmp_path: Path) -> None:
    deep = [(START_MS, snapshot(levels=40)), *[(ms, spot_update(frame)) for ms, frame in market(8)[1:]]]
    more = bare([(START_MS - 1, partial(20, 1, spot=True)[0][1]), *partial(20, 6, spot=True)])
    summary = same_book(tmp_path, deep, more, instrument="ETHUSDT.BINANCE")
    assert (summary["other_depth"], summary["bid_levels"]) == (7, 40)


@pytest.mark.parametrize("wrap", [True, False])
@pytest.mark.parametrize("spot", [False, True])
@pytest.mark.parametrize("depth_levels", [5, 10, 20])
def test_partial_depth_alone_is_a_book_of_that_depth(
    tmp_path: Path, wrap: bool, spot: bool, depth_levels: int, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = partial(depth_levels, 6, spot=spot)
    path = write(tmp_path / "c.txt", frames if wrap else bare(frames))
    instrument = "ETHUSDT.BINANCE" if spot else USDM
    summary = imported(path, tmp_path / "cat", instrument)
    assert (summary["bid_levels"], summary["ask_levels"], summary["snapshots"]) == (depth_levels, depth_levels, 6)
    assert (float(summary["best_bid"][0]), float(summary["best_bid"][1])) == (3000.05, 6.0)
    assert tc.import_capture(path, instrument, tmp_path / "any") == summary
    found = report(path, instrument=instrument)
    assert (found["problems"], found["gaps"], found["other_depth"]) == ([], 0, 0)
    if wrap:
        run("data", "check", path, "--instrument", instrument)
        assert f"depth_stream depth{depth_levels}@100ms" in spaces(capsys.readouterr().out)
        assert run("data", "check", path) == 0
    if not spot:
        assert bought(tmp_path / "cat") == 0.0


def test_partial_depth_of_the_issue_is_a_book() -> None:
    found = report(case("20-depth20-usdm.txt"))
    assert (found["problems"], found["snapshots"], found["bid_levels"]) == ([], 5, 3)
    assert found["depth_stream"] == "depth20@100ms"
    found = report(case("21-depth-at-two-speeds.txt"))
    assert (found["problems"], found["gaps"], found["other_depth"], found["depth_stream"]) == ([], 0, 4, "depth@100ms")


@pytest.mark.parametrize(("id", "depth_levels"), [(100, 3), (100, 40), (513, 3), (513, 40), (525, 3)])
def test_a_snapshot_that_the_book_does_not_need_is_counted_as_one(tmp_path: Path, id: int, depth_levels: int) -> None:
    """An answer of REST that came late, or one asked for in vain: not depth of another stream."""
    late = (START_MS + 901, snapshot(levels=depth_levels) | {"lastUpdateId": id})
    path = write(tmp_path / "c.txt", [*market(12), late])
    read = [tc.import_capture(path, USDM, tmp_path / "cat"), imported(path, tmp_path / "own"), report(path)]
    for found in read:
        counts = [found[name] for name in ("snapshots", "snapshots_unused", "other_depth", "book_updates", "gaps")]
        assert counts == [1, 1, 0, 12, 0]
    assert read[2]["notes"] == ["left out: 1 snapshot older than the book, or not needed for it"]
    assert read[2]["problems"] == []


def test_a_snapshot_of_few_levels_that_a_change_leads_on_from_is_none_that_was_not_needed(tmp_path: Path) -> None:
    first, *updates = market(12)
    again = (START_MS + 650, snapshot() | {"lastUpdateId": 513})
    path = write(tmp_path / "c.txt", [first, *updates[:4], again, *updates[6:]])
    for found in (imported(path, tmp_path / "own"), tc.import_capture(path, USDM, tmp_path / "cat"), report(path)):
        counts = [found[name] for name in ("snapshots", "snapshots_unused", "other_depth", "book_updates", "gaps")]
        assert counts == [2, 0, 0, 10, 0]


def test_late_partial_depth_never_takes_the_book_back(tmp_path: Path) -> None:
    frames = partial(5, 4)
    late = [(START_MS + 400 + n, frame) for n, (_, frame) in enumerate(frames)]
    summary = imported(write(tmp_path / "c.txt", [*frames, *late]), tmp_path / "cat")
    assert (summary["snapshots"], summary["duplicates"], summary["best_bid"]) == (4, 4, ["3000.03", "4.000"])


SPOT_QUOTE = {"u": 7, "s": "ETHUSDT", "b": "3000.00", "B": "1", "a": "3000.01", "A": "1"}
PRINT = {"e": "trade", "E": START_MS, "T": START_MS, "s": "ETHUSDT", "t": 1, "p": "3000.00", "q": "1", "m": True}
AGGREGATED = {**PRINT, "e": "aggTrade", "a": 1, "f": 1, "l": 1}
UPDATE = {"e": "depthUpdate", "E": START_MS, "s": "ETHUSDT", "U": 1, "u": 2, "b": [], "a": []}
MARKS = {"e": "markPriceUpdate", "E": START_MS, "p": "3000", "i": "3000", "r": "0.0001", "T": START_MS}


@pytest.mark.parametrize(
    ("frame", "instrument", "reason"),
    [
        (UPDATE | {"T": START_MS, "pu": 0}, "ETHUSDT.BINANCE_USDM", "futures: depthUpdate has pu, line 1"),
        (UPDATE | {"T": START_MS, "pu": 0, "ps": "ETHUSDT", "st": 1}, "ETHUSDT.BINANCE_USDM", "depthUpdate has ps"),
        (
            UPDATE | {"pu": 0, "s": "ETHUSD_PERP", "ps": "ETHUSD", "st": 2},
            "ETHUSD_PERP.BINANCE_COINM",
            "COIN-M: the symbol",
        ),
        (UPDATE | {"pu": 0, "s": "ETHUSD_260327", "ps": "ETHUSD"}, "ETHUSD_260327.BINANCE_COINM", "COIN-M: the symbol"),
        (UPDATE | {"pu": 0, "s": "ETHUSDT_260327"}, "ETHUSDT_260327.BINANCE_USDM", "USD-M: the symbol"),
        (UPDATE, "ETHUSDT.BINANCE", "spot: depthUpdate has neither pu nor T"),
        (PRINT | {"X": "ADL"}, "ETHUSDT.BINANCE_USDM", "trade has X"),
        (PRINT | {"M": True}, "ETHUSDT.BINANCE", "trade has M"),
        (AGGREGATED | {"M": True}, "ETHUSDT.BINANCE", "aggTrade has M"),
        (AGGREGATED | {"nq": "1"}, "ETHUSDT.BINANCE_USDM", "aggTrade has nq"),
        (AGGREGATED, "ETHUSDT.BINANCE_USDM", "aggTrade has no M"),
        (SPOT_QUOTE, "ETHUSDT.BINANCE", "bookTicker has no e"),
        (SPOT_QUOTE | {"e": "bookTicker", "T": START_MS, "E": START_MS}, "ETHUSDT.BINANCE_USDM", "bookTicker has e"),
        (MARKS | {"s": "ETHUSDT"}, "ETHUSDT.BINANCE_USDM", "markPriceUpdate is none of spot"),
    ],
)
def test_the_market_of_a_capture_is_concluded_and_the_reason_is_printed(
    tmp_path: Path, frame: dict[str, Any], instrument: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "c.txt", [(START_MS, frame)])
    found = sniff(path)
    assert (found.format, found.instrument) == ("binance-ws", instrument)
    assert any(reason in text for text in found.reasons), found.reasons
    run("data", "check", path)
    assert reason in capsys.readouterr().out
    if frame["e" if "e" in frame else "u"] in ("trade", "aggTrade"):
        assert run("data", "import", "binance-ws", path, "--infer", "--catalog", tmp_path / "cat") == 0
        assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("frames", "problem"),
    [
        ([PRINT], "holds ETHUSDT, but no frame tells whether of spot, USD-M or COIN-M futures"),
        ([PRINT, PRINT | {"s": "BTCUSDT"}], "holds BTCUSDT, ETHUSDT"),
        ([SPOT_QUOTE, PRINT | {"X": "MARKET"}], r"frames of ETHUSDT of spot \(.*line 1\) and of futures \(.*line 2\)"),
        ([{"result": None, "id": 1}], "no frame names a symbol"),
    ],
)
def test_what_cannot_be_told_of_a_capture_is_asked_for(
    tmp_path: Path, frames: list[dict[str, Any]], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "c.txt", [(START_MS, frame) for frame in frames])
    importing = ["data", "import", "binance-ws", path, "--catalog", tmp_path / "cat"]
    for words, code in ((["data", "check", path], 1), (importing, 2)):
        assert run(*words) == code
        said = capsys.readouterr().err
        assert re.search(problem, said), said
        assert "--instrument" in said
    assert not (tmp_path / "cat").exists()


def test_frames_that_are_no_json_are_shown(tmp_path: Path) -> None:
    frames = [{"e": "aggTrade", "s": "BTCUSDT", "m": True}]
    path = tmp_path / "c.txt"
    path.write_text("".join(f"{START_MS + n} {frame}\n" for n, frame in enumerate(frames)))
    with pytest.raises(DataError, match=r"its instrument: no frame is JSON, such as .*'e': 'aggTrade'"):
        check_files(path)


def test_a_capture_with_other_symbols_in_passing_is_of_its_own(tmp_path: Path) -> None:
    others = [MARKS | {"s": symbol} for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT")]
    frames = [
        *market(),
        (START_MS + 150, wrapped("!markPrice@arr", others)),
        (START_MS + 151, trade(START_MS + 151, 1)),
    ]
    path = write(tmp_path / "c.txt", frames)
    found = report(path)
    assert (found["instrument"], found["marks"], found["ignored"], found["problems"]) == (USDM, 1, 2, [])


@pytest.mark.parametrize(("symbol", "qty"), [("ETHUSDT", "6.000"), ("BTCUSDT", "3.000")])
def test_of_a_capture_with_several_symbols_the_named_one_is_taken(tmp_path: Path, symbol: str, qty: str) -> None:
    other = [(START_MS + 640 + n, trade(START_MS + 640, n, "60000.0", "1.000", s="BTCUSDT")) for n in range(3)]
    path = write(tmp_path / "c.txt", [*market(), *trades_of([1, 2, 3]), *other])
    found = report(path, instrument=f"{symbol}.BINANCE_USDM")
    assert (found["trades"], found["traded_qty"]) == (3, qty)


@pytest.mark.parametrize("instrument", ["ETHUSDT.BINANCE", "ETHUSDT.BINANCE_USDM"])
def test_an_instrument_of_another_market_is_refused(tmp_path: Path, instrument: str) -> None:
    is_spot = instrument == "ETHUSDT.BINANCE"
    frames = market() if is_spot else [(ms, spot_update(f) if "stream" in f else f) for ms, f in market()]
    path = write(tmp_path / "c.txt", frames)
    with pytest.raises(DataError, match=rf"holds ETHUSDT of \w+ \(depthUpdate has .*, line 2\), but .* {instrument}"):
        imported(path, tmp_path / "cat", instrument)
    with pytest.raises(DataError, match="but the instrument is"):
        report(path, instrument=instrument)


@pytest.mark.parametrize("instrument", ["ETHUSDT-PERP.BINANCE_USDM", "BTCUSDT.BINANCE_USDM", "ETHUSDT.BYBIT"])
def test_a_capture_that_holds_nothing_of_an_instrument_says_whose_it_is(tmp_path: Path, instrument: str) -> None:
    path = write(tmp_path / "c.txt", market())
    whose = f"its first frames are of {USDM}, not of {instrument}"
    assert report(path, instrument=instrument)["problems"][-1] == whose
    spec = tc.Instrument(
        instrument, kind="linear", base="ETH", quote="USDT", price_increment="0.01", qty_increment="0.001"
    )
    with pytest.raises(DataError, match=rf"holds no events of {instrument}.*; its first frames are of {USDM}$"):
        tc.import_capture(path, spec, tmp_path / "cat")


def test_one_socket_tells_the_market_of_the_other(tmp_path: Path) -> None:
    market_path = write(tmp_path / "trades.txt", [(START_MS + 1, PRINT), (START_MS + 2, PRINT | {"t": 2})])
    public = write(tmp_path / "depth.txt", [(ms + 10, frame) for ms, frame in market()])
    with pytest.raises(DataError, match="no frame tells"):
        report(market_path)
    found = report(market_path, public)
    assert (found["instrument"], found["trades"], found["book_updates"], found["problems"]) == (USDM, 2, 6, [])


def test_frames_of_2026_are_of_usd_m(tmp_path: Path) -> None:
    instrument = "BTCUSDT.BINANCE_USDM"
    path = case("23-usdm-with-pair.txt")
    found = report(path)
    assert (found["instrument"], found["problems"], found["book_updates"]) == (instrument, [], 10)
    assert "USD-M: the symbol BTCUSDT" in found["concluded"]
    assert report(case("33-parallel-market.txt"), case("33-parallel-public.txt"))["instrument"] == instrument


SCRIPTS = ["币安人生USDT", "ÅNGSTRÖMUSDT", "🚀USDT", "ETHUSDT"]


@pytest.mark.parametrize("symbol", SCRIPTS)
def test_symbols_of_any_script_are_the_same_raw_and_escaped(tmp_path: Path, symbol: str) -> None:
    instrument = f"{symbol}.BINANCE_USDM"
    spec = tc.Instrument(
        instrument, kind="linear", base=symbol[:-4], quote="USDT", price_increment="0.01", qty_increment="0.001"
    )
    found = []
    for name in ("raw", "escaped", "upper"):
        lines = []
        for ms, frame in [*market(), *trades_of([1, 2])]:
            text = json.dumps(frame, separators=(",", ":"), ensure_ascii=False)
            text = text.replace("ETHUSDT", symbol).replace("ethusdt", symbol.lower())
            if name != "raw":
                units = "".join(f"\\u{unit:04x}" for unit in utf16(symbol))
                text = text.replace(symbol, units.upper().replace("\\U", "\\u") if name == "upper" else units)
            lines.append(f"{ms}000900 {text}\n")
        path = tmp_path / f"{name}.txt"
        path.write_text("".join(lines), encoding="utf-8")
        assert sniff(path).instrument == instrument
        tc.import_binance_ws(path, spec, tmp_path / name)
        found.append(rows(tmp_path / name, instrument))
        assert report(path)["problems"] == []
    assert len(found[0]) > 6
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])


def utf16(text: str) -> list[int]:
    packed = text.encode("utf-16-be")
    return [int.from_bytes(packed[at : at + 2], "big") for at in range(0, len(packed), 2)]


def test_an_escaped_symbol_of_the_issue_is_found() -> None:
    found = report(case("11-unicode-escaped.txt"))
    assert (found["instrument"], found["trades"], found["book_updates"]) == ("币安人生USDT.BINANCE_USDM", 1, 1)


def test_arrays_of_frames_are_unpacked(tmp_path: Path) -> None:
    frames = [*market(), *trades_of([1, 2, 3])]
    plain = write(tmp_path / "plain.txt", [(START_MS + 900, frame) for _, frame in frames])
    whole = write(tmp_path / "array.txt", [(START_MS + 900, [frame for _, frame in frames])])
    halves = [[frame.get("data", frame) for _, frame in frames[at : at + 4]] for at in (0, 4, 8)]
    wrapped_up = write(tmp_path / "data.txt", [(START_MS + 900, wrapped("!all@arr", half)) for half in halves])
    imported(plain, tmp_path / "plain")
    for path in (whole, wrapped_up):
        summary = imported(path, tmp_path / path.stem)
        assert (summary["trades"], summary["book_updates"], summary["ignored"]) == (3, 6, 0)
        assert rows(tmp_path / path.stem).equals(rows(tmp_path / "plain"))
        assert report(path)["problems"] == []
    # A stream of many symbols is an array by itself, in a wrapper that may be one of an array.
    nested = [wrapped("!all@arr", [frame.get("data", frame) for _, frame in frames[:4]]), *(f for _, f in frames[4:])]
    inner = write(tmp_path / "inner.txt", [(START_MS + 900, nested)])
    assert imported(inner, tmp_path / "inner")["ignored"] == 0
    assert rows(tmp_path / "inner").equals(rows(tmp_path / "plain"))
    empty = write(tmp_path / "empty.txt", [*market(), (START_MS + 700, [])])
    assert report(empty)["problems"] == []
    with pytest.raises(DataError, match=r"byte .* expected .*on-error skip"):
        imported(write(tmp_path / "bad.txt", [*market(), (START_MS + 900, '[{"e":1},]')]), tmp_path / "bad")


def test_partial_depth_in_arrays_is_a_book(tmp_path: Path) -> None:
    books = [
        wrapped("ethusdt@depth20@100ms", depth(START_MS + at, 500 + at, [[f"300{at}.00", "5"]], [[f"300{at}.10", "5"]]))
        for at in range(4)
    ]
    for name, content in (("array", books), ("pairs", [books[:2], books[2:]])):
        lines = [(START_MS + 9, frame) for frame in content] if name == "pairs" else [(START_MS + 9, content)]
        summary = imported(write(tmp_path / f"{name}.txt", lines), tmp_path / name)
        assert (summary["snapshots"], summary["best_bid"][0], summary["depth_stream"]) == (
            4,
            "3003.00",
            "depth20@100ms",
        )


@pytest.mark.parametrize(("open", "close"), [("[", "]"), ('{"stream":"x","data":[', "]}"), ('[{"data":[', "]}]")])
def test_an_array_inside_of_an_array_is_refused_with_its_place_and_changes_nothing(
    tmp_path: Path, open: str, close: str
) -> None:
    first, second = (json.dumps(trade(START_MS + 600, number)) for number in (1, 2))
    text = f"{open}{first},[{second}]{close}"
    at = text.index(f"[{second}]")
    path = write(tmp_path / "c.txt", [*market(), (START_MS + 600, text), *trades_of([3])])
    lines = len(market()) + 1
    with pytest.raises(DataError, match=rf"c\.txt:{lines}: byte {at}: expected a frame, no array inside of an array"):
        imported(path, tmp_path / "cat")
    summary = imported(path, tmp_path / "cat", on_error="skip")
    assert (summary["trades"], summary["skipped_lines"]) == (1, 1)
    decoder = tc.FeedDecoder("BINANCE_USDM", [USDM])
    with pytest.raises(DataError, match=f"byte {at}: expected a frame, no array inside of an array"):
        decoder.feed(text.encode(), START_MS * 1_000_000)
    assert decoder.feed(second.encode(), START_MS * 1_000_000) == "trade"
    assert decoder.events(USDM)["id"].tolist() == [2]


RUBBISH = ["pong", "<html><body>502 Bad Gateway</body></html>", '{"stream":"ethusdt@trade","data":{"e":"tra', '"x"', ""]


def dirty(path: Path) -> Path:
    """A capture with lines in it that are no messages, one of them without a time."""
    frames = [*market(), *trades_of([1, 2])]
    write(path, [*frames, *((START_MS + 210 + n, text) for n, text in enumerate(RUBBISH))])
    path.write_text("Connected to host\n" + path.read_text() + f'{START_MS + 900}000000 {{"e":"trade","E":17')
    return path


def test_rubbish_is_refused_with_the_place_and_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = dirty(tmp_path / "c.txt")
    with pytest.raises(DataError, match=r'is not a time .*; --on-error skip \(on_error="skip"\) leaves out') as caught:
        imported(path, tmp_path / "cat")
    assert caught.value.line == 1
    assert run("data", "check", path) == 1
    assert f"{path}:1: " in capsys.readouterr().err


def test_rubbish_is_skipped_counted_and_listed_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    imported(write(tmp_path / "clean.txt", [*market(), *trades_of([1, 2])]), tmp_path / "clean")
    path = dirty(tmp_path / "c.txt")
    words = ["data", "import", "binance-ws", path, "--catalog", tmp_path / "cat", "--on-error", "skip", "--json"]
    assert run(*words) == 0
    out, err = capsys.readouterr()
    summary = json.loads(out)
    assert summary["skipped_lines"] == len(RUBBISH) + 2
    listed = Path(summary["skipped_file"]).read_text().splitlines()
    assert len(listed) == len(RUBBISH) + 2
    assert listed[0].startswith(f"{path}:1: ts_recv: ")
    assert any("expected an object in pong" in line for line in listed)
    assert summary["skipped_file"] in err
    assert rows(tmp_path / "cat").equals(rows(tmp_path / "clean"))
    assert tc.Catalog(tmp_path / "cat").instruments() == (USDM,)
    found = report(path, on_error="skip")
    assert found["problems"] == [f"{len(RUBBISH) + 2} lines that are no messages are left out"]
    assert found["skipped_list"] == listed
    assert run("data", "check", path, "--on-error", "skip") == 0
    assert run("data", "import", "binance-ws", path, "--infer", "--on-error", "skip", "--catalog", tmp_path / "i") == 0


def test_a_message_that_is_wrong_is_no_rubbish(tmp_path: Path) -> None:
    wrong = trade(START_MS + 700, 9, price="3000.001")
    path = write(tmp_path / "c.txt", [*market(), (START_MS + 700, wrong)])
    with pytest.raises(DataError, match=r"3000.001 is not a multiple of 0.01"):
        imported(path, tmp_path / "cat", on_error="skip")
    with pytest.raises(InvalidValueError, match=r"on_error: .*lenient.* is not strict or skip"):
        imported(path, tmp_path / "cat", on_error="lenient")


def test_of_a_cut_gzip_what_is_whole_is_kept(tmp_path: Path) -> None:
    plain = write(tmp_path / "c.txt", [*market(400), *trades_of(range(1, 400), START_MS + 60_000)])
    packed = gzip.compress(plain.read_bytes())
    path = tmp_path / "c.gz"
    path.write_bytes(packed[: len(packed) * 2 // 3])
    with pytest.raises(DataError, match="the gzip stream is cut off; --on-error skip") as caught:
        imported(path, tmp_path / "cat")
    whole = caught.value.line - 1
    assert whole > 100
    # A second file goes on behind the cut.
    later = write(tmp_path / "d.txt", [(START_MS + 90_000, trade(START_MS + 90_000, 9_999))])
    summary = imported([path, later], tmp_path / "cat", on_error="skip")
    assert (summary["lines"], summary["skipped_lines"]) == (whole + 1, 1)
    assert "the gzip stream is cut off" in Path(summary["skipped_file"]).read_text()
    assert run("data", "check", path) == 1
    assert run("data", "check", path, "--on-error", "skip") == 0


@pytest.mark.parametrize(("name", "left"), [("22-pong.txt", 1), ("22-cut-last-line.txt", 1), ("22-arr-wrapped.txt", 0)])
def test_rubbish_of_the_issue(tmp_path: Path, name: str, left: int) -> None:
    instrument = "BTCUSDT.BINANCE_USDM"
    if left:
        with pytest.raises(DataError, match="on-error skip"):
            imported(case(name), tmp_path / "cat", instrument)
    summary = imported(case(name), tmp_path / "cat", instrument, on_error="skip")
    assert (summary["skipped_lines"], summary["gaps"]) == (left, 0)
    assert summary["marks"] == (0 if left else 1)


def test_a_book_is_made_of_nothing_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = market(8)[1:]
    frames += [
        (
            START_MS + 850,
            wrapped("ethusdt@depth@100ms", depth(START_MS + 850, 518, [["3000.00", "5"]], [["3000.01", "5"]])),
        )
    ]
    path = write(tmp_path / "c.txt", [*frames, *trades_of([1], START_MS + 900)])
    found = report(path)
    assert found["problems"] == ["no snapshot: the book never becomes known; --start empty makes one of nothing"]
    found = report(path, start="empty")
    assert (found["problems"], found["book_updates"], found["unsynced"]) == ([], 9, 0)
    assert run("data", "import", "binance-ws", path, "--start", "empty", "--catalog", tmp_path / "cat") == 0
    assert "best_bid 3000.00 x 5.000" in spaces(capsys.readouterr().out)
    assert len(rows(tmp_path / "cat").filter(pl.col("kind") == 1)) == 10
    with pytest.raises(InvalidValueError, match=r"start: .*nothing.* is not snapshot or empty"):
        imported(path, tmp_path / "no", start="nothing")


def test_a_gap_voids_a_book_made_of_nothing_and_a_snapshot_completes_it(tmp_path: Path) -> None:
    frames = market(8)
    first, updates = frames[0][1], frames[1:]
    del updates[3]
    path = write(tmp_path / "c.txt", updates)
    summary = imported(path, tmp_path / "gap", start="empty")
    assert (summary["gaps"], summary["book_updates"], summary["bid_levels"]) == (1, 7, 1)
    # One clear begins the book, one tells the gap, one begins it anew.
    assert len(rows(tmp_path / "gap").filter(pl.col("kind") == 0)) == 3
    late = write(tmp_path / "late.txt", [*frames[1:], (START_MS + 850, first | {"lastUpdateId": 510})])
    summary = imported(late, tmp_path / "late", start="empty")
    assert (summary["snapshots"], summary["book_updates"], summary["gaps"]) == (1, 8, 0)
    assert (summary["bid_levels"], summary["ask_levels"]) == (4, 3)
    same = imported(write(tmp_path / "same.txt", frames), tmp_path / "same", start="empty")
    usual = imported(tmp_path / "same.txt", tmp_path / "usual")
    assert (same["book_updates"], same["best_bid"]) == (usual["book_updates"], usual["best_bid"])
    assert rows(tmp_path / "same").equals(rows(tmp_path / "usual"))


def test_a_capture_of_the_issue_without_a_snapshot_starts_empty(tmp_path: Path) -> None:
    path = case("19-no-snapshot.txt")
    assert not report(path)["ok"]
    summary = imported(path, tmp_path / "cat", "BTCUSDT.BINANCE_USDM", start="empty")
    assert (summary["book_updates"], summary["gaps"], summary["unsynced"]) == (39, 0, 0)
    assert summary["best_bid"] is not None


@pytest.mark.parametrize("spot", [False, True])
def test_a_snapshot_of_few_levels_behind_a_hole_is_the_book(tmp_path: Path, spot: bool) -> None:
    """It was asked for after a reconnect; one beside updates that go on is only looked at."""
    name = "ETHUSDT.BINANCE" if spot else USDM
    more = {} if spot else {"E": START_MS + 1000, "T": START_MS + 1000}
    left = ("pu", "T") if spot else ()

    def told(frame: Any) -> Any:
        data = frame.get("data", frame)
        return frame | (
            {"data": {key: value for key, value in data.items() if key not in left}} if "data" in frame else {}
        )

    frames = [(ms, told(frame)) for ms, frame in market()]
    later = snapshot(900, **more) | {"bids": [["3010.00", "1.000"]], "asks": [["3010.01", "1.000"]]}
    polled = (START_MS + 650, snapshot(513, **more))
    on = (START_MS + 700, told(wrapped("ethusdt@depth@100ms", depth(START_MS + 700, 514, [["2999.90", "9.000"]]))))
    behind = (
        START_MS + 1100,
        told(wrapped("ethusdt@depth@100ms", depth(START_MS + 1100, 902, [["3009.00", "2.000"]]))),
    )
    path = write(tmp_path / "c.txt", [*frames, polled, on, (START_MS + 1000, later), behind])
    found = check_files(path, name)
    assert (found["gaps"], found["book_updates"]) == (0, 8)
    assert (float(found["best_bid"][0]), float(found["best_ask"][0])) == (3010.00, 3010.01)
    assert (found["bid_levels"], found["ask_levels"]) == (2, 1)
    # Where updates do not lead from it either, the book is void.
    path = write(tmp_path / "d.txt", [*frames, polled, on, (START_MS + 1000, later | {"lastUpdateId": 800}), behind])
    assert check_files(path, name)["problems"] == ["1 gap in the sequence of book updates"]


# --- captures of other venues ---------------------------------------------------------------------------------------

BYBIT = "ETHUSDT.BYBIT"
BYBIT_SPEC = {"kind": "linear", "base": "ETH", "quote": "USDT", "price_increment": "0.01", "qty_increment": "0.01"}


def bybit_book(
    ms: int, id: int, kind: str = "delta", bids: Any = (), asks: Any = (), depth: int = 50
) -> tuple[int, Any]:
    data = {"s": "ETHUSDT", "b": list(bids), "a": list(asks), "u": id, "seq": 10 * id}
    return ms, {"topic": f"orderbook.{depth}.ETHUSDT", "type": kind, "ts": ms, "data": data, "cts": ms - 3}


def bybit_trades(ms: int, *prints: tuple[str, str], spot: bool = False) -> tuple[int, Any]:
    """Prints of id and quantity at 3000.00, sold."""
    rows = [
        {"T": ms - 2, "s": "ETHUSDT", "S": "Sell", "v": qty, "p": "3000.00", "i": id, "BT": False}
        | ({} if spot else {"L": "PlusTick"})
        for id, qty in prints
    ]
    return ms, {"topic": "publicTrade.ETHUSDT", "type": "snapshot", "ts": ms, "data": rows}


def bybit_market(updates: int = 6) -> list[tuple[int, Any]]:
    book = ([["3000.00", "5"], ["2999.99", "5"]], [["3000.01", "5"]])
    changes = [bybit_book(START_MS + 100 * n, 500 + n, bids=[["2999.99", str(n)]]) for n in range(1, updates + 1)]
    return [bybit_book(START_MS, 500, "snapshot", *book), *changes]


def bybit_spec(folder: Path, **more: str) -> Path:
    lines = "".join(f'{name} = "{value}"\n' for name, value in ({"id": BYBIT} | BYBIT_SPEC | more).items())
    (folder / "specs.toml").write_text(f"[[instruments]]\n{lines}")
    return folder / "specs.toml"


def run_json(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    run(*words, "--json", "--quiet")
    return dict(json.loads(capsys.readouterr().out))


def test_a_capture_of_bybit_is_known_checked_and_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    copies = [
        bybit_trades(START_MS + 250, ("a", "2"), ("a", "2")),
        bybit_trades(START_MS + 350, ("b", "2"), ("c", "0"), ("c2", "2")),
        bybit_trades(START_MS + 450, ("b", "2"), ("c2", "2")),
        (
            START_MS + 460,
            {
                "topic": "orderbook.200.ETHUSDT",
                "type": "delta",
                "ts": 1,
                "data": {"s": "ETHUSDT", "b": [], "a": [], "u": 7, "seq": 9},
            },
        ),
    ]
    path = write(folder / "c.txt", [*bybit_market(), *copies], "us")
    found = report(path)
    assert (found["format"], found["instrument"]) == ("capture", BYBIT)
    assert (found["trades"], found["duplicate_trades"], found["empty_trades"], found["other_depth"]) == (3, 3, 1, 1)
    assert found["problems"] == ["3 trades that had been there before"]
    assert (found["snapshots"], found["book_updates"], found["gaps"]) == (1, 6, 0)
    specs = bybit_spec(tmp_path)
    summary = run_json(capsys, "data", "import", "capture", path, "--catalog", tmp_path / "one", "--specs", specs)
    assert (summary["instrument"], summary["traded_qty"], summary["duplicate_trades"]) == (BYBIT, "6.00", 3)
    assert bought(tmp_path / "one", BYBIT) == 1.0
    assert run_json(capsys, "data", "import", folder, "--catalog", tmp_path / "many", "--specs", specs)["imported"] == 1
    assert rows(tmp_path / "many", BYBIT).equals(rows(tmp_path / "one", BYBIT))


@pytest.mark.parametrize(
    ("frame", "venue"),
    [
        (bybit_trades(START_MS + 250, ("a", "2")), "BYBIT"),
        (bybit_trades(START_MS + 250, ("a", "2"), spot=True), "BYBIT_SPOT"),
        (
            (
                START_MS,
                {
                    "topic": "tickers.ETHUSDT",
                    "type": "snapshot",
                    "ts": 1,
                    "data": {"symbol": "ETHUSDT", "usdIndexPrice": "1"},
                },
            ),
            "BYBIT_SPOT",
        ),
        (
            (
                START_MS,
                {
                    "topic": "tickers.ETHUSDT",
                    "type": "snapshot",
                    "ts": 1,
                    "data": {"symbol": "ETHUSDT", "openInterest": "1"},
                },
            ),
            "BYBIT",
        ),
        (bybit_book(START_MS + 950, 507), None),
    ],
)
def test_the_market_of_bybits_frames_is_told_or_asked_for(
    tmp_path: Path, frame: tuple[int, Any], venue: str | None
) -> None:
    path = write(tmp_path / "c.txt", [*bybit_market(), frame])
    assert sniff(path).instrument == (venue and f"ETHUSDT.{venue}")
    if venue is None:
        with pytest.raises(DataError, match="neither derivatives nor spot; say which with --instrument"):
            report(path)


def test_a_depth_that_bybit_answers_is_a_snapshot(tmp_path: Path) -> None:
    def answer(ms: int, id: int, qty: str) -> tuple[int, Any]:
        book = {"s": "ETHUSDT", "a": [["3000.01", "5"]], "b": [["3000.00", qty]], "ts": ms, "u": id, "seq": 10 * id}
        return ms, {"retCode": 0, "retMsg": "OK", "result": book | {"cts": ms - 3}, "retExtInfo": {}, "time": ms + 1}

    polled = write(tmp_path / "polled.txt", [answer(START_MS + 1_000 * n, 500 + 7 * n, str(1 + n)) for n in range(4)])
    with pytest.raises(DataError, match="name ETHUSDT and tell neither derivatives nor spot"):
        check_files(polled)
    found = check_files(polled, BYBIT)
    assert (found["ok"], found["snapshots"], found["gaps"], found["ignored"]) == (True, 4, 0, 0)
    # Of another symbol beside it.
    other = json.dumps(answer(START_MS + 500, 900, "7")[1]).replace("ETHUSDT", "BTCUSDT")
    both = write(tmp_path / "both.txt", [answer(START_MS, 500, "1"), (START_MS + 500, json.loads(other))])
    found = check_files(both, BYBIT)
    assert (found["ok"], found["snapshots"], found["ignored"]) == (True, 1, 1)
    # Asked for in the middle of a recording that lacks the beginning of its topic.
    frames = [*bybit_market()[1:3], answer(START_MS + 250, 502, "5"), *bybit_market()[3:]]
    found = check_files(write(tmp_path / "late.txt", frames), BYBIT)
    assert (found["snapshots"], found["book_updates"], found["gaps"]) == (1, 4, 0)
    # And beside a book that is told.
    frames = [*bybit_market(), answer(START_MS + 5_000, 520, "5")]
    found = check_files(write(tmp_path / "told.txt", frames), BYBIT)
    assert (found["snapshots"], found["book_updates"], found["snapshots_unused"]) == (1, 6, 1)


def test_a_capture_of_coinbase_is_known_by_its_frames(tmp_path: Path) -> None:
    said = {"type": "match", "product_id": "ETH-USD", "trade_id": 1}
    trades = {
        "channel": "market_trades",
        "sequence_num": 0,
        "events": [{"type": "update", "trades": [{"product_id": "BTC-USD"}]}],
    }
    assert sniff(write(tmp_path / "a.txt", [(START_MS, said)])).instrument == "ETH-USD.COINBASE"
    assert sniff(write(tmp_path / "b.txt", [(START_MS, trades)])).instrument == "BTC-USD.COINBASE"
    both = sniff(write(tmp_path / "c.txt", [(START_MS, said), (START_MS, trades)]))
    assert (both.instrument, both.reasons) == (None, ("holds BTC-USD, ETH-USD",))


def test_what_a_capture_of_bybit_lacks_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = bybit_trades(START_MS + 250, ("a", "0.00004"))
    path = write(tmp_path / "c.txt", [*bybit_market(), told])
    words = ["data", "import", "capture", path, "--catalog", tmp_path / "cat"]
    assert run(*words, "--specs", bybit_spec(tmp_path)) == 2
    said = capsys.readouterr().err
    assert f"{path}:4: v: 0.00004 is not a multiple of 0.01" in said
    assert 'qty_increment = "0.00001", lot_size = "0.01"' in said
    specs = bybit_spec(tmp_path, qty_increment="0.00001", lot_size="0.01")
    assert run_json(capsys, *words, "--specs", specs)["traded_qty"] == "0.00004"
    lacking = write(tmp_path / "d.txt", [*bybit_market()[1:], bybit_trades(START_MS + 250, ("a", "2"))])
    found = report(lacking)
    assert (found["missing_snapshot"], found["waiting"]) == (True, 6)
    assert found["problems"] == ["no snapshot: the book never becomes known; --start empty makes one of nothing"]
    bare = write(tmp_path / "e.txt", bybit_market()[1:])
    with pytest.raises(DataError, match="no snapshot goes with its 6 book updates"):
        tc.import_capture(bare, tc.load_instruments(specs)[BYBIT], tmp_path / "no")
    late = write(tmp_path / "f.txt", bybit_market())
    lines = late.read_text().splitlines(keepends=True)
    late.write_text("".join([*lines[:3], lines[4], lines[3], *lines[5:]]))
    found = check_files(late, tc.load_instruments(specs)[BYBIT])
    assert (found["unsorted"], found["gaps"], found["first_unsorted"]["line"]) == (1, 1, 5)
    with pytest.raises(DataError, match=r"f\.txt:5: received at .* before the frame above it"):
        tc.import_capture(late, tc.load_instruments(specs)[BYBIT], tmp_path / "no")


def coinbase_book(ms: int, number: int, *levels: tuple[str, str, str]) -> tuple[int, Any]:
    time = f"2026-01-02T00:00:{ms // 1000 % 60:02}.{ms % 1000:03}Z"
    updates = [
        {"side": side, "event_time": time, "price_level": price, "new_quantity": qty} for side, price, qty in levels
    ]
    event = {"type": "update", "product_id": "ETH-USD", "updates": updates}
    return ms, {"channel": "l2_data", "timestamp": time, "sequence_num": number, "events": [event]}


def coinbase_orders(ms: int, number: int, kind: str, **more: str) -> tuple[int, Any]:
    time = f"2026-01-02T00:00:{ms // 1000 % 60:02}.{ms % 1000:03}Z"
    return ms, {"type": kind, "product_id": "ETH-USD", "sequence": number, "time": time} | more


def order(number: int) -> str:
    return f"{number:08}-0000-4000-8000-000000000000"


EMPTY: dict[str, tuple[str, list[tuple[int, Any]], int]] = {
    "BYBIT": (
        BYBIT,
        [
            bybit_book(START_MS + 1, 7, bids=[["3000.00", "1"]], asks=[["3000.01", "2"]]),
            bybit_book(START_MS + 2, 8, bids=[["2999.99", "5"]]),
            bybit_book(START_MS + 4, 10, bids=[["3000.00", "3"]], asks=[["3000.02", "4"]]),
        ],
        2,
    ),
    "COINBASE": (
        "ETH-USD.COINBASE",
        [
            coinbase_book(START_MS + 1, 3, ("bid", "3000.00", "1"), ("offer", "3000.01", "2")),
            coinbase_book(START_MS + 2, 4, ("bid", "2999.99", "5")),
            coinbase_book(START_MS + 4, 6, ("bid", "3000.00", "3"), ("offer", "3000.02", "4")),
        ],
        2,
    ),
    "single orders": (
        "ETH-USD.COINBASE",
        [
            coinbase_orders(START_MS + 1, 3, "done", order_id=order(1), side="buy", reason="canceled", price="3000.00"),
            coinbase_orders(
                START_MS + 2, 4, "open", order_id=order(2), side="buy", price="2999.99", remaining_size="1"
            ),
            coinbase_orders(
                START_MS + 4, 6, "open", order_id=order(3), side="buy", price="3000.00", remaining_size="3"
            ),
            coinbase_orders(
                START_MS + 5, 7, "open", order_id=order(4), side="sell", price="3000.02", remaining_size="4"
            ),
        ],
        3,
    ),
}


@pytest.mark.parametrize("kind", EMPTY)
def test_a_book_of_any_venue_is_made_of_nothing_when_asked_for(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It begins anew behind a gap, with what is named from there on."""
    name, frames, updates = EMPTY[kind]
    path = write(tmp_path / "c.txt", frames)
    assert not check_files(path, name)["snapshots"]
    found = check_files(path, name, start="empty")
    assert found["problems"] == ["1 gap in the sequence of book updates"]
    assert (found["snapshots"], found["book_updates"], found["waiting"]) == (0, updates + (kind != "single orders"), 0)
    assert (float(found["best_bid"][0]), float(found["best_ask"][0])) == (3000.00, 3000.02)
    assert (found["bid_levels"], found["ask_levels"]) == (1, 1)
    specs = ["--specs", bybit_spec(tmp_path)] if name == BYBIT else []
    words = ["data", "import", "capture", path, "--instrument", name, "--start", "empty", *specs]
    summary = run_json(capsys, *words, "--catalog", tmp_path / "cat")
    assert summary["bid_levels"] == 1


@pytest.mark.parametrize("rubbish", ["pong", f"{START_MS}000900 <html>502 Bad Gateway</html>", "\0" * 40])
def test_lines_of_other_venues_that_are_no_messages_are_left_out_when_asked_for(
    rubbish: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "c.txt", [*bybit_market(), bybit_trades(START_MS + 250, ("a", "2"))], "us")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], rubbish, *lines[3:-1], lines[-1][:-40]]))
    specs = bybit_spec(tmp_path)
    spec = tc.load_instruments(specs)[BYBIT]
    with pytest.raises(DataError, match=r"c\.txt:4: .*; --on-error skip .* leaves out what is no message"):
        check_files(path, spec)
    found = check_files(path, spec, on_error="skip")
    assert (found["skipped_lines"], found["book_updates"], found["trades"]) == (2, 5, 1)
    assert found["problems"] == ["2 lines that are no messages are left out"]
    assert [text.partition(": ")[0] for text in found["skipped_list"]] == [f"{path}:4", f"{path}:9"]
    words = ["data", "import", "capture", path, "--catalog", tmp_path / "cat", "--specs", specs, "--on-error", "skip"]
    summary = run_json(capsys, *words)
    assert (summary["skipped_lines"], summary["book_updates"]) == (2, 5)
    assert Path(summary["skipped_file"]).read_text().startswith(f"{path}:4: ")
    # A message that is wrong is none of them.
    path.write_text(path.read_text().replace('"3000.00"', '"3000.0x"', 1))
    with pytest.raises(DataError, match=r"c\.txt:1: .*3000\.0x"):
        check_files(path, spec, on_error="skip")


def test_a_recording_that_is_cut_is_read_up_to_the_cut_when_asked_for(tmp_path: Path) -> None:
    whole = write(tmp_path / "c.txt", bybit_market(400))
    path = tmp_path / "c.gz"
    path.write_bytes(gzip.compress(whole.read_bytes())[:-500])
    spec = tc.Instrument(BYBIT, **BYBIT_SPEC)
    with pytest.raises(DataError, match="the gzip stream is cut off; --on-error skip"):
        check_files(path, spec)
    found = check_files(path, spec, on_error="skip")
    assert (found["skipped_lines"], found["snapshots"]) == (1, 1)
    assert 100 < found["book_updates"] < 400


@pytest.mark.parametrize(("spot", "told", "asked"), [(False, "BYBIT", "BYBIT_SPOT"), (True, "BYBIT_SPOT", "BYBIT")])
def test_frames_of_bybits_other_market_are_refused(tmp_path: Path, spot: bool, told: str, asked: str) -> None:
    path = write(tmp_path / "c.txt", [*bybit_market(), bybit_trades(START_MS + 250, ("a", "2"), spot=spot)])
    wrong, right = (tc.Instrument(f"ETHUSDT.{venue}", **BYBIT_SPEC) for venue in (asked, told))
    with pytest.raises(DataError, match=rf"holds ETHUSDT of {told} \(line 4\), but the instrument is ETHUSDT\.{asked}"):
        tc.import_capture(path, wrong, tmp_path / "no")
    with pytest.raises(DataError, match="but the instrument is"):
        check_files(path, wrong)
    assert tc.import_capture(path, right, tmp_path / "cat")["trades"] == 1


@pytest.mark.parametrize("days", [-3, 3])
@pytest.mark.parametrize("venue", ["BYBIT", "COINBASE"])
def test_a_receipt_days_from_the_stamp_of_any_venue_is_an_error_naming_both(
    tmp_path: Path, venue: str, days: int
) -> None:
    if venue == "BYBIT":
        name, frames = BYBIT, [*bybit_market(), bybit_trades(START_MS + 250, ("a", "2"))]
    else:
        name, frames = "ETH-USD.COINBASE", COINBASE_MARKET
    path = write(tmp_path / "c.txt", [(ms + days * 86_400_000, frame) for ms, frame in frames])
    spec = tc.Instrument(BYBIT, **BYBIT_SPEC) if venue == "BYBIT" else name
    problem = (
        r"c\.txt:\d: received 202[56]-\d\d-\d\d .*, but the venue stamped the frame 202[56]-.*: more than a day apart"
    )
    with pytest.raises(DataError, match=problem):
        tc.import_capture(path, spec, tmp_path / "no")
    with pytest.raises(DataError, match=problem):
        check_files(path, spec)


@pytest.mark.parametrize("venue", ["BYBIT", "COINBASE"])
def test_arrays_of_frames_of_any_venue_are_unpacked(tmp_path: Path, venue: str) -> None:
    if venue == "BYBIT":
        name, frames = BYBIT, [*bybit_market(), bybit_trades(START_MS + 650, ("a", "2"))]
    else:
        name, frames = "ETH-USD.COINBASE", COINBASE_MARKET
    array = [frame for _, frame in frames]
    path = write(tmp_path / "c.txt", [(START_MS + 700, array)])
    assert sniff(path).instrument == name
    found = check_files(path)
    assert (found["snapshots"], found["book_updates"], found["trades"]) == (1, len(frames) - 2, 1)
    nested = write(tmp_path / "d.txt", [(START_MS + 700, [array])])
    with pytest.raises(DataError, match=r"d\.txt:1: byte 1: expected a frame, no array inside of an array"):
        check_files(nested, tc.Instrument(BYBIT, **BYBIT_SPEC) if venue == "BYBIT" else name)


def test_of_several_depths_of_bybit_the_others_are_told_without_a_name(tmp_path: Path) -> None:
    frames = [*bybit_market(), bybit_trades(START_MS + 250, ("a", "2")), bybit_book(START_MS + 50, 9, depth=200)]
    found = report(write(tmp_path / "c.txt", frames))
    assert found["notes"] == ["left out: 1 message of other depth"]


def test_what_two_machines_received_of_bybit_counts_once_and_is_no_fault(tmp_path: Path) -> None:
    quotes = [bybit_book(START_MS + 100 * n, 3 + n, "snapshot", [["3000.00", str(n)]], depth=1) for n in (1, 2, 3)]
    trades = [bybit_trades(START_MS + 250, ("a", "2")), bybit_trades(START_MS + 350, ("b", "1"), ("c", "1"))]
    frames = [*bybit_market(), *quotes, *trades]
    one = write(tmp_path / "one.txt", frames)
    two = write(tmp_path / "two.txt", [(ms + 7, frame) for ms, frame in frames])
    alone, both = report(one), check_files([one, two])
    assert (alone["ok"], both["ok"], both["problems"]) == (True, True, [])
    assert (both["trades"], both["quotes"], both["book_updates"]) == (3, 3, 6)
    assert (both["duplicate_trades"], both["parallel_trades"], both["parallel_duplicates"]) == (3, 3, 6)
    assert "counted once, as received first: 6 messages in several recordings" in both["notes"]
    # What one of them holds twice by itself is a fault beside another, too.
    again = write(tmp_path / "again.txt", [*frames, (START_MS + 360, trades[1][1])])
    assert check_files([again, two])["problems"] == ["2 trades that had been there before"]


def coinbase_trades(ms: int, number: int, id: int, kind: str = "update") -> tuple[int, Any]:
    time = f"2026-01-02T00:00:{ms // 1000 % 60:02}.{ms % 1000:03}Z"
    trade = {"product_id": "ETH-USD", "trade_id": str(id), "price": "3000.00", "size": "1", "time": time, "side": "BUY"}
    event = {"type": kind, "trades": [trade]}
    return ms, {"channel": "market_trades", "timestamp": time, "sequence_num": number, "events": [event]}


def coinbase_snapshot(ms: int, number: int) -> tuple[int, Any]:
    at, frame = coinbase_book(ms, number, ("bid", "3000.00", "1"), ("offer", "3000.01", "2"))
    frame["events"][0]["type"] = "snapshot"
    return at, frame


COINBASE_MARKET = [
    coinbase_snapshot(START_MS, 0),
    *(coinbase_book(START_MS + 100 * n, n, ("bid", "2999.99", str(n))) for n in range(1, 5)),
    coinbase_trades(START_MS + 450, 5, 71),
]


def test_sockets_of_coinbase_that_count_each_for_itself_are_one_recording(tmp_path: Path) -> None:
    """Its messages are numbered by connection: those of the book and those of trades have the same numbers."""
    book = write(tmp_path / "book.txt", COINBASE_MARKET[:-1])
    trades = write(tmp_path / "trades.txt", [coinbase_trades(START_MS + 100 * n + 50, n, 70 + n) for n in range(5)])
    found = check_files([trades, book])
    assert (found["ok"], found["problems"]) == (True, [])
    assert (found["snapshots"], found["book_updates"], found["trades"], found["duplicates"]) == (1, 4, 5, 0)
    summary = tc.import_capture([book, trades], "ETH-USD.COINBASE", tmp_path / "cat")
    assert (summary["book_updates"], summary["trades"], summary["gaps"]) == (4, 5, 0)
    # One that loses a message voids the book that it tells, and no other.
    lines = trades.read_text().splitlines(keepends=True)
    trades.write_text("".join([*lines[:2], *lines[3:]]))
    assert check_files([trades, book])["problems"] == []
    lines = book.read_text().splitlines(keepends=True)
    book.write_text("".join([*lines[:2], *lines[3:]]))
    assert check_files([trades, book])["problems"] == ["1 gap in the sequence of book updates"]


def test_of_two_machines_at_coinbase_the_first_tells_the_book(tmp_path: Path) -> None:
    one = write(tmp_path / "one.txt", COINBASE_MARKET)
    two = write(tmp_path / "two.txt", [(ms + 7, frame) for ms, frame in COINBASE_MARKET])
    found = check_files([one, two])
    assert (found["problems"], found["other_depth"], found["parallel_trades"]) == ([], 5, 1)
    assert (found["snapshots"], found["book_updates"], found["trades"]) == (1, 4, 1)


@pytest.mark.parametrize("first", [0, 7])
def test_frames_of_two_connections_of_coinbase_in_one_file_are_refused(tmp_path: Path, first: int) -> None:
    """Nothing says whose a frame is: trades of the second one counted as copies or as gaps of the first."""
    trades = [coinbase_trades(START_MS + 1_000 + 100 * n, first + n, 80 + n) for n in range(3)]
    book = [(ms, frame | {"sequence_num": frame["sequence_num"] + 50}) for ms, frame in COINBASE_MARKET[:-1]]
    later = [coinbase_book(START_MS + 1_050, 55, ("bid", "2999.99", "9"))]
    mixed = sorted([*book, *trades, *later], key=lambda each: each[0])
    with pytest.raises(
        DataError, match=r"c\.txt:7: sequence_num: \"55\".* two stand in one file and nothing tells them"
    ):
        check_files(write(tmp_path / "c.txt", mixed))
    # One that begins anew, with its first messages lost, is another connection, and its own.
    anew = [coinbase_snapshot(START_MS + 900, first), *trades[1:]]
    found = check_files(write(tmp_path / "d.txt", [*book, *anew]))
    assert (found["snapshots"], found["book_updates"], found["trades"], found["duplicates"]) == (2, 4, 2, 0)


def test_files_of_one_connection_go_on_with_its_numbers(tmp_path: Path) -> None:
    first = write(tmp_path / "1.txt", COINBASE_MARKET[:3])
    second = write(tmp_path / "2.txt", COINBASE_MARKET[3:])
    found = check_files([second, first])
    assert (found["problems"], found["book_updates"], found["trades"]) == ([], 4, 1)
