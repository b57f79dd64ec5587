"""Words that mean the same: sides and statuses as we write them, and as others do."""

from __future__ import annotations

import pytest

import tradecore as tc
from tradecore.errors import InvalidValueError
from tradecore.instruments import find_instrument
from tradecore.reconcile import AccountState, VenueAccount, VenueOrder, reconcile
from tradecore.session.kernel import build_kernel

NAME = "BTCUSDT.BINANCE"


@pytest.mark.parametrize("word", ["buy", "Buy", "BUY", "bid", "Bid"])
def test_a_buy_has_many_names(word: str) -> None:
    assert tc.Side(word) is tc.Side.BUY  # type: ignore[arg-type]
    venue = VenueAccount(orders=[VenueOrder(venue_id="1", instrument=NAME, side=word, price="60000", qty="1")])
    assert reconcile(AccountState(), venue, [find_instrument(NAME)])


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Pending", tc.OrderStatus.PENDING_NEW),
        ("New", tc.OrderStatus.NEW),
        ("PartiallyFilled", tc.OrderStatus.PARTIALLY_FILLED),
        ("Canceled", tc.OrderStatus.CANCELLED),
        ("PENDING_REPLACE", tc.OrderStatus.PENDING_REPLACE),
    ],
)
def test_a_status_has_many_names(word: str, status: tc.OrderStatus) -> None:
    assert tc.OrderStatus(word) is status  # type: ignore[arg-type]


def test_other_words_are_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidValueError, match="neither buy nor sell"):
        tc.Side("long")  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="pending_new, new, partially_filled"):
        tc.OrderStatus("done")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="7 is not a valid Side"):
        tc.Side(7)


def test_a_kernel_takes_what_venues_say_of_an_order() -> None:
    """A report's kind may be where the order stands now; what says nothing new is none."""
    kernel = build_kernel("s", [tc.Strategy("m", [NAME])], [find_instrument(NAME)])
    kernel.start(1)
    kernel.order(2, "m", 0, "Bid", 1, 60000)
    kernel.order(2, "m", 0, "Ask", 1, 70000)
    kernel.report(3, 0, "New", 1)
    kernel.report(3, 0, "NEW", 2)
    kernel.report(4, 0, "Filled", 1, price=60000, qty=1, liquidity="maker", fee=0, execution="x")
    kernel.report(5, 0, "Canceled", 2)
    with pytest.raises(InvalidValueError, match='"PendingNew" is none of accepted'):
        kernel.report(6, 0, "PendingNew", 1)
    kernel.finish()
    orders = kernel.take_tables()["orders"]
    assert list(orders["side"][1]) == [1, 255]
    assert list(orders["status"][1]) == [tc.OrderStatus.FILLED, tc.OrderStatus.CANCELLED]
