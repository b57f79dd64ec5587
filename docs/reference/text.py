"""Pieces of Markdown, and docstrings in it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence

_ROLE = re.compile(r":(?:class|meth|func|attr|data|mod|exc|obj):`~?([^`<]+?)(?:\s*<([^>]+)>)?`")
_LITERAL = re.compile(r"``(.+?)``", re.DOTALL)
_BLOCK = re.compile(r"::\n\n((?:    .*\n|\n)+)")


def code(text: str) -> str:
    """Return code for a table's cell, where a pipe would end the cell."""
    return f"<code>{html.escape(text, quote=False).replace('|', '&#124;')}</code>" if text else ""


def cell(text: str) -> str:
    """Return text for a table's cell: one line, paragraphs apart."""
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip())]
    outside = re.split(r"(`[^`]*`)", "<br>".join(paragraphs))
    return "".join(code(part[1:-1]) if index % 2 else part.replace("|", "&#124;") for index, part in enumerate(outside))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def fence(text: str, language: str = "python") -> str:
    """Return a block of code."""
    return f"```{language}\n{text.rstrip()}\n```\n"


def markdown(docstring: str, links: Mapping[str, str] = {}, within: str = "") -> str:
    """Return the text of a docstring as Markdown.

    Parameters
    ----------
    docstring : str
        With the roles and literals of reStructuredText.
    links : mapping of str to str
        Where names are documented, by ``Class`` and ``Class.member``.
    within : str
        The class whose members may be named alone.
    """

    def role(found: re.Match[str]) -> str:
        shown, target = found[1], found[2] or found[1]
        words = target.lstrip("~").split(".")
        name = shown if found[2] else words[-1]
        for candidate in (f"{within}.{target}", ".".join(words[-2:]), words[-1]):
            if candidate in links:
                return f"[{name}]({links[candidate]})" if found[2] else f"[`{name}`]({links[candidate]})"
        return name if found[2] else f"`{name}`"

    text = _LITERAL.sub(lambda found: f"`{' '.join(found[1].split())}`", _ROLE.sub(role, docstring + "\n"))
    return _BLOCK.sub(lambda found: ":\n\n" + fence(_outdented(found[1])) + "\n", text).strip()


def _outdented(block: str) -> str:
    return "\n".join(line[4:] for line in block.splitlines()).strip("\n")
