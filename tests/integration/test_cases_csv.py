"""Trouble that people reported in public, as far as rows of CSV files are concerned: how they are written, what they say."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import tradecore as tc
from tradecore.cli.app import main
from tradecore.errors import DataError

START = 1_640_995_200_000_000
BOOK = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"
TRADES = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
USDM = "BTCUSDT.BINANCE_USDM"


@pytest.fixture
def cases(shared: Path) -> Path:
    folder = shared / "cases"
    if not folder.is_dir():
        pytest.skip("no ../shared/cases beside the project: the reported inputs are not here")
    return folder


def cli(*words: object, capsys: pytest.CaptureFixture[str], code: int = 0) -> Any:
    """Run a command and return the JSON it printed."""
    assert main([*map(str, words), "--json", "--quiet"]) == code
    return json.loads(capsys.readouterr().out)


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
    "spaces": lambda text: text.replace(",", " , ").encode(),
    "words of Python": lambda text: text.replace("true", "True").replace("false", "False").encode(),
    "words of Excel": lambda text: text.replace("true", "TRUE").replace("false", "FALSE").encode(),
    "numbers for words": lambda text: text.replace("true", "1").replace("false", "0").encode(),
    "floats for times": lambda text: text.replace("00,1", "00.0,1").replace("00,true", "00.0,true").encode(),
    "carriage returns": lambda text: text.replace("\n", "\r").encode(),
    "carriage returns and line feeds": lambda text: text.replace("\n", "\r\n").encode(),
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
    report = cli("data", "check", other, capsys=capsys)
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
    report = cli("data", "check", quiet, "--instrument", USDM, capsys=capsys)
    assert report["problems"] == ["a header and no rows"]
    with pytest.raises(DataError, match=f"holds no events of {USDM}: a header and no rows"):
        tc.import_tardis(quiet, USDM, tmp_path / "cat")
    # A quiet day beside others is none of anybody's concern, and the first that has rows tells the instrument.
    trades = write(tmp_path / "trades.csv", TRADES, row(0, "1,buy,60000.0,1"))
    report = cli("data", "check", quiet, trades, capsys=capsys)
    assert (report["ok"], report["instrument"], report["files_without_rows"]) == (True, USDM, 1)
