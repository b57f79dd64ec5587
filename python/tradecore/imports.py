"""What a text names: ``module:Name`` or ``file.py:Name``."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

__all__ = ["import_named"]


def import_named(place: str, name: str) -> Any:
    """Return what is called ``name`` in a module or in a file of Python, or None if nothing is.

    Whatever the module raises while it is imported is passed on.

    Raises
    ------
    ImportError
        When there is no such module or file.
    """
    if not place.endswith(".py"):
        return getattr(importlib.import_module(place), name, None)
    spec = importlib.util.spec_from_file_location(Path(place).stem, place)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {place}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return getattr(module, name, None)
