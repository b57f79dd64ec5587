"""What a backtest leaves behind."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from tradecore._core import FinalPositions, Instrument, format_duration_ns, money_text
from tradecore.errors import RunError, StrategyError
from tradecore.types import EventKind, Liquidity, OrderStatus, OrderType, Side, TimeInForce
from tradecore.venue import SimVenue

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Result", "TableStore"]

_MAYBE_NEVER = ("ts_accept", "ts_close", "next_funding_ns")
"""Times the core holds as 0 for what has not happened."""
_WORDS: dict[str, type[Side | OrderType | TimeInForce | OrderStatus | Liquidity | EventKind]] = {
    "side": Side,
    "order_type": OrderType,
    "time_in_force": TimeInForce,
    "status": OrderStatus,
    "liquidity": Liquidity,
    "kind": EventKind,
}
_MONEY_SCALE = 12


_Column = tuple[str, bytes] | list[str] | None
"""A column as the core hands it over: the name of its type and its bytes, or texts; None for no text anywhere."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some rows of a table in its file."""

    offset: int
    sizes: tuple[int, ...]
    """Bytes of its columns, in the order they are written."""


class TableStore:
    """The tables of a run: what is in memory, and what was moved to disk to keep memory flat.

    Parameters
    ----------
    instruments, strategies : sequence of str
        Names by the index the core uses.
    """

    def __init__(self, instruments: Sequence[str], strategies: Sequence[str]) -> None:
        self._names = {"instrument": list(instruments), "strategy": list(strategies)}
        self._folder: Path | None = None
        self._spilled: dict[str, list[_Piece]] = {}
        self._layouts: dict[str, list[tuple[str, str]]] = {}
        """Columns of the tables and their types, the same in every piece; texts are a JSON list."""
        self._kept: dict[str, Mapping[str, _Column]] = {}

    def keep(self, tables: Mapping[str, Mapping[str, _Column]]) -> None:
        """Take the last rows of every table; they stay in memory."""
        self._kept = dict(tables)

    def spill(self, tables: Mapping[str, Mapping[str, _Column]]) -> None:
        """Move rows of every table to a temporary folder that lives as long as the store.

        A file a table, the bytes of one column after the other: the rows are only made into frames if somebody asks
        for them.
        """
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="tradecore-run-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        written: dict[str, _Piece] = {}
        for name, columns in tables.items():
            stored = {key: c if isinstance(c, tuple) else ("json", orjson.dumps(c)) for key, c in columns.items()}
            _, first = next(iter(stored.values()))
            if first:
                self._layouts.setdefault(name, [(key, kind) for key, (kind, _) in stored.items()])
                with (self._folder / name).open("ab") as file:
                    written[name] = _Piece(file.tell(), tuple(len(data) for _, data in stored.values()))
                    file.writelines(data for _, data in stored.values())
        # An interruption before this leaves the rows with the run, which keeps them.
        for name, piece in written.items():
            self._spilled.setdefault(name, []).append(piece)

    def pieces(self, name: str) -> Iterator[pl.DataFrame]:
        """Return a table piece by piece, each small enough for memory."""
        for piece in self._spilled.get(name, ()):
            assert self._folder is not None
            columns: dict[str, _Column] = {}
            with (self._folder / name).open("rb") as file:
                file.seek(piece.offset)
                for (key, kind), size in zip(self._layouts[name], piece.sizes, strict=True):
                    data = file.read(size)
                    columns[key] = orjson.loads(data) if kind == "json" else (kind, data)
            yield self._frame(columns)
        yield self._frame(self._kept[name])

    def table(self, name: str) -> pl.DataFrame:
        """Return a whole table."""
        import polars as pl

        return pl.concat(self.pieces(name))

    def _frame(self, columns: Mapping[str, _Column]) -> pl.DataFrame:
        import numpy as np
        import polars as pl

        made: list[pl.Series] = []
        for name, column in columns.items():
            if isinstance(column, tuple):
                kind, data = column
                if kind == "money":
                    series = pl.Series(money_text(data), dtype=pl.String).str.to_decimal(scale=_MONEY_SCALE)
                else:
                    series = pl.Series(np.frombuffer(data, kind))
            else:
                # No texts at all stand for none anywhere; the first column of a table is never text.
                series = pl.Series(column or [""] * len(made[0]), dtype=pl.String)
                series = series.set(series == "", None)
            if name in self._names:
                names = pl.Series(self._names[name], dtype=pl.String)
                series = names.gather(series) if len(names) else pl.Series([], dtype=pl.String)
            elif name in _WORDS:
                words = {int(word): word.name.lower() for word in _WORDS[name]}
                series = series.replace_strict(words, return_dtype=pl.String)
            elif name in _MAYBE_NEVER:
                series = series.set(series == 0, None)
            elif series.dtype.is_float():
                series = series.fill_nan(None)
            made.append(series.alias(name))
        return pl.DataFrame(made)


class Result:
    """The outcome of a run. Print it for a table; read the frames for the rest.

    Attributes
    ----------
    digest : str
        SHA-256 over every request, every venue update and the final ledger: equal for equal runs.
    seed : int
        The run's seed.
    events : int
        Event rows processed.
    interrupted : bool
        Whether the run was ended before its data.
    wall_s : float
        Seconds it took.
    fill_basis : dict of str to str
        By instrument: ``l2`` if orders filled against the full book, ``l1`` against top-of-book quotes.
    clock_lead_ns : dict of str to int
        By venue: how far its clock was taken to run ahead of ours, where it did.
    failures : dict of str to str
        Tracebacks of strategies that failed, by name.
    totals : list of dict
        By settlement currency: ``gross_pnl, fees, net_pnl, turnover`` as Decimal, ``max_drawdown`` (currency),
        ``sharpe`` (annualised over 365 days, None if there are too few samples) and ``sharpe_period_ns``, the sampling
        period it was taken over.
    tables : TableStore
        The tables behind the frames, piece by piece.
    notes : list of str
        What never happened in the run and why, what was rejected, and what its figures leave out.
    instruments : list of Instrument
        What was traded, with the fees of the run, in the order in which the journal counts them.
    """

    def __init__(
        self,
        summary: dict[str, Any],
        store: TableStore,
        *,
        seed: int,
        wall_s: float,
        venues: Sequence[SimVenue],
        notes: Sequence[str] = (),
    ) -> None:
        self.tables = store
        self._order_count: int = summary["orders"]
        self._fill_count: int = summary["fills"]
        self.digest: str = summary["digest"]
        self.interrupted: bool = summary["interrupted"]
        self.events: int = summary["events"]
        self.span_ns: tuple[int, int] | None = summary["span_ns"]
        self.totals: list[dict[str, Any]] = summary["totals"]
        self._final_positions: FinalPositions = summary["positions"]
        self.failures: dict[str, str] = summary["failures"]
        self.seed = seed
        self.wall_s = wall_s
        self.fill_basis: dict[str, str] = summary["fill_basis"]
        self.clock_lead_ns = {venue: lead for venue, lead in summary["clock_lead_ns"].items() if lead}
        self.venues = list(venues)
        self.notes: list[str] = list(notes)
        self.instruments: list[Instrument] = summary["instruments"]
        self._journal: bytes = summary["journal"]

    @cached_property
    def final_positions(self) -> list[dict[str, Any]]:
        """One row a strategy and instrument: ``qty``, ``avg_entry_price``, profit, fees, cash; money as Decimal."""
        return self._final_positions.rows()

    @cached_property
    def orders(self) -> pl.DataFrame:
        """One row per order, by order id: terms, outcome, times (ns, ours)."""
        return self.tables.table("orders").sort("order_id")

    @cached_property
    def fills(self) -> pl.DataFrame:
        """One row per fill, in the order they became known: ``price, qty`` in units, money exact."""
        return self.tables.table("fills")

    @cached_property
    def positions(self) -> pl.DataFrame:
        """The position after every fill, by strategy and instrument."""
        return positions_of(self.fills)

    @cached_property
    def equity(self) -> pl.DataFrame:
        """Sampled equity: cash from trading plus positions at the venue's mid, after fees, starting at 0."""
        import polars as pl

        currencies = pl.Series([total["currency"] for total in self.totals], dtype=pl.String)
        table = self.tables.table("equity")
        return table.with_columns(currency=currencies.gather(table.get_column("currency")))

    @cached_property
    def candles(self) -> pl.DataFrame:
        """Candles of the market's trades, stamped with their start; empty unless asked for."""
        return self.tables.table("candles")

    @cached_property
    def published(self) -> pl.DataFrame:
        """What venues published and strategies were told of: marks, index prices, funding, open interest, liquidations.

        ``value`` is a price or a rate, ``qty`` the open interest or what was liquidated, by an order of ``order_side``;
        ``next_funding_ns`` is when a funding rate is paid.
        """
        return self.tables.table("published")

    @property
    def journal(self) -> bytes:
        """Every input of the kernel and every command, in order, for :func:`tradecore.replay`.

        Raises
        ------
        RunError
            When the backtest was not asked to ``record``.
        """
        if not self._journal:
            raise RunError("the run kept no journal: ask for it with Backtest(..., record=True)")
        return self._journal

    def _total(self) -> dict[str, Any]:
        if len(self.totals) != 1:
            currencies = ", ".join(total["currency"] for total in self.totals)
            raise RunError(f"the run settles in {currencies}: read totals for each")
        return self.totals[0]

    @property
    def net_pnl(self) -> Decimal:
        """Profit after fees, open positions at the last mid. Raises RunError with several currencies."""
        value: Decimal = self._total()["net_pnl"]
        return value

    @property
    def gross_pnl(self) -> Decimal:
        """Profit before fees. Raises RunError with several currencies."""
        value: Decimal = self._total()["gross_pnl"]
        return value

    @property
    def fees(self) -> Decimal:
        """Fees paid, negative where rebates exceed them. Raises RunError with several currencies."""
        value: Decimal = self._total()["fees"]
        return value

    def summary(self) -> dict[str, Any]:
        """Return the figures of the run as plain values; money as text, None where there are several currencies."""
        only = self.totals[0] if len(self.totals) == 1 else None

        def money(key: str) -> str | None:
            return None if only is None else _plain(only[key])

        return {
            "digest": self.digest,
            "seed": self.seed,
            "events": self.events,
            "orders": self._order_count,
            "fills": self._fill_count,
            "gross_pnl": money("gross_pnl"),
            "fees": money("fees"),
            "funding": None if only is None else "0",
            "net_pnl": money("net_pnl"),
            "settlement_currency": None if only is None else only["currency"],
            "final_positions": [
                {key: _plain(value) if isinstance(value, Decimal) else value for key, value in row.items()}
                for row in self.final_positions
            ],
            "max_drawdown": None if only is None else only["max_drawdown"],
            "sharpe": None if only is None else only["sharpe"],
            "sharpe_period": None if only is None else format_duration_ns(only["sharpe_period_ns"]),
            "by_currency": {
                total["currency"]: {
                    key: _plain(value) if isinstance(value, Decimal) else value
                    for key, value in total.items()
                    if key not in ("currency", "sharpe_period_ns")
                }
                for total in self.totals
            },
            "fill_basis": _one_or_all(self.fill_basis),
            "clock_lead_ns": self.clock_lead_ns,
            "interrupted": self.interrupted,
            "notes": self.notes,
            "failures": self.failures,
            "first_ts": None if self.span_ns is None else self.span_ns[0],
            "last_ts": None if self.span_ns is None else self.span_ns[1],
            "wall_s": round(self.wall_s, 6),
            "events_per_s": round(self.events / self.wall_s) if self.wall_s > 0 else None,
        }

    def __repr__(self) -> str:
        return f"<Result {self.digest[:16]} {self._order_count} orders {self._fill_count} fills>"

    def __str__(self) -> str:
        rows: list[tuple[str, str]] = [
            ("digest", self.digest),
            ("events", f"{self.events:,} in {self.wall_s:.2f} s"),
            ("orders / fills", f"{self._order_count:,} / {self._fill_count:,}"),
        ]
        for total in self.totals:
            currency = total["currency"]
            rows.append(("gross profit", f"{_plain(total['gross_pnl'])} {currency}"))
            rows.append(("fees", f"{_plain(total['fees'])} {currency}"))
            rows.append(("net profit", f"{_plain(total['net_pnl'])} {currency}"))
            rows.append(("max drawdown", f"{total['max_drawdown']:.10g} {currency}"))
            if total["sharpe"] is not None:
                period = format_duration_ns(total["sharpe_period_ns"])
                rows.append(("Sharpe ratio", f"{total['sharpe']:.2f} (annualised, {period} changes)"))
        for row in self.final_positions:
            label = f"{row['strategy']} {row['instrument']}"
            rows.append((label, f"position {_plain(row['qty'])}, {row['fills']:,} fills"))
        rows.append(("filled against", ", ".join(f"{k}: {v}" for k, v in self.fill_basis.items())))
        for venue in self.venues:
            rows.append((f"venue {venue.name}", f"{venue.latency!r}, queue {venue.queue}"))
        for name, lead in self.clock_lead_ns.items():
            rows.append((f"clock of {name}", f"taken to run {lead / 1e9:.6f} s ahead of ours"))
        for name, traceback in self.failures.items():
            rows.append((f"{name} failed", StrategyError(name, traceback).problem))
        rows.extend(("note", note) for note in self.notes)
        if self.interrupted:
            rows.append(("interrupted", "the data was not read to its end"))
        width = max(len(label) for label, _ in rows)
        return "\n".join(f"{label:<{width}}  {text}" for label, text in rows)


def positions_of(fills: pl.DataFrame) -> pl.DataFrame:
    """Select the position after every fill."""
    return fills.select(
        "ts_recv",
        "strategy",
        "instrument",
        "position_qty",
        "avg_entry_price",
        realized_pnl="realized_pnl_total",
        fees="fees_total",
        cash="cash",
    )


def _plain(value: Decimal) -> str:
    """Decimal text without an exponent or trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _one_or_all(values: dict[str, str]) -> str | dict[str, str]:
    """Return the value all instruments share, else the mapping."""
    different = set(values.values())
    return different.pop() if len(different) == 1 else values
