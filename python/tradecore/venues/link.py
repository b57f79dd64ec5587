"""A connection that is kept up: opened, renewed before the venue ends it, opened anew when it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from tradecore.errors import CredentialsError, NoAnswerError, VenueError
from tradecore.venues.backoff import Backoff
from tradecore.venues.clock import Clock, Timer, within
from tradecore.venues.transport import Socket, Transport, Unanswered, Unreachable

__all__ = ["Link", "LinkPlan", "Session"]

_OPEN_S = 10.0
_ANSWER_S = 10.0
_STEADY_NS = 10_000_000_000
"""A connection that lasted so long was a good one: the next attempt waits as little as the first."""
_KEPT = 200_000
"""Messages of a new connection that are kept while the old one is still in use."""


class Session:
    """One WebSocket of a link, with the requests that wait for an answer on it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._socket: Socket | None = None
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self.opened_ns = clock.now_ns()
        self.closed: str | None = None
        """Why it ended; None while it is open."""
        self.kept: list[tuple[bytes, int, bytes]] | None = []
        """Data that waits until the session is in use; None from then on."""
        self.streams: dict[str, bool] = {}
        """What has been asked for on it, and whether the venue took it."""
        self.ended = asyncio.Event()

    def opened(self, socket: Socket) -> None:
        """Take the socket."""
        self._socket = socket

    def send(self, text: bytes) -> None:
        """Send a text, in UTF-8.

        Raises
        ------
        Unreachable
            When the connection is closed.
        """
        if self._socket is None or self.closed is not None:
            raise Unreachable(self.closed or "not connected")
        self._socket.send(text)

    def ask(self, key: str, text: bytes) -> asyncio.Future[Any]:
        """Send a request at once, and return what will hold what :meth:`answer` is given for its key.

        That is ``Unanswered`` where no answer came in time, or the connection was lost before it.

        A connection on which no answer comes in time is taken to be dead, and ends: a venue may have gone without
        closing it, and what comes next shall not wait for that as well.

        Raises
        ------
        Unreachable
            When nothing was sent.
        """
        self.send(text)
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[key] = waiting
        timer = self._clock.call_later(_ANSWER_S, partial(self._late, waiting))
        waiting.add_done_callback(partial(self._over, key, timer))
        return waiting

    def _late(self, waiting: asyncio.Future[Any]) -> None:
        if not waiting.done():
            self.end(f"no answer within {_ANSWER_S:g} s")

    def _over(self, key: str, timer: Timer, waiting: asyncio.Future[Any]) -> None:
        timer.cancel()
        if self._waiting.get(key) is waiting:  # by now the next request may wait for its answer
            del self._waiting[key]

    def answer(self, key: str, answer: Any) -> None:
        """Give a request its answer, where one waits for it."""
        waiting = self._waiting.get(key)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def fail(self, key: str, reason: str) -> None:
        """Tell a request that no answer will come."""
        waiting = self._waiting.get(key)
        if waiting is not None and not waiting.done():
            waiting.set_exception(Unanswered(reason))

    def end(self, reason: str) -> None:
        """Note that the connection is gone."""
        if self.closed is None:
            self.closed = reason
            for key in list(self._waiting):
                self.fail(key, reason)
            self.ended.set()

    async def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            await self._socket.close()
        self.end("closed")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPlan:
    """What a link is for.

    Parameters
    ----------
    name : str
    url : callable
        Returns the address to connect to.
    prepare : callable
        Logs in and subscribes on a new connection; it is in use when that returns.
    read : callable
        Is given each message. One that is not data, such as an answer, it handles at once, and returns None; of data it
        returns the name of the stream, empty for data of none.
    read_data : callable, optional
        Is given data of the connection in use, when it was read, ns UTC, and the name.
    tell : callable
        Is told whether the link is up, and why.
    refused : callable
        Is told that a key that the venue does not take ends the link for good.
    renew_s : float, optional
        Age at which a connection is replaced; never if not given.
    overlap_s : float
        How long both are read before the old one is closed.
    beat : tuple of float and callable, optional
        What is done on the connection in use each so many seconds.
    """

    name: str
    url: Callable[[], Awaitable[str]]
    prepare: Callable[[Session], Awaitable[None]]
    read: Callable[[Session, bytes], bytes | None]
    read_data: Callable[[bytes, int, bytes], None] = lambda data, ts_recv, name: None
    tell: Callable[[bool, str], None]
    refused: Callable[[CredentialsError], None] = lambda error: None
    renew_s: float | None = None
    overlap_s: float = 0.0
    beat: tuple[float, Callable[[Session], Awaitable[None]]] | None = None


class Link:
    """Keeps one connection of a plan up until it is closed.

    A connection is renewed while the old one is still read: what the new one brings is kept aside until the old one is
    let go, and is then handed on, so nothing is missed. What arrives twice by that is known again by its ids.
    """

    def __init__(self, plan: LinkPlan, *, transport: Transport, clock: Clock, backoff: Backoff) -> None:
        self._plan = plan
        self._transport = transport
        self._clock = clock
        self._backoff = backoff
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._wants_renewal = ""
        self._up = asyncio.Event()
        self.session: Session | None = None
        """The connection in use; None while there is none."""
        self.reconnects = 0

    def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.create_task(self._run(), name=f"link {self._plan.name}")

    @property
    def is_started(self) -> bool:
        """Whether it was started, and not closed since."""
        return self._task is not None

    async def up(self) -> Session:
        """Wait until the link is up, and return its connection.

        Raises whatever ended the link, if it ended.
        """
        while self.session is None:
            assert self._task is not None, "started"
            waiting = asyncio.create_task(self._up.wait())
            try:
                await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()
            if self._task.done():
                self._task.result()
                raise Unreachable(f"link {self._plan.name} is closed")
        return self.session

    def renew(self, reason: str) -> None:
        """Replace the connection by a new one."""
        self._wants_renewal = reason
        self._wake.set()

    def drop(self, reason: str) -> bool:
        """Give the connection up at once, and connect anew; returns whether there was one."""
        if self.session is None or self.session.closed is not None:
            return False
        self.session.end(reason)
        return True

    async def close(self) -> None:
        """Close the connection for good."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            await self._stay_up()
        except CredentialsError as error:
            self._plan.refused(error)
            raise

    async def _stay_up(self) -> None:
        while True:
            try:
                session = await self._open()
            except (Unreachable, Unanswered, NoAnswerError, VenueError, TimeoutError) as error:
                self._plan.tell(False, f"cannot connect: {error}")
                await self._clock.sleep(self._backoff.next_s())
                continue
            self._use(session, "connected")
            try:
                reason = await self._keep()
            finally:
                last, self.session = self.session, None
                self._up.clear()
                if last is not None:
                    await last.close()
            self._plan.tell(False, reason)
            self.reconnects += 1
            if self._clock.now_ns() - session.opened_ns > _STEADY_NS:
                self._backoff.reset()
            await self._clock.sleep(self._backoff.next_s())

    async def _open(self) -> Session:
        session = Session(self._clock)
        url = await self._plan.url()
        socket = await self._transport.connect(url, partial(self._read, session), session.end, seconds=_OPEN_S)
        session.opened(socket)
        try:
            await self._plan.prepare(session)
        except BaseException:
            await session.close()
            raise
        return session

    def _read(self, session: Session, data: bytes) -> None:
        try:
            if session.closed is None and (name := self._plan.read(session, data)) is not None:
                now_ns = self._clock.now_ns()
                if session.kept is None and session is self.session:
                    self._plan.read_data(data, now_ns, name)
                else:
                    self._keep_aside(session, data, now_ns, name)
        except Exception as error:
            # A message that cannot be handled must not pass unseen, nor may it end the loop it came from.
            context = {"message": f"link {self._plan.name}: a message could not be handled", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
            session.end(f"{type(error).__name__} while a message was handled")

    @staticmethod
    def _keep_aside(session: Session, data: bytes, now_ns: int, name: bytes) -> None:
        if session.kept is None:
            return  # what an old one still says was kept of the new one
        if len(session.kept) < _KEPT:
            session.kept.append((data, now_ns, name))
        else:
            session.end("too much arrived before it was in use")

    def _use(self, session: Session, reason: str) -> None:
        """Read a session from now on, what it has kept first."""
        self.session = session
        self._plan.tell(True, reason)
        kept, session.kept = session.kept, None
        for data in kept or ():
            self._plan.read_data(*data)
        self._up.set()

    async def _keep(self) -> str:
        """Keep the session in use, renewing it when it is time; returns why the last one ended."""
        while True:
            assert self.session is not None
            session = self.session
            timers = self._timers(session)
            waking = asyncio.create_task(self._wake.wait())
            ending = asyncio.create_task(session.ended.wait())
            beating = asyncio.create_task(self._beat(session))
            try:
                await asyncio.wait({waking, ending}, return_when=asyncio.FIRST_COMPLETED)
                if session.closed is not None:
                    return session.closed
                self._wake.clear()
                await self._replace(session)
            finally:
                for timer in timers:
                    timer.cancel()
                for task in (waking, ending, beating):
                    task.cancel()
                await asyncio.gather(waking, ending, beating, return_exceptions=True)

    def _timers(self, session: Session) -> list[Timer]:
        if self._plan.renew_s is None:
            return []
        age_s = (self._clock.now_ns() - session.opened_ns) / 1e9
        return [self._clock.call_later(max(0.0, self._plan.renew_s - age_s), lambda: self.renew("its time is over"))]

    async def _beat(self, session: Session) -> None:
        if self._plan.beat is None:
            return
        seconds, beat = self._plan.beat
        while True:
            await self._clock.sleep(seconds)
            try:
                await beat(session)
            except (Unreachable, Unanswered, NoAnswerError, VenueError, CredentialsError) as error:
                session.end(f"no answer to a heartbeat: {error}")
                return

    async def _replace(self, old: Session) -> None:
        """Open a new session beside the old one and go over to it; where that fails the old one stays for a while."""
        reason, self._wants_renewal = self._wants_renewal, ""
        try:
            new = await self._open()
        except (Unreachable, Unanswered, NoAnswerError, VenueError, TimeoutError) as error:
            self._plan.tell(True, f"cannot be renewed yet: {error}")
            await self._clock.sleep(self._backoff.next_s())
            self.renew(reason)
            return
        try:
            with suppress(TimeoutError):  # the time in which both are read is over, or only the new one is left
                await within(self._clock, self._plan.overlap_s, old.ended.wait())
        except asyncio.CancelledError:
            await new.close()
            raise
        if new.closed is not None:
            self.renew(reason)
            return
        self._use(new, f"renewed: {reason}")
        await old.close()
