"""A session told to a store while it runs: taken of its kernel once a second, written by a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from tradecore.errors import StoreError
from tradecore.live.session import Session
from tradecore.live.state import Mode
from tradecore.live.tables import SessionTables
from tradecore.store import Store
from tradecore.store.projection import Projection, Taken
from tradecore.venues.clock import Clock, Timer

__all__ = ["Projector"]

_LOG = logging.getLogger("tradecore.live")
_EVERY_S = 1.0
_WAITING = 8
"""Pieces that may wait for the database; until there is room rows stay with the kernel."""


class Projector:
    """Keeps a store up to date with a session.

    A database that fails ends the projection, which is said once, and never the session: the journal has it all, and a
    store can be rebuilt from it.

    Parameters
    ----------
    store : Store
        Closed in the end.
    session : Session
        One with a journal, before it starts or once it has recovered.
    name : str
    mode : "paper" or "live"
    strategies : sequence of str
    clock : Clock
    tables : SessionTables
        Gets all rows that are taken of the kernel.
    """

    def __init__(
        self,
        store: Store,
        session: Session,
        name: str,
        mode: Mode,
        strategies: Sequence[str],
        clock: Clock,
        tables: SessionTables,
    ) -> None:
        self._tables = tables
        self._store = store
        self._session = session
        self._projection = Projection(store, name, mode, session.instruments, strategies)
        self._clock = clock
        self._timer: Timer | None = None
        self._last: Taken | None = None
        self._pieces: queue.Queue[Taken | None] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to take what there is, again and again."""
        self._thread = threading.Thread(target=self._write, name="tradecore-store", daemon=True)
        self._thread.start()
        self._look()

    def end(self, digest: str | None) -> None:
        """Take what there is still, with the digest of a session that ended in order; :meth:`close` writes it."""
        self._stop_looking()
        self._last = Taken.of(self._session.kernel, self._session.began_ns, digest)
        self._tables.end(self._last.tables)

    async def close(self) -> None:
        """Write what waits, and close the store."""
        self._stop_looking()
        thread, self._thread = self._thread, None
        if thread is not None:
            for piece in (self._last, None) if self._last is not None else (None,):
                await asyncio.to_thread(self._pieces.put, piece)
            await asyncio.to_thread(thread.join)
        self._store.close()

    def _stop_looking(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = self._clock.call_later(_EVERY_S, self._look)
        if self._pieces.full():
            return
        self.take(self._session.kernel.take_tables())

    def take(self, tables: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep rows that were taken of the kernel, and have them written."""
        self._tables.move(tables)
        self._pieces.put_nowait(Taken.at(self._session.kernel, tables, self._session.began_ns))

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
