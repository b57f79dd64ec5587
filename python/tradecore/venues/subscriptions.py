"""Who wants which stream of which instrument."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from tradecore.venues.events import Stream

__all__ = ["Subscriptions", "Topic"]

Topic: TypeAlias = tuple[str, Stream]
"""A stream of an instrument."""


class Subscriptions:
    """Counts who wants a topic, so that it is asked for once and given up by the last.

    Examples
    --------
    >>> from tradecore.venues import Stream
    >>> from tradecore.venues.subscriptions import Subscriptions
    >>> wanted = Subscriptions()
    >>> wanted.add("maker", "A.V", [Stream.BOOK, Stream.TRADES]) == [("A.V", "book"), ("A.V", "trades")]
    True
    >>> wanted.add("hedger", "A.V", [Stream.BOOK]), wanted.remove("maker", "A.V", [Stream.BOOK])
    ([], [])
    """

    __slots__ = ("_owners",)

    def __init__(self) -> None:
        self._owners: dict[Topic, set[str]] = {}

    def __contains__(self, topic: Topic) -> bool:
        return topic in self._owners

    def add(self, owner: str, instrument: str, streams: Iterable[Stream]) -> list[Topic]:
        """Note what an owner wants; returns what nobody wanted before."""
        new = []
        for stream in streams:
            topic = instrument, stream
            owners = self._owners.get(topic)
            if owners is None:
                owners = self._owners[topic] = set()
                new.append(topic)
            owners.add(owner)
        return new

    def remove(self, owner: str, instrument: str, streams: Iterable[Stream]) -> list[Topic]:
        """Note what an owner wants no more; returns what nobody wants now."""
        gone = []
        for stream in streams:
            topic = instrument, stream
            owners = self._owners.get(topic)
            if owners is None or owner not in owners:
                continue
            owners.discard(owner)
            if not owners:
                del self._owners[topic]
                gone.append(topic)
        return gone

    @property
    def topics(self) -> tuple[Topic, ...]:
        """All that is wanted, in the order in which it was asked for."""
        return tuple(self._owners)
