"""Requests to a venue: its limits kept, what failed told apart from what nobody knows, reads tried again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from tradecore.errors import NoAnswerError, VenueError
from tradecore.venues.backoff import Backoff
from tradecore.venues.clock import Clock
from tradecore.venues.limits import RateLimiter
from tradecore.venues.transport import Answer, Transport, Unanswered, Unreachable

__all__ = ["RATE", "Rest", "read_again"]

RATE = "rate"
"""Code of an error for a request that was not sent, or not taken, since there were too many."""

_T = TypeVar("_T")
_ATTEMPTS = 4


class Rest:
    """Sends requests of a venue.

    Parameters
    ----------
    venue : str
        For messages.
    transport, clock, limiter
    seconds : float
        How long an answer may take.
    """

    def __init__(
        self,
        venue: str,
        *,
        transport: Transport,
        clock: Clock,
        limiter: RateLimiter,
        seconds: float = 10.0,
    ) -> None:
        self._venue = venue
        self._transport = transport
        self._clock = clock
        self._limiter = limiter
        self._seconds = seconds

    async def turn(
        self, request: str, costs: Mapping[str, int], *, urgent: bool = False, patience_s: float | None = None
    ) -> None:
        """Wait until the limits have room for a request, at most ``patience_s``, as long as it takes if not given.

        Raises
        ------
        VenueError
            With the code ``rate`` when that would take too long.
        """
        waited_ns = 0
        while wait_ns := self._limiter.take(costs, self._clock.now_ns(), urgent=urgent):
            waited_ns += wait_ns
            if patience_s is not None and waited_ns > patience_s * 1e9:
                reason = self._limiter.stopped_by or "its own limits"
                raise VenueError(self._venue, request, RATE, f"held back for {wait_ns / 1e9:.3g} s by {reason}")
            await self._clock.sleep(wait_ns / 1e9)

    async def ask(
        self,
        method: str,
        path: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        sees: Callable[[Answer], None] = lambda answer: None,
    ) -> Answer:
        """Send a request and return its answer, whatever status below 500 it has.

        Parameters
        ----------
        method, path
            What it is called in messages; the query is left out of them.
        url, headers, body
            As they go out.
        sees : callable
            Is shown every answer first, for what its headers say of limits.

        Raises
        ------
        VenueError
            When nothing was sent, or there were too many requests (code ``rate``).
        NoAnswerError
            When no answer came, or one that does not say whether the request was carried out.
        """
        request = f"{method} {path}"
        try:
            answer = await self._transport.request(method, url, headers, body, seconds=self._seconds)
        except Unreachable as error:
            raise VenueError(self._venue, request, "", f"cannot be reached: {error}") from None
        except Unanswered as error:
            raise NoAnswerError(self._venue, request, str(error)) from None
        sees(answer)
        if answer.status in (418, 429):
            self.hold_back(answer.status, answer.headers.get("retry-after"))
            raise VenueError(self._venue, request, RATE, f"too many requests (status {answer.status})")
        if answer.status >= 500:
            raise NoAnswerError(self._venue, request, f"status {answer.status}")
        return answer

    def hold_back(self, status: int, retry_after: str | float | None) -> None:
        """Stop everything for as long as the venue asks; where it does not say, for longer after a ban."""
        try:
            seconds = float(retry_after) if retry_after is not None else 0.0
        except ValueError:
            seconds = 0.0
        seconds = seconds if seconds > 0 else {418: 120.0}.get(status, 5.0)
        self._limiter.stop(self._clock.now_ns() + round(seconds * 1e9), f"status {status} of the venue")


async def read_again(clock: Clock, backoff: Backoff, read: Callable[[], Awaitable[_T]]) -> _T:
    """Carry out what changes nothing at the venue, and try again where no answer came or there were too many requests.

    Raises
    ------
    VenueError, NoAnswerError
        When it failed for good, or several times.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return await read()
        except NoAnswerError:
            pass
        except VenueError as error:
            if error.code not in ("", RATE):
                raise
        await clock.sleep(backoff.next_s())
    return await read()
