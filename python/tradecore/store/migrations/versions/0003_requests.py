"""An index of requests by their time, by which they are forgotten."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the index."""
    op.create_index("ix_requests_ts", "requests", ["ts"])
