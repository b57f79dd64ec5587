"""The tables that a journal is projected into, and those of a server. Times are ns UTC, money and quantities exact.

A change here needs a migration beside the others; a test holds both equal.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table

from tradecore.store.columns import Exact

__all__ = [
    "audit",
    "equity",
    "events",
    "fills",
    "ledger",
    "metadata",
    "orders",
    "positions",
    "requests",
    "sessions",
    "tokens",
    "users",
]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""All tables of a store."""

sessions = Table(
    "sessions",
    metadata,
    Column("session", String(12), primary_key=True),
    Column("mode", String(8), nullable=False),
    Column("instruments", JSON, nullable=False),
    Column("ts_begin", BigInteger),
    Column("ts_last", BigInteger, nullable=False),
    Column("digest", String(64)),
)
"""One row a session: its first input, the newest one that is here, and its digest once it has ended in order."""


def _of_session() -> Column[str]:
    key = ForeignKey("sessions.session", ondelete="CASCADE")
    return Column("session", String(12), key, primary_key=True)


orders = Table(
    "orders",
    metadata,
    _of_session(),
    Column("order_id", BigInteger, primary_key=True, autoincrement=False),
    Column("client_id", String),
    Column("strategy", String, nullable=False),
    Column("instrument", String, nullable=False),
    Column("side", String(4), nullable=False),
    Column("order_type", String, nullable=False),
    Column("time_in_force", String(4), nullable=False),
    Column("post_only", Boolean, nullable=False),
    Column("reduce_only", Boolean, nullable=False),
    Column("price", Exact),
    Column("trigger_price", Exact),
    Column("qty", Exact, nullable=False),
    Column("filled_qty", Exact, nullable=False),
    Column("avg_fill_price", Float),
    Column("status", String, nullable=False),
    Column("reason", String),
    Column("replaced", Integer, nullable=False),
    Column("ts_submit", BigInteger, nullable=False),
    Column("ts_accept", BigInteger),
    Column("ts_close", BigInteger),
    Index(None, "instrument", "ts_submit"),
)
"""One row an order, as it stood at ``sessions.ts_last``; what is open has no ``ts_close``."""

fills = Table(
    "fills",
    metadata,
    _of_session(),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("order_id", BigInteger, nullable=False),
    Column("strategy", String, nullable=False),
    Column("instrument", String, nullable=False),
    Column("side", String(4), nullable=False),
    Column("price", Exact, nullable=False),
    Column("qty", Exact, nullable=False),
    Column("liquidity", String(5), nullable=False),
    Column("fee", Exact, nullable=False),
    Column("fee_coin", String),
    Column("fee_paid", Exact),
    Column("realized_pnl", Exact, nullable=False),
    Column("ts_event", BigInteger, nullable=False),
    Column("ts_recv", BigInteger, nullable=False),
    Index(None, "session", "order_id"),
    Index(None, "instrument", "ts_event"),
)
"""One row a fill, numbered from 0 on in the order they became known."""

positions = Table(
    "positions",
    metadata,
    _of_session(),
    Column("strategy", String, primary_key=True),
    Column("instrument", String, primary_key=True),
    Column("position_qty", Exact, nullable=False),
    Column("avg_entry_price", Float),
    Column("realized_pnl", Exact, nullable=False),
    Column("fees", Exact, nullable=False),
    Column("cash", Exact, nullable=False),
    Column("ts_recv", BigInteger, nullable=False),
)
"""What each strategy holds of each instrument it ever held; money in the settlement currency."""

ledger = Table(
    "ledger",
    metadata,
    _of_session(),
    Column("source", String(8), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("why", String, primary_key=True),
    Column("strategy", String, nullable=False),
    Column("instrument", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("amount", Exact, nullable=False),
    Column("ts_event", BigInteger, nullable=False),
    Column("ts_recv", BigInteger, nullable=False),
    Index(None, "instrument", "ts_event"),
)
"""One row a movement of money, positive where it was received: ``trade`` and ``fee`` of every fill (``source`` is
``fill``, ``number`` the fill's), and what venues moved by themselves (``payment``), such as ``funding``. The amounts of
a strategy in an instrument add up to ``positions.cash``."""

users = Table(
    "users",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("role", String(5), nullable=False),
    Column("password", String),
    Column("ts_added", BigInteger, nullable=False),
)
"""One row a user of a server; ``password`` is a hash (argon2), where there is one."""

tokens = Table(
    "tokens",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("name", String(32), ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("ts_added", BigInteger, nullable=False),
    Index(None, "name"),
)
"""One row a token of a user: its SHA-256."""

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("ts", BigInteger, nullable=False),
    Column("who", String),
    Column("peer", String, nullable=False),
    Column("what", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("status", Integer, nullable=False),
)
"""One row a request that changed something, or tried to."""

requests = Table(
    "requests",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("ts", BigInteger, nullable=False),
    Column("status", Integer),
    Column("answer", String),
    Index(None, "ts"),
)
"""One row a request with an idempotency key, as long as it is known; without a status its answer is not known."""

equity = Table(
    "equity",
    metadata,
    Column("session", String(12), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("ts", BigInteger, nullable=False),
    Column("equity", Float, nullable=False),
    Column("drawdown", Float, nullable=False),
)
"""One row a second of a session that is served: its equity, and how far it is below its peak as a share of that."""

events = Table(
    "events",
    metadata,
    Column("session", String(12), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("ts", BigInteger, nullable=False),
    Column("event", String, nullable=False),
    Column("fields", String, nullable=False),
)
"""One row an event of a session that is served, numbered from 1 on; ``fields`` is what the server tells of it, JSON."""
