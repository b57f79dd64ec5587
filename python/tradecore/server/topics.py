"""What is pushed to clients: topics with numbered messages, and clients that keep up or are dropped."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from tradecore.server.answers import encode
from tradecore.server.frames import frame_of

__all__ = ["Client", "Topics"]

_KEPT = 1_000
"""Messages of a topic that who comes back may still have."""
_MOST_WAITING = 1_000
_MOST_BYTES = 1 << 20
"""What may wait for a client; one for whom more does is dropped."""
_PATIENCE = 8
"""As much more may wait for one that has read all it was sent."""
_PAUSE_S = 0.01
"""Messages go out so often at most: what comes at once is sent at once."""
_AT_ONCE = 8
"""Clients that are sent to before a request has its turn."""
_SHARE = 3
"""Of the time of the server's thread this push takes a part of at most."""


class Client:
    """What waits to be sent to one client, as frames. Of a topic that tells states only the newest waits."""

    def __init__(self) -> None:
        self.topics: set[str] = set()
        self.problem: str | None = None
        """Why it is dropped."""
        self._log: deque[bytes] = deque()
        self._states: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._ready = asyncio.Event()
        self._is_reading = False

    def put(self, message: bytes) -> None:
        """Have a message sent with the next :meth:`wake`."""
        self._log.append(message)
        self._bytes += len(message)
        # What waits for a client that has taken everything before waits for us, which is not its fault.
        most = _PATIENCE if self._is_reading else 1
        if len(self._log) > most * _MOST_WAITING or self._bytes > most * _MOST_BYTES:
            self.drop(f"slow: {len(self._log)} messages of {self._bytes} bytes wait to be read")

    def put_state(self, topic: str, message: bytes) -> None:
        """Have a state sent, in place of an older one that still waits."""
        self._states[topic] = message

    def wake(self) -> None:
        """Have what waits sent."""
        self._ready.set()

    def drop(self, problem: str) -> None:
        """Have it dropped."""
        self.problem = self.problem or problem
        self._ready.set()

    async def take(self, patience_s: float | None = None) -> list[bytes]:
        """Wait for messages and take them; none when it is dropped, or where there are none for so long.

        What waits is taken then as well: many clients are told late, which is not the fault of one.
        """
        self._is_reading = True
        try:
            async with asyncio.timeout(patience_s):
                await self._ready.wait()
        except TimeoutError:
            pass
        finally:
            self._is_reading = False
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
        self._wholes: dict[str, tuple[int, int, bytes]] = {}
        """By topic: number, time and message of what it began with for who came last."""
        self._due: dict[Client, None] = {}
        """Clients for whom something waits, in order."""
        self._sending: asyncio.Task[None] | None = None
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
            self._send_to(clients)

    def state(self, topic: str, data: Any) -> None:
        """Tell how things stand in a topic."""
        clients = self._clients.get(topic)
        if not clients:
            return
        number = self._numbers[topic] = self._numbers.get(topic, 0) + 1
        message = _message(topic, number, "snapshot", self.at_ns, data)
        for client in clients:
            client.put_state(topic, message)
        self._send_to(clients)

    def subscribe(self, client: Client, topic: str, since: int | None) -> None:
        """Have a client hear of a topic: of what it missed since, or of the whole first.

        Raises
        ------
        KeyError
            For a topic there is not.
        """
        whole = self._whole(topic)
        missed = self._since(topic, since, self._numbers.get(topic, 0))
        for message in (whole,) if missed is None else missed:
            client.put(message)
        self._send_to((client,))
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

    def _send_to(self, clients: Iterable[Client]) -> None:
        self._due.update(dict.fromkeys(clients))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send(), name="push")

    async def _send(self) -> None:
        """Send to whom something waits for, with pauses: many clients are told seldom, and delay nobody's request."""
        loop = asyncio.get_running_loop()
        while self._due:
            began = loop.time()
            due, self._due = self._due, {}
            for number, client in enumerate(due, start=1):
                client.wake()
                if number % _AT_ONCE == 0:
                    await asyncio.sleep(0)
            await asyncio.sleep(0)
            await asyncio.sleep(max(_PAUSE_S, (_SHARE - 1) * (loop.time() - began)))

    def _whole(self, topic: str) -> bytes:
        """Return what a topic begins with: the same for all who come before something changes."""
        number = self._numbers.get(topic, 0)
        known = self._wholes.get(topic)
        if known is None or known[:2] != (number, self.at_ns):
            message = _message(topic, number, "snapshot", self.at_ns, self._snapshot(topic))
            known = self._wholes[topic] = (number, self.at_ns, message)
        return known[2]

    def _since(self, topic: str, since: int | None, number: int) -> list[bytes] | None:
        kept = self._kept.get(topic)
        if since is None or not kept or not kept[0][0] - 1 <= since <= number:
            return None
        missed = [item for item in kept if item[0] > since]
        if len(missed) >= _MOST_WAITING:
            return None
        return [_message(topic, at, "update", at_ns, data) for at, at_ns, data in missed]


def _message(topic: str, number: int, kind: str, at_ns: int, data: Any) -> bytes:
    return frame_of(encode({"topic": topic, "seq": number, "kind": kind, "at_ns": at_ns, "data": data}))
