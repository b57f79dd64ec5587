"""Event columns in memory: of a whole catalog, and of a span of time that begins with the book as it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from tradecore._core import Instrument, L2Book
from tradecore.data.catalog import Catalog
from tradecore.types import EventFlag, EventKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Arrays",
    "arrays_of",
    "book_after",
    "joined",
    "levels_of",
    "read_all",
    "snapshot",
    "span_of",
    "whole_messages",
    "window",
]

Arrays: TypeAlias = "dict[str, NDArray[Any]]"
"""Event columns by name."""

_COLUMNS = ("ts_event", "ts_recv", "kind", "side", "flags", "price", "qty", "id")


def read_all(catalog: Catalog, instrument: str) -> Arrays:
    """Return all events of an instrument: 46 bytes a row."""
    import polars as pl

    return arrays_of(pl.concat(catalog.pieces(instrument)))


def arrays_of(events: Any) -> Arrays:
    """Return event columns, given as a mapping or a frame, as arrays; prices and quantities of 64 bits."""
    import numpy as np

    def array(name: str) -> NDArray[Any]:
        column = events[name]
        array = np.asarray(column.to_numpy() if hasattr(column, "to_numpy") else column)
        return array.astype(np.int64, copy=False) if name in ("price", "qty") else array

    names = events.columns if hasattr(events, "columns") else events
    return {name: array(name) for name in _COLUMNS if name != "id" or (name in names and events[name] is not None)}


def span_of(events: Catalog | Mapping[str, Any], instrument: str) -> tuple[int, int] | None:
    """Return when the first and the last event were received, ns UTC; None where there are none."""
    if isinstance(events, Catalog):
        parts = events.manifest(instrument).parts()
        return (min(p.first_ts_recv for p in parts), max(p.last_ts_recv for p in parts)) if parts else None
    received = arrays_of(events)["ts_recv"]
    return (int(received.min()), int(received.max())) if len(received) else None


def whole_messages(columns: Mapping[str, NDArray[Any]], rows: int) -> int:
    """Return how many of the first rows are whole messages."""
    import numpy as np

    last = np.flatnonzero(columns["flags"][:rows] & int(EventFlag.LAST))
    return int(last[-1]) + 1 if len(last) else 0


def window(columns: Arrays, instrument: Instrument, start_ns: int, end_ns: int) -> Arrays:
    """Return what was received in a span of time, behind the book as it was at its start.

    Parameters
    ----------
    columns : Arrays
        All events, in the order they were received.
    instrument : Instrument
    start_ns, end_ns : int
        From this time on, and before that one, ns UTC, by our clock.
    """
    import numpy as np

    clock = np.maximum.accumulate(columns["ts_recv"])
    first, end = (whole_messages(columns, int(np.searchsorted(clock, ns))) for ns in (start_ns, end_ns))
    inside = {name: column[first:end] for name, column in columns.items()}
    if not first or first == end:
        return inside
    book = book_after(columns, instrument, first)
    return joined(snapshot(book, instrument, inside), inside) if book.is_synced else inside


def book_after(columns: Arrays, instrument: Instrument, rows: int) -> L2Book:
    """Return the book after the first rows."""
    import numpy as np

    book = L2Book(instrument)
    book.apply({name: np.ascontiguousarray(column[:rows]) for name, column in columns.items() if name != "id"})
    return book


def levels_of(book: L2Book, instrument: Instrument) -> NDArray[np.int64]:
    """Return the levels of a book: side, price and quantity, in increments; best first, bids first."""
    import numpy as np

    price, qty = float(instrument.price_increment), float(instrument.qty_increment)
    sides = zip((1, -1), book.depth(max(book.bid_levels, book.ask_levels, 1)), strict=True)
    made = [
        np.column_stack([np.full(len(levels), side), np.rint(levels[:, 0] / price), np.rint(levels[:, 1] / qty)])
        for side, levels in sides
    ]
    return np.concatenate(made).astype(np.int64)


def snapshot(book: L2Book, instrument: Instrument, before: Arrays) -> Arrays:
    """Return a book as one message right before the first of some rows, of which it has the stamps and the types."""
    import numpy as np

    levels = levels_of(book, instrument)
    message = {name: np.full(len(levels) + 1, column[0]) for name, column in before.items()}
    message["kind"][:] = int(EventKind.BOOK_SET)
    message["kind"][0] = int(EventKind.BOOK_CLEAR)
    message["flags"][:] = int(EventFlag.SNAPSHOT)
    message["flags"][-1] |= int(EventFlag.LAST)
    for at, name in enumerate(("side", "price", "qty")):
        message[name][0], message[name][1:] = 0, levels[:, at]
    if "id" in message:
        message["id"][:] = 0
    return message


def joined(*parts: Arrays) -> Arrays:
    """Return rows one behind the other."""
    import numpy as np

    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
