"""Estimators of scikit-learn's kind: by import path, seeded, and asked for what they say."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradecore.errors import InvalidValueError, ModelError
from tradecore.hints import did_you_mean
from tradecore.ml.columns import Floats
from tradecore.ml.extra import required

__all__ = ["describe", "is_classifier", "make_estimator", "outputs", "path_of", "seeded", "weight_argument"]

_ROUNDING = 1e-3
"""How far from 1 probabilities in single precision may sum up."""


def make_estimator(path: str, params: Mapping[str, Any] | None = None, *, needs: Sequence[str] = ("predict",)) -> Any:
    """Return an estimator that is named by its import path.

    Parameters
    ----------
    path : str
        Such as ``"sklearn.ensemble.HistGradientBoostingClassifier"``: a class with ``fit`` and ``predict``.
    params : mapping, optional
        Arguments of the class.
    needs : sequence of str
        What it has to have beside ``fit``: a transformer needs ``transform`` instead.

    Raises
    ------
    InvalidValueError
        Of the field ``estimator`` for what is no such class, of the parameter's name for one it does not have.

    Examples
    --------
    >>> tc.ml.make_estimator("sklearn.linear_model.Ridge", {"alpha": 2.0})
    Ridge(alpha=2.0)
    """
    module, _, name = path.rpartition(".") if isinstance(path, str) else ("", "", "")
    if not module or not all(part.isidentifier() for part in path.split(".")):
        raise InvalidValueError("estimator", f"expected a path such as sklearn.linear_model.Ridge, got {path!r}")
    try:
        found = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        root = module.partition(".")[0]
        if error.name == root:
            raise InvalidValueError("estimator", f"{path}: {root} is not installed") from None
        raise InvalidValueError("estimator", f"{path}: {error}") from None
    except AttributeError:
        hint = did_you_mean(name, dir(importlib.import_module(module)))
        raise InvalidValueError("estimator", f"{module} has no {name}{hint}") from None
    wanted = ("fit", *needs)
    if not inspect.isclass(found) or not all(callable(getattr(found, each, None)) for each in wanted):
        raise InvalidValueError("estimator", f"{path} is no class with {' and '.join(wanted)}")
    return _made(path, found, dict(params or {}))


def _made(path: str, cls: type[Any], params: dict[str, Any]) -> Any:
    known = inspect.signature(cls).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
    for key in params:
        if key not in known and not takes_any:
            raise InvalidValueError(key, f"{path} has no such parameter{did_you_mean(key, known)}")
    try:
        return cls(**params)
    except Exception as error:  # the class is anybody's
        raise InvalidValueError("estimator", f"{path}: {type(error).__name__}: {error}") from None


def path_of(estimator: Any) -> str:
    """Return the import path of an estimator's class; of a pipeline those of its steps, in order."""
    steps = getattr(estimator, "steps", None)
    if steps:
        return " | ".join(path_of(step) for _, step in steps if not isinstance(step, str))
    return f"{type(estimator).__module__}.{type(estimator).__qualname__}"


def describe(estimator: Any) -> dict[str, Any]:
    """Return the parameters of an estimator, and of what it is made of, that are plain values."""
    plain = (bool, int, float, str, type(None))
    given = estimator.get_params(deep=True) if hasattr(estimator, "get_params") else {}
    return {key: value for key, value in sorted(given.items()) if isinstance(value, plain)}


def seeded(estimator: Any, seed: int) -> Any:
    """Return a copy of an estimator, not fitted, in which every random state that is not given has the seed.

    Raises
    ------
    InvalidValueError
        For what is no estimator.
    """
    clone = required("sklearn.base", "scikit-learn").clone
    if inspect.isclass(estimator):
        problem = f"expected an object, got the class {estimator.__name__}: write {estimator.__name__}()"
        raise InvalidValueError("estimator", problem)
    if not (hasattr(estimator, "fit") and hasattr(estimator, "predict") and hasattr(estimator, "get_params")):
        raise InvalidValueError("estimator", f"expected one of scikit-learn's kind, got {estimator!r}")
    fresh = clone(estimator)
    unset = {
        key: seed % 2**32
        for key, value in fresh.get_params(deep=True).items()
        if value is None and key.rpartition("__")[2] == "random_state"
    }
    return fresh.set_params(**unset) if unset else fresh


def is_classifier(estimator: Any) -> bool:
    """Return whether an estimator tells classes apart, as scikit-learn says.

    One that does not derive from scikit-learn's base, of which it knows nothing, is one if it has probabilities.
    """
    base = required("sklearn.base", "scikit-learn")
    try:
        return bool(base.is_classifier(estimator))
    except AttributeError:
        return hasattr(estimator, "predict_proba")


def weight_argument(estimator: Any) -> str | None:
    """Return what ``fit`` calls the weights of samples; None where it takes none."""
    has = required("sklearn.utils.validation", "scikit-learn").has_fit_parameter
    steps = getattr(estimator, "steps", None)
    if steps:
        name, last = steps[-1]
        inner = weight_argument(last)
        return None if inner is None else f"{name}__{inner}"
    return "sample_weight" if has(estimator, "sample_weight") else None


def outputs(name: str, estimator: Any, X: Floats, classes: NDArray[Any] | None) -> Floats:
    """Return what a fitted estimator says: probabilities (n, classes), or values (n,) where there are no classes.

    A class that was not there to be learnt has the probability 0.

    Raises
    ------
    ModelError
        When it raises, or says what is not finite or of another shape.
    """
    method = "predict" if classes is None else "predict_proba"
    try:
        told = np.asarray(getattr(estimator, method)(X), dtype=np.float64)
    except Exception as error:  # the estimator is anybody's
        raise ModelError(name, f"{method} raised {type(error).__name__}: {error}") from error
    if classes is None:
        told = told.reshape(len(X), -1)[:, 0] if told.ndim == 2 and told.shape[1:] == (1,) else told
        expected: tuple[int, ...] = (len(X),)
    else:
        own = np.asarray(getattr(estimator, "classes_", classes))
        if not np.isin(own, classes).all():
            raise ModelError(name, f"tells {own.tolist()} apart, expected the classes {classes.tolist()}")
        expected = (len(X), len(own))
        if told.shape == expected and not np.array_equal(own, classes):
            full = np.zeros((len(X), len(classes)))
            full[:, np.searchsorted(classes, own)] = told
            told, expected = full, full.shape
    if told.shape != expected:
        raise ModelError(name, f"{method} returned an array of {told.shape}, expected {expected}")
    if not np.isfinite(told).all():
        raise ModelError(name, f"{method} returned {told[~np.isfinite(told)][0]}, expected finite numbers")
    if classes is None or not len(told):
        return told
    off = np.abs(told.sum(axis=1) - 1.0) + np.maximum(np.abs(told - 0.5) - 0.5, 0.0).sum(axis=1)
    if off.max() > _ROUNDING:
        raise ModelError(
            name, f"{method} returned {told[off.argmax()].tolist()}, expected probabilities that sum up to 1"
        )
    return np.clip(told, 0.0, 1.0)
