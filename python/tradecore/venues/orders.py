"""Commands on their way to a venue: one answer each, and none of an order while nobody knows how it stands."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Literal, NamedTuple, Protocol

from tradecore._core import Command
from tradecore.errors import CredentialsError, NoAnswerError, VenueError
from tradecore.types import OrderType
from tradecore.venues.api import is_transient
from tradecore.venues.backoff import Backoff
from tradecore.venues.clock import Clock
from tradecore.venues.events import ReportKind, Sink, VenueReport
from tradecore.venues.tasks import Tasks

__all__ = [
    "OrderDesk", "OrderInterface", "OrderState", "Refusal", "StandingTerms", "has_limit", "replaced", "reports_of",
]  # fmt: skip

_REFUSED: dict[str, ReportKind] = {"submit": "rejected", "replace": "replace_rejected", "cancel": "cancel_rejected"}
_REMEMBERED = 100
_CANCEL_ATTEMPTS = 5


class Refusal(Exception):
    """A venue, or what it has words for, refuses a command.

    Attributes
    ----------
    reason : str
        One of the kernel's words.
    detail : str
        What was said.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def has_limit(command: Command) -> bool:
    """Return whether a command is of an order with a limit; a replacement of one without has a price all the same."""
    return command.order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT)


class StandingTerms(NamedTuple):
    """Limit, total quantity and trigger of an order, as its venue shows it."""

    price: Decimal | None
    qty: Decimal
    trigger_price: Decimal | None = None

    def are_of(self, command: Command) -> bool:
        """Return whether they are what a replacement asks for."""
        return (
            self.qty == command.qty
            and (self.price == command.price or not has_limit(command))
            and command.trigger_price in (None, self.trigger_price)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    """An order as the venue shows it when asked.

    ``end`` is how it ended, None while it is open; ``fills`` are reports of its fills, oldest first. The rest is as in
    a :class:`~tradecore.venues.VenueReport`.
    """

    venue_id: str
    end: Literal["filled", "cancelled", "expired", "rejected"] | None
    terms: StandingTerms
    ts_event: int
    reason: str | None = None
    fills: tuple[VenueReport, ...] = ()


def replaced(report: VenueReport, command: Command) -> VenueReport:
    """Return the report that a replacement was carried out, with the fields of another one on its order."""
    return replace(report, kind="replaced", price=command.price, qty=command.qty, trigger_price=command.trigger_price)


class OrderInterface(Protocol):
    """How a venue is told commands."""

    async def carry_out(self, command: Command) -> VenueReport:
        """Send a command and return what the venue says.

        Raises
        ------
        Refusal
        VenueError
            When it was not carried out.
        NoAnswerError
            When nobody knows whether it was.
        """

    async def look_up(self, instrument: str, client_id: str) -> OrderState | None:
        """Return how an order stands; None if the venue does not have it.

        Raises
        ------
        VenueError, NoAnswerError
        """

    @property
    def good_for_s(self) -> float:
        """How long after it was sent a request may still be taken by the venue, seconds."""


def reports_of(state: OrderState, report: VenueReport) -> list[VenueReport]:
    """Return what a venue shows of an order as reports; ``report`` gives venue, instrument and client id."""
    base = replace(report, venue_id=state.venue_id, ts_event=state.ts_event, reason=None, detail="")
    if state.end == "rejected":
        return [replace(base, kind="rejected", reason=state.reason or "venue")]
    told = [replace(base, kind="accepted"), *(replace(fill, order=report.order) for fill in state.fills)]
    if state.end == "cancelled":
        told.append(replace(base, kind="cancelled"))
    elif state.end == "expired":
        told.append(replace(base, kind="expired", reason=state.reason or "venue"))
    elif state.end == "filled":
        # A venue may have made it smaller meanwhile, as where two orders of one account would have met.
        told.append(replace(base, kind="reduced", qty=state.terms.qty))
    return told


class OrderDesk:
    """Sends commands and finds out what became of those that nobody answered.

    A cancel that came at a bad time, when there were too many requests, is sent again; nothing else is. Of an order
    whose standing is not known nothing is sent until it is: it is looked up by its client id, with growing waits, and
    what the venue says is told to the sink. That it never had an order is believed once no request of ours can still
    be on its way.

    Parameters
    ----------
    venue : str
    interface : OrderInterface
    clock : Clock
    random : Random
        Spreads the waits.
    tell : Sink
    tasks : Tasks
        Those that look orders up, and end with the connector.
    """

    def __init__(
        self, venue: str, interface: OrderInterface, *, clock: Clock, random: Random, tell: Sink, tasks: Tasks
    ) -> None:
        self._venue = venue
        self._interface = interface
        self._clock = clock
        self._random = random
        self._tell = tell
        self._tasks = tasks
        self._resolving: dict[str, asyncio.Task[None]] = {}
        self._over: deque[str] = deque(maxlen=_REMEMBERED)
        """Orders that were looked up and are over, or never were."""

    @property
    def unresolved(self) -> int:
        """Orders of which nobody knows how they stand."""
        return len(self._resolving)

    async def send(self, command: Command) -> VenueReport:
        """Carry out a command and say what is known of it then.

        Raises
        ------
        CredentialsError
            For a key that the venue does not take any more, or that may not do this; the refusal is told to the sink.
        """
        while (resolving := self._resolving.get(command.client_id)) is not None:
            await asyncio.shield(resolving)
        if command.kind != "submit" and command.client_id in self._over:
            # It waited behind that; to ask once more would take as long as a request may be on its way.
            return self._report(command, _REFUSED[command.kind], "unknown_order", "the order is not there any more")
        sent_ns = self._clock.now_ns()
        try:
            if command.kind == "cancel":
                return await self._cancel(command)
            return await self._interface.carry_out(command)
        except Refusal as refusal:
            return self._report(command, _REFUSED[command.kind], refusal.reason, refusal.detail)
        except VenueError as error:
            return self._report(command, _REFUSED[command.kind], "venue", str(error))
        except CredentialsError as error:
            self._tell(self._report(command, _REFUSED[command.kind], "venue", str(error)))
            raise
        except NoAnswerError as error:
            look_up = self._resolve(command, sent_ns)
            self._resolving[command.client_id] = self._tasks.start(look_up, f"look up {command.client_id}")
            return self._report(command, "unknown", None, str(error))

    async def _cancel(self, command: Command) -> VenueReport:
        backoff = Backoff(self._random, first_s=0.2, most_s=5.0)
        for _ in range(_CANCEL_ATTEMPTS - 1):
            try:
                return await self._interface.carry_out(command)
            except VenueError as error:
                if not is_transient(error):
                    raise
            await self._clock.sleep(backoff.next_s())
        return await self._interface.carry_out(command)

    async def _resolve(self, command: Command, sent_ns: int) -> None:
        try:
            reports = await self._found(command, sent_ns)
        finally:
            del self._resolving[command.client_id]  # whoever is told may send at once what comes next of it
        for report in reports:
            self._tell(report)

    async def _found(self, command: Command, sent_ns: int) -> Sequence[VenueReport]:
        """Return how an order stands, once that is the outcome of a command; nothing where nobody can be asked."""
        backoff = Backoff(self._random, first_s=0.25, most_s=10.0)
        while True:
            await self._clock.sleep(backoff.next_s())
            asked_ns = self._clock.now_ns()
            try:
                state = await self._interface.look_up(command.instrument, command.client_id)
            except (VenueError, NoAnswerError):
                continue
            except CredentialsError:
                return ()  # nothing is answered to this key any more, and what comes next is told so
            is_late = asked_ns - sent_ns > self._interface.good_for_s * 1e9
            if self._is_settled(command, state) or is_late:
                break
        if state is None or state.end is not None:
            self._over.append(command.client_id)
        return self._conclusion(command, state)

    @staticmethod
    def _is_settled(command: Command, state: OrderState | None) -> bool:
        """Return whether what the venue shows is the outcome, or could still be from before the command arrived."""
        if state is None:
            return False
        return command.kind == "submit" or state.end is not None or _is_replaced(command, state)

    def _conclusion(self, command: Command, state: OrderState | None) -> Sequence[VenueReport]:
        refused = _REFUSED[command.kind]
        if state is None:
            reason = "venue" if command.kind == "submit" else "unknown_order"
            return [self._report(command, refused, reason, "it never reached the venue")]
        told = reports_of(state, self._report(command, "accepted", None, ""))
        if state.end is None and command.kind != "submit":
            if _is_replaced(command, state):
                told.append(replaced(told[0], command))
            else:
                told.append(replace(told[0], kind=refused, reason="venue", detail="it never reached the venue"))
        return told

    def _report(self, command: Command, kind: ReportKind, reason: str | None, detail: str) -> VenueReport:
        return VenueReport(
            venue=self._venue,
            ts_recv=self._clock.now_ns(),
            instrument=command.instrument,
            kind=kind,
            order=command.client_id,
            venue_id=command.venue_id,
            reason=reason,
            detail=detail,
        )


def _is_replaced(command: Command, state: OrderState) -> bool:
    return command.kind == "replace" and state.terms.are_of(command)
