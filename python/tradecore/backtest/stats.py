"""The figures of a run, each with its unit and formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Context, Decimal
from typing import Any

__all__ = ["EXACT", "MOST_OF_VOLUME", "Stats", "bps_of", "net_of", "share_of", "stats_of"]

_NOT_PLAIN = ("rejected", "why")
EXACT = Context(prec=40)
"""Digits for any sum of money, and rounding that no other library in the process has changed for its own."""
MOST_OF_VOLUME = 0.1
"""The share of what was traded beyond which no fill rule without market impact can be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """The figures of a run. What cannot be said is None, and ``why`` says the reason.

    Money is in ``currency``, the settlement currency of all instruments; where there are several currencies it is
    None throughout and :attr:`Result.totals <tradecore.Result.totals>` has each.

    Examples
    --------
    ::

        stats = result.stats
        print(stats.net_pnl, stats.sharpe, stats.why.get("sharpe"))
    """

    currency: str | None
    """Currency of the money below."""
    net_pnl: Decimal | None
    """Profit after all that was paid, positions at their mark: ``gross_pnl - fees - funding - interest``, currency."""
    gross_pnl: Decimal | None
    """Profit before fees: realised plus that of open positions at their mark, currency."""
    fees: Decimal | None
    """Fees paid, negative where rebates exceed them, currency."""
    funding: Decimal | None
    """Funding paid, negative where more was received, currency."""
    interest: Decimal | None
    """Interest paid on what was borrowed, currency."""
    turnover: Decimal | None
    """Value of all fills, bought and sold: the sum of price x quantity x contract size (/ price for inverse contracts),
    currency."""
    net_pnl_bps: float | None
    """Profit after fees for what was traded: ``net_pnl / turnover x 10,000``, basis points."""
    max_drawdown: float | None
    """Largest fall of sampled equity from a peak, the start (0) being one; currency, not negative."""
    sharpe: float | None
    """``mean / standard deviation (n - 1) x sqrt(periods in 365 days)`` of the changes of equity, annualised."""
    sortino: float | None
    """``mean / sqrt(mean of squared losses, gains as 0) x sqrt(periods in 365 days)``, annualised."""
    sharpe_period_ns: int | None
    """Length of these changes, ns: the longest of 1 min, 1 h and 1 day that gives enough of them."""
    orders: int
    """Orders sent."""
    fills: int
    """Fills, whole and partial."""
    fills_per_order: float | None
    """``fills / orders``."""
    maker_share: float | None
    """Fills of orders that rested over all fills, 0 to 1."""
    rejected: dict[str, int]
    """Orders that were rejected, by reason."""
    events: int
    """Rows of market data processed."""
    start_ns: int | None
    """Time of the first event, ns since 1970 UTC."""
    end_ns: int | None
    """Time of the last event, ns since 1970 UTC."""
    span_ns: int | None
    """``end_ns - start_ns``, ns."""
    wall_s: float
    """What the run took, s of this machine's time."""
    events_per_s: float | None
    """``events / wall_s``."""
    why: dict[str, str] = field(default_factory=dict)
    """Reasons for the figures that are None, by name."""

    def to_dict(self) -> dict[str, float | int | str | None]:
        """Return the figures as plain numbers, a row of a data frame: money as float, ``rejected`` as their sum."""
        row: dict[str, float | int | str | None] = {}
        for each in fields(self):
            if each.name not in _NOT_PLAIN:
                value = getattr(self, each.name)
                row[each.name] = float(value) if isinstance(value, Decimal) else value
        row["rejected"] = sum(self.rejected.values())
        return row


def share_of(volume: Mapping[str, Decimal]) -> float | None:
    """Return what was filled over what was traded by everybody; None where the data has no trades."""
    return float(EXACT.divide(volume["filled"], volume["traded"])) if volume["traded"] else None


def bps_of(net: Decimal, turnover: Decimal) -> float | None:
    """Return profit in basis points of what was traded; None where nothing was."""
    return float(EXACT.divide(EXACT.multiply(net, 10_000), turnover)) if turnover else None


def net_of(row: Mapping[str, Any]) -> Decimal:
    """Profit of a position, exact: ``realized_pnl + unrealized_pnl - fees - funding - interest``."""
    made = EXACT.add(row["realized_pnl"], row["unrealized_pnl"])
    for paid in ("fees", "funding", "interest"):
        made = EXACT.subtract(made, row[paid])
    return made


def stats_of(
    totals: Sequence[Mapping[str, Any]],
    *,
    orders: int,
    fills: int,
    maker_fills: int,
    rejected: Mapping[str, int],
    events: int,
    span_ns: tuple[int, int] | None,
    wall_s: float,
) -> Stats:
    """Sum a run up; arguments are as in the core's summary."""
    why: dict[str, str] = {}
    only: Mapping[str, Any] = {}
    if len(totals) == 1:
        only = totals[0]
        why |= {name: only[f"{name}_why"] for name in ("sharpe", "sortino") if only[name] is None}
    else:
        currencies = ", ".join(total["currency"] for total in totals)
        several = f"the run settles in {currencies}: Result.totals has each"
        money = ("currency", "net_pnl", "gross_pnl", "fees", "funding", "interest", "turnover")
        why |= dict.fromkeys((*money, "net_pnl_bps", "max_drawdown", "sharpe", "sortino", "sharpe_period_ns"), several)

    def ratio(name: str, part: Any, whole: Any, missing: str) -> float | None:
        if whole:
            return float(part / whole)
        why.setdefault(name, missing)
        return None

    if (bps := bps_of(only["net_pnl"], only["turnover"]) if only else None) is None:
        why.setdefault("net_pnl_bps", "nothing was traded")
    if span_ns is None:
        why |= dict.fromkeys(("start_ns", "end_ns", "span_ns"), "there were no events")
    return Stats(
        currency=only.get("currency"),
        net_pnl=only.get("net_pnl"),
        gross_pnl=only.get("gross_pnl"),
        fees=only.get("fees"),
        funding=only.get("funding"),
        interest=only.get("interest"),
        turnover=only.get("turnover"),
        net_pnl_bps=bps,
        max_drawdown=only.get("max_drawdown"),
        sharpe=only.get("sharpe"),
        sortino=only.get("sortino"),
        sharpe_period_ns=only.get("sharpe_period_ns"),
        orders=orders,
        fills=fills,
        fills_per_order=ratio("fills_per_order", fills, orders, "no orders"),
        maker_share=ratio("maker_share", maker_fills, fills, "no fills"),
        rejected=dict(rejected),
        events=events,
        start_ns=None if span_ns is None else span_ns[0],
        end_ns=None if span_ns is None else span_ns[1],
        span_ns=None if span_ns is None else span_ns[1] - span_ns[0],
        wall_s=wall_s,
        events_per_s=ratio("events_per_s", events, wall_s, "it took no time"),
        why=why,
    )
