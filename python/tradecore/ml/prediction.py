"""A model that is asked: the one door for backtests and live use, with as little around the model as checks need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradecore.arrays import column_names
from tradecore.errors import InvalidValueError, ModelError
from tradecore.features import FeatureSet
from tradecore.features.sets import schema_difference
from tradecore.ml.columns import Floats
from tradecore.ml.dataset import names_of, schema_hash_of
from tradecore.ml.metrics import class_values

__all__ = ["LoadedModel", "moment"]


class LoadedModel:
    """A model from a file.

    Attributes
    ----------
    source : str
        The file.
    id, name : str
        See :class:`TrainedModel`.
    features : tuple of str
        What it takes, in order.
    schema_hash : str
        Of the features.
    side : str or None
        Of meta-labels the feature whose sign was bet on: probabilities say whether that pays.
    classes : float64 (k,) or None
        What a classifier tells apart, in the order of its probabilities; None of a regressor.
    class_values : float64 (k,) or None
        What each class says of the direction, from -1 to 1.
    span_ns : tuple of int
        First and last time it was trained on, ns.
    about : mapping
        All that its file says: provenance, folds, metrics, importance.
    """

    def __init__(
        self,
        source: str,
        about: Mapping[str, Any],
        ask: Callable[[Floats], Any],
        classes: NDArray[Any] | None,
    ) -> None:
        self.source = source
        self.about = about
        self.id: str = about["id"]
        self.name: str = about["name"]
        self.features: tuple[str, ...] = tuple(about["features"])
        self.schema_hash: str = about["schema_hash"]
        self.span_ns: tuple[int, int] = (about["span_ns"][0], about["span_ns"][1])
        self.side: str | None = about["data"].get("side")
        self.classes = classes
        self.class_values = None if classes is None else class_values(classes)
        self._ask = ask
        self._width = len(self.features)
        self._out = () if classes is None else (len(classes),)

    def __repr__(self) -> str:
        return f"<LoadedModel {self.name} {self.id}: {self.about['estimator']}, {self._width} features>"

    @property
    def feature_set(self) -> FeatureSet | None:
        """The features it was trained on, to be computed; None where its file knows no more than their names.

        Raises
        ------
        ModelError
            For features that this tradecore does not have.
        """
        text = self.about["data"].get("feature_set")
        try:
            return None if text is None else FeatureSet.from_toml(text, own_classes=False)
        except InvalidValueError as error:
            raise ModelError(self.source, f"{error.field}: {error.problem}") from None

    def predict(self, x: Any) -> Any:
        """Return what the model says of features.

        Where a feature is NaN or infinite nothing is asked and NaN is the answer: no signal, never one that is made up.

        Parameters
        ----------
        x : float64 (m,) or (n, m), or a frame
            One vector of features, or several, in the order of ``features``; a frame has them under these names.

        Returns
        -------
        float64 (k,), (n, k), float or float64 (n,)
            Probabilities of the k classes, or the values of a regressor.

        Raises
        ------
        ModelError
            For features of another number or under other names, and when the model raises, or says what is not finite
            or of another shape.
        """
        if hasattr(x, "columns"):
            self._check_schema(column_names("x", x), self.schema_hash)
        try:
            given = np.asarray(x, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ModelError(self.source, f"expected numbers as features: {error}") from None
        if given.shape == (self._width,):
            if not np.isfinite(given).all():
                return np.full(self._out, np.nan) if self._out else np.nan
            told = self._told(given[None, :])[0]
            return told if self._out else float(told)
        if given.ndim != 2 or given.shape[1] != self._width:
            raise ModelError(
                self.source,
                f"expected features of shape ({self._width},) or (n, {self._width}), got {given.shape}: "
                f"{', '.join(self.features)}",
            )
        whole = np.isfinite(given).all(axis=1)
        if whole.all() and len(given):
            return self._told(given)
        told = np.full((len(given), *self._out), np.nan)
        if whole.any():
            told[whole] = self._told(given[whole])
        return told

    def _told(self, given: Floats) -> Floats:
        try:
            told = np.asarray(self._ask(given), dtype=np.float64)
        except Exception as error:  # the model is anybody's
            raise ModelError(self.source, f"the model raised {type(error).__name__}: {error}") from error
        expected = (len(given), *self._out)
        if told.shape != expected:
            raise ModelError(self.source, f"the model returned an array of {told.shape}, expected {expected}")
        if not np.isfinite(told).all():
            raise ModelError(self.source, f"the model returned {told[~np.isfinite(told)][0]}, expected finite numbers")
        return told

    def check_features(self, features: Any) -> None:
        """See that features are those the model was trained on.

        Parameters
        ----------
        features : list of str, or FeatureSet

        Raises
        ------
        ModelError
            With what is missing, what is there in addition, another order, or other parameters.
        """
        self._check_schema(names_of(features), schema_hash_of(features))

    def _check_schema(self, names: Sequence[str], schema_hash: str) -> None:
        said = schema_difference(self.features, self.schema_hash, names, schema_hash, when="in training")
        if said is not None:
            raise ModelError(self.source, f"takes {said}")

    def check_span(self, start_ns: int, end_ns: int, *, allow_overlap: bool = False) -> None:
        """See that a test lies outside of what the model was trained on.

        Parameters
        ----------
        start_ns, end_ns : int, ns
            First and last moment of the test.
        allow_overlap : bool
            Whether it may lie inside all the same, as to look at how well the training is remembered.

        Raises
        ------
        InvalidValueError
            For what is no time in ns, and an end before the start.
        ModelError
            When they overlap.
        """
        for name, value in (("start_ns", start_ns), ("end_ns", end_ns)):
            if not isinstance(value, int | np.integer):
                raise InvalidValueError(name, f"expected a time in ns, got {value!r}")
        if end_ns < start_ns:
            raise InvalidValueError("end_ns", f"{end_ns} lies before start_ns {start_ns}")
        first, last = self.span_ns
        if not allow_overlap and start_ns <= last and end_ns >= first:
            raise ModelError(
                self.source,
                f"was trained on {moment(first)} to {moment(last)}; a test from {moment(start_ns)} to "
                f"{moment(end_ns)} lies in there and would flatter it",
            )


def moment(ns: int) -> str:
    """Return a time in ns as text, in UTC, to the millisecond."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03}Z"
