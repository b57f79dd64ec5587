"""Prices of a second venue where those of the first cannot be had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradecore.errors import InvalidValueError
from tradecore.validation import DurationLike, Nanoseconds, to_ns

if TYPE_CHECKING:
    from tradecore._core import BookView, Context

__all__ = ["PriceFailover"]


class PriceFailover:
    """One book at a time of several instruments that are worth the same, such as one coin at two venues.

    It is the book of the first instrument as long as that is well: synced, not crossed, with both sides. From when it
    is not, it is the whole book of the next one that is; books are never mixed. The first is gone back to when it has
    been well, each time it was looked at, for as long as ``back_after`` says, so that one that comes and goes does not
    have a strategy jump between venues.

    A strategy keeps it as an attribute, made in ``on_start``, and has the instruments among its own. It is saved with
    the strategy. What is asked decides by the strategy's time alone, so a replay decides the same.

    Parameters
    ----------
    *instruments : str
        Ids, at least two, the preferred first.
    back_after : duration
        How long a preferred one has to be well before it is gone back to.

    Attributes
    ----------
    instruments : tuple of str
    current : str or None
        Whose book was last taken; None while none is well.
    switches : int
        How often that changed from one instrument to another.

    Raises
    ------
    InvalidValueError
        For less than two instruments, or one that is there twice.

    Examples
    --------
    >>> prices = tc.PriceFailover("BTCUSDT.BINANCE", "BTCUSDT.COINBASE", back_after="30s")
    >>> prices
    PriceFailover('BTCUSDT.BINANCE', 'BTCUSDT.COINBASE', back_after='30s')
    >>> prices.current is None  # until prices.book(ctx) was asked for
    True
    """

    __slots__ = ("_last", "_well_since", "back_after", "current", "instruments", "switches")

    def __init__(self, *instruments: str, back_after: DurationLike = "10s") -> None:
        if len(instruments) < 2 or len(set(instruments)) < len(instruments):
            raise InvalidValueError("instruments", f"expected at least two, each once, got {list(instruments)}")
        self.instruments = instruments
        self.back_after: Nanoseconds = to_ns("back_after", back_after)
        self.current: str | None = None
        self.switches = 0
        self._last: str | None = None
        """Whose book was taken last."""
        self._well_since: dict[str, int] = {}
        """Since when each that is well is, ns UTC."""

    def __repr__(self) -> str:
        names = ", ".join(repr(name) for name in self.instruments)
        return f"PriceFailover({names}, back_after={self.back_after!r})"

    def book(self, ctx: Context) -> BookView | None:
        """Return the book that prices are to be taken of now; None while none is well.

        Raises
        ------
        UnknownInstrumentError
            For an instrument that is not the strategy's.
        """
        books = {name: ctx.book(name) for name in self.instruments}
        self._well_since = {
            name: self._well_since.get(name, ctx.now_ns) for name, book in books.items() if _is_well(book)
        }
        self.current = self._chosen(ctx.now_ns)
        if self.current is None:
            return None
        if self._last not in (None, self.current):
            self.switches += 1
            ctx.log(f"prices are those of {self.current}, no more of {self._last}")
        self._last = self.current
        return books[self.current]

    def _chosen(self, now_ns: int) -> str | None:
        well = self._well_since
        for name in filter(well.__contains__, self.instruments):
            if name == self.current or self.current not in well or now_ns - well[name] >= self.back_after:
                return name
        return None

    def _saved(self) -> list[Any]:
        """Return it as plain data, for :meth:`_restored`."""
        return [
            list(self.instruments), int(self.back_after), self.current, self.switches, self._last,
            list(self._well_since.items()),
        ]  # fmt: skip

    @classmethod
    def _restored(cls, saved: list[Any]) -> PriceFailover:
        instruments, back_after, current, switches, last, well_since = saved
        made = cls(*instruments, back_after=Nanoseconds(back_after))
        made.current, made.switches, made._last = current, switches, last
        made._well_since = dict(well_since)
        return made


def _is_well(book: BookView) -> bool:
    has_both = book.best_bid is not None and book.best_ask is not None
    return book.is_synced and has_both and not book.is_crossed
