"""Requests to a venue: its limits kept, what failed told apart from what nobody knows, reads tried again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from functools import partial
from random import Random
from typing import Any, ClassVar, TypeVar

from tradecore.errors import CredentialsError, NoAnswerError, VenueError
from tradecore.histogram import Histogram
from tradecore.venues.backoff import Backoff
from tradecore.venues.clock import Clock, ClockOffset
from tradecore.venues.limits import Limit, RateLimiter
from tradecore.venues.link import Session
from tradecore.venues.transport import Answer, Transport, Unanswered, Unreachable

__all__ = ["RATE", "VenueApi", "is_transient"]

RATE = "rate"
"""Code of an error for a request that was not sent, or not taken, since there were too many."""

_T = TypeVar("_T")
_ATTEMPTS = 4
_ANSWER_S = 10.0
_PATIENCE_NS = 1_000_000_000


def is_transient(error: VenueError) -> bool:
    """Return whether a request failed for want of a connection or of room, so that the same may be sent again."""
    return error.code in ("", RATE)


class VenueApi(ABC):
    """Requests of a venue, without what is its own: addresses, signatures, errors.

    Parameters
    ----------
    venue : str
        For messages.
    url : str
        What the addresses of requests begin with.
    limits : iterable of Limit
        As documented.
    transport, clock
    random : Random
        Spreads the waits between attempts.
    """

    good_for_s: ClassVar[float]
    """How long after it was sent a request may still be taken by the venue, seconds."""

    _wrong_time: ClassVar[str]
    """Code of the error for a request that was refused for its time."""

    _used: ClassVar[Mapping[str, str]] = {}
    """Limits by the headers that say how much of them is used."""

    def __init__(
        self, venue: str, url: str, limits: Iterable[Limit], *, transport: Transport, clock: Clock, random: Random
    ) -> None:
        self.venue = venue
        self.offset = ClockOffset()
        self.limiter = RateLimiter(limits)
        self.requests: Counter[str] = Counter()
        """Requests by their outcome."""
        self.request_times = Histogram()
        """How long answers took, seconds."""
        self._url = url
        self._transport = transport
        self._clock = clock
        self._random = random

    @abstractmethod
    async def measure_clock(self) -> None:
        """Ask the venue for its time, and count the answer in."""

    def now_ms(self) -> int:
        """Return the venue's time, ms UTC."""
        return (self._clock.now_ns() + (self.offset.ns or 0)) // 1_000_000

    def ask_on(self, session: Session, request: str, key: str, text: bytes) -> Coroutine[Any, Any, Any]:
        """Send a request on a WebSocket, once awaited, and return what the session is given for its key.

        Raises
        ------
        VenueError
            When nothing was sent.
        NoAnswerError
            When no answer came.
        """
        return self._answer(request, session.ask, key, text)

    def _has_room(self, costs: Mapping[str, int], *, urgent: bool) -> bool:
        """Spend costs if the limits have room for them now; what has no room waits in :meth:`_turn`."""
        return not self.limiter.take(costs, self._clock.now_ns(), urgent=urgent)

    async def _turn(
        self, request: str, costs: Mapping[str, int], *, is_read: bool = False, urgent: bool = False
    ) -> None:
        """Wait until the limits have room for a request.

        What only reads and what is urgent, a cancel, is good whenever it comes; the rest waits for a second at most.

        Raises
        ------
        VenueError
            With the code ``rate`` when that would take longer.
        """
        is_patient = is_read or urgent
        waited_ns = 0
        while wait_ns := self.limiter.take(costs, self._clock.now_ns(), urgent=urgent):
            waited_ns += wait_ns
            if waited_ns > _PATIENCE_NS and not is_patient:
                reason = self.limiter.stopped_by or "its own limits"
                raise VenueError(self.venue, request, RATE, f"held back for {wait_ns / 1e9:.3g} s by {reason}")
            await self._clock.sleep(wait_ns / 1e9)

    async def _ask(
        self,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        url: str | None = None,
    ) -> Answer:
        """Send a request and return its answer, whatever status below 500 it has; ``url`` is of another host.

        Raises
        ------
        VenueError
            When nothing was sent, or there were too many requests (code ``rate``).
        NoAnswerError
            When no answer came, or one that does not say whether the request was carried out.
        """
        request = f"{method} {path}"  # the query is left out of messages
        url = f"{url or self._url}{path}" + (f"?{query}" if query else "")
        answer = await self._answer(
            request, partial(self._transport.request, seconds=_ANSWER_S), method, url, headers, body
        )
        for header, name in self._used.items():
            if (used := answer.headers.get(header)) is not None and used.isdigit():
                self.limiter.observe(name, int(used), self._clock.now_ns())
        if answer.status in (418, 429):
            self._hold_back(answer.status, answer.headers.get("retry-after"))
            raise VenueError(self.venue, request, RATE, f"too many requests (status {answer.status})")
        if answer.status >= 500:
            raise NoAnswerError(self.venue, request, f"status {answer.status}")
        return answer

    async def _answer(self, request: str, ask: Callable[..., Awaitable[_T]], *given: Any) -> _T:
        asked_ns = self._clock.now_ns()
        try:
            answer = await ask(*given)
        except Unreachable as error:
            self.requests["unreachable"] += 1
            raise VenueError(self.venue, request, "", f"cannot be reached: {error}") from None
        except Unanswered as error:
            self.requests["unanswered"] += 1
            raise NoAnswerError(self.venue, request, str(error)) from None
        self.requests["answered"] += 1
        self.request_times.observe((self._clock.now_ns() - asked_ns) / 1e9)
        return answer

    def _hold_back(self, status: int, retry_after: str | float | None) -> None:
        """Stop everything for as long as the venue asks; where it does not say, for longer after a ban."""
        try:
            seconds = float(retry_after) if retry_after is not None else 0.0
        except ValueError:
            seconds = 0.0
        seconds = seconds if seconds > 0 else {418: 120.0}.get(status, 5.0)
        self.limiter.stop(self._clock.now_ns() + round(seconds * 1e9), f"status {status} of the venue")

    async def again(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """Ask for what does no harm twice, such as what only reads, again where no answer came or it was not taken.

        Raises
        ------
        VenueError, NoAnswerError
            When it failed for good, or several times.
        """
        backoff = Backoff(self._random, first_s=0.25, most_s=5.0)
        for _ in range(_ATTEMPTS - 1):
            try:
                return await ask()
            except NoAnswerError:
                pass
            except VenueError as error:
                if not is_transient(error):
                    raise
            await self._clock.sleep(backoff.next_s())
        return await ask()

    async def _pages(
        self, read: Callable[[dict[str, str]], Awaitable[Any]], rows: str, cursor: str
    ) -> AsyncIterator[Any]:
        """Yield the rows of all pages of a list, which ``read`` asks for with what names a further one.

        ``rows`` and ``cursor`` are where an answer has them, and the name of the next page.
        """
        further: dict[str, str] = {}
        while True:
            answer = await read(further)
            for row in answer[rows]:
                yield row
            if not answer.get(cursor) or not answer[rows]:
                return
            further = {"cursor": answer[cursor]}

    async def _in_time(self, send: Callable[..., Awaitable[_T]], *given: Any) -> _T:
        """Send what is stamped, and once more by a clock measured anew where it was refused for its time."""
        try:
            return await send(*given)
        except VenueError as error:
            if error.code != self._wrong_time:
                raise
        self.offset.restart()
        await self.measure_clock()
        return await send(*given)

    def _needed(self, held: _T | None) -> _T:
        """Return a key or a signer.

        Raises
        ------
        CredentialsError
            Where there is none.
        """
        if held is None:
            raise CredentialsError(self.venue, "there are none")
        return held
