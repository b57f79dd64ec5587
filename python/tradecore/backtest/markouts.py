"""Mids around fills: what the market was when an order was sent, arrived and traded, and where it went from there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from tradecore._core import format_duration_ns
from tradecore.errors import InvalidValueError
from tradecore.validation import DurationLike, to_ns

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

__all__ = ["Mids", "horizons_of", "with_markouts", "with_mids"]


class Mids:
    """The mids of each instrument over time, as the venue had them.

    Parameters
    ----------
    frame : DataFrame
        ``ts`` (ns), ``instrument`` and ``mid`` (quote currency), in order of time for each instrument.
    end : int, optional
        When the run was over, ns: nothing is known of later.
    """

    def __init__(self, frame: pl.DataFrame, end: int | None) -> None:
        self._paths: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {
            str(name): (path["ts"].to_numpy(), path["mid"].to_numpy())
            for (name,), path in frame.partition_by("instrument", as_dict=True, maintain_order=True).items()
        }
        self._end = end

    def path(self, instrument: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return times (ns) and mids of an instrument from its first order on; empty where there was none."""
        return self._paths.get(instrument, (np.empty(0, np.int64), np.empty(0)))

    def at(
        self, instrument: str, times: NDArray[np.int64], before: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float64]:
        """Return the mid at each time, ns; where ``before`` is true the one right before. NaN where it is not known."""
        stamps, mids = self.path(instrument)
        if not len(stamps):
            return np.full(len(times), np.nan)
        place = np.searchsorted(stamps, times, side="right")
        if before is not None:
            place = np.where(before, np.searchsorted(stamps, times, side="left"), place)
        known = (place > 0) & (True if self._end is None else times <= self._end)
        found: NDArray[np.float64] = np.where(known, mids[np.maximum(place - 1, 0)], np.nan)
        return found


def horizons_of(horizons: DurationLike | Sequence[DurationLike]) -> dict[str, int]:
    """Return the columns of markouts at some horizons, with these in ns.

    Raises
    ------
    InvalidValueError
        For none, one that is no length of time, and one that is there twice.
    """
    listed = [horizons] if isinstance(horizons, str | timedelta | int) else list(horizons)
    if not listed:
        raise InvalidValueError("horizons", 'expected lengths of time such as ["1s", "5s"], got none')
    columns: dict[str, int] = {}
    for number, horizon in enumerate(listed):
        ns = to_ns(f"horizons.{number}", horizon)
        name = f"markout_{horizon.replace(' ', '') if isinstance(horizon, str) else format_duration_ns(ns)}"
        if name in columns or ns in columns.values():
            raise InvalidValueError(f"horizons.{number}", f"{horizon!r} is there twice")
        columns[name] = ns
    return columns


def with_mids(fills: pl.DataFrame, mids: Mids) -> pl.DataFrame:
    """Add ``mid_at_decision``, ``mid_at_arrival`` and ``mid_at_fill`` to fills, whose times are ns.

    A fill of an order that rested has the mid right before what filled it, one that took the mid it met.
    """
    import polars as pl

    def columns(piece: pl.DataFrame, name: str) -> pl.DataFrame:
        rested = (piece["liquidity"] == "maker").to_numpy()
        sent, arrived = (piece[key].fill_null(0).to_numpy() for key in ("ts_sent", "ts_arrive"))
        return piece.with_columns(
            pl.Series("mid_at_decision", mids.at(name, sent)).fill_nan(None),
            pl.Series("mid_at_arrival", mids.at(name, arrived)).fill_nan(None),
            pl.Series("mid_at_fill", mids.at(name, piece["ts_event"].to_numpy(), rested)).fill_nan(None),
        )

    return _by_instrument(fills, columns)


def with_markouts(fills: pl.DataFrame, mids: Mids, horizons: Mapping[str, int]) -> pl.DataFrame:
    """Add a column for each horizon (ns): how much better than its price the mid was so long after a fill.

    In quote currency for each unit: ``mid - price`` of what was bought, ``price - mid`` of what was sold. None where
    the run was over before.
    """
    import polars as pl

    def columns(piece: pl.DataFrame, name: str) -> pl.DataFrame:
        times, price = piece["ts_event"].to_numpy(), piece["price"].to_numpy()
        sign = np.where((piece["side"] == "buy").to_numpy(), 1.0, -1.0)
        return piece.with_columns(
            pl.Series(column, sign * (mids.at(name, times + ns) - price)).fill_nan(None)
            for column, ns in horizons.items()
        )

    return _by_instrument(fills, columns)


def _by_instrument(fills: pl.DataFrame, columns: Callable[[pl.DataFrame, str], pl.DataFrame]) -> pl.DataFrame:
    """Add columns to the fills of each instrument; rows stay in order."""
    import polars as pl

    numbered = fills.with_row_index("_row")
    pieces = [
        columns(piece, str(name))
        for (name,), piece in numbered.partition_by("instrument", as_dict=True, maintain_order=True).items()
    ]
    return (pl.concat(pieces) if pieces else columns(numbered, "")).sort("_row").drop("_row")
