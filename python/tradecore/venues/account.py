"""The connections that a venue tells of an account on, and takes orders on."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any, ClassVar

import orjson

from tradecore.errors import CredentialsError, NoAnswerError
from tradecore.venues.backoff import Backoff
from tradecore.venues.clock import Clock, within
from tradecore.venues.events import LinkState, Sink
from tradecore.venues.link import Link, LinkPlan, Session
from tradecore.venues.transport import Transport

__all__ = ["AccountStreams"]

_CONNECT_S = 30.0


class AccountStreams(ABC):
    """What a venue says of an account, without what is the venue's own.

    Parameters
    ----------
    venue : str
    names : sequence of str
        Of the connections.
    order_entry : str, optional
        The one that orders go out on; None where they go out as requests.
    transport, clock
    random : Random
        Spreads the waits between attempts to connect.
    tell : Sink
        Is told whether the connections are up.
    read : callable
        Is given each message about the account and when it was read, ns UTC.
    """

    _renew_s: ClassVar[float | None] = None
    """Age at which a connection is replaced."""
    _overlap_s: ClassVar[float] = 0.0
    """How long both are read then."""

    def __init__(
        self,
        venue: str,
        names: Sequence[str],
        *,
        order_entry: str | None = None,
        transport: Transport,
        clock: Clock,
        random: Random,
        tell: Sink,
        read: Callable[[Mapping[str, Any], int], None],
    ) -> None:
        self._venue = venue
        self._order_entry = order_entry
        self._clock = clock
        self._tell = tell
        self._read = read
        self._links = {
            name: Link(self._plan(name), transport=transport, clock=clock, backoff=Backoff(random)) for name in names
        }

    @abstractmethod
    async def _url(self, name: str) -> str:
        """Return the address of a connection."""

    @abstractmethod
    async def _prepare(self, name: str, session: Session) -> None:
        """Log in and subscribe on a new connection."""

    @abstractmethod
    def _take(self, name: str, session: Session, message: Mapping[str, Any]) -> None:
        """Take a message of a connection: an answer, or something to read."""

    def _beat(self, name: str) -> tuple[float, Callable[[Session], Awaitable[None]]] | None:
        """Return what is done on a connection each so many seconds, if anything is."""
        return None

    async def start(self) -> None:
        """Connect, and return when the venue has let us in.

        Raises
        ------
        CredentialsError
            For a key that the venue does not take.
        NoAnswerError
            When it cannot be reached for half a minute, or does not let us in.
        """
        for link in self._links.values():
            link.start()
        try:
            await within(self._clock, _CONNECT_S, asyncio.gather(*(link.up() for link in self._links.values())))
        except TimeoutError as error:
            raise NoAnswerError(self._venue, "connect to the account", str(error)) from None

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(link.close() for link in self._links.values()))

    @property
    def orders(self) -> Session | None:
        """The connection that orders go out on; None where they go out as requests, or it is down."""
        return None if self._order_entry is None else self._links[self._order_entry].session

    @property
    def links(self) -> dict[str, bool]:
        """Which connections are up."""
        return {name: link.session is not None for name, link in self._links.items() if link.is_started}

    def _plan(self, name: str) -> LinkPlan:
        def read(session: Session, data: bytes) -> None:
            try:
                message = orjson.loads(data)
            except orjson.JSONDecodeError:
                session.end("a message that is no JSON")  # of the account nothing may be missed
                return
            self._take(name, session, message)

        return LinkPlan(
            name=name,
            url=lambda: self._url(name),
            prepare=lambda session: self._prepare(name, session),
            read=read,
            tell=partial(self._told, name),
            refused=lambda error: self._told(name, False, str(error), error),
            renew_s=self._renew_s,
            overlap_s=self._overlap_s,
            beat=self._beat(name),
        )

    def _told(self, name: str, is_up: bool, reason: str, error: CredentialsError | None = None) -> None:
        self._tell(LinkState(self._venue, self._clock.now_ns(), name, is_up, reason, error))
