"""What a new user gets wrong in the first ten minutes, and what is said about it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tradecore as tc
from tradecore.errors import (
    ContextError,
    HookError,
    InvalidValueError,
    OffGridError,
    RunError,
    RunInterrupted,
    StrategyError,
)

NAME = "BTCUSDT.SYNTH"


class Quiet(tc.Strategy):
    pass


class Once(tc.Strategy):
    """Does something once, as soon as there is a book."""

    done = False

    def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
        if not self.done and book.is_synced:
            self.done = True
            self.act(ctx, book)

    def act(self, ctx: Any, book: Any) -> None: ...


def once(act: Any) -> Once:
    return type("Mine", (Once,), {"act": lambda self, ctx, book: act(ctx, book) and None})("mine", [NAME])


def failure(act: Any, market: Path) -> str:
    """The sentence with which a run ends whose strategy does this."""
    with pytest.raises(StrategyError) as caught:
        tc.Backtest([once(act)], market).run()
    assert caught.value.result.events > 0
    return str(caught.value)


# What is handed to a backtest


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda m: tc.Backtest(Quiet("q", [NAME]), m), "strategies: expected a list of strategies, such as"),
        (lambda m: tc.Backtest(Quiet, m), "strategies: expected a list of strategies, such as"),
        (
            lambda m: tc.Backtest([Quiet], m),
            'strategies.0: Quiet is a class, expected a strategy: Quiet("name", [instr',
        ),
        (lambda m: tc.Backtest(["quiet"], m), "strategies.0: expected a Strategy, got 'quiet'"),
        (lambda m: tc.Backtest([Quiet("q", [NAME])], 5), "data: expected a catalog, its folder, or columns by"),
        (lambda m: tc.Backtest([Quiet("q", [NAME])], pl.DataFrame()), "data: expected a catalog, its folder, or col"),
        (lambda m: tc.Backtest([Quiet("q", [NAME])], m, "SYNTH"), "venues: expected a list such as"),
        (lambda m: tc.Backtest([Quiet("q", [NAME])], m, [5]), "venues.0: expected a SimVenue or its name, got 5"),
        (lambda m: tc.Backtest([Quiet("q", [NAME])], m, specs=NAME), "specs: expected instruments by id, or a list"),
        (lambda m: tc.Backtest([Quiet("q", [NAME])], m, specs=[NAME]), "specs: expected the specification of"),
        (lambda m: tc.Backtest([Quiet("q", [NAME])], m, on_error="raise"), "on_error: 'raise' is not stop_strategy or"),
        (lambda m: tc.Backtest([Quiet("q", [NAME])], m).run(progress=5), "progress: expected a function of two numb"),
        (lambda m: Quiet(NAME, "q"), "instruments: expected a list of ids such as"),
        (lambda m: Quiet([NAME], "q"), "name: a strategy needs a name first, then its instruments"),
        (lambda m: Quiet("q", [5]), "instruments: expected ids such as 'BTCUSDT.BINANCE', got 5"),
    ],
)
def test_another_object_than_is_wanted_gets_a_sentence(market: Path, build: Any, message: str) -> None:
    with pytest.raises(InvalidValueError, match=re.escape(message)):
        build(market)


def test_what_can_be_meant_by_an_argument_is_accepted(market: Path) -> None:
    catalog = tc.Catalog(market)
    spec = catalog.instrument(NAME)
    pieces = list(catalog.stream(NAME))
    columns = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    runs = [
        tc.Backtest([Quiet("q", [NAME])], market),
        tc.Backtest([Quiet("q", [spec])], market, ["SYNTH"]),
        tc.Backtest((Quiet("q", (NAME,)) for _ in range(1)), str(market), (tc.SimVenue("SYNTH"),)),
        tc.Backtest([Quiet("q", [NAME])], {spec: columns}, specs=[spec]),
        tc.Backtest([Quiet("q", [NAME])], {NAME: pl.DataFrame(columns)}, specs={NAME: spec}),
    ]
    assert (
        len(
            {
                run.run(progress=progress).digest
                for run, progress in zip(runs, [True, False, None, *[None] * 2], strict=True)
            }
        )
        == 1
    )


def test_a_book_takes_an_id_and_a_frame(market: Path) -> None:
    piece = next(iter(tc.Catalog(market).stream(NAME)))
    books = [tc.L2Book(NAME), tc.L2Book(tc.find_instrument(NAME)), tc.L2Book(NAME)]
    for book, columns in zip(books, (piece, pl.DataFrame(piece), pl.DataFrame(piece).to_pandas()), strict=True):
        book.apply(columns)
    assert len({(book.best_bid, book.best_ask, book.bid_levels) for book in books}) == 1
    assert books[0].bid_levels > 10
    with pytest.raises(InvalidValueError, match="price: this column is missing"):
        books[0].apply(pl.DataFrame(piece).drop("price"))
    with pytest.raises(InvalidValueError, match="columns: expected arrays by name, or a frame, got a list"):
        books[0].apply([piece])  # type: ignore[arg-type]
    for wrong in (5, None):
        with pytest.raises(InvalidValueError, match="instrument: expected an Instrument or its id"):
            tc.L2Book(wrong)  # type: ignore[arg-type]
    with pytest.raises(tc.errors.UnknownInstrumentError):
        tc.PositionLedger("BTCUSDT.NOWHERE")


def test_an_init_without_super_is_named() -> None:
    class Forgets(tc.Strategy):
        def __init__(self) -> None:
            self.ticks = 1

    with pytest.raises(InvalidValueError, match=re.escape("Forgets.__init__: does not call super().__init__(name, ")):
        tc.Backtest([Forgets()], {})


def test_a_parameter_without_an_annotation_is_named() -> None:
    class Bare(tc.Strategy):
        ticks = 3

    with pytest.raises(InvalidValueError, match=r"ticks: is no parameter of Bare: it has no annotation.*ticks: int"):
        Bare("b", [NAME], ticks=4)


# Hooks


def test_a_hook_that_says_it_returns_something_is_refused() -> None:
    class Returns(tc.Strategy):
        def on_book(self, ctx: Any, book: Any) -> int:  # type: ignore[override]
            return 5

    with pytest.raises(HookError, match=re.escape("Returns.on_book: says that it returns int")):
        Returns("r", [NAME])


def test_a_hook_as_others_call_it_is_refused() -> None:
    class Camel(tc.Strategy):
        def onBookState(self, ctx: Any, book: Any, state: Any) -> None:
            pass

    with pytest.raises(HookError, match=r"Camel\.onBookState: is not a hook; did you mean on_book_state\?"):
        Camel("c", [NAME])


@pytest.mark.parametrize(
    "body",
    [
        'return ("buy", ctx)',
        "return 5",
        "return ctx.now_ns > 3",
        "return ctx.now_ns + 1",
        "return [book]",
        "return f'{ctx}'",
    ],
)
def test_a_hook_that_returns_a_value_is_refused(body: str) -> None:
    space: dict[str, Any] = {"tc": tc}
    exec(
        f"class Returns(tc.Strategy):\n    def on_book(self, ctx, book):\n        if ctx:\n            return\n        {body}\n",
        space,
    )
    with pytest.raises(HookError, match=re.escape("Returns.on_book: returns a value in line 5: nobody looks")):
        space["Returns"]("r", [NAME])


def test_a_hook_may_end_with_what_another_function_returns(market: Path) -> None:
    class Ends(tc.Strategy):
        def on_book(self, ctx: Any, book: Any) -> None:
            if book.is_synced:
                return self.nothing()
            return {}.get(1)

        def nothing(self) -> None:
            return None

    assert tc.Backtest([Ends("e", [NAME])], market).run().failures == {}


def test_a_hook_that_returns_something_ends_the_run(market: Path) -> None:
    class Returns(tc.Strategy):
        def on_book(self, ctx, book):  # type: ignore[no-untyped-def]
            wanted = ("buy", 1)
            return wanted

    with pytest.raises(StrategyError, match=re.escape("Returns.on_book: returned ('buy', 1): what a hook returns is")):
        tc.Backtest([Returns("r", [NAME])], market).run()


def generator(ctx: Any) -> Iterator[None]:
    yield


def nothing(ctx: Any) -> None:
    pass


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda ctx, book: ctx.every("1s", nothing(ctx)), "callback: None was given: pass the function itself"),  # type: ignore[func-returns-value]
        (lambda ctx, book: ctx.every("1s"), "callback: missing, and the strategy has no on_timer"),
        (lambda ctx, book: ctx.at(ctx.now_ns + 1), "callback: missing, and the strategy has no on_timer"),
        (lambda ctx, book: ctx.every("1s", generator), "callback: a generator is never run"),
        (lambda ctx, book: ctx.every("1s", lambda: None), "callback: takes () and is called with (ctx)"),
        (lambda ctx, book: ctx.cancel(None), "order: expected an order, its id, or your own name for it, got None"),
        (
            lambda ctx, book: ctx.quote(NAME, bid=60_001, ask=60_000, qty=1),
            "the bid of a quote has to be below its ask",
        ),
        (lambda ctx, book: ctx.every("1s", "requote"), "callback: 'requote' cannot be called"),
        (lambda ctx, book: ctx.every("1ns", nothing), "interval: 1ns is less than 1us"),
        (lambda ctx, book: ctx.every(5, nothing), 'interval: 5 has no unit: expected a text such as "100ms"'),
        (
            lambda ctx, book: ctx.book(5),
            "instrument: expected an Instrument or its id, such as 'BTCUSDT.BINANCE', got 5",
        ),
        (lambda ctx, book: ctx.book("BTCUSDT"), "unknown instrument BTCUSDT; known here: BTCUSDT.SYNTH"),
        (lambda ctx, book: ctx.buy(NAME, 60_000, 1), "price: 1 is far from the market at 6"),
        (lambda ctx, book: ctx.buy(NAME, book.best_bid, 0.01), "price: 0.01 is far from the market at 6"),
        (
            lambda ctx, book: ctx.buy(NAME, 0.01, 60_000.13),
            "60000.13 is not a multiple of 0.1; 60000.1 and 60000.2 are",
        ),
        (lambda ctx, book: ctx.buy(NAME, 0.0125, 60_000), "0.0125 is not a multiple of 0.001; 0.012 and 0.013 are"),
    ],
)
def test_a_mistake_in_a_hook_is_heard(market: Path, act: Any, message: str) -> None:
    assert message in failure(act, market)


def test_an_off_grid_value_names_its_neighbours_and_what_rounds() -> None:
    error = OffGridError("price", "0.1234", "0.01", "X.Y")
    assert error.nearest == ("0.12", "0.13")
    assert str(error) == (
        "X.Y: price 0.1234 is not a multiple of 0.01; 0.12 and 0.13 are: book.round_bid(price), book.round_ask(price)"
    )
    assert OffGridError("price", "-0.005", "0.01", "").nearest == ("-0.01", "0.00")
    assert OffGridError("qty", "nonsense", "0.01", "").nearest == ()


def test_numbers_of_other_libraries_are_numbers(market: Path) -> None:
    told: list[Any] = []

    def act(ctx: Any, book: Any) -> None:
        for qty, price in (
            (np.float32(0.012), np.float32(59_000.1)),
            (np.float64(0.012), np.int64(59_000)),
            (1, np.uint8(7)),
        ):
            told.append(ctx.order(ctx.buy(NAME, qty, price)))
        for wrong in (np.bool_(True), True, None, [1], object()):
            with pytest.raises((TypeError, InvalidValueError)):
                ctx.buy(NAME, wrong, 59_000)

    tc.Backtest([once(act)], market).run()
    assert [(order.qty, order.price) for order in told] == [(0.012, 59_000.1), (0.012, 59_000.0), (1.0, 7.0)]


def test_prices_and_quantities_round_to_what_an_order_may_have(market: Path) -> None:
    spec = tc.Catalog(market).instrument(NAME)
    assert (spec.round_price(60_000.13, "buy"), spec.round_price("60000.13", tc.Side.SELL)) == (60_000.1, 60_000.2)
    assert (spec.round_price(np.float32(60_000.5), 1), spec.round_qty(0.0129)) == (60_000.5, 0.012)
    for wrong in (float("nan"), None, "ten", True):
        with pytest.raises(InvalidValueError):
            spec.round_price(wrong, "buy")  # type: ignore[arg-type]
        with pytest.raises(InvalidValueError):
            spec.round_qty(wrong)  # type: ignore[arg-type]
    told: list[Any] = []

    def act(ctx: Any, book: Any) -> None:
        bid, ask = book.round_bid(book.mid - 0.03), book.round_ask(book.mid + 0.03)
        told.append((bid <= book.mid - 0.03, ask >= book.mid + 0.03))
        ctx.quote(NAME, bid=bid, ask=ask, qty=book.round_qty(0.0129))

    assert tc.Backtest([once(act)], market).run().summary()["orders"] == 2
    assert told == [(True, True)]


# What outlives a hook


class Keeps(tc.Strategy):
    """Keeps everything it is handed, and looks at it in the next hook."""

    def __init__(self, name: str, instruments: list[str]) -> None:
        super().__init__(name, instruments)
        self.kept: dict[str, Any] = {}
        self.copies: dict[str, Any] = {}
        self.raised: set[str] = set()

    def look(self, what: str, view: Any, read: Any, ctx: tc.Context) -> None:
        if (old := self.kept.get(what)) is not None:
            assert old is not view, "another view than the one that was kept"
            with pytest.raises(ContextError, match=r"is valid only inside the hook .* its copy\(\) keeps the values"):
                read(old)
            copy, values = self.copies[what]
            assert read(copy) == values, "a copy stays as it was"
            self.raised.add(what)
        self.kept[what], self.copies[what] = view, (view.copy(), read(view))

    def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
        if book.is_synced:
            self.look("book", book, lambda book: (book.best_bid, book.best_ask, book.bid_levels), ctx)

    def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
        self.look("trade", trade, lambda trade: (trade.price, trade.qty, trade.ts_event, trade.trade_id), ctx)
        self.look("asked", ctx.book(NAME), lambda book: (book.best_bid, book.bid_qty), ctx)
        self.look("position", ctx.position(NAME), lambda position: (position.qty, position.unrealized_pnl), ctx)

    def on_quote(self, ctx: tc.Context, quote: tc.QuoteView) -> None:
        self.look("quote", quote, lambda quote: (quote.best_bid, quote.ask_qty), ctx)


def quotes_and_trades() -> dict[str, np.ndarray[Any, Any]]:
    kinds = [
        tc.EventKind.BOOK_SET,
        tc.EventKind.BOOK_SET,
        tc.EventKind.TRADE,
        tc.EventKind.QUOTE,
        tc.EventKind.QUOTE,
    ] * 4
    count = len(kinds)
    last = [0, 1, 1, 0, 1] * 4
    times = np.repeat(np.arange(12), [2, 1, 2] * 4) * 1_000_000
    return {
        "ts_event": times, "ts_recv": times,
        "kind": np.array(kinds, np.uint8), "side": np.array([1, -1, 1, 1, -1] * 4, np.int8),
        "flags": np.array(last, np.uint8) * np.uint8(tc.EventFlag.LAST),
        "price": np.array([599_990, 600_010, 600_010, 599_990, 600_010] * 4) + np.arange(count) // 5,
        "qty": np.full(count, 1_000) + np.arange(count),
    }  # fmt: skip


def test_a_view_that_is_kept_raises_and_its_copy_holds(market: Path) -> None:
    spec = tc.Catalog(market).instrument(NAME)
    keeps = Keeps("k", [NAME])
    tc.Backtest([keeps], {NAME: quotes_and_trades()}, specs=[spec]).run()
    assert keeps.raised == {"book", "trade", "asked", "position", "quote"}
    with pytest.raises(ContextError, match="a trade is valid only"):
        _ = keeps.kept["trade"].price
    assert repr(keeps.kept["trade"]) == f"<Trade {NAME} of an earlier hook>"


def test_views_that_are_not_kept_are_the_same_objects_again(market: Path) -> None:
    seen = set()

    class Looks(tc.Strategy):
        def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
            seen.add((id(trade), id(ctx.book(NAME)), id(ctx.position(NAME))))

    result = tc.Backtest([Looks("l", [NAME])], market).run()
    assert result.events > 1_000
    assert len(seen) == 1, "nothing is built per event"


def test_a_strategy_runs_once_unless_it_says_so(market: Path) -> None:
    class Fresh(tc.Strategy):
        resets = 0

        def reset(self) -> None:
            self.resets += 1

    class Reusable(tc.Strategy):
        reusable = True

    quiet, fresh, reusable = Quiet("q", [NAME]), Fresh("f", [NAME]), Reusable("r", [NAME])
    first, second = tc.Backtest([quiet], market), tc.Backtest([quiet], market)
    first.run()
    with pytest.raises(RunError, match=r"has run before and keeps what it saw.*reset\(\)"):
        second.run()
    with pytest.raises(RunError, match="has run before"):
        tc.Backtest([quiet], market)
    digests = {tc.Backtest([strategy], market).run().digest for strategy in (fresh, fresh, fresh)}
    assert (len(digests), fresh.resets) == (1, 2)
    assert len({tc.Backtest([reusable], market).run().digest for _ in range(2)}) == 1


# What a result says of itself


class Deaf(tc.Strategy):
    def on_trade(self, ctx: Any, trade: Any) -> None:
        pass

    def on_quote(self, ctx: Any, quote: Any) -> None:
        pass

    def on_fill(self, ctx: Any, fill: Any) -> None:
        pass

    def on_timer(self, ctx: Any, timer: int) -> None:
        pass

    def on_bar(self, ctx: Any, bar: Any) -> None:
        pass


def test_what_never_happened_is_said(market: Path) -> None:
    result = tc.Backtest([Deaf("d", [NAME])], market).run()
    assert result.notes == [
        "0 orders were sent",
        "d: on_quote was never called: the data has no quotes",
        'd: on_bar was never called: no bar was completed: ask for them with ctx.subscribe(instrument, "bars:1m")',
        "d: on_fill was never called: no order was filled",
        "d: on_timer was never called: no timer without a callback went off",
    ]
    assert all(note in str(result) for note in result.notes)
    assert result.summary()["notes"] == result.notes


def test_fills_without_fees_and_against_quotes_are_said(market: Path) -> None:
    spec = tc.Catalog(market).instrument(NAME)
    free = [tc.SimVenue("SYNTH", maker_fee_bps=0, taker_fee_bps=0)]
    result = tc.Backtest([once(lambda ctx, book: ctx.buy(NAME, 1))], market, free).run()
    assert result.notes == [f"no fees are set for {NAME}: profit is before fees"]
    result = tc.Backtest([once(lambda ctx, book: ctx.buy(NAME, 1, book.best_bid))], market).run()
    assert result.notes == ["no fees were paid (maker 0, taker 4 bps): profit is before fees"]
    quotes = {name: values[3:5] for name, values in quotes_and_trades().items()}
    result = tc.Backtest([Quiet("q", [NAME])], {NAME: quotes}, specs=[spec]).run()
    assert "orders were filled against top-of-book quotes (fill_basis l1): the data has no book" in result.notes


# Ctrl-C


def test_ctrl_c_ends_a_loop_of_runs_with_what_was_done(market: Path) -> None:
    class Stops(tc.Strategy):
        def on_trade(self, ctx: Any, trade: Any) -> None:
            raise KeyboardInterrupt

    runs = 0
    with pytest.raises(RunInterrupted) as caught:  # noqa: PT012
        for _ in range(3):
            runs += 1
            tc.Backtest([Stops("s", [NAME])], market).run()
    assert runs == 1
    assert isinstance(caught.value, KeyboardInterrupt)
    assert not isinstance(caught.value, Exception)
    assert caught.value.result.interrupted
    assert caught.value.result.events > 0


def test_an_uncaught_failure_shows_where_it_happened(market: Path, tmp_path: Path) -> None:
    program = tmp_path / "mine.py"
    program.write_text(f"""
import tradecore as tc

class Mine(tc.Strategy):
    def on_book(self, ctx, book):
        1 / 0

tc.Backtest([Mine("m", ["{NAME}"])], {str(market)!r}).run()
""")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True)
    assert done.returncode == 1
    assert f'File "{program}", line 6, in on_book' in done.stderr
    assert "tradecore.errors.StrategyError: strategy m failed: ZeroDivisionError: division by zero" in done.stderr
