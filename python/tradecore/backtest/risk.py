"""What limits did in a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from tradecore.backtest.frames import Frames

__all__ = ["RunRisk"]


class RunRisk:
    """Limits of a run, what they stood at in the end, whom they refused or stopped, and stops that fired.

    Attributes
    ----------
    limits : list of dict
        Every limit: ``check, scope, name, limit, window, value, used_pct``. ``value`` is what it stood at when the run
        ended, ``used_pct`` that in percent of ``limit``; both are None for limits of single orders.

    Examples
    --------
    ::

        for limit in result.risk.limits:
            print(limit["check"], limit["limit"], limit["used_pct"])
        print(result.risk.refusals.group_by("check").len())
    """

    def __init__(self, frames: Frames, limits: list[dict[str, Any]]) -> None:
        self._frames = frames
        self.limits = limits

    @property
    def refusals(self) -> pl.DataFrame:
        """Every limit that a refused request would have passed, a row each; as ``result.refusals``."""
        return self._frames.refusals

    @property
    def trips(self) -> pl.DataFrame:
        """When limits stopped somebody and when it went on; as ``result.trips``."""
        return self._frames.trips

    @property
    def stops(self) -> pl.DataFrame:
        """Stops that fired; as ``result.stops``."""
        return self._frames.stops

    def __repr__(self) -> str:
        return f"<RunRisk {len(self.limits)} limits>"
