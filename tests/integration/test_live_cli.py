"""``tradecore paper``, ``live`` and ``replay``, as a user runs them."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from conftest import ROOT, cli
from tradecore.live.journal import JournalReader, JournalWriter, RecordKind
from tradecore.venues.clock import SystemClock
from venue_binance import FakeBinance

pytestmark = pytest.mark.release

STRATEGY = """
import tradecore as tc

class Bidder(tc.Strategy):
    def on_start(self, ctx):
        ctx.every("20ms", self.quote)

    def quote(self, ctx):
        book = ctx.book(self.instruments[0])
        if book.is_synced and not ctx.orders(self.instruments[0]):
            ctx.buy(self.instruments[0], "0.01", book.best_bid, post_only=True)
"""
CONFIG = """
[mode]
journal = "journal"
session = "s1"

[[mode.connections]]
venue = "BINANCE"
url = "{url}"

[[strategies]]
kind = "bidder.py:Bidder"
instruments = ["BTCUSDT.BINANCE"]
"""


async def tradecore(folder: Path, *words: str) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "tradecore", *words]
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=pipe, stderr=pipe)


async def done(folder: Path, *words: str) -> tuple[int, str, str]:
    process = await tradecore(folder, *words)
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


def run(folder: Path, work: Callable[[FakeBinance], Awaitable[None]]) -> None:
    async def begin() -> None:
        server = FakeBinance("BINANCE", SystemClock())
        async with server.running():
            (folder / "bidder.py").write_text(STRATEGY)
            (folder / "session.toml").write_text(CONFIG.format(url=server.url))
            moving = asyncio.create_task(move(server))
            await work(server)
            moving.cancel()

    asyncio.run(begin())


async def move(server: FakeBinance) -> None:
    while True:
        server.depth({"60000.10": "1", "59999.00": "4"}, {"60000.20": "2"})
        await asyncio.sleep(0.05)


def with_states(journal: Path, to: Path) -> None:
    """Write a journal anew with a state behind each record: who does not go on from one leaves them out."""
    reader = JournalReader(journal)
    with JournalWriter(to, {key: value for key, value in reader.header.items() if key != "version"}) as fresh:
        for record in reader:
            if record.kind is not RecordKind.HEADER:
                fresh._append(record.kind, record.data)
                fresh.state(b"a state")


def test_a_paper_session_and_its_replay(tmp_path: Path) -> None:
    async def work(server: FakeBinance) -> None:
        words = ("paper", "--config", "session.toml", "--duration", "3s", "--json")
        code, out, err = await done(tmp_path, *words)
        assert code == 0, err
        summary = json.loads(out)
        assert (summary["session"], summary["mode"], summary["fills"]) == ("s1", "paper", 0)
        assert summary["orders"] == 1
        code, out, err = await done(tmp_path, "replay", "journal/s1", "--json")
        assert code == 0, err
        again = json.loads(out)
        assert again["faithful"]
        assert (again["digest"], again["commands"]) == (summary["digest"], 1)
        with_states(tmp_path / "journal" / "s1", tmp_path / "stated")
        code, out, err = await done(tmp_path, "replay", "stated", "--json")
        assert code == 0, err
        assert json.loads(out) == again
        code, out, _ = await done(tmp_path, "replay", "journal/s1", "--step")
        assert "Bidder: buy 0.010 BTCUSDT.BINANCE" in out
        code, out, err = await done(tmp_path, "replay", "journal/s1", "--until", "2020-01-01")
        assert (code, out) == (2, "")
        assert "until: the first input of journal/s1 is of 20" in err
        code, _, err = await done(tmp_path, "replay", "journal/s1", "--until", "tomorrow")
        assert "--until: expected ISO 8601 or ns UTC, got 'tomorrow'" in err
        code, out, err = await done(tmp_path, "replay", "journal/s1", "--verify", "--json")
        assert (code, json.loads(out)["ended"]) == (0, True), err
        shutil.copytree(tmp_path / "journal" / "s1", tmp_path / "cut")
        segment = tmp_path / "cut" / "000001.tcj"
        segment.write_bytes(segment.read_bytes()[:-5])
        code, out, _ = await done(tmp_path, "replay", "cut", "--json")
        assert (code, json.loads(out)["faithful"], json.loads(out)["ended"]) == (0, True, False)
        code, _, _ = await done(tmp_path, "replay", "cut", "--verify")
        assert code == 1

    run(tmp_path, work)


def test_another_strategy_does_not_decide_the_same(tmp_path: Path) -> None:
    async def work(server: FakeBinance) -> None:
        code, _, err = await done(tmp_path, "paper", "--config", "session.toml", "--duration", "3s", "--json")
        assert code == 0, err
        (tmp_path / "bidder.py").write_text(STRATEGY.replace('"0.01"', '"0.02"'))
        code, out, _ = await done(tmp_path, "replay", "journal/s1", "--json")
        assert code == 1
        assert not json.loads(out)["faithful"]
        assert json.loads(out)["diverged"]

    run(tmp_path, work)


def test_a_signal_ends_a_session_in_order(tmp_path: Path) -> None:
    async def work(server: FakeBinance) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            process = await tradecore(
                tmp_path, "paper", "--config", "session.toml", "--journal", f"j{number}", "--quiet"
            )
            async with asyncio.timeout(60):
                while not server.sockets:  # noqa: ASYNC110 - the session's own connection
                    await asyncio.sleep(0.02)
                await asyncio.sleep(1)
                process.send_signal(number)
                out, err = await process.communicate()
            assert process.returncode == 0, err.decode()
            assert b"session     s1" in out
            async with asyncio.timeout(60):
                while server.sockets:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)

    run(tmp_path, work)


def test_real_orders_are_asked_for_twice(tmp_path: Path) -> None:
    async def work(server: FakeBinance) -> None:
        code, _, err = await done(tmp_path, "live", "--config", "session.toml", "--real-orders")
        assert (code, err) == (
            2,
            "error: session.toml: mode.live: is not true, so this file sends no real orders\n",
        )
        path = tmp_path / "session.toml"
        path.write_text(path.read_text().replace("[mode]", "[mode]\nlive = true"))
        code, _, err = await done(tmp_path, "live", "--config", "session.toml")
        assert (code, err) == (2, "error: session.toml: mode.live: goes with --real-orders on the command line\n")
        assert server.seen == []

    run(tmp_path, work)


def test_a_venue_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    async def work(server: FakeBinance) -> None:
        path = tmp_path / "session.toml"
        path.write_text(path.read_text().replace(server.url, "http://127.0.0.1:9"))
        code, _, err = await done(tmp_path, "paper", "--config", "session.toml", "--quiet")
        assert code in (1, 2)
        assert err.startswith("error: ")
        assert err.count("\n") == 1

    run(tmp_path, work)


@pytest.mark.parametrize("venue", ["BINANCE", "BYBIT", "COINBASE"])
def test_the_example_trades_on_a_server_of_our_own_and_is_decided_again(tmp_path: Path, venue: str) -> None:
    async def work() -> None:
        text = (ROOT / "examples" / "paper.toml").read_text().replace("BINANCE", venue)
        if venue == "COINBASE":
            text = text.replace("BTCUSDT", "BTC-USD")
        (tmp_path / "session.toml").write_text(text)
        words = ("paper", "--config", "session.toml", "--duration", "3s", "--json")
        code, out, err = await done(tmp_path, *words)
        assert code == 0, err
        summary = json.loads(out)
        assert summary["orders"] > (1 if venue == "COINBASE" else 2), "there orders are amended"
        code, out, err = await done(tmp_path, "replay", f"journal/{summary['session']}", "--json")
        assert code == 0, err
        assert json.loads(out)["digest"] == summary["digest"]

    asyncio.run(work())


def test_a_sandbox_takes_no_real_orders(tmp_path: Path) -> None:
    async def work() -> None:
        text = (ROOT / "examples" / "paper.toml").read_text().replace("[mode]\n", "[mode]\nlive = true\n")
        (tmp_path / "session.toml").write_text(text)
        code, _, err = await done(tmp_path, "live", "--config", "session.toml", "--real-orders")
        assert (code, err.count("\n")) == (2, 1)
        assert "a sandbox takes no real orders" in err

    asyncio.run(work())


FAILS_FIRST = """
import tradecore as tc

class Bidder(tc.Strategy):
    starts = 0

    def on_start(self, ctx):
        self.starts += 1
        ctx.every("10ms", self.look)

    def look(self, ctx):
        if self.starts == 1:
            raise ValueError("on purpose")
"""


def test_a_strategy_that_failed_is_started_once_more_by_its_name(tmp_path: Path) -> None:
    async def work(_: FakeBinance) -> None:
        (tmp_path / "bidder.py").write_text(FAILS_FIRST)
        command = ("paper", "--config", "session.toml", "--quiet")
        status, _, err = await done(tmp_path, *command)
        assert (status, "ValueError: on purpose" in err) == (1, True)
        status, _, err = await done(tmp_path, *command, "--start", "Bidder", "--duration", "50ms")
        assert (status, "goes on with Bidder failed, until a person starts it: ValueError: on purpose" in err) == (
            0,
            True,
        )

    run(tmp_path, work)


def test_a_port_for_metrics_that_is_taken_is_said_as_that_of_the_server_is(tmp_path: Path) -> None:
    async def work(_: FakeBinance) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            said = f"127.0.0.1:{port} cannot be listened on: {os.strerror(errno.EADDRINUSE)}\n"
            code, out, err = await done(tmp_path, "paper", "--config", "session.toml", "--metrics-port", str(port))
            assert (code, out, err) == (2, "", f"error: session.toml: metrics.port: {said}")
            code, out, err = await done(tmp_path, "serve", "--config", "session.toml", "--port", str(port))
            assert (code, out, err) == (2, "", f"error: session.toml: server.port: {said}")

    run(tmp_path, work)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('journal = "journal"', "sync_timeout = 30", "mode.sync_timeout: 30 has no unit"),
        ('journal = "journal"', "max_lag = 5", "mode.max_lag: 5 has no unit"),
        ('journal = "journal"', 'dead_man = "1s"', "mode.dead_man: 1 s is less than 3"),
        ('journal = "journal"', 'store = "s.db"', "mode.store: needs a journal"),
        ('venue = "BINANCE"', 'venue = "BINACE"', "mode.connections.0.venue: no strategy trades at BINACE, but at BINANCE; did"),
        ("sandbox = true", 'url = "localhost"', "mode.connections.0.url: expected http://... or https://..., got 'localhost'"),
        ("sandbox = true", "sockets = 3", "mode.connections.0.sockets: Input should be less than or equal to 2, got 3"),
        ("BTCUSDT.BINANCE", "BTCUSTD.BINANCE", "strategies.0.instruments: unknown instrument BTCUSTD.BINANCE; known"),
        ("BTCUSDT.BINANCE", "BTCUSTD.BINANCE", "; did you mean BTCUSDT.BINANCE?"),
        ("quote_qty = ", "quote_qty = true, x = ", "strategies.0.params.x: unknown key"),
        ('quote_qty = "0.01"', "quote_qty = true", "strategies.0.params.quote_qty: expected a number, got True"),
        ("[[strategies]]", "[log]\nlevel = 'loud'\n[[strategies]]", "is no level: expected one of trace, debug, info, warn, warning, error, off\n"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_configuration_of_a_session_is_one_line_with_its_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, message: str
) -> None:
    text = (ROOT / "examples" / "paper.toml").read_text()
    assert old in text
    path = tmp_path / "session.toml"
    path.write_text(text.replace(old, new, 1))
    code, out, err = cli("paper", "--config", path, "--duration", "1s", capsys=capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"error: {path}: ")
    assert message in err


def test_a_venue_without_a_connector_is_asked_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "session.toml"
    text = (ROOT / "examples" / "paper.toml").read_text().replace("BTCUSDT.BINANCE", "BTCUSDT.BINACE")
    path.write_text(
        "\n".join(line for line in text.splitlines() if not line.startswith(("[[mode", "venue", "sandbox")))
    )
    code, _, err = cli("paper", "--config", path, capsys=capsys)
    known = "BINANCE, BINANCE_USDM, BYBIT, BYBIT_SPOT, COINBASE"
    problem = f"'BINACE' has no connector; there are {known}; did you mean BINANCE?"
    assert (code, err) == (2, f"error: {path}: strategies.0.instruments: {problem}\n")
