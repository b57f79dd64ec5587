"""How much was asked in windows that roll along."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable
from dataclasses import dataclass

__all__ = ["Usage", "Windows"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What is left of a limit, when the oldest of what counts no longer does, and whether it was too much."""

    left: int
    reset_s: float
    is_over: bool


class Windows:
    """Counts what is asked under a key; what is too much does not count."""

    def __init__(self) -> None:
        self._asked: defaultdict[Hashable, deque[float]] = defaultdict(deque)

    def ask(self, key: Hashable, most: int, span_s: float, now_s: float, count: int = 1) -> Usage:
        """Count a request against the most there may be in a span."""
        asked = self._asked[key]
        while asked and asked[0] <= now_s - span_s:
            asked.popleft()
        is_over = len(asked) + count > most
        if not is_over:
            asked.extend([now_s] * count)
        return Usage(most - len(asked), asked[0] + span_s if asked else now_s, is_over)
