"""Outcomes of commands that a venue answers with no more than that it received them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

from tradecore._core import Command
from tradecore.errors import NoAnswerError
from tradecore.venues.clock import Clock, within
from tradecore.venues.events import VenueReport
from tradecore.venues.orders import StandingTerms, replaced

__all__ = ["Outcomes"]

_OVER = ("rejected", "cancelled", "expired")


class Outcomes:
    """Waits for what the stream of orders says of a command.

    Parameters
    ----------
    venue : str
    clock : Clock
    seconds : float
        How long to wait before the order is looked up.
    """

    def __init__(self, venue: str, clock: Clock, seconds: float = 2.0) -> None:
        self._venue = venue
        self._clock = clock
        self._seconds = seconds
        self._waiting: dict[str, tuple[Command, asyncio.Future[VenueReport]]] = {}

    async def of(self, command: Command, send: Awaitable[object]) -> VenueReport:
        """Send a command and return its outcome.

        Raises
        ------
        NoAnswerError
            When it was received and no outcome was told.
        """
        outcome: asyncio.Future[VenueReport] = asyncio.get_running_loop().create_future()
        self._waiting[command.client_id] = command, outcome
        try:
            await send
            return await within(self._clock, self._seconds, outcome)
        except TimeoutError:
            raise NoAnswerError(self._venue, command.kind, "received, and the outcome was not told") from None
        finally:
            self._waiting.pop(command.client_id, None)

    def told(self, report: VenueReport, terms: StandingTerms, *, is_filled: bool) -> None:
        """Take a report of the stream, with the terms of the order as it stands and whether all of it is filled."""
        command, outcome = self._waiting.get(report.order or "", (None, None))
        if command is None or outcome is None or outcome.done():
            return
        is_over = report.kind in _OVER or is_filled
        if command.kind == "submit":
            outcome.set_result(report)
        elif command.kind == "replace":
            if terms.are_of(command):
                outcome.set_result(replaced(report, command))
            elif is_over:
                outcome.set_result(replace(report, kind="replace_rejected", reason="unknown_order"))
        elif report.kind in _OVER:
            outcome.set_result(report)
        elif is_over:
            outcome.set_result(replace(report, kind="cancel_rejected", reason="unknown_order"))
