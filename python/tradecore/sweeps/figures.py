"""What a sweep keeps of a run."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tradecore.backtest.result import Result

__all__ = ["figures"]

_OF_THE_DATA = ("currency", "events", "start_ns", "end_ns", "span_ns")
_OF_THE_MACHINE = ("wall_s", "events_per_s")
"""Figures that are the same for all points, and such that are never the same."""
_OF_A_CURRENCY = ("net_pnl", "gross_pnl", "fees", "turnover", "max_drawdown", "sharpe", "sortino")


def figures(result: Result) -> dict[str, Any]:
    """Return the statistics of a run as plain numbers, by the names they have in :class:`~tradecore.Stats`.

    Amounts are floats; where a run settles in several currencies, a currency is part of the name
    (``net_pnl_USDT``).
    """
    found: dict[str, Any] = result.stats.to_dict()
    for name in (*_OF_THE_DATA, *_OF_THE_MACHINE):
        del found[name]
    if len(result.totals) != 1:
        found = {name: value for name, value in found.items() if value is not None}
        for total in result.totals:
            for name in _OF_A_CURRENCY:
                value = total[name]
                found[f"{name}_{total['currency']}"] = float(value) if isinstance(value, Decimal) else value
    return {**found, "digest": result.digest}
