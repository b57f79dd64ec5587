"""The rows of a session, moved from its kernel's memory to disk as they come, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

from tradecore.backtest.tables import Stored, TableStore, joined
from tradecore.live.desk import History
from tradecore.live.session import Session
from tradecore.venues.clock import Clock, Timer

__all__ = ["SessionTables", "Tables"]

Tables: TypeAlias = Mapping[str, Mapping[str, Any]]
"""As ``Kernel.take_tables`` gives them."""


class SessionTables:
    """What a session's kernel has recorded, taken every while, in the order it was taken.

    Parameters
    ----------
    session : Session
        Before it starts, or once it has recovered.
    strategies : sequence of str
    clock : Clock
    guarded : callable
        Calls what may fail, and sees to it that the session ends then.

    Attributes
    ----------
    store : TableStore
        All rows, once :meth:`end` has taken the last.
    moved : int
        How many times rows were moved to disk.
    """

    _every_s: ClassVar[float] = 30.0

    def __init__(
        self,
        session: Session,
        strategies: Sequence[str],
        clock: Clock,
        guarded: Callable[[Callable[[], object]], None],
    ) -> None:
        self.store = TableStore([instrument.id for instrument in session.instruments], strategies)
        self._session = session
        self._clock = clock
        self._guarded = guarded
        self._timer: Timer | None = None
        self.moved = 0
        self._recovered: int | None = None
        """What of that came of a session that goes on; None before that starts."""

    def start(self) -> None:
        """Take what there is, now and every while from now on."""
        self._recovered = self.moved
        self._look()

    def take(self, tables: Tables) -> None:
        """Move rows that the kernel gave away to disk, in a folder that lives as long as the store.

        Raises
        ------
        CatalogError
            Where it cannot be written: these rows are lost to the tables, not to the journal.
        """
        if any(_has_rows(columns) for columns in tables.values()):
            self.store.spill(tables, self.moved)
            self.moved += 1

    def take_new(self) -> bool:
        """Take what there is now; return whether there was room for it."""
        self.take(self._session.kernel.take_tables())
        return True

    def earlier(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of orders, fills and payments of before :meth:`start`, and the orders that are known now."""
        until = self.moved if self._recovered is None else self._recovered
        names = ("orders", "fills", "payments")
        store = self._moved(names, until, known=self._session.kernel.known_orders())
        return {name: store.table(name).to_dicts() if name in store else [] for name in (*names, "known")}

    def history(self) -> History:
        """Return all fills and payments so far, as they became known, as an exchange takes them over."""
        told = {"fills": ("side", "price", "qty"), "payments": ("why", "position_qty", "paid")}
        store = self._moved(tuple(told), self.moved)
        markets = {name: at for at, name in enumerate(store.names["instrument"])}
        strategies = {name: at for at, name in enumerate(store.names["strategy"])}
        found: list[list[tuple[Any, ...]]] = []
        for name, columns in told.items():
            rows = (
                store.table(name).select("instrument", "ts_event", "strategy", *columns).rows() if name in store else ()
            )
            found.append([(markets[market], at, strategies[whose], *rest) for market, at, whose, *rest in rows])
        fills, payments = found
        return fills, payments

    def _moved(self, names: Sequence[str], until: int, **more: Mapping[str, Any]) -> TableStore:
        """Return a store of tables as far as they were moved to disk, and of more."""
        found: dict[str, list[Stored]] = {name: [] for name in names}
        for piece in self.store.moved(until=until):
            for name in found.keys() & piece.keys():
                found[name].append(piece[name])
        of = self.store.names
        store = TableStore(of["instrument"], of["strategy"])
        store.keep({**{name: joined(pieces) for name, pieces in found.items() if pieces}, **more})
        return store

    def end(self) -> Tables:
        """Take the last rows, and return them."""
        self._stop()
        tables = self._session.kernel.take_tables()
        self.store.keep(tables, self.moved)
        return tables

    async def close(self) -> None:
        """Take nothing any more."""
        self._stop()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = self._clock.call_later(self._every_s, self._look)
        self._guarded(self.take_new)


def _has_rows(columns: Mapping[str, Any]) -> bool:
    first = next(iter(columns.values()))
    return first is not None and len(first[1]) > 0
