"""Bybit's switch for lost connections, and keys that are taken away while a session runs."""

from __future__ import annotations

import pytest

from tradecore.errors import CredentialsError
from tradecore.sandbox import BybitServer
from tradecore.types import OrderStatus
from venue_live import run, until
from venue_sandbox import Network, Trading, keys_of, serving, trading
from venue_servers import FastClock

pytestmark = pytest.mark.release

BOTH = ["BYBIT", "BYBIT_SPOT"]


async def placed(made: Trading) -> None:
    await made.bid()
    await until(lambda: made.trader.last == (OrderStatus.NEW, 0))


def counted(server: BybitServer) -> int:
    """How many connections the venue's switch counts."""
    return sum(map(len, server._api.protection._counted.values()))


@pytest.mark.parametrize("venue", BOTH)
def test_orders_of_a_product_are_cancelled_once_every_connection_is_lost(venue: str) -> None:
    (other,) = set(BOTH) - {venue}

    async def work() -> None:
        clock = FastClock(5.0)
        async with serving(venue, clock) as server, trading(server, other, clock, session="T2") as beside:
            assert isinstance(server, BybitServer)
            await placed(beside)
            one, two = Network(clock), Network(clock)
            async with (
                trading(server, venue, clock, transport=one, url=server.rest) as made,
                trading(server, venue, clock, transport=two, url=server.rest, session="T3") as second,
            ):
                await placed(made)
                for each in (made, second):
                    assert await each.connector.keep_alive(each.id, 3.0)
                assert counted(server) == 2
                await one.lose_sockets()
                await until(lambda: counted(server) == 1)
                await clock.sleep(5)
                assert await second.resting() == 1, "somebody of the account is there"
                # A connection that comes back in its time is counted again.
                await two.drop_sockets()
                await clock.sleep(5)
                assert (counted(server), await second.resting()) == (1, 1)
                await two.lose_sockets()
                await until(lambda: counted(server) == 0)
                await clock.sleep(5)
                assert await second.resting() == 0
                one.has_sockets = True
                # What was heard of nobody is the venue's word when asked.
                state = await made.connector.query(made.id, made.client_id)
                assert (state[-1].kind, state[-1].reason) == ("expired", "venue")
            assert await beside.resting() == 1, "what is of another product stays"

    run(work)


def test_a_session_that_lets_go_of_the_switch_leaves_its_orders() -> None:
    async def work() -> None:
        clock = FastClock(5.0)
        async with serving("BYBIT", clock) as server:
            assert isinstance(server, BybitServer)
            async with trading(server, "BYBIT", clock) as made:
                await placed(made)
                assert await made.connector.keep_alive(made.id, 900.0)
                info = server._api.protection._windows_s
                assert info == {(0, "DERIVATIVES"): 300}
                assert await made.connector.keep_alive(made.id, 3.0)
                assert info == {(0, "DERIVATIVES"): 3}
                assert await made.connector.keep_alive(made.id, 0)
                await until(lambda: counted(server) == 0)
            await clock.sleep(5)
            async with trading(server, "BYBIT", clock, session="T2") as later:
                assert await later.resting() == 1

    run(work)


def test_an_account_without_the_switch_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        clock = FastClock(5.0)
        async with serving("BYBIT", clock) as server:
            assert isinstance(server, BybitServer)
            rows = [{"product": "DERIVATIVES", "dcpStatus": "OFF", "timeWindow": "10"}]
            endpoints = server._api.requests
            key = "GET", "/v5/account/query-dcp-info"
            object.__setattr__(endpoints[key], "call", lambda asked: {"dcpInfos": rows})
            async with trading(server, "BYBIT", clock) as made:
                assert not await made.connector.keep_alive(made.id, 30.0)
                assert counted(server) == 0

    run(work)


@pytest.mark.parametrize("order_entry", ["websocket", "rest"])
def test_a_key_that_was_taken_away_is_found_with_the_next_order(order_entry: str) -> None:
    async def work() -> None:
        clock = FastClock(1.0)
        async with (
            serving("BYBIT", clock) as server,
            trading(server, "BYBIT", clock, order_entry=order_entry) as made,
        ):
            await placed(made)
            server.revoke(server.clients[0])
            with pytest.raises(CredentialsError, match="API key is invalid"):
                await made.bid(0.2)

    run(work)


@pytest.mark.parametrize("is_told", [False, True], ids=["by a heartbeat", "by a message of the venue's own accord"])
def test_a_key_that_was_taken_away_is_found_by_what_the_private_stream_refuses(is_told: bool) -> None:
    async def work() -> None:
        clock = FastClock(1.0 if is_told else 5.0)
        async with serving("BYBIT", clock) as server:
            assert isinstance(server, BybitServer)
            async with trading(server, "BYBIT", clock) as made:
                server.revoke(server.clients[0])
                began_ns = clock.now_ns()
                if is_told:
                    for socket in server._private:
                        socket._ack("", {}, "API key is invalid.")
                await until(lambda: made.refusals)
                assert clock.now_ns() - began_ns < (25 if not is_told else 8) * 1_000_000_000
                assert all("API key is invalid" in str(link.error) for link in made.refusals)
                assert keys_of(server.clients[0]).secret.reveal() not in str(made.events)

    run(work)
