"""Who is told of an account of a local Binance, and the keys of private streams."""

from __future__ import annotations

import itertools
from typing import Any

from tradecore.sandbox.binance.refusals import NO_LISTEN_KEY
from tradecore.sandbox.binance.requests import Asked
from tradecore.sandbox.listeners import Listeners
from tradecore.sandbox.refused import Refused

__all__ = ["Users"]

Json = dict[str, Any]


class Users(Listeners):
    """Listeners by account. Futures have a key for each account's stream; the connection of one on spot is its own."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[str, int] = {}
        self._numbers = itertools.count(1)

    def account_of(self, key: str) -> int | None:
        """Return whose stream a key opens; None if it opens none."""
        return self._keys.get(key)

    def key(self, asked: Asked) -> Json:
        """Return the key of a private stream; the same for as long as it lives."""
        key = self._key_of(asked.account)
        if key is None:
            key = f"sandbox{asked.account}x{next(self._numbers)}"
            self._keys[key] = asked.account
        return {"listenKey": key}

    def keep_key(self, asked: Asked) -> Json:
        """Let a private stream live on."""
        if self._key_of(asked.account) is None:
            raise Refused(*NO_LISTEN_KEY)
        return self.key(asked)

    def close_key(self, asked: Asked) -> Json:
        """End a private stream."""
        self._keys.pop(self._key_of(asked.account) or "", None)
        return {}

    def _key_of(self, account: int) -> str | None:
        return next((key for key, owner in self._keys.items() if owner == account), None)

    def lose_keys(self) -> None:
        """Forget all keys, as a venue that was restarted."""
        self._keys.clear()

    def expire(self, at_ms: int, *, is_spot: bool) -> None:
        """End all private streams, each with a word."""
        for account in tuple(self._pushes):
            self.end(account, at_ms, is_spot=is_spot)
        self._keys.clear()

    def end(self, account: int, at_ms: int, *, is_spot: bool) -> None:
        """End the private streams of an account, each with a word."""
        key = self._key_of(account) or ""
        told = {"e": "eventStreamTerminated"} if is_spot else {"e": "listenKeyExpired", "listenKey": key}
        self.tell(account, {**told, "E": at_ms})
        self._pushes.pop(account, None)
        self._keys.pop(key, None)
