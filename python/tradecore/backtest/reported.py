"""What the page of a run is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import polars as pl

    from tradecore._core import Instrument
    from tradecore.backtest.markouts import Mids
    from tradecore.backtest.performance import RunPerformance
    from tradecore.backtest.stats import Stats
    from tradecore.backtest.tables import TableStore
    from tradecore.validation import DurationLike
    from tradecore.venue import SimVenue

__all__ = ["Reported"]


class Reported(Protocol):
    """A result, as far as its page needs it: names are those of :class:`Result <tradecore.Result>`."""

    digest: str
    seed: int
    events: int
    wall_s: float
    interrupted: bool
    span_ns: tuple[int, int] | None
    totals: list[dict[str, Any]]
    failures: dict[str, str]
    notes: list[str]
    rejected: dict[str, int]
    fill_basis: dict[str, str]
    wrong_stamps: dict[str, dict[str, int]]
    uncrossed: dict[str, dict[str, int]]
    volumes: dict[str, dict[str, Any]]
    venues: list[SimVenue]
    instruments: list[Instrument]
    tables: TableStore

    @property
    def clock_lead_ns(self) -> Mapping[str, int]:
        """How far clocks of venues were taken to run ahead at most, ns."""
        ...

    @property
    def final_positions(self) -> list[dict[str, Any]]:
        """What was held in the end."""
        ...

    @property
    def stats(self) -> Stats:
        """The figures."""
        ...

    @property
    def candles(self) -> pl.DataFrame:
        """Candles of the market."""
        ...

    @property
    def signals(self) -> pl.DataFrame:
        """What predictors said."""
        ...

    @property
    def pnl(self) -> pl.DataFrame:
        """What each strategy made of each instrument."""
        ...

    def frame(self, name: str, *, exact: bool = True) -> pl.DataFrame:
        """Return a frame by its name."""
        ...

    def attribution(self, by: str | Sequence[str] | None = None, *, horizon: DurationLike = "1s") -> pl.DataFrame:
        """Split the profit."""
        ...

    def performance(self, currency: str | None = None, *, capital: float | Decimal | None = None) -> RunPerformance:
        """Return statistics."""
        ...

    def _mids(self) -> Mids | None: ...
