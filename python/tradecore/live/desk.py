"""Who carries out a session's commands: a simulated exchange on paper, the venues themselves live."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, Protocol, TypeAlias

from tradecore._core import Command, FeedDecoder, Instrument, Kernel, Notice, Refusal, SimExchange
from tradecore.errors import CredentialsError, TradecoreError
from tradecore.instruments import venue_of
from tradecore.types import EventKind
from tradecore.venue import SimVenue
from tradecore.venues import Connector
from tradecore.venues.events import VenueReport
from tradecore.venues.tasks import begin

__all__ = ["Desk", "History", "PaperDesk", "VenueDesk", "earlier"]

History: TypeAlias = tuple[Sequence[tuple[Any, ...]], Sequence[tuple[Any, ...]]]
"""Fills and payments, as ``SimExchange.take_over`` takes them."""


def earlier(one: int | None, other: int | None) -> int | None:
    """Return the earlier of two times at which something is due; None where nothing is."""
    return other if one is None or (other is not None and other < one) else one


class Desk(Protocol):
    """What a session sends its commands through. Times are ns UTC, markets are the kernel's."""

    sees_market: bool
    """Whether it has to see market data."""

    def message(self, at_ns: int, market: int, source: FeedDecoder | Mapping[str, Any]) -> int | None:
        """See market data before the kernel does; returns when something is due here after that."""

    def send(self, at_ns: int, commands: Sequence[Command], refusals: Sequence[Refusal]) -> None:
        """Let commands go, and bring back what the kernel's own gate refused when the venue's word would come."""

    def next_due(self) -> int | None:
        """Return when something happens here by itself; None where venues speak when they like."""

    def advance(self, at_ns: int) -> Sequence[Notice]:
        """Let that happen, and return what comes of it."""

    def cancel_all(self, at_ns: int) -> None:
        """Cancel every order, of a session that ends: also those that are on their way, once they are there."""

    def cancel_in(self, instrument: str) -> None:
        """Cancel every order of an instrument, also those that nobody here knows."""

    def take_over(self, kernel: Kernel, history: Callable[[], History]) -> None:
        """Know what a session that goes on had before, and by which fills and payments it came to it."""

    @property
    def is_busy(self) -> bool:
        """Whether something is on its way to a venue."""

    async def close(self) -> None:
        """Wait for what is on its way."""

    async def abandon(self) -> None:
        """Leave alone what is still on its way, of a session that was cut off: the one that goes on asks for it."""


class PaperDesk:
    """Trades against a simulated exchange: the venue of backtests, moved by live data at its receipt.

    Parameters
    ----------
    instruments : sequence of Instrument
        In the order of the kernel's markets.
    venues : mapping of str to SimVenue
        Settings by venue.
    seed : int

    Attributes
    ----------
    instruments : list of Instrument
        As the exchange trades them: with its fees, and the orders it takes.
    """

    sees_market = True

    def __init__(self, instruments: Sequence[Instrument], venues: Mapping[str, SimVenue], *, seed: int = 0) -> None:
        self._exchange = SimExchange(seed=seed)
        self._is_ending = False
        self._cancelled: set[int] = set()
        for instrument in instruments:
            self._exchange.add_market(instrument, venues[instrument.venue], list(map(int, EventKind)))
        self.instruments = [self._exchange.instrument(market) for market in range(len(instruments))]

    def message(self, at_ns: int, market: int, source: FeedDecoder | Mapping[str, Any]) -> int | None:
        """Move the market."""
        if isinstance(source, FeedDecoder):
            self._exchange.decoded(at_ns, market, source)
        else:
            self._exchange.message(at_ns, market, source)
        return self.next_due()

    def send(self, at_ns: int, commands: Sequence[Command], refusals: Sequence[Refusal]) -> None:
        """Let the exchange have them."""
        for command in commands:
            self._exchange.command(at_ns, command)
        for refusal in refusals:
            self._exchange.refuse(refusal)

    def next_due(self) -> int | None:
        """Return when something happens in the exchange or arrives from it."""
        return earlier(self._exchange.next_due(), self._exchange.next_report())

    def advance(self, at_ns: int) -> Sequence[Notice]:
        """Let happen what is due, and return what has arrived."""
        if (due := self._exchange.next_due()) is not None and due <= at_ns:
            self._exchange.advance(at_ns)
        if self._is_ending:
            self.cancel_all(at_ns)
        return self._exchange.receive(at_ns)

    def cancel_all(self, at_ns: int) -> None:
        """Cancel every order of the account that all strategies of a session trade on."""
        self._is_ending = True
        for order in self._exchange.open_orders(0):
            if order.order not in self._cancelled:
                self._cancelled.add(order.order)
                self._exchange.cancel(at_ns, 0, order.order, order.market)

    def cancel_in(self, instrument: str) -> None:
        """There are none but those the kernel knows."""

    def take_over(self, kernel: Kernel, history: Callable[[], History]) -> None:
        """Have the account hold what was traded on the exchange of before, which can be reduced then."""
        self._exchange.take_over(kernel, *history())

    @property
    def is_busy(self) -> bool:
        """What is on its way here is the exchange's."""
        return False

    async def close(self) -> None:
        """Nothing is on its way."""

    async def abandon(self) -> None:
        """Nothing is on its way."""


class VenueDesk:
    """Sends commands to venues. Those of one order leave one after the other, each once the one before is answered.

    Parameters
    ----------
    connectors : mapping of str to Connector
        By venue.
    instruments : sequence of Instrument
        In the order of the kernel's markets.
    tell : callable
        Is given the report on each command.
    failed : callable
        Is told what could not be cancelled.
    refused : callable
        Is told of a key that a venue does not take.
    """

    sees_market = False

    def __init__(
        self,
        connectors: Mapping[str, Connector],
        instruments: Sequence[Instrument],
        tell: Callable[[VenueReport], None],
        failed: Callable[[str], None],
        refused: Callable[[CredentialsError], None],
    ) -> None:
        self._connectors = connectors
        self._instruments = instruments
        self._tell = tell
        self._failed = failed
        self._refused = refused
        self._under_way: dict[str, asyncio.Task[None]] = {}
        """The last request of each order, or in each instrument, that is not answered yet."""
        self._requests: set[asyncio.Task[None]] = set()
        """All that are not."""
        self._is_sending = False
        self._is_ending = False

    def message(self, at_ns: int, market: int, source: FeedDecoder | Mapping[str, Any]) -> None:
        """Do nothing: the venues know, and speak when they like."""

    def send(self, at_ns: int, commands: Sequence[Command], refusals: Sequence[Refusal]) -> None:
        """Let commands go, in this call where nothing has to be waited for; several to a venue together.

        A live kernel brings its refusals back by itself.
        """
        self._is_sending = True
        try:
            if len(commands) == 1:
                (command,) = commands
                self._ask(command.client_id, self._carry, command)
            else:
                self._send_together(commands)
        finally:
            self._is_sending = False

    def _send_together(self, commands: Sequence[Command]) -> None:
        with ExitStack() as stack:
            for venue in self._venues(commands):
                stack.enter_context(self._connectors[venue].together())
            for command in commands:
                self._ask(command.client_id, self._carry, command)

    def _venues(self, commands: Sequence[Command]) -> dict[str, None]:
        """Return where commands go, in their order."""
        return dict.fromkeys(self._instruments[command.market].venue for command in commands)

    def next_due(self) -> int | None:
        """Venues speak when they like."""
        return None

    def advance(self, at_ns: int) -> Sequence[Notice]:
        """Nothing happens here by itself."""
        return ()

    def cancel_all(self, at_ns: int) -> None:
        """Ask each venue to cancel everything in each instrument, and again where an order may come behind that."""
        self._is_ending = True
        for instrument in self._instruments:
            self.cancel_in(instrument.id)

    def cancel_in(self, instrument: str) -> None:
        """Ask the venue to."""
        self._ask(instrument, self._cancel, instrument)

    def take_over(self, kernel: Kernel, history: Callable[[], History]) -> None:
        """Do nothing: the venues know."""

    @property
    def is_busy(self) -> bool:
        """Whether something was sent and is not answered."""
        return bool(self._under_way)

    async def close(self) -> None:
        """Wait until what was sent is answered."""
        while self._under_way:
            await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    async def abandon(self) -> None:
        """Wait for no answer any more, and make none of the requests that wait for one."""
        requests = list(self._requests)
        for request in requests:
            request.cancel()
        await asyncio.gather(*requests, return_exceptions=True)

    def _ask(self, key: str, request: Callable[[Any], Coroutine[Any, Any, None]], what: Any) -> None:
        """Make a request once the one before of the same key is answered."""
        before = self._under_way.get(key)
        work = request(what) if before is None else self._after(before, request, what)
        if (task := begin(work)) is not None:
            self._under_way[key] = task
            self._requests.add(task)
            task.add_done_callback(partial(self._answered, key))

    @staticmethod
    async def _after(
        before: asyncio.Task[None], request: Callable[[Any], Coroutine[Any, Any, None]], what: Any
    ) -> None:
        await asyncio.wait((before,))
        await request(what)

    def _answered(self, key: str, task: asyncio.Task[None]) -> None:
        self._requests.discard(task)
        if self._under_way.get(key) is task:
            del self._under_way[key]

    async def _carry(self, command: Command) -> None:
        try:
            report = await self._connectors[self._instruments[command.market].venue].send(command)
        except CredentialsError as error:
            self._refused(error)
            return
        if self._is_sending:  # what is refused at once is told when all that left with it has left
            await asyncio.sleep(0)
        self._tell(report)
        if self._is_ending and command.kind == "submit":
            self.cancel_in(command.instrument)

    async def _cancel(self, instrument: str) -> None:
        try:
            await self._connectors[venue_of(instrument)].cancel_all(instrument)
        except TradecoreError as error:
            self._failed(f"orders of {instrument} may still be open: {error}")
