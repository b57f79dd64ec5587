"""Coinbase's channel of what happens to an account's orders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import orjson

from tradecore.errors import VenueError
from tradecore.venues.account import AccountStreams
from tradecore.venues.clock import Clock
from tradecore.venues.coinbase.api import CoinbaseApi
from tradecore.venues.coinbase.market import VENUE, Hosts
from tradecore.venues.coinbase.streams import Heartbeats
from tradecore.venues.link import Session

__all__ = ["UserChannel"]


class UserChannel(AccountStreams):
    """What the venue says of orders. Messages are numbered, and a connection on which one is missing is given up."""

    def __init__(self, api: CoinbaseApi, hosts: Hosts, *, clock: Clock, **shared: Any) -> None:
        self._api = api
        self._hosts = hosts
        self._heartbeats = Heartbeats(clock)
        self._expected: WeakKeyDictionary[Session, int] = WeakKeyDictionary()
        super().__init__(VENUE, ("user",), clock=clock, **shared)

    async def _url(self, name: str) -> str:
        return self._hosts.user

    async def _prepare(self, name: str, session: Session) -> None:
        for channel in ("heartbeats", "user"):
            self._heartbeats.seen(session)
            what = f"subscribe {channel}"
            text = orjson.dumps({"type": "subscribe", "channel": channel, "jwt": self._api.token()})
            answer = await self._api.ask_on(session, what, "request", text)
            if answer.get("type") == "error":
                await self._api.check_key()  # here one that is not taken is refused in the words of any other fault
                raise VenueError(VENUE, what, "", str(answer.get("message", "refused")))

    def _beat(self, name: str) -> tuple[float, Callable[[Session], Awaitable[None]]]:
        return self._heartbeats.beat

    def _take(self, name: str, session: Session, message: Mapping[str, Any]) -> None:
        if message.get("type") == "error":
            session.answer("request", message)
            return
        number = int(message.get("sequence_num", 0))
        expected = self._expected.get(session, number)
        self._expected[session] = max(expected, number + 1)
        if number > expected:
            session.end(f"{number - expected} messages were lost")
        match message.get("channel"):
            case "subscriptions":
                session.answer("request", message)
            case "heartbeats":
                self._heartbeats.seen(session)
            case "user" if number >= expected:
                self._read(message, self._clock.now_ns())
