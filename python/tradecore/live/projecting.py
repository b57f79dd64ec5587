"""A session told to a store while it runs: taken of its kernel once a second, written by a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import ClassVar

from tradecore.errors import StoreError
from tradecore.live.session import Session
from tradecore.live.state import Mode
from tradecore.live.tables import SessionTables, Tables
from tradecore.store import Store
from tradecore.store.projection import Projection, Taken
from tradecore.venues.clock import Clock

__all__ = ["Projector"]

_LOG = logging.getLogger("tradecore.live")
_WAITING = 8
"""Pieces that may wait for the database; until there is room rows stay with the kernel."""


class Projector(SessionTables):
    """Keeps a store up to date with what a session's tables take.

    A database that fails ends the projection, which is said once, and never the session: the journal has it all, and a
    store can be rebuilt from it.

    Parameters
    ----------
    session : Session
        One with a journal, before it starts or once it has recovered.
    strategies : sequence of str
    clock : Clock
    guarded : callable
        Calls what may fail beside the database.
    store : Store
        Closed in the end.
    name : str
    mode : "paper" or "live"
    """

    _every_s: ClassVar[float] = 1.0

    def __init__(
        self,
        session: Session,
        strategies: Sequence[str],
        clock: Clock,
        guarded: Callable[[Callable[[], object]], None],
        *,
        store: Store,
        name: str,
        mode: Mode,
    ) -> None:
        super().__init__(session, strategies, clock, guarded)
        self._database = store
        self._projection = Projection(store, name, mode, session.instruments, strategies)
        self._last: Taken | None = None
        self._pieces: queue.Queue[Taken | None] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None

    def take(self, tables: Tables) -> None:
        """Keep rows that were taken of the kernel, and have them written; wait where too many pieces do."""
        super().take(tables)
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name="tradecore-store", daemon=True)
            self._thread.start()
        self._pieces.put(Taken.at(self._session.kernel, tables, self._session.began_ns))

    def take_new(self) -> bool:
        """Take what there is now, where no piece would have to wait for the database."""
        return not self._pieces.full() and super().take_new()

    def end(self) -> Tables:
        """Take the last rows, and how the session ended; :meth:`close` writes it."""
        tables = super().end()
        self._last = Taken.at(self._session.kernel, tables, self._session.began_ns, self._session.digest)
        return tables

    async def close(self) -> None:
        """Write what waits, and close the store."""
        await super().close()
        thread, self._thread = self._thread, None
        if thread is not None:
            for piece in (self._last, None) if self._last is not None else (None,):
                await asyncio.to_thread(self._pieces.put, piece)
            await asyncio.to_thread(thread.join)
        self._database.close()

    def _write(self) -> None:
        has_failed = False
        while (taken := self._pieces.get()) is not None:
            if has_failed:
                continue
            try:
                self._projection.write(taken)
            except Exception as error:
                _LOG.exception(
                    "the store is no longer written, rebuild it from the journal: %s",
                    error,
                    exc_info=not isinstance(error, StoreError),
                )
                has_failed = True
