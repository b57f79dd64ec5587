"""From a configuration to a backtest and its files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tradecore._core import Instrument
from tradecore.backtest.engine import Backtest
from tradecore.backtest.lookahead import LookaheadReport, check_lookahead
from tradecore.backtest.outputs import check_writable, write_outputs
from tradecore.backtest.result import Result
from tradecore.backtest.scratch import Scratch
from tradecore.bus import EventBus
from tradecore.bus.events import OF_SESSIONS, MarketEvent
from tradecore.config import BacktestConfig, TardisConfig
from tradecore.data.catalog import Catalog
from tradecore.data.importers import import_tardis
from tradecore.errors import (
    ConfigError,
    InvalidValueError,
    UnknownInstrumentError,
)
from tradecore.instruments import find_instrument
from tradecore.interrupts import Interrupts
from tradecore.session import Scope, build_strategies, build_venues, check_series, own_instruments
from tradecore.strategy import Strategy
from tradecore.venue import SimVenue

__all__ = ["Plan", "check_config", "run_config"]


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
    bounds : bool
        Whether to run with bounds, if the configuration does not.
    events : path, optional
        A file for the events of the run, as JSON lines.
    market_events : bool
        Whether those of markets are among them.
    notes : list of str
        Filled with what the user should know.
    """

    config: BacktestConfig
    source: str
    data: str | None = None
    output: str | None = None
    symbol: str | None = None
    seed: int | None = None
    bounds: bool = False
    events: Path | None = None
    market_events: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def effective(self) -> BacktestConfig:
        """The configuration as it is run."""
        config = self.config
        changes: dict[str, Any] = {}
        if self.seed is not None:
            changes["seed"] = self.seed
        if self.bounds:
            changes["bounds"] = True
        if self.output is not None:
            changes["output"] = config.output.model_copy(update={"dir": self.output})
        if self.data is not None:
            if config.data.tardis is not None:
                tardis = config.data.tardis.model_copy(update={"root": self.data})
                changes["data"] = config.data.model_copy(update={"tardis": tardis})
            else:
                changes["data"] = config.data.model_copy(update={"catalog": self.data})
        return config.model_copy(update=changes)


def run_config(
    plan: Plan, interrupts: Interrupts, *, progress: Callable[[int, int], None] | None = None
) -> tuple[Result, dict[str, Any]]:
    """Run a configuration and write its files, if it names a folder for them, whatever ended the run.

    Parameters
    ----------
    plan : Plan
    interrupts : Interrupts
        Those of a block around this: the first Ctrl-C after the run is held back, so that its files are written.
    progress : callable, optional
        As in :meth:`Backtest.run <tradecore.Backtest.run>`.

    Returns
    -------
    tuple of Result and dict
        The result and its summary, with ``output`` (None if nothing was written).
    """
    config = plan.effective
    with Scratch("data") as scratch:
        specs, catalog, scope = _opened(plan, config, scratch)
        strategies = build_strategies(scope, config.strategies)
        check_series(config.venues, plan.source)
        venues = build_venues(scope, config.venues, strategies, default=SimVenue)
        bus = None if plan.events is None else EventBus()
        with _keyed(plan.source):
            backtest = Backtest(
                strategies,
                catalog,
                venues,
                specs=specs,
                seed=config.seed,
                sample_interval=config.output.sample_interval,
                candles=config.output.candles,
                bounds=config.bounds,
                events=bus,
                **_deciding(config),
            )
        if config.output.dir is not None:
            check_writable(config.output.dir)
        kinds = [kind for kind in OF_SESSIONS if plan.market_events or not issubclass(kind, MarketEvent)]
        log = nullcontext() if plan.events is None or bus is None else bus.write(plan.events, kinds)
        with log:
            result = backtest._run(progress, interrupts)
    notes = [*plan.notes, *result.notes]
    summary = {**result.summary(), "notes": notes, "output": None}
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
            extra={"notes": notes},
            csv_safe=config.output.csv_safe,
        )
    return result, summary


def _deciding(config: BacktestConfig) -> dict[str, Any]:
    """Return the settings of a run that what strategies do may depend on, beside its data and venues."""
    return {
        "on_error": config.on_error,
        "cost_basis": config.cost_basis,
        "reporting_currency": config.reporting_currency,
        "reporting_rates": config.reporting_rates,
        "risk": config.risk,
    }


@contextmanager
def _keyed(source: str) -> Iterator[None]:
    """Name the key of a configuration in what is wrong with a setting of a run."""
    try:
        yield
    except InvalidValueError as error:
        raise ConfigError(source, "instruments" if error.field == "specs" else error.field, error.problem) from None


def check_config(
    plan: Plan, *, cuts: int | None, progress: Callable[[int, int], None] | None = None
) -> LookaheadReport:
    """Check the strategies of a configuration for look-ahead, as :func:`check_lookahead` does."""
    config = plan.effective
    with Scratch("data") as scratch:
        specs, catalog, scope = _opened(plan, config, scratch)

        def strategies() -> list[Strategy]:
            return build_strategies(scope, config.strategies)

        check_series(config.venues, plan.source)
        venues = build_venues(scope, config.venues, strategies(), default=SimVenue)
        settings: dict[str, Any] = {"specs": specs, "seed": config.seed, **_deciding(config)}
        with _keyed(plan.source):
            return check_lookahead(strategies, catalog, venues, cuts=cuts, progress=progress, **settings)


def _opened(plan: Plan, config: BacktestConfig, scratch: Path) -> tuple[dict[str, Instrument], Catalog, Scope]:
    """Return the instruments a configuration specifies itself, its data, and which instruments can be traded."""
    specs = own_instruments(config.instruments, plan.source)
    catalog = _catalog(plan, config, specs, scratch)
    return specs, catalog, _scope(plan, catalog)


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


def _scope(plan: Plan, catalog: Catalog) -> Scope:
    known = catalog.instruments()
    if not known:
        raise ConfigError(plan.source, "data", f"{catalog.path} is not a catalog, or an empty one")
    return Scope(known=known, symbol=plan.symbol, source=plan.source, place="the data")
