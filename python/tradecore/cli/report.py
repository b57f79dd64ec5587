"""``tradecore report``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from tradecore.cli.console import emit, note, say
from tradecore.cli.usage import in_utf8_name
from tradecore.errors import CatalogError, InvalidValueError

__all__ = ["report"]

_RESULT = "_result.tcr"
_RUN = re.compile(r"_run(\d+)_result\.tcr$")


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
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No notes.")] = False,
) -> int:
    """Write runs as a page: one file of HTML that loads nothing."""
    from tradecore.backtest.result import load_result

    if capital is not None and not 0 < capital < float("inf"):
        raise InvalidValueError("--capital", f"expected an amount above 0, got {capital!r}")
    paths = [_saved(run) for run in runs]
    results = [load_result(path) for path in paths]
    names = [path.name.removesuffix(_RESULT).removesuffix(".tcr") for path in paths]
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


def _saved(run: Path) -> Path:
    """Return the saved result that is meant by a path."""
    if run.is_file():
        return run
    if (named := run.parent / f"{run.name}{_RESULT}").is_file():
        return named
    if not run.is_dir():
        raise CatalogError(str(run), "is neither a folder of a run's files, what they begin with, nor a saved result")
    found = [path for path in run.iterdir() if path.name.endswith(_RESULT)]
    if not found:
        hint = "run it again with --output" if any(run.glob("*_summary.json")) else "name the folder given as --output"
        raise CatalogError(str(run), f"holds no saved result (*{_RESULT}): {hint}")
    return max(found, key=_age)


def _age(path: Path) -> tuple[int, int]:
    """Return when a result was written, and the number of its run."""
    number = _RUN.search(path.name)
    return path.stat().st_mtime_ns, int(number[1]) if number else 0
