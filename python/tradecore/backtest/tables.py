"""The tables of a run as the core writes them: columns of plain bytes, in memory and on disk."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from tradecore._core import money_text
from tradecore.backtest.scratch import Scratch, sweep
from tradecore.errors import RunError
from tradecore.files import writing
from tradecore.forks import check_polars
from tradecore.types import EventKind, FillEvent, Liquidity, OrderStatus, OrderType, Side, TimeInForce

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

__all__ = ["MONEY_SCALE", "TABLES", "WIDTHS", "Stored", "TableStore", "joined"]

TABLES = (
    "orders",
    "fills",
    "payments",
    "equity",
    "reported",
    "candles",
    "published",
    "signals",
    "executions",
    "refusals",
    "trips",
    "stops",
    "mids",
)
MONEY_SCALE = 12
"""Decimals of money."""
WIDTHS = {"uint8": 1, "int8": 1, "bool": 1, "uint32": 4, "uint64": 8, "int64": 8, "float64": 8, "money": 16}
"""Types of columns by numpy's names, ``money`` for counts of 10^-12, with their bytes a row."""

_MAYBE_NEVER = (
    "ts_accept",
    "ts_close",
    "ts_sent",
    "ts_arrive",
    "next_funding_ns",
    "expires",
    "expires_at",
    "ts_trigger",
    "ts_end",
    "group",
)
"""Numbers the core holds as 0 for what has not happened, or there is none of."""
_WORDS: dict[str, type[Side | OrderType | TimeInForce | OrderStatus | Liquidity | EventKind | FillEvent]] = {
    "side": Side,
    "order_type": OrderType,
    "time_in_force": TimeInForce,
    "status": OrderStatus,
    "liquidity": Liquidity,
    "kind": EventKind,
    "event": FillEvent,
}

_Column = tuple[str, bytes] | list[str] | None
"""A column as the core hands it over: the name of its type and its bytes, or texts; None for no text anywhere."""

Stored = Mapping[str, tuple[str, bytes]]
"""Some rows of a table as they are stored: the type and the bytes of every column; texts are a JSON list."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some rows of a table in its file."""

    offset: int
    sizes: tuple[int, ...]
    """Bytes of its columns, in the order they are written."""


class TableStore:
    """The tables of a run: what is in memory, and what was moved to disk to keep memory flat.

    It is not changed once a run has ended, so copies share it; pickled, it takes all rows along.

    Parameters
    ----------
    instruments, strategies : sequence of str
        Names by the index the core uses.
    """

    def __init__(self, instruments: Sequence[str], strategies: Sequence[str]) -> None:
        sweep()
        self.names = {"instrument": list(instruments), "strategy": list(strategies), "currency": []}
        """Names by the column that holds their index."""
        self._scratch: Scratch | None = None
        self._spilled: list[dict[str, _Piece]] = []
        """What was moved at a time."""
        self._layouts: dict[str, list[tuple[str, str]]] = {}
        """Columns of the tables and their types, the same in every piece."""
        self._kept: dict[str, Stored] = {}

    def keep(self, tables: Mapping[str, Mapping[str, _Column]], moved: int = 0) -> None:
        """Take the last rows of every table, after as many times that rows were moved; they stay in memory."""
        del self._spilled[moved:]
        self._kept = {name: _stored(columns) for name, columns in tables.items()}

    def spill(self, tables: Mapping[str, Mapping[str, _Column]], moved: int) -> None:
        """Move rows of every table to a temporary folder that lives as long as the store.

        A file a table, the bytes of one column after the other: the rows are only made into frames if somebody asks
        for them.

        Parameters
        ----------
        tables : mapping
            The rows.
        moved : int
            How many times rows were moved before. What else there is was moved when Ctrl-C came, and the run, which
            cannot know, gives it again.
        """
        del self._spilled[moved:]
        self._spill({name: _stored(columns) for name, columns in tables.items()})

    def _spill(self, tables: Mapping[str, Stored]) -> None:
        written: dict[str, _Piece] = {}
        with writing(tempfile.gettempdir()):
            if self._scratch is None:
                self._scratch = Scratch("run")
            for name, stored in tables.items():
                _, first = next(iter(stored.values()))
                if first:
                    self._layouts.setdefault(name, [(key, kind) for key, (kind, _) in stored.items()])
                    with (self._scratch.path / name).open("ab") as file:
                        written[name] = _Piece(file.tell(), tuple(len(data) for _, data in stored.values()))
                        file.writelines(data for _, data in stored.values())
        self._spilled.append(written)

    def __contains__(self, name: str) -> bool:
        return name in self._kept

    def has_rows(self, name: str) -> bool:
        """Return whether the run kept a table that has rows, without reading them."""
        first = next(iter(self._kept.get(name, {"": ("", b"")}).values()))
        return bool(first[1]) or any(name in written for written in self._spilled)

    @property
    def folder(self) -> Path | None:
        """Where rows were moved to; None if all are in memory."""
        return None if self._scratch is None else self._scratch.path

    def stored(self, name: str, only: Sequence[str] | None = None) -> Iterator[Stored]:
        """Return the columns of a table as they are stored, all or some, piece by piece.

        Raises
        ------
        RunError
            When the run kept none: an empty table would say that nothing happened. Also when the rows that were moved
            to disk are gone, as in a forked process that outlives the one that ran.
        """
        if name not in self._kept:
            raise RunError(f"the run kept no {name}, only figures")
        for piece in (written[name] for written in self._spilled if name in written):
            yield self._read(name, piece, only)
        kept = self._kept[name]
        yield {key: column for key, column in kept.items() if only is None or key in only}

    def moved(self, since: int = 0, until: int | None = None) -> Iterator[dict[str, Stored]]:
        """Return what was moved to disk, all that was moved at a time after the other: the tables that had rows.

        Parameters
        ----------
        since, until : int
            How many times rows had been moved.
        """
        for written in self._spilled[since:until]:
            yield {name: self._read(name, piece, None) for name, piece in written.items()}

    def _read(self, name: str, piece: _Piece, only: Sequence[str] | None) -> Stored:
        assert self._scratch is not None
        columns = {}
        at = piece.offset
        try:
            with (self._scratch.path / name).open("rb") as file:
                for (key, kind), size in zip(self._layouts[name], piece.sizes, strict=True):
                    if only is None or key in only:
                        file.seek(at)
                        columns[key] = (kind, file.read(size))
                    at += size
        except FileNotFoundError:
            gone = f"rows of {name} are gone from {self._scratch.path}: they go with the process that ran"
            raise RunError(f"{gone}. Save the result there, or hand it over pickled") from None
        return columns

    def pieces(self, name: str, only: Sequence[str] | None = None, *, exact: bool = True) -> Iterator[pl.DataFrame]:
        """Return a table, or some of its columns, piece by piece, each small enough for memory.

        Times are ns, money is Decimal, or a float where it need not be ``exact``.
        """
        for columns in self.stored(name, only):
            yield self._frame(columns, exact=exact)

    def table(self, name: str, only: Sequence[str] | None = None, *, exact: bool = True) -> pl.DataFrame:
        """Return a whole table, or some of its columns, as :meth:`pieces` does."""
        # A frame for each piece, and there are hundreds, would take most of the time.
        return self._frame(joined(list(self.stored(name, only))), exact=exact)

    def _frame(self, columns: Stored, *, exact: bool) -> pl.DataFrame:
        check_polars()
        import numpy as np
        import polars as pl

        rows = _rows(columns)
        made: list[pl.Series] = []
        for name, (kind, data) in columns.items():
            if kind == "json":
                # No texts at all stand for none anywhere.
                series = pl.Series(orjson.loads(data) or [""] * rows, dtype=pl.String)
                series = series.set(series == "", None)
            elif kind == "money" and not exact:
                series = pl.Series(_rough(np.frombuffer(data, np.int64)))
            elif kind == "money":
                series = pl.Series(money_text(data), dtype=pl.String).str.to_decimal(scale=MONEY_SCALE)
            else:
                series = pl.Series(np.frombuffer(data, kind))
            if name in self.names:
                names = pl.Series(self.names[name], dtype=pl.String)
                series = names.gather(series) if len(names) else pl.Series([], dtype=pl.String)
            elif name in _WORDS:
                words: dict[int, str | None] = {int(word): word.name.lower() for word in _WORDS[name]}
                if name == "event":
                    words[0] = None  # A venue that is not simulated does not say.
                # Words by place: many times faster than to replace them one by one.
                first = min(words)
                listed = pl.Series([words.get(code) for code in range(first, max(words) + 1)], dtype=pl.String)
                series = listed.gather(series.cast(pl.Int64) - first)
            elif name in _MAYBE_NEVER:
                series = series.set(series == 0, None)
            elif series.dtype.is_float():
                series = series.fill_nan(None)
            made.append(series.alias(name))
        return pl.DataFrame(made)

    @classmethod
    def restore(cls, names: Mapping[str, Sequence[str]], tables: Mapping[str, Iterable[Stored]]) -> TableStore:
        """Return a store of tables as :meth:`stored` gave them; all but the last piece of each goes to disk."""
        store = cls(names["instrument"], names["strategy"])
        store.names["currency"] = list(names["currency"])
        for name, pieces in tables.items():
            for piece in pieces:
                if (before := store._kept.get(name)) is not None:
                    store._spill({name: before})
                store._kept[name] = piece
        return store

    def __reduce__(self) -> tuple[object, ...]:
        return TableStore.restore, (self.names, {name: list(self.stored(name)) for name in self._kept})

    def __deepcopy__(self, _memo: object) -> TableStore:
        return self


def _rough(halves: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return money as floats out of the halves of its 128-bit counts."""
    import numpy as np

    low, high = (halves[0::2], halves[1::2]) if sys.byteorder == "little" else (halves[1::2], halves[0::2])
    fits = high == low >> 63
    wide = high * 2.0**64 + low.view(np.uint64)
    return np.where(fits, low, wide) / 10.0**MONEY_SCALE


def _rows(columns: Stored) -> int:
    return next(len(data) // WIDTHS[kind] for kind, data in columns.values() if kind != "json")


def joined(pieces: Sequence[Stored]) -> Stored:
    """Return pieces of a table as one."""
    if len(pieces) == 1:
        return pieces[0]
    whole = {}
    for key, (kind, _) in pieces[-1].items():
        columns = [piece[key][1] for piece in pieces]
        if kind == "json":
            texts = [orjson.loads(column) for column in columns]
            if any(texts):
                told = [of or [""] * _rows(piece) for of, piece in zip(texts, pieces, strict=True)]
                whole[key] = (kind, orjson.dumps(list(chain.from_iterable(told))))
            else:
                whole[key] = (kind, b"null")
        else:
            whole[key] = (kind, b"".join(columns))
    return whole


def _stored(columns: Mapping[str, _Column]) -> Stored:
    return {key: c if isinstance(c, tuple) else ("json", orjson.dumps(c)) for key, c in columns.items()}
