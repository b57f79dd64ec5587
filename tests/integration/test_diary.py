"""What a server keeps of a session over a restart, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import event, func, select, text

from tradecore.server import diary as diaries
from tradecore.server.diary import Diary
from tradecore.store import Store
from tradecore.store.schema import equity, events

pytestmark = pytest.mark.release


def happened(seq: int) -> dict[str, Any]:
    return {"seq": seq, "event": "Error", "at_ns": seq, "problem": "a \0 and \ud800"}


def write(diary: Diary, *items: tuple[str, Any]) -> None:
    async def main() -> None:
        diary.begin()
        for topic, item in items:
            diary.take(topic, item)
        await diary.end()

    asyncio.run(main())


def test_what_was_told_is_there_again_and_goes_on(store_url: str) -> None:
    with Store(store_url) as store:
        items = [
            ("equity", (7, 100.25, 0.0)),
            ("events", happened(1)),
            ("orders", {"id": 1}),
            ("equity", (8, 99.0, 0.01)),
        ]
        write(Diary(store, "s1"), *items)
        again = Diary(store, "s1")
        points, told = again.read()
        assert points == [(7, 100.25, 0.0), (8, 99.0, 0.01)]
        assert [(row["seq"], row["event"], row["problem"]) for row in told] == [(1, "Error", "a \0 and ?")]
        write(again, ("equity", (9, 101.0, 0.0)), ("events", happened(2)))
        points, told = Diary(store, "s1").read()
        assert [point[0] for point in points] == [7, 8, 9]
        assert [row["seq"] for row in told] == [1, 2]
        Diary(store, "s1").forget()
        assert Diary(store, "s1").read() == ([], [])


def test_no_more_is_kept_than_said(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(diaries._KEPT, "events", (events, 5))
    with Store(store_url) as store:
        diary = Diary(store, "s1")
        for first in (1, 5, 8):
            write(diary, *(("events", happened(seq)) for seq in range(first, first + 4)))
        assert [row["seq"] for row in Diary(store, "s1").read()[1]] == [7, 8, 9, 10, 11]
        for number in range(25):
            write(Diary(store, f"t{number}"), ("equity", (100 + number, 1.0, 0.0)))
        new = Diary(store, "new")
        new.forget()
        write(new, ("equity", (200, 1.0, 0.0)))
        with store.reading() as connection:
            kept = set(connection.execute(select(equity.c.session)).scalars())
        assert len(kept) == diaries._MOST_SESSIONS + 1
        assert {"new", "t24"} < kept
        assert "t0" not in kept


def test_what_a_database_refuses_is_written_later(store_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with Store(store_url) as store:
        with store.writing() as connection:
            connection.execute(text("ALTER TABLE events RENAME TO hidden"))
        diary = Diary(store, "s1")
        for seq in (1, 2):
            write(diary, ("events", happened(seq)), ("equity", (seq, 1.0, 0.0)))
        told = [record.message for record in caplog.records if "not kept" in record.message]
        assert len(told) == 1
        with store.writing() as connection:
            connection.execute(text("ALTER TABLE hidden RENAME TO events"))
        write(diary, ("events", happened(3)))
        points, rows = Diary(store, "s1").read()
        assert [row["seq"] for row in rows] == [1, 2, 3]
        assert len(points) == 2


def test_a_transaction_whose_answer_was_lost_is_made_again(store_url: str) -> None:
    with Store(store_url) as store:
        diary = Diary(store, "s1")

        def lose(_: object) -> None:
            raise OSError("the line broke")

        def put() -> None:
            diary._put({"events": [{"session": "s1", "number": 1, "ts": 1, "event": "Error", "fields": happened(1)}]})

        put()
        event.listen(store.engine, "commit", lose)
        with pytest.raises(OSError, match="the line broke"):
            put()
        event.remove(store.engine, "commit", lose)
        put()
        with store.reading() as connection:
            assert connection.execute(select(func.count()).select_from(events)).scalar() == 1
