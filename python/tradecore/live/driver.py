"""A session driven by time: what arrives goes into it one by one, and it is woken when something is due."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from tradecore.bus import EventBus
from tradecore.data.frames import disconnected
from tradecore.errors import JournalError, RunError, StrategyError
from tradecore.instruments import venue_of
from tradecore.live.events import LagChanged, LinkChanged, SessionFailed
from tradecore.live.following import Following
from tradecore.live.line import Line, LineInput, Rows
from tradecore.live.session import Session
from tradecore.types import BookState
from tradecore.venues import Stream
from tradecore.venues.clock import Clock, Timer
from tradecore.venues.events import Balance, ClockMeasured, Event, FeedState, Frame, LinkState, VenueReport

__all__ = ["Driver"]

T = TypeVar("T")

_LOG = logging.getLogger("tradecore.live")


class Driver:
    """Gives a session all that happens, each at its time, until it is to stop or something fails.

    What arrives before :meth:`start` is held. Everything runs in the thread of the event loop, and nothing waits.

    Parameters
    ----------
    clock : Clock
    events : EventBus
    instruments : sequence of str
    lagged : callable
        Is told when the session falls behind a venue, and when it has caught up.

    Attributes
    ----------
    books : dict of str to BookState
        By instrument.
    reasons : dict of str to str
        Why each is in its state, or stays in it.
    failure : Exception or None
        What ends the session, the first there was.
    stopping : asyncio.Event
        Set when it is to end.
    started : asyncio.Event
        Set by :meth:`start`.
    following : Following or None
        Has the venues deliver what strategies follow.
    """

    def __init__(
        self, clock: Clock, events: EventBus, instruments: Sequence[str], lagged: Callable[[LagChanged], None]
    ) -> None:
        self._clock = clock
        self._events = events
        self._lagged = lagged
        self._session: Session | None = None
        self.books: dict[str, BookState] = dict.fromkeys(instruments, BookState.EMPTY)
        self.reasons: dict[str, str] = {}
        self._down: dict[tuple[str, str], str] = {}
        """Why connections are down, by venue and link."""
        self.failure: Exception | None = None
        self.stopping = asyncio.Event()
        self.started = asyncio.Event()
        self.following: Following | None = None
        # Set when a book changes its state, and when the session is to end.
        self._changed = asyncio.Event()
        # What has arrived before the start; None from then on.
        self._held: list[LineInput] | None = []
        self._measured: list[ClockMeasured] = []
        """Clocks of venues that were measured before there was a session."""
        self._is_over = False
        self._wake: Timer | None = None
        self._wake_ns: int | None = None

    @property
    def session(self) -> Session:
        """What is driven, once it is there.

        Raises
        ------
        RunError
            Before that.
        """
        if self._session is None:
            raise RunError("the session is not open: use it as `async with live:`")
        return self._session

    @session.setter
    def session(self, session: Session) -> None:
        self._session = session
        for measured in self._measured:
            session.clock(measured)
        self._measured.clear()

    @property
    def has_begun(self) -> bool:
        """Whether it has started and is not to end."""
        return self._held is None and not self.stopping.is_set() and not self._is_over

    def now(self) -> int:
        """Return the session's time if something happens now, ns UTC."""
        return max(self._clock.now_ns(), self.session.now_ns)

    def stop(self) -> None:
        """Have it end."""
        self.stopping.set()
        self._changed.set()

    def fail(self, error: Exception) -> None:
        """Have it end since something failed."""
        if self.failure is None:
            self.failure = error
            self._events.publish(SessionFailed(self.now(), type(error).__name__, str(error)))
        self.stop()

    def guarded(self, work: Callable[..., object], *given: Any) -> None:
        """Do something that may fail: the session ends then, and cancels first."""
        try:
            work(*given)
        except Exception as error:
            self.fail(error)

    async def synced(self, timeout_s: float) -> None:
        """Wait until every book is synced, or the session is to end.

        Raises
        ------
        RunError
            When that takes longer.
        """
        is_late = False

        def expire() -> None:
            nonlocal is_late
            is_late = True  # whatever the clock says, which may be set meanwhile
            self._changed.set()

        timer = self._clock.call_later(timeout_s, expire)
        try:
            while late := [name for name, state in self.books.items() if state is not BookState.SYNCED]:
                if self.stopping.is_set():
                    return
                if is_late:
                    raise RunError(f"not synced within {timeout_s:g} s: {'; '.join(map(self._why, late))}")
                self._changed.clear()
                await self._changed.wait()
        finally:
            timer.cancel()

    def _why(self, name: str) -> str:
        """Return an instrument with all that is known of why its book is not synced."""
        down = [f"{link}: {why}" for (venue, link), why in self._down.items() if venue == venue_of(name)]
        whys = [*filter(None, [self.reasons.get(name)]), *down]
        return f"{name} ({', '.join(whys)})" if whys else name

    def start(self, at_ns: int) -> None:
        """Let the session have what was held, and from now on everything as it comes."""
        held, self._held = self._held or [], None
        self.started.set()
        for each in held:
            # Known when the strategies start, as in a backtest, which starts them with its first message. No two
            # messages of one time, so that what reads the journal knows their order.
            self.guarded(self._give, at_ns, each)
            at_ns += isinstance(each, Rows)
        self._woken()

    def finish(self) -> None:
        """Let happen what is due, then stop the strategies."""
        now = self.now()
        self.advance(now)
        self.session.stop(now)

    def rest(self) -> None:
        """Be woken no more, and take nothing more: also a session that was cut off decides no further."""
        self._is_over = True
        if self._wake is not None:
            self._wake.cancel()

    async def abandon(self) -> None:
        """Leave alone what is on its way to venues."""
        if self._session is not None:
            await self._session.desk.abandon()

    def close(self) -> None:
        """Close the session's journal."""
        if self._session is not None:
            self._session.close()

    def arrived(self, line: Line, events: list[Event]) -> None:
        """Take what a connector delivers."""
        at = 0
        while at < len(events):
            is_decoded = False
            if self._held is None and self.failure is None and (door := line.door) is not None:
                before = at
                self.guarded(self.session.through, line, door, events, at)
                at, is_decoded = door.taken, door.is_decoded
                if at > before and not is_decoded:
                    continue  # as long as that goes on
            self.guarded(self._arrived, line, events[at], is_decoded)
            at += 1

    def _arrived(self, line: Line, event: Event, is_decoded: bool) -> None:
        if not isinstance(event, Frame):
            if isinstance(event, ClockMeasured):
                if self._session is None:
                    self._measured.append(event)
                else:
                    self._session.clock(event)
                return
            if isinstance(event, FeedState) and event.is_disconnected:
                self.disconnected(event.venue, event.ts_recv, event.instrument)
            for each in line.read(event):
                self._take_in(each)
            return
        if self._session is not None:
            self._session.frame(event)
        line.frame(event, self._clock.now_ns(), self._take_in, is_decoded=is_decoded)
        line.processing.observe((self._clock.now_ns() - event.ts_recv) / 1e9)

    def disconnected(self, venue: str, ts_recv: int, instrument: str | None = None) -> None:
        """Have the journal say, among the frames, that the connection of an instrument's book ended, or of all."""
        if self._session is not None:
            self._session.frame(Frame(venue, ts_recv, disconnected(instrument)))

    def turned(self) -> None:
        """End a turn of the loop in which something arrived."""
        if self._held is None and self.failure is None:
            self.guarded(self.session.write_down)
        self._plan()

    def take(self, report: VenueReport) -> None:
        """Take a venue's word on a command."""
        if self._is_over:
            return
        self.guarded(self._take_in, report)
        self._plan()

    def deliver(self, report: VenueReport) -> None:
        """Have the session know of a report at once, also before the strategies start."""
        self.session.report(self.now(), report)

    def answered(self) -> None:
        """Let the session have what a predictor said."""
        if self.has_begun and self.failure is None:
            now = self.now()
            self.guarded(self.advance, now)
            self.guarded(self.session.answer, now)
            self._plan()

    def perform(self, act: Callable[[Session, int], T]) -> T:
        """Call a function with the session and its time, between two inputs of others.

        Where this raises, no order of it has left, or will.

        Raises
        ------
        RunError
            Before the start, and when the session is to end.
        StrategyError
            When a hook that it called raised, and the session ends by that.
        JournalError
            When what it did cannot be written down, and the session ends by that.
        """
        session = self.session
        now = self.now()
        if self.has_begun:
            self.guarded(self.advance, now)
        if not self.has_begun:
            raise RunError("the session takes no orders: it has not started, or it ends")
        try:
            return act(session, now)
        except StrategyError as error:
            self.fail(error)
            raise
        finally:
            try:
                # Whoever asked is told that it is done: no kill takes it back.
                session.settle(now)
                session.flush()
            except JournalError as error:
                self.fail(error)
                raise
            except Exception as error:
                self.fail(error)
            finally:
                self._plan()

    def advance(self, now: int) -> None:
        """Let happen what is due, once it has started."""
        if self._held is None:
            self.session.advance(now)

    def _take_in(self, event: LineInput) -> None:
        session = self._session
        if isinstance(event, Rows) and self._held is None and session is not None:
            if self.failure is None:  # the way of nearly every frame, and so the shortest
                now = max(self._clock.now_ns(), session.now_ns)
                session.advance(now)
                session.message(now, event.instrument, event.source)
            return
        if isinstance(event, LinkState):
            if event.is_up:
                self._down.pop((event.venue, event.link), None)
            else:
                self._down[event.venue, event.link] = event.reason
            self._events.publish(LinkChanged(event.ts_recv, event.venue, event.link, event.is_up, event.reason))
            if event.error is not None:
                self.fail(event.error)
            return
        if isinstance(event, LagChanged):
            self._events.publish(event)
            self._lagged(event)
            return
        if isinstance(event, FeedState):
            if event.stream is not Stream.BOOK:
                _LOG.info("%s of %s: %s", event.stream, event.instrument, event.reason)
                return
            self._note(event)
        if self.failure is not None and not isinstance(event, VenueReport):
            return
        if self._held is not None:
            self._held.append(event.kept() if isinstance(event, Rows) else event)
            return
        now = self.now()
        self.session.advance(now)
        self._give(now, event)

    def _note(self, event: FeedState) -> None:
        """Know where a book stands; the log is told of what is no event: why it waits, and all before the start."""
        name, was, known = event.instrument, self.books[event.instrument], self.reasons.get(event.instrument)
        self.books[name], self.reasons[name] = event.state, event.reason
        self._changed.set()
        if event.state is was and event.reason != known:
            _LOG.warning("the book of %s stays %s: %s", name, was.name.lower(), event.reason)
        elif self._held is not None and event.state is not was:
            _LOG.info("the book of %s is %s: %s", name, event.state.name.lower(), event.reason)

    def _give(self, now: int, event: LineInput) -> None:
        """Let the session have what arrived, as an input of a time."""
        session = self.session
        match event:
            case Rows():
                session.message(now, event.instrument, event.source)
            case VenueReport():
                session.report(now, event)
            case FeedState():
                session.feed(now, event)
            case Balance():
                session.balance(now, event)

    def _plan(self) -> None:
        """Have the venues deliver what is followed by now, and the clock wake the session when something is due."""
        if self.following is not None and self.has_begun:
            self.following.look()
        # Before the start nothing is due, also where a journal left something that is.
        due = self.session.next_due() if self.has_begun else None
        if due == self._wake_ns:
            return
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        self._wake_ns = due
        if due is not None:
            self._wake = self._clock.call_later(max(due - self._clock.now_ns(), 0) / 1e9, self._woken)

    def _woken(self) -> None:
        self._wake = self._wake_ns = None
        self.guarded(self.advance, self.now())
        self._plan()
