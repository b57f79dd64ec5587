"""``tradecore train``."""

from __future__ import annotations

import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from tradecore.cli.console import SEED_MAX, emit, say
from tradecore.cli.options import Json
from tradecore.cli.usage import in_utf8_name, number_in
from tradecore.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradecore.config import TrainConfig, WalkConfig

__all__ = ["train"]

Progress: TypeAlias = "Callable[[int, int], None] | None"


def train(
    config: Annotated[Path, typer.Option(metavar="FILE", help="Configuration, TOML.", show_default=False)],
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", callback=in_utf8_name, help="Catalog instead of the configured one."),
    ] = None,
    output: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for the model and its card.")] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", callback=number_in(0, SEED_MAX), help="Seed instead of the configured one."),
    ] = None,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Train a model from a configuration file, and validate it over time.

    With a table named walk in the file: a model for each span of time, tested in a backtest on what came next.
    """
    from tradecore.config import load_train_config

    loaded = load_train_config(config)
    changes: dict[str, Any] = {} if seed is None else {"seed": seed}
    if output is not None:
        changes["output"] = loaded.output.model_copy(update={"dir": str(output)})
    if data is not None:
        changes["data"] = loaded.data.model_copy(update={"catalog": str(data), "frame": None})
    effective = loaded.model_copy(update=changes)
    # What an estimator or a strategy prints must not get into the JSON.
    printed = redirect_stdout(sys.stderr) if json else nullcontext()
    unit = "fits" if effective.walk is None else "models"
    with progress_bar("train", unit, quiet=quiet) as progress, printed:
        if effective.walk is None:
            summary, lines = _one(effective, str(config), progress)
        else:
            summary, lines = _walk(effective, effective.walk, str(config), progress)
    if json:
        emit(summary)
    else:
        say("\n".join(lines))


def _one(config: TrainConfig, source: str, progress: Progress) -> tuple[dict[str, Any], list[str]]:
    """Train one model; return its summary, and what is said of it."""
    from tradecore.ml.metrics import summary as figures
    from tradecore.ml.runner import train_config

    model, summary = train_config(config, source, progress=progress)
    rows, splits = model.data["rows"], len(model.folds)
    lines = [f"{model.name} {model.id}: {model.estimator_path}, {rows:,} samples, {splits} splits"]
    if left_out := [f"{number:,} {why}" for why, number in model.data["dropped"].items() if number]:
        lines.append(f"  left out: {', '.join(left_out)}")
    for name, value in figures(model.metrics):
        told = "n/a" if value is None else format(value, ",") if isinstance(value, int) else f"{value:.4g}"
        lines.append(f"  {name}: {told}")
    if summary["output"]:
        lines.append(f"written to {summary['output']}* (model, card, config, summary)")
    return summary, lines


def _walk(config: TrainConfig, walk: WalkConfig, source: str, progress: Progress) -> tuple[dict[str, Any], list[str]]:
    """Train model after model and test each on what came next; return a summary, and what is said of it."""
    from tradecore.ml.prediction import moment
    from tradecore.ml.walk_runner import walk_config

    done, summary = walk_config(config, walk, source, progress=progress)
    lines = [f"{config.name}: {len(done.steps)} models of {summary['instrument']}, each tested on what came next"]
    for told in summary["steps"]:
        (trained, _), (begins, ends) = told["train_ns"], told["test_ns"]
        made = "n/a" if told["net_pnl"] is None else told["net_pnl"]
        lines.append(f"  {told['model']}: trained from {moment(trained)}, tested {moment(begins)} to {moment(ends)}:")
        lines.append(f"    {told['fills']:,} fills, net profit {made}")
    lines.append(f"net profit of all tests {done.net_pnl:.8g}")
    lines.append(f"written to {summary['output']} (models, config, summary)")
    return summary, lines
