"""What a run is: its figures and its tables, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tradecore._core import FinalPositions, format_duration_ns
from tradecore.backtest.frames import dated
from tradecore.backtest.money_frames import MoneyFrames
from tradecore.backtest.risk import RunRisk
from tradecore.backtest.stats import Stats, share_of, stats_of
from tradecore.backtest.tables import TableStore
from tradecore.backtest.text import Facts, plain
from tradecore.errors import InvalidValueError, RunError
from tradecore.validation import DurationLike, to_ns
from tradecore.venue import SimVenue

if TYPE_CHECKING:
    import polars as pl

    from tradecore.backtest.events import RunData
    from tradecore.backtest.markouts import Mids
    from tradecore.backtest.performance import Curve, RunPerformance

__all__ = ["RunRecord"]

_OF_TOTALS = ("gross_pnl", "fees", "funding", "interest", "net_pnl", "turnover", "max_drawdown", "sharpe")
_OF_POSITIONS = (
    "strategy",
    "instrument",
    "qty",
    "avg_entry_price",
    "realized_pnl",
    "unrealized_pnl",
    "fees",
    "funding",
    "interest",
    "cash",
    "fills",
)
"""What :meth:`Result.summary` says of each."""
_OF_MARKOUTS = ("ts_event", "instrument", "side", "price", "qty", "liquidity", "strategy", "order_id")
"""Columns of fills beside markouts."""


class RunRecord(MoneyFrames):
    """What a run came to. Attributes are those of :class:`Result <tradecore.Result>`, which adds pictures and files."""

    def __init__(
        self,
        summary: dict[str, Any],
        store: TableStore,
        *,
        seed: int,
        wall_s: float,
        venues: Sequence[SimVenue],
        notes: Sequence[str],
        data: RunData | None = None,
    ) -> None:
        self._data = data
        self.tables = store
        self._counts: dict[str, int] = {name: summary[name] for name in ("orders", "fills", "maker_fills")}
        self.digest: str = summary["digest"]
        self.interrupted: bool = summary["interrupted"]
        self.events: int = summary["events"]
        self.span_ns: tuple[int, int] | None = summary["span_ns"]
        self.totals: list[dict[str, Any]] = list(summary["totals"])
        self.reporting: dict[str, Any] | None = summary["reported"]
        self.reported = None if self.reporting is None else self.reporting["total"]
        self.bounds: dict[str, dict[str, Decimal]] | None = summary.get("bounds")
        self._reported_bounds: dict[str, Decimal] = summary.get("reported_bounds", {})
        store.names["currency"] = [total["currency"] for total in self.totals]
        self._positions = summary["positions"]
        self.failures: dict[str, str] = summary["failures"]
        broken = summary["model_failure"]
        self.model_failure: tuple[str, str, str] | None = None if broken is None else tuple(broken)
        self.rejected: dict[str, int] = summary["rejected"]
        self.seed = seed
        self.wall_s = wall_s
        self.fill_basis: dict[str, str] = summary["fill_basis"]
        marks: dict[str, tuple[str, float | None]] = summary["marks"]
        self.mark_source: dict[str, str] = {name: source for name, (source, _) in marks.items()}
        self._marks: dict[str, float | None] = {name: price for name, (_, price) in marks.items()}
        self._granularity_ns: dict[str, int] = summary["granularity_ns"]
        self.clock_steps: dict[str, list[tuple[int, int, int]]] = {
            venue: [(begin, lead, least) for begin, lead, least in steps]
            for venue, steps in summary["clock_steps"].items()
        }
        self.clock_leads: dict[str, list[tuple[int | None, int]]] = {
            venue: [(begin, lead) for begin, lead in leads] for venue, leads in summary["clock_leads"].items()
        }
        self.wrong_stamps: dict[str, dict[str, int]] = summary["wrong_stamps"]
        self.uncrossed: dict[str, dict[str, int]] = summary["uncrossed"]
        self.crossed: dict[str, list[tuple[int, int]]] = {
            name: [(begin, end) for begin, end in moments] for name, moments in summary["crossed"].items()
        }
        self._balances = summary["balances"]
        self.crossings: dict[str, dict[str, Any]] = summary["crossings"]
        self.gaps: dict[str, dict[str, Any]] = summary["gaps"]
        self.silences: dict[str, dict[str, Any]] = summary["silences"]
        self._unmarked: dict[str, dict[str, Any]] = summary["unmarked"]
        # A result that was loaded brings them along.
        self._volumes: dict[str, dict[str, Any]] | None = summary.get("volumes")
        self.venues = list(venues)
        self.notes: list[str] = list(notes)
        self.instruments = summary["instruments"]
        self._journal: bytes = summary["journal"]
        # Results that were saved before there were limits had none.
        self._limits: list[dict[str, Any]] = summary.get("risk", [])

    @cached_property
    def volumes(self) -> dict[str, dict[str, Any]]:
        """What was filled and traded in each instrument, see :class:`Result <tradecore.Result>`."""
        if self._volumes is not None:
            return self._volumes
        if isinstance(self._positions, FinalPositions):
            volumes = self._positions.volumes()
            return {name: {**volume, "share": share_of(volume)} for name, volume in volumes.items()}
        return {}

    def _bounds_of(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return the least and the largest net profit of a run with bounds and what ran beside it, by currency."""
        if self.bounds is None:
            return {}
        if self.reported is not None:
            three = [self.reported["net_pnl"], *self._reported_bounds.values()]
            return {self.reported["currency"]: (min(three), max(three))}
        nets = {total["currency"]: total["net_pnl"] for total in self.totals}
        sides = {name: [net, *(side[name] for side in self.bounds.values())] for name, net in nets.items()}
        return {name: (min(all_three), max(all_three)) for name, all_three in sides.items()}

    @property
    def _leading(self) -> list[dict[str, Any]]:
        """The totals that come first: that in the reporting currency, else those by settlement currency."""
        return self.totals if self.reported is None else [self.reported]

    @property
    def net_pnl_low(self) -> Decimal | None:
        """The least net profit by the rules of a run with bounds; None without, or with several currencies."""
        found = list(self._bounds_of().values())
        return found[0][0] if len(found) == 1 else None

    @property
    def net_pnl_high(self) -> Decimal | None:
        """The largest net profit by the rules of a run with bounds; None without, or with several currencies."""
        found = list(self._bounds_of().values())
        return found[0][1] if len(found) == 1 else None

    @property
    def risk(self) -> RunRisk:
        """Limits of the run, what they came to, and whom they refused or stopped."""
        return RunRisk(self, self._limits)

    @property
    def granularity_ms(self) -> dict[str, float]:
        """How fine the full books were taken to be, by instrument, ms."""
        return {name: ns / 1e6 for name, ns in self._granularity_ns.items()}

    @property
    def clock_lead_ns(self) -> dict[str, int]:
        """How far clocks of venues were taken to run ahead at most, ns, of those that did."""
        return {venue: max(lead for _, lead in leads) for venue, leads in self.clock_leads.items()}

    @property
    def rates(self) -> dict[str, dict[str, Any]]:
        """What one of each other settlement currency was worth in the reporting currency in the end.

        By currency ``rate``, None where it was not known, and ``by``, the instruments whose mids said so or ``stated``.
        """
        return {} if self.reporting is None else self.reporting["rates"]

    @cached_property
    def stats(self) -> Stats:
        """The figures of the run, each documented: profit, risk, orders, fills, speed."""
        return stats_of(
            self._leading,
            **self._counts,
            rejected=self.rejected,
            events=self.events,
            span_ns=self.span_ns,
            wall_s=self.wall_s,
        )

    @cached_property
    def _mids(self) -> Mids | None:
        from tradecore.backtest.markouts import Mids

        if "mids" not in self.tables:
            return None
        return Mids(self.tables.table("mids"), None if self.span_ns is None else self.span_ns[1])

    @cached_property
    def _curves(self) -> dict[str, Curve]:
        """The sampled equity, by settlement currency."""
        from tradecore.backtest.performance import curves_of

        return curves_of(self.tables)

    @cached_property
    def _leading_curves(self) -> dict[str, Curve]:
        """The sampled equity in the currencies of the totals that come first."""
        from tradecore.backtest.performance import reported_curve

        return self._curves if self.reported is None else {self.reported["currency"]: reported_curve(self.tables)}

    @cached_property
    def stale_marks(self) -> dict[str, dict[str, int]]:
        """Times in which a position was open and marked at what was old: by instrument ``times`` and ``longest_ns``.

        A mark is old when nothing was told of its market, or of the mark price or trades that positions are valued at
        (``mark_source``), for longer than ``stale_after`` of the venue; of such times the first thousand are looked at.
        """
        from tradecore.backtest.quality import stale_marks

        others = [name for name, source in self.mark_source.items() if source != "mid"]
        silences = {name: told for name, told in self.silences.items() if name not in others}
        return stale_marks(self.tables, silences | self._unmarked)

    def markouts(self, horizons: DurationLike | Sequence[DurationLike]) -> pl.DataFrame:
        """How the market went on after each fill, at any horizons.

        Parameters
        ----------
        horizons : duration, or sequence of them
            Such as ``["500ms", "5s", "5m"]``.

        Returns
        -------
        DataFrame
            A row a fill, in the order of ``fills``, with a column for each horizon: ``markout_5s`` is how much better
            than the price the mid was 5 s later, in quote currency for each unit; None where the run was over by then.

        Raises
        ------
        InvalidValueError
            For none, one that is no length of time, and one that is there twice.
        RunError
            For a result that was saved before mids were kept.

        Examples
        --------
        ::

            after = result.markouts(["500ms", "5s"])
            print(after.group_by("liquidity").agg(pl.col("markout_500ms", "markout_5s").mean()))
        """
        from tradecore.backtest.markouts import horizons_of, with_markouts

        columns = horizons_of(horizons)
        table = self.tables.table("fills", _OF_MARKOUTS)
        table = with_markouts(table, self._known_mids(), columns)
        return dated(table).select("ts_event", *_OF_MARKOUTS[1:], *columns)

    def attribution(self, by: str | Sequence[str] | None = None, *, horizon: DurationLike = "1s") -> pl.DataFrame:
        """Split the profit after fees into what it is made of; the parts add up to it to the last digit.

        - ``spread``: what prices of fills were better than the mid right before them.
        - ``adverse_selection``: what the mid did from then to ``horizon`` later, for what was filled.
        - ``inventory``: what it did from there on, until the end of the run, where open positions are marked, or the
          price at which the venue settled or liquidated them.
        - ``fees``: what was paid, with a minus, those of liquidations too; rebates with a plus.
        - ``funding``: what was received for positions, less what was paid.
        - ``interest``: what was paid for what was borrowed, with a minus.

        Parameters
        ----------
        by : str or sequence of str, optional
            Some of ``strategy``, ``instrument``, ``hour`` and ``side``. An hour (UTC) has the spread, adverse selection
            and fees of its fills, and the inventory of all that was held in it; a side has what was bought, or sold, as
            if it were held to the end.
        horizon : duration
            Where adverse selection ends and inventory begins.

        Returns
        -------
        DataFrame
            A row for each currency and each of what ``by`` tells apart: these, ``currency``, the parts, and
            ``net_pnl``, their sum. Money is Decimal.

        Raises
        ------
        InvalidValueError
            For another ``by``, and a horizon that is no length of time.
        RunError
            For a result that was saved before mids were kept.

        Examples
        --------
        ::

            parts = result.attribution("strategy", horizon="10s")
            assert sum(parts["net_pnl"]) == result.net_pnl
        """
        from tradecore.backtest.attribution import attribute, keys_of

        keys, horizon_ns = keys_of(by), to_ns("horizon", horizon)
        return attribute(
            self.tables,
            self.final_positions,
            self.instruments,
            self._known_mids(),
            self._marks,
            None if self.span_ns is None else self.span_ns[1],
            keys=keys,
            horizon_ns=horizon_ns,
        )

    def performance(
        self,
        currency: str | None = None,
        *,
        capital: float | Decimal | None = None,
        period: DurationLike | None = None,
        trials: int | None = None,
    ) -> RunPerformance:
        """Return statistics of the equity on a grid, and of orders and fills.

        Parameters
        ----------
        currency : str, optional
            A settlement currency. If not given all of the run is meant, in the reporting currency or the only one
            that it settles in.
        capital : float or Decimal, optional
            What was there in the beginning, in that currency: returns are fractions of equity then. Without it they are
            changes in currency, of which Sharpe and Sortino ratios are the same up to compounding, and there is no
            annual growth rate.
        period : duration, optional
            The grid of returns; if not given the longest of 1 minute, 1 hour and 1 day that gives 30 of them.
        trials : int, optional
            How many variants were tried before this one was chosen, for the deflated Sharpe ratio.

        Raises
        ------
        RunError
            With several currencies, of which none was named and none is reported in, and where the run kept no tables.
        InvalidValueError
            For a currency that nothing settles in, a capital that is none or was lost, a period that is none or gives
            more than ten million returns.

        Examples
        --------
        ::

            figures = result.performance(capital=10_000, period="1m")
            print(figures.exposure, figures.returns.calmar if figures.returns else figures.why["returns"])
        """
        from tradecore.backtest.performance import run_performance

        of_all = currency is None
        total = self._total() if of_all else next((t for t in self.totals if t["currency"] == currency), None)
        if total is None:
            there = ", ".join(t["currency"] for t in self.totals)
            raise InvalidValueError("currency", f"nothing settles in {currency!r}, only in {there}")
        if capital is not None and not 0 < capital < float("inf"):
            raise InvalidValueError("capital", f"expected an amount above 0, got {capital!r}")
        period_ns = None if period is None else to_ns("period", period)
        if period_ns == 0:
            raise InvalidValueError("period", "expected a length of time above 0")
        return run_performance(
            self.tables,
            (self._leading_curves if of_all else self._curves)[total["currency"]],
            total,
            [spec.id for spec in self.instruments if of_all or spec.settlement == total["currency"]],
            self.span_ns,
            capital=None if capital is None else float(capital),
            period_ns=period_ns,
            trials=trials,
        )

    def _known_mids(self) -> Mids:
        if (mids := self._mids) is None:
            raise RunError("the result was saved before mids were kept: run it again")
        return mids

    @property
    def journal(self) -> bytes:
        """Every input of the kernel and every command, in order, for :func:`tradecore.replay`.

        Raises
        ------
        RunError
            When the backtest was not asked to ``record``.
        """
        if not self._journal:
            raise RunError("the run kept no journal: ask for it with Backtest(..., record=True)")
        return self._journal

    def _total(self) -> dict[str, Any]:
        if len(self._leading) != 1:
            currencies = ", ".join(total["currency"] for total in self.totals)
            raise RunError(
                f"the run settles in {currencies}: read totals for each, or have it reported in one currency"
            )
        return self._leading[0]

    @property
    def net_pnl(self) -> Decimal:
        """Profit after fees, funding and interest, positions at their mark. Raises RunError with several currencies."""
        value: Decimal = self._total()["net_pnl"]
        return value

    @property
    def gross_pnl(self) -> Decimal:
        """Profit before fees. Raises RunError with several currencies."""
        value: Decimal = self._total()["gross_pnl"]
        return value

    @property
    def funding(self) -> Decimal:
        """Funding paid, negative where more was received. Raises RunError with several currencies."""
        value: Decimal = self._total()["funding"]
        return value

    @property
    def interest(self) -> Decimal:
        """Interest paid on what was borrowed. Raises RunError with several currencies."""
        value: Decimal = self._total()["interest"]
        return value

    @property
    def fees(self) -> Decimal:
        """Fees paid, negative where rebates exceed them. Raises RunError with several currencies."""
        value: Decimal = self._total()["fees"]
        return value

    def summary(self) -> dict[str, Any]:
        """Return the figures of the run as plain values; money as text, None where there are several currencies.

        With a reporting currency the figures are in it, and ``by_currency`` has those by settlement currency.
        """
        only = self._leading[0] if len(self._leading) == 1 else None

        def money(key: str) -> str | None:
            return None if only is None else plain(only[key])

        return {
            "digest": self.digest,
            "seed": self.seed,
            "events": self.events,
            "orders": self._counts["orders"],
            "fills": self._counts["fills"],
            "gross_pnl": money("gross_pnl"),
            "fees": money("fees"),
            "funding": money("funding"),
            "interest": money("interest"),
            "net_pnl": money("net_pnl"),
            "net_pnl_low": None if self.net_pnl_low is None else plain(self.net_pnl_low),
            "net_pnl_high": None if self.net_pnl_high is None else plain(self.net_pnl_high),
            "settlement_currency": self.totals[0]["currency"] if len(self.totals) == 1 else None,
            "reporting_currency": None if self.reported is None else self.reported["currency"],
            "rates": {name: {**told, "rate": _text(told["rate"])} for name, told in self.rates.items()},
            "final_positions": [_texts(row, _OF_POSITIONS) for row in self.final_positions],
            "max_drawdown": None if only is None else only["max_drawdown"],
            "sharpe": None if only is None else only["sharpe"],
            "sharpe_period": None if only is None else format_duration_ns(only["sharpe_period_ns"]),
            "by_currency": {total["currency"]: _texts(total, _OF_TOTALS) for total in self.totals},
            "fill_basis": _one_or_all(self.fill_basis),
            "mark_source": _one_or_all(self.mark_source),
            "granularity_ms": self.granularity_ms,
            "clock_lead_ns": self.clock_lead_ns,
            "clock_leads": self.clock_leads,
            "wrong_stamps": self.wrong_stamps,
            "uncrossed": self.uncrossed,
            "balances": [
                {"strategy": row[0], "venue": row[1], "currency": row[2], "begin": plain(row[3]), "end": plain(row[4])}
                for row in self._balances
            ],
            "crossings": {name: _counts(told) for name, told in self.crossings.items()},
            "gaps": {name: _counts(told) for name, told in self.gaps.items()},
            "silences": {name: _counts(told) for name, told in self.silences.items()},
            "volumes": {name: _texts(volume, ("filled", "traded", "share")) for name, volume in self.volumes.items()},
            "interrupted": self.interrupted,
            "notes": self.notes,
            "failures": self.failures,
            "first_ts": None if self.span_ns is None else self.span_ns[0],
            "last_ts": None if self.span_ns is None else self.span_ns[1],
            "wall_s": round(self.wall_s, 6),
            "events_per_s": round(self.events / self.wall_s) if self.wall_s > 0 else None,
        }

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_positions": self.final_positions, "_volumes": self.volumes}

    def _facts(self) -> Facts:
        return Facts(
            stats=self.stats,
            totals=self._leading,
            by_currency=() if self.reported is None else self.totals,
            rates=self.rates,
            positions=self.final_positions,
            bounds=self._bounds_of(),
            fill_basis=self.fill_basis,
            mark_source=self.mark_source,
            volumes=self.volumes,
            granularity_ms=self.granularity_ms,
            clock_leads=self.clock_leads,
            venues=self.venues,
            failures=self.failures,
            notes=self.notes,
            interrupted=self.interrupted,
            digest=self.digest,
        )


def _texts(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return some of a row, money and quantities as text."""
    return {name: plain(row[name]) if isinstance(row[name], Decimal) else row[name] for name in names}


def _counts(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is told of some moments without these themselves."""
    return {name: value for name, value in told.items() if name != "moments"}


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _one_or_all(values: dict[str, str]) -> str | dict[str, str]:
    """Return the value all instruments share, else the mapping."""
    different = set(values.values())
    return different.pop() if len(different) == 1 else values
