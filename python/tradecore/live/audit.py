"""What a session knows held against what its venue says: at the start, after silence, every while, and at the end.

A venue's word on orders can be lost: on a connection that dies, or while no process listens. What a session missed is
found by asking, in an order that nothing on its way can upset: executions count by their ids, an order that the venue
shows no longer is looked up by its client id, and what remains as a difference has to stand through several rounds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Literal

from tradecore.errors import CredentialsError, NoAnswerError, VenueError
from tradecore.live.line import Line
from tradecore.live.session import Session
from tradecore.reconcile import KnownOrder, ReconcileAction, VenueAccount, VenueExecution, VenueOrder
from tradecore.venues.clock import Clock, within
from tradecore.venues.events import ReportKind, VenueReport

__all__ = ["Auditor"]

_LOG = logging.getLogger("tradecore.live")

_AUDIT_S = 30.0
"""An account is looked at so often, seconds."""
_LAST_S = 10.0
"""How long the last look at it may take."""

_LOOK_BACK_NS = 60_000_000_000
"""Executions are asked for from so long before the newest thing that is known."""
_ROUNDS = 4
_ROUND_S = 1.0


class Auditor:
    """Compares what a session knows with what its venues say.

    Parameters
    ----------
    session : Session
    clock : Clock
    take : callable
        Takes reports as the session takes them from connectors.
    now : callable
        Returns the session's time, ns UTC.
    tell : callable
        Is told what is done about each difference.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        take: Callable[[VenueReport], None],
        now: Callable[[], int],
        tell: Callable[[Line, ReconcileAction], None],
    ) -> None:
        self._session = session
        self._clock = clock
        self._take = take
        self._now = now
        self._tell = tell
        self._known_until: dict[str, int] = {}
        """Up to when a venue's executions are known, ns UTC."""

    async def begin(self, line: Line, known_until_ns: int) -> None:
        """Bring a session in line with a venue before it sends anything.

        What may have left and was not answered, new orders, replacements and cancels, is looked up by its client id
        first, until no request of it can still be on its way.

        Parameters
        ----------
        line : Line
        known_until_ns : int
            Of executions before that, but for those shortly before, everything is known.

        Raises
        ------
        VenueError, NoAnswerError
            When the venue cannot be asked.
        """
        self._known_until[line.venue] = known_until_ns
        unanswered = await self._settle(line)
        for attempt in range(_ROUNDS):
            asked_ns = self._clock.now_ns()
            account = await self._account(line)
            actions = self._session.differences(account, line.instruments)
            # Something may have happened while the account was read.
            if attempt == _ROUNDS - 1 or all(action.kind != "halt" for action in actions):
                break
            await self._clock.sleep(_ROUND_S)
        self._carry_out(line, account, actions)
        self._refuse(line, unanswered)
        self._known_until[line.venue] = asked_ns

    async def _settle(self, line: Line) -> list[KnownOrder]:
        """Look up orders with a request that was not answered; return them as they were."""
        unanswered = self._unanswered(line)
        numbers, began_ns = {order.order_id for order in unanswered}, self._clock.now_ns()
        while left := [order for order in self._unanswered(line) if order.order_id in numbers]:
            lost = await self._look_up(line, left)
            left_s = line.connector.good_for_s - (self._clock.now_ns() - began_ns) / 1e9
            if left_s <= 0:
                for order in lost:
                    if order.venue_id is None:
                        self._report(line, order, "rejected")
                break
            if self._unanswered(line):
                await self._clock.sleep(min(_ROUND_S, left_s))
        return unanswered

    def _refuse(self, line: Line, unanswered: Sequence[KnownOrder]) -> None:
        """Answer requests that have not come to anything, and cannot any more."""
        now = {order.order_id: order for order in self._session.known(line.instruments).orders}
        for order in unanswered:
            stands = now.get(order.order_id)
            if stands is None or not stands.is_open:
                continue
            for _ in range(min(order.replaces_pending, stands.replaces_pending)):
                self._report(line, stands, "replace_rejected")
            if order.cancel_pending and stands.cancel_pending:
                self._report(line, stands, "cancel_rejected")

    def begin_on_paper(self, line: Line) -> None:
        """Bring a session in line with an exchange that begins anew: orders are gone, what was traded stays."""
        known = self._session.known(line.instruments)
        account = VenueAccount(positions=known.positions, balances=known.balances)
        self._carry_out(line, account, self._session.differences(account, line.instruments))

    async def watch(self, line: Line) -> None:
        """Find what was missed of a venue's word, every while and when it was out of hearing, until cancelled."""
        while True:
            line.is_doubted.clear()
            with suppress(TimeoutError):
                await within(self._clock, _AUDIT_S, line.is_doubted.wait())
            try:
                await self._look(line)
            except (VenueError, NoAnswerError) as error:
                _LOG.warning("the account at %s cannot be looked at: %s", line.venue, error)

    async def end(self, line: Line) -> str | None:
        """Find what was missed of a venue's word shortly before the end, once nothing more is sent and nobody watches.

        Returns
        -------
        str or None
            Why that could not be done, or not in time; None if it was.
        """
        try:
            await within(self._clock, _LAST_S, self._look_until_quiet(line))
        except TimeoutError:
            return f"not done within {_LAST_S:g} s"
        except (VenueError, NoAnswerError, CredentialsError) as error:
            return str(error)
        return None

    async def _look_until_quiet(self, line: Line) -> None:
        while not await self._look(line):
            await self._clock.sleep(_ROUND_S)

    async def _look(self, line: Line) -> bool:
        """Take what is certain, and where nothing is on its way also what is left; return whether it was so."""
        for attempt in range(_ROUNDS):
            asked_ns = self._clock.now_ns()
            before = {order.order_id: order for order in self._session.known(line.instruments).orders}
            account = await self._account(line)
            await self._catch_up(line, account, before)
            self._known_until[line.venue] = asked_ns
            moves = self._session.moves
            account = await self._account(line)
            if self._session.moves != moves or self._session.desk.is_busy or line.connector.health.unresolved:
                return False  # it trades: the rest is for a quieter time
            actions = self._session.differences(account, line.instruments)
            if not actions or attempt == _ROUNDS - 1 or all(action.kind == "set_balance" for action in actions):
                self._carry_out(line, account, actions)
                break
            await self._clock.sleep(_ROUND_S)
        return True

    async def _account(self, line: Line) -> VenueAccount:
        since_ns = max(self._known_until[line.venue] - _LOOK_BACK_NS, 0)
        account = await line.connector.account(line.instruments, since_ns)
        known = self._session.known(line.instruments).orders
        # A venue may have put another order in the place of one of ours, and gives back its client id.
        by_client_id = {self._session.kernel.client_id(order.order_id): order.order_id for order in known}
        by_venue_id = {order.venue_id: order.order_id for order in known}

        def number(told: VenueOrder | VenueExecution) -> int | None:
            return by_client_id.get(told.client_id, by_venue_id.get(told.venue_id))

        orders = [
            replace(told, order_id=number(told)) for told in account.orders if told.instrument in line.instruments
        ]
        executions = [replace(told, order_id=number(told)) for told in account.executions]
        # What is of orders that ended too long ago to be known any more was booked then.
        before_ns = self._session.kernel.forgotten_before_ns
        remembered = [told for told in executions if told.order_id is not None or told.ts_event >= before_ns]
        return replace(account, orders=orders, executions=remembered)

    def _unanswered(self, line: Line) -> list[KnownOrder]:
        known = self._session.known(line.instruments).orders
        return [
            order
            for order in known
            if order.is_open and (order.venue_id is None or order.cancel_pending or order.replaces_pending)
        ]

    async def _look_up(self, line: Line, orders: Sequence[KnownOrder]) -> list[KnownOrder]:
        """Have the venue tell how orders stand; return those that it does not have."""
        missing = []
        for order in orders:
            client_id = self._session.kernel.client_id(order.order_id)
            reports = [] if client_id is None else await line.connector.query(order.instrument, client_id)
            for report in reports:
                self._take(report)
            if not reports:
                missing.append(order)
        return missing

    async def _catch_up(self, line: Line, account: VenueAccount, before: dict[int, KnownOrder]) -> None:
        """Take what is certain whatever is on its way: executions, ends, and orders that should not be there."""
        known = self._session.known(line.instruments)
        booked = set(known.executions)
        for told in account.executions:
            if told.order_id is not None and (told.instrument, told.execution_id) not in booked:
                self._tell(line, _missed(told))
                self._session.replay(self._now(), told.order_id, told)
        there = {order.order_id: order for order in account.orders}
        gone = []
        for order in known.orders:
            is_unmoved = before.get(order.order_id) == order
            if not is_unmoved or order.venue_id is None:
                continue
            theirs = there.get(order.order_id)
            if order.is_open and theirs is None:
                gone.append(order)
            elif theirs is not None and not order.is_open:
                self._tell(line, _about(order, "cancel"))
                self._session.desk.cancel_in(order.instrument)
            elif theirs is not None and (theirs.price, theirs.qty) != (order.price, order.qty):
                price, qty = None if theirs.price is None else Decimal(theirs.price), Decimal(theirs.qty)
                self._tell(line, _about(order, "amend", price, qty))
                self._report(line, order, "replaced", price, qty)
        for order in await self._look_up(line, gone):
            self._tell(line, _about(order, "end"))
            self._report(line, order, "cancelled")

    def _report(
        self, line: Line, order: KnownOrder, kind: ReportKind, price: Decimal | None = None, qty: Decimal | None = None
    ) -> None:
        client_id = self._session.kernel.client_id(order.order_id)
        self._take(
            VenueReport(
                venue=line.venue,
                ts_recv=self._clock.now_ns(),
                instrument=order.instrument,
                kind=kind,
                order=client_id,
                venue_id=order.venue_id,
                price=price,
                qty=qty,
                reason="venue" if kind.endswith("rejected") else None,
                detail="found by asking",
            )
        )

    def _carry_out(self, line: Line, account: VenueAccount, actions: Sequence[ReconcileAction]) -> None:
        for action in actions:
            self._tell(line, action)
        self._session.carry_out(self._now(), account, actions)


def _missed(told: VenueExecution) -> ReconcileAction:
    """Return that an execution is booked now."""
    return ReconcileAction(
        kind="replay",
        instrument=told.instrument,
        order_id=told.order_id,
        venue_id=told.venue_id,
        execution_id=told.execution_id,
        price=Decimal(told.price),
        qty=Decimal(told.qty),
        ts_event=told.ts_event,
    )


def _about(
    order: KnownOrder,
    kind: Literal["cancel", "amend", "end"],
    price: Decimal | None = None,
    qty: Decimal | None = None,
) -> ReconcileAction:
    """Return what is done about an order."""
    return ReconcileAction(
        kind=kind,
        instrument=order.instrument,
        order_id=order.order_id,
        venue_id=order.venue_id,
        price=price,
        qty=qty,
    )
