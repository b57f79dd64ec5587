"""Plans carried out: many imports, in several processes, each of them whole or not at all."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tradecore.data import importers
from tradecore.data.exported import import_exported
from tradecore.data.findings import problems, remarks
from tradecore.data.formats import AS_RECORDED, ReadOptions
from tradecore.data.inference import Inference, infer_instrument
from tradecore.data.plan import Job
from tradecore.errors import CatalogError, OverlapError, TradecoreError

__all__ = ["Done", "carry_out"]

_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Done:
    """What became of an import: what was read, or why it is not in, and what was inferred for it."""

    job: Job
    summary: dict[str, Any] | None = None
    problem: str | None = None
    inferred: Inference | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        out = self.job.to_dict()
        if self.inferred is not None:
            out["inferred"] = {**self.inferred.instrument.to_dict(), "notes": self.inferred.notes}
        if self.problem is not None:
            return out | {"state": "failed", "problem": self.problem}
        if self.summary is None:
            return out | {"state": "already in"}
        counts = {key: self.summary[key] for key in ("events", "first_ts_recv", "last_ts_recv")}
        return out | {"state": "imported", **counts, **{key: self.summary[key] for key in ("problems", "notes")}}


def carry_out(
    jobs: Sequence[Job],
    catalog: Path,
    *,
    replace_days: bool = False,
    kind: str | None = None,
    contract_size: str | None = None,
    workers: int | None = None,
    options: ReadOptions = AS_RECORDED,
    progress: importers.Progress | None = None,
) -> Iterator[Done]:
    """Import what a catalog does not have yet, and yield what became of each import as it ends.

    Parameters
    ----------
    jobs : sequence of Job
    catalog : Path
    replace_days : bool
        Whether days that are there are replaced.
    kind, contract_size : str, optional
        Of instruments whose specification is inferred.
    workers : int, optional
        Processes; as many as there are cores if not given. With one, it all happens in this process.
    options : ReadOptions
        How files are read, as far as their formats take it.
    progress : callable, optional
        Called with bytes read and bytes in all.
    """
    yield from (Done(job) for job in jobs if job.is_in)
    waiting = [job for job in jobs if not job.is_in]
    inferred: dict[str, Inference | str] = {}
    total = sum(job.size for job in waiting)
    crew = _Crew(min(workers or os.cpu_count() or 1, len(waiting)), progress, total)
    with crew:
        unknown = list(dict.fromkeys(job.instrument for job in waiting if job.spec is None))
        calls = [
            (name, [job for job in waiting if job.instrument == name], kind, contract_size, options) for name in unknown
        ]
        for (name, *_), made in crew.run(_infer, calls):
            inferred[name] = made
        ready = []
        for job in waiting:
            made = inferred.get(job.instrument)
            if isinstance(made, str):
                yield Done(job, problem=made)
            else:
                spec = job.spec if made is None else made.instrument
                ready.append((replace(job, spec=spec), catalog, replace_days, options))
        for (job, *_), told in crew.run(_import, ready):
            made = inferred.get(job.instrument)
            assert not isinstance(made, str)
            is_in = not isinstance(told, str)
            yield Done(job, told if is_in else None, None if is_in else told, made)


def _infer(
    name: str,
    jobs: Sequence[Job],
    kind: str | None,
    contract_size: str | None,
    options: ReadOptions,
    _: Callable[[int], None],
) -> Inference | str:
    """Return the specification of an instrument by all of its files, or why there is none."""
    files = [file.path for job in jobs for file in job.files]
    try:
        form = jobs[0].format
        options = options.within(form)
        return infer_instrument(form, name, files, kind=kind, contract_size=contract_size, options=options)
    except TradecoreError as error:
        return str(error)


def _import(
    job: Job, catalog: Path, replace_days: bool, options: ReadOptions, passed: Callable[[int], None]
) -> dict[str, Any] | str:
    """Import files as a whole; return what was read, or why it could not be."""
    assert job.spec is not None
    files = [file.path for file in job.files]
    sources = [file.digest for file in job.files]
    before = 0

    def progress(done: int, _: int) -> None:
        nonlocal before
        passed(done - before)
        before = done

    try:
        if job.format == "hftbacktest":
            summary = importers.import_arrays(files, job.spec, catalog, replace=replace_days, sources=sources)
        elif job.format == "exported":
            summary = import_exported(files, catalog, job.spec, replace=replace_days, sources=sources)
        else:
            summary = importers.import_as(
                job.format,
                files,
                job.spec,
                catalog,
                options.within(job.format),
                replace=replace_days,
                progress=progress,
                sources=sources,
            )
    except OverlapError:
        return (
            f"the catalog already holds {job.instrument} of {job.days} from other files; --replace writes it anew, "
            "from all files that are given then"
        )
    except TradecoreError as error:
        return str(error)
    passed(job.size - before)
    return {**summary, "problems": problems(summary), "notes": remarks(summary)}


_passed: Any = None
"""Where the processes of a crew add the bytes that passed."""


def _begin(passed: Any) -> None:
    """Make this process one of a crew: who started it ends it, and Ctrl-C is its matter."""
    global _passed
    _passed = passed
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _add(size: int) -> None:
    with _passed.get_lock():
        _passed.value += size


def _call(work: Callable[..., Any], call: tuple[Any, ...]) -> Any:
    return work(*call, _add)


class _Crew:
    """Processes that work on calls; with one there is none but this."""

    def __init__(self, workers: int, progress: importers.Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0
        self._pool: ProcessPoolExecutor | None = None
        if workers > 1:
            # Forked ones would wait for threads of polars that did not come along.
            context = multiprocessing.get_context("spawn")
            self._passed = context.Value("q", 0)
            self._pool = ProcessPoolExecutor(workers, context, _begin, (self._passed,))

    def __enter__(self) -> _Crew:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._pool is None:
            return
        if kind is not None:
            # What they were about to write goes with the next one that writes to the catalog.
            for process in multiprocessing.active_children():
                process.terminate()
        self._pool.shutdown(cancel_futures=True)

    def run(self, work: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> Iterator[tuple[tuple[Any, ...], Any]]:
        """Yield each call with what came of it, as they end."""
        if self._pool is None:
            for call in calls:
                yield call, work(*call, self._add)
            return
        futures = {self._pool.submit(_call, work, call): call for call in calls}
        left = set(futures)
        while left:
            ended, left = wait(left, _POLL_S, FIRST_COMPLETED)
            if self._progress is not None:
                self._progress(min(self._passed.value, self._total), self._total)
            for future in ended:
                try:
                    yield futures[future], future.result()
                except BrokenProcessPool:
                    raise CatalogError(
                        "data import", "a process of it was killed; what ended before is in, so begin it again"
                    ) from None

    def _add(self, size: int) -> None:
        self._done += size
        if self._progress is not None:
            self._progress(min(self._done, self._total), self._total)
