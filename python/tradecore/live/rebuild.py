"""A session told to a store once more, from its journal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tradecore._core import journal_begins
from tradecore.live.replay import Replay
from tradecore.store import Store
from tradecore.store.projection import Projection, Taken

__all__ = ["rebuild"]

_PIECE = 50_000
"""Inputs after which what came of them is written."""


def rebuild(journal: str | Path, store: Store) -> dict[str, Any]:
    """Write the session of a journal to a store, in place of what is there of it; return what it came to.

    Parameters
    ----------
    journal : path
        The folder of a session that was made from a configuration.
    store : Store

    Returns
    -------
    dict
        As :meth:`Replay.summary <tradecore.live.replay.Replay.summary>`.

    Raises
    ------
    JournalError
        For a damaged journal, and one that its strategies decide otherwise today: what would be written then is not
        what happened.
    StoreError
        Where the database fails, or holds another session of this name.
    """
    replay = Replay(journal)
    projection = Projection(store, replay.session, replay.mode, replay.instruments, replay.strategies)
    began: int | None = None
    written = 0
    for entries in replay.pieces():
        if began is None:
            began = journal_begins(entries)
        if replay.kernel.inputs - written >= _PIECE:
            replay.check()
            projection.write(Taken.of(replay.kernel, began))
            written = replay.kernel.inputs
    summary = replay.checked_summary()
    projection.write(Taken.of(replay.kernel, began, replay.ended))
    return summary
