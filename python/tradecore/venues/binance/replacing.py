"""Spot orders that are replaced by others: which orders of the venue are one of ours. No socket is touched here.

The venue gives a spot order another price, or more quantity, by cancelling it and taking another one. Ours stays what
it is: the order that takes the place of another carries its client id with a number behind it, and how much had been
filled before, ``<client id>_<number>[_<whole>_<fraction>]``, so that what is told of it says by itself whose it is and
counts on from there, after a restart as well. A cancel for that carries the number with a ``c``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tradecore.venues.orders import Refusal

__all__ = ["Incarnation", "Replacements", "is_replacing"]

_LONGEST = 36
_TEXT = re.compile(r"([0-9A-Za-z]+-[0-9a-z]+-[0-9a-z]+)_(\d+)(?:_(\d+)_(\d+))?")
_CANCEL = re.compile(r"[0-9A-Za-z]+-[0-9a-z]+-[0-9a-z]+_\d+c")


@dataclass(frozen=True, slots=True)
class Incarnation:
    """An order of the venue that is one of ours, or has taken its place.

    Parameters
    ----------
    client_id : str
        Of our order.
    number : int
        How many replacements came before it.
    before : Decimal
        How much of our order had been filled by then.
    """

    client_id: str
    number: int = 0
    before: Decimal = Decimal(0)

    @classmethod
    def of(cls, text: str) -> Incarnation:
        """Read what the venue carries for us."""
        if (found := _TEXT.fullmatch(text)) is None:
            return cls(text)
        client_id, number, whole, fraction = found.groups()
        return cls(client_id, int(number), Decimal(f"{whole}.{fraction}") if whole else Decimal(0))

    @property
    def text(self) -> str:
        """What the venue carries for us."""
        if not self.number:
            return self.client_id
        whole, _, fraction = f"{self.before:f}".partition(".")
        return f"{self.client_id}_{self.number}" + (f"_{whole}_{fraction or 0}" if self.before else "")

    @property
    def cancel_id(self) -> str:
        """What the cancel that makes room for it is called."""
        return f"{self.client_id}_{self.number}c"

    def next(self, before: Decimal) -> Incarnation:
        """Return what takes its place.

        Raises
        ------
        Refusal
            Where its text is longer than the venue takes.
        """
        taken = Incarnation(self.client_id, self.number + 1, before.normalize())
        if len(taken.text) > _LONGEST or len(taken.cancel_id) > _LONGEST:
            raise Refusal("unsupported", f"{taken.text} is longer than a client id may be: cancel and send anew")
        return taken


def is_replacing(request_id: str) -> bool:
    """Return whether a cancel makes room for another order: whatever comes of that is told by its answer."""
    return _CANCEL.fullmatch(request_id) is not None


class Replacements:
    """What stands at the venue for each of our orders that was replaced."""

    def __init__(self) -> None:
        self._current: dict[str, Incarnation] = {}
        self._filled: set[str] = set()
        self._awaited: dict[str, tuple[Incarnation, int]] = {}

    def of(self, client_id: str) -> Incarnation:
        """Return the last that is known of an order."""
        return self._current.get(client_id) or Incarnation(client_id)

    def saw(self, text: str) -> Incarnation:
        """Take what the venue carries for us, and return what it is."""
        seen = Incarnation.of(text)
        if seen.number > self.of(seen.client_id).number:
            self._current[seen.client_id] = seen
            self._filled.discard(seen.client_id)
        return seen

    def saw_fill(self, client_id: str) -> None:
        """Take that something of what stands was filled."""
        self._filled.add(client_id)

    def has_fills(self, client_id: str) -> bool:
        """Return whether something of what stands was filled, as far as is known."""
        return client_id in self._filled

    def sent(self, taken: Incarnation, now_ns: int) -> None:
        """Remember what was sent to take a place, until its outcome is known."""
        self._awaited[taken.client_id] = taken, now_ns

    def answered(self, client_id: str) -> None:
        """Take that its outcome is known."""
        self._awaited.pop(client_id, None)

    def is_awaited(self, client_id: str, good_for_s: float, now_ns: int) -> bool:
        """Return whether what was sent to take a place is not there, and may still come."""
        if (awaited := self._awaited.get(client_id)) is None:
            return False
        taken, sent_ns = awaited
        if taken.number > self.of(client_id).number and now_ns - sent_ns <= good_for_s * 1e9:
            return True
        del self._awaited[client_id]
        return False

    def forget(self, client_id: str) -> None:
        """Forget an order that has ended."""
        self._current.pop(client_id, None)
        self._filled.discard(client_id)

    def lineage(self, client_id: str, rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return those of an account's orders that were one of ours, oldest first."""
        own = [row for row in rows if self.saw(row["clientOrderId"]).client_id == client_id]
        return sorted(own, key=lambda row: int(row["orderId"]))
