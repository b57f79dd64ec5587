"""Requests on their way to a venue and back: when each was sent, took effect there, and was answered."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from tradecore._core import Command, Notice

__all__ = ["Clocks", "Request", "paired"]

_ANSWERS: Final = {
    "submit": frozenset({"accepted", "rejected", "expired", "fill"}),
    "replace": frozenset({"replaced", "replace_rejected", "cancelled"}),
    "cancel": frozenset({"cancelled", "cancel_rejected"}),
}
"""What a venue answers a request by; a fill answers an order that takes, and what replaces an order may be
refused when it has gone."""


@dataclass(slots=True)
class Request:
    """A command and its answer. Times are ns UTC."""

    command: Command
    sent_ns: int
    """When it left its strategy, our clock."""
    answer: str | None = None
    """The kind of the report; None where none came, ``unknown`` where its outcome had to be asked for."""
    venue_ns: int | None = None
    """When it took effect, the venue's clock; None where the venue did not say."""
    report: Notice | None = None
    """What answered it."""
    received_ns: int | None = None
    """When the answer was taken, our clock."""


class Clocks:
    """How far venues' clocks were ahead of ours, as it was measured."""

    def __init__(self) -> None:
        self._measured: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)

    def add(self, venue: str, at_ns: int, offset_ns: int) -> None:
        """Take a measurement; they come in the order of their times."""
        self._measured[venue].append((at_ns, offset_ns))

    def offset_ns(self, venue: str, at_ns: int) -> int | None:
        """Return what was known at a time, or else the first that was; None of a clock that nobody measured."""
        measured = self._measured.get(venue)
        if not measured:
            return None
        return measured[max(bisect_right(measured, at_ns, key=itemgetter(0)) - 1, 0)][1]


def paired(
    commands: Sequence[tuple[int, Command]], notices: Iterable[Notice], *, always_stamped: bool
) -> list[Request]:
    """Return each command with what answered it, in the order in which they left.

    Requests of one order are answered in their order. A venue may say when only in what it tells later, as where its
    private stream follows the answer to a request.

    Parameters
    ----------
    always_stamped : bool
        Whether a report always has its venue's time; otherwise one that equals its receipt is none.
    """
    requests = [Request(command, at_ns) for at_ns, command in commands]
    waiting: defaultdict[int, deque[Request]] = defaultdict(deque)
    unstamped: dict[tuple[int, str], Request] = {}
    left = 0
    for notice in notices:
        # What follows from a report is sent at its time: no answer comes before its command here.
        while left < len(requests) and requests[left].sent_ns <= notice.at_ns:
            waiting[requests[left].command.order_id].append(requests[left])
            left += 1
        order, kind = notice.order, notice.kind
        if order is None or (kind == "fill" and notice.liquidity != "taker"):
            continue
        of_order = waiting[order]
        if kind == "unknown":
            for each in of_order:
                each.answer = kind
            of_order.clear()
            continue
        venue_ns = notice.ts_event if always_stamped or notice.ts_event != notice.at_ns else None
        request = next((each for each in of_order if kind in _ANSWERS[each.command.kind]), None)
        if request is None:
            if venue_ns is not None and (earlier := unstamped.pop((order, kind), None)) is not None:
                earlier.venue_ns = venue_ns
            continue
        of_order.remove(request)
        request.answer, request.report, request.venue_ns, request.received_ns = kind, notice, venue_ns, notice.at_ns
        if venue_ns is None:
            unstamped[order, kind] = request
    return requests
