"""Readers of files that are event columns already: exported files, event arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tradecore._core import FeedSummary, Instrument, TradeSieve

if TYPE_CHECKING:
    from tradecore.data.writer import Columns

__all__ = ["ColumnsReader"]


class ColumnsReader:
    """What an :class:`~tradecore._core.EventReader` is, of columns that come in pieces of whole messages.

    ``counts`` are told with the summary: whoever makes the pieces counts in it what it leaves out. A
    ``sieve`` leaves out trades that are none, and they are told as well.
    """

    lacks_receive_times = False

    def __init__(
        self,
        pieces: Iterator[Columns],
        instrument: Instrument,
        counts: Mapping[str, int] | None = None,
        sieve: TradeSieve | None = None,
    ) -> None:
        self._pieces = pieces
        self._counts = {} if counts is None else counts
        self._sieve = sieve
        self._summary = FeedSummary(instrument)
        self._rows = 0

    @property
    def progress(self) -> tuple[int, int]:
        """Rows read so far, and 0: nobody knows how many there are."""
        return self._rows, 0

    def read(self, _: int) -> Columns | None:
        """Return the next piece, None at the end."""
        if (columns := next(self._pieces, None)) is not None:
            if self._sieve is not None:
                columns = self._sieve.push(columns)
            self._summary.push(columns)
            self._rows += len(columns["kind"])
        return columns

    def summary(self) -> dict[str, Any]:
        """Return what was counted so far."""
        counts = Counter(self._counts)
        if self._sieve is not None:
            counts.update(self._sieve.counts)
        return {**self._summary.to_dict(), **counts}

    def skipped(self) -> list[tuple[str, int, str]]:
        """Return no lines: none is left out."""
        return []
