"""Rows that are missing, written as dates, of other lengths, or of nothing: of tables, klines, exported files, captures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tradecore as tc
from tradecore.cli import main
from tradecore.data.check import check_files
from tradecore.data.exported import import_exported
from tradecore.errors import DataError

USDM = "BTCUSDT.BINANCE_USDM"
START = 1_723_075_200_000
"""2024-08-08 in ms."""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# --- trades that are missing by their ids -------------------------------------------------------------------------


def table(kind: str, ids: list[int], start: int = 0) -> str:
    """Trades of these ids, a millisecond apart, in the form of a venue."""
    rows = {
        "um-agg": "{id},60000.1,0.004,{first},{first},{ms},false",
        "spot-agg": "{id},60000.10000000,0.00400000,{first},{first},{ms},False,True",
        "spot": "{id},60000.10000000,0.00400000,240.00040000,{ms},False,True",
        "um": "{id},60000.1,0.004,240.0004,{ms},false",
        "coinbase": "{id},buy,60000.10,0.00400000,2024-08-08T00:00:00.{rest:03}Z",
        "okx": "{id},buy,60000.1,0.004,{ms}",
        "bybit-spot": "{id},{ms},60000.10,0.004000,buy",
    }
    head = {
        "coinbase": "trade_id,side,price,size,time\n",
        "okx": "trade_id,side,price,size,created_time\n",
        "bybit-spot": "id,timestamp,price,volume,side\n",
    }
    lines = [
        rows[kind].format(id=id, first=7 * id, ms=START + start + at, rest=start + at) for at, id in enumerate(ids)
    ]
    return head.get(kind, "") + "\n".join(lines) + "\n"


NUMBERED = [
    ("um-agg", "BTCUSDT-aggTrades-2024-08-08.csv", USDM),
    ("spot-agg", "BTCUSDT-aggTrades-2024-08-08.csv", "BTCUSDT.BINANCE"),
    ("spot", "BTCUSDT-trades-2024-08-08.csv", "BTCUSDT.BINANCE"),
    ("coinbase", "trades.csv", "BTC-USD.COINBASE"),
]


@pytest.mark.parametrize(("kind", "name", "instrument"), NUMBERED)
def test_trades_that_are_missing_by_their_ids_are_told(tmp_path: Path, kind: str, name: str, instrument: str) -> None:
    path = write(tmp_path, name, table(kind, [11, 12, 15, 16, 26]))
    report = check_files(path, instrument)
    assert (report["trades"], report["missing_trades"], report["trade_gaps"]) == (5, 11, 2)
    assert report["problems"] == [
        "11 trades missing, by ids that the venue gives one by one, first at 2024-08-08 00:00:00.002000000 UTC"
    ]
    assert (report["ok"], report["failed"]) == (False, True)
    summary = tc.import_tables(path, instrument, tmp_path / "market", assume_latency="1ms")
    assert (summary["trades"], summary["missing_trades"]) == (5, 11)
    # Received a millisecond later, as is assumed.
    assert summary["first_ts_trade_gap"] == (START + 3) * 1_000_000


@pytest.mark.parametrize(("kind", "name", "instrument"), NUMBERED)
def test_trades_of_ids_that_are_all_there_are_not(tmp_path: Path, kind: str, name: str, instrument: str) -> None:
    # Also where files hold some twice, and one came late.
    first = write(tmp_path / "a", name, table(kind, [11, 12, 14, 13, 15]))
    second = write(tmp_path / "b", name, table(kind, [14, 15, 16, 17], start=5))
    report = check_files([first, second], instrument)
    assert (report["trades"], report["missing_trades"], report["trade_gaps"]) == (9 - report["duplicates"], 0, 0)
    assert report["first_ts_trade_gap"] is None
    # What is missing between two files is missing.
    third = write(tmp_path / "c", name, table(kind, [20], start=9))
    assert check_files([first, second, third], instrument)["missing_trades"] == 2


@pytest.mark.parametrize(
    ("kind", "name", "instrument"),
    [
        # Binance leaves the trades of its insurance fund out of these, the others do not say that they count one by one.
        ("um", "BTCUSDT-trades-2024-08-08.csv", USDM),
        ("okx", "BTC-USDT-trades-2024-08-08.csv", "BTC-USDT.OKEX"),
        ("bybit-spot", "BTCUSDT_2024-08-08.csv", "BTCUSDT.BYBIT_SPOT"),
    ],
)
def test_ids_that_need_not_follow_one_another_give_no_alarm(
    tmp_path: Path, kind: str, name: str, instrument: str
) -> None:
    report = check_files(write(tmp_path, name, table(kind, [11, 12, 15, 4_000])), instrument)
    assert (report["trades"], report["missing_trades"], report["problems"]) == (4, 0, [])


def test_columns_of_ones_own_and_trades_without_an_id_give_no_alarm(tmp_path: Path) -> None:
    mine = write(tmp_path, "mine.csv", f"when,px,sz,id\n{START},60000.1,1,7\n{START + 1},60000.1,1,90\n")
    report = check_files(mine, USDM, columns="time=when,price=px,amount=sz,id=id")
    assert (report["trades"], report["missing_trades"]) == (2, 0)
    unnamed = write(tmp_path, "BTCUSDT-aggTrades-2024-08-08.csv", table("um-agg", [11, 0, 12]))
    assert check_files(unnamed)["missing_trades"] == 0


def test_a_command_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "futures/um/BTCUSDT-aggTrades-2024-08-08.csv", table("um-agg", [1, 3]))
    assert main(["data", "check", str(path), "--quiet"]) == 1
    assert "1 trade missing, by ids that the venue gives one by one" in capsys.readouterr().out


# --- times as dates -----------------------------------------------------------------------------------------------

KLINE_HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n"


def kline(opens: str, closes: str) -> str:
    return f"{opens},60000.1,60001,59999.9,60000.5,3.5,{closes},350,7,1.25,125,0\n"


PLAIN = kline(f"{START}", f"{START + 59_999}") + kline(f"{START + 60_000}", f"{START + 119_999}")


@pytest.mark.parametrize(
    "text",
    [
        KLINE_HEADER
        + kline("2024-08-08T00:00:00Z", "2024-08-08T00:00:59.999Z")
        + kline("2024-08-08T00:01:00Z", "2024-08-08T00:01:59.999Z"),
        # As pandas writes them, with a zone and without.
        KLINE_HEADER
        + kline("2024-08-08 00:00:00+00:00", "2024-08-08 00:00:59.999000+00:00")
        + kline("2024-08-08 00:01:00+00:00", "2024-08-08 00:01:59.999000+00:00"),
        KLINE_HEADER
        + kline("2024-08-08 00:00:00", "2024-08-08 00:00:59.999")
        + kline("2024-08-08 02:01:00+02:00", "2024-08-08 00:01:59.999"),
        kline("2024-08-08 00:00:00", "2024-08-08 00:00:59") + kline("2024-08-08 00:01:00", "2024-08-08 00:01:59"),
        KLINE_HEADER
        + kline("1.7230752E+12", "1.723075259999E12")
        + kline("1.72307526e+12", f"{(START + 119_999) / 1_000}"),
    ],
)
def test_klines_whose_times_are_written_otherwise_are_the_same(tmp_path: Path, text: str) -> None:
    plain = write(tmp_path, "plain/BTCUSDT-1m-2024-08-08.csv", PLAIN)
    tc.import_klines(plain, USDM, tmp_path / "plain")
    path = write(tmp_path, "BTCUSDT-1m-2024-08-08.csv", text)
    report = check_files(path, USDM)
    assert (report["bars"], report["bar_gaps"], report["shortened_bars"], report["problems"]) == (2, 0, 0, [])
    tc.import_klines(path, USDM, tmp_path / "market")
    told = [tc.Catalog(tmp_path / name).scan(USDM).collect() for name in ("plain", "market")]
    assert told[0].equals(told[1])


@pytest.mark.parametrize(
    "text", ["2024-08-08", "2024-13-08T00:00:00Z", "2024-08-08T00:00:00+2", "1e99", "1.7e5", "nan"]
)
def test_what_is_no_time_of_a_bar_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, "k.csv", KLINE_HEADER + kline(text, f"{START + 59_999}"))
    with pytest.raises(DataError, match=r"k\.csv:2: open_time: .* is not a time") as caught:
        tc.import_klines(path, USDM, tmp_path / "market")
    assert caught.value.line == 2


def test_exported_times_may_be_dates(tmp_path: Path) -> None:
    head = "ts_event,ts_recv,kind,side,flags,price,qty,id\n"
    ns = START * 1_000_000
    plain = write(tmp_path, "plain.csv", f"{head}{ns + 1},{ns + 2_000},trade,1,1,60000.1,2,7\n")
    dated = write(
        tmp_path,
        "dated.csv",
        f"{head}2024-08-08T00:00:00.000000001Z,2024-08-08 02:00:00.000002+02:00,trade,1,1,60000.1,2,7\n",
    )
    for path in (plain, dated):
        import_exported(path, tmp_path / path.stem, USDM)
    told = [tc.Catalog(tmp_path / name).scan(USDM).collect() for name in ("plain", "dated")]
    assert told[0].equals(told[1])
    # Those of a double have not the digits that a time in ns has.
    for text in ("1.723075200000001e18", "2024-08-08", "2024-02-30T00:00:00Z"):
        wrong = write(tmp_path, "wrong.csv", f"{head}{text},{ns},trade,1,1,60000.1,2,7\n")
        with pytest.raises(DataError, match=r"wrong\.csv:2: ts_event: .* is not a time in ns since 1970"):
            import_exported(wrong, tmp_path / "wrong", USDM)


# --- bars of several lengths --------------------------------------------------------------------------------------


def test_bars_of_several_lengths_are_no_one_series_whatever_their_files_are_called(tmp_path: Path) -> None:
    minutes = write(tmp_path, "a.csv", PLAIN)
    longer = write(tmp_path, "b.csv", kline(f"{START + 120_000}", f"{START + 419_999}"))
    within = write(tmp_path, "c.csv", kline(f"{START}", f"{START + 299_999}"))
    for other in (longer, within):
        told = rf"{other.name}:1: file: it holds bars of 5m, and .*a\.csv those of 1m; give those of one length"
        with pytest.raises(DataError, match=told):
            tc.import_klines([minutes, other], USDM, tmp_path / other.stem)
    # Months are of one length, and so are bars that the venue cut.
    day = 86_400_000
    january = write(tmp_path, "jan.csv", kline("1704067200000", f"{1704067200000 + 31 * day - 1}"))
    february = write(tmp_path, "feb.csv", kline("1706745600000", f"{1706745600000 + 29 * day - 1}"))
    assert check_files([january, february], USDM)["bars"] == 2


# --- what nobody traded at ----------------------------------------------------------------------------------------


def test_a_liquidation_without_a_price_or_a_size_is_left_out_and_told(tmp_path: Path) -> None:
    rows = [("0", "3"), ("60000.0", "0"), ("0.0", "0"), ("60000.0", "1")]
    text = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n" + "".join(
        f"binance-futures,BTCUSDT,{1_000 * (START + at)},{1_000 * (START + at) + 900},,sell,{price},{qty}\n"
        for at, (price, qty) in enumerate(rows)
    )
    path = write(tmp_path, "binance-futures_liquidations_2024-08-08_BTCUSDT.csv", text)
    report = check_files(path)
    assert (report["liquidations"], report["empty_liquidations"], report["problems"]) == (1, 3, [])
    assert "left out: 3 liquidations without price or size" in report["notes"]
    assert tc.import_tardis(path, USDM, tmp_path / "market")["empty_liquidations"] == 3


def test_a_print_at_a_price_of_zero_is_none_in_frames_of_any_venue() -> None:
    def fed(venue: str, instrument: str, *frames: dict[str, Any]) -> list[tuple[str, int]]:
        decoder, told = tc.FeedDecoder(venue, [instrument]), []
        for at, frame in enumerate(frames):
            word = decoder.feed(json.dumps(frame).encode(), (START + at) * 1_000_000 + 900_000)
            told.append((word, len(decoder.events(instrument)["price"])))
        return told

    def bybit(topic: str, **data: Any) -> dict[str, Any]:
        entry = {"T": START, "s": "BTCUSDT", **data}
        return {"topic": f"{topic}.BTCUSDT", "type": "snapshot", "ts": START, "data": [entry]}

    trade = {"S": "Buy", "v": "1", "BT": False}
    assert fed(
        "BYBIT",
        "BTCUSDT.BYBIT",
        bybit("publicTrade", p="0", i="a", **trade),
        bybit("publicTrade", p="60000.10", i="a", **trade),
        bybit("allLiquidation", S="Buy", v="1", p="0.00"),
    ) == [("empty_trade", 0), ("trade", 1), ("ignored", 0)]

    def coinbase(number: int, price: str) -> dict[str, Any]:
        entry = {"product_id": "BTC-USD", "trade_id": str(number), "price": price, "size": "1", "side": "BUY"}
        time = "2024-08-08T00:00:00Z"
        events = [{"type": "update", "trades": [{**entry, "time": time}]}]
        return {"channel": "market_trades", "timestamp": time, "sequence_num": number, "events": events}

    assert fed("COINBASE", "BTC-USD.COINBASE", coinbase(0, "0"), coinbase(1, "60000.01")) == [
        ("empty_trade", 0),
        ("trade", 1),
    ]

    def match(number: int, price: str) -> dict[str, Any]:
        ids = {"trade_id": number, "sequence": number, "maker_order_id": "a", "taker_order_id": "b"}
        said = {"type": "match", "side": "sell", "size": "1", "price": price, "product_id": "BTC-USD"}
        return {**said, **ids, "time": "2024-08-08T00:00:00Z"}

    assert fed("COINBASE", "BTC-USD.COINBASE", match(1, "0"), match(2, "60000.01")) == [
        ("empty_trade", 0),
        ("trade", 1),
    ]
