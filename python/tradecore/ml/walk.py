"""Retraining as time goes on: train, test on what comes next, roll."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tradecore._core import Instrument, format_duration_ns
from tradecore.backtest import Backtest, Result
from tradecore.data.arguments import id_of
from tradecore.data.catalog import Catalog
from tradecore.data.views import Moment, Span
from tradecore.data.windows import read_all, span_of, window
from tradecore.errors import InvalidValueError
from tradecore.ml.dataset import Dataset, build_dataset
from tradecore.ml.model_files import save_model
from tradecore.ml.strategy import SignalStrategy
from tradecore.ml.target import Label
from tradecore.ml.training import train
from tradecore.strategy import Strategy
from tradecore.validation import DurationLike, to_ns

if TYPE_CHECKING:
    import polars as pl

    from tradecore.features import FeatureSet
    from tradecore.venue import SimVenue

__all__ = ["Walk", "WalkStep", "walk_forward"]

_MOST_MODELS = 10_000


@dataclass(frozen=True, slots=True)
class WalkStep:
    """One model and what it did on what came next.

    Attributes
    ----------
    train_ns, test_ns : tuple of int
        From when on, and before when, ns UTC.
    model : Path
        The file of the model.
    model_id : str
        What it is called in signals.
    metrics : mapping
        Of its training, out of sample; see :class:`TrainedModel`.
    result : Result
        Of the backtest.
    """

    train_ns: tuple[int, int]
    test_ns: tuple[int, int]
    model: Path
    model_id: str
    metrics: Mapping[str, Any]
    result: Result


@dataclass(frozen=True)
class Walk:
    """The steps of a walk-forward.

    Attributes
    ----------
    steps : tuple of WalkStep
        In order of time.
    """

    steps: tuple[WalkStep, ...]

    @cached_property
    def frame(self) -> pl.DataFrame:
        """One row a step: its spans, its model, and the figures of its backtest."""
        import polars as pl

        rows = []
        for step in self.steps:
            told = step.result.summary()
            coefficient = step.metrics["information_coefficient"]
            rows.append(
                {
                    "train_start": step.train_ns[0],
                    "test_start": step.test_ns[0],
                    "test_end": step.test_ns[1],
                    "model": step.model.name,
                    "ic_in_training": coefficient["pearson"],
                    **{key: told[key] for key in ("orders", "fills")},
                    **{key: _number(told[key]) for key in ("gross_pnl", "fees", "net_pnl", "max_drawdown")},
                }
            )
        times = pl.col("train_start", "test_start", "test_end").cast(pl.Datetime("ns", "UTC"))
        return pl.DataFrame(rows).with_columns(times)

    @property
    def net_pnl(self) -> float:
        """What all steps made, in the settlement currency."""
        return float(self.frame["net_pnl"].sum())

    def __str__(self) -> str:
        return f"{self.frame}\n{len(self.steps)} models, net profit {self.net_pnl:.8g}"


def walk_forward(
    catalog: str | Path | Catalog,
    instrument: str | Instrument,
    features: FeatureSet,
    *,
    label: Label,
    at: str,
    estimator: Any,
    train_span: DurationLike,
    test_span: DurationLike,
    folder: str | Path,
    strategy: Mapping[str, Any] | Callable[[Path], Strategy],
    anchored: bool = False,
    start: Moment | None = None,
    end: Moment | None = None,
    venues: Sequence[SimVenue] | None = None,
    price: str = "mid",
    weigh: Callable[[Dataset], Dataset] | None = None,
    split: Callable[[Dataset], Any] | None = None,
    seed: int = 0,
    cost_bps: float = 0.0,
    importance: int = 3,
    name: str = "walk",
    revision: str | None = None,
    format: Literal["skops", "onnx", "pickle"] = "skops",
    allow_pickle: bool = False,
    replace: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Walk:
    """Train on a span of time, test on the next one, and go on, with a new model each time.

    A model sees labels that were known before its test begins, and each is stored, ``000.tcm`` first. A test begins
    with the book as it was and features that know nothing yet, as after a start.

    Parameters
    ----------
    catalog, instrument, features, label, at, price
        As :func:`build_dataset`.
    estimator : object
        Of scikit-learn's kind.
    train_span, test_span : duration
        How long a model is trained on, and tested. Tests follow each other without a gap; what is left of the data at
        the end is a shorter one.
    folder : path
        Where the models go. One that is there already is not used and not replaced, unless ``replace`` says so.
    strategy : mapping or callable
        Parameters of a :class:`SignalStrategy`, or a function that makes a strategy of a model's file.
    anchored : bool
        Whether training always begins with the data, so that it becomes longer and longer.
    start, end : datetime, date or str, optional
        From when on the data is walked through, and before when.
    venues, seed
        As :class:`Backtest <tradecore.Backtest>`; the seed is the training's, too.
    weigh : callable, optional
        Weighs the data set of a training: ``lambda data: data.weighted()``.
    split : callable, optional
        Makes the splitter of a data set; see :func:`train`.
    cost_bps, importance, revision
        As :func:`train`.
    name : str
        What models are called, each with its number behind it, and the strategy.
    format, allow_pickle
        As :func:`save_model`.
    progress : callable, optional
        Called with the steps done and in all.

    Raises
    ------
    InvalidValueError
        For spans that leave nothing to test or would make more than 10,000 models, and a model that is there already.

    Examples
    --------
    ::

        walk = tc.ml.walk_forward("market", "BTCUSDT.SYNTH", features, label=label, at="1s",
            estimator=HistGradientBoostingClassifier(), train_span="6h", test_span="1h",
            folder="models", strategy={"qty": "0.01"})
        print(walk.frame)
    """
    held = Catalog.of(catalog).pinned(instrument)
    traded = id_of(instrument)
    spec = instrument if isinstance(instrument, Instrument) else held.instrument(traded)
    whole = _within(held, traded, Span.of(start, end))
    spans = _spans(whole, to_ns("train_span", train_span), to_ns("test_span", test_span), anchored)
    files = [Path(folder) / f"{number:03}.tcm" for number in range(len(spans))]
    if not replace and (there := [str(file) for file in files if file.exists()]):
        raise InvalidValueError("folder", f"{there[0]} is there already: another folder, or replace=True")
    dataset = build_dataset(held, instrument, features, label=label, at=at, price=price)
    events = read_all(held, traded)
    steps = []
    for number, (file, (train_ns, test_ns)) in enumerate(zip(files, spans, strict=True)):
        if progress is not None:
            progress(number, len(spans))
        seen = dataset.between(*train_ns)
        if weigh is not None:
            seen = weigh(seen)
        trained = train(
            seen,
            estimator,
            split=None if split is None else split(seen),
            seed=seed,
            cost_bps=cost_bps,
            importance=importance,
            name=f"{name} {number}",
            revision=revision,
        )
        save_model(trained, file, format=format, allow_pickle=allow_pickle)
        made = strategy(file) if callable(strategy) else SignalStrategy(name, [traded], model=file, **strategy)
        test = window(events, spec, *test_ns)
        result = Backtest([made], {traded: test}, venues, specs=[spec], seed=seed).run()
        steps.append(WalkStep(train_ns, test_ns, file, trained.id, trained.metrics, result))
    if progress is not None:
        progress(len(spans), len(spans))
    return Walk(tuple(steps))


def _within(catalog: Catalog, name: str, asked: Span) -> tuple[int, int]:
    """Return from when on and before when there is data that is asked for, ns."""
    span = span_of(catalog, name)
    if span is None:
        raise InvalidValueError("catalog", f"holds no events of {name}")
    return max(span[0], asked.start_ns), min(span[1] + 1, asked.end_ns)


def _spans(
    data: tuple[int, int], train_ns: int, test_ns: int, anchored: bool
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return the spans of training and of tests."""
    first, last = data
    if not train_ns or not test_ns or first + train_ns >= last:
        whole = f"the data spans {max(last - first, 0) / 1e9:.1f} s"
        raise InvalidValueError("train_span", f"{whole}: nothing is left to test after {train_ns / 1e9:.1f} s")
    starts = range(first + train_ns, last, test_ns)
    if len(starts) > _MOST_MODELS:
        problem = f"{format_duration_ns(test_ns)} gives {len(starts):,} models, more than {_MOST_MODELS:,}"
        raise InvalidValueError("test_span", f"{problem}: expected a longer one")
    return [((first if anchored else start - train_ns, start), (start, min(start + test_ns, last))) for start in starts]


def _number(told: str | float | None) -> float | None:
    return None if told is None else float(told)
