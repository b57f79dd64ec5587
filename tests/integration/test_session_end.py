"""How a live session ends: what of its account was missed shortly before is found, or that it was not is said."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import deque
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from test_live import NAME, Bidder, again, connector, run, subscribed
from test_live_cli import CONFIG, STRATEGY, move, tradecore

import tradecore as tc
from tradecore.errors import StrategyError
from tradecore.live import audit, runner
from tradecore.live.events import ReconcileDifference, ReconcileFailed, SessionFailed
from tradecore.live.runner import Live
from tradecore.live.state import SessionResult
from tradecore.store import Store
from tradecore.store.schema import fills, positions
from venue_binance import FakeBinance
from venue_live import until
from venue_servers import KEY, SECRET

pytestmark = pytest.mark.release


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait long for the end of an order of which nobody tells."""
    monkeypatch.setattr(runner, "_PATIENCE_S", 0.2)


async def end(server: FakeBinance, made: Live, filled: str) -> SessionResult:
    """Have so much of its order filled without a word, and the session stopped."""
    async with made as live:
        running = asyncio.create_task(live.run())
        await subscribed(server)
        await until(lambda: live.has_begun and [o for o in live.session.known([NAME]).orders if o.is_acknowledged])
        (order,) = server.orders
        server.fill(order, filled, muted=True)
        live.stop()
        return await running


@pytest.mark.parametrize("filled", ["0.01", "0.004"])
@pytest.mark.parametrize("on_stop", ["cancel", "keep"])
def test_a_fill_that_nobody_told_of_is_in_all_that_a_session_leaves(tmp_path: Path, filled: str, on_stop: Any) -> None:
    results, told = list[SessionResult](), list[ReconcileDifference]()
    url = f"sqlite:///{tmp_path / 'store.db'}"

    async def work(server: FakeBinance) -> None:
        made = Live(
            [Bidder("b", [NAME])], [connector(server, keys=True)], journal=tmp_path / "j", store=url, on_stop=on_stop
        )
        made.events.subscribe(ReconcileDifference, told.append)
        results.append(await end(server, made, filled))

    run(work)
    (result,) = results
    assert result.held == {NAME: Decimal(filled)}
    assert result.fills["qty"].to_list() == [float(filled)]
    assert again(tmp_path / "j" / result.session, Bidder("b", [NAME])) == (result.digest, None)
    with Store(url) as store, store.reading() as connection:
        assert [row.qty for row in connection.execute(fills.select())] == [Decimal(filled)]
        assert [row.position_qty for row in connection.execute(positions.select())] == [Decimal(filled)]
    if on_stop == "keep":  # a cancel's answer says how much was filled before
        assert "replay" in [event.action for event in told]


class Parting(Bidder):
    """Fails when it is stopped."""

    def on_stop(self, ctx: tc.Context) -> None:
        raise ValueError("on purpose")


@pytest.mark.parametrize("on_stop", ["cancel", "keep"])
def test_a_last_hook_that_raises_leaves_no_order(on_stop: Any) -> None:
    told = list[SessionFailed]()

    async def work(server: FakeBinance) -> None:
        made = Live([Parting("p", [NAME])], [connector(server, keys=True)], on_stop=on_stop)
        made.events.subscribe(SessionFailed, told.append)
        async with made as live:
            running = asyncio.create_task(live.run())
            await subscribed(server)
            await until(lambda: live.has_begun and [o for o in live.session.known([NAME]).orders if o.is_acknowledged])
            live.stop()
            with pytest.raises(StrategyError, match="on purpose"):
                await running
        assert [order["status"] for order in server.orders.values()] == ["CANCELED"]

    run(work)
    assert [event.error for event in told] == ["StrategyError"]


def test_a_venue_that_cannot_be_asked_does_not_keep_a_session_from_ending(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(audit, "_LAST_S", 0.5)
    told = list[ReconcileFailed]()

    async def work(server: FakeBinance) -> None:
        made = Live([Bidder("b", [NAME])], [connector(server, keys=True)])
        made.events.subscribe(ReconcileFailed, told.append)
        async with made as live:
            running = asyncio.create_task(live.run())
            await subscribed(server)
            await live.begun()
            server.faults["GET openOrders"] = deque(["lose"] * 1_000)
            live.stop()
            await running

    with caplog.at_level(logging.ERROR, "tradecore.live"):
        run(work)
    (event,) = told
    assert (event.venue, event.reason) == ("BINANCE", "not done within 0.5 s")
    assert "the account at BINANCE could not be looked at in the end: not done within 0.5 s" in caplog.text


def test_a_second_signal_ends_a_session_that_looks_at_its_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bidder.py").write_text(STRATEGY)
    monkeypatch.setenv("TRADECORE_BINANCE_KEY", KEY)
    monkeypatch.setenv("TRADECORE_BINANCE_SECRET", SECRET)

    async def work(server: FakeBinance) -> None:
        text = CONFIG.format(url=server.url).replace("[mode]", "[mode]\nlive = true", 1)
        (tmp_path / "c.toml").write_text(text)
        moving = asyncio.create_task(move(server))
        process = await tradecore(tmp_path, "live", "--config", "c.toml", "--real-orders", "--quiet", "--json")
        await until(lambda: server.orders, 60.0)
        server.faults["GET openOrders"] = deque(["lose"] * 1_000)
        process.send_signal(signal.SIGTERM)
        await until(lambda: len(server.faults["GET openOrders"]) < 1_000)
        process.send_signal(signal.SIGTERM)
        out, _ = await asyncio.wait_for(process.communicate(), 60)
        moving.cancel()
        assert (process.returncode, out) == (130, b"")

    run(work)
