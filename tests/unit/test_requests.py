"""Requests and their answers: which report answers which command, and when it acted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tradecore.live.requests import Clocks, paired


def command(at_ns: int, kind: str, order: int = 1) -> Any:
    return at_ns, SimpleNamespace(kind=kind, order_id=order)


def told(at_ns: int, kind: str, ts_event: int | None = None, order: int = 1, liquidity: str | None = None) -> Any:
    """Return a report; one without the venue's time has that of its receipt."""
    return SimpleNamespace(
        at_ns=at_ns, kind=kind, ts_event=at_ns if ts_event is None else ts_event, order=order, liquidity=liquidity
    )


def answers(commands: list[Any], notices: list[Any], *, always_stamped: bool = False) -> list[Any]:
    requests = paired(commands, notices, always_stamped=always_stamped)
    return [(each.answer, each.venue_ns, each.received_ns) for each in requests]


def test_requests_of_an_order_are_answered_in_turn() -> None:
    commands = [command(1, "submit"), command(2, "replace"), command(3, "replace"), command(4, "cancel")]
    notices = [
        told(11, "accepted", 6), told(12, "fill", 8, liquidity="maker"), told(13, "replaced", 9),
        told(14, "replaced", 10), told(14, "replaced", 10), told(15, "cancelled", 12),
    ]  # fmt: skip
    want = [("accepted", 6, 11), ("replaced", 9, 13), ("replaced", 10, 14), ("cancelled", 12, 15)]
    assert answers(commands, notices) == want


def test_the_venues_time_may_come_with_what_it_tells_later() -> None:
    notices = [told(11, "accepted"), told(13, "accepted", 6)]
    assert answers([command(1, "submit")], notices) == [("accepted", 6, 11)]
    assert answers([command(1, "submit")], notices[:1]) == [("accepted", None, 11)]
    # A venue without a way back tells what happens now.
    assert answers([command(1, "submit")], notices[:1], always_stamped=True) == [("accepted", 11, 11)]


def test_what_was_looked_up_is_no_answer() -> None:
    notices = [told(5_000, "unknown"), told(9_000, "accepted", 30), told(9_000, "replaced", 40)]
    assert answers([command(1, "submit"), command(2, "replace")], notices) == [("unknown", None, None)] * 2


def test_an_order_that_takes_is_answered_by_its_fill_and_a_replacement_by_its_end() -> None:
    assert answers([command(1, "submit")], [told(9, "fill", 5, liquidity="taker")]) == [("fill", 5, 9)]
    assert answers([command(1, "replace")], [told(9, "cancelled", 5)]) == [("cancelled", 5, 9)]


def test_a_clock_is_what_was_measured_last() -> None:
    clocks = Clocks()
    assert clocks.offset_ns("BINANCE", 5) is None
    clocks.add("BINANCE", 10, 3)
    clocks.add("BINANCE", 20, 4)
    assert [clocks.offset_ns("BINANCE", at) for at in (5, 10, 19, 20, 90)] == [3, 3, 3, 4, 4]
    assert clocks.offset_ns("BYBIT", 10) is None
