"""The tracked queue through a backtest: who stands where by the level's own changes, and how fine the book is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tradecore as tc

INST = tc.Instrument(
    "X.V", kind="linear", base="BTC", quote="USDT", price_increment="0.1", qty_increment="1", taker_fee_bps=0
)
SET, TRADE, CLEAR = tc.EventKind.BOOK_SET, tc.EventKind.TRADE, tc.EventKind.BOOK_CLEAR
BUY, SELL = tc.Side.BUY, tc.Side.SELL
ASK = (SET, SELL, "100.5", 50)
FAR = (SET, BUY, "90.0", 50)


def market(*messages: tuple[int, list[tuple[Any, ...]]]) -> dict[str, np.ndarray[Any, Any]]:
    """Event columns of messages, each a time in ms and its rows."""
    rows = [(ms, place == len(rows) - 1, *row) for ms, rows in messages for place, row in enumerate(rows)]
    ms, last, kind, side, price, qty = zip(*rows, strict=True)
    ts = np.array(ms, np.int64) * 1_000_000
    return {
        "ts_event": ts,
        "ts_recv": ts,
        "kind": np.array(kind, np.uint8),
        "side": np.array(side, np.int8),
        "flags": np.array(last, np.uint8),
        "price": np.array([INST.price_to_steps(p) for p in price]),
        "qty": np.array(qty, np.int64),
    }


def level(*sizes: int, start: int = 0) -> list[tuple[int, list[tuple[Any, ...]]]]:
    """Messages every ms in which the bid at 100.0 shows these sizes in turn."""
    return [(start + at, [(SET, BUY, "100.0", size)]) for at, size in enumerate(sizes)]


class Joiner(tc.Strategy):
    """Joins the bid at 100.0 with one lot half a ms after a time."""

    at_ms: int = 10

    def on_start(self, ctx: tc.Context) -> None:
        ctx.at(ctx.now_ns + self.at_ms * 1_000_000 + 500_000, self.join)

    def join(self, ctx: tc.Context) -> None:
        ctx.buy(INST.id, 1, "100.0")


def filled(columns: Any, queue: str, **venue: Any) -> list[int]:
    """When the joiner filled, ms."""
    latency = tc.Latency(entry=0, response=0)
    venues = [tc.SimVenue("V", latency=latency, queue=queue, **venue)]
    result = tc.Backtest([Joiner("j", [INST.id])], {INST.id: columns}, venues, specs={INST.id: INST}).run()
    return [ts // 1_000_000 for ts in result.tables.table("fills", exact=False)["ts_event"]]


def scenario(*, before: tuple[int, ...], after: tuple[int, ...], traded: int) -> dict[str, np.ndarray[Any, Any]]:
    """The bid before the order joins it at 10.5 ms, after that, and then a trade at 40 ms."""
    opening = (0, [(CLEAR, 0, "0", 0), FAR, ASK])
    trade = (40, [(TRADE, SELL, "100.0", traded)])
    return market(opening, *level(*before, start=1), *level(*after, start=11), trade, (50, [ASK]))


def test_a_piece_ahead_that_leaves_is_known_by_what_was_told_before_the_order_came() -> None:
    columns = scenario(before=(10, 13, 18), after=(30, 27), traded=16)
    assert filled(columns, "tracked", granularity="100ms") == [40]
    columns = scenario(before=(10, 13, 18), after=(30, 26), traded=16)
    assert filled(columns, "tracked", granularity="100ms") == []
    assert filled(columns, "tracked_high", granularity="100ms") == [40]


def test_where_every_event_is_told_what_matches_nothing_stood_ahead() -> None:
    columns = scenario(before=(10,), after=(14, 12), traded=9)
    assert filled(columns, "tracked") == [40]
    assert filled(columns, "conservative") == []


def test_what_a_snapshot_shows_is_one_piece() -> None:
    opening = (9, [(CLEAR, 0, "0", 0), FAR, ASK, (SET, BUY, "100.0", 18)])
    trade = (40, [(TRADE, SELL, "100.0", 16)])
    columns = market(
        (0, [FAR, ASK]), *level(10, 13, 18, start=1), opening, *level(30, 27, start=11), trade, (50, [ASK])
    )
    assert filled(columns, "tracked", granularity="100ms") == []


def test_the_data_tells_how_fine_its_book_is() -> None:
    def granularity(columns: Any, **venue: Any) -> dict[str, float]:
        run = tc.Backtest([Joiner("j", [INST.id])], {INST.id: columns}, [tc.SimVenue("V", **venue)], specs=[INST]).run()
        assert f"({'every event' if not run.granularity_ms['X.V'] else 'a message in'}" in str(run)
        assert run.summary()["granularity_ms"] == run.granularity_ms
        return run.granularity_ms

    single = market((0, [FAR, ASK]), *level(*range(1, 30), start=1))
    merged = market(*((100 * at, [FAR, (SET, BUY, "100.0", 1 + at), ASK]) for at in range(10)))
    assert granularity(single) == {"X.V": 0.0}
    assert granularity(merged) == {"X.V": 100.0}
    assert granularity(merged, granularity="0ms") == {"X.V": 0.0}
    assert granularity(single, granularity="20ms") == {"X.V": 20.0}


def test_a_saved_result_still_says_how_fine_the_book_was(tmp_path: Path) -> None:
    columns = market((0, [FAR, ASK]), *level(*range(1, 30), start=1))
    result = tc.Backtest([Joiner("j", [INST.id])], {INST.id: columns}, specs=[INST]).run()
    result.save(tmp_path / "run.tcr")
    assert tc.load_result(tmp_path / "run.tcr").granularity_ms == {"X.V": 0.0}


@pytest.mark.parametrize("queue", ["tracked", "tracked_high", "fitted(0.5)"])
def test_pieces_do_not_depend_on_how_the_data_is_cut(queue: str, tmp_path: Path) -> None:
    tc.synthesize(tmp_path / "market", events=60_000, seed=3)
    columns = pl.concat(tc.Catalog(tmp_path / "market").pieces("BTCUSDT.SYNTH"))
    digests = set()
    for data in (tmp_path / "market", {"BTCUSDT.SYNTH": columns}):
        for budget in (1 << 20, 1 << 28):
            maker = tc.TouchMaker("m", ["BTCUSDT.SYNTH"], quote_qty="0.01", max_position="0.05", interval="100ms")
            run = tc.Backtest([maker], data, [tc.SimVenue("SYNTH", queue=queue)], byte_budget=budget).run()
            assert run.stats.fills > 20
            digests.add(run.digest)
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"granularity": "-1ms"}, 'granularity: expected "auto" or a length of time'),
        ({"granularity": "often"}, 'granularity: expected "auto" or a length of time'),
        ({"queue": "fitted(0)"}, 'queue: unknown queue model "fitted(0)"'),
        ({"queue": "fitted"}, 'queue: unknown queue model "fitted"'),
        ({"queue": "tracked(compat=True)"}, "queue: unknown queue model"),
    ],
)
def test_what_no_tracked_queue_can_be_is_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(tc.errors.InvalidValueError) as caught:
        tc.SimVenue("V", **given)
    assert problem in str(caught.value)
