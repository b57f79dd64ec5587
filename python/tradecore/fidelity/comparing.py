"""What became of orders by queue models, beside what truly did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from tradecore._core import Instrument, MemoryColumns, replay_orders, touch_orders
from tradecore.data.catalog import Catalog, Columns
from tradecore.errors import DataError, UnknownInstrumentError
from tradecore.instruments import find_instrument
from tradecore.types import EventKind
from tradecore.validation import DurationLike, to_ns

__all__ = ["MODELS", "Compared", "Recording", "compare", "compare_queues", "recording", "table_of"]

MODELS: Final = ("tracked", "tracked_low", "tracked_high", "conservative", "power(2)", "power(3)", "log")
"""Queue models that are compared if no others are named."""

Scripted: TypeAlias = tuple[int, int, int, int, int]
"""Side (1 buys), price and quantity in increments, when it comes and goes, ns."""

_BOOK: Final = frozenset({EventKind.BOOK_SET, EventKind.BOOK_CLEAR, EventKind.TRADE})
_ORDERS: Final = frozenset(
    {EventKind.ORDER_ADD, EventKind.ORDER_MODIFY, EventKind.ORDER_CANCEL, EventKind.ORDER_EXECUTE}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a queue model says of orders, beside what truly became of them.

    Orders count at whose price something traded while they were there; filled is what filled in full.

    Parameters
    ----------
    model : str
        The queue model.
    granularity_ms : float
        Of the book it saw, ms; 0 where every event is told.
    orders : int
        How many.
    both, true_only, model_only : int
        Filled truly and by the model, only truly, only by the model.
    error_lots : float or None
        Mean of the quantity ahead by the model less the true one, at trades at an order's price, lots; None where the
        truth is not known.
    true_ms, model_ms : float or None
        Mean time to fill of those that both filled, ms; None where there are none.

    Examples
    --------
    ::

        [row] = tc.compare_queues("market", ["tracked"])
        print(row.wrong / row.orders)
    """

    model: str
    granularity_ms: float
    orders: int
    both: int
    true_only: int
    model_only: int
    error_lots: float | None
    true_ms: float | None
    model_ms: float | None

    @property
    def wrong(self) -> int:
        """Orders whose outcome the model missed."""
        return self.true_only + self.model_only


@dataclass(frozen=True, slots=True)
class Recording:
    """One instrument's book, trades and, where it has them, single orders, in memory."""

    instrument: Instrument
    columns: MemoryColumns

    def orders_at_touch(self, *, every_ns: int, hold_ns: int, steady_ns: int) -> list[Scripted]:
        """Return orders of one lot that join the touch in turns of the sides."""
        lot = self.instrument.qty_to_steps(self.instrument.lot_size)
        return touch_orders(self.instrument, self.columns, qty=lot, every=every_ns, hold=hold_ns, steady=steady_ns)

    @property
    def tells_orders(self) -> bool:
        """Whether single orders are told."""
        return not _ORDERS.isdisjoint(self.columns.kinds())


def recording(data: str | Path | Catalog | Mapping[str, Columns], instrument: str | Instrument | None) -> Recording:
    """Read what queue models need of an instrument; the only one of the data if it is not named.

    Raises
    ------
    UnknownInstrumentError
        When the data does not have it.
    CatalogError
        When it is no catalog or holds nothing.
    DataError
        When the data has several and none is named, or no book.
    """
    import polars as pl

    name = instrument.id if isinstance(instrument, Instrument) else instrument
    if isinstance(data, Mapping):
        name = name or _only(data, "the data")
        if name not in data:
            raise UnknownInstrumentError(name, tuple(data))
        spec = instrument if isinstance(instrument, Instrument) else find_instrument(name)
        given: Any = data[name]
    else:
        catalog = Catalog.of(data)
        if not catalog.instruments():
            raise catalog._no_catalog()
        name = name or _only(catalog.instruments(), str(catalog.path))
        spec = catalog.instrument(name)
        held = catalog.manifest(name)
        pieces = held.stream(held.parts(), kinds=_BOOK | _ORDERS, with_ids=True)
        given = pl.concat([pl.DataFrame(dict(piece)) for piece in pieces])
    columns = MemoryColumns(name, given, with_ids=True)
    if not columns.has_book:
        raise DataError(name, 0, "the data has no book of levels: queue models need one")
    return Recording(spec, columns)


def _only(names: Iterable[str], where: str) -> str:
    listed = list(names)
    if len(listed) != 1:
        raise DataError(where, 0, f"holds {', '.join(listed) or 'nothing'}: name one instrument")
    return listed[0]


def compare(
    made: Recording,
    orders: Sequence[Scripted],
    models: Sequence[str],
    truth: Sequence[tuple[int, int | None]] | None = None,
    *,
    granularity_ns: int | None = None,
) -> list[list[Compared]]:
    """Return what each model says of the orders: of all, and of those at even and odd places.

    Parameters
    ----------
    truth : sequence of (int, int or None), optional
        What truly filled of each order, increments, and when all of it had, ns; that of the single orders that the data
        tells if not given.
    """
    ran = replay_orders(made.instrument, made.columns, list(orders), list(models), granularity_ns=granularity_ns)
    known = truth is None
    true = [(filled, at) for filled, at, *_ in ran["truth"]] if truth is None else truth
    met = [place for place, is_met in enumerate(ran["met"]) if is_met]
    lot = made.instrument.qty_to_steps(made.instrument.lot_size)
    rows = []
    for model, outcomes in zip(models, ran["models"], strict=True):
        parts = []
        for places in (met, met[::2], met[1::2]):
            both = [p for p in places if _full(orders[p], true[p][0]) and _full(orders[p], outcomes[p][0])]
            errors = sum(outcomes[p][4] for p in places)
            parts.append(
                Compared(
                    model=model,
                    granularity_ms=ran["granularity_ns"] / 1e6,
                    orders=len(places),
                    both=len(both),
                    true_only=sum(_full(orders[p], true[p][0]) for p in places) - len(both),
                    model_only=sum(_full(orders[p], outcomes[p][0]) for p in places) - len(both),
                    error_lots=sum(outcomes[p][3] for p in places) / errors / lot if known and errors else None,
                    true_ms=_mean_ms(orders, both, [at for _, at in true]),
                    model_ms=_mean_ms(orders, both, [outcome[1] for outcome in outcomes]),
                )
            )
        rows.append(parts)
    return rows


def _full(order: Scripted, filled: int) -> bool:
    return filled >= order[2]


def _mean_ms(orders: Sequence[Scripted], places: Sequence[int], ends: Sequence[int | None]) -> float | None:
    took = [end - orders[place][3] for place in places if (end := ends[place]) is not None]
    return sum(took) / len(took) / 1e6 if took else None


def compare_queues(
    data: str | Path | Catalog | Mapping[str, Columns],
    models: Sequence[str] = MODELS,
    *,
    instrument: str | Instrument | None = None,
    every: DurationLike = "1s",
    hold: DurationLike = "10s",
    steady: DurationLike = "100ms",
) -> list[Compared]:
    """Compare queue models with the truth of a market of single orders.

    Orders of one lot join the touch and stay for a while. What truly becomes of them is known, first come first served;
    the models see the levels and trades alone.

    Parameters
    ----------
    data : catalog, path or mapping
        With single orders, their levels and trades: of :func:`tradecore.synthesize_orders`, or recorded.
    models : sequence of str
        Queue models, as :class:`tradecore.SimVenue` takes them.
    instrument : str or Instrument, optional
        The only one of the data if not given.
    every, hold, steady : duration
        Time between orders, how long each stays, and how long the best prices have stood when one comes.

    Returns
    -------
    list of Compared
        One for each model.

    Raises
    ------
    DataError
        When the data tells no single orders, or has no book.
    InvalidValueError
        For what is no queue model or no length of time, and an ``every`` of which the data is more than 1,000,000 times
        as long.

    Examples
    --------
    ::

        tc.synthesize_orders("market", events=200_000, granularity="100ms")
        for row in tc.compare_queues("market"):
            print(row.model, row.both, row.true_only, row.model_only)
    """
    made = recording(data, instrument)
    if not made.tells_orders:
        raise DataError(made.instrument.id, 0, "the data tells no single orders: the truth is not known")
    orders = made.orders_at_touch(
        every_ns=to_ns("every", every), hold_ns=to_ns("hold", hold), steady_ns=to_ns("steady", steady)
    )
    return [whole for whole, _, _ in compare(made, orders, models)]


def table_of(rows: Iterable[Compared]) -> list[str]:
    """Return rows of a comparison as lines for people, below a heading."""
    titles = ("model", "book", "orders", "both", "true only", "model only", "error, lots", "to fill, ms")
    widths = (14, 12, 7, 7, 9, 10, 11, 13)
    lines: list[tuple[str, ...]] = [titles]
    for row in rows:
        book = f"{row.granularity_ms:g} ms" if row.granularity_ms else "every event"
        error = "n/a" if row.error_lots is None else f"{row.error_lots:+.1f}"
        took = "n/a" if row.true_ms is None or row.model_ms is None else f"{row.true_ms:.0f} / {row.model_ms:.0f}"
        counts = (f"{count:,}" for count in (row.orders, row.both, row.true_only, row.model_only))
        lines.append((row.model, book, *counts, error, took))
    return [
        "  ".join(cell.ljust(width) if place < 2 else cell.rjust(width) for place, (cell, width) in enumerate(cells))
        for cells in (list(zip(line, widths, strict=True)) for line in lines)
    ]
