"""Worker processes that run points of a sweep.

Where it is safe a worker is forked: it is there at once, has the strategy wherever it was written, and shares all data
that is in memory. A fork copies one thread only, so it is safe while this process has no other that counts: neither
threads of Python (a notebook has some) nor those of polars, which a hook may want to use. Otherwise a worker is a new
interpreter: it gets the class by value if no module has it, never runs the script that started the sweep, and
maps what is in memory.

A worker is a process group of its own, so that Ctrl-C reaches the sweep alone, and ends with the pipe from its parent.
"""

from __future__ import annotations

import contextlib
import gc
import inspect
import io
import marshal
import os
import queue
import signal
import subprocess
import sys
import threading
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, Pipe, wait
from types import CodeType, ModuleType
from typing import Any, NoReturn, Protocol, get_type_hints

from tradecore.errors import CatalogError, DataError, RunError
from tradecore.forks import is_free_of_polars
from tradecore.strategy import Strategy
from tradecore.sweeps.batch import Bench, Outcome, own_bases
from tradecore.sweeps.columns import MappedColumns

__all__ = ["Crew", "may_fork"]

_MAIN = "import sys; sys.path[:] = {path!r}; from tradecore.sweeps.workers import main; main({pipe})"


def may_fork() -> bool:
    """Whether a worker can be forked from this process without leaving something behind that it needs."""
    return sys.platform == "linux" and threading.active_count() == 1 and is_free_of_polars()


class _Process(Protocol):
    """What is asked of a child process, however it was started."""

    def kill(self) -> None: ...

    def wait(self) -> int: ...


class _Forked:
    """A forked child."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)

    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


class _Worker:
    """A worker as the sweep sees it."""

    def __init__(self, process: _Process, pipe: Connection) -> None:
        self._process = process
        self.pipe = pipe
        self.numbers: Sequence[int] = ()
        """The points it is at work on."""
        self.share = 0.0
        """How much of its pass is done."""

    def give(self, numbers: Sequence[int]) -> None:
        """Have it run some points; what becomes of one that is gone is seen by who reads from it."""
        self.numbers, self.share = numbers, 0.0
        with contextlib.suppress(OSError):
            self.pipe.send(numbers)

    def dismiss(self, *, at_once: bool) -> None:
        """Have it end, when it is idle or at once; see :meth:`wait`."""
        if at_once:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        self.pipe.close()

    def wait(self) -> str:
        """Wait for its end, and return how it went."""
        status = self._process.wait()
        if status >= 0:
            return f"exited with status {status}"
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-status).name}"
        return f"was killed by signal {-status}"


class Crew:
    """The workers of a sweep. Use it as a context manager: none outlives it.

    Parameters
    ----------
    bench : Bench
        What they run.
    most : int
        How many there are at a time.
    """

    def __init__(self, bench: Bench, most: int) -> None:
        self._bench = bench
        self._most = most
        self._workers: list[_Worker] = []
        self._mapped: MappedColumns | None = None
        self._payload: bytes | None = None

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for worker in self._workers:
            worker.dismiss(at_once=kind is not None)
        # What they had in memory is given back by all of them at the same time.
        for worker in self._workers:
            worker.wait()
        self._workers.clear()
        if self._mapped is not None:
            self._mapped.close()

    def run(
        self, jobs: Sequence[Sequence[int]], done: Callable[[list[Outcome]], None], share: Callable[[float], None]
    ) -> None:
        """Run all points.

        Parameters
        ----------
        jobs : sequence of sequence of int
            Points that share a pass.
        done : callable
            Called with what came of points, as they are done.
        share : callable
            Called often, with how many points the passes under way are worth so far.

        Raises
        ------
        DataError, CatalogError
            When the data cannot be read.
        RunError
            When the strategy cannot be brought to a worker.
        """
        waiting = deque(jobs)
        while waiting or any(worker.numbers for worker in self._workers):
            busy = sum(1 for worker in self._workers if worker.numbers)
            while len(self._workers) < min(self._most, busy + len(waiting)):
                self._start()
            for worker in self._workers:
                if waiting and not worker.numbers:
                    worker.give(waiting.popleft())
            told = wait([worker.pipe for worker in self._workers])
            for worker in [worker for worker in self._workers if worker.pipe in told]:
                try:
                    what, value = worker.pipe.recv()
                except (EOFError, OSError):
                    again, lost = self._bury(worker)
                    waiting.extendleft(reversed(again))
                    done(lost)
                    continue
                if what == "share":
                    worker.share = value
                elif what == "raised":
                    raise value
                else:
                    worker.numbers = ()
                    done(value)
            share(sum(worker.share * len(worker.numbers) for worker in self._workers))

    def _bury(self, worker: _Worker) -> tuple[list[list[int]], list[Outcome]]:
        """Return what has to be run again after a worker died, and the point it died of."""
        self._workers.remove(worker)
        worker.dismiss(at_once=False)
        how = worker.wait()
        if len(worker.numbers) == 1:
            return [], [Outcome(worker.numbers[0], error=f"WorkerDied: its process {how}", is_lost=True)]
        # Nobody knows of which: each gets a process of its own.
        return [[number] for number in worker.numbers], []

    def _start(self) -> None:
        self._workers.append(self._forked() if self._payload is None and may_fork() else self._spawned())

    def _forked(self) -> _Worker:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        ours, theirs = Pipe()
        with warnings.catch_warnings():
            # Python warns of threads from 3.12 on; that there are none that count was seen to.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.setpgid(0, 0)
                gc.freeze()
                for pipe in (ours, *(other.pipe for other in self._workers)):
                    pipe.close()
                _serve(self._bench, theirs)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                _leave(status)
        theirs.close()
        return _Worker(_Forked(pid), ours)

    def _spawned(self) -> _Worker:
        if self._payload is None:
            self._payload = self._pack()
        if not sys.executable:
            raise RunError("there is no Python interpreter to start workers with: sweep with workers=1")
        ours, theirs = Pipe()
        inherited = [theirs.fileno(), *([self._mapped.descriptor] if self._mapped else [])]
        code = _MAIN.format(path=sys.path, pipe=theirs.fileno())
        optimised = ["-O"] * sys.flags.optimize
        process = subprocess.Popen(
            [sys.executable, *optimised, "-c", code], pass_fds=inherited, stdin=subprocess.DEVNULL, process_group=0
        )
        theirs.close()
        with contextlib.suppress(OSError):  # one that is gone is seen by who reads from it
            ours.send_bytes(self._payload)
        return _Worker(process, ours)

    def _pack(self) -> bytes:
        """Return all that a new interpreter needs, as bytes."""
        import cloudpickle

        class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
            """Keeps the places of code, which a traceback is to tell."""

            def reducer_override(self, value: Any) -> Any:
                if isinstance(value, CodeType):
                    return marshal.loads, (marshal.dumps(value),)
                return super().reducer_override(value)

        bench = replace(self._bench, first=None)
        if isinstance(bench.data, Mapping):
            wanted = {name: bench.data[name] for name in bench.instruments}
            self._mapped = MappedColumns(wanted)
            bench = replace(bench, data=self._mapped)
        by_value = _without_module(bench.strategy)
        for module in by_value:
            cloudpickle.register_pickle_by_value(module)
        try:
            hints = [_hints(base) for base in own_bases(bench.strategy)]
            packed = io.BytesIO()
            Pickler(packed).dump((bench, hints))
            return packed.getvalue()
        except Exception as error:
            raise RunError(
                f"{bench.strategy.__name__} cannot be brought to a worker: {type(error).__name__}: {error}; "
                "put it into a module of its own, or sweep with workers=1"
            ) from error
        finally:
            for module in by_value:
                cloudpickle.unregister_pickle_by_value(module)


def _hints(base: type) -> dict[str, Any]:
    """Return a class's own annotations without texts: the names in these are not there where it is made again."""
    hints = get_type_hints(base, include_extras=True)
    return {name: hints[name] for name in inspect.get_annotations(base)}


def _without_module(strategy: type[Strategy]) -> list[ModuleType]:
    """Return the modules of a strategy's classes that a new interpreter could not import."""
    modules = [sys.modules.get(name) for name in dict.fromkeys(base.__module__ for base in own_bases(strategy))]
    # Those of a script, or of no module, go by value anyway.
    return [module for module in modules if module and module.__name__ != "__main__" and not _is_found(module)]


def _is_found(module: ModuleType) -> bool:
    """Whether an import would find this module, had it not been imported."""
    parent = sys.modules.get(module.__name__.rpartition(".")[0])
    if parent is not None and not _is_found(parent):
        return False
    path = None if parent is None else parent.__path__
    for finder in sys.meta_path:
        with contextlib.suppress(Exception):  # one that is not ours
            spec = finder.find_spec(module.__name__, path)
            if spec is not None:
                return spec.origin == getattr(module, "__file__", None)
    return False


def _leave(status: int) -> NoReturn:
    """End this process without anything that belongs to its parent."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(status)


def main(descriptor: int) -> None:
    """Be a worker that is an interpreter of its own."""
    pipe = Connection(descriptor)
    try:
        try:
            bench, hints = pipe.recv()
            for base, own in zip(own_bases(bench.strategy), hints, strict=True):
                base.__annotations__ = own
            if isinstance(bench.data, MappedColumns):
                bench = replace(bench, data=bench.data.open())
        except Exception as error:
            problem = f"the strategy could not be made again in a worker: {type(error).__name__}: {error}"
            with contextlib.suppress(OSError):  # its parent is gone
                pipe.send(("raised", RunError(problem)))
            _leave(1)
        _serve(bench, pipe)
    except BaseException:
        traceback.print_exc()
        _leave(1)
    _leave(0)


def _serve(bench: Bench, pipe: Connection) -> None:
    """Run points as they are asked for, until the pipe ends; this process ends with it at the latest."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    waiting: queue.SimpleQueue[Sequence[int] | None] = queue.SimpleQueue()
    is_idle = threading.Event()
    is_idle.set()

    def listen() -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                numbers = pipe.recv()
                is_idle.clear()
                waiting.put(numbers)
        if not is_idle.is_set():
            os._exit(1)
        waiting.put(None)

    threading.Thread(target=listen, daemon=True).start()

    def say(what: str, value: object) -> None:
        try:
            pipe.send((what, value))
        except OSError:
            os._exit(1)

    while (numbers := waiting.get()) is not None:
        try:
            outcomes = _run(bench, numbers, lambda rows, total: say("share", rows / total if total else 0.0))
        except Exception as error:
            expected = isinstance(error, DataError | CatalogError)
            say("raised", error if expected else RunError(f"{type(error).__name__}: {error}"))
            return
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        is_idle.set()
        say("done", outcomes)


def _run(bench: Bench, numbers: Sequence[int], progress: Callable[[int, int], None]) -> list[Outcome]:
    """Run points; one whose hook raises what Ctrl-C raises has failed, for Ctrl-C does not come here."""
    outcomes = bench.run(numbers, progress)
    if outcomes is not None:
        return outcomes
    if len(numbers) == 1:
        return [Outcome(numbers[0], error="KeyboardInterrupt: raised in a hook")]
    return [outcome for number in numbers for outcome in _run(bench, [number], progress)]
