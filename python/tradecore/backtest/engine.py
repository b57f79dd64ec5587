"""Backtest: strategies, data and venues become a run."""

from __future__ import annotations

import copy
import dataclasses
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from tradecore._core import EventStream, Instrument, ReadAhead, Simulation, fill_basis
from tradecore.backtest.events import RunData
from tradecore.backtest.failures import failure, model_failure, stops_run, warn_of
from tradecore.backtest.feeds import EventData, feed_of, source_of
from tradecore.backtest.notes import (
    NEEDS,
    Part,
    note_on_subscribers,
    notes_on,
    notes_on_bars,
    notes_on_funding,
    notes_on_margin,
    notes_on_marks,
    notes_on_spot,
    notes_on_trades,
    notes_on_trips,
)
from tradecore.backtest.result import Result
from tradecore.backtest.tables import TableStore
from tradecore.bus import EventBus
from tradecore.data.catalog import BYTE_BUDGET
from tradecore.errors import InvalidValueError, RunError, RunInterrupted
from tradecore.instruments import venue_of
from tradecore.interrupts import Interrupts, patience
from tradecore.progress import progress_bar
from tradecore.risk import RiskLimits
from tradecore.strategies.compiled import CompiledStrategy
from tradecore.strategy import Strategy
from tradecore.types import MARKET_KINDS
from tradecore.validation import to_count
from tradecore.venue import SimVenue, check_models

if TYPE_CHECKING:
    from tradecore.validation import DurationLike

__all__ = ["Backtest", "checked"]

_HOOKS_WITH_IDS = frozenset({"on_trade", "on_funding", "on_liquidation"})
"""Hooks that read the ``id`` column: trade ids, and the time of the next funding."""
_SPILL_ROWS = 8_192
_CHECKS = os.environ.get("TRADECORE_DEBUG_CHECKS") == "1"


class Backtest:
    """A backtest, ready to run.

    Parameters
    ----------
    strategies : sequence of Strategy
        With distinct names. An object runs once, unless its class is ``reusable`` or has a method ``reset()``.
    data : catalog, path or mapping
        A catalog or its folder, or event columns (numpy arrays, or a polars frame) by instrument. Arrays are read
        in place; do not change them during a run.
    venues : sequence of SimVenue or str, optional
        One for each venue the strategies trade on, by name alone for default settings; all with default settings if
        not given.
    specs : mapping of str to Instrument, or sequence of Instrument, optional
        Specifications that go before those of the catalog and the shipped ones. Kind, currencies, increments and terms
        of the contract have to be those the data was stored with; fees and what an order has to keep to need not.
    seed : int
        Seed of the probabilistic parts.
    sample_interval : duration
        Time between equity samples; where nothing happens for longer, only the ends of the gap are kept.
    candles : duration, optional
        Length of the candles to record; none if not given.
    cost_basis : "average", "fifo" or "lifo"
        Which part of a position a fill closes: a share of all of it, what was opened first, or last. Realised profit
        differs by it while something is held, the sum with unrealised profit never.
    debug_checks : bool
        Whether accounts are checked after every fill and payment: fills sum to the position, the ledger to zero, and
        profit agrees with cash. Else RunError, which is a bug of ours. For all runs with the environment variable
        ``TRADECORE_DEBUG_CHECKS=1``.
    on_error : "stop_strategy" or "stop_run", optional
        What a raising hook ends: its strategy, with a :class:`StrategyWarning <tradecore.errors.StrategyWarning>` when
        the run is over, or the run, with a :class:`StrategyError <tradecore.errors.StrategyError>`. If not given, the
        run where there is one strategy, else the strategy.
    byte_budget : int
        About how many bytes of a catalog's events may lie in memory at a time; two pieces of 1,024 rows an instrument
        at the least.
    record : bool
        Whether the result keeps the journal, for :func:`tradecore.replay`: all inputs of the kernel, in memory, about
        50 bytes a row of events.
    reporting_currency : str, optional
        What all of the run is reported in, beside its settlement currencies: ``net_pnl``, ``equity``, ``stats``,
        ``performance`` and the page. Amounts are converted by instruments of the run that trade the two currencies
        against each other (spot before perpetual contracts before others), at their mids, directly or by way of a third
        currency: equity at the mids of its time, totals at those of the end.
    reporting_rates : mapping of str to Decimal, str or int, optional
        What one of another currency is worth in it, where that is to be stated for good, such as ``{"USDC": 1}``.
    bounds : bool
        Whether copies of the strategies run beside them, in the same pass over the data and each trio alone with the
        market: by a low rule (queues as with ``tracked_low``, filled by trades alone) and by a high one (as with
        ``tracked_high``, filled by what the other side displays as well). The result has ``net_pnl_low`` and
        ``net_pnl_high``.
    risk : RiskLimits, optional
        Limits on orders, positions and losses, and what is done when one trips; none if not given.
    events : EventBus, optional
        What is told of all that happens; with ``bounds`` in the run itself. It is the same run with it and without.

    Raises
    ------
    UnknownInstrumentError
        For an instrument without data or specification.
    InvalidValueError
        For names that are not distinct, a venue without settings or one nothing is traded on, a parameter that does
        not fit an instrument, or an argument of another type.
    RunError
        For a strategy that has run before.

    Examples
    --------
    ::

        result = tc.Backtest([Maker("m", ["BTCUSDT.SYNTH"])], "market", ["SYNTH"]).run()
        print(result)
    """

    def __init__(
        self,
        strategies: Sequence[Strategy],
        data: EventData,
        venues: Sequence[SimVenue] | None = None,
        *,
        specs: Mapping[str, Instrument] | Sequence[Instrument] | None = None,
        seed: int = 0,
        sample_interval: DurationLike = "1s",
        candles: DurationLike | None = None,
        on_error: Literal["stop_strategy", "stop_run"] | None = None,
        cost_basis: Literal["average", "fifo", "lifo"] = "average",
        debug_checks: bool = False,
        byte_budget: int = BYTE_BUDGET,
        record: bool = False,
        reporting_currency: str | None = None,
        reporting_rates: Mapping[str, Decimal | str | int] | None = None,
        bounds: bool = False,
        risk: RiskLimits | None = None,
        events: EventBus | None = None,
    ) -> None:
        for name, flag in (("bounds", bounds), ("debug_checks", debug_checks), ("record", record)):
            if not isinstance(flag, bool):
                raise InvalidValueError(name, f"expected True or False, got {flag!r}")
        if not isinstance(cost_basis, str):
            raise InvalidValueError("cost_basis", f"expected a word, got {cost_basis!r}")
        self._bounds = bounds
        if not (events is None or isinstance(events, EventBus)):
            raise InvalidValueError("events", f"expected an EventBus, got {events!r}")
        self._events = events
        self._strategies = checked(strategies)
        self._stops_run = stops_run(on_error, self._strategies)
        wanted = list(dict.fromkeys(i for strategy in self._strategies for i in strategy.instruments))
        if not wanted:
            raise InvalidValueError("strategies", "none of them trades an instrument")
        self._settings: dict[str, Any] = {
            "seed": seed,
            "sample_interval": sample_interval,
            "candle_interval": candles,
            "stop_run_on_error": self._stops_run,
            "cost_basis": cost_basis,
            "debug_checks": debug_checks or _CHECKS,
            "keeps_journal": record,
            "reporting_currency": reporting_currency,
            "reporting_rates": _rates(reporting_currency, reporting_rates),
            "risk": risk,
        }
        _check_limits(risk, self._strategies, wanted)
        simulation = Simulation(**self._settings)
        self._seed = self._settings["seed"] = int(seed)
        self._simulation: Simulation | None = simulation
        known = _specs(specs)
        hooks = {hook for strategy in self._strategies for hook in strategy._overridden()}
        kinds = MARKET_KINDS.union(*(NEEDS[hook][0] for hook in hooks if hook in NEEDS))
        with_ids = not hooks.isdisjoint(_HOOKS_WITH_IDS)
        self._data = source_of(data)
        self._heard = self._data
        share = to_count("byte_budget", byte_budget) // len(wanted)
        listed = None if venues is None else _as_venues(venues)
        settings = {venue.name: venue for venue in listed or ()}
        self._feeds = {
            name: feed_of(self._data, name, known, kinds=kinds, with_ids=with_ids, venues=settings, budget=share)
            for name in wanted
        }
        for index, strategy in enumerate(self._strategies):
            if isinstance(strategy, CompiledStrategy):
                _check_fit(index, strategy, [self._feeds[name].instrument for name in strategy.instruments])
        simulation.check_reporting([feed.instrument for feed in self._feeds.values()])
        needed = list(dict.fromkeys(feed.instrument.venue for feed in self._feeds.values()))
        self._venues = _by_name(_as_venues(needed) if listed is None else listed, needed)
        for venue in self._venues.values():
            check_models(venue)
        for index, strategy in enumerate(self._strategies):
            self._check_book(index, strategy)

    def _check_book(self, index: int, strategy: Strategy) -> None:
        """Refuse a strategy that reads a book where none of its instruments has one."""
        if not (isinstance(strategy, CompiledStrategy) or "on_book" in strategy._overridden()):
            return
        bases = []
        for name in strategy.instruments:
            feed = self._feeds[name]
            bases.append(fill_basis(self._venues[feed.instrument.venue].basis, feed.holds()))
        if bases and not {"l1", "l2"}.intersection(bases):
            why = "it quotes around the best prices" if isinstance(strategy, CompiledStrategy) else "on_book"
            held = f"{' and '.join(sorted(set(bases)))} of {', '.join(strategy.instruments)}"
            problem = f"{type(strategy).__name__} needs a book ({why}), and there are only {held}"
            raise InvalidValueError(f"strategies.{index}", problem)

    def run(self, *, progress: Callable[[int, int], None] | bool | None = None) -> Result:
        """Run to the end of the data. A backtest runs once: its strategies keep the state they end in.

        Parameters
        ----------
        progress : callable or bool, optional
            Called about ten times a second with the events processed so far and in all; True for a progress bar on
            a terminal.

        Returns
        -------
        Result

        Raises
        ------
        DataError
            When data cannot be read or is malformed.
        StrategyError
            When a hook raised and that ends the run (``on_error``). What was done is in its ``result``.
        VenueModelError
            When a latency, queue or fee model of one's own raised, or returned what it cannot. What was done is in its
            ``result``.
        RunInterrupted
            After Ctrl-C: a ``KeyboardInterrupt`` with what was done so far in its ``result``.
        RunError
            When it was run before.

        Warns
        -----
        StrategyWarning
            When a hook raised and other strategies went on. The tracebacks are in the result's ``failures``.
        """
        if not (progress is None or isinstance(progress, bool) or callable(progress)):
            raise InvalidValueError("progress", f"expected a function of two numbers, or True, got {progress!r}")
        bar = progress_bar("backtest", "events") if progress is True else nullcontext(progress or None)
        result = None
        try:
            with patience() as interrupts, bar as report:
                result = self._run(report, interrupts)
        except KeyboardInterrupt:
            if result is None:
                raise
            raise RunInterrupted(result) from None
        if result.interrupted:
            raise RunInterrupted(result)
        if result.model_failure is not None:
            raise model_failure(result)
        if result.failures and self._stops_run:
            raise failure(result)
        warn_of(result.failures, stacklevel=2)
        return result

    def _run(self, progress: Callable[[int, int], None] | None, interrupts: Interrupts) -> Result:
        """Run to a result, whatever ended it: when the run is over the first Ctrl-C waits for who holds it back."""
        parts = [Part.of(strategy) for strategy in self._strategies]
        store = TableStore(list(self._feeds), [part.name for part in parts])
        failed = 0 if self._events is None else self._events.failed
        with self._started() as simulation:
            started = time.perf_counter()
            summary = simulation.run(
                progress=self._report(progress),
                spill=store.spill,
                spill_rows=_SPILL_ROWS,
                ended=interrupts.wait,
                bounds=self._bounds,
                events=self._events,
            )
            wall = time.perf_counter() - started
        store.keep(summary.pop("tables"), summary.pop("spills"))
        result = self._result(summary, store, parts, wall)
        if self._events is not None and self._events.failed > failed:
            result.notes.append(note_on_subscribers(self._events, self._events.failed - failed))
        return result

    def _run_apart(self, progress: Callable[[int, int], None] | None = None) -> list[Result]:
        """Run each strategy as if it were alone, over one pass of the data, and return a result for each.

        A result is that of a run of its own, its digest included, without the tables, the journal and the early end of
        a run whose only strategy failed. What it took is a share of the whole.
        """
        parts = [Part.of(strategy) for strategy in self._strategies]
        with self._started() as simulation:
            started = time.perf_counter()
            summaries = simulation.run_apart(progress=self._report(progress))
            wall = (time.perf_counter() - started) / len(summaries)
        return [
            self._result(summary, TableStore(list(self._feeds), [part.name]), [part], wall)
            for summary, part in zip(summaries, parts, strict=True)
        ]

    def _with_clocks_of(self, other: Backtest) -> Backtest:
        """Take the venue's clocks to stand as they did in the data of another backtest; return this one."""
        self._feeds = {
            name: dataclasses.replace(feed, latencies=other._feeds[name].latencies)
            for name, feed in self._feeds.items()
        }
        return self

    def _prepared_by(self, heard: EventData) -> Backtest:
        """Have predictors prepare with other data than what is run; return this one."""
        self._heard = source_of(heard)
        return self

    def _again(self, strategies: Sequence[Strategy]) -> Backtest:
        """Return a backtest of others of the same strategies, whose parameters were checked, over the same data."""
        other = copy.copy(self)
        other._strategies, other._simulation = list(strategies), Simulation(**self._settings)
        return other

    @contextmanager
    def _started(self) -> Iterator[Simulation]:
        """Give the simulation with all it needs; the streams it reads are closed after it."""
        simulation, self._simulation = self._simulation, None
        if simulation is None:
            raise RunError("a backtest runs once, for its strategies keep what they have seen; build a new one")
        for strategy in self._strategies:
            strategy._check_ready()
        beside = [self._copies() for _ in range(2)] if self._bounds else []
        for strategy in (strategy for group in (self._strategies, *beside) for strategy in group):
            strategy._begin()
            if (prepare := getattr(strategy.predictor, "prepare", None)) is not None:
                prepare(self._heard, [self._feeds[name].instrument for name in strategy.instruments])
        ahead = ReadAhead()
        index = {}
        streams: list[EventStream] = []
        try:
            for name, feed in self._feeds.items():
                events = feed.open(ahead)
                if isinstance(events, EventStream):
                    streams.append(events)
                index[name] = simulation.add_market(
                    feed.instrument,
                    events,
                    self._venues[feed.instrument.venue],
                    holds=feed.holds(),
                    latencies=feed.latencies(),
                    is_sound=feed.is_sound,
                    in_order=feed.in_order,
                )
            for place, group in enumerate((self._strategies, *beside)):
                if place:
                    simulation.begin_again()
                for strategy in group:
                    _add(simulation, strategy, [index[instrument] for instrument in strategy.instruments])
            yield simulation
        finally:
            for stream in streams:
                stream.close()

    def _copies(self) -> list[Strategy]:
        """Return copies of the strategies as they are before the run."""
        copies = []
        for index, strategy in enumerate(self._strategies):
            try:
                copies.append(copy.deepcopy(strategy))
            except Exception as error:
                problem = f"{strategy.name!r} cannot be copied, which bounds need: {type(error).__name__}: {error}"
                raise InvalidValueError(f"strategies.{index}", problem) from error
        return copies

    def _report(self, progress: Callable[[int, int], None] | None) -> Callable[[int, int], None] | None:
        if progress is None:
            return None
        total = sum(feed.events for feed in self._feeds.values())
        return lambda rows, _now: progress(rows, total)

    def _result(self, summary: dict[str, Any], store: TableStore, parts: Sequence[Part], wall: float) -> Result:
        return Result(
            summary,
            store,
            seed=self._seed,
            wall_s=wall,
            venues=list(self._venues.values()),
            notes=[
                *notes_on(summary, parts, lambda name: self._feeds[name].kinds),
                *notes_on_trades({name: feed.left_out for name, feed in self._feeds.items()}),
                *notes_on_funding(summary, self._venues),
                *notes_on_marks(summary, self._venues),
                *notes_on_margin(summary, store, self._venues),
                *notes_on_spot(summary, self._venues),
                *notes_on_bars(summary, store),
                *notes_on_trips(store),
            ],
            data=RunData(self._data),
        )


def _check_limits(risk: RiskLimits | None, strategies: Sequence[Strategy], instruments: Sequence[str]) -> None:
    """Refuse limits of what is not in the run: they would never hold."""
    if risk is None:
        return
    if not isinstance(risk, RiskLimits):
        raise InvalidValueError("risk", f"expected RiskLimits, got {risk!r}")
    venues = dict.fromkeys(map(venue_of, instruments))
    for scope, known in (
        ("venues", list(venues)),
        ("instruments", list(instruments)),
        ("strategies", [strategy.name for strategy in strategies]),
    ):
        for name in getattr(risk, scope):
            if name not in known:
                raise InvalidValueError(f"risk.{scope}.{name}", f"is not in the run; there is {', '.join(known)}")


def _add(simulation: Simulation, strategy: Strategy, markets: list[int]) -> None:
    if isinstance(strategy, CompiledStrategy):
        simulation.add_compiled(strategy.name, markets, strategy.kind, strategy.core_parameters())
    else:
        simulation.add_strategy(strategy.name, markets, strategy._overridden(), strategy.book_events, strategy)


def checked(strategies: Sequence[Strategy]) -> list[Strategy]:
    """Return the strategies of a run as a list, with a sentence for everything else that people pass."""
    example = 'a list of strategies, such as [Maker("m", ["BTCUSDT.BINANCE"])]'
    if isinstance(strategies, Strategy | type | str) or not isinstance(strategies, Iterable):
        raise InvalidValueError("strategies", f"expected {example}, got {strategies!r}")
    listed = list(strategies)
    for index, strategy in enumerate(listed):
        if isinstance(strategy, type):
            problem = f'{strategy.__name__} is a class, expected a strategy: {strategy.__name__}("name", [instrument])'
            raise InvalidValueError(f"strategies.{index}", problem)
        if not isinstance(strategy, Strategy):
            raise InvalidValueError(f"strategies.{index}", f"expected a Strategy, got {strategy!r}")
        strategy._check_ready()
    if twice := [name for name, times in Counter(strategy.name for strategy in listed).items() if times > 1]:
        raise InvalidValueError("strategies", f"several are called {twice[0]!r}")
    return listed


def _rates(currency: object, given: object) -> dict[str, str]:
    """Return what currencies are worth in the one that is reported in, as texts."""
    if not (currency is None or (isinstance(currency, str) and currency)):
        raise InvalidValueError("reporting_currency", f"expected a currency such as 'USDT', got {currency!r}")
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidValueError("reporting_rates", f'expected rates by currency such as {{"USDC": 1}}, got {given!r}')
    if currency is None:
        raise InvalidValueError("reporting_rates", "goes with reporting_currency")
    return {str(name): str(rate) for name, rate in given.items()}


def _specs(given: Mapping[str, Instrument] | Sequence[Instrument] | None) -> dict[str, Instrument]:
    if isinstance(given, Instrument) or not isinstance(given or (), Iterable) or isinstance(given, str):
        raise InvalidValueError("specs", f"expected instruments by id, or a list of them, got {given!r}")
    named = (
        given.items() if isinstance(given, Mapping) else [(getattr(i, "id", "an instrument"), i) for i in given or ()]
    )
    for name, spec in named:
        if not isinstance(spec, Instrument) or spec.id != name:
            raise InvalidValueError("specs", f"expected the specification of {name}, got {spec!r}")
    return dict(named)


def _as_venues(given: Sequence[SimVenue | str]) -> list[SimVenue]:
    if isinstance(given, SimVenue | str) or not isinstance(given, Iterable):
        raise InvalidValueError("venues", f'expected a list such as [SimVenue("BINANCE")], got {given!r}')
    venues = [SimVenue(venue) if isinstance(venue, str) else venue for venue in given]
    for index, venue in enumerate(venues):
        if not isinstance(venue, SimVenue):
            raise InvalidValueError(f"venues.{index}", f"expected a SimVenue or its name, got {venue!r}")
    return venues


def _check_fit(index: int, strategy: CompiledStrategy, instruments: Sequence[Instrument]) -> None:
    for instrument in instruments:
        try:
            strategy.check_instrument(instrument)
        except InvalidValueError as error:
            raise InvalidValueError(f"strategies.{index}.params.{error.field}", error.problem) from None


def _by_name(venues: Sequence[SimVenue], needed: Sequence[str]) -> dict[str, SimVenue]:
    """Return the venues by name, in the order they are needed: each traded on, once, and no other."""
    given = {venue.name: venue for venue in venues}
    for name in needed:
        if name not in given:
            raise InvalidValueError("venues", f"no settings for venue {name}")
    names = [venue.name for venue in venues]
    for index, name in enumerate(names):
        if name not in needed:
            raise InvalidValueError(
                f"venues.{index}.name", f"no strategy trades on {name}, only on {', '.join(needed)}"
            )
        if name in names[:index]:
            raise InvalidValueError(f"venues.{index}.name", f"{name} is there twice")
    return {name: given[name] for name in needed}
