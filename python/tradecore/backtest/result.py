"""What a backtest leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tradecore._core import Instrument
from tradecore.backtest.events import RunData
from tradecore.backtest.record import RunRecord
from tradecore.backtest.tables import TableStore
from tradecore.backtest.text import line, table
from tradecore.errors import RunError, UnknownInstrumentError
from tradecore.instruments import instrument_from_dict
from tradecore.venue import venue_from_plain, venue_to_plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tradecore.data.views import Moment

__all__ = ["Result", "load_result"]

_KNOWN = 10
"""Instruments that are named where another one was asked for."""


class Result(RunRecord):
    """The outcome of a run. Print it for a table; read ``stats``, ``pnl`` and the frames for the rest.

    It is whole wherever it goes: pickled, copied, in another process, or saved to a file.

    Attributes
    ----------
    digest : str
        SHA-256 over every request, every venue update and the final ledger: equal for equal runs.
    seed : int
        The run's seed.
    events : int
        Event rows processed.
    interrupted : bool
        Whether the run was ended before its data.
    wall_s : float
        Seconds it took.
    fill_basis : dict of str to str
        By instrument: ``l2`` if orders filled against the full book, ``l1`` against top-of-book quotes.
    mark_source : dict of str to str
        By instrument what positions were valued at: ``mid``, ``mark`` or ``last`` (``mark_source`` of
        :class:`SimVenue <tradecore.SimVenue>`).
    granularity_ms : dict of str to float
        By instrument with a full book: how fine it was taken to be (``granularity`` of :class:`SimVenue
        <tradecore.SimVenue>`), the time whose events are one message, ms; 0 where each event is one.
    clock_lead_ns : dict of str to int
        By venue: how far its clock was taken to run ahead of ours at most, where it did.
    clock_leads : dict of str to list of (int or None, int)
        By venue of those: from which receipt on, ns UTC (None for the first), and how far its clock was taken to run
        ahead from then on, ns.
    clock_steps : dict of str to list of (int, int, int)
        By venue: the same as the run had it, and the shortest time that messages then took, ns.
    wrong_stamps : dict of str to dict
        By instrument: stamps of the venue that were set aside, because they lie more than 10 ms after the receipt once
        the clocks are set right. ``messages``, their number; of the worst one ``worst_ns``, how far it lies after the
        receipt, ``worst_ts_event`` and ``worst_ts_recv``, ns UTC.
    uncrossed : dict of str to dict
        By instrument: what was removed of its book because it stayed locked or crossed (``uncross`` of
        :class:`SimVenue <tradecore.SimVenue>`). ``times`` and ``levels``, how often and how many, and
        ``first_ts_recv``, when that first began, ns UTC.
    crossed : dict of str to list of (int, int)
        By instrument of those: from when until when it stayed so, the first thousand times, ns UTC.
    crossings : dict of str to dict
        By instrument: times in which the venue's book was locked or crossed, however short, as of ``gaps``.
    gaps : dict of str to dict
        By instrument: times in which its book was unknown, from a lost message to the next snapshot. ``times``,
        ``total_ns``, ``longest_ns``, and ``moments``, from and until of the first thousand, ns UTC.
    silences : dict of str to dict
        The same of times in which nothing was told of its market for longer than ``stale_after`` of :class:`SimVenue
        <tradecore.SimVenue>`.
    volumes : dict of str to dict
        By instrument: ``filled``, the quantity of all fills of the run, and ``traded``, that of all trades in the data
        (without a book and trades, the volume of its bars), both Decimal in units, and ``share``, the one over the
        other, None where nothing was traded. Beyond 0.1 the run says so in a note: an order of that size would have
        moved the market, which no rule of fills here does.
    model_failure : tuple of str, optional
        Of a venue's model of one's own that failed, by which the run ended: its class and parameters, what was asked
        of it, and the traceback or what it returned.
    failures : dict of str to str
        Tracebacks of strategies that failed, by name.
    notes : list of str
        What never happened in the run and why, and what its figures leave out, a sentence each.
    rejected : dict of str to int
        Orders that were rejected, by reason.
    reported : dict, or None
        All of the run in its reporting currency: keys are those of ``totals``. Amounts of other currencies are worth
        what ``rates`` say in the end, samples of equity what the markets said then. None where none was asked for, and
        where a rate was not known by the end, which ``notes`` say.
    totals : list of dict
        By settlement currency: ``gross_pnl, fees, funding, interest, net_pnl, turnover`` as Decimal,
        ``max_drawdown`` (currency),
        ``sharpe`` and ``sortino`` as in :class:`Stats`, None where they cannot be said, for the reasons ``sharpe_why``
        and ``sortino_why``, and ``sharpe_period_ns``, the sampling period they are taken over.
    bounds : dict of str to dict of str to Decimal, or None
        Of a run with ``bounds``: net profit by the ``low`` and by the ``high`` rule, by currency.
    tables : TableStore
        The tables behind the frames, piece by piece; times in ns.
    instruments : list of Instrument
        What was traded, with the fees of the run, in the order in which the journal counts them.
    venues : list of SimVenue
        The simulated venues.

    Examples
    --------
    ::

        result = tc.Backtest([Maker("m", ["BTCUSDT.SYNTH"])], "market").run()
        print(result, result.stats.max_drawdown, result.fills.head(3))
        result.save("run.tcr")
    """

    def plot(self, instrument: str | Instrument | None = None) -> Figure:
        """Draw equity, drawdown, inventory and the price with the fills.

        Nothing is shown and no backend is chosen: notebooks show what is returned, ``savefig`` writes it.

        Parameters
        ----------
        instrument : str or Instrument, optional
            Whose inventory and price; the one with most fills if not given. Equity and drawdown are those of all
            instruments of its settlement currency, or of all there are in the reporting currency.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        RunError
            When matplotlib is not installed.
        UnknownInstrumentError
            For an instrument that was not traded.
        """
        try:
            from tradecore.backtest.plots import draw
        except ImportError as error:
            if (error.name or "").partition(".")[0] != "matplotlib":
                raise
            raise RunError("matplotlib is not installed: pip install 'tradecore[plot]'") from None
        fills = dict.fromkeys((spec.id for spec in self.instruments), 0)
        for row in self.final_positions:
            fills[row["instrument"]] += row["fills"]
        wanted = instrument.id if isinstance(instrument, Instrument) else instrument
        if wanted is None:
            wanted = max(fills, key=lambda name: fills[name])
        spec = next((spec for spec in self.instruments if spec.id == wanted), None)
        if spec is None:
            raise UnknownInstrumentError(wanted, tuple(fills)[:_KNOWN])
        currency = spec.settlement if self.reported is None else self.reported["currency"]
        return draw(self.tables, self._leading_curves[currency], currency, spec)

    def report(
        self,
        path: str | Path,
        *,
        title: str = "Backtest",
        capital: float | Decimal | None = None,
        against: Mapping[str, Result] | None = None,
        zoom: tuple[Moment, Moment] | None = None,
    ) -> Path:
        """Write the run as a page: one file of HTML that loads nothing.

        It has the figures, warnings, equity and drawdown, where the profit came from, the price with own orders and
        fills, inventory, markouts, fills and queues, latencies, tables and settings. It appears at once or not at all.

        Parameters
        ----------
        path : path
            Such as ``report.html``; replaced if it is there.
        title : str
            Its heading.
        capital : float or Decimal, optional
            As of :meth:`performance`.
        against : mapping of str to Result, optional
            Other runs by name, which this one is held against: figures side by side, equity, and what each made more
            than this one, with a 95 % confidence interval of the differences period by period.
        zoom : tuple of datetime, date or text in ISO 8601, optional
            Begin and end of the stretch of which the order book is shown; the busiest one if not given. The book is
            read of the data of the run again: it is left out where that is not there any more.

        Returns
        -------
        Path
            Where it is.

        Raises
        ------
        CatalogError
            When it cannot be written.
        RunError
            When the run kept no tables.

        Examples
        --------
        ::

            result.report("report.html", title="Quotes at the touch")
        """
        from tradecore.backtest.page import report_page
        from tradecore.data.views import Span
        from tradecore.report.page import write_page

        asked = None if zoom is None else Span.of(*zoom)
        span = None if asked is None else (asked.start_ns, asked.end_ns)
        return write_page(Path(path), report_page(self, title, capital, against or {}, self._data, span))

    def save(self, path: str | Path) -> None:
        """Save the result as one file, whole: :func:`tradecore.load_result` gives it back.

        The file appears at once or not at all; it holds figures and tables, nothing that is executed.

        Parameters
        ----------
        path : path
            Such as ``run.tcr``; replaced if it is there.

        Raises
        ------
        CatalogError
            When it cannot be written.
        """
        from tradecore.backtest.archive import write_archive

        write_archive(Path(path), self._saved(), self._journal, self.tables)

    def _pack(self, path: Path) -> None:
        """Save it where files are written before they move."""
        from tradecore.backtest.archive import pack

        pack(path, self._saved(), self._journal, self.tables)

    def _saved(self) -> dict[str, Any]:
        """Return what is saved of it beside its tables, as plain data."""
        return {
            "summary": {
                **self._counts,
                "digest": self.digest,
                "interrupted": self.interrupted,
                "events": self.events,
                "span_ns": self.span_ns,
                "totals": self.totals,
                "reported": self.reporting,
                "reported_bounds": self._reported_bounds,
                "positions": self.final_positions,
                "failures": self.failures,
                "model_failure": self.model_failure,
                "rejected": self.rejected,
                "risk": self._limits,
                "bounds": self.bounds,
                "fill_basis": self.fill_basis,
                "granularity_ns": self._granularity_ns,
                "clock_steps": self.clock_steps,
                "clock_leads": self.clock_leads,
                "wrong_stamps": self.wrong_stamps,
                "uncrossed": self.uncrossed,
                "balances": self._balances,
                "crossed": self.crossed,
                "crossings": self.crossings,
                "gaps": self.gaps,
                "silences": self.silences,
                "unmarked": self._unmarked,
                "marks": {
                    name: {"source": source, "price": self._marks[name]} for name, source in self.mark_source.items()
                },
                "volumes": self.volumes,
            },
            "seed": self.seed,
            "wall_s": self.wall_s,
            "notes": self.notes,
            "data": None if self._data is None else self._data.path,
            "instruments": [instrument.to_dict() for instrument in self.instruments],
            "venues": [venue_to_plain(venue) for venue in self.venues],
        }

    def __repr__(self) -> str:
        return line(self._facts())

    def __str__(self) -> str:
        return table(self._facts())

    def _repr_html_(self) -> str:
        from tradecore.backtest.card import POINTS, card
        from tradecore.report.charts import decimated

        samples = {}
        for name, (times, values) in self._leading_curves.items():
            kept = decimated(values, POINTS)
            samples[name] = list(zip(times[kept].tolist(), values[kept].tolist(), strict=True))
        return card(self._facts(), samples)


def load_result(path: str | Path) -> Result:
    """Load a result that :meth:`Result.save` saved.

    Parameters
    ----------
    path : path

    Raises
    ------
    DataError
        For a file that is not there, is no result's, of another version, cut or damaged.

    Examples
    --------
    ::

        result.save("run.tcr")
        assert tc.load_result("run.tcr").digest == result.digest
    """
    from tradecore.backtest.archive import read_archive

    return read_archive(Path(path), _from_archive)


_SINCE: Final[Mapping[str, Any]] = {
    **{key: {} for key in ("granularity_ns", "clock_steps", "clock_leads", "wrong_stamps", "uncrossed", "volumes")},
    "bounds": None,
    "reported": None,
    "model_failure": None,
    "balances": [],
    "crossed": {},
    "crossings": {},
    "gaps": {},
    "silences": {},
    "unmarked": {},
}
"""What summaries of results that were saved before did not say."""
_ROWS_SINCE: Final[Mapping[str, Any]] = {"funding": Decimal(0), "interest": Decimal(0)}
"""What their totals and positions did not say."""


def _from_archive(facts: dict[str, Any], journal: bytes, tables: TableStore) -> Result:
    told = {**_SINCE, **facts["summary"]}
    told.setdefault("marks", {name: {"source": "mid", "price": None} for name in told["fill_basis"]})
    told["marks"] = {name: (mark["source"], mark["price"]) for name, mark in told["marks"].items()}
    told |= {key: [{**_ROWS_SINCE, **row} for row in told[key]] for key in ("totals", "positions")}
    instruments = [instrument_from_dict(spec) for spec in facts["instruments"]]
    result = Result(
        {**told, "instruments": instruments, "journal": journal},
        tables,
        seed=facts["seed"],
        wall_s=facts["wall_s"],
        venues=[venue_from_plain(plain) for plain in facts["venues"]],
        notes=facts["notes"],
        data=RunData.at(facts.get("data")),
    )
    str(result)  # a figure that is not there, or none, is found now
    return result
