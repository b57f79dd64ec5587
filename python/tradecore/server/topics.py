"""What is pushed to clients: topics with numbered messages, and clients that keep up or are dropped."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from functools import partial
from typing import Any

from tradecore.server.answers import encode

__all__ = ["Client", "Topics"]

_KEPT = 1_000
"""Messages of a topic that who comes back may still have."""
_MOST_WAITING = 256
_MOST_BYTES = 1 << 20
"""What may wait for a client; one for whom more does is dropped."""


class Client:
    """What waits to be sent to one client. Of a topic that tells states only the newest waits."""

    def __init__(self) -> None:
        self.topics: set[str] = set()
        self.problem: str | None = None
        """Why it is dropped."""
        self._log: deque[str] = deque()
        self._states: OrderedDict[str, str] = OrderedDict()
        self._bytes = 0
        self._ready = asyncio.Event()

    def put(self, message: str) -> None:
        """Have a message sent."""
        self._log.append(message)
        self._bytes += len(message)
        if len(self._log) > _MOST_WAITING or self._bytes > _MOST_BYTES:
            self.drop(f"slow: {len(self._log)} messages of {self._bytes} bytes wait to be read")
        self._ready.set()

    def put_state(self, topic: str, message: str) -> None:
        """Have a state sent, in place of an older one that still waits."""
        self._states[topic] = message
        self._ready.set()

    def drop(self, problem: str) -> None:
        """Have it dropped."""
        self.problem = self.problem or problem
        self._ready.set()

    async def take(self) -> list[str]:
        """Wait for messages and take them; none when it is dropped."""
        await self._ready.wait()
        self._ready.clear()
        if self.problem is not None:
            return []
        taken = [*self._log, *self._states.values()]
        self._log.clear()
        self._states.clear()
        self._bytes = 0
        return taken


class Topics:
    """Topics and their clients. It belongs to the server's event loop.

    Parameters
    ----------
    snapshot : callable
        Returns what a topic begins with; raises KeyError for one there is not.
    """

    def __init__(self, snapshot: Callable[[str], Any]) -> None:
        self._snapshot = snapshot
        self._numbers: dict[str, int] = {}
        self._kept: dict[str, deque[tuple[int, int, Any]]] = defaultdict(partial(deque, maxlen=_KEPT))
        """By topic: number, time and item of messages, which become text when somebody wants them."""
        self._clients: dict[str, set[Client]] = {}
        self.at_ns = 0
        """What messages say of their time."""

    def wanted(self) -> list[str]:
        """Return the topics that somebody listens to."""
        return list(self._clients)

    def update(self, topic: str, data: Any) -> None:
        """Tell a further item of a topic, which does not change any more."""
        number = self._numbers[topic] = self._numbers.get(topic, 0) + 1
        self._kept[topic].append((number, self.at_ns, data))
        clients = self._clients.get(topic)
        if clients:
            message = _message(topic, number, "update", self.at_ns, data)
            for client in clients:
                client.put(message)

    def state(self, topic: str, data: Any) -> None:
        """Tell how things stand in a topic."""
        clients = self._clients.get(topic)
        if not clients:
            return
        number = self._numbers[topic] = self._numbers.get(topic, 0) + 1
        message = _message(topic, number, "snapshot", self.at_ns, data)
        for client in clients:
            client.put_state(topic, message)

    def subscribe(self, client: Client, topic: str, since: int | None) -> None:
        """Have a client hear of a topic: of what it missed since, or of the whole first.

        Raises
        ------
        KeyError
            For a topic there is not.
        """
        whole = self._snapshot(topic)
        number = self._numbers.get(topic, 0)
        missed = self._since(topic, since, number)
        if missed is None:
            client.put(_message(topic, number, "snapshot", self.at_ns, whole))
        else:
            for message in missed:
                client.put(message)
        client.topics.add(topic)
        self._clients.setdefault(topic, set()).add(client)

    def unsubscribe(self, client: Client, topic: str) -> None:
        """Have it hear no more."""
        client.topics.discard(topic)
        clients = self._clients.get(topic)
        if clients is not None:
            clients.discard(client)
            if not clients:
                del self._clients[topic]

    def leave(self, client: Client) -> None:
        """Forget a client."""
        for topic in tuple(client.topics):
            self.unsubscribe(client, topic)

    def _since(self, topic: str, since: int | None, number: int) -> list[str] | None:
        kept = self._kept.get(topic)
        if since is None or not kept or not kept[0][0] - 1 <= since <= number:
            return None
        missed = [item for item in kept if item[0] > since]
        if len(missed) >= _MOST_WAITING:
            return None
        return [_message(topic, at, "update", at_ns, data) for at, at_ns, data in missed]


def _message(topic: str, number: int, kind: str, at_ns: int, data: Any) -> str:
    return encode({"topic": topic, "seq": number, "kind": kind, "at_ns": at_ns, "data": data}).decode()
