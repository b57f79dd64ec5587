"""What execution costs, and how a large order is cut into small ones.

Each function is the one that strategies are served with: ``ctx.slippage`` and ``ctx.execute``.

Examples
--------
>>> from tradecore import exec as execution
>>> execution.twap_slices(100, 3)
[34, 33, 33]
"""

from tradecore._core import (
    Execution,
    Slippage,
    almgren_chriss,
    iceberg_slices,
    impact_bps,
    implementation_shortfall,
    pov_target,
    slippage,
    twap_slices,
    volume_curve,
    vwap_slices,
)

__all__ = [
    "Execution",
    "Slippage",
    "almgren_chriss",
    "iceberg_slices",
    "impact_bps",
    "implementation_shortfall",
    "pov_target",
    "slippage",
    "twap_slices",
    "volume_curve",
    "vwap_slices",
]
