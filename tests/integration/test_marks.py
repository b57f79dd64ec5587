"""What positions are valued at: the mid, the venue's mark price or the last trade, by choice of the venue."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import tradecore as tc
from conftest import CLEAR, LAST, columns
from tradecore.errors import InvalidValueError

SECOND = 10**9
NAME = "A.TEST"
INST = tc.Instrument(
    NAME, kind="linear", base="A", quote="USDT", price_increment="0.5", qty_increment="0.001", taker_fee_bps="0"
)
SET, TRADE, MARK = tc.EventKind.BOOK_SET, tc.EventKind.TRADE, tc.EventKind.MARK

Row = tuple[float, tc.EventKind, int, float, float]


def tape(*rows: Row) -> Any:
    """Columns of (s, kind, side, price, qty), each a message of its own."""

    def price(kind: tc.EventKind, price: float) -> int:
        return round(price * 1e9) if kind == MARK else round(price * 2)

    return columns(
        [
            (round(at * SECOND), kind, side, LAST, price(kind, p), round(q * 1000))
            for at, kind, side, p, q in sorted(rows, key=lambda row: row[0])
        ]
    )


BOOK: tuple[Row, ...] = ((0, SET, 1, 99.5, 9), (0, SET, -1, 100.5, 9), (100, SET, 1, 99.5, 8))
"""The mid is 100 all along."""


class Holder(tc.Strategy):
    """Buys two at 100.5 after a second, and looks at what they are worth at others."""

    def on_start(self, ctx: tc.Context) -> None:
        self.seen: list[tuple[int, Decimal, Decimal]] = []
        for at in (1, 5, 15, 25):
            ctx.at(at * SECOND)

    def on_timer(self, ctx: tc.Context, timer: int) -> None:
        if ctx.now_ns == SECOND:
            ctx.buy(NAME, "2")
        else:
            self.seen.append((ctx.now_ns // SECOND, ctx.position(NAME).unrealized_pnl, ctx.equity))


def run(
    data: Any, source: Literal["mid", "mark", "last"], *, feed: str | None = None, **options: Any
) -> tuple[Holder, tc.Result]:
    holder, latency = Holder("h", [NAME]), tc.Latency(entry=0, response=0, feed=feed)
    venue = tc.SimVenue("TEST", latency=latency, mark_source=source, **options)
    result = tc.Backtest([holder], {NAME: data}, [venue], specs={NAME: INST}, debug_checks=True, seed=1).run()
    return holder, result


TOLD: tuple[Row, ...] = (
    *BOOK,
    (10, MARK, 0, 103.000000001, 0),
    (12, TRADE, 1, 100.5, 1),
    (20, MARK, 0, 104.123456789, 0),
    (22, TRADE, -1, 99.5, 1),
)


@pytest.mark.parametrize(
    ("source", "worth"),
    [
        ("mid", ["-1", "-1", "-1"]),
        ("mark", ["-1", "5.000000002", "7.246913578"]),
        ("last", ["-1", "0", "-2"]),
    ],
)
@pytest.mark.parametrize("feed", [None, "0ms"])
def test_positions_are_worth_what_the_source_says_and_the_mid_before_it_says_anything(
    source: Any, worth: list[str], feed: str | None
) -> None:
    holder, result = run(tape(*TOLD), source, feed=feed)
    assert [seen[1] for seen in holder.seen] == [Decimal(value) for value in worth]
    assert all(equity == unrealized for _, unrealized, equity in holder.seen)
    assert result.mark_source == {NAME: source}
    # One worth everywhere: the total, the position, the curve, what it is made of.
    last = Decimal(worth[-1])
    assert result.net_pnl == last == result.final_positions[0]["unrealized_pnl"] == result.equity["equity"][-1]
    parts = result.attribution()
    assert parts["net_pnl"].sum() == last
    assert result.ledger["amount"].sum() == 0
    assert result.summary()["mark_source"] == source
    assert ("valued at" in str(result)) == (source != "mid")


def test_inventory_by_the_hour_ends_at_the_mark() -> None:
    rows = ((0, SET, 1, 99.5, 9), (0, SET, -1, 100.5, 9), (3700, SET, 1, 98.5, 8), (3700, SET, 1, 99.5, 0))
    _, result = run(tape(*rows, (3800, MARK, 0, 110.25, 0), (4000, SET, 1, 98.5, 9)), "mark")
    by_hour = result.attribution("hour")
    assert by_hour["spread"].to_list() == [Decimal(-1), Decimal(0)]
    assert by_hour["inventory"].to_list() == [Decimal(0), Decimal("20.5")]


def test_the_choice_changes_no_fill_and_the_mid_no_digest() -> None:
    catalog_free = tape(*TOLD)
    results = {source: run(catalog_free, source)[1] for source in ("mid", "mark", "last")}
    assert len({result.digest for result in results.values()}) == 1
    assert results["mid"].net_pnl != results["mark"].net_pnl


def test_data_without_the_source_is_valued_at_the_mid_and_says_so() -> None:
    for source, what in (("mark", "mark prices"), ("last", "trades")):
        _, result = run(tape(*BOOK), source)  # type: ignore[arg-type]
        assert result.mark_source == {NAME: "mid"}
        assert result.net_pnl == -1
        assert f"positions in {NAME} are valued at the mid: the data has no {what}" in result.notes
    assert not any("valued at" in note for note in run(tape(*BOOK), "mid")[1].notes)


def test_a_mark_that_nobody_tells_is_old_while_the_book_goes_on() -> None:
    steady: tuple[Row, ...] = tuple((at, SET, 1, 99.5, 9 - at % 2) for at in range(1, 60))
    rows = (*BOOK[:2], *steady, (2, MARK, 0, 100, 0), (40, MARK, 0, 101, 0), (59, MARK, 0, 101, 0))
    _, at_mark = run(tape(*rows), "mark", stale_after="10s")
    assert at_mark.stale_marks == {NAME: {"times": 2, "longest_ns": 38 * SECOND}}
    assert at_mark.silences == {}
    assert run(tape(*rows), "mid", stale_after="10s")[1].stale_marks == {}


def test_it_is_kept_with_a_saved_result(tmp_path: Path) -> None:
    _, result = run(tape(*TOLD), "mark", stale_after="2s")
    result.save(tmp_path / "run.tcr")
    again = tc.load_result(tmp_path / "run.tcr")
    assert again.mark_source == {NAME: "mark"}
    assert again.stale_marks == result.stale_marks != {}
    assert again.attribution("hour").equals(result.attribution("hour"))


def test_a_word_that_names_no_source_is_refused() -> None:
    with pytest.raises(InvalidValueError, match='mark_source: "index" is not mid, mark or last'):
        tc.SimVenue("TEST", mark_source="index")  # type: ignore[arg-type]


class Careful(tc.Strategy):
    """Trades by what it has made: what it is worth is part of every decision."""

    def on_start(self, ctx: tc.Context) -> None:
        ctx.every("100ms")

    def on_timer(self, ctx: tc.Context, timer: int) -> None:
        side = "buy" if ctx.equity >= 0 else "sell"
        getattr(ctx, side)(NAME, f"0.{1 + int(abs(ctx.position(NAME).unrealized_pnl)) % 9}")


def moving(seed: int) -> Any:
    random = np.random.default_rng(seed)
    rows: list[tuple[int, ...]] = []
    mid = 200
    for step in range(300):
        at = step * SECOND // 20
        mid += int(random.integers(-1, 2))
        kind = random.integers(3)
        if kind == 0:
            rows.append((at, int(MARK), 0, LAST, round((mid + random.uniform(-9, 9)) * 5e8), 0))
        elif kind == 1:
            rows.append((at, int(TRADE), 1, LAST, mid + int(random.integers(-6, 7)), 1000))
        if kind == 2 or step == 0:
            bid, ask = (at, int(SET), 1, 2, mid - 1, 5000), (at, int(SET), -1, LAST | 2, mid + 1, 5000)
            rows.extend([(at, CLEAR, 0, 2, 0, 0), bid, ask])
    return columns(rows)


@pytest.mark.parametrize("source", ["mid", "mark", "last"])
def test_a_journal_fed_back_values_as_the_session_did(source: Any) -> None:
    venue = tc.SimVenue("TEST", latency=tc.Latency(entry=0, response=0), mark_source=source)
    test = tc.Backtest([Careful("c", [NAME])], {NAME: moving(3)}, [venue], specs={NAME: INST}, record=True)
    result = test.run()
    assert result.stats.fills > 50
    sources = result.mark_source
    again = tc.replay(result.journal, [Careful("c", [NAME])], result.instruments, mark_source=sources)
    assert again.digest == result.digest
    assert again.diverged_ns is None
    if source != "mid":
        other = tc.replay(result.journal, [Careful("c", [NAME])], result.instruments)
        assert other.diverged_ns is not None


def test_a_drawdown_is_counted_at_the_mark_while_the_mid_stays() -> None:
    rows = (*BOOK[:2], (5, MARK, 0, 40, 0), (10, SET, 1, 99.5, 7), (30, SET, 1, 99.5, 8))

    def trips(source: Any) -> int:
        venue = tc.SimVenue("TEST", latency=tc.Latency(entry=0, response=0), mark_source=source)
        limits = tc.RiskLimits(max_drawdown="50")
        test = tc.Backtest([Holder("h", [NAME])], {NAME: tape(*rows)}, [venue], specs={NAME: INST}, risk=limits)
        return len(test.run().risk.trips)

    assert trips("mark") == 1
    assert trips("mid") == 0
