"""What scripts make themselves: columns in memory, frames that are fed by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tradecore as tc
from tradecore.errors import DataError

USDM = "BTCUSDT.BINANCE_USDM"
START = 1_723_075_200_000_000_000
"""2024-08-08 in ns."""
SECOND = 1_000_000_000


class Watching(tc.Strategy):
    """Remembers when it was told of what."""

    def on_start(self, ctx: tc.Context) -> None:
        self.seen: list[tuple[int, float | None]] = []

    def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
        self.seen.append((ctx.now_ns, book.best_bid))


def bids(**columns: Any) -> dict[str, Any]:
    """Levels of bids, a second apart, each a message of its own."""
    times = START + SECOND * np.arange(4)
    made = {
        "ts_event": times,
        "ts_recv": times + 1_000,
        "kind": np.full(4, tc.EventKind.BOOK_SET, np.uint8),
        "side": np.ones(4, np.int8),
        "flags": np.full(4, tc.EventFlag.LAST, np.uint8),
        "price": 6_000_000 + 10 * np.arange(4),
        "qty": np.full(4, 1_000),
        "id": np.arange(1, 5, dtype=np.uint64),
    }
    return {**made, **columns}


def run(columns: dict[str, Any]) -> Watching:
    watching = Watching("w", [USDM])
    tc.Backtest([watching], {USDM: columns}).run()
    return watching


def stored(columns: dict[str, Any], folder: Path) -> None:
    with tc.Catalog(folder).writer(tc.find_instrument(USDM)) as writer:
        writer.write(columns)


def test_each_message_is_told_when_it_was_received() -> None:
    told = [(START + SECOND * at + 1_000, 60_000 + 0.1 * at) for at in range(4)]
    assert [(at, pytest.approx(bid)) for at, bid in run(bids()).seen] == told
    # A message may have several rows, which are received at once.
    at_once = np.repeat(START + SECOND * np.arange(2) + 1_000, 2)
    several = run(bids(ts_recv=at_once, flags=np.array([0, 1, 0, 1], np.uint8)))
    assert [at for at, _ in several.seen] == [START + 1_000, START + SECOND + 1_000]


@pytest.mark.parametrize(("flags", "row"), [([0, 0, 0, 0], 1), ([1, 1, 0, 1], 3)])
def test_a_message_without_an_end_is_not_told_before_it_was_received(
    tmp_path: Path, flags: list[int], row: int
) -> None:
    problem = rf"row {row}: ts_recv \d+ is not that of the row above, which does not end its message: .* flag LAST, 1"
    endless = bids(flags=np.array(flags, np.uint8))
    with pytest.raises(DataError, match=problem):
        run(endless)
    with pytest.raises(DataError, match=problem):
        stored(endless, tmp_path / "market")
    assert not list((tmp_path / "market").rglob("*.parquet"))


def test_a_price_below_zero_is_none_of_a_market_and_may_be_a_rate(tmp_path: Path) -> None:
    low = np.array([6_000_000, 6_000_010, -6_000_020, 6_000_030])
    for kind in (tc.EventKind.BOOK_SET, tc.EventKind.TRADE, tc.EventKind.QUOTE):
        columns = bids(price=low, kind=np.full(4, kind, np.uint8))
        with pytest.raises(DataError, match="row 2: price -6000020 is not zero or more"):
            stored(columns, tmp_path / kind.name)
    with pytest.raises(DataError, match="row 2: price -6000020 is not zero or more"):
        run(bids(price=low))
    rates = bids(price=low, kind=np.full(4, tc.EventKind.FUNDING, np.uint8), side=np.zeros(4, np.int8))
    stored(rates, tmp_path / "rates")
    assert tc.Catalog(tmp_path / "rates").scan(USDM).collect()["price"].to_list() == low.tolist()


FRAMES = {
    "BINANCE_USDM": {
        "e": "trade",
        "E": START // 1_000_000,
        "T": START // 1_000_000,
        "s": "BTCUSDT",
        "t": 1,
        "p": "60000.0",
        "q": "1",
        "X": "MARKET",
        "m": True,
    },
    "BYBIT": {
        "topic": "publicTrade.BTCUSDT",
        "type": "snapshot",
        "ts": START // 1_000_000,
        "data": [
            {"T": START // 1_000_000, "s": "BTCUSDT", "S": "Buy", "v": "1", "p": "60000.00", "i": "a", "BT": False}
        ],
    },
    "COINBASE": {
        "channel": "market_trades",
        "timestamp": "2024-08-08T00:00:00Z",
        "sequence_num": 0,
        "events": [
            {
                "type": "update",
                "trades": [
                    {
                        "product_id": "BTC-USD",
                        "trade_id": "1",
                        "price": "60000.01",
                        "size": "1",
                        "time": "2024-08-08T00:00:00Z",
                        "side": "BUY",
                    }
                ],
            }
        ],
    },
}


@pytest.mark.parametrize("venue", FRAMES)
def test_a_receipt_in_another_unit_is_no_time_of_1970(venue: str) -> None:
    name = "BTC-USD.COINBASE" if venue == "COINBASE" else f"BTCUSDT.{venue}"
    decoder, frame = tc.FeedDecoder(venue, [name]), json.dumps(FRAMES[venue]).encode()
    for unit, size in (("us", 1_000), ("ms", 1_000_000), ("s", SECOND)):
        with pytest.raises(DataError, match=rf"ts_recv: {START // size} is not .* as {unit} it is 2024-08-08 00:00:00"):
            decoder.feed(frame, START // size)
    # It is as before. Whoever plays at being in 1970 may, and a venue may play the past.
    assert decoder.feed(frame, START + 1_000_000) == "trade"
    assert decoder.events(name)["ts_recv"].tolist() == [START + 1_000_000]
    assert tc.FeedDecoder(venue, [name]).feed(frame, 5 * SECOND) == "trade"
    assert tc.FeedDecoder(venue, [name]).feed(frame, START + 1_000 * 86_400 * SECOND) == "trade"
