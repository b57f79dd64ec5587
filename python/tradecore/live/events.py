"""What a session tells beside what its kernel does: of connections, of reconciliation, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass

from tradecore.bus.events import Event

__all__ = ["LagChanged", "LinkChanged", "LoopBlocked", "ReconcileDifference", "ReconcileFailed", "SessionFailed"]


@dataclass(frozen=True, slots=True)
class LagChanged(Event):
    """A session fell behind what a venue tells, or caught up."""

    venue: str
    is_behind: bool
    seconds: float
    """How far behind the newest message was."""
    limit_s: float
    """What is allowed."""


@dataclass(frozen=True, slots=True)
class LinkChanged(Event):
    """A connection to a venue was made, renewed or lost."""

    venue: str
    link: str
    """What it is for, such as ``public``."""
    is_up: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ReconcileDifference(Event):
    """The account of a venue was not as it is known here; what was done about it."""

    venue: str
    instrument: str | None
    """None of a balance."""
    action: str
    """The kind of :class:`~tradecore.reconcile.ReconcileAction`."""
    detail: str


@dataclass(frozen=True, slots=True)
class ReconcileFailed(Event):
    """The account of a venue could not be looked at when the session ended: what was missed before is not known."""

    venue: str
    reason: str


@dataclass(frozen=True, slots=True)
class LoopBlocked(Event):
    """The event loop stood still, told when it went on."""

    since_ns: int
    seconds: float
    strategy: str | None
    """Whose hook held it; None where it was no strategy's."""
    hook: str | None
    line: str
    """Where it was, as ``file:line in function``."""
    is_cancelling: bool
    """Whether open orders are cancelled for that."""


@dataclass(frozen=True, slots=True)
class SessionFailed(Event):
    """A session ends because something failed: a strategy, the journal, or what it was told."""

    error: str
    """The class of the error."""
    message: str
