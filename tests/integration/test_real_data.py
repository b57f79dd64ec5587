"""Real captures: what their sources say of them must come out, on the way a user would take.

Everything here reads ``../shared`` and skips without it. Figures are those of its ``SOURCES.md`` files, or were
computed there by an independent replay (``expected.json``).
"""

from __future__ import annotations

import gzip
import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest

import tradecore as tc
from conftest import ROOT, SHARED
from tradecore.cli import main
from tradecore.data.check import check_files
from tradecore.instruments import TARDIS_VENUES
from tradecore.types import MARKET_KINDS

pytestmark = pytest.mark.skipif(
    not SHARED.is_dir(), reason="no ../shared beside the project: the real captures are not here"
)

CAPTURES = SHARED / "data" / "binance_ws_2024"
TARDIS = SHARED / "data" / "tardis"
WIRE = SHARED / "wire"

USDM = ("BTCUSDT.BINANCE_USDM", ("usdm/btcusdt_20240808.gz",))
SPOT = ("BTCUSDT.BINANCE", ("spot/btcusdt_20240808.gz", "spot/btcusdt_20240809.gz"))
COINM = ("BTCUSD_PERP.BINANCE_COINM", ("cm/btcusd_perp_20240808.gz", "cm/btcusd_perp_20240809.gz"))
RECORDINGS = [USDM, SPOT, COINM]
ALL = ["BTCUSDT.BINANCE_USDM", "BTCUSDT.BINANCE", "BTCUSD_PERP.BINANCE_COINM", "XBTUSD.BITMEX"]


def cli(*words: str | Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    code = main([*(str(word) for word in words), "--json"])
    out, err = capsys.readouterr()
    assert code == 0, err
    answer: dict[str, Any] = json.loads(out)
    return answer


def paths(files: tuple[str, ...]) -> list[Path]:
    return [CAPTURES / name for name in files]


@cache
def lines(name: str) -> list[bytes]:
    return gzip.decompress((CAPTURES / name).read_bytes()).splitlines()


@pytest.fixture(scope="session")
def catalogs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with the three recordings and the Tardis hour."""
    folder = tmp_path_factory.mktemp("real")
    for instrument, files in RECORDINGS:
        tc.import_binance_ws(paths(files), tc.find_instrument(instrument), folder)
    hour = TARDIS / "bitmex_xbtusd_20240801"
    tc.import_tardis([hour / "trades.csv.gz", hour / "quotes.csv.gz"], tc.find_instrument("XBTUSD.BITMEX"), folder)
    return folder


# --- captures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recording", "equal", "updates", "bid", "ask", "levels", "trades", "traded"),
    [
        (USDM, 6_547, 6_547, ("61659.7", "1.486"), ("61659.8", "0.981"), (5018, 4578), 21_313, "2429.366"),
        ((SPOT[0], SPOT[1][:1]), 3_449, 3_449, ("61685.99", "1.00870"), ("61686.00", "2.29327"), (1209, 2196), 9_757, "212.03315"),
        (SPOT, 6_491, 6_493, ("61602.01", "1.67177"), ("61602.02", "2.66795"), (1971, 2962), 19_904, "437.91552"),
        ((COINM[0], COINM[1][:1]), 26_824, 26_824, ("61668.6", "1380"), ("61668.7", "871"), (1110, 1123), 2_286, "83241"),
        (COINM, 44_772, 44_772, ("61600.0", "27"), ("61600.1", "1647"), (1510, 1733), 5_235, "182183"),
    ],
)  # fmt: skip
def test_a_capture_syncs_and_agrees_with_the_venue(
    recording: tuple[str, tuple[str, ...]],
    equal: int,
    updates: int,
    bid: tuple[str, str],
    ask: tuple[str, str],
    levels: tuple[int, int],
    trades: int,
    traded: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    instrument, files = recording
    report = cli("data", "check", *paths(files), "--instrument", instrument, capsys=capsys)
    assert report["book_ticker"] == {"compared": updates, "equal": equal, "differing": updates - equal, "crossed": 0}
    words = ["--instrument", instrument, "--catalog", tmp_path]
    summary = cli("data", "import", "binance-ws", *paths(files), *words, capsys=capsys)
    assert tuple(Decimal(text) for text in summary["best_bid"]) == tuple(Decimal(text) for text in bid)
    assert tuple(Decimal(text) for text in summary["best_ask"]) == tuple(Decimal(text) for text in ask)
    assert (summary["bid_levels"], summary["ask_levels"]) == levels
    counts = {key: summary[key] for key in ("book_updates", "snapshots", "gaps", "crossed", "trades")}
    assert counts == {"book_updates": updates, "snapshots": 1, "gaps": 0, "crossed": 0, "trades": trades}
    stamps = [int(line.split(b" ", 1)[0]) for line in (lines(files[0])[0], lines(files[-1])[-1])]
    assert [summary["first_ts_recv"], summary["last_ts_recv"]] == stamps
    rows = tc.Catalog(tmp_path).scan(instrument)
    quantity = rows.filter(pl.col("kind") == int(tc.EventKind.TRADE)).select(pl.col("qty").sum()).collect().item()
    assert tc.find_instrument(instrument).qty_from_steps(quantity) == Decimal(traded)
    info = cli("data", "info", tmp_path, capsys=capsys)
    assert info["instruments"][0]["events"] == summary["events"]


@pytest.mark.parametrize("recording", [SPOT, COINM], ids=["spot", "coin-m"])
def test_a_continuation_alone_lacks_its_snapshot(
    recording: tuple[str, tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    instrument, files = recording
    report = cli("data", "check", *paths(files[1:]), "--instrument", instrument, capsys=capsys)
    assert report["missing_snapshot"]
    assert not report["ok"]
    assert report["book_ticker"]["compared"] == report["book_updates"] == report["bid_levels"] == 0


def book_lines(name: str) -> tuple[list[bytes], int]:
    """The depth updates and the snapshot of a capture, and the snapshot's place."""
    kept = [line for line in lines(name) if b'"depthUpdate"' in line or b'{"lastUpdateId"' in line]
    return kept, next(index for index, line in enumerate(kept) if b'"lastUpdateId"' in line)


@pytest.mark.parametrize(("instrument", "files"), RECORDINGS)
def test_taking_a_depth_line_out_is_a_gap(instrument: str, files: tuple[str, ...], tmp_path: Path) -> None:
    """The bridging update, its neighbours, and lines all over the capture."""
    whole, snapshot = book_lines(files[0])
    spec = tc.find_instrument(instrument)

    def gaps(kept: list[bytes]) -> tuple[int, int]:
        path = tmp_path / "cut.txt"
        path.write_bytes(b"\n".join(kept) + b"\n")
        report = check_files([path], spec)
        return report["gaps"], report["first_gap_line"]

    assert gaps(whole) == (0, None)
    last = orjson.loads(whole[snapshot].split(b" ", 1)[1])["lastUpdateId"]
    first = next(i for i, line in enumerate(whole) if i != snapshot and update(line)["u"] > last)
    assert first < snapshot, "the bridging update comes before the snapshot"
    for index in [first, snapshot + 1, snapshot + 2, *range(snapshot + 3, len(whole) - 1, len(whole) // 12)]:
        count, line = gaps(whole[:index] + whole[index + 1 :])
        assert count == 1, index
        if index > snapshot:
            assert line == index + 1  # the line that followed the missing one


def update(line: bytes) -> Any:
    return orjson.loads(line.split(b" ", 1)[1])["data"]


@pytest.mark.parametrize(("instrument", "files"), RECORDINGS)
def test_reading_from_the_snapshot_on_is_a_gap_not_a_crossed_book(
    instrument: str, files: tuple[str, ...], tmp_path: Path
) -> None:
    start = next(i for i, line in enumerate(lines(files[0])) if b'{"lastUpdateId"' in line)
    path = tmp_path / "late.txt"
    path.write_bytes(b"\n".join(lines(files[0])[start:]) + b"\n")
    report = check_files([path], tc.find_instrument(instrument))
    assert (report["gaps"], report["crossed"]) == (1, 0)
    assert report["book_ticker"]["crossed"] == report["book_ticker"]["compared"] == 0
    assert report["best_bid"] is None


@pytest.mark.parametrize(("name", "instrument"), [("spot", SPOT[0]), ("usdm", USDM[0])])
def test_the_independent_replay_of_a_session(name: str, instrument: str, tmp_path: Path) -> None:
    """A whole connection in arrival order: the state after every twentieth update, and the final depth."""
    base = WIRE / "binance" / f"{name}_btcusdt_20240808"
    expected = json.loads(Path(f"{base}.expected.json").read_text())
    frames = Path(f"{base}.session.jsonl").read_bytes().splitlines()
    stamps = [int(line) for line in Path(f"{base}.session.recv_ns.txt").read_text().split()]
    spec = tc.find_instrument(instrument)
    decoder = tc.FeedDecoder(spec.venue, [spec], keep_events=False)
    book = decoder.book(instrument)
    checkpoints = {point["after_line"]: point for point in expected["checkpoints"]}
    for number, (frame, stamp) in enumerate(zip(frames, stamps, strict=True), start=1):
        what = decoder.feed(frame, stamp)
        if point := checkpoints.pop(number, None):
            assert what == "depth"
            assert [book.best_bid, book.bid_qty] == [float(text) for text in point["best_bid"]]
            assert [book.best_ask, book.ask_qty] == [float(text) for text in point["best_ask"]]
            assert (book.bid_levels, book.ask_levels) == (point["bid_levels"], point["ask_levels"])
    assert not checkpoints
    assert decoder.gaps(instrument) == 0
    for side, levels in zip(book.depth(20), (expected["final"][f"{s}_top20"] for s in ("bids", "asks")), strict=True):
        np.testing.assert_array_equal(side, np.array(levels, dtype=np.float64))
    if name == "spot":
        # Every update of the session that can be missed, missed once.
        depth = [f for f in frames if b'"depthUpdate"' in f or b'{"lastUpdateId"' in f]
        start = next(i for i, f in enumerate(depth) if b'{"lastUpdateId"' in f)
        for missing in range(start + 1, len(depth) - 1, 3):
            decoder = tc.FeedDecoder(spec.venue, [spec], keep_events=False)
            for index, frame in enumerate(depth[: missing + 2]):
                if index != missing:
                    decoder.feed(frame, index)
            assert decoder.gaps(instrument) == 1, missing
            assert decoder.needs_snapshot(instrument)


@pytest.mark.parametrize(("base", "venue"), [("usdm_20210722", "BINANCE_USDM"), ("spot_20211012", "BINANCE")])
def test_the_independent_replay_of_several_symbols(base: str, venue: str) -> None:
    """Two symbols on one connection, their snapshots fetched while it runs; grids inferred from the text."""
    folder = WIRE / "binance"
    expected = json.loads((folder / f"{base}.expected.json").read_text())
    frames = [
        (float(stamp), frame)
        for stamp, frame in zip(
            (folder / f"{base}.ws.recv_s.txt").read_text().split(),
            (folder / f"{base}.ws.jsonl").read_bytes().splitlines(),
            strict=True,
        )
    ]
    for symbol, answer in expected.items():
        body = (folder / answer["snapshot"]["file"]).read_bytes()
        frames.append((float(answer["snapshot"]["recv_s"]), b'{"symbol":"%s",%s' % (symbol.encode(), body[1:])))
    specs = [
        tc.Instrument(
            f"{symbol}.{venue}", kind="linear", base=symbol, quote="X", price_increment="1e-8", qty_increment="1e-8"
        )
        for symbol in expected
    ]
    decoder = tc.FeedDecoder(venue, specs, keep_events=False)
    for stamp, frame in sorted(frames, key=lambda item: item[0]):
        decoder.feed(frame, int(stamp * 1e9))
    for symbol, answer in expected.items():
        name = f"{symbol}.{venue}"
        assert (decoder.state(name), decoder.gaps(name)) == (tc.BookState.SYNCED, 0)
        book = decoder.book(name)
        assert (book.bid_levels, book.ask_levels) == (answer["bid_levels"], answer["ask_levels"])
        for side, levels in zip(book.depth(10), (answer["bids_top10"], answer["asks_top10"]), strict=True):
            np.testing.assert_array_equal(side, np.array(levels, dtype=np.float64))


def tardis_rows(name: str, spec: tc.Instrument) -> Iterator[str]:
    """A capture as Tardis writes it: the snapshot when it came, then every update that follows on it."""
    book, snapshot_index = book_lines(name)
    stamp, _, body = book[snapshot_index].partition(b" ")
    snapshot = orjson.loads(body)
    exchange = next(exchange for exchange, venue in TARDIS_VENUES.items() if venue == spec.venue)
    yield "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n"

    def rows(message: Any, keys: tuple[str, str], local: int, flag: str) -> Iterator[str]:
        for key, side in zip(keys, ("bid", "ask"), strict=True):
            for price, amount in message[key]:
                yield f"{exchange},{spec.symbol},{local},{local},{flag},{side},{price},{amount}\n"

    loaded = int(stamp) // 1000
    first = snapshot["lastUpdateId"] + (spec.venue == "BINANCE")
    yield from rows(snapshot, ("bids", "asks"), loaded, "true")
    for index, line in enumerate(book):
        if index == snapshot_index:
            continue
        message = update(line)
        if message["u"] < first:
            continue
        yield from rows(message, ("b", "a"), max(loaded, int(line.split(b" ", 1)[0]) // 1000), "false")


@pytest.mark.parametrize(("instrument", "files"), RECORDINGS)
def test_a_capture_in_tardis_layout_gives_the_same_book(
    instrument: str, files: tuple[str, ...], tmp_path: Path
) -> None:
    spec = tc.find_instrument(instrument)
    name = files[0]
    csv = tmp_path / "incremental_book_L2.csv.gz"
    text = "".join(tardis_rows(name, spec))
    csv.write_bytes(gzip.compress(text.encode(), compresslevel=1))
    tc.import_binance_ws([CAPTURES / name], spec, tmp_path / "ours")
    summary = tc.import_tardis([csv], spec, tmp_path / "theirs")
    assert summary["crossed"] == 0
    books = [replay(tmp_path / folder, spec) for folder in ("ours", "theirs")]
    for ours, theirs in zip(*(book.depth(10_000) for book in books), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert books[0].bid_levels > 1_000


def replay(catalog: Path, spec: tc.Instrument) -> tc.L2Book:
    book = tc.L2Book(spec)
    for columns in tc.Catalog(catalog).stream(spec.id):
        book.apply(columns)
    return book


@pytest.mark.release
@pytest.mark.parametrize(("instrument", "files"), RECORDINGS)
def test_a_capture_survives_export_and_import(
    instrument: str, files: tuple[str, ...], catalogs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Out to Tardis CSV and to an hftbacktest array and in again: the same book, trades and quotes."""
    spec = tc.find_instrument(instrument)
    expected = replay(catalogs, spec)
    words = ["--instrument", instrument]
    for form, target in (("tardis", tmp_path / "csv"), ("hftbacktest", tmp_path / "a.npz")):
        written = cli("data", "export", catalogs, target, "--format", form, *words, capsys=capsys)["files"]
        back = tmp_path / form
        cli("data", "import", form, *written, *words, "--catalog", back, capsys=capsys)
        book = replay(back, spec)
        for ours, theirs in zip(expected.depth(10_000), book.depth(10_000), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        for kind in (tc.EventKind.TRADE, tc.EventKind.QUOTE)[: 2 if form == "tardis" else 1]:
            before, after = (
                tc.Catalog(c)
                .scan(instrument)
                .filter(pl.col("kind") == int(kind))
                .select("side", "price", "qty")
                .collect()
                for c in (catalogs, back)
            )
            assert before.equals(after), (form, kind)


# --- Tardis -------------------------------------------------------------------------------------------------------


def test_the_tardis_hour(catalogs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hour = TARDIS / "bitmex_xbtusd_20240801"
    files = [hour / "trades.csv.gz", hour / "quotes.csv.gz"]
    words = ["--instrument", "XBTUSD.BITMEX", "--catalog", tmp_path]
    summary = cli("data", "import", "tardis", *files, *words, capsys=capsys)
    assert (summary["trades"], summary["quotes"], summary["crossed"]) == (4_414, 56_856, 0)
    assert summary["first_ts_recv"] == 1722470400229046000
    assert summary["last_ts_recv"] == 1722473998944588000
    rows = tc.Catalog(tmp_path).scan("XBTUSD.BITMEX").collect()
    trades = rows.filter(pl.col("kind") == int(tc.EventKind.TRADE))
    assert trades["qty"].sum() == 25_503_800
    assert (trades["side"] == 1).sum() == 2_023
    prices = trades["price"].to_numpy() / 10
    assert trades["qty"].sum() / (trades["qty"].to_numpy() / prices).sum() == pytest.approx(64527.93230, abs=5e-6)
    last_line = gzip.decompress(files[1].read_bytes()).splitlines()[-1].decode().split(",")
    quotes = rows.filter(pl.col("kind") == int(tc.EventKind.QUOTE)).tail(2)
    assert quotes["price"].to_list() == [round(float(last_line[6]) * 10), round(float(last_line[5]) * 10)]
    assert quotes["qty"].to_list() == [int(last_line[7]), int(last_line[4])]


def test_a_folder_with_liquidations_holds_the_trade_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [SHARED / "cases" / f"18-{kind}.csv" for kind in ("incremental_book_L2", "liquidations", "trades")]
    words = ["--instrument", USDM[0], "--catalog", tmp_path]
    summary = cli("data", "import", "tardis", *files, *words, capsys=capsys)
    assert (summary["trades"], summary["traded_qty"]) == (1, "3.000")
    assert (summary["liquidations"], summary["liquidated_qty"]) == (1, "3.000")
    assert "liquidations" in summary["kinds"]
    (row,) = cli("data", "info", tmp_path, capsys=capsys)["instruments"]
    assert row["kinds"]["LIQUIDATION"] == 1


def test_the_bitmex_book_sample(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample = TARDIS / "bitmex_samples" / "bitmex_book_sample.csv.gz"
    summary = cli(
        "data", "import", "tardis", sample, "--instrument", "XBTUSD.BITMEX", "--catalog", tmp_path, capsys=capsys
    )
    assert summary["level_updates"] == 5_999
    assert (summary["best_bid"], summary["best_ask"]) == (["64600.0", "31800"], ["64600.1", "53800"])
    assert (summary["bid_levels"], summary["ask_levels"], summary["crossed"]) == (3_416, 2_034, 0)


def test_a_snapshot_in_mid_file_clears_the_book(tmp_path: Path) -> None:
    path = WIRE / "tardis" / "incremental_book_L2_resnapshot_SYNTHETIC.csv"
    summary = tc.import_tardis([path], tc.find_instrument("BTCUSDT.BINANCE_USDM"), tmp_path)
    assert (summary["snapshots"], summary["bid_levels"], summary["ask_levels"]) == (2, 2, 2)
    assert (summary["best_bid"][0], summary["best_ask"][0]) == ("50100.0", "50101.0")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("binance-futures_book_snapshot_5_BTCUSDT.csv", {"snapshots": 10, "bid_levels": 5, "ask_levels": 5}),
        ("binance-futures_book_snapshot_25_BTCUSDT.csv", {"snapshots": 10, "bid_levels": 25, "ask_levels": 25}),
        ("bitmex_trades_XBTUSD.csv", {"trades": 10}),
        ("deribit_incremental_book_L2_BTC-PERPETUAL.csv", {"level_updates": 15, "ask_levels": 15, "bid_levels": 0, "best_bid": None}),
        ("huobi-dm-swap_quotes_BTC-USD.csv", {"quotes": 10}),
    ],
)  # fmt: skip
def test_format_samples(
    name: str, expected: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = TARDIS / "format_samples" / name
    summary = cli("data", "import", "tardis", path, "--infer", "--catalog", tmp_path, capsys=capsys)
    assert {key: summary[key] for key in expected} == expected


def test_a_table_that_is_not_ours_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = TARDIS / "format_samples" / "options_chain.csv"
    assert main(["data", "import", "tardis", str(path), "--infer", "--catalog", str(tmp_path / "cat")]) == 2
    assert "options_chain.csv" in capsys.readouterr().err


# --- backtests ----------------------------------------------------------------------------------------------------


def maker(instrument: str) -> tc.TouchMaker:
    spec = tc.find_instrument(instrument)
    quantity = {"BITMEX": "100", "BINANCE_COINM": "10"}.get(spec.venue, "0.01")
    return tc.TouchMaker("maker", [instrument], quote_qty=quantity, max_position=str(Decimal(quantity) * 10))


class Leaning(tc.Strategy):
    """One tick behind the touch, requoted ten times a second, in plain Python."""

    def on_start(self, ctx: tc.Context) -> None:
        ctx.every("100ms", self.requote)

    def requote(self, ctx: tc.Context) -> None:
        for name in self.instruments:
            book = ctx.book(name)
            if book.is_synced and book.best_bid is not None and book.best_ask is not None:
                ctx.quote(name, bid=book.best_bid, ask=book.best_ask, qty=100 * book.lot_size, post_only=True)


@pytest.mark.parametrize("instrument", ALL)
def test_the_digest_of_a_backtest_never_changes(
    instrument: str, catalogs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice, in another process, in pieces of any size, and from memory."""

    def run(**options: Any) -> tc.Result:
        strategies = [maker(instrument), Leaning("leaning", [instrument])]
        return tc.Backtest(strategies, catalogs, on_error="stop_run", **options).run()

    result = run()
    assert len(result.fills) > 10
    digest = result.digest
    assert run().digest == digest
    for rows in (997, 20_000):
        monkeypatch.setattr("tradecore.data.manifest._PIECE_ROWS", rows)
        assert run(byte_budget=1).digest == digest, rows
    monkeypatch.undo()
    frame = tc.Catalog(catalogs).scan(instrument).filter(pl.col("kind").is_in(sorted(MARKET_KINDS))).collect()
    strategies = [maker(instrument), Leaning("leaning", [instrument])]
    assert tc.Backtest(strategies, {instrument: frame}).run().digest == digest
    script = tmp_path / "again.py"
    script.write_text(
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "import tradecore as tc\n"
        "from test_real_data import Leaning, maker\n"
        f"names = [{instrument!r}]\n"
        f"print(tc.Backtest([maker(names[0]), Leaning('leaning', names)], {str(catalogs)!r}).run().digest)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest


def test_money_and_positions_agree_on_every_venue(catalogs: Path) -> None:
    for instrument in ALL:
        result = tc.Backtest([maker(instrument)], catalogs).run()
        fills = result.fills
        signed = fills.select((pl.col("qty") * pl.when(pl.col("side") == "buy").then(1).otherwise(-1)).sum()).item()
        (position,) = result.final_positions
        assert float(position["qty"]) == pytest.approx(signed, abs=1e-9)
        assert fills["fee"].sum() == result.totals[0]["fees"]
        assert result.net_pnl == result.totals[0]["gross_pnl"] - result.totals[0]["fees"]


def test_the_founding_configuration_runs_on_the_tardis_hour(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file of founding document 003 as it stands; data and output are given on the command line."""
    text = (SHARED / "founding" / "003.md").read_text()
    start = text.index("[strategy]")
    config = tmp_path / "avellaneda.toml"
    config.write_text(text[start : text.index("```", start)])
    words = ["--data", TARDIS / "bitmex_xbtusd_20240801", "--output", tmp_path / "run"]
    summary = cli("backtest", "--config", config, *words, capsys=capsys)
    assert (summary["fill_basis"], summary["settlement_currency"]) == ("l1", "XBT")
    assert summary["orders"] > 0
    assert (tmp_path / "run" / "bitmex_XBTUSD_01_08_2024_run1_trades.csv").is_file()


@pytest.mark.release
def test_a_model_of_one_capture_is_tested_on_the_next(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The worked example, on two captures that follow each other: the second is never trained on."""
    folder = shared / "data" / "binance_ws_2024" / "spot"
    spec = tc.Instrument(
        "BTCUSDT.BINANCE", kind="spot", base="BTC", quote="USDT", price_increment="0.01", qty_increment="0.000001"
    )
    captures = [folder / f"btcusdt_2024080{day}.gz" for day in (8, 9)]
    tc.import_binance_ws(captures, spec, tmp_path / "captures")
    words = ["run.py", str(tmp_path / "captures"), "--split", "2024-08-09T00:00Z", "--output", str(tmp_path / "models")]
    monkeypatch.setattr(sys, "argv", words)
    runpy.run_path(str(ROOT / "examples" / "04_ml_signal" / "run.py"), run_name="__main__")
    out = capsys.readouterr().out
    print(out)
    auc = float(re.search(r"area under the curve (0\.\d+)", out)[1])  # type: ignore[index]
    told = float(re.search(r"information coefficient (-?0\.\d+)", out)[1])  # type: ignore[index]
    assert 0.6 < auc < 0.95
    assert 0.1 < told < 0.6
    assert out.rstrip().splitlines()[-1].startswith("so: the model knows something")
    assert {path.name for path in (tmp_path / "models").iterdir()} == {"touch.tcm", "touch.html"}
