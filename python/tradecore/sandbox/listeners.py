"""Who is told of an account of a local venue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

__all__ = ["Listeners"]


class Listeners:
    """Listeners by account."""

    def __init__(self) -> None:
        self._pushes: defaultdict[int, list[Callable[[dict[str, Any]], None]]] = defaultdict(list)

    def add(self, account: int, push: Callable[[dict[str, Any]], None]) -> None:
        """Tell somebody of an account from now on."""
        self._pushes[account].append(push)

    def forget(self, account: int, push: Callable[[dict[str, Any]], None]) -> None:
        """Tell somebody no more of an account, if he still is told."""
        if push in self._pushes[account]:
            self._pushes[account].remove(push)

    def listen(self, account: int) -> bool:
        """Return whether anybody is told of an account."""
        return bool(self._pushes[account])

    def tell(self, account: int, event: dict[str, Any]) -> None:
        """Tell whoever listens to an account."""
        for push in tuple(self._pushes[account]):
            push(event)
