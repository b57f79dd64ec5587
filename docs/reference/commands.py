"""The reference of the command line, from the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer
from text import cell, code, fence, table

from tradecore.cli.app import app

_INTRO = """# Command line

Errors are one line on stderr that names the file, key or line. Exit codes: 0 done, 1 a run that failed, 2 bad usage,
configuration or input, 130 interrupted. With `--json` a command prints one JSON object on stdout and everything else on
stderr. `python -m tradecore` is the same command.
"""


def commands_page() -> str:
    """Return the page."""
    return "\n".join([_INTRO, *_command(typer.main.get_command(app), "tradecore")])


def _command(command: Any, path: str) -> Iterator[str]:
    context = command.make_context(path, [], resilient_parsing=True)
    yield f"## `{path}` {{ #{path.replace(' ', '-')} }}\n"
    yield (command.help or "").strip() + "\n"
    yield fence(" ".join(command.get_usage(context).removeprefix("Usage: ").split()), "text")
    records = [record for parameter in command.get_params(context) if (record := parameter.get_help_record(context))]
    if records:
        yield table(("argument", "meaning"), ((code(left), cell(_marked(right))) for left, right in records))
    commands = getattr(command, "commands", {})
    if commands:
        rows = (
            (f"[{code(name)}](#{f'{path} {name}'.replace(' ', '-')})", cell(_first(inner.help)))
            for name, inner in commands.items()
        )
        yield table(("command", "what it does"), rows)
    for name, inner in commands.items():
        yield from _command(inner, f"{path} {name}")


def _first(text: str | None) -> str:
    return (text or "").strip().split("\n\n")[0]


def _marked(text: str) -> str:
    """Return help with its trailing notes (default, range) as code."""
    return re.sub(r"\s*\[([^\]]+)\]$", lambda found: f" (`{found[1]}`)", text)
