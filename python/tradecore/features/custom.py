"""Features of one's own: what tells one from another, and what it has to remember."""

from __future__ import annotations

import inspect
from typing import Any, Protocol, runtime_checkable

from tradecore._core import FeatureBook, TradeView
from tradecore.errors import InvalidValueError
from tradecore.strategy.hooks import arguments_of
from tradecore.strategy.state import decode, encode, is_plain

__all__ = ["UserFeature", "identity", "load", "name_of", "saved"]


@runtime_checkable
class UserFeature(Protocol):
    """A class that computes a feature, told of every message."""

    def update(self, book: FeatureBook, trade: TradeView | None) -> float:
        """Return the value after a message: called once for each of its trades, or once without one."""


def name_of(feature: UserFeature) -> str:
    """Return the name of a feature of one's own in a set: its ``name``, or that of its class."""
    name = getattr(feature, "name", None)
    return name if isinstance(name, str) else type(feature).__name__


def identity(feature: UserFeature) -> str:
    """Return what tells a feature from others: its class, its parameters and its ``version``.

    Parameters are the public attributes it has when the set is made.

    Raises
    ------
    InvalidValueError
        For an attribute that is not plain data, and an ``update`` that takes something else.
    """
    kind = type(feature)
    check_update(feature)
    parameters = {key: value for key, value in sorted(vars(feature).items()) if not key.startswith("_")}
    for key, value in parameters.items():
        if not is_plain(value):
            problem = f"{key} is a {type(value).__qualname__}; parameters are plain data, and what is not begins with _"
            raise InvalidValueError(f"features: {name_of(feature)}", problem)
    written = encode(parameters).decode()
    return f"{kind.__module__}.{kind.__qualname__}({written}) version {getattr(feature, 'version', None)!r}"


def check_update(feature: UserFeature) -> None:
    """See that ``update`` takes a book and a trade.

    Raises
    ------
    InvalidValueError
    """
    try:
        signature = inspect.signature(feature.update)
    except (TypeError, ValueError):
        return  # Not written in Python: it does not say what it takes.
    try:
        signature.bind(None, None)
    except TypeError:
        problem = f"update takes {arguments_of(signature)}: expected update(self, book, trade)"
        raise InvalidValueError(f"features: {name_of(feature)}", problem) from None


def saved(feature: Any) -> bytes:
    """Return what a feature remembers: what its ``save`` returns, or its attributes."""
    return encode(feature.save() if hasattr(feature, "save") else vars(feature))


def load(feature: Any, state: bytes) -> None:
    """Let a feature go on from what :func:`saved` told."""
    data = decode(state)
    if hasattr(feature, "load"):
        feature.load(data)
    else:
        vars(feature).update(data)
