"""From a configuration to a session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Any

from tradecore._core import parse_duration
from tradecore.config import BacktestConfig, ConnectionConfig, ModeConfig
from tradecore.data.catalog import Catalog
from tradecore.errors import ConfigError, InvalidValueError, UnknownInstrumentError
from tradecore.hints import did_you_mean
from tradecore.instruments import venue_of
from tradecore.live.runner import Live
from tradecore.live.state import Mode, SessionResult
from tradecore.session import Scope, build_strategies, build_venues, check_series
from tradecore.strategy import Strategy
from tradecore.venue import SimVenue, real_venue
from tradecore.venues import Connector, Credentials
from tradecore.venues.registry import feed_options, make_connector

__all__ = ["SessionPlan", "run_session"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPlan:
    """A configuration with what the command line adds to it.

    Parameters
    ----------
    config : BacktestConfig
    source : str
        Where it came from, for messages.
    mode : "paper" or "live"
    real_orders : bool
        Whether the command line allows real orders as well.
    journal : str, optional
        The journal's folder instead of the configured one.
    symbol : str, optional
        The only instrument to trade, by id or symbol.
    """

    config: BacktestConfig
    source: str
    mode: Mode
    real_orders: bool = False
    journal: str | None = None
    symbol: str | None = None

    def check(self) -> None:
        """Refuse real orders that were not asked for twice.

        Raises
        ------
        ConfigError
        """
        if self.mode != "live":
            return
        if not self.config.mode.live:
            raise ConfigError(self.source, "mode.live", "is not true, so this file sends no real orders")
        if not self.real_orders:
            raise ConfigError(self.source, "mode.live", "goes with --real-orders on the command line")


async def run_session(
    plan: SessionPlan, opened: Callable[[Live], AbstractAsyncContextManager[object]]
) -> SessionResult:
    """Run a session until somebody stops it.

    Parameters
    ----------
    plan : SessionPlan
    opened : callable
        Is given the session when it is connected, and returns what goes on beside it until it ends.

    Raises
    ------
    ConfigError
        For a configuration that no session can be made of.
    """
    plan.check()
    config, mode = plan.config, plan.config.mode
    scope = Scope(known=_known(config, plan.source), symbol=plan.symbol, source=plan.source, place="the configuration")
    strategies = build_strategies(scope, config.strategies)
    _check_connections(plan, strategies)
    if plan.mode == "paper":
        check_series(config.venues, plan.source)
    venues = build_venues(scope, config.venues, strategies, default=real_venue if plan.mode == "live" else SimVenue)
    async with AsyncExitStack() as stack:
        urls = await _sandboxes(stack, plan, strategies)
        try:
            live = Live(
                strategies,
                [_connector(plan, venue.name, urls.get(venue.name)) for venue in venues],
                paper=venues if plan.mode == "paper" else None,
                venues=venues if plan.mode == "live" else (),
                journal=plan.journal or mode.journal,
                store=mode.store,
                durability=mode.durability,
                session=mode.session,
                risk=config.risk,
                cost_basis=config.cost_basis,
                on_stop=mode.on_stop,
                sync_timeout=parse_duration(mode.sync_timeout) / 1e9,
                block_after=parse_duration(mode.block_after) / 1e9,
                on_block=mode.on_block,
                max_lag=None if mode.max_lag == "off" else parse_duration(mode.max_lag) / 1e9,
                on_lag=mode.on_lag,
                busy_poll=mode.busy_poll,
                dead_man=None if mode.dead_man == "off" else parse_duration(mode.dead_man) / 1e9,
                inference_deadline=parse_duration(mode.inference_deadline) / 1e9,
                seed=config.seed,
                header={"config": config.model_dump(mode="json")},
            )
        except InvalidValueError as error:
            key = f"mode.{error.field}" if error.field in ModeConfig.model_fields else error.field
            raise ConfigError(plan.source, key, error.problem) from None
        async with live, opened(live):
            return await live.run()


def _check_connections(plan: SessionPlan, strategies: Sequence[Strategy]) -> None:
    """Refuse a connection to where nothing is traded, and real orders that mix test networks with venues themselves."""
    place = "mode.connections"
    reached = {connection.venue: connection for connection in plan.config.mode.connections}
    traded = dict.fromkeys(venue_of(name) for strategy in strategies for name in strategy.instruments)
    for venue in reached:
        if venue not in traded and plan.symbol is None:
            hint = did_you_mean(venue, traded)
            problem = f"no strategy trades at {venue}, but at {', '.join(traded)}{hint}"
            raise ConfigError(plan.source, f"{_key_of(plan, venue)}.venue", problem)
    if plan.mode != "live":
        return
    tested = [venue for venue in traded if venue in reached and reached[venue].testnet]
    for venue in traded:
        if tested and (venue not in reached or not (reached[venue].testnet or reached[venue].url)):
            raise ConfigError(plan.source, place, f"{tested[0]} is reached by its test network and {venue} is not")


async def _sandboxes(stack: AsyncExitStack, plan: SessionPlan, strategies: Sequence[Strategy]) -> dict[str, str]:
    """Start the servers that stand in for venues, where the configuration wants some; return where each venue is."""
    wanted = [connection.venue for connection in plan.config.mode.connections if connection.sandbox]
    if not wanted:
        return {}
    if plan.mode == "live":
        raise ConfigError(plan.source, "mode.connections", "a sandbox takes no real orders: use paper")
    from tradecore.sandbox import server_of

    names = dict.fromkeys(name for strategy in strategies for name in strategy.instruments)
    urls: dict[str, str] = {}
    for make in dict.fromkeys(server_of(venue) for venue in wanted):
        if make is None:
            lacking = next(venue for venue in wanted if server_of(venue) is None)
            raise ConfigError(plan.source, f"{_key_of(plan, lacking)}.sandbox", f"there is none of {lacking}")
        venues = [venue for venue in wanted if venue in make.venues]
        symbols = [name for name in names if venue_of(name) in venues]
        if not symbols:  # another one was chosen on the command line
            continue
        try:
            server = make(symbols=symbols, data=plan.config.data.catalog or "synth", seed=plan.config.seed)
        except UnknownInstrumentError as error:
            key = _traded_key(plan, error.instrument.__eq__) or f"{_key_of(plan, venues[0])}.sandbox"
            raise ConfigError(plan.source, key, str(error)) from None
        except InvalidValueError as error:
            raise ConfigError(plan.source, f"{_key_of(plan, venues[0])}.sandbox", str(error)) from None
        urls |= dict.fromkeys(venues, (await stack.enter_async_context(server)).rest)
    return urls


def _known(config: BacktestConfig, source: str) -> tuple[str, ...]:
    """Return the instruments that can be traded: those that are named, and those of the data where there is some."""
    known = list(dict.fromkeys(name for strategy in config.strategies for name in strategy.instruments or ()))
    for index, strategy in enumerate(config.strategies):
        if strategy.instruments is None:
            if config.data.catalog is None:
                problem = "name them: there is no data to take them from"
                raise ConfigError(source, f"strategies.{index}.instruments", problem)
            known += [name for name in Catalog(config.data.catalog).instruments() if name not in known]
    return tuple(known)


def _connector(plan: SessionPlan, venue: str, sandbox: str | None) -> Connector:
    reached = {connection.venue: connection for connection in plan.config.mode.connections}
    connection = reached.get(venue, ConnectionConfig(venue=venue))
    credentials = Credentials.find(venue, connection.keyring) if plan.mode == "live" else None
    url = sandbox if connection.sandbox else connection.url
    options: dict[str, Any] = {} if connection.sockets == 1 else {"sockets": connection.sockets}
    options |= feed_options(venue, connection.feed, connection.keyring)
    try:
        return make_connector(venue, credentials=credentials, url=url, is_testnet=connection.testnet, **options)
    except InvalidValueError as error:
        key = _key_of(plan, venue)
        # The venue is that of an instrument; of an option of a connector there may be a key by its name.
        named = venue in reached and error.field in ConnectionConfig.model_fields
        raise ConfigError(plan.source, f"{key}.{error.field}" if named else key, error.problem) from None


def _key_of(plan: SessionPlan, venue: str) -> str:
    """Return the key of the connection to a venue, or else of the instruments that are traded there."""
    for index, connection in enumerate(plan.config.mode.connections):
        if connection.venue == venue:
            return f"mode.connections.{index}"
    return _traded_key(plan, lambda name: venue_of(name) == venue) or "mode.connections"


def _traded_key(plan: SessionPlan, is_meant: Callable[[str], bool]) -> str | None:
    """Return the key of the first instruments among which one is meant."""
    for index, strategy in enumerate(plan.config.strategies):
        if any(map(is_meant, strategy.instruments or ())):
            return f"strategies.{index}.instruments"
    return None
