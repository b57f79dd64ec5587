"""The store: its schema, its migrations and what it is told wrongly, on SQLite and on PostgreSQL."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text

from tradecore.errors import StoreError
from tradecore.store import Store
from tradecore.store.schema import metadata, positions, sessions

pytestmark = pytest.mark.release

SESSION = {"session": "s1", "mode": "paper", "instruments": ["BTCUSDT.BINANCE"], "ts_last": 1_700_000_000_000_000_001}


def test_migrations_lead_to_the_schema(store_url: str) -> None:
    with Store(store_url) as store, store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        own = set(inspect(connection).get_table_names()) - {"alembic_version"}
    assert own == set(metadata.tables)


def test_it_is_opened_again_and_holds_what_it_held(store_url: str) -> None:
    with Store(store_url) as store, store.writing() as connection:
        connection.execute(sessions.insert(), SESSION)
    with Store(store_url) as store, store.reading() as connection:
        assert connection.execute(select(sessions)).mappings().one() == {**SESSION, "ts_begin": None, "digest": None}


@pytest.mark.parametrize("amount", ["0", "-0.000000000001", "123456789012345678901.123456789012", "1E+3", "0.10"])
def test_decimals_come_back_to_the_digit(store_url: str, amount: str) -> None:
    row = {"session": "s1", "strategy": "m", "instrument": "A.B", "ts_recv": 1}
    exact = Decimal(amount)
    with Store(store_url) as store:
        with store.writing() as connection:
            connection.execute(sessions.insert(), SESSION)
            money = dict.fromkeys(("position_qty", "realized_pnl", "fees", "cash"), exact)
            connection.execute(positions.insert(), row | money)
        with store.reading() as connection:
            found = connection.execute(select(positions.c.cash)).scalar_one()
    assert found == exact


def test_a_transaction_that_fails_leaves_nothing(store_url: str) -> None:
    with Store(store_url) as store:
        with pytest.raises(StoreError, match=r"(?i)unique"), store.writing() as connection:
            connection.execute(sessions.insert(), [SESSION, SESSION])
        with store.reading() as connection:
            assert connection.execute(select(sessions)).all() == []


def test_rows_of_a_session_go_with_it_and_need_one(store_url: str) -> None:
    row = {"session": "s1", "strategy": "m", "instrument": "A.B", "ts_recv": 1}
    row |= dict.fromkeys(("position_qty", "realized_pnl", "fees", "cash"), Decimal(1))  # type: ignore[arg-type]
    with Store(store_url) as store:
        with pytest.raises(StoreError, match=r"(?i)foreign key"), store.writing() as connection:
            connection.execute(positions.insert(), row)
        with store.writing() as connection:
            connection.execute(sessions.insert(), SESSION)
            connection.execute(positions.insert(), row)
            connection.execute(sessions.delete())
        with store.reading() as connection:
            assert connection.execute(select(positions)).all() == []


def test_several_processes_open_a_new_store_at_once(store_url: str) -> None:
    code = "import sys; from tradecore.store import Store; Store(sys.argv[1]).close()"
    started = [subprocess.Popen([sys.executable, "-c", code, store_url], stderr=subprocess.PIPE) for _ in range(4)]
    assert [(done.communicate()[1], done.returncode) for done in started] == [(b"", 0)] * 4


def test_a_newer_store_is_refused(store_url: str) -> None:
    with Store(store_url) as store, store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="of another version of this package: Can't locate revision"):
        Store(store_url)


def test_a_path_is_a_file_of_sqlite(tmp_path: Path) -> None:
    with Store(tmp_path / "a store.db") as store:
        assert store.place == f"sqlite:///{tmp_path}/a store.db"
    with sqlite3.connect(tmp_path / "a store.db") as plain:
        assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    plain.close()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mysql://root:hunter2@host/db", "mysql://root:***@host/db: is of another kind of database"),
        ("postgresql://u:hunter2@h:port/db", "store: is no URL such as"),
        ("sqlite:////nowhere/at/all/store.db", "sqlite:////nowhere/at/all/store.db: unable to open database file"),
        ("postgresql://u:hunter2@/db?host=/nowhere", "postgresql+psycopg://u:***@/db?host=%2Fnowhere: connection"),
    ],
)
def test_what_is_no_store_is_named_without_its_password(url: str, problem: str) -> None:
    with pytest.raises(StoreError) as caught:
        Store(url)
    assert str(caught.value).startswith(problem)
    assert "hunter2" not in str(caught.value)
