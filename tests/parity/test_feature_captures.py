"""Features of real captures: against the venue's own best prices, and against a slow and obvious Python."""

from __future__ import annotations

import bisect
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

import tradecore as tc
from conftest import CLEAR, LAST, SET, TRADE

pytestmark = pytest.mark.both

CAPTURES = {"BTCUSDT.BINANCE_USDM": "usdm/btcusdt_20240808.gz", "BTCUSDT.BINANCE": "spot/btcusdt_20240808.gz"}
SECOND = 1_000_000_000
ROWS = 40_000
"""Messages of a capture that the slow version reads."""

Levels = list[tuple[int, int]]


@pytest.fixture(scope="module")
def capture(shared: Path) -> Path:
    folder = shared / "data" / "binance_ws_2024"
    if not folder.is_dir():
        pytest.skip("no ../shared/data/binance_ws_2024: the captures are not here")
    return folder


@pytest.fixture(scope="module")
def catalog(capture: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("captures")
    for name, file in CAPTURES.items():
        tc.import_binance_ws([capture / file], tc.find_instrument(name), made)
    return made


@pytest.mark.parametrize(("name", "updates"), [("BTCUSDT.BINANCE_USDM", 6_545), ("BTCUSDT.BINANCE", 3_448)])
def test_the_touch_is_that_of_the_venue(name: str, updates: int, capture: Path, catalog: Path) -> None:
    """After the depth update with an id the book is that of the last bookTicker up to it.

    All updates but the first ones, which came before the snapshot and go into the book with it.
    """
    tickers, depths = [], []
    for line in gzip.decompress((capture / CAPTURES[name]).read_bytes()).splitlines():
        stamp, _, body = line.partition(b" ")
        if b"@bookTicker" in body:
            data = orjson.loads(body)["data"]
            tickers.append((data["u"], *(float(data[key]) for key in "bBaA")))
        elif b"@depth" in body:
            depths.append((int(stamp), orjson.loads(body)["data"]["u"]))
    names = ["spread", "mid", "microprice", "imbalance", "queue_imbalance"]
    table = tc.features.compute(catalog, name, names, "message")
    known = dict(zip(table["ts"].to_physical().to_list(), table.select(names).rows(), strict=True))
    ids = [ticker[0] for ticker in tickers]
    compared = 0
    for stamp, update in depths:
        at = bisect.bisect_right(ids, update) - 1
        if at < 0 or stamp not in known or np.isnan(known[stamp][0]):
            continue
        _, bid, bid_qty, ask, ask_qty = tickers[at]
        share = bid_qty / (bid_qty + ask_qty)
        expected = (ask - bid, (bid + ask) / 2, ask * share + bid * (1 - share), share, 2 * share - 1)
        assert known[stamp] == pytest.approx(expected, rel=1e-9, abs=1e-9), update
        compared += 1
    assert compared == updates


class Slow:
    """What is known after each message, kept as lists and looked through from the beginning."""

    def __init__(self, events: dict[str, Any], instrument: tc.Instrument) -> None:
        self.price, self.qty = float(instrument.price_increment), float(instrument.qty_increment)
        self.ts: list[int] = []
        self.mids: list[float] = []
        self.flows: list[list[float]] = []
        self.synced_since: int | None = None
        self.trades: list[tuple[int, float, float, int]] = []
        self.books: list[tuple[Levels, Levels]] = []
        held: dict[int, dict[int, int]] = {1: {}, -1: {}}
        columns = (events[key].tolist() for key in ("ts_recv", "kind", "side", "flags", "price", "qty"))
        has_levels, is_synced = False, False
        for ts, kind, side, flags, price, qty in zip(*columns, strict=True):
            if kind == SET:
                has_levels = is_synced = True
                held[side][price] = qty
                if not qty:
                    del held[side][price]
            elif kind == CLEAR:
                held, is_synced, self.synced_since = {1: {}, -1: {}}, False, None
            elif kind == TRADE:
                self.trades.append((ts, price * self.price, qty * self.qty, side))
            if flags & LAST:
                bids = sorted(held[1].items(), reverse=True)[:5] if has_levels or not self.books else self.books[-1][0]
                asks = sorted(held[-1].items())[:5] if has_levels or not self.books else self.books[-1][1]
                flow = [0.0] * 5
                if is_synced and has_levels and self.synced_since is None:
                    self.synced_since = ts
                elif is_synced and has_levels:
                    before = self.books[-1]
                    flow = [self.imbalance(before, (bids, asks), level) for level in range(5)]
                self.ts.append(ts)
                self.books.append((bids, asks))
                self.flows.append(flow)
                has_both = is_synced and bids and asks
                self.mids.append((bids[0][0] + asks[0][0]) / 2 * self.price if has_both else np.nan)
                has_levels = False

    def imbalance(self, before: tuple[Levels, Levels], after: tuple[Levels, Levels], level: int) -> float:
        (b0, qb0), (a0, qa0) = before[0][level], before[1][level]
        (b1, qb1), (a1, qa1) = after[0][level], after[1][level]
        return self.qty * ((b1 >= b0) * qb1 - (b1 <= b0) * qb0 - (a1 <= a0) * qa1 + (a1 >= a0) * qa0)

    def at(self, row: int) -> dict[str, float]:
        """What is known after a message that is not followed by one of the same time."""
        now = self.ts[row]
        (bids, asks), start = self.books[row], now - SECOND
        window = [self.flows[at] for at in range(row, -1, -1) if self.ts[at] > start]
        traded = [trade for trade in self.trades if start < trade[0] <= now]
        volume = sum(qty for _, _, qty, _ in traded)
        before = bisect.bisect_right(self.ts, start) - 1
        depth = [sum(qty for _, qty in side) for side in (bids, asks)]
        return {
            "mid": self.mids[row],
            "spread": (asks[0][0] - bids[0][0]) * self.price,
            "imbalance": bids[0][1] / (bids[0][1] + asks[0][1]),
            "depth_imbalance": (depth[0] - depth[1]) / (depth[0] + depth[1]),
            "ofi": sum(flow[0] for flow in window),
            "multilevel_ofi": sum(map(sum, window)),
            "trade_count": float(len(traded)),
            "volume": volume,
            "trade_flow": sum(qty * side for _, _, qty, side in traded),
            "vwap": sum(price * qty for _, price, qty, _ in traded) / volume if volume else np.nan,
            "log_return": float(np.log(self.mids[row] / self.mids[before])) if before >= 0 else np.nan,
            "realized_volatility": self.realized(now, row),
        }

    def realized(self, now: int, row: int) -> float:
        """Root of the sum of squares of the log returns of the last ten whole seconds; the mid is the last before each."""
        edges = [(now // SECOND - back) * SECOND for back in range(11)]
        rows = [bisect.bisect_left(self.ts, edge, 0, row + 1) - 1 for edge in edges]
        if rows[-1] < 0:
            return float("nan")
        return float(np.sqrt(np.square(np.diff(np.log([self.mids[at] for at in rows]))).sum()))


@pytest.mark.release
@pytest.mark.parametrize("name", CAPTURES)
def test_features_are_those_of_a_slow_obvious_way(name: str, catalog: Path) -> None:
    instrument = tc.Catalog(catalog).instrument(name)
    pieces = list(tc.Catalog(catalog).stream(name))
    events = {key: np.concatenate([piece[key] for piece in pieces]) for key in pieces[0]}
    ends = np.flatnonzero(events["flags"] & LAST)
    # The snapshot is the first message with levels; from there on.
    first = int(np.searchsorted(ends, np.flatnonzero(events["kind"] == SET)[0]))
    end = int(ends[min(first + ROWS, len(ends) - 1)]) + 1
    events = {key: values[:end] for key, values in events.items()}
    slow = Slow(events, instrument)
    names = ["mid", "spread", "imbalance", "depth_imbalance", "ofi", "multilevel_ofi", "trade_count", "volume"]
    names += ["trade_flow", "vwap", "log_return", "realized_volatility(window=10)"]
    names = [f"{text.partition('(')[0]} = {text}" for text in names]
    table = tc.features.compute(events, instrument, names, "message")
    assert len(table) == len(slow.ts)
    compared = dict.fromkeys((text.partition(" ")[0] for text in names), 0)
    for row in range(first, len(table) - 1, 397):
        if slow.ts[row + 1] == slow.ts[row]:
            continue
        expected = slow.at(row)
        for feature, value in table.drop("ts", "ts_available").row(row, named=True).items():
            if np.isnan(value):
                continue
            assert value == pytest.approx(expected[feature], rel=1e-9, abs=1e-8), (feature, row)
            compared[feature] += 1
    assert min(compared.values()) > 20, compared
