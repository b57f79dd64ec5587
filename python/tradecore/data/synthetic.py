"""Synthetic markets."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Literal

from tradecore._core import EventReader, Instrument, Synth
from tradecore.data.arguments import instrument_of
from tradecore.data.catalog import COLUMNS, Catalog, Columns
from tradecore.data.importers import ImportSummary, Progress, read_into
from tradecore.data.layout import find_manifest
from tradecore.types import EventKind
from tradecore.validation import DurationLike

__all__ = ["synthesize", "synthesize_orders"]

START_NS = 1_767_225_600_000_000_000
"""First row of a synthetic market: 2026-01-01 00:00 UTC."""

_PIECE = 1 << 17


def synthesize(
    catalog: str | Path | Catalog,
    *,
    events: int,
    seed: int = 0,
    instrument: str | Instrument | None = None,
    start_price: str | Decimal = "60000",
    typical_qty: str | Decimal = "0.8",
    message_gap: DurationLike = "10ms",
    latency: DurationLike = "3ms",
    jitter: DurationLike = "1ms",
    replace: bool = False,
    progress: Progress | None = None,
) -> ImportSummary:
    """Write a synthetic market to a catalog.

    The book lives: orders come and go mostly near the touch, clustered trades eat it and move the price, and every
    message arrives some milliseconds after it happened. Same arguments, same rows, on every platform: a market that
    the catalog already holds, row for row, is left as it is.

    Parameters
    ----------
    catalog : path or Catalog
        Where to write.
    events : int
        Number of rows, up to 10^10.
    seed : int
        Seed of everything.
    instrument : str or Instrument, optional
        Or the id of a shipped one; ``BTCUSDT.SYNTH`` if not given.
    start_price, typical_qty : str or Decimal
        First mid price and typical size of a level, in units.
    message_gap : duration
        Mean time between book messages, such as ``"10ms"``.
    latency, jitter : duration
        Shortest feed latency, and the mean of the exponential latency on top of it.
    replace : bool
        Whether to replace the days that are written. Otherwise a catalog that holds another market of the instrument
        is left as it is, and an error says so.
    progress : callable, optional
        Called with rows made and rows in all.

    Returns
    -------
    dict
        Counts, times and the final book, as from an import.

    Raises
    ------
    InvalidValueError
        For a number or a length of time that no market can have.
    CatalogError
        When the catalog holds other events of the instrument at that time, or it with another specification, and
        nothing is to be replaced (``replace=True``); when it cannot be written.

    Examples
    --------
    ::

        tc.synthesize("market", events=200_000, seed=1)
    """
    spec = instrument_of("BTCUSDT.SYNTH" if instrument is None else instrument)
    catalog = Catalog.of(catalog)

    def open_reader() -> EventReader:
        return Synth.reader(
            spec,
            events=events,
            seed=seed,
            start_price=start_price,
            typical_qty=typical_qty,
            start_ns=START_NS,
            message_gap=message_gap,
            latency=latency,
            jitter=jitter,
        )

    return _write(open_reader, spec, catalog, events, replace=replace, progress=progress)


def synthesize_orders(
    catalog: str | Path | Catalog,
    *,
    events: int,
    seed: int = 0,
    instrument: str | Instrument | None = None,
    start_price: str | Decimal = "60000",
    typical_qty: str | Decimal = "0.01",
    event_gap: DurationLike = "2ms",
    granularity: DurationLike = "0ms",
    sizes: Literal["few", "many"] = "few",
    amendments: float = 0.05,
    latency: DurationLike = "1ms",
    replace: bool = False,
    progress: Progress | None = None,
) -> ImportSummary:
    """Write a synthetic market of single orders (L3) to a catalog, with its levels and trades.

    Orders are added, amended, cancelled and executed, first come first served, and what became of each is known. The
    levels are told with every event, or what changed in some time as one message; the events of a seed are the same for
    every such time. Same arguments, same rows, on every platform: a market that the catalog already holds, row for row,
    is left as it is.

    Parameters
    ----------
    catalog : path or Catalog
        Where to write.
    events : int
        Number of rows, up to 10^10.
    seed : int
        Seed of everything.
    instrument : str or Instrument, optional
        Or the id of a shipped one; ``BTCUSDT.SYNTH`` if not given.
    start_price, typical_qty : str or Decimal
        First mid price and typical size of an order, in units.
    event_gap : duration
        Mean time between events.
    granularity : duration
        The time whose changes of levels are one message; 0 tells every event.
    sizes : "few" or "many"
        Whether orders have a few distinct sizes, 1, 2, 5 or 10 times the typical one, or any.
    amendments : float
        Share of events that change an order, from 0 to 1.
    latency : duration
        From an event to its receipt.
    replace, progress
        As in :func:`synthesize`.

    Returns
    -------
    dict
        Counts, times and the final book, as from an import.

    Raises
    ------
    InvalidValueError
        For a number, a word or a length of time that no market can have.
    CatalogError
        As in :func:`synthesize`.

    Examples
    --------
    ::

        tc.synthesize_orders("orders", events=200_000, seed=1, granularity="100ms")
    """
    spec = instrument_of("BTCUSDT.SYNTH" if instrument is None else instrument)

    def open_reader() -> EventReader:
        return Synth.order_reader(
            spec,
            events=events,
            seed=seed,
            start_price=start_price,
            typical_qty=typical_qty,
            start_ns=START_NS,
            event_gap=event_gap,
            granularity=granularity,
            sizes=sizes,
            amendments=amendments,
            latency=latency,
        )

    return _write(open_reader, spec, Catalog.of(catalog), events, replace=replace, progress=progress)


def _write(
    open_reader: Callable[[], EventReader],
    spec: Instrument,
    catalog: Catalog,
    events: int,
    *,
    replace: bool,
    progress: Progress | None,
) -> ImportSummary:
    """Write a market to a catalog that does not hold just this one."""
    if not replace and (summary := _held(catalog, spec, open_reader(), events)) is not None:
        return summary
    return read_into(open_reader(), spec, catalog, source="synthetic market", replace=replace, progress=progress)


def _held(catalog: Catalog, instrument: Instrument, reader: EventReader, events: int) -> ImportSummary | None:
    """Return what a reader tells in the end if the catalog holds just its rows."""
    import numpy as np

    if find_manifest(catalog.path, instrument.id) is None:
        return None
    manifest = catalog.manifest(instrument)
    parts = manifest.parts()
    if manifest.instrument != instrument or sum(part.rows for part in parts) != events:
        return None
    held = manifest.stream(parts, kinds=EventKind, with_ids=True)
    piece: Columns = {}
    at = rows = 0
    try:
        while (made := reader.read(_PIECE)) is not None:
            start, end = 0, len(made["kind"])
            while start < end:
                if at == rows:
                    if (more := next(held, None)) is None:  # it has rows of kinds that this version does not know
                        return None
                    piece, at, rows = more, 0, len(more["kind"])
                step = min(end - start, rows - at)
                if any(not np.array_equal(made[c][start : start + step], piece[c][at : at + step]) for c in COLUMNS):
                    return None
                start, at = start + step, at + step
        return reader.summary()
    finally:
        held.close()
