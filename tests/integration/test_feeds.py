"""Recorded messages of venues through their decoders: every kind is known, books are those of an independent replay."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

import tradecore as tc
from conftest import SHARED
from tradecore.errors import DataError

WIRE = SHARED / "wire"
pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason="no ../shared/wire beside the project")

NOW = 1_790_757_082_000_000_000


def fine(symbol: str, venue: str, kind: str = "spot") -> tc.Instrument:
    """An instrument whose grid holds every number of a recording."""
    return tc.Instrument(
        f"{symbol}.{venue}", kind=kind, base=symbol, quote="X", price_increment="1e-8", qty_increment="1e-8"
    )


def lines(path: Path) -> list[bytes]:
    return [line for line in path.read_bytes().splitlines() if line.strip()]


def messages(path: Path) -> Iterator[bytes]:
    """Frames of a file, whose lines may be fixtures with a name."""
    for line in lines(path):
        parsed = orjson.loads(line)
        yield orjson.dumps(parsed["message"]) if "fixture" in parsed else line


def kinds(decoder: tc.FeedDecoder, frames: Sequence[bytes]) -> Counter[str]:
    return Counter(decoder.feed(frame, NOW + at) for at, frame in enumerate(frames))


def side(levels: Any) -> Any:
    return np.array(levels, dtype=np.float64)


# --- every kind is known -----------------------------------------------------------------------------------------------

BINANCE = [
    "misc_streams_2021_2022.jsonl",
    "spot_20211012.ws.jsonl",
    "usdm_20210722.ws.jsonl",
    "usdm_demo_btcusdt_20260915.jsonl",
    "usdm_markprice_rollover_20260930.jsonl",
    "usdm_frames_202606.jsonl",
    "spot_aggtrade_202606.jsonl",
    "fixtures_spot_user.jsonl",
    "fixtures_usdm_market.jsonl",
    "fixtures_usdm_user.jsonl",
    "user_spot_balanceUpdate.pm_stream.jsonl",
    "user_spot_executionReport.pm_stream.jsonl",
    "user_spot_outboundAccountPosition.pm_stream.jsonl",
    "user_usdm_ACCOUNT_CONFIG_UPDATE.pm_stream.jsonl",
    "user_usdm_ACCOUNT_UPDATE.pm_stream.jsonl",
    "user_usdm_ORDER_TRADE_UPDATE.pm_stream.jsonl",
]
BYBIT = [
    "control_frames.jsonl",
    "fixtures_ws.jsonl",
    "orderbook1000_spot_btcusdt_202610_truncated.jsonl",
    "orderbook200_spot_btcusdt_20231224.jsonl",
    "orderbook50_linear_btcusdt_20260313.jsonl",
    "orderbook_singles.jsonl",
    "private_order_nexus.jsonl",
    "private_position_nexus.jsonl",
    "private_user_linear_yasstake.jsonl",
    "publicTrade.jsonl",
    "spot_testnet_20260913.session.jsonl",
    "tickers_gct.jsonl",
    "tickers_linear_btcusdt_20260930.jsonl",
]
COINBASE = [
    "advanced_20260930.session.jsonl",
    "advanced_control_frames.jsonl",
    "advanced_l2_frames_2026.jsonl",
    "advanced_market_trades.jsonl",
    "advanced_ticker.jsonl",
    "advanced_user_20260930.jsonl",
    "exchange_20210417.session.jsonl",
    "exchange_misc_2021_2022.jsonl",
    "fixtures_docs_ws.jsonl",
    "fixtures_ws.jsonl",
]
MADE_UP = {
    "fixtures_spot_user.jsonl": {"(no event)"},
    "fixtures_ws.jsonl": {"trade", "(no topic)"},
}
"""Fixtures written by hand hold frames that no venue sends: a topic that does not exist, data without the frame."""


@pytest.mark.parametrize(
    ("venue", "name"),
    [("BINANCE", name) for name in BINANCE]
    + [("BYBIT", name) for name in BYBIT]
    + [("COINBASE", name) for name in COINBASE],
)
def test_every_recorded_message_is_of_a_known_kind(venue: str, name: str) -> None:
    symbols = {
        "BINANCE": ["BTCUSDT"],
        "BYBIT": ["BTCUSDT", "BTCUSD", "BTCPERP"],
        "COINBASE": ["BTC-USD", "ETH-USD", "ETH-USDT", "SOL-USD", "BTC-PERP-INTX", "NU-GBP"],
    }[venue]
    counts: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for frame in messages(WIRE / venue.lower() / name):
        # One decoder a frame: these are no connections, but their pieces.
        decoder = tc.FeedDecoder(venue, [fine(symbol, venue) for symbol in symbols])
        if b'"l":"0.0015"' in frame:
            # Of the fixtures, a bar whose lowest price is above its first.
            with pytest.raises(DataError, match="low: 150000: expected no price above open or close"):
                decoder.feed(frame, NOW)
            continue
        counts[decoder.feed(frame, NOW)] += 1
        unknown.update(decoder.unknown)
    assert set(unknown) <= MADE_UP.get(name, set())
    assert counts["unknown"] == unknown.total()


# --- Bybit -------------------------------------------------------------------------------------------------------------


def test_the_spot_session_of_bybit() -> None:
    """Book, best prices and trades of one connection, each against an independent replay."""
    folder = WIRE / "bybit"
    spec = fine("BTCUSDT", "BYBIT_SPOT")
    decoder = tc.FeedDecoder("BYBIT_SPOT", [spec])
    book = decoder.book(spec.id)
    frames = lines(folder / "spot_testnet_20260913.session.jsonl")
    answers = json.loads((folder / "spot_testnet_20260913.expected.json").read_text())
    expected = {point["line"]: point for point in answers}
    counts: Counter[str] = Counter()
    for number, frame in enumerate(frames, start=1):
        counts[decoder.feed(frame, NOW + number)] += 1
        if point := expected.pop(number, None):
            assert [book.best_bid, book.bid_qty] == [float(text) for text in point["bid"]]
            assert [book.best_ask, book.ask_qty] == [float(text) for text in point["ask"]]
            assert [book.bid_levels, book.ask_levels] == point["levels"]
    assert not expected
    assert counts["depth"] == 18
    assert counts["trade"] == 7
    assert counts["snapshot"] == 1
    assert counts["quote"] + counts["stale_quote"] == 14
    assert counts["control"] == 3
    assert decoder.gaps(spec.id) == 0
    assert decoder.control is not None
    assert not decoder.control.success
    assert decoder.control.text == "Invalid symbol :[orderbook.50.NOSUCHSYM]"
    events = decoder.events(spec.id)
    assert (events["kind"] == tc.EventKind.TRADE).sum() == 8
    assert set(decoder.heard(spec.id)) == {"book", "trades", "quotes"}
    # Every delta of the session missed once is a gap, until a snapshot comes.
    deltas = [at for at, frame in enumerate(frames) if b'"delta"' in frame]
    for missing in deltas[:-1]:
        decoder = tc.FeedDecoder("BYBIT_SPOT", [spec])
        for at, frame in enumerate(frames):
            if at != missing:
                decoder.feed(frame, at)
        assert decoder.gaps(spec.id) == 1
        assert decoder.needs_snapshot(spec.id)
        assert "came after" in (decoder.gap_reason(spec.id) or "")


@pytest.mark.parametrize(
    ("name", "venue"),
    [
        ("orderbook50_linear_btcusdt_20260313.jsonl", "BYBIT"),
        ("orderbook200_spot_btcusdt_20231224.jsonl", "BYBIT_SPOT"),
        ("orderbook1000_spot_btcusdt_202610_truncated.jsonl", "BYBIT_SPOT"),
    ],
)
def test_the_depths_of_bybit(name: str, venue: str) -> None:
    folder = WIRE / "bybit"
    spec = fine("BTCUSDT", venue)
    decoder = tc.FeedDecoder(venue, [spec], keep_events=False)
    book = decoder.book(spec.id)
    for at, (frame, point) in enumerate(
        zip(lines(folder / name), json.loads((folder / "orderbook.expected.json").read_text())[name], strict=True)
    ):
        assert decoder.feed(frame, at) == ("depth" if point["type"] == "delta" else "snapshot")
        assert (book.bid_levels, book.ask_levels) == (point["bid_levels"], point["ask_levels"])
        for ours, theirs in zip(book.depth(5), (point["bids_top5"], point["asks_top5"]), strict=True):
            np.testing.assert_array_equal(ours, side(theirs))


def test_a_symbol_of_bybit_that_a_program_wrote_with_escapes_is_the_same() -> None:
    """As ``json.dumps`` writes a symbol that is not of ASCII."""
    spec = fine("币安人生USDT", "BYBIT", "linear")
    told = {"s": spec.symbol, "b": [["0.25", "3"]], "a": [["0.26", "4"]], "u": 7, "seq": 9}
    book = {"topic": f"orderbook.50.{spec.symbol}", "type": "snapshot", "ts": 2_000, "data": told, "cts": 1_990}
    print_ = {"T": 2_001, "s": spec.symbol, "S": "Buy", "v": "1", "p": "0.26", "i": "1", "BT": False}
    trades = {"topic": f"publicTrade.{spec.symbol}", "type": "snapshot", "ts": 2_002, "data": [print_]}
    seen = []
    for escaped in (False, True):
        decoder = tc.FeedDecoder("BYBIT", [spec])
        frames = [json.dumps(frame, ensure_ascii=escaped).encode() for frame in (book, trades)]
        frames[0] = frames[0].replace(b'"s": "' + "币".encode(), b'"s": "\\u5e01')
        assert kinds(decoder, frames) == {"snapshot": 1, "trade": 1}
        seen.append({name: column.tolist() for name, column in decoder.events(spec.id).items()})
    assert seen[0] == seen[1]
    for topic in ("publicTrad\\u0065.BTCUSDT", "orderbook.\\u0035.BTCUSDT", "tickers\\u002eBTCUSDT"):
        with pytest.raises(DataError, match="a name without escapes"):
            decoder.feed(b'{"topic":"%s","type":"snapshot","ts":1,"data":[]}' % topic.encode(), 1)


def test_a_minute_of_bybits_tickers() -> None:
    """What a change leaves out is as it was: the values at the end, and every one that is told on the way."""
    spec = fine("BTCUSDT", "BYBIT", "linear")
    decoder = tc.FeedDecoder("BYBIT", [spec])
    frames = lines(WIRE / "bybit" / "tickers_linear_btcusdt_20260930.jsonl")
    assert kinds(decoder, frames) == {"ticker": 435, "control": 1}
    told: dict[str, list[str]] = {}
    for frame in frames:
        for key, value in orjson.loads(frame).get("data", {}).items():
            told.setdefault(key, []).append(value)
    events = decoder.events(spec.id)

    def rows(kind: tc.EventKind, column: str = "price") -> Any:
        return events[column][events["kind"] == kind]

    for kind, key in ((tc.EventKind.MARK, "markPrice"), (tc.EventKind.INDEX, "indexPrice")):
        np.testing.assert_allclose(rows(kind) / 1e9, side(told[key]), rtol=0, atol=1e-12)
    assert (rows(tc.EventKind.OPEN_INTEREST, "qty")[-1], len(rows(tc.EventKind.OPEN_INTEREST))) == (
        round(float(told["openInterest"][-1]) * 1e8),
        len(told["openInterest"]),
    )
    funding = rows(tc.EventKind.FUNDING)
    assert (funding[0], funding[-1]) == (-77_740, -85_170)
    assert set(rows(tc.EventKind.FUNDING, "id")) == {1_790_784_000_000_000_000}
    quotes = rows(tc.EventKind.QUOTE)
    assert [quotes[-2], quotes[-1]] == [round(83017.20 * 1e8), round(83017.30 * 1e8)]
    sizes = rows(tc.EventKind.QUOTE, "qty")
    assert [sizes[-2], sizes[-1]] == [623_200_000, 38_100_000]


# --- Coinbase ----------------------------------------------------------------------------------------------------------


def advanced(specs: list[tc.Instrument]) -> tuple[tc.FeedDecoder, list[bytes]]:
    return tc.FeedDecoder("COINBASE", specs), lines(WIRE / "coinbase" / "advanced_20260930.session.jsonl")


def test_the_session_of_advanced_trade() -> None:
    specs = [fine(symbol, "COINBASE") for symbol in ("BTC-USD", "ETH-USD")]
    decoder, frames = advanced(specs)
    counts = kinds(decoder, frames)
    assert counts == {"snapshot": 2, "depth": 211, "trade_history": 2, "trade": 26, "control": 9}
    expected = json.loads((WIRE / "coinbase" / "advanced_20260930.expected.json").read_text())["books"]
    for spec, (count, total) in zip(specs, ((86, 3.29541419), (21, 14.29653728)), strict=True):
        point, book = expected[spec.symbol], decoder.book(spec.id)
        assert [book.bid_levels, book.ask_levels] == point["levels"]
        for ours, theirs in zip(book.depth(5), (point["top5_bid"], point["top5_ask"]), strict=True):
            np.testing.assert_array_equal(ours, side(theirs))
        assert (decoder.gaps(spec.id), decoder.state(spec.id)) == (0, tc.BookState.SYNCED)
        events = decoder.events(spec.id)
        trades = events["kind"] == tc.EventKind.TRADE
        assert trades.sum() == count
        assert events["qty"][trades].sum() / 1e8 == pytest.approx(total, abs=1e-9)
        ids = events["id"][trades]
        assert (np.diff(ids.astype(np.int64)) == 1).all(), "the oldest first, none lost"


def test_the_aggressor_of_a_trade_is_not_its_maker() -> None:
    """Line 23 holds a trade at the ask, SELL by the maker; line 24 takes its quantity from that ask."""
    spec = fine("BTC-USD", "COINBASE")
    decoder, frames = advanced([spec])
    for at, frame in enumerate(frames[:22]):
        decoder.feed(frame, at)
    decoder.events(spec.id)
    assert decoder.feed(frames[22], 22) == "trade"
    events = decoder.events(spec.id)
    at = events["price"].tolist().index(8_327_726_000_000)
    assert (events["qty"][at], events["side"][at]) == (58_346, 1)


def test_a_message_missing_on_the_connection_voids_all_its_books() -> None:
    specs = [fine(symbol, "COINBASE") for symbol in ("BTC-USD", "ETH-USD")]
    _, frames = advanced(specs)
    heartbeat = next(at for at, frame in enumerate(frames) if b'"heartbeats","timestamp"' in frame)
    for missing in (heartbeat, 60, 100):
        decoder, _ = advanced(specs)
        for at, frame in enumerate(frames):
            if at != missing:
                decoder.feed(frame, at)
        for spec in specs:
            assert (decoder.gaps(spec.id), decoder.state(spec.id)) == (1, tc.BookState.GAP)
            reason = f"message {missing + 1} of the connection came where {missing} was due"
            assert decoder.gap_reason(spec.id) == reason
        assert decoder.feed(frames[100], len(frames)) == "duplicate"


def test_the_session_of_the_exchange_feed() -> None:
    folder = WIRE / "coinbase"
    expected = json.loads((folder / "exchange_20210417.expected.json").read_text())["products"]
    specs = [fine(symbol, "COINBASE") for symbol in expected]
    decoder = tc.FeedDecoder("COINBASE", specs)
    frames = lines(folder / "exchange_20210417.session.jsonl")
    stamps = [
        round(float(text) * 1e9) for text in (folder / "exchange_20210417.session.recv_s.txt").read_text().split()
    ]
    books = {spec.symbol: decoder.book(spec.id) for spec in specs}
    checkpoints = {
        (symbol, point["after_line"]): point for symbol, answer in expected.items() for point in answer["checkpoints"]
    }
    counts: Counter[str] = Counter()
    for number, (frame, stamp) in enumerate(zip(frames, stamps, strict=True), start=1):
        counts[decoder.feed(frame, stamp)] += 1
        for symbol, book in books.items():
            if point := checkpoints.pop((symbol, number), None):
                assert [book.best_bid, book.best_ask] == [float(point["best_bid"][0]), float(point["best_ask"][0])]
    assert not checkpoints
    assert (counts["depth"], counts["trade"], counts["trade_history"], counts["snapshot"]) == (6547, 77, 6, 6)
    for spec in specs:
        final, book = expected[spec.symbol]["final"], books[spec.symbol]
        assert [book.bid_levels, book.ask_levels] == final["levels"]
        for ours, theirs in zip(book.depth(10), (final["top10_bids"], final["top10_asks"]), strict=True):
            np.testing.assert_array_equal(ours, side(theirs))
        assert (decoder.gaps(spec.id), decoder.state(spec.id)) == (0, tc.BookState.SYNCED)
