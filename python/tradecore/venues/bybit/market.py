"""Bybit's markets: hosts, topics, and the rules of what is listed. No socket is touched here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradecore._core import Instrument
from tradecore.venues.events import Stream
from tradecore.venues.limits import Limit
from tradecore.venues.listing import Listing, Row, read_listing, symbol_of
from tradecore.venues.transport import addresses_at

__all__ = ["HOSTS", "LIMITS", "MARKETS", "Hosts", "Market", "instruments_of"]


_INVERSE = re.compile(r".+USD([FGHJKMNQUVXZ]\d\d)?")


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where the venue is: requests, and WebSockets."""

    rest: str
    sockets: str

    @classmethod
    def at(cls, url: str) -> Hosts:
        """Return both at one address, as a local server has them."""
        return cls(*addresses_at(url))


HOSTS = {
    False: Hosts("https://api.bybit.com", "wss://stream.bybit.com"),
    True: Hosts("https://api-testnet.bybit.com", "wss://stream-testnet.bybit.com"),
}
"""By whether it is the test network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What differs between markets of the venue.

    Parameters
    ----------
    name : str
        Our name of the venue.
    categories : mapping of str to tuple of str
        Its own, and the coins by which orders and positions of each are asked for; none where they need not be.
    topics : mapping of Stream to str
        What its topics begin with.
    switch : (str, str)
        The product that the venue's switch for lost connections is set for, and its topic.
    """

    name: str
    categories: Mapping[str, tuple[str, ...]]
    topics: Mapping[Stream, str]
    switch: tuple[str, str]

    @property
    def is_spot(self) -> bool:
        """Whether assets are traded, not contracts."""
        return "spot" in self.categories

    def category_of(self, instrument: str) -> str:
        """Return the category of an instrument by its id: symbols of inverse contracts end with dollars, or a month."""
        first, *others = self.categories
        return "inverse" if "inverse" in others and _INVERSE.fullmatch(symbol_of(instrument)) else first


_BOTH = {
    Stream.BOOK: "orderbook.50",
    Stream.QUOTES: "orderbook.1",
    Stream.TRADES: "publicTrade",
    Stream.CANDLES: "kline.1",
}

MARKETS = {
    "BYBIT": Market(
        name="BYBIT",
        categories={"linear": ("USDT", "USDC"), "inverse": ()},
        topics=_BOTH | {Stream.MARK: "tickers", Stream.OPEN_INTEREST: "tickers", Stream.LIQUIDATIONS: "allLiquidation"},
        switch=("DERIVATIVES", "dcp.future"),
    ),
    "BYBIT_SPOT": Market(name="BYBIT_SPOT", categories={"spot": ()}, topics=_BOTH, switch=("SPOT", "dcp.spot")),
}
"""By our names."""

_SECOND_NS = 1_000_000_000

LIMITS = (
    Limit(name="ip", most=600, interval_ns=5 * _SECOND_NS, reserve=60),
    Limit(name="create", most=10, interval_ns=_SECOND_NS),
    Limit(name="amend", most=10, interval_ns=_SECOND_NS),
    Limit(name="cancel", most=10, interval_ns=_SECOND_NS),
    Limit(name="read", most=50, interval_ns=_SECOND_NS),
)
"""As documented, the smaller of a market's."""


def instruments_of(market: Market, rows: Sequence[Row]) -> Listing:
    """Return what is listed and trades, by id, and why others cannot be used."""
    trading = ((f"{row['symbol']}.{market.name}", row) for row in rows if row["status"] == "Trading")
    return read_listing(trading, _spot if market.is_spot else _contract)


def _spot(name: str, row: Row) -> Instrument:
    lots = row["lotSizeFilter"]
    step = Decimal(lots["basePrecision"])
    return Instrument(
        name,
        kind="spot",
        base=row["baseCoin"],
        quote=row["quoteCoin"],
        price_increment=row["priceFilter"]["tickSize"],
        qty_increment=step,
        max_qty=_whole(lots.get("maxLimitOrderQty") or lots["maxOrderQty"], step),
        min_notional=lots["minOrderAmt"],
    )


def _contract(name: str, row: Row) -> Instrument:
    lots = row["lotSizeFilter"]
    step = Decimal(lots["qtyStep"])
    is_perpetual = "Perpetual" in row["contractType"]
    return Instrument(
        name,
        kind="inverse" if "Inverse" in row["contractType"] else "linear",
        base=row["baseCoin"],
        quote=row["quoteCoin"],
        settlement=row["settleCoin"],
        price_increment=row["priceFilter"]["tickSize"],
        qty_increment=step,
        min_qty=lots["minOrderQty"],
        max_qty=_whole(lots["maxOrderQty"], step),
        min_notional=lots.get("minNotionalValue") or "0",
        expiry_ns=None if is_perpetual else int(row["deliveryTime"]) * 1_000_000,
    )


def _whole(most: str, step: Decimal) -> Decimal:
    return Decimal(most) // step * step
