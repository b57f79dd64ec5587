"""What the configuration of a training names; what is wrong with it is told with its key."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from tradecore.config import TrainConfig
from tradecore.data.catalog import Catalog
from tradecore.data.views import Span
from tradecore.errors import ConfigError, InvalidValueError
from tradecore.ml.estimators import make_estimator
from tradecore.ml.extra import required
from tradecore.ml.target import Label

__all__ = ["TRAINING", "catalog_of", "instruments_of", "key_of_data", "keyed", "named", "of_kind"]

TRAINING = {"X": "split", "split": "split", "y": "label"}
"""What is wrong where a training is, by the field that says so."""


def named(config: TrainConfig, source: str) -> tuple[Any, Label, Span]:
    """Return the estimator, what is to be foretold, and the time of the data; a pickle has to be said to be allowed."""
    if config.output.format == "pickle" and not config.output.allow_pickle:
        raise ConfigError(source, "output.format", "pickle runs code when it is read: allow_pickle = true takes it")
    estimator = _estimator(config, source)
    with keyed(source, lambda field: "label.side" if field == "side" else of_kind("label")(field)):
        label = Label(config.label.kind, side=config.label.side, **config.label.params)
    with keyed(source, lambda field: f"data.{field}"):
        span = Span.of(config.data.start, config.data.end)
    return estimator, label, span


def catalog_of(config: TrainConfig, source: str) -> Catalog:
    """Return the catalog that samples are made of."""
    if config.data.catalog is None:
        problem = "no data: name a catalog or a frame here, or a catalog on the command line"
        raise ConfigError(source, "data.catalog", problem)
    return Catalog(config.data.catalog)


def instruments_of(config: TrainConfig, catalog: Catalog, source: str) -> tuple[str, ...]:
    """Return the instruments that are trained on."""
    instruments = catalog.instruments() if config.data.instruments is None else config.data.instruments
    if not instruments:
        raise ConfigError(source, "data.catalog", f"{catalog.path} is not a catalog, or an empty one")
    return tuple(instruments)


@contextlib.contextmanager
def keyed(source: str, keys: Callable[[str], str]) -> Iterator[None]:
    """Name the key of a configuration in what is wrong with a value of it, by the field that is."""
    try:
        yield
    except InvalidValueError as error:
        raise ConfigError(source, keys(error.field), error.problem) from None


def of_kind(table: str) -> Callable[[str], str]:
    """Return the key of a kind, or of one of its parameters."""
    return lambda field: f"{table}.kind" if field == "kind" else f"{table}.params.{field}"


def key_of_data(config: TrainConfig, field: str) -> str:
    """Return the key of what is wrong where samples are made, by the field that says so."""
    if field == "side":
        return "label.side"
    return f"label.params.{field}" if field in config.label.params else f"data: {field}"


def _estimator(config: TrainConfig, source: str) -> Any:
    """Return the estimator, in a pipeline behind what goes before it."""
    steps = []
    for number, step in enumerate(config.before):
        table = f"before.{number}"
        with keyed(source, _of_class(f"{table}.transformer", f"{table}.params")):
            steps.append(make_estimator(step.transformer, step.params, needs=("transform",)))
    with keyed(source, _of_class("estimator", "params")):
        last = make_estimator(config.estimator, config.params)
    return required("sklearn.pipeline", "scikit-learn").make_pipeline(*steps, last) if steps else last


def _of_class(path: str, params: str) -> Callable[[str], str]:
    """Return the key of an import path, or of one of its class's arguments."""
    return lambda field: path if field == "estimator" else f"{params}.{field}"
