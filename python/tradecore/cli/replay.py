"""``tradecore replay``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradecore.cli.console import emit, say
from tradecore.cli.options import Json
from tradecore.cli.usage import in_utf8_name
from tradecore.errors import InvalidValueError

__all__ = ["replay"]


def replay(
    journal: Annotated[
        Path,
        typer.Argument(metavar="JOURNAL", callback=in_utf8_name, help="The folder of a session.", show_default=False),
    ],
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Stop before inputs of this time, ISO 8601 or ns UTC.")
    ] = None,
    step: Annotated[bool, typer.Option("--step", help="Print every command as it is decided again.")] = False,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Fail also where the session has no end, with the digest of all it decided."),
    ] = False,
    json: Json = False,
) -> int:
    """Decide everything of a session once more, from its journal.

    Each decision is compared with what it was, and the digest of all of them where the session ended in order. Exit
    code 1 where one is another.
    """
    if verify and until is not None:
        raise InvalidValueError("--verify", "compares the whole session: leave out --until")
    from tradecore.live.replay import Replay, read_time

    again = Replay(journal, until_ns=None if until is None else read_time("--until", until))
    for told in again.steps():
        if step:
            say(told)
    summary = again.summary()
    if json:
        emit(summary)
    else:
        say("\n".join(f"{name:<12}{value}" for name, value in summary.items() if value is not None))
    return 0 if summary["faithful"] and (summary["ended"] or not verify) else 1
