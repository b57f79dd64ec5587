"""Backtest: strategies, data and venues become a run."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from tradecore._core import EventStream, Instrument, MemoryColumns, ReadAhead, Simulation
from tradecore.backtest.result import Result, TableStore
from tradecore.data.catalog import BYTE_BUDGET, Catalog, Columns, grid_difference
from tradecore.errors import DataError, InvalidValueError, RunError, UnknownInstrumentError
from tradecore.instruments import find_instrument
from tradecore.strategies.compiled import CompiledStrategy
from tradecore.strategy import Strategy
from tradecore.types import MARKET_KINDS, EventKind
from tradecore.venue import SimVenue

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Backtest", "EventData"]

EventData: TypeAlias = "str | Path | Catalog | Mapping[str, Columns | pl.DataFrame]"
"""A catalog, its folder, or event columns (or a frame of them) by instrument id."""

_KINDS_OF_HOOKS = {
    "on_mark": EventKind.MARK,
    "on_index": EventKind.INDEX,
    "on_funding": EventKind.FUNDING,
    "on_open_interest": EventKind.OPEN_INTEREST,
    "on_liquidation": EventKind.LIQUIDATION,
}
"""Rows that are only read where a strategy is told of them."""
_HOOKS_WITH_IDS = frozenset({"on_trade", "on_funding", "on_liquidation"})
"""Hooks that read the ``id`` column: trade ids, and the time of the next funding."""
_SPILL_ROWS = 8_192


@dataclass(frozen=True, slots=True)
class _Feed:
    """One instrument's data, and what has to be known of it before a run."""

    instrument: Instrument
    open: Callable[[ReadAhead], MemoryColumns | EventStream]
    events: int
    has_book: bool
    min_latency_ns: int


class Backtest:
    """A backtest, ready to run.

    Parameters
    ----------
    strategies : sequence of Strategy
        With distinct names.
    data : catalog, path or mapping
        A catalog or its folder, or event columns (numpy arrays, or a polars frame) by instrument id. Arrays are read
        in place; do not change them during a run.
    venues : sequence of SimVenue, optional
        One for each venue the strategies trade on; venues with default settings if not given at all.
    specs : mapping of str to Instrument, optional
        Specifications that go before those of the catalog and the shipped ones. Increments have to be those the data
        was stored with.
    seed : int
        Seed of the probabilistic parts.
    sample_interval : duration
        Time between equity samples; where nothing happens for longer, only the ends of the gap are kept.
    candles : duration, optional
        Length of the candles to record; none if not given.
    on_error : "stop_strategy" or "stop_run"
        What a raising hook ends.
    byte_budget : int
        About how many bytes of a catalog's events may lie in memory at a time; two pieces of 1,024 rows an instrument
        at the least.
    record : bool
        Whether the result keeps the journal, for :func:`tradecore.replay`: all inputs of the kernel, in memory, about
        50 bytes a row of events.

    Raises
    ------
    UnknownInstrumentError
        For an instrument without data or specification.
    InvalidValueError
        For names that are not distinct, a venue without settings or one nothing is traded on, or a parameter that
        does not fit an instrument.
    """

    def __init__(
        self,
        strategies: Sequence[Strategy],
        data: EventData,
        venues: Sequence[SimVenue] | None = None,
        *,
        specs: Mapping[str, Instrument] | None = None,
        seed: int = 0,
        sample_interval: str | int = "1s",
        candles: str | int | None = None,
        on_error: Literal["stop_strategy", "stop_run"] = "stop_strategy",
        byte_budget: int = BYTE_BUDGET,
        record: bool = False,
    ) -> None:
        self._strategies = list(strategies)
        names = [strategy.name for strategy in self._strategies]
        if twice := {name for name, times in Counter(names).items() if times > 1}:
            raise InvalidValueError("strategies", f"several are called {sorted(twice)[0]!r}")
        if on_error not in ("stop_strategy", "stop_run"):
            raise InvalidValueError("on_error", f"{on_error!r} is not stop_strategy or stop_run")
        wanted = list(dict.fromkeys(i for strategy in self._strategies for i in strategy.instruments))
        if not wanted:
            raise InvalidValueError("strategies", "none of them trades an instrument")
        self._seed = seed
        try:
            self._simulation: Simulation | None = Simulation(
                seed=seed,
                sample_interval=sample_interval,
                candle_interval=candles,
                stop_run_on_error=on_error == "stop_run",
                keeps_journal=record,
            )
        except (OverflowError, TypeError):
            raise InvalidValueError("seed", f"expected an integer from 0 to 2**64 - 1, got {seed!r}") from None
        for name, spec in (specs or {}).items():
            if not isinstance(spec, Instrument) or spec.id != name:
                raise InvalidValueError("specs", f"expected the specification of {name}, got {spec!r}")
        hooks = {hook for strategy in self._strategies for hook in strategy._overridden()}
        kinds = MARKET_KINDS | {kind for hook, kind in _KINDS_OF_HOOKS.items() if hook in hooks}
        with_ids = not hooks.isdisjoint(_HOOKS_WITH_IDS)
        source = Catalog(data) if isinstance(data, str | Path) else data
        if not isinstance(source, Catalog | Mapping):
            raise InvalidValueError("data", f"expected a catalog, its folder or columns by id, got {source!r}")
        share = byte_budget // len(wanted)
        self._feeds = {
            name: _from_catalog(source, name, specs or {}, kinds=kinds, with_ids=with_ids, budget=share)
            if isinstance(source, Catalog)
            else _from_memory(source, name, specs or {}, with_ids=with_ids)
            for name in wanted
        }
        for index, strategy in enumerate(self._strategies):
            if isinstance(strategy, CompiledStrategy):
                _check_fit(index, strategy, [self._feeds[name].instrument for name in strategy.instruments])
        needed = list(dict.fromkeys(feed.instrument.venue for feed in self._feeds.values()))
        self._venues = _by_name([SimVenue(name) for name in needed] if venues is None else venues, needed)

    def run(self, *, progress: Callable[[int, int], None] | None = None) -> Result:
        """Run to the end of the data. A backtest runs once: its strategies keep the state they end in.

        Ctrl-C ends the run early; the result then says so and holds what was done so far.

        Parameters
        ----------
        progress : callable, optional
            Called about ten times a second with the events processed so far and in all.

        Returns
        -------
        Result

        Raises
        ------
        DataError
            When data cannot be read or is malformed.
        StrategyError
            When a hook raised and ``on_error`` is ``stop_run``.
        RunError
            When it was run before.
        """
        simulation, self._simulation = self._simulation, None
        if simulation is None:
            raise RunError("a backtest runs once, for its strategies keep what they have seen; build a new one")
        streams = []
        ahead = ReadAhead()
        index = {}
        for name, feed in self._feeds.items():
            events = feed.open(ahead)
            if isinstance(events, EventStream):
                streams.append(events)
            index[name] = simulation.add_market(
                feed.instrument,
                events,
                self._venues[feed.instrument.venue],
                has_book=feed.has_book,
                min_latency_ns=feed.min_latency_ns,
            )
        for strategy in self._strategies:
            markets = [index[instrument] for instrument in strategy.instruments]
            if isinstance(strategy, CompiledStrategy):
                simulation.add_compiled(strategy.name, markets, strategy.kind, strategy.core_parameters())
            else:
                hooks = strategy._overridden()
                simulation.add_strategy(strategy.name, markets, hooks, strategy.book_events, strategy)
        total = sum(feed.events for feed in self._feeds.values())
        store = TableStore(list(index), [strategy.name for strategy in self._strategies])
        started = time.perf_counter()
        try:
            summary = simulation.run(
                progress=None if progress is None else lambda rows, _now: progress(rows, total),
                spill=store.spill,
                spill_rows=_SPILL_ROWS,
            )
        finally:
            for stream in streams:
                stream.close()
        wall = time.perf_counter() - started
        store.keep(summary.pop("tables"))
        return Result(
            summary,
            store,
            seed=self._seed,
            wall_s=wall,
            venues=list(self._venues.values()),
        )


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


def _from_catalog(
    catalog: Catalog,
    name: str,
    specs: Mapping[str, Instrument],
    *,
    kinds: frozenset[EventKind],
    with_ids: bool,
    budget: int,
) -> _Feed:
    stored, parts = catalog.describe(name)
    if not parts:
        raise DataError(str(catalog.path), 0, f"holds no events of {name}")
    instrument = specs.get(name, stored)
    if other := grid_difference(stored, instrument):
        raise InvalidValueError("specs", f"the data of {name} was stored with {other}")
    return _Feed(
        instrument=instrument,
        open=lambda ahead: catalog.stream(
            name, kinds=kinds, with_ids=with_ids, budget_bytes=budget, ahead=ahead, parts=parts
        ),
        events=sum(part.rows for part in parts),
        has_book=any(part.kinds.get(EventKind.BOOK_SET.name) for part in parts),
        min_latency_ns=min(part.min_latency_ns for part in parts),
    )


def _from_memory(
    data: Mapping[str, Columns | pl.DataFrame], name: str, specs: Mapping[str, Instrument], *, with_ids: bool
) -> _Feed:
    if name not in data:
        raise UnknownInstrumentError(name, tuple(data))
    columns = MemoryColumns(name, data[name], with_ids=with_ids)
    return _Feed(
        instrument=find_instrument(name, specs),
        open=lambda _: columns,
        events=columns.rows,
        has_book=columns.has_book,
        min_latency_ns=columns.min_latency_ns,
    )
