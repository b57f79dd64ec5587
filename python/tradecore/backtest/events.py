"""The events a run was over, for whoever looks at its market again."""

from __future__ import annotations

from pathlib import Path

from tradecore._core import EventStream, MemoryColumns
from tradecore.backtest.feeds import Source
from tradecore.data import views
from tradecore.data.catalog import Catalog
from tradecore.errors import TradecoreError

__all__ = ["RunData"]


class RunData:
    """The events of a run: a catalog, or columns in memory, which do not leave the process.

    Parameters
    ----------
    source : Catalog or mapping
        As the backtest had it.
    """

    def __init__(self, source: Source) -> None:
        self._source = source

    @classmethod
    def at(cls, path: str | None) -> RunData | None:
        """Return those of a catalog's folder."""
        return None if path is None else cls(Catalog(path))

    @property
    def path(self) -> str | None:
        """The catalog's folder; None of columns in memory."""
        return str(Path(self._source.path).absolute()) if isinstance(self._source, Catalog) else None

    def __call__(self, instrument: str, start_ns: int, end_ns: int) -> EventStream | MemoryColumns | None:
        """Return the events that make an instrument's book of a time, ns; None where they are not there any more."""
        try:
            if not isinstance(self._source, Catalog):
                return MemoryColumns(instrument, self._source[instrument], with_ids=False)
            return views.book_stream(self._source.manifest(instrument), views.Span(start_ns, end_ns))
        except (KeyError, TradecoreError):
            return None

    def __reduce__(self) -> tuple[object, ...]:
        return RunData.at, (self.path,)
