"""From the configuration of a training to a model and its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from tradecore.config import TrainConfig
from tradecore.data.views import Span
from tradecore.errors import ConfigError
from tradecore.files import staged
from tradecore.ml.card import model_card, model_picture
from tradecore.ml.configured import TRAINING, catalog_of, instruments_of, key_of_data, keyed, named, of_kind
from tradecore.ml.dataset import Dataset, build_dataset
from tradecore.ml.model_files import model_bytes
from tradecore.ml.target import Label
from tradecore.ml.training import TrainedModel, train
from tradecore.text import in_utf8, toml_of

__all__ = ["train_config"]


def train_config(
    config: TrainConfig, source: str, *, progress: Callable[[int, int], None] | None = None
) -> tuple[TrainedModel, dict[str, Any]]:
    """Train as a configuration says, and write the files if it names a folder for them.

    Files begin with the name and the id of the model, so that another model never takes its place: the model file
    (``.tcm``), the card (``_card.md``, ``_card.html``, ``_card.png`` where matplotlib is installed), the configuration
    (``_config.toml``) and the summary (``.json``), which comes last.

    Parameters
    ----------
    config : TrainConfig
    source : str
        Where it came from, for messages.
    progress : callable, optional
        As of :func:`train`.

    Returns
    -------
    tuple of TrainedModel and dict
        The model and its summary, with ``output``, the common prefix of the files; None if nothing was written.

    Raises
    ------
    ConfigError
        With the key of what cannot be.
    ModelError
        When the estimator breaks, or cannot be written.
    """
    estimator, label, span = named(config, source)
    if config.output.dir is not None:
        with staged(config.output.dir):  # before a training is spent on it
            pass
    dataset = _dataset(config, label, span, source)
    with keyed(source, of_kind("split")):
        split = dataset.splitter(config.split.kind, **config.split.params)
    with keyed(source, lambda field: TRAINING.get(field, field)):
        model = train(
            dataset,
            estimator,
            split=split,
            seed=config.seed,
            cost_bps=config.cost_bps,
            importance=config.importance,
            name=config.name,
            revision=config.revision,
            progress=progress,
        )
    summary = {**model.summary(), "output": None}
    if config.output.dir is not None:
        summary["output"] = str(Path(config.output.dir) / f"{config.name}_{model.id}")
        _write(model, config, summary)
    return model, summary


def _dataset(config: TrainConfig, label: Label, span: Span, source: str) -> Dataset:
    """Return the samples, of the time that is asked for."""
    data = config.data
    with keyed(source, lambda field: key_of_data(config, field)):
        of_frame = data.frame is not None
        parts = [_of_frame(config, label, source)] if of_frame else _of_catalog(config, label, source)
    start = None if data.start is None else span.start_ns
    end = None if data.end is None else span.end_ns
    there = [part for part in parts if ((part.ts >= span.start_ns) & (part.t1 < span.end_ns)).any()] or parts
    with keyed(source, lambda field: f"data.{field}"):
        inside = [part.between(start, end) for part in there]
    if config.weights == "returns":
        with keyed(source, lambda field: "weights"):
            inside = [part.weighted(config.decay, by="returns") for part in inside]
    with keyed(source, lambda field: f"data: {field}"):
        dataset = Dataset.joined(inside)
    return dataset.weighted(config.decay) if config.weights == "uniqueness" else dataset


def _of_frame(config: TrainConfig, label: Label, source: str) -> Dataset:
    import polars as pl

    data = config.data
    path = Path(str(data.frame))
    try:
        frame = pl.read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ConfigError(source, "data.frame", f"{path} cannot be read: {' '.join(str(error).split())}") from None
    for key, names in (("features", config.features), ("data.ts", (data.ts,)), ("data.price", (data.price,))):
        for name in names:
            if name not in frame.columns:
                raise ConfigError(source, key, f"{path} has no column {name}; it has {', '.join(frame.columns)}")
    dataset = Dataset.from_frame(frame, list(config.features), label, ts=data.ts, price=data.price)
    return replace(dataset, instruments=data.instruments or ())


def _of_catalog(config: TrainConfig, label: Label, source: str) -> list[Dataset]:
    catalog, data, features = catalog_of(config, source), config.data, list(config.features)
    return [
        build_dataset(catalog, instrument, features, label=label, at=data.at, price=data.price)
        for instrument in instruments_of(config, catalog, source)
    ]


def _write(model: TrainedModel, config: TrainConfig, summary: dict[str, Any]) -> None:
    stem = f"{config.name}_{model.id}"
    data = model_bytes(model, config.output.format, allow_pickle=config.output.allow_pickle)
    picture = model_picture(model)
    with staged(str(config.output.dir), last=".json") as folder:
        (folder / f"{stem}.tcm").write_bytes(data)
        if picture is not None:
            (folder / f"{stem}_card.png").write_bytes(picture)
        card = model_card(model, picture=None if picture is None else f"{stem}_card.png")
        (folder / f"{stem}_card.md").write_text(card, encoding="utf-8")
        (folder / f"{stem}_card.html").write_text(model_card(model, "html", picture=picture), encoding="utf-8")
        (folder / f"{stem}_config.toml").write_text(toml_of(config.model_dump(mode="json")), encoding="utf-8")
        (folder / f"{stem}.json").write_bytes(orjson.dumps(in_utf8(summary), option=orjson.OPT_INDENT_2))
