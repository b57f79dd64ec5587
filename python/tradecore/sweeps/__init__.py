"""Many backtests over one set of data."""

from tradecore.sweeps.result import Point, Sweep, SweepInterrupted
from tradecore.sweeps.run import sweep

__all__ = ["Point", "Sweep", "SweepInterrupted", "sweep"]
