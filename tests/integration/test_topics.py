"""What strategies are told of: subscriptions, what venues publish, bars, and the state a hook sees."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tradecore as tc
from conftest import LAST, SET, TRADE, columns
from tradecore.errors import InvalidValueError

NAME = "BTCUSDT.TEST"
MARK, INDEX, FUNDING, OPEN_INTEREST, LIQUIDATION = (
    int(tc.EventKind[name]) for name in ("MARK", "INDEX", "FUNDING", "OPEN_INTEREST", "LIQUIDATION")
)


def run(strategy: tc.Strategy, data: Any, instrument: tc.Instrument) -> tc.Result:
    return tc.Backtest([strategy], {NAME: data}, specs={NAME: instrument}, on_error="stop_run").run()


def book(ts: int, bid: int) -> tuple[int, int, int, int, int, int]:
    return (ts, SET, 1, LAST, bid, 1_000)


def test_three_messages_of_one_nanosecond_are_three_calls_with_three_books(instrument: tc.Instrument) -> None:
    seen: list[Any] = []

    class Ears(tc.Strategy):
        def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
            seen.append(("book", ctx.now_ns, book.best_bid, book.depth(1)[0][0][0]))

        def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
            seen.append(("trade", ctx.now_ns, ctx.book(trade.instrument).best_bid))

    rows = [book(5, 990), book(5, 991), (5, TRADE, 1, LAST, 1000, 10), book(5, 992), book(6, 993)]
    run(Ears("e", [NAME]), columns(rows), instrument)
    assert seen == [
        ("book", 5, 99.0, 99.0),
        ("book", 5, 99.1, 99.1),
        ("trade", 5, 99.1),
        ("book", 5, 99.2, 99.2),
        ("book", 6, 99.3, 99.3),
    ]


def test_topics_change_while_a_run_goes_on_and_no_row_is_lost(instrument: tc.Instrument) -> None:
    seen: list[Any] = []

    class Changes(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.unsubscribe(NAME, "trades")
            ctx.unsubscribe(NAME, "book")
            for ts, act in ((25, self.listen), (55, self.leave)):
                ctx.at(ts, act)

        def listen(self, ctx: tc.Context) -> None:
            ctx.subscribe(NAME, "trades")
            ctx.subscribe(NAME, "touch")

        def leave(self, ctx: tc.Context) -> None:
            ctx.unsubscribe(NAME, "trades")

        def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
            seen.append(("book", ctx.now_ns, book.best_bid))

        def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
            seen.append(("trade", ctx.now_ns, trade.price))

    rows = [
        row for ts in range(10, 80, 10) for row in (book(ts, 900 + ts // 20 * 20), (ts, TRADE, 1, LAST, 1000 + ts, 10))
    ]
    run(Changes("c", [NAME]), columns(rows), instrument)
    assert seen == [
        ("trade", 30, 103.0),
        ("book", 40, 94.0),
        ("trade", 40, 104.0),
        ("trade", 50, 105.0),
        ("book", 60, 96.0),
    ]


def test_what_a_venue_publishes_is_told_from_memory_and_from_a_catalog(
    instrument: tc.Instrument, tmp_path: Path
) -> None:
    class Ears(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            self.seen: list[Any] = []

        def on_mark(self, ctx: tc.Context, mark: Any) -> None:
            self.seen.append(("mark", ctx.now_ns, mark.instrument, mark.price, mark.ts_event))

        def on_index(self, ctx: tc.Context, index: Any) -> None:
            self.seen.append(("index", index.price))

        def on_funding(self, ctx: tc.Context, funding: Any) -> None:
            self.seen.append(("funding", funding.rate, funding.next_funding_ns))

        def on_open_interest(self, ctx: tc.Context, open_interest: Any) -> None:
            self.seen.append(("open interest", open_interest.qty))

        def on_liquidation(self, ctx: tc.Context, liquidation: Any) -> None:
            self.seen.append(("liquidation", liquidation.side, liquidation.price, liquidation.qty))

    rows = [
        book(1_000, 990),
        (2_000, MARK, 0, 0, 100_500_000_000, 0),
        (2_000, INDEX, 0, 0, 100_400_000_000, 0),
        (2_000, FUNDING, 0, LAST, 100_000, 0),
        (3_000, OPEN_INTEREST, 0, LAST, 0, 42_000),
        (4_000, LIQUIDATION, -1, LAST, 995, 30),
        book(5_000, 991),
    ]
    data = columns(rows)
    data["id"][3] = np.uint64(28_800_000_000_000)
    with tc.Catalog(tmp_path).writer(instrument) as writer:
        writer.write(data)
    for source in ({NAME: data}, tmp_path):
        ears = Ears("e", [NAME])
        result = tc.Backtest([ears], source, specs={NAME: instrument}, on_error="stop_run").run()
        assert result.published.select("kind", "value", "qty", "order_side", "next_funding_ns").rows() == [
            ("mark", 100.5, None, None, None),
            ("index", 100.4, None, None, None),
            ("funding", 0.0001, None, None, datetime(1970, 1, 1, 8, tzinfo=UTC)),
            ("open_interest", None, 42.0, None, None),
            ("liquidation", 99.5, 0.03, "sell", None),
        ]
        assert ears.seen == [
            ("mark", 2_000, NAME, 100.5, 2_000),
            ("index", 100.4),
            ("funding", 0.0001, 28_800_000_000_000),
            ("open interest", 42.0),
            ("liquidation", tc.Side.SELL, 99.5, 0.03),
        ]


def test_a_liquidation_fills_nobody(instrument: tc.Instrument) -> None:
    class Rests(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.at(20, self.place)

        def place(self, ctx: tc.Context) -> None:
            ctx.buy(NAME, "1", 99)

    rows = [book(10, 980), (10, SET, -1, LAST, 1010, 1_000), (30, LIQUIDATION, -1, LAST, 950, 9_000), book(40, 981)]
    assert len(run(Rests("r", [NAME]), columns(rows), instrument).fills) == 0


def test_bars_are_told_when_they_are_complete(instrument: tc.Instrument) -> None:
    seen: list[Any] = []

    class Bars(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.subscribe(NAME, "bars:1us")
            ctx.subscribe(NAME, "bars:2us")

        def on_bar(self, ctx: tc.Context, bar: Any) -> None:
            seen.append((ctx.now_ns, bar.interval_ns, bar.ts_open, bar.open, bar.high, bar.low, bar.close, bar.volume))

    trades = [(100, 1000, 10), (500, 1010, 20), (1_200, 990, 10), (2_500, 1000, 10)]
    rows = [book(50, 900), *((ts, TRADE, 1, LAST, price, qty) for ts, price, qty in trades)]
    run(Bars("b", [NAME]), columns(rows), instrument)
    assert seen == [
        (1_200, 1_000, 0, 100.0, 101.0, 100.0, 101.0, 0.03),
        (2_500, 1_000, 1_000, 99.0, 99.0, 99.0, 99.0, 0.01),
        (2_500, 2_000, 0, 100.0, 101.0, 99.0, 99.0, 0.04),
    ]


@pytest.mark.parametrize(
    ("topic", "problem"),
    [
        ("trade", "unknown topic 'trade'; expected book, touch, trades"),
        ("bars:0s", "unknown topic 'bars:0s'"),
        ("trades", "'trades' is told by on_trade, which the strategy does not have"),
        ("bars:1m", "'bars:1m' is told by on_bar, which the strategy does not have"),
        ("touch", "'touch' is told by on_book, which the strategy does not have"),
    ],
)
def test_a_topic_that_would_never_be_told_is_refused(instrument: tc.Instrument, topic: str, problem: str) -> None:
    class Deaf(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            with pytest.raises(InvalidValueError) as caught:
                ctx.subscribe(NAME, topic)
            assert problem in str(caught.value).replace('"', "'")

    run(Deaf("d", [NAME]), columns([book(10, 980)]), instrument)
