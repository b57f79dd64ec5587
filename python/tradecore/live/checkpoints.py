"""States of a session in its journal, so that one that was cut goes on from the newest and replays what came after."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

import orjson

from tradecore.live.journal import JournalWriter
from tradecore.live.rows import RowsFile
from tradecore.live.session import Session
from tradecore.live.tables import SessionTables
from tradecore.strategy import Strategy
from tradecore.venues.clock import Clock

__all__ = ["Checkpoints", "SavedState"]

_LOG = logging.getLogger("tradecore.live")
_LARGEST = 16 << 20
"""Bytes that a state has at most: a quarter of a segment."""
_QUIET_S = 0.001
_PATIENT_TURNS = 500


class SavedState(NamedTuple):
    """What a state of a journal holds."""

    setup: str
    """What the session was set up with, as a digest."""
    began_ns: int | None
    """Time of its first input, ns UTC."""
    rows: int
    """Bytes of the rows that had been recorded."""
    kernel: bytes
    """What ``Kernel.restore`` takes."""

    def encoded(self) -> bytes:
        """Return it as bytes: a line of JSON, and the kernel's state."""
        return orjson.dumps(self[:3]) + b"\n" + self.kernel

    @classmethod
    def of(cls, data: bytes) -> SavedState:
        """Return what :meth:`encoded` made these bytes of.

        Raises
        ------
        ValueError
            For others.
        """
        told, _, kernel = data.partition(b"\n")
        setup, began_ns, rows = orjson.loads(told)
        return cls(setup, began_ns, rows, kernel)


class Checkpoints:
    """Writes a state each so many inputs, and to each segment of the journal.

    What cannot be saved as it is, such as a strategy with attributes that are no plain data, is said once: a session of
    it is recovered from its first input.

    Parameters
    ----------
    session : Session
        One with a journal, new or recovered.
    journal : JournalWriter
    strategies : sequence of Strategy
    tables : SessionTables
    rows : RowsFile
    setup : str
        What the session was set up with, as a digest.
    kept : int
        How many times rows had been moved when those in the file were.
    """

    every_inputs: ClassVar[int] = 50_000

    def __init__(
        self,
        session: Session,
        journal: JournalWriter,
        strategies: Sequence[Strategy],
        tables: SessionTables,
        rows: RowsFile,
        *,
        setup: str,
        kept: int,
    ) -> None:
        self._session = session
        self._journal = journal
        self._strategies = strategies
        self._tables = tables
        self._rows = rows
        self._setup = setup
        self._kept = kept
        self._inputs = 0
        """Of the kernel at the last state."""
        self._segment = journal.segment
        self._problem = ""

    @property
    def is_due(self) -> bool:
        """Whether enough has happened since the last state."""
        inputs = self._session.kernel.inputs - self._inputs
        return inputs >= self.every_inputs or (inputs > 0 and self._journal.segment != self._segment)

    async def come_due(self, clock: Clock, is_quiet: Callable[[], bool]) -> bool:
        """Return whether a state is due, in a moment in which nothing arrives or when there was none for long."""
        if not self.is_due:
            return False
        for _ in range(_PATIENT_TURNS):
            if is_quiet():
                break
            await clock.sleep(_QUIET_S)
        return True

    def save(self) -> None:
        """Write the state after all that was taken so far; between two inputs, once their commands have left.

        Raises
        ------
        JournalError
            When it cannot be written.
        """
        if not self._tables.take_new():
            return  # the database has to catch up first
        kernel = self._session.kernel
        self._inputs, self._segment = kernel.inputs, self._journal.segment
        try:
            for strategy in self._strategies:
                strategy._check_saved_whole()
            saved = kernel.save()
            if len(saved) > _LARGEST:
                raise ValueError(f"it has {len(saved)} bytes, more than {_LARGEST}")
        except Exception as error:  # a strategy's own save may raise anything
            if self._problem != (problem := str(error)):
                self._problem = problem
                _LOG.warning("the state is not saved, a recovery would replay the whole journal: %s", problem)
            return
        self._session.write_down()
        length = self._rows.add(self._tables.store.moved(self._kept))
        self._kept = self._tables.moved
        self._journal.state(SavedState(self._setup, self._session.began_ns, length, saved).encoded())
        self._journal.flush()
