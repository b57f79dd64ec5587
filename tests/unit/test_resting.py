"""Orders that rested, place by place, of what was sent and told."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from tradecore.live.requests import Clocks, paired
from tradecore.live.resting import resting_orders
from tradecore.types import Side

NAME = "BTCUSDT.BINANCE_USDM"


def sent(at_ns: int, kind: str, price: str | None = None, qty: str | None = None, **terms: Any) -> Any:
    given = {"trigger": None, "display_qty": None, **terms}
    price_qty = {"price": price and Decimal(price), "qty": qty and Decimal(qty)}
    return at_ns, SimpleNamespace(kind=kind, order_id=1, instrument=NAME, side=Side.BUY, **price_qty, **given)


def told(at_ns: int, kind: str, price: str | None = None, qty: str | None = None, **more: Any) -> Any:
    """Return a report of what happened at the venue 1 ns before."""
    given = {"liquidity": None, "execution": None, "ts_event": at_ns - 1, **more}
    price_qty = {"price": price and Decimal(price), "qty": qty and Decimal(qty)}
    return SimpleNamespace(at_ns=at_ns, kind=kind, order=1, instrument=NAME, **price_qty, **given)


def filled(at_ns: int, price: str, qty: str, **more: Any) -> Any:
    return told(at_ns, "fill", price, qty, **{"liquidity": "maker", **more})


def rows(commands: list[Any], notices: list[Any], *, keeps: bool = True) -> list[tuple[float, float, int, int, float]]:
    """Return price, quantity, from when and until when it stood, and what was filled."""
    requests = paired(commands, notices, always_stamped=False)
    made = resting_orders(requests, notices, Clocks(), keeping={"BINANCE_USDM"} if keeps else ())
    return [(each.price, each.qty, each.placed_ns, each.ended_ns, each.filled_qty) for each in made]


SENT = [sent(1, "submit", "10", "4"), sent(20, "replace", "11", "4"), sent(40, "cancel")]


def test_a_replacement_that_loses_the_place_ends_one_order_and_begins_another() -> None:
    notices = [
        told(5, "accepted"),
        told(25, "replaced", "11", "4"),
        # Filled at the first price, and told after the replacement.
        filled(26, "10", "1", ts_event=22),
        filled(31, "11", "2"),
        told(45, "cancelled"),
    ]
    assert rows(SENT, notices) == [(10.0, 4.0, 4, 24, 1.0), (11.0, 3.0, 24, 44, 2.0)]
    # One that was filled has left when it was.
    notices[-2:] = [filled(31, "11", "2"), filled(35, "11", "1")]
    assert rows(SENT[:2], notices)[1] == (11.0, 3.0, 24, 34, 3.0)


def test_less_of_it_at_its_price_stands_since_it_came_where_the_venue_keeps_the_place() -> None:
    commands = [sent(1, "submit", "10", "4"), sent(20, "replace", "10", "3"), sent(40, "cancel")]
    notices = [
        told(5, "accepted"),
        filled(9, "10", "1"),
        told(25, "replaced", "10", "3"),
        filled(31, "10", "1"),
        told(45, "cancelled"),
    ]
    assert rows(commands, notices) == [(10.0, 3.0, 4, 44, 2.0)]
    assert rows(commands, notices, keeps=False) == [(10.0, 4.0, 4, 24, 1.0), (10.0, 2.0, 24, 44, 1.0)]
    notices[2] = told(25, "replaced", "10", "6")  # more of it goes to the end
    assert rows(commands, notices) == [(10.0, 4.0, 4, 24, 1.0), (10.0, 5.0, 24, 44, 1.0)]


def test_a_venue_that_does_not_say_when_is_taken_halfway() -> None:
    notices = [told(5, "accepted", ts_event=5), told(30, "replaced", "11", "4", ts_event=30), told(45, "cancelled")]
    assert rows(SENT, notices) == [(10.0, 4.0, 3, 25, 0.0), (11.0, 4.0, 25, 44, 0.0)]


def test_what_took_is_left_out_and_what_stood_before_it_is_not() -> None:
    notices = [
        told(5, "accepted"),
        told(25, "replaced", "11", "4"),
        filled(25, "10.5", "1", liquidity="taker"),
        told(45, "cancelled"),
    ]
    assert rows(SENT, notices) == [(10.0, 4.0, 4, 24, 0.0)]
    notices = [filled(5, "9", "1", liquidity="taker"), told(6, "accepted"), told(45, "cancelled")]
    assert rows([SENT[0], SENT[2]], notices) == []


def test_an_order_stands_from_when_it_was_set_off() -> None:
    commands = [sent(1, "submit", "10", "4", trigger="last"), sent(20, "replace", "11", "5"), sent(40, "cancel")]
    notices = [told(5, "accepted"), told(25, "replaced", "11", "5"), told(31, "triggered"), told(45, "cancelled")]
    assert rows(commands, notices) == [(11.0, 5.0, 30, 44, 0.0)]


def test_a_fill_told_twice_counts_once_and_what_stands_still_is_no_row() -> None:
    notices = [told(5, "accepted"), filled(9, "10", "1", execution="7"), filled(12, "10", "1", execution="7")]
    assert rows(SENT[:1], notices) == []
    assert rows([SENT[0], SENT[2]], [*notices, told(45, "cancelled")]) == [(10.0, 4.0, 4, 44, 1.0)]


def test_orders_that_display_a_part_or_have_no_price_stand_in_no_one_place() -> None:
    notices = [told(5, "accepted"), told(45, "cancelled")]
    assert rows([sent(1, "submit", "10", "4", display_qty=Decimal(1)), SENT[2]], notices) == []
    assert rows([sent(1, "submit", None, "4"), SENT[2]], notices) == []
