"""A picture of one statistic over two parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tradecore.errors import RunError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_heatmap"]

_MOST_NUMBERS = 100
"""Cells with a number in each; with more they would not be read."""


def draw_heatmap(
    axes: Axes | None,
    names: tuple[str, str],
    values: tuple[Sequence[Any], Sequence[Any]],
    cells: Sequence[Sequence[float | None]],
    title: str,
) -> Axes:
    """Draw a table of numbers, the first parameter along the bottom; None is left blank.

    Raises
    ------
    RunError
        When matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise RunError("a heat map needs matplotlib: pip install 'tradecore[plot]'") from None
    across, up = values
    if axes is None:
        size = (1.6 + 0.7 * max(4, len(across)), 1.2 + 0.45 * max(4, len(up)))
        axes = _figure(Figure, size).subplots()
    numbers = [[math.nan if cell is None else cell for cell in row] for row in cells]
    image = axes.imshow(numbers, aspect="auto", origin="lower", cmap="viridis")
    axes.set_xticks(range(len(across)), [str(value) for value in across])
    axes.set_yticks(range(len(up)), [str(value) for value in up])
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    axes.set_title(title)
    known = [number for row in numbers for number in row if not math.isnan(number)]
    if known and len(across) * len(up) <= _MOST_NUMBERS:
        low, high = min(known), max(known)
        for y, row in enumerate(numbers):
            for x, number in enumerate(row):
                if not math.isnan(number):
                    dark = number - low < 0.6 * (high - low)
                    axes.text(x, y, f"{number:.4g}", ha="center", va="center", color="w" if dark else "k", fontsize=8)
    figure = axes.get_figure()
    assert figure is not None
    figure.colorbar(image, ax=axes, label=title)
    return axes


def _figure(plain: Any, size: tuple[float, float]) -> Any:
    """Return a figure that a notebook shows by itself, where pyplot is in use; else one of its own."""
    import sys

    if "matplotlib.pyplot" in sys.modules:
        return sys.modules["matplotlib.pyplot"].figure(figsize=size, layout="constrained")
    return plain(figsize=size, layout="constrained")
