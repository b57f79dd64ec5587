"""What every connector does alike: begin, subscribe, watch, send, end."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Container, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from random import Random
from typing import Any

from tradecore._core import Command, Instrument
from tradecore.errors import CredentialsError, InvalidValueError, NoAnswerError, UnknownInstrumentError, VenueError
from tradecore.venues.account import AccountStreams
from tradecore.venues.api import VenueApi
from tradecore.venues.batches import Batches
from tradecore.venues.clock import Clock, SystemClock
from tradecore.venues.connector import Connector, Health
from tradecore.venues.events import ClockMeasured, Event, Sink, Stream, VenueReport
from tradecore.venues.listing import Listing
from tradecore.venues.orders import OrderDesk, OrderState, reports_of
from tradecore.venues.signing import Credentials
from tradecore.venues.streams import MarketStreams
from tradecore.venues.subscriptions import Subscriptions, Topic
from tradecore.venues.tasks import Tasks
from tradecore.venues.transport import NetworkTransport, Transport

__all__ = ["VenueConnector"]

_CLOCK_S = 60.0
_CHECK_S = 1.0


class VenueConnector(Connector):
    """A connector without what is the venue's own; which is what :class:`Connector` leaves open beside this, and hooks.

    Parameters
    ----------
    venue : str
    credentials : Credentials, optional
    url : str, optional
        One address in place of the venue's hosts.
    is_testnet : bool
        Whether to use the hosts of the venue's test network.
    transport, clock : optional
        The network and the machine's clock if not given.
    seed : int, optional
        Of the waits between attempts; drawn by the system if not given.
    """

    _api: VenueApi
    _streams: MarketStreams
    _account: AccountStreams
    _offered: Container[Stream]
    """Streams that the venue sends of its instruments."""

    def __init__(
        self,
        venue: str,
        *,
        credentials: Credentials | None,
        url: str | None,
        is_testnet: bool,
        transport: Transport | None = None,
        clock: Clock | None = None,
        seed: int | None = None,
    ) -> None:
        self.name = venue
        self._origin: dict[str, Any] = {"credentials": credentials, "url": url, "is_testnet": is_testnet}
        self.has_keys = credentials is not None
        self.unusable: Mapping[str, str] = {}
        self._clock = clock or SystemClock()
        self._transport = transport or NetworkTransport(self._clock)
        self._random = Random(seed)
        self._shared: dict[str, Any] = {"transport": self._transport, "clock": self._clock, "random": self._random}
        self._tasks = Tasks()
        self._sink: Sink | None = None
        self._instruments: dict[str, Instrument] = {}
        self._wanted = Subscriptions()
        self._polls: dict[Topic, asyncio.Task[Any]] = {}
        self._answered: set[Topic] = set()
        self._batches = Batches(self._send_batch)
        self._desk = OrderDesk(venue, self, clock=self._clock, random=self._random, tell=self._tell, tasks=self._tasks)

    # Of the venue.

    @abstractmethod
    async def _listing(self) -> Listing:
        """Ask what the venue lists."""

    @abstractmethod
    def _private(self, message: Mapping[str, Any], ts_recv: int) -> None:
        """Take a message about the account."""

    @property
    @abstractmethod
    def _resyncs(self) -> int:
        """How many books began anew."""

    @abstractmethod
    async def carry_out(self, command: Command) -> VenueReport:
        """Send a command, as :class:`~tradecore.venues.orders.OrderInterface` says."""

    @abstractmethod
    async def look_up(self, instrument: str, client_id: str) -> OrderState | None:
        """Return how an order stands, likewise."""

    @abstractmethod
    async def _send_batch(self, kind: Any, requests: Sequence[Any]) -> Sequence[Any]:
        """Send requests of a kind, as :class:`~tradecore.venues.batches.Batches` says."""

    def _polled(self, stream: Stream) -> bool:
        """Return whether a stream is asked for by requests, by :meth:`_poll`."""
        return False

    async def _poll(self, topic: Topic) -> None:
        """Ask for a topic for as long as it is wanted, and add it to ``_answered`` when it was."""

    # Alike for all.

    async def start(self, sink: Sink) -> None:
        """Measure the venue's clock, read its instruments and connect; with keys also to the account."""
        self._sink = sink
        for _ in range(3):
            await self._api.measure_clock()
        self._tell_clock()
        await self._read_listing()
        if self.has_keys:
            if (await self.permissions()).can_withdraw:
                raise CredentialsError(self.name, "the key may withdraw: take that right from it")
            await self._account.start()
        self._tasks.start(self._keep_clock(), "clock")
        self._tasks.start(self._keep_watch(), "watch")

    async def close(self) -> None:
        """End every task and close every socket."""
        self._sink = None
        await self._tasks.close()
        await self._streams.close()
        await self._account.close()
        await self._transport.close()

    async def instruments(self) -> Mapping[str, Instrument]:
        """Return what the venue lists, by id."""
        if not self._instruments:
            await self._read_listing()
        return self._instruments

    def subscribe(self, owner: str, instrument: str, streams: Iterable[Stream]) -> None:
        """Have streams of an instrument delivered for an owner."""
        streams = list(streams)
        if instrument not in self._instruments:
            raise UnknownInstrumentError(instrument)
        for stream in streams:
            if not (self._polled(stream) or stream in self._offered):
                raise InvalidValueError("stream", f"{instrument} has no {stream}")
        for topic in self._wanted.add(owner, instrument, streams):
            if self._polled(topic[1]):
                self._polls[topic] = self._tasks.start(self._poll(topic), f"poll {instrument}")
            else:
                self._streams.add([topic])

    def unsubscribe(self, owner: str, instrument: str, streams: Iterable[Stream]) -> None:
        """Give up streams."""
        for topic in self._wanted.remove(owner, instrument, streams):
            if self._polled(topic[1]):
                self._polls.pop(topic).cancel()
                self._answered.discard(topic)
            else:
                self._streams.remove([topic])

    def send(self, command: Command) -> Coroutine[Any, Any, VenueReport]:
        """Carry out a command."""
        return self._desk.send(command)

    def together(self) -> AbstractContextManager[None]:
        """Have commands that are sent in a block go out when it ends."""
        return self._batches.together()

    async def cancel_apart(self, instruments: Iterable[str]) -> None:
        """Cancel every open order of some instruments over connections of its own."""
        own = type(self)(self.name, **self._origin)
        async with own:
            await own._api.measure_clock()
            for instrument in instruments:
                await own.cancel_all(instrument)

    async def query(self, instrument: str, client_id: str) -> Sequence[VenueReport]:
        """Ask what became of an order."""
        state = await self.look_up(instrument, client_id)
        if state is None:
            return []
        report = VenueReport(
            venue=self.name, ts_recv=self._clock.now_ns(), instrument=instrument, kind="accepted", order=client_id
        )
        return reports_of(state, report)

    def delivers(self, instrument: str, stream: Stream) -> bool:
        """Return whether a stream was acknowledged and has delivered, and is not silent."""
        topic = instrument, stream
        return topic in self._answered or self._streams.is_there(topic)

    @property
    def good_for_s(self) -> float:
        """How long after it was sent a request may still be taken by the venue, seconds."""
        return self._api.good_for_s

    @property
    def clock_offset_ns(self) -> int | None:
        """The venue's clock minus ours; None before :meth:`start`."""
        return self._api.offset.ns

    @property
    def health(self) -> Health:
        """How it is doing now."""
        return Health(
            links={**self._streams.links, **self._account.links},
            silent=self._streams.silent,
            frames=self._streams.frames,
            reconnects=self._streams.reconnects,
            resyncs=self._resyncs,
            unresolved=self._desk.unresolved,
            clock_offset_ns=self.clock_offset_ns,
            requests=dict(self._api.requests),
            request_times=self._api.request_times,
            remaining=self._api.limiter.remaining(self._clock.now_ns()),
        )

    def _tell(self, event: Event) -> None:
        if self._sink is not None:
            self._sink(event)

    async def _read_listing(self) -> None:
        listed, self.unusable = await self._listing()
        self._instruments.clear()  # filled in place: readers of messages hold it
        self._instruments.update(listed)

    async def _keep_clock(self) -> None:
        while True:
            await self._clock.sleep(_CLOCK_S)
            with suppress(VenueError, NoAnswerError):  # what was measured before goes on counting
                await self._api.measure_clock()
                self._tell_clock()

    def _tell_clock(self) -> None:
        if (offset_ns := self.clock_offset_ns) is not None:
            self._tell(ClockMeasured(self.name, self._clock.now_ns(), offset_ns))

    async def _keep_watch(self) -> None:
        while True:
            await self._clock.sleep(_CHECK_S)
            self._streams.check()
