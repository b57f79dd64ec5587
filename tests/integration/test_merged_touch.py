"""Depth, top-of-book quotes and trades make one book: the freshest of them counts."""

from __future__ import annotations

from typing import Any

import pytest

import tradecore as tc
from conftest import CLEAR, LAST, QUOTE, SET, TRADE, columns
from tradecore.errors import InvalidValueError

MS = 1_000_000
NAME = "BTCUSDT.TEST"
AT_ONCE = tc.SimVenue("TEST", latency=tc.Latency(entry=0, response=0))


def spot_like(*rows: tuple[int, int, int, int, int, int]) -> Any:
    """Depth at 0 and at 100 ms; between them what is given."""
    depth = [
        (0, CLEAR, 0, 2, 0, 0),
        (0, SET, 1, 2, 990, 4_000),
        (0, SET, 1, 2, 980, 9_000),
        (0, SET, -1, 2, 1_000, 5_000),
        (0, SET, -1, 2, 1_010, 6_000),
        (0, SET, -1, 3, 1_020, 7_000),
    ]
    return columns([*depth, *rows, (100 * MS, SET, -1, LAST, 1_010, 8_000), (200 * MS, SET, 1, LAST, 900, 1)])


def quote(ms: int, bid: tuple[int, int], ask: tuple[int, int]) -> list[tuple[int, int, int, int, int, int]]:
    return [(ms * MS, QUOTE, 1, 0, *bid), (ms * MS, QUOTE, -1, LAST, *ask)]


def trade(ms: int, side: int, price: int, qty: int) -> tuple[int, int, int, int, int, int]:
    return (ms * MS, TRADE, side, LAST, price, qty)


class Looks(tc.Strategy):
    """Says at some moments what the book shows."""

    at: tuple[int, ...] = (50,)

    def on_start(self, ctx: tc.Context) -> None:
        self.seen: list[Any] = []
        for ms in self.at:
            ctx.at(ms * MS, self.look)

    def look(self, ctx: tc.Context) -> None:
        book, depth = ctx.book(NAME), ctx.book(NAME, view="depth")
        for view in (book, depth):
            bids, asks = view.depth(3)
            touch = (view.best_bid, view.bid_qty, view.best_ask, view.ask_qty)
            assert touch == (*bids[0].tolist(), *asks[0].tolist())
        self.seen.append((*touches(book), *touches(depth)))
        copy = book.copy()
        assert copy.best_ask == book.best_ask


def touches(book: Any) -> tuple[Any, ...]:
    return book.best_bid, book.bid_qty, book.best_ask, book.ask_qty


def looked(instrument: tc.Instrument, data: Any, *at: int) -> list[Any]:
    strategy = Looks("s", [NAME], at=at or (50,))
    tc.Backtest([strategy], {NAME: data}, [AT_ONCE], specs={NAME: instrument}).run()
    return strategy.seen


DEPTH = (99.0, 4.0, 100.0, 5.0)


def test_a_newer_quote_deletes_better_levels_and_sets_its_own(instrument: tc.Instrument) -> None:
    data = spot_like(*quote(10, (995, 2_000), (1_010, 500)), *quote(60, (980, 1_000), (1_015, 700)))
    assert looked(instrument, data, 50, 70, 150) == [
        (99.5, 2.0, 101.0, 0.5, *DEPTH),
        (98.0, 1.0, 101.5, 0.7, *DEPTH),
        (*DEPTH, *DEPTH),
    ]


def test_a_print_takes_what_it_traded_until_newer_depth_comes(instrument: tc.Instrument) -> None:
    data = spot_like(trade(10, 1, 1_000, 2_000), trade(20, 1, 1_010, 1_000), trade(30, 1, 1_010, 1_500))
    assert [seen[2:4] for seen in looked(instrument, data, 15, 25, 40, 150)] == [
        (100.0, 3.0),
        (101.0, 5.0),
        (101.0, 3.5),
        (100.0, 5.0),
    ]
    data = spot_like(trade(10, -1, 990, 4_000))
    assert looked(instrument, data)[0][:4] == (98.0, 9.0, 100.0, 5.0)


def test_a_print_older_than_the_quote_is_in_it(instrument: tc.Instrument) -> None:
    late = (20 * MS, TRADE, 1, LAST, 1_000, 2_000)
    data = spot_like(*quote(10, (990, 4_000), (1_000, 3_000)), late)
    data["ts_event"][-3] = 9 * MS
    assert looked(instrument, data)[0][2:4] == (100.0, 3.0)


def test_update_ids_say_which_of_quote_and_depth_is_newer(instrument: tc.Instrument) -> None:
    for quoted, expected in ((7, DEPTH), (8, (99.5, 2.0, 101.0, 0.5))):
        data = spot_like(*quote(10, (995, 2_000), (1_010, 500)))
        data["id"] = data["ts_recv"].astype("uint64") * 0 + 7
        data["id"][6:8] = quoted
        assert looked(instrument, data)[0][:4] == expected


class Takes(tc.Strategy):
    """Buys as soon as it sees a trade."""

    post_only: bool = False

    def on_trade(self, ctx: tc.Context, trade: tc.Trade) -> None:
        ctx.buy(NAME, "1", "102.0", post_only=self.post_only)


def test_stale_displayed_asks_are_not_bought(instrument: tc.Instrument) -> None:
    data = spot_like(trade(10, 1, 1_010, 6_000))
    result = tc.Backtest([Takes("s", [NAME])], {NAME: data}, [AT_ONCE], specs={NAME: instrument}).run()
    assert result.fills["price"].to_list() == [102.0]
    data = spot_like(*quote(5, (1_005, 1_000), (1_015, 300)), trade(10, 1, 1_015, 100))
    result = tc.Backtest([Takes("s", [NAME])], {NAME: data}, [AT_ONCE], specs={NAME: instrument}).run()
    assert [(f["price"], f["qty"]) for f in result.fills.to_dicts()] == [(101.5, 0.2), (102.0, 0.8)]


def test_post_only_is_held_against_the_merged_touch(instrument: tc.Instrument) -> None:
    data = spot_like(*quote(5, (1_005, 1_000), (1_030, 300)), trade(10, -1, 1_005, 100))
    strategy = Takes("s", [NAME], post_only=True)
    result = tc.Backtest([strategy], {NAME: data}, [AT_ONCE], specs={NAME: instrument}).run()
    assert result.rejected == {}
    data = spot_like(trade(10, 1, 1_000, 100))
    strategy = Takes("s", [NAME], post_only=True)
    result = tc.Backtest([strategy], {NAME: data}, [AT_ONCE], specs={NAME: instrument}).run()
    assert result.rejected == {"post_only_would_cross": 1}


def test_positions_are_marked_at_the_merged_mid(instrument: tc.Instrument) -> None:
    class Marks(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            self.seen: list[float] = []
            ctx.at(1 * MS, lambda ctx: ctx.buy(NAME, "1"))
            ctx.at(50 * MS, lambda ctx: self.seen.append(float(ctx.position(NAME).unrealized_pnl)))

    strategy = Marks("s", [NAME])
    data = spot_like(*quote(10, (1_040, 2_000), (1_060, 500)))
    tc.Backtest([strategy], {NAME: data}, [AT_ONCE], specs={NAME: instrument}).run()
    assert strategy.seen == [5.0]


def test_best_prices_that_a_quote_moves_wake_who_follows_them(instrument: tc.Instrument) -> None:
    class Follows(tc.Strategy):
        book_events = "touch"

        def on_start(self, ctx: tc.Context) -> None:
            self.seen: list[tuple[int, float | None]] = []

        def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
            self.seen.append((ctx.now_ns // MS, book.best_ask))

    strategy = Follows("s", [NAME])
    same = quote(20, (990, 4_000), (1_010, 5_000))
    data = spot_like(*quote(10, (990, 4_000), (1_010, 500)), *same, trade(30, 1, 1_010, 5_000))
    tc.Backtest([strategy], {NAME: data}, [AT_ONCE], specs={NAME: instrument}).run()
    assert strategy.seen == [(0, 100.0), (10, 101.0), (30, 102.0), (100, 100.0)]


def test_another_view_of_a_book_is_refused(instrument: tc.Instrument) -> None:
    class Asks(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            with pytest.raises(InvalidValueError, match='view: "best" is not merged or depth'):
                ctx.book(NAME, view="best")  # type: ignore[arg-type]

    tc.Backtest([Asks("s", [NAME])], {NAME: spot_like()}, specs={NAME: instrument}).run()


@pytest.mark.parametrize(("quoted", "fills_at"), [(3_000, 30), (5_000, 40), (0, 20)])
def test_an_order_at_the_touch_joins_behind_what_the_fresher_view_shows(
    instrument: tc.Instrument, quoted: int, fills_at: int
) -> None:
    class Joins(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            self.seen: list[int] = []
            ctx.at(15 * MS, lambda ctx: ctx.buy(NAME, "2", "99.0", post_only=True))

        def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
            self.seen.append(ctx.now_ns // MS)

    bid = (990, quoted) if quoted else (980, 9_000)
    sells = [trade(ms, -1, 990, 2_000) for ms in (20, 30, 40)]
    data = spot_like(*quote(10, bid, (1_000, 5_000)), *sells)
    strategy = Joins("s", [NAME])
    tc.Backtest([strategy], {NAME: data}, [AT_ONCE], specs={NAME: instrument}).run()
    assert strategy.seen[0] == fills_at


def test_a_session_with_quotes_over_its_depth_is_fed_back_and_the_same_when_pickled(
    instrument: tc.Instrument,
) -> None:
    data = spot_like(*quote(10, (995, 2_000), (1_010, 500)), trade(20, 1, 1_010, 300))
    result = tc.Backtest([Takes("s", [NAME])], {NAME: data}, [AT_ONCE], specs={NAME: instrument}, record=True).run()
    again = tc.replay(result.journal, [Takes("s", [NAME])], result.instruments)
    assert (again.digest, again.diverged_ns) == (result.digest, None)
