"""A database of sessions: its engine, brought to the schema of this version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from tradecore.errors import StoreError

__all__ = ["DEFAULT_URL", "Store"]

DEFAULT_URL = "sqlite:///tradecore.db"
"""Where a store is if nobody says so."""

_PATIENCE_S = 30
"""How long a writer waits for another one."""
_MIGRATING = 0x7463_7374
"""Number of the lock of PostgreSQL that is held while the schema changes."""


class Store:
    """Sessions, orders, fills, positions and ledger in a database.

    Opening it makes the tables, or brings those of an older version to this one.

    Parameters
    ----------
    url : str or path
        Of SQLAlchemy, such as ``sqlite:///tradecore.db`` or ``postgresql://user:password@host/name``; what has no
        ``://`` is a file of SQLite.

    Attributes
    ----------
    engine : sqlalchemy.Engine
    place : str
        The URL without its password, for messages.

    Raises
    ------
    StoreError
        For a URL that is none, a database that cannot be reached, or one of a newer version.
    """

    def __init__(self, url: str | Path = DEFAULT_URL) -> None:
        parsed = _parsed(str(url))
        self.place = parsed.render_as_string(hide_password=True)
        try:
            self.engine = _engine(parsed)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise StoreError(self.place, f"is no database that can be used: {error}") from error
        try:
            with self.writing() as connection:
                _upgrade(connection)
        except CommandError as error:
            self.close()
            raise StoreError(self.place, f"is of another version of this package: {error}") from error
        except BaseException:
            self.close()
            raise

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection for one transaction that writes, committed when the block ends without an error.

        Raises
        ------
        StoreError
            Where the database fails.
        """
        with self._told(), self.engine.execution_options(writes=True).begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection for one transaction that only reads.

        Raises
        ------
        StoreError
            Where the database fails.
        """
        with self._told(), self.engine.connect() as connection:
            yield connection

    def close(self) -> None:
        """Close its connections."""
        self.engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            # What the driver says; SQLAlchemy's own words have the statement and its values, which may be secret.
            told = " ".join(str(getattr(error, "orig", None) or error).split())
            raise StoreError(self.place, told) from error


def _parsed(url: str) -> URL:
    if "://" not in url:
        return URL.create("sqlite", database=url)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreError("store", "is no URL such as sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME") from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        place = parsed.render_as_string(hide_password=True)
        raise StoreError(place, "is of another kind of database; expected sqlite or postgresql")
    return parsed


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": _PATIENCE_S})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Have one writer and many readers at once, keys that hold, and transactions begun by us."""
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails where another wrote meanwhile; this one waits its turn.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _upgrade(connection: Connection) -> None:
    """Take every step that is missing, in one transaction; of two processes one waits for the other."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATING})
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
