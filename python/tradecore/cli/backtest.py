"""``tradecore backtest``."""

from __future__ import annotations

import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradecore.cli.console import SEED_MAX, command, emit, next_steps, note, say
from tradecore.cli.options import Json
from tradecore.cli.usage import in_utf8_name, number_in
from tradecore.interrupts import patience
from tradecore.memory import peak_rss_mb
from tradecore.progress import progress_bar

if TYPE_CHECKING:
    from tradecore.backtest.runner import Plan
    from tradecore.errors import TradecoreError
    from tradecore.interrupts import Interrupts

__all__ = ["backtest"]

_PICTURES = (".png", ".svg")


def backtest(
    config: Annotated[Path, typer.Option(metavar="FILE", help="Configuration, TOML.", show_default=False)],
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            callback=in_utf8_name,
            help="Catalog (or folder of Tardis files) instead of the configured one.",
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for the run's files.")] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the result into this .png or .svg file.")
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what happens, an event a line, as JSON.", show_default=False),
    ] = None,
    market_events: Annotated[
        bool, typer.Option("--market-events", help="With --events: those of markets as well, which are many.")
    ] = False,
    symbol: Annotated[str | None, typer.Option(metavar="ID", help="Trade only this instrument.")] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", callback=number_in(0, SEED_MAX), help="Seed instead of the configured one."),
    ] = None,
    bounds: Annotated[
        bool, typer.Option("--bounds", help="Show what it comes to by a low and by a high rule of filling as well.")
    ] = False,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no notes, no next steps.")] = False,
) -> int:
    """Run a backtest from a configuration file.

    Exit code 0 when it ran to the end of the data, 1 when a strategy failed, 130 when it was interrupted (what was
    done so far is written and marked; a second Ctrl-C leaves nothing).
    """
    from tradecore.backtest.runner import Plan
    from tradecore.config import load_config
    from tradecore.errors import InvalidValueError

    if plot is not None:
        _check_plot(plot)
    if market_events and events is None:
        raise InvalidValueError("--market-events", "goes with --events FILE")
    loaded, notes = load_config(config)
    plan = Plan(
        config=loaded,
        source=str(config),
        data=None if data is None else str(data),
        output=None if output is None else str(output),
        symbol=symbol,
        seed=seed,
        bounds=bounds,
        events=events,
        market_events=market_events,
        notes=notes,
    )
    with patience() as interrupts:
        return _run(plan, interrupts, plot, json=json, quiet=quiet)


def _run(plan: Plan, interrupts: Interrupts, plot: Path | None, *, json: bool, quiet: bool) -> int:
    from tradecore.backtest.failures import failures_of
    from tradecore.backtest.runner import run_config

    # What a strategy prints must not get into the JSON.
    printed = redirect_stdout(sys.stderr) if json else nullcontext()
    with progress_bar("backtest", "events", quiet=quiet) as progress, printed:
        result, summary = run_config(plan, interrupts, progress=progress)
    summary["peak_rss_mb"] = peak_rss_mb()
    for text in plan.notes:
        note(f"note: {text}", quiet=quiet)
    for failure in failures_of(result):
        note(failure.own_traceback.rstrip())
        note(f"error: {failure}")
    undrawn = None if plot is None else _draw(result, plot)
    drawn = None if plot is None or undrawn is not None else str(plot)
    if json:
        emit({**summary, "plot": drawn, "event_lines": None if plan.events is None else str(plan.events)})
    else:
        say(str(result))
        if summary["output"]:
            say(f"written to {summary['output']}_* (orders, trades, positions, candles, config, summary, result)")
        if plan.events is not None:
            say(f"events in {plan.events}")
        if drawn:
            say(f"drawn in {drawn}")
        if not (quiet or result.interrupted or result.failures):
            next_steps(_next(plan, summary["output"], drawn))
    if undrawn is not None:
        raise undrawn
    if result.interrupted:
        return 130
    return 1 if result.failures else 0


def _check_plot(path: Path) -> None:
    """Look whether the picture can be drawn and written, before a run is spent on it."""
    import importlib.util

    from tradecore.errors import InvalidValueError
    from tradecore.files import staged

    if path.suffix.lower() not in _PICTURES:
        raise InvalidValueError("--plot", f"{path} ends in neither {' nor '.join(_PICTURES)}")
    if importlib.util.find_spec("matplotlib") is None:
        raise InvalidValueError("--plot", "needs matplotlib, which is not installed: pip install 'tradecore[plot]'")
    with staged(path.parent, path.name):
        pass


def _draw(result: Any, path: Path) -> TradecoreError | None:
    """Draw a result; what went wrong is returned, since the figures of the run are to be seen all the same."""
    import matplotlib

    from tradecore.errors import TradecoreError
    from tradecore.files import staged

    form = path.suffix.lower().removeprefix(".")
    # Left to itself an SVG holds the time of writing and names made up anew each time.
    metadata = {"Date": None} if form == "svg" else None
    try:
        figure = result.plot()
        with staged(path.parent, path.name) as folder, matplotlib.rc_context({"svg.hashsalt": "tradecore"}):
            figure.savefig(folder / path.name, format=form, metadata=metadata)
    except TradecoreError as error:
        return error
    return None


def _next(plan: Plan, output: str | None, drawn: str | None) -> list[tuple[str, str]]:
    """Return commands that make sense after a run, each with what it does."""
    words = ["backtest", "--config", plan.source]
    for option, value in (("--data", plan.data), ("--symbol", plan.symbol), ("--seed", plan.seed)):
        words += [] if value is None else [option, str(value)]
    words += ["--bounds"] if plan.bounds else []
    steps = []
    if output is None:
        steps.append((command(*words, "--output", "runs"), "keep its orders, trades, positions and candles as files"))
    else:
        steps.append((command("report", output), "see it as a page"))
        symbol = [] if plan.symbol is None else ["--symbol", plan.symbol]
        again = command("backtest", "--config", f"{output}_config.toml", *symbol)
        steps.append((again, "run it again as it was run"))
        words += [] if plan.output is None else ["--output", plan.output]
    if drawn is None:
        steps.append((command(*words, "--plot", "run.png"), "draw its equity, drawdown, positions and fills"))
    return steps
