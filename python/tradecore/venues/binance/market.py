"""Binance's markets: hosts, paths, names of streams, and the rules of what is listed. No socket is touched here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tradecore._core import Instrument
from tradecore.venues.events import Stream
from tradecore.venues.limits import Limit
from tradecore.venues.listing import Listing, Row, read_listing
from tradecore.venues.transport import addresses_at

__all__ = ["MARKETS", "Hosts", "Market", "instruments_of", "limit_name", "limits_of"]


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where a market is: requests, market streams, the WebSocket interface."""

    rest: str
    streams: str
    orders: str

    @classmethod
    def at(cls, url: str) -> Hosts:
        """Return all of them at one address, as a local server has them."""
        rest, socket = addresses_at(url)
        return cls(rest, socket, socket)


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What differs between Binance's markets.

    Parameters
    ----------
    name : str
        Our name of the venue.
    mainnet, testnet : Hosts
    prefix : str
        What the paths of requests begin with.
    orders_path : str
        Path of the WebSocket interface.
    routes : mapping of str to str
        Path by the name of a connection for market data.
    streams : mapping of Stream to (str, str)
        The connection and the name, behind the symbol, of each stream.
    most_streams : int
        Those of one connection.
    weights : mapping of str to int
        What requests cost that cost more than 1.
    limits : tuple of Limit
        As documented; those of ``exchangeInfo`` go before them.
    """

    name: str
    mainnet: Hosts
    testnet: Hosts
    prefix: str
    orders_path: str
    routes: Mapping[str, str]
    streams: Mapping[Stream, tuple[str, str]]
    most_streams: int
    weights: Mapping[str, int]
    limits: tuple[Limit, ...]

    @property
    def is_spot(self) -> bool:
        """Whether assets are traded, not contracts."""
        return self.name == "BINANCE"

    def stream_name(self, symbol: str, stream: Stream) -> str:
        """Return what the venue calls a stream of a symbol."""
        return f"{symbol.lower()}@{self.streams[stream][1]}"


_MINUTE_NS = 60_000_000_000

_SPOT = Market(
    name="BINANCE",
    mainnet=Hosts("https://api.binance.com", "wss://stream.binance.com:9443", "wss://ws-api.binance.com:443"),
    testnet=Hosts(
        "https://testnet.binance.vision", "wss://stream.testnet.binance.vision", "wss://ws-api.testnet.binance.vision"
    ),
    prefix="/api/v3",
    orders_path="/ws-api/v3",
    routes={"public": "/stream"},
    streams={
        Stream.BOOK: ("public", "depth@100ms"),
        Stream.TRADES: ("public", "trade"),
        Stream.QUOTES: ("public", "bookTicker"),
        Stream.CANDLES: ("public", "kline_1m"),
    },
    most_streams=1_024,
    weights={
        "exchangeInfo": 20,
        "depth": 50,
        "account": 20,
        "myTrades": 20,
        "order": 4,
        "openOrders": 80,
        "allOrders": 20,
    },
    limits=(
        Limit(name="weight_1m", most=6_000, interval_ns=_MINUTE_NS, reserve=300),
        Limit(name="orders_10s", most=50, interval_ns=10_000_000_000),
        Limit(name="orders_1d", most=160_000, interval_ns=1_440 * _MINUTE_NS),
    ),
)

_USDM = Market(
    name="BINANCE_USDM",
    mainnet=Hosts("https://fapi.binance.com", "wss://fstream.binance.com", "wss://ws-fapi.binance.com"),
    testnet=Hosts(
        "https://testnet.binancefuture.com", "wss://fstream.binancefuture.com", "wss://testnet.binancefuture.com"
    ),
    prefix="/fapi/v1",
    orders_path="/ws-fapi/v1",
    # A stream of the one that is asked for on the other is acknowledged and never sent.
    routes={"public": "/public/stream", "market": "/market/stream"},
    streams={
        Stream.BOOK: ("public", "depth@100ms"),
        Stream.QUOTES: ("public", "bookTicker"),
        Stream.TRADES: ("market", "aggTrade"),
        Stream.MARK: ("market", "markPrice@1s"),
        Stream.LIQUIDATIONS: ("market", "forceOrder"),
        Stream.CANDLES: ("market", "kline_1m"),
    },
    most_streams=200,  # 1024 are documented; clients that run for long keep to so many
    weights={
        "depth": 20,
        "balance": 5,
        "positionRisk": 5,
        "userTrades": 5,
        "openOrders": 40,
        "openAlgoOrders": 40,
        "allOrders": 5,
        "batchOrders": 5,
        "countdownCancelAll": 10,
    },
    limits=(
        Limit(name="weight_1m", most=2_400, interval_ns=_MINUTE_NS, reserve=120),
        Limit(name="orders_10s", most=300, interval_ns=10_000_000_000),
        Limit(name="orders_1m", most=1_200, interval_ns=_MINUTE_NS),
    ),
)

MARKETS = {market.name: market for market in (_SPOT, _USDM)}
"""By our names."""

_UNITS_NS = {"SECOND": 1_000_000_000, "MINUTE": _MINUTE_NS, "HOUR": 60 * _MINUTE_NS, "DAY": 1_440 * _MINUTE_NS}
_COUNTED = {"REQUEST_WEIGHT": "weight", "ORDERS": "orders"}


def limit_name(kind: str, unit: str, number: int) -> str | None:
    """Return our name of a limit, as ``weight_1m`` and ``orders_10s``; None for one that is not kept here."""
    return f"{_COUNTED[kind]}_{number}{unit[0].lower()}" if kind in _COUNTED and unit in _UNITS_NS else None


def limits_of(info: Row) -> list[Limit]:
    """Return the limits that ``exchangeInfo`` states; a twentieth of the weight is kept for cancels."""
    found = []
    for row in info.get("rateLimits", ()):
        name = limit_name(row["rateLimitType"], row["interval"], row["intervalNum"])
        if name is not None:
            most = int(row["limit"])
            reserve = most // 20 if name.startswith("weight") else 0
            interval_ns = _UNITS_NS[row["interval"]] * int(row["intervalNum"])
            found.append(Limit(name=name, most=most, interval_ns=interval_ns, reserve=reserve))
    return found


def instruments_of(market: Market, info: Row) -> Listing:
    """Return what ``exchangeInfo`` lists and trades, by id, and why others cannot be used."""
    trading = [row for row in info["symbols"] if row.get("status", row.get("contractStatus")) == "TRADING"]
    rows = ((f"{row['symbol']}.{market.name}", row) for row in trading)
    return read_listing(rows, _spot if market.is_spot else _contract)


def _spot(name: str, row: Row) -> Instrument:
    sizes = _sizes(row)
    return Instrument(
        name,
        kind="spot",
        base=row["baseAsset"],
        quote=row["quoteAsset"],
        price_increment=sizes.pop("tick_size"),
        qty_increment=_step(row["baseAssetPrecision"], sizes["lot_size"]),
        **sizes,
    )


def _contract(name: str, row: Row) -> Instrument:
    sizes = _sizes(row)
    is_perpetual = "PERPETUAL" in row["contractType"]
    return Instrument(
        name,
        kind="linear",
        base=row["baseAsset"],
        quote=row["quoteAsset"],
        settlement=row["marginAsset"],
        price_increment=_step(row["pricePrecision"], sizes["tick_size"]),
        qty_increment=_step(row["quantityPrecision"], sizes["lot_size"]),
        expiry_ns=None if is_perpetual else int(row["deliveryDate"]) * 1_000_000,
        **sizes,
    )


def _step(places: int, multiple: Decimal) -> Decimal:
    """Return the finest step by a number of places, or what it would be a multiple of and is not."""
    step = Decimal(1).scaleb(-int(places))
    return step if multiple % step == 0 else multiple


def _sizes(row: Row) -> dict[str, Any]:
    """Return steps and sizes of orders; 0 in a filter switches that rule off."""
    filters = {rule["filterType"]: rule for rule in row["filters"]}
    lots = filters["LOT_SIZE"]
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    found = {
        "tick_size": filters["PRICE_FILTER"]["tickSize"],
        "lot_size": lots["stepSize"],
        "min_qty": lots["minQty"],
        "max_qty": lots["maxQty"],
        "min_notional": notional.get("minNotional", notional.get("notional", "0")),
    }
    numbers = {field: Decimal(str(value)).normalize() for field, value in found.items()}
    needed = {field: value for field, value in numbers.items() if value > 0}
    if largest := needed.get("max_qty"):
        needed["max_qty"] = largest // needed["lot_size"] * needed["lot_size"]
    return needed
