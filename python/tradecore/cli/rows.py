"""Summaries as rows that people read: a name, and what there is to say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any

from tradecore.cli.console import moment
from tradecore.data.findings import duration
from tradecore.text import printable

__all__ = ["rows_of"]


_TIMES = frozenset({"first_late_stamps", "first_ts_long_crossing", "longest_silence_from"})


def rows_of(summary: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield each name with the lines that say its value: times with their date, durations with their unit."""
    for key, value in summary.items():
        yield key, [printable(line) for line in _lines(key, value)]


def _lines(key: str, value: Any) -> list[str]:
    if isinstance(value, int) and (key in _TIMES or key.startswith(("first_ts", "last_ts"))):
        return [moment(value)]
    if isinstance(value, list) and key.startswith("best_"):
        return [" x ".join(value)]
    if key in ("problems", "notes") and value:
        return list(value)
    if key.endswith("_ns") and isinstance(value, (int, dict)):
        if isinstance(value, int):
            return [duration(value)]
        return [", ".join(f"{name} {duration(each)}" for name, each in value.items())]
    return [_text(value)]


def _text(value: Any) -> str:
    """Return a value of a summary as a reader would write it."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case IntEnum():
            return value.name.lower()
        case dict():
            return ", ".join(f"{key} {_text(part)}" for key, part in value.items()) or "none"
        case list() | tuple():
            return ", ".join(map(_text, value)) or "none"
    return str(value)
