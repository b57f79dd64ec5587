"""What limits and executions did, for the page of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tradecore.backtest.text import plain
from tradecore.report.charts import number
from tradecore.report.page import table

if TYPE_CHECKING:
    from tradecore.backtest.record import RunRecord

__all__ = ["executions_told", "limits_told"]


def limits_told(result: RunRecord) -> str:
    """Return where stops fired, whom limits stopped, what they refused, and what they stood at in the end."""
    # A file of before has none of them.
    if "trips" not in result.tables:
        return ""
    fired = [
        [
            f"{row['ts']:%Y-%m-%d %H:%M:%S}",
            row["strategy"],
            row["instrument"],
            f"{row['stop']} of {row['scope']} {row['name']}",
            *("" if row[name] is None else number(row[name]) for name in ("level", "price", "position_qty", "qty")),
        ]
        for row in (result.risk.stops.to_dicts() if "stops" in result.tables else ())
    ]
    stopped = [
        [
            f"{row['ts']:%Y-%m-%d %H:%M:%S}",
            row["scope"],
            row["name"],
            row["check"],
            row["does"] or "",
            plain(row["value"]) if row["limit"] else "",
            plain(row["limit"]) if row["limit"] else "",
        ]
        for row in result.risk.trips.to_dicts()
    ]
    refused = [
        [row["scope"], row["name"], row["check"], f"{row['len']:,}", plain(row["value"]), plain(row["limit"])]
        for row in result.risk.refusals.group_by("scope", "name", "check", maintain_order=True)
        .agg(pl.len(), pl.col("value").last(), pl.col("limit").last())
        .sort("len", descending=True, maintain_order=True)
        .to_dicts()
    ]
    # Of single orders there is nothing in the end.
    ends = [
        [
            limit["scope"],
            limit["name"],
            limit["check"],
            str(limit["value"]),
            str(limit["limit"]),
            f"{limit['used_pct']:.1f}",
        ]
        for limit in result.risk.limits
        if limit["used_pct"] is not None
    ]
    whose = ["whose", "name", "limit"]
    return (
        table(["time, UTC", "strategy", "instrument", "stop", "level", "price", "position", "closes"], fired, texts=4)
        + table(["time, UTC", *whose, "does", "value", "of"], stopped, texts=5)
        + table([*whose, "orders refused", "last value", "of"], refused, texts=3)
        + table([*whose, "in the end", "of", "%"], ends, texts=3)
    )


def executions_told(result: RunRecord) -> str:
    """Return what became of large orders that were worked off."""
    if "executions" not in result.tables:
        return ""
    shares = ("slippage_bps", "participation")
    rows = [
        [
            f"{row['execution_id']}",
            row["strategy"],
            row["instrument"],
            row["algorithm"],
            row["side"],
            row["state"] + (f": {row['reason']}" if row["reason"] else ""),
            *("n/a" if row[name] is None else number(row[name]) for name in ("qty", "filled_qty")),
            *("n/a" if row[name] is None else number(row[name]) for name in ("arrival_price", "average_price")),
            *("n/a" if row[name] is None else f"{row[name]:.4g}" for name in shares),
            f"{row['children']:,}",
        ]
        for row in result.frame("executions", exact=False).to_dicts()
    ]
    heads = ["execution", "strategy", "instrument", "algorithm", "side", "came to", "asked", "filled", "arrival"]
    return table([*heads, "average", "slippage, bps", "of the market", "orders"], rows, texts=6)
