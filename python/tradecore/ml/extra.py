"""The libraries of the extra ``ml``: imported where they are needed, and named where they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from tradecore.errors import ModelError

__all__ = ["required"]


def required(module: str, package: str, extra: str = "tradecore[ml]") -> Any:
    """Return a module of a library that comes with an extra.

    Raises
    ------
    ModelError
        Where it is not installed, with what installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise ModelError(package, f"is not installed: pip install '{extra}'") from None
