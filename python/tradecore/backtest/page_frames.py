"""What sections of the page of a run are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from tradecore.backtest.closings import with_closings
from tradecore.backtest.markouts import Mids

if TYPE_CHECKING:
    from tradecore._core import Instrument
    from tradecore.backtest.record import RunRecord

__all__ = ["PageFrames", "bad_times", "some_of", "unit_of"]


class PageFrames(NamedTuple):
    """What most sections are made of."""

    fills: pl.DataFrame
    moves: pl.DataFrame
    """What changed positions: fills, and what venues closed."""
    orders: pl.DataFrame
    mids: Mids | None

    @classmethod
    def of(cls, result: RunRecord) -> PageFrames:
        """Return those of a result."""
        fills = result.frame("fills", exact=False).with_columns(at=pl.col("ts_event").cast(pl.Int64))
        plain = fills.select("instrument", "side", "qty", ts_event="at")
        moves = with_closings(plain, result.tables)
        return cls(fills, moves, result.frame("orders", exact=False), result._mids)


def unit_of(spec: Instrument) -> str:
    """Return what quantities of an instrument count."""
    return spec.base if spec.kind == "spot" else "contracts"


def some_of(frame: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return so many rows at most, equally far apart."""
    return frame if len(frame) <= most else frame.gather_every(-(-len(frame) // most))


def bad_times(result: RunRecord) -> dict[str, dict[str, list[tuple[int, int]]]]:
    """Return times of each kind, by instrument."""
    gaps, silences = ({name: told["moments"] for name, told in of.items()} for of in (result.gaps, result.silences))
    return {"gap": gaps, "locked or crossed": result.crossed, "silence": silences}
