"""What a strategy that fails ends, and how that is said."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from tradecore.errors import InvalidValueError, StrategyError, StrategyWarning, VenueModelError

if TYPE_CHECKING:
    from tradecore.backtest.result import Result
    from tradecore.strategy import Strategy

__all__ = ["failure", "failures_of", "model_failure", "stops_run", "warn_of"]


def stops_run(on_error: str | None, strategies: Sequence[Strategy]) -> bool:
    """Whether a strategy that fails ends the run: if not said, where it is the only one.

    Raises
    ------
    InvalidValueError
        For what is neither ``stop_strategy`` nor ``stop_run``.
    """
    if on_error not in ("stop_strategy", "stop_run", None):
        raise InvalidValueError("on_error", f"{on_error!r} is not stop_strategy or stop_run")
    return len(strategies) == 1 if on_error is None else on_error == "stop_run"


def failure(result: Result) -> StrategyError:
    """Return the error of a run that its strategy ended; the strategy's traceback is shown below the message."""
    error = StrategyError.first_of(result.failures)
    error.result = result
    error.add_note(f"\n{error.own_traceback.rstrip()}")
    return error


def failures_of(result: Result) -> Iterator[StrategyError | VenueModelError]:
    """Return what failed: the model of a venue by which all strategies did, else each strategy that failed."""
    if result.model_failure is not None:
        yield model_failure(result)
        return
    for name, traceback in result.failures.items():
        yield StrategyError(name, traceback)


def model_failure(result: Result) -> VenueModelError:
    """Return the error of a run that a model of a venue ended; the model's traceback is shown below the message."""
    assert result.model_failure is not None
    error = VenueModelError(*result.model_failure)
    error.result = result
    if error.own_traceback != error.problem:
        error.add_note(f"\n{error.own_traceback.rstrip()}")
    return error


def warn_of(failures: Mapping[str, str], stacklevel: int) -> None:
    """Warn of each strategy that failed while others went on."""
    for name, traceback in failures.items():
        error = StrategyError(name, traceback)
        text = f"{error}\n\n{error.own_traceback.rstrip()}\n\nThe others went on; see the result's failures."
        warnings.warn(text, StrategyWarning, stacklevel=stacklevel + 1)
