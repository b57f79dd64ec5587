"""Captures as people have them: each test is a kind of trouble from a public report, with inputs of its own.

Where ``../shared/cases`` is there, its small file of the same kind is tried as well.
"""

from __future__ import annotations

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
from tradecore.errors import DataError

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
    assert report(path)["problems"] == []


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
    assert (found["trades"], found["traded_qty"], found["duplicate_trades"], found["gaps"]) == (3, "6.000", 3, 0)
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
