"""``tradecore backtest``."""

from __future__ import annotations

import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from tradecore.cli.console import SEED_MAX, emit, note, peak_rss_mb, progress_bar

__all__ = ["backtest"]


def backtest(
    config: Annotated[Path, typer.Option(help="Configuration, TOML.", show_default=False)],
    data: Annotated[
        Path | None, typer.Option(help="Catalog (or folder of Tardis files) instead of the configured one.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for the run's files.")] = None,
    symbol: Annotated[str | None, typer.Option(help="Trade only this instrument.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=SEED_MAX, help="Seed instead of the configured one.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no notes.")] = False,
) -> int:
    """Run a backtest from a configuration file.

    Exit code 0 when it ran to the end of the data, 1 when a strategy failed, 130 when it was interrupted (what was
    done so far is written and marked, except after a failure with `on_error = "stop_run"`).
    """
    from tradecore.backtest.runner import Plan, run_config
    from tradecore.config import load_config
    from tradecore.errors import StrategyError

    loaded, notes = load_config(config)
    plan = Plan(
        config=loaded,
        source=str(config),
        data=None if data is None else str(data),
        output=None if output is None else str(output),
        symbol=symbol,
        seed=seed,
        notes=notes,
    )
    # What a strategy prints must not get into the JSON.
    printed = redirect_stdout(sys.stderr) if json else nullcontext()
    with progress_bar("backtest", "events", quiet=quiet) as progress, printed:
        result, summary = run_config(plan, progress=progress)
    summary["peak_rss_mb"] = peak_rss_mb()
    for text in plan.notes:
        note(f"note: {text}", quiet=quiet)
    for name, traceback in result.failures.items():
        failure = StrategyError(name, traceback)
        note(f"{failure.own_traceback.rstrip()}\nerror: {failure}")
    if json:
        emit(summary)
    else:
        typer.echo(str(result))
        if summary["output"]:
            typer.echo(f"written to {summary['output']}_*")
    if result.interrupted:
        return 130
    return 1 if result.failures else 0
