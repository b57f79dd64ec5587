"""Whether strategies look ahead: they run again on other futures, and what they had decided before must stand."""

from __future__ import annotations

import dataclasses
import warnings
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from tradecore._core import Instrument, L2Book, journal_commands, venue_times
from tradecore.backtest.engine import Backtest
from tradecore.backtest.failures import failure
from tradecore.backtest.feeds import EventData, source_of
from tradecore.backtest.result import Result
from tradecore.data.catalog import Catalog
from tradecore.data.windows import Arrays, arrays_of, book_after, joined, read_all, snapshot, whole_messages
from tradecore.errors import InvalidValueError, StrategyWarning, UnknownInstrumentError
from tradecore.instruments import find_instrument
from tradecore.risk import RiskLimits
from tradecore.strategy import Strategy
from tradecore.types import FINE_KINDS, ON_GRID_KINDS, EventKind
from tradecore.validation import to_count
from tradecore.venue import SimVenue

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Change", "LookaheadReport", "check_lookahead"]

_FINE: Final = 10**9
"""Units of a price off the grid."""

_Future: TypeAlias = Literal["truncated", "scrambled"]
_Decision: TypeAlias = tuple[int, str, str]
"""When, of which strategy, and what."""
_Steps: TypeAlias = Sequence[tuple[int, int, int]]
"""How a venue's clock stood, as :attr:`Result.clock_steps` has it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a strategy decided at a time, and another future would have changed.

    Attributes
    ----------
    cut_ns : int
        The data is the same up to this time, ns UTC, by the venue's clock.
    future : "truncated" or "scrambled"
        What became of the data after it: nothing, or its mirror image.
    at_ns : int
        When it was decided, ns UTC.
    strategy : str
        Whose decision it is.
    before, after : str or None
        What was decided with the real future, and with the other one; None for nothing.
    """

    cut_ns: int
    future: _Future
    at_ns: int
    strategy: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return f"{self.at_ns} {self.strategy}: {self.before or 'nothing'} -> {self.after or 'nothing'} ({self.future})"


@dataclass(frozen=True, slots=True)
class LookaheadReport:
    """What :func:`check_lookahead` found.

    Attributes
    ----------
    decisions : int
        Commands, refused requests and signals of the run with the real future.
    cuts : tuple of int
        The times after which the future was changed, ns UTC.
    changes : tuple of Change
        Every decision before a cut that was another one then, once for each cut and future that changed it.

    Examples
    --------
    >>> print(tc.LookaheadReport(decisions=120, cuts=(1_700_000_000_000_000_000,), changes=()))
    no look-ahead: 120 decisions; at 1 of them the future was taken away, and turned round
    """

    decisions: int
    cuts: tuple[int, ...]
    changes: tuple[Change, ...]

    @property
    def is_clean(self) -> bool:
        """Whether decisions were made, and none of them changed."""
        return bool(self.decisions) and not self.changes

    def __str__(self) -> str:
        tried = f"{self.decisions:,} decisions; at {len(self.cuts)} of them the future was taken away, and turned round"
        if not self.decisions:
            return "nothing to tell: no decision was made, so none could look ahead"
        if self.is_clean:
            return f"no look-ahead: {tried}"
        found: dict[tuple[int, str], list[Change]] = defaultdict(list)
        for change in self.changes:
            found[change.at_ns, change.strategy].append(change)
        shown = [
            f"  {first}" + (f", and with {len(more)} other futures" if more else "")
            for _, (first, *more) in sorted(found.items())[:20]
        ]
        rest = [f"  ... and {len(found) - 20} more"] if len(found) > 20 else []
        return "\n".join([f"LOOK-AHEAD: decisions of {len(found):,} moments changed; {tried}", *shown, *rest])


def check_lookahead(
    strategies: Callable[[], Sequence[Strategy]],
    data: EventData,
    venues: Sequence[SimVenue] | None = None,
    *,
    specs: Mapping[str, Instrument] | Sequence[Instrument] | None = None,
    seed: int = 0,
    risk: RiskLimits | None = None,
    on_error: Literal["stop_strategy", "stop_run"] | None = None,
    cost_basis: Literal["average", "fifo", "lifo"] = "average",
    reporting_currency: str | None = None,
    reporting_rates: Mapping[str, Decimal | str | int] | None = None,
    cuts: int | None = 10,
    progress: Callable[[int, int], None] | None = None,
) -> LookaheadReport:
    """Run strategies on other futures, and tell of every decision that changed.

    A decision is a command that is sent, a request that a limit refuses, or a signal that a predictor gives. Cuts are
    made at decisions, evenly spread. For each the strategies run twice more: on data that ends there, and on data that
    goes on as its mirror image (what rose falls, bids are asks). Whatever was decided up to the cut has to be the same:
    it can depend on nothing later. Before that they run once more on the same data, for what comes of chance would
    look the same.

    What is found is what a strategy computes of the data it is given, in a predictor's ``prepare`` say, or with a model
    that is fitted there. What it reads from elsewhere, such as a file of its own, is the same in every run. Orders meet
    what the venue had at the cut; where data ends, ``prepare`` is given only what had been received by then, so that
    what takes the venue's clock for ours is found too.

    Parameters
    ----------
    strategies : callable
        Makes the strategies anew: they keep what they saw.
    data : Catalog, path or mapping
        As in :class:`Backtest <tradecore.Backtest>`; all of it is read into memory, 46 bytes a row.
    venues, specs, seed, risk, on_error, cost_basis, reporting_currency, reporting_rates
        As there.
    cuts : int, optional
        At how many moments with a decision; None for each of them. What looks a second ahead is found by a cut in the
        second after it decided.
    progress : callable, optional
        Called with the runs done and in all.

    Raises
    ------
    InvalidValueError
        For no cuts, strategies that are no function which makes them, and those that decide otherwise when they run
        again on the same data.
    StrategyError
        When a hook raised with the real future.

    Examples
    --------
    ::

        report = tc.check_lookahead(lambda: [Maker("m", ["BTCUSDT.SYNTH"])], "market")
        print(report)
    """
    if cuts is not None:
        to_count("cuts", cuts)
    if not callable(strategies):
        raise InvalidValueError("strategies", f"expected a function that makes them, got {strategies!r}")
    first = strategies()
    source = _in_memory(data, [name for strategy in first for name in strategy.instruments])
    known = _specs(data, specs, source)
    settings: dict[str, Any] = {
        "specs": known,
        "seed": seed,
        "risk": risk,
        "cost_basis": cost_basis,
        "reporting_currency": reporting_currency,
        "reporting_rates": reporting_rates,
        "record": True,
    }
    original = Backtest(first, source, venues, on_error=on_error, **settings)
    with warnings.catch_warnings():
        # Of a strategy that failed nothing is told but why.
        warnings.simplefilter("ignore", StrategyWarning)
        result = original.run()
    if result.failures:
        raise failure(result)
    decided = _decisions(result, first)
    chosen = _chosen(sorted({at for at, _, _ in decided}), cuts)
    # What a venue's settings leave open is worked out of all data: of other data it would be something else.
    fixed = _pinned(venues, result)
    again = _Again(strategies, original, fixed, settings, (1 + len(chosen) * len(_FUTURES)) if chosen else 0, progress)
    if chosen:
        _refuse_chance(decided, again.run(source, source)[1], chosen[-1])
    feeds = {venue.name: venue.latency.feed_ns for venue in fixed}
    changes: list[Change] = []
    for cut in chosen:
        for future, change in _FUTURES.items():
            other: dict[str, Arrays] = {}
            heard: dict[str, Arrays] = {}
            for name, columns in source.items():
                steps = result.clock_steps[known[name].venue]
                other[name] = heard[name] = change(columns, known[name], cut, steps)
                if future == "truncated":
                    heard[name] = _received(columns, cut, steps, feeds[known[name].venue])
            got, decisions = again.run(other, heard)
            until = cut
            if future == "truncated" and got.span_ns is not None:
                # With its last message a run ends: what would have been done at that time is not.
                until = min(cut, got.span_ns[1] - 1)
            changes.extend(
                Change(cut, future, at, strategy, _told(before), _told(after))
                for at, strategy, before, after in _differences(decided, decisions, until)
            )
    again.tell()
    return LookaheadReport(len(decided), tuple(chosen), tuple(changes))


class _Again:
    """Runs strategies as they ran with the real future, but for the data, and counts how often."""

    def __init__(
        self,
        strategies: Callable[[], Sequence[Strategy]],
        original: Backtest,
        venues: Sequence[SimVenue],
        settings: Mapping[str, Any],
        runs: int,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self._strategies, self._original, self._venues, self._settings = strategies, original, venues, settings
        self._done, self._runs, self._progress = 0, runs, progress

    def tell(self) -> None:
        if self._progress is not None:
            self._progress(self._done, self._runs)

    def run(self, data: Mapping[str, Arrays], heard: Mapping[str, Arrays]) -> tuple[Result, list[_Decision]]:
        """Run over data, of which predictors prepare with what was heard."""
        self.tell()
        strategies = self._strategies()
        backtest = Backtest(strategies, data, self._venues, on_error="stop_strategy", **self._settings)
        # A hook may raise on what never came: what was decided before is what counts.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StrategyWarning)
            result = backtest._with_clocks_of(self._original)._prepared_by(heard).run()
        self._done += 1
        return result, _decisions(result, strategies)


def _refuse_chance(decided: Sequence[_Decision], again: Sequence[_Decision], until: int) -> None:
    """Refuse strategies that decide otherwise on the same data."""
    for at, strategy, before, after in _differences(decided, again, until):
        found = f"{strategy} at {at}: {_told(before)}, then {_told(after)}"
        problem = f"decide otherwise on the same data: {found}; seed what is random, and make all anew in each call"
        raise InvalidValueError("strategies", problem)


def _chosen(times: Sequence[int], cuts: int | None) -> list[int]:
    """Return so many of the times, evenly spread; all of them for None."""
    if cuts is None or cuts >= len(times):
        return list(times)
    return [times[len(times) * (2 * n + 1) // (2 * cuts)] for n in range(cuts)]


def _in_memory(data: EventData, wanted: Sequence[str]) -> dict[str, Arrays]:
    """Return the event columns of instruments as arrays."""
    names = list(dict.fromkeys(wanted))
    given = source_of(data)
    if isinstance(given, Catalog):
        return {name: read_all(given, name) for name in names}
    if missing := [name for name in names if name not in given]:
        raise UnknownInstrumentError(missing[0], tuple(given))
    return {name: arrays_of(given[name]) for name in names}


def _specs(data: EventData, specs: Any, source: Mapping[str, Arrays]) -> dict[str, Instrument]:
    given = {i.id: i for i in specs} if isinstance(specs, Sequence) else dict(specs or {})
    if not isinstance(data, Mapping):
        catalog = Catalog.of(data)
        return {name: given.get(name, catalog.instrument(name)) for name in source}
    held = {key.id: key for key in data if isinstance(key, Instrument)}
    return {name: find_instrument(name, {**held, **given}) for name in source}


def _pinned(venues: Sequence[SimVenue] | None, result: Result) -> list[SimVenue]:
    """Return the venues of a run with what it worked out of its data."""
    names = dict.fromkeys(instrument.venue for instrument in result.instruments)
    given = {v.name if isinstance(v, SimVenue) else v: v for v in venues or ()}
    pinned = []
    for name in names:
        venue = given.get(name, name)
        venue = SimVenue(venue) if isinstance(venue, str) else venue
        if venue.basis == "auto":
            bases: set[Any] = {result.fill_basis[i.id] for i in result.instruments if i.venue == name}
            if len(bases) == 1:
                venue = dataclasses.replace(venue, basis=bases.pop())
        pinned.append(venue)
    return pinned


def _decisions(result: Result, strategies: Sequence[Strategy]) -> list[_Decision]:
    """Return commands, refused requests and signals, in order of time."""
    names = [strategy.name for strategy in strategies]
    decided = [(at, names[index], text) for at, index, text in journal_commands(result.journal, result.instruments)]
    for row in result.tables.table("refusals").iter_rows(named=True):
        asked = f"{row['request']} {row['side']} {row['qty']} {row['instrument']} @ {row['price']}"
        decided.append((row["ts"], row["strategy"], f"{asked}, refused by {row['check']}"))
    for row in result.tables.table("signals").iter_rows(named=True):
        said = f"{row['action']} {row['value']!r}" if row["problem"] is None else row["problem"]
        decided.append((row["ts_recv"], row["strategy"], f"signal on {row['instrument']}: {said}"))
    return sorted(decided, key=lambda decision: decision[0])


def _differences(
    before: Sequence[_Decision], after: Sequence[_Decision], until: int
) -> Iterator[tuple[int, str, list[str], list[str]]]:
    """Yield when, of which strategy, and what was decided in each of two runs, where it is not the same."""
    told: dict[tuple[int, str], tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for side, decisions in enumerate((before, after)):
        for at, strategy, text in decisions[: bisect_right(decisions, until, key=lambda decision: decision[0])]:
            told[at, strategy][side].append(text)
    for (at, strategy), (real, other) in sorted(told.items()):
        if real != other:
            yield at, strategy, real, other


def _told(texts: Sequence[str]) -> str | None:
    return "; ".join(texts) or None


def _until(columns: Arrays, times: NDArray[np.int64], cut: int) -> Arrays:
    """Return the rows up to the last whose time is no later than a cut, in whole messages."""
    import numpy as np

    had = np.flatnonzero(times <= cut)
    rows = whole_messages(columns, int(had[-1]) + 1 if len(had) else 0)
    return {name: column[:rows] for name, column in columns.items()}


def _at_venue(columns: Arrays, steps: _Steps) -> NDArray[np.int64]:
    """Return when the venue had each row."""
    return venue_times(columns["ts_event"], columns["ts_recv"], steps)


def _received(columns: Arrays, cut: int, steps: _Steps, feed_ns: int | None) -> Arrays:
    """Return the rows that we had by a time: received, or as soon as the simulated feed can be."""
    import numpy as np

    known = columns["ts_recv"]
    if feed_ns is not None:
        known = np.minimum(known, _at_venue(columns, steps) + feed_ns)
    return _until(columns, known, cut)


def _cut(columns: Arrays, instrument: Instrument, cut: int, steps: _Steps) -> Arrays:
    return _until(columns, _at_venue(columns, steps), cut)


def _scrambled(columns: Arrays, instrument: Instrument, cut: int, steps: _Steps) -> Arrays:
    """Return the data with its mirror image after a cut: prices go the other way, and each side is the other one."""
    import numpy as np

    seen = _cut(columns, instrument, cut, steps)
    rows = len(seen["kind"])
    if rows == len(columns["kind"]):
        return columns
    future = {name: column[rows:].copy() for name, column in columns.items()}
    book = book_after(columns, instrument, rows)
    parts = [snapshot(book, instrument, future), future] if book.is_synced else [future]
    twice_mid = _twice_mid(book, instrument, seen, future)
    twice_fine = round(float(instrument.price_increment) * twice_mid * _FINE)
    for part in parts:
        on_grid = np.isin(part["kind"], [int(kind) for kind in ON_GRID_KINDS])
        fine = np.isin(part["kind"], [int(kind) for kind in FINE_KINDS - {EventKind.FUNDING}])
        turned = np.where(
            on_grid, twice_mid - part["price"], np.where(fine, twice_fine - part["price"], -part["price"])
        )
        part["price"], part["side"] = turned, -part["side"]
    return joined(seen, *parts)


_FUTURES: Final[Mapping[_Future, Callable[[Arrays, Instrument, int, _Steps], Arrays]]] = {
    "truncated": _cut,
    "scrambled": _scrambled,
}
"""What can become of the data after a cut."""


def _twice_mid(book: L2Book, instrument: Instrument, seen: Arrays, future: Arrays) -> int:
    """Return what prices are turned round: best bid plus best ask, or twice the nearest price there is."""
    import numpy as np

    if book.is_synced and book.mid is not None:
        return round(2 * book.mid / float(instrument.price_increment))
    kinds = [int(kind) for kind in (EventKind.TRADE, EventKind.QUOTE, EventKind.BOOK_SET)]
    for part, at in ((seen, -1), (future, 0)):
        rows = np.flatnonzero(np.isin(part["kind"], kinds))
        if len(rows):
            return 2 * int(part["price"][rows[at]])
    return 0
