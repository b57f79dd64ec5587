"""Connectors to venues: market data in, orders out, one interface for all of them."""

from tradecore.venues.clock import Clock, SystemClock, VirtualClock
from tradecore.venues.connector import Connector, Health, Permissions
from tradecore.venues.events import (
    Balance,
    ClockMeasured,
    Event,
    FeedState,
    Frame,
    LinkState,
    Position,
    Sink,
    Stream,
    VenueReport,
)  # fmt: skip
from tradecore.venues.feed import Feed
from tradecore.venues.queue import VenueQueue
from tradecore.venues.registry import CONNECTORS, make_connector
from tradecore.venues.signing import Credentials, Secret

__all__ = [
    "CONNECTORS",
    "Balance",
    "Clock",
    "ClockMeasured",
    "Connector",
    "Credentials",
    "Event",
    "Feed",
    "FeedState",
    "Frame",
    "Health",
    "LinkState",
    "Permissions",
    "Position",
    "Secret",
    "Sink",
    "Stream",
    "SystemClock",
    "VenueQueue",
    "VenueReport",
    "VirtualClock",
    "make_connector",
]
