"""How things are measured: in turns, medians, with the state of the machine beside every figure."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import tradecore as tc

SLOWED_NS = 30.0
"""An empty Python loop turn beyond this tells a slowed machine (42 ns and 14 ns were seen on one and the same)."""


@dataclass(frozen=True)
class Target:
    """``ours`` shall take at most ``1 / times`` of the time ``peer`` takes."""

    ours: str
    peer: str
    times: float


@dataclass(frozen=True)
class Limit:
    """``name`` shall not be above ``value``."""

    name: str
    value: float


@dataclass
class Job:
    """One comparison.

    ``contenders`` do the whole work once and return the seconds that count; ``items`` is what the time is divided by.
    ``rounds`` are the rounds that its figures need, where they are not the usual ones.
    """

    unit: str
    items: Mapping[str, float]
    contenders: Mapping[str, Callable[[], float]]
    targets: tuple[Target, ...] = ()
    limits: tuple[Limit, ...] = ()
    rounds: int | None = None
    note: str = ""


@dataclass
class Outcome:
    """What a job came to: median figure per contender, first call, spread, verdicts."""

    job: str
    unit: str
    note: str
    figures: dict[str, float] = field(default_factory=dict)
    spread: dict[str, tuple[float, float]] = field(default_factory=dict)
    first_call_s: dict[str, float] = field(default_factory=dict)
    verdicts: list[dict[str, object]] = field(default_factory=list)
    loop_turn_ns: tuple[float, float] = (0.0, 0.0)

    @property
    def state(self) -> str:
        """State of the machine around this job."""
        slowed = [turn > SLOWED_NS for turn in self.loop_turn_ns]
        return "slowed" if all(slowed) else "mixed" if any(slowed) else "calm"


def loop_turn_ns() -> float:
    """Time of one turn of an empty Python loop, the fastest of five thousand-turn loops."""
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter_ns()
        for _ in range(100_000):
            pass
        best = min(best, (time.perf_counter_ns() - started) / 100_000)
    return best


_SCALE = {"ns": 1e9, "us": 1e6, "ms": 1e3, "s": 1.0, "MB": 1.0, "B": 1.0, "frames": 1.0}


def race(name: str, job: Job, rounds: int) -> Outcome:
    """Run the contenders in turns, once to warm up and then ``rounds`` times, or as often as the job says.

    One round is the first call alone: it shows that all of it runs.
    """
    outcome = Outcome(name, job.unit, job.note)
    before = loop_turn_ns()
    for contender, run in job.contenders.items():
        outcome.first_call_s[contender] = run()
    times = {contender: [seconds] for contender, seconds in outcome.first_call_s.items()}
    if rounds > 1:
        times = {contender: [] for contender in job.contenders}
        for _ in range(job.rounds or rounds):
            for contender, run in job.contenders.items():
                times[contender].append(run())
    outcome.loop_turn_ns = (before, loop_turn_ns())
    scale = _SCALE[job.unit.partition("/")[0]]
    for contender, seconds in times.items():
        per = scale / job.items[contender]
        outcome.figures[contender] = statistics.median(seconds) * per
        outcome.spread[contender] = (min(seconds) * per, max(seconds) * per)
    for target in job.targets:
        if target.ours in outcome.figures and target.peer in outcome.figures:
            ratio = outcome.figures[target.peer] / outcome.figures[target.ours]
            outcome.verdicts.append({**asdict(target), "ratio": ratio, "reached": ratio >= target.times})
    for limit in job.limits:
        if limit.name in outcome.figures:
            figure = outcome.figures[limit.name]
            outcome.verdicts.append({**asdict(limit), "figure": figure, "reached": figure <= limit.value})
    return outcome


def machine() -> dict[str, object]:
    """Say what ran this."""
    cpu = Path("/proc/cpuinfo")
    model = (
        next(
            (line.partition(":")[2].strip() for line in cpu.read_text().splitlines() if line.startswith("model name")),
            "",
        )
        if cpu.is_file()
        else platform.processor()
    )
    versions = {}
    for name in ("tradecore", "hftbacktest", "nautilus_trader", "numba", "numpy", "polars", "isal", "msgspec"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {"cpu": model, "system": platform.platform(), "python": platform.python_version(), "versions": versions}


def run_seconds(prepared: tc.Backtest) -> float:
    """Run a backtest and return how long that took; its preparation is left out, as it is for the peers."""
    started = time.perf_counter()
    prepared.run()
    return time.perf_counter() - started
