"""Data of a run: each instrument's events, from a catalog or from memory, and what is known of them before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tradecore._core import EventStream, Instrument, MemoryColumns, ReadAhead, funding_kinds
from tradecore.arrays import computed
from tradecore.data.catalog import Catalog, Columns, data_difference
from tradecore.errors import DataError, InvalidValueError, UnknownInstrumentError
from tradecore.instruments import find_instrument
from tradecore.types import EventKind
from tradecore.venue import SimVenue

if TYPE_CHECKING:
    import polars as pl

__all__ = ["EventData", "Feed", "Source", "feed_of", "source_of"]

EventData: TypeAlias = (
    "str | Path | Catalog | Mapping[str, Columns | pl.DataFrame] | Mapping[Instrument, Columns | pl.DataFrame]"
)
"""A catalog, its folder, or event columns (or a frame of them) by instrument."""
Source: TypeAlias = "Catalog | Mapping[str, Columns | pl.DataFrame]"
"""The same, looked at: a catalog, or columns by the id of the instrument."""

_KINDS = EventKind.__members__


@dataclass(frozen=True, slots=True)
class Feed:
    """One instrument's data, and what has to be known of it before a run."""

    instrument: Instrument
    open: Callable[[ReadAhead], MemoryColumns | EventStream]
    events: int
    latencies: Callable[[], Sequence[tuple[str | None, int]]]
    """How long the messages of its pieces took, as :meth:`Simulation.add_market` takes them."""
    is_sound: bool
    """Whether its book is known never to stay locked or crossed."""
    in_order: bool
    """Whether its messages are known to lie in the order in which they acted at the venue."""
    kinds: Collection[int]
    """The kinds of events it holds."""
    read: frozenset[EventKind] = frozenset(EventKind)
    """Those of them that are read."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Trades of columns in memory that are none, as importers count them."""

    def holds(self) -> list[int]:
        """Return the kinds of events of a run: they decide what orders fill against and are set off by."""
        return sorted(self.read.intersection(self.kinds))


def source_of(data: EventData) -> Source:
    """Return where events come from, with a sentence for everything else that people pass."""
    if isinstance(data, str | Path):
        return Catalog(data)
    if isinstance(data, Mapping):
        return {key.id if isinstance(key, Instrument) else key: computed(columns) for key, columns in data.items()}
    if isinstance(data, Catalog):
        return data
    problem = 'expected a catalog, its folder, or columns by instrument as in {"BTCUSDT.BINANCE": columns}'
    raise InvalidValueError("data", f"{problem}; got a {type(data).__name__}")


def feed_of(
    source: Source,
    name: str,
    specs: Mapping[str, Instrument],
    *,
    kinds: frozenset[EventKind],
    with_ids: bool,
    venues: Mapping[str, SimVenue],
    budget: int,
) -> Feed:
    """Return an instrument's data.

    ``kinds`` and ``with_ids`` say what strategies read of it, ``budget`` how many of its bytes may lie in memory.
    """
    if isinstance(source, Catalog):
        return _from_catalog(source, name, specs, kinds=kinds, with_ids=with_ids, venues=venues, budget=budget)
    return _from_memory(source, name, specs, with_ids=with_ids, venues=venues)


def _from_catalog(
    catalog: Catalog,
    name: str,
    specs: Mapping[str, Instrument],
    *,
    kinds: frozenset[EventKind],
    with_ids: bool,
    venues: Mapping[str, SimVenue],
    budget: int,
) -> Feed:
    held = catalog.manifest(name)
    stored, parts = held.instrument, held.parts()
    if not parts:
        raise DataError(str(catalog.path), 0, f"holds no events of {name}")
    instrument = specs.get(name, stored)
    if other := data_difference(stored, instrument):
        raise InvalidValueError("specs", f"the data of {name} was stored with {other}")
    there = {_KINDS[name] for part in parts for name, rows in part.kinds.items() if rows and name in _KINDS}
    paid = _paid(instrument, venues) & there
    # Mostly it is the same set for all instruments, whose hash is known.
    wanted = kinds if paid <= kinds else kinds | paid
    ids = with_ids or _needs_ids(there, paid)
    return Feed(
        instrument=instrument,
        open=lambda ahead: held.stream(parts, kinds=wanted, with_ids=ids, budget_bytes=budget, ahead=ahead),
        events=sum(part.rows for part in parts),
        latencies=cache(lambda: held.latencies(parts)),
        is_sound=all(part.is_sound for part in parts),
        in_order=all(part.in_order or _is_one_stream(part.kinds) for part in parts),
        kinds=there,
        read=wanted,
    )


def _is_one_stream(kinds: Mapping[str, int]) -> bool:
    """Whether what makes a market comes by one stream, whose order is known."""
    return sum(bool(kinds.get(name)) for name in ("BOOK_SET", "QUOTE", "TRADE")) < 2


def _needs_ids(kinds: Collection[int], paid: Collection[int]) -> bool:
    """Whether update ids tell which of depth and quotes is newer, or rates of funding when they are paid."""
    return {EventKind.BOOK_SET, EventKind.QUOTE}.issubset(kinds) or EventKind.FUNDING in paid


def _paid(instrument: Instrument, venues: Mapping[str, SimVenue]) -> frozenset[EventKind]:
    """Return the kinds of events by which positions, margin and expiry are valued, or funding is paid."""
    venue = venues.get(instrument.venue)
    marks: frozenset[EventKind] = frozenset()
    if instrument.expiry_ns is not None or (venue is not None and venue.margin != "off"):
        marks = frozenset({EventKind.MARK, EventKind.INDEX})
    elif venue is not None and venue.mark_source == "mark":
        marks = frozenset({EventKind.MARK})
    if not instrument.is_perpetual:
        return marks
    return marks.union(map(EventKind, funding_kinds("data" if venue is None else venue.funding)))


def _from_memory(
    data: Mapping[str, Columns | pl.DataFrame],
    name: str,
    specs: Mapping[str, Instrument],
    *,
    with_ids: bool,
    venues: Mapping[str, SimVenue],
) -> Feed:
    if name not in data:
        raise UnknownInstrumentError(name, tuple(str(known) for known in data))
    instrument = find_instrument(name, specs)
    columns = MemoryColumns(name, data[name], with_ids=with_ids)
    held = columns.kinds()
    if not with_ids and _needs_ids(held, _paid(instrument, venues).intersection(held)):
        columns = MemoryColumns(name, data[name], with_ids=True)
    latencies: list[tuple[str | None, int]] = [(columns.latencies(), 0)]
    is_sound, in_order = columns.order()
    return Feed(
        instrument=instrument,
        open=lambda _: columns,
        events=columns.rows,
        latencies=lambda: latencies,
        is_sound=is_sound,
        in_order=in_order,
        kinds=held,
        left_out=columns.left_out,
    )
