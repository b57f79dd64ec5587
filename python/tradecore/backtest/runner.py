"""From a configuration to a run."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tradecore._core import Instrument
from tradecore.backtest.engine import Backtest
from tradecore.backtest.outputs import check_writable, write_outputs
from tradecore.backtest.result import Result
from tradecore.backtest.venue import Latency, SimVenue
from tradecore.config import BacktestConfig, StrategyConfig, TardisConfig, VenueConfig
from tradecore.data.catalog import Catalog
from tradecore.data.importers import import_tardis
from tradecore.errors import ConfigError, InvalidValueError, StrategyError, TradecoreError, UnknownInstrumentError
from tradecore.instruments import find_instrument, instrument_from_dict
from tradecore.strategies import REGISTRY
from tradecore.strategy import Strategy

__all__ = ["Plan", "run_config"]


@dataclass(frozen=True, slots=True)
class Plan:
    """A configuration with what the command line adds to it.

    Attributes
    ----------
    config : BacktestConfig
    source : str
        Where it came from, for messages.
    data : str, optional
        A catalog's folder (or the folder of Tardis files) instead of the configured one.
    output : str, optional
        Output folder instead of the configured one.
    symbol : str, optional
        The only instrument to trade, by id or symbol.
    seed : int, optional
        Seed instead of the configured one.
    notes : list of str
        Filled with what the user should know.
    """

    config: BacktestConfig
    source: str
    data: str | None = None
    output: str | None = None
    symbol: str | None = None
    seed: int | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def effective(self) -> BacktestConfig:
        """The configuration as it is run."""
        config = self.config
        changes: dict[str, Any] = {}
        if self.seed is not None:
            changes["seed"] = self.seed
        if self.output is not None:
            changes["output"] = config.output.model_copy(update={"dir": self.output})
        if self.data is not None:
            if config.data.tardis is not None:
                tardis = config.data.tardis.model_copy(update={"root": self.data})
                changes["data"] = config.data.model_copy(update={"tardis": tardis})
            else:
                changes["data"] = config.data.model_copy(update={"catalog": self.data})
        return config.model_copy(update=changes)


def run_config(plan: Plan, *, progress: Callable[[int, int], None] | None = None) -> tuple[Result, dict[str, Any]]:
    """Run a configuration and write its files, if it names a folder for them.

    Returns
    -------
    tuple of Result and dict
        The result and its summary, with ``output`` (None if nothing was written).
    """
    config = plan.effective
    with tempfile.TemporaryDirectory(prefix="tradecore-data-") as scratch:
        specs = _specs(plan, config)
        catalog = _catalog(plan, config, specs, Path(scratch))
        known = _selected(plan, catalog)
        strategies = [_strategy(plan, index, strategy, known) for index, strategy in enumerate(config.strategies)]
        venues = _venues(plan, config, catalog, strategies)
        try:
            backtest = Backtest(
                strategies,
                catalog,
                venues,
                specs=specs,
                seed=config.seed,
                sample_interval=config.output.sample_interval,
                candles=config.output.candles,
                on_error=config.on_error,
            )
        except InvalidValueError as error:
            key = "instruments" if error.field == "specs" else error.field
            raise ConfigError(plan.source, key, error.problem) from None
        if config.output.dir is not None:
            check_writable(config.output.dir)
        result = backtest.run(progress=progress)
    if "l1" in result.fill_basis.values():
        plan.notes.append("orders were filled against top-of-book quotes (fill_basis l1): the data has no book")
    summary = {**result.summary(), "notes": list(plan.notes), "output": None}
    if config.output.dir is not None:
        first = next(i for strategy in strategies for i in strategy.instruments)
        symbol, _, venue = first.rpartition(".")
        traded = {i for strategy in strategies for i in strategy.instruments}
        summary = write_outputs(
            result,
            config.output.dir,
            exchange=config.output.exchange or venue.lower(),
            symbol=symbol if len(traded) == 1 else f"{symbol}+{len(traded) - 1}",
            date=config.output.date or _date(result),
            config=config.model_dump(mode="json"),
            extra={"notes": list(plan.notes)},
        )
    return result, summary


def _date(result: Result) -> str:
    if result.span_ns is None:
        return "empty"
    return datetime.fromtimestamp(result.span_ns[0] // 1_000_000_000, tz=UTC).date().isoformat()


def _catalog(plan: Plan, config: BacktestConfig, specs: Mapping[str, Instrument], scratch: Path) -> Catalog:
    if config.data.tardis is not None:
        return _from_tardis(plan, config.data.tardis, specs, scratch)
    if config.data.catalog is None:
        raise ConfigError(plan.source, "data.catalog", "no data: name a catalog here or on the command line")
    return Catalog(config.data.catalog)


def _from_tardis(plan: Plan, tardis: TardisConfig, specs: Mapping[str, Instrument], scratch: Path) -> Catalog:
    """Convert Tardis files to a catalog for the length of the run."""
    root = _tardis_root(plan, tardis)
    named = {"trades": tardis.trades, "quotes": tardis.quotes, "book": tardis.book}
    paths = []
    for key, name in named.items():
        if name is None:
            continue
        if (root / name).is_file():
            paths.append(root / name)
        elif key == "trades" or (key == "quotes" and not (tardis.book and (root / tardis.book).is_file())):
            raise ConfigError(plan.source, f"data.tardis.{key}", f"no such file: {root / name}")
        else:
            plan.notes.append(f"{root / name} is not there and was left out")
    try:
        instrument = find_instrument(tardis.instrument, specs)
    except UnknownInstrumentError as error:
        raise ConfigError(plan.source, "data.tardis.instrument", str(error)) from None
    catalog = Catalog(scratch)
    import_tardis(paths, instrument, catalog)
    return catalog


def _tardis_root(plan: Plan, tardis: TardisConfig) -> Path:
    """Return the folder of the files: the one named, or the only one directly below it that has them."""
    root = Path(tardis.root)
    if not root.is_dir():
        raise ConfigError(plan.source, "data.tardis.root", f"no such folder: {root}")
    wanted = tardis.trades or tardis.book or tardis.quotes
    if wanted is not None and not (root / wanted).is_file():
        found = [folder for folder in sorted(root.iterdir()) if (folder / wanted).is_file()]
        if len(found) == 1:
            plan.notes.append(f"{wanted} was found in {found[0]}")
            return found[0]
    return root


def _specs(plan: Plan, config: BacktestConfig) -> Mapping[str, Instrument]:
    specs = {}
    for index, spec in enumerate(config.instruments):
        try:
            instrument = instrument_from_dict(spec)
        except TradecoreError as error:
            raise ConfigError(plan.source, f"instruments.{index}", str(error)) from None
        if instrument.id in specs:
            raise ConfigError(plan.source, f"instruments.{index}.id", f"{instrument.id} is there twice")
        specs[instrument.id] = instrument
    return specs


def _selected(plan: Plan, catalog: Catalog) -> tuple[str, ...]:
    """Instruments of the data, or the only one asked for."""
    known = catalog.instruments()
    if not known:
        raise ConfigError(plan.source, "data", f"{catalog.path} is not a catalog, or an empty one")
    if plan.symbol is None:
        return known
    chosen = tuple(i for i in known if plan.symbol in (i, i.rpartition(".")[0]))
    if not chosen:
        raise ConfigError(plan.source, "--symbol", f"{plan.symbol} is not in the data; there is {', '.join(known)}")
    return chosen


def _strategy(plan: Plan, index: int, config: StrategyConfig, known: tuple[str, ...]) -> Strategy:
    key = f"strategies.{index}"
    cls = REGISTRY.get(config.kind) or _imported(plan, f"{key}.kind", config.kind)
    instruments = known if config.instruments is None else config.instruments
    if plan.symbol is not None:
        instruments = tuple(i for i in instruments if i in known)
    if missing := [i for i in instruments if i not in known]:
        raise ConfigError(
            plan.source, f"{key}.instruments", f"{missing[0]} is not in the data; there is {', '.join(known)}"
        )
    if not instruments:
        raise ConfigError(plan.source, f"{key}.instruments", "none left to trade")
    try:
        return cls(config.name or config.kind, instruments, **config.params)
    except InvalidValueError as error:
        raise ConfigError(plan.source, f"{key}.params.{error.field}", error.problem) from None
    except Exception as error:
        raise _failed(plan, f"{key}.kind", config.kind) from error


def _failed(plan: Plan, key: str, kind: str) -> ConfigError:
    """Return the error for user code that raised while its strategy was being made."""
    return ConfigError(plan.source, key, f"{kind}: {StrategyError(kind, traceback.format_exc()).problem}")


def _imported(plan: Plan, key: str, kind: str) -> type[Strategy]:
    """Import a strategy class named ``module:Class`` or ``file.py:Class``."""
    place, _, name = kind.rpartition(":")
    if not place:
        known = ", ".join(REGISTRY)
        raise ConfigError(plan.source, key, f"{kind!r} is neither shipped ({known}) nor module:Class")
    try:
        if place.endswith(".py"):
            spec = importlib.util.spec_from_file_location(Path(place).stem, place)
            if spec is None or spec.loader is None:
                raise ImportError(f"cannot load {place}")
            module = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(place)
    except (Exception, SystemExit) as error:
        raise _failed(plan, key, kind) from error
    found = getattr(module, name, None)
    if found is None:
        raise ConfigError(plan.source, key, f"{place} has no {name}")
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise ConfigError(plan.source, key, f"{kind} is not a Strategy")
    return found


def _venues(plan: Plan, config: BacktestConfig, catalog: Catalog, strategies: list[Strategy]) -> list[SimVenue]:
    """Return the configured venues, and default settings for the others."""
    venues = [_venue(plan, index, venue) for index, venue in enumerate(config.venues)]
    traded = {_venue_of(instrument) for strategy in strategies for instrument in strategy.instruments}
    if plan.symbol is not None:
        # Those that only the instruments left out are traded on.
        idle = {_venue_of(instrument) for instrument in catalog.instruments()} - traded
        venues = [venue for venue in venues if venue.name not in idle]
    return [*venues, *(SimVenue(name) for name in sorted(traded - {venue.name for venue in venues}))]


def _venue_of(instrument: str) -> str:
    return instrument.rpartition(".")[2]


def _venue(plan: Plan, index: int, venue: VenueConfig) -> SimVenue:
    try:
        return SimVenue(
            venue.name,
            latency=Latency(entry=venue.entry_latency, response=venue.response_latency, feed=venue.feed_latency),
            queue=venue.queue,
            maker_fee_bps=venue.maker_fee_bps,
            taker_fee_bps=venue.taker_fee_bps,
            basis=venue.basis,
            clock_lead=venue.clock_lead,
        )
    except InvalidValueError as error:
        raise ConfigError(plan.source, f"venues.{index}.{error.field}", error.problem) from None
