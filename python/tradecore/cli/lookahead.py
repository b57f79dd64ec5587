"""``tradecore lookahead``."""

from __future__ import annotations

import dataclasses
import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from tradecore.cli.console import SEED_MAX, emit, note, say
from tradecore.cli.options import Json, Quiet
from tradecore.cli.usage import in_utf8_name, number_in
from tradecore.progress import progress_bar

__all__ = ["lookahead"]


def lookahead(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Configuration, TOML.", show_default=False)],
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", callback=in_utf8_name, help="Catalog instead of the configured one."),
    ] = None,
    symbol: Annotated[str | None, typer.Option(metavar="ID", help="Trade only this instrument.")] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", callback=number_in(0, SEED_MAX), help="Seed instead of the configured one."),
    ] = None,
    cuts: Annotated[
        int,
        typer.Option(metavar="N", callback=number_in(1, 10_000), help="At how many decisions the future is changed."),
    ] = 10,
    every: Annotated[bool, typer.Option("--every", help="At every decision, instead of some.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Run strategies on other futures and tell of every decision that changed.

    Each cut runs them twice more: on data that ends there, and on data that goes on the other way. Exit code 0 when no
    decision changed, 1 when some looked ahead, or none was made.
    """
    from tradecore.backtest.runner import Plan, check_config
    from tradecore.config import load_config

    loaded, notes = load_config(config)
    plan = Plan(
        config=loaded,
        source=str(config),
        data=None if data is None else str(data),
        symbol=symbol,
        seed=seed,
        notes=notes,
    )
    # What a strategy prints must not get into the JSON.
    printed = redirect_stdout(sys.stderr) if json else nullcontext()
    with progress_bar("lookahead", "runs", quiet=quiet) as progress, printed:
        report = check_config(plan, cuts=None if every else cuts, progress=progress)
    for line in plan.notes:
        note(f"note: {line}", quiet=quiet)
    if json:
        emit({**dataclasses.asdict(report), "is_clean": report.is_clean})
    else:
        say(str(report))
    return 0 if report.is_clean else 1
