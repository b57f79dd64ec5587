"""Where connectors go: with ``testnet`` nowhere but to the test networks that venues document."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tradecore.config import load_config
from tradecore.errors import ConfigError
from tradecore.live.plan import SessionPlan, run_session
from tradecore.types import OrderStatus
from tradecore.venues import Stream, make_connector
from tradecore.venues.registry import CONNECTORS
from venue_live import run, until
from venue_sandbox import Network, serving, trading
from venue_servers import FastClock

pytestmark = pytest.mark.release

TEST = {
    "BINANCE": {
        "https://testnet.binance.vision",
        "wss://stream.testnet.binance.vision",
        "wss://ws-api.testnet.binance.vision",
    },
    "BINANCE_USDM": {
        "https://testnet.binancefuture.com",
        "wss://fstream.binancefuture.com",
        "wss://testnet.binancefuture.com",
    },
    "BYBIT": {"https://api-testnet.bybit.com", "wss://stream-testnet.bybit.com"},
    "BYBIT_SPOT": {"https://api-testnet.bybit.com", "wss://stream-testnet.bybit.com"},
}
MAIN = {
    "BINANCE": {"https://api.binance.com", "wss://stream.binance.com:9443", "wss://ws-api.binance.com:443"},
    "BINANCE_USDM": {
        "https://fapi.binance.com",
        "https://api.binance.com",
        "wss://fstream.binance.com",
        "wss://ws-fapi.binance.com",
    },
    "BYBIT": {"https://api.bybit.com", "wss://stream.bybit.com"},
    "BYBIT_SPOT": {"https://api.bybit.com", "wss://stream.bybit.com"},
}
WAYS = {
    "BINANCE": {"/stream", "/ws-api/v3", "/api/v3/order"},
    "BINANCE_USDM": {"/public/stream", "/market/stream", "/ws-fapi/v1", "/fapi/v1/order", "/fapi/v1/listenKey"},
    "BYBIT": {"/v5/public/linear", "/v5/private", "/v5/trade", "/v5/order/create"},
    "BYBIT_SPOT": {"/v5/public/spot", "/v5/private", "/v5/trade", "/v5/order/create"},
}
"""Some of what each has to have gone to: market data, the account, orders by both ways."""


@pytest.mark.parametrize("venue", TEST)
def test_everything_goes_to_the_test_network(venue: str) -> None:
    async def work() -> None:
        clock = FastClock(5.0)
        async with serving(venue, clock) as server:
            network = Network(clock, server.rest)
            async with trading(server, venue, clock, transport=network, is_testnet=True) as made:
                offered = [stream for stream in Stream if stream in made.connector._offered]
                made.connector.subscribe("s", made.id, offered)
                await until(lambda: made.connector.delivers(made.id, Stream.QUOTES))
                await made.bid()
                await until(lambda: made.trader.last == (OrderStatus.NEW, 0))
                await made.connector.keep_alive(made.id, 30)
                await made.connector.account([made.id], 0)
                await made.connector.query(made.id, made.client_id)
                # An order by request, and one that is cancelled over connections of its own.
                await network.lose_sockets()
                await until(lambda: made.connector._account.orders is None)
                await made.bid(0.2)
                await until(lambda: made.connector.health.unresolved == 0)
                assert await made.resting() == 2
                await made.connector.cancel_all(made.id)
            meant = [urlsplit(url) for url in network.meant]
            assert {f"{url.scheme}://{url.netloc}" for url in meant} == TEST[venue]
            assert {url.path for url in meant} >= WAYS[venue]

    run(work)


@pytest.mark.parametrize("venue", CONNECTORS)
def test_what_cancels_apart_goes_where_the_session_goes(venue: str) -> None:
    made = make_connector(venue, is_testnet=venue in TEST)
    apart = type(made)(made.name, **made._origin)  # type: ignore[attr-defined]
    assert apart._api._url == made._api._url  # type: ignore[attr-defined]
    if venue in TEST:
        assert apart._api._url in TEST[venue]  # type: ignore[attr-defined]


@pytest.mark.parametrize("venue", MAIN)
def test_without_it_nothing_goes_there(venue: str) -> None:
    async def work() -> None:
        clock = FastClock(5.0)
        async with serving(venue, clock) as server:
            network = Network(clock, server.rest)
            async with make_connector(venue, transport=network, clock=clock, seed=1) as connector:
                await connector.start(lambda event: None)
                name = next(name for name in await connector.instruments() if name.startswith("BTC"))
                connector.subscribe("s", name, [Stream.BOOK, Stream.QUOTES, Stream.TRADES])
                await until(lambda: connector.delivers(name, Stream.QUOTES))
            meant = {f"{url.scheme}://{url.netloc}" for url in map(urlsplit, network.meant)}
            assert meant < MAIN[venue] or meant == MAIN[venue]
            assert not meant & TEST[venue]

    run(work)


FILE = """
[mode]
live = true
{connections}
[[strategies]]
kind = "touch_maker"
name = "m"
instruments = {instruments}
params = {{ quote_qty = "0.01", max_position = "0.05" }}
"""
OF_TEST = '[[mode.connections]]\nvenue = "{}"\ntestnet = true\n'


@pytest.mark.parametrize(
    ("venue", "traded", "problem"),
    [
        ("BINANCE", ["BTCUSDT.BINANCE_USDM"], "no strategy trades at BINANCE, but at BINANCE_USDM"),
        (
            "BINANCE",
            ["BTCUSDT.BINANCE", "BTCUSDT.BYBIT"],
            "BINANCE is reached by its test network and BYBIT is not",
        ),
    ],
)
def test_a_file_that_means_a_test_network_sends_no_order_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, venue: str, traded: list[str], problem: str
) -> None:
    for name in CONNECTORS:
        monkeypatch.setenv(f"{name}_KEY", "key")
        monkeypatch.setenv(f"{name}_SECRET", "secret")
    file = tmp_path / "live.toml"
    file.write_text(FILE.format(connections=OF_TEST.format(venue), instruments=traded).replace("'", '"'))
    config, _ = load_config(file)
    plan = SessionPlan(config=config, source=str(file), mode="live", real_orders=True)
    with pytest.raises(ConfigError, match=problem):
        asyncio.run(run_session(plan, lambda live: pytest.fail("it was opened")))


def test_a_session_on_paper_connects_to_no_venue_where_nobody_trades(tmp_path: Path) -> None:
    file = tmp_path / "paper.toml"
    connections = '[[mode.connections]]\nvenue = "COINBASE"\nsandbox = true\n'
    file.write_text(FILE.format(connections=connections, instruments=["BTCUSDT.BINANCE"]).replace("'", '"'))
    config, _ = load_config(file)
    plan = SessionPlan(config=config, source=str(file), mode="paper")
    with pytest.raises(ConfigError, match="no strategy trades at COINBASE, but at BINANCE"):
        asyncio.run(run_session(plan, lambda live: pytest.fail("it was opened")))
