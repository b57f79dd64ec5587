"""What a session needs of a venue, whichever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Protocol, Self

from tradecore._core import Command, Instrument
from tradecore.histogram import Histogram
from tradecore.reconcile import VenueAccount, VenueExecution, VenueOrder
from tradecore.venues.events import Balance, Sink, Stream, VenueReport

__all__ = ["Connector", "Health", "Permissions", "Resyncing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the connection to a venue is doing.

    Parameters
    ----------
    links : mapping of str to bool
        Which connections are up.
    silent : tuple of (str, Stream)
        What was subscribed to and is not delivered, or not any more.
    frames, reconnects, resyncs : int
        Counts since the start.
    unresolved : int
        Orders of which nobody knows what became of them.
    clock_offset_ns : int or None
        The venue's clock minus ours; None before the first measurement.
    requests : mapping of str to int
        Requests so far by their outcome: ``answered``, ``unanswered``, ``unreachable``.
    request_times : Histogram
        How long answers took, seconds.
    remaining : mapping of str to int
        What is left of the venue's limits of requests, by name.
    """

    links: Mapping[str, bool]
    silent: tuple[tuple[str, Stream], ...]
    frames: int
    reconnects: int
    resyncs: int
    unresolved: int
    clock_offset_ns: int | None
    requests: Mapping[str, int]
    request_times: Histogram
    remaining: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What a key may do; None where the venue does not say."""

    can_trade: bool | None
    can_withdraw: bool | None


class Resyncing(Protocol):
    """What of a connector is asked where a book has lost something."""

    def resync(self, instrument: str, reason: str) -> None:
        """Have a book begin anew."""


class Connector(ABC):
    """A venue: market data in, orders out.

    Everything that happens is told to one sink, in the thread of the event loop, in the order in which it arrived.
    ``async with connector`` closes what :meth:`start` opened, every task and socket.

    A command is sent by :meth:`send` and answered by a report. Where no answer came the report is ``unknown``: the
    order is then looked up by its client id until the venue says what became of it, which is told to the sink, and
    until then nothing else of that order is sent.
    """

    name: str
    """The venue's name, as in ``SYMBOL.VENUE``."""

    has_keys: bool
    """Whether there are keys, without which only market data is to be had."""

    unusable: Mapping[str, str]
    """What the venue lists and cannot be used, by id, with the reason."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @abstractmethod
    async def start(self, sink: Sink) -> None:
        """Measure the venue's clock, read its instruments and connect; with keys also to the account.

        Raises
        ------
        CredentialsError
            For a key that the venue does not take, or one that may withdraw.
        VenueError, NoAnswerError
            When the venue refuses, or cannot be reached.
        """

    @abstractmethod
    async def close(self) -> None:
        """End every task and close every socket. Orders stay as they are. Nothing happens the second time."""

    @abstractmethod
    async def instruments(self) -> Mapping[str, Instrument]:
        """Return what the venue lists, by id, with its present steps and sizes; fees are not among its rules."""

    @abstractmethod
    def subscribe(self, owner: str, instrument: str, streams: Iterable[Stream]) -> None:
        """Have streams of an instrument delivered for an owner, at once or when the connection is up.

        What several owners want is subscribed once, and lasts until the last of them gives it up.

        Raises
        ------
        InvalidValueError
            For a stream the venue does not have.
        UnknownInstrumentError
            For an instrument it does not list.
        """

    @abstractmethod
    def unsubscribe(self, owner: str, instrument: str, streams: Iterable[Stream]) -> None:
        """Give up streams. What the owner does not have is left alone."""

    @abstractmethod
    def delivers(self, instrument: str, stream: Stream) -> bool:
        """Return whether a stream was acknowledged and has delivered, and is not silent."""

    @abstractmethod
    def resync(self, instrument: str, reason: str) -> None:
        """Have a book begin anew with a snapshot, which arrives as a frame; asked for again, it waits its turn."""

    @abstractmethod
    async def send(self, command: Command) -> VenueReport:
        """Carry out a command: a new order, a replacement or a cancel.

        The report says what is known when the venue has answered; more follows at the sink. A command that the venue's
        interface has no words for is rejected with the reason ``unsupported``.

        Raises
        ------
        CredentialsError
            For a key that the venue does not take any more, or that may not do this. The report is told at the sink.
        """

    def together(self) -> AbstractContextManager[None]:
        """Have commands that are sent in a block go out when it ends, several in one request where the venue takes it.

        Each is answered by a report of its own. The tasks that send them have to have begun in the block.
        """
        return nullcontext()

    @abstractmethod
    async def cancel_all(self, instrument: str) -> None:
        """Cancel every open order of an instrument, whoever sent it. Each cancel is told at the sink.

        What was not taken or not answered is asked for again, a few times.

        Raises
        ------
        VenueError, NoAnswerError
        """

    @abstractmethod
    async def cancel_apart(self, instruments: Iterable[str]) -> None:
        """Cancel every open order of some instruments over connections of its own, in any event loop.

        For when the loop that the connector is used in stands still; this needs no :meth:`start`.

        Raises
        ------
        VenueError, NoAnswerError
        """

    @abstractmethod
    async def query(self, instrument: str, client_id: str) -> Sequence[VenueReport]:
        """Ask what became of an order: that it was accepted, its fills, its end. Nothing if the venue never had it.

        Raises
        ------
        VenueError, NoAnswerError
        """

    @property
    @abstractmethod
    def good_for_s(self) -> float:
        """How long after it was sent a request may still be taken by the venue, seconds."""

    @abstractmethod
    async def keep_alive(self, instrument: str, seconds: float) -> bool:
        """Have the venue cancel an instrument's orders unless it is told so again in time; 0 ends that.

        Returns
        -------
        bool
            Whether the venue has such a switch.
        """

    @abstractmethod
    async def executions(self, instruments: Iterable[str], since_ns: int) -> Sequence[VenueExecution]:
        """Return own executions of some instruments from a time on, ns UTC, oldest first."""

    @abstractmethod
    async def open_orders(self) -> Sequence[VenueOrder]:
        """Return own open orders."""

    @abstractmethod
    async def positions(self) -> Mapping[str, Decimal]:
        """Return signed quantities by instrument, those that are not 0; of spot there are none."""

    @abstractmethod
    async def balances(self) -> Sequence[Balance]:
        """Return what the account holds."""

    @abstractmethod
    async def permissions(self) -> Permissions:
        """Return what the key may do."""

    @property
    @abstractmethod
    def clock_offset_ns(self) -> int | None:
        """The venue's clock minus ours; None before :meth:`start`."""

    @property
    @abstractmethod
    def health(self) -> Health:
        """How it is doing now."""

    async def account(self, instruments: Iterable[str], since_ns: int) -> VenueAccount:
        """Return all that reconciliation asks for: executions are read last, so that none is behind the orders."""
        orders = await self.open_orders()
        positions = await self.positions()
        balances = await self.balances()
        return VenueAccount(
            orders=orders,
            executions=await self.executions(instruments, since_ns),
            positions=positions,
            balances={balance.currency: balance.total for balance in balances},
        )
