"""Plain data as bytes and back: what strategies remember over a restart.

JSON, in which an object with one key stands for a type that JSON lacks. Equal data gives equal bytes; whatever was
saved comes back as it was, a float to the last bit. Two attributes that were one list come back as two.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import orjson

from tradecore.errors import InvalidValueError
from tradecore.strategy.failover import PriceFailover
from tradecore.validation import Nanoseconds

__all__ = ["decode", "encode", "is_plain"]

_DEPTH: Final = 60
"""Data nested deeper than this is not plain; nor is data that holds itself."""


class _NotPlainError(Exception):
    """A value that is not plain data."""


def encode(value: object) -> bytes:
    """Encode plain data: None, bool, int, float, str, bytes, Decimal, Nanoseconds, list, tuple, dict and set of these.

    A :class:`~tradecore.PriceFailover` is plain, too.

    Raises
    ------
    InvalidValueError
        Naming the first type that is not plain data, a subclass of one that is included.
    """
    try:
        return orjson.dumps(_tagged(value, 0))
    except (_NotPlainError, orjson.JSONEncodeError) as error:  # the latter for nanoseconds beyond 64 bits
        raise InvalidValueError("state", str(error)) from None


def is_plain(value: object) -> bool:
    """Whether a value is plain data."""
    try:
        encode(value)
    except InvalidValueError:
        return False
    return True


def decode(data: bytes) -> Any:
    """Decode what :func:`encode` made.

    Raises
    ------
    InvalidValueError
        For bytes it did not make.
    """
    try:
        return _untagged(orjson.loads(data))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, InvalidOperation, RecursionError) as error:
        raise InvalidValueError("state", f"is not one that was saved: {error}") from None


def _tagged(value: object, depth: int) -> object:
    if depth > _DEPTH:
        raise _NotPlainError(f"is nested deeper than {_DEPTH}, or holds itself")
    kind = type(value)
    if value is None or kind is bool:
        return value
    if isinstance(value, str) and kind is str:
        return _text(value)
    if isinstance(value, float) and kind is float and math.isfinite(value):
        return value
    if isinstance(value, int) and kind is int and -(2**63) <= value < 2**63:
        return value
    if kind is list:
        return _items(value, depth + 1)
    if (tag := _TAGS.get(kind)) is None:
        raise _NotPlainError(f"{kind.__qualname__} is not plain data such as numbers, texts, lists and dicts")
    name, write, _ = tag
    return {name: write(value, depth + 1)}


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _NotPlainError(f"{value!r} is no text in UTF-8") from None
    return value


def _items(value: Any, depth: int) -> list[object]:
    return [_tagged(item, depth) for item in value]


def _sorted(value: Any, depth: int) -> list[object]:
    """Return the members of a set in an order that does not depend on their hashes."""
    return sorted(_items(value, depth), key=orjson.dumps)


def _pairs(value: Any, depth: int) -> list[object]:
    return [[_tagged(key, depth), _tagged(item, depth)] for key, item in value.items()]


_TAGS: Final[dict[type, tuple[str, Callable[[Any, int], object], Callable[[Any], object]]]] = {
    int: ("int", lambda value, _: hex(value), lambda text: int(text, 16)),
    float: ("float", lambda value, _: repr(value), float),
    bytes: ("bytes", lambda value, _: value.hex(), bytes.fromhex),
    Decimal: ("decimal", lambda value, _: str(value), Decimal),
    Nanoseconds: ("ns", lambda value, _: int(value), Nanoseconds),
    PriceFailover: ("failover", lambda value, _: value._saved(), PriceFailover._restored),
    tuple: ("tuple", _items, lambda items: tuple(_untagged(item) for item in items)),
    set: ("set", _sorted, lambda items: {_untagged(item) for item in items}),
    dict: ("dict", _pairs, lambda pairs: {_untagged(key): _untagged(item) for key, item in pairs}),
}
"""Types that JSON lacks: how they are called, written and read. Integers and floats are here where JSON has no room."""

_READERS: Final = {name: read for name, _, read in _TAGS.values()}


def _untagged(value: Any) -> Any:
    if isinstance(value, list):
        return [_untagged(item) for item in value]
    if isinstance(value, dict):
        [(name, data)] = value.items()
        return _READERS[name](data)
    return value
