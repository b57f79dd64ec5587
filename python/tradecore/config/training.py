"""What the configuration file of a training may say. Unknown keys are errors."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tradecore.config.sections import Section
from tradecore.config.texts import IntervalText
from tradecore.config.venues import VenueTable

__all__ = ["TrainConfig", "WalkConfig"]


class TrainDataConfig(Section):
    """Where samples come from."""

    catalog: str | None = None
    """A catalog's folder; ``--data`` goes before it."""
    instruments: tuple[str, ...] | None = None
    """Ids; every instrument of the catalog if not given."""
    at: str = "1s"
    """At which moments there are samples: a length of time, ``trade`` or ``bar:1m``."""
    frame: str | None = None
    """A Parquet or CSV file with features that are computed already, instead of a catalog."""
    ts: str = "ts_available"
    """Of a frame the column of times, ns, at which the features were known."""
    price: str = "mid"
    """The feature, or column, that labels are made of."""
    start: datetime | date | str | None = None
    """Samples from here on."""
    end: datetime | date | str | None = None
    """Samples whose labels were known before."""

    @model_validator(mode="after")
    def _one_source(self) -> TrainDataConfig:
        if self.catalog is not None and self.frame is not None:
            raise ValueError("catalog and frame exclude each other")
        return self


class KindConfig(Section):
    """Something by name and parameters."""

    kind: str
    """Which one."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Its parameters; one it does not have is an error."""


class LabelConfig(KindConfig):
    """What is to be foretold."""

    side: str | None = None
    """The feature whose sign is bet on: labels say whether that paid. None: they say where the price went."""


class WalkStrategyConfig(Section):
    """What trades by each model of a walk-forward."""

    kind: str = "tradecore.ml:SignalStrategy"
    """As of a backtest's strategies; a class with a parameter ``model``, which is the file of each step."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Values of its other parameters; one it does not have is an error."""


class WalkConfig(Section):
    """Retraining as time goes on: train on a span, test on the next one in a backtest, roll."""

    train: IntervalText
    """How long each model is trained on."""
    test: IntervalText
    """How long it is tested, and then the next one is trained."""
    anchored: Annotated[bool, Field(strict=True)] = False
    """Whether every training begins with the data, so that it becomes longer and longer."""
    replace: Annotated[bool, Field(strict=True)] = False
    """Whether models that are there already are replaced; without it they are an error. None is ever used again."""
    strategy: WalkStrategyConfig
    """What trades by each model."""
    venues: tuple[VenueTable, ...] = ()
    """Settings of the simulated venue; defaults if it is not there."""


class StepConfig(Section):
    """A transformer in front of the estimator."""

    transformer: str
    """Import path of its class."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the class."""


class TrainOutputConfig(Section):
    """What is written."""

    dir: str | None = None
    """Folder; ``--output`` goes before it. Nothing is written if not given."""
    format: Literal["skops", "onnx", "pickle"] = "skops"
    """Of the model file."""
    allow_pickle: bool = False
    """Whether it may be a pickle, which runs code when it is read."""


class TrainConfig(Section):
    """A training."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")] = "model"
    """What the model is called, and its files begin with: letters, digits, underscores and dashes."""
    seed: Annotated[int, Field(ge=0, lt=2**63, strict=True)] = 0
    """Of every random state that is left open; ``--seed`` goes before it."""
    revision: str | None = None
    """Of the code, kept with the model."""
    features: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of the features, in the order the model takes them."""
    estimator: str
    """Import path of a class with ``fit`` and ``predict``."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the class."""
    before: tuple[StepConfig, ...] = ()
    """Transformers in front of it, fitted inside of every split."""
    label: LabelConfig
    """What is to be foretold."""
    split: KindConfig = KindConfig(kind="purged_kfold", params={"n_splits": 5, "embargo": 0.01})
    """How it is validated."""
    weights: Literal["none", "uniqueness", "returns"] = "none"
    """How samples are weighed in training: alike, by how much of its label is a sample's own, or of the return."""
    decay: Annotated[float, Field(gt=-1, le=1)] = 1.0
    """What the weight of old samples falls towards; 1 for no decay. Beside other ``weights`` than ``"none"``."""
    cost_bps: Annotated[float, Field(ge=0)] = 0.0
    """What trading costs in the metrics, basis points of what is traded."""
    importance: Annotated[int, Field(ge=0, le=100, strict=True)] = 3
    """How often each feature is shuffled; 0 for not at all."""
    data: TrainDataConfig = TrainDataConfig()
    """Where samples come from."""
    walk: WalkConfig | None = None
    """Instead of one model one for each span of time, each tested on what came next."""
    output: TrainOutputConfig = TrainOutputConfig()
    """What is written."""

    @model_validator(mode="after")
    def _decay_weighs(self) -> TrainConfig:
        if self.decay != 1.0 and self.weights == "none":
            raise ValueError('decay needs weights = "uniqueness" or "returns"')
        return self
