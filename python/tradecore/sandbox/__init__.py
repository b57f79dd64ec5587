"""Local servers that speak a venue's protocol over the simulator's own venue."""

from tradecore.sandbox.binance import BinanceServer
from tradecore.sandbox.bybit import BybitServer
from tradecore.sandbox.clients import Client
from tradecore.sandbox.coinbase import CoinbaseServer
from tradecore.sandbox.faults import Fault, load_faults
from tradecore.sandbox.recorded import Recording
from tradecore.sandbox.registry import server_of
from tradecore.sandbox.server import LocalServer

__all__ = [
    "BinanceServer",
    "BybitServer",
    "Client",
    "CoinbaseServer",
    "Fault",
    "LocalServer",
    "Recording",
    "load_faults",
    "server_of",
]
