"""What a format of export does not hold, said with numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tradecore._core import Instrument
from tradecore.data.catalog import Catalog
from tradecore.data.exporters import STATISTICS, held_pieces, left_out
from tradecore.data.units import beyond_floats
from tradecore.types import EventFlag, EventKind

if TYPE_CHECKING:
    import polars as pl

__all__ = ["losses"]

_SAID: Final[Mapping[str, str]] = {
    "rounded": "holds floats of 64 bits: {} prices or quantities of more than 15 digits are rounded",
    "cut": "holds whole microseconds: {} rows lose the rest of their times",
    "merged": "tells messages of a book by their time: {} become one with the message in front",
    "disordered": "has a file for each kind of events: {} messages of one microsecond lose their order",
    "gaps": "has no word for a gap: {} become the snapshot of an empty book",
    "unsynced": "has a book from its first snapshot on: {} book updates in front of it are not read again",
    "ids": "holds ids of trades and liquidations only: {} of other events are lost",
}
_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "hftbacktest": ("rounded",),
    "tardis": ("cut", "merged", "disordered", "gaps", "unsynced", "ids"),
}
"""What is looked for by format; the others hold everything."""


def losses(catalog: str | Path | Catalog, instrument: str | Instrument, form: str) -> list[str]:
    """Say what of an instrument's events is not the same once it was exported and imported again.

    Parameters
    ----------
    catalog : path or Catalog
    instrument : str or Instrument
    form : str
        One of :data:`~tradecore.data.exporters.FORMATS`. ``csv`` and ``parquet`` hold everything.

    Returns
    -------
    list of str
        A sentence for each thing that is lost, with how often; none if nothing is.

    Raises
    ------
    InvalidValueError
        When ``form`` is not one of these.
    """
    catalog = Catalog.of(catalog)
    told = []
    if lost := left_out(catalog, instrument, form):
        told.append(f"{form} cannot hold {', '.join(f'{rows} {name.lower()}' for name, rows in lost.items())} events")
    if form not in _OF:
        return told
    spec, finder = catalog.instrument(instrument), _Finder()
    for piece in held_pieces(catalog, spec, form):
        finder.take(piece, spec)
    counts = finder.counts
    return told + [f"{form} {_SAID[what].format(f'{counts[what]:,}')}" for what in _OF[form] if counts[what]]


class _Finder:
    """Counts what is lost, piece by piece."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(_SAID, 0)
        self._is_synced = False
        self._last: pl.DataFrame | None = None

    def take(self, piece: pl.DataFrame, instrument: Instrument) -> None:
        """Take the next events, of whole messages."""
        import polars as pl

        self._count("rounded", sum(beyond_floats(piece, instrument).values()))
        kind = pl.col("kind")
        times = ((pl.col("ts_event") % 1_000) != 0) | ((pl.col("ts_recv") % 1_000) != 0)
        keeps_id = kind.is_in([int(EventKind.TRADE), int(EventKind.LIQUIDATION), int(EventKind.FUNDING)])
        cut, ids = piece.select(times.sum(), ((pl.col("id") > 0) & ~keeps_id).sum().alias("ids")).row(0)
        self._count("cut", cut)
        self._count("ids", ids)
        book = [int(EventKind.BOOK_CLEAR), int(EventKind.BOOK_SET)]
        file = (
            pl.when(kind.is_in(book))
            .then(0)
            .when(kind == int(EventKind.TRADE))
            .then(1)
            .when(kind == int(EventKind.QUOTE))
            .then(2)
            .when(kind.is_in(sorted(STATISTICS)))
            .then(3)
            .otherwise(4)
        )
        messages = (
            piece.with_columns(file.alias("file"))
            .group_by("message", "file", maintain_order=True)
            .agg(
                (pl.col("ts_recv").first() // 1_000).alias("at"),
                (kind == int(EventKind.BOOK_SET)).any().alias("sets"),
                ((pl.col("flags") & int(EventFlag.SNAPSHOT)) != 0).any().alias("is_snapshot"),
            )
            .drop("message")
        )
        self._books(messages.filter(pl.col("file") == 0))
        before = messages if self._last is None else pl.concat([self._last, messages])
        at, file = pl.col("at"), pl.col("file")
        same = at == at.shift(1)
        merged, disordered = before.select(
            (same & (file == 0) & (file.shift(1) == 0)).sum(), (same & (file < file.shift(1))).sum().alias("disordered")
        ).row(0)
        self._count("merged", merged)
        self._count("disordered", disordered)
        self._last = before.tail(1)

    def _books(self, messages: pl.DataFrame) -> None:
        import polars as pl

        self._count("gaps", messages.select((~pl.col("sets")).sum()).item())
        if not self._is_synced:
            first = messages.select(pl.col("is_snapshot").arg_max()).item() if messages["is_snapshot"].any() else None
            self._is_synced = first is not None
            front = messages if first is None else messages.head(first)
            self._count("unsynced", front.select(pl.col("sets").sum()).item())

    def _count(self, what: str, number: int) -> None:
        self.counts[what] += number
