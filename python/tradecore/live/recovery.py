"""A session that was cut, or ended in order, taken up where its journal ends."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import orjson

from tradecore._core import Instrument, Kernel
from tradecore.errors import JournalError
from tradecore.live.checkpoints import Checkpoints, SavedState
from tradecore.live.journal import JournalReader, JournalWriter, Record
from tradecore.live.rows import RowsFile
from tradecore.live.session import Session
from tradecore.live.tables import SessionTables
from tradecore.risk import RiskLimits
from tradecore.strategy import Strategy
from tradecore.strategy.state import encode, is_plain

__all__ = ["check_asked", "recorded_features", "setup_digest", "take_up"]

_LOG = logging.getLogger("tradecore.live")


def setup_digest(
    instruments: Sequence[Instrument], strategies: Sequence[Strategy], risk: RiskLimits | None, cost_basis: str
) -> str:
    """Return what tells sessions apart that do not come to the same: SHA-256 of what their kernels are made of.

    Strategies have not run yet: their attributes are what they were built with.
    """
    told: list[Any] = [[each.to_dict() for each in instruments], repr(risk), cost_basis]
    for strategy in strategies:
        kind = type(strategy)
        values = {name: getattr(strategy, name) for name in kind.parameters()}
        own = {name: encode(value).decode() if is_plain(value) else repr(type(value)) for name, value in values.items()}
        told.append([f"{kind.__module__}.{kind.__qualname__}", strategy.name, strategy.instruments, own])
        if strategy.features is not None:
            told[-1].append(strategy.features.schema_hash)
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


def recorded_features(strategies: Sequence[Strategy]) -> dict[str, Mapping[str, Any]]:
    """Return what a journal keeps of the features of strategies, by their names: a model's file is not needed again."""
    given = {strategy.name: strategy.features for strategy in strategies if strategy.features is not None}
    if not given:
        return {}
    # Who has no features does not pay for them.
    from tradecore.features.recorded import RecordedFeatures

    return {name: RecordedFeatures.of(features).to_table() for name, features in given.items()}


def check_asked(reader: JournalReader | None, strategies: Sequence[Strategy]) -> None:
    """See that predictors are asked with the features of before, where a session goes on.

    Raises
    ------
    JournalError
        With the difference.
    """
    kept = {} if reader is None else reader.header.get("features", {})
    asking = [strategy for strategy in strategies if strategy.predictor is not None and strategy.name in kept]
    if reader is None or not asking:
        return
    from tradecore.features.recorded import RecordedFeatures

    for strategy in asking:
        said = RecordedFeatures.from_table(kept[strategy.name]).difference(strategy.features)
        if said is not None:
            remedy = "give it those it had, or move this folder away for a new session"
            raise JournalError(str(reader.folder), f"{strategy.name} would go on with {said}: {remedy}")


def take_up(
    session: Session,
    journal: JournalWriter,
    reader: JournalReader | None,
    strategies: Sequence[Strategy],
    tables: SessionTables,
    *,
    setup: str,
    build: Callable[[], Kernel],
) -> Checkpoints:
    """Bring a session to where its journal ends: from its newest state that can be used, or else from its begin.

    What that comes to is the same. One that was cut before its strategies started has no ``began_ns``, as a new one.

    Parameters
    ----------
    session : Session
        Not started.
    journal : JournalWriter
        That of the session.
    reader : JournalReader, optional
        Of what was there before; None for a new session.
    strategies : sequence of Strategy
        Those of its kernel.
    tables : SessionTables
        Takes the rows that were recorded.
    setup : str
        What the session is set up with, as a digest. A state of another set-up is not used.
    build : callable
        Makes a kernel like the session's anew, where a state could not be loaded into that.

    Returns
    -------
    Checkpoints
        What writes its states from now on.

    Raises
    ------
    JournalError
        For a damaged journal, and for that of a session which ended in order, where its strategies decide otherwise
        today.
    DataError, InvalidValueError
        For one of other strategies or instruments.
    """
    rows = RowsFile(journal.folder, outlives_power=journal.outlives_power)
    restored = None if reader is None else _restored(session, reader, strategies, rows, setup, build)
    record, saved = restored or (None, None)
    rows.cut(0 if saved is None else saved.rows)
    if saved is not None:
        session.began_ns = saved.began_ns
        for piece in rows.read(saved.rows):
            tables.take(piece)
    kept = tables.moved
    if reader is not None:
        diverged = session.recover(reader.pieces(record), lambda: tables.take(session.kernel.take_tables()))
        if diverged is not None:
            _otherwise(reader, diverged)
        if session.began_ns is not None:
            since = "its begin" if record is None else f"its state at {record.place}"
            _LOG.info("%s goes on: %d inputs replayed from %s", reader.folder, session.kernel.inputs, since)
    return Checkpoints(session, journal, strategies, tables, rows, setup=setup, kept=kept)


def _otherwise(reader: JournalReader, diverged_ns: int) -> None:
    """Say that a replay comes to something else; refuse it where nothing of the session is open at its venues."""
    problem = f"its strategies, limits or instruments decide otherwise today, from {diverged_ns} ns on"
    if reader.has_ended:
        remedy = "give it those it had, or name a new session"
        raise JournalError(str(reader.folder), f"{problem}: {remedy}")
    _LOG.warning("%s: %s: the account decides what is so", reader.folder, problem)


def _restored(
    session: Session,
    reader: JournalReader,
    strategies: Sequence[Strategy],
    rows: RowsFile,
    setup: str,
    build: Callable[[], Kernel],
) -> tuple[Record, SavedState] | None:
    """Load the newest state that can be used into the session's kernel, and return it."""
    for record in reader.states():
        try:
            state = SavedState.of(record.data)
            if state.setup != setup:
                _LOG.warning(
                    "%s: the state is not used: strategies, limits or instruments were others",
                    record.place,
                )
                return None
            rows.check(state.rows)
        except (ValueError, TypeError, JournalError) as error:
            _LOG.warning("%s: the state is not used: %s", record.place, error)
            continue
        put_back = _remembered(strategies)
        try:
            session.kernel.restore(state.kernel)
        except Exception as error:  # a strategy's own load may raise anything
            _LOG.warning("%s: the state is not used: %s", record.place, error)
            put_back()
            session.kernel = build()
            continue
        return record, state
    return None


def _remembered(strategies: Sequence[Strategy]) -> Callable[[], None]:
    """Return what makes strategies that have not started what they are now, ready to be built into a kernel."""
    before = [
        {name: deepcopy(value) if is_plain(value) else value for name, value in vars(strategy).items()}
        for strategy in strategies
    ]

    def put_back() -> None:
        for strategy, attributes in zip(strategies, before, strict=True):
            vars(strategy).clear()
            vars(strategy).update(attributes)
            strategy._has_run = False

    return put_back
