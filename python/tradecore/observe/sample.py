"""How a session stands at one time, as a value that other threads may read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tradecore._core import PositionLedger
from tradecore.backtest.stats import net_of
from tradecore.histogram import Histogram
from tradecore.live.line import Line
from tradecore.live.runner import Live
from tradecore.live.state import Mode
from tradecore.types import BookState
from tradecore.venues.connector import Health as Connection

__all__ = ["MarketSample", "Sample", "Sampler", "VenueSample"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSample:
    """An instrument: its book as the venue has it, and what arrived; ``age_s`` is None before anything did."""

    state: BookState
    age_s: float | None
    best_bid: float | None
    best_ask: float | None
    bid_levels: int
    ask_levels: int
    messages: int
    books: int
    traded_qty: float
    gaps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSample:
    """A connection: counts since the start, and what waits to be read."""

    connection: Connection
    frames: int
    dropped: int
    malformed: int
    queued: int
    queue_lag_s: float
    processing: Histogram
    feed_latency: Histogram
    lag_s: float | None
    """How late the newest message was taken; None where a session has no limit of that."""
    is_behind: bool
    times_behind: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How a session stands.

    Parameters
    ----------
    at_ns : int
        When it was taken, ns UTC by the session's clock.
    session : str
    mode : "paper" or "live"
    has_begun : bool
        Whether strategies were started, and the session is not ending.
    markets, venues : mapping
        By instrument and by venue.
    open_orders : int
    positions : list of mapping
        The rows of ``Kernel.positions``.
    exposure : mapping of str to Decimal
        What closing every position would turn over, by settlement currency.
    net_pnl : mapping of str to Decimal
        Profit after fees and payments, by settlement currency.
    drawdown, max_drawdown : mapping of str to Decimal
        How far that is below its highest point since the process began, now and at worst.
    trading : mapping of str to str
        What each strategy may do.
    failures : mapping of str to str
    limits : list of mapping
        The rows of ``Kernel.limits``.
    journal_written, journal_waiting : int
        Bytes since the process began, and those in memory; -1 without a journal.
    journal_lag_s : float
        For how long something waits without anything being written.
    """

    at_ns: int
    session: str
    mode: Mode
    has_begun: bool
    markets: Mapping[str, MarketSample]
    venues: Mapping[str, VenueSample]
    open_orders: int
    positions: list[dict[str, Any]]
    currencies: Mapping[str, str]
    exposure: Mapping[str, Decimal]
    net_pnl: Mapping[str, Decimal]
    drawdown: Mapping[str, Decimal]
    max_drawdown: Mapping[str, Decimal]
    trading: Mapping[str, str]
    failures: Mapping[str, str]
    limits: list[dict[str, Any]]
    journal_written: int
    journal_waiting: int
    journal_lag_s: float


class Sampler:
    """Takes samples of a session, in the thread of its event loop.

    Parameters
    ----------
    live : Live
        A session that is connected.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self._instruments = {instrument.id: instrument for instrument in live.session.instruments}
        self._ledgers = {name: PositionLedger(instrument) for name, instrument in self._instruments.items()}
        self._currencies = {name: instrument.settlement for name, instrument in self._instruments.items()}
        self._peak: dict[str, Decimal] = {}
        self._worst: dict[str, Decimal] = {}
        self._journal = (0, 0)
        """What was written by the last sample that saw it change or nothing waiting, and when, ns."""

    def take(self) -> Sample:
        """Return how the session stands now."""
        live, now = self._live, self._live.clock.now_ns()
        state, kernel = live.state, live.session.kernel
        positions = kernel.positions
        net = self._net(positions)
        for currency, amount in net.items():
            self._peak[currency] = max(self._peak.get(currency, Decimal(0)), amount)
            below = self._peak[currency] - amount
            self._worst[currency] = max(self._worst.get(currency, Decimal(0)), below)
        written, waiting, lag_s = self._lag(now)
        markets = {
            name: self._market(line, name, state.books[name], now) for line in live.lines for name in line.instruments
        }
        return Sample(
            at_ns=now,
            session=state.session,
            mode=state.mode,
            has_begun=live.has_begun,
            markets=markets,
            venues={line.venue: _venue(line, now) for line in live.lines},
            open_orders=state.open_orders,
            positions=positions,
            currencies=self._currencies,
            exposure=self._exposure(positions, markets),
            net_pnl=net,
            drawdown={currency: self._peak[currency] - amount for currency, amount in net.items()},
            max_drawdown=dict(self._worst),
            trading=state.trading,
            failures=state.failures,
            limits=kernel.limits,
            journal_written=written,
            journal_waiting=waiting,
            journal_lag_s=lag_s,
        )

    def _market(self, line: Line, name: str, state: BookState, now: int) -> MarketSample:
        heard, book = line.heard[name], line.book(name)
        return MarketSample(
            state=state,
            age_s=heard.age_s(now),
            best_bid=book.best_bid,
            best_ask=book.best_ask,
            bid_levels=book.bid_levels,
            ask_levels=book.ask_levels,
            messages=heard.messages,
            books=heard.books,
            traded_qty=heard.traded_qty * float(self._instruments[name].qty_increment),
            gaps=line.gaps(name),
        )

    def _net(self, positions: list[dict[str, Any]]) -> dict[str, Decimal]:
        net = dict.fromkeys(self._currencies.values(), Decimal(0))
        for row in positions:
            net[self._currencies[row["instrument"]]] += net_of(row)
        return net

    def _exposure(self, positions: list[dict[str, Any]], markets: Mapping[str, MarketSample]) -> dict[str, Decimal]:
        """Return what closing everything at the best prices would turn over; a side that is empty counts nothing."""
        exposure = dict.fromkeys(self._currencies.values(), Decimal(0))
        for row in positions:
            name, qty = row["instrument"], row["qty"]
            price = markets[name].best_bid if qty > 0 else markets[name].best_ask
            if qty and price is not None:
                exposure[self._currencies[name]] += abs(self._ledgers[name].value(price, abs(qty)))
        return exposure

    def _lag(self, now: int) -> tuple[int, int, float]:
        journal = self._live.session.journal
        if journal is None:
            return -1, -1, 0.0
        written, since = self._journal
        if journal.waiting_bytes == 0 or journal.written_bytes != written or since == 0:
            self._journal = journal.written_bytes, now
            return journal.written_bytes, journal.waiting_bytes, 0.0
        return written, journal.waiting_bytes, (now - since) / 1e9


def _venue(line: Line, now: int) -> VenueSample:
    lag = line.lag
    return VenueSample(
        connection=line.connector.health,
        frames=line.frames,
        dropped=line.queue.dropped,
        malformed=line.malformed,
        queued=len(line.queue),
        queue_lag_s=max(line.queue.lag_ns(now), 0) / 1e9,
        processing=line.processing,
        feed_latency=line.feed_latency,
        lag_s=None if lag is None else lag.ns / 1e9,
        is_behind=lag is not None and lag.is_behind,
        times_behind=0 if lag is None else lag.times,
    )
