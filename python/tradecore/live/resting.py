"""Orders of a session that rested: what a queue model can be fitted to."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from tradecore._core import Command, Notice
from tradecore.instruments import venue_of
from tradecore.live.requests import Clocks, Request

__all__ = ["RestingOrder", "resting_orders"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestingOrder:
    """An order of the session in one place of a queue, from when it came there until it left, for any reason.

    A replacement that lost the place is the end of one and the beginning of another; one that kept it only has another
    quantity. It is what :func:`tradecore.fit_queue` takes.

    Parameters
    ----------
    instrument, side : str
    price, qty : float
        Quote currency, and what was to be filled there, contracts (spot: base units).
    placed_ns, ended_ns : int
        When it came to rest there, and was filled, cancelled or replaced, by the venue's clock; where the venue did not
        say, halfway between the request and its answer, or else when it was known.
    filled_qty : float

    Examples
    --------
    ::

        filled = [each for each in tc.compare_session("journal/s1").resting if each.filled_qty]
    """

    instrument: str
    side: str
    price: float
    qty: float
    placed_ns: int
    ended_ns: int
    filled_qty: float


def resting_orders(
    requests: Sequence[Request], notices: Sequence[Notice], clocks: Clocks, *, keeping: Container[str]
) -> list[RestingOrder]:
    """Return each place in a queue that an order had and has left.

    Left out is what says nothing of one place: orders that display a part of themselves stand in several at once, and
    what took liquidity was in none.

    Parameters
    ----------
    requests : sequence of Request
        Of all that left for the venues, with their answers.
    notices : sequence of Notice
        What was told of the orders.
    clocks : Clocks
        How far the venues' are ahead of ours.
    keeping : container of str
        Venues where a replacement at the same price with no more quantity keeps the place.
    """
    answered = {id(each.report): each for each in requests if each.report is not None}
    lives: dict[int, _Life] = {}
    for each in requests:
        command = each.command
        if command.kind == "submit" and command.price is not None and command.display_qty is None:
            lives[command.order_id] = _Life(command, venue_of(command.instrument) in keeping)
    for notice in notices:
        if notice.order is not None and (life := lives.get(notice.order)) is not None:
            life.take(notice, _when(notice, answered.get(id(notice)), clocks))
    return [row for life in lives.values() for row in life.rows()]


def _when(notice: Notice, request: Request | None, clocks: Clocks) -> int:
    """Return when something happened, by the venue's clock."""
    if request is not None and request.venue_ns is not None:
        return request.venue_ns
    if notice.ts_event != notice.at_ns:
        return notice.ts_event
    known = notice.at_ns if request is None else (request.sent_ns + notice.at_ns) // 2
    return known + (clocks.offset_ns(venue_of(notice.instrument), known) or 0)


@dataclass(slots=True)
class _Stay:
    """A place in a queue."""

    placed_ns: int
    price: Decimal
    total: Decimal
    """What its order asked for, with what was filled before."""
    ended_ns: int | None = None
    took: bool = False
    filled: Decimal = Decimal(0)
    last_ns: int = 0
    """When the last fill was."""


@dataclass(slots=True)
class _Life:
    """An order at its venue."""

    command: Command
    keeps: bool
    stays: list[_Stay] = field(default_factory=list)
    fills: dict[object, tuple[Notice, int]] = field(default_factory=dict)
    """By their numbers, those that have one, and how many stays had begun."""
    price: Decimal = field(init=False)
    total: Decimal = field(init=False)

    def __post_init__(self) -> None:
        assert self.command.price is not None
        assert self.command.qty is not None
        self.price, self.total = self.command.price, self.command.qty

    def take(self, notice: Notice, at_ns: int) -> None:
        """Take what was told, and when it happened at the venue."""
        match notice.kind:
            case "fill":
                self.fills.setdefault(notice.execution or len(self.fills), (notice, len(self.stays)))
            case "accepted" if self.command.trigger is None and not self.stays:
                self._begin(at_ns)
            case "triggered" if not self.stays:
                self._begin(at_ns)
            case "replaced":
                self._move(at_ns, notice.price, notice.qty, keeps=self.keeps)
            case "reduced" | "repriced":
                self._move(at_ns, notice.price, notice.qty, keeps=True)
            case "cancelled" | "expired" | "rejected":
                self._end(at_ns)

    def _begin(self, at_ns: int) -> None:
        self.stays.append(_Stay(at_ns, self.price, self.total))

    def _end(self, at_ns: int) -> None:
        if self.stays and self.stays[-1].ended_ns is None:
            self.stays[-1].ended_ns = at_ns

    def _move(self, at_ns: int, price: Decimal | None, qty: Decimal | None, *, keeps: bool) -> None:
        """Give it new terms; what stays as it was is None."""
        stays = keeps and price in (None, self.price) and (qty is None or qty <= self.total)
        self.price, self.total = price or self.price, qty or self.total
        if not self.stays:
            return  # it waits, or has not been told of
        if stays:
            self.stays[-1].total = self.total
        else:
            self._end(at_ns)
            self._begin(at_ns)

    def rows(self) -> Iterator[RestingOrder]:
        """Yield the places that it has left."""
        for notice, begun in self.fills.values():
            if (stay := self._stay_of(notice, begun)) is not None:
                stay.took |= notice.liquidity == "taker"
                stay.filled += notice.qty or 0
                stay.last_ns = max(stay.last_ns, notice.ts_event)
        before = Decimal(0)
        for stay in self.stays:
            qty = stay.total - before
            before += stay.filled
            ended = stay.last_ns if stay.filled == qty else stay.ended_ns
            if ended is None or stay.took or not 0 <= stay.filled <= qty:
                continue
            if ended <= stay.placed_ns and not stay.filled:
                continue  # such as one that the venue gave another price as it came
            yield RestingOrder(
                instrument=self.command.instrument,
                side=self.command.side.name.lower(),
                price=float(stay.price),
                qty=float(qty),
                placed_ns=stay.placed_ns,
                ended_ns=max(ended, stay.placed_ns),
                filled_qty=float(stay.filled),
            )

    def _stay_of(self, fill: Notice, begun: int) -> _Stay | None:
        """Return where it was filled: what made was at its price, and may be told after a replacement."""
        if fill.liquidity == "taker" or not self.stays:
            return self.stays[max(begun - 1, 0)] if self.stays else None
        there = [stay for stay in self.stays if stay.price == fill.price] or self.stays
        return next((stay for stay in reversed(there) if stay.placed_ns <= fill.ts_event), there[0])
