"""A session beside the world: venues' events in, commands out, until somebody stops it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from tradecore._core import Instrument, taken_at
from tradecore.bus import EventBus
from tradecore.errors import CredentialsError, InvalidValueError, JournalError, StrategyError, TradecoreError
from tradecore.instruments import venue_of
from tradecore.live.accounts import Accounts
from tradecore.live.checkpoints import Checkpoints
from tradecore.live.dead_man import Switches
from tradecore.live.desk import Desk, PaperDesk, VenueDesk
from tradecore.live.driver import Driver
from tradecore.live.events import LagChanged, LoopBlocked
from tradecore.live.following import Following
from tradecore.live.intake import Intake
from tradecore.live.journal import Durability, JournalWriter, session_to_resume
from tradecore.live.line import Line
from tradecore.live.loop import busy_polling
from tradecore.live.recovery import check_asked, recorded_features, setup_digest, take_up
from tradecore.live.session import Session
from tradecore.live.state import LiveState, Mode, SessionResult, strategy_states
from tradecore.live.tables import SessionTables
from tradecore.live.watchdog import Blocked, Watchdog
from tradecore.risk import RiskLimits, needing_synced_books
from tradecore.session.kernel import build_kernel
from tradecore.strategy import Strategy
from tradecore.venue import SimVenue, real_venue
from tradecore.venues import Connector, VenueQueue
from tradecore.venues.clock import Clock, SystemClock
from tradecore.venues.tasks import Tasks

if TYPE_CHECKING:
    from tradecore.ml.inference import Inference

__all__ = ["Live"]

T = TypeVar("T")

_LOG = logging.getLogger("tradecore.live")
_WRITE_S = 1.0
"""What leads to no command is in the journal's file after so long."""
_PATIENCE_S = 5.0
"""How long the end of a session waits for cancels to be confirmed."""
_LOOK_S = 0.02
"""It looks so often."""


class Live:
    """Strategies on live data: on paper against a simulated exchange, or live against the venues.

    ``async with`` it to connect; then :meth:`run` until :meth:`stop`. The strategies start once every book is synced
    and, live, the account is reconciled. A session that left a journal goes on where it ended, one that ended in order
    if it is asked for by its name: its newest state is loaded and the inputs after it replayed, then the account is
    reconciled, and only then anything is sent.

    Parameters
    ----------
    strategies : sequence of Strategy
        The objects that were backtested.
    connectors : sequence of Connector
        One for each venue they trade on.
    paper : sequence of SimVenue, optional
        Settings of the simulated exchange, one for each venue. Not given, orders are real.
    venues : sequence of SimVenue, optional
        What venues of real orders take, as their settings say: what they lack is refused here, or emulated where an
        order asks for it. Of those that are not given their profile says it.
    journal : path, optional
        Folder of journals, each in a folder of its session's name; none is written if not given.
    store : str or path, optional
        A database that orders, fills, positions and money are written to as they come: a URL of SQLAlchemy, or a file
        of SQLite. Needs a journal, from which it can be rebuilt.
    durability : "process" or "power"
        What a command that has left is sure to outlive in the journal: this process, or the machine.
    session : str, optional
        1 to 12 letters and digits, part of every client id; made of the time if not given, for a session of its own
        where no other was killed.
    risk : RiskLimits, optional
    cost_basis : "average", "fifo" or "lifo"
    on_stop : "cancel" or "keep"
        What becomes of open orders in the end.
    sync_timeout : float
        How long books may take to be synced at the start, seconds.
    block_after : float
        How long the event loop may stand still, as in a hook that does not return, before that is told, seconds.
    on_block : "cancel" or "tell"
        What becomes of open orders then: they are cancelled over connections of their own, or stay.
    max_lag : float, optional
        How far what a venue tells may be taken late before its books are stale and nothing that adds leaves, until it
        has caught up, seconds; no limit if not given.
    on_lag : "cancel" or "keep"
        What becomes of open orders at that venue then.
    busy_poll : bool
        Whether the event loop looks for what has arrived all the time, which takes a core, rather than to sleep.
    dead_man : float, optional
        How long a venue that has a switch for that keeps orders without hearing of the session, seconds, at least 3.
    inference_deadline : float
        How long a predictor may take to answer, seconds; what it says later is no signal.
    seed : int
        Of the simulated exchange.
    clock : Clock, optional
        The machine's if not given.
    header : mapping, optional
        JSON values that are kept with the journal, such as the configuration the session was made from.
    events : EventBus, optional
        Is told of all that happens; what a cut session did before is not told again.

    Attributes
    ----------
    events : EventBus
        The one that was given, or one of its own.
    lines : list of Line
        What each connector delivers, once connected.

    Raises
    ------
    InvalidValueError
        For venues without a connector or settings, and a store without a journal.
    CredentialsError
        For real orders without keys.
    RunError
        For a strategy that has run before.

    Examples
    --------
    ::

        connector = tc.venues.make_connector("BINANCE")
        async with tc.Live([Maker("m", ["BTCUSDT.BINANCE"])], [connector], paper=[tc.SimVenue("BINANCE")]) as live:
            asyncio.get_running_loop().call_later(60, live.stop)
            result = await live.run()
    """

    def __init__(
        self,
        strategies: Sequence[Strategy],
        connectors: Sequence[Connector],
        *,
        paper: Sequence[SimVenue] | None = None,
        venues: Sequence[SimVenue] = (),
        journal: str | Path | None = None,
        store: str | Path | None = None,
        durability: Durability = "process",
        session: str | None = None,
        risk: RiskLimits | None = None,
        cost_basis: Literal["average", "fifo", "lifo"] = "average",
        on_stop: Literal["cancel", "keep"] = "cancel",
        sync_timeout: float = 30.0,
        block_after: float = 5.0,
        on_block: Literal["cancel", "tell"] = "cancel",
        max_lag: float | None = None,
        on_lag: Literal["cancel", "keep"] = "cancel",
        busy_poll: bool = False,
        dead_man: float | None = 60.0,
        inference_deadline: float = 0.5,
        seed: int = 0,
        clock: Clock | None = None,
        header: Mapping[str, Any] | None = None,
        events: EventBus | None = None,
    ) -> None:
        if inference_deadline <= 0:
            raise InvalidValueError("inference_deadline", f"{inference_deadline:g} s is not positive")
        self.strategies = list(strategies)
        self._connectors = {connector.name: connector for connector in connectors}
        self._paper = None if paper is None else {venue.name: venue for venue in paper}
        self._venues = {venue.name: venue for venue in venues}
        wanted = list(dict.fromkeys(name for strategy in strategies for name in strategy.instruments))
        if not wanted:
            raise InvalidValueError("strategies", "none of them trades an instrument")
        for venue in dict.fromkeys(map(venue_of, wanted)):
            if venue not in self._connectors:
                raise InvalidValueError("connectors", f"none for {venue}")
            if self._paper is None and not self._connectors[venue].has_keys:
                raise CredentialsError(venue, "real orders need keys, in the environment or a keyring that is named")
            if self._paper is not None and venue not in self._paper:
                raise InvalidValueError("paper", f"no settings for venue {venue}")
        if max_lag is not None and max_lag <= 0:
            raise InvalidValueError("max_lag", f"{max_lag:g} s is not positive")
        if store is not None and journal is None:
            raise InvalidValueError("store", "needs a journal, which it is made of")
        self._wanted = wanted
        self._store = store
        self._journal = None if journal is None else Path(journal)
        self._durability: Durability = durability
        self._clock = clock or SystemClock()
        self._name = session
        self._max_lag = max_lag
        self._on_lag = on_lag
        self._busy_poll = busy_poll
        self._risk = risk if max_lag is None else needing_synced_books(risk)
        self._cost_basis = cost_basis
        self._on_stop = on_stop
        self._sync_timeout = sync_timeout
        self.events = EventBus() if events is None else events
        self._driver = Driver(self._clock, self.events, wanted, self._lagged)
        self._switches = Switches(dead_man, self._clock)
        self._accounts: Accounts | None = None
        self._on_block = on_block
        self._watchdog = Watchdog(
            strategies,
            block_after_s=block_after,
            cancel=self._cancel_apart if self._paper is None and on_block == "cancel" else None,
            over=self._unblocked,
        )
        self._inference_deadline = inference_deadline
        self._inference: Inference | None = None
        self._seed = seed
        self._header = dict(header or {})
        self.lines: list[Line] = []
        self._intakes: list[Intake] = []
        self._tasks = Tasks()
        self._tables: SessionTables | None = None
        self._checkpoints: Checkpoints | None = None
        self._is_resumed = False

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def run(self) -> SessionResult:
        """Trade until :meth:`stop`, then end in order: last hooks, orders by policy, the journal.

        Raises
        ------
        StrategyError
            When a hook raised and no other strategy goes on.
        JournalError
            When the journal cannot be written: orders have been cancelled first.
        RunError
            When books are not synced in time.
        """
        # A clock that is moved says nothing of how long the loop took.
        async with self._watchdog if isinstance(self._clock, SystemClock) else nullcontext():
            with busy_polling() if self._busy_poll else nullcontext():
                return await self._run()

    async def _run(self) -> SessionResult:
        try:
            await self._begin()
        except Exception:
            # Orders of before may be open at the venues.
            self.session.cancel_all(self._driver.now())
            await self.session.desk.close()
            raise
        await self._driver.stopping.wait()
        result = await self._end()
        if self._driver.failure is not None:
            raise self._driver.failure
        return result

    def stop(self) -> None:
        """Have :meth:`run` end; the second time nothing more happens."""
        self._driver.stop()

    def perform(self, act: Callable[[Session, int], T]) -> T:
        """Do what a person asks for: call a function with the session and its time, between two inputs of others.

        What it gives the kernel is written to the journal like any input, and the commands that follow leave. Where
        this raises, no order of it has left, or will.

        Raises
        ------
        RunError
            Before the strategies have started, and when the session ends.
        StrategyError
            When a hook that it called raised, and the session ends by that.
        JournalError
            When what it did cannot be written down, and the session ends by that.
        """
        return self._driver.perform(act)

    def when_busy(self, tell: Callable[[bool], object]) -> None:
        """Have a function told when something is read, and when all that it led to is done.

        It is called in the session's thread, for every frame, and must not raise.
        """
        for intake in self._intakes:
            intake.busy = tell

    @property
    def state(self) -> LiveState:
        """How it stands."""
        session = self.session
        known = session.kernel.account_state()
        return LiveState(
            session=str(self._name),
            mode=self._mode,
            now_ns=session.now_ns,
            books=dict(self._driver.books),
            reasons=self.reasons,
            open_orders=sum(order["is_open"] for order in known["orders"]),
            positions=known["positions"],
            trading=strategy_states(session.kernel),
            failures=session.kernel.failures,
            frames=sum(line.frames for line in self.lines),
            dropped=sum(line.queue.dropped for line in self.lines),
            malformed=sum(line.malformed for line in self.lines),
        )

    @property
    def reasons(self) -> dict[str, str]:
        """Why each book is in its state, or stays in it, by instrument."""
        return dict(self._driver.reasons)

    def earlier(self) -> dict[str, list[dict[str, Any]]]:
        """Return what a session that goes on had done before, oldest first; nothing of a new one.

        Returns
        -------
        dict
            Rows of ``orders``, those that are open with them, ``fills`` and ``payments``, as tables of results have
            them.
        """
        if not self._is_resumed or self._tables is None:
            return {}
        rows = self._tables.earlier()
        orders = sorted(rows["orders"] + rows["known"], key=lambda row: int(row["order_id"]))
        return {"orders": orders, "fills": rows["fills"], "payments": rows["payments"]}

    @property
    def clock(self) -> Clock:
        """The clock it goes by."""
        return self._clock

    @property
    def blocked(self) -> Blocked | None:
        """What holds the event loop; None while it goes on. May be read in any thread."""
        return self._watchdog.blocked

    async def begun(self) -> None:
        """Wait until the strategies have started."""
        await self._driver.started.wait()

    @property
    def has_begun(self) -> bool:
        """Whether its strategies were started, and it is not ending."""
        return self._driver.has_begun

    @property
    def session(self) -> Session:
        """The session it drives.

        Raises
        ------
        RunError
            Before it is connected.
        """
        return self._driver.session

    @property
    def _mode(self) -> Mode:
        return "live" if self._paper is None else "paper"

    @property
    def _names(self) -> list[str]:
        return [strategy.name for strategy in self.strategies]

    async def _open(self) -> None:
        instruments = await self._connect()
        reader = None if self._journal is None else session_to_resume(self._journal, self._name)
        if reader is not None and reader.header.get("mode") != self._mode:
            known = reader.header.get("mode")
            raise JournalError(str(reader.folder), f"is of a session in {known}, this is {self._mode}")
        check_asked(reader, self.strategies)
        name = self._name = reader.header["session"] if reader else self._name or session_name(self._clock.now_ns())
        desk: Desk
        if self._paper is None:
            takes = {i.venue: self._venues.get(i.venue) or real_venue(i.venue) for i in instruments}
            instruments = [taken_at(i, takes[i.venue], is_real=True) for i in instruments]
            desk = VenueDesk(self._connectors, instruments, self._driver.take, _LOG.error, self._driver.fail)
        else:
            desk = paper = PaperDesk(instruments, self._paper, seed=self._seed)
            instruments = paper.instruments
        build = partial(
            build_kernel,
            name,
            self.strategies,
            instruments,
            stop_run_on_error=len(self.strategies) == 1,
            keeps_journal=self._journal is not None,
            cost_basis=self._cost_basis,
            risk=self._risk,
            events=self.events,
        )
        kernel = build()
        journal = (
            None if self._journal is None else self._write_to(self._journal / name, instruments, is_new=reader is None)
        )
        self._inference = self._make_inference()
        session = self._driver.session = Session(kernel, instruments, desk, journal, self._inference)
        self._accounts = Accounts(self._driver, self._clock, self.events, self.lines)
        tables = self._tables = self._make_tables(session, name)
        if journal is not None:
            setup = setup_digest(instruments, self.strategies, self._risk, self._cost_basis)
            self._checkpoints = take_up(session, journal, reader, self.strategies, tables, setup=setup, build=build)
        if reader is not None:  # the connections of before ended with their process
            for venue in self._connectors:
                self._driver.disconnected(venue, self._clock.now_ns())
        self._is_resumed = session.began_ns is not None
        if self._is_resumed:
            desk.take_over(session.kernel, tables.history)
        following = self._driver.following = Following(session, self.strategies, self.lines)
        following.begin(is_new=not self._is_resumed)
        if self._paper is not None and not self._is_resumed:
            session.kernel.carry_refusals(self._clock.now_ns())

    def _make_inference(self) -> Inference | None:
        """Return what asks the predictors of strategies, each on a thread of its own; None without any."""
        predictors = {strategy.name: strategy.predictor for strategy in self.strategies if strategy.predictor}
        if not predictors:
            return None
        # Who has no model does not pay for numpy and polars.
        from tradecore.ml.inference import Inference

        loop = asyncio.get_running_loop()

        def ready() -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits for the answer any more
                loop.call_soon_threadsafe(self._driver.answered)

        return Inference(predictors, deadline=timedelta(seconds=self._inference_deadline), on_ready=ready)

    def _make_tables(self, session: Session, name: str) -> SessionTables:
        if self._store is None:
            return SessionTables(session, self._names, self._clock, self._driver.guarded)
        # What a store needs comes with an extra.
        from tradecore.live.projecting import Projector
        from tradecore.store import Store

        store = Store(self._store)
        return Projector(
            session, self._names, self._clock, self._driver.guarded, store=store, name=name, mode=self._mode
        )

    def _write_to(self, folder: Path, instruments: Sequence[Instrument], *, is_new: bool) -> JournalWriter:
        if is_new and any(folder.glob("*.tcj*")):
            raise JournalError(str(folder), "holds the journal of another session: move it away")
        listed = [instrument.to_dict() for instrument in instruments]
        header = {**self._header, "session": self._name, "mode": self._mode, "instruments": listed}
        header["features"] = recorded_features(self.strategies)
        return JournalWriter(folder, header, durability=self._durability)

    async def _connect(self) -> list[Instrument]:
        """Connect to the venues and return the instruments as the venues list them now."""
        found: dict[str, Instrument] = {}
        for venue, connector in self._connectors.items():
            intake = Intake(VenueQueue(connector))
            self._intakes.append(intake)
            await connector.start(intake.put)
            listed = await connector.instruments()
            own = [name for name in self._wanted if venue_of(name) == venue]
            if missing := [name for name in own if name not in listed]:
                raise InvalidValueError("strategies", f"{venue} does not list {missing[0]}")
            found |= {name: listed[name] for name in own}
            line = Line(connector, intake.queue, [listed[name] for name in own], max_lag=self._max_lag)
            self.lines.append(line)
            intake.start(partial(self._driver.arrived, line), self._driver.turned)
        return [found[name] for name in self._wanted]

    async def _begin(self) -> None:
        """Wait for books, reconcile, start the strategies and let them have what arrived meanwhile."""
        session = self.session
        assert self._tables is not None
        if session.journal is not None:
            self._tasks.start(self._keep_written(), "session journal")
        await self._driver.synced(self._sync_timeout)
        if self._driver.stopping.is_set():
            return
        if self._paper is None or self._is_resumed:
            await self._reconcile()
        begun = self._driver.now()
        if session.has_to_start:
            self._driver.guarded(session.start, begun)
        if self._is_resumed and self._driver.failure is None:
            for name, state in self._held_back():
                _LOG.warning("%s goes on with %s %s, as it was", self._name, name, state)
            for name, traceback in session.kernel.failures.items():
                _LOG.error(
                    "%s goes on with %s failed, until a person starts it: %s",
                    self._name,
                    name,
                    StrategyError(name, traceback).problem,
                )
        self._tables.start()
        for line in self.lines:
            session.open_door(line, self._clock.now_ns)
        self._driver.start(begun)

    def _held_back(self) -> list[tuple[str, str]]:
        """Return the strategies that somebody lets not trade, and what they may do."""
        kernel = self.session.kernel
        failed = kernel.failures
        return [(name, what) for name, what in kernel.trading.items() if what != "active" and name not in failed]

    async def _reconcile(self) -> None:
        assert self._accounts is not None
        if self._paper is not None:
            self._accounts.begin_on_paper()
            return
        # Of a new session there are no executions.
        await self._accounts.begin(self.session.now_ns if self._is_resumed else self._clock.now_ns())
        for line in self.lines:
            self._switches.hold(line)

    async def _cancel_apart(self) -> None:
        """Cancel all orders while the loop stands still; this runs in another one."""
        await asyncio.gather(*(line.connector.cancel_apart(line.instruments) for line in self.lines))

    def _unblocked(self, blocked: Blocked, seconds: float) -> None:
        """Tell it, and ask for cancels as well: commands may have left since, and others may still wait to."""
        cancels = self._on_block == "cancel" and self.has_begun
        since_ns, strategy, hook, line = blocked.since_ns, blocked.strategy, blocked.hook, blocked.line
        self.events.publish(LoopBlocked(self._driver.now(), since_ns, seconds, strategy, hook, line, cancels))
        _LOG.critical("the event loop goes on after %.1f s", seconds)
        if cancels:
            self._driver.guarded(self.perform, self._cancel_open)

    def _lagged(self, event: LagChanged) -> None:
        if event.is_behind and self._on_lag == "cancel" and self.has_begun:
            self._driver.guarded(self.perform, partial(self._cancel_open, venue=event.venue))

    def _cancel_open(self, session: Session, now_ns: int, venue: str | None = None) -> None:
        """Ask for every open order to be cancelled, at one venue or at all."""
        for market, instrument in enumerate(session.instruments):
            for strategy in self.strategies:
                if instrument.id in strategy.instruments and venue in (None, instrument.venue):
                    session.kernel.cancel_all(now_ns, strategy.name, market)

    async def _end(self) -> SessionResult:
        session, driver = self.session, self._driver
        assert self._tables is not None
        assert self._accounts is not None
        has_started = driver.started.is_set()
        try:
            if driver.failure is None and has_started:
                driver.guarded(driver.finish)
            # A strategy that has failed, and with it its session, sends nothing: nobody else is there.
            if driver.failure is not None and not isinstance(driver.failure, StrategyError):
                with suppress(TradecoreError):
                    session.kernel.pause(driver.now())
            cancels = self._on_stop == "cancel" or driver.failure is not None
            if cancels:
                session.cancel_all(driver.now())
            await session.desk.close()
            if cancels and has_started:
                await self._flat_of_orders()
            await self._accounts.end()
            if self._checkpoints is not None and has_started and driver.failure is None:
                self._checkpoints.save()
        except TradecoreError as error:
            driver.failure = driver.failure or error
        await self._switches.release()
        # What is said from now on, and what would still be looked at, is of a session that is over.
        await self._tasks.close()
        for intake in self._intakes:
            intake.close()
        await session.desk.close()  # what came since may have asked for more
        if session.journal is not None:
            for name, state in self._held_back():
                told = "%s ends with %s %s, which it keeps where it goes on by its name; a new session begins without"
                _LOG.warning(told, self._name, name, state)
        driver.guarded(session.flush)  # also what a strategy failed by
        held = session.kernel.account_state()["positions"]
        digest = session.kernel.finish()
        # One that was taken up and has not gone on can be taken up again.
        if driver.failure is None and (has_started or not self._is_resumed):
            session.end(digest)
        self._tables.end()
        return SessionResult(str(self._name), digest, session.kernel.failures, held, self._tables.store)

    async def _flat_of_orders(self) -> None:
        """Wait, for a while, until every cancel is confirmed."""
        looks = round(_PATIENCE_S / _LOOK_S)  # counted: a clock may be set meanwhile
        while (open_orders := self.state.open_orders) and looks:
            looks -= 1
            await self._clock.sleep(_LOOK_S)
            self._driver.advance(self._driver.now())
        if open_orders:
            _LOG.error("%d orders may still be open", open_orders)

    async def _close(self) -> None:
        self._driver.rest()
        for intake in self._intakes:
            intake.close()
        if self._inference is not None:
            self._inference.close()
        await self._switches.close()
        if self._accounts is not None:
            await self._accounts.close()
        await self._tasks.close()
        if self._tables is not None:
            await self._tables.close()
        await self._driver.abandon()
        for connector in self._connectors.values():
            await connector.close()
        self._driver.close()

    async def _keep_written(self) -> None:
        while self._driver.failure is None:
            await self._clock.sleep(_WRITE_S)
            self._driver.guarded(self.session.flush)
            states = self._checkpoints
            if states is not None and await states.come_due(self._clock, self._is_quiet) and self.has_begun:
                self._driver.guarded(states.save)

    def _is_quiet(self) -> bool:
        return all(intake.is_idle for intake in self._intakes)


def session_name(now_ns: int) -> str:
    """Return a name for a session that begins now: the seconds since 1970 in base 36."""
    digits, seconds = "", now_ns // 1_000_000_000
    while seconds:
        seconds, digit = divmod(seconds, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"
