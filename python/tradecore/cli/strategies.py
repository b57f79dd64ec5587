"""``tradecore strategies``."""

from __future__ import annotations

import inspect
import re
import shutil
import textwrap
from typing import Any

from tradecore.cli.console import command, emit, next_steps, say
from tradecore.cli.options import Json

__all__ = ["strategies"]

_ENTRY = re.compile(r"^(\w[\w, ]*?) : (.+)$")
"""Head of a parameter in a docstring: its names and its type."""


def strategies(
    json: Json = False,
) -> None:
    """List the shipped strategies with their parameters, types and defaults."""
    from tradecore.strategies import REGISTRY

    shipped = [_described(name, cls) for name, cls in REGISTRY.items()]
    if json:
        emit({"strategies": shipped})
        return
    width = min(shutil.get_terminal_size().columns, 100)
    for strategy in shipped:
        say(f"{strategy['name']} ({strategy['class']})")
        say(_wrapped(strategy["about"], width, 2))
        for parameter in strategy["parameters"]:
            default = "required" if parameter["required"] else f"default {parameter['default']}"
            say(_wrapped(f"{parameter['name']}: {parameter['type']}, {default}", width, 4))
            say(_wrapped(parameter["about"], width, 8))
        say("")
    next_steps([(command("init", "demo"), "make a project to try them in: name one as `kind` in its backtest.toml")])


def _wrapped(text: str, width: int, indent: int) -> str:
    margin = " " * indent
    return textwrap.fill(text, width, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False)


def _described(name: str, cls: type[Any]) -> dict[str, Any]:
    """Return what a configuration may say of a strategy: its parameters, the required ones first."""
    about, documented = _documented(cls)
    parameters = []
    for key, (_, default) in cls.parameters().items():
        kind, text = documented.get(key, ("", ""))
        required = default is ...
        kind = kind.removesuffix(", optional")
        parameters.append(
            {
                "name": key,
                "type": kind,
                "required": required,
                "default": None if required else _shown(default),
                "about": text,
            }
        )
    parameters.sort(key=lambda parameter: not parameter["required"])
    return {"name": name, "class": f"tradecore.{cls.__name__}", "about": about, "parameters": parameters}


def _shown(default: Any) -> str:
    if default is None:
        return "none"
    return str(default).lower() if isinstance(default, bool) else str(default)


def _documented(cls: type[Any]) -> tuple[str, dict[str, tuple[str, str]]]:
    """Return a class's first sentence, and the type and meaning of its parameters by name."""
    head, _, listed = inspect.getdoc(cls).partition("\nParameters\n----------\n")  # type: ignore[union-attr]
    entries: dict[str, tuple[str, str]] = {}
    names: list[str] = []
    for line in listed.splitlines():
        if found := _ENTRY.match(line):
            names = found[1].split(", ")
            entries.update(dict.fromkeys(names, (found[2], "")))
        elif line.startswith(" "):
            more = line.strip().replace("``", "`")
            entries.update({name: (entries[name][0], f"{entries[name][1]} {more}".strip()) for name in names})
        else:
            names = []
    return " ".join(head.split("\n\n")[0].split()), entries
