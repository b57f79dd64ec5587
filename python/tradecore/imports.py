"""What a text names: ``module:Name`` or ``file.py:Name``."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import sys
from pathlib import Path
from typing import Any, Final

from tradecore.errors import InvalidValueError

__all__ = ["import_named", "is_named", "made_of"]

_NAMED: Final = re.compile(r"(?P<place>[^()]+):(?P<name>[^\W\d]\w*)(?P<arguments>\(.*\))?", re.DOTALL)
"""``module:Class``, or with arguments, ``module:Class(share=0.5)``."""


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


def is_named(text: str) -> bool:
    """Whether a text names a class to import, such as ``module:Class``, ``file.py:Class`` or ``module:Class(n=2)``."""
    return _NAMED.fullmatch(text.strip()) is not None


def made_of(field: str, text: str) -> Any:
    """Make the object that such a text says.

    Raises
    ------
    InvalidValueError
        Of ``field``, for a module or a class there is not, arguments that are no plain data by name or of what takes
        none, and whatever is raised on the way.
    """
    found = _NAMED.fullmatch(text.strip())
    if found is None:
        raise InvalidValueError(field, f"{text}: expected module:Class or file.py:Class, with arguments or without")
    place, name, written = found["place"], found["name"], found["arguments"]
    try:
        named = import_named(place, name)
        if named is None:
            raise InvalidValueError(field, f"{place} has no {name}")
        return named(**_arguments(field, text, written)) if callable(named) or written is not None else named
    except InvalidValueError:
        raise
    except (Exception, SystemExit) as error:
        raise InvalidValueError(field, f"{text}: {type(error).__name__}: {error}") from error


def _arguments(field: str, text: str, written: str | None) -> dict[str, Any]:
    if written is None:
        return {}
    try:
        call = ast.parse(f"f{written}", mode="eval").body
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and not call.args:
            found = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
            # Neither named twice nor spread of a mapping.
            if len(found) == len(call.keywords) and None not in found:
                return {str(name): value for name, value in found.items()}
    except (SyntaxError, ValueError):
        pass
    raise InvalidValueError(field, f"{text}: expected arguments such as (share=0.5), plain data by name")
