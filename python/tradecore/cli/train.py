"""``tradecore train``."""

from __future__ import annotations

import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from tradecore.cli.console import SEED_MAX, emit, say
from tradecore.cli.options import Json
from tradecore.cli.usage import in_utf8_name, number_in
from tradecore.progress import progress_bar

__all__ = ["train"]


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
    """Train a model from a configuration file, and validate it over time."""
    from tradecore.config import load_train_config
    from tradecore.ml.metrics import summary as figures
    from tradecore.ml.runner import train_config

    loaded = load_train_config(config)
    changes = {} if seed is None else {"seed": seed}
    inner = {"output": loaded.output, "data": loaded.data}
    if output is not None:
        inner["output"] = loaded.output.model_copy(update={"dir": str(output)})
    if data is not None:
        inner["data"] = loaded.data.model_copy(update={"catalog": str(data), "frame": None})
    # What an estimator prints must not get into the JSON.
    printed = redirect_stdout(sys.stderr) if json else nullcontext()
    with progress_bar("train", "fits", quiet=quiet) as progress, printed:
        model, summary = train_config(loaded.model_copy(update={**changes, **inner}), str(config), progress=progress)
    if json:
        emit(summary)
        return
    say(f"{model.name} {model.id}: {model.estimator_path}, {model.data['rows']:,} samples, {len(model.folds)} splits")
    if left_out := [f"{number:,} {why}" for why, number in model.data["dropped"].items() if number]:
        say(f"  left out: {', '.join(left_out)}")
    for name, value in figures(model.metrics):
        say(f"  {name}: {'n/a' if value is None else format(value, ',') if isinstance(value, int) else f'{value:.4g}'}")
    if summary["output"]:
        say(f"written to {summary['output']}* (model, card, config, summary)")
