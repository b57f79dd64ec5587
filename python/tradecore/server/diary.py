"""What only a server knows of its session, in its database: how equity went, and what happened."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

import orjson
from sqlalchemy import Connection, Table, delete, func, insert, select

from tradecore.errors import StoreError
from tradecore.server.answers import encode
from tradecore.store import Store
from tradecore.store.schema import equity, events

__all__ = ["MOST_EVENTS", "MOST_POINTS", "Diary", "Point"]

_LOG = logging.getLogger("tradecore.server")

MOST_POINTS = 50_000
"""Points of the equity that are kept of a session: nearly 14 hours."""
MOST_EVENTS = 10_000
"""Events that are kept of a session."""
_MOST_SESSIONS = 20
"""Other sessions of which they are kept when one begins, the newest."""
_INTERVAL_S = 1.0
"""What is new is written so often: a process that is killed loses as much of it."""

Point = tuple[int, float, float]
"""When (ns UTC), equity, drawdown as a share of its peak."""

_KEPT = {"equity": (equity, MOST_POINTS), "events": (events, MOST_EVENTS)}
"""By topic: its table, and how many rows of it are kept."""


class Diary:
    """Keeps items of topics over a restart of the session. What a database does wrong is told and tried again.

    Parameters
    ----------
    store : Store
    session : str
    """

    def __init__(self, store: Store, session: str) -> None:
        self._store = store
        self._session = session
        self._points = 0
        self._new = {topic: deque[dict[str, Any]](maxlen=most) for topic, (_, most) in _KEPT.items()}
        """By topic: rows that are not written yet, at most as many as are kept."""
        self._is_told = False
        self._writer: asyncio.Task[None] | None = None

    def read(self) -> tuple[list[Point], list[dict[str, Any]]]:
        """Return the points of the equity and the events of before, oldest first.

        Raises
        ------
        StoreError
        """
        with self._store.reading() as connection:
            points = connection.execute(self._of_session(equity)).all()
            happened = connection.execute(self._of_session(events)).all()
        self._points = points[-1].number if points else 0
        return [(row.ts, row.equity, row.drawdown) for row in points], [orjson.loads(row.fields) for row in happened]

    def forget(self) -> None:
        """Begin a session that is new: what another of its name left goes, and the oldest of others.

        Raises
        ------
        StoreError
        """
        with self._store.writing() as connection:
            for table, _ in _KEPT.values():
                connection.execute(delete(table).where(table.c.session == self._session))
                _forget_oldest(connection, table)

    def take(self, topic: str, item: Any) -> None:
        """Keep an item of a topic, if it is one that is kept."""
        if topic == "equity":
            self._points += 1
            at_ns, value, drawdown = item
            row = {"number": self._points, "ts": at_ns, "equity": value, "drawdown": drawdown}
        elif topic == "events":
            row = {"number": item["seq"], "ts": item["at_ns"], "event": item["event"], "fields": item}
        else:
            return
        self._new[topic].append({"session": self._session, **row})

    def begin(self) -> None:
        """Write in the event loop that runs."""
        self._writer = asyncio.get_running_loop().create_task(self._write_on(), name="diary")

    async def end(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        await self._write()

    async def _write_on(self) -> None:
        while True:
            await asyncio.sleep(_INTERVAL_S)
            await self._write()

    async def _write(self) -> None:
        """Write what is new; where that fails it stays new."""
        rows = {topic: list(new) for topic, new in self._new.items() if new}
        if not rows:
            return
        try:
            await asyncio.to_thread(self._put, rows)
        except StoreError as error:
            if not self._is_told:
                _LOG.warning("what happens is not kept for now: %s", error)
            self._is_told = True
            return
        self._is_told = False
        for topic, written in rows.items():
            new, last = self._new[topic], written[-1]["number"]
            while new and new[0]["number"] <= last:
                new.popleft()

    def _put(self, rows: dict[str, list[dict[str, Any]]]) -> None:
        """Write rows and forget those that are too old, in one transaction that may be made again."""
        with self._store.writing() as connection:
            for topic, new in rows.items():
                table, most = _KEPT[topic]
                if topic == "events":
                    new = [{**row, "fields": encode(row["fields"]).decode()} for row in new]
                own, number = table.c.session == self._session, table.c.number
                connection.execute(delete(table).where(own, number >= new[0]["number"]))
                connection.execute(insert(table), new)
                connection.execute(delete(table).where(own, number <= new[-1]["number"] - most))

    def _of_session(self, table: Table) -> Any:
        return select(table).where(table.c.session == self._session).order_by(table.c.number)


def _forget_oldest(connection: Connection, table: Table) -> None:
    newest = func.max(table.c.ts).desc()
    old = select(table.c.session).group_by(table.c.session).order_by(newest).offset(_MOST_SESSIONS)
    sessions = connection.execute(old).scalars().all()
    connection.execute(delete(table).where(table.c.session.in_(sessions)))
