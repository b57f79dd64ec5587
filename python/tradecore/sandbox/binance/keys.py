"""Whose a request to a local Binance is, and whether it is of the right time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradecore.sandbox.binance.refusals import BAD_SIGNATURE, BAD_TIMESTAMP, UNKNOWN_KEY, missing
from tradecore.sandbox.clients import Client, Clients
from tradecore.sandbox.door import Door
from tradecore.sandbox.numbers import ms
from tradecore.sandbox.refused import Refused

__all__ = ["Keys"]


class Keys:
    """Checks keys, signatures and times. What is wrong is :class:`Refused`."""

    def __init__(self, clients: Clients, door: Door) -> None:
        self._clients = clients
        self._door = door

    def account(self, key: str | None) -> int:
        """Return whose key it is."""
        return self._of(key)[0]

    def check(self, key: str | None, payload: bytes, signature: str | None) -> int:
        """Return whose request it is that was signed so."""
        number, client = self._of(key)
        if not signature or not client.signed(payload, signature):
            raise Refused(*BAD_SIGNATURE)
        return number

    def logs_on(self, key: str | None) -> bool:
        """Return whether a session can be opened with a key: only with an Ed25519 one."""
        return self._of(key)[1].is_ed25519

    def check_time(self, params: Mapping[str, Any]) -> None:
        """Hold the time of a signed request against the venue's clock."""
        try:
            sent, window = int(params["timestamp"]), int(params.get("recvWindow", 5_000))
        except (KeyError, ValueError):
            raise missing("timestamp") from None
        if not 0 < window <= 60_000:
            raise Refused(-1131, "recvWindow must be less than 60000")
        now = ms(self._door.venue_ns)
        if sent >= now + 1_000:
            raise Refused(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if now - sent > window:
            raise Refused(*BAD_TIMESTAMP)

    def _of(self, key: str | None) -> tuple[int, Client]:
        found = self._clients.find(key)
        if found is None:
            raise Refused(*UNKNOWN_KEY, status=401)
        return found
