"""Connectors by the names of their venues, imported when one is made."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

from tradecore.errors import InvalidValueError
from tradecore.hints import did_you_mean
from tradecore.venues.connector import Connector
from tradecore.venues.signing import Credentials

__all__ = ["CONNECTORS", "feed_options", "make_connector"]

CONNECTORS = {
    "BINANCE": "tradecore.venues.binance:BinanceConnector",
    "BINANCE_USDM": "tradecore.venues.binance:BinanceConnector",
    "BYBIT": "tradecore.venues.bybit:BybitConnector",
    "BYBIT_SPOT": "tradecore.venues.bybit:BybitConnector",
    "COINBASE": "tradecore.venues.coinbase:CoinbaseConnector",
}
"""Module and class by venue."""

_FEED_KEYS = {("COINBASE", "full"): "COINBASE_EXCHANGE"}
"""What keys are called that a feed of a venue has for itself."""


def make_connector(
    venue: str,
    *,
    credentials: Credentials | None = None,
    url: str | None = None,
    is_testnet: bool = False,
    **options: Any,
) -> Connector:
    """Make the connector of a venue.

    Parameters
    ----------
    venue : str
        Its name, as in ``SYMBOL.VENUE``.
    credentials : Credentials, optional
        As :meth:`Credentials.from_environment <tradecore.venues.Credentials.from_environment>` reads them; without
        them only market data is to be had.
    url : str, optional
        One address in place of the venue's hosts, as of a local server.
    is_testnet : bool
        Whether to use the venue's test network.
    **options
        Of the connector's class.

    Raises
    ------
    InvalidValueError
        For a venue without a connector, or options it does not take, as a test network where it has none.

    Examples
    --------
    >>> tc.venues.make_connector("BINANCE_USDM", is_testnet=True).name
    'BINANCE_USDM'
    """
    if venue not in CONNECTORS:
        problem = f"{venue!r} has no connector; there are {', '.join(CONNECTORS)}{did_you_mean(venue, CONNECTORS)}"
        raise InvalidValueError("venue", problem)
    module, _, name = CONNECTORS[venue].partition(":")
    make = getattr(importlib.import_module(module), name)
    for option in options:
        if option not in inspect.signature(make).parameters:
            raise InvalidValueError(option, f"{venue} has no such option")
    made: Connector = make(venue, credentials=credentials, url=url, is_testnet=is_testnet, **options)
    return made


def feed_options(venue: str, feed: str | None, keyring: str | None = None) -> dict[str, Any]:
    """Return the options of a connector for a venue's feed, with the keys that the feed alone has.

    Raises
    ------
    CredentialsError
        As of :meth:`Credentials.find <tradecore.venues.Credentials.find>`.
    """
    if feed is None:
        return {}
    keys = _FEED_KEYS.get((venue, feed))
    return {"feed": feed} if keys is None else {"feed": feed, "feed_keys": Credentials.find(keys, keyring)}
