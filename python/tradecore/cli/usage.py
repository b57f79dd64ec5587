"""Help that fits its terminal, and what is said of a command line that cannot be understood."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

from tradecore.text import in_utf8

__all__ = ["Command", "Group", "in_utf8_name", "number_in", "usage_problem"]


def _joined(text: str | None) -> str | None:
    """Join the lines of each paragraph: where they break is the terminal's matter."""
    if text is None:
        return None
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


class _Plain:
    """Shows what is typed, and no types of Python's."""

    help: str | None

    def get_params(self, ctx: Any) -> list[Any]:
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            if getattr(param, "is_flag", False):
                param.metavar = ""
            elif isinstance(param, TyperArgument):
                param.display_type_rich = lambda ctx: ""  # type: ignore[method-assign]
        return params

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        pieces: list[str] = super().collect_usage_pieces(ctx)  # type: ignore[misc]
        return [piece.replace("{", "").replace("}", "") for piece in pieces]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self.help = _joined(self.help)
        super().format_help(ctx, formatter)  # type: ignore[misc]


class Command(_Plain, TyperCommand):
    """A command whose help wraps as it should."""


class Group(_Plain, TyperGroup):
    """Commands whose help wraps as it should."""


def number_in(low: int, high: int) -> Callable[[int | None], int | None]:
    """Return the check of a whole number; help is not to show a limit of nineteen digits."""

    def check(value: int | None) -> int | None:
        if value is not None and not low <= value <= high:
            raise typer.BadParameter(f"{value} is not in the range {low} to {high}")
        return value

    return check


def in_utf8_name(path: Path | None) -> Path | None:
    """Check the folder of a catalog: what reads Parquet finds files by names in UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        taken = sys.getfilesystemencoding()
        raise typer.BadParameter(f"{in_utf8(str(path))} is no name in UTF-8; names are read as {taken} here") from None
    return path


def usage_problem(error: Any, root: Any) -> str:
    """Return what is wrong with a command line, on one line, with the command or option that may have been meant.

    Parameters
    ----------
    error : exception
        What the parser raised.
    root : command
        The command that all others hang from.
    """
    message = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    if not message or context is None:
        return message.rstrip(".")
    commands = dict(_commands(root, "tradecore"))
    here = context.command_path
    if missing := re.match(r"No such command '(.+?)'", message):
        near = _nearest_command(missing[1], here, commands)
        return f"{missing[0]}; {_or_help(near, here)}"
    if type(error).__name__ == "NoSuchOption":
        option = error.option_name
        own = [name for param in context.command.get_params(context) for name in param.opts]
        near = difflib.get_close_matches(option, own, n=1)
        if not near:
            near = [f"{path} {option}" for path, each in commands.items() if option in _options(each)]
        return f"{error.message.rstrip('.')}; {_or_help(near, here)}"
    return f"{message.rstrip('.')}; see {here} --help"


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every command by what is typed for it."""
    yield path, command
    for name, each in getattr(command, "commands", {}).items():
        yield from _commands(each, f"{path} {name}")


def _options(command: Any) -> set[str]:
    return {name for param in command.params for name in param.opts}


def _nearest_command(word: str, here: str, commands: Mapping[str, Any]) -> list[str]:
    """Return the command a word may have been meant for: near ones of this group before others of that name."""
    own = {path.removeprefix(f"{here} "): path for path in commands if path.rpartition(" ")[0] == here}
    if near := difflib.get_close_matches(word, list(own), n=1):
        return [own[near[0]]]
    return [path for path in commands if path.rpartition(" ")[2] == word]


def _or_help(near: list[str], here: str) -> str:
    return f"did you mean {' or '.join(near[:3])}?" if near else f"see {here} --help"
