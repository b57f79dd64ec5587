"""The report of ``tradecore data check``: a table, JSON, and a picture."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradecore.cli.console import emit, say
from tradecore.cli.rows import rows_of

if TYPE_CHECKING:
    from tradecore._core import Instrument

__all__ = ["check_plot", "draw_survey", "show_check"]

_LEFT_OUT = ("clocks",)
"""What notes say in words."""


def show_check(report: dict[str, Any], *, json: bool) -> None:
    """Print a report: JSON, or a table with a mark at every count that is a problem."""
    from tradecore.data.findings import FAULTS

    if json:
        emit(report)
        return
    shown = {key: value for key, value in report.items() if key not in _LEFT_OUT}
    bad = {rule.count for rule in FAULTS if rule.number(report)} | ({"ok"} if not report["ok"] else set())
    if sys.stdout.isatty():
        _print_table(shown, bad)
        return
    width = max(map(len, shown))
    for key, lines in rows_of(shown):
        mark = "  (a problem)" if key in bad - {"ok"} else ""
        say(f"{key:<{width}}  " + f"\n{'':<{width}}  ".join(lines) + mark)


def _print_table(shown: Mapping[str, Any], bad: set[str]) -> None:
    """Print the rows for a terminal: what is wrong in red, counts of nothing dimmed."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("what", "value", box=None, padding=(0, 2, 0, 0), show_header=False)
    for key, lines in rows_of(shown):
        is_bad = key in bad or (key == "problems" and "ok" in bad)
        style = "bold red" if is_bad else "yellow" if key == "notes" and shown[key] else ""
        quiet = not is_bad and shown[key] in (0, None, [], {}) and not isinstance(shown[key], bool)
        table.add_row(Text(key, "dim" if quiet else style), Text("\n".join(lines), "dim" if quiet else style))
    Console(highlight=False).print(table)


def check_plot(path: Path) -> None:
    """Look whether a picture can be drawn and written, before files are read for it.

    Raises
    ------
    InvalidValueError
        When the name is none of HTML, or matplotlib is not installed.
    """
    import importlib.util

    from tradecore.errors import InvalidValueError
    from tradecore.files import staged

    if path.suffix.lower() not in (".html", ".htm"):
        raise InvalidValueError("--plot", f"{path} does not end in .html")
    if importlib.util.find_spec("matplotlib") is None:
        raise InvalidValueError("--plot", "needs matplotlib, which is not installed: pip install 'tradecore[plot]'")
    with staged(path.parent, path.name):
        pass


def draw_survey(stretches: Mapping[str, Any], report: Mapping[str, Any], instrument: Instrument, path: Path) -> None:
    """Write the picture of a recording as a page of its own."""
    from tradecore.data.pictures import page
    from tradecore.files import staged

    with staged(path.parent, path.name) as folder:
        (folder / path.name).write_text(page(stretches, report, instrument), encoding="utf-8")
