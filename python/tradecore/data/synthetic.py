"""Synthetic markets."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from tradecore._core import Instrument, Synth
from tradecore.data.catalog import Catalog
from tradecore.data.importers import ImportSummary, Progress, read_into
from tradecore.instruments import find_instrument
from tradecore.validation import DurationLike

__all__ = ["synthesize"]

START_NS = 1_767_225_600_000_000_000
"""First row of a synthetic market: 2026-01-01 00:00 UTC."""


def synthesize(
    catalog: str | Path | Catalog,
    *,
    events: int,
    seed: int = 0,
    instrument: Instrument | None = None,
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
    message arrives some milliseconds after it happened. Same arguments, same rows, on every platform.

    Parameters
    ----------
    catalog : path or Catalog
        Where to write.
    events : int
        Number of rows.
    seed : int
        Seed of everything.
    instrument : Instrument, optional
        ``BTCUSDT.SYNTH`` if not given.
    start_price, typical_qty : str or Decimal
        First mid price and typical size of a level, in units.
    message_gap : duration
        Mean time between book messages, such as ``"10ms"``.
    latency, jitter : duration
        Shortest feed latency, and the mean of the exponential latency on top of it.
    replace : bool
        Whether to replace the days that are written.
    progress : callable, optional
        Called with rows made and rows in all.

    Returns
    -------
    dict
        Counts, times and the final book, as from an import.
    """
    instrument = instrument or find_instrument("BTCUSDT.SYNTH")
    reader = Synth.reader(
        instrument,
        events=events,
        seed=seed,
        start_price=start_price,
        typical_qty=typical_qty,
        start_ns=START_NS,
        message_gap=message_gap,
        latency=latency,
        jitter=jitter,
    )
    return read_into(reader, instrument, catalog, source="synthetic market", replace=replace, progress=progress)
