"""Who carries out a session's commands: a simulated exchange on paper, the venues themselves live."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from tradecore._core import Command, Instrument, Kernel, SimExchange
from tradecore.errors import TradecoreError
from tradecore.types import EventKind
from tradecore.venue import SimVenue
from tradecore.venues import Connector
from tradecore.venues.events import VenueReport

__all__ = ["Desk", "PaperDesk", "VenueDesk"]


class Desk(Protocol):
    """What a session sends its commands through. Times are ns UTC."""

    def message(self, at_ns: int, market: int, columns: Mapping[str, Any]) -> None:
        """See market data before the kernel does."""

    def collect(self, at_ns: int, kernel: Kernel) -> bool:
        """Take what the kernel sends at a time; return whether that was anything. It goes out by :meth:`send`."""

    def send(self) -> None:
        """Let go what was collected, now that it is written down."""

    def forget(self) -> None:
        """Drop what was collected, which could not be written down."""

    def next_due(self) -> int | None:
        """Return when something is to happen here by itself."""

    def advance(self, at_ns: int, kernel: Kernel) -> None:
        """Let that happen, and give the kernel what comes of it, settling after each."""

    def cancel_all(self, at_ns: int) -> None:
        """Cancel every order."""

    def cancel_in(self, instrument: str) -> None:
        """Cancel every order of an instrument, also those that nobody here knows."""

    async def close(self) -> None:
        """Wait for what is on its way."""


class PaperDesk:
    """Trades against a simulated exchange: the venue of backtests, moved by live data at its receipt.

    Parameters
    ----------
    instruments : sequence of Instrument
        In the order of the kernel's markets.
    venues : mapping of str to SimVenue
        Settings by venue.
    accounts : int
        How many the session trades on.
    settle : callable
        Is called after everything the kernel is given.
    seed : int
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        venues: Mapping[str, SimVenue],
        *,
        accounts: int,
        settle: Callable[[int], None],
        seed: int = 0,
    ) -> None:
        self.exchange = SimExchange(seed=seed)
        for instrument in instruments:
            self.exchange.add_market(instrument, venues[instrument.venue], list(map(int, EventKind)))
        self.instruments = [self.exchange.instrument(market) for market in range(len(instruments))]
        self._accounts = accounts
        self._settle = settle
        self._collected: list[tuple[int, list[Command], list[Any]]] = []

    def message(self, at_ns: int, market: int, columns: Mapping[str, Any]) -> None:
        """Move the market."""
        self.exchange.message(at_ns, market, columns)

    def collect(self, at_ns: int, kernel: Kernel) -> bool:
        """Take commands, and what the kernel's own gate refused, which comes back when the venue's word would."""
        commands, refusals = kernel.drain(), kernel.refusals()
        if commands or refusals:
            self._collected.append((at_ns, commands, refusals))
        return bool(commands)

    def send(self) -> None:
        """Let the exchange have them."""
        for at_ns, commands, refusals in self._collected:
            for command in commands:
                self.exchange.command(at_ns, command)
            for refusal in refusals:
                self.exchange.refuse(refusal)
        self._collected.clear()

    def forget(self) -> None:
        """Drop them."""
        self._collected.clear()

    def next_due(self) -> int | None:
        """Return when something happens in the exchange or arrives from it."""
        due = [at for at in (self.exchange.next_due(), self.exchange.next_report()) if at is not None]
        return min(due, default=None)

    def advance(self, at_ns: int, kernel: Kernel) -> None:
        """Let happen what is due, then deliver what has arrived."""
        if (due := self.exchange.next_due()) is not None and due <= at_ns:
            self.exchange.advance(at_ns)
        for notice in self.exchange.receive(at_ns):
            kernel.notice(notice)
            self._settle(at_ns)

    def cancel_all(self, at_ns: int) -> None:
        """Cancel every order of every account."""
        for account in range(self._accounts):
            for order in self.exchange.open_orders(account):
                self.exchange.cancel(at_ns, account, order.order, order.market)

    def cancel_in(self, instrument: str) -> None:
        """There are none but those the kernel knows."""

    async def close(self) -> None:
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
    """

    def __init__(
        self,
        connectors: Mapping[str, Connector],
        instruments: Sequence[Instrument],
        tell: Callable[[VenueReport], None],
        failed: Callable[[str], None],
    ) -> None:
        self._connectors = connectors
        self._instruments = instruments
        self._tell = tell
        self._failed = failed
        self._collected: list[Command] = []
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._others: set[asyncio.Task[None]] = set()

    def message(self, at_ns: int, market: int, columns: Mapping[str, Any]) -> None:
        """Do nothing: the venues know."""

    def collect(self, at_ns: int, kernel: Kernel) -> bool:
        """Take commands."""
        commands = kernel.drain()
        self._collected += commands
        return bool(commands)

    def send(self) -> None:
        """Let them go."""
        for command in self._collected:
            before = self._under_way.get(command.client_id)
            task = asyncio.get_running_loop().create_task(self._carry(command, before))
            self._under_way[command.client_id] = task
        self._collected.clear()

    def forget(self) -> None:
        """Drop them."""
        self._collected.clear()

    def next_due(self) -> int | None:
        """Venues speak when they like."""
        return None

    def advance(self, at_ns: int, kernel: Kernel) -> None:
        """Nothing happens here by itself."""

    def cancel_all(self, at_ns: int) -> None:
        """Ask each venue to cancel everything in each instrument."""
        for instrument in self._instruments:
            self.cancel_in(instrument.id)

    def cancel_in(self, instrument: str) -> None:
        """Ask the venue to."""
        task = asyncio.get_running_loop().create_task(self._cancel(instrument))
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    async def close(self) -> None:
        """Wait until what was sent is answered."""
        while tasks := [*self._under_way.values(), *self._others]:
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry(self, command: Command, before: asyncio.Task[None] | None) -> None:
        try:
            if before is not None:
                await asyncio.gather(before, return_exceptions=True)
            self._tell(await self._connectors[self._instruments[command.market].venue].send(command))
        finally:
            if self._under_way.get(command.client_id) is asyncio.current_task():
                del self._under_way[command.client_id]

    async def _cancel(self, instrument: str) -> None:
        try:
            await self._connectors[instrument.rpartition(".")[2]].cancel_all(instrument)
        except TradecoreError as error:
            self._failed(f"orders of {instrument} may still be open: {error}")
