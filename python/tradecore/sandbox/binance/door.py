"""What every request passes that comes to a local Binance, by HTTP or WebSocket: the script of faults, and clocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tradecore.sandbox.binance.api import Api, Endpoint
from tradecore.sandbox.binance.refusals import BAD_TIMESTAMP, Refused, missing
from tradecore.sandbox.binance.requests import Asked
from tradecore.sandbox.binance.shapes import ms
from tradecore.sandbox.faults import Fault, Faults
from tradecore.venues.clock import Clock

__all__ = ["Door", "Visit"]

_STALE = 1_000_000
"""So many updates lie between a stale snapshot and the book."""


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
        """Take a request by its name.

        Raises
        ------
        Refused
            As the script has it.
        """
        now_s = self.now_s
        faults = self.faults.of_request(name, now_s)
        for fault in faults:
            if fault.kind == "status":
                raise _refused(fault)
        return Visit(self, faults, now_s)

    def check_time(self, params: Mapping[str, Any]) -> None:
        """Hold the time of a signed request against the venue's clock.

        Raises
        ------
        Refused
            Where it names none, or one that is too far away.
        """
        try:
            sent, window = int(params["timestamp"]), int(params.get("recvWindow", 5_000))
        except (KeyError, ValueError):
            raise missing("timestamp") from None
        if not 0 < window <= 60_000:
            raise Refused(-1131, "recvWindow must be less than 60000")
        now = ms(self.venue_ns)
        if sent >= now + 1_000:
            raise Refused(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if now - sent > window:
            raise Refused(*BAD_TIMESTAMP)


class Visit:
    """A request on its way, and what it meets by the script."""

    def __init__(self, door: Door, faults: Sequence[Fault], now_s: float) -> None:
        self._door = door
        self._faults = faults
        self.now_s = now_s

    @property
    def is_lost(self) -> bool:
        """Whether it is not carried out, and the connection dies."""
        return self._meets("lose")

    @property
    def is_swallowed(self) -> bool:
        """Whether the connection dies in place of the answer."""
        return self._meets("swallow")

    @property
    def lag_s(self) -> float:
        """How late the answer is, seconds."""
        return sum(fault.delay_ms for fault in self._faults if fault.kind == "lag") / 1000

    def carry_out(self, api: Api, endpoint: Endpoint, params: Mapping[str, Any], account: int) -> Any:
        """Do what was asked for."""
        result = api.carry_out(endpoint, Asked(params, self._door.venue_ns, account))
        if self._meets("stale_snapshot") and "lastUpdateId" in result:
            result = {**result, "lastUpdateId": result["lastUpdateId"] - _STALE}
        return result

    def _meets(self, kind: str) -> bool:
        return any(fault.kind == kind for fault in self._faults)


def _refused(fault: Fault) -> Refused:
    if fault.status in (418, 429):
        headers = {"Retry-After": str(max(1, fault.delay_ms // 1000))}
        return Refused(-1003, "Too many requests.", status=fault.status, headers=headers)
    return Refused(-1000, "An unknown error occurred while processing the request.", status=fault.status)
