"""Trouble that people reported in public, as far as rows of CSV files are concerned: how they are written, what they say."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import tradecore as tc
from conftest import cli_json
from tradecore.cli.app import main
from tradecore.data.check import check_files
from tradecore.data.exported import import_exported
from tradecore.data.exporters import export
from tradecore.data.layout import find_manifest
from tradecore.errors import DataError, GridError

START = 1_640_995_200_000_000
BOOK = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"
TRADES = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
USDM = "BTCUSDT.BINANCE_USDM"


def row(at: int, rest: str, *, symbol: str = "BTCUSDT", exchange: str = "binance-futures") -> str:
    """Return a row of a venue's time in us, received 100 us later."""
    return f"{exchange},{symbol},{START + at},{START + at + 100},{rest}"


def write(path: Path, header: str, *rows: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows, ""]))
    return path


def events(path: Path | list[Path], folder: Path, instrument: str | tc.Instrument = USDM) -> pl.DataFrame:
    """Import files and return what was stored of them."""
    tc.import_tardis(path, instrument, folder)
    return tc.Catalog(folder).scan(instrument if isinstance(instrument, str) else instrument.id).collect()


# --- how files are written ----------------------------------------------------------------------------------------


def quoted(text: str) -> str:
    return "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines())


WRITINGS: dict[str, Callable[[str], bytes]] = {
    "a byte order mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16, low byte first": lambda text: text.encode("utf-16"),
    "UTF-16, high byte first": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "quotes": lambda text: quoted(text).encode(),
    "semicolons": lambda text: text.replace(",", ";").encode(),
    "Excel's own line above the header": lambda text: b"sep=;\r\n" + text.replace(",", ";").encode(),
    "tabs": lambda text: text.replace(",", "\t").encode(),
    "bars": lambda text: text.replace(",", "|").encode(),
    "a header in capitals": lambda text: text.replace(BOOK, BOOK.upper()).encode(),
    "spaces": lambda text: text.replace(",", " , ").encode(),
    "words of Python": lambda text: text.replace("true", "True").replace("false", "False").encode(),
    "words of Excel": lambda text: text.replace("true", "TRUE").replace("false", "FALSE").encode(),
    "numbers for words": lambda text: text.replace("true", "1").replace("false", "0").encode(),
    "floats for times": lambda text: text.replace("00,1", "00.0,1").replace("00,true", "00.0,true").encode(),
    "carriage returns": lambda text: text.replace("\n", "\r").encode(),
    "carriage returns and line feeds": lambda text: text.replace("\n", "\r\n").encode(),
    "comments above the header": lambda text: b"# from the vendor\r\n#\n\n" + text.encode(),
    "the header again": lambda text: (text + text.splitlines()[0] + "\n").encode(),
    "blank lines": lambda text: ("\n" + text.replace("\n", "\n\n")).encode(),
    "rows of empty cells": lambda text: text.replace("\n", "\n,,,,,,,\n").encode(),
    "an index": lambda text: "".join(
        f"{'' if at == 0 else at - 1},{line}\n" for at, line in enumerate(text.splitlines())
    ).encode(),
    "gzip of UTF-16 with carriage returns": lambda text: gzip.compress(text.replace("\n", "\r").encode("utf-16")),
}


@pytest.mark.parametrize("rows", [3, 9_000])
@pytest.mark.parametrize("writing", WRITINGS)
def test_a_book_is_the_same_however_its_file_is_written(
    writing: str, rows: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    levels = [row(at, f"false,bid,60000.0,{1 + at % 7}") for at in range(1, rows)]
    plain = write(tmp_path / "plain.csv", BOOK, row(0, "true,bid,60000.0,1"), row(0, "true,ask,60000.1,1"), *levels)
    other = tmp_path / "other.csv"
    other.write_bytes(WRITINGS[writing](plain.read_text()))
    assert events(other, tmp_path / "other").equals(events(plain, tmp_path / "plain"))
    report = cli_json("data", "check", other, capsys=capsys)
    assert (report["ok"], report["instrument"], report["snapshots"]) == (True, USDM, 1)
    with pytest.raises(DataError, match="exchange binance-futures is venue BINANCE_USDM, expected BINANCE"):
        tc.import_tardis(other, "BTCUSDT.BINANCE", tmp_path / "wrong")


@pytest.mark.parametrize("name", ["bom", "pandas-bool", "quoted", "utf16", "semicolon", "cr-only"])
def test_the_reported_files_are_the_plain_one(name: str, cases: Path, tmp_path: Path) -> None:
    plain = events(cases / "16-plain.csv", tmp_path / "plain")
    assert events(cases / f"16-{name}.csv", tmp_path / "other").equals(plain)
    with pytest.raises(DataError, match="is venue BINANCE_USDM, expected BINANCE"):
        tc.import_tardis(cases / f"16-{name}.csv", "BTCUSDT.BINANCE", tmp_path / "wrong")


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (f"{TRADES}\n{row(0, '1,buy,60000.0,1')}\n".replace(",60000", ',"60000'), 2, "quoted cell that does not end"),
        (f"{TRADES}\n{row(0, '1,buy,60000.0,1')}\r{row(1, '2,buy,60000.0,1')}\n", 2, "control character"),
        (f"{TRADES}\n{BOOK}\n{row(0, '1,buy,60000.0,1')}\n", 2, "second header, with other columns"),
        (f"{TRADES}\n{row(0, '1,buy,60000.0,1,9')}\n", 2, "9 cells, expected 8"),
        (f"{TRADES.replace(',', ';')}\n{row(0, '1,buy,60000.0,1')}\n", 2, "1 cells, expected 8"),
        (f"{TRADES.replace('exchange', 'venue')}\n{row(0, '1,buy,60000.0,1')}\n", 1, "no column exchange"),
        (f"{TRADES}\n{row(0, '1,buy,60000.0,1', exchange='')}\n", 2, 'exchange: "" is not the name of an exchange'),
        (f"{TRADES}\n{row(0, '1,buy,60000.0,1', symbol='')}\n", 2, 'symbol: "" is not a symbol'),
        (
            f"{TRADES.replace(',', ';')}\n{row(0, '1,buy,60000.0,1').replace(',', ';').replace('.', ',')}\n",
            2,
            "60000,0",
        ),
    ],
)
def test_what_is_not_written_as_a_row_is_refused_with_its_place(
    text: str, line: int, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "trades.csv"
    path.write_text(text, newline="")
    with pytest.raises(DataError, match=problem) as caught:
        tc.import_tardis(path, USDM, tmp_path / "cat")
    assert (caught.value.source, caught.value.line) == (str(path), line)


def test_text_of_four_bytes_a_letter_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "trades.csv"
    path.write_text(f"{TRADES}\n{row(0, '1,buy,60000.0,1')}\n", encoding="utf-32")
    with pytest.raises(DataError, match="UTF-32"):
        tc.import_tardis(path, USDM, tmp_path / "cat")


@pytest.mark.parametrize("exchange", ["binance", "bybit", "okex-swap", "Binance", "elsewhere"])
def test_rows_of_another_exchange_are_refused_wherever_they_stand(exchange: str, tmp_path: Path) -> None:
    rows = [row(at, "1,buy,60000.0,1") for at in range(4)]
    rows[2] = row(2, "1,buy,60000.0,1", exchange=exchange)
    path = write(tmp_path / "trades.csv", TRADES, *rows)
    with pytest.raises(DataError, match="exchange") as caught:
        tc.import_tardis(path, USDM, tmp_path / "cat")
    assert caught.value.line == 4
    assert exchange in caught.value.problem


def test_a_header_alone_is_no_market_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quiet = write(tmp_path / "liquidations.csv", TRADES)
    assert main(["data", "check", str(quiet)]) != 0
    assert "a header and no rows" in capsys.readouterr().err
    assert main(["data", "check", str(quiet), "--instrument", USDM, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["problems"] == ["nothing recognised: a header and no rows"]
    with pytest.raises(DataError, match=f"holds no events of {USDM}: a header and no rows"):
        tc.import_tardis(quiet, USDM, tmp_path / "cat")
    # A quiet day beside others is none of anybody's concern, and the first that has rows tells the instrument.
    trades = write(tmp_path / "trades.csv", TRADES, row(0, "1,buy,60000.0,1"))
    report = cli_json("data", "check", quiet, trades, capsys=capsys)
    assert (report["ok"], report["instrument"], report["files_without_rows"]) == (True, USDM, 1)


# --- snapshots ----------------------------------------------------------------------------------------------------


def test_every_snapshot_stands_alone(tmp_path: Path) -> None:
    rows = []
    for step, mid in enumerate([1000, 1010, 1020, 990] * 30):
        rows += [row(step * 100, f"true,{side},{price}.0,3") for side, price in (("bid", mid - 1), ("ask", mid + 1))]
    path = write(tmp_path / "book.csv", BOOK, *rows)
    summary = tc.import_tardis(path, USDM, tmp_path / "cat")
    assert (summary["snapshots"], summary["bid_levels"], summary["ask_levels"]) == (120, 1, 1)
    assert (summary["best_bid"][0], summary["best_ask"][0]) == ("989.0", "991.0")
    assert summary["crossed"] == 0


def test_two_snapshots_received_at_once_are_told_by_the_venues_stamp(tmp_path: Path) -> None:
    def level(at: int, rest: str) -> str:
        return f"binance-futures,BTCUSDT,{START + at},{START + 500},{rest}"

    rows = [level(0, "true,bid,100.0,1"), level(0, "true,ask,101.0,1")]
    rows += [level(9, "true,bid,103.0,1"), level(9, "true,ask,104.0,1")]
    summary = tc.import_tardis(write(tmp_path / "book.csv", BOOK, *rows), USDM, tmp_path / "cat")
    assert (summary["snapshots"], summary["messages"], summary["crossed"]) == (2, 2, 0)
    assert (summary["bid_levels"], summary["ask_levels"], summary["best_bid"][0]) == (1, 1, "103.0")


def test_the_reported_snapshots_leave_the_last_book(cases: Path, tmp_path: Path) -> None:
    spec = tc.Instrument(
        "BTCUSDT.BITGET_FUTURES", kind="linear", base="BTC", quote="USDT", price_increment="0.1", qty_increment="1"
    )
    summary = tc.import_tardis(cases / "08-all-snapshots.csv", spec, tmp_path)
    assert (summary["best_bid"][0], summary["best_ask"][0]) == ("100.9", "101.1")
    assert (summary["bid_levels"], summary["ask_levels"]) == (2, 2)


# --- what a file holds --------------------------------------------------------------------------------------------

CHAIN = (
    "exchange,symbol,timestamp,local_timestamp,type,strike_price,expiration,open_interest,last_price,bid_price,"
    "bid_amount,bid_iv,ask_price,ask_amount,ask_iv,mark_price,mark_iv,underlying_index,underlying_price,delta,gamma,"
    "vega,theta,rho"
)
QUOTES = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount"
SNAPSHOTS = (
    "exchange,symbol,timestamp,local_timestamp,asks[0].price,asks[0].amount,bids[0].price,bids[0].amount,"
    "asks[1].price,asks[1].amount,bids[1].price,bids[1].amount"
)


def test_an_option_chain_is_refused_by_its_name(tmp_path: Path) -> None:
    rest = "call,60000,1723161600000000,,,,,,,,,,,,,,,,,"
    path = write(tmp_path / "OPTIONS.csv", CHAIN, row(0, rest, symbol="BTC-9AUG24-60000-C", exchange="deribit"))
    with pytest.raises(DataError, match=r"OPTIONS\.csv:1: options_chain is not read; take trades, quotes"):
        tc.import_tardis(path, USDM, tmp_path / "cat")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("binance-futures_liquidations_2022-01-01_BTCUSDT.csv", "liquidations"),
        ("Liquidation 1.csv", "liquidations"),
        ("liquidations/2022/01/01/BTCUSDT.csv", "liquidations"),
        ("liquidations/trades.csv", "trades"),
        ("my-trade.csv", "trades"),
    ],
)
def test_trades_and_liquidations_are_told_by_name_or_folder(name: str, kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / name, TRADES, row(0, "1,sell,60000.0,3"))
    summary = tc.import_tardis(path, USDM, tmp_path / "cat")
    assert summary["kinds"] == [kind]
    assert (summary["trades"], summary["liquidations"]) == ((1, 0) if kind == "trades" else (0, 1))


@pytest.mark.parametrize("name", ["data.csv", "trades and liquidations.csv"])
def test_what_could_be_liquidations_is_never_taken_for_trades(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / name, TRADES, row(0, ",sell,60000.0,3"))
    with pytest.raises(DataError, match="named after which of the two it holds"):
        tc.import_tardis(path, USDM, tmp_path / "cat")


SOURCES = {
    "incremental_book_L2": (BOOK, "true,bid,60000.0,1"),
    "book_snapshot_2": (SNAPSHOTS, "60000.1,1,60000.0,1,60000.2,1,59999.9,1"),
    "quotes": (QUOTES, "1,60000.1,60000.0,1"),
    "liquidations": (TRADES, "1,sell,60000.0,1"),
}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("incremental_book_L2", "book_snapshot_2"),
        ("book_snapshot_2", "book_snapshot_2"),
        ("quotes", "quotes"),
        ("liquidations", "liquidations"),
        ("incremental_book_L2", "incremental_book_L2"),
    ],
)
def test_two_sources_of_one_kind_are_refused_by_both_names(first: str, second: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"1 {first}.csv", tmp_path / f"2 {second}.csv"]
    for path, kind in zip(paths, (first, second), strict=True):
        header, rest = SOURCES[kind]
        write(path, header, *(row(at * 1_000, rest) for at in range(3)))
    for given in (paths, paths[::-1]):
        with pytest.raises(DataError, match="two sources of one kind") as caught:
            tc.import_tardis(given, USDM, tmp_path / "cat")
        assert all(path.name in str(caught.value) for path in paths)
    assert main(["data", "check", *map(str, paths)]) != 0
    assert not (tmp_path / "cat").exists()


def test_two_files_of_other_trades_at_one_time_are_two_sources(tmp_path: Path) -> None:
    first = write(tmp_path / "a_trades.csv", TRADES, *(row(at, f"{at},buy,60000.0,1") for at in range(9)))
    other = write(tmp_path / "b_trades.csv", TRADES, row(3, "900,sell,60000.0,1"))
    with pytest.raises(DataError, match=r"b_trades.*a_trades.*two sources"):
        tc.import_tardis([first, other], USDM, tmp_path / "cat")


def test_days_of_one_kind_follow_one_another_in_whatever_order_they_are_given(tmp_path: Path) -> None:
    day = 86_400_000_000
    paths = [
        write(
            tmp_path / f"{number}.csv",
            BOOK,
            row(number * day, f"true,bid,{60_000 + number}.0,1"),
            row(number * day, "true,ask,60100.0,1"),
            row(number * day + 5, "false,bid,59000.0,1"),
        )
        for number in range(3)
    ]
    summary = tc.import_tardis([paths[2], paths[0], paths[1]], USDM, tmp_path / "cat")
    assert (summary["snapshots"], summary["best_bid"][0], summary["bid_levels"]) == (3, "60002.0", 2)


def test_rows_of_other_symbols_are_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row(at, "1,buy,60000.0,1", symbol=symbol) for at, symbol in enumerate(["ETHUSDT", "XRPUSDT", "ETHUSDT"])]
    path = write(tmp_path / "trades.csv", TRADES, row(0, "7,buy,60000.0,1"), *rows)
    report = cli_json("data", "check", path, capsys=capsys)
    assert report["other_symbols"] == {"ETHUSDT": 2, "XRPUSDT": 1}
    assert report["problems"] == ["rows of other symbols are left out: ETHUSDT (2), XRPUSDT (1)"]
    assert main(["data", "import", "tardis", str(path), "--catalog", str(tmp_path / "cat")]) == 0
    assert "rows of other symbols were left out: ETHUSDT (2), XRPUSDT (1)" in capsys.readouterr().err
    others = [row(at, "1,buy,60000.0,1", symbol="XRPUSDT" if at % 2 else "BTCUSDT") for at in (1, 2, 3, 4, 5)]
    write(path, TRADES, *others)
    with pytest.raises(DataError, match=r"holds no events of ETH.*: its rows are of XRPUSDT \(3\), BTCUSDT \(2\)$"):
        tc.import_tardis(path, "ETHUSDT.BINANCE_USDM", tmp_path / "other")


def test_a_trade_of_nothing_is_none(tmp_path: Path) -> None:
    rows = [
        row(0, "a1,buy,60000.0,1"),
        row(1, ",sell,60000.0,0"),
        row(2, "a3,sell,,0.000"),
        row(3, "a4,sell,60000.0,2"),
    ]
    summary = tc.import_tardis(write(tmp_path / "trades.csv", TRADES, *rows), USDM, tmp_path / "cat")
    assert (summary["trades"], summary["empty_trades"], summary["traded_qty"]) == (2, 2, "3.000")


def test_the_reported_folder_is_read_without_what_does_not_belong(cases: Path, tmp_path: Path) -> None:
    names = ("incremental_book_L2", "trades", "liquidations", "other-symbol-trades")
    files = [cases / f"18-{name}.csv" for name in names]
    summary = tc.import_tardis(files, USDM, tmp_path / "cat")
    assert (summary["trades"], summary["liquidations"], summary["other_symbols"]) == (1, 1, {"ETHUSDT": 1})
    zero = tc.import_tardis(cases / "17-trade-zero-amount.csv", "XBTUSD.BITMEX", tmp_path / "zero")
    assert (zero["trades"], zero["empty_trades"]) == (2, 1)


# --- the same trade twice -----------------------------------------------------------------------------------------

UUID = "00000000-006d-1000-0000-{:012x}"


@pytest.mark.parametrize("form", ["{}", "T-{}", UUID])
def test_a_trade_counts_once_however_often_it_is_there(form: str, tmp_path: Path) -> None:
    trades = [row(at // 2, f"{form.format(at)},buy,60000.0,1") for at in range(100, 3_000)]
    again = {
        "a block once more": [*trades, *trades[500:900], *trades[-3:]],
        "the file in itself": [*trades, *trades],
        "sent again": [*trades[:50], row(25, f"{form.format(120)},buy,60000.0,1"), *trades[50:]],
    }
    plain = events(write(tmp_path / "trades.csv", TRADES, *trades), tmp_path / "plain")
    for number, rows in enumerate(again.values()):
        path = write(tmp_path / f"{number}-trades.csv", TRADES, *rows)
        folder = tmp_path / str(number)
        summary = tc.import_tardis(path, USDM, folder)
        assert summary["duplicate_trades"] == len(rows) - len(trades)
        assert tc.Catalog(folder).scan(USDM).collect().equals(plain)


@pytest.mark.parametrize("form", ["{}", ""])
def test_a_file_of_trades_that_is_named_twice_counts_once(form: str, tmp_path: Path) -> None:
    rows = [row(at // 3, f"{form.format(at)},buy,60000.0,{1 + at % 3}") for at in range(20_000)]
    book = write(tmp_path / "book.csv", BOOK, row(0, "true,bid,60000.0,1"), row(9, "false,bid,60000.0,2"))
    whole = write(tmp_path / "trades.csv", TRADES, *rows)
    parts = [
        write(tmp_path / "a-trades.csv", TRADES, *rows[:9_000]),
        write(tmp_path / "b-trades.csv", TRADES, *rows[6_000:]),
    ]
    plain = events([book, whole], tmp_path / "plain")
    for number, paths in enumerate([[whole, book, whole], [*parts, book], [*parts[::-1], book]]):
        summary = tc.import_tardis(paths, USDM, tmp_path / str(number))
        assert summary["duplicate_trades"] == (20_000 if number == 0 else 3_000)
        assert summary["trades"] == 20_000
        assert tc.Catalog(tmp_path / str(number)).scan(USDM).collect().equals(plain)


def test_equal_trades_without_an_id_are_one_only_in_one_message(tmp_path: Path) -> None:
    rows = [row(at, ",buy,60000.0,1") for at in (0, 0, 1, 1, 1, 2)] + [row(2, ",buy,60000.0,2")]
    summary = tc.import_tardis(write(tmp_path / "trades.csv", TRADES, *rows), USDM, tmp_path / "cat")
    assert (summary["trades"], summary["duplicate_trades"]) == (4, 3)


def test_check_tells_of_trades_that_are_there_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row(at, f"{at},buy,60000.0,1") for at in (1, 2, 3, 2)]
    report = cli_json("data", "check", write(tmp_path / "trades.csv", TRADES, *rows), capsys=capsys, code=1)
    assert (report["duplicate_trades"], report["unsorted"]) == (1, 0)
    assert report["problems"] == ["1 trade that had been there before"]


# --- increments ---------------------------------------------------------------------------------------------------


def test_a_side_of_best_prices_that_is_zero_is_empty(tmp_path: Path) -> None:
    header = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount"
    cells = ["1,60000.1,60000.0,2", "0,0,60000.0,2", ",,60000.0,2", "1,60000.1,0.0,0"]
    path = write(tmp_path / "quotes.csv", header, *(row(at, rest) for at, rest in enumerate(cells)))
    quotes = events(path, tmp_path / "cat")
    assert quotes["price"].to_list() == [6000000, 6000010, 6000000, 0, 6000000, 0, 0, 6000010]
    assert quotes["qty"].to_list() == [2000, 1000, 2000, 0, 2000, 0, 0, 1000]


NOTHING = ["", "nan", "NaN", "None", "null", "<NA>", "N/A", "\\N", "0", "0.0"]


@pytest.mark.parametrize("word", NOTHING)
def test_an_id_of_nothing_is_no_id_that_trades_share(word: str, tmp_path: Path) -> None:
    rows = [row(0, f"{word},buy,60000.0,1"), row(0, f"{word},buy,60000.0,2"), row(1, f"{word},buy,60000.0,1")]
    stored = events(write(tmp_path / "trades.csv", TRADES, *rows), tmp_path / "cat")
    assert (stored["qty"].to_list(), stored["id"].to_list()) == ([1000, 2000, 1000], [0, 0, 0])
    # What could be liquidations as well is asked for, whatever word stands for no id.
    if not word.startswith("0"):
        with pytest.raises(DataError, match="liquidations look like trades"):
            tc.import_tardis(write(tmp_path / "BTCUSDT.csv", TRADES, *rows), USDM, tmp_path / "no")


def test_an_id_that_pandas_made_a_float_is_the_same_number(tmp_path: Path) -> None:
    rows = [row(at, f"{id},buy,60000.0,1") for at, id in enumerate(["71", "72.0", "71.0", "72"])]
    path = write(tmp_path / "trades.csv", TRADES, *rows)
    assert events(path, tmp_path / "cat")["id"].to_list() == [71, 72]
    assert check_files(path)["duplicate_trades"] == 2


@pytest.mark.parametrize("word", ["nan", "None", "null"])
def test_cells_of_nothing_are_empty_whatever_program_wrote_them(word: str, tmp_path: Path) -> None:
    header = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount"
    path = write(tmp_path / "quotes.csv", header, row(0, f"{word},{word},60000.0,2"))
    assert events(path, tmp_path / "quotes")["qty"].to_list() == [2000, 0]
    header = (
        "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,predicted_funding_rate,open_interest,"
        "last_price,index_price,mark_price"
    )
    path = write(tmp_path / "ticker.csv", header, row(0, f"{word},{word},{word},{word},{word},{word},60000.1"))
    assert events(path, tmp_path / "ticker")["kind"].to_list() == [int(tc.EventKind.MARK)]


def test_a_row_without_a_receipt_is_refused_for_that(tmp_path: Path) -> None:
    path = write(tmp_path / "trades.csv", TRADES, f"binance-futures,BTCUSDT,{START},,1,buy,60000.0,1")
    with pytest.raises(DataError, match='local_timestamp: "" is not'):
        tc.import_tardis(path, USDM, tmp_path / "cat")


@pytest.mark.parametrize("form", ["{}", "T-{}", "{}-x", UUID])
def test_ids_of_trades_stay_apart_as_numbers(form: str, tmp_path: Path) -> None:
    """So that what is exported comes back, equal trades of other names among it."""
    rows = [row(0, f"{form.format(at)},buy,60000.1,1") for at in (11, 12, 13)]
    stored = events(write(tmp_path / "trades.csv", TRADES, *rows), tmp_path / "cat")
    assert stored["id"].n_unique() == 3
    (out,) = export(tmp_path / "cat", USDM, tmp_path / "out.csv", form="csv")
    import_exported(out, tmp_path / "back", USDM)
    assert tc.Catalog(tmp_path / "back").scan(USDM).collect().equals(stored)


def levels(path: Path, rows: list[tuple[str, str]], symbol: str = "PEPEUSDT", exchange: str = "binance") -> Path:
    """Write a book of bids: the first level is the snapshot."""
    text = [f"{'false' if at else 'true'},bid,{price},{qty}" for at, (price, qty) in enumerate(rows)]
    return write(path, BOOK, *(row(at, rest, symbol=symbol, exchange=exchange) for at, rest in enumerate(text)))


@pytest.mark.parametrize(
    ("rows", "price", "qty"),
    [
        ([("0.00000880", "28367292769"), ("0.00000881", "12500000000")], "0.00000001", "1"),
        ([("0.000000001234", "5000000000"), ("0.000000001235", "7000000000")], "0.000000000001", "1000000000"),
        ([("1.234e-9", "5e9"), ("0.000000001235", "1")], "0.000000000001", "1"),
        ([("60000.5", "0.001"), ("60001.0", "400000000000.002")], "0.5", "0.001"),
        ([("1e-17", "0.5"), ("3e-17", "250000000000000000")], "0.00000000000000001", "0.5"),
        ([("1000000000000000", "1"), ("1000000000000500", "0.00000000000000001")], "500", "0.00000000000000001"),
        ([("0.1", "1"), *[("0.1", str(10**k)) for k in range(14)], ("0.1", "0.125")], "0.1", "0.125"),
    ],
)
def test_a_grid_is_found_for_numbers_of_any_size(
    rows: list[tuple[str, str]], price: str, qty: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = levels(tmp_path / "book.csv", rows)
    report = cli_json("data", "check", path, capsys=capsys)
    assert (report["ok"], report["bid_levels"]) == (True, len({Decimal(price) for price, _ in rows}))
    assert Decimal(report["best_bid"][0]) == max(Decimal(price) for price, _ in rows)
    words = ("data", "import", "tardis", path, "--infer", "--kind", "spot", "--catalog", tmp_path / "cat")
    spec = cli_json(*words, capsys=capsys)["inferred"]
    assert (Decimal(spec["price_increment"]), Decimal(spec["qty_increment"])) == (Decimal(price), Decimal(qty))
    stored = tc.Catalog(tmp_path / "cat").scan("PEPEUSDT.BINANCE").filter(pl.col("kind") == 1).collect()
    grid = (Decimal(spec["price_increment"]), Decimal(spec["qty_increment"]))
    told = [(steps * grid[0], count * grid[1]) for steps, count in stored["price", "qty"].iter_rows()]
    assert told == [(Decimal(price), Decimal(qty)) for price, qty in rows]


def test_what_no_increment_holds_is_refused_with_both_numbers(tmp_path: Path) -> None:
    path = levels(tmp_path / "book.csv", [("0.00000000000000001", "1"), ("100", "1")])
    for words in (["check"], ["import", "tardis", "--infer", "--kind", "spot", "--catalog", str(tmp_path / "cat")]):
        assert main(["data", *words, str(path)]) != 0
    with pytest.raises(GridError, match=r"no increment holds both 0\.00000000000000001 and 100\b.*Leave out"):
        check_files(path)


def test_a_number_of_too_many_decimals_is_refused_for_them(tmp_path: Path) -> None:
    path = levels(tmp_path / "book.csv", [("100.00000000000000000001", "1")])
    with pytest.raises(GridError, match=r"price: 100\.00000000000000000001 has 20 decimals, at most 18 are counted$"):
        check_files(path)


@pytest.mark.parametrize("name", ["06-huge-quantity-tardis.csv", "07-tiny-price.csv"])
def test_the_reported_numbers_are_read(
    name: str, cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = cli_json("data", "check", cases / name, capsys=capsys)
    assert report["ok"]
    assert report["messages"] == 2
    words = ("data", "import", "tardis", cases / name, "--infer", "--kind", "spot", "--catalog", tmp_path)
    assert cli_json(*words, capsys=capsys)["events"] == 4
    if name.startswith("06"):
        words = ("data", "import", "tardis", cases / name, "--specs", cases / "06-specs.toml", "--catalog")
        summary = cli_json(*words, tmp_path / "own", capsys=capsys)
        assert (summary["best_bid"], summary["best_ask"]) == (
            ["0.00000880", "30000000000"],
            ["0.00000881", "12500000000"],
        )


def spec_of(path: Path, symbol: str, **fields: str) -> Path:
    lines = [f'id = "{symbol}"', 'kind = "spot"', 'base = "DOGE"', 'quote = "USDT"']
    path.write_text(
        "\n".join(["[[instruments]]", *lines, *(f'{key} = "{value}"' for key, value in fields.items()), ""])
    )
    return path


def test_a_trade_off_the_lot_names_the_increment_that_holds_the_day(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trades = [row(at, f"{at},buy,0.2200{at % 3},{qty}") for at, qty in enumerate(["150.5", "0.04", "12.1", "7.125"])]
    path = write(tmp_path / "trades.csv", TRADES, *trades)
    specs = spec_of(tmp_path / "specs.toml", USDM, price_increment="0.00001", qty_increment="0.1")
    words = ["data", "import", "tardis", str(path), "--specs", str(specs), "--catalog", str(tmp_path / "cat")]
    assert main(words) != 0
    said = capsys.readouterr().err
    assert "trades.csv:3: amount: 0.04 is not a multiple of 0.1" in said
    assert 'qty_increment = "0.001", lot_size = "0.1"' in said
    assert "price_increment" not in said
    # As it says.
    spec_of(specs, USDM, price_increment="0.00001", qty_increment="0.001", lot_size="0.1")
    summary = cli_json(*words, capsys=capsys)
    assert (summary["trades"], summary["traded_qty"]) == (4, "169.765")


def test_an_increment_that_is_too_fine_names_one_that_is_not(tmp_path: Path) -> None:
    path = levels(tmp_path / "book.csv", [("0.5", "28367292769"), ("0.6", "12500000000")], exchange="binance-futures")
    path.write_text(path.read_text().replace("PEPEUSDT", "BTCUSDT"))
    spec = tc.Instrument(
        USDM, kind="spot", base="PEPE", quote="USDT", price_increment="0.1", qty_increment="0.00000001"
    )
    with pytest.raises(GridError, match=r"28367292769 is 2\^60 steps of 0\.00000001 or more.*qty_increment = \"1\""):
        tc.import_tardis(path, spec, tmp_path / "cat")


def test_the_reported_dust_is_named_or_kept(cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["data", "import", "tardis", str(cases / "34-off-lot-trade.csv"), "--catalog", str(tmp_path / "cat")]
    assert main([*words, "--specs", str(cases / "34-specs.toml")]) != 0
    assert 'qty_increment = "0.01", lot_size = "0.1"' in capsys.readouterr().err
    assert cli_json(*words, "--infer", "--kind", "spot", capsys=capsys)["trades"] == 3


# --- pipes --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_refused_before_anything_waits_for_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = tmp_path / "trades.csv"
    os.mkfifo(pipe)
    words = [["check", pipe], *(["import", form, pipe, "--catalog", tmp_path / "c"] for form in ("tardis", "tables"))]
    for given in words:
        assert main(["data", *map(str, given)]) != 0
        assert f"{pipe}: is a pipe or a device, which cannot be read twice" in capsys.readouterr().err
    with pytest.raises(DataError, match="expected a file"):
        tc.import_tardis(pipe, USDM, tmp_path / "c")


@pytest.mark.parametrize("given", ["https://data.example/BTCUSDT.zip", "s3://bucket/trades.csv", "file:///tmp/a.csv"])
def test_an_address_is_no_file(given: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["check", given], ["import", "tables", given, "--catalog", str(tmp_path / "c")]):
        assert main(["data", *words]) == 2
        told = f"{given.replace(':///', '://')}: is an address, and nothing is fetched: download it"
        assert told in capsys.readouterr().err


# --- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("symbol", ["..", ".", "../..", "..\\..", "a/b", "~", "CON", "x" * 100])
@pytest.mark.parametrize("exchange", ["nowhere", "con"])
def test_no_name_leads_out_of_the_catalog(symbol: str, exchange: str, tmp_path: Path) -> None:
    name = f"{symbol}.{exchange.upper()}"
    path = levels(tmp_path / "in.csv", [("1", "1"), ("2", "1")], symbol=symbol, exchange=exchange)
    before = set(tmp_path.rglob("*"))
    spec = tc.Instrument(name, kind="spot", base="A", quote="B", price_increment="1", qty_increment="1")
    catalog = tmp_path / "deep" / "cat"
    summary = tc.import_tardis(path, spec, catalog)
    assert summary["level_updates"] == 2
    assert tc.Catalog(catalog).instruments() == (spec.id,)
    written = [made for made in set(tmp_path.rglob("*")) - before if made.is_file()]
    assert written
    assert all(catalog in made.parents for made in written)
    assert all(part not in ("..", ".") for made in written for part in made.relative_to(catalog).parts)


def test_a_symbol_of_dots_reads_no_manifest_from_above_its_folder(tmp_path: Path) -> None:
    (tmp_path / "NOWHERE").mkdir()
    (tmp_path / "instrument.json").write_text("{}")
    assert find_manifest(tmp_path, "...NOWHERE") is None
    assert find_manifest(tmp_path, "..NOWHERE") is None


# --- stamps of event arrays ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
@pytest.mark.parametrize("venue_unit", [1, 10**6])
def test_stamps_of_arrays_are_told_by_their_size(unit: int, venue_unit: int, tmp_path: Path) -> None:
    rows = 5
    data = np.zeros(rows, [("ev", "u8"), ("exch_ts", "i8"), ("local_ts", "i8"), ("px", "f8"), ("qty", "f8")])
    start = START * 1_000
    data["ev"] = 1 << 31 | 1 << 30 | 1 << 29 | 2
    data["exch_ts"] = (start + np.arange(rows) * 1_000_000_000) // venue_unit
    data["local_ts"] = (start + np.arange(rows) * 1_000_000_000) // unit
    data["px"], data["qty"] = 60_000.0, 1.0
    np.savez(tmp_path / "day.npz", data=data)
    summary = tc.import_hftbacktest(tmp_path / "day.npz", USDM, tmp_path / "cat")
    assert (summary["first_ts_recv"], summary["last_ts_recv"]) == (start, start + 4_000_000_000)
    assert summary["min_latency_ns"] == 0


def test_a_trade_of_nothing_in_an_array_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = np.zeros(3, [("ev", "u8"), ("exch_ts", "i8"), ("local_ts", "i8"), ("px", "f8"), ("qty", "f8")])
    data["ev"], data["px"], data["qty"] = 1 << 31 | 1 << 30 | 1 << 29 | 2, 60_000.0, [1, 0, 2]
    data["exch_ts"] = data["local_ts"] = START * 1_000 + np.arange(3)
    np.savez(tmp_path / "day.npz", data=data)
    report = cli_json("data", "check", tmp_path / "day.npz", "--instrument", USDM, capsys=capsys)
    assert (report["trades"], report["traded_qty"], report["empty_trades"]) == (2, "3.000", 1)
    assert report["notes"] == ["left out: 1 trade without price or size"]
    assert tc.import_hftbacktest(tmp_path / "day.npz", USDM, tmp_path / "cat")["empty_trades"] == 1
    assert tc.Catalog(tmp_path / "cat").trades(USDM).collect()["qty"].to_list() == [1, 2]


def test_a_trade_at_no_price_is_none(tmp_path: Path) -> None:
    data = np.zeros(2, [("ev", "u8"), ("exch_ts", "i8"), ("local_ts", "i8"), ("px", "f8"), ("qty", "f8")])
    data["ev"], data["px"], data["qty"] = 1 << 31 | 1 << 30 | 1 << 29 | 2, [0.0, 60_000.0], 1.0
    data["exch_ts"] = data["local_ts"] = START * 1_000
    np.savez(tmp_path / "day.npz", data=data)
    summary = tc.import_hftbacktest(tmp_path / "day.npz", USDM, tmp_path / "array")
    assert (summary["trades"], summary["empty_trades"]) == (1, 1)
    path = tmp_path / "day.csv"
    rows = [f"{START * 1_000},{START * 1_000},trade,1,1,{price},1,0" for price in ("0", "60000.0")]
    path.write_text("\n".join(["ts_event,ts_recv,kind,side,flags,price,qty,id", *rows, ""]))
    summary = import_exported(path, tmp_path / "text", USDM)
    assert (summary["trades"], summary["empty_trades"]) == (1, 1)
    assert tc.Catalog(tmp_path / "text").bars(USDM, "1m").collect()["low"].to_list() == [60_000.0]


def test_an_archive_of_several_arrays_has_one_called_data(tmp_path: Path) -> None:
    data = np.zeros(1, [("ev", "u8"), ("exch_ts", "i8"), ("local_ts", "i8"), ("px", "f8"), ("qty", "f8")])
    data["ev"], data["px"], data["qty"] = 1 << 31 | 1 << 30 | 1 << 29 | 2, 60_000.0, 1.0
    data["exch_ts"] = data["local_ts"] = START * 1_000
    np.savez(tmp_path / "parts.npz", first=data, second=data)
    with pytest.raises(DataError, match="holds several arrays and none called data: first, second; write each"):
        tc.import_hftbacktest(tmp_path / "parts.npz", USDM, tmp_path / "cat")
    np.savez(tmp_path / "day.npz", data=data, notes=np.zeros(3))
    assert tc.import_hftbacktest(tmp_path / "day.npz", USDM, tmp_path / "cat")["trades"] == 1


def test_a_receipt_a_day_from_the_venues_stamp_is_refused_with_both(tmp_path: Path) -> None:
    data = np.zeros(2, [("ev", "u8"), ("exch_ts", "i8"), ("local_ts", "i8"), ("px", "f8"), ("qty", "f8")])
    data["ev"], data["px"], data["qty"] = 1 << 31 | 1 << 30 | 1 << 29 | 2, 60_000.0, 1.0
    data["exch_ts"] = START * 1_000
    data["local_ts"] = [START * 1_000, START * 1_000 + 86_400_000_000_001]
    np.savez(tmp_path / "day.npz", data=data)
    with pytest.raises(DataError, match=r"received 2022-01-02 00:00:00\.\d+, but .* 2022-01-01 00:00:00") as caught:
        tc.import_hftbacktest(tmp_path / "day.npz", USDM, tmp_path / "cat")
    assert caught.value.line == 2


@pytest.mark.parametrize("by", [90_000_000_000, -90_000_000_000])
def test_a_trade_received_a_day_from_its_stamp_is_refused_and_old_levels_are_not(tmp_path: Path, by: int) -> None:
    late = row(0, "1,buy,60000,0.5").replace(str(START), str(START - by), 1)
    path = write(tmp_path / "trades.csv", TRADES, late)
    with pytest.raises(
        DataError, match=r"received 2022-01-01 00:00:00\.\d+, but the venue stamped the row 202\d-\d\d-"
    ):
        events(path, tmp_path)
    level = row(0, "true,bid,60000,0.5").replace(str(START), str(START - by), 1)
    path = write(tmp_path / "book.csv", BOOK, level)
    if by > 0:
        assert events(path, tmp_path).height == 2
    else:
        with pytest.raises(DataError, match="more than a day apart; timestamp and local_timestamp count us since 1970"):
            events(path, tmp_path)


@pytest.mark.parametrize("unknown", ["0", "0.0", ""])
def test_a_row_without_a_time_of_the_venue_is_of_its_receipt(unknown: str, tmp_path: Path) -> None:
    for header, rest in ((BOOK, "true,bid,60000,0.5"), (TRADES, "1,buy,60000,0.5")):
        path = write(tmp_path / "file.csv", header, row(0, rest).replace(f",{START},", f",{unknown},", 1))
        frame = events(path, tmp_path / rest[:1])
        assert set(frame["ts_event"]) == set(frame["ts_recv"]) == {(START + 100) * 1_000}


def test_a_row_of_any_table_received_a_day_from_its_stamp_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(f"px,sz,t,r\n1,2,{START},{START}\n1,2,{START},{START + 86_400_000_001}\n")
    with pytest.raises(
        DataError, match=r"received 2022-01-02 .* a day apart; the times of a row count s, ms, us"
    ) as caught:
        tc.import_tables(path, USDM, tmp_path / "cat", columns="price=px,amount=sz,time=t,recv=r")
    assert caught.value.line == 3
