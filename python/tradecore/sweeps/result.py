"""What a sweep leaves behind."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tradecore.errors import InvalidValueError, RunError, RunInterrupted
from tradecore.sweeps.heatmap import draw_heatmap

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes

__all__ = ["Point", "Sweep", "SweepInterrupted"]

_SHOWN = 6
_ERRORS = 3
_WIDTH = 160
"""Statistics, errors and columns of characters in the text of a sweep; the frame has all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One set of parameters and what came of it.

    Attributes
    ----------
    number : int
        Its place in the sweep, from 0.
    parameters : dict
        As they were given: ``Maker("m", instruments, **point.parameters)`` is the strategy.
    figures : dict
        Its statistics by name; empty if it failed.
    error : str or None
        What it failed with, on one line.
    traceback : str or None
        The same in full.
    """

    number: int
    parameters: dict[str, Any]
    figures: dict[str, Any]
    error: str | None = None
    traceback: str | None = None


class Sweep:
    """The points of a sweep that are done, in their order. Print it for an overview; ``frame`` has everything.

    Attributes
    ----------
    strategy : str
        Name of the class.
    points : list of Point
        Those that are done.
    total : int
        How many there were to be.
    interrupted : bool
        Whether some of them were not run.
    wall_s : float
        Seconds it took.

    Examples
    --------
    ::

        sweep = tc.sweep(Maker, "market", {"ticks": [1, 2, 3]})
        print(sweep.frame, sweep.best("net_pnl").parameters)
    """

    def __init__(
        self, strategy: str, names: Sequence[str], points: Sequence[Point], *, total: int, wall_s: float
    ) -> None:
        self.strategy = strategy
        self.points = list(points)
        self.total = total
        self.interrupted = len(self.points) < total
        self.wall_s = wall_s
        self._names = list(names)

    @property
    def parameters(self) -> list[str]:
        """Names of the parameters that were tried."""
        return list(self._names)

    @property
    def statistics(self) -> list[str]:
        """Names of the statistics."""
        return list(dict.fromkeys(name for point in self.points for name in point.figures))

    @property
    def failures(self) -> dict[int, str]:
        """Tracebacks of the points that failed, by number."""
        return {point.number: point.traceback or point.error for point in self.points if point.error is not None}

    @cached_property
    def frame(self) -> pl.DataFrame:
        """One row a point: its number, the parameters, the statistics, and the error or null.

        A parameter that is called as one of the other columns has a name that says which it is.
        """
        import polars as pl

        columns: dict[str, list[Any]] = {"point": [point.number for point in self.points]}
        for name in self._names:
            key = name if name not in ("point", "error") else f"{name}_parameter"
            columns[key] = [point.parameters.get(name) for point in self.points]
        for name in self.statistics:
            key = name if name not in columns else f"{name}_of_run"
            columns[key] = [point.figures.get(name) for point in self.points]
        columns["error"] = [point.error for point in self.points]
        return pl.DataFrame([_series(name, values) for name, values in columns.items()])

    def best(self, statistic: str = "net_pnl", *, minimise: bool = False) -> Point:
        """Return the point with the largest (or smallest) value of a statistic, the first of several.

        Parameters
        ----------
        statistic : str
            One of :attr:`statistics`.
        minimise : bool
            Whether less is better, as for ``max_drawdown``.

        Raises
        ------
        InvalidValueError
            For an unknown statistic.
        RunError
            When no point has one.
        """
        if self.statistics:
            self._check_statistic("statistic", statistic)
        known = [point for point in self.points if _is_number(point.figures.get(statistic))]
        if not known:
            raise RunError(f"no point has a {statistic}")
        key = (lambda point: -point.figures[statistic]) if minimise else lambda point: point.figures[statistic]
        return max(known, key=key)

    def heatmap(self, x: str, y: str, *, value: str = "net_pnl", ax: Axes | None = None) -> Axes:
        """Draw a statistic over two parameters: the mean over all others.

        Parameters
        ----------
        x, y : str
            Parameters: along the bottom, and up.
        value : str
            The statistic.
        ax : matplotlib Axes, optional
            Where to draw; a new figure if not given.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        InvalidValueError
            For an unknown parameter or statistic.
        RunError
            When matplotlib is not there: it comes with ``pip install tradecore[plot]``.
        """
        for argument, name in (("x", x), ("y", y)):
            if name not in self._names:
                raise InvalidValueError(argument, f"{name!r} is none of the parameters: {', '.join(self._names)}")
        self._check_statistic("value", value)
        cells: dict[tuple[str, str], list[float]] = {}
        axes: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        for point in self.points:
            given = [point.parameters.get(name) for name in (x, y)]
            for axis, one in zip(axes, given, strict=True):
                axis.setdefault(repr(one), one)
            if _is_number(point.figures.get(value)):
                cells.setdefault((repr(given[0]), repr(given[1])), []).append(point.figures[value])

        def mean(key: tuple[str, str]) -> float | None:
            return sum(cells[key]) / len(cells[key]) if key in cells else None

        across, up = axes
        table = [[mean((one, other)) for one in across] for other in up]
        are_alone = all(len(numbers) == 1 for numbers in cells.values())
        title = value if are_alone else f"{value}, mean"
        return draw_heatmap(ax, (x, y), (list(across.values()), list(up.values())), table, title)

    def _check_statistic(self, argument: str, name: str) -> None:
        numbers = [key for key in self.statistics if any(_is_number(point.figures.get(key)) for point in self.points)]
        if name not in self.statistics:
            raise InvalidValueError(argument, f"{name!r} is none of them: {', '.join(numbers) or 'no point has any'}")

    def _head(self) -> str:
        failed = len(self.failures)
        count = f"{len(self.points):,} of {self.total:,} points" if self.interrupted else f"{self.total:,} points"
        parts = [f"{count} of {self.strategy}", f"{self.wall_s:.2f} s"]
        if failed:
            parts.insert(1, f"{failed:,} failed")
        if self.interrupted:
            parts.append("interrupted")
        return ", ".join(parts)

    def _best_line(self) -> str | None:
        try:
            best = self.best()
        except (InvalidValueError, RunError):
            return None
        at = ", ".join(f"{name}={value!r}" for name, value in best.parameters.items())
        return f"best net_pnl {best.figures['net_pnl']:,.6g} at point {best.number}: {at}"

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        return f"<Sweep {self._head()}>"

    def __str__(self) -> str:
        import polars as pl

        lines = [self._head(), *filter(None, [self._best_line()])]
        shown = ["point", *self._names, *self.statistics[:_SHOWN]]
        table = self.frame.select([name for name in shown if name in self.frame.columns])
        with pl.Config(
            tbl_cols=len(shown), tbl_width_chars=_WIDTH, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True
        ):
            lines.append(str(table))
        failed = [point for point in self.points if point.error is not None]
        lines += [f"point {point.number} failed: {point.error}" for point in failed[:_ERRORS]]
        if len(failed) > _ERRORS:
            lines.append(f"... and {len(failed) - _ERRORS:,} others: see frame, failures")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        lines = [self._head(), *filter(None, [self._best_line()])]
        head = "".join(f"<div>{html.escape(line)}</div>" for line in lines)
        return head + self.frame.drop("digest", strict=False)._repr_html_()


class SweepInterrupted(RunInterrupted):
    """Ctrl-C ended a sweep.

    Attributes
    ----------
    result : Sweep
        The points that were done.
    """

    def __init__(self, result: Sweep) -> None:
        super().__init__(result)
        done = f"{len(result):,} of {result.total:,} points"
        self.args = (f"the sweep was interrupted; the {done} that were done are in .result",)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _series(name: str, values: list[Any]) -> pl.Series:
    """Return a column of one type: what is mixed, or nothing a frame has a type for, as text."""
    import polars as pl

    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return pl.Series(name, values, dtype=pl.String if name == "error" else pl.Null)
    if kinds == {int, float}:
        return pl.Series(name, [None if value is None else float(value) for value in values])
    if len(kinds) == 1 and kinds <= {bool, int, float, str, Decimal}:
        return pl.Series(name, values)
    return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)
