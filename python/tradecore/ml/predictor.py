"""From what a model says to what is done: probabilities or a return become an action and how sure it is."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

from tradecore.data.catalog import Catalog
from tradecore.data.windows import span_of
from tradecore.errors import InvalidValueError, ModelError
from tradecore.features import FeatureSet, compute
from tradecore.ml.columns import finite_number
from tradecore.ml.prediction import LoadedModel
from tradecore.validation import DurationLike, to_ns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tradecore._core import Instrument

__all__ = ["ModelPredictor", "Scores"]

_Opinion = tuple[int, float, float]
_TRIED = 64
"""Rows by which a model is tried."""


class Scores(Protocol):
    """A model as a predictor asks it; a :class:`LoadedModel` is one."""

    @property
    def id(self) -> str:
        """What it is called in signals."""
        ...

    @property
    def class_values(self) -> NDArray[np.float64] | None:
        """What each class says of the direction, from -1 to 1; None for a model that gives a return."""
        ...

    def predict(self, x: NDArray[np.float64]) -> Any:
        """Return probabilities float64 (n, classes), or returns float64 (n,), of features float64 (n, m)."""
        ...


class ModelPredictor:
    """A model as the :class:`Predictor <tradecore.strategy.Predictor>` of a strategy.

    The value of a signal is the probability of up less that of down, or the expected return. From ``buy_above`` on it
    is a buy, from ``sell_below`` on a sell, and hold between. Once it is a buy or a sell it stays one until the value
    has come back by more than the hold band, so that a value on the edge does not trade to and fro. A model of
    meta-labels says whether the bet pays that one of its features makes: its value has that feature's sign, and is 0
    where the bet is likelier not to pay. The confidence is
    the probability of what is done; for a return, the value over itself plus the threshold: a half on the threshold.

    Parameters
    ----------
    model : Scores
        Mostly what :func:`load_model <tradecore.ml.load_model>` returned.
    buy_above : float
        The least value of a buy: a difference of probabilities from 0 to 1, or a return.
    sell_below : float, optional
        The largest value of a sell; ``-buy_above`` if not given.
    hold_band : float
        How far a value may come back from the threshold.
    latency : duration
        How long an answer takes in a backtest.
    features : FeatureSet, optional
        What it is asked with. With ``every``, a backtest has the model answer for the whole data at once, before it
        runs: the same opinions sooner, for what was worked out is looked up by the features themselves.
    every : duration, optional
        How often it will be asked, on the grid of the clock.
    inside_training : bool
        Whether a backtest may touch the span that the model was trained on.

    Raises
    ------
    InvalidValueError
        For what is no model, and thresholds that are no numbers or the wrong way round.
    ModelError
        For features other than those that the model was trained on.

    Examples
    --------
    >>> import numpy as np
    >>> class Coin:
    ...     id, class_values = "coin", np.array([-1.0, 1.0])
    ...
    ...     def predict(self, x):
    ...         return np.tile([0.3, 0.7], (len(x), 1))
    >>> action, confidence, value = tc.ml.ModelPredictor(Coin(), buy_above=0.2).opinion("BTC", 0, np.zeros(2))
    >>> action, confidence, round(value, 6)
    (1, 0.7, 0.4)
    """

    def __init__(
        self,
        model: Scores,
        *,
        buy_above: float = 0.0,
        sell_below: float | None = None,
        hold_band: float = 0.0,
        latency: DurationLike = "1ms",
        features: FeatureSet | None = None,
        every: DurationLike | None = None,
        inside_training: bool = False,
    ) -> None:
        if not all(hasattr(model, part) for part in ("id", "class_values", "predict")):
            raise InvalidValueError("model", f"expected what load_model returned, got {reprlib.repr(model)}")
        self.model = model
        self.model_id = model.id
        self.latency = to_ns("latency", latency)
        self.buy_above = finite_number("buy_above", buy_above)
        self.sell_below = -self.buy_above if sell_below is None else finite_number("sell_below", sell_below)
        self.hold_band = finite_number("hold_band", hold_band)
        if self.sell_below > self.buy_above:
            raise InvalidValueError("sell_below", f"{self.sell_below} is above buy_above {self.buy_above}")
        if self.hold_band < 0:
            raise InvalidValueError("hold_band", f"{self.hold_band} is negative")
        self._features = features
        if features is not None:
            self.check_features(features)
        self._inside_training = inside_training
        self._every = None if every is None else to_ns("every", every)
        self._directions = None if model.class_values is None else model.class_values.tolist()
        if self._directions and not min(self._directions) < 0 < max(self._directions):
            problem = f"expected a model that tells up from down, got one of {self._directions}"
            raise InvalidValueError("model", problem)
        self._side: int | None = None
        if isinstance(model, LoadedModel) and model.side is not None:
            self._side = model.features.index(model.side)
        self._last: dict[str, int] = {}
        self._resumed: dict[str, int] = {}
        self._known: dict[bytes, tuple[float, float, float]] = {}

    @property
    def feature_set(self) -> FeatureSet | None:
        """What it is asked with: the features given, or those in the model's file; None where neither says so."""
        if self._features is None and isinstance(self.model, LoadedModel):
            return self.model.feature_set
        return self._features

    def check_features(self, features: FeatureSet) -> None:
        """See that the model was trained on features; of a model without a file nothing is known.

        Raises
        ------
        ModelError
            With the difference; see :meth:`LoadedModel.check_features`.
        """
        if isinstance(self.model, LoadedModel):
            self.model.check_features(features)

    def resume(self, instrument: str, action: int) -> None:
        """Take the signal that holds for what was said last, until something is said here: after a restart it is."""
        if instrument not in self._last:
            self._resumed[instrument] = action

    def opinion(self, instrument: str, ts_ns: int, features: NDArray[np.float64]) -> _Opinion:
        """Return what to do, how sure that is, and the value it was made from.

        Raises
        ------
        ModelError
            When the model has nothing to say.
        """
        known = self._known.get(_key(features)) if self._known else None
        if known is None:
            (known,) = self._scored(features[None, :])
        return self._decided(instrument, *known)

    def prepare(self, data: Any, instruments: Sequence[Instrument]) -> None:
        """Begin a backtest: forget what was done before, and work out what the model will say, where it is known.

        Only features are looked at that the strategy will see, each as it will be then: nothing of this looks ahead.

        Raises
        ------
        ModelError
            When the data touches the span that the model was trained on.
        """
        self._last.clear()
        self._resumed.clear()
        for instrument in instruments:
            events = data if isinstance(data, Catalog) else data[instrument.id]
            if isinstance(self.model, LoadedModel) and (span := span_of(events, instrument.id)) is not None:
                self.model.check_span(*span, allow_overlap=self._inside_training)
            if self._features is not None and self._every is not None:
                frame = compute(events, instrument, self._features, self._every, progress=False)
                self.learn(frame.select(self._features.names).to_numpy())

    def learn(self, features: NDArray[np.float64]) -> int:
        """Work out beforehand what the model says to these features, float64 (n, m), and return for how many rows.

        A model may say something else, in the last digit, to many rows at once than to each by itself: linear ones do.
        Such a model, as 64 rows tell, is asked one by one when its time comes.
        """
        import numpy as np

        ready = np.ascontiguousarray(features[np.isfinite(features).all(axis=1)])
        if not len(ready):
            return 0
        scored = self._scored(ready)
        for row in np.linspace(0, len(ready) - 1, min(len(ready), _TRIED)).astype(int):
            if self._scored(ready[row : row + 1]) != [scored[row]]:
                return 0
        self._known.update((_key(row), said) for row, said in zip(ready, scored, strict=True))
        return len(ready)

    def _scored(self, features: NDArray[np.float64]) -> list[tuple[float, float, float]]:
        """Return value, confidence of up and confidence of down, of each row."""
        said = self.model.predict(features).tolist()
        if self._directions is None:
            up, down = self.buy_above, -self.sell_below
            return [(value, _sureness(value, up), _sureness(-value, down)) for value in said]
        summed = [self._summed(row) for row in said]
        if self._side is None:
            return summed
        return [_bet(way, *row) for way, row in zip(features[:, self._side].tolist(), summed, strict=True)]

    def _summed(self, probabilities: list[float]) -> tuple[float, float, float]:
        value = up = down = 0.0
        for probability, direction in zip(probabilities, self._directions or (), strict=True):
            value += probability * direction
            if direction > 0:
                up += probability
            elif direction < 0:
                down += probability
        return value, min(up, 1.0), min(down, 1.0)

    def _decided(self, instrument: str, value: float, up: float, down: float) -> _Opinion:
        if math.isnan(value):
            raise ModelError(self.model_id, "a feature is not finite: there is nothing to say")
        last = self._last.get(instrument, self._resumed.get(instrument, 0))
        if value >= self.buy_above + (-self.hold_band if last > 0 else 0.0) and value > self.sell_below:
            action = 1
        elif value <= self.sell_below + (self.hold_band if last < 0 else 0.0) and value < self.buy_above:
            action = -1
        else:
            action = 0
        self._last[instrument] = action
        held = 1.0 - max(up, down) if self._directions is None else max(0.0, 1.0 - up - down)
        return action, (up if action > 0 else down if action < 0 else held), value


def _bet(way: float, value: float, pays: float, _: float) -> tuple[float, float, float]:
    """Return value and confidences of a bet that pays or not: one that does not is none the other way."""
    sign = (way > 0) - (way < 0)
    return sign * max(value, 0.0), pays if sign > 0 else 0.0, pays if sign < 0 else 0.0


def _sureness(value: float, threshold: float) -> float:
    """Return how sure a return is: a half on its threshold, more beyond it."""
    if value <= 0:
        return 0.0
    return value / (value + threshold) if threshold > 0 else 1.0


def _key(features: NDArray[np.float64]) -> bytes:
    return blake2b(features.tobytes(), digest_size=16).digest()
