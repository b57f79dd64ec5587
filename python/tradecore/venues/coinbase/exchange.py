"""How the feed of Coinbase Exchange speaks of channels."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from tradecore.errors import CredentialsError
from tradecore.venues.clock import Clock
from tradecore.venues.coinbase.market import EXCHANGE, EXCHANGE_CHANNELS, FULL_CHANNELS, Hosts
from tradecore.venues.coinbase.streams import Channels
from tradecore.venues.link import Session
from tradecore.venues.listing import symbol_of
from tradecore.venues.signing import Credentials, HmacSigner
from tradecore.venues.subscriptions import Topic

__all__ = ["ExchangeStreams", "login_of"]

_LATE_NS = 5_000_000_000
"""A trade that a heartbeat has told, and that has not come so long after, is lost."""
_KINDS = {
    b"l2update": b"level2_batch",
    b"snapshot": b"level2_batch",
    b"match": b"matches",
    b"last_match": b"matches",
    b"ticker": b"ticker",
}
"""Channels by the types of their messages."""
_FULL_KINDS = {b"ticker": b"ticker"} | dict.fromkeys((b"received", b"open", b"done", b"change", b"match"), b"full")
"""Likewise where single orders are told."""
_TYPE, _PRODUCT = b'"type":"', b'"product_id":"'
_TRADE = re.compile(rb'"trade_id":(\d+)')


class ExchangeStreams(Channels):
    """Channels of market data, each product of one a stream.

    Messages of a book of levels have no numbers. What may have been lost of it shows in the trades: a heartbeat, once a
    second for each product, tells the last one.

    Parameters
    ----------
    hosts, clock
    login : callable, optional
        Returns what signs a request; without it nothing is signed.
    with_orders : bool
        Whether single orders are told, in place of levels and trades.
    """

    def __init__(
        self, hosts: Hosts, clock: Clock, *, login: Callable[[], dict[str, str]] = dict, with_orders: bool = False
    ) -> None:
        super().__init__(hosts.exchange, clock)
        self._login = login
        self._channels = FULL_CHANNELS if with_orders else EXCHANGE_CHANNELS
        self._kinds = _FULL_KINDS if with_orders else _KINDS
        self._beating: WeakKeyDictionary[Session, set[str]] = WeakKeyDictionary()
        """Products whose heartbeats were subscribed to."""
        self._traded: dict[bytes, int] = {}
        """The newest trade of a product that came."""
        self._missing: dict[str, tuple[int, int]] = {}
        """The trade of a product that a heartbeat told before it came, and when, ns."""

    def locate(self, topic: Topic) -> tuple[str, str]:
        """Return the connection that carries a topic, and its channel and product."""
        instrument, stream = topic
        return "public", f"{self._channels[stream]}:{symbol_of(instrument)}"

    async def subscribe(self, session: Session, names: Sequence[str]) -> Mapping[str, str]:
        """Subscribe, also to the heartbeats of the products; returns why the venue refused, by channel."""
        if session not in self._beating:
            self._beating[session] = set()
            self._heartbeats.seen(session)
        # They stay: a connection that is told nothing any more shall be known to live.
        beating = self._beating[session]
        fresh = {name.partition(":")[2] for name in names} - beating
        refused = await self._request(session, "subscribe", [*names, *(f"heartbeat:{product}" for product in fresh)])
        if refused is not None:
            return dict.fromkeys(names, refused)
        beating |= fresh
        return {}

    async def unsubscribe(self, session: Session, names: Sequence[str]) -> None:
        """Unsubscribe."""
        await self._request(session, "unsubscribe", names)

    async def _request(self, session: Session, what: str, names: Iterable[str]) -> str | None:
        channels = defaultdict(list)
        for name in names:
            channel, _, product = name.partition(":")
            channels[channel].append(product)
        asked = [{"name": channel, "product_ids": sorted(products)} for channel, products in channels.items()]
        return await self._ask(session, {"type": what, "channels": asked, **self._login()})

    def name_in(self, data: bytes) -> bytes | None:
        """Return channel and product of a frame."""
        channel = self._kinds.get(_text(data, _TYPE))
        if channel is None:
            return None
        product = _text(data, _PRODUCT)
        if channel == b"matches" and (trade := _TRADE.search(data)) is not None:
            self._traded[product] = int(trade[1])
        return channel + b":" + product

    def control(self, session: Session, message: Mapping[str, Any]) -> str | None:
        """Note answers and heartbeats; of a trade that did not come the connection is renewed."""
        match message.get("type"):
            case "error" | "subscriptions":
                session.answer("request", message)
                return ""
            case "heartbeat":
                self._heartbeats.seen(session)
                last = message.get("last_trade_id")
                return self._lost(session, str(message.get("product_id")), last) if isinstance(last, int) else ""
        return None

    def _lost(self, session: Session, product: str, last: int) -> str:
        """Return what is missing of the trades of a product; nothing while it may still come."""
        told, since_ns = self._missing.get(product, (last, self._clock.now_ns()))
        newest = self._traded.get(product.encode())
        if newest is None or newest >= told or not session.streams.get(f"matches:{product}"):
            self._missing.pop(product, None)
        elif self._clock.now_ns() - since_ns < _LATE_NS:
            self._missing[product] = told, since_ns
        else:
            del self._missing[product]
            return f"trades of {product} from {newest + 1} to {told} did not come"
        return ""


def login_of(credentials: Credentials, now_s: int) -> dict[str, str]:
    """Return what signs a request on a WebSocket of Coinbase Exchange at a second, UTC.

    Raises
    ------
    CredentialsError
        For a key without a passphrase, or a secret that is not in base64.
    """
    if credentials.passphrase is None:
        raise CredentialsError(EXCHANGE, "they have no passphrase")
    try:
        signer = HmacSigner(credentials.secret, in_base64=True)
    except ValueError:
        raise CredentialsError(EXCHANGE, "the secret is not in base64") from None
    return {
        "signature": signer.sign(f"{now_s}GET/users/self/verify".encode()),
        "key": credentials.key,
        "passphrase": credentials.passphrase.reveal(),
        "timestamp": str(now_s),
    }


def _text(data: bytes, key: bytes) -> bytes:
    start = data.find(key) + len(key)
    return data[start : data.find(b'"', start)]
