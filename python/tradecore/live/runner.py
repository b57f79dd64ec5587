"""A session beside the world: venues' events in, commands out, until somebody stops it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from tradecore._core import FeedDecoder, Instrument
from tradecore.backtest.frames import Frames
from tradecore.backtest.tables import TableStore
from tradecore.backtest.text import digest_text
from tradecore.errors import CredentialsError, InvalidValueError, JournalError, RunError
from tradecore.live.desk import Desk, PaperDesk, VenueDesk
from tradecore.live.journal import Durability, JournalReader, JournalWriter
from tradecore.live.session import Session
from tradecore.reconcile import VenueAccount
from tradecore.risk import RiskLimits
from tradecore.session.kernel import build_kernel
from tradecore.strategy import Strategy
from tradecore.types import BookState
from tradecore.venue import SimVenue
from tradecore.venues import Connector, Feed, Stream, VenueQueue
from tradecore.venues.clock import Clock, SystemClock, Timer
from tradecore.venues.events import Balance, Event, FeedState, Frame, LinkState, VenueReport

__all__ = ["Live", "LiveState", "SessionResult", "session_name"]

_LOG = logging.getLogger("tradecore.live")
_HOOKS = {
    "on_quote": Stream.QUOTES,
    "on_mark": Stream.MARK,
    "on_index": Stream.MARK,
    "on_funding": Stream.MARK,
    "on_open_interest": Stream.OPEN_INTEREST,
    "on_liquidation": Stream.LIQUIDATIONS,
}
"""What is subscribed to beside books and trades, by the hook that is overridden."""

_LOOK_BACK_NS = 60_000_000_000
"""Executions are asked for from so long before the newest thing that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveState:
    """How a session stands.

    Parameters
    ----------
    session : str
    mode : str
        ``paper`` or ``live``.
    now_ns : int
        The session's time, ns UTC.
    books : mapping of str to BookState
        By instrument.
    open_orders : int
    positions : mapping of str to Decimal
        Signed quantities by instrument, contracts (spot: base units).
    trading : mapping of str to str
        What each strategy may do: ``active``, ``reducing``, ``paused`` or ``halted``.
    failures : mapping of str to str
        Tracebacks of strategies that failed.
    frames, dropped, malformed : int
        Of market data, so far.
    """

    session: str
    mode: str
    now_ns: int
    books: Mapping[str, BookState]
    open_orders: int
    positions: Mapping[str, Decimal]
    trading: Mapping[str, str]
    failures: Mapping[str, str]
    frames: int
    dropped: int
    malformed: int


class SessionResult(Frames):
    """What a session came to.

    Attributes
    ----------
    session : str
        Its name.
    digest : str
        SHA-256 over every command, every report and the final ledger; that of its journal when it is replayed.
    failures : dict of str to str
        Tracebacks of strategies that failed, by name.
    held : dict of str to Decimal
        What was held in the end, by instrument, contracts (spot: base units).
    tables : TableStore
        The tables behind the frames; times in ns.
    """

    def __init__(
        self,
        session: str,
        digest: str,
        failures: dict[str, str],
        held: dict[str, Decimal],
        tables: TableStore,
    ) -> None:
        self.session = session
        self.digest = digest
        self.failures = failures
        self.held = held
        self.tables = tables

    def __repr__(self) -> str:
        return f"<SessionResult {self.session}, digest {digest_text(self.digest)}>"


class _Line:
    """A connector, its queue, and the decoder of what it delivers."""

    def __init__(self, connector: Connector, instruments: Sequence[Instrument], live: Live) -> None:
        self.connector = connector
        self.instruments = [instrument.id for instrument in instruments]
        self.queue = VenueQueue(connector)
        self.decoder = FeedDecoder(connector.name, instruments)
        self.feed = Feed(connector, self.decoder, self.instruments, live._hear)
        self.frames = 0


class Live:
    """Strategies on live data: on paper against a simulated exchange, or live against the venues.

    ``async with`` it to connect; then :meth:`run` until :meth:`stop`. The strategies start once every book is synced
    and, live, the account is reconciled. A session that left a journal goes on where it ended: its inputs are replayed,
    then the account is reconciled, and only then anything is sent.

    Parameters
    ----------
    strategies : sequence of Strategy
        The objects that were backtested.
    connectors : sequence of Connector
        One for each venue they trade on.
    paper : sequence of SimVenue, optional
        Settings of the simulated exchange, one for each venue. Not given, orders are real.
    journal : path, optional
        Folder of journals, each in a folder of its session's name; none is written if not given.
    durability : "process" or "power"
        What a command that has left is sure to outlive in the journal: this process, or the machine.
    session : str, optional
        1 to 12 letters and digits, part of every client id; made of the time if not given.
    risk : RiskLimits, optional
    cost_basis : "average", "fifo" or "lifo"
    on_stop : "cancel" or "keep"
        What becomes of open orders in the end.
    sync_timeout : float
        How long books may take to be synced at the start, seconds.
    seed : int
        Of the simulated exchange.
    clock : Clock, optional
        The machine's if not given.

    Raises
    ------
    InvalidValueError
        For venues without a connector or settings.
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
        journal: str | Path | None = None,
        durability: Durability = "process",
        session: str | None = None,
        risk: RiskLimits | None = None,
        cost_basis: Literal["average", "fifo", "lifo"] = "average",
        on_stop: Literal["cancel", "keep"] = "cancel",
        sync_timeout: float = 30.0,
        seed: int = 0,
        clock: Clock | None = None,
        header: Mapping[str, Any] | None = None,
    ) -> None:
        self.strategies = list(strategies)
        self._connectors = {connector.name: connector for connector in connectors}
        self._paper = None if paper is None else {venue.name: venue for venue in paper}
        wanted = list(dict.fromkeys(name for strategy in strategies for name in strategy.instruments))
        if not wanted:
            raise InvalidValueError("strategies", "none of them trades an instrument")
        for venue in dict.fromkeys(name.rpartition(".")[2] for name in wanted):
            if venue not in self._connectors:
                raise InvalidValueError("connectors", f"none for {venue}")
            if self._paper is None and not self._connectors[venue].has_keys:
                raise CredentialsError(venue, "real orders need keys, and there are none in the environment")
            if self._paper is not None and venue not in self._paper:
                raise InvalidValueError("paper", f"no settings for venue {venue}")
        self._wanted = wanted
        self._journal = None if journal is None else Path(journal)
        self._durability: Durability = durability
        self._clock = clock or SystemClock()
        self._name = session
        self._risk = risk
        self._cost_basis = cost_basis
        self._on_stop = on_stop
        self._sync_timeout = sync_timeout
        self._seed = seed
        self._header = dict(header or {})
        self._lines: dict[str, _Line] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._session: Session | None = None
        self._held: list[Event | tuple[str, Mapping[str, Any]]] | None = []
        self._books: dict[str, BookState] = dict.fromkeys(wanted, BookState.EMPTY)
        self._told: list[FeedState] = []
        self._synced = asyncio.Event()
        self._stopping = asyncio.Event()
        self._failure: BaseException | None = None
        self._wake: Timer | None = None
        self._recovered = False

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
        try:
            await self._begin()
        except Exception:
            # Orders of before may be open at the venues.
            self._open_session.desk.cancel_all(self._now())
            await self._open_session.desk.close()
            raise
        await self._stopping.wait()
        result = await self._end()
        if self._failure is not None:
            raise self._failure
        return result

    def stop(self) -> None:
        """Have :meth:`run` end; the second time nothing more happens."""
        self._stopping.set()

    @property
    def state(self) -> LiveState:
        """How it stands."""
        session = self._open_session
        known = session.kernel.account_state()
        return LiveState(
            session=str(self._name),
            mode="live" if self._paper is None else "paper",
            now_ns=session.now_ns,
            books=dict(self._books),
            open_orders=sum(order["is_open"] for order in known["orders"]),
            positions=known["positions"],
            trading=session.kernel.trading,
            failures=session.kernel.failures,
            frames=sum(line.frames for line in self._lines.values()),
            dropped=sum(line.queue.dropped for line in self._lines.values()),
            malformed=sum(line.feed.malformed for line in self._lines.values()),
        )

    @property
    def _open_session(self) -> Session:
        if self._session is None:
            raise RunError("the session is not open: use it as `async with live:`")
        return self._session

    async def _open(self) -> None:
        instruments = await self._connect()
        mode = "live" if self._paper is None else "paper"
        reader = None if self._journal is None else _unfinished(self._journal)
        if reader is not None and reader.header.get("mode") != mode:
            raise JournalError(str(reader.folder), f"is of a session in {reader.header.get('mode')}, this is {mode}")
        name = self._name = reader.header["session"] if reader else self._name or session_name(self._clock.now_ns())
        desk: Desk
        if self._paper is not None:
            desk = PaperDesk(instruments, self._paper, accounts=1, settle=self._settle, seed=self._seed)
            instruments = desk.instruments
        else:
            desk = VenueDesk(self._connectors, instruments, self._take, _LOG.error)
        kernel = build_kernel(
            name,
            self.strategies,
            instruments,
            stop_run_on_error=len(self.strategies) == 1,
            keeps_journal=True,
            cost_basis=self._cost_basis,
            risk=self._risk,
        )
        session = Session(kernel, instruments)
        if self._journal is not None:
            listed = [instrument.to_dict() for instrument in instruments]
            header = {**self._header, "session": name, "mode": mode, "instruments": listed}
            session.journal = JournalWriter(self._journal / name, header, durability=self._durability)
        if reader is not None:
            count = session.recover(reader)
            self._recovered = count > 0
            _LOG.info("session %s goes on after %d records of its journal", name, count)
        elif self._paper is not None:
            kernel.carry_refusals(self._clock.now_ns())
        session.opened_by(desk)
        self._session = session

    async def _connect(self) -> list[Instrument]:
        """Connect to the venues, subscribe, and return the instruments as the venues list them now."""
        found: dict[str, Instrument] = {}
        for venue, connector in self._connectors.items():
            own = [name for name in self._wanted if name.rpartition(".")[2] == venue]
            waiting: list[Event] = []
            early = waiting.append
            sink = _Sink(early)
            await connector.start(sink)
            listed = await connector.instruments()
            if missing := [name for name in own if name not in listed]:
                raise InvalidValueError("strategies", f"{venue} does not list {missing[0]}")
            line = self._lines[venue] = _Line(connector, [listed[name] for name in own], self)
            for event in waiting:
                line.queue.put(event)
            sink.put = line.queue.put
            found |= {name: listed[name] for name in own}
            for strategy in self.strategies:
                streams = {Stream.BOOK, Stream.TRADES, *(_HOOKS[h] for h in strategy._overridden() if h in _HOOKS)}
                for name in strategy.instruments:
                    if name in own:
                        connector.subscribe(strategy.name, name, streams)
            self._tasks.append(asyncio.create_task(self._pump(line), name=f"session {venue}"))
        return [found[name] for name in self._wanted]

    async def _begin(self) -> None:
        """Wait for books, reconcile, start the strategies and let them have what arrived meanwhile."""
        session = self._open_session
        await self._wait_for_books()
        if self._paper is None or self._recovered:
            await self._reconcile()
        if not self._recovered:
            session.start(self._now())
        held, self._held = self._held or [], None
        for event in held:
            self._guard(event)
        self._woken()

    async def _wait_for_books(self) -> None:
        expired = asyncio.Event()
        timer = self._clock.call_later(self._sync_timeout, expired.set)
        waits = [asyncio.ensure_future(event.wait()) for event in (self._stopping, expired)]
        try:
            while late := [name for name, state in self._books.items() if state is not BookState.SYNCED]:
                if self._stopping.is_set():
                    return
                if expired.is_set():
                    raise RunError(f"not synced within {self._sync_timeout:g} s: {', '.join(late)}")
                self._synced.clear()
                synced = asyncio.ensure_future(self._synced.wait())
                await asyncio.wait([synced, *waits], return_when=asyncio.FIRST_COMPLETED)
                synced.cancel()
        finally:
            timer.cancel()
            for wait in waits:
                wait.cancel()

    async def _reconcile(self) -> None:
        session = self._open_session
        # The venue's executions since before the journal ended; of a new session there are none.
        since = (session.now_ns if self._recovered else self._clock.now_ns()) - _LOOK_BACK_NS
        for venue, line in self._lines.items():
            if self._paper is None:
                account = await line.connector.account(line.instruments, max(since, 0))
            else:
                # The exchange of paper trading begins anew: orders are gone, what was traded stays.
                known = session.known(line.instruments)
                account = VenueAccount(positions=known.positions, balances=known.balances)
            actions = session.reconcile(self._now(), account, line.instruments, session.desk.cancel_in)
            for action in actions:
                _LOG.info("reconciled with %s: %s", venue, action)

    async def _end(self) -> SessionResult:
        session = self._open_session
        with contextlib.suppress(Exception):
            self._advance()
        try:
            if self._failure is None:
                session.stop(self._now())
            else:
                with contextlib.suppress(Exception):
                    session.kernel.pause(self._now())
            if self._on_stop == "cancel" or self._failure is not None:
                session.desk.cancel_all(self._now())
            await session.desk.close()
            await self._flat_of_orders()
        except JournalError as error:
            self._failure = self._failure or error
        positions = session.kernel.account_state()["positions"]
        digest = session.kernel.finish()
        if session.journal is not None and self._failure is None:
            session.journal.end({"digest": digest})
        store = TableStore([i.id for i in session.instruments], [strategy.name for strategy in self.strategies])
        store.keep(session.kernel.take_tables())
        return SessionResult(str(self._name), digest, session.kernel.failures, positions, store)

    async def _flat_of_orders(self) -> None:
        """Wait, for a while, until every cancel is confirmed."""
        if self._on_stop == "keep" and self._failure is None:
            return
        for _ in range(100):
            self._advance()
            if not self.state.open_orders:
                return
            await self._clock.sleep(0.05)
        _LOG.error("%d orders may still be open", self.state.open_orders)

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._wake is not None:
            self._wake.cancel()
        for connector in self._connectors.values():
            await connector.close()
        if self._session is not None and self._session.journal is not None:
            journal, self._session.journal = self._session.journal, None
            journal.close()

    async def _pump(self, line: _Line) -> None:
        while True:
            event = await line.queue.get()
            if isinstance(event, FeedState):
                # The feed minds what the connector says, and passes it on.
                line.feed.state(event)
                told, self._told = self._told, []
                for state in told:
                    self._guard(state)
                continue
            if isinstance(event, Frame):
                line.frames += 1
            self._guard(event)

    def _guard(self, event: Event | tuple[str, Mapping[str, Any]]) -> None:
        """Take an event; what it must not survive ends the session."""
        if self._failure is not None:
            return
        try:
            self._take_in(event)
        except Exception as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """End the session: nothing is taken in any more, and orders are cancelled first."""
        _LOG.error("the session ends: %s", error)
        self._failure = error
        self._stopping.set()

    def _take(self, report: VenueReport) -> None:
        self._guard(report)

    def _take_in(self, event: Event | tuple[str, Mapping[str, Any]]) -> None:
        session = self._open_session if self._session is not None else None
        if isinstance(event, Frame):
            self._frame(event)
            return
        if isinstance(event, FeedState):
            self._book_state(event)
        if session is None or self._held is not None:
            if not isinstance(event, LinkState):
                assert self._held is not None
                self._held.append(event)
            return
        self._advance()
        now = self._now()
        match event:
            case VenueReport():
                session.report(now, event)
            case FeedState():
                session.feed(now, event)
            case Balance():
                session.balance(now, event)
            case (str() as instrument, columns):
                session.message(now, instrument, columns)
            case LinkState():
                _LOG.info("%s %s is %s: %s", event.venue, event.link, "up" if event.is_up else "down", event.reason)
        self._plan()

    def _frame(self, frame: Frame) -> None:
        line = self._lines[frame.venue]
        if self._session is not None:
            self._session.frame(frame)
        line.feed.frame(frame)
        for name in line.instruments if frame.instrument is None else (frame.instrument,):
            columns = line.decoder.events(name)
            if len(columns["kind"]):
                self._take_in((name, columns))
        # A book is said to be synced when the kernel has it.
        told, self._told = self._told, []
        for state in told:
            self._take_in(state)

    def _hear(self, state: FeedState) -> None:
        """Take what a feed says of a book, which may be in the middle of a frame."""
        self._told.append(state)

    def _book_state(self, state: FeedState) -> None:
        self._books[state.instrument] = state.state
        if all(book is BookState.SYNCED for book in self._books.values()):
            self._synced.set()

    def _settle(self, at_ns: int) -> None:
        self._open_session.settle(at_ns)

    def _now(self) -> int:
        return max(self._clock.now_ns(), self._open_session.now_ns)

    def _advance(self) -> None:
        if self._held is None:
            self._open_session.advance(self._now())

    def _plan(self) -> None:
        """Have the clock wake the session when something is due."""
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        due = self._open_session.next_due()
        if due is not None and not self._stopping.is_set():
            self._wake = self._clock.call_later(max(due - self._clock.now_ns(), 0) / 1e9, self._woken)

    def _woken(self) -> None:
        self._wake = None
        if self._failure is not None:
            return
        try:
            self._advance()
            self._plan()
        except Exception as error:
            self._fail(error)


class _Sink:
    """Passes events on to wherever they are to go by now."""

    def __init__(self, put: Any) -> None:
        self.put = put

    def __call__(self, event: Event) -> None:
        self.put(event)


def session_name(now_ns: int) -> str:
    """Return a name for a session that begins now: the seconds since 1970 in base 36."""
    digits, seconds = "", now_ns // 1_000_000_000
    while seconds:
        seconds, digit = divmod(seconds, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"


def _unfinished(folder: Path) -> JournalReader | None:
    """Return what reads the journal of the session in a folder that has not come to its end; None where all have.

    Raises
    ------
    JournalError
        Where there are several.
    """
    readers = [JournalReader(first.parent) for first in sorted(folder.glob("*/000001.tcj*"))]
    open_ones = {reader.folder: reader for reader in readers if not reader.has_ended}
    if len(open_ones) > 1:
        names = ", ".join(path.name for path in open_ones)
        raise JournalError(str(folder), f"holds several sessions that have not ended: {names}; move all but one away")
    return next(iter(open_ones.values()), None)
