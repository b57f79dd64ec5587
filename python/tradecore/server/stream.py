"""The push to clients, by WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from tradecore.server.accounts import Role
from tradecore.server.answers import encode
from tradecore.server.context import Service
from tradecore.server.frames import frame_of, pieces
from tradecore.server.guard import identity_of
from tradecore.server.topics import Client

__all__ = ["stream"]

_LOG = logging.getLogger("tradecore.server")

_HEARTBEAT_S = 5.0
_PATIENCE_S = 10.0
"""A client that reads nothing for so long is dropped."""
_MOST_TOPICS = 200
_MOST_CLIENTS = 2_000
_LONGEST = 16_384
UNAUTHORIZED, FORBIDDEN, FULL, SLOW, LATER = 4001, 4003, 4009, 4008, 1013
_CODES = {401: UNAUTHORIZED, 403: FORBIDDEN}
"""Of who is refused; whoever is refused for another reason may come again."""
_LONGEST_REASON = 120


async def stream(socket: WebSocket) -> None:
    """Serve a client until it goes or is dropped."""
    service: Service = socket.app.state.service
    problem = socket.scope["state"].get("problem")
    await socket.accept()
    if problem is not None:
        reason = problem.text.encode()[:_LONGEST_REASON].decode(errors="ignore")
        await socket.close(_CODES.get(problem.status, LATER), reason)
        return
    if identity_of(socket.scope).role < Role.READ:
        await socket.close(UNAUTHORIZED, "this takes a token of role read")
        return
    if service.streams >= _MOST_CLIENTS:
        await socket.close(FULL, f"{_MOST_CLIENTS} clients are there")
        return
    service.streams += 1
    client = Client()
    _tell(client, _hello(service))
    tasks = [asyncio.create_task(work) for work in (_read(socket, client, service), _write(socket, client))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if client.problem is not None:
            _LOG.info("a client of the push is dropped: %s", client.problem)
            with contextlib.suppress(Exception):
                await socket.close(SLOW, client.problem[:_LONGEST_REASON])
    finally:
        service.streams -= 1
        service.view.topics.leave(client)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _read(socket: WebSocket, client: Client, service: Service) -> None:
    while True:
        try:
            text = await socket.receive_text()
        except (WebSocketDisconnect, RuntimeError, KeyError):
            return
        try:
            if len(text) > _LONGEST:
                raise ValueError(f"a message of more than {_LONGEST} characters")
            _answer(orjson.loads(text), client, service)
        except (ValueError, TypeError) as error:
            _tell(client, _told({"kind": "error", "code": "bad_message", "error": str(error)}))


def _answer(asked: Any, client: Client, service: Service) -> None:
    if not isinstance(asked, dict):
        raise TypeError("expected an object with op")
    op, topics = asked.get("op"), asked.get("topics", [])
    if op == "ping":
        _tell(client, _told({"kind": "pong"}))
        return
    if op not in ("subscribe", "unsubscribe"):
        raise ValueError(f"op is {op!r}; expected subscribe, unsubscribe or ping")
    if not isinstance(topics, list) or not all(isinstance(topic, str) for topic in topics):
        raise TypeError("topics is no list of texts")
    since = asked.get("since") or {}
    if not isinstance(since, dict) or not all(type(number) is int for number in since.values()):
        raise TypeError("since is no object of numbers")
    for topic in topics:
        if op == "unsubscribe":
            service.view.topics.unsubscribe(client, topic)
            continue
        if len(client.topics) >= _MOST_TOPICS:
            raise ValueError(f"more than {_MOST_TOPICS} topics")
        try:
            service.view.topics.subscribe(client, topic, since.get(topic))
        except KeyError:
            problem = {"kind": "error", "code": "unknown_topic", "error": f"no topic {topic!r}", "topic": topic}
            _tell(client, _told(problem))


async def _write(socket: WebSocket, client: Client) -> None:
    while client.problem is None:
        frames = await client.take(_HEARTBEAT_S) or [_told({"kind": "heartbeat"})]
        if client.problem is not None:
            return
        try:
            for piece in pieces(frames):
                async with asyncio.timeout(_PATIENCE_S):
                    await socket.send({"type": "websocket.send", "frames": piece})
        except TimeoutError:
            client.drop(f"slow: nothing was read for {_PATIENCE_S:.0f} s")
        except (WebSocketDisconnect, RuntimeError, OSError):
            return


def _tell(client: Client, frame: bytes) -> None:
    client.put(frame)
    client.wake()


def _hello(service: Service) -> bytes:
    view = service.view
    return _told(
        {
            "kind": "hello",
            "session": view.bridge.session,
            "mode": view.bridge.mode,
            "is_sandbox": view.bridge.is_sandbox,
            "started_ns": view.started_ns,
            "heartbeat_s": _HEARTBEAT_S,
            "topics": view.names(),
        }
    )


def _told(message: dict[str, Any]) -> bytes:
    return frame_of(encode(message))
