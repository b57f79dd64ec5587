"""What sessions came to, in a database: SQLite in a file, or PostgreSQL by URL."""

from tradecore.store.database import DEFAULT_URL, Store

__all__ = ["DEFAULT_URL", "Store"]
