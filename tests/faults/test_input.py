"""Hostile and broken input: refused with its place, in bounded memory, shown without doing anything to a terminal."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import pickle
import random
import struct
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest

import tradecore as tc
from tradecore.cli import main
from tradecore.cli.console import emit
from tradecore.config import load_config
from tradecore.data.exporters import export
from tradecore.errors import ConfigError, DataError
from tradecore.text import csv_safe, in_utf8, printable

USDM = "BTCUSDT.BINANCE_USDM"
BOOK = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n"
TRADES = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
EVENT = [("ev", "u8"), ("exch_ts", "i8"), ("local_ts", "i8"), ("px", "f8"), ("qty", "f8")]
TICKER = '{"e":"bookTicker","u":7,"s":"BTCUSDT","b":"60000.10","B":"1","a":"60000.20","A":"2","T":1700000000000,"E":1}'

# Frames


def decoder() -> tc.FeedDecoder:
    return tc.FeedDecoder("BINANCE_USDM", [tc.find_instrument(USDM)])


def is_taken(frame: bytes) -> bool:
    try:
        decoder().feed(frame, 0)
    except DataError:
        return False
    return True


def test_real_frames_torn_into_one_another_are_refused_or_json(shared: Path) -> None:
    lines = (shared / "wire/binance/usdm_btcusdt_20240808.session.jsonl").read_bytes().splitlines()
    draw = random.Random(5)
    frames = [frame for frame in draw.sample(lines, 60) if len(frame) < 3_000]
    assert all(is_taken(frame) for frame in frames)
    taken = 0
    for _ in range(6_000):
        first, second = draw.sample(frames, 2)
        torn = first[: draw.randrange(len(first))] + second[draw.randrange(len(second)) :]
        if draw.random() < 0.3 and torn:
            at = draw.randrange(len(torn))
            torn = torn[:at] + bytes([draw.randrange(256)]) + torn[at + 1 :]
        if is_taken(torn):
            taken += 1
            orjson.loads(torn)
            json.loads(torn)
    assert taken < 3_000


def test_a_torn_frame_is_no_quote_of_two_frames() -> None:
    other = TICKER.replace("60000", "61000").replace('"u":7', '"u":8')
    for cut in range(1, len(TICKER)):
        assert not is_taken(TICKER[:cut].encode() + other.encode()), TICKER[:cut]


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (TICKER.replace('"60000.10"', '"+60000.10"'), r'b: "\+60000.10" is not a decimal number'),
        (TICKER.replace('"60000.10"', '".5"'), 'b: ".5" is not a decimal number'),
        (TICKER.replace('"60000.10"', '"005.00"'), 'b: "005.00" is not a decimal number'),
        (TICKER.replace('"60000.10"', "NaN"), "byte 42: expected a value"),
        (TICKER.replace('"s"', '"b":"1","s"'), "b is there twice"),
        (TICKER + "]", "byte 108: expected the end of the frame"),
        (TICKER.replace('"s"', '"x":"\\ud800","s"'), "byte .*: expected a character behind"),
        (TICKER.replace('"s"', '"x":"\x1b[2J","s"'), "byte .*: expected no control character in a string"),
        (TICKER.replace('"s"', '"x":' + "[" * 100_000 + ',"s"'), "byte .*: expected less nesting"),
        ("\ufeff" + TICKER, "byte 0: expected an object"),
    ],
)
def test_the_error_names_what_and_where_and_keeps_the_frame(tmp_path: Path, frame: str, problem: str) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        decoder().feed(frame.encode(), 0)
    assert caught.value.problem.isprintable()
    assert len(caught.value.problem) < 1_000
    assert " in " in caught.value.problem
    path = tmp_path / "c.txt"
    path.write_text(f"1700000000000000000 {TICKER}\n1700000000000000001 {frame}\n", encoding="utf-8")
    with pytest.raises(DataError, match=problem) as caught:
        tc.import_binance_ws(path, USDM, tmp_path / "cat")
    assert caught.value.line == 2
    assert caught.value.problem.isprintable()
    assert not (tmp_path / "cat").exists()


# Rows


def row(cells: str) -> str:
    return f"binance-futures,BTCUSDT,1640995200000000,1640995200000100,{cells}\n"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (TRADES + row("1,buy,+5,1"), 2, r'price: "\+5" is not a decimal number'),
        (TRADES + row("1,buy,.5,1"), 2, 'price: ".5" is not a decimal number'),
        (TRADES + row("1,buy,5.,1"), 2, 'price: "5." is not a decimal number'),
        (TRADES + row("1,buy,005.00,1"), 2, 'price: "005.00" is not a decimal number'),
        (TRADES + row("1,buy,100.0,1e"), 2, 'amount: "1e" is not a decimal number'),
        (BOOK + row("true,bid,100.0,1") + row("true,bid,0100.0,1"), 3, 'price: "0100.0" is not a decimal number'),
        (BOOK + row("true,bid,100.0,1") + row("true,bid,100.,1"), 3, 'price: "100." is not a decimal number'),
        (TRADES + row("1,buy,100.0,1,9"), 2, "9 cells, expected 8"),
        (TRADES + row("1,buy,100.0"), 2, "7 cells, expected 8"),
        (TRADES + row('1,buy,10"0.0,1'), 2, "a quote or a control character"),
        (TRADES + row('1,buy,"100.0,1'), 2, "a quoted cell that does not end in its line"),
        (TRADES + row("1\0,buy,100.0,1"), 2, "a quote or a control character"),
        (TRADES + row("1\xff,buy,100.0,1"), 2, "no text in UTF-8"),
        (TRADES + row("1,buy,100.0,1").replace("1640995200000000", "01640995200000000"), 2, "not an unsigned integer"),
        (TRADES.replace("price", 'pr"ice') + row("1,buy,100.0,1"), 1, "a quote or a control character"),
        (TRADES.replace("price", "price\0") + row("1,buy,100.0,1"), 1, "a quote or a control character"),
        (TRADES.replace(",id,", ",price,") + row("1,buy,100.0,1"), 1, "no column id"),
        (TRADES.replace("exchange", "amount") + row("1,buy,100.0,1"), 1, "amount is there twice"),
        (TRADES.strip() + ",x" * 200 + "\n" + row("1,buy,100.0,1"), 1, "more than 104 columns"),
        (TRADES + row("1,buy,100.0," + "0" * 70_000), 2, "more than 65536 bytes in a row"),
    ],
)
def test_a_row_that_the_vendor_would_not_write_is_refused(tmp_path: Path, text: str, line: int, problem: str) -> None:
    path = tmp_path / "trades.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=problem) as caught:
        tc.import_tardis(path, USDM, tmp_path / "cat")
    assert caught.value.line == line
    assert str(caught.value).isprintable()


def test_tiny_prices_of_tardis_may_have_an_exponent(tmp_path: Path) -> None:
    spec = tc.Instrument("X.TEST", kind="spot", base="X", quote="USD", price_increment="1e-9", qty_increment="1")
    path = tmp_path / "trades.csv"
    path.write_text(TRADES + row("1,buy,1.5e-7,2").replace("BTCUSDT", "X"))
    assert tc.import_tardis(path, spec, tmp_path / "cat")["trades"] == 1
    assert tc.Catalog(tmp_path / "cat").scan("X.TEST").collect()["price"].to_list() == [150]


# Memory

MEASURED = """
import sys
import tradecore as tc
import tradecore.data.importers, tradecore.data.check, tradecore.backtest.result
import polars, numpy
from tradecore.memory import peak_rss_mb
from tradecore.errors import TradecoreError

tc.synthesize(sys.argv[2] + "/warm", events=1_000)
before = peak_rss_mb()
path, folder = sys.argv[1:]
try:
    {code}
    said = "nothing"
except TradecoreError as error:
    said = str(error)
print(f"{{peak_rss_mb() - before:.1f}} {{said}}")
"""
"""A process that tells what reading a file cost, MB, and how it ended."""

CAPTURE = f"tc.import_binance_ws(path, '{USDM}', folder + '/cat')"
TARDIS = f"tc.import_tardis(path, '{USDM}', folder + '/cat')"
ARRAYS = f"tc.import_hftbacktest(path, '{USDM}', folder + '/cat')"
CHECK = "tradecore.data.check.check_files(path)"
LOAD = "tc.load_result(path)"


def measured(path: Path, code: str) -> tuple[float, str]:
    command = [sys.executable, "-c", MEASURED.format(code=code), str(path), str(path.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=290)
    assert done.returncode == 0, done.stderr[-2_000:]
    cost, _, said = done.stdout.strip().partition(" ")
    return float(cost), said


def zipped(path: Path, pieces: Iterator[bytes]) -> Path:
    with gzip.open(path, "wb", compresslevel=6) as file:
        for piece in pieces:
            file.write(piece)
    return path


def rows_of_one_time(count: int) -> Iterator[bytes]:
    yield BOOK.encode()
    for _ in range(count // 1_000):
        yield row("true,bid,100.0,1").encode() * 1_000


def deep_frames(count: int) -> Iterator[bytes]:
    levels = '["60000.10","1.000"],' * 9_999 + '["60000.10","1.000"]'
    for number in range(1, count):
        frame = f'"s":"BTCUSDT","U":{number},"u":{number},"pu":{number - 1},"b":[{levels}],"a":[]'
        yield f'1700000000000000000 {{"e":"depthUpdate","E":1700000000000,{frame}}}\n'.encode()


def snapshot_of_levels(count: int) -> Iterator[bytes]:
    yield b'1700000000000000000 {"lastUpdateId":1,"bids":['
    yield b"[1,1]," * count
    yield b'[1,1]],"asks":[]}\n'


@pytest.mark.parametrize(
    ("name", "pieces", "code", "said"),
    [
        ("c.gz", lambda: (bytes(1 << 20) for _ in range(130)), CAPTURE, ":1: more than 8388608 bytes in a line"),
        ("c.gz", lambda: (b"x" * (1 << 20) for _ in range(130)), CHECK, ":1: more than 8388608 bytes in a line"),
        ("t.csv.gz", lambda: (b"a,local_timestamp," * 50_000 for _ in range(150)), TARDIS, "bytes in a"),
        ("t.csv.gz", lambda: (b"local_timestamp," * 50_000 for _ in range(9)), CHECK, "bytes in a row"),
        ("t.csv.gz", lambda: iter([TRADES.encode(), b"," * (1 << 22)]), TARDIS, ":2: more than 65536 bytes in a row"),
        ("c.gz", lambda: (b"\n" * (1 << 20) for _ in range(32)), CAPTURE, "holds no events"),
        ("b.csv.gz", lambda: rows_of_one_time(2_000_000), TARDIS, "more than 524288 rows of one local_timestamp"),
        ("c.gz", lambda: deep_frames(300), CAPTURE, "no snapshot goes with its"),
        ("c.gz", lambda: snapshot_of_levels(1_000_000), CAPTURE, ":1: more than 131072 levels in a frame"),
    ],
)  # fmt: skip
def test_a_bomb_costs_less_than_100_mb_and_ends_in_an_error(
    tmp_path: Path, name: str, pieces: Any, code: str, said: str
) -> None:
    path = zipped(tmp_path / name, pieces())
    assert path.stat().st_size < 1 << 20
    cost, ended = measured(path, code)
    assert said in ended
    assert cost < 100


def array_file(path: Path, header: bytes, pieces: Iterator[bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive, archive.open("data.npy", "w", force_zip64=True) as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
        for piece in pieces:
            file.write(piece)
    return path


def header_of(rows: str) -> bytes:
    return f"{{'descr': {EVENT!r}, 'fortran_order': False, 'shape': ({rows},), }}\n".encode()


LOCAL_BUY_DEPTH = 1 << 30 | 1 << 29 | 1


@pytest.mark.parametrize(
    ("header", "piece", "times", "said"),
    [
        (header_of("3407872"), bytes(1 << 20), 130, "holds no events"),
        (header_of(str(10**15)), bytes(1 << 20), 130, "was cut: it says that it has 1,000,000,000,000,000 rows"),
        (header_of("5"), bytes(1 << 20), 130, "has more than the 5 rows it says"),
        (header_of("-5"), b"", 0, "is not an event array: -5 rows"),
        (header_of("2, 2"), bytes(160), 1, "2 dimensions"),
        (b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n", pickle.dumps(print), 1, "pickled objects"),
        (b"{" * 60_000, b"", 0, "is not an event array"),
    ],
)
def test_an_array_is_read_in_pieces_whatever_it_claims(
    tmp_path: Path, header: bytes, piece: bytes, times: int, said: str
) -> None:
    path = array_file(tmp_path / "a.npz", header, (piece for _ in range(times)))
    cost, ended = measured(path, ARRAYS)
    assert said in ended
    assert cost < 100
    path = tmp_path / "a.npy"
    with path.open("wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + piece)
    with pytest.raises(DataError):
        tc.import_hftbacktest(path, USDM, tmp_path / "cat")


def test_rows_of_one_time_in_an_array_have_a_limit(tmp_path: Path) -> None:
    rows = np.zeros(1 << 16, EVENT)
    for field, value in {"ev": LOCAL_BUY_DEPTH, "exch_ts": 1, "local_ts": 1, "px": 100.0, "qty": 1.0}.items():
        rows[field] = value
    path = array_file(tmp_path / "a.npz", header_of(str(len(rows) * 40)), (rows.tobytes() for _ in range(40)))
    cost, ended = measured(path, ARRAYS)
    assert "a.npz:524289: more than 524288 rows of one time" in ended
    assert cost < 100


def test_an_array_packed_with_what_asks_for_any_memory_is_refused(tmp_path: Path) -> None:
    path = array_file(tmp_path / "a.npz", header_of("1"), iter([bytes(40)]), zipfile.ZIP_LZMA)
    with pytest.raises(DataError, match="something else than deflate"):
        tc.import_hftbacktest(path, USDM, tmp_path / "cat")


def test_members_of_gzip_after_one_another_are_one_stream(tmp_path: Path) -> None:
    lines = [f"170000000000000000{n} {TICKER.replace('7', str(n), 1)}\n".encode() for n in range(9)]
    path = tmp_path / "c.gz"
    path.write_bytes(b"".join(gzip.compress(line[:20]) + gzip.compress(line[20:]) for line in lines))
    assert tc.import_binance_ws(path, USDM, tmp_path / "cat")["quotes"] == 9


def test_a_configuration_has_a_size_and_a_depth(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    for text, problem in [
        ("#" * (5 << 20), "has more than 4 MiB"),
        ("a = " + "[" * 50_000, "is not TOML"),
        ("a = " + "1" * 5_000, "is not TOML"),
        ("a = '\udcff'", "no text in UTF-8"),
    ]:
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        with pytest.raises(ConfigError, match=problem):
            load_config(path)
    with pytest.raises(ConfigError, match="has more than 4 MiB"):
        load_config("/dev/zero")
    for name, text, problem in [
        ("s.toml", "#" * (5 << 20), "has more than 4 MiB"),
        ("s.json", "[" * 100_000, "cannot be read"),
        ("s.json", "[" + "1" * 5_000 + "]", "cannot be read"),
        ("s.json", '{"instruments": [], "instruments": []}', "'instruments' is there twice"),
        ("s.json", "[NaN]", "NaN is no number of JSON"),
        ("s.json", "[1e99999999999999999999]", "cannot be read"),
    ]:
        (tmp_path / name).write_text(text)
        with pytest.raises(ConfigError, match=problem):
            tc.load_instruments(tmp_path / name)


@pytest.fixture
def result_file(tmp_path: Path, market: Path) -> Path:
    venue = tc.SimVenue("SYNTH")
    result = tc.Backtest(
        [tc.TouchMaker("m", ["BTCUSDT.SYNTH"], quote_qty="0.01", max_position="0.05")], market, [venue]
    ).run()
    path = tmp_path / "r.tcr"
    result.save(path)
    return path


def test_a_result_is_not_unpacked_before_its_size_is_known(result_file: Path) -> None:
    with zipfile.ZipFile(result_file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    bombs: dict[str, tuple[str, bytes, str]] = {
        "text": ("result.json", b" " * (130 << 20), "bytes unpack to"),
        "values": ("result.json", b"[" + b"[]," * (5 << 20) + b"1]", "too many values"),
        "journal": ("journal", bytes(130 << 20), "bytes unpack to"),
        "table": ("tables/fills", bytes(130 << 20), "bytes unpack to"),
    }
    for name, (member, data, said) in bombs.items():
        path = result_file.with_name(f"{name}.tcr")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for other, content in members.items():
                archive.writestr(other, data if other == member else content)
        cost, ended = measured(path, LOAD)
        assert said in ended, name
        assert cost < 100, name
    sizes = orjson.loads(members["result.json"])
    text = orjson.dumps(sizes).replace(b"[[", b"[[99999999999999,", 1)
    path = result_file.with_name("claims.tcr")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for other, content in members.items():
            archive.writestr(other, text if other == "result.json" else content)
    with pytest.raises(DataError):
        tc.load_result(path)


def test_a_device_or_a_pipe_is_no_result_and_is_not_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.tcr"
    os.mkfifo(pipe)
    for path in ("/dev/zero", pipe):
        with pytest.raises(DataError, match="is no regular file"):
            tc.load_result(path)


def test_a_name_that_no_file_can_have_is_refused_with_it() -> None:
    with pytest.raises(ConfigError, match="null"):
        tc.load_instruments("a\0b.toml")


class Quick(tc.Strategy):
    """Does nothing, quickly."""


def test_a_file_that_is_none_of_a_sweep_is_left_as_it_is(tmp_path: Path, market: Path) -> None:
    for content in (b"my only copy", b"first line\nmy only copy", b'{"form":"tradecore sweep 2"', b"x" * (17 << 20)):
        path = tmp_path / "notes.txt"
        path.write_bytes(content)
        with pytest.raises(DataError):
            tc.sweep(Quick, market, {}, venues=[tc.SimVenue("SYNTH")], workers=1, resume=path)
        assert path.read_bytes() == content
    path.unlink()
    tc.sweep(Quick, market, {}, venues=[tc.SimVenue("SYNTH")], workers=1, resume=path)
    whole = path.read_bytes()
    for cut in (10, whole.index(b"\n") + 5, len(whole) - 1):
        path.write_bytes(whole[:cut])
        tc.sweep(Quick, market, {}, venues=[tc.SimVenue("SYNTH")], workers=1, resume=path)
        assert path.read_bytes().count(b"\n") == 2


# What is shown

HOSTILE = "\x1b[2J\x1b]0;mine\x07\u202egnp\u2066\x9b31m\r"


def test_text_is_shown_and_does_nothing() -> None:
    assert printable("plain é 币安") == "plain é 币安"
    shown = printable(HOSTILE + "a\nb\tc")
    assert shown.isprintable()
    assert r"\x1b[2J" in shown
    assert r"\u202egnp" in shown
    assert printable("a\n\tb\x1b", lines=True) == "a\n\tb\\x1b"
    assert in_utf8({"a": ["\udcff", ("é",)], "b": 1, "\ud800": None}) == {
        "a": [r"\xff", ["é"]],
        "b": 1,
        r"\ud800": None,
    }


def test_no_command_writes_what_a_file_says_to_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = HOSTILE.replace("\x9b", "").replace("\r", "")
    folder = tmp_path / name.replace("/", "")
    folder.mkdir()
    capture = folder / "c.txt"
    capture.write_text(f"1700000000000000000 {TICKER.replace('BTC', HOSTILE[4:-1])}\n", encoding="utf-8")
    specs = folder / "s.toml"
    specs.write_text(f'[[instruments]]\nid = "{HOSTILE.encode("unicode_escape").decode()}"\n'.replace("\\x", "\\u00"))
    config = folder / "c.toml"
    config.write_text('"a\\u001b[2J" = "\\u202e"\n')
    market = folder / "market"
    runs: list[list[Any]] = [
        ["data", "check", capture],
        ["data", "import", "binance-ws", capture, "--catalog", market],
        ["data", "import", "binance-ws", capture, "--catalog", market, "--specs", specs],
        ["data", "import", "tardis", capture, "--catalog", market, "--instrument", HOSTILE],
        ["data", "synth", "--catalog", market, "--events", 1_000],
        ["data", "info", market],
        ["data", "info", market, "--json"],
        ["data", "export", market, folder / "out.csv", "--format", "csv"],
        ["data", "export", market, folder / "out", "--format", HOSTILE],
        ["backtest", "--config", config],
        ["backtest", "--config", HOSTILE],
        ["init", folder / "demo"],
        ["nothing", HOSTILE],
        [HOSTILE],
    ]
    for words in runs:
        with contextlib.suppress(SystemExit):
            main([str(word) for word in words])
        said = capsys.readouterr()
        for text in (said.out, said.err):
            assert all(line.isprintable() for line in text.split("\n")), (words, text)
            assert "internal error" not in text


def test_a_report_shows_names_as_escapes(market: Path) -> None:
    strategy = tc.TouchMaker("m\ue000", ["BTCUSDT.SYNTH"], quote_qty="0.01", max_position="0.05")
    shown = str(tc.Backtest([strategy], market, [tc.SimVenue("SYNTH")]).run())
    assert all(line.isprintable() for line in shown.split("\n"))


def test_json_on_stdout_is_strict_and_moves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    said = {"path": "a\udcff", "bidi\u202e": ["\x9b币", 1.5, None, "\x1b"]}
    emit(said)
    text = capsys.readouterr().out
    assert all(line.isprintable() for line in text.split("\n"))
    assert json.loads(text) == orjson.loads(text) == in_utf8(said)


def test_a_spreadsheet_finds_no_formula() -> None:
    frame = pl.DataFrame(
        {
            "text": [
                "=1+1",
                "+1+1",
                "-1+1",
                "@SUM(A1)",
                "\t=1",
                "\r=1",
                "-5",
                "+5",
                "-1.5e-3",
                "plain",
                "",
                None,
                "a=1",
            ],
            "number": list(range(-6, 7)),
        }
    )
    safe = csv_safe(frame)
    assert safe["text"].to_list() == [
        "'=1+1", "'+1+1", "'-1+1", "'@SUM(A1)", "'\t=1", "'\r=1", "-5", "+5", "-1.5e-3", "plain", "", None, "a=1",
    ]  # fmt: skip
    assert safe["number"].equals(frame["number"])


CONFIG = """
[data]
catalog = "{market}"
[[strategies]]
kind = "touch_maker"
name = "=cmd|' /C calc'!A0"
params = {{ quote_qty = "0.01", max_position = "0.05" }}
[output]
dir = "{folder}"
{option}
"""


@pytest.mark.parametrize(("option", "cell"), [("", "'=cmd|' /C calc'!A0"), ("csv_safe = false", "=cmd|' /C calc'!A0")])
def test_a_runs_tables_hold_formulas_only_when_asked(
    tmp_path: Path, market: Path, option: str, cell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "c.toml"
    config.write_text(CONFIG.format(market=market, folder=tmp_path / "runs", option=option))
    assert main(["backtest", "--config", str(config), "--quiet"]) == 0
    (orders,) = (tmp_path / "runs").glob("*_orders.csv")
    (positions,) = (tmp_path / "runs").glob("*_positions.csv")
    assert set(pl.read_csv(orders)["strategy"]) == {cell}
    table = pl.read_csv(positions)
    assert table["position"].dtype.is_numeric()
    assert table["position"].min() < 0  # type: ignore[operator]


def test_an_export_holds_formulas_only_when_asked(tmp_path: Path) -> None:
    spec = tc.Instrument("=1+1.TEST", kind="spot", base="X", quote="USD", price_increment="0.1", qty_increment="0.001")
    tc.synthesize(tmp_path / "market", events=2_000, instrument=spec)
    for safe, symbol in ((True, "'=1+1"), (False, "=1+1")):
        folder = tmp_path / str(safe)
        export(tmp_path / "market", spec.id, folder, form="tardis", csv_safe=safe)
        assert set(pl.read_csv(folder / "incremental_book_L2.csv.gz")["symbol"]) == {symbol}
    arguments = ["data", "export", str(tmp_path / "market"), str(tmp_path / "raw"), "--format", "tardis", "--raw-text"]
    assert main(arguments) == 0
    assert set(pl.read_csv(tmp_path / "raw" / "incremental_book_L2.csv.gz")["symbol"]) == {"=1+1"}


# Names, streams, locale


@pytest.mark.skipif(sys.platform != "linux", reason="file names that are no UTF-8 are made on Linux")
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_no_command_breaks_on_names_and_streams_that_are_no_utf8(tmp_path: Path, locale: str) -> None:
    folder = os.fsencode(tmp_path) + b"/m\xff\xc3\xa9"
    os.mkdir(folder)
    Path(os.fsdecode(folder + b"/c.txt")).write_text(f"1700000000000000000 {TICKER}\n")
    Path(os.fsdecode(folder + b"/trades.csv")).write_text(TRADES + row("1,buy,100.0,1"))
    rows = np.array([(LOCAL_BUY_DEPTH, 10**18, 10**18, 100.0, 1.0)], EVENT)
    np.savez(os.fsdecode(folder + b"/a.npz"), data=rows)
    Path(os.fsdecode(folder + b"/bad.toml")).write_text('"\u202e\u5e01" = 1', encoding="utf-8")
    here, there = os.fsencode(tmp_path) + b"/", folder + b"/"
    runs: list[tuple[int, list[bytes]]] = [
        (2, [b"init", there + b"demo"]),
        (0, [b"init", here + b"demo"]),
        (0, [b"backtest", b"--config", b"backtest.toml"]),
        (0, [b"backtest", b"--config", b"backtest.toml", b"--output", there + b"runs"]),
        (0, [b"backtest", b"--config", b"backtest.toml", b"--output", there, b"--json"]),
        (0, [b"backtest", b"--config", b"backtest.toml", b"--plot", there + b"p.png"]),
        (2, [b"backtest", b"--config", b"backtest.toml", b"--data", there]),
        (2, [b"backtest", b"--config", there + b"bad.toml"]),
        (2, [b"backtest", b"--config", there + b"none.toml"]),
        (0, [b"strategies"]),
        (0, [b"strategies", b"--json"]),
        (2, [b"data", b"synth", b"--catalog", there + b"m"]),
        (0, [b"data", b"synth", b"--catalog", here + b"m", b"--events", b"1000"]),
        (2, [b"data", b"info", there + b"m"]),
        (0, [b"data", b"info", here + b"m"]),
        (0, [b"data", b"info", here + b"m", b"--json"]),
        (0, [b"data", b"check", there + b"c.txt"]),
        (0, [b"data", b"check", there + b"c.txt", b"--json"]),
        (0, [b"data", b"import", b"binance-ws", there + b"c.txt", b"--catalog", here + b"ws"]),
        (0, [b"data", b"import", b"tardis", there + b"trades.csv", b"--catalog", here + b"ta", b"--json"]),
        (2, [b"data", b"import", b"hftbacktest", there + b"a.npz", b"--catalog", here + b"hf"]),
        (0, [b"data", b"import", b"hftbacktest", there + b"a.npz", b"--catalog", b"hf", b"--instrument", USDM.encode()]),
        (2, [b"data", b"import", b"tardis", there + b"c.txt", b"--catalog", here + b"ta"]),
        (0, [b"data", b"export", here + b"m", there + b"out.csv", b"--format", b"csv"]),
        (0, [b"data", b"export", here + b"m", there + b"out", b"--format", b"tardis", b"--json"]),
        (0, [b"data", b"export", here + b"m", there + b"out.npz", b"--format", b"hftbacktest"]),
        (2, [b"no\xff\xc3\xa9"]),
        (0, [b"--help"]),
        (0, [b"data", b"import", b"binance-ws", b"--help"]),
    ]  # fmt: skip
    # One process for all, since the imports take their time.
    script = textwrap.dedent(
        """
        import sys
        from tradecore.cli import main
        for line in open(sys.argv[1]).read().split("\\n"):
            words = [bytes.fromhex(word).decode(sys.getfilesystemencoding(), "surrogateescape") for word in line.split()]
            try:
                code = main(words)
            except SystemExit as stop:
                code = stop.code
            print("EXIT", code, line, flush=True)
            print("EXIT", code, line, file=sys.stderr, flush=True)
        """
    )
    lines = [" ".join(word.hex() for word in words) for _, words in runs]
    (tmp_path / "demo").mkdir()
    (tmp_path / "runs.txt").write_text("\n".join(lines))
    environment = {
        **os.environ,
        "LC_ALL": locale,
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONIOENCODING": "ascii" if locale == "C" else "utf-8",
        "PYTHONPATH": str(Path(tc.__file__).parents[1]),
    }
    command = [sys.executable, "-c", script, str(tmp_path / "runs.txt")]
    done = subprocess.run(
        command, capture_output=True, check=False, env=environment, cwd=tmp_path / "demo", timeout=290
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-3_000:]
    assert b"internal error" not in said, said[said.find(b"internal error") :][:500]
    assert b"Traceback" not in said, said[said.find(b"Traceback") :][:2_000]
    codes = [int(line.split()[1]) for line in done.stdout.split(b"\n") if line.startswith(b"EXIT")]
    assert codes == [code for code, _ in runs], said.decode("latin-1")
