"""Trouble that people reported in public, as far as whole files are concerned: which they are, what is wrong in them."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import tradecore as tc
from conftest import cli_json
from tradecore.cli.app import main
from tradecore.data.check import check_files
from tradecore.data.inference import infer_instrument
from tradecore.errors import DataError, InvalidValueError

BOOK = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n"


def book(path: Path, exchange: str, symbol: str, price: str = "60000.0", amount: str = "12") -> Path:
    rows = [f"{exchange},{symbol},1723075200000000,1723075200000900,true,{side}\n" for side in ("bid", "ask")]
    path.write_text(BOOK + rows[0][:-1] + f",{price},{amount}\n" + rows[1][:-1] + f",{float(price) + 1},{amount}\n")
    return path


# --- the kind of a contract ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("deribit-BTC-PERPETUAL", ("BTC-PERPETUAL.DERIBIT", "inverse", "BTC", "1")),
        ("bybit-BTCUSD", ("BTCUSD.BYBIT", "inverse", "BTC", "1")),
        ("bitmex-ETHUSD", ("ETHUSD.BITMEX", "quanto", "XBT", "0.000001")),
        ("okex-swap-BTC-USDT-SWAP", ("BTC-USDT-SWAP.OKEX_SWAP", "linear", "USDT", "0.01")),
    ],
)
def test_the_reported_contracts_are_of_their_kind(
    name: str, expected: tuple[str, ...], cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = cases / f"12-infer-{name}.csv"
    spec = cli_json("data", "import", "tardis", file, "--infer", "--catalog", tmp_path, capsys=capsys)["inferred"]
    assert (spec["id"], spec["kind"], spec["settlement"], spec["contract_size"]) == expected


@pytest.mark.parametrize(
    ("exchange", "symbol", "expected"),
    [
        ("deribit", "ETH-26JUN26", ("inverse", "ETH", "1")),
        ("bybit", "XRPUSDM26", ("inverse", "XRP", "1")),
        ("bitmex", "LTCUSD", ("quanto", "XBT", "0.000002")),
        ("okex-futures", "ETH-USD-260626", ("inverse", "ETH", "10")),
        ("binance-delivery", "BTCUSD_260626", ("inverse", "BTC", "100")),
        ("coinbase-international", "BTC-PERP", ("linear", "USDC", "1")),
    ],
)
def test_a_contract_is_of_the_kind_its_symbol_says(
    exchange: str, symbol: str, expected: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = book(tmp_path / "book.csv", exchange, symbol)
    spec = cli_json("data", "import", "tardis", file, "--infer", "--catalog", tmp_path / "c", capsys=capsys)["inferred"]
    assert (spec["kind"], spec["settlement"], spec["contract_size"]) == expected


def test_what_the_symbol_does_not_say_is_asked_for_by_the_option_that_says_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["data", "import", "tardis", "--infer", "--catalog", str(tmp_path / "c")]
    size = str(book(tmp_path / "a.csv", "okex-swap", "SOL-USDT-SWAP"))
    assert main([*command, size]) == 2
    error = capsys.readouterr().err
    assert "SOL-USDT-SWAP.OKEX_SWAP: contract_size: cannot be told" in error
    assert "--contract-size" in error
    kind = str(book(tmp_path / "b.csv", "newvenue", "FOO-USDT"))
    assert main([*command, kind]) == 2
    error = capsys.readouterr().err
    assert "FOO-USDT.NEWVENUE: kind: cannot be told" in error
    assert "--kind spot|linear" in error
    assert not (tmp_path / "c").exists()
    spec = cli_json(*command, size, "--contract-size", "1", capsys=capsys)["inferred"]
    assert (spec["kind"], spec["contract_size"]) == ("linear", "1")
    spec = cli_json(*command, kind, "--kind", "spot", capsys=capsys)["inferred"]
    assert (spec["kind"], spec["base"], spec["quote"]) == ("spot", "FOO", "USDT")
    assert main([*command[:3], "--catalog", "c", "--kind", "spot", kind]) == 2
    assert "--kind: goes with --infer" in capsys.readouterr().err


def test_a_kind_that_is_given_stands_over_the_symbol(tmp_path: Path) -> None:
    file = book(tmp_path / "a.csv", "bybit", "BTCUSDT")
    inferred = infer_instrument("tardis", "BTCUSDT.BYBIT", file, kind="spot")
    assert (inferred.instrument.kind, inferred.instrument.contract_size) == ("spot", 1)
    assert any("kind as given" in note for note in inferred.notes)
    with pytest.raises(tc.errors.InvalidValueError, match="kind: 'swap' is not one of spot"):
        infer_instrument("tardis", "BTCUSDT.BYBIT", file, kind="swap")
    with pytest.raises(tc.errors.InstrumentError, match="--specs FILE"):
        infer_instrument("tardis", "BTCUSDT.BYBIT", file, kind="quanto", contract_size="0.1")
    with pytest.raises(tc.errors.InstrumentError, match="contract_size"):
        infer_instrument("tardis", "BTCUSDT.BYBIT", file, contract_size="-1")


# --- numbers of any size ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exchange", "symbol", "prices", "amounts", "increments"),
    [
        ("binance", "PEPEUSDT", ("0.00000880", "0.00000881"), ("28367292769", "12500000000"), ("0.00000001", "1")),
        ("binance", "BONKUSDT", ("0.00000880", "0.00000885"), ("283672927690000", "10000"), ("0.00000005", "10000")),
        (
            "gate-io",
            "BABYDOGE_USDT",
            ("0.000000001234", "0.000000001235"),
            ("5000000000", "1"),
            ("0.000000000001", "1"),
        ),
        ("binance", "BTCIDRT", ("1723075200123", "1723075200124"), ("0.00000001", "5"), ("1", "0.00000001")),
        ("binance", "MOGUSDT", ("0.00000000012", "2000"), ("500000000000", "0.25"), ("0.00000000002", "0.25")),
        ("binance", "DUSTUSDT", ("0.00001234", "0.00002468"), ("1", "0.0004"), ("0.00000002", "0.0002")),
        ("binance", "ONEUSDT", ("0.012345", "0.012345"), ("28367292769", "28367292769"), ("0.000005", "1")),
    ],
)
def test_numbers_of_any_size_and_fineness_find_a_grid_that_fits(
    exchange: str,
    symbol: str,
    prices: tuple[str, str],
    amounts: tuple[str, str],
    increments: tuple[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stamps = f"{exchange},{symbol},1723075200000000,1723075200000900,true"
    rows = [
        f"{stamps},{side},{price},{qty}\n" for side, price, qty in zip(("bid", "ask"), prices, amounts, strict=True)
    ]
    path = tmp_path / "book.csv"
    path.write_text(BOOK + "".join(rows))
    report = check(path, capsys=capsys, code=0)
    levels = [tuple(map(Decimal, level)) for level in (report["best_bid"], report["best_ask"])]
    assert levels == [tuple(map(Decimal, level)) for level in zip(prices, amounts, strict=True)]
    words = ["--infer", "--kind", "spot", "--catalog", tmp_path / "c"]
    spec = cli_json("data", "import", "tardis", path, *words, capsys=capsys)["inferred"]
    assert (spec["price_increment"], spec["qty_increment"]) == increments
    done = cli_json("data", "import", path, *words[:3], "--catalog", tmp_path / "f", capsys=capsys)
    assert done["imported"] == 1


def test_klines_have_increments_of_their_volumes_not_of_their_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "spot" / "PEPEUSDT-1m-2024-08-08.csv"
    path.parent.mkdir()
    begin = 1_723_075_200_000
    path.write_text(
        "".join(
            f"{begin + at},0.00000123,0.00000125,0.00000120,0.00000124,5000000,{begin + at + 59_999},7,{count},3,1,0\n"
            for at, count in ((0, 10), (60_000, 17))
        )
    )
    done = cli_json("data", "import", path, "--infer", "--catalog", tmp_path / "c", capsys=capsys)
    assert done["imported"] == 1
    spec = tc.Catalog(tmp_path / "c").instrument("PEPEUSDT.BINANCE")
    assert (spec.price_increment, spec.qty_increment) == (Decimal("0.00000001"), 1)


def test_a_check_goes_by_the_specifications_it_is_given_and_needs_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = book(tmp_path / "a.csv", "binance", "PEPEUSDT", amount="28367292769.5")
    report = check(path, "--instrument", "PEPEUSDT.BINANCE", capsys=capsys, code=0)
    assert Decimal(report["best_bid"][1]) == Decimal("28367292769.5")
    specs = tmp_path / "specs.toml"
    lines = ['id = "PEPEUSDT.BINANCE"', 'kind = "spot"', 'base = "PEPE"', 'quote = "USDT"', 'price_increment = "0.1"']
    specs.write_text("\n".join(["[[instruments]]", *lines, 'qty_increment = "0.5"']))
    assert check(path, "--specs", specs, capsys=capsys, code=0)["best_bid"][1] == "28367292769.5"
    specs.write_text("\n".join(["[[instruments]]", *lines, 'qty_increment = "1"']))
    assert "28367292769.5 is not a multiple of 1" in check(path, "--specs", specs, capsys=capsys)["problems"][0]
    for words in (["--instrument", "DOGEUSDT.BINANCE", "--specs", specs], ["--instrument", "PEPEUSDT.BINANC"]):
        assert main(["data", "check", str(path), *map(str, words), "--quiet"]) in (1, 2)
        told = capsys.readouterr()
        assert f"unknown instrument {words[1]}" in told.out + told.err


def test_numbers_that_no_grid_takes_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = book(tmp_path / "a.csv", "binance", "FOOUSDT", amount="0.00000000001")
    path.write_text(path.read_text().replace("ask,60001.0,0.00000000001", "ask,60001.0,90000000000000"))
    (problem,) = check(path, capsys=capsys)["problems"]
    assert f"{path}:" in problem
    assert "amount" in problem


@pytest.mark.parametrize(("name", "of"), [("price", "60000.0"), ("amount", "60000.0,1")])
def test_a_number_beyond_any_grid_is_told_by_its_line(
    name: str, of: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    huge = "12345678901234567890"
    path = book(tmp_path / "a.csv", "binance", "FOOUSDT", amount="1")
    text = path.read_text()
    assert of in text
    path.write_text(text.replace(of, huge if name == "price" else f"60000.0,{huge}"))
    (problem,) = check(path, capsys=capsys)["problems"]
    assert re.search(rf"a\.csv:\d+: {name}: {huge} is 2\^60 steps", problem)


@pytest.mark.parametrize(("name", "qty"), [("06-huge-quantity-tardis", "30000000000"), ("07-tiny-price", "5000000000")])
def test_the_reported_numbers_are_read(
    name: str, qty: str, cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = check(cases / f"{name}.csv", capsys=capsys, code=0)
    assert Decimal(report["best_bid"][1]) == Decimal(qty)
    words = ["--infer", "--kind", "spot", "--catalog", tmp_path]
    assert cli_json("data", "import", "tardis", cases / f"{name}.csv", *words, capsys=capsys)["bid_levels"] >= 1


# --- recordings ---------------------------------------------------------------------------------------------------

START = 1_723_075_200_000
"""ms UTC: 2024-08-08."""
Frame = dict[str, Any]


def snapshot(at: int, last: int = 100) -> tuple[int, Frame]:
    levels = {"bids": [["60000.0", "5.0"], ["59999.0", "5.0"]], "asks": [["60000.1", "5.0"], ["60001.0", "5.0"]]}
    return at, {"lastUpdateId": last, "E": START + at, "T": START + at, **levels}


def depth(at: int, number: int, bids: Iterable[tuple[str, str]] = (), asks: Iterable[tuple[str, str]] = ()) -> Any:
    ids = {"U": number, "u": number, "pu": number - 1}
    sides = {"b": [list(level) for level in bids], "a": [list(level) for level in asks]}
    return at, {"e": "depthUpdate", "E": START + at, "T": START + at, "s": "BTCUSDT", **ids, **sides}


def trade(at: int, number: int, symbol: str = "BTCUSDT") -> tuple[int, Frame]:
    terms = {"t": number, "p": "60000.0", "q": "0.5", "X": "MARKET", "m": True}
    return at, {"e": "trade", "E": START + at, "T": START + at, "s": symbol, **terms}


def quiet_market(seconds: int = 3, first: int = 101) -> list[tuple[int, Frame]]:
    """A snapshot, then every 100 ms a change of the book that leaves the best prices alone, every second a trade."""
    changes = [depth(100 * n, first + n - 1, bids=[("59999.0", f"{n % 7 + 1}.0")]) for n in range(1, 10 * seconds)]
    trades = [trade(1_000 * n + 50, 7_000 + n) for n in range(seconds)]
    return sorted([snapshot(0), *changes, *trades], key=lambda each: each[0])


def later(frames: Iterable[tuple[int, Frame]], ms: int) -> list[tuple[int, Frame]]:
    return [(at + ms, {**frame, "E": START + at + ms, "T": START + at + ms}) for at, frame in frames]


def record(
    path: Path, frames: Iterable[tuple[int, Frame]], late_us: int = 900, wrapped: bool = False, spaced: bool = False
) -> Path:
    """Write a capture whose frames were received so long after they were stamped."""
    lines = []
    separators = (", ", ": ") if spaced else (",", ":")
    for at, frame in frames:
        data = {"stream": "s", "data": frame} if wrapped and "e" in frame else frame
        lines.append(f"{(START + at) * 1_000_000 + late_us * 1_000} {json.dumps(data, separators=separators)}\n")
    path.write_text("".join(lines))
    return path


def check(*words: object, capsys: pytest.CaptureFixture[str], code: int = 1) -> Any:
    return cli_json("data", "check", *words, capsys=capsys, code=code)


def test_a_sound_recording_passes_and_says_how_long_messages_took(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = check(record(tmp_path / "a.txt", quiet_market()), capsys=capsys, code=0)
    assert report["ok"]
    assert report["problems"] == report["notes"] == []
    assert report["latency_ns"] == dict.fromkeys(("min", "p1", "p50", "p90", "p99", "p99.9", "max"), 900_000)
    assert (report["locked_ns"], report["crossed_ns"], report["longest_silence_ns"]) == (0, 0, 100_000_000)


@pytest.mark.parametrize(
    ("frames", "words", "problem"),
    [
        (
            [(0, {"e": "newKind", "s": "BTCUSDT"}), (1, {"e": "other"})],
            ["--instrument", "BTCUSDT.BINANCE_USDM"],
            "nothing",
        ),
        ([trade(at, at, "ETHUSDT") for at in range(4)], ["--instrument", "BTCUSDT.BINANCE_USDM"], "all 4 messages"),
    ],
)
def test_a_recording_of_nothing_fails(
    frames: list[tuple[int, Frame]],
    words: list[str],
    problem: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = record(tmp_path / "a.txt", frames)
    report = check(path, *words, capsys=capsys)
    assert not report["ok"]
    assert any(problem in text for text in report["problems"]), report["problems"]


def test_a_stamp_that_no_market_has_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for late_ms, word in ((-2_000, "stamped"), (90_000, "over 60 s later than is usual here, first at 2024-08-08")):
        frames = quiet_market()
        at, frame = frames[17]
        frames[17] = (at, frame | {"E": START + at - late_ms, "T": START + at - late_ms})
        report = check(record(tmp_path / "a.txt", frames), capsys=capsys)
        (problem,) = report["problems"]
        assert word in problem


def test_snapshots_alone_fail_where_all_their_stamps_are_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = "asks[0].price,asks[0].amount,bids[0].price,bids[0].amount"
    rows = [f"binance-futures,BTCUSDT,{START + n}000,{START + n + 7_200_000}000,60000.1,1,60000.0,1" for n in range(9)]
    path = tmp_path / "book_snapshot_5.csv"
    path.write_text("\n".join([f"exchange,symbol,timestamp,local_timestamp,{cells}", *rows]) + "\n")
    report = check(path, capsys=capsys)
    assert any("half of the messages took 2 h or less" in text for text in report["problems"]), report["problems"]


def crossing(price: str, until: int) -> list[tuple[int, Frame]]:
    """A bid at or above the best ask from 500 ms on, which goes at another time."""
    frames = quiet_market(4)
    for index, (at, frame) in enumerate(frames):
        if at in (500, until) and frame.get("e") == "depthUpdate":
            frames[index] = depth(at, frame["u"], bids=[(price, "1.0" if at == 500 else "0")])
    return frames


@pytest.mark.parametrize(("price", "key"), [("60000.1", "locked_ns"), ("60000.5", "crossed_ns")])
def test_a_book_locked_or_crossed_for_longer_than_a_second_fails(
    price: str, key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = check(record(tmp_path / "a.txt", crossing(price, 2_200)), capsys=capsys)
    assert report["long_crossings"] == 1
    assert report["longest_crossed_ns"] >= 1_000_000_000
    assert report[key] == report["longest_crossed_ns"]
    assert any("stays locked or crossed for more than a second" in text for text in report["problems"])
    for_a_moment = check(record(tmp_path / "b.txt", crossing(price, 1_400)), capsys=capsys, code=0)
    assert (for_a_moment[key], for_a_moment["problems"]) == (900_000_000, [])
    assert any("locked or crossed after" in text for text in for_a_moment["notes"])


def test_gaps_fail_and_a_missing_snapshot_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = quiet_market()
    report = check(record(tmp_path / "gap.txt", frames[:9] + frames[10:]), capsys=capsys)
    assert report["gaps"] == 1
    assert any("1 gap in the sequence" in text for text in report["problems"])
    report = check(record(tmp_path / "late.txt", frames[1:]), capsys=capsys, code=0)
    assert report["missing_snapshot"]
    assert (report["ok"], report["failed"]) == (False, False)


def test_a_line_that_cannot_be_read_is_a_problem_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record(tmp_path / "a.txt", quiet_market())
    path.write_text(path.read_text() + "pong\n")
    assert main(["data", "check", str(path)]) == 1
    out, err = capsys.readouterr()
    assert f"{path}:" in err
    assert re.search(r"^ok +no$", out, re.MULTILINE)
    assert "pong" in out
    report = check(path, capsys=capsys)
    assert (report["ok"], len(report["problems"])) == (False, 1)


def test_the_report_is_a_table_that_marks_what_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = quiet_market()
    assert main(["data", "check", str(record(tmp_path / "gap.txt", frames[:9] + frames[10:]))]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"ok +no", lines[0])
    assert any(re.fullmatch(r"gaps +1  \(a problem\)", line) for line in lines)
    assert any(re.fullmatch(r"latency_ns +min 900 us, p1 900 us, p50 900 us, .*max 900 us", line) for line in lines)
    assert any(re.fullmatch(r"trades +3", line) for line in lines)


def test_the_picture_is_a_page_with_nothing_outside_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    path, page = record(tmp_path / "a.txt", crossing("60000.5", 2_200)), tmp_path / "deep" / "check.html"
    check(path, "--plot", page, capsys=capsys)
    text = page.read_text()
    for word in (
        "BTCUSDT.BINANCE_USDM",
        "best prices",
        "spread",
        "message rate",
        "latency, ms",
        "for more than a second",
    ):
        assert word in text
    assert not re.search(r"(src|href)=.(?!#)", text)
    assert "<script" not in text
    again = tmp_path / "again.html"
    check(path, "--plot", again, capsys=capsys)
    assert again.read_text() == text
    assert main(["data", "check", str(path), "--plot", str(tmp_path / "a.gif")]) == 2
    assert "does not end in .html" in capsys.readouterr().err


# --- recordings taken in parallel ---------------------------------------------------------------------------------


def imported(catalog: Path, *files: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Any, Any]:
    words = ["--instrument", "BTCUSDT.BINANCE_USDM", "--catalog", catalog]
    summary = cli_json("data", "import", "binance-ws", *files, *words, capsys=capsys)
    return summary, tc.Catalog(catalog).scan("BTCUSDT.BINANCE_USDM").collect()


def test_two_sockets_of_one_instrument_are_one_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = quiet_market()
    book = record(tmp_path / "public.txt", [each for each in frames if each[1].get("e") != "trade"])
    trades = record(tmp_path / "market.txt", [each for each in frames if each[1].get("e") == "trade"])
    whole = record(tmp_path / "whole.txt", frames)
    _, expected = imported(tmp_path / "one", whole, capsys=capsys)
    for number, files in enumerate([(book, trades), (trades, book)]):
        summary, got = imported(tmp_path / f"two{number}", *files, capsys=capsys)
        assert got.equals(expected)
        assert (summary["trades"], summary["gaps"], summary["parallel_duplicates"]) == (3, 0, 0)
    assert check(trades, book, capsys=capsys, code=0)["trades"] == 3


def test_the_reported_sockets_are_one_recording(
    cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [cases / "33-parallel-public.txt", cases / "33-parallel-market.txt"]
    summary, rows = imported(tmp_path, *files, capsys=capsys)
    assert (summary["trades"], summary["gaps"], summary["book_state"]) == (3, 0, 2)
    assert rows["ts_recv"].is_sorted()
    assert check(*files, capsys=capsys, code=0)["ok"]


@pytest.mark.parametrize("spaced", [False, True])
def test_what_two_machines_received_counts_once_as_received_first(
    spaced: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = quiet_market()
    one = record(tmp_path / "one.txt", frames[:20] + frames[22:], late_us=900)  # it lost two messages
    two = record(tmp_path / "two.txt", frames[1:], late_us=1_300, wrapped=True, spaced=spaced)
    summary, rows = imported(tmp_path / "both", one, two, capsys=capsys)
    assert (summary["trades"], summary["gaps"], summary["parallel_duplicates"]) == (3, 0, len(frames) - 3)
    assert summary["parallel_trades"] == summary["duplicate_trades"] == 3
    (clock,) = summary["clocks"]
    assert (clock["offset_ns"], clock["equal"], clock["moved"]) == (400_000, len(frames) - 3, False)
    latencies = (rows["ts_recv"] - rows["ts_event"]).unique().sort().to_list()
    assert latencies == [900_000, 1_300_000]
    _, whole = imported(tmp_path / "whole", record(tmp_path / "whole.txt", frames), capsys=capsys)
    assert rows.drop("ts_recv").equals(whole.drop("ts_recv"))


@pytest.mark.parametrize("ahead_ms", [2_500, -1_200])
def test_a_machine_whose_clock_is_off_is_brought_in_line_and_named(
    ahead_ms: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = quiet_market(8)
    one = record(tmp_path / "one.txt", [each for at, each in enumerate(frames) if at not in (40, 41)])
    # It began 2 s later.
    two = record(tmp_path / "two.txt", frames[25:], late_us=ahead_ms * 1_000 + 1_000)
    report = check(one, two, capsys=capsys, code=0)
    (clock,) = report["clocks"]
    assert clock["moved"]
    assert clock["offset_ns"] == ahead_ms * 1_000_000 + 100_000
    assert any(f"two.txt is {abs(clock['offset_ns']) / 1e9:.4g} s" in text for text in report["notes"])
    summary, rows = imported(tmp_path / "both", one, two, capsys=capsys)
    assert (summary["trades"], summary["gaps"]) == (8, 0)
    latencies = rows["ts_recv"] - rows["ts_event"]
    assert latencies.min() == latencies.max() == 900_000


def test_files_of_one_recording_may_come_in_any_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = quiet_market(30)
    parts = [record(tmp_path / f"{n}.txt", frames[n * 110 : (n + 1) * 110]) for n in range(3)]
    _, whole = imported(tmp_path / "whole", record(tmp_path / "w.txt", frames), capsys=capsys)
    _, rows = imported(tmp_path / "parts", parts[2], parts[0], parts[1], capsys=capsys)
    assert rows.equals(whole)


def test_a_file_named_twice_counts_once_and_fails_a_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = record(tmp_path / "a.txt", quiet_market())
    summary, rows = imported(tmp_path / "c", path, path, capsys=capsys)
    _, once = imported(tmp_path / "once", path, capsys=capsys)
    assert rows.equals(once)
    assert summary["parallel_duplicates"] > 0
    assert any("named twice" in text for text in check(path, path, capsys=capsys)["problems"])


# --- folders ------------------------------------------------------------------------------------------------------

TRADES = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
DAY_US = 86_400_000_000


def tardis_day(folder: Path, kind: str, day: int, symbol: str = "BTCUSDT", packed: bool = True, rows: int = 40) -> Path:
    """Write a day of trades or of the book, from 2024-08-08 on, named as the vendor names it."""
    start = START * 1_000 + day * DAY_US + 1_000_000
    stamps = [f"binance-futures,{symbol},{start + n * 1_000},{start + n * 1_000 + 900}" for n in range(rows)]
    if kind == "trades":
        text = TRADES + "".join(f"{at},{day * 1_000 + n},buy,60000.1,0.5\n" for n, at in enumerate(stamps))
    else:
        opening = [f"{stamps[0]},true,{side},1\n" for side in ("bid,60000.0", "ask,60000.1")]
        text = (
            BOOK + "".join(opening) + "".join(f"{at},false,bid,59999.{n % 10},2\n" for n, at in enumerate(stamps[1:]))
        )
    path = folder / f"binance-futures_{kind}_2024-08-{8 + day:02}_{symbol}.csv{'.gz' if packed else ''}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), mtime=0)) if packed else path.write_text(text)
    return path


def test_a_padded_gzip_is_whole_and_one_with_anything_else_behind_is_not(tmp_path: Path) -> None:
    path = tardis_day(tmp_path, "trades", 0)
    whole = path.read_bytes()
    events = check_files(path)["events"]
    path.write_bytes(whole + bytes(512 - len(whole) % 512))
    assert check_files(path)["events"] == events
    path.write_bytes(whole + b"<html>")
    with pytest.raises(DataError, match="42: what is behind the gzip stream is none, and no padding"):
        check_files(path)


def folder_of_days(folder: Path, days: int = 3, symbols: tuple[str, ...] = ("BTCUSDT", "ETHUSDT")) -> Path:
    for symbol in symbols:
        for day in range(days):
            for kind in ("incremental_book_L2", "trades"):
                tardis_day(folder / kind, kind, day, symbol)
    return folder


def rows_in(catalog: Path) -> dict[str, Any]:
    held = tc.Catalog(catalog)
    return {name: held.scan(name).collect().to_dicts() for name in held.instruments()}


def test_a_dry_run_says_what_each_file_is_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of_days(tmp_path / "data", days=2, symbols=("BTCUSDT",))
    (folder / "notes.txt").write_text("nothing of a market\n")
    copy = folder / "z_copy.csv.gz"
    copy.write_bytes((folder / "trades" / "binance-futures_trades_2024-08-08_BTCUSDT.csv.gz").read_bytes())
    record(folder / "capture.txt", later(quiet_market(), 4 * 86_400_000))
    plan = cli_json("data", "import", folder, "--catalog", tmp_path / "c", "--dry-run", capsys=capsys)
    assert not (tmp_path / "c").exists()
    files = {Path(file["file"]).name: file for file in plan["files"]}
    assert len(files) == 7
    book = files["binance-futures_incremental_book_L2_2024-08-09_BTCUSDT.csv.gz"]
    told = {key: book[key] for key in ("format", "instrument", "kinds", "days", "rows", "refused")}
    assert told == {
        "format": "tardis",
        "instrument": "BTCUSDT.BINANCE_USDM",
        "kinds": ["incremental_book_L2"],
        "days": "2024-08-09",
        "rows": 42,
        "refused": None,
    }
    assert files["capture.txt"]["kinds"] == ["book_updates", "trades"]
    assert "neither a capture" in files["notes.txt"]["refused"]
    assert "holds the same as" in files["z_copy.csv.gz"]["refused"]
    imports = [(each["format"], each["days"], len(each["files"]), each["state"]) for each in plan["imports"]]
    assert imports == [
        ("binance-ws", "2024-08-12", 1, "to import"),
        ("tardis", "2024-08-08", 2, "to import"),
        ("tardis", "2024-08-09", 2, "to import"),
    ]
    assert main(["data", "import", str(folder), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^refused: .*notes\.txt: is neither", out, re.MULTILINE)
    assert re.search(r"^to import: BTCUSDT\.BINANCE_USDM 2024-08-09: 2 files", out, re.MULTILINE)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_folder_is_imported_as_its_files_would_be_one_by_one(
    workers: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of_days(tmp_path / "data")
    words = ["data", "import", folder, "--catalog", tmp_path / "c", "--workers", workers]
    done = cli_json(*words, capsys=capsys)
    assert (done["imported"], done["already_in"], done["failed"], done["refused"]) == (6, 0, 0, 0)
    for symbol in ("BTCUSDT", "ETHUSDT"):
        files = sorted(folder.rglob(f"*{symbol}*"))
        cli_json("data", "import", "tardis", *files, "--catalog", tmp_path / "one", capsys=capsys)
    assert rows_in(tmp_path / "c") == rows_in(tmp_path / "one")
    again = cli_json(*words, capsys=capsys)
    assert (again["imported"], again["already_in"]) == (0, 6)
    assert rows_in(tmp_path / "c") == rows_in(tmp_path / "one")


@pytest.mark.parametrize("rows", [40, 30_000])
def test_a_day_with_a_broken_file_is_left_out_as_a_whole_and_taken_by_the_next_run(
    rows: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of_days(tmp_path / "data", symbols=("BTCUSDT",))
    broken = tardis_day(folder / "trades", "trades", 1, rows=rows)
    whole = broken.read_bytes()
    row = f",{1_000 + rows - 1},buy,"
    broken.write_bytes(gzip.compress(gzip.decompress(whole).decode().replace(row, row + "high").encode()))
    words = ["data", "import", folder / "**" / "*.csv.gz", "--catalog", tmp_path / "c", "--workers", 1]
    done = cli_json(*words, capsys=capsys, code=1)
    # Where it lies in the beginning, that is known before.
    assert (done["imported"], done["failed"], done["refused"]) == ((2, 0, 2) if rows == 40 else (2, 1, 0))
    told = [each.get("problem") or each.get("refused") for each in [*done["imports"], *done["files"]]]
    assert any(text and f"{rows + 1}: price: " in text for text in told), told
    days = tc.Catalog(tmp_path / "c").scan("BTCUSDT.BINANCE_USDM").collect()["ts_recv"] // (DAY_US * 1_000)
    assert days.unique().len() == 2  # nothing of the day that broke
    broken.write_bytes(whole)
    done = cli_json(*words, capsys=capsys)
    assert (done["imported"], done["already_in"]) == (1, 2)
    assert main([*map(str, words), "--dry-run"]) == 0
    assert capsys.readouterr().out.count("already in: ") == 3


def test_a_day_that_grew_is_refused_until_it_is_to_be_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    tardis_day(folder, "incremental_book_L2", 0)
    words = ["data", "import", folder, "--catalog", tmp_path / "c"]
    cli_json(*words, capsys=capsys)
    tardis_day(folder, "trades", 0)
    done = cli_json(*words, capsys=capsys, code=1)
    assert "--replace" in done["imports"][0]["problem"]
    assert cli_json(*words, "--replace", capsys=capsys)["imported"] == 1
    kinds = tc.Catalog(tmp_path / "c").scan("BTCUSDT.BINANCE_USDM").collect()["kind"]
    assert int(tc.EventKind.TRADE) in kinds
    assert cli_json(*words, capsys=capsys)["already_in"] == 1


def test_what_is_not_known_is_inferred_once_for_all_days(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "data"
    for day in range(2):
        tardis_day(folder, "trades", day, "WIFUSDT")
    finer = tardis_day(folder, "trades", 2, "WIFUSDT", packed=False)
    finer.write_text(finer.read_text().replace("60000.1,", "60000.125,"))
    words = ["data", "import", folder, "--catalog", tmp_path / "c"]
    refused = cli_json(*words, capsys=capsys, code=1)
    assert refused["refused"] == 3
    assert "--infer" in refused["files"][0]["refused"]
    done = cli_json(*words, "--infer", "--workers", 1, capsys=capsys)
    assert done["imported"] == 3
    assert {each["inferred"]["kind"] for each in done["imports"]} == {"linear"}
    assert str(tc.Catalog(tmp_path / "c").instrument("WIFUSDT.BINANCE_USDM").price_increment) == "0.025"
    assert cli_json(*words, "--infer", capsys=capsys)["already_in"] == 3
    assert main([*map(str, words[:3]), "--infer", "--catalog", str(tmp_path / "again"), "--workers", "1"]) == 0
    assert capsys.readouterr().err.count("inferred: WIFUSDT.BINANCE_USDM: price_increment 0.025") == 1


def test_captures_that_go_on_after_midnight_keep_their_book(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    frames = later(quiet_market(6), 86_397_000)
    record(folder / "b_second.txt", [each for each in frames if each[0] >= 86_400_000])
    record(folder / "c_first.txt", [each for each in frames if each[0] < 86_400_000])
    done = cli_json("data", "import", folder, "--catalog", tmp_path / "c", capsys=capsys)
    (job,) = done["imports"]
    assert job["days"] == "2024-08-08 to 2024-08-09"
    assert job["problems"] == []
    assert len(rows_in(tmp_path / "c")["BTCUSDT.BINANCE_USDM"]) == 5 + 59 + 6


def test_two_formats_of_one_day_are_refused_and_an_empty_file_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of_days(tmp_path / "data", days=2, symbols=("BTCUSDT",))
    rival = record(folder / "capture.txt", quiet_market())
    (folder / "liquidations.csv").write_text(TRADES)
    (folder / "trades.csv.gz.CHECKSUM").write_text("0123abcd  trades.csv.gz\n")
    done = cli_json("data", "import", folder, "--catalog", tmp_path / "c", capsys=capsys, code=1)
    assert (done["imported"], done["refused"]) == (1, 3)
    files = {Path(file["file"]).name: file["refused"] for file in done["files"]}
    assert str(rival) in files["binance-futures_trades_2024-08-08_BTCUSDT.csv.gz"]
    assert "(tardis)" in files["capture.txt"]
    assert files["liquidations.csv"] == "a header and no rows"
    rival.unlink()
    assert cli_json("data", "import", folder, "--catalog", tmp_path / "c", capsys=capsys)["already_in"] == 1


def test_a_capture_of_several_symbols_asks_which_and_gives_each_when_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = sorted([*quiet_market(), *(trade(210 + n, 90 + n, "ETHUSDT") for n in range(5))], key=lambda each: each[0])
    path = record(tmp_path / "both.txt", frames)
    words = ["data", "import", path, "--catalog", tmp_path / "c"]
    done = cli_json(*words, capsys=capsys, code=1)
    assert done["files"][0]["refused"] == "holds BTCUSDT, ETHUSDT; say which instrument it is with --instrument"
    words += ["--instrument", "BTCUSDT.BINANCE_USDM"]
    done = cli_json(*words, capsys=capsys)
    assert done["files"][0]["others"] == ["ETHUSDT.BINANCE_USDM"]
    assert "left out: 5 messages of other kinds or symbols" in done["imports"][0]["notes"]
    assert main([*map(str, words), "--dry-run"]) == 0
    assert f"note: {path} also holds ETHUSDT.BINANCE_USDM; import them with --instrument" in capsys.readouterr().out
    words = words[:-2]
    done = cli_json(*words, "--instrument", "ETHUSDT.BINANCE_USDM", capsys=capsys)
    assert (done["imported"], done["imports"][0]["instrument"]) == (1, "ETHUSDT.BINANCE_USDM")
    done = cli_json(*words, "--instrument", "SOLUSDT.BINANCE_USDM", capsys=capsys, code=1)
    assert done["files"][0]["refused"] == "is of BTCUSDT.BINANCE_USDM, not of SOLUSDT.BINANCE_USDM"


def test_two_sources_of_one_kind_are_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = folder_of_days(tmp_path / "data", days=1, symbols=("BTCUSDT",))
    one = folder / "incremental_book_L2" / "binance-futures_incremental_book_L2_2024-08-08_BTCUSDT.csv.gz"
    two = folder / "other_incremental_book_L2.csv"
    two.write_bytes(gzip.decompress(one.read_bytes()).replace(b",2\n", b",3\n"))
    for words in (["--dry-run"], ["--catalog", tmp_path / "c"]):
        done = cli_json("data", "import", folder, *words, capsys=capsys, code=1)
        assert (done["imports"], done["refused"]) == ([], 3)
        (problem,) = {file["refused"] for file in done["files"]}
        assert one.name in problem
        assert two.name in problem
    report = check(one, two, capsys=capsys)
    assert two.name in report["problems"][0]


def test_words_that_name_nothing_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    catalog = ["--catalog", str(tmp_path / "c")]
    for word in (tmp_path / "nowhere.csv", tmp_path / "*.gz"):
        assert main(["data", "import", str(word), *catalog]) == 2
        assert "names no file" in capsys.readouterr().err
    assert main(["data", "import", "tardi", *catalog]) == 2
    assert "did you mean tradecore data import tardis" in capsys.readouterr().err
    tc.synthesize(tmp_path / "market", events=100)
    assert main(["data", "import", str(tmp_path / "market"), *catalog]) == 2
    assert "belongs to a catalog" in capsys.readouterr().err
    folder_of_days(tmp_path / "data", days=1)
    assert main(["data", "import", str(tmp_path / "data")]) == 2
    assert "--catalog" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["parquet", "csv", "hftbacktest"])
def test_exported_files_and_event_arrays_are_checked_like_others(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog, file = tmp_path / "market", tmp_path / f"day.{ {'hftbacktest': 'npz'}.get(form, form) }"
    made = tc.synthesize(catalog, events=20_000, seed=4)
    assert main(["data", "export", str(catalog), str(file), "--format", form]) == 0
    capsys.readouterr()
    report = check_files(file, "BTCUSDT.SYNTH")
    assert (report["ok"], report["events"], report["trades"]) == (True, made["events"], made["trades"])
    assert report["latency_ns"]["min"] > 0
    code = main(["data", "check", str(file), "--json"])
    told = json.loads(capsys.readouterr().out)
    if form == "parquet":
        assert (code, told["instrument"], told["failed"]) == (0, "BTCUSDT.SYNTH", False)
    else:
        assert (code, told["failed"]) == (1, True)
        assert "say which with --instrument" in told["problems"][0]


def test_an_exported_file_is_read_by_its_own_specification(tmp_path: Path) -> None:
    """Not by the shipped one of the same id, whose steps are others."""
    own = tc.Instrument(
        "BTCUSDT.SYNTH", kind="linear", base="BTC", quote="USDT", price_increment="1", qty_increment="0.001"
    )
    catalog, file = tmp_path / "market", tmp_path / "day.parquet"
    made = tc.synthesize(catalog, events=20_000, seed=4, instrument=own)
    assert main(["data", "export", str(catalog), str(file), "--format", "parquet"]) == 0
    report = check_files(file)
    assert (report["best_bid"], report["best_ask"]) == (made["best_bid"], made["best_ask"])
    assert check_files(file, own)["best_bid"] == made["best_bid"]
    with pytest.raises(DataError, match=r"was stored with price_increment 1, expected 0\.1"):
        check_files(file, "BTCUSDT.SYNTH")
    assert main(["data", "import", str(file), "--catalog", str(tmp_path / "back"), "--workers", "1"]) == 0
    assert tc.Catalog(tmp_path / "back").instrument("BTCUSDT.SYNTH").price_increment == 1
    with pytest.raises(
        InvalidValueError, match="start: works on binance-ws, tardis, table, bybit, capture, not on exported"
    ):
        check_files(file, start="empty")


def test_a_damaged_file_of_columns_fails_a_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "day.csv"
    file.write_text("ts_event,ts_recv,kind,side,flags,price,qty,id\n1,2,trade,1,1,x,1,0\n")
    assert main(["data", "check", str(file), "--instrument", "BTCUSDT.SYNTH", "--json"]) == 1
    assert "day.csv:2: " in json.loads(capsys.readouterr().out)["problems"][0]
