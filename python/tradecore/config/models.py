"""What a backtest's configuration file may say. Unknown keys are errors."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    PlainSerializer,
    PlainValidator,
    field_validator,
    model_validator,
)

from tradecore.config.observe import AlertsConfig, LogConfig, MetricsConfig
from tradecore.config.risk import limits_from_table, limits_to_table
from tradecore.config.sections import Section
from tradecore.config.server import ServerConfig
from tradecore.config.texts import IntervalText
from tradecore.config.venues import VenueTable
from tradecore.risk import RiskLimits

__all__ = [
    "BacktestConfig",
    "ConnectionConfig",
    "DataConfig",
    "ModeConfig",
    "OutputConfig",
    "StrategyConfig",
    "TardisConfig",
]


_Limits = Annotated[RiskLimits | None, PlainValidator(limits_from_table), PlainSerializer(limits_to_table)]
"""Limits, a table of them in a file."""


class TardisConfig(Section):
    """Tardis CSV files of one instrument, read directly."""

    root: str
    """Folder of the files."""
    instrument: str
    """Id of the instrument they hold."""
    trades: str | None = None
    """Name of the file with trades; it has to be there."""
    quotes: str | None = None
    """Name of the file with top-of-book quotes; it has to be there unless the book is."""
    book: str | None = None
    """Name of the file with the book; if it is not there it is left out, which a note says."""

    @model_validator(mode="after")
    def _some_file(self) -> TardisConfig:
        if self.trades is None and self.quotes is None and self.book is None:
            raise ValueError("names no file")
        return self


class DataConfig(Section):
    """Where events come from."""

    catalog: str | None = None
    """A catalog's folder; ``--data`` goes before it."""
    tardis: TardisConfig | None = None
    """Tardis CSV files to run on without importing them first; instead of a catalog."""

    @model_validator(mode="after")
    def _one_source(self) -> DataConfig:
        if self.catalog is not None and self.tardis is not None:
            raise ValueError("catalog and tardis exclude each other")
        return self


class StrategyConfig(Section):
    """A strategy and its parameters."""

    kind: str
    """Name of a shipped strategy, or ``package.module:Class``, or ``path/to/file.py:Class``."""
    name: Annotated[str, Field(min_length=1)] | None = None
    """Unique in the run; the name of the class if not given, of a shipped strategy its own."""
    instruments: tuple[str, ...] | None = None
    """Ids; every instrument of the data if not given."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Values of the strategy's parameters; one it does not have is an error."""

    @property
    def called(self) -> str:
        """Its name in the run."""
        return self.name or self.kind.rpartition(":")[2]


class OutputConfig(Section):
    """What is written after a run."""

    dir: str | None = None
    """Folder for the files of a run; nothing is written if not given."""
    exchange: str | None = None
    """First part of the files' names; the venue in lower case if not given."""
    date: str | None = None
    """Date in the files' names; the first day of the data if not given."""
    candles: IntervalText = "1m"
    """Length of the candles that are recorded from the market's trades."""
    sample_interval: IntervalText = "1s"
    """Time between samples of the equity."""
    csv_safe: Annotated[bool, Field(strict=True)] = True
    """Whether text in the tables that a spreadsheet would take for a formula gets an apostrophe in front."""


class ConnectionConfig(Section):
    """How a venue is reached."""

    venue: str
    """Its name, as in ``SYMBOL.VENUE``."""
    url: str | None = None
    """One address in place of the venue's hosts, such as that of a local server."""
    testnet: Annotated[bool, Field(strict=True)] = False
    """Whether its test network is used."""
    sandbox: Annotated[bool, Field(strict=True)] = False
    """Whether a server of our own stands in for it, which is started with the session: no network, no keys."""
    sockets: Annotated[int, Field(ge=1, le=2, strict=True)] = 1
    """How many connections carry the same market data; of two the first to bring something counts. Binance alone."""
    feed: str | None = None
    """Which of its feeds market data comes from, where it has several: of Coinbase ``advanced``, as if not given,
    ``exchange`` or ``full``."""
    keyring: Annotated[str, Field(min_length=1)] | None = None
    """Service of the system's keyring that has its keys, as ``<VENUE>_KEY`` and ``<VENUE>_SECRET``; the environment
    goes before it."""

    @model_validator(mode="after")
    def _one_way(self) -> ConnectionConfig:
        if sum((self.url is not None, self.testnet, self.sandbox)) > 1:
            raise ValueError("url, testnet and sandbox exclude each other")
        return self


class ModeConfig(Section):
    """What a session on paper or live needs beside what a backtest does, which leaves it alone."""

    live: Annotated[bool, Field(strict=True)] = False
    """Whether this file may send real orders; ``tradecore live --real-orders`` has to say so as well."""
    session: Annotated[str, Field(pattern="^[0-9A-Za-z]{1,12}$")] | None = None
    """Name of the session, 1 to 12 letters and digits, part of every client id; made of the time if not given.

    With a journal a session of a name goes on, also after an end in order.
    """
    journal: str | None = None
    """Folder of the session's journal; ``--journal`` goes before it. A session that was killed goes on from it."""
    store: str | None = None
    """Database that orders, fills, positions and money are written to: a URL, or a file of SQLite. Needs a journal."""
    durability: Literal["process", "power"] = "process"
    """What commands that have left are sure to outlive in it: this process, or the machine."""
    on_stop: Literal["cancel", "keep"] = "cancel"
    """What becomes of open orders in the end."""
    sync_timeout: IntervalText = "30s"
    """How long books may take to be synced at the start."""
    block_after: IntervalText = "5s"
    """How long the event loop may stand still, as in a hook that does not return, before that is told."""
    on_block: Literal["cancel", "tell"] = "cancel"
    """What becomes of open orders then."""
    max_lag: IntervalText | Literal["off"] = "off"
    """How late what a venue tells may be taken before its books are stale and nothing that adds leaves."""
    on_lag: Literal["cancel", "keep"] = "cancel"
    """What becomes of open orders at that venue then."""
    busy_poll: Annotated[bool, Field(strict=True)] = False
    """Whether the event loop looks for what has arrived all the time, which takes a core, rather than to sleep."""
    dead_man: IntervalText | Literal["off"] = "60s"
    """How long a venue that has a switch for that keeps orders without hearing of the session; at least 3 s."""
    inference_deadline: IntervalText = "500ms"
    """How long a model may take to answer; what it says later is no signal."""
    connections: tuple[ConnectionConfig, ...] = ()
    """How venues are reached; one that is not named here by its own hosts."""

    @field_validator("connections")
    @classmethod
    def _distinct(cls, configured: tuple[ConnectionConfig, ...]) -> tuple[ConnectionConfig, ...]:
        for name, times in Counter(one.venue for one in configured).items():
            if times > 1:
                raise ValueError(f"{name!r} is there twice")
        return configured


class BacktestConfig(Section):
    """A backtest, or a session on paper or live."""

    seed: Annotated[int, Field(ge=0, lt=2**63, strict=True)] = 0
    """Seed of the probabilistic parts; ``--seed`` goes before it."""
    on_error: Literal["stop_strategy", "stop_run"] = "stop_strategy"
    """What a hook that raises ends: its strategy, or the run."""
    cost_basis: Literal["average", "fifo", "lifo"] = "average"
    """Which part of a position a fill closes: a share of all of it, what was opened first, or last."""
    reporting_currency: str | None = None
    """What all of the run is reported in, beside its settlement currencies."""
    reporting_rates: dict[str, Decimal] | None = None
    """What one of another currency is worth in it, where that is stated; else the markets of the run say so."""
    bounds: Annotated[bool, Field(strict=True)] = False
    """Whether copies of the strategies run beside them by a low and a high rule of filling; as ``--bounds``."""
    risk: _Limits = None
    """Limits on orders, positions and losses: a table with the fields of ``RiskLimits``, or the name of a founding
    ``system.json``; none if not given."""
    mode: ModeConfig = ModeConfig()
    """What a session on paper or live needs beside; a backtest leaves it alone."""
    log: LogConfig | None = None
    """What a session logs; errors alone if neither it nor ``TRADECORE_LOG`` says so."""
    metrics: MetricsConfig | None = None
    """Where a session answers for metrics and health; nowhere if not given."""
    alerts: AlertsConfig | None = None
    """Who is told when something goes wrong; nobody if not given."""
    server: ServerConfig | None = None
    """The server of a session on paper or live; none is started if it is not given, but by ``tradecore serve``."""
    data: DataConfig = DataConfig()
    """Where events come from."""
    venues: tuple[VenueTable, ...] = ()
    """Settings of the simulated venues; one that is traded on and not named here has the defaults."""
    strategies: Annotated[tuple[StrategyConfig, ...], Field(min_length=1)]
    """What is run, at least one."""
    output: OutputConfig = OutputConfig()
    """What is written after the run."""
    instruments: tuple[dict[str, Any], ...] = ()
    """Specifications of instruments, before those of the catalog and the shipped ones."""

    @field_validator("venues", "strategies")
    @classmethod
    def _distinct(cls, configured: tuple[Any, ...]) -> tuple[Any, ...]:
        names = (one.called if isinstance(one, StrategyConfig) else one.name for one in configured)
        for name, times in Counter(names).items():
            if times > 1:
                raise ValueError(f"{name!r} is there twice")
        return configured
