"""Which local server stands in for which venue."""

from __future__ import annotations

from tradecore.sandbox.binance import BinanceServer
from tradecore.sandbox.bybit import BybitServer
from tradecore.sandbox.coinbase import CoinbaseServer
from tradecore.sandbox.server import LocalServer

__all__ = ["SERVERS", "server_of"]

SERVERS: tuple[type[LocalServer], ...] = (BinanceServer, BybitServer, CoinbaseServer)


def server_of(venue: str) -> type[LocalServer] | None:
    """Return the server that has a venue, by our name of it; None where there is none."""
    return next((server for server in SERVERS if venue in server.venues), None)
