"""How equity went in a session, and what happened in it, as its server told it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "equity",
        sa.Column("session", sa.String(12), nullable=False),
        sa.Column("number", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("ts", sa.BigInteger, nullable=False),
        sa.Column("equity", sa.Float, nullable=False),
        sa.Column("drawdown", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("session", "number"),
    )
    op.create_table(
        "events",
        sa.Column("session", sa.String(12), nullable=False),
        sa.Column("number", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("ts", sa.BigInteger, nullable=False),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("fields", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("session", "number"),
    )
