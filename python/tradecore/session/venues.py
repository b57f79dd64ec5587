"""The venues of a session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from tradecore.errors import ConfigError, InvalidValueError
from tradecore.session.instruments import Scope
from tradecore.strategy import Strategy

__all__ = ["build_venues"]


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_Config = TypeVar("_Config")
_Venue = TypeVar("_Venue", bound=_Named)


def build_venues(
    scope: Scope,
    configs: Sequence[_Config],
    strategies: Sequence[Strategy],
    *,
    build: Callable[[_Config], _Venue],
    default: Callable[[str], _Venue],
) -> list[_Venue]:
    """Build the configured venues, and the others that the strategies trade on with default settings.

    Parameters
    ----------
    scope : Scope
    configs : sequence
        Settings of venues, in the configuration's order.
    strategies : sequence of Strategy
    build, default : callable
        Make a venue of its settings, and of its name alone.

    Raises
    ------
    ConfigError
        With the key of the first setting that cannot be used.
    """
    venues = []
    for index, config in enumerate(configs):
        try:
            venues.append(build(config))
        except InvalidValueError as error:
            raise ConfigError(scope.source, f"venues.{index}.{error.field}", error.problem) from None
    traded = {_venue_of(instrument) for strategy in strategies for instrument in strategy.instruments}
    if scope.symbol is not None:
        # Those that only the instruments left out are traded on.
        idle = {_venue_of(instrument) for instrument in scope.known} - traded
        venues = [venue for venue in venues if venue.name not in idle]
    return [*venues, *(default(name) for name in sorted(traded - {venue.name for venue in venues}))]


def _venue_of(instrument: str) -> str:
    return instrument.rpartition(".")[2]
