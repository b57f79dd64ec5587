"""Whether a session is alive, ready to trade and well, judged by what was sampled of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from tradecore.errors import StrategyError
from tradecore.live.watchdog import Blocked
from tradecore.observe.sample import Sample
from tradecore.types import BookState

__all__ = ["Check", "Health", "Thresholds", "judge"]

Status: TypeAlias = Literal["healthy", "degraded", "unhealthy"]

_RANK = {"healthy": 0, "degraded": 1, "unhealthy": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """From where on something is wrong, seconds.

    Parameters
    ----------
    feed_age_s : float
        Without a message of an instrument.
    journal_lag_s : float
        With records that wait to be written.
    stall_s : float
        Without a sample: the session's event loop hangs.
    """

    feed_age_s: float = 30.0
    journal_lag_s: float = 10.0
    stall_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, and why it is not healthy.

    Parameters
    ----------
    name : str
    status : "healthy", "degraded" or "unhealthy"
    detail : str
    silent : tuple of str
        Instruments with a book in order of which nothing has come for too long, where feeds were looked at.
    """

    name: str
    status: Status
    detail: str = ""
    silent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a session is.

    Parameters
    ----------
    is_live : bool
        Whether its event loop runs; a process that is not live is to be started anew.
    is_ready : bool
        Whether it can trade: begun, not halted, with every book synced and fed, and its journal written.
    checks : tuple of Check
    """

    is_live: bool
    is_ready: bool
    checks: tuple[Check, ...]

    @property
    def status(self) -> Status:
        """The worst of the checks."""
        return max((check.status for check in self.checks), key=_RANK.__getitem__)

    @property
    def problems(self) -> str:
        """What is not healthy, for people."""
        return "; ".join(f"{each.name}: {each.detail}" for each in self.checks if each.status != "healthy")

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        checks = [{"name": each.name, "status": each.status, "detail": each.detail} for each in self.checks]
        return {"status": self.status, "is_live": self.is_live, "is_ready": self.is_ready, "checks": checks}


_NEEDED = {"loop", "session", "feeds", "journal", "trading"}
"""Checks that have to be healthy in a session that is ready."""


def judge(sample: Sample | None, stalled_s: float, limits: Thresholds, blocked: Blocked | None = None) -> Health:
    """Judge a sample that was taken some seconds ago; None where there is none, of a session that is not at work.

    ``blocked`` is what holds the event loop, where that is known.
    """
    if sample is None:
        is_live = stalled_s < limits.stall_s
        return Health(is_live=is_live, is_ready=False, checks=(_loop(stalled_s, limits, blocked), _NOT_BEGUN))
    checks = (_loop(stalled_s, limits, blocked), *_checks(sample, stalled_s, limits))
    well = {check.name for check in checks if check.status == "healthy"}
    return Health(is_live=stalled_s < limits.stall_s, is_ready=well >= _NEEDED, checks=checks)


_NOT_BEGUN = Check("session", "degraded", "strategies are not at work")


def _loop(stalled_s: float, limits: Thresholds, blocked: Blocked | None) -> Check:
    if blocked is not None:
        return Check("loop", "unhealthy", str(blocked))
    if stalled_s < limits.stall_s:
        return Check("loop", "healthy")
    return Check("loop", "unhealthy", f"the event loop hangs for {stalled_s:.0f} s")


def _checks(sample: Sample, stalled_s: float, limits: Thresholds) -> Iterator[Check]:
    yield Check("session", "healthy") if sample.has_begun else _NOT_BEGUN
    late, silent = [], []
    for name, market in sample.markets.items():
        age = None if market.age_s is None else market.age_s + stalled_s
        if market.state is not BookState.SYNCED:
            late.append(f"{name} is {market.state.name.lower()}")
        elif age is None or age > limits.feed_age_s:
            silent.append(name)
            late.append(f"{name} is silent for {age:.0f} s" if age is not None else f"{name} is silent")
    # Without any market nothing can be done; with some the others go on.
    worst: Status = "unhealthy" if len(late) == len(sample.markets) else "degraded"
    yield Check("feeds", worst, "; ".join(late), tuple(silent)) if late else Check("feeds", "healthy")
    behind = [f"{venue} is {of.lag_s:.1f} s behind" for venue, of in sample.venues.items() if of.is_behind]
    yield Check("lag", "degraded", "; ".join(behind)) if behind else Check("lag", "healthy")
    down = [
        f"{venue} {link}"
        for venue, of in sample.venues.items()
        for link, is_up in of.connection.links.items()
        if not is_up
    ]
    yield Check("links", "degraded", f"down: {', '.join(down)}") if down else Check("links", "healthy")
    if sample.journal_lag_s > limits.journal_lag_s:
        yield Check("journal", "unhealthy", f"nothing written for {sample.journal_lag_s:.0f} s")
    else:
        yield Check("journal", "healthy")
    held_back = [f"{name} is {what}" for name, what in sample.trading.items() if what not in ("active", "failed")]
    failed = [str(StrategyError(name, traceback)) for name, traceback in sample.failures.items()]
    problems = "; ".join(held_back + failed)
    yield Check("trading", "degraded", problems) if problems else Check("trading", "healthy")
    unresolved = sum(of.connection.unresolved for of in sample.venues.values())
    detail = f"nobody knows what became of {unresolved} orders"
    yield Check("orders", "degraded", detail) if unresolved else Check("orders", "healthy")
