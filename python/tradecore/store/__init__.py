"""What sessions came to, in a database: SQLite in a file, or PostgreSQL by URL. Its libraries come with an extra."""

from tradecore.errors import RunError

try:
    from tradecore.store.database import DEFAULT_URL, Store
except ModuleNotFoundError as error:
    if str(error.name).partition(".")[0] not in ("alembic", "sqlalchemy"):
        raise
    raise RunError(f"a store needs {error.name}: pip install 'tradecore[store]'") from None

__all__ = ["DEFAULT_URL", "Store"]
