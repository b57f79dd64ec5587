"""Whose a request to a local Bybit is, and whether it is of the right time."""

from __future__ import annotations

from collections.abc import Mapping

from tradecore.sandbox.bybit.refusals import BAD_SIGNATURE, UNKNOWN_KEY
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

    def check(self, headers: Mapping[str, str], payload: bytes) -> tuple[int, str]:
        """Return whose request it is that was signed so, and the key: a query or a body."""
        key = headers.get("X-BAPI-API-KEY", "")
        number, client = self._of(key)
        self.check_time(headers)
        window = headers.get("X-BAPI-RECV-WINDOW", "5000")
        signed = f"{headers['X-BAPI-TIMESTAMP']}{key}{window}".encode() + payload
        if not client.signed(signed, headers.get("X-BAPI-SIGN", "")):
            raise Refused(*BAD_SIGNATURE)
        return number, key

    def check_time(self, headers: Mapping[str, str]) -> None:
        """Hold the time of a request against the venue's clock."""
        sent, window = headers.get("X-BAPI-TIMESTAMP", ""), headers.get("X-BAPI-RECV-WINDOW", "5000")
        now = ms(self._door.venue_ns)
        if not (sent.isdigit() and window.isdigit() and now - int(window) <= int(sent) < now + 1_000):
            text = "invalid request, please check your server timestamp or recv_window param."
            raise Refused(10002, f"{text} req_timestamp[{sent}],server_timestamp[{now}],recv_window[{window}]")

    def log_in(self, key: str, expires_ms: int, signature: str) -> int:
        """Return whose connection it is that was signed so."""
        number, client = self._of(key)
        if expires_ms <= ms(self._door.venue_ns) or not client.signed(f"GET/realtime{expires_ms}".encode(), signature):
            raise Refused(*BAD_SIGNATURE)
        return number

    def check_key(self, key: str) -> None:
        """Hold a key that was taken once against those that there are now."""
        self._of(key)

    def _of(self, key: str) -> tuple[int, Client]:
        found = self._clients.find(key)
        if found is None:
            raise Refused(*UNKNOWN_KEY)
        return found
