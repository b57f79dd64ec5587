"""Readers of files that are event columns already: exported files, event arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tradecore._core import FeedSummary, Instrument, TradeSieve

if TYPE_CHECKING:
    from tradecore.data.writer import Columns

__all__ = ["ColumnsReader", "sifted"]


class ColumnsReader:
    """What an :class:`~tradecore._core.EventReader` is, of columns that come in pieces of whole messages.

    ``counts`` are told with the summary: whoever makes the pieces counts in it what it leaves out.
    """

    lacks_receive_times = False

    def __init__(
        self, pieces: Iterator[Columns], instrument: Instrument, counts: Mapping[str, int] | None = None
    ) -> None:
        self._pieces = pieces
        self._counts = {} if counts is None else counts
        self._summary = FeedSummary(instrument)
        self._rows = 0

    @property
    def progress(self) -> tuple[int, int]:
        """Rows read so far, and 0: nobody knows how many there are."""
        return self._rows, 0

    def read(self, _: int) -> Columns | None:
        """Return the next piece, None at the end."""
        if (columns := next(self._pieces, None)) is not None:
            self._summary.push(columns)
            self._rows += len(columns["kind"])
        return columns

    def summary(self) -> dict[str, Any]:
        """Return what was counted so far."""
        return {**self._summary.to_dict(), **self._counts}

    def skipped(self) -> list[tuple[str, int, str]]:
        """Return no lines: none is left out."""
        return []


def sifted(pieces: Iterable[Columns], counts: dict[str, int]) -> Iterator[Columns]:
    """Yield columns without the trades that are none, which are counted: copies by their ids, and empty ones."""
    sieve = TradeSieve()
    for columns in pieces:
        before, left = sieve.counts, sieve.push(columns)
        for name, number in sieve.counts.items():
            counts[name] = counts.get(name, 0) + number - before[name]
        yield left
