"""From the configuration of a training with a walk to its models, their backtests and its files."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson

from tradecore.config import StrategyConfig, TrainConfig, WalkConfig
from tradecore.errors import ConfigError
from tradecore.features import FeatureSet
from tradecore.files import staged
from tradecore.ml.configured import TRAINING, catalog_of, instruments_of, key_of_data, keyed, named, of_kind
from tradecore.ml.dataset import Dataset
from tradecore.ml.walk import Walk, walk_forward
from tradecore.session import Scope, build_strategy, strategy_class
from tradecore.strategy import Strategy
from tradecore.strategy.parameters import check_parameters
from tradecore.text import in_utf8, toml_of

__all__ = ["walk_config"]

_KEYS = TRAINING | {
    "train_span": "walk.train",
    "test_span": "walk.test",
    "folder": "output.dir",
    "start": "walk.train",
    "venues": "walk.venues",
    "weights": "weights",
    "estimator": "estimator",
}
"""What is wrong where models are trained and tested, by the field that says so."""


def walk_config(
    config: TrainConfig, walk: WalkConfig, source: str, *, progress: Callable[[int, int], None] | None = None
) -> tuple[Walk, dict[str, Any]]:
    """Walk forward as a configuration says: train, test on what comes next, roll.

    Beside the models (``000.tcm`` first) lie the configuration (``config.toml``) and the summary (``walk.json``), which
    comes last.

    Parameters
    ----------
    config : TrainConfig
    walk : WalkConfig
        That of the configuration.
    source : str
        Where it came from, for messages.
    progress : callable, optional
        As of :func:`walk_forward`.

    Returns
    -------
    tuple of Walk and dict
        The steps, and what is written as summary.

    Raises
    ------
    ConfigError
        With the key of what cannot be.
    ModelError
        When the estimator breaks, or cannot be written.
    StrategyError
        When the strategy fails in a test.
    """
    if config.data.frame is not None:
        raise ConfigError(source, "data.frame", "a walk tests its models in backtests, which take a catalog")
    estimator, label, _ = named(config, source)
    catalog = catalog_of(config, source)
    instrument = _only(instruments_of(config, catalog, source), source)
    strategy = _strategies(walk, config.name, instrument, source)
    folder = _folder(config, source)

    def place(field: str) -> str:
        if field in config.split.params:
            return of_kind("split")(field)
        return _KEYS.get(field) or key_of_data(config, field)

    with keyed(source, place):
        done = walk_forward(
            catalog,
            instrument,
            FeatureSet.of(list(config.features)),
            label=label,
            at=config.data.at,
            estimator=estimator,
            train_span=walk.train,
            test_span=walk.test,
            folder=folder,
            strategy=strategy,
            anchored=walk.anchored,
            start=config.data.start,
            end=config.data.end,
            venues=walk.venues or None,
            price=config.data.price,
            weigh=_weigh(config),
            split=lambda data: data.splitter(config.split.kind, **config.split.params),
            seed=config.seed,
            cost_bps=config.cost_bps,
            importance=config.importance,
            name=config.name,
            revision=config.revision,
            format=config.output.format,
            allow_pickle=config.output.allow_pickle,
            replace=walk.replace,
            progress=progress,
        )
    summary = {"name": config.name, "instrument": instrument, **_summary(done), "output": str(folder)}
    with staged(folder, last="walk.json") as staging:
        (staging / "config.toml").write_text(toml_of(config.model_dump(mode="json")), encoding="utf-8")
        (staging / "walk.json").write_bytes(orjson.dumps(in_utf8(summary), option=orjson.OPT_INDENT_2))
    return done, summary


def _only(instruments: Sequence[str], source: str) -> str:
    if len(instruments) > 1:
        raise ConfigError(source, "data.instruments", f"a walk is of one instrument, name it: {', '.join(instruments)}")
    return instruments[0]


def _folder(config: TrainConfig, source: str) -> Path:
    if config.output.dir is None:
        raise ConfigError(source, "output.dir", "a walk stores its models: name a folder here, or on the command line")
    with staged(config.output.dir):  # before a training is spent on it
        pass
    return Path(config.output.dir)


def _strategies(walk: WalkConfig, name: str, instrument: str, source: str) -> Callable[[Path], Strategy]:
    """Return what makes the strategy of a model's file; what can be wrong without a model is found now."""
    kind, params = walk.strategy.kind, walk.strategy.params
    cls = strategy_class(kind, source, "walk.strategy.kind")
    if "model" not in cls.parameters():
        raise ConfigError(source, "walk.strategy.kind", f"{kind} has no parameter model, for the file of each step")
    if "model" in params:
        raise ConfigError(source, "walk.strategy.params.model", "is the file of each step: leave it out")
    own = inspect.signature(cls.__init__).parameters
    with keyed(source, lambda field: f"walk.strategy.params.{field}"):
        check_parameters(cls, {key: value for key, value in params.items() if key not in own} | {"model": ""})
    scope = Scope(known=(instrument,), source=source, place="the data")

    def made(file: Path) -> Strategy:
        complete = StrategyConfig(kind=kind, name=name, params={**params, "model": str(file)})
        return build_strategy(scope, "walk.strategy", complete)

    return made


def _weigh(config: TrainConfig) -> Callable[[Dataset], Dataset] | None:
    if config.weights == "none":
        return None
    by, decay = config.weights, config.decay
    return lambda data: data.weighted(decay, by)


def _summary(walk: Walk) -> dict[str, Any]:
    """Return the steps as plain data."""
    figures = ("orders", "fills", "gross_pnl", "fees", "net_pnl", "max_drawdown")
    steps = []
    for step in walk.steps:
        told = step.result.summary()
        steps.append(
            {
                "model": step.model.name,
                "model_id": step.model_id,
                "train_ns": list(step.train_ns),
                "test_ns": list(step.test_ns),
                "metrics": step.metrics,
                **{key: told[key] for key in figures},
            }
        )
    return {"steps": steps, "net_pnl": walk.net_pnl}
