"""Backtests that people start from the server: processes of their own, one after the other."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from tradecore.backtest.scratch import Scratch
from tradecore.server.problems import Problem

__all__ = ["Jobs"]

_MOST = 100
"""Jobs that are kept with their files; the oldest that is over goes."""
_MOST_QUEUED = 20
_NICENESS = 10


class Jobs:
    """Runs ``tradecore backtest`` on configurations, at a low priority.

    Parameters
    ----------
    tell : callable
        Is given every job that changes.
    """

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        self._tell = tell
        self._jobs: OrderedDict[int, dict[str, Any]] = OrderedDict()
        self._folder = Scratch("jobs")
        self._queue: asyncio.Queue[int] = asyncio.Queue()
        self._running: tuple[int, asyncio.Task[None]] | None = None
        """The job that runs, and what it runs in."""
        self._worker: asyncio.Task[None] | None = None
        self._last = 0

    def begin(self) -> None:
        """Work in the event loop that runs."""
        self._worker = asyncio.get_running_loop().create_task(self._work(), name="jobs")

    async def end(self) -> None:
        """End what runs, and leave nothing."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        self._folder.close()

    def add(self, config: str, symbol: str | None, seed: int | None) -> dict[str, Any]:
        """Have a configuration run.

        Raises
        ------
        Problem
            When too many wait.
        """
        if self._queue.qsize() >= _MOST_QUEUED:
            raise Problem(429, "too_many_jobs", f"{_MOST_QUEUED} jobs are waiting")
        self._last += 1
        folder = self._place(self._last)
        folder.mkdir()
        (folder / "config.toml").write_text(config, encoding="utf-8")
        job = {
            "id": self._last,
            "status": "queued",
            "symbol": symbol,
            "seed": seed,
            "created_ns": time.time_ns(),
            "started_ns": None,
            "ended_ns": None,
            "summary": None,
            "error": None,
        }
        self._jobs[self._last] = job
        for key in [key for key, old in self._jobs.items() if old["status"] not in ("queued", "running")]:
            if len(self._jobs) <= _MOST:
                break
            del self._jobs[key]
            self._clear(key)
        self._queue.put_nowait(self._last)
        self._tell(dict(job))
        return job

    def listed(self) -> list[dict[str, Any]]:
        """Return the jobs, newest first."""
        return list(reversed(self._jobs.values()))

    def find(self, key: int) -> dict[str, Any]:
        """Return a job.

        Raises
        ------
        Problem
        """
        if key not in self._jobs:
            raise Problem(404, "unknown_job", f"no job {key}")
        return self._jobs[key]

    def cancel(self, key: int) -> dict[str, Any]:
        """End a job that has not ended; its process and its files go."""
        job = self.find(key)
        if job["status"] in ("queued", "running"):
            self._set(job, status="cancelled", ended_ns=time.time_ns())
            if self._running is not None and self._running[0] == key:
                self._running[1].cancel()
            else:
                self._clear(key)
        return job

    def report(self, key: int) -> bytes:
        """Return the page of a job that is done.

        Raises
        ------
        Problem
        """
        self.find(key)
        try:
            return (self._place(key) / "report.html").read_bytes()
        except FileNotFoundError:
            raise Problem(404, "no_report", f"job {key} has no report") from None

    def _place(self, key: int) -> Path:
        return self._folder.path / str(key)

    def _clear(self, key: int) -> None:
        shutil.rmtree(self._place(key), ignore_errors=True)

    def _set(self, job: dict[str, Any], **values: Any) -> None:
        job.update(values)
        self._tell(dict(job))

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            job = self._jobs.get(key)
            if job is None or job["status"] != "queued":
                continue
            task = asyncio.get_running_loop().create_task(self._run(job, self._place(key)))
            self._running = key, task
            try:
                await asyncio.wait({task})
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                self._running = None
            if job["status"] == "cancelled":
                self._clear(key)
            elif (error := task.exception()) is not None:
                self._set(job, status="failed", error=f"could not be run: {error}", ended_ns=time.time_ns())

    async def _run(self, job: dict[str, Any], folder: Path) -> None:
        self._set(job, status="running", started_ns=time.time_ns())
        given = ["--config", str(folder / "config.toml"), "--output", str(folder / "run"), "--json", "--quiet"]
        for option in ("symbol", "seed"):
            if job[option] is not None:
                given += [f"--{option}={job[option]}"]
        code, out, error = await self._call("backtest", *given)
        if code != 0:
            told = error.strip() or f"ended with exit code {code}"
            self._set(job, status="failed", error=told, ended_ns=time.time_ns())
            return
        code, _, error = await self._call(
            "report", str(folder / "run"), "--output", str(folder / "report.html"), "--quiet"
        )
        problem = None if code == 0 else f"no report: {error.strip()}"
        self._set(job, status="done", summary=orjson.loads(out), error=problem, ended_ns=time.time_ns())

    async def _call(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command of ours; return its exit code, output and errors."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tradecore",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
            out, error = await process.communicate()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        return process.returncode or 0, out.decode("utf-8", "replace"), error.decode("utf-8", "replace")[-4000:]
