"""A session: a kernel, the journal of all it is told, and whoever carries out its commands, one input at a time.

No sockets, no event loop and no clock of its own: the time of everything is given, so that a session runs the same on
a virtual clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tradecore._core import Command, FeedDecoder, FrameDoor, Instrument, Kernel, journal_begins
from tradecore.errors import JournalError, TradecoreError
from tradecore.live.desk import Desk, earlier
from tradecore.live.journal import JournalWriter
from tradecore.live.line import Line
from tradecore.reconcile import AccountState, KnownOrder, ReconcileAction, VenueAccount, VenueExecution, reconcile
from tradecore.types import BookState
from tradecore.venues.events import Balance, ClockMeasured, Event, FeedState, Frame, VenueReport

if TYPE_CHECKING:
    from tradecore.ml.inference import Inference

__all__ = ["Session"]

_MANY_INPUTS = 50_000
"""Inputs of a replay after which rows that they led to are moved away."""


class Session:
    """A kernel that is driven by time.

    Parameters
    ----------
    kernel : Kernel
        One that keeps its journal where there is one, set up and not started.
    instruments : sequence of Instrument
        In the order of the kernel's markets.
    desk : Desk
        Carries out its commands.
    journal : JournalWriter, optional
    inference : Inference, optional
        Asks the predictors of its strategies; what they ask is not answered without one.

    Raises
    ------
    JournalError
        By everything that may lead to commands, when they cannot be written down: none of them is sent. From then on
        it writes to the room that the journal keeps for the end.
    """

    def __init__(
        self,
        kernel: Kernel,
        instruments: Sequence[Instrument],
        desk: Desk,
        journal: JournalWriter | None = None,
        inference: Inference | None = None,
    ) -> None:
        self.kernel = kernel
        self.instruments = instruments
        self.desk = desk
        self.journal = journal
        self._inference = inference
        self.now_ns = 0
        """When it was given the last of what it took, ns UTC, also where a hook raised at that."""
        self.began_ns: int | None = None
        """Time of the first input in its journal, ns UTC; None without any."""
        self.moves = 0
        """How often something happened to the account, or was asked for."""
        self.digest: str | None = None
        """That of a session which has ended in order, and not gone on."""
        self._waiting: list[Command] | None = None
        """What waits to be sent until the account is known; None while nothing has to wait."""
        self._has_started = False
        self._is_ending = False
        self._markets = {instrument.id: index for index, instrument in enumerate(instruments)}
        self._currencies = {instrument.settlement for instrument in instruments}

    def recover(self, entries: Iterable[bytes], taken: Callable[[], None]) -> int | None:
        """Take up where a journal ends, instead of :meth:`start`.

        What follows from the last input and was not written any more is written now; no command is sent: those that
        may or may not have left are for reconciliation. What predictors were asked and did not answer is not asked
        again.

        Parameters
        ----------
        entries : iterable of bytes
            Those that the kernel has not taken yet, in pieces of whole records.
        taken : callable
            Is called after many inputs, and when all have been taken: to move away what they led to.

        Returns
        -------
        int or None
            Time of the first input after which its strategies decided otherwise than the journal says, ns UTC.

        Raises
        ------
        JournalError
            For a damaged journal.
        DataError, InvalidValueError
            For one of other strategies or instruments.
        """
        rest, diverged = b"", None
        moved = self.kernel.inputs
        for piece in entries:
            if self.began_ns is None:
                self.began_ns = journal_begins(piece)
            otherwise, rest = self.kernel.replay(piece)
            diverged = otherwise if diverged is None else diverged
            self.kernel.take_journal()
            self.kernel.drain()
            self.kernel.questions()
            if self.kernel.inputs - moved >= _MANY_INPUTS:
                taken()
                moved = self.kernel.inputs
        # Cut off before its strategies started a session has no inputs: it has to start.
        self._has_started = self.began_ns is not None
        if self._has_started:
            taken()
        self.now_ns = self.kernel.now_ns
        if self.journal is not None:
            self.journal.entries(rest)
            self.journal.flush()
        return diverged

    @property
    def has_to_start(self) -> bool:
        """Whether its strategies have to be started: it is new, or goes on after an end in order."""
        return not self._has_started or self.kernel.is_stopped

    def start(self, at_ns: int) -> None:
        """Start the strategies. What was taken before is written with that: a journal has all of it or nothing."""
        self._has_started = True  # also where the only strategy fails by it, which is written down then
        self.kernel.start(at_ns)
        self.settle(at_ns)

    def stop(self, at_ns: int) -> None:
        """Stop them: their last hook runs, what they send in it is carried out."""
        self.now_ns = at_ns
        self.kernel.stop(at_ns)
        self.settle(at_ns)

    def start_strategy(self, at_ns: int, name: str) -> None:
        """Let a strategy go on that a person held back, and start one that has failed once more."""
        self.kernel.rearm(at_ns, name)
        self.kernel.release(at_ns, name)

    def cancel_all(self, at_ns: int) -> None:
        """Have every order of its account cancelled. What is still due happens no earlier than that."""
        self.now_ns = at_ns
        self.desk.cancel_all(at_ns)
        # No venue has what is kept here until a price sets it off.
        kept = [order.order_id for _, order in self.kernel.orders() if "trigger" in order.emulated]
        if [order for order in kept if self.kernel.cancel(at_ns, order)]:
            self.settle(at_ns)

    def end(self, digest: str) -> None:
        """Say that it has ended in order: whoever asks for it by its name may still go on with it."""
        self.digest = digest
        if self.journal is not None:
            self.write_down()
            self.journal.end({"digest": digest})

    def close(self) -> None:
        """Close the journal."""
        journal, self.journal = self.journal, None
        if journal is not None:
            journal.close()

    def frame(self, frame: Frame) -> None:
        """Write down bytes of a venue."""
        if self.journal is not None:
            self.journal.frame(frame.ts_recv, frame.venue, frame.data)

    def clock(self, measured: ClockMeasured) -> None:
        """Write down how far a venue's clock is ahead."""
        if self.journal is not None:
            self.journal.clock(measured.ts_recv, measured.venue, measured.offset_ns)

    def open_door(self, line: Line, now_ns: Callable[[], int]) -> None:
        """Let frames of a venue go to the kernel directly, where nobody but strategies has to see what they hold."""
        if self._inference is None and not self.desk.sees_market:
            line.open_door(self.kernel, self._markets, now_ns, writes_down=self.journal is not None)

    def through(self, line: Line, door: FrameDoor, events: list[Event], start: int) -> None:
        """Take frames of a line from a place on, as far as the door does."""
        has_outgoing = False
        try:
            has_outgoing = door.take(events, start, self.now_ns)
        finally:
            line.gone_through(door.taken - start, door.times())
            self.now_ns = max(self.now_ns, door.now_ns)
            if self.journal is not None and (records := door.records()):
                self.journal.records(records)
        if has_outgoing:
            self._let_go(self.now_ns)

    def message(self, at_ns: int, instrument: str, source: FeedDecoder | Mapping[str, Any]) -> None:
        """Deliver whole messages, to whom they move first: those a decoder has ready, or event columns.

        What leads to no command is written down with what comes next, or by :meth:`write_down`.
        """
        self.now_ns = at_ns
        market = self._markets[instrument]
        if (due := self.desk.message(at_ns, market, source)) is not None and due <= at_ns:
            self._hear(at_ns)
        if isinstance(source, FeedDecoder):
            self.kernel.decoded(at_ns, market, source)
        else:
            self.kernel.message(at_ns, market, source)
        self._let_go(at_ns)

    def feed(self, at_ns: int, state: FeedState) -> None:
        """Tell where a feed stands."""
        self.now_ns = at_ns
        self.kernel.feed(at_ns, self._markets[state.instrument], state.state, state.reason)
        self.settle(at_ns)

    def report(self, at_ns: int, report: VenueReport) -> None:
        """Deliver a venue's word on an order."""
        self.now_ns = at_ns
        self.moves += 1
        report.deliver(self.kernel, at_ns, self._markets[report.instrument])
        self.settle(at_ns)

    def balance(self, at_ns: int, balance: Balance) -> None:
        """Tell what the account holds, where an instrument is settled in it."""
        if balance.currency in self._currencies:
            self.moves += 1
            self.kernel.balance(at_ns, balance.currency, balance.total)
            self.settle(at_ns)

    def advance(self, until_ns: int) -> None:
        """Let everything happen that is due by a time, in its order."""
        while (due := self.next_due()) is not None and due <= until_ns:
            theirs, asked = self.desk.next_due(), self._answers_due()
            due = self.now_ns = max(due, self.now_ns)
            if theirs is not None and theirs <= due:
                self._hear(due)
            elif asked is not None and asked <= due:
                self.answer(due)
            else:
                self.kernel.due(due)
                self.settle(due)

    def next_due(self) -> int | None:
        """Return when :meth:`advance` has something to do, ns UTC."""
        due = earlier(self.desk.next_due(), self.kernel.next_due())
        return due if self._inference is None else earlier(due, self._inference.next_due_ns())

    def answer(self, at_ns: int) -> None:
        """Deliver what predictors have said by now, and that the others have not in time."""
        if self._inference is not None and self._inference.deliver(self.kernel, at_ns):
            self.settle(at_ns)

    def _answers_due(self) -> int | None:
        return None if self._inference is None else self._inference.next_due_ns()

    def settle(self, at_ns: int) -> None:
        """Write down what the kernel took and decided, then let its commands go."""
        self._let_go(at_ns)
        self.write_down()

    def write_down(self) -> None:
        """Have all that the kernel took so far in the journal."""
        if self.journal is not None:
            self._write(self.journal, is_urgent=False)

    def _let_go(self, at_ns: int) -> None:
        """Let commands go, after all that led to them is in the journal's file."""
        self.now_ns = at_ns
        if self._inference is not None:
            self._inference.take(self.kernel)
        commands, refusals = self.kernel.drain(), self.kernel.refusals()
        if commands:
            self.moves += len(commands)
            if self.journal is not None:
                self._write(self.journal, is_urgent=True)
            if self._waiting is not None:
                self._waiting += commands
                commands = []
        if commands or refusals:
            self.desk.send(at_ns, commands, refusals)

    def flush(self) -> None:
        """Have all that was written down so far in the journal's file."""
        if self.journal is not None and not self._is_ending:
            self._write(self.journal, is_urgent=True)

    def hold(self) -> None:
        """Let no command leave until :meth:`release`."""
        self._waiting = []

    def release(self, at_ns: int) -> None:
        """Let go what was decided meanwhile, and all that is decided from now on."""
        waiting, self._waiting = self._waiting or [], None
        self.desk.send(at_ns, waiting, ())

    def known(self, instruments: Sequence[str]) -> AccountState:
        """Return what is known of the account in some instruments."""
        state = self.kernel.account_state()
        return AccountState(
            orders=[KnownOrder(**order) for order in state["orders"] if order["instrument"] in instruments],
            executions=[pair for pair in state["executions"] if pair[0] in instruments],
            positions={name: qty for name, qty in state["positions"].items() if name in instruments},
            balances=state["balances"],
        )

    def differences(self, venue: VenueAccount, instruments: Sequence[str]) -> Sequence[ReconcileAction]:
        """Return what it takes to bring what is known of some instruments in line with what their venue says."""
        specs = [self.instruments[self._markets[name]] for name in instruments]
        # An account may hold what nothing here is settled in.
        balances = {name: total for name, total in venue.balances.items() if name in self._currencies}
        return reconcile(self.known(instruments), replace(venue, balances=balances), specs)

    def carry_out(self, at_ns: int, venue: VenueAccount, actions: Sequence[ReconcileAction]) -> None:
        """Do that. An instrument that a difference halts trades no more in this session."""
        executions = {(told.instrument, told.execution_id): told for told in venue.executions}
        for action in actions:
            if action.kind == "replay" and action.order_id is not None:
                self.replay(at_ns, action.order_id, executions[str(action.instrument), str(action.execution_id)])
            else:
                self._carry_out(at_ns, action)
                self.settle(at_ns)

    def replay(self, at_ns: int, order: int, told: VenueExecution) -> None:
        """Book a fill that was missed. What the venue does not tell of its fee is counted as nothing."""
        self.kernel.report(
            at_ns,
            self._markets[told.instrument],
            "fill",
            order,
            venue_id=told.venue_id,
            execution=told.execution_id,
            ts_event=told.ts_event,
            price=told.price,
            qty=told.qty,
            liquidity=told.liquidity or "taker",
            fee=told.fee or 0,
        )
        self.settle(at_ns)

    def _carry_out(self, at_ns: int, action: ReconcileAction) -> None:
        kernel = self.kernel
        if action.kind == "set_balance":
            kernel.balance(at_ns, str(action.currency), action.total or 0)
            return
        instrument = str(action.instrument)
        market = self._markets[instrument]
        match action.kind:
            case "acknowledge":
                kernel.report(at_ns, market, "accepted", action.order_id, venue_id=action.venue_id)
            case "amend":
                kernel.report(at_ns, market, "replaced", action.order_id, price=action.price, qty=action.qty)
            case "end":
                kernel.report(at_ns, market, "cancelled", action.order_id)
            case "cancel":
                self.desk.cancel_in(instrument)
            case "halt":
                kernel.feed(at_ns, market, BookState.STALE, f"halted: {action.difference}")
                kernel.listing(at_ns, market, False)

    def _hear(self, at_ns: int) -> None:
        """Let the desk go on, and take all that comes of it, also where a hook raises at some of it."""
        failure: TradecoreError | None = None
        for notice in self.desk.advance(at_ns):
            try:
                self.kernel.notice(notice)
                self.settle(at_ns)
            except TradecoreError as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def _write(self, journal: JournalWriter, *, is_urgent: bool) -> None:
        if not self._has_started:
            return
        try:
            entries = self.kernel.take_journal()
            if self.began_ns is None:
                self.began_ns = journal_begins(entries)
            journal.entries(entries)
            if self._is_ending:
                journal.flush_reserved()
            elif is_urgent:
                journal.flush()
        except JournalError:
            self._is_ending = True
            raise
