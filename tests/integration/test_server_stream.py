"""What the server pushes: snapshots, numbers, coming back, and clients that do not read."""

from __future__ import annotations

import asyncio
import gc
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from served import BTC, Served
from websockets.frames import Frame, Opcode

import tradecore as tc
from tradecore.config.server import ServerConfig
from tradecore.errors import RequestError, StoreError
from tradecore.live.runner import Live
from tradecore.sandbox import BinanceServer
from tradecore.server.accounts import Accounts
from tradecore.server.frames import Connection, frame_of, pieces
from tradecore.server.run import Server
from tradecore.server.topics import Client, Topics
from tradecore.strategies.manual import Manual

pytestmark = pytest.mark.release

pytest.importorskip("fastapi")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("served")) as served:
        yield served


async def told(socket: aiohttp.ClientWebSocketResponse, topic: str | None = None) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            message: dict[str, Any] = orjson.loads(await socket.receive_str())
            if topic is None or message.get("topic") == topic:
                return message


def test_a_topic_begins_with_a_snapshot_and_who_comes_back_gets_what_was_missed(served: Served) -> None:
    async def main() -> None:
        url = f"{served.url}/api/v1/stream"
        async with (
            tc.Client(served.url, token=served.tokens["trade"], timeout=60) as client,
            aiohttp.ClientSession() as http,
        ):
            async with http.ws_connect(url) as socket:
                hello = await told(socket)
                assert (hello["kind"], hello["mode"], hello["is_sandbox"]) == ("hello", "paper", True)
                assert f"book:{BTC}" in hello["topics"]
                await socket.send_json({"op": "subscribe", "topics": ["orders", f"book:{BTC}"]})
                first = await told(socket, "orders")
                assert first["kind"] == "snapshot"
                sent = await client.send("BTCUSDT", "buy", "0.001", "50000")
                update = await told(socket, "orders")
                assert (update["kind"], update["seq"]) == ("update", first["seq"] + 1)
                assert update["data"]["id"] == sent["id"]
                books = [await told(socket, f"book:{BTC}") for _ in range(2)]
                assert books[1]["seq"] > books[0]["seq"]
                assert books[1]["data"]["bids"]
            await client.cancel(sent["id"])
            async with http.ws_connect(url) as socket:
                await told(socket)
                await socket.send_json({"op": "subscribe", "topics": ["orders"], "since": {"orders": update["seq"]}})
                missed = await told(socket, "orders")
                assert (missed["kind"], missed["seq"]) == ("update", update["seq"] + 1)
                for wrong in ("{", '{"op": "dance"}', "[1]", '{"op": "subscribe", "topics": 1}'):
                    await socket.send_str(wrong)
                    while (await told(socket))["kind"] != "error":
                        pass
                await socket.send_json({"op": "subscribe", "topics": ["nothing"]})
                while (await told(socket))["kind"] != "error":
                    pass
                await socket.send_json({"op": "ping"})
                while (await told(socket)).get("kind") != "pong":
                    pass

    asyncio.run(main())


def test_a_session_that_has_ended_beside_its_server_is_looked_at_no_more(tmp_path: Path) -> None:
    async def main() -> None:
        async with BinanceServer(symbols=[BTC], seed=3) as venue:
            made = Live(
                [Manual("manual", [BTC])],
                [tc.venues.make_connector("BINANCE", url=venue.rest)],
                paper=[tc.SimVenue("BINANCE")],
            )
            config = ServerConfig(port=0, database=f"sqlite:///{tmp_path / 'server.db'}")
            async with made as live:
                with Server(live, config, is_sandbox=True) as server:
                    server.begin()
                    running = asyncio.create_task(live.run())
                    await live.begun()
                    live.stop()
                    await running
                    sampler = server._bridge._sampler
                    assert sampler is not None
                    await sampler  # which an error would end as well

    asyncio.run(main())


def test_the_client_does_what_the_server_does(served: Served) -> None:
    async def main() -> None:
        async with tc.Client(served.url, token=served.tokens["admin"], timeout=60) as client:
            assert (await client.health())["session"] == "s1"
            first = await client.send("BTCUSDT", "sell", "0.001", "90000", key="once", post_only=True)
            assert first == await client.send("BTCUSDT", "sell", "0.001", "90000", key="once", post_only=True)
            assert (await client.replace(first["id"], price="90001"))["id"] == first["id"]
            assert (await client.change("shown", step=5))["parameters"][0]["value"] == 5
            await client.post("risk/pause")
            await client.post("risk/resume")
            with pytest.raises(RequestError, match="off_grid") as refused:
                await client.send("BTCUSDT", "sell", "0.001", "90000.001")
            assert refused.value.status == 422
            async for message in client.stream(["status"]):
                assert message["data"]["session"] == "s1"
                break
            with pytest.raises(RequestError, match="unknown_topic"):
                async for _ in client.stream(["nothing"]):
                    pass
            await client.cancel(first["id"])
            assert isinstance(await client.get("fills", limit=3), list)
        with pytest.raises(RequestError, match="no_answer"):
            async with tc.Client("http://127.0.0.1:9") as client:
                await client.health()

    asyncio.run(main())


def test_who_may_not_read_hears_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_: Any) -> None:
        raise StoreError("server.db", "gone " * 40)

    with Served(tmp_path, open_reads=False) as served:

        async def closed(**headers: str) -> int | None:
            url = f"{served.url}/api/v1/stream"
            async with aiohttp.ClientSession() as http, http.ws_connect(url, headers=headers) as socket:
                message = await socket.receive(20)
                return socket.close_code if message.type is aiohttp.WSMsgType.CLOSE else None

        async def main() -> None:
            assert await closed() == 4001
            assert await closed(Authorization="Bearer wrong") == 4001
            good = {"Authorization": f"Bearer {served.tokens['read']}"}
            assert await closed(**good) is None
            assert await closed(**good, Origin="http://evil.example") == 4003
            # Who cannot be looked up may come again; another token would not help.
            monkeypatch.setattr(Accounts, "of_token", unreadable)
            assert await closed(**good) == 1013

        asyncio.run(main())
        with served.client(None) as nobody:
            assert nobody.get("/api/v1/orders").status_code == 401
            assert nobody.get("/health").status_code == 200


async def listens(url: str, topics: list[str], times: int = 1) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a socket that asks for topics, so often, and reads nothing by itself."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    writer.write(
        b"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await reader.readuntil(b'"kind":"hello"')
    asked = orjson.dumps({"op": "subscribe", "topics": topics})
    writer.write(Frame(Opcode.TEXT, asked).serialize(mask=True) * times)
    return reader, writer


def connections() -> int:
    """How many sockets of the push are open in this process."""
    return sum(type(each) is Connection and not each.transport.is_closing() for each in gc.get_objects())


ITEM = re.compile(rb'"topic":"([^"]+)","seq":(\d+),"kind":"update"')


def left_out(heard: bytes) -> dict[bytes, int]:
    """Of each topic of items that was heard, how many are missing between the first and the last."""
    numbers: dict[bytes, list[int]] = {}
    for topic, number in ITEM.findall(heard):
        numbers.setdefault(topic, []).append(int(number))
    return {topic: seen[-1] - seen[0] + 1 - len(seen) for topic, seen in numbers.items()}


def test_clients_that_do_not_read_are_dropped_with_a_reason_and_gone(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A tenth of many asks for more and more and takes none of it; the others hear all there is."""
    monkeypatch.setattr("tradecore.server.stream._PATIENCE_S", 1.0)
    caplog.set_level("INFO", "tradecore.server")
    topics = [f"book:{BTC}", f"trades:{BTC}", "orders", "prices", "positions", "events", "feeds", "risk"]

    async def main() -> None:
        before = connections()
        good = [await listens(served.url, topics) for _ in range(54)]
        heard = [bytearray() for _ in good]

        async def read(number: int, reader: asyncio.StreamReader) -> None:
            while piece := await reader.read(1 << 16):
                heard[number] += piece

        readers = [asyncio.create_task(read(number, reader)) for number, (reader, _) in enumerate(good)]
        silent = [await listens(served.url, [f"book:{BTC}"] * 150, times=100) for _ in range(6)]
        async with tc.Client(served.url, token=served.tokens["trade"], timeout=60) as client:
            for _ in range(10):
                sent = await client.send("BTCUSDT", "buy", "0.001", "50000")
                assert sent["status"] == "accepted"
                await client.cancel(sent["id"])
        async with asyncio.timeout(60):
            while connections() > before + len(good):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        at_first = [len(each) for each in heard]
        await asyncio.sleep(1)
        assert all(len(after) > first > 0 for first, after in zip(at_first, heard, strict=True))
        assert not any(task.done() for task in readers)
        for each in heard:
            missing = left_out(bytes(each))
            assert missing.pop(b"orders") == missing.pop(b"events") == 0
            assert set(missing.values()) <= {0}
        for _, writer in good + silent:
            writer.close()
        await asyncio.gather(*readers, return_exceptions=True)

    asyncio.run(main())
    told = [record.message for record in caplog.records if "is dropped: slow: " in record.message]
    assert len(told) == 6


def test_a_slow_client_that_reads_on_is_told_why_it_is_dropped(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradecore.server.topics._MOST_BYTES", 100_000)

    async def main() -> None:
        async with aiohttp.ClientSession() as http, http.ws_connect(f"{served.url}/api/v1/stream") as socket:
            for _ in range(100):
                await socket.send_json({"op": "subscribe", "topics": [f"book:{BTC}"] * 150})
            async for _ in socket:
                pass
            assert socket.close_code == 4008

    asyncio.run(main())


def read(frame: bytes) -> dict[str, Any]:
    """What a frame says."""
    message: dict[str, Any] = orjson.loads(frame[frame.index(b"{") :])
    return message


def test_what_waits_is_sent_in_pieces_of_the_room_of_a_connection() -> None:
    frames = [b"a" * 40_000, b"b" * 20_000, b"c" * 20_000, b"d" * 100_000, b"e"]
    sent = list(pieces(frames))
    assert b"".join(sent) == b"".join(frames)
    assert [len(piece) for piece in sent] == [60_000, 20_000, 100_000, 1]
    assert list(pieces([])) == []


def test_a_client_that_falls_behind_is_dropped_with_the_reason() -> None:
    async def main() -> None:
        topics = Topics(lambda topic: [])
        slow, quick = Client(), Client()
        for client in (slow, quick):
            topics.subscribe(client, "orders", None)
        for number in range(1_100):
            topics.update("orders", number)
            await quick.take()
        assert quick.problem is None
        assert slow.problem is not None
        assert slow.problem.startswith("slow: 1001 messages")
        assert await slow.take() == []
        # Nobody has come to wake it, and it takes what waits all the same.
        late = Client()
        topics.subscribe(late, "orders", 1_100)
        topics._due.clear()
        waiting = asyncio.create_task(late.take(0.05))
        await asyncio.sleep(0)
        for _ in range(1_100):
            late.put(frame_of(b"{}"))
        assert len(await waiting) == 1_100
        assert late.problem is None
        assert await late.take(0.01) == []
        topics.leave(late)
        lazy = Client()
        topics.subscribe(lazy, "prices", None)
        await lazy.take()
        for number in range(1_000):
            topics.state("prices", number)
        (newest,) = await lazy.take()
        assert read(newest)["data"] == 999
        late = Client()
        topics.subscribe(late, "orders", 1_090)
        assert [read(frame)["seq"] for frame in await late.take()] == list(range(1_091, 1_101))
        topics.leave(late)
        assert topics.wanted() == ["orders", "prices"]

    asyncio.run(main())
