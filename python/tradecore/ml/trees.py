"""Trees of scikit-learn read from a file: nodes that point outside of their arrays are refused.

Scikit-learn follows the indices of a tree without looking, so that a crafted file could have it read foreign memory.
skops therefore does not trust these two types by itself; here they are trusted as far as what they hold was checked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tradecore.ml.extra import required

__all__ = ["TREE_TYPES", "tree_problem"]

TREE_TYPES = (
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)
"""Full names of the types that are checked."""


def tree_problem(estimator: Any) -> str | None:
    """Return what is wrong with the first tree in an estimator that points outside of its arrays."""
    predictor = required("sklearn.ensemble._hist_gradient_boosting.predictor", "scikit-learn").TreePredictor
    tree = required("sklearn.tree._tree", "scikit-learn").Tree
    seen: set[int] = set()
    waiting: list[tuple[Any, int]] = [(estimator, 2**31)]
    while waiting:
        found, width = waiting.pop()
        if id(found) in seen or isinstance(found, (str, bytes, int, float)):
            continue
        seen.add(id(found))
        if isinstance(found, tree):
            inner = (found.children_left, found.children_right, found.feature, found.children_left == -1)
            problem = _problem(*inner, width)
        elif isinstance(found, predictor):
            problem = _predictor_problem(found, width)
        else:
            problem = None
            waiting += [(inner, _width(found, width)) for inner in _inside(found)]
        if problem is not None:
            return problem
    return None


def _width(found: Any, outer: int) -> int:
    """Return how many features reach what is inside of an estimator: what it, and what it lies in, checks them for."""
    own = getattr(found, "__dict__", {}).get("n_features_in_")
    return min(outer, int(own)) if isinstance(own, (int, np.integer)) else outer


def _inside(found: Any) -> list[Any]:
    if isinstance(found, dict):
        return list(found.values())
    if isinstance(found, (list, tuple, set)):
        return list(found)
    if isinstance(found, np.ndarray):
        return list(found.ravel()) if found.dtype == object else []
    return list(getattr(found, "__dict__", {}).values())


def _problem(left: Any, right: Any, feature: Any, leaf: Any, width: int) -> str | None:
    """Look whether every branch leads on to nodes that are there, and asks about a feature that is."""
    rows = np.flatnonzero(~np.asarray(leaf, dtype=np.bool_))
    for child in (left, right):
        to = np.asarray(child)[rows].astype(np.int64)
        if ((to <= rows) | (to >= len(left))).any():
            return "a tree with a branch that leads nowhere"
    asked = np.asarray(feature)[rows].astype(np.int64)
    if ((asked < 0) | (asked >= width)).any():
        return "a tree that asks about a feature there is not"
    return None


def _predictor_problem(found: Any, width: int) -> str | None:
    module = required("sklearn.ensemble._hist_gradient_boosting.common", "scikit-learn")
    nodes, bitsets = found.nodes, found.raw_left_cat_bitsets
    if not isinstance(nodes, np.ndarray) or nodes.dtype != module.PREDICTOR_RECORD_DTYPE or not len(nodes):
        return "a tree of another layout"
    categorical = nodes["is_categorical"].astype(np.bool_) & ~nodes["is_leaf"].astype(np.bool_)
    if categorical.any() and int(nodes["bitset_idx"][categorical].max()) >= len(bitsets):
        return "a tree with categories that are not there"
    return _problem(nodes["left"], nodes["right"], nodes["feature_idx"], nodes["is_leaf"], width)
