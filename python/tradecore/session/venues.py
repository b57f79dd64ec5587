"""The venues of a session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from tradecore.config.venues import to_table
from tradecore.errors import ConfigError
from tradecore.instruments import venue_of
from tradecore.session.instruments import Scope
from tradecore.strategy import Strategy
from tradecore.venue import SimVenue

__all__ = ["build_venues", "check_series"]


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_Venue = TypeVar("_Venue", bound=_Named)


def build_venues(
    scope: Scope,
    configured: Sequence[_Venue],
    strategies: Sequence[Strategy],
    *,
    default: Callable[[str], _Venue],
) -> list[_Venue]:
    """Return the configured venues, and the others that the strategies trade on with default settings.

    Parameters
    ----------
    scope : Scope
    configured : sequence
        Venues in the configuration's order; one that only instruments left out are traded on is left out too.
    strategies : sequence of Strategy
    default : callable
        Makes a venue of its name alone.
    """
    venues = list(configured)
    traded = {venue_of(instrument) for strategy in strategies for instrument in strategy.instruments}
    if scope.symbol is not None:
        # Those that only the instruments left out are traded on.
        idle = {venue_of(instrument) for instrument in scope.known} - traded
        venues = [venue for venue in venues if venue.name not in idle]
    return [*venues, *(default(name) for name in sorted(traded - {venue.name for venue in venues}))]


def check_series(configured: Sequence[SimVenue], source: str) -> None:
    """Refuse a latency or a funding that is to be read from a file that is not there, before anything is made of it.

    Raises
    ------
    ConfigError
        With the key of the first one.
    """
    for index, venue in enumerate(configured):
        for key, model in to_table(venue).items():
            kind, _, path = str(model).partition(":")
            if kind == "series" and not Path(path).is_file():
                raise ConfigError(source, f"venues.{index}.{key}", f"no file {path}")
