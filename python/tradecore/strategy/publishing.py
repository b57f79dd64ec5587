"""What strategies show of themselves: checked here, told to whoever listens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from numbers import Real

from tradecore.bus.events import Published
from tradecore.errors import InvalidValueError

__all__ = ["KINDS", "published"]

KINDS = ("value", "series", "table", "log")

_LONGEST_NAME = 64
_LONGEST_TEXT = 10_000
_MOST_ROWS = 1_000


def published(at_ns: int, strategy: str, name: str, value: object, kind: str) -> Published:
    """Return the event of a call of ``ctx.publish``.

    Raises
    ------
    InvalidValueError
        For no kind, no name, or a value that is none of its kind.
    """
    if not 0 < len(name) <= _LONGEST_NAME:
        raise InvalidValueError("name", f"expected 1 to {_LONGEST_NAME} characters, got {len(name)}")
    match kind:
        case "value":
            kept: object = _plain("value", value)
        case "series":
            if isinstance(value, bool) or not isinstance(value, Real | Decimal):
                raise InvalidValueError("value", f"expected a number for a series, got {value!r}")
            kept = float(value)
        case "table":
            kept = _rows(value)
        case "log":
            if not isinstance(value, str):
                raise InvalidValueError("value", f"expected a text for a log, got {value!r}")
            kept = _plain("value", value)
        case _:
            raise InvalidValueError("kind", f"{kind!r} is none of {', '.join(KINDS)}")
    return Published(at_ns, strategy, kind, name, kept)


def _rows(value: object) -> tuple[dict[str, object], ...]:
    problem = "expected a list of rows for a table, each a mapping of columns to values"
    if not isinstance(value, Iterable) or isinstance(value, str | bytes | Mapping):
        raise InvalidValueError("value", f"{problem}, got {value!r}")
    rows = tuple(value)
    if len(rows) > _MOST_ROWS:
        raise InvalidValueError("value", f"a table of {len(rows)} rows; {_MOST_ROWS} are shown at most")
    if wrong := [row for row in rows if not isinstance(row, Mapping)]:
        raise InvalidValueError("value", f"{problem}, got a row {wrong[0]!r}")
    return tuple({str(column): _plain(f"value.{column}", cell) for column, cell in row.items()} for row in rows)


def _plain(field: str, value: object) -> object:
    if value is None or isinstance(value, bool | int | float | Decimal):
        return value
    if isinstance(value, str):
        if len(value) > _LONGEST_TEXT:
            raise InvalidValueError(field, f"a text of {len(value)} characters; {_LONGEST_TEXT} are shown at most")
        return value
    if isinstance(value, Real):
        return float(value)
    raise InvalidValueError(field, f"expected a text, a number, a bool or None, got {value!r}")
