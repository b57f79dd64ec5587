"""At the venue messages act by its own times, whatever order they are received in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import tradecore as tc
from conftest import CLEAR, LAST, QUOTE, SET, TRADE, columns

MS = 1_000_000
HOUR = 3_600_000 * MS
NAME = "BTCUSDT.TEST"
VENUE = tc.SimVenue("TEST", latency=tc.Latency(entry="1ms", response="1ms"), queue="conservative")
Row = tuple[float, float, int, int, int, int]


def received(*rows: Row) -> Any:
    """A book at 0, then messages of (stamp, receipt) in ms, kind, side, price, quantity; an end at 2 s."""
    book = [(0, 0, CLEAR, 0, 0, 0), (0, 0, SET, 1, 990, 4_000), (0, 0, SET, -1, 1_000, 5_000)]
    all_rows = [*book, *rows, (2_000, 2_000, SET, 1, 900, 1)]
    flags = [2, 2, 3, *[LAST] * (len(rows) + 1)]
    data = columns([(int(row[1] * MS), *row[2:4], flag, *row[4:]) for row, flag in zip(all_rows, flags, strict=True)])
    data["ts_event"][:] = [int(row[0] * MS) for row in all_rows]
    return data


class Rests(tc.Strategy):
    """Bids at 99.5 from 10 ms on, and writes down what it hears."""

    def on_start(self, ctx: tc.Context) -> None:
        self.told: list[tuple[str, float]] = []
        self.fills: list[tuple[float, float]] = []
        ctx.at(10 * MS, lambda ctx: ctx.buy(NAME, "3", "99.5", post_only=True))

    def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
        self.told.append(("trade", ctx.now_ns / MS))

    def on_quote(self, ctx: tc.Context, quote: tc.QuoteView) -> None:
        self.told.append(("quote", ctx.now_ns / MS))

    def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
        self.fills.append((fill.ts_event / MS, ctx.now_ns / MS))


def ran(instrument: tc.Instrument, data: Any, venue: tc.SimVenue = VENUE, **options: Any) -> tuple[Rests, tc.Result]:
    strategy = Rests("s", [NAME])
    return strategy, tc.Backtest([strategy], {NAME: data}, [venue], specs={NAME: instrument}, **options).run()


SELL_AT_20 = (TRADE, -1, 995, 1_000)


def test_a_message_that_is_late_acts_when_it_happened_and_is_seen_when_it_was_received(
    instrument: tc.Instrument,
) -> None:
    data = received((50, 60, SET, 1, 980, 7_000), (20, 80, *SELL_AT_20))
    strategy, _ = ran(instrument, data)
    assert strategy.fills == [(20, 21)]
    assert strategy.told == [("trade", 80)]


def test_streams_do_not_hold_each_other_back(instrument: tc.Instrument) -> None:
    quote = [(300, 300, QUOTE, 1, 990, 4_000)]
    data = received(*quote, (20, 310, *SELL_AT_20), (330, 330, SET, 1, 980, 7_000), (320, 340, *SELL_AT_20))
    strategy, _ = ran(instrument, data)
    assert strategy.fills == [(20, 21), (320, 321)]
    assert strategy.told == [("quote", 300), ("trade", 310), ("trade", 340)]


def test_a_trade_acts_before_the_change_of_the_book_of_its_stamp(instrument: tc.Instrument) -> None:
    """The change would empty the level, and the trade after it would reach whoever joined behind it."""
    joins = received((50, 50, SET, 1, 995, 2_000), (60, 60, SET, 1, 995, 500), (60, 61, TRADE, -1, 995, 1_500))

    class Joins(Rests):
        def on_start(self, ctx: tc.Context) -> None:
            self.told, self.fills = [], []
            ctx.at(55 * MS, lambda ctx: ctx.buy(NAME, "3", "99.5", post_only=True))

    strategy = Joins("s", [NAME])
    result = tc.Backtest([strategy], {NAME: joins}, [VENUE], specs={NAME: instrument}).run()
    assert (strategy.fills, result.stats.fills) == ([], 0)


@pytest.mark.parametrize("ahead", [HOUR, 3 * MS, -HOUR])
@pytest.mark.parametrize("kind", [(SET, 1, 970, 1_000), (QUOTE, 1, 990, 4_000), (TRADE, -1, 985, 1)])
def test_one_bad_stamp_changes_nothing(instrument: tc.Instrument, ahead: int, kind: Any) -> None:
    rows = [(at - 5, at, *SELL_AT_20) for at in range(25, 400, 10)]
    rows += [(at - 5, at, SET, 1, 980, at) for at in range(26, 400, 10)]
    rows.append((95, 100, *kind))
    rows.sort(key=lambda row: row[1])
    sound, _ = ran(instrument, received(*rows))
    bad = [(95 + ahead / MS, *row[1:]) if row[2:] == kind else row for row in rows]
    strategy, result = ran(instrument, received(*bad))
    assert strategy.fills == sound.fills
    assert strategy.told == sound.told
    assert result.wrong_stamps.get(NAME, {"messages": 0})["messages"] == (ahead == HOUR)


def test_data_out_of_order_is_run_the_same_from_a_catalog_and_fed_back(
    instrument: tc.Instrument, tmp_path: Path
) -> None:
    rows = [(at - 5, at, *SELL_AT_20) for at in range(25, 400, 10)]
    rows += [(at - 40, at, SET, 1, 980, at) for at in range(46, 400, 10)]
    rows.sort(key=lambda row: row[1])
    data = received(*rows)
    _, result = ran(instrument, data, record=True)
    again = tc.replay(result.journal, [Rests("s", [NAME])], result.instruments)
    assert (again.digest, again.diverged_ns) == (result.digest, None)
    catalog = tc.Catalog(tmp_path / "catalog")
    with catalog.writer(instrument) as writer:
        writer.write(data)
    stored = tc.Backtest([Rests("s", [NAME])], catalog, [VENUE], record=True).run()
    assert stored.digest == result.digest


def test_with_a_feed_latency_strategies_see_what_the_venue_had_in_its_order(instrument: tc.Instrument) -> None:
    venue = tc.SimVenue("TEST", latency=tc.Latency(entry="1ms", response="1ms", feed="2ms"))
    data = received((50, 60, QUOTE, 1, 990, 4_000), (20, 80, *SELL_AT_20))
    strategy, _ = ran(instrument, data, venue)
    assert strategy.told == [("trade", 22), ("quote", 52)]
