"""Which alerts there are, and which of them are sent: no I/O, no clock, no thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from tradecore.bus import events as told
from tradecore.config.observe import AlertsConfig, Severity
from tradecore.live.events import LagChanged, ReconcileDifference, ReconcileFailed, SessionFailed
from tradecore.observe.health import Health
from tradecore.observe.sample import Sample
from tradecore.types import BookState

__all__ = ["EVENTS", "Alert", "Conditions", "Policy", "alert_of"]

_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that somebody has to know.

    Parameters
    ----------
    severity : "info", "warning" or "critical"
    key : str
        What is the same in alerts that say the same again.
    text : str
    """

    severity: Severity
    key: str
    text: str


EVENTS = (
    told.RiskHalt,
    told.RiskResumed,
    told.Error,
    told.OrderUnknown,
    told.SessionStarted,
    told.SessionStopped,
    LagChanged,
    ReconcileDifference,
    ReconcileFailed,
    SessionFailed,
)
"""Events that may be alerts."""

_ROUTINE = {"set_balance", "acknowledge"}
"""What reconciliation does at every start."""


def alert_of(event: told.Event) -> Alert | None:
    """Return the alert that an event is; None if it is none."""
    match event:
        case told.RiskHalt(reason="kill"):
            return Alert("critical", "kill", "kill switch: all orders are cancelled and nothing is sent")
        case told.RiskHalt():
            whose = f"{event.scope} {event.name}".strip()
            severity: Severity = "critical" if event.does in ("flatten", "halt") else "warning"
            at = f", {event.value:f} of {event.limit:f}" if event.value is not None and event.limit is not None else ""
            return Alert(severity, f"halt {event.reason} {whose}", f"{event.reason} stopped {whose}{at}: {event.does}")
        case told.RiskResumed():
            whose = f"{event.scope} {event.name}".strip()
            return Alert("info", f"resumed {whose}", f"trading goes on: {whose}")
        case told.Error():
            severity = "critical" if event.source == "strategy" else "warning"
            last = event.message.strip().splitlines()[-1:] or [""]
            return Alert(severity, f"error {event.source} {event.name}", f"{event.source} {event.name}: {last[0]}")
        case told.OrderUnknown():
            text = f"order {event.order_id} of {event.strategy} in {event.instrument}: nobody knows what became of it"
            return Alert("warning", f"unknown {event.strategy} {event.instrument}", text)
        case LagChanged(is_behind=True):
            text = f"{event.venue} is {event.seconds:.1f} s behind: its books are stale"
            return Alert("warning", f"lag {event.venue}", text)
        case LagChanged():
            return Alert("info", f"lag {event.venue} over", f"caught up with {event.venue}")
        case ReconcileDifference():
            if event.action in _ROUTINE:
                return None
            severity = "critical" if event.action == "halt" else "warning"
            return Alert(severity, f"reconcile {event.action} {event.instrument}", f"{event.venue}: {event.detail}")
        case ReconcileFailed():
            text = f"{event.venue}: the account could not be looked at in the end: {event.reason}"
            return Alert("critical", f"reconcile {event.venue}", text)
        case SessionFailed():
            return Alert("critical", "failed", f"the session ends: {event.error}: {event.message.splitlines()[0]}")
        case told.SessionStarted():
            return Alert("info", "started", "strategies started")
        case told.SessionStopped():
            return Alert("info", "stopped", "strategies stopped")
    return None


class Conditions:
    """Alerts of what lasts: a book out of sync, a limit nearly used, a loop that hangs. Each is told again when over.

    Parameters
    ----------
    config : AlertsConfig
    feed_gap_s : float
    """

    def __init__(self, config: AlertsConfig, feed_gap_s: float) -> None:
        self._limit_use = config.limit_use
        self._feed_gap_s = feed_gap_s
        self._since: dict[str, float] = {}
        """Since when each condition holds, by the clock of who asks."""
        self._told: dict[str, str] = {}
        """What was told of those that are alerts."""

    def look(self, sample: Sample | None, health: Health, now_s: float) -> Iterator[Alert]:
        """Yield what is new, of how a session stands at a time."""
        found = {key: (severity, after, text) for key, severity, after, text in self._found(sample, health)}
        for key in [key for key in self._since if key not in found]:
            del self._since[key]
            if key in self._told:
                yield Alert("info", f"{key} over", f"over: {self._told.pop(key)}")
        for key, (severity, after, text) in found.items():
            since = self._since.setdefault(key, now_s)
            if now_s - since >= after and key not in self._told:
                self._told[key] = text
                yield Alert(severity, key, text)

    def _found(self, sample: Sample | None, health: Health) -> Iterator[tuple[str, Severity, float, str]]:
        """Yield key, severity, how many seconds it may last, and text of all that is wrong now."""
        for check in health.checks:
            if check.name in ("loop", "journal") and check.status != "healthy":
                yield check.name, "critical", 0.0, f"{check.name}: {check.detail}"
            if check.silent:
                yield "silence", "warning", 0.0, f"feeds: {check.detail}"
        if sample is None or not sample.has_begun:
            return
        for name, market in sample.markets.items():
            if market.state is not BookState.SYNCED:
                text = f"the book of {name} is out of sync ({market.state.name.lower()})"
                yield f"feed {name}", "warning", self._feed_gap_s, text
        for row in sample.limits:
            if row["used_pct"] is not None and row["used_pct"] >= self._limit_use * 100:
                whose = f"{row['check']} of {row['scope']} {row['name']}"
                yield f"limit {whose}", "warning", 0.0, f"{whose} is used to {row['used_pct']:.0f} %"


class Policy:
    """Which alerts are sent: not the same one again within a time, and no more than so many an hour.

    Critical ones go beyond the second limit. What was held back is counted in the next message.

    Parameters
    ----------
    repeat_after_s : float
    per_hour : int
    """

    def __init__(self, repeat_after_s: float, per_hour: int) -> None:
        self._repeat_after_s = repeat_after_s
        self._per_hour = per_hour
        self._sent: dict[str, float] = {}
        self._times: deque[float] = deque()
        self.held_back = 0
        """Alerts since the last one that was sent."""

    def admits(self, alert: Alert, now_s: float) -> bool:
        """Return whether an alert is to be sent at a time, and take it that it is."""
        while self._times and self._times[0] <= now_s - _HOUR_S:
            self._times.popleft()
        for key in [key for key, at in self._sent.items() if now_s - at >= self._repeat_after_s]:
            del self._sent[key]
        is_full = len(self._times) >= self._per_hour and alert.severity != "critical"
        if alert.key in self._sent or is_full:
            self.held_back += 1
            return False
        self._sent[alert.key] = now_s
        self._times.append(now_s)
        return True
