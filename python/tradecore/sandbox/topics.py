"""What connections to a local venue can subscribe to, and when it is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["Topic"]

_Subscriber = TypeVar("_Subscriber")


@dataclass(slots=True, kw_only=True)
class Topic(Generic[_Subscriber]):
    """A topic: every so many ms of the clock it is due, never by the clock where that is 0."""

    every_ms: int
    subscribers: list[_Subscriber] = field(default_factory=list)
    next_ms: int = 0

    def is_due(self, now_ms: int) -> bool:
        """Return whether it is, once in each interval."""
        if not self.every_ms or now_ms < self.next_ms:
            return False
        self.next_ms = now_ms - now_ms % self.every_ms + self.every_ms
        return True
