"""Some points of a sweep, run over one pass of the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tradecore.backtest import Backtest
from tradecore.errors import CatalogError, DataError, StrategyError
from tradecore.strategy import Strategy
from tradecore.sweeps.figures import figures
from tradecore.sweeps.points import Parameters, build

__all__ = ["MOST_POINTS", "Bench", "Outcome", "batches", "own_bases"]

MOST_POINTS = 32
"""Points that share a pass at most. The pass is a small part of their time then, and not much is lost with one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a point.

    Attributes
    ----------
    number : int
        Of the point.
    figures : dict, optional
        Its statistics; None if it failed.
    error : str, optional
        What it failed with, on one line.
    traceback : str, optional
        The same in full, as far as there is more to say.
    is_lost : bool
        Whether its process died, so that it may be worth another try.
    """

    number: int
    figures: dict[str, Any] | None = None
    error: str | None = None
    traceback: str | None = None
    is_lost: bool = False


@dataclass(slots=True)
class Bench:
    """All that is needed to run points: the strategy, the data and the settings of their backtests."""

    strategy: type[Strategy]
    points: Sequence[Parameters]
    instruments: tuple[str, ...]
    data: Any
    settings: Mapping[str, Any]
    first: Backtest | None = None
    """The first backtest there was in this process, which knows the data."""

    def check(self, strategies: Sequence[Strategy]) -> None:
        """Raise what a backtest of these strategies would."""
        self.first = Backtest(strategies, self.data, on_error="stop_strategy", **self.settings)

    def backtest(self, strategies: Sequence[Strategy]) -> Backtest:
        """Return a backtest of these strategies."""
        if self.first is None:
            self.check(strategies)
        assert self.first is not None
        return self.first._again(strategies)

    def run(self, numbers: Sequence[int], progress: Callable[[int, int], None] | None = None) -> list[Outcome] | None:
        """Run some points over one pass of the data; None if it was interrupted.

        Points that could not run together run one by one, so that one of them fails alone.

        Raises
        ------
        DataError, CatalogError
            When the data cannot be read, which is no point's fault.
        """
        outcomes: list[Outcome] = []
        strategies: list[Strategy] = []
        built: list[int] = []
        for number in numbers:
            try:
                strategies.append(build(self.strategy, number, self.points[number], self.instruments))
                built.append(number)
            except Exception as error:
                outcomes.append(_failed(number, error))
        if not strategies:
            return outcomes
        try:
            results = self.backtest(strategies)._run_apart(progress)
        except (DataError, CatalogError):
            raise
        except Exception as error:
            if len(built) == 1:
                return [*outcomes, _failed(built[0], error)]
            for number in built:
                alone = self.run([number])
                if alone is None:
                    return None
                outcomes += alone
            return outcomes
        if any(result.interrupted for result in results):
            return None
        for number, result in zip(built, results, strict=True):
            if result.failures:
                ((name, traceback),) = result.failures.items()
                failure = StrategyError(name, traceback)
                outcomes.append(Outcome(number, error=failure.problem, traceback=failure.own_traceback))
            else:
                outcomes.append(Outcome(number, figures(result)))
        return outcomes


def _failed(number: int, error: Exception) -> Outcome:
    import traceback

    text = " ".join(str(error).split())
    name = type(error).__name__
    return Outcome(
        number, error=f"{name}: {text}" if text else name, traceback="".join(traceback.format_exception(error))
    )


def batches(numbers: Sequence[int], workers: int) -> list[list[int]]:
    """Divide points among workers: as many as the workers or a multiple of it, alike in size.

    Points that lie side by side take about the same time, so each gets some from everywhere.
    """
    if not numbers:
        return []
    each = -(-len(numbers) // (workers * MOST_POINTS))
    count = min(len(numbers), workers * each)
    return [list(numbers[start::count]) for start in range(count)]


def own_bases(strategy: type[Strategy]) -> list[type]:
    """Return a strategy's classes that tradecore does not have."""
    return [base for base in strategy.__mro__ if base is not object and base.__module__.split(".")[0] != "tradecore"]
