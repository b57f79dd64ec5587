"""Settings of a simulated venue."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from tradecore._core import Instrument, QueueSimulator, format_duration_ns, parse_duration
from tradecore.errors import InstrumentError, InvalidValueError
from tradecore.instruments import instrument_from_dict
from tradecore.validation import to_ns

if TYPE_CHECKING:
    from tradecore.config import VenueConfig

__all__ = ["Latency", "SimVenue"]

_ANY = Instrument("ANY.ANY", kind="linear", base="ANY", quote="ANY", price_increment=1, qty_increment=1)
"""Carries a venue's fees to the core, which knows what a fee may be."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Latency:
    """Constant latencies between a strategy and its venue.

    Parameters
    ----------
    entry : duration
        From sending a request to its effect at the venue, ``"5ms"`` or ns.
    response : duration
        From an event of an own order at the venue to our knowledge of it.
    feed : duration, optional
        From a market event at the venue to our knowledge of it; the recorded latency if not given.
    """

    entry: str | int = "5ms"
    response: str | int = "5ms"
    feed: str | int | None = None

    def __post_init__(self) -> None:
        to_ns("entry", self.entry)
        to_ns("response", self.response)
        if self.feed is not None:
            to_ns("feed", self.feed)

    @property
    def entry_ns(self) -> int:
        """The entry latency in ns."""
        return parse_duration(self.entry)

    @property
    def response_ns(self) -> int:
        """The response latency in ns."""
        return parse_duration(self.response)

    @property
    def feed_ns(self) -> int | None:
        """The feed latency in ns, or None for the recorded one."""
        return None if self.feed is None else parse_duration(self.feed)

    def __repr__(self) -> str:
        feed = None if self.feed_ns is None else format_duration_ns(self.feed_ns)
        entry, response = format_duration_ns(self.entry_ns), format_duration_ns(self.response_ns)
        return f"Latency(entry={entry!r}, response={response!r}, feed={feed!r})"


@dataclass(frozen=True, slots=True)
class SimVenue:
    """A simulated venue.

    Parameters
    ----------
    name : str
        The venue of the instruments it trades, such as ``BINANCE_USDM``.
    latency : Latency
        Of requests, responses and market data.
    queue : str
        How a resting order advances in its queue: ``conservative`` (only trades advance it), ``power(n)``,
        ``power2(n)``, ``power3(n)``, ``log``, ``log2`` (departures ahead of it too, with some probability) or
        ``depletion`` (each trade reaches it with probability ``1 - ahead / displayed``; seeded).
    maker_fee_bps, taker_fee_bps : Decimal or str, optional
        Fees in basis points of the value traded, negative for a rebate; the instrument's if not given.
    basis : "auto", "l2" or "l1"
        What orders fill against: the full book, or the top-of-book quotes as a book of one level a side. ``auto``
        takes the full book where the data has one.
    clock_lead : duration or "auto"
        How far the venue's clock ran ahead of ours when the data was recorded. ``auto`` assumes just enough that no
        message arrives before it happened.
    """

    name: str
    latency: Latency = field(default_factory=Latency, kw_only=True)
    queue: str = field(default="conservative", kw_only=True)
    maker_fee_bps: Decimal | str | int | None = field(default=None, kw_only=True)
    taker_fee_bps: Decimal | str | int | None = field(default=None, kw_only=True)
    basis: Literal["auto", "l2", "l1"] = field(default="auto", kw_only=True)
    clock_lead: str | int = field(default="auto", kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InvalidValueError("name", f"expected the name of a venue, got {self.name!r}")
        if not isinstance(self.latency, Latency):
            raise InvalidValueError("latency", f"expected a Latency, got {self.latency!r}")
        if not isinstance(self.queue, str):
            raise InvalidValueError("queue", f"expected the name of a queue model, got {self.queue!r}")
        QueueSimulator(self.queue, 0)  # raises for an unknown model
        try:
            self.with_fees(_ANY)
        except InstrumentError as error:
            raise InvalidValueError(error.field, error.problem) from None
        if self.basis not in ("auto", "l2", "l1"):
            raise InvalidValueError("basis", f"{self.basis!r} is not auto, l2 or l1")
        if self.clock_lead != "auto":
            to_ns("clock_lead", self.clock_lead)

    @classmethod
    def from_config(cls, config: VenueConfig) -> SimVenue:
        """Make a venue of its settings in a configuration; raises InvalidValueError naming the first bad one."""
        return cls(
            config.name,
            latency=Latency(entry=config.entry_latency, response=config.response_latency, feed=config.feed_latency),
            queue=config.queue,
            maker_fee_bps=config.maker_fee_bps,
            taker_fee_bps=config.taker_fee_bps,
            basis=config.basis,
            clock_lead=config.clock_lead,
        )

    def with_fees(self, instrument: Instrument) -> Instrument:
        """Return an instrument with the venue's fees, where it has some of its own."""
        fees = {"maker_fee_bps": self.maker_fee_bps, "taker_fee_bps": self.taker_fee_bps}
        own = {name: str(fee) for name, fee in fees.items() if fee is not None}
        return instrument_from_dict({**instrument.to_dict(), **own}) if own else instrument
