"""Who is alerted, by what apprise can reach: mail, Slack, Telegram, webhooks and a hundred others."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass

import apprise

from tradecore.config.observe import AlertsConfig, Severity
from tradecore.errors import ConfigError

__all__ = ["Target", "targets_of"]

# It tells addresses, which hold secrets; who did not take an alert is said here.
logging.getLogger("apprise").disabled = True

_RANK: Mapping[Severity, int] = {"info": 0, "warning": 1, "critical": 2}
_TYPES = {
    "info": apprise.NotifyType.INFO,
    "warning": apprise.NotifyType.WARNING,
    "critical": apprise.NotifyType.FAILURE,
}


@dataclass(frozen=True, slots=True)
class Target:
    """Somebody who is told of alerts from a severity on. A repr holds no address."""

    name: str
    severity: Severity
    _client: apprise.Apprise

    def wants(self, severity: Severity) -> bool:
        """Return whether alerts of a severity go there."""
        return _RANK[severity] >= _RANK[self.severity]

    def send(self, severity: Severity, title: str, body: str) -> bool:
        """Send a message, and return whether it was taken. It waits for the network."""
        return bool(self._client.notify(body=body, title=title, notify_type=_TYPES[severity]))


def targets_of(config: AlertsConfig, source: str, environment: Mapping[str, str] = os.environ) -> list[Target]:
    """Return the targets of a configuration, with the addresses that the environment has.

    Raises
    ------
    ConfigError
        For a variable that is not set, or holds no address; the message does not show it.
    """
    return [
        Target(target.name, target.severity, _client(environment, target.variable, source, index))
        for index, target in enumerate(config.targets)
    ]


def _client(environment: Mapping[str, str], variable: str, source: str, index: int) -> apprise.Apprise:
    key = f"alerts.targets.{index}.variable"
    address = environment.get(variable, "").strip()
    if not address:
        raise ConfigError(source, key, f"{variable} is not set in the environment")
    client = apprise.Apprise()
    if not client.add(address):
        raise ConfigError(source, key, f"{variable} holds no address that apprise knows")
    return client
