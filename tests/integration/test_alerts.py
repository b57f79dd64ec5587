"""Alerts of sessions, as a webhook receives them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from test_live import NAME, Bidder, paper, run

from tradecore.cli import main
from tradecore.config.observe import AlertsConfig, AlertTarget
from tradecore.live.runner import Live
from tradecore.observe.alerts import Alerts
from tradecore.observe.observer import Observer
from tradecore.observe.targets import targets_of
from venue_binance import FakeBinance
from venue_live import until

pytestmark = pytest.mark.release

CONFIG = """
[[alerts.targets]]
name = "ops"
variable = "OPS_URL"

[[alerts.targets]]
name = "boss"
variable = "BOSS_URL"
severity = "critical"

[[strategies]]
kind = "touch_maker"
instruments = ["BTCUSDT.BINANCE"]
"""


@contextmanager
def webhook(*, status: int = 200) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that takes messages; yields its address as apprise has it, and what has come."""
    came: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"json://u:hunter2@127.0.0.1:{server.server_address[1]}/hook", came
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_kill_and_a_lost_feed_reach_people_once() -> None:
    targets = (AlertTarget(name="ops", variable="OPS"), AlertTarget(name="boss", variable="BOSS", severity="critical"))
    config = AlertsConfig(targets=targets, feed_gap="300ms")

    async def work(server: FakeBinance) -> None:
        with webhook() as (ops, to_ops), webhook() as (boss, to_boss):

            async def during(live: Live) -> None:
                found = targets_of(config, "f", {"OPS": ops, "BOSS": boss})
                async with Observer(live) as observer:
                    with Alerts(observer, config, found):
                        await until(lambda: live.has_begun)
                        for _ in range(2):
                            live.perform(lambda session, now: session.kernel.kill(now))
                        await until(lambda: to_boss)
                        await server.drop()
                        await until(lambda: any("out of sync" in one["message"] for one in to_ops))
                        await until(lambda: b'alerts_sent_total{severity="critical"} 2.0' in observer.metrics().body)

            await paper(server, during, Bidder("b", [NAME]), session="s1")
            assert [one["title"] for one in to_boss] == ["tradecore s1: critical"]
            assert "kill switch" in to_boss[0]["message"]
            assert sum("kill switch" in one["message"] for one in to_ops) == 1

    run(work)


def test_who_does_not_answer_is_counted_and_holds_up_nobody() -> None:
    config = AlertsConfig(targets=(AlertTarget(name="ops", variable="OPS"),))

    async def work(server: FakeBinance) -> None:
        with webhook(status=500) as (ops, came):

            async def during(live: Live) -> None:
                async with Observer(live) as observer:
                    with Alerts(observer, config, targets_of(config, "f", {"OPS": ops})):
                        await until(lambda: live.has_begun)
                        live.perform(lambda session, now: session.kernel.pause(now))
                        await until(lambda: came)
                        await until(lambda: b'alerts_failed_total{target="ops"} 1.0' in observer.metrics().body)

            await paper(server, during, Bidder("b", [NAME]))

    run(work)


def test_the_command_says_who_took_a_test(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "c.toml"
    file.write_text(CONFIG)
    with webhook() as (ops, to_ops), webhook(status=500) as (boss, to_boss):
        monkeypatch.setenv("OPS_URL", ops)
        monkeypatch.setenv("BOSS_URL", boss)
        assert main(["alerts", "test", "--config", str(file)]) == 1
        said = capsys.readouterr()
        assert said.out.splitlines() == ["ops: taken", "boss: NOT taken"]
        assert "hunter2" not in said.out + said.err
        assert to_ops[0]["type"] == "failure"
        assert main(["alerts", "test", "--config", str(file), "--severity", "warning", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["targets"] == {"ops": True, "boss": None}
        assert (len(to_ops), len(to_boss)) == (2, 1)
    monkeypatch.delenv("OPS_URL")
    assert main(["alerts", "test", "--config", str(file)]) == 2
    assert "alerts.targets.0.variable: OPS_URL is not set" in capsys.readouterr().err
    file.write_text(CONFIG[CONFIG.index("[[strategies]]") :])
    assert main(["alerts", "test", "--config", str(file)]) == 2
    assert "alerts: is not there" in capsys.readouterr().err
