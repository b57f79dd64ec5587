"""Training: an estimator of scikit-learn's kind, validated over time, with what it was trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from tradecore.errors import InvalidValueError, ModelError
from tradecore.ml import metrics
from tradecore.ml.columns import Floats, Rows, finite_number, integers, refuse_at
from tradecore.ml.dataset import Dataset
from tradecore.ml.estimators import describe, is_classifier, outputs, path_of, seeded, weight_argument
from tradecore.ml.extra import required
from tradecore.version import __version__

__all__ = ["Fold", "TrainedModel", "train"]

_IMPORTANCE_ROWS = 2_000
"""Rows of a test that importances are taken on, spread evenly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One split: what was trained on, what was tested, and how it went.

    Attributes
    ----------
    train_rows, test_rows : int
        How many samples.
    unused_rows : int
        How many are neither: purged, under embargo, or outside of the window.
    train_span, test_span : tuple of int
        First time of features and last time of labels, ns.
    scores : mapping
        Scikit-learn's scores on the test.
    """

    train_rows: int
    test_rows: int
    unused_rows: int
    train_span: tuple[int, int]
    test_span: tuple[int, int]
    scores: dict[str, float | None]


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedModel:
    """A model with its provenance and how it did where it was not trained.

    Attributes
    ----------
    name : str
        What it is called.
    id : str
        Stands for the estimator, its parameters, the data, the seed and what was predicted out of sample: the same
        training gives the same id.
    estimator : object
        Fitted on the whole data set.
    classes : array or None
        What a classifier tells apart; None of a regressor.
    features : tuple of str
        What it takes, in order.
    schema_hash : str
        Of the features.
    span_ns : tuple of int
        First time of features and last time of labels it has seen, ns. It must not be tested in there.
    data : mapping
        ``digest``, ``rows``, ``instruments``, ``label``, ``weighted``, ``dropped``; of meta-labels the ``side``.
    estimator_path, params : str, mapping
        What was trained, and its plain parameters.
    split : str
        How it was validated.
    seed : int
    revision : str or None
        What the user says of the code it came from.
    versions : mapping
        Of the libraries it was trained with.
    folds : list of Fold
    predictions : float64 (n,)
        Signals out of sample, the mean where a sample was tested several times, NaN where never. Of meta-labels the bet
        times how much likelier it is to pay than not, 0 where it is not.
    metrics : mapping
        ``scores``, ``information_coefficient``, ``hit_rate``, ``confidence``, ``trading`` (None where no returns are
        known, and of several instruments), of the predictions.
    importance : list
        By feature, in order: ``feature``; ``permutation`` and ``permutation_std``, how much worse the score on the
        tests is when the feature is shuffled; ``native``, what the estimator says of itself, or None.
    probe : float64 (p, m)
        Some of the samples, spread evenly: a model that is converted is compared on them.
    curve : tuple of int64 and float64
        Times, ns, and running sums of the returns of single samples by the sign of their predictions, before costs.
    """

    name: str
    id: str
    estimator: Any
    classes: NDArray[Any] | None
    features: tuple[str, ...]
    schema_hash: str
    span_ns: tuple[int, int]
    data: dict[str, Any]
    estimator_path: str
    params: dict[str, Any]
    split: str
    seed: int
    revision: str | None
    versions: dict[str, str]
    folds: list[Fold]
    predictions: Floats = field(repr=False)
    metrics: dict[str, Any] = field(repr=False)
    importance: list[dict[str, Any]] = field(repr=False)
    probe: Floats = field(repr=False)
    curve: tuple[Rows, Floats] = field(repr=False)

    def summary(self) -> dict[str, Any]:
        """Return everything but the estimator and the predictions, as plain data."""
        return {
            "name": self.name,
            "id": self.id,
            "kind": "regressor" if self.classes is None else "classifier",
            "classes": None if self.classes is None else self.classes.tolist(),
            "estimator": self.estimator_path,
            "params": self.params,
            "features": list(self.features),
            "schema_hash": self.schema_hash,
            "span_ns": list(self.span_ns),
            "data": self.data,
            "split": self.split,
            "seed": self.seed,
            "revision": self.revision,
            "versions": self.versions,
            "folds": [{name: getattr(fold, name) for name in Fold.__dataclass_fields__} for fold in self.folds],
            "metrics": self.metrics,
            "importance": self.importance,
        }


def train(
    dataset: Dataset,
    estimator: Any,
    *,
    split: Any = None,
    seed: int = 0,
    cost_bps: float = 0.0,
    importance: int = 3,
    name: str = "model",
    revision: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> TrainedModel:
    """Train an estimator and validate it over time.

    In every split a fresh copy is fitted on what may be trained on and asked about the test; what it says there makes
    the metrics. The model itself is then fitted on the whole data set.

    Parameters
    ----------
    dataset : Dataset
    estimator : object
        Estimator or pipeline of scikit-learn's kind; it stays as it is. A classifier has to have ``predict_proba``.
    split : splitter, optional
        With ``split(X, y)``; :meth:`Dataset.splitter` makes one. Five purged folds with an embargo of 1% if not given.
    seed : int
        Of every random state that the estimator leaves open.
    cost_bps : float
        What trading costs, in basis points of what is traded.
    importance : int
        How often each feature is shuffled to see what it is worth; 0 for not at all.
    name : str
        What the model is called.
    revision : str, optional
        Of the code, to be kept with the model.
    progress : callable, optional
        Called with the fits that are done and those there are.

    Raises
    ------
    InvalidValueError
        For what is no estimator or cannot split the data, weights that the estimator does not take, a single class.
    ModelError
        When the estimator raises, or says what is not finite or of the wrong shape; naming the split.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> ts = np.arange(300) * 1_000_000_000
    >>> data = tc.ml.Dataset(X=X, y=(X[:, 0] > 0).astype(float), features=("a", "b"), ts=ts, t1=ts)
    >>> model = tc.ml.train(data, LogisticRegression())
    >>> model.metrics["scores"]["auc"] > 0.95, len(model.folds)
    (True, 5)
    """
    if not isinstance(dataset, Dataset):
        raise InvalidValueError("dataset", f"expected a Dataset, got {type(dataset).__name__}")
    if finite_number("cost_bps", cost_bps) < 0:
        raise InvalidValueError("cost_bps", f"expected a number from 0, got {cost_bps!r}")
    if isinstance(importance, bool) or not isinstance(importance, int) or importance < 0:
        raise InvalidValueError("importance", f"expected a whole number from 0, got {importance!r}")
    fresh = seeded(estimator, seed)
    classes = _classes_of(fresh, dataset)
    splitter = dataset.splitter(embargo=0.01) if split is None else split
    splits = list(_splits(splitter, dataset))
    run = _Validation(dataset, fresh, classes, importance, seed)
    for number, (train_rows, test_rows) in enumerate(splits):
        if progress is not None:
            progress(number, len(splits) + 1)
        run.add(f"{name}, split {number}", train_rows, test_rows)
    final = run.fit(name, np.arange(len(dataset)))
    outputs(name, final, dataset.X[-1:], classes)
    if progress is not None:
        progress(len(splits) + 1, len(splits) + 1)
    signal, told = run.out_of_sample()
    summary: dict[str, Any] = {
        "name": name,
        "estimator_path": path_of(fresh),
        "params": describe(fresh),
        "features": dataset.features,
        "schema_hash": dataset.schema_hash,
        "span_ns": dataset.span_ns,
        "split": _said(splitter),
        "seed": seed,
        "revision": revision,
        "versions": _versions(fresh),
        "data": {
            "digest": dataset.digest,
            "rows": len(dataset),
            "instruments": list(dataset.instruments),
            "label": dataset.label,
            "feature_set": dataset.feature_set,
            "weighted": dataset.weights is not None,
            "dropped": dict(dataset.dropped),
            **({} if dataset.side is None else {"side": dataset.side}),
        },
    }
    facts = orjson.dumps([summary, None if classes is None else classes.tolist()], option=orjson.OPT_SORT_KEYS)
    return TrainedModel(
        **summary,
        id=hashlib.sha256(facts + signal.tobytes()).hexdigest()[:16],
        estimator=final,
        classes=classes,
        folds=run.folds,
        predictions=signal,
        metrics=_metrics(dataset, signal, told, classes, cost_bps),
        importance=run.importances(final),
        probe=dataset.X[_spread(len(dataset), 500)],
        curve=_bets(dataset, signal),
    )


class _Validation:
    """Fits and tests split by split, and keeps what comes of it."""

    def __init__(self, dataset: Dataset, estimator: Any, classes: NDArray[Any] | None, repeats: int, seed: int) -> None:
        self.dataset, self.estimator, self.classes = dataset, estimator, classes
        self.repeats, self.seed = repeats, seed
        self.folds: list[Fold] = []
        rows = len(dataset)
        self._sum = np.zeros(rows if classes is None else (rows, len(classes)))
        self._times = np.zeros(rows)
        self._shuffled: list[Floats] = []
        self._weights = weight_argument(estimator)
        if dataset.weights is not None and self._weights is None:
            raise InvalidValueError("weights", f"{path_of(estimator)} takes no weights of samples")

    def fit(self, name: str, rows: Rows) -> Any:
        clone = required("sklearn.base", "scikit-learn").clone
        model, data = clone(self.estimator), self.dataset
        weights = {} if data.weights is None else {str(self._weights): data.weights[rows]}
        try:
            return model.fit(data.X[rows], data.y[rows], **weights)
        except Exception as error:  # the estimator is anybody's
            raise ModelError(name, f"fit raised {type(error).__name__}: {error}") from error

    def add(self, name: str, train: Rows, test: Rows) -> None:
        data = self.dataset
        if self.classes is not None and len(np.unique(data.y[train])) < 2:
            raise InvalidValueError("y", f"{name}: a single class is left to train on")
        model = self.fit(name, train)
        told = outputs(name, model, data.X[test], self.classes)
        self._sum[test] += told
        self._times[test] += 1
        self.folds.append(
            Fold(
                train_rows=len(train),
                test_rows=len(test),
                unused_rows=len(data) - len(train) - len(test),
                train_span=_span(data, train),
                test_span=_span(data, test),
                scores=metrics.scores(data.y[test], told, self.classes),
            )
        )
        if self.repeats:
            self._shuffle(model, test[_spread(len(test), _IMPORTANCE_ROWS)])

    def _shuffle(self, model: Any, rows: Rows) -> None:
        permutation = required("sklearn.inspection", "scikit-learn").permutation_importance
        found = permutation(
            model,
            self.dataset.X[rows],
            self.dataset.y[rows],
            scoring=self._score,
            n_repeats=self.repeats,
            random_state=self.seed % 2**32,
        )
        self._shuffled.append(found.importances.T)

    def _score(self, model: Any, X: Floats, y: Floats) -> float:
        """Return what is better when it is larger: the log loss or the squared error with its sign turned."""
        found = metrics.scores(y, outputs("importance", model, X, self.classes), self.classes)
        loss = found["rmse"] if self.classes is None else found["log_loss"]
        assert loss is not None
        return -loss

    def out_of_sample(self) -> tuple[Floats, Floats]:
        """Return signals, and what was said, of each sample: the mean where it was tested several times, else NaN."""
        with np.errstate(invalid="ignore"):
            told = self._sum / (self._times if self.classes is None else self._times[:, None])
        signal = told if self.classes is None else told @ metrics.class_values(self.classes)
        bets = self.dataset.bets
        return (signal if bets is None else bets * np.maximum(signal, 0.0)), told

    def importances(self, final: Any) -> list[dict[str, Any]]:
        native = _native(final, len(self.dataset.features))
        drops = np.concatenate(self._shuffled) if self._shuffled else None
        return [
            {
                "feature": feature,
                "permutation": None if drops is None else float(drops[:, column].mean()),
                "permutation_std": None if drops is None else float(drops[:, column].std()),
                "native": None if native is None else float(native[column]),
            }
            for column, feature in enumerate(self.dataset.features)
        ]


def _classes_of(estimator: Any, dataset: Dataset) -> NDArray[Any] | None:
    """Return the classes of the labels, for a classifier."""
    if not is_classifier(estimator):
        if dataset.side is not None:
            raise InvalidValueError("estimator", f"{path_of(estimator)} is no classifier, which meta-labels take")
        return None
    # A pipeline and a support vector machine have the method only as far as what is inside of them has.
    if not hasattr(estimator, "predict_proba"):
        raise InvalidValueError("estimator", f"{path_of(estimator)} has no predict_proba: confidence needs it")
    classes = np.unique(dataset.y)
    if len(classes) < 2:
        raise InvalidValueError("y", f"expected at least two classes, got {classes.tolist()}")
    if len(classes) > 100:
        raise InvalidValueError("y", f"{len(classes):,} classes: these are values, which a regressor takes")
    return classes


def _splits(splitter: Any, dataset: Dataset) -> Iterator[tuple[Rows, Rows]]:
    if not hasattr(splitter, "split"):
        raise InvalidValueError("split", f"expected a splitter, got {splitter!r}")
    number = -1
    for number, (train, test) in enumerate(splitter.split(dataset.X, dataset.y)):
        train, test = integers("split", train), integers("split", test)
        if not len(test):
            raise InvalidValueError("split", f"split {number} tests nothing")
        for rows in (train, test):
            refuse_at("split", (rows < 0) | (rows >= len(dataset)), rows, f"a row from 0 to {len(dataset) - 1}")
        if len(both := np.intersect1d(train, test)):
            raise InvalidValueError("split", f"split {number} is trained on what it tests, such as row {both[0]}")
        yield train, test
    if number < 0:
        raise InvalidValueError("split", f"{splitter!r} makes no split")


def _span(dataset: Dataset, rows: Rows) -> tuple[int, int]:
    return int(dataset.ts[rows].min()), int(dataset.t1[rows].max())


def _spread(rows: int, most: int) -> Rows:
    """Return up to so many rows, spread evenly over all."""
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).astype(np.int64))


def _metrics(
    dataset: Dataset, signal: Floats, told: Floats, classes: NDArray[Any] | None, cost_bps: float
) -> dict[str, Any]:
    tested = ~np.isnan(signal)
    data, seen = dataset.rows(tested), signal[tested]
    outcome = _outcome(data, classes)
    decided = (seen != 0) & (outcome != 0)
    hits = float((np.sign(seen[decided]) == np.sign(outcome[decided])).mean()) if decided.any() else None
    return {
        "rows": len(data),
        "scores": metrics.scores(data.y, told[tested], classes),
        "information_coefficient": metrics.information_coefficient(seen, outcome, data.ts),
        "hit_rate": hits,
        "confidence": metrics.confidence_buckets(seen, outcome),
        "trading": None
        if data.ret is None or len(data.instruments) > 1
        else metrics.trading(seen, data.ret, data.ts, data.t1, cost_bps),
    }


def _outcome(data: Dataset, classes: NDArray[Any] | None) -> Floats:
    """Return the returns that came; where they are not known the labels, as far as they say a direction."""
    if data.ret is not None:
        return data.ret
    outcome = data.y if classes is None else metrics.class_values(classes)[np.searchsorted(classes, data.y)]
    return outcome if data.bets is None else data.bets * outcome


def _bets(dataset: Dataset, signal: Floats) -> tuple[Rows, Floats]:
    """Return times and running sums of what single samples made by the signal's sign."""
    tested = np.flatnonzero(~np.isnan(signal))
    if dataset.ret is None:
        return dataset.ts[:0], np.empty(0)
    return dataset.ts[tested], np.cumsum(np.sign(signal[tested]) * dataset.ret[tested])


def _said(splitter: Any) -> str:
    return " ".join(repr(splitter).split())


def _native(estimator: Any, features: int) -> Floats | None:
    """Return what the estimator, or the last step of a pipeline, says of its features."""
    last = estimator.steps[-1][1] if getattr(estimator, "steps", None) else estimator
    found = getattr(last, "feature_importances_", None)
    if found is None and (weights := getattr(last, "coef_", None)) is not None:
        found = np.abs(np.atleast_2d(weights)).mean(axis=0)
    values = None if found is None else np.asarray(found, dtype=np.float64)
    # Behind a step that makes other features these are not those of the data set.
    return values if values is not None and values.shape == (features,) else None


def _versions(estimator: Any) -> dict[str, str]:
    """Return the versions of Python's libraries that a model depends on."""
    found = {"tradecore": __version__}
    for package in sorted({"scikit-learn", "numpy", *_packages([estimator])}):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # a module of the user's
            continue
    return found


def _packages(estimators: Iterable[Any]) -> Iterator[str]:
    for estimator in estimators:
        root = type(estimator).__module__.partition(".")[0]
        yield "scikit-learn" if root == "sklearn" else root
        steps: Sequence[Any] = getattr(estimator, "steps", None) or ()
        yield from _packages(step for _, step in steps)
