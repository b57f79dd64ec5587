"""Features of a market: named sets, computed over catalogs, by hand and in strategies with the same values.

A :class:`FeatureSet` says which. :func:`compute` makes a table of a catalog or of event arrays, ``ctx.features`` gives
a strategy what is known in a hook, and :class:`FeatureEngine` is fed by hand. :func:`available` lists what there is.
:class:`FeatureComputer` makes a plain vector of bars.

What is not known is NaN: before a window is full, without the side of a book it takes, after a gap. Nothing is filled.
"""

from tradecore._core import FeatureBook, FeatureEngine, FeatureVector, fit_microprice
from tradecore.features.computer import FeatureComputer
from tradecore.features.sets import FeatureSet, available
from tradecore.features.tables import compute

__all__ = [
    "FeatureBook",
    "FeatureComputer",
    "FeatureEngine",
    "FeatureSet",
    "FeatureVector",
    "available",
    "compute",
    "fit_microprice",
]
