"""Watches a session: samples it in its event loop, and answers in any thread."""

from __future__ import annotations

import asyncio
import logging
import time
from types import TracebackType
from typing import Any, NamedTuple, Self

import orjson
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder

from tradecore.bus import EventBus, Subscription
from tradecore.errors import TradecoreError
from tradecore.histogram import Histogram
from tradecore.live.runner import Live
from tradecore.observe.collector import SampleCollector
from tradecore.observe.health import Health, Thresholds, judge
from tradecore.observe.orders import EventMetrics
from tradecore.observe.sample import Sample, Sampler
from tradecore.version import __version__

__all__ = ["Answer", "Observer"]

_LOG = logging.getLogger("session")
_EVERY_S = 1.0


class Answer(NamedTuple):
    """An answer over HTTP."""

    status: int
    content_type: str
    body: bytes


class Observer:
    """Metrics and health of a session.

    ``async with`` it in the event loop of a session that is connected: it samples the session each second there.
    Everything else may be called from any thread, and asks nothing of the loop, so that it tells when that hangs.

    Parameters
    ----------
    live : Live
    thresholds : Thresholds, optional
        From where on something is wrong.
    """

    def __init__(self, live: Live, thresholds: Thresholds | None = None) -> None:
        self._live = live
        self._thresholds = thresholds or Thresholds()
        self._sampler = Sampler(live)
        self._newest: tuple[Sample | None, float] = (None, time.monotonic())
        self._lag = Histogram()
        self._subscriptions: list[Subscription] = []
        self._task: asyncio.Task[None] | None = None
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._events = EventMetrics(self.registry, self._mid)
        self.registry.register(SampleCollector(lambda: self.sample, self.health, self._lag, __version__))

    async def __aenter__(self) -> Self:
        self._subscriptions = self._events.listen(self._live.events)
        self._take()
        self._task = asyncio.create_task(self._keep(), name="session observer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for subscription in self._subscriptions:
            subscription.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def events(self) -> EventBus:
        """The bus that the session tells of what happens."""
        return self._live.events

    @property
    def name(self) -> str:
        """The session's name."""
        sample = self.sample
        return "" if sample is None else sample.session

    @property
    def sample(self) -> Sample | None:
        """The newest sample; None before the first, and where none could be taken."""
        return self._newest[0]

    def health(self) -> Health:
        """Return how the session is."""
        sample, at = self._newest
        return judge(sample, time.monotonic() - at, self._thresholds, self._live.blocked)

    def metrics(self, accept: str = "") -> Answer:
        """Return all metrics in the format that a client accepts: OpenMetrics, or Prometheus text."""
        encode, content_type = choose_encoder(accept)
        return Answer(200, content_type, encode(self.registry))

    def answer(self, path: str, accept: str = "") -> Answer | None:
        """Answer ``/metrics``, ``/health``, ``/ready`` or ``/live``; None for any other path.

        The last three answer 503 where the session is unhealthy, cannot trade, or hangs.
        """
        if path == "/metrics":
            return self.metrics(accept)
        health = self.health()
        well = {"/health": health.status != "unhealthy", "/ready": health.is_ready, "/live": health.is_live}.get(path)
        if well is None:
            return None
        told = {"success": well, "data": health.to_dict(), "error": None if well else health.problems}
        return Answer(200 if well else 503, "application/json", orjson.dumps(told))

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer as an ASGI application, beside another or mounted in it: the path may lie below where that is."""
        path = scope["path"].removeprefix(scope.get("root_path", "")) or "/metrics"
        accept = dict(scope["headers"]).get(b"accept", b"").decode("latin-1")
        found = self.answer(path if path != "/" else "/metrics", accept)
        status, content_type, body = found or Answer(404, "text/plain", b"not found\n")
        headers = [(b"content-type", content_type.encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _EVERY_S
            await asyncio.sleep(_EVERY_S)
            self._lag.observe(max(loop.time() - due, 0.0))
            self._take()

    def _take(self) -> None:
        try:
            sample = self._sampler.take()
        except TradecoreError as error:  # a session that has ended, or an amount beyond exact money
            _LOG.warning("no sample: %s", error)
            sample = None
        self._newest = sample, time.monotonic()

    def _mid(self, instrument: str) -> float | None:
        for line in self._live.lines:
            if instrument in line.heard:
                return line.book(instrument).mid
        return None
