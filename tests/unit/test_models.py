"""The small models open to Python, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

import tradecore as tc
from tradecore._core import money_text, parse_duration
from tradecore.errors import InvalidValueError

NAN = float("nan")


@pytest.mark.parametrize(
    "act",
    [
        lambda: tc.QueueSimulator("log", -1),
        lambda: tc.QueueSimulator("log", 1, lot=0),
        lambda: tc.QueueSimulator("log", 1, unit=NAN),
        lambda: tc.QueueSimulator("depletion", 5).trade(-3),
        lambda: tc.QueueSimulator("power(2)", 5).depth(5, -1),
        lambda: tc.RealizedVolatility(0),
        lambda: tc.RealizedVolatility(10, -1.0),
        lambda: tc.RealizedVolatility(10).update(1, NAN),
        lambda: tc.IntensityEstimator(bin_ticks=0.0),
        lambda: tc.IntensityEstimator(window=0),
        lambda: money_text(bytes(17)),
        lambda: parse_duration(True),
        lambda: parse_duration(-1),
        lambda: parse_duration(2**63 - 1),
        lambda: parse_duration("200000d"),
    ],
)
def test_nonsense_is_refused(act: Callable[[], object]) -> None:
    with pytest.raises(InvalidValueError):
        act()


def test_a_ledger_takes_fills_only(instrument: tc.Instrument) -> None:
    ledger = tc.PositionLedger(instrument)
    for price, qty in (("-1", "1"), ("0", "1"), ("100", "-1"), ("1.5e17", "1"), ("100", "5e15")):
        with pytest.raises(InvalidValueError):
            ledger.apply("buy", price, qty)
    assert ledger.position("100")["qty"] == 0
    assert ledger.apply("buy", "100", "1") == 0
    assert ledger.position("101")["unrealized_pnl"] == Decimal(1)


def test_a_book_tells_its_state_in_the_words_of_the_package(instrument: tc.Instrument) -> None:
    book = tc.L2Book(instrument)
    assert book.state is tc.BookState.EMPTY
    with pytest.raises(InvalidValueError):
        book.set("buy", "1.5e17", "1")
    assert book.best_bid is None
