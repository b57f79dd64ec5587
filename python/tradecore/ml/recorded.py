"""What stands in for a model where its answers are in a journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradecore.errors import ModelError
from tradecore.features import FeatureSet
from tradecore.features.recorded import RecordedFeatures

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["RecordedPredictor"]


class RecordedPredictor:
    """The predictor of a strategy that a journal decides once more: it knows its features and is never asked."""

    model_id = "recorded"
    latency = "0ns"

    def __init__(self, features: RecordedFeatures) -> None:
        self._features = features

    @property
    def feature_set(self) -> FeatureSet:
        """What the model was asked with, to be computed.

        Raises
        ------
        InvalidValueError
            As of :meth:`RecordedFeatures.feature_set`.
        """
        return self._features.feature_set()

    def check_features(self, features: FeatureSet) -> None:
        """See that the model was asked with these.

        Raises
        ------
        InvalidValueError
            With the difference.
        """
        self._features.check(features)

    def opinion(self, instrument: str, ts_ns: int, features: NDArray[np.float64]) -> tuple[int, float, float]:
        """Raise: what was said is in the journal."""
        raise ModelError(self.model_id, f"is asked of {instrument} at {ts_ns}: its answers are in the journal")
