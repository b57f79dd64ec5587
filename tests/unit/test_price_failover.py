"""Whose prices a strategy takes where one of two venues cannot be had."""

from __future__ import annotations

from typing import Any

import pytest

import tradecore as tc
from tradecore.errors import InvalidValueError
from tradecore.session.kernel import build_kernel
from tradecore.strategy.state import decode, encode
from tradecore.types import BookState

FIRST, SECOND = "BTCUSDT.BINANCE", "BTCUSDT.COINBASE"
S = 1_000_000_000
T0 = 1_700_000_000 * S


class Looker(tc.Strategy):
    """Looks each second where prices come from."""

    def on_start(self, ctx: tc.Context) -> None:
        self.prices = tc.PriceFailover(FIRST, SECOND, back_after="5s")
        self.seen: list[str | None] = []
        ctx.every("1s", self.look)

    def look(self, ctx: tc.Context) -> None:
        book = self.prices.book(ctx)
        assert (book and book.instrument) == self.prices.current
        self.seen.append(book and book.instrument)


class Desk:
    """A kernel with two books, one second after the other."""

    def __init__(self) -> None:
        spec = tc.Instrument(FIRST, kind="spot", base="BTC", quote="USDT", price_increment="0.1", qty_increment="0.001")
        other = tc.Instrument(
            SECOND, kind="spot", base="BTC", quote="USDT", price_increment="0.01", qty_increment="0.001"
        )
        self.looker = Looker("l", [FIRST, SECOND])
        self.specs = [spec, other]
        self.kernel = build_kernel("s", [self.looker], self.specs)
        self.at = T0
        self.kernel.start(self.at)

    def book(self, market: int, *, bid: float = 100.0, ask: float | None = 101.0) -> None:
        asks = [] if ask is None else [(ask, 1.0)]
        if ask is None:
            self.kernel.feed(self.at, market, BookState.GAP, "lost")
        self.kernel.levels(self.at, market, self.at, [(bid, 1.0)], asks)

    def state(self, market: int, state: BookState) -> None:
        self.kernel.feed(self.at, market, state, "said so")

    def after(self, seconds: int) -> list[str | None]:
        """What is seen in the next seconds."""
        until, before = self.at + seconds * S, len(self.looker.seen)
        while (due := self.kernel.next_due()) is not None and due <= until:
            self.kernel.due(due)
        self.at = until
        return self.looker.seen[before:]


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.book(0)
    desk.book(1)
    assert desk.after(1) == [FIRST]
    return desk


@pytest.mark.parametrize("lost", [BookState.GAP, BookState.STALE])
def test_the_second_is_taken_at_once_and_the_first_again_when_it_has_lasted(desk: Desk, lost: BookState) -> None:
    desk.state(0, lost)
    assert desk.after(2) == [SECOND, SECOND]
    desk.book(0)
    assert desk.after(7) == [SECOND] * 5 + [FIRST] * 2
    assert desk.looker.prices.switches == 2


def test_one_that_comes_and_goes_is_not_gone_back_to(desk: Desk) -> None:
    for _ in range(5):
        desk.state(0, BookState.STALE)
        assert desk.after(1) == [SECOND]
        desk.book(0)
        assert desk.after(4) == [SECOND] * 4
    assert desk.looker.prices.switches == 1


@pytest.mark.parametrize("book", [{"bid": 102.0}, {"ask": None}], ids=["crossed", "one side"])
def test_a_book_that_is_crossed_or_has_one_side_is_not_well(desk: Desk, book: dict[str, Any]) -> None:
    desk.book(0, **book)
    assert desk.after(1) == [SECOND]


def test_where_none_is_well_there_are_no_prices_and_then_those_of_the_first_that_is(desk: Desk) -> None:
    desk.state(0, BookState.STALE)
    desk.after(1)
    desk.state(1, BookState.GAP)
    assert desk.after(1) == [None]
    desk.book(0)
    assert desk.after(1) == [FIRST], "it need not last where there is no other"
    assert desk.looker.prices.switches == 2


def test_a_saved_strategy_goes_on_as_it_would_have(desk: Desk) -> None:
    desk.state(0, BookState.STALE)
    desk.after(1)
    desk.book(0)
    desk.after(3)
    saved = desk.looker.save()
    assert isinstance(saved, dict)
    restored = decode(encode(saved))["prices"]
    assert repr(restored) == f"PriceFailover({FIRST!r}, {SECOND!r}, back_after='5s')"
    assert (restored.current, restored.switches) == (SECOND, 1)
    desk.looker.prices = restored
    assert desk.after(4) == [SECOND, SECOND, FIRST, FIRST]


@pytest.mark.parametrize("names", [(), (FIRST,), (FIRST, FIRST)])
def test_it_needs_two(names: tuple[str, ...]) -> None:
    with pytest.raises(InvalidValueError, match="expected at least two, each once"):
        tc.PriceFailover(*names)


def test_a_bare_number_is_no_length_of_time() -> None:
    with pytest.raises(InvalidValueError, match="back_after"):
        tc.PriceFailover(FIRST, SECOND, back_after=10)  # type: ignore[arg-type]
