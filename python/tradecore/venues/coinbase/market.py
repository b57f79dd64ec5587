"""Coinbase's market: hosts, channels, and the rules of what is listed. No socket is touched here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradecore._core import Instrument
from tradecore.errors import InstrumentError
from tradecore.venues.events import Stream
from tradecore.venues.limits import Limit
from tradecore.venues.listing import Listing, Row, read_listing
from tradecore.venues.transport import addresses_at

__all__ = [
    "CHANNELS",
    "EXCHANGE",
    "EXCHANGE_CHANNELS",
    "FULL_CHANNELS",
    "LIMITS",
    "MAINNET",
    "NAMES",
    "PREFIX",
    "VENUE",
    "Hosts",
    "instruments_of",
]

VENUE = "COINBASE"
EXCHANGE = "COINBASE_EXCHANGE"
"""Whose keys single orders are told to."""
PREFIX = "/api/v3/brokerage"

CHANNELS = {
    Stream.BOOK: "level2",
    Stream.TRADES: "market_trades",
    Stream.QUOTES: "ticker",
    Stream.CANDLES: "candles",
}
"""What is subscribed to. Candles are of five minutes: the venue has no others."""

EXCHANGE_CHANNELS = {Stream.BOOK: "level2_batch", Stream.TRADES: "matches", Stream.QUOTES: "ticker"}
"""Those of Coinbase Exchange that are for everybody: ``level2`` is for clients with keys alone."""

FULL_CHANNELS = {Stream.BOOK: "full", Stream.TRADES: "full", Stream.QUOTES: "ticker"}
"""Those with single orders, and the trades between them."""

NAMES = {b"l2_data": b"level2"}
"""What messages call a channel, where it is not what it is subscribed to as."""

LIMITS = (
    Limit(name="public", most=10, interval_ns=1_000_000_000),
    Limit(name="private", most=30, interval_ns=1_000_000_000, reserve=6),
    Limit(name="books", most=10, interval_ns=1_000_000_000),
)

_CLOSED = ("is_disabled", "trading_disabled", "view_only")


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where the venue is: requests, market data, what it says of an account; of Coinbase Exchange feed and books."""

    rest: str
    market: str
    user: str
    exchange: str
    books: str

    @classmethod
    def at(cls, url: str) -> Hosts:
        """Return all of them at one address, as a local server has them."""
        rest, socket = addresses_at(url)
        return cls(rest, f"{socket}/market", f"{socket}/user", f"{socket}/exchange", rest)


MAINNET = Hosts(
    "https://api.coinbase.com",
    "wss://advanced-trade-ws.coinbase.com",
    "wss://advanced-trade-ws-user.coinbase.com",
    "wss://ws-feed.exchange.coinbase.com",
    "https://api.exchange.coinbase.com",
)


def instruments_of(rows: Sequence[Row]) -> Listing:
    """Return what is listed and trades, by id, and why others cannot be used."""
    trading = (row for row in rows if row["product_type"] == "SPOT" and not any(row.get(word) for word in _CLOSED))
    return read_listing(((f"{row['product_id']}.{VENUE}", row) for row in trading), _product)


def _product(name: str, row: Row) -> Instrument:
    if alias := row.get("alias"):
        raise InstrumentError(name, "alias", f"its messages come as those of {alias}")
    step, least = Decimal(row["base_increment"]), Decimal(row["base_min_size"])
    return Instrument(
        name,
        kind="spot",
        base=row["base_currency_id"],
        quote=row["quote_currency_id"],
        price_increment=row["price_increment"],
        qty_increment=step,
        min_qty=max(step, -(-least // step) * step),
        max_qty=Decimal(row["base_max_size"]) // step * step,
        min_notional=row.get("quote_min_size") or "0",
    )
