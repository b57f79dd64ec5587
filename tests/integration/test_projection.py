"""Sessions in a store: written while they run, rebuilt from their journals, the same either way."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from collections import defaultdict
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from test_live_cli import CONFIG, STRATEGY, done, move, tradecore

import tradecore as tc
from conftest import ROOT
from tradecore.errors import InvalidValueError
from tradecore.live import runner
from tradecore.live.checkpoints import Checkpoints
from tradecore.live.journal import JournalReader
from tradecore.live.rebuild import rebuild
from tradecore.live.runner import Live
from tradecore.live.state import SessionResult
from tradecore.sandbox import BinanceServer
from tradecore.store import Store
from tradecore.store.schema import metadata, sessions
from tradecore.venues.clock import SystemClock
from tradecore.venues.registry import make_connector
from venue_binance import FakeBinance
from venue_live import until

pytestmark = pytest.mark.release

NAME = "BTCUSDT.BINANCE"


def content(url: str) -> dict[str, list[Mapping[str, Any]]]:
    """All rows of a store, by table, ordered by their keys."""
    with Store(url) as store, store.reading() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
            for table in metadata.sorted_tables
            if {"session"} <= set(table.columns.keys())
        }


def check_sums(held: dict[str, list[Mapping[str, Any]]]) -> None:
    """Money, quantities and orders of a store agree with each other."""
    money: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for entry in held["ledger"]:
        money[entry["strategy"], entry["instrument"]] += entry["amount"]
    assert money == {(row["strategy"], row["instrument"]): row["cash"] for row in held["positions"]}
    filled: dict[int, Decimal] = defaultdict(Decimal)
    bought: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for fill in held["fills"]:
        filled[fill["order_id"]] += fill["qty"]
        bought[fill["strategy"], fill["instrument"]] += fill["qty"] if fill["side"] == "buy" else -fill["qty"]
    assert bought == {(row["strategy"], row["instrument"]): row["position_qty"] for row in held["positions"]}
    assert filled == {order["order_id"]: order["filled_qty"] for order in held["orders"] if order["filled_qty"]}


def test_a_session_is_written_as_it_runs_and_rebuilt_the_same(store_url: str, tmp_path: Path) -> None:
    example = (ROOT / "examples" / "paper.toml").read_text()
    (tmp_path / "session.toml").write_text(
        example.replace("[mode]\n", f'[mode]\nsession = "s1"\nstore = "{store_url}"\n')
    )

    async def work() -> None:
        words = ("paper", "--config", "session.toml", "--duration", "3s", "--json")
        code, out, err = await done(tmp_path, *words)
        assert code == 0, err
        written, summary = content(store_url), json.loads(out)
        (session,) = written["sessions"]
        assert (session["session"], session["mode"], session["digest"]) == ("s1", "paper", summary["digest"])
        assert [len(written["orders"]), len(written["fills"])] == [summary["orders"], summary["fills"]]
        assert summary["fills"] > 0
        held = {row["instrument"]: row["position_qty"] for row in written["positions"]}
        assert held == {name: Decimal(qty) for name, qty in summary["positions"].items()}
        assert {order["ts_close"] is not None for order in written["orders"]} == {True}
        check_sums(written)
        for _ in range(2):
            with Store(store_url) as store:
                assert rebuild(tmp_path / "journal" / "s1", store)["digest"] == summary["digest"]
            assert content(store_url) == written
        code, out, err = await done(tmp_path, "store", "rebuild", "journal/s1")
        assert (code, out.partition(": ")[0]) == (0, "s1"), err
        assert content(f"sqlite:///{tmp_path}/tradecore.db") == written

    asyncio.run(work())


def test_a_session_that_was_killed_goes_on_in_its_store(tmp_path: Path) -> None:
    store_url = f"sqlite:///{tmp_path}/store.db"

    async def work() -> None:
        server = FakeBinance("BINANCE", SystemClock())
        async with server.running():
            (tmp_path / "bidder.py").write_text(STRATEGY)
            config = CONFIG.format(url=server.url).replace("[mode]\n", f'[mode]\nstore = "{store_url}"\n')
            (tmp_path / "session.toml").write_text(config)
            moving = asyncio.create_task(move(server))
            process = await tradecore(tmp_path, "paper", "--config", "session.toml", "--quiet")
            async with asyncio.timeout(60):
                while not (before := content(store_url))["orders"]:  # noqa: ASYNC110 - another process writes them
                    await asyncio.sleep(0.1)
            process.send_signal(signal.SIGKILL)
            await process.communicate()
            assert [order["ts_close"] for order in before["orders"]] == [None]
            assert before["sessions"][0]["digest"] is None
            code, out, err = await done(tmp_path, "paper", "--config", "session.toml", "--duration", "1s", "--json")
            assert code == 0, err
            moving.cancel()
        written = content(store_url)
        assert written["sessions"][0]["digest"] == json.loads(out)["digest"]
        assert written["sessions"][0]["ts_begin"] == before["sessions"][0]["ts_begin"]
        assert len(written["orders"]) > 1
        code, out, err = await done(tmp_path, "store", "rebuild", "journal/s1", "--url", store_url, "--json")
        assert code == 0, err
        assert json.loads(out)["sessions"][0]["faithful"]
        assert content(store_url) == written

    asyncio.run(work())


class Taker(tc.Strategy):
    """Buys at the market, again and again."""

    filled: int = 0

    def on_start(self, ctx: tc.Context) -> None:
        ctx.every("50ms", self.buy)

    def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
        self.filled += 1

    def buy(self, ctx: tc.Context) -> None:
        if ctx.book(NAME).is_synced:
            ctx.buy(NAME, "0.01")


async def trade(folder: Path, url: str, fills: int, *, breaks: Callable[[], object] | None = None) -> SessionResult:
    """Trade until there are so many fills more; one whose store breaks, until that is said."""
    taker = Taker("t", [NAME])
    async with BinanceServer(symbols=[NAME]) as server:
        made = Live(
            [taker],
            [make_connector("BINANCE", url=server.rest)],
            paper=[tc.SimVenue("BINANCE")],
            journal=folder,
            store=url,
            session="s1",
        )
        async with made as live:
            running = asyncio.create_task(live.run())
            try:
                await live.begun()
                enough = taker.filled + fills
                if breaks is not None:
                    drop_fills(url)
                    await until(breaks)
                while taker.filled < enough:  # noqa: ASYNC110 - what is waited for is a state
                    await asyncio.sleep(0.01)
                live.stop()
                return await running
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)


def test_a_session_that_goes_on_from_a_state_has_all_in_its_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Checkpoints, "every_inputs", 1)
    monkeypatch.setattr(runner, "_WRITE_S", 0.1)
    url = f"sqlite:///{tmp_path}/store.db"

    async def cut() -> None:
        task = asyncio.create_task(trade(tmp_path, url, 10**9))
        while not (tmp_path / "s1").exists() or sum(1 for _ in JournalReader(tmp_path / "s1").states()) < 8:  # noqa: ASYNC110 - of another task
            await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cut())
    before = content(url)
    result = asyncio.run(trade(tmp_path, url, 1))
    written = content(url)
    check_sums(written)
    assert len(written["fills"]) == result.fills.height > len(before["fills"]) > 0
    assert len(written["orders"]) == result.orders.height
    assert written["sessions"][0]["digest"] == result.digest
    assert written["sessions"][0]["ts_begin"] == before["sessions"][0]["ts_begin"]


def drop_fills(url: str) -> None:
    with Store(url) as store, store.writing() as connection:
        connection.execute(text("DROP TABLE fills"))


def test_a_store_that_fails_is_said_once_and_ends_no_session(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "tradecore.live"):
        result = asyncio.run(trade(tmp_path, f"sqlite:///{tmp_path}/store.db", 4, breaks=lambda: caplog.records))
    assert result.failures == {}
    assert result.fills.height > 3
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "the store is no longer written, rebuild it from the journal"
    ]


def test_another_session_of_a_name_is_not_written_over(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    asyncio.run(trade(tmp_path / "one", url, 1))
    written = content(url)
    with Store(url) as store, store.writing() as connection:
        connection.execute(sessions.update().values(ts_begin=7))
    asyncio.run(trade(tmp_path / "two", url, 1))
    held = content(url)
    assert (held["sessions"][0]["ts_begin"], held["fills"]) == (7, written["fills"])


def test_a_store_needs_a_journal() -> None:
    with pytest.raises(InvalidValueError, match="store: needs a journal"):
        Live([Taker("t", [NAME])], [make_connector("BINANCE")], paper=[tc.SimVenue("BINANCE")], store="store.db")


def test_a_session_that_is_decided_otherwise_is_not_rebuilt(tmp_path: Path) -> None:
    async def work() -> None:
        server = FakeBinance("BINANCE", SystemClock())
        async with server.running():
            (tmp_path / "bidder.py").write_text(STRATEGY)
            (tmp_path / "session.toml").write_text(CONFIG.format(url=server.url))
            moving = asyncio.create_task(move(server))
            code, _, err = await done(tmp_path, "paper", "--config", "session.toml", "--duration", "1s", "--json")
            assert code == 0, err
            moving.cancel()
        (tmp_path / "bidder.py").write_text(STRATEGY.replace('"0.01"', '"0.02"'))
        code, _, err = await done(tmp_path, "store", "rebuild", "journal/s1")
        assert (code, err.startswith("error: journal/s1: its strategies decide otherwise today, from 20")) == (2, True)
        assert content(f"sqlite:///{tmp_path}/tradecore.db")["sessions"] == []

    asyncio.run(work())
