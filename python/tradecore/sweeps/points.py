"""The points of a sweep: sets of parameters, from a grid or one by one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from tradecore.errors import HookError, InvalidValueError, TradecoreError
from tradecore.strategies.compiled import CompiledStrategy
from tradecore.strategy import Strategy

__all__ = ["Grid", "Parameters", "build", "checked", "describe", "list_points", "names_of"]

Parameters: TypeAlias = Mapping[str, Any]
"""One point: parameters of the strategy by name."""

Grid: TypeAlias = "Mapping[str, Any] | Sequence[Parameters]"
"""Values by name, of which every combination is a point; or the points themselves."""

_MOST = 1_000_000
"""Points of a grid; more is a slip."""


def checked(strategy: type[Strategy], points: Sequence[Parameters], instruments: Sequence[str]) -> dict[int, Strategy]:
    """Build the strategy of every point, and return those to check the settings of backtests with, by number.

    These are all compiled ones, whose parameters have to fit an instrument, else the first. What else than a refusal a
    strategy raises is its own: the point fails when it is run.

    Raises
    ------
    InvalidValueError
        For what is no strategy, and for the first point whose parameters the strategy refuses.
    """
    if not (isinstance(strategy, type) and issubclass(strategy, Strategy)):
        raise InvalidValueError("strategy", f"expected a class of strategies, such as TouchMaker, got {strategy!r}")
    made: dict[int, Strategy] = {}
    for number, point in enumerate(points):
        try:
            built = build(strategy, number, point, instruments)
        except HookError:
            raise
        except InvalidValueError as error:
            raise InvalidValueError(error.field, f"{error.problem} ({describe(number, points)})") from None
        except TradecoreError:
            raise
        except Exception:
            continue
        if not made or isinstance(built, CompiledStrategy):
            made[number] = built
    return made


def describe(number: int, points: Sequence[Parameters]) -> str:
    """Say which point it is."""
    return f"point {number}: {', '.join(f'{name}={value!r}' for name, value in points[number].items())}"


def build(strategy: type[Strategy], number: int, point: Parameters, instruments: Sequence[str]) -> Strategy:
    """Return the strategy of a point."""
    return strategy(f"{strategy.__name__}_{number}", instruments, **point)


def names_of(points: Sequence[Parameters]) -> list[str]:
    """Names of all parameters that a point has, in order of appearance."""
    return list(dict.fromkeys(name for point in points for name in point))


def list_points(grid: Grid) -> list[dict[str, Any]]:
    """Return the points of a grid in their order, the last name varying fastest.

    Raises
    ------
    InvalidValueError
        For what is no grid, and for one without a point.
    """
    if isinstance(grid, Mapping):
        count = math.prod(_count(values) for values in grid.values())
        if count > _MOST:
            raise InvalidValueError("grid", f"has {count:,} points, more than {_MOST:,}")
        axes = {_name(name): _values(values) for name, values in grid.items()}
        if empty := [name for name, values in axes.items() if not values]:
            raise InvalidValueError(empty[0], "has no value to try")
        return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    if isinstance(grid, str) or not isinstance(grid, Sequence):
        raise InvalidValueError(
            "grid", f'expected values by name, such as {{"ticks": [1, 2]}}, or a list of points, got {grid!r}'
        )
    if not grid:
        raise InvalidValueError("grid", "has no points")
    for number, point in enumerate(grid):
        if not isinstance(point, Mapping):
            raise InvalidValueError(f"grid.{number}", f"expected parameters by name, got {point!r}")
    return [{_name(name): _plain(value) for name, value in point.items()} for point in grid]


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise InvalidValueError("grid", f"expected names of parameters, got {name!r}")
    return name


def _count(given: Any) -> int:
    """Return how many values an axis has, before any is made."""
    if isinstance(given, range):  # its len() ends where an index of the machine does
        return max(0, -(-(given.stop - given.start) // given.step))
    is_array = hasattr(given, "tolist") and getattr(given, "ndim", 1) == 1
    return len(given) if is_array or hasattr(given, "to_list") or isinstance(given, list | tuple) else 1


def _values(given: Any) -> list[Any]:
    """Return the values of an axis: those of a list, tuple, range or array; anything else is one value for all."""
    if hasattr(given, "tolist") and getattr(given, "ndim", 1) == 1:  # an array
        return list(given.tolist())
    if hasattr(given, "to_list"):  # a series
        return list(given.to_list())
    if isinstance(given, list | tuple | range):
        return [_plain(value) for value in given]
    return [_plain(given)]


def _plain(value: Any) -> Any:
    """Return a number of numpy as one of Python; anything else as it is."""
    return (
        value.item() if hasattr(value, "item") and hasattr(value, "dtype") and not getattr(value, "ndim", 0) else value
    )
