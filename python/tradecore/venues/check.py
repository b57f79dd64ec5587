"""Whether venues can be reached, keep their books in step, and what keys may do there."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tradecore._core import FeedDecoder, Instrument
from tradecore.errors import TradecoreError
from tradecore.types import BookState
from tradecore.venues.connector import Connector
from tradecore.venues.events import Event, FeedState, Frame, Stream
from tradecore.venues.feed import Feed

__all__ = ["VenueCheck", "check_venues"]

_USUAL = ("BTCUSDT", "BTC-USD", "ETHUSDT", "ETH-USD")
_STREAMS = (Stream.BOOK, Stream.QUOTES, Stream.TRADES)
_STEP_S = 0.05


@dataclass(slots=True, kw_only=True)
class VenueCheck:
    """What was found of a venue.

    Parameters
    ----------
    venue : str
    problem : str
        Why it failed; empty where all is well.
    clock_offset_ns : int, optional
        The venue's clock minus ours.
    listed : int
        Instruments that can be used.
    unusable : int
        Those that are listed and cannot.
    instrument : Instrument, optional
        The one that was subscribed to.
    book : str
        Where its book stood at the end, as ``synced``.
    best_bid, best_ask : float, optional
        In quote currency.
    synced_s : float, optional
        How long it took until the book was in step, seconds.
    messages : dict of str to float
        Messages a second by stream.
    keys : str
        ``none``, or what the venue says the key may do.
    """

    venue: str
    problem: str = ""
    clock_offset_ns: int | None = None
    listed: int = 0
    unusable: int = 0
    instrument: Instrument | None = None
    book: str = ""
    best_bid: float | None = None
    best_ask: float | None = None
    synced_s: float | None = None
    messages: dict[str, float] = field(default_factory=dict)
    keys: str = "none"

    @property
    def is_well(self) -> bool:
        """Whether nothing failed."""
        return not self.problem

    def summary(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        rules: dict[str, str] = {}
        if (spec := self.instrument) is not None:
            rules = {
                "tick_size": f"{spec.tick_size:f}",
                "lot_size": f"{spec.lot_size:f}",
                "min_qty": f"{spec.min_qty:f}",
                "min_notional": f"{spec.min_notional:f}",
            }
        return {
            "venue": self.venue,
            "is_well": self.is_well,
            "problem": self.problem or None,
            "clock_offset_ns": self.clock_offset_ns,
            "instruments": self.listed,
            "unusable": self.unusable,
            "instrument": spec.id if spec is not None else None,
            "rules": rules,
            "book": self.book or None,
            "best_bid": self.best_bid,
            "best_ask": self.best_ask,
            "synced_s": self.synced_s,
            "messages_per_s": self.messages,
            "keys": self.keys,
        }


def check_venues(
    connectors: Sequence[Connector], *, symbol: str | None = None, seconds: float = 10.0
) -> list[VenueCheck]:
    """Connect to venues, all at once, and say what is found.

    Parameters
    ----------
    connectors : sequence of Connector
        Not started; they are closed at the end.
    symbol : str, optional
        The venue's symbol of the instrument to subscribe to; a usual one if not given.
    seconds : float
        How long to wait for the book, and for what else comes.
    """

    async def all_of_them() -> list[VenueCheck]:
        return await asyncio.gather(*(_check(connector, symbol, seconds) for connector in connectors))

    return asyncio.run(all_of_them())


async def _check(connector: Connector, symbol: str | None, seconds: float) -> VenueCheck:
    found = VenueCheck(venue=connector.name)
    try:
        async with connector:
            await _look(connector, found, symbol, seconds)
    except TradecoreError as error:
        found.problem = str(error).removeprefix(f"{connector.name}: ")
    return found


async def _look(connector: Connector, found: VenueCheck, symbol: str | None, seconds: float) -> None:
    watched = _Watched()
    await connector.start(watched.take)
    found.clock_offset_ns = connector.clock_offset_ns
    instruments = await connector.instruments()
    found.listed, found.unusable = len(instruments), len(connector.unusable)
    if connector.has_keys:
        rights = await connector.permissions()
        words = {"trade": rights.can_trade, "withdraw": rights.can_withdraw}
        found.keys = ", ".join(f"{word} {_YES[may]}" for word, may in words.items())
    spec = _chosen(instruments, symbol)
    if spec is None:
        found.problem = f"lists no {symbol or 'instrument that trades'}"
        return
    found.instrument = spec
    decoder = FeedDecoder(connector.name, [spec])
    watched.feed = Feed(connector, decoder, [spec.id], watched.told)
    connector.subscribe("check", spec.id, _STREAMS)
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() - began < seconds:
        await asyncio.sleep(_STEP_S)
        if found.synced_s is None and decoder.state(spec.id) is BookState.SYNCED:
            found.synced_s = round(loop.time() - began, 3)
    book = decoder.book(spec.id)
    found.book, found.best_bid, found.best_ask = decoder.state(spec.id).name.lower(), book.best_bid, book.best_ask
    found.messages = {stream: round(count / seconds, 1) for stream, count in sorted(watched.counts.items())}
    if found.book != "synced":
        found.problem = f"the book is {found.book}: {watched.reason or 'nothing came'}"


_YES = {True: "yes", False: "no", None: "not said"}


class _Watched:
    """What came of a connector."""

    def __init__(self) -> None:
        self.feed: Feed | None = None
        self.counts: Counter[str] = Counter()
        self.reason = ""

    def take(self, event: Event) -> None:
        if isinstance(event, Frame):
            if event.stream is not None:
                self.counts[event.stream] += 1
            if self.feed is not None:
                self.feed.frame(event)
        elif isinstance(event, FeedState) and self.feed is not None:
            self.feed.state(event)

    def told(self, state: FeedState) -> None:
        self.reason = state.reason


def _chosen(instruments: Mapping[str, Instrument], symbol: str | None) -> Instrument | None:
    by_symbol = {spec.symbol: spec for spec in instruments.values()}
    if symbol is not None:
        return by_symbol.get(symbol)
    return next((by_symbol[usual] for usual in _USUAL if usual in by_symbol), next(iter(by_symbol.values()), None))
