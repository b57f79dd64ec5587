"""A session: a kernel, the journal of all it is told, and whoever carries out its commands, one input at a time.

No sockets, no event loop and no clock of its own: the time of everything is given, so that a session runs the same on
a virtual clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tradecore._core import Instrument, Kernel
from tradecore.errors import JournalError
from tradecore.live.desk import Desk
from tradecore.live.journal import JournalReader, JournalWriter, RecordKind
from tradecore.reconcile import AccountState, KnownOrder, ReconcileAction, VenueAccount, VenueExecution, reconcile
from tradecore.types import BookState
from tradecore.venues.events import Balance, FeedState, Frame, VenueReport

__all__ = ["Session"]


class Session:
    """A kernel that is driven by time.

    Parameters
    ----------
    kernel : Kernel
        One that keeps its journal, set up and not started.
    instruments : sequence of Instrument
        In the order of the kernel's markets.
    journal : JournalWriter, optional

    Raises
    ------
    JournalFullError
        By everything that may lead to commands, when they cannot be written down: none of them is sent.
    """

    def __init__(self, kernel: Kernel, instruments: Sequence[Instrument], journal: JournalWriter | None = None) -> None:
        self.kernel = kernel
        self.instruments = instruments
        self.journal = journal
        self.now_ns = 0
        self.is_ending = False
        """Whether the journal has no room but the one that is kept for the end."""
        self._markets = {instrument.id: index for index, instrument in enumerate(instruments)}
        self._desk: Desk | None = None

    @property
    def desk(self) -> Desk:
        """Who carries out commands."""
        if self._desk is None:
            raise RuntimeError("no desk")
        return self._desk

    def opened_by(self, desk: Desk) -> None:
        """Give it a desk, once."""
        self._desk = desk

    def recover(self, reader: JournalReader) -> int:
        """Take up where a journal ends, instead of :meth:`start`; return how many entries it has.

        What follows from its last input and was not written any more is written now; no command is sent: those that
        may or may not have left are for reconciliation.

        Raises
        ------
        JournalError
            For a damaged journal.
        DataError, InvalidValueError
            For one of other strategies or instruments.
        """
        pieces = [record.data for record in reader if record.kind is RecordKind.ENTRIES]
        _, rest = self.kernel.replay(b"".join(pieces))
        self.kernel.take_journal()
        self.kernel.drain()
        self.now_ns = self.kernel.now_ns
        if self.journal is not None:
            self.journal.entries(rest)
            self.journal.flush()
        return len(pieces)

    def start(self, at_ns: int) -> None:
        """Start the strategies."""
        self._at(at_ns)
        self.kernel.start(at_ns)
        self.settle(at_ns)

    def stop(self, at_ns: int) -> None:
        """Stop them: their last hook runs, what they send in it is carried out."""
        self._at(at_ns)
        self.kernel.stop(at_ns)
        self.settle(at_ns)

    def frame(self, frame: Frame) -> None:
        """Write down bytes of a venue."""
        if self.journal is not None:
            self.journal.frame(frame.ts_recv, frame.venue, frame.data)

    def message(self, at_ns: int, instrument: str, columns: Mapping[str, Any]) -> None:
        """Deliver event columns of whole messages, to whom they move first."""
        self._at(at_ns)
        market = self._markets[instrument]
        self.desk.message(at_ns, market, columns)
        if (due := self.desk.next_due()) is not None and due <= at_ns:
            self.desk.advance(at_ns, self.kernel)
        self.kernel.message(at_ns, market, columns)
        self.settle(at_ns)

    def feed(self, at_ns: int, state: FeedState) -> None:
        """Tell where a feed stands."""
        self._at(at_ns)
        self.kernel.feed(at_ns, self._markets[state.instrument], state.state, state.reason)
        self.settle(at_ns)

    def report(self, at_ns: int, report: VenueReport) -> None:
        """Deliver a venue's word on an order."""
        self._at(at_ns)
        report.deliver(self.kernel, at_ns, self._markets[report.instrument])
        self.settle(at_ns)

    def balance(self, at_ns: int, balance: Balance) -> None:
        """Tell what the account holds, where an instrument is settled in it."""
        if balance.currency in {instrument.settlement for instrument in self.instruments}:
            self._at(at_ns)
            self.kernel.balance(at_ns, balance.currency, balance.total)
            self.settle(at_ns)

    def advance(self, until_ns: int) -> None:
        """Let everything happen that is due by a time, in its order."""
        while True:
            theirs, own = self.desk.next_due(), self.kernel.next_due()
            due = min((at for at in (theirs, own) if at is not None), default=None)
            if due is None or due > until_ns:
                return
            due = max(due, self.now_ns)
            self._at(due)
            if theirs is not None and theirs <= due:
                self.desk.advance(due, self.kernel)
            else:
                self.kernel.due(due)
                self.settle(due)

    def next_due(self) -> int | None:
        """Return when :meth:`advance` has something to do, ns UTC."""
        return min((at for at in (self.desk.next_due(), self.kernel.next_due()) if at is not None), default=None)

    def settle(self, at_ns: int) -> None:
        """Write down what the kernel took and decided, then let its commands go."""
        is_urgent = self.desk.collect(at_ns, self.kernel)
        if self.journal is not None:
            try:
                self.journal.entries(self.kernel.take_journal())
                if self.is_ending:
                    self.journal.flush_reserved()
                elif is_urgent:
                    self.journal.flush()
            except JournalError:
                self.desk.forget()
                self.is_ending = True
                raise
        self.desk.send()

    def known(self, instruments: Iterable[str] | None = None) -> AccountState:
        """Return what is known of the account, of some instruments or all."""
        state = self.kernel.account_state()
        wanted = set(self._markets if instruments is None else instruments)
        return AccountState(
            orders=[KnownOrder(**order) for order in state["orders"] if order["instrument"] in wanted],
            executions=[pair for pair in state["executions"] if pair[0] in wanted],
            positions={name: qty for name, qty in state["positions"].items() if name in wanted},
            balances=state["balances"],
        )

    def reconcile(
        self, at_ns: int, venue: VenueAccount, instruments: Sequence[str], cancel: Callable[[str], None]
    ) -> Sequence[ReconcileAction]:
        """Bring what is known of some instruments in line with what their venue says; return what that took.

        An instrument that a difference halts trades no more in this session. ``cancel`` is called with each instrument
        in which the venue has an order that has ended here.
        """
        self._at(at_ns)
        specs = [self.instruments[self._markets[name]] for name in instruments]
        # Spot venues keep balances, no positions: what they do not name there is not flat.
        untold = {spec.id for spec in specs if spec.kind == "spot"} - venue.positions.keys()
        actions = [
            action
            for action in reconcile(self.known(instruments), venue, specs)
            if action.difference != "position" or action.instrument not in untold
        ]
        executions = {(told.instrument, told.execution_id): told for told in venue.executions}
        for action in actions:
            if action.kind == "replay":
                self._replay(at_ns, action, executions[str(action.instrument), str(action.execution_id)])
            else:
                self._carry_out(at_ns, action, cancel)
            self.settle(at_ns)
        return actions

    def _replay(self, at_ns: int, action: ReconcileAction, told: VenueExecution) -> None:
        """Book a fill that was missed. What the venue does not tell of its fee is counted as nothing."""
        self.kernel.report(
            at_ns,
            self._markets[told.instrument],
            "fill",
            action.order_id,
            venue_id=told.venue_id,
            execution=told.execution_id,
            ts_event=told.ts_event,
            price=action.price,
            qty=action.qty,
            liquidity=told.liquidity or "taker",
            fee=told.fee or 0,
        )

    def _carry_out(self, at_ns: int, action: ReconcileAction, cancel: Callable[[str], None]) -> None:
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
                cancel(instrument)
            case "halt":
                kernel.feed(at_ns, market, BookState.STALE, f"halted: {action.difference}")
                kernel.listing(at_ns, market, False)

    def _at(self, at_ns: int) -> None:
        self.now_ns = at_ns
