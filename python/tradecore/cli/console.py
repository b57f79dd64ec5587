"""What the commands share: colour on a terminal, JSON on stdout, everything else on stderr."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import typer

__all__ = [
    "SEED_MAX",
    "command",
    "emit",
    "moment",
    "next_steps",
    "note",
    "peak_rss_mb",
    "python",
    "quoted",
    "say",
]

SEED_MAX = 2**63 - 1
"""Largest seed: what a configuration file can hold."""


def emit(summary: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout."""
    sys.stdout.write(orjson.dumps(summary, option=orjson.OPT_INDENT_2).decode() + "\n")


_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan", "inferred": "cyan", "next": "bold"}
"""Colours of the words that lines begin with."""


def note(text: str, *, quiet: bool = False) -> None:
    """Say something on stderr."""
    if not quiet:
        say(text, err=True)


def say(text: str, *, err: bool = False) -> None:
    """Print lines; on a terminal that shows colours the word before the first colon has one, if it is of those."""
    stream = sys.stderr if err else sys.stdout
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
    return shlex.join(str(word) for word in words)


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
        typer.echo(f"  {line}\n      {purpose}")


def moment(ns: int) -> str:
    """Return a time in ns with its date."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{ns} ({datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%d %H:%M:%S}.{rest:09} UTC)"


def peak_rss_mb() -> float:
    """Return the largest resident memory of this process so far, MB; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Unlike ru_maxrss this does not count the process that started us.
        (peak,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return round(int(peak) / (1 << 10), 1)
    try:
        import resource
    except ImportError:  # Windows has none
        return 0.0
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak_bytes / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)
