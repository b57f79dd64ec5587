"""Alerts of a session: what happens and what lasts, judged and sent in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from prometheus_client import Counter

from tradecore._core import parse_duration
from tradecore.bus import EventQueue
from tradecore.config.observe import AlertsConfig
from tradecore.observe.alerting import EVENTS, Alert, Conditions, Policy, alert_of
from tradecore.observe.observer import Observer
from tradecore.observe.targets import Target

__all__ = ["Alerts"]

_LOG = logging.getLogger("alerts")
_EVERY_S = 0.5
_QUEUED = 1_000
_PATIENCE_S = 20.0
"""How long the end of a session waits for the last messages."""


class Alerts:
    """Tells people what they have to know of a session, to be used as a context around it.

    Its thread watches the observer, and so the event loop, from outside. A target that does not answer holds up other
    alerts, never the session.

    Parameters
    ----------
    observer : Observer
    config : AlertsConfig
    targets : sequence of Target
    """

    def __init__(self, observer: Observer, config: AlertsConfig, targets: Sequence[Target]) -> None:
        self._observer = observer
        self._targets = targets
        self._conditions = Conditions(config, parse_duration(config.feed_gap) / 1e9)
        self._policy = Policy(parse_duration(config.repeat_after) / 1e9, config.per_hour)
        self._over = threading.Event()
        registry = observer.registry
        self._sent = Counter(
            "tradecore_alerts_sent", "Messages to targets that were taken.", ("severity",), registry=registry
        )
        self._failed = Counter(
            "tradecore_alerts_failed", "Messages that were not taken.", ("target",), registry=registry
        )
        self._held = Counter("tradecore_alerts_held_back", "Alerts that were not sent.", registry=registry)
        for target in targets:
            self._failed.labels(target.name)

    def __enter__(self) -> Self:
        self._queue: EventQueue = self._observer.events.queue(EVENTS, size=_QUEUED, policy="drop_newest")
        self._thread = threading.Thread(target=self._keep, name="tradecore-alerts", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(_PATIENCE_S)
        self._queue.close()

    def _keep(self) -> None:
        while not self._over.wait(_EVERY_S):
            self._look()
        self._tell_events()

    def _look(self) -> None:
        self._tell_events()
        now = time.monotonic()
        for alert in self._conditions.look(self._observer.sample, self._observer.health(), now):
            self._tell(alert)

    def _tell_events(self) -> None:
        for event in self._queue:
            if (alert := alert_of(event)) is not None:
                self._tell(alert)

    def _tell(self, alert: Alert) -> None:
        held_back = self._policy.held_back
        if not self._policy.admits(alert, time.monotonic()):
            self._held.inc()
            return
        self._policy.held_back = 0
        session = self._observer.name
        body = alert.text + (f"\n{held_back} others were held back" if held_back else "")
        _LOG.warning("Alert %s: %s", alert.severity, alert.text)
        for target in self._targets:
            if target.wants(alert.severity):
                if target.send(alert.severity, f"tradecore {session}: {alert.severity}", body):
                    self._sent.labels(alert.severity).inc()
                else:
                    self._failed.labels(target.name).inc()
                    _LOG.error("Alert not taken by %s: %s", target.name, alert.text)
