"""Metrics and health of sessions, as a scraper and an orchestrator see them."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as prometheus_text
from test_live import NAME, Bidder, Failing, paper, run, trade

import tradecore as tc
from tradecore.errors import ConfigError, RunError, StrategyError
from tradecore.live.runner import Live
from tradecore.observe.endpoint import Endpoint
from tradecore.observe.health import Thresholds
from tradecore.observe.observer import Observer
from venue_binance import FakeBinance
from venue_live import until

pytestmark = pytest.mark.release

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"


class Taker(tc.Strategy):
    """Buys once at any price, and once more than it may."""

    def on_start(self, ctx: tc.Context) -> None:
        self.filled = 0
        ctx.every("20ms", self.buy)

    def buy(self, ctx: tc.Context) -> None:
        if ctx.book(NAME).is_synced and not self.filled and not ctx.orders(NAME):
            ctx.buy(NAME, "0.01")
            ctx.buy(NAME, "5")

    def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
        self.filled += 1


def get(url: str, accept: str = "") -> tuple[int, str, str]:
    request = urllib.request.Request(url, headers={"accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers["content-type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["content-type"], error.read().decode()


def values(text: str) -> dict[tuple[str, ...], float]:
    """Samples by their names and the values of their labels, in the order of the labels' names."""
    samples = [sample for family in open_metrics(text) for sample in family.samples]
    return {(one.name, *(value for _, value in sorted(one.labels.items()))): one.value for one in samples}


def test_metrics_and_health_of_a_session(tmp_path: Path) -> None:
    taker = Taker("t", [NAME])
    found: dict[str, Any] = {}

    async def work(server: FakeBinance) -> None:
        async def during(live: Live) -> None:
            async with Observer(live) as observer:
                assert not observer.health().is_ready
                with Endpoint(observer, 0) as endpoint:
                    await until(lambda: live.has_begun and taker.filled and observer.health().is_ready)
                    trade(server, "60000.20", "2")
                    await until(lambda: observer.sample and observer.sample.markets[NAME].traded_qty == 2)
                    asking = asyncio.to_thread
                    for path in ("metrics", "health", "ready", "live", "nothing"):
                        found[path] = await asking(get, f"{endpoint.url}/{path}")
                    found["open"] = await asking(get, f"{endpoint.url}/metrics", OPEN_METRICS)

        limits = tc.RiskLimits(max_order_qty="1")
        await paper(server, during, taker, journal=tmp_path, risk=limits, session="s1")

    run(work)
    assert found["nothing"][0] == 404
    status, _, text = found["health"]
    health = json.loads(text)
    assert (status, health["success"], health["data"]["status"], health["error"]) == (200, True, "healthy", None)
    assert {check["name"] for check in health["data"]["checks"]} >= {"loop", "feeds", "journal", "trading"}
    assert (found["ready"][0], found["live"][0]) == (200, 200)
    status, kind, text = found["metrics"]
    assert (status, kind.partition(";")[0]) == (200, "text/plain")
    assert len(list(prometheus_text(text))) > 60
    if shutil.which("promtool"):
        linted = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        assert linted.returncode in (0, 3), linted.stderr  # 3: only its taste in names
    status, kind, text = found["open"]
    assert kind.startswith("application/openmetrics-text")
    seen = values(text)
    assert seen["tradecore_session_info", "paper", "s1", tc.__version__] == 1
    assert seen["market_data_book_state", NAME, "synced"] == 1
    assert seen["market_data_price", NAME, "ask"] == 60000.2
    assert seen["market_data_volume_total", NAME] == 2
    assert seen["market_data_ticks_received_total", "BINANCE"] >= seen["market_data_ticks_processed_total", NAME] > 0
    assert seen["market_data_processing_latency_seconds_count", "BINANCE"] > 0
    assert seen["execution_orders_submitted_total", "t"] == 1
    assert seen["execution_orders_filled_total", "t"] == 1
    assert seen["execution_orders_rejected_total", "t"] == 1
    assert seen["execution_fills_total", "taker", "t"] == 1
    assert seen["execution_slippage_bps_count", "t"] == 1
    assert seen["execution_slippage_bps_sum", "t"] == pytest.approx((60000.2 / 60000.15 - 1) * 1e4)
    assert seen["execution_time_seconds_count", "t"] == 1
    assert seen["execution_last_fill_price", NAME] == 60000.2
    assert seen["execution_api_calls_total", "answered", "BINANCE"] > 0
    assert seen["risk_limit_breaches_total", "max_order_qty"] == 1
    assert seen["risk_position_checks_total",] == 2
    assert seen["risk_position_size", NAME, "t"] == 0.01
    assert seen["risk_total_exposure", "USDT"] == pytest.approx(600.001)
    assert seen["risk_pnl_net", "USDT"] < 0
    assert seen["risk_max_drawdown", "USDT"] >= seen["risk_drawdown", "USDT"] > 0
    assert seen["tradecore_journal_written_bytes_total",] > 0
    assert len(seen) < 600, "labels are few"


def test_a_failure_a_lost_feed_and_a_kill_show() -> None:
    async def work(server: FakeBinance) -> None:
        async def during(live: Live) -> None:
            async with Observer(live) as observer:
                await until(lambda: observer.health().is_ready)
                live.perform(lambda session, now: session.kernel.kill(now))
                # Until its order is cancelled it is reducing.
                await until(lambda: {c.name: c.detail for c in observer.health().checks}["trading"] == "b is halted")
                checks = {check.name: check for check in observer.health().checks}
                assert not observer.health().is_ready
                assert checks["feeds"].status == "healthy"
                assert observer.health().is_live
                await server.drop()
                await until(lambda: {c.name: c.status for c in observer.health().checks}["feeds"] == "unhealthy")
                answer = observer.answer("/health")
                assert answer is not None
                assert answer.status == 503
                assert f"{NAME} is " in json.loads(answer.body)["error"]

        await paper(server, during, Bidder("b", [NAME]))

    run(work)


def test_silence_is_no_health_though_the_book_stands() -> None:
    async def work(server: FakeBinance) -> None:
        async def during(live: Live) -> None:
            async with Observer(live, Thresholds(feed_age_s=0.5)) as observer:
                await until(lambda: any("silent" in check.detail for check in observer.health().checks))

        await paper(server, during, Bidder("b", [NAME]))

    run(work)


def test_a_loop_that_hangs_is_not_live_and_says_so_meanwhile() -> None:
    async def work(server: FakeBinance) -> None:
        async def during(live: Live) -> None:
            async with Observer(live, Thresholds(stall_s=0.5)) as observer:
                with Endpoint(observer, 0) as endpoint:
                    statuses: list[int] = []

                    def ask() -> None:
                        while len(statuses) < 400 and 503 not in statuses:
                            statuses.append(get(f"{endpoint.url}/live")[0])
                            time.sleep(0.02)

                    asking = threading.Thread(target=ask)
                    asking.start()
                    asking.join()  # the event loop hangs on purpose
                    assert 503 in statuses

        await paper(server, during, Bidder("b", [NAME]))

    run(work)


def test_a_session_that_has_ended_is_alive_and_not_ready() -> None:
    async def work(server: FakeBinance) -> None:
        observers: list[Observer] = []

        async def during(live: Live) -> None:
            async with Observer(live) as observer:
                await until(lambda: observer.health().is_ready)
                observers.append(observer)
                live.session.kernel.finish()
                await until(lambda: observer.sample is None)
                assert observer.health().is_live
                assert not observer.health().is_ready
                assert b"tradecore_ready 0.0" in observer.metrics().body

        with pytest.raises(RunError):
            await paper(server, during, Bidder("b", [NAME]))
        assert observers

    run(work)


def test_a_session_that_fails_counts() -> None:
    async def work(server: FakeBinance) -> None:
        async def during(live: Live) -> None:
            async with Observer(live) as observer:
                await until(lambda: live.has_begun)
                trade(server, "59999.90", "50")
                await until(lambda: not live.has_begun)
                seen = values(observer.metrics(OPEN_METRICS).body.decode())
                assert seen["tradecore_session_failures_total",] == 1
                assert seen["tradecore_errors_total", "strategy"] == 1
                failed: Callable[[], object] = lambda: values(observer.metrics(OPEN_METRICS).body.decode())[  # noqa: E731
                    "tradecore_strategy_failed", "f"
                ]
                await until(failed)

        with pytest.raises(StrategyError):
            await paper(server, during, Failing("f", [NAME]))

    run(work)


def test_a_port_that_is_taken_is_an_error() -> None:
    async def work(server: FakeBinance) -> None:
        async def during(live: Live) -> None:
            async with Observer(live) as observer:
                with Endpoint(observer, 0) as first:
                    port = int(first.url.rpartition(":")[2])
                    with pytest.raises(
                        ConfigError, match=rf"metrics\.port: 127\.0\.0\.1:{port} cannot be listened on: "
                    ):
                        Endpoint(observer, port, source="session.toml")

        await paper(server, during, Bidder("b", [NAME]))

    run(work)


def test_the_asgi_application_answers_where_it_is_mounted() -> None:
    async def work(server: FakeBinance) -> None:
        async def during(live: Live) -> None:
            async with Observer(live) as observer:

                async def ask(path: str, root: str = "") -> tuple[int, bytes]:
                    sent: list[dict[str, Any]] = []

                    async def send(message: dict[str, Any]) -> None:
                        sent.append(message)

                    headers = [(b"accept", OPEN_METRICS.encode())]
                    await observer.asgi({"path": path, "root_path": root, "headers": headers}, None, send)
                    return sent[0]["status"], sent[1]["body"]

                assert (await ask("/metrics", "/metrics"))[1].endswith(b"# EOF\n")
                assert (await ask("/live"))[0] == 200
                assert (await ask("/other"))[0] == 404

        await paper(server, during, Bidder("b", [NAME]))

    run(work)
