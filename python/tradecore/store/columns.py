"""Columns that hold the same on every database."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import Dialect, Numeric, String
from sqlalchemy.types import TypeDecorator, TypeEngine

__all__ = ["Exact"]


class Exact(TypeDecorator[Decimal]):
    """An exact decimal: ``NUMERIC`` where that is exact, else its shortest text (SQLite's numbers are floats)."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the database's own."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String())
        return dialect.type_descriptor(Numeric())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | str | None:
        """Return what is stored of a value."""
        if value is None or dialect.name != "sqlite":
            return value
        written = format(value, "f")
        return written.rstrip("0").rstrip(".") if "." in written else written

    def process_result_value(self, value: Decimal | str | None, dialect: Dialect) -> Decimal | None:
        """Return a value as it was given."""
        return None if value is None else Decimal(value)
