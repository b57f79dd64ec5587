"""What connections to a local venue have subscribed to, and when it is told."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from tradecore.sandbox.link import Link

__all__ = ["Topic", "Topics"]

_Subscriber = TypeVar("_Subscriber")


@dataclass(slots=True, kw_only=True)
class Topic(Generic[_Subscriber]):
    """What is told of a symbol, by the venue's own name of it.

    Every so many ms of the clock it is due, never by the clock where that is 0. ``subscribers`` says of each connection
    how it is told.
    """

    name: str
    symbol: str
    kind: str
    every_ms: int
    subscribers: dict[Link, _Subscriber] = field(default_factory=dict)
    next_ms: int = 0

    def is_due(self, now_ms: int) -> bool:
        """Return whether it is, once in each interval."""
        if not self.every_ms or now_ms < self.next_ms:
            return False
        self.next_ms = now_ms - now_ms % self.every_ms + self.every_ms
        return True


_Key = TypeVar("_Key", bound=Hashable)
_Topic = TypeVar("_Topic", bound=Topic)  # type: ignore[type-arg]  # of whatever subscribers


class Topics(dict[_Key, _Topic]):
    """Topics by what they are looked up by; each stays once it has been asked for."""

    def told(self, key: _Key) -> _Topic | None:
        """Return a topic that somebody has subscribed to; None for any other."""
        topic = self.get(key)
        return topic if topic is not None and topic.subscribers else None

    def of(self, link: Link) -> Iterator[_Topic]:
        """Return what a connection has subscribed to."""
        return (topic for topic in self.values() if link in topic.subscribers)

    def forget(self, link: Link) -> None:
        """Forget a connection that is gone."""
        for topic in self.values():
            topic.subscribers.pop(link, None)

    def due(self, now_ms: int) -> list[_Topic]:
        """Return what somebody has subscribed to and is due."""
        return [topic for topic in self.values() if topic.subscribers and topic.is_due(now_ms)]
