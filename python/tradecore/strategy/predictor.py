"""What a strategy asks when it wants to know what a model makes of what it sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from tradecore.errors import InvalidValueError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tradecore.validation import DurationLike

__all__ = ["Predictor", "check_predictor"]


@runtime_checkable
class Predictor(Protocol):
    """Says what to do from features: a model behind ``ctx.predict``, set as a strategy's ``predictor``.

    What it says has to follow from what it is given, and from what it was given before; in live use it is asked on a
    thread of its own. One that also has a method ``prepare(data, instruments)`` is given the data of a backtest before
    it runs, to work out there what it can for all times at once: only what the answer at each time would have been
    anyway, which :func:`check_lookahead <tradecore.check_lookahead>` holds it to.

    Examples
    --------
    >>> class Imbalance:
    ...     model_id = "imbalance"
    ...     latency = "1ms"
    ...
    ...     def opinion(self, instrument, ts_ns, features):
    ...         imbalance = float(features[0])
    ...         return (1 if imbalance > 0 else -1), min(abs(imbalance), 1.0), imbalance
    >>> isinstance(Imbalance(), Predictor)
    True
    """

    @property
    def model_id(self) -> str:
        """What it is called in signals."""
        ...

    @property
    def latency(self) -> DurationLike:
        """How long an answer takes in a backtest."""
        ...

    def opinion(self, instrument: str, ts_ns: int, features: NDArray[np.float64]) -> tuple[int, float, float]:
        """Return what to do (1 to be long, 0 neither, -1 short), how sure that is (0 to 1), and what it was made from.

        Parameters
        ----------
        instrument : str
            Id of the instrument that was asked about.
        ts_ns : int
            When, ns UTC.
        features : float64 (n,)
            What the strategy saw.

        Raises
        ------
        Exception
            Whatever it likes, if it has nothing to say: there is no signal then, and the record says why.
        """
        ...


def check_predictor(predictor: Any) -> None:
    """See that a strategy's predictor can be asked.

    Raises
    ------
    InvalidValueError
        For a class, for what lacks a part of :class:`Predictor`, and for a ``model_id`` that is no text.
    """
    if isinstance(predictor, type):
        raise InvalidValueError("predictor", f"expected an object, got the class {predictor.__name__}")
    name = type(predictor).__name__
    for part in ("model_id", "latency", "opinion"):
        if not hasattr(predictor, part):
            problem = f"{name} has no {part}: expected model_id, latency and opinion(instrument, ts_ns, features)"
            raise InvalidValueError("predictor", problem)
    if not isinstance(predictor.model_id, str):
        raise InvalidValueError("predictor", f"model_id of {name}: expected text, got {predictor.model_id!r}")
