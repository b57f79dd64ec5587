"""What every request passes that comes to a local venue, by HTTP or WebSocket: the script of faults, and its clock."""

from __future__ import annotations

from collections.abc import Sequence

from tradecore.sandbox.faults import Fault, Faults
from tradecore.venues.clock import Clock

__all__ = ["Door", "Visit"]


class Door:
    """Where requests come in.

    Parameters
    ----------
    faults : Faults
    clock : Clock
        That of the machine; the venue's may be ahead of it by the script.
    """

    def __init__(self, faults: Faults, clock: Clock) -> None:
        self.faults = faults
        self.clock = clock

    @property
    def now_s(self) -> float:
        """The time, seconds."""
        return self.clock.now_ns() / 1e9

    @property
    def venue_ns(self) -> int:
        """The time by the venue's clock, ns."""
        return self.clock.now_ns() + self.faults.clock_ahead_ms(self.now_s) * 1_000_000

    def enter(self, name: str) -> Visit:
        """Take a request by its name."""
        now_s = self.now_s
        return Visit(self.faults.of_request(name, now_s), now_s)


class Visit:
    """A request on its way, and what it meets by the script."""

    def __init__(self, faults: Sequence[Fault], now_s: float) -> None:
        self._faults = faults
        self.now_s = now_s

    @property
    def refusal(self) -> Fault | None:
        """What it is refused with, if it is."""
        return next((fault for fault in self._faults if fault.kind == "status"), None)

    @property
    def is_lost(self) -> bool:
        """Whether it is not carried out, and the connection dies."""
        return self.meets("lose")

    @property
    def is_swallowed(self) -> bool:
        """Whether the connection dies in place of the answer."""
        return self.meets("swallow")

    @property
    def lag_s(self) -> float:
        """How late the answer is, seconds."""
        return sum(fault.delay_ms for fault in self._faults if fault.kind == "lag") / 1000

    def meets(self, kind: str) -> bool:
        """Return whether it meets a kind of fault."""
        return any(fault.kind == kind for fault in self._faults)
