"""Sessions, orders, fills, positions, ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tradecore.store.columns import Exact

revision = "0001"
down_revision = None


def _of_session() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("session", sa.String(12), nullable=False),
        sa.ForeignKeyConstraint(["session"], ["sessions.session"], ondelete="CASCADE"),
    ]


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "sessions",
        sa.Column("session", sa.String(12), nullable=False),
        sa.Column("mode", sa.String(8), nullable=False),
        sa.Column("instruments", sa.JSON, nullable=False),
        sa.Column("ts_begin", sa.BigInteger),
        sa.Column("ts_last", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64)),
        sa.PrimaryKeyConstraint("session"),
    )
    op.create_table(
        "orders",
        *_of_session(),
        sa.Column("order_id", sa.BigInteger, nullable=False),
        sa.Column("client_id", sa.String),
        sa.Column("strategy", sa.String, nullable=False),
        sa.Column("instrument", sa.String, nullable=False),
        sa.Column("side", sa.String(4), nullable=False),
        sa.Column("order_type", sa.String, nullable=False),
        sa.Column("time_in_force", sa.String(4), nullable=False),
        sa.Column("post_only", sa.Boolean, nullable=False),
        sa.Column("reduce_only", sa.Boolean, nullable=False),
        sa.Column("price", Exact),
        sa.Column("trigger_price", Exact),
        sa.Column("qty", Exact, nullable=False),
        sa.Column("filled_qty", Exact, nullable=False),
        sa.Column("avg_fill_price", sa.Float),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("reason", sa.String),
        sa.Column("replaced", sa.Integer, nullable=False),
        sa.Column("ts_submit", sa.BigInteger, nullable=False),
        sa.Column("ts_accept", sa.BigInteger),
        sa.Column("ts_close", sa.BigInteger),
        sa.PrimaryKeyConstraint("session", "order_id"),
    )
    op.create_index("ix_orders_instrument_ts_submit", "orders", ["instrument", "ts_submit"])
    op.create_table(
        "fills",
        *_of_session(),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("order_id", sa.BigInteger, nullable=False),
        sa.Column("strategy", sa.String, nullable=False),
        sa.Column("instrument", sa.String, nullable=False),
        sa.Column("side", sa.String(4), nullable=False),
        sa.Column("price", Exact, nullable=False),
        sa.Column("qty", Exact, nullable=False),
        sa.Column("liquidity", sa.String(5), nullable=False),
        sa.Column("fee", Exact, nullable=False),
        sa.Column("fee_coin", sa.String),
        sa.Column("fee_paid", Exact),
        sa.Column("realized_pnl", Exact, nullable=False),
        sa.Column("ts_event", sa.BigInteger, nullable=False),
        sa.Column("ts_recv", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("session", "number"),
    )
    op.create_index("ix_fills_session_order_id", "fills", ["session", "order_id"])
    op.create_index("ix_fills_instrument_ts_event", "fills", ["instrument", "ts_event"])
    op.create_table(
        "positions",
        *_of_session(),
        sa.Column("strategy", sa.String, nullable=False),
        sa.Column("instrument", sa.String, nullable=False),
        sa.Column("position_qty", Exact, nullable=False),
        sa.Column("avg_entry_price", sa.Float),
        sa.Column("realized_pnl", Exact, nullable=False),
        sa.Column("fees", Exact, nullable=False),
        sa.Column("cash", Exact, nullable=False),
        sa.Column("ts_recv", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("session", "strategy", "instrument"),
    )
    op.create_table(
        "ledger",
        *_of_session(),
        sa.Column("source", sa.String(8), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("why", sa.String, nullable=False),
        sa.Column("strategy", sa.String, nullable=False),
        sa.Column("instrument", sa.String, nullable=False),
        sa.Column("currency", sa.String, nullable=False),
        sa.Column("amount", Exact, nullable=False),
        sa.Column("ts_event", sa.BigInteger, nullable=False),
        sa.Column("ts_recv", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("session", "source", "number", "why"),
    )
    op.create_index("ix_ledger_instrument_ts_event", "ledger", ["instrument", "ts_event"])
