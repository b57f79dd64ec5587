"""How good the data of a run was while it mattered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradecore.backtest.closings import with_closings
from tradecore.backtest.tables import TableStore

__all__ = ["stale_marks"]


def stale_marks(tables: TableStore, silences: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Return in how many of the times in which nothing was told a position was open, and the longest of them, ns.

    Parameters
    ----------
    tables : TableStore
    silences : mapping
        By instrument ``moments``, from and until, ns of the venue's clock.
    """
    if not silences:
        return {}
    import numpy as np

    columns = ["ts_event", "strategy", "instrument", "position_qty"]
    moves = with_closings(tables.table("fills", columns, exact=False), tables)
    found = {}
    for name, told in silences.items():
        begins, ends = np.array(told["moments"], np.int64).reshape(-1, 2).T
        is_open = np.zeros(len(begins), bool)
        for held in moves.filter(instrument=name).sort("ts_event", maintain_order=True).partition_by("strategy"):
            stamps, after = held["ts_event"].to_numpy(), held["position_qty"].to_numpy() != 0
            place = np.searchsorted(stamps, begins, side="right")
            is_open |= (place > 0) & after[np.maximum(place - 1, 0)]
            # Opened in the middle of it, by an order that met what was old.
            opened = stamps[after]
            is_open |= np.searchsorted(opened, ends, side="left") > np.searchsorted(opened, begins, side="right")
        if is_open.any():
            longest = int((ends - begins)[is_open].max())
            found[name] = {"times": int(is_open.sum()), "longest_ns": longest}
    return found
