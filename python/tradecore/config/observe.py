"""What a configuration says of what a session shows of itself: logs, metrics, alerts."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, field_validator

from tradecore.config.levels import parse_levels
from tradecore.config.sections import Section
from tradecore.config.texts import IntervalText
from tradecore.errors import InvalidValueError

__all__ = ["AlertTarget", "AlertsConfig", "LogConfig", "MetricsConfig", "Severity", "log_config"]

Severity: TypeAlias = Literal["info", "warning", "critical"]
"""How much an alert matters."""

_LEVEL_VARIABLE = "TRADECORE_LOG"


def _are_levels(text: str) -> str:
    try:
        parse_levels(text)
    except InvalidValueError as error:
        raise ValueError(error.problem) from None
    return text


class LogConfig(Section):
    """What is logged, and how; the environment's ``TRADECORE_LOG`` goes before ``level``."""

    level: Annotated[str, AfterValidator(_are_levels)] = "info"
    """A level, ``trace`` to ``error`` or ``off``, then levels of modules, such as ``info,market_data=debug``."""
    format: Literal["text", "json"] = "text"
    """Lines for people, or an object of JSON a line."""
    file: str | None = None
    """File that is appended to; stderr if not given."""


def log_config(config: LogConfig | None, environment: Mapping[str, str] = os.environ) -> LogConfig | None:
    """Return what is to be logged: as configured, at the level that the environment says; None if neither says so.

    Raises
    ------
    InvalidValueError
        For a level that is none.
    """
    level = environment.get(_LEVEL_VARIABLE, "").strip()
    if not level:
        return config
    try:
        parse_levels(level)
    except InvalidValueError as error:
        raise InvalidValueError(_LEVEL_VARIABLE, error.problem) from None
    return (config or LogConfig()).model_copy(update={"level": level})


class MetricsConfig(Section):
    """Where a session answers for metrics and health, and from where on something is wrong."""

    port: Annotated[int, Field(ge=0, le=65_535, strict=True)] = 9091
    """Port of ``/metrics``, ``/health``, ``/ready`` and ``/live``; 0 for a free one."""
    host: str = "127.0.0.1"
    """Address it listens at. Metrics tell of positions and profit, and ask nobody who they are."""
    max_feed_age: IntervalText = "30s"
    """How long an instrument may be silent in a session that is well."""
    max_journal_lag: IntervalText = "10s"
    """How long records may wait to be written."""


class AlertTarget(Section):
    """Who is alerted."""

    name: str
    """What it is called in messages."""
    variable: Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]
    """The variable of the environment that holds its address as apprise has it, such as ``slack://...``: addresses
    hold secrets, so a file names them and does not have them."""
    severity: Severity = "warning"
    """The least severity that it is told of."""


class AlertsConfig(Section):
    """Who is told when something goes wrong, and how often."""

    targets: Annotated[tuple[AlertTarget, ...], Field(min_length=1)]
    """Who is told."""
    repeat_after: IntervalText = "15m"
    """The same alert is not sent again before."""
    per_hour: Annotated[int, Field(ge=1, strict=True)] = 30
    """How many are sent in an hour at most; what is critical goes beyond it."""
    feed_gap: IntervalText = "10s"
    """How long a book may be out of sync before that is an alert."""
    limit_use: Annotated[float, Field(gt=0, le=1)] = 0.8
    """The part of a limit from which on its use is an alert."""

    @field_validator("targets")
    @classmethod
    def _distinct(cls, configured: tuple[AlertTarget, ...]) -> tuple[AlertTarget, ...]:
        for name, times in Counter(one.name for one in configured).items():
            if times > 1:
                raise ValueError(f"{name!r} is there twice")
        return configured
