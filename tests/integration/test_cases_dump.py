"""Files as venues and vendors hand them out: packed, in official dumps, in columns of any name."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import tradecore as tc
from tradecore.cli import main
from tradecore.data.check import check_files
from tradecore.errors import DataError, InvalidValueError

USDM = "BTCUSDT.BINANCE_USDM"
START = 1_723_075_200_000
"""2024-08-08 in ms."""


# --- packed files -------------------------------------------------------------------------------------------------


def unknown(instrument: str) -> tc.Instrument:
    """An instrument nobody has described, on a grid that is fine enough."""
    return tc.Instrument(
        instrument, kind="linear", base="A", quote="B", price_increment="0.00000001", qty_increment="0.00000001"
    )


def zipped(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members:
            archive.writestr(name, text)
    return buffer.getvalue()


def zstd(text: bytes) -> bytes:
    """A frame of stored blocks, as no library of Python's own makes one."""
    pieces = [text[at : at + 100_000] for at in range(0, len(text), 100_000)]
    blocks = [
        (len(piece) << 3 | (number == len(pieces))).to_bytes(3, "little") + piece
        for number, piece in enumerate(pieces, start=1)
    ]
    return b"\x28\xb5\x2f\xfd\xa0" + len(text).to_bytes(4, "little") + b"".join(blocks)


PACKS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zip": lambda text: zipped(("inside.csv", text)),
    "zst": zstd,
    "xz": lzma.compress,
    "gz.zip": lambda text: zipped(("inside.csv.gz", gzip.compress(text))),
}


def tardis_trades(rows: int, first: int = 0) -> bytes:
    lines = ["exchange,symbol,timestamp,local_timestamp,id,side,price,amount"]
    for i in range(first, first + rows):
        at = START * 1_000 + i * 1_000
        lines.append(f"binance-futures,BTCUSDT,{at},{at + 700},{i + 1},{'buy' if i % 2 else 'sell'},60000.{i % 10},0.5")
    return ("\n".join(lines) + "\n").encode()


def capture(rows: int) -> bytes:
    frames = (
        f'{START}000700 {{"e":"trade","E":{START},"T":{START},"s":"BTCUSDT","t":{i},"p":"60000.1","q":"0.5",'
        f'"X":"MARKET","m":true}}\n'
        for i in range(1, rows + 1)
    )
    return "".join(frames).encode()


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("name", ["trades.csv", "trades.csv.gz", "trades.bin"])
def test_what_a_file_is_packed_with_is_told_by_its_bytes(tmp_path: Path, pack: str, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(PACKS[pack](tardis_trades(7)))
    assert check_files(path)["trades"] == 7
    assert tc.import_tardis(path, USDM, tmp_path / "market")["trades"] == 7
    path.write_bytes(PACKS[pack](capture(5)))
    assert check_files(path)["trades"] == 5
    assert tc.import_binance_ws(path, USDM, tmp_path / "captured")["trades"] == 5


def test_each_member_of_an_archive_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "days.zip"
    path.write_bytes(
        zipped(
            ("a/trades-1.csv", tardis_trades(4)),
            ("a/trades-2.csv.gz", gzip.compress(tardis_trades(3, first=4))),
            ("README.md", b"words"),
            ("__MACOSX/a/._trades-1.csv", b"\0\5\26\7"),
        )
    )
    assert tc.import_tardis(path, USDM, tmp_path / "market")["trades"] == 7


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (zipped(), "the zip archive holds no file"),
        (
            zipped(("a.png", b"1"), ("b.pdf", b"2")),
            "no member of the zip archive is a table or a recording: a.png, b.pdf",
        ),
        (zipped(("a.csv", tardis_trades(900)))[:4_000], "the zip archive is cut off or damaged: "),
        (gzip.compress(tardis_trades(900), mtime=0)[:4_000], "the gzip stream is cut off"),
        (lzma.compress(tardis_trades(900))[:900], "the xz stream is cut off"),
        (zstd(tardis_trades(9_000))[:200_000], "the zstd stream is cut off"),
        (zipped(("a.zip", zipped(("a.csv", tardis_trades(1))))), "a zip archive inside of another stream is not read"),
        (gzip.compress(b"", mtime=0)[:6], "the gzip stream is cut off"),
        (b"", "the file is empty"),
        (gzip.compress(b"", mtime=0), "the file is empty"),
    ],
)
def test_what_is_cut_or_damaged_is_an_error_at_its_place(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "trades.csv.gz"
    path.write_bytes(content)
    for read in (check_files, lambda path: tc.import_tardis(path, USDM, tmp_path / "market")):
        with pytest.raises(DataError, match=problem) as caught:
            read(path)
        assert caught.value.source.startswith(str(path))
        assert caught.value.line >= 1
    assert not (tmp_path / "market").exists() or tc.Catalog(tmp_path / "market").instruments() == ()


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        (
            bz2.compress(b"a,b\n"),
            "is packed with bzip2, which is not read; unpack it, or pack it with gzip, zip, zstd or xz",
        ),
        (b"7z\xbc\xaf\x27\x1c\0\4", "is packed with 7-Zip"),
        (b"Rar!\x1a\x07\1\0", "is packed with RAR"),
        (b"\x04\x22\x4d\x18@@", "is packed with LZ4"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is a workbook of Excel, which is not read; write it as CSV or Parquet"),
        (b"\x89HDF\r\n\x1a\n", "is a file of HDF5"),
        (b"ARROW1\0\0", r"is a file of Arrow \(Feather\)"),
        (b"SQLite format 3\0", "is a database of SQLite"),
        (b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>', "is a page of HTML or XML, such as a server"),
        (b"<!DOCTYPE html>\n<html></html>\n", "is a page of HTML or XML"),
        (b"<HTML><body>404</body></HTML>", "is a page of HTML or XML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "is a pointer of Git LFS"),
    ],
)
def test_what_is_not_read_is_called_by_its_name(tmp_path: Path, head: bytes, problem: str) -> None:
    path = write(tmp_path, "trades.csv", head)
    for read in (lambda: check_files(path), lambda: tc.import_tardis(path, USDM, tmp_path / "cat")):
        with pytest.raises(DataError, match=rf"trades\.csv:1: {problem}"):
            read()


def test_a_method_of_zip_that_is_not_read_is_called_by_its_name(tmp_path: Path) -> None:
    for method, name in ((zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "LZMA")):
        path = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("trades.csv", tardis_trades(10))
        with pytest.raises(DataError, match=f"is packed in the zip archive with {name}, which is not read; unpack it"):
            check_files(path)


def test_columns_may_be_called_with_angles(tmp_path: Path) -> None:
    path = write(tmp_path, "ticks.csv", "<TIME>,<LAST>,<VOLUME>\n1723075200101,60000.1,0.5\n")
    report = check_files(path, USDM, columns="time=<TIME>,price=<LAST>,amount=<VOLUME>")
    assert (report["trades"], report["failed"]) == (1, False)


def test_the_line_where_a_stream_breaks_is_named(tmp_path: Path) -> None:
    text = tardis_trades(20_000)
    path = tmp_path / "trades.csv"
    path.write_bytes(zstd(text)[:500_000])
    with pytest.raises(DataError, match="cut off") as caught:
        tc.import_tardis(path, USDM, tmp_path / "market")
    assert 5_000 < caught.value.line < 20_000


# --- official dumps -----------------------------------------------------------------------------------------------


SPOT = "BTCUSDT.BINANCE"
AGG_HEADER = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n"


def events(folder: Path, name: str) -> Any:
    rows = pl.read_parquet(folder).with_columns(id=pl.concat_str("symbol", "venue", separator="."), number="id")
    return rows.filter(pl.col("id") == name)


def agg_trades(rows: int, first: int = 1, header: bool = True) -> str:
    body = "".join(
        f"{i},60000.{i % 10},0.004,{2 * i},{2 * i + 1},{START + 10 * i},{'true' if i % 2 else 'false'}\n"
        for i in range(first, first + rows)
    )
    return (AGG_HEADER if header else "") + body


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("above", ["\n", "  \r\n\n", "sep=,\r\n"])
def test_lines_above_a_table_and_empty_rows_in_it_say_nothing(tmp_path: Path, header: bool, above: str) -> None:
    text = agg_trades(3, header=header)
    plain = write(tmp_path / "plain", "BTCUSDT-aggTrades-2024-08-08.csv", text)
    written = write(tmp_path, "BTCUSDT-aggTrades-2024-08-08.csv", above + text + ",,,,,,\n")
    for path in (plain, written):
        tc.import_tables(path, USDM, path.parent / "market", assume_latency="1ms")
    assert events(tmp_path / "market", USDM).equals(events(tmp_path / "plain" / "market", USDM))
    header_alone = write(tmp_path, "BTCUSDT-aggTrades-2024-08-09.csv", above + AGG_HEADER)
    assert check_files(header_alone)["problems"] == ["nothing recognised: a header and no rows"]


@pytest.mark.parametrize("header", [True, False])
def test_aggregated_trades_of_binance_come_in_with_a_stated_latency(tmp_path: Path, header: bool) -> None:
    inner = ("BTCUSDT-aggTrades-2024-08-08.csv", agg_trades(9, header=header).encode())
    path = write(tmp_path, "BTCUSDT-aggTrades-2024-08-08.zip", zipped(inner))
    report = check_files(path)
    assert (report["instrument"], report["ok"], report["receive_times"]) == (USDM, True, "missing")
    with pytest.raises(DataError, match=r"assume_latency='10ms' \(--assume-latency 10ms\)"):
        tc.import_tables(path, USDM, tmp_path / "market")
    summary = tc.import_tables(path, USDM, tmp_path / "market", assume_latency="10ms")
    assert (summary["trades"], summary["receive_times"], summary["assumed_latency_ns"]) == (9, "assumed", 10_000_000)
    rows = events(tmp_path / "market", USDM)
    assert set((rows["ts_recv"] - rows["ts_event"]).to_list()) == {10_000_000}
    assert rows["side"].to_list() == [-1, 1, -1, 1, -1, 1, -1, 1, -1]
    assert rows["number"].to_list() == list(range(1, 10))


def test_spot_trades_are_told_by_their_shape_and_microseconds_by_their_size(tmp_path: Path) -> None:
    for folder, unit in (("ms", 1), ("us", 1_000)):
        text = "".join(
            f"{i},94000.01000000,0.00120000,112.80001200,{(1_735_689_600_123 + i) * unit},True,True\n" for i in range(5)
        )
        path = write(tmp_path / folder, "BTCUSDT-trades-2025-01-01.csv", text)
        assert check_files(path)["instrument"] == SPOT
        tc.import_tables(path, SPOT, tmp_path / folder / "market", assume_latency="5ms")
    stamps = [events(tmp_path / folder / "market", SPOT)["ts_event"].to_list() for folder in ("ms", "us")]
    assert stamps[0] == stamps[1]
    assert stamps[0][0] == 1_735_689_600_123_000_000


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("BTCUSDT-trades-2024-08-08.csv", "1,60000.1,0.004,240.0004,1723075200101,true", USDM),
        ("BTCUSDT_240927-trades-2024-08-08.csv", "1,60000.1,0.004,240.0,1723075200101,true", "BTCUSDT_240927.BINANCE_USDM"),
        ("BTCUSD_PERP-trades-2024-08-08.csv", "1,60000.1,4,0.0066,1723075200101,true", "BTCUSD_PERP.BINANCE_COINM"),
        ("BTCUSD_240927-aggTrades-2024-08-08.csv", "1,60000.1,4,1,1,1723075200101,true", "BTCUSD_240927.BINANCE_COINM"),
        ("BTCUSDT-aggTrades-2024-08-08.csv", "1,60000.1,4,1,1,1723075200101,true,true", SPOT),
        ("BTCUSDT-bookTicker-2024-03-01.csv", "9,60000.0,1.5,60000.1,2.25,1723075200100,1723075200103", USDM),
        ("币安USDT-aggTrades-2026-01-01.csv", "1,6.1,4,1,1,1767225600000,true", "币安USDT.BINANCE_USDM"),
    ],
)  # fmt: skip
def test_kind_and_market_are_told_by_name_and_shape(tmp_path: Path, name: str, row: str, expected: str) -> None:
    report = check_files(write(tmp_path, name, row + "\n"))
    assert (report["instrument"], report["ok"], report["events"] > 0) == (expected, True, True)


def test_a_market_that_cannot_be_told_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.csv", agg_trades(3))
    with pytest.raises(DataError, match="neither rows nor name say the symbol; say which with --instrument"):
        check_files(path)
    assert check_files(path, USDM)["trades"] == 3
    for other, problem in (
        ("BTCUSDT.BYBIT", "Binance futures aggTrades are of venue BINANCE_USDM or BINANCE_COINM, expected BYBIT"),
        (SPOT, "are of venue BINANCE_USDM or BINANCE_COINM, expected BINANCE"),
    ):
        with pytest.raises(DataError, match=problem):
            check_files(
                path,
                tc.Instrument(
                    other, kind="spot", base="BTC", quote="USDT", price_increment="0.1", qty_increment="0.001"
                ),
            )
    named = write(tmp_path, "ETHUSDT-aggTrades-2024-08-08.csv", agg_trades(3))
    with pytest.raises(DataError, match="it is named after ETHUSDT, expected BTCUSDT"):
        check_files(named, USDM)


def test_best_prices_keep_both_stamps_and_never_go_back(tmp_path: Path) -> None:
    text = (
        "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n"
        f"10,60000.0,1.500,60000.1,2.250,{START},{START + 3}\n"
        f"12,60000.0,1.000,60000.1,2.250,{START + 5},{START + 6}\n"
        f"11,59999.9,1.000,60000.1,2.250,{START + 4},{START + 7}\n"
        f"13,0,0,60000.1,2.250,{START + 8},{START + 9}\n"
    )
    path = write(tmp_path, "BTCUSDT-bookTicker-2024-03-01.csv", text)
    summary = tc.import_tables(path, USDM, tmp_path / "market", assume_latency="1ms")
    assert (summary["quotes"], summary["duplicates"], summary["best_bid"]) == (3, 1, None)
    rows = events(tmp_path / "market", USDM)
    assert (rows["ts_recv"] - rows["ts_event"]).to_list() == [4_000_000, 4_000_000] + [2_000_000] * 4


T_DEPTH = "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu\n"


def t_depth(updates: list[tuple[int, int, int, int, str]]) -> str:
    return T_DEPTH + "".join(
        f"BTCUSDT,{START + at},{first},{last},{level.replace(' ', ',')},{previous}\n"
        for at, first, last, previous, level in updates
    )


def test_snapshots_and_updates_of_t_depth_make_a_book(tmp_path: Path) -> None:
    snapshot = t_depth([(0, 0, 100, -1, "b snap 60000.0 1.5"), (0, 0, 100, -1, "a snap 60000.1 2")])
    update = t_depth(
        [
            (-5, 90, 95, 89, "b set 59990.0 9"),
            (1, 99, 105, 95, "b set 60000.0 0"),
            (1, 99, 105, 95, "b set 59999.9 3"),
            (2, 106, 108, 105, "a set 60000.1 0.5"),
            (3, 110, 111, 109, "a set 60000.1 0.7"),
            (4, 112, 113, 111, "a set 60000.2 0.7"),
        ]
    )
    files = [
        write(tmp_path, "BTCUSDT_T_DEPTH_2024-08-08_depth_update.csv", update),
        write(tmp_path, "BTCUSDT_T_DEPTH_2024-08-08_depth_snap.csv", snapshot),
    ]
    report = check_files(files)
    assert (report["snapshots"], report["book_updates"], report["gaps"], report["skipped"]) == (1, 2, 1, 2)
    assert "1 gap in" in report["problems"][0]
    whole = write(tmp_path, "whole.csv", "".join(update.splitlines(keepends=True)[:5]))
    summary = tc.import_tables([whole, files[1]], USDM, tmp_path / "market", assume_latency="10ms")
    assert (summary["best_bid"], summary["best_ask"]) == (["59999.9", "3.000"], ["60000.1", "0.500"])
    with pytest.raises(DataError, match="no snapshot goes with its"):
        tc.import_tables(whole, USDM, tmp_path / "other", assume_latency="10ms")
    started = tc.import_tables(whole, USDM, tmp_path / "other", assume_latency="10ms", start="empty")
    assert started["book_updates"] == 3


def test_a_file_that_holds_no_trade_and_no_book_says_why(tmp_path: Path) -> None:
    for text, problem in (
        ("timestamp,percentage,depth,notional\n2024-08-08 00:00:08,-5,95.3,57e5\n", "bookDepth holds sums of quantity"),
        ("calc_time,funding_interval_hours,last_funding_rate\n1723075200000,8,0.0001\n", "a table of funding rates"),
        ("time,side,price,last_fill_quantity\n1723075200000,SELL,59000.0,0.014\n", "a table of liquidations"),
        ("a,b\n1,2\n", "say what the columns mean: .*--map price=COLUMN"),
    ):
        with pytest.raises(DataError, match=problem):
            check_files(write(tmp_path, "BTCUSDT-x-2024-08-08.csv", text))


def test_the_same_trade_twice_counts_once(tmp_path: Path) -> None:
    first = write(tmp_path, "BTCUSDT-aggTrades-2024-08-08.csv", agg_trades(50))
    overlapping = write(tmp_path, "BTCUSDT-aggTrades-2024-08.csv", agg_trades(40, first=31))
    for files, trades, copies in (([first, first], 50, 50), ([overlapping, first], 70, 20)):
        report = check_files(files)
        assert (report["trades"], report["duplicates"]) == (trades, copies)
        summary = tc.import_tables(files, USDM, tmp_path / f"m{trades}", assume_latency="1ms")
        assert (summary["trades"], summary["duplicates"]) == (trades, copies)
    singles = write(tmp_path, "BTCUSDT-trades-2024-08-08.csv", f"1,60000.1,0.004,240.0004,{START},true\n")
    with pytest.raises(DataError, match=r"holds the trades of .*BTCUSDT-trades-2024-08-08\.csv once more, summed up"):
        check_files([first, singles])


@pytest.mark.parametrize("word", ["nan", "None", "null", "<NA>", "0"])
def test_trades_without_an_id_are_all_kept_whatever_word_says_so(tmp_path: Path, word: str) -> None:
    rows = "".join(f"{START},60000.1,{qty},{word},{word}\n" for qty in (1, 2, 1))
    path = write(tmp_path, "mine.csv", f"when,px,sz,id,taker\n{rows}")
    columns = "time=when,price=px,amount=sz,id=id,side=taker"
    tc.import_tables(path, USDM, tmp_path / "cat", columns=columns, assume_latency="1ms")
    stored = events(tmp_path / "cat", USDM)
    assert (stored["qty"].to_list(), stored["number"].to_list(), stored["side"].to_list()) == (
        [1000, 2000, 1000],
        [0, 0, 0],
        [0, 0, 0],
    )


def test_numbers_that_pandas_made_floats_are_read_as_numbers(tmp_path: Path) -> None:
    text = f"id,price,qty,quote_qty,time,is_buyer_maker\n5.0,60000.1,1,60000.1,{START}.0,1.0\n"
    path = write(tmp_path, "BTCUSDT-trades-2024-08-08.csv", f"{text}5,60000.1,1,60000.1,{START},true\n")
    assert check_files(path)["duplicates"] == 1
    tc.import_tables(path, USDM, tmp_path / "cat", assume_latency="1ms")
    stored = events(tmp_path / "cat", USDM)
    assert (stored["number"].to_list(), stored["side"].to_list()) == ([5], [-1])
    snapshot = t_depth([(0, 0, 100, -1, "b snap 60000.0 1.5"), (0, 0, 100, -1, "a snap 60000.1 2")])
    floats = snapshot.replace(",0,100,", ",0.0,100.0,").replace(",-1\n", ",-1.0\n").replace("snap", "SNAP")
    depth = check_files(write(tmp_path, "BTCUSDT_T_DEPTH_2024-08-08_depth_snap.csv", floats), USDM)
    assert (depth["snapshots"], depth["level_updates"]) == (1, 2)
    other = write(tmp_path, "BTCUSDT_T_DEPTH_2024-08-08_depth_other.csv", snapshot.replace("snap", "whole"))
    with pytest.raises(DataError, match='update_type: "whole" is not snap or set'):
        check_files(other, USDM)


def test_rows_that_count_anew_in_each_file_are_no_copies(tmp_path: Path) -> None:
    days = [
        write(
            tmp_path,
            f"BTCUSDT_2022-11-1{day}.csv",
            "id,timestamp,price,volume,side\n"
            + "".join(f"{i},{1_668_038_400_000 + day * 86_400_000 + i // 3},16000.1,0.5,buy\n" for i in range(1, 6)),
        )
        for day in (1, 0)
    ]
    report = check_files(days)
    assert (report["instrument"], report["trades"], report["duplicates"]) == ("BTCUSDT.BYBIT_SPOT", 10, 0)


def test_newest_first_is_refused_and_small_steps_back_are_counted(tmp_path: Path) -> None:
    lines = agg_trades(20).splitlines(keepends=True)
    path = write(tmp_path, "BTCUSDT-aggTrades-2024-08-08.csv", "".join([lines[0], *reversed(lines[1:])]))
    with pytest.raises(DataError, match=r":3: time: \d+ is before the row above: .*oldest first"):
        tc.import_tables(path, USDM, tmp_path / "market", assume_latency="1ms")
    problems = check_files(path)["problems"]
    assert [
        problem
        for problem in problems
        if problem.startswith(f"19 rows received before one above them, first {path}:3 at ")
    ]
    stepping = lines[1].replace(str(START + 10), str(START + 95)) + "".join(lines[2:])
    path = write(tmp_path, "BTCUSDT-aggTrades-2024-08-09.csv", stepping)
    summary = tc.import_tables(path, USDM, tmp_path / "market", assume_latency="1ms")
    assert (summary["trades"], summary["unsorted"]) == (20, 8)


def test_headers_of_joined_files_are_no_rows(tmp_path: Path) -> None:
    path = write(tmp_path, "BTCUSDT-aggTrades-2024-08.csv", agg_trades(3) + agg_trades(3, first=4))
    assert check_files(path)["trades"] == 6


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("5,60000.1,0.004,1,1,{ts},maybe", r":3: buyer_is_maker: \"maybe\" is not true or false"),
        ("5,60000.1234,0.004,1,1,{ts},true", r":3: price: 60000.1234 is not a multiple of 0.01"),
        ("5,x,0.004,1,1,{ts},true", ':3: price: "x" is not a decimal number'),
        ("5,60000.1,0.004,1,1,12,true", r":3: time: \"12\" is not a time from 2009 to 2116"),
        ("5,60000.1,0.004,1,1,{ts}", ":3: 6 cells, expected 7"),
        ("5,60000.1,-1,1,1,{ts},true", ':3: amount: "-1" is not zero or more'),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: str, problem: str) -> None:
    path = write(tmp_path, "BTCUSDT-aggTrades-2024-08-08.csv", agg_trades(1) + row.format(ts=START + 50) + "\n")
    with pytest.raises(DataError, match=problem):
        tc.import_tables(path, USDM, tmp_path / "market", assume_latency="1ms")


def test_bybit_trades_and_those_off_the_book(tmp_path: Path) -> None:
    head = "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional"
    row = "172307520{at}.1012,{symbol},{side},0.004,60000.10,PlusTick,{id},2.4e+10,0.004,240.0004"
    rows = [
        row.format(at=0, symbol="BTCUSDT", side="Buy", id="3d1c0c7e-0000-5000-8000-000000000001") + ",0",
        row.format(at=1, symbol="BTCUSDT", side="Sell", id="3d1c0c7e-0000-5000-8000-000000000002") + ",1",
        row.format(at=1, symbol="BTCUSDT", side="Sell", id="3d1c0c7e-0000-5000-8000-000000000002") + ",1",
        row.format(at=2, symbol="ETHUSDT", side="Sell", id="3d1c0c7e-0000-5000-8000-000000000003") + ",0",
    ]
    path = write(tmp_path, "BTCUSDT2024-08-08.csv.gz", gzip.compress("\n".join([head + ",RPI", *rows]).encode()))
    report = check_files(path)
    assert (report["instrument"], report["trades"], report["off_book_trades"]) == ("BTCUSDT.BYBIT", 1, 1)
    assert (report["duplicates"], report["other_symbols"]) == (1, {"ETHUSDT": 1})
    assert report["first_ts_recv"] == 1_723_075_200_101_200_000


@pytest.mark.parametrize(
    ("text", "instrument", "side"),
    [
        ("trade_id/撮合id,side/交易方向,size/数量,price/价格,created_time/成交时间\n7,SELL,3,60000.1,{ts}\n", None, -1),
        ("instrument_name,trade_id,side,price,size,created_time\nBTC-USDT-SWAP,7,buy,60000.1,3,{ts}\n", "BTC-USDT-SWAP.OKEX_SWAP", 1),
        (
            "trade_seq,trade_id,timestamp,tick_direction,price,mark_price,instrument_name,index_price,direction,amount\n"
            "1,ETH-34,{ts},0,60000.5,60000,BTC-PERPETUAL,60000,sell,10.0\n",
            "BTC-PERPETUAL.DERIBIT",
            -1,
        ),
        ("trade_id,side,size,price,time\n7,buy,0.5,60000.1,2024-08-08T00:00:00.101Z\n", None, -1),
        ("time,trade_id,product_id,price,size,side\n2024-08-08T00:00:00.101Z,7,BTC-USD,60000.1,0.5,SELL\n", "BTC-USD.COINBASE", 1),
    ],
)  # fmt: skip
def test_trades_of_other_venues(tmp_path: Path, text: str, instrument: str | None, side: int) -> None:
    for encoding in ("utf-8", "gbk"):
        path = write(tmp_path, "some.csv", text.format(ts=START + 101).encode(encoding))
        report = check_files(path, instrument and None) if instrument else check_files(path, unknown("X.Y"))
        assert report["instrument"] == (instrument or "X.Y")
        assert (report["trades"], report["first_ts_recv"]) == (1, (START + 101) * 1_000_000)
        tc.import_tables(path, unknown(report["instrument"]), tmp_path / f"m{encoding}", assume_latency="1ms")
        assert events(tmp_path / f"m{encoding}", report["instrument"])["side"].to_list() == [side]


# --- text as programs write it ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        lambda text: text.replace(",", ";").encode(),
        lambda text: text.replace(",", "\t").encode(),
        lambda text: ("\ufeff" + text).encode(),
        lambda text: ("\ufeff" + text).encode("utf-16-le"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: "\n".join(
            ",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()
        ).encode(),
        lambda text: text.replace(",", ", ").replace("true", "True").encode(),
    ],
    ids=["semicolons", "tabs", "mark", "utf-16", "returns", "quotes", "spaces"],
)
def test_tables_are_read_however_programs_write_them(tmp_path: Path, written: Callable[[str], bytes]) -> None:
    for header in (True, False):
        path = write(tmp_path, "BTCUSDT-aggTrades-2024-08-08.csv", written(agg_trades(9, header=header)))
        report = check_files(path)
        assert (report["instrument"], report["trades"], report["ok"]) == (USDM, 9, True)
        columns = "price=2,amount=3,time=6,buyer_is_maker=7"
        summary = tc.import_tables(path, USDM, tmp_path / "market", assume_latency="1ms", columns=columns, replace=True)
        assert (summary["trades"], summary["first_ts_recv"]) == (9, (START + 11) * 1_000_000)


# --- klines, packed -----------------------------------------------------------------------------------------------


KLINES = "".join(
    f"{START + i * 60_000},60000.1,60001.0,59999.9,60000.5,3.5,{START + (i + 1) * 60_000 - 1},350,7,1.2,125,0\n"
    for i in range(3)
).encode()


@pytest.mark.parametrize("pack", PACKS)
def test_packed_klines_are_klines(tmp_path: Path, pack: str) -> None:
    path = write(tmp_path, "BTCUSDT-1m-2024-08-08.bin", PACKS[pack](KLINES))
    report = check_files(path, USDM)
    assert (report["format"], report["bars"], report["failed"]) == ("klines", 3, False)
    assert tc.import_klines(path, USDM, tmp_path / "market")["bars"] == 3
    assert tc.import_tables(path, USDM, tmp_path / "market", replace=True)["bars"] == 3
    with pytest.raises(InvalidValueError, match="assume_latency: works on table, bybit, not on klines"):
        tc.import_tables(path, USDM, tmp_path / "market", assume_latency="1ms")


KLINE_HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n"
BARS = KLINE_HEADER + KLINES.decode()


@pytest.mark.parametrize(
    "text",
    [
        BARS,
        "\ufeff" + BARS,
        BARS.replace(",", ";"),
        KLINES.decode().replace(",", ";"),
        "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in BARS.splitlines()),
        BARS.upper(),
        "\n".join(",".join(reversed(line.split(","))) for line in BARS.splitlines()),
        "".join(f"{at or ''},{line}\n" for at, line in enumerate(BARS.splitlines())),
    ],
)
def test_klines_are_the_same_however_their_file_is_written(tmp_path: Path, text: str) -> None:
    plain = write(tmp_path, "BTCUSDT-1m-2024-08-08.csv", KLINES)
    tc.import_klines(plain, USDM, tmp_path / "plain")
    other = write(tmp_path / "other", "BTCUSDT-1m-2024-08-08.csv", text)
    assert check_files(other, USDM)["format"] == "klines"
    tc.import_klines(other, USDM, tmp_path / "market")
    assert events(tmp_path / "market", USDM).equals(events(tmp_path / "plain", USDM))


def test_files_of_klines_come_in_any_order_and_a_bar_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    bars = KLINES.decode().splitlines(keepends=True)
    first = write(tmp_path, "futures/um/BTCUSDT-1m-2024-08-01.csv", KLINE_HEADER + bars[0] * 2 + bars[1])
    second = write(tmp_path, "futures/um/BTCUSDT-1m-2024-08-02.csv", bars[2])
    for files in ([first, second], [second, first]):
        report = check_files(files)
        assert (report["bars"], report["duplicates"]) == (3, 1)
        assert report["problems"] == ["1 message that had been there before (duplicates)"]
        tc.import_klines(files, USDM, tmp_path / "market", replace=True)
    plain = write(tmp_path, "BTCUSDT-1m-2024-08-08.csv", KLINES)
    tc.import_klines(plain, USDM, tmp_path / "plain")
    assert events(tmp_path / "market", USDM).equals(events(tmp_path / "plain", USDM))


def test_numbers_of_klines_may_have_exponents(tmp_path: Path) -> None:
    cells = KLINES.decode().splitlines()[0].split(",")
    plain = check_files(write(tmp_path, "futures/um/BTCUSDT-1m-2024-08-01.csv", ",".join(cells)))
    cells[1:6] = [f"{float(cell):.12e}" for cell in cells[1:6]]
    other = check_files(write(tmp_path, "futures/um/BTCUSDT-1m-2024-08-02.csv", ",".join(cells)))
    assert (other["bars"], other["problems"]) == (plain["bars"], [])


def test_klines_of_a_header_alone_say_so_and_lack_no_column_unnoticed(tmp_path: Path) -> None:
    bare = write(tmp_path, "BTCUSDT-1m-2024-08-08.csv", KLINE_HEADER)
    assert check_files(bare, USDM)["problems"] == ["nothing recognised: a header and no rows"]
    lacking = write(tmp_path, "BTCUSDT-1m-2024-08-09.csv", BARS.replace(",taker_buy_volume,", ",bought,", 1))
    with pytest.raises(DataError, match="no column taker_buy_volume") as caught:
        tc.import_klines(lacking, USDM, tmp_path / "market")
    assert caught.value.line == 1


def test_klines_of_another_symbol_or_market_are_refused(tmp_path: Path) -> None:
    for name, told in (
        ("ETHUSDT-1m-2024-08-08.csv", "it is named after ETHUSDT, expected BTCUSDT"),
        ("data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-08-08.csv", "are of venue BINANCE, expected BINANCE_USDM"),
        ("futures/cm/daily/klines/BTCUSDT-1m-2024-08-08.csv", "are of venue BINANCE_COINM, expected BINANCE_USDM"),
        ("um/indexPriceKlines/BTCUSDT-1m-2024-08-08.csv", "lies in a folder of them: klines of a mark price"),
    ):
        path = write(tmp_path, name, KLINES)
        for read in (
            lambda path: check_files(path, USDM),
            lambda path: tc.import_klines(path, USDM, tmp_path / "market"),
        ):
            with pytest.raises(DataError, match=told) as caught:
                read(path)
            assert (caught.value.source, caught.value.line) == (str(path), 1)
    path = write(tmp_path, "BTCUSDT-1m-2024-08-08.csv", KLINES)
    with pytest.raises(DataError, match="are of venue BINANCE or BINANCE_USDM or BINANCE_COINM, expected BITMEX"):
        tc.import_klines(path, tc.find_instrument("XBTUSD.BITMEX"), tmp_path / "market")


def test_a_check_says_between_which_bars_some_are_missing(tmp_path: Path) -> None:
    lines = KLINES.decode().splitlines(keepends=True)
    report = check_files(write(tmp_path, "futures/um/BTCUSDT-1m-2024-08-08.csv", lines[0] + lines[2]))
    assert (report["bars"], report["failed"], report["bar_gaps"]) == (2, False, 1)
    assert "bars are missing 1 time, first at 2024-08-08 00:01:00.000000000 UTC" in report["notes"]


def test_a_bar_that_reaches_into_the_next_ends_where_that_begins(tmp_path: Path) -> None:
    """Spot of February 2018, as it is published: after a halt bars lay off the hour, and the last of them a second too far."""
    name = "data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2018-02.csv"
    cells = "8000.00,8001.00,7999.00,8000.00,1.5,{},1,60,0.5,1,0\n"
    odd, even = 1_518_319_694_789, 1_518_321_600_000
    path = write(tmp_path, name, f"{odd},{cells.format(even + 999)}{even},{cells.format(even + 3_599_999)}")
    report = check_files(path)
    assert (report["bars"], report["failed"], report["shortened_bars"]) == (2, False, 1)
    summary = tc.import_klines(path, "BTCUSDT.BINANCE", tmp_path / "market")
    assert summary["bars"] == 2
    closes = events(tmp_path / "market", "BTCUSDT.BINANCE").filter(pl.col("kind") == tc.EventKind.BAR_CLOSE)
    assert closes["ts_event"].to_list() == [even * 1_000_000, (even + 3_600_000) * 1_000_000]
    path = write(tmp_path, name, f"{odd},{cells.format(even + 1_999)}{even},{cells.format(even + 3_599_999)}")
    with pytest.raises(DataError, match="open_time 1518321600000000000 is before 1518321602000000000"):
        tc.import_klines(path, "BTCUSDT.BINANCE", tmp_path / "market")


def test_klines_of_an_unknown_instrument_are_inferred(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "WIFUSDT-1m-2024-08-08.csv", KLINES)
    words = ["data", "import", "klines", str(path), "--catalog", str(tmp_path / "market"), "--json", "--quiet"]
    assert main([*words, "--instrument", "WIFUSDT.BINANCE_USDM", "--infer"]) == 0
    spec = json.loads(capsys.readouterr().out)["inferred"]
    assert (spec["kind"], spec["price_increment"], spec["qty_increment"]) == ("linear", "0.1", "0.1")


# --- folders ------------------------------------------------------------------------------------------------------


def vision(folder: Path) -> Path:
    """Make a folder as it lies at data.binance.vision: two days of aggTrades, best prices of one, and checksums."""
    um = folder / "data" / "futures" / "um" / "daily"
    day_ms = 86_400_000
    for day in range(2):
        name = f"BTCUSDT-aggTrades-2024-08-0{8 + day}"
        text = "".join(
            f"{100 * day + i},60000.{i % 10},0.004,{i},{i},{START + day * day_ms + 10 * i},true\n" for i in range(1, 9)
        )
        write(um / "aggTrades" / "BTCUSDT", f"{name}.zip", zipped((f"{name}.csv", text.encode())))
        write(um / "aggTrades" / "BTCUSDT", f"{name}.zip.CHECKSUM", f"{'0' * 64}  {name}.zip\n")
    name = "BTCUSDT-bookTicker-2024-08-08"
    text = f"9,60000.0,1.5,60000.1,2.25,{START + 5},{START + 6}\n"
    write(um / "bookTicker" / "BTCUSDT", f"{name}.zip", zipped((f"{name}.csv", text.encode())))
    return folder


def test_a_folder_of_official_dumps_comes_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = vision(tmp_path / "downloaded")
    arguments = ["data", "import", str(folder), "--catalog", str(tmp_path / "market"), "--json", "--quiet"]
    assert main(arguments) == 1
    told = json.loads(capsys.readouterr().out)
    refused = [file for file in told["files"] if file["refused"] and file["format"]]
    assert len(refused) == 3
    assert all("--assume-latency 10ms" in file["refused"] for file in refused)
    for workers in ("1", "2"):
        assert main([*arguments, "--assume-latency", "10ms", "--workers", workers]) == 0
        told = json.loads(capsys.readouterr().out)
        assert [(each["instrument"], each["days"]) for each in told["imports"]] == [
            (USDM, "2024-08-08"),
            (USDM, "2024-08-09"),
        ]
        assert (told["imported"], told["already_in"]) == ((2, 0) if workers == "1" else (0, 2))
    rows = events(tmp_path / "market", USDM)
    assert len(rows) == 18
    assert (rows["ts_recv"] - rows["ts_event"]).max() == 11_000_000
    assert any("taken to have been received 10 ms after" in note for note in told["imports"][0].get("notes", [])) or (
        told["already_in"] == 2
    )


def test_files_of_a_folder_that_are_a_header_alone_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    um = tmp_path / "um"
    write(um, "BTCUSDT-aggTrades-2024-08-08.csv", agg_trades(3))
    write(um, "BTCUSDT-aggTrades-2024-08-09.csv", AGG_HEADER)
    write(um, "BTCUSDT-1m-2024-08-09.csv", KLINE_HEADER)
    arguments = ["data", "import", str(um), "--catalog", str(tmp_path / "market"), "--assume-latency", "10ms"]
    assert main([*arguments, "--json", "--quiet"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [file["refused"] for file in told["files"]] == ["a header and no rows", None, "a header and no rows"]


def test_a_latency_is_assumed_of_those_files_of_a_folder_that_need_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = vision(tmp_path / "downloaded")
    write(folder, "tardis.csv", tardis_trades(5).replace(b"17230752", b"17240752"))
    arguments = ["data", "import", str(folder), "--catalog", str(tmp_path / "market"), "--infer", "--json", "--quiet"]
    assert main([*arguments, "--assume-latency", "10ms", "--workers", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["imported"] == 3
    rows = events(tmp_path / "market", USDM).filter(pl.col("ts_recv") > 1_724_000_000_000_000_000)
    assert set((rows["ts_recv"] - rows["ts_event"]).to_list()) == {700_000}


def test_updates_of_a_folder_go_with_the_snapshots_of_their_day(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "um"
    snapshot = t_depth([(0, 0, 100, -1, "b snap 60000.0 1.5"), (0, 0, 100, -1, "a snap 60000.1 2")])
    update = t_depth([(1, 99, 105, 95, "b set 60000.0 0"), (2, 106, 108, 105, "b set 59999.9 3")])
    write(folder, "BTCUSDT_T_DEPTH_2024-08-08_depth_snap.csv", snapshot)
    write(folder, "BTCUSDT_T_DEPTH_2024-08-08_depth_update.csv", update)
    write(folder, "BTCUSDT-aggTrades-2024-08-08.csv", agg_trades(3))
    arguments = ["data", "import", str(folder), "--catalog", str(tmp_path / "market"), "--json", "--quiet"]
    assert main([*arguments, "--assume-latency", "10ms", "--workers", "1"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["imports"]
    assert (len(told["files"]), told["problems"]) == (3, [])
    assert tc.Catalog(tmp_path / "market").trades(USDM).collect().height == 3


def test_formats_of_a_day_that_do_not_make_one_import_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"9,60000.0,1.5,60000.1,2.25,{START + 5},{START + 6}\n"
    write(tmp_path / "um", "BTCUSDT-bookTicker-2024-08-08.csv", text.encode())
    write(tmp_path / "um", "tardis.csv", tardis_trades(5))
    arguments = ["data", "import", str(tmp_path / "um"), "--dry-run", "--infer", "--json"]
    assert main([*arguments, "--assume-latency", "10ms"]) == 1
    refused = [file["refused"] for file in json.loads(capsys.readouterr().out)["files"]]
    assert all("two formats do not make one import; leave one of them out" in problem for problem in refused)
    assert main([*arguments, "--assume-latency", "soon"]) == 2
    assert 'assume_latency: "soon" is not a length of time' in capsys.readouterr().err


def bybit_day(folder: Path) -> list[Path]:
    """Make depth and trades that Bybit publishes of one day; a trade before, between and behind the depth."""
    head = "timestamp,symbol,side,size,price,trdMatchID"
    trades = "".join(f"{(START + ms) / 1000:.4f},BTCUSDT,Buy,0.5,60001.0,id-{ms}\n" for ms in (-5, 5, 10, 15))
    messages = [("snapshot", 5, [["60000", "1"]], [["60001", "1"]]), ("delta", 6, [["60000", "2"]], [])]
    return [
        write(folder, "BTCUSDT_ob500.data", ob500(messages)),
        write(folder, "BTCUSDT2024-08-08.csv", f"{head}\n{trades}".encode()),
    ]


def test_depth_and_trades_that_bybit_publishes_make_one_import(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    depth, trades = bybit_day(tmp_path / "in")
    latency = ["--assume-latency", "10ms"]
    words = [["data", "import", str(tmp_path / "in"), "--workers", "1"], ["data", "import", "tables", f"{trades}"]]
    words[1].append(str(depth))
    for number, command in enumerate(words):
        catalog = tmp_path / f"market{number}"
        assert main([*command, "--catalog", str(catalog), "--infer", "--json", "--quiet", *latency]) == 0
        told = json.loads(capsys.readouterr().out)
        assert number or [len(each["files"]) for each in told["imports"]] == [2]
        rows = events(catalog, "BTCUSDT.BYBIT")
        assert rows["ts_recv"].is_sorted()
        kinds = rows["kind"].to_list()
        assert kinds == [2, 0, 1, 1, 2, 2, 1, 2], "a trade comes before the change of the book of its time"
        assert (rows["ts_recv"] - START * 1_000_000).unique().to_list() == [
            5_000_000,
            10_000_000,
            15_000_000,
            20_000_000,
            25_000_000,
        ]
    report = check_files([depth, trades], assume_latency="10ms")
    assert (report["instrument"], report["trades"], report["snapshots"], report["gaps"]) == ("BTCUSDT.BYBIT", 4, 1, 0)
    assert (report["receive_times"], report["assumed_latency_ns"]) == ("assumed", 10_000_000)
    assert not report["failed"]
    assert main(["data", "check", str(trades), str(depth), "--json", *latency]) == 0
    capsys.readouterr()
    assert main(["data", "import", "tables", str(trades), str(depth), "--catalog", str(tmp_path), "--infer"]) == 2
    assert "does not say when its rows were received" in capsys.readouterr().err


def test_klines_go_with_trades_and_are_told_by_where_they_lie(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    um = tmp_path / "in" / "um"
    write(um, "BTCUSDT-1m-2024-08-08.csv", KLINES)
    write(um, "BTCUSDT-aggTrades-2024-08-08.csv", agg_trades(3))
    arguments = ["data", "import", str(um), "--catalog", str(tmp_path / "market"), "--json", "--quiet"]
    assert main([*arguments, "--assume-latency", "10ms", "--workers", "1"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["imports"]
    assert (told["instrument"], len(told["files"])) == (USDM, 2)
    rows = events(tmp_path / "market", USDM)
    assert rows["ts_recv"].is_sorted()
    assert tc.Catalog(tmp_path / "market").trades(USDM).collect().height == 3
    alone = write(tmp_path / "spot", "NEWUSDT-1m-2024-08-08.csv", KLINES)
    assert main(["data", "import", str(alone), "--catalog", str(tmp_path / "other"), "--infer", "--quiet"]) == 0
    assert tc.Catalog(tmp_path / "other").instruments() == ("NEWUSDT.BINANCE",)
    unknown = write(tmp_path / "x", "NEWUSDT-1m-2024-08-08.csv", KLINES)
    assert main(["data", "import", str(unknown), "--dry-run", "--infer", "--json"]) == 1
    assert "holds NEWUSDT, but nothing tells which market" in capsys.readouterr().out


def test_a_mapping_and_a_start_are_for_a_folder_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "px,sz,when,taker\n" + "".join(f"60000.{i},0.5,{START + i},buy\n" for i in range(3))
    write(tmp_path / "in", "mine.csv", text.encode())
    arguments = ["data", "import", str(tmp_path / "in"), "--catalog", str(tmp_path / "market"), "--instrument", USDM]
    mapping = ["--map", "price=px,amount=sz,time=when,side=taker", "--assume-latency", "1ms", "--start", "empty"]
    assert main([*arguments, "--json", "--quiet", "--workers", "1"]) == 1
    capsys.readouterr()
    assert main([*arguments, *mapping, "--json", "--quiet", "--workers", "1"]) == 0
    assert events(tmp_path / "market", USDM)["price"].to_list() == [6_000_000, 6_000_010, 6_000_020]
    assert main([*arguments, "--start", "full"]) == 2
    assert "'full' is not snapshot or empty" in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["markPriceKlines", "indexPriceKlines", "premiumIndexKlines"])
def test_bars_of_a_price_that_nobody_trades_at_are_refused(
    tmp_path: Path, folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"{START},60000.1,60010.0,59990.0,60005.0,0,{START + 59_999},0,60,0,0,0\n"
    um = tmp_path / "in" / "um"
    path = write(um / folder, "BTCUSDT-1m-2024-08-08.csv", text)
    with pytest.raises(DataError, match="klines of a mark price, an index or a premium are no bars of trades"):
        tc.import_klines(path, USDM, tmp_path / "market")
    write(um / "klines", "BTCUSDT-1m-2024-08-08.csv", KLINES)
    arguments = ["data", "import", str(um), "--catalog", str(tmp_path / "market"), "--json", "--quiet"]
    assert main([*arguments, "--workers", "1"]) == 1
    assert "klines of a mark price" in capsys.readouterr().out
    path.unlink()
    assert main([*arguments, "--workers", "1"]) == 0


# --- options ------------------------------------------------------------------------------------------------------


def test_an_option_that_a_format_does_not_take_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = write(tmp_path, "BTCUSDT-aggTrades-2024-08-08.csv", agg_trades(3))
    tardis = write(tmp_path, "trades.csv", tardis_trades(3))
    with pytest.raises(InvalidValueError, match="on_error: works on binance-ws, capture, not on table"):
        check_files(table, on_error="skip")
    with pytest.raises(InvalidValueError, match="on_error: works on binance-ws, capture, not on tardis"):
        check_files(tardis, on_error="skip")
    recorded = {"price": "price", "amount": "amount", "time": "timestamp", "recv": "local_timestamp"}
    with pytest.raises(InvalidValueError, match=r"assume_latency: .*says when its rows were received; leave it out"):
        tc.import_tables(tardis, USDM, tmp_path / "market", columns=recorded, assume_latency="1ms")
    assert tc.import_tables(tardis, USDM, tmp_path / "market", columns=recorded)["receive_times"] == "recorded"
    assert main(["data", "check", str(table), "--on-error", "skip"]) == 2
    assert "on_error: works on binance-ws, capture, not on table" in capsys.readouterr().err
    assert main(["data", "check", str(tardis), "--start", "full"]) == 2
    assert "'full' is not snapshot or empty" in capsys.readouterr().err


def test_a_book_of_any_format_may_be_made_of_nothing(tmp_path: Path) -> None:
    tardis = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n" + "".join(
        f"binance-futures,BTCUSDT,{START * 1_000 + i},{START * 1_000 + i + 700},false,{side},{price},1.5\n"
        for i, (side, price) in enumerate([("bid", "60000.0"), ("ask", "60000.2"), ("ask", "60000.1")])
    )
    depth = t_depth(
        [
            (1, 99, 105, 95, "b set 60000.0 1.5"),
            (2, 106, 108, 105, "a set 60000.2 1.5"),
            (3, 109, 111, 108, "a set 60000.1 1.5"),
        ]
    )
    bybit = ob500(
        [
            ("delta", 6, [["60000.0", "1.5"]], []),
            ("delta", 7, [], [["60000.2", "1.5"]]),
            ("delta", 8, [], [["60000.1", "1.5"]]),
        ]
    )
    mapped = "t,snap,s,p,q\n" + "".join(
        f"{START + i},false,{side},{price},1.5\n"
        for i, (side, price) in enumerate([("bid", "60000.0"), ("ask", "60000.2"), ("ask", "60000.1")])
    )
    columns = {"time": "t", "is_snapshot": "snap", "side": "s", "price": "p", "amount": "q"}
    for name, text, options in (
        ("tardis.csv", tardis, {}),
        ("BTCUSDT_T_DEPTH_2024-08-08_depth_update.csv", depth, {}),
        ("bybit.data", bybit, {}),
        ("mapped.csv", mapped, {"columns": columns}),
    ):
        path = write(tmp_path, name, text)
        spec = unknown("BTCUSDT.BYBIT") if name.startswith("bybit") else USDM
        lacking = check_files(path, spec, **options)
        assert (lacking["missing_snapshot"], lacking["best_bid"], lacking["skipped"]) == (True, None, 3)
        assert lacking["problems"] == ["no snapshot: the book never becomes known; --start empty makes one of nothing"]
        report = check_files(path, spec, start="empty", **options)
        assert (report["ok"], report["missing_snapshot"], report["book_updates"]) == (True, False, 3), name
        assert [float(part) for part in report["best_bid"] + report["best_ask"]] == [60000, 1.5, 60000.1, 1.5]
        catalog = tmp_path / "markets" / name
        if name == "tardis.csv":
            tc.import_tardis(path, spec, catalog, start="empty")
        else:
            tc.import_tables(path, spec, catalog, start="empty", assume_latency="1ms", **options)
        assert len(events(catalog, report["instrument"])) == 4


# --- Bybit's depth ------------------------------------------------------------------------------------------------


def ob500(messages: list[tuple[str, int, list[Any], list[Any]]]) -> bytes:
    lines = (
        json.dumps(
            {
                "topic": "orderbook.500.BTCUSDT",
                "type": kind,
                "ts": START + 10 * number,
                "data": {"s": "BTCUSDT", "b": bids, "a": asks, "u": update, "seq": 1_000 + number},
                "cts": START + 10 * number - 7,
            }
        )
        for number, (kind, update, bids, asks) in enumerate(messages)
    )
    return ("\n".join(lines) + "\n").encode()


def test_depth_of_bybit_follows_its_update_ids(tmp_path: Path) -> None:
    spec = unknown("BTCUSDT.BYBIT")
    messages: list[tuple[str, int, list[Any], list[Any]]] = [
        ("delta", 4, [["59999.00", "1"]], []),
        ("snapshot", 5, [["60000.00", "1.5"]], [["60000.10", "2.0"], ["60000.20", "1"]]),
        ("delta", 6, [["60000.00", "0"], ["59999.90", "3"]], []),
        ("delta", 7, [], [["60000.10", "0"]]),
    ]
    text = ob500(messages)
    path = write(tmp_path, "2024-08-08_BTCUSDT_ob500.data.zip", zipped(("2024-08-08_BTCUSDT_ob500.data", text)))
    summary = tc.import_tables(path, spec, tmp_path / "market", assume_latency="10ms")
    assert (summary["snapshots"], summary["book_updates"], summary["skipped"], summary["gaps"]) == (1, 2, 1, 0)
    assert [float(part) for part in summary["best_bid"] + summary["best_ask"]] == [59999.9, 3, 60000.2, 1]
    rows = events(tmp_path / "market", spec.id)
    assert set((rows["ts_recv"] - rows["ts_event"]).to_list()) == {17_000_000}
    broken = ob500(
        [*messages, ("delta", 9, [["1", "1"]], []), ("delta", 10, [], []), ("snapshot", 1, [["60000", "1"]], [])]
    )
    report = check_files(write(tmp_path, "b.data", broken))
    assert (report["gaps"], report["skipped"], report["snapshots"], report["bid_levels"]) == (1, 2, 2, 1)
    twice = check_files(write(tmp_path, "c.data", text + text))
    assert (twice["duplicates"], twice["snapshots"]) == (4, 1)
    with pytest.raises(DataError, match="of venue BYBIT or BYBIT_SPOT or BYBIT_OPTIONS, expected BINANCE_USDM"):
        check_files(path, USDM)


def test_depth_of_bybit_goes_by_its_ids_whatever_the_order_of_keys_times_and_files(tmp_path: Path) -> None:
    spec = unknown("BTCUSDT.BYBIT")
    messages: list[tuple[str, int, list[Any], list[Any]]] = [
        ("snapshot", 5, [["60000.00", "1.5"]], [["60000.10", "2.0"]]),
        ("delta", 6, [["60000.00", "0"], ["59999.90", "3"]], []),
        ("delta", 7, [["59999.80", "4"]], []),
    ]
    plain = [json.loads(line) for line in ob500(messages).splitlines()]

    def read(name: str, *files: list[dict[str, Any]], sort_keys: bool = False) -> tuple[dict[str, Any], Any]:
        paths = [
            write(tmp_path / name, f"{at}.data", "\n".join(json.dumps(line, sort_keys=sort_keys) for line in lines))
            for at, lines in enumerate(files)
        ]
        summary = tc.import_tables(paths, spec, tmp_path / name / "market", assume_latency="10ms")
        return summary, events(tmp_path / name / "market", spec.id)

    expected = read("plain", plain)[1]
    assert len(expected) == 6
    for name, files in {"sorted": [plain], "files": [plain[2:], plain[:1], plain[1:2]]}.items():
        assert read(name, *files, sort_keys=True)[1].equals(expected), name
    # The venue's clock was set back; its numbers were not.
    earlier = [*plain[:2], plain[2] | {"ts": plain[1]["ts"] - 4, "cts": plain[1]["cts"] - 4}]
    summary, rows = read("back", earlier)
    assert (summary["book_updates"], summary["unsorted"], summary["gaps"]) == (2, 1, 0)
    assert rows["ts_recv"].is_sorted()
    # Another depth of the same book has numbers of its own.
    others = [
        line | {"topic": "orderbook.50.BTCUSDT", "data": line["data"] | {"u": 900 + at}}
        for at, line in enumerate(plain)
    ]
    both = [line for pair in zip(plain, others, strict=True) for line in pair]
    summary, rows = read("both", both)
    assert (summary["ignored"], summary["snapshots"]) == (3, 1)
    assert rows.equals(expected)


def test_depth_of_bybits_spot_market_is_none_of_derivatives(tmp_path: Path) -> None:
    book = {"s": "BTCUSDT", "b": [["60000.00", "1"]], "a": [["60000.10", "1"]], "u": 7, "seq": 70}
    line = {"topic": "orderbook.200.BTCUSDT", "type": "snapshot", "ts": START, "data": book}
    path = write(tmp_path / "spot", "2024-08-08_BTCUSDT_ob200.data", json.dumps(line) + "\n")
    assert check_files(path)["instrument"] == "BTCUSDT.BYBIT_SPOT"
    with pytest.raises(DataError, match="files of Bybit's depth are of venue BYBIT_SPOT, expected BYBIT"):
        check_files(path, "BTCUSDT.BYBIT")
    with pytest.raises(DataError, match="are of venue BYBIT_SPOT, expected BINANCE"):
        tc.import_tables(path, "BTCUSDT.BINANCE", tmp_path / "no", assume_latency="1ms")


@pytest.mark.parametrize("first", [1, 500])
def test_a_snapshot_of_bybit_that_counts_from_one_is_the_book_whatever_was_before(tmp_path: Path, first: int) -> None:
    """The service was restarted; an older line that comes again is a copy as before."""
    lines = ob500(
        [
            ("snapshot", first, [["60000.00", "1.5"]], [["60000.10", "2.0"]]),
            ("delta", first + 1, [["60000.00", "2"]], []),
            ("snapshot", 1, [["60001.00", "1"]], [["60001.10", "1"]]),
            ("delta", 2, [["60001.00", "7"]], []),
        ]
    ).splitlines()
    for seq in (lambda u: 7 * u, lambda u: 7):
        said = [json.loads(line) for line in lines]
        text = [json.dumps(line | {"data": line["data"] | {"seq": seq(line["data"]["u"])}}) for line in said]
        report = check_files(write(tmp_path, "2024-08-08_BTCUSDT_ob500.data", "\n".join(text)), "BTCUSDT.BYBIT")
        assert (report["snapshots"], report["book_updates"], report["problems"]) == (2, 2, [])
        assert [float(value) for value in report["best_bid"]] == [60001.0, 7.0]
    again = check_files(write(tmp_path, "2024-08-08_BTCUSDT_ob500.data", "\n".join([*text, text[2]])), "BTCUSDT.BYBIT")
    assert (again["snapshots"], again["duplicates"]) == (2, 1)


def test_a_day_of_bybits_own_depth(shared: Path) -> None:
    report = check_files(shared / "data" / "bybit_v5" / "xrpusdt-ob500.data.zip")
    assert (report["instrument"], report["snapshots"], report["book_updates"]) == ("XRPUSDT.BYBIT", 1, 49)
    assert [float(part) for part in report["best_bid"] + report["best_ask"]] == [1.9537, 10605, 1.9538, 6702]
    assert (report["bid_levels"], report["ask_levels"], report["ok"]) == (500, 500, True)


# --- columns that somebody names ----------------------------------------------------------------------------------


def test_columns_are_named_on_the_command_line_or_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = "BTCUSDT.BINANCE_USDM"
    text = "when,px,sz,taker\n" + "".join(
        f"{START / 1_000 + i},6000{i}.1,0.5,{'b' if i % 2 else 'S'}\n" for i in range(4)
    )
    csv = write(tmp_path, "mine.csv", text)
    mapping = "price=px,amount=sz,time=when,side=taker"
    toml = write(tmp_path, "map.toml", '[columns]\nprice = "px"\namount = "sz"\ntime = 1\nside = "taker"\n')
    bare = write(tmp_path, "bare.csv", text.partition("\n")[2])
    frame = pl.read_csv(csv).with_columns(
        pl.from_epoch((pl.col("when") * 1_000).cast(pl.Int64), time_unit="ms").alias("when")
    )
    frame.write_parquet(tmp_path / "mine.parquet")
    frame.write_parquet(tmp_path / "mine.PARQUET")
    frame.with_columns(note=pl.format("T-{}, x", pl.int_range(pl.len()))).write_parquet(tmp_path / "mine")
    for number, (path, columns) in enumerate(
        [
            (csv, mapping),
            (csv, str(toml)),
            (bare, "price=2,amount=3,time=1,side=4"),
            (tmp_path / "mine.parquet", mapping),
            (tmp_path / "mine.PARQUET", mapping),
            (tmp_path / "mine", f"{mapping},id=note"),
        ]
    ):
        folder = tmp_path / f"market{number}"
        arguments = ["data", "import", "tables", str(path), "--catalog", str(folder), "--instrument", spec]
        assert main([*arguments, "--map", columns, "--assume-latency", "2ms", "--json", "--quiet"]) == 0
        assert json.loads(capsys.readouterr().out)["trades"] == 4
        rows = events(folder, spec)
        assert rows["side"].to_list() == [-1, 1, -1, 1]
        assert rows["ts_event"].to_list() == [(START + 1_000 * i) * 1_000_000 for i in range(4)]
    assert main([*arguments, "--map", mapping, "--json", "--quiet", "--replace"]) == 2
    assert "--assume-latency 10ms" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ("price=px,amount=sz", "trades need time, too. Columns: when, px, sz"),
        ("price=prize,amount=sz,time=when", r"price is column \"prize\", which is not there\. Columns: when, px, sz"),
        ("prce=px,amount=sz,time=when", r"there is no field \"prce\"; did you mean \"price\"\?"),
        ("price=px,price=sz,time=when", "price is given twice"),
        ("bid_price=px,time=when", "bookTicker need bid_amount, ask_price, ask_amount, too"),
        ("price=px,amount=sz,time=when,side=sz,maker_side=px", "say the same; give one of them"),
    ],
)
def test_a_mapping_that_does_not_fit_names_the_column_and_what_there_is(
    tmp_path: Path, columns: str, problem: str
) -> None:
    path = write(tmp_path, "mine.csv", f"when,px,sz\n{START},60000.1,1\n")
    with pytest.raises(DataError, match=problem):
        tc.import_tables(path, USDM, tmp_path / "market", assume_latency="1ms", columns=columns)


def test_a_mapping_is_fields_and_names(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.csv", f"when,px,sz\n{START},60000.1,1\n")
    for columns in ("price", "price=", {}, {"price": 1.5}, 7):
        with pytest.raises(InvalidValueError, match="columns"):
            tc.import_tables(path, USDM, tmp_path / "market", assume_latency="1ms", columns=columns)  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="start"):
        tc.import_tables(path, USDM, tmp_path / "market", start="nothing")


def test_levels_and_quotes_are_mapped_and_receipt_is_recorded(tmp_path: Path) -> None:
    levels = "ts,got,snap,s,p,q\n" + "".join(
        f"{START + at},{START + at + 4},{snap},{side},{price},{qty}\n"
        for at, snap, side, price, qty in [
            (0, "True", "bid", "60000.0", "1"),
            (0, "True", "ask", "60000.1", "1"),
            (5, "False", "bid", "60000.0", "0"),
            (5, "False", "bid", "59999.9", "2"),
        ]
    )
    path = write(tmp_path, "levels.csv", levels)
    columns = {"time": "ts", "recv": "got", "is_snapshot": "snap", "side": "s", "price": "p", "amount": "q"}
    summary = tc.import_tables(path, USDM, tmp_path / "market", columns=columns)
    assert (summary["receive_times"], summary["assumed_latency_ns"], summary["snapshots"]) == ("recorded", None, 1)
    assert summary["best_bid"] == ["59999.9", "2.000"]
    quotes = write(tmp_path, "quotes.csv", f"t,bp,bq,ap,aq\n{START * 1_000},60000.0,1,60000.1,2\n")
    columns = {"time": "t", "bid_price": "bp", "bid_amount": "bq", "ask_price": "ap", "ask_amount": "aq"}
    summary = tc.import_tables(quotes, USDM, tmp_path / "quotes", columns=columns, assume_latency="1us")
    assert (summary["quotes"], summary["best_ask"]) == (1, ["60000.1", "2.000"])


def test_bids_that_are_taken_for_asks_fail_a_check(tmp_path: Path) -> None:
    rows = "".join(f"{START + n},{START + n + 1},60000.0,1,60000.1,2\n" for n in range(5))
    quotes = write(tmp_path, "quotes.csv", f"t,r,bp,bq,ap,aq\n{rows}{START + 9},{START + 10},60000.2,1,60000.2,2\n")
    right = {"time": "t", "recv": "r", "bid_price": "bp", "bid_amount": "bq", "ask_price": "ap", "ask_amount": "aq"}
    found = check_files(quotes, USDM, columns=right)
    assert (found["failed"], found["crossed_quotes"]) == (False, 1)
    assert "the venue's best bid was at or above its best ask in 1 quote" in found["notes"]
    found = check_files(quotes, USDM, columns=right | {"bid_price": "ap", "ask_price": "bp"})
    assert found["failed"]
    assert found["problems"] == ["best bids are at or above best asks in 6 of 6 quotes: which of them is which?"]


@pytest.mark.parametrize(("others", "trades"), [("0", None), ("-1\n0", 3), ("0\n-1", None), ("buy\n-1", 3)])
def test_a_side_of_zero_is_none_beside_signs_alone(others: str, trades: int | None, tmp_path: Path) -> None:
    """1 and 0 are a buyer and a seller to some, whose sellers were trades of nobody."""
    sides = ["1", *others.split("\n")]
    rows = "".join(f"{START + n},{START + n + 1},60000.0,1,{side}\n" for n, side in enumerate(sides))
    path = write(tmp_path, "trades.csv", f"t,r,p,q,s\n{rows}")
    columns = {"time": "t", "recv": "r", "price": "p", "amount": "q", "side": "s"}
    if trades is None:
        with pytest.raises(
            DataError, match=r'trades\.csv:3: side: "0" is not a side that is clear: there are 0 and 1 and no -1'
        ):
            check_files(path, USDM, columns=columns)
    else:
        assert check_files(path, USDM, columns=columns)["trades"] == trades


def test_a_dump_of_bitmex_is_called_one_and_read_by_a_mapping(tmp_path: Path) -> None:
    header = (
        "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional,trdType\n"
    )
    rows = "".join(
        f"2024-08-08D00:00:0{n}.123456000,XBTUSD,Buy,100,60000.5,ZeroPlusTick,a-{n},1,1,1,Regular\n" for n in range(3)
    )
    path = write(tmp_path, "20240808.csv", header + rows)
    with pytest.raises(DataError, match=r"20240808\.csv:1: a dump of BitMEX holds trades of all its symbols"):
        check_files(path)
    columns = "price=price,amount=size,side=side,time=timestamp,id=trdMatchID"
    summary = tc.import_tables(path, "XBTUSD.BITMEX", tmp_path / "market", columns=columns, assume_latency="1ms")
    assert (summary["trades"], summary["first_ts_recv"]) == (3, START * 1_000_000 + 124_456_000)


@pytest.mark.parametrize("form", ["binance-ws", "tardis", "klines"])
def test_a_file_that_is_given_for_another_format_is_told_its_own(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"id,price,qty,quote_qty,time,is_buyer_maker\n1,60000.0,1,60000,{START},true\n"
    path = write(tmp_path, "BTCUSDT-trades-2024-08-08.csv", text)
    words = ["data", "import", form, str(path), "--instrument", USDM, "--catalog", str(tmp_path / "market")]
    assert main(words) == 2
    told = f"is no file of {form} but of format table; import it with data import tables (import_tables)"
    assert f"{path}:1: {told}" in capsys.readouterr().err


@pytest.mark.parametrize("text", ['[[1723075200000,"1","1","1","1","1"]]', '{"lastUpdateId":1}\n', '\n{"a":1}\n'])
def test_json_that_is_no_capture_is_told_what_it_lacks(text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds JSON whose lines do not begin with when they were received"):
        check_files(write(tmp_path, "k.json", text))


@pytest.mark.parametrize(
    ("name", "instrument", "rows"),
    [
        ("01-vision-um-aggTrades-header.csv", USDM, {"trades": 2}),
        ("01-vision-spot-trades-2025-us-noheader.csv", SPOT, {"trades": 2}),
        ("01-vision-um-bookTicker.csv", USDM, {"quotes": 1}),
        ("01-vision-um-T_DEPTH_update.csv", USDM, {"book_updates": 1}),
        ("02-bybit-public-trades.csv", "BTCUSDT.BYBIT", {"trades": 1}),
        ("02-bybit-ob500.data", "BTCUSDT.BYBIT", {"snapshots": 1}),
    ],
)
def test_the_inputs_from_real_trouble(
    shared: Path, tmp_path: Path, name: str, instrument: str, rows: dict[str, int]
) -> None:
    path = shared / "cases" / name
    if not path.exists():
        pytest.skip("no cases in ../shared")
    summary = tc.import_tables(path, unknown(instrument), tmp_path, assume_latency="10ms", start="empty")
    assert {key: summary[key] for key in rows} == rows
    first = 1_735_689_600_000_000_000 if "2025" in name else START * 1_000_000
    assert first <= summary["first_ts_recv"] < first + 1_000_000_000
