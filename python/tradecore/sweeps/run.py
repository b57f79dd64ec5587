"""One strategy, many sets of parameters."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from tradecore._core import Instrument
from tradecore.backtest.feeds import EventData
from tradecore.data.catalog import BYTE_BUDGET, Catalog
from tradecore.errors import InvalidValueError
from tradecore.progress import points_bar
from tradecore.strategy import Strategy
from tradecore.sweeps.batch import Bench, Outcome, batches
from tradecore.sweeps.columns import as_arrays, id_of
from tradecore.sweeps.log import Log
from tradecore.sweeps.points import Grid, checked, describe, list_points, names_of
from tradecore.sweeps.result import Point, Sweep, SweepInterrupted
from tradecore.sweeps.workers import Crew
from tradecore.venue import SimVenue

if TYPE_CHECKING:
    from tradecore.validation import DurationLike

__all__ = ["sweep"]


def sweep(
    strategy: type[Strategy],
    data: EventData,
    grid: Grid,
    *,
    instruments: Sequence[str | Instrument] | None = None,
    workers: int | None = None,
    progress: bool | Callable[[int, int], None] = True,
    resume: str | Path | None = None,
    venues: Sequence[SimVenue | str] | None = None,
    specs: Mapping[str, Instrument] | Sequence[Instrument] | None = None,
    seed: int = 0,
    sample_interval: DurationLike = "1s",
    byte_budget: int = BYTE_BUDGET,
) -> Sweep:
    """Run a backtest for each of many sets of parameters of a strategy.

    Each point is alone with the market, as in a run of its own, and its figures are those of that run, digest included.
    Points share passes over the data, which is where the speed comes from, so a strategy must keep what it knows in
    itself: not in its class, nor in the state of a module such as ``random``.

    Parameters
    ----------
    strategy : class of Strategy
        A shipped one, or one of your own, wherever it is defined: a module, a script, a notebook.
    data : catalog, path or mapping
        As for :class:`~tradecore.backtest.Backtest`.
    grid : mapping or sequence of mapping
        Values by name of a parameter, of which every combination is a point, the last name varying fastest: a list,
        tuple, range or array; anything else is one value for all points. Or a list of points, each parameters by name.
    instruments : sequence of str or Instrument, optional
        What each strategy trades; if not given, all of the data, which must be one.
    workers : int, optional
        Processes to run it in; as many as there are cores if not given, and with 1 this one. The result is the same.
    progress : bool or callable
        Whether to show a bar, on a terminal; or a function, called with the points done and all of them.
    resume : path, optional
        A file that every point is written to when it is done. Points it holds already are not run again.
    venues, specs, seed, sample_interval, byte_budget
        Of each backtest: see :class:`~tradecore.backtest.Backtest`.

    Returns
    -------
    Sweep
        In the order of the points. One that failed is there with its error.

    Raises
    ------
    InvalidValueError
        Before anything runs, for a parameter that is unknown, missing or ill-typed (and of which point), for settings
        that do not hold together, and for a file to resume from that is of another sweep.
    DataError, CatalogError
        When data cannot be read or is malformed.
    RunError
        When a strategy cannot be brought to a worker.
    SweepInterrupted
        After Ctrl-C: a ``KeyboardInterrupt`` with the points done so far in its ``result``.

    Examples
    --------
    ::

        sweep = tc.sweep(Maker, "market", {"ticks": [1, 2, 3], "lean": [0.0, 1.0]}, workers=2, resume="sweep.jsonl")
    """
    started = time.perf_counter()
    crew = _count(workers)
    traded = _instruments(instruments, data)
    points = list_points(grid)
    settings = {
        "venues": venues,
        "specs": specs,
        "seed": seed,
        "sample_interval": sample_interval,
        "byte_budget": byte_budget,
    }
    bench = Bench(
        strategy,
        points,
        traded,
        as_arrays(data) if isinstance(data, Mapping) else Catalog.of(data).pinned(*traded),
        settings,
    )
    _check_settings(bench, checked(strategy, points, traded))
    log = None if resume is None else Log(resume, bench)
    done: dict[int, Outcome] = {} if log is None else log.done

    def finished(outcomes: list[Outcome]) -> None:
        done.update((outcome.number, outcome) for outcome in outcomes)
        if log is not None:
            log.add(outcomes)

    def result() -> Sweep:
        made = [_point(done[number], points[number]) for number in sorted(done)]
        wall = time.perf_counter() - started
        return Sweep(strategy.__name__, names_of(points), made, total=len(points), wall_s=wall)

    missing = [number for number in range(len(points)) if number not in done]
    try:
        with _reporting(progress, done, len(points)) as report:
            if crew == 1:
                _run_here(bench, batches(missing, 1), finished, report)
            else:
                with Crew(bench, crew) as workers_:
                    workers_.run(batches(missing, crew), finished, report)
    except KeyboardInterrupt:
        raise SweepInterrupted(result()) from None
    finally:
        if log is not None:
            log.close()
    return result()


def _count(workers: int | None) -> int:
    if workers is not None and (not isinstance(workers, int) or isinstance(workers, bool) or workers < 1):
        raise InvalidValueError("workers", f"expected a number of processes from 1 on, got {workers!r}")
    if os.name != "posix":
        if workers not in (None, 1):
            raise InvalidValueError("workers", f"{workers} were asked for, but this system can have only 1")
        return 1
    if workers is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return workers


def _instruments(given: Sequence[str | Instrument] | None, data: EventData) -> tuple[str, ...]:
    if given is not None:
        if isinstance(given, str | Instrument):
            raise InvalidValueError("instruments", f"expected a list of ids, such as [{id_of(given)!r}]")
        return tuple(id_of(instrument) for instrument in given)
    if isinstance(data, Mapping):
        known: tuple[str, ...] = tuple(id_of(instrument) for instrument in data)
    elif isinstance(data, str | Path | Catalog):
        known = Catalog.of(data).instruments()
    else:
        raise InvalidValueError("data", f"expected a catalog, its folder or columns by id, got {data!r}")
    if len(known) != 1:
        some = ", ".join(known[:3]) + (", ..." if len(known) > 3 else "")
        raise InvalidValueError(
            "instruments", f"the data has {len(known):,} ({some}): say which to trade" if known else "the data has none"
        )
    return known


def _check_settings(bench: Bench, strategies: Mapping[int, Strategy]) -> None:
    """Raise what the backtest of a point would, before anything is run."""
    if not strategies:
        # No point could be built: data and settings are looked at all the same.
        bench.check([Strategy("sweep", bench.instruments)])
        bench.first = None
        return
    numbers = list(strategies)
    try:
        bench.check([strategies[number] for number in numbers])
    except InvalidValueError as error:
        place = error.field.split(".")
        if place[:1] != ["strategies"] or place[2:3] != ["params"]:
            raise
        point = describe(numbers[int(place[1])], bench.points)
        raise InvalidValueError(".".join(place[3:]), f"{error.problem} ({point})") from None


def _run_here(
    bench: Bench,
    jobs: Sequence[Sequence[int]],
    finished: Callable[[list[Outcome]], None],
    report: Callable[[float], None],
) -> None:
    for numbers in jobs:

        def tell(rows: int, total: int, points: int = len(numbers)) -> None:
            report(points * rows / total if total else 0.0)

        outcomes = bench.run(numbers, tell)
        if outcomes is None:
            raise KeyboardInterrupt
        finished(outcomes)
        report(0.0)


def _point(outcome: Outcome, parameters: Mapping[str, object]) -> Point:
    return Point(
        number=outcome.number,
        parameters=dict(parameters),
        figures=outcome.figures or {},
        error=outcome.error,
        traceback=outcome.traceback,
    )


@contextmanager
def _reporting(
    progress: bool | Callable[[int, int], None], done: Mapping[int, object], total: int
) -> Iterator[Callable[[float], None]]:
    """Yield what is told, often, how many points the passes under way are worth so far."""
    if not (isinstance(progress, bool) or callable(progress)):
        raise InvalidValueError("progress", f"expected a function of two numbers, True or False, got {progress!r}")
    told = len(done)
    if callable(progress):
        tell = progress

        def call(_: float) -> None:
            nonlocal told
            if len(done) > told:
                told = len(done)
                tell(told, total)

        yield call
        return
    with points_bar(total) if progress else nullcontext() as bar:
        yield lambda share: None if bar is None else bar(len(done) + share)
