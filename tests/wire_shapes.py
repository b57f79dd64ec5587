"""Keys and types of messages, held against recorded ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def shape(value: Any) -> Any:
    """Types by key; of a list those of its first element. Decimals in text are told from other text."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, str):
        return "decimal" if value.lstrip("-").replace(".", "", 1).isdigit() else "text"
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def lacks(told: Any, real: Any, path: str = "") -> list[str]:
    """What is of another type than in the real message, or not there at all."""
    if isinstance(real, dict) and isinstance(told, dict):
        missing = [f"{path}.{key} is missing" for key in real if key not in told]
        extra = [f"{path}.{key} is not the venue's" for key in told if key not in real]
        return (
            missing + extra + [w for key in real if key in told for w in lacks(told[key], real[key], f"{path}.{key}")]
        )
    if isinstance(real, list) and isinstance(told, list):
        return lacks(told[0], real[0], f"{path}[]") if real and told else []
    return [] if shape(told) == shape(real) or real is None else [f"{path} is {told!r}, the venue's {real!r}"]


def fixture(path: Path, name: str) -> Any:
    for line in path.read_text().splitlines():
        if (row := json.loads(line))["fixture"] == name:
            return row["message"]
    raise LookupError(name)


def told_by(path: Path, wanted: Callable[[Any], object]) -> Any:
    """The first recorded message that is wanted."""
    return next(message for message in map(json.loads, path.read_text().splitlines()) if wanted(message))


def missing(told: Any, real: Any) -> list[str]:
    """What the recorded stream has and ours has not, or has as another type: that one leaves keys of its own out."""
    return [problem for problem in lacks(told, real) if "is not the venue's" not in problem]
