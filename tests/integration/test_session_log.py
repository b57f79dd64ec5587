"""What the commands log, and what they must not."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from test_live_cli import CONFIG, STRATEGY, move

from tradecore.venues.clock import SystemClock
from venue_binance import FakeBinance
from venue_servers import KEY, SECRET

pytestmark = pytest.mark.release


async def told(folder: Path, *words: str, **environment: str) -> tuple[int, str, str]:
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "tradecore", *words]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={**os.environ, **environment}, stdout=pipe, stderr=pipe
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode(), err.decode()


def test_a_live_session_logs_every_order_and_no_secret(tmp_path: Path) -> None:
    async def work() -> None:
        server = FakeBinance("BINANCE", SystemClock())
        async with server.running():
            (tmp_path / "bidder.py").write_text(STRATEGY)
            text = CONFIG.format(url=server.url).replace("[mode]", "[mode]\nlive = true", 1)
            (tmp_path / "c.toml").write_text(text + '\n[log]\nformat = "json"\nfile = "session.log"\n')
            moving = asyncio.create_task(move(server))
            # The loudest there is, of all that could hold a signed request.
            code, out, err = await told(
                tmp_path,
                *("live", "--config", "c.toml", "--real-orders", "--duration", "1s", "--json"),
                TRADECORE_BINANCE_KEY=KEY,
                TRADECORE_BINANCE_SECRET=SECRET,
                TRADECORE_LOG="trace,websockets=trace,aiohttp=trace,asyncio=trace",
            )
            moving.cancel()
            assert code == 0, err
            assert server.orders
            log = (tmp_path / "session.log").read_text()
            lines = [json.loads(line) for line in log.splitlines()]
            assert {"market_data", "execution_engine", "session"} <= {line["module"] for line in lines}
            submitted = [line for line in lines if line["message"].startswith("Order submitted: BUY 0.01")]
            assert {"session": "s1", "strategy": "Bidder", "order": 1}.items() <= submitted[0].items()
            for place in (log, out, err):
                assert SECRET not in place
                assert KEY not in place
            assert not any(f"signature={digit}" in log for digit in "0123456789abcdef")

    asyncio.run(work())


def test_the_environment_makes_a_session_talk_and_a_wrong_level_is_said(tmp_path: Path) -> None:
    async def work() -> None:
        server = FakeBinance("BINANCE", SystemClock())
        async with server.running():
            (tmp_path / "bidder.py").write_text(STRATEGY)
            (tmp_path / "c.toml").write_text(CONFIG.format(url=server.url))
            moving = asyncio.create_task(move(server))
            words = ("paper", "--config", "c.toml", "--duration", "1s", "--json")
            code, _, err = await told(tmp_path, *words, TRADECORE_LOG="error,market_data=debug")
            moving.cancel()
            assert code == 0, err
            assert " DEBUG [market_data::orderbook] Order book updated: BTCUSDT.BINANCE bid=60000.1 ask=60000.2" in err
            assert "[execution_engine]" not in err
            code, _, err = await told(tmp_path, *words, TRADECORE_LOG="loud")
            assert code == 2
            assert err.startswith("error: TRADECORE_LOG: 'loud' is no level")

    asyncio.run(work())


def test_a_local_server_takes_the_level_of_the_environment_and_keeps_its_keys(tmp_path: Path) -> None:
    async def work() -> None:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tradecore", "sandbox", "binance", "--symbol", "BTCUSDT.BINANCE"),
            **{"env": {**os.environ, "TRADECORE_LOG": "debug"}, "stdout": pipe, "stderr": pipe},
        )
        assert process.stdout is not None
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
        process.send_signal(signal.SIGTERM)
        _, err = await asyncio.wait_for(process.communicate(), 60)
        assert b" DEBUG [asyncio]" not in err, "of others only by name"
        for account in ready["accounts"]:
            assert account["secret"].encode() not in err

    asyncio.run(work())
