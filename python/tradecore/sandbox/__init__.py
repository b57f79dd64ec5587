"""Local servers that speak a venue's protocol over the simulator's own venue."""

from tradecore.sandbox.binance import BinanceServer
from tradecore.sandbox.clients import Client
from tradecore.sandbox.faults import Fault, load_faults

__all__ = ["BinanceServer", "Client", "Fault", "load_faults"]
