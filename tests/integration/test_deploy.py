"""What ``deploy/`` and the image hold: files that fit each other and the metrics there are, and an entry point that runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from test_live import NAME, Bidder, paper, run

from conftest import ROOT
from tradecore.config import load_config
from tradecore.config.observe import AlertsConfig, AlertTarget
from tradecore.live.runner import Live
from tradecore.observe.alerts import Alerts
from tradecore.observe.observer import Observer
from tradecore.observe.targets import targets_of
from venue_binance import FakeBinance
from venue_live import until

pytestmark = pytest.mark.release

DEPLOY = ROOT / "deploy"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
RULES: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboards" / "tradecore.json").read_text())
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",), "info": ("_info",)}


def expressions() -> Iterator[str]:
    for group in RULES["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def instruction(word: str) -> str:
    """The last instruction of its kind, lines that go on joined."""
    lines = DOCKERFILE.replace("\\\n", " ").splitlines()
    return [line.removeprefix(word).strip() for line in lines if line.startswith(f"{word} ")][-1]


def test_every_metric_that_is_named_exists() -> None:
    found: dict[str, set[str]] = {}
    named: set[str] = set()

    async def work(server: FakeBinance) -> None:
        config = AlertsConfig(targets=(AlertTarget(name="ops", variable="OPS"),))

        async def during(live: Live) -> None:
            async with Observer(live) as observer:
                with Alerts(observer, config, targets_of(config, "f", {"OPS": "json://127.0.0.1:9"})):
                    await until(lambda: observer.health().is_ready)
                    for family in open_metrics(observer.metrics("application/openmetrics-text").body.decode()):
                        for suffix in SUFFIXES[family.type]:
                            labels = (set(sample.labels) for sample in family.samples)
                            found[family.name + suffix] = set().union(*labels)
                        named.add(family.name + (SUFFIXES[family.type][0] if family.type != "histogram" else ""))

        await paper(server, during, Bidder("b", [NAME]))

    run(work)
    every = list(expressions())
    assert len(every) > 50
    for expression in every:
        bare = re.sub(r"by \([^)]*\)|\{[^}]*\}|\[[^]]*\]", "", expression)
        names = {name for name in re.findall(r"[a-z]\w*_\w+", bare) if name != "histogram_quantile"}
        assert names or bare.startswith("up")
        assert names <= set(found), f"{names - set(found)} in {expression}"
        (labels,) = re.findall(r"\{(\w+)", expression) or [None]
        for name in names:
            assert labels is None or not found[name] or labels in found[name], expression
    page = (ROOT / "docs" / "pages" / "observability.md").read_text()
    for name in named:
        told = f"`{name}`" in page or f"`_{name.partition('orders_')[2]}`" in page
        assert told or name.startswith(("process_", "python_")), name


def test_rules_and_configuration_of_prometheus_are_valid() -> None:
    names = [rule["alert"] for group in RULES["groups"] for rule in group["rules"]]
    assert len(names) == len(set(names)) > 10
    for group in RULES["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in ("warning", "critical")
            assert rule["annotations"]["summary"]
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian's package prometheus has it)")
    for what, file in (("rules", "rules.yml"), ("config", "prometheus.yml")):
        checked = subprocess.run(
            ["promtool", "check", what, str(DEPLOY / "prometheus" / file)], capture_output=True, text=True
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_files_of_compose_fit_each_other() -> None:
    services = COMPOSE["services"]
    port, of_metrics = re.search(r" PORT=(\d+)", DOCKERFILE), re.search(r" METRICS_PORT=(\d+)", DOCKERFILE)
    assert port is not None
    assert of_metrics is not None
    engine = services["engine"]
    assert engine["ports"] == [f"127.0.0.1:{port[1]}:{port[1]}"], "metrics ask nobody who they are"
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    assert [target for job in scraped for one in job["static_configs"] for target in one["targets"]] == [
        f"engine:{of_metrics[1]}"
    ]
    assert (engine["read_only"], engine["cap_drop"]) == (True, ["ALL"])
    for service in services.values():
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            is_there = (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
            assert is_there, volume
        for published in service.get("ports", ()):
            assert published.startswith("127.0.0.1:"), "nothing is open to other machines"
        for value in service.get("environment", {}).values():
            assert "PASSWORD" not in str(value) or "${" in str(value), "no password in a file"
    config, _ = load_config(DEPLOY / "engine-postgres.toml")
    user, host = services["postgres"]["environment"]["POSTGRES_USER"], "postgres"
    assert config.mode.store == f"postgresql://{user}@{host}/{services['postgres']['environment']['POSTGRES_DB']}"
    assert config.server is not None
    assert config.server.database == config.mode.store
    assert not config.server.open_reads
    assert (
        services["grafana"]["volumes"][1].split(":")[1]
        in (DEPLOY / "grafana" / "provisioning" / "dashboards" / "tradecore.yaml").read_text()
    )


def test_the_image_runs_as_nobody_and_copies_what_is_there() -> None:
    assert instruction("USER").isdigit()
    assert int(instruction("USER")) > 0
    assert instruction("WORKDIR") == "/data" == instruction("VOLUME")
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert all((ROOT / path).exists() for path in kept)
    assert {"Cargo.lock", "pyproject.toml", "python", "rust", "benches/rust", "deploy/engine.toml"} <= kept
    assert "deploy/engine.toml /etc/tradecore/engine.toml" in DOCKERFILE
    extras = re.search(r"whl\)\[([a-z,]+)\]", DOCKERFILE)
    assert extras is not None
    manifest = (ROOT / "pyproject.toml").read_text()
    assert all(re.search(rf"(?m)^{extra} = ", manifest) for extra in extras[1].split(","))


def test_the_entry_point_and_health_check_of_the_image_work(tmp_path: Path) -> None:
    with socket.socket() as free, socket.socket() as other:
        for each in (free, other):
            each.bind(("127.0.0.1", 0))
        port, of_metrics = (str(each.getsockname()[1]) for each in (free, other))
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "tradecore").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tradecore "$@"\n')
    (bin_folder / "tradecore").chmod(0o755)
    (bin_folder / "python").symlink_to(sys.executable)
    environment = {
        **os.environ,
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "PORT": port,
        "METRICS_PORT": of_metrics,
        "TRADECORE_CONFIG": str(DEPLOY / "engine.toml"),
    }
    data = tmp_path / "data"
    data.mkdir()
    check = json.loads(instruction("HEALTHCHECK").partition("CMD ")[2])

    def health() -> int:
        return subprocess.run(check, env=environment, capture_output=True, timeout=100).returncode

    assert health() != 0, "nobody is there yet"
    pipe = subprocess.PIPE
    session = subprocess.Popen(json.loads(instruction("CMD")), cwd=data, env=environment, stdout=pipe, stderr=pipe)
    try:
        until_s = time.monotonic() + 60
        while not is_ready(port):
            assert session.poll() is None, session.communicate()
            assert time.monotonic() < until_s
            time.sleep(0.1)
        assert health() == 0
        assert "<title>" in httpx.get(f"http://127.0.0.1:{port}/", timeout=60).text
        prices = f"http://127.0.0.1:{port}/api/v1/prices"
        assert httpx.get(prices, timeout=60).status_code == 401, "whoever reaches the port has to say who they are"
        add = ["sh", "-c", 'tradecore user add ada --role admin --config "$TRADECORE_CONFIG"']
        token = subprocess.run(add, cwd=data, env=environment, capture_output=True, text=True, check=True).stdout
        assert httpx.get(prices, headers={"Authorization": f"Bearer {token.strip()}"}, timeout=60).status_code == 200
        assert "risk_drawdown" in httpx.get(f"http://127.0.0.1:{of_metrics}/metrics", timeout=60).text
        session.send_signal(signal.SIGTERM)
        out, err = session.communicate(timeout=60)
    finally:
        session.kill()
        session.wait()
    assert session.returncode == 0, "the signal reached the session, which ended in order"
    assert b"digest" in out
    assert all(json.loads(line)["level"] for line in err.splitlines())
    assert {path.name for path in data.iterdir()} == {"journal", "tradecore.db"}


def is_ready(port: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=60) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False
