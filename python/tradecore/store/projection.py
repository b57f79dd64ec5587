"""From what a kernel tells of a session to rows of the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from tradecore._core import Instrument, Kernel
from tradecore.backtest.tables import TableStore
from tradecore.errors import StoreError
from tradecore.store import schema
from tradecore.store.database import Store

__all__ = ["Projection", "Taken"]

Row: TypeAlias = dict[str, Any]

_ORDER = (
    "order_id",
    "client_id",
    "strategy",
    "instrument",
    "side",
    "order_type",
    "time_in_force",
    "post_only",
    "reduce_only",
    "avg_fill_price",
    "status",
    "reason",
    "replaced",
    "ts_submit",
    "ts_accept",
    "ts_close",
)
"""Columns of an order that are stored as they come; prices and quantities are made exact beside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What was taken of a kernel at a time.

    Parameters
    ----------
    tables : mapping
        As ``Kernel.take_tables`` gives them; those without rows may be left out.
    known : mapping
        As ``Kernel.known_orders`` gives them, at the same time.
    ts_begin : int, optional
        The session's first input, ns UTC.
    ts_last : int
        Its newest one.
    digest : str, optional
        That of a session that has ended in order.
    """

    tables: Mapping[str, Mapping[str, Any]]
    known: Mapping[str, Any]
    ts_begin: int | None
    ts_last: int
    digest: str | None = None

    @classmethod
    def of(cls, kernel: Kernel, ts_begin: int | None, digest: str | None = None) -> Taken:
        """Take what a kernel has recorded since the last time."""
        return cls.at(kernel, kernel.take_tables(), ts_begin, digest)

    @classmethod
    def at(
        cls, kernel: Kernel, tables: Mapping[str, Mapping[str, Any]], ts_begin: int | None, digest: str | None = None
    ) -> Taken:
        """Return what was taken of a kernel just now, with what it knows beside."""
        known, ts_last = kernel.known_orders(), kernel.now_ns
        return cls(tables=tables, known=known, ts_begin=ts_begin, ts_last=ts_last, digest=digest)


class Projection:
    """Writes a session to a store, piece by piece, from its begin on: what is there of it from before goes first.

    A session that goes on after a kill begins anew, as its kernel does; what is written in the end is the same however
    the pieces were cut.

    Parameters
    ----------
    store : Store
    session : str
    mode : str
        ``paper`` or ``live``.
    instruments : sequence of Instrument
        In the order of the kernel's markets.
    strategies : sequence of str
        Names, in the kernel's order.
    """

    def __init__(
        self, store: Store, session: str, mode: str, instruments: Sequence[Instrument], strategies: Sequence[str]
    ) -> None:
        self._store = store
        self._session = session
        self._mode = mode
        self._currencies = {instrument.id: instrument.settlement for instrument in instruments}
        self._tables = TableStore(list(self._currencies), strategies)
        self._written = {"fill": 0, "payment": 0}
        """Rows of each source of the ledger so far, by which they are numbered."""
        self._has_begun = False

    def write(self, taken: Taken) -> None:
        """Write what was taken, all of it or, after an error, nothing.

        Raises
        ------
        StoreError
            Where the database fails, or holds another session of this name.
        """
        self._tables.keep({**taken.tables, "known": taken.known})
        fills = self._numbered("fill", self._rows("fills"))
        payments = self._numbered("payment", self._rows("payments"))
        orders = self._rows("known") + self._rows("orders")
        with self._store.writing() as connection:
            self._begin(connection, taken)
            self._put(connection, schema.orders, map(_order, orders))
            self._put(connection, schema.fills, map(_fill, fills))
            self._put(connection, schema.ledger, self._money(fills, payments))
            self._put(connection, schema.positions, _positions(fills, payments))
        self._has_begun = True
        self._written["fill"] += len(fills)
        self._written["payment"] += len(payments)

    def _rows(self, name: str) -> list[Row]:
        return self._tables.table(name).to_dicts() if name in self._tables else []

    def _numbered(self, source: str, rows: list[Row]) -> list[Row]:
        return [{**row, "number": number} for number, row in enumerate(rows, self._written[source])]

    def _begin(self, connection: Connection, taken: Taken) -> None:
        own = schema.sessions.c.session == self._session
        if not self._has_begun:
            before = connection.execute(select(schema.sessions.c.ts_begin).where(own)).one_or_none()
            if before is not None and before.ts_begin != taken.ts_begin:
                problem = (
                    f"holds another session {self._session!r}, which began at {before.ts_begin}; name this one anew"
                )
                raise StoreError(self._store.place, problem)
            connection.execute(schema.sessions.delete().where(own))
        row = {
            "mode": self._mode,
            "instruments": list(self._currencies),
            "ts_begin": taken.ts_begin,
            "ts_last": taken.ts_last,
            "digest": taken.digest,
        }
        self._put(connection, schema.sessions, [row])

    def _put(self, connection: Connection, table: Table, rows: Iterable[Row]) -> None:
        """Insert rows, in place of those with the same keys."""
        listed = [{"session": self._session, **row} for row in rows]
        if not listed:
            return
        insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
        fresh = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
        connection.execute(insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=fresh), listed)

    def _money(self, fills: Sequence[Row], payments: Sequence[Row]) -> Iterable[Row]:
        for row in fills:
            yield self._entry(row, "fill", "trade", row["flow"])
            yield self._entry(row, "fill", "fee", -row["fee"])
        for row in payments:
            yield self._entry(row, "payment", row["why"], -row["paid"])

    def _entry(self, row: Row, source: str, why: str, amount: Decimal) -> Row:
        told = {name: row[name] for name in ("number", "strategy", "instrument", "ts_event", "ts_recv")}
        return {**told, "source": source, "why": why, "currency": self._currencies[row["instrument"]], "amount": amount}


def _exact(value: float | None) -> Decimal | None:
    """Return the decimal that a float of a grid's step stands for."""
    return None if value is None else Decimal(repr(value))


def _order(row: Row) -> Row:
    exact = ("price", "trigger_price", "qty", "filled_qty")
    return {name: row[name] for name in _ORDER} | {name: _exact(row[name]) for name in exact}


def _fill(row: Row) -> Row:
    told = ("number", "order_id", "strategy", "instrument", "side", "liquidity", "fee", "fee_coin", "realized_pnl")
    exact = {name: _exact(row[name]) for name in ("price", "qty")}
    paid = None if row["fee_coin"] is None else row["fee_paid"]
    times = {name: row[name] for name in ("ts_event", "ts_recv")}
    return {name: row[name] for name in told} | exact | times | {"fee_paid": paid}


def _positions(fills: Sequence[Row], payments: Sequence[Row]) -> list[Row]:
    """Return what each strategy holds of each instrument after the last of these."""
    after = [(row, "position_qty") for row in fills] + [(row, "held_qty") for row in payments]
    last: dict[tuple[str, str], Row] = {}
    for row, qty in sorted(after, key=lambda pair: int(pair[0]["ts_recv"])):
        last[row["strategy"], row["instrument"]] = {
            "strategy": row["strategy"],
            "instrument": row["instrument"],
            "position_qty": _exact(row[qty]),
            "avg_entry_price": row["avg_entry_price"],
            "realized_pnl": row["realized_pnl_total"],
            "fees": row["fees_total"],
            "cash": row["cash"],
            "ts_recv": row["ts_recv"],
        }
    return list(last.values())
