"""``tradecore check-exchange`` against a server of the tests, in another thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from conftest import cli, cli_json
from tradecore.venues import SystemClock
from venue_binance import FakeBinance
from venue_servers import KEY, SECRET

pytestmark = pytest.mark.release


@contextmanager
def served(venue: str) -> Iterator[FakeBinance]:
    """A server whose market moves ten times a second."""
    server = FakeBinance(venue, SystemClock())
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        async with server.running():
            ready.set()
            step = 0
            while not over.is_set():
                step += 1
                server.depth({"60000.10": str(step)}, {"60000.20": "2"})
                await asyncio.sleep(0.1)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(60)
    try:
        yield server
    finally:
        over.set()
        thread.join(60)


def test_a_venue_that_is_well(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADECORE_BINANCE_KEY", KEY)
    monkeypatch.setenv("TRADECORE_BINANCE_SECRET", SECRET)
    with served("BINANCE") as server:
        code, out, err = cli("check-exchange", "binance", "--url", server.url, "--seconds", "3", capsys=capsys)
        (found,) = cli_json("check-exchange", "BINANCE", "--url", server.url, "--seconds", "3", capsys=capsys)["venues"]
    assert (code, err) == (0, "listening to BINANCE for 3 s\n")
    lines = [line.split(maxsplit=1) for line in out.splitlines()[1:]]
    assert lines[0] == ["state", "well"]
    assert ["BTCUSDT", "tick 0.1, lot 0.001, at least 0.001 and 5 USDT"] in lines
    assert ["keys", "trade yes, withdraw not said"] in lines
    assert ["instruments", "1, and 1 that cannot be used"] in lines
    assert (found["book"], found["best_bid"], found["best_ask"], found["is_well"]) == ("synced", 60000.1, 60000.2, True)
    assert found["rules"]["lot_size"] == "0.001"
    assert 3 < found["messages_per_s"]["book"] < 20
    assert SECRET not in out + err


def test_what_is_not_well_ends_with_one(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with served("BINANCE_USDM") as server:
        nothing = ("check-exchange", "BINANCE_USDM", "--url", server.url, "--symbol", "NOPE", "--seconds", "0.2")
        (found,) = cli_json(*nothing, capsys=capsys, code=1)["venues"]
        assert found["problem"] == "lists no NOPE"
        monkeypatch.setenv("TRADECORE_BINANCE_USDM_KEY", KEY)
        monkeypatch.setenv("TRADECORE_BINANCE_USDM_SECRET", "another-secret")
        (found,) = cli_json(*nothing, capsys=capsys, code=1)["venues"]
        assert found["problem"].startswith("keys of BINANCE_USDM: ")
        address = server.url
    (found,) = cli_json("check-exchange", "BINANCE", "--url", address, "--seconds", "0.2", capsys=capsys, code=1)[
        "venues"
    ]
    assert found["problem"].startswith("GET /api/v3/time: cannot be reached")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "VENUE: expected venues, or --all: there are BINANCE, "),
        (["BINANCE", "--all"], "VENUE: expected venues, or --all"),
        (["KRAKEN"], "venue: 'KRAKEN' has no connector; there are BINANCE, "),
        (["BINANCE", "--url", "127.0.0.1:9"], "url: expected http://... or https://..., got '127.0.0.1:9'"),
        (["COINBASE", "--testnet"], "is_testnet: COINBASE has no test network"),
    ],
)
def test_venues_that_are_none_are_bad_usage(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = cli("check-exchange", *words, capsys=capsys)
    assert (code, err.startswith(f"error: {message}")) == (2, True)
