"""What a text names: ``module:Name`` or ``file.py:Name``."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from tradecore.errors import InvalidValueError
from tradecore.hints import did_you_mean

__all__ = ["NotThereError", "import_named", "is_named", "made_of"]

_NAMED: Final = re.compile(r"(?P<place>[^()]+):(?P<name>[^\W\d]\w*)(?P<arguments>\(.*\))?", re.DOTALL)
"""``module:Class``, or with arguments, ``module:Class(share=0.5)``."""


class NotThereError(ImportError):
    """There is no such file, module, or name in it; its text says which, and what is nearly called so."""


def import_named(place: str, name: str) -> Any:
    """Return what is called ``name`` in a module or in a file of Python.

    Whatever the module raises while it is imported is passed on.

    Raises
    ------
    NotThereError
    """
    module = _file(Path(place)) if place.endswith(".py") else _module(place)
    if not hasattr(module, name):
        hint = did_you_mean(name, (known for known in dir(module) if not known.startswith("_")))
        raise NotThereError(f"{place} has no {name}{hint}")
    return getattr(module, name)


def _file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise NotThereError(
            f"no file {path}{did_you_mean(path.name, (near.name for near in path.parent.glob('*.py')))}"
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _module(place: str) -> ModuleType:
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        # Not one that it imports itself.
        if error.name is None or not f"{place}.".startswith(f"{error.name}."):
            raise
        package, dot, _ = error.name.rpartition(".")
        beside = pkgutil.iter_modules(getattr(sys.modules.get(package), "__path__", ["."]))
        hint = did_you_mean(error.name, (f"{package}{dot}{near.name}" for near in beside))
        raise NotThereError(f"no module {error.name}{hint}") from None


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
        return named(**_arguments(field, text, written)) if callable(named) or written is not None else named
    except InvalidValueError:
        raise
    except NotThereError as error:
        raise InvalidValueError(field, str(error)) from None
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
