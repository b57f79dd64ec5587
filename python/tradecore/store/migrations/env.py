"""What alembic runs: migrations over the connection that it was handed."""

from __future__ import annotations

from alembic import context

from tradecore.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by making it anew.
    transactional_ddl=False,  # The whole upgrade is one transaction of the caller's.
)
context.run_migrations()
