"""The kernel from Python, one input at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
import pytest

import tradecore as tc
from conftest import columns
from tradecore._core import Command, FeedDecoder, Kernel
from tradecore.errors import (
    DataError,
    InvalidValueError,
    OffGridError,
    OrderError,
    RunError,
    StrategyError,
    UnknownInstrumentError,
)
from tradecore.session.kernel import build_kernel

NAME = "BTCUSDT.TEST"
BOOK = ([(100.0, 1.0), (99.9, 2.0)], [(100.1, 1.5), (100.2, 2.5)])


class Quoter(tc.Strategy):
    """Quotes at the touch with every book, and notes what it is told."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.told: list[Any] = []

    def on_start(self, ctx: tc.Context) -> None:
        self.told.append("start")
        ctx.every("1s", self.tick)

    def tick(self, ctx: tc.Context) -> None:
        self.told.append(("tick", ctx.now_ns))

    def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
        self.told.append((ctx.now_ns, book.best_bid, book.best_ask, book.bid_qty))
        ctx.quote(NAME, bid=book.best_bid, ask=book.best_ask, qty="10")

    def on_book_state(self, ctx: tc.Context, book: tc.BookView, state: tc.BookState) -> None:
        self.told.append((state.name, book.state_reason))

    def on_order(self, ctx: tc.Context, order: tc.Order) -> None:
        self.told.append((order.order_id, order.status.name, order.reason))

    def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
        self.told.append(("fill", fill.price, fill.qty, str(fill.fee), fill.liquidity.name))

    def on_stop(self, ctx: tc.Context) -> None:
        self.told.append("stop")
        ctx.cancel_all()


@pytest.fixture
def quoter() -> Quoter:
    return Quoter("q", [NAME])


@pytest.fixture
def kernel(quoter: Quoter, instrument: tc.Instrument) -> Kernel:
    kernel = build_kernel("s1", [quoter], [instrument], keeps_journal=True)
    kernel.start(1)
    return kernel


def sent(kernel: Kernel) -> list[tuple[Any, ...]]:
    return [(c.kind, c.client_id, c.side.name, c.price, c.qty, c.at_ns) for c in kernel.drain()]


def test_a_session_by_hand(kernel: Kernel, quoter: Quoter) -> None:
    assert kernel.next_due() == 1 + 1_000_000_000
    kernel.levels(10, 0, 9, *BOOK, snapshot=True)
    assert sent(kernel) == [
        ("submit", "s1-0-1", "BUY", Decimal("100.0"), Decimal("10.000"), 10),
        ("submit", "s1-0-2", "SELL", Decimal("100.1"), Decimal("10.000"), 10),
    ]
    assert kernel.drain() == []
    kernel.report(11, 0, "accepted", "s1-0-1", venue_id="77")
    kernel.report(12, 0, "rejected", 2, reason="post_only_would_cross")
    kernel.report(
        13, 0, "fill", venue_id=77, execution="e1", cumulative="4", price="100", qty=4, liquidity="maker", fee="-0.4"
    )
    kernel.report(
        13, 0, "fill", venue_id=77, execution="e1", cumulative="4", price="100", qty=4, liquidity="maker", fee="-0.4"
    )
    kernel.due(1_000_000_001)
    kernel.feed(1_000_000_002, 0, tc.BookState.STALE, "no message for 1 s")
    kernel.stop(1_000_000_003)
    [cancel] = kernel.drain()
    assert (cancel.kind, cancel.order_id, cancel.venue_id, cancel.price, cancel.qty) == ("cancel", 1, "77", None, None)
    assert (cancel.instrument, cancel.market, cancel.account, cancel.strategy) == (NAME, 0, 0, "q")
    assert (cancel.side, cancel.order_type, cancel.time_in_force, cancel.post_only) == (
        tc.Side.BUY,
        tc.OrderType.LIMIT,
        tc.TimeInForce.GTC,
        True,
    )
    assert repr(cancel) == f"<Command cancel s1-0-1 {NAME}>"
    kernel.report(1_000_000_004, 0, "cancelled", 1)
    assert quoter.told == [
        "start",
        ("SYNCED", None),
        (10, 100.0, 100.1, 1.0),
        (1, "NEW", ""),
        (2, "REJECTED", "post_only_would_cross"),
        ("fill", 100.0, 4.0, "-0.4", "MAKER"),
        (1, "PARTIALLY_FILLED", ""),
        ("tick", 1_000_000_001),
        ("STALE", "no message for 1 s"),
        "stop",
    ], "nobody is told of anything after the last hook"
    assert len(kernel.finish()) == 64
    tables = kernel.take_tables()
    assert len(tables["fills"]["price"][1]) == 8
    assert len(tables["orders"]["order_id"][1]) == 2 * 8
    with pytest.raises(RunError, match="has been closed"):
        kernel.due(2_000_000_000)


def test_replacements_and_refusals_of_our_own(kernel: Kernel, quoter: Quoter) -> None:
    kernel.levels(10, 0, 9, *BOOK, snapshot=True)
    kernel.drain()
    for order in (1, 2):
        kernel.report(11, 0, "accepted", order)
    kernel.levels(12, 0, 12, [(100.0, 0)], [])
    [moved] = kernel.drain()
    assert (moved.kind, moved.order_id, moved.side.name, moved.price) == ("replace", 1, "BUY", Decimal("99.9"))
    assert repr(moved) == f"<Command replace s1-0-1 {NAME} buy 10.00 @ 99.9>"
    kernel.report(13, 0, "replaced", 1, price="99.9", qty="10")
    kernel.pause(14)
    kernel.order(15, "q", 0, "buy", "10", "99.8")
    assert (kernel.drain(), kernel.next_due()) == ([], 15), "a refusal of our own waits to be told"
    kernel.due(15)
    assert quoter.told[-1] == (3, "REJECTED", "paused")
    kernel.resume(16)
    kernel.order(17, "q", 0, tc.Side.SELL, "10", time_in_force="ioc")
    [market] = kernel.drain()
    assert (market.order_type.name, market.price, market.time_in_force.name) == ("MARKET", None, "IOC")
    assert repr(market) == f"<Command submit s1-0-4 {NAME} sell 10.00 @ market>"
    kernel.kill(18)
    assert [command.kind for command in kernel.drain()] == ["cancel"] * 3
    kernel.listing(19, 0, False)
    kernel.resume(20)
    kernel.order(21, "q", 0, "buy", "10", "99.8")
    kernel.due(21)
    assert quoter.told[-1][1:] == ("REJECTED", "not_listed")


def test_messages_are_delivered_one_by_one(kernel: Kernel, quoter: Quoter) -> None:
    set_, clear, last = int(tc.EventKind.BOOK_SET), int(tc.EventKind.BOOK_CLEAR), int(tc.EventFlag.LAST)
    rows = [
        (5, clear, 0, 2, 0, 0),
        (5, set_, 1, 2, 1_000, 1_000),
        (5, set_, -1, 2 | last, 1_001, 1_500),
        (6, set_, 1, last, 1_000, 3_000),
        (7, set_, 1, last, 999, 3_000),
    ]
    kernel.message(10, 0, columns(rows))
    assert quoter.told[2:] == [(10, 100.0, 100.1, 1.0), (10, 100.0, 100.1, 3.0), (10, 100.0, 100.1, 3.0)]
    with pytest.raises(InvalidValueError, match=r"^flags: the last row does not end its message"):
        kernel.message(11, 0, columns(rows[:2]))
    bad = columns(rows)
    bad["kind"][4] = 99
    with pytest.raises(InvalidValueError, match=r"^columns: row 4"):
        kernel.message(11, 0, bad)
    del bad["qty"]
    with pytest.raises(InvalidValueError, match=r"^qty: this column is missing"):
        kernel.message(11, 0, bad)
    kernel.message(12, 0, columns([]))
    assert len(quoter.told) == 5, "what was refused was not delivered in part"


@pytest.mark.parametrize(
    "levels",
    [
        ([(100.0, 1.0), (99.9, 2.0)], [(100.1, 1.5)]),
        ((("100", "1"), ["99.9", Decimal(2)]), iter([(Decimal("100.10"), 1.5)])),
        (np.array([[100.0, 1.0], [99.9, 2.0]]), np.array([[100.1, 1.5]])),
        (np.array([[100.0, 1.0], [99.9, 2.0]])[:, :], [np.array([100.1, 1.5])]),
    ],
)
def test_levels_in_every_form_are_one(levels: tuple[Any, Any], instrument: tc.Instrument) -> None:
    def journal(bids: Any, asks: Any) -> bytes:
        kernel = build_kernel("s1", [Quoter("q", [NAME])], [instrument], keeps_journal=True)
        kernel.start(1)
        kernel.levels(10, 0, 9, bids, asks)
        return kernel.take_journal()

    assert journal(*levels) == journal([(100, 1), (99.9, 2)], [(100.1, 1.5)])


Act = Callable[[Kernel], object]
BAD: list[tuple[str, Act]] = [
    ("market: 1 is none of 1 markets", lambda k: k.levels(20, 1, 9, [], [])),
    ("market: 7 is none of 1 markets", lambda k: k.listing(20, 7, True)),
    ("at_ns: -1 is not a time", lambda k: k.levels(-1, 0, 9, [], [])),
    ("ts_event: 9223372036854775807 is not a time", lambda k: k.levels(20, 0, 2**63 - 1, [], [])),
    (f"{NAME}: price 100.05 is not a multiple of 0.1", lambda k: k.levels(20, 0, 9, [(100.05, 1)], [])),
    (f"{NAME}: qty 0.0001 is not a multiple of 0.001", lambda k: k.levels(20, 0, 9, [], np.array([[100.1, 0.0001]]))),
    ("qty: -1000 steps are negative", lambda k: k.levels(20, 0, 9, [(100, 1)], [(100.1, -1)])),
    ("price: .* beyond", lambda k: k.levels(20, 0, 9, [("300000000000000000", 1)], [])),
    (r"level: \(1,\) is not \(price, qty\)", lambda k: k.levels(20, 0, 9, [(1,)], [])),  # type: ignore[list-item]
    ("level: 5 is not", lambda k: k.levels(20, 0, 9, [5], [])),  # type: ignore[list-item]
    ("levels: an array of levels has two columns", lambda k: k.levels(20, 0, 9, np.zeros((2, 3)), [])),
    ("levels: the array is not contiguous", lambda k: k.levels(20, 0, 9, np.zeros((4, 2))[::2], [])),
    ("price: nan is no number|price: .*", lambda k: k.levels(20, 0, 9, [(float("nan"), 1)], [])),
    ("kind: .gone. is none of accepted", lambda k: k.report(20, 0, "gone", 1)),
    ("order: a report names its order", lambda k: k.report(20, 0, "accepted")),
    ("order: expected our number", lambda k: k.report(20, 0, "accepted", -1)),
    ("reason: a report of kind .rejected. needs it", lambda k: k.report(20, 0, "rejected", 1)),
    ("reason: .bad. is none of post_only", lambda k: k.report(20, 0, "expired", 1, reason="bad")),
    ("reason: a report of kind .accepted. has none", lambda k: k.report(20, 0, "accepted", 1, reason="venue")),
    ("fee: a report of kind .fill. needs it", lambda k: k.report(20, 0, "fill", 1, price=1, qty=1, liquidity="maker")),
    ("liquidity: .both.", lambda k: k.report(20, 0, "fill", 1, price=1, qty=1, liquidity="both", fee=0)),
    ("qty: expected more than zero", lambda k: k.report(20, 0, "replaced", 1, price=1, qty=0)),
    ("cumulative: -1000 steps", lambda k: k.report(20, 0, "accepted", 1, cumulative=-1)),
    ("venue_id: expected a text or a number", lambda k: k.report(20, 0, "accepted", 1, venue_id=-5)),
    ("currency: .EUR. settles no instrument", lambda k: k.balance(20, "EUR", 5)),
    ("state: 9 is no BookState", lambda k: k.feed(20, 0, 9, "")),  # type: ignore[arg-type]
    ("strategy: no strategy is called .x.", lambda k: k.order(20, "x", 0, "buy", 1, 1)),
    ("qty: 0 ", lambda k: k.order(20, "q", 0, "buy", 0, 100)),
    (f"{NAME}: price 100.07 is not a multiple of 0.1", lambda k: k.replace(20, 1, price="100.07")),
]


@pytest.mark.parametrize(("message", "act"), BAD, ids=[message for message, _ in BAD])
def test_what_is_refused_has_changed_nothing(message: str, act: Act, kernel: Kernel, instrument: tc.Instrument) -> None:
    twin = build_kernel("s1", [Quoter("q", [NAME])], [instrument], keeps_journal=True)
    twin.start(1)
    for each in (kernel, twin):
        each.levels(10, 0, 9, *BOOK, snapshot=True)
        assert len(each.drain()) == 2
    with pytest.raises(InvalidValueError, match=message):
        act(kernel)
    assert kernel.drain() == []
    assert kernel.save() == twin.save()


def test_a_report_in_another_market_is_refused(instrument: tc.Instrument) -> None:
    from tradecore.instruments import instrument_from_dict

    other = instrument_from_dict({**instrument.to_dict(), "id": "ETHUSDT.TEST", "price_increment": "0.01"})
    kernel = build_kernel("s1", [Quoter("q", [NAME])], [instrument, other])
    kernel.start(1)
    kernel.levels(10, 0, 9, *BOOK, snapshot=True)
    kernel.drain()
    with pytest.raises(InvalidValueError, match=f"market: order 1 is one in {NAME}"):
        kernel.report(11, 1, "accepted", "s1-0-1")
    kernel.report(11, 0, "accepted", "s1-0-1")


def test_balances_reach_strategies(instrument: tc.Instrument) -> None:
    class Reads(tc.Strategy):
        seen: ClassVar[list[Any]] = []

        def on_start(self, ctx: tc.Context) -> None:
            type(self).seen.append((ctx.balance("USDT"), ctx.is_listed(NAME)))

    strategies = [Reads("a", [NAME]), Reads("b", [NAME])]
    kernel = build_kernel("s1", strategies, [instrument], accounts=[3, 4])
    kernel.balance(1, "USDT", "12.5", account=4)
    kernel.listing(1, 0, False)
    kernel.start(2)
    assert Reads.seen == [(None, False), (Decimal("12.5"), False)]


def test_decoded_frames_go_in_without_a_detour() -> None:
    spec = tc.find_instrument("BTCUSDT.BINANCE_USDM")
    decoder = FeedDecoder("BINANCE_USDM", [spec])

    class Counts(tc.Strategy):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.trades: list[tuple[float, int]] = []

        def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
            self.trades.append((trade.price, ctx.now_ns))

    strategy = Counts("c", [spec.id])
    kernel = build_kernel("s1", [strategy], [spec])
    kernel.start(1)
    frame = '{"stream":"btcusdt@trade","data":{"e":"trade","E":5,"T":5,"s":"BTCUSDT","t":%d,"p":"100.5","q":"0.01","X":"MARKET","m":true}}'
    for number in (1, 2):
        assert decoder.feed((frame % number).encode(), 6_000_000) == "trade"
    kernel.decoded(7_000_000, 0, decoder)
    kernel.decoded(7_000_001, 0, decoder)
    assert strategy.trades == [(100.5, 7_000_000)] * 2
    with pytest.raises(InvalidValueError, match="keep_events=False"):
        kernel.decoded(8_000_000, 0, FeedDecoder("BINANCE_USDM", [spec], keep_events=False))
    with pytest.raises(UnknownInstrumentError):
        kernel.decoded(8_000_000, 0, FeedDecoder("BINANCE_USDM", []))


def test_the_set_up_is_checked_and_closed(instrument: tc.Instrument) -> None:
    with pytest.raises(InvalidValueError, match="session"):
        Kernel("no-dash")
    kernel = Kernel("s1")
    kernel.add_market(instrument)
    with pytest.raises(InvalidValueError, match=f"instrument: {NAME} was added before"):
        kernel.add_market(instrument)
    with pytest.raises(InvalidValueError, match=r"basis: .l3."):
        kernel.add_market(instrument, basis="l3")
    with pytest.raises(InvalidValueError, match="market: 1 is none of 1"):
        kernel.add_strategy("q", [1], {}, "message", None)
    kernel.add_strategy("q", [0], {}, "message", None)
    with pytest.raises(InvalidValueError, match=r"name: a strategy .q. was added before"):
        kernel.add_compiled("q", [0], "touch_maker", {})
    with pytest.raises(RunError, match="instruments are added before strategies"):
        kernel.add_market(tc.find_instrument("BTCUSDT.BINANCE"))
    for early in (lambda: kernel.due(1), lambda: kernel.stop(1), kernel.save, kernel.take_tables):
        with pytest.raises(RunError, match="start the kernel first"):
            early()
    assert kernel.next_due() is None
    kernel.start(1)
    with pytest.raises(RunError, match="has been started"):
        kernel.start(2)
    for late in (lambda: kernel.add_strategy("r", [0], {}, "message", None), lambda: kernel.restore(b"")):
        with pytest.raises(RunError, match="set-up cannot change"):
            late()
    with pytest.raises(UnknownInstrumentError, match="OTHER"):
        build_kernel("s1", [tc.Strategy("x", ["OTHER.TEST"])], [instrument])
    with pytest.raises(InvalidValueError, match="accounts: 1 of 0"):
        build_kernel("s1", [], [instrument], accounts=[0])


def test_a_kernel_at_work_refuses_hooks_and_other_threads(instrument: tc.Instrument) -> None:
    problems: list[BaseException] = []

    class Meddles(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            def meddle() -> None:
                try:
                    kernel.due(2)
                except RunError as error:
                    problems.append(error)

            meddle()
            thread = threading.Thread(target=meddle)
            thread.start()
            thread.join()

    kernel = build_kernel("s1", [Meddles("m", [NAME])], [instrument])
    kernel.start(1)
    assert [str(problem) for problem in problems] == ["the kernel is at work: a hook or another thread uses it"] * 2
    kernel.due(3)


def test_a_raising_hook_stops_its_strategy_or_the_input(instrument: tc.Instrument) -> None:
    class Raises(tc.Strategy):
        error: type = ValueError

        def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
            raise self.error("so")

    kernel = build_kernel("s1", [Raises("r", [NAME])], [instrument])
    kernel.start(1)
    assert kernel.failures == {}
    kernel.levels(2, 0, 2, *BOOK)
    assert "ValueError: so" in kernel.failures["r"]
    kernel.levels(3, 0, 3, *BOOK)

    kernel = build_kernel("s1", [Raises("r", [NAME])], [instrument], stop_run_on_error=True)
    kernel.start(1)
    with pytest.raises(StrategyError, match="strategy r failed: ValueError: so"):
        kernel.levels(2, 0, 2, *BOOK)

    for error in (KeyboardInterrupt, SystemExit):
        kernel = build_kernel("s1", [Raises("r", [NAME], error=error)], [instrument])
        kernel.start(1)
        with pytest.raises(error):
            kernel.levels(2, 0, 2, *BOOK)


def test_a_saved_session_goes_on(kernel: Kernel, quoter: Quoter, instrument: tc.Instrument) -> None:
    kernel.levels(10, 0, 9, *BOOK, snapshot=True)
    with pytest.raises(RunError, match="2 commands or questions have not been drained"):
        kernel.save()
    kernel.drain()
    saved = kernel.save()
    assert kernel.save() == saved
    again = Quoter("q", [NAME])
    other = build_kernel("s1", [again], [instrument])
    other.restore(saved)
    assert other.save() == saved
    assert again.told == quoter.told
    for each in (kernel, other):
        each.due(1_000_000_001)
        each.levels(1_000_000_002, 0, 9, [(100.0, 0)], [])
        each.report(1_000_000_003, 0, "accepted", 1)
    assert again.told == quoter.told
    assert sent(other) == sent(kernel)
    assert other.save() == kernel.save()
    assert other.finish() == kernel.finish()

    for bad, message in ((b"", "no saved state"), (saved[:-1], "no saved state"), (saved + b"x", "no saved state")):
        with pytest.raises(InvalidValueError, match=f"^state: {message}"):
            build_kernel("s1", [Quoter("q", [NAME])], [instrument]).restore(bad)
    for session, strategies in (("s2", [Quoter("q", [NAME])]), ("s1", [Quoter("p", [NAME])]), ("s1", [])):
        with pytest.raises(InvalidValueError, match=r"^state: saved with"):
            build_kernel(session, strategies, [instrument]).restore(saved)


def test_a_timer_that_calls_no_method_is_refused_when_it_is_saved(instrument: tc.Instrument) -> None:
    class Lambda(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.every("1s", lambda ctx: None)

    kernel = build_kernel("s1", [Lambda("l", [NAME])], [instrument])
    kernel.start(1)
    with pytest.raises(InvalidValueError, match=r"callback: a timer calls <function .* use a method of the strategy"):
        kernel.save()
    kernel.due(1_000_000_001)


def test_a_damaged_journal_is_not_taken_in_part(kernel: Kernel, instrument: tc.Instrument) -> None:
    kernel.levels(10, 0, 9, *BOOK, snapshot=True)
    journal = kernel.take_journal()
    strategy = Quoter("q", [NAME])
    with pytest.raises(RunError, match="keeps_journal=True"):
        build_kernel("s1", [Quoter("q", [NAME])], [instrument]).replay(journal)
    other = build_kernel("s1", [strategy], [instrument], keeps_journal=True)
    for damaged in (journal[:-1], journal + b"\x05\x00\x00\x00"):
        with pytest.raises(DataError, match="journal: byte"):
            other.replay(damaged)
    assert strategy.told == []
    assert other.replay(journal) == (None, b"")
    assert strategy.told[-1] == (10, 100.0, 100.1, 1.0)
    assert other.drain() == []


def test_entries_that_a_cut_journal_lacks_are_told(kernel: Kernel, instrument: tc.Instrument) -> None:
    kernel.levels(10, 0, 9, *BOOK, snapshot=True)
    journal = kernel.take_journal()
    ends, at = [], 0
    while at < len(journal):
        at += 4 + int.from_bytes(journal[at : at + 4], "little")
        ends.append(at)
    assert len(ends) == 4, "start, message, two commands"
    for end in ends:
        other = build_kernel("s1", [Quoter("q", [NAME])], [instrument], keeps_journal=True)
        lacks = journal[end:] if end >= ends[1] else b""
        assert other.replay(journal[:end]) == (None, lacks)


def test_commands_are_ours_to_read_only(kernel: Kernel) -> None:
    kernel.levels(10, 0, 9, *BOOK, snapshot=True)
    command = kernel.drain()[0]
    assert isinstance(command, Command)
    with pytest.raises(AttributeError):
        command.qty = 5  # type: ignore[misc,assignment]


def test_prices_between_two_steps_name_the_step(kernel: Kernel) -> None:
    with pytest.raises(OffGridError) as caught:
        kernel.report(20, 0, "fill", 1, price="100.05", qty=1, liquidity="maker", fee=0)
    assert (caught.value.field, caught.value.step) == ("price", "0.1")
    with pytest.raises(OrderError):
        kernel.order(20, "q", 0, "buy", "10", post_only=True)
