"""What the commands share: colour on a terminal, JSON on stdout, everything else on stderr."""

from __future__ import annotations

import io
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from tradecore.text import in_utf8, printable

__all__ = [
    "SEED_MAX",
    "command",
    "emit",
    "escape_what_streams_cannot_hold",
    "moment",
    "next_steps",
    "note",
    "python",
    "quoted",
    "say",
]

SEED_MAX = 2**63 - 1
"""Largest seed: what a configuration file can hold."""


_UNSHOWN = re.compile(r"[\x7f-\xa0\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff0-\ufffb]")
"""Characters that JSON may hold as they are, and that would not show on a terminal or would move what does."""

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


def emit(summary: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout."""
    text = orjson.dumps(in_utf8(dict(summary)), option=orjson.OPT_INDENT_2).decode()
    text = _UNSHOWN.sub(_as_json_escapes, text)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = _BEYOND_ASCII.sub(_as_json_escapes, text)
    sys.stdout.write(text + "\n")


def _as_json_escapes(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def escape_what_streams_cannot_hold() -> None:
    """Have stdout and stderr take any text: what their encoding lacks is written as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan", "inferred": "cyan", "next": "bold"}
"""Colours of the words that lines begin with."""


def note(text: str, *, quiet: bool = False) -> None:
    """Say something on stderr."""
    if not quiet:
        say(text, err=True)


def say(text: str, *, err: bool = False) -> None:
    """Print lines; on a terminal that shows colours the word before the first colon has one, if it is of those.

    Whoever the text is of, it moves no cursor and changes no colour.
    """
    stream = sys.stderr if err else sys.stdout
    text = printable(text, lines=True)
    word, colon, rest = text.partition(":")
    if not (colon and word in _STYLES and stream.isatty()):
        stream.write(text + "\n")
        return
    from rich.console import Console
    from rich.text import Text

    # Rich knows the terminal: NO_COLOR, TERM=dumb, the old console of Windows.
    line = Text.assemble((word + colon, _STYLES[word]), rest)
    Console(file=stream, highlight=False).print(line, soft_wrap=True)


def quoted(*words: str | Path) -> str:
    """Return words as they are typed into a shell."""
    return shlex.join(in_utf8(str(word)) for word in words)


def python() -> str:
    """Return how this Python is called from a shell."""
    found = shutil.which("python")
    is_this = found is not None and Path(found).parent == Path(sys.executable).parent
    return "python" if is_this else quoted(sys.executable)


def command(*words: str | Path) -> str:
    """Return a command of ours as it is typed into a shell."""
    program = "tradecore" if shutil.which("tradecore") else f"{python()} -m tradecore"
    return f"{program} {quoted(*words)}"


def next_steps(steps: list[tuple[str, str]]) -> None:
    """Print commands that make sense now, each with what it does."""
    say("next:")
    for line, purpose in steps:
        say(f"  {line}\n      {purpose}")


def moment(ns: int) -> str:
    """Return a time in ns with its date."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{ns} ({datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%d %H:%M:%S}.{rest:09} UTC)"
