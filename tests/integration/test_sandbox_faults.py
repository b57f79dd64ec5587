"""What goes wrong at a local venue goes wrong by its script, and only so."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from sandbox_clients import best, order_path, run, served, stream_url, take
from tradecore.errors import ConfigError
from tradecore.sandbox import BinanceServer, Fault, load_faults
from tradecore.sandbox.faults import Faults
from tradecore.sandbox.link import _frames
from tradecore.venues.clock import VirtualClock

pytestmark = pytest.mark.release

DEPTH = "btcusdt@depth@100ms"


async def updates(server: BinanceServer, count: int) -> list[tuple[int, int]]:
    """First and last number of book updates."""
    async with connect(stream_url(server, DEPTH, is_spot=True)) as socket:
        told = [json.loads(await socket.recv())["data"] for _ in range(count)]
    return [(update["U"], update["u"]) for update in told]


async def collect(socket: ClientConnection, last: list[int]) -> None:
    """Keep the last number of every book update, as long as there are any."""
    while True:
        last.append(json.loads(await socket.recv())["data"]["u"])


@pytest.mark.parametrize(
    ("kind", "steps"),
    [
        ("drop", ["gap"]),
        ("duplicate", ["again"]),
        ("reorder", ["gap", "back", "gap"]),
    ],
)
def test_of_book_updates(kind: Any, steps: list[str]) -> None:
    async def work() -> None:
        async with served(faults=[Fault(kind=kind, on=DEPTH, skip=3, count=1)]) as (server, _):
            told = await updates(server, 8)
            assert server.faults_met == {f"0 {kind}": 1}
        found = []
        for (_, last), (first, _) in pairwise(told):
            if first != last + 1:
                found.append("gap" if first > last else "again" if kind == "duplicate" else "back")
        assert found == steps

    run(work)


def test_a_corrupt_message_is_one_that_nobody_can_read() -> None:
    async def work() -> None:
        script = [Fault(kind="corrupt", on=DEPTH, count=1)]
        async with served(faults=script) as (server, _), connect(stream_url(server, DEPTH, is_spot=True)) as socket:
            text = await socket.recv()
            with pytest.raises(json.JSONDecodeError):
                json.loads(text)
            assert json.loads(await socket.recv())["stream"] == DEPTH

    run(work)


def test_a_half_open_connection_is_silent_and_answers_no_ping() -> None:
    async def work() -> None:
        script = [Fault(kind="half_open", on=DEPTH, skip=1, count=1)]
        async with (
            served(faults=script) as (server, _),
            connect(stream_url(server, DEPTH, is_spot=True), close_timeout=0.2) as socket,
        ):
            await socket.recv()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.recv(), 0.4)
            pong = await socket.ping()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(pong, 0.2)
            assert socket.close_code is None

    run(work)


def test_a_connection_ends_without_a_word_and_the_next_one_is_sound() -> None:
    async def work() -> None:
        async with served(faults=[Fault(kind="disconnect", on=DEPTH, skip=1, count=1)]) as (server, _):
            with pytest.raises(ConnectionClosed) as caught:
                await updates(server, 3)
            assert caught.value.rcvd is None
            assert len(await updates(server, 3)) == 3

    run(work)


def test_an_acknowledgement_that_never_comes_and_a_late_private_stream() -> None:
    async def work() -> None:
        script = [Fault(kind="drop", on="ack", count=1), Fault(kind="delay", on="user", delay_ms=300)]
        async with served(faults=script) as (server, rest):
            async with connect(f"{server.ws}/ws") as socket:
                for number in (1, 2):
                    await socket.send(json.dumps({"method": "SUBSCRIBE", "params": [], "id": number}))
                assert json.loads(await socket.recv())["id"] == 2
            key = (await rest.ask("POST", "/fapi/v1/listenKey", sign=False))["listenKey"]
            bid, _ = await best(rest, False)
            async with connect(f"{server.ws}/private/ws/{key}") as socket:
                began = time.monotonic()
                await rest.limit("BUY", bid - 10, 1, is_spot=False)
                assert (await take(socket, lambda m: True))["o"]["X"] == "NEW"
                assert time.monotonic() - began >= 0.3

    run(work)


def test_a_message_in_several_frames_is_whole_for_clients() -> None:
    async def work() -> None:
        async with (
            served(faults=[Fault(kind="split", on="ack")]) as (server, _),
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{server.ws}/ws") as by_aiohttp,
            connect(f"{server.ws}/ws") as by_websockets,
        ):
            for number in (1, 10**15):
                asked = json.dumps({"method": "SUBSCRIBE", "params": [], "id": number})
                await by_aiohttp.send_str(asked)
                await by_websockets.send(asked)
                assert await by_aiohttp.receive_json() == {"result": None, "id": number}
                assert json.loads(await by_websockets.recv()) == {"result": None, "id": number}
            assert server.faults_met == {"0 split": 4}

    run(work)


@pytest.mark.parametrize("size", [3, 400, 200_000, 300_000])
def test_frames_of_every_length_are_read(size: int) -> None:
    text = json.dumps("x" * size).encode()
    wire = b"".join(_frames(text))
    read, opcodes, is_last = b"", [], False
    while wire:
        opcodes.append(wire[0] & 0x0F)
        is_last = bool(wire[0] & 0x80)
        length, at = wire[1], 2
        if length > 125:
            width = 2 if length == 126 else 8
            length, at = int.from_bytes(wire[2 : 2 + width]), 2 + width
        read, wire = read + wire[at : at + length], wire[at + length :]
    assert (read, opcodes, is_last) == (text, [1, 0, 0], True)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        # A fill that nobody is told of, one that is told after its cancel, and one that is told twice.
        ({"kind": "drop", "count": 2}, ["NEW", "CANCELED"]),
        ({"kind": "delay", "count": 2, "delay_ms": 400}, ["NEW", "CANCELED", "TRADE"]),
        ({"kind": "duplicate", "count": 2}, ["NEW", "TRADE", "TRADE", "CANCELED"]),
    ],
    ids=["dark", "after cancel", "twice"],
)
def test_a_fill_on_the_private_stream(fault: dict[str, Any], expected: list[str]) -> None:
    async def work() -> None:
        clock = VirtualClock(time.time_ns())
        script = [Fault(on="user", skip=1, **fault)]
        # A market that stands still once there is one, between whose best prices is room.
        async with served(clock=clock, faults=script, data="crowd") as (server, rest):
            await clock.advance(2.0)
            other = type(rest)(server, rest.session, account=1)
            key = (await rest.ask("POST", "/fapi/v1/listenKey", sign=False))["listenKey"]
            bid, ask = await best(rest, False)
            price = (bid + ask) // 2
            assert bid < price < ask
            async with connect(f"{server.ws}/private/ws/{key}") as socket:
                # Another client takes a half of it.
                mine = await rest.limit("BUY", price, 1, is_spot=False)
                await other.limit("SELL", price, "0.5", is_spot=False, timeInForce="IOC")
                await rest.ask("DELETE", order_path(False), symbol="BTCUSDT", orderId=mine["orderId"])
                await clock.advance(0.5)
                told: list[str] = []
                while len(told) < len(expected):
                    message = await take(socket, lambda m: m["e"] == "ORDER_TRADE_UPDATE")
                    told.append(message["o"]["x"])
            assert told == expected
            order = await rest.ask("GET", order_path(False), symbol="BTCUSDT", orderId=mine["orderId"])
            assert (order["status"], float(order["executedQty"])) == ("CANCELED", 0.5)

    run(work)


def test_an_order_whose_answer_is_swallowed_is_there_and_one_that_is_lost_is_not() -> None:
    async def work() -> None:
        path = "POST /api/v3/order"
        script = [Fault(kind="swallow", on=path, count=1), Fault(kind="lose", on=path, skip=1, count=1)]
        async with served(faults=script) as (server, rest):
            bid, _ = await best(rest, True)
            for client_id in ("swallowed", "lost"):
                with pytest.raises(aiohttp.ClientConnectionError):
                    await rest.limit("BUY", bid - 10, 1, newClientOrderId=client_id)
            mine = await rest.ask("GET", "/api/v3/openOrders", symbol="BTCUSDT")
            assert [order["clientOrderId"] for order in mine] == ["swallowed"]
            assert server.faults_met == {"0 swallow": 1, "1 lose": 1}
            assert (await rest.limit("BUY", bid - 10, 1, newClientOrderId="third"))["status"] == "NEW"

    run(work)


def test_requests_are_refused_late_or_at_the_wrong_time() -> None:
    async def work() -> None:
        ping, order = "GET /api/v3/ping", "POST /api/v3/order"
        script = [
            Fault(kind="status", on=ping, count=1, status=429, delay_ms=3_000),
            Fault(kind="status", on=ping, skip=1, count=1, status=418),
            Fault(kind="status", on=order, count=1),
            Fault(kind="lag", on="GET /api/v3/time", delay_ms=200),
            Fault(kind="clock_step", step_ms=10_000),
            Fault(kind="stale_snapshot", on="GET /api/v3/depth", count=1),
        ]
        async with served(faults=script) as (_, rest):
            assert (await rest.ask("GET", "/api/v3/ping", sign=False))[:2] == (429, -1003)
            assert rest.headers["Retry-After"] == "3"
            assert (await rest.ask("GET", "/api/v3/ping", sign=False))[0] == 418
            assert await rest.ask("GET", "/api/v3/ping", sign=False) == {}
            began = time.monotonic()
            before_ms = time.time_ns() // 1_000_000
            told = (await rest.ask("GET", "/api/v3/time", sign=False))["serverTime"]
            assert time.monotonic() - began >= 0.2
            assert before_ms <= told - 10_000 <= time.time_ns() // 1_000_000
            assert (await rest.limit("BUY", 50_000, 1))[:2] == (503, -1000)
            assert (await rest.limit("BUY", 50_000, 1))[1] == -1021
            stale, fresh = [await rest.ask("GET", "/api/v3/depth", sign=False, symbol="BTCUSDT") for _ in range(2)]
            assert stale["lastUpdateId"] < fresh["lastUpdateId"] - 100_000

    run(work)


def test_a_clock_steps_for_as_long_as_the_script_says() -> None:
    faults = Faults([Fault(kind="clock_step", step_ms=10_000, after_s=1.0, until_s=2.0)])
    faults.begin(100.0)
    assert [faults.clock_ahead_ms(100.0 + at) for at in (0.9, 1.1, 1.9, 2.1)] == [0, 10_000, 10_000, 0]


def test_a_venue_that_restarts_loses_its_numbers_and_not_its_orders() -> None:
    async def work() -> None:
        clock = VirtualClock()
        async with served(faults=[Fault(kind="lost_sequence", after_s=1.0)], clock=clock) as (server, rest):
            bid, _ = await best(rest, True)
            await rest.limit("BUY", bid - 10, 1)
            async with connect(stream_url(server, DEPTH, is_spot=True)) as socket:
                seen: list[int] = []
                await clock.advance(1.1)
                with pytest.raises(ConnectionClosed):
                    await collect(socket, seen)
            again = asyncio.create_task(updates(server, 2))
            while not again.done():
                await clock.advance(0.1)
            assert again.result()[0][0] < seen[-1]
            assert len(await rest.ask("GET", "/api/v3/openOrders", symbol="BTCUSDT")) == 1

    run(work)


def test_private_streams_end_with_a_word_and_are_to_be_had_anew() -> None:
    async def work() -> None:
        clock = VirtualClock()
        async with served(faults=[Fault(kind="expire_keys", after_s=0.5)], clock=clock) as (server, rest):
            bid, _ = await best(rest, False)
            key = (await rest.ask("POST", "/fapi/v1/listenKey", sign=False))["listenKey"]
            async with connect(f"{server.ws}/private/ws/{key}") as socket:
                await clock.advance(0.6)
                told = await take(socket, lambda m: True)
                assert (told["e"], told["listenKey"]) == ("listenKeyExpired", key)
                assert (await rest.ask("PUT", "/fapi/v1/listenKey", sign=False))[1] == -1125
                await rest.limit("BUY", bid - 10, 1, is_spot=False)
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(socket.recv(), 0.3)
            anew = (await rest.ask("POST", "/fapi/v1/listenKey", sign=False))["listenKey"]
            async with connect(f"{server.ws}/private/ws/{anew}") as socket:
                await rest.limit("BUY", bid - 20, 1, is_spot=False)
                assert (await take(socket, lambda m: True))["o"]["X"] == "NEW"

    run(work)


def test_the_answer_to_a_method_is_late() -> None:
    async def work() -> None:
        script = [Fault(kind="lag", on="time", count=1, delay_ms=300)]
        async with served(faults=script) as (server, _), connect(f"{server.ws}/ws-api/v3") as socket:
            for number in (1, 2):
                await socket.send(json.dumps({"id": number, "method": "time"}))
            assert [json.loads(await socket.recv())["id"] for _ in range(2)] == [2, 1]

    run(work)


def test_the_same_seed_meets_the_same_messages() -> None:
    def met(seed: int) -> list[bool]:
        faults = Faults([Fault(kind="drop", on="a*", probability=0.3)], seed=seed)
        return [bool(faults.of_message("a@trade", 0.0)) for _ in range(200)]

    assert met(1) == met(1) != met(2)
    assert 30 < Counter(met(1))[True] < 90
    assert Faults([Fault(kind="drop", on="a*")]).of_message("b@trade", 0.0) == []


def test_a_script_is_read_and_what_is_wrong_with_it_is_said(tmp_path: Path) -> None:
    script = tmp_path / "faults.toml"
    script.write_text('[[faults]]\nkind = "drop"\non = "user"\nafter_s = 2\nprobability = 0.5\n')
    assert load_faults(script) == (Fault(kind="drop", on="user", after_s=2, probability=0.5),)
    for text, problem in [
        ('[[faults]]\nkind = "explode"\n', r"faults\.0\.kind"),
        ('[[faults]]\nkind = "delay"\n', "delay needs delay_ms"),
        ('[[faults]]\nkind = "drop"\nprobability = 2\n', r"faults\.0\.probability"),
        ('[[faults]]\nkind = "drop"\nevery = 2\n', r"faults\.0\.every"),
        ("faults = [", "is not TOML"),
        ("", "faults: missing"),
    ]:
        script.write_text(text)
        with pytest.raises(ConfigError, match=problem):
            load_faults(script)
    with pytest.raises(ConfigError, match="No such file"):
        load_faults(tmp_path / "none.toml")
