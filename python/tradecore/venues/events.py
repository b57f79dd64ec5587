"""What a connector tells: typed values with the time at which they reached us."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Literal, NamedTuple, TypeAlias

from tradecore._core import Kernel
from tradecore.errors import CredentialsError, InvalidValueError
from tradecore.reconcile import VenueExecution
from tradecore.types import BookState, Side

__all__ = [
    "Balance",
    "ClockMeasured",
    "Event",
    "FeedState",
    "Frame",
    "LinkState",
    "Position",
    "ReportKind",
    "Sink",
    "Stream",
    "VenueReport",
]


class Stream(StrEnum):
    """What may be subscribed to of an instrument, whatever the venue calls it."""

    BOOK = "book"
    """Changes of the order book, with the snapshots they need."""
    TRADES = "trades"
    QUOTES = "quotes"
    """Best prices as they change."""
    MARK = "mark"
    """Mark and index prices, and the funding rate."""
    OPEN_INTEREST = "open_interest"
    LIQUIDATIONS = "liquidations"
    CANDLES = "candles"
    """Candles of one minute."""


ReportKind: TypeAlias = Literal[
    "accepted",
    "rejected",
    "fill",
    "cancelled",
    "cancel_rejected",
    "replaced",
    "reduced",
    "repriced",
    "replace_rejected",
    "triggered",
    "expired",
    "unknown",
]
"""What a venue may say of an order: the kinds of :meth:`Kernel.report <tradecore._core.Kernel.report>`."""


class Frame(NamedTuple):  # of which there are tens of thousands a second
    """Market data as the venue sent it, for a journal and a decoder.

    Parameters
    ----------
    venue : str
    ts_recv : int
        When it was read from the socket, ns UTC.
    data : bytes
    instrument : str, optional
        Id of the instrument it is about; None where it concerns several, or none.
    stream : Stream, optional
        What it was subscribed as; None for answers to requests that nobody subscribes to.
    """

    venue: str
    ts_recv: int
    data: bytes
    instrument: str | None = None
    stream: Stream | None = None


@dataclass(frozen=True, slots=True)
class FeedState:
    """Where the feed of an instrument stands, for :meth:`Kernel.feed <tradecore._core.Kernel.feed>`.

    ``GAP`` after a lost connection and ``STALE`` after silence end with what arrives next: a connector tells when it
    stops to vouch for a book, and a :class:`~tradecore.venues.Feed` when the book is the venue's again. By
    ``BUFFERING`` a connector says why a book still waits, whatever state that is in. A state of another ``stream`` than
    the book says whether that one delivers. After ``is_disconnected`` nothing that comes of the book continues what
    came before: its connection has ended.
    """

    venue: str
    ts_recv: int
    instrument: str
    state: BookState
    reason: str
    stream: Stream = Stream.BOOK
    is_disconnected: bool = False


@dataclass(frozen=True, slots=True)
class LinkState:
    """A connection to a venue was made, renewed or lost.

    Parameters
    ----------
    venue : str
    ts_recv : int
    link : str
        What it is for, such as ``public`` or ``private``.
    is_up : bool
    reason : str
        Why, in a few words; never holds a secret.
    error : CredentialsError, optional
        Given where it will not be up again, since the venue does not take the key.
    """

    venue: str
    ts_recv: int
    link: str
    is_up: bool
    reason: str
    error: CredentialsError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueReport:
    """A venue's word on an order, with the fields of :meth:`Kernel.report <tradecore._core.Kernel.report>`.

    Parameters
    ----------
    venue, instrument : str
        The instrument's id.
    ts_recv : int
        When it reached us, ns UTC.
    kind : str
        ``unknown`` when no answer came: the order is looked up by its client id before anything else of it is sent.
    order : str, optional
        The client id.
    venue_id, execution : str, optional
        The venue's ids of the order and of a fill.
    cumulative, price, qty : Decimal, optional
        In quote currency, and in contracts (spot: base units).
    ts_event : int, optional
        Time at the venue, ns UTC.
    liquidity : str, optional
        ``maker`` or ``taker``.
    fee : Decimal, optional
        In the settlement currency, where it can be said in it without a rate; negative is a rebate.
    reason : str, optional
        One of the kernel's words; ``venue`` for any other.
    detail : str
        What the venue said itself, for people.
    paid : tuple of (Decimal, str), optional
        The fee as it was charged: amount and currency.
    trigger_price : Decimal, optional
        Of an order that was replaced: where it is set off from now on, where that was moved.
    """

    venue: str
    ts_recv: int
    instrument: str
    kind: ReportKind
    order: str | None = None
    venue_id: str | None = None
    execution: str | None = None
    cumulative: Decimal | None = None
    ts_event: int | None = None
    price: Decimal | None = None
    qty: Decimal | None = None
    liquidity: Literal["maker", "taker"] | None = None
    fee: Decimal | None = None
    reason: str | None = None
    detail: str = ""
    paid: tuple[Decimal, str] | None = None
    trigger_price: Decimal | None = None

    def as_execution(self, side: Side) -> VenueExecution:
        """Return a fill as reconciliation takes it.

        Raises
        ------
        InvalidValueError
            For a report that is no whole fill.
        """
        key, order, price, qty, at = self.execution, self.venue_id, self.price, self.qty, self.ts_event
        if key is None or order is None or price is None or qty is None or at is None:
            raise InvalidValueError("report", f"a {self.kind} of {self.instrument} is no whole fill")
        return VenueExecution(
            execution_id=key,
            venue_id=order,
            instrument=self.instrument,
            side=side,
            price=price,
            qty=qty,
            ts_event=at,
            client_id=self.order,
            fee=self.fee,
            liquidity=self.liquidity,
        )

    def deliver(self, kernel: Kernel, at_ns: int, market: int) -> None:
        """Give the report to a kernel as its input of a time, ns UTC, on the order's market."""
        kernel.report(
            at_ns,
            market,
            self.kind,
            self.order,
            venue_id=self.venue_id,
            execution=self.execution,
            cumulative=self.cumulative,
            ts_event=self.ts_event,
            price=self.price,
            qty=self.qty,
            liquidity=self.liquidity,
            fee=self.fee,
            reason=self.reason,
            trigger_price=self.trigger_price,
        )


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds of a currency; ``available`` is what no order or position binds."""

    venue: str
    ts_recv: int
    currency: str
    total: Decimal
    available: Decimal


@dataclass(frozen=True, slots=True)
class Position:
    """What an account holds of an instrument: a signed quantity, contracts, and its average entry in quote currency."""

    venue: str
    ts_recv: int
    instrument: str
    qty: Decimal
    entry_price: Decimal | None


@dataclass(frozen=True, slots=True)
class ClockMeasured:
    """By how much a venue's clock is ahead of ours, as far as it is known now."""

    venue: str
    ts_recv: int
    offset_ns: int


Event: TypeAlias = Frame | FeedState | LinkState | VenueReport | Balance | Position | ClockMeasured
Sink: TypeAlias = Callable[[Event], None]
"""Takes what a connector tells, in the thread of its event loop. It must not wait."""
