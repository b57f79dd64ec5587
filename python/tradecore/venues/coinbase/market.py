"""Coinbase's market: hosts, channels, and the rules of what is listed. No socket is touched here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tradecore._core import Instrument
from tradecore.errors import TradecoreError
from tradecore.venues.events import Stream
from tradecore.venues.limits import Limit

__all__ = ["CHANNELS", "LIMITS", "MAINNET", "NAMES", "PREFIX", "VENUE", "Hosts", "instruments_of"]

VENUE = "COINBASE"
PREFIX = "/api/v3/brokerage"

CHANNELS = {
    Stream.BOOK: "level2",
    Stream.TRADES: "market_trades",
    Stream.QUOTES: "ticker",
    Stream.CANDLES: "candles",
}
"""What is subscribed to. Candles are of five minutes: the venue has no others."""

NAMES = {b"l2_data": b"level2"}
"""What messages call a channel, where it is not what it is subscribed to as."""

LIMITS = (
    Limit(name="public", most=10, interval_ns=1_000_000_000),
    Limit(name="private", most=30, interval_ns=1_000_000_000, reserve=6),
)

_CLOSED = ("is_disabled", "trading_disabled", "view_only")


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where the venue is: requests, market data, and what it says of an account."""

    rest: str
    market: str
    user: str

    @classmethod
    def at(cls, url: str) -> Hosts:
        """Return all of them at one address, as a local server has them."""
        url = url.rstrip("/")
        socket = "ws" + url.removeprefix("http") if url.startswith("http") else url
        return cls(url, f"{socket}/market", f"{socket}/user")


MAINNET = Hosts(
    "https://api.coinbase.com", "wss://advanced-trade-ws.coinbase.com", "wss://advanced-trade-ws-user.coinbase.com"
)


def instruments_of(rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Instrument], dict[str, str]]:
    """Return what is listed and trades, by id, and why others cannot be used."""
    listed: dict[str, Instrument] = {}
    unusable: dict[str, str] = {}
    for row in rows:
        if row["product_type"] != "SPOT" or any(
            row.get(word) for word in ("is_disabled", "trading_disabled", "view_only")
        ):
            continue
        name = f"{row['product_id']}.{VENUE}"
        if alias := row.get("alias"):
            unusable[name] = f"its messages come as those of {alias}"
            continue
        try:
            listed[name] = _product(name, row)
        except TradecoreError as error:
            unusable[name] = str(error)
        except (KeyError, TypeError, ArithmeticError) as error:
            unusable[name] = f"its rules cannot be read: {type(error).__name__}: {error}"
    return listed, unusable


def _product(name: str, row: Mapping[str, Any]) -> Instrument:
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
