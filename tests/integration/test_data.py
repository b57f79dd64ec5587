"""The catalog, importers, exporters and checks, on files the tests write themselves."""

from __future__ import annotations

import contextlib
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tradecore as tc
from conftest import CLEAR, LAST, QUOTE, SET, TRADE, columns
from tradecore._core import Simulation, checksum, read_note
from tradecore.cli import main
from tradecore.data.catalog import COLUMNS
from tradecore.data.check import check_files
from tradecore.data.exporters import export, left_out
from tradecore.data.formats import sniff
from tradecore.data.inference import infer_instrument
from tradecore.errors import CatalogError, DataError, InvalidValueError, UnknownInstrumentError
from tradecore.types import FINE_KINDS, MARKET_KINDS, ON_GRID_KINDS, EventKind

DAY = 86_400_000_000_000
USDM = "BTCUSDT.BINANCE_USDM"


# --- catalog ------------------------------------------------------------------------------------------------------


def ticks(start: int, rows: int, step: int = 1_000_000) -> Any:
    return columns([(start + i * step, SET, 1, LAST, 1000 + i % 50, i % 9) for i in range(rows)])


def test_what_is_written_is_read_back_by_us_and_by_polars(tmp_path: Path, instrument: tc.Instrument) -> None:
    catalog = tc.Catalog(tmp_path)
    data = ticks(20_000 * DAY + DAY - 500_000_000, 1_000)
    with catalog.writer(instrument) as writer:
        writer.write({k: v[:600] for k, v in data.items()})
        writer.write({k: v[600:] for k, v in data.items()})
    assert catalog.instruments() == ("BTCUSDT.TEST",)
    assert catalog.instrument("BTCUSDT.TEST") == instrument
    parts = catalog.parts("BTCUSDT.TEST")
    assert [(p.day, p.rows) for p in parts] == [("2024-10-04", 500), ("2024-10-05", 500)]
    assert parts[0].kinds == {"BOOK_SET": 1000 // 2}
    frame = pl.read_parquet(tmp_path)
    assert frame.columns == [*COLUMNS, "venue", "symbol"]
    for name in COLUMNS:
        np.testing.assert_array_equal(frame[name].to_numpy(), data[name])
    streamed = list(catalog.stream("BTCUSDT.TEST", with_ids=True))
    for name in COLUMNS:
        np.testing.assert_array_equal(np.concatenate([piece[name] for piece in streamed]), data[name])
    assert streamed[0]["price"].dtype == np.int32
    assert "id" not in next(iter(catalog.stream("BTCUSDT.TEST")))
    assert catalog.info()[0]["events"] == 1000


def test_wide_numbers_stay_wide_and_statistics_are_left_out_of_runs(tmp_path: Path, instrument: tc.Instrument) -> None:
    rows = [
        (1, SET, 1, LAST, 2**40, 2**35),
        (2, int(EventKind.MARK), 0, 0, 2**50, 0),
        (2, int(EventKind.FUNDING), 0, LAST, 5, 0),
        (3, TRADE, 1, LAST, 5, 5),
    ]
    catalog = tc.Catalog(tmp_path)
    with catalog.writer(instrument) as writer:
        writer.write(columns(rows))
    (piece,) = catalog.stream("BTCUSDT.TEST")
    assert piece["price"].tolist() == [2**40, 5]
    assert piece["price"].dtype == np.int64
    assert catalog.scan("BTCUSDT.TEST").collect().height == 4


def test_a_stream_holds_the_kinds_it_is_asked_for(tmp_path: Path, instrument: tc.Instrument) -> None:
    rows = [(i, (SET, TRADE, int(EventKind.FUNDING))[i % 3], 1, LAST, 5 + i, 5) for i in range(30)]
    catalog = tc.Catalog(tmp_path)
    with catalog.writer(instrument) as writer:
        writer.write(columns(rows))

    def prices(**options: Any) -> list[int]:
        return [price for piece in catalog.stream(instrument.id, **options) for price in piece["price"].tolist()]

    assert prices() == [5 + i for i in range(30) if i % 3 != 2]
    assert prices(kinds=[EventKind.FUNDING, EventKind.FUNDING]) == [5 + i for i in range(2, 30, 3)]
    assert prices(kinds=set(EventKind)) == list(range(5, 35))
    assert prices(kinds=()) == prices(kinds=[EventKind.MARK]) == []
    # A kind of a later version is none of those asked for.
    change_manifest(tmp_path, lambda d: d["parts"][0].update(kinds={"BOOK_SET": 10, "TRADE": 10, "SOMETHING_NEW": 10}))
    assert prices() == [5 + i for i in range(30) if i % 3 != 2]


def test_a_closed_stream_and_one_a_run_has_taken_give_nothing(market: Path) -> None:
    name = "BTCUSDT.SYNTH"
    stream = tc.Catalog(market).stream(name)
    next(stream)
    stream.close()
    stream.close()
    assert list(stream) == []
    stream = tc.Catalog(market).stream(name)
    spec = tc.Catalog(market).instrument(name)
    simulation = Simulation(sample_interval="1s")
    simulation.add_market(spec, stream, tc.SimVenue("SYNTH"), holds=[0], latencies=[(None, 0)])
    assert list(stream) == []
    assert simulation.run()["events"] == 60_000


def test_a_failed_import_leaves_nothing(tmp_path: Path, instrument: tc.Instrument) -> None:
    catalog = tc.Catalog(tmp_path / "new")

    def fail() -> None:
        with catalog.writer(instrument) as writer:
            writer.write(ticks(0, 2_000_000))
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        fail()
    assert catalog.instruments() == ()
    assert not (tmp_path / "new").exists()


def test_days_are_added_protected_and_replaced(tmp_path: Path, instrument: tc.Instrument) -> None:
    catalog = tc.Catalog(tmp_path)

    def write(data: Any, *, replace: bool = False) -> None:
        with catalog.writer(instrument, replace=replace) as writer:
            writer.write(data)

    write(ticks(0, 100))
    write(ticks(10**9, 100))
    write(ticks(DAY, 100))
    assert [p.rows for p in catalog.parts("BTCUSDT.TEST")] == [100, 100, 100]
    with pytest.raises(CatalogError, match="already holds events"):
        write(ticks(50_000_000, 3))
    write(ticks(50_000_000, 3), replace=True)
    assert [p.rows for p in catalog.parts("BTCUSDT.TEST")] == [3, 100]
    assert len(list(tmp_path.rglob("0*.parquet"))) == 2
    other = tc.Instrument(
        "BTCUSDT.TEST", kind="linear", base="BTC", quote="USDT", price_increment="1", qty_increment="1"
    )
    with (
        pytest.raises(CatalogError, match="another specification"),
        catalog.writer(other),
    ):
        pass


def test_what_a_stream_yields_can_be_written_and_other_types_cannot(tmp_path: Path, instrument: tc.Instrument) -> None:
    catalog, again = tc.Catalog(tmp_path / "one"), tc.Catalog(tmp_path / "two")
    with catalog.writer(instrument) as writer:
        writer.write(ticks(DAY, 100))
    (piece,) = catalog.stream(instrument.id, with_ids=True)
    assert piece["price"].dtype == np.int32
    with again.writer(instrument) as writer:
        writer.write(piece)
        floats, short = {**piece, "qty": piece["qty"].astype(float)}, {k: v for k, v in piece.items() if k != "id"}
        with pytest.raises(CatalogError, match="column qty has dtype float64, expected int64"):
            writer.write(floats)
        with pytest.raises(CatalogError, match="needs a column id of uint64"):
            writer.write(short)
    (copy,) = again.stream(instrument.id, with_ids=True)
    for name in COLUMNS:
        np.testing.assert_array_equal(copy[name], piece[name])


def test_another_grid_replaces_every_day_or_none(tmp_path: Path, instrument: tc.Instrument) -> None:
    catalog = tc.Catalog(tmp_path)
    finer = tc.instruments.instrument_from_dict({**instrument.to_dict(), "price_increment": "0.01"})
    dearer = tc.instruments.instrument_from_dict({**instrument.to_dict(), "maker_fee_bps": "2"})

    def write(spec: tc.Instrument, *days: int) -> None:
        with catalog.writer(spec, replace=True) as writer:
            for day in days:
                writer.write(ticks(day * DAY, 10))

    write(instrument, 0, 1)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(
        CatalogError, match=r"1970-01-01/[0-9a-f-]*\.parquet: was stored with price_increment 0\.1, not 0\.01"
    ):
        write(finer, 1)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    write(dearer, 1)
    write(finer, 0, 1)
    assert catalog.instrument(finer.id).price_increment == finer.price_increment


def test_what_is_no_catalog_says_so(tmp_path: Path, market: Path) -> None:
    with pytest.raises(CatalogError, match="no such folder"):
        tc.Catalog(tmp_path / "nowhere").parts("A.B")
    with pytest.raises(CatalogError, match="empty one"):
        tc.Catalog(tmp_path).parts("A.B")
    with pytest.raises(UnknownInstrumentError, match=r"known here: BTCUSDT\.SYNTH"):
        tc.Catalog(market).parts("A.B")
    broken = tmp_path / "V" / "S"
    broken.mkdir(parents=True)
    (broken / "instrument.json").write_text("{}")
    with pytest.raises(CatalogError, match="not a catalog's manifest"):
        tc.Catalog(tmp_path).instruments()


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    tc.synthesize(tmp_path, events=1_000)
    (part,) = tmp_path.rglob("0*.parquet")
    part.write_bytes(part.read_bytes()[:500])
    maker = tc.TouchMaker("m", ["BTCUSDT.SYNTH"], quote_qty="0.1", max_position="1")
    with pytest.raises(CatalogError, match=r"\.parquet: has 500 bytes, expected"):
        tc.Backtest([maker], tmp_path).run()


def damaged_part(folder: Path) -> Path:
    (part,) = folder.rglob("0*.parquet")
    return part


def change_manifest(folder: Path, change: Any) -> Path:
    (manifest,) = folder.rglob("_instrument.parquet")
    document = json.loads((read_note(manifest, "tradecore.manifest") or "").partition(" ")[2])
    change(document)
    return write_manifest(folder, json.dumps(document))


def write_manifest(folder: Path, text: str) -> Path:
    (manifest,) = folder.rglob("_instrument.parquet")
    note = f"{checksum(text.encode())} {text}"
    pl.DataFrame().write_parquet(manifest, metadata={"tradecore.manifest": note})
    return manifest


def unseal(folder: Path) -> None:
    """Forget the checksums, as catalogs of before have none."""
    change_manifest(folder, lambda document: [part.pop("checksums", None) for part in document["parts"]])


def lose_a_column(folder: Path) -> Path:
    part = damaged_part(folder)
    pl.read_parquet(part).drop("id").write_parquet(part)
    return part


def lose_rows(folder: Path) -> Path:
    part = damaged_part(folder)
    pl.read_parquet(part).head(0).write_parquet(part)
    return part


def delete(folder: Path) -> Path:
    part = damaged_part(folder)
    part.unlink()
    return part


def flip(folder: Path, at: int) -> Path:
    part = damaged_part(folder)
    whole = bytearray(part.read_bytes())
    whole[at] ^= 1
    part.write_bytes(whole)
    return part


def truncate(folder: Path) -> Path:
    part = damaged_part(folder)
    part.write_bytes(part.read_bytes()[:500])
    return part


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (delete, "cannot be read"),
        (truncate, "has 500 bytes, expected .*: it was cut"),
        (lambda f: unseal(f) or truncate(f), "cannot be read"),
        (lose_rows, "has .* bytes, expected .* changed after it was written"),
        (lambda f: unseal(f) or lose_rows(f), "holds 0 rows, expected 1000"),
        (lambda f: unseal(f) or lose_a_column(f), "has no column id"),
        (lambda f: flip(f, -9), "is damaged: the checksum of its footer is not that of what was written"),
        (lambda f: change_manifest(f, lambda d: d["parts"][0].update(rows="abc")), r"parts\.0\.rows: .* got 'abc'"),
        (lambda f: change_manifest(f, lambda d: d["parts"][0].update(rows=0)), r"parts\.0\.rows: .* greater than 0"),
        (lambda f: change_manifest(f, lambda d: d["parts"][0].update(kinds=None)), r"parts\.0\.kinds: .* got None"),
        (lambda f: change_manifest(f, lambda d: d["parts"][0].update(path="../x")), r"parts\.0\.path"),
        (lambda f: change_manifest(f, lambda d: d["parts"][0].pop("rows")), r"parts\.0\.rows: missing"),
        (lambda f: change_manifest(f, lambda d: d["parts"][0].update(more=1)), r"parts\.0\.more: unknown key"),
        (lambda f: change_manifest(f, lambda d: d["parts"][0].update(max_qty=True)), r"parts\.0\.max_qty: expected an integer, got True"),
        (lambda f: change_manifest(f, lambda d: d["parts"][0]["kinds"].update(TRADE="1")), r"parts\.0\.kinds\.TRADE: expected an integer, got '1'"),
        (lambda f: change_manifest(f, lambda d: d["parts"].append(5)), r"parts\.1: expected a table, got 5"),
        (lambda f: change_manifest(f, lambda d: d["instrument"].update(kind=5)), r"instrument\.kind: expected a text, got 5"),
        (lambda f: write_manifest(f, "[]"), r"manifest: manifest: expected a table, got \[\]"),
        (lambda f: write_manifest(f, "{"), "not a catalog's manifest: "),
        (lambda f: change_manifest(f, lambda d: d.update(parts={})), r"not a catalog's manifest: parts"),
        (lambda f: change_manifest(f, lambda d: d.update(instrument="x")), r"instrument: expected a table, got 'x'"),
        (lambda f: change_manifest(f, lambda d: d["instrument"].pop("kind")), r"not a catalog's manifest: .* kind: missing"),
        (lambda f: change_manifest(f, lambda d: d.update(version=9)), "has version 9, expected 3 or less"),
    ],
)  # fmt: skip
def test_a_damaged_catalog_names_the_file(
    tmp_path: Path, damage: Any, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "cat"
    tc.synthesize(folder, events=1_000)
    path = damage(folder)
    name = "BTCUSDT.SYNTH"

    def go() -> tc.Result:
        return tc.Backtest([tc.TouchMaker("m", [name], quote_qty="0.1", max_position="1")], folder).run()

    for use in (
        lambda: tc.Catalog(folder).info(),
        lambda: tc.Catalog(folder).scan(name).collect(),
        lambda: export(folder, name, tmp_path / "out.csv", form="csv"),
        lambda: export(folder, name, tmp_path / "out.npz", form="hftbacktest"),
        go,
    ):
        with pytest.raises(CatalogError, match=problem) as caught:
            use()
        assert caught.value.path == str(path)
    for words in (["info", folder], ["export", folder, tmp_path / "o", "--format", "tardis"]):
        assert main(["data", *map(str, words)]) == 2
        assert capsys.readouterr().err.startswith(f"error: {path}: ")


def test_pages_that_cannot_be_decoded_are_named(tmp_path: Path) -> None:
    tc.synthesize(tmp_path / "cat", events=50_000)
    part = damaged_part(tmp_path / "cat")
    whole = bytearray(part.read_bytes())
    for at in range(1_000, len(whole) // 2, 97):
        whole[at] ^= 0x5A
    part.write_bytes(whole)
    for problem in ("is damaged: the checksum of a row group", "cannot be read"):
        for form in ("csv", "hftbacktest", "tardis"):
            with pytest.raises(CatalogError, match=problem) as caught:
                export(tmp_path / "cat", "BTCUSDT.SYNTH", tmp_path / form, form=form)
            assert caught.value.path == str(part)
        unseal(tmp_path / "cat")


def test_pieces_hold_whole_messages(market: Path) -> None:
    catalog = tc.Catalog(market)
    pieces = list(catalog.pieces("BTCUSDT.SYNTH", 777))
    assert len(pieces) > 50
    assert all(piece["flags"][-1] & LAST for piece in pieces)
    assert pl.concat(pieces).equals(catalog.scan("BTCUSDT.SYNTH").collect())


def test_symbols_with_slashes_are_one_folder(tmp_path: Path) -> None:
    odd = tc.Instrument("BTC/USD:X.TEST", kind="spot", base="BTC", quote="USD", price_increment="1", qty_increment="1")
    catalog = tc.Catalog(tmp_path)
    with catalog.writer(odd) as writer:
        writer.write(ticks(0, 3))
    assert catalog.instruments() == ("BTC/USD:X.TEST",)
    assert sum(len(piece["kind"]) for piece in catalog.stream("BTC/USD:X.TEST")) == 3


# --- synthetic ----------------------------------------------------------------------------------------------------


def test_a_synthetic_market_is_what_it_says_it_is(tmp_path: Path) -> None:
    summary = tc.synthesize(tmp_path / "a", events=200_000, seed=4)
    tc.synthesize(tmp_path / "b", events=200_000, seed=4)
    tc.synthesize(tmp_path / "c", events=200_000, seed=5)
    frames = [tc.Catalog(tmp_path / n).scan("BTCUSDT.SYNTH").collect() for n in "abc"]
    assert frames[0].equals(frames[1])
    assert not frames[0].equals(frames[2])
    frame = frames[0]
    assert frame.height == summary["events"] == 200_000
    assert summary["crossed"] == 0
    book = frame.filter(pl.col("kind") == SET)
    assert 0.3 < (book["qty"] == 0).mean() < 0.5  # type: ignore[operator]
    assert 10 < frame.height / summary["messages"] < 30
    latency = frame["ts_recv"] - frame["ts_event"]
    assert latency.min() >= 3_000_000  # type: ignore[operator]
    assert latency.max() > 5_000_000  # type: ignore[operator]
    assert frame["ts_recv"].is_sorted()
    with pytest.raises(InvalidValueError, match="start price"):
        tc.synthesize(tmp_path / "d", events=10, start_price="1")


# --- Binance ------------------------------------------------------------------------------------------------------


def depth(first: int, last: int, bids: Any = (), asks: Any = (), previous: int | None = None) -> dict[str, Any]:
    link = {} if previous is None else {"pu": previous, "T": 1_700_000_000_000 + last}
    return {
        "stream": "btcusdt@depth",
        "data": {
            "e": "depthUpdate",
            "E": 1_700_000_000_000 + last,
            "s": "BTCUSDT",
            "U": first,
            "u": last,
            **link,
            "b": [list(level) for level in bids],
            "a": [list(level) for level in asks],
        },
    }


SNAPSHOT = {"lastUpdateId": 100, "bids": [["99.0", "1"], ["98.0", "2"]], "asks": [["101.0", "1"]]}


def capture(path: Path, frames: list[Any], start: int = 1_700_000_000_000_000_000) -> Path:
    text = "".join(f"{start + i * 1_000_000} {json.dumps(frame)}\n" for i, frame in enumerate(frames))
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def chain(count: int) -> list[Any]:
    """Depth updates 91..., ten ids each, a snapshot at 100 after the third."""
    frames = [depth(91 + 10 * i, 100 + 10 * i, [[f"{90 + i % 9}.0", "1"]], previous=90 + 10 * i) for i in range(count)]
    return [*frames[:3], SNAPSHOT, *frames[3:]]


def test_a_capture_becomes_events(tmp_path: Path) -> None:
    frames = [
        *chain(6),
        {"data": {"e": "trade", "E": 1, "T": 1_700_000_000_200, "s": "BTCUSDT", "t": 7, "p": "99.0", "q": "0.5", "m": True}},
        {"e": "aggTrade", "E": 1, "T": 1_700_000_000_201, "s": "BTCUSDT", "a": 9, "p": "99.0", "q": "0.5", "m": False},
        {"e": "markPriceUpdate", "E": 1_700_000_000_300, "s": "BTCUSDT", "p": "99.123456789", "i": "99.2", "r": "0.0001", "T": 1_700_003_600_000},
        {"e": "bookTicker", "u": 150, "s": "BTCUSDT", "b": "99.0", "B": "1", "a": "101.0", "A": "1", "T": 1_700_000_000_400, "E": 1},
        {"result": None, "id": 1},
        {"e": "kline", "s": "BTCUSDT"},
        {"e": "trade", "s": "ETHUSDT"},
    ]  # fmt: skip
    summary = tc.import_binance_ws([capture(tmp_path / "c.gz", frames)], tc.find_instrument(USDM), tmp_path / "cat")
    assert {k: summary[k] for k in ("book_updates", "trades", "snapshots", "gaps", "quotes", "marks", "ignored")} == {
        "book_updates": 6,
        "trades": 1,
        "snapshots": 1,
        "gaps": 0,
        "quotes": 1,
        "marks": 1,
        "ignored": 3,
    }
    assert summary["best_bid"] == ["99.0", "1.000"]
    assert summary["first_ts_recv"] == 1_700_000_000_000_000_000
    rows = tc.Catalog(tmp_path / "cat").scan(USDM).collect()
    marks = rows.filter(pl.col("kind").is_in([EventKind.MARK, EventKind.INDEX, EventKind.FUNDING]))
    assert marks["price"].to_list() == [99_123_456_789, 99_200_000_000, 100_000]
    assert marks["id"][-1] == 1_700_003_600_000_000_000
    trade = rows.filter(pl.col("kind") == TRADE).row(0, named=True)
    assert (trade["side"], trade["id"], trade["ts_event"]) == (-1, 7, 1_700_000_000_200_000_000)


def test_liquidations_are_counted_and_kept_apart_from_trades(tmp_path: Path) -> None:
    forced = {
        "s": "BTCUSDT",
        "S": "SELL",
        "o": "LIMIT",
        "f": "IOC",
        "q": "0.5",
        "p": "98.9",
        "ap": "98.95",
        "z": "0.4",
        "T": 1_700_000_000_500,
    }
    frames = [
        {"stream": "btcusdt@forceOrder", "data": {"e": "forceOrder", "E": 1_700_000_000_501, "o": {**forced, "X": "FILLED"}}},
        {"openInterest": "10659.509", "symbol": "BTCUSDT", "time": 1_700_000_000_600},
    ]  # fmt: skip
    path = capture(tmp_path / "c.gz", frames)
    assert sniff(path).instrument == USDM
    summary = tc.import_binance_ws([path], tc.find_instrument(USDM), tmp_path / "cat")
    assert (summary["liquidations"], summary["liquidated_qty"], summary["open_interests"]) == (1, "0.400", 1)
    assert (summary["trades"], summary["ignored"]) == (0, 0)
    rows = tc.Catalog(tmp_path / "cat").scan(USDM).select("kind", "side", "price", "qty", "ts_event").collect()
    assert rows.rows() == [
        (EventKind.LIQUIDATION, -1, 9_890, 400, 1_700_000_000_500_000_000),
        (EventKind.OPEN_INTEREST, 0, 0, 10_659_509, 1_700_000_000_600_000_000),
    ]
    assert check_files([path], tc.find_instrument(USDM))["liquidations"] == 1


def test_a_liquidation_of_two_sockets_counts_once(tmp_path: Path) -> None:
    forced = {"s": "BTCUSDT", "S": "SELL", "p": "98.9", "z": "0.4", "T": 1_700_000_000_500}
    told = [
        {"e": "forceOrder", "E": 1_700_000_000_501, "o": forced | more}
        for more in ({}, {}, {"z": "0.5"}, {}, {"T": 1_700_000_001_500})
    ]
    path = capture(tmp_path / "c.gz", told)
    summary = tc.import_binance_ws([path], tc.find_instrument(USDM), tmp_path / "cat")
    assert (summary["liquidations"], summary["liquidated_qty"], summary["duplicates"]) == (4, "1.700", 1)


def test_partial_books_are_left_out(tmp_path: Path) -> None:
    """A `@depth20` frame looks like an update (futures) or a snapshot (spot); it must not cut the book short."""
    partial = depth(160, 160, [["1.0", "1"]], previous=150) | {"stream": "btcusdt@depth20@100ms"}
    spot_partial = {"stream": "btcusdt@depth5", "data": {**SNAPSHOT, "lastUpdateId": 1000}}
    whole = chain(6)
    summaries = []
    for name, frames in (("a", whole), ("b", [*whole[:5], partial, spot_partial, *whole[5:]])):
        path = capture(tmp_path / f"{name}.txt", frames)
        summaries.append(tc.import_binance_ws([path], tc.find_instrument(USDM), tmp_path / name))
    assert [s["other_depth"] for s in summaries] == [0, 2]
    for key in ("book_updates", "snapshots", "gaps", "best_bid", "bid_levels", "ask_levels"):
        assert summaries[0][key] == summaries[1][key], key


def test_taking_any_update_out_is_a_gap(tmp_path: Path) -> None:
    frames = chain(9)
    spec = tc.find_instrument(USDM)
    for index in range(1, len(frames) - 1):
        if frames[index] is SNAPSHOT:
            continue
        path = capture(tmp_path / f"{index}.txt", frames[:index] + frames[index + 1 :])
        if index == 1:  # the update the snapshot goes with
            with pytest.raises(DataError, match="no snapshot goes with its 7 book updates"):
                tc.import_binance_ws([path], spec, tmp_path / f"cat{index}")
        else:
            assert tc.import_binance_ws([path], spec, tmp_path / f"cat{index}")["gaps"] >= 1, index
        report = check_files([path], spec)
        assert not report["ok"]
        assert report["gaps"] >= 1, index
        assert any("gap" in problem for problem in report["problems"])


def test_reading_from_the_snapshot_on_is_a_gap_not_a_crossed_book(tmp_path: Path) -> None:
    frames = chain(9)
    path = capture(tmp_path / "late.txt", frames[3:])
    summary = tc.import_binance_ws([path], tc.find_instrument(USDM), tmp_path / "cat")
    assert (summary["gaps"], summary["crossed"], summary["best_bid"]) == (1, 0, None)
    assert summary["book_state"] != tc.BookState.SYNCED


def test_a_chain_without_a_snapshot_is_said_to_lack_one(tmp_path: Path) -> None:
    path = capture(tmp_path / "c.txt", [f for f in chain(5) if f is not SNAPSHOT])
    report = check_files([path])
    assert report["missing_snapshot"]
    assert report["instrument"] == USDM
    assert report["unsynced"] == 5
    assert report["best_bid"] is None


def test_the_ticker_check_waits_for_later_tickers(tmp_path: Path) -> None:
    def ticker(update: int, bid: str, qty: str = "1") -> dict[str, Any]:
        return {
            "e": "bookTicker",
            "u": update,
            "s": "BTCUSDT",
            "b": bid,
            "B": qty,
            "a": "101.0",
            "A": "1",
            "T": 1_700_000_000_000,
            "E": 1_700_000_000_000,
        }

    frames = [
        ticker(95, "99.0"),
        depth(95, 101, [["99.5", "3"]], previous=94),
        SNAPSHOT,
        ticker(101, "99.5", "3"),
        depth(102, 110, [["99.5", "0"]], previous=101),
        ticker(110, "99.0"),
        depth(111, 120, [["99.7", "1"]], previous=110),
        ticker(115, "99.0", "9"),
        ticker(130, "99.7"),
    ]
    report = check_files([capture(tmp_path / "t.txt", frames)])
    assert report["book_ticker"] == {"compared": 3, "equal": 2, "differing": 1, "crossed": 0}


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('1700000000009000000 {"data":{"e":"depthUpdate"', "byte .*: expected"),
        ('1700000000009000000 {"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"b":[],"a":[]}', "depthUpdate without u"),
        ('1700000000009000000 {"e":"trade","s":"BTCUSDT","t":1,"p":"1.0","q":"-1","m":true,"T":1}', "is not zero or more"),
        ('1700000000009000000 {"e":"trade","s":"BTCUSDT","t":1,"p":"NaN","q":"1","m":true,"T":1}', "not a decimal"),
        ('1700000000009000000 {"e":"trade","s":"BTCUSDT","t":1,"p":"1.0","q":"1","m":"maybe","T":1}', "not true or false"),
        ('1700000000009000000 {"e":"trade","s":"BTCUSDT","t":1,"p":"1.001","q":"1","m":true,"T":1}', "multiple of 0.01"),
        ("no time here", "is not a time from 1970 to 2116"),
        ("1699999999000000000 {}", "not sorted"),
        ("17000000000", "a receive time in s, ms, us or ns"),
    ],
)  # fmt: skip
def test_a_bad_line_names_itself_and_nothing_is_written(tmp_path: Path, line: str, text: str) -> None:
    path = capture(tmp_path / "bad.txt", chain(4))
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(DataError, match=text) as caught:
        tc.import_binance_ws([path], tc.find_instrument(USDM), tmp_path / "cat")
    assert (caught.value.source, caught.value.line) == (str(path), 6)
    assert not (tmp_path / "cat").exists()


def test_missing_empty_cut_and_foreign_files(tmp_path: Path) -> None:
    spec = tc.find_instrument(USDM)
    with pytest.raises(DataError, match="cannot be opened"):
        tc.import_binance_ws([tmp_path / "none"], spec, tmp_path / "cat")
    with pytest.raises(DataError, match="is a directory"):
        tc.import_binance_ws([tmp_path], spec, tmp_path / "cat")
    whole = capture(tmp_path / "whole.gz", chain(3000)).read_bytes()
    (tmp_path / "cut.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"cut\.gz:\d+: the gzip stream is cut off"):
        tc.import_binance_ws([tmp_path / "cut.gz"], spec, tmp_path / "cat")
    (tmp_path / "dead.gz").write_bytes(whole[:30] + b"\xff" * 40 + whole[70:])
    for read in (sniff, lambda path: check_files([path])):
        with pytest.raises(DataError, match=r"dead\.gz:1: cannot be read"):
            read(tmp_path / "dead.gz")
    (tmp_path / "empty.txt").write_bytes(b"")
    with pytest.raises(DataError, match=r"empty\.txt: holds no events of BTCUSDT\.BINANCE_USDM"):
        tc.import_binance_ws([tmp_path / "empty.txt"], spec, tmp_path / "cat")
    for name, content in [("empty.txt", "the file is empty"), ("x.txt", "neither a capture")]:
        (tmp_path / "x.txt").write_text("hello\n")
        with pytest.raises(DataError, match=content):
            sniff(tmp_path / name)
    with pytest.raises(InvalidValueError, match="venue BITMEX is not BINANCE"):
        tc.import_binance_ws([tmp_path / "x.txt"], tc.find_instrument("XBTUSD.BITMEX"), tmp_path / "cat")


def test_data_of_others_or_none_at_all_is_not_imported(tmp_path: Path, market: Path) -> None:
    ether = tc.Instrument(
        "ETHUSDT.BINANCE_USDM", kind="linear", base="ETH", quote="USDT", price_increment="0.01", qty_increment="0.001"
    )
    others = capture(tmp_path / "others.txt", chain(6))
    for folder in ("cat", "below/cat"):
        with pytest.raises(DataError, match=r"others\.txt: holds no events of ETHUSDT"):
            tc.import_binance_ws([others], ether, tmp_path / folder)
    rows = ["1640995200000000,1640995200000100,1,buy,100.0,1"]
    files = [tardis(tmp_path / "head.csv", TRADES, []), tardis(tmp_path / "btc.csv", TRADES, rows)]
    for path in files:
        with pytest.raises(DataError, match=rf"{path.name}: holds no events of ETHUSDT"):
            tc.import_tardis([path], ether, tmp_path / "cat")
    dtype = [("ev", "u8"), ("exch_ts", "i8"), ("local_ts", "i8"), ("px", "f8"), ("qty", "f8")]
    np.savez(tmp_path / "none.npz", data=np.zeros(0, dtype))
    with pytest.raises(DataError, match=r"none\.npz: holds no events of ETHUSDT"):
        tc.import_hftbacktest([tmp_path / "none.npz"], ether, tmp_path / "cat")
    assert not (tmp_path / "cat").exists()
    assert not (tmp_path / "below").exists()
    before = sorted(market.rglob("*"))
    with pytest.raises(DataError, match="holds no events"):
        tc.import_binance_ws([others], ether, market)
    assert sorted(market.rglob("*")) == before


def test_the_exchange_of_a_tardis_file_must_be_the_venue(tmp_path: Path) -> None:
    path = tardis(tmp_path / "t.csv", TRADES, ["1640995200000000,1640995200000100,1,buy,100.0,1"])
    spot = tc.find_instrument("BTCUSDT.BINANCE")
    with pytest.raises(DataError, match=r"t\.csv:2: exchange binance-futures is venue BINANCE_USDM, expected BINANCE"):
        tc.import_tardis([path], spot, tmp_path / "cat")
    with pytest.raises(DataError, match="expected BINANCE"):
        check_files([path], spot)
    own = tc.Instrument(
        "BTCUSDT.TEST", kind="spot", base="BTC", quote="USDT", price_increment="0.1", qty_increment="0.1"
    )
    assert tc.import_tardis([path], own, tmp_path / "cat")["trades"] == 1
    path.write_text(path.read_text().replace("binance-futures", "nowhere"))
    assert tc.import_tardis([path], spot, tmp_path / "cat")["trades"] == 1


def test_the_decoder_keeps_a_live_book() -> None:
    decoder = tc.FeedDecoder("BINANCE_USDM", [tc.find_instrument(USDM)])
    assert decoder.needs_snapshot(USDM)
    said = [decoder.feed(json.dumps(frame).encode(), i) for i, frame in enumerate(chain(5))]
    assert said == ["depth", "depth", "depth", "snapshot", "depth", "depth"]
    book = decoder.book(USDM)
    assert (decoder.state(USDM), book.best_bid, book.best_ask) == (tc.BookState.SYNCED, 99.0, 101.0)
    before = len(decoder.events(USDM)["kind"])
    assert before > 0
    assert len(decoder.events(USDM)["kind"]) == 0
    with pytest.raises(DataError, match=r"expected .* in \{broken"):
        decoder.feed(b"{broken", 9)
    assert book.best_bid == 99.0
    decoder.feed(json.dumps(depth(500, 510, previous=490)).encode(), 10)
    assert (decoder.gaps(USDM), book.best_bid, book.state) == (1, None, tc.BookState.GAP)
    with pytest.raises(UnknownInstrumentError):
        decoder.book("NOPE.X")
    with pytest.raises(InvalidValueError):
        tc.FeedDecoder("NYSE", [])


@settings(max_examples=300)
@given(st.binary(max_size=80) | st.text(alphabet='{}[]",:eEsuUba1.0', max_size=80).map(str.encode))
def test_no_bytes_break_the_decoder(frame: bytes) -> None:
    decoder = tc.FeedDecoder("BINANCE", [tc.find_instrument("BTCUSDT.BINANCE")])
    with contextlib.suppress(DataError):
        decoder.feed(frame, 1)
    assert decoder.feed(json.dumps(SNAPSHOT).encode(), 2) == "snapshot"


# --- Tardis -------------------------------------------------------------------------------------------------------

HEAD = "exchange,symbol,timestamp,local_timestamp,"


def tardis(path: Path, header: str, rows: list[str]) -> Path:
    lines = [HEAD + header, *(f"binance-futures,BTCUSDT,{row}" for row in rows)]
    text = "\n".join(lines) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


BOOK = "is_snapshot,side,price,amount"
TRADES = "id,side,price,amount"


def test_tardis_files_merge_and_their_order_does_not_matter(tmp_path: Path) -> None:
    book = tardis(
        tmp_path / "book.csv.gz",
        BOOK,
        [
            "1640995200000000,1640995200000100,true,bid,100.0,1",
            "1640995200000000,1640995200000100,true,ask,101.0,1",
            "1640995200000500,1640995200000600,false,bid,100.0,0.5",
        ],
    )
    trades = tardis(tmp_path / "trades.csv", TRADES, ["1640995200000490,1640995200000600,abc,sell,100.0,0.5"])
    spec = tc.find_instrument(USDM)
    frames = []
    for name, files in (("a", [book, trades]), ("b", [trades, book])):
        summary = tc.import_tardis(files, spec, tmp_path / name)
        assert (summary["trades"], summary["book_updates"], summary["snapshots"]) == (1, 1, 1)
        assert (summary["best_bid"], summary["best_ask"]) == (["100.0", "0.500"], ["101.0", "1.000"])
        frames.append(tc.Catalog(tmp_path / name).scan(USDM).collect())
    assert frames[0].equals(frames[1])
    assert frames[0]["kind"].to_list() == [CLEAR, SET, SET, TRADE, SET]
    assert frames[0]["ts_recv"][-1] == 1640995200000600000


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("1640995200000000,1640995200000100,false,bid,100.0,-1", "'-1'|\"-1\" is not zero or more"),
        ("1640995200000000,1640995200000100,false,bid,nan,1", 'price: "nan" is not a decimal number'),
        ("1640995200000000,1640995200000100,false,middle,100.0,1", 'side: "middle" is not bid or ask'),
        ("1640995200000000,1640995100000100,false,bid,100.0,1", "not sorted"),
        ("1640995200000000,1640995200000100,false,bid,100.0", "7 cells, expected 8"),
        ("yesterday,1640995200000100,false,bid,100.0,1", "timestamp"),
    ],
)
def test_a_bad_row_names_file_and_line(tmp_path: Path, row: str, text: str) -> None:
    path = tardis(tmp_path / "book.csv", BOOK, ["1640995200000000,1640995200000100,true,bid,100.0,1", row])
    with pytest.raises(DataError, match=text) as caught:
        tc.import_tardis([path], tc.find_instrument(USDM), tmp_path / "cat")
    assert (caught.value.source, caught.value.line) == (str(path), 3)
    assert not list(tmp_path.glob("cat/*"))


def test_the_wrong_columns_are_named(tmp_path: Path) -> None:
    path = tardis(tmp_path / "x.csv", "id,side,price", [])
    with pytest.raises(DataError, match=r"x\.csv:1: no column amount"):
        tc.import_tardis([path], tc.find_instrument(USDM), tmp_path / "cat")


def test_checks_count_defects_of_tardis_files(tmp_path: Path) -> None:
    rows = [
        "1640995200000000,1640995200000100,true,bid,100.0,1",
        "1640995200000000,1640995200000100,true,ask,101.0,1",
        "1640995200000000,1640995200000300,false,bid,100.5,1",
        "1640995200000000,1640995200000300,false,bid,100.5,1",
        "1640995200000000,1640995200000200,false,bid,102.0,1",
    ]
    report = check_files([tardis(tmp_path / "b.csv", BOOK, rows)])
    assert (report["duplicates"], report["unsorted"], report["crossed"]) == (1, 1, 1)
    stamps = {"ts_recv": 1_640_995_200_000_200_000, "previous": 1_640_995_200_000_300_000}
    assert report["first_unsorted"] == {"file": str(tmp_path / "b.csv"), "line": 6} | stamps
    told = f"1 row received before one above them, first {tmp_path / 'b.csv'}:6 at 2022-01-01 00:00:00.000200000 UTC, "
    assert f"{told}after 2022-01-01 00:00:00.000300000 UTC" in report["problems"]
    assert not report["missing_snapshot"]
    late = check_files([tardis(tmp_path / "late.csv", BOOK, rows[3:4])])
    assert late["missing_snapshot"]


def test_an_instrument_is_inferred_and_says_so(tmp_path: Path) -> None:
    rows = [f"1640995200000000,164099520000010{i},{i},buy,{100 + i * 0.25},{i * 0.5 + 0.5}" for i in range(5)]
    path = tmp_path / "t.csv"
    text = "\n".join([HEAD + TRADES, *(f"okex-swap,FOO-USDT,{row}" for row in rows)]) + "\n"
    path.write_text(text)
    assert sniff(path).instrument == "FOO-USDT.OKEX_SWAP"
    with pytest.raises(tc.errors.InstrumentError, match="kind: cannot be told from FOO-USDT of OKEX_SWAP"):
        infer_instrument("tardis", "FOO-USDT.OKEX_SWAP", [path])
    inferred = infer_instrument("tardis", "FOO-USDT.OKEX_SWAP", [path], kind="linear", contract_size="10")
    spec = inferred.instrument
    assert (str(spec.price_increment), str(spec.qty_increment), spec.kind) == ("0.25", "0.5", "linear")
    assert spec.contract_size == 10
    assert any("as given" in note for note in inferred.notes)
    assert tc.import_tardis([path], spec, tmp_path / "cat")["trades"] == 5


def test_the_inferred_grid_fits_depth_that_is_dropped(tmp_path: Path) -> None:
    frames = [*chain(3), depth(500, 510, [["90.25", "0.006"]], previous=490)]
    trade = {"e": "trade", "E": 1, "T": 1_700_000_000_200, "s": "BTCUSDT", "t": 7, "p": "99.0", "q": "0.5", "m": True}
    path = capture(tmp_path / "c.txt", [*frames, trade])
    spec = infer_instrument("binance-ws", USDM, [path]).instrument
    assert (str(spec.price_increment), str(spec.qty_increment)) == ("0.25", "0.002")
    assert tc.import_binance_ws([path], spec, tmp_path / "cat")["trades"] == 1
    path = tardis(
        tmp_path / "b.csv",
        BOOK,
        [
            "1640995200000000,1640995200000100,false,bid,100.05,0.3",
            "1640995200000000,1640995200000200,true,bid,100.5,2",
        ],
    )
    spec = infer_instrument("tardis", USDM, [path]).instrument
    assert (str(spec.price_increment), str(spec.qty_increment)) == ("0.05", "0.1")


# --- exports ------------------------------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path) -> tc.Catalog:
    """A capture with a snapshot, updates, trades and quotes, imported."""
    frames: list[Any] = chain(40)
    for i in range(5, 40, 7):
        frames.insert(
            i,
            {"e": "trade", "E": 1, "T": 1_700_000_000_100 + i, "s": "BTCUSDT", "t": i, "p": "99.0", "q": "0.5", "m": bool(i % 2)},
        )  # fmt: skip
        frames.insert(
            i + 2,
            {"e": "bookTicker", "u": i, "s": "BTCUSDT", "b": "99.0", "B": "1", "a": "101.0", "A": "1", "T": 1_700_000_000_100 + i, "E": 1},
        )  # fmt: skip
    path = capture(tmp_path / "c.txt", frames)
    tc.import_binance_ws([path], tc.find_instrument(USDM), tmp_path / "small")
    return tc.Catalog(tmp_path / "small")


def final_book(catalog: tc.Catalog, instrument: str) -> list[Any]:
    book = tc.L2Book(catalog.instrument(instrument))
    for piece in catalog.stream(instrument):
        book.apply(piece)
    return [side.tolist() for side in book.depth(10_000)]


@pytest.mark.parametrize("source", ["small", "market"])
def test_the_tardis_layout_gives_the_same_book_and_trades(
    tmp_path: Path, source: str, request: pytest.FixtureRequest
) -> None:
    catalog = tc.Catalog(request.getfixturevalue(source).path if source == "small" else request.getfixturevalue(source))
    (name,) = catalog.instruments()
    files = export(catalog, name, tmp_path / "csv", form="tardis")
    back = tc.Catalog(tmp_path / "back")
    tc.import_tardis(files, catalog.instrument(name), back)
    assert final_book(back, name) == final_book(catalog, name)
    trades = [
        c.scan(name).filter(pl.col("kind") == TRADE).select("side", "price", "qty", "id").collect()
        for c in (catalog, back)
    ]
    assert trades[0].equals(trades[1])
    quotes = [
        c.scan(name).filter(pl.col("kind") == QUOTE).select("side", "price", "qty").collect() for c in (catalog, back)
    ]
    assert quotes[0].equals(quotes[1])


def test_hftbacktest_arrays_go_out_and_come_back(tmp_path: Path, market: Path) -> None:
    catalog = tc.Catalog(market)
    name = "BTCUSDT.SYNTH"
    (path,) = export(catalog, name, tmp_path / "market.npz", form="hftbacktest")
    array = np.load(path)["data"]
    assert array.dtype.names == ("ev", "exch_ts", "local_ts", "px", "qty", "order_id", "ival", "fval")
    assert array.dtype.itemsize == 64
    back = tc.Catalog(tmp_path / "back")
    summary = tc.import_hftbacktest([path], catalog.instrument(name), back)
    assert summary["events"] == 60_000
    names = ["ts_event", "ts_recv", "kind", "side", "price", "qty"]
    assert back.scan(name).select(names).collect().equals(catalog.scan(name).select(names).collect())
    # With exchange times that go back every row is there once for each side.
    frame = (
        catalog.scan(name)
        .collect()
        .with_columns(ts_event=pl.col("ts_event") - pl.col("id").cast(pl.Int64) % 3 * 50_000_000)
    )
    shaken = tc.Catalog(tmp_path / "shaken")
    with shaken.writer(catalog.instrument(name)) as writer:
        writer.write({c: frame[c].to_numpy() for c in frame.columns})
    (path,) = export(shaken, name, tmp_path / "shaken.npz", form="hftbacktest")
    array = np.load(path)["data"]
    there = array[array["ev"] & np.uint64(1 << 31) > 0]
    assert len(array) == 120_000
    assert np.all(np.diff(there["exch_ts"]) >= 0)
    assert tc.import_hftbacktest([path], catalog.instrument(name), tmp_path / "again")["events"] == 60_000


def test_what_is_no_event_array_is_refused(tmp_path: Path) -> None:
    spec = tc.find_instrument(USDM)
    (tmp_path / "a.npz").write_bytes(b"junk")
    np.save(tmp_path / "b.npy", np.zeros(3))
    np.save(tmp_path / "c.npy", np.array([{}], dtype=object), allow_pickle=True)
    dtype = [("ev", "u8"), ("exch_ts", "i8"), ("local_ts", "i8"), ("px", "f8"), ("qty", "f8")]
    np.savez_compressed(tmp_path / "d.npz", data=np.zeros(1000, dtype))
    whole = (tmp_path / "d.npz").read_bytes()
    for name, damaged in [("cut.npz", whole[:90]), ("dead.npz", whole[:60] + b"\xff" * 20 + whole[80:])]:
        (tmp_path / name).write_bytes(damaged)
    np.save(tmp_path / "flat.npy", np.zeros((2, 2), dtype))
    np.save(tmp_path / "text.npy", np.zeros(2, [*dtype[:3], ("px", "U4"), ("qty", "f8")]))
    np.save(tmp_path / "late.npy", np.zeros(2, [dtype[0], ("exch_ts", "f8"), *dtype[2:]]))
    np.save(tmp_path / "nested.npy", np.zeros(2, [*dtype[:4], ("qty", "f8", (3,))]))
    np.save(tmp_path / "words.npy", np.array(["a", "b"]))
    for name, text in [
        ("a.npz", "not an event array"),
        ("b.npy", "no field ev"),
        ("c.npy", "not an event array"),
        ("cut.npz", "not an event array"),
        ("dead.npz", "not an event array"),
        ("flat.npy", "2 dimensions, expected 1"),
        ("text.npy", "field px has dtype <U4, expected float64"),
        ("late.npy", "field exch_ts has dtype float64, expected int64"),
        ("nested.npy", "field qty has dtype"),
        ("words.npy", "no field ev"),
    ]:
        with pytest.raises(DataError, match=text):
            tc.import_hftbacktest([tmp_path / name], spec, tmp_path / "cat")


@pytest.fixture
def every_kind(tmp_path: Path) -> tc.Catalog:
    """A message of each kind, but for three statistics that share one; a quote has two rows."""
    fine = 10_123_456_789
    kinds = sorted([*EventKind, EventKind.QUOTE], key=lambda kind: (kind in FINE_KINDS, kind))
    rows = [
        (
            1_700_000_000_000_000_000,
            kind,
            (-1 if kinds[at - 1] == kind else 1) if kind in ON_GRID_KINDS else 0,
            0 if at in (len(kinds) - 3, len(kinds) - 2) else LAST,
            fine if kind in FINE_KINDS else 1_001,
            5_500,
        )
        for at, kind in enumerate(kinds)
    ]
    data = columns(rows)
    data["id"][-1] = 1_700_003_600_000_000_000
    catalog = tc.Catalog(tmp_path / "kinds")
    with catalog.writer(tc.find_instrument(USDM)) as writer:
        writer.write(data)
    return catalog


def test_csv_holds_every_kind_in_units(tmp_path: Path, every_kind: tc.Catalog) -> None:
    (path,) = export(every_kind, USDM, tmp_path / "out.csv", form="csv")
    rows = {row["kind"]: (row["price"], row["qty"]) for row in pl.read_csv(path).rows(named=True)}
    assert set(rows) == {kind.name.lower() for kind in EventKind}
    for kind in EventKind:
        assert rows[kind.name.lower()] == (10.123456789 if kind in FINE_KINDS else 10.01, 5.5), kind
    assert left_out(every_kind, USDM, "csv") == {}


def test_statistics_and_liquidations_survive_the_tardis_layout(tmp_path: Path, every_kind: tc.Catalog) -> None:
    files = export(every_kind, USDM, tmp_path / "csv", form="tardis")
    assert [path.name.partition(".")[0] for path in files][-2:] == ["derivative_ticker", "liquidations"]
    back = tc.Catalog(tmp_path / "back")
    summary = tc.import_tardis(files[-2:], every_kind.instrument(USDM), back)
    assert (summary["liquidations"], summary["liquidated_qty"], summary["trades"]) == (1, "5.500", 0)
    assert [summary[name] for name in ("marks", "index_prices", "funding_rates", "open_interests")] == [1, 1, 1, 1]
    kinds = [*FINE_KINDS, EventKind.LIQUIDATION, EventKind.OPEN_INTEREST]
    before, after = (
        c.scan(USDM)
        .filter(pl.col("kind").is_in(kinds))
        .select("kind", "side", "price", "qty", "id")
        .collect()
        .sort("kind")
        for c in (every_kind, back)
    )
    grid = {EventKind.LIQUIDATION: (1_001, 5_500), EventKind.OPEN_INTEREST: (0, 5_500)}
    for old, new in zip(before.rows(named=True), after.rows(named=True), strict=True):
        price, qty = grid.get(EventKind(old["kind"]), (old["price"], 0))
        assert new == {**old, "price": price, "qty": qty}


@pytest.mark.parametrize("form", ["tardis", "hftbacktest"])
def test_a_format_says_what_it_cannot_hold(
    tmp_path: Path, every_kind: tc.Catalog, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    orders = {"ORDER_ADD": 1, "ORDER_MODIFY": 1, "ORDER_CANCEL": 1, "ORDER_EXECUTE": 1, "OFF_BOOK_TRADE": 1}
    orders |= {"BAR_OPEN": 1, "BAR_HIGH": 1, "BAR_LOW": 1, "BAR_CLOSE": 1}
    held = {EventKind.BOOK_SET, EventKind.BOOK_CLEAR, EventKind.TRADE}
    others = {kind.name: 2 if kind == EventKind.QUOTE else 1 for kind in EventKind if kind not in held}
    expected = orders if form == "tardis" else others
    assert left_out(every_kind, USDM, form) == expected
    words = ["data", "export", every_kind.path, tmp_path / "out", "--format", form, "--json"]
    assert main([str(word) for word in words]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["left_out"] == {name.lower(): rows for name, rows in expected.items()}
    assert err.startswith(f"warning: {form} cannot hold ")
    assert "1 order_add" in err
    with pytest.raises(InvalidValueError, match="is not one of"):
        left_out(every_kind, USDM, "xml")


def test_a_run_reads_no_kind_that_moves_nothing(every_kind: tc.Catalog) -> None:
    pieces = list(every_kind.stream(USDM))
    assert {EventKind(kind) for piece in pieces for kind in piece["kind"]} == MARKET_KINDS


def test_csv_holds_units(tmp_path: Path, small: tc.Catalog) -> None:
    (path,) = export(small, USDM, tmp_path / "out.csv", form="csv")
    frame = pl.read_csv(path)
    assert frame.columns == list(COLUMNS)
    assert frame.height == small.scan(USDM).collect().height
    assert frame.filter(pl.col("kind") == "trade")["price"][0] == 99.0
    with pytest.raises(InvalidValueError, match="is not one of"):
        export(small, USDM, tmp_path / "x", form="xml")
