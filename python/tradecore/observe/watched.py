"""What watches a session as its configuration says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tradecore._core import parse_duration
from tradecore.config import BacktestConfig
from tradecore.config.observe import MetricsConfig
from tradecore.live.runner import Live
from tradecore.observe.extra import needs
from tradecore.observe.health import Thresholds

__all__ = ["watched"]


@asynccontextmanager
async def watched(live: Live, config: BacktestConfig, source: str) -> AsyncIterator[str | None]:
    """Serve metrics and health of a session that is connected, for as long as the block runs; yields where.

    Raises
    ------
    ConfigError
        For what needs a package that is not installed.
    RunError
        When the port is taken.
    """
    if config.metrics is None:
        yield None
        return
    needs("prometheus_client", "server", source, "metrics")
    from tradecore.observe.endpoint import Endpoint
    from tradecore.observe.observer import Observer

    async with Observer(live, _thresholds(config.metrics)) as observer:
        with Endpoint(observer, config.metrics.port, config.metrics.host) as endpoint:
            yield endpoint.url


def _thresholds(config: MetricsConfig) -> Thresholds:
    return Thresholds(
        feed_age_s=parse_duration(config.max_feed_age) / 1e9,
        journal_lag_s=parse_duration(config.max_journal_lag) / 1e9,
    )
