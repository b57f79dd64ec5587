"""How long to wait before the next attempt."""

from __future__ import annotations

from random import Random

from tradecore.errors import InvalidValueError

__all__ = ["Backoff"]


class Backoff:
    """Waits that double, up to a most, each drawn from the upper half of its length so that clients spread.

    Parameters
    ----------
    random : Random
        Seeded by whoever gives it: the same seed makes the same waits.
    first_s, most_s : float
        Seconds.

    Examples
    --------
    >>> from random import Random
    >>> from tradecore.venues.backoff import Backoff
    >>> backoff = Backoff(Random(1), first_s=1.0, most_s=4.0)
    >>> [0.5 <= backoff.next_s() <= 1.0, 1.0 <= backoff.next_s() <= 2.0, 2.0 <= backoff.next_s() <= 4.0]
    [True, True, True]
    """

    __slots__ = ("_first_s", "_most_s", "_random", "attempts")

    def __init__(self, random: Random, *, first_s: float = 0.5, most_s: float = 30.0) -> None:
        if not 0 < first_s <= most_s:
            raise InvalidValueError("backoff", f"expected 0 < first <= most, got {first_s} and {most_s} s")
        self._random = random
        self._first_s = first_s
        self._most_s = most_s
        self.attempts = 0

    def next_s(self) -> float:
        """Return the next wait, seconds."""
        length = min(self._most_s, self._first_s * 2.0 ** min(self.attempts, 62))
        self.attempts += 1
        return length * self._random.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Begin anew, after something went well."""
        self.attempts = 0
