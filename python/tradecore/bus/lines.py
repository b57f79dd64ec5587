"""Events as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import IO, Any

from tradecore._core import RiskBreach
from tradecore.bus.events import Event
from tradecore.files import placed

__all__ = ["line_of", "plain_fields", "written"]

_BREACH = ("check", "scope", "name", "limit", "value")
_names: dict[type[Event], tuple[str, ...]] = {}
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=str).encode


def line_of(event: Event) -> str:
    """Return an event as a line: its class as ``event``, then its fields in their order.

    Decimals are text, times integers, members of enums their names in lower case.
    """
    return _encode(plain_fields(event)) + "\n"


def plain_fields(event: Event) -> dict[str, Any]:
    """Return an event as such a line has it, before it is written."""
    kind = type(event)
    if (names := _names.get(kind)) is None:
        names = _names[kind] = tuple(field.name for field in fields(kind))
    return {"event": kind.__name__, **{name: _plain(getattr(event, name)) for name in names}}


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; other objects of one's own become text."""
    if value is None or type(value) in (str, int, bool):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Enum):
        return value.value if isinstance(value, str) else value.name.lower()
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, RiskBreach):
        return {name: _plain(getattr(value, name)) for name in _BREACH}
    return [_plain(each) for each in value] if isinstance(value, tuple | list) else value


class _Log:
    """Writes events to a file, until it cannot."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.error: OSError | None = None

    def accept(self, event: Event) -> None:
        if self.error is None:
            try:
                self._file.write(line_of(event))
            except OSError as error:
                self.error = error


@contextmanager
def written(path: Path, subscribe: Callable[[Callable[[Event], None]], Callable[[], None]]) -> Iterator[None]:
    """Write what is published while the block runs to a file, which appears whole when it ends, however it does.

    ``subscribe`` takes a function to be called with each event, and returns one that ends it.

    Raises
    ------
    CatalogError
        When the file cannot be written; there is none then, or the one of before.
    """
    ended: BaseException | None = None
    with placed(path) as fresh, fresh.open("w", encoding="utf-8", newline="\n") as file:
        log = _Log(file)
        cancel = subscribe(log.accept)
        try:
            yield
        except BaseException as error:
            ended = error
        finally:
            cancel()
        if log.error is not None:
            raise log.error
    if ended is not None:
        raise ended
