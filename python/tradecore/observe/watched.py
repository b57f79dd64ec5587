"""What watches a session as its configuration says."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

from tradecore._core import parse_duration
from tradecore.config import BacktestConfig
from tradecore.config.observe import MetricsConfig, log_config
from tradecore.live.runner import Live
from tradecore.observe.extra import needs
from tradecore.observe.health import Thresholds

if TYPE_CHECKING:
    from tradecore.observe.observer import Observer

__all__ = ["logging_as", "watched"]


def logging_as(config: BacktestConfig | None, source: str) -> AbstractContextManager[None]:
    """Return what logs while a block runs, as a configuration and the environment say.

    Raises
    ------
    ConfigError
        For logs that need a package that is not installed, or a file that cannot be written.
    InvalidValueError
        For a level that is none.
    """
    wanted = log_config(None if config is None else config.log)
    if wanted is None:
        return nullcontext()
    needs("structlog", "live", source, "log")
    from tradecore.observe.logs import logged

    alerts = None if config is None else config.alerts
    names = [target.variable for target in alerts.targets] if alerts else []
    return logged(wanted, source, {name: os.environ[name] for name in names if name in os.environ})


@asynccontextmanager
async def watched(live: Live, config: BacktestConfig, source: str) -> AsyncIterator[tuple[Observer | None, str | None]]:
    """Log, measure and watch a session that is connected while the block runs.

    It yields what observes the session, where anybody asks for that, and where its metrics are.

    Raises
    ------
    ConfigError
        For what needs a package that is not installed, targets of alerts that the environment does not have, and a port
        that is taken.
    """
    async with AsyncExitStack() as stack:
        if log_config(config.log) is not None:
            from tradecore.observe.eventlog import events_logged

            stack.enter_context(events_logged(live.events, live.state.session))
        asks = [name for name in ("metrics", "alerts", "server") if getattr(config, name) is not None]
        if not asks:
            yield None, None
            return
        needs("prometheus_client", "server", source, asks[0])
        from tradecore.observe.endpoint import Endpoint
        from tradecore.observe.observer import Observer

        observer = await stack.enter_async_context(Observer(live, _thresholds(config.metrics or MetricsConfig())))
        if config.alerts is not None:
            needs("apprise", "alerts", source, "alerts")
            from tradecore.observe.alerts import Alerts
            from tradecore.observe.targets import targets_of

            stack.enter_context(Alerts(observer, config.alerts, targets_of(config.alerts, source)))
        if config.metrics is None:
            yield observer, None
            return
        endpoint = stack.enter_context(Endpoint(observer, config.metrics.port, config.metrics.host, source))
        yield observer, endpoint.url


def _thresholds(config: MetricsConfig) -> Thresholds:
    return Thresholds(
        feed_age_s=parse_duration(config.max_feed_age) / 1e9,
        journal_lag_s=parse_duration(config.max_journal_lag) / 1e9,
    )
