"""``tradecore report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradecore.cli.console import emit, note, say
from tradecore.cli.options import Json, Quiet
from tradecore.cli.usage import in_utf8_name
from tradecore.errors import InvalidValueError

__all__ = ["report"]


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN_DIR",
            callback=in_utf8_name,
            help="Folder of a run's files, of which the newest run is taken; what a run's files begin with; or a saved"
            " result (.tcr). Of several the page compares the first with each of the others.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", callback=in_utf8_name, help="The page; beside the first run if not given."),
    ] = None,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="Its heading.")] = None,
    capital: Annotated[
        float | None, typer.Option(metavar="AMOUNT", help="Returns are fractions of it; else changes in currency.")
    ] = None,
    zoom: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="TIMES", help="Begin and end of the order book that is shown; the busiest by default."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Write runs as a page: one file of HTML that loads nothing."""
    from tradecore.backtest.outputs import run_name, saved_result
    from tradecore.backtest.result import load_result

    if capital is not None and not 0 < capital < float("inf"):
        raise InvalidValueError("--capital", f"expected an amount above 0, got {capital!r}")
    paths = [saved_result(run) for run in runs]
    results = [load_result(path) for path in paths]
    names = [run_name(path) for path in paths]
    first, *others = results
    page = output or paths[0].with_name(f"{names[0]}_report.html")
    where = first.report(
        page,
        title=title or names[0],
        capital=capital,
        against=dict(zip(names[1:], others, strict=True)),
        zoom=zoom,
    )
    if json:
        emit({"page": str(where), "bytes": where.stat().st_size, "runs": [str(path) for path in paths]})
    else:
        for path in paths:
            note(f"note: read {path}", quiet=quiet)
        say(f"the page is {where}")
    return 0
